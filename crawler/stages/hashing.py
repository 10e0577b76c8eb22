"""The part of a crawl that hashes: every weights file whose bytes nothing vouches for yet, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from catalog.contracts import only_errors
from catalog.errors import ObjectUnreadable, SourceError, described
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import Member, ObjectKey
from catalog.store.entries import outlined
from catalog.store.leases import Lease
from catalog.store.manifest import Manifest
from crawler.hashing import Hashes, hash_file, lacks_hashes
from crawler.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One file hashed, or the reason why it could not be. `bytes_read` is 0 for a further name of the same file."""

    key: ObjectKey
    bytes_read: int = 0
    error: SourceError | None = None


def hash_weights(
    source: Source, manifest: Manifest, members: Iterable[Member], *, lease: Lease
) -> Iterator[Step]:
    """Hashes what lacks it and notes it in the manifest; hard links are read once. An error costs its file alone."""
    known: dict[tuple[str, str], Hashes] = {}
    for member in members:
        if not lacks_hashes(member):
            continue
        meta = member.object
        place = (meta.file_identity or f"key:{meta.key}", meta.change_token)
        fresh = place not in known
        try:
            if fresh:
                format_ = member.extraction.format if member.extraction else None
                with only_errors():
                    known[place] = hash_file(meta, partial(source.read, meta), format=format_)
        except SourceError as error:
            yield Step(key=meta.key, error=error)
            continue
        except Exception as error:  # noqa: BLE001 - whatever a stranger's source raises costs this file alone
            failure = ObjectUnreadable(meta.key, described(error))
            yield Step(key=meta.key, error=failure)
            continue
        _note(manifest, meta.key, known[place], lease)
        yield Step(key=meta.key, bytes_read=meta.size_bytes if fresh else 0)


def _note(manifest: Manifest, key: ObjectKey, hashes: Hashes, lease: Lease) -> None:
    entry = manifest.entries([key])[key]
    extraction = manifest.extractions([key]).get(key)
    entry = replace(entry, object=replace(entry.object, sha256=hashes.sha256))
    if extraction is not None and entry.outline is not None:
        extraction = replace(extraction, tensors_digest=hashes.tensors)
        entry = replace(entry, outline=outlined(extraction))
    manifest.put([(entry, extraction)], lease=lease)
