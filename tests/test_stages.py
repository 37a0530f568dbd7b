"""Stays and how long they last, counted by hand, by a second count and by other software."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, company, day
from hypothesis import given, settings
from hypothesis import strategies as st
from recount import STAGES, incidence, look, sojourns
from statsmodels.duration.survfunc import SurvfuncRight
from test_funnel import MANY, NINTH, as_events, made

import enablement as en
from enablement.errors import CannotSayError
from enablement.measure import durations

EXITS = {"advanced", "won", "lost", "back", "handed off", "cancelled", "open"}


def test_the_stays_of_the_eight(eight):
    """7 stays at Lead, 8 at Qual, 6 at Prop; D4 went back once, and D7 was lost and came again."""
    table = en.stage_visits(eight, as_of=day(90))
    counts = table.groupby(["stage", "exit"], observed=True).size()
    assert counts.to_dict() == {
        **{("Lead", "advanced"): 6, ("Lead", "open"): 1},
        **{("Qual", "advanced"): 5, ("Qual", "lost"): 2, ("Qual", "open"): 1},
        **{("Prop", "won"): 3, ("Prop", "lost"): 1, ("Prop", "back"): 1, ("Prop", "open"): 1},
    }
    assert list(table.columns) == [
        *("opportunity_id", "visit", "pipeline", "stage", "stage_order", "rep_id"),
        *("entered_at", "left_at", "exit", "amount", "days", "batch_updated"),
    ]


def test_the_stays_as_they_were_known_then(eight):
    """On day 45 D4 was in Qual for the second time, for 15 days; its end on day 50 is not known."""
    table = en.stage_visits(eight, as_of=day(45)).set_index(["opportunity_id", "visit"])
    row = table.loc[("D4", 4)]
    assert (row["stage"], row["exit"], row["days"]) == ("Qual", "open", 15)
    assert pd.isna(row["left_at"])
    assert ("D4", 5) not in table.index
    assert table.loc[("D7", 2), "exit"] == "lost"


def test_stays_can_be_limited(eight):
    """B had stays of D4, D5, D6 and D7."""
    table = en.stage_visits(eight, as_of=day(90), where={"rep": "B"})
    assert set(table["opportunity_id"]) == {"D4", "D5", "D6", "D7"}
    assert "only rep_id B" in table.attrs["definition"]


def test_days_in_each_stage(eight):
    """Lead 10, 10, 10, 10, 12, 15 and 10 so far: half had left by day 10, all by day 15.

    Qual 10, 10, 18, 20, 25, 30, 15 (D7's second) and 20 so far. After 10 days 6 of 8 remain,
    15: 5/8, 18: 4/8, which is half. Prop 10, 10, 15, 20, 25 and 25 so far: 4, 3 of 6 by day 15.
    """
    table = en.time_in_stage(eight, as_of=day(90)).set_index("stage")
    assert list(table["median"]) == [10, 18, 15]
    assert list(table["entered"]) == [7, 8, 6]
    assert list(table["left"]) == [6, 7, 5]
    assert list(table["open"]) == [1, 1, 1]
    assert table.loc["Lead", "p90"] == 15
    assert pd.isna(table.loc["Prop", "p90"])  # D7 is still there, after 25 days


def test_leaving_out_the_open_ones_would_make_a_stage_quicker():
    """Three left after 10 days and five are there for 30: half have not left yet."""
    paths = {f"X{n}": ("0 Lead@A, 10 Qual@A", 1) for n in range(3)}
    paths |= {f"Y{n}": ("0 Lead@A", 1) for n in range(5)}
    row = en.time_in_stage(company(paths), as_of=day(30)).iloc[0]
    assert row["p25"] == 10
    assert pd.isna(row["median"])


def test_a_hand_over_does_not_end_a_stay():
    """The ninth was in Lead for 20 days, A's at the entry, and in Qual for 10."""
    crm = company(NINTH)
    table = en.time_in_stage(crm, as_of=day(90), by="rep").set_index(["rep_id", "stage"])
    assert table.loc[("A", "Lead"), "median"] == 20
    assert table.loc[("B", "Lead"), "entered"] == 0
    assert table.loc[("B", "Qual"), "median"] == 10
    stays = en.stage_visits(crm, as_of=day(90))
    assert list(stays["days"]) == [5, 15, 10]
    assert list(stays["exit"]) == ["handed off", "advanced", "cancelled"]


def test_few_stays_have_no_interval():
    """Four stays carry no 90 % interval of a median, whatever they are; five do, all of them."""
    paths = {f"X{n}": (f"0 Lead@A, {n} Lost@A", 1) for n in range(1, 6)}
    five = en.time_in_stage(company(paths), as_of=day(90)).iloc[0]
    assert five["median"] == 3
    assert five["low"] <= 3 <= five["high"]
    del paths["X5"]
    four = en.time_in_stage(company(paths), as_of=day(90)).iloc[0]
    assert pd.isna(four["low"])
    assert pd.isna(four["high"])


def test_what_was_clicked_through_in_a_day_says_nothing():
    """Two of three went through all stages on one day: the days of these stages are void."""
    batch = {f"X{n}": ("9 Lead@A, 9 Qual@A, 9 Prop@A, 40 Won@A", 1) for n in range(2)}
    crm = company(batch | {"Y": ("0 Lead@A, 10 Qual@A, 20 Prop@A, 40 Won@A", 1)})
    table = en.time_in_stage(crm, as_of=day(90))
    assert list(table["batch_updated"]) == [2, 2, 2]
    assert table[["p25", "median", "p75", "p90", "low", "high"]].isna().all(axis=None)
    assert table.attrs["cannot_say"]["Lead"] == (
        "2 of 3 stays belong to opportunities that were clicked through all their stages in one day"
    )
    flags = en.stage_visits(crm, as_of=day(90)).groupby("opportunity_id")["batch_updated"].all()
    assert flags.to_dict() == {"X0": True, "X1": True, "Y": False}


def test_one_among_many_is_only_counted():
    """One of ten was clicked through: its zeros are among the ten, and are counted."""
    paths = {f"Y{n}": ("0 Lead@A, 10 Qual@A, 40 Won@A", 1) for n in range(9)}
    crm = company(paths | {"X": ("9 Lead@A, 9 Qual@A, 40 Won@A", 1)})
    row = en.time_in_stage(crm, as_of=day(90)).iloc[0]
    assert (row["batch_updated"], row["median"]) == (1, 10)


def test_a_stay_without_its_dates_is_counted_as_such():
    """X is in Qual since nobody knows when; no figure is made of it."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"], "stage": ["Qual"]}),
        stage_events=pd.DataFrame(
            {"opportunity_id": ["X"], "entered_at": [day(0)], "stage": ["Lead"]}
        ),
        settings=EIGHT_SETTINGS,
    )
    table = en.time_in_stage(crm, as_of=day(9)).set_index("stage")
    assert list(table["undated"]) == [1, 1, 0]
    assert table["median"].isna().all()
    said = "when Qual was entered and left is not recorded"
    assert table.attrs["cannot_say"]["Qual"] == said
    stays = en.stage_visits(crm, as_of=day(9))
    assert list(stays["exit"]) == ["advanced", "open"]
    assert stays["days"].isna().all()  # and not 0


def test_without_history_the_past_is_not_invented():
    """Only the present stage is known."""
    now = pd.DataFrame({"opportunity_id": ["X"], "stage": ["Won"], "closed_at": [day(60)]})
    crm = en.crm(opportunities=now, settings=EIGHT_SETTINGS)
    for ask in (en.stage_visits, en.time_in_stage):
        with pytest.raises(CannotSayError, match="no stage history"):
            ask(crm, as_of=day(30))


def test_a_period_is_that_of_the_entry(eight):
    """In days 45 to 90 D6, D7 and D8 entered Lead, Qual or Prop, and D4 Prop again."""
    table = en.time_in_stage(eight, as_of=day(90), period=(day(45), day(90)))
    assert list(table["entered"]) == [2, 2, 2]


@settings(max_examples=4, deadline=None)
@given(paths=MANY, until=st.integers(0, 13))
def test_against_a_second_count(paths, until):
    """Every stay and every quantile, from the raw events by loops; the accounting adds up."""
    crm = made(as_events(paths))
    raw = [[(when, stage, rep) for when, stage, rep in path] for path in paths]
    seen = [found for path in raw if (found := look(path, until)) is not None]
    listed = en.stage_visits(crm, as_of=day(until))
    assert sorted(listed["exit"]) == sorted(v.exit for one in seen for v in one.visits)
    assert set(listed["exit"]) <= EXITS
    for row in en.time_in_stage(crm, as_of=day(until)).to_dict("records"):
        place = STAGES.index(row["stage"]) + 1
        stays = [stay[2:] for one in seen for stay in sojourns(one) if stay[0] == place]
        assert (row["entered"], row["left"]) == (len(stays), sum(ended for _, ended in stays))
        if row["batch_updated"] > 0.2 * row["entered"]:
            assert pd.isna(row["median"])
            continue
        rows = [(days, "end" if ended else "open", Fraction(1)) for days, ended in stays]
        reached = [d for d in sorted({d for d, _ in stays}) if 2 * incidence(rows, "end", d) >= 1]
        assert row["median"] == reached[0] if reached else pd.isna(row["median"])


DURATIONS = st.lists(st.tuples(st.integers(1, 15), st.booleans()), min_size=1, max_size=60).filter(
    lambda rows: sum(ended for _, ended in rows) >= 5
)


@settings(max_examples=60, deadline=None)
@given(rows=DURATIONS)
def test_the_interval_of_the_median_against_statsmodels(rows):
    """Brookmeyer and Crowley's, complementary log-log, with ties.

    statsmodels takes the median where the curve falls below a half, we where it comes to it.
    """
    days, ended = (np.array(column) for column in zip(*rows, strict=True))
    ours = durations.curves(
        days, ended, np.zeros(len(days), int), np.ones(len(days), int), groups=1
    )
    with np.errstate(all="ignore"):
        theirs = SurvfuncRight(days.astype(float), ended.astype(int))
        low, high = theirs.quantile_ci(0.5, alpha=0.1)
        near = np.abs(theirs.surv_prob - 0.5) < 1e-9
    found = tuple(limit[0] for limit in durations.quantile_interval(ours, 0.5, confidence=0.9))
    expected = (low, np.nan if np.isinf(high) else high)
    np.testing.assert_array_equal(found, expected)
    if not near.any():
        np.testing.assert_array_equal(durations.quantile(ours, 0.5)[0], theirs.quantile(0.5))


def test_a_published_median():
    """Remission under 6-mercaptopurine, 21 patients: a median of 23 weeks; under placebo of 8.

    Freireich and others (1963), Blood 21:699-716, as in Cox and Oakes (1984), table 1.1.
    """
    treated = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapsed = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    weeks, ended = np.array(treated + placebo), np.array(relapsed + [1] * 21)
    lasted = durations.curves(weeks, ended, np.repeat([0, 1], 21), np.ones(42, dtype=int), groups=2)
    assert durations.quantile(lasted, 0.5).tolist() == [23, 8]
    assert lasted.ended.tolist() == [9, 21]


def test_weights_are_as_many_equals():
    """A stay that stands for three is three stays."""
    once = durations.curves([1, 2, 3, 4], [1, 1, 0, 1], [0, 0, 0, 0], [3, 1, 2, 1], groups=1)
    days, ended = [1, 1, 1, 2, 3, 3, 4], [1, 1, 1, 1, 0, 0, 1]
    each = durations.curves(days, ended, [0] * 7, [1] * 7, groups=1)
    np.testing.assert_allclose(once.found.share, each.found.share)
    np.testing.assert_allclose(once.found.error, each.found.error)
