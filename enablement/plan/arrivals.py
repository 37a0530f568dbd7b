"""Arrivals: how many opportunities each rep begins, and how soon a new rep begins as many."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.measure import counting, definitions
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.plan.staff import Staff
from enablement.read.crm import CRM

SETTLED = 365  # days since being hired from which on nobody is new
WEEK = 7
WEEKS = SETTLED // WEEK
MONTH = 21.0  # working days of the team's volume that stand beside each rep's own
SELDOM = 0.05  # of companies, whose ramp takes longer than `SETTLED`
GRID = 60  # lengths of ramp that are weighed
BEGUN = (
    "select {groups} count(*) filter (p.cohort_at between {first} and {last}) as begun, "
    "count(*) filter (not p.counts) as undated, count(*) filter (s.outcome = 'open') as still_open"
)
WEEKLY = "select {groups} date_diff('day', r.hired_on::date, p.cohort_at::date) // 7 as week, "


@dataclasses.dataclass(frozen=True)
class Arrivals:
    """What began in a plan's twelve months, whatever became of it.

    begun : of each rep, in the order of the staff
    nobody : what belongs to none of them
    """

    begun: NDArray[np.float64]
    nobody: float

    @property
    def total(self) -> float:
        """Of all together."""
        return float(self.begun.sum()) + self.nobody


def of_crm(crm: CRM, staff: Staff, period: Period) -> Arrivals | None:
    """Count what began in a period, by the owner at the beginning, renewals left out.

    None where the export cannot say it: where beginnings have no date, or no opportunity is open,
    so that it seems to hold those decided alone.
    """
    groups = definitions.split(crm, "rep")
    said = {name: f"timestamp '{value}'" for name, value in definitions.span(period).items()}
    found = _begun(crm, groups, period, BEGUN.format(groups=groups.select(), **said))
    total = found[["begun", "undated", "still_open"]].sum()
    if total["undated"] > 0 or not (total["begun"] > 0 and total["still_open"] > 0):
        return None
    own = found.groupby("rep_id")["begun"].sum().reindex(staff.ids).fillna(0.0)
    return Arrivals(own.to_numpy(dtype=float), float(total["begun"] - own.sum()))


@dataclasses.dataclass(frozen=True)
class Hires:
    """What those hired since the export begins have begun in their first year.

    begun : hires × weeks since being hired
    weeks : hires × weeks, which part of each week they were followed and there
    """

    begun: NDArray[np.float64]
    weeks: NDArray[np.float64]


def _begun(crm: CRM, groups: Split, until: Period, select: str) -> pd.DataFrame:
    """Ask of all that began until the end of a period, whenever it did."""
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("endings", "lifetimes"),
            until=moment(until.end),
            renewals="left out",
            said={"cohort": "begun", **definitions.span(None)},
            select=select,
            group="group by all",
        ),
    )


def hires(crm: CRM, staff: Staff, until: Period) -> Hires | None:
    """Follow those hired after the export begins, week by week; None where there are none."""
    if not crm.has("reps", "hired_on"):
        return None
    groups = definitions.split(crm, "rep")
    select = WEEKLY.format(groups=groups.select())
    counts = "count(*) as begun, min(p.cohort_at) as since"
    found = _begun(crm, groups, until, f"{select} {counts}")
    since = staff.table["since"]
    new = (since > found["since"].min()) & (since <= pd.Timestamp(until.end))
    if not new.any():
        return None
    people = staff.table[new]
    last = people["until"].fillna(pd.Timestamp(until.end)).clip(upper=pd.Timestamp(until.end))
    days = ((last - people["since"]).dt.days + 1).to_numpy(dtype=float)
    weeks = np.clip(days[:, None] / WEEK - np.arange(WEEKS), 0.0, 1.0)
    counted = found[found["week"].between(0, WEEKS - 1)]
    begun = counted.pivot_table(index="rep_id", columns="week", values="begun", aggfunc="sum")
    placed = begun.reindex(index=people["rep_id"], columns=range(WEEKS)).fillna(0.0)
    return Hires(placed.to_numpy(dtype=float), weeks)


def ramp_days(found: Hires, weekly: float) -> float:
    """Weigh after how many days new reps begin as much as the others.

    Parameters
    ----------
    weekly : what one who is not new begins a week

    Notes
    -----
    What a new rep begins rises in a line, from nothing to as much as ever. Counts are Poisson
    about that, and each rep's own level is a gamma variable about the others', as well known as
    a month of it would make it. A few hires say little, so the length has a prior that prefers
    none, exponential, whose rate is that one company in twenty takes longer than a year; it is
    the mean over all lengths, as likely as the hires have them.
    """
    rate = -np.log(SELDOM) / SETTLED
    lengths = -np.log1p(-(np.arange(GRID) + 0.5) / GRID) / rate
    score = np.array([_log_likelihood(found, weekly, length) for length in lengths])
    weight = np.exp(score - score.max())
    return float(weight @ lengths / weight.sum())


def _log_likelihood(found: Hires, weekly: float, length: float) -> float:
    """Give how likely what was begun is, as a logarithm less a constant."""
    middle = (np.arange(WEEKS) + 0.5) * WEEK
    part = np.clip(middle / length, 0.0, 1.0)
    month = MONTH / 5  # weeks
    began = found.begun.sum(axis=1)
    there = (found.weeks * part).sum(axis=1)
    shape = weekly * month + began
    return float((found.begun @ np.log(part) - shape * np.log(month + there)).sum())
