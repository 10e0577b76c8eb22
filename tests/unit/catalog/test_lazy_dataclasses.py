"""Our dataclasses do what Python's do, only later and faster."""

import copy
import dataclasses
import pickle
from dataclasses import KW_ONLY, FrozenInstanceError, InitVar

import pytest

from catalog.lazy_dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    name: str
    weight: int = 3
    labels: list = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    text: str


@dataclass(slots=True)
class Shelf:
    number: int
    parcels: list = field(default_factory=list)
    _: KW_ONLY
    place: str = "here"
    visits: int = field(default=0, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Odd:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2 == 0:
            raise ValueError("even")

    def __repr__(self) -> str:
        return f"odd {self.number}"

    def __hash__(self) -> int:
        return 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter(Mark):
    pages: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    number: int


@dataclasses.dataclass(frozen=True)
class Postcard(Mark):
    """As a package of others makes one of ours."""

    stamp: str = "none"


class Checking:
    __slots__ = ()

    def __post_init__(self):
        if self.number < 0:
            raise ValueError("less than nothing")


@dataclass(frozen=True, slots=True)
class Seat(Checking):
    number: int
    colour: list = field(default_factory=list, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    number: int
    uses: int = field(default=0, init=False)


def generic(kind):
    """The same class as Python itself makes it."""
    options = {name: getattr(kind.__dataclass_params__, name) for name in ("eq", "repr", "frozen", "order")}
    rows = [
        (
            row.name,
            row.type,
            field(
                default=row.default,
                default_factory=row.default_factory,
                init=row.init,
                compare=row.compare,
                repr=row.repr,
                kw_only=row.kw_only,
            ),
        )
        for row in dataclasses.fields(kind)
    ]
    own = {name: vars(kind)[name] for name in ("__post_init__",) if name in vars(kind)}
    if kind is Odd:
        own |= {name: vars(kind)[name] for name in ("__repr__", "__hash__")}
    return dataclasses.make_dataclass(kind.__name__, rows, namespace=own, slots=True, **options)


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


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Parcel, {"name": "a", "labels": ["x"]}),
        (Mark, {"text": "a"}),
        (Shelf, {"number": 1, "place": "there"}),
        (Odd, {"number": 3}),
        (Letter, {"text": "a"}),
        (Rank, {"number": 3}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_class_is_what_python_makes_of_it(kind, values):
    ours, theirs = kind(**values), generic(kind)(**values)
    assert repr(ours).rpartition(".")[2] == repr(theirs).rpartition(".")[2]
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert kind.__match_args__ == type(theirs).__match_args__
    assert str(kind.__dataclass_params__) == str(type(theirs).__dataclass_params__)
    assert (kind.__hash__ is None) == (type(theirs).__hash__ is None)
    assert ours == kind(**values)
    assert ours != theirs
    with pytest.raises(
        (AttributeError, TypeError)
    ):  # of a class below another, Python's own sentence is a wrong one
        ours.colour = "red"


def test_what_a_class_defines_itself_stays():
    assert (repr(Odd(3)), hash(Odd(3))) == ("odd 3", 7)
    with pytest.raises(ValueError, match="even"):
        replace(Odd(3), number=4)
    with pytest.raises(ValueError, match="even"):
        Odd(2)


def test_fields_stand_in_the_places_that_they_are_given():
    shelf = Shelf(1, [2], place="there")
    assert (shelf.number, shelf.parcels, shelf.place, shelf.visits) == (1, [2], "there", 0)
    shelf.visits = 5
    assert shelf == Shelf(1, [2], place="there")
    with pytest.raises(TypeError, match="unhashable"):
        hash(shelf)
    with pytest.raises(TypeError, match="positional"):
        Shelf(1, [], "there")


def test_equal_values_of_frozen_classes_are_one_in_a_set():
    assert len({Mark(text="a"), Mark(text="a"), Mark(text="b"), Letter(text="a")}) == 3
    assert Rank(1) < Rank(2)


def test_a_value_that_holds_itself_is_shown():
    shelf = Shelf(1)
    shelf.parcels.append(shelf)
    assert repr(shelf) == "Shelf(number=1, parcels=[...], place='here')"


@pytest.mark.parametrize("value", [Parcel(name="a", labels=["x"]), Parcel(name="a")], ids=["set", "default"])
def test_a_value_is_replaced_as_dataclasses_do_it(value):
    changed = replace(value, weight=7)
    assert changed == dataclasses.replace(value, weight=7)
    assert type(changed) is type(value)
    assert value.weight != 7
    with pytest.raises(TypeError, match="colour"):
        replace(value, colour="red")


@pytest.mark.parametrize(
    "value", [Parcel(name="a", labels=["x"]), Mark(text="a"), Letter(text="a"), Shelf(1)], ids=repr
)
def test_a_value_is_unpickled_as_it_was(value):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value  # noqa: TID251 - between our own processes
    assert copy.copy(value) == copy.deepcopy(value) == value


def test_it_stays_as_it_was_made():
    parcel = Parcel(name="a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        parcel.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del parcel.name


def test_a_dataclass_made_of_ours_is_pickled_and_copied_whole():
    """The fields that it added were left out in silence, and missing when it was read."""
    card = Postcard(text="a", stamp="red")
    assert pickle.loads(pickle.dumps(card)) == card  # noqa: TID251 - between our own processes
    assert copy.copy(card) == copy.deepcopy(card) == card


def test_a_parameter_that_is_no_field_is_refused_where_it_is_written():
    """The constructor did not know it and took the values of those behind it in its place."""
    with pytest.raises(TypeError, match=r"Lot has an InitVar"):

        @dataclass(slots=True)
        class Lot:
            seed: InitVar[int] = 5
            number: int = 1


def test_what_replaces_a_value_looks_at_it_as_the_constructor_does():
    """What a base checks was passed over, and what nobody may give could be given."""
    with pytest.raises(ValueError, match="less than nothing"):
        replace(Seat(1), number=-1)
    with pytest.raises(ValueError, match="uses"):
        replace(Ticket(number=1), uses=3)


def test_a_field_that_is_not_hashed_need_not_have_a_hash():
    assert hash(Seat(1, ["red"])) == hash(Seat(1, ["blue"]))
