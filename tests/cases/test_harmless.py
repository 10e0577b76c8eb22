"""What scikit-learn, pandas, SciPy, LightGBM, XGBoost, CatBoost, statsmodels, gensim and Python itself write every day.

`harmless.tar.xz` holds 340 files that the real libraries wrote, as `tests/corpus/generate_harmless.py` does; nothing is loaded.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.extraction import extractions_in

from catalog.records import Severity

FILES = Path(__file__).parent / "harmless.tar.xz"
PREPARED_CALLS = ("functools.partial", "operator.attrgetter", "operator.methodcaller")


@pytest.fixture(scope="module")
def extractions(tmp_path_factory):
    return extractions_in(FILES, tmp_path_factory.mktemp("harmless"))


def of_severity(extractions, severity):
    return {
        (key, risk.detail)
        for key, read in extractions.items()
        for risk in read.risks
        if risk.severity >= severity
    }


def test_all_of_them_are_in_the_catalog_and_none_is_high(extractions):
    assert len(extractions) == 340
    assert [key for key, read in extractions.items() if read is None] == []
    assert of_severity(extractions, Severity.HIGH) == set()


def test_models_of_known_libraries_are_no_finding_at_all(extractions):
    """Each joblib file was once said to `end early`: its arrays had been read as opcodes."""
    usual = {
        key: read
        for key, read in extractions.items()
        if key.startswith(("skl", "lgb", "xgb", "cb", "imb", "ce"))
    }
    assert len(usual) >= 140
    allowed = "scipy._lib.array_api_compat"
    assert {(key, said) for key, said in of_severity(usual, Severity.MEDIUM) if allowed not in said} == set()


def test_prepared_calls_are_said_to_be_unknown_and_no_more(extractions):
    said = {
        detail for key, detail in of_severity(extractions, Severity.MEDIUM) if key.startswith("std-partial")
    }
    assert said == {f"Calls {PREPARED_CALLS[0]}: unknown import"}
