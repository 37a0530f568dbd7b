"""The glide path: what is corrected when a quarter closes, and how likely the rest then is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, events
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st
from plans import XYZ, aimed, alike, ground
from test_charts import layer, layers

import enablement as en
from enablement.plan import glide
from enablement.plan.glide import Course, corrected, given
from enablement.show import charts, words

NONE = [np.nan] * 4
PLAN = {
    "goal": {"target": 200, "by": "2026", "baseline": 100},
}
# One was won the year before, which is all that the plan is counted from.
ONE_BEFORE = {"P1": ("-300 Lead@A, -280 Qual@A, -250 Prop@A, -200 Won@A", 25), **EIGHT}


def sold_by(day):
    """The company of those paths, exported on a day."""
    amounts = {name: float(amount) for name, (_, amount) in ONE_BEFORE.items()}
    return en.crm(
        opportunities=pd.DataFrame({"opportunity_id": list(amounts), "amount": amounts.values()}),
        stage_events=events(ONE_BEFORE),
        settings={**EIGHT_SETTINGS, "exported_on": pd.Timestamp(day).date()},
    )


def course(sold=NONE, gone=(0, 0, 0, 0), *, monthly=(80, 80, 90), price=1.0):
    """Four quarters of 250 units each, and what was sold in them."""
    at = ground(4)
    spans = glide.course_of(None, at, None).spans
    return Course(
        spans=spans,
        names=("Q1", "Q2", "Q3", "Q4"),
        plan=np.tile(np.array(monthly), (4, 1)),
        price=price,
        gone=np.array(gone, dtype=float),
        work=np.full(4, 0.25),
        sold=np.array(sold, dtype=float),
        as_of="2026-06-30",
    )


def test_what_a_closed_quarter_lacks_the_others_must_bring():
    """150 of 250: the other 850 are 91, 91 and 102 a month, less 2 at the end for the rounding."""
    needed = corrected(course([150, *NONE[1:]], (1, 0, 0, 0)))
    assert np.isnan(needed[0])
    assert needed[1:].tolist() == [284, 284, 282]


def test_what_comes_as_planned_corrects_nothing_and_neither_does_a_running_quarter():
    """250 of 250, or 10 so far: each of the others must bring 250 as before."""
    assert corrected(course([250, *NONE[1:]], (1, 0, 0, 0)))[1:].tolist() == [250] * 3
    assert corrected(course([10, *NONE[1:]], (0.5, 0, 0, 0))).tolist() == [250] * 4
    assert corrected(course()).tolist() == [250] * 4


def test_a_year_that_is_reached_early_needs_nothing_more():
    """1,100 of 1,000 in the first quarter."""
    assert corrected(course([1_100, *NONE[1:]], (1, 0, 0, 0)))[1:].tolist() == [0, 0, 0]


@settings(max_examples=15, deadline=None)
@over(
    monthly=st.lists(st.integers(1, 400), min_size=3, max_size=3),
    sold=st.integers(0, 2_000),
    more=st.integers(1, 300),
)
def test_the_path_ends_at_the_year_and_more_sold_never_asks_for_more(monthly, sold, more):
    """Sold and needed add up to the target; of two courses the better one asks less everywhere."""
    found = []
    for brought in (sold, sold + more):
        at = course([brought, *NONE[1:]], (1, 0, 0, 0), monthly=monthly)
        needed = corrected(at)[1:]
        assert needed.sum() == max(at.plan.sum() - brought, 0)
        found.append(needed)
    assert (found[1] <= found[0]).all()


def test_units_stay_whole():
    """At 50 a unit each quarter's need is a number of them, and none is lost."""
    needed = corrected(course([6_010, *NONE[1:]], (1, 0, 0, 0), price=50.0))[1:]
    assert (needed % 50 == 0).all()
    assert needed.sum() == 50 * np.ceil(1_000 - 6_010 / 50)


def test_what_was_sold_moves_the_futures_as_picking_them_does():
    """Of 200,000 pairs those within 2 % of what was seen: the same mean and spread of the rest."""
    rng = np.random.default_rng(3)
    level = rng.normal(0, 0.2, (200_000, 1))
    pairs = 100 * np.exp(level + rng.normal(0, 0.1, (200_000, 2)))
    picked = pairs[np.abs(pairs[:, 0] / 130 - 1) < 0.02, 1]
    moved = given(pairs[:, :1], np.array([130.0]), pairs[:, 1:])[:, 0]
    assert moved.mean() == pytest.approx(picked.mean(), rel=0.01)
    assert moved.std() == pytest.approx(picked.std(), rel=0.05)
    assert 100 < moved.mean() < 130


