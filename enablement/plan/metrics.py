"""Metrics: the measures of the package that a goal or a gate may be stated in, in one list."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from enablement.errors import CannotSayError, SettingsError, choices
from enablement.measure import (
    activity,
    ageing,
    closedates,
    conformance,
    discounts,
    estimates,
    funnel,
    pipeline,
    ramp,
    stages,
    turnover,
    velocity,
    wallet,
    winloss,
)
from enablement.periods import Period, moment
from enablement.read.crm import CRM

MORE, LESS = "more", "less"  # which of it is better
# How a figure is written: shares are at most 1, ratios and times are not.
SHARE, RATIO, TIMES, NUMBER, DAYS = "share", "ratio", "times", "number", "days"
MONEY, A_DAY = "money", "money a day"
PERCENTAGES = (SHARE, RATIO)
QUARTER = 3  # months


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a CRM.

    period : the days that are counted
    as_of : the last moment whose events may be seen
    kind : the kind that a plan names; "" where it names none
    """

    period: Period
    as_of: object
    kind: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """One column of a measure's table, as a goal may be stated in it.

    column : its name
    written : what it is: a share, a ratio, times, a number, days, money or money a day
    counts : the columns whose sum it rests on; none where the measure says no such number
    of : what those count, in words
    interval : the columns of its ends; None where the measure has none
    adds_up : whether it is the sum of what reps bring month by month
    noun : what it is called in a sentence; "" for the name of its measure
    """

    column: str
    written: str
    counts: tuple[str, ...] = ()
    of: str = ""
    interval: tuple[str, str] | None = None
    adds_up: bool = False
    noun: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Metric:
    """A measure that has one figure for the company, and how it is asked.

    name : as `enablement` has it, with blanks
    ask : gives the measure's table
    figures : what of the table may be meant; the first one where nothing is said
    better : whether ``more`` or ``less`` of it is better
    row : the column whose value says which row is meant; "" where there is one
    kinds : the kinds that there are, where the package itself knows them
    kind_needed : whether a plan must name one
    when : how the days are meant that it is of: ``in`` them, or ``on`` or ``until`` their last
    """

    name: str
    ask: Callable[[CRM, Question], pd.DataFrame]
    figures: tuple[Figure, ...]
    better: str = MORE
    row: str = ""
    kinds: tuple[str, ...] = ()
    kind_needed: bool = False
    when: str = "in"

    def dated(self, period: Period) -> str:
        """Say of which days it is."""
        return f"in {period}" if self.when == "in" else f"{self.when} {period.end}"

    @property
    def of_stage(self) -> bool:
        """Whether it is that of a stage, which a plan must name."""
        return self.row == "stage"

    @property
    def has_kinds(self) -> bool:
        """Whether a plan may name a kind of it."""
        return bool(self.kinds) or self.kind_needed

    def figure(self, column: str) -> Figure:
        """Find the figure of a column; the usual one where none is named."""
        return next((f for f in self.figures if f.column == column), self.figures[0])


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What a metric is.

    value : missing where there is nothing to tell it from
    count : what it rests on; missing where the measure says no such number
    low, high : its interval; missing where it has none
    definition : the measure's own line
    row : what stands in the column that says which row is meant; "" where there is one
    """

    value: float
    count: float
    low: float
    high: float
    definition: str
    row: str = ""


def read(crm: CRM, metric: Metric, question: Question, *, stage: str, column: str) -> Reading:
    """Ask a CRM what a metric is.

    Parameters
    ----------
    stage : which stage is meant; "" where the metric has none
    column : which figure is meant; "" for the usual one

    Raises
    ------
    SettingsError
        If the stage or the kind is not known.
    CannotSayError
        If the data do not carry it.
    """
    found, figure = metric.ask(crm, question), metric.figure(column)
    row = _row(found, metric, stage or question.kind)
    value = _number(row[figure.column])
    if np.isnan(value) and stage in found.attrs.get("cannot_say", {}):
        raise CannotSayError(found.attrs["cannot_say"][stage])
    count = float(row[list(figure.counts)].sum()) if figure.counts else np.nan
    low, high = (np.nan if end is None else _number(row[end]) for end in figure.interval or NONE)
    meant = str(row[metric.row]) if metric.row else ""
    return Reading(value, count, low, high, found.attrs["definition"], meant)


def _number(value: object) -> float:
    """Give a cell as a number; one that is missing as NaN."""
    return np.nan if pd.isna(value) else float(value)  # type: ignore[arg-type]


def _row(found: pd.DataFrame, metric: Metric, wanted: str) -> pd.Series:
    """Find the row that is meant."""
    if metric.row and wanted:
        known = list(dict.fromkeys(found[metric.row].dropna().astype(str)))
        if wanted not in known:
            what = "stage" if metric.of_stage else "kind"
            raise SettingsError(
                f"[goal] {what} = {wanted!r} has no {metric.name}. {choices(wanted, known)}"
            )
        found = found[found[metric.row].astype(str).eq(wanted)]
    if len(found) > 1 and "pipeline" in found:
        raise CannotSayError(
            f"{wanted} is a stage of several pipelines, and a goal is of one. Load the "
            "opportunities of one of them."
        )
    if found.empty:
        raise CannotSayError(f"Nothing says what the {metric.name} is.")
    return found.iloc[0]


def _plain(
    measure: Callable[..., pd.DataFrame], **said: str
) -> Callable[[CRM, Question], pd.DataFrame]:
    """Ask a measure that takes the day and the period as they are."""
    return lambda crm, asked: measure(crm, as_of=asked.as_of, period=asked.period, **said)


def _pipeline_coverage(crm: CRM, question: Question) -> pd.DataFrame:
    """Ask for the quarter that follows, as it stands on the last day."""
    day = moment(question.as_of)
    ahead = crm.settings.calendar.after(question.period)
    return pipeline.pipeline_coverage(crm, as_of=day, period=ahead)


def _share_of_wallet(crm: CRM, question: Question) -> pd.DataFrame:
    """Ask for the year that ends with what may be seen of the period, of all accounts.

    Of customers alone it would fall with every prospect that is won.
    """
    until = min(moment(question.as_of), moment(question.period.end))
    return wallet.share_of_wallet(crm, as_of=until, accounts="all")


def _slip_rate(crm: CRM, question: Question) -> pd.DataFrame:
    """Add up the quarters: of a whole year only what was due long ahead would count."""
    calendar = crm.settings.calendar
    inside = question.period
    months = [m for m in calendar.every("month") if inside.start <= m.start and m.end <= inside.end]
    if not months:
        return closedates.slip_rate(crm, as_of=question.as_of, period=inside)
    parts = [
        closedates.slip_rate(
            crm, as_of=question.as_of, period=(first.start, months[at + QUARTER - 1].end)
        )
        for at, first in enumerate(months)
        if at % QUARTER == 0 and at + QUARTER <= len(months)
    ]
    due, won = (float(sum(part[name].iloc[0] for part in parts)) for name in ("due", "won"))
    low, high = estimates.jeffreys([due - won], [due])
    table = pd.DataFrame({"due": [due], "rate": [(due - won) / due if due > 0 else np.nan]})
    table = table.assign(low=low, high=high)
    table.attrs = {
        **parts[-1].attrs,
        "definition": f"not won in its quarter / open at its start and due in it, the "
        f"{len(parts)} quarters of {question.period} together",
    }
    return table


def _stale(crm: CRM, question: Question) -> pd.DataFrame:
    """Give the share of the open ones that are stale, of those of which it is known."""
    listed = ageing.stale(crm, as_of=question.as_of)
    known, many = float(listed["stale"].notna().sum()), float(listed["stale"].sum())
    low, high = estimates.jeffreys([many], [known])
    table = pd.DataFrame({"rate": [many / known if known else np.nan], "known": [known]})
    table = table.assign(low=low, high=high)
    table.attrs = listed.attrs
    return table


def _ramp(crm: CRM, question: Question) -> pd.DataFrame:
    """Ask of all who were hired until then: of a year's alone few would be there yet."""
    to = question.kind or RAMPS[0]
    return ramp.ramp(crm, as_of=question.as_of, to=to).assign(to=to)


