"""What holds of every measure of a sales organisation, whatever the company."""

from __future__ import annotations

from typing import Any

import firms
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import enablement as en

SEEDS = st.integers(0, 2**20)
DAYS = st.integers(140, 270)  # the first quarter is over, and a rep has left
# Measure -> what it is asked besides the day, by what it is split, the columns that tell the rows
# of a group apart, and those that add up.
SPLIT: dict[str, tuple[dict[str, Any], str, list[str], list[str]]] = {
    "push_count": ({}, "rep", [], ["opportunities", "pushed", "pushes", "without_date"]),
    "slip_rate": (
        {"period": "2026Q1"},
        "rep",
        [],
        ["due", "won", "lost", "cancelled", "slipped"],
    ),
    "discount_rate": ({}, "rep", [], ["won", "without_list", "sold", "list"]),
    "sales_velocity": ({}, "rep", [], ["open", "won", "lost"]),
    "activity": (
        {"period": "2026Q1"},
        "rep",
        ["activity_type"],
        ["planned", "booked", "held", "no_show", "counted", "working_days"],
    ),
    "turnover": ({"period": "2026"}, "team", [], ["headcount", "joiners", "leavers"]),
    "share_of_wallet": (
        {},
        "segment",
        [],
        ["accounts", "won", "potential", "untouched", "over", "without_potential"],
    ),
    "pipeline_changes": (
        {"since": "2026-02-10"},
        "rep",
        ["part"],
        ["opportunities", "amount", "without_amount"],
    ),
    "process_conformance": ({}, "rep", ["deviation"], ["deviated", "out_of", "times"]),
}


def counted(crm: en.CRM, name: str, when: pd.Timestamp, **more: object) -> pd.DataFrame:
    """Ask a measure as of a day."""
    asked = SPLIT[name][0] if name in SPLIT else {}
    return getattr(en, name)(crm, as_of=when, **asked, **more)


@settings(max_examples=2, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(seed=SEEDS, day=DAYS)
def test_properties_of_any_company(seed, day):
    """Groups add up, the order of rows does not matter, and what happens later changes nothing."""
    when = firms.START + pd.Timedelta(days=day)
    crm, mixed, then = firms.firm(seed), firms.firm(seed, mixed=True), firms.firm(seed, until=when)
    for name in (*SPLIT, "stale"):
        whole = counted(crm, name, when)
        pd.testing.assert_frame_equal(counted(mixed, name, when), whole, obj=f"{name}, mixed")
        pd.testing.assert_frame_equal(
            counted(then, name, when), whole, obj=f"{name}, of that day", check_dtype=False
        )
        if name in SPLIT:
            _, by, keys, added = SPLIT[name]
            assert_adds_up(counted(crm, name, when, by=by), whole, keys, added)
    each = [counted(crm, "stale", when, where={"rep": rep}) for rep in crm.reps["rep_id"][:1]]
    rest = whole[~whole["rep_id"].isin(crm.reps["rep_id"][:1])]
    assert sorted(pd.concat([*each, rest])["opportunity_id"]) == sorted(whole["opportunity_id"])


def assert_adds_up(
    parts: pd.DataFrame, whole: pd.DataFrame, keys: list[str], added: list[str]
) -> None:
    """Each is counted in one group, and nobody is lost."""
    if keys:
        parts = parts.groupby(keys, observed=True)[added].sum().reindex(whole[keys[0]])
    else:
        parts = parts[added].sum().to_frame().T
    for column in added:
        found, expected = parts[column].fillna(0), whole[column].fillna(0)
        assert list(found) == pytest.approx(list(expected), abs=1e-6), column
