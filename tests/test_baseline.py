"""What is sold, expected and to be reached, held against each other."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import enablement as en
from enablement.errors import CannotSayError, EnablementError, SettingsError

GOAL = {
    "metric": "won amount",
    "lift": 0.5,
    "by": dt.date(2026, 12, 31),
    "unit_price": 50,
    "constraints": {"headcount": "fixed", "new_tools": False},
}
STATED = {**GOAL, "baseline": 1_000_000, "stated": {"reps": 25, "expected": 45_000}}
SETTINGS = {
    "stages": ["Call"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": dt.date(2025, 12, 31),
}
# The first source text's figures, to the cent: 40,000, 45,000 and 60,000 a year each.
XYZ = {
    "total": [1_000_000, 1_125_000, 1_500_000],
    "per_rep": [40_000, 45_000, 60_000],
    "per_rep_month": [3_333.33, 3_750, 5_000],
    "units_per_rep_month": [66.67, 75, 100],
    "short_units": [33.33, 25, 0],
}


def company(
    reps=25, *, sold=40_000.0, quota=11_250.0, hired=None, left=None, owned=True, dated=True
):
    """Reps who each won one opportunity in each quarter of 2025, with a quota for each quarter."""
    ids = [f"R{number:02}" for number in range(reps)]
    rows = [(rep, quarter) for rep in ids for quarter in range(4)]
    closed = [dt.date(2025, 3 * quarter + 2, 10) for _, quarter in rows]
    opportunities = pd.DataFrame(
        {
            "opportunity_id": [f"{rep}-{quarter}" for rep, quarter in rows],
            "rep_id": [rep if owned else None for rep, _ in rows],
            "amount": None if sold is None else sold / 4,
            "stage": "Won",
            "created_at": closed,
            "closed_at": closed if dated else None,
        }
    )
    quotas = pd.DataFrame(
        {
            "rep_id": [rep for rep, _ in rows],
            "period": [f"2025Q{quarter + 1}" for _, quarter in rows],
            "metric": "won amount",
            "target": quota,
        }
    )
    people = {"rep_id": ids, "hired_on": hired, "left_on": left}
    frame = pd.DataFrame({name: value for name, value in people.items() if value is not None})
    given = {"quotas": quotas} if quota else {}
    return en.crm(opportunities=opportunities, reps=frame, settings=SETTINGS, **given)


def test_of_nobody_nothing_is_said_per_rep():
    """Who sold has left before the twelve months: a missing figure, which is written as a dash."""
    gone = company(2, hired="2020-01-01", left="2024-12-31")
    answer = en.ask(en.baseline, gone, plan={"goal": {"target": 5_000_000, "by": "2026"}})
    assert answer.numbers["per_rep"].isna().all()
    assert set(answer.table["per rep"]) == {"–"}


@pytest.fixture(scope="module")
def xyz():
    """The company of the first source text as a CRM: 25 reps, 1,000,000 sold, 45,000 expected."""
    return company()


@pytest.mark.parametrize("with_crm", [False, True])
def test_company_xyz_to_the_cent(with_crm, xyz):
    """1,500,000 / 25 / 12 / 50 = 100 units; sold are 66.67, expected 75: 33.33 and 25 short."""
    table = en.baseline(xyz if with_crm else None, {"goal": GOAL if with_crm else STATED})
    assert table.index.tolist() == ["sold", "expected", "target"]
    pd.testing.assert_frame_equal(
        table.round(2), pd.DataFrame(XYZ, index=table.index, dtype=float), check_exact=True
    )


def test_attainment_assignment_and_base_are_three_things(xyz):
    """88.9 % attained, 75 % assigned; 25 more than expected ends at 1,375,000, 125,000 short."""
    attrs = en.baseline(xyz, {"goal": GOAL}).attrs
    assert attrs["attainment"] == pytest.approx(1_000_000 / 1_125_000)
    assert attrs["over_assignment"] == pytest.approx(0.75)
    assert not attrs["consistent"]
    said = attrs["sentences"]
    assert "attainment 88.9 %" in said["attainment"]
    assert "375,000 are missing" in said["over-assignment"]
    assert "ends at 1,375,000, 125,000 short of the target" in said["base"]


def test_a_target_between_the_two_bases_is_less_than_the_one_and_more_than_the_other(xyz):
    """Sold 1,000,000, expected 25 times 48,000: a target of 1,100,000 is no step up from both."""
    plan = {"goal": {**STATED, "lift": 0.1, "stated": {"reps": 25, "expected": 48_000}}}
    said = en.baseline(None, plan).attrs["sentences"]["base"]
    assert said == (
        "What is expected, 1,200,000, is not what is sold, 1,000,000: the target asks 100,000 less "
        "than is expected, and 100,000 more than is sold."
    )
    same = {"goal": {**plan["goal"], "lift": 0.0}}
    said = en.baseline(None, same).attrs["sentences"]["base"]
    assert said.endswith("asks 200,000 less than is expected, and as much as is sold.")


def test_nothing_sold_is_no_base_of_a_lift(xyz):
    """Before the export begins nothing is known: a goal of 2020 is no goal of $0."""
    with pytest.raises(SettingsError, match="nothing was sold in 2019, and of 0 any lift is 0"):
        en.baseline(xyz, {"goal": {**GOAL, "by": dt.date(2020, 12, 31)}})
    stated = {**GOAL, "by": dt.date(2020, 12, 31), "baseline": 1_000_000}
    assert en.baseline(xyz, {"goal": stated}).loc["target", "total"] == 1_500_000


def test_months_that_the_export_does_not_reach_are_said(xyz):
    """The first close is of 10 February; from the end of 2025 to 2028 there are 731 days."""
    table = en.baseline(xyz, {"goal": {**GOAL, "by": dt.date(2028, 12, 31)}})
    said = table.attrs["sentences"]["months"]
    assert "The first close of the export is of 2025-02-10: if it leaves earlier ones out" in said
    assert "it ends 731 days before the goal's months begin" in said
    assert said in en.words.baseline(table)
    near = en.baseline(xyz, {"goal": GOAL}).attrs["sentences"]["months"]
    assert "days before" not in near
    stated = {**GOAL, "baseline": 1_000_000}
    assert "months" not in en.baseline(xyz, {"goal": stated}).attrs["sentences"]


def test_one_base_is_said_to_be_one(xyz):
    """Where 40,000 are expected and sold, and quotas of 1,600,000 more than cover the target."""
    plan = {"goal": {**STATED, "stated": {"reps": 25, "expected": 40_000}}}
    attrs = en.baseline(None, plan).attrs
    assert attrs["consistent"]
    assert attrs["sentences"]["base"] == "What is sold and what is expected is one base."
    over = {"goal": {**STATED, "stated": {"reps": 25, "expected": 64_000}}}
    said = en.baseline(None, over).attrs["sentences"]["over-assignment"]
    assert "at an attainment of 93.8 %" in said  # 1,500,000 / 1,600,000


def test_a_stated_baseline_that_the_crm_contradicts_is_told(xyz):
    """The plan's word counts, 1,100,000, and the CRM's 1,000,000 is named beside it."""
    table = en.baseline(xyz, {"goal": {**GOAL, "baseline": 1_100_000}})
    assert table.loc["target", "total"] == pytest.approx(1_650_000)
    assert "the CRM counts 1,000,000 in 2025" in table.attrs["sentences"]["base"]


def test_what_nobody_owns_is_told():
    """All of the 80,000 that the CRM counts has no owner."""
    table = en.baseline(company(2, owned=False), {"goal": GOAL})
    assert table.loc["sold", "total"] == 80_000
    assert "80,000 belong to no rep" in table.attrs["sentences"]["base"]


def test_a_rep_of_half_a_year_is_half_a_one():
    """Of two reps one came on 1 July, for 132 of the 261 working days."""
    crm = company(2, hired=[dt.date(2020, 1, 1), dt.date(2025, 7, 1)])
    table = en.baseline(crm, {"goal": GOAL})
    july = np.busday_count("2025-07-01", "2026-01-01") / np.busday_count("2025-01-01", "2026-01-01")
    assert table.attrs["reps"]["sold"] == pytest.approx(1 + july)
    assert table.loc["sold", "per_rep"] == pytest.approx(80_000 / (1 + july))
    assert table.loc["target", "per_rep"] == pytest.approx(120_000 / 2)


def test_who_left_has_no_part_in_the_target():
    """Two sold 80,000, one of them left on 30 June: the other has all of 120,000 before them."""
    crm = company(2, left=[pd.NaT, dt.date(2025, 6, 30)])
    table = en.baseline(crm, {"goal": GOAL})
    assert table.attrs["reps"]["target"] == 1
    assert table.loc["target", "per_rep"] == 120_000


def test_without_quotas_nothing_is_expected():
    """Unknown is missing: no attainment, no assignment, and the target is there all the same."""
    table = en.baseline(company(2, quota=None), {"goal": GOAL})
    assert table.loc["expected"].isna().all()
    assert table.loc["target", "total"] == 120_000
    assert "no attainment" in table.attrs["sentences"]["attainment"]


def test_units_and_wins_are_goals_too():
    """80,000 at 50 are 1,600 units; 8 opportunities were won."""
    crm = company(2)
    units = en.baseline(crm, {"goal": {**GOAL, "metric": "units"}})
    assert units.loc["sold", "total"] == 1_600
    assert units.loc["target", "units_per_rep_month"] == pytest.approx(2_400 / 24)
    wins = en.baseline(crm, {"goal": {**GOAL, "metric": "won count"}})
    assert wins.loc["target", "total"] == 12
    assert wins.loc["expected"].isna().all()


WINS = {"goal": {"metric": "won count", "lift": 0.5, "by": dt.date(2026, 12, 31)}}


@pytest.mark.parametrize("quota", [None, 11_250.0])
def test_a_number_of_wins_asks_for_no_amounts(quota):
    """2 reps won 4 each in 2025, nobody knows of how much: half more are 12."""
    crm = company(2, sold=None, quota=quota)
    assert en.baseline(crm, WINS)["total"].tolist()[::2] == [8, 12]
    wins = en.results_worksheet(crm, WINS).query("level == 'company' and stage == 'won'")
    assert wins["needed"].sum() == 12
    assert en.glide_path(crm, WINS, as_of="2025-12-31")["plan_total"].iloc[-1] == 12
    with pytest.raises(CannotSayError, match="no amounts"):
        en.baseline(crm, {"goal": {**WINS["goal"], "metric": "won amount"}})


@pytest.mark.parametrize("metric", ["won count", "won amount"])
def test_nothing_is_won_in_a_year_that_no_win_is_dated_in(metric):
    """Of 8 won ones without a close date none is counted as 0."""
    with pytest.raises(CannotSayError, match="no close dates"):
        en.baseline(company(2, dated=False), {"goal": {**WINS["goal"], "metric": metric}})


def test_an_export_without_owners_says_so():
    """Eight won ones of nobody: that no rep is there is not that they have left."""
    sold = company(2, owned=False, quota=None).opportunities
    columns = ["opportunity_id", "amount", "stage", "created_at", "closed_at"]
    nobodys = en.crm(opportunities=sold[columns], settings=SETTINGS)
    with pytest.raises(CannotSayError, match="names no reps"):
        en.results_worksheet(nobodys, WINS)


def test_without_a_crm_rates_and_volume_give_the_baseline():
    """600,000 dials × 0.1 × 0.3333 × 50 is 1,000,000."""
    stated = {
        "reps": 25,
        "volume": 600_000,
        "rates": {"Dial": 0.1, "Offer": 1 / 3},
        "deal_size": 50,
    }
    table = en.baseline(None, {"goal": {**GOAL, "stated": stated}})
    assert table.loc["sold", "total"] == pytest.approx(1_000_000)


def test_the_baseline_is_the_twelve_months_before_the_goals():
    """A goal by 2025-09-30 is held against the year until September 2024, when none was won."""
    table = en.baseline(company(2), {"goal": {"target": 9.0, "by": "2025-09-30"}})
    assert table.attrs["period"] == "2023Q4 to 2024Q3"
    assert table.loc["sold", "total"] == 0


def test_what_cannot_be_said_is_refused_in_a_line():
    """No baseline without a CRM, no reps, no price of a unit, no shares of a wallet."""
    with pytest.raises(CannotSayError, match="what is sold today"):
        en.baseline(None, {"goal": {**GOAL, "stated": {"reps": 25}}})
    with pytest.raises(EnablementError, match="how many sell"):
        en.baseline(None, {"goal": {**GOAL, "baseline": 1.0}})
    with pytest.raises(EnablementError, match="price of one"):
        en.baseline(company(1), {"goal": {"metric": "units", "lift": 0.5, "by": 2026}})
    with pytest.raises(CannotSayError, match="Without a CRM nothing says"):
        en.baseline(None, {"goal": {**STATED, "metric": "share of wallet"}})
