"""How far quarters vary beyond chance: against closed forms, and densities of scipy's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from plans import alike, ground
from scipy import integrate, stats

from enablement.plan import futures, swings
from enablement.plan.capacity import Season
from enablement.plan.swings import Swings

QUARTERS = np.full(4, 0.25)


def known(single, drift, ahead=0.0):
    """Swings of which both spreads are known."""
    return Swings(np.array([single]), np.array([drift]), np.ones(1), "said", ahead)


def test_the_variance_is_worked_out_by_hand():
    """A quarter's own 0.2 and the mean of four of them; 0.1 a step, 14/16 of them in the year."""
    found = known(0.2, 0.1).variance(2)[0]
    assert found == pytest.approx([0.05 + 0.01 * 1.875, 0.05 + 0.01 * 2.875])
    later = known(0.2, 0.1, ahead=1.0).variance(1)[0]
    assert later == pytest.approx(found[1:])


def test_a_walk_has_that_variance():
    """Levels that walk and swing, the next quarters over the mean logarithm of the last four."""
    rng = np.random.default_rng(3)
    level = (0.1 * rng.standard_normal((100_000, 6))).cumsum(axis=1)
    level += 0.2 * rng.standard_normal(level.shape)
    ahead = level[:, 4:] - level[:, :4].mean(axis=1, keepdims=True)
    assert ahead.var(axis=0) == pytest.approx(known(0.2, 0.1).variance(2)[0], rel=0.02)
    drawn = np.log(known(0.2, 0.1).factors(2, 100_000, rng))
    assert np.cov(drawn.T) == pytest.approx(np.cov(ahead.T), rel=0.05)


def test_factors_are_one_on_average():
    """Which way a quarter swings is not known."""
    drawn = swings.fitted(np.zeros(0), np.zeros(0)).factors(4, 100_000, np.random.default_rng(1))
    assert drawn.mean(axis=0) == pytest.approx(np.ones(4), abs=0.005)
    assert (swings.STILL.factors(4, 10, np.random.default_rng(1)) == 1).all()


@pytest.mark.parametrize("season", [None, np.array([3, 0, 1, 2, 3])])
def test_the_weights_are_those_of_the_density(season):
    """The normal density of the logarithms, the level summed over by quadrature."""
    counts, days = np.array([20.0, 31, 18, 25, 40]), np.array([60.0, 62, 61, 64, 63])
    single, drift = np.array([0.0, 0.3, 0.1]), np.array([0.0, 0.05, 0.2])
    design = swings._design(season, 5)
    found = swings._log_likelihood(counts, days, design, single, drift)
    seen, place = np.log((counts + 0.5) / days), np.arange(5)
    walk = np.minimum(place[:, None], place[None, :])
    by_hand = []
    for s, d in zip(single, drift, strict=True):
        spread = np.diag(1 / (counts + 0.5) + s**2) + d**2 * walk
        if season is None:
            density = stats.multivariate_normal(cov=spread).pdf
            whole = integrate.quad(lambda level, f=density: f(seen - level), -4, 3)[0]
        else:  # what is free of the levels, whose differences those of one quarter leave
            among = np.array([[1.0, 0, 0, 0, -1]])
            whole = stats.multivariate_normal(cov=among @ spread @ among.T).pdf(among @ seen)
        by_hand.append(np.log(whole))
    assert np.diff(found) == pytest.approx(np.diff(by_hand), abs=1e-6)


def test_what_varies_is_told_from_what_does_not():
    """Forty quarters: chance alone, single quarters by 20 %, and a level that drifts by 8 %."""
    rng, days = np.random.default_rng(5), np.full(40, 60.0)
    plain = np.zeros(40)
    own = 0.2 * rng.standard_normal(40)
    drifting = (0.08 * rng.standard_normal(40)).cumsum()
    found = [
        swings.fitted(rng.poisson(1_000 * np.exp(swing)).astype(float), days)
        for swing in (plain, own, drifting)
    ]
    single, drift = ([f.weight @ getattr(f, of) for f in found] for of in ("single", "drift"))
    assert single[0] < 0.02
    assert single[1] == pytest.approx(0.2, abs=0.05)
    assert drift[0] < 0.01
    assert drift[2] == pytest.approx(0.08, abs=0.03)
    assert single[1] > 2 * single[2]


def test_few_quarters_leave_what_was_thought_before():
    """Nothing known: one of twenty companies passes 30 %, by the prior."""
    found = swings.fitted(np.array([50.0, 60]), np.array([60.0, 60]))
    assert found.says == swings.UNKNOWN
    grid = swings._prior(2_000, 0.30)
    assert (grid > 0.30).mean() == pytest.approx(0.05)
    assert grid.mean() == pytest.approx(0.30 / np.log(20), rel=0.01)


def test_what_comes_swings_as_the_levels_do():
    """With rates known, variance is that of the counts and (e^v - 1) of the square of the mean."""
    at = ground(8)
    many = dataclasses.replace(
        at.funnel,
        entered=at.funnel.entered * 1e6,
        moved=at.funnel.moved * 1e6,
        days=np.full(8, 2.5e8),
    )
    at = dataclasses.replace(at, funnel=many, swings=known(0.2, 0.1))
    drawn = futures.draw(at, alike(8, won=10**7, variation=1.0), QUARTERS, number=40_000)
    wins = np.nansum(at.expected(at.rates("team"))[:, -1]) / 4
    swung = np.exp(known(0.2, 0.1).variance(4)[0])
    expected = 2 * wins + wins**2 * (swung - 1)
    assert drawn.mean(axis=0) == pytest.approx(np.full(4, wins * 1_000), rel=0.01)
    assert drawn.var(axis=0) == pytest.approx(expected * 1e6, rel=0.05)


def test_parts_of_another_cut_add_up_to_the_same():
    """A year in one part, and in twelve months: each has its share of its quarter's level."""
    season = Season(np.array([0.8, 1.0, 1.0, 1.2]), "said")
    at = dataclasses.replace(ground(8, season=season), swings=known(0.3, 0.1))
    days = at.capacity().sum(axis=0)
    months = days / days.sum()
    quarters = months.reshape(4, 3).sum(axis=1)
    level = futures._levels(at, np.random.default_rng(2), 50)
    levels = [
        (level * months) @ futures._within(at, part).T for part in (np.ones(1), quarters, months)
    ]
    assert levels[1].sum(axis=1) == pytest.approx(levels[0][:, 0])
    assert levels[2].reshape(50, 4, 3).sum(axis=2) == pytest.approx(levels[1])
