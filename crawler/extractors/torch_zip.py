"""PyTorch files since 1.6: state dicts, checkpoints of any trainer, whole modules, TorchScript."""

from __future__ import annotations

import re
import zlib

from catalog.errors import ExtractError
from catalog.records import Extraction, Origin
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import torch_package, torch_zip
from crawler.formats.checkpoint_names import tell_name
from crawler.formats.pickle_risks import tell_oddities, tell_risks, tell_unchecked
from crawler.formats.pickles import Pickle, looks_like_pickle
from crawler.formats.torch_files import refuse, role_of, tell_pickled_model
from crawler.formats.torch_script import tell_torchscript
from crawler.formats.zips import BEGINNINGS, is_zip, open_zip
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

_FIRST_MEMBER = re.compile(
    rb"^(?:[^/]{1,200}/)?(?:data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment|constants\.pkl|"
    rb"\.data/serialization_id|tensors/\d+|code/|extra/|attributes\.pkl|bytecode\.pkl)"
)
_PICKLE_NAME = re.compile(rb"\.(?:pkl|pickle|p|pt|pth|joblib)$")
_SUFFIXES = (
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".pkl",
    ".pickle",
    ".jit",
    ".ptl",
    ".th",
    ".tar",
    ".torchscript",
    ".pdparams",
)


_LOADED_SUFFIXES = (".model", ".sav", ".dat", ".data", ".weights")
"""Names under which torch is handed zips, as others are; whoever knows the file better wins."""


def _first_bytes(head: bytes, start: int) -> bytes:
    """The beginning of the first member, inflated if it is deflated."""
    content, method = head[start:], int.from_bytes(head[8:10], "little")
    if method == zlib.DEFLATED:
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, 64)
        except zlib.error:
            return b""
    return content


class TorchZipExtractor:
    name = "torch-zip"
    version = 13
    description = "PyTorch zip files: state dicts, Lightning and Ultralytics checkpoints, whole modules, TorchScript, packages"
    reads = "the zip's directory and data.pkl, symbolically; TorchScript's class lists; single numbers kept as tensors"
    limits = "100,000 members, 64 MB of pickle, 3 million opcodes; nothing is unpickled"
    checks_pickles = True
    promises = Promise(
        formats={".pt": "pytorch", ".pth": "pytorch", ".ckpt": "pytorch"},
        names={r".*model[^/]*\.bin": "pytorch"},
        endings=(".pth.tar", ".pt.tar"),
        # Source: NVIDIA/Megatron-LM megatron/training/checkpointing.py, `get_checkpoint_name`; DeepSpeed
        # checkpoint/ds_to_universal.py, which writes a directory for each tensor into `zero`
        containers=(
            Container(folders=("mp_rank_00",)),
            Container(folders=("mp_rank_00_000",)),
            Container(
                files=("mp_rank_00_model_states.pt",), folders=("zero",), main="mp_rank_00_model_states.pt"
            ),
        ),
    )
    signs = Signs(beginnings=BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:
        """A zip whose first member is torch's or a pickle, or any zip under a torch suffix."""
        if not is_zip(head):
            return None
        length = int.from_bytes(head[26:28], "little")
        if _FIRST_MEMBER.match(head[30 : 30 + length]):
            return Claim(format="pytorch", role=role_of(key), confidence=90)
        if key.lower().endswith(_SUFFIXES):
            return Claim(format="pytorch", role=role_of(key), confidence=60)
        if key.lower().endswith(_LOADED_SUFFIXES):
            return Claim(format="pytorch", role=role_of(key), confidence=30)
        content = _first_bytes(head, 30 + length + int.from_bytes(head[28:30], "little"))
        if _PICKLE_NAME.search(head[30 : 30 + length]) or looks_like_pickle(content):
            return Claim(format="pytorch", role=role_of(key), confidence=50)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        """Tensors, plain values and risks. A zip that cannot be read is catalogued with the risk `unchecked`."""
        findings = Findings(reader, self, format="pytorch", role=role_of(reader.key), origin=Origin.EMBEDDED)
        try:
            directory = open_zip(reader)
        except ExtractError as error:
            refuse(findings, str(error))
            return findings.extraction()
        if torch_package.is_package(directory):
            torch_package.tell_package(findings, directory)
            return findings.extraction()
        try:
            container = torch_zip.find_object(directory)
        except ExtractError as error:
            torch_zip.scan_all_pickles(findings, directory)
            torch_zip.tell_strangers(
                findings, directory, (m for m in directory.members if not m.name.endswith(".pkl"))
            )
            refuse(findings, str(error))
            return findings.extraction()
        self._read(findings, container)
        tell_name(findings)
        tell_oddities(findings, directory)
        return findings.extraction()

    def _read(self, findings: Findings, container: torch_zip.TorchZip) -> None:
        torchscript = container.is_torchscript
        if torchscript:
            findings.format = "torchscript"
        try:
            container.read_ahead()
            pickles = container.read_pickle(container.data)
        except ExtractError as error:
            refuse(findings, str(error), member=container.data.name)
            pickles = []
        tell_risks(findings, pickles, member=container.data.name, torchscript=torchscript)
        if pickles:
            self._tell(findings, container, pickles[0], torchscript=torchscript)
        self._scan_others(findings, container, torchscript=torchscript)

    @staticmethod
    def _tell(
        findings: Findings, container: torch_zip.TorchZip, pickle: Pickle, *, torchscript: bool
    ) -> None:
        if torchscript and pickle.error is None:
            try:
                tell_torchscript(findings, container, pickle.value)
            except ExtractError as error:
                findings.failed(error)
            return
        tell_pickled_model(
            findings,
            pickle,
            stored_bytes=container.storages(),
            read_storage=container.read_storage,
            little_endian=container.little_endian(),
        )

    @staticmethod
    def _scan_others(findings: Findings, container: torch_zip.TorchZip, *, torchscript: bool) -> None:
        """Every other pickle, and every member that torch does not write."""
        others = [
            member
            for member in container.directory.members
            if member is not container.data
            and (member.name.endswith((".pkl", "_pkl")) or member.name.startswith(f"{container.root}extra/"))
        ]
        for member in others[: torch_zip.MAX_DEBUG_PICKLES]:
            torch_zip.scan_member(findings, container.directory, member, torchscript=torchscript)
        if len(others) > torch_zip.MAX_DEBUG_PICKLES:
            tell_unchecked(findings, f"{len(others)} pickles in one file")
        named = {member.name for member in others}
        strangers = (member for member in container.strangers() if member.name not in named)
        torch_zip.tell_strangers(findings, container.directory, strangers)
