"""Each group against the others, by hand, by enumeration and against other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact, norm
from statsmodels.stats.multitest import multipletests

from enablement.measure import comparison, estimates

# Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57:289-300, section 4.1.
FIFTEEN = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip


def test_three_of_four_against_none_of_five():
    """Of 126 ways to deal 3 successes in 9 to 4, 4 of 84 give all: 2 * (4 / 84) / 2 = .048."""
    found = comparison.against_rest([3, 0], [4, 5])
    assert found == pytest.approx([4 / 84, 4 / 84])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 25), st.floats(0, 1)).map(
            lambda one: (round(one[0] * one[1]), one[0])
        ),
        min_size=2,
        max_size=8,
    )
)
def test_against_scipys_fisher(rows):
    """Twice the smaller of scipy's one-sided tails, less what was seen itself."""
    won, tried = (np.array(column) for column in zip(*rows, strict=True))
    found = comparison.against_rest(won, tried)
    for at, (k, n) in enumerate(rows):
        rest = [won.sum() - k, tried.sum() - n - won.sum() + k]
        if n == 0 or n == tried.sum():
            assert np.isnan(found[at])
            continue
        below, above = (
            fisher_exact([[k, n - k], rest], alternative=side).pvalue
            for side in ("less", "greater")
        )
        seen = below + above - 1
        assert found[at] == pytest.approx(min(1, 2 * min(below, above) - seen), abs=1e-9)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_an_ordinary_group_is_called_unusual_as_rarely_as_promised(rate):
    """30 trials beside 120 others, every outcome weighed: at most .10, at least half of it."""
    own, others = np.meshgrid(np.arange(31), np.arange(121), indexing="ij")
    mass = binom.pmf(own, 30, rate) * binom.pmf(others, 120, rate)
    own, others, mass = own[mass > 1e-7], others[mass > 1e-7], mass[mass > 1e-7]
    found = np.array(
        [comparison.against_rest([k, m], [30, 120])[0] for k, m in zip(own, others, strict=True)]
    )
    assert 0.05 <= mass[found < 0.10].sum() <= 0.10


def test_q_values_of_the_fifteen_published():
    """At 5 % the four smallest are discoveries, as the paper says; Bonferroni finds three."""
    found = comparison.q_values(FIFTEEN)
    assert (found < 0.05).sum() == 4
    assert (np.array(FIFTEEN) < 0.05 / 15).sum() == 3
    np.testing.assert_allclose(found, multipletests(FIFTEEN, method="fdr_bh")[1])


def test_missing_probabilities_are_no_tests():
    """They stay missing, and the others do not pay for them."""
    found = comparison.q_values([0.01, np.nan, 0.04])
    assert found[[0, 2]] == pytest.approx(comparison.q_values([0.01, 0.04]))
    assert np.isnan(found[1])
    assert np.isnan(comparison.q_values([np.nan])).all()


def test_few_companies_without_a_difference_have_a_discovery():
    """Of 300 companies of 20 equal reps, at most a tenth name somebody at q < .10."""
    generator = np.random.default_rng(5)
    tried = generator.integers(20, 120, (300, 20))
    won = generator.binomial(tried, 0.3)
    named = [
        (comparison.q_values(comparison.against_rest(k, n)) < 0.10).any()
        for k, n in zip(won, tried, strict=True)
    ]
    assert np.mean(named) <= 0.10 + 4 * np.sqrt(0.09 / 300)


def test_limits_of_ten_trials_by_hand():
    """Half of ten, 95 %: P(X <= 1) = 11/1024, P(X <= 2) = 56/1024, wanted 25.6/1024.

    Between 1 and 2 that is (25.6 - 11) / 45 = .324 of the way, so 13.24 %, and 86.76 % above.
    """
    found = comparison.control_limits([10, 0], 0.5)
    assert found.warning_low[0] == pytest.approx((1 + 14.6 / 45) / 10)
    assert found.warning_high[0] == pytest.approx(1 - (1 + 14.6 / 45) / 10)
    assert np.isnan(found.warning_low[1])
    assert np.isnan(found.action_high[1])


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3, 0.5, 0.85])
def test_limits_are_crossed_no_more_often_than_they_say(rate):
    """Exact, at every number of trials to 120, on each side."""
    sizes = np.arange(1, 121)
    found = comparison.control_limits(sizes, rate)
    for at, size in enumerate(sizes):
        seen = np.arange(size + 1) / size
        mass = binom.pmf(np.arange(size + 1), size, rate)
        for low, high, share in (
            (found.warning_low, found.warning_high, 0.95),
            (found.action_low, found.action_high, 0.998),
        ):
            assert mass[seen < low[at] - 1e-9].sum() <= (1 - share) / 2 + 1e-9
            assert mass[seen > high[at] + 1e-9].sum() <= (1 - share) / 2 + 1e-9


def test_limits_of_many_trials_are_the_normal_ones():
    """At 100,000 trials the funnel is the textbook's, and dispersion widens it by its root."""
    plain = comparison.control_limits([100_000], 0.3)
    wide = comparison.control_limits([100_000], 0.3, dispersion=4.0)
    error = np.sqrt(0.3 * 0.7 / 100_000)
    assert plain.warning_high[0] == pytest.approx(0.3 + norm.ppf(0.975) * error, abs=2e-5)
    assert plain.action_low[0] == pytest.approx(0.3 - norm.ppf(0.999) * error, abs=2e-5)
    assert wide.warning_high[0] - 0.3 == pytest.approx(2 * (plain.warning_high[0] - 0.3))


def test_dispersion_is_one_by_chance_and_more_by_more():
    """Equal rates give 1; true rates that double the variance give about 2."""
    generator = np.random.default_rng(9)
    tried = np.full(2000, 60)
    assert comparison.dispersion(np.full(20, 18), np.full(20, 60)) == 1.0
    assert comparison.dispersion([5, 0], [5, 0]) == 1.0
    strength = 59.0  # correlation 1/60: variance 1 + 59/60 times the binomial one
    won = generator.binomial(tried, generator.beta(0.3 * strength, 0.7 * strength, 2000))
    test = estimates.homogeneity(won, tried - won)
    assert test is not None
    assert test.statistic / test.freedom == pytest.approx(1 + 59 / 60, abs=0.25)
    drawn_in = comparison.dispersion(won, tried)
    assert 1.3 < drawn_in < test.statistic / test.freedom
    assert comparison.dispersion(won, tried, winsorised=0.0) == pytest.approx(
        test.statistic / 2000, rel=1e-9
    )
