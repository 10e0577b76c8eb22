"""Whether a source is still the storage that was crawled: another one under its name would look like one that lost everything."""

from __future__ import annotations

from catalog.errors import SourceError
from catalog.store import Store
from catalog.store.manifest import Manifest
from crawler.source import Source, head_of

WITNESSES = 5


class AnotherStorage(SourceError):
    """What answers now holds nothing of what was crawled, and nobody said that it is the same."""

    def __init__(self, source: str, before: str, now: str) -> None:
        super().__init__(
            f"{source} was crawled at {before}, and {now} holds nothing of it. If it is the same storage, emptied: modeldex "
            f"crawl {source} --accept. If it is another one, give it a name of its own: s3://STORAGE@BUCKET"
        )


def check_same_storage(store: Store, source: Source, manifest: Manifest, *, accepted: bool) -> None:
    """Notes where the source answers. Raises AnotherStorage if that is elsewhere than before, and what is known of the source
    is not there; SourceError if storage does not answer.
    """
    endpoint = getattr(source, "endpoint", None)
    if endpoint is None:
        return
    before = store.sources.endpoint(source.id)
    if before == endpoint:
        return
    if before is not None and not accepted and not _is_there(source, manifest):
        raise AnotherStorage(source.uri, before, endpoint)
    store.sources.answers_at(source.id, endpoint)


def _is_there(source: Source, manifest: Manifest) -> bool:
    """Whether any of some objects that are known is there as it was; nothing speaks against a source of which none is."""
    keys = manifest.some_keys(WITNESSES)
    known = manifest.entries(keys)
    return not keys or any(
        meta is not None and meta.change_token == known[key].object.change_token
        for key in keys
        for meta in [head_of(source, key)]
    )
