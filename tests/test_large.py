"""What charts and words make of a company of many: six digits, thousands of rows, many reps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, company, day
from test_charts import layer, layers

import enablement as en
from enablement.show import charts, words
from enablement.show.charts import ageing, frame, reps

REPS, EACH = 120, 60
START, SEEN = pd.Timestamp("2026-01-01"), "2026-07-31"
SETTINGS = {"stages": ["Lead", "Qual"], "outcomes": {"Won": "won", "Lost": "lost"}}


@pytest.fixture(scope="module")
def large() -> en.CRM:
    """Of each rep 60 opportunities, most still open; every fourth rep wins what is decided."""
    n = np.arange(REPS * EACH)
    listed = pd.DataFrame(
        {
            "opportunity_id": [f"O{number}" for number in n],
            "rep_id": [f"R{number:03}" for number in n // EACH],
            "amount": 1_000.0,
            "entered_at": START + pd.to_timedelta(n % 200, unit="D"),
        }
    )
    decided = listed[n % EACH < 10]
    won = decided["rep_id"].str[1:].astype(int) % 4 == 0
    ends = decided.assign(
        entered_at=decided["entered_at"] + pd.Timedelta(days=5),
        stage=np.where(won, "Won", "Lost"),
    )
    events = pd.concat([listed.assign(stage="Lead"), ends]).drop(columns="amount")
    stage = listed["opportunity_id"].map(ends.set_index("opportunity_id")["stage"]).fillna("Lead")
    opportunities = listed.drop(columns="entered_at").assign(stage=stage)
    return en.crm(
        opportunities=opportunities,
        stage_events=events,
        settings={**SETTINGS, "exported_on": pd.Timestamp(SEEN).date()},
    )


def test_thousands_of_open_ones_are_drawn_in_few_lines(large):
    """Those of one stage and as many days share a line, which says how many they are."""
    table = en.stale(large, as_of=SEEN)
    assert len(table) == 6_000  # more than Altair draws one by one
    spec = charts.stale(table).to_dict()
    (rows,) = (
        rows
        for rows in spec["datasets"].values()
        if rows and "told" in rows[0] and "days" in rows[0]
    )
    assert len(rows) <= ageing.MOST
    assert sum(row["many"] for row in rows) == len(table)
    assert sum(row["many"] for row in rows if row["late"] == 1) == table["stale"].sum()
    several = next(row for row in rows if row["many"] > 1)
    assert several["told"] == f"{several['many']:,} of them"


def test_of_many_reps_the_surest_are_drawn_and_the_rest_is_said(large):
    """Sixty rows are what a reader goes through; a table has the others."""
    table = en.compare_reps_by_stage(large, as_of=SEEN)
    assert table["rep_id"].nunique() == REPS
    chart = charts.compare_reps_by_stage(table)
    drawn = layer(chart.to_dict(), "cell")["encoding"]["y"]["sort"][1:]
    assert len(drawn) == frame.MOST_GROUPS
    surest = table.groupby("rep_id")["q"].min().nsmallest(REPS // 4).index
    assert set(surest) <= set(drawn)
    assert f"Drawn: the 60 told from the others most surely, of {REPS}." in " ".join(
        chart.title["subtitle"]
    )


def test_of_many_groups_those_that_count_most_are_kept():
    """Whatever order they stand in; few are all kept."""
    many = pd.DataFrame({"group": [f"G{n:03}" for n in range(100)] * 2})
    kept = frame.foremost(many, pd.Series(range(200), dtype="float64"))
    assert list(kept["group"]) == [f"G{n:03}" for n in range(60)] * 2
    assert frame.drawn(kept, many, "that cost most") == " Drawn: the 60 that cost most, of 100."
    untold = frame.foremost(many, pd.Series([float("nan")] * 200))
    assert untold["group"].nunique() == 60  # drawn all the same where nothing tells them apart
    few = many.head(60)
    assert frame.foremost(few, pd.Series(range(60))) is few
    assert frame.drawn(few, few, "that cost most") == ""


def test_counts_of_six_digits_do_not_meet():
    """Each column of numbers is as wide as its longest text; the plot gives way."""
    table = en.conversion(company(EIGHT), as_of=day(90))
    usual = charts.conversion(table).to_dict()
    table[["entered", "moved_on", "lost", "open", "back"]] *= 123_456
    large = charts.conversion(table).to_dict()
    assert large["vconcat"][0]["width"] < usual["vconcat"][0]["width"]
    edges = {
        name.removeprefix("numbers "): layer(large, name)["encoding"]["x"]["value"]
        for name in layers(large)
        if name.startswith("numbers ")
    }
    moved = [f"{m:,} of {n:,}" for m, n in zip(table["moved_on"], table["entered"], strict=True)]
    assert edges["moved on"] - edges["share"] > 6 * max(map(len, moved))
    assert edges["lost"] - edges["moved on"] > 6 * len(f"{table['lost'].max():,}")


def test_amounts_beside_a_funnel_are_short():
    """Nobody reads ten digits."""
    table = en.conversion(company(EIGHT), as_of=day(90), of="value")
    spec = charts.conversion(table).to_dict()
    (calculated,) = (
        step["calculate"]
        for step in layer(spec, "numbers moved on")["transform"]
        if step.get("as") == "number"
    )
    assert " M" in calculated
    assert "format(datum.moved_on, ',')" not in calculated


def test_limits_that_lie_close_share_a_label():
    """Of many decided 95 and 99.8 % are a few pixels apart, at the top as at the bottom."""
    limits = {"lower_95": 0.29, "upper_95": 0.31, "lower_998": 0.288, "upper_998": 0.312}
    near = reps._ends(pd.DataFrame([{"decided": 9_000, **limits}]), [0.0, 1.0])
    assert list(near["end"]) == ["95 and 99.8 %"]
    zoomed = reps._ends(pd.DataFrame([{"decided": 9_000, **limits}]), [0.28, 0.32])
    assert list(zoomed["end"]) == ["99.8 %", "95 %", "95 %", "99.8 %"]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.58, 0.70, "58 to 70 %"),
        (0.1996, 0.2031, "20.0 to 20.3 %"),
        (0.20011, 0.20021, "20.01 to 20.02 %"),
        (0.0011, 0.0042, "0.1 to 0.4 %"),
        (0.97, 0.98, "97.0 to 98.0 %"),
        (0.0, 0.0076, "0.0 to 0.8 %"),
        (0.0002, 0.0076, "< 0.1 to 0.8 %"),
        (0.9911, 0.9997, "99.1 to > 99.9 %"),
    ],
)
def test_a_narrow_interval_has_decimals(low, high, said):
    """So it never reads as one number, and its share is written as exactly."""
    assert words.interval(low, high) == said
    assert words.sure(low, low, high).endswith(" %")


def test_a_share_is_written_as_exactly_as_it_is_known():
    """Of many with a decimal, of few without; without an interval as any share."""
    assert words.sure(0.3049, 0.30, 0.31) == "30.5 %"
    assert words.sure(0.3049, 0.28, 0.33) == "30 %"
    assert words.sure(0.0003, 0.0001, 0.0006) == "< 0.1 %"  # some, and not nothing
    assert words.sure(0.9998, 0.9995, 0.9999) == "> 99.9 %"
    assert words.sure(0.0, 0.0, 0.0001) == "0.0 %"
    assert words.sure(0.3049, float("nan"), float("nan")) == "30 %"


def test_what_the_notebooks_ask_and_no_table_has_is_named(large):
    """Without quotas there is no attainment, and the last answer of a page says so."""
    said = words.cannot_say(large)
    assert "no quotas" in said
    assert "no list prices" in said


def test_a_column_without_a_number_is_left_out(large):
    """Nobody has a quota: neither it nor what is attained of it stands beside the bars."""
    table = en.quota_attainment(large, as_of=SEEN, period="2026Q3", by="rep")
    named = layers(charts.quota_attainment(table).to_dict())
    assert "numbers sold" in named
    assert not {"numbers quota", "numbers attained"} & set(named)


def test_a_page_compares_regions_where_there_are_too_many_teams(large):
    """Of two hundred teams nobody reads two hundred rows; of a few everybody does."""
    opportunities = pd.DataFrame({"opportunity_id": ["1"], "rep_id": ["R0"], "stage": ["Lead"]})

    def company(teams: int, regions: int) -> en.CRM:
        n = np.arange(max(teams, regions))
        listed = {"rep_id": [f"R{i}" for i in n], "team": [f"T{i}" for i in n % teams]}
        reps = pd.DataFrame({**listed, "region": [f"G{i}" for i in n % regions]})
        return en.crm(opportunities=opportunities, reps=reps, settings=SETTINGS)

    assert words.level(company(teams=40, regions=4)) == "team"
    assert words.level(company(teams=41, regions=4)) == "region"
    assert words.level(company(teams=50, regions=50)) == "team"
    assert words.level(large) == "team"  # of which nothing is known: a page says so
