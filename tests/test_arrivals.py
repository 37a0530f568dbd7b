"""What each rep begins, and how soon a new one begins as much: by hand and planted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import EIGHT, company, day
from plans import ground

from enablement.periods import Calendar
from enablement.plan import arrivals, staff
from enablement.plan.arrivals import Arrivals, Hires


def of_eight(paths, first, last):
    """What began between two days."""
    crm = company(paths)
    period = Calendar().period((day(first).date(), day(last).date()))
    return arrivals.of_crm(crm, staff.of_crm(crm), period)


def test_what_began_counts_whatever_became_of_it():
    """A began D1, D2, D3 and D8; B began D4, D5, D6 and D7, of which two are open on day 90."""
    assert of_eight(EIGHT, 0, 90).begun.tolist() == [4, 4]
    found = of_eight(EIGHT, 1, 90)
    assert found.begun.tolist() == [1, 2]
    assert found.total == 3


def test_of_an_export_of_decided_ones_nothing_is_said():
    """Without D6, D7 and D8 nobody is open: those that began last seem to be missing."""
    closed = {name: path for name, path in EIGHT.items() if name not in ("D6", "D7", "D8")}
    assert of_eight(closed, 0, 90) is None


def test_a_new_reps_volume_is_what_began_over_the_days_that_count():
    """Who began 20 in 60 days, half of them ramp, begins 20 in 30, but for the team's month."""
    at = ground(4)
    begun, worked = np.array([100.0, 100, 100, 20]), np.array([250.0, 250, 250, 30])
    funnel = dataclasses.replace(at.funnel, arrivals=Arrivals(begun, 0.0), worked=worked)
    team = 320 / 780
    assert funnel.volume()[3] == pytest.approx((20 + 21 * team) / (30 + 21))
    assert funnel.first == 320


def hired(many, weeks, length, *, weekly=4.0, seed=1):
    """So many hires, each followed for so many weeks, who ramp up in a line."""
    rng = np.random.default_rng(seed)
    part = np.clip((np.arange(arrivals.WEEKS) + 0.5) * 7 / length, 0, 1)
    there = np.broadcast_to(np.arange(arrivals.WEEKS) < weeks, (many, arrivals.WEEKS)).astype(float)
    level = rng.gamma(16, 1 / 16, size=(many, 1))
    return Hires(rng.poisson(weekly * level * part * there).astype(float), there)


@pytest.mark.parametrize("length", [20, 90, 180])
def test_a_planted_ramp_is_found(length):
    """Sixty hires of a year tell it within a tenth, or a week."""
    found = arrivals.ramp_days(hired(60, 52, length), 4.0)
    assert found == pytest.approx(length, rel=0.1, abs=7)


def test_a_few_hires_leave_what_was_thought_before():
    """Of nobody a day is known: exponential, one in twenty above 365, so 365 / ln 20 on average."""
    nobody = Hires(np.zeros((1, arrivals.WEEKS)), np.zeros((1, arrivals.WEEKS)))
    assert arrivals.ramp_days(nobody, 4.0) == pytest.approx(365 / np.log(20), rel=0.02)
