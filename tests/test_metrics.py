"""A goal in margin or in share of wallet is the won amount that it comes to, by hand."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

import enablement as en
from enablement.errors import CannotSayError, SettingsError

SETTINGS = {
    "stages": ["Call"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": dt.date(2025, 12, 31),
}
BY = dt.date(2026, 12, 31)


def company(**without):
    """Two reps who won four and lost one in 2025, 1,000 in all, at two accounts of 2,500.

    | who | account | amount | margin |
    |-----|---------|--------|--------|
    | A   | X       | 100    | 40     |
    | A   | Y       | 300    | 60     |
    | B   | X       | 400    | 100    |
    | B   | none    | 200    | not known |
    | B   | X       | lost   |        |
    """
    closed = dt.date(2025, 5, 10)
    opportunities = pd.DataFrame(
        {
            "opportunity_id": [f"D{n}" for n in range(5)],
            "rep_id": ["A", "A", "B", "B", "B"],
            "account_id": ["X", "Y", "X", None, "X"],
            "amount": [100.0, 300.0, 400.0, 200.0, 500.0],
            "margin": [40.0, 60.0, 100.0, None, None],
            "stage": ["Won", "Won", "Won", "Won", "Lost"],
            "created_at": [closed] * 5,
            "closed_at": [closed] * 5,
        }
    ).drop(columns=[name for name in without if name == "margin"])
    accounts = pd.DataFrame({"account_id": ["X", "Y"], "potential": [1_500.0, 1_000.0]})
    reps = pd.DataFrame({"rep_id": ["A", "B"]})
    return en.crm(opportunities=opportunities, accounts=accounts, reps=reps, settings=SETTINGS)


@pytest.fixture(scope="module")
def crm():
    """The company, once."""
    return company()


def test_a_margin_is_the_amount_that_it_takes(crm):
    """200 of 800 stay as margin, a quarter, so that a margin of 300 takes 1,200; sold are 1,000."""
    table = en.baseline(crm, {"goal": {"metric": "margin", "target": 300, "by": BY}})
    assert table["total"].tolist()[::2] == [1_000.0, 1_200.0]
    said = table.attrs["sentences"]["metric"]
    assert "of 3 won in 2025" in said
    assert "25.0 % of the amount" in said
    assert "of 1 others it is not known" in said


def test_a_lift_of_the_margin_is_the_same_lift_of_the_amount(crm):
    """A fifth more of either; a pin of 100 margin is one of 400."""
    plan = {"goal": {"metric": "margin", "lift": 0.2, "by": BY, "pins": {"A": 100}}}
    assert en.baseline(crm, plan).loc["target", "total"] == pytest.approx(1_200)
    sheet = en.results_worksheet(crm, plan)
    of_a = sheet[(sheet["level"] == "rep") & (sheet["rep_id"] == "A") & (sheet["stage"] == "won")]
    assert of_a["amount"].sum() == 400
    assert any("The goal is a margin" in note for note in sheet.attrs["notes"])


def test_a_share_of_wallet_is_what_it_takes_besides_what_is_sold(crm):
    """800 of 2,500 are 32 %; 40 % are 200 more, on top of the 1,000 that are sold in all."""
    goal = {"metric": "share of wallet", "by": BY}
    assert en.baseline(crm, {"goal": {**goal, "target": 0.4}}).loc["target", "total"] == 1_200
    lifted = en.baseline(crm, {"goal": {**goal, "lift": 0.25}})  # 32 % to 40 %
    assert lifted.loc["target", "total"] == pytest.approx(1_200)
    assert "from 32.0 % to 40.0 % of the 2,500" in lifted.attrs["sentences"]["metric"]


def test_what_cannot_be_translated_is_refused_in_a_line(crm):
    """No margins, more than the whole wallet, a rep's part of it, and no CRM at all."""
    with pytest.raises(CannotSayError, match="the opportunities have no margin"):
        en.baseline(company(margin=None), {"goal": {"metric": "margin", "lift": 0.2, "by": BY}})
    wallet = {"metric": "share of wallet", "by": BY}
    with pytest.raises(SettingsError, match=r"wants 120 % of the wallet.*today it is 0.320"):
        en.baseline(crm, {"goal": {**wallet, "target": 1.2}})
    with pytest.raises(SettingsError, match="a share of wallet is of accounts"):
        en.baseline(crm, {"goal": {**wallet, "target": 0.4, "pins": {"A": 0.1}}})
    stated = {**wallet, "target": 0.4, "baseline": 0.3, "stated": {"reps": 2}}
    with pytest.raises(CannotSayError, match="Without a CRM nothing says"):
        en.baseline(None, {"goal": stated})


def test_without_a_crm_a_margin_is_money_as_any_other():
    """1,000 today and half as much again."""
    stated = {"metric": "margin", "lift": 0.5, "by": BY, "baseline": 1_000, "stated": {"reps": 2}}
    assert en.baseline(None, {"goal": stated}).loc["target", "total"] == 1_500
