"""A policy: which models are looked at, what of them is kept, and what becomes of the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import nearest
from catalog.text.slugs import stored_slug
from mappings import fields
from mappings.metrics import find

MAX_LISTED = 100
MAX_NUMBER = 1_000_000
MAX_DAYS = 36_500
DAY_SECONDS = 86_400
_AGE = re.compile(r"(\d{1,6})\s*(d|w|h)")
_SECONDS = {"h": 3_600, "d": DAY_SECONDS, "w": 7 * DAY_SECONDS}
ANY, ARCHIVED = "*", "archived"


class Deed(StrEnum):
    """What becomes of a model that goes."""

    REPORT = "report"
    TRASH = "trash"
    DELETE = "delete"


class Per(StrEnum):
    """Among which models those that are kept are counted."""

    SERIES = "series"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """So many of the best by a metric, measured on one data set or on whatever its headline value is of."""

    number: int
    metric: str
    dataset: str | None = None
    split: str | None = None
    direction: str = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a person wants kept; each rule keeps what it names, whatever another one says. Ages in seconds."""

    name: str
    models: str
    per: Per = Per.SERIES
    newest: int = 0
    best: tuple[Best, ...] = ()
    stages: tuple[str, ...] = (ANY,)
    aliases: bool = True
    tags: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()
    older_than: int = 0
    age_by: str = "modified_at"
    action: Deed = Deed.TRASH

    def keeps_stage(self, stage: str) -> bool:
        """Whether a model in this stage stays; any but `archived` where no stages are named."""
        wanted = {name.casefold() for name in self.stages}
        return stage.casefold() in wanted or (ANY in wanted and stage.casefold() != ARCHIVED)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class PolicyRefused(UserError):
    """The policy is not one, for any of these reasons (path of keys, sentence)."""

    def __init__(self, faults: Sequence[tuple[tuple[str, ...], str]]) -> None:
        super().__init__("\n  ".join(sentence for _, sentence in faults))
        self.faults = tuple(faults)


def read_policy(value: Any) -> Policy:
    """The policy that this mapping says. Raises PolicyRefused with every fault; no key is passed over."""
    reading = _Reading()
    top = reading.mapping(
        value, (), ("name", "models", "per", "keep", "protect", "older_than", "age_by", "action")
    )
    keep = reading.mapping(top.get("keep", {}), ("keep",), ("newest", "best", "stages", "aliases"))
    protect = reading.mapping(top.get("protect", {}), ("protect",), ("tags", "queries", "saved"))
    best = keep.get("best", [])
    if isinstance(best, list) and len(best) > MAX_LISTED:
        reading.fault(("keep", "best"), f"a list of at most {MAX_LISTED} rules is needed here.")
    policy: dict[str, Any] = {
        "name": reading.text(top, "name", ()),
        "models": reading.text(top, "models", ()),
        "per": reading.chosen(top.get("per", "series"), ("per",), Per),
        "newest": reading.number(keep.get("newest", 0), ("keep", "newest"), least=0),
        "best": tuple(
            reading.best(
                entry, ("keep", "best", f"[{number}]") if isinstance(best, list) else ("keep", "best")
            )
            for number, entry in enumerate((best if isinstance(best, list) else [best])[:MAX_LISTED])
        ),
        "stages": reading.texts(keep.get("stages", [ANY]), ("keep", "stages")),
        "aliases": reading.truth(keep.get("aliases", True), ("keep", "aliases")),
        **{
            name: reading.texts(protect.get(name, []), ("protect", name))
            for name in ("tags", "queries", "saved")
        },
        "older_than": reading.age(top.get("older_than", 0), ("older_than",)),
        "age_by": reading.date_field(top.get("age_by", "modified_at"), ("age_by",)),
        "action": reading.chosen(top.get("action", "trash"), ("action",), Deed),
    }
    if reading.faults:
        raise PolicyRefused(reading.faults)
    return Policy(**policy)


