"""The metric that leads a result set: the one asked for, else the one by which models of its task are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from catalog.query.nodes import And, Or, Query, Term, Terms
from mappings.metrics import find
from mappings.tasks import every_comparison, leading_metrics

TASK = "task"


def leading_metric(asked: Iterable[str], tasks: Iterable[str], reported: Mapping[str, int]) -> str:
    """The one metric by which these models are best compared, empty where they report none.

    `asked` are the metrics of the order and the conditions, `tasks` those that the search names, and `reported` the
    metrics of the models with their counts, the most frequent first.
    """
    for name in asked:
        return name
    usual = [name for task in tasks for name in leading_metrics(task) if name in reported]
    return usual[0] if usual else _most_reported(reported)


def tasks_of(query: Query, selected: Iterable[str] = ()) -> tuple[str, ...]:
    """The tasks that a search asks for, those that were clicked first."""
    return tuple(dict.fromkeys((*selected, *_tasks(query))))


def _tasks(query: Query) -> Iterator[str]:
    match query:
        case And(clauses) | Or(clauses):
            for clause in clauses:
                yield from _tasks(clause)
        case Term(field, value) if field == TASK:
            yield str(value)
        case Terms(field, values) if field == TASK:
            yield from (str(value) for value in values)


def _most_reported(reported: Mapping[str, int]) -> str:
    """Of the metrics that say how good a model is, the most frequent; of equal ones that by which tasks are compared."""
    ranked = [name for name in reported if _tells_quality(name)]
    usual = every_comparison()
    return min(ranked, key=lambda name: (-reported[name], name not in usual, name), default="")


def _tells_quality(name: str) -> bool:
    metric = find(name)
    return metric is not None and metric.group == "quality" and metric.direction is not None
