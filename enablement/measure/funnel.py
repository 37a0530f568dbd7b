"""Conversion from stage to stage, by a definition that is named and printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.measure import competing, counting, definitions, estimates, exchange
from enablement.measure.arguments import checked
from enablement.measure.definitions import CONVERSIONS, Definition, Split
from enablement.periods import Period, moment
from enablement.read import visits
from enablement.read.crm import CRM

COUNTS = ["entered", "moved_on", "won", "lost", "back", "handed_off", "cancelled", "open"]
WON_PLACE = 1_000  # of the row that counts those won, behind every stage
STAYS_ALONE = ("visit", "visit, finished", "period", "within")  # say nothing of the way to won
COLUMNS = [
    *("stage", "entered", "moved_on", "rate", "low", "high", "won", "to_won"),
    *("lost", "back", "handed_off", "cancelled", "open"),
]
ESTIMATED = [
    *("se", "lost_rate", "cancelled_rate", "day"),
    *("to_won_low", "to_won_high", "to_won_se", "to_lost", "to_won_day", "undated"),
]
SUMS = {
    "entered": "p.counts",
    "moved_on": "p.became = 'moved on'",
    "won": "p.counts and p.won",
    "lost": "p.became = 'lost'",
    "back": "p.became = 'back'",
    "handed_off": "p.became = 'handed off'",
    "cancelled": "p.became = 'cancelled'",
    "open": "p.became = 'open'",
    "immature": "p.became = 'immature'",
    "undated": "p.became = 'undated'",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What a conversion was asked for, checked.

    name : the definition, with its reading, such as ``visit, finished``
    until : the last moment that counts
    span : the period; None for all
    cohort : what the period means: begun, entered or decided in it
    groups : what the table is split by and limited to
    within : days, for the definitions that take them
    credit, of, confidence, renewals : as for `conversion`
    """

    name: str
    until: pd.Timestamp
    span: Period | None
    cohort: str
    groups: Split
    within: int | None
    credit: str
    of: str
    confidence: float
    renewals: str

    @property
    def meant(self) -> Definition:
        """The definition itself."""
        return CONVERSIONS[self.name]

    @property
    def matures(self) -> bool:
        """Whether a rate still changes as open ones are decided."""
        return self.meant.matures and self.cohort != "decided"

    @property
    def shared(self) -> bool:
        """Whether one opportunity counts for several reps, as shares of one."""
        each_has_one_rep = self.meant.sql == ("visit",)
        return self.credit == "share" and counting.by_rep(self.groups) and not each_has_one_rep

    @property
    def whole(self) -> bool:
        """Whether opportunities are counted, each as one: only such counts have an interval."""
        return self.of == "opportunities" and not self.shared

    @property
    def more_columns(self) -> list[str]:
        """The columns that this definition has and others have not."""
        more = ["immature"] if self.name == "within" else []
        more += ESTIMATED if self.name == "estimate" else []
        more += ["overlap", "overlap_won"] if self.meant.ratio else []
        return [*more, *(counting.VALUES if self.of == "value" else [])]

    def of_passages(self) -> counting.Question:
        """What is asked of its passages, with everything that their SQL may ask for."""
        span = definitions.span(self.span)
        within_it = span if self.name == "period" else {"first": None, "last": None}
        said = {
            "credit": "at_entry" if self.credit == "share" and not self.shared else self.credit,
            "of": self.of,
            "within": self.within,
            "stays": "finished" if self.name == "visit, finished" else "all",
            "decided": self.meant.cohorts[0] == "decided",
            "cohort": self.cohort,
            "held_from": within_it["first"],
            "held_until": within_it["last"],
            **span,
        }
        return counting.Question(
            self.groups, self.meant.sql, until=self.until, renewals=self.renewals, said=said
        )


