"""Lags: how long before a win its opportunity must have been in each stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


@dataclasses.dataclass(frozen=True)
class Waits:
    """Days from the entry into the first stage to being won, of those won in the end.

    days, share : how long it may take, and which share of them takes so long; adds up to 1
    """

    days: NDArray[np.float64]
    share: NDArray[np.float64]

    def within(self, most: float = np.inf) -> float:
        """Give the mean days, each counted up to a number of days at most."""
        return float(self.share @ np.minimum(self.days, most))

    def sooner(self, part: float, span: float) -> float:
        """Say how many times as much is won in a span if every stay takes a part less from then on.

        As many enter as before. Those who are on the way when it begins are through their rest
        that much sooner, so that fewer are on the way at its end, and the difference is won in it
        besides: once, for from then on as many are won as enter. Of `n` a day and a mean of
        `m` days `n m` are on the way before and `n m (1 - part)` after, less those who do not
        come to an end within the span.

        Parameters
        ----------
        part : below 1; below 0 every stay takes longer
        span : days in which it is counted
        """
        return 1 + part * self.within(span / (1 - part)) / span


def waits(crm: CRM | None, goal: Goal, stage: str, period: Period | None) -> Waits | None:
    """Find how long it takes to be won; None where nothing says it.

    Parameters
    ----------
    stage : the first one
    period : the baseline's months; None without a CRM
    """
    stated = goal.stated.cycle_days
    if crm is None or period is None:
        return None if stated is None else Waits(np.array([float(stated)]), np.ones(1))
    curve = _curve(crm, stage if stage in crm.settings.stages else None, period)
    if curve is None:
        return None
    more = np.diff(curve["won"].to_numpy(dtype=float), prepend=0.0)
    return Waits(curve["day"].to_numpy(dtype=float), more / more.sum())


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
    curve = _curve(crm, stage, period)
    if curve is None:
        return np.nan
    won: pd.Series = curve["won"].astype(float)
    return float(curve["day"][won >= SURE * won.max() - 1e-12].iloc[0])


def _curve(crm: CRM, stage: str | None, period: Period) -> pd.DataFrame | None:
    """Follow those that entered a stage day by day; None where none is known to be won."""
    try:
        curve = cohorts.cohort_curves(crm, as_of=period.end, by=None, stage=stage, every=1)
    except EnablementError:
        return None
    return curve if curve["won"].astype(float).max() > 0 else None
