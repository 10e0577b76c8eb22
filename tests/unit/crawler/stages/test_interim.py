"""A first crawl that takes long shows models meanwhile, and ends as if it had not."""

import hashlib
import json
from pathlib import Path

import pytest
from fixtures.crawling import safetensors
from sqlalchemy import func, select

from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import records, revisions
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.source import Listed
from crawler.sources.local import LocalSource
from crawler.stages import interim, reading

EXAMPLES = Path(__file__).parents[4] / "examples"
REGISTRY = Registry.installed()
OCI = "application/vnd.docker.distribution.manifest.v2+json"
PASSING = {"first_seen", "last_seen", "revision"}
RUNS = ("a1" * 16, "b2" * 16)


def put(root, path, data):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())


def hub_cache(root):
    for number in range(3):
        weights = safetensors(values=4 + number)
        folder = root / f"models--team--net{number}"
        blob = hashlib.sha256(weights).hexdigest()
        put(folder, f"blobs/{blob}", weights)
        put(folder, "blobs/c0ffee", {"model_type": "bert", "architectures": ["BertModel"]})
        snapshot = folder / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (snapshot / "model.safetensors").symlink_to(f"../../blobs/{blob}")
        (snapshot / "config.json").symlink_to("../../blobs/c0ffee")


def content_store(root):
    for number in range(3):
        blobs = [safetensors(values=40 + number), b'{"model_format":"gguf"}']
        names = [f"sha256-{hashlib.sha256(blob).hexdigest()}" for blob in blobs]
        for name, blob in zip(names, blobs, strict=True):
            put(root, f"blobs/{name}", blob)
        kinds = ("application/vnd.ollama.image.model", "application/vnd.docker.container.image.v1+json")
        layer, config = (
            {"mediaType": kind, "digest": name.replace("-", ":"), "size": len(blob)}
            for kind, name, blob in zip(kinds, names, blobs, strict=True)
        )
        manifest = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]}
        put(root, f"manifests/registry.ollama.ai/library/net{number}/latest", manifest)


def pipeline(root):
    parts = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}
    index = {name: ["diffusers", kind] for name, kind in parts.items()}
    put(root, "model_index.json", {"_class_name": "StableDiffusionPipeline", **index})
    for number, (name, kind) in enumerate(parts.items()):
        put(root, f"{name}/config.json", {"_class_name": kind})
        put(root, f"{name}/diffusion_pytorch_model.safetensors", safetensors(values=50 + number))


def run_with_checkpoints(root):
    for number in range(2):
        put(root, f"checkpoint-{number}/model.safetensors", safetensors(values=70 + number))
        put(root, f"checkpoint-{number}/trainer_state.json", {"global_step": number, "log_history": []})
    put(root, "model.safetensors", safetensors(values=90))


def copies(root):
    for name in ("a", "b", "z"):
        put(root, f"{name}/net.safetensors", safetensors(values=7))


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "models"
    for fill in (hub_cache, content_store, pipeline, run_with_checkpoints, copies):
        fill(root / fill.__name__)
    return root


@pytest.fixture
def looking(monkeypatch):
    """A look after every file that is read."""
    monkeypatch.setattr(interim, "FIRST_SECONDS", 0)
    monkeypatch.setattr(interim, "REST_PER_LOOK", 0)
    monkeypatch.setattr(reading, "PAGE_OBJECTS", 1)


class Interrupted(LocalSource):
    """The storage of a crawl that is stopped when it has read so often."""

    def __init__(self, root, reads):
        super().__init__(root)
        self.left = reads

    def read(self, meta, start, end):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().read(meta, start, end)


def documents(store):
    return {
        model.id: {name: value for name, value in model.document.items() if name not in PASSING}
        for model in store.records.iterate()
    }


def crawled(home, source, **options):
    """The report and the documents of a first crawl."""
    with open_store(Settings(home=home), write=True) as store:
        report = crawl(store, source, Settings(home=home), registry=REGISTRY, **options)
        return report, documents(store)


@pytest.mark.parametrize("which", ["tree", "examples"])
def test_early_looks_change_nothing_of_what_a_crawl_ends_with(tree, tmp_path, request, which):
    root = tree if which == "tree" else EXAMPLES
    plain, expected = crawled(tmp_path / "plain", LocalSource(root))
    request.getfixturevalue("looking")
    shown = []
    report, found = crawled(
        tmp_path / "looking", LocalSource(root), watch=lambda progress: shown.append(progress.counts["new"])
    )
    assert found == expected
    assert report.counts == plain.counts
    assert len(set(shown)) > 3  # models came in steps
    with open_store(Settings(home=tmp_path / "looking"), write=True) as store:
        again = crawl(store, LocalSource(root), Settings(home=tmp_path), registry=REGISTRY)
        assert again.counts["unchanged"] == again.counts["models"] == len(expected)


def test_models_are_shown_while_their_weights_are_hashed(tmp_path, monkeypatch):
    """Reading took seconds and hashing takes hours: until then nothing was to be seen."""
    root = tmp_path / "models"
    copies(root)
    weights = safetensors(values=300_000)  # more than is hashed while it is read
    for name in ("big", "same"):
        put(root, f"{name}/net.safetensors", weights)
    _, expected = crawled(tmp_path / "plain", LocalSource(root), hash_weights=True)
    shown = []

    def watch(progress):
        if progress.phase == "hashing":
            shown.append(progress.counts["new"])

    monkeypatch.setattr(interim.InterimLooks, "due", lambda self: self._allowed and bool(shown))
    _, found = crawled(tmp_path / "looking", LocalSource(root), hash_weights=True, watch=watch)
    assert found == expected
    assert shown == [0, 5]


