"""The invented company: what it promises holds, and what was planted is there."""

import dataclasses
import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import enablement as en
from enablement.errors import EnablementError
from enablement.read.schema import SCHEMA
from enablement.world import (
    Leak,
    Parameters,
    Rollout,
    company,
    money,
    phone_example,
    simulate,
    walk,
)
from enablement.world.history import CANCELLED_CODE, HANDOVER, WON_CODE
from enablement.world.parameters import (
    ASSIGNMENTS,
    CAUSES,
    COMPETENCIES,
    PIPELINES,
    RATES,
    STAGES,
)
from enablement.world.requests import asked

DAY = dt.date(2025, 5, 13)


@pytest.fixture(scope="module")
def large():
    """200 reps and about 58,000 opportunities; nothing planted."""
    return simulate(11, reps=200, per_quarter=25.0)


@pytest.fixture(scope="module")
def planted():
    """One leak of every cause, and one rollout of every assignment."""
    leaks = (
        Leak("existing", "pay", 0.6, begins="2025Q4"),
        Leak("Discovery", "skill", 0.8, who="South"),
        Leak("Qualification", "execution", 0.5, who="Central 1"),
        Leak("Proposal", "tools", 0.6, who="West"),
        Leak("Qualification", "mix", 0.4, who="North"),
    )
    rollouts = (
        Rollout("Randomised", "asking discovery questions", "Discovery", DAY, 0.8),
        Rollout("Nothing", "negotiating", "Negotiation", DAY, 0.0, assignment="worst first",
                share=0.3),
        Rollout("Staggered", "qualifying", "Qualification", DAY, 0.4, assignment="staggered"),
        Rollout("All", "prospecting existing accounts", "existing", DAY, 0.4,
                assignment="everyone"),
    )  # fmt: skip
    return simulate(12, reps=120, per_quarter=30.0, leaks=leaks, rollouts=rollouts)


def decided(world, stage):
    """Stays at a stage that moved on or were lost."""
    stays = world.stays
    return (stays.stage == stage) & stays.decided & (stays.left < world.clock.end)


# ---- any valid parameters give a sound company -------------------------------------------------

shares = st.floats(0.0, 1.0)
leak = st.one_of(
    st.builds(Leak, st.sampled_from(STAGES), st.sampled_from(("skill", "tools")), shares),
    st.builds(Leak, st.sampled_from(STAGES), st.sampled_from(("execution", "pay", "mix")),
              st.floats(0.0, 0.3)),
    st.builds(Leak, st.sampled_from(("new", "existing", "time")), st.sampled_from(CAUSES[:2]),
              shares),
)  # fmt: skip
rollout = st.builds(
    Rollout,
    lesson=st.just("Lesson"),
    competency=st.sampled_from([c.name for c in COMPETENCIES]),
    place=st.sampled_from((*STAGES, "new", "existing")),
    starts_on=st.dates(dt.date(2026, 1, 5), dt.date(2026, 9, 25)),
    effect=shares,
    assignment=st.sampled_from(ASSIGNMENTS),
    share=shares,
)
worlds = st.builds(
    simulate,
    st.integers(0, 2**32),
    reps=st.integers(1, 25),
    quarters=st.integers(1, 5),
    warmup=st.integers(0, 120),
    leaks=st.lists(leak, max_size=3).map(tuple),
    rollouts=st.lists(rollout, max_size=2).map(tuple),
    per_quarter=st.floats(0.0, 12.0),
    turnover=st.floats(0.0, 0.4),
    back=st.floats(0.0, 0.5),
    skip=shares,
    reopen=shares,
    handover=shares,
    time_shape=st.floats(1.1, 6.0),
    practising=shares,
    cancel=st.floats(0.0, 0.3),
    planned=shares,
    no_show=shares,
    apart=st.lists(st.sampled_from(list(PIPELINES)[1:]), unique=True).map(tuple),
    currencies=st.lists(st.sampled_from(list(RATES)), min_size=1, max_size=4).map(tuple),
)
thorough = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip


