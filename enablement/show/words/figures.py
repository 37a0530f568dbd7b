"""How numbers and names are written, wherever they stand in a sentence, a table or a chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pandas as pd

from enablement.measure.counting import NOWHERE
from enablement.measure.definitions import PLURALS, REP_COLUMNS

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
OF_REPS = (None, "rep", "rep_id", *REP_COLUMNS)  # columns that are missing where nobody owns it
Written = Callable[[float], str]
NARROW = 0.02  # of an interval of a share, from which on whole percents would say too little
STEPS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def percent(share: float) -> str:
    """Write a share as a percentage, such as ``63 %``; a missing one as a dash.

    What is not all and not nothing is never written as 100 or 0 %.
    """
    if pd.isna(share):
        return "–"
    if 0 < share < 0.005 or 0.995 <= share < 1:
        return "< 1 %" if share < 0.5 else "> 99 %"
    return f"{100 * share:.0f} %"


def chance(probability: float) -> str:
    """Write a probability that was drawn: never as 0 or 100 %, which no draws can show."""
    if pd.isna(probability):
        return "–"
    return percent(min(max(probability, 1e-9), 1 - 1e-9))


def money(amount: float, currency: str) -> str:
    """Write an amount short, such as ``$2.46 M``; a missing one as a dash."""
    if not math.isfinite(amount):
        return "–"
    minus, sign = "−" if round(amount) < 0 else "", sign_of(currency)
    short = float(f"{abs(amount):.3g}")
    for size, letter in STEPS:
        if short >= size:
            digits = max(0, 2 - int(math.log10(short / size)))
            return f"{minus}{sign}{short / size:,.{digits}f} {letter}"
    return f"{minus}{sign}{abs(amount):,.0f}"


def amounts(values: pd.Series, currency: str) -> list[str]:
    """Write each of several amounts short."""
    return [money(value, currency) for value in values]


def tenths(share: float) -> str:
    """Write a share to a tenth of a percent, where less than a whole one counts."""
    return "–" if pd.isna(share) else f"{100 * share:.1f} %"


def sign_of(currency: str) -> str:
    """Write what stands before an amount: a sign, a code and a blank, or nothing."""
    return SIGNS.get(currency, f"{currency} " if currency else "")


def whole(number: float) -> str:
    """Write a number without decimals; a missing one as a dash."""
    return "–" if pd.isna(number) else f"{number:,.0f}"


def interval(low: float, high: float) -> str:
    """Write an interval of shares, such as ``58 to 70 %``.

    A narrow one has a decimal, or two where its ends would read the same: ``19.8 to 20.2 %``.
    """
    if pd.isna(low):
        return ""
    if high - low >= NARROW:
        return f"{percent(low).removesuffix(' %')} to {percent(high)}"
    digits = 2 if low < high and round(low, 3) == round(high, 3) else 1
    return f"{_exact(low, digits)} to {_exact(high, digits)} %"


def sure(share: float, low: float, high: float) -> str:
    """Write a share as exactly as it is known: with a decimal where its interval is narrow.

    Parameters
    ----------
    low, high : the ends of its interval; missing where it has none
    """
    return f"{_exact(share, 1)} %" if high - low < NARROW else percent(share)


def _exact(share: float, digits: int) -> str:
    """Write percents with decimals; as `percent`, what is not all and not nothing never as such."""
    percents, step = 100 * share, 10.0**-digits
    if 0 < percents < step / 2:
        return f"< {step:g}"
    if 100 - step / 2 <= percents < 100:
        return f"> {100 - step:g}"
    return f"{percents:.{digits}f}"


def counted(number: float, one: str, many: str) -> str:
    """Write a count with its noun, such as ``1 opportunity`` or ``1,204 opportunities``."""
    return f"{int(number):,} {one if number == 1 else many}"


def names(ids: pd.Series, labels: Mapping[str, str]) -> pd.Series:
    """Name the members of a group: a rep's name for the id, and words for nobody and nowhere."""
    missing = "no owner" if ids.name in OF_REPS else NOWHERE
    told = [
        missing if pd.isna(value) else labels.get(str(value), str(value)) or NOWHERE
        for value in ids
    ]
    return pd.Series(told, index=ids.index, dtype="str")


def groups(rows: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Name the group of each row, such as ``Ann Bell``; of several columns ``North 1, Small``.

    Parameters
    ----------
    rows : some or all of the rows of a table
    table : the whole one, which is split by at least one column
    """
    told = [names(rows[column], table.attrs["labels"]) for column in table.attrs["groups"]]
    return told[0].str.cat(told[1:], sep=", ") if len(told) > 1 else told[0]


def plural(table: pd.DataFrame) -> str:
    """Name what a table is split by, in the plural: ``reps``, ``teams``, else ``groups``."""
    split = table.attrs["groups"]
    return PLURALS.get(split[0], "groups") if len(split) == 1 else "groups"


def each(table: pd.DataFrame) -> str:
    """Say what a table is split by, such as ``each team and each period``."""
    return " and ".join("each " + name.removesuffix("_id") for name in table.attrs["groups"])


def apart(table: pd.DataFrame) -> str:
    """Say what a table is split by, such as ``each team by itself``."""
    return f"{each(table)} by itself"
