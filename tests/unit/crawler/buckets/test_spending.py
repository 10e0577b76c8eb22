"""The account of one crawl: what was asked, how fast, and when it is enough."""

import time

import pytest

from crawler.buckets.spending import BudgetSpent, Limits, Spending


@pytest.mark.parametrize("limits", [Limits(requests=2), Limits(bytes=10), Limits(seconds=0.001)])
def test_a_budget_that_is_used_up_ends_the_asking(limits):
    spending = Spending(limits)
    spending.check()
    for _ in range(2):
        spending.request()
        spending.receive(5)
    time.sleep(0.002)
    with pytest.raises(BudgetSpent, match="is used up"):
        spending.check()


def test_requests_take_turns_at_the_rate():
    spending = Spending(Limits(requests_per_second=100))
    started = time.monotonic()
    for _ in range(6):
        spending.request()
    assert time.monotonic() - started >= 0.05


def test_without_limits_nothing_ends():
    spending = Spending(Limits())
    for _ in range(1000):
        spending.request()
    spending.check()
    assert spending.requests == 1000
