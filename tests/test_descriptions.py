"""What each chart says to those who hear it, and that its words and colours can be told apart."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import firms
import numpy as np
import pytest
import test_glide
from conftest import EIGHT, company, day
from plans import ground
from test_theme import contrast

import enablement as en
from enablement.plan import benchmarks, gap
from enablement.show import charts, descriptions, theme


def gap_of(by: str | None) -> Any:
    """The gap of a company that is made without an export."""
    held = benchmarks._known(np.array([0.8, 0.6, 0.7]), "desired")
    return gap.gap_of(ground(8), held, by=by)


EIGHT_ON = {"as_of": day(90)}
PLAN = {
    "goal": {"lift": 0.5, "by": "2027"},
    "reward": {"threshold": 1, "pool": 100, "gates": {"win_rate": 0.5, "share_of_wallet": 0.1}},
}
DRAWN: dict[str, Callable[[en.CRM], Any]] = {
    "conversion": lambda crm: charts.conversion(en.conversion(crm, **EIGHT_ON)),
    "conversion by rep": lambda crm: charts.conversion(en.conversion(crm, by="rep", **EIGHT_ON)),
    "definitions": lambda crm: charts.compare_definitions(en.compare_definitions(crm, **EIGHT_ON)),
    "win rate": lambda crm: charts.win_rate(en.win_rate(crm, **EIGHT_ON)),
    "win rate by rep": lambda crm: charts.win_rate(en.win_rate(crm, by="rep", **EIGHT_ON)),
    "reps": lambda crm: charts.compare_reps(en.compare_reps(crm, **EIGHT_ON)),
    "reps by stage": lambda crm: charts.compare_reps_by_stage(
        en.compare_reps_by_stage(crm, **EIGHT_ON)
    ),
    "cycle": lambda crm: charts.sales_cycle(en.sales_cycle(crm, **EIGHT_ON)),
    "stays": lambda crm: charts.time_in_stage(en.time_in_stage(crm, **EIGHT_ON)),
    "stays by rep": lambda crm: charts.time_in_stage(en.time_in_stage(crm, by="rep", **EIGHT_ON)),
    "curve": lambda crm: charts.cohort_curves(en.cohort_curves(crm, by=None, **EIGHT_ON)),
    "glide path": lambda crm: charts.glide_path(
        en.glide_path(test_glide.sold_by(day(90)), test_glide.PLAN, as_of=day(90), number=200)
    ),
    "levers": lambda crm: charts.levers(en.levers(crm, PLAN, as_of=day(90), number=200)),
    "reward": lambda crm: charts.reward(en.reward(crm, PLAN, as_of=day(90))),
    "gap": lambda crm: charts.stage_gap(gap_of(None)),
    "gap by team": lambda crm: charts.stage_gap(gap_of("team")),
    "curves by rep": lambda crm: charts.cohort_curves(en.cohort_curves(crm, by="rep", **EIGHT_ON)),
}
# Of a company in which everything is recorded.
FIRM: dict[str, dict[str, Any]] = {
    "quota_attainment": {"period": "2026Q2"},
    "pipeline_coverage": {"period": "2026Q2", "as_of": "2026-05-15"},
    "pipeline_created": {"period": "2026Q2"},
    "pipeline_changes": {"since": "2026-03-31"},
    "push_count": {},
    "slip_rate": {"period": "2026Q2"},
    "stale": {"limit": "median"},
    "discount_rate": {},
    "sales_velocity": {},
    "process_conformance": {},
    "activity": {"period": "2026Q2"},
    "ramp": {},
    "ramp_curve": {},
    "turnover": {"period": "2026"},
    "share_of_wallet": {},
}
SPLIT = {"share_of_wallet": "segment", "ramp": "team", "ramp_curve": "team", "turnover": "team"}
WHOLE_ONLY = ("stale",)


def of_firm(name: str, **more: Any) -> Callable[[en.CRM], Any]:
    """Draw a measure of the company."""
    asked = {"as_of": firms.END, **FIRM[name], **more}
    return lambda _: getattr(charts, name)(getattr(en, name)(one_firm(), **asked))


@functools.cache
def one_firm() -> en.CRM:
    """The company."""
    return firms.firm(1)


DRAWN |= {name: of_firm(name) for name in FIRM}
DRAWN |= {
    f"{name} by group": of_firm(name, by=SPLIT.get(name, "rep"))
    for name in FIRM
    if name not in WHOLE_ONLY
}
READ = {theme.INK, theme.QUIET, theme.ACCENT}  # words are set in these
# What is left of red, green and blue (linear) to those who cannot see one of the first two.
BLINDNESS = {
    "red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "none": np.eye(3).tolist(),
}


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    crm = company(EIGHT)
    return {name: draw(crm) for name, draw in DRAWN.items()}


@pytest.fixture(scope="module")
def specs(drawn: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is drawn, written out once: it takes longer than to look at it."""
    return {name: chart.to_dict() for name, chart in drawn.items()}


