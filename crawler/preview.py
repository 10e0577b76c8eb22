"""What a crawl would do: the source is listed and compared with the manifest, nothing is read or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from catalog.errors import ObjectUnreadable, SourceError
from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey, ObjectMeta, display_key
from catalog.store.documents import LIVE
from catalog.store.sightings import Sightings
from catalog.store.store import Store
from crawler.registry import Registry
from crawler.source import Source, listing
from crawler.stages.judging import Scopes
from crawler.stages.reading import absent_and_hidden, batches, is_as_left, is_current
from crawler.stages.verdicts import are_too_many


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Files that a crawl would read or miss. `models_absent` are models with such a file, at least those that go missing."""

    new: int
    changed: int
    unchanged: int
    absent: int
    models_absent: int
    may_be_held: bool
    failed_scopes: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """The counts, for a person."""
        parts = [f"{self.new:,} new", f"{self.changed:,} changed", f"{self.unchanged:,} unchanged"]
        text = f"{self.new + self.changed:,} files would be read: {', '.join(parts)}."
        if self.absent:
            text += f" {self.absent:,} files of {self.models_absent:,} models are no longer there."
        if self.may_be_held:
            text += " So many may be held until a person accepts it."
        return text


def preview(store: Store, source: Source, registry: Registry) -> Preview:
    """Raises SourceError if the root cannot be listed."""
    manifest, scopes, counts = store.manifest(source.id), Scopes(), Counter[str]()
    with manifest.sightings() as seen:
        for batch in batches(_steps(source, scopes)):
            seen.add(meta.key for meta in batch)
            known = manifest.standings([meta.key for meta in batch])
            for meta in batch:
                before = known.get(meta.key)
                is_known = before is not None and before.state == LIVE
                same = is_current(meta, before, registry) or (before is not None and is_as_left(meta, before))
                counts["unchanged" if same else "changed" if is_known else "new"] += 1
        absent = _absent(seen, scopes)
        is_emptied = not seen.count() and bool(absent)
    models = len(store.records.models_of(source.id, absent))
    live = store.records.standing(source.id)[LIVE]
    return Preview(
        new=counts["new"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        absent=len(absent),
        models_absent=models,
        may_be_held=are_too_many(models, live) or (is_emptied and bool(models)),
        failed_scopes=tuple((display_key(scope), reason) for scope, reason in scopes.failed),
    )


def _absent(seen: Sightings, scopes: Scopes) -> list[ObjectKey]:
    absent, _ = absent_and_hidden(seen.unseen(), scopes)
    return list(absent)


def _steps(source: Source, scopes: Scopes) -> Iterator[tuple[ObjectMeta, ...]]:
    try:
        for step in listing(source):
            if step.error is not None:
                scopes.failed_with(step.scope, str(step.error))
            elif step.complete:
                scopes.ended(step.scope)
            yield step.objects
    except ObjectUnreadable:
        raise  # the root itself
    except SourceError as error:
        scopes.broke_off(str(error))
