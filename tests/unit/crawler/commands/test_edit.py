"""The verbs of people on the command line: many models at once, their history, and the way back to storage."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from fixtures.warm_python import warm_python

from catalog.access.as_of import instant_of, open_catalog_as_of
from catalog.errors import UserError
from catalog.query.state import SearchState
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.records import ModelId
from crawler.commands.index_state import bring_up_to_date
from crawler.sidecars import MARK, SidecarRefused, sidecar_of, write

ROOT = Path(__file__).parents[4]
CARD = "---\nlicense: mit\n---\n# {name}\n"


@pytest.fixture
def run(shop):
    """The command over a catalog of three models."""
    for number in range(3):
        shop.model(f"n{number}/model.safetensors", values=4 + number)
        shop.put(f"n{number}/README.md", CARD.format(name=f"Net {number}"))
    shop.crawl()
    bring_up_to_date(shop.settings, shop.store)

    def run(*arguments, typed=""):
        program = [*warm_python(), "-m", "catalog", "--home", str(shop.settings.home), *arguments]
        return subprocess.run(
            program, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, input=typed
        )

    return run


def test_many_models_are_changed_after_a_preview_and_all_of_it_is_taken_back(run, shop):
    query = ("--query", "license:mit", "license=Apache 2.0", "tags+=prod", "notes=seen")
    dry = run("edit", *query, "--dry-run")
    assert (dry.returncode, dry.stderr.splitlines()[0]) == (0, "3 models found, 3 models would change.")
    assert re.search(r"license +mit +apache-2.0", dry.stdout)
    assert {model.revision for model in shop.store.records.iterate()} == {1}
    asked = run("edit", *query)
    assert (asked.returncode, "To change them without being asked: --yes" in asked.stderr) == (2, True)
    done = run("edit", *query, "--yes")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "3 models changed.")
    (batch,) = re.findall(r"edit --undo ([0-9a-f]+)", done.stderr)
    again = run("edit", "--query", "license:apache-2.0", "tags+=prod", "--yes")
    assert "0 models would change, 3 are so already" in again.stderr
    (first, *_) = list(shop.store.records.iterate())
    edit_model(shop.store, first.id, expected=2, values={"notes": "mine"}, by=Authorship(made_by="ann"))
    undone = run("edit", "--undo", batch)
    assert (undone.returncode, undone.stdout) == (1, "3 models taken back.\n")
    assert f"Left as it is: {first.id[:12]}: notes changed since" in undone.stderr
    documents = shop.documents().values()
    assert {document["license"] for document in documents} == {"mit"}
    assert [document["notes"] for document in documents if "notes" in document] == ["mine"]
    history = run("history", first.id)
    assert [line.split()[3] for line in history.stdout.splitlines()[1:]] == ["undo", "edit", "bulk", "crawl"]
    shown = run("diff", first.id, "1", "2").stdout
    assert "license\n  - mit\n  + apache-2.0\n" in shown
    restored = run("restore", first.id, "2")
    assert (restored.returncode, "is at revision 5, as in 2:" in restored.stdout) == (0, True)
    assert shop.store.records.get(first.id).document["license"] == "apache-2.0"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--query", "size>big", "license=x"], "Size needs a number"),
        (["--query", "", "license=x"], "An empty search would change every model."),
        (["--query", "license:mit", "size_bytes=1"], "size_bytes is measured"),
        (["--query", "license:mit"], "Nothing to change."),
        (["--undo", "nothing"], "There is no edit 'nothing'."),
        (["--undo", "nothing", "license=x"], "changes nothing else"),
        (["license=mit"], "No model has the id or name 'license=mit'"),
    ],
    ids=["not-understood", "empty", "measured", "nothing", "no-batch", "undo-and-more", "no-model"],
)
def test_what_is_asked_wrongly_changes_nothing_and_ends_with_2(run, shop, arguments, told):
    done = run("edit", *arguments, "--yes") if "--query" in arguments else run("edit", *arguments, "x=1")
    if arguments[0] == "--undo" and len(arguments) == 2:
        done = run("edit", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert {model.revision for model in shop.store.records.iterate()} == {1}


def test_an_edit_is_told_of_only_once_something_was_changed(run, shop):
    assert "edit --undo" in run("edit", "--query", "license:mit", "name=Same", "--yes").stderr
    refused = run("edit", "--query", "license:mit", "stage=production", "--yes")
    assert refused.returncode == 2
    assert "edit --undo" not in refused.stderr
    assert not [document for document in shop.documents().values() if "stage" in document]


def test_the_past_is_asked_in_the_same_language_and_holds_what_is_gone_by_now(run, shop):
    model = next(row for row in shop.store.records.iterate() if row.document["path"].startswith("n0"))
    edit_model(
        shop.store, ModelId(model.id), expected=1, values={"license": "isc"}, by=Authorship(made_by="ann")
    )
    then = datetime.now(UTC)
    shutil.rmtree(shop.root / "n1")
    for _ in range(4):
        shop.crawl(accept=True)
        shop.later(hours=2)
    assert "n1/model.safetensors" not in shop.documents()
    edit_model(
        shop.store, model.id, expected=2, values={"license": "bsd-3-clause"}, by=Authorship(made_by="ann")
    )

    def found(text, at):
        with open_catalog_as_of(shop.settings, at) as catalog:
            return [hit["path"] for hit in catalog.page(SearchState(text=text)).hits]

    assert found("license:isc", then) == ["n0/model.safetensors"]
    assert sorted(found("license:mit", then)) == ["n1/model.safetensors", "n2/model.safetensors"]
    assert found("license:isc", datetime.now(UTC)) == []
    assert found("license:isc,mit", then - timedelta(days=1)) == []
    told = run("search", "license:mit", "--as-of", "2001-01-01")
    assert "As of 2001-01-01T23:59:59Z:" in told.stderr
    assert run("search", "license:mit", "--as-of", "soon").returncode == 2


def test_a_day_of_the_past_means_its_end_and_the_future_means_now():
    assert instant_of("2024-05").isoformat() == "2024-05-31T23:59:59.999999+00:00"
    assert instant_of("2024-05-01T10:00:00Z") >= datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert instant_of("2999-01-01") <= datetime.now(UTC)
    with pytest.raises(UserError, match="is no date"):
        instant_of("soon")


def test_what_is_set_by_hand_is_written_beside_the_weights_where_that_is_allowed(run, shop):
    place = shop.root / "n0" / "model.safetensors.modeldex.yaml"
    values = ("license=isc", "tags+=prod", "training.epochs=4", "notes=no: 'yes'", "description=")
    (model,) = [row for row in shop.store.records.iterate() if row.document["path"].startswith("n0")]
    assert run("edit", model.id, *values).returncode == 0
    refused = run("edit", model.id, "--write-sidecar", "--apply")
    assert (refused.returncode, "is not declared writable" in refused.stderr) == (1, True)
    assert run("sources", "set", str(shop.root), "--option", "writable=true").returncode == 0
    dry = run("edit", model.id, "--write-sidecar")
    assert dry.stdout.splitlines()[0] == str(place)
    assert not place.exists()
    written = run("edit", model.id, "--write-sidecar", "--apply")
    assert (written.returncode, place.read_text().startswith(MARK)) == (0, True)
    assert "description" in written.stderr  # a sidecar cannot say that it is empty
    assert run("edit", model.id, "--write-sidecar", "--apply").stderr.endswith("0 files written.\n")
    assert shop.crawl().counts["changed"] == 1
    read = shop.store.records.get(model.id)
    assert "contradicted" not in read.document["flags"]
    (said,) = [loser for loser in read.provenance["license"].losers if loser.value == "isc"]
    assert said.lost_because == "equal"
    values = dict.fromkeys(("license", "tags", "training.epochs", "notes", "description"))
    edit_model(shop.store, model.id, expected=read.revision, clear=list(values), by=Authorship(made_by="ann"))
    document = shop.store.records.get(model.id).document
    assert (document["license"], document["tags"], document["notes"]) == ("isc", ["prod"], "no: 'yes'")
    assert document["training"]["epochs"] == 4


def test_a_sidecar_of_somebody_else_and_a_link_stay_as_they_are(run, shop):
    assert run("sources", "set", str(shop.root), "--option", "writable=true").returncode == 0
    (model,) = [row for row in shop.store.records.iterate() if row.document["path"].startswith("n0")]
    edit_model(shop.store, model.id, expected=1, values={"license": "isc"}, by=Authorship(made_by="ann"))
    place = shop.root / "n0" / "model.safetensors.modeldex.yaml"
    place.write_text("license: gpl-3.0\n")
    with pytest.raises(SidecarRefused, match="somebody's own"):
        sidecar_of(shop.store, shop.store.records.get(model.id))
    place.unlink()
    place.symlink_to(shop.root / "elsewhere.yaml")
    with pytest.raises(SidecarRefused, match="is a link"):
        sidecar_of(shop.store, shop.store.records.get(model.id))
    place.unlink()
    sidecar = sidecar_of(shop.store, shop.store.records.get(model.id))
    write(sidecar)
    assert [path.name for path in place.parent.iterdir() if path.name.endswith(".part")] == []
    assert place.read_text() == sidecar.text


def test_a_metric_is_written_beside_the_weights_with_what_it_was_measured_on(run, shop):
    """It stood there as a metric of no data set, which every later crawl believed."""
    (model,) = [row for row in shop.store.records.iterate() if row.document["path"].startswith("n0")]
    assert run("edit", model.id, "metrics.f1@conll2003#test=0.91").returncode == 0
    assert run("sources", "set", str(shop.root), "--option", "writable=true").returncode == 0
    assert run("edit", model.id, "--write-sidecar", "--apply").returncode == 0
    place = shop.root / "n0" / "model.safetensors.modeldex.yaml"
    assert yaml.safe_load(place.read_text())["metrics"] == [
        {"metric": "f1", "value": 0.91, "dataset": "conll2003", "split": "test"}
    ]
    shop.crawl()
    evaluations = shop.store.records.get(model.id).document["evaluations"]
    assert {(each["metric"], each["dataset"], each["split"]) for each in evaluations} == {
        ("f1", "conll2003", "test")
    }
