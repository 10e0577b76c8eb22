"""Small indexes of the embedded engine, written by its own writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

import pytest

from catalog.search.engine import IndexAction
from catalog.settings import Settings
from indexer.engines.tantivy import TantivyWriter
from indexer.engines.tantivy.engine import open_index
from indexer.engines.tantivy.translate import Translator

Opened = tuple[Any, Translator]


@pytest.fixture
def indexed(tmp_path) -> Iterator[Callable[..., Opened]]:
    """Makes an index of these documents, several writes if wanted, and gives its searcher and its translator."""
    with ExitStack() as stack:

        def index(*writes: Sequence[Mapping[str, Any]]) -> Opened:
            writer = stack.enter_context(closing(TantivyWriter(Settings(home=tmp_path))))
            for documents in writes:
                actions = [IndexAction(id=one["id"], revision=1, document=one) for one in documents]
                assert not writer.write(actions).rejected
            path = writer.home.current()
            assert path is not None
            opened = open_index(path)
            return opened.searcher(), Translator(opened)

        yield index
