"""From text to our tables: names, types, and what could not be read set aside."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from enablement import settings as workspace
from enablement.errors import ExportError
from enablement.read import cells, currencies, values
from enablement.read.cells import SPACE, Look
from enablement.read.crosswalks import Match
from enablement.read.engine import FEW, Store, literal, quoted
from enablement.read.exports import Export
from enablement.read.quality import Ledger
from enablement.read.values import FALSE, FLAG, NUMBER, TEXT, TIME, TRUE, WOULD_WORK
from enablement.settings import Settings

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
    "quotas": {"rep_id": _T, "period": _T, "metric": _T, "target": _N, "currency": _T},
    "rates": {"currency": _T, "from_on": _D, "rate": _N, "to_currency": _T},
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
# Tables that an export may bring besides: they are worked into the others and not handed over.
BESIDES: dict[str, dict[str, str]] = {
    "stage_names": {**dict.fromkeys(["stage_id", "stage", "pipeline_id"], _T), "place": _N},
    "pipeline_names": {"pipeline_id": _T, "pipeline": _T},
    "changes": {
        "opportunity_id": _T,
        "changed_at": _D,
        **dict.fromkeys(["field", "old", "new"], _T),
    },
    "merges": {"opportunity_id": _T, "into_id": _T},
    "links": dict.fromkeys(["activity_id", "opportunity_id", "account_id", "contact_id"], _T),
}
KNOWN = {**SCHEMA, **BESIDES}
# Columns that some exports have, which the rules use up.
USED_UP: dict[str, dict[str, str]] = {
    "opportunities": {
        **dict.fromkeys(["owner_name", "account_name", "status", "status_reason"], _T),
        **dict.fromkeys(["merged_ids", "merged_into"], _T),
        "is_deleted": _F,
        **dict.fromkeys(["won_at", "lost_at"], _D),
        "actual_amount": _N,
    },
    "activities": {"is_deleted": _F},
    "reps": dict.fromkeys(["first_name", "last_name"], _T),
    # Made of the field's name and its new value, see `_changed`.
    "changes": {"stage": _T, "rep_id": _T, "amount": _N, "expected_close": _D},
}
NEEDED: dict[str, tuple[str, ...]] = {
    "opportunities": ("stage",),
    "stage_events": ("opportunity_id", "entered_at", "stage"),
    "owner_changes": ("opportunity_id", "changed_at", "to_rep"),
    "reps": ("rep_id",),
    "quotas": ("rep_id", "period", "metric", "target"),
    "rates": ("currency", "from_on", "rate"),
    "activities": ("activity_id",),
    "accounts": ("account_id",),
    "stage_names": ("stage_id", "stage"),
    "pipeline_names": ("pipeline_id", "pipeline"),
    "changes": ("opportunity_id", "changed_at", "field"),
    "merges": ("opportunity_id", "into_id"),
}
# Large tables, which are not copied where it can be helped.
LONG, WIDE = ("stage_events",), ("opportunities", "accounts", "activities")
IN_GAP = "times in the hour that the clock left out, read an hour later"
TWICE = "times in the hour that the clock showed twice, read as the later one"
# What is told of rows that are set aside, so that one can say what would be with them.
TOLD = {
    "opportunities": "stage, amount, currency, type",
    "stage_events": "opportunity_id, stage",
    "changes": "opportunity_id, stage",
}
RESERVED = (  # names that the tables themselves need
    *("row", "file", "n", "outcome"),
    *("rep_code", "creator_code", "rep_key", "shown_id"),
)
DTYPES = {TEXT: "str", NUMBER: "float64", TIME: "datetime64[us]", FLAG: "boolean"}
SQL_TYPES = {TEXT: "varchar", NUMBER: "double", TIME: "timestamp", FLAG: "boolean"}
BEFORE = pd.Timedelta(hours=3)  # so long before an hour that was left out the clock was right


@dataclasses.dataclass(frozen=True)
class Column:
    """One column to be read.

    ours, kind : our name, and what stands in it
    theirs : the header it stands under
    cell : the SQL of the text in it. SQL knows columns by their place, because headers
        may be anything and SQL does not tell upper from lower case
    of : in a history of fields the one that the column tells of; elsewhere the text is none
    """

    ours: str
    kind: str
    theirs: str
    cell: str
    of: str | None = None


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a column is read, once the whole of it was looked at.

    text : the column of the source in which its text stands, missing where "not known"
    typed : SQL of its value
    quick : whether it is read as programs write it
    unread : whether the value of some row may be unreadable
    needed : whether the table needs a value of every row
    empty : whether it does, and some row has none
    """

    column: Column
    text: str
    typed: str
    quick: bool
    unread: bool
    needed: bool = False
    empty: bool = False


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a file that belong to one table, as text; what can be asked of them.

    texts : our column -> SQL of its text, of the columns of ``raw``
    typed : our column -> its values, of those whose cells a program wrote all alike
    belongs : SQL that says which rows they are
    """

    store: Store
    texts: Mapping[str, str]
    typed: Mapping[str, pa.ChunkedArray]
    belongs: str

    def source(self, raw: str = "raw") -> str:
        """Write the SQL of the rows: t0, t1 and so on, v0 of those that are typed, and ``row``.

        Each text is made once, however often the SQL around it names the column.
        """
        fields = "".join(
            f"{sql} as t{n}, {f'v{n}, ' if ours in self.typed else ''}"
            for n, (ours, sql) in enumerate(self.texts.items())
        )
        return f"(select {fields}row from {raw} where {self.belongs})"

    def shown(self, export: Export) -> pa.Table:
        """Put the values of the typed columns beside the cells of all, as v0, v1 and so on."""
        table = shown(export)
        for n, ours in enumerate(self.texts):
            if ours in self.typed:
                table = table.append_column(f"v{n}", self.typed[ours])
        return table

    def ask(self, fields: str) -> dict[str, Any]:
        """Ask something of all the rows; what has no value is not a number."""
        found = self.store.one(f"select {fields} from {self.source()}")
        return {name: math.nan if value is None else value for name, value in found.items()}


def build(
    store: Store,
    export: Export,
    match: Match,
    settings: Settings,
    ledger: Ledger,
    *,
    number: int,
    aside: pd.DataFrame,
) -> str:
    """Turn the rows of a file that belong to one table into typed columns.

    Rows with an unreadable value, or without a value that the table needs, are
    set aside in `ledger`, by file, line, column and value.

    Parameters
    ----------
    store : where the export's rows are shown as ``raw``, see `shown`
    number : the file's number, which stands in the column ``file``
    aside : records of the file that are no rows, counted with this table

    Returns
    -------
    str
        The name of a table in the store: our columns (all of them), the file's other
        columns under their own names (``crm_`` in front where the name is ours), then
        ``file`` and ``row``, the row's position in the file.
    """
    table = match.table or ""
    columns = _columns(export, match, table)
    _check_names(table, columns, export, settings)
    looks = _looks(columns, export, settings)
    rows = Rows(
        store,
        _texts(columns, looks, match, settings),
        _typed(columns, looks, export, match, settings),
        belonging(export, match),
    )
    raw = rows.shown(export)
    store.show("raw", raw)
    readings = _readings(rows, columns, export, table, settings, ledger)
    if table == "opportunities":
        readings = currencies.read(rows, readings, export.name, settings, ledger)
    name = f"{table}_{number}"
    if export.rows.num_rows > FEW and _stays(table, readings):
        store.show(f"raw_{number}", raw)
        store.view(name, _select(readings, match, number, rows.source(f"raw_{number}")))
    else:
        store.make(name, _select(readings, match, number, rows.source()))
    unread, missing = _apart(_unreadable(rows, name, readings), readings, settings)
    _note_missing(store, name, missing, table, export, ledger)
    unread = _told(store, name, unread, settings)
    ledger.rows(
        table,
        export.name,
        rows_in=rows.ask("count(*) as n")["n"] + len(aside),
        aside=pd.concat([_located(unread, export), aside], ignore_index=True),
    )
    if len(unread):
        store.show("unread", unread[["row"]])
        store.run(f"delete from {name} where row in (select row from unread)")
        store.forget("unread")
    _note_values(rows, columns, table, settings, export, ledger)
    _note_placeholders(rows, columns, looks, table, settings, export, ledger)
    return name


def _stays(table: str, readings: list[Reading]) -> bool:
    """Say whether a table can be read from the text whenever it is asked for, without a copy.

    So it is with large ones of which no row is taken out. Where it is asked for often, every
    value must be read the quick way too.
    """
    if any(reading.unread or reading.empty for reading in readings):
        return False
    return table in LONG or (table in WIDE and all(reading.quick for reading in readings))


def _told(store: Store, name: str, unread: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Add to rows that are set aside what the headline would have counted."""
    table = name.rpartition("_")[0]
    if table not in TOLD or unread.empty:
        return unread
    store.show("unread", unread[["row"]])
    fields = f"row, {TOLD[table]}"
    rows = store.query(f"select {fields} from {name} where row in (select row from unread)")
    store.forget("unread")
    rows = told(rows, settings) if table == "opportunities" else rows
    return unread.merge(rows, on="row", how="left")


