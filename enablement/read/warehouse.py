"""A database that is asked where its rows lie: the same SQL, and only what was counted comes back.

Nothing is written to it, so that reading is the only right one needs.
A text is translated by `enablement.read.dialects`; what Python adds to it (the places of the
stages, the quarters) travels inside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa

from enablement.errors import EnablementError, EngineError, ExportError
from enablement.read import engine
from enablement.read.engine import Remote, Table, View

if TYPE_CHECKING:
    from sqlglot import exp

WORD = re.compile(r"\w+")
PARTS = 256  # of a text, that are remembered at most; one measure has a few dozen


@dataclasses.dataclass(frozen=True)
class Part:
    """A table inside a text that is sent.

    name : what it is called there
    kinds : its columns, and of what kind they are in DuckDB
    text : the SQL of its rows, in the words of the database
    needs : the parts that stand before it
    """

    name: str
    kinds: Mapping[str, str]
    text: str
    needs: tuple[Part, ...] = ()


class Warehouse:
    """Asks a database by way of Ibis; takes the place of `engine.Session`.

    It remembers the parts of texts, and forgets what was not asked for longest.

    Parameters
    ----------
    backend : what Ibis connected to
    dialect : what sqlglot calls its SQL
    """

    def __init__(self, backend: Any, dialect: str) -> None:
        self._backend, self.dialect = backend, dialect
        # The same tables without a row: they tell of what kind a text's columns are in DuckDB.
        self._shapes = duckdb.connect(":memory:", config=dict(engine.SAFE))
        self._parts: dict[str, Part] = {}
        # A database may be asked by several of us, whose parts are not the same.
        self._own = uuid.uuid4().hex[:8]
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        """Name the kind of database, and not its address, which may hold a password."""
        return f"Warehouse: {self.dialect}"

    def close(self) -> None:
        """Let go of the database."""
        self._shapes.close()
        self._backend.disconnect()

    def query(
        self,
        sql: str,
        tables: Mapping[str, Table] | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Run one SQL text there, as `engine.Session.query` does here."""
        with self._lock:
            given = engine.named(sql, parameters)
            parts = self._named(sql, tables or {}, {})
            shape = self._kinds(_reading(sql, parts), given)
            with self._translating():
                tree, order = self._tree(sql, parts, given, list(shape))
                text = self._whole(tree, list(parts.values()))
            with self._answering():
                found = _arrow(self._backend.raw_sql(text))
            self._make_room()
            return self._fetched(found, shape, order)

    def tables(self, place: tuple[str, ...] = ()) -> list[str]:
        """List the tables and views of a schema; of the usual one where none is named."""
        try:
            where = {"database": place if len(place) > 1 else place[0]} if place else {}
            return list(self._backend.list_tables(**where))
        except Exception as error:
            raise self._said(error) from None

    def schemas(self) -> list[str]:
        """List the schemas."""
        with self._answering():
            return list(self._backend.list_databases())

    def readable(self, place: tuple[str, ...]) -> bool:
        """Whether the user may read a table; a database that does not say refuses when asked."""
        return True

    def columns(self, place: tuple[str, ...]) -> dict[str, str]:
        """Say what kinds the columns of a table are, in the words of DuckDB."""
        return {column: _kind(kind) for column, kind in self._schema(place).items()}

    def remote(
        self, table: str, place: tuple[str, ...], columns: Mapping[str, tuple[str | None, str]]
    ) -> Remote:
        """Take a table of the database under our names.

        Parameters
        ----------
        columns : our name -> (the name there, None where there is none; its kind here)
        """
        from enablement.read import dialects

        here, kinds = self._schema(place), {ours: kind for ours, (_, kind) in columns.items()}
        with self._translating():
            tree = dialects.columns_of(place, columns, here, self.dialect)
            return Remote(table, kinds, dialects.written(tree, self.dialect), self)

    def _schema(self, place: tuple[str, ...]) -> Mapping[str, Any]:
        *where, name = place
        catalog = where[0] if len(where) > 1 else None
        try:
            return self._backend.get_schema(
                name, catalog=catalog, database=where[-1] if where else None
            )
        except Exception as error:
            raise self._said(error) from None

    def _said(self, error: Exception) -> ExportError:
        return ExportError(f"The database says: {line(error)}")

    def _named(
        self, sql: str, tables: Mapping[str, Table], met: dict[int, Part]
    ) -> dict[str, Part]:
        """Give the tables that a text names, as parts of it; those met before are known."""
        words = set(WORD.findall(engine.NAMED.sub("", sql)))
        found = {}
        for name, table in tables.items():
            if name in words:
                if id(table) not in met:
                    met[id(table)] = self._part(table, met)
                found[name] = met[id(table)]
        return found

    def _part(self, table: Table, met: dict[int, Part]) -> Part:
        """Make a table a part of a text, once."""
        if isinstance(table, Remote):
            return self._once(f"table {table.name}", lambda name: self._remote(name, table))
        if isinstance(table, View):
            parts = self._named(table.sql, table.tables, met)
            said = engine.named(table.sql, table.parameters)
            key = repr((table.sql, said, [(name, part.name) for name, part in parts.items()]))
            return self._once(key, lambda name: self._view(name, table.sql, parts, said))
        if isinstance(table, pd.DataFrame | pa.Table):
            return self._once(engine.content(table), lambda name: self._frame(name, table))
        raise TypeError(f"{table!r} does not lie in the database")

    def _once(self, key: str, make: Callable[[str], Part]) -> Part:
        found = self._parts.pop(key, None)
        if found is None:
            digest = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
            found = make(f"part_{self._own}_{digest}")
        self._parts[key] = found  # now the last one asked for
        return found

    def _make_room(self) -> None:
        """Forget what was not asked for longest."""
        while len(self._parts) > PARTS:
            self._forget(self._parts.pop(next(iter(self._parts))))

    def _forget(self, part: Part) -> None:
        self._shapes.execute(f"drop table {part.name}")

    def _remote(self, name: str, table: Remote) -> Part:
        columns = ", ".join(
            f"null::{kind} as {engine.quoted(each)}" for each, kind in table.kinds.items()
        )
        self._shapes.execute(f"create or replace table {name} as select {columns} where false")
        return self._laid(Part(name, table.kinds, table.sql))

    def _view(
        self, name: str, sql: str, parts: dict[str, Part], said: Mapping[str, object]
    ) -> Part:
        from enablement.read import dialects

        self._shapes.execute(
            f"create or replace table {name} as {_reading(sql, parts)}", dict(said)
        )
        kinds = self._kinds(f"select * from {name}")
        with self._translating():
            tree, _ = self._tree(sql, parts, said, None)
            part = Part(name, kinds, dialects.written(tree, self.dialect), tuple(parts.values()))
        return self._laid(part, once=not dialects.read_through(tree))

    def _laid(self, part: Part, *, once: bool = False) -> Part:
        """Put a part where the texts that name it find it; here that is the text itself.

        Parameters
        ----------
        once : whether it is worth counting once alone
        """
        return part

    def _frame(self, name: str, table: Any) -> Part:
        """Write the rows of a small table into the text."""
        from enablement.read import dialects

        self._shapes.register("given", table)
        kinds = self._kinds("select * from given")
        self._shapes.execute(f"create or replace table {name} as select * from given limit 0")
        rows = self._shapes.execute("select * from given").fetchall()
        self._shapes.unregister("given")
        with self._translating():
            text = dialects.written(dialects.rows(rows, kinds, self.dialect), self.dialect)
        return self._laid(Part(name, kinds, text))

    def _kinds(self, sql: str, said: Mapping[str, object] | None = None) -> dict[str, str]:
        """Say of what kind the columns of a text are, by running it over tables without a row."""
        found = self._shapes.execute(sql, dict(said or {}))
        kinds = {column[0]: str(column[1]) for column in found.description or []}
        found.fetchall()
        return kinds

    def _tree(
        self,
        sql: str,
        parts: dict[str, Part],
        said: Mapping[str, object],
        columns: list[str] | None,
    ) -> tuple[exp.Expr, str]:
        """Translate a text, and take its order out where the columns it names come back."""
        from enablement.read import dialects

        kinds = {name: part.kinds for name, part in parts.items()}
        names = {name: part.name for name, part in parts.items()}
        tree = dialects.translated(sql, kinds, self.dialect)
        order = "" if columns is None else dialects.order_taken(tree, columns)
        return dialects.bound(dialects.renamed(tree, names), said), order

    def _whole(self, tree: exp.Expr, parts: list[Part]) -> str:
        """Put the parts that a text needs, and those that they need, before it, each once."""
        from enablement.read import dialects

        listed: dict[str, str] = {}

        def add(part: Part) -> None:
            if part.name not in listed:
                for need in part.needs:
                    add(need)
                name = dialects.quoted(part.name, self.dialect)
                listed[part.name] = f"{name} AS ({part.text})"

        for part in parts:
            add(part)
        own = tree.args.get("with_")
        within = [] if own is None else own.expressions
        tree.set("with_", None)
        before = ", ".join(
            [*listed.values(), *(dialects.written(each, self.dialect) for each in within)]
        )
        return f"{f'WITH {before} ' if before else ''}{dialects.written(tree, self.dialect)}"

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        """Say in a line that there are no words for a text in the language of the database.

        Raises
        ------
        EngineError
            With the engine, and what to do instead.
        """
        try:
            yield
        except EnablementError:
            raise
        except Exception as error:
            raise EngineError(
                f"A text could not be put into the words of {self.dialect} "
                f"({type(error).__name__}: {line(error)}), so this cannot be counted in the "
                "database. Export its tables as Parquet or CSV, and read them with en.load."
            ) from error

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Say in a line what the database refuses, or that it is gone."""
        try:
            yield
        except Exception as error:
            ours = type(error).__module__.partition(".")[0] in ("builtins", "enablement", "pyarrow")
            if ours and not isinstance(error, OSError):
                raise
            raise self._said(error) from error

    def _fetched(self, found: pa.Table, shape: dict[str, str], order: str) -> pd.DataFrame:
        """Give the columns the kinds, and the rows the order, that they have in DuckDB."""
        places = [f"c{place}" for place in range(found.num_columns)]
        self._shapes.register("fetched", found.rename_columns(places))
        try:
            columns = ", ".join(
                f"{place}::{kind} as {engine.quoted(name)}"
                for place, (name, kind) in zip(places, shape.items(), strict=True)
            )
            ordered = f"select {columns} from fetched{order}"
            return engine.texts(self._shapes.execute(ordered).df())
        finally:
            self._shapes.unregister("fetched")


def _kind(dtype: Any) -> str:
    """Say what a kind of the database's is here; what we have no use for is read as text."""
    if dtype.is_boolean():
        return "BOOLEAN"
    if dtype.is_integer():
        return "BIGINT"
    if dtype.is_floating() or dtype.is_decimal():
        return "DOUBLE"
    return "TIMESTAMP" if dtype.is_timestamp() or dtype.is_date() else "VARCHAR"


