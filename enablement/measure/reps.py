"""Reps, teams or other groups beside each other: what chance may do, and what is more than that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from enablement.errors import EnablementError
from enablement.measure import (
    comparison,
    definitions,
    estimates,
    funnel,
    shrinkage,
    standardisation,
    winloss,
)
from enablement.measure.arguments import checked
from enablement.measure.shrinkage import Shrunk
from enablement.periods import Period
from enablement.read.crm import CRM

COMPARABLE = ("reached", "strict", "decided", "visit", "period", "within")
WHOLE_CREDITS = ("at_entry", "final", "first")  # shares of one are no trials
CURVE = 160  # numbers of decided at which the curves of the limits are drawn
BOUNDS = {
    "lower_95": "warning_low",
    "upper_95": "warning_high",
    "lower_998": "action_low",
    "upper_998": "action_high",
}
SIDES = {-2: "below 99.8", -1: "below 95", 0: "none", 1: "above 95", 2: "above 99.8"}
SHRUNK = ["shrunk", "shrunk_low", "shrunk_high"]
BY_STAGE = ["overall", "difference", "q", "stands_out"]
ADJUSTED = ["adjusted", "adjusted_low", "adjusted_high", "adjusted_team", "covered"]


@checked
def compare_reps(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] = "rep",
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    cohort: str | None = None,
    credit: str = "final",
    mix: str | Sequence[str] | None = None,
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Win rates of reps beside each other, with what chance alone would do.

    Rows stand by team and name, never by rate: it is no league table, and where the
    rank intervals overlap there are no ranks at all. Opportunities that belong to
    nobody keep a row of counts and are compared with no one.

    Parameters
    ----------
    crm, as_of, where, period, cohort, confidence, renewals : as for `win_rate`, whose counts
        these are
    by : ``rep``, a column of the reps, the opportunities or their accounts, or several.
        Not ``period``: what quarters did is no comparison of people
    credit : as for `win_rate`, but for ``share``: a share of one is no trial
    mix : a column, or several, of what reps may have more or less of, such as
        ``("segment", "type")``: the rates are then also given at the team's mix of it

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)     text   the columns of `by`; a rep's is rep_id
            won, lost   int
            decided     int    won + lost
            rate        float  won / decided, 0 to 1; missing where nothing was decided
            low, high   float  Jeffreys interval of `rate`
            shrunk      float  rate drawn towards the others, the more the fewer were decided;
                               the rate of all where no difference was detected
            shrunk_low, shrunk_high
                        float  interval of the group's true rate around `shrunk`
            rank_low, rank_high
                        float  rank interval, 1 the highest; missing where those of all overlap
            q           float  of each against all the others together (Fisher's mid-p),
                               corrected for their number (Benjamini and Hochberg). Not against
                               the team: it is in the team itself
            stands_out  bool   whether the groups differ by the verdict and q is below 10 %
            lower_95, upper_95, lower_998, upper_998
                        float  within these lie 95 and 99.8 % of groups that decided as many
                               and differ from all by chance alone
            outside     text   none, above 95, below 95, above 99.8 or below 99.8; missing
                               where nothing was decided
            adjusted, adjusted_low, adjusted_high
                        float  with `mix`: the rate at the team's mix of what it has, and its
                               score interval
            adjusted_team
                        float  with `mix`: the team's rate at that same mix, which `adjusted`
                               is to be held against
            covered     float  with `mix`: share of the team's mix that it has at all, 0 to 1

        ``attrs`` has ``definition``, ``as_of``, ``overall`` (the rate of all that are
        compared), ``verdict`` (whether they differ beyond chance), ``differ``, ``ranked``
        (whether there are ranks), ``limits`` (column -> values of the limits over numbers
        decided, for a curve) and ``mix`` (the columns adjusted for).

    Raises
    ------
    EnablementError
        If a name is unknown, or there is nothing to split by.

    See Also
    --------
    enablement.charts.compare_reps : draws this table.
    compare_reps_by_stage : the same for each stage.

    References
    ----------
    Spiegelhalter (2005), Statistics in Medicine 24:1185-1202, for funnel plots. The notes of
    `enablement.measure.shrinkage`, `comparison` and `standardisation` have the rest.
    """
    definitions.check_word("credit", credit, WHOLE_CREDITS)
    _check_groups(by, "win_rate")
    asked: dict[str, Any] = {
        **{"as_of": as_of, "where": where, "period": period, "cohort": cohort},
        **{"credit": credit, "confidence": confidence, "renewals": renewals},
    }
    rates = winloss.win_rate(crm, by=by, **asked)
    names = list(rates.attrs["groups"])
    table = rates.assign(decided=rates["won"] + rates["lost"])
    table = table[[*names, "won", "lost", "decided", "rate", "low", "high"]]
    compared = table[table[names].notna().all(axis=1)]
    shrunk = shrinkage.shrink(compared["won"], compared["decided"], confidence=confidence)
    ranks = shrinkage.ranks(compared["won"], compared["decided"], confidence=confidence)
    parts = [
        _shrunk(shrunk, compared),
        _ranked(ranks, compared),
        _against_others(compared, shrunk.differ),
        _within(compared, shrunk.pooled),
    ]
    strata: list[str] = []
    if mix is not None:
        adjusted, strata = _at_team_mix(crm, compared, names, mix, asked)
        parts.append(adjusted)
    groups = definitions.split(crm, by, where)
    table = table.join(parts)
    return _described(
        table.assign(stands_out=table["stands_out"].eq(True)),
        rates,
        definition=rates.attrs["definition"] + _adjusted_for(strata),
        overall=shrunk.pooled,
        verdict=definitions.verdict(shrunk.test, groups, spread=shrunk.differ),
        differ=shrunk.differ,
        ranked=ranks.apart,
        limits=_curve(compared["decided"].max(), shrunk.pooled),
        mix=tuple(strata),
    )


