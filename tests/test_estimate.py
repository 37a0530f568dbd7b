"""The estimate, and which number leads, on the eight opportunities counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, company, day
from hypothesis import given, settings
from hypothesis import strategies as st
from recount import STAGES, estimate, incidence, look
from statsmodels.duration.survfunc import CumIncidenceRight
from test_funnel import NINTH, as_events, made

import enablement as en

STEP = st.tuples(
    st.integers(0, 12),
    st.sampled_from([*STAGES, "Won", "Lost", "Cancelled"]),
    st.sampled_from("AB"),
)
PATHS = st.lists(st.lists(STEP, min_size=1, max_size=6), min_size=3, max_size=12)


def at(table: pd.DataFrame, stage: str) -> pd.Series:
    """The row of a stage."""
    return table.set_index("stage").loc[stage]


def test_from_the_first_entry_of_qual_to_won(eight):
    """D1 won after 20 days, D5 55; D3 lost 25, D4 60; D6 open for 20, D7 for 78.

    Day 20: 1 of 6. Day 25: a loss of 4. Day 55: 5/6 * 3/4 * 1/3, together 0.375. Lost 0.417.
    """
    for within in (None, 78):
        qual = at(en.conversion(eight, as_of=day(90), definition="estimate", within=within), "Qual")
        assert qual["to_won"] == pytest.approx(0.375)
        assert qual["to_won_se"] == pytest.approx(0.213, abs=0.0005)
        assert qual["to_lost"] == pytest.approx(5 / 12)
        assert qual["to_won_day"] == 78
        assert 0 < qual["to_won_low"] < 0.375 < qual["to_won_high"] < 1


def test_from_each_stage_onward(eight):
    """Qual: D1 and D4 moved on after 10 days, D5 30, D7 53 (its loss was reopened), D3 lost 25.

    Day 10: 2 of 6. D6 was followed for 20. Day 25: 4/6 * 1/3 lost. Day 30: 4/9 * 1/2. Day 53 the
    rest, 2/9. Moved on 1/3 + 2/9 + 2/9 = 7/9, lost 2/9. From Lead all that can be seen moved on,
    the last after 15 days; D8 is there for 10. At Prop 3 of 5 were won by day 25, the rest lost.
    """
    table = en.conversion(eight, as_of=day(90), definition="estimate")
    assert list(table["rate"]) == pytest.approx([1, 7 / 9, 3 / 5])
    assert list(table["lost_rate"]) == pytest.approx([0, 2 / 9, 2 / 5])
    assert list(table["day"]) == [15, 53, 50]
    assert list(table["undated"]) == [0, 0, 0]
    assert "(Lead 15, Qual 53, Prop 50)" in table.attrs["definition"]


def test_from_the_first_stage_to_won(eight):
    """Lead: won after 25 and 30 days, lost after 40 and 70, open for 10, 30 and 90.

    Day 25: 1 of 6. Day 30: 5/6 * 1/5, together 1/3. Lost: 4/6 * 1/3 + 4/9 * 1/2 = 4/9.
    """
    lead = at(en.conversion(eight, as_of=day(90), definition="estimate"), "Lead")
    assert lead["to_won"] == pytest.approx(1 / 3)
    assert lead["to_lost"] == pytest.approx(4 / 9)
    assert lead["to_won_day"] == 90


def test_a_loss_counts_until_it_is_reopened(eight):
    """On day 45 D7 is lost, 18 days after it entered Qual; on day 90 it has moved on from there.

    Day 45, at Qual: moved on 10, 10 and 30 days, lost 18 (D7) and 25 (D3): all five are decided.
    """
    then = at(en.conversion(eight, as_of=day(45), definition="estimate"), "Qual")
    assert (then["rate"], then["lost_rate"]) == pytest.approx((3 / 5, 2 / 5))
    now = at(en.conversion(eight, as_of=day(90), definition="estimate"), "Qual")
    assert now["lost"] == 1


def test_cancelled_competes_and_is_not_lost():
    """The ninth left Qual after 10 days, cancelled, as D1 and D4 moved on: 1 of 7, 2 of 7."""
    table = en.conversion(company(EIGHT | NINTH), as_of=day(90), definition="estimate", within=10)
    qual = at(table, "Qual")
    assert qual["cancelled_rate"] == pytest.approx(1 / 7)
    assert qual["rate"] == pytest.approx(2 / 7)
    assert qual["lost_rate"] == 0


def test_an_earlier_day_is_read_where_it_is_asked_for(eight):
    """Within 10 days 2 of 6 moved on from Qual; the 10th day counts, and the 9th has none."""
    asked = {"as_of": day(90), "definition": "estimate"}
    assert at(en.conversion(eight, within=10, **asked), "Qual")["rate"] == pytest.approx(1 / 3)
    assert at(en.conversion(eight, within=9, **asked), "Qual")["rate"] == 0


def test_a_group_not_followed_so_long_has_no_estimate():
    """A's ten were all decided on day 5; B's one has been in Lead for 3 days.

    The day to read is that of A, with ten of the eleven, and B is missing. With 3 days asked for
    B can be said: nobody moved on.
    """
    paths = {f"A{n}": (f"0 Lead@A, 5 {'Won' if n < 4 else 'Lost'}@A", 1) for n in range(10)}
    crm = company(paths | {"B1": ("7 Lead@B", 1)})
    asked = {"as_of": day(10), "definition": "estimate", "by": "rep"}
    table = en.conversion(crm, **asked)
    lead = table[table["stage"] == "Lead"].set_index("rep_id")
    assert list(lead["day"]) == [5, 5]
    assert lead.loc["A", "rate"] == pytest.approx(0.4)
    assert pd.isna(lead.loc["B", "rate"])
    short = en.conversion(crm, within=3, **asked)
    assert list(short[short["stage"] == "Lead"]["rate"]) == [0, 0]


def test_what_has_no_date_is_left_out_and_counted():
    """X was lost on a day that nobody wrote down: its time to the loss is not known."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X", "Y"], "stage": ["Lost", "Lead"]}),
        stage_events=pd.DataFrame(
            {"opportunity_id": ["X", "Y"], "entered_at": [day(0), day(1)], "stage": "Lead"}
        ),
        settings={"stages": ["Lead"], "outcomes": {"Won": "won", "Lost": "lost"}},
    )
    row = en.conversion(crm, as_of=day(9), definition="estimate").iloc[0]
    assert (row["entered"], row["undated"]) == (1, 1)


