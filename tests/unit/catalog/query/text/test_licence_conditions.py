"""`license:` understands what people type for a licence by the same table as what files say."""

from __future__ import annotations

import pytest

from catalog.query.nodes import Term
from catalog.query.text.search_text import parse


@pytest.mark.parametrize("text", ['license:"GNU AGPLv3"', "license=AGPLv3", 'license:"AGPL-3.0 License"'])
def test_a_typed_licence_is_its_identifier(text):
    assert parse(text).query == Term("license", "agpl-3.0")
