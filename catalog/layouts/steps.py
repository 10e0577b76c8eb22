"""At which step of a run a checkpoint was written, and of which step something is said."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from catalog.layouts.names import is_generic_stem
from catalog.text.patterns import pattern

SIDECAR_FORMAT = "modeldex"
"""The format of the sidecars that people and jobs write for the catalog, and in which values may be of a step."""
STEP = "step:"
"""In front of a join key: the step that is written into a checkpoint, with the checkpoint's directory."""
STRAY = "steps-without-checkpoint="
"""In front of the steps by which a file is bound to models that it says nothing of."""
MAX_STRAY_STEPS = 10
MAX_STEP_DIGITS = 15
_SUBJECT = pattern(rf"@(?P<kind>[a-z_]+)=(?P<position>\d{{1,{MAX_STEP_DIGITS}}})$")
_NUMBER = pattern(r"(?:(?P<word>[A-Za-z]+)[-_=]?)?(?<![\d.])(?P<number>\d{1,12})(?![\d.]*[A-Za-z\d])")
_OF_STEPS = frozenset({"step", "steps", "iter", "iters", "iteration", "it", "checkpoint", "ckpt"})
_OF_EPOCHS = frozenset({"e", "ep", "epoch", "epochs"})
_OF_ANY_MODEL = frozenset({"net", "network"})


def step_subject(key: str, step: int) -> str | None:
    """The id of what a file says of one step; None for a number that counts no steps, such as a time in nanoseconds."""
    return f"{key}@step={step}" if 0 <= step < 10**MAX_STEP_DIGITS else None


def position_of_subject(identity: str) -> tuple[str, int] | None:
    """Of which step, epoch or iteration a file says what it says under this id: its kind and its number."""
    match = _SUBJECT.search(identity)
    return (match["kind"], int(match["position"])) if match else None


def stray_subject(steps: Collection[int]) -> str:
    """What a file is bound by to the models that it is not about: it says something of steps that none of them has."""
    rest = f"+{len(steps) - MAX_STRAY_STEPS}" if len(steps) > MAX_STRAY_STEPS else ""
    return f"{STRAY}{','.join(map(str, sorted(steps)[:MAX_STRAY_STEPS]))}{rest}"


def stray_steps(identity: str) -> str | None:
    """The steps of such a binding as words: `25, 35 and 12 others`."""
    if not identity.startswith(STRAY):
        return None
    steps, _, others = identity.removeprefix(STRAY).partition("+")
    return steps.replace(",", ", ") + (f" and {others} others" if others else "")


def step_key(directory: str, step: int) -> str:
    return f"{STEP}{directory}:{step}"


def steps_in(join_keys: Iterable[str]) -> set[int]:
    """The steps that checkpoints say of themselves."""
    return {int(key.rpartition(":")[2]) for key in join_keys if key.startswith(STEP)}


def steps_in_name(stem: str) -> set[int]:
    """The numbers that a name calls steps: `epoch=1-step=500`, `iter_500`, `checkpoint-500`."""
    return {number for word, number in _numbers(stem) if word in _OF_STEPS}


def epochs_in_name(stem: str) -> set[int]:
    """The numbers that a name calls epochs: `net_epoch_10`, `model-e12`."""
    return {number for word, number in _numbers(stem) if word in _OF_EPOCHS}


def positions_in_name(stem: str) -> set[int]:
    """The numbers in a name that may count anything: epochs, or what it does not say (`model_500`). Behind another word a
    number may be the network's own (`resnet50`).
    """
    return {
        number
        for word, number in _numbers(stem)
        if not word or word in _OF_EPOCHS | _OF_ANY_MODEL or (word not in _OF_STEPS and is_generic_stem(word))
    }


def without_positions(stem: str) -> str:
    """What names of one run have in common: all but their numbers."""
    return re.sub(r"\d+", "#", stem)


def _numbers(stem: str) -> list[tuple[str, int]]:
    return [
        (match["word"].lower() if match["word"] else "", int(match["number"]))
        for match in _NUMBER.finditer(stem)
    ]