@checked
def conversion(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    definition: str = "reached",
    period: str | Period | tuple[object, object] | None = None,
    cohort: str | None = None,
    skipped: str = "passed",
    stays: str = "all",
    within: int | None = None,
    credit: str = "at_entry",
    of: str = "opportunities",
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
    ``estimate``  the share that will have moved on so many days after the first
                  actual entry (Aalen-Johansen): being lost or cancelled competes,
                  open ones are undecided and not failed, and a loss that was
                  reopened is no outcome
    ``headline``  the number to lead with: ``estimate`` where more than a tenth of
                  those counted are still open, else ``reached``; a column has the
                  rate by ``reached`` beside it
    ============  ==================================================================

    A stage whose entries the export does not record has missing numbers, and
    ``attrs["cannot_say"]`` says why.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    by : None for all, ``rep``, a column of the reps, the opportunities or their accounts,
        ``period`` (the fiscal quarter of each cohort), or several
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    definition : one of the names above
    period : None for all, else one cohort; ``definition="period"`` needs one
    cohort : what the period means: ``begun`` in it, ``entered`` the stage in it, or
        ``decided`` in it. None for the definition's own: begun (``reached``, ``strict``,
        ``touch``, ``headline``), decided (``decided``), entered (``visit``, ``within``,
        ``estimate``); all but the first three can be asked for those begun in it
    skipped : with ``decided``: a skipped stage was ``passed``, or counts only if
        ``touched`` (then a ratio of two counts)
    stays : with ``visit``: ``all``, or ``finished`` (without the open, the handed off
        and the cancelled, which have not failed)
    within : days after the entry, the last of which counts. ``within`` needs them;
        ``estimate`` and ``headline`` are read on that day, and without it on the last one
        to which the groups with nine in ten of those entered were followed
    credit : whose a stage is: ``at_entry`` (who owned the opportunity when it first
        entered the stage; for a skipped stage, at the next real entry), ``final`` (who
        owned it at its close), ``first`` (who owned it first) or ``share`` (each owner,
        by the days of having it in that stage; counts are then sums of shares). A stay
        has one rep under ``share``
    of : ``opportunities``, or ``value``: every count is then an amount, what was last
        known of it on that day
    confidence : coverage of the interval, between 0 and 1
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per stage in funnel order, per group of `by`::

            (group)     text   the columns of `by`; a rep's is rep_id, and period is such
                               as 2026Q3
            stage       category, in funnel order
            entered     int    the denominator
            moved_on    int    went further, or were won
            rate        float  moved_on / entered; missing where none entered. By
                               ``estimate`` the estimated share, on the day of `day`
            low, high   float  interval of `rate`: Jeffreys, by ``estimate`` on the
                               complementary log-log scale (missing where the rate is 0
                               or 1). Missing for ratios, shares of one and amounts
            won         int    of those entered, won by this definition
            to_won      float  won / entered; missing for visit, period and within. By
                               ``estimate`` the estimated share won, on to_won_day
            lost, back, handed_off, cancelled, open
                        int    what became of those that did not move on
            overlap, overlap_won
                        int    ratios only: those counted in both stages, and in this
                               one and won
            immature    int    within only: entered less than so many days ago
            se          float  estimate only: standard error of `rate`
            lost_rate, cancelled_rate
                        float  estimate only: share lost and cancelled without moving on
            day         int    estimate only: days after the entry at which all groups of
                               the stage are read; a group not followed so long has no rate
            to_won_low, to_won_high, to_won_se, to_lost
                        float  estimate only: of `to_won`, and the share lost in the end
            to_won_day  int    estimate only: the day at which those are read
            undated     int    estimate only: left out, as an entry or outcome has no date
            with_amount, without_amount
                        int    of value only: opportunities whose amount is known and in
                               the sums, and those whose amount is not
            largest     float  of value only: what the largest one carries of entered
            reached     float  headline only: the rate by ``reached``

        By value the counts are floats in the currency of ``attrs``, and there is no rate
        where more than a tenth have no amount; by ``share`` they are floats.

        ``attrs`` has ``definition``, ``as_of``, ``credit``, ``still_open`` (the share
        of the opportunities counted that are open, 0 to 1), ``cannot_say`` (stage ->
        sentence), ``warning`` (where one opportunity carries more than 30 % of a value)
        and ``maturity`` (why cohorts that are not equally mature are not compared).

    Raises
    ------
    EnablementError
        If a name is unknown, or an argument belongs to another definition.
    CannotSayError
        If `as_of` lies before the export and it has no history (but for ``decided``), or
        if amounts are not known or in several currencies.

    See Also
    --------
    enablement.charts.conversion : draws this table.
    compare_definitions : the same data by every definition.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5:141-150.
    """
    shared: dict[str, Any] = {
        **{"as_of": as_of, "by": by, "where": where, "period": period, "credit": credit},
        **{"of": of, "confidence": confidence, "renewals": renewals},
    }
    if definition == "headline":
        _only_begun(cohort)
        return _headline(crm, within, shared)
    name = _named(definition, skipped=skipped, stays=stays, within=within, period=period)
    asked = _question(crm, name, cohort, within, **shared)
    table = _complete(crm, _count(crm, asked), asked)
    cannot = _unrecorded(crm)
    table = _rated(crm, table, asked, list(cannot))
    maturity = _maturity(crm, asked)
    described = definitions.describe(
        table[[*asked.groups.columns, *COLUMNS, *asked.more_columns]],
        definition=_line(crm, asked, table),
        until=asked.until,
        crm=crm,
        cannot_say=cannot,
        still_open=_still_open(crm, asked),
        confidence=confidence,
        verdict=maturity or _verdict(table, asked),
        maturity=maturity,
        warning=counting.warning(table, "stage") if of == "value" else "",
        groups=asked.groups.columns,
        labels=definitions.labels(crm, asked.groups),
        credit=counting.credited(crm, asked.groups, credit, definitions.CREDIT_WORDS),
        period=str(asked.span) if asked.span else None,
        name=name,
        of=of,
        currency=exchange.currency(crm, asked.groups),
        ratio=asked.meant.ratio,
    )
    return described


def counts(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    definition: str = "decided",
    period: str | Period | tuple[object, object] | None = None,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Count a conversion and say nothing of it: for what goes on computing with the counts.

    Whether many small groups differ takes permutations, which take longer than all the rest.

    Parameters
    ----------
    crm, as_of, by, definition, period, renewals : as for `conversion`

    Returns
    -------
    pandas.DataFrame
        The rows of `conversion`, with ``stage`` and its columns of counts alone.
        ``attrs["cannot_say"]`` has stage -> sentence.
    """
    asked = _question(
        crm,
        _named(definition, skipped="passed", stays="all", within=None, period=period),
        cohort=None,
        within=None,
        as_of=as_of,
        by=by,
        where=None,
        period=period,
        credit="at_entry",
        of="opportunities",
        confidence=estimates.CONFIDENCE,
        renewals=renewals,
    )
    table = _complete(crm, _count(crm, asked), asked)
    table = table[[*asked.groups.columns, "stage", *COUNTS]]
    table.attrs = {"cannot_say": _unrecorded(crm)}
    return table