def _reading(sql: str, parts: Mapping[str, Part]) -> str:
    """Write a text that finds its tables under the names that they have as parts."""
    named = ", ".join(f"{name} as (select * from {part.name})" for name, part in parts.items())
    if not named:
        return sql
    own = engine.WITH.match(sql)
    return f"with {named}, {sql[own.end() :]}" if own else f"with {named} {sql}"


def _arrow(found: Any) -> pa.Table:
    """Fetch what a database answered, in whichever way it gives it."""
    for way in ("toArrow", "to_arrow"):  # Spark; BigQuery
        if hasattr(found, way):
            return _naive(getattr(found, way)())
    names = [column[0] for column in found.description]
    rows = found.fetchall()
    if hasattr(found, "close"):
        found.close()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return _naive(pa.Table.from_arrays([pa.array(each) for each in columns], _places(names)))


def _naive(table: pa.Table) -> pa.Table:
    """Take times that name a zone as UTC."""
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.rename_columns(_places(table.column_names)).cast(
        pa.schema(
            [
                field.with_name(name)
                for name, field in zip(_places(table.column_names), fields, strict=True)
            ]
        )
    )


def _places(names: list[str]) -> list[str]:
    return [f"c{place}" for place in range(len(names))]


def line(error: Exception) -> str:
    """Say an error in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
