"""The sample's plan, from its goal to its gap: the parts fit together on a whole company."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import SAMPLE

import enablement as en


@pytest.fixture(scope="module")
def crm(sample):
    """The sample."""
    return sample


@pytest.fixture(scope="module")
def sheet(crm):
    """Its worksheet."""
    return en.results_worksheet(crm, SAMPLE / "plan.toml")


BEGUN = 747 * 235 / 791 * 27_830 + 2_646_900
"""747 began in the year, 235 of 791 that were decided are won, 27,830 each, and renewals."""


def test_the_worksheet_starts_from_what_the_crm_counts(crm, sheet):
    """35 reps are there; if nothing changes as many begin as in the last year."""
    assert sheet.loc[sheet["level"] == "rep", "rep_id"].nunique() == 35
    year = {"as_of": "2026-09-30", "period": ("2025-10-01", "2026-09-30")}
    assert en.conversion(crm, **year)["entered"].iloc[0] == 747
    decided = en.conversion(crm, definition="decided", **year)
    assert (decided["entered"].iloc[0], decided["moved_on"].iloc[-1]) == (791, 235)
    assert sheet.attrs["projected"] == pytest.approx(BEGUN, rel=0.005)
    assert set(sheet.attrs["activity"]) == {"call", "email", "meeting"}
    assert any("Renewals brought" in note for note in sheet.attrs["notes"])


def test_the_worksheet_adds_up_to_the_target(sheet):
    """15 % more than 9,186,990, in every level, month and stage."""
    keys = ["level", "month", "stage"]
    for column in ("needed", "amount"):
        by_level = sheet.groupby(keys, observed=True)[column].sum().unstack("level")
        assert by_level.sub(by_level["company"], axis=0).abs().max().max() == 0
    won = sheet[(sheet["level"] == "company") & (sheet["stage"] == "won")]
    assert won["amount"].sum() == np.ceil(9_186_990 * 1.15)


def test_the_gap_is_held_against_what_the_plan_desires(crm):
    """235 of 292 were won from Negotiation; Qualification is above its 80 % and costs nothing."""
    table = en.stage_gap(crm, SAMPLE / "plan.toml", as_of="2026-09-30").set_index("stage")
    assert table.loc["Negotiation", ["entered", "moved_on"]].tolist() == [292, 235]
    assert (table["benchmark_of"] == "desired").all()
    assert table.loc["Qualification", "cost"] == 0
    assert table["cost"].idxmax() == "Proposal"
    whole = table.attrs["at_benchmark"] - table.attrs["projected"]
    assert table["cost"].sum() == pytest.approx(whole)


def test_without_desired_rates_the_best_quarter_is_the_benchmark(crm):
    """For the company the top quartile, for its reps the team: 35 reps at 5 stages."""
    plan = {"goal": {"lift": 0.15, "by": "2027-09-30"}}
    company = en.stage_gap(crm, plan, as_of="2026-09-30")
    assert (company["benchmark_of"] == "top quartile").all()
    assert company["probability_worst"].sum() <= 1
    reps = en.stage_gap(crm, plan, as_of="2026-09-30", by="rep")
    assert (len(reps), set(reps["benchmark_of"])) == (175, {"team"})


def test_the_chance_and_the_levers_start_from_the_same_figures(crm):
    """Fewer began in the last two quarters than in the two before, so less comes than usual."""
    chance = en.goal_chance(crm, SAMPLE / "plan.toml", as_of="2026-09-30", number=2_000)
    began = en.conversion(crm, as_of="2026-09-30", by="period").groupby("period")["entered"].max()
    assert (began["2025Q4":"2026Q1"].sum(), began["2026Q2":"2026Q3"].sum()) == (416, 331)
    assert chance["expected"].iloc[-1] < BEGUN
    same = en.what_if(crm, SAMPLE / "plan.toml", as_of="2026-09-30", number=2_000).attrs
    assert chance["expected"].iloc[-1] == pytest.approx(same["expected"], rel=0.01)
    assert chance["probability"].iloc[-1] == pytest.approx(same["probability"], abs=0.03)
    assert any("is open on the eve" in note for note in chance.attrs["notes"])
    assert any("Beyond chance a quarter varies" in note for note in chance.attrs["notes"])
    table = en.levers(crm, SAMPLE / "plan.toml", as_of="2026-09-30", number=2_000)
    assert table.attrs["projected"] == pytest.approx(BEGUN, rel=0.005)
    by = table.set_index("lever")["present"]
    assert by["deal_size"] * (1 - by["discount"]) == pytest.approx(27_830, abs=1)
    assert table.attrs["probability_now"] == pytest.approx(chance["probability"].iloc[-1], abs=0.03)


def test_what_comes_if_nothing_changes_is_one_number_wherever_it_is_told(crm, sheet):
    """By each rep's own rates in the worksheet and the reward, by the team's in gap and levers."""
    plan, day = SAMPLE / "plan.toml", "2026-09-30"
    assert en.reward(crm, plan, as_of=day).attrs["total"] == pytest.approx(sheet.attrs["projected"])
    gap = en.stage_gap(crm, plan, as_of=day).attrs["projected"]
    assert en.levers(crm, plan, as_of=day, number=10).attrs["projected"] == pytest.approx(gap)
    assert gap == pytest.approx(sheet.attrs["projected"], rel=0.002)


def test_the_levers_of_the_sample_are_all_there_and_multiply_to_what_comes(crm):
    """2.87 selling hours a day of 35 reps in 261 days are 26,240; nobody surely sells larger."""
    table = en.levers(crm, SAMPLE / "plan.toml", as_of="2026-09-30", number=500)
    names = ["volume", "selling_time", *["conversion"] * 5, "deal_size", "discount", "cycle"]
    assert table["lever"].tolist() == names
    factor = table["present"].where(table["lever"].ne("discount"), 1 - table["present"])
    through = factor.where(table["lever"].ne("cycle"), 1.0).prod()
    renewals = 2_646_900
    assert through + renewals == pytest.approx(table.attrs["projected"], rel=1e-6)
    by = table.set_index("lever")
    assert by.loc["selling_time", "present"] == pytest.approx(2.873 * 35 * 261, rel=0.002)
    assert by.loc["deal_size", "best"] == by.loc["deal_size", "present"]
    assert any("Less discount may cost wins" in note for note in table.attrs["notes"])


def test_the_reward_of_the_sample_is_shared_out_to_the_cent(crm):
    """120,000 over 35 reps are 3,428.57 each, and 5 cents for those who brought most."""
    table = en.reward(crm, SAMPLE / "plan.toml", as_of="2026-09-30")
    assert round(table["at_goal"].sum() * 100) == 12_000_000
    assert table["at_goal"].round(2).value_counts().to_dict() == {3_428.57: 30, 3_428.58: 5}
    assert (table["now"] == 0).all()


def test_the_glide_path_of_the_sample_is_corrected_by_three_closed_quarters(crm):
    """Of a goal by the end of 2026 the sample has brought three quarters; the last must more."""
    plan = {"goal": {"lift": 0.15, "by": "2026-12-31"}}
    table = en.glide_path(crm, plan, as_of="2026-09-30", number=500)
    sold = en.quota_attainment(crm, as_of="2026-09-30", period="2026Q2")["sold"].iloc[0]
    assert table["sold"].iloc[1] == sold
    assert table["state"].tolist() == [*["closed"] * 3, "ahead"]
    whole = table["plan"].sum() - table["sold"].sum()
    assert table["needed"].iloc[3] == pytest.approx(whole, abs=1)


def test_the_gates_of_the_sample_are_its_measures(crm):
    """15 of 35 reps reached their quota; more than a quarter leave the process in one way."""
    gates = {"share_at_quota": 0.4, "win_rate": 0.25, "process_conformance": 0.75}
    plan = {"goal": {"lift": 0, "by": "2027-09-30"}}
    plan["reward"] = {"threshold": 0.5, "pool": 1_000, "gates": gates}
    table = en.reward(crm, plan, as_of="2026-09-30")
    held = {gate["gate"]: gate for gate in table.attrs["gates"]}
    assert held["share_at_quota"]["value"] == pytest.approx(15 / 35)
    year = {"as_of": "2026-09-30", "period": ("2025-10-01", "2026-09-30")}
    assert held["win_rate"]["value"] == en.win_rate(crm, **year)["rate"].iloc[0]
    ways = en.process_conformance(crm, **year)["rate"]
    assert held["process_conformance"]["value"] == pytest.approx(1 - ways.max())
    assert [gate["holds"] for gate in held.values()] == [True, True, False]
    assert table.attrs["reached"]
    assert (table["now"] == 0).all()
