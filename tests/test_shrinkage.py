"""Rates of many small groups, against published fits, brute force and worlds of known truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import betabinom, binom

from enablement.measure import estimates, shrinkage

# Hits in the first 45 at bats of 18 players in 1970, and the batting average of the rest of
# their season: Efron and Morris (1975), Journal of the American Statistical Association
# 70:311-319, table 1.
HITS = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
REST = [
    0.346, 0.298, 0.276, 0.222, 0.273, 0.270, 0.263, 0.210, 0.269,
    0.230, 0.264, 0.256, 0.303, 0.264, 0.226, 0.285, 0.316, 0.200,
]  # fmt: skip
# Boys among the first twelve children of 6,115 families in Saxony, 0 to 12, by Geissler (1889).
FAMILIES = [3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7]
TEN = ([3, 0, 45, 6, 2, 9, 1, 30, 11, 2], [4, 4, 100, 40, 25, 30, 9, 60, 20, 26])

COUNTS = st.lists(
    st.tuples(st.integers(0, 40), st.floats(0, 1)).map(
        lambda one: (round(one[0] * one[1]), one[0])
    ),
    min_size=1,
    max_size=12,
)


def test_saxon_families_against_published_figures():
    """Alpha 34.09558, beta 31.5715, log-likelihood -12492.9, as widely printed for these data.

    The likelihood is so flat that the printed figures lie 0.0000015 below its maximum.
    """
    boys = np.repeat(np.arange(13), FAMILIES)
    found = shrinkage.fit_spread(boys, np.full(len(boys), 12))
    assert found is not None
    assert found.mean * found.strength == pytest.approx(34.09558, rel=5e-4)
    assert (1 - found.mean) * found.strength == pytest.approx(31.5715, rel=5e-4)
    assert round(found.log_likelihood, 1) == -12492.9
    theirs = betabinom.logpmf(np.arange(13), 12, 34.09558, 31.5715) @ np.array(FAMILIES)
    assert found.log_likelihood >= theirs - 1e-6


def test_the_likelihood_is_scipys_and_highest():
    """The same value as scipy's betabinom, and no higher one found by another search."""
    won, tried = (np.array(one) for one in TEN)
    found = shrinkage.fit_spread(won, tried)
    assert found is not None
    alpha, beta = found.mean * found.strength, (1 - found.mean) * found.strength
    value = betabinom.logpmf(won, tried, alpha, beta).sum()
    assert found.log_likelihood == pytest.approx(value, abs=1e-8)
    other = minimize(
        lambda at: -betabinom.logpmf(won, tried, *np.exp(at)).sum(),
        [0.0, 0.0],
        method="Nelder-Mead",
    )
    assert (alpha, beta) == pytest.approx(np.exp(other.x), rel=1e-3)
    assert (round(alpha, 2), round(beta, 2)) == (1.71, 4.10)


def test_without_a_spread_the_likelihood_is_that_of_one_rate():
    """Ten groups of 60 with about 20 each: no beta distribution is likelier than the rate alone."""
    won, tried = np.array([19, 20, 21, 20, 19, 21, 20, 20, 20, 20]), np.full(10, 60)
    found = shrinkage.fit_spread(won, tried)
    assert found is not None
    assert np.isinf(found.strength)
    assert found.log_likelihood == pytest.approx(binom.logpmf(won, tried, 1 / 3).sum(), abs=1e-8)


def test_three_of_four_is_not_the_best_rep():
    """Shrunk by hand with Beta(1.71, 4.10): (3 + 1.71) / (4 + 5.81) = .480, and so on."""
    found = shrinkage.shrink(*TEN)
    assert found.differ
    by_hand = [(k + 1.7073) / (n + 5.8026) for k, n in zip(*TEN, strict=True)]
    assert found.rate == pytest.approx(by_hand, abs=0.0005)
    assert np.argmax(found.raw) == 0
    assert np.argmax(found.rate) != 0
    assert str(found).startswith("the groups differ (chi-square 45.3 by permutation, p = ")


def test_eighteen_batters_cannot_be_told_apart():
    """Pearson's chi-square is 19.0 on 17: Stein's factor is 1 - 15 / 19.0 = .212, as published.

    What looks like a range from .156 to .400 is no more than chance, and 215 hits in 810 foretell
    the rest of the season three times as well as each one's own average.
    """
    found = shrinkage.shrink(HITS, np.full(18, 45))
    assert found.test is not None
    assert 1 - 15 / found.test.statistic == pytest.approx(0.212, abs=0.0005)
    assert not found.differ
    assert str(found) == (
        "no detectable difference between groups (chi-square 19.0 on 17 degrees, p = 0.33)"
    )
    assert found.rate == pytest.approx(np.full(18, 215 / 810))
    own, shared = (((rates - REST) ** 2).sum() for rates in (found.raw, found.rate))
    assert own / shared > 3
    assert ((found.low <= REST) & (found.high >= REST)).all()
    ranked = shrinkage.ranks(HITS, np.full(18, 45))
    assert not ranked.apart
    assert (ranked.high - ranked.low >= 12).all()


