"""The baseline: what is sold, expected and to be reached, held against each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError, EnablementError, SettingsError
from enablement.measure import estimates, quotas
from enablement.periods import Calendar, Period, moment
from enablement.plan import goal as goals
from enablement.plan import metrics, translation
from enablement.plan import staff as staffs
from enablement.plan.goal import MONTHS, Goal, Plan
from enablement.plan.sales import sales
from enablement.plan.staff import Staff
from enablement.plan.translation import Step
from enablement.read.crm import CRM

ROWS = ("sold", "expected", "target")
OF_MEASURE = ("present", "expected", "target")
COLUMNS = ["total", "per_rep", "per_rep_month", "units_per_rep_month", "short_units"]
A_MONTH = 31  # days that may be missing of what a baseline is counted from
SAME = 0.005  # of a figure: two that are nearer than this are one base
BASELINE = (
    "{metric} in twelve months: what is sold {sold}, what is expected {expected}, and the target "
    "by {by}; per rep of those there ({now:.4g} then, {then:.4g} for the goal); units at {price} "
    "each; short is the target minus this"
)


@dataclasses.dataclass(frozen=True)
class Base:
    """The figures from which a plan starts, each in the goal's metric and for twelve months.

    sold, expected, target : totals; NaN where not known
    counted : what the CRM says was sold, even where the plan states another baseline; NaN
        without a CRM
    unowned : of that, what belongs to nobody who is a rep
    quotas : sum of the quotas of the goal's months, or where there are none `expected`
    quotas_of : the period whose quotas those are, as it is named
    now, then : reps there in the baseline's months and in the goal's, in whole ones
    period : the baseline's months; None without a CRM
    span : the goal's months
    currency : of what is money; "" where it is not known
    """

    sold: float
    expected: float
    target: float
    counted: float
    unowned: float
    quotas: float
    quotas_of: str
    now: float
    then: float
    period: Period | None
    span: Period
    currency: str = ""

    @property
    def as_of(self) -> str | None:
        """Last day of the baseline's months; None without a CRM."""
        return None if self.period is None else str(self.period.end)


def baseline(
    crm: CRM | None, plan: Plan | Mapping[str, Any] | str | Path, *, as_of: object = None
) -> pd.DataFrame:
    """What is sold, what is expected and what is to be reached, per rep and month.

    What is sold comes from the CRM unless the plan states it, what is expected from the quotas.
    The two are seldom the same, and a target counted from one and held against the other is
    missed by the difference. So attainment (how much of what is expected is sold),
    over-assignment (what the quotas add up to, against the target) and an inconsistent base
    (two figures that are taken for one) are told apart, each with its consequence.

    Parameters
    ----------
    crm : as `enablement.load` gives it; None works from what the plan states alone
    plan : a path, a dict of the same shape, or as `enablement.goal` gives it
    as_of : the last moment whose events may be seen; None for the last day before the goal's
        months begin, or that of the export where this is earlier

    Returns
    -------
    pandas.DataFrame
        Rows ``sold``, ``expected`` and ``target``, for twelve months::

            total                float  in the goal's metric; missing where not known
            per_rep              float  total / reps there, a rep of half a year being half a one
            per_rep_month        float  per_rep / 12
            units_per_rep_month  float  per_rep_month / unit price; missing without a price
            short_units          float  the target's units_per_rep_month minus this row's

        ``attrs`` has ``definition``, ``metric``, ``currency``, ``period`` and ``goal`` (the months
        of either), ``reps`` (sold and target -> how many), ``attainment`` and
        ``over_assignment`` (shares; missing where not known), ``consistent`` (whether what is
        sold, stated and expected is one base) and ``sentences`` (attainment, over-assignment
        and base, each with its consequence; before them metric, where the goal is a margin,
        which is told as the won amount that it takes; after them months, where the export does
        not reach all of the baseline, or not up to the goal).

        Of a goal in a measure, such as a win rate, the first row is ``present``, ``total`` is the
        measure itself, and beside it stand ``count`` (what it rests on), ``low`` and ``high`` (its
        interval; missing where the measure has none). Only what reps add up to has a share per
        rep and month. ``attrs`` then has ``measure`` and ``column``, ``written`` (whether the
        figures are a share, days, money and so on), ``better`` (more or less), and other
        sentences: doubt (whether the target is within what chance does), metric (which won amount
        it comes to, or why none), and, where they are missing, per rep and expected.

    Raises
    ------
    SettingsError
        If the plan does not fit.
    CannotSayError
        If neither the CRM nor the plan says what is sold.
    """
    read = asked(crm, plan, as_of=as_of)
    if read[0].goal.measure is not None:
        return _of_measure(translation.step_of(crm, *read))
    said, translated = translation.in_amount(crm, *read)
    base = base_of(crm, said, as_of=as_of)
    price = said.goal.price
    table = _per_rep(base, price)
    table.attrs = {
        "definition": _line(said.goal, base, price),
        "as_of": base.as_of,
        "metric": said.goal.metric,
        "currency": base.currency,
        "period": None if base.period is None else str(base.period),
        "goal": str(base.span),
        "reps": {"sold": base.now, "target": base.then},
        "attainment": _ratio(base.sold, base.expected),
        "over_assignment": _ratio(base.quotas, base.target),
        "consistent": _consistent(base),
        "sentences": {
            **({"metric": translated.says} if translated else {}),
            "attainment": _attainment(base),
            "over-assignment": _assignment(base),
            "base": _base(base, table),
            **_uncovered(crm, said.goal, base),
        },
    }
    return table


