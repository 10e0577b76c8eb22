"""Languages as files write them: tags in any spelling, and names."""

import pytest

from catalog.normalise.values.field_values import language_tag


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("EN", "en"),
        ("zh_hans_cn", "zh-Hans-CN"),
        ("English", "en"),
        ("Deutsch", "de"),
        ("no", "no"),
        ("code", "code"),
    ],
)
def test_a_language_has_one_tag_however_it_is_written(written, tag):
    """`language: English` was a language of its own, which `language:en` did not find."""
    assert language_tag(written) == tag
