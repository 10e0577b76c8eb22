"""TorchScript: the tree of classes in data.pkl, and which attributes of each class are parameters or buffers.

The code is text here: it is searched for two lists per class, never compiled.
Source: torch/csrc/jit/serialization/python_print.cpp, export_module.cpp.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from catalog.errors import ExtractError, LimitExceeded
from catalog.records import Evidence, TensorInfo
from crawler.extractor import Findings
from crawler.formats.dtypes import size_bytes
from crawler.formats.pickle_nodes import Call
from crawler.formats.tensors import summarise
from crawler.formats.torch_tensors import TorchTensor, tensors_below
from crawler.formats.torch_zip import TorchZip

MAX_CODE_BYTES = 1024 * 1024
MAX_CODE_FILES = 2_000
MAX_MODULES = 100_000
_CLASS = re.compile(r"^class (\w+)\(\w+\):$", re.MULTILINE)
_LIST = re.compile(r"^  __(parameters|buffers)__ = \[([^\]]*)\]", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]*)"')


def tell_torchscript(findings: Findings, container: TorchZip, root: Any) -> None:
    """Classes, parameters and buffers of a TorchScript module."""
    lists = _declared(findings, container)
    modules = _modules(root)
    infos, unknown = _tensors(root, modules, lists)
    findings.tensors = summarise(infos, unknown=unknown)
    if type(root) is Call and root.class_name:
        findings.say("architecture", root.class_name, "pickle:/")
        findings.say("extra.class", _plain_name(root.name), "pickle:/")
    classes = Counter(_plain_name(node.name) for node in modules.values())
    findings.say("extra.submodules", [name for name, _ in classes.most_common(100)], "pickle:/")
    findings.say("layers", len(modules) - 1 if modules else None, "pickle:/", evidence=Evidence.COUNTED)
    findings.say("framework", "pytorch", "pickle:/", evidence=Evidence.INFERRED)


def _declared(findings: Findings, container: TorchZip) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Per class its parameters and buffers, out of code/**.py."""
    prefix = f"{container.root}code/"
    classes: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    members = [m for m in container.directory.members if m.name.startswith(prefix) and m.name.endswith(".py")]
    try:
        if len(members) > MAX_CODE_FILES:
            raise LimitExceeded("code files of a TorchScript file", limit=MAX_CODE_FILES, found=len(members))
        for member in members:
            text = container.directory.read_member(member, MAX_CODE_BYTES, lenient=True).decode(
                "utf-8", errors="replace"
            )
            module = member.name[len(prefix) : -3].replace("/", ".")
            classes.update(_classes_in(text, module))
    except ExtractError as error:
        findings.problem(error.code, f"the code that tells parameters from buffers: {error}")
    return classes


def _classes_in(text: str, module: str) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    starts = [(match.start(), match[1]) for match in _CLASS.finditer(text)]
    classes = {}
    for index, (start, name) in enumerate(starts):
        stop = starts[index + 1][0] if index + 1 < len(starts) else len(text)
        lists = {kind: frozenset(_QUOTED.findall(names)) for kind, names in _LIST.findall(text[start:stop])}
        classes[f"{module}.{name}"] = (
            lists.get("parameters", frozenset()),
            lists.get("buffers", frozenset()),
        )
    return classes


def _modules(root: Any) -> dict[str, Call]:
    """The module objects by their path, the root's own path being empty."""
    modules: dict[str, Call] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting and len(modules) < MAX_MODULES:
        path, node = waiting.pop()
        if type(node) is not Call or not node.name.startswith("__torch__.") or id(node) in seen:
            continue
        seen.add(id(node))
        modules[path] = node
        if node.attributes is not None:
            below = [(f"{path}.{name}" if path else name, child) for name, child in node.attributes.named()]
            waiting.extend((name[:512], child) for name, child in reversed(below) if type(child) is Call)
    return modules


def _tensors(
    root: Any, modules: dict[str, Call], lists: dict[str, tuple[frozenset[str], frozenset[str]]]
) -> tuple[list[TensorInfo], int]:
    infos: list[TensorInfo] = []
    seen: set[Any] = set()
    unknown = 0
    for named in tensors_below(root):
        if not isinstance(named.tensor, TorchTensor):
            unknown += 1
            continue
        identity = named.tensor.identity
        if identity is not None and identity in seen:
            continue
        seen.add(identity)
        owner = modules.get(".".join(named.path[:-1]))
        part = _part(owner, named.path[-1] if named.path else "", lists)
        tensor = named.tensor
        infos.append(
            TensorInfo(
                name=named.name,
                dtype=tensor.dtype,
                shape=tensor.shape,
                elements=tensor.elements,
                bytes=size_bytes(tensor.dtype, tensor.elements),
                part=part,
            )
        )
    return infos, unknown


def _part(owner: Call | None, name: str, lists: dict[str, tuple[frozenset[str], frozenset[str]]]) -> str:
    """A tensor that a class declares as neither is an attribute: something that the state dict leaves out."""
    if owner is None or owner.name not in lists:
        return "model"
    parameters, buffers = lists[owner.name]
    if name in parameters:
        return "model"
    return "buffer" if name in buffers else "auxiliary"


def _plain_name(name: str) -> str:
    """`__torch__.torch.nn.modules.linear.___torch_mangle_0.Linear` -> `torch.nn.modules.linear.Linear`."""
    parts = [
        part for part in name.split(".") if part != "__torch__" and not part.startswith("___torch_mangle_")
    ]
    return ".".join(parts)
