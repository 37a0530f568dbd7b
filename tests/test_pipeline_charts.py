"""Charts of the pipeline by their structure, and what their titles say of numbers known by hand."""

from __future__ import annotations

import pandas as pd
import pytest
import test_ageing
import test_closedates
import test_discounts
import test_pipeline
import test_waterfall
from conftest import company as firm
from conftest import day
from test_charts import layer, layers
from test_durations_charts import CLICKED
from test_pipeline import END
from test_waterfall import FROM, TO

import enablement as en
from enablement.show import charts, descriptions, theme
from enablement.show.charts import frame

CLOSE = test_closedates.END
AGED = {"as_of": "2026-04-11", "limit": "median"}


def title(chart) -> str:
    """The finding of a chart in a line."""
    return " ".join(chart.title["text"])


def drawn(chart, name: str) -> list[dict]:
    """The rows that a layer of the plot draws."""
    spec = chart.to_dict()
    plot = spec["vconcat"][0]
    data = layer(spec, name).get("data", plot.get("data"))
    return spec["datasets"][data["name"]]


def attainment(by: str | None = None, **change: object) -> pd.DataFrame:
    """Sold against quota, of the little company."""
    return en.quota_attainment(test_pipeline.company(**change), as_of=END, period="2026Q1", by=by)


def test_sold_is_a_bar_and_the_quota_a_line():
    """180 of 180 were sold, 150 of 120 by A and 30 of 60 by B: one of two reps reached theirs."""
    chart = charts.quota_attainment(attainment())
    assert title(chart) == (
        "$180 was sold in 2026Q1 of a quota of $180: 100 %, $0 more; 1 of 2 reps reached theirs."
    )
    spec = chart.to_dict()
    assert layers(spec)[:3] == ["bar", "target", "none"]
    assert layer(spec, "target")["mark"]["type"] == "tick"
    assert "numbers reps at it" in layers(spec)


def test_who_reached_the_quota_is_marked():
    """A did and B did not; the title counts them, the rows stay in the order of the table."""
    chart = charts.quota_attainment(attainment(by="rep"))
    assert title(chart) == "1 of 2 reps reached their quota of 2026Q1."
    rows = drawn(chart, "bar")
    assert [(row["group"], row["reached"]) for row in rows] == [("A", True), ("B", False)]


def test_without_quotas_there_is_a_bar_and_no_line():
    """What was sold is known, and held against nothing."""
    none = test_pipeline.QUOTAS.assign(period="2020Q1")
    chart = charts.quota_attainment(attainment(quotas=none))
    assert title(chart).endswith("there is no quota to hold it against.")
    assert drawn(chart, "target")[0]["target"] is None
    assert layer(chart.to_dict(), "bar")["encoding"]["x"]["scale"]["domain"] == [0, 180]


def test_an_axis_has_an_end_where_all_is_missing():
    """A drawing engine warns of a field without a value, and would draw nothing at all."""
    assert frame.extent(pd.Series([None, None], dtype="float64")) == [0, 1]
    assert frame.extent(pd.Series([-2.0, 5.0]), pd.Series([7.0])) == [-2, 7]


def test_coverage_says_how_often_the_open_holds_what_is_left():
    """200 and 100 are open and due, of 150 still to be sold; at 54 of 79 won, 219 do."""
    crm = test_pipeline.company()
    table = en.pipeline_coverage(crm, as_of=END, period="2026Q2")
    chart = charts.pipeline_coverage(table)
    begins = "$300 is open and due in 2026Q2, 2.0 times the $150 still to be sold; $219 is required"
    assert title(chart).replace("\n", " ").startswith(begins)
    by_rep = en.pipeline_coverage(crm, as_of=END, period="2026Q2", by="rep")
    assert title(charts.pipeline_coverage(by_rep)).startswith("0 of 2 reps have less open")


