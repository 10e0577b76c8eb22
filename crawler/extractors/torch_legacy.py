"""PyTorch files before 1.6 and those saved so today: pickles one after another, then the raw storages.

Source: torch/serialization.py `_legacy_save`, `_legacy_load`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.errors import ExtractError, Malformed, Truncated
from catalog.records import Evidence, Extraction, FileStatus, Origin, Severity
from crawler.extractor import Claim, Findings
from crawler.formats import tars
from crawler.formats.byte_streams import ReaderStream
from crawler.formats.checkpoint_names import tell_name
from crawler.formats.dtypes import size_bytes
from crawler.formats.pickle_risks import tell_risks, tell_unchecked
from crawler.formats.pickle_values import mapping, plain
from crawler.formats.pickles import Pickle, read_pickle
from crawler.formats.torch_files import refuse, role_of, tell_pickled_model
from crawler.reader import RangedReader

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")  # the pickled 0x1950A86A20F9469CFC6C
_STARTS = (MAGIC, MAGIC.replace(b"\x80\x02", b"\x80\x03", 1), MAGIC.replace(b"\x80\x02", b"\x80\x04", 1))
_TAR_MEMBERS = frozenset({b"sys_info", b"pickle", b"storages", b"tensors"})
_PARTS = 5  # magic, protocol, system, object, storage keys


class TorchLegacyExtractor:
    name = "torch-legacy"
    version = 13
    description = "PyTorch files of the format before 1.6"
    reads = "the five pickles before the storages, symbolically"
    limits = "64 MB of pickle, 3 million opcodes; nothing is unpickled"

    def claims(self, key: str, head: bytes) -> Claim | None:
        """The pickled magic number, or the first member of the tar before it, whatever the name."""
        if head.startswith(_STARTS):
            return Claim(format="pytorch", role=role_of(key), confidence=100)
        return Claim(format="pytorch", role=role_of(key), confidence=85) if _is_tar(head) else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="pytorch", role=role_of(reader.key), origin=Origin.EMBEDDED)
        if _is_tar(reader.head(512)):
            return _opaque(findings)
        findings.say("extra.serialization", "legacy", "pickle:/")
        stream = ReaderStream(reader)
        pickles: list[Pickle] = []
        for _ in range(_PARTS):
            pickles.append(read_pickle(stream))
            if pickles[-1].error is not None:
                break
        tell_risks(findings, pickles)
        if len(pickles) < _PARTS - 1 or pickles[min(3, len(pickles) - 1)].error is not None:
            refuse(findings, f"a torch file that ends early: {pickles[-1].error}")
            return findings.extraction()
        self._tell(findings, reader, pickles, stream.position)
        tell_name(findings)
        return findings.extraction()

    @staticmethod
    def _tell(findings: Findings, reader: RangedReader, pickles: Sequence[Pickle], after: int) -> None:
        little_endian = _little_endian(pickles[2])
        storages = _Storages(reader, after, pickles[4].value if len(pickles) == _PARTS else None)
        counted = tell_pickled_model(
            findings,
            pickles[3],
            read_storage=storages.read if storages.single else None,
            little_endian=little_endian,
        )
        known = counted.storages if counted is not None else {}
        if len(pickles) < _PARTS or pickles[-1].error is not None:
            findings.failed(Truncated("the storages are cut off: the list of their names is missing"))
        expected = after + storages.minimum_bytes(known)
        if expected > reader.size_bytes:
            findings.problem(
                "truncated", f"the storages are cut off: {reader.size_bytes} bytes of at least {expected}"
            )
            findings.status = FileStatus.PARTIAL
            findings.risk("suspicious-structure", Severity.LOW, "The storages are cut off")
        elif expected < reader.size_bytes and all(key in known for key in storages.keys):
            detail = f"from byte {expected} on follows what belongs to no storage"
            tell_unchecked(findings, detail)


def _is_tar(head: bytes) -> bool:
    """A tar whose first member is one that torch before 0.2 wrote."""
    return head[:100].rstrip(b"\0") in _TAR_MEMBERS and tars.begins_tar(head)


def _opaque(findings: Findings) -> Extraction:
    """The tar is only named: torch itself unpickled it even where it promised not to (CVE-2025-32434)."""
    findings.say("extra.serialization", "tar", "tar:/")
    findings.say("framework", "pytorch", "tar:/", evidence=Evidence.INFERRED)
    findings.risk(
        "legacy-format",
        Severity.MEDIUM,
        "A torch file of before 0.2: loading it unpickles, whatever is asked",
    )
    tell_unchecked(findings, "the tar format of torch before 0.2 is not read")
    findings.status = FileStatus.OPAQUE
    return findings.extraction()


class _Storages:
    """The raw storages behind the pickles: each an 8-byte count and its elements, in the order of the keys."""

    def __init__(self, reader: RangedReader, start: int, keys: object) -> None:
        self._reader = reader
        self._start = start
        self.keys = (
            [str(key) for key in keys[:100_000] if type(key) in {str, int}] if type(keys) is list else []
        )
        self.single = len(self.keys) == 1

    def minimum_bytes(self, known: Mapping[str, tuple[str, int]]) -> int:
        """Bytes of all storages: their counts, and the elements of those of which a tensor says dtype and number."""
        elements = (size_bytes(*known[key]) or 0 for key in dict.fromkeys(self.keys) if key in known)
        return 8 * len(self.keys) + sum(elements)

    def read(self, key: str, start: int, end: int) -> bytes:
        """Bytes of the only storage; where others stand is known only by reading them all."""
        if [key] != self.keys:
            raise Malformed("a storage whose place is unknown")
        try:
            return self._reader.take(self._start + 8 + start, self._start + 8 + end)
        except ExtractError:
            return b""


def _little_endian(system: Pickle) -> bool:
    pairs = mapping(system.value)
    return pairs is None or plain(pairs.get("little_endian")) is not False
