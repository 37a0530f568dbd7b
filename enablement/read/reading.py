"""One reading of an export, from its files or frames to the tables that are handed over."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from enablement.errors import SettingsError, choices, nearest
from enablement.read import (
    crosswalks,
    exports,
    frames,
    renames,
    rules,
    schema,
    snapshots,
    tables,
    visits,
)
from enablement.read.crm import HANDED_OVER
from enablement.read.quality import Ledger
from enablement.read.rules import identities, outcomes, owners, remarks, stagedates, stages, targets
from enablement.read.rules.desk import Desk, Source
from enablement.read.store import Store
from enablement.settings import Settings

SLIP = 0.85  # how near a name is to one of ours that was probably meant
FACTS = "facts.json"  # what kind of export it is, beside its tables


class Reading:
    """One reading of an export, from its files or frames to the tables that are handed over."""

    def __init__(self, store: Store, said: Settings, ledger: Ledger) -> None:
        self.store, self.said, self.ledger = store, said, ledger
        self.sources: dict[int, Source] = {}
        self.parts: dict[str, list[str]] = {}
        self.copies: list[tuple[dt.date, str]] = []
        self.present: list[Path] = []

    def files(self, paths: list[Path]) -> None:
        """Read files, and enter what each one is and what became of its rows."""
        _check_named(self.said, [path.name for path in paths])
        for path in paths:
            self._file(path)

    def _file(self, path: Path) -> None:
        """Read one file; its text is let go of before the next one is read."""
        for export in exports.read(path):
            self._export(export)
        pa.default_memory_pool().release_unused()

    def _export(self, export: exports.Export) -> None:
        matches = crosswalks.match(export, self.said)
        if export.within:  # of a dated copy only the opportunities are compared
            matches = [match for match in matches if match.table == "opportunities"]
        for match in matches:
            why = f"{match.reason}; {export.read_as}"
            self.ledger.file(export.name, match.table, export.rows.num_rows, why)
        for note, rows in export.notes:
            self.ledger.note(next((m.table or "" for m in matches), ""), export.name, note, rows)
        matches = [match for match in matches if match.table is not None]
        if not matches:
            return
        for match in matches:
            self._match(export, match, aside=export.aside if match is matches[0] else None)
        self._elsewhere(export, [tables.belonging(export, match) for match in matches])
        self.store.forget("raw")

    def _match(
        self, export: exports.Export, match: crosswalks.Match, *, aside: pd.DataFrame | None
    ) -> None:
        number = len(self.sources)
        self.sources[number] = Source(
            export.name,
            match.columns,
            export.locate,
            tables.dated_columns(export, match),
            match.crm,
            match.table,
        )
        none = pd.DataFrame({"line": pd.Series(dtype="Int64"), "column": [], "value": []})
        part = tables.build(
            self.store,
            export,
            match,
            self.said,
            self.ledger,
            number=number,
            aside=none.assign(reason="") if aside is None else aside,
        )
        self.parts.setdefault(match.table or "", []).append(part)

    def _elsewhere(self, export: exports.Export, belongs: list[str]) -> None:
        """Count the rows of a file that belong to none of the tables it feeds."""
        rest = self.store.query(
            f"select row from raw where not ({' or '.join(belongs)}) order by row"
        )
        if rest.empty:
            return
        lines = export.lines(set(rest["row"].astype(int)))
        aside = pd.DataFrame({"line": rest["row"].map(lines).astype("Int64"), "column": None,
                              "value": None, "reason": "of no field that is used"})  # fmt: skip
        self.ledger.rows("", export.name, rows_in=len(rest), aside=aside)

    def check_values(self) -> None:
        """Refuse what is said of the values of a column that no file has.

        Raises
        ------
        SettingsError
            Naming the nearest column.
        """
        for table, said in self.said.values.items():
            parts = self.parts.get(table, [])
            names = [name for part in parts for name in self.store.columns(part)]
            known = [name for name in dict.fromkeys(names) if name not in schema.RESERVED]
            for column in said:
                if parts and column not in names:
                    raise SettingsError(
                        f"{self.said.origin}: [values.{table}] names the column {column!r}. "
                        f"{choices(column, known)}"
                    )

    def dated(self, files: list[Path], taken: list[tuple[dt.date, list[Path]]]) -> None:
        """Build a history of stages by comparing the dated copies of the export.

        The copies are worked in once the export itself is read; see `finish`.
        """
        if not taken:
            return
        if "stage_events" in self.parts or "changes" in self.parts:
            lines = sum(len(paths) for _, paths in taken)
            note = "dated copies, not compared: the export has a history of its own"
            self.ledger.note("stage_events", snapshots.FOLDER, note, lines)
            return
        own, self.parts = self.parts, {}
        parts: list[tuple[dt.date, str]] = []
        for day, paths in taken:
            before = len(self.parts.get("opportunities", []))
            for path in paths:
                for export in exports.read(path):
                    within = f"{snapshots.FOLDER}/{day}/"
                    self._export(dataclasses.replace(export, within=within))
            parts += [(day, part) for part in self.parts.get("opportunities", [])[before:]]
        self.parts, self.copies, self.present = own, parts, files

    def _compare(self) -> None:
        """Work the dated copies into the history, the export itself being the last of them."""
        if not self.copies:
            return
        identities.names_for_ids(self._desk(), [part for _, part in self.copies])
        present = self.store.query("select * from opportunities order by file, row")
        day = snapshots.export_day(
            [(day, []) for day, _ in self.copies],
            self.present,
            exported_on=self.said.exported_on,
            seen_until=_last_day(present) or self.copies[-1][0],
        )
        rows = [
            self._as_taken(when, self.store.query(f"select * from {part} order by file, row"))
            for when, part in self.copies
            if when != day
        ]
        known = self._as_taken(day, present)
        if present["opportunity_id"].isna().any():
            self.store.add("ids", known[["file", "row", "opportunity_id"]])
            self.store.own("opportunities")
            self.store.run(
                "update opportunities set opportunity_id = ids.opportunity_id from ids "
                "where ids.file = opportunities.file and ids.row = opportunities.row"
            )
        history = snapshots.history(
            pd.concat([*rows, known], ignore_index=True), visits.places(self.said)
        )
        self._enter(history, known["opportunity_id"])

    def _as_taken(self, day: dt.date, frame: pd.DataFrame) -> pd.DataFrame:
        """Prepare the opportunities of one copy to be compared with the others."""
        file = self.sources[int(frame["file"].iloc[0])].file if len(frame) else str(day)
        if frame["opportunity_id"].isna().any():
            ids = snapshots.keys(frame, self.said.snapshot_key, name=file)
            frame = frame.assign(opportunity_id=ids)
        names = list(self.said.pipelines)
        if len(names) == 1:
            frame = frame.assign(pipeline=names[0])
        rep = frame["rep_id"].fillna(frame["owner_name"])
        frame, _ = renames.of_opportunities(frame.assign(rep_id=rep), self.said, taken=day)
        frame = self._spelt(frame, file)
        self.store.add("copy_rows", frame[["file", "row", "stage", "pipeline"]])
        stages.stages_known(self._desk(), "copy_rows", "t.pipeline")
        return frame.assign(taken=pd.Timestamp(day))

    def _spelt(self, frame: pd.DataFrame, file: str) -> pd.DataFrame:
        """Spell the stages of a copy as the settings do; the export's own are counted later."""
        counts = frame["stage"].value_counts()
        meant = stages.spellings(counts.index, self.said)
        for stage, spelt in meant.items():
            if file.startswith(f"{snapshots.FOLDER}/"):
                note = f"stage {stage!r} read as {spelt!r}"
                self.ledger.note("opportunities", file, note, counts[stage])
        return frame.assign(stage=frame["stage"].replace(meant)) if meant else frame

    def _enter(self, history: snapshots.History, present: pd.Series) -> None:
        """Put what the comparison found where a history of the CRM's own would stand."""
        number = len(self.sources)
        self.sources[number] = Source(snapshots.FOLDER, {}, lambda rows: {})
        for table, frame in (
            ("stage_events", history.events),
            ("owner_changes", history.owner_changes),
        ):
            kept = frame[frame["opportunity_id"].isin(present)]
            columns = [name for name in schema.SCHEMA[table] if name in kept]
            self.store.show("found", kept[columns].assign(file=number, row=range(len(kept))))
            self.store.run(f"insert into {table} by name select * from found")
            self.store.forget("found")
        for note, rows in history.notes[["note", "rows"]].itertuples(index=False):
            self.ledger.note("stage_events", snapshots.FOLDER, note, rows)

    def frame(self, table: str, frame: pd.DataFrame) -> None:
        """Take a DataFrame that carries our column names."""
        name, number = f"DataFrame {table}", len(self.sources)
        taken = frames.adopt(frame, table, self.said, self.ledger, name=name)
        self.sources[number] = Source(
            name, {}, lambda rows: {row: row for row in rows}, table=table
        )
        self.store.show("given", taken)
        self.store.make(f"{table}_{number}", frames.adopted(taken, table, number=number))
        self.store.forget("given")
        self.parts.setdefault(table, []).append(f"{table}_{number}")

    def finish(self) -> None:
        """Put the parts together, apply the rules, and build the visits."""
        self._together()
        self._compare()
        desk = self._desk()
        rules.apply(desk)
        dates = stagedates.stage_dates(desk, self._stage_dates())
        visits.build(self.store, self.said, dates)
        dated = {stage for stage, _ in dates.values()}
        self.dated_stages = tuple(stage for stage in self.said.stages if stage in dated)
        outcomes.closed(desk)
        outcomes.moves(desk)
        targets.quotas(desk)
        targets.rates(desk)
        self.reps = owners.reps(desk)
        facts = self.facts()
        remarks.orders(desk, self.reps, facts["last_seen"])
        remarks.what_cannot_be_said(
            desk, history=facts["stage_history"], owners=facts["owner_history"]
        )

    def _desk(self) -> Desk:
        return Desk(self.store, self.said, self.ledger, self.sources)

    @functools.cache  # noqa: B019 (a reading lives as long as its store)
    def facts(self) -> dict[str, Any]:
        """Say what kind of export it is: its histories, its dates, and how far they reach."""
        found = self.store.one(
            "select coalesce(bool_or(origin in ('history', 'snapshots')), false) "
            "as stage_history, coalesce(bool_or(rep is not null), false) or "
            "(select count(*) > 0 from owner_changes) as owner_history from event_steps"
        )
        last = self.store.one(
            "select greatest((select max(greatest(created_at, closed_at)) from opportunities), "
            "(select max(coalesce(entered_at, placed_at)) from steps)) as last"
        )["last"]
        last_seen = None if last is None else last.date()
        return {**found, "dated_stages": self.dated_stages, "last_seen": last_seen}

    def save(self, into: Path) -> None:
        """Leave the tables, and what happened to the rows, as files in a folder."""
        saved = {name: f"from {name}" for name in ("more_steps", "spots", "rep_codes")}
        saved |= {name: self._listed(name) for name in self._tables()}
        saved["numbered"] = (
            f"select o.n, r.rep as rep_code, c.rep as creator_code, "
            f"{schema.handed_over(self.store, 'opportunities', called='o')} from opportunities o "
            "left join rep_codes r on r.rep_id = o.rep_id "
            "left join rep_codes c on c.rep_id = o.created_by"
        )
        for name, sql in saved.items():
            self.store.save(sql, into / f"{name}.parquet")
        self.store.show("listed_reps", self.reps)
        self.store.save("select * from listed_reps", into / "reps.parquet")
        self.ledger.close().save(into)
        facts = {**self.facts(), "last_seen": str(self.facts()["last_seen"] or "") or None}
        (into / FACTS).write_text(json.dumps(facts), encoding="utf-8")

    def _together(self) -> None:
        absent = [table for table in schema.KNOWN if table not in self.parts]
        self.store.lack({name: schema.empty(name) for name in absent})
        for table, parts in self.parts.items():
            self.store.unite(table, parts)

    def _stage_dates(self) -> dict[str, tuple[str, str | None]]:
        """List the columns of the opportunities that say when a stage was entered."""
        alone = len(self.said.pipelines) == 1
        given = [source.stage_dates for source in self.sources.values()]
        own = {header: (stage, None) for stage, header in self.said.stage_dates.items()}
        return {
            name: (stage, None if alone else pipeline)
            for dates in (given if any(given) else [own])
            for name, (stage, pipeline) in dates.items()
        }

    def _tables(self) -> list[str]:
        """List the tables that are handed over as they were read."""
        made = {*visits.OF_KEPT, "reps"}
        return [name for name in HANDED_OVER if name not in made]

    def _listed(self, name: str) -> str:
        return f"select {schema.handed_over(self.store, name)} from {name}"

    def frames(self) -> dict[str, pd.DataFrame]:
        """Fetch every table but the reps."""
        read = {
            name: self.store.query(self._listed(name))
            if name in self.parts
            else schema.nothing(name).copy()
            for name in self._tables()
        }
        made = {
            name: self.store.query(sql + (f" order by {order}" if order else ""))
            for name, (sql, order) in visits.OF_KEPT.items()
            if name != "opportunities"
        }
        return {"opportunities": self.store.query(self._listed("opportunities")), **read, **made}


