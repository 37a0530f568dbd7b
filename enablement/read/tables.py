"""From text to our tables: names, types, and what could not be read set aside."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pyarrow as pa

from enablement.errors import ExportError, SettingsError
from enablement.read import engine
from enablement.read.crosswalks import Match
from enablement.read.exports import Export
from enablement.read.quality import Ledger
from enablement.settings import Settings

TEXT, NUMBER, TIME, FLAG = "text", "number", "time", "flag"
_T, _N, _D, _F = TEXT, NUMBER, TIME, FLAG

SCHEMA: dict[str, dict[str, str]] = {
    "opportunities": {
        **dict.fromkeys(
            ["opportunity_id", "pipeline", "channel", "rep_id", "created_by", "account_id"], _T
        ),
        **dict.fromkeys(["name", "type", "source", "product"], _T),
        **dict.fromkeys(["amount", "quantity", "list_amount", "margin"], _N),
        "currency": _T,
        **dict.fromkeys(["created_at", "expected_close", "closed_at"], _D),
        "stage": _T,
        "last_stage_change": _D,
        **dict.fromkeys(["loss_reason", "competitor", "next_step", "forecast_category"], _T),
        **dict.fromkeys(["probability", "push_count"], _N),
    },
    "stage_events": {
        "opportunity_id": _T,
        "entered_at": _D,
        "stage": _T,
        "rep_id": _T,
        "amount": _N,
        "expected_close": _D,
        "forecast_category": _T,
        "probability": _N,
        "origin": _T,
    },
    "owner_changes": {"opportunity_id": _T, "changed_at": _D, "from_rep": _T, "to_rep": _T},
    "reps": {
        "rep_id": _T,
        "name": _T,
        "role": _T,
        "hired_on": _D,
        "left_on": _D,
        "manager_id": _T,
        "team": _T,
        "region": _T,
        "from_on": _D,
        "to_on": _D,
    },
    "quotas": {"rep_id": _T, "period": _T, "metric": _T, "target": _N},
    "activities": {
        **dict.fromkeys(
            ["activity_id", "rep_id", "opportunity_id", "account_id", "contact_id"], _T
        ),
        **dict.fromkeys(["type", "status"], _T),
        "at": _D,
        "minutes": _N,
        "outcome": _T,
    },
    "accounts": {
        **dict.fromkeys(["account_id", "name", "segment", "industry", "region"], _T),
        "potential": _N,
        "first_won_on": _D,
    },
    "calendar": {
        "rep_id": _T,
        "start": _D,
        "end": _D,
        "category": _T,
        "attendees": _N,
        "recurring": _F,
    },
    "training": {
        **dict.fromkeys(["rep_id", "session", "lesson"], _T),
        **dict.fromkeys(["started_on", "completed_on"], _D),
        "minutes": _N,
        "cohort": _T,
    },
    "assessments": {
        "rep_id": _T,
        "competency": _T,
        "taken_on": _D,
        "score": _N,
        "maximum": _N,
        "kind": _T,
        "assessor": _T,
    },
    "reactions": {"rep_id": _T, "session": _T, "rating": _N, "maximum": _N, "comment": _T},
    "practice": {
        "rep_id": _T,
        "practised_on": _D,
        "competency": _T,
        "partner_id": _T,
        "minutes": _N,
        "observed": _F,
    },
    "coaching": {
        "manager_id": _T,
        "rep_id": _T,
        "held_on": _D,
        "competency": _T,
        "agreed": _T,
        "outcome": _T,
    },
}
NEEDED: dict[str, tuple[str, ...]] = {
    "opportunities": ("stage",),
    "stage_events": ("opportunity_id", "entered_at", "stage"),
    "owner_changes": ("opportunity_id", "changed_at", "to_rep"),
    "reps": ("rep_id",),
    "quotas": ("rep_id", "period", "metric", "target"),
    "activities": ("activity_id",),
    "accounts": ("account_id",),
}
NUMBER_SHAPE = r"^[-+]?[$€£¥]?\s?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][-+]?\d+)?$"
ISO_SHAPE = r"^\d{4}-\d{1,2}-\d{1,2}([T ].*)?$"
PARTS_SHAPE = r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(\s.*)?$"
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FAR_FUTURE = "2200-01-01"  # open ends such as 9999-12-31 mean "not yet"
TRUE, FALSE = ("true", "1", "yes", "y", "ja", "oui", "si"), ("false", "0", "no", "n", "nein", "non")
RESERVED = ("row", "file", "outcome")  # names that the tables themselves need
DTYPES = {TEXT: "str", NUMBER: "float64", TIME: "datetime64[us]", FLAG: "boolean"}
WOULD_WORK = {
    NUMBER: "a number such as 1234.5 or 1,234.50",
    TIME: "a date such as 2026-09-30",
    FLAG: "TRUE or FALSE",
}


@dataclasses.dataclass(frozen=True)
class Column:
    """One column to be read: our name, its kind, the header it stands under."""

    ours: str
    kind: str
    theirs: str


def build(export: Export, match: Match, settings: Settings, ledger: Ledger) -> pd.DataFrame:
    """Turn one recognised file into the rows of our table.

    Rows with an unreadable value, or without a value that the table needs, are
    set aside in `ledger`, by file, line, column and value.

    Returns
    -------
    pandas.DataFrame
        Our columns, then the file's other columns under their own names
        (``crm_`` in front where the name is ours), then ``row``, the row's
        position in the file.
    """
    table = match.table or ""
    columns = _columns(export, match, table, list(settings.stage_dates.values()))
    raw = _with_rows(export.rows)
    _check_names(table, columns, export, settings)
    typed = engine.query(_select(columns, raw, export, table, settings), {"raw": raw})
    kept, elsewhere = _keep(typed, match)
    aside = _unreadable(kept, columns, table)
    broken = _broken(export)
    ledger.rows(
        table,
        export.name,
        rows_in=len(typed) - elsewhere + len(broken),
        aside=pd.concat([_located(aside, export), broken], ignore_index=True),
    )
    ledger.note(table, export.name, "rows of other fields, which no table of ours uses", elsewhere)
    _note_values(raw, columns, table, settings, export, ledger)
    good = kept[~kept["row"].isin(aside["row"])]
    return good.drop(columns=[c for c in good.columns if c.startswith("?")])


def _columns(export: Export, match: Match, table: str, stage_dates: list[str]) -> list[Column]:
    """List the columns to read: those with a name of ours, then the file's others."""
    schema = SCHEMA[table]
    dates = set(stage_dates) if table == "opportunities" else set()
    named = {
        ours: theirs
        for ours, theirs in match.columns.items()
        if ours in schema or ours != theirs  # a name that is not ours is an extra column
    }
    known = [Column(ours, schema.get(ours, TEXT), theirs) for ours, theirs in named.items()]
    used, taken = set(named.values()) - dates, {*schema, *named, *RESERVED}
    rest = [header for header in export.headers if header not in used]
    return known + [
        Column(
            f"crm_{header}" if header in taken else header,
            TIME if header in dates else TEXT,
            header,
        )
        for header in rest
    ]


