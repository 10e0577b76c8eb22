"""llamafile: a program for six operating systems that is a zip, too, with a GGUF model stored inside.

Source: Mozilla-Ocho/llamafile README.md, llamafile/zipalign.c (weights are stored and aligned, arguments in `.args`).
"""

from __future__ import annotations

from dataclasses import replace

from catalog.errors import ExtractError, Malformed
from catalog.records import Evidence, Extraction, FileStatus, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.zips import Member, ZipDirectory, open_zip
from crawler.inner_files import best_for
from crawler.promises import Promise
from crawler.reader import RangedReader

PROGRAM = b"MZqFpD"
"""The beginning of every Actually Portable Executable. Source: jart/cosmopolitan ape/specification.md."""
MAX_ARGUMENTS_BYTES = 64 * 1024
_PROJECTOR = "mmproj"


class LlamafileExtractor:
    """Reads the directory at the end and the header of the model inside; the program is not looked into."""

    name = "llamafile"
    version = 2
    description = "llamafile (.llamafile): a GGUF model inside a program"
    reads = "what its GGUF model says, default arguments, other models inside"
    limits = "as for zip and GGUF; the program itself is unchecked"
    promises = Promise(formats={".llamafile": "llamafile"})
    signs = Signs(suffixes=(".llamafile",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not key.lower().endswith(".llamafile"):
            return None
        return Claim(
            format="llamafile", role=Role.WEIGHTS, confidence=100 if head.startswith(PROGRAM) else 50
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="llamafile", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        findings.risk("code-execution", Severity.MEDIUM, "A llamafile is a program: opening it runs it")
        try:
            directory = open_zip(reader)
        except ExtractError as error:
            findings.failed(error, status=FileStatus.OPAQUE)
            return findings.extraction()
        models = [member for member in directory.members if member.name.lower().endswith(".gguf")]
        if not models:  # a program alone, which is given a model when it runs
            findings.status = FileStatus.OPAQUE
            findings.say("framework", "llama.cpp", "name:", evidence=Evidence.INFERRED)
            return findings.extraction()
        _tell_arguments(findings, directory)
        chosen = max(models, key=lambda member: (_PROJECTOR not in member.name.lower(), member.size_bytes))
        findings.say("extra.llamafile.models", [member.name[:200] for member in models[:64]], "zip:")
        return _with_model(findings, directory, chosen)


def _tell_arguments(findings: Findings, directory: ZipDirectory) -> None:
    if (member := directory.find(".args")) is None:
        return
    try:
        data = directory.read_member(member, MAX_ARGUMENTS_BYTES)
    except ExtractError as error:
        findings.failed(error)
        return
    words = [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    findings.say("extra.llamafile.arguments", " ".join(words)[:2000], "zip:.args")


def _with_model(findings: Findings, directory: ZipDirectory, member: Member) -> Extraction:
    """What was found of the file, with what the model inside says as if the file said it."""
    try:
        stored = directory.open_stored(member)
        reading = best_for(stored, without=frozenset({"archives", LlamafileExtractor.name}))
        if reading is None or reading[1].format != "gguf":
            raise Malformed(f"{member.name[:200]!r} is no GGUF file")
        inner = reading[0].extract(stored)
    except ExtractError as error:
        findings.failed(error)
        return findings.extraction()
    own = findings.extraction()
    place = f"zip:{member.name[:200]}:"
    return replace(
        own,
        status=inner.status if own.status is FileStatus.OK else own.status,
        tensors=inner.tensors,
        observations=(
            *own.observations,
            *(
                replace(
                    seen,
                    key=own.key,
                    extractor=own.extractor,
                    extractor_version=own.extractor_version,
                    pointer=f"{place}{seen.pointer}",
                )
                for seen in inner.observations
            ),
        ),
        risks=(*own.risks, *(replace(risk, key=own.key, member=member.name[:200]) for risk in inner.risks)),
        problems=(*own.problems, *(replace(problem, key=own.key) for problem in inner.problems)),
    )
