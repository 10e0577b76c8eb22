"""run.json of Sacred, and of other programs."""

from __future__ import annotations

import json
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.sacred import SacredExtractor

RUN = {
    "experiment": {
        "name": "mnist",
        "base_dir": "/work",
        "sources": [["train.py", "_sources/train_a1.py"]],
        "dependencies": ["torch==2.1.0", "local_package"],
        "repositories": [{"url": "https://example.org/x.git", "commit": "a1b2c3", "dirty": False}],
    },
    "command": "main",
    "host": {"hostname": "gpu7"},
    "start_time": "2024-01-01T10:00:00.123456",
    "stop_time": "2024-01-01T11:00:00.500000",
    "status": "COMPLETED",
    "result": 0.93,
}


class TestSacred(ExtractorSuite):
    extractor = SacredExtractor
    expected: ClassVar = {
        "dependencies": "torch==2.1.0",
        "code_version": "a1b2c3",
        "training_started_at": "2024-01-01T10:00:00.123456",
        "trained_at": "2024-01-01T11:00:00.500000",
        "extra.sacred.status": "COMPLETED",
    }

    def sample(self):
        return Sample(key="runs/1/run.json", data=json.dumps(RUN).encode())


def test_a_run_of_another_program_is_left_alone():
    assert SacredExtractor().claims("runs/1/run.json", b'{"experiment": "mnist", "id": 3}') is None