def _of_measure(step: Step) -> pd.DataFrame:
    """Hold what a measure is, and what it is to be, beside each other."""
    goal, crm, period = step.plan.goal, step.crm, step.period
    span, measure = goal.span(crm.settings.calendar), metrics.METRICS[goal.metric]
    when = measure.dated(period)
    reps = _reps(goal, staffs.of_crm(crm), period, span)
    expected = 1.0 if goal.figure.column == "attainment" else np.nan
    total = np.array([step.present, expected, step.wanted])
    now = np.array([reps["sold"], reps["sold"], reps["target"]])
    none = np.full(len(total), np.nan)
    per_rep = total / now if goal.figure.adds_up else none
    reading, stated = step.reading, goal.baseline is not None
    beside = {
        name: [np.nan if stated else getattr(reading, name), np.nan, np.nan]
        for name in ("count", "low", "high")
    }
    values = dict(zip(COLUMNS, (total, per_rep, per_rep / MONTHS, none, none), strict=True))
    table = pd.DataFrame({**values, **beside}, index=pd.Index(OF_MEASURE, name="figure"))
    table.attrs = {
        "definition": f"{goal.label} {when}: {reading.definition}; the target by {span.end}",
        "as_of": str(period.end),
        "metric": goal.label,
        "currency": crm.settings.currency,
        "period": str(period),
        "goal": str(span),
        "reps": reps,
        "attainment": np.nan,
        "over_assignment": np.nan,
        "consistent": not (stated and _apart(step.present, reading.value)),
        "measure": goal.metric.replace(" ", "_"),
        "column": goal.figure.column,
        "written": goal.figure.written,
        "of": goal.figure.of,
        "better": measure.better,
        "when": when,
        "wanted_when": measure.dated(span),
        "sentences": _of_step(step),
    }
    return table


def _of_step(step: Step) -> dict[str, str]:
    """Say how sure a step is, which amount it comes to, and what cannot be told of it."""
    goal, reading = step.plan.goal, step.reading
    told = {"doubt": _doubt(step)}
    if goal.baseline is not None and _apart(step.present, reading.value):
        told["base"] = (
            f"The plan states {step.write(step.present)} as present, the CRM counts "
            f"{step.write(reading.value)} in {step.period}."
        )
    told["metric"] = _as_amount(step)
    if not goal.figure.adds_up:
        told["per rep"] = (
            f"The {goal.label} is of all together and no sum of what reps do month by month, so "
            "nothing is told of them."
        )
    if goal.figure.column != "attainment":
        told["expected"] = (
            f"Quotas are of the won amount: nothing says which {goal.label} is expected."
        )
    return {name: text for name, text in told.items() if text}


