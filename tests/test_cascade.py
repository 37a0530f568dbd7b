"""From the goal to what each rep needs at each stage: whole numbers that add up and never lie."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, SAMPLE, company
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import AT_ONCE, FLAT, MONTHS, XYZ, YEAR, aimed, ground, people

import enablement as en
from enablement.errors import CannotSayError, EnablementError
from enablement.measure import shrinkage
from enablement.periods import Calendar, Period
from enablement.plan import capacity, cascade, funnels, staff
from enablement.plan import goal as goals
from enablement.plan.capacity import Ramp
from enablement.plan.lags import Lags, latest
from enablement.read.engine import Remote
from enablement.show import widgets


def sums(table, column="needed"):
    """Level, month and stage -> sum over its places."""
    return table.groupby(["level", "month", "stage"], observed=True)[column].sum().unstack("level")


@settings(max_examples=5, deadline=None)
@given(
    reps=st.integers(4, 17),
    target=st.integers(1, 3_000_000),
    price=st.sampled_from([None, 50, 7.5]),
    share=st.sampled_from(["equal", "projected"]),
    seed=st.integers(0, 5),
)
def test_every_level_adds_up(reps, target, price, share, seed):
    """Company, regions, teams and reps have the same numbers in each month and stage."""
    more = {"share": share, **({"unit_price": price} if price else {})}
    table = cascade.worksheet(ground(reps, target=float(target), seed=seed, **more))
    for column in ("needed", "amount"):
        by_level = sums(table, column)
        assert list(by_level) == ["company", "region", "team", "rep"]
        assert by_level.sub(by_level["company"], axis=0).abs().max().max() < 1e-6
    won = table[(table["level"] == "company") & (table["stage"] == "won")]
    unit = price or 1
    assert won["amount"].sum() == pytest.approx(np.ceil(target / unit - 1e-6) * unit)
    assert table["needed"].dtype == np.int64


@settings(max_examples=5, deadline=None)
@given(
    reps=st.integers(4, 13),
    target=st.integers(1, 2_000_000),
    more=st.integers(1, 300_000),
    share=st.sampled_from(["equal", "projected"]),
    data=st.data(),
)
def test_a_higher_target_never_needs_less(reps, target, more, share, data):
    """Of no rep, in no month and at no stage, whoever is pinned or capped."""
    extra = data.draw(
        st.sampled_from([{}, {"pins": {"R001": 1_000}}, {"caps": {"R000": 50_000, "R002": 0}}])
    )
    low = ground(reps, target=float(max(target, 1_000)), share=share, **extra)
    one = cascade.worksheet(low)
    two = cascade.worksheet(aimed(low, low.base.target + more))
    assert (two["needed"] >= one["needed"]).all()
    assert (two["amount"].fillna(0) >= one["amount"].fillna(0)).all()


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 50))
def test_a_goal_that_comes_by_itself_has_no_gap(seed):
    """Each rep needs what they are projected to bring, rounded up: no more than one each."""
    at = ground(9, seed=seed, share="projected")
    at = aimed(at, at.projected(at.rates()))
    table = cascade.worksheet(at)
    won = table[(table["level"] == "rep") & (table["stage"] == "won")]
    short = won.groupby("rep_id")["short"].sum()
    assert short.between(-1e-6 - 0.01, 1.001).all()
    assert table.attrs["verdict"].startswith("If nothing changes")
    assert "missing" not in table.attrs["verdict"]


def test_company_xyz_needs_a_hundred_units_a_month_of_each():
    """60,000 / 50 is 1,200 wins in the year; / 0.6 is 2,000 offers, / 0.75 is 2,667 (2,666.67)."""
    table = en.results_worksheet(None, XYZ)
    reps = table[table["level"] == "rep"]
    year = reps.groupby(["rep_id", "stage"], observed=True)["needed"].sum().unstack()
    assert (year["won"] == 1_200).all()
    assert (year["Offer"] == 2_000).all()
    assert (year["Qualify"] == 2_667).all()
    assert (year["Dial"] == int(np.ceil(1_200 / (0.45 * 0.25 * 0.65 * 0.75 * 0.6)))).all()
    amounts = reps.groupby("rep_id")["amount"].sum()
    assert (amounts == 60_000).all()
    won = reps[reps["stage"] == "won"]
    assert won.groupby("rep_id")["units"].sum().eq(1_200).all()
    assert won["units"].between(91, 106).all()  # 20 to 23 of 261 working days
    assert list(table["level"].cat.remove_unused_categories().cat.categories) == ["company", "rep"]


def test_months_follow_working_days():
    """January 2026 has 22 of 261 working days, February 20: 101 and 92 of 1,200 units."""
    table = en.results_worksheet(None, XYZ)
    won = table[(table["level"] == "rep") & (table["stage"] == "won")]
    first = won[won["rep_id"] == "Rep 01"].set_index("month")["units"]
    assert first["2026M01"] == round(1_200 * 22 / 261)
    assert first["2026M02"] == round(1_200 * 20 / 261)


def test_what_would_come_anyway_stands_beside():
    """The plan's million comes if nothing changes, so half a million is missing."""
    table = en.results_worksheet(None, XYZ)
    assert table.attrs["projected"] == pytest.approx(1_000_000)
    assert "500,000 are missing" in table.attrs["verdict"]
    won = table[(table["level"] == "company") & (table["stage"] == "won")]
    assert won["short"].sum() == pytest.approx(10_000)


