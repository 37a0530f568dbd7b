"""Rooms: what each lever is today, and how far it can go."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.periods import Period
from enablement.plan import capacity
from enablement.plan.benchmarks import Benchmark
from enablement.plan.cascade import Ground
from enablement.plan.lags import Waits
from enablement.plan.peers import Ends, Peers
from enablement.read.crm import CRM

HALVINGS = 80
UNITS = {
    "volume": "enter the first stage in the goal's months",
    "selling_time": "hours of all reps in the goal's months",
    "conversion": "share that moves on",
    "deal_size": "{metric} of a won one",
    "discount": "share of the list price",
    "cycle": "days from the first stage to being won",
    "headcount": "reps",
}


@dataclasses.dataclass(frozen=True)
class Lever:
    """One thing that can be done otherwise, and how far it can go.

    name : of the lever
    stage : of a conversion; None for the others
    unit : what its figures are
    present : today
    worst : of the worst quarter of the reps, never better than `present`
    best : of the best quarter of the reps, never worse than `present`
    most : the furthest it may go: `best`, or less where the plan caps it
    waits : of a cycle, how long it takes to be won
    span : days of the goal's months
    """

    name: str
    stage: str | None
    unit: str
    present: float
    worst: float
    best: float
    most: float
    waits: Waits | None = None
    span: float = 365.0

    def factor(self, value: float) -> float:
        """Say how many times today's result comes with this value of the lever alone."""
        if self.waits is not None:
            return self.waits.sooner(1 - value / self.present, self.span)
        if self.name == "discount":
            return (1 - value) / (1 - self.present)
        return value / self.present

    def at(self, factor: float) -> float:
        """Find the value, from today's to the best, with which that many times as much comes."""
        if self.name == "discount":
            return 1 - (1 - self.present) * factor
        if self.waits is None:
            return self.present * factor
        below, above = self.best, self.present  # fewer days bring more
        for _ in range(HALVINGS):
            middle = (below + above) / 2
            if self.factor(middle) < factor:
                above = middle
            else:
                below = middle
        return above

    def still(self) -> Lever:
        """Give the lever as one that stays where it is."""
        return dataclasses.replace(self, worst=self.present, best=self.present, most=self.present)


def rooms_of(
    ground: Ground,
    held: Benchmark,
    reps: Peers,
    worst: NDArray[np.float64],
    waits: Waits | None,
    new: float | None,
) -> list[Lever]:
    """Find what each lever is, what the best quarter of the reps has, and the plan's caps."""
    funnel, rates = ground.funnel, ground.rates("team")[0]
    days = _days(ground.base.span)
    first = float(ground.expected(ground.rates("team"))[:, 0].sum())
    heads = float(len(ground.staff)) if new is not None else 1.0
    found: list[Lever] = []
    if reps.hours is None:
        found.append(_lever(ground, "volume", first / heads, reps.volume))
    else:
        hours = reps.hours.a_day * float(ground.staff.days(ground.months).sum())
        found.append(_lever(ground, "volume", first / hours, reps.volume))
        found.append(_lever(ground, "selling_time", hours / heads, reps.selling_time))
    for stage, rate, good, bad in zip(funnel.stages, rates, held.rate, worst, strict=True):
        ends = Ends(float(np.fmax(good / rate, 1.0)), float(np.fmin(bad / rate, 1.0)))
        found.append(_lever(ground, "conversion", float(rate), ends, stage))
    lost = reps.discount_rate if ground.plan.goal.metric == "won amount" else np.nan
    steady = ground.plan.goal.metric == "won count"  # a won one is one, whatever it brings
    kept = 1.0 if np.isnan(lost) else 1 - lost
    size = Ends() if steady else reps.deal_size
    found.append(_lever(ground, "deal_size", funnel.worth / kept, size))
    if not np.isnan(lost):
        found.append(_discount(ground, lost, reps.discount))
    if waits is not None and waits.within() > 0:
        found.append(_cycle(ground, waits, reps.cycle, days))
    if new is not None:
        unit, most = UNITS["headcount"], heads * (1 + new)
        found.append(Lever("headcount", None, unit, heads, heads, most, most))
    return found


def _lever(
    ground: Ground, name: str, present: float, ends: Ends, stage: str | None = None
) -> Lever:
    """Make a lever of which more is better."""
    cap = ground.plan.goal.constraints.caps.get(name, np.inf)
    best = present * ends.best
    unit = UNITS[name].format(metric=ground.plan.goal.metric)
    most = min(best, present * (1 + cap))
    return Lever(name, stage, unit, present, present * ends.worst, best, most)


def _discount(ground: Ground, present: float, ends: Ends) -> Lever:
    """Make the lever of the discount, of which less is better, down to none."""
    cap = ground.plan.goal.constraints.caps.get("discount", np.inf)
    worst, best = (1 - (1 - present) * end for end in (ends.worst, ends.best))
    best = min(max(best, 0.0), present)
    most = max(best, present - abs(present) * cap)
    return Lever("discount", None, UNITS["discount"], present, worst, best, most)


def _cycle(ground: Ground, waits: Waits, ends: Ends, days: float) -> Lever:
    """Make the lever of the cycle, of which less is better."""
    cap = ground.plan.goal.constraints.caps.get("cycle", np.inf)
    present = waits.within()
    worst, best = present / ends.worst, present / ends.best
    most = max(best, present * (1 - cap))
    return Lever("cycle", None, UNITS["cycle"], present, worst, best, most, waits, days)


def _days(span: Period) -> float:
    return float((span.end - span.start).days + 1)


def new_reps(crm: CRM | None, ground: Ground) -> float | None:
    """Say what the reps whom the plan allows besides would bring, over what those there bring.

    They come on the first day of the goal's months and bring what the others do on average, less
    their ramp.
    """
    goal, there = ground.plan.goal, len(ground.staff)
    allowed = goal.constraints.headcount
    if not isinstance(allowed, int) or allowed <= there:
        return None
    months, start = ground.months, np.array([np.datetime64(ground.months[0].start)])
    people = ground.staff.table.iloc[:1].assign(since=pd.to_datetime(start), until=pd.NaT)
    found = capacity.days_of_ramp(crm, ground.funnel, ground.base.period)
    days = goal.ramp_days or (found[0] if found else None)
    work = capacity.capacity(
        dataclasses.replace(ground.staff, table=people),
        months,
        season=ground.season,
        ramp_up=capacity.Ramp(days, ""),
    )
    return (allowed - there) * float(work.sum()) / float(ground.capacity().sum())
