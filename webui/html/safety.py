"""Whether one may load a model, in one of three tones: data only, needs trust, do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.text.absence import ABSENT
from mappings.loading import Format, formats
from webui.documents import rows_at, text_at, value_at, values_at
from webui.html.rows import risk_word
from webui.text import shown

SEVERITY_WORDS = {"1": "info", "2": "low", "3": "medium", "4": "high", "5": "critical"}
SEVERITY_ORDER = ("critical", "high", "medium", "low", "info")
SEVERE = frozenset({"critical", "high"})
NOT_OF_LOADING = frozenset({"secret", "legacy-format"})
"""What a risk of this kind says is worth knowing, and loading the model does nothing by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRow:
    """One thing that was found in a file; `severity` is one of SEVERITY_ORDER."""

    kind: str
    word: str  # the kind for people
    severity: str
    file: str
    member: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What loading does. `tone` is good, warn, danger or info (nothing is known); `withheld` says why no lines to load it stand
    there, empty where they may.
    """

    tone: str
    headline: str
    detail: str
    advice: str
    withheld: str = ""


def risk_rows(document: Mapping[str, Any]) -> tuple[RiskRow, ...]:
    """Everything found, the worst first."""
    rows = [
        RiskRow(
            kind=shown(row.get("kind", "risk"), 60),
            word=risk_word(str(row.get("kind", "risk"))),
            severity=SEVERITY_WORDS.get(
                str(row.get("severity")), shown(row.get("severity", "info"), 20).lower()
            ),
            file=shown(row.get("file") or row.get("key") or "", 300),
            member=shown(row.get("member") or "", 200),
            detail=shown(row.get("detail") or "", 600),
        )
        for row in rows_at(document, "risks")
    ]
    rows.sort(key=lambda row: SEVERITY_ORDER.index(row.severity) if row.severity in SEVERITY_ORDER else 0)
    return tuple(rows)


def verdict_of(document: Mapping[str, Any], risks: tuple[RiskRow, ...]) -> Verdict:
    """The one sentence that a person needs before loading the model."""
    about_loading = [row for row in risks if row.kind not in NOT_OF_LOADING]
    severe = [row for row in about_loading if row.severity in SEVERE]
    if severe:
        return Verdict(
            tone="danger",
            headline="Do not load it.",
            detail=_sentence(severe[0]),
            advice="Ask whoever put it here, and for the weights in a format that holds data only.",
            withheld="Not shown: what loading this model does is dangerous.",
        )
    if text_at(document, "status") in ABSENT:
        return Verdict(
            tone="info",
            headline="Not here now.",
            detail="Its files were not there when its place was last looked through.",
            advice="",
            withheld="Not shown: there is nothing to load now.",
        )
    if (lacking := _lacking(document)) is not None:
        return lacking
    known = [formats()[str(name)] for name in values_at(document, "format") if str(name) in formats()]
    used = known[0] if known else None  # the weights' own stands first, then what they are packaged as
    own_files = _weight_files(document)
    own = [row for row in about_loading if row.file in own_files or row.severity == "medium"]
    if used is None or used.does != "data":
        own = own or [row for row in about_loading if not row.file]
    unchecked = [row for row in own if row.kind == "unchecked"]
    if unchecked or (used is None and "unchecked" in values_at(document, "flags")):
        detail = _sentence(unchecked[0]) if unchecked else "A file of it could not be looked through."
        return _needs_trust("Nobody could look inside.", detail, used)
    if own:
        return _needs_trust("Needs trust: loading it runs code.", _sentence(own[0]), used)
    if used is None:
        return _unknown(document)
    beside = [row for row in about_loading if row not in own]
    return _by_format(used, beside)


def _by_format(used: Format, beside: list[RiskRow]) -> Verdict:
    name = used.name
    match used.does:
        case "data":
            note = (
                f"Beside it: {_sentence(beside[0])} Loading the model does not open that." if beside else ""
            )
            return Verdict(
                tone="good",
                headline="Data only.",
                detail=f"{name}: nothing in it runs.",
                advice=note,
            )
        case "types":
            detail = f"{name}: its loader makes no type that you did not allow."
            return Verdict(tone="good", headline="Asks before anything runs.", detail=detail, advice="")
        case "pickle":
            return Verdict(
                tone="good",
                headline="Looked through: nothing dangerous.",
                detail=f"{name} is a pickle, and this one calls only what makes data.",
                advice="The flags of the lines below keep it so, whatever the next version of the file holds.",
            )
        case "program":
            detail = f"{name} is a program of its framework: what it does when it runs was not looked into."
            return _needs_trust("Needs trust: it is a program.", detail, used)
        case "code":
            return _needs_trust(
                "Needs trust: loading it runs code.", f"{name} runs Python that it names.", used
            )


def _needs_trust(headline: str, detail: str, used: Format | None) -> Verdict:
    safer = f" Safer: ask for it as {used.safer}." if used is not None and used.safer else ""
    return Verdict(
        tone="warn",
        headline=headline,
        detail=detail,
        advice=f"Load it only if you trust its owner.{safer}",
    )


def _unknown(document: Mapping[str, Any]) -> Verdict:
    named = text_at(document, "format")
    detail = (
        f"What loading {shown(named, 60)} does is not known here." if named else "It has no weights here."
    )
    return Verdict(tone="info", headline="Not judged.", detail=detail, advice="")


def _lacking(document: Mapping[str, Any]) -> Verdict | None:
    """Of a model whose weights are not all here, so that loading it would end with an error."""
    flags = {str(flag) for flag in values_at(document, "flags")}
    if "pointer" in flags or text_at(document, "status") == "pointer":
        headline, detail = "The weights are elsewhere.", "A pointer stands for them: fetch them first."
    elif value_at(document, "complete") is False:
        headline, detail = "Not whole.", "Its weights are cut short, or a file that it refers to is missing."
    else:
        return None
    return Verdict(
        tone="warn",
        headline=headline,
        detail=detail,
        advice="",
        withheld="Not shown: loading it as it is would fail.",
    )


def _weight_files(document: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        shown(row.get("key") or "", 300)
        for row in rows_at(document, "files")
        if row.get("role") in {"weights", "data"}
    )


def _sentence(row: RiskRow) -> str:
    """The finding as a sentence with its place."""
    detail = row.detail.rstrip(".") or row.kind.replace("-", " ")
    place = f" ({row.file.rsplit('/', 1)[-1]})" if row.file else ""
    return f"{detail}{place}."
