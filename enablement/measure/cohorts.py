"""Cohorts: what share of those begun together was won and lost by each day since."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import EnablementError, choices
from enablement.measure import counting, definitions, estimates
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import engine
from enablement.read.crm import CRM

OUTCOMES = ("won", "lost", "cancelled")
FOLLOWED = 0.50  # of the undecided that must still be followed, or a curve ends
MOST = 0.90  # of the opportunities: their cohorts must be followed to the day that is compared
NAMED = 3  # cohorts in a sentence, at most
EVERY = 7  # days from row to row
Side = Literal["left", "right"]
ROUNDING = 1e-9  # what sums of shares leave behind
COLUMNS = [
    *("cohort", "day", "at_risk", "won", "won_low", "won_high", "lost", "lost_low", "lost_high"),
    *("cancelled", "open", "followed"),
]
CURVES = (
    "estimated share won, lost and cancelled so many days after {start}, by Aalen-Johansen: the "
    "outcomes compete, open ones are undecided and not failed, a loss that was reopened is no "
    "outcome; a curve ends when fewer than half of its undecided are followed so long"
)
CREDITS = ("at_entry", "final", "first")


@dataclasses.dataclass(frozen=True, slots=True)
class Curves:
    """The curves of all cohorts, one behind the other.

    found : shares of the outcomes at each day on which something happened
    size : how many each cohort has
    end : the last day of each curve
    until : the last day on which it is known: `end`, or ever where nobody is left
    followed : at each day of `found`, the share of the undecided who were followed so long
    """

    found: estimates.Incidence
    size: NDArray[np.int64]
    end: NDArray[np.float64]
    until: NDArray[np.float64]
    followed: NDArray[np.float64]


@checked
def cohort_curves(
    crm: CRM,
    *,
    as_of: object,
    by: str | None = "period",
    stage: str | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    every: int = EVERY,
    credit: str = "at_entry",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Share won and lost of each cohort, by the days since its opportunities began.

    Those still open are followed until `as_of` and are undecided, not failed. Cohorts are
    not equally old, so their curves end on different days: each on the last day to which at
    least half of its undecided opportunities were followed. As long as all of them were
    (``followed`` is 1), a share is a plain count; from there on it is an estimate. One that
    has nobody left goes on, level, as long as the longest.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    by : what a cohort is: ``period``, those that began in the same fiscal quarter; ``rep``, a
        column of the reps, the opportunities or their accounts; None for all together
    stage : the stage whose first actual entry begins the count; None for the creation, or
        where the export has no such date the first entry of any stage
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    period : those that began in it alone, such as ``2026Q3``; None for all
    every : days from row to row
    credit : whose an opportunity is: ``at_entry`` (who owned it when it began), ``final`` (who
        owned it at its close) or ``first`` (who owned it first)
    confidence : coverage of the intervals, between 0 and 1
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        Rows of each cohort for day 0, every so many days, the day that is compared and the
        last one::

            cohort      text   a period such as 2026Q3, a rep_id, a value of `by`, or all
            day         int    since the start
            at_risk     int    undecided and followed until just before that day; on day 0
                               everybody counted
            won         float  share won up to and on that day, 0 to 1; missing for a cohort
                               of none
            won_low, won_high
                        float  interval on the complementary log-log scale; missing where the
                               share is 0 or 1
            lost, lost_low, lost_high
                        float  likewise
            cancelled   float  likewise
            open        float  what is left: 1 - won - lost - cancelled
            followed    float  of those undecided, the share that was followed so long

        ``attrs`` has ``day`` (the last one to which the cohorts with nine in ten of the
        opportunities reach; None where there is none), ``verdict`` (whether the share won by
        that day differs by more than chance), ``maturity`` (which cohorts do not reach it and
        are not compared), ``undated`` (opportunities left out, as start or outcome has no
        date) and ``cannot_say`` (a sentence where none is left).

    Raises
    ------
    EnablementError
        If a name is unknown.
    CannotSayError
        If `as_of` lies before the export and it has no history of stages.

    See Also
    --------
    enablement.charts.cohort_curves : draws this table.
    conversion : with ``definition="estimate"`` the same from stage to stage, on one day.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5:141-150.
    """
    groups = _checked(crm, by, where, stage, every)
    definitions.check_word("credit", credit, CREDITS)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    definitions.check_past(crm, until, "Cohort curves")
    said = {"credit": credit, "cohort": "entered", **definitions.span(span)}
    counted = _lifetimes(crm, groups, until, renewals, said, stage)
    dated = counted[counted["dated"]]
    cohorts = definitions.everybody(crm, dated, groups)
    curves = _curves(_placed(dated, cohorts, groups), len(cohorts))
    day = _common_day(curves)
    names = cohorts[groups.columns[0]] if groups.columns else pd.Series(["all"])
    table = _rows(curves, _days(curves, day, every), names, confidence)
    start = f"the first entry of {stage}" if stage else _start(crm)
    labels = definitions.labels(crm, groups)
    undated = int(counted.loc[~counted["dated"], "weight"].sum())
    return definitions.describe(
        table,
        definition=CURVES.format(start=start)
        + (f"; begun in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        start=start,
        day=day,
        verdict=_verdict(curves, day, names),
        maturity=_maturity(curves, day, [labels.get(str(name), str(name)) for name in names]),
        cannot_say=_cannot_say(dated, undated, start),
        undated=undated,
        confidence=confidence,
        by=groups.columns[0] if groups.columns else None,
        groups=("cohort",) if groups.columns else (),
        labels=labels,
        credit=definitions.credit(crm, definitions.CREDIT_WORDS[credit]),
        period=str(span) if span else None,
    )


def _checked(
    crm: CRM, by: str | None, where: Mapping[str, str] | None, stage: str | None, every: int
) -> Split:
    """Read what a cohort is, and refuse what is none."""
    if by is not None and not isinstance(by, str):
        raise EnablementError(f"by={by!r} is not the name of one column; a cohort is of one kind.")
    if stage is not None and stage not in crm.settings.stages:
        known = choices(stage, list(crm.settings.stages))
        raise EnablementError(f"No stage is called {stage!r}. {known}")
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise EnablementError(f"every={every!r} is no number of days, such as every=7.")
    return definitions.split(crm, by, where, cohorts=True)


def _start(crm: CRM) -> str:
    """Name what begins the count where no stage is chosen."""
    created = crm.has("opportunities", "created_at")
    return "creation" if created else "the first entry of any stage"


def _lifetimes(
    crm: CRM,
    groups: Split,
    until: pd.Timestamp,
    renewals: str,
    said: dict[str, object],
    stage: str | None,
) -> pd.DataFrame:
    """Count the opportunities of each cohort by their days and what became of them."""
    only = f"and p.stage = {engine.literal(stage)} " if stage else ""
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("endings", "estimate" if stage else "lifetimes"),
            until=until,
            renewals=renewals,
            said=said,
            select=f"""
            select {groups.select()} p.counts as dated, p.ending_days as days, p.ending as event,
                   count(*) as weight
        """,
            group=f"{only}group by all",
        ),
    )