def _process_conformance(crm: CRM, question: Question) -> pd.DataFrame:
    """Give the shares that keep to the process, the way in which most leave it first."""
    table = conformance.process_conformance(crm, as_of=question.as_of, period=question.period)
    kept = table.assign(
        kept=1 - table["rate"].astype(float), kept_low=1 - table["high"], kept_high=1 - table["low"]
    ).sort_values("kept", kind="stable")
    kept.attrs = {**table.attrs, "definition": f"1 - {table.attrs['definition']}"}
    return kept


RAMPS = ("first won", "productive", "quota")
INTERVAL, NONE = ("low", "high"), (None, None)
EVERY = (
    Metric(
        "win rate",
        _plain(winloss.win_rate),
        (Figure("rate", SHARE, ("won", "lost"), "won or lost", interval=INTERVAL),),
    ),
    Metric(
        "conversion",
        # Of those decided, which is what the plan's funnel counts.
        _plain(funnel.conversion, definition="decided"),
        (
            Figure("rate", SHARE, ("entered",), "decided", interval=INTERVAL),
            Figure("to_won", SHARE, ("entered",), "decided", noun="conversion to won"),
        ),
        row="stage",
    ),
    Metric(
        "quota attainment",
        _plain(pipeline.quota_attainment),
        (Figure("attainment", RATIO, ("reps",), "reps with a quota"),),
    ),
    Metric(
        "share at quota",
        _plain(pipeline.quota_attainment),
        (Figure("share_at_quota", SHARE, ("reps",), "reps with a quota", interval=INTERVAL),),
    ),
    Metric(
        "sales velocity",
        _plain(velocity.sales_velocity),
        (Figure("velocity", A_DAY, ("won",), "won", interval=INTERVAL),),
    ),
    Metric(
        "pipeline created",
        _plain(pipeline.pipeline_created),
        (
            Figure("amount", MONEY, ("created",), "created", adds_up=True),
            Figure("created", NUMBER, adds_up=True, noun="number of opportunities created"),
        ),
    ),
    Metric(
        "pipeline coverage",
        _pipeline_coverage,
        (Figure("coverage", TIMES, ("open",), "open and due"),),
        when="on",
    ),
    Metric(
        "share of wallet",
        _share_of_wallet,
        (Figure("rate", SHARE, ("accounts",), "accounts"),),
    ),
    Metric(
        "activity",
        _plain(activity.activity),
        (
            Figure("counted", NUMBER, adds_up=True),
            Figure("per_day", TIMES, ("counted",), "held", noun="activity per working day"),
            Figure(
                "rate",
                SHARE,
                ("booked",),
                "booked",
                interval=INTERVAL,
                noun="share held of activity",
            ),
            Figure(
                "per_opportunity",
                TIMES,
                ("opportunities",),
                "opportunities",
                noun="activity per opportunity",
            ),
        ),
        row="activity_type",
        kind_needed=True,
    ),
    Metric(
        "process conformance",
        _process_conformance,
        (
            Figure(
                "kept",
                SHARE,
                ("out_of",),
                "that could leave it",
                interval=("kept_low", "kept_high"),
            ),
        ),
        row="deviation",
        kinds=tuple(conformance.OUT_OF),
    ),
    Metric(
        "sales cycle",
        _plain(winloss.sales_cycle),
        (
            Figure("median", DAYS, ("won",), "won", interval=INTERVAL),
            Figure("mean", DAYS, ("won",), "won", noun="mean sales cycle"),
            Figure("p90", DAYS, ("won",), "won", noun="sales cycle of nine in ten"),
        ),
        LESS,
    ),
    Metric(
        "time in stage",
        _plain(stages.time_in_stage),
        (
            Figure("median", DAYS, ("entered",), "stays", interval=INTERVAL),
            Figure("p75", DAYS, ("entered",), "stays", noun="time of three in four in stage"),
            Figure("p90", DAYS, ("entered",), "stays", noun="time of nine in ten in stage"),
        ),
        LESS,
        row="stage",
    ),
    Metric(
        "discount rate",
        _plain(discounts.discount_rate),
        (
            Figure("rate", SHARE, ("won",), "won"),
            Figure("mean", SHARE, ("won",), "won", interval=INTERVAL, noun="mean discount rate"),
        ),
        LESS,
    ),
    Metric(
        "slip rate",
        _slip_rate,
        (Figure("rate", SHARE, ("due",), "due", interval=INTERVAL),),
        LESS,
    ),
    Metric(
        "push count",
        _plain(closedates.push_count),
        (
            Figure(
                "rate",
                SHARE,
                ("opportunities",),
                "begun",
                interval=INTERVAL,
                noun="share of pushed ones",
            ),
            Figure(
                "per_opportunity",
                TIMES,
                ("opportunities",),
                "begun",
                noun="pushes per opportunity",
            ),
        ),
        LESS,
    ),
    Metric(
        "stale",
        _stale,
        (Figure("rate", SHARE, ("known",), "open", interval=INTERVAL, noun="share of stale ones"),),
        LESS,
        when="on",
    ),
    Metric(
        "turnover",
        _plain(turnover.turnover),
        (Figure("rate", RATIO, ("headcount",), "reps on average", interval=INTERVAL),),
        LESS,
    ),
    Metric(
        "ramp",
        _ramp,
        (
            Figure("median", DAYS, ("reps",), "reps", interval=INTERVAL),
            Figure("p75", DAYS, ("reps",), "reps", noun="ramp of three in four"),
        ),
        LESS,
        row="to",
        kinds=RAMPS,
        when="until",
    ),
)
METRICS = {metric.name: metric for metric in EVERY}
# Measures that are no one figure of a company, and what is meant instead.
LISTS = {
    "compare definitions": "conversion",
    "cohort curves": "conversion",
    "compare reps": "win rate",
    "compare reps by stage": "conversion",
    "stage visits": "time in stage",
    "pushes": "push count",
    "ramp curve": "ramp",
    "pipeline changes": "pipeline created",
}


def name_of(said: object) -> object:
    """Give the name that is meant by one with underscores, as functions have it."""
    return said.replace("_", " ") if isinstance(said, str) else said


def written(value: float, how: str, currency: str = "") -> str:
    """Write a figure in a sentence."""
    if np.isnan(value):
        return "not known"
    if how in PERCENTAGES:
        return f"{100 * value:.1f} %"
    if how == DAYS:
        return f"{value:,.0f} days"
    if how == TIMES:
        return f"{value:,.3g}"
    sign = f" {currency}" if currency and how in (MONEY, A_DAY) else ""
    return f"{value:,.0f}{sign}" + (" a day" if how == A_DAY else "")
