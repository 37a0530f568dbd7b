"""The company as HubSpot exports it: deals wide, their properties' history tall.

In the wide file owners stand by name, times without a zone and without seconds, and only the last
visit to a stage has its date. The tall one has a row per change of a property.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from enablement.world import canonical
from enablement.world.canonical import STEPS
from enablement.world.clock import days
from enablement.world.formats import column, dates, labels, numbers, stamps
from enablement.world.history import ENTRY, OUTCOME
from enablement.world.parameters import PIPELINES, STAGES

if TYPE_CHECKING:
    from enablement.world.company import World

PIPELINE = next(iter(PIPELINES))
DEAL = {
    "opportunity_id": "Record ID",
    "name": "Deal Name",
    "pipeline": "Pipeline",
    "stage": "Deal Stage",
    "amount": "Amount",
    "list_amount": "List amount",
    "currency": "Currency",
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
    "email": "Email",
    "role": "Job title",
    "manager_id": "Manager ID",
    "team": "Main team",
    "region": "Region",
    "hired_on": "Hire date",
    "left_on": "Last day",
}
ENGAGEMENT = {
    "activity_id": "Record ID",
    "type": "Activity type",
    "at": "Activity date",
    "rep_id": "Activity owner ID",
    "owner": "Activity assigned to",
    "status": "Activity outcome",
    "minutes": "Duration (minutes)",
    "outcome": "Result",
    "opportunity_id": "Associated Deal IDs",
    "account_id": "Associated Company IDs",
    "contact_id": "Associated Contact IDs",
}
TYPES = {"call": "CALL", "email": "EMAIL", "meeting": "MEETING"}
STATUSES = {"held": "Completed", "no-show": "No show", "planned": "Scheduled"}
PROPERTIES = ("Deal Stage", "Amount", "Close Date", "Deal owner")
SOURCES = ("CRM_UI", "CRM_UI", "BATCH_UPDATE", "CRM_UI", "MOBILE_IOS")
"""Where each kind of note in the history comes from."""
SETTINGS = """
[columns.activities]
activity_id = "Record ID"
type = "Activity type"
at = "Activity date"
rep_id = "Activity owner ID"
status = "Activity outcome"
minutes = "Duration (minutes)"
outcome = "Result"
opportunity_id = "Associated Deal IDs"
account_id = "Associated Company IDs"
contact_id = "Associated Contact IDs"

[values.activities.type]
CALL = "call"
EMAIL = "email"
MEETING = "meeting"

[values.activities.status]
Completed = "held"
"No show" = "no-show"
Scheduled = "planned"

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
    known = _numbers(tables)
    plain = {name: _renumbered(table, known) for name, table in tables.items()}
    deals = _renumbered(_deals(tables["opportunities"], tables), known)
    found = {
        "hubspot-deals": pd.concat([_headed(deals, DEAL), _stage_columns(world)], axis=1),
        "hubspot-property-history": property_history(world, tables["reps"], known),
        "hubspot-companies": _headed(plain["accounts"], COMPANY),
        "hubspot-users": _headed(_mailed(plain["reps"]), USER),
    }
    if "activities" in tables:
        done = _engagements(tables["activities"], tables["reps"])
        found["hubspot-engagements"] = _headed(_renumbered(done, known), ENGAGEMENT)
    used = ("opportunities", "accounts", "reps", "activities")
    return found | {name: plain[name] for name in tables if name not in used}


