"""What each stage costs, whether the parts add up, and how sure it is which one is the worst."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import XYZ, aimed, alike, ground
from scipy import stats

import enablement as en
from enablement.errors import CannotSayError, EnablementError
from enablement.plan import attribution, benchmarks, gap
from enablement.plan import goal as goals
from enablement.plan.benchmarks import Benchmark

DESIRED = {"Dial": 0.45, "Answer": 0.40, "Engage": 0.65, "Qualify": 0.75, "Offer": 0.6}
PHONE = {**XYZ, "desired": DESIRED}
RATE = st.floats(0.01, 1.0)


def by_hand(present, better):
    """Average what each factor adds over every order in which they could change."""
    parts = np.zeros(len(present))
    orders = list(itertools.permutations(range(len(present))))
    for order in orders:
        now = list(present)
        for place in order:
            before = math.prod(now)
            now[place] = better[place]
            parts[place] += (math.prod(now) - before) / len(orders)
    return parts


def by_sets(present, better):
    """Shapley's formula over all sets of those that changed before, 2 to the power of n."""
    size = len(present)
    parts = np.zeros(size)
    for place in range(size):
        rest = [other for other in range(size) if other != place]
        for number in range(size):
            weight = math.factorial(number) * math.factorial(size - number - 1)
            for changed in itertools.combinations(rest, number):
                others = math.prod(better[o] if o in changed else present[o] for o in rest)
                parts[place] += weight * others * (better[place] - present[place])
    return parts / math.factorial(size)


def held(*rates):
    """Desired rates as a benchmark, NaN for a stage without one."""
    return benchmarks._known(np.array(rates, dtype=float), "desired")


def counted(entered, moved):
    """A company of two reps alike, with these counts of all together."""
    at = ground(2)
    half = [np.tile(np.array(values, dtype=float) / 2, (2, 1)) for values in (entered, moved)]
    funnel = dataclasses.replace(at.funnel, entered=half[0], moved=half[1])
    return dataclasses.replace(at, funnel=funnel)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(RATE, RATE), min_size=1, max_size=5))
def test_shapley_is_the_average_over_all_orders(pairs):
    """The integral that is computed is what listing every order gives, and it adds up."""
    present, better = zip(*pairs, strict=True)
    found = attribution.shapley(present, better)
    assert found == pytest.approx(by_hand(present, better), abs=1e-12)
    assert found.sum() == pytest.approx(math.prod(better) - math.prod(present), abs=1e-12)


def test_shapley_of_seven_stages_is_that_of_all_128_sets():
    """Two companies at once, one of them with a stage at which nobody moves on."""
    rng = np.random.default_rng(2)
    present, better = rng.uniform(0.2, 0.6, (2, 7)), rng.uniform(0.4, 0.9, (2, 7))
    present[1, 3] = 0
    expected = np.stack([by_sets(p, b) for p, b in zip(present, better, strict=True)])
    assert attribution.shapley(present, better) == pytest.approx(expected, abs=1e-14)


def test_two_stages_by_hand():
    """From .5 and .5 to .6 and .8: .23 more; .1 × (.5 + .8) / 2 and .3 × (.5 + .6) / 2."""
    assert attribution.shapley([0.5, 0.5], [0.6, 0.8]) == pytest.approx([0.065, 0.165])


def test_the_phone_company_is_short_between_answer_and_engage():
    """40 % are desired where 25 % engage: 1.6 million would come, so 600,000 are lost there."""
    table = en.stage_gap(None, PHONE, as_of=None).set_index("stage")
    assert table["cost"].idxmax() == "Answer"
    assert table.loc["Answer", "cost"] == pytest.approx(600_000)
    assert table["cost"].drop("Answer").tolist() == pytest.approx([0, 0, 0, 0])
    assert table.loc["Answer", "units"] == pytest.approx(12_000)
    assert table.loc["Answer", "needed_alone"] == pytest.approx(0.375)
    assert table.loc["Answer", "needed_together"] == pytest.approx(0.375)
    assert table.loc["Qualify", "needed_alone"] == pytest.approx(1.125)
    assert "more than 100 %" in table.loc["Qualify", "says"]
    assert table["probability_worst"].isna().all()
    assert "nothing says how sure" in table.attrs["verdict"]
    assert table.attrs["at_benchmark"] == pytest.approx(1_600_000)


