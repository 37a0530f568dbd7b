"""Dated copies of an export, and the history that shows when they are compared."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import filecmp
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from enablement.errors import ExportError, SettingsError, choices
from enablement.read import contents, engine

FOLDER = "snapshots"
EXAMPLE = "2026-09-30"
FIRST_YEAR, LAST_YEAR = 1990, 2099  # no CRM is older; what is later is a slip
HIDDEN = (".", "~$")  # copies under way, and the marks that programs leave beside open files
BLOCK = 2**20
COUNTED = 2**25  # bytes up to which the rows of a CSV are counted for a list
NOT_TEXT = (b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xfe\xff")

YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})([-_. ])(\d{1,2})\2(\d{1,2})(?!\d)")
YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([-_. ])(\d{1,2})\2(\d{4})(?!\d)")
TOGETHER = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?:[0-2]\d[0-5]\d[0-5]\d)?(?!\d)")

# What changes while an opportunity is worked on tells nothing about which one it is.
CHANGES = (
    *("stage", "outcome", "closed_at", "last_stage_change", "loss_reason", "next_step"),
    *("forecast_category", "probability", "push_count"),
)
TELLS_APART = (
    *("name", "account_id", "created_at", "type", "product", "source", "channel", "pipeline"),
    *("created_by", "quantity", "list_amount", "rep_id", "amount"),
)
COLUMNS = {
    **dict.fromkeys(("taken", "expected_close", "created_at", "closed_at"), "datetime64[us]"),
    **dict.fromkeys(("opportunity_id", "pipeline", "stage", "rep_id", "forecast_category"), "str"),
    **dict.fromkeys(("amount", "probability"), "float64"),
    "last_stage_change": "datetime64[us]",
}
HANDED = {
    "opportunity_id": "opportunity_id",
    "taken": "changed_at",
    "rep_before": "from_rep",
    "rep_id": "to_rep",
}
GONE = {"taken": "last_seen", "day_after": "missing_on"}
SHRUNK = 0.5  # of the opportunities missing at once: a filter, not sales work


@dataclasses.dataclass(frozen=True)
class Kept:
    """What became of a file that was to be kept.

    path : where it lies now
    day : the day it was taken
    done : "kept", "replaced" or "unchanged" (the same content was there for that day)
    """

    path: Path
    day: dt.date
    done: str


@dataclasses.dataclass(frozen=True)
class History:
    """What dated exports show when they are compared.

    events : stage_events with origin ``snapshots``: the first appearance of an
        opportunity, each change of its stage, and of its amount or expected close
        within a stage; besides their columns ``pipeline`` (as it was then),
        ``seen_after`` (the last snapshot that shows it otherwise; missing where none
        does, so that the stage may be much older) and ``seen_by`` (the first that
        shows it so)
    owner_changes : ``opportunity_id``, ``changed_at`` (the first snapshot that shows
        the new owner), ``from_rep``, ``to_rep``
    days : one row per snapshot: ``taken``, ``opportunities``, and of them
        ``appeared``, ``came_back``, ``moved`` (changed stage or pipeline),
        ``amount_moved``, ``close_moved``, ``handed``; ``missing``: in the snapshot
        before and not in this one
    vanished : opportunities that the last snapshot does not have, as last seen:
        ``opportunity_id``, ``pipeline``, ``stage``, ``rep_id``, ``amount``,
        ``expected_close``, ``last_seen``, ``missing_on``
    notes : ``note``, ``rows``: what the report on quality should say, and of how many
    """

    events: pd.DataFrame
    owner_changes: pd.DataFrame
    days: pd.DataFrame
    vanished: pd.DataFrame
    notes: pd.DataFrame


def add(file: str | Path, *, folder: str | Path, taken: str | dt.date | None = None) -> Kept:
    """Keep a dated copy of an export, as it is.

    Parameters
    ----------
    file : what the CRM gave; CSV, XLSX or an archive of them
    folder : the folder of the export; the copy goes to ``snapshots/DAY`` in it
    taken : the day of the export; None takes the one date in the file's name

    Raises
    ------
    ExportError
        If there is no such file or folder, the day is not known, or another file of
        that name is there for that day.
    """
    source, day, target = _planned(file, folder, taken)
    if (same := _same_content(source, target.parent)) is not None:
        return Kept(same, day, "unchanged")
    if target.exists():
        raise ExportError(
            f"{FOLDER}/{day}/{target.name} is there already, with other content. --replace "
            "puts this file in its place; under another name both are kept for that day."
        )
    _copy(source, target)
    return Kept(target, day, "kept")


def replace(file: str | Path, *, folder: str | Path, taken: str | dt.date | None = None) -> Kept:
    """Keep a dated copy of an export in the place of the one that has its name and day.

    Parameters and errors are those of `add`, but for the name.
    """
    source, day, target = _planned(file, folder, taken)
    if (same := _same_content(source, target.parent)) is not None:
        return Kept(same, day, "unchanged")
    done = "replaced" if target.exists() else "kept"
    _copy(source, target)
    return Kept(target, day, done)


def find(folder: str | Path) -> list[tuple[dt.date, list[Path]]]:
    """List the dated copies of a folder's export: each day with its files, the first day first.

    Copies that were cut off half-way are not among them.

    Raises
    ------
    ExportError
        If there is no such folder, or something lies there that belongs to no day.
    """
    place = _present(Path(folder)) / FOLDER
    if not place.is_dir():
        return []
    found = []
    for inside in sorted(_visible(place)):
        if not inside.is_dir():
            raise ExportError(
                f"{FOLDER}/{inside.name} lies in no folder of a day. Keep it with "
                f"enablement snapshot add {inside.name} --taken {EXAMPLE}."
            )
        named = f"{FOLDER}/{inside.name} is the folder of no day: "
        files = sorted(path for path in _visible(inside) if path.is_file())
        found.append((_day(inside.name, named), files))
    return [(day, files) for day, files in found if files]


def listed(folder: str | Path) -> pd.DataFrame:
    """List the dated copies with what can be said of them at little cost.

    Returns
    -------
    pandas.DataFrame
        ``day``, ``file``, ``rows`` (records below the first line of a CSV of up to
        32 MB; missing for other files), ``bytes``.
    """
    rows = [
        (day, path.name, _records(path), path.stat().st_size)
        for day, files in find(folder)
        for path in files
    ]
    table = pd.DataFrame(rows, columns=["day", "file", "rows", "bytes"])
    return table.astype({"file": "str", "rows": "Int64", "bytes": "int64"})


def day_in_name(name: str) -> dt.date:
    """Find the one date in a file's name, such as ``deals_2026-09-30.csv``.

    Raises
    ------
    ExportError
        If there is none, or it may mean several days.
    """
    found = sorted(_days_in(name))
    if len(found) == 1:
        return found[0]
    why = (
        "the name carries no date"
        if not found
        else f"by the name it may be of {' or '.join(map(str, found))}"
    )
    example = found[-1] if found else EXAMPLE
    raise ExportError(f"{name}: {why}. Say the day it was taken: --taken {example}.")


def export_day(
    found: list[tuple[dt.date, list[Path]]],
    files: Iterable[Path],
    *,
    exported_on: dt.date | None,
    seen_until: dt.date,
) -> dt.date:
    """Find the day of the export that lies in the folder itself, which comes after its snapshots.

    Parameters
    ----------
    found : the snapshots, as `find` gives them
    files : the files of the folder itself
    exported_on : the day as the settings say, if they do
    seen_until : the last day on which something happened in the folder's own files

    Returns
    -------
    datetime.date
        As the settings say; else the day of the last snapshot if one of the files is
        the same as one of its files; else `seen_until`.

    Raises
    ------
    SettingsError
        If a snapshot is of a later day.
    """
    if not found:
        return exported_on or seen_until
    last, kept = found[-1]
    day = exported_on
    if day is None:
        same = any(_equal(one, other) for one in files for other in kept)
        day = last if same else seen_until
    if last <= day:
        return day
    what = (
        f"was taken after the export in the folder, which is of {exported_on} by exported_on. "
        "Put the newest export into the folder, and say its day: "
        if exported_on
        else f"is later than anything in the folder's own files ({seen_until}). Say the day of "
        "the export in the folder: "
    )
    raise SettingsError(f"{FOLDER}/{last} {what}exported_on = {last}.")


def keys(rows: pd.DataFrame, key: Sequence[str], *, name: str) -> pd.Series:
    """Make ids from columns that together tell opportunities apart.

    Parameters
    ----------
    rows : one dated export, typed
    key : the columns, as ``[snapshots] key`` names them
    name : of the export, for messages

    Returns
    -------
    pandas.Series
        Such as ``Acme - Licence | 0015 | 2026-01-05``, with the index of `rows`.
        Different values give different ids.

    Raises
    ------
    SettingsError
        If a column is not there, or changes while an opportunity is worked on.
    ExportError
        If rows share a key, or have none; the message says what to add.
    """
    if not key:
        raise SettingsError(
            f"{name} has no ids{_lacking(rows)}, so its snapshots need a key. {_advice(rows)}"
        )
    for column in key:
        if column in CHANGES:
            raise SettingsError(
                f"[snapshots] key has {column!r}, which changes while an opportunity is worked on."
            )
        if column not in rows:
            fits = [known for known in rows.columns if known not in CHANGES]
            raise SettingsError(
                f"[snapshots] key has {column!r}, which {name} does not have. "
                f"{choices(column, fits)}"
            )
    ids = _joined(rows, key)
    empty = rows[list(key)].isna().all(axis=1)
    if empty.any():
        raise ExportError(
            f"{name}, row {int(empty.to_numpy().argmax()) + 1}: none of the columns of "
            f"[snapshots] key = {_quoted(key)} is filled in. {_advice(rows)}"
        )
    twice = ids.duplicated(keep=False).to_numpy()
    if twice.any():
        first = ids[ids.duplicated(keep=False)].iloc[0]
        where = [int(row) + 1 for row in (ids == first).to_numpy().nonzero()[0]]
        raise ExportError(
            f"{name}: {int(twice.sum()):,} rows share their [snapshots] key with another, first "
            f"{first!r} (rows {', '.join(map(str, where[:3]))}). {_advice(rows)}"
        )
    return ids


def history(rows: pd.DataFrame, places: pd.DataFrame) -> History:
    """Compare dated exports, and find what happened between them.

    What is not filled in is not known: it is no change. A stage that was left and
    entered again between two snapshots cannot be seen. Neither the order of the rows
    matters nor whether a row stands twice.

    Parameters
    ----------
    rows : one row per opportunity and dated export, the present export being the last:
        ``taken`` (the day), ``opportunity_id``, ``stage``, and where known
        ``pipeline``, ``rep_id``, ``amount``, ``expected_close``, ``created_at``,
        ``closed_at``, ``last_stage_change``, ``forecast_category``, ``probability``
    places : ``pipeline``, ``stage``, ``place`` (1 for the first stage, outcomes after
        all stages), ``outcome`` (missing for a stage that is none)
    """
    absent = [name for name in COLUMNS if name not in rows]
    rows = rows.assign(
        **{name: pd.Series(index=rows.index, dtype=COLUMNS[name]) for name in absent}
    )[list(COLUMNS)]
    if places["pipeline"].nunique() == 1:
        rows = rows.assign(pipeline=places["pipeline"].iloc[0])
    once, changes = rows, _compared(rows)
    if changes["again"].any():
        once = engine.query(engine.text("read", "snapshots_once"), {"snapshots": rows})
        changes = _compared(once)
    known = {"snapshots": once, "changes": changes, "places": places}
    events = engine.query(engine.text("read", "snapshot_events"), known)
    days = engine.query(engine.text("read", "snapshot_days"), known)
    handed = changes[changes["handed"]].rename(columns=HANDED)[list(HANDED.values())]
    gone = changes[changes["missing"] & changes["taken_after"].isna()].rename(columns=GONE)
    seen = ["opportunity_id", "pipeline", "stage", "rep_id", "amount", "expected_close"]
    return History(
        events=events.drop(columns=["by_snapshot", "unbounded"]),
        owner_changes=handed.reset_index(drop=True),
        days=days,
        vanished=gone[[*seen, *GONE.values()]].reset_index(drop=True),
        notes=_notes(rows, changes, events, days),
    )


def _compared(rows: pd.DataFrame) -> pd.DataFrame:
    found = engine.query(engine.text("read", "snapshots"), {"snapshots": rows})
    moments = ["taken", "taken_before", "taken_after", "day_before", "day_after"]
    return found.astype(dict.fromkeys(moments, "datetime64[us]"))


def _notes(
    rows: pd.DataFrame, changes: pd.DataFrame, events: pd.DataFrame, days: pd.DataFrame
) -> pd.DataFrame:
    needed = rows[["taken", "opportunity_id", "stage"]].notna().all(axis=1)
    late = changes["appeared"] & (changes["created_at"].dt.normalize() < changes["day_before"])
    gone = changes["missing"] & changes["taken_after"].isna()
    said = [
        ("snapshots compared", len(days)),
        ("rows without a day, an id or a stage, not compared", len(rows) - int(needed.sum())),
        (
            "rows of an opportunity that the same snapshot shows again; one of them is used",
            int(needed.sum()) - int(days["opportunities"].sum()),
        ),
        (
            "stages dated by the first snapshot of an opportunity, which may have been entered "
            "at any time before",
            int(events["unbounded"].sum()),
        ),
        (
            "stages entered between two snapshots, dated by the later one",
            int(events["by_snapshot"].sum()),
        ),
        (
            "opportunities that left their stage and came back to it between two snapshots, by "
            "the date of their last change; the stay elsewhere is not known",
            int(changes["round_trip"].sum()),
        ),
        (
            "opportunities that were created earlier than a snapshot that does not show them: "
            "a filter left them out, or they were restored",
            int(late.sum()),
        ),
        (
            "opportunities of earlier snapshots that the export does not have: deleted, merged "
            "into others, or left out by a filter",
            int(gone.sum()),
        ),
        (
            "opportunities missing in some snapshots and back later; nothing is said of the time "
            "between",
            int(changes.loc[changes["came_back"], "opportunity_id"].nunique()),
        ),
        ("opportunities that changed their pipeline", int(changes["rerouted"].sum())),
        *_shrunk(days),
    ]
    notes = pd.DataFrame(said, columns=["note", "rows"])
    return notes[notes["rows"] > 0].reset_index(drop=True)


def _shrunk(days: pd.DataFrame) -> list[tuple[str, int]]:
    """Name the snapshots in which most of what the one before had is missing."""
    share = days["missing"] / days["opportunities"].shift()
    return [
        (
            f"of the {int(before):,} opportunities of the snapshot before are missing in that of "
            f"{taken:%Y-%m-%d}: it looks filtered or cut off",
            int(missing),
        )
        for before, taken, missing in zip(
            days["opportunities"].shift()[share > SHRUNK],
            days["taken"][share > SHRUNK],
            days["missing"][share > SHRUNK],
            strict=True,
        )
    ]


def _planned(
    file: str | Path, folder: str | Path, taken: str | dt.date | None
) -> tuple[Path, dt.date, Path]:
    """Check what was asked for; give the file, its day and where the copy goes."""
    source, place = Path(file), _present(Path(folder))
    if not source.is_file():
        raise ExportError(f"There is no file {source}.")
    if source.stat().st_size == 0:
        raise ExportError(f"{source.name} is empty.")
    if source.name.startswith(HIDDEN):
        raise ExportError(f"{source.name} is a hidden file, which is never read. Rename it.")
    if taken is None:
        day = day_in_name(source.name)
    else:
        day = _day(str(taken), f"--taken {taken} is no day of an export: ")
    contents.kind(contents.of(source))  # kept unread, a picture would stop every later reading
    target = place / FOLDER / str(day) / source.name
    if not target.parent.resolve().is_relative_to(place.resolve()):
        raise ExportError(
            f"{FOLDER}/{day} is a link that leads out of {place}. Name the folder it leads to."
        )
    return source, day, target


def _present(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    beside = _visible(folder.parent) if folder.parent.is_dir() else []
    known = sorted(path.name for path in beside if path.is_dir())
    raise ExportError(f"There is no folder {folder}. {choices(folder.name, known)}")


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(HIDDEN)]


def _day(text: str, what: str) -> dt.date:
    """Read a day; `what` begins the message if it is none."""
    form = f"a day is written {EXAMPLE}."
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ExportError(what + form)
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise ExportError(f"{what}the month has no such day; {form}") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ExportError(f"{what}the year is not between {FIRST_YEAR} and {LAST_YEAR}.")
    return day


def _days_in(name: str) -> set[dt.date]:
    """Give every day that a name may mean."""
    found = [(year, month, day) for year, _, month, day in YEAR_FIRST.findall(name)]
    rest = YEAR_FIRST.sub("x", name)  # the time of day behind a date is no second date
    for first, _, second, year in YEAR_LAST.findall(rest):
        found += [(year, first, second), (year, second, first)]
    found += TOGETHER.findall(YEAR_LAST.sub("x", rest))
    days = set()
    for parts in found:
        year, month, day = map(int, parts)
        try:
            days.add(dt.date(year, month, day))
        except ValueError:
            continue
    return {day for day in days if FIRST_YEAR <= day.year <= LAST_YEAR}


def _same_content(source: Path, folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    files = (path for path in sorted(_visible(folder)) if path.is_file())
    return next((path for path in files if _equal(source, path)), None)


def _equal(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and filecmp.cmp(one, other, shallow=False)


def _copy(source: Path, target: Path) -> None:
    """Copy under a hidden name, and give the copy its name when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out, source.open("rb") as stream:
            shutil.copyfileobj(stream, out, BLOCK)
            out.flush()
            os.fsync(out.fileno())
        shutil.copymode(source, part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _records(path: Path) -> int | None:
    """Count the records below the first line of a CSV, if that costs little."""
    if path.stat().st_size > COUNTED:
        return None
    raw = path.read_bytes()
    if raw.startswith(NOT_TEXT) or b"\0" in raw:
        return None
    text = raw.decode("latin-1")  # quotes and line breaks are the same bytes in every encoding
    header = text.partition("\n")[0]
    delimiter = max(",;\t|", key=header.count)
    csv.field_size_limit(COUNTED)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return max(sum(any(fields) for fields in records) - 1, 0)


def _lacking(rows: pd.DataFrame) -> str:
    """Say how many rows have no id, where some have one."""
    absent = rows["opportunity_id"].isna().sum() if "opportunity_id" in rows else len(rows)
    return "" if absent == len(rows) else f" in {absent:,} of {len(rows):,} rows"


def _joined(rows: pd.DataFrame, key: Sequence[str]) -> pd.Series:
    """Write the values of some columns behind each other, so that no two rows read alike."""
    parts = ", ".join(
        f"coalesce(replace({_as_text(rows[name], f'c{n}')}, '|', '||'), '')"
        for n, name in enumerate(key)
    )
    chosen = rows[list(key)].set_axis([f"c{n}" for n in range(len(key))], axis="columns")
    found = engine.query(
        f"select concat_ws(' | ', {parts}) as id from chosen order by row",
        {"chosen": chosen.assign(row=range(len(rows)))},
    )
    return found["id"].set_axis(rows.index).rename("opportunity_id")


def _as_text(values: pd.Series, column: str) -> str:
    if not pd.api.types.is_datetime64_any_dtype(values):
        return f"cast({column} as varchar)"
    return (
        f"case when cast({column} as date) = {column} then strftime({column}, '%Y-%m-%d') "
        f"else strftime({column}, '%Y-%m-%dT%H:%M:%S.%f') end"
    )


def _advice(rows: pd.DataFrame) -> str:
    """Name the first columns that tell the rows apart, as a line of settings."""
    chosen: list[str] = []
    apart = 0
    for column in (name for name in TELLS_APART if name in rows and rows[name].notna().any()):
        now = len(rows.drop_duplicates([*chosen, column]))
        if now > apart or not chosen:
            chosen, apart = [*chosen, column], now
        if apart == len(rows):
            return f"These columns tell its rows apart: [snapshots] key = {_quoted(chosen)}."
    return (
        "No columns of it tell all rows apart; add the opportunity's id to the report in the CRM."
    )


def _quoted(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