def test_the_headline_is_the_estimate_where_many_are_open(eight):
    """3 of 8 are open on day 90, so `estimate` leads and `reached` stands beside it."""
    table = en.conversion(eight, as_of=day(90), definition="headline")
    assert table.attrs["headline"] == "estimate"
    assert list(table["rate"]) == pytest.approx([1, 7 / 9, 3 / 5])
    assert list(table["reached"]) == [7 / 8, 5 / 7, 3 / 5]
    assert table.attrs["definition"].startswith("headline, since 38 % are still open: estimate:")
    said = en.words.conversion(table)
    assert said.startswith("No stage stands out: the lowest, Prop with an estimated 60 % of 5")
    told = en.words.maturing(table)
    assert told.startswith("38 % of the opportunities whose entries are recorded are still open")
    assert told.endswith("undecided, not as failed.")


def test_the_headline_is_reached_where_a_tenth_is_open():
    """One of ten is open: no more than a tenth; two of eleven are more."""
    paths = {f"X{n}": ("0 Lead@A, 5 Lost@A", 1) for n in range(9)}
    ripe = en.conversion(
        company(paths | {"Y": ("0 Lead@A", 1)}), as_of=day(90), definition="headline"
    )
    assert ripe.attrs["headline"] == "reached"
    assert list(ripe["reached"])[:1] == list(ripe["rate"])[:1] == [0.0]
    more = {"Y": ("0 Lead@A", 1), "Z": ("0 Lead@A", 1)}
    unripe = en.conversion(company(paths | more), as_of=day(90), definition="headline")
    assert unripe.attrs["headline"] == "estimate"


def test_the_headline_counts_those_begun_in_the_period(eight):
    """Of those begun in days 45 to 90, D6 and D8, both are open."""
    table = en.conversion(eight, as_of=day(90), definition="headline", period=(day(45), day(90)))
    assert list(table["entered"]) == [2, 1, 0]
    assert "begun in" in table.attrs["definition"]


def quarters() -> en.CRM:
    """Ten begun in the first quarter of 2026, all decided; ten on day 95, nine of them open."""
    old = {f"O{n}": (f"{n} Lead@A, {n + 20} {'Won' if n < 6 else 'Lost'}@A", 1) for n in range(10)}
    new = {f"N{n}": ("95 Lead@A", 1) for n in range(9)} | {"N9": ("95 Lead@A, 99 Won@A", 1)}
    return company(old | new)


def test_cohorts_of_unequal_maturity_are_not_compared():
    """A sentence says so in the place of a verdict; rates stand, and what is open beside them."""
    table = en.conversion(quarters(), as_of=day(100), by="period")
    assert list(table["period"].unique()) == ["2026Q1", "2026Q2"]
    said = (
        "The periods are not equally mature, so they are not compared: of 2026Q2 90 % are still "
        "open, of 2026Q1 0 %."
    )
    assert table.attrs["verdict"] == table.attrs["maturity"] == said
    assert en.words.conversion(table) == table.attrs["maturity"]
    rates = en.win_rate(quarters(), as_of=day(100), by="period", cohort="begun")
    assert rates.attrs["verdict"].startswith("The periods are not equally mature")
    assert not rates.attrs["differ"]
    cycle = en.sales_cycle(quarters(), as_of=day(100), by="period", cohort="begun")
    assert cycle.attrs["verdict"].startswith("The periods are not equally mature")


