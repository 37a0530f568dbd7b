"""Arithmetic on plain arrays: intervals, and whether groups differ beyond chance."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enablement.errors import EnablementError, choices

CONFIDENCE = 0.90
ALPHA = 0.10  # as strict as the 90 % intervals beside it
FEWEST_EXPECTED = 5.0  # Cochran's rule, for the chi-square approximation
DRAWS = 9_999
AT_ONCE = 1_000  # draws worked on at once
MANY, PER_GROUP = 100, 5  # with more groups, and fewer cards for each, to deal cards is faster
ROUNDING = 1e-14  # a variance below this is what sums leave behind, not doubt
ROOM = 10_000  # whole numbers spread no wider than this, or than there are rows, are places
PART = 16_384  # places worked on at once


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

    Notes
    -----
    Exact coverage of the 90 % interval, over true rates from .05 to .95:

        trials    10     20     50     100    200
        average   .901   .897   .898   .899   .900
        lowest    .771   .820   .853   .855   .876

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


def wilson(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson score interval for a proportion, without continuity correction.

    Parameters
    ----------
    successes, trials : array-like of counts, same shape
        Zero trials give NaN bounds, because nothing was observed.
    confidence : float in (0, 1)

    Returns
    -------
    low, high : float arrays of that shape, each in [0, 1]
        `low` is 0 where nothing succeeded and `high` is 1 where everything did.

    Notes
    -----
    Exact coverage of the 90 % interval, over true rates from .05 to .95:

        trials    10     20     50     100    200
        average   .909   .905   .901   .901   .900
        lowest    .819   .833   .865   .864   .874

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22:209-212.
    """
    from scipy.special import ndtri

    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    seen = np.where(n > 0, n, np.nan)
    share, square = k / seen, ndtri((1 + confidence) / 2) ** 2 / seen
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    return (
        np.where((k == 0) & (n > 0), 0.0, middle - half),
        np.where((k == n) & (n > 0), 1.0, middle + half),
    )


INTERVALS = {"jeffreys": jeffreys, "wilson": wilson}


