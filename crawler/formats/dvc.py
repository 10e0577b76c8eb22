"""Names that DVC's files share: outputs, join keys and the models among them.

Source: treeverse/dvc, dvc/schema.py and dvc/lock.py; https://dvc.org/doc/user-guide/project-structure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from catalog.records import Subject
from crawler.extractor import Findings

MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
REMOTE_OBJECT = re.compile(r"(?:^|/)(?:files/md5/)?([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)$")
MODEL_SUFFIXES = [
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".safetensors",
    ".onnx",
    ".pkl",
    ".pickle",
    ".joblib",
    ".h5",
    ".hdf5",
    ".keras",
    ".tflite",
    ".gguf",
    ".pb",
    ".model",
    ".cbm",
    ".ubj",
    ".skops",
    ".npz",
    ".msgpack",
    ".mlmodel",
    ".pdparams",
    ".nemo",
    ".engine",
    ".ot",
]


def resolved(key: str, path: str) -> str | None:
    """The key of `path` as a DVC file at `key` names it; None if it would leave the source's root."""
    if path.startswith("/") or "\0" in path or "://" in path:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(key), path))
    return None if joined == ".." or joined.startswith("../") else joined


def output_subject(key: str, path: str, md5: str | None, *, is_model: bool) -> Subject | None:
    """The output `path`, bound to the model at that path or with that content; a model that is not here stands alone."""
    target = resolved(key, path)
    if target is None:
        return None
    content = [f"md5:{md5}"] if md5 is not None and MD5.fullmatch(md5) else []
    keys = (f"path:{target}", f"dir:{target}", *content)
    name = target.rsplit("/", 1)[-1]
    return Subject(id=f"dvc:{target}", join_keys=keys, name=name, standalone=is_model)


def looks_like_a_model(path: str) -> bool:
    """A file whose suffix models have, or a directory named as one."""
    name = path.rstrip("/").rsplit("/", 1)[-1].lower()
    return name.endswith(tuple(MODEL_SUFFIXES)) or name in {"model", "models", "checkpoint", "checkpoints"}


def say_output(findings: Findings, out: Mapping[str, Any], place: str, *, subject: str) -> None:
    """Hash and size that DVC recorded for an output, and what its authors wrote beside it."""
    findings.say("extra.dvc_md5", out.get("md5"), f"{place}/md5", subject=subject)
    findings.say("extra.dvc_size_bytes", out.get("size"), f"{place}/size", subject=subject)
    findings.say("extra.dvc_files", out.get("nfiles"), f"{place}/nfiles", subject=subject)
    findings.say("extra.dvc_remote", out.get("remote"), f"{place}/remote", subject=subject)
    findings.say("description", out.get("desc"), f"{place}/desc", subject=subject)
    if out.get("type") == "model":
        findings.say("extra.dvc_type", "model", f"{place}/type", subject=subject)
    for number, label in enumerate(out.get("labels") or []):
        if isinstance(label, str):
            findings.say("tags", label, f"{place}/labels/{number}", subject=subject)
