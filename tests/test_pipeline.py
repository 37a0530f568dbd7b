"""Sold against quota, coverage and created, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import once

import enablement as en
from enablement.errors import CannotSayError

SETTINGS = {
    "stages": ["Lead", "Qual"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": pd.Timestamp("2026-03-31").date(),
}
# Two reps in two teams. In the first quarter A sold 100 and 50, B sold 30; B lost 500.
OPPORTUNITIES = pd.DataFrame(
    [
        ("1", "A", "Won", 100.0, "2026-01-05", "2026-02-01", None, "new business"),
        ("2", "A", "Won", 50.0, "2025-12-20", "2026-03-31 18:00", None, "renewal"),
        ("3", "B", "Won", 30.0, "2026-01-09", "2026-01-31", None, "new business"),
        ("4", "B", "Lost", 500.0, "2026-02-01", "2026-02-20", None, "new business"),
        ("5", "A", "Won", 900.0, "2025-10-01", "2025-12-31", None, "new business"),
        ("6", "A", "Lead", 200.0, "2026-03-01", None, "2026-05-15", "existing business"),
        ("7", "B", "Qual", 100.0, "2026-03-02", None, "2026-06-30", "new business"),
        ("8", "B", "Qual", 70.0, "2026-03-03", None, "2026-08-01", "new business"),
    ],
    columns=[
        *("opportunity_id", "rep_id", "stage", "amount", "created_at"),
        *("closed_at", "expected_close", "type"),
    ],
)
REPS = pd.DataFrame({"rep_id": ["A", "B"], "team": ["North", "South"]})
QUOTAS = pd.DataFrame(
    [
        ("A", "2026Q1", "won amount", 120.0),
        ("B", "2026Q1", "won amount", 60.0),
        ("A", "2026Q2", "won amount", 100.0),
        ("B", "2026Q2", "won amount", 50.0),
        ("A", "2026Q1", "meetings", 20.0),
    ],
    columns=["rep_id", "period", "metric", "target"],
)
END = "2026-03-31"


@once
def company(**change: object) -> en.CRM:
    """Make the little company, changed in some tables."""
    tables = {"opportunities": OPPORTUNITIES, "reps": REPS, "quotas": QUOTAS, **change}
    return en.crm(settings=SETTINGS, **tables)


def test_attainment_is_sold_over_quota():
    """100 + 50 + 30 = 180 of 120 + 60 = 180; the loss and last year's win are not in it."""
    row = en.quota_attainment(company(), as_of=END, period="2026Q1").iloc[0]
    assert (row["won"], row["sold"], row["quota"], row["attainment"]) == (3, 180, 180, 1.0)


def test_attainment_by_rep_and_team_adds_up():
    """A: 150 of 120; B: 30 of 60."""
    by_rep = en.quota_attainment(company(), as_of=END, period="2026Q1", by="rep")
    assert list(by_rep["attainment"]) == [1.25, 0.5]
    by_team = en.quota_attainment(company(), as_of=END, period="2026Q1", by="team")
    assert list(by_team["team"]) == ["North", "South"]
    assert by_team[["sold", "quota"]].sum().tolist() == [180, 180]


def test_the_share_of_the_reps_at_quota():
    """A sold 150 of 120 and B 30 of 60: one of two, while the team is at 180 of 180."""
    row = en.quota_attainment(company(), as_of=END, period="2026Q1").iloc[0]
    assert tuple(row[["reps", "at_quota", "share_at_quota"]]) == (2, 1, 0.5)
    assert row["low"] < 0.5 < row["high"]
    teams = en.quota_attainment(company(), as_of=END, period="2026Q1", by="team")
    assert teams["share_at_quota"].tolist() == [1.0, 0.0]
    south = en.quota_attainment(company(), as_of=END, period="2026Q1", where={"team": "South"})
    assert (south["reps"].item(), south["at_quota"].item()) == (1, 0)


def test_at_quota_is_exactly_at_it_too_and_no_quota_is_nobodys():
    """A's quota of 150 is sold to the dollar; by type, and without quotas, nobody has one."""
    exact = QUOTAS.assign(target=QUOTAS["target"].replace(120.0, 150.0))
    row = en.quota_attainment(company(quotas=exact), as_of=END, period="2026Q1").iloc[0]
    assert row["at_quota"] == 1
    for table in (
        en.quota_attainment(company(), as_of=END, period="2026Q1", by="type"),
        en.quota_attainment(company(quotas=None), as_of=END, period="2026Q1", by="rep"),
    ):
        assert table["reps"].eq(0).all()
        assert table[["share_at_quota", "low", "high"]].isna().all(axis=None)


