"""Quantiles of durations of which some still go on."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enablement.measure import estimates

ROUNDING = 1e-9  # a share this near to another is the same: what sums leave behind


@dataclasses.dataclass(frozen=True, slots=True)
class Curves:
    """Share of each group that had ended by each time (Kaplan-Meier).

    found : the curves, one outcome each
    begin, end : where each group's rows begin and end
    ended : how many ended, by group
    """

    found: estimates.Incidence
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    ended: NDArray[np.int64]


def curves(
    days: ArrayLike, ended: ArrayLike, group: ArrayLike, weight: ArrayLike, *, groups: int
) -> Curves:
    """Follow durations to their end, those that still go on censored.

    Parameters
    ----------
    days : how long each lasted, or has lasted until now
    ended : whether it ended
    group : 0 to `groups` - 1
    weight : how many each stands for, whole numbers

    References
    ----------
    Kaplan and Meier (1958), Journal of the American Statistical Association 53:457-481.
    """
    event = np.asarray(ended, dtype=np.int64)
    found = estimates.aalen_johansen(days, event, group, outcomes=1, weight=weight)
    everyone = np.arange(groups)
    counts = np.bincount(found.group, weights=found.events[0], minlength=groups)
    return Curves(
        found,
        np.searchsorted(found.group, everyone),
        np.searchsorted(found.group, everyone, side="right"),
        counts.astype(np.int64),
    )


def quantile(lasted: Curves, share: float) -> NDArray[np.float64]:
    """Find by when so large a share of each group had ended; missing where it never had."""
    return _first(lasted, lasted.found.share[0] >= share - ROUNDING)


def quantile_interval(
    lasted: Curves, share: float, *, confidence: float = estimates.CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a quantile: the days on which the curve's own interval holds that share.

    Parameters
    ----------
    lasted : as `curves` gives them
    share : of the quantile, such as 0.5
    confidence : coverage

    Returns
    -------
    low, high : float arrays, days on which something ended
        `high` is missing where the curve's interval never rises above the share. Both are
        where so few ended that, all of them seen, ranks would carry no such interval, or where
        no day's interval holds the share.

    References
    ----------
    Brookmeyer and Crowley (1982), Biometrics 38:29-41, with the complementary log-log
    transformation.
    """
    from scipy.special import ndtri

    found = lasted.found
    stays, error = 1 - found.share[0], found.error[0]
    event = found.events[0] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = error / (stays * np.log(stays))
        apart = (np.log(-np.log(stays)) - np.log(-np.log(1 - share))) / np.abs(scale)
    limit = float(ndtri((1 + confidence) / 2))
    inside = event & (np.abs(apart) <= limit) & (stays > ROUNDING)
    few = estimates.median_ranks(lasted.ended, confidence=confidence)[0] < 1
    low = np.where(few, np.nan, _first(lasted, inside))
    last_inside = _last_position(lasted, inside)
    position = np.arange(len(found.time))
    known = last_inside >= 0
    beyond = event & (position > np.repeat(last_inside, lasted.end - lasted.begin))
    high = np.where(few | ~known, np.nan, _first(lasted, beyond))
    return low, high


def _first(lasted: Curves, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Find each group's first time at which something holds."""
    some = np.flatnonzero(where)
    at = np.searchsorted(some, lasted.begin)
    first = np.append(some, len(where))[at]
    found = first < lasted.end
    times = np.append(lasted.found.time, np.nan)
    return np.where(found, times[np.where(found, first, -1)], np.nan)


def _last_position(lasted: Curves, where: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Find each group's last row at which something holds; -1 where none does."""
    some = np.flatnonzero(where)
    at = np.searchsorted(some, lasted.end) - 1
    last = np.where(at >= 0, np.append(some, -1)[at], -1)
    return np.where(last >= lasted.begin, last, -1)
