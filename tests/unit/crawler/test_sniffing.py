"""Files of other programs under names of models, and parts of models that look like whole ones."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from catalog.errors import LimitExceeded
from catalog.records import Role
from crawler import sniffing
from crawler.extractors.opaque import OpaqueExtractor
from crawler.extractors.tensorflow_saved_model import TensorflowSavedModelExtractor
from crawler.extractors.torch_zip import TorchZipExtractor
from crawler.extractors.weights_index import WeightsIndexExtractor
from crawler.formats.torch_files import role_of
from crawler.reader import bytes_reader
from crawler.registry import Registry


@pytest.fixture
def all_readers(shop):
    shop.registry = Registry.installed()
    return shop


def test_text_of_other_programs_under_names_of_models_is_no_model(all_readers):
    all_readers.put("site/easy-install.pth", b"/usr/lib/python3/foo\n./bar\n")
    all_readers.put("site/hook.pth", b"import os; var = 'X'; os.environ.get(var, 'local') == 'local'\n")
    all_readers.put("runs/0.ckpt", b'{"ResultsManager.results": {}}')
    all_readers.put("broken/net.ckpt", b'{"error": "Repository not found"}')
    all_readers.model("good/model.safetensors")
    all_readers.crawl()
    assert set(all_readers.statuses()) == {"good/model.safetensors", "broken/net.ckpt"}


@pytest.mark.parametrize(
    "pickle",
    [
        b"cposix\nsystem\n(S'touch /tmp/x'\ntR.",
        b"cposix\nsystem\nVtouch\n\x85R.",
        b"(dp0\nS'a'\np1\nI1\ns.",
        b"\x80\x02}q\x00.",
    ],
)
def test_no_pickle_is_taken_for_a_file_of_paths(pickle):
    assert not sniffing.is_of_another_program("a/net.pth", len(pickle), pickle)


def test_shards_of_a_distributed_checkpoint_are_data_although_they_are_torch_s_zips():
    assert role_of("step_1000/__0_0.distcp") is Role.DATA


def test_index_of_keras_weights_names_its_shards():
    index = {
        "metadata": {"total_size": 340008.0},
        "weight_map": {
            "/layers/dense/vars": ["model_00000.weights.h5"],
            "/layers/dense_1/vars": ["model_00001.weights.h5", "model_00000.weights.h5"],
        },
    }
    data = json.dumps(index, indent=4).encode()
    claim = WeightsIndexExtractor().claims("m/model.weights.json", data)
    assert (claim.format, claim.role) == ("hdf5", Role.INDEX)
    extraction = WeightsIndexExtractor().extract(bytes_reader("m/model.weights.json", data))
    assert [reference.name for reference in extraction.references] == [
        "model_00000.weights.h5",
        "model_00001.weights.h5",
    ]


def test_message_whose_first_field_is_a_number_is_no_graph():
    column = b"\x08\x04\x12\x06income2\x00"  # DataSpecification of Yggdrasil: a column's type, then its name
    data = b"\x0a" + bytes([len(column)]) + column
    assert TensorflowSavedModelExtractor().claims("model/data_spec.pb", data) is None


def zipped(name, data):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return written.getvalue()


def test_deflated_members_are_judged_by_what_they_inflate_to():
    spec = zipped("data_spec.pb", bytes(range(256)) * 20)
    assert spec[30 + len("data_spec.pb")] == 0x63  # by chance a letter with which pickles begin
    assert TorchZipExtractor().claims("model.zip", spec) is None
    assert TorchZipExtractor().claims("model.zip", zipped("x", b"cposix\nsystem\n(S'id'\ntR.")) is not None


@pytest.mark.parametrize(
    ("key", "claimed"),
    [
        ("caret/Meta/Rd.rds", False),
        ("caret/help/paths.rds", False),
        ("models/fit.rds", True),
        ("fit.RDA", True),
    ],
)
def test_what_a_package_of_r_keeps_of_itself_is_no_model(key, claimed):
    assert (OpaqueExtractor().claims(key, b"\x1f\x8b\x08\0") is not None) is claimed


ERRORS = {
    "hub": b"Entry not found",
    "s3": b"Access Denied\n",
    "git": b"Invalid username or password.",
    "proxy": b"502 Bad Gateway\r\n",
}
FOREIGN = {
    "words/dicionario.pt": "ol\u00e1 mundo\nisto \u00e9 portugu\u00eas\n".encode(),
    "cache/index.pt": b'{"entries": [1, 2, 3]}',
    "solver/plan.model": b"var x >= 0;\nminimize cost: 2 * x;\n",
    "state/lock.ckpt": b"STATE v1\nstep 12\n",
    "notes/todo.pkl": b"hello, this is no pickle\n" * 400,
}
SIDECARS = [
    "tokenizer_config.json",
    "generation_config.json",
    "adapter_config.json",
    "preprocessor_config.json",
    "trainer_state.json",
    "model_index.json",
    "all_results.json",
    "chat_template.json",
    "training_args.bin",
    "metrics.json",
    "wandb-metadata.json",
    "README.md",
]


def test_healthy_files_need_no_person(all_readers):
    """Exit 1 was the answer to an empty sidecar, to JSON lines and to files of other programs."""
    for number, name in enumerate(SIDECARS):
        all_readers.model(f"empty/{number}/model.safetensors")
        all_readers.put(f"empty/{number}/{name}", b"" if number % 2 else b" \n\n")
    all_readers.model("lines/model.safetensors")
    for name in ("metrics.json", "eval_results.json", "20250506.log.json", "train_history.json"):
        all_readers.put(f"lines/{name}", b'{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.5}\n')
    for name in ("tokenizer_config.json", "generation_config.json"):
        all_readers.put(f"lines/{name}", b"null")
    for path, data in FOREIGN.items():
        all_readers.put(path, data)
    all_readers.put("template/{{name}}/config.json", b"{{ cookiecutter.settings }}")
    all_readers.put("site/config.json", b"{\n  // a comment\n}")
    report = all_readers.crawl()
    assert report.unread == ()
    assert report.run.state == "complete"
    (note,) = report.notes
    assert note.startswith(
        "2 left out (a text that cannot be read and belongs to no model): site/config.json"
    )
    assert {path.split("/")[0] for path in all_readers.statuses()} == {"empty", "lines"}


def test_what_a_server_said_and_a_damaged_sidecar_need_a_person(all_readers):
    for name, data in ERRORS.items():
        all_readers.put(f"{name}/model.pt", data)
    all_readers.model("whole/model.safetensors")
    all_readers.put("whole/config.json", b'{"model_type": "bert", ')
    report = all_readers.crawl()
    unread = dict(report.unread)
    assert set(unread) == {"whole/config.json", *(f"{name}/model.pt" for name in ERRORS)}
    assert "'Entry not found'" in unread["hub/model.pt"]


def test_text_that_a_loader_would_call_is_no_text_of_another_program(all_readers):
    all_readers.put("a/words.pt", b"I1\n0" * 3000 + b"cposix\nsystem\n(S'touch /tmp/x'\ntR.")
    all_readers.crawl()
    (document,) = all_readers.documents().values()
    assert "code-execution" in {risk["kind"] for risk in document["risks"]}


def test_pointer_of_git_annex_stands_for_its_bytes():
    pointer = f"/annex/objects/SHA256E-s1024--{'ab' * 32}.safetensors\n".encode()
    verdict = sniffing.judge(len(pointer), pointer)
    assert (verdict.status, verdict.sha256, verdict.size_bytes) == ("pointer", "ab" * 32, 1024)


@pytest.mark.parametrize(
    ("announced", "size", "code"),
    [(2**60, 100, "malformed"), (5000, 100_000, "limit-exceeded"), (None, 100, "limit-exceeded")],
)
def test_file_that_announces_more_than_it_has_is_damaged_and_not_too_large(announced, size, code):
    error = LimitExceeded("bytes of a name", limit=1000, found=announced).within(size)
    assert error.code == code
    assert ("damaged" in str(error)) == (code == "malformed")
    assert (
        LimitExceeded("bytes of a zip member", limit=10, found=2**60, inflated=True).within(1).code
        != "malformed"
    )
