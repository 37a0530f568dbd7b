"""Peers: what the best and the worst quarter of the reps have over all, chance taken out."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import EnablementError
from enablement.measure import definitions, discounts, funnel, winloss
from enablement.measure.estimates import ALPHA
from enablement.periods import Period
from enablement.plan.benchmarks import FEWEST
from enablement.plan.cascade import Ground
from enablement.plan.staff import Staff
from enablement.read.crm import CRM

SELLING = "selling"  # the category of the calendar
COMPARED = 5  # levers in which the reps are compared; the level of the test is 10 % over all
A_DAY, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)
HOURS = {
    "calendar": """
        select c.rep_id, c."start"::date as day,
               sum(date_diff('minute', c."start", c."end")) / 60.0 as hours
        from calendar c
        where c.category = $category and c."start" between $first and $last
        group by all
    """,
    "activities": """
        select a.rep_id, a.at::date as day, sum(a.minutes) / 60.0 as hours
        from activities a
        where a.minutes > 0 and a.at between $first and $last
        group by all
    """,
}
TIMES = {
    "calendar": "selling blocks of the calendar",
    "activities": "minutes of the activities, since no calendar has the months that are counted",
}


@dataclasses.dataclass(frozen=True)
class Ends:
    """What the best and the worst quarter of the reps have over what all have.

    best : at least 1; 1 where the reps do not differ beyond chance, or it is not known
    worst : at most 1, likewise
    known : whether the reps differ beyond chance; None where too few can be compared
    """

    best: float = 1.0
    worst: float = 1.0
    known: bool | None = None


@dataclasses.dataclass(frozen=True)
class Hours:
    """Selling hours that are recorded, by rep and every other week.

    hours, days : reps × 2; hours, and working days on which they could be
    source : the table that says so
    """

    hours: NDArray[np.float64]
    days: NDArray[np.float64]
    source: str

    @property
    def a_day(self) -> float:
        """Selling hours a working day, of all together."""
        return float(self.hours.sum() / self.days.sum())


@dataclasses.dataclass(frozen=True)
class Peers:
    """The reps beside each other, in all but the conversions.

    volume : in entries of the first stage a working day, or an hour where hours are known
    deal_size : in what a won one brings, at list price where list prices are known
    discount : in what is left of the list price
    cycle : in how quickly one is won
    selling_time : in selling hours a working day
    discount_rate : of all, 0 to 1; NaN where not known
    hours : that are recorded; None where no table says them
    lacks : sentences on what is missing for a lever
    """

    volume: Ends = Ends()
    deal_size: Ends = Ends()
    discount: Ends = Ends()
    cycle: Ends = Ends()
    selling_time: Ends = Ends()
    discount_rate: float = np.nan
    hours: Hours | None = None
    lacks: tuple[str, ...] = ()


NO_CRM = Peers(lacks=("Without an export nothing says what the best reps have over the others.",))


def of_crm(crm: CRM | None, ground: Ground) -> Peers:
    """Compare the reps who are there for the goal over the baseline's months."""
    period = ground.base.period
    if crm is None or period is None:
        return NO_CRM
    lacks: list[str] = []
    hours = _hours(crm, ground.staff, period, lacks)
    entered, days = _entries(crm, ground.staff, period)
    won, amount, listed, sold = _amounts(crm, ground.staff, period, lacks)
    named = listed.sum() > 0
    rate = 1 - sold.sum() / listed.sum() if named else np.nan
    return Peers(
        volume=ends(entered, days if hours is None else days * _each(hours)),
        deal_size=ends(listed if named else amount, won),
        discount=ends(sold, listed) if named else Ends(),
        cycle=ends(*_quick(crm, ground.staff, period)),
        selling_time=Ends() if hours is None else ends(hours.hours, hours.days),
        discount_rate=float(rate),
        hours=hours,
        lacks=tuple(lacks),
    )


