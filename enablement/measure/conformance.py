"""Whether opportunities go the way of the sales process, and where they leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, estimates
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read import visits
from enablement.read.crm import CRM

OUT_OF = {
    "skipped a stage": "of those that came past a stage before the last one",
    "went back": "of those that entered a stage after the first one",
    "several stages in a day": "of those that entered {in_a_day} stages or more, on known days",
    "overdue": "of those open with an expected close date",
    "won without the last stage": "of those won",
}
CONFORMANCE = (
    "opportunities that left the process / those that could, each way for itself: a stage never "
    "entered though a later one was or it was won{late}; a move to an earlier stage; {in_a_day} "
    "stages or more entered on one day; still open after the expected close date; won without "
    "the last stage"
)
LATE_STARTS = ("skips", "allowed")
NO_HISTORY = (
    "the export has no stage history, and the present stage does not say which ones came before. "
    "Export the history of stages too."
)
COUNTS = ["deviated", "out_of", "times"]
COLUMNS = ["deviation", "deviated", "out_of", "of", "rate", "low", "high", "times"]


@checked
def process_conformance(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    late_start: str = "skips",
    in_a_day: int = 2,
    credit: str = "at_entry",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """How often opportunities leave the sales process, and in which way.

    Each way has a denominator of its own: those that could have left the process so. A won
    one cannot be overdue, and one that never came past a stage cannot have skipped it.

    Parameters
    ----------
    crm, as_of, where, confidence, renewals : as for `win_rate`
    by : as for `conversion`; with ``stage`` also the stage where it happened: the one that
        was skipped, gone back from, entered with others on a day, or is overdue
    period : opportunities begun in it, such as ``2026Q3``; None for all
    late_start : whether one that begins in a later stage ``skips`` those before it, or is
        ``allowed`` to
    in_a_day : so many stages entered on one day are a batch; at least 2
    credit : whose it is: ``at_entry`` (by stage who entered it, and of a skipped one who
        entered the next; else the first owner; what is overdue is the present owner's, and
        what was won that of who closed it), ``final``, ``first`` or ``share``

    Returns
    -------
    pandas.DataFrame
        One row per group and way, and per stage where asked::

            (group)    text   the columns of `by`; a rep's is rep_id
            stage      category, in funnel order; only where asked for
            deviation  text   skipped a stage, went back, several stages in a day, overdue, or
                              won without the last stage (which counts as no skipped one)
            deviated   int    opportunities that left the process in that way
            out_of     int    those that could have
            of         text   which these are
            rate       float  deviated / out_of, 0 to 1; missing where none could
            low, high  float  Jeffreys interval of `rate`
            times      int    how often: stages skipped, moves back, days with several stages

        By ``share`` counts are floats without an interval. ``attrs["cannot_say"]`` has
        deviation -> sentence, for those that the export cannot tell; they have no rows.
        ``attrs["verdicts"]`` has deviation -> whether the groups differ beyond chance, corrected
        for how many are compared.

    Raises
    ------
    EnablementError
        If a name is unknown, or `in_a_day` is less than 2.
    CannotSayError
        If `as_of` lies before an export without history, or none of it can be told.

    Notes
    -----
    Deviations are counted against a process that visits every stage once, in its order, as
    conformance checking does (van der Aalst 2016, Process Mining, chapter 8); overdue ones
    are Zoho's.
    """
    definitions.check_word("late_start", late_start, LATE_STARTS)
    definitions.check_word("credit", credit, definitions.CREDITS)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    definitions.check_past(crm, until, "Process conformance")
    cannot = _cannot_say(crm, until)
    rest, per_stage = definitions.stage_apart(by)
    groups = definitions.split(
        crm, definitions.per_pipeline(crm, rest) if per_stage else rest, where, cohorts=True
    )
    said = {
        **{"credit": credit, "late_start": late_start, "in_a_day": in_a_day},
        **{"per_stage": per_stage, "due_dates": _due_dates(crm, until)},
        **definitions.span(span),
    }
    counted = _counted(crm, groups, until, renewals, said)
    shared = credit == "share" and counting.by_rep(groups)
    rows = _rows(crm, groups, counted, per_stage)
    table = _rated(rows[~rows["deviation"].isin(list(cannot))], counted, shared, confidence)
    out_of = {way: of.format(in_a_day=in_a_day) for way, of in OUT_OF.items()}
    table["of"] = table["deviation"].map(out_of)
    stage = ["stage"] if per_stage else []
    if per_stage:
        table["stage"] = pd.Categorical(
            table["stage"], categories=list(crm.settings.stages), ordered=True
        )
    return definitions.describe(
        table[[*groups.columns, *stage, *COLUMNS]],
        definition=CONFORMANCE.format(
            late="" if late_start == "skips" else ", but for those before the first entry",
            in_a_day=in_a_day,
        )
        + (f"; begun in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        cannot_say=cannot,
        verdicts={} if per_stage or shared else _verdicts(table, groups),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=counting.credited(crm, groups, credit, definitions.CREDIT_WORDS),
        period=str(span) if span else None,
    )


def _due_dates(crm: CRM, until: pd.Timestamp) -> str:
    """Say which close dates hold: those of ``now``, or of ``then``, from the history."""
    return "then" if until.date() < crm.seen_until else "now"


def _cannot_say(crm: CRM, until: pd.Timestamp) -> dict[str, str]:
    """Say of each way that the export cannot tell why it cannot.

    Raises
    ------
    CannotSayError
        If it can tell none.
    """
    said = {}
    if not crm.stage_history:
        told = bool(crm.dated_stages) and crm.has("stage_visits", "entered_at")
        said["went back"] = NO_HISTORY
        if not told:
            said |= dict.fromkeys([way for way in OUT_OF if way != "overdue"], NO_HISTORY)
    past = _due_dates(crm, until) == "then"
    if not crm.has("stage_events" if past else "opportunities", "expected_close"):
        where = "history does not record" if past else "opportunities do not have"
        said["overdue"] = f"the {where} the expected close dates (expected_close)."
    if len(said) == len(OUT_OF):
        raise CannotSayError(
            f"Process conformance cannot be said: {said['went back'].rstrip('.')}; and "
            f"{said['overdue']}",
            lacks="no stage history",
        )
    return said


def _counted(
    crm: CRM, groups: Split, until: pd.Timestamp, renewals: str, said: dict[str, object]
) -> pd.DataFrame:
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("conformance",),
            until=until,
            renewals=renewals,
            said=said,
            select=f"""
            select {groups.select()} p.stage, p.deviation,
                   coalesce(sum(p.share) filter (p.deviates), 0) as deviated,
                   sum(p.share) as out_of, sum(p.share * p.times) as times
        """,
            group="group by all",
        ),
    )


def _rows(crm: CRM, groups: Split, counted: pd.DataFrame, per_stage: bool) -> pd.DataFrame:
    """Give every group a row for every way, and every stage where it can happen."""
    shown = definitions.everybody(crm, counted, groups)
    if not per_stage:
        return shown.merge(pd.DataFrame({"deviation": list(OUT_OF)}), how="cross")
    places = visits.places(crm.settings)
    places = places[places["outcome"].isna()]
    last = places["place"].eq(places.groupby("pipeline")["place"].transform("max"))
    first = places["place"].eq(1)
    happens = {
        "skipped a stage": ~last,
        "went back": ~first,
        "several stages in a day": first | True,
        "overdue": first | True,
        "won without the last stage": last,
    }
    each = [places[which].assign(deviation=way) for way, which in happens.items()]
    stages = pd.concat(each).sort_values(["pipeline", "place"], kind="stable")
    if "pipeline" in groups.columns:
        rows = shown.merge(stages[["pipeline", "stage", "deviation"]], on="pipeline")
    else:
        rows = shown.merge(stages[["stage", "deviation"]], how="cross")
    return rows


def _rated(
    rows: pd.DataFrame, counted: pd.DataFrame, shared: bool, confidence: float
) -> pd.DataFrame:
    keys = list(rows.columns)
    table = rows.merge(counted[[*keys, *COUNTS]], on=keys, how="left")
    table[COUNTS] = table[COUNTS].fillna(0).astype("float64" if shared else "int64")
    low, high = estimates.jeffreys(table["deviated"], table["out_of"], confidence=confidence)
    return table.assign(
        rate=table["deviated"] / table["out_of"].where(table["out_of"] > 0),
        low=float("nan") if shared else low,
        high=float("nan") if shared else high,
    )


def _verdicts(table: pd.DataFrame, groups: Split) -> dict[str, str]:
    """Say of each way whether groups differ in it beyond chance."""
    if not groups.columns:
        return {}
    named = table[table[list(groups.columns)].notna().all(axis=1)]  # nobody is no rep
    found = {
        str(way): estimates.homogeneity(rows["deviated"], rows["out_of"] - rows["deviated"])
        for way, rows in named.groupby("deviation", sort=False)
    }
    return definitions.verdicts(found, groups, each="deviations")
