"""From a CRM export to a learning plan for each rep, and back to a measured effect."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Name -> the module that has it. Loaded when first used, so that importing costs nothing.
PUBLIC = {
    "load": "enablement.read.loading",
    "crm": "enablement.read.loading",
    "connect": "enablement.read.connections",
    "CRM": "enablement.read.crm",
    "conversion": "enablement.measure.funnel",
    "compare_definitions": "enablement.measure.funnel",
    "cohort_curves": "enablement.measure.cohorts",
    "share_of_wallet": "enablement.measure.wallet",
    "turnover": "enablement.measure.turnover",
    "win_rate": "enablement.measure.winloss",
    "ramp": "enablement.measure.ramp",
    "ramp_curve": "enablement.measure.rampcurve",
    "sales_cycle": "enablement.measure.winloss",
    "compare_reps": "enablement.measure.reps",
    "compare_reps_by_stage": "enablement.measure.reps",
    "stage_visits": "enablement.measure.stages",
    "time_in_stage": "enablement.measure.stages",
    "quota_attainment": "enablement.measure.pipeline",
    "pipeline_coverage": "enablement.measure.pipeline",
    "pipeline_created": "enablement.measure.pipeline",
    "activity": "enablement.measure.activity",
    "process_conformance": "enablement.measure.conformance",
    "push_count": "enablement.measure.closedates",
    "pushes": "enablement.measure.closedates",
    "slip_rate": "enablement.measure.closedates",
    "stale": "enablement.measure.ageing",
    "discount_rate": "enablement.measure.discounts",
    "sales_velocity": "enablement.measure.velocity",
    "pipeline_changes": "enablement.measure.waterfall",
    "goal": "enablement.plan.goal",
    "baseline": "enablement.plan.baseline",
    "results_worksheet": "enablement.plan.cascade",
    "stage_gap": "enablement.plan.gap",
    "goal_chance": "enablement.plan.futures",
    "glide_path": "enablement.plan.glide",
    "levers": "enablement.plan.levers",
    "reward": "enablement.plan.reward",
    "what_if": "enablement.plan.whatif",
    "results_workbook": "enablement.show.worksheet",
    "ask": "enablement.show.answers",
    "EnablementError": "enablement.errors",
}
MODULES = {
    "charts": "enablement.show.charts",
    "findings": "enablement.read.findings",
    "tables": "enablement.show.tables",
    "widgets": "enablement.show.widgets",
    "words": "enablement.show.words",
    "world": "enablement.world",
}
__all__ = ["CRM", "EnablementError", *sorted({*PUBLIC, *MODULES} - {"CRM", "EnablementError"})]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return importlib.import_module(MODULES[name])
    if name in PUBLIC:
        return getattr(importlib.import_module(PUBLIC[name]), name)
    raise AttributeError(f"module 'enablement' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *PUBLIC, *MODULES])
