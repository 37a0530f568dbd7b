"""How likely the goal is: against what can be worked out by hand, and against many companies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import EIGHT, company
from plans import XYZ, aimed, alike, ground

import enablement as en
from enablement.periods import Calendar
from enablement.plan import futures, sizes, staff
from enablement.plan.futures import Change
from enablement.plan.sizes import Sizes
from enablement.plan.underway import Underway

WHOLE = np.array([1.0])


def test_a_target_far_below_is_sure_and_one_far_above_is_not():
    """And in between it falls as the target rises."""
    at = ground(8)
    usual = at.projected(at.rates("team"))
    chances = [
        futures.chance_of(aimed(at, usual * f), alike(8), number=2_000)["probability"].iloc[-1]
        for f in (0.3, 0.9, 1.0, 1.1, 3.0)
    ]
    assert chances[0] == 1
    assert chances[-1] == 0
    assert chances == sorted(chances, reverse=True)
    assert chances[2] == pytest.approx(0.5, abs=0.05)


def test_the_quarters_add_up_to_the_year():
    """In target and in what is expected, and a year is less uncertain than its quarters."""
    table = futures.chance_of(ground(8), alike(8), number=2_000)
    assert len(table) == 5
    for column in ("target", "expected"):
        assert table[column].iloc[:4].sum() == pytest.approx(table[column].iloc[4])
    width = (table["high"] - table["low"]) / table["expected"]
    assert width.iloc[4] < width.iloc[:4].min()


@pytest.mark.parametrize(
    ("first_month", "quarters", "year"),
    [
        (1, ["2026Q1", "2026Q2", "2026Q3", "2026Q4"], "2026"),
        (7, ["2026Q3", "2026Q4", "2027Q1", "2027Q2"], "2026Q3 to 2027Q2"),
        (2, ["2026-01-01 to 2026-03-31"], "2026-01-01 to 2026-12-31"),
    ],
)
def test_the_quarters_have_their_fiscal_names(first_month, quarters, year):
    """A year that begins in July has January in its third quarter; from February none is whole."""
    plan = en.goal({"goal": {"target": 5, "by": "2026-12-31"}})
    calendar = Calendar(first_month=first_month)
    at = ground(8)
    months, span = plan.goal.months(calendar), plan.goal.span(calendar)
    at = dataclasses.replace(at, months=months, base=dataclasses.replace(at.base, span=span))
    table = futures.chance_of(at, alike(8), number=100)
    assert list(table["period"])[: len(quarters)] == quarters
    assert table["period"].iloc[-1] == year


def test_the_spread_is_that_of_counts_and_sizes():
    """With rates and volume known, of n wins with variation v it is sqrt(n × (1 + v²)) wins."""
    at = ground(8)
    many = dataclasses.replace(
        at.funnel,
        entered=at.funnel.entered * 1e6,
        moved=at.funnel.moved * 1e6,
        days=np.full(8, 2.5e8),
    )
    at = dataclasses.replace(at, funnel=many)
    wins = np.nansum(at.expected(at.rates("team"))[:, -1])
    for variation in (0.0, 1.5):
        drawn = futures.draw(at, alike(8, won=10**7, variation=variation), WHOLE, number=20_000)
        assert drawn.mean() == pytest.approx(wins * 1_000, rel=0.01)
        expected = np.sqrt(wins * (1 + variation**2)) * 1_000
        assert drawn.std() == pytest.approx(expected, rel=0.03)


def test_a_change_is_a_factor_on_what_comes():
    """A tenth more volume and a tenth more of each are 21 % more; better rates likewise."""
    at, size = ground(8), alike(8)
    usual = futures.draw(at, size, WHOLE, number=4_000).mean()
    more = futures.draw(at, size, WHOLE, change=Change(1.1, None, 1.1), number=4_000).mean()
    assert more / usual == pytest.approx(1.21, rel=0.02)
    better = at.funnel.pooled * np.array([1.1, 1.0, 1.0])
    found = futures.draw(at, size, WHOLE, change=Change(rates=better), number=4_000).mean()
    assert found / usual == pytest.approx(1.1, rel=0.02)


def test_what_comes_besides_the_funnel_is_in_it():
    """Renewals of 500,000 by 20 are as many again, but for the chance of 20 and of their sizes."""
    at = ground(8)
    more = dataclasses.replace(at.funnel, besides=500_000.0, besides_won=20.0)
    size = alike(8, variation=0.5)
    drawn = [
        futures.draw(g, size, WHOLE, number=20_000)
        for g in (at, dataclasses.replace(at, funnel=more))
    ]
    assert drawn[1].mean() - drawn[0].mean() == pytest.approx(500_000, rel=0.02)
    # 20 that come, as many known: 500,000² × (1 / 20 + 1 / 20 + 0.25 / 20), and the mean's doubt
    added = 500_000**2 * (2 + 0.25) / 20
    assert drawn[1].var() - drawn[0].var() == pytest.approx(added, rel=0.15)


def started(*, wins=0.0, begun=1 / 12):
    """A company of eight with so many wins to come in the first month, of twice as many open.

    What begins later brings so much of a usual year in each month.
    """
    open_ones = np.zeros((3, 12))
    open_ones[2, 0] = wins
    under = Underway(np.full(12, begun), open_ones, open_ones / 2, 10.0**7)
    many = ground(8).funnel
    funnel = dataclasses.replace(many, entered=many.entered * 1e6, moved=many.moved * 1e6)
    funnel = dataclasses.replace(funnel, days=many.days * 1e6)
    return dataclasses.replace(ground(8), funnel=funnel, underway=under)


def test_what_is_open_comes_in_its_month_and_varies_as_those_who_are_or_are_not_won():
    """300 of 600 in the first month: 300,000, give or take sqrt(150) wins, and nothing later."""
    drawn = futures.draw(started(wins=300.0, begun=0.0), alike(8), np.full(4, 0.25), number=20_000)
    assert drawn.mean(axis=0) == pytest.approx([300_000, 0, 0, 0], rel=0.005)
    assert drawn[:, 0].std() == pytest.approx(np.sqrt(150) * 1_000, rel=0.03)


def test_nothing_is_counted_twice():
    """As much open as is missing of what begins later is a usual year again."""
    usual = np.nansum(started().expected(started().rates("team"))[:, -1])
    at = started(wins=usual / 3, begun=1 / 18)
    assert at.fullness() == pytest.approx(1)
    drawn = futures.draw(at, alike(8), WHOLE, number=4_000)
    assert drawn.mean() == pytest.approx(usual * 1_000, rel=0.005)


def test_a_change_was_there_from_long_before():
    """A fifth more volume is a fifth more of all, of what is open too."""
    at = started(wins=300.0, begun=1 / 18)
    usual, more = (
        futures.draw(at, alike(8), WHOLE, change=Change(volume), number=4_000).mean()
        for volume in (1.0, 1.2)
    )
    assert more / usual == pytest.approx(1.2, rel=0.005)


def test_the_rates_that_are_still_to_come_are_as_uncertain_as_they_are():
    """Of ten at the last stage 5 were won: what is open there varies by a gamma of the beta."""
    few = started(wins=3_000.0, begun=0.0)
    entered, moved = few.funnel.entered.copy(), few.funnel.moved.copy()
    entered[:, 2], moved[:, 2] = 1.25, 0.625
    at = dataclasses.replace(few, funnel=dataclasses.replace(few.funnel, entered=entered,
                                                             moved=moved))  # fmt: skip
    drawn = futures.draw(at, alike(8), WHOLE, number=20_000) / 3e6
    expected = (0.25 / 12) / 0.25  # the variance of a beta of 5.5 and 5.5, over its mean's square
    assert drawn.var() == pytest.approx(expected, rel=0.05)


def test_stated_figures_leave_only_chance():
    """XYZ's million as stated: 1.5 million never comes of itself; nobody knows how sizes spread."""
    table = en.goal_chance(None, XYZ, as_of=None, number=1_000)
    assert table["expected"].iloc[-1] == pytest.approx(1_000_000, rel=0.01)
    assert table["probability"].iloc[-1] == 0
    assert any("spread" in note for note in table.attrs["notes"])
    assert "0 %" in table.attrs["verdict"]


