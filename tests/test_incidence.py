"""Cumulative incidence, against a hand-worked case, a published library and its own groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from enablement.measure import estimates

CASES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=60).filter(
    lambda rows: any(what for _, what in rows)
)


def test_six_that_entered_qual():
    """Won after 20 and 55 days, lost after 25 and 60, open after 20 and 78.

    Day 20: 1 of 6 won. Day 25: 1 of 4 lost. Day 55: 1 of 3 won. Day 60: 1 of 2 lost.
    Won: 1/6 + 5/6 * 3/4 * 1/3 = 0.375. Lost: 5/6 * 1/4 + 5/6 * 3/4 * 2/3 * 1/2 = 0.417.
    """
    found = estimates.aalen_johansen([20, 25, 60, 55, 20, 78], [1, 2, 2, 1, 0, 0])
    assert found.time.tolist() == [20, 25, 55, 60, 78]
    assert found.at_risk.tolist() == [6, 4, 3, 2, 1]
    assert found.share[:, -1] == pytest.approx([0.375, 5 / 12])
    assert found.error[0, -1] == pytest.approx(0.213, abs=0.0005)


@settings(max_examples=200, deadline=None)
@given(rows=CASES)
def test_against_statsmodels_ties_included(rows):
    """Shares and standard errors to 1e-10, where statsmodels has them."""
    time, what = (np.array(column) for column in zip(*rows, strict=True))
    ours = estimates.aalen_johansen(time, what)
    with np.errstate(all="ignore"):
        theirs = CumIncidenceRight(time.astype(float), what)
    assert ours.time.tolist() == theirs.times.tolist()
    for k, (share, error) in enumerate(zip(theirs.cinc, theirs.cinc_se, strict=True)):
        np.testing.assert_allclose(ours.share[k], share, atol=1e-10)
        known = np.isfinite(error)
        np.testing.assert_allclose(ours.error[k][known], error[known], atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 2)), min_size=1)
)
def test_groups_at_once_are_groups_by_themselves(rows):
    """Working out all groups together changes none of them; the order of rows does not matter."""
    group, time, what = (np.array(column) for column in zip(*rows, strict=True))
    together = estimates.aalen_johansen(time, what, group)
    for one in np.unique(group):
        alone = estimates.aalen_johansen(time[group == one], what[group == one])
        here = together.group == one
        assert together.at_risk[here].tolist() == alone.at_risk.tolist()
        np.testing.assert_allclose(together.share[:, here], alone.share, atol=1e-12)
        np.testing.assert_allclose(together.error[:, here], alone.error, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(rows=CASES)
def test_shares_rise_and_never_pass_one(rows):
    """What was won and lost together is at most everybody; without censoring it is a count."""
    time, what = (np.array(column) for column in zip(*rows, strict=True))
    found = estimates.aalen_johansen(time, what)
    assert (np.diff(found.share, axis=1) >= -1e-12).all()
    assert found.share[:, -1].sum() <= 1 + 1e-12
    if (what > 0).all():
        counted = [(what == k).mean() for k in (1, 2)]
        np.testing.assert_allclose(found.share[:, -1], counted, atol=1e-12)


def test_the_interval_holds_the_share_and_stays_inside():
    """And says nothing where the standard error says nothing."""
    low, high = estimates.incidence_interval([0.375, 0.0, 1.0], [0.213, 0.0, 0.0])
    assert 0 < low[0] < 0.375 < high[0] < 1
    assert np.isnan(low[1:]).all()
    assert np.isnan(high[1:]).all()


def test_the_interval_is_a_shade_wider_than_the_normal_one():
    """Student's quantile for 0.375 * 0.625 / 0.213^2 = 5.17 trials, 4.17 degrees: 2.10.

    On the log(-log) scale 2.10 * 0.213 / (0.375 * 0.981) = 1.216 to either side.
    """
    low, high = estimates.incidence_interval(0.375, 0.213)
    assert float(low) == pytest.approx(0.375 ** np.exp(1.216), abs=0.001)
    assert float(high) == pytest.approx(0.375 ** np.exp(-1.216), abs=0.001)


@pytest.mark.parametrize(
    ("size", "won", "longest"), [(50, 0.3, np.inf), (50, 0.4, 200.0), (100, 0.2, 100.0)]
)
def test_the_interval_covers_the_truth_as_often_as_promised(size, won, longest):
    """2,000 samples in whole days, two outcomes at known hazards, none to half of them open."""
    generator = np.random.default_rng(11)
    worlds, horizon = 2000, 40.0
    when = np.ceil(generator.exponential(30.0, (worlds, size)))
    what = np.where(generator.random((worlds, size)) < won, 1, 2)
    if np.isfinite(longest):
        until = np.ceil(generator.uniform(0.0, longest, (worlds, size)))
        what, when = np.where(until < when, 0, what), np.minimum(when, until)
    what, when = np.where(when > horizon, 0, what), np.minimum(when, horizon)
    found = estimates.aalen_johansen(when.ravel(), what.ravel(), np.repeat(np.arange(worlds), size))
    last = np.flatnonzero(np.diff(found.group, append=-1))
    low, high = estimates.incidence_interval(found.share[0, last], found.error[0, last])
    truth = won * (1 - np.exp(-horizon / 30.0))
    assert 0.87 <= np.mean((low <= truth) & (truth <= high)) <= 0.93
