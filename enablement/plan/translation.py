"""Translation: a goal in margin or in a measure, as the won amount that it comes to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enablement.errors import CannotSayError, SettingsError
from enablement.measure import discounts, margins, pipeline, wallet, winloss
from enablement.periods import Period
from enablement.plan import metrics, rates
from enablement.plan.goal import Plan
from enablement.plan.metrics import MORE, Reading
from enablement.read.crm import CRM

MARGIN = "margin"
EVERYTHING = ("volume", "selling_time", "headcount", "conversion", "deal_size", "discount", "cycle")
VOLUME = ("volume", "selling_time", "headcount")
SAME = 1e-9


@dataclasses.dataclass(frozen=True, slots=True)
class Translation:
    """How a goal in another metric is told as a won amount.

    says : in a sentence or two
    short : what is wanted, such as ``win rate 35.7 %``; "" of a margin
    factor : how many times what comes through the funnel if nothing changes is wanted; None where
        the plan says the amount itself
    levers : those that move the metric
    stages : those whose rates rise with it; None for every one
    together : whether these rise together, by the same share of what they lack
    same : whether the metric is reached when the amount is, and only then
    """

    says: str
    short: str
    factor: float | None = None
    levers: tuple[str, ...] = EVERYTHING
    stages: tuple[str, ...] | None = ()
    together: bool = False
    same: bool = False

    def moves(self, lever: str, stage: str | None) -> bool:
        """Whether a lever moves the metric, and not the amount alone."""
        if lever == "conversion" and self.stages:
            return stage in self.stages
        return lever in self.levers

    def raised(self, stages: tuple[str, ...], present: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the rates at which the metric is as wanted, reps × stages."""
        if self.factor is None or self.stages == ():
            return present
        named = stages if self.stages is None else self.stages
        here = np.array([stage in named for stage in stages])
        found = present.copy()
        if self.together:
            some = present[:, here]
            ratio = np.full(len(some), self.factor)
            lifted = rates.together(some, np.ones_like(some), ratio)
            found[:, here] = np.where(some > 0, np.where(np.isnan(lifted), 1.0, lifted), some)
        else:
            found[:, here] = np.minimum(present[:, here] * self.factor, 1.0)
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """From where to where a goal goes in its own metric.

    crm, plan, period : whose, which, and the baseline's months
    present, wanted : what it is and what it is to be
    reading : what the CRM says it is
    """

    crm: CRM
    plan: Plan
    period: Period
    present: float
    wanted: float
    reading: Reading

    @property
    def ratio(self) -> float:
        """How many times as much is wanted as there is."""
        return self.wanted / self.present

    def says(self) -> str:
        """Say from where to where it goes."""
        before, after = (self.write(value) for value in (self.present, self.wanted))
        return f"from {before} to {after}"

    def write(self, value: float) -> str:
        """Write a figure of the metric."""
        return metrics.written(value, self.plan.goal.figure.written, self.crm.settings.currency)


def step_of(crm: CRM | None, plan: Plan, period: Period | None) -> Step:
    """Read what a measure is, and find what it is to be.

    Raises
    ------
    SettingsError
        If the target is none that this measure can have, or lowers what is to rise.
    CannotSayError
        If nothing says what it is.
    """
    goal, where = plan.goal, f"{plan.origin}: [goal]"
    measure, figure, label = goal.measure, goal.figure, goal.label
    assert measure is not None
    if crm is None or period is None:
        raise CannotSayError(
            f"Without a CRM nothing says what the {label} is. Say the won amount that it comes to."
        )
    asked = metrics.Question(period, period.end, goal.kind)
    reading = metrics.read(crm, measure, asked, stage=goal.stage, column=goal.column)
    present = reading.value if goal.baseline is None else goal.baseline
    if measure.kinds and not goal.kind:  # that of the row that was meant
        plan = dataclasses.replace(plan, goal=dataclasses.replace(goal, kind=reading.row))
        label = plan.goal.label
    if np.isnan(present):
        of = "" if np.isnan(reading.count) else f" ({reading.count:,.0f} {figure.of})"
        raise CannotSayError(f"Nothing {measure.dated(period)} says what the {label} is{of}.")
    if goal.lift is not None and abs(present) < SAME:
        raise SettingsError(
            f"{where} lift = {goal.lift!r}: the {label} is 0, and of 0 any lift is 0. Say a target."
        )
    step = Step(crm, plan, period, present, goal.reached(present), reading)
    if figure.written == metrics.SHARE and step.wanted > 1 + SAME:
        raise SettingsError(
            f"{where} wants the {label} at {step.write(step.wanted)}, more than all of it. A "
            f"share is at most 1; today it is {present:.3f}."
        )
    backwards = step.wanted < present if measure.better == MORE else step.wanted > present
    if backwards and abs(step.wanted - present) > SAME:
        raise SettingsError(
            f"{where} target = {step.wanted:.6g} would "
            f"{'lower' if measure.better == MORE else 'raise'} the {label}, which is "
            f"{present:.6g} today, and {measure.better} of it is better."
        )
    return step


