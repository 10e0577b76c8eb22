"""Another model's card, a data set's licence and a template in a directory beside say nothing about a model."""

import pytest

from crawler.registry import Registry

CARD = "---\nlicense: gpl-3.0\npipeline_tag: text-generation\ntags: [old]\n---\n# Old\n\nAn old model.\n"
MIT = "MIT License. Permission is hereby granted, free of charge, to any person obtaining a copy"
LICENCE = "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007. Everyone is permitted to copy and distribute verbatim copies"
TEMPLATE = {"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}
WHAT_IS_LENT = (
    "license",
    "task",
    "tags",
    "metrics",
    "architecture",
    "risks",
    "summary",
    "title",
    "dependencies",
)


def stranger(shop, directory):
    """Everything that may be said of a model, in a directory whose weights are gone."""
    shop.put(f"{directory}/README.md", CARD)
    shop.put(f"{directory}/LICENSE", LICENCE)
    shop.put(f"{directory}/config.json", {"architectures": ["OldForCausalLM"], "model_type": "old"})
    shop.put(f"{directory}/tokenizer_config.json", TEMPLATE)
    shop.put(f"{directory}/eval_results.json", {"eval_accuracy": 0.31})
    shop.put(f"{directory}/requirements.txt", "old-library==0.1\n")


@pytest.fixture
def desk(shop):
    """One tree of situations: strangers beside, below and above models of their own."""
    shop.registry = Registry.installed()
    shop.model("file/fraud.safetensors", values=5)
    stranger(shop, "file/old-bert")
    shop.put("hub/config.json", {"architectures": ["NewModel"], "model_type": "new"})
    shop.model("hub/model.safetensors", values=6)
    stranger(shop, "hub/old-bert")
    stranger(shop, "hub/datasets/reviews")
    shop.model("siblings/new/net.safetensors", values=7)
    stranger(shop, "siblings/old")
    shop.put("pipe/modules.json", "[]")
    shop.put("pipe/config.json", {"architectures": ["NewModel"], "model_type": "new"})
    shop.model("pipe/model.safetensors", values=8)
    stranger(shop, "pipe/old")
    for name in ("config.json", "tokenizer_config.json", "requirements.txt"):
        (shop.root / "pipe/old" / name).unlink()
    shop.put("card/README.md", "---\nlicense: mit\n---\n# New\n")
    shop.model("card/new.safetensors", values=9)
    shop.model("card/other/net.safetensors", values=10)
    shop.put("card/other/README.md", CARD)
    shop.model("stems/churn.safetensors", values=11)
    shop.model("stems/fraud.safetensors", values=12)
    shop.put("stems/churn_metrics.json", {"accuracy": 0.5})
    shop.put("stems/fraud-scores.json", {"accuracy": 0.75})
    shop.put(
        "runs/mm/20240101_100000/vis_data/scalars.json",
        '{"epoch": 1, "map": 0.25}\n{"epoch": 2, "map": 0.5}\n',
    )
    for number in (1, 2):
        shop.model(f"runs/mm/epoch_{number}.safetensors", values=12 + number)
        (shop.root / f"runs/mm/epoch_{number}.safetensors").rename(shop.root / f"runs/mm/epoch_{number}.pth")
    shop.put("runs/lists/config.json", {"architectures": ["NewModel"], "model_type": "new"})
    shop.model("runs/lists/model.safetensors", values=15)
    shop.put("runs/lists/metrics.json", '[{"epoch": 1, "acc": 0.75}, {"epoch": 2, "acc": 0.875}]')
    shop.crawl()
    return {document["path"]: document for document in shop.documents().values()}


@pytest.mark.parametrize("path", ["file/fraud.safetensors", "siblings/new/net.safetensors"])
def test_a_directory_without_weights_says_nothing_about_the_model_beside(desk, path):
    assert {name: desk[path][name] for name in WHAT_IS_LENT if name in desk[path]} == {}


@pytest.mark.parametrize("path", ["hub", "pipe"])
def test_a_directory_below_a_model_s_own_says_nothing_about_it(desk, path):
    made = desk[path]
    assert made["architecture"] == "NewModel"
    assert {name: made[name] for name in ("license", "tags", "metrics", "risks") if name in made} == {}


def test_the_card_beside_a_model_is_its_own_whatever_lies_below(desk):
    """A second model in a sub-directory took the card away from the first."""
    assert desk["card/new.safetensors"]["license"] == "mit"
    assert desk["card/other/net.safetensors"]["license"] == "gpl-3.0"


def test_of_two_models_of_a_directory_each_has_the_metrics_that_bear_its_name(desk):
    assert desk["stems/churn.safetensors"]["metrics"] == {"accuracy": 0.5}
    assert desk["stems/fraud.safetensors"]["metrics"] == {"accuracy": 0.75}


def test_what_tools_keep_beside_a_model_is_said_of_it(shop):
    shop.registry = Registry.installed()
    shop.model("net/model.safetensors")
    shop.put("net/config.json", {"architectures": ["NewModel"], "model_type": "new"})
    shop.put("net/.eval_results/eval_results.json", {"eval_accuracy": 0.9})
    shop.put("net/tokenizer/tokenizer_config.json", TEMPLATE)
    shop.crawl()
    made = shop.documents()["net"]
    assert made["metrics"] == {"accuracy": 0.9}
    assert made["risk_kinds"] == ["template-injection"]


def test_a_licence_text_of_a_data_set_is_not_the_model_s(shop):
    shop.registry = Registry.installed()
    shop.model("net.safetensors")
    shop.put("data/LICENSE", MIT)
    shop.crawl()
    assert "license" not in shop.documents()["net.safetensors"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("runs/mm/epoch_1.pth", {"map": 0.25}),
        ("runs/mm/epoch_2.pth", {"map": 0.5}),
        ("runs/lists", {"accuracy": 0.875}),
    ],
)
def test_epochs_of_one_run_are_none_of_the_run_beside(desk, path, expected):
    """Both logs looked for `epoch_1.pth` above themselves, and so the epochs of either were said of one run's checkpoints."""
    assert desk[path]["metrics"] == expected