def test_a_year_has_the_quotas_of_its_longest_parts():
    """Quarters of 100 and months of 30: a year of the quarters alone, 400, and none of both."""
    rows = [("A", f"2026Q{n}", "won amount", 100.0) for n in (1, 2, 3, 4)]
    rows += [("A", f"2026M{n:02d}", "won amount", 30.0) for n in range(1, 13)]
    crm = company(quotas=pd.DataFrame(rows, columns=QUOTAS.columns))
    assert en.quota_attainment(crm, as_of=END, period="2026")["quota"].item() == 400
    assert en.quota_attainment(crm, as_of=END, period="2026M01")["quota"].item() == 30
    days = ("2026-01-01", "2026-03-31")
    assert en.quota_attainment(crm, as_of=END, period=days)["quota"].item() == 100


def test_a_rep_with_a_quota_and_no_win_has_sold_nothing_of_it():
    """That is a known zero: 0 of 40."""
    more = pd.concat(
        [QUOTAS, pd.DataFrame([("C", "2026Q1", "won amount", 40.0)], columns=QUOTAS.columns)]
    )
    reps = pd.concat([REPS, pd.DataFrame([("C", "North")], columns=REPS.columns)])
    table = en.quota_attainment(
        company(quotas=more, reps=reps), as_of=END, period="2026Q1", by="rep"
    ).set_index("rep_id")
    assert tuple(table.loc["C", ["won", "sold", "attainment"]]) == (0, 0, 0)


def test_without_quotas_attainment_is_missing():
    """What was sold is still said."""
    row = en.quota_attainment(company(quotas=None), as_of=END, period="2026Q1").iloc[0]
    assert row["sold"] == 180
    assert pd.isna(row["quota"])
    assert pd.isna(row["attainment"])


def test_one_team_alone():
    """North is A."""
    row = en.quota_attainment(company(), as_of=END, period="2026Q1", where={"team": "North"}).iloc[
        0
    ]
    assert (row["sold"], row["quota"]) == (150, 120)


def test_coverage_is_open_and_due_over_what_remains():
    """Due in the second quarter: 200 + 100 = 300, of a quota of 150 with nothing sold: 2."""
    row = en.pipeline_coverage(company(), as_of=END, period="2026Q2").iloc[0]
    assert (row["open"], row["amount"], row["remaining"], row["coverage"]) == (2, 300, 150, 2.0)


def test_coverage_of_a_met_quota_is_missing_not_infinite():
    """In the first quarter nothing remains to be sold."""
    row = en.pipeline_coverage(company(), as_of=END, period="2026Q1").iloc[0]
    assert row["remaining"] == 0
    assert pd.isna(row["coverage"])


def test_a_period_that_is_over_has_nothing_still_to_be_sold():
    """Twice the quotas of the first quarter are 360, of which 180 were sold; A and B are short."""
    crm = company(quotas=QUOTAS.assign(target=2 * QUOTAS["target"]))
    table = en.pipeline_coverage(crm, as_of=END, period="2026Q1")
    assert en.words.pipeline_coverage(table) == (
        "2026Q1 is over, $180 short of its quota; $0 is open and due in 2026Q1."
    )
    reps = en.pipeline_coverage(crm, as_of=END, period="2026Q1", by="rep")
    assert en.words.pipeline_coverage(reps) == (
        "2026Q1 is over: 2 of 2 reps were short of their quota."
    )


def test_a_kind_of_business_has_no_quota_though_the_reps_have():
    """The quotas are known, and none is that of new business."""
    table = en.quota_attainment(company(), as_of=END, period="2026Q1", by="type")
    assert en.words.quota_attainment(table) == (
        "No quota of 2026Q1 is that of these, so what was sold is held against none."
    )


def test_created_counts_by_type():
    """In the first quarter 1, 3, 4, 7 and 8 are new business; 6 is existing business."""
    table = en.pipeline_created(company(), as_of=END, period="2026Q1", by="type")
    assert dict(zip(table["type"], table["created"], strict=True)) == {
        "new business": 5,
        "existing business": 1,
    }
    assert table["amount"].sum() == 100 + 30 + 500 + 100 + 70 + 200


