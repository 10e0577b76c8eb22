"""A real model of torch that answers in many threads at once. Skipped where torch is not: pip install torch."""

import json
import threading

import pytest

from modeldex import Recorder

THREADS, CALLS = 8, 200


def test_every_call_of_every_thread_is_counted_once(tmp_path):
    torch = pytest.importorskip("torch", reason="pip install torch")
    model = torch.nn.Linear(16, 4).eval()
    recorder = Recorder(window_seconds=3600)

    @recorder.measures(tmp_path)
    @torch.inference_mode()
    def predict(row, *, fails):
        if fails:
            raise ValueError
        return model(row)

    def work():
        for call in range(CALLS):
            try:
                predict(torch.ones(2, 16), fails=call % 10 == 0)
            except ValueError:
                continue

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    sidecar = json.loads((tmp_path / "modeldex.json").read_bytes())
    assert sidecar["extra"]["serving"]["failed"] == THREADS * CALLS // 10
    assert sidecar["extra"]["serving"]["answered"] == THREADS * CALLS * 9 // 10
    assert sidecar["metrics"]["failure_rate"] == 0.1
