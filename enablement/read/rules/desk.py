"""What every rule works at: the rows as they were read, the settings, and the ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import pandas as pd

from enablement.read import tables
from enablement.read.quality import Ledger
from enablement.read.store import Store
from enablement.settings import Settings


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the rows of a table came from, so that a message can name the line.

    file : the name of the file
    headers : our column -> the file's header
    lines : row positions -> lines in the file
    stage_dates : our column -> the stage whose entry it dates, and the pipeline if one is meant
    crm : whose export it is, if that was recognised
    table : as what it was read; a history of fields is worked into others. None of what was
        found by comparing dated copies
    """

    file: str
    headers: Mapping[str, str]
    lines: Callable[[set[int]], dict[int, int]]
    stage_dates: Mapping[str, tuple[str, str | None]] = dataclasses.field(default_factory=dict)
    crm: str | None = None
    table: str | None = None


@dataclasses.dataclass(frozen=True)
class Desk:
    """The rows that rules change, and what they tell of it.

    store : with every table of the schema, as read
    said : the settings, which can turn some rules round
    ledger : where rows that are set aside, changed or flagged are entered
    sources : by the number that stands in the column ``file``
    placed : the tables of which every row is known to have its opportunity
    """

    store: Store
    said: Settings
    ledger: Ledger
    sources: Mapping[int, Source]
    placed: set[str] = dataclasses.field(default_factory=set)

    def count(self, table: str, where: str) -> int:
        """Count the rows of a table of which a condition holds."""
        if self.store.bare(table):
            return 0
        return int(self.store.one(f"select count(*) as n from {table} where {where}")["n"])

    def by_file(self, table: str, where: str) -> dict[int, int]:
        """Count them by the file that they are from."""
        if self.store.bare(table):
            return {}
        found = self.store.query(
            f"select file, count(*) as n from {table} where {where} group by file order by file"
        )
        return {int(file): int(n) for file, n in zip(found["file"], found["n"], strict=True)}

    def note_where(self, table: str, where: str, note: str, *, of: str | None = None) -> None:
        """Enter how many rows of each file a condition holds of.

        Parameters
        ----------
        of : the table under which they are told, where that is another one
        """
        for file, rows in self.by_file(table, where).items():
            self.ledger.note(of or table, self.sources[file].file, note, rows)

    def opportunities(self, where: str, fields: str) -> pd.DataFrame:
        """Fetch opportunities, for what the ledger says they would count as otherwise."""
        return self.store.query(
            f"select opportunity_id, {fields} from opportunities where {where} order by file, row"
        )

    def place(self, first: pd.Series, column: str) -> str:
        """Name the file, the line and the column of a row."""
        source, row = self.sources[int(first["file"])], int(first["row"])
        header = source.headers.get(column, column)
        return f"{source.file}, line {source.lines({row}).get(row, row)}, column {header}"

    def set_aside(
        self, table: str, where: str, column: str, why: str, *, unless: str | None = None
    ) -> None:
        """Move rows out of a table, each with its file, line, value and the reason.

        Parameters
        ----------
        where : which ones, as SQL
        column, why : what is told of each: the column, its value, and what is wrong with it
        unless : SQL that is soon asked, and whose ``fine`` says that there are none
        """
        if self.store.bare(table):
            return
        if unless is not None and bool(self.store.one(unless)["fine"]):
            return
        rest = f", {tables.TOLD[table]}" if table in tables.TOLD else ""
        found = self.store.query(
            f"select file, row, {column}::varchar as value{rest} from {table} where {where} "
            "order by file, row"
        )
        if found.empty:
            return
        gone = found[["file", "row"]]
        if table == "opportunities":
            self.placed.clear()
            value = found["value"]  # may be the stage itself
            found = tables.told(found, self.said).assign(value=value)
        for file, rows in found.drop_duplicates(["file", "row"]).groupby("file"):
            self._enter(table, self.sources[int(str(file))], rows, column=column, why=why)
        self.store.own(table)
        self.store.show("gone", gone)
        self.store.run(f"delete from {table} where (file, row) in (select (file, row) from gone)")
        self.store.forget("gone")

    def _enter(
        self, table: str, source: Source, rows: pd.DataFrame, *, column: str, why: str
    ) -> None:
        """Enter rows of one file that are set aside."""
        if source.table is None:  # found by comparing copies: no row of a file
            self.ledger.note(table, source.file, f"{column} {why}", len(rows))
            return
        lines = source.lines(set(rows["row"].astype(int)))
        aside = rows.drop(columns=["file", "row"]).assign(
            line=rows["row"].map(lines).astype("Int64"),
            column=source.headers.get(column, column),
            reason=f"{column} {why}",
        )
        self.ledger.set_aside(source.table or table, source.file, aside)
