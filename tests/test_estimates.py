"""Arithmetic on plain arrays, against published figures and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from enablement.measure import estimates


def test_jeffreys_of_none_in_four():
    """0 of 4 at 95 %: from 0 to the 97.5 % quantile of Beta(0.5, 4.5), which is 0.445."""
    low, high = estimates.jeffreys(0, 4, confidence=0.95)
    assert (float(low), round(float(high), 3)) == (0.0, 0.445)


@given(n=st.integers(1, 400), share=st.floats(0, 1), confidence=st.floats(0.5, 0.99))
def test_jeffreys_against_statsmodels(n, share, confidence):
    """Equal to statsmodels inside; at the ends the bound is 0 or 1, as the paper asks."""
    k = round(share * n)
    low, high = estimates.jeffreys(k, n, confidence=confidence)
    theirs = proportion_confint(k, n, alpha=1 - confidence, method="jeffreys")
    assert low == pytest.approx(0.0 if k == 0 else theirs[0], abs=1e-9)
    assert high == pytest.approx(1.0 if k == n else theirs[1], abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1


def test_nothing_observed_has_no_interval():
    """Unknown is missing, never zero."""
    low, high = estimates.jeffreys([0, 1], [0, 2])
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert not np.isnan(low[1])


def test_chi_square_against_scipy():
    """The statistic, the degrees of freedom and p of scipy's contingency test."""
    from scipy.stats import chi2_contingency

    won, lost = np.array([30, 45, 20, 60]), np.array([70, 40, 50, 65])
    theirs = chi2_contingency(np.array([won, lost]), correction=False)
    ours = estimates.homogeneity(won, lost)
    assert ours is not None
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (ours.freedom, ours.groups, ours.simulated) == (theirs.dof, 4, False)


def test_groups_without_a_trial_do_not_count():
    """A rep who closed nothing adds no degree of freedom."""
    with_empty = estimates.homogeneity([30, 0, 20], [30, 0, 40])
    assert with_empty == estimates.homogeneity([30, 20], [30, 40])
    assert with_empty is not None
    assert with_empty.groups == 2


@pytest.mark.parametrize(
    ("won", "lost"), [([], []), ([3], [4]), ([0, 0], [4, 5]), ([4, 5], [0, 0]), ([0], [0])]
)
def test_nothing_to_compare_is_none(won, lost):
    """One group, or all ended alike."""
    assert estimates.homogeneity(won, lost) is None


def test_small_counts_are_permuted_and_agree_with_the_exact_test():
    """Two groups, 3 of 4 and 0 of 5: Fisher's exact probability is 0.0476."""
    from scipy.stats import fisher_exact

    ours = estimates.homogeneity([3, 0], [1, 5])
    assert ours is not None
    assert ours.simulated
    assert ours.p == pytest.approx(fisher_exact([[3, 1], [0, 5]]).pvalue, abs=0.01)


def test_the_permutation_is_the_same_every_time():
    """A verdict does not change between two runs."""
    assert estimates.homogeneity([3, 0, 1], [1, 5, 2]) == estimates.homogeneity(
        [3, 0, 1], [1, 5, 2]
    )


def test_no_difference_is_found_about_as_often_as_promised():
    """Of 400 companies of 12 equal reps, about a tenth look different at p < 0.10."""
    generator = np.random.default_rng(7)
    won = generator.binomial(40, 0.3, size=(400, 12))
    found = [estimates.homogeneity(row, 40 - row).p < 0.10 for row in won]  # type: ignore[union-attr]
    assert 0.06 <= np.mean(found) <= 0.145  # four standard errors of 0.015 around a tenth


@given(n=st.integers(1, 300))
def test_median_ranks_enclose_the_median_as_often_as_promised(n):
    """The binomial weight outside the ranks is at most a tenth, and is not needlessly small."""
    from scipy.stats import binom

    low, high = (int(rank) for rank in estimates.median_ranks(n))
    assert low + high == n + 1
    if low >= 1:
        outside = 2 * binom.cdf(low - 1, n, 0.5)
        assert outside <= 0.1 + 1e-12
        assert 2 * binom.cdf(low, n, 0.5) > 0.1


def test_few_values_carry_no_interval_of_the_median():
    """With four values the widest interval covers 87.5 %, which is not 90 %."""
    assert int(estimates.median_ranks(4)[0]) == 0
    assert int(estimates.median_ranks(5)[0]) == 1


def test_days_of_groups_against_scipy():
    """Kruskal and Wallis's H, its degrees of freedom and p; ties are corrected for."""
    from scipy.stats import kruskal

    values, groups = [1, 2, 2, 5, 9, 9, 11, 4], [0, 0, 0, 1, 1, 1, 2, 2]
    theirs = kruskal([1, 2, 2], [5, 9, 9], [11, 4])
    ours = estimates.same_distribution(values, groups)
    assert ours is not None
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (ours.freedom, ours.groups) == (2, 3)
    assert estimates.same_distribution([3, 3], [0, 1]) is None
    assert estimates.same_distribution([3, 4], [0, 0]) is None
