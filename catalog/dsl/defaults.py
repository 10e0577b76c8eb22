"""Options that clients write at their defaults: asked for so, they ask for nothing, and are taken as left out.

Elasticsearch's Java client, Spring Data and whatever prints a request by them write every option of a clause, whether
somebody chose it or not.

Source: `doXContent` of the builders in elastic/elasticsearch, org.elasticsearch.index.query and search.aggregations, 7.17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NO_WORDS: Mapping[str, tuple[Any, ...]] = {"zero_terms_query": ("none", "NONE")}
_FUZZY: Mapping[str, tuple[Any, ...]] = {
    "prefix_length": (0,),
    "max_expansions": (50,),
    "fuzzy_transpositions": (True,),
    "auto_generate_synonyms_phrase_query": (True,),
}
_FUZZY_IN_TEXT: Mapping[str, tuple[Any, ...]] = {
    "fuzzy_prefix_length": (0,),
    "fuzzy_max_expansions": (50,),
    "fuzzy_transpositions": (True,),
    "auto_generate_synonyms_phrase_query": (True,),
}
DEFAULTS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "the body": {
        "explain": (False,),
        "profile": (False,),
        "seq_no_primary_term": (False,),
        "terminate_after": (0,),
        "indices_boost": ([], {}),
        "rescore": ([],),
        "suggest": ({},),
        "stats": ([],),
        "ext": ({},),
        "runtime_mappings": ({},),
        "script_fields": ({},),
    },
    "bool": {"adjust_pure_negative": (True,)},
    "match": {**_NO_WORDS, **_FUZZY},
    "match_phrase": _NO_WORDS,
    "multi_match": {**_NO_WORDS, **_FUZZY, "slop": (0,), "tie_breaker": (0,)},
    "query_string": {
        **_FUZZY_IN_TEXT,
        "type": ("best_fields",),
        "fuzziness": ("AUTO",),
        "phrase_slop": (0,),
        "tie_breaker": (0,),
        "max_determinized_states": (10_000,),
        "enable_position_increments": (True,),
        "escape": (False,),
    },
    "simple_query_string": _FUZZY_IN_TEXT,
    "nested": {"boost": (1,)},
    "terms": {
        "shard_min_doc_count": (0,),
        "collect_mode": ("breadth_first", "depth_first"),
        "execution_hint": ("map", "global_ordinals"),
    },
    "date_histogram": {"offset": (0, "0", "0s")},
}
"""By the clause, aggregation or part that has them. How terms are collected changes no answer, whatever is chosen."""


def is_default(what: str, option: str, value: Any) -> bool:
    """Whether this option of this part is at its default. `True` is no 1 here, as in Elasticsearch."""
    return any(
        value == usual and isinstance(value, bool) is isinstance(usual, bool)
        for usual in DEFAULTS.get(what, {}).get(option, ())
    )
