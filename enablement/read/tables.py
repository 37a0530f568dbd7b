"""From text to our tables: names, types, and what could not be read set aside."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pyarrow as pa

from enablement.errors import ExportError, SettingsError, choices
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
ISO_SHAPE = r"^(19|20|21)\d{2}-\d{1,2}-\d{1,2}([T ].*)?$"
PARTS_SHAPE = r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(\s.*)?$"
COMMA_SHAPE = r"^[-+(]?\s?[$€£¥]?\s?(\d{1,3}(\.\d{3})+,\d+|\d+,(\d{1,2}|\d{4,}))\s?[€)]?$"
FIRSTS = {"month first": ("%m", "%d"), "day first": ("%d", "%m")}
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
    """One column to be read.

    ours, kind : our name, and what stands in it
    theirs : the header it stands under
    at : where it stands in the file, from 0. SQL knows columns by their place, because
        headers may be anything and SQL does not tell upper from lower case
    """

    ours: str
    kind: str
    theirs: str
    at: int

    @property
    def text(self) -> str:
        """The SQL of its text, without blanks around it."""
        return f"trim(c{self.at})"


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
    columns = _columns(export, match, table, settings)
    _check_names(table, columns, export, settings)
    raw = _by_place(export.rows)
    read = engine.query(_select(columns, raw, export, table, settings), {"raw": raw})
    texts = read[[f"t{n}" for n in range(len(columns))]]
    typed = read[["row", *(f"o{n}" for n in range(len(columns)))]]
    typed.columns = pd.Index(["row", *(column.ours for column in columns)])
    kept = _keep(typed, columns, match)
    elsewhere = len(typed) - len(kept)
    aside = _unreadable(kept, texts.loc[kept.index], columns, table)
    broken = export.aside
    ledger.rows(
        table,
        export.name,
        rows_in=len(typed) - elsewhere + len(broken),
        aside=pd.concat([_located(aside, export), broken], ignore_index=True),
    )
    ledger.note(table, export.name, "rows of other fields, which no table of ours uses", elsewhere)
    _note_values(raw, columns, table, settings, export, ledger)
    return kept[~kept["row"].isin(aside["row"])]


def _columns(export: Export, match: Match, table: str, settings: Settings) -> list[Column]:
    """List the columns to read: those with a name of ours, then the file's others."""
    schema, places = SCHEMA[table], {name: at for at, name in enumerate(export.headers)}
    dates = set(settings.stage_dates.values()) if table == "opportunities" else set()
    for header in dates - set(places):
        raise SettingsError(
            f"{settings.origin}: [stage_dates] names {header!r}, but {export.name} has no such "
            f"column. {choices(header, export.headers)}"
        )
    named = {
        ours: theirs
        for ours, theirs in match.columns.items()
        if ours in schema or ours != theirs  # a name that is not ours is an extra column
    }
    known = [
        Column(ours, schema.get(ours, TEXT), theirs, places[theirs])
        for ours, theirs in named.items()
    ]
    used = set(named.values()) - dates
    rest = [
        Column(name, TIME if header in dates else TEXT, header, places[header])
        for header, name in _extra_names(
            [header for header in export.headers if header not in used], {*schema, *named}
        ).items()
    ]
    return known + rest


def _extra_names(headers: list[str], taken: set[str]) -> dict[str, str]:
    """Name the columns that are not ours: as they are, with ``crm_`` where the name is ours."""
    reserved = {name.casefold() for name in (*taken, *RESERVED)}
    return {
        header: f"crm_{header}" if header.casefold() in reserved else header for header in headers
    }


