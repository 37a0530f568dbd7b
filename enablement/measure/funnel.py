"""Conversion from stage to stage, by a definition that is named and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.measure import definitions, estimates
from enablement.measure.definitions import CONVERSIONS, Split
from enablement.periods import Period, moment
from enablement.read import engine, visits
from enablement.read.crm import CRM

COUNTS = ["entered", "moved_on", "won", "lost", "back", "handed_off", "cancelled", "open"]
COLUMNS = [
    *("stage", "entered", "moved_on", "rate", "low", "high", "won", "to_won"),
    *("lost", "back", "handed_off", "cancelled", "open"),
]


def conversion(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    definition: str = "reached",
    period: str | Period | tuple[object, object] | None = None,
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Share of opportunities that moved on from each stage.

    A stage belongs to the rep who owned the opportunity when it first entered the
    stage; a stage that was skipped, to the owner at the next real entry. A stage
    whose entries the export does not record has missing numbers, and
    ``attrs["cannot_say"]`` says why.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    by : None for all, ``rep``, a column of the reps or of the opportunities, or several
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    definition : ``reached`` counts every opportunity, open ones included; ``decided``
        only those won or lost
    period : with ``reached``, those that began in the period; with ``decided``, those
        won or lost in it; None for all
    confidence : coverage of the Jeffreys interval, between 0 and 1
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per stage in funnel order, per group of `by`::

            (group)     text   the columns of `by`; a rep's is rep_id
            stage       category, in funnel order
            entered     int    the denominator
            moved_on    int    went further, or were won
            rate        float  moved_on / entered, 0 to 1; missing where none entered
            low, high   float  Jeffreys interval of `rate`
            won         int    of those entered, won in the end
            to_won      float  won / entered
            lost, back, handed_off, cancelled, open
                        int    what became of those that did not move on

        ``attrs`` has ``definition``, ``as_of``, ``still_open`` (the share of those
        entered who are open, 0 to 1) and ``cannot_say`` (stage -> sentence).

    Raises
    ------
    EnablementError
        If `definition`, `by` or `period` is unknown.
    CannotSayError
        If `as_of` lies before the export and it has no history, for ``reached``.

    See Also
    --------
    enablement.charts.conversion : draws this table.
    """
    if definition not in CONVERSIONS:
        raise EnablementError(
            f"No definition is called {definition!r}. {choices(definition, list(CONVERSIONS))}"
        )
    definitions.check_renewals(renewals)
    until = moment(as_of)
    if definition == "reached":
        definitions.check_past(crm, until, "Conversion")
    span = None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where)
    counted = _count(crm, groups, until, definition, span, renewals)
    table = _complete(crm, counted, groups)
    cannot = _unrecorded(crm)
    table = _rated(table, confidence, list(cannot))
    when = {"reached": "begun", "decided": "decided"}[definition]
    entered = table["entered"].sum()
    return definitions.describe(
        table[[*groups.columns, *COLUMNS]],
        definition=f"{definition}: {CONVERSIONS[definition]}"
        + (f"; {when} in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        cannot_say=cannot,
        still_open=float(table["open"].sum() / entered) if entered else float("nan"),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, "owner at entry"),
        period=str(span) if span else None,
        name=definition,
    )


def _count(
    crm: CRM,
    groups: Split,
    until: pd.Timestamp,
    definition: str,
    span: Period | None,
    renewals: str,
) -> pd.DataFrame:
    sql = f"""
        {engine.text("measure", "states")}
        {engine.text("measure", "passages")},
        attributes as (select * exclude (outcome, stage, rep_id) from opportunities)
        select {groups.select()} p.stage, p.place, count(*) as entered,
               count(*) filter (became = 'moved on') as moved_on,
               count(*) filter (outcome = 'won') as won,
               count(*) filter (became = 'lost') as lost,
               count(*) filter (became = 'back') as back,
               0 as handed_off,
               count(*) filter (became = 'cancelled') as cancelled,
               count(*) filter (became = 'open') as open
        from passages p
        join attributes o using (opportunity_id)
        left join reps r on r.rep_id = p.rep_id
        where {groups.limit()}
        group by all
    """
    tables = {**definitions.seen_tables(crm), "places": visits.places(crm.settings)}
    said = {"until": until.to_pydatetime(), "renewals": renewals, "definition": definition}
    return engine.query(sql, tables, {**said, **definitions.span(span)})


def _complete(crm: CRM, counted: pd.DataFrame, groups: Split) -> pd.DataFrame:
    """Give every group a row for every stage, with 0 where nobody entered."""
    stages = visits.places(crm.settings)
    stages = stages.loc[stages["outcome"].isna(), ["pipeline", "stage", "place"]]
    shown = definitions.everybody(crm, counted, groups)
    if "pipeline" in groups.columns:
        rows = shown.merge(stages, on="pipeline")
    else:
        rows = shown.merge(stages.drop(columns="pipeline"), how="cross")
    keys = [*groups.columns, "stage", "place"]
    table = rows.merge(counted, on=keys, how="left")
    table[COUNTS] = table[COUNTS].fillna(0).astype("int64")
    table["stage"] = pd.Categorical(table["stage"], categories=crm.settings.stages, ordered=True)
    return table


def _rated(table: pd.DataFrame, confidence: float, unrecorded: list[str]) -> pd.DataFrame:
    hidden = table["stage"].isin(unrecorded)
    if hidden.any():
        table = table.astype(dict.fromkeys(COUNTS, "Int64"))
        table.loc[hidden, COUNTS] = pd.NA
    entered = table["entered"].astype("float64")
    moved_on = table["moved_on"].astype("float64")
    low, high = estimates.jeffreys(moved_on, entered, confidence=confidence)
    some = entered.where(entered > 0)
    return table.assign(
        rate=moved_on / some, low=low, high=high, to_won=table["won"].astype("float64") / some
    )


def _unrecorded(crm: CRM) -> dict[str, str]:
    """Name the stages whose entries the export does not record."""
    if crm.stage_history:
        return {}
    return {
        stage: f"who entered {stage} is not recorded"
        for stage in crm.settings.stages
        if stage not in crm.settings.stage_dates
    }
