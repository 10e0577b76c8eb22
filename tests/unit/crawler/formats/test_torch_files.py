"""Torch files that are odd without being broken."""

from __future__ import annotations

import io
import pickle
import tarfile

import pytest
from fixtures.hostile_pickles import imported, proto, text, torch_zip

from catalog.records import FileStatus, Role, Severity
from crawler.extractors.torch_legacy import TorchLegacyExtractor
from crawler.extractors.torch_zip import TorchZipExtractor
from crawler.reader import bytes_reader


def tensor(key, numel, size, stride, offset=0, storage="FloatStorage"):
    """Opcodes of one tensor whose storage announces so many elements."""

    def numbers(values):
        return b"(" + b"".join(b"K" + bytes([value]) for value in values) + b"t"

    persistent = (
        b"(X\x07\x00\x00\x00storagectorch\n"
        + storage.encode()
        + b"\nX\x01\x00\x00\x00"
        + key.encode()
        + b"X\x03\x00\x00\x00cpuK"
        + bytes([numel])
        + b"tQ"
    )
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + persistent
        + b"K"
        + bytes([offset])
        + numbers(size)
        + numbers(stride)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def state(*tensors):
    body = b"".join(b"X\x01\x00\x00\x00" + name.encode() + content for name, content in tensors)
    return b"\x80\x02}(" + body + b"u."


def extract(data, **members):
    extra = [(name.replace("_", "/"), content) for name, content in members.items()]
    return TorchZipExtractor().extract(bytes_reader("model.pt", torch_zip(data, extra=extra)))


def kinds(extraction):
    return {risk.kind for risk in extraction.risks}


def test_storage_of_the_announced_size_is_fine():
    extraction = extract(state(("w", tensor("0", 6, (2, 3), (3, 1)))), data_0=bytes(24))
    assert extraction.tensors.tallies[0].elements == 6
    assert extraction.risks == ()


@pytest.mark.parametrize(
    ("content", "members"),
    [
        (state(("w", tensor("0", 6, (2, 3), (3, 1)))), {"data_0": bytes(20)}),
        (state(("w", tensor("0", 6, (2, 3), (3, 1)))), {}),
        (state(("w", tensor("0", 6, (2, 3), (3, 1), offset=1))), {"data_0": bytes(24)}),
        (state(("w", tensor("0", 6, (2, 9), (9, 1)))), {"data_0": bytes(24)}),
    ],
    ids=["shorter storage", "no storage", "offset too far", "shape too big"],
)
def test_storage_that_disagrees_with_its_tensor_is_suspicious(content, members):
    assert "suspicious-structure" in kinds(extract(content, **members))


def test_unknown_rebuilder_is_counted_as_unknown_never_guessed():
    content = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_something_new\n(K\x01tRs."
    extraction = extract(content)
    assert extraction.tensors.unknown_tensors == 1
    assert extraction.tensors.count == 0


def test_average_beside_the_weights_in_one_state_dict_is_a_copy():
    content = (
        b"\x80\x02}(X\x0f\x00\x00\x00model_ema.layer"
        + tensor("0", 6, (2, 3), (3, 1))
        + b"X\x05\x00\x00\x00layer"
        + tensor("1", 6, (2, 3), (3, 1))
        + b"u."
    )
    extraction = extract(content, data_0=bytes(24), data_1=bytes(24))
    assert {tally.part for tally in extraction.tensors.tallies} == {"model", "ema"}


ONE, TWO = tensor("0", 6, (2, 3), (3, 1)), tensor("1", 6, (2, 3), (3, 1))


def named(**values):
    items = (b"X" + len(name).to_bytes(4, "little") + name.encode() + value for name, value in values.items())
    return b"}(" + b"".join(items) + b"u"


@pytest.mark.parametrize(
    "root",
    [
        named(student=named(w=ONE), teacher=named(w=TWO)),
        named(g=named(w=ONE), d=named(w=TWO)),
        b"](" + named(w=ONE) + named(state=named(w=TWO), param_groups=b"]") + b"e",
        named(network=named(w=ONE), o=named(state=named(w=TWO), param_groups=b"]")),
    ],
    ids=["self-distillation", "adversarial", "list", "name of one's own"],
)
def test_second_network_or_optimizer_beside_the_model_is_not_counted(root):
    """Teacher, discriminator and states of optimizers that were not called so counted as the model's own."""
    extraction = extract(b"\x80\x02" + root + b".", data_0=bytes(24), data_1=bytes(24))
    assert {tally.part: tally.elements for tally in extraction.tensors.tallies}["model"] == 6


@pytest.mark.parametrize(
    "names", [("encoder", "g"), ("encoder", "student"), ("netE", "netG"), ("image", "teacher")]
)
def test_parts_of_one_model_are_counted_whatever_one_of_them_is_called(names):
    """An encoder beside a projector `g` was counted as nothing: `g` was taken for one of two networks of which one is used."""
    root = named(**{name: named(w=tensors) for name, tensors in zip(names, (ONE, TWO), strict=True)})
    extraction = extract(b"\x80\x02" + root + b".", data_0=bytes(24), data_1=bytes(24))
    assert {tally.part: tally.elements for tally in extraction.tensors.tallies} == {"model": 12}


def test_tar_of_the_first_torch_versions_is_named_and_not_checkable():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            info = tarfile.TarInfo(name)
            content = pickle.dumps({}, 2)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    data = out.getvalue()
    assert TorchLegacyExtractor().claims("model.pth", data[:4096]) is not None
    extraction = TorchLegacyExtractor().extract(bytes_reader("model.pth", data))
    assert extraction.status is FileStatus.OPAQUE
    assert {"legacy-format", "unchecked"} <= kinds(extraction)


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("run/checkpoint-5/optimizer.pt", Role.AUXILIARY),
        ("run/checkpoint-5/rng_state_0.pth", Role.AUXILIARY),
        ("run/zero_pp_rank_0_mp_rank_00_optim_states.pt", Role.AUXILIARY),
        ("run/checkpoint-5/pytorch_model.bin", Role.WEIGHTS),
        ("run/optimizer/model.pt", Role.WEIGHTS),
    ],
)
def test_state_that_only_continues_a_training_is_not_weights(key, role):
    data = torch_zip(state(("w", tensor("0", 6, (2, 3), (3, 1)))), extra=[("data/0", bytes(24))])
    claim = TorchZipExtractor().claims(key, data[:4096])
    extraction = TorchZipExtractor().extract(bytes_reader(key, data))
    assert (claim.role, extraction.role) == (role, role)
    assert (extraction.tensors is not None) == (role is Role.WEIGHTS)


def whole_module(module, name):
    """A module as torch wrote it before zips: its class in a persistent id, with the class's source beside it."""
    identity = (
        b"(" + text("module") + imported(module, name) + text("net.py") + text("class Net: ...") + b"tQ"
    )
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return b"".join(
        [*parts, proto(2) + identity + b")\x81}" + text("training") + b"\x88sb.", pickle.dumps([], 2)]
    )


@pytest.mark.parametrize(
    ("module", "name", "severity"),
    [
        ("torch.nn.modules.linear", "Linear", Severity.INFO),
        ("net", "Net", Severity.MEDIUM),
        ("subprocess", "Popen", Severity.HIGH),
    ],
)
def test_class_that_torch_keeps_with_its_source_is_judged_as_that_class(module, name, severity):
    """Every module of torch before 1.6 was `high`: it called what it computed."""
    extraction = TorchLegacyExtractor().extract(bytes_reader("net.pth", whole_module(module, name)))
    assert max(risk.severity for risk in extraction.risks) == severity
