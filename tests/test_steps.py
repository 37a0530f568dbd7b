"""Where opportunities go from a stage, and who is in it: counted by hand on eight of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, company, day

from enablement.measure import steps
from enablement.periods import Calendar
from enablement.plan import underway

LEAD, QUAL, PROP, WON = range(4)


def span(first, last):
    """The days from one to another of the eight's."""
    return Calendar().period((day(first).date(), day(last).date()))


@pytest.fixture(scope="module")
def found(eight):
    """The eight, followed from their first day to the ninetieth."""
    return steps.steps(eight, span(0, 90), value=False)


def placed(days):
    """Share per day, of those that are given."""
    return {int(at): pytest.approx(days[at]) for at in np.flatnonzero(days)}


def test_where_they_go_and_when(found):
    """Those still there are followed until now, and have not failed.

    Of 7 in Lead 3 go on to Qual on day 10, one to Prop; D8 is followed for 10 days, so that of 3
    in 7 one of two goes on day 12 and the other on day 15. Of 6 in Qual two go on day 10; of 3
    left on day 25 one is lost, and of two one goes on day 30 and one (reopened) on day 53. Of 5
    in Prop one is won on day 10, one of 4 on day 15, one of 3 on day 25.
    """
    assert placed(found.onward[LEAD, QUAL]) == {10: 3 / 7, 12: 3 / 14, 15: 3 / 14}
    assert placed(found.onward[LEAD, PROP]) == {10: 1 / 7}
    assert placed(found.onward[QUAL, PROP]) == {10: 1 / 3, 30: 2 / 9, 53: 2 / 9}
    assert placed(found.onward[PROP, WON]) == {10: 1 / 5, 15: 1 / 5, 25: 1 / 5}
    assert found.begin == pytest.approx([7 / 8, 1 / 8, 0])
    assert found.won == 3


def test_who_is_there(found):
    """D8 is in Lead for 10 days, D6 in Qual for 20, D7 in Prop for 25."""
    stage, days = np.nonzero(found.many)
    assert list(zip(stage.tolist(), days.tolist(), strict=True)) == [(0, 10), (1, 20), (2, 25)]


def test_what_they_are_won_by(found):
    """From Prop 3 in 5, from Qual 7 in 9 of that, from Lead 6 in 7 of this and 1 in 7 of Prop's."""
    total = underway.to_won(found).sum(axis=1)
    qual = 7 / 9 * 0.6
    assert total == pytest.approx([6 / 7 * qual + 0.6 / 7, qual, 0.6, 1])


def test_what_is_won_of_those_who_are_there(found):
    """By how long they have been there, and by what is left from then on.

    D8 goes on to Qual surely; D6, 20 days in Qual, goes on in 10 or in 33 days with 1 in 3 each,
    and is won 10, 15 or 25 days later with 1 in 5 each; of D7, 25 days in Prop, only a loss is
    left. The day after the one that is seen is the first, so the first of D6 is won on day 20.
    """
    whole = underway.of_steps(found, np.array([0, 400]), np.ones(1))
    assert whole.open[:, 0] == pytest.approx([7 / 9 * 0.6, 2 / 3 * 0.6, 0])
    parted = underway.of_steps(found, np.array([0, 19, 20, 24, 25, 400]), np.ones(5))
    assert parted.open[QUAL] == pytest.approx([0, 1 / 15, 0, 1 / 15, 0.4 - 2 / 15])
    assert parted.variance[QUAL, 1] == pytest.approx(1 / 15 * 14 / 15)


def test_what_begins_later_is_won_later(found):
    """Nothing comes before day 20 (D2's way); in the long run as much as in a usual year."""
    early = underway.of_steps(found, np.array([0, 20, 40]), np.ones(2))
    assert early.begun[0] == pytest.approx(0, abs=1e-12)
    assert early.begun[1] > 0
    late = underway.of_steps(found, np.array([500, 600]), np.ones(1))
    assert late.begun == pytest.approx([1])


def test_a_season_is_one_of_what_is_won(found):
    """Half as much again is won in a month that is half as strong again; what is open stays."""
    usual = underway.of_steps(found, np.array([500, 600, 700]), np.array([2.0, 2.0]))
    season = usual.in_season(np.array([2.0, 2.0]), np.array([1.0, 3.0]))
    assert season.begun == pytest.approx([0.25, 0.75])
    assert (season.open == usual.open).all()


def test_a_period_counts_from_its_first_day(eight):
    """From day 21 on D3, D5 and D7 are in Qual, and those who had left before do not count.

    One of the three is lost on day 25; of two one goes on day 30 and the last on day 53.
    """
    later = steps.steps(eight, span(21, 90), value=False)
    assert placed(later.onward[QUAL, PROP]) == {
        30: pytest.approx(1 / 3),
        53: pytest.approx(1 / 3),
    }
    assert later.begin.tolist() == [1, 0, 0]


def test_large_ones_count_as_several(eight):
    """D8 has 10; those in Lead had 28 on average over their days, which is usual there."""
    found = steps.steps(eight, span(0, 90), value=True)
    amounts, days = np.array([10, 40, 20, 80, 25, 15, 10]), np.array([10, 10, 15, 10, 10, 12, 10])
    usual = (amounts * (days + 0.5)).sum() / (days + 0.5).sum()
    assert found.size[LEAD, 10] == pytest.approx(10 / usual)
    assert found.square[LEAD, 10] == pytest.approx((10 / usual) ** 2)


def test_without_dates_nothing_is_said():
    """Where nobody says when a stage was entered, or nobody was won, there are no steps."""
    lost = company({name: EIGHT[name] for name in ("D3", "D6", "D8")})
    assert steps.steps(lost, span(0, 90), value=False) is None
    import enablement as en

    bare = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["X"], "stage": ["Won"], "closed_at": [day(3)], "amount": 1.0}
        ),
        settings={"stages": ["Lead"], "outcomes": {"Won": "won", "Lost": "lost"}},
    )
    assert steps.steps(bare, span(0, 90), value=False) is None
