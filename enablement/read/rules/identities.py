"""Which row is which opportunity, activity or event: ids, names for ids, and repeats."""

from __future__ import annotations

from collections.abc import Iterable

from enablement.errors import ExportError
from enablement.read import engine, schema
from enablement.read.engine import literal, quoted
from enablement.read.rules.desk import Desk

# Salesforce writes an id with 15 letters, of which the case counts, or with three more that say
# which of them are capitals. How the ids of ours begin there, and in which columns they stand.
PREFIXES = {
    "006": ("opportunity_id", "into_id"),
    "005": ("rep_id", "created_by", "manager_id", "from_rep", "to_rep", "partner_id"),
    "001": ("account_id",),
}
SHORT, LONG = 15, 18
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
ONCE = "select count(*) = count(distinct opportunity_id) as fine from opportunities"


def names_for_ids(desk: Desk, copies: Iterable[str] = ()) -> None:
    """Put the names of stages and pipelines in place of their ids.

    Parameters
    ----------
    copies : tables with the opportunities of dated copies, which are compared by name
    """
    known = ", ".join(map(literal, desk.said.known_stages))
    for table in ("opportunities", "stage_events", "changes", *copies):
        _translate(desk, table, "stage", "stage_names", "stage_id", known)
    named = ", ".join(map(literal, desk.said.pipelines))
    for table in ("opportunities", *copies):
        _translate(desk, table, "pipeline", "pipeline_names", "pipeline_id", named)


def _translate(desk: Desk, table: str, column: str, names: str, key: str, known: str) -> None:
    """Replace an id by its name, where the settings do not know the id itself."""
    if not desk.count(names, "true"):
        return
    where = f"{column} not in ({known}) and {column} in (select {key} from {names})"
    if desk.count(table, where):
        of = "opportunities" if table.startswith("opportunities") else table
        desk.note_where(table, where, f"{column} given by id, read by its name", of=of)
        desk.store.own(table)
        desk.store.run(
            f"update {table} set {column} = names.{column} from (select {key}, "
            f"any_value({column}) as {column} from {names} group by {key}) names "
            f"where names.{key} = {table}.{column} and {table}.{column} not in ({known})"
        )


def ids_made(desk: Desk) -> None:
    """Make the ids that are not there from file and row."""
    absent = desk.by_file("opportunities", "opportunity_id is null")
    desk.store.make("made", "select distinct file from opportunities where opportunity_id is null")
    if absent:
        desk.store.own("opportunities")
    for file, rows in absent.items():
        name = desk.sources[file].file
        desk.ledger.note("opportunities", name, "opportunity_id made from file and row", rows)
        desk.store.run(
            f"update opportunities set opportunity_id = {literal(name + ' row ')} || (row + 1) "
            f"where opportunity_id is null and file = {file}"
        )


def ids_of_one_length(desk: Desk) -> None:
    """Read a Salesforce id of 15 letters as the one of 18 letters that stands elsewhere."""
    places = _places(desk)
    for prefix in PREFIXES:
        short, long = places.get((prefix, SHORT), []), places.get((prefix, LONG), [])
        if short and long:
            _lengthen(desk, short, long, prefix)


def _places(desk: Desk) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """Find in which columns ids stand, by how they begin and how long they are.

    Each table is looked through once: many rows are made of text each time they are asked for.
    """
    found: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for table, columns in schema.KNOWN.items():
        kinds = [
            (prefix, letters, column)
            for prefix, names in PREFIXES.items()
            for column in names
            for letters in (SHORT, LONG)
            if column in columns
        ]
        if not kinds or desk.store.bare(table):
            continue
        asked = ", ".join(
            f"bool_or({_so_long(column, prefix, letters)}) as any_{n}"
            for n, (prefix, letters, column) in enumerate(kinds)
        )
        there = desk.store.one(f"select {asked} from {table}")
        for (prefix, letters, column), any_one in zip(kinds, there.values(), strict=True):
            if any_one:
                found.setdefault((prefix, letters), []).append((table, column))
    return found