def test_mean_and_variation_by_hand():
    """Won D1 10, D2 40 and D5 30: mean 80/3, and the deviation of 10, 40, 30 over it."""
    crm = company(EIGHT)
    found = sizes.of_crm(crm, staff.of_crm(crm), Calendar().period("2026"))
    assert found.won.sum() == 3
    assert found.mean == pytest.approx(80 / 3)
    assert found.variation == pytest.approx(np.std([10, 40, 30], ddof=1) / (80 / 3))


def test_sizes_of_reps_are_drawn_towards_all_unless_they_differ():
    """Alike: all the mean. One who sells ten times as much keeps nearly all of it."""
    assert alike(6, variation=0.8).own() == pytest.approx(np.full(6, 1_000.0))
    won = np.array([50.0] * 6 + [0])
    amount = won * np.array([1_000.0] * 5 + [10_000.0, 0])
    squares = amount**2 / np.maximum(won, 1) * 1.25
    own = Sizes(won, amount, squares).own()
    assert own[:5] == pytest.approx(np.full(5, own[0]))
    assert 1_000 < own[0] < 1_300
    assert 9_500 < own[5] < 10_000
    few = Sizes(np.array([0.0, 1, 0]), np.array([0.0, 9, 0]), np.array([0.0, 81, 0]))
    assert few.own() == pytest.approx([9, 9])


def test_how_far_they_are_drawn_is_worked_out_by_hand():
    """1 and 3, 5 and 7: within 2, between (16 - 2) / 2 = 7, so 2 and 6 come nearer by an eighth."""
    found = Sizes(np.array([2.0, 2, 0]), np.array([4.0, 12, 0]), np.array([10.0, 74, 0])).own()
    assert found == pytest.approx([2.25, 5.75])