def test_reps_of_a_coverage_stand_in_the_order_of_the_attainment():
    """By their names, not by their ids: a table and its neighbour list the same people alike."""
    reps = pd.DataFrame({"rep_id": ["A", "B"], "name": ["Zoe", "Ann"]})
    crm = test_pipeline.company(reps=reps)
    sold = en.quota_attainment(crm, as_of=END, period="2026Q2", by="rep")
    due = en.pipeline_coverage(crm, as_of=END, period="2026Q2", by="rep")
    assert list(due["rep_id"]) == list(sold["rep_id"]) == ["B", "A"]


def test_what_was_created_by_type_names_the_kind_that_prevails():
    """In 2026Q1 were created 100, 30, 500, 100 and 70 of new and 200 of existing business."""
    crm = test_pipeline.company()
    table = en.pipeline_created(crm, as_of=END, period="2026Q1", by="type")
    chart = charts.pipeline_created(table)
    assert title(chart) == (
        "6 opportunities were created in 2026Q1, worth $1.00 k; 80 % of it is new business."
    )
    assert layers(chart.to_dict())[0] == "bar"


def test_what_was_created_by_quarter_is_a_bar_per_quarter():
    """Two in the quarter before (900 and 50), six in this one (1,000)."""
    crm = test_pipeline.company()
    period = ("2025-10-01", END)
    table = en.pipeline_created(crm, as_of=END, period=period, by="period")
    assert table[["period", "created", "amount"]].to_numpy().tolist() == [
        ["2025Q4", 2, 950.0],
        ["2026Q1", 6, 1000.0],
    ]
    chart = charts.pipeline_created(table)
    assert title(chart).endswith("$1.00 k of it in 2026Q1, before that $950 a quarter.")
    assert layers(chart.to_dict()) == ["bar", "amount", "created"]


def test_the_amount_over_a_bar_has_its_room():
    """Seven letters such as $8.36 M, 7 px each, and half a letter to the next on either side."""
    span = ("2025-10-01", END)
    table = en.pipeline_created(test_pipeline.company(), as_of=END, period=span, by="period")
    bars = charts.pipeline_created(table).to_dict()["vconcat"][0]
    assert bars["width"] >= len(table) * (7 * frame.LETTER + frame.LETTER)


def test_created_without_a_type_or_an_amount_is_said_so():
    """Of six one has no type and one no amount: no owner is meant, and the sum is not of all."""
    some = test_pipeline.OPPORTUNITIES.copy()
    some.loc[some["opportunity_id"] == "1", ["type", "amount"]] = None
    crm = test_pipeline.company(opportunities=some)
    table = en.pipeline_created(crm, as_of=END, period="2026Q1", by="type")
    assert table["without_amount"].sum() == 1
    chart = charts.pipeline_created(table)
    assert title(chart).startswith("6 opportunities were created in 2026Q1, worth $900 (1 without")
    assert "not known" in {row["group"] for row in drawn(chart, "bar")}
    said = en.words.headline(crm, period="2026Q1", as_of=END)
    assert "6 opportunities created ($900, 1 without an amount)" in said


def test_a_first_quarter_has_nothing_before_it():
    """Nothing was created in 2025Q3: there is no amount to hold the next quarter against."""
    crm = test_pipeline.company()
    span = ("2025-07-01", "2025-12-31")
    chart = charts.pipeline_created(
        en.pipeline_created(crm, as_of="2025-12-31", period=span, by="period")
    )
    assert title(chart).endswith("$950 of it in 2025Q4, nothing before that.")


def test_without_amounts_what_was_created_is_counted():
    """The bars are numbers then, and no money is written."""
    nothing = test_pipeline.OPPORTUNITIES.assign(amount=None)
    crm = test_pipeline.company(opportunities=nothing)
    chart = charts.pipeline_created(en.pipeline_created(crm, as_of=END, period="2026Q1", by="type"))
    assert "worth" not in title(chart)
    assert [row["bar"] for row in drawn(chart, "bar")] == [1, 5]
    assert "their amounts are not known" in " ".join(chart.title["subtitle"])


def changes(**more: object) -> pd.DataFrame:
    """What changed in the third quarter, of what is due in it."""
    return en.pipeline_changes(test_waterfall.company(), since=FROM, as_of=TO, due="2026Q3", **more)


