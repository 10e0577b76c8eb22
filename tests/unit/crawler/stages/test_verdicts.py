"""What becomes of many records is known of each until it has departed."""

import hashlib

from catalog.records import ModelId
from crawler.stages.verdicts import AllVerdicts, Fate, Verdicts


def model(name):
    return ModelId(hashlib.sha256(name.encode()).hexdigest())


def judged():
    verdicts = AllVerdicts(
        Verdicts(lost=[model("lost")], moved={model("old"): model("new")}, gone=[model("gone")])
    )
    verdicts.take(
        Verdicts(
            superseded={
                model("part"): model("new"),
                model("half"): model("whole"),
                model("rest"): model("whole"),
            }
        )
    )
    return verdicts


def test_a_model_is_what_moved_there_rather_than_what_it_took_in():
    origins = judged().origins([model("new"), model("whole"), model("lost"), model("of nobody")])
    assert {target: (origin.model, origin.fate) for target, origin in origins.items()} == {
        model("new"): (model("old"), Fate.MOVED),
        model("whole"): (model("rest"), Fate.SUPERSEDED),
    }


def test_a_model_that_departed_with_the_page_of_another_departs_once():
    verdicts = judged()
    leaving = verdicts.leaving_for([model("new")])
    assert {verdict.model for verdict in leaving} == {model("old"), model("part")}
    verdicts.depart(leaving)
    assert verdicts.leaving_for([model("new")]) == []
    assert {verdict.model for verdict in verdicts.staying()} == {
        *map(model, ("lost", "gone", "half", "rest")),
    }
    assert verdicts.origins([model("new")])[model("new")].model == model("old")
    assert [verdicts.count(fate) for fate in Fate] == [1, 1, 3, 1]
    assert list(verdicts.models(Fate.LOST, Fate.GONE)) == [model("lost"), model("gone")]
