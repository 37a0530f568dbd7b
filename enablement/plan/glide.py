"""The glide path: what each quarter is to bring, corrected when one has closed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.measure.arguments import checked
from enablement.measure.estimates import CONFIDENCE
from enablement.periods import Calendar, Period, moment
from enablement.plan import cascade, futures
from enablement.plan import goal as goals
from enablement.plan.apportionment import apportion
from enablement.plan.cascade import ROUNDING, Ground
from enablement.plan.goal import Plan
from enablement.plan.sales import sales
from enablement.plan.sizes import Sizes
from enablement.plan.staff import NEVER
from enablement.read.crm import CRM

CLOSED, RUNNING, AHEAD = "closed", "running", "ahead"
HALF = 0.5  # of the futures, in the inner band
LITTLE = 0.01  # of what a part brings on average: it keeps logarithms of nothing finite
GLIDE = (
    "plan: {metric} of {target:,.0f} by the worksheet's months; sold: {sold}; needed: what the "
    "quarters that are not closed must bring for the year, shared out as the plan's months are "
    "(Webster); comes: {number:,} futures as of the goal's chance, given what is sold, "
    "{confidence:.0f} % interval"
)
RUNS = (
    "What the quarter that runs has brought says nothing of its rest, which is taken to come as "
    "its working days do: where most comes at the end of a quarter, more comes than is said."
)
COLUMNS = [
    *("quarter", "start", "end", "state", "plan", "sold", "needed"),
    *("expected", "low", "high", "probability"),
    *("plan_total", "sold_total", "needed_total", "expected_total", "low_total", "high_total"),
    *("half_low_total", "half_high_total"),
]


@dataclasses.dataclass(frozen=True)
class Course:
    """How far the goal's months are, quarter by quarter.

    spans : the three months of each
    names : of the fiscal quarters, or the days from and to where they are none
    plan : what each is to bring, month by month, in whole units; quarters × 3
    price : what a unit is worth in the metric
    gone : share of each one's work that lies before the moment that is seen, 0 to 1
    work : share of the year's work that lies in each
    sold : in each so far, in the metric; NaN of those that have not begun
    as_of : the day that is seen; None without a CRM
    says : what is to be known of that day; "" where nothing is
    """

    spans: tuple[Period, ...]
    names: tuple[str, ...]
    plan: NDArray[np.int64]
    price: float
    gone: NDArray[np.float64]
    work: NDArray[np.float64]
    sold: NDArray[np.float64]
    as_of: str | None
    says: str = ""

    @property
    def closed(self) -> NDArray[np.bool_]:
        """Which of them are over."""
        return self.gone >= 1


@checked
def glide_path(
    crm: CRM | None,
    plan: Plan | Mapping[str, object] | str | Path,
    *,
    as_of: object,
    number: int = futures.FUTURES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """What each quarter of the goal is to bring, corrected by what was sold in those that closed.

    Where quarters have closed, what is missing of the year, or less where they brought more, is
    shared out to the others as the plan's months are. The quarter that runs is corrected when it
    closes, and not before. Before the goal's months begin nothing is corrected.

    Parameters
    ----------
    crm : as `enablement.load` gives it; None works from what the plan states alone
    plan : a path, a dict of the same shape, or as `enablement.goal` gives it
    as_of : the last moment whose events may be seen; may be None without a CRM
    number : of futures that are drawn
    confidence : coverage of the interval of what comes, between 0 and 1
    seed : the same seed gives the same table

    Returns
    -------
    pandas.DataFrame
        One row per three months of the goal::

            quarter      text   fiscal name such as 2027Q1; the days from and to where the goal's
                                months do not begin with a quarter
            start, end   date   its days
            state        text   closed, running or ahead
            plan         float  by the worksheet, in the metric
            sold         float  so far; missing where it has not begun
            needed       float  what it must bring so that the year is reached; missing where it
                                is closed
            expected     float  what it brings on average, with what is sold; of a closed one that
            low, high    float  interval of it; missing of a closed one
            probability  float  that it brings what is needed, 0 to 1; missing of a closed one
            plan_total, sold_total, needed_total, expected_total, low_total, high_total
                         float  the same at its end, since the goal's months began: planned; sold,
                                missing where it has not begun; on the corrected path; that comes,
                                with the interval
            half_low_total, half_high_total
                         float  interval of half the futures

        ``attrs`` has ``definition``, ``metric``, ``currency``, ``target``, ``sold`` (in all so
        far), ``corrected`` (whether a closed quarter changed what the others must bring),
        ``missing`` (what those that are not closed must bring more than planned), ``expected``,
        ``low``, ``high`` and ``probability`` (of the year), ``gone`` (how many quarters are over,
        with the part of the one that runs), ``verdict`` and ``notes``.

    Raises
    ------
    SettingsError, CannotSayError
        As for `stage_gap`.

    Notes
    -----
    What is drawn starts from the twelve months before the goal's. What was sold since tells of
    the team's true rates and of the level that drifts, and so of the quarters ahead: each future
    is moved by what it was off from what was sold, times the regression of the rest on it
    (Matheron's rule; Journel and Huijbregts, 1978, Mining Geostatistics), on logarithms. What the
    quarter that runs has brought counts as sold and tells of nothing else, for many a quarter
    brings most at its end; its rest is taken to come as its working days do.
    """
    ground = cascade.counted(crm, goals.goal(plan), as_of=as_of)
    return glide_of(
        ground,
        futures.sizes_of(crm, ground),
        course_of(crm, ground, as_of),
        number=number,
        confidence=confidence,
        seed=seed,
    )


def glide_of(
    ground: Ground,
    size: Sizes,
    course: Course,
    *,
    number: int = futures.FUTURES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the glide path from what was counted once; see `glide_path`."""
    plan = course.plan.sum(axis=1) * course.price
    needed = corrected(course)
    come = _come(ground, size, course, number, seed)
    totals = come.cumsum(axis=1)
    low, high = futures.interval(come, confidence)
    ends = [*futures.interval(totals, confidence), *futures.interval(totals, HALF)]
    ahead = ~course.closed
    sold = np.nan_to_num(course.sold)
    path = np.where(ahead, np.nan_to_num(needed), sold)
    enough = (come >= needed * (1 - ROUNDING)).mean(axis=0)
    table = pd.DataFrame(
        {
            "quarter": course.names,
            "start": pd.to_datetime([span.start for span in course.spans]),
            "end": pd.to_datetime([span.end for span in course.spans]),
            "state": _states(course),
            "plan": plan,
            "sold": course.sold,
            "needed": needed,
            "expected": come.mean(axis=0),
            "low": np.where(ahead, low, np.nan),
            "high": np.where(ahead, high, np.nan),
            "probability": np.where(ahead, enough, np.nan),
            "plan_total": plan.cumsum(),
            "sold_total": np.where(np.isnan(course.sold), np.nan, sold.cumsum()),
            "needed_total": path.cumsum(),
            "expected_total": totals.mean(axis=0),
            **dict(
                zip(("low_total", "high_total", "half_low_total", "half_high_total"), ends,
                    strict=True)
            ),
        }
    )[COLUMNS]  # fmt: skip
    table.attrs = _described(ground, course, table, totals[:, -1], number, confidence)
    return table


def course_of(crm: CRM | None, ground: Ground, as_of: object) -> Course:
    """Find how far the goal's months are, and what was sold in them."""
    shares = cascade.share_out(ground, ground.rates())
    months, size = ground.months, futures.QUARTER
    spans = tuple(
        Period(f"{first.start} to {last.end}", first.start, last.end)
        for first, last in zip(months[::size], months[size - 1 :: size], strict=True)
    )
    days = ground.capacity().sum(axis=0)
    until = None if crm is None else min(moment(as_of), moment(crm.seen_until))
    gone = np.zeros(len(months)) if until is None else _gone(ground, until)
    work = days.reshape(-1, size)
    sold = [
        _sold(crm, ground, span, until)
        if crm is not None and until is not None and pd.Timestamp(span.start) <= until
        else np.nan
        for span in spans
    ]
    return Course(
        spans=spans,
        names=tuple(_name(crm, span) for span in spans),
        plan=shares.house.sum(axis=0).reshape(-1, size),
        price=shares.price,
        gone=(gone.reshape(-1, size) * work).sum(axis=1) / work.sum(axis=1),
        work=work.sum(axis=1) / days.sum(),
        sold=np.array(sold, dtype=float),
        as_of=None if until is None else f"{until:%Y-%m-%d}",
        says=_late(until, as_of),
    )


def _late(until: pd.Timestamp | None, as_of: object) -> str:
    """Say that an export ends before the day that is asked for."""
    if until is None or moment(as_of).date() <= until.date():
        return ""
    return (
        f"The export ends on {until:%Y-%m-%d}, so what came after is not known, and no quarter "
        "that ended later is closed; exported_on in the settings says its day."
    )


def _gone(ground: Ground, until: pd.Timestamp) -> NDArray[np.float64]:
    """Say which share of each month's working days lies before a moment, and its day."""
    day, week, gone = until.date(), ground.staff.week, []
    for month in ground.months:
        if day >= month.end or day < month.start:
            gone.append(float(day >= month.end))
            continue
        seen, whole = (
            float(week.within(Period("", month.start, end), since=NEVER, until=NEVER))
            for end in (day, month.end)
        )
        gone.append(seen / whole if whole > 0 else 0.0)
    return np.array(gone)


def _sold(crm: CRM, ground: Ground, span: Period, until: pd.Timestamp) -> float:
    """Add up what was won in a quarter so far, in the metric."""
    return float(sales(crm, ground.plan.goal, as_of=until, period=span)["brought"].iloc[0])


def _name(crm: CRM | None, span: Period) -> str:
    """Name three months as the fiscal calendar does, where it does."""
    quarter = (Calendar() if crm is None else crm.settings.calendar).quarter(span.start)
    return quarter.name if (quarter.start, quarter.end) == (span.start, span.end) else span.name


def _states(course: Course) -> list[str]:
    return [
        CLOSED if gone >= 1 else RUNNING if gone > 0 or not np.isnan(sold) else AHEAD
        for gone, sold in zip(course.gone, course.sold, strict=True)
    ]


def corrected(course: Course) -> NDArray[np.float64]:
    """Share out what closed quarters leave of the year; NaN for those that are closed.

    Each month keeps its weight, so that what is brought as planned corrects nothing.
    """
    open_ones = ~course.closed
    needed = np.full(len(open_ones), np.nan)
    if not open_ones.any():
        return needed
    brought = course.sold[course.closed].sum() / course.price
    house = max(np.ceil(course.plan.sum() - brought - ROUNDING), 0.0)
    months = apportion(course.plan[open_ones].ravel(), house).reshape(-1, course.plan.shape[1])
    needed[open_ones] = months.sum(axis=1) * course.price
    return needed


def _come(
    ground: Ground, size: Sizes, course: Course, number: int, seed: int
) -> NDArray[np.float64]:
    """Draw what comes in each quarter, with what is sold in it; futures × quarters."""
    halves = (np.stack([course.gone, 1 - course.gone], axis=1) * course.work[:, None]).ravel()
    every = np.zeros((number, halves.size))
    every[:, halves > 0] = futures.draw(ground, size, halves[halves > 0], number=number, seed=seed)
    closed = np.repeat(course.closed, 2)
    over, rest = (halves > 0) & closed, (halves > 0) & ~closed
    if over.any() and rest.any():
        every[:, rest] = given(every[:, over], course.sold[course.closed], every[:, rest])
    every[:, ::2] = np.where(course.gone > 0, course.sold, 0.0)
    return every.reshape(number, -1, 2).sum(axis=2)


def given(
    before: NDArray[np.float64], seen: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Move futures to what was seen, and what comes after it with them.

    Parameters
    ----------
    before, after : futures × parts, drawn together
    seen : what came in the parts before
    """
    little = LITTLE * np.hstack([before, after]).mean()
    then, rest = np.log(before + little), np.log(after + little)
    off = np.log(np.maximum(seen, 0.0) + little) - then
    centred = then - then.mean(axis=0)
    slope = np.linalg.lstsq(centred, rest - rest.mean(axis=0), rcond=None)[0]
    return np.maximum(np.exp(rest + off @ slope) - little, 0.0)


def _described(
    ground: Ground,
    course: Course,
    table: pd.DataFrame,
    year: NDArray[np.float64],
    number: int,
    confidence: float,
) -> dict[str, object]:
    target = float(table["plan"].sum())
    open_ones = table[table["state"] != CLOSED]
    low, high = futures.interval(year, confidence)
    runs = RUNS if RUNNING in set(table["state"]) else ""
    told = [ground.season.says, ground.swings.says, runs, course.says]
    missing = float((open_ones["needed"] - open_ones["plan"]).sum())
    figures = {
        "target": target,
        "sold": float(np.nansum(course.sold)),
        "corrected": bool(course.closed.any() and abs(missing) >= course.price),
        "missing": missing,
        "expected": float(year.mean()),
        "low": float(low),
        "high": float(high),
        "probability": float((year >= target * (1 - ROUNDING)).mean()),
        "gone": float(course.gone.sum()),
    }
    return {
        "definition": GLIDE.format(
            metric=ground.metric,
            target=target,
            sold=f"as known on {course.as_of}" if course.as_of else "nothing is known of it",
            number=number,
            confidence=100 * confidence,
        ),
        "as_of": course.as_of,
        "metric": ground.plan.goal.metric,
        "currency": ground.base.currency,
        **figures,
        "verdict": _verdict(table, figures),
        "notes": [*ground.funnel.notes, *filter(None, told)],
        "confidence": confidence,
    }


def _verdict(table: pd.DataFrame, figures: Mapping[str, float]) -> str:
    """Tell the correction, or why there is none."""
    closed, open_ones = (table[table["state"].eq(CLOSED) == over] for over in (True, False))
    target = figures["target"]
    if closed.empty:
        return (
            f"No quarter of the goal's months has closed, so nothing is corrected; {target:,.0f} "
            f"are reached with a chance of {100 * figures['probability']:.0f} %."
        )
    start = (
        f"{_listed(closed['quarter'], 'The first')} brought {closed['sold'].sum():,.0f} of the "
        f"{closed['plan'].sum():,.0f} planned"
    )
    if open_ones.empty:
        return f"{start}: the goal is {'reached' if figures['sold'] >= target else 'missed'}."
    if not open_ones["needed"].sum() > 0:
        return f"{start}: the goal of {target:,.0f} is reached already."
    change = open_ones["needed"].sum() / open_ones["plan"].sum() - 1
    now = f"{_listed(open_ones['quarter'], 'the last')} must bring {open_ones['needed'].sum():,.0f}"
    chance = f"the chance of that is {100 * figures['probability']:.0f} %"
    if not figures["corrected"]:
        return f"{start}: {now} as planned; {chance}."
    way = "more" if change > 0 else "less"
    return f"{start}: {now}, {100 * abs(change):.0f} % {way} than planned; {chance}."


def _listed(names: Sequence[str], which: str) -> str:
    """Name quarters in a row by the first and the last, and those without a name by their number.

    Parameters
    ----------
    which : of the year they are, such as ``the last``
    """
    every = list(names)
    if " " in every[0]:
        return f"{which} {len(every)} quarters" if len(every) > 1 else f"{which} quarter"
    return every[0] if len(every) == 1 else f"{every[0]} to {every[-1]}"