def test_a_quarter_in_which_nothing_was_created_has_a_row():
    """Two were created late in 2025 and six in 2026; the quarters to come have no row yet."""
    years = ("2025-01-01", "2026-12-31")
    table = en.pipeline_created(company(), as_of=END, period=years, by="period")
    assert dict(zip(table["period"], table["created"], strict=True)) == {
        "2025Q1": 0, "2025Q2": 0, "2025Q3": 0, "2025Q4": 2, "2026Q1": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("measure", "column", "reason"),
    [
        (en.pipeline_created, "created_at", "no created date"),
        (en.pipeline_coverage, "expected_close", "no open opportunity has an expected close"),
        (en.quota_attainment, "amount", "the export has no amounts"),
    ],
)
def test_what_the_data_cannot_give_is_refused_in_a_sentence(measure, column, reason):
    """It names the column that is missing."""
    crm = company(opportunities=OPPORTUNITIES.drop(columns=column))
    with pytest.raises(CannotSayError, match=reason):
        measure(crm, as_of=END, period="2026Q2")


def test_currencies_are_never_added():
    """Dollars and euros are refused without a rate table."""
    mixed = OPPORTUNITIES.assign(currency=["USD", "EUR"] * 4)
    with pytest.raises(CannotSayError, match="in EUR, USD; they cannot be added"):
        en.quota_attainment(company(opportunities=mixed), as_of=END, period="2026Q1")


def test_an_earlier_coverage_needs_history():
    """What was open in January is not known from the state of March."""
    with pytest.raises(CannotSayError, match="Coverage as of 2026-01-31 cannot be said"):
        en.pipeline_coverage(company(), as_of="2026-01-31", period="2026Q1")


def test_the_headline_says_all_three():
    """Sold, coverage of the next quarter, created."""
    said = en.words.headline(company(), period="2026Q1", as_of=END)
    assert said == (
        "2026Q1: sold $180 of $180, 100 % attained; coverage of 2026Q2 2.0 ($300 open and due); "
        "6 opportunities created ($1.00 k)."
    )


def test_the_headline_leaves_out_in_words_what_cannot_be_said():
    """No quotas and no created date: no zero stands for them."""
    bare = company(quotas=None, opportunities=OPPORTUNITIES.drop(columns="created_at"))
    said = en.words.headline(bare, period="2026Q1", as_of=END)
    assert said == (
        "2026Q1: sold $180 from 3 won; $300 open and due in 2026Q2. Cannot be said: "
        "attainment (no quotas), coverage (no quotas of 2026Q2), created (no created dates)."
    )


def test_quarters_and_quotas_of_weeks_follow_the_fiscal_calendar():
    """A year that ends on the last Saturday of December: its first quarter goes on to 28 March.

    It begins on 28 December, so A's 900 of New Year's Eve is in it and A's 50 of 31 March is
    not: 900 + 100 + 30 = 1030, of 60 + 100 + 120 = 280, set month by month. In its fifth week
    B sold 30; in its first month two were created, on 5 and 9 January.
    """
    fiscal_year = {"weeks": "4-5-4", "ends": "last Saturday"}
    months = [("A", "2026M01", 60.0), ("A", "2026M02", 100.0), ("B", "2026M03", 120.0)]
    crm = en.crm(
        settings={**SETTINGS, "fiscal_year": fiscal_year},
        opportunities=OPPORTUNITIES,
        quotas=pd.DataFrame(months, columns=["rep_id", "period", "target"]).assign(
            metric="won amount"
        ),
    )
    row = en.quota_attainment(crm, as_of=END, period="2026Q1").iloc[0]
    assert (row["won"], row["sold"], row["quota"]) == (3, 1030, 280)
    last_week = en.quota_attainment(crm, as_of=END, period="2026W05").iloc[0]
    assert (last_week["won"], last_week["sold"]) == (1, 30)
    assert en.pipeline_created(crm, as_of=END, period="2026M01")["created"].item() == 2


def test_a_quota_of_somebody_in_no_list_counts():
    """Z has a quota of 720 and no opportunity: 180 of 900."""
    more = pd.concat(
        [QUOTAS, pd.DataFrame([("Z", "2026Q1", "won amount", 720.0)], columns=QUOTAS.columns)]
    )
    row = en.quota_attainment(company(quotas=more), as_of=END, period="2026Q1").iloc[0]
    assert row["attainment"] == 0.2


def test_the_same_quota_twice_counts_once():
    """The second row is set aside with its reason."""
    crm = company(quotas=pd.concat([QUOTAS, QUOTAS.iloc[:1]]))
    assert en.quota_attainment(crm, as_of=END, period="2026Q1")["quota"].iloc[0] == 180
    assert "has this quota twice" in crm.quality.set_aside["reason"].iloc[0]


