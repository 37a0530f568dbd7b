"""Are we making the number: sold against quota, pipeline against what remains, and created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import definitions
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import engine
from enablement.read.crm import CRM

METRIC = "won amount"


def quota_attainment(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Won amount against quota.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    period : the quarter, or another period that the quotas name
    by : None, ``rep``, ``team`` or ``region``
    where : column -> the one value to count, such as ``{"team": "North 1"}``

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)      text
            won          int    opportunities won in the period, renewals included
            sold         float  their amount, in the workspace's currency
            quota        float  sum of the reps' quotas; missing where there is none
            attainment   float  sold / quota; missing where there is no quota

    Raises
    ------
    CannotSayError
        If the export has no amounts, or amounts in several currencies.
    """
    _check_money(crm)
    span = crm.period(period)
    groups = definitions.split(crm, by, where)
    sold = _sum(crm, groups, as_of, span, SOLD)
    table = _with_quotas(crm, sold, groups, span)
    table = table.assign(attainment=table["sold"] / table["quota"].where(table["quota"] > 0))
    return definitions.describe(
        table[[*groups.columns, "won", "sold", "quota", "attainment"]],
        definition=f"won amount closed in {span} / quota of {span}; by owner at close{groups}",
        until=moment(as_of),
        crm=crm,
        period=str(span),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
    )


def pipeline_coverage(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Open amount due in a period against the quota that remains to be sold.

    Parameters
    ----------
    crm, as_of, by, where : as for `quota_attainment`
    period : the period in which the open ones are expected to close

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)      text
            open         int    opportunities open and expected to close in the period
            amount       float  their amount
            remaining    float  quota - sold in the period so far, at least 0;
                                missing where there is no quota
            coverage     float  amount / remaining; missing where nothing remains

    Raises
    ------
    CannotSayError
        If there are no amounts or expected close dates, or `as_of` lies before an
        export without history.
    """
    _check_money(crm)
    until, span = moment(as_of), crm.period(period)
    definitions.check_past(crm, until, "Coverage")
    if crm.opportunities["expected_close"].isna().all():
        raise CannotSayError(
            "Coverage cannot be said: no open opportunity has an expected close date.",
            lacks="no expected close dates",
        )
    groups = definitions.split(crm, by, where)
    due = _sum(crm, groups, as_of, span, DUE)
    quota = quota_attainment(crm, as_of=as_of, period=span, by=by, where=where)
    keys = list(groups.columns)
    quota = quota.assign(remaining=(quota["quota"] - quota["sold"]).clip(lower=0))
    table = _merge(quota[[*keys, "remaining"]], due, keys)
    table = table.assign(
        open=table["open"].fillna(0).astype("int64"),
        amount=table["amount"].fillna(0.0),
        coverage=table["amount"] / table["remaining"].where(table["remaining"] > 0),
    )
    return definitions.describe(
        table[[*keys, "open", "amount", "remaining", "coverage"]],
        definition=f"open amount due in {span} / quota of {span} not yet sold{groups}",
        until=until,
        crm=crm,
        period=str(span),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
    )


def pipeline_created(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Opportunities created in a period.

    Parameters
    ----------
    crm, as_of, period, by, where : as for `quota_attainment`; ``by="type"`` tells new from
        existing business

    Returns
    -------
    pandas.DataFrame
        One row per group: the group, ``created`` (int), ``amount`` (float, the
        amounts they have now; missing where none has one).

    Raises
    ------
    CannotSayError
        If the export has no created date.
    """
    if crm.opportunities["created_at"].isna().all():
        raise CannotSayError(
            "What was created cannot be said: the export has no created date.",
            lacks="no created dates",
        )
    span, groups = crm.period(period), definitions.split(crm, by, where)
    table = _sum(crm, groups, as_of, span, CREATED)
    table["created"] = table["created"].astype("int64")
    return definitions.describe(
        table[[*groups.columns, "created", "amount"]],
        definition=f"opportunities created in {span}, with the amount they have now{groups}",
        until=moment(as_of),
        crm=crm,
        period=str(span),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
    )


SOLD = """
    count(*) as won, case when count(*) = 0 then 0.0 else sum(o.amount) end as sold
    from states s join attributes o using (opportunity_id)
    left join reps r on r.rep_id = s.final_rep
    where s.outcome = 'won' and s.closed_at between $first and $last
"""
DUE = """
    count(*) as open, sum(o.amount) as amount
    from states s join attributes o using (opportunity_id)
    left join reps r on r.rep_id = o.owner
    where s.outcome = 'open' and o.expected_close between $first and $last
"""
CREATED = """
    count(*) as created, sum(o.amount) as amount
    from states s join attributes o using (opportunity_id)
    left join reps r on r.rep_id = s.entry_rep
    where o.created_at between $first and $last and o.created_at <= $until
"""


def _sum(crm: CRM, groups: Split, as_of: object, span: Period, what: str) -> pd.DataFrame:
    sql = f"""
        {engine.text("measure", "states")}
        attributes as (select * exclude (outcome, rep_id, closed_at), rep_id as owner
                       from opportunities)
        select {groups.select()} {what} and {groups.limit()}
        group by all
    """
    said = {"until": moment(as_of).to_pydatetime(), "renewals": "counted"}
    table = engine.query(sql, definitions.seen_tables(crm), {**said, **definitions.span(span)})
    if groups.columns:
        return table.sort_values(list(groups.columns), ignore_index=True)
    return table


def _with_quotas(crm: CRM, sold: pd.DataFrame, groups: Split, span: Period) -> pd.DataFrame:
    """Lay the quotas of a period beside what was sold, rep by rep where they are split."""
    keys = list(groups.columns)
    sources = {*groups.sources, *(source for source, _, _ in groups.only)}
    if not sources <= {"r"}:
        return sold.assign(quota=float("nan"))  # no quota is set for a kind of opportunity
    quotas = crm.quotas[crm.quotas["period"].eq(span.name) & crm.quotas["metric"].eq(METRIC)]
    people = crm.reps.drop_duplicates("rep_id")
    for _, name, value in groups.only:
        people = people[people[name].eq(value)]
    wanted = quotas.merge(people[list({"rep_id", *keys})], on="rep_id")
    if not keys:
        return sold.assign(quota=wanted["target"].sum() if len(wanted) else float("nan"))
    targets = wanted.groupby(keys, dropna=False)["target"].sum().reset_index(name="quota")
    table = sold.merge(targets, on=keys, how="outer")
    return table.assign(
        sold=table["sold"].mask(table["won"].isna(), 0.0),
        won=table["won"].fillna(0).astype("int64"),
    ).sort_values(keys, ignore_index=True)


def _merge(left: pd.DataFrame, right: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if keys:
        return left.merge(right, on=keys, how="outer")
    return pd.concat([left.reset_index(drop=True), right.reset_index(drop=True)], axis=1)


def _check_money(crm: CRM) -> None:
    if crm.opportunities["amount"].isna().all():
        raise CannotSayError(
            "Nothing can be said in money: the export has no amounts.", lacks="no amounts"
        )
    definitions.same_currency(crm)