def test_pins_and_caps_are_kept_and_the_others_make_up_for_them():
    """Of 800,000 one rep brings 10,000 and one at most 50,000; the six others share 740,000."""
    at = ground(8, target=800_000.0, pins={"R001": 10_000}, caps={"Rep 003": 50_000})
    table = cascade.worksheet(at)
    amounts = table[table["level"] == "rep"].groupby("rep_id")["amount"].sum()
    assert amounts["R001"] == 10_000
    assert amounts["R003"] == 50_000
    assert amounts.sum() == 800_000
    others = amounts.drop(["R001", "R003"])
    assert others.min() >= 100_000


def test_pins_and_caps_that_cannot_be_kept_are_refused():
    """Nobody of that name, more than the target, less than the target."""
    with pytest.raises(EnablementError, match="is no rep who is there"):
        cascade.worksheet(ground(4, pins={"Nobody": 1}))
    with pytest.raises(EnablementError, match="more than the target"):
        cascade.worksheet(ground(4, target=10.0, pins={"R000": 1_000}))
    every = {f"R{n:03}": 10 for n in range(4)}
    with pytest.raises(EnablementError, match="The pins and caps leave"):
        cascade.worksheet(ground(4, caps=every))


def test_by_when_is_a_quantile_and_not_the_mean():
    """For wins by 31 March a stage of 90 days must be entered by 31 December."""
    found = latest(Lags((90.0, 60.0, np.nan), ""), MONTHS)
    assert found[2, 0] == np.datetime64("2025-12-31")
    assert found[2, 1] == np.datetime64("2026-01-30")
    assert np.isnat(found[2, 2])
    table = cascade.worksheet(ground(4))
    march = table[(table["month"] == "2026M03") & (table["level"] == "company")]
    days = march.set_index("stage")["by"]
    assert days["Lead"] == pd.Timestamp("2025-12-31")
    assert days["won"] == pd.Timestamp("2026-03-31")
    assert "2026M01 to 2026M03" in " ".join(table.attrs["notes"])


def test_what_nobody_ever_had_is_said():
    """With ten times the target every rep needs more leads than any rep has had."""
    small, large = (cascade.worksheet(ground(6, target=t)) for t in (50_000.0, 3_000_000.0))
    assert (small["says"] == "").all()
    told = large.loc[(large["level"] == "rep") & (large["stage"] == "Lead"), "says"]
    assert told.str.contains("in as many days nobody had more than").all()
    assert "cannot be reached by volume alone" in large.attrs["verdict"]


def test_a_new_rep_and_one_who_leaves_have_less_to_bring():
    """From 1 July half a year's days; until 31 March a quarter's; with 180 days of ramp less."""
    staff = people(4, since=["2020-01-01", "2026-07-01", pd.NaT, "2020-01-01"],
                   until=[pd.NaT, pd.NaT, "2026-03-31", pd.NaT])  # fmt: skip
    days = capacity.capacity(staff, MONTHS, season=FLAT, ramp_up=AT_ONCE)
    assert days.sum(axis=1).tolist() == [261, 132, 64, 261]
    slow = capacity.ramped(staff, MONTHS, Ramp(180.0, ""))
    assert slow[1, 6] == pytest.approx(15 / 180)  # in the middle of July
    assert (slow[1, 6:] >= slow[1, 5:-1]).all()
    assert (slow[[0, 2, 3]] == 1).all()
    table = cascade.worksheet(ground(4, staff=staff, target=718_000.0))
    amounts = table[table["level"] == "rep"].groupby("rep_id")["amount"].sum()
    assert amounts.tolist() == [261_000, 132_000, 64_000, 261_000]


