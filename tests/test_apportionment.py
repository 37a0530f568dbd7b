"""Whole numbers that add up, and that never fall when there is more to share out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enablement.errors import EnablementError
from enablement.plan.apportionment import apportion, staggered

WEIGHTS = st.lists(st.integers(0, 1_000), min_size=1, max_size=7)


def by_hand(weight, house, least, most):
    """Give one after the other to the strongest claim: the definition itself, slow and plain."""
    shared = list(least)
    for _ in range(house - sum(shared)):
        claims = [
            w / (s + 0.5) if s < m and w > 0 else -1.0
            for w, s, m in zip(weight, shared, most, strict=True)
        ]
        shared[int(np.argmax(claims))] += 1
    return shared


def test_a_published_apportionment():
    """Balinski and Young (1982), example 2: of 26 Webster gives 9, 8, 5, 3 and 1.

    The package `apportionment` has the same for Sainte-Lague, its other name.
    """
    assert apportion([9_061, 7_179, 5_259, 3_319, 1_182], 26).tolist() == [9, 8, 5, 3, 1]


def test_more_never_means_less_where_largest_remainders_fail():
    """Alabama's paradox: of 6, 6 and 2 the third has 2 of 10 by remainders, and 1 of 11."""
    ten, eleven = (apportion([6, 6, 2], house) for house in (10, 11))
    assert (eleven >= ten).all()


@settings(max_examples=60, deadline=None)
@given(weight=WEIGHTS, house=st.integers(0, 200), data=st.data())
def test_it_is_the_strongest_claim_first(weight, house, data):
    """The vectorised method gives what handing out one by one gives, bounds included."""
    weight = weight if any(weight) else [1] * len(weight)
    least = [data.draw(st.integers(0, 5)) for _ in weight]
    most = [low + data.draw(st.integers(0, 60)) for low in least]
    most = [m if w else low for m, w, low in zip(most, weight, least, strict=True)]
    house = min(max(house, sum(least)), sum(most))
    shared = apportion(weight, house, least=least, most=most)
    assert shared.tolist() == by_hand(weight, house, least, most)


@settings(max_examples=40, deadline=None)
@given(weight=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=9), house=st.integers(0, 10**9))
def test_it_adds_up_and_is_monotone_also_for_money(weight, house):
    """A house of a milliard is shared out to the last one, and one more takes from nobody."""
    one, more = apportion(weight, house), apportion(weight, house + 1)
    assert one.sum() == house
    assert (more >= one).all()
    quota = house * np.array(weight) / sum(weight)
    assert (np.abs(one - quota) < len(weight)).all()


def test_several_houses_at_once_are_each_their_own():
    """Two rows are shared out as each would be alone; a row of zeros equally."""
    rows = np.array([[3, 1, 1], [0, 0, 0]])
    assert apportion(rows, [10, 4]).tolist() == [[6, 2, 2], [2, 1, 1]]


def test_bounds_that_cannot_be_kept_are_refused():
    """Caps of 2 each leave 4 of 10 to nobody; pins of 6 each are 2 more than the target."""
    with pytest.raises(EnablementError, match="The pins and caps leave 4 of the target to nobody"):
        apportion([1, 1, 1], 10, most=2)
    with pytest.raises(EnablementError, match="2 more than the target"):
        apportion([1, 1], 10, least=6)


def test_with_points_of_rounding_of_their_own_nothing_is_lost_and_nobody_gets_less():
    """Each row adds up, and where one more is shared out no share shrinks."""
    rng = np.random.default_rng(3)
    weight, added = rng.uniform(0.5, 1.5, (40, 12)), staggered(40, 12)
    before = apportion(weight, np.zeros(40), added=added)
    for house in range(1, 60):
        now = apportion(weight, np.full(40, house), added=added)
        assert (now.sum(axis=1) == house).all()
        assert (now >= before).all()
        before = now


def test_rows_alike_do_not_leave_the_same_shares_empty():
    """35 reps of 8 wins in twelve like months: 280 / 12 is 23.3; all alike they are 35 or 0."""
    alike = np.ones((35, 12))
    assert set(apportion(alike, np.full(35, 8)).sum(axis=0).tolist()) == {35, 0}
    months = apportion(alike, np.full(35, 8), added=staggered(35, 12)).sum(axis=0)
    assert months.min() >= 22
    assert months.max() <= 25
    part = apportion(alike[:5], np.full(5, 8), added=staggered(35, 12)[10:15]).sum(axis=0)
    assert part.min() >= 2  # 3.3 of a team of five
    assert part.max() <= 5


def test_points_are_written_with_six_digits_between_nothing_and_one():
    """A spreadsheet program then has the very same numbers."""
    points = staggered(1_000, 12)
    assert ((points > 0) & (points < 1)).all()
    assert (points == np.round(points, 6)).all()
    assert np.abs(points.mean(axis=0) - 0.5).max() < 0.01