def test_a_waterfall_goes_from_the_opening_to_the_closing():
    """Six of 100 were open; 100 + 150 + 50 + 70 + 30 = 400 are at the end."""
    chart = charts.pipeline_changes(changes())
    assert title(chart).startswith(
        "The open pipeline due in 2026Q3 shrank, from $600 to $400 since 2026-06-30:"
    )
    spec = chart.to_dict()
    assert layers(spec) == ["step", "bar", "numbers how many", "", "numbers amount", "", "none"]
    sort = layer(spec, "bar")["encoding"]["y"]["sort"]
    assert (sort[0], sort[-1]) == ("opening", "closing")
    colours = {c["value"] for c in layer(spec, "bar")["encoding"]["color"]["condition"]}
    assert {theme.WON, theme.LOST} <= colours


def test_a_change_that_is_not_recorded_says_so():
    """A history without amounts cannot show that they changed: that is no zero."""
    crm = test_waterfall.company(stage_events=test_waterfall.EVENTS.drop(columns="amount"))
    chart = charts.pipeline_changes(en.pipeline_changes(crm, since=FROM, as_of=TO))
    why = {row["part"]: row["why"] for row in drawn(chart, "bar")}
    assert (why["amount changed"], why["reopened"]) == ("not recorded", "none")


def test_changes_by_rep_have_a_panel_for_each_part_that_happened():
    """Their bars have one scale; the sign stands in the number."""
    spec = charts.pipeline_changes(changes(by="rep")).to_dict()
    assert layers(spec) == ["bar", "number"]
    assert spec["vconcat"][0]["facet"]["column"]["sort"][0] == "opening"


@pytest.fixture(scope="module")
def moving() -> en.CRM:
    """Four opportunities with the history of their close dates."""
    return en.crm(
        opportunities=test_closedates.OPPORTUNITIES,
        stage_events=test_closedates.EVENTS,
        settings={**test_closedates.SETTINGS, "exported_on": pd.Timestamp(CLOSE).date()},
    )


def test_pushes_are_a_share_with_its_interval(moving):
    """Two of the three with a close date were pushed, D1 twice and D3 once."""
    chart = charts.push_count(en.push_count(moving, as_of=CLOSE))
    assert "67 % of 3 opportunities" in title(chart)
    assert title(chart).endswith("were moved to a later quarter, 3 times in all.")
    assert layers(chart.to_dict())[:3] == ["overall", "interval", "rate"]


def test_what_slipped_is_a_bar_of_what_became_of_it(moving):
    """D1 and D3 were due when the second quarter began; both were still open at its end."""
    table = en.slip_rate(moving, as_of=CLOSE, period="2026Q2")
    chart = charts.slip_rate(table)
    assert title(chart).startswith("Of 2 due in 2026Q2, 0 were won: 100 %")
    assert title(chart).endswith("2 of them still open at its end.")
    assert layers(chart.to_dict())[:2] == ["bar", "interval"]
    by_rep = charts.slip_rate(en.slip_rate(moving, as_of=CLOSE, period="2026Q2", by="rep"))
    assert layers(by_rep.to_dict())[:3] == ["overall", "interval", "rate"]


def test_stale_ones_are_marked_beyond_the_limit_of_their_stage():
    """Of leads that left within 1 to 10 days and some that wait, the one of 30 days is stale."""
    history = test_ageing.history(list(range(1, 11)), [0, 5, 30])
    table = en.stale(test_ageing.company(history, amount=100.0), **AGED)
    chart = charts.stale(table)
    late = {row["days"]: row["late"] for row in drawn(chart, "opportunity")}
    assert (late[0], late[30]) == (0, 1)
    assert layers(chart.to_dict())[:2] == ["opportunity", "limit"]
    listed = en.tables.stale(table)
    assert listed["days there"].iloc[0] == "30"
    assert len(listed) == table["stale"].sum()


