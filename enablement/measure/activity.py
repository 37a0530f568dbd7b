"""What reps do: calls, emails and meetings, per working day and per opportunity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import definitions, estimates
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import engine
from enablement.read.crm import CRM

STATUSES = {
    "held": "those held",
    "booked": "those held and those to which nobody came",
    "all": "all that are recorded, whatever their status",
}
WORDS = ("held", "no-show", "planned")
ACTIVITY = (
    "activities of {span}: {status}; per working day of the reps who were there, and per "
    "opportunity that had one; the rate is held / (held + no-show)"
)
COUNTS = ["planned", "held", "no_show", "without_status", "counted", "linked", "opportunities"]
COLUMNS = [
    *("activity_type", "planned", "booked", "held", "no_show", "rate", "low", "high"),
    *("without_status", "counted", "working_days", "per_day", "linked", "opportunities"),
    "per_opportunity",
]


@checked
def activity(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period | tuple[object, object],
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    status: str = "held",
    confidence: float = estimates.CONFIDENCE,
) -> pd.DataFrame:
    """Activities of each type, per working day, and how many of those booked were held.

    A working day is one of the settings, of a rep who was there: from being hired until
    leaving, within the period and until `as_of`. By a column of the opportunities the days
    are those of all the reps, for nobody knows for whom a day was.

    Parameters
    ----------
    crm, as_of, where, confidence : as for `win_rate`
    period : the days in which they were, such as ``2026Q3``
    by : as for `win_rate`, but for ``period``; each activity is that of its rep
    status : which ones count per day and per opportunity: ``held``, ``booked`` (held and
        no-show) or ``all`` that are recorded, those without a status too

    Returns
    -------
    pandas.DataFrame
        One row per group and type::

            (group)         text   the columns of `by`; a rep's is rep_id
            activity_type   text   such as call, email, meeting
            planned         int    still planned, those of the period that lie ahead included
            booked          int    held + no_show
            held, no_show   int
            rate            float  held / booked, 0 to 1; missing where none was booked
            low, high       float  Jeffreys interval of `rate`
            without_status  int    with none of the words held, no-show and planned
            counted         int    those that count, by `status`
            working_days    float  of all reps of the group, in the period and until `as_of`
            per_day         float  counted / working_days
            linked          int    of those counted, on an opportunity
            opportunities   int    on how many
            per_opportunity float  linked / opportunities; missing where none is linked

        ``attrs["undated"]`` has how many activities have no day, and are nowhere.
        ``attrs["verdicts"]`` has type -> whether the groups' rates differ beyond chance, corrected
        for how many are compared.

    Raises
    ------
    CannotSayError
        If there are no activities, or none has a day or, unless ``all`` count, a status.

    Notes
    -----
    Meetings held, and held of those booked, are what sales-development playbooks count;
    products that count what was booked have ``status="booked"``.
    """
    definitions.check_word("status", status, tuple(STATUSES))
    until, span = moment(as_of), crm.period(period)
    groups = definitions.split(crm, by, where)
    _check(crm, status)
    counted = _counted(crm, groups, until, span, status)
    days = _days(crm, groups, counted, until, span)
    table = _rated(_rows(crm, groups, counted), counted, days, groups)
    low, high = estimates.jeffreys(table["held"], table["booked"], confidence=confidence)
    table = table.assign(low=low, high=high)
    return definitions.describe(
        table[[*groups.columns, *COLUMNS]],
        definition=ACTIVITY.format(span=span, status=STATUSES[status]) + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        status=status,
        undated=_undated(crm),
        verdicts=_verdicts(table, groups),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit="who did it",
        period=str(span),
    )


def _check(crm: CRM, status: str) -> None:
    """Refuse what the export does not carry."""
    if not crm.has("activities", "at"):
        raise CannotSayError(
            "Activities cannot be said: the export has none with a day. Export calls, emails and "
            "meetings too, with activity_id, rep_id, type, status and at.",
            lacks="no activities",
        )
    words = crm.values("activities", "status")
    if status != "all" and not set(WORDS) & set(words):
        found = words[:5]
        told = f"has {', '.join(map(repr, found))}" if found else "is missing"
        raise CannotSayError(
            f"Which activities were held cannot be said: activities.status {told}. Say what is "
            "held, no-show or planned under [values.activities.status] in "
            f'{crm.settings.origin}, or count them all with status="all".',
            lacks="no status of activities",
        )


def _counted(
    crm: CRM, groups: Split, until: pd.Timestamp, span: Period, status: str
) -> pd.DataFrame:
    sql = f"""
        with {engine.text("measure", "activity")},
        attributes as (select * exclude (rep_id, stage, outcome) from opportunities)
        select {groups.select()} p.activity_type,
               count(*) filter (p.status = 'planned') as planned,
               count(*) filter (p.status = 'held') as held,
               count(*) filter (p.status = 'no-show') as no_show,
               count(*) filter (p.status is null) as without_status,
               count(*) filter (p.counts) as counted,
               count(o.opportunity_id) filter (p.counts) as linked,
               count(distinct o.opportunity_id) filter (p.counts) as opportunities
        from judged p
        left join attributes o using (opportunity_id)
        left join reps r on r.rep_id = p.rep_id
        where {groups.limit()}
        group by all
    """
    said = {**definitions.seen(crm, until, "counted"), **definitions.span(span), "status": status}
    tables = {
        "activities": crm.sources["activities"],
        "opportunities": definitions.opportunities(crm, crm.sources["opportunities"]),
        "reps": crm.sources["reps"],
    }
    return crm.session.query(sql, tables, said)


def _undated(crm: CRM) -> int:
    """Count the activities without a day."""
    sql = "select count(*) as many from activities where activities.at is null"
    return int(crm.session.query(sql, {"activities": crm.sources["activities"]})["many"].item())


def _days(
    crm: CRM, groups: Split, counted: pd.DataFrame, until: pd.Timestamp, span: Period
) -> pd.DataFrame:
    """Count the working days of the reps of each group, and those of a table by rep alone."""
    there = crm.reps[_working(crm, groups, counted)]
    last = min(span.end, until.date())
    days = np.zeros(len(there))
    if last >= span.start:
        days = crm.settings.working_days.within(
            Period(str(span), span.start, last), since=there["hired_on"], until=there["left_on"]
        )
    own = [name for name, source in _sources(groups) if source == "r"]
    told = there.assign(working_days=days)
    if not own:
        return pd.DataFrame({"working_days": [float(days.sum())]})
    return told.groupby(own, dropna=False)["working_days"].sum().reset_index()


def _working(crm: CRM, groups: Split, counted: pd.DataFrame) -> pd.Series:
    """Say of each rep whether their days count: who sells, or did something in the period."""
    sells = crm.reps["rep_id"].isin(crm.sellers["rep_id"])
    if "rep_id" in counted:
        sells |= crm.reps["rep_id"].isin(counted["rep_id"])
    for source, name, value in groups.only:
        if source == "r":
            sells &= crm.reps[name].eq(value)
    return sells


def _sources(groups: Split) -> list[tuple[str, str]]:
    return list(zip(groups.columns, groups.sources, strict=True))


def _rows(crm: CRM, groups: Split, counted: pd.DataFrame) -> pd.DataFrame:
    """Give every group a row for every type that there is."""
    types = crm.values("activities", "type")
    kinds = [*types, *([None] if counted["activity_type"].isna().any() else [])]
    shown = definitions.everybody(crm, counted, groups)
    return shown.merge(pd.DataFrame({"activity_type": pd.Series(kinds, dtype="str")}), how="cross")


def _rated(
    rows: pd.DataFrame, counted: pd.DataFrame, days: pd.DataFrame, groups: Split
) -> pd.DataFrame:
    keys = list(rows.columns)
    table = rows.merge(counted, on=keys, how="left")
    own = [name for name, source in _sources(groups) if source == "r"]
    table = table.merge(days, on=own, how="left") if own else table.merge(days, how="cross")
    table[COUNTS] = table[COUNTS].fillna(0).astype("int64")
    booked = table["held"] + table["no_show"]
    return table.assign(
        booked=booked,
        rate=table["held"] / booked.where(booked > 0),
        per_day=table["counted"] / table["working_days"].where(table["working_days"] > 0),
        per_opportunity=table["linked"] / table["opportunities"].where(table["opportunities"] > 0),
    )


def _verdicts(table: pd.DataFrame, groups: Split) -> dict[str, str]:
    """Say of each type whether groups differ beyond chance in how many they hold."""
    if not groups.columns:
        return {}
    named = table[table[list(groups.columns)].notna().all(axis=1)]  # nobody is no rep
    found = {
        str(kind): estimates.homogeneity(rows["held"], rows["no_show"])
        for kind, rows in named.groupby("activity_type", sort=False)
    }
    return definitions.verdicts(found, groups, each="types")
