"""Futures: what may come of the goal's months, drawn many times, and how often the goal is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.measure.arguments import checked
from enablement.measure.estimates import CONFIDENCE
from enablement.periods import Period
from enablement.plan import cascade, sizes
from enablement.plan import goal as goals
from enablement.plan.cascade import Ground
from enablement.plan.goal import Plan
from enablement.plan.sizes import Sizes
from enablement.plan.underway import Underway
from enablement.read.crm import CRM

FUTURES = 10_000
QUARTER = 3  # months
CHANCE = (
    "probability that {metric} reaches the target, over {number:,} futures: the team's true rates "
    "and volume as likely as the counts of {counts} have them, quarters that swing and a level "
    "that drifts as earlier quarters did, what enters and is won by chance, and amounts that are "
    "spread as those won; {opened}{besides}the reps who are there stay"
)


@dataclasses.dataclass(frozen=True)
class Change:
    """What is done otherwise than today.

    volume : factor on how many enter the first stage
    rates : the share that moves on from each stage instead of today's; None for today's
    size : factor on what a won one brings
    """

    volume: float = 1.0
    rates: NDArray[np.float64] | None = None
    size: float = 1.0


AS_NOW = Change()


@checked
def goal_chance(
    crm: CRM | None,
    plan: Plan | Mapping[str, object] | str | Path,
    *,
    as_of: object,
    number: int = FUTURES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """How likely the goal is if nothing changes, for the whole of it and for each quarter.

    The quarters' targets are the glide path: the worksheet's months, three at a time.

    Parameters
    ----------
    crm, plan, as_of : as for `stage_gap`
    number : how many futures are drawn
    confidence : coverage of the interval of what comes, between 0 and 1
    seed : the same seed gives the same table

    Returns
    -------
    pandas.DataFrame
        One row per three months of the goal, and one for all twelve::

            period       text   fiscal name such as 2027Q1, of the twelve months that of the goal;
                                the days from and to where they are no quarters
            target       float  in the metric; the quarters add up to the whole
            expected     float  what comes on average if nothing changes
            low, high    float  interval of what comes
            probability  float  that the target is reached or passed, 0 to 1

        ``attrs`` has ``definition``, ``metric``, ``stands_for`` (the goal in another metric that
        the amount comes to and may miss; "" where there is none), ``currency``, ``verdict`` and
        ``notes``.

    Raises
    ------
    SettingsError, CannotSayError
        As for `stage_gap`.

    Notes
    -----
    What is open on the eve of the goal's months counts by its stage, by the days it has been there
    and by its amount, with the shares and times of the twelve months before (`Underway`); what
    begins from then on comes besides, and is won no sooner than others were. How often it is right
    stands in `benchmarks/README.md`.
    """
    ground = cascade.counted(crm, goals.goal(plan), as_of=as_of)
    return chance_of(ground, sizes_of(crm, ground), number=number, confidence=confidence, seed=seed)


def sizes_of(crm: CRM | None, ground: Ground) -> Sizes:
    """Find the sizes behind a ground: in the metric a won one may be one and no more."""
    if crm is None or ground.base.period is None or ground.plan.goal.metric == "won count":
        return sizes.stated(ground.funnel.staff, ground.funnel.worth)
    return sizes.of_crm(crm, ground.funnel.staff, ground.base.period)


def chance_of(
    ground: Ground,
    size: Sizes,
    *,
    number: int = FUTURES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the chances from what was counted once; see `goal_chance`."""
    shares = cascade.share_out(ground, ground.rates())
    monthly = shares.house.sum(axis=0) * shares.price
    days = ground.capacity().sum(axis=0)
    quarters = [slice(first, first + QUARTER) for first in range(0, len(ground.months), QUARTER)]
    part = np.array([days[q].sum() for q in quarters]) / days.sum()
    drawn = draw(ground, size, part, number=number, seed=seed)
    every = np.column_stack([drawn, drawn.sum(axis=1)])
    target = np.array([*(monthly[q].sum() for q in quarters), monthly.sum()])
    names = [*(_named(ground.months[q]) for q in quarters), ground.base.span.name]
    low, high = interval(every, confidence)
    table = pd.DataFrame(
        {
            "period": names,
            "target": target,
            "expected": every.mean(axis=0),
            "low": low,
            "high": high,
            "probability": (every >= target * (1 - cascade.ROUNDING)).mean(axis=0),
        }
    )
    table.attrs = _described(ground, size, table, number, confidence)
    return table


