"""Close dates that are moved, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

import enablement as en
from enablement.errors import CannotSayError, EnablementError

SETTINGS = {
    "stages": ["Lead", "Qual"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": pd.Timestamp("2026-09-30").date(),
}
# D1 is pushed from the first quarter to the second by A, then to the third by B, who has it from
# 10 April on; its move within a quarter is none, nor is the day it closed. D2 is moved forward
# and closes late. D3 is pushed by a day, over the end of a quarter. D4 never has a date.
EVENTS = pd.DataFrame(
    [
        ("D1", "2026-01-05", "Lead", "A", "2026-02-15"),
        ("D1", "2026-02-10", "Lead", "A", "2026-03-20"),
        ("D1", "2026-03-18", "Qual", "A", "2026-05-01"),
        ("D1", "2026-04-10", "Qual", "B", "2026-05-01"),
        ("D1", "2026-05-02", "Qual", "B", "2026-07-10"),
        ("D1", "2026-10-05", "Won", "B", "2026-10-05"),
        ("D2", "2026-01-06", "Lead", "A", "2026-05-01"),
        ("D2", "2026-02-01", "Lead", "A", "2026-03-30"),
        ("D2", "2026-06-15", "Won", "A", "2026-06-15"),
        ("D3", "2026-01-07", "Lead", "B", "2026-03-31"),
        ("D3", "2026-03-25", "Lead", "B", "2026-04-01"),
        ("D4", "2026-01-08", "Lead", "B", None),
    ],
    columns=["opportunity_id", "entered_at", "stage", "rep_id", "expected_close"],
)
OPPORTUNITIES = pd.DataFrame(
    {
        "opportunity_id": ["D1", "D2", "D3", "D4"],
        "rep_id": ["B", "A", "B", "B"],
        "stage": ["Won", "Won", "Lead", "Lead"],
        "created_at": ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"],
        "closed_at": ["2026-10-05", "2026-06-15", None, None],
    }
)
END = "2026-10-31"


@pytest.fixture(scope="module")
def crm() -> en.CRM:
    """Four opportunities with the history of their close dates."""
    return en.crm(
        opportunities=OPPORTUNITIES,
        stage_events=EVENTS,
        settings={**SETTINGS, "exported_on": pd.Timestamp(END).date()},
    )


def test_a_push_is_a_move_into_a_later_quarter(crm):
    """D1 twice and D3 once, so 3 of the 3 with a date; 2 of them at least once."""
    row = en.push_count(crm, as_of=END).iloc[0]
    assert (row["opportunities"], row["pushed"], row["pushes"]) == (3, 2, 3)
    assert (row["rate"], row["per_opportunity"]) == (pytest.approx(2 / 3), 1.0)
    assert row["without_date"] == 1
    assert row["low"] < row["rate"] < row["high"]


def test_a_month_is_left_more_often_than_a_quarter(crm):
    """D1 is moved from February to March, to May, to July; D3 from March to April: 4."""
    table = en.push_count(crm, as_of=END, unit="month")
    assert table["pushes"].item() == 4
    assert table.attrs["definition"].startswith("moves of the close date into a later month")


def test_only_what_was_known_then_counts(crm):
    """Until the end of April D1 and D3 were pushed once each."""
    assert en.push_count(crm, as_of="2026-04-30")["pushes"].item() == 2


@pytest.mark.parametrize(
    ("credit", "expected"),
    [
        ("final", {"A": (1, 0, 0, 0), "B": (2, 2, 3, 1)}),
        ("first", {"A": (2, 1, 2, 0), "B": (1, 1, 1, 1)}),
    ],
)
def test_reps_add_up_to_the_team(crm, credit, expected):
    """D1 is B's at its close, and A's at first."""
    table = en.push_count(crm, as_of=END, by="rep", credit=credit).set_index("rep_id")
    counts = table[["opportunities", "pushed", "pushes", "without_date"]]
    assert {rep: tuple(row) for rep, row in counts.iterrows()} == expected


def test_shares_add_up_to_the_team(crm):
    """Each owner by days: the sums are those of the four opportunities, without an interval."""
    table = en.push_count(crm, as_of=END, by="rep", credit="share")
    assert table[["opportunities", "pushed", "pushes"]].sum().tolist() == pytest.approx([3, 2, 3])
    assert table["low"].isna().all()


def test_a_period_is_that_in_which_they_began(crm):
    """All four began in the first quarter; nobody in the second has a rate of zero."""
    assert en.push_count(crm, as_of=END, period="2026Q1")["pushes"].item() == 3
    none = en.push_count(crm, as_of=END, period="2026Q2").iloc[0]
    assert (none["opportunities"], none["pushes"]) == (0, 0)
    assert pd.isna(none["rate"])


def test_a_fiscal_quarter_of_weeks_ends_on_another_day():
    """It ends on 28 March, so D3's move from 31 March to 1 April is within a quarter."""
    weeks = {"weeks": "4-4-5", "ends": "last Saturday"}
    crm = en.crm(
        opportunities=OPPORTUNITIES,
        stage_events=EVENTS,
        settings={**SETTINGS, "fiscal_year": weeks},
    )
    assert en.push_count(crm, as_of=END)["pushes"].item() == 2


