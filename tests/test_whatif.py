"""What if: today comes back unchanged, each slider moves what it should, nothing recounts."""

from __future__ import annotations

import dataclasses

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, company
from nbformat.v4 import new_code_cell, new_notebook, new_output
from plans import XYZ, alike, ground

import enablement as en
from enablement.plan import gap, whatif
from enablement.plan.benchmarks import _known
from enablement.run import batch
from enablement.show import sliders, theme, words
from enablement.show.words.goal import lacking

PLAN = {**XYZ, "goal": {**XYZ["goal"], "stated": {**XYZ["goal"]["stated"], "deal_size": 50.0}}}
STAGES = ["Dial", "Answer", "Engage", "Qualify", "Offer"]


def counted(reps=8, **said):
    at = ground(reps, **said)
    at = dataclasses.replace(at, base=dataclasses.replace(at.base, currency="USD"))
    first = float(at.expected(at.rates("team"))[:, 0].sum())
    return whatif.Counted(at, alike(reps, variation=1.0), first)


def test_company_xyz_answers_a_quarter_and_needs_three_eighths():
    """25 % engage after answering; at 37.5 % it is half as much again, which is the goal."""
    today = en.what_if(None, PLAN, as_of=None)
    assert today.attrs["expected"] == pytest.approx(1_000_000)
    assert today.attrs["missing"] == pytest.approx(500_000)
    then = en.what_if(None, PLAN, as_of=None, rates={"Answer": 0.375})
    assert then.attrs["expected"] == pytest.approx(1_500_000)
    assert then.attrs["missing"] == pytest.approx(0, abs=1e-6)
    assert then["stage"].tolist() == [*STAGES, "won"]
    assert then["needed"].iloc[-1] == 30_000
    assert then["comes"].iloc[-1] == pytest.approx(30_000)
    assert then["needed"].iloc[-2] == 50_000  # 30,000 / 0.6


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"selling_time": 0.5}, 1_500_000),
        ({"deal_size": 60.0}, 1_200_000),
        ({"rates": {"Offer": 0.9}}, 1_500_000),
        ({"selling_time": -0.5, "deal_size": 100.0}, 1_000_000),
        ({"target": 900_000.0}, 1_000_000),
    ],
)
def test_each_lever_multiplies_what_comes(said, expected):
    """Half as much selling time at twice the size comes to the same."""
    table = en.what_if(None, PLAN, as_of=None, **said)
    assert table.attrs["expected"] == pytest.approx(expected)
    assert table.attrs["missing"] == pytest.approx(max(0, table.attrs["target"] - expected))


def test_today_is_what_the_gap_projects():
    """The same counts by the same shares: no figure of its own."""
    found = counted()
    table = whatif.outcome(found)
    assert table.attrs["expected"] == pytest.approx(
        gap.gap_of(found.ground, _known(np.full(3, 0.9), "desired")).attrs["projected"]
    )
    assert table["rate"].equals(table["present"])


def test_more_of_anything_never_lowers_the_chance():
    """With the same futures: a higher rate, size or time, or a lower target."""
    found = counted(target=180_000.0)
    today = whatif.outcome(found, number=2_000)
    for more in (
        {"rates": {"Qual": 0.6}},
        {"deal_size": 1_300.0},
        {"selling_time": 0.3},
        {"target": 150_000.0},
    ):
        assert (
            whatif.outcome(found, number=2_000, **more).attrs["probability"]
            > today.attrs["probability"]
        )
    assert 0 < today.attrs["probability"] < 1


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"rates": {"Close": 0.5}}, "No stage 'Close'"),
        ({"rates": {"Lead": 0.0}}, "above 0 and at most 1"),
        ({"rates": {"Lead": 1.2}}, "above 0 and at most 1"),
        ({"target": 0.0}, "above 0"),
        ({"selling_time": -1.0}, "above -1"),
    ],
)
def test_what_cannot_be_is_refused(said, message):
    """In a line."""
    with pytest.raises(en.EnablementError, match=message):
        whatif.outcome(counted(), **said)


def test_a_goal_whose_months_are_over_is_told_as_it_was_before():
    """Nobody is told a chance of today for a year that is over."""
    at = counted()
    over = dataclasses.replace(at, ground=dataclasses.replace(at.ground, when="over"))
    told = words.what_if(whatif.outcome(over, number=100))
    assert told.startswith("The goal's months are over; by what was known before them, ")
    assert "The chance of reaching it was " in told
    assert words.what_if(whatif.outcome(at, number=100))[:3] != "The"


