"""Arithmetic on plain arrays, against published figures and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from enablement.errors import EnablementError
from enablement.measure import estimates

SIZES = (10, 20, 50, 100, 200)
COVERAGE = {  # average and lowest, as the docstrings print them
    "jeffreys": [(0.901, 0.771), (0.897, 0.820), (0.898, 0.853), (0.899, 0.855), (0.900, 0.876)],
    "wilson": [(0.909, 0.819), (0.905, 0.833), (0.901, 0.865), (0.901, 0.864), (0.900, 0.874)],
}


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


def test_students_interval_of_ten_values():
    """With ten values of spread 1 it reaches 2.262 / sqrt(10) each way at 95 %, by Student's table.

    One value has none, whatever its spread.
    """
    low, high = estimates.mean_interval([0.0, 5.0], [1.0, np.nan], [10, 1], confidence=0.95)
    assert (low[0], high[0]) == pytest.approx((-2.262 / 10**0.5, 2.262 / 10**0.5), abs=2e-4)
    assert np.isnan([low[1], high[1]]).all()


@pytest.mark.parametrize("interval", estimates.INTERVALS)
def test_nothing_observed_has_no_interval(interval):
    """Unknown is missing, never zero."""
    low, high = estimates.rate_interval([0, 1], [0, 2], interval=interval)
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert not np.isnan(low[1])


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_newcombe(k, n, low, high):
    """Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3, 95 %."""
    found = estimates.wilson(k, n, confidence=0.95)
    assert [float(bound) for bound in found] == pytest.approx([low, high], abs=0.00005)


@given(n=st.integers(1, 400), share=st.floats(0, 1), confidence=st.floats(0.5, 0.99))
def test_wilson_against_statsmodels(n, share, confidence):
    """Equal to statsmodels; never outside [0, 1], and around the rate."""
    k = round(share * n)
    low, high = estimates.wilson(k, n, confidence=confidence)
    theirs = proportion_confint(k, n, alpha=1 - confidence, method="wilson")
    assert (float(low), float(high)) == pytest.approx(theirs, abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1


def test_an_interval_is_chosen_by_name():
    """And a wrong name is answered with the known ones."""
    assert estimates.rate_interval(3, 10) == estimates.jeffreys(3, 10)
    assert estimates.rate_interval(3, 10, interval="wilson") == estimates.wilson(3, 10)
    with pytest.raises(EnablementError, match="Known: jeffreys, wilson. Did you mean 'wilson'"):
        estimates.rate_interval(3, 10, interval="wilsen")


def covered(interval: str, n: int, rates: np.ndarray) -> np.ndarray:
    """Exact probability that the 90 % interval holds each true rate; nothing simulated."""
    k = np.arange(n + 1)
    low, high = estimates.rate_interval(k, np.full(n + 1, n), interval=interval)
    held = (low[:, None] <= rates) & (rates <= high[:, None])
    return (binom.pmf(k[:, None], n, rates) * held).sum(axis=0)


@pytest.mark.parametrize("interval", estimates.INTERVALS)
def test_intervals_hold_nine_in_ten_on_average(interval):
    """Averaged over true rates of .05 to .95, at every number of trials from 10 to 200."""
    rates = np.linspace(0.05, 0.95, 451)
    average = np.array([covered(interval, n, rates).mean() for n in range(10, 201)])
    assert average.min() >= 0.89
    assert average.max() <= 0.91


@pytest.mark.parametrize("interval", estimates.INTERVALS)
def test_the_docstring_says_what_the_interval_holds(interval):
    """The lowest is where coverage jumps: just outside the end of some interval."""
    rates = np.linspace(0.05, 0.95, 1801)
    for n, (average, lowest) in zip(SIZES, COVERAGE[interval], strict=True):
        low, high = estimates.rate_interval(np.arange(n + 1), np.full(n + 1, n), interval=interval)
        ends = np.concatenate([low - 1e-9, high + 1e-9])
        ends = ends[(ends >= 0.05) & (ends <= 0.95)]
        assert covered(interval, n, rates).mean() == pytest.approx(average, abs=0.0006)
        assert covered(interval, n, ends).min() == pytest.approx(lowest, abs=0.0006)
        for figure in (average, lowest):
            assert f"{figure:.3f}"[1:] in (estimates.INTERVALS[interval].__doc__ or "")


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


def test_many_small_groups_are_permuted_as_if_each_card_were_dealt():
    """200 reps of 3 each, won by 70 in pairs: as often as where the 600 cards are shuffled."""
    won = np.repeat([3, 2, 1, 0], [15, 55, 65, 65])
    found = estimates.homogeneity(won, 3 - won)
    assert found is not None
    assert found.simulated
    cards, generator = np.repeat([1, 0], [won.sum(), 600 - won.sum()]), np.random.default_rng(5)
    hands = np.stack([generator.permutation(cards) for _ in range(2_000)])
    squares = (hands.reshape(2_000, 200, 3).sum(axis=2) ** 2).sum(axis=1)
    assert found.p == pytest.approx((squares >= (won**2).sum()).mean(), abs=0.04)


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
