"""Close dates: how often they are moved to a later quarter, and how often they are missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, estimates, standing
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import engine
from enablement.read.crm import CRM

UNITS = ("quarter", "month")
PUSHES = "moves of the close date into a later {unit}, while open; as the {teller} has them"
TELLERS = {"history": "history", "crm": "CRM's own count"}


@checked
def push_count(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    unit: str = "quarter",
    credit: str = "final",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """How often the close dates of opportunities were moved into a later fiscal quarter.

    A date that is moved within its quarter, or into an earlier one, is not pushed; nor is
    the day on which an opportunity was closed, however late. Where the history records
    no close dates, the CRM's own count is taken, which knows the present only.

    Parameters
    ----------
    crm, as_of, by, where, credit, confidence, renewals : as for `win_rate`
    period : opportunities begun in it, such as ``2026Q3``; None for all
    unit : ``quarter`` or ``month``: into a later one of which a move is a push. The CRM's
        own count has a unit of its own: Salesforce counts months

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)        text   the columns of `by`; a rep's is rep_id
            opportunities  int    those whose close dates are known
            pushed         int    of those, pushed at least once
            rate           float  pushed / opportunities, 0 to 1; missing where there is none
            low, high      float  Jeffreys interval of `rate`
            pushes         int    how often all of them were pushed
            per_opportunity
                           float  pushes / opportunities
            without_date   int    not in the figures: no close date is known

        By ``share`` counts are floats without an interval.

    Raises
    ------
    CannotSayError
        If neither the history nor the CRM's own count says it; if `as_of` lies before an
        export without history.

    See Also
    --------
    pushes : lists the moves.

    Notes
    -----
    Oracle's historical trending counts changes of the close date; Salesforce's ``PushCount``
    counts moves into a later month.
    """
    definitions.check_word("unit", unit, UNITS)
    definitions.check_word("credit", credit, definitions.CREDITS)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    teller = _teller(crm, until)
    groups = definitions.split(crm, by, where, cohorts=True)
    said = {"credit": credit, "told_by": teller, **definitions.span(span)}
    counted = _counted(crm, groups, until, renewals, said, unit)
    shared = credit == "share" and counting.by_rep(groups)
    table = _pushed(definitions.everybody(crm, counted, groups), counted, groups, shared)
    low, high = _interval(table, shared, confidence)
    named = table[table[list(groups.columns)].notna().all(axis=1)]  # nobody is no rep
    test = (
        estimates.homogeneity(named["pushed"], named["opportunities"] - named["pushed"])
        if groups.columns and not shared
        else None
    )
    return definitions.describe(
        table.assign(low=low, high=high)[[*groups.columns, *COLUMNS]],
        definition=PUSHES.format(
            unit=unit if teller == "history" else "period", teller=TELLERS[teller]
        )
        + (f"; begun in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        unit=unit if teller == "history" else "period",
        verdict=definitions.verdict(test, groups),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=counting.credited(crm, groups, credit, definitions.CREDIT_WORDS),
        period=str(span) if span else None,
    )


def pushes(
    crm: CRM,
    *,
    as_of: object,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    unit: str = "quarter",
    renewals: str = "left out",
) -> pd.DataFrame:
    """Every move of a close date into a later fiscal quarter, as `push_count` counts them.

    Parameters
    ----------
    crm, as_of, unit, renewals : as for `push_count`
    where : column -> the one value to list; of the rep who owned it at the move
    period : moves made in it; None for all

    Returns
    -------
    pandas.DataFrame
        One row per move, the earliest first::

            opportunity_id  text
            rep_id          text  who owned it then; missing where nobody is known
            moved_at        time
            from_day        time  the close date before
            to_day          time  the close date from then on
            days            int   to_day - from_day

    Raises
    ------
    CannotSayError
        If the history does not record the close dates.
    """
    definitions.check_word("unit", unit, UNITS)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    if not crm.has("stage_events", "expected_close"):
        raise _unrecorded("The moves of close dates")
    groups = definitions.split(crm, None, where)
    return definitions.describe(
        _listed(crm, groups, until, span, unit, renewals),
        definition=PUSHES.format(unit=unit, teller="history")
        + (f"; made in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        credit=definitions.credit(crm, "owner at the move"),
    )


@checked
def slip_rate(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period | tuple[object, object],
    lost: str = "counted",
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Of what was due in a period, how much was not won in it.

    Due is what was open when the period began and expected, as was known then, to close
    in it; what was created or moved into the period later is not. Whose it was then
    counts, whoever closed it.

    Parameters
    ----------
    crm, by, where, confidence, renewals : as for `win_rate`
    as_of : the last moment whose events may be seen; the period must be over by then
    period : such as ``2026Q3``
    lost : ``counted`` (what was lost or cancelled was not won in it either: slipped of all
        due) or ``left out`` (only what is still open has slipped: of that and what was won)

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)     text   the columns of `by`; a rep's is rep_id
            due         int    open at the start, expected to close in the period
            won, lost, cancelled
                        int    of those due, at the end of the period
            slipped     int    of those due, still open at its end
            rate        float  (due - won) / due; with lost left out slipped / (won + slipped);
                               0 to 1, missing where nothing was due
            low, high   float  Jeffreys interval of `rate`

    Raises
    ------
    CannotSayError
        If the period is not over, or the history does not record the close dates of then.
    """
    definitions.check_word("lost", lost, tuple(SLIPS))
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), crm.period(period)
    if until < moment(span.end):
        raise CannotSayError(
            f"What has slipped out of {span} cannot be said before its end on {span.end}; "
            f"as_of is {until:%Y-%m-%d}.",
            lacks="the period is not over",
        )
    groups = definitions.split(crm, by, where)
    opened = _before(span)
    standing.check_due(crm, opened, f"The slip rate of {span}")
    counted = _due(crm, groups, span, renewals)
    table = _slipped(definitions.everybody(crm, counted, groups), counted, groups, lost)
    low, high = estimates.jeffreys(table["missed"], table["out_of"], confidence=confidence)
    named = table[table[list(groups.columns)].notna().all(axis=1)]  # nobody is no rep
    test = (
        estimates.homogeneity(named["missed"], named["out_of"] - named["missed"])
        if groups.columns
        else None
    )
    return definitions.describe(
        table.assign(low=low, high=high)[[*groups.columns, *SLIP_COLUMNS]],
        definition=SLIPS[lost].format(span=span)
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        lost=lost,
        verdict=definitions.verdict(test, groups),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, "owner at the start of the period"),
        period=str(span),
    )


