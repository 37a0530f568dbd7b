"""How much pipeline is needed, counted by hand and held against invented companies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, once

import enablement as en
from enablement.errors import EnablementError

# What was open at the start of each quarter of 2025 and 2026 and due in it (D), or in a later one
# (L); what was created in it (C); and how much of it was won within it: name, created, due, won.
PAST = [
    ("D1", "2025-11-01", "2026-02-15", "2026-02-10", 40),
    ("D2", "2025-11-01", "2026-03-15", None, 60),
    ("C1", "2026-01-10", "2026-03-01", "2026-03-01", 20),
    ("L1", "2025-12-01", "2026-05-15", "2026-03-20", 8),
    ("D3", "2026-02-01", "2026-05-15", "2026-06-10", 40),
    ("D4", "2026-02-01", "2026-06-15", None, 160),
    ("C2", "2026-04-10", "2026-06-01", "2026-06-01", 30),
    ("N1", "2026-06-01", "2026-08-15", None, 300),
]
LOST = {"D2": "2026-04-05", "D4": "2026-07-20"}
REP = {"D1": "A", "D2": "A", "C1": "A", "D3": "A"}
QUOTAS = pd.DataFrame(
    [("A", "2026Q3", 50.0), ("B", "2026Q3", 100.0)], columns=["rep_id", "period", "target"]
).assign(metric="won amount")
REPS = pd.DataFrame({"rep_id": ["A", "B"], "team": ["One", "Two"]})
EVE = "2026-06-30"


@once
def crm(*, history: bool = True) -> en.CRM:
    """Two quarters that are over, on the eve of the third."""
    rows = pd.DataFrame(PAST, columns=["opportunity_id", "created_at", "due", "won", "amount"])
    rows["rep_id"] = rows["opportunity_id"].map(REP).fillna("B")
    rows["lost"] = rows["opportunity_id"].map(LOST)
    first = rows.assign(stage="Lead", entered_at=rows["created_at"], expected_close=rows["due"])
    won = rows[rows["won"].notna()].assign(stage="Won", entered_at=rows["won"])
    lost = rows[rows["lost"].notna()].assign(stage="Lost", entered_at=rows["lost"])
    events = pd.concat([first, won, lost])
    columns = ["opportunity_id", "entered_at", "stage", "rep_id", "amount", "expected_close"]
    stage = np.where(rows["won"].notna(), "Won", np.where(rows["lost"].notna(), "Lost", "Lead"))
    given = rows.assign(
        stage=stage, closed_at=rows["won"].fillna(rows["lost"]), expected_close=rows["due"]
    )
    day = "2026-07-31" if history else EVE
    if not history:
        given.loc[given["opportunity_id"].eq("D4"), ["stage", "closed_at"]] = ["Lead", None]
    return en.crm(
        opportunities=given.drop(columns=["due", "won", "lost"]).astype({"amount": float}),
        quotas=QUOTAS,
        reps=REPS,
        settings={**EIGHT_SETTINGS, "exported_on": pd.Timestamp(day).date()},
        **({"stage_events": events[columns].astype({"amount": float})} if history else {}),
    )


@pytest.fixture(scope="module")
def two_quarters() -> en.CRM:
    """With the history of close dates."""
    return crm()


def test_what_is_needed_is_told_from_what_came(two_quarters):
    """Won of what was due: 40 of 100, then 40 of 200: 80 of 300, between .2 and .4.

    Created and won: 20 and 30, 25 on average. Pulled in: L1 with 8, then none, 4 on average. Of
    the quota of 150 there remain 150 - 25 - 4 = 121, so 121 / (80/300) = 453.75 are needed; 300
    are open, 153.75 too few. By the first quarter alone (150 - 28) / .4 = 305, by the second
    (150 - 30) / .2 = 600.
    """
    row = en.pipeline_coverage(two_quarters, as_of=EVE, period="2026Q3").iloc[0]
    assert (row["amount"], row["remaining"], row["coverage"], row["periods"]) == (300, 150, 2, 2)
    assert (row["create_and_close"], row["pulled_in"]) == (25, 4)
    assert row[["yield", "yield_low", "yield_high"]].tolist() == pytest.approx([80 / 300, 0.2, 0.4])
    assert row["required"] == pytest.approx(453.75)
    assert row[["required_low", "required_high"]].tolist() == pytest.approx([305, 600])
    assert row["required_coverage"] == pytest.approx(453.75 / 150)
    assert row["short"] == pytest.approx(153.75)
    assert row["basis"] == "yield of 2 periods"


def test_how_many_periods_is_an_argument(two_quarters):
    """The last one alone; or none, and then nothing is said of what is needed."""
    asked = {"as_of": EVE, "period": "2026Q3"}
    row = en.pipeline_coverage(two_quarters, past=1, **asked).iloc[0]
    assert (row["periods"], row["required"]) == (1, pytest.approx(600))
    none = en.pipeline_coverage(two_quarters, past=0, **asked).iloc[0]
    assert (none["coverage"], none["basis"]) == (2, "not asked")
    assert pd.isna(none["required"])


def test_what_reps_need_adds_up(two_quarters):
    """A: (50 - 10) / (80/300) = 150, for C1 was A's. B: (100 - 15 - 4) / (80/300) = 303.75."""
    asked = {"as_of": EVE, "period": "2026Q3", "by": "rep"}
    table = en.pipeline_coverage(two_quarters, **asked).set_index("rep_id")
    assert table["required"].to_dict() == pytest.approx({"A": 150, "B": 303.75})
    own = en.pipeline_coverage(two_quarters, yield_of="group", **asked).set_index("rep_id")
    # A won 40 of 100, then 40 of 40; B none of 160.
    assert own.loc["A", "yield"] == pytest.approx(80 / 140)
    assert own.loc["A", "required"] == pytest.approx(70)
    assert own.loc["B", "yield"] == 0
    assert pd.isna(own.loc["B", "required"])
    with pytest.raises(EnablementError, match="Known: all, group"):
        en.pipeline_coverage(two_quarters, yield_of="team", **asked)


