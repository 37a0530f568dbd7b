"""Who leaves, counted by hand and against an invented company."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, once
from scipy.stats import poisson

import enablement as en
from enablement.errors import CannotSayError, EnablementError
from enablement.measure import estimates

# The first quarter of 2026 has 90 days. A is there on all of them, B until 14 February (45 days), C
# from 15 February on (45); E comes and goes in February (10); nobody knows since when D is there.
REPS = pd.DataFrame(
    {
        "rep_id": ["A", "B", "C", "D", "E"],
        "team": ["One", "One", "Two", "Two", "Two"],
        "hired_on": ["2020-01-01", "2024-06-01", "2026-02-15", None, "2026-02-01"],
        "left_on": [None, "2026-02-14", None, "2026-02-20", "2026-02-10"],
    }
)
GIVEN = pd.DataFrame({"opportunity_id": ["X"], "stage": "Lead", "rep_id": "A"})
Q1 = {"as_of": "2026-04-30", "period": "2026Q1"}


@once
def crm(reps: pd.DataFrame = REPS) -> en.CRM:
    """Five reps and one opportunity."""
    said = {**EIGHT_SETTINGS, "exported_on": pd.Timestamp("2026-04-30").date()}
    return en.crm(opportunities=GIVEN, reps=reps, settings=said)


def test_leavers_over_the_headcount_of_every_day():
    """90 + 45 + 45 + 10 days are a headcount of 190/90; B and E left: 2 / (190/90) = 18/19."""
    row = en.turnover(crm(), per="period", **Q1).iloc[0]
    assert row["headcount"] == pytest.approx(190 / 90)
    assert tuple(row[["joiners", "leavers", "without_hire_date"]]) == (2, 2, 1)
    assert row["rate"] == pytest.approx(18 / 19)
    assert row["low"] < row["rate"] < row["high"]


def test_a_year_is_an_argument():
    """90 days carried on for 365.25: four times as many and a bit."""
    period = en.turnover(crm(), per="period", **Q1).iloc[0]
    year = en.turnover(crm(), **Q1).iloc[0]
    for column in ("rate", "low", "high"):
        assert year[column] == pytest.approx(period[column] * 365.25 / 90)


def test_the_ends_alone_miss_who_came_and_went():
    """A and B on the first day, A and C on the last: 2."""
    row = en.turnover(crm(), per="period", headcount="ends", **Q1).iloc[0]
    assert (row["headcount"], row["rate"]) == (2, 1)


def test_a_period_that_is_not_over_is_counted_until_now():
    """Until 9 February: 40 days of A and of B and 9 of E are 89/40; nobody has left yet."""
    row = en.turnover(crm(), as_of="2026-02-09", period="2026Q1", per="period").iloc[0]
    assert row["headcount"] == pytest.approx(89 / 40)
    assert (row["leavers"], row["low"]) == (0, 0)
    with pytest.raises(CannotSayError, match="it begins on 2026-01-01"):
        en.turnover(crm(), as_of="2025-12-31", period="2026Q1")


def test_teams_add_up():
    """One: A and B, 135 days, one left. Two: C and E, 55 days, one left; D is not counted."""
    table = en.turnover(crm(), by="team", per="period", **Q1).set_index("team")
    assert (table["headcount"] * 90).round(9).to_dict() == {"One": 135, "Two": 55}
    assert table["leavers"].to_dict() == {"One": 1, "Two": 1}
    assert en.turnover(crm(), where={"team": "Two"}, **Q1)["leavers"].item() == 1
    with pytest.raises(EnablementError, match="groups of reps"):
        en.turnover(crm(), by="rep", **Q1)


@pytest.mark.parametrize("column", ["hired_on", "left_on"])
def test_without_dates_it_is_refused(column):
    """Nobody left, or nobody wrote it down: the sentence names the column."""
    with pytest.raises(CannotSayError, match=f"Add {column} to the reps"):
        en.turnover(crm(REPS.assign(**{column: None})), **Q1)


def test_the_interval_is_garwoods():
    """Garwood (1936) at 95 %: 0 to 3.689 of none, .0253 to 5.572 of one, 4.795 to 18.390 of ten."""
    low, high = estimates.poisson_interval([0, 1, 10, 3], [1, 1, 1, 0], confidence=0.95)
    np.testing.assert_allclose(low[:3], [0, 0.0253, 4.795], atol=5e-4)
    np.testing.assert_allclose(high[:3], [3.689, 5.572, 18.390], atol=5e-4)
    assert np.isnan([low[3], high[3]]).all()


@pytest.mark.parametrize("mean", [0.3, 1.0, 2.7, 8.0])
def test_the_interval_holds_as_often_as_it_says(mean):
    """Of all numbers of leavers that may come, those whose interval has the mean weigh 90 %."""
    counts = np.arange(60)
    low, high = estimates.poisson_interval(counts, np.ones(60))
    holds = (low <= mean) & (mean <= high)
    assert poisson.pmf(counts[holds], mean).sum() >= 0.9


def test_an_invented_company_loses_whom_it_was_told_to():
    """The leavers of a year are those of its people, and so are their days, one by one."""
    world = en.world.simulate(4, reps=20, turnover=0.4)
    row = en.turnover(world.crm, as_of=world.exported_on, period="2025", per="period").iloc[0]
    staff, reps = world.people, world.people.reps
    days = np.arange("2025-01-01", "2026-01-01", dtype="datetime64[D]")
    hired, left = staff.hired[:reps, None], staff.left[:reps, None]
    there = (hired <= days) & (np.isnat(left) | (left >= days))
    assert row["headcount"] == pytest.approx(there.sum() / 365)
    assert row["leavers"] == np.isin(staff.left[:reps], days).sum() > 0
