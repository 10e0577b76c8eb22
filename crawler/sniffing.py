"""What a name and the first bytes say before any extractor is asked: never opened, a pointer, empty, no model at all."""

from __future__ import annotations

import codecs
import re

from catalog.layouts.pieces import without_piece
from catalog.lazy_dataclasses import dataclass
from catalog.records import Evidence, Extraction, FileStatus, ObjectMeta, Observation, Origin, Problem, Role
from catalog.text.patterns import pattern
from crawler.promises import installed
from mappings.formats import never_opened as never_opened_suffixes

EXTRACTOR = "listing"
VERSION = 5
ZERO_BYTES = 512
WIDE_TEXTS = (".json", ".yaml", ".yml", ".md", ".markdown", ".civitai.info")
"""Texts of which the readers know UTF-16, too."""

# Classes whose objects must be restored before they can be read: of Amazon, Tencent COS and Alibaba OSS.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html;
# https://www.tencentcloud.com/document/product/436/30925
ARCHIVES = frozenset(
    ("GLACIER", "DEEP_ARCHIVE", "ARCHIVE", "MAZ_ARCHIVE", "COLD_ARCHIVE", "COLDARCHIVE", "DEEPCOLDARCHIVE")
)

HUB_NOTES = pattern(r"(?:^|/)(?:(?:models|datasets|spaces)--[^/]+/\.no_exist/|\.no_exist/[0-9a-f]{40}/)")
"""Empty files that remember what a repository does not have, which may be what is crawled. Source: huggingface_hub, file_download `.no_exist`."""

# Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
LFS_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[a-z0-9.-]+ [^\n]*\n)*", re.ASCII
)
LFS_OID = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
LFS_SIZE = re.compile(rb"^size (\d{1,18})$", re.MULTILINE)
ERROR_PAGE = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html|<head|<\?xml[^>]*>\s*<error>|<error>)", re.IGNORECASE
)

# Python reads paths and imports out of *.pth files in its directories of packages. Brackets and quotes are left out
# of the paths: no pickle that calls anything does without them as text.
# Source: docs.python.org, module `site`
PATH_OR_IMPORT = re.compile(rb"import[ \t].*|#.*|[\w./\\:~+@ -]*", re.ASCII)
JSON_OBJECT = re.compile(rb'\s*\{\s*"[\t\n\r -~\x80-\xff]*')

