"""Archives with models in them: what SageMaker, Kubeflow, stable-baselines3 and people pack (`model.tar.gz`, `.zip`, `.7z`).

The members are read where they lie, within the budget of one file; nothing is unpacked to a disk. What could not be
looked at is `unchecked`, and what an unpacker would do with hostile members is a risk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.errors import ExtractError, LimitExceeded, Malformed, Unsupported
from catalog.layouts.companions import COMPANION
from catalog.layouts.steps import SIDECAR_FORMAT, position_of_subject
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Evidence, Extraction, FileStatus, Origin, Role, Severity
from catalog.text.patterns import pattern
from crawler.extractor import Claim, Findings
from crawler.formats import archives
from crawler.formats.archives import DIRECTORY, FILE, LINK, ArchiveMember, is_apple_double
from crawler.formats.pickle_risks import tell_oddities, tell_risks, tell_unchecked
from crawler.formats.serialized_texts import SETTINGS, serialized_texts
from crawler.formats.zips import open_zip
from crawler.hidden_pickles import hidden_pickle, with_hidden_pickles
from crawler.inner_files import best_for
from crawler.promises import Promise, installed
from crawler.reader import RangedReader
from mappings.formats import never_opened

MAX_FILES_READ = 64
MAX_MODELS = 64
"""More files of weights than this in one archive are a data set of arrays, and no model."""
MAX_NAMES_SAID = 50
_ENDINGS = (
    ".tar.gz",
    ".tar.bz2",
    ".tar.xz",
    ".tar.zst",
    ".tgz",
    ".tbz2",
    ".tbz",
    ".txz",
    ".tzst",
    ".tar",
    ".zip",
    ".whl",
    ".egg",
    ".7z",
    ".rar",
)
_PACKED_MODELS = tuple(
    f".{suffix}.{packed}"
    for suffix in (
        "safetensors",
        "gguf",
        "onnx",
        "bin",
        "pt",
        "pth",
        "ckpt",
        "h5",
        "keras",
        "tflite",
        "model",
    )
    for packed in ("gz", "bz2", "xz", "zst")
)
_PACKED = pattern(r"\.(?:gz|bz2|xz|zst|zstd)$", re.IGNORECASE)
_DATA = pattern(
    r"(?i)(?:^|[._ -])(?:data|data_?sets?|images?|train|test|val|valid|corpus|logs?|src|source|sources|docs?|backup|annotations?"
    r"|samples?|results?|videos?|audio|photos?|fonts?|assets|patch(?:es)?|release|v?\d+\.\d+(?:\.\d+)*)(?=[._ -]|\d|$)"
)
"""Words in names of archives that hold something else: such an archive is no model unless a model is seen in it."""
_ROOTED = pattern(r"^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)")
_OF_SERVERS = {".mar": ("torchserve", "pytorch"), ".task": ("mediapipe", "mediapipe")}
"""Zips that are one model by their name, with format and framework."""
_NEVER = frozenset(
    {"archives", "opaque", "licence-text", "python-requirements", "git-references", "checksums"}
)
_STORED = frozenset({Role.WEIGHTS, Role.INDEX, Role.PART, Role.DATA})


class ArchivesExtractor:
    name = "archives"
    version = 10
    description = (
        "Archives with models in them: tar, tar.gz, tar.bz2, tar.xz, zip, whl, 7z, and single compressed files; TorchServe (.mar),"
        " MediaPipe (.task)"
    )
    reads = "names of the members; of models and their sidecars in them what their own formats say; pickles are scanned"
    limits = (
        "10,000 members, 64 of them read, 256 MB inflated, of a member in a compressed archive 16 MB; of 7z names only; rar,"
        " zstd and encrypted members are unchecked; archives inside archives are not opened"
    )
    promises = Promise(endings=(*_ENDINGS, *_PACKED_MODELS))

    def claims(self, key: str, head: bytes) -> Claim | None:
        packing = archives.packing_of(key, head)
        if packing is None:
            return None
        if packing == "zip":
            name = key.rsplit("/", 1)[-1].lower()
            if (served := _served(name)) is not None:
                return Claim(format=served[0], role=Role.WEIGHTS, confidence=95)
            fitting = name.endswith(archives.ZIPPED) or "." not in name
            return Claim(format="zip", role=Role.WEIGHTS, confidence=55) if fitting else None
        if "." not in packing and packing in archives.COMPRESSIONS:
            inner = installed().format_of(_PACKED.sub("", key))
            return Claim(format=packing, role=Role.WEIGHTS, confidence=50) if inner else None
        sure = 80 if packing in {"7z", "rar"} else 60
        return Claim(format=packing, role=Role.WEIGHTS, confidence=sure)

    def extract(self, reader: RangedReader) -> Extraction:
        """An archive in which no model is seen is no model either, unless it is hostile or could not be looked through."""
        packing = archives.packing_of(reader.key, reader.head()) or "unknown"
        findings = Findings(
            reader, self, format=packing.partition(".")[0], role=Role.WEIGHTS, origin=Origin.EMBEDDED
        )
        contents = _Contents(findings)
        if packing == "zip" and (served := _served(reader.name.lower())) is not None:
            contents.is_model = True
            findings.format, framework = served
            findings.say("framework", framework, "name:", evidence=Evidence.INFERRED)
        try:
            if packing in {"7z", "rar"} or packing.endswith("zstd"):
                _name_only(contents, reader, packing)
            else:
                for member in _members(findings, reader, packing):
                    contents.take(member)
        except Malformed as error:
            contents.broke(error)
            findings.status = FileStatus.UNREADABLE
        except ExtractError as error:
            contents.broke(error)
        contents.tell()
        return findings.extraction()


def _served(name: str) -> tuple[str, str] | None:
    """Format and framework of a zip that is one model by its name."""
    return next((served for suffix, served in _OF_SERVERS.items() if name.endswith(suffix)), None)


def _members(findings: Findings, reader: RangedReader, packing: str) -> Iterator[ArchiveMember]:
    kind, _, compression = packing.partition(".")
    if kind == "zip":
        directory = open_zip(reader)
        yield from archives.zip_members(directory)
        tell_oddities(findings, directory)
    elif kind == "tar":
        yield from archives.tar_members(reader, compression or None)
    else:
        yield from archives.whole_file(reader, kind, _PACKED.sub("", reader.name))


def _name_only(contents: _Contents, reader: RangedReader, packing: str) -> None:
    """What only other programs unpack: names where they can be had, and unchecked."""
    contents.unchecked.append(f"packed as {packing}, which is not unpacked")
    contents.is_opaque = True
    if packing == "7z":
        for name in archives.names_in_7z(reader):
            contents.note(name)


@dataclass(slots=True)
class _Contents:
    """What the members of one archive are, and what they say."""

    findings: Findings
    names: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    members: int = 0
    links: int = 0
    inner: list[Extraction] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    is_hostile: bool = False
    is_opaque: bool = False
    is_model: bool = False
    """Whatever is in it."""

    def note(self, name: str) -> None:
        """A member by its name alone."""
        self.members += 1
        if len(self.names) < MAX_NAMES_SAID:
            self.names.append(name[:200])
        if _ROOTED.search(name):
            self._hostile(
                "path-traversal",
                Severity.HIGH,
                f"A member is called {name[:200]!r}: it unpacks outside",
                name,
            )
        if installed().format_of(name) is not None:
            self.models.append(name)

    def take(self, member: ArchiveMember) -> None:
        """One member: read if something here reads it."""
        if member.kind == DIRECTORY:
            return
        self.note(member.name)
        if member.kind == LINK:
            self._check_link(member)
        elif member.kind != FILE:
            detail = f"A member is neither file nor directory: {member.name[:200]!r}"
            self._hostile("suspicious-structure", Severity.MEDIUM, detail, member.name)
        elif member.encrypted:
            self.is_opaque = True
            self.unchecked.append(f"{member.name[:200]!r} is encrypted")
        else:
            self._read(member)

    def broke(self, error: ExtractError) -> None:
        """The archive could not be walked to its end."""
        self.is_opaque = True
        self.unchecked.append(f"not looked through to its end: {error}")
        self.findings.failed(error, status=FileStatus.PARTIAL)

    def tell(self) -> None:
        """All that was gathered."""
        findings = self.findings
        holds_model = 0 < len(self.models) <= MAX_MODELS or any(extraction.risks for extraction in self.inner)
        if (
            not holds_model
            and not self.is_model
            and not self.is_hostile
            and (not self.is_opaque or _DATA.search(findings.file_name))
        ):
            findings.role, findings.format = Role.AUXILIARY, None
            return
        findings.say("extra.archive.members", self.members, "archive:", evidence=Evidence.COUNTED)
        findings.say("extra.archive.names", self.names, "archive:")
        for extraction in self.inner:
            if extraction.format == COMPANION:  # of one of the files in it, and not of the archive
                continue
            _tell_inner(findings, extraction)
        stored = [extraction for extraction in self.inner if extraction.role in _STORED]
        summaries = [extraction.tensors for extraction in stored if extraction.tensors is not None]
        if len(summaries) == 1:  # of several files nobody here knows whether they are one model
            findings.tensors = summaries[0]
        if findings.format == "torchserve":
            tell_unchecked(findings, "the archive has a handler in Python")
        for reason in self.unchecked[:20]:
            tell_unchecked(findings, reason)
        if findings.status is FileStatus.OK and self.unchecked:
            findings.status = FileStatus.OPAQUE if not stored else FileStatus.PARTIAL

    def _read(self, member: ArchiveMember) -> None:
        if not _worth_opening(member.name):
            return
        try:
            reader = member.open()
            if is_apple_double(member.name, reader.head()):
                return
            choice = best_for(reader, without=_NEVER)
            if choice is None:
                self._check_nested(member.name, reader)
                self._check_pickle(member.name, reader)
                return
            if reader.name == SETTINGS:  # whatever else it may be read as
                self._check_texts(member.name, reader)
            extractor, claim = choice
            if len(self.inner) >= MAX_FILES_READ:
                self.unchecked.append(f"more than {MAX_FILES_READ} files of models and sidecars")
                return
            extraction = with_hidden_pickles(extractor.extract(reader), extractor, reader)
        except ExtractError as error:
            if installed().format_of(member.name) is not None or isinstance(
                error, Unsupported | LimitExceeded
            ):
                self.unchecked.append(f"{member.name[:200]!r}: {error}")
            return
        self.inner.append(extraction)
        if claim.role in _STORED and member.name not in self.models:
            self.models.append(member.name)

    def _check_nested(self, name: str, reader: RangedReader) -> None:
        """An archive inside this one is not opened, and is not clean for that."""
        packing = archives.packing_of(name, reader.head())
        if packing is not None and (
            packing not in archives.COMPRESSIONS or installed().format_of(_PACKED.sub("", name))
        ):
            self.unchecked.append(f"an archive inside the archive: {name[:200]!r}")
            self.is_opaque = True

    def _check_pickle(self, name: str, reader: RangedReader) -> None:
        """What no extractor knows, and a loader would yet take for a pickle that calls something."""
        pickle = hidden_pickle(reader)
        if pickle is None:
            self._check_texts(name, reader)
            return
        self.is_hostile = True
        tell_risks(self.findings, [pickle], member=name[:200])

    def _check_texts(self, name: str, reader: RangedReader) -> None:
        """Pickles that stand as text in a JSON object."""
        texts = serialized_texts(reader)
        if texts.pickles:
            self.is_hostile = True
            tell_risks(self.findings, texts.pickles, member=name[:200])
        if texts.unchecked is not None:
            self.is_opaque = True
            self.unchecked.append(texts.unchecked)

    def _check_link(self, member: ArchiveMember) -> None:
        """A link is not followed; one that leads out of the archive writes or shows files of whoever unpacks it."""
        self.links += 1
        folder = member.name.rpartition("/")[0]
        if _leads_out(folder, member.target):
            detail = f"The link {member.name[:200]!r} leads to {member.target[:200]!r}, outside the archive"
            self._hostile("path-traversal", Severity.HIGH, detail, member.name)

    def _hostile(self, kind: str, severity: Severity, detail: str, member: str) -> None:
        self.is_hostile = True
        self.findings.risk(kind, severity, detail, member=member[:200])


def _worth_opening(name: str) -> bool:
    """Whether a file of this name may say something; the content decides where the name says nothing."""
    suffix = name.rsplit("/", 1)[-1].lower().rpartition(".")[2]
    return suffix not in never_opened() or installed().format_of(name) is not None


def _leads_out(folder: str, target: str) -> bool:
    if target.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", target):
        return True
    depth = len([part for part in folder.split("/") if part not in {"", "."}])
    for part in target.replace("\\", "/").split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _is_of_step(extraction: Extraction, subject: str) -> bool:
    """Whether a sidecar says it of a step: of an archive, which is one model, all steps are the model's."""
    return extraction.format == SIDECAR_FORMAT and position_of_subject(subject) is not None


def _tell_inner(findings: Findings, extraction: Extraction) -> None:
    """What a member says, as said by the archive: its places begin with the member's name."""
    place = extraction.key[:200]
    for observation in extraction.observations:
        if observation.subject is not None and not _is_of_step(extraction, observation.subject):
            continue
        findings.say(
            observation.field,
            observation.raw,
            f"archive:{place}!{observation.pointer}",
            evidence=observation.evidence,
            origin=observation.origin,
            unit=observation.unit,
            context=observation.context,
        )
    for risk in extraction.risks:
        inside = place if risk.member is None else f"{place}!{risk.member}"
        findings.risk(risk.kind, risk.severity, risk.detail, member=inside[:300])
    for problem in extraction.problems:
        findings.problem(problem.code, f"{place}: {problem.message}", problem.pointer)
