"""Risks of loading a pickle with its usual library, from what the symbolic machine recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from catalog.records import Severity
from crawler.extractor import Findings
from crawler.formats.pickle_calls import Import
from crawler.formats.pickle_names import Verdict, judged, judged_access, judged_call, library_of
from crawler.formats.pickle_nodes import Call, Global
from crawler.formats.pickles import Pickle
from crawler.formats.zips import Oddity, ZipDirectory

CODE_EXECUTION = "code-execution"
UNCHECKED = "unchecked"
STRUCTURE = "suspicious-structure"
TRUST = "needs-trust"
MAX_SAID = 50
MAX_ACCESSES = 200

_SERIOUS = frozenset(
    {"duplicate", "flags", "checksum", "local-header", "overlap", "two-ends", "count", "name", "method"}
)


def tell_risks(
    findings: Findings, pickles: Iterable[Pickle], *, member: str | None = None, torchscript: bool = False
) -> None:
    """All risks of these pickles of one file or zip member, the libraries they need in one line."""
    libraries: set[str] = set()
    for pickle in pickles:
        _tell_pickle(findings, pickle, member=member, torchscript=torchscript, libraries=libraries)
    libraries -= sys.stdlib_module_names
    if libraries:
        needed = ", ".join(sorted(libraries)[:20])
        findings.risk(
            TRUST, Severity.INFO, f"Loading it imports {needed}: needs them, and trust", member=member
        )


def tell_oddities(findings: Findings, directory: ZipDirectory) -> None:
    """What readers of this zip disagree about, as risks; a bomb has its own kind."""
    for oddity in directory.oddities:
        tell_oddity(findings, oddity)


def tell_oddity(findings: Findings, oddity: Oddity) -> None:
    detail = f"The zip {'' if oddity.member is None else f'member {oddity.member[:200]} '}{oddity.detail}"
    if oddity.code in {"bomb", "overlap"}:
        findings.risk("zip-bomb", Severity.MEDIUM, detail, member=oddity.member)
    elif oddity.code in _SERIOUS:
        findings.risk(STRUCTURE, Severity.MEDIUM, detail, member=oddity.member)
    else:
        findings.risk(STRUCTURE, Severity.LOW, detail, member=oddity.member)


def tell_unchecked(findings: Findings, reason: str, *, member: str | None = None) -> None:
    """Something could not be read: that is never the same as clean."""
    findings.risk(UNCHECKED, Severity.MEDIUM, f"Not checkable: {reason}", member=member)


def _tell_pickle(
    findings: Findings, pickle: Pickle, *, member: str | None, torchscript: bool, libraries: set[str]
) -> None:
    if pickle.error is not None:
        tell_unchecked(findings, f"the pickle ends early: {pickle.error}", member=member)
    elif pickle.inexact:
        detail = "arrays announced in a way in which joblib does not announce them"
        tell_unchecked(findings, detail, member=member)
    if pickle.more is not None:
        detail = f"from byte {pickle.more} on follows what was not read as a pickle"
        tell_unchecked(findings, detail, member=member)
    for part in _with_nested(pickle):
        inside = "" if part is pickle else " (in a pickle inside a literal)"
        judgements = [(_verdict(name, torchscript=torchscript), name) for name in part.imports.values()]
        if part is pickle:
            libraries.update(
                library_of(name.module) for verdict, name in judgements if verdict is Verdict.KNOWN
            )
        taken = _taken_attributes(part)
        if part.accesses and len(taken) == len(part.accesses):
            judgements = [item for item in judgements if item[1].full not in _GETATTR]
        _tell_names(findings, judgements, inside, member)
        for sentence, severity in taken:
            if severity is not None:
                findings.risk(CODE_EXECUTION, severity, sentence + inside, member=member)
        if part.nested:
            detail = f"{len(part.nested)} pickles hidden in literals: inert until something loads them"
            findings.risk(STRUCTURE, Severity.MEDIUM, detail, member=member)
        accesses = {access.described for access in part.accesses[:MAX_ACCESSES]}
        for callee in [callee for callee in part.computed if callee not in accesses][:MAX_SAID]:
            findings.risk(
                CODE_EXECUTION, Severity.HIGH, f"Calls what it computes: {callee}{inside}", member=member
            )


def _tell_names(
    findings: Findings, judgements: list[tuple[Verdict, Import]], inside: str, member: str | None
) -> None:
    """The names beyond data and known classes, the dangerous ones first; many are summed up."""
    serious = sorted((item for item in judgements if item[0] >= Verdict.UNKNOWN), key=lambda item: -item[0])
    for verdict, name in serious[:MAX_SAID]:
        severity = Severity.HIGH if verdict is Verdict.DANGEROUS else Severity.MEDIUM
        findings.risk(CODE_EXECUTION, severity, _sentence(name, verdict) + inside, member=member)
    if len(serious) > MAX_SAID:
        detail = f"Imports {len(serious) - MAX_SAID} more names that nobody vouches for{inside}"
        findings.risk(CODE_EXECUTION, Severity.MEDIUM, detail, member=member)


_GETATTR = frozenset({"builtins.getattr", "__builtin__.getattr"})


def _taken_attributes(pickle: Pickle) -> list[tuple[str, Severity | None]]:
    """A sentence for each attribute that would be taken of something, and how serious it is."""
    sentences: list[tuple[str, Severity | None]] = []
    for access in pickle.accesses[:MAX_ACCESSES]:
        owner = access.owner.callee if type(access.owner) is Call else access.owner
        if type(owner) is not Global:
            owner = Global("<computed>", "<computed>")
        verdict = judged_access(owner.module, owner.name, access.name, called=access.called)
        severity = {Verdict.DANGEROUS: Severity.HIGH, Verdict.UNKNOWN: Severity.MEDIUM}.get(verdict)
        what = f"builtins.getattr({owner.full[:200]}, '{access.name[:60]}')"
        doing = "Calls what it computes" if access.called else "Takes an attribute"
        sentences.append((f"{doing}: {what}", severity))
    return sentences


def _with_nested(pickle: Pickle) -> Iterator[Pickle]:
    waiting = [pickle]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(reversed(part.nested))


def _verdict(name: Import, *, torchscript: bool) -> Verdict:
    verdict = judged_call(
        name.module, name.name, called=name.called, filled=name.filled, torchscript=torchscript
    )
    if name.changed:  # setting attributes on a module or class reaches whatever uses it later
        return max(verdict, Verdict.UNKNOWN)
    return verdict


def _sentence(name: Import, verdict: Verdict) -> str:
    doing = "Calls" if name.called else "Sets values on" if name.changed else "Imports"
    kind = "known to be dangerous" if verdict is Verdict.DANGEROUS else "unknown import"
    known = judged(name.module, name.name, called=True) is Verdict.KNOWN
    if verdict is Verdict.UNKNOWN and name.called and known:
        kind = "with arguments, a class of a known library that may open, load or fetch what they name"
    return f"{doing} {name.full[:300]}: {kind}"
