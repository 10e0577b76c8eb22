"""The listing of a bucket in parts, over a bucket in memory that answers as S3 does."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ListingIncomplete
from crawler.buckets.listing import list_bucket
from crawler.buckets.objects import ObjectRow
from crawler.buckets.pages import Page
from crawler.buckets.spending import BudgetSpent

PAGE = 3


def rows(keys):
    return [ObjectRow(key=key, size_bytes=1, etag="", last_modified=None, storage_class=None) for key in keys]


class MemoryBucket:
    """Keys in order, three a page. `refused` are keys on whose page every request ends."""

    def __init__(self, keys, refused=(), error=None):
        self.keys = sorted(keys, key=str.encode)
        self.refused = set(refused)
        self.error = error or ListingIncomplete("", "503")
        self.requests = 0

    def page(self, prefix, *, after="", token=None, directories=False):
        self.requests += 1
        start = token or after
        below = [key for key in self.keys if key.startswith(prefix) and key > start]
        if not directories:
            shown = below[:PAGE]
            if self.refused.intersection(shown):
                raise self.error
            more = shown[-1] if len(below) > PAGE else None
            return Page(contents=rows(shown), has_more=more is not None, next=more)
        names = dict.fromkeys(
            prefix + rest.partition("/")[0] + "/" if "/" in (rest := key[len(prefix) :]) else key
            for key in below
        )
        shown = [name for name in names if not start or name > start][:PAGE]
        more = shown[-1] if [name for name in names if name > shown[-1]] else None
        contents = [name for name in shown if not name.endswith("/")]
        if self.refused.intersection(contents):
            raise self.error
        return Page(
            contents=rows(contents),
            prefixes=[name for name in shown if name.endswith("/")],
            has_more=more is not None,
            next=more,
        )


def listed(bucket, prefix="", cuts=(), **options):
    parts = list_bucket(bucket, prefix, first=None, cuts=cuts, workers=4, **{"is_ordered": True, **options})
    parts = list(parts)
    return [row.key for part in parts for row in part.contents], parts


NAMES = st.text("ab-/0", min_size=1, max_size=5).filter(lambda name: not name.endswith("/"))


@given(keys=st.sets(NAMES, max_size=30), cuts=st.lists(NAMES, max_size=5), prefix=st.sampled_from(["", "a/"]))
def test_every_key_is_listed_once_and_in_order_wherever_it_is_cut(keys, cuts, prefix):
    bucket = MemoryBucket(keys)
    seen, parts = listed(bucket, prefix, sorted(prefix + cut for cut in cuts))
    assert seen == [key for key in bucket.keys if key.startswith(prefix)]
    assert (parts[-1].directory, parts[-1].complete) == ("", True)


@given(keys=st.sets(NAMES, min_size=1, max_size=30), data=st.data())
def test_what_is_broken_off_is_never_taken_for_complete(keys, data):
    """Of every key that was not shown, the innermost directory that ended is one that failed."""
    refused = data.draw(st.sets(st.sampled_from(sorted(keys)), max_size=3))
    bucket = MemoryBucket(keys, refused)
    cuts = data.draw(st.lists(NAMES, max_size=4))
    try:
        seen, parts = listed(bucket, "", sorted(cuts))
    except ListingIncomplete:
        return  # the first page
    ended = {part.directory: part.complete for part in parts if part.complete or part.error}
    assert len(ended) == sum(part.complete or part.error is not None for part in parts)
    for key in keys - set(seen):
        around = [key[: place + 1] for place, letter in enumerate(key) if letter == "/"]
        innermost = next(name for name in [*reversed(around), ""] if name in ended)
        assert not ended[innermost], (key, innermost)


def test_a_bucket_of_one_page_takes_one_request():
    bucket = MemoryBucket("abc")
    assert listed(bucket)[0] == ["a", "b", "c"]
    assert bucket.requests == 1


def test_cuts_of_the_last_listing_cost_no_page_more_than_listing_in_one():
    keys = [f"k{number:03}" for number in range(90)]
    bucket = MemoryBucket(keys)
    listed(bucket, cuts=keys[14::15])
    # The first page tells whether there are more, and the last part is what came since.
    assert bucket.requests == 30 + 2


def test_directories_that_are_whole_are_told_apart_from_the_one_that_broke_off():
    keys = [f"d{directory}/{number}" for directory in range(3) for number in range(7)]
    _, parts = listed(MemoryBucket(keys, ["d1/4"]))
    ended = [(part.directory, part.complete) for part in parts if part.complete or part.error]
    assert ended == [("d1/", False), ("", True)]


def test_too_many_directories_to_look_at_make_the_whole_break_off():
    keys = [f"d{directory:03}/{number}" for directory in range(60) for number in range(2)]
    _, parts = listed(MemoryBucket(keys, ["d030/1"]))
    assert [(part.directory, part.complete) for part in parts if part.complete or part.error] == [("", False)]


def test_when_the_budget_is_spent_nothing_more_is_asked():
    keys = [f"d{directory}/{number}" for directory in range(3) for number in range(7)]
    bucket = MemoryBucket(keys, ["d1/4"], BudgetSpent("requests", 3))
    _, parts = listed(bucket, cuts=["d1/2"])
    assert isinstance(parts[-1].error, ListingIncomplete)
    assert "budget" in str(parts[-1].error)


def test_a_bucket_without_an_order_of_keys_is_listed_page_after_page():
    class Unordered(MemoryBucket):
        def page(self, prefix, *, after="", token=None, directories=False):
            start = int(token or 0)
            shown = self.keys[::-1][start : start + PAGE]
            more = str(start + PAGE) if start + PAGE < len(self.keys) else None
            return Page(contents=rows(shown), has_more=more is not None, next=more)

    seen, parts = listed(Unordered("abcdefgh"), is_ordered=False)
    assert (sorted(seen), parts[-1].complete) == (list("abcdefgh"), True)


def test_a_listing_that_nobody_takes_to_its_end_leaves_no_thread_behind():
    import threading

    keys = [f"k{number:04}" for number in range(600)]
    parts = list_bucket(MemoryBucket(keys), "", first=None, cuts=keys[100::100], workers=4, is_ordered=True)
    taken = list(itertools.islice(parts, 3))
    parts.close()
    assert len(taken) == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("listing")]


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_order_holds_with_any_number_of_workers(workers):
    keys = [f"k{number:04}" for number in range(200)]
    bucket = MemoryBucket(keys)
    parts = list_bucket(bucket, "", first=None, cuts=keys[9::10], workers=workers, is_ordered=True)
    assert [row.key for part in parts for row in part.contents] == keys


def test_a_listing_that_never_ends_within_its_budget_goes_on_where_the_last_one_ended():
    keys = [f"k{number:03}" for number in range(60)]

    class Budgeted(MemoryBucket):
        left = 8

        def page(self, prefix, **options):
            self.left -= 1
            if self.left < 0:
                raise BudgetSpent("requests", 8)
            return super().page(prefix, **options)

    known = set()
    for _ in range(6):
        bucket = Budgeted(keys)
        cuts = sorted(known)[4::5]
        begin = cuts[-1] if cuts else ""
        parts = list_bucket(bucket, "", first=None, cuts=cuts, workers=1, is_ordered=True, begin=begin)
        known |= {row.key for part in parts for row in part.contents}
    assert known == set(keys)


def test_up_to_the_last_key_before_the_budget_ended_nothing_is_left_out():
    """Tails of ranges that broke off would count as listed for ever."""
    keys = [f"d{directory}/{number:02}" for directory in range(8) for number in range(12)]

    class Budgeted(MemoryBucket):
        def page(self, prefix, **options):
            if options.get("after", "").endswith("05") or (options.get("token") or "").endswith("05"):
                raise BudgetSpent("requests", 8)
            return super().page(prefix, **options)

    got, parts = listed(Budgeted(keys), cuts=[f"d{directory}/00" for directory in range(1, 8)])
    assert got == keys[: len(got)] == keys[:6]
    assert isinstance(parts[-1].error, ListingIncomplete)


@pytest.mark.parametrize("begin", ["a", "k00", "k05", "k0599", "k07", "k11", "z"])
@pytest.mark.parametrize("cuts", [[], ["k03", "k07"]], ids=["in one", "in parts"])
def test_a_listing_that_begins_in_the_middle_has_every_key_once_and_those_behind_it_first(begin, cuts):
    keys = [f"k{number:02}" for number in range(12)]
    got, parts = listed(MemoryBucket(keys), cuts=cuts, begin=begin)
    assert got == [key for key in keys if key > begin] + [key for key in keys if key <= begin]
    assert parts[-1].complete
