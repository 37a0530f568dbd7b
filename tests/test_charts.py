"""Charts by their structure: what is drawn, in which order, and what the words say."""

from __future__ import annotations

import inspect
from typing import Any

import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day, events

import enablement as en
from enablement.show import charts, theme
from enablement.show.charts import frame


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


def test_an_export_without_entries_says_why_nothing_can_be_said():
    """Two won, two open, no date of any entry: no rate, the reason, and no share of all as open."""
    opportunities = pd.DataFrame(
        {"opportunity_id": list("1234"), "stage": ["Won", "Won", "Lead", "Qual"], "rep_id": "A"}
    )
    crm = en.crm(
        opportunities=opportunities, settings={**EIGHT_SETTINGS, "exported_on": day(90).date()}
    )
    table = en.conversion(crm, as_of=day(90), definition="headline")
    why = "who entered Lead is not recorded, who entered Qual is not recorded and who entered Prop"
    assert f"cannot be said: {why} is not recorded." in en.words.conversion(table)
    assert en.words.maturing(table) == ""
    compared = en.words.compare_definitions(en.compare_definitions(crm, as_of=day(90)))
    assert compared.startswith(f"No definition has a rate here: {why}")
    by_stage = en.words.compare_reps_by_stage(en.compare_reps_by_stage(crm, as_of=day(90)))
    assert by_stage.startswith(f"At no stage can they be compared: {why}")


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
    assert table.attrs["definition"] in chart.description


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (90, "As of 2026-04-01."),
        (80, "As of 2026-04-01, as if nothing had happened after 2026-03-22, the last day seen."),
    ],
)
def test_the_footer_says_the_day_and_where_the_export_ends_before_it(last, said):
    """Days that an export does not reach are taken to have brought nothing."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"]}),
        stage_events=events({"X": ("0 Lead@A, 10 Qual@A", 1)}),
        settings={**EIGHT_SETTINGS, "exported_on": day(last).date()},
    )
    assert said in footer(charts.conversion(en.conversion(crm, as_of=day(90))))


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
        lambda crm, _: charts.compare_reps(en.compare_reps(crm, as_of=day(90))),
        lambda crm, _: charts.compare_reps_by_stage(en.compare_reps_by_stage(crm, as_of=day(90))),
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


@pytest.mark.parametrize(
    ("of", "axis", "subtitle", "number"),
    [
        ("decided", "won, of those decided", "Share won of those decided, with its 90 %", "3 of 4"),
        ("created", "won, of all created", "Share won of all created, open ones", "3 of 5"),
        (
            *("value", "amount won, of the amount decided"),
            *("Share won of the amount decided, without an interval", "$80 of $100"),
        ),
    ],
)
def test_a_win_rate_says_what_it_is_a_share_of(of, axis, subtitle, number):
    """A won D1, D2 and D5 and lost D3: 80 of 100 in money; D8 is open, so 3 of 5 created."""
    table = en.win_rate(company(EIGHT), as_of=day(90), by="rep", of=of)
    chart = charts.win_rate(table)
    spec = chart.to_dict()
    assert layer(spec, "interval")["encoding"]["x"]["title"] == axis
    assert " ".join(chart.title["subtitle"]).startswith(subtitle)
    assert number in chart.to_json()
    assert "too little to compare" not in " ".join(chart.title["text"])


def test_amounts_that_are_not_known_have_no_rate_and_no_line():
    """All lost ones without an amount: no share won, neither of a rep nor of all together."""
    opportunities = pd.DataFrame(
        {
            "opportunity_id": ["1", "2", "3"],
            "rep_id": ["A", "A", "B"],
            "stage": ["Won", "Lost", "Lost"],
            "amount": [10.0, None, None],
            "closed_at": day(3),
        }
    )
    crm = en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS)
    table = en.win_rate(crm, as_of=day(9), by="rep", of="value")
    assert pd.isna(table.attrs["overall"])
    chart = charts.win_rate(table)
    assert "amounts not known" in chart.to_json()
    assert "Dashed" not in " ".join(chart.title["subtitle"])
    assert " ".join(chart.title["text"]) == table.attrs["warning"]


def beside(**won: int) -> pd.DataFrame:
    """Reps with a hundred decided each, so many of them won."""
    parts = [
        pd.DataFrame({"rep_id": rep, "stage": ["Won"] * k + ["Lost"] * (100 - k)})
        for rep, k in won.items()
    ]
    opportunities = pd.concat(parts, ignore_index=True).assign(closed_at=day(3))
    opportunities["opportunity_id"] = opportunities.index.astype("str")
    return en.compare_reps(
        en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS), as_of=day(9)
    )


def names(chart: Any) -> set[str]:
    """The names that stand in a funnel plot."""
    sides = [part for part in chart.vconcat[0].layer if "names" in str(part.name)]
    return {name for side in sides for name in side.data["group"]}


def test_only_who_stands_out_has_a_name_in_the_funnel_plot():
    """Ann won 90 of 100 and the four others about half; Bo and Cy are within the curves."""
    chart = charts.compare_reps(beside(Ann=90, Bo=50, Cy=52, Di=48, Ed=49))
    spec = chart.to_dict()
    curves = ["lower 95", "upper 95", "lower 998", "upper 998"]
    assert layers(spec) == ["overall", *curves, "ends", "none", "rate", "names left", "names right"]
    assert "Ann" in names(chart)
    assert not names(chart) & {"Bo", "Cy"}
    assert "The 5 reps differ by more than chance" in " ".join(chart.title["text"])


def test_where_reps_are_alike_nobody_has_a_name():
    """And the title says that no difference can be detected."""
    chart = charts.compare_reps(beside(Ann=53, Bo=50, Cy=52, Di=48, Ed=49))
    assert names(chart) == set()
    assert "no difference can be detected" in " ".join(chart.title["text"])
    subtitle = " ".join(chart.title["subtitle"])
    assert "Of the 5, none lie between the two, fewer than 1 by chance." in subtitle


def test_names_that_find_no_room_are_counted():
    """Twelve with 90 of 100 share one point: two names fit beside it, ten are told of."""
    alike = {f"Annabel Longname {n}": 90 for n in range(12)}
    chart = charts.compare_reps(beside(**alike, **{f"Bo {n}": 10 for n in range(12)}))
    left_out = 24 - len(names(chart))
    assert 20 <= left_out < 24
    assert f"{left_out} more stand out" in " ".join(chart.title["subtitle"])


def test_a_cell_carries_its_number_its_count_and_its_doubt():
    """Size is the count, colour the shrunk rate's side; none entered is a word."""
    crm = company(EIGHT, reps=pd.DataFrame({"rep_id": ["A", "B", "C"]}))
    chart = charts.compare_reps_by_stage(en.compare_reps_by_stage(crm, as_of=day(90)))
    spec = chart.to_dict()
    assert layers(spec) == ["cell", "rate", "stands_out", "way", "none", "all"]
    cell = layer(spec, "cell")["encoding"]
    assert cell["size"]["field"] == "entered"
    assert cell["color"]["scale"]["range"] == [theme.WON, theme.LOST, theme.FAINT]
    assert cell["x"]["sort"] == EIGHT_SETTINGS["stages"]
    assert cell["y"]["sort"] == ["All together", "A", "B", "C"]
    assert layer(spec, "none")["encoding"]["text"] == {"value": "none"}
    square = layer(spec, "cell")["mark"]["xOffset"] + cell["size"]["scale"]["range"][1] ** 0.5 / 2
    number = layer(spec, "rate")["mark"]["dx"] - len("100 %") * frame.LETTER
    assert square <= number  # where it begins
    assert "no difference can be detected at any stage" in " ".join(chart.title["text"])


