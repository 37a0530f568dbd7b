"""The team's reward: whole cents that add up, rules against each other, gates, and no names."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, company
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import XYZ, ground, people
from test_charts import layer, layers

import enablement as en
from enablement.errors import CannotSayError, EnablementError, SettingsError
from enablement.plan import goal as goals
from enablement.plan import reward as rewards
from enablement.plan.gates import Gate
from enablement.plan.reward import Brought, share_pool
from enablement.show import charts, tables, words

ALL = (0.0, 0.5, 1.0)


def phone(**more):
    """Company XYZ with a reward of 120,000."""
    return {**XYZ, "reward": {"threshold": 1.0, "pool": 120_000, **more}}


def rewarded(brought, *, held=(), at=None, **more):
    """The reward of four reps with 250 to bring each, who brought that much."""
    at = at or ground(4, target=1_000.0)
    said = {"threshold": 0.9, "pool": 1_000, **more}
    plan = dataclasses.replace(at.plan, reward=goals.Reward(**said))
    each = np.array(brought, dtype=float)
    return rewards.reward_of(
        dataclasses.replace(at, plan=plan), Brought(each, each.sum(), "sold", "2026-06-30"), held
    )


def test_xyz_gets_nothing_now_and_4800_each_at_the_goal():
    """A million of 1.5 comes if nothing changes; 120,000 over 25 reps are 4,800."""
    table = en.reward(None, phone(), as_of=None)
    assert (table["now"] == 0).all()
    assert (table["at_goal"] == 4_800).all()
    assert table.attrs["basis"] == "projected"
    assert not table.attrs["reached"]
    assert "500,000 less" in table.attrs["verdict"]


def test_what_one_rep_carrying_all_does_to_each_rule():
    """Equal: 4,800 for all. Contribution: 4,800 and 115,200 for nobody. Attainment: all for one."""
    carried = en.reward(None, phone(), as_of=None).attrs["carried"]
    assert carried["equal"] == {"carrier": 4_800, "others": (4_800, 4_800), "left": 0}
    assert carried["contribution"] == {"carrier": 4_800, "others": (0, 0), "left": 115_200}
    assert carried["attainment"] == {"carrier": 120_000, "others": (0, 0), "left": 0}


def test_a_cap_of_contribution_by_hand():
    """Of 1,000 for 400, 400, 200 and 0 of 1,000 sold: 250, 250, 200 and 0, and 300 for nobody."""
    table = rewarded([400, 400, 200, 0], rule="contribution")
    assert table["now"].tolist() == [250, 250, 200, 0]
    assert (table.attrs["paid_now"], table.attrs["left_now"]) == (700, 300)


def test_by_attainment_whoever_reached_more_of_theirs_gets_more():
    """100, 60, 20 and 220 % of 250 each: a fourth of the pool of 1,000 for 100 % of 400."""
    table = rewarded([250, 150, 50, 550], rule="attainment")
    assert table["now"].tolist() == [250, 150, 50, 550]


def test_below_the_target_the_pool_is_as_much_smaller():
    """At 95 % of the target 950 of 1,000 are shared out, at 89 nothing, at 120 no more than all."""
    assert rewarded([950, 0, 0, 0])["now"].sum() == pytest.approx(950)
    assert rewarded([890, 0, 0, 0])["now"].sum() == 0
    assert rewarded([1_200, 0, 0, 0])["now"].sum() == pytest.approx(1_000)


def test_who_is_there_for_half_the_year_gets_half_as_much():
    """Three whole reps and a half one share 700 as 200 and 100."""
    since = [*["2020-01-01"] * 3, "2026-07-02"]
    at = ground(target=1_000.0, staff=people(4, since=since))
    table = rewarded([300, 300, 300, 100], at=at, pool=700)
    assert table["there"].iloc[3] == pytest.approx(0.5, abs=0.01)
    assert table["now"].to_numpy() == pytest.approx([200, 200, 200, 100], abs=1)
    assert table["now"].sum() == pytest.approx(700)


def test_a_gate_that_does_not_hold_leaves_nothing_and_one_that_cannot_be_said_no_promise():
    """1,000 were brought; the win rate lacks, or nobody knows the conformance."""
    held = [Gate("win_rate", 0.3, v, "") for v in (0.31, 0.29)]
    unknown = Gate("process_conformance", 0.8, np.nan, "There is no history.")
    brought = [250] * 4
    assert rewarded(brought, held=(held[0],))["now"].tolist() == [250] * 4
    lacks = rewarded(brought, held=(held[1], unknown))
    assert lacks["now"].tolist() == [0] * 4
    assert "win_rate is 0.29" in lacks.attrs["verdict"]
    silent = rewarded(brought, held=(held[0], unknown))
    assert silent["now"].isna().all()
    assert silent["at_goal"].tolist() == [250] * 4
    assert "cannot be said" in silent.attrs["verdict"]
    assert rewarded([0] * 4, held=(unknown,))["now"].tolist() == [0] * 4


def test_a_gate_that_nobody_measures_is_refused_with_the_nearest_one():
    """In a line, and so is a plan without a reward."""
    with pytest.raises(SettingsError, match="Did you mean 'win_rate'") as raised:
        en.reward(None, phone(gates={"winrate": 0.3}), as_of=None)
    assert "\n" not in str(raised.value)
    with pytest.raises(CannotSayError, match="no reward"):
        en.reward(None, XYZ, as_of=None)


def test_without_an_export_a_gate_is_told_and_not_passed():
    """XYZ with a goal below what comes: nothing is promised while the win rate is not known."""
    plan = phone(gates={"win_rate": 0.2})
    table = en.reward(None, {**plan, "goal": {**plan["goal"], "lift": -0.1}}, as_of=None)
    assert table["now"].isna().all()
    assert table.attrs["gates"][0]["holds"] is None
    assert "no export" in table.attrs["gates"][0]["says"]


def test_what_was_sold_in_the_goals_months_counts_from_their_first_day():
    """Until day 90 A won 10, 40 and 30 of a target of 60: B's part of the pool is as large as A's.

    The win rate in the goal's months is 3 of 5; nobody has a quota, so that gate is not said.
    """
    goal = {"target": 60, "by": "2026", "baseline": 40, "stated": {"expected": 20}}
    plan = {"goal": goal, "reward": {"threshold": 1, "pool": 100}}
    crm = company(
        {"P1": ("-300 Lead@B, -200 Won@B", 5), "P2": ("-299 Lead@A, -200 Won@A", 5), **EIGHT}
    )
    asked = {"as_of": "2026-04-01"}
    told = {**plan["reward"], "gates": {"win_rate": 0.6}}
    table = en.reward(crm, {**plan, "reward": told}, **asked)
    by_rep = table.set_index("rep_id")
    assert table.attrs["basis"] == "sold"
    assert by_rep["brought"].to_dict() == {"A": 80, "B": 0}
    assert by_rep["now"].to_dict() == {"A": 50, "B": 50}
    assert table.attrs["gates"][0]["value"] == pytest.approx(0.6)
    told = {**plan["reward"], "gates": {"quota_attainment": 1}}
    silent = en.reward(crm, {**plan, "reward": told}, **asked)
    assert silent["now"].isna().all()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), rule=st.sampled_from(goals.RULES), cents=st.integers(0, 10_000_000))
def test_parts_are_within_the_pool_and_more_never_gets_less(data, rule, cents):
    """Equal and attainment share all of it out; another cent brought never lowers one's own."""
    size = data.draw(st.integers(1, 7))
    numbers = st.lists(st.integers(0, 50_000), min_size=size, max_size=size)
    brought = np.array(data.draw(numbers), dtype=float)
    target = np.array(data.draw(numbers), dtype=float) + 1
    there = np.array(data.draw(st.lists(st.sampled_from(ALL[1:]), min_size=size, max_size=size)))
    parts = share_pool(cents, brought, target, there, rule=rule)
    assert (parts >= 0).all()
    if rule == "contribution":
        assert parts.sum() <= cents
        assert (parts <= cents * brought / max(brought.sum(), 1) + 1e-6).all()
    elif rule == "equal" or brought.sum() > 0:
        assert parts.sum() == cents
    one = data.draw(st.integers(0, size - 1))
    more = brought.copy()
    more[one] += data.draw(st.integers(1, 100_000))
    assert share_pool(cents, more, target, there, rule=rule)[one] >= parts[one]
    assert (share_pool(cents + 1, brought, target, there, rule=rule) >= parts).all()