def told(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Say of opportunities by their stage what they count as, as far as it is known."""
    stage = rows["stage"]
    outcome = stage.map(settings.outcomes).mask(stage.isin(settings.stages), "open")
    return rows.assign(
        outcome=outcome, type=rows["type"].replace(kinds_of_business(settings))
    ).drop(columns="stage")


def kinds_of_business(settings: Settings) -> dict[str, str]:
    """Pair the words for a kind of business, as CRMs spell them and settings say, with ours."""
    spelt = {
        way: word
        for word in workspace.TYPES
        for way in (word, word.title(), word.capitalize(), word.replace(" ", ""))
    }
    return spelt | settings.types


def shown(export: Export) -> pa.Table:
    """Call the columns c0, c1 and so on, and add each row's position."""
    placed = export.rows.rename_columns([f"c{at}" for at in range(export.rows.num_columns)])
    return placed.append_column("row", pa.array(np.arange(placed.num_rows, dtype=np.int64)))


def belonging(export: Export, match: Match) -> str:
    """Write the SQL that says whether a row of the file belongs to the table of a match."""
    conditions = [
        f"trim(c{export.headers.index(header)}) in ({', '.join(map(literal, wanted))})"
        for header, wanted in match.keep_where.items()
    ]
    return " and ".join(conditions) or "true"


def schema_of(table: str) -> dict[str, str]:
    """List the columns that a table has while it is read, and what stands in them."""
    return {**KNOWN[table], **USED_UP.get(table, {})}


def empty(table: str) -> str:
    """Write as SQL the columns, and their types, of a table of which nothing was read."""
    fields = [f"{quoted(name)} {SQL_TYPES[kind]}" for name, kind in schema_of(table).items()]
    return f"{', '.join(fields)}, file smallint, row bigint"


def adopted(frame: pd.DataFrame, table: str, *, number: int) -> str:
    """Write the SQL of what `adopt` gave, shown as ``given``, in every column of the schema.

    Parameters
    ----------
    number : the frame's number, which stands in the column ``file``
    """
    schema = schema_of(table)
    fields = [
        quoted(name) if name in frame else f"null::{SQL_TYPES[kind]} as {quoted(name)}"
        for name, kind in schema.items()
    ]
    more = [quoted(name) for name in frame if name not in schema]
    return f"select {', '.join([*fields, *more])}, {number} as file from given"


def dated_columns(export: Export, match: Match) -> dict[str, tuple[str, str | None]]:
    """List, under our names, the columns that say when a stage was entered."""
    names = _others(export, match)
    return {names[header]: stage for header, stage in match.stage_dates.items()}


def _named(match: Match, kinds: Mapping[str, str]) -> dict[str, str]:
    """List the columns that are renamed; a name that is not ours is an extra column."""
    return {
        ours: theirs for ours, theirs in match.columns.items() if ours in kinds or ours != theirs
    }


def _columns(export: Export, match: Match, table: str) -> list[Column]:
    """List the columns to read: those with a name of ours, then the file's others."""
    kinds, places = schema_of(table), {name: at for at, name in enumerate(export.headers)}
    named = _named(match, kinds)
    if "opportunity_id" in kinds and "opportunity_id" not in named and table != "opportunities":
        named = {  # a report may name the opportunity instead
            "opportunity_id" if ours == "opportunity_name" else ours: theirs
            for ours, theirs in named.items()
        }
    known = [
        Column(ours, kinds.get(ours, TEXT), theirs, f"c{places[theirs]}")
        for ours, theirs in named.items()
    ]
    if table == "changes":
        return [*known, *_changed(named, places)]
    rest = [
        Column(name, TIME if header in match.stage_dates else TEXT, header, f"c{places[header]}")
        for header, name in _others(export, match).items()
    ]
    return known + rest


def _changed(named: Mapping[str, str], places: Mapping[str, int]) -> list[Column]:
    """Read what a row of a history says of one field, in that field's own kind."""
    if "new" not in named or "field" not in named:
        return []
    theirs = named["new"]
    cell = f"c{places[theirs]}"
    return [
        Column(field, kind, theirs, cell, of=field) for field, kind in USED_UP["changes"].items()
    ]


def _others(export: Export, match: Match) -> dict[str, str]:
    """Name the file's columns that have no name of ours, and those that date a stage."""
    kinds = schema_of(match.table or "")
    named = _named(match, kinds)
    used = set(named.values()) - set(match.stage_dates)
    return _extra_names(
        [header for header in export.headers if header not in used], {*kinds, *named}
    )


def _extra_names(headers: list[str], taken: set[str]) -> dict[str, str]:
    """Name the columns that are not ours: as they are, with ``crm_`` where the name is ours.

    SQL does not tell upper from lower case, so no two names may differ in that alone.
    """
    reserved = {name.casefold() for name in (*taken, *RESERVED)}
    used = reserved | {header.casefold() for header in headers}
    names = {}
    for header in headers:
        name = header
        if header.casefold() in reserved:
            while name.casefold() in used:
                name = f"crm_{name}"
            used.add(name.casefold())
        names[header] = name
    return names


def _needed(table: str, columns: list[Column]) -> tuple[str, ...]:
    """List what every row must have; who says won or lost beside the stage may leave it out."""
    if table == "opportunities" and any(column.ours == "status" for column in columns):
        return ()
    return NEEDED.get(table, ())


def _check_names(table: str, columns: list[Column], export: Export, settings: Settings) -> None:
    have = {column.ours for column in columns}
    for name in _needed(table, columns):
        if name not in have:
            raise ExportError(
                f"{export.name}, line 1: no column for {name}. Its columns: "
                f"{', '.join(export.headers)}. Say which in {settings.origin}: "
                f'[columns.{table}] {name} = "..."'
            )


def _texts(
    columns: list[Column], looks: Mapping[str, Look], match: Match, settings: Settings
) -> dict[str, str]:
    """Write the SQL of each column's text."""
    texts = {c.ours: _known(c, looks[c.cell], match, settings) for c in columns}
    told = {c.ours: f"{texts['field']} = {literal(c.of)}" for c in columns if c.of is not None}
    return {
        ours: f"case when {told[ours]} then {text} end" if ours in told else text
        for ours, text in texts.items()
    }


def _looks(columns: list[Column], export: Export, settings: Settings) -> dict[str, Look]:
    """Look through the cells of each column, several columns at once."""
    every = {c.cell: export.rows.column(int(c.cell.removeprefix("c"))) for c in columns}
    with ThreadPoolExecutor() as pool:
        looks = pool.map(lambda found: cells.look(found, settings.missing), every.values())
        return dict(zip(every, looks, strict=True))


def _typed(
    columns: list[Column],
    looks: Mapping[str, Look],
    export: Export,
    match: Match,
    settings: Settings,
) -> dict[str, pa.ChunkedArray]:
    """Give the values of the columns whose cells say them all alike, so that none is in doubt."""
    alike = [
        column
        for column in columns
        if column.of is None
        and column.kind != TEXT
        and not values.stated(column.kind, settings, f"{export.name}, column {column.theirs}")
        and _clear(column, looks[column.cell], match, settings)
    ]

    def read(column: Column) -> pa.ChunkedArray | None:
        return cells.typed(looks[column.cell].cells, column.kind, settings.timezone)

    with ThreadPoolExecutor() as pool:
        found = zip(alike, pool.map(read, alike), strict=True)
        return {column.ours: given for column, given in found if given is not None}


def _clear(column: Column, look: Look, match: Match, settings: Settings) -> bool:
    """Say whether every cell of a column is its text as it stands, and missing only if empty."""
    return not (_meanings(column, match, settings) or look.spaced or look.worded)


def _readings(
    rows: Rows,
    columns: list[Column],
    export: Export,
    table: str,
    settings: Settings,
    ledger: Ledger,
) -> list[Reading]:
    """Decide how each column is read, after a look at the whole of it."""
    questions, needed = _questions(rows, columns, table), _needed(table, columns)
    readings, notes, clocks = [], {}, {}
    for n, column in enumerate(columns):
        asked, empty = questions[column.ours]
        if column.ours in rows.typed:
            needs = column.ours in needed
            readings.append(Reading(column, f"t{n}", f"v{n}", True, False, needs, empty))
            continue
        typed = values.quick(f"t{n}", column.kind, settings.timezone)
        clock = values.changes(f"t{n}", column.kind, settings.timezone)
        place = f"{export.name}, column {column.theirs}"
        quick = not asked and not values.stated(column.kind, settings, place)
        if not quick:
            settled = values.settle(f"t{n}", column.kind, rows.ask, settings, place)
            typed, clock = settled.sql, (settled.in_gap, settled.twice)
            if settled.note:  # two of our columns may be made of one of theirs
                note = f"{column.theirs} read as: {settled.note}"
                notes[note] = rows.ask(f"count(t{n}) as n")["n"]
        if column.kind == TIME and settings.timezone != "UTC":
            clocks[column.theirs] = clock
        readings.append(Reading(column, f"t{n}", typed, quick, asked, column.ours in needed, empty))
    for note, count in {**notes, **_clock_changes(rows, clocks)}.items():
        ledger.note(table, export.name, note, count)
    return readings


def _clock_changes(rows: Rows, clocks: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """Count the times that fall into the hours in which the clock is changed."""
    said = [
        (f"{column}: {what}", where)
        for column, wheres in clocks.items()
        for what, where in zip((IN_GAP, TWICE), wheres, strict=True)
    ]
    if not said:
        return {}
    fields = (f"count(*) filter ({where}) as n{n}" for n, (_, where) in enumerate(said))
    counts = rows.ask(", ".join(fields))
    return {what: int(counts[f"n{n}"]) for n, (what, _) in enumerate(said)}


def _questions(rows: Rows, columns: list[Column], table: str) -> dict[str, tuple[bool, bool]]:
    """Ask of each column whether the quick way of reading leaves a question, and who is empty."""
    fields, needed = [], _needed(table, columns)
    for n, column in enumerate(columns):
        if column.kind != TEXT and column.ours not in rows.typed:
            fields.append(f"{values.open_question(f't{n}', column.kind)} as q{n}")
        if column.ours in needed and not _full(rows, column):
            given = f"v{n}" if column.ours in rows.typed else f"t{n}"
            fields.append(f"count(*) > count({given}) as e{n}")
    found = rows.ask(", ".join(fields)) if fields else {}
    return {
        column.ours: (found.get(f"q{n}") is True, found.get(f"e{n}") is True)
        for n, column in enumerate(columns)
    }


def _full(rows: Rows, column: Column) -> bool:
    """Say whether it is plain that no cell of a column is missing."""
    if column.ours in rows.typed:
        return not cells.missing(rows.typed[column.ours])
    return rows.texts[column.ours] == column.cell


def _trimmed(cell: str, look: Look) -> str:
    """Write the SQL of a cell without the blanks around it."""
    return f"trim({cell}, {literal(SPACE)})" if look.spaced else cell


def _known(column: Column, look: Look, match: Match, settings: Settings) -> str:
    """Write the SQL of a column's text: missing words as missing, values as they are meant."""
    if column.kind != TIME and _clear(column, look, match, settings):
        return f"nullif({column.cell}, '')" if look.empty else column.cell
    meant = _replaced(_trimmed(column.cell, look), _meanings(column, match, settings))
    words = ("", *settings.missing)
    missing = ", ".join(map(literal, words))
    longest = max(len(word.encode()) for word in words)
    known = (
        f"case when strlen({meant}) <= {longest} and {meant} in ({missing}) then null "
        f"else {meant} end"
    )
    if column.kind == TIME:  # an open end such as 9999-12-31 means "not yet"
        known = f"case when {values.open_end(meant)} then null else {known} end"
    return known


def _meanings(column: Column, match: Match, settings: Settings) -> dict[str, str]:
    own = settings.values.get(match.table or "", {}).get(column.ours, {})
    return {**match.values.get(column.ours, {}), **own}


def _replaced(text: str, said: dict[str, str]) -> str:
    if not said:
        return text
    cases = " ".join(f"when {literal(what)} then {literal(meant)}" for what, meant in said.items())
    return f"case {text} {cases} else {text} end"


def _select(readings: list[Reading], match: Match, number: int, source: str) -> str:
    """Write the SQL of the typed table."""
    have = {reading.column.ours for reading in readings}
    fields = [f"{r.typed} as {quoted(r.column.ours)}" for r in readings]
    fields += [
        f"{literal(match.fixed[name]) if name in match.fixed else 'null'}::{SQL_TYPES[kind]} "
        f"as {quoted(name)}"
        for name, kind in schema_of(match.table or "").items()
        if name not in have
    ]
    return f"select {', '.join(fields)}, {number}::smallint as file, row from {source}"


def _unreadable(rows: Rows, name: str, readings: list[Reading]) -> pd.DataFrame:
    """Find the rows with a value that could not be read, or without one that is needed.

    Returns
    -------
    pandas.DataFrame
        ``row``, ``column``, ``value``, ``reason``.
    """
    none = {"row": pd.Series(dtype="int64"), "column": [], "value": [], "reason": []}
    found = [pd.DataFrame(none)]
    for reading in readings:
        column, text = reading.column, reading.text
        if reading.unread:
            wrong = rows.store.query(
                f"select row, {text} as value from {rows.source()} join {name} using (row) "
                f"where {text} is not null and {name}.{quoted(column.ours)} is null order by row"
            )
            found.append(_reasons(wrong, column, f"{WOULD_WORK[column.kind]} is read"))
        if reading.empty:
            empty = rows.store.query(
                f"select row, null::varchar as value from {rows.source()} where {text} is null "
                "order by row"
            )
            table = name.rpartition("_")[0]
            found.append(_reasons(empty, column, f"every row of {table} needs one"))
    return pd.concat([part for part in found if len(part)] or found[:1], ignore_index=True)


def _apart(
    unread: pd.DataFrame, readings: list[Reading], settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tell rows that cannot be used from values that count as missing in rows that are."""
    needed = {r.column.theirs for r in readings if r.needed}
    stops = unread["column"].isin(needed) | (settings.rule("unreadable_values") == "set aside")
    aside = unread[stops].drop_duplicates("row")
    missing = unread[~stops & ~unread["row"].isin(aside["row"])]
    return aside, missing.drop_duplicates(["row", "column"])


def _note_missing(
    store: Store,
    name: str,
    missing: pd.DataFrame,
    table: str,
    export: Export,
    ledger: Ledger,
) -> None:
    """Tell the values that count as missing, and keep what would be without their rows."""
    if missing.empty:
        return
    missing = _located(missing, export)
    ledger.unread(table, export.name, missing)
    for column, found in missing.groupby("column", sort=False):
        first = found.iloc[0]
        what = (
            f"{column} unreadable, as {first['value']!r} in line {first['line']}; read as missing"
        )
        ledger.note(table, export.name, what, len(found))
        if table == "opportunities":
            store.show("unread", found[["row"]])
            without = store.query(
                f"select opportunity_id, 'set aside' as outcome, amount from {name} "
                "where opportunity_id is not null and row in (select row from unread)"
            )
            store.forget("unread")
            ledger.otherwise(what, without)


def _reasons(rows: pd.DataFrame, column: Column, reason: str) -> pd.DataFrame:
    unreadable = rows["value"].notna()
    what = unreadable.map({True: "is unreadable", False: "is missing"})
    return rows.assign(
        column=column.theirs, reason=column.ours + " " + what.astype("str") + ": " + reason
    )


def _located(aside: pd.DataFrame, export: Export) -> pd.DataFrame:
    lines = export.lines(set(aside["row"].astype(int))) if len(aside) else {}
    return aside.assign(line=aside["row"].map(lines).astype("Int64"))


def _note_values(
    rows: Rows,
    columns: list[Column],
    table: str,
    settings: Settings,
    export: Export,
    ledger: Ledger,
) -> None:
    """Count the values that the settings replace."""
    for column in columns:
        for said, meant in settings.values.get(table, {}).get(column.ours, {}).items():
            cell = f"trim({column.cell}, {literal(SPACE)})"
            found = rows.store.one(
                f"select count(*) as n from raw where {rows.belongs} and {cell} = {literal(said)}"
            )["n"]
            ledger.note(table, export.name, f"{column.ours} {said!r} read as {meant!r}", found)


def _note_placeholders(
    rows: Rows,
    columns: list[Column],
    looks: Mapping[str, Look],
    table: str,
    settings: Settings,
    export: Export,
    ledger: Ledger,
) -> None:
    """Count the words that stand for "not known"."""
    words = [word for word in settings.missing if word]
    longest = max((len(word.encode()) for word in words), default=0)
    listed = ", ".join(map(literal, words))
    word = {
        c.theirs: _trimmed(c.cell, look)
        for c, look in ((c, looks[c.cell]) for c in columns if c.of is None)
        if look.spaced or look.worded
    }
    if not word or not words:
        return
    said = {  # the length is asked first, because it is quick
        name: f"strlen({text}) between 1 and {longest} and {text} in ({listed})"
        for name, text in word.items()
    }
    fields = ", ".join(
        f"count(*) filter ({where}) as n{n}" for n, where in enumerate(said.values())
    )
    counts = rows.store.one(f"select {fields} from raw where {rows.belongs}")
    for n, name in enumerate(word):
        if counts[f"n{n}"]:
            found = rows.store.query(
                f"select {word[name]} as word, count(*) as rows from raw "
                f"where {rows.belongs} and {said[name]} group by 1 order by 2 desc, 1"
            )
            for what, many in found.itertuples(index=False):
                ledger.note(table, export.name, f"{name} {what!r} read as missing", many)


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
    needed = [c for c in NEEDED.get(table, ()) if table != "opportunities" or c != "stage"]
    for column in needed:
        if column not in taken:
            raise ExportError(
                f"{name} has no column {column}. Its columns: {', '.join(taken.columns)}."
            )
    kinds = {**schema_of(table), **dict.fromkeys(settings.stage_dates.values(), TIME)}
    extra = _extra_names([c for c in taken.columns if c not in kinds], set(kinds))
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


@functools.cache
def nothing(table: str) -> pd.DataFrame:
    """Give a table that is handed over without a row."""
    return pd.DataFrame(
        {name: pd.Series(dtype=DTYPES[kind]) for name, kind in SCHEMA[table].items()}
    )


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