@checked
def compare_reps_by_stage(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] = "rep",
    where: Mapping[str, str] | None = None,
    definition: str = "decided",
    period: str | Period | tuple[object, object] | None = None,
    cohort: str | None = None,
    stays: str = "all",
    within: int | None = None,
    credit: str = "at_entry",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Conversion of reps beside each other at each stage, with what chance alone would do.

    The definition is ``decided`` unless asked otherwise: of those won or lost each is one
    trial at each stage it passed, so that reps whose opportunities are younger do not look
    worse than they are, as they would where open ones stay in the denominator.

    Parameters
    ----------
    crm, as_of, where, period, cohort, stays, within, confidence, renewals : as for
        `conversion`, whose counts these are
    by : as for `compare_reps`
    definition : as for `conversion`, but for ``touch``, ``estimate`` and ``headline``, which
        are no shares of a count
    credit : as for `conversion`, but for ``share``: a share of one is no trial

    Returns
    -------
    pandas.DataFrame
        One row per group and stage, stages in funnel order::

            (group)     text   the columns of `by`; a rep's is rep_id; with several
                               pipelines ``pipeline`` too
            stage       category, in funnel order
            entered     int    the denominator
            moved_on    int    went further, or were won
            rate        float  moved_on / entered; missing where none entered
            low, high   float  Jeffreys interval of `rate`
            shrunk      float  rate drawn towards the others at that stage, the more the fewer
                               entered; the stage's rate where no difference was detected there
            shrunk_low, shrunk_high
                        float  interval of the group's true rate around `shrunk`
            overall     float  the stage's rate, of all that are compared
            difference  float  shrunk - overall
            q           float  of each against all the others at that stage together (Fisher's
                               mid-p), corrected for the number of groups and stages together
                               (Benjamini and Hochberg)
            stands_out  bool   whether the groups differ at that stage and q is below 10 %

        ``attrs`` has ``definition``, ``as_of``, ``verdict`` (at which stages groups differ
        beyond chance), ``verdicts`` (stage -> sentence), ``differ`` (whether they do at any),
        ``team`` (column -> values of the stages, all that are compared together),
        ``cannot_say`` (stage -> sentence) and ``name`` (of the definition).
        A difference is detected at a level of 10 % over all stages together (Bonferroni).

    Raises
    ------
    EnablementError, CannotSayError
        As for `conversion`; also where there is nothing to split by.

    See Also
    --------
    enablement.charts.compare_reps_by_stage : draws this table.
    """
    definitions.check_word("credit", credit, WHOLE_CREDITS)
    definitions.check_word("definition", definition, COMPARABLE)
    _check_groups(by, "conversion")
    asked: dict[str, Any] = {
        **{"as_of": as_of, "by": by, "where": where, "period": period, "cohort": cohort},
        **{"definition": definition, "stays": stays, "within": within},
        **{"credit": credit, "confidence": confidence, "renewals": renewals},
    }
    rates = funnel.conversion(crm, **asked)
    names = list(rates.attrs["groups"])
    table = rates[[*names, "stage", "entered", "moved_on", "rate", "low", "high"]]
    compared = table[table[names].notna().all(axis=1)]
    compared = compared.assign(**compared[["entered", "moved_on"]].astype("float64").fillna(0))
    stages = dict(list(compared.groupby(places(compared, names), sort=False)))
    found = _shrunk_by_stage(stages, confidence)
    groups = definitions.split(crm, by, where)
    table = table.join(_by_stage(stages, found))
    return _described(
        table.assign(stands_out=table["stands_out"].eq(True)),
        rates,
        definition=rates.attrs["definition"],
        overall=None,
        verdict=funnel.over_stages(
            {stage: shrunk.test for stage, shrunk in found.items()},
            groups,
            alike=[stage for stage, shrunk in found.items() if not shrunk.differ],
        ),
        verdicts=_verdicts(found, groups),
        differ=any(shrunk.differ for shrunk in found.values()),
        team=_team(stages, confidence),
        cannot_say=rates.attrs["cannot_say"],
        still_open=rates.attrs["still_open"],
        name=rates.attrs["name"],
    )


def places(table: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """Name the stage of each row, with its pipeline where several are compared side by side.

    Parameters
    ----------
    table : as `compare_reps_by_stage` returns it
    names : its group columns
    """
    stage = table["stage"].astype("str")
    return stage + " of " + table["pipeline"] if "pipeline" in names[:-1] else stage


def _check_groups(by: object, instead: str) -> None:
    """Refuse to compare nothing, and to compare quarters."""
    if by is None or by == []:
        raise EnablementError(
            "There is nothing to compare: say by='rep', by='team' or another column."
        )
    if by == "period" or (isinstance(by, (list, tuple)) and "period" in by):
        raise EnablementError(
            f"Quarters are not compared as reps are; en.{instead}(by='period') lists them."
        )


def _described(
    table: pd.DataFrame, rates: pd.DataFrame, *, definition: str, **more: object
) -> pd.DataFrame:
    """Give a comparison the lines of the rates that it is made of, and its own."""
    kept = ("as_of", "currency", "groups", "labels", "credit", "period", "confidence")
    table.attrs = {
        "definition": definition,
        **{name: rates.attrs[name] for name in kept},
        **{name: value for name, value in more.items() if value is not None},
    }
    return table


def _shrunk(shrunk: Shrunk, compared: pd.DataFrame) -> pd.DataFrame:
    values = zip(SHRUNK, (shrunk.rate, shrunk.low, shrunk.high), strict=True)
    return pd.DataFrame(dict(values), index=compared.index)


def _ranked(ranks: shrinkage.Ranks, compared: pd.DataFrame) -> pd.DataFrame:
    """Give the rank intervals, unless they all overlap."""
    low, high = (ranks.low, ranks.high) if ranks.apart else (np.nan, np.nan)
    return pd.DataFrame({"rank_low": low, "rank_high": high}, index=compared.index, dtype=float)


def _against_others(compared: pd.DataFrame, differ: bool) -> pd.DataFrame:
    """Hold each against the others; nobody stands out where no difference was detected."""
    q = comparison.q_values(comparison.against_rest(compared["won"], compared["decided"]))
    told = {"q": q, "stands_out": differ & (q < estimates.ALPHA)}
    return pd.DataFrame(told, index=compared.index)


def _within(compared: pd.DataFrame, overall: float) -> pd.DataFrame:
    """Give the control limits at the number that each group decided, and who lies beyond."""
    limits = comparison.control_limits(compared["decided"], overall)
    bounds = {column: getattr(limits, field) for column, field in BOUNDS.items()}
    side = pd.Series(comparison.outside(compared["rate"], limits), index=compared.index)
    outside = side.map(SIDES).where(compared["decided"] > 0).astype("str")
    return pd.DataFrame({**bounds, "outside": outside}, index=compared.index)


def _curve(most: float, overall: float) -> dict[str, list[float]]:
    """Give the control limits over numbers decided, closer together where they bend.

    Plain lists, because pandas compares what tables carry when it joins them.
    """
    if not most > 0:
        return {column: [] for column in ("decided", *BOUNDS)}
    sizes = np.unique(np.geomspace(1, most, CURVE).round().astype(np.int64))
    limits = comparison.control_limits(sizes, overall)
    return {
        "decided": sizes.tolist(),
        **{column: getattr(limits, field).tolist() for column, field in BOUNDS.items()},
    }


def _at_team_mix(
    crm: CRM,
    compared: pd.DataFrame,
    names: list[str],
    mix: str | Sequence[str],
    asked: Mapping[str, Any],
) -> tuple[pd.DataFrame, list[str]]:
    """Give the rates at the team's mix, and the columns that it is made of."""
    strata = list(definitions.split(crm, mix, cohorts=True).columns)
    if not strata or set(strata) & set(names):
        raise EnablementError(
            f"mix={mix!r} must name columns other than those compared ({', '.join(names)})."
        )
    parts = winloss.win_rate(crm, by=[*names, *strata], **asked)
    stratum = parts.groupby(strata, dropna=False).ngroup().to_numpy()
    compared_ones = pd.MultiIndex.from_frame(compared[names])
    row = compared_ones.get_indexer(pd.MultiIndex.from_frame(parts[names]))
    shape = (len(compared), stratum.max(initial=-1) + 1)
    won, decided = np.zeros(shape), np.zeros(shape)
    known = row >= 0  # not those who belong to nobody
    won[row[known], stratum[known]] = parts["won"][known]
    decided[row[known], stratum[known]] = (parts["won"] + parts["lost"])[known]
    found = standardisation.at_team_mix(won, decided, confidence=asked["confidence"])
    values = (found.rate, found.low, found.high, found.team, found.covered)
    return pd.DataFrame(dict(zip(ADJUSTED, values, strict=True)), index=compared.index), strata


