"""The curve of a ramp: what share of those hired is there by each day since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError
from enablement.measure import definitions, estimates, ramp
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read.crm import CRM

MILESTONES = ("first won", "productive")
LEAVERS = ("compete", "censored")
FOLLOWED = 0.50  # of those not there yet that must still be followed, or a curve ends
ROUNDING = 1e-9  # what sums of shares leave behind
DIGITS = 12  # of a share: beyond them is what logarithms leave behind
COLUMNS = ["milestone", "day", "at_risk", "reached", "low", "high", "left", "waiting"]
CURVE = (
    "share of those hired who were there so many days later; {milestones}; inherited "
    "opportunities {inherited}; those not there yet are undecided and followed until now, and "
    "{leavers}; a curve ends when fewer than half of those not there yet are followed so long"
)
SAID = {
    "compete": "who left before will never be there (Aalen-Johansen)",
    "censored": "who left before is followed until then, as if they would have got there as the "
    "others (Kaplan-Meier)",
}


@checked
def ramp_curve(
    crm: CRM,
    *,
    as_of: object,
    to: str | Sequence[str] = MILESTONES,
    by: str | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    leavers: str = "compete",
    inherited: str = "left out",
    unit: str = "month",
    share: float | None = None,
    kept: int | None = None,
    tenured: int = 365,
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Share of those hired who won a first one, and who were productive, by the days since.

    A share counts everybody hired: who left before is never there, and their part is shown.
    Those still on their way are undecided and have not failed.

    Parameters
    ----------
    crm, as_of, where, period, inherited, unit, share, kept, tenured, confidence, renewals
        as for `ramp`
    to : one of the milestones of `ramp`, or several
    by : None, ``rep``, or a column of the reps
    leavers : who left before being there: they ``compete`` (the share of those hired that gets
        there), or are ``censored`` (the share that would if nobody left, whose median is that
        of `ramp`)

    Returns
    -------
    pandas.DataFrame
        Rows of each group and milestone for day 0, each day on which somebody got there or
        left, and the last one. Where nobody is on the way any more a curve goes on, level, as
        long as the longest::

            (group)    text   the column of `by`; a rep's is rep_id
            milestone  text   first won, productive or quota
            day        int    since being hired
            at_risk    int    not there yet, and followed until just before that day; on day 0
                              everybody followed
            reached    float  share there by that day, 0 to 1; missing for a group of nobody
            low, high  float  interval on the complementary log-log scale; missing where the
                              share is 0 or 1
            left       float  share that left before; 0 where they are censored
            waiting    float  what is left: 1 - reached - left

        ``attrs`` has ``reps`` (those followed), ``not_followed`` (hired before the first
        opportunity of the export, in no figure) and ``cannot_say``: milestone -> sentence, for
        those of several that the export cannot tell; they have no rows.

    Raises
    ------
    CannotSayError
        As for `ramp`, where none of the milestones can be told.

    See Also
    --------
    enablement.charts.ramp_curve : draws this table.

    Notes
    -----
    That somebody is productive is told of the end of their first `unit` with enough, and known
    only once `kept` of them are over; who leaves in between was not there.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5:141-150.
    """
    asked = (to,) if isinstance(to, str) else tuple(dict.fromkeys(to))
    definitions.check_word("leavers", leavers, LEAVERS)
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    reaches = [
        ramp.milestone(
            each, unit=unit, share=share, kept=kept, tenured=tenured, inherited=inherited
        )
        for each in asked
    ]
    until, span = moment(as_of), None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where)
    curves: list[pd.DataFrame] = []
    cannot: dict[str, str] = {}
    counts = (0, 0)
    for reach in reaches:
        try:
            people, lasted = ramp.follow(
                crm, groups, reach, until=until, span=span, renewals=renewals
            )
        except CannotSayError as error:
            if len(reaches) == 1 or len(cannot) + 1 == len(reaches):
                raise
            cannot[reach.to] = str(error)
            continue
        counts = (int(people["followed"].sum()), int(people["early"].sum()))
        curve = _curve(people, lasted, groups, leavers, confidence)
        curves.append(curve.assign(milestone=reach.to))
    table = pd.concat(curves, ignore_index=True)[[*groups.columns, *COLUMNS]]
    told = "; ".join(f"{reach.to}: {reach}" for reach in reaches if reach.to not in cannot)
    return definitions.describe(
        table,
        definition=CURVE.format(milestones=told, inherited=inherited, leavers=SAID[leavers])
        + (f"; hired in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, "owner at close"),
        reps=counts[0],
        not_followed=counts[1],
        leavers=leavers,
        cannot_say=cannot,
        period=str(span) if span else None,
    )


def _curve(
    people: pd.DataFrame, lasted: ramp.Followed, groups: Split, leavers: str, confidence: float
) -> pd.DataFrame:
    """Work out the curve of each group."""
    names, cell = _cells(people, groups)
    followed = people["followed"].to_numpy()
    gone = people["gone"].to_numpy() & ~lasted.ramped & (leavers == "compete")
    until_left = (people["ends"] - people["hired_on"].dt.normalize()).dt.days.to_numpy()
    days = np.where(gone, np.maximum(until_left, 0), lasted.days)
    event = np.where(lasted.ramped, 1, np.where(gone, 2, 0))
    found = estimates.aalen_johansen(days[followed], event[followed], cell[followed], outcomes=2)
    size = np.bincount(cell[followed], minlength=len(names))
    low, high = estimates.incidence_interval(found.share[0], found.error[0], confidence=confidence)
    share = found.share.round(DIGITS)
    each = pd.DataFrame(
        {
            **{"cell": found.group, "day": found.time.astype(np.int64), "at_risk": found.at_risk},
            **{"reached": share[0], "low": low, "high": high, "left": share[1]},
        }
    )
    settled = each[_last(found.group) & (found.at_risk == found.events.sum(axis=0))]
    kept = _trusted(found, size) & ((found.events.sum(axis=0) > 0) | _last(found.group))
    begin = pd.DataFrame({"cell": range(len(names)), "day": 0, "at_risk": size})
    nothing = np.where(size > 0, 0.0, np.nan)
    rows = pd.concat(
        [
            begin.assign(reached=nothing, left=nothing, low=np.nan, high=np.nan),
            each[kept],
            settled.assign(day=each.loc[kept, "day"].max(), at_risk=0),
        ]
    )
    # Of two rows of a day the one that somebody was at risk in says more, and then the later one.
    rows = rows.sort_values(["cell", "day", "at_risk"], kind="stable", ignore_index=True)
    rows = rows.drop_duplicates(["cell", "day"], keep="last")
    rest = 1 - rows["reached"] - rows["left"]
    rows = rows.assign(waiting=rest.mask(rest.abs() < ROUNDING, 0.0))
    return rows.merge(names.assign(cell=range(len(names))), on="cell").drop(columns="cell")


def _cells(people: pd.DataFrame, groups: Split) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """List the groups, and say in which of them each rep is."""
    keys = list(groups.columns)
    if not keys:
        return pd.DataFrame(index=[0]), np.zeros(len(people), dtype=np.int64)
    names = (
        people[keys]
        .drop_duplicates()
        .sort_values(keys, key=definitions.counting_up, ignore_index=True)
    )
    cells = people[keys].merge(names.assign(cell=range(len(names))), on=keys, how="left")
    return names, cells["cell"].to_numpy(dtype=np.int64)


def _trusted(found: estimates.Incidence, size: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say up to where half of those not there yet were followed."""
    first = _last(found.group[::-1])[::-1]
    before = np.append(0.0, found.share.sum(axis=0))[: len(first)]
    undecided = size[found.group] * np.where(first, 1.0, 1 - before)
    thick = found.at_risk >= FOLLOWED * undecided - ROUNDING
    end = np.full(len(size), -1.0)
    np.maximum.at(end, found.group[thick], found.time[thick])
    return found.time <= end[found.group]


def _last(group: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which row is the last one of its group."""
    return np.append(group[1:] != group[:-1], True)[: len(group)]
