"""Records that are made often are dataclasses like any other, only faster."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, dataclass, field

import pytest

from catalog.records.construction import made_often, replace


@made_often
@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    name: str
    weight: int = 3
    labels: list = field(default_factory=list)


def test_the_constructor_takes_what_that_of_the_dataclass_takes():
    assert Parcel(name="a") == Parcel(labels=[], weight=3, name="a")
    assert Parcel(name="a").labels is not Parcel(name="a").labels
    assert replace(Parcel(name="a", weight=5), name="b") == Parcel(name="b", weight=5)
    with pytest.raises(
        TypeError, match=r"Parcel\.__init__\(\) missing 1 required keyword-only argument: 'name'"
    ):
        Parcel(weight=1)
    with pytest.raises(TypeError, match="colour"):
        Parcel(name="a", colour="red")
    with pytest.raises(TypeError, match="positional"):
        Parcel("a")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    name: str
    weight: int = 1


@pytest.mark.parametrize("value", [Parcel(name="a", labels=["x"]), Letter(name="a")], ids=["often", "seldom"])
def test_a_value_is_replaced_as_dataclasses_do_it(value):
    changed = replace(value, weight=7)
    assert changed == dataclasses.replace(value, weight=7)
    assert type(changed) is type(value)
    assert value.weight != 7
    with pytest.raises(TypeError, match="colour"):
        replace(value, colour="red")


def test_it_stays_as_it_was_made_and_travels():
    parcel = Parcel(name="a", labels=["x"])
    with pytest.raises(FrozenInstanceError):
        parcel.name = "b"
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(parcel, protocol)) == parcel  # noqa: TID251 - between our own processes
    assert copy.copy(parcel) == copy.deepcopy(parcel) == parcel
