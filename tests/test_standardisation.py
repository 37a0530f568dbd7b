"""Rates at equal mix, by hand, against published figures and in worlds of known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enablement.errors import EnablementError
from enablement.measure import estimates, standardisation

# Small and large kidney stones removed by open surgery and by percutaneous nephrolithotomy:
# Charig and others (1986), British Medical Journal 292:879-882.
STONES = (np.array([[81, 192], [234, 55]]), np.array([[87, 263], [270, 80]]))
CELLS = st.lists(
    st.lists(
        st.tuples(st.integers(0, 20), st.floats(0, 1)).map(
            lambda one: (round(one[0] * one[1]), one[0])
        ),
        min_size=3,
        max_size=3,
    ),
    min_size=1,
    max_size=6,
)


def test_two_reps_with_different_deals():
    """A: small 8 of 10, large 2 of 10; B: small 12 of 20, no large one. Team: 20/30 and 2/10.

    A at the team's 30 : 10 is .75 * .8 + .25 * .2 = .65 against .75 * 2/3 + .25 * .2 = .55.
    B has three quarters of the mix: .6 against the team's 2/3 there.
    """
    found = standardisation.at_team_mix([[8, 2], [12, 0]], [[10, 10], [20, 0]])
    assert found.raw == pytest.approx([0.5, 0.6])
    assert found.rate == pytest.approx([0.65, 0.6])
    assert found.team == pytest.approx([0.55, 2 / 3])
    assert found.difference == pytest.approx([0.10, 0.6 - 2 / 3])
    assert found.covered == pytest.approx([1.0, 0.75])
    against = standardisation.against_expected([[8, 2], [12, 0]], [[10, 10], [20, 0]])
    assert against.observed.tolist() == [10, 12]
    assert against.expected == pytest.approx([10 * 2 / 3 + 2, 20 * 2 / 3])


def test_kidney_stones_turn_round():
    """Raw 78 % against 83 %; at the mix of all 700 patients 83 % against 78 %."""
    found = standardisation.at_team_mix(*STONES)
    assert np.round(found.raw, 2).tolist() == [0.78, 0.83]
    by_hand = [
        357 / 700 * 81 / 87 + 343 / 700 * 192 / 263,
        357 / 700 * 234 / 270 + 343 / 700 * 55 / 80,
    ]
    assert found.rate == pytest.approx(by_hand)
    assert np.round(found.rate, 2).tolist() == [0.83, 0.78]


def test_one_stratum_is_wilsons_interval():
    """Direct: the interval itself; indirect: divided by the team's rate."""
    won, tried = np.array([[3], [40], [0], [7]]), np.array([[10], [100], [12], [7]])
    low, high = estimates.wilson(won[:, 0], tried[:, 0])
    found = standardisation.at_team_mix(won, tried)
    np.testing.assert_allclose(found.low, low, atol=1e-12)
    np.testing.assert_allclose(found.high, high, atol=1e-12)
    against = standardisation.against_expected(won, tried)
    team = won.sum() / tried.sum()
    np.testing.assert_allclose(against.low * team, low, atol=1e-12)
    np.testing.assert_allclose(against.high * team, high, atol=1e-12)


def test_the_same_mix_changes_nothing():
    """Reps whose deals are mixed as the team's keep their raw rates."""
    tried = np.outer([30, 60, 90], [1, 2, 3])
    won = np.round(tried * 0.4).astype(int) + np.array([[1, 0, 2], [3, 1, 0], [0, 2, 5]])
    found = standardisation.at_team_mix(won, tried)
    np.testing.assert_allclose(found.rate, found.raw)
    np.testing.assert_allclose(found.covered, 1.0)


