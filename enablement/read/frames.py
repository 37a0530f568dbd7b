"""DataFrames that come from anywhere, as rows of our tables."""

from __future__ import annotations

import pandas as pd

from enablement.errors import ExportError
from enablement.read import schema
from enablement.read.engine import quoted
from enablement.read.quality import Ledger
from enablement.read.schema import DTYPES, SQL_TYPES
from enablement.read.times import IN_GAP, TWICE
from enablement.read.values import FALSE, FLAG, NUMBER, TEXT, TIME, TRUE, WOULD_WORK
from enablement.settings import Settings

BEFORE = pd.Timedelta(hours=3)  # so long before an hour that was left out the clock was right


def adopt(
    frame: pd.DataFrame, table: str, settings: Settings, ledger: Ledger, *, name: str
) -> pd.DataFrame:
    """Take a DataFrame that already carries our column names.

    Rows without a value that the table needs are set aside. The caller's table
    is not changed; columns that it does not have are not added, see `adopted`.

    Raises
    ------
    ExportError
        If it is no DataFrame with columns of one name each, a needed column is
        missing, or a value cannot be read as its kind.
    """
    taken = _plain_frame(frame, name)
    needed = [c for c in schema.NEEDED.get(table, ()) if table != "opportunities" or c != "stage"]
    for column in needed:
        if column not in taken:
            raise ExportError(
                f"{name} has no column {column}. Its columns: {', '.join(taken.columns)}."
            )
    kinds = {**schema.columns(table), **dict.fromkeys(settings.stage_dates.values(), TIME)}
    extra = schema.extra_names([c for c in taken.columns if c not in kinds], set(kinds))
    taken = taken.rename(columns=extra)
    typed = {c: _as_kind(taken[c], kinds[c], name, settings) for c in taken.columns if c in kinds}
    for column in [c for c in typed if kinds[c] == TIME]:
        for what, rows in _frame_clock(taken[column], settings.timezone).items():
            ledger.note(table, name, f"{column}: {what}", rows)
    others = {c: _as_extra(taken[c]) for c in taken.columns if c not in kinds}
    taken = taken.assign(**typed, **others, row=range(len(taken)))
    empty = taken[needed].isna().any(axis=1) if needed else pd.Series(False, taken.index)
    aside = pd.DataFrame(
        {
            "line": taken.loc[empty, "row"].astype("Int64"),
            "column": None,
            "value": None,
            "reason": f"every row of {table} needs {', '.join(needed)}",
        }
    )
    ledger.rows(table, name, rows_in=len(taken), aside=aside)
    return taken[~empty]


def adopted(frame: pd.DataFrame, table: str, *, number: int) -> str:
    """Write the SQL of what `adopt` gave, shown as ``given``, in every column of the schema.

    Parameters
    ----------
    number : the frame's number, which stands in the column ``file``
    """
    known = schema.columns(table)
    fields = [
        quoted(name) if name in frame else f"null::{SQL_TYPES[kind]} as {quoted(name)}"
        for name, kind in known.items()
    ]
    more = [quoted(name) for name in frame if name not in known]
    return f"select {', '.join([*fields, *more])}, {number} as file from given"


def _plain_frame(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise ExportError(f"{name} is a {type(frame).__name__}, not a pandas DataFrame.")
    if frame.columns.nlevels > 1:
        raise ExportError(f"{name} has columns of several levels. Give each column one name.")
    taken = frame.reset_index(drop=True).rename(columns=str)
    folded = taken.columns.str.casefold()
    if folded.has_duplicates:
        twice = taken.columns[folded.duplicated()][0]
        raise ExportError(f"{name} has the column {twice!r} twice. Give each column its own name.")
    return taken


def _as_extra(values: pd.Series) -> pd.Series:
    """Keep numbers, times and flags as they are; everything else becomes text."""
    kinds = pd.api.types
    if kinds.is_numeric_dtype(values) and not kinds.is_complex_dtype(values):
        return values
    return values if kinds.is_datetime64_any_dtype(values) else _as_text(values.astype(object))


def _as_kind(values: pd.Series, kind: str, name: str, settings: Settings) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if kind == TEXT:
        return _as_text(values)
    if kind == TIME:
        read = _as_time(values, settings.timezone)
    else:
        read = _as_number(values) if kind == NUMBER else _as_flag(values)
    wrong = read.isna() & values.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise ExportError(
            f"{name}, row {row}, column {values.name}: {values.iloc[row]!r} is unreadable. "
            f"{WOULD_WORK[kind].capitalize()} is read."
        )
    return read


def _as_time(values: pd.Series, zone: str) -> pd.Series:
    """ISO text, dates and times. A time without a zone is local; a date is a date everywhere."""
    kinds = pd.api.types
    if kinds.is_numeric_dtype(values):
        return pd.Series(pd.NaT, values.index, dtype=DTYPES[TIME])  # a count of what, since when?
    read, local = _clock(values, zone)
    if local.any():
        read = read.mask(local, _moved(read[local], zone))
    return read.astype(DTYPES[TIME])


def _clock(values: pd.Series, zone: str) -> tuple[pd.Series, pd.Series]:
    """Read times as they stand, and say which of them are of the workspace's zone."""
    form = "ISO8601" if pd.api.types.is_string_dtype(values.dtype) else None
    read = pd.to_datetime(values, utc=True, format=form, errors="coerce").dt.tz_localize(None)
    return read, ~_names_a_zone(values) & (read != read.dt.normalize()) & (zone != "UTC")


def _moved(naive: pd.Series, zone: str) -> pd.Series:
    """Turn times of a zone into UTC; one that the clock left out is read an hour later."""
    there = naive.dt.tz_localize(zone, ambiguous=False, nonexistent="NaT")
    before = (naive - BEFORE).dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
    utc = there.dt.tz_convert("UTC").dt.tz_localize(None)
    return utc.fillna(before.dt.tz_convert("UTC").dt.tz_localize(None) + BEFORE)


def _frame_clock(values: pd.Series, zone: str) -> dict[str, int]:
    """Count the times that fall into the hours in which the clock is changed."""
    if zone == "UTC" or pd.api.types.is_numeric_dtype(values):
        return {}
    read, local = _clock(values, zone)
    known = read[local].dropna()
    gone = known.dt.tz_localize(zone, ambiguous=False, nonexistent="NaT").isna()
    twice = known.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna()
    return {IN_GAP: int(gone.sum()), TWICE: int(twice.sum())}


def _names_a_zone(values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return pd.Series(True, values.index)
    if pd.api.types.is_datetime64_dtype(values):
        return pd.Series(False, values.index)
    return values.astype("str").str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$").fillna(False)


def _as_number(values: pd.Series) -> pd.Series:
    kinds = pd.api.types
    if kinds.is_datetime64_any_dtype(values) or kinds.is_timedelta64_dtype(values):
        return pd.Series(float("nan"), values.index)
    read = pd.to_numeric(values, errors="coerce").astype(DTYPES[NUMBER])
    return read.where(read.abs() != float("inf"))


def _as_flag(values: pd.Series) -> pd.Series:
    words = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
    return _as_text(values).str.casefold().map(words).astype(DTYPES[FLAG])


def _as_text(values: pd.Series) -> pd.Series:
    """Text, with missing kept missing and whole numbers without a decimal point."""
    if pd.api.types.is_float_dtype(values):
        whole = values.dropna()
        fits = whole.mod(1).eq(0).all() and whole.abs().lt(2**53).all()
        values = values.astype("Int64") if fits else values
    text = values.where(values.notna(), None).astype("str").where(values.notna())
    stripped = text.str.strip()
    return stripped.where(stripped != "")
