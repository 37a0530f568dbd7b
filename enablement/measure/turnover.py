"""Turnover: how many of the reps leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import CannotSayError, EnablementError
from enablement.measure import definitions, estimates
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read.crm import CRM

HEADCOUNTS = {
    "daily": "mean headcount of every day",
    "ends": "mean of the headcounts on the first and on the last day",
}
PER = {"period": "in the period", "year": "a year, at the pace of the period"}
PEOPLE = ("sellers", "everybody")
YEAR = 365.25  # days
TURNOVER = "who left in {span} / {headcount}; {per}; {people}"
COUNTS = ["joiners", "leavers", "without_hire_date"]
COLUMNS = ["headcount", "joiners", "leavers", "rate", "low", "high", "without_hire_date"]


@checked
def turnover(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period | tuple[object, object],
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    headcount: str = "daily",
    per: str = "year",
    people: str = "sellers",
    confidence: float = estimates.CONFIDENCE,
) -> pd.DataFrame:
    """Reps who left, of those who were there on average.

    Parameters
    ----------
    crm, as_of, where, confidence : as for `win_rate`
    period : such as ``2026Q3``; one that is not over is counted until `as_of`
    by : None, or a column of the reps such as ``team``, ``region`` or ``role``, as they are
        now: earlier teams of a rep are not shown
    headcount : ``daily`` (days of all of them / days of the period) or ``ends`` (the mean of
        its first and last day, which misses who came and left in between)
    per : ``year`` (the rate of the period carried on for a year of 365.25 days) or ``period``
    people : ``sellers`` or ``everybody``, those who only manage others too

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)    text   the columns of `by`
            headcount  float  on average in the period
            joiners    int    hired in the period
            leavers    int    whose last day lies in the period
            rate       float  leavers / headcount; a year where asked; can exceed 1
            low, high  float  exact Poisson interval of `rate`
            without_hire_date
                       int    not in the figures: nobody knows since when they are there

    Raises
    ------
    CannotSayError
        If nobody has a hire date, or nobody a last day: that may be because nobody left, or
        because it is not recorded.

    Notes
    -----
    Leavers over average headcount is the usual rate of human resources (ISO 30414). Poisson
    and not Jeffreys: leaving is counted over time of persons, who come and go, so that there
    is no fixed number of trials, and one seat can be left twice in a year.
    """
    definitions.check_word("headcount", headcount, tuple(HEADCOUNTS))
    definitions.check_word("per", per, tuple(PER))
    definitions.check_word("people", people, PEOPLE)
    until, span = moment(as_of), crm.period(period)
    groups = definitions.split(crm, by, where)
    _check(crm, groups)
    last = min(span.end, until.date())
    if last < span.start:
        raise CannotSayError(
            f"Turnover of {span} cannot be said as of {until:%Y-%m-%d}: it begins on {span.start}.",
            lacks="the period has not begun",
        )
    seen = Period(span.name, span.start, last)
    counted = _counted(crm, groups, seen, people)
    table = _rated(counted, seen, headcount, per)
    exposure = table["headcount"] * table["carried"]
    low, high = estimates.poisson_interval(table["leavers"], exposure, confidence=confidence)
    return definitions.describe(
        table.assign(low=low, high=high)[[*groups.columns, *COLUMNS]],
        definition=TURNOVER.format(
            span=span, headcount=HEADCOUNTS[headcount], per=PER[per], people=people
        )
        + ("" if last == span.end else f"; until {last}")
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        period=str(span),
        per=per,
    )


def _check(crm: CRM, groups: Split) -> None:
    """Refuse what the export does not carry, or what is no column of the reps."""
    sources = {*groups.sources, *(source for source, _, _ in groups.only)}
    if not sources <= {"r"} or "rep_id" in groups.columns:
        raise EnablementError(
            "Turnover is of groups of reps: split and limit it by team, region, role or manager_id."
        )
    for column, what in (("hired_on", "a hire date"), ("left_on", "a last day")):
        if crm.reps[column].isna().all():
            raise CannotSayError(
                f"Turnover cannot be said: no rep has {what}. Add {column} to the reps, and name "
                "its column under [columns.reps].",
                lacks=f"no rep with {what}",
            )


def _counted(crm: CRM, groups: Split, span: Period, people: str) -> pd.DataFrame:
    """Count days, comers and leavers of each group."""
    sql = f"""
        with people as (
            select *, hired_on::date as hired, left_on::date as gone,
                   greatest(hired, $first::date) as since,
                   least(coalesce(gone, $last::date), $last::date) as until
            from reps
        )
        select {groups.select()}
               sum(greatest(0, r.until - r.since + 1)) filter (r.hired is not null) as days,
               count(*) filter (r.hired <= $first::date
                                and coalesce(r.gone >= $first::date, true)) as at_first,
               count(*) filter (r.hired <= $last::date
                                and coalesce(r.gone >= $last::date, true)) as at_last,
               count(*) filter (r.hired between $first::date and $last::date) as joiners,
               count(*) filter (r.hired is not null
                                and r.gone between $first::date and $last::date) as leavers,
               count(*) filter (r.hired is null) as without_hire_date
        from people r
        where {groups.limit()}
        group by all
        order by all
    """
    listed = crm.sellers if people == "sellers" else crm.reps
    return crm.session.query(sql, {"reps": listed}, definitions.span(span))


def _rated(counted: pd.DataFrame, span: Period, headcount: str, per: str) -> pd.DataFrame:
    """Work out the headcount, and the rate; `carried` is how much of its time the period is."""
    days = (span.end - span.start).days + 1
    daily = counted["days"].astype("float64").fillna(0.0) / days
    mean = daily if headcount == "daily" else (counted["at_first"] + counted["at_last"]) / 2
    table = counted.assign(headcount=mean, carried=days / YEAR if per == "year" else 1.0)
    table[COUNTS] = table[COUNTS].astype("int64")
    exposure = table["headcount"] * table["carried"]
    return table.assign(rate=table["leavers"] / exposure.where(exposure > 0))
