"""The goal: what is to be reached by when, from where, and what must not change on the way.

A plan is a TOML file or a dict of the same shape. The least it must say::

    [goal]
    lift = 0.5          # or target = 1_500_000
    by = 2026-12-31

Everything else has a default, or is taken from the CRM; `Goal` lists it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from enablement import settings as workspace
from enablement.errors import EnablementError, NoPlanError, SettingsError, choices
from enablement.periods import Calendar, Period, moment
from enablement.plan import metrics
from enablement.plan.metrics import Figure, Metric

FILE_NAME = "plan.toml"
YEAR = re.compile(r"(?!0000)[0-9]{4}")
SOLD = ("won amount", "units", "won count", "margin")  # metrics that are shared out among reps
METRICS = (*SOLD, *metrics.METRICS)
COUNTED = ("units", "won count")  # metrics whose figures are numbers of things, not money
SHARES = ("quota", "equal", "projected")
HEADCOUNT = ("fixed", "open")
LEVERS = ("volume", "conversion", "deal_size", "discount", "cycle", "selling_time")
RULES = ("equal", "contribution", "attainment")
GATES = tuple(
    metric.name.replace(" ", "_")
    for metric in metrics.EVERY
    if metric.better == metrics.MORE
    and metric.figures[0].written in metrics.PERCENTAGES
    and not (metric.of_stage or metric.kind_needed)
)
MONTHS = 12  # of the goal, and of the baseline it is held against
KNOWN = ("goal", "desired", "kpis", "outcomes", "reward")


@dataclasses.dataclass(frozen=True, slots=True)
class Stated:
    """Figures that stand in for those of a CRM.

    reps : how many sell
    expected : what each of them is expected to bring in a year, in the metric
    volume : how many enter the first stage in a year, of all reps together
    rates : stage -> share that moves on from it, 0 to 1, in their order
    deal_size : what a won opportunity brings on average
    cycle_days : days from the first stage to being won
    """

    reps: int | None = None
    expected: float | None = None
    volume: float | None = None
    rates: dict[str, float] = dataclasses.field(default_factory=dict)
    deal_size: float | None = None
    cycle_days: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Constraints:
    """What must not change on the way to the goal.

    headcount : ``fixed``, ``open``, or how many reps there may be, which is a lever where it is
        more than are there
    new_tools : whether new tools may be bought; if not, `levers` names the desired rates that no
        quarter of the reps is known to reach with those of today
    caps : lever -> by which share of itself it may change at most
    """

    headcount: str | int = "open"
    new_tools: bool = True
    caps: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Reward:
    """What the team gets when the goal is reached.

    threshold : share of the target from which on there is a reward
    pool : what is shared out at the target, in the workspace's currency; below it, where the
        threshold allows, as large a share of it as of the target is reached
    rule : ``equal``, ``contribution`` (equal, but nobody gets more than their share of what was
        sold) or ``attainment`` (by what each reached of their own target)
    gates : measure -> the least it must be, or there is no reward; of the whole team in the
        goal's months, or before they begin in the twelve that are counted: ``win_rate``,
        ``quota_attainment`` (what is sold over the quotas), ``share_at_quota`` (of the reps with
        a quota), ``process_conformance`` (1 - the share that leaves the process in the way in
        which most do) and ``share_of_wallet``
    """

    threshold: float
    pool: float
    rule: str = "equal"
    gates: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Goal:
    """A result, from where to where by when.

    by : the last day of the goal's twelve fiscal months, or a period such as ``2027`` or
        ``2027Q3`` that ends with it
    metric : ``won amount``, ``units``, ``won count`` or ``margin``, or a measure of the package
        such as ``win rate`` or ``sales cycle`` (`enablement.plan.metrics` lists them); with blanks,
        also where it is written as its function, ``win_rate``
    stage : of a ``conversion`` or a ``time in stage``; "" for the others
    kind : of an ``activity`` its type, of ``process conformance`` the way of leaving the process,
        of ``ramp`` what is to be reached; "" where none is meant
    column : which column of the measure's table is meant; "" for the usual one
    target : what is to be reached in those twelve months; None where `lift` is said
    lift : by which share of the baseline it is to rise, or to fall where less is better; None
        where `target` is said
    baseline : what is reached in twelve months today; None takes it from the CRM
    unit_price : what one unit costs; None where there are no units
    share : how the target is shared among reps: by ``quota`` (equally where there are none),
        ``equal`` or ``projected`` (by what each would bring if nothing changed)
    pins : rep -> what they are to bring, whatever the others do
    caps : rep -> what they are to bring at most
    ramp_days : days until a new rep brings as much as the others; None takes it from the CRM
    constraints, stated : see there
    """

    by: str | dt.date
    metric: str = "won amount"
    stage: str = ""
    kind: str = ""
    column: str = ""
    target: float | None = None
    lift: float | None = None
    baseline: float | None = None
    unit_price: float | None = None
    share: str = "quota"
    pins: dict[str, float] = dataclasses.field(default_factory=dict)
    caps: dict[str, float] = dataclasses.field(default_factory=dict)
    ramp_days: float | None = None
    constraints: Constraints = dataclasses.field(default_factory=Constraints)
    stated: Stated = dataclasses.field(default_factory=Stated)

    @property
    def price(self) -> float | None:
        """What one unit is worth in the metric: one where the metric counts units itself."""
        return 1.0 if self.metric in COUNTED else self.unit_price

    @property
    def measure(self) -> Metric | None:
        """The measure that the goal is stated in; None where it is in what is sold."""
        return metrics.METRICS.get(self.metric)

    @property
    def figure(self) -> Figure:
        """The figure of that measure."""
        return metrics.METRICS[self.metric].figure(self.column)

    @property
    def label(self) -> str:
        """The metric in words, such as ``conversion of Discovery``."""
        noun = (self.figure.noun if self.measure else "") or self.metric
        if self.stage:
            return f"{noun} {'' if noun.endswith('in stage') else 'of '}{self.stage}"
        return f"{noun} ({self.kind})" if self.kind else noun

    def months(self, calendar: Calendar) -> tuple[Period, ...]:
        """List the twelve fiscal months of the goal, the last of which ends on its day.

        Raises
        ------
        SettingsError
            If the day is not the last one of a fiscal month, or of no year that is known.
        """
        last = self._last_day(calendar)
        every = calendar.every("month")
        if not every[MONTHS - 1].end <= last <= every[-1].end:
            raise SettingsError(
                f"by = {last} is no day of a goal. Say one from {every[MONTHS - 1].end} to "
                f"{every[-1].end}."
            )
        at = next(number for number, month in enumerate(every) if month.end >= last)
        if every[at].end != last:
            raise SettingsError(
                f"by = {last} is not the last day of a fiscal month. "
                f"Say {every[at - 1].end} or {every[at].end}."
            )
        return every[at - MONTHS + 1 : at + 1]

    def span(self, calendar: Calendar) -> Period:
        """Find the days of the goal's twelve months."""
        return together(self.months(calendar), calendar)

    def reached(self, baseline: float) -> float:
        """Say what is to be reached, from what is reached today."""
        return self.target if self.target is not None else baseline * (1 + (self.lift or 0.0))

    def _last_day(self, calendar: Calendar) -> dt.date:
        if isinstance(self.by, dt.date):
            return self.by
        try:
            return calendar.period(self.by).end
        except EnablementError:
            return moment(self.by).date()


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Where a company wants to be, and how it will know.

    goal : the result
    desired : stage -> share that should move on from it, 0 to 1; may be of some stages only
    reward : what the team gets; None where the plan has none
    kpis, outcomes : as they are written
    origin : where this was read from, for messages
    """

    goal: Goal
    desired: dict[str, float] = dataclasses.field(default_factory=dict)
    reward: Reward | None = None
    kpis: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    outcomes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    origin: str = "plan"

    def check_stages(self, stages: Sequence[str]) -> None:
        """Refuse rates of a stage that the workspace does not have."""
        for key, said in (("desired", self.desired), ("goal.stated.rates", self.goal.stated.rates)):
            for stage in said:
                if stage not in stages:
                    raise SettingsError(
                        f"{self.origin}: [{key}] names the stage {stage!r}. "
                        f"{choices(stage, list(stages))}"
                    )


def goal(source: Plan | Mapping[str, Any] | str | Path | None = None) -> Plan:
    """Read a plan, and check that it can be worked with.

    Parameters
    ----------
    source : a path (of the file, or of a folder that has a ``plan.toml``), a dict of the same
        shape, a `Plan`, or None for ``plan.toml`` at the workspace's root

    Returns
    -------
    Plan

    Raises
    ------
    SettingsError
        If there is none, or a key or a value does not fit; the message names it.
    """
    if isinstance(source, Plan):
        return source
    if isinstance(source, Mapping):
        return _plan(source, "plan")
    if source is not None and not isinstance(source, (str, Path)):
        raise SettingsError(f"plan={source!r} is neither a path nor a dict.")
    path = workspace.root() / (source or FILE_NAME)
    path = path if path.is_file() or path.suffix == ".toml" else path / FILE_NAME
    if not path.is_file():
        raise NoPlanError(
            f"There is no {path.name} in {path.parent.name}. {LEAST}", lacks="no plan"
        )
    return _plan(workspace.toml(path), path.name)


TENFOLD = 10  # a lift from which on percents were meant, or a target says it better
LEAST = "The least it must say: [goal] with lift = 0.5 or target = 1500000, and by = 2026-12-31."


def _plan(said: Mapping[str, Any], origin: str) -> Plan:
    _check_keys(said, KNOWN, origin)
    if "goal" not in said:
        raise SettingsError(f"{origin}: there is no [goal]. {LEAST}")
    tables = {key: _table(said.get(key, {}), f"{origin}: [{key}]") for key in KNOWN}
    reward = _reward(tables["reward"], f"{origin}: [reward]") if "reward" in said else None
    return Plan(
        goal=_goal(tables["goal"], f"{origin}: [goal]"),
        desired=_shares(tables["desired"], f"{origin}: [desired]"),
        reward=reward,
        kpis=tables["kpis"],
        outcomes=tables["outcomes"],
        origin=origin,
    )


def _goal(said: Mapping[str, Any], where: str) -> Goal:
    names = [field.name for field in dataclasses.fields(Goal)]
    _check_keys(said, names, where)
    if ("target" in said) == ("lift" in said):
        raise SettingsError(f"{where} must say either target or lift, and not both.")
    if "by" not in said:
        raise SettingsError(f"{where} must say by when: by = 2026-12-31.")
    said = {**said, "metric": metrics.name_of(said.get("metric", METRICS[0]))}
    _metric(said, where)
    _word(said.get("share", SHARES[0]), SHARES, f"{where} share")
    for key in ("baseline", "unit_price", "ramp_days"):
        _number(said.get(key), f"{where} {key}", above=0)
    _aim(said, metrics.METRICS.get(said["metric"]), where)
    given: dict[str, Any] = {
        **{"by": _day(said["by"], where)},
        **{key: _table(said.get(key, {}), f"{where} {key}") for key in ("pins", "caps")},
        "constraints": _constraints(said.get("constraints", {}), f"{where} constraints"),
        "stated": _stated(said.get("stated", {}), f"{where} stated"),
    }
    for key in ("pins", "caps"):
        for rep, value in given[key].items():
            _number(value, f"{where} {key}.{rep}", least=0)
    both = set(given["pins"]) & set(given["caps"])
    if both:
        raise SettingsError(f"{where} has both a pin and a cap of {min(both)!r}; one is enough.")
    return Goal(**{**said, **given})


def _metric(said: Mapping[str, Any], where: str) -> None:
    """Check the metric, and what says which figure of it is meant."""
    name = said["metric"]
    if isinstance(name, str) and name in metrics.LISTS:
        raise SettingsError(
            f"{where} metric = {name!r} is no figure of a company but a table of many. Its figure "
            f"is {metrics.LISTS[name]!r}."
        )
    _word(name, METRICS, f"{where} metric")
    measure = metrics.METRICS.get(name)
    for key in ("stage", "kind", "column"):
        if not isinstance(said.get(key, ""), str):
            raise SettingsError(f"{where} {key} = {said[key]!r} is no text.")
    takes = {
        "stage": measure is not None and measure.of_stage,
        "kind": measure is not None and measure.has_kinds,
        "column": measure is not None,
    }
    for key, taken in takes.items():
        if said.get(key) and not taken:
            raise SettingsError(f"{where} {key} says nothing of {name}; leave it out.")
    if measure is None:
        return
    if measure.of_stage and not said.get("stage"):
        raise SettingsError(f'{where} metric = {name!r} is that of a stage: stage = "Discovery".')
    if measure.kind_needed and not said.get("kind"):
        raise SettingsError(f'{where} metric = {name!r} is that of a kind: kind = "meeting".')
    if said.get("kind") and measure.kinds:
        _word(said["kind"], measure.kinds, f"{where} kind")
    if said.get("column"):
        _word(said["column"], [f.column for f in measure.figures], f"{where} column")
    for key in ("pins", "caps"):
        if said.get(key):
            raise SettingsError(
                f"{where} {key} are of what single reps sell, and the {name} is nothing that is "
                "shared out among them. Say the goal as won amount to have both."
            )


def _aim(said: Mapping[str, Any], measure: Metric | None, where: str) -> None:
    """Check the target or the lift; which way is better is known of measures."""
    target, lift = said.get("target"), said.get("lift")
    if measure is None or measure.better == metrics.MORE:
        _number(target, f"{where} target", above=0)
    else:
        _number(target, f"{where} target", least=0)
    _number(lift, f"{where} lift", above=-1)
    if lift and lift >= TENFOLD:
        raise SettingsError(
            f"{where} lift = {lift!r} is {100 * lift:,.0f} % more. For {lift:g} % more say lift = "
            f"{lift / 100:g}, for so much more a target."
        )
    if measure is None:
        return
    if measure.figure(said.get("column", "")).written == metrics.SHARE and (target or 0) > 1:
        raise SettingsError(f"{where} target = {target!r}: {said['metric']} is a share, at most 1.")
    if lift and (lift > 0) != (measure.better == metrics.MORE):
        raise SettingsError(
            f"{where} lift = {lift!r} would {'raise' if lift > 0 else 'lower'} the "
            f"{said['metric']}, and {measure.better} of it is better: lift = {-lift!r}."
        )


def _day(said: object, where: str) -> str | dt.date:
    """Read the day of the goal; a period stays a name until the calendar is known."""
    if isinstance(said, dt.datetime):
        return said.date()
    if isinstance(said, dt.date):
        return said
    if not isinstance(said, (str, int)) or isinstance(said, bool):
        raise SettingsError(f"{where} by = {said!r} is no day such as 2026-12-31.")
    text = str(said)
    for read in (Calendar().period, lambda text: moment(text).date()):
        try:
            read(text)
        except (EnablementError, NotImplementedError):  # the year -1 is none that Python has
            continue
        return text
    if YEAR.fullmatch(text):  # one that no calendar has: the goal says which there are
        return dt.date(int(text), 12, 31)
    raise SettingsError(f"{where} by = {said!r} is neither a day such as 2026-12-31 nor a period.")


def _constraints(said: object, where: str) -> Constraints:
    table = _table(said, where)
    _check_keys(table, [field.name for field in dataclasses.fields(Constraints)], where)
    headcount = table.get("headcount", "open")
    if isinstance(headcount, str):
        _word(headcount, HEADCOUNT, f"{where}.headcount")
    else:
        _whole(headcount, f"{where}.headcount")
    if not isinstance(table.get("new_tools", True), bool):
        raise SettingsError(f"{where}.new_tools = {table['new_tools']!r} is not true or false.")
    caps = _table(table.get("caps", {}), f"{where}.caps")
    _check_keys(caps, LEVERS, f"{where}.caps")
    for lever, value in caps.items():
        _number(value, f"{where}.caps.{lever}", least=0)
    return Constraints(**{**table, "caps": dict(caps)})


def _stated(said: object, where: str) -> Stated:
    table = _table(said, where)
    names = [field.name for field in dataclasses.fields(Stated)]
    _check_keys(table, [*names, "win_rate"], where)
    if "reps" in table:
        _whole(table["reps"], f"{where}.reps")
    for key in ("expected", "volume", "deal_size", "cycle_days"):
        _number(table.get(key), f"{where}.{key}", above=0)
    rates = _shares(_table(table.get("rates", {}), f"{where}.rates"), f"{where}.rates")
    if "win_rate" in table:
        if rates:
            raise SettingsError(f"{where} has both rates and a win_rate; one is enough.")
        rates = _shares({ALONE: table["win_rate"]}, f"{where}.win_rate of")
    return Stated(**{**{k: v for k, v in table.items() if k != "win_rate"}, "rates": rates})


MOST = 10**15  # of anything: above it a number of Python and of Excel is no longer exact
MOST_REPS = 100_000
LEAST_SHARE = 1e-6
ALONE = "Opportunity"  # the one stage there is, where only a win rate is known


def _reward(said: Mapping[str, Any], where: str) -> Reward:
    _check_keys(said, [field.name for field in dataclasses.fields(Reward)], where)
    for key in ("threshold", "pool"):
        if key not in said:
            raise SettingsError(f"{where} must say its {key}.")
        _number(said[key], f"{where} {key}", above=0)
    _word(said.get("rule", RULES[0]), RULES, f"{where} rule")
    gates = _table(said.get("gates", {}), f"{where} gates")
    _check_keys(gates, GATES, f"{where} gates")
    for metric, value in gates.items():
        _number(value, f"{where} gates.{metric}")
    return Reward(**{**said, "gates": dict(gates)})


def _check_keys(said: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in said:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}. {choices(key, list(known))}")


def _table(said: object, where: str) -> dict[str, Any]:
    if not isinstance(said, Mapping):
        raise SettingsError(f"{where} = {said!r} is not a table.")
    return dict(said)


def _word(said: object, known: Sequence[str], where: str) -> None:
    if said not in known:
        raise SettingsError(f"{where} = {said!r}. {choices(said, list(known))}")


def _number(
    said: object, where: str, *, above: float = -math.inf, least: float = -math.inf
) -> None:
    """Refuse what is not a number, or too low; None is not said at all."""
    if said is None:
        return
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not math.isfinite(said):
        raise SettingsError(f"{where} = {said!r} is not a number.")
    if said > MOST:
        raise SettingsError(f"{where} = {said:.3g} must be at most {MOST:,}.")
    if said <= above:
        raise SettingsError(f"{where} = {said!r} must be above {above:g}.")
    if said < least:
        raise SettingsError(f"{where} = {said!r} must be at least {least:g}.")


def _whole(said: object, where: str) -> None:
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise SettingsError(f"{where} = {said!r} is no whole number of reps.")
    if said > MOST_REPS:
        raise SettingsError(f"{where} = {said:,} must be at most {MOST_REPS:,} reps.")


def _shares(said: Mapping[str, Any], where: str) -> dict[str, float]:
    """Read rates of stages, each above 0, by something that can happen, and at most 1."""
    for stage, value in said.items():
        _number(value, f"{where} {stage}", above=0)
        _number(value, f"{where} {stage}", least=LEAST_SHARE)
        if value > 1:
            raise SettingsError(f"{where} {stage} = {value!r} is a share, so at most 1.")
    return {stage: float(value) for stage, value in said.items()}


def together(months: Sequence[Period], calendar: Calendar) -> Period:
    """Put twelve months in a row into one period, by its year's name, or by those of its quarters.

    Where they are neither a year nor whole quarters it has the name of its days.
    """
    year, _, month = months[0].name.partition("M")
    if month == "01":
        return calendar.period(year)
    first, last = calendar.quarter(months[0].start), calendar.quarter(months[-1].end)
    days = calendar.period((months[0].start, months[-1].end))
    if (first.start, last.end) != (days.start, days.end):
        return days
    return dataclasses.replace(days, name=f"{first.name} to {last.name}")
