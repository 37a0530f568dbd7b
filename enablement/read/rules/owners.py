"""Whose a row is: names for ids, changes of owner, and the list of reps."""

from __future__ import annotations

import pandas as pd

from enablement.read.engine import literal
from enablement.read.rules.desk import Desk

OWNERS = (
    *(("opportunities", "rep_id"), ("stage_events", "rep_id"), ("owner_changes", "from_rep")),
    *(("owner_changes", "to_rep"), ("activities", "rep_id"), ("quotas", "rep_id")),
)


def owner_names(desk: Desk) -> None:
    """Find the rep whose name stands where an id is expected."""
    named = "rep_id is null and owner_name is not null"
    if desk.count("opportunities", named):
        desk.store.own("opportunities")
        desk.store.run(f"update opportunities set rep_id = owner_name where {named}")
    _owner_told_twice(desk)
    if desk.said.rule("owner_names") == "kept" or not desk.count("reps", "name is not null"):
        return
    desk.store.make(
        "rep_names",
        "select lower(trim(name)) as known_as, any_value(rep_id) as id, "
        "count(distinct rep_id) as people from reps where name is not null group by 1",
    )
    for table, column in OWNERS:
        _named_owner(desk, table, column)


def _owner_told_twice(desk: Desk) -> None:
    """Of a change of owner that stands there by ids and by names, use the one by ids."""
    ids = (
        "(select rep_id from reps union all "
        "select rep_id from opportunities where not exists (select 1 from reps))"
    )
    again = (
        f"to_rep not in {ids} and (opportunity_id, changed_at) in "
        f"(select (opportunity_id, changed_at) from owner_changes where to_rep in {ids})"
    )
    if desk.count("owner_changes", again):
        note = "change of owner told by names too; the row with ids is used"
        desk.note_where("owner_changes", again, note)
        desk.store.own("owner_changes")
        desk.store.run(f"delete from owner_changes where {again}")


def _named_owner(desk: Desk, table: str, column: str) -> None:
    if desk.store.bare(table):
        return
    name = f"lower(trim({table}.{column}))"
    unknown = f"{column} is not null and {column} not in (select rep_id from reps)"
    told = desk.store.query(  # each once first: there are many rows and few reps
        f"select who, people from (select distinct {column} as who from {table}) "
        "join rep_names r on r.known_as = lower(trim(who)) "
        "where who not in (select rep_id from reps) order by 1"
    )
    for who in told.loc[told["people"] > 1, "who"]:
        desk.note_where(
            table,
            f"{column} = {literal(who)}",
            f"{column} {who!r} is the name of several reps; it stays a name",
        )
    one = f"{unknown} and {name} in (select known_as from rep_names where people = 1)"
    if (told["people"] == 1).any():
        desk.note_where(table, one, f"{column} given by name, matched to the rep's id")
        desk.store.own(table)
        desk.store.run(
            f"update {table} set {column} = r.id from rep_names r "
            f"where r.people = 1 and r.known_as = {name} and {unknown}"
        )


def owner_changes(desk: Desk) -> None:
    """Credit everything to the present owner, if so said."""
    if desk.said.rule("owner_changes") == "visits":
        return
    desk.store.run("delete from owner_changes")
    if desk.count("stage_events", "rep_id is not null"):
        desk.store.own("stage_events")
        desk.store.run("update stage_events set rep_id = null")


def reps(desk: Desk) -> pd.DataFrame:
    """List everybody who owned, closed or was to sell something, in the export's list or not.

    Of a rep with several dated assignments the last one is shown.
    """
    desk.store.run(
        "update reps set name = concat_ws(' ', first_name, last_name) where name is null "
        "and (first_name is not null or last_name is not null)"
    )
    frame = desk.store.query("select * exclude (first_name, last_name) from reps "
                             "order by file, row")  # fmt: skip
    frame = _handed_over(frame.sort_values("from_on", na_position="first", kind="stable"))
    again = frame["rep_id"].duplicated(keep="last")
    desk.ledger.note("reps", "", "earlier assignments of a rep, not shown", int(again.sum()))
    frame = frame[~again]
    owners = desk.store.query(
        "select rep_id from rep_codes where rep in (select owner from moves union select rep "
        "from known) union select rep_id from quotas where rep_id is not null"
    )["rep_id"]
    strangers = sorted(set(owners) - set(frame["rep_id"]))
    desk.ledger.note(
        "reps", "", "reps who are in no list of reps; their id serves as name", len(strangers)
    )
    added = pd.DataFrame({"rep_id": strangers}, dtype="str")
    whole = pd.concat([frame, added], ignore_index=True)
    return whole.assign(name=whole["name"].fillna(whole["rep_id"]))


def _handed_over(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["file", "row"]).reset_index(drop=True)
