"""Where the names of the columns stand in a file, and what they are."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Sequence

from enablement.errors import ExportError
from enablement.read import footers
from enablement.read.limits import MOST_COLUMNS

VALUE = re.compile(
    r"[-+(]?\s?[$€£¥]?\s?[\d.,'\s]*\d[\d.,'\s]*[%€$£)]?(\s?[A-Z]{3})?"  # numbers and amounts
    r"|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(\D.*)?"  # dates
    r"|true|false|[^@\s]+@[^@\s]+\.[a-z]+",
    re.IGNORECASE,
)
MOST_TITLES = 25
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\x00"))


def place(records: Sequence[Sequence[str]]) -> int:
    """Find the header among the first records of a file that are not blank.

    It is the first record, unless that is a title or a filter of a report: one cell
    (two, in a wide table), with a record of names below it and rows behind that.

    Returns
    -------
    int
        Its position in `records`.
    """
    filled = [len(footers.filled(record)) for record in records]
    several = [count for count in filled if count >= 2]
    if not several:
        return 0
    most = 2 if statistics.median(several) >= 4 else 1
    at = next((n for n, count in enumerate(filled) if count > most), 0)
    if at > MOST_TITLES or any(map(footers.is_footer, records[:at])):
        return 0
    return at if _has_rows(records, at) and _are_names(records[at]) else 0


def _has_rows(records: Sequence[Sequence[str]], at: int) -> bool:
    """Say whether what stands behind a record makes it the header of a table."""
    width, first = len(records[at]), len(records[0])
    names = len(footers.filled(records[at]))
    if names == width and (width > 3 or width == first > 2):  # full, or as wide as the titles
        return True
    behind = itertools.takewhile(lambda record: not footers.is_footer(record), records[at + 1 :])
    rows = [
        list(one) != list(records[at])  # one that stands twice is no header
        and (len(footers.filled(one)) > 1 or (len(one) > first and width > first))
        for one in behind
    ]
    return 2 * sum(rows) >= len(rows) if len(rows) > 2 or any(rows) else names > 2


def _are_names(record: Sequence[str]) -> bool:
    names = [clean(field) for field in record if field.strip()]
    return len(set(names)) == len(names) and not any(VALUE.fullmatch(name) for name in names)


def clean(name: str) -> str:
    """Write a column's name without what is not of it.

    That is marks that cannot be seen, line breaks, blanks around it, the arrow that a
    report sets behind the column it is sorted by.
    """
    name = re.sub(r"\s", " ", name.translate(INVISIBLE)).strip().rstrip("↑↓").strip()
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].strip() if quoted else name


def names(record: Sequence[str], where: str) -> list[str]:
    """Give each column a name of its own.

    Raises
    ------
    ExportError
        If there are more columns than are read.
    """
    check_width(len(record), where)
    return unique([clean(name) for name in record])


def check_width(columns: int, where: str) -> None:
    """Refuse a table that is too wide, where that can be told before it is read.

    Raises
    ------
    ExportError
        If there are more columns than are read.
    """
    if columns > MOST_COLUMNS:
        raise ExportError(
            f"{where} has {columns:,} columns; at most {MOST_COLUMNS:,} are read. Export fewer."
        )


def unique(given: Sequence[str]) -> list[str]:
    """Number the names that stand twice or not at all, so that each has its own.

    Upper and lower case do not tell two columns apart.
    """
    found: list[str] = []
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for position, name in enumerate(given, start=1):
        name = told = name or f"column {position}"
        number = numbers.get(name.casefold(), 1)
        while told.casefold() in taken:
            number += 1
            told = f"{name} ({number})"
        numbers[name.casefold()] = number
        taken.add(told.casefold())
        found.append(told)
    return found
