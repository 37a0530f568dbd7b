"""What each CRM calls things: one TOML file per CRM, and how the right one is found."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from enablement.errors import SettingsError, choices
from enablement.read.exports import Export
from enablement.settings import Settings


@dataclasses.dataclass(frozen=True)
class Match:
    """How one file was recognised.

    table : the table it becomes; None if it is none of ours
    columns : our column -> the file's header
    keep_where : header -> values; rows with another value belong to no table of ours
    reason : in words, for the reader
    """

    table: str | None
    columns: dict[str, str]
    keep_where: dict[str, list[str]]
    reason: str
    stage_dates: dict[str, tuple[str, str | None]] = dataclasses.field(default_factory=dict)
    values: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    crm: str | None = None


@functools.cache
def known() -> list[Mapping[str, Any]]:
    """Read every crosswalk that ships with the package, by file name."""
    folder = files("enablement.read.crosswalks")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [tomllib.loads((folder / name).read_text(encoding="utf-8")) for name in names]


def match(export: Export, settings: Settings) -> list[Match]:
    return [_match(export, settings)]


def _match(export: Export, settings: Settings) -> Match:
    """Recognise a file by what the settings say of it, else by its headers.

    Raises
    ------
    SettingsError
        If the settings name a column that the file does not have.
    """
    stated = [table for table, file in settings.files.items() if file == export.name]
    if stated:
        own = settings.columns.get(stated[0], {})
        own = _own_columns(own, export, stated[0], settings)
        rest = {name: name for name in export.headers if name not in own.values()}
        return Match(stated[0], {**rest, **own}, {}, f"named in {settings.origin}")
    fits = [
        (crosswalk, entry)
        for crosswalk in known()
        for entry in crosswalk["files"]
        if _fits(entry, export)
    ]
    if not fits:
        return Match(None, {}, {}, "its columns fit no table of ours")
    crosswalk, entry = max(fits, key=lambda fit: len(fit[1]["needs"]))
    table = entry["table"]
    own = _own_columns(settings.columns.get(table, {}), export, table, settings)
    columns = {**_aliases(entry, export), **own}
    seen = ", ".join(entry["needs"])
    return Match(
        table, columns, entry.get("keep_where", {}), f"{crosswalk['name']}, by its columns {seen}"
    )


def _fits(entry: Mapping[str, Any], export: Export) -> bool:
    headers = set(export.headers)
    stem = entry.get("stem")
    return (
        headers.issuperset(entry["needs"])
        and headers.isdisjoint(entry.get("without", ()))
        and (stem is None or export.path.stem.casefold() == stem)
    )


def _aliases(entry: Mapping[str, Any], export: Export) -> dict[str, str]:
    """Pair our columns with the headers that are there; a file without aliases has our names."""
    if "columns" not in entry:
        return {header: header for header in export.headers}
    found = {}
    for ours, theirs in entry.get("columns", {}).items():
        present = [header for header in theirs if header in export.headers]
        if present:
            found[ours] = present[0]
    return found


def _own_columns(
    own: Mapping[str, str], export: Export, table: str, settings: Settings
) -> dict[str, str]:
    for ours, theirs in own.items():
        if theirs not in export.headers:
            raise SettingsError(
                f"{settings.origin}: [columns.{table}] {ours} = {theirs!r}, but {export.name} "
                f"has no such column. {choices(theirs, export.headers)}"
            )
    return dict(own)
