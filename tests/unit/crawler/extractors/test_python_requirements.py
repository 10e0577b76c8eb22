"""The extractors of what trackers and training scripts write, held to the suite of every extractor."""

from __future__ import annotations

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.python_requirements import PythonRequirementsExtractor
from crawler.reader import bytes_reader


def said(extractor, key, data):
    """{field: [raw, …]} of one file."""
    found: dict[str, list] = {}
    for observation in extractor().extract(bytes_reader(key, data)).observations:
        found.setdefault(observation.field, []).append(observation.raw)
    return found


class TestPythonRequirements(ExtractorSuite):
    extractor = PythonRequirementsExtractor
    expected = {"dependencies": "scikit-learn==1.9.1"}

    def sample(self):
        return Sample(
            key="model/requirements.txt", data=b"# what it needs\nscikit-learn==1.9.1\n-r other.txt\n"
        )


def test_credentials_in_a_requirement_are_not_kept():
    found = said(PythonRequirementsExtractor, "requirements.txt", b"pkg @ https://user:secret@host/pkg.whl\n")
    assert found == {"dependencies": ["pkg @ https://host/pkg.whl"]}