def test_the_moves_are_listed_with_who_made_them(crm):
    """A pushed D1 by 42 days, B D3 by one and D1 by 70."""
    table = en.pushes(crm, as_of=END)
    rows = table[["opportunity_id", "rep_id", "days"]].itertuples(index=False, name=None)
    assert list(rows) == [("D1", "A", 42), ("D3", "B", 1), ("D1", "B", 70)]
    assert len(en.pushes(crm, as_of=END, period="2026Q2")) == 1
    assert len(en.pushes(crm, as_of=END, where={"rep": "B"})) == 2


def test_the_crms_own_count_is_taken_where_the_history_has_no_dates():
    """D1 twice, D2 never, D3 once and D4 not counted: 3 of 3, at the present only."""
    counted = OPPORTUNITIES.assign(push_count=[2, 0, 1, None])
    crm = en.crm(opportunities=counted, settings=SETTINGS)
    row = en.push_count(crm, as_of="2026-10-05").iloc[0]
    assert (row["opportunities"], row["pushed"], row["pushes"], row["without_date"]) == (3, 2, 3, 1)
    with pytest.raises(CannotSayError, match="CRM's own count of moved close dates as of"):
        en.push_count(crm, as_of="2026-04-30")


def test_without_any_record_it_is_refused():
    """The sentence names the history that is missing and the column that would do."""
    crm = en.crm(opportunities=OPPORTUNITIES, settings=SETTINGS)
    for ask in (en.push_count, en.pushes):
        with pytest.raises(CannotSayError, match="does not record.*have no push_count"):
            ask(crm, as_of=END)


def test_an_unknown_unit_is_refused(crm):
    """The message names the two that are known."""
    with pytest.raises(EnablementError, match="unit='week'. Known: quarter, month"):
        en.push_count(crm, as_of=END, unit="week")


def test_what_was_due_and_not_won_has_slipped(crm):
    """At the start of the second quarter D1 (1 May) and D3 (1 April) are due, and D2 is overdue.

    At its end both are open: 2 of 2. In the third D1 alone was due, until 10 July: 1 of 1.
    """
    second = en.slip_rate(crm, as_of=END, period="2026Q2").iloc[0]
    assert tuple(second[["due", "won", "lost", "slipped", "rate"]]) == (2, 0, 0, 2, 1.0)
    third = en.slip_rate(crm, as_of=END, period="2026Q3").iloc[0]
    assert tuple(third[["due", "slipped"]]) == (1, 1)