def test_who_is_compared_is_told_in_words():
    """With rate and count; where nothing is detected nobody is named."""
    said = en.words.compare_reps(beside(Ann=90, Bo=50, Cy=52, Di=48))
    assert "Ann (90 % of 100)" in said
    assert said.endswith("stand out from the others.")
    alike = en.words.compare_reps(beside(Ann=53, Bo=50))
    assert alike.endswith("p = 0.67).")
    assert en.words.compare_reps(beside(Ann=53)).startswith("There is too little to compare")


def test_the_table_of_reps_for_reading():
    """Ranks only where there are some; at most seven columns with the names."""
    table = en.tables.compare_reps(beside(Ann=90, Bo=40))
    assert list(table.columns) == ["won", "rate", "shrunk (90 %)", "limits", "rank"]
    assert table.loc["Ann", ["won", "limits", "rank"]].tolist() == [
        "90 of 100",
        "above 99.8",
        "1 to 1",
    ]
    assert "rank" not in en.tables.compare_reps(beside(Ann=53, Bo=50))


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


def test_every_line_of_a_long_name_lies_in_its_row():
    """Of two lines each half a line up; the rows have room for both, and short names no offset."""
    short, long = (
        pd.Series(["Call"]),
        pd.Series([theme.wrapped("Qualification of budget and need")]),
    )
    offset = frame.names_axis(long).to_dict()["labelOffset"]
    assert [case["value"] for case in offset["condition"]] == [-frame.NAME_LINE / 2]
    assert "labelOffset" not in frame.names_axis(short).to_dict()
    assert frame.step(short, 18) == 18
    assert frame.step(long, 18) == 2 * frame.NAME_LINE + 4


