"""Stays in stages: each of them, and how long they last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from enablement.measure import counting, definitions, durations, estimates
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import visits
from enablement.read.crm import CRM

BATCH = 0.20  # of the stays in a stage, by opportunities clicked through in a day: days are void
QUANTILES = {"p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}
STAYS = (
    "days from entering a stage to leaving it in any way, those still in it followed until then "
    "(Kaplan-Meier); a hand-over does not end a stay; the interval is that of the median"
)
CREDITS = ("at_entry", "final", "first")
VISITS = "each stay of an opportunity in a stage under one rep, as known then"


def stage_visits(
    crm: CRM,
    *,
    as_of: object,
    where: Mapping[str, str] | None = None,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Every stay of an opportunity in a stage under one rep, as it was known at a moment.

    A stay that had not ended by then is open, whatever came of it.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    where : column -> the one value to list, such as ``{"team": "North 1"}``; of the rep
        whose stay it is
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per stay, in the order of opportunities and stays::

            opportunity_id  text
            visit           int    1 for the opportunity's first stay
            pipeline        text
            stage           category, in funnel order
            stage_order     int    the place of the stage in its pipeline, 1 for the first
            rep_id          text
            entered_at      time   missing where the export does not record it
            left_at         time   missing for an open one
            exit            text   advanced, won, lost, back, handed off, cancelled or open
            amount          float  of the opportunity at the entry, where the history has it
            days            int    calendar days from the entry to the end, or until `as_of`;
                                   missing where either is not recorded
            batch_updated   bool   whether the opportunity was in several stages, all of them
                                   entered on one day: its days say when it was written down

    Raises
    ------
    CannotSayError
        If `as_of` lies before the export and it has no history of stages.
    """
    until, groups = moment(as_of), definitions.split(crm, None, where)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    definitions.check_past(crm, until, "Stage visits")
    table = _visits(crm, groups, until, renewals)
    table["stage"] = pd.Categorical(table["stage"], categories=crm.settings.stages, ordered=True)
    return definitions.describe(
        table.astype({"days": "Int64"}),
        definition=VISITS + definitions.left_out(crm, renewals) + str(groups),
        until=until,
        crm=crm,
        credit=definitions.credit(crm, "owner during the stay"),
    )