@pytest.mark.usefixtures("looking")
def test_what_is_finished_is_written_once(tmp_path):
    copies(tmp_path / "models")
    put(tmp_path / "models", "other/net.safetensors", safetensors(values=9))
    crawled(tmp_path / "home", LocalSource(tmp_path / "models"))
    with (
        open_store(Settings(home=tmp_path / "home"), write=False) as store,
        store._engine.connect() as connection,
    ):
        states = connection.execute(select(records.c.state, func.count()).group_by(records.c.state)).all()
        assert [tuple(row) for row in states] == [("live", 4)]
        assert (
            connection.execute(select(func.max(revisions.c.number))).scalar_one() <= 3
        )  # a copy tells of its copies


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("reads", [3, 8, 13, 19, 25])
def test_a_crawl_that_is_stopped_keeps_its_models_and_goes_on_to_the_same_end(tree, tmp_path, reads):
    _, expected = crawled(tmp_path / "whole", LocalSource(tree))
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        with pytest.raises(KeyboardInterrupt):
            crawl(store, Interrupted(tree, reads), settings, registry=REGISTRY)
        assert store.records.count() > 0 or reads < 8
        report = crawl(store, LocalSource(tree), settings, registry=REGISTRY)
        assert report.run.state == "complete"
        assert documents(store) == expected


class RunsFirst(Interrupted):
    """A storage that lists in no order of directories, and all as one scope: what runs logged comes last."""

    def list(self):
        objects = [one for step in super().list() for one in step.objects]
        objects.sort(key=lambda one: ("/artifacts/" in one.key, one.key))
        yield Listed(scope="", objects=tuple(objects), complete=True)


def tracked_runs(root):
    for number, run in enumerate(RUNS):
        folder = f"mlruns/0/{run}"
        put(root, f"{folder}/meta.yaml", f"run_id: {run}\nexperiment_id: '0'\nstatus: 3\n".encode())
        put(root, f"{folder}/metrics/accuracy", b"1700000000000 0.9 0\n")
        logged = f"run_id: {run}\nflavors:\n  pytorch:\n    model_data: data\n"
        put(root, f"{folder}/artifacts/model/MLmodel", logged.encode())
        put(root, f"{folder}/artifacts/model/data/model.safetensors", safetensors(values=30 + number))


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("deleted", [False, True])
def test_what_a_stopped_crawl_took_for_a_model_by_mistake_is_not_missing(tmp_path, deleted):
    """A run whose model was not listed yet is all that there is of it; a model whose files were deleted is another matter."""
    root, settings = tmp_path / "models", Settings(home=tmp_path / "home")
    tracked_runs(root)
    put(root, "a/kept.safetensors", safetensors(values=8))
    put(root, "b/other.safetensors", safetensors(values=9))
    with open_store(settings, write=True) as store:
        with pytest.raises(KeyboardInterrupt):
            crawl(store, RunsFirst(root, reads=8), settings, registry=REGISTRY)
        assert RUNS[0] in {Path(found["uri"]).name for found in documents(store).values()}
        if deleted:
            (root / "b/other.safetensors").unlink()
        report = crawl(store, RunsFirst(root, reads=100), settings, registry=REGISTRY)
        states = sorted((Path(found["uri"]).name, found["status"]) for found in documents(store).values())
        other = "missing" if deleted else "ok"
        assert states == [
            ("kept.safetensors", "ok"),
            ("model", "ok"),
            ("model", "ok"),
            ("other.safetensors", other),
        ]
        counts = [report.counts[name] for name in ("models", "missing", "gone")]
        assert counts == [4 - deleted, deleted, 0]


@pytest.mark.usefixtures("looking")
def test_a_model_that_moves_while_its_first_crawl_is_stopped_is_told_as_moved(tmp_path):
    root, settings = tmp_path / "models", Settings(home=tmp_path / "home")
    for number, name in enumerate("abc"):
        put(root, f"{name}/net.safetensors", safetensors(values=5 + number))
    with open_store(settings, write=True) as store:
        with pytest.raises(KeyboardInterrupt):
            crawl(store, Interrupted(root, reads=2), settings, registry=REGISTRY)
        assert store.records.count() == 1
        (root / "a").rename(root / "d")
        report = crawl(store, LocalSource(root), settings, registry=REGISTRY)
        assert [report.counts[name] for name in ("models", "moved", "missing", "gone")] == [3, 1, 0, 0]


@pytest.mark.usefixtures("looking")
def test_a_source_of_which_something_is_known_is_judged_only_when_all_is_listed(tmp_path):
    """An early look would take a model that moved for a new one, and the old one for lost."""
    root, settings = tmp_path / "models", Settings(home=tmp_path / "home")
    copies(root)
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(root), settings, registry=REGISTRY)
        (root / "z" / "net.safetensors").unlink()
        put(root, "c/other.safetensors", safetensors(values=11))
        crawl(store, LocalSource(root), settings, registry=REGISTRY)
        (root / "c").rename(root / "aa")
        report = crawl(store, LocalSource(root), settings, registry=REGISTRY)
        assert (report.counts["moved"], report.counts["new"]) == (1, 0)
