"""Activities per working day and opportunity, counted by hand and against an invented company."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, once

import enablement as en
from enablement.errors import CannotSayError, EnablementError

# The first week of March 2026, Monday 2 to Friday 6. A was hired before, B on Wednesday, C left on
# Tuesday. The 12th is after the export.
DONE = pd.DataFrame(
    [
        ("a1", "A", "X", "meeting", "held", "2026-03-02"),
        ("a2", "A", "X", "meeting", "no-show", "2026-03-03"),
        ("a3", "A", "Y", "meeting", "held", "2026-03-03"),
        ("a4", "A", None, "call", "held", "2026-03-04"),
        ("a5", "A", None, "call", None, "2026-03-05"),
        ("b1", "B", "Y", "meeting", "no-show", "2026-03-05"),
        ("b2", "B", "Y", "meeting", "planned", "2026-03-06"),
        ("b3", "B", "X", "meeting", "planned", "2026-03-12"),
        ("c1", "C", "Y", "call", "held", "2026-03-02"),
        ("c2", "C", "Y", "call", "held", "2026-02-27"),
        ("c3", "C", "Y", "call", "held", None),
    ],
    columns=["activity_id", "rep_id", "opportunity_id", "type", "status", "at"],
)
REPS = pd.DataFrame(
    {
        "rep_id": ["A", "B", "C"],
        "team": ["One", "One", "Two"],
        "hired_on": ["2020-01-01", "2026-03-04", "2020-01-01"],
        "left_on": [None, None, "2026-03-03"],
    }
)
GIVEN = pd.DataFrame(
    {"opportunity_id": ["X", "Y"], "stage": "Lead", "rep_id": "A", "source": ["Web", "Fair"]}
)
MARCH = {"as_of": "2026-03-10", "period": ("2026-03-02", "2026-03-15")}
WEEK = {"as_of": "2026-03-10", "period": ("2026-03-02", "2026-03-06")}


@once
def crm(done: pd.DataFrame = DONE, **settings: object) -> en.CRM:
    """Two opportunities, three reps, and what they did."""
    said = {**EIGHT_SETTINGS, "exported_on": pd.Timestamp("2026-03-10").date(), **settings}
    return en.crm(opportunities=GIVEN, reps=REPS, activities=done, settings=said)


def test_held_of_those_booked():
    """Of the meetings A held 2 of 3 and B 0 of 1: 2 of 4; one is still planned."""
    table = en.activity(crm(), **WEEK).set_index("activity_type")
    row = table.loc["meeting"]
    assert tuple(row[["planned", "booked", "held", "no_show"]]) == (1, 4, 2, 2)
    assert row["rate"] == 0.5
    assert row["low"] < 0.5 < row["high"]
    assert table.loc["call", "without_status"] == 1
    assert table.attrs["undated"] == 1


def test_a_day_before_hiring_or_after_leaving_is_no_working_day():
    """A was there for 5 days, B for 3, C for 2: 10. Four held in them are 0.4 a day."""
    by_rep = en.activity(crm(), by="rep", **WEEK).set_index(["rep_id", "activity_type"])
    meetings = by_rep.xs("meeting", level=1)
    assert meetings["working_days"].to_dict() == {"A": 5, "B": 3, "C": 2}
    assert meetings["per_day"].to_dict() == {"A": pytest.approx(2 / 5), "B": 0, "C": 0}
    whole = en.activity(crm(), **WEEK)
    assert whole["working_days"].tolist() == [10, 10]
    assert whole["per_day"].tolist() == [pytest.approx(2 / 10), pytest.approx(2 / 10)]
    team = en.activity(crm(), by="team", **WEEK).set_index(["team", "activity_type"])
    assert team["working_days"].xs("call", level=1).to_dict() == {"One": 8, "Two": 2}


def test_holidays_and_what_lies_ahead_are_no_working_days():
    """Until Tuesday the 10th A has 7 days of the two weeks, and 6 where the 9th is a holiday."""
    asked = {**MARCH, "by": "rep"}
    days = en.activity(crm(), **asked).set_index("rep_id")["working_days"]
    assert days["A"].tolist() == [7, 7]
    off = {"working_days": {"holidays": [pd.Timestamp("2026-03-09").date()]}}
    assert en.activity(crm(**off), **asked).set_index("rep_id")["working_days"]["A"].max() == 6


def test_what_is_planned_ahead_is_seen_today_alone():
    """b3 stands ahead on the day of the export; the day before nobody knows of it."""
    meetings = en.activity(crm(), **MARCH).set_index("activity_type").loc["meeting"]
    assert meetings["planned"] == 2
    earlier = en.activity(crm(), **{**MARCH, "as_of": "2026-03-09"}).set_index("activity_type")
    assert earlier.loc["meeting", "planned"] == 1


@pytest.mark.parametrize(
    ("status", "calls", "meetings"), [("held", 2, 2), ("booked", 2, 4), ("all", 3, 5)]
)
def test_which_ones_count_is_an_argument(status, calls, meetings):
    """Held: a4, c1 and a1, a3; booked: also a2, b1; all: also a5, b2."""
    table = en.activity(crm(), status=status, **WEEK).set_index("activity_type")
    assert table["counted"].to_dict() == {"call": calls, "meeting": meetings}


def test_per_opportunity_is_of_those_that_had_one():
    """Booked meetings: a1, a2 on X, a3, b1 on Y: 4 on 2. Held calls: c1 on Y, a4 on none."""
    table = en.activity(crm(), status="booked", **WEEK).set_index("activity_type")
    assert tuple(table.loc["meeting", ["linked", "opportunities", "per_opportunity"]]) == (4, 2, 2)
    assert tuple(table.loc["call", ["linked", "opportunities", "per_opportunity"]]) == (1, 1, 1)


def test_by_a_column_of_the_opportunities_the_days_are_everybodys():
    """Of the Fair's Y: c1, a3; nobody knows on which days."""
    table = en.activity(crm(), by="source", **WEEK).set_index(["source", "activity_type"])
    assert table.loc[("Fair", "call"), ["counted", "working_days"]].tolist() == [1, 10]
    assert table["counted"].sum() == 4