def in_amount(
    crm: CRM | None, plan: Plan, period: Period | None
) -> tuple[Plan, Translation | None]:
    """Say a goal in margin or in a measure as one in won amount.

    What reps do is sell; which amount that takes follows from what was sold in the baseline's
    months, everything else unchanged.

    Parameters
    ----------
    period : the baseline's months; None without a CRM

    Returns
    -------
    plan : as it is where its metric needs no translation
    how : how it was translated; None where it was not

    Raises
    ------
    SettingsError
        If the target is none that the metric can have.
    CannotSayError
        If no won amount follows from the metric, or the export does not carry it.
    """
    if plan.goal.measure is not None:
        return translated(step_of(crm, plan, period))
    if crm is None or period is None or plan.goal.metric != MARGIN:
        return plan, None
    return _of_margin(crm, plan, period)


def translated(step: Step) -> tuple[Plan, Translation]:
    """Say a goal in a measure as one in won amount.

    Raises
    ------
    CannotSayError
        If no won amount follows from it.
    """
    goal = step.plan.goal
    found = AMOUNTS.get((goal.metric, goal.figure.column))
    if found is None:
        raise CannotSayError(
            f"A goal in the {goal.label} is not told as a won amount: {why_not(step.plan)} The "
            "baseline tells it; for what is computed from an amount, state the goal as won "
            "amount.",
            lacks=f"no won amount of the {goal.metric}",
        )
    return found(step)


def why_not(plan: Plan) -> str:
    """Say why no won amount follows from a metric; "" where one does."""
    goal = plan.goal
    if (goal.metric, goal.figure.column) in AMOUNTS:
        return ""
    return WHY_NOT.get((goal.metric, goal.figure.column), WHY_NOT.get((goal.metric, ""), ""))


def _of_margin(crm: CRM, plan: Plan, period: Period) -> tuple[Plan, Translation]:
    share, known, others = margins.margin_share(crm, as_of=period.end, period=period)
    goal = plan.goal
    given: dict[str, Any] = {
        name: value / share
        for name in ("target", "baseline")
        if (value := getattr(goal, name)) is not None
    }
    for name in ("pins", "caps"):
        given[name] = {rep: value / share for rep, value in getattr(goal, name).items()}
    if goal.stated.expected is not None:
        given["stated"] = dataclasses.replace(goal.stated, expected=goal.stated.expected / share)
    unknown = f"; of {others:,} others it is not known" if others else ""
    says = (
        f"The goal is a margin: of {known:,} won in {period} {100 * share:.1f} % of the amount "
        f"stayed as margin{unknown}. All figures here are the won amount that the margin takes at "
        "that share, for every rep the same."
    )
    return _in_money(plan, **given), Translation(says, "", same=True)


def _of_wallet(step: Step) -> tuple[Plan, Translation]:
    found = wallet.share_of_wallet(step.crm, as_of=step.period.end, accounts="all").iloc[0]
    potential = float(found["potential"])
    more = (step.wanted - step.present) * potential
    says = (
        f"The goal is the share of wallet: {step.says()} of the {potential:,.0f} that "
        f"{found['accounts']:,.0f} accounts could spend in a year is {more:,.0f} more won amount. "
        "All figures here are won amounts, those of accounts without a known potential included."
    )
    return _amount(step, _sold(step) + more), _how(step, says, same=True)