DUE = pd.DataFrame(
    {
        "opportunity_id": ["W", "L", "C", "O", "X", "E"],
        "stage": ["Won", "Lost", "Off", "Lead", "Won", "Won"],
        "rep_id": ["A", "A", "B", "B", "B", "A"],
    }
)


@pytest.fixture(scope="module")
def due() -> en.CRM:
    """Five due in May, of which X is won in July; E was due then and is won in March.

    One more is created within the quarter.
    """
    later = pd.DataFrame({"opportunity_id": ["N"], "stage": ["Lead"], "rep_id": ["A"]})
    whole = pd.concat([DUE, later])
    begun = pd.Series(["2026-03-01"] * 6 + ["2026-04-02"], index=whole.index)
    first = whole.assign(stage="Lead", entered_at=begun, expected_close="2026-05-15")
    ends = DUE[DUE["stage"] != "Lead"].assign(expected_close=None)
    ends["entered_at"] = ["2026-05-01", "2026-06-30", "2026-06-30", "2026-07-01", "2026-03-20"]
    closed = ends.set_index("opportunity_id")["entered_at"]
    return en.crm(
        opportunities=whole.assign(created_at=begun, closed_at=whole["opportunity_id"].map(closed)),
        stage_events=pd.concat([first, ends]),
        settings={**SETTINGS, "outcomes": {**SETTINGS["outcomes"], "Off": "cancelled"}},
    )


def test_whether_lost_ones_have_slipped_is_an_argument(due):
    """W won; L lost; C cancelled; O and X (won a day late) open: 4 of 5, or 2 of W, O and X."""
    row = en.slip_rate(due, as_of=END, period="2026Q2").iloc[0]
    assert tuple(row[["due", "won", "lost", "cancelled", "slipped"]]) == (5, 1, 1, 1, 2)
    assert row["rate"] == 0.8
    left_out = en.slip_rate(due, as_of=END, period="2026Q2", lost="left out")
    assert left_out["rate"].item() == pytest.approx(2 / 3)
    assert "in neither" in left_out.attrs["definition"]


def test_slip_rates_by_rep_add_up(due):
    """A: W and L, of which one was not won; B: C, O and X, none won."""
    table = en.slip_rate(due, as_of=END, period="2026Q2", by="rep").set_index("rep_id")
    assert table["due"].to_dict() == {"A": 2, "B": 3}
    assert table["rate"].to_dict() == {"A": 0.5, "B": 1.0}


def test_a_period_that_is_not_over_has_no_slip_rate(due):
    """Until its last day something may still be won."""
    with pytest.raises(CannotSayError, match="cannot be said before its end on 2026-06-30"):
        en.slip_rate(due, as_of="2026-06-29", period="2026Q2")


def test_a_slip_rate_needs_the_close_dates_of_then():
    """An export of the present, or a history without close dates, does not have them."""
    crm = en.crm(opportunities=OPPORTUNITIES, settings=SETTINGS)
    with pytest.raises(CannotSayError, match="The slip rate of 2026Q2 as of 2026-03-31"):
        en.slip_rate(crm, as_of="2026-10-05", period="2026Q2")
    bare = en.crm(
        opportunities=OPPORTUNITIES,
        stage_events=EVENTS.drop(columns="expected_close"),
        settings=SETTINGS,
    )
    with pytest.raises(CannotSayError, match="history does not record the expected close dates"):
        en.slip_rate(bare, as_of="2026-10-05", period="2026Q2")


def test_the_order_of_rows_does_not_matter(crm):
    """The history upside down gives the same table."""
    turned = en.crm(
        opportunities=OPPORTUNITIES[::-1],
        stage_events=EVENTS[::-1],
        settings={**SETTINGS, "exported_on": pd.Timestamp(END).date()},
    )
    pd.testing.assert_frame_equal(
        en.push_count(turned, as_of=END, by="rep"), en.push_count(crm, as_of=END, by="rep")
    )
