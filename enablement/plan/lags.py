"""Lags: how long before a win its opportunity must have been in each stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from enablement.errors import EnablementError
from enablement.measure import cohorts
from enablement.periods import Period
from enablement.plan.goal import Goal
from enablement.read.crm import CRM

SURE = 0.90  # of those that will be won: so many are, by the end of the month


@dataclasses.dataclass(frozen=True)
class Lags:
    """Days from the entry into a stage to being won, of those won in the end.

    days : of each stage, by which the share `SURE` of them is won; NaN where not known
    says : where they come from, in a sentence
    """

    days: tuple[float, ...]
    says: str


def of_crm(crm: CRM, stages: Sequence[str], period: Period) -> Lags:
    """Read the days from the curves of those that entered each stage, open ones undecided.

    The mean of those won so far would be too short: the slow ones are not won yet.
    """
    recorded = set(stages) <= set(crm.settings.stages)
    days = tuple(_days(crm, stage if recorded else None, period) for stage in stages)
    known = [number for number in days if not np.isnan(number)]
    if not known:
        return Lags(days, "The export does not say how long it takes from a stage to being won.")
    return Lags(
        days,
        f"Nine in ten of those that are won are so within {days[0]:.0f} days of the first stage "
        "(Aalen-Johansen)."
        if not np.isnan(days[0])
        else "For some stages the export does not say how long it takes to win.",
    )


def of_plan(goal: Goal, stages: Sequence[str]) -> Lags:
    """Take the days of the first stage as the plan states them; of the others nothing is known."""
    stated = goal.stated.cycle_days
    rest = (np.nan,) * (len(stages) - 1)
    if stated is None:
        return Lags(
            (np.nan, *rest), "The plan states no cycle_days, so nothing is said of by when."
        )
    return Lags(
        (float(stated), *rest),
        f"From the first stage to being won it takes {stated:g} days, as stated.",
    )


def latest(lags: Lags, months: Sequence[Period]) -> np.ndarray:
    """Give the last day to enter each stage for a win by the end of each month, months × stages."""
    ends = np.array([month.end for month in months], dtype="datetime64[D]")
    days = np.array(lags.days)
    known = ~np.isnan(days)
    back = np.where(known, np.ceil(np.where(known, days, 0.0)), 0.0).astype("timedelta64[D]")
    found = ends[:, None] - back[None, :]
    return np.where(known[None, :], found, np.datetime64("NaT", "D"))


def _days(crm: CRM, stage: str | None, period: Period) -> float:
    """Read from the curve of a stage the day by which nine in ten of its wins have come."""
    try:
        curve = cohorts.cohort_curves(crm, as_of=period.end, by=None, stage=stage, every=1)
    except EnablementError:
        return np.nan
    won: pd.Series = curve["won"].astype(float)
    last = won.max()
    if not last > 0:
        return np.nan
    return float(curve["day"][won >= SURE * last - 1e-12].iloc[0])
