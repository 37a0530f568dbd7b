"""The currency that an amount itself names, by a sign or a code beside the number."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pandas as pd

from enablement.read import amounts
from enablement.read.kinds import TEXT
from enablement.read.quality import Ledger
from enablement.settings import Settings

if TYPE_CHECKING:
    from enablement.read.tables import Reading, Rows


def read(
    rows: Rows, readings: list[Reading], file: str, settings: Settings, ledger: Ledger
) -> list[Reading]:
    """Fill the currency of opportunities from their amounts, where no column says it.

    A column of currencies holds against a sign. Contradictions are counted, and several
    currencies in one column of amounts are told.

    Parameters
    ----------
    rows : the rows of the file
    readings : how its columns are read
    file : its name
    """
    own = {reading.column.ours: reading for reading in readings}
    amount, column = own.get("amount"), own.get("currency")
    if amount is None or not amount.unread:
        return readings
    told = rows.store.query(
        f"select {amounts.sign(amount.text)} as sign, {column.text if column else 'null'}::varchar "
        f"as said, count(*) as rows, min({amount.text}) as example from {rows.source()} "
        f"where {amount.text} is not null group by all having sign is not null order by all"
    )
    told = told.assign(means=[amounts.codes(sign) for sign in told["sign"]])
    told = told[told["means"].map(bool)]
    if told.empty:
        return readings
    theirs = amount.column.theirs
    for what, count in _notes(told, theirs, column.column.theirs if column else "", settings):
        ledger.note("opportunities", file, what, count)
    said = f"coalesce({column.text}, " if column else "("
    typed = f"{said}{amounts.currency(amount.text)})"
    filled = dataclasses.replace(
        column or amount,
        column=dataclasses.replace((column or amount).column, ours="currency", kind=TEXT),
        typed=typed,
        unread=False,
    )
    return [*(one for one in readings if one is not column), filled]


def _notes(
    told: pd.DataFrame, theirs: str, beside: str, settings: Settings
) -> list[tuple[str, int]]:
    """Say what the signs fill, what they contradict, and whether they are of several currencies."""
    notes: list[tuple[str, int]] = []
    named = told[told["means"].map(len).eq(1)]
    names = named["means"].map(lambda means: next(iter(means)))
    counts = named.groupby(names)["rows"].sum()
    filled = int(named.loc[named["said"].isna(), "rows"].sum())
    notes.append((f"currency read from {theirs}: {', '.join(counts.index)}", filled))
    if len(counts) > 1:
        listed = ", ".join(f"{code} ({rows:,})" for code, rows in counts.items())
        notes.append((f"{theirs} in several currencies: {listed}", int(counts.sum())))
    for holds, where, other in (
        (f"{beside}, which holds", told["said"].notna(), told["said"].str.upper()),
        (f"the settings' currency {settings.currency}, which holds",
         told["said"].isna() & told["means"].map(len).gt(1), settings.currency),
    ):  # fmt: skip
        known = told.assign(other=other)[where]
        known = known[known["other"].isin(amounts.CODES.split())]
        wrong = known[[o not in m for o, m in zip(known["other"], known["means"], strict=True)]]
        if len(wrong):
            what = f"{theirs} contradicts {holds}, as {wrong['example'].iloc[0]!r}"
            notes.append((what, int(wrong["rows"].sum())))
    return notes
