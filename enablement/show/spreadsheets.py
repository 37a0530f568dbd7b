"""Tables that people open in a spreadsheet program: text that it would run is made plain."""

from __future__ import annotations

import re

import pandas as pd

RUN = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are the wide forms of = + - @
# Where a program of another country, whose lists have semicolons, would begin a cell in a CSV.
BEGUN = re.compile(r"(?<=[;\t\r\n])(?=[\s\"]*[=+@\uff1d\uff0b\uff0d\uff20-])(?!-?\d)")
NUMBER = re.compile(r"[-+]?(\d[\d.,\s]*%?)?")


def plain(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would take for a formula.

    A formula in a name of the CRM could send what stands beside it elsewhere. Numbers with
    a sign, and a sign alone, are no formulas and stay as they are.

    Returns
    -------
    str
        Such as ``'=HYPERLINK(...)``; any other text unchanged.
    """
    return f"'{text}" if text.startswith(RUN) and not NUMBER.fullmatch(text) else text


def plain_in_csv(text: str) -> str:
    """Make a text plain for a CSV too, which another program may split within the text.

    Returns
    -------
    str
        Such as ``a;'=HYPERLINK(...)``.
    """
    return BEGUN.sub("'", plain(text))


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """Make every text of a table plain, the names of its columns too, before it is written.

    Numbers, dates and flags stay what they are. The caller's table is not changed.
    """
    made = table.rename(columns=lambda name: plain(name) if isinstance(name, str) else name)
    for at, (_, column) in enumerate(table.items()):
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            continue
        texts = column.map(lambda value: plain(value) if isinstance(value, str) else value)
        made.isetitem(at, texts)
    return made
