"""The company as HubSpot exports it: one wide row per deal, the last date in each stage.

Owners stand by name, times without a zone, and only the last visit to a stage has its date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from enablement.world.canonical import STEPS
from enablement.world.formats import column, stamps
from enablement.world.history import ENTRY, OUTCOME
from enablement.world.parameters import STAGES

if TYPE_CHECKING:
    from enablement.world.company import World

PIPELINE = "Sales Pipeline"
DEAL = {
    "opportunity_id": "Record ID",
    "name": "Deal Name",
    "pipeline": "Pipeline",
    "stage": "Deal Stage",
    "amount": "Amount",
    "list_amount": "List amount",
    "close": "Close Date",
    "created_at": "Create Date",
    "owner": "Deal owner",
    "type": "Deal Type",
    "source": "Deal source",
    "product": "Product",
    "segment": "Segment",
    "next_step": "Next step",
    "forecast_category": "Forecast category",
    "probability": "Deal probability",
    "loss_reason": "Closed Lost Reason",
    "competitor": "Competitor",
    "company": "Associated Company",
    "account_id": "Associated Company IDs",
}
COMPANY = {
    "account_id": "Record ID",
    "name": "Company name",
    "segment": "Segment",
    "industry": "Industry",
    "region": "Region",
    "potential": "Potential",
    "first_won_on": "First won date",
}
USER = {
    "rep_id": "User ID",
    "name": "Name",
    "role": "Job title",
    "manager_id": "Manager ID",
    "team": "Main team",
    "region": "Region",
    "hired_on": "Hire date",
    "left_on": "Last day",
}
SETTINGS = """
[columns.opportunities]
product = "Product"
list_amount = "List amount"
competitor = "Competitor"
segment = "Segment"
"""
BASES = {"opportunity_id": 21_000_000_000, "account_id": 8_100_000_000, "rep_id": 64_000_000}
SAME = {"manager_id": "rep_id", "partner_id": "rep_id"}


def export(world: World, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The files of the export, by name, and the plain tables with HubSpot's ids.

    Parameters
    ----------
    world : the company
    tables : its canonical tables, without the stage events
    """
    staff, held = tables["reps"], tables["opportunities"]
    owner = pd.Series(staff["name"].to_numpy(), index=staff["rep_id"])
    company = pd.Series(tables["accounts"]["name"].to_numpy(), tables["accounts"]["account_id"])
    deals = held.assign(
        pipeline=PIPELINE,
        close=_minutes(held["closed_at"].fillna(held["expected_close"])),
        created_at=_minutes(held["created_at"]),
        probability=held["probability"] / 100.0,
        owner=held["rep_id"].map(owner).astype("str"),
        company=held["account_id"].map(company).astype("str"),
    )
    numbers = _numbers(tables)
    plain = {name: _renumbered(table, numbers) for name, table in tables.items()}
    deals = _renumbered(deals, numbers)[list(DEAL)].rename(columns=DEAL)
    return {
        "hubspot-deals": pd.concat([deals, _stage_columns(world)], axis=1),
        "hubspot-companies": plain["accounts"][list(COMPANY)].rename(columns=COMPANY),
        "hubspot-users": plain["reps"][list(USER)].rename(columns=USER),
        **{
            name: plain[name]
            for name in tables
            if name not in ("opportunities", "accounts", "reps")
        },
    }


def _numbers(tables: dict[str, pd.DataFrame]) -> dict[str, pd.Series]:
    """HubSpot's numbers by our ids."""
    tables_of = {"opportunity_id": "opportunities", "account_id": "accounts", "rep_id": "reps"}
    made = {}
    for name, table in tables_of.items():
        number = BASES[name] + 7 * np.arange(len(tables[table]))
        made[name] = pd.Series(number.astype(str), index=tables[table][name])
    return made


def _renumbered(table: pd.DataFrame, numbers: dict[str, pd.Series]) -> pd.DataFrame:
    known = [name for name in table if SAME.get(name, name) in numbers]
    return table.assign(
        **{name: table[name].map(numbers[SAME.get(name, name)]).astype("str") for name in known}
    )


def _minutes(times: pd.Series) -> pd.Series:
    """Times such as `2026-09-30 09:12`."""
    text = pa.array(stamps(times).array, pa.large_string())
    return column(pc.replace_substring(pc.utf8_slice_codeunits(text, 0, 16), "T", " "))


def _stage_columns(world: World) -> pd.DataFrame:
    """When each stage was last entered and left, and the time in it altogether."""
    noted, size = world.events, len(world.made.time)
    rows = np.flatnonzero((noted.kind == ENTRY) | (noted.kind == OUTCOME))
    deal, stage, time = noted.opportunity[rows], noted.stage[rows], noted.time[rows]
    same = np.r_[deal[1:] == deal[:-1], False]
    until = np.where(same, np.r_[time[1:], np.nan], np.nan)
    begin = world.clock.second(time)
    end = world.clock.second(np.where(np.isnan(until), world.clock.end - 1e-6, until))
    place = deal.astype(np.int64) * len(STEPS) + stage
    spent = np.bincount(place, weights=end - begin, minlength=size * len(STEPS))
    first, last = (np.full(size * len(STEPS), np.nan) for _ in range(2))
    first[place], last[place] = time, until
    columns: dict[str, pd.Series] = {}
    for number, name in enumerate(STEPS):
        label, mine = f'"{name} ({PIPELINE})"', slice(number, None, len(STEPS))
        columns[f"Date entered {label}"] = _minutes(world.clock.moments(first[mine]))
        if name in STAGES:
            columns[f"Date exited {label}"] = _minutes(world.clock.moments(last[mine]))
            been = ~np.isnan(first[mine])
            columns[f"Cumulative time in {label} (HH:mm:ss)"] = _hours(spent[mine], been)
    return pd.DataFrame(columns)


def _hours(seconds: np.ndarray, known: np.ndarray) -> pd.Series:
    """Durations such as `312:05:09`; hours are not cut at a day."""
    whole = np.round(seconds).astype(np.int64)
    parts = (whole // 3600, whole // 60 % 60, whole % 60)
    text = [pc.utf8_lpad(pa.array(part).cast(pa.large_string()), 2, "0") for part in parts]
    joined = pc.binary_join_element_wise(*text, pa.scalar(":", pa.large_string()))
    return column(pc.if_else(pa.array(known), joined, None))