def _so_long(column: str, prefix: str, letters: int) -> str:
    return f"strlen({column}) = {letters} and starts_with({column}, {literal(prefix)})"


def _lengthen(
    desk: Desk, short: list[tuple[str, str]], long: list[tuple[str, str]], prefix: str
) -> None:
    """Put the long id in place of the short one where both are the same."""
    known = " union ".join(
        f"select {column} as id from {table} where {_so_long(column, prefix, LONG)}"
        for table, column in long
    )
    desk.store.make(
        "long_ids",
        f"select id, left(id, {SHORT}) as short from ({known}) where substr(id, {SHORT + 1}) = "
        f"{_capitals('id')}",
    )
    for table, column in short:
        where = f"{column} in (select short from long_ids)"
        if desk.count(table, where):
            note = f"{column} of {SHORT} letters read as the same of {LONG}"
            desk.note_where(table, where, note)
            desk.store.own(table)
            desk.store.run(
                f"update {table} set {column} = long_ids.id from long_ids "
                f"where long_ids.short = {table}.{column}"
            )


def _capitals(column: str) -> str:
    """Write as SQL the letters that say which of the first 15 are capitals, five in each."""
    letters = []
    for begin in range(1, SHORT + 1, 5):
        bits = " + ".join(
            f"(substr({column}, {begin + n}, 1) between 'A' and 'Z')::int * {2**n}"
            for n in range(5)
        )
        letters.append(f"substr({literal(CAPITALS)}, 1 + {bits}, 1)")
    return " || ".join(letters)


def deleted(desk: Desk) -> None:
    """Leave out what the CRM itself calls deleted."""
    if desk.said.rule("deleted") == "kept":
        return
    why = "is true: the CRM calls it deleted"
    desk.set_aside("opportunities", "is_deleted", "is_deleted", why)
    if desk.count("activities", "is_deleted"):  # several files may tell of one
        gone = "activity_id in (select activity_id from activities where is_deleted)"
        desk.set_aside("activities", gone, "is_deleted", why)


def merged(desk: Desk) -> None:
    """Leave out what was merged into another one."""
    told = "merged_ids is not null or merged_into is not null"
    if desk.store.bare("merges") and not desk.count("opportunities", told):
        return
    desk.store.run(engine.text("read", "merges"))
    if desk.said.rule("merged") == "set aside":
        for table in ("opportunities", "stage_events", "owner_changes"):
            desk.set_aside(
                table,
                "opportunity_id in (select opportunity_id from merges)",
                "opportunity_id",
                "was merged into another one",
            )


def repeated_ids(desk: Desk) -> None:
    """Use one row of an id that stands twice.

    Raises
    ------
    ExportError
        If the settings say that this stops the reading.
    """
    rule = desk.said.rule("repeated_ids")
    order = "file, row" if rule == "first" else "file desc, row desc"
    if rule == "stop" and not desk.store.one(ONCE)["fine"]:
        first = desk.store.query(
            "select file, row, opportunity_id from opportunities qualify row_number() over "
            "(partition by opportunity_id order by file, row) > 1 order by file, row limit 1"
        ).iloc[0]
        raise ExportError(
            f"{desk.place(first, 'opportunity_id')}: {first['opportunity_id']!r} stands "
            f'twice, and {desk.said.origin} says rules.repeated_ids = "stop".'
        )
    desk.set_aside(
        "opportunities",
        "(file, row) in (select (file, row) from opportunities qualify "
        f"row_number() over (partition by opportunity_id order by {order}) > 1)",
        "opportunity_id",
        f"stands twice; the {rule} one is used",
        unless=ONCE,
    )


