"""Files of other programs under names of models, and parts of models that look like whole ones."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from catalog.records import Role
from crawler import sniffing
from crawler.extractors.opaque import OpaqueExtractor
from crawler.extractors.tensorflow_saved_model import TensorflowSavedModelExtractor
from crawler.extractors.torch_zip import TorchZipExtractor
from crawler.extractors.weights_index import WeightsIndexExtractor
from crawler.formats.torch_files import role_of
from crawler.reader import bytes_reader
from crawler.reading import Registry


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