@thorough
@given(worlds)
def test_any_company_satisfies_the_schema(world):
    """Every table has columns of the dictionary only, keys that are unique, and known parents."""
    tables = world.tables
    for name, table in tables.items():
        own = {"segment"} if name == "opportunities" else set()
        assert set(table.columns) <= {*SCHEMA[name], *own}, name
    opportunities, events = tables["opportunities"], tables["stage_events"]
    assert opportunities["opportunity_id"].is_unique
    assert tables["activities"]["activity_id"].is_unique
    assert tables["reps"]["rep_id"].is_unique
    assert tables["quotas"][["rep_id", "period", "metric"]].duplicated().sum() == 0
    assert set(events["opportunity_id"]) == set(opportunities["opportunity_id"])
    assert set(opportunities["account_id"]) <= set(tables["accounts"]["account_id"])
    for name, table in tables.items():
        if "rep_id" in table:
            assert set(table["rep_id"]) <= set(tables["reps"]["rep_id"]), name
    assert (opportunities["amount"] >= 0).all()
    assert opportunities["amount"].le(opportunities["list_amount"]).all()


@thorough
@given(worlds)
def test_any_company_satisfies_the_visit_accounting(world):
    """Time runs forward, every visit ends once, and nothing is set aside by the reader."""
    noted = world.events
    same = noted.opportunity[1:] == noted.opportunity[:-1]
    assert (np.diff(noted.time)[same] >= 0).all()
    assert (noted.time < world.clock.end).all()
    if not len(noted.time):
        return
    crm = world.crm
    assert (crm.quality.summary["set_aside"] == 0).all()
    visits = crm.stage_visits
    known = ["advanced", "won", "lost", "back", "handed off", "cancelled", "open"]
    assert visits["exit"].isin(known).all()
    assert (visits["left_at"].isna() == (visits["exit"] == "open")).all()
    open_ = crm.opportunities["outcome"] == "open"
    assert (visits["exit"] == "open").sum() == open_.sum()
    assert (visits["exit"] == "cancelled").sum() == (noted.stage == CANCELLED_CODE).sum()
    assert (visits["exit"] == "won").sum() == (crm.opportunities["outcome"] == "won").sum()
    assert (visits["exit"] == "handed off").sum() == (noted.kind == HANDOVER).sum()


def test_who_leaves_hands_over_after_the_entry_of_the_stage():
    """One rep leaves within minutes of one; in one second nobody could tell which came first.

    Found by the test above.
    """
    leaks = (Leak("Proposal", "skill", 0.6104462738285542),)
    world = simulate(
        52115715, reps=5, quarters=2, warmup=3, leaks=leaks, rollouts=(), handover=0.0,
        per_quarter=4.705497936997244, turnover=0.14593997071191878, back=0.0, skip=0.0,
        reopen=0.0, time_shape=3.0, practising=0.0,
    )  # fmt: skip
    noted = world.events
    handed = np.flatnonzero(noted.kind == HANDOVER)
    when = world.clock.second(noted.time)
    assert (noted.opportunity[handed] == noted.opportunity[handed - 1]).all()
    assert (when[handed] > when[handed - 1]).all()


@thorough
@given(worlds)
def test_any_company_has_a_truth(world):
    """The truth can be written as JSON and names every rep, leak, rollout and request."""
    told = json.loads(json.dumps(world.truth))
    assert len(told["reps"]) == world.people.reps
    assert len(told["leaks"]) == len(world.abilities.planted)
    assert len(told["rollouts"]) == len(world.abilities.trained)
    assert len(told["requests"]) == len(asked(world))
    assert set(told["stages"]) == set(STAGES)


def test_no_rep_works_before_hiring_or_after_leaving(large):
    """Owners of events and doers of activities are employed on that day."""
    staff = large.tables["reps"].set_index("rep_id")
    for table, when in (("stage_events", "entered_at"), ("activities", "at")):
        rows = large.tables[table]
        hired = rows["rep_id"].map(staff["hired_on"])
        left = rows["rep_id"].map(staff["left_on"])
        assert (rows[when] >= hired).all(), table
        late = rows[when] > left + pd.Timedelta(days=1)
        assert not late.any(), table


def test_same_seed_same_company():
    """Two companies of one seed are equal; another seed gives another."""
    first, again, other = (simulate(seed, reps=12, quarters=3) for seed in (5, 5, 6))
    for name, table in first.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])
    assert not first.tables["opportunities"].equals(other.tables["opportunities"])


def test_a_later_rollout_leaves_the_past_as_it_was():
    """A training changes nothing before its day: counterfactuals share their random numbers."""
    plain = simulate(5, reps=20)
    late = Rollout("L", "prospecting existing accounts", "existing", DAY, 1.0)
    trained = simulate(5, reps=20, rollouts=(late,))
    before = [
        t[t["entered_at"] < "2025-05-13"]["entered_at"].reset_index(drop=True)
        for t in (plain.tables["stage_events"], trained.tables["stage_events"])
    ]
    pd.testing.assert_series_equal(*before)
    assert len(trained.made.time) > len(plain.made.time)


