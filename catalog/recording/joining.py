"""Records of models that files of other sources tell of, made again when those files, or the models, come, change or leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from catalog.recording.remake import remake_in, why_not_remakable
from catalog.records import ModelId, SourceId
from catalog.settings import Settings
from catalog.settings.core import JoinSettings
from catalog.store import Store

PAGE_MODELS = 50


def settle_joins(store: Store, source: SourceId, settings: Settings) -> None:
    """Every record shows what is told of it elsewhere, after `source` was crawled or told of events: at the cost of the
    models that changed and of those that they are joined with. A killed process leaves the rest to the next. Where joins
    are switched off, what was joined before is parted.
    """
    if not settings.section(JoinSettings).enabled:
        _part_all(store)
        return
    while due := store.joins.due():
        reached = store.joins.reached(due)
        for start in range(0, len(reached), PAGE_MODELS):
            _join(store, reached[start : start + PAGE_MODELS], due)
        store.joins.settled(due)
    if (judges := store.joins.judges(source)) != store.joins.judged_by():
        for misjudged in store.joins.misjudged():
            for start in range(0, len(misjudged), PAGE_MODELS):
                _remake(store, misjudged[start : start + PAGE_MODELS], {})
        store.joins.keep_judges(judges)


def settle_due_joins(store: Store, sources: Iterable[SourceId], settings: Settings) -> None:
    """As `settle_joins` after a change to these sources that may have left nothing due."""
    for source in islice(sources, 1) if store.joins.due() else ():  # one settles what is due of all
        settle_joins(store, source, settings)


def _join(store: Store, models: Sequence[ModelId], due: Mapping[ModelId, int]) -> None:
    """Of these models those that are told of by others than before, or by whoever says something else, and those others, who
    say where the models are that they tell of.
    """
    before, now = store.joins.present(models), store.joins.lenders(models)
    changed = {model: now.get(model, ()) for model in models if before.get(model, ()) != now.get(model, ())}
    others = {lender for model in changed for lender in {*before.get(model, ())} ^ {*now.get(model, ())}}
    others |= {lender for model in models if model in due for lender in now.get(model, ())}
    told_anew = {
        model for model in models if now.get(model) and not due.keys().isdisjoint({model, *now[model]})
    }
    _remake(store, sorted({*changed, *others, *told_anew}), changed)


def _part_all(store: Store) -> None:
    """Nobody tells of models elsewhere any more; all of these are due, should joins be switched on again."""
    while models := store.joins.borrowers(PAGE_MODELS):
        present = store.joins.present(models)
        lenders = {lender for own in present.values() for lender in own}
        _remake(store, sorted({*models, *lenders}), dict.fromkeys(models, ()), joining=False)


def _remake(
    store: Store,
    models: Sequence[ModelId],
    lenders: Mapping[ModelId, Sequence[ModelId]],
    *,
    joining: bool = True,
) -> None:
    if not models:
        return
    with store.records.transaction(made_by="crawl", cause="joins") as batch:
        batch.lock(models)
        batch.join(lenders)
        remake_in(
            batch,
            [model for model in models if why_not_remakable(batch, model) is None],
            joining=joining,
        )
