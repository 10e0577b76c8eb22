"""Small YAML files that hang or crash the loaders of YAML libraries."""

import pytest

from catalog.errors import ExtractError, LimitExceeded
from crawler.extractors.model_card import ModelCardExtractor
from crawler.formats import yamls
from crawler.reader import bytes_reader


def nested(line, levels=12):
    return "\n".join(line.format(this=level, before=level - 1) for level in range(1, levels))


MERGE_BOMB = "m0: &m0 {a: 1}\n" + nested(
    "m{this}: &m{this}\n <<: [*m{before}, *m{before}, *m{before}, *m{before}, *m{before}, *m{before}]"
)
ALIAS_BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + nested(
    "a{this}: &a{this} [*a{before},*a{before},*a{before},*a{before},*a{before}]"
)
BOMBS = {
    "merge keys": MERGE_BOMB,
    "aliases": ALIAS_BOMB,
    "an alias of itself": "a: &a [*a]",
    "a mapping that holds itself": "&a {x: *a}",
    "flow sequences 20,000 deep": "[" * 20_000,
    "flow mappings 20,000 deep": "{a: " * 20_000,
    "block sequences 20,000 deep": "- " * 20_000,
    "block mappings, deep": "".join(" " * level + "a:\n" for level in range(1_500)),
    "complex keys": "? " * 20_000,
    "3 MB": "a: 1\n" * 600_000,
    "1,001 aliases": "a: &a x\nb: [" + "*a, " * 1_001 + "]",
    "100,001 nodes": "[" + "x, " * 100_001 + "]",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bomb_is_refused(text):
    with pytest.raises(ExtractError):
        yamls.load(text.encode())


@pytest.mark.parametrize("text", [MERGE_BOMB, ALIAS_BOMB], ids=["merge keys", "aliases"])
def test_bomb_in_a_model_card_is_one_problem_that_names_the_file(text):
    card = f"---\n{text}\n---\n# A model\n\nStill has a text.\n"
    extraction = ModelCardExtractor().extract(bytes_reader("uploads/README.md", card.encode()))
    assert [(problem.code, problem.key) for problem in extraction.problems] == [
        ("limit-exceeded", "uploads/README.md")
    ]
    assert any(observation.field == "all_text" for observation in extraction.observations)


def test_refusal_says_which_limit_was_met():
    with pytest.raises(LimitExceeded, match=r"aliases expanded: limit 200,000"):
        yamls.load(MERGE_BOMB.encode())


def test_python_fallback_parser_refuses_the_same(monkeypatch):
    import yaml

    monkeypatch.setattr(yamls, "_Parser", yaml.SafeLoader)
    for text in (MERGE_BOMB, ALIAS_BOMB, "a: &a [*a]", "- " * 200):
        with pytest.raises(ExtractError):
            yamls.load(text.encode())
    assert yamls.load("language: no\nlist: [1.10, 'x']") == {"language": "no", "list": ["1.10", "x"]}
