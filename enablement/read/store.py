"""The database of one reading: tables that rules make and change."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pandas as pd

from enablement.read.engine import PARQUET, connected, literal, named, rows_of, texts

# Each column makes room for so many texts at once: too much for thousands of columns.
WIDE_PARQUET = "format parquet, parquet_version 'v2', dictionary_size_limit 100"
FILLED = re.compile(r"(?:insert into|create or replace table|rename to) (\w+)", re.IGNORECASE)
FEW = 10_000  # rows that are written sooner than looked up
MEMORY = "1GB"  # of the engine's own; what is more goes to the disk


class Store:
    """A database that lives as long as one reading; every rule is SQL over it.

    Parameters
    ----------
    timezone : of times that name none
    place : a folder for what outgrows the memory, and for what `lay` leaves there; None for a
        database that stays in memory
    first : SQL that is run while it can still reach everything
    reach : a folder that it can reach besides its own
    """

    def __init__(
        self,
        timezone: str = "UTC",
        place: Path | None = None,
        *,
        first: Iterable[str] = (),
        reach: Path | None = None,
    ) -> None:
        self._stack, self._place = contextlib.ExitStack(), place
        if place is None:
            opened = connected([])
        else:
            # A file would be written to with each small table, and waited for.
            home = tempfile.TemporaryDirectory(prefix="store-", dir=place)
            spill = Path(self._stack.enter_context(home))
            folders = [place, *([reach] if reach is not None else [])]
            opened = connected(folders, first=first, spill=spill)
        self._connection = self._stack.enter_context(opened)
        if place is not None:
            self._connection.execute(f"set memory_limit = '{MEMORY}'")
        self._connection.execute(f"set TimeZone = {literal(timezone)}")
        self._views: set[str] = set()
        self._bare: set[str] = set()
        self._changes = 0  # so that what was before each has a name of its own

    def __enter__(self) -> Self:
        """Open it."""
        return self

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """What a `Session` over the same database is given."""
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, and remove its file."""
        self._stack.close()

    def show(self, name: str, table: Any) -> None:
        """Let SQL see a DataFrame or an Arrow table under a name, without a copy."""
        self._connection.register(name, table)

    def forget(self, name: str) -> None:
        """Let go of what was shown."""
        self._connection.unregister(name)

    def add(self, name: str, table: Any) -> None:
        """Copy a DataFrame or an Arrow table into the store, in place of one of that name."""
        self.show("given", table)
        self.make(name, "select * from given")
        self.forget("given")

    def make(self, name: str, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Make a table, in place of one of that name, of what a SQL text gives."""
        self.run(f"create or replace table {name} as {sql}", parameters)

    def lack(self, tables: Mapping[str, str]) -> None:
        """Make tables that nothing was read of: name -> its columns and their types, as SQL."""
        made = "".join(f"create table {name} ({said});" for name, said in tables.items())
        self.run(f"begin; {made} commit")  # one by one each would be written to the disk
        self._bare |= set(tables)

    def bare(self, name: str) -> bool:
        """Whether a table was made without a row and none was put into it since."""
        return name in self._bare

    def lay(self, name: str, sql: str, *, words: Mapping[str, Iterable[str]]) -> None:
        """Make a table that is made once and stays: a Parquet file in the store's folder.

        In place of one of that name, which the text may read. A store in memory holds it there.

        Parameters
        ----------
        words : column -> every text that may stand in it; to write each as its number takes a
            quarter of the time
        """
        if self._place is None:
            self.make(name, sql)
            return
        anew, path = self._place / f"{name}.new", self._place / f"{name}.parquet"
        coded = ", ".join(
            f"{column}::enum({', '.join(map(literal, texts))}) as {column}"
            for column, texts in words.items()
        )
        self.save(f"select * replace ({coded}) from ({sql}\n)" if coded else sql, anew)
        os.replace(anew, path)
        self.run(f"create or replace view {name} as select * from {rows_of(path)}")

    def view(self, name: str, sql: str) -> None:
        """Make a table that is counted anew each time it is asked for, and takes no room."""
        self.run(f"create view {name} as {sql}")
        self._views.add(name)

    def change(self, name: str, made: Mapping[str, str]) -> None:
        """Let a table be seen with some columns made by SQL of its columns, new ones at the end.

        Nothing is written where there are many rows: they are made each time that they are asked
        for. Of few rows it is quicker to write them than to read the SQL again and again.
        """
        here = self.columns(name)
        kept = ", ".join(f"{sql} as {column}" for column, sql in made.items() if column in here)
        new = "".join(f", {sql} as {column}" for column, sql in made.items() if column not in here)
        replaced = f" replace ({kept})" if kept else ""
        if name not in self._views and self.one(f"select count(*) as n from {name}")["n"] <= FEW:
            self.make(name, f"select *{replaced}{new} from {name}")
            return
        self._changes += 1
        before = f"{name}_{self._changes}_before"
        kind = "view" if name in self._views else "table"
        self.run(f"alter {kind} {name} rename to {before}")
        self._views |= {before} if kind == "view" else set()
        self.view(name, f"select *{replaced}{new} from {before}")

    def own(self, name: str) -> None:
        """Make sure that a table has rows of its own, which can be changed."""
        if name in self._views:
            self.run(f"create table owned_rows as select * from {name}")
            self.run(f"drop view {name}; alter table owned_rows rename to {name}")
            self._views.discard(name)

    def unite(self, name: str, parts: list[str]) -> None:
        """Put parts of one kind under one name."""
        if len(parts) == 1 and parts[0] not in self._views:
            self.run(f"alter table {parts[0]} rename to {name}")
            return
        every = " union all by name ".join(f"select * from {part}" for part in parts)
        if self._views.intersection(parts):
            self.view(name, every)
            return
        self.make(name, every)
        self.run(";".join(f"drop table {part}" for part in parts))

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a SQL text that gives nothing back."""
        self._connection.execute(sql, named(sql, parameters))
        self._bare -= set(FILLED.findall(sql)) if self._bare else set()

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pd.DataFrame:
        """Run a SQL text and give its rows; for tables small enough for pandas."""
        return texts(self._connection.execute(sql, named(sql, parameters)).df())

    def one(self, sql: str) -> dict[str, Any]:
        """Run a SQL text that gives one row; column -> value, None where it is missing."""
        found = self._connection.execute(sql)
        names = [column[0] for column in found.description or []]
        return dict(zip(names, found.fetchall()[0], strict=True))

    def columns(self, name: str) -> list[str]:
        """List the columns of a table, in order."""
        found = self._connection.execute(f"select * from {name} limit 0")
        names = [column[0] for column in found.description or []]
        found.fetchall()  # an unfinished result would hold the connection
        return names

    def save(self, sql: str, path: Path) -> None:
        """Write what a SQL text gives as Parquet, also where it has thousands of columns."""
        copy = f"copy ({sql}) to {literal(str(path.resolve()))}"
        try:
            self.run(f"{copy} ({PARQUET})")
        except duckdb.OutOfMemoryException:
            self.run(f"{copy} ({WIDE_PARQUET})")
