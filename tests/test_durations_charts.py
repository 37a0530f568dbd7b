"""Charts of days: stays, their median and doubt, and the word where there is none."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day
from test_charts import footer, layer, layers

import enablement as en
from enablement.show import charts, words

CLICKED = {f"C{n}": ("0 Lead@A, 0 Qual@A, 0 Prop@A, 0 Won@A", 1) for n in range(3)}


def time_in_stage(paths: dict[str, tuple[str, float]] = EIGHT, by: str | None = None):
    """How long the opportunities of some paths stay."""
    return en.time_in_stage(company(paths), as_of=day(90), by=by)


def test_stays_are_a_median_with_its_interval_over_the_middle_half():
    """A row per stage in funnel order; how many left and how many are open stand beside it."""
    spec = charts.time_in_stage(time_in_stage()).to_dict()
    assert layers(spec)[:5] == ["quartiles", "interval", "endless", "median", "p90"]
    assert {"numbers left", "numbers open", "cannot_say"} <= set(layers(spec))
    band = layer(spec, "quartiles")["encoding"]
    assert band["y"]["sort"] == EIGHT_SETTINGS["stages"]
    assert band["x"]["scale"]["domain"][0] == 0  # days begin at none
    assert footer(charts.time_in_stage(time_in_stage())).startswith("Definition: days from")


def test_stays_split_by_rep_are_a_panel_per_stage():
    """Rows are reps, columns are stages in funnel order."""
    spec = charts.time_in_stage(time_in_stage(by="rep")).to_dict()
    assert layers(spec) == ["quartiles", "interval", "endless", "median", "cannot_say"]
    assert spec["vconcat"][0]["facet"]["column"]["sort"] == EIGHT_SETTINGS["stages"]


def test_the_open_ones_are_said():
    """Those still there make the median later; the reader is told that they are in it."""
    chart = charts.time_in_stage(time_in_stage())
    assert "still there (open) are counted as undecided" in " ".join(chart.title["subtitle"])


@pytest.mark.parametrize(
    ("paths", "until", "said"),
    [
        (CLICKED, 90, "clicked through in a batch"),  # 3 of 3 in one day
        ({"X": ("0 Lead@A", 1)}, 90, "half have not left yet"),
        ({"X": ("95 Lead@A", 1)}, 90, "none entered"),
    ],
)
def test_a_row_without_days_says_why(paths, until, said):
    """An empty row would look like no days at all."""
    table = en.time_in_stage(company(paths), as_of=day(until))
    assert words.no_days(table)[0] == said
    (rows,) = (
        values
        for values in charts.time_in_stage(table).to_dict()["datasets"].values()
        if "why" in values[0]
    )
    assert rows[0]["why"] == said


def test_an_export_without_the_dates_says_so():
    """Two opportunities with an outcome and no date of any entry."""
    opportunities = pd.DataFrame({"opportunity_id": ["1", "2"], "stage": ["Lead", "Qual"]})
    crm = en.crm(
        opportunities=opportunities, settings={**EIGHT_SETTINGS, "exported_on": day(90).date()}
    )
    table = en.time_in_stage(crm, as_of=day(90))
    assert words.no_days(table)[0] == "dates not recorded"
    assert "Lead cannot be said: when Lead was entered" in charts.time_in_stage(table).description


def test_clicked_through_stages_have_no_longest_stay():
    """Three of ten stays in every stage were written down in one day: more than a fifth."""
    table = time_in_stage(EIGHT | CLICKED)
    said = words.time_in_stage(table)
    assert said.startswith("How long opportunities stay in a stage cannot be said: 3 of 10 stays")
    assert "clicked through all their stages" in charts.time_in_stage(table).description


def test_the_longest_stay_is_named_only_where_it_stands_apart():
    """Of the eight: Qual 18 days, Prop 15, too few to tell. Of 60 with 1 to 5 and 7 to 11: Qual."""
    assert words.time_in_stage(time_in_stage()).startswith("No stage clearly holds them longest")
    paths = {
        f"X{n}": (f"0 Lead@A, {1 + n % 5} Qual@A, {8 + 2 * (n % 5)} Won@A", 1) for n in range(60)
    }
    said = words.time_in_stage(time_in_stage(paths))
    assert said.startswith("Opportunities stay longest in Qual: half have left Qual within 9 days")
