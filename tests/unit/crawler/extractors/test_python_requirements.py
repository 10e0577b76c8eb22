"""requirements.txt and its like beside a model: frameworks with their versions, no addresses."""

from __future__ import annotations

from fixtures.extraction import all_values_of, extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.python_requirements import PythonRequirementsExtractor


class TestPythonRequirements(ExtractorSuite):
    extractor = PythonRequirementsExtractor
    expected = {"dependencies": "scikit-learn==1.9.1"}

    def sample(self):
        return Sample(
            key="model/requirements.txt", data=b"# what it needs\nscikit-learn==1.9.1\n-r other.txt\n"
        )


def test_credentials_in_a_requirement_are_not_kept():
    found = all_values_of(
        extract(PythonRequirementsExtractor, "requirements.txt", b"pkg @ https://user:secret@host/pkg.whl\n")
    )
    assert found == {"dependencies": ["pkg @ https://host/pkg.whl"]}
