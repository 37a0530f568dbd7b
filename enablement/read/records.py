"""The rows of one table, and the records among them that are none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from enablement.read import cells, footers

LONGEST_SHOWN = 80
TAIL = 40
UNTICKED = "FALSE"  # as spreadsheet programs write a box

Lines = Callable[[set[int]], dict[int, int]]


@dataclasses.dataclass(frozen=True)
class Broken:
    """A record whose number of fields is not that of the header.

    line : where it begins
    text : as it stands in the file
    fields : what it splits into
    spans : lines it takes
    """

    line: int
    text: str
    fields: list[str]
    spans: int = 1


@dataclasses.dataclass(frozen=True)
class Records:
    """One table of a file: what is in it, what was put aside, and how it was read.

    part : "" or where in the file it stands, such as ``sheet Deals``
    rows : text columns under the file's own headers
    aside : records after the header that are no rows: line, column, value, reason
    read_as : format, delimiter, encoding, in words
    notes : what is worth telling, with a count
    lines : finds the lines of rows
    """

    part: str
    rows: pa.Table
    aside: pd.DataFrame
    read_as: str
    notes: list[tuple[str, int]]
    lines: Lines


def settle(
    rows: pa.Table,
    broken: Sequence[Broken],
    lines: Lines,
    *,
    part: str,
    read_as: str,
    notes: list[tuple[str, int]],
) -> Records:
    """Put aside what is no row: broken records, empty ones, totals, footers, a header again."""
    wide = rows.num_columns
    told = _told(broken, wide, _last_line(rows, broken, lines))
    gone = _no_rows(rows, grouped=footers.SUMMARY in told)
    shown = _shown(rows, gone, lines)
    shown += [(one.line, _text(one), why) for one, why in zip(broken, told, strict=True)]
    aside = _aside(sorted(shown))
    kept = _without(rows, gone)
    counts = [footers.stated(one.fields) for one in broken]
    counts += [footers.stated(_row(rows, at)) for at, why in gone.items() if why != footers.EMPTY]
    there = kept.num_rows + sum(why not in footers.REASONS for why in told)
    notes = [*notes, *_counted(there, [count for count in counts if count is not None])]
    return Records(part, kept, aside, read_as, notes, _renumbered(lines, rows, gone))


def _text(one: Broken) -> str:
    return one.fields[0] if len(one.fields) == 1 else one.text


def _last_line(rows: pa.Table, broken: Sequence[Broken], lines: Lines) -> int:
    """Find the line of the last row; what stands behind it may be a footer."""
    if not broken or not rows.num_rows:
        return 0
    last = rows.num_rows - 1
    return lines({last}).get(last, 0)


def _told(broken: Sequence[Broken], wide: int, last_line: int) -> list[str]:
    """Say of each broken record why it is no row; behind the rows a footer has many lines."""
    found, ends = [], False
    for one in broken:
        why = footers.reason(one.fields)
        ends |= why == footers.FOOTER and one.line > last_line
        alone = ends and wide > 1 and len(footers.filled(one.fields)) == 1
        found.append(why or (footers.FOOTER if alone else _misfit(one, wide)))
    return found


def _misfit(one: Broken, wide: int) -> str:
    fields = f"{len(one.fields)} field{'s' * (len(one.fields) != 1)}"
    if one.spans > 1:
        return (
            f"{fields} over {one.spans} lines, where the header has {wide}: a quotation mark may "
            "not be closed"
        )
    return f"{fields}, where the header has {wide}"


def _no_rows(rows: pa.Table, *, grouped: bool) -> dict[int, str]:
    """Find the rows that have as many fields as the header and are none: position -> why."""
    if not rows.num_rows:
        return {}
    gone = dict.fromkeys(_empty(rows), footers.EMPTY)
    if rows.num_columns > 1:
        gone |= dict.fromkeys(_where(rows, rows.column_names), footers.AGAIN)
    gone |= _tail(rows, gone)
    if footers.AGAIN in gone.values():
        gone |= dict.fromkeys(_around_headers(rows, gone), footers.SUMMARY)
    if grouped or footers.SUMMARY in gone.values():
        gone |= {at: why for at, why in _summaries(rows).items() if at not in gone}
    return gone


def _empty(rows: pa.Table) -> list[int]:
    """Find the rows without anything; a box that is not ticked says nothing of an empty row."""
    if not all(cells.empty(one) or cells.may_hold(one, [UNTICKED]) for one in rows.columns):
        return []
    found = None
    for column in rows.columns:
        here = column if found is None else column.take(pa.array(found))
        blank = pc.equal(here, "")
        if rows.num_columns > 1:
            blank = pc.or_(blank, pc.equal(here, UNTICKED))
        at = np.flatnonzero(blank.to_numpy(zero_copy_only=False))
        found = at if found is None else found[at]
        if not len(found):
            return []
    return [] if found is None else found.tolist()


def _where(rows: pa.Table, texts: Sequence[str]) -> list[int]:
    """Find the rows that consist of these texts; the first column settles nearly all."""
    pairs = zip(rows.columns, texts, strict=True)
    if not all(not text or cells.may_hold(column, [text]) for column, text in pairs):
        return []
    found = None
    for column, text in zip(rows.columns, texts, strict=True):
        if found is None:
            found = np.flatnonzero(pc.equal(column, text).to_numpy(zero_copy_only=False))
        elif len(found):
            same = pc.equal(column.take(pa.array(found)), text).to_numpy(zero_copy_only=False)
            found = found[same]
        if not len(found):
            return []
    return [] if found is None else found.tolist()


def _tail(rows: pa.Table, gone: dict[int, str]) -> dict[int, str]:
    """Find totals and the lines of a footer among the last rows."""
    begin = max(0, rows.num_rows - TAIL)
    last = [(at, _row(rows, at)) for at in range(begin, rows.num_rows) if at not in gone]
    found: dict[int, str] = {}
    ends: list[int] = []  # lines of one cell behind the footer's first
    for at, fields in last:
        why = footers.reason(fields)
        if why in (footers.FOOTER, footers.SUMMARY):
            found[at] = why
        alone = len(footers.filled(fields)) == 1 and rows.num_columns > 1
        ends = [*ends, at] if alone and (ends or why == footers.FOOTER) else []
    return found | dict.fromkeys(ends, footers.FOOTER)


def _around_headers(rows: pa.Table, gone: dict[int, str]) -> set[int]:
    """Find the titles and sums of groups, where a report writes its header over each of them.

    The title is the one cell over the header; the sum ends the group, under nothing in the
    first column.
    """
    found, ends = set(), {rows.num_rows - 1}
    for header in [at for at, why in gone.items() if why == footers.AGAIN]:
        above = header - 1
        if above >= 0 and len(footers.filled(_row(rows, above))) == 1:
            found.add(above)
            above -= 1
        while gone.get(above) == footers.EMPTY:
            above -= 1
        ends.add(above)
    sums = {at for at in ends - gone.keys() if at >= 0 and not _row(rows, at)[0].strip()}
    return (found | sums) - gone.keys()


def _summaries(rows: pa.Table) -> dict[int, str]:
    """Find subtotals and counts anywhere in a grouped report."""
    found = {}
    words = "|".join(sorted(map(_escaped, footers.SUMMARY_WORDS)))
    shape = rf"(?i)^\s*(?:{words})\s*:?\s*(?:\(.*\))?\s*$"
    for column in rows.columns[:5]:
        hits = pc.match_substring_regex(column.cast(pa.string()), shape).to_numpy(
            zero_copy_only=False
        )
        for at in np.flatnonzero(hits).tolist():
            if footers.is_summary(_row(rows, at)):
                found[at] = footers.SUMMARY
    return found


def _escaped(word: str) -> str:
    return "".join(sign if sign.isalnum() else f"\\{sign}" for sign in word)


def _row(rows: pa.Table, at: int) -> list[str]:
    return [column[at].as_py() for column in rows.columns]


def _shown(rows: pa.Table, gone: dict[int, str], lines: Lines) -> list[tuple[int, str, str]]:
    if not gone:
        return []
    found = lines(set(gone))
    return [
        (
            found.get(at, at),
            "" if why == footers.EMPTY else ", ".join(footers.filled(_row(rows, at))),
            why,
        )
        for at, why in gone.items()
    ]


def _aside(shown: list[tuple[int, str, str]]) -> pd.DataFrame:
    values = [" ".join(text.split())[:LONGEST_SHOWN] or None for _, text, _ in shown]
    return pd.DataFrame(
        {
            "line": pd.array([line for line, _, _ in shown], dtype="Int64"),
            "column": pd.Series([None] * len(shown), dtype="str"),
            "value": pd.Series(values, dtype="str"),
            "reason": pd.Series([why for _, _, why in shown], dtype="str"),
        }
    )


def _without(rows: pa.Table, gone: dict[int, str]) -> pa.Table:
    if not gone:
        return rows
    keep = np.ones(rows.num_rows, dtype=bool)
    keep[list(gone)] = False
    return rows.filter(pa.array(keep))


def _renumbered(lines: Lines, rows: pa.Table, gone: dict[int, str]) -> Lines:
    if not gone:
        return lines
    kept = np.setdiff1d(np.arange(rows.num_rows), list(gone))

    def renumbered(wanted: set[int]) -> dict[int, int]:
        there = {int(kept[row]): row for row in wanted if row < len(kept)}
        return {there[at]: line for at, line in lines(set(there)).items()}

    return renumbered


def _counted(rows: int, stated: list[int]) -> list[tuple[str, int]]:
    """Compare the rows that are there with what the footer says and with the limits of exports."""
    notes = []
    if stated and max(stated) != rows:
        said = max(stated)
        notes.append((f"the footer says {said:,} records; {rows:,} are there", abs(said - rows)))
    if cut := footers.limit(rows):
        notes.append((cut, rows))
    return notes
