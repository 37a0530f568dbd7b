"""A CRM export as trusted tables: the way in, from a folder or from DataFrames."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from enablement import settings as workspace
from enablement.errors import (
    CannotSayError,
    EnablementError,
    ExportError,
    SettingsError,
    choices,
)
from enablement.periods import Period
from enablement.read import crosswalks, exports, tables, visits
from enablement.read.quality import Ledger, Quality
from enablement.settings import Settings

OTHER_TABLES = (
    *("activities", "accounts", "calendar", "training"),
    *("assessments", "reactions", "practice", "coaching"),
)
PLACE = ["file", "row"]  # where a row came from, until the tables are handed over


@dataclasses.dataclass(frozen=True)
class CRM:
    """The tables of one export, and what happened to its rows.

    opportunities, stage_events, stage_visits, reps : as in the dictionary of the
        data; times are naive UTC
    closings : one row per outcome an opportunity had (opportunity_id, closed_at, outcome,
        rep_id); a reopened one has several
    quotas, activities, accounts, calendar, training, assessments, reactions,
    practice, coaching : as in the dictionary; without rows where the export has none
    settings : what the workspace says
    quality : what was used, set aside and changed
    stage_history : whether the export has a history of stages
    owner_history : whether it has a history of owners
    """

    opportunities: pd.DataFrame
    stage_events: pd.DataFrame
    stage_visits: pd.DataFrame
    closings: pd.DataFrame
    reps: pd.DataFrame
    quotas: pd.DataFrame
    activities: pd.DataFrame
    accounts: pd.DataFrame
    calendar: pd.DataFrame
    training: pd.DataFrame
    assessments: pd.DataFrame
    reactions: pd.DataFrame
    practice: pd.DataFrame
    coaching: pd.DataFrame
    settings: Settings
    quality: Quality
    stage_history: bool
    owner_history: bool

    def __repr__(self) -> str:
        """Say what it holds in a line."""
        return (
            f"CRM: {len(self.opportunities):,} opportunities, {len(self.stage_visits):,} stage "
            f"visits, {len(self.sellers):,} reps, seen until {self.seen_until:%Y-%m-%d}"
        )

    @functools.cached_property
    def sellers(self) -> pd.DataFrame:
        """The reps who sell: everybody but those who only manage others."""
        tables = (self.opportunities, self.stage_visits, self.closings)
        owners = {rep for table in tables for rep in table["rep_id"].dropna()}
        managers = set(self.reps["manager_id"].dropna()) & set(self.reps["rep_id"])
        sells = self.reps["rep_id"].isin(owners) | ~self.reps["rep_id"].isin(managers)
        return self.reps[sells].reset_index(drop=True)

    @functools.cached_property
    def seen_until(self) -> dt.date:
        """The day of the export: as the settings say, else the last day seen in the data."""
        if self.settings.exported_on is not None:
            return self.settings.exported_on
        columns = (self.opportunities["created_at"], self.opportunities["closed_at"])
        last = pd.concat([*columns, self.stage_events["entered_at"]]).max()
        if pd.isna(last):
            raise CannotSayError(
                f"The export has no date. Say its day in {self.settings.origin}: "
                "exported_on = 2026-09-30."
            )
        return last.date()

    def period(self, name: str | Period | tuple[object, object]) -> Period:
        """Find the days of a fiscal period such as ``2026Q3``."""
        return self.settings.period(name)

    def as_of(self, period: str | Period) -> dt.date:
        """Find the moment of a period's report: its last day, or the export's if earlier."""
        return min(self.period(period).end, self.seen_until)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the rows of a table came from, so that a message can name the line."""

    file: str
    headers: Mapping[str, str]
    lines: Callable[[set[int]], dict[int, int]]


