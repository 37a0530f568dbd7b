"""Each group against the others: probabilities, false discoveries, and control limits."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enablement.measure.estimates import ALPHA, homogeneity

WARNING, ACTION = 0.95, 0.998  # about two and three standard deviations
TOUCHING = 1e-12  # a rate on a limit is within; two roundings of it may differ
WINSORISED = 0.1  # share of the groups at either end whose distance is drawn in


def against_rest(successes: ArrayLike, trials: ArrayLike) -> NDArray[np.float64]:
    """Probability of so unusual a group, if it had the rate of all the others together.

    The conditional test of Fisher in its mid-p form: of the successes of all, how many fall
    to this group is hypergeometric; what was seen counts half; the smaller tail counts twice.

    Parameters
    ----------
    successes, trials : array-like of counts, one entry per group

    Returns
    -------
    float array, each in [0, 1]
        NaN for a group without a trial, and where no other group has one.

    Notes
    -----
    Worked out exactly for groups of 5 to 200 trials beside 9 to 39 like them, true rates of
    .05 to .5: at a level of .10 an ordinary group is called unusual in .025 to .100 of all
    cases (.088 to .100 from 60 trials on); Fisher's own test stays between .014 and .085.

    References
    ----------
    Lancaster (1961), Journal of the American Statistical Association 56:223-234.
    """
    from scipy.stats import hypergeom

    k, n = np.asarray(successes, dtype=np.int64), np.asarray(trials, dtype=np.int64)
    law = hypergeom(n.sum(), k.sum(), n)
    half = law.pmf(k) / 2
    tail = np.minimum(law.cdf(k), law.sf(k - 1)) - half
    return np.where((n > 0) & (n < n.sum()), np.minimum(1.0, 2 * tail), np.nan)


def q_values(p: ArrayLike) -> NDArray[np.float64]:
    """Benjamini and Hochberg's q-values: the false discoveries to expect up to each one.

    Parameters
    ----------
    p : array-like of probabilities
        NaN is no test: it stays NaN, and the others do not pay for it.

    Returns
    -------
    float array of that shape, in [0, 1]

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57:289-300.
    """
    from scipy.stats import false_discovery_control

    values = np.asarray(p, dtype=float)
    found = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    if known.any():
        found[known] = false_discovery_control(values[known])
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Control limits of a funnel plot, for each number of trials.

    trials : the numbers of trials
    rate : the rate they surround
    warning_low, warning_high : within which 95 % of ordinary groups lie
    action_low, action_high : and 99.8 %
    dispersion : factor on the variance that they hold for
    """

    trials: NDArray[np.int64]
    rate: float
    warning_low: NDArray[np.float64]
    warning_high: NDArray[np.float64]
    action_low: NDArray[np.float64]
    action_high: NDArray[np.float64]
    dispersion: float


def control_limits(trials: ArrayLike, rate: float, *, dispersion: float = 1.0) -> Limits:
    """Limits within which rates vary by chance alone, exact and interpolated.

    Parameters
    ----------
    trials : array-like of int >= 0
        Such as those of the groups, or a range to draw the funnel over. None gives NaN.
    rate : the common rate, 0 to 1
    dispersion : factor on the variance, as `dispersion` finds it; 1 for chance alone. The
        distance of each exact limit from the rate grows with its square root.

    Returns
    -------
    Limits
        Bounds in [0, 1]; 0 and 1 where so few trials can be unusual in no way. With chance
        alone each bound is crossed with at most half of 1 - `WARNING` (or `ACTION`).

    References
    ----------
    Spiegelhalter (2005), Statistics in Medicine 24:1185-1202, for exact limits made smooth by
    interpolation. The lower one interpolates the distribution of the successes, the upper one
    that of the failures: interpolating the successes at both ends would cross the upper limit
    up to three times as often as it says (`benchmarks/README.md`). Manktelow and Seaton (2012),
    PLoS ONE 7:e45723, compare such ways.
    """
    n = np.asarray(trials, dtype=np.int64)

    def bounds(share: float) -> list[NDArray[np.float64]]:
        tail = (1 - share) / 2
        exact = [_lower(n, rate, tail), 1 - _lower(n, 1 - rate, tail)]
        wide = [rate + np.sqrt(dispersion) * (limit - rate) for limit in exact]
        return [np.where(n > 0, np.clip(limit, 0.0, 1.0), np.nan) for limit in wide]

    low, high = bounds(WARNING)
    lowest, highest = bounds(ACTION)
    return Limits(n, float(rate), low, high, lowest, highest, float(dispersion))


def outside(rates: ArrayLike, limits: Limits) -> NDArray[np.int64]:
    """Which limits a rate lies beyond.

    Parameters
    ----------
    rates : array-like, one for each number of trials of `limits`

    Returns
    -------
    int array
        -2 below the limits of action, -1 below those of warning, 1 and 2 above them, else 0;
        0 where there is no rate.
    """
    rate = np.asarray(rates, dtype=float)
    below, above = rate + TOUCHING, rate - TOUCHING
    return (
        (above > limits.warning_high).astype(np.int64)
        + (above > limits.action_high)
        - (below < limits.warning_low)
        - (below < limits.action_low)
    )


def dispersion(successes: ArrayLike, trials: ArrayLike, *, winsorised: float = WINSORISED) -> float:
    """How many times the variance of the groups' rates is what chance would give.

    Limits widened by it ask another question: not who differs from the team, but who differs
    more than reps usually do.

    Parameters
    ----------
    successes, trials : array-like of counts, one entry per group
    winsorised : share of the groups at either end whose distance is drawn in, so that those
        to be found do not hide themselves

    Returns
    -------
    float
        1 where the groups do not differ (`homogeneity`, at ALPHA), else more, never less.

    References
    ----------
    Spiegelhalter (2005), Statistics in Medicine 24:1185-1202.
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    test = homogeneity(k, n - k)
    if test is None or test.p >= ALPHA:
        return 1.0
    k, n = k[n > 0], n[n > 0]
    rate = k.sum() / n.sum()
    distance = (k / n - rate) / np.sqrt(rate * (1 - rate) / n)
    low, high = np.quantile(distance, [winsorised, 1 - winsorised])
    return float(max(1.0, (np.clip(distance, low, high) ** 2).mean()))


def _lower(n: NDArray[np.int64], rate: float, tail: float) -> NDArray[np.float64]:
    """Rate below which a group falls with at most `tail`, interpolated between counts."""
    from scipy.stats import binom

    size = np.maximum(n, 1)
    count = binom.ppf(tail, size, rate)
    over = (binom.cdf(count, size, rate) - tail) / np.maximum(binom.pmf(count, size, rate), 1e-300)
    return (count - np.clip(over, 0.0, 1.0)) / size
