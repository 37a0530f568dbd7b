"""The columns that say when a stage was entered."""

from __future__ import annotations

import collections
from collections.abc import Mapping

import pandas as pd

from enablement.errors import SettingsError
from enablement.read.engine import literal, quoted
from enablement.read.rules.desk import Desk
from enablement.read.rules.stages import unknown_stages

COLUMNS_TOLD = 3  # so many columns are named whose dates are left out
# A history holds every entry, the date of a stage only its last one: the history counts.
TOLD_BY_HISTORY = (
    "select distinct opportunity_id from stage_events where origin is distinct from 'derived'"
)


def stage_dates(
    desk: Desk, dated: Mapping[str, tuple[str, str | None]]
) -> dict[str, tuple[str, str | None]]:
    """Find the dated columns that make visits, and count the dates that make none.

    Parameters
    ----------
    dated : column of the opportunities -> stage, and pipeline if only one is meant

    Raises
    ------
    SettingsError
        If a column holds dates of a stage that the settings do not know.
    """
    if not dated:
        return {}
    wanted = {
        column: (_today(desk, stage), pipeline)
        for column, (stage, pipeline) in dated.items()
        if stage not in desk.said.unwanted_dates
    }
    _dates_known(desk, {column: stage for column, (stage, _) in wanted.items()})
    desk.store.make("told_before", TOLD_BY_HISTORY)
    told = "opportunity_id in (select opportunity_id from told_before)"
    fits = {column: _has(desk, *stage) for column, stage in wanted.items()}
    left_out = {
        f"as {desk.said.origin} says": {c: "true" for c in dated if c not in wanted},
        "because the history has them too": {c: f"{fit} and {told}" for c, fit in fits.items()},
        "because the pipeline has no such stage": {c: f"not {fit}" for c, fit in fits.items()},
    }
    for why, columns in left_out.items():
        _note_dates(desk, columns, f"dates of stages left out, {why}")
    return wanted


def _note_dates(desk: Desk, columns: Mapping[str, str], note: str) -> None:
    """Count the dates of several columns, each where its own condition holds."""
    found: collections.Counter[int] = collections.Counter()
    named = []
    for column, where in columns.items():
        rows = desk.by_file("opportunities", f"{quoted(column)} is not null and ({where})")
        found.update(rows)
        named += [column] * bool(rows)
    more = ", ..." if len(named) > COLUMNS_TOLD else ""
    told = f"{note}: {', '.join(named[:COLUMNS_TOLD])}{more}"
    for file, total in found.items():
        desk.ledger.note("opportunities", desk.sources[file].file, told, total)


def _today(desk: Desk, stage: str) -> str:
    """Say what a stage that a column is called after is called today; it may be an id."""
    if stage in desk.said.known_stages:
        return stage
    named = desk.store.query(
        f"select distinct stage from stage_names where lower(stage_id) = {literal(stage.lower())}"
    )["stage"]
    stage = named.iloc[0] if len(named) == 1 else stage
    return next((r.meant for r in desk.said.renamed_stages if r.said == stage), stage)


def _has(desk: Desk, stage: str, pipeline: str | None) -> str:
    """Write the SQL that asks whether an opportunity's pipeline has the stage that is meant."""
    there = [
        name
        for name, stages in desk.said.pipelines.items()
        if stage in (*stages, *desk.said.outcomes) and pipeline in (None, name)
    ]
    return f"pipeline in ({', '.join(map(literal, there))})" if there else "false"


def _dates_known(desk: Desk, stages: Mapping[str, str]) -> None:
    """Stop at a column with dates of a stage that the settings do not know."""
    strange = []
    for column, stage in stages.items():
        where = f"{quoted(column)} is not null"
        if stage not in desk.said.known_stages and (n := desk.count("opportunities", where)):
            first = desk.store.one(
                f"select file, row from opportunities where {where} order by all limit 1"
            )
            strange.append({"stage": stage, "column": column, "rows": n, **first})
    if strange:
        found = pd.DataFrame(strange).drop_duplicates("stage")
        first = found.sort_values(["file", "row"], kind="stable").iloc[0]
        where = desk.place(first, first["column"])
        raise SettingsError(
            f"{unknown_stages(desk, found, where, first)} If its dates are not wanted: "
            f'[stage_dates] "{first["stage"]}" = "".'
        )