def test_within_a_quarter_the_same_day_of_the_others_counts(two_quarters):
    """On 31 July, day 31 of 92: of the second quarter what was open on its day 30, 30 April.

    D3 and D4 as before, and C2, created on 10 April, is one of those due now: 70 of 230. Of the
    first, seen from 30 January, C1 is due too: 60 of 120. D4 was lost in July; 150 remain.
    """
    row = en.pipeline_coverage(two_quarters, as_of="2026-07-31", period="2026Q3").iloc[0]
    assert row["yield"] == pytest.approx(130 / 350)
    assert (row["create_and_close"], row["pulled_in"]) == (0, 4)


def test_after_the_period_nothing_is_needed(two_quarters):
    """It is over."""
    row = en.pipeline_coverage(two_quarters, as_of="2026-09-30", period="2026Q3").iloc[0]
    assert row["basis"] == "the period is over"
    assert pd.isna(row["required"])


def test_without_history_one_over_the_win_rate_is_said_to_be_a_rule_of_thumb():
    """Won 40 + 20 + 8 + 40 + 30 = 138 and lost 60: 150 / (138/198)."""
    table = en.pipeline_coverage(crm(history=False), as_of=EVE, period="2026Q3")
    row = table.iloc[0]
    assert row["required"] == pytest.approx(150 * 198 / 138)
    assert "rule of thumb: optimistic where much slips" in row["basis"]
    assert "rule of thumb" in table.attrs["definition"]
    assert pd.isna(row["required_low"])
    assert row["periods"] == 0


def test_an_invented_company_needed_about_what_was_said():
    """The eve of two quarters in two companies: within a third of what was then needed.

    What came is counted by loops over the tables of the company, not by the measure.
    """
    for seed in (1, 2):
        world = en.world.simulate(seed, reps=40, quarters=9)
        for name, first, last in (
            ("2026Q2", "2026-04-01", "2026-07-01"),
            ("2026Q3", "2026-07-01", "2026-10-01"),
        ):
            eve = pd.Timestamp(first) - pd.Timedelta(days=1)
            row = en.pipeline_coverage(world.crm, as_of=eve, period=name).iloc[0]
            due, won, besides = _came(world, pd.Timestamp(first), pd.Timestamp(last))
            assert row["amount"] == pytest.approx(due)
            needed = (row["remaining"] - besides) / (won / due)
            assert 2 / 3 < row["required"] / needed < 3 / 2


def _came(world: en.world.World, first: pd.Timestamp, last: pd.Timestamp) -> tuple[float, ...]:
    """Amount due in a quarter on its first day, won of that, and won besides."""
    events = world.tables["stage_events"]
    before = events[events["entered_at"] < first].groupby("opportunity_id").last()
    still = before[~before["stage"].isin(["Closed Won", "Closed Lost"])]
    due = still[(still["expected_close"] >= first) & (still["expected_close"] < last)]
    inside = events[(events["entered_at"] >= first) & (events["entered_at"] < last)]
    won = inside[inside["stage"] == "Closed Won"].groupby("opportunity_id")["amount"].last()
    of_due = won[won.index.isin(due.index)].sum()
    return due["amount"].sum(), of_due, won.sum() - of_due