def load(
    folder: str | Path, settings: Settings | Mapping[str, Any] | str | Path | None = None
) -> CRM:
    """Read a folder of CSV exports.

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
    files = exports.find(place)
    said = workspace.read(settings, folder=place)
    ledger = Ledger()
    frames: dict[str, list[pd.DataFrame]] = {}
    sources: dict[str, Source] = {}
    _check_named(said, files)
    for export in (export for path in files for export in exports.read(path)):
        match = crosswalks.match(export, said)
        ledger.file(export.name, match.table, export.rows.num_rows, match.reason)
        if match.table is None:
            continue
        frame = tables.build(export, match, said, ledger)
        frames.setdefault(match.table, []).append(frame.assign(file=export.name))
        sources[export.name] = Source(export.name, match.columns, export.lines)
    if "opportunities" not in frames:
        raise _unrecognised(place, ledger)
    whole = {table: pd.concat(parts, ignore_index=True) for table, parts in frames.items()}
    return _assemble(whole, said, ledger, sources)


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
    ledger = Ledger()
    given = {"opportunities": opportunities, "stage_events": stage_events, "reps": reps, **others}
    for table in others:
        if table not in tables.SCHEMA:
            raise ExportError(
                f"No table is called {table!r}. {choices(table, list(tables.SCHEMA))}"
            )
    whole, sources = {}, {}
    for table, frame in given.items():
        if frame is None:
            continue
        name = f"DataFrame {table}"
        whole[table] = tables.adopt(frame, table, said, ledger, name=name).assign(file=name)
        sources[name] = Source(name, {}, lambda rows: {row: row for row in rows})
    return _assemble(whole, said, ledger, sources)


def _check_named(said: Settings, files: list[Path]) -> None:
    names = [path.name for path in files]
    for key in ("files", "columns", "values"):
        for table in getattr(said, key):
            if table not in tables.SCHEMA:
                raise SettingsError(
                    f"{said.origin}: [{key}] names the table {table!r}. "
                    f"{choices(table, list(tables.SCHEMA))}"
                )
    twice = {file for file in said.files.values() if list(said.files.values()).count(file) > 1}
    if twice:
        raise SettingsError(f"{said.origin}: [files] names {min(twice)!r} for two tables.")
    for table, file in said.files.items():
        if file not in names:
            raise SettingsError(
                f"{said.origin}: [files] {table} = {file!r} is not there. {choices(file, names)}"
            )


def _unrecognised(folder: Path, ledger: Ledger) -> ExportError:
    files = ", ".join(ledger.close().files["file"])
    return ExportError(
        f"No file in {folder.name} is recognised as opportunities ({files}). Name it in "
        'settings.toml: [files] opportunities = "...", and its columns: '
        '[columns.opportunities] opportunity_id = "...", stage = "...".'
    )


def _assemble(
    whole: dict[str, pd.DataFrame], said: Settings, ledger: Ledger, sources: dict[str, Source]
) -> CRM:
    books = _Books(said, ledger, sources)
    given = _table(whole, "stage_events")
    opportunities = books.opportunities(whole["opportunities"], given)
    given = books.belonging("stage_events", given, opportunities)
    owner_changes = books.belonging("owner_changes", _table(whole, "owner_changes"), opportunities)
    pipelines = opportunities.set_index("opportunity_id")["pipeline"]
    of_event = given["opportunity_id"].map(pipelines)
    books.known_stages("stage_events", given.assign(pipeline=of_event))
    events = visits.events(opportunities, given, said)
    stage_visits, closings = visits.build(opportunities, events, owner_changes, said)
    opportunities = books.closed(opportunities, closings)
    quotas = _handed_over(books.quotas(_table(whole, "quotas")))
    history = bool(events["origin"].isin(["history", "snapshots"]).any())
    owners = len(owner_changes) > 0 or bool(given["rep_id"].notna().any())
    books.what_cannot_be_said(opportunities, events, history=history, owners=owners)
    return CRM(
        opportunities=opportunities,
        stage_events=events,
        stage_visits=stage_visits,
        closings=closings,
        reps=books.reps(
            _table(whole, "reps"),
            *(table["rep_id"] for table in (opportunities, stage_visits, closings, quotas)),
        ),
        quotas=quotas,
        **{table: _handed_over(_table(whole, table)) for table in OTHER_TABLES},
        settings=said,
        quality=ledger.close(),
        stage_history=history,
        owner_history=owners,
    )


def _table(whole: dict[str, pd.DataFrame], table: str) -> pd.DataFrame:
    """Find a table with every column of its schema, and without rows if there is none."""
    schema = tables.SCHEMA[table]
    frame = whole.get(table)
    if frame is None:
        frame = pd.DataFrame({"file": pd.Series(dtype="str"), "row": pd.Series(dtype="int64")})
    absent = [name for name in schema if name not in frame]
    return frame.assign(
        **{name: pd.Series(index=frame.index, dtype=tables.DTYPES[schema[name]]) for name in absent}
    )


def _handed_over(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=PLACE).reset_index(drop=True)


class _Books:
    """The rules that turn read tables into trusted ones, and what each did to how many rows."""

    def __init__(self, said: Settings, ledger: Ledger, sources: dict[str, Source]) -> None:
        self.said, self.ledger, self.sources = said, ledger, sources

    def opportunities(self, frame: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
        """Give every opportunity an id, a pipeline, an outcome; keep each id once."""
        frame = _table({"opportunities": frame}, "opportunities")
        frame = self._with_ids(frame)
        twice = frame["opportunity_id"].duplicated()
        frame = self._set_aside(
            "opportunities", frame, twice, "opportunity_id", "stands twice; the first one is used"
        )
        if frame["stage"].isna().any():
            frame = self._stage_from_events(frame, given)
        frame = self._with_pipeline(frame)
        self.known_stages("opportunities", frame)
        frame = frame.assign(
            outcome=frame["stage"].map(self.said.outcomes).fillna("open"),
            type=self._types(frame),
            currency=frame["currency"].fillna(self.said.currency),
        )
        frame = self._unknown_amounts(frame)
        self._contradictions(frame)
        # A close date on an open one is when it is expected, not when it happened.
        is_open = frame["outcome"].eq("open")
        frame = frame.assign(
            expected_close=frame["expected_close"].where(
                ~is_open | frame["expected_close"].notna(), frame["closed_at"]
            ),
            closed_at=frame["closed_at"].mask(is_open),
        )
        return _handed_over(frame)

    def belonging(
        self, table: str, frame: pd.DataFrame, opportunities: pd.DataFrame
    ) -> pd.DataFrame:
        """Keep the rows whose opportunity is in the export."""
        if frame.empty:
            return frame
        stray = ~frame["opportunity_id"].isin(opportunities["opportunity_id"])
        return self._set_aside(
            table, frame, stray, "opportunity_id", "is not among the opportunities"
        )

    def known_stages(self, table: str, frame: pd.DataFrame) -> None:
        """Stop at a stage that the settings do not know.

        Raises
        ------
        SettingsError
            Naming file, line, stage, the known ones and the nearest.
        """
        known = visits.places(self.said)
        if "pipeline" in frame:
            fits = pd.MultiIndex.from_frame(frame[["pipeline", "stage"]]).isin(
                pd.MultiIndex.from_frame(known[["pipeline", "stage"]])
            )
        else:
            fits = frame["stage"].isin(known["stage"])
        strange = frame[frame["stage"].notna() & ~fits]
        if strange.empty:
            return
        first = strange.iloc[0]
        counts = strange["stage"].value_counts()
        found = ", ".join(f"{stage!r} ({rows:,} rows)" for stage, rows in counts.items())
        raise SettingsError(
            f"{self._where(first['file'], int(first['row']), 'stage')}: {self.said.origin} does "
            f"not know the stage {first['stage']!r}. "
            f"{choices(first['stage'], self.said.known_stages)} "
            f"To add, to stages or to [outcomes]: {found}."
        )

    def closed(self, opportunities: pd.DataFrame, closings: pd.DataFrame) -> pd.DataFrame:
        """Fill a missing close date from the history."""
        last = closings.drop_duplicates("opportunity_id", keep="last")
        at = _looked_up(opportunities["opportunity_id"], last, "closed_at")
        unknown = opportunities["outcome"].ne("open") & opportunities["closed_at"].isna()
        return opportunities.assign(closed_at=opportunities["closed_at"].mask(unknown, at))

    def reps(self, frame: pd.DataFrame, *named: pd.Series) -> pd.DataFrame:
        """List everybody who owned, closed or was to sell something, in the export's list or not.

        Of a rep with several dated assignments the last one is shown.
        """
        frame = _handed_over(frame.sort_values("from_on", na_position="first", kind="stable"))
        again = frame["rep_id"].duplicated(keep="last")
        self.ledger.note("reps", "", "earlier assignments of a rep, not shown", int(again.sum()))
        frame = frame[~again]
        owners = pd.concat(named).dropna().unique()
        strangers = sorted(set(owners) - set(frame["rep_id"]))
        self.ledger.note(
            "reps", "", "reps who are in no list of reps; their id serves as name", len(strangers)
        )
        added = pd.DataFrame({"rep_id": strangers}, dtype="str")
        whole = pd.concat([frame, added], ignore_index=True)
        return whole.assign(name=whole["name"].fillna(whole["rep_id"]))

    def quotas(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Keep one quota per rep, period and metric, under the period's own name."""
        if frame.empty:
            return frame
        names = {text: self._period_name(text) for text in frame["period"].dropna().unique()}
        frame = frame.assign(period=frame["period"].map(names))
        twice = frame.duplicated(["rep_id", "period", "metric"])
        return self._set_aside(
            "quotas", frame, twice, "rep_id", "has this quota twice; the first one is used"
        )

    def _period_name(self, text: str) -> str:
        try:
            return self.said.period(text).name
        except EnablementError:
            return text

    def what_cannot_be_said(
        self, opportunities: pd.DataFrame, events: pd.DataFrame, *, history: bool, owners: bool
    ) -> None:
        """Name what these data cannot answer, and what would answer it."""
        if not history:
            dated = set(events.loc[events["origin"].eq("stage dates"), "stage"])
            unseen = [stage for stage in self.said.stages if stage not in dated]
            if unseen:
                self.ledger.cannot(
                    f"The export has no stage history: who entered {_listed(unseen)}, and when, "
                    "is not known. So time in stage and conversion there cannot be said, nor "
                    "what was open at an earlier date."
                )
        if not owners:
            self.ledger.cannot(
                "The export has no history of owners: every stage is credited to the current owner."
            )
        if opportunities["created_at"].isna().all():
            self.ledger.cannot(
                "The export has no created date: what was created in a period cannot be said."
            )
        if opportunities["amount"].isna().all():
            self.ledger.cannot("The export has no amounts: nothing can be said in money.")

    def _with_ids(self, frame: pd.DataFrame) -> pd.DataFrame:
        absent = frame["opportunity_id"].isna()
        made = frame["file"] + " row " + (frame["row"] + 1).astype("str")
        for file, rows in frame[absent].groupby("file").size().items():
            self.ledger.note(
                "opportunities", str(file), "opportunity_id made from file and row", rows
            )
        return frame.assign(opportunity_id=frame["opportunity_id"].where(~absent, made))

    def _stage_from_events(self, frame: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
        place = visits.places(self.said).drop_duplicates("stage").set_index("stage")["place"]
        order = given.assign(place=given["stage"].map(place)).sort_values(
            ["entered_at", "place", "stage", "rep_id"]
        )
        last = order.drop_duplicates("opportunity_id", keep="last")
        found = {
            column: frame[column].fillna(_looked_up(frame["opportunity_id"], last, column))
            for column in ("stage", "rep_id")
        }
        frame = frame.assign(**found)
        return self._set_aside(
            "opportunities", frame, frame["stage"].isna(), "stage", "is missing, and has no history"
        )

    def _with_pipeline(self, frame: pd.DataFrame) -> pd.DataFrame:
        names = list(self.said.pipelines)
        if len(names) == 1:
            return frame.assign(pipeline=names[0])
        frame = frame.assign(pipeline=frame["pipeline"].fillna(""))
        strange = frame[~frame["pipeline"].isin(names)]
        if len(strange):
            first = strange.iloc[0]
            raise SettingsError(
                f"{self._where(first['file'], int(first['row']), 'pipeline')}: {self.said.origin} "
                f"does not know the pipeline {first['pipeline']!r}. "
                f"{choices(first['pipeline'], names)}"
            )
        return frame

    def _types(self, frame: pd.DataFrame) -> pd.Series:
        mapped = frame["type"].map(self.said.types)
        named = frame["type"].where(frame["type"].isin(workspace.TYPES))
        return mapped.astype("str").fillna(named)

    def _unknown_amounts(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self.said.zero_amount_when_lost == "kept":
            return frame
        zero = frame["outcome"].eq("lost") & frame["amount"].eq(0)
        for file, rows in frame[zero].groupby("file").size().items():
            self.ledger.note(
                "opportunities", str(file), "amount 0 of a lost one read as unknown", rows
            )
        return frame.assign(amount=frame["amount"].mask(zero))

    def _contradictions(self, frame: pd.DataFrame) -> None:
        """Count where the CRM's own flags say another outcome than the stage, which holds."""
        for flag, outcomes in (("IsWon", ["won"]), ("IsClosed", list(workspace.OUTCOMES))):
            if flag in frame:
                said = frame[flag].astype("str").str.casefold().isin(tables.TRUE)
                differ = frame[frame[flag].notna() & (said != frame["outcome"].isin(outcomes))]
                for file, rows in differ.groupby("file").size().items():
                    self.ledger.note(
                        "opportunities",
                        str(file),
                        f"{flag} contradicts the stage, which holds",
                        rows,
                    )

    def _set_aside(
        self, table: str, frame: pd.DataFrame, which: pd.Series, column: str, why: str
    ) -> pd.DataFrame:
        for file, rows in frame[which].groupby("file"):
            source = self.sources[str(file)]
            header = source.headers.get(column, column)
            lines = source.lines(set(rows["row"].astype(int)))
            self.ledger.set_aside(
                table,
                str(file),
                pd.DataFrame(
                    {
                        "line": rows["row"].map(lines).astype("Int64"),
                        "column": header,
                        "value": rows[column],
                        "reason": f"{column} {why}",
                    }
                ),
            )
        return frame[~which]

    def _where(self, file: str, row: int, column: str) -> str:
        source = self.sources[file]
        header = source.headers.get(column, column)
        return f"{file}, line {source.lines({row}).get(row, row)}, column {header}"


def _looked_up(ids: pd.Series, table: pd.DataFrame, column: str) -> pd.Series:
    """Find each opportunity's value in a table that has it once at most."""
    values = table.set_index("opportunity_id")[column].reindex(ids)
    return values.set_axis(ids.index)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
