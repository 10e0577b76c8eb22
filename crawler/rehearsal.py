"""A small made-up model read and recorded in the process that workers are forked from, before they are.

What is done for the first time costs: modules that are imported where they are used, tables and dictionaries, constructors that
are written when the first value is made. It took 55 ms of each worker's time in a crawl of 2,000 small models. Done once before
the workers are forked it is in all of them, in memory that they share.
"""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from catalog import plugins
from catalog.recording.making import Task, make
from catalog.records import Group, Member, ObjectKey, ObjectMeta, SourceId
from catalog.store.batch import RecordChange
from crawler.reader import Budget
from crawler.readers import packed
from crawler.reading import ObjectReader, Registry

if TYPE_CHECKING:
    from crawler.source import Source

_SOURCE = SourceId("rehearsal:")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = json.dumps(
    {
        "__metadata__": {"format": "pt"},
        "layer.0.weight": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
        "layer.0.bias": {"dtype": "F16", "shape": [2], "data_offsets": [8, 12]},
    }
).encode()
_CARD = """---
license: mit
tags: [text-classification]
model-index:
- name: rehearsal
  results:
  - task: {type: text-classification}
    dataset: {name: rehearsal, type: rehearsal}
    metrics: [{type: accuracy, value: 0.5}]
---
# Rehearsal
"""
_FILES = {
    ObjectKey("rehearsal/model.safetensors"): struct.pack("<Q", len(_HEADER)) + _HEADER + bytes(12),
    ObjectKey(
        "rehearsal/config.json"
    ): b'{"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 1}',
    ObjectKey("rehearsal/README.md"): _CARD.encode(),
}


class _Memory:
    """A source of files that are nowhere, as far as it takes to read them."""

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        return _FILES[meta.key][start:end]


def rehearse() -> RecordChange:
    """Goes once through what a worker does, to the record of the small model. Our own extractors alone are asked."""
    extractors = [plugins.load("extractor", name)() for name in sorted(plugins.EXTRACTORS)]
    reader = ObjectReader(cast("Source", _Memory()), Registry(extractors), Budget())
    members, bodies = [], {}
    for key, data in _FILES.items():
        meta = ObjectMeta(source=_SOURCE, key=key, size_bytes=len(data), change_token="", last_modified=_NOW)
        outcome = reader.read(meta, None)
        members.append(Member(object=outcome.entry.object, extraction=outcome.entry.outline))
        bodies[key] = packed(outcome).packed.body or b""
    group = Group(source=_SOURCE, key="rehearsal", kind="directory", members=tuple(members))
    return make(Task(group=group, bodies=bodies, signature="", edits=(), now=_NOW, moved_from=None))