def ends(over: NDArray[np.float64], under: NDArray[np.float64]) -> Ends:
    """Find what the best and the worst quarter of the reps have over what all have.

    Who they are is chosen in one half of the weeks or quarters and what they have is taken from
    the other half, and the other way round: chosen and compared on the same ones, luck would be
    taken for skill. Where who is ahead in one half is not ahead in the other one either, by
    Spearman's rank correlation and one-sided, nobody is the best.

    Parameters
    ----------
    over, under : reps × 2 halves; what they have is over / under, and more is better
    """
    from scipy.special import stdtr

    there = (under > 0).all(axis=1)
    over, under = over[there], under[there]
    size = len(over)
    if size < FEWEST or not (over.sum(axis=0) > 0).all():
        return Ends()
    all_of = over.sum(axis=0) / under.sum(axis=0)
    usual = np.median(under, axis=0)  # of all stands beside each, who alone may have little
    own = (over + usual * all_of) / (under + usual) / all_of
    alike = np.corrcoef(*(pd.Series(half).rank() for half in own.T))[0, 1]
    if np.isnan(alike):
        return Ends(known=False)
    freedom = size - 2
    t = alike * np.sqrt(freedom / max(1 - alike**2, 1e-12))
    if 1 - stdtr(freedom, t) >= ALPHA / COMPARED:
        return Ends(known=False)
    many = -(-size // 4)
    found = []
    for sign in (-1, 1):
        seen = expected = 0.0
        for half in (0, 1):
            chosen = np.argsort(sign * own[:, half], kind="stable")[:many]
            seen += over[chosen, 1 - half].sum() / all_of[1 - half]
            expected += under[chosen, 1 - half].sum()
        found.append(seen / expected)
    return Ends(max(found[0], 1.0), min(found[1], 1.0), known=True)


def _each(hours: Hours) -> NDArray[np.float64]:
    """Give selling hours a working day of each rep and half; those of all where none are known."""
    some = hours.hours > 0
    own = np.divide(hours.hours, hours.days, out=np.zeros_like(hours.hours), where=hours.days > 0)
    return np.where(some, own, hours.a_day)


def _hours(crm: CRM, staff: Staff, period: Period, lacks: list[str]) -> Hours | None:
    """Add up selling hours from the calendar, else from activities with minutes."""
    for table, needs in (("calendar", "start"), ("activities", "minutes")):
        if not crm.has(table, needs):
            continue
        said = definitions.span(period)
        if table == "calendar":
            said["category"] = SELLING
        found = crm.session.query(HOURS[table], {table: crm.sources[table]}, said)
        if len(found) and found["hours"].sum() > 0:
            return _by_week(found, staff, table)
    lacks.append(
        "Neither a calendar (rep_id, start, end, category) nor activities with minutes say how "
        "long anybody sells, so selling time is within the volume."
    )
    return None


def _by_week(found: pd.DataFrame, staff: Staff, source: str) -> Hours:
    """Lay hours out by rep and every other week, over the weeks that the table covers."""
    day = pd.to_datetime(found["day"])
    first = day.min().date() - dt.timedelta(days=day.min().weekday())
    last = day.max().date()
    weeks = [first + n * WEEK for n in range((last - first).days // 7 + 1)]
    spans = [
        Period(str(start), max(start, day.min().date()), min(start + WEEK - A_DAY, last))
        for start in weeks
    ]
    worked = staff.days(spans)
    half = (day.dt.date.map(lambda d: (d - first).days) // 7).to_numpy(dtype=int) % 2
    hours = _grid(found.assign(half=half), "hours", staff)
    days = np.stack([worked[:, n::2].sum(axis=1) for n in (0, 1)], axis=1)
    return Hours(hours, days, source)


def _entries(
    crm: CRM, staff: Staff, period: Period
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count entries of the first stage by rep and every other quarter, and working days."""
    quarters = _quarters(crm, period)
    days = staff.days(quarters)
    parted = np.stack([days[:, n::2].sum(axis=1) for n in (0, 1)], axis=1)
    try:
        table = funnel.counts(
            crm, as_of=period.end, period=period, definition="decided", by=["rep", "period"]
        )
    except EnablementError:
        return np.zeros_like(parted), parted
    first = table[table["stage"].eq(crm.settings.stages[0])]
    return _grid(_halved(first, quarters), "entered", staff), parted


def _amounts(
    crm: CRM, staff: Staff, period: Period, lacks: list[str]
) -> tuple[NDArray[np.float64], ...]:
    """Add up what was won by rep and every other quarter: how many, amount, list amount, sold.

    The last two are those whose list price is known, and so is then the number.
    """
    quarters = _quarters(crm, period)
    none = np.zeros((len(staff), 2))
    asked: dict[str, Any] = {"as_of": period.end, "period": period, "by": ["rep", "period"]}
    try:
        table = _halved(discounts.discount_rate(crm, **asked), quarters)
        if table["list"].sum() > 0:
            won, listed, sold = (_grid(table, name, staff) for name in ("won", "list", "sold"))
            return won, sold, listed, sold
    except EnablementError:
        pass
    lacks.append(
        "No list prices are known (list_amount), so a discount cannot be told from the deal size."
    )
    try:
        count = _halved(winloss.win_rate(crm, **asked), quarters)
        value = _halved(winloss.win_rate(crm, of="value", **asked), quarters)
    except EnablementError:
        return none, none, none, none
    return _grid(count, "won", staff), _grid(value, "won", staff), none, none


def _quick(
    crm: CRM, staff: Staff, period: Period
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count what was won, and the days that it took, by rep and every other quarter."""
    quarters = _quarters(crm, period)
    table = winloss.sales_cycle(crm, as_of=period.end, period=period, by=["rep", "period"])
    table = _halved(table.assign(days=table["mean"] * table["won"]), quarters)
    return _grid(table, "won", staff), _grid(table, "days", staff)


def _quarters(crm: CRM, period: Period) -> list[Period]:
    every = crm.settings.calendar.every("quarter")
    return [q for q in every if q.end >= period.start and q.start <= period.end]


def _halved(table: pd.DataFrame, quarters: list[Period]) -> pd.DataFrame:
    """Say of each row in which half of the quarters it lies; without those of no quarter."""
    places = {quarter.name: place % 2 for place, quarter in enumerate(quarters)}
    told = table[table["period"].isin(list(places))]
    return told.assign(half=told["period"].map(places).astype(int))


def _grid(table: pd.DataFrame, column: str, staff: Staff) -> NDArray[np.float64]:
    """Add a column up by rep and half, reps × 2, in the order of the staff."""
    added = table.groupby(["rep_id", "half"])[column].sum().unstack("half")
    placed = added.reindex(index=staff.ids, columns=[0, 1]).astype(float)
    return placed.fillna(0.0).to_numpy()