def _by_place(rows: pa.Table) -> pa.Table:
    """Call the columns c0, c1 and so on, and add each row's position."""
    placed = rows.rename_columns([f"c{at}" for at in range(rows.num_columns)])
    return placed.append_column("row", pa.array(range(rows.num_rows), pa.int64()))


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
    parts = ["row"]
    for n, column in enumerate(columns):
        known = _known(column, table, settings)
        parts.append(f"{_typed(known, column, raw, export, settings)} as o{n}")
        parts.append(f"{known} as t{n}")
    zone = engine.literal(settings.timezone)
    return f"set TimeZone = {zone}; select {', '.join(parts)} from raw order by row"


def _known(column: Column, table: str, settings: Settings) -> str:
    """Write the SQL of a column's text: missing words as missing, values as they are meant."""
    missing = ", ".join(engine.literal(word) for word in ("", *settings.missing))
    values = settings.values.get(table, {}).get(column.ours, {})
    meant = _replaced(column.text, values)
    known = f"case when {meant} in ({missing}) then null else {meant} end"
    if column.kind == TIME:  # an open end such as 9999-12-31 means "not yet"
        far = f"regexp_matches({known}, '^[0-9]{{4}}-') and {known} >= '{FAR_FUTURE}'"
        known = f"case when {far} then null else {known} end"
    return known


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
        _check_commas(text, column, raw, export)
        bare = f"regexp_replace({text}, '[$€£¥,\\s]', '', 'g')"
        return (
            f"case when regexp_matches({text}, {engine.literal(NUMBER_SHAPE)}) "
            f"and isfinite(try_cast({bare} as double)) then try_cast({bare} as double) end"
        )
    if column.kind == FLAG:
        yes, no = (", ".join(map(engine.literal, words)) for words in (TRUE, FALSE))
        low = f"lower({text})"
        return f"case when {low} in ({yes}) then true when {low} in ({no}) then false end"
    if column.kind == TIME:
        return _time(text, column, raw, export, settings)
    return text


def _check_commas(text: str, column: Column, raw: pa.Table, export: Export) -> None:
    """Stop at a decimal comma: in its company 1.000 would be a thousand, not one.

    Raises
    ------
    ExportError
        Naming the value.
    """
    shape = engine.literal(COMMA_SHAPE)
    sql = f"select min({text}) as example from raw where regexp_matches({text}, {shape})"
    example = engine.query(sql, {"raw": raw})["example"].iloc[0]
    if isinstance(example, str):
        raise ExportError(
            f"{export.name}, column {column.theirs}: {example!r} has a decimal comma. Export the "
            "numbers with a decimal point, as 1234.56."
        )


def _time(text: str, column: Column, raw: pa.Table, export: Export, settings: Settings) -> str:
    """Write the SQL that reads a time: ISO as it is, other shapes by the column's own order."""
    if settings.dates and "%" in settings.dates:
        formats = [settings.dates, *(settings.dates + clock for clock in CLOCKS[1:])]
        return _parsed(text, formats, settings)
    iso_day = f"case when length({text}) <= 10 then try_cast({text} as timestamp) end"
    iso = f"(try_cast({text} as timestamptz) at time zone 'UTC')"
    order = settings.dates or _order(text, column, raw, export, settings)
    other = _parsed(text, _formats(order), settings) if order in FIRSTS else "null::timestamp"
    shape = engine.literal(ISO_SHAPE)
    return (
        f"case when regexp_matches({text}, {shape}) then coalesce({iso_day}, {iso}) "
        f"else {other} end"
    )


def _parsed(text: str, formats: list[str], settings: Settings) -> str:
    """Write the SQL that tries formats in turn; times are local, dates are dates everywhere."""
    listed = ", ".join(map(engine.literal, formats))
    parsed = f"try_strptime({text}, [{listed}])"
    local = f"(timezone({engine.literal(settings.timezone)}, {parsed}) at time zone 'UTC')"
    # A date without a time is a date everywhere: it is not moved by a zone.
    return f"case when {parsed} = date_trunc('day', {parsed}) then {parsed} else {local} end"


