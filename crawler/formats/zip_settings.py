"""Members of a zip that have a library import what they name: the schema of skops, the configuration of Keras.

Both libraries know their zips by these members, wherever they stand and whatever the file is called.
Source: skops `skops/io/_persist.py` (`load`); keras-team/keras keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

from typing import Any

from catalog.errors import Malformed
from catalog.records import Severity
from crawler.extractor import Findings
from crawler.formats import jsons, keras_config
from crawler.formats.pickle_names import Verdict, judged
from crawler.formats.pickle_risks import CODE_EXECUTION
from crawler.formats.skops_schema import MAX_SCHEMA_BYTES, imports_of, load_schema
from crawler.formats.zips import Member, ZipDirectory

SCHEMA = "schema.json"
METADATA, CONFIG = "metadata.json", "config.json"
MAX_METADATA_BYTES = 1024 * 1024
MAX_CONFIG_BYTES = 16 * 1024 * 1024


def tell_settings(findings: Findings, directory: ZipDirectory, member: Member) -> None:
    """The risks of a member that is such settings; nothing of any other. Raises LimitExceeded, Unsupported."""
    try:
        if member.name == SCHEMA:
            tell_schema(findings, load_schema(directory.read_member(member, MAX_SCHEMA_BYTES, lenient=True)))
        elif member.name == CONFIG and _is_of_keras(directory):
            content = directory.read_member(member, MAX_CONFIG_BYTES, lenient=True)
            keras_config.tell_risks(findings, jsons.load(content))
    except Malformed:  # no JSON: the library refuses it
        return


def tell_schema(findings: Findings, schema: Any) -> None:
    """What skops would look up or call; nothing of a schema of something else."""
    imports, strange = imports_of(schema)
    for part in imports.values():
        verdict = judged(part.module, part.name, called=part.called)
        if verdict >= Verdict.UNKNOWN:
            severity = Severity.HIGH if verdict is Verdict.DANGEROUS else Severity.MEDIUM
            known = "known to be dangerous" if verdict is Verdict.DANGEROUS else "unknown import"
            findings.risk(CODE_EXECUTION, severity, f"Looks up {part.full[:300]}: {known}", member=SCHEMA)
    for loader in sorted(strange):
        detail = f"The schema uses {loader}, which builds something to be called"
        findings.risk(CODE_EXECUTION, Severity.MEDIUM, detail, member=SCHEMA)


def _is_of_keras(directory: ZipDirectory) -> bool:
    member = directory.find(METADATA)
    if member is None:
        return False
    metadata: Any = jsons.load(directory.read_member(member, MAX_METADATA_BYTES, lenient=True))
    return isinstance(metadata, dict) and "keras_version" in metadata