@checked
def time_in_stage(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    credit: str = "at_entry",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Days that opportunities stay in each stage, those still there counted as undecided.

    Leaving those out would make a stage look quicker than it is. Each return to a stage
    is a stay of its own. Where more than a fifth of the stays in a stage belong to
    opportunities that were clicked through all their stages in one day, the days cannot
    be said: they tell when somebody wrote them down.

    Parameters
    ----------
    crm, as_of, by, where : as for `conversion`; ``by="period"`` is the quarter of the entry
    period : stays that began in it, such as ``2026Q3``; None for all
    credit : whose a stay is: ``at_entry`` (who owned the opportunity then), ``final`` (who
        owned it at its close) or ``first`` (who owned it first)
    confidence : coverage of the interval of the median, between 0 and 1
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per stage in funnel order, per group of `by`::

            (group)      text   the columns of `by`; a rep's is rep_id
            stage        category, in funnel order
            entered      int    stays, with the dates known
            left         int    of those, ended in any way
            open         int    entered - left
            p25, median, p75, p90
                         float  days by which that share had left; missing where the curve
                                does not come so far yet
            low, high    float  days; Brookmeyer-Crowley interval of the median, `high`
                                missing where it has no end yet, both where so few left that
                                they carry none of that confidence
            batch_updated
                         int    of those entered, in opportunities clicked through in a day
            undated      int    not in the figures: entry or end is not recorded

        ``attrs["cannot_say"]`` has stage -> sentence, for stages that say nothing in any group.

    Raises
    ------
    EnablementError
        If a name is unknown.
    CannotSayError
        If `as_of` lies before the export and it has no history of stages.

    See Also
    --------
    enablement.charts.time_in_stage : draws this table.
    """
    definitions.check_word("credit", credit, CREDITS)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    definitions.check_past(crm, until, "Time in stage")
    groups = definitions.split(crm, definitions.per_pipeline(crm, by), where, cohorts=True)
    said = {"credit": credit, **definitions.span(span)}
    counted = _lengths(crm, groups, until, renewals, said)
    table = _measured(_rows(crm, groups, counted), counted, groups, confidence)
    return definitions.describe(
        table[[*groups.columns, *COLUMNS]],
        definition=STAYS
        + (f"; entered in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        cannot_say=_cannot_say(table),
        confidence=confidence,
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, definitions.CREDIT_WORDS[credit]),
        period=str(span) if span else None,
    )


COLUMNS = [
    *("stage", "entered", "left", "open", "p25", "median", "low", "high", "p75", "p90"),
    *("batch_updated", "undated"),
]


def _visits(crm: CRM, groups: Split, until: pd.Timestamp, renewals: str) -> pd.DataFrame:
    sql = f"""
        with attributes as (select * exclude (rep_id, stage, pipeline, amount, outcome, closed_at)
                       from opportunities)
        select o.shown_id as opportunity_id, x.visit, x.pipeline, x.stage, x.stage_order,
               r.rep_id, x.entered_at, v.left_at, v.exit, x.amount,
               -- The greatest of 0 and nothing would be 0.
               case when x.entered_at is not null and (v.exit = 'open' or v.left_at is not null)
                    then greatest(0, date_diff(
                        'day', x.entered_at::date,
                        (case when v.exit = 'open' then $until else v.left_at end)::date
                    )) end as days,
               coalesce(c.batch_updated, false) as batch_updated
        from seen v
        join used using (opportunity_id)
        join attributes o using (opportunity_id)
        left join clicked_through c using (opportunity_id)
        join listed x on x.opportunity_id = o.shown_id and x.visit = v.visit
        left join reps r on r.rep_key = v.rep_id
        where {groups.limit()}
        order by o.shown_id, x.visit
    """
    tables = {
        **definitions.seen_tables(crm, until, renewals),
        "listed": crm.sources["stage_visits"],
    }
    return crm.session.query(sql, tables, {"until": until.to_pydatetime()})


def _lengths(
    crm: CRM, groups: Split, until: pd.Timestamp, renewals: str, said: dict[str, object]
) -> pd.DataFrame:
    """Count the stays of each group and stage by their days, ended or not."""
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("sojourns",),
            until=until,
            renewals=renewals,
            said=said,
            select=f"""
            select {groups.select()} p.stage, p.counts as dated, p.days, p.event,
                   count(*) as many, count(*) filter (p.batch_updated) as batched
        """,
            group="group by all",
        ),
    )


def _rows(crm: CRM, groups: Split, counted: pd.DataFrame) -> pd.DataFrame:
    """Give every group a row for every stage."""
    stages = visits.places(crm.settings)
    stages = stages.loc[stages["outcome"].isna(), ["pipeline", "stage"]]
    shown = definitions.everybody(crm, counted, groups)
    if "pipeline" in groups.columns:
        return shown.merge(stages, on="pipeline")
    return shown.merge(stages.drop(columns="pipeline"), how="cross")


def _measured(
    rows: pd.DataFrame, counted: pd.DataFrame, groups: Split, confidence: float
) -> pd.DataFrame:
    """Add counts and quantiles to each row, and blank the days that say nothing."""
    keys = [*groups.columns, "stage"]
    cells = rows[keys].assign(cell=range(len(rows)))
    stays = counted.merge(cells, on=keys)
    dated = stays[stays["dated"]]
    lasted = durations.curves(
        dated["days"], dated["event"], dated["cell"], dated["many"], groups=len(rows)
    )
    low, high = durations.quantile_interval(lasted, 0.5, confidence=confidence)
    table = rows.assign(
        entered=_summed(dated["cell"], dated["many"], len(rows)),
        left=lasted.ended,
        low=low,
        high=high,
        batch_updated=_summed(dated["cell"], dated["batched"], len(rows)),
        undated=_summed(stays["cell"], stays["many"].mask(stays["dated"], 0), len(rows)),
        **{name: durations.quantile(lasted, share) for name, share in QUANTILES.items()},
    )
    table["open"] = table["entered"] - table["left"]
    void = table["batch_updated"] > BATCH * table["entered"]
    days = [*QUANTILES, "low", "high"]
    table[days] = table[days].mask(void)
    table["stage"] = pd.Categorical(
        table["stage"], categories=list(dict.fromkeys(rows["stage"])), ordered=True
    )
    return table.assign(void=void)


def _summed(cells: pd.Series, counts: pd.Series, size: int) -> np.ndarray:
    return np.bincount(cells, weights=counts, minlength=size).astype(np.int64)


def _cannot_say(table: pd.DataFrame) -> dict[str, str]:
    """Say of each stage that has no days in any group why it has none."""
    said = {}
    for stage, rows in table.groupby("stage", observed=True):
        some = rows[rows["entered"] > 0]
        if len(some) and some["void"].all():
            said[str(stage)] = (
                f"{some['batch_updated'].sum():,} of {some['entered'].sum():,} stays belong to "
                "opportunities that were clicked through all their stages in one day"
            )
        elif some.empty and rows["undated"].sum():
            said[str(stage)] = f"when {stage} was entered and left is not recorded"
    return said
