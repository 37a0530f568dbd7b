"""Rates of many small groups: how far they really differ, and what each is worth after that.

The true rates of the groups are taken as draws from one beta distribution, whose mean and
strength are found by marginal maximum likelihood. A group with few trials is drawn towards
the others, one with many keeps its own rate.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enablement.measure.estimates import ALPHA, CONFIDENCE, Homogeneity, homogeneity, jeffreys

WEAKEST = 1.0  # of the fitted distribution, in trials: never weaker than Jeffreys' prior
STRONGEST = 1e6  # beyond is no spread at all
FEW = 10.0  # a second start for the search, should that of moments miss
NODES, MEANS = 41, 17  # of the strength, and of the mean at each of them
REACH = 4.0  # standard errors of the mean to either side
FAR = 14.0  # of the log-likelihood: a millionth of the highest, and left out
LEAST_GAIN = 1e-6  # in log-likelihood over no spread at all, for a spread to be more than rounding
DRAWS = 4_000


@dataclasses.dataclass(frozen=True, slots=True)
class Spread:
    """Beta distribution of the true rates of groups, as fitted.

    mean : its mean, 0 to 1
    strength : how many trials it is worth, alpha + beta; inf where the fit finds no spread
    deviation : its standard deviation, 0 where the fit finds no spread
    log_likelihood : of the counts, at the maximum
    """

    mean: float
    strength: float
    deviation: float
    log_likelihood: float


@dataclasses.dataclass(frozen=True, slots=True)
class Shrunk:
    """Raw rates beside shrunk ones, and whether the groups can be told apart.

    raw : successes / trials per group; NaN without a trial
    rate : shrunk rate per group; the pooled rate where the groups do not differ; NaN without a
        trial, because a group of which nothing was seen has no rate of its own
    low, high : posterior interval of the group's true rate, around `rate`
    pooled : successes / trials of all groups; NaN where there is no trial at all
    spread : the fitted distribution between groups; None where there is nothing to compare
    test : whether the groups share one rate; None where there is nothing to compare
    differ : whether they were found to differ: the test says so and the fit finds a spread
    """

    raw: NDArray[np.float64]
    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    pooled: float
    spread: Spread | None
    test: Homogeneity | None
    differ: bool

    def __str__(self) -> str:
        """Say the verdict in one sentence."""
        if self.test is None:
            return "nothing to compare between groups"
        found = "the groups differ" if self.differ else "no detectable difference between groups"
        said = "by permutation" if self.test.simulated else f"on {self.test.freedom} degrees"
        return f"{found} (chi-square {self.test.statistic:.1f} {said}, p = {self.test.p:.2g})"


def fit_spread(successes: ArrayLike, trials: ArrayLike) -> Spread | None:
    """Fit the beta distribution of groups' true rates by marginal maximum likelihood.

    Parameters
    ----------
    successes, trials : array-like of counts, one entry per group
        Groups without a trial take no part.

    Returns
    -------
    Spread or None
        None where fewer than two groups have a trial, or all trials ended alike.

    References
    ----------
    Griffiths (1973), Biometrics 29:637-648, for the likelihood. The start is the estimate of
    moments of Kleinman (1973), Journal of the American Statistical Association 68:46-54.
    """
    k, n = _tried(successes, trials)
    if len(n) < 2 or k.sum() in (0, n.sum()):
        return None
    mean, strength = _maximum(k, n)
    if np.isinf(strength):
        value = float((k * np.log(mean) + (n - k) * np.log1p(-mean)).sum())
    else:
        value = float(_likelihood(_counted(k, n), mean, strength))
    deviation = float(np.sqrt(mean * (1 - mean) / (strength + 1)))
    return Spread(mean, strength, deviation, value + _ways(k, n))


def shrink(
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    alpha: float = ALPHA,
) -> Shrunk:
    """Shrink the rates of groups towards what they have in common.

    Where the spread between groups is no more than chance (`homogeneity`, at `alpha`), the
    answer is "no detectable difference": every group has the pooled rate. That none was
    detected does not say that there is none, so the intervals stay as wide as the data ask.

    Parameters
    ----------
    successes, trials : array-like of counts, one entry per group
    confidence : float in (0, 1), of the posterior intervals
    alpha : level of the test; less where it is one of several, such as one per stage

    Returns
    -------
    Shrunk
        Its intervals are quantiles of a beta distribution with the mean `rate` and the
        posterior mean square around it. That takes in the doubt about the fit itself: every
        mean and every correlation within groups (the variance between groups over the largest
        possible) is as likely beforehand. Intervals that take the fit as known would hold the
        true rate in 40 to 80 % of cases where the spread is small; `benchmarks/README.md` has
        both. Where there is nothing to compare they are Jeffreys' own.

    References
    ----------
    Morris (1983), Journal of the American Statistical Association 78:47-55, for intervals
    that do not take the fitted distribution as known; Tak, Kelly and Morris (2017), Journal of
    Statistical Software 78(5), for a variance that is uniform beforehand.
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    seen = np.where(n > 0, n, np.nan)
    pooled = float(k.sum() / n.sum()) if n.sum() > 0 else np.nan
    spread, test = fit_spread(k, n), homogeneity(k, n - k)
    differ = _differ(spread, test, alpha)
    if spread is not None and differ:
        rate = (spread.mean * spread.strength + k) / (spread.strength + seen)
    else:
        rate = np.where(n > 0, pooled, np.nan)
    if spread is None:
        low, high = jeffreys(k, n, confidence=confidence)
    else:
        low, high = _posterior_interval(k, n, rate, confidence)
    return Shrunk(k / seen, rate, low, high, pooled, spread, test, differ)