SPLIT = ["team", "segment"]
SPLITTABLE = (
    *(en.conversion, en.win_rate, en.compare_reps, en.compare_reps_by_stage, en.sales_cycle),
    *(en.time_in_stage, en.push_count, en.discount_rate, en.sales_velocity, en.share_of_wallet),
    *(en.process_conformance, en.pipeline_created, en.pipeline_coverage, en.activity),
    *(en.slip_rate, en.pipeline_changes),
)
ASKED = {"period": "2026Q3", "since": "2026-06-30"}


@pytest.mark.parametrize("measure", SPLITTABLE, ids=lambda measure: measure.__name__)
def test_split_by_two_columns_each_group_has_a_row_of_its_own(measure, sample):
    """Small ones of North 1 are called so, and do not lie upon those of seven other teams."""
    needs = inspect.signature(measure).parameters.values()
    more = {p.name: ASKED[p.name] for p in needs if p.default is p.empty and p.name in ASKED}
    table = measure(sample, as_of="2026-09-30", by=SPLIT, **more)
    chart = getattr(charts, measure.__name__)(table)
    rows = [row for data in chart.to_dict()["datasets"].values() for row in data]
    told = {row["group"].replace("\n", " ") for row in rows if "group" in row} - {"All together"}
    teams, segments = (set(table[column].dropna()) for column in SPLIT)
    assert len(told) > len(segments)
    assert {name.split(", ")[0] for name in told} <= {*teams, "no owner"}
    assert {name.split(", ")[1] for name in told} <= {*segments, "not known"}


def test_who_stands_out_among_groups_of_two_columns_has_both_names():
    """Ann's large ones are won in 90 of 100; her small ones, and Bo's of both sizes, in 50."""
    parts = [
        pd.DataFrame({"rep_id": rep, "size": size, "stage": ["Won"] * k + ["Lost"] * (100 - k)})
        for rep, size, k in [("Ann", "L", 90), ("Ann", "S", 50), ("Bo", "L", 50), ("Bo", "S", 50)]
    ]
    opportunities = pd.concat(parts, ignore_index=True).assign(closed_at=day(3))
    opportunities["opportunity_id"] = opportunities.index.astype("str")
    crm = en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS)
    said = en.words.compare_reps(en.compare_reps(crm, as_of=day(9), by=["rep", "size"]))
    assert "The 4 groups differ" in said
    assert "Ann, L (90 % of 100)" in said
    two = crm.opportunities["rep_id"].eq("Ann") | crm.opportunities["size"].eq("L")
    few = en.crm(opportunities=opportunities[two.to_numpy()], settings=EIGHT_SETTINGS)
    assert "on 1 degree of freedom" in en.win_rate(few, as_of=day(9), by="rep").attrs["verdict"]
