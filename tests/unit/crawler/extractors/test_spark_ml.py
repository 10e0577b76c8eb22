"""Spark ML: a pipeline says its class and its stages, a stage its parameters."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import extract, values_of

from catalog.records import Role
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.spark_ml import SparkMlExtractor

PIPELINE = Path(__file__).parents[3] / "cases/formats/tabular-tools/input/spark/churn_pipeline"


class TestSparkMl(ExtractorSuite):
    extractor = SparkMlExtractor
    expected: ClassVar = {
        "framework": "spark",
        "framework_version": "3.5.0",
        "architecture": "PipelineModel",
        "extra.spark.stages": ["VectorAssembler", "LogisticRegression"],
    }

    def sample(self):
        return Sample(
            key="churn_pipeline/metadata/part-00000", data=(PIPELINE / "metadata/part-00000").read_bytes()
        )


def test_a_stage_tells_its_parameters_and_is_no_model():
    place = "stages/1_LogisticRegression_2/metadata/part-00000"
    extraction = extract(SparkMlExtractor, f"churn/{place}", (PIPELINE / place).read_bytes())
    told = values_of(extraction)
    assert extraction.role is Role.CONFIG
    assert told["hyperparameters.LogisticRegressionModel.maxIter"] == 20
    assert told["task"] == "tabular-classification"


def test_parts_of_a_data_set_are_left_alone():
    assert SparkMlExtractor().claims("table/metadata/part-00000", b'{"class":"a","id":1}') is None


def test_rows_of_a_table_with_a_class_and_a_time_are_left_alone():
    for head in (b'{"class":"dog","timestamp":1}', b'{"class":"a.dog","timestamp":1,"x":2}'):
        assert SparkMlExtractor().claims("table/metadata/part-00000", head) is None