def test_what_was_sold_changes_the_chance():
    """A year of which a quarter brought half as much again is likelier than one that lacks half."""
    at, size = ground(8), alike(8, variation=0.5)
    usual = at.projected(at.rates("team"))
    at = aimed(at, usual)
    start = glide.course_of(None, at, None)
    plan = start.plan.sum(axis=1)
    tables = [
        glide.glide_of(
            at,
            size,
            dataclasses.replace(
                start, gone=np.array([1.0, 0, 0, 0]), sold=np.array([part * plan[0], *NONE[1:]])
            ),
            number=1_000,
        )
        for part in (0.5, 1.0, 1.5)
    ]
    chances = [table.attrs["probability"] for table in tables]
    assert chances[0] < chances[1] < chances[2]
    for table in tables:
        assert table["expected"].iloc[0] == table["sold"].iloc[0]
        assert table["expected"].sum() == pytest.approx(table.attrs["expected"])
        assert table["needed_total"].iloc[-1] == pytest.approx(table["plan"].sum(), abs=1)
    assert tables[1].attrs["corrected"] is False
    assert "% more than planned" in tables[0].attrs["verdict"]
    assert "% less than planned" in tables[2].attrs["verdict"]


def test_quarters_of_a_company_are_what_was_won_in_them():
    """Until day 90, the 1st of April, 10, 40 and 30 were won in the first quarter; it is closed."""
    crm = sold_by("2026-04-01")
    table = en.glide_path(crm, PLAN, as_of="2026-04-01", number=300)
    assert table["quarter"].tolist() == ["2026Q1", "2026Q2", "2026Q3", "2026Q4"]
    assert table["state"].tolist() == ["closed", "running", "ahead", "ahead"]
    assert table["sold"].tolist()[:2] == [80, 0]
    assert table["needed"].sum() == 120
    assert table.attrs["corrected"]
    early = en.glide_path(crm, PLAN, as_of="2026-02-15", number=300)
    assert early["state"].tolist() == ["running", "ahead", "ahead", "ahead"]
    assert early["sold"].iloc[0] == 50
    assert early["needed"].tolist() == early["plan"].tolist()
    before = en.glide_path(crm, PLAN, as_of="2025-12-31", number=300)
    assert before["sold"].isna().all()
    assert before["needed"].tolist() == early["plan"].tolist()
    assert "nothing is corrected" in before.attrs["verdict"]
    late = en.glide_path(crm, PLAN, as_of="2026-08-01", number=300)
    assert late["state"].tolist() == table["state"].tolist()
    assert "The export ends on 2026-04-01" in late.attrs["notes"][-1]


def test_a_year_that_is_over_is_reached_or_missed():
    """80 of 200, or of 60, seen when 2026 is over."""
    crm = sold_by("2027-01-31")
    asked = {"as_of": "2027-01-31", "number": 200}
    assert words.glide_path(en.glide_path(crm, PLAN, **asked)).endswith("the goal is missed.")
    lower = {"goal": {**PLAN["goal"], "target": 60}}
    table = en.glide_path(crm, lower, **asked)
    assert words.glide_path(table).endswith("the goal is reached.")
    assert table["probability"].isna().all()
    assert table.attrs["probability"] == 1


def test_without_an_export_the_path_is_the_plan():
    """XYZ's 1.5 million: nothing is sold that is known, so nothing is corrected."""
    table = en.glide_path(None, XYZ, as_of=None, number=300)
    assert table["needed"].tolist() == table["plan"].tolist()
    assert table["plan"].sum() == 1_500_000
    assert table["quarter"].iloc[0] == "2026Q1"


def test_quarters_that_have_no_name_are_counted():
    """By the end of November a year's quarters are none of the calendar's."""
    plan = {"goal": {**PLAN["goal"], "by": "2026-11-30"}}
    table = en.glide_path(sold_by("2026-04-01"), plan, as_of="2026-04-01", number=200)
    assert table["quarter"].iloc[0] == "2025-12-01 to 2026-02-28"
    assert words.glide_path(table).startswith("The first quarter brought $50 of $")
    assert "the last 3 quarters must bring" in table.attrs["verdict"]


def test_the_chart_draws_the_correction_only_where_there_is_one():
    """The marked line begins where what was sold in closed quarters ends."""
    crm = sold_by("2026-04-01")
    chart = charts.glide_path(en.glide_path(crm, PLAN, as_of="2026-04-01", number=300))
    spec = chart.to_dict()
    drawn = {"most", "half", "plan", "sold", "needed", "now", "target"}
    assert drawn <= set(layers({"vconcat": [spec["vconcat"][0]["vconcat"][0]]}))
    assert "must bring $120 now" in " ".join(chart.title["text"])
    plot = spec["vconcat"][0]["vconcat"][0]
    points = spec["datasets"][layer({"vconcat": [plot]}, "needed")["data"]["name"]]
    assert (points[0]["at"], points[0]["total"]) == (1, 80)
    early = charts.glide_path(en.glide_path(crm, PLAN, as_of="2026-02-15", number=300)).to_dict()
    plot = early["vconcat"][0]["vconcat"][0]
    assert early["datasets"][layer({"vconcat": [plot]}, "needed")["data"]["name"]] == []
