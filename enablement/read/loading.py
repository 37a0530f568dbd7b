"""The way in: the tables of a folder of exports, or of DataFrames."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from enablement import settings as workspace
from enablement.errors import ExportError, choices
from enablement.read import cache, exports, schema, snapshots, visits
from enablement.read.crm import CRM, HANDED_OVER
from enablement.read.engine import View
from enablement.read.quality import Ledger, Quality
from enablement.read.reading import FACTS, Reading
from enablement.read.store import Store
from enablement.settings import Settings


def load(
    folder: str | Path, settings: Settings | Mapping[str, Any] | str | Path | None = None
) -> CRM:
    """Read a folder of exports.

    Parameters
    ----------
    folder : where the exports lie; a relative path starts at the workspace's root
    settings : a path, a dict, or None for the folder's ``settings.toml``

    Raises
    ------
    ExportError
        If the folder or a needed file or column is not there, or a file is empty.
    SettingsError
        If the settings do not fit, a stage is not in them, or dates are ambiguous.
    """
    if not isinstance(folder, (str, Path)):
        raise ExportError(f"{folder!r} is no folder. Give its path.")
    place = workspace.root() / folder
    found = {path.name: path for path in exports.find(place)}
    taken = snapshots.find(place)
    for day, paths in taken:
        found |= {f"{snapshots.FOLDER}/{day}/{path.name}": path for path in paths}
    _check_spelt(found)
    said = workspace.read(settings, folder=place)
    before = stamps(found)
    name = cache.key(found, said)

    def read(into: Path) -> None:
        _read(place, said, into)
        check_unchanged(before, stamps(found))

    return opened(cache.find(name) or cache.keep(name, read), said)


def _check_spelt(found: Iterable[str]) -> None:
    """Refuse a file whose name no table can hold, as old archives leave them."""
    for name in found:
        shown = os.fsencode(name).decode(errors="replace")
        if shown != name:
            raise ExportError(f"The name of the file {shown} is no UTF-8. Give it another one.")


def stamps(found: Mapping[str, Path]) -> dict[str, tuple[int, ...]]:
    """Note of each file what changes when somebody writes to it; nothing of one that is gone."""
    stats = {name: path.stat() for name, path in found.items() if path.exists()}
    return {name: (at.st_mtime_ns, at.st_size, at.st_ino) for name, at in stats.items()}


def check_unchanged(before: Mapping[str, object], after: Mapping[str, object]) -> None:
    """Refuse a reading whose first and last look may have met different files."""
    for name, stamp in before.items():
        if after.get(name) != stamp:
            raise ExportError(
                f"{name} was written to while it was read. Read again once it is whole."
            )


def _read(folder: Path, said: Settings, into: Path) -> None:
    """Read the files of a folder, and leave the tables as Parquet."""
    with Store(said.timezone, into) as store:
        reading = Reading(store, said, Ledger())
        files = exports.find(folder)
        reading.files(files)
        for line in exports.passed_over(folder):
            reading.ledger.passed_over(line)
        if "opportunities" not in reading.parts:
            raise _unrecognised(folder, said, reading.ledger)
        reading.check_values()
        reading.dated(files, snapshots.find(folder))
        reading.finish()
        reading.save(into)


def opened(place: Path, said: Settings) -> CRM:
    """Open the tables that a reading left; each is fetched when it is asked for."""
    facts = json.loads((place / FACTS).read_text(encoding="utf-8"))
    last = facts["last_seen"]
    kept = {name: place / f"{name}.parquet" for name in visits.KEPT}
    made = {name: View(sql, kept, order=order) for name, (sql, order) in visits.OF_KEPT.items()}
    return CRM(
        sources={name: made.get(name) or place / f"{name}.parquet" for name in HANDED_OVER},
        settings=said,
        quality=Quality.opened(place),
        stage_history=facts["stage_history"],
        owner_history=facts["owner_history"],
        dated_stages=tuple(facts["dated_stages"]),
        last_seen=None if last is None else dt.date.fromisoformat(last),
        kept=kept,
    )


def crm(
    *,
    opportunities: pd.DataFrame,
    stage_events: pd.DataFrame | None = None,
    reps: pd.DataFrame | None = None,
    settings: Settings | Mapping[str, Any] | str | Path,
    **others: pd.DataFrame,
) -> CRM:
    """Make the same tables from DataFrames that come from anywhere.

    Parameters
    ----------
    opportunities : at least ``opportunity_id``, and ``stage`` unless `stage_events`
        has it; the outcome follows from the stage
    stage_events : ``opportunity_id``, ``entered_at``, ``stage`` and, where known,
        ``rep_id``, ``amount``; an outcome may stand as a stage
    reps : ``rep_id`` and what is known of them
    settings : a path or a dict; at least ``stages`` and ``outcomes``
    **others : quotas, activities, accounts, owner_changes and the other tables

    Raises
    ------
    EnablementError
        As for `load`.
    """
    said = workspace.read(settings, folder=workspace.root())
    given = {"opportunities": opportunities, "stage_events": stage_events, "reps": reps, **others}
    for table in others:
        if table not in schema.KNOWN:
            raise ExportError(f"No table is called {table!r}. {choices(table, list(schema.KNOWN))}")
    with Store(said.timezone) as store:
        reading = Reading(store, said, Ledger())
        for table, frame in given.items():
            if frame is not None:
                reading.frame(table, frame)
        reading.finish()
        return CRM(
            sources={**reading.frames(), "reps": reading.reps},
            settings=said,
            quality=reading.ledger.close(),
            **reading.facts(),
        )


def _unrecognised(folder: Path, said: Settings, ledger: Ledger) -> ExportError:
    seen = ledger.close().files
    files = "; ".join(f"{file}: {why}" for file, why in zip(seen["file"], seen["why"], strict=True))
    return ExportError(
        f"No file in {folder.name} is recognised as opportunities ({files}). Name it in "
        f'{said.origin}: [files] opportunities = "...", and its columns: '
        '[columns.opportunities] opportunity_id = "...", stage = "...".'
    )
