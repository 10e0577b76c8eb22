"""The members of a torch zip: which pickle is the object, which bytes are storages, and what has no business there.

Source: caffe2/serialize/inline_container.cc and torch/serialization.py `_save`.
"""

from __future__ import annotations

from collections.abc import Iterator

from catalog.errors import ExtractError, Malformed
from catalog.lazy_dataclasses import dataclass
from catalog.records import Severity
from catalog.text.patterns import pattern
from crawler.extractor import Findings
from crawler.formats.byte_streams import BytesStream
from crawler.formats.numpy_format import MAGIC
from crawler.formats.pickle_risks import STRUCTURE, tell_oddities, tell_risks, tell_unchecked
from crawler.formats.pickles import Pickle, looks_like_pickle, read_pickles
from crawler.formats.zip_settings import tell_settings
from crawler.formats.zips import Member, ZipDirectory, is_zip, open_zip

MAX_STRANGERS_SNIFFED = 16
MAX_PICKLES_READ = 8
MAX_DEBUG_PICKLES = 256
SNIFF_BYTES = 512
MAX_MEMBERS_LOOKED_AT = 64
MAX_LOOKED_THROUGH_BYTES = 1024 * 1024
"""A member up to this size is looked through for a pickle whose beginning says nothing."""
_OF_ANOTHER_FORMAT = (".h5", ".hdf5", ".safetensors", ".npy", ".gguf", ".onnx", ".tflite")
_KNOWN = pattern(
    r"^(data\.pkl|data/[^/]+|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id|\.data/version"
    r"|constants\.pkl|constants/[^/]+|traced_inputs/[^/]+|attributes\.pkl|extra/.+|code/.+\.py|code/.+\.py\.debug_pkl|code/.+\.debug_pkl"
    r"|tensors/[^/]+|model\.json|bytecode\.pkl|mobile_debug_handles\.pkl|mobile_debug_info\.pkl|forward_backward.*)$"
)


@dataclass(slots=True)
class TorchZip:
    """One torch zip. `root` is the folder inside it, with its slash, or empty."""

    directory: ZipDirectory
    root: str
    data: Member

    @property
    def is_torchscript(self) -> bool:
        return f"{self.root}constants.pkl" in self.directory or any(
            member.name.startswith(f"{self.root}code/") for member in self.directory.members
        )

    def storages(self) -> dict[str, int]:
        """Bytes of each storage by its key, from the directory alone."""
        prefix = f"{self.root}data/"
        return {
            m.name[len(prefix) :]: m.size_bytes for m in self.directory.members if m.name.startswith(prefix)
        }

    def read_storage(self, key: str, start: int, end: int) -> bytes:
        """Bytes [start, end) near the beginning of a storage."""
        return self.directory.read_start(f"{self.root}data/{key}", min(end, 4096))[start:end]

    def little_endian(self) -> bool:
        name = f"{self.root}byteorder"
        member = self.directory.find(name)
        return member is None or member.size_bytes > 16 or self.directory.read_start(member, 16) != b"big"

    def read_pickle(self, member: Member) -> list[Pickle]:
        """The pickles of one member, and whatever follows them in it."""
        content = self.directory.read_member(member, lenient=True)
        return read_pickles(BytesStream(content, tick=self.directory.reader.check_time))

    def read_ahead(self) -> None:
        """Fetches all members that are not storages in as few requests as their places allow."""
        self.directory.read_ahead(
            m for m in self.directory.members if not m.name.startswith(f"{self.root}data/")
        )

    def strangers(self) -> Iterator[Member]:
        """Members that torch neither writes nor reads."""
        for member in self.directory.members:
            inside = member.name.startswith(self.root) and _KNOWN.match(member.name[len(self.root) :])
            if not inside and not member.is_directory:
                yield member


def find_object(directory: ZipDirectory) -> TorchZip:
    """The one `data.pkl`. Two of them are refused: torch reads the first, Python's zipfile the last.

    Raises: Malformed.
    """
    pickles = [
        m for m in directory.members if m.name.rsplit("/", 1)[-1] == "data.pkl" and m.name.count("/") <= 1
    ]
    if not pickles:
        raise Malformed("a torch zip without its data.pkl")
    if len(pickles) > 1:
        raise Malformed(
            f"a torch zip with {len(pickles)} members called data.pkl: readers disagree which one counts"
        )
    return TorchZip(directory, pickles[0].name[: -len("data.pkl")], pickles[0])


