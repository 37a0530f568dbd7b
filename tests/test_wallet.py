"""Share of wallet, counted by hand and against an invented company."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, once

import enablement as en
from enablement.errors import CannotSayError, EnablementError

END = "2026-09-30"
# P bought 30 of 100 in the year, and 50 before it; Q bought 60 of 40; R bought 5 long ago; S has no
# potential and bought 7; T is a prospect whom B is talking to; U is known to nobody.
ACCOUNTS = pd.DataFrame(
    {
        "account_id": list("PQRST"),
        "name": list("PQRST"),
        "segment": ["Small", "Large", "Small", "Small", "Large"],
        "tier": ["1", "1", "2", "2", "2"],
        "potential": [100.0, 40.0, 20.0, None, 500.0],
    }
)
WON = [
    ("p0", "P", "A", "2025-09-30", 50),
    ("p1", "P", "B", "2025-10-01", 30),
    ("q1", "Q", "A", "2026-03-01", 60),
    ("r1", "R", "A", "2024-03-01", 5),
    ("s1", "S", "B", "2026-02-01", 7),
    ("u1", "U", "B", "2026-02-01", 9),
]


@once
def crm(accounts: pd.DataFrame | None = ACCOUNTS, **settings: object) -> en.CRM:
    """Six won and one open opportunity of five accounts and an unknown one."""
    columns = ["opportunity_id", "account_id", "rep_id", "closed_at", "amount"]
    won = pd.DataFrame(WON, columns=columns).assign(stage="Won")
    won["created_at"] = pd.to_datetime(won["closed_at"]) - pd.Timedelta(days=60)
    still = pd.DataFrame({"opportunity_id": ["t1"], "account_id": "T", "rep_id": "B"})
    given = pd.concat([won, still.assign(stage="Lead", created_at=pd.Timestamp("2026-09-01"))])
    more = {} if accounts is None else {"accounts": accounts}
    said = {**EIGHT_SETTINGS, "exported_on": pd.Timestamp(END).date(), **settings}
    return en.crm(opportunities=given, settings=said, **more)


def test_won_in_the_year_of_what_could_be_spent():
    """30 of P and 60 of Q, none of R: 90 of 160; half of the three is 0.3; S stands beside."""
    table = en.share_of_wallet(crm(), as_of=END)
    row = table.iloc[0]
    assert tuple(row[["accounts", "won", "potential"]]) == (3, 90, 160)
    assert (row["rate"], row["median"]) == (90 / 160, 0.3)
    assert tuple(row[["untouched", "over"]]) == (1, 1)
    assert tuple(row[["without_potential", "won_without_potential"]]) == (1, 7)
    assert table.attrs["without_account"] == 1


def test_a_year_ends_on_the_day_that_is_asked():
    """A day earlier p0 of 30 September 2025 is still within the year: 80 + 60 of 160."""
    assert en.share_of_wallet(crm(), as_of="2026-09-29")["won"].item() == 140


def test_prospects_count_only_if_asked():
    """With T there are 660 to be spent."""
    row = en.share_of_wallet(crm(), as_of=END, accounts="all").iloc[0]
    assert tuple(row[["accounts", "won", "potential", "untouched"]]) == (4, 90, 660, 2)


def test_by_any_column_of_accounts_and_by_rep():
    """P is B's, who has its latest one, with all that it bought."""
    tier = en.share_of_wallet(crm(), as_of=END, by="tier").set_index("tier")
    assert tier["rate"].to_dict() == {"1": 90 / 140, "2": 0}
    rep = en.share_of_wallet(crm(), as_of=END, by="rep").set_index("rep_id")
    assert rep["won"].to_dict() == {"A": 60, "B": 30}
    assert rep["potential"].to_dict() == {"A": 60, "B": 100}
    small = en.share_of_wallet(crm(), as_of=END, where={"segment": "Small"})
    assert (small["potential"].item(), small["without_potential"].item()) == (120, 1)
    with pytest.raises(EnablementError, match="Cannot split by 'source'"):
        en.share_of_wallet(crm(), as_of=END, by="source")


def test_a_short_export_is_said():
    """The first one was created on 1 January 2024; a year before March 2024 is not all there."""
    assert en.share_of_wallet(crm(), as_of=END).attrs["warning"] == ""
    warned = en.share_of_wallet(crm(), as_of="2024-06-30").attrs["warning"]
    assert warned.startswith("The first opportunity of the export is of 2024-01-01")


def test_without_potential_it_is_refused():
    """No accounts, accounts without it, or opportunities that name none."""
    for accounts in (None, ACCOUNTS.assign(potential=None)):
        with pytest.raises(CannotSayError, match=r"\[columns.accounts\] potential"):
            en.share_of_wallet(crm(accounts), as_of=END)
    given = pd.DataFrame({"opportunity_id": ["X"], "stage": ["Won"], "amount": [5.0]})
    bare = en.crm(
        opportunities=given.assign(closed_at="2026-09-01"),
        accounts=ACCOUNTS,
        settings=EIGHT_SETTINGS,
    )
    with pytest.raises(CannotSayError, match="Export account_id"):
        en.share_of_wallet(bare, as_of=END)


def test_an_invented_company_is_counted_twice():
    """By sums over its tables."""
    world = en.world.simulate(4, reps=12, quarters=6)
    table = en.share_of_wallet(world.crm, as_of=world.exported_on, by="segment")
    given, held = world.tables["opportunities"], world.tables["accounts"]
    begins = pd.Timestamp(world.exported_on) - pd.DateOffset(years=1) + pd.Timedelta(days=1)
    recent = given[(given["stage"] == "Closed Won") & (given["closed_at"] >= begins)]
    bought = held["account_id"].map(recent.groupby("account_id")["amount"].sum()).fillna(0)
    customers = held[held["first_won_on"].notna()].assign(bought=bought)
    sums = customers.groupby("segment")[["bought", "potential"]].sum()
    counted = table.set_index("segment")
    pd.testing.assert_series_equal(
        counted["rate"], sums["bought"] / sums["potential"], check_names=False
    )