SHARED_SUFFIXES = frozenset({"pth", "ckpt", "pt", "pkl", "pickle", "model", "plan", "engine", "trt"})
"""Suffixes of models that other programs use, too: Portuguese texts, caches, states, optimisation problems."""
CONTROL_CHARACTER = pattern("[\0-\x08\x0b\x0e-\x1f\x7f\ufffd]")
ERROR_WORDS = re.compile(
    rb"(?i)\b(?:not found|access denied|unauthori[sz]ed|forbidden|invalid (?:username|credentials|token|request)|gated|rate limit"
    rb"|too many requests|permission denied|expired|could not be found|log ?in|internal server error|bad gateway)\b"
)
"""What servers answer in plain text in place of a file. Source: answers of huggingface.co, S3, GitHub and proxies."""
MAX_ERROR_BYTES = 1024
# Source: https://git-annex.branchable.com/internals/pointer_file/ and /internals/key_format/
ANNEX_POINTER = re.compile(
    rb"/annex/objects/[A-Z0-9_]+?E?(?:-[sSCm]\d+)*?-s(?P<size>\d{1,18})(?:-[SCm]\d+)*--(?P<hash>[0-9a-f]+)[^/\n]*\n?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the first bytes prove about a file that promises a model."""

    status: FileStatus
    code: str | None = None
    message: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None


class Nobody:
    """Stands for the extractor of a file that none claims."""

    name, version = EXTRACTOR, VERSION


EMPTY = Verdict(status=FileStatus.EMPTY, code="empty", message="the file is empty")


def never_opened(key: str) -> bool:
    """Whether the name alone says that no extractor wants the file."""
    if HUB_NOTES.search(key):
        return True
    _, dot, suffix = key.rpartition("/")[2].lower().rpartition(".")
    return bool(dot) and suffix in never_opened_suffixes() and not installed().is_wanted(without_piece(key))


def is_archived(storage_class: str | None) -> bool:
    """Whether an object of this class cannot be read as it is."""
    return storage_class is not None and storage_class.upper() in ARCHIVES


def promised_format(key: str) -> str | None:
    """The format that the name promises; None if it promises no model."""
    return installed().format_of(key)


def promises_surely(key: str) -> bool:
    """Whether the suffix belongs to one format alone, so that other bytes under it are broken and not just unknown."""
    return installed().surely(key)


def as_utf8(key: str, head: bytes) -> bytes:
    """The first bytes of a file without their mark; those of a text as a shell of Windows writes it in UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and key.lower().endswith(WIDE_TEXTS):
        return head.decode("utf-16", errors="ignore").encode(errors="ignore")
    return head.removeprefix(codecs.BOM_UTF8)


def is_text_under_shared_suffix(key: str, size_bytes: int, head: bytes) -> bool:
    """Whether the file begins as readable text and has the suffix of a model that other programs use, too. Text can be
    a pickle: whoever asks this looks for calls in it. What a server said in place of a model is no such text.
    """
    if key.lower().rpartition(".")[2] not in SHARED_SUFFIXES or not head.strip():
        return False
    if size_bytes <= MAX_ERROR_BYTES and ERROR_WORDS.search(head):
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if size_bytes <= len(head) or error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return CONTROL_CHARACTER.search(text) is None


def is_of_another_program(key: str, size_bytes: int, head: bytes) -> bool:
    """Whether the file is text of a program that uses the name of a kind of model for something else.

    Python's own `.pth` files, and states in JSON under `.ckpt` or `.pth`. An error in JSON is what a download left
    in place of a model, and no file of another program.
    """
    suffix = key.lower().rpartition(".")[2]
    if suffix not in {"pth", "ckpt"} or size_bytes == 0:
        return False
    if suffix == "pth" and size_bytes == len(head) and all(map(PATH_OR_IMPORT.fullmatch, head.splitlines())):
        return True
    return JSON_OBJECT.fullmatch(head) is not None and not re.search(
        rb'"(error|message)"\s*:', head[:ZERO_BYTES]
    )


def judge(size_bytes: int, head: bytes) -> Verdict | None:
    """A verdict where the bytes cannot be a model; None if they may be one."""
    if size_bytes == 0:
        return EMPTY
    if (
        head.startswith(b"version https://git-lfs")
        and LFS_POINTER.match(head)
        and (oid := LFS_OID.search(head))
    ):
        size = LFS_SIZE.search(head)
        return Verdict(
            status=FileStatus.POINTER,
            sha256=oid[1].decode("ascii"),
            size_bytes=int(size[1]) if size else None,
        )
    if (annex := ANNEX_POINTER.fullmatch(head)) and size_bytes == len(head):
        is_sha256 = b"/SHA256" in head and len(annex["hash"]) == 64
        sha256 = annex["hash"].decode("ascii") if is_sha256 else None
        return Verdict(status=FileStatus.POINTER, sha256=sha256, size_bytes=int(annex["size"]))
    if size_bytes <= MAX_ERROR_BYTES and head.isascii() and ERROR_WORDS.search(head):
        shown = " ".join(head.decode("ascii").split())[:80]
        message = f"what a server answered stands in place of the model: {shown!r}"
        return Verdict(status=FileStatus.UNREADABLE, code="error-page", message=message)
    if ERROR_PAGE.match(head[:ZERO_BYTES]):
        message = "an HTML or XML page stands in place of the model: the download went wrong"
        return Verdict(status=FileStatus.UNREADABLE, code="error-page", message=message)
    if len(head) >= ZERO_BYTES and not any(head[:ZERO_BYTES]):
        message = f"the first {ZERO_BYTES} bytes are zero: the copy was interrupted or the disk lost it"
        return Verdict(status=FileStatus.UNREADABLE, code="all-zero", message=message)
    return None


def is_blank(size_bytes: int, head: bytes) -> bool:
    """Whether the whole file is white space: a sidecar that somebody made and never filled."""
    return size_bytes == len(head) and not head.strip()


def verdict_extraction(meta: ObjectMeta, verdict: Verdict, *, role: Role = Role.WEIGHTS) -> Extraction:
    """The verdict in the words of an extractor."""
    observations = []
    if verdict.sha256 is not None:
        observations.append(_observation(meta, "content_hash", verdict.sha256, "lfs:oid"))
    if verdict.size_bytes is not None:
        observations.append(_observation(meta, "size_bytes", verdict.size_bytes, "lfs:size"))
    problems: tuple[Problem, ...] = ()
    if verdict.code is not None and verdict.message is not None:
        problems = (Problem(code=verdict.code, message=verdict.message, key=meta.key),)
    return Extraction(
        key=meta.key,
        extractor=EXTRACTOR,
        extractor_version=VERSION,
        format=promised_format(meta.key) if role is Role.WEIGHTS else None,
        role=role,
        status=verdict.status,
        observations=tuple(observations),
        join_keys=() if verdict.sha256 is None else (f"sha256:{verdict.sha256}",),
        problems=problems,
    )


def unreadable(
    meta: ObjectMeta,
    code: str,
    message: str,
    *,
    extractor: str = EXTRACTOR,
    version: int = VERSION,
    role: Role = Role.WEIGHTS,
    format: str | None = None,  # noqa: A002 - the document's word
    status: FileStatus = FileStatus.UNREADABLE,
) -> Extraction:
    """The account of a file that could not be read: only its problem."""
    return Extraction(
        key=meta.key,
        extractor=extractor,
        extractor_version=version,
        format=format or (promised_format(meta.key) if status is FileStatus.UNREADABLE else None),
        role=role,
        status=status,
        problems=(Problem(code=code, message=message[:1000], key=meta.key),),
    )


def _observation(meta: ObjectMeta, field: str, raw: object, pointer: str) -> Observation:
    return Observation(
        field=field,
        raw=raw,
        pointer=pointer,
        key=meta.key,
        extractor=EXTRACTOR,
        extractor_version=VERSION,
        origin=Origin.LISTING,
        evidence=Evidence.DECLARED,
    )