def tell_strangers(findings: Findings, directory: ZipDirectory, members: Iterator[Member]) -> None:
    """Members without business in a torch zip, as risks; those that are pickles are read."""
    for number, member in enumerate(members):
        if number >= MAX_STRANGERS_SNIFFED:
            findings.risk(
                STRUCTURE, Severity.MEDIUM, "The zip holds many more members that torch does not write"
            )
            tell_unchecked(findings, "too many members that are not part of a torch file")
            return
        findings.risk(
            STRUCTURE,
            Severity.LOW,
            f"The zip holds {member.name[:200]}, which torch does not write",
            member=member.name,
        )
        scan_member(findings, directory, member)


def scan_member(
    findings: Findings,
    directory: ZipDirectory,
    member: Member,
    *,
    torchscript: bool = False,
    is_inside: bool = False,
) -> None:
    """The risks of one member, whatever it is called. Of zips inside zips the outermost are looked into."""
    try:
        head = directory.read_start(member, SNIFF_BYTES)
        named = member.name.endswith((".pkl", ".pickle", "_pkl"))
        tell_settings(findings, directory, member)
        if is_zip(head) and is_inside:
            tell_unchecked(findings, f"a zip inside a zip inside the zip: {member.name[:200]}")
        elif is_zip(head):
            _scan_zip_inside(findings, directory, member)
        elif (
            head.startswith(MAGIC)
            and b"O" in head[:SNIFF_BYTES].partition(b"descr")[2].partition(b"fortran")[0]
        ):
            tell_unchecked(findings, "an array of objects", member=member.name)
        elif named or looks_like_pickle(head) or member.size_bytes <= MAX_LOOKED_THROUGH_BYTES:
            content = directory.read_member(member, lenient=True)
            pickles = read_pickles(BytesStream(content, tick=directory.reader.check_time))
            # words may begin as pickles did before there was a mark: "churn" imports, and ends early
            looks_so = looks_like_pickle(head[:2] + b"..")
            expected = named or (looks_so and (head[:1] == b"\x80" or pickles[0].error is None))
            if expected or any(part.called for pickle in pickles for part in pickle.imports.values()):
                tell_risks(findings, pickles, member=member.name, torchscript=torchscript)
    except ExtractError as error:
        tell_unchecked(findings, str(error), member=member.name)


def _scan_zip_inside(findings: Findings, directory: ZipDirectory, member: Member) -> None:
    """The risks of what a zip holds that is stored as it is, as torch stores sample inputs in an exported program."""
    try:
        inside = open_zip(directory.open_stored(member))
    except ExtractError as error:
        detail = f"a zip inside the zip: {member.name[:200]}: {error}"
        tell_unchecked(findings, detail, member=member.name)
        return
    tell_oddities(findings, inside)
    files = [entry for entry in inside.members if not entry.is_directory]
    if len(files) > MAX_MEMBERS_LOOKED_AT:
        tell_unchecked(findings, f"{len(files)} members of a zip inside the zip", member=member.name)
    for entry in files[:MAX_MEMBERS_LOOKED_AT]:
        scan_member(findings, inside, entry, is_inside=True)


def scan_unread_members(findings: Findings, directory: ZipDirectory) -> None:
    """The first members of a zip of another format, which may be what a loader of its parts unpickles."""
    files = [member for member in directory.members if not member.is_directory]
    chosen = [
        member
        for member in files[:MAX_MEMBERS_LOOKED_AT]
        if member.size_bytes <= MAX_LOOKED_THROUGH_BYTES
        or not member.name.lower().endswith(_OF_ANOTHER_FORMAT)
    ]
    directory.read_ahead(member for member in chosen if member.size_bytes <= MAX_LOOKED_THROUGH_BYTES)
    for member in chosen:
        scan_member(findings, directory, member)


def scan_all_pickles(findings: Findings, directory: ZipDirectory, *, torchscript: bool = False) -> None:
    """Every member that calls itself a pickle, for a zip that is refused: what it would do is still said."""
    tell_oddities(findings, directory)
    named = [m for m in directory.members if m.name.endswith((".pkl", ".pickle", ".p"))]
    for member in named[:MAX_PICKLES_READ]:
        scan_member(findings, directory, member, torchscript=torchscript)
    if len(named) > MAX_PICKLES_READ:
        tell_unchecked(findings, f"{len(named)} pickles in one zip")
