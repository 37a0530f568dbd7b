"""The crosswalks that ship with the package: TOML files, read once and checked.

A file at the top says::

    crm = "HubSpot"                 # for advice; absent where it is no CRM
    name = "HubSpot deals"          # for the reader
    language = "German"             # absent where the headers are no words of a language
    extends = "hubspot"             # another file: what this one does not say holds from there
    history_advice = "..."          # which report to run where the history of stages is missing
    plain = true                    # a last resort: plain words, taken only where one reading fits

and of each kind of file the CRM writes::

    [[files]]
    table = "opportunities"         # absent: the file is known, and left alone
    name = "HubSpot deals"
    stem = "quotas"                 # the file must be called so
    needs = ["name", ["stage", "status"]]   # what must be there, of a list one: a column of
                                    # ours under any of its headers, or else a header
    without = ["Old Value"]         # headers that must not be there
    marks = ["Record ID"]           # headers that only this product writes: they break a tie
    keep_where = ["field"]          # rows belong here whose value is one of `values`
    stage_dates = ['Date entered "(?P<stage>.+)"']
    least = 3                       # so many of our columns must be found
    telling = ["Sales Rep"]         # and one of these headers be there
    [files.columns]
    stage = ["Deal-Phase"]          # our column = the CRM's headers, the best one first
    [files.values.status]
    Gewonnen = "won"                # what stands there = what is meant
    [files.fixed]
    type = "call"                   # the same in every row
"""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

HEAD = {"crm", "name", "language", "extends", "history_advice", "plain", "files"}
KEYS = {
    *("table", "name", "stem", "needs", "without", "marks", "keep_where"),
    *("stage_dates", "least", "telling", "columns", "values", "fixed"),
}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One kind of file that a CRM writes; the fields are those of the TOML."""

    crm: str | None
    name: str
    language: str | None
    plain: bool
    table: str | None
    stem: str | None
    needs: tuple[tuple[str, ...], ...]
    without: tuple[str, ...]
    marks: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    inherited: Mapping[str, tuple[str, ...]]
    keep_where: tuple[str, ...]
    values: Mapping[str, Mapping[str, str]]
    fixed: Mapping[str, str]
    stage_dates: tuple[re.Pattern[str], ...]
    least: int
    telling: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name it for the reader, with its language."""
        if self.ours and self.table:
            return f"{self.name} of {self.table}"
        return f"{self.name} ({self.language})" if self.language else self.name

    @property
    def ours(self) -> bool:
        """Say whether the columns carry our names, so that the file's name must tell."""
        return self.stem is not None

    def headers(self, need: str) -> tuple[str, ...]:
        """List what the CRM calls one of our columns in this language; else it is a header."""
        return self.columns.get(need) or self.inherited.get(need) or (need,)


@functools.cache
def known() -> list[Entry]:
    """Read every crosswalk that ships with the package, by file name."""
    said = texts()
    return [
        _entry(crosswalk, entry, said)
        for crosswalk in said.values()
        for entry in crosswalk["files"]
    ]


@functools.cache
def texts() -> dict[str, Mapping[str, Any]]:
    """Read the TOML of every crosswalk, by the file's name without its ending."""
    folder = files("enablement.read.crosswalks")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {
        name.removesuffix(".toml"): tomllib.loads((folder / name).read_text(encoding="utf-8"))
        for name in names
    }


def _entry(
    crosswalk: Mapping[str, Any], said: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]
) -> Entry:
    _check(crosswalk, HEAD)
    _check(said, KEYS)
    base = _base(crosswalk, said, others)
    whole = {**base, **said}
    return Entry(
        crm=crosswalk.get("crm"),
        name=whole.get("name", crosswalk["name"]),
        language=crosswalk.get("language"),
        plain=crosswalk.get("plain", False),
        table=whole.get("table"),
        stem=whole.get("stem"),
        needs=tuple(
            (need,) if isinstance(need, str) else tuple(need) for need in whole.get("needs", [])
        ),
        columns=_columns(said),
        inherited=_columns(base),
        keep_where=tuple(whole.get("keep_where", ())),
        values=_values(base, said),
        fixed=whole.get("fixed", {}),
        least=whole.get("least", 0),
        stage_dates=tuple(re.compile(p, re.IGNORECASE) for p in _both(said, base, "stage_dates")),
        without=_both(said, base, "without"),
        marks=_both(said, base, "marks"),
        telling=_both(said, base, "telling"),
    )


def _check(said: Mapping[str, Any], known_keys: set[str]) -> None:
    """Refuse a key that no one reads: it would be a slip that changes nothing.

    Raises
    ------
    KeyError
        Naming it. Only who writes a crosswalk sees this.
    """
    strange = set(said) - known_keys
    if strange:
        raise KeyError(f"unknown key {min(strange)!r} in a crosswalk: {dict(said)}")


def _base(
    crosswalk: Mapping[str, Any], said: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Find the same table's entry in the file that this one extends."""
    if "extends" not in crosswalk:
        return {}
    entries = others[crosswalk["extends"]]["files"]
    return next((entry for entry in entries if entry.get("table") == said.get("table")), {})


def _columns(said: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """List the headers per column of ours; a list of columns means they carry our names."""
    columns = said.get("columns", {})
    if isinstance(columns, list):
        return {name: (name,) for name in columns}
    return {ours: tuple(theirs) for ours, theirs in columns.items()}


def _values(base: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    before, now = base.get("values", {}), said.get("values", {})
    return {column: {**before.get(column, {}), **now.get(column, {})} for column in before | now}


def _both(said: Mapping[str, Any], base: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*said.get(key, ()), *base.get(key, ())]))