def parts(spec: Any) -> Iterator[dict[str, Any]]:
    """Every dict inside a spec."""
    if isinstance(spec, dict):
        yield spec
        spec = list(spec.values())
    if isinstance(spec, list):
        for part in spec:
            yield from parts(part)


def seen(colour: str, blind: str) -> np.ndarray:
    """A colour in CIELAB as it looks to somebody (Machado and others, 2009)."""
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    left = np.clip(np.array(BLINDNESS[blind]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ left / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_that_is_heard_says_finding_numbers_and_definition(drawn, name):
    """In that order: who stops listening after a sentence has heard the finding."""
    chart = drawn[name]
    said, finding = chart.description, " ".join(chart.title["text"])
    assert said.startswith(finding)
    between = said[len(finding) : said.index("Definition: ")]
    assert re.search(r"\d", between)
    assert " ".join(chart.title["subtitle"]) in said


def test_every_chart_is_held():
    """A new chart needs a line above."""
    own = Path(__file__).read_text(encoding="utf-8")
    drawn = {*FIRM, *re.findall(r"charts\.(\w+)\(", own)}
    assert set(charts.__all__) - {"enable"} <= drawn


def test_the_numbers_that_are_heard_are_those_of_the_table(eight):
    """8, 7 and 5 entered; 7, 5 and 3 moved on: 88, 71 and 60 %. Qual: half left after 18 days."""
    said = descriptions.conversion(en.conversion(eight, **EIGHT_ON))
    assert said.startswith("Moved on: Lead 88 % (")
    assert "of 8; Qual 71 % (" in said
    stays = descriptions.time_in_stage(en.time_in_stage(eight, **EIGHT_ON))
    assert stays == "Median days: Lead 10; Qual 18; Prop 15."


def test_of_many_the_range_is_heard(eight):
    """A wins 3 of 4, B 0 of 1; a list of eighty reps would be heard by nobody."""
    said = descriptions.win_rate(en.win_rate(eight, by="rep", **EIGHT_ON))
    assert said == "All together 60 %; from 0 to 75 %."
    assert descriptions.sales_cycle(en.sales_cycle(eight, **EIGHT_ON)) == "Median days: 30."


@pytest.mark.parametrize("name", DRAWN)
def test_words_are_set_in_colours_that_can_be_read(specs, name):
    """Marks may be orange or pale; text may not."""
    for part in parts(specs[name]):
        mark = part.get("mark")
        if isinstance(mark, dict) and mark.get("type") == "text":
            color = part["encoding"].get("color")
            used = set(re.findall("#[0-9a-f]{6}", str([mark.get("color", ""), color])))
            assert used <= READ
        named = [part[key] for key in ("labelColor", "titleColor") if key in part]
        assert set(re.findall("#[0-9a-f]{6}", str(named))) <= READ


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("colour", sorted(READ))
def test_words_reach_the_contrast_in_both_themes(colour, dark):
    """4.5 : 1 on paper, and where a wash of won or lost lies under them."""
    told = {pair[0]: pair for pair in theme.PALETTE.values()}
    paper = theme.PALETTE["paper"][dark]
    assert contrast(told[colour][dark], paper) >= 4.5
    if colour == theme.INK:
        for name in ("won", "lost"):
            over = theme.PALETTE[name][dark]
            mixed = [
                round(
                    theme.WASH * int(over[i : i + 2], 16)
                    + (1 - theme.WASH) * int(paper[i : i + 2], 16)
                )
                for i in (1, 3, 5)
            ]
            assert contrast(told[colour][dark], "#{:02x}{:02x}{:02x}".format(*mixed)) >= 4.5


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("blind", BLINDNESS)
@pytest.mark.parametrize("dark", [False, True])
def test_colours_of_one_chart_can_be_told_apart(specs, name, blind, dark):
    """By those who cannot see red or green too: 12 of CIELAB's units between any two at least."""
    spec = specs[name]
    text = str({**spec, "config": None}).lower()  # which has every colour, used or not
    used = [c for c in ("won", "lost", "accent", "muted") if theme.PALETTE[c][0].lower() in text]
    looks = [seen(theme.PALETTE[colour][dark], blind) for colour in used]
    for one, other in itertools.combinations(looks, 2):
        assert np.linalg.norm(one - other) >= 12, used


def test_the_accent_and_won_are_too_alike_for_one_chart():
    """To those who cannot see green, purple is blue: the rule above has a case that breaks it."""
    apart = seen(theme.WON, "green") - seen(theme.ACCENT, "green")
    assert np.linalg.norm(apart) < 12
