"""Capacity: how much of a year's work each rep can do in which of its months."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.measure import winloss
from enablement.measure.estimates import ALPHA
from enablement.periods import Period
from enablement.plan import arrivals
from enablement.plan.arrivals import SETTLED
from enablement.plan.funnels import Funnel
from enablement.plan.goal import Goal
from enablement.plan.staff import NEVER, Staff
from enablement.read.crm import CRM

QUARTERS = 4
YEARS = 2  # of whole quarters, before anything is called a season
WORKWEEK = 5.0  # days


@dataclasses.dataclass(frozen=True)
class Season:
    """How the quarters of a fiscal year differ.

    index : of each quarter, its wins per working day over those of the year; all 1 where
        no season was found
    says : what was found, in a sentence
    """

    index: NDArray[np.float64]
    says: str

    @property
    def found(self) -> bool:
        """Whether quarters of the year differ."""
        return bool((self.index != 1).any())


@dataclasses.dataclass(frozen=True)
class Ramp:
    """How new reps come to bring as much as the others.

    days : until they do; None for at once
    says : where that comes from, in a sentence
    """

    days: float | None
    says: str


def capacity(
    staff: Staff, months: Sequence[Period], *, season: Season, ramp_up: Ramp
) -> NDArray[np.float64]:
    """Give the working days of each rep in each month, less what is lost to ramp, by season.

    Returns
    -------
    numpy.ndarray of float, reps × months
    """
    return staff.days(months) * ramped(staff, months, ramp_up) * season.index[_quarters(months)]


def ramped(staff: Staff, months: Sequence[Period], ramp_up: Ramp) -> NDArray[np.float64]:
    """Give how much of the others' work each rep does in each month, 0 to 1, reps × months.

    It rises in a line from nothing on the first day to all of it after the days of ramp; the
    middle of the month counts.
    """
    since = staff.table["since"].to_numpy().astype("datetime64[D]")
    middle = np.array([month.start + (month.end - month.start) / 2 for month in months])
    if ramp_up.days is None:
        return np.ones((len(staff), len(months)))
    there = (middle.astype("datetime64[D]")[None, :] - since[:, None]).astype(float)
    return np.where(np.isnat(since)[:, None], 1.0, np.clip(there / ramp_up.days, 0.0, 1.0))


@dataclasses.dataclass(frozen=True)
class Past:
    """What was won in the quarters that an export holds whole, one after the other.

    spans : the quarters
    won : how many were won in each, renewals left out
    quarter : of the fiscal year, 0 to 3
    """

    spans: tuple[Period, ...]
    won: NDArray[np.float64]
    quarter: NDArray[np.int64]


def past(crm: CRM, until: Period, *, lag: float = 0.0) -> Past:
    """Count what was won quarter by quarter.

    Parameters
    ----------
    until : the baseline's months; what is won after them is not looked at
    lag : days from the first stage to being won: as long as these after the export begins, it
        holds too few of what was won
    """
    won = winloss.win_rate(crm, as_of=until.end, by="period").dropna(subset=["period"])
    spans = [crm.settings.calendar.period(name) for name in won["period"]]
    begun = min((span.start for span in spans), default=until.end)
    full = begun + dt.timedelta(days=1 + (0 if np.isnan(lag) else int(lag)))
    kept = np.array([full <= span.start and span.end <= until.end for span in spans], dtype=bool)
    whole = tuple(span for span, keep in zip(spans, kept, strict=True) if keep)
    quarter = np.array([int(span.name[-1]) - 1 for span in whole], dtype=np.int64)
    return Past(whole, won["won"].to_numpy(dtype=float)[kept], quarter)


def season(crm: CRM, known: Past) -> Season:
    """Find how the quarters differ in what is won per working day, a steady growth taken out.

    A season needs two whole years and a difference beyond chance, by the chi-square of a
    log-linear fit with and without the quarters; where counts vary more than chance has them, the
    test is that much stricter.
    """
    if len(known.spans) < YEARS * QUARTERS or not known.won.all():
        whole = f"{len(known.spans)} quarters are known whole"
        return Season(np.ones(QUARTERS), f"A season takes {YEARS} years with wins; {whole}.")
    week = crm.settings.working_days
    days = [float(week.within(span, since=NEVER, until=NEVER)) for span in known.spans]
    return _fitted(known.won, np.array(days), known.quarter)


def _fitted(
    counts: NDArray[np.float64], days: NDArray[np.float64], quarter: NDArray[np.int64]
) -> Season:
    from scipy.special import chdtrc

    trend = np.stack([np.ones(len(counts)), np.arange(len(counts))], axis=1)
    seasons = np.eye(QUARTERS)[quarter][:, 1:] - (quarter == 0)[:, None]
    plain, _ = _misfit(trend, counts, days)
    rest, found = _misfit(np.hstack([trend, seasons]), counts, days)
    freedom = len(counts) - 5
    excess = max(rest / freedom, 1.0) if freedom > 0 else 1.0
    p = float(chdtrc(3, (plain - rest) / excess))
    if p >= ALPHA:
        return Season(np.ones(QUARTERS), f"No season can be told from chance (p = {p:.2g}).")
    effect = np.append(-found[2:].sum(), found[2:])
    index = np.exp(effect) / np.exp(effect).mean()
    told = ", ".join(f"Q{q + 1} {value:.2f}" for q, value in enumerate(index))
    return Season(index, f"Quarters differ in what is won per working day: {told} (p = {p:.2g}).")


def _misfit(
    design: NDArray[Any], counts: NDArray[np.float64], days: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Fit the logarithm of counts per day, each weighed by its count; chi-square and effects."""
    weight = np.sqrt(counts)
    aim = np.log(counts / days)
    found = np.linalg.lstsq(design * weight[:, None], aim * weight, rcond=None)[0]
    return float((((aim - design @ found) * weight) ** 2).sum()), found