def _as_amount(step: Step) -> str:
    """Say which won amount the goal comes to, or why none follows."""
    why = translation.why_not(step.plan)
    if why:
        return f"It is not told as a won amount: {why}"
    try:
        return translation.translated(step)[1].says
    except CannotSayError as reason:
        return f"It is not told as a won amount: {reason}"


def _doubt(step: Step) -> str:
    """Say whether the target is beyond what the present figure may be by chance."""
    reading = step.reading
    unmoved = not _apart(step.present, step.wanted)
    if unmoved or np.isnan(reading.low) or np.isnan(reading.high):
        return ""
    low, high = step.write(reading.low), step.write(reading.high)
    inside = reading.low <= step.wanted <= reading.high
    share = f"{100 * estimates.CONFIDENCE:.0f} %"
    return f"Today it is between {low} and {high} ({share} interval): the target lies " + (
        "within, so that reaching it may be chance." if inside else "beyond."
    )


def _reps(goal: Goal, staff: Staff, period: Period, span: Period) -> dict[str, float]:
    """Count the reps there in the baseline's months and in the goal's, in whole ones."""
    then = float(heads(staff, span, period).there(span).sum())
    if isinstance(goal.constraints.headcount, int):
        then = float(goal.constraints.headcount)
    return {"sold": float(staff.there(period).sum()), "target": then}


def asked(
    crm: CRM | None, plan: Plan | Mapping[str, Any] | str | Path, *, as_of: object = None
) -> tuple[Plan, Period | None]:
    """Read a plan, and find the months of its baseline; None without a CRM."""
    said = goals.goal(plan)
    if crm is None:
        return said, None
    months = months_before(crm, said, as_of=as_of)
    return said, goals.together(months, crm.settings.calendar)


def base_of(crm: CRM | None, plan: Plan, *, as_of: object = None) -> Base:
    """Find the figures from which a plan starts, as `baseline` shows them."""
    _check(crm, plan.goal)
    if crm is None:
        return _of_plan(plan.goal)
    calendar = crm.settings.calendar
    span = plan.goal.span(calendar)
    months = months_before(crm, plan, as_of=as_of)
    period = goals.together(months, calendar)
    staff = staffs.of_crm(crm)
    found = sales(crm, plan.goal, as_of=period.end, period=period, by="rep")
    ahead = sales(crm, plan.goal, as_of=period.end, period=span)
    base = _of_crm(plan.goal, found, float(ahead["quota"].iloc[0]), staff, period, span)
    if plan.goal.lift and base.sold == 0:
        raise SettingsError(
            f"{plan.origin}: [goal] lift = {plan.goal.lift!r}: nothing was sold in {period}, and "
            "of 0 any lift is 0. Say a target, or another day by which."
        )
    return dataclasses.replace(base, currency=crm.settings.currency)


def months_before(crm: CRM, plan: Plan, *, as_of: object = None) -> tuple[Period, ...]:
    """List the twelve fiscal months of the baseline: the last whole ones before the goal's."""
    calendar = crm.settings.calendar
    eve = plan.goal.span(calendar).eve
    until = min(crm.seen_until if as_of is None else moment(as_of).date(), eve)
    whole = [month for month in calendar.every("month") if month.end <= until]
    return tuple(whole[-MONTHS:])


def quotas_of(crm: CRM, staff: Staff, base: Base) -> NDArray[np.float64]:
    """Give the quota of each rep behind `Base.quotas`; NaN where there is none."""
    if base.period is None:
        return np.full(len(staff), np.nan)
    period = base.span if base.quotas_of == str(base.span) else base.period
    targets = quotas.of_period(crm, crm.period(period)).groupby("rep_id")["target"].sum()
    quota = targets.reindex(staff.ids).to_numpy(dtype=float)
    return np.where(quota > 0, quota, np.nan)


