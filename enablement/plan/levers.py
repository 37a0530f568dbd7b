"""Levers: which of volume, time, conversion, size, discount and cycle must move how far."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError
from enablement.measure.arguments import checked
from enablement.plan import benchmarks, cascade, futures, lags, peers, rooms
from enablement.plan import goal as goals
from enablement.plan.benchmarks import Benchmark
from enablement.plan.cascade import Ground
from enablement.plan.futures import Change
from enablement.plan.goal import Plan
from enablement.plan.lags import Waits
from enablement.plan.peers import Peers
from enablement.plan.rooms import Lever
from enablement.plan.sizes import Sizes
from enablement.read.crm import CRM

HALVINGS = 80
LEVERS = (
    "least total stretch (the sum of its squares) with which {metric} reaches {target:,.0f}; a "
    "stretch of 1 is what the best quarter of the reps has, chosen on other weeks than it is "
    "compared on, for conversions the benchmark ({benchmark}); counts: {counts}"
)
BEST = "what the best quarter of the reps does already"
COLUMNS = [
    *("lever", "stage", "unit", "present", "worst", "best", "most", "needed", "change", "stretch"),
    *("low", "alone", "gain"),
]


@checked
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
    learn. Who they are is chosen on other weeks or quarters than it is compared on, and where the
    reps do not differ beyond chance nobody is the best. None goes further than that, nor than the
    plan's caps.

    Parameters
    ----------
    crm, plan, as_of, benchmark, mix : as for `stage_gap`
    number : of futures that are drawn for the probability of reaching the goal
    seed : the same seed gives the same table

    Returns
    -------
    pandas.DataFrame
        One row per lever that there is::

            lever    text   volume; selling_time, where a calendar or the minutes of activities
                            tell it, and volume is then what enters in an hour of it; conversion;
                            deal_size; discount, where list prices are known, and deal_size is
                            then at list price; cycle, where it is known how long it takes; and
                            headcount, where the plan allows more reps than there are, and volume
                            or selling_time is then that of one rep
            stage    text   of a conversion; missing for the others
            unit     text   what the figures of the row are
            present  float  today. What comes through the funnel is the product of these, where
                            of a discount 1 minus it counts, and a cycle as 1
            worst    float  of the worst quarter of the reps; today's where none is known
            best     float  of the best quarter of the reps, for conversions the benchmark;
                            today's where none is known to be better
            most     float  the furthest it may go, by `best` and by the plan's caps
            needed   float  where it must be
            change   float  needed / present - 1
            stretch  float  share of the way from today to the best, by what it brings, 0 to 1; 0
                            where there is none
            low      float  what the metric comes to with this lever alone at its worst
            alone    float  what the metric comes to with this lever alone at its best
            gain     float  alone minus what comes if nothing changes

        ``attrs`` has ``definition``, ``metric``, ``currency``, ``projected``, ``target``,
        ``reached`` (with every lever where it must be), ``reachable``, ``probability_now`` and
        ``probability_then`` (of reaching the goal, by simulation), ``hours_a_day`` (selling hours
        of a rep a working day; missing where not known), ``time_from`` (``calendar`` or
        ``activities``, which know only what is recorded; "" where neither), ``verdict`` and
        ``notes``.

    Raises
    ------
    SettingsError, CannotSayError
        As for `stage_gap`.

    Notes
    -----
    A shorter cycle brings wins forward once: those who are on the way when the goal's months
    begin are through sooner, and afterwards as many are won as enter (`Waits.sooner`).
    """
    ground = cascade.counted(crm, goals.goal(plan), as_of=as_of)
    period = ground.base.period
    held = benchmarks.benchmark(
        crm, ground.plan, ground.funnel, period, kind=benchmark, by=None, mix=mix
    )
    return levers_of(
        ground,
        held,
        futures.sizes_of(crm, ground),
        reps=peers.of_crm(crm, ground),
        rates=benchmarks.quarters(crm, ground.funnel, period, mix),
        waits=lags.waits(crm, ground.plan.goal, ground.funnel.stages[0], period),
        new=rooms.new_reps(crm, ground),
        number=number,
        seed=seed,
    )


