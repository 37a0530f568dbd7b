"""Sales velocity, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import once

import enablement as en
from enablement.errors import CannotSayError

SETTINGS = {
    "stages": ["Lead"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": pd.Timestamp("2026-03-31").date(),
}
# A won 100 in 20 days and 300 in 40, lost one and has two open; B won 500 in 10 days, lost none
# and has one open.
ROWS = pd.DataFrame(
    [
        ("1", "A", "Won", 100.0, "2026-01-01", "2026-01-21"),
        ("2", "A", "Won", 300.0, "2026-01-01", "2026-02-10"),
        ("3", "A", "Lost", 900.0, "2026-01-01", "2026-02-10"),
        ("4", "B", "Won", 500.0, "2026-01-01", "2026-01-11"),
        ("5", "A", "Lead", 10.0, "2026-03-01", None),
        ("6", "A", "Lead", 10.0, "2026-03-01", None),
        ("7", "B", "Lead", 10.0, "2026-03-01", None),
    ],
    columns=["opportunity_id", "rep_id", "stage", "amount", "created_at", "closed_at"],
)
END = "2026-03-31"


@once
def company(rows: pd.DataFrame = ROWS, **more: object) -> en.CRM:
    """Make the little company."""
    return en.crm(opportunities=rows, settings=SETTINGS, **more)


@pytest.fixture(scope="module")
def crm() -> en.CRM:
    """The little company as it is."""
    return company()


def test_velocity_is_the_product_of_the_four(crm):
    """3 open × 3/4 × 300 / (70/3 days) = 28.93 a day."""
    row = en.sales_velocity(crm, as_of=END).iloc[0]
    assert (row["open"], row["won"], row["lost"], row["win_rate"]) == (3, 3, 1, 0.75)
    assert (row["average"], row["days"]) == (300, pytest.approx(70 / 3))
    assert row["velocity"] == pytest.approx(3 * 0.75 * 300 / (70 / 3))
    assert row["low"] < row["velocity"] < row["high"]


def test_velocity_by_rep(crm):
    """A: 2 × 2/3 × 200 / 30 = 8.89; B: 1 × 1 × 500 / 10 = 50, of one sale without an interval."""
    table = en.sales_velocity(crm, as_of=END, by="rep").set_index("rep_id")
    assert table["velocity"].to_dict() == pytest.approx({"A": 2 * 2 / 3 * 200 / 30, "B": 50})
    assert table["low"].notna().to_dict() == {"A": True, "B": False}


def test_a_cycle_that_is_a_tenth_shorter_brings_a_ninth_more():
    """20, 40 and 10 days become 18, 36 and 9: 11.1 % more a day, not 10 %."""
    days = [18, 36, 36, 9]
    shorter = ROWS.copy()
    shorter.loc[:3, "closed_at"] = [
        f"{pd.Timestamp('2026-01-01') + pd.Timedelta(days=d):%Y-%m-%d}" for d in days
    ]
    before, after = (en.sales_velocity(company(rows), as_of=END) for rows in (ROWS, shorter))
    assert after["velocity"].item() / before["velocity"].item() == pytest.approx(1 / 0.9)


def test_the_interval_is_by_the_delta_method(crm):
    """Worked out apart, of the three won: amounts 100, 300, 500 beside 20, 40, 10 days."""
    row = en.sales_velocity(crm, as_of=END, confidence=0.9).iloc[0]
    amounts, days = pd.Series([100, 300, 500.0]) / 300, pd.Series([20, 40, 10.0]) / (70 / 3)
    error = ((1 - 0.75 + (amounts - days).var()) / 3) ** 0.5
    assert row["high"] / row["velocity"] == pytest.approx(2.718281828 ** (1.644853627 * error))
    assert row["low"] * row["high"] == pytest.approx(row["velocity"] ** 2)


def test_the_period_is_of_those_closed_and_not_of_the_open(crm):
    """In January A won 100 in 20 days and B 500 in 10, of two: 3 × 1 × 300 / 15 = 60."""
    table = en.sales_velocity(crm, as_of=END, period=("2026-01-01", "2026-01-31"))
    assert table["velocity"].item() == pytest.approx(60)


def test_without_a_sale_there_is_no_velocity(crm):
    """Nothing was closed in March: the open ones are counted, the rest is missing."""
    row = en.sales_velocity(crm, as_of=END, period=("2026-03-01", END)).iloc[0]
    assert (row["open"], row["won"], row["lost"]) == (3, 0, 0)
    assert row[["win_rate", "average", "days", "velocity"]].isna().all()


def test_amounts_and_days_that_are_missing_are_counted():
    """One won without an amount and one without a created date stand beside the means."""
    bare = ROWS.assign(
        amount=ROWS["amount"].mask(ROWS.index == 0),
        created_at=ROWS["created_at"].mask(ROWS.index == 3),
    )
    row = en.sales_velocity(company(bare), as_of=END).iloc[0]
    assert (row["without_amount"], row["undated"]) == (1, 1)
    assert (row["average"], row["days"]) == (400, 30)


def test_what_is_missing_is_named():
    """Amounts, or the days on which they began."""
    with pytest.raises(CannotSayError, match="the export has no amounts"):
        en.sales_velocity(company(ROWS.drop(columns="amount")), as_of=END)
    with pytest.raises(CannotSayError, match="of no won opportunity are the start and the close"):
        en.sales_velocity(company(ROWS.drop(columns="created_at")), as_of=END)


def test_amounts_are_converted():
    """At two dollars for a pound all amounts are doubled, and so is what a day brings."""
    rates = pd.DataFrame({"currency": ["GBP"], "from_on": ["2026-01-01"], "rate": [2.0]})
    mixed = ROWS.assign(currency=["GBP"] * 6 + ["USD"])
    table = en.sales_velocity(company(mixed, rates=rates), as_of=END)
    assert table["average"].item() == 600
    assert "converted to USD" in table.attrs["definition"]