def deals(held: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The deals as they stood on some day, without the dates of the stages.

    Parameters
    ----------
    held : the opportunities of that day
    tables : the canonical tables, for names and numbers
    """
    return _headed(_renumbered(_deals(held, tables), _numbers(tables)), DEAL)


def _headed(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Columns under HubSpot's headers; those that this company has not stay away."""
    there = {ours: theirs for ours, theirs in columns.items() if ours in table}
    return table[list(there)].rename(columns=there)


def _names(staff: pd.DataFrame) -> pd.Series:
    return pd.Series(staff["name"].to_numpy(), index=staff["rep_id"])


def _deals(held: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    accounts = tables["accounts"]
    company = pd.Series(accounts["name"].to_numpy(), accounts["account_id"])
    return held.assign(
        pipeline=held.get("pipeline", PIPELINE),
        close=_minutes(held["closed_at"].fillna(held["expected_close"])),
        created_at=_minutes(held["created_at"]),
        probability=held["probability"] / 100.0,
        owner=held["rep_id"].map(_names(tables["reps"])).astype("str"),
        company=held["account_id"].map(company).astype("str"),
    )


def _mailed(staff: pd.DataFrame) -> pd.DataFrame:
    plain = staff["name"].str.lower().str.replace(r"[^a-z]+", ".", regex=True)
    return staff.assign(email=plain + "@tallowgate.example")


def _engagements(done: pd.DataFrame, staff: pd.DataFrame) -> pd.DataFrame:
    """Calls, emails and meetings in HubSpot's words."""
    return done.assign(
        type=done["type"].map(TYPES).astype("str"),
        status=done["status"].map(STATUSES).astype("str"),
        owner=done["rep_id"].map(_names(staff)).astype("str"),
        at=_minutes(done["at"]),
    )


def property_history(
    world: World, staff: pd.DataFrame, known: dict[str, pd.Series]
) -> pd.DataFrame:
    """`hubspot-property-history.csv`: a row per change of stage, amount, close date or owner."""
    noted = world.events
    first = np.r_[True, noted.opportunity[1:] != noted.opportunity[:-1]][: len(noted.time)]
    values = (noted.stage, noted.amount, noted.close, noted.rep)
    changed = [np.flatnonzero(first | np.r_[True, v[1:] != v[:-1]][: len(v)]) for v in values]
    event = np.concatenate(changed)
    which = np.repeat(np.arange(len(PROPERTIES)), [len(rows) for rows in changed])
    stage, amount, close, rep = changed
    worth = canonical.money(world, noted.opportunity[amount], noted.amount[amount])
    value = pd.concat(
        [
            canonical.stage_names(world, noted.opportunity[stage], noted.stage[stage]),
            numbers(pd.Series(worth)).astype("str"),
            dates(days(noted.close[close])),
            labels(staff["name"].tolist(), noted.rep[rep]),
        ],
        ignore_index=True,
    )
    order = np.lexsort((which, event))
    event, which = event[order], which[order]
    deal = known["opportunity_id"].iloc[noted.opportunity[event]]
    return pd.DataFrame(
        {
            "Record ID": deal.to_numpy(),
            "Property": labels(PROPERTIES, which),
            "Value": value.iloc[order].reset_index(drop=True),
            "Timestamp": _seconds(world.clock.moments(noted.time[event])),
            "Source": labels(SOURCES, noted.kind[event].astype(np.int64)),
        }
    ).astype("str")


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
    return _naive(times, 16)


def _seconds(times: pd.Series) -> pd.Series:
    """Times such as `2026-09-30 09:12:05`."""
    return _naive(times, 19)


def _naive(times: pd.Series, signs: int) -> pd.Series:
    """Times without a zone, cut after so many signs."""
    text = pa.array(stamps(times).array, pa.large_string())
    return column(pc.replace_substring(pc.utf8_slice_codeunits(text, 0, signs), "T", " "))


def _stage_columns(world: World) -> pd.DataFrame:
    """When each stage was last entered and left, and the time in it altogether."""
    noted, size = world.events, len(world.made.time)
    rows = np.flatnonzero((noted.kind == ENTRY) | (noted.kind == OUTCOME))
    deal, stage, time = noted.opportunity[rows], noted.stage[rows], noted.time[rows]
    same = np.r_[deal[1:] == deal[:-1], False]
    until = np.where(same, np.r_[time[1:], np.nan], np.nan)
    begin = world.clock.second(time)
    end = world.clock.second(np.where(np.isnan(until), world.clock.end - 1e-6, until))
    width = len(STEPS[0])
    place = deal.astype(np.int64) * width + stage
    spent = np.bincount(place, weights=end - begin, minlength=size * width)
    first, last = (np.full(size * width, np.nan) for _ in range(2))
    first[place], last[place] = time, until
    columns: dict[str, pd.Series] = {}
    for pipeline in canonical.pipelines(world):
        there = world.pipeline == list(PIPELINES).index(pipeline)
        names = (*PIPELINES[pipeline], *canonical.meanings(world))
        for number, name in enumerate(names):
            label, mine = f'"{name} ({pipeline})"', slice(number, None, width)
            entered = np.where(there, first[mine], np.nan)
            columns[f"Date entered {label}"] = _minutes(world.clock.moments(entered))
            if number < len(STAGES):
                left = np.where(there, last[mine], np.nan)
                columns[f"Date exited {label}"] = _minutes(world.clock.moments(left))
                length = _hours(spent[mine], ~np.isnan(entered))
                columns[f"Cumulative time in {label} (HH:mm:ss)"] = length
    return pd.DataFrame(columns)


def _hours(seconds: np.ndarray, known: np.ndarray) -> pd.Series:
    """Durations such as `312:05:09`; hours are not cut at a day."""
    whole = np.round(seconds).astype(np.int64)
    parts = (whole // 3600, whole // 60 % 60, whole % 60)
    text = [pc.utf8_lpad(pa.array(part).cast(pa.large_string()), 2, "0") for part in parts]
    joined = pc.binary_join_element_wise(*text, pa.scalar(":", pa.large_string()))
    return column(pc.if_else(pa.array(known), joined, None))
