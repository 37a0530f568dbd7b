"""Rates at equal mix: what a group's rate would be if it had what the team has on its table.

A group with easier strata looks better than it is. Here strata are what the mix is made of,
such as size, source or region of an opportunity; the team is all groups together.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enablement.errors import EnablementError
from enablement.measure.estimates import CONFIDENCE

NEVER, ALWAYS = 1e-9, 1 - 1e-9  # rates of 0 and 1, but for the rounding of what they are sums of


@dataclasses.dataclass(frozen=True, slots=True)
class AtTeamMix:
    """Rates of groups at the team's mix, and the team's own at the same mix.

    raw : successes / trials per group, at its own mix; NaN without a trial, as the rest
    rate : its rate at the team's mix of the strata it has
    low, high : interval of `rate`
    team : the team's rate at that same mix
    difference : rate - team
    covered : share of the team's mix that lies in strata the group has, 0 to 1; 0 without a trial
    """

    raw: NDArray[np.float64]
    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    team: NDArray[np.float64]
    difference: NDArray[np.float64]
    covered: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class AgainstExpected:
    """Successes of groups against those the team's rates would have given at the group's mix.

    observed : successes per group
    expected : sum over its strata of its trials times the team's rate
    ratio : observed / expected; NaN where nothing is expected, as the rest
    low, high : interval of `ratio`
    """

    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    ratio: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def at_team_mix(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = CONFIDENCE
) -> AtTeamMix:
    """Rates by direct standardisation, the team's trials being the weights.

    A stratum that a group has never had tells nothing about it. It is left out of both sides,
    and `covered` says how much of the mix is left: borrowing the team's rate there would
    call a group ordinary just where nothing is known.

    Parameters
    ----------
    successes, trials : array-like of counts, shape (groups, strata)
    confidence : float in (0, 1)

    Returns
    -------
    AtTeamMix
        Its interval is a score interval: the variance is the one of rates that are all the
        same multiple of the team's (of its failures, where the team succeeds more often than
        not), or of equal rates where such a multiple would reach 1. With a single stratum it is
        Wilson's. The team's rates are taken as known.

    Raises
    ------
    EnablementError
        Where the two are not of one shape with groups and strata.

    Notes
    -----
    Coverage of 90 % intervals over worlds with 3 to 12 strata and 20 to 300 trials is in
    `benchmarks/README.md`, beside that of others: the usual delta-method one fails where a
    stratum has few trials, and those of Fay and Feuer and of Tiwari, made for rare events,
    are much too wide for rates.
    """
    k, n = _cells(successes, trials)
    weight = n.sum(axis=0) * (n > 0)
    total = weight.sum(axis=1, keepdims=True)
    share = np.divide(weight, total, where=total > 0, out=np.full(n.shape, np.nan))
    standard = _team(k, n)
    each = np.divide(k, n, where=n > 0, out=np.zeros(n.shape))
    rate, team = (share * each).sum(axis=1), (share * standard).sum(axis=1)
    per_trial = np.divide(share**2, n, where=n > 0, out=np.zeros(n.shape))
    low, high = _mirrored(rate, team, per_trial, standard, confidence)
    everything = n.sum()
    covered = total[:, 0] / everything if everything > 0 else np.zeros(len(n))
    size = n.sum(axis=1)
    raw = np.divide(k.sum(axis=1), size, where=size > 0, out=np.full(len(n), np.nan))
    return AtTeamMix(raw, rate, low, high, team, rate - team, covered)


def against_expected(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = CONFIDENCE
) -> AgainstExpected:
    """Observed against expected, by indirect standardisation.

    Steadier than `at_team_mix` where strata are small, but two groups with different mixes
    must not be compared with each other by it, only each with the team.

    Parameters
    ----------
    successes, trials : array-like of counts, shape (groups, strata)
    confidence : float in (0, 1)

    Returns
    -------
    AgainstExpected
        Its interval is the score interval of a common multiple of the team's rates, which are
        taken as known; with a single stratum it is Wilson's over the team's rate.

    Raises
    ------
    EnablementError
        Where the two are not of one shape with groups and strata.
    """
    k, n = _cells(successes, trials)
    standard = _team(k, n)
    observed, expected = k.sum(axis=1), (n * standard).sum(axis=1)
    base, size = np.where(expected > 0, expected, np.nan), n.sum(axis=1)
    highest = np.where(n > 0, standard, 0.0).max(axis=1, initial=0.0)
    beyond = observed / base * highest > ALWAYS
    square = np.where(beyond, 1 / np.maximum(size, 1), (n * standard**2).sum(axis=1) / base**2)
    low, high = _score(observed / base, 1 / base, square, confidence)
    return AgainstExpected(observed, expected, observed / base, low, high)


def _cells(
    successes: ArrayLike, trials: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    if k.ndim != 2 or k.shape != n.shape:
        raise EnablementError(
            f"Successes of shape {k.shape} and trials of shape {n.shape}: "
            "both need one row per group and one column per stratum."
        )
    return k, n


def _team(k: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rate of each stratum over all groups; 0 where nobody has a trial and no weight falls."""
    size = n.sum(axis=0)
    return np.divide(k.sum(axis=0), size, where=size > 0, out=np.zeros(len(size)))


def _mirrored(
    rate: NDArray[np.float64],
    team: NDArray[np.float64],
    per_trial: NDArray[np.float64],
    standard: NDArray[np.float64],
    confidence: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score interval for whichever the team sees less often, successes or failures.

    Of what it never sees there is no multiple: then it is the other that the interval is for.
    """
    low, high = _of_multiple(rate, team, per_trial, standard, confidence)
    fewest, most = _of_multiple(1 - rate, 1 - team, per_trial, 1 - standard, confidence)
    failures = (team < NEVER) | ((team > 0.5) & (team < ALWAYS))
    return np.where(failures, 1 - most, low), np.where(failures, 1 - fewest, high)


def _of_multiple(
    rate: NDArray[np.float64],
    team: NDArray[np.float64],
    per_trial: NDArray[np.float64],
    standard: NDArray[np.float64],
    confidence: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score interval of a weighted rate whose parts are one multiple of the team's.

    Where that multiple would take a part to 1, of which nothing would be in doubt, or beyond, all
    parts are taken as equal instead.
    """
    base = np.where(team > NEVER, team, np.nan)
    linear = (per_trial * standard).sum(axis=1) / base
    square = (per_trial * standard**2).sum(axis=1) / base**2
    highest = np.where(per_trial > 0, standard, 0.0).max(axis=1, initial=0.0)
    beyond = rate / base * highest > ALWAYS
    equal = per_trial.sum(axis=1)
    low, high = _score(
        rate, np.where(beyond, equal, linear), np.where(beyond, equal, square), confidence
    )
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def _score(
    value: NDArray[np.float64],
    linear: NDArray[np.float64],
    square: NDArray[np.float64],
    confidence: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where (value - x)^2 is the quantile squared times a variance, linear x - square x^2."""
    from scipy.special import ndtri

    z = ndtri((1 + confidence) / 2) ** 2
    middle, width = value + z * linear / 2, 1 + z * square
    root = np.sqrt(np.maximum(middle**2 - width * value**2, 0.0))
    return np.where(value == 0, 0.0, (middle - root) / width), (middle + root) / width
