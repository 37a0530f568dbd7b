"""What every engine is asked: each function that counts, with each word that its arguments know.

The first case of a function is also asked of the eight opportunities.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import enablement as en

AS_OF, QUARTER, HALF, YEAR = "2026-09-30", "2026Q2", "2026H1", "2026"
NORTH, LARGE = {"region": "North"}, {"segment": "Enterprise"}

CASES: dict[str, list[dict[str, Any]]] = {
    "conversion": [
        {"by": "rep"},
        {"definition": "strict", "by": "team", "period": YEAR, "cohort": "begun"},
        {"definition": "touch", "where": NORTH, "renewals": "counted"},
        {"definition": "decided", "of": "value", "as_of": "2026-06-30"},
        {"definition": "decided", "skipped": "touched", "by": "segment"},
        {"definition": "decided", "credit": "first", "by": "rep", "period": YEAR},
        {"definition": "visit", "credit": "share", "by": "rep"},
        {"definition": "visit", "stays": "finished", "credit": "final", "by": "rep"},
        {"definition": "period", "period": QUARTER},
        {"definition": "within", "within": 30},
        {"definition": "estimate", "by": ["team", "period"]},
        {"definition": "headline"},
        {"of": "value", "credit": "share", "by": ["rep", "type"], "renewals": "counted"},
    ],
    "compare_definitions": [{"where": NORTH, "within": 30, "renewals": "counted"}],
    "cohort_curves": [
        {},
        {"by": "rep", "stage": "Discovery", "every": 30, "credit": "final", "renewals": "counted"},
        {"by": "rep", "credit": "first", "where": NORTH, "period": YEAR},
    ],
    "share_of_wallet": [
        {"by": "rep"},
        {"by": "segment", "accounts": "all", "renewals": "left out"},
        {"by": "industry", "where": NORTH},
    ],
    "turnover": [
        {"period": YEAR, "by": "team"},
        {"period": QUARTER, "headcount": "ends", "per": "period", "people": "everybody"},
        {"period": YEAR, "where": NORTH},
    ],
    "win_rate": [
        {"by": "rep", "credit": "share", "of": "value"},
        {"of": "created"},
        {"by": "type", "cohort": "decided", "period": YEAR},
        {"by": "rep", "credit": "first", "cohort": "begun", "period": YEAR},
        {"by": "rep", "credit": "at_entry", "where": LARGE, "renewals": "counted"},
    ],
    "ramp": [
        {},
        {"to": "quota", "unit": "quarter", "share": 0.5, "kept": 2},
        {"to": "productive", "tenured": 200, "inherited": "counted", "renewals": "counted"},
        {"by": "team", "period": ("2024-01-01", "2026-09-30"), "where": NORTH},
    ],
    "ramp_curve": [
        {"by": "team"},
        {"to": "quota", "unit": "quarter", "share": 0.5, "kept": 2, "leavers": "censored"},
        {"to": "productive", "tenured": 200, "inherited": "counted", "renewals": "counted"},
        {"to": "first won", "period": ("2024-01-01", "2026-09-30"), "where": NORTH},
    ],
    "sales_cycle": [
        {"by": "product", "cohort": "decided", "period": YEAR},
        {"by": "rep", "credit": "first", "cohort": "begun", "period": YEAR},
        {"by": "rep", "credit": "at_entry", "where": LARGE, "renewals": "counted"},
    ],
    "compare_reps": [
        {"mix": "segment", "cohort": "decided", "period": YEAR},
        {"by": "team", "credit": "first", "cohort": "begun", "period": YEAR},
        {"by": "rep", "credit": "at_entry", "where": LARGE, "renewals": "counted"},
    ],
    "compare_reps_by_stage": [
        {"definition": "reached", "by": "team", "cohort": "begun", "period": YEAR},
        {"cohort": "decided", "period": YEAR},
        {"definition": "strict", "credit": "first", "renewals": "counted"},
        {"definition": "visit", "stays": "finished", "credit": "final", "where": LARGE},
        {"definition": "period", "period": YEAR},
        {"definition": "within", "within": 30},
    ],
    "stage_visits": [{}, {"where": NORTH, "renewals": "counted"}],
    "time_in_stage": [
        {"by": "team"},
        {"by": "rep", "credit": "final", "where": LARGE, "renewals": "counted"},
        {"by": "rep", "credit": "first", "period": YEAR},
    ],
    "quota_attainment": [{"period": QUARTER, "by": "rep"}, {"period": YEAR, "where": NORTH}],
    "pipeline_coverage": [
        {"period": "2026Q4", "by": "team"},
        {"period": "2026Q4", "by": "team", "yield_of": "group", "past": 2},
        {"period": "2026Q4", "where": NORTH},
    ],
    "pipeline_created": [{"period": QUARTER}, {"period": YEAR, "by": "rep", "where": NORTH}],
    "activity": [
        {"period": QUARTER, "by": "rep"},
        {"period": QUARTER, "by": "team", "status": "booked"},
        {"period": QUARTER, "status": "all", "where": NORTH},
    ],
    "process_conformance": [
        {"by": "rep"},
        {"by": "stage", "late_start": "allowed"},
        {"by": "rep", "credit": "final", "in_a_day": 3, "period": YEAR},
        {"by": "rep", "credit": "first", "where": LARGE},
        {"by": "rep", "credit": "share", "renewals": "counted"},
    ],
    "push_count": [
        {"by": "rep", "unit": "month"},
        {"by": "rep", "credit": "at_entry", "period": YEAR},
        {"by": "rep", "credit": "first", "where": LARGE},
        {"by": "rep", "credit": "share", "renewals": "counted"},
    ],
    "pushes": [{}, {"unit": "month", "where": NORTH, "period": YEAR, "renewals": "counted"}],
    "slip_rate": [
        {"period": QUARTER},
        {"period": HALF, "by": "team", "lost": "left out", "renewals": "counted"},
        {"period": HALF, "where": NORTH},
    ],
    "stale": [
        {},
        {"limit": "median", "renewals": "counted"},
        {"limit": "p75", "where": NORTH},
    ],
    "discount_rate": [
        {},
        {"by": "rep", "credit": "first", "period": YEAR},
        {"by": "rep", "credit": "at_entry", "where": LARGE, "renewals": "counted"},
    ],
    "sales_velocity": [
        {"by": "team"},
        {"by": "rep", "credit": "first", "period": YEAR},
        {"by": "rep", "credit": "at_entry", "where": LARGE, "renewals": "counted"},
    ],
    "pipeline_changes": [
        {"since": "2026-03-31", "by": "team"},
        {"since": "2026-03-31", "due": "2026Q4", "where": NORTH, "renewals": "left out"},
    ],
    "baseline": [{}],
    "results_worksheet": [{"rates": "team"}],
    "stage_gap": [
        {},
        {"by": "rep", "benchmark": "team"},
        {"by": "region", "benchmark": "top quartile", "mix": ["product"]},
    ],
    "goal_chance": [{}],
    "glide_path": [{}],
    "levers": [
        {"benchmark": "desired", "mix": ["product"]},
    ],
    "reward": [{}],
    "what_if": [
        {"target": 3e6, "rates": {"Proposal": 0.7}, "deal_size": 2e4, "selling_time": 0.2},
    ],
}
# Words of a plan that change what the CRM is asked; the sample's is asked for all else.
METRICS = ("units", "won count", "margin", "share of wallet")
# A goal in each measure: what else the plan must say.
MEASURED: dict[str, dict[str, Any]] = {
    "win rate": {"lift": 0.1},
    "conversion": {"stage": "Discovery", "lift": 0.05},
    "quota attainment": {"target": 1.1},
    "share at quota": {"target": 0.5},
    "sales velocity": {"lift": 0.1},
    "pipeline created": {"lift": 0.1},
    "pipeline coverage": {"lift": 0.1},
    "share of wallet": {"target": 0.3},
    "activity": {"kind": "meeting", "lift": 0.1},
    "process conformance": {"lift": 0.1},
    "sales cycle": {"lift": -0.1},
    "time in stage": {"stage": "Discovery", "lift": -0.1},
    "discount rate": {"lift": -0.1},
    "slip rate": {"lift": -0.1},
    "push count": {"lift": -0.1},
    "stale": {"target": 0.0},
    "turnover": {"target": 0.0},
    "ramp": {"baseline": 100, "lift": -0.1},
}
GATES = ("win_rate", "quota_attainment", "share_at_quota", "process_conformance", "share_of_wallet")

TAKEN = ("crm", "plan", "as_of")  # what every case says
# What changes no question to an engine, and how little of it is enough.
DRAWN = {"confidence": 0.9, "seed": 0, "number": 100}
# What names a column, a day or a stage of theirs, and no word of ours.
FREE = ("by", "mix", "where", "period", "since", "due", "stage")
WORDS = re.compile(
    r"(?:(?P<name>\w+)=|No (?P<noun>\w+) is called )'none such'\. Known: (?P<all>.*)\."
)


def functions() -> set[str]:
    """Name what is public and counts in a CRM, its first argument."""
    rooms = ("enablement.measure.", "enablement.plan.")
    found = [name for name, module in en.PUBLIC.items() if module.startswith(rooms)]
    return {name for name in found if next(iter(_arguments(name))) == "crm"}


def arguments(name: str) -> dict[str, inspect.Parameter]:
    """List what may be said to a function that may change what an engine is asked."""
    every = _arguments(name)
    return {each: what for each, what in every.items() if each not in (*TAKEN, *DRAWN)}


def _arguments(name: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(getattr(en, name)).parameters


def words(argument: str, what: inspect.Parameter, ask: Callable[..., Any]) -> list[str]:
    """List the words that an argument knows, as the function itself names them; none if it is free.

    Parameters
    ----------
    ask : the function with everything but the argument
    """
    if argument in FREE or "str" not in what.annotation or "Mapping" in what.annotation:
        return []
    try:
        ask(**{argument: "none such"})
    except en.EnablementError as error:
        told = WORDS.fullmatch(str(error))
        if told and (told["name"] or told["noun"]) == argument:
            return told["all"].split(", ")
        raise AssertionError(f"{argument}: {error}") from error
    raise AssertionError(f"{argument} takes any text, and is not named in FREE")
