"""What becomes of models whose files are there, and are something else than before."""

from unittest import mock

import pytest
from fixtures.crawling import safetensors

from catalog.records.record import WOULD_LOSE
from catalog.store.documents import LIVE
from crawler.stages import interim
from crawler.stages.judging import Judge, Scopes
from crawler.stages.verdicts import GUARD_MODELS, Fate


@pytest.mark.parametrize("steps", [1, GUARD_MODELS + 10])
def test_states_that_are_models_no_more_are_not_missing_and_stop_no_crawl(shop, steps):
    """A version that knows a layout better refused to write anything, or counted models as missing of which all files were
    there: for good, for only what is provably absent is ever gone.
    """
    for step in range(steps):
        shop.put(f"run/global_step{step}/model.safetensors", safetensors(3, fill=step))
    shop.crawl()
    assert len(shop.documents()) == steps
    shop.put("run/model.safetensors", safetensors(5))
    report = shop.crawl()
    assert [report.counts[name] for name in (WOULD_LOSE, "missing", "missing_total")] == [0, 0, 0]
    assert list(shop.documents()) == ["run/model.safetensors"]


def test_a_state_that_is_deleted_when_a_model_comes_is_missing(shop):
    old = shop.put("run/global_step1/model.safetensors", safetensors(3))
    shop.crawl()
    old.unlink()
    shop.put("run/model.safetensors", safetensors(5))
    report = shop.crawl()
    assert (report.counts["missing"], report.counts["missing_total"]) == (1, 1)


@pytest.mark.parametrize(
    ("key", "is_proven"),
    [
        ("a/x", True),
        ("a/never/listed/x", True),
        ("broken/x", False),
        ("broken/never/listed/x", False),
        ("broken/whole/x", True),
        ("broken/whole/below/x", True),
        ("broken/whole/lost/x", False),
        ("mended/x", True),
    ],
)
def test_absence_is_proven_by_the_innermost_scope_that_was_listed(key, is_proven):
    scopes = Scopes()
    scopes.ended("")
    scopes.failed_with("broken", "denied")
    scopes.failed_with("mended", "denied")
    for scope in ("a", "a/b", "broken/whole", "broken/whole/below", "mended"):
        scopes.ended(scope)
    scopes.failed_with("broken/whole/lost", "denied")
    assert scopes.proves_absence(key) is is_proven


def test_scopes_in_any_order_prove_what_they_prove_in_order():
    scopes = Scopes()
    scopes.ended("broken/whole")
    scopes.failed_with("broken", "denied")
    scopes.ended("")
    assert [scopes.proves_absence(key) for key in ("x", "broken/x", "broken/whole/x")] == [True, False, True]


def test_nobody_is_asked_who_has_the_files_of_what_never_was_a_model(monkeypatch):
    """All files of a mistake are there: the neighbourhoods of all mistakes were grouped once more, and a record beside them
    counted as part of the model that has what a mistake took for weights.
    """
    mistake = "ab" * 32
    store, attendance, owners = mock.Mock(), mock.Mock(), mock.Mock()
    store.manifest.return_value.entries.return_value = {}
    attendance.vanished.side_effect = lambda: iter([mock.Mock(id=mistake, state=LIVE)])
    store.records.file_keys.side_effect = lambda models, *_: dict.fromkeys(models, ("a/x.safetensors",))
    monkeypatch.setattr(interim, "mistakes", lambda models, *_: set(models))
    judgement = Judge(store, mock.Mock(), attendance, owners, Scopes(), absent=(), unfinished=True).judge(
        None
    )
    assert (judgement.mistakes, list(judgement.verdicts.models(Fate.GONE))) == (1, [mistake])
    owners.assert_not_called()
