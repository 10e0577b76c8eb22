"""MLmodel files: flavours, signature and the run that made the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mlflow_model import MlflowModelExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data"


class TestMlflowModel(ExtractorSuite):
    extractor = MlflowModelExtractor
    expected = {"framework": "sklearn", "framework_version": "1.9.1", "metrics.accuracy": 0.96}

    def sample(self):
        return Sample(key="models/iris/MLmodel", data=(DATA / "mlflow" / "MLmodel").read_bytes())


@pytest.mark.parametrize("none", ["null", "~", "", "Null"])
def test_a_flavour_without_code_of_its_own_runs_none(none):
    """MLflow writes `code: null` for each flavour: every model of scikit-learn ran "Python that lies beside it: null"."""
    flavours = f"  python_function:\n    loader_module: mlflow.sklearn\n  sklearn:\n    code: {none}\n"
    extraction = MlflowModelExtractor().extract(bytes_reader("m/MLmodel", f"flavors:\n{flavours}".encode()))
    assert [risk.kind for risk in extraction.risks] == []