def heads(staff: Staff, span: Period, eve: Period) -> Staff:
    """List who is there for the goal: those of the last day before it, and who is known to come.

    A headcount that the plan states as a number is a number of reps, not of names; it is
    compared and not carried out.
    """
    gone = staff.table["until"].le(pd.Timestamp(eve.end))
    return staff.only(~gone.to_numpy() & (staff.there(span) > 0))


def _check(crm: CRM | None, goal: Goal) -> None:
    if goal.metric == "units" and goal.unit_price is None and crm is not None:
        raise EnablementError("A goal in units needs the price of one: [goal] unit_price = 50.")


def _of_plan(goal: Goal) -> Base:
    """Take every figure from the plan."""
    reps, span = float(len(staffs.stated(goal))), goal.span(Calendar())
    expected = reps * goal.stated.expected if goal.stated.expected else np.nan
    sold = goal.baseline if goal.baseline is not None else _stated_result(goal)
    target = goal.reached(sold)
    if np.isnan(target):
        raise CannotSayError(
            "Without a CRM the plan must say what is sold today: [goal] baseline = 1000000, or the "
            "volume, rates and deal_size in [goal.stated]."
        )
    quotas, of = expected, "each rep"
    return Base(sold, expected, target, np.nan, 0.0, quotas, of, reps, reps, None, span)


def _stated_result(goal: Goal) -> float:
    """Work out what the stated volume and rates bring in a year; NaN where they are not said."""
    stated = goal.stated
    size = 1.0 if goal.metric == "won count" else stated.deal_size
    if stated.volume is None or not stated.rates or size is None:
        return np.nan
    worth = size / (goal.unit_price or 1.0) if goal.metric == "units" else size
    return stated.volume * float(np.prod(list(stated.rates.values()))) * worth


def _of_crm(
    goal: Goal, found: pd.DataFrame, ahead: float, staff: Staff, period: Period, span: Period
) -> Base:
    counted = float(found["brought"].sum())
    unowned = float(found.loc[~found["rep_id"].isin(staff.ids), "brought"].sum())
    there = _reps(goal, staff, period, span)
    now, then = there["sold"], there["target"]
    expected = float(found["quota"].sum(min_count=1))
    if np.isnan(expected) and goal.stated.expected:
        expected = goal.stated.expected * now
    has_next = bool(ahead > 0)
    sold = goal.baseline if goal.baseline is not None else counted
    return Base(
        sold=sold,
        expected=expected,
        target=goal.reached(sold),
        counted=counted,
        unowned=unowned,
        quotas=ahead if has_next else expected,
        quotas_of=str(span) if has_next else str(period),
        now=now,
        then=then,
        period=period,
        span=span,
    )


def _per_rep(base: Base, price: float | None) -> pd.DataFrame:
    total = np.array([base.sold, base.expected, base.target], dtype=float)
    reps = np.array([base.now, base.now, base.then])
    per_rep = total / np.where(reps > 0, reps, np.nan)  # of nobody nothing is said per rep
    month = per_rep / MONTHS
    units = month / price if price else np.full(3, np.nan)
    values = dict(zip(COLUMNS, (total, per_rep, month, units, units[2] - units), strict=True))
    return pd.DataFrame(values, index=pd.Index(ROWS, name="figure"))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else np.nan


def _apart(one: float, other: float) -> bool:
    """Whether two figures are known and not the same."""
    return bool(abs(one - other) > SAME * max(abs(one), abs(other)))


def _consistent(base: Base) -> bool:
    return not (_apart(base.sold, base.expected) or _apart(base.sold, base.counted))


