"""Charts: each has the name of the table it draws, takes it unchanged and computes no number."""

from enablement.show.charts.cohorts import cohort_curves
from enablement.show.charts.definitions import compare_definitions
from enablement.show.charts.durations import sales_cycle, time_in_stage
from enablement.show.charts.funnel import conversion
from enablement.show.charts.reps import compare_reps, compare_reps_by_stage, win_rate
from enablement.show.theme import enable

__all__ = [
    "cohort_curves",
    "compare_definitions",
    "compare_reps",
    "compare_reps_by_stage",
    "conversion",
    "enable",
    "sales_cycle",
    "time_in_stage",
    "win_rate",
]
