"""What changed in the pipeline from one day to another, in parts that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import EnablementError
from enablement.measure import counting, definitions, exchange, standing
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import engine
from enablement.read.crm import CRM

PARTS = (
    *("opening", "created", "reopened", "moved in", "amount changed", "moved out"),
    *("won", "lost", "cancelled", "closing"),
)
CHANGES = (
    "open amount{due} at the end of {since:%Y-%m-%d} and of {until:%Y-%m-%d}, and what came in and "
    "went out between; at the amounts known at the end"
)
BEYOND = "; the export ends on {seen}, so nothing is known of what came after"
UNRECORDED = (
    "; the history does not record amounts, so both ends are at those of the export and a change "
    "of amount cannot be seen"
)


def pipeline_changes(
    crm: CRM,
    *,
    since: object,
    as_of: object,
    due: str | Period | tuple[object, object] | None = None,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    renewals: str = "counted",
) -> pd.DataFrame:
    """What changed in the open pipeline from one day to another, in parts that add up.

    The amounts of opening, created, reopened, moved in, amount changed, moved out, won, lost
    and cancelled add up to that of closing. What came in and went out in between, such as what
    was created and won, is in both parts.

    Parameters
    ----------
    crm, by, where : as for `quota_attainment`
    since : the moment of the opening; a date means the end of that day
    as_of : the moment of the closing, the last one whose events may be seen
    due : only what is expected to close in this period, such as ``2026Q3``; a close date that
        is moved into it moves in, one that is moved away moves out. None for all that is open
    renewals : ``counted`` or ``left out``

    Returns
    -------
    pandas.DataFrame
        Ten rows per group, in this order::

            (group)         text   the columns of `by`; a rep's is rep_id, who owns it at the
                                   closing, so that a hand-over is no change of the team's
            part            category
                            opening         open at the opening
                            created         begun since
                            reopened        closed at the opening
                            moved in        open at the opening, and due in another period
                            amount changed  of the opening, whatever became of them
                            moved out       open at the closing, and due in another period
                            won, lost, cancelled
                            closing         open at the closing
            opportunities   int    how many
            amount          float  their amount; what goes out is below zero. Missing for
                                   amount changed where the history records no amounts, or
                                   the export ends before
            without_amount  int    of those, the ones whose amount is unknown, which add nothing

    Raises
    ------
    EnablementError
        If the opening is not before the closing.
    CannotSayError
        If there are no amounts, or several currencies without rates; if the state, or with
        `due` the close dates, of the opening are not recorded.
    """
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    opened, until = moment(since, "since"), moment(as_of)
    if opened >= until:
        raise EnablementError(
            f"since={opened:%Y-%m-%d} is not before as_of={until:%Y-%m-%d}: nothing lies between."
        )
    span = None if due is None else crm.period(due)
    groups = definitions.split(crm, by, where)
    _check(crm, groups, opened, until, span)
    found = _counted(crm, groups, opened, until, span, renewals)
    recorded = counting.amounts_known(crm, opened) == "then"
    table = _rows(crm, groups, found)
    changed = table["part"].eq("amount changed")
    table["amount"] = table["amount"].mask(changed & (not recorded))
    line = CHANGES.format(due=f" due in {span}" if span else "", since=opened, until=until)
    return definitions.describe(
        table,
        definition=line
        + _unrecorded(crm, opened, recorded)
        + exchange.said(crm, groups, until)
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        since=f"{opened:%Y-%m-%d}",
        period=str(span) if span else None,
        currency=exchange.currency(crm, groups),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, "owner at the closing"),
    )


def _check(
    crm: CRM, groups: Split, opened: pd.Timestamp, until: pd.Timestamp, span: Period | None
) -> None:
    """Refuse what the export does not carry."""
    exchange.check(crm, groups)
    for when in (opened, until):
        what = f"What changed in the pipeline, as of {when:%Y-%m-%d},"
        if span is None:
            definitions.check_past(crm, when, "What changed in the pipeline")
        else:
            standing.check_due(crm, when, what)


def _unrecorded(crm: CRM, opened: pd.Timestamp, recorded: bool) -> str:
    """Say why a change of amount cannot be seen, where it cannot."""
    if recorded:
        return ""
    beyond = opened.date() >= crm.seen_until
    return BEYOND.format(seen=crm.seen_until) if beyond else UNRECORDED


def _counted(
    crm: CRM,
    groups: Split,
    opened: pd.Timestamp,
    until: pd.Timestamp,
    span: Period | None,
    renewals: str,
) -> pd.DataFrame:
    sql = f"""
        with {engine.text("measure", "changes")}
        attributes as (select * exclude (rep_id, stage, outcome, amount) from opportunities)
        select {groups.select()} p.part, count(*) as opportunities, sum(p.amount) as amount,
               count(*) filter (p.unknown) as without_amount, min(p.lacks) as {exchange.LACKS}
        from parts p
        join attributes o using (opportunity_id)
        left join reps r on r.rep_key = p.rep_id
        where {groups.limit()}
        group by all
    """
    said = {"until_opening": opened.to_pydatetime(), **definitions.span(span)}
    tables = {
        **definitions.seen_tables(crm, until, renewals),
        "opening": standing.table(crm, opened, renewals),
        "closing": standing.table(crm, until, renewals),
    }
    tables["exchanged"] = exchange.exchanged(crm, groups, until, tables)
    return exchange.whole(crm, crm.session.query(sql, tables, said))


def _rows(crm: CRM, groups: Split, found: pd.DataFrame) -> pd.DataFrame:
    """Give every group a row for every part."""
    parts = pd.DataFrame({"part": PARTS})
    keys = list(groups.columns)
    shown = definitions.everybody(crm, found, groups).merge(parts, how="cross")
    table = shown.merge(found, on=[*keys, "part"], how="left")
    counts = ["opportunities", "without_amount"]
    table[counts] = table[counts].fillna(0).astype("int64")
    table["amount"] = table["amount"].fillna(0.0)
    table["part"] = pd.Categorical(table["part"], categories=PARTS, ordered=True)
    return table[[*keys, "part", "opportunities", "amount", "without_amount"]]