def test_a_season_is_found_where_there_is_one():
    """Three years growing 5 % a quarter, the last quarter of each a third stronger."""
    quarter = np.tile(np.arange(4), 3)
    season = np.array([0.9, 0.9, 0.9, 1.3])
    counts = np.round(200 * 1.05 ** np.arange(12) * season[quarter])
    found = capacity._fitted(counts, np.full(12, 60.0), quarter)
    assert found.index == pytest.approx(season, rel=0.02)
    rng = np.random.default_rng(4)
    none = capacity._fitted(rng.poisson(100, 12).astype(float), np.full(12, 60.0), quarter)
    assert (none.index == 1).all()
    assert "chance" in none.says


def test_months_of_weeks_and_another_year_keep_the_sums():
    """A goal by the end of a 4-4-5 year has twelve months that end on Saturdays."""
    calendar = Calendar(weeks=(4, 4, 5), ends="last Saturday")
    months = goals.goal({"goal": {"lift": 0.1, "by": "2026"}}).goal.months(calendar)
    at = dataclasses.replace(ground(5), months=months)
    table = cascade.worksheet(at)
    ends = table[(table["level"] == "company") & (table["stage"] == "won")]["by"]
    assert (ends.dt.day_name() == "Saturday").all()
    won = table[(table["level"] == "rep") & (table["stage"] == "won")]
    by_month = won.groupby("month", observed=True)["amount"].sum()
    assert by_month["2026M03"] / by_month["2026M01"] == pytest.approx(25 / 20, rel=0.01)


def shrunk(successes, trials):
    """Rates of groups at one stage, shrunk."""
    k, n = np.array(successes, dtype=float), np.array(trials, dtype=float)
    return funnels.shrunk_rates(k, n, 1, shrinkage.fit_spread(k, n))


def test_rates_are_shrunk_only_where_reps_differ():
    """About 50 of 100 of all: everybody has a half; 20 and 80 of 100: each nearly their own."""
    trials = [100] * 6
    assert shrunk([48, 52, 50, 49, 51, 50], trials) == pytest.approx(np.full(6, 0.5))
    apart = shrunk([20, 80, 50, 30, 70, 50], trials)
    assert 0.2 < apart[0] < 0.25
    assert 0.75 < apart[1] < 0.8
    assert np.isnan(shrunk([0, 3], [0, 5])[0])


def test_a_rep_who_decided_nothing_has_the_rates_of_the_team():
    """And the team's volume a working day beside their own none."""
    at = ground(5)
    at.funnel.entered[4], at.funnel.moved[4], at.funnel.days[4] = 0, 0, 0
    assert at.rates()[4] == pytest.approx(at.funnel.pooled)
    assert at.funnel.volume()[4] == pytest.approx(
        at.funnel.entered[:4, 0].sum() / at.funnel.days[:4].sum()
    )