def test_a_stage_without_a_limit_is_named_with_its_reason():
    """Three of three stays in each stage were written down in one day."""
    table = en.stale(firm(CLICKED | {"X": ("0 Lead@A", 1)}), as_of=day(90))
    said = " ".join(charts.stale(table).title["subtitle"])
    assert "No limit for Lead: 3 of 4 stays belong to opportunities that were clicked" in said
    assert "in one day. No limit for Qual: 3 of 3 stays" in said


def test_a_discount_has_its_mean_and_that_of_the_sums():
    """A: 10 and 20 %, and 19 % of the sums; B sold one above the list price."""
    table = en.discount_rate(test_discounts.company(), as_of=test_discounts.END, by="rep")
    chart = charts.discount_rate(table)
    assert layers(chart.to_dict())[:3] == ["interval", "rate", "by value"]
    said = {row["group"]: (row["mean_said"], row["rate_said"]) for row in drawn(chart, "rate")}
    assert said["A"] == ("15 %", "19 %")
    assert layer(chart.to_dict(), "interval")["encoding"]["x"]["scale"]["domain"][0] < 0
    assert "1 won without a list price are in no figure" in " ".join(chart.title["subtitle"])


def test_velocity_shows_its_factors_and_what_they_make(moving):
    """Five panels in the order in which they are multiplied; the words write the sum out.

    Seven letters such as $25.4 k fit beside the bar, which may be as wide as its panel.
    """
    crm = test_pipeline.company()
    table = en.sales_velocity(crm, as_of=END)
    chart = charts.sales_velocity(table)
    panels = chart.to_dict()["vconcat"][0]["hconcat"]
    names = [panel["name"].removesuffix("_0") for panel in panels]
    assert names == ["open", "win_rate", "average", "days", "velocity"]
    assert "3 open × 75 % won" in title(chart)
    nothing = en.sales_velocity(crm, as_of=END, period="2026Q2")
    assert title(charts.sales_velocity(nothing)).endswith("cannot be said: nothing was won.")
    lost = test_pipeline.company(opportunities=test_pipeline.OPPORTUNITIES.replace("Won", "Lost"))
    nothing = en.sales_velocity(lost, as_of=END)
    assert title(charts.sales_velocity(nothing)).endswith("cannot be said: nothing was won.")
    ends = [layer["encoding"]["x"]["value"] for layer in panels[2]["layer"][1:]]
    assert min(ends) - 7 * frame.LETTER >= panels[2]["width"]


def test_leaving_the_process_is_a_row_per_way_or_a_panel_per_way():
    """For all together, by stage and by rep."""
    crm = en.world.simulate(5, reps=6, quarters=3).crm
    until = {"as_of": "2026-09-30"}
    whole = charts.process_conformance(en.process_conformance(crm, **until)).to_dict()
    assert layers(whole)[:2] == ["interval", "rate"]
    for by in ("stage", "rep"):
        spec = charts.process_conformance(en.process_conformance(crm, by=by, **until)).to_dict()
        assert spec["vconcat"][0]["facet"]["column"]["sort"][0].replace("\n", " ") in (
            "skipped a stage"
        )


def test_numbers_that_are_heard_are_those_of_the_table():
    """A attained 125 % and B 50; 300 is open and due for twice as much as is left."""
    assert descriptions.quota_attainment(attainment(by="rep")) == (
        "Sold: $180; attained: 50 to 125 %."
    )
    table = en.pipeline_coverage(test_pipeline.company(), as_of=END, period="2026Q2")
    assert descriptions.pipeline_coverage(table) == "Open and due: $300; coverage: 2.0."


def test_tables_for_reading_have_no_more_than_seven_columns():
    """With the groups, and money as it is written."""
    table = en.tables.quota_attainment(attainment(by="rep"))
    assert table.loc["A"].tolist() == ["2", "$150", "$120", "125 %", "1 of 1"]
    coverage = en.pipeline_coverage(test_pipeline.company(), as_of=END, period="2026Q2")
    assert en.tables.pipeline_coverage(coverage).loc["All"].tolist() == ["2", "$300", "$150", "2.0"]