# ---- moments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", range(5), ids=STAGES)
def test_conversion_is_what_the_chances_say(large, stage):
    """Observed share that advanced against the mean true chance, within 4 standard errors."""
    rows = decided(large, stage)
    chance = large.stays.chance[rows]
    seen = (large.stays.exit[rows] != walk.LOST).mean()
    error = np.sqrt((chance * (1 - chance)).mean() / rows.sum())
    # Only stays that have ended: slow ones, which are more often lost, are still open.
    assert abs(seen - chance.mean()) < 4 * error + 0.01


@pytest.mark.parametrize("stage", range(5), ids=STAGES)
def test_average_rates_are_near_the_parameters(large, stage):
    """New business of the middle segment advances at about the stated rate, within 4 points."""
    opportunity = large.stays.opportunity
    rows = decided(large, stage) & (large.made.kind != 2)[opportunity]
    rows &= (large.made.segment == 1)[opportunity]
    assert large.stays.chance[rows].mean() == pytest.approx(
        large.chosen.stage_rates[stage], abs=0.04
    )


@pytest.mark.parametrize("stage", range(5), ids=STAGES)
def test_time_in_stage_is_skewed_around_its_median(large, stage):
    """Mid-market stays that advance without the behaviour: median within 8 %, mean above it."""
    stays = large.stays
    rows = (stays.stage == stage) & ~stays.done & (stays.exit <= walk.WON)
    rows &= (large.made.segment == 1)[stays.opportunity]
    days = (stays.left - stays.entered)[rows] * 7 / 5
    assert np.median(days) == pytest.approx(large.chosen.stage_days[stage], rel=0.08)
    assert days.mean() > 1.1 * np.median(days)


def test_discount_falls_with_coverage(large):
    """Below enough coverage, the slope is the stated one; above it there is none."""
    price, chosen = large.prices, large.chosen
    offered = np.isfinite(price.offered) & (price.discount > 0)
    thin = offered & (price.coverage < chosen.enough_coverage * 0.9)
    slope = np.polyfit(price.coverage[thin], price.discount[thin], 1)[0]
    assert slope == pytest.approx(-chosen.thin_discount / chosen.enough_coverage, rel=0.1)
    plenty = offered & (price.coverage > chosen.enough_coverage * 1.1)
    assert abs(np.polyfit(price.coverage[plenty], price.discount[plenty], 1)[0]) < 0.005
    rest = np.isfinite(price.offered)
    assert np.corrcoef(price.coverage[rest], price.discount[rest])[0, 1] < -0.5