def test_the_phone_companys_calls_say_it_too():
    """All 25 reps lose alike, so no comparison of reps shows it: the desired rate does, surely."""
    world = en.world.phone_example(scale=10)
    at = ground(25, target=150_000.0)
    reached = [np.bincount(world.rep[world.reached >= s], minlength=25) for s in range(6)]
    counts = np.stack(reached, axis=1).astype(float)
    funnel = dataclasses.replace(
        at.funnel,
        stages=en.world.phone.STAGES,
        entered=counts[:, :5],
        moved=counts[:, 1:],
        nobody=np.zeros((2, 5)),
        days=np.full(25, 261.0),
        worth=50.0,
    )
    at = dataclasses.replace(at, funnel=funnel)
    table = gap.gap_of(at, held(*DESIRED.values()))
    assert table.attrs["stands_out"] == "Answer"
    assert table.loc[1, "probability_worst"] == 1
    assert table.loc[1, "low"] < 60_000 < table.loc[1, "high"]
    reps = gap.gap_of(at, benchmarks._known(funnel.pooled, "team"), by="rep")
    assert reps["cost"].abs().max() < 1e-6
    assert "Of no group and stage is it sure" in reps.attrs["verdict"]


def test_together_all_go_the_same_share_of_the_way():
    """.5 and .5 with .6 desired: 21 % more takes .55 of each; from .4 and .5 to .5 and .7 too."""
    found = gap.together(np.array([[0.5, 0.5]]), np.array([[0.6, 0.6]]), np.array([1.21]))
    assert found == pytest.approx(np.array([[0.55, 0.55]]))
    rates, better = np.array([[0.4, 0.5]]), np.array([[0.5, 0.7]])
    halfway = (rates + better) / 2
    found = gap.together(rates, better, np.array([halfway.prod() / rates.prod()]))
    assert found == pytest.approx(halfway)


def test_together_stops_at_everybody_and_says_what_is_out_of_reach():
    """A stage at 100 % gives no more; where even that is too little nothing can be said."""
    rates, better = np.array([[0.5, 0.8]] * 3), np.array([[0.6, 0.8]] * 3)
    found = gap.together(rates, better, np.array([2.0, 2.1, 0.9]))
    assert found[0] == pytest.approx([1.0, 0.8])
    assert np.isnan(found[1]).all()
    assert found[2] == pytest.approx([0.5, 0.8])  # there is more than enough


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99))
def test_a_goal_that_comes_by_itself_has_no_gap(seed):
    """Each stage needs the rate it has, alone and together."""
    at = ground(7, seed=seed)
    at = aimed(at, at.projected(at.rates("team")))
    table = gap.gap_of(at, held(0.7, 0.6, 0.8))
    for column in ("needed_alone", "needed_together"):
        assert table[column].tolist() == pytest.approx(table["rate"].tolist())
    assert (table["says"] == "").all()


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), by=st.sampled_from([None, "rep", "team", "region"]))
def test_the_parts_add_up_to_the_whole_gap(seed, by):
    """To what every stage at its benchmark would bring more, whatever it is split by."""
    table = gap.gap_of(ground(8, seed=seed), held(0.65, 0.55, 0.72), by=by)
    whole = table.attrs["at_benchmark"] - table.attrs["projected"]
    assert table["cost"].sum() == pytest.approx(whole)
    assert (table["cost"] >= 0).all()
    groups = [g for g in ("region", "team", "rep_id") if g in table]
    worst = table.groupby(groups)["probability_worst"].sum() if by else table["probability_worst"]
    assert np.atleast_1d(worst.sum() if not by else worst.max())[0] <= 1 + 1e-9


def test_a_stage_without_a_benchmark_costs_nothing_that_is_known():
    """It is missing, not zero, and takes part in no comparison."""
    table = gap.gap_of(ground(8), held(0.9, np.nan, 0.9))
    assert table.loc[1, ["cost", "low", "benchmark", "probability_worst"]].isna().all()
    assert table.loc[1, "benchmark_of"] == ""
    assert table["probability_worst"].sum() <= 1
    nothing = gap.gap_of(ground(8), held(np.nan, np.nan, np.nan))
    assert nothing.attrs["verdict"].endswith("or ask with more reps who decided something.")
    assert not any("its benchmark" in note for note in nothing.attrs["notes"])


def test_the_cost_counts_everything_downstream():
    """10 points of the first of two stages cost .1 × .5 of 1,000, at 1,000 each: 50,000."""
    at = counted([1_000, 500, 250], [500, 250, 250])
    first = float(at.expected(at.rates("team"))[:, 0].sum())
    table = gap.gap_of(at, held(0.6, 0.5, 1.0))
    assert table["cost"].tolist() == pytest.approx([first * 0.1 * 0.5 * 1_000, 0, 0])


def test_the_lowest_rate_is_not_the_leak():
    """20 % where 20 % is usual costs nothing; 60 % where 80 % is usual does."""
    at = counted([5_000, 1_000, 600], [1_000, 600, 540])
    table = gap.gap_of(at, held(0.2, 0.8, 0.9))
    assert table["rate"].idxmin() == 0
    assert table.attrs["stands_out"] == "Qual"
    assert table.loc[1, "probability_worst"] > 0.99