def repeated_rows(desk: Desk) -> None:
    """Say of rows without an id how many are the same as another one in everything."""
    made = "exists (select 1 from made where made.file = opportunities.file)"
    if not desk.store.one("select count(*) as n from made")["n"]:
        return
    rest = ", ".join(
        quoted(name)
        for name in desk.store.columns("opportunities")
        if name not in ("opportunity_id", "row")
    )
    again = (
        "(file, row) in (select (file, row) from opportunities qualify row_number() over "
        f"(partition by {rest} order by file, row) > 1) and {made}"
    )
    if desk.said.rule("repeated_rows") == "first":
        desk.set_aside("opportunities", again, "opportunity_id", "is made, and the row "
                        "repeats another one in everything")  # fmt: skip
    else:
        note = "the row repeats another one in everything; without ids both are used"
        desk.note_where("opportunities", again, note)


def activities_once(desk: Desk) -> None:
    """Put together what several files tell of one activity."""
    again = (
        "activity_id in (select activity_id from activities group by activity_id "
        "having count(*) > 1)"
    )
    if not desk.count("activities", again):
        return
    note = "one activity in several rows, put together"
    desk.note_where("activities", again, note)
    told = ", ".join(
        f"arg_min({quoted(name)}, (file, row)) as {quoted(name)}"
        for name in desk.store.columns("activities")
        if name != "activity_id"
    )
    desk.store.own("activities")
    desk.store.make("joined", f"select activity_id, {told} from activities group by all")
    desk.store.run("drop table activities; alter table joined rename to activities")


def links(desk: Desk) -> None:
    """Give activities and opportunities what tables beside them say belongs to them."""
    if not desk.count("links", "true"):
        return
    for table, key in (("activities", "activity_id"), ("opportunities", "opportunity_id")):
        strange = f"{key} is not null and {key} not in (select {key} from {table})"
        desk.set_aside("links", strange, key, f"is not among the {table}")
    for column in ("opportunity_id", "account_id", "contact_id"):
        _link(desk, "activities", "activity_id", column, "true")
    _link(desk, "opportunities", "opportunity_id", "account_id", "activity_id is null")


def _link(desk: Desk, table: str, key: str, column: str, which: str) -> None:
    where = f"{key} is not null and {column} is not null and {which}"
    desk.store.make(
        "linked",
        f"select {key}, arg_min({column}, (file, row)) as {column}, "
        f"count(distinct {column}) as several from links where {where} group by {key}",
    )
    many = f"{key} in (select {key} from linked where several > 1)"
    desk.note_where(table, many, f"several {column} belong to it, the first one is used")
    desk.store.own(table)
    desk.store.run(
        f"update {table} set {column} = linked.{column} from linked "
        f"where linked.{key} = {table}.{key} and {table}.{column} is null"
    )


def opportunities_by_name(desk: Desk) -> None:
    """Find the opportunity whose name stands in a history where an id is expected."""
    for table in ("stage_events", "owner_changes"):
        strange = f"select file, row from {table} where {_unknown(table)} limit 1"
        if desk.store.bare(table) or desk.store.query(strange).empty:
            desk.placed.add(table)
            continue
        where = (
            f"{_unknown(table)} and {table}.opportunity_id in (select name from "
            "opportunities group by name having count(*) = 1)"
        )
        if desk.count(table, where):
            desk.note_where(table, where, "opportunity given by name, matched to its id")
            desk.store.own(table)
            desk.store.run(
                f"update {table} set opportunity_id = o.opportunity_id from opportunities o "
                f"where o.name = {table}.opportunity_id and {where}"
            )


def belonging(desk: Desk, table: str) -> None:
    """Keep the rows whose opportunity is in the export."""
    if table in desk.placed:
        return
    why = "is not among the opportunities"
    desk.set_aside(table, _unknown(table), "opportunity_id", why)


def _unknown(table: str) -> str:
    """Write as SQL that the opportunity of a row is not in the export."""
    return (
        "not exists (select 1 from opportunities o where o.opportunity_id = "
        f"{table}.opportunity_id)"
    )
