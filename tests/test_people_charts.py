"""Charts of what reps do, how they begin and leave, and of accounts: structure and titles."""

from __future__ import annotations

import test_activity
import test_ramp
import test_requirement
import test_turnover
import test_wallet
from test_charts import layer, layers

import enablement as en
from enablement.show import charts


def title(chart) -> str:
    """The finding of a chart in a line."""
    return " ".join(chart.title["text"])


def test_who_is_not_there_yet_is_counted_in_the_chart_of_a_ramp():
    """M was there after 50 days and N after 99; L left without a win: 2 of 3."""
    chart = charts.ramp(en.ramp(test_ramp.crm(), as_of=test_ramp.END))
    assert title(chart).startswith("Half of the new reps take 99 days or less")
    assert title(chart).endswith("2 of 3 new reps are there.")
    assert layers(chart.to_dict())[:4] == ["quartiles", "interval", "endless", "median"]
    assert "2 hired before the export begins" in " ".join(chart.title["subtitle"])


def test_a_ramp_of_nobody_is_words():
    """Nobody was hired in 2030: a row that says so, and no axis without an end."""
    table = en.ramp(test_ramp.crm(), as_of=test_ramp.END, period="2030")
    chart = charts.ramp(table)
    assert title(chart).startswith("No rep was hired")
    assert "none followed" in chart.to_json()


def test_a_ramp_curve_names_its_lines_and_says_when_half_are_there():
    """Two of three had won a first one by day 99; one was productive; E and O came before."""
    table = en.ramp_curve(test_ramp.crm(), as_of=test_ramp.END)
    chart = charts.ramp_curve(table)
    assert title(chart).startswith("Of 3 new reps half had won a first one by day 99, and 33 % (")
    assert title(chart).endswith("were productive by day 244.")
    assert layers(chart.to_dict())[:3] == ["interval", "reached", "name"]
    assert "2 hired before the export begins" in " ".join(chart.title["subtitle"])
    assert "first won 67 % by day 99, 33 % left before" in chart.description
    by_team = charts.ramp_curve(en.ramp_curve(test_ramp.crm(), as_of=test_ramp.END, by="team"))
    assert by_team.to_dict()["vconcat"][0]["facet"]["sort"] == ["One: 1 rep", "Two: 2 reps"]
    none = en.ramp_curve(test_ramp.crm(), as_of=test_ramp.END, period="2030", to="first won")
    assert title(charts.ramp_curve(none)).startswith("No rep was hired")


def test_turnover_is_a_rate_with_its_interval():
    """Two left of 190 / 90 there on average, 18/19 in the quarter."""
    chart = charts.turnover(en.turnover(test_turnover.crm(), per="period", **test_turnover.Q1))
    assert title(chart).startswith("2 left in 2026Q1, of 2.1 there on average: 95 %")
    a_year = en.words.turnover(en.turnover(test_turnover.crm(), **test_turnover.Q1))
    assert " % a year (" in a_year
    assert " a year" not in " ".join(chart.to_dict()["title"]["text"])
    assert layers(chart.to_dict())[:2] == ["interval", "rate"]
    high = layer(chart.to_dict(), "interval")["encoding"]["x"]["scale"]["domain"][1]
    assert high > 1  # two leavers of two seats may be four of them


def test_a_wallet_is_a_bar_without_an_interval():
    """90 of 160 were bought by three accounts, one of which bought nothing, one too much."""
    chart = charts.share_of_wallet(en.share_of_wallet(test_wallet.crm(), as_of=test_wallet.END))
    assert title(chart).startswith(
        "$90 of the $160 that 3 accounts could spend in a year: 56 %; 1 of"
    )
    assert layers(chart.to_dict())[:2] == ["bar", "median"]
    assert "1 spent more than their potential" in " ".join(chart.title["subtitle"])


def test_a_wallet_by_rep_names_a_rep_and_not_nobody():
    """S and R have owners; accounts of no owner are in the table, and nobody is to be asked."""
    table = en.share_of_wallet(test_wallet.crm(), as_of=test_wallet.END, by="rep", accounts="all")
    assert "no owner" not in title(charts.share_of_wallet(table))


def test_activity_says_what_was_held_and_what_falls_on_a_day():
    """Of four meetings booked two were held; ten working days have two calls and two meetings."""
    chart = charts.activity(en.activity(test_activity.crm(), **test_activity.WEEK))
    assert title(chart).startswith("50 % (")
    assert "of 4 booked of the type meeting were held" in title(chart)
    assert title(chart).endswith("On a working day of a rep: call 0.20, meeting 0.20.")
    by_rep = charts.activity(en.activity(test_activity.crm(), by="rep", **test_activity.WEEK))
    assert by_rep.to_dict()["vconcat"][0]["facet"]["column"]["sort"] == ["call", "meeting"]


def test_coverage_says_what_is_required_and_what_is_missing():
    """453.75 (305 to 600) are required by two earlier quarters, as they are counted there."""
    crm = test_requirement.crm()
    asked = {"as_of": test_requirement.EVE, "period": "2026Q3"}
    chart = charts.pipeline_coverage(en.pipeline_coverage(crm, **asked))
    assert title(chart).endswith(
        "2.0 times the $150 still to be sold; $454 ($305 to $600) is required by the yield of 2 "
        "periods, $154 more than is there."
    )
    assert layers(chart.to_dict())[:4] == ["bar", "range", "required", "target"]
    assert layer(chart.to_dict(), "bar")["encoding"]["x"]["scale"]["domain"] == [0, 600]
    without = charts.pipeline_coverage(en.pipeline_coverage(crm, past=0, **asked))
    assert "required" not in title(without)
    assert "numbers required" not in layers(without.to_dict())