@pytest.mark.parametrize(
    ("won", "tried"),
    [([], []), ([0], [0]), ([3], [5]), ([0, 0, 0], [3, 4, 5]), ([5, 0], [5, 0]), ([4, 2], [4, 2])],
)
def test_nothing_to_compare_is_said(won, tried):
    """No group, one group, or all ended alike: rates stay raw, intervals are Jeffreys' own."""
    found = shrinkage.shrink(won, tried)
    assert (found.spread, found.test, found.differ) == (None, None, False)
    assert str(found) == "nothing to compare between groups"
    low, high = estimates.jeffreys(won, tried)
    np.testing.assert_allclose(found.low, low)
    np.testing.assert_allclose(found.high, high)
    np.testing.assert_allclose(found.rate, found.raw)
    assert not shrinkage.ranks(won, tried).apart


@pytest.mark.parametrize(
    ("won", "tried", "differ"),
    [
        ([5, 5, 5], [10, 10, 10], False),  # no spread at all: the fit runs away
        ([1, 1, 0, 1], [1, 1, 1, 1], False),  # single trials cannot show a spread
        ([0, 1, 0, 0, 0], [1000] * 5, False),
        ([5, 0], [5, 5], True),
        ([500, 0, 1000, 0], [500, 500, 1000, 1000], True),  # as far apart as can be
        ([1, 999_999], [2, 2_000_000], False),
    ],
)
def test_the_edges_stay_sane(won, tried, differ):
    """Rates and intervals inside [0, 1], around each other, and never of no width."""
    found = shrinkage.shrink(won, tried)
    assert found.differ is differ
    assert found.spread is not None
    assert bool(np.isfinite(found.spread.strength)) is differ
    assert (found.low >= 0).all()
    assert (found.high <= 1).all()
    assert (found.low <= found.rate).all()
    assert (found.rate <= found.high).all()
    assert (found.high - found.low > 1e-4).all()
    if not differ:
        assert found.rate == pytest.approx(np.full(len(won), sum(won) / sum(tried)))


@settings(max_examples=40, deadline=None)
@given(rows=COUNTS)
def test_shrunk_lies_between_the_raw_rate_and_the_common_one(rows):
    """And groups without a trial have none, and change nothing for the others."""
    won, tried = (np.array(column) for column in zip(*rows, strict=True))
    found = shrinkage.shrink(won, tried)
    seen = tried > 0
    assert np.isnan(found.rate[~seen]).all()
    assert np.isnan(found.low[~seen]).all()
    common = found.spread.mean if found.spread is not None and found.differ else found.pooled
    between = (found.rate - found.raw)[seen] * (found.rate - common)[seen]
    assert (between <= 1e-9).all()
    assert (found.low[seen] <= found.rate[seen] + 1e-9).all()
    assert (found.high[seen] >= found.rate[seen] - 1e-9).all()
    alone = shrinkage.shrink(won[seen], tried[seen])
    for name in ("rate", "low", "high"):
        np.testing.assert_allclose(getattr(alone, name), getattr(found, name)[seen], atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(rows=COUNTS)
def test_failures_are_the_mirror_of_successes(rows):
    """Shrinking what was lost gives one less what was won."""
    won, tried = (np.array(column) for column in zip(*rows, strict=True))
    ours, theirs = shrinkage.shrink(won, tried), shrinkage.shrink(tried - won, tried)
    assert ours.differ == theirs.differ
    np.testing.assert_allclose(ours.rate, 1 - theirs.rate, atol=1e-5)
    np.testing.assert_allclose(ours.low, 1 - theirs.high, atol=1e-3)


def brute_posterior(won: np.ndarray, tried: np.ndarray) -> tuple[np.ndarray, ...]:
    """Means and mean squares of true rates over a fine grid of mean and correlation."""
    mean, correlation = np.meshgrid((np.arange(400) + 0.5) / 400, (np.arange(400) + 0.5) / 800)
    strength = 1 / correlation - 1
    alpha, beta = mean * strength, (1 - mean) * strength
    log = sum(
        betaln(alpha + k, beta + n - k) - betaln(alpha, beta)
        for k, n in zip(won, tried, strict=True)
    )
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    at = [(alpha + k) / (strength + n) for k, n in zip(won, tried, strict=True)]
    inside = [a * (1 - a) / (strength + n + 1) + a**2 for a, n in zip(at, tried, strict=True)]
    return np.array([(weight * a).sum() for a in at]), np.array(
        [(weight * one).sum() for one in inside]
    )


@pytest.mark.parametrize(
    ("won", "tried"), [TEN, ([8, 3], [20, 20]), ([2, 5, 9, 4], [30, 30, 31, 12])]
)
def test_posterior_against_brute_force(won, tried):
    """Intervals have the mean square, and draws the moments, of a grid of 160,000 nodes."""
    won, tried = np.array(won), np.array(tried)
    mean, square = brute_posterior(won, tried)
    found = shrinkage.shrink(won, tried)
    around = square - 2 * mean * found.rate + found.rate**2
    size = found.rate * (1 - found.rate) / around - 1
    from scipy.stats import beta

    law = beta(found.rate * size, (1 - found.rate) * size)
    np.testing.assert_allclose(found.low, law.ppf(0.05), atol=0.002)
    np.testing.assert_allclose(found.high, law.ppf(0.95), atol=0.002)
    drawn = shrinkage.posterior_draws(won, tried, draws=40_000)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.005)
    np.testing.assert_allclose((drawn**2).mean(axis=0), square, atol=0.005)