@dataclasses.dataclass(frozen=True, slots=True)
class Ranks:
    """Where each group may stand among the others, the highest rate being first.

    rank : median rank, 1 to the number of groups with a trial; NaN without a trial, as the rest
    low, high : rank interval
    best, worst : probability of being first and last, 0 to 1
    top_quarter : probability of being among the first quarter, rounded up to whole groups
    apart : whether at least two rank intervals do not overlap, in groups that were found to
        differ (as `shrink` finds it); else there is no league table
    """

    rank: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    best: NDArray[np.float64]
    worst: NDArray[np.float64]
    top_quarter: NDArray[np.float64]
    apart: bool


def ranks(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = CONFIDENCE, seed: int = 0
) -> Ranks:
    """Say where each group may stand among the others.

    Parameters
    ----------
    successes, trials : array-like of counts, one entry per group
    confidence : float in (0, 1), of the rank intervals
    seed : of the posterior draws; the same seed gives the same ranks

    Returns
    -------
    Ranks

    References
    ----------
    Goldstein and Spiegelhalter (1996), Journal of the Royal Statistical Society A 159:385-443.
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    tried = n > 0
    drawn = posterior_draws(k, n, seed=seed)[:, tried]
    found = ranks_of_draws(drawn, confidence=confidence)
    apart = found.apart and _differ(fit_spread(k, n), homogeneity(k, n - k))
    names = ("rank", "low", "high", "best", "worst", "top_quarter")
    every = {name: np.full(len(n), np.nan) for name in names}
    for name, values in every.items():
        values[tried] = getattr(found, name)
    return Ranks(**every, apart=apart)


def posterior_draws(
    successes: ArrayLike, trials: ArrayLike, *, draws: int = DRAWS, seed: int = 0
) -> NDArray[np.float64]:
    """Draw true rates of groups together, the doubt about their distribution included.

    Parameters
    ----------
    successes, trials : array-like of counts, one entry per group
    draws : how many
    seed : the same seed gives the same draws

    Returns
    -------
    float array of shape (draws, groups); NaN for groups without a trial
        Where there is nothing to compare, draws from Jeffreys' posterior of each group.
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    generator = np.random.default_rng(seed)
    tried = n > 0
    if fit_spread(k, n) is None:
        alpha, beta = np.full((draws, 1), 0.5), np.full((draws, 1), 0.5)
    else:
        mean, strength, weight = _hyperposterior(k[tried], n[tried])
        node = generator.choice(len(weight), size=draws, p=weight)
        alpha = (mean * strength)[node][:, None]
        beta = ((1 - mean) * strength)[node][:, None]
    drawn = np.full((draws, len(n)), np.nan)
    drawn[:, tried] = generator.beta(alpha + k[tried], beta + (n - k)[tried])
    return drawn