def _with_rows(rows: pa.Table) -> pa.Table:
    return rows.append_column("row", pa.array(range(rows.num_rows), pa.int64()))


def _check_names(table: str, columns: list[Column], export: Export, settings: Settings) -> None:
    have = {column.ours for column in columns}
    for name in NEEDED.get(table, ()):
        if name not in have:
            raise ExportError(
                f"{export.name}, line 1: no column for {name}. Its columns: "
                f"{', '.join(export.headers)}. Say which in {settings.origin}: "
                f'[columns.{table}] {name} = "..."'
            )


def _select(
    columns: list[Column], raw: pa.Table, export: Export, table: str, settings: Settings
) -> str:
    missing = ", ".join(engine.literal(word) for word in ("", *settings.missing))
    parts = ["row"]
    for column in columns:
        text = f"trim({engine.quoted(column.theirs)})"
        known = f"case when {text} in ({missing}) then null else {text} end"
        known = _replaced(known, settings.values.get(table, {}).get(column.ours, {}))
        typed = _typed(known, column, raw, export, settings)
        parts.append(f"{typed} as {engine.quoted(column.ours)}")
        if column.kind != TEXT or column.ours in NEEDED.get(table, ()):
            parts.append(f"{known} as {engine.quoted('?' + column.ours)}")
    zone = engine.literal(settings.timezone)
    return f"set TimeZone = {zone}; select {', '.join(parts)} from raw order by row"


def _replaced(text: str, values: dict[str, str]) -> str:
    if not values:
        return text
    cases = " ".join(
        f"when {engine.literal(said)} then {engine.literal(meant)}"
        for said, meant in values.items()
    )
    return f"case {text} {cases} else {text} end"


