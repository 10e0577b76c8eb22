"""What measuring costs a call: a function and a WSGI application with and without a recorder.

.venv/bin/python benchmarks/middleware.py
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from importlib import import_module

from modeldex import Recorder, WsgiMiddleware

CALLS = 20_000
ROUNDS = 7
WORK_SECONDS = 0.001
"""A small model: a linear one or a few trees answer in about a millisecond."""


def seconds_per_call(call: Callable[[], object], calls: int = CALLS) -> float:
    clock = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - clock) / calls


def compared(plain: Callable[[], object], measured: Callable[[], object], calls: int) -> tuple[float, float]:
    """Medians of rounds that take turns, so that both meet the same machine."""
    pairs = [(seconds_per_call(plain, calls), seconds_per_call(measured, calls)) for _ in range(ROUNDS)]
    return statistics.median(first for first, _ in pairs), statistics.median(second for _, second in pairs)


def nothing() -> int:
    return 1


def small_model() -> float:
    """A millisecond of computing, not of sleep: a sleep hides what is measured."""
    until, total = time.perf_counter() + WORK_SECONDS, 0.0
    while time.perf_counter() < until:
        total += 1.0
    return total


def application(_environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" * 100]


def started(*_: object) -> None:
    return None


def in_threads(call: Callable[[], object], threads: int, calls: int) -> float:
    workers = [threading.Thread(target=seconds_per_call, args=(call, calls)) for _ in range(threads)]
    clock = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - clock) / (threads * calls)


def torch_model() -> Callable[[], object] | None:
    """A perceptron of torch that answers eight rows at once, where torch is installed."""
    try:
        torch = import_module("torch")
    except ImportError:
        return None
    torch.set_num_threads(1)
    layers = torch.nn.Linear(256, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 10)
    network, rows = torch.nn.Sequential(*layers).eval(), torch.randn(8, 256)

    def answer() -> object:
        with torch.inference_mode():
            return network(rows)

    return answer


def of_torch(measures: Callable[[Callable[[], object]], Callable[[], object]]) -> dict[str, float]:
    """What a call of a real model costs more, alone and in 8 threads; nothing without torch."""
    answer = torch_model()
    if answer is None:
        return {}
    plain, measured = compared(answer, measures(answer), 500)
    rounds = [(in_threads(answer, 8, 100), in_threads(measures(answer), 8, 100)) for _ in range(ROUNDS)]
    return {
        "microseconds_of_torch": round(plain * 1e6, 1),
        "added_microseconds_torch": round((measured - plain) * 1e6, 1),
        "added_microseconds_torch_in_8_threads": round(
            statistics.median(after - before for before, after in rounds) * 1e6, 1
        ),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(window_seconds=1)
        measures = recorder.measures(folder)
        empty, empty_measured = compared(nothing, measures(nothing), CALLS)
        model, model_measured = compared(small_model, measures(small_model), 500)
        middleware = WsgiMiddleware(application, recorder, folder)
        web, web_measured = compared(lambda: application({}, started), lambda: middleware({}, started), CALLS)
        crowded = in_threads(measures(nothing), 4, CALLS)
        torch = of_torch(measures)
        recorder.close()
    print(
        json.dumps(
            {
                "added_microseconds": round((empty_measured - empty) * 1e6, 2),
                "added_microseconds_wsgi": round((web_measured - web) * 1e6, 2),
                "microseconds_in_4_threads": round(crowded * 1e6, 2),
                "ratio_of_a_call_of_1_ms": round(model_measured / model, 4),
                **torch,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