def ranks_of_draws(drawn: ArrayLike, *, confidence: float = CONFIDENCE) -> Ranks:
    """Rank the groups within each draw, the highest first, and count.

    Parameters
    ----------
    drawn : array-like of shape (draws, groups), without NaN
    confidence : float in (0, 1), of the rank intervals

    Returns
    -------
    Ranks
    """
    values = np.asarray(drawn, dtype=float)
    groups = values.shape[1]
    order = np.argsort(-values, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(1, groups + 1)[None, :], axis=1)
    tail = (1 - confidence) / 2
    shares = (tail, 0.5, 1 - tail)
    low, middle, high = np.quantile(place, shares, axis=0, method="inverted_cdf").astype(float)
    best, worst = (place == 1).mean(axis=0), (place == groups).mean(axis=0)
    top = (place <= -(-groups // 4)).mean(axis=0)
    apart = bool(groups > 1 and low.max() > high.min())
    return Ranks(middle, low, high, best, worst, top, apart)


def _differ(spread: Spread | None, test: Homogeneity | None, alpha: float = ALPHA) -> bool:
    """Whether the test finds a difference and the fit a spread to go with it."""
    if spread is None or test is None:
        return False
    return bool(test.p < alpha and np.isfinite(spread.strength))


def _tried(
    successes: ArrayLike, trials: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    return k[n > 0], n[n > 0]


def _counted(k: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of successes, trials and how many groups have just these."""
    pairs, times = np.unique(np.stack([k, n]), axis=1, return_counts=True)
    return np.vstack([pairs, times])


def _likelihood(
    counted: NDArray[np.float64], mean: ArrayLike, strength: ArrayLike
) -> NDArray[np.float64]:
    """Beta-binomial log-likelihood, but for the ways to order the trials.

    `mean` and `strength` have one shape; the groups are summed over.
    """
    from scipy.special import betaln

    k, n, times = counted
    size = np.asarray(strength, dtype=float)[..., None]
    alpha = np.asarray(mean)[..., None] * size
    beta = size - alpha
    return (betaln(alpha + k, beta + n - k) - betaln(alpha, beta)) @ times


def _slope(counted: NDArray[np.float64], mean: float, strength: float) -> NDArray[np.float64]:
    """Derivatives of the log-likelihood by the logit of the mean and the log of the strength."""
    from scipy.special import psi

    k, n, times = counted
    alpha, beta = mean * strength, (1 - mean) * strength
    both = psi(strength) - psi(n + strength)
    won = times @ (psi(k + alpha) - psi(alpha) + both)
    lost = times @ (psi(n - k + beta) - psi(beta) + both)
    return np.array([alpha * (1 - mean) * (won - lost), alpha * won + beta * lost])


def _ways(k: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    """Logarithm of the binomial coefficients, which no parameter changes."""
    from scipy.special import betaln

    return float(-(np.log1p(n) + betaln(k + 1, n - k + 1)).sum())


def _maximum(k: NDArray[np.float64], n: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and strength where the likelihood is highest; the strength inf for no spread."""
    from scipy.optimize import minimize
    from scipy.special import expit, logit

    counted = _counted(k, n)
    middle = float(logit(k.sum() / n.sum()))
    edge = float(_likelihood(counted, expit(middle), STRONGEST))

    def cost(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        mean, strength = float(expit(at[0])), float(np.exp(at[1]))
        return edge - float(_likelihood(counted, mean, strength)), -_slope(counted, mean, strength)

    limits = [(middle - 5, middle + 5), (np.log(WEAKEST), np.log(STRONGEST))]
    starts = [[middle, np.log(start)] for start in (_moments(k, n), FEW)]
    # TNC, because L-BFGS-B wakes the threads of linear algebra for two numbers.
    tries = [minimize(cost, at, jac=True, method="TNC", bounds=limits, tol=1e-9) for at in starts]
    best = min(tries, key=lambda tried: float(tried.fun))
    strength = float(np.exp(best.x[1]))
    if best.fun > -LEAST_GAIN or strength > 0.99 * STRONGEST:
        return float(k.sum() / n.sum()), np.inf
    return float(expit(best.x[0])), strength


def _moments(k: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    """Strength by the method of moments, as a start for the search; within the bounds."""
    mean = k.sum() / n.sum()
    excess = ((k - n * mean) ** 2).sum() / (mean * (1 - mean)) - n.sum()
    pairs = (n * (n - 1)).sum()
    correlation = np.clip(excess / pairs if pairs > 0 else 0.0, 1e-4, 0.9)
    return float(1 / correlation - 1)


def _hyperposterior(
    k: NDArray[np.float64], n: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Nodes of mean and strength with their posterior weights, each a flat array.

    Searched coarsely first: with many groups the posterior is too narrow for a fixed grid.
    """
    logs = np.linspace(np.log(WEAKEST), np.log(STRONGEST), NODES)
    for _ in range(2):
        mean, strength, value = _hypergrid(k, n, logs)
        heavy = np.flatnonzero(value.max(axis=1) > value.max() - FAR)
        first, last = max(heavy[0] - 1, 0), min(heavy[-1] + 1, NODES - 1)
        logs = np.linspace(logs[first], logs[last], NODES)
    weight = np.exp(value - value.max())
    keep = weight > np.exp(-FAR)
    return mean[keep], strength[keep], weight[keep] / weight[keep].sum()


def _hypergrid(
    k: NDArray[np.float64], n: NDArray[np.float64], logs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Means, strengths and the logarithm of their posterior mass, shape (strengths, means).

    The means reach as far as they are likely at each strength. Mean and correlation,
    1 / (strength + 1), are uniform beforehand; the nodes are not, so each mass has the width
    of its node in it.
    """
    from scipy.special import expit, logit

    strength = np.exp(logs)[:, None]
    worth = n * (strength + 1) / (strength + n)  # trials, less what members of a group share
    total = worth.sum(axis=1, keepdims=True)
    middle = ((worth * k / n).sum(axis=1, keepdims=True) + 0.5) / (total + 1)
    step = 1 / np.sqrt(total * middle * (1 - middle))
    mean = expit(logit(middle) + step * np.linspace(-REACH, REACH, MEANS))
    strength = np.broadcast_to(strength, mean.shape)
    width = step * mean * (1 - mean) * strength / (strength + 1) ** 2
    width[[0, -1]] /= 2  # half a node lies beyond either end
    return mean, strength, _likelihood(_counted(k, n), mean, strength) + np.log(width)


def _posterior_interval(
    k: NDArray[np.float64], n: NDArray[np.float64], rate: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles of the beta distribution with the posterior mean square around the rate."""
    from scipy.special import betaincinv

    tried = n > 0
    mean, strength, weight = _hyperposterior(k[tried], n[tried])
    alpha = (mean * strength)[:, None] + k[tried]
    total = strength[:, None] + n[tried]
    at = alpha / total
    square = weight @ (at * (1 - at) / (total + 1) + (at - rate[tried]) ** 2)
    # A beta distribution's variance is below rate * (1 - rate); few trials may ask for more.
    size = np.maximum(rate[tried] * (1 - rate[tried]) / square - 1, WEAKEST)
    a, b = rate[tried] * size, (1 - rate[tried]) * size
    low, high = np.full(len(n), np.nan), np.full(len(n), np.nan)
    low[tried] = betaincinv(a, b, (1 - confidence) / 2)
    high[tried] = betaincinv(a, b, (1 + confidence) / 2)
    return low, high