def _headline(crm: CRM, within: int | None, shared: dict[str, Any]) -> pd.DataFrame:
    """Give the number to lead with: `reached`, or where too many are open `estimate`."""
    reached = conversion(crm, definition="reached", **shared)
    share = reached.attrs["still_open"]
    ripe = not reached.attrs["maturity"] and not share > definitions.IMMATURE
    if ripe:
        table = reached
    else:
        table = conversion(crm, definition="estimate", cohort="begun", within=within, **shared)
    beside = reached["rate"]
    if not ripe:
        keys = [*reached.attrs["groups"], "stage"]
        both = table[keys].merge(reached[[*keys, "rate"]], on=keys, how="left")
        beside = both["rate"].set_axis(table.index)
    table = table.assign(reached=beside)
    table.attrs["definition"] = f"headline, since {_why(reached)}: {table.attrs['definition']}"
    table.attrs["headline"] = "reached" if ripe else "estimate"
    return table


def _why(reached: pd.DataFrame) -> str:
    """Say why the headline is the one it is."""
    share, limit = reached.attrs["still_open"], counting.percent(definitions.IMMATURE)
    if share > definitions.IMMATURE:
        return f"{counting.percent(share)} are still open"
    if reached.attrs["maturity"]:
        return f"of one period more than {limit} are still open"
    return f"no more than {limit} are still open"


def _question(
    crm: CRM,
    name: str,
    cohort: str | None,
    within: int | None,
    *,
    as_of: object,
    by: str | Sequence[str] | None,
    where: Mapping[str, str] | None,
    period: str | Period | tuple[object, object] | None,
    credit: str,
    of: str,
    confidence: float,
    renewals: str,
) -> Question:
    """Check what was asked for."""
    definitions.check_word("credit", credit, definitions.CREDITS)
    definitions.check_word("of", of, definitions.OF)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    meant = CONVERSIONS[name]
    if cohort is not None:
        definitions.check_word("cohort", cohort, meant.cohorts)
    groups = definitions.split(
        crm, definitions.per_pipeline(crm, by), where, cohorts=name != "period"
    )
    until = moment(as_of)
    if meant.past:
        definitions.check_past(crm, until, "Conversion")
    if of == "value":
        exchange.check(crm, groups)
    return Question(
        name=name,
        until=until,
        span=None if period is None else crm.period(period),
        cohort=cohort or meant.cohorts[0],
        groups=groups,
        within=within,
        credit=credit,
        of=of,
        confidence=confidence,
        renewals=renewals,
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
        the weakest stage depends on the definition, ``attrs["cannot_say"]`` has stage ->
        sentence as of `conversion`.
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
        "estimate": {},
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
        cannot_say=_unrecorded(crm),
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
        "within": ("within", within is not None and definition != "estimate"),
    }
    for argument, (owner, given) in belongs.items():
        if given and definition != owner:
            raise EnablementError(
                f"{argument} belongs to definition={owner!r}, not {definition!r}."
            )
    if definition == "within" or within is not None:
        _check_days(definition, within)
    if definition == "period" and period is None:
        raise EnablementError("definition='period' needs a period, such as period='2026Q3'.")
    if skipped == "touched":
        return "decided, touched"
    return "visit, finished" if stays == "finished" else definition


