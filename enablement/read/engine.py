"""The engine that counts: a DuckDB that fetches nothing and keeps no file open."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import duckdb
import pandas as pd

SAFE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
}


def query(
    sql: str, tables: Mapping[str, Any], parameters: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """Run one SQL text over tables in memory.

    Parameters
    ----------
    sql : the text
    tables : name in the text -> DataFrame or Arrow table
    parameters : ``$name`` in the text -> value; those that the text does not name are
        left out

    Returns
    -------
    pandas.DataFrame
        Times are naive UTC in microseconds.
    """
    named = set(re.findall(r"\$([a-z_]+)", sql))
    asked = {name: value for name, value in (parameters or {}).items() if name in named}
    with duckdb.connect(config=SAFE) as connection:
        connection.execute("set enable_progress_bar = false")
        # With hundreds of columns this one takes minutes and gigabytes over lists of words.
        connection.execute("set disabled_optimizers = 'in_clause'")
        for name, table in tables.items():
            connection.register(name, table)
        return _texts(connection.execute(sql, asked).df())


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Give text columns without any value the kind of the others, so that tables can be joined."""
    empty = [name for name in frame.columns if frame[name].dtype == object]
    return frame.astype(dict.fromkeys(empty, "str"))


def text(room: str, name: str) -> str:
    """Read an SQL text that ships with a room, such as ``text("measure", "passages")``."""
    return (files(f"enablement.{room}") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def quoted(name: str) -> str:
    """Quote a column name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a text for SQL."""
    return "'" + value.replace("'", "''") + "'"
