"""Levers: which of volume, conversion and size must move how far for the goal to be reached."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.plan import benchmarks, cascade, futures
from enablement.plan import goal as goals
from enablement.plan.benchmarks import Benchmark
from enablement.plan.cascade import Ground
from enablement.plan.futures import Change
from enablement.plan.goal import Plan
from enablement.plan.sizes import Sizes
from enablement.read.crm import CRM

QUARTILE = 0.75  # of the reps: the best quarter begins there
HALVINGS = 80
LEVERS = (
    "least total stretch (the sum of its squares) with which {metric} reaches {target:,.0f}; a "
    "stretch of 1 is the best quarter of the reps, for conversions the benchmark ({benchmark}); "
    "counts: {counts}"
)
COLUMNS = [
    *("lever", "stage", "present", "best", "most", "needed", "change", "stretch"),
    *("alone", "gain"),
]


@dataclasses.dataclass(frozen=True)
class Rooms:
    """What each lever is, and how far it can go; volume, each stage's conversion, deal size.

    present : today
    best : of the best quarter of the reps, never below `present`
    most : the furthest it may go: `best`, or less where the plan caps it
    """

    present: NDArray[np.float64]
    best: NDArray[np.float64]
    most: NDArray[np.float64]


def levers(
    crm: CRM | None,
    plan: Plan | Mapping[str, object] | str | Path,
    *,
    as_of: object,
    benchmark: str | None = None,
    mix: Sequence[str] | None = None,
    number: int = futures.FUTURES,
    seed: int = 0,
) -> pd.DataFrame:
    """The combination of levers that reaches the goal at the least total stretch.

    Each lever is measured against the best quarter of the reps: what some do already, others can
    learn. None goes further than that, nor than the plan's caps.

    Parameters
    ----------
    crm, plan, as_of, benchmark, mix : as for `stage_gap`
    number : of futures that are drawn for the probability of reaching the goal
    seed : the same seed gives the same table

    Returns
    -------
    pandas.DataFrame
        One row per lever: the volume, each stage's conversion, the deal size::

            lever    text   volume, conversion or deal_size
            stage    text   of a conversion; missing for the others
            present  float  today: how many enter the first stage in the goal's months, the share
                            that moves on, what a won one brings
            best     float  the same of the best quarter of the reps; today's where none is known
                            to be better
            most     float  the furthest it may go, by `best` and by the plan's caps
            needed   float  where it must be
            change   float  needed / present - 1
            stretch  float  share of the way from today to the best, 0 to 1; 0 where there is none
            alone    float  what the metric comes to with this lever alone at its best
            gain     float  alone minus what comes if nothing changes

        ``attrs`` has ``definition``, ``metric``, ``currency``, ``projected``, ``target``,
        ``reached`` (with every lever where
        it must be), ``reachable``, ``probability_now`` and ``probability_then`` (of reaching the
        goal, by simulation), ``verdict`` and ``notes``.

    Raises
    ------
    SettingsError, CannotSayError
        As for `stage_gap`.
    """
    ground = cascade.ground_of(crm, goals.goal(plan), as_of=as_of)
    held = benchmarks.benchmark(
        crm, ground.plan, ground.funnel, ground.base.period, kind=benchmark, by=None, mix=mix
    )
    size = futures.sizes_of(crm, ground)
    return levers_of(ground, held, size, number=number, seed=seed)


def levers_of(
    ground: Ground,
    held: Benchmark,
    size: Sizes,
    *,
    number: int = futures.FUTURES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the levers from what was counted once; see `levers`."""
    rooms = rooms_of(ground, held, size)
    besides = ground.funnel.besides
    through = max(ground.base.target - besides, 0.0)
    room = np.log(rooms.best / rooms.present)
    share = np.divide(
        np.log(rooms.most / rooms.present), room, out=np.zeros(len(room)), where=room > 0
    )
    wanted = np.log(through / rooms.present.prod()) if through > 0 else 0.0
    stretch = least_stretch(room, share, max(float(wanted), 0.0))
    needed = rooms.present * np.exp(stretch * room)
    table = _table(ground, rooms, needed, stretch)
    table.attrs = _described(ground, held, size, rooms, needed, number=number, seed=seed)
    return table


def rooms_of(ground: Ground, held: Benchmark, size: Sizes) -> Rooms:
    """Find what each lever is, what the best quarter of the reps has, and the plan's caps."""
    funnel, rates = ground.funnel, ground.rates("team")
    days = ground.capacity().sum(axis=1)
    volume = funnel.volume()[ground.places]
    first = float(ground.expected(rates)[:, 0].sum())
    busier = float((np.maximum(volume, np.quantile(volume, QUARTILE)) * days).sum())
    own = size.own()[ground.places]
    larger = float(np.maximum(own, np.quantile(own, QUARTILE)).mean() / own.mean())
    present = np.array([first, *rates[0], funnel.worth])
    steady = ground.plan.goal.metric == "won count"  # a won one is one, whatever it brings
    best = np.array([busier, *held.rate, funnel.worth * (1.0 if steady else larger)])
    best = np.fmax(best, present)
    caps = ground.plan.goal.constraints.caps
    names = ["volume", *["conversion"] * len(funnel.stages), "deal_size"]
    limit = np.array([1 + caps.get(name, np.inf) for name in names])
    return Rooms(present, best, np.minimum(best, present * limit))


