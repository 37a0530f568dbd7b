"""What a plan says, and what is refused with a line that helps."""

from __future__ import annotations

import datetime as dt

import pytest
from conftest import SAMPLE

import enablement as en
from enablement.errors import SettingsError
from enablement.periods import Calendar
from enablement.plan import goal as goals

LEAST = {"goal": {"lift": 0.5, "by": dt.date(2026, 12, 31)}}


def with_goal(**more):
    """The least plan, and what else its goal says."""
    return {"goal": {**LEAST["goal"], **more}}


def test_the_least_is_a_lift_and_a_day():
    """Half as much again by the end of 2026; everything else has a default."""
    plan = en.goal(LEAST)
    assert (plan.goal.metric, plan.goal.reached(1_000_000)) == ("won amount", 1_500_000)
    assert plan.goal.span(Calendar()).name == "2026"
    assert [month.name for month in plan.goal.months(Calendar())][::11] == ["2026M01", "2026M12"]


def test_a_file_a_folder_and_a_dict_say_the_same(tmp_path):
    """A plan is a path or a dict of the same shape."""
    (tmp_path / "plan.toml").write_text("[goal]\nlift = 0.5\nby = 2026-12-31\n")
    for source in (tmp_path, tmp_path / "plan.toml", str(tmp_path), en.goal(LEAST)):
        assert en.goal(source).goal == en.goal(LEAST).goal


def test_the_samples_plan_can_be_read():
    """Its reward, its desired rates and its outcomes stand in it."""
    plan = en.goal(SAMPLE)
    assert plan.reward.pool == 120_000
    assert plan.desired["Discovery"] == 0.82
    assert plan.goal.constraints == goals.Constraints(headcount="fixed", new_tools=False)
    assert "fewer_losses_after_discovery" in plan.outcomes


@pytest.mark.parametrize("by", ["2026", "2026Q4", "2026M12", "2026-12-31", 2026])
def test_the_day_may_be_a_period_that_ends_with_it(by):
    """The goal's twelve months are those of 2026 by every one of them."""
    assert en.goal(with_goal(by=by)).goal.span(Calendar()).name == "2026"


def test_twelve_months_may_lie_in_two_years_and_end_with_a_week():
    """By the end of September in one calendar, by the last Saturday of January in another."""
    span = en.goal(with_goal(by="2026-09-30")).goal.span(Calendar())
    assert (span.start, span.end) == (dt.date(2025, 10, 1), dt.date(2026, 9, 30))
    retail = Calendar(2, (4, 5, 4), "Saturday nearest", 12, "start")
    year = en.goal(with_goal(by="2023")).goal.span(retail)
    assert (year.end, (year.end - year.start).days + 1) == (dt.date(2024, 2, 3), 53 * 7)


def test_a_day_within_a_month_is_refused_with_the_two_next_to_it():
    """The 15th is no end of a month."""
    with pytest.raises(SettingsError, match=r"Say 2026-08-31 or 2026-09-30"):
        en.goal(with_goal(by="2026-09-15")).goal.months(Calendar())


