"""Conversion from stage to stage, by a definition that is named and printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.measure import definitions, estimates
from enablement.measure.definitions import CONVERSIONS, Definition, Split
from enablement.periods import Period, moment
from enablement.read import engine, visits
from enablement.read.crm import CRM

COUNTS = ["entered", "moved_on", "won", "lost", "back", "handed_off", "cancelled", "open"]
WON_PLACE = 1_000  # of the row that counts those won, behind every stage
STAYS_ALONE = ("visit", "visit, finished", "period", "within")  # say nothing of the way to won
COLUMNS = [
    *("stage", "entered", "moved_on", "rate", "low", "high", "won", "to_won"),
    *("lost", "back", "handed_off", "cancelled", "open"),
]


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What a conversion was asked for, checked.

    name : the definition, with its reading, such as ``visit, finished``
    until : the last moment that counts
    span : the period; None for all
    within : days, for the definition of that name
    credit, renewals : as for `conversion`
    """

    name: str
    until: pd.Timestamp
    span: Period | None
    within: int | None
    credit: str
    renewals: str

    @property
    def meant(self) -> Definition:
        """The definition itself."""
        return CONVERSIONS[self.name]

    def parameters(self) -> dict[str, object]:
        """Everything that the SQL may ask for."""
        return {
            "credit": self.credit,
            "within": self.within,
            "stays": "finished" if self.name == "visit, finished" else "all",
            "decided": self.meant.cohort == "decided",
            **definitions.span(self.span),
        }