def _last_day(opportunities: pd.DataFrame) -> dt.date | None:
    last = opportunities[["created_at", "closed_at", "last_stage_change"]].max().max()
    return None if pd.isna(last) else last.date()


def _check_named(said: Settings, names: list[str]) -> None:
    for key in ("files", "columns", "values", "tables"):
        known = [*schema.SCHEMA, *(HANDED_OVER if key == "tables" else ())]
        for table in getattr(said, key):
            if table not in known:
                raise SettingsError(
                    f"{said.origin}: [{key}] names the table {table!r}. "
                    f"{choices(table, list(dict.fromkeys(known)))}"
                )
    for table, own in said.columns.items():
        for name in own:
            if name.casefold() in schema.RESERVED and name not in schema.SCHEMA[table]:
                raise SettingsError(
                    f"{said.origin}: [columns.{table}] {name} = {own[name]!r}: the name {name!r} "
                    f"is needed within. Call it otherwise, such as crm_{name}."
                )
            slip = nearest(name, list(schema.SCHEMA[table]), cutoff=SLIP)
            if not name.strip() or (slip and name not in schema.SCHEMA[table]):
                raise SettingsError(
                    f"{said.origin}: [columns.{table}] {name!r} = {own[name]!r} is no column "
                    f"of ours.{slip} Call it otherwise if not, such as crm_{name or 'name'}."
                )
    twice = {file for file in said.files.values() if list(said.files.values()).count(file) > 1}
    if twice:
        raise SettingsError(f"{said.origin}: [files] names {min(twice)!r} for two tables.")
    for table, file in said.files.items():
        if file not in names:
            raise SettingsError(
                f"{said.origin}: [files] {table} = {file!r} is not there. {choices(file, names)}"
            )
    for place in said.formats:
        fits = any(f"{place}, ".startswith(f"{name}, ") for name in names)
        if not fits and not place.startswith(f"{snapshots.FOLDER}/"):
            raise SettingsError(
                f"{said.origin}: [formats] names {place!r}, which is not there. "
                f"{choices(place, names)}"
            )