def _uncovered(crm: CRM | None, goal: Goal, base: Base) -> dict[str, str]:
    """Say which months the export does not reach: of the baseline, and from there to the goal."""
    if crm is None or base.period is None or goal.baseline is not None:
        return {}
    period, told = base.period, []
    first = crm.first("opportunities", "closed_at")
    if first is not None and (first.date() - period.start).days > A_MONTH:
        told.append(
            f"The first close of the export is of {first.date()}: if it leaves earlier ones out, "
            f"more was sold in {period}."
        )
    ahead = (base.span.start - period.end).days
    if ahead > A_MONTH:
        told.append(
            f"What is sold is that of {period}: it ends {ahead:,} days before the goal's months "
            "begin, and of the time between nothing is known."
        )
    return {"months": " ".join(told)} if told else {}


def _attainment(base: Base) -> str:
    share = _ratio(base.sold, base.expected)
    if np.isnan(share):
        return "Nothing is known of what is expected, so there is no attainment."
    needed = base.target / share
    return (
        f"Sold {base.sold:,.0f} of {base.expected:,.0f} expected: attainment {100 * share:.1f} %. "
        f"At that attainment a target of {base.target:,.0f} takes quotas of {needed:,.0f}."
    )


def _assignment(base: Base) -> str:
    share = _ratio(base.quotas, base.target)
    if np.isnan(share):
        return "No quotas are known, so nothing is said of how much of the target is assigned."
    start = (
        f"The quotas of {base.quotas_of} add up to {base.quotas:,.0f}, {100 * share:.1f} % of the "
        f"target of {base.target:,.0f}"
    )
    if not _apart(base.quotas, base.target):
        return f"{start}: it is reached when the quotas are."
    if share < 1:
        missing = base.target - base.quotas
        return f"{start}: if every quota is just reached, {missing:,.0f} are missing."
    return f"{start}: it is reached at an attainment of {100 / share:.1f} %."


def _base(base: Base, table: pd.DataFrame) -> str:
    """Say whether what is sold, stated and expected is one base, and what it costs if not."""
    said = []
    if _apart(base.sold, base.counted):
        said.append(
            f"The plan states {base.sold:,.0f} as sold, the CRM counts {base.counted:,.0f} in "
            f"{base.period}: a step to the target counted from the one is off by "
            f"{abs(base.sold - base.counted):,.0f} from the other."
        )
    if base.unowned and _apart(base.unowned, 0.0):
        said.append(
            f"Of what the CRM counts {base.unowned:,.0f} belong to no rep, so that the reps add up "
            "to less."
        )
    if base.now > 0 and _apart(base.sold, base.expected):
        said.append(_two_bases(base, table))
    return " ".join(said) or "What is sold and what is expected is one base."


def _two_bases(base: Base, table: pd.DataFrame) -> str:
    short = table["short_units"] if table["short_units"].notna().all() else None
    more = base.then / base.now
    step, since = base.target - base.expected * more, base.target - base.sold * more
    reps = "" if more == 1 else ", of as many reps"
    start = f"What is expected, {base.expected:,.0f}, is not what is sold, {base.sold:,.0f}: "
    if step * since <= 0:
        return f"{start}the target asks {_asks(step)} expected, and {_asks(since)} sold{reps}."
    ends = base.sold * more + step
    steps = (
        f"{step:,.0f}"
        if short is None
        else f"{short['expected']:.3g} units per rep and month (from what is sold it is "
        f"{short['sold']:.3g})"
    )
    missed = "short of" if ends < base.target else "above"
    return (
        f"{start}a step of {steps} counted from what is expected ends at {ends:,.0f}, "
        f"{abs(base.target - ends):,.0f} {missed} the target."
    )


def _asks(step: float) -> str:
    """Compare a target with what is expected or sold."""
    if step == 0:
        return "as much as is"
    return f"{abs(step):,.0f} {'more' if step > 0 else 'less'} than is"


def _line(goal: Goal, base: Base, price: float | None) -> str:
    return BASELINE.format(
        metric=goal.metric,
        sold="as the plan states it" if base.period is None else f"in {base.period}",
        expected="likewise" if base.period is None else "by its quotas",
        by=base.span.end,
        now=base.now,
        then=base.then,
        price="no known price" if price is None else f"{price:,.4g}",
    )
