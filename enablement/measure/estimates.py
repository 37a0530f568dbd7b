"""Arithmetic on plain arrays: intervals, and whether groups differ beyond chance."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.90
FEWEST_EXPECTED = 5.0  # Cochran's rule, for the chi-square approximation
DRAWS = 9_999


def jeffreys(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Equal-tailed Jeffreys interval for a proportion.

    Parameters
    ----------
    successes, trials : array-like of counts, same shape
        Zero trials give NaN bounds, because nothing was observed.
    confidence : float in (0, 1)

    Returns
    -------
    low, high : float arrays of that shape, each in [0, 1]
        `low` is 0 where nothing succeeded and `high` is 1 where everything did.

    References
    ----------
    Brown, Cai and DasGupta (2001), Statistical Science 16:101-133, section 4.1.
    """
    from scipy.special import betaincinv

    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    tail = (1 - confidence) / 2
    seen = np.where(n > 0, n, np.nan)
    low = betaincinv(k + 0.5, seen - k + 0.5, tail)
    high = betaincinv(k + 0.5, seen - k + 0.5, 1 - tail)
    return (
        np.where((k == 0) & (n > 0), 0.0, low),
        np.where((k == n) & (n > 0), 1.0, high),
    )


def median_ranks(
    trials: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranks whose values enclose the median, whatever the distribution.

    Parameters
    ----------
    trials : array-like of int
        How many values there are.

    Returns
    -------
    low, high : int arrays, ranks from 1 to `trials`
        0 and `trials` + 1 where so few values carry no interval of that confidence.

    References
    ----------
    Conover (1999), Practical Nonparametric Statistics, section 3.2.
    """
    from scipy.stats import binom

    n = np.asarray(trials, dtype=np.int64)
    low = binom.ppf((1 - confidence) / 2, np.maximum(n, 1), 0.5).astype(np.int64)
    return np.where(n > 0, low, 0), np.where(n > 0, n + 1 - low, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Homogeneity:
    """Whether several rates can be told apart.

    statistic : Pearson's chi-square of the groups by success and failure
    freedom : degrees of freedom, groups - 1
    p : probability of so large a statistic where all groups share one rate
    groups : groups with at least one trial
    simulated : whether `p` was found by permutation, the counts being small
    """

    statistic: float
    freedom: int
    p: float
    groups: int
    simulated: bool


def homogeneity(successes: ArrayLike, failures: ArrayLike) -> Homogeneity | None:
    """Ask whether groups share one rate.

    Parameters
    ----------
    successes, failures : array-like of int, one entry per group

    Returns
    -------
    Homogeneity or None
        None where fewer than two groups have a trial, or all ended alike: then
        there is nothing to compare. Where more than a fifth of the expected
        counts are under 5, `p` comes from 9,999 permutations with a fixed seed.
    """
    won, lost = np.asarray(successes, dtype=float), np.asarray(failures, dtype=float)
    tried = won + lost > 0
    won, lost = won[tried], lost[tried]
    total = won.sum() + lost.sum()
    if len(won) < 2 or won.sum() == 0 or lost.sum() == 0:
        return None
    sizes = won + lost
    expected_won, expected_lost = sizes * won.sum() / total, sizes * lost.sum() / total
    statistic = float(
        ((won - expected_won) ** 2 / expected_won).sum()
        + ((lost - expected_lost) ** 2 / expected_lost).sum()
    )
    small = np.concatenate([expected_won, expected_lost]) < FEWEST_EXPECTED
    simulated = bool(small.mean() > 0.2)
    p = _permuted(statistic, won, sizes) if simulated else _tail(statistic, len(won) - 1)
    return Homogeneity(statistic, len(won) - 1, p, len(won), simulated)


def _tail(statistic: float, freedom: int) -> float:
    from scipy.stats import chi2

    return float(chi2.sf(statistic, freedom))


def _permuted(statistic: float, won: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Deal the successes out again among the groups, and see how often it looks as uneven."""
    generator = np.random.default_rng(0)
    dealt = generator.multivariate_hypergeometric(
        sizes.astype(np.int64), int(won.sum()), size=DRAWS
    )
    rate = won.sum() / sizes.sum()
    expected = sizes * rate
    uneven = ((dealt - expected) ** 2 / (expected * (1 - rate))).sum(axis=1)
    return float((1 + (uneven >= statistic - 1e-9).sum()) / (DRAWS + 1))
