"""Layouts of files and the models they are: a table."""

import pytest
from fixtures.neighbourhoods import grouped_apart

from catalog.records import Extraction, Member, ObjectKey, ObjectMeta, Reference, Role, SourceId, Subject
from crawler.grouping.groups import group

SOURCE = SourceId("file:///srv/models")

ROLES = {
    "config.json": Role.CONFIG,
    "adapter_config.json": Role.CONFIG,
    "generation_config.json": Role.CONFIG,
    "model_index.json": Role.CONFIG,
    "modules.json": Role.CONFIG,
    "scheduler_config.json": Role.CONFIG,
    "MLmodel": Role.CONFIG,
    "meta.json": Role.CONFIG,
    "config.cfg": Role.CONFIG,
    "README.md": Role.CARD,
    "trainer_state.json": Role.RUN,
    "eval_results.json": Role.RUN,
    "hparams.yaml": Role.RUN,
    "checkpoint": Role.AUXILIARY,
    "LICENSE": Role.AUXILIARY,
    "tokenizer.json": Role.AUXILIARY,
    "requirements.txt": Role.AUXILIARY,
    "modeldex.yaml": Role.SIDECAR,
    "fingerprint.pb": Role.AUXILIARY,
}


def role_of(name):
    if name in ROLES:
        return ROLES[name]
    if ".modeldex." in name:
        return Role.SIDECAR
    if name.endswith((".index.json", ".index")):
        return Role.INDEX
    if ".data-0" in name or name.endswith((".pdiparams", ".onnx_data")):
        return Role.DATA
    if name.endswith(".yaml"):
        return Role.RUN
    return Role.WEIGHTS


def member(key, *, role=None, references=(), subjects=(), join_keys=(), identity=None, read=True):
    name = key.rpartition("/")[2]
    meta = ObjectMeta(
        source=SOURCE, key=ObjectKey(key), size_bytes=10, change_token="1", file_identity=identity
    )
    extraction = Extraction(
        key=ObjectKey(key),
        extractor="x",
        extractor_version=1,
        format=None,
        role=role or role_of(name),
        references=tuple(Reference(name=reference, relation="shard") for reference in references),
        subjects=tuple(subjects),
        join_keys=tuple(join_keys),
    )
    return Member(object=meta, extraction=extraction if read else None)


def shown(groups):
    return {made.key: sorted(found.object.key for found in made.members) for made in groups}


def grouped(*keys):
    members = [key if isinstance(key, Member) else member(key) for key in keys]
    groups = group(SOURCE, members)
    assert grouped_apart(SOURCE, members) == groups, (
        "neighbourhoods grouped apart are the groups of the source"
    )
    return groups


