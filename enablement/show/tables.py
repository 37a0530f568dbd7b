"""Tables for reading: the same numbers as text, under plain headings."""

from __future__ import annotations

import html

import pandas as pd

from enablement.read.quality import Quality
from enablement.show import words

MOST_ROWS = 20


class Shown(pd.DataFrame):
    """A frame of texts that shows all of itself, and says in words that it has no rows."""

    @property
    def _constructor(self) -> type[Shown]:
        return Shown

    def __repr__(self) -> str:
        """Show every row and every letter."""
        return self.to_string() if len(self) else str(self.attrs.get("empty", ""))

    def _repr_html_(self) -> str:
        if len(self):
            with pd.option_context("display.max_colwidth", None):
                return self.to_html(border=0)
        return f"<p>{html.escape(str(self.attrs.get('empty', '')))}</p>"


def arrived(quality: Quality) -> Shown:
    """How many rows arrived, by table and file, and how many of them are used."""
    counts = quality.summary
    return _framed(
        {
            "table": counts["table"],
            "file": counts["file"],
            "rows in": counts["rows_in"].map("{:,}".format),
            "used": counts["used"].map("{:,}".format),
            "set aside": counts["set_aside"].map("{:,}".format),
        },
        empty="no file became a table",
    )


def recognised(quality: Quality) -> Shown:
    """How each file was recognised, and which belong to no table."""
    files = quality.files
    return _framed(
        {
            "file": files["file"],
            "became": files["table"].fillna("not used"),
            "because": files["why"],
        },
        empty="there are no files",
    )


def set_aside(quality: Quality) -> Shown:
    """Rows that are not used, by file and line, with the reason; at most twenty."""
    aside = quality.set_aside.head(MOST_ROWS)
    return _framed(
        {
            "file": aside["file"],
            "line": aside["line"].astype("str"),
            "column": aside["column"].fillna("–"),
            "value": aside["value"].fillna("–"),
            "why": aside["reason"],
        },
        empty="no row was set aside",
    )


def changed(quality: Quality) -> Shown:
    """What was changed or flagged in rows that are used, and in how many."""
    notes = quality.notes
    return _framed(
        {
            "table": notes["table"],
            "file": notes["file"],
            "what": notes["note"],
            "rows": notes["rows"].map("{:,}".format),
        },
        empty="nothing was changed",
    )


def conversion(table: pd.DataFrame) -> Shown:
    """A conversion table, a row per stage, with its counts and interval."""
    counts = {c: table[c].map(_count) for c in ("entered", "moved_on", "lost", "back", "open")}
    return _framed(
        {
            **_groups(table),
            "stage": table["stage"].astype("str"),
            "entered": counts["entered"],
            "moved on": counts["moved_on"],
            "rate": table["rate"].map(words.percent),
            f"{words.percent(table.attrs['confidence'])} interval": _intervals(table),
            "lost": counts["lost"],
            "open": counts["open"],
        },
        empty="no opportunity entered a stage",
    )


def win_rate(table: pd.DataFrame) -> Shown:
    """A table of win rates, a row per group, with its counts and interval."""
    return _framed(
        {
            **_groups(table),
            "won": table["won"].map(_count),
            "lost": table["lost"].map(_count),
            "rate": table["rate"].map(words.percent),
            f"{words.percent(table.attrs['confidence'])} interval": _intervals(table),
        },
        empty="nothing was decided",
    )


def _groups(table: pd.DataFrame) -> dict[str, pd.Series]:
    labels = table.attrs["labels"]
    return {
        column.removesuffix("_id"): words.names(table[column], labels)
        for column in table.attrs["groups"]
    }


def _intervals(table: pd.DataFrame) -> list[str]:
    return [
        words.interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)
    ]


def _count(number: float) -> str:
    return "–" if pd.isna(number) else f"{int(number):,}"


def _framed(columns: dict[str, object], *, empty: str) -> Shown:
    """Make the frame that is shown: its first column stands where an index would."""
    frame = pd.DataFrame(columns)
    first = str(frame.columns[0])
    frame = frame.set_index(first).rename_axis(index=None, columns=first)
    shown = Shown(frame)
    shown.attrs["empty"] = empty[0].upper() + empty[1:] + "."
    return shown
