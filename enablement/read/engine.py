"""The engine that counts: a DuckDB that fetches nothing and keeps no file open."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import hashlib
import os
import re
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

SAFE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# Values that hardly repeat are packed as they are; looking for repeats takes a third longer.
PARQUET = "format parquet, parquet_version 'v2', dictionary_size_limit 2000"
# Each column makes room for so many texts at once: too much for thousands of columns.
WIDE_PARQUET = "format parquet, parquet_version 'v2', dictionary_size_limit 100"
FILLED = re.compile(r"(?:insert into|create or replace table|rename to) (\w+)", re.IGNORECASE)
NAMED = re.compile(r"\$([a-z_]+)")
# What names no parameter: a comment, a text, and a name in quotes, which may be a user's.
QUOTED = re.compile(r"""--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
UNQUOTED = re.compile(f"{QUOTED.pattern}|{NAMED.pattern}")
FEW = 10_000  # rows that are written sooner than looked up
MEMORY = "1GB"  # of the engine's own; what is more goes to the disk


@dataclasses.dataclass(frozen=True)
class View:
    """A table that SQL makes of others when it is asked for.

    sql : the text, without an order; it must not hold what a user wrote, whose ``$`` would be
        taken for that of a parameter
    tables : name in the text -> the table
    parameters : ``$name`` in the text -> value
    order : the columns by which its rows stand when the whole of it is fetched or kept; "" as
        they lie
    """

    sql: str
    tables: Mapping[str, Table]
    parameters: Mapping[str, object] = dataclasses.field(default_factory=dict)
    order: str = ""


class Kept(View):
    """A table that SQL makes of others once, and that a `Session` keeps while it has room."""


@dataclasses.dataclass(frozen=True)
class Remote:
    """A table that lies in a database, and is counted there.

    name : of the table, as messages call it
    kinds : its columns -> their types, in the words of DuckDB
    sql : what gives its rows, in the words of its database
    warehouse : the database, which answers as a `Session` does
    """

    name: str
    kinds: Mapping[str, str]
    sql: str
    warehouse: Any


Table: TypeAlias = pd.DataFrame | pa.Table | Path | View | Remote