def levers_of(
    ground: Ground,
    held: Benchmark,
    size: Sizes,
    *,
    reps: Peers = peers.NO_CRM,
    rates: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    waits: Waits | None = None,
    new: float | None = None,
    number: int = futures.FUTURES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the levers from what was counted once; see `levers`.

    Parameters
    ----------
    reps : how far the reps differ
    rates : of the best and the worst quarter of the reps at each stage
    waits : how long it takes to be won
    new : what all the reps that the plan allows besides would bring, over what those there bring;
        None where it allows none
    """
    none = np.full(len(ground.funnel.stages), np.nan)
    best, worst = (none, none) if rates is None else rates
    every = [
        lever if _moves(ground, lever) else lever.still()
        for lever in rooms.rooms_of(ground, held, reps, worst, waits, new)
    ]
    moving = np.array([_moves(ground, lever) for lever in every])
    if not moving.any():
        raise CannotSayError(f"No lever is known that moves the {ground.metric}.")
    through = max(ground.base.target - ground.funnel.besides, 0.0)
    usual = ground.projected(ground.rates("team")) - ground.funnel.besides
    room = np.log([lever.factor(lever.best) for lever in every])
    far = np.log([lever.factor(lever.most) for lever in every])
    share = np.divide(far, room, out=np.zeros(len(room)), where=room > 0)
    wanted = np.log(through / usual) if through > 0 else 0.0
    stretch = least_stretch(room, share, max(float(wanted), 0.0))
    needed = [
        lever.at(float(np.exp(way * full)))
        for lever, way, full in zip(every, stretch, room, strict=True)
    ]
    table = _table(every, needed, stretch, usual, ground.funnel.besides)
    table = table[moving].reset_index(drop=True)
    table.attrs = _described(ground, held, size, every, needed, usual, number=number, seed=seed)
    shown = [lever for lever, moves in zip(every, moving, strict=True) if moves]
    notes = [*_notes(ground, held, reps, best, shown), *_others(ground, every)]
    table.attrs = {**table.attrs, **_timed(table, reps), "notes": notes}
    return table


def _timed(table: pd.DataFrame, reps: Peers) -> dict[str, object]:
    """Say from what the selling time is known, where it is a lever, with the definition."""
    if reps.hours is None or not table["lever"].eq("selling_time").any():
        return {"hours_a_day": np.nan if reps.hours is None else reps.hours.a_day, "time_from": ""}
    return {
        "definition": f"{table.attrs['definition']}; selling time: "
        f"{peers.TIMES[reps.hours.source]}",
        "hours_a_day": reps.hours.a_day,
        "time_from": reps.hours.source,
    }


def _moves(ground: Ground, lever: Lever) -> bool:
    """Whether a lever moves the metric of the goal, and not only the amount that it is told as."""
    how = ground.translated
    return how is None or how.moves(lever.name, lever.stage)


def _others(ground: Ground, every: Sequence[Lever]) -> list[str]:
    """Name the levers that bring more, and not more of the metric."""
    idle = [lever for lever in every if not _moves(ground, lever)]
    if not idle or ground.translated is None:
        return []
    names = dict.fromkeys(lever.stage or lever.name.replace("_", " ") for lever in idle)
    return [
        f"{', '.join(names)}: what these bring is won amount and not the {ground.translated.short}"
        " that is wanted, so they are no levers here."
    ]


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
    every: Sequence[Lever],
    needed: Sequence[float],
    stretch: NDArray[np.float64],
    usual: float,
    besides: float,
) -> pd.DataFrame:
    table = pd.DataFrame(
        [dataclasses.asdict(dataclasses.replace(lever, waits=None)) for lever in every]
    ).rename(columns={"name": "lever"})
    low, alone = (
        usual * np.array([lever.factor(getattr(lever, end)) for lever in every]) + besides
        for end in ("worst", "best")
    )
    present = table["present"].where(table["present"] != 0)
    return table.assign(
        needed=needed,
        change=pd.Series(needed) / present - 1,
        stretch=stretch,
        low=low,
        alone=alone,
        gain=alone - usual - besides,
    )[COLUMNS]


def _described(
    ground: Ground,
    held: Benchmark,
    size: Sizes,
    every: Sequence[Lever],
    needed: Sequence[float],
    usual: float,
    *,
    number: int,
    seed: int,
) -> dict[str, object]:
    besides, target = ground.funnel.besides, ground.base.target
    factors = [lever.factor(value) for lever, value in zip(every, needed, strict=True)]
    projected, reached = usual + besides, usual * float(np.prod(factors)) + besides
    reachable = reached >= target * (1 - cascade.ROUNDING)
    then = _change(every, needed, factors)
    now, changed = (
        futures.draw(ground, size, np.array([1.0]), change=change, number=number, seed=seed)
        for change in (futures.AS_NOW, then)
    )
    chances = [float((d >= target * (1 - cascade.ROUNDING)).mean()) for d in (now, changed)]
    return {
        "definition": LEVERS.format(
            metric=ground.metric,
            target=target,
            benchmark=" and ".join(held.kinds) or "none",
            counts=ground.funnel.says,
        ),
        "as_of": ground.base.as_of,
        "metric": ground.plan.goal.metric,
        "currency": ground.base.currency,
        "projected": projected,
        "target": target,
        "reached": reached,
        "reachable": bool(reachable),
        "probability_now": chances[0],
        "probability_then": chances[1],
        "verdict": _verdict(
            projected,
            reached,
            target,
            chances,
            best=("the desired rates and " if "desired" in held.kinds else "") + BEST,
            reachable=bool(reachable),
        ),
    }


def _change(every: Sequence[Lever], needed: Sequence[float], factors: Sequence[float]) -> Change:
    """Put the levers together as the futures know them: volume, rates and size."""
    by = {lever.name: factor for lever, factor in zip(every, factors, strict=True)}
    rates = [v for lever, v in zip(every, needed, strict=True) if lever.name == "conversion"]
    volume, size = (
        float(np.prod([by.get(name, 1.0) for name in names]))
        for names in (("volume", "selling_time", "cycle", "headcount"), ("deal_size", "discount"))
    )
    return Change(volume, np.array(rates), size)


def _verdict(
    projected: float,
    reached: float,
    target: float,
    chances: list[float],
    *,
    best: str,
    reachable: bool,
) -> str:
    now, then = (f"{100 * chance:.0f} %" for chance in chances)
    if projected >= target * (1 - cascade.ROUNDING):
        return f"{projected:,.0f} of {target:,.0f} come if nothing changes, with a chance of {now}."
    if reachable:
        return f"Within {best} {target:,.0f} can be reached; the chance rises from {now} to {then}."
    return (
        f"With every lever as far as it may go {reached:,.0f} come, {target - reached:,.0f} less "
        f"than the {target:,.0f} that are wanted; the chance rises from {now} to {then}."
    )


def _notes(
    ground: Ground,
    held: Benchmark,
    reps: Peers,
    best: NDArray[np.float64],
    every: Sequence[Lever],
) -> list[str]:
    """Say what is no lever here, and why, and what each takes for granted."""
    there = {lever.name: lever for lever in every}
    notes = [*ground.funnel.notes, *reps.lacks, *_alike(reps, there)]
    if "selling_time" in there and reps.hours is not None:
        notes.append(
            f"Selling time is from {peers.TIMES[reps.hours.source]}: {reps.hours.a_day:.1f} hours "
            "a rep and working day; volume is what enters the first stage in one of them."
        )
    if "discount" in there:
        notes.append("Less discount may cost wins; nothing here says how many.")
    if "cycle" in there:
        notes += _slow(there["cycle"])
    else:
        notes.append("Nothing says how long it takes to be won, so the cycle is no lever.")
    return [*notes, *_heads(ground, there), *_tools(ground, held, best)]


def _slow(cycle: Lever) -> list[str]:
    """Say what the days that it takes to win do to the goal's months."""
    notes = [
        "A shorter cycle brings wins forward once, from those on the way; in the year after "
        "nothing more comes of it."
    ]
    late = 0.0 if cycle.waits is None else cycle.waits.within(cycle.span) / cycle.span
    if late >= 0.01:
        notes.append(
            f"Winning takes {cycle.present:.0f} days: of what enters besides from the first day "
            f"on, {100 * (1 - late):.0f} % are won within the goal's months. The levers are told "
            "as of a year in which they were there from long before."
        )
    return notes


def _alike(reps: Peers, there: Mapping[str, Lever]) -> list[str]:
    """Name what the reps do not differ in, and what too few can be compared in."""
    told = {name: getattr(reps, name).known for name in there if hasattr(reps, name)}
    alike = [name.replace("_", " ") for name, known in told.items() if known is False]
    few = [name.replace("_", " ") for name, known in told.items() if known is None]
    notes = []
    if alike:
        notes.append(
            f"In {', '.join(alike)} the reps do not differ beyond chance, so nobody is the best."
        )
    if few and reps is not peers.NO_CRM:
        notes.append(
            f"In {', '.join(few)} too few reps can be compared (it takes {benchmarks.FEWEST}), so "
            "nobody is the best."
        )
    return notes


def _heads(ground: Ground, there: Mapping[str, Lever]) -> list[str]:
    """Say what the plan has to say of the headcount."""
    allowed = ground.plan.goal.constraints.headcount
    if "headcount" in there and isinstance(allowed, int):
        lever = there["headcount"]
        count = lever.best - lever.present
        ramp = "less their ramp" if count < allowed - lever.present else "as no ramp is known"
        return [
            f"The plan allows {allowed} reps and {lever.present:.0f} are there: those who come on "
            f"the first day count as {count:.1f} of the others, {ramp}. A needed headcount that "
            "is not whole is one who comes later."
        ]
    if allowed == "open":
        return ["The headcount may change, and is no lever here: the plan says no number of reps."]
    if isinstance(allowed, int) and allowed < len(ground.staff):
        return [
            f"The plan allows {allowed} reps and {len(ground.staff)} are there: what comes is "
            "theirs, since nobody can be named who goes."
        ]
    return []


def _tools(ground: Ground, held: Benchmark, best: NDArray[np.float64]) -> list[str]:
    """Say what the plan's wish for no new tools leaves open."""
    if ground.plan.goal.constraints.new_tools:
        return []
    stated = np.array([kind == "desired" for kind in held.of])
    rates = ground.rates("team")[0]
    beyond = stated & (held.rate > rates) & ~(best >= held.rate)
    if not beyond.any():
        return ["No new tools: what the best quarter of the reps has, it has with those of today."]
    names = [
        stage for stage, open_one in zip(ground.funnel.stages, beyond, strict=True) if open_one
    ]
    return [
        "No new tools: what the best quarter of the reps has, it has with those of today. The "
        f"desired rate of {', '.join(names)} is above what any quarter is known to reach, so "
        "nothing here says that it can be had without."
    ]
