"""What every writer of an index keeps: order of states, rejections, rebuilds."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.query.nodes import (
    Range,
)
from catalog.query.request import (
    MetricAgg,
    SearchRequest,
)
from catalog.search.engine import FollowingWriter, IndexAction
from catalog.testing.engine_cases import DOCUMENTS, actions
from catalog.testing.engine_fixtures import EngineFixtures, Pair, order


class WritingSuite(EngineFixtures):
    """What every writer does alike."""

    def test_an_older_state_never_replaces_a_newer_one(self, filled: Pair) -> None:
        writer, engine = filled
        newer = {**DOCUMENTS[0], "title": "newer"}
        older = {**DOCUMENTS[0], "title": "older"}
        assert list(writer.write([IndexAction(id="a" * 64, revision=5, document=newer)]).done) == ["a" * 64]
        assert list(writer.write([IndexAction(id="a" * 64, revision=4, document=older)]).done) == ["a" * 64]
        writer.refresh()
        assert engine.get(["a" * 64])["a" * 64]["title"] == "newer"

    def test_writing_the_same_state_twice_does_no_harm(self, filled: Pair) -> None:
        writer, engine = filled
        writer.write(actions(DOCUMENTS))
        writer.refresh()
        assert engine.search(SearchRequest()).total == 5

    def test_deleting_what_is_not_there_is_done(self, filled: Pair) -> None:
        writer, engine = filled
        gone = [IndexAction(id=model * 64, revision=2, document=None) for model in "af"]
        assert sorted(writer.write(gone).done) == ["a" * 64, "f" * 64]
        writer.refresh()
        assert order(engine, SearchRequest()) == "bcde"

    def test_one_bad_document_is_rejected_alone_with_its_reason(self, filled: Pair) -> None:
        writer, engine = filled
        bad = {"id": "f" * 64, "name": "bad", "parameters": "many"}
        good = {"id": "0" * 64, "name": "good"}
        outcome = writer.write(actions([bad, good]))
        writer.refresh()
        assert list(outcome.done) == ["0" * 64]
        assert "parameters" in outcome.rejected["f" * 64]
        assert order(engine, SearchRequest()) == "0abcde"

    def test_numbers_that_are_not_finite_are_left_out_and_the_rest_stays(self, filled: Pair) -> None:
        writer, engine = filled
        strange = {"id": "f" * 64, "metrics": {"accuracy": float("nan"), "f1": 0.5, "loss": float("inf")}}
        assert not writer.write(actions([strange])).rejected
        writer.refresh()
        assert order(engine, SearchRequest(query=Range(field="metrics.f1", gt=0.1))) == "f"
        assert "f" not in order(engine, SearchRequest(query=Range(field="metrics.accuracy", gt=0)))
        stats = self.ask(engine, MetricAgg(kind="stats", field="metrics.accuracy")).values
        assert (stats["count"], stats["max"]) == (3, 0.93)

    def test_generation_changes_with_what_is_shown(self, filled: Pair) -> None:
        writer, engine = filled
        before = engine.info()
        assert before.documents == 5
        writer.write([IndexAction(id="a" * 64, revision=2, document=None)])
        writer.refresh()
        after = engine.info()
        assert after.documents == 4
        assert after.generation != before.generation

    def test_a_position_is_kept_with_the_index_that_it_is_of(self, filled: Pair) -> None:
        writer, _ = filled
        if not isinstance(writer, FollowingWriter):
            pytest.skip("it keeps no positions")
        place = writer.place()
        assert (writer.followed(), 0 < len(place) <= 64) == (None, True)
        writer.follow("7 abc")
        assert writer.followed() == "7 abc"
        writer.rebuild(actions(DOCUMENTS))
        assert (writer.followed(), writer.place()) == (None, place)

    def test_rebuild_swaps_everything_at_once_and_keeps_late_changes(self, filled: Pair) -> None:
        writer, engine = filled
        seen: list[int] = []

        def late() -> Any:
            seen.append(engine.search(SearchRequest()).total)
            yield IndexAction(id="d" * 64, revision=2, document=None)
            yield IndexAction(id="b" * 64, revision=2, document={"id": "b" * 64, "name": "late"})

        outcome = writer.rebuild(actions(DOCUMENTS[1:4]), catch_up=late())
        writer.refresh()
        assert seen == [5]  # the old index answers until the swap
        assert not outcome.rejected
        assert order(engine, SearchRequest()) == "bc"
        assert engine.get(["b" * 64])["b" * 64]["name"] == "late"
        writer.write(actions(DOCUMENTS[:1]))
        writer.refresh()
        assert order(engine, SearchRequest()) == "abc"

    def test_a_rebuild_that_breaks_leaves_the_old_index(self, filled: Pair) -> None:
        writer, engine = filled

        def breaking() -> Any:
            yield from actions(DOCUMENTS[:2])
            raise RuntimeError("the store went away")

        with pytest.raises(RuntimeError):
            writer.rebuild(breaking())
        assert engine.search(SearchRequest()).total == 5
        writer.write([IndexAction(id="a" * 64, revision=2, document=None)])
        writer.refresh()
        assert engine.search(SearchRequest()).total == 4
