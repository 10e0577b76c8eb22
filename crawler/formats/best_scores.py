"""Whether the best score of a run, which every checkpoint of it repeats, is the score of this checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.layouts.names import stem
from catalog.layouts.steps import epochs_in_name, steps_in_name

_BEST = re.compile(r"_?best_(?P<what>.+)", re.IGNORECASE)
_END = re.compile(r"(?:^|[-_.])(?:last|latest|final|end)(?:[-_.]|$)", re.IGNORECASE)
_EPOCH_OF_BEST = ("epoch", "epochs", "ep")
MAX_NAME_CHARACTERS = 200


def best_is_own(name: str, values: Mapping[str, int | float], file_name: str, epoch: float | None) -> bool:
    """`name` is one of the numbers beside the weights (`best_acc`), `values` are all of them, `epoch` is the file's own.

    The best is another checkpoint's where the file says that it was reached in another epoch (icefall: `best_valid_loss`
    beside `best_valid_epoch`), and where the file is one of many, by its epoch or as the last one, and says nothing of it.
    """
    match = _BEST.fullmatch(name[:MAX_NAME_CHARACTERS])
    if match is None:
        return True
    own = stem(file_name)
    epochs = {int(epoch)} if epoch is not None else epochs_in_name(own)
    reached = _epoch_of_best(match["what"], values)
    if reached is not None and epochs:
        return any(abs(reached - number) < 1 for number in epochs)
    return "best" in own.lower() or not (
        _END.search(own) or epochs_in_name(own) or steps_in_name(own) or own.isdecimal()
    )


def _epoch_of_best(what: str, values: Mapping[str, int | float]) -> float | None:
    """The number in `best_valid_epoch` for `valid_loss`, else the one in `best_epoch`."""
    of_split = what.rpartition("_")[0]
    for word in _EPOCH_OF_BEST:
        for key in (f"best_{of_split}_{word}", f"best_{what}_{word}", f"best_{word}"):
            if (value := values.get(key)) is not None:
                return value
    return None
