"""Writing the company to a folder."""

from __future__ import annotations

import dataclasses
import datetime as dt
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
from enablement.world import (
    canonical,
    formats,
    hubspot,
    messes,
    reports,
    salesforce,
    shapes,
    texts,
)

if TYPE_CHECKING:
    from enablement.world.company import World

CRMS = ("salesforce", "hubspot", "tables")
FORMATS = (*shapes.FORMATS, "parquet")
SNAPSHOTS = "snapshots"
HISTORIES = ("OpportunityHistory", "OpportunityFieldHistory", "hubspot-property-history")
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
    snapshots: tuple[dt.date, ...] = (),
) -> list[Path]:
    """Write what the company would export and keep.

    Parameters
    ----------
    world : the company
    folder : where to; it is made if need be
    crm : `salesforce` (an object export), `hubspot` (deals, their history, engagements, companies
        and users) or `tables` (our own)
    format : of the CRM's files; what is kept beside the CRM is CSV.

        - `csv` : a file per table
        - `gzip` : the same, each compressed
        - `zip` : the same, all in `export.zip`
        - `xlsx` : a workbook per table, with cells that are numbers and dates
        - `workbook` : `export.xlsx` with a sheet per table
        - `report` : reports of Salesforce, with lines above and below, labels and names
        - `parquet` : all tables with their types
    mess : seed of planted defects, which are listed in `planted.json`; None for a clean export
    defects : kinds of defects, see `enablement.world.messes`; None for all that a reader should
        get through
    only : canonical tables to write, without what people write by hand; None for everything
    snapshots : days on which the opportunities were exported before. They are written as they
        stood then, as `snapshots/2026-06-30/Opportunity.csv`, and no history beside them: it is
        what comparing them gives

    Returns
    -------
    The files. `truth.json` lies beside them and is never read by the package.
    """
    for value, known in ((crm, CRMS), (format, FORMATS)):
        if value not in known:
            raise EnablementError(f"Cannot write {value!r}. {choices(value, [*known])}")
    _check(crm, format, mess, only, snapshots)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    files = _files(world, crm, only)
    written = _snapshots(world, place, crm, files, snapshots)
    if mess is not None or format not in ("csv", "parquet"):
        written += _shaped(world, files, place, crm, format, mess, defects)
    for name, table in files.items():
        as_parquet = format == "parquet"
        written.append(place / f"{name}.{'parquet' if as_parquet else 'csv'}")
        to_parquet(table, written[-1]) if as_parquet else to_csv(table, written[-1])
    if only is None:
        written += _by_hand(world, place, crm, format)
    return written


def _check(
    crm: str,
    format: str,
    mess: int | None,
    only: tuple[str, ...] | None,
    snapshots: tuple[dt.date, ...],
) -> None:
    """Refuse what does not go together."""
    if mess is not None and (crm == "tables" or format == "parquet" or only is not None):
        raise EnablementError(
            "A mess is planted in a whole export of salesforce or hubspot, in any format but "
            f"parquet; not in crm={crm!r}, format={format!r}, only={only!r}."
        )
    if format == "report" and crm != "salesforce":
        raise EnablementError(f"Reports are of salesforce; crm={crm!r} has none.")
    if format not in ("csv", "parquet") and (crm == "tables" or only is not None):
        raise EnablementError(
            f"format={format!r} is for a whole export of salesforce or hubspot; "
            f"crm={crm!r}, only={only!r} can be csv or parquet."
        )
    if snapshots and (crm == "tables" or only is not None):
        raise EnablementError("Snapshots are of a whole export of salesforce or hubspot.")


def _snapshots(
    world: World, place: Path, crm: str, files: dict[str, Table], taken: tuple[dt.date, ...]
) -> list[Path]:
    """Write the opportunities as they stood on some days, and take the history out of `files`."""
    if not taken:
        return []
    for name in HISTORIES:
        files.pop(name, None)
    tables = canonical.tables(world, ("reps", "accounts", "opportunities"))
    written = []
    for day in taken:
        if day > world.exported_on:
            raise EnablementError(f"The export is of {world.exported_on}; {day} is later.")
        held = canonical.opportunities(world, day)
        table = (
            salesforce.opportunity(held) if crm == "salesforce" else
            hubspot.deals(held, tables)
        )  # fmt: skip
        name = "Opportunity" if crm == "salesforce" else "hubspot-deals"
        written.append(place / SNAPSHOTS / day.isoformat() / f"{name}.csv")
        written[-1].parent.mkdir(parents=True, exist_ok=True)
        to_csv(table, written[-1])
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
    theirs = (*OF_THE_CRM, "activities") if crm == "hubspot" else OF_THE_CRM
    plain = {name: table for name, table in tables.items() if name not in theirs}
    return {**plain, **export(world, tables)}


def _shaped(
    world: World,
    files: dict[str, Table],
    place: Path,
    crm: str,
    format: str,
    mess: int | None,
    defects: tuple[str, ...] | None,
) -> list[Path]:
    """Take the CRM's files out of `files` and write them in a format, with defects if wanted."""
    export = {}
    for name in messes.NAMES[crm].files.values():
        if name in files:
            whole = pd.concat(_parts(files.pop(name)), ignore_index=True)
            export[name] = _plain(as_text(whole))
    clean = export
    how = {name: shapes.usual_shape(format, name) for name in export}
    planted: list[messes.Planted] = []
    if mess is not None:
        messy, planted = messes.plant(export, crm, mess, format, defects)
        export, how = messy.files, messy.shapes
    if format == "report":
        export, how = reports.reported(export, how, world.exported_on.isoformat())
    made = [
        shapes.File(name, table, _kinds(table, clean.get(name), how[name]), how[name])
        for name, table in export.items()
    ]
    written = shapes.write(place, made, format)
    if mess is None:
        return written
    named = {file.name: shapes.place_of(file, format) for file in made}
    return [*written, _json(place / "planted.json", [_told(p, named) for p in planted])]


def _kinds(table: pd.DataFrame, clean: pd.DataFrame | None, how: shapes.Shape) -> dict[str, str]:
    """What the cells of a sheet are: a column is what it was before a defect."""
    if not how.sheet:
        return {}
    return shapes.kinds(table) | ({} if clean is None else shapes.kinds(clean))


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Every column as text, numbers as they stand in a CSV file."""
    made = pa.Table.from_pandas(table, preserve_index=False)
    columns = [column.combine_chunks().cast(TEXT) for column in made.columns]
    return pd.DataFrame(
        {name: formats.column(column) for name, column in zip(table, columns, strict=True)}
    )


def _told(planted: messes.Planted, named: dict[str, str]) -> dict[str, object]:
    """What was planted, with the file and column as they are called where it was written."""
    told = dataclasses.asdict(planted)
    report, headers = reports.REPORTS.get(planted.file, (planted.file, {}))
    if planted.file in named:
        return told | {"file": named[planted.file]}
    return told | {
        "file": named.get(report, planted.file),
        "column": headers.get(planted.column, planted.column),
    }


def _by_hand(world: World, place: Path, crm: str, format: str) -> list[Path]:
    written = []
    for name, table in texts.tables(world).items():
        to_csv(table, place / f"{name}.csv")
        written.append(place / f"{name}.csv")
    said = texts.settings(world, crm, format)
    for name, text in (("settings.toml", said), ("plan.toml", texts.PLAN)):
        (place / name).write_text(text, encoding="utf-8", newline="\n")
        written.append(place / name)
    written.append(_json(place / "truth.json", world.truth))
    return written


def _json(path: Path, value: object) -> Path:
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
