"""What each CRM calls things: one TOML file per CRM and language, and how the right one is found.

What such a file may say is in `enablement.read.crosswalks.files`; how to add one is in
CONTRIBUTING.md.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from enablement.errors import SettingsError, choices
from enablement.read.crosswalks.files import Entry, known, texts
from enablement.read.crosswalks.headers import Headers, fold, letters
from enablement.read.exports import Export
from enablement.settings import Settings

ADVICE = (
    "Ask the CRM's administrator for the history of stages: one row per change, with the "
    "opportunity's id, the new stage and the time. Or export the same list on several days: "
    "enablement snapshot add FILE --taken 2026-09-30 builds a history by comparing them."
)


@dataclasses.dataclass(frozen=True)
class Match:
    """How one file was recognised, for one table.

    table : the table it becomes; None if it is none of ours
    columns : our column -> the file's header
    keep_where : header -> values; rows with other values do not belong to this table
    stage_dates : header -> (stage, pipeline or None); columns with the day a stage was entered
    values : our column -> what stands there -> what is meant
    fixed : our column -> the text of every row, where the kind of file says it
    reason : in words, for the reader
    crm : whose export it is, for `advice`; None where that is not known
    """

    table: str | None
    columns: dict[str, str] = dataclasses.field(default_factory=dict)
    keep_where: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    stage_dates: dict[str, tuple[str, str | None]] = dataclasses.field(default_factory=dict)
    values: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    fixed: dict[str, str] = dataclasses.field(default_factory=dict)
    reason: str = ""
    crm: str | None = None


def advice(crm: str | None) -> str:
    """Say which report of a CRM has the history of stages, click by click.

    Parameters
    ----------
    crm : as `Match.crm` names it; None, or a CRM without advice, gives what holds everywhere
    """
    said = (text for text in texts().values() if text.get("crm") == crm and crm is not None)
    return next((text["history_advice"] for text in said if "history_advice" in text), ADVICE)


MORE = 2  # columns that plain words must read besides, to be preferred to those of a CRM


def products() -> list[str]:
    """List the CRMs that have crosswalks, each once."""
    return list(dict.fromkeys(text["crm"] for text in texts().values() if "crm" in text))


def match(export: Export, settings: Settings) -> list[Match]:
    """Recognise a file by what the settings say of it, else by its headers.

    The crosswalk with the most specific evidence wins. Two that fit equally well and read
    the file differently are not chosen between: the reason asks the settings to say.

    Returns
    -------
    list of Match
        One per table that the file feeds. A file that is none of ours gives one match
        without a table, whose reason says what came nearest.

    Raises
    ------
    SettingsError
        If the settings name a column that the file does not have.
    """
    stated = [
        table for table, file in settings.files.items() if file in (export.name, export.path.name)
    ]
    if stated:
        return [_stated(table, export, settings) for table in stated]
    fits = _ranked(export)
    if fits and not (fits[0].plain and _described(export, settings)):
        tied = [entry for entry in fits if _rank(entry, export) == _rank(fits[0], export)]
        return [_chosen(tied, export, settings)]
    table = _described(export, settings)
    if table is not None:
        return [_stated(table, export, settings)]
    return [Match(None, reason=f"its columns fit no table of ours{_nearest(export)}")]


def _ranked(export: Export, *, table: str | None = None) -> list[Entry]:
    """List the crosswalks that fit, the most specific evidence first."""
    fits = [entry for entry in known() if table in (None, entry.table) and _fits(entry, export)]
    named = [entry for entry in fits if entry.ours]
    if named:  # the file is called like a table of ours: plain words may only say it better
        fits = [entry for entry in fits if not entry.plain or entry.table == named[0].table]
    ranked = sorted(fits, key=lambda entry: _rank(entry, export), reverse=True)
    return sorted(ranked, key=lambda entry: not _plainer(entry, ranked[0], export))


def _plainer(entry: Entry, best: Entry, export: Export) -> bool:
    """Whether plain words read more of a file than a CRM of which it has one mark at most.

    A sheet kept by hand has a word or two of a CRM; the CRM's own export is read whole by them.
    """
    if not entry.plain or best.plain or best.ours or entry.table != best.table:
        return False
    headers = _headers(best, export)
    read, read_plainly = (
        len(set(_columns(each, _headers(each, export)).values())) for each in (best, entry)
    )
    return len(headers.find(best.marks)) < 2 and read_plainly >= read + MORE


def _fits(entry: Entry, export: Export) -> bool:
    headers = _headers(entry, export)
    if entry.stem is not None and fold(_stem(export)) != entry.stem:
        return False
    if headers.find(entry.without):
        return False
    if entry.telling and not headers.find(entry.telling):
        return False
    needed = all(_found(need, entry, headers) for need in entry.needs)
    return needed and len(_columns(entry, headers)) >= entry.least


def _headers(entry: Entry, export: Export) -> Headers:
    return _prepared(tuple(export.headers), entry.plain)


@functools.lru_cache(maxsize=16)
def _prepared(names: tuple[str, ...], plain: bool) -> Headers:
    """Fold the headers of a file once, not once per crosswalk."""
    return Headers(names, written=letters if plain else fold)


def _stem(export: Export) -> str:
    """Find what the data is called: the sheet or the member inside a file, else the file."""
    inside = PurePath(export.part.removeprefix("sheet ") or export.path.name)
    return inside.name.removesuffix(".gz").rpartition(".")[0] or inside.name


def _found(need: Iterable[str], entry: Entry, headers: Headers) -> list[str]:
    """List the headers by which one need is met."""
    return [header for column in need for header in headers.find(entry.headers(column))]


def _rank(entry: Entry, export: Export) -> tuple[int, ...]:
    """Weigh the evidence: a CRM's own words, then what only that product writes, then how much."""
    headers = _headers(entry, export)
    known_columns = len(set(_columns(entry, headers).values()))
    if entry.ours or entry.plain:
        return (0, known_columns, int(entry.ours))
    own = sum(bool(headers.find(theirs)) for theirs in entry.columns.values())
    return (1, len(headers.find(entry.marks)), len(entry.needs), known_columns, own)