COLUMNS = [
    *("opportunities", "pushed", "rate", "low", "high", "pushes", "per_opportunity"),
    "without_date",
]
SLIPS = {
    "counted": "not won in {span} / open at its start and due in it; lost and cancelled ones count "
    "as not won",
    "left out": "still open at the end of {span} / won in it or still open, of those open at its "
    "start and due in it; lost and cancelled ones are in neither",
}
SLIP_COUNTS = ["due", "won", "lost", "cancelled", "slipped"]
SLIP_COLUMNS = [*SLIP_COUNTS, "rate", "low", "high"]
COUNTS = ["opportunities", "pushed", "pushes", "without_date"]


def _teller(crm: CRM, until: pd.Timestamp) -> str:
    """Choose who says how often a date was moved: the history, else the CRM's own count."""
    if crm.has("stage_events", "expected_close"):
        return "history"
    if not crm.has("opportunities", "push_count"):
        raise _unrecorded("How often close dates were moved")
    definitions.check_past(crm, until, "The CRM's own count of moved close dates")
    return "crm"


def _unrecorded(what: str) -> CannotSayError:
    return CannotSayError(
        f"{what} cannot be said: the history does not record the expected close dates, and the "
        "opportunities have no push_count. Export the history of the close date too.",
        lacks="no history of expected close dates",
    )


def _counted(
    crm: CRM,
    groups: Split,
    until: pd.Timestamp,
    renewals: str,
    said: dict[str, object],
    unit: str,
) -> pd.DataFrame:
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("closedates",),
            until=until,
            renewals=renewals,
            said=said,
            select=f"""
            select {groups.select()}
                   coalesce(sum(p.share) filter (p.counts), 0) as opportunities,
                   coalesce(sum(p.share) filter (p.counts and p.pushes > 0), 0) as pushed,
                   coalesce(sum(p.share * p.pushes) filter (p.counts), 0) as pushes,
                   coalesce(sum(p.share) filter (not p.counts), 0) as without_date
        """,
            group="group by all",
            besides=_besides(crm, unit),
        ),
    )


