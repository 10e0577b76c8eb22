"""Directories of this machine that are watched: what changes in them is an event like those that storages send.

The kernel tells of changes that this machine makes; those of other machines on a shared file system it does not see, and it
drops some where there are very many. A crawl by schedule stays necessary.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from catalog.errors import PluginUnavailable
from catalog.lazy_dataclasses import dataclass, field
from catalog.records.objects import ObjectKey, SourceId
from catalog.records.sources import SourceRow
from catalog.store import Store
from crawler.addresses import LOCAL, local_path, scheme_of
from crawler.event_bodies import Hint
from crawler.event_inbox import note_hints
from crawler.unfinished import are_of_another_program, is_inside_git, is_unfinished

CHANGES = frozenset({"created", "modified", "moved", "deleted", "closed"})
"""What is told beside these is that somebody looked at a file."""
MOST_WAITING = 10_000
"""Of one source. Where more changed at once, a crawl is cheaper, and tells what the kernel may have dropped."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Root:
    """A directory that is watched, and what changed in it."""

    path: str
    watch: Any
    keys: set[ObjectKey] = field(default_factory=set)
    needs_crawl: bool = False


class DirectoryWatch:
    """Watches the directories of local sources, those of `without` left out. Raises PluginUnavailable without its library."""

    def __init__(self, *, without: Iterable[Path] = ()) -> None:
        try:
            from watchdog.observers import Observer  # noqa: PLC0415 - an extra
        except ImportError as error:
            hint = "install it with: pip install 'modeldex[watch]'"
            raise PluginUnavailable("source", "watchdog", hint) from error
        self._observer: Any = Observer()
        self._without = tuple(f"{os.path.realpath(path)}{os.sep}" for path in without)
        self._roots: dict[SourceId, _Root] = {}
        self._lock = Lock()
        self._refused: set[SourceId] = set()
        self._observer.start()

    def follow(self, rows: Iterable[SourceRow]) -> None:
        """From now on the directories of these sources are watched, and no others."""
        wanted = {row.id: row for row in rows if scheme_of(row.address) == LOCAL}
        for source in self._roots.keys() - wanted.keys():
            self._observer.unschedule(self._roots.pop(source).watch)
        for source in wanted.keys() - self._roots.keys() - self._refused:
            self._begin(source, os.path.realpath(local_path(wanted[source].address)))

    def flush(self, store: Store) -> int:
        """Notes what changed since the last time; how many objects that were."""
        noted = 0
        for source, root in list(self._roots.items()):
            with self._lock:
                keys, root.keys = root.keys, set()
                needs_crawl, root.needs_crawl = root.needs_crawl, False
            if needs_crawl:
                store.sources.ask(source)
            elif keys:
                noted += note_hints(store, [Hint("", key, source) for key in sorted(keys)])
        return noted

    def stop(self) -> None:
        """Ends the threads that watch."""
        self._observer.stop()
        self._observer.join()

    def _begin(self, source: SourceId, path: str) -> None:
        from watchdog.events import FileSystemEventHandler  # noqa: PLC0415 - an extra

        watch = self

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: Any) -> None:
                watch.note(source, event)

        try:
            scheduled = self._observer.schedule(Handler(), path, recursive=True)
        except OSError as error:  # not there, or the kernel's limit of watches is reached
            self._refused.add(source)
            log.warning("directory not watched path=%s reason=%s", path, error.strerror or error)
            return
        self._roots[source] = _Root(path, scheduled)

    def note(self, source: SourceId, event: Any) -> None:
        """In the thread of the observer: one change."""
        root = self._roots.get(source)
        if root is None or event.event_type not in CHANGES:
            return
        if event.is_directory and event.event_type != "deleted":
            return  # what is in it is told of file by file
        with self._lock:
            for path in (event.src_path, getattr(event, "dest_path", "")):
                self._take(root, os.fsdecode(path), is_directory=event.is_directory)

    def _take(self, root: _Root, path: str, *, is_directory: bool) -> None:
        below = f"{root.path.rstrip(os.sep)}{os.sep}"
        if not path.startswith(below) or path.startswith(self._without):
            return
        key = path[len(below) :]
        directory, _, name = key.rpartition("/")
        if is_unfinished(name) or are_of_another_program(directory.split("/")) or is_inside_git(key):
            return
        root.needs_crawl = root.needs_crawl or is_directory or len(root.keys) >= MOST_WAITING
        root.keys.add(ObjectKey(key))


__all__ = ["DirectoryWatch"]
