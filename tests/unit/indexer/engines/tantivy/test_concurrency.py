"""Counting beside the reading of hits: in a thread for a lone search, in turn where several run."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from indexer.engines.tantivy import concurrency
from indexer.engines.tantivy.concurrency import meanwhile, search_running


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "_processors", lambda: 2)


def counting_thread() -> int:
    """The thread that counts for a lone search, which begins before anybody asks for the answer."""
    begun = threading.Event()

    def count() -> int:
        begun.set()
        return threading.get_ident()

    with search_running():
        counting = meanwhile(count)
        assert begun.wait(10)
        return counting()


def test_a_lone_search_counts_in_a_thread_of_its_own() -> None:
    assert counting_thread() != threading.get_ident()


def test_of_two_searches_each_counts_in_its_own_thread() -> None:
    with search_running(), search_running():
        assert meanwhile(threading.get_ident)() == threading.get_ident()


def test_a_search_that_failed_leaves_the_next_one_alone() -> None:
    with pytest.raises(ValueError, match="no such field"), search_running():
        raise ValueError("no such field")
    assert counting_thread() != threading.get_ident()


def test_what_counting_raises_is_raised_where_its_answer_is_asked_for() -> None:
    def fail() -> int:
        raise ValueError("a damaged segment")

    with search_running():
        counting = meanwhile(fail)
        with pytest.raises(ValueError, match="a damaged segment"):
            counting()


def test_counting_that_no_thread_has_begun_is_done_by_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(free.wait, 10)
        monkeypatch.setattr(concurrency, "_pool", lambda: pool)
        with search_running():
            assert meanwhile(threading.get_ident)() == threading.get_ident()
        free.set()


def test_one_processor_counts_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "_processors", lambda: 1)
    with search_running():
        assert meanwhile(threading.get_ident)() == threading.get_ident()
