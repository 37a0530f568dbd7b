"""Won and lost: how often, and how long it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from enablement.measure import counting, definitions, estimates, exchange
from enablement.measure.arguments import checked
from enablement.measure.counting import Question
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read.crm import CRM

CREDIT_WORDS = {
    **{"final": "owner at close", "first": "first owner", "at_entry": "first owner"},
    "share": "each owner by the days of having it",
}
COHORTS = ("decided", "begun")
FEWEST_FOR_TENTHS = 10
SUMS = {
    "created": "true",
    "won": "p.outcome = 'won'",
    "lost": "p.outcome = 'lost'",
    "cancelled": "p.outcome = 'cancelled'",
    "open": "p.outcome = 'open'",
}
COUNTED = {
    "decided": ["won", "lost"],
    "value": ["won", "lost"],
    "created": ["created", "won", "lost", "cancelled", "open"],
}


@checked
def win_rate(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    cohort: str | None = None,
    of: str = "decided",
    credit: str = "final",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Share of opportunities that were won, of those decided unless asked otherwise.

    A rep who has closed nothing keeps a row with a missing rate.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    by : None for all, ``rep``, a column of the reps, the opportunities or their accounts,
        ``period`` (the fiscal quarter of each cohort), or several
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    period : one cohort, such as ``2026Q3``; None for all
    cohort : what the period means: ``decided`` in it (closed), or ``begun`` in it
        (created; without such a date, first entered a stage). None for decided, and for
        begun with ``of="created"``, which knows no other
    of : what the rate is a share of: ``decided`` (won and lost), ``value`` (their amounts)
        or ``created`` (all, whatever became of them)
    credit : whose an opportunity is: ``final`` (who owned it at its close, or owns an open
        one), ``first`` or ``at_entry`` (who owned it when it was first seen in a stage), or
        ``share`` (each owner, by the days of having it; counts are then sums of shares)
    confidence : coverage of the Jeffreys interval, between 0 and 1
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)     text   the columns of `by`; a rep's is rep_id
            created     int    of created only: all of them
            won, lost   int    of value: their amounts (float)
            cancelled, open
                        int    of created only
            rate        float  won / (won + lost), or won / created, 0 to 1; missing where
                               there is none
            low, high   float  Jeffreys interval of `rate`; missing for amounts and for
                               shares of one
            with_amount, without_amount
                        int    of value only: decided ones whose amount is known, or not
            largest     float  of value only: what the largest one carries of all

        By ``share`` counts are floats. ``attrs`` has ``definition``, ``as_of``, ``overall``
        (the rate of all groups together; missing where too many amounts are), ``verdict``
        (whether the groups differ beyond chance), ``warning`` (where one opportunity carries
        more than 30 % of a value) and ``maturity`` (why cohorts that are not equally mature
        are not compared).

    Raises
    ------
    EnablementError
        If a name is unknown.
    CannotSayError
        If amounts are asked for and not known, or are in several currencies; if `as_of`
        lies before an export without history and ``created`` is asked for.

    See Also
    --------
    enablement.charts.win_rate : draws this table of those decided.
    """
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    definitions.check_word("credit", credit, definitions.CREDITS)
    definitions.check_word("of", of, tuple(COUNTED))
    meant = _cohort(cohort, ("begun",) if of == "created" else COHORTS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where, cohorts=True)
    _check(crm, groups, until, of)
    said = {"of": of, "cohort": meant, "credit": credit, **definitions.span(span)}
    asked = Question(groups, ("outcomes",), until=until, renewals=renewals, said=said)
    counted = _count(crm, asked)
    shared = credit == "share" and counting.by_rep(groups)
    whole = of != "value" and not shared
    shown = _joined(definitions.everybody(crm, counted, groups), counted, groups)
    table = _rated(shown, of, whole, shared)
    low, high = _interval(table, whole, confidence)
    table = table.assign(low=low, high=high)
    maturity = _maturity(crm, asked)
    named = table[table[list(groups.columns)].notna().all(axis=1)]  # nobody is no rep
    comparable = groups.columns and whole and not maturity
    test = (
        estimates.homogeneity(named["won"], named["out_of"] - named["won"]) if comparable else None
    )
    more = counting.VALUES if of == "value" else []
    return definitions.describe(
        table[[*groups.columns, *COUNTED[of], "rate", "low", "high", *more]],
        definition=_line(crm, groups, until, of, meant, span, renewals),
        until=until,
        crm=crm,
        confidence=confidence,
        of=of,
        currency=exchange.currency(crm, groups),
        overall=_overall(table, of),
        verdict=maturity or definitions.verdict(test, groups),
        maturity=maturity,
        warning=counting.warning(table, groups.columns[-1] if groups.columns else "")
        if of == "value"
        else "",
        differ=test is not None and test.p < estimates.ALPHA,
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=counting.credited(crm, groups, credit, CREDIT_WORDS),
        period=str(span) if span else None,
    )


