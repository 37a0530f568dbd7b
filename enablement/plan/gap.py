"""The gap: what each stage costs against its benchmark, and how sure it is that it is the worst."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError, EnablementError, choices
from enablement.measure import shrinkage
from enablement.measure.arguments import checked
from enablement.measure.estimates import ALPHA, CONFIDENCE, jeffreys
from enablement.measure.shrinkage import Spread
from enablement.plan import attribution, benchmarks, cascade, futures
from enablement.plan import goal as goals
from enablement.plan.benchmarks import Benchmark
from enablement.plan.cascade import Ground
from enablement.plan.funnels import shrunk_rates
from enablement.plan.goal import Plan
from enablement.plan.rates import alone, together
from enablement.plan.sizes import Sizes
from enablement.read.crm import CRM

BY = ("region", "team", "rep")
DRAWS = 4_000  # futures of a company; fewer for many groups
DRAWN = 1_500_000  # numbers drawn at most
MANY = 200  # groups from which on the doubt about how they are spread does not matter
LIKELY = 0.50  # probability of being the worst, from which on a stage can stand out
COLUMNS = [
    *("stage", "entered", "moved_on", "rate", "rate_low", "rate_high"),
    *("needed_alone", "needed_together", "benchmark", "benchmark_of"),
    *("cost", "low", "high", "units", "share", "probability_below", "probability_worst", "says"),
]
GAP = (
    "cost: what the goal's twelve months lose because the stage is below its benchmark, with "
    "everything downstream, at today's volume; the stages' parts add up (Shapley); counts: "
    "{counts}; benchmark: {benchmark}; {doubt}"
)
RECORDED = "ask of an export that records the stages"
DRAWN_RATES = "{:.0f} % intervals from {:,} draws of the true rates of reps like these"


@dataclasses.dataclass(frozen=True)
class Groups:
    """What a gap is computed for: the company, or each of its regions, teams or reps.

    names : columns that name them, one row per group; no columns for the company
    entered, moved : groups × stages
    rates : groups × stages; of several groups shrunk
    first : how many enter the first stage in the goal's months if nothing changes
    target : what each is to bring through the funnel, in the metric
    spreads : of reps, how their rates are spread at each stage; else None
    """

    names: pd.DataFrame
    entered: NDArray[np.float64]
    moved: NDArray[np.float64]
    rates: NDArray[np.float64]
    first: NDArray[np.float64]
    target: NDArray[np.float64]
    spreads: tuple[Spread | None, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Doubt:
    """What the draws say, each groups × stages; NaN where nothing was counted.

    low, high : interval of the cost
    rate_low, rate_high : interval of the rate
    below : probability that the rate is below its benchmark
    worst : probability that no stage costs more
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    rate_low: NDArray[np.float64]
    rate_high: NDArray[np.float64]
    below: NDArray[np.float64]
    worst: NDArray[np.float64]