def _typed(text: str, column: Column, raw: pa.Table, export: Export, settings: Settings) -> str:
    if column.kind == NUMBER:
        bare = f"regexp_replace({text}, '[$€£¥,\\s]', '', 'g')"
        return (
            f"case when regexp_matches({text}, {engine.literal(NUMBER_SHAPE)}) "
            f"then try_cast({bare} as double) end"
        )
    if column.kind == FLAG:
        yes, no = (", ".join(map(engine.literal, words)) for words in (TRUE, FALSE))
        low = f"lower({text})"
        return f"case when {low} in ({yes}) then true when {low} in ({no}) then false end"
    if column.kind == TIME:
        return _time(text, column, raw, export, settings)
    return text


def _time(text: str, column: Column, raw: pa.Table, export: Export, settings: Settings) -> str:
    """Write the SQL that reads a time: ISO as it is, other shapes by the column's own order."""
    iso_day = f"case when length({text}) <= 10 then try_cast({text} as timestamp) end"
    iso = f"(try_cast({text} as timestamptz) at time zone 'UTC')"
    formats = _formats(column, raw, export, settings)
    tries = [iso_day, iso]
    if formats:
        listed = ", ".join(map(engine.literal, formats))
        parsed = f"try_strptime({text}, [{listed}])"
        zone = engine.literal(settings.timezone)
        local = f"(timezone({zone}, {parsed}) at time zone 'UTC')"
        # A date without a time is a date everywhere: it is not moved by a zone.
        tries = [f"case when length({text}) <= 10 then {parsed} end", local, *tries]
        if "%" not in (settings.dates or ""):
            shape = engine.literal(ISO_SHAPE)
            return (
                f"case when regexp_matches({text}, {shape}) then coalesce({iso_day}, {iso}) "
                f"else coalesce({tries[0]}, {tries[1]}) end"
            )
    return f"coalesce({', '.join(tries)})"


def _formats(column: Column, raw: pa.Table, export: Export, settings: Settings) -> list[str]:
    if settings.dates and "%" in settings.dates:
        return [settings.dates, *(settings.dates + clock for clock in CLOCKS[1:])]
    order = settings.dates or _order(column, raw, export, settings)
    if order not in ("month first", "day first"):
        return []
    first, second = ("%m", "%d") if order == "month first" else ("%d", "%m")
    return [
        f"{first}{mark}{second}{mark}{year}{clock}"
        for mark in "/.-"
        for year in ("%y", "%Y")
        for clock in CLOCKS
    ]


def _order(column: Column, raw: pa.Table, export: Export, settings: Settings) -> str | None:
    """Let the whole column decide whether the day or the month comes first.

    Raises
    ------
    SettingsError
        If every value could be read both ways.
    """
    text = f"trim({engine.quoted(column.theirs)})"
    shape = engine.literal(PARTS_SHAPE)
    sql = (
        f"with parts as (select {text} as value, regexp_extract({text}, {shape}, "
        f"['a', 'b', 'c']) as p from raw where regexp_matches({text}, {shape})) "
        "select count(*) as n, max(p.a::int) as first, max(p.b::int) as second, "
        "min(value) as example from parts"
    )
    seen = engine.query(sql, {"raw": raw}).iloc[0]
    if not seen["n"]:
        return None
    if seen["first"] > 12 >= seen["second"]:
        return "day first"
    if seen["second"] > 12 >= seen["first"]:
        return "month first"
    if seen["first"] <= 12:
        raise SettingsError(
            f"{export.name}, column {column.theirs}: {seen['example']!r} may be read with the day "
            f"or the month first, and no value of the column decides. Add to {settings.origin}: "
            'dates = "day first" (or "month first").'
        )
    return "month first"  # both occur: what does not fit is set aside, row by row


def _keep(typed: pd.DataFrame, match: Match) -> tuple[pd.DataFrame, int]:
    kept = typed
    for header, values in match.keep_where.items():
        kept = kept[kept[header].isin(values)]
    return kept, len(typed) - len(kept)


def _unreadable(rows: pd.DataFrame, columns: list[Column], table: str) -> pd.DataFrame:
    found = [pd.DataFrame({"row": [], "column": [], "value": [], "reason": []})]
    for column in columns:
        raw = f"?{column.ours}"
        if raw not in rows:
            continue
        wrong = rows[rows[column.ours].isna() & rows[raw].notna()]
        found.append(_reasons(wrong, column, wrong[raw], f"{WOULD_WORK.get(column.kind)} is read"))
        if column.ours in NEEDED.get(table, ()):
            empty = rows[rows[raw].isna()]
            found.append(_reasons(empty, column, None, f"every row of {table} needs one"))
    return pd.concat(found, ignore_index=True).drop_duplicates("row")