def _of_quotas(step: Step) -> tuple[Plan, Translation]:
    """Take the quotas of the goal's months; where there are none yet, those of the baseline's."""
    span = step.plan.goal.span(step.crm.settings.calendar)
    for period in (span, step.period):
        found = pipeline.quota_attainment(step.crm, as_of=step.period.end, period=period)
        quota = float(found["quota"].iloc[0])
        if quota > 0:
            break
    says = (
        f"The goal is the quota attainment: {step.says()}. All figures here are the won amount "
        f"that this is of the {quota:,.0f} that the quotas of {period} add up to."
    )
    return _amount(step, step.wanted * quota), _how(step, says, same=True)


def _of_win_rate(step: Step) -> tuple[Plan, Translation]:
    says = _rate(step, "as many decided and as large")
    how = _how(step, says, factor=step.ratio, levers=("conversion",), stages=None)
    return _as_today(step), dataclasses.replace(how, together=True)


def _of_conversion(step: Step) -> tuple[Plan, Translation]:
    says = _rate(step, "every other stage, volume and sizes as today")
    stage = (step.plan.goal.stage,)
    return _as_today(step), _how(
        step, says, factor=step.ratio, levers=("conversion",), stages=stage
    )


def _of_way_to_won(step: Step) -> tuple[Plan, Translation]:
    stages = list(step.crm.settings.stages)
    onward = tuple(stages[stages.index(step.plan.goal.stage) :])
    says = _rate(step, "the stages before, volume and sizes as today")
    how = _how(step, says, factor=step.ratio, levers=("conversion",), stages=onward)
    return _as_today(step), dataclasses.replace(how, together=True)


def _rate(step: Step, rest: str) -> str:
    """Say what a goal in a rate of the funnel comes to."""
    return (
        f"The goal is the {step.plan.goal.label}: {step.says()} is {step.ratio:.4g} times what "
        f"comes through the funnel, {rest}. All figures here are the won amount that it comes to, "
        "and a chance is that of the amount, which more or larger opportunities would reach too; "
        "what must enter each stage is told at the rates that are wanted."
    )


def _of_discount(step: Step) -> tuple[Plan, Translation]:
    period = step.period
    found = discounts.discount_rate(step.crm, as_of=period.end, period=period).iloc[0]
    listed = float(found["list"])
    through = _through(step)
    factor = 1 + listed * (step.present - step.wanted) / through
    others = (
        f", of {found['without_list']:,.0f} others it is not known and they stay"
        if found["without_list"]
        else ""
    )
    says = (
        f"The goal is the discount rate: {step.says()} of the {listed:,.0f} at list price of "
        f"{found['won']:,.0f} won in {period}{others} is {factor:.4g} times what comes through the "
        "funnel, if as many are won at the same list prices; less discount may cost wins, and "
        "nothing here says how many. All figures here are the won amount that it comes to."
    )
    return _as_today(step), _how(step, says, factor=factor, levers=("discount",))


def _of_velocity(step: Step) -> tuple[Plan, Translation]:
    through, days = _through(step), (step.period.end - step.period.start).days + 1
    says = (
        f"The goal is the sales velocity: {step.says()} is {step.ratio:.4g} times. At today's "
        f"{days * step.present:,.0f} would come in {days} days, and {through:,.0f} came through "
        f"the funnel in {step.period}: it counts as if all that are open took the days of those "
        "won, so that it is the same number of times that is carried over. That holds of more "
        "opportunities, higher rates and larger sizes; a shorter cycle raises the velocity for "
        "good and brings wins forward once. All figures here are the won amount that it comes to."
    )
    return _times(step, through), _how(step, says)


def _of_created(step: Step) -> tuple[Plan, Translation]:
    through = _through(step)
    by_amount = step.plan.goal.figure.column == "amount"
    says = (
        f"The goal is the {step.plan.goal.label}: {step.says()} is {step.ratio:.4g} times the "
        f"{through:,.0f} that came through the funnel in {step.period}, at the yield of these "
        "months: as large a share of what is created won, in the same time, so that what is "
        "created late comes after the goal's months. All figures here are the won amount that it "
        "comes to."
    )
    levers = (*VOLUME, "deal_size") if by_amount else VOLUME
    return _times(step, through), _how(step, says, levers=levers)


