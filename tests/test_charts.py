"""Charts by their structure: what is drawn, in which order, and what the words say."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day

import enablement as en
from enablement.show import charts, theme


def layers(spec: dict[str, Any]) -> list[str]:
    """Names of the layers of the plot; Altair adds a number to those of a concatenation."""
    plot = spec["vconcat"][0]
    return [layer.get("name", "").removesuffix("_0") for layer in plot.get("spec", plot)["layer"]]


def layer(spec: dict[str, Any], name: str) -> dict[str, Any]:
    """One layer of the plot."""
    return spec["vconcat"][0]["layer"][layers(spec).index(name)]


def footer(chart: Any) -> str:
    """The words under a chart."""
    return " ".join(chart.vconcat[1].data["line"])


def stages() -> pd.DataFrame:
    """The conversion of the eight."""
    return en.conversion(company(EIGHT), as_of=day(90))


def test_a_funnel_is_bars_with_intervals_in_funnel_order():
    """The open part is drawn behind, the counts beside."""
    spec = charts.conversion(stages()).to_dict()
    assert {"maturing", "bar", "interval", "numbers moved on", "numbers open"} <= set(layers(spec))
    bar = layer(spec, "bar")
    assert bar["encoding"]["y"]["sort"] == EIGHT_SETTINGS["stages"]
    assert bar["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_the_title_says_the_finding_and_the_footer_the_definition():
    """And the description, for those who hear the chart, says both."""
    table = stages()
    chart = charts.conversion(table)
    assert " ".join(chart.title["text"]) == en.words.conversion(table)
    assert footer(chart).startswith("Definition: reached: moved on / entered")
    assert "As of 2026-04-01." in footer(chart)
    assert table.attrs["definition"] in chart.description


def test_only_the_stage_that_stands_out_has_the_accent():
    """Eight opportunities let none stand out; with 300 the one that leaks does."""
    plain = charts.conversion(stages()).to_json()
    assert theme.ACCENT not in plain or '"test": "false"' in plain
    paths = {f"X{n}": ("0 Lead@A, 1 Qual@A, 2 Lost@A", 1) for n in range(200)}
    paths |= {f"W{n}": ("0 Lead@A, 1 Qual@A, 2 Prop@A, 3 Won@A", 1) for n in range(100)}
    table = en.conversion(company(paths), as_of=day(90))
    assert en.words.conversion(table) == "The fewest move on from Qual: 33 % of 300."
    assert 'datum.stage === \\"Qual\\"' in charts.conversion(table).to_json()


def test_split_by_rep_there_is_a_panel_per_stage():
    """Rows are reps, columns are stages in funnel order."""
    table = en.conversion(company(EIGHT), as_of=day(90), by="rep")
    spec = charts.conversion(table).to_dict()
    assert layers(spec) == ["overall", "interval", "rate", "none"]
    assert spec["vconcat"][0]["facet"]["column"]["sort"] == EIGHT_SETTINGS["stages"]


def test_a_rep_chart_shows_rate_interval_and_count_and_no_rank():
    """The order is that of the table; its title is the verdict."""
    reps = pd.DataFrame({"rep_id": ["B", "A", "C"], "name": ["Zoe", "Ann", "Cem"]})
    table = en.win_rate(company(EIGHT, reps=reps), as_of=day(90), by="rep")
    chart = charts.win_rate(table)
    spec = chart.to_dict()
    assert layers(spec) == ["overall", "interval", "rate", "numbers", "none"]
    rate = layer(spec, "rate")
    assert rate["encoding"]["y"]["sort"] == ["Ann", "Cem", "Zoe"]
    assert " ".join(chart.title["text"]) == table.attrs["verdict"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda crm, by: charts.conversion(en.conversion(crm, as_of=day(90), by=by)),
        lambda crm, by: charts.win_rate(en.win_rate(crm, as_of=day(90), by=by)),
        lambda crm, by: charts.sales_cycle(en.sales_cycle(crm, as_of=day(90), by=by)),
    ],
)
@pytest.mark.parametrize("by", [None, "rep"])
@pytest.mark.parametrize("until", [-5, 90])
def test_every_chart_is_a_valid_spec_also_of_nothing(draw, by, until):
    """Altair validates against the schema; an empty company draws words, not an error."""
    paths = EIGHT if until > 0 else {"X": ("95 Lead@A", 1)}
    spec = draw(company(paths), by).to_dict()
    assert spec["vconcat"][1]["name"] == "footer"


def test_charts_change_no_table():
    """What goes in is the same afterwards."""
    table = stages()
    before = table.copy(deep=True)
    charts.conversion(table)
    pd.testing.assert_frame_equal(table, before)


def test_names_from_the_data_stay_text():
    """A stage called after an expression of Vega is a name, in the accent's test too."""
    evil = 'Q" || alert(1) || "'
    settings = {"stages": ["Lead", evil], "outcomes": {"Won": "won", "Lost": "lost"}}
    history = pd.DataFrame(
        [(f"x{n}", day(k), s) for n in range(99) for k, s in enumerate(["Lead", evil, "Lost"])],
        columns=["opportunity_id", "entered_at", "stage"],
    )
    won = pd.DataFrame({"opportunity_id": ["w"], "entered_at": [day(0)], "stage": ["Won"]})
    history = pd.concat([history, won])
    crm = en.crm(
        opportunities=history[["opportunity_id"]].drop_duplicates(),
        stage_events=history,
        settings=settings,
    )
    chart = charts.conversion(en.conversion(crm, as_of=day(90)))
    spec = chart.to_dict()
    bar = layer(spec, "bar")
    test = bar["encoding"]["color"]["condition"]["test"]
    assert test == 'datum.stage === "Q\\" || alert(1) || \\""'


def test_tables_say_in_words_that_they_have_no_rows(tmp_path):
    """An empty frame shows no empty frame."""
    crm = company(EIGHT)
    assert repr(en.tables.set_aside(crm.quality)) == "No row was set aside."
    assert en.tables.set_aside(crm.quality)._repr_html_() == "<p>No row was set aside.</p>"
    shown = en.tables.conversion(stages())
    assert list(shown.columns) == ["entered", "moved on", "rate", "90 % interval", "lost", "open"]
    assert shown.loc["Prop", "rate"] == "60 %"


@pytest.mark.parametrize("header", ["pro:duct", "a.b[0]", "it's", 'x"y', "won", "rate"])
def test_a_column_of_the_data_may_be_called_anything(header):
    """A field of a chart has a name of its own; a name that a result has is refused."""
    opportunities = pd.DataFrame(
        {"opportunity_id": ["1", "2"], "stage": ["Won", "Lost"], header: ["x", "y"]}
    )
    crm = en.crm(opportunities=opportunities.assign(closed_at=day(3)), settings=EIGHT_SETTINGS)
    if header in ("won", "rate"):
        with pytest.raises(en.EnablementError, match=f"Cannot split by '{header}'"):
            en.win_rate(crm, as_of=day(9), by=header)
        return
    spec = charts.win_rate(en.win_rate(crm, as_of=day(9), by=header)).to_dict()
    assert layer(spec, "rate")["encoding"]["y"]["field"] == "group"


@pytest.mark.parametrize(
    "asked", [{"by": 3}, {"by": ["rep", 3]}, {"where": "team"}, {"where": {"rep": ["A", "B"]}}]
)
def test_what_is_no_name_is_refused_in_a_line(asked):
    """Not with an error of Python's own."""
    with pytest.raises(en.EnablementError):
        en.win_rate(company(EIGHT), as_of=day(90), **asked)