@checked
def stage_gap(
    crm: CRM | None,
    plan: Plan | Mapping[str, object] | str | Path,
    *,
    as_of: object,
    by: str | None = None,
    benchmark: str | None = None,
    mix: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """What each stage costs against its benchmark, and how sure it is that it is the worst.

    The lowest rate is not the leak: what counts is what is lost at a stage, with everything
    downstream, against what it should be.

    Parameters
    ----------
    crm : as `enablement.load` gives it; None works from what the plan states alone, without
        saying how sure it is
    plan : a path, a dict of the same shape, or as `enablement.goal` gives it
    as_of : the last moment whose events may be seen; the twelve fiscal months up to it are
        counted, those before the goal's at the latest. May be None without a CRM
    by : None for the company, or ``region``, ``team`` or ``rep``
    benchmark : ``desired`` (the plan's), ``team`` (all together) or ``top quartile`` (the best
        quarter of the reps, chosen on other quarters than it is compared on, at the team's
        mix). None for the desired rate where the plan states one, else for the company the top
        quartile, for its reps the team
    mix : columns of what reps may have more or less of, for the top quartile; None for ``type``
        and ``segment`` where the export has them
    confidence : coverage of the intervals, between 0 and 1
    seed : of the draws; the same seed gives the same table

    Returns
    -------
    pandas.DataFrame
        One row per stage in funnel order, per group of `by`::

            (group)            text   region, team, rep_id
            stage              category
            entered, moved_on  int    decided in the twelve months; missing where stated
            rate               float  moved_on / entered; of groups drawn towards the others, and
                                      that of all where they do not differ beyond chance
            rate_low, rate_high
                               float  interval of the true rate
            needed_alone       float  rate that reaches the target if the other stages stay as they
                                      are; above 1 it cannot be reached so
            needed_together    float  rate that reaches it if all stages that are below their
                                      benchmark go the same share of the way to it; missing where
                                      even all at 1 do not
            benchmark          float  what the rate is held against; missing where there is none
            benchmark_of       text   desired, team, top quartile
            cost               float  what is lost in the goal's twelve months, in the metric; 0
                                      where the rate is not below the benchmark
            low, high          float  its interval
            units              float  cost in units; without a price in won opportunities
            share              float  cost / that of all stages; missing where nothing is lost
            probability_below  float  that the true rate is below the benchmark; missing where
                               nothing was decided
            probability_worst  float  that no stage costs more, and that it costs something; held
                               against the company's own best, of leads that are drawn
                               towards each other
            says               text   what cannot be; "" where nothing is to be said

        ``attrs`` has ``definition``, ``metric``, ``currency``, ``unit`` (what ``units`` counts:
        units or won), ``projected`` and ``target`` (what comes if nothing changes
        and what is wanted), ``at_benchmark`` (what comes with every stage at its benchmark),
        ``verdict``, ``stands_out`` (the stage that surely is the worst, of the company; else
        None), ``sure`` (the ``probability_below`` from which on it is sure) and ``notes``.

    Raises
    ------
    SettingsError
        If the plan does not fit.
    CannotSayError
        If the data do not carry it; the message says what is missing.
    """
    if by is not None and by not in BY:
        raise EnablementError(f"by={by!r}. {choices(by, list(BY))}")
    ground = cascade.counted(crm, goals.goal(plan), as_of=as_of)
    held = benchmarks.benchmark(
        crm, ground.plan, ground.funnel, ground.base.period, kind=benchmark, by=by, mix=mix
    )
    size = futures.sizes_of(crm, ground)
    return gap_of(ground, held, size, by=by, confidence=confidence, seed=seed)


def gap_of(
    ground: Ground,
    held: Benchmark,
    size: Sizes | None = None,
    *,
    by: str | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the gap from what was counted once; see `stage_gap`.

    Parameters
    ----------
    size : how well it is known what a won one brings; None takes it as known
    """
    groups = groups_of(ground, by)
    better = np.fmax(groups.rates, held.rate[None, :])
    worth = ground.funnel.worth
    cost = attribution.shapley(groups.rates, better) * (groups.first * worth)[:, None]
    doubt = _doubt(groups, ground, held, size, confidence, seed)
    table = _table(ground, groups, held, cost, doubt)
    table.attrs = _described(ground, groups, held, table, better, confidence, by)
    return table


def groups_of(ground: Ground, by: str | None) -> Groups:
    """Add counts, volume and target up to the groups that are asked for."""
    funnel, used = ground.funnel, ground.rates("own" if by else "team")
    first = ground.expected(used)[:, 0]
    if by is None:
        entered, moved = funnel.team
        through = max(ground.base.target - funnel.besides, 0.0)
        return Groups(
            pd.DataFrame(index=[0]),
            entered[None],
            moved[None],
            used[:1],
            _sum(first),
            _sum(through),
        )
    people = ground.staff.table
    keys = dict(cascade.levels(people))
    if by not in keys:
        raise CannotSayError(f"Nobody has a {by}: say by='rep'.", lacks=f"no {by}s")
    names = keys[by] if by == "rep" else [by]
    code = people.groupby(names, sort=False).ngroup().to_numpy()
    listed = people[names].drop_duplicates(ignore_index=True)
    entered = _added(funnel.entered[ground.places], code)
    moved = _added(funnel.moved[ground.places], code)
    shares = cascade.share_out(ground, used)
    through = max(ground.base.target - funnel.besides, 0.0) / ground.base.target
    target = shares.house.sum(axis=1) * shares.price * through
    return Groups(
        listed,
        entered,
        moved,
        used if by == "rep" else _shrunk(ground, entered, moved),
        _added(first, code),
        _added(target, code),
        funnel.spreads if by == "rep" else None,
    )


def _sum(values: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.array([np.nansum(values)])


def _added(values: NDArray[np.float64], code: NDArray[np.int64]) -> NDArray[np.float64]:
    total = np.zeros((int(code.max()) + 1, *values.shape[1:]))
    np.add.at(total, code, values)
    return total


def _shrunk(
    ground: Ground, entered: NDArray[np.float64], moved: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shrink the rates of groups as those of reps."""
    pooled = np.broadcast_to(ground.funnel.pooled, entered.shape)
    if ground.funnel.stated_rates is not None:
        return pooled.copy()
    stages = entered.shape[1]
    own = [
        shrunk_rates(k, n, stages, shrinkage.fit_spread(k, n))
        for k, n in zip(moved.T, entered.T, strict=True)
    ]
    found = np.stack(own, axis=1)
    return np.where(np.isnan(found), pooled, found)


def _doubt(
    groups: Groups,
    ground: Ground,
    held: Benchmark,
    amounts: Sizes | None,
    confidence: float,
    seed: int,
) -> Doubt:
    """Draw true rates, benchmarks, volumes and what a won one brings; compare within each draw."""
    size, stages = groups.entered.shape
    if ground.funnel.stated_rates is not None:
        none = np.full((size, stages), np.nan)
        return Doubt(none, none, none, none, none, none)
    number = draws_for(size * stages)
    generator = np.random.default_rng(seed)
    drawn = _rate_draws(groups, number, seed, _known_by(groups, ground, held))
    aim = held.draws(number, generator)[:, None, :]
    volume = generator.gamma(groups.entered[:, 0] + 0.5, size=(number, size))
    usual = np.where(groups.entered[:, 0] > 0, groups.entered[:, 0], np.nan)
    worth = ground.funnel.worth * (amounts.about(number, generator) if amounts else 1.0)
    scale = groups.first * np.where(usual > 0, volume / usual, 1.0) * np.reshape(worth, (-1, 1))
    cost = attribution.shapley(drawn, np.fmax(drawn, aim)) * scale[:, :, None]
    low, high = futures.interval(cost, confidence)
    rate_low, rate_high = futures.interval(drawn, confidence)
    if size == 1:
        rate_low, rate_high = jeffreys(groups.moved, groups.entered, confidence=confidence)
    if held.counted.any():
        aim_of_all = held.together(ground.funnel.pooled, number, generator)[:, None, :]
        compared = attribution.shapley(drawn, np.fmax(drawn, aim_of_all))
    else:
        compared = cost
    top = compared.max(axis=2, keepdims=True)
    worst = ((compared == top) & (top > 0)).mean(axis=0)
    known = ~np.isnan(held.rate)[None, :]
    below = np.where(known, (drawn < aim).mean(axis=0), np.nan)
    blank = [np.where(known, values, np.nan) for values in (low, high)]
    return Doubt(blank[0], blank[1], rate_low, rate_high, below, np.where(known, worst, np.nan))


def draws_for(numbers: int) -> int:
    """Say how many draws there are, for so many numbers in each."""
    return int(np.clip(DRAWN // numbers, 200, DRAWS))


def _known_by(groups: Groups, ground: Ground, held: Benchmark) -> NDArray[np.float64]:
    """Say of each stage what its counts are worth.

    The company's rate is that of reps like these. Taken as known of just these reps, a team that
    happens to be a little worse than another would be taken for a leak too often. Held against
    the best of the same reps it is that of just these.
    """
    if len(groups.entered) > 1:
        return np.ones(groups.entered.shape[1])
    return np.where(held.counted, 1.0, ground.funnel.worth_of_counts())


def _rate_draws(
    groups: Groups, number: int, seed: int, worth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Draw true rates, draws × groups × stages; of several groups together, by stage.

    A group of which nothing was seen has the rate of all.
    """
    size, stages = groups.entered.shape
    drawn = np.moveaxis(np.empty((stages, number, size)), 0, -1)  # each stage in one piece
    for stage in range(stages):
        k, n = (v[:, stage] * worth[stage] for v in (groups.moved, groups.entered))
        spread = None if groups.spreads is None else groups.spreads[stage]
        found = _drawn(k, n, number, seed + stage, spread)
        drawn[:, :, stage] = np.where(np.isnan(found), groups.rates[:, stage], found)
    return drawn


def _drawn(
    k: NDArray[np.float64],
    n: NDArray[np.float64],
    number: int,
    seed: int,
    spread: Spread | None = None,
) -> NDArray[np.float64]:
    """Draw the true rates of groups at one stage.

    Parameters
    ----------
    spread : how the rates of many are spread, if it is known
    """
    if len(n) <= MANY:
        return shrinkage.posterior_draws(k, n, draws=number, seed=seed)
    found = shrinkage.fit_spread(k, n) if spread is None else spread
    alpha = beta = 0.5
    if found is not None:
        strength = min(found.strength, shrinkage.STRONGEST)
        alpha, beta = found.mean * strength, (1 - found.mean) * strength
    return np.random.default_rng(seed).beta(alpha + k, beta + n - k, size=(number, len(n)))


def _table(
    ground: Ground, groups: Groups, held: Benchmark, cost: NDArray[np.float64], doubt: Doubt
) -> pd.DataFrame:
    size, stages = groups.rates.shape
    present = groups.first * np.prod(groups.rates, axis=1) * ground.funnel.worth
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(present > 0, groups.target / present, np.nan)
        share = cost / np.where(cost.sum(axis=1) > 0, cost.sum(axis=1), np.nan)[:, None]
    better = np.fmax(groups.rates, held.rate[None, :])
    by_itself, jointly = alone(groups.rates, ratio), together(groups.rates, better, ratio)
    known = ~np.isnan(held.rate)[None, :]
    price = ground.plan.goal.price or ground.funnel.worth
    counted = ground.funnel.stated_rates is None
    blank = np.full((size, stages), np.nan)
    values = {
        "entered": groups.entered if counted else blank,
        "moved_on": groups.moved if counted else blank,
        "rate": groups.rates,
        "rate_low": doubt.rate_low,
        "rate_high": doubt.rate_high,
        "needed_alone": by_itself,
        "needed_together": jointly,
        "benchmark": np.broadcast_to(held.rate, cost.shape),
        "cost": np.where(known, cost, np.nan),
        "low": doubt.low,
        "high": doubt.high,
        "units": np.where(known, cost / price, np.nan),
        "share": np.where(known, share, np.nan),
        "probability_below": doubt.below,
        "probability_worst": doubt.worst,
    }
    table = pd.DataFrame({name: grid.ravel() for name, grid in values.items()})
    # Whoever decided nothing has the rate of the others, which says nothing of them.
    table.loc[table["entered"].eq(0), ["probability_below", "probability_worst"]] = np.nan
    codes = np.tile(np.arange(stages), size)
    names = groups.names.loc[groups.names.index.repeat(stages)].reset_index(drop=True)
    table = table.assign(
        stage=pd.Categorical.from_codes(codes, categories=list(ground.funnel.stages), ordered=True),
        benchmark_of=np.tile(np.array(held.of, dtype=object), size),
        says=_says(by_itself, jointly, ratio).ravel(),
        **{name: names[name].to_numpy() for name in names},
    )
    table = table.astype({"entered": "Int64", "moved_on": "Int64"})
    return table[[*groups.names.columns, *COLUMNS]]


def _says(
    by_itself: NDArray[np.float64], jointly: NDArray[np.float64], ratio: NDArray[np.float64]
) -> NDArray[np.object_]:
    """Say which rates cannot be."""
    told = np.full(by_itself.shape, "", dtype=object)
    told[by_itself > 1] = "alone it would need more than 100 %"
    told[np.isnan(jointly) & (ratio > 1)[:, None]] = (
        "not to be reached by the stages that are below their benchmark, even at 100 %"
    )
    return told


def _described(
    ground: Ground,
    groups: Groups,
    held: Benchmark,
    table: pd.DataFrame,
    better: NDArray[np.float64],
    confidence: float,
    by: str | None,
) -> dict[str, object]:
    worth, besides = ground.funnel.worth, ground.funnel.besides
    present, then = (
        float((groups.first * np.prod(rates, axis=1)).sum() * worth) + besides
        for rates in (groups.rates, better)
    )
    worst = None if by else _stands_out(table)
    return {
        "definition": GAP.format(
            counts=ground.funnel.says,
            benchmark=" and ".join(held.kinds) or "none",
            doubt="without intervals, since the rates are stated"
            if ground.funnel.stated_rates is not None
            else DRAWN_RATES.format(100 * confidence, draws_for(better.size)),
        ),
        "as_of": ground.base.as_of,
        "metric": ground.plan.goal.metric,
        "currency": ground.base.currency,
        "unit": "units" if ground.plan.goal.price else "won",
        "target": ground.base.target,
        "projected": present,
        "besides": besides,
        "at_benchmark": then,
        "when": ground.when,
        "stands_out": worst,
        "sure": _sure(table),
        "verdict": _by_groups(table) if by else _verdict(table, worst),
        "notes": [*ground.funnel.notes, *([_reach(ground, present, then)] if held.kinds else [])],
        "groups": tuple(groups.names.columns),
        "labels": ground.staff.labels,
        "confidence": confidence,
    }


def _sure(table: pd.DataFrame) -> float:
    """Give the probability of being below the benchmark from which on it is sure.

    The more stages and groups are looked at, the higher it is.
    """
    return 1 - ALPHA / max(int(table["probability_below"].notna().sum()), 1)


def _stands_out(table: pd.DataFrame) -> str | None:
    """Name the stage that surely costs something and more likely than not the most."""
    if not table["probability_worst"].notna().any():
        return None
    worst = table.loc[table["probability_worst"].idxmax()]
    sure = worst["probability_below"] >= _sure(table)
    return str(worst["stage"]) if sure and worst["probability_worst"] >= LIKELY else None


def _verdict(table: pd.DataFrame, worst: str | None) -> str:
    """Say which stage costs most, and how sure that is."""
    if table["benchmark"].isna().all():
        staged = len(table) > 1 and table["entered"].notna().any()
        more = "ask with more reps who decided something" if staged else RECORDED
        return f"No stage has a benchmark: state desired rates, or {more}."
    whole = table["cost"].sum()
    if not whole > 0:
        return "No stage is below its benchmark."
    costly = table.loc[table["cost"].idxmax()]
    start = f"{costly['stage']} costs most, {costly['cost']:,.0f} of {whole:,.0f}"
    if table["probability_worst"].isna().all():
        return f"{start}, by the rates that are stated; nothing says how sure they are."
    if worst is None:
        top = table.loc[table["probability_worst"].idxmax()]
        return (
            f"No stage stands out: {costly['stage']} seems to cost most, {costly['cost']:,.0f} "
            f"({costly['low']:,.0f} to {costly['high']:,.0f}), and that {top['stage']} really is "
            f"the worst has a probability of {100 * top['probability_worst']:.0f} %."
        )
    found = table[table["stage"] == worst].iloc[0]
    return (
        f"{worst} costs most: {found['cost']:,.0f} ({found['low']:,.0f} to {found['high']:,.0f}) "
        f"of {whole:,.0f}. Its rate is {100 * found['rate']:.1f} %, {found['benchmark_of']} is "
        f"{100 * found['benchmark']:.1f} %; that it really is the worst has a probability of "
        f"{100 * found['probability_worst']:.0f} %."
    )


def _by_groups(table: pd.DataFrame) -> str:
    """Say at how many groups and stages the rate surely is below the benchmark."""
    tested = int(table["probability_below"].notna().sum())
    if not tested:
        return "Nothing says how sure the rates are."
    sure = table[table["probability_below"] >= _sure(table)]
    if sure.empty:
        return "Of no group and stage is it sure that the rate is below the benchmark."
    stages = sure["stage"].value_counts()
    return (
        f"Of {len(sure):,} of {tested:,} groups and stages it is sure that the rate is below the "
        f"benchmark, most of them at {stages.index[0]}; they cost {sure['cost'].sum():,.0f}."
    )


def _reach(ground: Ground, present: float, then: float) -> str:
    """Say whether the benchmarks reach the target."""
    target = ground.base.target
    if present >= target * (1 - cascade.ROUNDING):
        return cascade.COMING[ground.when].format(f"{present:,.0f}", f"{target:,.0f}") + "."
    ends = "which reaches" if then >= target * (1 - cascade.ROUNDING) else "which is short of"
    return (
        f"With every stage at its benchmark {then:,.0f} would come instead of {present:,.0f}, "
        f"{ends} the {target:,.0f} that are wanted."
    )
