"""The company as reports of Salesforce: labels for headers, names for ids, dates as in the US.

A report has lines above its header and below its rows, quotes around everything, ids of 15
characters where it has any, and times without seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from enablement.world.shapes import Lines, Shape

OPPORTUNITY = {
    "Id": "Opportunity ID",
    "Name": "Opportunity Name",
    "AccountId": "Account Name",
    "Type": "Type",
    "LeadSource": "Lead Source",
    "StageName": "Stage",
    "Amount": "Amount",
    "List_Amount__c": "List Amount",
    "Product__c": "Product",
    "RecordType.Name": "Opportunity Record Type",
    "CurrencyIsoCode": "Opportunity Currency",
    "CloseDate": "Close Date",
    "CreatedDate": "Created Date",
    "OwnerId": "Opportunity Owner",
    "Owner.Name": "Opportunity Owner",
    "CreatedById": "Created By",
    "IsClosed": "Closed",
    "IsWon": "Won",
    "NextStep": "Next Step",
    "ForecastCategoryName": "Forecast Category",
    "Probability": "Probability (%)",
    "Loss_Reason__c": "Loss Reason",
    "Competitor__c": "Competitor",
    "Segment__c": "Segment",
}
HISTORY = {
    "OpportunityId": "Opportunity ID",
    "From": "From Stage",
    "StageName": "To Stage",
    "Amount": "Amount",
    "Probability": "Probability (%)",
    "CloseDate": "Close Date",
    "ForecastCategory": "To Forecast Category",
    "CreatedById": "Last Modified By",
    "CreatedDate": "Last Modified",
}
CHANGES = {
    "OpportunityId": "Opportunity ID",
    "Field": "Field / Event",
    "OldValue": "Old Value",
    "NewValue": "New Value",
    "CreatedDate": "Edit Date",
    "CreatedById": "Edited By",
}
REPORTS = {
    "Opportunity": ("Opportunities", OPPORTUNITY),
    "OpportunityHistory": ("Opportunity History", HISTORY),
    "OpportunityFieldHistory": ("Opportunity Field History", CHANGES),
}
"""Files of an object export: the report's name, and its headers."""
PEOPLE = ("OwnerId", "CreatedById", "OldValue", "NewValue")
DAY = r"(\d{4})-0?(\d{1,2})-0?(\d{1,2})"
MOMENT = DAY + r"T(\d\d):(\d\d):\d\dZ"
CONFIDENTIAL = "Confidential Information - Do Not Distribute"
COPYRIGHT = "Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."


def above(name: str, day: str) -> Lines:
    """The lines over a report's header."""
    taken = f"As of {day} 18:00:00 Greenwich Mean Time/GMT"
    return ((name,), (taken,), ("Filtered By",), ("Show: All opportunities",), ())


def below(rows: int) -> Lines:
    """The lines under a report's rows."""
    return ((), (), (f"Grand Totals ({rows} records)",), (), (CONFIDENTIAL,), (COPYRIGHT,))


def reported(
    files: dict[str, pd.DataFrame], shapes: dict[str, Shape], day: str
) -> tuple[dict[str, pd.DataFrame], dict[str, Shape]]:
    """The files of an object export as reports, by the reports' names.

    Parameters
    ----------
    files, shapes : by the objects' names; users and accounts stay as they are
    day : of the export
    """
    people, firms = _names(files["User"]), _names(files["Account"])
    made: dict[str, pd.DataFrame] = {}
    written: dict[str, Shape] = {}
    for object_, table in files.items():
        name, headers = REPORTS.get(object_, (object_, {}))
        shape = shapes[object_]
        if headers:
            table = _report(table, headers, people, firms)
            shape = replace(
                shape,
                above=(*above(name, day), *shape.above),
                below=(*shape.below, *below(len(table))),
            )
        made[name], written[name] = table, shape
    return made, written


def header(object_: str, column: str) -> str:
    """What a column of an object is called in its report."""
    return REPORTS.get(object_, ("", {}))[1].get(column, column)


def _names(table: pd.DataFrame) -> pd.Series:
    known = table.drop_duplicates("Id")
    return pd.Series(known["Name"].to_numpy(), index=known["Id"].to_numpy())


def _report(
    table: pd.DataFrame, headers: dict[str, str], people: pd.Series, firms: pd.Series
) -> pd.DataFrame:
    if "From" in headers:
        before = table["StageName"].groupby(table["OpportunityId"]).shift()
        table = table.assign(From=before.astype("str"))
    changes: dict[str, Callable[[pd.Series], pd.Series]] = {
        **dict.fromkeys(PEOPLE, lambda values: _named(values, people)),
        "AccountId": lambda values: _named(values, firms),
        "Id": _short,
        "OpportunityId": _short,
        "Field": lambda values: values.replace({"Owner": "Opportunity Owner"}),
        **dict.fromkeys(("CloseDate", "CreatedDate"), _american),
    }
    there = [column for column in headers if column in table]
    there += [column for column in table if column not in headers and column != "Id"]
    made = {column: changes.get(column, lambda values: values)(table[column]) for column in there}
    return pd.DataFrame(made, index=table.index).rename(columns=headers)


def _named(ids: pd.Series, names: pd.Series) -> pd.Series:
    return ids.map(names).where(ids.isin(names.index), ids).astype("str")


def _short(ids: pd.Series) -> pd.Series:
    """Ids of 15 characters, as reports show them."""
    return ids.str.slice(0, 15)


def _american(values: pd.Series) -> pd.Series:
    """Days such as `9/5/2026`, times such as `9/5/2026 9:05 AM`; what is no date stays."""
    days = values.str.replace(f"^{DAY}$", r"\2/\3/\1", regex=True)
    return days.str.replace(f"^{MOMENT}$", _half_day, regex=True)


def _half_day(found: object) -> str:
    year, month, day, hour, minute = found.groups()  # type: ignore[attr-defined]
    half = "AM" if int(hour) < 12 else "PM"
    return f"{month}/{day}/{year} {(int(hour) - 1) % 12 + 1}:{minute} {half}"
