"""Which levers must move how far: the least stretch, within what the best do and the plan has."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import XYZ, aimed, alike, ground

import enablement as en
from enablement.plan import benchmarks, levers
from enablement.plan.levers import least_stretch

HELD = benchmarks._known(np.array([0.65, 0.55, 0.75]), "desired")
PHONE = {
    **XYZ,
    "desired": {"Dial": 0.45, "Answer": 0.40, "Engage": 0.65, "Qualify": 0.75, "Offer": 0.6},
}


def asked(at, **more):
    """The levers of a company whose amounts are alike."""
    return levers.levers_of(at, HELD, alike(8, variation=0.5), number=1_000, **more)


def test_two_levers_by_hand():
    """Rooms of .3 and .1, .2 wanted: .6 and .2, for .3 × .6 + .1 × .2 is .2."""
    found = least_stretch(np.array([0.3, 0.1]), np.array([1.0, 1.0]), 0.2)
    assert found == pytest.approx([0.6, 0.2])
    capped = least_stretch(np.array([0.3, 0.1]), np.array([0.5, 1.0]), 0.2)
    assert capped == pytest.approx([0.5, 0.5])  # .15 of the first, .05 of the second
    assert least_stretch(np.array([0.3, 0.1]), np.ones(2), 0.9).tolist() == [1, 1]
    assert least_stretch(np.array([0.3, 0.0]), np.ones(2), -0.1).tolist() == [0, 0]


@settings(max_examples=20, deadline=None)
@given(
    room=st.lists(st.floats(0.01, 0.5), min_size=2, max_size=5),
    share=st.floats(0.05, 0.95),
    data=st.data(),
)
def test_no_other_combination_is_a_smaller_stretch(room, share, data):
    """Whatever is taken from one lever and made up for by another makes the squares larger."""
    room = np.array(room)
    most = np.array([data.draw(st.floats(0.2, 1.0)) for _ in room])
    wanted = share * float((room * most).sum())
    found = least_stretch(room, most, wanted)
    assert (room * found).sum() == pytest.approx(wanted)
    assert (found <= most + 1e-12).all()
    for one in range(len(room)):
        for other in range(len(room)):
            step = 1e-4
            moved = found.copy()
            moved[one] += step / room[one]
            moved[other] -= step / room[other]
            if one != other and moved[one] <= most[one] and moved[other] >= 0:
                assert (moved**2).sum() >= (found**2).sum() - 1e-9


def test_the_levers_reach_the_goal_together():
    """Needed figures multiply to the target, each between today and the best."""
    at = ground(8)
    at = aimed(at, 1.15 * at.projected(at.rates("team")))
    table = asked(at)
    assert table["needed"].prod() == pytest.approx(at.base.target)
    assert table["stretch"].between(0, 1).all()
    assert ((table["needed"] >= table["present"] - 1e-9) & (table["needed"] <= table["most"])).all()
    assert table.attrs["reachable"]
    assert table.attrs["probability_then"] > table.attrs["probability_now"] + 0.2
    assert table["lever"].tolist() == ["volume", *["conversion"] * 3, "deal_size"]


def test_a_goal_beyond_the_best_is_said_to_be_out_of_reach():
    """Three times what comes is more than the best quarter does."""
    at = ground(8)
    at = aimed(at, 3 * at.projected(at.rates("team")))
    table = asked(at)
    assert not table.attrs["reachable"]
    assert table["needed"].tolist() == pytest.approx(table["most"].tolist())
    assert "less than the" in table.attrs["verdict"]


def test_a_goal_that_comes_by_itself_moves_nothing():
    """No lever is stretched."""
    at = ground(8)
    table = asked(aimed(at, 0.9 * at.projected(at.rates("team"))))
    assert (table["stretch"] == 0).all()
    assert "if nothing changes" in table.attrs["verdict"]


def test_caps_of_the_plan_are_kept():
    """Conversions may rise by a hundredth, the volume not at all: the rest is out of reach."""
    caps = {"constraints": {"caps": {"conversion": 0.01, "volume": 0}}}
    at = ground(8, **caps)
    at = aimed(at, 1.1 * at.projected(at.rates("team")))
    table = asked(at)
    assert table.loc[0, "change"] == pytest.approx(0)
    assert table.loc[1:3, "change"].max() <= 0.01 + 1e-9
    assert not table.attrs["reachable"]


def test_alone_is_what_one_lever_brings_at_its_best():
    """A stage from its rate to 65 % brings as much more as the one is of the other."""
    at = ground(8)
    table = asked(at)
    usual = table.attrs["projected"]
    factor = max(0.65 / table.loc[1, "present"], 1)
    assert table.loc[1, "alone"] == pytest.approx(usual * factor)
    assert (table["gain"] >= -1e-6).all()


def test_the_phone_company_needs_more_who_engage_and_nothing_else():
    """One stage is below its desired rate: from 25 to 37.5 % of those who answer."""
    table = en.levers(None, PHONE, as_of=None, number=500).set_index("stage")
    assert table.loc["Answer", "needed"] == pytest.approx(0.375)
    assert table["stretch"].gt(0).sum() == 1
    assert table.attrs["reached"] == pytest.approx(1_500_000)


def test_won_ones_have_no_size():
    """Where wins are counted, what each brings is no lever."""
    at = ground(8, metric="won count", target=100.0)
    at = dataclasses.replace(at, funnel=dataclasses.replace(at.funnel, worth=1.0))
    table = levers.levers_of(at, HELD, alike(8, mean=1.0), number=200)
    assert table.loc[4, ["present", "best"]].tolist() == [1, 1]
