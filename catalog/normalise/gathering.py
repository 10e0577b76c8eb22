"""The observations of a group in one stable order: secrets masked, text cleaned, settings put to their fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from catalog.layouts.steps import stray_steps
from catalog.lazy_dataclasses import dataclass, replace
from catalog.normalise.masking import masked_observation
from catalog.normalise.parts import edits
from catalog.normalise.precedence import too_far
from catalog.normalise.values import secrets
from catalog.records import Extraction, Group, Member, Observation, Origin, Problem, Risk, Role, Severity
from catalog.text import cleaning
from catalog.text.slugs import stored_slug
from mappings import fields, fields_where

MAX_OBSERVATIONS = 100_000
SETTING_ALIASES: Mapping[str, str] = {
    "lr": "learning_rate", "eta": "learning_rate", "base_lr": "learning_rate", "lr0": "learning_rate", "init_lr": "learning_rate",
    "learning_rate_init": "learning_rate", "initial_learning_rate": "learning_rate", "max_lr": "learning_rate", "shrinkage_rate": "learning_rate",
    "bs": "batch_size", "batch": "batch_size", "batchsize": "batch_size", "train_batch_size": "batch_size", "per_device_train_batch_size": "batch_size",
    "num_epochs": "epochs", "n_epochs": "epochs", "max_epochs": "epochs", "num_train_epochs": "epochs", "nb_epoch": "epochs",
    "max_steps": "steps", "num_steps": "steps", "num_train_steps": "steps", "training_steps": "steps",
    "optim": "optimizer", "optimizer_name": "optimizer", "optimizer_type": "optimizer", "opt": "optimizer",
    "random_seed": "seed", "random_state": "seed", "manual_seed": "seed", "loss_function": "loss", "criterion_name": "loss",
    "lr_scheduler": "scheduler", "lr_scheduler_type": "scheduler", "scheduler_name": "scheduler", "wd": "weight_decay",
    "num_warmup_steps": "warmup_steps", "lr_warmup_steps": "warmup_steps", "max_seq_len": "max_seq_length", "max_length": "max_seq_length",
}  # fmt: skip
_HELD_APART = frozenset({"flattened", "metrics", "nested"})
"""Types of fields below which stand names that are no fields."""
_NOT_PROMOTED = frozenset({"precision", "objective"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Everything the group says, by what it is about."""

    by_field: Mapping[str, tuple[Observation, ...]]
    metrics: tuple[Observation, ...]
    free: Mapping[str, tuple[Observation, ...]]  # hyperparameters.* and extra.*, by prefix
    distances: Mapping[str, int]
    aside: frozenset[str]
    """Files whose word counts only where nothing else says anything: the model's alternatives, and hearsay."""
    elsewhere: frozenset[str]
    """Files that name the model from another place: they lose to what is stated at its own."""
    risks: tuple[Risk, ...]
    problems: tuple[Problem, ...]
    removed: Mapping[str, tuple[Observation, ...]]
    """Words that a person takes away from what a list field holds."""
    emptied: Mapping[str, tuple[Observation, ...]]
    """Fields that a person empties: that statement, then all that files say of them."""


def gather(
    group: Group,
    *,
    aside: frozenset[str] = frozenset(),
    elsewhere: frozenset[str] = frozenset(),
) -> Gathered:
    """The group's observations, masked and cleaned, in the same order whatever the order of its members."""
    members = sorted(group.members, key=lambda member: (member.object.key, member.subject or ""))
    distances: dict[str, int] = {member.object.key: member.distance for member in members}
    risks: list[Risk] = []
    problems: list[Problem] = []
    observations: list[Observation] = []
    before: Member | None = None
    by_subject: Mapping[str | None, Sequence[Observation]] = {}
    for member in members:
        if member.extraction is None:
            continue
        is_again = before is not None and member.object.key == before.object.key
        if before is None or member.extraction is not before.extraction:
            by_subject = _by_subject(member.extraction)
            risks.extend(replace(risk, detail=_safe_text(risk.detail)) for risk in member.extraction.risks)
            problems.extend(
                replace(problem, message=_safe_text(problem.message))
                for problem in member.extraction.problems
            )
        if not is_again and secrets.without_secrets(member.object.key)[1]:
            risks.append(_secret_in_name(member))
        before = member
        if (steps := stray_steps(member.subject or "")) is not None:
            problems.append(_without_checkpoint(member, steps))
        if member.extraction.role is Role.PART:
            continue  # what a projector is called and counts is not about the model
        is_of_component = (
            group.kind == "pipeline" and (member.object.key.rpartition("/")[0] or ".") != group.key
        )
        own = by_subject.get(member.subject, ()) if member.subject is not None else ()
        # what the file says of all its subjects is said once, of however many this model is one
        for seen in (*(() if is_again else by_subject.get(None, ())), *own):
            if seen.key in aside and seen.field.startswith(("adapter.", "quantization.")):
                continue  # of an adapter that was left beside a whole model, or of the bytes of an alternative
            if is_of_component and seen.field in fields_where("shape"):
                continue  # a text encoder's type and width are not those of the pipeline that it is in
            if not _too_far(seen, member.distance):
                safe = _safe(seen)
                observations.append(safe)
                if safe.masked:
                    risks.append(_secret(safe))
    observations.extend(_safe(seen) for seen in group.edits)
    observations.extend(_lent(group, observations))
    observations.sort(key=lambda seen: (seen.key, seen.extractor, seen.pointer, seen.field, repr(seen.raw)))
    if len(observations) > MAX_OBSERVATIONS:
        problems.append(
            Problem(
                code="limit-exceeded", message=f"{len(observations):,} values; {MAX_OBSERVATIONS:,} are read"
            )
        )
    return replace(
        _sorted_out(observations[:MAX_OBSERVATIONS], distances, aside, risks, problems), elsewhere=elsewhere
    )