def _of_activities(step: Step) -> tuple[Plan, Translation]:
    through = _through(step)
    says = (
        f"The goal is the {step.plan.goal.label}: {step.says()} is {step.ratio:.4g} times the "
        f"{through:,.0f} that came through the funnel in {step.period}, if each brings as much as "
        "today, which nothing here says of more of them. All figures here are the won amount that "
        "it comes to."
    )
    return _times(step, through), _how(step, says, levers=VOLUME)


def _of_a_day(step: Step) -> tuple[Plan, Translation]:
    says = (
        f"The goal is the {step.plan.goal.label}: {step.says()} is {step.ratio:.4g} times what "
        "comes through the funnel, if each brings as much as today, which nothing here says of "
        "more of them. All figures here are the won amount that it comes to."
    )
    how = _how(step, says, factor=step.ratio, levers=("volume", "selling_time"))
    return _as_today(step), how


Told = Callable[[Step], tuple[Plan, Translation]]
AMOUNTS: dict[tuple[str, str], Told] = {
    ("share of wallet", "rate"): _of_wallet,
    ("quota attainment", "attainment"): _of_quotas,
    ("win rate", "rate"): _of_win_rate,
    ("conversion", "rate"): _of_conversion,
    ("conversion", "to_won"): _of_way_to_won,
    ("discount rate", "rate"): _of_discount,
    ("sales velocity", "velocity"): _of_velocity,
    ("pipeline created", "amount"): _of_created,
    ("pipeline created", "created"): _of_created,
    ("activity", "counted"): _of_activities,
    ("activity", "per_day"): _of_a_day,
}
WHY_NOT = {
    ("share at quota", ""): "it says how many reps reach theirs, and not by how much.",
    ("pipeline coverage", ""): "it is of one day and of one quarter, and a year has four.",
    ("activity", ""): "it says how often they are held or spread, and not how many there are.",
    ("process conformance", ""): "nothing says what keeping to the process brings.",
    ("sales cycle", ""): "a shorter cycle brings wins forward once, and no more a year.",
    ("time in stage", ""): "a shorter stay brings wins forward once, and no more a year.",
    ("discount rate", "mean"): "the mean counts a small one as much as a large one; the rate, "
    'column = "rate", is that of the sums.',
    ("slip rate", ""): "it says when something is won, and not whether.",
    ("push count", ""): "it says when something is won, and not whether.",
    ("stale", ""): "nothing says how many of those that are stale would be won otherwise.",
    ("turnover", ""): "nothing says what those who stay bring more than those who come.",
    ("ramp", ""): "nothing says how many will be hired.",
}


def _sold(step: Step) -> float:
    """Give what was sold in the baseline's months, renewals included."""
    period = step.period
    found = pipeline.quota_attainment(step.crm, as_of=period.end, period=period)
    return float(found["sold"].iloc[0])


def _through(step: Step) -> float:
    """Give what of it came through the funnel."""
    period = step.period
    found = winloss.win_rate(step.crm, of="value", as_of=period.end, period=period)
    through = float(found["won"].iloc[0])
    if not through > 0:
        raise CannotSayError(f"Nothing was won in {period} that has an amount.")
    return through


def _how(step: Step, says: str, **more: Any) -> Translation:
    return Translation(says, f"{step.plan.goal.label} {step.write(step.wanted)}", **more)


def _amount(step: Step, target: float) -> Plan:
    return _in_money(step.plan, target=target, baseline=None, lift=None)


def _times(step: Step, through: float) -> Plan:
    """Want as many times what came through the funnel; what came besides stays."""
    return _amount(step, _sold(step) + through * (step.ratio - 1))


def _as_today(step: Step) -> Plan:
    """Want what is sold today, until it is known how many times that is wanted."""
    return _in_money(step.plan, target=None, baseline=None, lift=0.0)


def _in_money(plan: Plan, **given: Any) -> Plan:
    goal = dataclasses.replace(
        plan.goal, metric="won amount", stage="", kind="", column="", **given
    )
    return dataclasses.replace(plan, goal=goal)
