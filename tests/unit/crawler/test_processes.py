import os
import signal
import time

import pytest

from crawler.processes import (
    CHUNK_ITEMS,
    CHUNKS_AHEAD,
    WorkerFailedError,
    Workers,
)


def doubling(factor):
    return lambda item: item * factor


def deadly(number):
    def work(item):
        if item == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    return work


def with_pid():
    def work(item):
        time.sleep(0.002)
        return item, os.getpid()

    return work


def without_a_beginning():
    os._exit(3)


def late_but_for_one(folder):
    """One process begins at once, every other when the folder says so."""
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        _wait_until((folder / "others").exists)
    return lambda _item: os.getpid()


def failing_but_for_one(folder):
    """One process begins; every other ends before it could, three of them before the one has done anything."""
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        (folder / f"failed-{os.getpid()}").touch()
        os._exit(3)

    def work(_item):
        _wait_until(lambda: len(list(folder.glob("failed-*"))) == 3)
        return os.getpid()

    return work


def _wait_until(is_so):
    while not is_so():
        time.sleep(0.001)


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def lost(item, reason):
    return f"{item} was lost: {reason}"


def pool(prepare, *arguments, size=2):
    return Workers(prepare, arguments, lost=lost, size=size)


def test_results_come_in_the_order_of_the_items():
    with pool(doubling, 3) as workers:
        assert list(workers.map(range(500))) == [3 * number for number in range(500)]
        assert list(workers.map(range(5))) == [0, 3, 6, 9, 12]
        assert list(workers.map([])) == []


@pytest.mark.parametrize(
    ("item", "most"),
    [
        pytest.param("small", 2 * CHUNKS_AHEAD * CHUNK_ITEMS, id="small ones by their number"),
        # Two chunks of 8 MB, and one that is begun when the first has come back.
        pytest.param("x" * 512 * 1024, 3 * CHUNK_ITEMS, id="large ones by their bytes"),
    ],
)
def test_no_more_items_are_taken_than_workers_need(item, most):
    taken = []

    def items():
        for number in range(10_000):
            taken.append(number)
            yield f"{number} {item}"

    with pool(doubling, 1) as workers:
        results = workers.map(items())
        next(results)
        assert len(taken) <= most


def test_a_worker_that_dies_costs_the_item_that_it_died_of():
    with pool(deadly, 137) as workers:
        results = list(workers.map(range(400)))
    wrong = [(number, result) for number, result in enumerate(results) if result != number]
    assert wrong == [
        (137, "137 was lost: the process that worked on it was killed or crashed"),
    ]


def test_workers_that_are_killed_from_outside_cost_nothing():
    with pool(with_pid) as workers:
        results = []
        for number, result in enumerate(workers.map(range(1_000))):
            results.append(result[0])
            if number in {200, 600}:
                os.kill(workers.process_ids[0], signal.SIGKILL)
    assert results == list(range(1_000))


def test_large_items_and_results_do_not_make_both_sides_wait():
    with pool(doubling, 2) as workers:
        texts = [f"{number:04d}" * 100_000 for number in range(100)]
        assert [result[:4] for result in workers.map(texts)] == [text[:4] for text in texts]


def test_a_worker_that_starts_later_than_the_first_gets_its_share(tmp_path):
    """It was never listened to while it had nothing to do, so that one process read whole sources."""
    pids = set()
    with pool(late_but_for_one, tmp_path) as workers:
        _wait_until(workers.are_ready)
        for number, pid in enumerate(workers.map(range(50_000))):
            pids.add(pid)
            if number == 0:
                (tmp_path / "others").touch()
            if len(pids) == 2:
                break
    assert len(pids) == 2


def test_workers_that_cannot_begin_leave_the_work_to_one_that_could(tmp_path):
    with pool(failing_but_for_one, tmp_path) as workers:
        _wait_until(workers.are_ready)
        assert len(set(workers.map(range(1_000)))) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError], ids=["ctrl-c", "bug"])
def test_no_process_is_left_when_the_block_ends(error):
    pids = []

    def use_them():
        with pool(with_pid) as workers:
            results = workers.map(range(1_000))
            next(results)
            while len(workers.process_ids) < 2:
                next(results)
            pids.extend(workers.process_ids)
            raise error

    with pytest.raises(error):
        use_them()
    assert len(pids) == 2
    assert not any(is_there(pid) for pid in pids)


def test_a_worker_that_cannot_begin_is_told():
    with pytest.raises(WorkerFailedError), pool(without_a_beginning) as workers:
        list(workers.map(range(10)))