def _lent(group: Group, observations: Sequence[Observation]) -> list[Observation]:
    """What models of other sources say of this one; of hearsay only what nothing but a file name says here."""
    stated = {_list_of(seen) for seen in observations if seen.origin is not Origin.FILENAME} - {""}
    return [
        _safe(seen) for seen in group.lent if seen.key not in group.hearsay or _list_of(seen) not in stated
    ]


def _by_subject(extraction: Extraction) -> Mapping[str | None, Sequence[Observation]]:
    observations: dict[str | None, list[Observation]] = {}
    for seen in extraction.observations:
        observations.setdefault(seen.subject, []).append(seen)
    return observations


def _without_checkpoint(member: Member, steps: str) -> Problem:
    return Problem(
        code="step-without-checkpoint",
        message=f"none of the checkpoints beside it says step {steps}: what was measured then is said of no model",
        key=member.object.key,
    )


def _list_of(seen: Observation) -> str:
    """The field in which this would stand beside what others say, all metrics for one; empty where one value wins."""
    name = seen.field if seen.field in fields() else seen.field.partition(".")[0]
    row = fields().get(name)
    return name if row is not None and (row.list or row.type == "metrics") else ""


def _too_far(seen: Observation, distance: int) -> bool:
    if too_far(distance):
        return True
    return distance < 0 and seen.origin is Origin.CARD and seen.field not in fields_where("from_parent")


def _safe(seen: Observation) -> Observation:
    """The observation fit to be shown: without secrets and control characters."""
    seen = masked_observation(seen)
    limit = cleaning.MAX_ALL_TEXT_BYTES if seen.field == "all_text" else cleaning.MAX_VALUE_CHARS
    raw = _cleaned(seen.raw, limit=limit)
    context = cleaning.cleaned(dict(seen.context)) if seen.context else seen.context
    pointer = cleaning.clean(seen.pointer, 1_024)
    if raw is seen.raw and context is seen.context and pointer == seen.pointer:
        return seen
    return replace(seen, raw=raw, context=context, pointer=pointer)


def _safe_text(message: str) -> str:
    return secrets.masked_text(message)


def _cleaned(raw: Any, *, limit: int = cleaning.MAX_VALUE_CHARS) -> Any:
    """The raw value cleaned; a text that is unchanged keeps its class, which may know whether it was quoted."""
    cleaned = cleaning.clean(raw, limit) if isinstance(raw, str) else cleaning.cleaned(raw)
    return raw if isinstance(raw, str) and cleaned == raw else cleaned


def _secret(seen: Observation) -> Risk:
    return Risk(
        kind="secret",
        severity=Severity.MEDIUM,
        detail=f"a secret at {seen.pointer[:200]} is masked",
        key=seen.key,
    )


def _secret_in_name(member: Member) -> Risk:
    """Names of files stay as they are, or nobody would find the file; that one holds a secret is said."""
    return Risk(
        kind="secret",
        severity=Severity.MEDIUM,
        detail="its name or that of its directory holds a secret, which stands wherever the file is named",
        key=member.object.key,
    )


