"""Curves of competing outcomes: on which day several groups can be read, and what they say then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.measure import estimates

MOST = 0.90  # of those entered: so many must have been followed to the day that is read
SETTLED = 1e-9  # fewer than this at risk are none: what sums of shares leave behind


def read(
    followed: pd.DataFrame, stages: pd.Series, *, outcomes: int, day: int | None = None
) -> pd.DataFrame:
    """Read the cumulative incidence of outcomes, all groups of a stage on one day.

    A group is known on a day if it was followed so long, or if by then nobody of it was
    undecided.

    Parameters
    ----------
    followed : one row per cell, day and outcome: ``cell`` (its row in `stages`), ``days``,
        ``event`` (0 for none yet, else 1 to `outcomes`) and ``weight`` (how many)
    stages : the stage of each cell; cells of one stage are read on the same day
    outcomes : how many compete
    day : the day to read; None for the last one to which the groups with nine in ten of
        those entered were followed, by stage

    Returns
    -------
    pandas.DataFrame
        One row per cell, in the order of `stages`: ``day`` (Int64), ``share_1``, ``error_1``
        and so on for each outcome; missing where nobody entered or was followed so long.
    """
    found = estimates.aalen_johansen(
        followed["days"],
        followed["event"],
        followed["cell"],
        outcomes=outcomes,
        weight=followed["weight"],
    )
    cells = _followed_until(found, followed, len(stages))
    codes = pd.factorize(stages)[0]
    if day is None:
        days = _common_days(cells, codes)
    else:
        days = np.where(cells["size"] > 0, float(day), np.nan)
    table = pd.DataFrame({"day": pd.array(days, dtype="Int64")}, index=stages.index)
    known = (cells["until"] >= days) & (cells["size"] > 0)
    at, any_yet = _last_row(found, days)
    for outcome in range(outcomes):
        for name, values in (("share", found.share), ("error", found.error)):
            seen = _clean(values[outcome][at]) if values.shape[1] else np.zeros(len(days))
            table[f"{name}_{outcome + 1}"] = np.where(known, np.where(any_yet, seen, 0.0), np.nan)
    return table


def _followed_until(
    found: estimates.Incidence, followed: pd.DataFrame, cells: int
) -> dict[str, NDArray[Any]]:
    """Find for each cell how many it has, its last day, and until when its curve is known."""
    last = np.flatnonzero(np.append(found.group[1:] != found.group[:-1], True)[: len(found.group)])
    undecided = found.at_risk[last] - found.events[:, last].sum(axis=0)
    end, until = np.zeros(cells), np.zeros(cells)
    end[found.group[last]] = found.time[last]
    until[found.group[last]] = np.where(undecided <= SETTLED, np.inf, found.time[last])
    size = np.bincount(followed["cell"], weights=followed["weight"], minlength=cells)
    return {"size": size, "end": end, "until": until}


def _common_days(cells: dict[str, NDArray[Any]], stages: NDArray[np.int64]) -> NDArray[np.float64]:
    """Find for each stage the last day to which most of those entered were followed."""
    days = np.full(len(stages), np.nan)
    for stage in np.unique(stages):
        here = np.flatnonzero((stages == stage) & (cells["size"] > 0))
        if not len(here):
            continue
        longest = here[np.argsort(-cells["until"][here], kind="stable")]
        counted = np.cumsum(cells["size"][longest])
        first = int(np.argmax(counted >= MOST * counted[-1] - SETTLED))
        day = cells["until"][longest[first]]
        days[stages == stage] = day if np.isfinite(day) else cells["end"][here].max()
    return days


def _last_row(
    found: estimates.Incidence, days: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Find for each cell the last time up to its day, and whether there is one."""
    begin = np.searchsorted(found.group, np.arange(len(days)))
    earlier = found.time <= days[found.group]
    seen = np.bincount(found.group[earlier], minlength=len(days))
    at = np.clip(begin + seen - 1, 0, max(len(found.group) - 1, 0))
    return at, seen > 0


def _clean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let what is all but for the rounding of sums be all, and likewise nothing."""
    near = np.round(values)
    return np.where(np.abs(values - near) < SETTLED, near, values)
