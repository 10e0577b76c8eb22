"""Packages of torch: zips of pickles with the Python modules that they need.

Source: pytorch/pytorch torch/package/package_exporter.py and package_importer.py.
"""

from __future__ import annotations

from catalog.errors import ExtractError
from catalog.records import Severity
from crawler.extractor import Findings
from crawler.formats.byte_streams import BytesStream
from crawler.formats.pickle_risks import CODE_EXECUTION, tell_oddities, tell_risks, tell_unchecked
from crawler.formats.pickles import read_pickles
from crawler.formats.torch_files import tell_pickled_model
from crawler.formats.torch_zip import MAX_PICKLES_READ
from crawler.formats.zips import Member, ZipDirectory

_MARK = ".data/extern_modules"
_STORAGE = ".storage"


def is_package(directory: ZipDirectory) -> bool:
    """Whether the zip has the list of modules that a package expects where it is loaded."""
    return any(member.name.partition("/")[2] == _MARK for member in directory.members)


def tell_package(findings: Findings, directory: ZipDirectory) -> None:
    """The tensors and plain values of the largest pickle, the risks of all, and the code that loading imports."""
    tell_oddities(findings, directory)
    own = [member for member in directory.members if "/.data/" not in member.name]
    code = [member.name for member in own if member.name.endswith(".py")]
    pickles = sorted(
        (member for member in own if member.name.endswith((".pkl", ".pickle"))),
        key=lambda member: -member.size_bytes,
    )
    for number, member in enumerate(pickles[:MAX_PICKLES_READ]):
        try:
            _tell_pickle(findings, directory, member, is_model=number == 0)
        except ExtractError as error:
            tell_unchecked(findings, str(error), member=member.name)
    if len(pickles) > MAX_PICKLES_READ:
        tell_unchecked(findings, f"{len(pickles)} pickles in one package")
    if code:
        detail = f"Loading it runs Python code of the file: {code[0].partition('/')[2][:200]}"
        findings.risk(CODE_EXECUTION, Severity.MEDIUM, detail, member=code[0])


def _tell_pickle(findings: Findings, directory: ZipDirectory, member: Member, *, is_model: bool) -> None:
    content = directory.read_member(member, lenient=True)
    pickles = read_pickles(BytesStream(content, tick=directory.reader.check_time))
    tell_risks(findings, pickles, member=member.name)
    if is_model and pickles:
        storages = {
            name.removesuffix(_STORAGE): stored.size_bytes
            for stored in directory.members
            if (name := stored.name.partition("/.data/")[2]).endswith(_STORAGE)
        }
        tell_pickled_model(findings, pickles[0], stored_bytes=storages)
