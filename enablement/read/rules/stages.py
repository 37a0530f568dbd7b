"""What a stage is called, and that the settings know it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pandas as pd

from enablement.errors import SettingsError, choices
from enablement.read import engine, renames, visits
from enablement.read.engine import literal
from enablement.read.rules.desk import Desk
from enablement.settings import Settings


def stage_from_history(desk: Desk) -> None:
    """Take a stage that the list of opportunities lacks from the history."""
    if not desk.count("opportunities", "stage is null"):
        return
    desk.store.show("listed", visits.places(desk.said).drop_duplicates("stage"))
    desk.store.make(
        "last_seen",
        "select opportunity_id, arg_max(stage, at_last) as stage, "
        "arg_max(rep_id, at_last) as rep_id from (select e.*, (coalesce(entered_at, "
        "timestamp '-infinity'), coalesce(listed.place, 0), stage, coalesce(rep_id, '')) "
        "as at_last from stage_events e left join listed using (stage)) "
        "group by opportunity_id",
    )
    desk.store.own("opportunities")
    desk.store.run(
        "update opportunities set stage = coalesce(opportunities.stage, l.stage), "
        "rep_id = coalesce(opportunities.rep_id, l.rep_id) from last_seen l "
        "where l.opportunity_id = opportunities.opportunity_id "
        "and (opportunities.stage is null or opportunities.rep_id is null)"
    )
    desk.set_aside("opportunities", "stage is null", "stage", "is missing, and has no history")


def history_of_fields(desk: Desk) -> None:
    """Work the history of fields into stage events and changes of owner."""
    if not desk.count("changes", "true"):
        return
    desk.store.own("stage_events")
    desk.store.run(engine.text("read", "fields"))


def pipelines_known(desk: Desk) -> None:
    """Stop at a pipeline that the settings do not know.

    Raises
    ------
    SettingsError
        Naming file, line, pipeline, the known ones and the nearest.
    """
    names = list(desk.said.pipelines)
    if len(names) == 1:
        desk.store.change("opportunities", {"pipeline": literal(names[0])})
        return
    known = ", ".join(map(literal, names))
    strange = desk.store.query(
        "select file, row, coalesce(pipeline, '') as pipeline from opportunities "
        f"where coalesce(pipeline, '') not in ({known}) order by file, row limit 1"
    )
    if len(strange):
        first = strange.iloc[0]
        raise SettingsError(
            f"{desk.place(first, 'pipeline')}: {desk.said.origin} "
            f"does not know the pipeline {first['pipeline']!r}. "
            f"{choices(first['pipeline'], names)}"
        )
    desk.store.change("opportunities", {"pipeline": "coalesce(pipeline, '')"})


def stages_renamed(desk: Desk) -> None:
    """Give every stage the name that it has today, by the day on which it was entered."""
    if not desk.said.renamed_stages:
        return
    desk.store.show("renames", renames.table(desk.said))
    own = (
        "coalesce(case when renames.is_outcome then t.closed_at else t.last_stage_change end, "
        f"timestamp '{desk.said.exported_on or dt.date.max}')"
    )
    join = renames.join(stage="t.stage", pipeline="t.pipeline", day=own)
    _rename(desk, "opportunities", f"opportunities t {join}")
    join = renames.join(stage="t.stage", pipeline="o.pipeline", day="t.entered_at")
    _rename(
        desk, "stage_events", f"stage_events t join opportunities o using (opportunity_id) {join}"
    )
    desk.store.forget("renames")


def _rename(desk: Desk, table: str, joined: str) -> None:
    desk.store.make(
        "renamed",
        f"select t.file, t.row, t.stage as said, renames.meant from {joined} "
        "where renames.meant is not null",
    )
    counts = desk.store.query(
        "select said, meant, file, count(*) as n from renamed group by all order by all"
    )
    for said, meant, file, rows in counts.itertuples(index=False):
        note = f"stage {said!r} read as {meant!r}, its name today"
        desk.ledger.note(table, desk.sources[int(file)].file, note, rows)
    if len(counts):
        desk.store.own(table)
        desk.store.run(
            f"update {table} set stage = r.meant from renamed r "
            f"where r.file = {table}.file and r.row = {table}.row and r.said = {table}.stage"
        )


def stages_known(desk: Desk, table: str, pipeline: str) -> None:
    """Stop at a stage that the settings do not know.

    Raises
    ------
    SettingsError
        Naming file, line, stage, the known ones and the nearest.
    """
    if desk.store.bare(table):
        return
    alone = len(desk.said.pipelines) == 1
    there = alone or pipeline.startswith("t.")
    joined = "" if there else "join opportunities o using (opportunity_id)"
    known = " or ".join(
        f"{'true' if alone else f'{pipeline} = {literal(name)}'} and t.stage in "
        f"({', '.join(map(literal, (*stages, *desk.said.outcomes)))})"
        for name, stages in desk.said.pipelines.items()
    )
    unknown = f"from {table} t {joined} where t.stage is not null and not coalesce({known}, false)"
    strange = desk.store.query(f"select distinct t.stage {unknown}")
    if len(strange):
        strange = desk.store.query(
            f"select t.stage, count(*) as rows, arg_min(t.file, (t.file, t.row)) as file, "
            f"arg_min(t.row, (t.file, t.row)) as row {unknown} "
            "group by t.stage order by rows desc, min((t.file, t.row))"
        )
    if _respelt(desk, table, list(strange["stage"])):
        stages_known(desk, table, pipeline)
    elif len(strange):
        first = strange.sort_values(["file", "row"]).iloc[0]
        raise SettingsError(unknown_stages(desk, strange, desk.place(first, "stage"), first))


def _respelt(desk: Desk, table: str, strange: list[str]) -> bool:
    """Give stages that differ from a known one in capitals and blanks alone its spelling."""
    meant = spellings(strange, desk.said)
    if not meant or table not in ("opportunities", "stage_events"):
        return False
    desk.store.own(table)
    for stage, spelt in meant.items():
        where = f"stage = {literal(stage)}"
        desk.note_where(table, where, f"stage {stage!r} read as {spelt!r}")
        desk.store.run(f"update {table} set stage = {literal(spelt)} where {where}")
    return True


def unknown_stages(desk: Desk, strange: pd.DataFrame, where: str, first: pd.Series) -> str:
    """Say which stages the settings do not know, and where the first of them stands.

    Parameters
    ----------
    strange : one row per stage: ``stage``, ``rows``
    where : the place of `first`, the row that is named
    """
    found = ", ".join(
        f"{stage!r} ({rows:,} rows)" if rows > 1 else f"{stage!r} (1 row)"
        for stage, rows in zip(strange["stage"], strange["rows"], strict=True)
    )
    return (
        f"{where}: {desk.said.origin} does not know the stage {first['stage']!r}. "
        f"{choices(first['stage'], desk.said.known_stages)} "
        f"To add, to stages or to [outcomes]: {found}."
    )


def spellings(strange: Iterable[str], said: Settings) -> dict[str, str]:
    """Pair stages that differ from a known one in capitals and blanks alone with its spelling.

    A pipeline in parentheses behind it, as HubSpot writes stages of several, changes nothing.
    """
    known: dict[str, list[str]] = {}
    for name in said.known_stages:
        known.setdefault(_letters(name), []).append(name)
    for pipeline, stages in said.pipelines.items():
        for name in (*stages, *said.outcomes):
            known.setdefault(_letters(f"{name} ({pipeline})"), [name])
    found = {stage: known.get(_letters(stage), []) for stage in strange}
    return {stage: one[0] for stage, one in found.items() if len(one) == 1 and one != [stage]}


def _letters(stage: str) -> str:
    return " ".join(stage.casefold().split())
