"""A CRM export as trusted tables: the way in, from a folder or from DataFrames."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import pandas as pd
import pyarrow as pa

from enablement import settings as workspace
from enablement.errors import CannotSayError, ExportError, SettingsError, choices
from enablement.periods import Period
from enablement.read import (
    cache,
    crosswalks,
    engine,
    exports,
    frames,
    renames,
    rules,
    schema,
    snapshots,
    tables,
    visits,
)
from enablement.read.engine import Store, View
from enablement.read.quality import Ledger, Quality
from enablement.read.rules import identities, outcomes, owners, remarks, stagedates, stages, targets
from enablement.read.rules.desk import Desk, Source
from enablement.settings import Settings

HANDED_OVER = (
    *("opportunities", "stage_events", "stage_visits", "closings", "reps", "quotas", "rates"),
    *("activities", "accounts", "calendar", "training"),
    *("assessments", "reactions", "practice", "coaching"),
)


FACTS = "facts.json"
T = TypeVar("T")


class Table:
    """A table of the export as a DataFrame, fetched when first asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember which table it is."""
        self.name = name

    @overload
    def __get__(self, crm: None, owner: type) -> Table: ...
    @overload
    def __get__(self, crm: CRM, owner: type) -> pd.DataFrame: ...
    def __get__(self, crm: CRM | None, owner: type) -> Table | pd.DataFrame:
        """Fetch it from where it lies."""
        if crm is None:
            return self
        source = crm.sources[self.name]
        if isinstance(source, pd.DataFrame):
            return source
        order = f" order by {source.order}" if isinstance(source, View) and source.order else ""
        frame = crm.session.query(f"select * from it{order}", {"it": source})
        crm.__dict__[self.name] = frame  # the next time it is found there
        return frame


@dataclasses.dataclass(frozen=True, repr=False)
class CRM:
    """The tables of one export, and what happened to its rows.

    opportunities, stage_events, stage_visits, reps : as in the dictionary of the
        data; times are naive UTC
    closings : one row per outcome an opportunity had (opportunity_id, closing, closed_at,
        outcome, rep_id); a reopened one has several
    quotas, rates, activities, accounts, calendar, training, assessments, reactions,
    practice, coaching : as in the dictionary; without rows where the export has none
    sources : table -> a DataFrame, the Parquet file it lies in, or a `View` of such files
    kept : the coded tables that a reading left; none where DataFrames were given
    settings : what the workspace says
    quality : what was used, set aside and changed
    stage_history : whether the export has a history of stages
    owner_history : whether it has a history of owners
    dated_stages : in their order, the stages that have a column with the date of entering them
    last_seen : the last day seen in the data
    """

    sources: Mapping[str, engine.Table]
    settings: Settings
    quality: Quality
    stage_history: bool
    owner_history: bool
    dated_stages: tuple[str, ...]
    last_seen: dt.date | None
    kept: Mapping[str, Path] = dataclasses.field(default_factory=dict)

    opportunities = Table()
    stage_events = Table()
    stage_visits = Table()
    closings = Table()
    reps = Table()
    quotas = Table()
    rates = Table()
    activities = Table()
    accounts = Table()
    calendar = Table()
    training = Table()
    assessments = Table()
    reactions = Table()
    practice = Table()
    coaching = Table()

    def __repr__(self) -> str:
        """Say what it holds in a line."""
        count = self.session.query(
            "select (select count(*) from opportunities) as o, (select count(*) from stage_visits) "
            "as v",
            self.counted,
        ).iloc[0]
        try:
            seen = f"seen until {self.seen_until:%Y-%m-%d}"
        except CannotSayError:
            seen = "no day seen"
        return (
            f"CRM: {count['o']:,} opportunities, {count['v']:,} stage "
            f"visits, {len(self.sellers):,} reps, {seen}"
        )

    @functools.cached_property
    def counted(self) -> Mapping[str, engine.Table]:
        """The tables as measures count them; see `visits.counted`."""
        return visits.counted(self.sources, self.settings, self.kept)

    @functools.cached_property
    def session(self) -> engine.Session:
        """The database in which measures are counted."""
        there = engine.remote(self.sources)
        if there is not None:
            return there.warehouse
        place = next((path.parent for path in self.kept.values()), None)
        return engine.Session({**self.sources, **self.kept}, place)

    @functools.cached_property
    def sellers(self) -> pd.DataFrame:
        """The reps who sell: everybody but those who only manage others."""
        names = ("opportunities", "stage_visits", "closings")
        owners = self.session.query(
            "select rep_id from reps where rep_key in ("
            + " union ".join(f"select rep_id from {name}" for name in names)
            + ")",
            self.counted,
        )["rep_id"]
        managers = set(self.reps["manager_id"].dropna()) & set(self.reps["rep_id"])
        sells = self.reps["rep_id"].isin(owners) | ~self.reps["rep_id"].isin(managers)
        return self.reps[sells].reset_index(drop=True)

    def columns(self, table: str) -> list[str]:
        """List the columns of a table."""
        source = self.sources[table]
        if isinstance(source, pd.DataFrame):
            return list(source)
        return self._once(f"columns of {table}", lambda: list(self._ask(table, "*", "limit 0")))

    def has(self, table: str, column: str) -> bool:
        """Whether a table knows any value of a column."""
        return self._once(f"{column} of {table}", lambda: self._some(table, column))

    def values(self, table: str, column: str, *, beside: str | None = None) -> list[str]:
        """List the values of a column as texts, each once, in order.

        Parameters
        ----------
        beside : only of rows in which this column has a value too
        """
        names = [column, beside or column]
        return self._once(f"values of {names} of {table}", lambda: self._values(table, *names))

    def first(self, table: str, column: str) -> pd.Timestamp | None:
        """Find the earliest time in a column; None where it has none."""
        what = f"min({engine.quoted(column)})::timestamp as first"
        found = self._once(f"first {what} of {table}", lambda: self._ask(table, what, ""))
        return None if found["first"].isna().all() else pd.Timestamp(found["first"].item())

    def _some(self, table: str, column: str) -> bool:
        source, name = self.sources[table], engine.quoted(column)
        if isinstance(source, pd.DataFrame):
            return bool(source[column].notna().any())
        return len(self._ask(table, "1 as one", f"where {name} is not null limit 1")) > 0

    def _values(self, table: str, column: str, beside: str) -> list[str]:
        name, other = engine.quoted(column), engine.quoted(beside)
        rest = f"where {name} is not null and {other} is not null order by 1"
        return list(self._ask(table, f"distinct {name}::varchar as value", rest)["value"])

    def _ask(self, table: str, what: str, rest: str) -> pd.DataFrame:
        return self.session.query(f"select {what} from it {rest}", {"it": self.sources[table]})

    def _once(self, key: str, ask: Callable[[], T]) -> T:
        """Ask what cannot change once only."""
        known: dict[str, Any] = self.__dict__.setdefault("_known", {})
        if key not in known:
            known[key] = ask()
        return known[key]

    @property
    def seen_until(self) -> dt.date:
        """The day of the export: as the settings say, else the last day seen in the data."""
        if self.settings.exported_on is not None:
            return self.settings.exported_on
        if self.last_seen is None:
            raise CannotSayError(
                f"The export has no date. Say its day in {self.settings.origin}: "
                "exported_on = 2026-09-30."
            )
        return self.last_seen

    def period(self, name: str | Period | tuple[object, object]) -> Period:
        """Find the days of a fiscal period such as ``2026Q3``."""
        return self.settings.period(name)

    def as_of(self, period: str | Period) -> dt.date:
        """Find the moment of a period's report: its last day, or the export's if earlier."""
        return min(self.period(period).end, self.seen_until)


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
    for key in ("files", "columns", "values"):
        for table in getattr(said, key):
            if table not in schema.SCHEMA:
                raise SettingsError(
                    f"{said.origin}: [{key}] names the table {table!r}. "
                    f"{choices(table, list(schema.SCHEMA))}"
                )
    for table, own in said.columns.items():
        for name in own:
            if name.casefold() in schema.RESERVED and name not in schema.SCHEMA[table]:
                raise SettingsError(
                    f"{said.origin}: [columns.{table}] {name} = {own[name]!r}: the name {name!r} "
                    f"is needed within. Call it otherwise, such as crm_{name}."
                )
    twice = {file for file in said.files.values() if list(said.files.values()).count(file) > 1}
    if twice:
        raise SettingsError(f"{said.origin}: [files] names {min(twice)!r} for two tables.")
    for table, file in said.files.items():
        if file not in names:
            raise SettingsError(
                f"{said.origin}: [files] {table} = {file!r} is not there. {choices(file, names)}"
            )


def _unrecognised(folder: Path, said: Settings, ledger: Ledger) -> ExportError:
    seen = ledger.close().files
    files = "; ".join(f"{file}: {why}" for file, why in zip(seen["file"], seen["why"], strict=True))
    return ExportError(
        f"No file in {folder.name} is recognised as opportunities ({files}). Name it in "
        f'{said.origin}: [files] opportunities = "...", and its columns: '
        '[columns.opportunities] opportunity_id = "...", stage = "...".'
    )