def ramp_up(
    crm: CRM | None,
    goal: Goal,
    staff: Staff,
    months: Sequence[Period],
    funnel: Funnel,
    period: Period | None,
) -> Ramp:
    """Find the days of ramp: as the plan says, else as the export has them; none if unknown.

    Parameters
    ----------
    staff, months : of the goal
    funnel, period : of the baseline
    """
    if goal.ramp_days is not None:
        return Ramp(goal.ramp_days, f"New reps take {goal.ramp_days:g} days, as the plan says.")
    since = staff.table["since"].to_numpy().astype("datetime64[D]")
    new = (np.datetime64(months[0].start) - since).astype(float) < SETTLED
    new &= ~np.isnat(since)
    if crm is None or not new.any():
        return Ramp(None, "Nobody is new.")
    found, who = days_of_ramp(crm, funnel, period), f"{new.sum()} {_are(new.sum())} new"
    if found is None:
        return Ramp(None, f"{who}, and nothing says how long a ramp is: say [goal] ramp_days.")
    days, hired = found
    return Ramp(
        days,
        f"{who}; new reps begin as much as the others after about {days:.0f} days, as far as "
        f"{hired} {'hire' if hired == 1 else 'hires'} can tell.",
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def days_of_ramp(
    crm: CRM | None, funnel: Funnel, period: Period | None
) -> tuple[float, int] | None:
    """Weigh after how many days new reps begin as much as the others, by how many of them.

    Parameters
    ----------
    period : of the baseline; what comes after it is not looked at

    Returns
    -------
    (float, int) or None
        None where nobody was hired since the export begins, or beginnings have no date.
    """
    if crm is None or period is None or funnel.arrivals is None:
        return None
    found = arrivals.hires(crm, funnel.staff, period)
    since = funnel.staff.table["since"]
    old = ~since.gt(pd.Timestamp(period.start) - pd.Timedelta(days=SETTLED)).to_numpy()
    if found is None or not funnel.days[old].sum() > 0:
        return None
    weekly = WORKWEEK * funnel.arrivals.begun[old].sum() / funnel.days[old].sum()
    return arrivals.ramp_days(found, weekly), len(found.begun)


def _quarters(months: Sequence[Period]) -> NDArray[np.int64]:
    """Find the fiscal quarter of each month, 0 to 3; a month is named such as 2026M07."""
    return np.array([(int(month.name.partition("M")[2]) - 1) // 3 for month in months])


FLAT = Season(np.ones(QUARTERS), "Without an export no season is known.")
