"""Neighbourhoods are packed, and come out as they went in."""

import itertools

from crawler.grouping.places import PACKED_AT_ONCE, Neighbourhood, Neighbourhoods, Place

NAMELESS = "caf\udce9"
"""As the file system's bytes come, which are no UTF-8."""


def parts(prefix, number):
    return [
        Neighbourhood(
            (
                Place(f"{prefix}/{at}/{NAMELESS}", whole=True, files=at),
                Place(f"{prefix}/{at}", whole=False, files=2, names=(NAMELESS, "config.json")),
            )
        )
        for at in range(number)
    ]


def as_values(neighbourhoods):
    """With what does not count when places are compared."""
    return [
        [(place.directory, place.whole, place.files, place.names) for place in part.places]
        for part in neighbourhoods
    ]


def test_neighbourhoods_come_out_packed_and_not_yet_packed_as_they_went_in():
    given = parts("a", 2 * PACKED_AT_ONCE + 3)
    packed = Neighbourhoods(given)
    assert as_values(packed) == as_values(given)
    assert as_values(packed) == as_values(given), "each time they are asked for"
    assert len(packed) == len(given)
    assert given[1] in packed
    assert Neighbourhood((Place("b", whole=True),)) not in packed


def test_those_of_directories_below_follow_in_order_however_many_each_has():
    numbers = (3, PACKED_AT_ONCE + 1, 0, 5, PACKED_AT_ONCE, 1)
    given = [parts(str(at), number) for at, number in enumerate(numbers)]
    together = Neighbourhoods()
    for own in given:
        together.take(Neighbourhoods(own))
    assert as_values(together) == as_values(itertools.chain.from_iterable(given))
    assert len(together) == sum(numbers)