def _besides(crm: CRM, unit: str) -> dict[str, engine.Table]:
    """Give the tables that the SQL of ``closedates`` reads besides."""
    return {"spans": definitions.spans(crm, unit)}


def _pushed(
    shown: pd.DataFrame, counted: pd.DataFrame, groups: Split, shared: bool
) -> pd.DataFrame:
    keys = list(groups.columns)
    table = shown.merge(counted, on=keys, how="left") if keys else counted
    table[COUNTS] = table[COUNTS].fillna(0).astype("float64" if shared else "int64")
    some = table["opportunities"].where(table["opportunities"] > 0)
    return table.assign(rate=table["pushed"] / some, per_opportunity=table["pushes"] / some)


def _interval(
    table: pd.DataFrame, shared: bool, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Jeffreys' interval; none of shares of one."""
    if shared:
        return np.full(len(table), np.nan), np.full(len(table), np.nan)
    return estimates.jeffreys(table["pushed"], table["opportunities"], confidence=confidence)


def _listed(
    crm: CRM,
    groups: Split,
    until: pd.Timestamp,
    span: Period | None,
    unit: str,
    renewals: str,
) -> pd.DataFrame:
    sql = f"""
        with {engine.text("measure", "closedates")}
        attributes as (select * exclude (rep_id, stage, outcome) from opportunities),
        owned as (
            select p.*, s.rep_id
            from pushes p
            asof left join (select opportunity_id, entered_at, arg_max(rep_id, visit) as rep_id
                            from seen where entered_at is not null group by all) s
                on s.opportunity_id = p.opportunity_id and p.moved_at >= s.entered_at
        )
        select o.shown_id as opportunity_id, r.rep_id, p.moved_at,
               p.due_before::timestamp as from_day, p.due::timestamp as to_day,
               p.due - p.due_before as days
        from owned p
        join passages x using (opportunity_id)
        join attributes o using (opportunity_id)
        left join reps r on r.rep_key = p.rep_id
        where ($moved_from is null or p.moved_at between $moved_from and $moved_until)
          and {groups.limit()}
        order by p.moved_at, o.shown_id, p.due
    """
    made = definitions.span(span)
    said = {
        **definitions.seen(crm, until, renewals),
        **definitions.span(None),
        "told_by": "history",
        "moved_from": made["first"],
        "moved_until": made["last"],
    }
    tables = {**definitions.seen_tables(crm, until, renewals), **_besides(crm, unit)}
    return crm.session.query(sql, tables, said)


def _before(span: Period) -> pd.Timestamp:
    """Find the last moment before a period begins."""
    return pd.Timestamp(span.start) - pd.Timedelta(microseconds=1)


def _due(crm: CRM, groups: Split, span: Period, renewals: str) -> pd.DataFrame:
    """Count what was due in a period, by what had become of it at the end."""
    sql = f"""
        with attributes as (select * exclude (rep_id, stage, outcome) from opportunities)
        select {groups.select()} count(*) as due,
               count(*) filter (e.outcome = 'won') as won,
               count(*) filter (e.outcome = 'lost') as lost,
               count(*) filter (e.outcome = 'cancelled') as cancelled,
               count(*) filter (e.outcome = 'open') as slipped
        from opening a
        join ending e using (opportunity_id)
        join attributes o using (opportunity_id)
        left join reps r on r.rep_key = a.rep_id
        where a.outcome = 'open' and a.expected_close between $first and $last
          and {groups.limit()}
        group by all
    """
    end = moment(span.end)
    tables = {
        **definitions.seen_tables(crm, end, renewals),
        "opening": standing.table(crm, _before(span), renewals),
        "ending": standing.table(crm, end, renewals),
    }
    return crm.session.query(sql, tables, definitions.span(span))


def _slipped(shown: pd.DataFrame, counted: pd.DataFrame, groups: Split, lost: str) -> pd.DataFrame:
    keys = list(groups.columns)
    table = shown.merge(counted, on=keys, how="left") if keys else counted
    table[SLIP_COUNTS] = table[SLIP_COUNTS].fillna(0).astype("int64")
    if lost == "counted":
        table = table.assign(missed=table["due"] - table["won"], out_of=table["due"])
    else:
        table = table.assign(missed=table["slipped"], out_of=table["won"] + table["slipped"])
    return table.assign(rate=table["missed"] / table["out_of"].where(table["out_of"] > 0))