def _sorted_out(
    observations: list[Observation],
    distances: Mapping[str, int],
    aside: frozenset[str],
    risks: list[Risk],
    problems: list[Problem],
) -> Gathered:
    by_field: dict[str, list[Observation]] = {}
    free: dict[str, list[Observation]] = {"hyperparameters": [], "extra": []}
    metrics: list[Observation] = []
    removed: dict[str, list[Observation]] = {}
    emptied: dict[str, list[Observation]] = {
        edits.place_of(seen.field): [seen] for seen in observations if edits.is_part(seen, edits.EMPTY)
    }
    table = fields()
    for seen in observations:
        if seen.origin is Origin.EDIT:
            if edits.is_part(seen, edits.EMPTY):
                continue
            if edits.is_part(seen, edits.REMOVE):
                removed.setdefault(seen.field, []).append(seen)
                continue
        for observation in _placed(seen):
            if emptied and (place := edits.place_of(observation.field)) in emptied:
                emptied[place].append(observation)
                continue
            prefix, _, rest = observation.field.partition(".")
            row = table.get(observation.field)
            if row is not None and row.type not in _HELD_APART:
                by_field.setdefault(observation.field, []).append(observation)
            elif prefix == "metrics" and rest:
                metrics.append(observation)
            elif prefix in free and rest:
                free[prefix].append(observation)
            else:
                free["extra"].append(replace(observation, field=f"extra.{observation.field}"))
    return Gathered(
        by_field={name: tuple(seen) for name, seen in by_field.items()},
        metrics=tuple(metrics),
        free={name: tuple(seen) for name, seen in free.items()},
        distances=distances,
        aside=aside,
        elsewhere=frozenset(),
        risks=tuple(risks),
        problems=tuple(problems),
        removed={name: tuple(seen) for name, seen in removed.items()},
        emptied={name: tuple(seen) for name, seen in emptied.items()},
    )


def _placed(seen: Observation) -> Iterator[Observation]:
    """The observation, mappings under a free name taken apart, and a setting also at the field that it means."""
    if isinstance(seen.raw, dict):
        if _holds_names(seen.field) or seen.field.startswith(("hyperparameters.", "extra.")):
            for name, value in _leaves(seen.field, seen.raw, 0):
                yield from _placed(
                    replace(
                        seen, field=name, raw=value, pointer=f"{seen.pointer}/{name[len(seen.field) + 1 :]}"
                    )
                )
            return
        if seen.field == "training":
            for name, value in _leaves("hyperparameters", seen.raw, 0):
                yield from _placed(replace(seen, field=name, raw=value))
            return
    yield seen
    if seen.field.startswith("hyperparameters."):
        target = setting_field(seen.field.partition(".")[2])
        if (
            target is not None
            and not _sets_limit(seen, target)
            and not _is_of_no_training(seen.field, target)
        ):
            yield replace(seen, field=target, context={**seen.context, "setting": True})


def _sets_limit(seen: Observation, target: str) -> bool:
    """`max_epochs`, `max_steps`: what a training may last at most is not how long it lasted."""
    name = stored_slug(seen.field.rpartition(".")[2])
    return name.startswith("max_") and target in {"training.epochs", "training.steps"}


_OF_NO_TRAINING = frozenset(
    {
        "val",
        "valid",
        "validation",
        "eval",
        "evaluation",
        "test",
        "testing",
        "predict",
        "inference",
        "serving",
        "server",
    }
)
_OF_DATA = frozenset({"data", "dataset", "datasets"})


def _is_of_no_training(field: str, target: str) -> bool:
    """`validation.batch_size`, `server.batch_size`: what stands in the group of something else is not how the model was
    trained; nor is `data.seed`, after which data are split, the seed of its run.
    """
    groups = {group.lower() for group in field.split(".")[1:-1]}
    return not groups.isdisjoint(_OF_NO_TRAINING) or (
        target == "training.seed" and not groups.isdisjoint(_OF_DATA)
    )


def _leaves(prefix: str, value: dict[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = f"{prefix}.{key}"
        if isinstance(item, dict) and item and depth < 5:
            yield from _leaves(name, item, depth + 1)
        elif item is not None:
            yield name, item if not isinstance(item, dict) else str(item)


def setting_field(name: str) -> str | None:
    """The training field that a setting's name means: lr → training.learning_rate."""
    last = stored_slug(name.rpartition(".")[2])
    return _setting_fields().get(stored_slug(name)) or _setting_fields().get(last)


def setting_names(field: str) -> tuple[str, ...]:
    """Every name of a setting that means this training field."""
    return tuple(name for name, target in _setting_fields().items() if target == field)


@cache
def _setting_fields() -> Mapping[str, str]:
    own = {name.partition(".")[2]: name for name in fields() if name.startswith("training.")}
    direct = {short: name for short, name in own.items() if short not in _NOT_PROMOTED}
    return {**{alias: own[short] for alias, short in SETTING_ALIASES.items()}, **direct}


@lru_cache(maxsize=4_096)  # names come from files: there is no end of them
def _holds_names(name: str) -> bool:
    """Whether files fill the field with names of their own."""
    row = fields().get(name)
    return row is not None and row.type in {"metrics", "flattened"}
