"""A question that the data cannot answer is answered in a sentence, and nothing fails."""

from __future__ import annotations

import io

import pandas as pd
import pytest
import python_calamine
from conftest import day
from plans import XYZ
from test_pipeline import END, company

import enablement as en
from enablement.errors import EnablementError


def test_an_answer_has_words_a_chart_and_a_table():
    """180 of a quota of 180: the same sentence in the words and over the chart."""
    answer = en.ask(en.quota_attainment, company(), as_of=END, period="2026Q1")
    assert str(answer) == " ".join(answer.chart.title["text"])
    assert answer.table.loc["All", "attained"] == "100 %"
    assert answer.refusal == ""


def test_what_cannot_be_said_is_said_in_words_without_a_chart():
    """The little company has no list prices; the sentence is that of the measure."""
    answer = en.ask(en.discount_rate, company(), as_of=END)
    assert str(answer).startswith("Discounts cannot be said: the opportunities have no list_amount")
    assert (answer.numbers, answer.chart, answer.table) == (None, None, None)


def test_an_export_that_knows_no_teams_is_answered_so():
    """The weekly page splits by team; many exports have no list of reps, and the page goes on."""
    opportunities = pd.DataFrame({"opportunity_id": ["A"], "stage": ["Won"], "rep_id": ["1"]})
    said = {"stages": ["Lead"], "outcomes": {"Won": "won"}}
    crm = en.crm(opportunities=opportunities, settings=said)
    answer = en.ask(en.quota_attainment, crm, as_of=END, period="2026Q1", by="team")
    assert str(answer).startswith("Cannot split by 'team': of no rep is it known. Give the list")
    with pytest.raises(EnablementError, match="Known: rep, (?!team).*pipeline"):
        en.ask(en.quota_attainment, crm, as_of=END, period="2026Q1", by="teem")


def test_what_a_plan_must_say_is_told_once(tmp_path):
    """The baseline, with which the page begins, says how; the rest are one short sentence."""
    asked = {"plan": tmp_path, "as_of": END}
    others = [en.results_worksheet, en.stage_gap, en.levers, en.goal_chance, en.reward]
    told = {str(en.ask(measure, company(), **asked)) for measure in others}
    assert told == {"This needs a plan, which is not there."}
    least = str(en.ask(en.baseline, company(), **asked))
    assert "[goal] with lift = 0.5" in least
    assert str(tmp_path.parent) not in least


def test_a_measure_without_a_table_for_reading_shows_its_numbers():
    """Those of the measure itself, as they are."""
    answer = en.ask(en.pipeline_created, company(), as_of=END, period="2026Q1")
    assert answer.table is answer.numbers


def test_a_list_says_how_many_rows_it_has_and_of_what(eight):
    """Sixteen stays of the eight opportunities: a list has no finding and no chart."""
    answer = en.ask(en.stage_visits, eight, as_of=day(90))
    rows = len(answer.table)
    assert str(answer) == f"{rows} rows: {answer.numbers.attrs['definition']}."
    assert answer.chart is None
    assert en.ask(en.baseline, company(), plan=XYZ, as_of=END).chart is None


def test_a_mistake_of_the_question_is_no_answer():
    """A period that is none, or a column that is not there, stops as it does elsewhere."""
    with pytest.raises(EnablementError, match="is no period"):
        en.ask(en.quota_attainment, company(), as_of=END, period="2026Q7")
    with pytest.raises(EnablementError, match="Cannot split by 'reps'"):
        en.ask(en.quota_attainment, company(), as_of=END, period="2026Q1", by="reps")


def test_the_outlook_says_from_what_the_number_comes_and_what_cannot_be_said():
    """Six were created in the quarter; without a history nothing of the past is known."""
    asked = {"period": "2026Q1", "as_of": END}
    said = en.words.sources(company(), **asked)
    assert said.startswith("From what: $300 is open and due in 2026Q2, 2.0 times the $150 still to")
    assert "6 opportunities were created in 2026Q1, worth $1.00 k; 80 % of it is new" in said
    assert said.endswith("Cannot be said: what changed in the pipeline (no stage history).")
    risk = en.words.at_risk(company(), **asked)
    assert risk.startswith(
        "At risk: Of no open opportunity can be said whether it is stale. Cannot"
    )
    assert "what slipped (no stage history), what was pushed (no history of expected" in risk


def test_of_a_goal_whose_year_is_over_nothing_is_said_to_come(sample):
    """On its last day it is over, in the words and in the workbook; the day before it is not.

    The export of the sample ends on the last day of its fiscal year.
    """
    plan = {"goal": {"target": 5_000_000, "by": "2026-09-30"}}
    measures = [en.results_worksheet, en.stage_gap, en.goal_chance]
    said = {"2026-09-30": "The goal's months are over", "2026-09-29": "If nothing changes"}
    for as_of, start in said.items():
        sheet, gap, likely = (en.ask(m, sample, plan=plan, as_of=as_of) for m in measures)
        for told in (str(sheet), str(likely), en.words.at_benchmark(gap.numbers)):
            assert told.startswith(start)
        assert sheet.numbers.attrs["verdict"].startswith(start)
    written = io.BytesIO(en.results_workbook(sample, plan))
    book = python_calamine.CalamineWorkbook.from_filelike(written)
    assert book.get_sheet_by_name("Goal").to_python()[2][0].startswith(said["2026-09-30"])