def test_cohorts_of_the_same_age_are():
    """Both are read after 5 days: by then none of the first was won, of the second 1 of 10."""
    table = en.conversion(quarters(), as_of=day(100), by="period", definition="headline")
    lead = table[table["stage"] == "Lead"].set_index("period")
    assert list(lead["day"]) == [5, 5]
    assert list(lead["rate"]) == pytest.approx([0, 0.1])
    assert table.attrs["definition"].startswith("headline, since 45 % are still open: estimate")


def test_decided_quarters_are_compared():
    """Those closed in a quarter are all decided, whenever it was."""
    table = en.win_rate(quarters(), as_of=day(200), by="period")
    assert list(table["period"]) == ["2026Q1", "2026Q2"]
    assert table.attrs["maturity"] == ""
    assert table.attrs["verdict"].startswith("Between the 2 quarters")


@pytest.mark.parametrize(
    "fiscal_year",
    [
        *({"first_month": month} for month in range(1, 13)),
        {"first_month": 4, "named_after": "start"},
        {"last_month": 1, "weeks": "4-5-4", "ends": "Saturday nearest", "named_after": "start"},
        {"last_month": 9, "weeks": "5-4-4", "extra_week": "M03"},
    ],
)
def test_a_period_is_the_calendars_own_quarter(fiscal_year):
    """Every week of two years falls into the quarter that the fiscal calendar names.

    One is entered at the last moment of a Saturday and one at the first of a Sunday,
    between which a quarter of weeks ends.
    """
    saturdays = pd.date_range("2022-12-31 23:59:59", "2024-12-31", freq="7D")
    days = [*saturdays, *(saturdays + pd.Timedelta(seconds=1))]
    ids = [f"X{n:03}" for n in range(len(days))]
    history = pd.DataFrame({"opportunity_id": ids, "entered_at": days, "stage": "Lead"})
    crm = en.crm(
        opportunities=history[["opportunity_id"]],
        stage_events=history,
        settings={"stages": ["Lead"], "outcomes": {"Won": "won"}, "fiscal_year": fiscal_year},
    )
    table = en.conversion(crm, as_of="2025-01-31", by="period")
    named = pd.Series([crm.settings.calendar.quarter(when.date()).name for when in days])
    expected = named.value_counts().sort_index()
    assert dict(zip(table["period"], table["entered"], strict=True)) == expected.to_dict()


def followed(history: pd.DataFrame, until: int, stage: str) -> list[tuple[int, str]]:
    """Days and first outcome of each opportunity at a stage, counted a second way."""
    place, found = STAGES.index(stage) + 1, []
    for _, rows in history.groupby("opportunity_id"):
        days = (rows["entered_at"] - day(0)).dt.days
        seen = look(list(zip(days, rows["stage"], rows["rep_id"], strict=True)), until)
        if seen is not None:
            found += [first for passage, first, _ in estimate(seen) if passage.place == place]
    return found


@settings(max_examples=4, deadline=None)
@given(paths=PATHS, until=st.integers(0, 13))
def test_against_statsmodels_and_a_count_by_hand(paths, until):
    """Ties are the rule here: thirteen days for all. Shares and errors to 1e-9."""
    history = as_events(paths)
    table = en.conversion(made(history), as_of=day(until), definition="estimate")
    for stage in STAGES:
        assert_followed(at(table, stage), followed(history, until, stage))


def assert_followed(row: pd.Series, rows: list[tuple[int, str]]) -> None:
    """A row says what statsmodels and the sums by hand say of those followed."""
    assert row["entered"] == len(rows)
    if not rows:
        assert pd.isna(row["rate"])
        return
    read = int(row["day"])
    by_hand = [float(incidence([(*r, 1) for r in rows], what, read)) for what in OUTCOMES]
    found = [row["rate"], row["lost_rate"], row["cancelled_rate"]]
    assert found == pytest.approx(by_hand, abs=1e-9)
    codes = np.array([CODES[what] for _, what in rows])
    if set(codes) & {1}:
        with np.errstate(all="ignore"):
            theirs = CumIncidenceRight(np.array([float(t) for t, _ in rows]), codes)
        last = np.flatnonzero(theirs.times <= read)[-1]
        assert row["rate"] == pytest.approx(theirs.cinc[0][last], abs=1e-9)
        if np.isfinite(theirs.cinc_se[0][last]):
            assert row["se"] == pytest.approx(theirs.cinc_se[0][last], abs=1e-9)


OUTCOMES = ("moved on", "lost", "cancelled")
CODES = {"open": 0, "moved on": 1, "lost": 2, "cancelled": 3}
