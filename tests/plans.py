"""Companies as a plan counts them, made without an export."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd

from enablement.periods import Calendar
from enablement.plan import baseline, cascade, funnels
from enablement.plan import goal as goals
from enablement.plan.capacity import Ramp, Season
from enablement.plan.lags import Lags
from enablement.plan.sizes import Sizes
from enablement.plan.staff import Staff
from enablement.workdays import WorkingDays

YEAR = Calendar().period("2026")
MONTHS = tuple(Calendar().period(f"2026M{number:02}") for number in range(1, 13))
STAGES = ("Lead", "Qual", "Prop")
FLAT = Season(np.ones(4), "none")
AT_ONCE = Ramp(None, "none")
XYZ = {
    "goal": {
        "lift": 0.5,
        "baseline": 1_000_000,
        "by": dt.date(2026, 12, 31),
        "unit_price": 50,
        "stated": {
            "reps": 25,
            "rates": {"Dial": 0.45, "Answer": 0.25, "Engage": 0.65, "Qualify": 0.75, "Offer": 0.6},
            "cycle_days": 3,
        },
    }
}


def people(reps, *, since=None, until=None):
    """Reps in two regions of two teams each, in the order of the worksheet."""
    number = np.arange(reps) * 4 // reps
    table = pd.DataFrame(
        {
            "rep_id": [f"R{n:03}" for n in range(reps)],
            "name": [f"Rep {n:03}" for n in range(reps)],
            "team": [f"Team {n}" for n in number],
            "region": [f"Region {n // 2}" for n in number],
        }
    )
    never = [pd.NaT] * reps
    dates = {"since": pd.to_datetime(since or never), "until": pd.to_datetime(until or never)}
    return Staff(table.assign(**dates), WorkingDays())


def ground(reps=8, *, target=1_000_000.0, seed=1, staff=None, season=FLAT, ramp=AT_ONCE, **goal):
    """A company with counts drawn from a seed, and a target."""
    rng = np.random.default_rng(seed)
    staff = staff or people(reps)
    size = len(staff)
    entered = np.empty((size, 3))
    moved = np.empty((size, 3))
    entered[:, 0] = rng.integers(60, 140, size)
    for stage, rate in enumerate((0.6, 0.5, 0.7)):
        moved[:, stage] = rng.binomial(entered[:, stage].astype(int), rate)
        if stage < 2:
            entered[:, stage + 1] = moved[:, stage]
    funnel = funnels.Funnel(
        stages=STAGES,
        staff=staff,
        entered=entered,
        moved=moved,
        nobody=np.zeros((2, 3)),
        days=np.full(size, 250.0),
        worth=1_000.0,
        besides=0.0,
        whole_days=250.0,
        says="as drawn",
    )
    plan = goals.goal({"goal": {"target": target, "by": "2026", **goal}})
    figures = {"sold": target / 2, "expected": np.nan, "target": target, "counted": target / 2}
    base = baseline.Base(
        **figures,
        unowned=0.0,
        quotas=np.nan,
        quotas_of="2026",
        now=size,
        then=size,
        period=Calendar().period("2025"),
        span=YEAR,
    )
    lags = Lags((90.0, 60.0, np.nan), "as said")
    no_quota = np.full(size, np.nan)
    every = np.arange(size)
    return cascade.Ground(plan, base, funnel, MONTHS, season, ramp, lags, staff, every, no_quota)


def aimed(at, target):
    """The same company with another target."""
    return dataclasses.replace(at, base=dataclasses.replace(at.base, target=target))


def alike(reps, *, won=50, mean=1_000.0, variation=0.0):
    """Sizes of reps who won as many each, all of one mean and one spread."""
    counts = np.append(np.full(reps, float(won)), 0.0)
    squares = counts * mean**2 * (1 + variation**2)
    return Sizes(counts, counts * mean, squares)