def rate_interval(
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    interval: str = "jeffreys",
    confidence: float = CONFIDENCE,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval for a proportion, by the name of its method.

    Parameters
    ----------
    successes, trials : array-like of counts, same shape
    interval : "jeffreys" or "wilson"
    confidence : float in (0, 1)

    Returns
    -------
    low, high : float arrays of that shape; NaN where there is no trial

    Raises
    ------
    EnablementError
        Where there is no interval of that name.
    """
    if interval not in INTERVALS:
        raise EnablementError(f"No interval {interval!r}. {choices(interval, [*INTERVALS])}")
    return INTERVALS[interval](successes, trials, confidence=confidence)


def mean_interval(
    mean: ArrayLike, spread: ArrayLike, count: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Student's interval for a mean.

    Parameters
    ----------
    mean, spread, count : array-like, same shape; the mean of values, their sample standard
        deviation, and how many there are
    confidence : float in (0, 1)

    Returns
    -------
    low, high : float arrays of that shape; NaN where there are fewer than two values

    References
    ----------
    Student (1908), The probable error of a mean, Biometrika 6:1-25.
    """
    from scipy.special import stdtrit

    middle, deviation, n = (np.asarray(each, dtype=float) for each in (mean, spread, count))
    some = np.where(n > 1, n, np.nan)
    half = stdtrit(some - 1, (1 + confidence) / 2) * deviation / np.sqrt(some)
    return middle - half, middle + half


def poisson_interval(
    counts: ArrayLike, exposure: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact interval for a rate of events over time.

    Parameters
    ----------
    counts : array-like of int
        Events.
    exposure : array-like of numbers, same shape
        Over how much of it, such as years of persons; none gives NaN bounds.

    Returns
    -------
    low, high : float arrays of that shape, at least 0
        `low` is 0 where nothing happened. It covers at least as often as it says.

    References
    ----------
    Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28:437-442.
    """
    from scipy.special import gammaincinv

    k, time = np.asarray(counts, dtype=float), np.asarray(exposure, dtype=float)
    tail, seen = (1 - confidence) / 2, np.where(time > 0, time, np.nan)
    low = np.where(k > 0, gammaincinv(np.maximum(k, 1), tail), 0.0)
    return low / seen, gammaincinv(k + 1, 1 - tail) / seen


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
    """Whether several groups can be told apart.

    statistic : of the test; for rates Pearson's chi-square, for days Kruskal and Wallis's H
    freedom : degrees of freedom, groups - 1
    p : probability of so large a statistic where all groups are alike
    groups : groups with at least one observation
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


def same_distribution(values: ArrayLike, groups: ArrayLike) -> Homogeneity | None:
    """Ask whether groups share one distribution, by the Kruskal-Wallis test on ranks.

    Parameters
    ----------
    values : array-like of numbers
    groups : array-like of int, same shape

    Returns
    -------
    Homogeneity or None
        None where fewer than two groups have a value, or all values are equal.

    References
    ----------
    Kruskal and Wallis (1952), Journal of the American Statistical Association 47:583-621,
    corrected for ties.
    """
    from scipy.stats import kruskal

    numbers, codes = np.asarray(values, dtype=float), np.asarray(groups)
    parts = [numbers[codes == code] for code in np.unique(codes)]
    if len(parts) < 2 or len(np.unique(numbers)) < 2:
        return None
    statistic, p = kruskal(*parts)
    return Homogeneity(float(statistic), len(parts) - 1, float(p), len(parts), False)


def same_incidence(share: ArrayLike, error: ArrayLike) -> Homogeneity | None:
    """Ask whether groups share one cumulative incidence, read on the same day.

    Parameters
    ----------
    share, error : as `aalen_johansen` gives them, one entry per group

    Returns
    -------
    Homogeneity or None
        None where fewer than two groups have a share that is neither 0 nor 1: of the others
        the standard error says nothing.

    References
    ----------
    Cochran (1954), Biometrics 10:101-129, on the complementary log-log scale.
    """
    value, spread = np.asarray(share, dtype=float), np.asarray(error, dtype=float)
    known = (value > 0) & (value < 1) & (spread > 0)
    stays, spread = 1 - value[known], spread[known]
    if len(stays) < 2:
        return None
    scaled = np.log(-np.log(stays))
    weight = (stays * np.log(stays) / spread) ** 2
    middle = (weight * scaled).sum() / weight.sum()
    statistic = float((weight * (scaled - middle) ** 2).sum())
    freedom = len(stays) - 1
    return Homogeneity(statistic, freedom, _tail(statistic, freedom), len(stays), False)


def _tail(statistic: float, freedom: int) -> float:
    from scipy.special import chdtrc  # all of scipy.stats takes a third of a second to import

    return float(chdtrc(freedom, statistic))


def _permuted(statistic: float, won: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Deal the successes out again among the groups, and see how often it looks as uneven.

    Group by group takes a draw per group, card by card one per success: with many small groups
    there are few cards.
    """
    generator = np.random.default_rng(0)
    cards = min(won.sum(), sizes.sum() - won.sum())
    few = len(sizes) > MANY and cards <= PER_GROUP * len(sizes)
    rate = won.sum() / sizes.sum()
    expected = sizes * rate
    as_uneven = 0
    for draws in np.diff(np.append(np.arange(0, DRAWS, AT_ONCE), DRAWS)):
        dealt = generator.multivariate_hypergeometric(
            sizes.astype(np.int64),
            int(won.sum()),
            size=draws,
            method="count" if few else "marginals",
        )
        uneven = ((dealt - expected) ** 2 / (expected * (1 - rate))).sum(axis=1)
        as_uneven += int((uneven >= statistic - 1e-9).sum())
    return float((1 + as_uneven) / (DRAWS + 1))


@dataclasses.dataclass(frozen=True, slots=True)
class Incidence:
    """Cumulative incidence of competing outcomes, by group, at each time something was seen.

    group, time : where and when; ordered by both
    at_risk : how many were still undecided just before; whole numbers unless weighted by others
    events : of each outcome at that time; shape (outcomes, times)
    share : cumulative incidence of each outcome up to and at that time, same shape
    error : its standard error, same shape
    """

    group: NDArray[np.int64]
    time: NDArray[np.float64]
    at_risk: NDArray[Any]
    events: NDArray[Any]
    share: NDArray[np.float64]
    error: NDArray[np.float64]


def aalen_johansen(
    time: ArrayLike,
    outcome: ArrayLike,
    group: ArrayLike | None = None,
    *,
    outcomes: int = 2,
    weight: ArrayLike | None = None,
) -> Incidence:
    """Aalen-Johansen estimate of competing outcomes, with those still open censored.

    All groups are worked out at once. Ties are exact: outcomes of one time share
    the risk set of that time, and who is censored then still belongs to it.

    Parameters
    ----------
    time : array-like of numbers >= 0
        When the outcome came, or until when there was none.
    outcome : array-like of int, same shape
        0 for censored, else 1 to `outcomes`.
    group : array-like of int, same shape
        None for one group.
    outcomes : how many there are
    weight : array-like of numbers > 0, same shape
        How many each stands for; None for one. The standard errors hold for whole numbers
        of equals, and not for shares or amounts.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5:141-150. The standard
    error is the delta-method one of Marubini and Valsecchi (1995), section 10.3, which
    statsmodels' ``CumIncidenceRight`` uses too; where everybody left has an outcome at
    the last time, its term is 0 and not missing.
    """
    moment, what = np.asarray(time, dtype=float), np.asarray(outcome, dtype=np.int64)
    where = np.zeros(len(moment), np.int64) if group is None else np.asarray(group, np.int64)
    if weight is None:
        groups, times, leaving, events = _tallied(moment, what, where, outcomes)
    else:
        groups, times, leaving, events = _weighed(moment, what, where, np.asarray(weight), outcomes)
    first, of_group = _firsts(groups)
    sizes = np.add.reduceat(leaving, first) if len(first) else leaving
    at_risk = sizes[of_group] - _running(leaving, first, of_group) + leaving
    share, error = np.empty(events.shape), np.empty(events.shape)
    # A part at a time, so that what is worked on stays in the processor's cache.
    for part in _parts(first, len(times)):
        share[:, part], error[:, part] = _incidence(
            at_risk[part].astype(float), events[:, part].astype(float), *_firsts(groups[part])
        )
    return Incidence(groups, times, at_risk, events, share, error)


def incidence_interval(
    share: ArrayLike, error: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a cumulative incidence on the complementary log-log scale.

    Parameters
    ----------
    share, error : as `aalen_johansen` gives them, same shape

    Returns
    -------
    low, high : float arrays in [0, 1]; NaN where the share is 0 or 1, for which the
        standard error says nothing

    Notes
    -----
    The quantile is Student's, for the standard error comes from few outcomes itself: its
    degrees of freedom are one less than the number of trials that would give a plain share
    that error, as is usual for shares in surveys. `benchmarks/README.md` has the coverage.

    References
    ----------
    Choudhury (2002), Statistics in Medicine 21:1129-1144, for the scale; Korn and Graubard
    (1998), Survey Methodology 24:193-201, for the effective number.
    """
    from scipy.special import stdtrit

    value, spread = np.asarray(share, dtype=float), np.asarray(error, dtype=float)
    inside = np.where((value > 0) & (value < 1) & (spread > 0), value, np.nan)
    worth = inside * (1 - inside) / np.where(spread > 0, spread, np.nan) ** 2
    quantile = stdtrit(np.maximum(worth - 1, 1), (1 + confidence) / 2)
    half = quantile * spread / (inside * np.log(inside))
    return inside ** np.exp(-half), inside ** np.exp(half)


def _tallied(
    moment: NDArray[np.float64],
    what: NDArray[np.int64],
    where: NDArray[np.int64],
    outcomes: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Groups and times in order, how many left there, and how many with each outcome."""
    whole = (moment == np.floor(moment)).all()
    time, times = _places(moment.astype(np.int64) if whole else moment)
    group, groups = _places(where)
    kinds = outcomes + 1
    code, codes = time * kinds + what, len(times) * kinds
    keys = _counting_sort(group * codes + code, code, codes)
    keys = _counting_sort(keys, keys // codes, len(groups))
    runs = np.flatnonzero(_changes(keys))
    many = np.diff(np.append(runs, len(keys)))
    cell, kind = np.divmod(keys[runs], kinds)
    starts = _changes(cell)
    place = np.cumsum(starts) - 1
    events = np.zeros((outcomes, int(starts.sum())), dtype=np.int64)
    for k in range(outcomes):
        ended = np.flatnonzero(kind == k + 1)
        events[k, place[ended]] = many[ended]
    leaving = np.diff(np.append(runs[starts], len(keys)))
    at_group, at_time = np.divmod(cell[starts], max(len(times), 1))
    return groups[at_group], times[at_time].astype(float), leaving, events


def _weighed(
    moment: NDArray[np.float64],
    what: NDArray[np.int64],
    where: NDArray[np.int64],
    many: NDArray[Any],
    outcomes: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[Any], NDArray[Any]]:
    """The same as `_tallied`, of rows that stand for several or for a share of one."""
    order = np.lexsort((moment, where))
    moment, what, where, many = moment[order], what[order], where[order], many[order]
    starts = np.flatnonzero(_changes(where) | _changes(moment))
    leaving = np.add.reduceat(many, starts) if len(starts) else many
    cell = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(moment))))
    events = np.stack(
        [
            np.bincount(cell, weights=many * (what == k), minlength=len(starts)).astype(many.dtype)
            for k in range(1, outcomes + 1)
        ]
    )
    return where[starts], moment[starts], leaving, events


def _places(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Where each value stands among the possible ones, and these in order.

    Whole numbers close together are their own places; others are ranked.
    """
    if len(values) and values.dtype.kind == "i":
        lowest, highest = int(values.min()), int(values.max())
        if highest - lowest <= ROOM + len(values):
            return values - lowest, np.arange(lowest, highest + 1)
    known, places = np.unique(values, return_inverse=True)
    return places, known


def _counting_sort(
    values: NDArray[np.int64], places: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Sort values by small whole numbers, those of one place staying in their order.

    It is what turning a sparse matrix does, in time that grows with the rows alone.
    """
    from scipy.sparse import csr_array

    small = np.int32 if len(values) < 2**31 - 1 else np.int64  # else scipy would copy them
    rows = np.arange(len(values) + 1, dtype=small)
    turned = csr_array((values, places.astype(small), rows), shape=(len(values), size)).tocsc()
    return turned.data


def _firsts(groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each group begins, and which one each place belongs to."""
    begins = _changes(groups)
    return np.flatnonzero(begins), np.cumsum(begins) - 1


def _parts(first: NDArray[np.int64], size: int) -> list[slice]:
    """Slices of whole groups, of about PART places each."""
    at = np.unique(np.searchsorted(first, np.arange(0, size, PART)))
    cuts = np.append(first[at[at < len(first)]], size)
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(cuts)]


def _incidence(
    at_risk: NDArray[np.float64],
    events: NDArray[np.float64],
    first: NDArray[np.int64],
    of_group: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares and their standard errors, from counts in the order of groups and times."""

    def run(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return _running(values, first, of_group)

    total = events.sum(axis=0)
    stay = np.log1p(-total / at_risk, where=total < at_risk, out=np.zeros_like(at_risk))
    before = np.exp(run(stay) - stay) / at_risk  # undecided just before, per one at risk
    left = at_risk - total
    hazard = np.divide(total, at_risk * left, where=left > 0, out=np.zeros_like(at_risk))
    doubt = run(hazard)
    shares, errors = [], []
    for count in events:
        share = run(before * count)
        shared = before * count / at_risk
        variance = share**2 * doubt - 2 * share * run(share * hazard + shared)
        own = before * (at_risk - count) * shared
        variance += run(share**2 * hazard + own + 2 * share * shared)
        shares.append(share)
        errors.append(np.sqrt(np.where(variance > ROUNDING, variance, 0.0)))
    return np.stack(shares), np.stack(errors)


def _running(
    values: NDArray[Any], first: NDArray[np.int64], of_group: NDArray[np.int64]
) -> NDArray[Any]:
    """Running sums that begin anew with each group."""
    sums = np.cumsum(values)
    base = np.append(0, sums)[first]
    return sums - base[of_group]


def _changes(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.append(True, values[1:] != values[:-1])[: len(values)]
