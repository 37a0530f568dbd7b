"""Open opportunities against the times of their stage, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

import enablement as en
from enablement.errors import CannotSayError, EnablementError

SETTINGS = {
    "stages": ["Lead", "Qual"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "exported_on": pd.Timestamp("2026-04-11").date(),
}
START = pd.Timestamp("2026-01-01")


def history(days: list[int], waiting: list[int]) -> pd.DataFrame:
    """Make leads that moved on after so many days, and some that still wait since so many."""
    rows = []
    for n, stay in enumerate(days):
        rows += [
            (f"L{n}", START, "Lead", "A"),
            (f"L{n}", START + pd.Timedelta(days=stay), "Won", "A"),
        ]
    seen = pd.Timestamp("2026-04-11")
    rows += [
        (f"W{n}", seen - pd.Timedelta(days=stay), "Lead", "B") for n, stay in enumerate(waiting)
    ]
    return pd.DataFrame(rows, columns=["opportunity_id", "entered_at", "stage", "rep_id"])


def company(events: pd.DataFrame, **more: object) -> en.CRM:
    """Make a company of one stage that is told by its history."""
    last = events.drop_duplicates("opportunity_id", keep="last")
    opportunities = last[["opportunity_id", "stage", "rep_id"]].assign(**more)
    return en.crm(opportunities=opportunities, stage_events=events, settings=SETTINGS)


@pytest.fixture(scope="module")
def leads() -> en.CRM:
    """Ten leads that took 1 to 10 days, and three that wait: 0, 5 and 30 days."""
    return company(history(list(range(1, 11)), [0, 5, 30]), amount=100.0)


def test_stale_is_longer_than_nine_in_ten_stay(leads):
    """Half have left by day 6 or 7 and all but the waiting one by 10: W2 with 30 is stale.

    After day 10 one in eleven is left; by Kaplan and Meier nine in ten have left by day 10.
    """
    table = en.stale(leads, as_of="2026-04-11").set_index("opportunity_id")
    assert list(table.index) == ["W2", "W1", "W0"]
    assert table["days"].to_dict() == {"W2": 30, "W1": 5, "W0": 0}
    assert table["stale"].to_dict() == {"W2": True, "W1": False, "W0": False}
    times = en.time_in_stage(leads, as_of="2026-04-11").iloc[0]
    assert set(table["median"]) == {times["median"]}
    assert set(table["limit"]) == {times["p90"]}
    assert table.loc["W2", "times"] == 30 / times["median"]


def test_the_verdict_counts_them(leads):
    """One of three, which is said of one and not of many."""
    attrs = en.stale(leads, as_of="2026-04-11").attrs
    assert attrs["verdict"] == (
        "1 of 3 open opportunities (33 %) has been in its stage for longer than nine in ten "
        "stays there last."
    )
    assert "nine in ten" in attrs["definition"]


def test_a_lower_limit_makes_more_stale(leads):
    """Beyond the median W2 is, W1 with 5 days is not; the limit is the median itself."""
    table = en.stale(leads, as_of="2026-04-11", limit="median")
    assert (table["limit"] == table["median"]).all()
    assert table["stale"].sum() == (table["days"] > table["median"]).sum() == 1
    with pytest.raises(EnablementError, match="limit='p95'. Known: median, p75, p90"):
        en.stale(leads, as_of="2026-04-11", limit="p95")


def test_where_limits_the_list_and_not_the_times(leads):
    """A has none open, B all three, held against the stays of both."""
    assert en.stale(leads, as_of="2026-04-11", where={"rep": "A"}).empty
    assert len(en.stale(leads, as_of="2026-04-11", where={"rep": "B"})) == 3


def test_a_stage_that_few_have_left_has_no_limit():
    """One left and five wait: by when nine in ten leave cannot be said, so nor what is stale."""
    table = en.stale(company(history([5], [10, 20, 30, 40, 50])), as_of="2026-04-11")
    assert table["limit"].isna().all()
    assert table["stale"].isna().all()
    assert table["amount"].isna().all()
    assert table.attrs["verdict"].startswith("Of no open opportunity can be said")


def test_what_is_open_is_what_was_open_then(leads):
    """On 4 January L3 to L9 were in the stage for three days, and none of those that wait now."""
    table = en.stale(leads, as_of="2026-01-04")
    assert set(table["opportunity_id"]) == {f"L{n}" for n in range(3, 10)}
    assert set(table["days"]) == {3}


def test_amounts_are_shown_in_one_currency_or_not_at_all():
    """Without rates nothing is converted and nothing is said; the list stays."""
    events = history([3, 4], [10, 20])
    mixed = company(events, amount=100.0, currency=["USD", "EUR", "USD", "EUR"])
    assert en.stale(mixed, as_of="2026-04-11")["amount"].isna().all()
    alone = en.stale(mixed, as_of="2026-04-11", where={"currency": "EUR"})
    assert alone["amount"].tolist() == [100.0]


def test_without_dates_of_stages_it_is_refused():
    """The present stage alone does not say since when."""
    opportunities = pd.DataFrame({"opportunity_id": ["X"], "stage": ["Lead"], "rep_id": ["A"]})
    crm = en.crm(opportunities=opportunities, settings=SETTINGS)
    with pytest.raises(CannotSayError, match="when a stage was entered is not recorded"):
        en.stale(crm, as_of="2026-04-11")
