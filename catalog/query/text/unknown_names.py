"""What is said of metrics and data sets that no model reports, with those that may be meant."""

from __future__ import annotations

from collections.abc import Callable

from catalog.query.problems import Suggestion
from catalog.query.text.parse_context import Reading
from catalog.query.text.printing import quoted
from catalog.query.text.targets import Target, more_metrics, resolve, suggestions
from catalog.query.text.tokens import Token
from catalog.text.patterns import pattern
from catalog.text.spelling import nearest


def tell_unknown_dataset_of(token: Token, target: Target, reading: Reading) -> None:
    """Says that a metric was measured on no such data set, of `f1@conll > 0.9`."""
    base = token.name.partition("@")[0]
    tell_unknown_dataset(
        target.dataset or "",
        (token.start, token.name_end),
        lambda name: reading.replaced(token.start, token.name_end, f"{base}@{quoted(name)}").text,
        reading,
    )


def tell_unknown_dataset(
    wanted: str, place: tuple[int, int], mended: Callable[[str], str], reading: Reading
) -> None:
    """Says that nothing was evaluated there, and which data sets there are. `mended` is the whole text with another one."""
    known = reading.vocabulary.evaluated_on if reading.vocabulary is not None else {}
    if not known or wanted in {name.casefold() for name in known} or not reading.may_look_up():
        return
    if reading.vocabulary is not None and reading.vocabulary.is_evaluated_on(wanted):
        return  # by more models than were looked at for names
    near = [name for name in known if wanted in name.casefold() or name.casefold() in wanted]
    close = sorted(near or nearest(wanted, known, counts=known), key=lambda name: -known[name])[:3]
    offered = [Suggestion(label=name, text=mended(name)) for name in close]
    ask = f" Did you mean {close[0]}?" if close else f" There are {', '.join(sorted(known)[:5])}."
    reading.problem("unknown-dataset", f"No model was evaluated on {wanted}.{ask}", *place, *offered)


_VERSION = pattern(r"\d+\.\d+(?:\.\d+)*")


def tell_unknown_metric(token: Token, target: Target, reading: Reading) -> None:
    """Says that no model reports the metric, as it was typed where its name is of another script."""
    name = target.path.removeprefix("metrics.")
    if not token.name.isascii() and name not in token.name:
        name = token.name  # of another script a metric has a name that nobody can read
    vocabulary = reading.vocabulary
    if vocabulary is not None and name in vocabulary.metrics:
        return
    known = bool(resolve(name))  # spelled with an accent: none reports it, and no other is meant
    close = suggestions(name, vocabulary, numeric=True) if not known and reading.may_look_up() else []
    counts = vocabulary.metrics if vocabulary else {}
    if (
        not close
        and not known
        and _VERSION.fullmatch(token.values[0].text)
        and token.operator in {">", ">=", "<", "<="}
    ):
        spelled = f"{token.name} version{token.operator}{token.values[0].text}"
        offered = [reading.replaced(token.start, token.end, spelled)]
        reading.problem("unknown-metric", f"No model reports {name}.", token.start, token.name_end, *offered)
        return
    offered = [
        Suggestion(
            label=f"{metric} ({counts[metric]:,})" if counts.get(metric) else metric,
            text=reading.replaced(token.start, token.name_end, metric).text,
        )
        for metric in close
    ]
    ask = f" Did you mean {close[0]}?" if close else ""
    message = f"No model reports {name}."
    if more_metrics(vocabulary):
        message = f"{name} is none of the {len(counts):,} most frequent metrics."
    reading.problem("unknown-metric", f"{message}{ask}", token.start, token.name_end, *offered)