@pytest.mark.parametrize(
    ("missing", "said"),
    [(2.4, ": 2 won are missing"), (1.2, ": 1 won is missing"), (0.4, ""), (-3.0, "")],
)
def test_one_is_missing_and_two_are(missing, said):
    """What rounds to none is not told as missing: nobody reads that 0 are missing."""
    table = pd.DataFrame()
    table.attrs = {"metric": "won count", "currency": "USD"}
    assert lacking(missing, table) == said


def test_the_sliders_say_what_the_function_says():
    """Moved to 60 %, the page has the answer of `what_if` at 60 %; put back, it has today's."""
    page = sliders.WhatIf(counted())
    today = page.told()
    assert words.what_if(whatif.outcome(page.counted)) in today["text/plain"]
    page.rates[1].value = 0.60
    asked = whatif.outcome(page.counted, rates={"Qual": 0.60})
    assert page.answer.equals(asked)
    assert "60 % (today" in page.page.value
    page.back.click()
    assert page.told() == today


def test_a_slider_that_was_not_moved_stands_for_the_figure_before_rounding():
    """The slider of a rate of 50.3 % begins at 50 %; the answer has 50.3 %."""
    page = sliders.WhatIf(counted())
    rate = page.counted.rates[1]
    assert page.rates[1].value == pytest.approx(rate, abs=0.005)
    assert page.rates[1].value != rate
    assert page.answer.loc[1, "rate"] == rate
    page.rates[1].value += 1e-12  # as a browser gives it back
    assert page.answer.loc[1, "rate"] == rate


def test_a_move_counts_nothing_again(monkeypatch):
    """Whatever counts would now fail."""
    page = sliders.WhatIf(counted())
    monkeypatch.setattr(whatif, "counted", None)
    monkeypatch.setattr("enablement.plan.funnels.of_crm", None)
    page.time.value = 20
    assert page.answer.attrs["expected"] > 0


def test_every_slider_has_a_name_and_the_answer_is_read_out():
    """For those who hear the page, and for keys."""
    page = sliders.WhatIf(counted())
    names = [slider.description for slider in page.sliders]
    assert names == ["Target", "Lead", "Qual", "Prop", "Deal size", "Selling time"]
    assert 'aria-live="polite"' in page.page.value
    assert "Deal size" not in [
        s.description for s in sliders.WhatIf(counted(metric="won count")).sliders
    ]


def test_a_slider_is_read_as_the_sentence_writes_it():
    """A currency's sign and a letter, a blank before the percent sign, a minus that is one."""
    page = sliders.WhatIf(counted())
    page.target.value, page.rates[1].value, page.time.value = 1_200_000, 0.6, -20
    told = dict(zip(page.sliders, (figure.value for figure in page.figures), strict=True))
    assert told[page.rates[1]] == "60 %"
    assert told[page.time] == "−20 %"
    sign = words.sign_of(page.answer.attrs["currency"])
    assert told[page.target] == (sign + "1.20 M").replace("$", "<span>$</span>")
    page.back.click()
    assert page.figures[page.sliders.index(page.time)].value == "as today"


def test_what_is_stored_is_the_same_every_time(monkeypatch):
    """No random name: what nbval compares is text, and a batch stores nothing else."""
    one, two = (sliders.WhatIf(counted())._repr_mimebundle_() for _ in range(2))
    assert one["text/html"] == two["text/html"]
    assert one["text/plain"] == two["text/plain"]
    monkeypatch.setenv(theme.BATCH, "1")
    assert set(sliders.WhatIf(counted())._repr_mimebundle_()) == {"text/html", "text/plain"}


@pytest.mark.parametrize("stands", [True, False])
def test_a_stored_notebook_keeps_a_widget_only_where_nothing_stands_for_it(stands):
    """One that also shows as it stands is stored so: its kernel is gone, and its ids are random."""
    data = {batch.WIDGET: {"model_id": "1"}, "text/plain": "x"}
    still = {"text/html": "<p>x</p>"} if stands else {}
    output = new_output("display_data", data={**data, **still})
    notebook = new_notebook(cells=[new_code_cell("w", outputs=[output])])
    notebook.metadata["widgets"] = {"state": {}}
    kept = batch._plain(nbformat.from_dict(notebook))
    assert (batch.WIDGET in kept.cells[0].outputs[0].data) is not stands
    assert ("widgets" in kept.metadata) is not stands


def test_without_a_plan_or_data_there_is_a_sentence():
    """A page goes on, and says what is missing."""
    said = en.widgets.what_if(company(EIGHT), "nowhere", as_of="2026-04-01")._repr_mimebundle_()
    assert said["text/plain"] == "This needs a plan, which is not there."
    assert str(en.ask(en.what_if, company(EIGHT), plan="nowhere", as_of=None)) == said["text/plain"]