def _check_days(definition: str, within: object) -> None:
    if not isinstance(within, int) or isinstance(within, bool) or within < 0:
        raise EnablementError(
            f"definition={definition!r} needs days, such as within=30, not {within!r}."
        )


def _only_begun(cohort: str | None) -> None:
    """The headline compares `reached` and `estimate` of the same opportunities: those begun."""
    if cohort is not None:
        definitions.check_word("cohort", cohort, ("begun",))


def _line(crm: CRM, asked: Question, table: pd.DataFrame) -> str:
    """Write the definition line."""
    reading = _reading(asked, table) if asked.name == "estimate" else ""
    money = {
        "now": "; by value, at the amounts of the export",
        "then": "; by value, at the amounts last known then",
    }
    return (
        f"{asked.name}: {asked.meant.says.format(within=asked.within, reading=reading)}"
        + (f"; {asked.cohort} in {asked.span}" if asked.span else "")
        + (f"; a period is that in which they were {asked.cohort}" if _by_period(asked) else "")
        + (money[counting.amounts_known(crm, asked.until)] if asked.of == "value" else "")
        + (exchange.said(crm, asked.groups, asked.until) if asked.of == "value" else "")
        + definitions.left_out(crm, asked.renewals)
        + str(asked.groups)
    )


def _reading(asked: Question, table: pd.DataFrame) -> str:
    """Say on which day an estimate is read."""
    if asked.within is not None:
        return f"within {asked.within} days"
    read = table[table["day"].notna()].drop_duplicates("stage")
    days = [f"{stage} {day}" for stage, day in zip(read["stage"], read["day"], strict=True)]
    return f"within the days so far seen ({', '.join(days) or 'none'})"


def _by_period(asked: Question) -> bool:
    return "p" in asked.groups.sources


def _count(crm: CRM, asked: Question) -> pd.DataFrame:
    """Count the passages of each group and stage."""
    select = f"select {asked.groups.select()} p.stage, p.place, {counting.totals(asked.of, SUMS)}"
    return _ask(crm, asked, select, "group by all")


def _still_open(crm: CRM, asked: Question) -> float:
    """Share of the opportunities counted that are open, each once."""
    still, everyone = counting.open_ones(crm, asked.of_passages())
    return still / everyone if everyone else float("nan")


def _maturity(crm: CRM, asked: Question) -> str:
    """Say, of a table by period, why its cohorts are not compared; nothing where they can be."""
    if not (_by_period(asked) and asked.matures):
        return ""
    found = _ask(crm, asked, f"select p.period, {counting.OPEN_ONES}", "group by all")
    return counting.unequally_mature(found)


def _ask(crm: CRM, asked: Question, select: str, group: str = "") -> pd.DataFrame:
    """Run one query over the passages of a definition, with whose each is."""
    return counting.ask(crm, dataclasses.replace(asked.of_passages(), select=select, group=group))


def _complete(crm: CRM, counted: pd.DataFrame, asked: Question) -> pd.DataFrame:
    """Give every group a row for every stage, with 0 where nobody entered."""
    groups = asked.groups
    stages = visits.places(crm.settings)
    stages = stages.loc[stages["outcome"].isna(), ["pipeline", "stage", "place"]]
    shown = definitions.everybody(crm, counted, groups)
    if "pipeline" in groups.columns:
        rows = shown.merge(stages, on="pipeline")
    else:
        rows = shown.merge(stages.drop(columns="pipeline"), how="cross")
    keys = list(groups.columns)
    table = rows.merge(counted, on=[*keys, "stage", "place"], how="left")
    table[list(SUMS)] = table[list(SUMS)].fillna(0)
    if asked.of == "value":
        table[counting.VALUES[:2]] = table[counting.VALUES[:2]].fillna(0)
    if asked.meant.ratio:
        table = _as_ratio(table, counted, keys)
    table = table.astype(dict.fromkeys(_counts(asked), "int64" if asked.whole else "float64"))
    if asked.of == "value" and not asked.shared:
        table = table.astype(dict.fromkeys(counting.VALUES[:2], "int64"))
    table["stage"] = pd.Categorical(table["stage"], categories=crm.settings.stages, ordered=True)
    return table


