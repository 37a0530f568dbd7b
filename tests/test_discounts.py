"""Discounts, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import once
from hypothesis import given, settings
from hypothesis import strategies as st

import enablement as en
from enablement.errors import CannotSayError

SETTINGS = {
    "stages": ["Lead"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": pd.Timestamp("2026-03-31").date(),
}
# A: 90 of 100 and 800 of 1,000; B: 110 of 100, above the list, and one without a list price.
SOLD = pd.DataFrame(
    [
        ("1", "A", "Won", 90.0, 100.0, "2026-01-10"),
        ("2", "A", "Won", 800.0, 1000.0, "2026-02-10"),
        ("3", "B", "Won", 110.0, 100.0, "2026-03-10"),
        ("4", "B", "Won", 50.0, None, "2026-03-11"),
        ("5", "B", "Lost", 10.0, 100.0, "2026-03-12"),
        ("6", "B", "Lead", 10.0, 100.0, None),
    ],
    columns=["opportunity_id", "rep_id", "stage", "amount", "list_amount", "closed_at"],
)
END = "2026-03-31"


@once
def company(sold: pd.DataFrame = SOLD, **more: object) -> en.CRM:
    """Make the little company."""
    return en.crm(opportunities=sold, settings=SETTINGS, **more)


@pytest.fixture(scope="module")
def crm() -> en.CRM:
    """The little company as it is."""
    return company()


def test_the_rate_is_of_the_sums_and_the_mean_is_of_each(crm):
    """1,000 of 1,200 was paid, so 1/6; each gave 10, 20 and -10 %, so 20/3 in the mean, 10 in half.

    The thousand carries 1,000 of 1,200. Lost and open ones are in no figure.
    """
    row = en.discount_rate(crm, as_of=END).iloc[0]
    assert (row["won"], row["without_list"], row["sold"], row["list"]) == (3, 1, 1000, 1200)
    assert row["rate"] == pytest.approx(1 / 6)
    assert row["mean"] == pytest.approx(0.2 / 3)
    assert row["median"] == pytest.approx(0.1)
    assert row["largest"] == pytest.approx(1000 / 1200)
    assert row["low"] < row["mean"] < row["high"]


def test_by_rep_and_period(crm):
    """A gave 210 of 1,100; B asked 10 of 100 more, which one sale cannot have an interval for."""
    table = en.discount_rate(crm, as_of=END, by="rep").set_index("rep_id")
    assert table["rate"].to_dict() == pytest.approx({"A": 210 / 1100, "B": -0.1})
    assert pd.isna(table.loc["B", "low"])
    march = en.discount_rate(crm, as_of=END, period=("2026-03-01", END)).iloc[0]
    assert (march["won"], march["without_list"], march["rate"]) == (1, 1, pytest.approx(-0.1))


def test_a_rep_without_a_sale_has_no_discount(crm):
    """Nothing won is not a discount of nothing: the rate is missing, the counts are zero."""
    row = en.discount_rate(crm, as_of="2026-01-31", by="rep").set_index("rep_id").loc["B"]
    assert (row["won"], row["sold"]) == (0, 0)
    assert pd.isna(row["rate"])
    assert pd.isna(row["mean"])


def test_currencies_are_weighed_at_their_rates():
    """At half a dollar for a krone the thousand weighs 500: 1 - (90 + 400 + 110) / 700 = 1/7."""
    rates = pd.DataFrame({"currency": ["DKK"], "from_on": ["2026-01-01"], "rate": [0.5]})
    mixed = SOLD.assign(currency=["USD", "DKK", "USD", "USD", "USD", "USD"])
    row = en.discount_rate(company(mixed, rates=rates), as_of=END).iloc[0]
    assert row["rate"] == pytest.approx(1 / 7)
    assert row["mean"] == pytest.approx(0.2 / 3)
    with pytest.raises(CannotSayError, match="cannot be added without a table of rates"):
        en.discount_rate(company(mixed), as_of=END)


def test_without_list_prices_it_is_refused():
    """The sentence names the column."""
    with pytest.raises(CannotSayError, match="the opportunities have no list_amount"):
        en.discount_rate(company(SOLD.drop(columns="list_amount")), as_of=END)


@settings(max_examples=5, deadline=None)
@given(
    discounts=st.lists(st.integers(-20, 60), min_size=6, max_size=6),
    listed=st.lists(st.integers(1, 500), min_size=6, max_size=6),
)
def test_the_rate_lies_between_the_smallest_and_the_largest_discount(discounts, listed):
    """Whatever the weights; where all give the same, rate, mean and median are that."""
    prices = pd.Series(listed, dtype="float64")
    paid = prices * (1 - pd.Series(discounts) / 100)
    sold = SOLD.assign(stage="Won", closed_at="2026-01-10", list_amount=prices, amount=paid)
    row = en.discount_rate(company(sold), as_of=END).iloc[0]
    for name in ("rate", "mean", "median"):
        assert min(discounts) - 1e-9 <= 100 * row[name] <= max(discounts) + 1e-9