@checked
def sales_cycle(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    cohort: str | None = None,
    credit: str = "final",
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
    cohort : what the period means: ``decided`` in it (won; the default) or ``begun`` in it.
        Of those begun lately only the quick ones are won yet
    credit : as for `win_rate`, but for ``share``: days cannot be shared out

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

        ``attrs["maturity"]`` says why cohorts that are not equally mature are not compared.

    See Also
    --------
    enablement.charts.sales_cycle : draws this table.
    time_in_stage : how long each stage lasts, those still in it counted too.
    """
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    definitions.check_word("credit", credit, definitions.CREDITS[:3])
    meant = _cohort(cohort, COHORTS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where, cohorts=True)
    said = {"of": "decided", "cohort": meant, "credit": credit, **definitions.span(span)}
    asked = Question(groups, ("outcomes",), until=until, renewals=renewals, said=said)
    days = _ask(crm, asked, f"select {groups.select()} p.days", "and p.outcome = 'won'")
    dated = days[days["days"].notna()]
    table = _joined(
        definitions.everybody(crm, dated, groups), _spread(dated, groups, confidence), groups
    )
    table["won"] = table["won"].fillna(0).astype("int64")
    maturity = _maturity(crm, asked)
    test = None if maturity else _alike(dated, groups)
    return definitions.describe(
        table[[*groups.columns, "won", "mean", "median", "low", "high", "p90"]],
        definition=definitions.SALES_CYCLE.format(start=definitions.cycle_start(crm))
        + (f"; {'won' if meant == 'decided' else 'begun'} in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        verdict=maturity or definitions.verdict(test, groups, "Kruskal-Wallis"),
        maturity=maturity,
        undated=len(days) - len(dated),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, CREDIT_WORDS[credit]),
        period=str(span) if span else None,
    )


def _cohort(cohort: str | None, known: tuple[str, ...]) -> str:
    if cohort is not None:
        definitions.check_word("cohort", cohort, known)
    return cohort or known[0]


def _check(crm: CRM, groups: Split, until: pd.Timestamp, of: str) -> None:
    """Refuse what the export does not carry."""
    if of == "value":
        exchange.check(crm, groups)
    if of == "created":
        definitions.check_past(crm, until, "The win rate of all created")


def _line(
    crm: CRM,
    groups: Split,
    until: pd.Timestamp,
    of: str,
    cohort: str,
    span: Period | None,
    renewals: str,
) -> str:
    """Write the definition line."""
    money = {
        "now": "; at the amounts of the export",
        "then": "; at the amounts last known then",
    }
    return (
        definitions.WIN_RATES[of]
        + (money[counting.amounts_known(crm, until)] if of == "value" else "")
        + (exchange.said(crm, groups, until) if of == "value" else "")
        + (f"; {'closed' if cohort == 'decided' else 'begun'} in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups)
    )


def _count(crm: CRM, asked: Question) -> pd.DataFrame:
    totals = counting.totals(str(asked.said["of"]), SUMS)
    return _ask(crm, asked, f"select {asked.groups.select()} {totals}", "group by all")


def _maturity(crm: CRM, asked: Question) -> str:
    """Say, of those begun by period, why the periods are not compared."""
    if "p" not in asked.groups.sources or asked.said["cohort"] != "begun":
        return ""
    every = dataclasses.replace(asked, said={**asked.said, "of": "created"})
    found = _ask(crm, every, f"select p.period, {counting.OPEN_ONES}", "group by all")
    return counting.unequally_mature(found)


def _ask(crm: CRM, asked: Question, select: str, group: str) -> pd.DataFrame:
    return counting.ask(crm, dataclasses.replace(asked, select=select, group=group))


def _rated(table: pd.DataFrame, of: str, whole: bool, shared: bool) -> pd.DataFrame:
    """Add what the rate is a share of, and the rate."""
    sums = [*SUMS, *(counting.VALUES[:2] if of == "value" else [])]
    table[sums] = table[sums].fillna(0)
    if whole:
        table = table.astype(dict.fromkeys(SUMS, "int64"))
    elif of == "value" and not shared:
        table = table.astype(dict.fromkeys(counting.VALUES[:2], "int64"))
    out_of = table["created"] if of == "created" else table["won"] + table["lost"]
    table = table.assign(out_of=out_of, rate=table["won"] / out_of.where(out_of > 0))
    return counting.valued(table, "out_of") if of == "value" else table


def _overall(table: pd.DataFrame, of: str) -> float:
    """Give the rate of all groups together; none where too many amounts are not known."""
    total = table["out_of"].sum()
    if of == "value":
        known, unknown = table["with_amount"].sum(), table["without_amount"].sum()
        total = 0 if unknown > counting.UNKNOWN * (known + unknown) else total
    return float(table["won"].sum() / total) if total else float("nan")


def _interval(table: pd.DataFrame, whole: bool, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Jeffreys' interval; none of amounts or of shares of one."""
    if not whole:
        return np.full(len(table), np.nan), np.full(len(table), np.nan)
    return estimates.jeffreys(table["won"], table["out_of"], confidence=confidence)


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