def _counts(asked: Question) -> list[str]:
    """Name the columns that count opportunities, or add up their amounts."""
    more = [name for name in asked.more_columns if name in ("immature", "undated")]
    return [*COUNTS, *more, *(["overlap", "overlap_won"] if asked.meant.ratio else [])]


def _as_ratio(table: pd.DataFrame, counted: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Hold each stage's count against the next one's, and the last against those won."""
    won = counted[counted["place"] == WON_PLACE].set_index(keys or "place")["entered"]
    if keys:
        wins = table[keys].merge(won.reset_index(), on=keys, how="left")["entered"]
    else:
        wins = pd.Series(won.iloc[0] if len(won) else 0, index=table.index)
    wins = wins.fillna(0).set_axis(table.index)
    grouped = table.groupby(keys, dropna=False, sort=False) if keys else table.groupby(lambda _: 0)
    following = grouped["entered"].shift(-1)
    return table.assign(
        overlap=table["moved_on"],
        overlap_won=table["won"],
        moved_on=following.where(following.notna(), wins),
        won=wins,
    )


def _rated(crm: CRM, table: pd.DataFrame, asked: Question, unrecorded: list[str]) -> pd.DataFrame:
    """Add the rates and their intervals, and blank the stages that the export does not record."""
    table = _estimated(crm, table, asked) if asked.name == "estimate" else _shares(table, asked)
    if asked.of == "value":
        table = counting.valued(table, "entered")
    hidden = table["stage"].isin(unrecorded)
    if hidden.any():
        counts = [*_counts(asked), *(counting.VALUES[:2] if asked.of == "value" else [])]
        whole = {name: "Int64" for name in counts if table[name].dtype.kind == "i"}
        table = table.astype(whole)
        blank = [*counts, "rate", "low", "high", "to_won", *asked.more_columns]
        table.loc[hidden, list(dict.fromkeys(blank))] = pd.NA
    return table


def _shares(table: pd.DataFrame, asked: Question) -> pd.DataFrame:
    """Divide those that moved on by those that entered."""
    entered, moved_on = table["entered"].astype("float64"), table["moved_on"].astype("float64")
    some = entered.where(entered > 0)
    low = high = np.full(len(table), np.nan)
    if asked.whole and not asked.meant.ratio:
        low, high = estimates.jeffreys(moved_on, entered, confidence=asked.confidence)
    whole_way = asked.name not in STAYS_ALONE
    to_won = table["won"].astype("float64") / some if whole_way else float("nan")
    return table.assign(rate=moved_on / some, low=low, high=high, to_won=to_won)


def _estimated(crm: CRM, table: pd.DataFrame, asked: Question) -> pd.DataFrame:
    """Read the curves of moving on and of being won, each stage on its own day."""
    keys = [*asked.groups.columns, "stage"]
    cells = table[keys].assign(stage=table["stage"].astype("str"), cell=range(len(table)))
    stage = cells["stage"]
    if "pipeline" in cells:
        stage = stage + " of " + cells["pipeline"]
    moved = _curve(crm, asked, cells, stage, "p.days, p.event")
    ended = _curve(crm, asked, cells, stage, "p.ending_days, p.ending")
    low, high = _limits(moved, asked)
    won_low, won_high = _limits(ended, asked)
    sure = asked.whole
    return table.assign(
        rate=moved["share_1"],
        low=low,
        high=high,
        se=moved["error_1"] if sure else float("nan"),
        lost_rate=moved["share_2"],
        cancelled_rate=moved["share_3"],
        day=moved["day"],
        to_won=ended["share_1"],
        to_won_low=won_low,
        to_won_high=won_high,
        to_won_se=ended["error_1"] if sure else float("nan"),
        to_lost=ended["share_2"],
        to_won_day=ended["day"],
    )


def _curve(
    crm: CRM, asked: Question, cells: pd.DataFrame, stage: pd.Series, what: str
) -> pd.DataFrame:
    """Follow the opportunities of each group and stage to an outcome, or until now."""
    weight = counting.weight(asked.of)
    counted = _ask(
        crm,
        asked,
        f"select {asked.groups.select()} p.stage, {what}, sum({weight}) as weight",
        f"and p.counts and {weight} > 0 group by all",
    )
    keys = [*asked.groups.columns, "stage"]
    followed = counted.merge(cells, on=keys)
    days, event = (name.removeprefix("p.") for name in what.split(", "))
    followed = followed.rename(columns={days: "days", event: "event"})
    if asked.whole:
        followed = followed.astype({"weight": "int64"})
    return competing.read(followed, stage, outcomes=3, day=asked.within)


def _limits(curve: pd.DataFrame, asked: Question) -> tuple[np.ndarray, np.ndarray]:
    """Interval of an estimated share; none of amounts or of shares of one."""
    if not asked.whole:
        return np.full(len(curve), np.nan), np.full(len(curve), np.nan)
    return estimates.incidence_interval(
        curve["share_1"], curve["error_1"], confidence=asked.confidence
    )


def _verdict(table: pd.DataFrame, asked: Question) -> str:
    """Say whether the groups differ beyond chance at any stage.

    Each stage is a test of its own; p is multiplied by their number (Bonferroni), so that many
    stages do not make a difference out of nothing. Ratios, amounts, shares and estimates have
    no such test.
    """
    groups = asked.groups
    if not groups.columns or asked.meant.ratio or asked.name == "estimate" or not asked.whole:
        return ""
    named = table[table[list(groups.columns)].notna().all(axis=1) & table["rate"].notna()]
    tests = {
        str(stage): estimates.homogeneity(rows["moved_on"], rows["entered"] - rows["moved_on"])
        for stage, rows in named.groupby("stage", observed=True)
    }
    return over_stages(tests, groups) + _unripe(named[named["stage"].isin(_apart(tests))])


def _unripe(rows: pd.DataFrame) -> str:
    """Say where groups that differ also differ in how many are undecided; else nothing.

    Parameters
    ----------
    rows : of the stages at which they differ
    """
    for stage, each in rows.groupby("stage", observed=True):
        some = each[each["entered"] > 0]
        share = some["open"] / some["entered"]
        test = estimates.homogeneity(some["open"], some["entered"] - some["open"])
        if test and test.p < estimates.ALPHA and share.max() > definitions.IMMATURE:
            least, most = counting.percent(share.min()), counting.percent(share.max())
            return (
                f" Of those who entered {stage}, {least} to {most} are still open, which alone can "
                "make such a difference: those decided can be compared."
            )
    return ""


def over_stages(
    tests: Mapping[str, estimates.Homogeneity | None],
    groups: Split,
    *,
    alike: Collection[str] = (),
) -> str:
    """Say in a sentence at which stages groups differ beyond chance, p corrected for their number.

    Parameters
    ----------
    tests : the test of each stage; None where there was nothing to compare
    alike : stages at which no spread between the groups was found, whatever the test says
    """
    found = {stage: test for stage, test in tests.items() if test is not None}
    if not found:
        return ""
    what, most = definitions.plural(groups), max(test.groups for test in found.values())
    differ = [stage for stage in _apart(tests) if stage not in alike]
    smallest = definitions.p_value(min(_corrected(tests).values()))
    how = f"smallest p {smallest}" + (
        f", corrected for {len(found)} stages" if len(found) > 1 else ""
    )
    if not differ:
        return f"Between the {most:,} {what} no difference can be detected at any stage ({how})."
    return f"The {most:,} {what} differ by more than chance at {_stages(differ)} ({how})."


def _apart(tests: Mapping[str, estimates.Homogeneity | None]) -> list[str]:
    return [stage for stage, p in _corrected(tests).items() if p < estimates.ALPHA]


def _corrected(tests: Mapping[str, estimates.Homogeneity | None]) -> dict[str, float]:
    """Multiply p by the number of tests (Bonferroni)."""
    found = {stage: test.p for stage, test in tests.items() if test is not None}
    return {stage: min(1.0, p * len(found)) for stage, p in found.items()}


def _stages(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _unrecorded(crm: CRM) -> dict[str, str]:
    """Name the stages whose entries the export does not record."""
    if crm.stage_history:
        return {}
    return {
        stage: f"who entered {stage} is not recorded"
        for stage in crm.settings.stages
        if stage not in crm.dated_stages
    }
