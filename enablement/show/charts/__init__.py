"""Charts: each has the name of the table it draws, takes it unchanged and computes no number."""

from enablement.show.charts.ageing import stale
from enablement.show.charts.closedates import push_count, slip_rate
from enablement.show.charts.cohorts import cohort_curves
from enablement.show.charts.conformance import process_conformance
from enablement.show.charts.definitions import compare_definitions
from enablement.show.charts.discounts import discount_rate
from enablement.show.charts.durations import ramp, sales_cycle, time_in_stage
from enablement.show.charts.funnel import conversion
from enablement.show.charts.gap import stage_gap
from enablement.show.charts.glide import glide_path
from enablement.show.charts.levers import levers
from enablement.show.charts.people import activity, turnover
from enablement.show.charts.pipeline import pipeline_coverage, pipeline_created, quota_attainment
from enablement.show.charts.rampcurve import ramp_curve
from enablement.show.charts.reps import compare_reps, compare_reps_by_stage, win_rate
from enablement.show.charts.reward import reward
from enablement.show.charts.velocity import sales_velocity
from enablement.show.charts.wallet import share_of_wallet
from enablement.show.charts.waterfall import pipeline_changes
from enablement.show.theme import enable

__all__ = [
    "activity",
    "cohort_curves",
    "compare_definitions",
    "compare_reps",
    "compare_reps_by_stage",
    "conversion",
    "discount_rate",
    "enable",
    "glide_path",
    "levers",
    "pipeline_changes",
    "pipeline_coverage",
    "pipeline_created",
    "process_conformance",
    "push_count",
    "quota_attainment",
    "ramp",
    "ramp_curve",
    "reward",
    "sales_cycle",
    "sales_velocity",
    "share_of_wallet",
    "slip_rate",
    "stage_gap",
    "stale",
    "time_in_stage",
    "turnover",
    "win_rate",
]