def _named(months: Sequence[Period]) -> str:
    """Name three fiscal months in a row by their quarter, and by their days where they are none."""
    year, _, month = months[0].name.partition("M")
    quarter, before = divmod(int(month) - 1, QUARTER)
    return f"{months[0].start} to {months[-1].end}" if before else f"{year}Q{quarter + 1}"


def interval(drawn: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Give the ends between which that share of the futures lies, 2 × what is drawn."""
    tail = (1 - confidence) / 2
    return np.quantile(drawn, [tail, 1 - tail], axis=0)


def draw(
    ground: Ground,
    size: Sizes,
    part: NDArray[np.float64],
    *,
    change: Change = AS_NOW,
    number: int = FUTURES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Draw what comes in each part of the goal's months, futures × parts, in the metric.

    Parameters
    ----------
    part : share of the year's work that lies in each part; they follow each other from the first
        month on
    change : what is done otherwise than today

    Notes
    -----
    True rates are drawn once for a future, so that its quarters share them: that is what is not
    known today. Each quarter's level then swings and drifts, how far being drawn too (see
    `swings`). The sum of so many amounts is drawn as one lognormal variable with the mean and the
    variance of theirs (Fenton, 1960, IRE Transactions on Communications Systems 8:57-67); the
    mean of all amounts is drawn too, since it is known from so many wins only.
    """
    generator = np.random.default_rng(seed)
    funnel, under = ground.funnel, ground.underway
    first = float(ground.expected(ground.rates("team"))[:, 0].sum())
    rates, volume = _known(ground, generator, number)
    better = _better(funnel.pooled, rates, change)
    level, within = _levels(ground, generator, number), _within(ground, part)
    months = _work(ground) if under is None else under.begun
    usual = first * volume * better * rates.prod(axis=1)
    wins = generator.poisson(usual[:, None] * ((level * months) @ within.T)).astype(float)
    variation = size.variation if size.variation > 0 else 0.0
    each = sizes.about_one(generator, variation**2 / np.maximum(wins, 1.0))
    if under is not None:
        soon = _sooner(under.known, number, generator) * better
        wins = wins * each + _open(under, within, rates / funnel.pooled, soon, generator)
        each = np.ones_like(wins)
    mean = sizes.about_one(generator, np.full((number, 1), variation**2 / size.won.sum()))
    through = wins * size.mean * mean * each
    return through * change.size * _scale(ground, size) + _besides(
        ground, size, level @ (_work(ground)[:, None] * within.T), generator
    )


def _known(
    ground: Ground, generator: np.random.Generator, number: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the true rates, futures × stages, and the true volume over the one that is expected."""
    funnel = ground.funnel
    entered, moved = funnel.team
    if funnel.stated_rates is not None:
        return np.broadcast_to(funnel.pooled, (number, len(moved))), np.ones(number)
    rates = generator.beta(moved + 0.5, entered - moved + 0.5, size=(number, len(moved)))
    return rates, generator.gamma(funnel.first, size=number) / funnel.first


def _better(
    pooled: NDArray[np.float64], rates: NDArray[np.float64], change: Change
) -> NDArray[np.float64]:
    """Give what comes with a change over what comes without, of each future.

    It was there from long before, so that what is open is more by as much.
    """
    if change.rates is None:
        return np.full(len(rates), change.volume)
    changed = np.clip(rates * (change.rates / pooled), 0.0, 1.0)
    return change.volume * changed.prod(axis=1) / rates.prod(axis=1)


def _work(ground: Ground) -> NDArray[np.float64]:
    """Give the share of the year's work that lies in each month."""
    days = ground.capacity().sum(axis=0)
    return days / days.sum()


def _within(ground: Ground, part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the share of each month's work that lies in each part, parts × months."""
    month = _work(ground)
    ends, cuts = (np.append(0.0, np.cumsum(shares)) for shares in (month, part))
    begin = np.maximum(cuts[:-1, None], ends[None, :-1])
    shared = np.clip(np.minimum(cuts[1:, None], ends[None, 1:]) - begin, 0.0, None)
    return np.divide(shared, month, out=np.zeros_like(shared), where=month > 0)


def _levels(ground: Ground, generator: np.random.Generator, number: int) -> NDArray[np.float64]:
    """Draw what each month's level is over that of the year before, futures × months.

    It swings from quarter to quarter, not within one.
    """
    quarters = -(-len(ground.months) // QUARTER)
    level = ground.swings.factors(quarters, number, generator)
    return np.repeat(level, QUARTER, axis=1)[:, : len(ground.months)]


def _sooner(known: float, number: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw how many of those open come in a month over what is expected, as times are known."""
    return generator.gamma(known, size=number) / known


def _open(
    under: Underway,
    within: NDArray[np.float64],
    rates: NDArray[np.float64],
    better: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw what is won of what is open on the eve, futures × parts, in wins of the usual size.

    Of each stage the rates that are still to come count. A sum of so many that are or are not
    won, some larger than others, is drawn as one gamma variable of its mean and variance.

    Parameters
    ----------
    rates : futures × stages; the true ones over today's
    """
    to_come = np.cumprod(rates[:, ::-1], axis=1)[:, ::-1] * better[:, None]
    mean = to_come @ (under.open @ within.T)
    total = under.open.sum(axis=0) @ within.T
    scale = np.divide(
        under.variance.sum(axis=0) @ within.T, total, out=np.ones_like(total), where=total > 0
    )
    scale = np.maximum(scale, 1e-6)
    return generator.gamma(mean / scale) * scale


def _besides(
    ground: Ground,
    size: Sizes,
    level: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw what comes besides the funnel: as many as there were, but for chance, as spread."""
    usual, others = ground.funnel.besides, ground.funnel.besides_won
    if not (usual > 0 and others > 0):
        return usual * level
    mean = others * generator.gamma(others, size=(len(level), 1)) / others
    came = generator.poisson(mean * level).astype(float)
    return _amounts(generator, came, usual / others, others, size.variation)


def _scale(ground: Ground, size: Sizes) -> float:
    """Turn amounts into the metric."""
    return ground.funnel.worth / size.mean


def _amounts(
    generator: np.random.Generator,
    wins: NDArray[np.float64],
    usual: float,
    known: float,
    variation: float,
) -> NDArray[np.float64]:
    """Draw what so many wins bring together, each `usual` on average.

    Parameters
    ----------
    wins : futures × parts
    known : of how many the usual one is the mean
    variation : standard deviation of what one brings over its mean
    """
    if not variation > 0:
        return wins * usual
    mean = sizes.about_one(generator, np.full((len(wins), 1), variation**2 / known))
    each = sizes.about_one(generator, variation**2 / np.maximum(wins, 1.0))
    return wins * usual * mean * each


def _says(ground: Ground) -> str:
    """Say how much of the first months comes of what is open; "" where it is not known."""
    if ground.underway is None:
        return ""
    first = float(ground.underway.open[:, :QUARTER].sum())
    usual = float(np.nansum(ground.expected(ground.rates("team"))[:, -1]))
    later = usual * float(ground.underway.begun[:QUARTER].sum())
    if not first + later > 0:
        return ""
    return (
        f"Of what is won in the first {QUARTER} months through the funnel, "
        f"{100 * first / (first + later):.0f} % is open on the eve."
    )


def _described(
    ground: Ground, size: Sizes, table: pd.DataFrame, number: int, confidence: float
) -> dict[str, object]:
    whole = table.iloc[-1]
    notes = [*ground.funnel.notes, *filter(None, [ground.swings.says, _says(ground)])]
    if not size.variation > 0:
        notes.append("Nothing says how far amounts are spread, so each is taken as the mean.")
    besides = ground.funnel.besides
    return {
        "definition": CHANCE.format(
            metric=ground.metric,
            number=number,
            counts=ground.funnel.says,
            opened="what is open counts by stage, days and amount; " if ground.underway else "",
            besides=f"about {besides:,.0f} come besides; " if besides > 0.5 else "",
        ),
        "as_of": ground.base.as_of,
        "metric": ground.plan.goal.metric,
        "stands_for": ground.stands_for,
        "when": ground.when,
        "currency": ground.base.currency,
        "verdict": (
            f"If nothing changes, {whole['expected']:,.0f} come ({whole['low']:,.0f} to "
            f"{whole['high']:,.0f}); that the target of {whole['target']:,.0f} is reached has a "
            f"probability of {100 * whole['probability']:.0f} %."
        ),
        "notes": notes,
        "confidence": confidence,
    }
