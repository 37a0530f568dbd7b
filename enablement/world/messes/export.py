"""An export into which defects are planted, row by row, and what each of them did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from enablement.errors import EnablementError
from enablement.world.parameters import CANCELLED, LOST, WON
from enablement.world.shapes import Shape
from enablement.world.streams import Streams

OUTCOMES = (WON, LOST, CANCELLED)
BY_NAME = "Owner.Name"
TOGETHER = ("above", "below", "covers")
"""What several defects may put around one table."""


@dataclass(frozen=True)
class Names:
    """What a CRM calls the files and columns into which defects are planted.

    crm : the CRM
    files : our word for a file -> its name
    columns : our word for a file -> our word for a column -> its header. `key` is the row's own
        id, missing where a file has none; `opportunity` is the opportunity's
    """

    crm: str
    files: dict[str, str]
    columns: dict[str, dict[str, str]]


SALESFORCE = Names(
    "salesforce",
    {
        "opportunities": "Opportunity",
        "history": "OpportunityHistory",
        "changes": "OpportunityFieldHistory",
        "reps": "User",
        "accounts": "Account",
    },
    {
        "opportunities": {
            "key": "Id", "opportunity": "Id", "name": "Name", "type": "Type",
            "source": "LeadSource", "stage": "StageName", "amount": "Amount", "close": "CloseDate",
            "created": "CreatedDate", "owner": "OwnerId", "closed": "IsClosed", "won": "IsWon",
            "next_step": "NextStep", "probability": "Probability", "segment": "Segment__c",
            "account": "AccountId",
        },
        "history": {
            "key": "Id", "opportunity": "OpportunityId", "at": "CreatedDate", "stage": "StageName",
        },
        "changes": {"key": "Id", "opportunity": "OpportunityId", "at": "CreatedDate"},
        "reps": {"key": "Id", "name": "Name", "hired": "Hire_Date__c"},
        "accounts": {"key": "Id", "name": "Name", "first_won": "First_Won__c"},
    },
)  # fmt: skip
HUBSPOT = Names(
    "hubspot",
    {
        "opportunities": "hubspot-deals",
        "history": "hubspot-property-history",
        "reps": "hubspot-users",
        "accounts": "hubspot-companies",
        "activities": "hubspot-engagements",
    },
    {
        "opportunities": {
            "key": "Record ID", "opportunity": "Record ID", "name": "Deal Name",
            "type": "Deal Type", "source": "Deal source", "stage": "Deal Stage",
            "amount": "Amount", "close": "Close Date", "created": "Create Date",
            "owner": "Deal owner", "next_step": "Next step", "probability": "Deal probability",
            "segment": "Segment", "pipeline": "Pipeline", "account": "Associated Company IDs",
        },
        "history": {
            "opportunity": "Record ID", "at": "Timestamp", "stage": "Value", "field": "Property",
        },
        "reps": {"key": "User ID", "name": "Name", "hired": "Hire date"},
        "accounts": {"key": "Record ID", "name": "Company name", "first_won": "First won date"},
        "activities": {"key": "Record ID", "opportunity": "Associated Deal IDs",
                       "at": "Activity date", "status": "Activity outcome"},
    },
)  # fmt: skip
NAMES = {each.crm: each for each in (SALESFORCE, HUBSPOT)}


@dataclass(frozen=True)
class Planted:
    """One kind of defect in one file.

    kind, file, column : what and where; the column is empty where the whole row or file is meant
    count : rows (or lines) that have it
    rows_added : records the file has more (negative: fewer) than without it
    ids : the rows' own ids; empty where a file has none, or the whole file is meant
    rows : the records in the file as it is written, from 1; empty where they are gone, or every
        record of the file is meant
    note : what else must be known to set it right
    effect : what somebody who takes every row at its word counts more (negative: fewer); only
        what differs. See `Export.tally`
    """

    kind: str
    file: str
    column: str
    count: int
    rows_added: int = 0
    ids: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    note: str = ""
    effect: dict[str, float] = field(default_factory=dict)


Chosen = np.ndarray
Defect = Callable[["Export", str], Planted]


class Export:
    """The files of an export as text, with a mark on the rows that already have a defect.

    Parameters
    ----------
    files : by name, as text
    names : what they and their columns are called
    seed : which rows are hit
    shapes : how each of them is written

    The index of each table names a row for good, whatever is added or taken out.
    """

    def __init__(
        self,
        files: dict[str, pd.DataFrame],
        names: Names,
        seed: int,
        shapes: dict[str, Shape],
    ) -> None:
        self.files = {name: table.astype("str") for name, table in files.items()}
        self.names, self.streams = names, Streams(seed)
        self.shapes, self.clean = dict(shapes), dict(shapes)
        self.touched: dict[str, set[int]] = {name: set() for name in files}

    def name(self, file: str) -> str:
        """Name of a file, by our word for it."""
        return self.names.files[file]

    def column(self, file: str, column: str) -> str:
        """Header of a column, by our words."""
        return self.names.columns[file][column]

    def table(self, file: str) -> pd.DataFrame:
        """A file, by our word for it."""
        return self.files[self.name(file)]

    def text(self, file: str, column: str) -> pd.Series:
        """A column of a file, by our words."""
        return self.table(file)[self.column(file, column)]

    def closed(self) -> Chosen:
        """Which opportunities have an outcome."""
        return self.text("opportunities", "stage").isin(OUTCOMES).to_numpy()

    def lost(self) -> Chosen:
        """Which opportunities are lost."""
        return (self.text("opportunities", "stage") == LOST).to_numpy()

    def free(self, file: str) -> Chosen:
        """Which rows have no defect."""
        return ~self.table(file).index.isin(list(self.touched[self.name(file)]))

    def some(
        self, kind: str, file: str, where: Chosen | None = None, share: float = 0.01
    ) -> Chosen:
        """Positions of a few rows without a defect, at least three where there are so many."""
        table, free = self.table(file), self.free(file)
        rows = np.flatnonzero(free if where is None else free & where)
        count = min(len(rows), max(3, round(len(table) * share)))
        drawn = self.streams.order(f"{kind} in {self.name(file)}", len(rows))[:count]
        chosen = np.sort(rows[drawn])
        self.touch(file, chosen)
        return chosen

    def touch(self, file: str, rows: Chosen) -> None:
        """Mark rows as having a defect."""
        self.touched[self.name(file)] |= set(self.table(file).index[rows].tolist())

    def planted(self, kind: str, file: str, column: str, rows: Chosen, added: int = 0) -> Planted:
        """Note what was done to some rows, given by position."""
        table = self.table(file)
        key = self.names.columns[file].get("key")
        ids = table[key].iloc[rows].astype(object).tolist() if key in table else []
        at = table.index[rows].tolist()  # made into places in the file by `placed`
        return Planted(kind, self.name(file), column, len(rows), added, ids, at)

    def change_all(
        self, kind: str, file: str, column: str, change: Callable[[pd.Series], pd.Series]
    ) -> Planted:
        """Write every value of a column (given by our word) otherwise; missing stays missing."""
        header = self.column(file, column)
        values = self.table(file)[header]
        made = values.copy()
        made[values.notna()] = change(values[values.notna()]).astype("str")
        self.files[self.name(file)] = self.table(file).assign(**{header: made})
        changed = values.notna() & (made != values)
        return Planted(kind, self.name(file), header, int(changed.sum()))

    def change(
        self, kind: str, file: str, column: str, rows: Chosen, values: np.ndarray | str | None
    ) -> Planted:
        """Write other values into a column (given by its header) of some rows."""
        table = self.table(file).copy()
        table.iloc[rows, table.columns.get_loc(column)] = values
        self.files[self.name(file)] = table
        return self.planted(kind, file, column, rows)

    def add(self, kind: str, file: str, rows: pd.DataFrame) -> Planted:
        """Put rows at the end of a file."""
        table = self.table(file)
        begin = int(table.index.max()) + 1 if len(table) else 0
        rows = rows.set_axis(range(begin, begin + len(rows)), axis=0)
        self.files[self.name(file)] = pd.concat([table, rows]).astype("str")
        new = np.arange(len(table), len(table) + len(rows))
        self.touch(file, new)
        return self.planted(kind, file, "", new, len(rows))

    def drop(self, kind: str, file: str, rows: Chosen) -> Planted:
        """Take rows out of a file."""
        gone = self.planted(kind, file, "", rows, -len(rows))
        kept = np.delete(np.arange(len(self.table(file))), rows)
        self.files[self.name(file)] = self.table(file).iloc[kept]
        return replace(gone, rows=[])

    def leave_out(self, file: str) -> None:
        """Have no such file at all."""
        self.files.pop(self.name(file), None)

    def reshape(self, kind: str, file: str, lines: int, added: int = 0, **changes: Any) -> Planted:
        """Write a file otherwise; the rows stay as they are."""
        name = self.name(file)
        now, first = self.shapes[name], self.clean[name]
        for what, value in changes.items():
            if what in TOGETHER:
                changes[what] = getattr(now, what) | value if what == "covers" else (
                    *getattr(now, what), *value)  # fmt: skip
            elif getattr(now, what) not in (getattr(first, what), value):
                raise EnablementError(
                    f"{kind!r} cannot be planted in {name}: another defect writes its {what} as "
                    f"{getattr(now, what)!r} already."
                )
        self.shapes[name] = replace(now, **changes)
        return Planted(kind, name, "", lines, added)

    def tally(self) -> dict[str, float]:
        """What somebody counts who takes every row at its word.

        Returns
        -------
        opportunities : rows; different : different ids among them; won, lost, cancelled, open : by
        the stage as it is spelt; won_amount : sum of their amounts, where it is a plain number;
        owned : opportunities whose owner is known; notes : rows of the history.
        """
        table = self.table("opportunities")
        names = self.names.columns["opportunities"]
        history = self.files.get(self.name("history"), ())
        found: dict[str, float] = {"opportunities": len(table), "notes": len(history)}
        if names["key"] in table:
            found["different"] = table[names["key"]].nunique()
        if names["stage"] in table:
            stage = table[names["stage"]]
            found |= {name: int((stage == said).sum()) for name, said in
                      zip(("won", "lost", "cancelled"), OUTCOMES, strict=True)}  # fmt: skip
            found["open"] = int((~stage.isin(OUTCOMES)).sum())
            won = stage == WON
            amount = pd.to_numeric(table[names["amount"]][won], errors="coerce")
            found["won_amount"] = float(amount.sum())
        if owner := [name for name in (names["owner"], BY_NAME) if name in table]:
            staff = self.table("reps")
            known = set(staff[self.column("reps", "key")]) | set(staff[self.column("reps", "name")])
            found["owned"] = int(table[owner[0]].isin(known).sum())
        return found

    def placed(self, planted: Planted) -> Planted:
        """With the places of the rows in the file as it now is, from 1."""
        if planted.file not in self.files:
            return replace(planted, rows=[])
        index = self.files[planted.file].index
        place = pd.Series(np.arange(len(index)) + 1, index=index)
        there = [key for key in planted.rows if key in place.index]
        return replace(planted, rows=place.loc[there].tolist())


def difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What is counted more (negative: fewer) after than before; only what differs."""
    names = dict.fromkeys([*before, *after])
    change = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: value for name, value in change.items() if value}