def test_ranks_against_counting_by_hand():
    """Three groups of four possible rates each: all 64 combinations, sorted one by one."""
    rates = [(0.1, 0.2, 0.5, 0.9), (0.15, 0.3, 0.31, 0.32), (0.4, 0.45, 0.55, 0.6)]
    every = list(itertools.product(*rates))
    places = np.array([[1 + sum(b > a for b in one) for a in one] for one in every])
    found = shrinkage.ranks_of_draws(every)
    assert found.best == pytest.approx((places == 1).mean(axis=0))
    assert found.worst == pytest.approx((places == 3).mean(axis=0))
    assert found.top_quarter == pytest.approx(found.best)  # a quarter of three groups is one
    for group in range(3):
        place = sorted(places[:, group])
        assert (found.low[group], found.high[group]) == (place[3], place[60])
        assert found.rank[group] == place[31]


def test_ranks_are_the_same_every_time_and_missing_without_a_trial():
    """Seeded; and probabilities of being first add up to one."""
    won, tried = [12, 30, 0, 25], [60, 60, 0, 70]
    once, again = shrinkage.ranks(won, tried), shrinkage.ranks(won, tried)
    np.testing.assert_array_equal(once.best, again.best)
    assert np.isnan(once.rank[2])
    assert np.nansum(once.best) == pytest.approx(1)
    assert np.nansum(once.worst) == pytest.approx(1)
    assert once.rank[1] == 1
    assert once.apart


def company(
    generator: np.random.Generator, reps: int, decided: int, rate: float, deviation: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Won, decided and true rates of reps whose true rates have that standard deviation."""
    tried = np.maximum(1, generator.poisson(decided, reps))
    truth = np.full(reps, rate)
    if deviation:
        strength = rate * (1 - rate) / deviation**2 - 1
        truth = generator.beta(rate * strength, (1 - rate) * strength, reps)
    return generator.binomial(tried, truth), tried, truth


def test_no_difference_is_said_where_there_is_none():
    """200 companies of 40 equal reps: a difference in at most a tenth, give or take 4 errors."""
    generator = np.random.default_rng(21)
    worlds = [company(generator, 40, 60, 0.3, 0.0) for _ in range(200)]
    found = np.mean([shrinkage.shrink(won, tried).differ for won, tried, _ in worlds])
    assert found <= 0.10 + 4 * np.sqrt(0.1 * 0.9 / 200)


def test_five_points_are_found_and_shrinking_pays():
    """200 companies, true deviation .05: found in 80 %, smaller errors, intervals that hold."""
    generator = np.random.default_rng(22)
    differ, raw, shrunk, held = [], [], [], []
    for _ in range(200):
        won, tried, truth = company(generator, 40, 60, 0.3, 0.05)
        found = shrinkage.shrink(won, tried)
        differ.append(found.differ)
        raw.append(((found.raw - truth) ** 2).mean())
        shrunk.append(((found.rate - truth) ** 2).mean())
        held.append(((found.low <= truth) & (truth <= found.high)).mean())
    assert np.mean(differ) >= 0.80
    assert np.mean(shrunk) < 0.6 * np.mean(raw)
    assert np.mean(np.array(shrunk) < np.array(raw)) > 0.9
    assert 0.87 <= np.mean(held) <= 0.93
