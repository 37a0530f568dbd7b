"""PostgreSQL as a database: what it has, what its user may read, and what it says when it is gone.

Ibis lists neither materialized views nor the tables of a second schema on the search path, and
leaves out a table that may not be read as if it were not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from enablement.errors import ExportError
from enablement.read.engine import literal
from enablement.read.warehouse import Warehouse, line

LISTED = """
select c.relname, n.nspname,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and {where}
order by c.relname
"""
VISIBLE = (
    "pg_catalog.pg_table_is_visible(c.oid) "
    "and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
)
SCHEMAS = (
    "select nspname from pg_catalog.pg_namespace "
    "where nspname !~ '^pg_' and nspname <> 'information_schema' order by nspname"
)


class Postgres(Warehouse):
    """Asks PostgreSQL, as `Warehouse` asks others."""

    def tables(self, place: tuple[str, ...] = ()) -> list[str]:
        """List the tables and views of a schema, or of the search path."""
        return [name for name, _, _ in self._listed(place)]

    def schemas(self) -> list[str]:
        """List the schemas."""
        return [name for (name,) in self._rows(SCHEMAS)]

    def readable(self, place: tuple[str, ...]) -> bool:
        """Whether the user may read a table."""
        *where, name = place
        return any(may for each, _, may in self._listed(tuple(where)) if each == name)

    def _listed(self, place: tuple[str, ...]) -> list[tuple[Any, ...]]:
        where = f"n.nspname = {literal(place[-1])}" if place else VISIBLE
        return self._rows(LISTED.format(where=where))

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._answering(), self._backend.raw_sql(sql) as rows:
            return list(rows.fetchall())

    def _schema(self, place: tuple[str, ...]) -> Mapping[str, Any]:
        if len(place) == 1:
            place = next((schema, name) for name, schema, _ in self._listed(()) if name == place[0])
        return super()._schema(place)

    def _said(self, error: Exception) -> ExportError:
        if self._backend.con.closed:
            return ExportError(
                f"The database has ended the connection ({line(error)}): open it again with "
                "en.connect."
            )
        return super()._said(error)
