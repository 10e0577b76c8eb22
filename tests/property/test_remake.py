"""Models inside models, with cards, licences, settings and metrics of whichever of them: a record that is made again from the store
alone is the one that the crawl made.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from fixtures.crawling import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.recording.remake import remake
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

FOLDERS = [
    "",
    "pipe",
    "pipe/unet",
    "pipe/unet/kept",
    "pipe/other",
    "pipe/other/docs",
    "foo.mlpackage",
    "foo.mlpackage/Data",
    "saved",
    "saved/assets",
    "saved/variables",
    "net",
    "net/checkpoint-10",
    "net/old",
    "net/old/onnx",
]
LICENCES = (
    "Apache License\nVersion 2.0, January 2004\n",
    "MIT License\n\nPermission is hereby granted, free of charge",
)
CARDS = ("license: mit\ntags: [mine]", "license: isc\ntags: [theirs]")
FILES = {
    "model.safetensors": [safetensors(values=4, fill=fill) for fill in (1.0, 2.0)],
    "diffusion_pytorch_model.safetensors": [safetensors(values=5)],
    "config.json": [json.dumps({"model_type": kind, "hidden_size": 7}) for kind in ("bert", "t5")],
    "model_index.json": [
        '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}'
    ],
    "saved_model.pb": [b"\x08\x01"],
    "README.md": [f"---\n{head}\n---\n# A card\n\nOf something." for head in CARDS],
    "model.md": ["---\nlicense: bsd-3-clause\n---\n# Another card\n"],
    "LICENSE": list(LICENCES),
    "LICENSE.txt": list(LICENCES),
    "eval_results.json": ['{"eval_accuracy": 0.5}', '{"eval_accuracy": 0.75}'],
    "trainer_state.json": ['{"epoch": 3, "global_step": 10, "log_history": [{"step": 10, "loss": 0.5}]}'],
    "model.modeldex.yaml": ["license: cc0-1.0\n"],
    "tokenizer.json": ['{"version": "1.0"}'],
    "notes.txt": ["something"],
}
PLACES = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(sorted(FILES)))
TREES = st.dictionaries(PLACES, st.integers(0, 1), min_size=6, max_size=24)


@settings(max_examples=20, deadline=None)
@given(tree=TREES)
def test_every_record_that_is_made_again_from_the_store_is_as_the_crawl_made_it(tree):
    """A licence text of another model below was known as such by the crawl, and was the model's own when its record was made again."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "models"
        for (directory, name), number in tree.items():
            path = root / directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = FILES[name][number % len(FILES[name])]
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        catalog = Settings(home=Path(folder) / "home")
        with open_store(catalog, write=True) as store:
            crawl(store, LocalSource(root), catalog)
            before = {model.id: model for model in store.records.iterate()}
            remake(store, sorted(before))
            after = {model.id: model for model in store.records.iterate()}
    assert {model: known.document for model, known in after.items()} == {
        model: known.document for model, known in before.items()
    }
    assert {model: known.provenance for model, known in after.items()} == {
        model: known.provenance for model, known in before.items()
    }