def conversion(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    definition: str = "reached",
    period: str | Period | tuple[object, object] | None = None,
    skipped: str = "passed",
    stays: str = "all",
    within: int | None = None,
    credit: str = "at_entry",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Share of opportunities that moved on from each stage, by a named definition.

    ============  ==================================================================
    ``reached``   every stage up to the deepest one reached; a skipped stage counts
                  as passed; open ones stay in the denominator
    ``strict``    a stage only after all earlier ones, in order
    ``touch``     a stage if it was ever entered; a ratio of two counts that can
                  exceed 1 and has no interval
    ``decided``   those won or lost alone
    ``visit``     each stay by itself
    ``period``    in the stage during the period, and moved on within it
    ``within``    moved on within so many days of the first entry; younger ones are
                  immature: left out, and counted in a column
    ============  ==================================================================

    A stage whose entries the export does not record has missing numbers, and
    ``attrs["cannot_say"]`` says why.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    by : None for all, ``rep``, a column of the reps or of the opportunities, or several
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    definition : one of the names above
    period : None for all, else those begun in it (``reached``, ``strict``, ``touch``),
        decided in it (``decided``), entered in it (``visit``, ``within``); ``period``
        needs one
    skipped : with ``decided``: a skipped stage was ``passed``, or counts only if
        ``touched`` (then a ratio of two counts)
    stays : with ``visit``: ``all``, or ``finished`` (without the open, the handed off
        and the cancelled, which have not failed)
    within : with ``within``: days; the last of them counts
    credit : whose a stage is: ``at_entry`` (who owned the opportunity when it first
        entered the stage; for a skipped stage, at the next real entry), ``final`` (who
        owned it at its close) or ``first`` (who owned it first)
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
            rate        float  moved_on / entered; missing where none entered
            low, high   float  Jeffreys interval of `rate`; missing for a ratio
            won         int    of those entered, won by this definition
            to_won      float  won / entered; missing for visit, period and within
            lost, back, handed_off, cancelled, open
                        int    what became of those that did not move on
            overlap, overlap_won
                        int    ratios only: those counted in both stages, and in this
                               one and won
            immature    int    within only: entered less than so many days ago

        ``attrs`` has ``definition``, ``as_of``, ``credit``, ``still_open`` (the share
        of the opportunities counted that are open, 0 to 1) and ``cannot_say`` (stage -> sentence).

    Raises
    ------
    EnablementError
        If a name is unknown, or an argument belongs to another definition.
    CannotSayError
        If `as_of` lies before the export and it has no history (but for ``decided``).

    See Also
    --------
    enablement.charts.conversion : draws this table.
    compare_definitions : the same data by every definition.
    """
    name = _named(definition, skipped=skipped, stays=stays, within=within, period=period)
    definitions.check_word("credit", credit, definitions.CREDITS)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    span = None if period is None else crm.period(period)
    asked = Question(name, moment(as_of), span, within, credit, renewals)
    if asked.meant.past:
        definitions.check_past(crm, asked.until, "Conversion")
    groups = definitions.split(crm, definitions.per_pipeline(crm, by), where)
    table = _complete(crm, _count(crm, groups, asked), groups, asked)
    cannot = _unrecorded(crm)
    table = _rated(table, asked, confidence, list(cannot))
    return definitions.describe(
        table[[*groups.columns, *COLUMNS, *_more_columns(asked)]],
        definition=_line(crm, asked, groups),
        until=asked.until,
        crm=crm,
        cannot_say=cannot,
        still_open=_still_open(crm, groups, asked),
        confidence=confidence,
        verdict=_verdict(table, groups),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, definitions.CREDIT_WORDS[credit]),
        period=str(span) if span else None,
        name=name,
        ratio=asked.meant.ratio,
    )


def compare_definitions(
    crm: CRM,
    *,
    as_of: object,
    where: Mapping[str, str] | None = None,
    within: int = 90,
    renewals: str = "left out",
) -> pd.DataFrame:
    """The same opportunities by every definition, side by side.

    Parameters
    ----------
    crm, as_of, where, renewals : as for `conversion`
    within : days for the definition of that name

    Returns
    -------
    pandas.DataFrame
        One row per definition and stage::

            definition  text   its name and reading, such as ``decided, touched``
            stage       category, in funnel order
            entered, moved_on
                        int    the two counts
            rate        float  moved_on / entered
            to_won      float  won / entered, where the definition has it
            weakest     bool   whether the rate is the lowest of the definition

        ``period`` is not among them: it needs one. ``attrs["verdict"]`` says whether
        the weakest stage depends on the definition.
    """
    readings: dict[str, dict[str, Any]] = {
        "reached": {},
        "strict": {},
        "touch": {},
        "decided": {},
        "decided, touched": {"definition": "decided", "skipped": "touched"},
        "visit": {},
        "visit, finished": {"definition": "visit", "stays": "finished"},
        "within": {"within": within},
    }
    parts = []
    for name, said in readings.items():
        asked = {"definition": name, **said}
        table = conversion(crm, as_of=as_of, where=where, renewals=renewals, **asked)
        weakest = table["rate"].eq(table["rate"].min())
        parts.append(table.assign(definition=name, weakest=weakest))
    columns = ["definition", "stage", "entered", "moved_on", "rate", "to_won", "weakest"]
    whole = pd.concat(parts, ignore_index=True)[columns]
    return definitions.describe(
        whole,
        definition=f"every definition that needs no period; within {within} days"
        + definitions.left_out(crm, renewals),
        until=moment(as_of),
        crm=crm,
        verdict=_compared(whole),
    )


def _compared(table: pd.DataFrame) -> str:
    """Say whether the weakest stage depends on the definition."""
    lowest = table[table["weakest"]].groupby("definition", sort=False)["stage"].first()
    if lowest.empty:
        return "No definition has a rate here."
    last = "The lowest rate is not yet the leak: what it costs is another question."
    if lowest.nunique() == 1:
        return f"By every definition the lowest rate is that of {lowest.iloc[0]}. {last}"
    named = lowest.groupby(lowest.astype("str"), sort=False)
    parts = [f"{stage} by {_listed(list(rows.index))}" for stage, rows in named]
    return f"The weakest stage depends on the definition: {'; '.join(parts)}. {last}"


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _named(definition: str, *, skipped: str, stays: str, within: int | None, period: object) -> str:
    """Find the definition with its reading, and refuse arguments that belong to another."""
    if definition not in definitions.NAMES:
        known = choices(definition, list(definitions.NAMES))
        raise EnablementError(f"No definition is called {definition!r}. {known}")
    definitions.check_word("skipped", skipped, definitions.SKIPPED)
    definitions.check_word("stays", stays, definitions.STAYS)
    belongs = {
        "skipped": ("decided", skipped != "passed"),
        "stays": ("visit", stays != "all"),
        "within": ("within", within is not None),
    }
    for argument, (owner, given) in belongs.items():
        if given and definition != owner:
            raise EnablementError(
                f"{argument} belongs to definition={owner!r}, not {definition!r}."
            )
    if definition == "within" and (not isinstance(within, int) or within < 0):
        raise EnablementError(f"definition='within' needs days, such as within=30, not {within!r}.")
    if definition == "period" and period is None:
        raise EnablementError("definition='period' needs a period, such as period='2026Q3'.")
    if skipped == "touched":
        return "decided, touched"
    return "visit, finished" if stays == "finished" else definition


def _line(crm: CRM, asked: Question, groups: Split) -> str:
    """Write the definition line."""
    return (
        f"{asked.name}: {asked.meant.says.format(within=asked.within)}"
        + (f"; {asked.meant.cohort} in {asked.span}" if asked.span else "")
        + definitions.left_out(crm, asked.renewals)
        + str(groups)
    )


def _count(crm: CRM, groups: Split, asked: Question) -> pd.DataFrame:
    """Count the passages of each group and stage."""
    return _ask(
        crm,
        groups,
        asked,
        f"""
        select {groups.select()} p.stage, p.place,
               count(*) filter (p.counts) as entered,
               count(*) filter (p.became = 'moved on') as moved_on,
               count(*) filter (p.counts and p.won) as won,
               count(*) filter (p.became = 'lost') as lost,
               count(*) filter (p.became = 'back') as back,
               count(*) filter (p.became = 'handed off') as handed_off,
               count(*) filter (p.became = 'cancelled') as cancelled,
               count(*) filter (p.became = 'open') as open,
               count(*) filter (p.became = 'immature') as immature
        """,
        "group by all",
    )


def _still_open(crm: CRM, groups: Split, asked: Question) -> float:
    """Share of the opportunities counted that are open, each once."""
    counted = "select count(distinct p.opportunity_id) filter (s.outcome = 'open') as open, "
    row = _ask(crm, groups, asked, counted + "count(distinct p.opportunity_id) as everyone").iloc[0]
    return float(row["open"] / row["everyone"]) if row["everyone"] else float("nan")


def _ask(crm: CRM, groups: Split, asked: Question, select: str, group: str = "") -> pd.DataFrame:
    """Run one query over the passages of a definition, with whose each is."""
    texts = "".join(engine.text("measure", name) for name in ("states", *asked.meant.sql))
    sql = f"""
        {texts},
        attributes as (select * exclude (outcome, stage, rep_id, closed_at)
                       from opportunities)
        {select}
        from passages p
        join (select opportunity_id, outcome, entry_rep, final_rep from states) s
            using (opportunity_id)
        join attributes o using (opportunity_id)
        left join reps r on r.rep_id = case $credit when 'final' then s.final_rep
                                                    when 'first' then s.entry_rep
                                                    else p.rep_id end
        where {groups.limit()}
        {group}
    """
    tables = {**definitions.seen_tables(crm), "places": visits.places(crm.settings)}
    said = {**definitions.seen(crm, asked.until, asked.renewals), **asked.parameters()}
    return engine.query(sql, tables, said)


def _complete(crm: CRM, counted: pd.DataFrame, groups: Split, asked: Question) -> pd.DataFrame:
    """Give every group a row for every stage, with 0 where nobody entered."""
    stages = visits.places(crm.settings)
    stages = stages.loc[stages["outcome"].isna(), ["pipeline", "stage", "place"]]
    shown = definitions.everybody(crm, counted, groups)
    if "pipeline" in groups.columns:
        rows = shown.merge(stages, on="pipeline")
    else:
        rows = shown.merge(stages.drop(columns="pipeline"), how="cross")
    keys = list(groups.columns)
    table = rows.merge(counted, on=[*keys, "stage", "place"], how="left")
    counts = [*COUNTS, "immature"]
    table[counts] = table[counts].fillna(0).astype("int64")
    if asked.meant.ratio:
        table = _as_ratio(table, counted, keys)
    table["stage"] = pd.Categorical(table["stage"], categories=crm.settings.stages, ordered=True)
    return table


def _as_ratio(table: pd.DataFrame, counted: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Hold each stage's count against the next one's, and the last against those won."""
    won = counted[counted["place"] == WON_PLACE].set_index(keys or "place")["entered"]
    if keys:
        wins = table[keys].merge(won.reset_index(), on=keys, how="left")["entered"]
    else:
        wins = pd.Series(won.iloc[0] if len(won) else 0, index=table.index)
    wins = wins.fillna(0).astype("int64").set_axis(table.index)
    grouped = table.groupby(keys, dropna=False, sort=False) if keys else table.groupby(lambda _: 0)
    following = grouped["entered"].shift(-1)
    return table.assign(
        overlap=table["moved_on"],
        overlap_won=table["won"],
        moved_on=following.where(following.notna(), wins).astype("int64"),
        won=wins,
    )


def _rated(
    table: pd.DataFrame, asked: Question, confidence: float, unrecorded: list[str]
) -> pd.DataFrame:
    counts = [*COUNTS, *_more_columns(asked)]
    hidden = table["stage"].isin(unrecorded)
    if hidden.any():
        table = table.astype(dict.fromkeys(counts, "Int64"))
        table.loc[hidden, counts] = pd.NA
    entered = table["entered"].astype("float64")
    moved_on = table["moved_on"].astype("float64")
    some = entered.where(entered > 0)
    if asked.meant.ratio:
        low = high = np.full(len(table), np.nan)
    else:
        low, high = estimates.jeffreys(moved_on, entered, confidence=confidence)
    whole = asked.name not in STAYS_ALONE
    to_won = table["won"].astype("float64") / some if whole else float("nan")
    return table.assign(rate=moved_on / some, low=low, high=high, to_won=to_won)


def _more_columns(asked: Question) -> list[str]:
    if asked.meant.ratio:
        return ["overlap", "overlap_won"]
    return ["immature"] if asked.name == "within" else []


def _verdict(table: pd.DataFrame, groups: Split) -> str:
    """Say whether the groups differ beyond chance at any stage.

    Each stage is a test of its own; p is multiplied by their number (Bonferroni), so that many
    stages do not make a difference out of nothing.
    """
    if not groups.columns or "overlap" in table:
        return ""
    named = table[table[list(groups.columns)].notna().all(axis=1) & table["rate"].notna()]
    tests = {
        str(stage): estimates.homogeneity(rows["moved_on"], rows["entered"] - rows["moved_on"])
        for stage, rows in named.groupby("stage", observed=True)
    }
    found = {stage: test for stage, test in tests.items() if test is not None}
    if not found:
        return ""
    each = {stage: min(1.0, test.p * len(found)) for stage, test in found.items()}
    what, most = definitions.plural(groups), max(test.groups for test in found.values())
    differ = [stage for stage, p in each.items() if p < estimates.ALPHA]
    smallest = definitions.p_value(min(each.values()))
    how = f"smallest p {smallest}" + (
        f", corrected for {len(found)} stages" if len(found) > 1 else ""
    )
    if not differ:
        return f"Between the {most} {what} no difference can be detected at any stage ({how})."
    return f"The {most} {what} differ by more than chance at {' and '.join(differ)} ({how})."


def _unrecorded(crm: CRM) -> dict[str, str]:
    """Name the stages whose entries the export does not record."""
    if crm.stage_history:
        return {}
    return {
        stage: f"who entered {stage} is not recorded"
        for stage in crm.settings.stages
        if stage not in crm.settings.stage_dates
    }