@pytest.mark.parametrize("by", [dt.date(9999, 12, 31), "9999", dt.date(1, 1, 31), "2300-01-01"])
def test_a_day_of_a_year_that_no_calendar_has_is_refused(by):
    """The calendar goes from 1900 to 2200, and twelve months need one before."""
    with pytest.raises(SettingsError, match="is no day of a goal. Say one from 1900-12-31 to 22"):
        en.goal(with_goal(by=by)).goal.months(Calendar())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, r"there is no \[goal\]. The least"),
        ({"gaol": {}}, r"unknown key 'gaol'. .*Did you mean 'goal'"),
        (with_goal(target=2), "either target or lift, and not both"),
        ({"goal": {"by": 2026}}, "either target or lift"),
        ({"goal": {"lift": 0.5}}, "by when"),
        (with_goal(by="soon"), "neither a day such as 2026-12-31 nor a period"),
        (with_goal(by=True), "no day"),
        (with_goal(metrics="x"), "Did you mean 'metric'"),
        (with_goal(metric="won amounts"), "Did you mean 'won amount'"),
        (with_goal(lift="50 %"), "is not a number"),
        (with_goal(lift=-1), "above -1"),
        (with_goal(lift=15), r"lift = 15 is 1,500 % more. For 15 % more say lift = 0.15,"),
        (with_goal(unit_price=0), "above 0"),
        (with_goal(baseline=float("nan")), "not a number"),
        (with_goal(share="quotas"), "Did you mean 'quota'"),
        (with_goal(pins={"A": -1}), "at least 0"),
        (with_goal(pins={"A": 1}, caps={"A": 2}), "a pin and a cap of 'A'"),
        (with_goal(constraints={"headcount": "fix"}), "Did you mean 'fixed'"),
        (with_goal(constraints={"headcount": 2.5}), "no whole number of reps"),
        (with_goal(constraints={"new_tools": 1}), "not true or false"),
        (with_goal(constraints={"caps": {"conversoin": 0.1}}), "Did you mean 'conversion'"),
        (with_goal(constraints=3), "is not a table"),
        (with_goal(stated={"reps": 0}), "no whole number of reps"),
        (with_goal(stated={"rates": {"Lead": 1.2}}), "a share, so at most 1"),
        (with_goal(stated={"rates": {"Lead": 0}}), "above 0"),
        (with_goal(stated={"rates": {"Lead": 0.2}, "win_rate": 0.2}), "both rates and a win_rate"),
        ({**LEAST, "desired": {"Lead": 80}}, "at most 1"),
        ({**LEAST, "reward": {"pool": 1}}, "must say its threshold"),
        ({**LEAST, "reward": {"pool": 1, "threshold": 1, "rule": "equally"}}, "mean 'equal'"),
        ({**LEAST, "reward": {"pool": 1, "threshold": 1, "gate": {}}}, "Did you mean 'gates'"),
        ({**LEAST, "kpis": 3}, "is not a table"),
        (with_goal(by=-1), "neither a day such as 2026-12-31 nor a period"),
        (with_goal(lift=1e308), r"lift = 1e\+308 must be at most 1,000,000,000,000,000"),
        (with_goal(unit_price=10**30), "unit_price = 1e.30 must be at most"),
        (with_goal(stated={"reps": 10**9}), "reps = 1,000,000,000 must be at most 100,000 reps"),
        (with_goal(constraints={"headcount": 10**20}), "must be at most 100,000 reps"),
        (with_goal(stated={"win_rate": 1e-300}), "must be at least 1e-06"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(said, message):
    """Each names the key, what stands there and what would have worked."""
    with pytest.raises(SettingsError, match=message) as raised:
        en.goal(said)
    assert "\n" not in str(raised.value)


def test_a_plan_that_is_not_there_is_named(tmp_path):
    """And what the least one would say."""
    with pytest.raises(
        SettingsError, match=rf"There is no plan.toml in {tmp_path.name}. The least it must say"
    ):
        en.goal(tmp_path / "plan.toml")
    (tmp_path / "plan.toml").write_text("[goal\n")
    with pytest.raises(SettingsError, match=r"^plan\.toml: "):
        en.goal(tmp_path)


def test_a_stage_that_nobody_has_is_refused_by_name():
    """Desired rates are those of stages of the workspace."""
    plan = en.goal({**LEAST, "desired": {"Qualify": 0.5}})
    with pytest.raises(SettingsError, match="Did you mean 'Qual'"):
        plan.check_stages(["Lead", "Qual"])


@pytest.mark.parametrize(
    ("by", "first_month", "name"),
    [
        ("2026-12-31", 1, "2026"),
        ("2026-09-30", 1, "2025Q4 to 2026Q3"),
        ("2026-09-30", 10, "2026"),
        ("2027-03-31", 2, "2026-04-01 to 2027-03-31"),
    ],
)
def test_twelve_months_are_named_as_the_fiscal_calendar_does(by, first_month, name):
    """A year, whole quarters, and the days where quarters begin in February, May and so on."""
    span = en.goal({"goal": {"target": 5, "by": by}}).goal.span(Calendar(first_month=first_month))
    assert str(span) == name
    assert str(span.end) == by
