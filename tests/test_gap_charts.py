"""The process map: what is marked, what stands beside it, and what it says where not much is."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

import numpy as np
import pytest
from plans import XYZ, ground
from test_charts import footer

import enablement as en
from enablement.plan import benchmarks, gap
from enablement.show import charts, theme

LEAK = (0.60, 0.75, 0.70)  # desired, where 0.60, 0.50 and 0.70 move on
LONG = tuple(f"{n} proposal and price quote sent to the economic buyer" for n in range(3))


@functools.cache
def found(wanted=LEAK, *, by=None, stages=None, metric="won amount", reps=8):
    at = ground(reps, metric=metric)
    funnel = dataclasses.replace(at.funnel, stages=stages or at.funnel.stages)
    base = dataclasses.replace(at.base, currency="USD")
    at = dataclasses.replace(at, funnel=funnel, base=base)
    held = benchmarks._known(np.array(wanted, dtype=float), "desired")
    return gap.gap_of(at, held, by=by)


def plots(chart: Any) -> list[dict[str, Any]]:
    """The rates and the costs, each with its layers."""
    return chart.to_dict()["vconcat"][0]["hconcat"]


def named(plot: dict[str, Any]) -> list[str]:
    return [layer.get("name", "").rstrip("_0123456789") for layer in plot["layer"]]


def test_the_map_is_rates_and_costs_in_funnel_order():
    """Present and desired state beside each other, then what lies between, with the chance."""
    rates, costs = plots(charts.stage_gap(found()))
    assert named(rates) == ["interval", "way", "rate", "benchmark"]
    assert {"bar", "interval", "numbers costs", "numbers won", "numbers worst", "none"} <= {
        *named(costs)
    }
    assert rates["layer"][0]["encoding"]["y"]["sort"] == ["Lead", "Qual", "Prop"]


def test_the_worst_stage_is_marked_and_named():
    """Qual moves on 50 % of the time and should 75 %: the accent, the title and the axis say so."""
    table = found()
    chart = charts.stage_gap(table)
    assert table.attrs["stands_out"] == "Qual"
    assert " ".join(chart.title["text"]) == en.words.stage_gap(table)
    assert en.words.stage_gap(table).startswith("Qual costs most: $")
    rates, costs = plots(chart)
    bar = costs["layer"][0]["encoding"]["color"]
    assert bar["condition"] == {"test": 'datum.stage === "Qual"', "value": theme.ACCENT}
    weight = rates["layer"][0]["encoding"]["y"]["axis"]["labelFontWeight"]
    assert weight["condition"]["test"] == 'datum.value === "Qual"'
    assert footer(chart).startswith("Definition: cost: what the goal's twelve months lose")


def test_where_no_stage_stands_out_none_is_marked():
    """Each stage at what it should be, give or take chance: the title says so."""
    table = found((0.605, 0.505, 0.705))
    assert table.attrs["stands_out"] is None
    chart = charts.stage_gap(table)
    assert en.words.stage_gap(table).startswith("No stage stands out: ")
    assert json.dumps(chart.to_dict()).count('"test": "false"') == 3  # way, rate and bar


def test_a_probability_that_was_drawn_is_never_all_or_nothing():
    """4,000 draws of 4,000 are more than 99 %, not 100 %."""
    table = found()
    assert table["probability_worst"].max() == 1
    assert "> 99 %" in en.words.stage_gap(table)
    assert en.words.chance(0.0) == "< 1 %"
    assert en.words.chance(float("nan")) == "–"


def test_what_is_counted_has_no_column_of_units():
    """A goal in won ones loses won ones: the same number twice tells nothing."""
    _, costs = plots(charts.stage_gap(found(metric="won count")))
    assert "numbers won" not in named(costs)
    assert "$" not in en.words.stage_gap(found(metric="won count"))


def test_stated_rates_are_drawn_without_doubt_and_say_so():
    """Company XYZ: 25 % where 40 % are desired loses 600,000, which nothing says the doubt of."""
    plan = {**XYZ, "desired": {"Answer": 0.40}}
    chart = charts.stage_gap(en.stage_gap(None, plan, as_of=None))
    said = " ".join(chart.title["text"])
    assert said.startswith("Answer costs most, 600 k of 600 k, by the rates that are stated")
    assert "interval" not in " ".join(chart.title["subtitle"])
    assert "without intervals" in footer(chart)
    assert footer(chart).endswith("As the plan states it.")


def test_without_any_benchmark_the_rates_are_still_there():
    """Each row says why it has no cost."""
    table = en.stage_gap(None, XYZ, as_of=None)
    chart = charts.stage_gap(table)
    _, costs = plots(chart)
    assert not [name for name in named(costs) if name.startswith("numbers")]
    assert "should" not in " ".join(chart.title["subtitle"])
    assert en.words.stage_gap(table) == (
        "No stage has a benchmark: state desired rates, or ask of an export that records the "
        "stages."
    )


def test_long_names_get_the_lines_they_need():
    """Three lines of 15 px each, in both plots."""
    heights = {plot["height"] for plot in plots(charts.stage_gap(found(stages=LONG)))}
    assert heights == {3 * (3 * 15 + 4)}


def test_teams_with_long_names_can_be_told_apart():
    """What tells them apart stands at the end: every letter is shown, and rows have the room."""
    table = found(by="team")
    long = {name: f"Enterprise and Public Sector Sales {name} (EMEA)" for name in table["team"]}
    spec = charts.stage_gap(table.assign(team=table["team"].map(long))).to_dict()["vconcat"][0]
    axis = next(layer for layer in spec["spec"]["layer"] if "y" in layer["encoding"])
    names = axis["encoding"]["y"]["sort"]
    assert [name.replace("\n", " ") for name in names] == list(long.values())
    widest = max(len(line) for name in names for line in name.split("\n"))
    assert widest * 7 <= axis["encoding"]["y"]["axis"]["labelLimit"]
    assert spec["spec"]["height"] >= 4 * 15 * max(name.count("\n") + 1 for name in names)


@pytest.mark.parametrize(("by", "rows"), [("team", 4), ("rep", 8)])
def test_split_there_is_a_panel_per_stage(by, rows):
    """And a point is in colour only where it surely is below the benchmark."""
    table = found(by=by)
    spec = charts.stage_gap(table).to_dict()["vconcat"][0]
    assert [layer["name"].removesuffix("_0") for layer in spec["spec"]["layer"]] == [
        "benchmark",
        "interval",
        "rate",
    ]
    color = spec["spec"]["layer"][2]["encoding"]["color"]["condition"]
    assert color["test"] == f"datum.probability_below >= {table.attrs['sure']!r}"
    assert table.attrs["sure"] == 1 - gap.ALPHA / (3 * rows)
    assert "of them at Qual" in en.words.stage_gap(table)


def test_a_single_one_that_is_sure_is_named():
    """One rep alone below by far: the sentence names the rep and the stage."""
    table = found(by="team").copy()
    table["probability_below"] = 0.5
    table.loc[4, "probability_below"] = 1.0
    table.attrs = found(by="team").attrs
    assert en.words.stage_gap(table).startswith("Team 1 at Qual surely is below the benchmark")


def test_the_table_for_reading_has_seven_columns_at_most():
    """Stage, present, desired, needed, cost, units, worst."""
    shown = en.tables.stage_gap(found())
    assert [shown.columns.name, *shown.columns] == [
        *("stage", "moves on (90 %)", "should", "needed"),
        *("costs (90 %)", "won", "worst"),
    ]
    assert shown.loc["Qual", "should"] == "75 %"