def policy_of(stored: Mapping[str, Any]) -> Policy:
    """The policy as a plan keeps it."""
    known = dict(stored)
    lists = {name: tuple(known[name]) for name in ("stages", "tags", "queries", "saved")}
    best = tuple(Best(**entry) for entry in known["best"])
    return Policy(
        **{**known, **lists, "best": best, "per": Per(known["per"]), "action": Deed(known["action"])}
    )


class _Reading:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self.faults: list[tuple[tuple[str, ...], str]] = []

    def fault(self, path: tuple[str, ...], sentence: str) -> None:
        self.faults.append((path, f"{'.'.join(path) or 'the policy'}: {sentence}"))

    def mapping(self, value: Any, path: tuple[str, ...], known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.fault(path, f"it is not keys with values; known are {', '.join(known)}.")
            return {}
        for key in value:
            if key not in known:
                close = nearest(str(key), known)
                hint = f"did you mean {close!r}?" if close else f"known are {', '.join(known)}."
                self.fault((*path, str(key)[:80]), f"unknown key, {hint}")
        return value

    def text(self, value: Mapping[str, Any], key: str, path: tuple[str, ...]) -> str:
        text = value.get(key)
        if not isinstance(text, str | int | float) or isinstance(text, bool) or not str(text).strip():
            self.fault((*path, key), "a text is needed here.")
            return ""
        return str(text).strip()

    def texts(self, value: Any, path: tuple[str, ...]) -> tuple[str, ...]:
        listed = value if isinstance(value, list) else [value]
        if len(listed) > MAX_LISTED or not all(isinstance(item, str) and item.strip() for item in listed):
            self.fault(path, f"a list of at most {MAX_LISTED} texts is needed here.")
            return ()
        return tuple(item.strip() for item in listed)

    def number(self, value: Any, path: tuple[str, ...], *, least: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_NUMBER:
            self.fault(path, f"a number from {least} to {MAX_NUMBER:,} is needed here.")
            return least
        return value

    def truth(self, value: Any, path: tuple[str, ...]) -> bool:
        if not isinstance(value, bool):
            self.fault(path, "true or false is needed here.")
        return value is True

    def chosen(self, value: Any, path: tuple[str, ...], kind: type[StrEnum]) -> Any:
        if value not in list(kind):
            self.fault(path, f"one of {', '.join(kind)} is needed here.")
            return next(iter(kind))
        return kind(value)

    def age(self, value: Any, path: tuple[str, ...]) -> int:
        match = _AGE.fullmatch(value.strip()) if isinstance(value, str) else None
        if value == 0 and not isinstance(value, bool):
            return 0
        if match is None or int(match[1]) * _SECONDS[match[2]] > MAX_DAYS * DAY_SECONDS:
            self.fault(path, f"an age such as 180d, 26w or 12h is needed here, at most {MAX_DAYS:,} days.")
            return 0
        return int(match[1]) * _SECONDS[match[2]]

    def date_field(self, value: Any, path: tuple[str, ...]) -> str:
        dates = [name for name, row in fields().items() if row.type == "date"]
        if value not in dates:
            self.fault(path, f"a date of models is needed here: {', '.join(dates)}.")
            return dates[0]
        return str(value)

    def best(self, value: Any, path: tuple[str, ...]) -> Best:
        entry = self.mapping(value, path, ("number", "metric", "dataset", "split", "direction"))
        metric = self.text(entry, "metric", path)
        row = find(stored_slug(metric))
        direction = entry.get("direction", row.direction if row is not None else None)
        if metric and direction not in {"up", "down"}:
            self.fault(
                (*path, "direction"), f"nobody knows whether more {metric[:80]} is better: write up or down."
            )
        others = {name: self.text(entry, name, path) for name in ("dataset", "split") if name in entry}
        return Best(
            number=self.number(entry.get("number", 1), (*path, "number"), least=1),
            metric=metric if row is None else row.name,
            direction=str(direction),
            **others,
        )
