"""Money in several currencies: converted by a table of rates, or refused."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import enablement as en
from enablement.errors import CannotSayError
from enablement.world import simulate
from enablement.world.files import write

SETTINGS = {
    "stages": ["Lead", "Qual"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": pd.Timestamp("2026-03-31").date(),
    "currency": "EUR",
}
# A dollar is worth 0.80 euros until the end of February and 0.90 from then on; a pound 1.20.
RATES = pd.DataFrame(
    [("USD", "2026-01-01", 0.8), ("USD", "2026-03-01", 0.9), ("GBP", "2026-01-01", 1.2)],
    columns=["currency", "from_on", "rate"],
)
# In euros: A won 80 and 90; B won 60, lost 200 and has 90 and 12 open.
OPPORTUNITIES = pd.DataFrame(
    [
        ("1", "A", "Won", 100.0, "USD", "2026-02-28 23:00", None),
        ("2", "A", "Won", 100.0, "USD", "2026-03-01", None),
        ("3", "B", "Won", 50.0, "GBP", "2026-02-10", None),
        ("4", "B", "Lost", 200.0, "EUR", "2026-02-20", None),
        ("5", "B", "Qual", 100.0, "USD", None, "2026-05-15"),
        ("6", "B", "Lead", 10.0, "GBP", None, "2026-06-30"),
    ],
    columns=[
        *("opportunity_id", "rep_id", "stage", "amount", "currency"),
        *("closed_at", "expected_close"),
    ],
).assign(created_at="2026-01-05")
REPS = pd.DataFrame({"rep_id": ["A", "B"], "team": ["North", "South"]})
QUOTAS = pd.DataFrame(
    [("A", "2026Q1", 100.0, "USD"), ("B", "2026Q1", 150.0, None), ("B", "2026Q2", 51.0, None)],
    columns=["rep_id", "period", "target", "currency"],
).assign(metric="won amount")
END = "2026-03-31"


def company(change: dict[str, object] | None = None, **tables: object) -> en.CRM:
    """Make the little company, changed in some tables and settings."""
    given = {
        "opportunities": OPPORTUNITIES, "reps": REPS, "quotas": QUOTAS, "rates": RATES, **tables,
    }  # fmt: skip
    return en.crm(settings={**SETTINGS, **(change or {})}, **given)


@pytest.fixture(scope="module")
def euros() -> en.CRM:
    """The little company as it is."""
    return company()


def test_amounts_are_converted_at_the_rate_of_the_close_date(euros):
    """Won 80 + 90 + 60 = 230 of 430: the rate of 1 March holds from that day on."""
    table = en.win_rate(euros, as_of=END, of="value")
    assert (table["won"].item(), table["lost"].item()) == (230, 200)
    assert table["rate"].item() == pytest.approx(230 / 430)
    assert table.attrs["currency"] == "EUR"
    assert (
        "; converted to EUR at the rate of the close date, open ones at that of 2026-03-31"
        in table.attrs["definition"]
    )


def test_amounts_may_all_be_converted_at_one_rate():
    """At that of 31 March both hundred dollars are 90, so 240 of 440; in February 220 of 220."""
    crm = company({"money": {"convert_at": "as_of"}})
    table = en.win_rate(crm, as_of=END, of="value")
    assert (table["won"].item(), table["lost"].item()) == (240, 200)
    assert table.attrs["definition"].endswith("; converted to EUR at the rate of 2026-03-31")


def test_sold_due_and_created_are_converted_too(euros):
    """Sold 230; due in the second quarter 90 + 12; created 230 + 200 + 102."""
    sold = en.quota_attainment(euros, as_of=END, period="2026Q1", by="rep")
    assert sold["sold"].tolist() == [170, 60]
    due = en.pipeline_coverage(euros, as_of=END, period="2026Q2")
    assert (due["amount"].item(), due["coverage"].item()) == (102, 2.0)
    created = en.pipeline_created(euros, as_of=END, period="2026Q1")
    assert created["amount"].item() == 532
    for table in (sold, due, created):
        assert "converted to EUR" in table.attrs["definition"]
        assert table.attrs["currency"] == "EUR"


def test_a_quota_is_converted_at_the_first_day_of_its_period(euros):
    """A's 100 dollars are 80 euros, whatever became of the dollar in March; B's are in euros."""
    sold = en.quota_attainment(euros, as_of=END, period="2026Q1", by="rep")
    assert sold["quota"].tolist() == [80, 150]


def test_conversion_by_value_is_converted():
    """Of the four decided 230 + 200 entered the first stage, and 230 moved on from it."""
    history = pd.DataFrame({"opportunity_id": list("123456"), "entered_at": "2026-01-06"})
    events = [
        history.assign(stage="Lead"),
        history[:4].assign(
            stage=["Won", "Won", "Won", "Lost"],
            entered_at=["2026-02-28", "2026-03-01", "2026-02-10", "2026-02-20"],
        ),
    ]
    crm = company(stage_events=pd.concat(events))
    table = en.conversion(crm, as_of=END, definition="decided", of="value")
    assert (table["entered"].iloc[0], table["moved_on"].iloc[0]) == (430, 230)
    assert "converted to EUR" in table.attrs["definition"]


def test_a_rate_told_the_other_way_round_is_turned():
    """One euro is worth 1.25 dollars: the same as 0.80 euros for a dollar."""
    turned = pd.DataFrame(
        [("EUR", "2026-01-01", 1.25, "USD"), ("GBP", "2026-01-01", 1.2, None)],
        columns=["currency", "from_on", "rate", "to_currency"],
    )
    assert en.win_rate(company(rates=turned), as_of=END, of="value")["won"].item() == 220


@pytest.mark.parametrize(
    ("rates", "lacking"),
    [
        (RATES[RATES["currency"] == "USD"], "GBP on 2026-02-10"),
        (RATES[RATES["from_on"] != "2026-01-01"], "GBP on 2026-02-10"),
        (pd.concat([RATES[1:], RATES[:0]]), "USD on 2026-02-28"),
        (RATES.assign(to_currency="CHF"), "GBP on 2026-02-10"),
    ],
)
def test_a_missing_rate_is_refused_with_its_currency_day_and_table(rates, lacking):
    """A rate of another currency, of a later day or into another currency is none."""
    sentence = f"DataFrame rates has no rate from {lacking} to EUR"
    for ask in (
        lambda crm: en.win_rate(crm, as_of=END, of="value"),
        lambda crm: en.quota_attainment(crm, as_of=END, period="2026Q1"),
    ):
        with pytest.raises(CannotSayError, match=sentence):
            ask(company(rates=rates, quotas=None))


def test_a_rate_that_is_not_needed_may_be_missing():
    """Pounds were won in February only: March and every amount that is unknown need none."""
    dollars = RATES[RATES["currency"] == "USD"]
    crm = company(rates=dollars)
    march = en.win_rate(crm, as_of=END, of="value", period=("2026-03-01", END))
    assert march["won"].item() == 90
    unknown = OPPORTUNITIES.assign(amount=OPPORTUNITIES["amount"].mask(OPPORTUNITIES.index == 2))
    assert (
        en.quota_attainment(
            company(rates=dollars, opportunities=unknown), as_of=END, period="2026Q1"
        )["sold"].item()
        == 170
    )


def test_a_quota_without_a_rate_is_refused():
    """A's quota of 2026Q1 is in dollars, for which no rate is known on 1 January."""
    late = RATES.assign(from_on="2026-01-02")
    with pytest.raises(CannotSayError, match="no rate from USD on 2026-01-01 to EUR"):
        en.quota_attainment(company(rates=late), as_of=END, period="2026Q1")


