"""Won and lost: how often, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from enablement.measure import definitions, estimates
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import engine
from enablement.read.crm import CRM

CREDIT_WORDS = {"final": "owner at close", "first": "first owner", "at_entry": "first owner"}
FEWEST_FOR_TENTHS = 10


def win_rate(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    credit: str = "final",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Share of decided opportunities that were won.

    A rep who has closed nothing keeps a row with a missing rate.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    by : None for all, ``rep``, a column of the reps or of the opportunities, or several
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    period : those closed in it, such as ``2026Q3``; None for all
    credit : whose an opportunity is: ``final`` (who owned it at its close), or ``first``
        or ``at_entry`` (who owned it when it was first seen in a stage)
    confidence : coverage of the Jeffreys interval, between 0 and 1
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)     text   the columns of `by`; a rep's is rep_id
            won, lost   int
            rate        float  won / (won + lost), 0 to 1; missing where none is decided
            low, high   float  Jeffreys interval of `rate`

        ``attrs`` has ``definition``, ``as_of``, ``overall`` (the rate of all groups
        together) and ``verdict``: whether the groups differ beyond chance.

    See Also
    --------
    enablement.charts.win_rate : draws this table.
    """
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    definitions.check_word("credit", credit, definitions.CREDITS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where)
    counted = _count(crm, groups, until, span, renewals, credit)
    shown = definitions.everybody(crm, counted, groups)
    table = _joined(shown, counted, groups)
    table[["won", "lost"]] = table[["won", "lost"]].fillna(0).astype("int64")
    decided = table["won"] + table["lost"]
    low, high = estimates.jeffreys(table["won"], decided, confidence=confidence)
    table = table.assign(rate=table["won"] / decided.where(decided > 0), low=low, high=high)
    named = table[table[list(groups.columns)].notna().all(axis=1)]  # nobody is no rep
    test = estimates.homogeneity(named["won"], named["lost"]) if groups.columns else None
    total = decided.sum()
    return definitions.describe(
        table[[*groups.columns, "won", "lost", "rate", "low", "high"]],
        definition=definitions.WIN_RATE
        + (f"; closed in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        overall=float(table["won"].sum() / total) if total else float("nan"),
        verdict=definitions.verdict(test, groups),
        differ=test is not None and test.p < estimates.ALPHA,
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, CREDIT_WORDS[credit]),
        period=str(span) if span else None,
    )