@pytest.mark.parametrize("planted", [None, 0, 1, 2])
def test_a_planted_leak_is_found_and_none_is_made_up(planted):
    """Of 40 companies with a leak of four standard errors 36 are named; without one 36 are not."""
    rng = np.random.default_rng(5)
    usual = np.array([0.6, 0.5, 0.7])
    told = []
    for _ in range(40):
        rates, entered = usual.copy(), [2_000]
        if planted is not None:
            around = 2_000 * np.prod(usual[:planted])
            rates[planted] -= 4 * np.sqrt(usual[planted] * (1 - usual[planted]) / around)
        for rate in rates:
            entered.append(int(rng.binomial(entered[-1], rate)))
        table = gap.gap_of(counted(entered[:3], entered[1:]), held(*usual))
        told.append(table.attrs["stands_out"])
    wanted = None if planted is None else ("Lead", "Qual", "Prop")[planted]
    assert sum(name == wanted for name in told) >= 36


def test_the_best_quarter_is_chosen_elsewhere_so_that_luck_is_no_skill():
    """40 reps alike at 50 %: the best ten look like 55 % by luck, and the benchmark is about 50."""
    rng = np.random.default_rng(3)
    counts = pd.DataFrame(
        [(f"R{r}", half, "") for r in range(40) for half in (0, 1)],
        columns=["rep_id", "half", "what"],
    ).assign(entered=50.0)
    counts["moved"] = rng.binomial(50, 0.5, len(counts)).astype(float)
    whole = counts.groupby("rep_id")[["moved", "entered"]].sum()
    naive = (whole["moved"] / whole["entered"]).nlargest(10).mean()
    rate, moved, entered = benchmarks._of_stage(counts)
    assert naive > 0.55
    assert rate == pytest.approx(0.5, abs=0.03)
    assert moved / entered == pytest.approx(rate)
    skill = np.repeat(np.where(np.arange(40) < 10, 0.7, 0.5), 2)
    counts["moved"] = rng.binomial(50, skill).astype(float)
    assert benchmarks._of_stage(counts)[0] == pytest.approx(0.7, abs=0.03)


def quarter(*leads, trials=600.0):
    """The best quarter of a company's own reps, ahead of 60 % by so much at each of five stages."""
    rate = 0.6 * np.exp(np.array(leads))
    number = np.full(len(rate), trials)
    return Benchmark(rate, ("top quartile",) * len(rate), rate * number, number)


def test_leads_are_drawn_towards_each_other():
    """Against the same by a sum over all spreads and all leads that the stages may have."""
    leads = np.array([0.02, 0.04, 0.10, 0.0, 0.03])
    team = np.full(5, 0.6)
    made = quarter(*leads)
    drawn = np.log(made.together(team, 60_000, np.random.default_rng(2)) / team)
    middle = (made.moved + 0.5) / (made.entered + 1)
    seen, noise = np.log(middle / 0.6), (1 - middle) / middle / made.entered
    spread = stats.expon(scale=benchmarks.SPREAD / np.log(20)).ppf((np.arange(400) + 0.5) / 400)[
        :, None
    ]
    common = np.linspace(-0.3, 0.4, 1_401)[None, :]
    chance = np.ones((400, 1_401))
    for at, width in zip(seen, noise, strict=True):
        chance = chance * stats.norm.pdf(at, common, np.sqrt(width + spread**2))
    chance /= chance.sum()
    own = spread**2 / (spread**2 + noise[2])
    expected = (chance * (own * seen[2] + (1 - own) * common)).sum()
    assert drawn[:, 2].mean() == pytest.approx(expected, abs=0.001)
    assert drawn.std(axis=0).max() < np.sqrt(noise).max()


def test_the_largest_of_leads_by_chance_does_not_stand_out_and_one_by_far_does():
    """Leads are known to 3 %: of five the largest is 8 % by luck, though surely above 0."""
    at = counted([5_000] * 5, [3_000] * 5)
    at = dataclasses.replace(
        at, funnel=dataclasses.replace(at.funnel, nobody=np.zeros((2, 5)), stages=tuple("ABCDE"))
    )
    lucky = gap.gap_of(at, quarter(0.08, 0.02, 0.03, 0.01, 0.04))
    assert lucky.attrs["stands_out"] is None
    assert lucky["probability_below"].iloc[0] > 0.98
    planted = gap.gap_of(at, quarter(0.25, 0.02, 0.03, 0.01, 0.04))
    assert planted.attrs["stands_out"] == planted["stage"].iloc[0]


def test_a_benchmark_is_at_the_teams_mix():
    """Theirs: 80 of 100 easy ones, 2 of 4 hard ones; the team has half of each: 65 %."""
    mean, moved, entered = benchmarks.at_mix(
        np.array([80.0, 2.0]), np.array([100.0, 4.0]), np.array([500.0, 500.0])
    )
    assert mean == pytest.approx(0.65)
    assert moved / entered == pytest.approx(0.65)
    assert 4 < entered < 20  # known no better than by the few hard ones