def _placed(dated: pd.DataFrame, cohorts: pd.DataFrame, groups: Split) -> pd.DataFrame:
    """Give each count the row of its cohort."""
    cells = cohorts.assign(cell=range(len(cohorts)))
    if groups.columns:
        return dated.merge(cells, on=list(groups.columns))
    return dated.merge(cells, how="cross")


def _curves(followed: pd.DataFrame, cohorts: int) -> Curves:
    """Work out the curve of each cohort and where it ends."""
    found = estimates.aalen_johansen(
        followed["days"],
        followed["event"],
        followed["cell"],
        outcomes=len(OUTCOMES),
        weight=followed["weight"],
    )
    size = np.bincount(followed["cell"], weights=followed["weight"], minlength=cohorts)
    first = np.append(True, found.group[1:] != found.group[:-1])[: len(found.group)]
    before = np.where(first, 1.0, 1 - np.append(0.0, found.share.sum(axis=0))[: len(first)])
    still = np.minimum(1.0, found.at_risk / (size[found.group] * np.maximum(before, ROUNDING)))
    still = np.where(still > 1 - ROUNDING, 1.0, still)
    end = np.full(cohorts, np.nan)
    thick = still >= FOLLOWED
    np.fmax.at(end, found.group[thick], found.time[thick])
    last = np.append(first[1:], True)[: len(first)]
    settled = last & thick & (found.at_risk == found.events.sum(axis=0))
    until = end.copy()
    until[found.group[settled]] = np.inf
    return Curves(found, size.astype(np.int64), end, until, still)


def _common_day(curves: Curves) -> int | None:
    """Find the last day to which the cohorts with most of the opportunities reach."""
    some = np.flatnonzero(curves.size > 0)
    if not len(some):
        return None
    longest = some[np.argsort(-curves.until[some], kind="stable")]
    counted = np.cumsum(curves.size[longest])
    first = int(np.argmax(counted >= MOST * counted[-1]))
    day = curves.until[longest[first]]
    return int(day if np.isfinite(day) else np.nanmax(curves.end))


