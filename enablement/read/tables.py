"""From text to our tables: names, types, and what could not be read set aside."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from enablement import settings as workspace
from enablement.errors import ExportError
from enablement.read import cells, currencies, schema, values
from enablement.read.cells import SPACE, Look
from enablement.read.crosswalks import Match
from enablement.read.engine import literal, quoted
from enablement.read.exports import Export
from enablement.read.quality import Ledger
from enablement.read.schema import SQL_TYPES
from enablement.read.store import FEW, Store
from enablement.read.times import IN_GAP, TWICE
from enablement.read.values import TEXT, TIME, WOULD_WORK
from enablement.settings import Settings

# Large tables, which are not copied where it can be helped.
LONG, WIDE = ("stage_events",), ("opportunities", "accounts", "activities")
# What is told of rows that are set aside, so that one can say what would be with them.
TOLD = {
    "opportunities": "stage, amount, currency, type",
    "stage_events": "opportunity_id, stage",
    "changes": "opportunity_id, stage",
}


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
    unread = _located(_told(store, name, unread, settings), export)
    everything = pd.concat([unread, aside], ignore_index=True)
    rows_in = rows.ask("count(*) as n")["n"] + len(aside)
    ledger.rows(table, export.name, rows_in=rows_in, aside=everything)
    _leave_out(store, name, unread)
    _note_values(rows, columns, table, settings, export, ledger)
    _note_placeholders(rows, columns, looks, table, settings, export, ledger)
    return name


def _leave_out(store: Store, name: str, unread: pd.DataFrame) -> None:
    """Take the rows that could not be read out of a table."""
    if len(unread):
        store.show("unread", unread[["row"]])
        store.run(f"delete from {name} where row in (select row from unread)")
        store.forget("unread")


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
    kinds, places = schema.columns(table), {name: at for at, name in enumerate(export.headers)}
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
        Column(field, kind, theirs, cell, of=field)
        for field, kind in schema.USED_UP["changes"].items()
    ]


def _others(export: Export, match: Match) -> dict[str, str]:
    """Name the file's columns that have no name of ours, and those that date a stage."""
    kinds = schema.columns(match.table or "")
    named = _named(match, kinds)
    used = set(named.values()) - set(match.stage_dates)
    return schema.extra_names(
        [header for header in export.headers if header not in used], {*kinds, *named}
    )


def _needed(table: str, columns: list[Column]) -> tuple[str, ...]:
    """List what every row must have; who says won or lost beside the stage may leave it out."""
    if table == "opportunities" and any(column.ours == "status" for column in columns):
        return ()
    return schema.NEEDED.get(table, ())


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
        for name, kind in schema.columns(match.table or "").items()
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