def least_stretch(
    room: NDArray[np.float64], most: NDArray[np.float64], wanted: float
) -> NDArray[np.float64]:
    """Find the stretches with the least sum of squares whose gains add up to what is wanted.

    Each stretch is in proportion to the room of its lever, until it is as far as it may go.

    Parameters
    ----------
    room : logarithm of what the result is multiplied by where a lever is at its best
    most : the largest stretch of each
    wanted : logarithm of what the result must be multiplied by

    Returns
    -------
    numpy.ndarray of float
        All at their most where even that is too little.
    """
    if wanted <= 0 or not (room * most).sum() > 0:
        return np.zeros(len(room))
    if (room * most).sum() <= wanted:
        return np.where(room > 0, most, 0.0)
    below, above = 0.0, float((most[room > 0] / room[room > 0]).max())
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        if (np.minimum(middle * room, most) * room).sum() < wanted:
            below = middle
        else:
            above = middle
    return np.minimum(above * room, most)


def _table(
    ground: Ground, rooms: Rooms, needed: NDArray[np.float64], stretch: NDArray[np.float64]
) -> pd.DataFrame:
    stages = list(ground.funnel.stages)
    besides, usual = ground.funnel.besides, rooms.present.prod()
    alone = usual * rooms.best / rooms.present + besides
    return pd.DataFrame(
        {
            "lever": ["volume", *["conversion"] * len(stages), "deal_size"],
            "stage": [None, *stages, None],
            "present": rooms.present,
            "best": rooms.best,
            "most": rooms.most,
            "needed": needed,
            "change": needed / rooms.present - 1,
            "stretch": stretch,
            "alone": alone,
            "gain": alone - usual - besides,
        }
    )[COLUMNS]


def _described(
    ground: Ground,
    held: Benchmark,
    size: Sizes,
    rooms: Rooms,
    needed: NDArray[np.float64],
    *,
    number: int,
    seed: int,
) -> dict[str, object]:
    besides, target = ground.funnel.besides, ground.base.target
    projected, reached = (float(v.prod()) + besides for v in (rooms.present, needed))
    reachable = reached >= target * (1 - cascade.ROUNDING)
    factor = needed / rooms.present
    then = Change(float(factor[0]), needed[1:-1], float(factor[-1]))
    now, changed = (
        futures.draw(ground, size, np.array([1.0]), change=change, number=number, seed=seed)
        for change in (futures.AS_NOW, then)
    )
    chances = [float((d >= target * (1 - cascade.ROUNDING)).mean()) for d in (now, changed)]
    kinds = dict.fromkeys(kind for kind in held.of if kind)
    return {
        "definition": LEVERS.format(
            metric=ground.plan.goal.metric,
            target=target,
            benchmark=" and ".join(kinds) or "none",
            counts=ground.funnel.says,
        ),
        "as_of": None if ground.base.period is None else str(ground.base.period.end),
        "metric": ground.plan.goal.metric,
        "currency": ground.base.currency,
        "projected": projected,
        "target": target,
        "reached": reached,
        "reachable": bool(reachable),
        "probability_now": chances[0],
        "probability_then": chances[1],
        "verdict": _verdict(projected, reached, target, chances, reachable=bool(reachable)),
        "notes": _notes(ground),
    }


def _verdict(
    projected: float, reached: float, target: float, chances: list[float], *, reachable: bool
) -> str:
    now, then = (f"{100 * chance:.0f} %" for chance in chances)
    if projected >= target * (1 - cascade.ROUNDING):
        return f"{projected:,.0f} of {target:,.0f} come if nothing changes, with a chance of {now}."
    if reachable:
        return (
            f"Within what the best quarter of the reps does already {target:,.0f} can be reached; "
            f"the chance rises from {now} to {then}."
        )
    return (
        f"With every lever as far as it may go {reached:,.0f} come, {target - reached:,.0f} less "
        f"than the {target:,.0f} that are wanted; the chance rises from {now} to {then}."
    )


def _notes(ground: Ground) -> list[str]:
    """Say what is no lever here, and why."""
    notes = [
        *ground.funnel.notes,
        "Discounts are within the deal size; selling time within the volume. A shorter cycle "
        "brings wins forward once and no more of them, so it is none.",
    ]
    if ground.plan.goal.constraints.headcount == "open":
        notes.append("The headcount may change, and is no lever here: the reps who are there stay.")
    return notes
