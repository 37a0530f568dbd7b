"""Under way: what is won of what is open today, and when what begins from now on is won."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from enablement.measure import steps
from enablement.measure.steps import LONGEST, Steps
from enablement.periods import Period
from enablement.read.crm import CRM


@dataclasses.dataclass(frozen=True)
class Underway:
    """What comes in each month of a goal, of what is open on the eve and of what begins later.

    begun : months; of what begins from that day on, the wins that come in each month, over those
        of a usual year
    open : stages × months; of what is open on that day in each stage, how many are won in each
        month by today's rates and times; a large one counts as several usual ones
    variance : stages × months, of the same
    known : how many wins the times are known by
    """

    begun: NDArray[np.float64]
    open: NDArray[np.float64]
    variance: NDArray[np.float64]
    known: float

    def in_season(self, steady: NDArray[np.float64], won: NDArray[np.float64]) -> Underway:
        """Let what begins later be won by the season.

        A season is one of what is won, so it counts in the month of the win; what is open brings
        its own, as more or less is open.

        Parameters
        ----------
        steady, won : how much of a year's work lies in each month, without the season and with it
        """
        share = np.divide(won, steady, out=np.ones(len(won)), where=steady > 0)
        usual = won.sum() / steady.sum()
        return dataclasses.replace(self, begun=self.begun * share / usual)


def of_crm(
    crm: CRM,
    period: Period,
    months: Sequence[Period],
    work: NDArray[np.float64],
    *,
    value: bool,
) -> Underway | None:
    """Find what is under way on the last day of a period; None where stages have no dates.

    Parameters
    ----------
    months : of the goal, all of them after the period
    work : how much of a year's work lies in each, without the season
    value : whether a large one counts as several
    """
    found = steps.steps(crm, period, value=value)
    if found is None:
        return None
    edges = np.array([(month.start - period.end).days - 1 for month in months])
    return of_steps(found, np.append(edges, (months[-1].end - period.end).days), work)


def of_steps(found: Steps, edges: NDArray[np.int64], work: NDArray[np.float64]) -> Underway | None:
    """Follow those who are there, and those to come, through the stages.

    Parameters
    ----------
    edges : days from the one that is seen to the beginning of each month, and to the end of the
        last one
    """
    ways = to_won(found)
    won = found.begin @ ways[:-1]
    span = int(edges[-1])
    if not won.sum() > 0 or span > LONGEST:
        return None
    daily = np.full(span, work.sum() / (edges[-1] - edges[0]))
    for first, last, part in zip(edges[:-1], edges[1:], work, strict=True):
        daily[first:last] = part / (last - first)
    begun = np.convolve(daily / work.sum(), won / won.sum())[:span]
    present = np.stack([_present(found, ways, stage, span) for stage in range(len(ways) - 1)])
    wins = _by_month(present, edges)
    return Underway(
        _by_month(begun[None], edges)[0], wins, _variance(found, wins), max(found.won, 1.0)
    )


def to_won(found: Steps) -> NDArray[np.float64]:
    """Give the share of those who enter a stage that is won so many days later, stages + 1 × days.

    In a last row stand those who are won already.
    """
    stages = len(found.onward)
    ways = np.zeros((stages + 1, LONGEST))
    ways[stages, 0] = 1.0
    for stage in reversed(range(stages)):
        for aim in range(stage + 1, stages + 1):
            if found.onward[stage, aim].any():
                ways[stage] += np.convolve(found.onward[stage, aim], ways[aim])[:LONGEST]
    return ways


def _present(found: Steps, ways: NDArray[np.float64], stage: int, span: int) -> NDArray[np.float64]:
    """Say how many of those who are in a stage are won on each day to come."""
    size = found.staying.shape[1]
    # On the day that is seen they have not left; what they do on it is done.
    left = np.append(found.staying[stage], 0.0)[1:]
    here = np.divide(
        found.many[stage] * found.size[stage], left, out=np.zeros(size), where=left > 1e-9
    )
    wins = np.zeros(span)
    for aim in range(stage + 1, len(ways)):
        leaves = found.onward[stage, aim]
        if leaves.any():
            # How many leave so many days from now: those of each age a, on day a + t.
            out = np.convolve(leaves[::-1], here)[: size - 1][::-1]
            wins += np.convolve(np.append(out, 0.0), ways[aim])[:span]
    return wins


def _by_month(daily: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add days up to months, rows × months."""
    total = np.hstack([np.zeros((len(daily), 1)), daily.cumsum(axis=1)])
    return total[:, edges[1:]] - total[:, edges[:-1]]


def _variance(found: Steps, wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the variance of what is won: each of them is or is not."""
    carried = (found.many * found.size).sum(axis=1)
    squares = (found.many * found.square).sum(axis=1)
    some = carried > 0
    each = np.divide(squares, carried, out=np.ones(len(carried)), where=some)
    share = np.divide(wins, carried[:, None], out=np.zeros_like(wins), where=some[:, None])
    return wins * each[:, None] * np.clip(1 - share, 0.0, 1.0)