def test_few_reps_are_no_quarter():
    """Of seven reps nobody is a best quarter."""
    counts = pd.DataFrame({"rep_id": list("ABCDEFG") * 2, "half": [0] * 7 + [1] * 7, "what": ""})
    found = benchmarks._of_stage(counts.assign(entered=9.0, moved=5.0))
    assert np.isnan(found).all()


def test_the_same_seed_gives_the_same_table():
    """And another one nearly the same."""
    at, aim = ground(8), held(0.65, 0.55, 0.72)
    one, same, other = (gap.gap_of(at, aim, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one, same)
    assert not one["low"].equals(other["low"])
    assert other["probability_worst"].tolist() == pytest.approx(
        one["probability_worst"].tolist(), abs=0.05
    )


def test_what_cannot_be_said_is_refused_in_a_line():
    """A word that is not known, no desired rate, no export for the best quarter."""
    with pytest.raises(EnablementError, match="Did you mean 'rep'"):
        en.stage_gap(None, PHONE, as_of=None, by="reps")
    with pytest.raises(EnablementError, match="Nobody has a team"):
        en.stage_gap(None, PHONE, as_of=None, by="team")
    with pytest.raises(EnablementError, match="Did you mean 'desired'"):
        en.stage_gap(None, PHONE, as_of=None, benchmark="desire")
    with pytest.raises(CannotSayError, match="states no desired rate"):
        en.stage_gap(None, XYZ, as_of=None, benchmark="desired")
    with pytest.raises(CannotSayError, match="needs an export"):
        en.stage_gap(None, PHONE, as_of=None, benchmark="top quartile")
    with pytest.raises(EnablementError, match="Did you mean 'Answer'"):
        en.stage_gap(None, {**XYZ, "desired": {"Anser": 0.4}}, as_of=None)
    assert goals.goal(PHONE).desired == DESIRED


def test_many_of_few_reps_say_less_than_as_many_of_many():
    """Ten reps with 100 each, a strength of 24: 1 + 99 / 25 is 4.96, so one is worth a fifth."""
    rng = np.random.default_rng(8)
    entered = np.full((10, 3), 100.0)
    moved = rng.binomial(100, rng.beta(12, 12, (10, 3))).astype(float)
    at = ground(10)
    funnel = dataclasses.replace(at.funnel, entered=entered, moved=moved)
    strength = np.array([spread.strength for spread in funnel.spreads])
    assert funnel.worth_of_counts() == pytest.approx(1 / (1 + 99 / (strength + 1)))
    alike = dataclasses.replace(at.funnel, entered=entered, moved=np.full((10, 3), 50.0))
    assert alike.worth_of_counts().tolist() == [1, 1, 1]
    known, doubted = (
        gap.gap_of(dataclasses.replace(at, funnel=f), held(0.7, 0.7, 0.7)) for f in (alike, funnel)
    )
    width = [(t["high"] - t["low"]).mean() for t in (known, doubted)]
    assert width[1] > 1.5 * width[0]


def test_the_interval_of_the_cost_has_the_size_in_it():
    """Rates known: of 100 won with variation 1 the size is known within 10 %, and so is the cost.

    Which stage is the worst does not hang on it.
    """
    at, aim = counted([8e7, 4e7, 2e7], [4e7, 2e7, 1e7]), held(0.7, 0.6, 0.8)
    known, spread = (
        gap.gap_of(at, aim, alike(2, won=50, variation=v), confidence=0.6826) for v in (0.0, 1.0)
    )
    width = (spread["high"] - spread["low"]) / 2 / spread["cost"]
    assert width.to_numpy() == pytest.approx(np.full(3, 0.1), rel=0.06)
    assert ((known["high"] - known["low"]) / known["cost"]).max() < 0.01
    assert spread["probability_worst"].tolist() == known["probability_worst"].tolist()


def test_of_a_team_that_decided_nothing_nothing_is_sure():
    """It has the rate of the others, drawn without any doubt: that says nothing of the team."""
    at = ground(8)
    none = np.arange(8)[:, None] >= 2  # the two reps of the first team
    funnel = dataclasses.replace(
        at.funnel, entered=at.funnel.entered * none, moved=at.funnel.moved * none
    )
    at = dataclasses.replace(at, funnel=funnel)
    table = gap.gap_of(at, benchmarks._known(np.array([0.9, 0.9, 0.9]), "desired"), by="team")
    first = table["team"].eq("Team 0")
    assert table.loc[first, ["probability_below", "probability_worst"]].isna().all(axis=None)
    assert table.loc[~first, "probability_below"].ge(0.99).all()