def _adjusted_for(strata: list[str]) -> str:
    return f"; adjusted: at the team's mix of {' and '.join(strata)}" if strata else ""


def _shrunk_by_stage(stages: Mapping[str, pd.DataFrame], confidence: float) -> dict[str, Shrunk]:
    """Shrink the rates of each stage, at a level that holds for all stages together."""
    tests = max(1, sum(map(_comparable, stages.values())))
    return {
        stage: shrinkage.shrink(
            rows["moved_on"],
            rows["entered"],
            confidence=confidence,
            alpha=estimates.ALPHA / tests,
        )
        for stage, rows in stages.items()
    }


def _comparable(rows: pd.DataFrame) -> bool:
    """Whether at least two entered the stage and not all of theirs ended alike there."""
    moved_on, entered = rows["moved_on"].sum(), rows["entered"].sum()
    return bool(rows["entered"].gt(0).sum() > 1 and 0 < moved_on < entered)


def _by_stage(stages: Mapping[str, pd.DataFrame], found: Mapping[str, Shrunk]) -> pd.DataFrame:
    """Give what the comparison adds to each cell; q is corrected for all cells together."""
    parts = [
        _shrunk(found[stage], rows).assign(
            overall=found[stage].pooled,
            difference=found[stage].rate - found[stage].pooled,
            q=comparison.against_rest(rows["moved_on"], rows["entered"]),
            stands_out=found[stage].differ,
        )
        for stage, rows in stages.items()
    ]
    if not parts:  # nobody who could be compared owns anything
        return pd.DataFrame(columns=[*SHRUNK, *BY_STAGE], dtype=float)
    told = pd.concat(parts)
    q = comparison.q_values(told["q"])
    return told.assign(q=q, stands_out=told["stands_out"] & (q < estimates.ALPHA))


def _verdicts(found: Mapping[str, Shrunk], groups: definitions.Split) -> dict[str, str]:
    """Say of each stage whether the groups differ beyond chance there."""
    tests = sum(shrunk.test is not None for shrunk in found.values())
    return {
        stage: definitions.verdict(shrunk.test, groups, tests=tests, spread=shrunk.differ)
        for stage, shrunk in found.items()
    }


def _team(stages: Mapping[str, pd.DataFrame], confidence: float) -> dict[str, list[Any]]:
    """Count each stage of all that are compared together."""
    moved_on = [float(rows["moved_on"].sum()) for rows in stages.values()]
    entered = [float(rows["entered"].sum()) for rows in stages.values()]
    low, high = estimates.jeffreys(moved_on, entered, confidence=confidence)
    rate = [k / n if n else float("nan") for k, n in zip(moved_on, entered, strict=True)]
    return {
        "stage": list(stages),
        **{"entered": entered, "moved_on": moved_on, "rate": rate},
        **{"low": low.tolist(), "high": high.tolist()},
    }