def test_without_recorded_stages_there_is_one_or_the_plans():
    """An export without stage history and dates: won or not; or the rates that the plan states."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {
                "opportunity_id": [f"D{n}" for n in range(40)],
                "rep_id": ["A", "B"] * 20,
                "amount": 100.0,
                "stage": ["Won"] * 10 + ["Lost"] * 30,
                "created_at": dt.date(2025, 1, 10),
                "closed_at": dt.date(2025, 6, 10),
            }
        ),
        settings={
            "stages": ["Lead", "Qual"],
            "outcomes": {"Won": "won", "Lost": "lost"},
            "exported_on": dt.date(2025, 12, 31),
        },
    )
    table = en.results_worksheet(crm, {"goal": {"lift": 0.5, "by": "2026"}})
    assert table["stage"].cat.categories.tolist() == ["Opportunity", "won"]
    year = table[table["level"] == "company"].groupby("stage", observed=True)["needed"].sum()
    assert year["won"] == 16  # 1,500 / 100 is 15, 7.5 of each of two, so 8 of each
    assert year["Opportunity"] == 64  # at a win rate of a quarter
    assert any("not recorded" in note for note in table.attrs["notes"])
    wanted = {"goal": {"lift": 0.5, "by": "2026"}, "desired": {"Qual": 0.6}}
    held = en.results_worksheet(crm, wanted)
    assert any("held against nothing" in note for note in held.attrs["notes"])
    with pytest.raises(en.EnablementError, match="names the stage 'Offer'"):
        en.results_worksheet(crm, {**wanted, "desired": {"Offer": 0.6}})
    stated = {"rates": {"Lead": 0.5, "Qual": 0.5}}
    told = en.results_worksheet(crm, {"goal": {"lift": 0.5, "by": "2026", "stated": stated}})
    assert told["stage"].cat.categories.tolist() == ["Lead", "Qual", "won"]
    assert any("are the plan's" in note for note in told.attrs["notes"])


def test_what_cannot_be_said_is_refused_in_a_line():
    """Nothing won, nothing stated, a word that is not known."""
    plan = {"goal": {"target": 1_000, "by": "2027"}}
    with pytest.raises(CannotSayError, match="Nothing was won"):
        en.results_worksheet(company({"D6": EIGHT["D6"]}), plan, as_of="2026-12-31")
    with pytest.raises(CannotSayError, match="which share moves on"):
        en.results_worksheet(None, {"goal": {**XYZ["goal"], "stated": {"reps": 3}}})
    with pytest.raises(EnablementError, match="Known: own, team"):
        en.results_worksheet(None, XYZ, rates="mine")


def test_a_period_of_the_goal_is_its_own():
    """Twelve months, from the first to the last day of the year."""
    at = ground(4)
    assert (at.months[0].start, at.months[-1].end) == (YEAR.start, YEAR.end)
    assert isinstance(at.base.span, Period)


def test_teams_stand_as_one_counts():
    """Team 1, 2, 10, and not 1, 10, 2; of names without a number nothing changes."""
    teams = ["Team 10", "Team 2", "South", "Team 1"]
    people = pd.DataFrame({"rep_id": list("ABCD"), "team": teams})
    opportunities = pd.DataFrame({"opportunity_id": list("1234"), "rep_id": list("ABCD")})
    said = {"stages": ["Lead"], "outcomes": {"Won": "won"}}
    crm = en.crm(opportunities=opportunities.assign(stage="Won"), reps=people, settings=said)
    assert list(staff.of_crm(crm).table["team"]) == ["South", "Team 1", "Team 2", "Team 10"]
    assert widgets.team_names(crm) == ["South", "Team 1", "Team 2", "Team 10"]


ASKED_OF_A_PLAN = (en.results_worksheet, en.stage_gap, en.levers, en.goal_chance, en.glide_path)


def counting(monkeypatch):
    """List the plans whose funnel is counted from now on."""
    count, plans = funnels.of_crm, []

    def counted(crm, plan, period):
        plans.append(plan)
        return count(crm, plan, period)

    monkeypatch.setattr(funnels, "of_crm", counted)
    return plans


def test_what_is_asked_of_one_plan_is_counted_once(monkeypatch):
    """Five questions of a page, one count of the funnel; another day, or another plan, is anew."""
    crm, plans = en.load(SAMPLE), counting(monkeypatch)
    for question in ASKED_OF_A_PLAN:
        question(crm, SAMPLE, as_of="2026-09-30")
    assert len(plans) == 1
    en.stage_gap(crm, SAMPLE, as_of="2026-06-30")
    assert len(plans) == 2
    en.stage_gap(crm, {"goal": {"lift": 0.1, "by": "2027"}}, as_of="2026-06-30")
    assert len(plans) == 3


def test_a_plan_that_was_changed_is_another_one(monkeypatch):
    """Its dicts may be written to: neither the next answer nor an earlier one is taken for it."""
    crm, plans = en.load(SAMPLE), counting(monkeypatch)
    said = {"goal": {"lift": 0.1, "by": "2027"}, "desired": {"Discovery": 0.7}}
    plan = goals.goal(said)
    before = en.stage_gap(crm, plan, as_of="2026-09-30")
    plan.desired["Discovery"] = 0.9
    same = en.stage_gap(crm, said, as_of="2026-09-30")
    assert len(plans) == 1
    pd.testing.assert_frame_equal(same, before)
    after = en.stage_gap(crm, plan, as_of="2026-09-30")
    shown = [table.set_index("stage")["benchmark"]["Discovery"] for table in (before, after)]
    assert shown == [0.7, 0.9]


def test_what_is_done_with_an_answer_changes_no_later_one():
    """Tables may be written to, their attributes too: all that was counted stays as it was."""
    crm = en.load(SAMPLE)
    questions = (*ASKED_OF_A_PLAN, en.reward, en.what_if)
    first = [question(crm, SAMPLE, as_of="2026-09-30") for question in questions]
    kept = [table.copy(deep=True) for table in first]
    for table in first:
        for column in table.select_dtypes("number"):
            table[column].array[:] = 0
        for value in table.attrs.values():
            if isinstance(value, (dict, list)):
                value.clear()
    for question, table in zip(questions, kept, strict=True):
        again = question(crm, SAMPLE, as_of="2026-09-30")
        pd.testing.assert_frame_equal(again, table)
        assert again.attrs == table.attrs


def test_rows_of_a_database_may_have_changed():
    """So what lies there is counted each time, and what was read once only."""
    crm = company(EIGHT)
    there = Remote("opportunities", {}, "select 1", warehouse=None)
    counts = iter(range(9))
    for source, counted in ((crm, 1), (dataclasses.replace(crm, sources={"rows": there}), 2)):
        answers = [source.last("ground", "the same", counts.__next__) for _ in range(2)]
        assert len(set(answers)) == counted