def _reasons(
    rows: pd.DataFrame, column: Column, values: pd.Series | None, reason: str
) -> pd.DataFrame:
    what = "is missing" if values is None else "is unreadable"
    return pd.DataFrame(
        {
            "row": rows["row"],
            "column": column.theirs,
            "value": None if values is None else values,
            "reason": f"{column.ours} {what}: {reason}",
        }
    )


def _located(aside: pd.DataFrame, export: Export) -> pd.DataFrame:
    lines = export.lines(set(aside["row"].astype(int))) if len(aside) else {}
    return aside.assign(line=aside["row"].map(lines).astype("Int64"))


def _broken(export: Export) -> pd.DataFrame:
    if not export.broken:
        return pd.DataFrame({"line": [], "column": [], "value": [], "reason": []})
    lines = export.broken_lines()
    wide = export.broken[0].expected_columns
    return pd.DataFrame(
        {
            "line": pd.array(lines[: len(export.broken)], dtype="Int64"),
            "column": None,
            "value": [row.text[:80] for row in export.broken],
            "reason": [
                f"{row.actual_columns} fields, where the header has {wide}" for row in export.broken
            ],
        }
    )


def _note_values(
    raw: pa.Table,
    columns: list[Column],
    table: str,
    settings: Settings,
    export: Export,
    ledger: Ledger,
) -> None:
    """Count the values that the settings replace."""
    for column in columns:
        for said, meant in settings.values.get(table, {}).get(column.ours, {}).items():
            sql = (
                f"select count(*) as n from raw where trim({engine.quoted(column.theirs)}) = $said"
            )
            rows = engine.query(sql, {"raw": raw}, {"said": said})["n"].iloc[0]
            ledger.note(table, export.name, f"{column.ours} {said!r} read as {meant!r}", rows)


def adopt(
    frame: pd.DataFrame, table: str, settings: Settings, ledger: Ledger, *, name: str
) -> pd.DataFrame:
    """Take a DataFrame that already carries our column names.

    Rows without a value that the table needs are set aside. The caller's table
    is not changed.

    Raises
    ------
    ExportError
        If a needed column is missing, or a column cannot be read as its kind.
    """
    taken = frame.reset_index(drop=True).rename(columns=str)
    needed = [c for c in NEEDED.get(table, ()) if table != "opportunities" or c != "stage"]
    for column in needed:
        if column not in taken:
            raise ExportError(
                f"{name} has no column {column}. Its columns: {', '.join(taken.columns)}."
            )
    kinds = {**SCHEMA[table], **dict.fromkeys(settings.stage_dates.values(), TIME)}
    typed = {c: _as_kind(taken[c], kinds[c], name) for c in taken.columns if c in kinds}
    taken = taken.assign(**typed, row=range(len(taken)))
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


def _as_kind(values: pd.Series, kind: str, name: str) -> pd.Series:
    if kind == TEXT:
        return _as_text(values)
    read = {TIME: _as_time, NUMBER: _as_number, FLAG: _as_flag}[kind](values)
    wrong = read.isna() & values.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise ExportError(
            f"{name}, row {row}, column {values.name}: {values.iloc[row]!r} is unreadable. "
            f"{WOULD_WORK[kind].capitalize()} is read."
        )
    return read


def _as_time(values: pd.Series) -> pd.Series:
    """ISO text, dates and times; a zone is converted to UTC."""
    form = "ISO8601" if pd.api.types.is_string_dtype(values.dtype) else None
    read = pd.to_datetime(values, utc=True, format=form, errors="coerce")
    return read.dt.tz_localize(None).astype(DTYPES[TIME])


def _as_number(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce").astype(DTYPES[NUMBER])


def _as_flag(values: pd.Series) -> pd.Series:
    words = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
    return _as_text(values).str.casefold().map(words).astype(DTYPES[FLAG])


def _as_text(values: pd.Series) -> pd.Series:
    """Text, with missing kept missing and whole numbers without a decimal point."""
    if pd.api.types.is_float_dtype(values):
        values = values.astype("Int64") if values.dropna().mod(1).eq(0).all() else values
    return values.where(values.notna(), None).astype("str").where(values.notna())
