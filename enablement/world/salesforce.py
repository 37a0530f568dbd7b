"""The company as Salesforce exports it: one file per object, ids of 18 characters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from enablement.world import canonical, reports
from enablement.world.formats import ids, labels
from enablement.world.history import HANDOVER
from enablement.world.parameters import WON

if TYPE_CHECKING:
    from enablement.world.company import World

OPPORTUNITY = {
    "opportunity_id": "Id",
    "account_id": "AccountId",
    "name": "Name",
    "type": "Type",
    "source": "LeadSource",
    "stage": "StageName",
    "amount": "Amount",
    "list_amount": "List_Amount__c",
    "product": "Product__c",
    "pipeline": "RecordType.Name",
    "currency": "CurrencyIsoCode",
    "close": "CloseDate",
    "created_at": "CreatedDate",
    "rep_id": "OwnerId",
    "created_by": "CreatedById",
    "is_closed": "IsClosed",
    "is_won": "IsWon",
    "next_step": "NextStep",
    "forecast_category": "ForecastCategoryName",
    "probability": "Probability",
    "loss_reason": "Loss_Reason__c",
    "competitor": "Competitor__c",
    "segment": "Segment__c",
}
HISTORY = {
    "id": "Id",
    "opportunity_id": "OpportunityId",
    "entered_at": "CreatedDate",
    "rep_id": "CreatedById",
    "stage": "StageName",
    "amount": "Amount",
    "expected_close": "CloseDate",
    "probability": "Probability",
    "forecast_category": "ForecastCategory",
}
USER = {
    "rep_id": "Id",
    "name": "Name",
    "role": "Title",
    "manager_id": "ManagerId",
    "active": "IsActive",
    "team": "Team__c",
    "region": "Region__c",
    "hired_on": "Hire_Date__c",
    "left_on": "Last_Day__c",
}
ACCOUNT = {
    "account_id": "Id",
    "name": "Name",
    "segment": "Segment__c",
    "industry": "Industry",
    "region": "Region__c",
    "potential": "Potential__c",
    "first_won_on": "First_Won__c",
}
ON_REQUEST = ("pipeline", "currency")
SETTINGS = """
[columns.opportunities]
product = "Product__c"
list_amount = "List_Amount__c"
loss_reason = "Loss_Reason__c"
competitor = "Competitor__c"
segment = "Segment__c"

[columns.reps]
team = "Team__c"
region = "Region__c"
hired_on = "Hire_Date__c"
left_on = "Last_Day__c"

[columns.accounts]
segment = "Segment__c"
region = "Region__c"
potential = "Potential__c"
first_won_on = "First_Won__c"
"""


def settings(world: World, format: str) -> str:
    """Where the columns stand that a company has of its own, as TOML."""
    has = {"pipeline": bool(world.chosen.apart), "currency": not world.exchange.plain}
    more = "".join(f'{name} = "{OPPORTUNITY[name]}"\n' for name in ON_REQUEST if has[name])
    said = SETTINGS.replace("[columns.opportunities]\n", "[columns.opportunities]\n" + more)
    if format != "report":
        return said
    before, after = said.split("[columns.reps]")
    for object_name, label in reports.OPPORTUNITY.items():
        before = before.replace(f'"{object_name}"', f'"{label}"')
    return before + "[columns.reps]" + after


def _named(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    there = {ours: theirs for ours, theirs in columns.items()
             if ours in table or ours not in ON_REQUEST}  # fmt: skip
    return table[list(there)].rename(columns=there)


def field_history(world: World) -> pd.DataFrame:
    """`OpportunityFieldHistory.csv`: changes of the owner."""
    noted = world.events
    rows = np.flatnonzero(noted.kind == HANDOVER)
    before = noted.rep[rows - 1]
    return pd.DataFrame(
        {
            "Id": ids("OpportunityFieldHistory", np.arange(len(rows))),
            "OpportunityId": ids("Opportunity", noted.opportunity[rows]),
            "CreatedDate": world.clock.moments(noted.time[rows]),
            "CreatedById": ids("User", world.people.boss[before]),
            "Field": labels(["Owner"], np.zeros(len(rows), dtype=np.int64)),
            "OldValue": ids("User", before),
            "NewValue": ids("User", noted.rep[rows]),
        }
    )


def history(world: World) -> Iterator[pd.DataFrame]:
    """`OpportunityHistory.csv`, in parts: one row per change of stage, amount or close date."""
    rows = np.flatnonzero(world.events.kind != HANDOVER)
    for begin in range(0, max(len(rows), 1), canonical.ROWS_AT_ONCE):
        part = rows[begin : begin + canonical.ROWS_AT_ONCE]
        number = ids("OpportunityHistory", np.arange(begin, begin + len(part)))
        yield _named(canonical.stage_events(world, part).assign(id=number), HISTORY)


def opportunity(table: pd.DataFrame) -> pd.DataFrame:
    """`Opportunity.csv` from the opportunities of some day."""
    table = table.assign(
        close=table["closed_at"].fillna(table["expected_close"]).dt.floor("D"),
        is_closed=table["closed_at"].notna(),
        is_won=table["stage"] == WON,
    )
    return _named(table, OPPORTUNITY)


def _user(table: pd.DataFrame) -> pd.DataFrame:
    return _named(table.assign(active=table["left_on"].isna()), USER)


def export(
    world: World, tables: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame | Iterator[pd.DataFrame]]:
    """The files of the export, by name; the history comes in parts.

    Parameters
    ----------
    world : the company
    tables : its canonical tables, without the stage events
    """
    return {
        "Opportunity": opportunity(tables["opportunities"]),
        "OpportunityHistory": history(world),
        "OpportunityFieldHistory": field_history(world),
        "User": _user(tables["reps"]),
        "Account": _named(tables["accounts"], ACCOUNT),
    }
