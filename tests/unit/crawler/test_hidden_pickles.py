"""Files that stand beside models, or belong to another format, and would run something when a loader takes them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from functools import partial

import pytest
from fixtures.crawling import safetensors
from fixtures.hostile_pickles import COMMAND, SYSTEM, text

from catalog.records import Extraction, Role, Severity
from crawler import hidden_pickles
from crawler.extractors.gguf import GgufExtractor
from crawler.hidden_pickles import Allowance, with_hidden_pickles
from crawler.named_calls import with_named_calls
from crawler.reader import bytes_reader
from crawler.registry import Registry

STATES = (
    *(
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "rng_state_0.pth",
        "training_args.bin",
        "scaler.pt",
        "__0_0.distcp",
    ),
    *(
        "random_states_0.pkl",
        "optimizer.bin",
        "sampler.bin",
        "custom_checkpoint_0.pkl",
        "loss_state.pt",
        "net.pdopt",
    ),
    *("zero_pp_rank_0_mp_rank_00_optim_states.pt", "inference.pdiparams.info"),
)
OTHERS = (
    "x.data-00000-of-00001",
    "net.pdiparams",
    "data.npz",
    "net.keras",
    "net.dduf",
    "net.skops",
    "net.h5",
    "net.onnx",
)
PLAIN = b"\x80\x02}q\x00X\x05\x00\x00\x00stateq\x01K\x01s."
OLD = f"cposix\nsystem\n(S'{COMMAND}'\ntR.".encode()


def zipped(data):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return written.getvalue()


@pytest.fixture
def all_readers(shop):
    shop.registry = Registry.installed()
    return shop


def worst(document):
    return max(
        (Severity[risk["severity"].upper()] for risk in document.get("risks", ())), default=Severity.INFO
    )


@pytest.mark.parametrize("hostile", [SYSTEM, OLD, zipped(SYSTEM)], ids=["protocol 2", "protocol 0", "zip"])
def test_hostile_file_is_in_the_catalog_without_a_model_beside_it(all_readers, hostile):
    """Trainers unpickle these when they go on; without a model in their directory nothing was said of them."""
    for number, name in enumerate((*STATES, *OTHERS)):
        all_readers.put(f"{number}/{name}", hostile)
    all_readers.crawl()
    severities = {
        path.partition("/")[0]: worst(document) for path, document in all_readers.documents().items()
    }
    silent = [
        name
        for number, name in enumerate((*STATES, *OTHERS))
        if severities.get(str(number), 0) < Severity.MEDIUM
    ]
    assert silent == []


def test_hostile_state_beside_a_model_is_the_models_risk(all_readers):
    all_readers.model("run/model.safetensors")
    all_readers.put("run/optimizer.pt", zipped(SYSTEM))
    all_readers.crawl()
    (document,) = all_readers.documents().values()
    assert [(risk["kind"], risk["file"]) for risk in document["risks"]] == [
        ("code-execution", "run/optimizer.pt")
    ]


def test_harmless_states_are_no_models(all_readers):
    for number, name in enumerate(STATES[:4]):
        all_readers.put(f"{number}/{name}", zipped(PLAIN))
    all_readers.put("a/__0_0.distcp", zipped(PLAIN) + zipped(PLAIN))
    all_readers.put("b/.hydra/config.yaml", b"model:\n  _target_: os.system\n")
    all_readers.crawl()
    assert all_readers.documents() == {}


ATTACK = "{{ ''.__class__.__mro__[1].__subclasses__() }}"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("tokenizer_config.json", {"tool_use_template": ATTACK}),
        ("tokenizer_config.json", {"extra": {"deep": [{"prompt": ATTACK}]}}),
        ("processor_config.json", {"chat_template": ATTACK}),
        ("generation_config.json", {"stop": [ATTACK]}),
        ("config.json", {"architectures": ["BertModel"], "prompts": {"query": ATTACK}}),
        ("adapter_config.json", {"peft_type": "LORA", "template": ATTACK}),
        ("additional_chat_templates/tools.jinja", None),
        ("template.jinja2", None),
    ],
)
def test_template_under_any_key_is_looked_at(all_readers, name, config):
    all_readers.model("net/model.safetensors")
    all_readers.put(f"net/{name}", ATTACK if config is None else json.dumps(config))
    all_readers.crawl()
    (document,) = all_readers.documents().values()
    assert {risk["kind"] for risk in document["risks"]} == {"template-injection"}


def test_template_in_the_metadata_of_weights_is_looked_at(all_readers):
    all_readers.put("a.safetensors", safetensors(metadata={"prompt_format": ATTACK}))
    all_readers.put("b.safetensors", safetensors(metadata={"prompt_format": "{{ messages[0].content }}"}))
    all_readers.crawl()
    risky = {path: bool(document.get("risks")) for path, document in all_readers.documents().items()}
    assert risky == {"a.safetensors": True, "b.safetensors": False}


def test_template_under_any_key_of_gguf_is_looked_at():
    key, attack = b"rag.prompt", ATTACK.encode()
    pair = (
        len(key).to_bytes(8, "little")
        + key
        + (8).to_bytes(4, "little")
        + len(attack).to_bytes(8, "little")
        + attack
    )
    data = b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little") + pair
    extraction = GgufExtractor().extract(bytes_reader("a.gguf", data))
    assert [risk.kind for risk in extraction.risks] == ["template-injection"]


def called(module, name, argument):
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + argument + b"\x85R."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pandas", "PeriodDtype"),
        ("pandas._libs.tslibs.offsets", "BusinessDay"),
        ("pandas._libs.tslibs.offsets", "FY5253"),
        ("pandas.core.indexes.datetimes", "_new_DatetimeIndex"),
        ("dateutil.relativedelta", "relativedelta"),
    ],
)
def test_calendars_of_pandas_are_no_finding(all_readers, module, name):
    """They were said to `open, load or fetch what they name`."""
    all_readers.put("frame.pkl", called(module, name, text("M")))
    all_readers.crawl()
    (document,) = all_readers.documents().values()
    assert worst(document) <= Severity.INFO


def test_text_that_calls_what_is_known_to_be_dangerous_is_shown_without_a_model(all_readers):
    all_readers.put("a/config.yaml", b"model:\n  _target_: os.system\n")
    all_readers.put("b/model.json", json.dumps({"py/reduce": [{"py/function": "os.system"}]}))
    all_readers.put("c/net.yml", b"a: !!python/object/apply:os.system [id]\n")
    all_readers.put("d/config.yaml", b"model:\n  _target_: my_library.Net\n")
    all_readers.put(
        "e/hparams.yaml", b"net: !!python/object:argparse.Namespace\n  lr: !!python/tuple [1, 2]\n"
    )
    all_readers.crawl()
    shown = {path.partition("/")[0]: worst(document) for path, document in all_readers.documents().items()}
    assert shown == dict.fromkeys("abc", Severity.HIGH)


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "bert", "class_name": ["x"], "config": {}},
        {"model_type": "bert", "class_name": {"a": 1}, "config": {}},
        {"trust_remote_code": []},
        {"trust_remote_code": {}},
    ],
)
def test_lists_where_text_is_usual_cost_no_model(all_readers, config):
    all_readers.model("a/model.safetensors")
    all_readers.model("b/model.safetensors")
    all_readers.put("b/config.json", json.dumps(config))
    all_readers.crawl()
    assert len(all_readers.documents()) == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("config.json", json.dumps({"model": {"_target_": "os.system"}, "pad": [1] * 25_000})),
        ("config.json", json.dumps({"model": {"_target_": "os.system"}, "pad": [[]] * 25_000})),
        ("config.json", json.dumps([{"_target_": f"torch.nn.A{each}"} for each in range(60)] + [{"_target_": "os.system"}])),
        ("config.json", r'{"\u005ftarget_": "os.system"}'),
        ("config.json", r'{"py\/reduce": [{"py\/type": "os.system"}]}'),
        ("config.json", json.dumps({"_target_": "os.system"}).encode("utf-16")),
        ("config.json", json.dumps({"_target_": "os.system", "pad": [1] * 250_000})),
        ("a.yaml", "a: !!p%79thon/object/apply:os.system [id]\n"),
        ("a.yaml", '"\\x5ftarget_": os.system\n'),
        ("a.yaml", "a: 1\n---\nm:\n  _target_: os.system\n"),
        ("a.yaml", "_target_: os.system\n--- [\n"),
        ("a.yaml", "a: !!python/object/apply:os.system [id]\n".encode("utf-16")),
        ("m.xml", '<?xml version="1.0"?><!DOCTYPE net SYSTEM "http://x.example/a.dtd"><net name="a"/>'.encode("utf-16")),
    ],
)  # fmt: skip
def test_names_of_code_are_seen_behind_padding_and_escapes(name, data):
    reader = bytes_reader(f"net/{name}", data if isinstance(data, bytes) else data.encode())
    extraction = Extraction(key=reader.key, extractor="x", extractor_version=1, format=None, role=Role.CONFIG)
    risks = with_named_calls(extraction, GgufExtractor(), reader).risks
    assert max(risk.severity for risk in risks) >= Severity.MEDIUM


def test_long_vocabulary_with_escapes_names_no_code():
    vocabulary = {f"{chr(0x4E00 + each)}<\u0001>": each for each in range(20_000)}
    data = json.dumps({"model": {"vocab": vocabulary, "merges": [["a", "b"]] * 30_000}}).encode()
    extraction = Extraction(
        key="tokenizer.json", extractor="x", extractor_version=1, format=None, role=Role.CONFIG
    )
    reader = bytes_reader("tokenizer.json", data)
    assert with_named_calls(extraction, GgufExtractor(), reader) is extraction


def test_bombs_in_a_tar_share_one_bound(monkeypatch):
    monkeypatch.setattr(hidden_pickles, "Allowance", partial(Allowance, opcodes=150_000))
    bomb = gzip.compress(b"N0" * 50_000 + b"N.")
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for number in range(5):
            member = tarfile.TarInfo(f"{number}.pkl")
            member.size = len(bomb)
            archive.addfile(member, io.BytesIO(bomb))
    extraction = Extraction(key="a.tar", extractor="x", extractor_version=1, format=None, role=Role.DATA)
    reader = bytes_reader("a.tar", written.getvalue())
    (risk,) = with_hidden_pickles(extraction, GgufExtractor(), reader).risks
    assert (risk.kind, risk.member) == ("unchecked", "1.pkl")
