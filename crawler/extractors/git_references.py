"""What a Git repository calls its commits: the one that is checked out, and the versions that GTO's tags register.

Source: https://git-scm.com/docs/gitrepository-layout; iterative/gto, gto/tag.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass
from catalog.records import Evidence, Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import git
from crawler.reader import RangedReader

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_TAGS = 5_000


class GitReferencesExtractor:
    """Reads HEAD, packed-refs and single references; objects are never opened."""

    name = "git-references"
    version = 1
    description = "Git references (`.git/HEAD`, packed-refs, refs/)"
    reads = "the commit that is checked out, for models of DVC's pipelines; versions and stages of GTO's tags"
    limits = (
        "packed-refs 4 MB, 5,000 tags; a tag outside packed-refs counts as annotated; no objects, no history"
    )
    signs = Signs(folders=(".git",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        match = git.REFERENCE.match(key)
        if match is None or not _fits(match["name"], head):
            return None
        return Claim(format="git", role=Role.AUXILIARY, confidence=95)

    def extract(self, reader: RangedReader) -> Extraction:
        match = git.REFERENCE.match(reader.key)
        if match is None:
            raise Malformed("not a reference of a repository")
        if reader.size_bytes > MAX_FILE_BYTES:
            raise LimitExceeded("bytes of Git references", limit=MAX_FILE_BYTES, found=reader.size_bytes)
        findings = Findings(reader, self, format="git", role=Role.AUXILIARY, origin=Origin.RUN)
        repository = match["repository"].rstrip("/")
        text = reader.take(0, reader.size_bytes).decode("utf-8", "replace")
        if match["name"] == "HEAD":
            _tell_head(findings, text.strip(), repository)
        elif match["name"] == "packed-refs":
            _tell_packed(findings, list(git.packed_references(text)), repository)
        elif match["name"].startswith("refs/heads/"):
            _tell_branch(findings, match["name"], text.strip(), repository)
        elif (tag := git.gto_tag(match["short"])) is not None:
            _tell_artifacts(findings, [_Tagged(tag, match["short"], None)], repository)
        return findings.extraction()


def _fits(name: str, head: bytes) -> bool:
    if name == "packed-refs":
        return head.startswith(b"#") or git.OBJECT_ID.match(head[:41].decode("ascii", "replace")) is not None
    line = head[:80].decode("ascii", "replace")
    return line.startswith("ref: ") or git.OBJECT_ID.match(line) is not None


def _reference(repository: str, name: str) -> str:
    return f"git-ref:{repository}:{name}"


def _tell_head(findings: Findings, text: str, repository: str) -> None:
    """HEAD names a branch, whose own file knows the commit, or a commit."""
    subject = f"git:{repository}"
    name = text.removeprefix("ref: ") if text.startswith("ref: ") else None
    part_of = () if name is None else (_reference(repository, name),)
    findings.tells_of(Subject(id=subject, join_keys=(), part_of=part_of))
    if name is not None:
        branch = name.removeprefix("refs/heads/")
        findings.say("extra.code_branch", branch, "text:", evidence=Evidence.INFERRED, subject=subject)
    else:
        _say_commit(findings, text, "text:", subject)


def _tell_branch(findings: Findings, name: str, text: str, repository: str) -> None:
    subject = _reference(repository, name)
    findings.tells_of(Subject(id=subject, join_keys=()))
    _say_commit(findings, text, "text:", subject)


def _say_commit(
    findings: Findings, commit: str, pointer: str, subject: str, *, origin: Origin = Origin.RUN
) -> None:
    """What is checked out is where the pipeline was run at best: inferred."""
    if git.OBJECT_ID.fullmatch(commit):
        findings.say(
            "code_version", commit, pointer, origin=origin, evidence=Evidence.INFERRED, subject=subject
        )


def _tell_packed(findings: Findings, references: Sequence[git.Reference], repository: str) -> None:
    """A packed branch counts only where no file of its own is newer. GTO takes annotated tags alone."""
    tagged: list[_Tagged] = []
    for reference in references:
        if reference.name.startswith("refs/heads/"):
            subject = _reference(repository, reference.name)
            findings.tells_of(Subject(id=subject, join_keys=()))
            pointer = f"text:{reference.name}"
            _say_commit(findings, reference.object_id, pointer, subject, origin=Origin.LISTING)
        elif reference.commit is not None and reference.name.startswith("refs/tags/"):
            name = reference.name.removeprefix("refs/tags/")
            tag = git.gto_tag(name)
            if tag is not None and len(tagged) < MAX_TAGS:
                tagged.append(_Tagged(tag, name, reference.commit))
    _tell_artifacts(findings, tagged, repository)


@dataclass(frozen=True, slots=True)
class _Tagged:
    tag: git.GtoTag
    name: str
    commit: str | None


def _tell_artifacts(findings: Findings, tagged: Iterable[_Tagged], repository: str) -> None:
    """Versions and stages of each artifact. Of a stage the last assignment counts, if it was not taken back."""
    stages: dict[tuple[str, str], _Tagged] = {}
    removed: set[tuple[str, str]] = set()
    versions: list[_Tagged] = []
    for item in tagged:
        tag = item.tag
        if tag.version is not None:
            removed.update({(tag.artifact, tag.version)} if tag.removed else ())
            versions.append(item)
        elif tag.stage is not None:
            known = stages.get((tag.artifact, tag.stage))
            if known is None or known.tag.count <= tag.count:
                stages[tag.artifact, tag.stage] = item
    kept = [item for item in versions if (item.tag.artifact, item.tag.version) not in removed]
    for item in kept:
        subject = _tell_artifact(findings, item.tag, repository)
        pointer = f"text:{item.name}"
        findings.say("version", item.tag.version, pointer, origin=Origin.REGISTRY, subject=subject)
        registered = f"{item.tag.artifact} {item.tag.version}"
        findings.say(f"extra.registered {registered}", item.commit or registered, pointer, subject=subject)
    for item in stages.values():
        if not item.tag.removed:
            subject = _tell_artifact(findings, item.tag, repository)
            of = [
                other.tag.version for other in kept if other.commit == item.commit and item.commit is not None
            ]
            pointer = f"text:{item.name}"
            findings.say("tags", item.tag.stage, pointer, origin=Origin.REGISTRY, subject=subject)
            target = of[-1] if of else item.commit or "assigned"
            findings.say(f"extra.stage {item.tag.stage}", target, pointer, subject=subject)


def _tell_artifact(findings: Findings, tag: git.GtoTag, repository: str) -> str:
    subject = f"gto:{repository}:{tag.artifact}"
    findings.tells_of(Subject(id=subject, join_keys=(), name=tag.artifact))
    return subject