def test_without_activities_or_their_status_it_is_refused():
    """The sentence names the columns; all of them can be counted without a status."""
    bare = en.crm(opportunities=GIVEN, reps=REPS, settings=EIGHT_SETTINGS)
    with pytest.raises(CannotSayError, match="activity_id, rep_id, type, status and at"):
        en.activity(bare, **WEEK)
    other = crm(DONE.assign(status="Completed"))
    with pytest.raises(CannotSayError, match=r"has 'Completed'.*\[values.activities.status\]"):
        en.activity(other, **WEEK)
    assert en.activity(other, status="all", **WEEK)["counted"].sum() == 8
    with pytest.raises(EnablementError, match="Known: held, booked, all"):
        en.activity(crm(), status="done", **WEEK)


def test_the_status_of_a_salesforce_task_is_read(tmp_path):
    """Completed is held, Not Started is planned; the column is handed over."""
    (tmp_path / "Opportunity.csv").write_text(
        "Id,Name,StageName,OwnerId,Amount,CloseDate,CreatedDate\n"
        "X,One,Lead,A,5,2026-04-30,2026-02-28\n"
    )
    (tmp_path / "Task.csv").write_text(
        "Id,OwnerId,WhatId,WhoId,TaskSubtype,Status,ActivityDate\n"
        "1,A,X,,Call,Completed,2026-03-02\n2,A,X,,Call,Not Started,2026-03-20\n"
    )
    read = en.load(tmp_path, {**EIGHT_SETTINGS, "exported_on": pd.Timestamp("2026-03-10").date()})
    row = en.activity(read, as_of="2026-03-10", period="2026Q1").iloc[0]
    assert (row["activity_type"], row["held"], row["planned"]) == ("Call", 1, 1)


def test_an_invented_company_is_counted_twice():
    """By plain loops over its activities and the days of each rep, with the same counts."""
    world = en.world.simulate(4, reps=12, quarters=3, planned=0.4, turnover=0.4)
    table = en.activity(world.crm, as_of=world.exported_on, period="2026Q2", by="rep")
    done = world.tables["activities"]
    begin, end = pd.Timestamp("2026-04-01"), pd.Timestamp("2026-07-01")
    inside = done[(done["at"] >= begin) & (done["at"] < end)]
    people = world.tables["reps"].set_index("rep_id")
    for row in table.itertuples():
        mine = inside[(inside["rep_id"] == row.rep_id) & (inside["type"] == row.activity_type)]
        assert (row.held, row.no_show) == tuple(
            int((mine["status"] == word).sum()) for word in ("held", "no-show")
        )
        hired, left = people.loc[row.rep_id, ["hired_on", "left_on"]]
        days = pd.bdate_range("2026-04-01", "2026-06-30")
        there = (days >= hired) & (True if pd.isna(left) else days <= left)
        assert row.working_days == np.sum(there)
