"""Writing the company to a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from enablement.errors import EnablementError, choices
from enablement.world import canonical, formats, hubspot, messes, salesforce, texts

if TYPE_CHECKING:
    from enablement.world.company import World

CRMS = ("salesforce", "hubspot", "tables")
FORMATS = ("csv", "parquet")
OF_THE_CRM = ("opportunities", "stage_events", "reps", "accounts")
DATES = ("CloseDate", "expected_close", "First_Won__c", "Hire_Date__c", "Last_Day__c",
         "Hire date", "Last day", "First won date")  # fmt: skip
SPECIAL = (b'"', b",", b"\r", b"\n")
TEXT = pa.large_string()
NO_NULLS: dict[str, Any] = {"null_handling": "replace", "null_replacement": ""}
Table: TypeAlias = pd.DataFrame | Iterator[pd.DataFrame]


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Every column as it stands in a CSV file: times in UTC, whole numbers without a point."""
    return pd.DataFrame({name: _column(table[name], name) for name in table.columns})


def _column(values: pd.Series, name: str) -> pd.Series:
    if values.dtype.kind == "M":
        as_date = name in DATES or name.endswith("_on")
        return formats.dates(values) if as_date else formats.stamps(values)
    if values.dtype.name in ("bool", "boolean"):
        return formats.labels(("false", "true"), values.to_numpy(dtype=np.int64))
    if values.dtype.kind == "f":
        return formats.numbers(values)
    return values


def to_csv(table: Table, path: Path) -> None:
    """Write a table as CSV: UTF-8, LF, quotes only where they are needed."""
    with path.open("wb") as file:
        for number, part in enumerate(_parts(table)):
            if number == 0:
                file.write(_lines(pd.DataFrame([part.columns], dtype="str")))
            file.write(_lines(as_text(part)))


def to_parquet(table: Table, path: Path) -> None:
    """Write a table as Parquet, with its types."""
    writer: pyarrow.parquet.ParquetWriter | None = None
    for part in _parts(table):
        made = pa.Table.from_pandas(part, preserve_index=False)
        writer = writer or pyarrow.parquet.ParquetWriter(path, made.schema)
        writer.write_table(made)
    if writer is not None:
        writer.close()


def _parts(table: Table) -> Iterator[pd.DataFrame]:
    """A table in pieces of at most a million rows."""
    if not isinstance(table, pd.DataFrame):
        yield from table
        return
    step = canonical.ROWS_AT_ONCE
    for begin in range(0, max(len(table), 1), step):
        yield table.iloc[begin : begin + step].reset_index(drop=True)


def _lines(table: pd.DataFrame) -> pa.Buffer:
    """All rows of a table as they stand in the file."""
    made = pa.Table.from_pandas(table, preserve_index=False)
    columns = [_quoted(column.combine_chunks().cast(TEXT)) for column in made.columns]
    comma, end = pa.scalar(",", TEXT), pa.scalar("\n", TEXT)
    last = pc.binary_join_element_wise(columns[-1], end, pa.scalar("", TEXT), **NO_NULLS)
    rows = pc.binary_join_element_wise(*columns[:-1], last, comma, **NO_NULLS)
    end_of_last = (
        int(np.frombuffer(rows.buffers()[1], dtype=np.int64)[len(rows)]) if len(rows) else 0
    )
    return rows.buffers()[2].slice(0, end_of_last)


def _quoted(column: pa.Array) -> pa.Array:
    """Text with quotes around values that need them."""
    held = column.buffers()[2]
    held = held.to_pybytes() if held else b""
    if not any(mark in held for mark in SPECIAL):
        return column
    special = pc.match_substring_regex(column, '[",\r\n]')
    doubled = pc.replace_substring(column, '"', '""')
    mark, nothing = pa.scalar('"', TEXT), pa.scalar("", TEXT)
    return pc.if_else(special, pc.binary_join_element_wise(mark, doubled, mark, nothing), column)


def write(
    world: World,
    folder: str | Path,
    crm: str = "salesforce",
    *,
    format: str = "csv",
    mess: int | None = None,
    defects: tuple[str, ...] | None = None,
    only: tuple[str, ...] | None = None,
) -> list[Path]:
    """Write what the company would export and keep.

    Parameters
    ----------
    world : the company
    folder : where to; it is made if need be
    crm : `salesforce` (an object export), `hubspot` (a wide deal export) or `tables` (our own)
    format : `csv` or `parquet`
    mess : seed of planted defects, which are listed in `planted.json`; None for a clean export
    defects : kinds of defects, see `enablement.world.messes`; None for all that a reader should
        get through
    only : canonical tables to write, without what people write by hand; None for everything

    Returns
    -------
    The files. `truth.json` lies beside them and is never read by the package.
    """
    for value, known in ((crm, CRMS), (format, FORMATS)):
        if value not in known:
            raise EnablementError(f"Cannot write {value!r}. {choices(value, [*known])}")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    files = _files(world, crm, only)
    written: list[Path] = []
    if mess is not None:
        if format != "csv" or crm != "salesforce" or only is not None:
            raise EnablementError("A mess is planted in a whole Salesforce export, as CSV.")
        written += _mess(files, place, mess, defects)
    for name, table in files.items():
        written.append(place / f"{name}.{format}")
        to_csv(table, written[-1]) if format == "csv" else to_parquet(table, written[-1])
    if only is None:
        written += _by_hand(world, place, crm)
    return written


def _files(world: World, crm: str, only: tuple[str, ...] | None) -> dict[str, Table]:
    """The tables by file name; the history comes in parts."""
    wanted = [*canonical.MAKERS] if only is None else list(only)
    tables = canonical.tables(world, tuple(name for name in wanted if name != "stage_events"))
    if crm == "tables":
        events = {"stage_events": canonical.stage_event_parts(world)}
        return {**tables, **(events if "stage_events" in wanted else {})}
    if missing := [name for name in OF_THE_CRM if name not in wanted]:
        raise EnablementError(f"An export of {crm} needs {', '.join(missing)} too.")
    export = salesforce.export if crm == "salesforce" else hubspot.export
    plain = {name: table for name, table in tables.items() if name not in OF_THE_CRM}
    return {**plain, **export(world, tables)}


def _mess(
    files: dict[str, Table], place: Path, seed: int, defects: tuple[str, ...] | None
) -> list[Path]:
    """Take the CRM's files out of `files`, plant defects in them and write them."""
    export = {}
    for name in messes.FILES:
        export[name] = as_text(pd.concat(_parts(files.pop(name)), ignore_index=True))
    messy, planted = messes.plant(export, seed, defects)
    written = []
    for name, table in messy.items():
        written.append(place / f"{name}.csv")
        written[-1].write_bytes(messes.encode(name, table, _whole(table), planted))
    written.append(_json(place / "planted.json", planted))
    return written


def _whole(table: pd.DataFrame) -> bytes:
    head = _lines(pd.DataFrame([table.columns], dtype="str"))
    return head.to_pybytes() + _lines(table).to_pybytes()


def _by_hand(world: World, place: Path, crm: str) -> list[Path]:
    written = []
    for name, table in texts.tables(world).items():
        to_csv(table, place / f"{name}.csv")
        written.append(place / f"{name}.csv")
    for name, text in (("settings.toml", texts.settings(world, crm)), ("plan.toml", texts.PLAN)):
        (place / name).write_text(text, encoding="utf-8", newline="\n")
        written.append(place / name)
    written.append(_json(place / "truth.json", world.truth))
    return written


def _json(path: Path, value: object) -> Path:
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
