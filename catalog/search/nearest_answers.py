"""What is nearest to a search that finds nothing: models with most of its words, and suggestions that find something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from catalog.query.nodes import And, Exists, Match, Nested, Not, Or, Query, Range
from catalog.query.problems import QueryProblem, Suggestion
from catalog.query.request import Aggregation, FilterAgg, SearchRequest
from catalog.query.text.function_words import NEGATING_WORDS
from catalog.query.text.printing import quoted
from catalog.query.text.search_text import Condition, ParsedQuery
from catalog.query.text.targets import metric_target
from catalog.query.text.value_scanner import NAME, name_of
from catalog.search.engine import SearchEngine
from catalog.text.patterns import pattern
from mappings import fields

MAX_WORDS = 8
"""Of eight words there are at most 70 choices of equal size; further words stay required."""
MAX_CHECKED_CHARACTERS = 200
"""Each suggestion is a whole query that is read and counted; those of a longer text would cost more than the search."""
_NAMES = frozenset({"unknown-field", "unknown-metric"})
_CHECKED = frozenset(
    {"unknown-word", "unknown-value", "unknown-dataset", "read-as-name", "read-as-range", *_NAMES}
)
_ASK = " Did you mean "


def most_words(
    engine: SearchEngine, conditions: Sequence[Condition], selections: Mapping[str, Query]
) -> tuple[Query, str] | None:
    """The query for models that have most of the words and satisfy all conditions, and a sentence that says so.

    None when there are not two words, or when no model has any of them.
    """
    wanted = [condition for condition in conditions if _is_wanted(condition)]
    words = list(dict.fromkeys(condition.node for condition in wanted))
    rest = [condition.node for condition in conditions if not _is_wanted(condition)]
    begun = _beginning(engine, words, (*rest, *selections.values()))
    if begun is not None or len(words) < 2:
        return begun
    rest += words[MAX_WORDS:]
    choices = {}
    for count in range(min(len(words), MAX_WORDS) - 1, 0, -1):
        telling = [choice for choice in combinations(words[:MAX_WORDS], count) if any(map(_tells, choice))]
        if telling:
            choices[count] = And((*rest, Or(tuple(map(And, telling)))))
    if not choices:
        return None
    aggregations: dict[str, Aggregation] = {
        str(count): FilterAgg(query=And((query, *selections.values()))) for count, query in choices.items()
    }
    answers = engine.search(SearchRequest(size=0, aggregations=aggregations)).aggregations
    most = next((count for count in choices if answers[str(count)].count), None)
    if most is None:
        return None
    return choices[
        most
    ], f"No model has all {len(words)} words; these have {most} of them, best matches first."


def _tells(word: Query) -> bool:
    """Whether a letter is in it: a number alone stands in many models that have nothing to do with what is asked for."""
    return not isinstance(word, Match) or any(map(str.isalpha, word.text))


def compares(conditions: Sequence[Condition]) -> bool:
    """Whether a sentence asks for more or less than a number or for a time: its words are then no words of a model."""
    return any(condition.kind == "rewritten" and _is_bound(condition.node) for condition in conditions)


def _is_bound(node: Query) -> bool:
    match node:
        case Range():
            row = fields().get(node.field)
            ends = (node.gt, node.gte), (node.lt, node.lte)
            one_sided = any(low is None and high is None for low, high in ends)
            return one_sided or (row is not None and row.type == "date")
        case Nested():
            return _is_bound(node.query)
        case And():
            return any(map(_is_bound, node.clauses))
    return False


def denies(conditions: Sequence[Condition]) -> bool:
    """Whether a word that nothing here reads leaves out what follows it, such as `nicht` and `no`."""
    nodes = (condition.node for condition in conditions if condition.kind == "text")
    return any(isinstance(node, Match) and node.text.casefold() in NEGATING_WORDS for node in nodes)


def _beginning(
    engine: SearchEngine, words: Sequence[Query], rest: Sequence[Query]
) -> tuple[Query, str] | None:
    """`yolo` for yolov8n: words that no model says where they stand, as beginnings of words in names."""
    begun = [_begun(word) for word in words]
    if not words or begun == list(words) or len(words) > MAX_WORDS:
        return None
    query = And((*rest, *begun))
    if not engine.search(SearchRequest(query=query, size=0)).total:
        return None
    return (
        query,
        "No model has these words as they stand; these have names with words that begin so, or report such a metric.",
    )


def _is_wanted(condition: Condition) -> bool:
    """Whether it is words that a model may lack. What is left out by a minus stays out."""
    return condition.kind == "text" and not isinstance(condition.node, Not)


def _begun(word: Query) -> Query:
    if not isinstance(word, Match) or word.fields or not _BEGINNING.fullmatch(word.text):
        return word
    metric = metric_target(word.text)
    reported = () if metric is None or metric.nested else (Exists(metric.path),)
    return Or((word, *reported, Match(word.text, ("name",), "prefix")))


_BEGINNING = pattern(r"[^\W\d_][^\W_]{1,39}")


def promising(
    engine: SearchEngine,
    problems: Sequence[QueryProblem],
    read: Callable[[str], ParsedQuery],
    selections: Mapping[str, Query],
) -> tuple[QueryProblem, ...]:
    """The problems without suggestions that would find nothing beside what is selected.

    A mistyped name is offered in its place, else in its condition alone, else by itself: where no accuracy is above 0.9,
    `acuracy>0.9` leads to the models that report one.
    """
    offered = [
        suggestion
        for problem in problems
        if problem.code in _CHECKED
        for suggestion in problem.suggestions
        if len(suggestion.text) <= MAX_CHECKED_CHARACTERS
    ]
    if not offered:
        return tuple(problems)
    counts = _counted(engine, [suggestion.text for suggestion in offered], read, selections)
    mended = {
        suggestion.text: _lesser(suggestion, problem, read)
        for problem in problems
        if problem.code in _NAMES
        for suggestion in problem.suggestions
        if not counts.get(suggestion.text, 1)
    }
    if mended:
        lesser = [other.text for others in mended.values() for other in others]
        counts |= _counted(engine, lesser, read, selections)
    return tuple(_promising(problem, counts, mended) for problem in problems)


def _counted(
    engine: SearchEngine,
    texts: Sequence[str],
    read: Callable[[str], ParsedQuery],
    selections: Mapping[str, Query],
) -> dict[str, int]:
    """How many models each text would find."""
    texts = tuple(dict.fromkeys(texts))
    aggregations: dict[str, Aggregation] = {
        str(place): FilterAgg(query=And((read(text).query, *selections.values())))
        for place, text in enumerate(texts)
    }
    answers = engine.search(SearchRequest(size=0, aggregations=aggregations)).aggregations
    return {text: answers[str(place)].count or 0 for place, text in enumerate(texts)}


def _lesser(
    suggestion: Suggestion, problem: QueryProblem, read: Callable[[str], ParsedQuery]
) -> tuple[Suggestion, ...]:
    """What asks for less with the same name: its condition alone, who has it, and an order that leaves nobody out."""
    conditions = read(suggestion.text).conditions
    alone = [each.label for each in conditions if each.start <= problem.start < each.end]
    named = NAME.match(suggestion.text, problem.start)
    name = quoted(name_of(named)) if named is not None else ""
    measured = (f"sort:{name}",) if problem.code == "unknown-metric" else ()
    texts = dict.fromkeys((*alone, *((f"has:{name}", *measured) if name else ())))
    return tuple(Suggestion(label=text, text=text) for text in texts)


def _promising(
    problem: QueryProblem, counts: Mapping[str, int], mended: Mapping[str, Sequence[Suggestion]]
) -> QueryProblem:
    kept: list[Suggestion] = []
    for suggestion in problem.suggestions:
        options = (suggestion, *(mended.get(suggestion.text, ()) if problem.code in _NAMES else ()))
        kept += [option for option in options if counts.get(option.text, 1)][:1]
    if tuple(kept) == problem.suggestions:
        return problem
    first = problem.suggestions[0]
    named = problem.code in _NAMES or first in kept
    message = problem.message if named else problem.message.partition(_ASK)[0]
    return replace(problem, message=message, suggestions=tuple(dict.fromkeys(kept)))
