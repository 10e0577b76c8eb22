"""Records made again from what the store has: after an event, an edit, a restore, a new key."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.errors import NotRemakable
from catalog.recording import prints
from catalog.recording.changes import change_of
from catalog.recording.lending import NOTHING, borrowed
from catalog.records import ModelId
from catalog.store import Store
from catalog.store.batch import RecordBatch
from catalog.store.documents import GONE
from catalog.store.record_changes import Committed

PAGE_MODELS = 50


def remake(
    store: Store,
    models: Sequence[ModelId],
    *,
    made_by: str = "crawl",
    cause: str = "",
    recipe: str | None = None,
) -> Committed:
    """The records of these models made anew from their files' extractions and their edits, page by page.

    Nothing of other models is read or written, but the documents of copies whose list of copies changes. `recipe` is
    what a crawl makes records of this source with; None leaves it to the next crawl to find out whether it would make
    the same. Raises NotRemakable for a model that is gone, or of which an older version kept no files.
    """
    done = Committed()
    for start in range(0, len(models), PAGE_MODELS):
        with store.records.transaction(made_by=made_by, cause=cause) as batch:
            remake_in(batch, models[start : start + PAGE_MODELS], recipe=recipe)
        done.changed += batch.result.changed
        done.unchanged += batch.result.unchanged
    store.records.settle_copies()
    return done


def remake_in(
    batch: RecordBatch, models: Sequence[ModelId], *, recipe: str | None = None, joining: bool = False
) -> None:
    """The same inside a transaction that locks these models. `joining` says that their own files say what they said, and
    that those that are joined with them need no look.
    """
    batch.lock(models)
    for model in models:
        if (reason := why_not_remakable(batch, model)) is not None:
            raise NotRemakable(model, reason)
    groups, edits = batch.groups(models), batch.edits(models)
    lent = borrowed(batch.joined(groups))
    changes = [
        change_of(
            groups[model],
            signature=batch.signature(model) if recipe is None else prints.signature(groups[model], recipe),
            edits=edits.get(model, ()),
            now=batch.now,
            lent=lent.get(model, NOTHING),
        )
        for model in models
    ]
    batch.put(changes, remade=True, joining=joining)


def why_not_remakable(batch: RecordBatch, model: ModelId) -> str | None:
    """Why the record of a locked model cannot be made again, as the rest of a sentence; None if it can."""
    state = batch.state(model)
    if state is None:
        return "there is none with this id."
    if (target := batch.moved_to(model)) is not None:
        return f"it is elsewhere now. Use its present id: {target[:12]}"
    if state == GONE:
        return "it is gone. A crawl that finds its files brings it back."
    if not batch.is_remakable(model):
        return (
            "it was catalogued by an older Modeldex and not crawled since. "
            "Crawl its folder once with: modeldex crawl FOLDER"
        )
    return None