LAYOUTS = {
    "single file": (["a/net.pt"], {"a/net": ["a/net.pt"]}),
    "files of different stems": (
        ["silero/v1.onnx", "silero/v2.onnx"],
        {"silero/v1": ["silero/v1.onnx"], "silero/v2": ["silero/v2.onnx"]},
    ),
    "one stem in several formats": (
        [
            "nmp.onnx",
            "nmp.tflite",
            "nmp/saved_model.pb",
            "nmp/variables/variables.index",
            "nmp.mlpackage/Data/model.mlmodel",
        ],
        {
            "nmp": [
                "nmp.mlpackage/Data/model.mlmodel",
                "nmp.onnx",
                "nmp.tflite",
                "nmp/saved_model.pb",
                "nmp/variables/variables.index",
            ],
        },
    ),
    "hub directory": (
        [
            "bert/config.json",
            "bert/README.md",
            "bert/model.safetensors",
            "bert/pytorch_model.bin",
            "bert/tf_model.h5",
        ],
        {
            "bert": [
                "bert/README.md",
                "bert/config.json",
                "bert/model.safetensors",
                "bert/pytorch_model.bin",
                "bert/tf_model.h5",
            ]
        },
    ),
    "hub directory at the root": (
        ["config.json", "model.safetensors"],
        {".": ["config.json", "model.safetensors"]},
    ),
    "alternatives in sub-directories": (
        [
            "m/config.json",
            "m/model.safetensors",
            "m/onnx/model.onnx",
            "m/onnx/model_fp16.onnx",
            "m/original/consolidated.00.pth",
        ],
        {
            "m": [
                "m/config.json",
                "m/model.safetensors",
                "m/onnx/model.onnx",
                "m/onnx/model_fp16.onnx",
                "m/original/consolidated.00.pth",
            ]
        },
    ),
    "variants without a config": (
        ["d/unet.safetensors", "d/unet.fp16.safetensors", "d/unet.fp16.bin"],
        {"d/unet": ["d/unet.fp16.bin", "d/unet.fp16.safetensors", "d/unet.safetensors"]},
    ),
    "shards without index or config": (
        [f"g/big-{number:05}-of-00003.gguf" for number in (1, 3)],
        {"g/big": ["g/big-00001-of-00003.gguf", "g/big-00003-of-00003.gguf"]},
    ),
    "shards with index and a stray of another run": (
        [
            member(
                "s/model.safetensors.index.json",
                references=["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            ),
            "s/model-00001-of-00002.safetensors",
            "s/model-00002-of-00002.safetensors",
            "s/model-00008-of-00008.safetensors",
        ],
        {
            "s/model": [
                "s/model-00001-of-00002.safetensors",
                "s/model-00002-of-00002.safetensors",
                "s/model-00008-of-00008.safetensors",
                "s/model.safetensors.index.json",
            ]
        },
    ),
    "adapter": (
        ["l/adapter_config.json", "l/adapter_model.safetensors", "l/README.md"],
        {"l": ["l/README.md", "l/adapter_config.json", "l/adapter_model.safetensors"]},
    ),
    "LoRA files": (
        ["loras/cat.safetensors", "loras/dog.safetensors"],
        {"loras/cat": ["loras/cat.safetensors"], "loras/dog": ["loras/dog.safetensors"]},
    ),
    "pipeline": (
        [
            "p/model_index.json",
            "p/unet/config.json",
            "p/unet/diffusion_pytorch_model.safetensors",
            "p/unet/diffusion_pytorch_model.fp16.safetensors",
            "p/vae/config.json",
            "p/vae/diffusion_pytorch_model.safetensors",
            "p/scheduler/scheduler_config.json",
        ],
        {
            "p": [
                "p/model_index.json",
                "p/scheduler/scheduler_config.json",
                "p/unet/config.json",
                "p/unet/diffusion_pytorch_model.fp16.safetensors",
                "p/unet/diffusion_pytorch_model.safetensors",
                "p/vae/config.json",
                "p/vae/diffusion_pytorch_model.safetensors",
            ]
        },
    ),
    "sentence transformer": (
        [
            "e/modules.json",
            "e/config.json",
            "e/model.safetensors",
            "e/1_Pooling/config.json",
            "e/2_Dense/model.safetensors",
        ],
        {
            "e": [
                "e/1_Pooling/config.json",
                "e/2_Dense/model.safetensors",
                "e/config.json",
                "e/model.safetensors",
                "e/modules.json",
            ]
        },
    ),
    "SavedModel": (
        [
            "t/saved_model.pb",
            "t/fingerprint.pb",
            "t/variables/variables.index",
            "t/variables/variables.data-00000-of-00001",
        ],
        {
            "t": [
                "t/fingerprint.pb",
                "t/saved_model.pb",
                "t/variables/variables.data-00000-of-00001",
                "t/variables/variables.index",
            ]
        },
    ),
    "TensorFlow checkpoints": (
        [
            "k/ckpt-1.index",
            "k/ckpt-1.data-00000-of-00001",
            "k/ckpt-2.index",
            "k/ckpt-2.data-00000-of-00001",
            "k/checkpoint",
        ],
        {
            "k/ckpt-1": ["k/checkpoint", "k/ckpt-1.data-00000-of-00001", "k/ckpt-1.index"],
            "k/ckpt-2": ["k/checkpoint", "k/ckpt-2.data-00000-of-00001", "k/ckpt-2.index"],
        },
    ),
    "torch distributed checkpoint": (
        ["c/.metadata", "c/__0_0.distcp", "c/__1_0.distcp"],
        {"c": ["c/.metadata", "c/__0_0.distcp", "c/__1_0.distcp"]},
    ),
    "Orbax": (
        ["o/_CHECKPOINT_METADATA", "o/d/abc", "o/manifest.ocdbt"],
        {"o": ["o/_CHECKPOINT_METADATA", "o/d/abc", "o/manifest.ocdbt"]},
    ),
    "MLflow model": (
        ["r/artifacts/MLmodel", "r/artifacts/requirements.txt", "r/artifacts/data/model.pth"],
        {
            "r/artifacts": [
                "r/artifacts/MLmodel",
                "r/artifacts/data/model.pth",
                "r/artifacts/requirements.txt",
            ]
        },
    ),
    "spaCy": (
        ["n/meta.json", "n/config.cfg", "n/ner/model"],
        {"n": ["n/config.cfg", "n/meta.json", "n/ner/model"]},
    ),
    "OpenVINO": (["v/net.xml", "v/net.bin"], {"v/net": ["v/net.bin", "v/net.xml"]}),
    "Paddle": (
        ["w/inference.pdmodel", "w/inference.pdiparams"],
        {"w/inference": ["w/inference.pdiparams", "w/inference.pdmodel"]},
    ),
    "ONNX with external data of another name": (
        [
            member("x/net.onnx", references=["weights/blob0"]),
            member("x/weights/blob0", read=False),
            "x/other.onnx",
        ],
        {"x/net": ["x/net.onnx", "x/weights/blob0"], "x/other": ["x/other.onnx"]},
    ),
    "data that nobody describes": ([member("y/stray.bin", role=Role.DATA)], {}),
    "configs without weights": (["z/config.json", "z/README.md"], {}),
    "trainer run with checkpoints": (
        [
            "run/config.json",
            "run/model.safetensors",
            "run/trainer_state.json",
            "run/README.md",
            "run/checkpoint-500/config.json",
            "run/checkpoint-500/model.safetensors",
            "run/checkpoint-500/optimizer.pt",
            "run/checkpoint-500/trainer_state.json",
        ],
        {
            "run": ["run/README.md", "run/config.json", "run/model.safetensors", "run/trainer_state.json"],
            "run/checkpoint-500": [
                "run/checkpoint-500/config.json",
                "run/checkpoint-500/model.safetensors",
                "run/checkpoint-500/optimizer.pt",
                "run/checkpoint-500/trainer_state.json",
            ],
        },
    ),
    "sidecars of files": (
        ["f/a.pt", "f/b.pt", "f/a.modeldex.yaml", "f/b.pt.modeldex.yaml"],
        {"f/a": ["f/a.modeldex.yaml", "f/a.pt"], "f/b": ["f/b.pt", "f/b.pt.modeldex.yaml"]},
    ),
    "card of a parent with one model below": (
        ["q/README.md", "q/weights/net.pt"],
        {"q/weights/net": ["q/README.md", "q/weights/net.pt"]},
    ),
    "card of a parent with several models below": (
        ["q/README.md", "q/a/net.pt", "q/b/net.pt"],
        {"q/a/net": ["q/a/net.pt"], "q/b/net": ["q/b/net.pt"]},
    ),
    "card three levels up": (["q/README.md", "q/a/b/c/net.pt"], {"q/a/b/c/net": ["q/a/b/c/net.pt"]}),
    "card beside several files": (
        ["q/README.md", "q/a.pt", "q/b.pt"],
        {"q/a": ["q/a.pt"], "q/b": ["q/b.pt"]},
    ),
    "evaluation results beside the model": (
        ["h/config.json", "h/model.safetensors", "h/.eval_results/mmlu.yaml"],
        {"h": ["h/.eval_results/mmlu.yaml", "h/config.json", "h/model.safetensors"]},
    ),
    "results by organisation and model beside the model": (
        ["h2/net.pt", "h2/results/org/net/eval_results.json"],
        {"h2/net": ["h2/net.pt", "h2/results/org/net/eval_results.json"]},
    ),
    "results of several models beside one": (
        ["h3/net.pt", "h3/results/a/net/eval_results.json", "h3/results/b/other/eval_results.json"],
        {"h3/net": ["h3/net.pt"]},
    ),
    "projector of one model": (
        ["i/llava-7b-Q4.gguf", "i/mmproj-llava-7b-f16.gguf"],
        {"i/llava-7b-Q4": ["i/llava-7b-Q4.gguf", "i/mmproj-llava-7b-f16.gguf"]},
    ),
    "projector among several models": (
        ["i/llava-7b-Q4.gguf", "i/qwen-vl-Q8.gguf", "i/mmproj-llava-7b-f16.gguf"],
        {
            "i/llava-7b-Q4": ["i/llava-7b-Q4.gguf", "i/mmproj-llava-7b-f16.gguf"],
            "i/qwen-vl-Q8": ["i/qwen-vl-Q8.gguf"],
        },
    ),
    "projector without a name of its own": (
        ["i/llava-7b-Q4.gguf", "i/mmproj.gguf"],
        {"i/llava-7b-Q4": ["i/llava-7b-Q4.gguf", "i/mmproj.gguf"]},
    ),
    "projector alone": (["i/mmproj-F16.gguf"], {"i/mmproj-F16": ["i/mmproj-F16.gguf"]}),
    "DeepSpeed's state of a checkpoint": (
        [
            "run/checkpoint-9/config.json",
            "run/checkpoint-9/model.safetensors",
            "run/checkpoint-9/global_step9/mp_rank_00_model_states.pt",
            "run/checkpoint-9/global_step9/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
        ],
        {
            "run/checkpoint-9": [
                "run/checkpoint-9/config.json",
                "run/checkpoint-9/global_step9/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
                "run/checkpoint-9/global_step9/mp_rank_00_model_states.pt",
                "run/checkpoint-9/model.safetensors",
            ]
        },
    ),
    "DeepSpeed's checkpoint alone": (
        [f"run/global_step9/mp_rank_0{rank}_model_states.pt" for rank in (0, 1)],
        {"run/global_step9/model": [f"run/global_step9/mp_rank_0{rank}_model_states.pt" for rank in (0, 1)]},
    ),
    "FSDP's shards and optimizer beside the whole weights": (
        [
            "run/checkpoint-9/config.json",
            "run/checkpoint-9/model.safetensors",
            "run/checkpoint-9/pytorch_model_fsdp_0/.metadata",
            "run/checkpoint-9/pytorch_model_fsdp_0/__0_0.distcp",
            "run/checkpoint-9/optimizer_0/.metadata",
            "run/checkpoint-9/optimizer_0/__0_0.distcp",
        ],
        {
            "run/checkpoint-9": [
                "run/checkpoint-9/config.json",
                "run/checkpoint-9/model.safetensors",
                "run/checkpoint-9/optimizer_0/.metadata",
                "run/checkpoint-9/optimizer_0/__0_0.distcp",
                "run/checkpoint-9/pytorch_model_fsdp_0/.metadata",
                "run/checkpoint-9/pytorch_model_fsdp_0/__0_0.distcp",
            ]
        },
    ),
    "FSDP's shards with their optimizer": (
        [
            "run/pytorch_model_fsdp_0/.metadata",
            "run/pytorch_model_fsdp_0/__0_0.distcp",
            "run/optimizer_0/.metadata",
            "run/optimizer_0/__0_0.distcp",
        ],
        {
            "run/pytorch_model_fsdp_0": [
                "run/pytorch_model_fsdp_0/.metadata",
                "run/pytorch_model_fsdp_0/__0_0.distcp",
            ]
        },
    ),
    "Megatron's checkpoint of two ranks": (
        [f"run/iter_0000100/mp_rank_0{rank}/model_optim_rng.pt" for rank in (0, 1)],
        {"run/iter_0000100": [f"run/iter_0000100/mp_rank_0{rank}/model_optim_rng.pt" for rank in (0, 1)]},
    ),
    "copied blobs of the hub": (
        [
            "models--o--n/blobs/aa",
            "models--o--n/snapshots/r/model.safetensors",
        ],
        {"models--o--n/snapshots/r/model": ["models--o--n/snapshots/r/model.safetensors"]},
    ),
    "cache of blobs": (
        [
            member("hub/blobs/aa", identity="1:1"),
            member("hub/blobs/bb", identity="1:2"),
            member("hub/snapshots/r/model.safetensors", identity="1:1"),
        ],
        {"hub/blobs/bb": ["hub/blobs/bb"], "hub/snapshots/r/model": ["hub/snapshots/r/model.safetensors"]},
    ),
}


@pytest.mark.parametrize(("files", "expected"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_layout_of_files_makes_these_models(files, expected):
    assert shown(grouped(*files)) == expected


@pytest.mark.parametrize(("files", "expected"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_order_of_the_listing_does_not_matter(files, expected):
    assert grouped(*reversed(files)) == grouped(*files)


@pytest.mark.parametrize(
    ("key", "kind", "hint"),
    [
        ("a/net.pt", "file", "net"),
        ("a/model.pt", "file", "a"),
        ("model.pt", "file", "model"),
        ("a/big-00001-of-00002.gguf", "shards", "big"),
        ("a/big-01-of-04.bin", "shards", "big"),
        ("a/state_dict.pt", "file", "a"),
        ("a/net-int4.onnx", "file", "net"),
        ("p/model_index.json", "pipeline", "p"),
        ("run/checkpoint-500/model.safetensors", "file", "run-checkpoint-500"),
    ],
)
def test_a_key_gives_a_model_its_kind_and_name(key, kind, hint):
    (made,) = grouped(key)
    assert (made.kind, made.name_hint) == (kind, hint)


def test_a_checkpoint_directory_is_named_after_its_run():
    (made,) = grouped("run/checkpoint-500/config.json", "run/checkpoint-500/model.safetensors")
    assert made.name_hint == "run-checkpoint-500"


def test_the_root_is_named_after_the_source():
    (made,) = grouped("config.json", "model.safetensors")
    assert made.name_hint == "models"


@pytest.mark.parametrize(
    ("source", "keys", "hints"),
    [
        ("file:///data/churn", ["model.onnx"], ["churn"]),
        ("s3://churn", ["model.onnx"], ["churn"]),
        ("file:///data/churn", ["best.pt", "last.pt"], ["churn-best", "churn-last"]),
        ("file:///data/churn", ["fraud.onnx"], ["fraud"]),
        ("file:///data/churn", ["model_v1.onnx", "model_v2.onnx"], ["churn", "churn"]),
        ("file:///data/churn", ["output/model_final.pth"], ["churn"]),
        ("file:///data/churn", ["final/model.onnx"], ["churn-final"]),
        ("file:///data/churn", ["seed_3/model.onnx", "fp16/model.onnx"], ["churn-fp16", "churn-seed_3"]),
        ("file:///data/churn", ["checkpoints/400/model.onnx"], ["churn-400"]),
        ("file:///data/churn/checkpoints", ["400/model.onnx"], ["churn-400"]),
        ("file:///data/churn/checkpoint-100", ["config.json", "model.safetensors"], ["churn-checkpoint-100"]),
        ("file:///data/churn/v3", ["model.onnx"], ["churn"]),
        (
            "file:///data/models",
            [f"ink/model.safetensors-0000{n}-of-00002.safetensors" for n in (1, 2)],
            ["ink"],
        ),
        ("file:///data/churn", ["ggml-model-Q4_K_M.gguf"], ["churn"]),
        ("file:///data/models", ["ink/ggml-model-f16.gguf", "ink/ggml-model-q4_0.gguf"], ["ink", "ink"]),
        ("file:///mnt/home/checkpoint-100", ["model.onnx"], ["model"]),
        (
            "file:///data/churn",
            [f"lightning_logs/version_{run}/checkpoints/epoch={run}.ckpt" for run in (0, 3)],
            ["churn", "churn-version_3"],
        ),
        ("file:///data/models", ["output/model_final.pth"], ["output"]),
        ("file:///data/models", ["model.onnx"], ["model"]),
        ("file:///tmp/tmpab12cd", ["model.onnx"], ["model"]),
    ],
)
def test_a_file_that_every_model_has_is_named_after_the_folder_that_is_crawled(source, keys, hints):
    groups = group(SourceId(source), [member(key) for key in keys])
    assert [model.name_hint for model in groups] == hints


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("model_v1.pkl", "1"),
        ("model-v1.2.pkl", "1.2"),
        ("weights.v12.h5", "12"),
        ("model_final_v3.pkl", "3"),
        ("last-v1.ckpt", None),
        ("resnet50_v2.pt", None),
    ],
)
def test_a_version_behind_a_word_that_every_model_uses_is_the_model_s(name, version):
    (model,) = grouped(f"fraud/{name}")
    assert model.version_hint == version


def test_a_directory_that_is_a_version_wins_over_the_file_s():
    models = grouped("risk/v1/model_v2.pkl", "risk/v2/model_v2.pkl", "risk/2024/model_v3.pkl")
    assert sorted((model.name_hint, model.version_hint) for model in models) == [
        ("risk", "3"),
        ("risk", "v1"),
        ("risk", "v2"),
    ]


def test_what_lies_beside_several_versions_measured_nobody_knows_which():
    measured = member("fraud/metrics.json", role=Role.RUN)
    for model in grouped("fraud/model_v1.pkl", "fraud/model_v2.pkl", "fraud/model_final.pkl", measured):
        assert [part.object.key for part in model.members if part.object.key.endswith(".json")] == []


PROJECT = (
    member("churn/reports/metrics.json", role=Role.RUN),
    member("churn/configs/params.yaml", role=Role.RUN),
    member("churn/src/notes.json", role=Role.RUN),
)


def test_a_project_keeps_what_is_said_of_its_one_model_in_directories_beside_it():
    (made,) = grouped("churn/README.md", "churn/models/model.pkl", *PROJECT)
    assert {part.object.key for part in made.members} == {
        "churn/README.md",
        "churn/models/model.pkl",
        "churn/configs/params.yaml",
        "churn/reports/metrics.json",
    }


@pytest.mark.parametrize(
    "others",
    [(), ("churn/README.md", "churn/models/other.pkl"), ("churn/README.md", "churn/a/b/models/c/model.pkl")],
    ids=["nothing speaks for the project", "two models", "too deep"],
)
def test_directories_beside_a_model_say_nothing_of_one_where_no_card_would(others):
    weights = () if "churn/a/b/models/c/model.pkl" in others else ("churn/models/model.pkl",)
    for made in grouped(*weights, *others, *PROJECT):
        assert not any(part.object.key.endswith((".json", ".yaml")) for part in made.members)


def test_distances_count_directories_from_the_model():
    (made,) = grouped("q/README.md", "q/m/config.json", "q/m/model.safetensors", "q/m/onnx/model.onnx")
    assert {found.object.key: found.distance for found in made.members} == {
        "q/README.md": -1,
        "q/m/config.json": 0,
        "q/m/model.safetensors": 0,
        "q/m/onnx/model.onnx": 1,
    }


def test_what_a_trainer_keeps_to_go_on_is_not_weights():
    (made,) = grouped("c/config.json", "c/model.safetensors", "c/optimizer.pt", "c/training_args.bin")
    roles = {found.object.key: found.extraction.role for found in made.members}
    assert roles["c/optimizer.pt"] is Role.AUXILIARY
    assert roles["c/training_args.bin"] is Role.RUN


def test_adding_a_format_keeps_the_identity():
    assert grouped("a/net.pt")[0].key == grouped("a/net.pt", "a/net.onnx")[0].key


def test_a_run_is_bound_to_the_model_it_names():
    run = member("runs/1/meta.yaml", subjects=[Subject(id="run-1", join_keys=("dir:out",), standalone=True)])
    (made,) = grouped("out/MLmodel", "out/model.pkl", run)
    assert all(found.distance == 0 for found in made.members), "what names a model is as near as can be"
    assert [(found.object.key, found.subject) for found in made.members if found.subject] == [
        ("runs/1/meta.yaml", "run-1")
    ]


def test_a_run_is_bound_through_the_logged_model_that_names_it():
    logged = member("runs/m/meta.yaml", subjects=[Subject(id="m", join_keys=("dir:out", "mlflow:run:1"))])
    run = member(
        "runs/1/meta.yaml", subjects=[Subject(id="run-1", join_keys=("mlflow:run:1",), standalone=True)]
    )
    (made,) = grouped("out/MLmodel", "out/model.pkl", run, logged)
    assert {found.subject for found in made.members} == {None, "m", "run-1"}


def test_two_models_of_one_run_stay_two_and_both_have_the_run():
    logged = [
        member(
            f"runs/{name}/meta.yaml", subjects=[Subject(id=name, join_keys=(f"dir:{name}", "mlflow:run:1"))]
        )
        for name in "ab"
    ]
    run = member(
        "runs/1/meta.yaml", subjects=[Subject(id="run-1", join_keys=("mlflow:run:1",), standalone=True)]
    )
    made = grouped("a/MLmodel", "a/model.pkl", "b/MLmodel", "b/model.pkl", run, *logged)
    assert {found.key: {told.subject for told in found.members} - {None} for found in made} == {
        "a": {"a", "run-1"},
        "b": {"b", "run-1"},
    }


def test_a_run_without_files_is_a_model_of_its_own_with_all_its_parts():
    parts = [
        member(
            f"mlruns/0/1/{name}",
            role=Role.RUN,
            subjects=[Subject(id="run-1", join_keys=("mlflow:run:1",), standalone=name == "meta.yaml")],
        )
        for name in ("meta.yaml", "params/lr", "metrics/acc")
    ]
    (made,) = grouped(*parts)
    assert (made.kind, len(made.members)) == ("run", 3)


def test_a_part_without_a_run_is_dropped():
    assert (
        grouped(member("x.dvc", role=Role.POINTER, subjects=[Subject(id="x", join_keys=("path:x",))])) == []
    )


def test_a_pointer_file_is_bound_by_the_path_it_names():
    (made,) = grouped(
        "models/net.bin", member("models/net.bin.dvc", role=Role.POINTER, join_keys=["path:models/net.bin"])
    )
    assert len(made.members) == 2


@pytest.mark.parametrize("per_directory", [10, 20_000])
def test_a_large_tree_is_grouped(per_directory):
    """Once it took 40 s: every model was compared with every other."""
    members = [member(f"d{number // per_directory}/m{number}.pt") for number in range(20_000)]
    assert len(group(SOURCE, members)) == 20_000


def test_what_is_said_of_an_experiment_is_said_of_each_of_its_runs_and_joins_none_of_them():
    experiment = member("exp/meta.yaml", role=Role.RUN, subjects=[Subject(id="experiment", join_keys=())])
    runs = [
        member(
            f"exp/{name}/meta.yaml",
            role=Role.RUN,
            subjects=[Subject(id=name, join_keys=(name,), standalone=True, part_of=("experiment",))],
        )
        for name in ("a", "b")
    ]
    bound = member(
        "exp/c/meta.yaml",
        role=Role.RUN,
        subjects=[Subject(id="c", join_keys=("dir:out",), part_of=("experiment",))],
    )
    made = grouped(experiment, *runs, bound, "out/model.pt")
    assert shown(made) == {
        "exp/a#a": ["exp/a/meta.yaml", "exp/meta.yaml"],
        "exp/b#b": ["exp/b/meta.yaml", "exp/meta.yaml"],
        "out/model": ["exp/c/meta.yaml", "exp/meta.yaml", "out/model.pt"],
    }


def test_two_models_of_one_run_do_not_read_each_other_s_files():
    logged = [
        member(f"run/artifacts/{name}/MLmodel", join_keys=("mlflow-run:1",)) for name in ("encoder", "head")
    ]
    made = grouped(*logged, "run/artifacts/encoder/model.pkl", "run/artifacts/head/model.pkl")
    assert shown(made) == {
        f"run/artifacts/{name}": [f"run/artifacts/{name}/MLmodel", f"run/artifacts/{name}/model.pkl"]
        for name in ("encoder", "head")
    }


def hints(*keys):
    return {made.key: made.name_hint for made in grouped(*keys)}


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["net/best.pt"], ["net"]),
        (["net/best.pt", "net/last.pt"], ["net-best", "net-last"]),
        (["net/best.pt", "net/other.pt"], ["net", "other"]),
        (["tf/ckpt-1.h5", "tf/ckpt-2.h5"], ["tf-ckpt-1", "tf-ckpt-2"]),
        (["lit/version_0/checkpoints/epoch=3-step=400.ckpt"], ["checkpoints"]),
        (
            ["lit/lightning_logs/version_0/checkpoints/epoch=3-step=400.ckpt",
             "lit/lightning_logs/version_0/checkpoints/last.ckpt"],
            ["lit-epoch=3-step=400", "lit-last"],
        ),
        (["zoo/resnet18.pth.tar"], ["resnet18"]),
        (["churn/2024-02-29/config.json", "churn/2024-02-29/model.safetensors"], ["churn-2024-02-29"]),
        (["churn/20240229T101500Z/config.json", "churn/20240229T101500Z/model.bin"], ["churn-20240229T101500Z"]),
        (["churn/2024-99-29/config.json", "churn/2024-99-29/model.bin"], ["2024-99-29"]),
    ],
)  # fmt: skip
def test_models_are_called_as_their_paths_tell_them_apart(keys, names):
    assert list(hints(*keys).values()) == names