def test_without_rates_several_currencies_are_refused_and_created_ones_have_no_amount():
    """How many were created can be said all the same: six."""
    bare = company(rates=None)
    for ask in (en.quota_attainment, en.pipeline_coverage):
        with pytest.raises(CannotSayError, match="in EUR, GBP, USD; they cannot be added without"):
            ask(bare, as_of=END, period="2026Q1")
    created = en.pipeline_created(bare, as_of=END, period="2026Q1")
    assert created["created"].item() == 6
    assert created["amount"].isna().all()
    assert "several currencies" in created.attrs["definition"]


def test_currencies_kept_apart_are_shown_as_they_are(euros):
    """Dollars by themselves: 200 sold, not 170 euros; nothing is said to be converted."""
    table = en.win_rate(euros, as_of=END, of="value", by="currency").set_index("currency")
    assert table["won"].to_dict() == {"EUR": 0, "GBP": 50, "USD": 200}
    only = en.pipeline_created(euros, as_of=END, period="2026Q1", where={"currency": "USD"})
    assert (only["amount"].item(), only.attrs["currency"]) == (300, "USD")
    assert "converted" not in only.attrs["definition"]


def test_rates_that_cannot_be_are_set_aside():
    """Zero is no rate, and of two of one day the first is used: 80 + 90 + 60 as before."""
    more = [("GBP", "2026-02-01", 0.0), ("USD", "2026-03-01", 7.0)]
    crm = company(rates=pd.concat([RATES, pd.DataFrame(more, columns=RATES.columns)]))
    assert len(crm.rates) == 3
    assert list(crm.quality.set_aside["reason"]) == [
        "rate is no rate: it is not above zero",
        "currency has a rate of this day twice; the first one is used",
    ]
    assert en.win_rate(crm, as_of=END, of="value")["won"].item() == 230


@settings(max_examples=3, deadline=None)
@given(rates=st.permutations(list(range(3))), rows=st.permutations(list(range(6))))
def test_the_order_of_rows_does_not_matter_and_reps_add_up(rates, rows):
    """Whatever the order, the reps' sums are the team's 230."""
    crm = company(rates=RATES.iloc[rates], opportunities=OPPORTUNITIES.iloc[rows])
    by = en.win_rate(crm, as_of=END, of="value", by="rep")
    assert by.set_index("rep_id")["won"].to_dict() == {"A": 170, "B": 60}


def test_an_invented_company_adds_up_by_another_way(tmp_path):
    """Three currencies with rates that drift: sold in a quarter, as pandas merges the rates."""
    write(simulate(3, reps=8, quarters=2, currencies=("USD", "EUR", "GBP")), tmp_path, "tables")
    crm = en.load(tmp_path)
    assert crm.quality.set_aside.empty
    won = crm.opportunities[crm.opportunities["outcome"].eq("won")].sort_values("closed_at")
    merged = pd.merge_asof(
        won, crm.rates.sort_values("from_on"), by="currency", left_on="closed_at",
        right_on="from_on",
    )  # fmt: skip
    inside = merged["closed_at"].between("2026-07-01", "2026-09-30 23:59:59.999999")
    expected = (merged["amount"] * merged["rate"])[inside].sum()
    table = en.quota_attainment(crm, as_of="2026-09-30", period="2026Q3")
    assert table["sold"].item() == pytest.approx(expected)
    assert merged["currency"][inside].nunique() > 1
