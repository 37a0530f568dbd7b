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
from typing import Any, TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

SAFE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# Values that hardly repeat are packed as they are; looking for repeats takes a third longer.
PARQUET = "format parquet, parquet_version 'v2', dictionary_size_limit 2000"
NAMED = re.compile(r"\$([a-z_]+)")
# What names no parameter: a comment, a text, and a name in quotes, which may be a user's.
QUOTED = re.compile(r"""--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
UNQUOTED = re.compile(f"{QUOTED.pattern}|{NAMED.pattern}")


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
def connected(
    folders: Iterable[Path], *, first: Iterable[str] = (), spill: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that can reach these folders and nothing else.

    Parameters
    ----------
    first : SQL that is run while it can still reach everything
    spill : a folder for what outgrows the memory; None for one of this process's own
    """
    allowed = ", ".join(literal(f"{folder.resolve()}/") for folder in folders)
    outgrown = {"temp_directory": str(spill or _spill().name)}
    with duckdb.connect(":memory:", config=SAFE | outgrown) as connection:
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
        return self._stack.enter_context(connected(folders))

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
            return rows_of(table)
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
            return rows_of(self._place / f"{name}.parquet")
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
                self._connection.execute(f"select * from {rows_of(path)} limit 0")
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


def rows_of(path: Path) -> str:
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