def _days(curves: Curves, day: int | None, every: int) -> pd.DataFrame:
    """List the cohorts and days that have a row."""
    longest = np.nanmax(curves.end, initial=0.0)
    last = np.where(np.isinf(curves.until), longest, np.nan_to_num(curves.end)).astype(np.int64)
    steps = last // every + 1
    cell = np.repeat(np.arange(len(last)), steps)
    grid = (np.arange(len(cell)) - np.repeat(np.cumsum(steps) - steps, steps)) * every
    reached = np.flatnonzero(curves.until >= (np.inf if day is None else day))
    rows = pd.DataFrame(
        {
            "cell": np.concatenate([cell, np.arange(len(last)), reached]),
            "day": np.concatenate([grid, last, np.full(len(reached), day or 0)]),
        }
    )
    return rows.drop_duplicates().sort_values(["cell", "day"], ignore_index=True)


def _rows(curves: Curves, days: pd.DataFrame, names: pd.Series, confidence: float) -> pd.DataFrame:
    """Read the curves on those days."""
    cell, day = days["cell"].to_numpy(), days["day"].to_numpy()
    none = curves.size[cell] == 0
    share, error = _read(curves, cell, day)
    share[:, none] = np.nan
    table = _left(curves, cell, day).assign(cohort=names.to_numpy()[cell], day=day)
    for k, name in enumerate(OUTCOMES):
        low, high = estimates.incidence_interval(share[k], error[k], confidence=confidence)
        table = table.assign(**{name: share[k], f"{name}_low": low, f"{name}_high": high})
    rest = 1 - share.sum(axis=0)
    table["open"] = np.where(np.abs(rest) < ROUNDING, 0.0, rest)
    table["followed"] = table["followed"].mask(none)
    return table[COLUMNS]


def _read(
    curves: Curves, cell: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read shares and standard errors of cohorts on days; both are 0 before the first outcome."""
    found = curves.found
    at = _position(found, cell, day, side="right") - 1
    at = np.where(np.append(found.group, -1)[at] == cell, at, -1)
    nothing = np.zeros((len(OUTCOMES), 1))
    return np.hstack([found.share, nothing])[:, at], np.hstack([found.error, nothing])[:, at]


def _left(curves: Curves, cell: NDArray[np.int64], day: NDArray[np.int64]) -> pd.DataFrame:
    """Count who is undecided just before a day, and what share of them was followed so long."""
    found = curves.found
    at = _position(found, cell, day, side="left")
    here = np.append(found.group, -1)[at] == cell
    counts = np.append(found.at_risk, 0)[np.where(here, at, -1)].astype(np.int64)
    before = np.append(curves.followed, np.nan)[np.where(here, at, at - 1)]  # level behind the last
    return pd.DataFrame({"at_risk": counts, "followed": before})


def _position(
    found: estimates.Incidence, cell: NDArray[np.int64], day: NDArray[np.int64], *, side: Side
) -> NDArray[np.int64]:
    """Find where a day of a cohort would stand among the days on which something happened."""
    room = 2 + max(found.time.max(initial=0), day.max(initial=0))
    return np.searchsorted(found.group * room + found.time, cell * room + day, side=side)


def _verdict(curves: Curves, day: int | None, names: pd.Series) -> str:
    """Say whether the share won by the common day differs between the cohorts that reach it."""
    if day is None or len(names) < 2:
        return ""
    cells = np.flatnonzero((curves.until >= day) & (curves.size > 0) & names.notna().to_numpy())
    share, error = _read(curves, cells, np.full(len(cells), day))
    test = estimates.same_incidence(share[0], error[0])
    if test is None:
        return ""
    low, high = counting.percent(share[0].min()), counting.percent(share[0].max())
    how = f"Cochran's Q, p {definitions.p_value(test.p)}"
    if test.p < estimates.ALPHA:
        return (
            f"The {test.groups} cohorts differ by more than chance in what was won by day {day}, "
            f"from {low} to {high} ({how})."
        )
    return (
        f"Between the {test.groups} cohorts no difference can be detected in what was won by day "
        f"{day}, {low} to {high} ({how})."
    )


def _maturity(curves: Curves, day: int | None, names: list[str]) -> str:
    """Say which cohorts are too young to be compared."""
    if day is None:
        return ""
    young = np.flatnonzero((curves.until < day) & (curves.size > 0))
    if not len(young):
        return ""
    if len(young) > NAMED:
        return f"{len(young)} cohorts were not followed so long and are not compared."
    said = [f"{names[cell]} (to day {curves.end[cell]:.0f})" for cell in young]
    return f"Not followed so long, so not compared: {', '.join(said)}."


def _cannot_say(dated: pd.DataFrame, undated: int, start: str) -> str:
    """Say why there is no curve at all."""
    if len(dated):
        return ""
    if undated:
        return f"of none of the {undated:,} opportunities both {start} and outcome have a date"
    return "there are no opportunities to follow"
