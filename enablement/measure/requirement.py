"""How much pipeline a quota needs: told from what that of earlier periods has brought."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from enablement.measure import definitions, exchange, standing, winloss
from enablement.measure.definitions import Split
from enablement.periods import KINDS, SHAPE, Period, moment
from enablement.read import engine
from enablement.read.crm import CRM

OPENING = pd.Timedelta(microseconds=1)  # before a period begins
SUMS = ["due", "won", "pulled_in", "create_and_close"]
BASES = {
    "yield": "yield of {periods}",
    "win rate": "win rate by value, a rule of thumb: optimistic where much slips out of a period, "
    "pessimistic where much is created and won within it",
    "over": "the period is over",
    "not asked": "not asked",
}
COLUMNS = [
    *("create_and_close", "pulled_in", "yield", "yield_low", "yield_high", "periods"),
    *("required", "required_low", "required_high", "basis"),
]


def earlier(crm: CRM, span: Period, until: pd.Timestamp, many: int) -> list[Period]:
    """Find the last periods of the same kind that were over by a moment, the latest first."""
    found = SHAPE.match(span.name)
    kind = KINDS.get(found["kind"] or "", "year") if found else ""
    if kind in ("", "week"):
        length = span.end - span.start + dt.timedelta(days=1)
        starts = [span.start - step * length for step in range(1, many + 60)]
        every = [Period(f"{day}", day, day + length - dt.timedelta(days=1)) for day in starts]
    else:
        every = [p for p in reversed(crm.settings.calendar.every(kind)) if p.end < span.start]
    over = [period for period in every if moment(period.end) <= until]
    first = _recorded_since(crm)
    return [p for p in over[:many] if first is not None and _opening(p) >= first]


def past(
    crm: CRM, groups: Split, span: Period, until: pd.Timestamp, periods: list[Period]
) -> pd.DataFrame:
    """Count what earlier periods brought, seen from the same day of each.

    Returns
    -------
    pandas.DataFrame
        One row per group and period: ``period``, ``due`` (amount open that day and due in the
        period), ``won`` (of that, within it), ``pulled_in`` (won within it, open that day and
        due in another one) and ``create_and_close`` (created since that day and won within it)
    """
    found = [
        _counted(crm, groups, period, _same_day(span, until, period)).assign(period=period.name)
        for period in periods
    ]
    columns = [*groups.columns, "period", *SUMS]
    return pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)


def told(
    crm: CRM,
    remaining: pd.DataFrame,
    groups: Split,
    span: Period,
    until: pd.Timestamp,
    *,
    many: int,
    yield_of: str,
) -> pd.DataFrame:
    """Add what is required to a table with ``remaining``: the columns of `COLUMNS`."""
    keys = list(groups.columns)
    if not many or until >= moment(span.end):
        return _none(remaining, "not asked" if not many else "over")
    periods = earlier(crm, span, until, many)
    each = past(crm, groups, span, until, periods)
    whole = each.groupby("period", sort=False)[SUMS].sum().reset_index()
    whole = whole[whole["due"].astype("float64") > 0]
    if whole.empty:
        return _by_win_rate(crm, remaining, groups, until)
    cells = remaining[[*keys, "remaining"]].assign(row=range(len(remaining)))
    cells = cells.merge(whole[["period"]], how="cross")
    cells = cells.merge(each, on=[*keys, "period"], how="left")
    cells[SUMS] = cells[SUMS].astype("float64").fillna(0.0)
    if yield_of == "all" and keys:
        cells = cells.drop(columns=["due", "won"])
        cells = cells.merge(whole[["period", "due", "won"]], on="period")
    return _summed(remaining, cells, len(whole))


def _summed(remaining: pd.DataFrame, cells: pd.DataFrame, periods: int) -> pd.DataFrame:
    """Bring the earlier periods of each row together."""
    brought = cells["won"] / cells["due"].where(cells["due"] > 0)
    besides = cells["create_and_close"] + cells["pulled_in"]
    needed = (cells["remaining"] - besides).clip(lower=0) / brought.where(brought > 0)
    grouped = cells.assign(brought=brought, needed=needed).groupby("row")
    sums, means = grouped[SUMS].sum(), grouped[["create_and_close", "pulled_in"]].mean()
    ratio = sums["won"] / sums["due"].where(sums["due"] > 0)
    left = remaining.reset_index(drop=True)["remaining"]
    required = (left - means.sum(axis=1)).clip(lower=0) / ratio.where(ratio > 0)
    low, high = (
        grouped["needed"].agg(end).where(grouped["needed"].count() == periods)
        for end in ("min", "max")
    )
    ends = {"yield_low": grouped["brought"].min(), "yield_high": grouped["brought"].max()}
    return remaining.reset_index(drop=True).assign(
        **means,
        **{"yield": ratio, **ends},
        periods=periods,
        required=required,
        required_low=low,
        required_high=high,
        basis=BASES["yield"].format(periods=f"{periods} period{'s' if periods > 1 else ''}"),
    )


def _none(remaining: pd.DataFrame, why: str) -> pd.DataFrame:
    blank = dict.fromkeys([name for name in COLUMNS if name not in ("periods", "basis")], np.nan)
    return remaining.reset_index(drop=True).assign(**blank, periods=0, basis=BASES[why])


def _by_win_rate(
    crm: CRM, remaining: pd.DataFrame, groups: Split, until: pd.Timestamp
) -> pd.DataFrame:
    """Take one over the win rate by value, where no earlier period is recorded."""
    only = {name: value for _, name, value in groups.only}
    table = _none(remaining, "win rate")
    rates = winloss.win_rate(crm, as_of=until, where=only, of="value", renewals="counted")
    rate = rates["rate"].item()
    known = not pd.isna(rate) and rate > 0
    return table.assign(
        **{"yield": rate},
        required=table["remaining"] / rate if known else np.nan,
        basis=BASES["win rate"] if known else "no win rate by value",
    )


def _counted(crm: CRM, groups: Split, period: Period, opened: pd.Timestamp) -> pd.DataFrame:
    sql = f"""
        with {engine.text("measure", "yields")}
        attributes as (select * exclude (rep_id, stage, outcome, amount) from opportunities)
        select {groups.select()}
               coalesce(sum(p.due) filter (p.source = 'due'), 0) as due,
               coalesce(sum(p.won) filter (p.source = 'due'), 0) as won,
               coalesce(sum(p.won) filter (p.source = 'pulled in'), 0) as pulled_in,
               coalesce(sum(p.won) filter (p.source = 'created'), 0) as create_and_close,
               min(p.lacks) filter (p.won is not null or p.source = 'due') as {exchange.LACKS}
        from sources p
        join attributes o using (opportunity_id)
        left join reps r on r.rep_key = p.rep_id
        where {groups.limit()}
        group by all
    """
    end = moment(period.end)
    said = {"until_opening": opened.to_pydatetime(), **definitions.span(period)}
    tables = {
        **definitions.seen_tables(crm, end, "counted"),
        "opening": standing.table(crm, opened, "counted"),
        "ending": standing.table(crm, end, "counted"),
    }
    tables["exchanged"] = exchange.exchanged(crm, groups, end, tables)
    return exchange.whole(crm, crm.session.query(sql, tables, said))


def _opening(period: Period) -> pd.Timestamp:
    return pd.Timestamp(period.start) - OPENING


def _same_day(span: Period, until: pd.Timestamp, period: Period) -> pd.Timestamp:
    """Find the day of an earlier period that is as far from its first one."""
    since = (until - _opening(span)).days
    days, its_days = ((each.end - each.start).days + 1 for each in (span, period))
    return _opening(period) + pd.Timedelta(days=since if since < 0 else since * its_days // days)


def _recorded_since(crm: CRM) -> pd.Timestamp | None:
    """Find since when the history records expected close dates; None where it does not."""
    found = crm.session.query(
        "select min(entered_at) as since from stage_events where expected_close is not null",
        {"stage_events": crm.sources["stage_events"]},
    )["since"].item()
    return None if pd.isna(found) or not crm.stage_history else pd.Timestamp(found)
