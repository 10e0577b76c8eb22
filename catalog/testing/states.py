"""Hypothesis strategies for searches as people make them: texts of the search box and clicked facets."""

from __future__ import annotations

from hypothesis import strategies as st

from catalog.query.state import SearchState
from catalog.search.selections import NONE
from catalog.testing import documents as generated
from catalog.testing.requests import KEYWORD_VALUES, TEXTS

CONDITIONS = (
    "accuracy > 0.9",
    "accuracy>=90%",
    "accuracy@imagenet > 0.5",
    "test/f1 > 0.3",
    "f1:0.2..0.8",
    "loss<0.3",
    "wer <= 5%",
    "perplexity:10..*",
    "odd_metric > 0.5",
    "params:7B",
    "params:1B..70B",
    "params>1e9",
    "size<2GB",
    "size:1GiB..8GiB",
    "context>=4096",
    "lr<=5e-5",
    "batch_size:16",
    "bits:4.5",
    "after:2023",
    "since:2023-12-31",
    "before:2024-01-01",
    "until:2022-06",
    "in:2022",
    "on:2023-12-31",
    "created:2020..2021",
    "trained:>2023-05",
    "task:text-classification",
    "task:ner,fill-mask",
    "framework:PyTorch",
    "license:apache*",
    "tag:[nlp, vision]",
    "tags:été",
    "name:bert*",
    "owner:team-1*",
    "language:pt-BR",
    "has:accuracy",
    "missing:license",
    "has:params",
    "complete:false",
    "is:missing",
    "hparams.lr_schedule:cosine",
    "base_model:google/bert",
    "dataset:glue",
    '"label smoothing"',
    '"trained on reviews"',
    "path:models/1/**",
)
SORTS = (
    "",
    "",
    "-accuracy",
    "accuracy",
    "name",
    "-params,name",
    "loss",
    "-trained_at",
    "odd_metric",
    "nosuch",
)
SENTENCES = (
    "models trained after 2023 with more than 50% accuracy",
    "pytorch models smaller than 2 GB",
    "best f1 on glue",
    "small sentiment model for news",
    "accuracy between 0.2 and 0.4 by team-3",
)
BROKEN = (
    '"unterminated',
    "(((",
    "-",
    "accuracy >",
    "params:70B..7B",
    "acuracy > 0.5",
    "s3://b/k",
    "C++",
    "🤖 模型",
)


def texts() -> st.SearchStrategy[str]:
    """Words, conditions, negations and alternatives, whole sentences, and what nobody meant to write."""
    part = st.one_of(st.sampled_from(CONDITIONS), st.sampled_from(CONDITIONS), st.sampled_from(TEXTS))
    negated = part.map(lambda condition: f"-{condition}" if " " not in condition else condition)
    either = st.tuples(part, part).map(lambda two: f"({two[0]} OR {two[1]})")
    joined = st.lists(st.one_of(part, part, negated, either), max_size=3).map(" ".join)
    return st.one_of(joined, joined, joined, st.sampled_from(SENTENCES), st.sampled_from(BROKEN))


@st.composite
def states(draw: st.DrawFn) -> SearchState:
    """A text with what was clicked beside it."""
    selections: dict[str, tuple[str, ...]] = {}
    for field in draw(st.sets(st.sampled_from(sorted(_CLICKED)), max_size=2)):
        values = st.sampled_from((*_CLICKED[field], NONE))
        selections[field] = tuple(draw(st.lists(values, min_size=1, max_size=2, unique=True)))
    return SearchState(
        text=draw(texts()),
        selections=selections,
        sort=draw(st.sampled_from(SORTS)),
        page=draw(st.sampled_from((1, 1, 1, 2, 40, 9_999))),
        size=draw(st.sampled_from((20, 20, 7))),
    )


_CLICKED: dict[str, tuple[str, ...]] = {
    **{name: values for name, values in KEYWORD_VALUES.items() if "." not in name and name != "source"},
    "parameters": ("1B..10B", "..1e6", "7000000000"),
    "metrics.accuracy": ("0.5..1", "0.9..*"),
    "best_date": ("2023", "2022..2023"),
    "complete": ("true", "false"),
    "metric_names": generated.METRICS,
}