@settings(max_examples=30, deadline=None)
@given(
    brought=st.lists(st.integers(0, 50_000), min_size=2, max_size=8),
    rule=st.sampled_from(goals.RULES),
    cents=st.integers(0, 1_000_000),
)
def test_of_two_with_one_target_whoever_brought_more_gets_no_less(brought, rule, cents):
    """Not even by the cent that does not go up."""
    brought = np.array(brought, dtype=float)
    ones = np.ones(len(brought))
    parts = share_pool(cents, brought, ones * 1_000, ones, rule=rule)
    more = brought[:, None] > brought[None, :]
    assert (parts[:, None] >= parts[None, :])[more].all()


def test_the_page_of_the_team_names_nobody_and_each_rep_reads_their_own_line():
    """What the whole team sees has no name or id in it; the line of a rep has their figures."""
    table = rewarded([400, 400, 200, 0], rule="contribution")
    table.attrs["currency"] = "EUR"
    seen = [
        words.reward(table),
        tables.reward(table).to_string(),
        tables.reward_rules(table).to_string(),
        str(charts.reward(table).to_dict()),
    ]
    for name in [*table["rep_id"], *table.attrs["labels"].values()]:
        assert not any(name in text for text in seen)
    assert words.reward(table) == (
        "The team has sold €1.00 k of €1.00 k, 100 %: €700 of the reward of €1.00 k are the team's."
    )
    assert "at the goal it would be €250.00" in words.own_reward(table, "R003")
    with pytest.raises(EnablementError, match="Did you mean 'Rep 001'"):
        words.own_reward(table, "Rep 01")


def test_the_chart_marks_what_does_not_hold_and_keeps_a_row_for_what_cannot_be_said():
    """Of three conditions one holds; a bar ends at half as much again as it must be."""
    held = (Gate("win_rate", 0.3, 0.2, "x"), Gate("share_of_wallet", 0.1, np.nan, "y"))
    table = rewarded([4_000, 0, 0, 0], held=held)
    table.attrs["currency"] = "EUR"
    chart = charts.reward(table)
    spec = chart.to_dict()
    assert layers(spec)[:3] == ["bar", "must be", "none"]
    data = layer(spec, "must be").get("data", spec["vconcat"][0].get("data"))
    rows = pd.DataFrame(spec["datasets"][data["name"]])
    assert rows["drawn"].round(2).tolist()[:2] == [1.5, 0.67]
    assert rows["holds"].tolist() == [True, False, False]
    assert "must be 30 % and is 20 %" in " ".join(chart.title["text"])
