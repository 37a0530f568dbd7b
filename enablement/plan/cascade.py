"""The cascade: from the company's goal to what each rep needs at each stage, month by month."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError, EnablementError
from enablement.measure import activity as activities
from enablement.periods import Calendar, Period, moment
from enablement.plan import baseline, capacity, funnels, lags, swings, translation, underway
from enablement.plan import goal as goals
from enablement.plan.apportionment import apportion, staggered
from enablement.plan.capacity import Ramp, Season
from enablement.plan.funnels import WON, Funnel
from enablement.plan.goal import Plan
from enablement.plan.lags import Lags
from enablement.plan.staff import Staff
from enablement.plan.swings import STILL, Swings
from enablement.plan.translation import Translation
from enablement.plan.underway import Underway
from enablement.read.crm import CRM

LEVELS = ("company", "region", "team", "rep")
RATES = ("own", "team")
DAYS = 91.3  # of a quarter
ROUNDING = 1e-6  # of a whole number: what products of rates leave behind
COLUMNS = [
    *("level", "region", "team", "rep_id", "month", "stage", "needed", "amount", "units", "rate"),
    *("by", "projected", "short", "says"),
]
WORKSHEET = (
    "needed: {metric} of {target:,.0f} in {span}, shared out by {share} in whole numbers "
    "(Webster; the months of each rep rounded at points of their own); each rep's wins over the "
    "shares that move on from there, {rates}; {counts}; by: the day to have entered for nine in "
    "ten of the wins to come by the end of the month"
)


# What comes of what is wanted, as it is told before the goal's months are over and after.
COMING = {
    "ahead": "If nothing changes, {} come of the {} that are wanted",
    "over": "The goal's months are over: by what was known before them {} were to come of the {} "
    "that were wanted",
}


@dataclasses.dataclass(frozen=True)
class Ground:
    """Everything that a worksheet is computed from, counted once.

    plan : the plan
    base : the figures it starts from
    funnel : the counts, of everybody who sold
    months : of the goal
    season, ramp_up, lags : as they were found
    staff : who is there for the goal
    places : where each of them stands among the rows of the funnel
    quota : of each of them, what their quota was; NaN where there is none
    swings : how far quarters vary beyond the chance of counts
    underway : what is open on the eve and when it is won; None where it is not known
    translated : how a goal in another metric is told as a won amount; None where it is not
    when : whether the last of its days is ``ahead`` of what is seen, or ``over``
    """

    plan: Plan
    base: baseline.Base
    funnel: Funnel
    months: tuple[Period, ...]
    season: Season
    ramp_up: Ramp
    lags: Lags
    staff: Staff
    places: NDArray[np.int64]
    quota: NDArray[np.float64]
    swings: Swings = STILL
    underway: Underway | None = None
    translated: Translation | None = None
    when: str = "ahead"

    @property
    def metric(self) -> str:
        """The metric of every figure, and behind it what it stands for."""
        metric, how = self.plan.goal.metric, self.translated
        return f"{metric} ({how.short})" if how is not None and how.short else metric

    @property
    def stands_for(self) -> str:
        """What the amount stands for and may miss; "" where it reaches that as well."""
        how = self.translated
        return "" if how is None or how.same else how.short

    def capacity(self) -> NDArray[np.float64]:
        """Working days, ramp and season of each rep in each month, reps × months."""
        return capacity.capacity(self.staff, self.months, season=self.season, ramp_up=self.ramp_up)

    def points(self) -> NDArray[np.float64]:
        """Where the months of each rep are rounded, reps × months; see `staggered`."""
        return staggered(len(self.staff), len(self.months))

    def rates(self, of: str = "own") -> NDArray[np.float64]:
        """Share that moves on, of those who are there for the goal, reps × stages."""
        return self.funnel.rates(of)[self.places]

    def wanted(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the rates at which the goal is reached; the same where it is none of rates."""
        how = self.translated
        return rates if how is None else how.raised(self.funnel.stages, rates)

    def expected(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """How many enter each stage, and are won, if nothing changes; reps × stages + 1."""
        first = self.funnel.volume()[self.places] * self.capacity().sum(axis=1)
        return first[:, None] * np.hstack([np.ones((len(rates), 1)), np.cumprod(rates, axis=1)])

    def fullness(self) -> float:
        """What comes through the funnel over what comes in a usual year, by what is open today.

        Above 1 where more is open than usual; 1 where it is not known.
        """
        if self.underway is None:
            return 1.0
        usual = float(np.nansum(self.expected(self.rates("team"))[:, -1]))
        if not usual > 0:
            return 1.0
        return float(self.underway.begun.sum() + self.underway.open.sum() / usual)

    def projected(self, rates: NDArray[np.float64]) -> float:
        """What the goal's metric comes to if nothing changes."""
        wins = np.nansum(self.expected(rates)[:, -1])
        return float(wins * self.funnel.worth + self.funnel.besides)


@dataclasses.dataclass(frozen=True)
class Shares:
    """What each rep has to bring, in whole numbers.

    house : units of each rep in each month (whole currency where there is no unit price)
    needed : how many must enter each stage, and be won, reps × months × stages + 1
    price : what one of `house` is worth in the metric
    """

    house: NDArray[np.int64]
    needed: NDArray[np.int64]
    price: float


def results_worksheet(
    crm: CRM | None,
    plan: Plan | Mapping[str, Any] | str | Path,
    *,
    as_of: object = None,
    rates: str = "own",
) -> pd.DataFrame:
    """From the goal to what each rep needs at each stage, month by month, in whole numbers.

    The target is shared out from the company to regions, teams and reps by Webster's method, and
    to each rep's months by a divisor method that rounds at points of their own, so that reps
    alike do not all leave the same months empty. Every level adds up, and a higher target never
    asks less of anybody in any month. Each
    rep's wins of the year, divided by the shares that move on from a stage to being won and
    rounded up, are what must enter that stage; the levels above add them up.

    Parameters
    ----------
    crm : as `enablement.load` gives it; None works from what the plan states alone
    plan : a path, a dict of the same shape, or as `enablement.goal` gives it
    as_of : as for `baseline`
    rates : ``own``, each rep's shrunk rates, or the ``team``'s

    Returns
    -------
    pandas.DataFrame
        One row per level, place, month and stage; the last stage is ``won``::

            level        category  company, region, team, rep; a level that the CRM does not
                                   have is left out
            region, team, rep_id
                         text   missing above that level
            month        category  of the fiscal calendar, such as 2027M03: when they are won
            stage        category  in funnel order, then won
            needed       int    must have entered the stage, or be won
            amount       float  of won only: the metric's share of the month
            units        Int64  of won only: the same in units; missing without a price
            rate         float  share assumed to move on from the stage; above the reps what
                                they come to together; missing for won
            by           date   last day to have entered the stage; missing where not known
            projected    float  enter, or are won, if nothing changes
            short        float  needed - projected; below 0 where there is more than enough
            says         text   why it cannot be reached as things are; "" where it can

        ``attrs`` has ``definition``, ``metric``, ``currency``, ``target``, ``projected`` (what the
        metric comes to if nothing changes), ``besides`` (what is reached without the funnel),
        ``verdict`` (whether the goal is within what was ever done), ``notes`` (season, ramp, lags,
        leavers: what was found and what was assumed), ``activity`` (type -> how many it takes in
        the year), ``labels`` (rep_id -> name).

    Raises
    ------
    SettingsError
        If the plan does not fit.
    CannotSayError
        If the data do not carry it; the message says what is missing.
    """
    if rates not in RATES:
        raise EnablementError(f"rates={rates!r}. Known: own, team.")
    said = goals.goal(plan)
    ground = grounded(crm, said, as_of=as_of)
    return worksheet(ground, rates=rates, activity=activity_per_entry(crm, ground))


def grounded(crm: CRM | None, plan: Plan, *, as_of: object = None) -> Ground:
    """Count everything that a worksheet is computed from."""
    return lagged(crm, counted(crm, plan, as_of=as_of))


def counted(crm: CRM | None, plan: Plan, *, as_of: object = None) -> Ground:
    """Count everything but the lags, once for all who ask the same one after the other."""

    def count() -> Ground:
        kept = copy.deepcopy(plan)  # whoever asked may change theirs
        return seasonal(crm, ground_of(crm, kept, as_of=as_of))

    return count() if crm is None else crm.last("ground", repr((plan, as_of)), count)


def worksheet(
    ground: Ground, *, rates: str = "own", activity: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Compute the worksheet from what was counted once; see `results_worksheet`."""
    used = ground.rates(rates)
    wanted = ground.wanted(used)
    shares = share_out(ground, wanted)
    expected = _by_month(ground, used)
    says = _says(ground, shares)
    table = _table(ground, shares, wanted, expected, says)
    table.attrs = _described(ground, shares, used, says, rates, activity or {})
    return table


def ground_of(crm: CRM | None, plan: Plan, *, as_of: object = None) -> Ground:
    """Count what a plan is computed from, but for the season and the lags.

    Those say in which month what comes, and are asked for only where it matters.
    """
    plan, translated = translation.in_amount(crm, *baseline.asked(crm, plan, as_of=as_of))
    base = baseline.base_of(crm, plan, as_of=as_of)
    calendar = Calendar() if crm is None else crm.settings.calendar
    months = plan.goal.months(calendar)
    if crm is None or base.period is None:
        funnel = funnels.of_plan(plan)
        staff, quota = funnel.staff, np.full(len(funnel.staff), np.nan)
    else:
        funnel = funnels.of_crm(crm, plan, base.period)
        staff = baseline.heads(funnel.staff, base.span, base.period)
        quota = baseline.quotas_of(crm, staff, base)
    if translated:
        funnel = dataclasses.replace(funnel, notes=(translated.says, *funnel.notes))
    if len(staff) == 0:
        if not len(funnel.staff):
            raise CannotSayError(
                "Nobody is there for the goal: the export names no reps.", lacks="no reps"
            )
        raise CannotSayError("Nobody is there for the goal: every rep has left before it begins.")
    places = np.flatnonzero(funnel.staff.table["rep_id"].isin(staff.ids))
    ramp_up = capacity.ramp_up(crm, plan.goal, staff, months, funnel, base.period)
    if crm is not None and ramp_up.days is not None:
        before = baseline.months_before(crm, plan, as_of=as_of)
        worked = capacity.capacity(funnel.staff, before, season=capacity.FLAT, ramp_up=ramp_up)
        funnel = dataclasses.replace(funnel, worked=worked.sum(axis=1))
    unknown = Lags((np.nan,) * len(funnel.stages), "Nothing is said of by when.")
    found = Ground(
        plan, base, funnel, months, capacity.FLAT, ramp_up, unknown, staff, places, quota
    )
    when = _when(crm, base.span, as_of)
    return _aimed(dataclasses.replace(found, translated=translated, when=when))


def _when(crm: CRM | None, span: Period, as_of: object) -> str:
    """Say whether the goal's months are over on the day that is asked of."""
    if as_of is None and crm is None:
        return "ahead"
    seen = moment(as_of).date() if as_of is not None or crm is None else crm.seen_until
    return "over" if seen >= span.end else "ahead"


def _aimed(ground: Ground) -> Ground:
    """Find the target of a goal that is so many times what comes if nothing changes.

    A rate is the same for more reps and for fewer, so it is not held against what was sold.
    """
    how, besides = ground.translated, ground.funnel.besides
    if how is None or how.factor is None:
        return ground
    usual = ground.projected(ground.rates("team")) - besides
    target = usual * how.factor + besides
    return dataclasses.replace(ground, base=dataclasses.replace(ground.base, target=target))


def seasonal(crm: CRM | None, ground: Ground) -> Ground:
    """Add the season that an export shows, how far quarters vary besides, and what is open."""
    period, staff = ground.base.period, ground.funnel.staff
    if crm is None or period is None:
        return ground
    cycle = lags.of_crm(crm, ground.funnel.stages[:1], period).days[0]
    known = capacity.past(crm, period, lag=cycle)
    season = capacity.season(crm, known)
    days = staff.days(known.spans).sum(axis=0)
    found = swings.fitted(
        known.won,
        days,
        known.quarter if season.found else None,
        ahead=_between(ground.months[0], period),
    )
    ground = _aimed(dataclasses.replace(ground, season=season, swings=found))
    steady = dataclasses.replace(ground, season=capacity.FLAT).capacity().sum(axis=0)
    open_ones = underway.of_crm(
        crm, period, ground.months, steady, value=ground.plan.goal.metric != "won count"
    )
    if open_ones is not None:
        won = ground.capacity().sum(axis=0)
        open_ones = open_ones.in_season(steady, won)
    return dataclasses.replace(ground, underway=open_ones)


def _between(first: Period, before: Period) -> float:
    """Count the quarters that lie between a period and a month after it."""
    return max((first.start - before.end).days - 1, 0) / DAYS


def lagged(crm: CRM | None, ground: Ground) -> Ground:
    """Add how long before a win each stage must be entered."""
    stages = ground.funnel.stages
    if crm is None or ground.base.period is None:
        return dataclasses.replace(ground, lags=lags.of_plan(ground.plan.goal, stages))
    return dataclasses.replace(ground, lags=lags.of_crm(crm, stages, ground.base.period))


def share_out(ground: Ground, rates: NDArray[np.float64]) -> Shares:
    """Share the target out to reps and months, and work back to what enters each stage."""
    goal, base = ground.plan.goal, ground.base
    price = goal.price or 1.0
    month_weight = ground.capacity()
    least, most = _bounds(ground, price)
    house = int(np.ceil(base.target / price - ROUNDING))
    weight = _weights(ground, rates, month_weight.sum(axis=1))
    of_rep = _down(ground.staff, weight, house, least, most)
    through = max(base.target - ground.funnel.besides, 0.0) / base.target
    with np.errstate(divide="ignore"):
        to_won = np.cumprod(rates[:, ::-1], axis=1)[:, ::-1]
        wins = np.ceil(of_rep * price * through / ground.funnel.worth - ROUNDING)
        entries = np.ceil(np.where(to_won > 0, wins[:, None] / to_won, np.nan) - ROUNDING)
    if np.isnan(entries[wins > 0]).any():
        stage = ground.funnel.stages[int(np.isnan(entries[wins > 0]).any(axis=0).argmax())]
        raise EnablementError(
            f"Nobody moved on from {stage} in {base.period}, so nothing says how many it takes."
        )
    needed = np.nan_to_num(np.hstack([entries, wins[:, None]]))
    every = np.hstack([needed, of_rep[:, None]])
    rows, added = (
        np.repeat(values, every.shape[1], axis=0) for values in (month_weight, ground.points())
    )
    parts = apportion(rows, every.ravel(), added=added).reshape(len(of_rep), every.shape[1], -1)
    return Shares(parts[:, -1, :], parts[:, :-1, :].transpose(0, 2, 1), price)


def _bounds(ground: Ground, price: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the least and the most of each rep, from the plan's pins and caps."""
    goal, staff = ground.plan.goal, ground.staff
    least, most = np.zeros(len(staff)), np.full(len(staff), np.inf)
    for place, value in staff.places(goal.pins, "[goal] pins").items():
        least[place] = most[place] = round(value / price)
    for place, value in staff.places(goal.caps, "[goal] caps").items():
        most[place] = np.floor(value / price + ROUNDING)
    return least, most


def _weights(
    ground: Ground, rates: NDArray[np.float64], days: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give what each rep's part of the target is in proportion to."""
    share = shared_by(ground)
    if share == "projected":
        return np.nan_to_num(ground.expected(rates)[:, -1])
    if share == "equal":
        return days
    usual = np.nanmedian(ground.quota)
    return np.where(np.isnan(ground.quota), usual, ground.quota) * days


def shared_by(ground: Ground) -> str:
    """Say by what the target is shared: by quota only where somebody has one."""
    share = ground.plan.goal.share
    return "equal" if share == "quota" and not (ground.quota > 0).any() else share


def _down(
    staff: Staff,
    weight: NDArray[np.float64],
    house: int,
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Share a whole number out to regions, from each to its teams, from each to its reps."""
    whole = np.zeros(len(staff), dtype=np.int64)
    above, houses = whole, np.array([house])
    for keys in (["region"], ["region", "team"], ["region", "team", "rep_id"]):
        here = staff.table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
        parts = _one_level(above, houses, here, weight, least, most)
        above, houses = here, parts
    return houses[above]


def _one_level(
    above: NDArray[np.int64],
    houses: NDArray[np.int64],
    here: NDArray[np.int64],
    weight: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Share each place's number out to the places within it, all of a level at once.

    Parameters
    ----------
    above, here : of each rep, their place on the upper level and on this one
    houses : what each place of the upper level has
    """
    size = int(here.max()) + 1
    parent = np.zeros(size, dtype=np.int64)
    parent[here] = above
    column = pd.Series(parent).groupby(parent).cumcount().to_numpy()
    shape = (len(houses), int(column.max()) + 1)
    grids = []
    for values in (weight, least, most):
        grid = np.zeros(shape)
        grid[parent, column] = np.bincount(here, weights=np.minimum(values, 1e15), minlength=size)
        grids.append(grid)
    filled = np.zeros(shape, dtype=bool)
    filled[parent, column] = True
    # A place that is not there gets nothing, also where all weights of its row are zero.
    return apportion(grids[0], houses, least=grids[1], most=np.where(filled, grids[2], 0.0))[
        parent, column
    ]


def _by_month(ground: Ground, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give how many enter each stage and are won if nothing changes, reps × months × stages + 1."""
    days = ground.capacity()
    year = days.sum(axis=1, keepdims=True)
    part = np.divide(days, year, out=np.zeros_like(days), where=year > 0)
    return ground.expected(rates)[:, None, :] * part[:, :, None]


def _says(ground: Ground, shares: Shares) -> NDArray[np.object_]:
    """Say of each rep and stage why it cannot be reached as things are; "" where it can."""
    needed = shares.needed.sum(axis=1)[:, :-1]
    days = ground.staff.days(ground.months).sum(axis=1)
    limit = ground.funnel.most()[None, :] * days[:, None]
    over = needed > np.ceil(limit)
    told = np.full((len(days), len(ground.funnel.stages) + 1), "", dtype=object)
    for rep, stage in np.argwhere(over):
        told[rep, stage] = (
            f"needs {needed[rep, stage]:,} in the year; in as many days nobody had more than "
            f"{limit[rep, stage]:,.0f}"
        )
    return told


def _table(
    ground: Ground,
    shares: Shares,
    rates: NDArray[np.float64],
    expected: NDArray[np.float64],
    says: NDArray[np.object_],
) -> pd.DataFrame:
    people = ground.staff.table
    parts = []
    for level, keys in levels(people):
        group = people.groupby(keys, sort=False).ngroup().to_numpy() if keys else None
        codes = np.zeros(len(people), dtype=np.int64) if group is None else group
        first = np.unique(codes, return_index=True)[1]
        parts.append(_level(level, people.iloc[first], codes, ground, shares, expected))
    table = pd.concat(parts, ignore_index=True)
    is_rep = (table["level"] == "rep").to_numpy()
    months = len(ground.months)
    own = np.hstack([rates, np.full((len(rates), 1), np.nan)])
    table.loc[is_rep, "rate"] = np.repeat(own, months, axis=0).ravel()
    table["says"] = ""
    table.loc[is_rep, "says"] = np.repeat(says, months, axis=0).ravel()
    table["level"] = pd.Categorical(table["level"], categories=LEVELS, ordered=True)
    return table[COLUMNS]


def levels(people: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """List the levels that the CRM has, each with the columns that name its places."""
    above = [name for name in ("region", "team") if (people[name] != "").any()]
    found: list[tuple[str, list[str]]] = [("company", [])]
    found += [(name, above[: place + 1]) for place, name in enumerate(above)]
    return [*found, ("rep", [*above, "rep_id"])]


def _level(
    level: str,
    places: pd.DataFrame,
    codes: NDArray[np.int64],
    ground: Ground,
    shares: Shares,
    expected: NDArray[np.float64],
) -> pd.DataFrame:
    """Make the rows of one level: its places × months × stages and won."""
    size, months = len(places), len(ground.months)
    stages = [*ground.funnel.stages, WON]
    needed, ahead, house = (_added(v, codes, size) for v in (shares.needed, expected, shares.house))
    each = months * len(stages)
    named = {
        name: np.repeat(places[name].to_numpy(dtype=object), each) if LEVELS.index(level) >= rank
        else None
        for rank, name in ((1, "region"), (2, "team"), (3, "rep_id"))
    }  # fmt: skip
    won = np.tile(np.arange(len(stages)) == len(stages) - 1, size * months)
    amount = np.full(size * each, np.nan)
    amount[won] = (house * shares.price).ravel()
    latest = lags.latest(ground.lags, ground.months)
    ends = np.array([month.end for month in ground.months], dtype="datetime64[D]")
    onward = np.divide(
        needed[:, :, 1:], needed[:, :, :-1], out=np.full(needed[:, :, 1:].shape, np.nan),
        where=needed[:, :, :-1] > 0,
    )  # fmt: skip
    rate = np.concatenate([onward, np.full((size, months, 1), np.nan)], axis=2)
    units = pd.array(np.where(won, np.repeat(house.ravel(), len(stages)), 0), dtype="Int64")
    units[~won] = pd.NA
    return pd.DataFrame(
        {
            "level": level,
            **named,
            "month": _repeated(
                [m.name for m in ground.months], np.arange(months), len(stages), size
            ),
            "stage": _repeated(stages, np.arange(len(stages)), 1, size * months),
            "needed": needed.ravel(),
            "amount": amount,
            "units": units if ground.plan.goal.price else pd.NA,
            "rate": rate.ravel(),
            "by": np.tile(np.hstack([latest, ends[:, None]]).ravel(), size).astype(
                "datetime64[us]"
            ),
            "projected": ahead.ravel(),
            "short": (needed - ahead).ravel(),
        }
    ).astype({"units": "Int64"})


def _added(values: NDArray[Any], codes: NDArray[np.int64], size: int) -> NDArray[Any]:
    """Add reps up to the places that they belong to."""
    total = np.zeros((size, *values.shape[1:]), dtype=values.dtype)
    np.add.at(total, codes, np.nan_to_num(values) if values.dtype.kind == "f" else values)
    return total


def _repeated(
    names: Sequence[str], order: NDArray[np.int64], each: int, times: int
) -> pd.Categorical:
    codes = np.tile(np.repeat(order, each), times)
    return pd.Categorical.from_codes(codes, categories=list(names), ordered=True)


def _described(
    ground: Ground,
    shares: Shares,
    rates: NDArray[np.float64],
    says: NDArray[np.object_],
    of: str,
    activity: Mapping[str, float],
) -> dict[str, object]:
    goal, base = ground.plan.goal, ground.base
    projected = ground.projected(rates)
    first = int(shares.needed[:, :, 0].sum())
    return {
        "definition": WORKSHEET.format(
            metric=ground.metric,
            target=base.target,
            span=base.span,
            share=shared_by(ground),
            rates=("their own drawn towards the others'" if of == "own" else "the team's")
            + (", raised to the goal" if ground.wanted(rates) is not rates else ""),
            counts=ground.funnel.says,
        ),
        "as_of": base.as_of,
        "metric": goal.metric,
        "currency": base.currency,
        "target": base.target,
        "projected": projected,
        "besides": ground.funnel.besides,
        "when": ground.when,
        "verdict": _verdict(ground, projected, says),
        "notes": _notes(ground),
        "activity": {name: float(np.ceil(per * first)) for name, per in activity.items()},
        "groups": ("level", "region", "team", "rep_id"),
        "labels": ground.staff.labels,
    }


def _verdict(ground: Ground, projected: float, says: NDArray[np.object_]) -> str:
    """Say what the goal asks beyond what comes if nothing changes, and what was never done."""
    target = ground.base.target
    start = COMING[ground.when].format(f"{projected:,.0f}", f"{target:,.0f}")
    if projected >= target * (1 - ROUNDING):
        return f"{start}."
    start = f"{start}: {target - projected:,.0f} are missing."
    over = (says != "").any(axis=1)
    if not over.any():
        return f"{start} No rep needs more at a stage than some rep has had."
    who = "Every rep needs" if over.all() else f"{over.sum()} of {len(over)} reps need"
    stage = ground.funnel.stages[int((says[:, :-1] != "").sum(axis=0).argmax())]
    return (
        f"{start} {who} more than any has ever had, most of them at {stage}: with today's rates "
        "it cannot be reached by volume alone."
    )


def _notes(ground: Ground) -> list[str]:
    """Tell what was found and assumed on the way, a sentence each."""
    gone = len(ground.funnel.staff) - len(ground.staff)
    found = [*ground.funnel.notes, ground.season.says, ground.ramp_up.says, ground.lags.says]
    if gone:
        found.append(
            f"{gone} who sold are not there for the goal, and those who may still leave are taken "
            "to be replaced at once."
        )
    wanted = ground.plan.goal.constraints.headcount
    if isinstance(wanted, int) and wanted != len(ground.staff):
        found.append(
            f"The plan says {wanted} reps and {len(ground.staff)} are there: the worksheet is "
            "theirs, since nobody can be named for the others."
        )
    late = lags.latest(ground.lags, ground.months)
    start = np.datetime64(ground.months[0].start)
    past = [month.name for month, days in zip(ground.months, late, strict=True) if days[0] < start]
    if past:
        found.append(
            f"For the wins of {past[0]} to {past[-1]} the first stage must be entered before the "
            "goal's months begin: what is not open by then will not be won in them."
            if len(past) > 1
            else f"For the wins of {past[0]} the first stage must be entered before the goal's "
            "months begin: what is not open by then will not be won in it."
        )
    return found


def activity_per_entry(crm: CRM | None, ground: Ground) -> dict[str, float]:
    """Find how many activities of each type one entry of the first stage takes."""
    if crm is None or ground.base.period is None:
        return {}
    try:
        found = activities.activity(crm, as_of=ground.base.period.end, period=ground.base.period)
    except EnablementError:
        return {}
    entered = float(ground.funnel.first)
    if not entered > 0:
        return {}
    linked = found.set_index("activity_type")["linked"].astype(float)
    return {str(name): count / entered for name, count in linked.items() if count > 0}