def sales_cycle(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Days from the start of an opportunity to its being won.

    The start is when it was created; where the export has no such date, when it
    first entered a stage that has one. Opportunities without a start or a close
    date are counted in ``attrs["undated"]`` and are in no figure.

    Parameters
    ----------
    crm, as_of, by, where, period, confidence, renewals : as for `win_rate`

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)     text   the columns of `by`; a rep's is rep_id
            won         int    won ones with both dates
            mean        float  days
            median      float  days
            low, high   float  days; interval of the median, from the values' ranks.
                               Missing where so few carry none of that confidence
            p90         float  days within which nine in ten were won; missing under ten

    See Also
    --------
    enablement.charts.sales_cycle : draws this table.
    """
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where)
    days = _days(crm, groups, until, span, renewals)
    dated = days[days["days"].notna()]
    table = _joined(
        definitions.everybody(crm, dated, groups), _spread(dated, groups, confidence), groups
    )
    table["won"] = table["won"].fillna(0).astype("int64")
    return definitions.describe(
        table[[*groups.columns, "won", "mean", "median", "low", "high", "p90"]],
        definition=definitions.SALES_CYCLE.format(start=_start(crm))
        + (f"; won in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        verdict=definitions.verdict(_alike(dated, groups), groups, "Kruskal-Wallis"),
        undated=len(days) - len(dated),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, "owner at close"),
        period=str(span) if span else None,
    )


def _count(
    crm: CRM, groups: Split, until: pd.Timestamp, span: Period | None, renewals: str, credit: str
) -> pd.DataFrame:
    sql = f"""
        {engine.text("measure", "states")}
        attributes as (select * exclude (outcome, rep_id, closed_at) from opportunities)
        select {groups.select()} count(*) filter (s.outcome = 'won') as won,
               count(*) filter (s.outcome = 'lost') as lost
        from states s
        join attributes o using (opportunity_id)
        left join reps r
            on r.rep_id = case $credit when 'final' then s.final_rep else s.entry_rep end
        where s.outcome in ('won', 'lost') and {groups.limit()}
          and ($first is null or s.closed_at between $first and $last)
        group by all
    """
    return _ask(crm, sql, until, span, renewals, credit=credit)


def _days(
    crm: CRM, groups: Split, until: pd.Timestamp, span: Period | None, renewals: str
) -> pd.DataFrame:
    sql = f"""
        {engine.text("measure", "states")}
        attributes as (select * exclude (outcome, rep_id, closed_at) from opportunities)
        select {groups.select()}
               date_diff('day', s.began_at::date, s.closed_at::date)::double as days
        from states s
        join attributes o using (opportunity_id)
        left join reps r on r.rep_id = s.final_rep
        where s.outcome = 'won' and {groups.limit()}
          and ($first is null or s.closed_at between $first and $last)
    """
    return _ask(crm, sql, until, span, renewals)


def _ask(
    crm: CRM, sql: str, until: pd.Timestamp, span: Period | None, renewals: str, **more: str
) -> pd.DataFrame:
    said = {**definitions.seen(crm, until, renewals), **more, **definitions.span(span)}
    return engine.query(sql, definitions.seen_tables(crm), said)


def _joined(shown: pd.DataFrame, counted: pd.DataFrame, groups: Split) -> pd.DataFrame:
    if not groups.columns:
        return counted.reset_index(drop=True).reindex([0])  # a row even where nothing was counted
    return shown.merge(counted, on=list(groups.columns), how="left")


def _spread(days: pd.DataFrame, groups: Split, confidence: float) -> pd.DataFrame:
    """Mean, median and its interval per group, from the values in order."""
    keys = list(groups.columns)
    ordered = days.sort_values([*keys, "days"], ignore_index=True)
    values = ordered["days"].to_numpy()
    grouped = (
        ordered.groupby(keys, dropna=False)["days"]
        if keys
        else ordered.groupby(np.zeros(len(ordered), dtype=int))["days"]
    )
    table = grouped.agg(won="size", mean="mean", median="median", p90=_nine_in_ten)
    first = (table["won"].cumsum() - table["won"]).to_numpy(dtype=int)
    lower, upper = estimates.median_ranks(table["won"], confidence=confidence)
    some = lower >= 1
    table["low"] = np.where(some, _pick(values, first, lower), np.nan)
    table["high"] = np.where(some, _pick(values, first, upper), np.nan)
    return table.reset_index(drop=not keys)


def _alike(days: pd.DataFrame, groups: Split) -> estimates.Homogeneity | None:
    """Ask whether the groups' days come from one distribution."""
    if not groups.columns:
        return None
    named = days[days[list(groups.columns)].notna().all(axis=1)]
    codes = named.groupby(list(groups.columns)).ngroup()
    return estimates.same_distribution(named["days"], codes)


def _nine_in_ten(days: pd.Series) -> float:
    """The smallest number of days within which nine in ten were; missing under ten."""
    if len(days) < FEWEST_FOR_TENTHS:
        return float("nan")
    return float(np.quantile(days.to_numpy(), 0.9, method="inverted_cdf"))


def _pick(values: np.ndarray, first: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Find the value of a rank within each group of an ordered array."""
    if len(values) == 0:
        return np.zeros(len(rank))
    return values[np.clip(first + rank - 1, 0, len(values) - 1)]


def _start(crm: CRM) -> str:
    if crm.opportunities["created_at"].notna().any():
        return "created"
    first = next(iter(crm.settings.stage_dates), None)
    return f"entering {first}" if first else "the first stage entry"
