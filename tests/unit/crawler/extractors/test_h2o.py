"""MOJOs of H2O: what model.ini says, and zips that are something else."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.errors import Malformed
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.h2o import H2oExtractor

FILE = Path(__file__).parents[3] / "cases/formats/tabular-tools/input/h2o/GBM_model_python_1700000000_1.zip"


def mojo(description, name="model.ini"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, description)
    return buffer.getvalue()


class TestH2o(ExtractorSuite):
    extractor = H2oExtractor
    expected: ClassVar = {
        "framework": "h2o",
        "framework_version": "3.46.0.1",
        "architecture": "Gradient Boosting Machine",
        "features": 4,
        "classes": 2,
        "trees": 50,
    }

    def sample(self):
        return Sample(key="GBM_model_python_1700000000_1.zip", data=FILE.read_bytes())


def test_a_regression_has_no_classes():
    told = values_of(
        extract(H2oExtractor, "m.zip", mojo("[info]\nalgo = glm\ncategory = Regression\nn_classes = 1\n"))
    )
    assert told["task"] == "tabular-regression"
    assert "classes" not in told


def test_a_description_without_an_algorithm_is_malformed():
    with pytest.raises(Malformed, match="algorithm"):
        extract(H2oExtractor, "m.zip", mojo("[info]\nuuid = 1\n"))


def test_other_zips_are_left_alone():
    assert H2oExtractor().claims("m.zip", mojo("x", name="weights.bin")) is None


def test_a_model_of_trees_begins_with_them_and_says_what_was_measured_on_its_rows():
    """A forest was once passed over: its description comes behind its trees."""
    buffer = io.BytesIO()
    details = {
        "output": {"training_metrics": {"AUC": 0.988, "nobs": 120, "loglikelihood": "NaN"}},
        "parameters": [{"name": "max_depth", "type": "int", "actual_value": 3}, {"name": "x", "type": "Key"}],
    }
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("trees/t00_000.bin", b"\0")
        archive.writestr("model.ini", "[info]\nalgo = gbm\nn_trees = 6\n")
        archive.writestr("experimental/modelDetails.json", json.dumps(details))
    assert H2oExtractor().claims("m.zip", buffer.getvalue()[:64]) is not None
    read = extract(H2oExtractor, "m.zip", buffer.getvalue())
    assert values_of(read)["hyperparameters.max_depth"] == 3
    (metric,) = [each for each in read.observations if each.field.startswith("metrics.")]
    assert (metric.field, metric.raw, metric.context["split"]) == ("metrics.AUC", 0.988, "train")