def _columns(entry: Entry, headers: Headers) -> dict[str, str]:
    """Pair our columns with the headers that are there; plain words only where one fits."""
    found = {}
    for ours in {**entry.columns, **entry.inherited}:
        theirs = headers.find((*entry.columns.get(ours, ()), *entry.inherited.get(ours, ())))
        if theirs and not (entry.plain and len(theirs) > 1):
            found[ours] = theirs[0]
    return found


def _doubts(entry: Entry, headers: Headers) -> dict[str, list[str]]:
    """List the columns of ours that two headers could be, in plain words."""
    if not entry.plain:
        return {}
    found = {ours: headers.find(theirs) for ours, theirs in entry.columns.items()}
    return {ours: theirs for ours, theirs in found.items() if len(theirs) > 1}


def _chosen(tied: list[Entry], export: Export, settings: Settings) -> Match:
    """Make the match of the best crosswalk, or say between which it cannot be decided."""
    readings = [_matched(entry, export, settings) for entry in tied]
    first = readings[0]
    if any((other.table, other.columns) != (first.table, first.columns) for other in readings):
        names = " and ".join(entry.title for entry in tied)
        return Match(
            None,
            reason=f"its columns fit {names} equally well; say which in {settings.origin}: "
            f'[files] {tied[0].table} = "{export.name}"',
        )
    return first


def _matched(entry: Entry, export: Export, settings: Settings) -> Match:
    headers = _headers(entry, export)
    if entry.table is None:
        return Match(None, reason=entry.title)
    said = _own_columns(entry.table, export, settings)
    doubts = {ours: both for ours, both in _doubts(entry, headers).items() if ours not in said}
    needed = [ours for need in entry.needs for ours in need if ours in doubts]
    if needed:
        both = ", ".join(doubts[needed[0]])
        return Match(
            None,
            reason=f"it may be {entry.table}, but more than one column could be {needed[0]}: "
            f'{both}; say which in {settings.origin}: [columns.{entry.table}] {needed[0]} = "..."',
        )
    columns = {**_columns(entry, headers), **said}
    met = [_found(need, entry, headers)[0] for need in entry.needs]
    seen = columns.values() if entry.plain else [*headers.find(entry.telling)[:1], *met]
    unsure = "".join(
        f"; {' and '.join(both)} could each be {ours}, so neither is"
        for ours, both in doubts.items()
    )
    near = _nearest(export) if entry.plain else ""
    return Match(
        entry.table,
        _with_our_names(entry, export, columns),
        keep_where={
            columns[ours]: list(entry.values[ours]) for ours in entry.keep_where if ours in columns
        },
        stage_dates=_stage_dates(entry.table, headers.dated(entry.stage_dates), export, settings),
        values={ours: dict(meant) for ours, meant in entry.values.items() if ours in columns},
        fixed=dict(entry.fixed),
        reason=f"{entry.title}, by its columns {', '.join(dict.fromkeys(seen))}{unsure}{near}",
        crm=entry.crm,
    )