def _formats(order: str) -> list[str]:
    first, second = FIRSTS[order]
    return [
        f"{first}{mark}{second}{mark}{year}{clock}"
        for mark in "/.-"
        for year in ("%y", "%Y")
        for clock in CLOCKS
        if (mark, year) != ("-", "%y")  # 26-02-13 may begin with the year
    ]


def _order(
    text: str, column: Column, raw: pa.Table, export: Export, settings: Settings
) -> str | None:
    """Let the whole column decide whether the day or the month comes first.

    Raises
    ------
    SettingsError
        If every value could be read both ways, or some one way and some the other.
    """
    shape = engine.literal(PARTS_SHAPE)
    sql = (
        f"with parts as (select {text} as value, regexp_extract({text}, {shape}, "
        f"['a', 'b', 'c']) as p from raw where regexp_matches({text}, {shape})), "
        "places as (select value, p.a::int as a, p.b::int as b from parts "
        "where p.a::int <= 31 and p.b::int <= 31) "
        "select count(*) as n, count(*) filter (a > 12) as days, "
        "count(*) filter (b > 12) as months, min(value) as example from places"
    )
    seen = engine.query(sql, {"raw": raw}).iloc[0]
    if not seen["n"]:
        return None
    if bool(seen["days"]) != bool(seen["months"]):
        return "day first" if seen["days"] else "month first"
    why = (
        "some values have the day first and some the month"
        if seen["days"]
        else f"{seen['example']!r} may be read with the day or the month first, and no value of "
        "the column decides"
    )
    raise SettingsError(
        f"{export.name}, column {column.theirs}: {why}. Add to {settings.origin}: "
        'dates = "day first" (or "month first").'
    )


def _keep(typed: pd.DataFrame, columns: list[Column], match: Match) -> pd.DataFrame:
    kept = typed
    for header, values in match.keep_where.items():
        ours = next(column.ours for column in columns if column.theirs == header)
        kept = kept[kept[ours].isin(values)]
    return kept


def _unreadable(
    rows: pd.DataFrame, texts: pd.DataFrame, columns: list[Column], table: str
) -> pd.DataFrame:
    found = [pd.DataFrame({"row": [], "column": [], "value": [], "reason": []})]
    for n, column in enumerate(columns):
        text = texts[f"t{n}"]
        if column.kind != TEXT:
            wrong = rows[column.ours].isna() & text.notna()
            reason = f"{WOULD_WORK[column.kind]} is read"
            found.append(_reasons(rows[wrong], column, text[wrong], reason))
        if column.ours in NEEDED.get(table, ()):
            empty = rows[text.isna()]
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
        sql = f"select count(*) as n from raw where {column.text} = $said"
        for said, meant in settings.values.get(table, {}).get(column.ours, {}).items():
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
        If it is no DataFrame with columns of one name each, a needed column is
        missing, or a value cannot be read as its kind.
    """
    taken = _plain_frame(frame, name)
    needed = [c for c in NEEDED.get(table, ()) if table != "opportunities" or c != "stage"]
    for column in needed:
        if column not in taken:
            raise ExportError(
                f"{name} has no column {column}. Its columns: {', '.join(taken.columns)}."
            )
    kinds = {**SCHEMA[table], **dict.fromkeys(settings.stage_dates.values(), TIME)}
    extra = _extra_names([c for c in taken.columns if c not in kinds], set(kinds))
    taken = taken.rename(columns=extra)
    typed = {c: _as_kind(taken[c], kinds[c], name, settings) for c in taken.columns if c in kinds}
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
    aware = _names_a_zone(values)
    form = "ISO8601" if kinds.is_string_dtype(values.dtype) else None
    read = pd.to_datetime(values, utc=True, format=form, errors="coerce").dt.tz_localize(None)
    local = ~aware & (read != read.dt.normalize())
    if zone != "UTC" and local.any():
        there = read[local].dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
        read = read.mask(local, there.dt.tz_convert("UTC").dt.tz_localize(None))
    return read.astype(DTYPES[TIME])


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