def test_nothing_seen_stays_missing():
    """A rep without a deal; a stratum nobody has; a team without one at all."""
    found = standardisation.at_team_mix([[0, 0, 0], [2, 3, 0]], [[0, 0, 0], [5, 5, 0]])
    assert np.isnan([found.raw[0], found.rate[0], found.low[0], found.team[0]]).all()
    assert found.covered.tolist() == [0.0, 1.0]
    assert found.rate[1] == pytest.approx(0.5)
    none = standardisation.at_team_mix([[0, 0]], [[0, 0]])
    assert np.isnan(none.rate).all()
    assert none.covered.tolist() == [0.0]
    against = standardisation.against_expected([[0, 0], [0, 0]], [[0, 0], [5, 5]])
    assert np.isnan(against.ratio).all()


def test_shapes_that_do_not_fit_are_refused():
    """One line says what would have."""
    with pytest.raises(EnablementError, match="one row per group and one column per stratum"):
        standardisation.at_team_mix([1, 2], [3, 4])
    with pytest.raises(EnablementError, match=r"shape \(1, 2\) and trials of shape \(2, 2\)"):
        standardisation.against_expected([[1, 2]], [[3, 4], [5, 6]])


@settings(max_examples=60, deadline=None)
@given(rows=CELLS)
@example(rows=[[(0, 0), (0, 0), (0, 2)], [(0, 0), (0, 1), (2, 2)]])
@example(rows=[[(5, 5), (4, 4), (1, 1)], [(3, 3), (6, 6), (4, 4)]])
def test_intervals_hold_the_rate_and_losses_mirror_wins(rows):
    """Inside [0, 1], around the rate; what was lost stands at one less what was won.

    Of one example the second has twice the team's rates, which are a half where it has most; in
    the other all was won, and sums of shares come to a little less than 1.
    """
    won, tried = np.array(rows).transpose(2, 0, 1)
    found = standardisation.at_team_mix(won, tried)
    seen = np.isfinite(found.low)
    assert (found.low[seen] >= 0).all()
    assert (found.high[seen] <= 1).all()
    assert (found.low[seen] <= found.rate[seen] + 1e-9).all()
    assert (found.high[seen] >= found.rate[seen] - 1e-9).all()
    assert ((found.covered >= 0) & (found.covered <= 1)).all()
    against = standardisation.against_expected(won, tried)
    known = np.isfinite(against.low)
    assert (against.low[known] <= against.ratio[known] + 1e-9).all()
    assert (against.high[known] >= against.ratio[known] - 1e-9).all()
    lost = standardisation.at_team_mix(tried - won, tried)
    np.testing.assert_allclose(lost.rate, 1 - found.rate, atol=1e-9)
    np.testing.assert_allclose(lost.difference, -found.difference, atol=1e-9)
    other = seen & np.isfinite(lost.low) & (np.abs(found.team - 0.5) > 1e-9)
    np.testing.assert_allclose(lost.low[other], 1 - found.high[other], atol=1e-9)
    np.testing.assert_allclose(lost.high[other], 1 - found.low[other], atol=1e-9)


@pytest.mark.parametrize(("strata", "size", "middle"), [(3, 60, 0.15), (6, 60, 0.3), (3, 20, 0.7)])
def test_intervals_cover_the_truth_as_often_as_promised(strata, size, middle):
    """40 reps with mixes of their own, 300 samples each, in a team so large that it is known."""
    generator = np.random.default_rng(31)
    logits = np.log(middle / (1 - middle)) + np.linspace(-0.5, 0.5, strata)
    crowd = np.round(generator.dirichlet(np.full(strata, 5.0)) * 1e9)
    held = []
    for _ in range(40):
        tried = generator.multinomial(size, generator.dirichlet(np.full(strata, 3.0)))
        own = 1 / (1 + np.exp(-(logits + generator.normal(0, 0.3))))
        won = generator.binomial(tried, own, (300, strata))
        found = standardisation.at_team_mix(
            np.vstack([won, crowd / (1 + np.exp(-logits))]),
            np.vstack([np.tile(tried, (300, 1)), crowd]),
        )
        share = crowd * (tried > 0) / crowd[tried > 0].sum()
        truth = (share * own).sum()
        held.append(((found.low[:-1] <= truth) & (truth <= found.high[:-1])).mean())
    assert 0.87 <= np.mean(held) <= 0.93