@contextlib.contextmanager
def _connected(
    place: str, folders: Iterable[Path], *, first: Iterable[str] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that can reach these folders and nothing else.

    Parameters
    ----------
    first : SQL that is run while it can still reach everything
    """
    allowed = ", ".join(literal(f"{folder.resolve()}/") for folder in folders)
    with duckdb.connect(place, config=SAFE | {"temp_directory": _spill().name}) as connection:
        for sql in first:
            connection.execute(sql)
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set enable_progress_bar = false")
        # With hundreds of columns this one takes minutes and gigabytes over lists of words.
        connection.execute("set disabled_optimizers = 'in_clause'")
        yield connection


@functools.cache
def _spill() -> tempfile.TemporaryDirectory[str]:
    """Make the place for what outgrows the memory: this process's own, not where one works."""
    return tempfile.TemporaryDirectory(prefix="enablement-spill-")


def query(
    sql: str, tables: Mapping[str, Table], parameters: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """Run one SQL text over tables, as `Session.query` does, in a session of its own."""
    there = remote(tables)
    if there is not None:
        return there.warehouse.query(sql, tables, parameters)
    with contextlib.closing(Session(tables)) as session:
        return session.query(sql, tables, parameters)


def remote(tables: Mapping[str, Table]) -> Remote | None:
    """Find the first table that lies in a database, if any does."""
    for table in tables.values():
        if isinstance(table, Remote):
            return table
        if isinstance(table, View) and (found := remote(table.tables)) is not None:
            return found
    return None


def whole(table: Table) -> pd.DataFrame:
    """Fetch a whole table."""
    order = f" order by {table.order}" if isinstance(table, View) and table.order else ""
    return query(f"select * from it{order}", {"it": table})


class Session:
    """A database in memory over tables that do not change; it keeps what was counted of them.

    It opens when it is first asked. A process that has one open must not be forked.

    Parameters
    ----------
    tables : name -> those that texts may read; it reaches the folders of their files and no
        other
    place : a folder of the tables' own, where what was counted lies for the next process too;
        None keeps it in memory
    connection : of a database that is open already; whoever opened it closes it
    """

    ROOM = 1 << 30  # bytes of what is kept, at most; what was not asked for longest makes room

    def __init__(
        self,
        tables: Mapping[str, Table],
        place: Path | None = None,
        *,
        connection: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        self._tables, self._place, self._given = dict(tables), place, connection
        self._stack = contextlib.ExitStack()
        self._close = weakref.finalize(self, self._stack.close)
        self._lock = threading.RLock()
        self._frames: dict[int | str, str] = {}
        self._kept: dict[str, int] = {}
        self._read: set[Path] = set()
        self._grew = False  # since room was made

    def close(self) -> None:
        """Let go of everything."""
        self._close()

    def query(
        self,
        sql: str,
        tables: Mapping[str, Table] | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Run one SQL text.

        Parameters
        ----------
        sql : the text
        tables : name in the text -> the table; None for those of the session
        parameters : ``$name`` in the text -> value; those that the text does not name are
            left out

        Returns
        -------
        pandas.DataFrame
            Times are naive UTC in microseconds.
        """
        given = self._tables if tables is None else tables
        with self._lock:
            try:
                found = self._found(sql, given, parameters)
            except duckdb.IOException:  # another process has just made room
                found = self._found(sql, given, parameters)
            self._make_room()
            return found

    def _found(
        self, sql: str, tables: Mapping[str, Table], parameters: Mapping[str, object] | None
    ) -> pd.DataFrame:
        text = self._reading(sql, tables)
        return texts(self._connection.execute(text, named(text, parameters)).df())

    @functools.cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._given is not None:
            return self._given
        folders = {path.parent for path in _paths(self._tables)}
        return self._stack.enter_context(_connected(":memory:", folders))

    def _reading(self, sql: str, tables: Mapping[str, Table]) -> str:
        """Write a text that finds the tables it names."""
        named = set(re.findall(r"\w+", sql))
        parts = [
            f"{name} as not materialized (select * from {self.rows(table)})"
            for name, table in tables.items()
            if name in named
        ]
        if not parts:
            return sql
        own = WITH.match(sql)
        rest = f", {sql[own.end() :]}" if own else f" {sql}"
        return f"with {', '.join(parts)}{rest}"

    def rows(self, table: Table) -> str:
        """Write where the rows of a table come from."""
        if isinstance(table, Path):
            return _rows_of(table)
        if isinstance(table, Remote):
            return f"({table.sql}\n)"
        if not isinstance(table, View):
            return self._shown(table)
        sql = self._reading(_bound(table.sql, table.parameters), table.tables)
        if not isinstance(table, Kept):
            return f"({sql}\n)"
        return self._made(f"select * from ({sql}\n) order by {table.order}" if table.order else sql)

    def _shown(self, table: Any) -> str:
        """Copy a table of Python's, once; one that is not of the session is known by its rows."""
        mine = any(table is each for each in self._tables.values())
        key = id(table) if mine else content(table)
        if key not in self._frames:
            name = f"frame_{key}"
            self._connection.register("given", table)
            self._connection.execute(f"create table {name} as select * from given")
            self._connection.unregister("given")
            self._frames[key] = name
        return self._frames[key]

    def _made(self, sql: str) -> str:
        """Make a table of what a text gives, unless it is kept."""
        name = f"kept_{hashlib.blake2b(sql.encode(), digest_size=12).hexdigest()}"
        if self._place is not None and self._laid(self._place / f"{name}.parquet", sql):
            return _rows_of(self._place / f"{name}.parquet")
        if name not in self._kept:
            ((rows,),) = self._connection.execute(f"create table {name} as {sql}").fetchall()
            self._kept[name] = rows * self._width(name)
            self._grew = True
        else:
            self._kept[name] = self._kept.pop(name)  # now the last one asked for
        return name

    def _laid(self, path: Path, sql: str) -> bool:
        """Whether a file holds what a text gives; it is written where it is not there yet.

        Where it cannot be written, as the disk is full or not ours, there is none.
        """
        try:
            os.utime(path)  # asked for last
            if path not in self._read:  # whether it is whole is looked at once
                self._connection.execute(f"select * from {_rows_of(path)} limit 0")
        except (OSError, duckdb.Error):
            anew = path.with_name(f"{path.name}.{os.getpid()}")
            try:
                self._connection.execute(f"copy ({sql}) to {literal(str(anew))} ({PARQUET})")
                os.replace(anew, path)
                self._grew = True
            except (OSError, duckdb.IOException, duckdb.PermissionException):
                anew.unlink(missing_ok=True)
                return False
        self._read.add(path)
        return True

    def _width(self, name: str) -> int:
        """Guess the bytes of a row."""
        found = self._connection.execute(f"select * from {name} limit 0")
        columns = len(found.description or [])
        found.fetchall()  # an unfinished result would hold the connection
        return 8 * columns

    def _make_room(self) -> None:
        """Forget what was not asked for longest, where something new was kept."""
        if not self._grew:
            return
        self._grew = False
        while sum(self._kept.values()) > self.ROOM and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            self._connection.execute(f"drop table {oldest}")
            del self._kept[oldest]
        if self._place is not None:
            _make_room(self._place, self.ROOM)


def _make_room(place: Path, room: int) -> None:
    """Remove the files of what was not asked for longest, until the others fit."""
    with contextlib.suppress(OSError):  # another process does the same
        found = [(path, path.stat()) for path in place.glob("kept_*.parquet*")]
        newest_first = sorted(found, key=lambda each: each[1].st_mtime, reverse=True)
        total = 0
        for path, size in ((path, stat.st_size) for path, stat in newest_first):
            total += size
            if total > room:
                path.unlink()


WITH = re.compile(r"(?:\s|--[^\n]*\n)*with\s", re.IGNORECASE)


def _paths(tables: Mapping[str, Table]) -> set[Path]:
    """Find the files that tables come from."""
    found: set[Path] = set()
    for table in tables.values():
        if isinstance(table, Path):
            found.add(table)
        elif isinstance(table, View):
            found |= _paths(table.tables)
    return found


def content(table: Any) -> str:
    """Name a table by what it holds."""
    frame = table if isinstance(table, pd.DataFrame) else table.to_pandas()
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
    head = ",".join(f"{name} {kind}" for name, kind in frame.dtypes.items())
    return hashlib.blake2b(rows + head.encode(), digest_size=16).hexdigest()


def _bound(sql: str, parameters: Mapping[str, object]) -> str:
    """Write the values of parameters into a text."""
    if not parameters:
        return sql
    return UNQUOTED.sub(lambda found: _value(parameters[found[1]]) if found[1] else found[0], sql)


def _value(value: object) -> str:
    """Write a value for SQL."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dt.datetime):
        return f"timestamp '{value:%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, dt.date):
        return f"date '{value}'"
    return literal(str(value))


class Store:
    """A database that lives as long as one reading; every rule is SQL over it.

    Parameters
    ----------
    timezone : of times that name none
    place : a folder in which it lies as long as it is needed, because files may hold more
        than fits into the memory; None keeps it in memory
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
            self._connection = self._stack.enter_context(_connected(":memory:", []))
        else:
            home = tempfile.TemporaryDirectory(prefix="store-", dir=place)
            database = Path(self._stack.enter_context(home)) / "store.db"
            folders = [database.parent, place, *([reach] if reach is not None else [])]
            opened = _connected(str(database), folders, first=first)
            self._connection = self._stack.enter_context(opened)
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
        self.run(f"create or replace view {name} as select * from {_rows_of(path)}")

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


def _rows_of(path: Path) -> str:
    """Write the SQL of the rows of a Parquet file."""
    return f"read_parquet({literal(str(path.resolve()))})"


def named(sql: str, parameters: Mapping[str, object] | None) -> dict[str, object]:
    """Keep the parameters that a text names; DuckDB refuses any other."""
    said = set(NAMED.findall(QUOTED.sub("", sql))) if parameters else set()
    return {name: value for name, value in (parameters or {}).items() if name in said}


def texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Give text columns without any value the kind of the others, so that tables can be joined."""
    empty = [name for name in frame.columns if frame[name].dtype == object]
    return frame.astype(dict.fromkeys(empty, "str")) if empty else frame


@functools.cache
def text(room: str, name: str) -> str:
    """Read an SQL text that ships with a room, such as ``text("measure", "passages")``."""
    return (files(f"enablement.{room}") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def case(column: str, meant: Mapping[str, str], otherwise: str) -> str:
    """Write for SQL what the values of a column mean.

    Parameters
    ----------
    meant : value -> what it means
    otherwise : SQL of what any other value means
    """
    if not meant:
        return otherwise
    cases = " ".join(f"when {literal(k)} then {literal(v)}" for k, v in meant.items())
    return f"case {column} {cases} else {otherwise} end"


def quoted(name: str) -> str:
    """Quote a column name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a text for SQL."""
    return "'" + value.replace("'", "''") + "'"
