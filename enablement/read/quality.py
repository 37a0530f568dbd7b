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
# Of an opportunity that is set aside, and of a stage entry, as far as they could be read.
TOLD = ["rule", "outcome", "amount", "currency", "type", "opportunity_id", "stage"]
OTHERWISE = ["rule", "opportunity_id", "outcome", "amount"]
FRAMES = ("summary", "set_aside", "unread", "notes", "files", "otherwise", "orders")
SENTENCES = "quality_cannot_say.json"


@dataclasses.dataclass(frozen=True)
class Quality:
    """What became of the rows of an export.

    summary : one row per table and file; `rows_in` = `used` + `set_aside`, always
    set_aside : one row per row that was not used: table, file, line, column,
        value, reason; of opportunities also, as far as they could be read, outcome,
        amount, currency, type, and the rule where the reason does not name it; of stage
        events, opportunity_id and stage
    unread : one row per value that could not be read and counts as missing, in rows that are
        used: table, file, line, column, value, reason
    notes : what was changed or flagged in rows that are used, with how many
    files : how each file was recognised
    cannot_say : what these data cannot answer, in sentences
    otherwise : the opportunities whose outcome or amount a rule changed, as they would be
        without it: rule (the note's own words), opportunity_id, outcome, amount
    orders : rows that cannot be so, with the file and the line of the first ones, as
        `findings.orders` gives them
    """

    summary: pd.DataFrame
    set_aside: pd.DataFrame
    unread: pd.DataFrame
    notes: pd.DataFrame
    files: pd.DataFrame
    cannot_say: tuple[str, ...] = ()
    otherwise: pd.DataFrame = dataclasses.field(
        default_factory=lambda: pd.DataFrame(columns=OTHERWISE)
    )
    orders: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)

    def __str__(self) -> str:
        """Say in a sentence how many rows arrived and how many were set aside."""
        arrived, aside = int(self.summary["rows_in"].sum()), int(self.summary["set_aside"].sum())
        tables = len(self.summary)
        return (
            f"{arrived:,} rows arrived in {tables} {'table' if tables == 1 else 'tables'}; "
            f"{arrived - aside:,} are used and {_counted(aside)} set aside."
            f"{_unreadable(len(self.unread))}"
        )

    def save(self, folder: Path) -> None:
        """Leave it as files in a folder."""
        for name in FRAMES:
            getattr(self, name).to_parquet(folder / f"quality_{name}.parquet")
        said = json.dumps(self.cannot_say)
        (folder / SENTENCES).write_text(said, encoding="utf-8")

    @classmethod
    def opened(cls, folder: Path) -> Quality:
        """Open what `save` left."""
        frames = {name: pd.read_parquet(folder / f"quality_{name}.parquet") for name in FRAMES}
        said = json.loads((folder / SENTENCES).read_text(encoding="utf-8"))
        return cls(**frames, cannot_say=tuple(said))

    def __repr__(self) -> str:
        """Answer a notebook with the same sentence."""
        return str(self)


def _counted(rows: int) -> str:
    return "none was" if rows == 0 else "1 was" if rows == 1 else f"{rows:,} were"


def _unreadable(values: int) -> str:
    if not values:
        return ""
    said = "1 value in them" if values == 1 else f"{values:,} values in them"
    return f" {said} could not be read and count{'s' * (values == 1)} as missing."


class Ledger:
    """Collects, while an export is read, what `Quality` will hold."""

    def __init__(self) -> None:
        self._summary: dict[tuple[str, str], list[int]] = {}
        self._aside: list[pd.DataFrame] = []
        self._unread: list[pd.DataFrame] = []
        self._notes: list[tuple[str, str, str, int]] = []
        self._files: list[tuple[str, str | None, int, str]] = []
        self._cannot: list[str] = []
        self._otherwise: list[pd.DataFrame] = []
        self._orders = pd.DataFrame()

    def file(self, name: str, table: str | None, rows: int, why: str) -> None:
        """Say how a file was recognised."""
        self._files.append((name, table, rows, why))

    def passed_over(self, line: str) -> None:
        """Say of a file that is not read why that is so."""
        self._files.append((line.split(":")[0].split(" is ")[0], None, 0, line))

    def rows(self, table: str, file: str, *, rows_in: int, aside: pd.DataFrame) -> None:
        """Enter the rows of one file, and those of them that are set aside."""
        counts = self._summary.setdefault((table, file), [0, 0, 0])
        counts[0] += rows_in
        counts[1] += rows_in
        self.set_aside(table, file, aside)

    def set_aside(self, table: str, file: str, aside: pd.DataFrame) -> None:
        """Move rows of one file from used to set aside."""
        if len(aside):
            counts = self._summary[table, file]
            counts[1] -= len(aside)
            counts[2] += len(aside)
            told = [*SET_ASIDE, *(name for name in TOLD if name in aside)]
            self._aside.append(aside.assign(table=table, file=file)[told])

    def unread(self, table: str, file: str, values: pd.DataFrame) -> None:
        """Keep values that could not be read, of rows that are used without them."""
        self._unread.append(values.assign(table=table, file=file)[SET_ASIDE])

    def note(self, table: str, file: str, note: str, rows: int) -> None:
        """Count rows that are used, but changed or flagged; none makes no note."""
        if rows:
            self._notes.append((table, file, note, int(rows)))

    def otherwise(self, rule: str, opportunities: pd.DataFrame) -> None:
        """Keep what a rule changed: opportunity_id, and outcome and amount as without the rule."""
        if len(opportunities):
            self._otherwise.append(opportunities.assign(rule=rule)[OTHERWISE])

    def orders(self, found: pd.DataFrame) -> None:
        """Keep what cannot be so."""
        self._orders = found

    def cannot(self, sentence: str) -> None:
        """Say what these data cannot answer."""
        self._cannot.append(sentence)

    def close(self) -> Quality:
        """Hand over what was collected."""
        aside, unread = (
            pd.concat(frames, ignore_index=True) if frames else _empty(SET_ASIDE)
            for frames in (self._aside, self._unread)
        )
        return Quality(
            summary=pd.DataFrame(
                [(*key, *counts) for key, counts in self._summary.items()], columns=SUMMARY
            ),
            set_aside=aside,
            unread=unread,
            notes=pd.DataFrame(self._notes, columns=NOTES),
            files=pd.DataFrame(self._files, columns=FILES),
            cannot_say=tuple(self._cannot),
            otherwise=(
                pd.concat(self._otherwise, ignore_index=True)
                if self._otherwise
                else _empty(OTHERWISE)
            ),
            orders=self._orders,
        )


def _empty(columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in columns})
