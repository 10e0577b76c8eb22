"""MLflow's model registry on disk: names and versions of models."""

from __future__ import annotations

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mlflow_registry import MlflowRegistryExtractor

RUN = "96dbd1f56a3446f3ac0f7f0221d81abb"


class TestMlflowRegistry(ExtractorSuite):
    extractor = MlflowRegistryExtractor
    expected = {
        "name": "iris",
        "version": "2",
        "description": "The stronger one.",
        "extra.stage": "Production",
    }

    def sample(self):
        text = (
            "creation_timestamp: 1795562741208\ncurrent_stage: Production\ndescription: The stronger one.\n"
            f"model_id: null\nname: iris\nrun_id: {RUN}\nsource: runs:/{RUN}/classifier\nstatus: READY\nversion: 2\n"
        )
        return Sample(key="mlruns/models/iris/version-2/meta.yaml", data=text.encode())


def test_an_alias_file_of_something_else_is_not_claimed():
    assert MlflowRegistryExtractor().claims("models/net/aliases/champion", b"2") is not None
    assert MlflowRegistryExtractor().claims("models/net/aliases/champion", b"two") is None
    assert MlflowRegistryExtractor().claims("models/net/meta.yaml", b"layers: 3\n") is None