def test_discount_does_not_buy_wins(large):
    """At equal opportunity, discount and winning are unrelated: it is a symptom."""
    closed = large.stays.exit == walk.WON
    closed |= (large.stays.exit == walk.LOST) & (large.stays.stage == 4)
    rows = np.flatnonzero(closed & (large.stays.stage == 4))
    at = large.stays.opportunity[rows]
    surprise = (large.stays.exit[rows] == walk.WON) - large.stays.chance[rows]
    assert abs(np.corrcoef(surprise, large.prices.discount[at])[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("what", "share"), [("back", 0.05), ("skip", 0.08), ("reopen", 0.01), ("handover", 0.05)]
)
def test_detours_are_as_frequent_as_stated(large, what, share):
    """Going back, skipping, reopening and hand-overs, within a fifth of the stated share."""
    stays = large.stays
    later = stays.stage > 0
    if what == "back":
        seen = (stays.exit[later] == walk.BACK).mean()
    elif what == "reopen":
        last = np.zeros(len(large.made.time), dtype=int)
        last[stays.opportunity] = np.arange(len(stays.exit))
        lost = np.flatnonzero(stays.exit == walk.LOST)
        seen = (last[stays.opportunity[lost]] != lost).mean()
    elif what == "handover":
        leaver = np.isfinite(large.people.stop[stays.rep])
        moved = np.isfinite(stays.handed) & ~leaver
        seen = np.unique(stays.opportunity[moved]).size / len(large.made.time)
    else:
        order = np.lexsort((stays.entered, stays.opportunity))
        stage, exit_ = stays.stage[order], stays.exit[order]
        onward = (exit_[:-1] == walk.ADVANCED) & (stage[:-1] < 3)
        onward &= np.diff(stays.opportunity[order]) == 0
        seen = (np.diff(stage.astype(int))[onward] == 2).mean()
    assert seen == pytest.approx(share, rel=0.2)


def test_season_ramp_and_turnover_are_there(large):
    """New reps win less at first; leavers are replaced; creation follows the season."""
    staff = large.people
    new = np.flatnonzero(np.isfinite(staff.start[: staff.reps]))
    assert len(new) == np.isfinite(staff.stop[: staff.reps]).sum() > 0.08 * staff.reps
    since = large.stays.entered - staff.start[large.stays.rep]
    first = large.stays.stage == 0
    green = large.stays.chance[first & (since >= 0) & (since < 30)].mean()
    assert green < large.stays.chance[first & (since > 200)].mean() - 0.04
    quarter = np.bincount(large.clock.quarter(large.made.time) + 4)[4:]
    season = [quarter[k::4].mean() for k in range(4)]  # from the second quarter of the year on
    assert np.argmin(season) == 1


def test_reasons_are_noisy_but_lean(large):
    """Price is named more often in Negotiation than in Prospecting."""
    lost = large.events.stage[large.last_event] == WON_CODE + 1
    stage = large.stays.stage[large.last_stay]
    price = [np.mean(large.reason[lost & (stage == s)] == 1) for s in (0, 4)]
    assert price[0] < 0.12 < 0.25 < price[1] < 0.4


# ---- behaviours leave traces ------------------------------------------------------------------


def test_follow_up_within_a_day_shows_in_activities(large):
    """Prospecting: first activity within a day where it was done, later where not."""
    activities = large.tables["activities"].dropna(subset=["opportunity_id"])
    first = activities.groupby("opportunity_id")["at"].min()
    stays = large.stays
    rows = np.flatnonzero((stays.stage == 0) & (stays.left - stays.entered > 6))
    rows = rows[np.unique(stays.opportunity[rows], return_index=True)[1]]
    key = large.tables["opportunities"]["opportunity_id"].to_numpy()[stays.opportunity[rows]]
    delay = first.reindex(key).to_numpy() - large.clock.moments(stays.entered[rows]).to_numpy()
    quick = delay <= np.timedelta64(24, "h")
    done = stays.done[rows]
    weekend = large.clock.day(stays.entered[rows]) % 7 == 1  # Fridays: the day after is a Monday
    assert quick[done & ~weekend].mean() > 0.85
    assert quick[~done].mean() < 0.1


def test_meeting_two_people_shows_in_activities(large):
    """Discovery: held meetings with two contacts where it was done, with one where not."""
    crm_events = large.tables["activities"].dropna(subset=["opportunity_id"])
    met = crm_events[(crm_events["type"] == "meeting") & (crm_events["status"] == "held")]
    wide = met.groupby("opportunity_id")["contact_id"].nunique() > 1
    stays = large.stays
    done = np.zeros(len(large.made.time), dtype=bool)
    been = done.copy()
    ended = (stays.stage == 2) & (stays.left < large.clock.end)
    np.logical_or.at(done, stays.opportunity[ended], stays.done[ended])
    been[stays.opportunity[ended]] = True
    key = large.tables["opportunities"]["opportunity_id"]
    seen = wide.reindex(key).fillna(False).to_numpy(dtype=bool)
    assert seen[been & done].mean() > 0.8
    assert seen[been & ~done].mean() < 0.05


# ---- what was planted is found again ------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_leak_lowers_the_chance_by_its_size(planted, number):
    """Mean logit with and without it differ by about the planted size."""
    told = planted.truth["leaks"][number]
    gap = np.log(told["rate_without"] / (1 - told["rate_without"]))
    gap -= np.log(told["rate"] / (1 - told["rate"]))
    assert gap == pytest.approx(told["size"], rel=0.25)
    assert told["cost"] > 0


@pytest.mark.parametrize(
    "leak",
    [Leak("Discovery", "skill", 0.6, who="South"), Leak("Qualification", "mix", 0.4),
     Leak("existing", "pay", 0.5),
     Leak("time", "execution", 0.3)],
    ids=lambda leak: f"{leak.place} {leak.cause}",
)  # fmt: skip
def test_the_cost_of_a_leak_is_what_is_won_without_it(leak):
    """Companies without the leak win more by the told cost: mean of three seeds, within 15 %.

    What is won is counted at the prices at which it is sold, so deeper discounts are in it. The
    standard error of the mean of three is up to 6 %.
    """
    told, gained = [], []
    for seed in (4, 5, 6):
        world = simulate(seed, reps=150, per_quarter=40.0, leaks=(leak,))
        told.append(world.truth["leaks"][0]["cost"])
        gained.append(sold(simulate(seed, reps=150, per_quarter=40.0)) - sold(world))
    assert np.mean(told) == pytest.approx(np.mean(gained), rel=0.15)


def sold(world):
    """Won amount of the last four quarters, in the currency."""
    last = world.last_event
    won = world.events.stage[last] == WON_CODE
    won &= world.events.time[last] >= world.clock.end - 260
    return world.prices.last[won].sum()


def test_thin_coverage_is_in_the_cost_of_a_leak():
    """What deeper discounts cost is there for a leak in creation, and nothing without them."""
    leak = Leak("existing", "pay", 0.5)
    deep, flat = (
        simulate(4, reps=60, per_quarter=20.0, leaks=(leak,), thin_discount=most).truth["leaks"][0]
        for most in (0.36, 0.0)
    )
    assert deep["cost_of_discounts"] > 0.1 * deep["cost"]
    assert flat["cost_of_discounts"] == 0
    assert deep["cost_of_discounts"] < deep["cost"]


def test_a_leak_is_where_it_was_planted(planted):
    """The South loses more in Discovery than the others, and nowhere else by more than 4 points."""
    south = np.isin(planted.stays.rep, np.flatnonzero(planted.abilities.planted[1].on))
    gap = []
    for stage in range(5):
        rows = decided(planted, stage)
        onward = planted.stays.exit != walk.LOST
        gap.append(onward[rows & ~south].mean() - onward[rows & south].mean())
    assert np.argmax(gap) == 2
    assert gap[2] > 0.08


def test_execution_leak_shows_in_behaviour_and_not_in_assessments(planted):
    """Central 1 could, and does not: done less often, assessed like the others."""
    on = planted.abilities.planted[2].on
    rows = planted.stays.stage == 1
    does = planted.stays.done
    hit = on[planted.stays.rep]
    assert does[rows & ~hit].mean() - does[rows & hit].mean() > 0.3
    assert _assessed(planted, "qualifying", on) == pytest.approx(0.0, abs=0.35)


def test_skill_leak_shows_in_assessments(planted):
    """The South is assessed at least a level lower at asking discovery questions."""
    assert _assessed(planted, "asking discovery questions", planted.abilities.planted[1].on) < -0.8


def _assessed(world, competency, on):
    """Mean of managers' scores of some reps less that of the others, levels of 4."""
    rows = world.tables["assessments"]
    rows = rows[(rows["competency"] == competency) & (rows["assessor"] == "manager")]
    keys = world.tables["reps"]["rep_id"].to_numpy()[: world.people.reps]
    hit = rows["rep_id"].isin(keys[on])
    return rows["score"][hit].mean() - rows["score"][~hit].mean()


def test_mix_leak_vanishes_at_equal_sources(planted):
    """The North has more purchased lists; among other sources it advances like the others."""
    on = planted.abilities.planted[4].on
    listed = planted.made.source == 5
    north = on[planted.made.rep]
    assert listed[north].mean() > listed[~north].mean() + 0.2
    rows = decided(planted, 1) & ~listed[planted.stays.opportunity]
    rows &= ~planted.abilities.planted[2].on[planted.stays.rep]
    hit = on[planted.stays.rep]
    onward = planted.stays.exit != walk.LOST
    assert onward[rows & hit].mean() == pytest.approx(onward[rows & ~hit].mean(), abs=0.05)


def test_tools_leak_costs_time_and_hours(planted):
    """The West is slower in Proposal and has more administration in its calendar."""
    on = planted.abilities.planted[3].on
    rows = planted.stays.stage == 3
    hit = on[planted.stays.rep]
    length = planted.stays.left - planted.stays.entered
    assert np.median(length[rows & hit]) > 1.35 * np.median(length[rows & ~hit])
    blocks = planted.tables["calendar"]
    hours = (blocks["end"] - blocks["start"]).dt.total_seconds()[blocks["category"] == "admin"]
    keys = planted.tables["reps"]["rep_id"].to_numpy()[: planted.people.reps][on]
    west = blocks["rep_id"].isin(keys)
    assert hours[west].mean() > 1.6 * hours[~west].mean()


def test_pay_leak_thins_the_pipeline_and_raises_discounts(planted):
    """From 2025Q4 on less is created in existing accounts, coverage falls, discounts rise."""
    made, price, clock = planted.made, planted.prices, planted.clock
    change = planted.abilities.planted[0].begins
    old, new = ((made.kind == 1) & (made.time >= b) & (made.time < b + 195) for b in
                (change - 195, change))  # fmt: skip
    assert new.sum() < 0.75 * old.sum()
    offered = np.isfinite(price.offered) & (price.offered < clock.end)
    late = price.offered > change + 65
    assert price.coverage[offered & late].mean() < price.coverage[offered & ~late].mean() - 0.1
    assert price.discount[offered & late].mean() > price.discount[offered & ~late].mean() + 0.01
    assert planted.truth["costliest"]["place"] == "existing"


def test_negotiation_training_is_the_wrong_request(planted):
    """Reps sell on price because pipeline from existing accounts is thin; the South is right."""
    told = {each["request_id"]: each for each in planted.truth["requests"]}
    assert not told["R-101"]["right"]
    assert told["R-101"]["real"] == {"place": "existing", "cause": "pay"}
    assert told["R-102"]["right"]
    assert not told["R-104"]["right"]
    assert told["R-104"]["local"]["cause"] == "tools"


def test_training_that_works_and_training_that_does_not(planted):
    """The truth of each rollout is the planted one, whatever the tests and the ratings say."""
    told = {each["lesson"]: each for each in planted.truth["rollouts"]}
    assert told["Randomised"]["works"]
    assert told["Randomised"]["gain"] > 0.04
    assert told["Staggered"]["gain"] > 0.015
    assert told["All"]["gain"] > 0.15
    assert not told["Nothing"]["works"]
    assert told["Nothing"]["gain"] == 0.0


def test_randomised_training_can_be_recovered():
    """With a large effect and many reps, trained less untrained is about the true gain."""
    rollout = Rollout("L", "asking discovery questions", "Discovery", DAY, 0.8)
    world = simulate(21, reps=300, per_quarter=40.0, rollouts=(rollout,))
    taken = world.abilities.trained[0]
    after = decided(world, 2) & (world.stays.entered > world.clock.at(DAY) + 21)
    hit = np.isfinite(taken.completed)[world.stays.rep]
    onward = world.stays.exit != walk.LOST
    seen = onward[after & hit].mean() - onward[after & ~hit].mean()
    assert seen == pytest.approx(world.truth["rollouts"][0]["gain"], abs=0.025)


def test_worst_first_regresses_to_the_mean():
    """A training without effect, given to the worst, looks as if it worked."""
    rollout = Rollout("L", "negotiating", "Negotiation", DAY, 0.0, assignment="worst first",
                      share=0.3)  # fmt: skip
    world = simulate(22, reps=200, per_quarter=9.0, rollouts=(rollout,))
    begin = world.clock.at(DAY)
    hit = (world.abilities.trained[0].wave >= 0)[world.stays.rep]
    stays = world.stays
    onward = stays.exit != walk.LOST
    rows = decided(world, 4) & hit
    before = rows & (stays.left < begin) & (stays.left >= begin - 130)
    after = rows & (stays.entered >= begin) & (stays.left < begin + 130)
    assert onward[after].mean() > onward[before].mean() + 0.1
    assert world.truth["rollouts"][0]["gain"] == 0.0


def test_tests_reactions_and_practice(planted):
    """Tests rise for the trained, ratings say little, practice doubles what is kept."""
    rows = planted.tables["assessments"]
    rows = rows[(rows["assessor"] == "test") & (rows["competency"] == "asking discovery questions")]
    score = rows.pivot_table(index="rep_id", columns="kind", values="score")
    keys = planted.tables["reps"]["rep_id"].to_numpy()[: planted.people.reps]
    trained = score.index.isin(keys[np.isfinite(planted.abilities.trained[0].completed)])
    gain = score["after"] - score["before"]
    assert gain[trained].mean() > gain[~trained].mean() + 2.0
    taken = planted.abilities.trained[0]
    reps = np.flatnonzero(np.isfinite(taken.completed))
    kept = taken.use(reps, taken.completed[reps] + 250)
    practises = planted.people.practises[reps]
    assert kept[practises].mean() > 1.5 * kept[~practises].mean()
    pairs = planted.people.buddy
    inside = pairs >= 0
    assert (pairs[pairs[inside]] == np.flatnonzero(inside)).all()


# ---- what a company has on request ---------------------------------------------------------------


@pytest.fixture(scope="module")
def varied():
    """Cancelled ones, three pipelines, three currencies, plans; else as the company without."""
    return simulate(
        13, reps=60, per_quarter=25.0, cancel=0.03, planned=0.5, no_show=0.2,
        apart=("Renewals", "Partner Pipeline"), currencies=("USD", "EUR", "GBP"),
    )  # fmt: skip


def test_cancelled_is_neither_won_nor_lost(varied):
    """The stated share of the stays ends so, within a tenth; the rates of the others stay."""
    assert (varied.stays.exit == walk.CANCELLED).mean() == pytest.approx(0.03, rel=0.1)
    table = varied.tables["opportunities"]
    off = table["stage"] == "Cancelled"
    assert off.sum() > 100
    assert table["closed_at"][off].notna().all()
    assert table["loss_reason"][off].isna().all()
    plain = simulate(13, reps=60, per_quarter=25.0)
    for stage in STAGES:
        rates = [w.truth["stages"][stage]["rate"] for w in (varied, plain)]
        assert rates[0] == pytest.approx(rates[1], abs=0.01)


def test_pipelines_have_stages_of_their_own(varied):
    """Renewals and what partners bring run apart, each through stages of its own pipeline."""
    tables = varied.tables
    held = tables["opportunities"].set_index("opportunity_id")
    assert (held["pipeline"][held["type"] == "Renewal"] == "Renewals").all()
    partner = (held["source"] == "Partner") & (held["type"] != "Renewal")
    assert (held["pipeline"][partner] == "Partner Pipeline").all()
    assert (held["pipeline"][~partner & (held["type"] != "Renewal")] == "Sales Pipeline").all()
    events = tables["stage_events"]
    of = events["opportunity_id"].map(held["pipeline"])
    for name, stages in PIPELINES.items():
        seen = set(events["stage"][of == name])
        assert seen <= {*stages, "Closed Won", "Closed Lost", "Cancelled"}
        assert set(stages[-2:]) <= seen
    assert set(varied.crm.stage_visits["pipeline"]) == set(PIPELINES)


def test_regions_sell_in_their_currency(varied):
    """Amounts times the rate of the day are the company's, to the rounding of ten units."""
    table, rates = varied.tables["opportunities"], money.table(varied.clock, varied.exchange)
    region = varied.people.region[varied.made.rep]
    assert set(zip(region, table["currency"], strict=True)) == {
        (0, "USD"), (1, "EUR"), (2, "GBP"), (3, "USD"),
    }  # fmt: skip
    on = pd.merge_asof(
        table[["created_at", "currency", "list_amount"]],  # in order of time
        rates.sort_values("from_on"), by="currency", left_on="created_at", right_on="from_on",
    )  # fmt: skip
    back = (on["list_amount"] * on["rate"]).to_numpy()
    assert np.abs(back - varied.made.list_amount).max() < 7.0
    assert rates["rate"][rates["currency"] == "USD"].eq(1.0).all()
    assert varied.crm.rates["rate"].sum() == pytest.approx(rates["rate"].sum())
    assert en.pipeline_created(varied.crm, as_of="2026-09-30", period="2026Q3")["amount"].item() > 0


def test_plans_and_no_shows_are_activities(varied):
    """Half of the open ones have something planned after the export; plans have no length."""
    rows = varied.tables["activities"]
    planned = rows[rows["status"] == "planned"]
    assert (planned["at"] > pd.Timestamp(varied.exported_on)).all()
    assert rows["at"][rows["status"] != "planned"].max() < pd.Timestamp("2026-10-01")
    assert planned["minutes"].isna().all()
    open_ = (varied.crm.opportunities["outcome"] == "open").sum()
    assert planned["opportunity_id"].nunique() / open_ == pytest.approx(0.5, abs=0.08)
    missed = (rows["status"] == "no-show").sum()
    plain = simulate(13, reps=60, per_quarter=25.0, cancel=0.03).tables["activities"]
    assert missed / (plain["status"] == "no-show").sum() == pytest.approx(0.2 / 0.12, rel=0.15)


# ---- phone sales --------------------------------------------------------------------------------


def test_phone_example_is_company_xyz():
    """25 reps, 1,000,000 sold at $50, 1,125,000 expected; all lose calls after answering."""
    phone = phone_example()
    tables = phone.tables
    calls = tables["opportunities"]
    assert calls["amount"].sum() == 1_000_000
    assert (calls["amount"].dropna() == 50).all()
    assert tables["quotas"].groupby("rep_id")["target"].sum().eq(45_000).all()
    assert tables["quotas"]["target"].sum() == 1_125_000
    reached = np.array([(phone.reached >= step).sum() for step in range(6)])
    assert reached[1:] / reached[:-1] == pytest.approx([0.45, 0.25, 0.65, 0.75, 0.6], abs=1e-4)
    answered = np.bincount(phone.rep[phone.reached >= 1])
    engaged = np.bincount(phone.rep[phone.reached >= 2])
    rate = engaged / answered
    chance = ((engaged - answered * 0.25) ** 2 / (answered * 0.25 * 0.75)).sum()
    assert np.abs(rate - 0.25).max() < 0.02
    assert chance < 45.0  # chi-square, 24 degrees of freedom: no rep differs from the others


def test_phone_example_in_small_is_a_crm():
    """A tenth of the calls loads, and the last event of every call is its outcome."""
    phone = phone_example(scale=10)
    crm = phone.crm
    assert (crm.opportunities["outcome"] == "won").sum() == 2_000
    assert (crm.quality.summary["set_aside"] == 0).all()
    assert phone.plan["desired"]["Answer"] == 0.40


# ---- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: simulate(1, per_quater=3.0), "Did you mean 'per_quarter'"),
        (lambda: simulate(1, reps=0), "At least 1 rep"),
        (lambda: simulate(1, skip=1.5), "skip must lie between"),
        (lambda: simulate(1, kinds=(0.5, 0.5, 0.5)), "add up to 1"),
        (lambda: simulate(1, time_shape=1.0), "greater than 1"),
        (lambda: simulate(1, stage_rates=(0.5,)), "5 values"),
        (lambda: simulate(1, apart=("Renewal",)), "Did you mean 'Renewals'"),
        (lambda: simulate(1, currencies=("USD", "EURO")), "Did you mean 'EUR'"),
        (lambda: simulate(1, currencies=()), "Unknown currency"),
        (lambda: simulate(1, cancel=1.2), "cancel must lie between"),
        (lambda: Leak("Discovry", "skill", 0.5), "Did you mean 'Discovery'"),
        (lambda: Leak("Discovery", "skil", 0.5), "Did you mean 'skill'"),
        (lambda: simulate(1, last_quarter="2026-Q3"), "must look like 2026Q3"),
        (lambda: Leak("new", "mix", 0.5), "A leak by mix is at a stage"),
        (lambda: Leak("Discovery", "skill", -1.0), "between 0 and 3"),
        (lambda: simulate(1, leaks=(Leak("Discovery", "skill", 1.0, who="Sout"),)), "'South'"),
        (lambda: simulate(1, leaks=(Leak("Discovery", "pay", 2.0),)), "can be at most"),
        (lambda: Rollout("L", "negotiating", "new", DAY, 0.1, share=2.0), "between 0 and 1"),
        (lambda: Rollout("L", "negotiating", "new", DAY, 0.1, rise_days=0.0), "must be positive"),
        (lambda: Rollout("L", "negotiation", "Negotiation", DAY, 0.1), "'negotiating'"),
        (lambda: simulate(1, reps=3, quarters=1).write("nowhere", "salesforc"), "'salesforce'"),
        (lambda: phone_example(scale=3), "scale must be"),
    ],
)
def test_bad_parameters_are_named(make, says):
    """Every refusal names what was wrong and what would have worked."""
    with pytest.raises(EnablementError, match=says):
        make()


def test_every_parameter_is_documented():
    """A parameter without its unit is a trap: each field stands in the docstring of its class."""
    for kind in (Parameters, Leak, Rollout):
        for field in dataclasses.fields(kind):
            assert field.name in (kind.__doc__ or ""), f"{kind.__name__}.{field.name}"


def test_observed_rate_needs_three_decided():
    """A rep with two decided in the two quarters before has no observed rate."""
    world = simulate(3, reps=4, per_quarter=0.4)
    rollout = Rollout("L", "qualifying", "Negotiation", DAY, 0.1)
    seen = company.observed(world.clock, world.made, world.stays, rollout, world.people.reps)
    assert np.isnan(seen).any()


@pytest.mark.parametrize("turnover", [0.0, 0.2, 0.4])
def test_as_many_leave_as_are_asked_for(turnover):
    """Of 200 reps in teams of five none, one or two of each; other shares are rounded by team."""
    people = simulate(2, reps=200, quarters=4, per_quarter=1.0, turnover=turnover).people
    gone = (~np.isnat(people.left[: people.reps])).mean()
    assert gone == turnover
    came = np.isfinite(people.start[: people.reps]).mean()
    assert came == gone