def test_a_period_may_be_written_another_way():
    """`2026-Q1` is 2026Q1, and twelve months are their quarter."""
    dashed = QUOTAS.assign(period=QUOTAS["period"].str.replace("Q", "-Q"))
    assert (
        en.quota_attainment(company(quotas=dashed), as_of=END, period="2026Q1")["quota"].iloc[0]
        == 180
    )
    monthly = pd.DataFrame(
        [("A", f"2026M{n:02d}", "won amount", 60.0) for n in (1, 2, 3)], columns=QUOTAS.columns
    )
    row = en.quota_attainment(company(quotas=monthly), as_of=END, period="2026Q1").iloc[0]
    assert row["quota"] == 180
    part = en.quota_attainment(company(quotas=monthly[:2]), as_of=END, period="2026Q1").iloc[0]
    assert pd.isna(part["quota"])  # two months are not a quarter


def test_won_without_an_amount_is_said():
    """Two of A's three are known: what is sold is not all of it."""
    unknown = OPPORTUNITIES.assign(amount=OPPORTUNITIES["amount"].mask(OPPORTUNITIES.index == 0))
    crm = company(opportunities=unknown)
    row = en.quota_attainment(crm, as_of=END, period="2026Q1").iloc[0]
    assert (row["won"], row["sold"], row["without_amount"]) == (3, 80, 1)
    assert "sold $80 of $180 (1 without an amount), 44 % attained" in en.words.headline(
        crm, period="2026Q1", as_of=END
    )


def test_nothing_due_covers_nothing_and_an_unknown_amount_is_not_zero():
    """0 of 150 is a coverage of 0; an unknown amount is left out in words."""
    later = OPPORTUNITIES.assign(
        expected_close=OPPORTUNITIES["expected_close"].where(
            OPPORTUNITIES["expected_close"].isna(), "2027-01-01"
        )
    )
    row = en.pipeline_coverage(company(opportunities=later), as_of=END, period="2026Q2").iloc[0]
    assert (row["open"], row["amount"], row["coverage"]) == (0, 0.0, 0.0)
    unknown = OPPORTUNITIES.assign(
        amount=OPPORTUNITIES["amount"].mask(OPPORTUNITIES["stage"].isin(["Lead", "Qual"]))
    )
    said = en.words.headline(company(opportunities=unknown), period="2026Q1", as_of=END)
    assert "2 open and due in 2026Q2" in said
    assert "coverage (no amounts of those due)" in said


def test_an_earlier_coverage_is_what_was_known_then():
    """On day 30 X was due in March at 100; on day 50 it moved to May at 300."""
    history = pd.DataFrame(
        {
            "opportunity_id": "X",
            "entered_at": ["2026-01-01", "2026-02-20"],
            "stage": "Lead",
            "rep_id": "A",
            "amount": [100.0, 300.0],
            "expected_close": ["2026-03-15", "2026-05-15"],
        }
    )
    now = pd.DataFrame(
        {
            "opportunity_id": ["X"],
            "rep_id": ["A"],
            "stage": ["Lead"],
            "amount": [300.0],
            "expected_close": ["2026-05-15"],
            "created_at": ["2026-01-01"],
        }
    )
    crm = company(opportunities=now, stage_events=history)
    then = {"as_of": "2026-01-31"}
    assert en.pipeline_coverage(crm, period="2026Q1", **then)["amount"].iloc[0] == 100
    assert en.pipeline_coverage(crm, period="2026Q2", **then)["amount"].iloc[0] == 0
    assert en.pipeline_coverage(crm, period="2026Q2", as_of=END)["amount"].iloc[0] == 300


def test_created_counts_what_was_decided_later_too():
    """As of the end of January 1 and 3 had been created in the quarter, whatever became of them."""
    table = en.pipeline_created(company(), as_of="2026-01-31", period="2026Q1")
    assert table["created"].iloc[0] == 2


def test_the_exports_currency_is_printed():
    """Euros are not dollars."""
    crm = company(opportunities=OPPORTUNITIES.assign(currency="EUR"))
    assert "sold €180" in en.words.headline(crm, period="2026Q1", as_of=END)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (999_950, "$1.00 M"),
        (999_999_999, "$1.00 B"),
        (9_996, "$10.0 k"),
        (-2_460_000, "−$2.46 M"),
        (-0.4, "$0"),
        (0, "$0"),
        (180, "$180"),
        (2_458_450, "$2.46 M"),
    ],
)
def test_money_is_written_short_and_rounded_once(amount, written):
    """Three digits, in the step that the rounded amount has."""
    assert en.words.money(amount, "USD") == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.996, "> 99 %"),
        (1.0, "100 %"),
        (0.004, "< 1 %"),
        (0.0, "0 %"),
        (0.631, "63 %"),
        (1.2, "120 %"),
    ],
)
def test_not_all_is_not_a_hundred_percent(share, written):
    """And not nothing is not zero."""
    assert en.words.percent(share) == written
