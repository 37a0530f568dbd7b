"""What happened to every row: used, set aside with the reason, or changed and counted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd

SUMMARY = ["table", "file", "rows_in", "used", "set_aside"]
SET_ASIDE = ["table", "file", "line", "column", "value", "reason"]
NOTES = ["table", "file", "note", "rows"]
FILES = ["file", "table", "rows", "why"]


@dataclasses.dataclass(frozen=True)
class Quality:
    """What became of the rows of an export.

    summary : one row per table and file; `rows_in` = `used` + `set_aside`, always
    set_aside : one row per row that was not used: table, file, line, column,
        value, reason
    notes : what was changed or flagged in rows that are used, with how many
    files : how each file was recognised
    cannot_say : what these data cannot answer, in sentences
    """

    summary: pd.DataFrame
    set_aside: pd.DataFrame
    notes: pd.DataFrame
    files: pd.DataFrame
    cannot_say: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say in a sentence how many rows arrived and how many were set aside."""
        arrived, aside = int(self.summary["rows_in"].sum()), int(self.summary["set_aside"].sum())
        tables = len(self.summary)
        return (
            f"{arrived:,} rows arrived in {tables} {'table' if tables == 1 else 'tables'}; "
            f"{arrived - aside:,} are used and {_counted(aside)} set aside."
        )

    def save(self, folder: Path) -> None:
        """Leave it as files in a folder."""
        for name, frame in self._frames().items():
            frame.to_parquet(folder / f"quality_{name}.parquet")
        said = json.dumps(list(self.cannot_say))
        (folder / "quality_cannot_say.json").write_text(said, encoding="utf-8")

    @classmethod
    def opened(cls, folder: Path) -> Quality:
        """Open what `save` left."""
        names = [f.name for f in dataclasses.fields(cls) if f.name != "cannot_say"]
        frames = {name: pd.read_parquet(folder / f"quality_{name}.parquet") for name in names}
        said = json.loads((folder / "quality_cannot_say.json").read_text(encoding="utf-8"))
        return cls(**frames, cannot_say=tuple(said))

    def _frames(self) -> dict[str, pd.DataFrame]:
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name != "cannot_say"
        }

    def __repr__(self) -> str:
        """Answer a notebook with the same sentence."""
        return str(self)


def _counted(rows: int) -> str:
    return "none was" if rows == 0 else "1 was" if rows == 1 else f"{rows:,} were"


class Ledger:
    """Collects, while an export is read, what `Quality` will hold."""

    def __init__(self) -> None:
        self._summary: dict[tuple[str, str], list[int]] = {}
        self._aside: list[pd.DataFrame] = []
        self._notes: list[tuple[str, str, str, int]] = []
        self._files: list[tuple[str, str | None, int, str]] = []
        self._cannot: list[str] = []

    def file(self, name: str, table: str | None, rows: int, why: str) -> None:
        """Say how a file was recognised."""
        self._files.append((name, table, rows, why))

    def rows(self, table: str, file: str, *, rows_in: int, aside: pd.DataFrame) -> None:
        """Enter the rows of one file, and those of them that are set aside."""
        self._summary[table, file] = [rows_in, rows_in, 0]
        self.set_aside(table, file, aside)

    def set_aside(self, table: str, file: str, aside: pd.DataFrame) -> None:
        """Move rows of one file from used to set aside."""
        if len(aside):
            counts = self._summary[table, file]
            counts[1] -= len(aside)
            counts[2] += len(aside)
            self._aside.append(aside.assign(table=table, file=file)[SET_ASIDE])

    def note(self, table: str, file: str, note: str, rows: int) -> None:
        """Count rows that are used, but changed or flagged; none makes no note."""
        if rows:
            self._notes.append((table, file, note, int(rows)))

    def read_as(self, table: str, file: str, column: str, how: str) -> None:
        """Say how a column was read, where more than one way was possible."""

    def cannot(self, sentence: str) -> None:
        """Say what these data cannot answer."""
        self._cannot.append(sentence)

    def close(self) -> Quality:
        """Hand over what was collected."""
        aside = pd.concat(self._aside, ignore_index=True) if self._aside else _empty(SET_ASIDE)
        return Quality(
            summary=pd.DataFrame(
                [(*key, *counts) for key, counts in self._summary.items()], columns=SUMMARY
            ),
            set_aside=aside,
            notes=pd.DataFrame(self._notes, columns=NOTES),
            files=pd.DataFrame(self._files, columns=FILES),
            cannot_say=tuple(self._cannot),
        )


def _empty(columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in columns})