def _with_our_names(entry: Entry, export: Export, columns: dict[str, str]) -> dict[str, str]:
    """Let the other columns of a table of ours keep their names."""
    if not entry.ours:
        return columns
    used = set(columns.values())
    return {**{name: name for name in export.headers if name not in used}, **columns}


def _stated(table: str, export: Export, settings: Settings) -> Match:
    """Take a file for what the settings call it; a crosswalk may name the columns they do not."""
    said = _own_columns(table, export, settings)
    fits = _ranked(export, table=table)
    base = _matched(fits[0], export, settings) if fits else Match(None)
    used = set(said.values())
    rest = {
        **{name: name for name in export.headers if name not in used},
        **{ours: theirs for ours, theirs in base.columns.items() if theirs not in used},
    }
    reason = f"named in {settings.origin}"
    return dataclasses.replace(
        base,
        table=table,
        columns={**rest, **said},
        stage_dates=_stage_dates(table, base.stage_dates, export, settings),
        reason=f"{reason}; {base.reason}" if base.table else reason,
    )


def _described(export: Export, settings: Settings) -> str | None:
    """Find the one table whose columns the settings name and this file has, all of them."""
    headers = Headers(export.headers)
    taken = set(settings.files)
    told = [
        table
        for table, own in settings.columns.items()
        if table not in taken
        and len(own) > 1
        and all(headers.find([name]) for name in own.values())
    ]
    return told[0] if len(told) == 1 else None


def _own_columns(table: str, export: Export, settings: Settings) -> dict[str, str]:
    """Find the headers that the settings name for a table."""
    headers, found = Headers(export.headers), {}
    for ours, theirs in settings.columns.get(table, {}).items():
        here = theirs if theirs in export.headers else next(iter(headers.find([theirs])), None)
        if here is None:
            raise SettingsError(
                f"{settings.origin}: [columns.{table}] {ours} = {theirs!r}, but {export.name} "
                f"has no such column. {choices(theirs, export.headers)}"
            )
        found[ours] = here
    return found


def _stage_dates(
    table: str,
    seen: Mapping[str, tuple[str, str | None]],
    export: Export,
    settings: Settings,
) -> dict[str, tuple[str, str | None]]:
    """Join the dated columns that the headers show with those that the settings name."""
    if table != "opportunities":
        return {}
    headers, said = Headers(export.headers), {}
    for stage, theirs in settings.stage_dates.items():
        here = theirs if theirs in export.headers else next(iter(headers.find([theirs])), None)
        if here is None:
            raise SettingsError(
                f"{settings.origin}: [stage_dates] names {theirs!r}, but {export.name} has no such "
                f"column. {choices(theirs, export.headers)}"
            )
        said[here] = (stage, None)
    stages = {stage for stage, _ in said.values()}
    named = {header: _by_name(*meant, settings) for header, meant in seen.items()}
    rest = {header: meant for header, meant in named.items() if meant[0] not in stages}
    return {**rest, **said}


def _by_name(stage: str, pipeline: str | None, settings: Settings) -> tuple[str, str | None]:
    """Take what stands in brackets for the end of a stage's name where the settings know it so."""
    whole, known = f"{stage} ({pipeline})", settings.known_stages
    return (whole, None) if stage not in known and whole in known else (stage, pipeline)


def _nearest(export: Export) -> str:
    """Say which crosswalk came nearest, and which of its columns the file lacks."""
    tried = [_lacking(entry, export) for entry in known() if not entry.plain]
    share, _, said = max(tried)
    return f"; nearest: {said}" if share > 0.5 else ""


def _lacking(entry: Entry, export: Export) -> tuple[float, int, str]:
    """Weigh how near a crosswalk comes, and say what it misses."""
    headers = _headers(entry, export)
    needs = [[name for ours in need for name in entry.headers(ours)] for need in entry.needs]
    wanted = [*needs, list(entry.telling)] if entry.telling else needs
    absent = [names for names in wanted if not headers.find(names)]
    misnamed = entry.ours and fold(_stem(export)) != entry.stem
    if misnamed or not absent or headers.find(entry.without):
        return (0.0, 0, "")
    near = [headers.near(names) for names in absent]
    met = len(wanted) - len(absent)
    hints = sum(header is not None for header in near) + len(headers.find(entry.marks)) / 10
    said = " and ".join(
        f"{names[0]} (is it {header!r}?)" if header else names[0]
        for names, header in zip(absent, near, strict=True)
    )
    return ((met + hints) / len(wanted), met, f"{entry.title}, which also needs {said}")
