"""BentoML's model.yaml: what the store knows of a model and its version."""

from __future__ import annotations

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.bentoml import BentomlExtractor

MODEL = b"""\
name: fraud
version: ab12cd34ef56gh78
module: bentoml.sklearn
labels:
  stage: dev
options: {}
metadata:
  accuracy: 0.91
  data: reviews-2024
context:
  framework_name: sklearn
  framework_versions:
    scikit-learn: 1.4.0
  bentoml_version: 1.2.0
  python_version: 3.11.1
signatures:
  predict:
    batchable: false
api_version: v1
creation_time: '2024-05-05T05:05:05.000000+00:00'
"""
KEY = "bentoml/models/fraud/ab12cd34ef56gh78/model.yaml"


class TestBentoml(ExtractorSuite):
    extractor = BentomlExtractor
    expected = {"name": "fraud", "version": "ab12cd34ef56gh78", "framework": "sklearn"}

    def sample(self):
        return Sample(key=KEY, data=MODEL)


def test_what_was_noted_when_it_was_saved_is_said():
    said = {seen.field: seen.raw for seen in extract(BentomlExtractor, KEY, MODEL).observations}
    assert said["metrics.accuracy"] == 0.91
    assert said["created_at"].startswith("2024-05-05")
    assert (said["tags"], said["extra.data"]) == ("stage:dev", "reviews-2024")


def test_a_model_yaml_of_another_program_is_not_claimed():
    assert BentomlExtractor().claims("yolo/model.yaml", b"nc: 80\nbackbone:\n") is None
