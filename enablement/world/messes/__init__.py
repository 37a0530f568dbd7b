"""Defects that real exports have, planted in a clean one and counted.

Every defect says what it did: its kind, the file, the column, the rows, how many records the file
has more or fewer, and what somebody who takes every row at its word then counts more or fewer. A
row gets at most one defect, so that each can be counted alone.

    rows      some rows: doubled, contradicting, misspelt, hostile, gone
    columns   whole columns: other forms of dates and numbers, no ids, owners by name
    wholes    whole files: filters, delimiters, encodings, titles, footers, sheets
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.world.messes import columns, rows, wholes
from enablement.world.messes.export import NAMES, Defect, Export, Planted, difference
from enablement.world.shapes import usual_shape

OF_REPORTS = (
    "owner by name",
    "id of 15 characters",
    "footer of a report",
    "title lines",
)
"""What every report has anyway."""

__all__ = ["NAMES", "Export", "Planted", "on_request", "plant", "usual"]


def usual(crm: str, format: str = "csv") -> dict[str, Defect]:
    """Kinds that a reader should get through, the rows set right or set aside.

    Parameters
    ----------
    crm : `salesforce` or `hubspot`
    format : of the files, see `enablement.world.shapes`; the kinds of whole files depend on it
    """
    found = {**rows.usual(crm), **columns.usual(crm), **wholes.usual(crm, format)}
    return _fitting(found, format)


def on_request(crm: str, format: str = "csv") -> dict[str, Defect]:
    """Kinds after which a reader should ask before it goes on; planted only when named."""
    found = {
        **wholes.FILTERS,
        **rows.on_request(crm),
        **columns.on_request(crm),
        **wholes.on_request(format),
    }
    return _fitting(found, format)


def _fitting(kinds: dict[str, Defect], format: str) -> dict[str, Defect]:
    return {kind: kinds[kind] for kind in kinds if format != "report" or kind not in OF_REPORTS}


def plant(
    files: dict[str, pd.DataFrame],
    crm: str,
    seed: int,
    format: str,
    kinds: tuple[str, ...] | None = None,
) -> tuple[Export, list[Planted]]:
    """Plant defects in the files of an export.

    Parameters
    ----------
    files : the files by name, as text
    crm : `salesforce` or `hubspot`
    seed : which rows are hit; the same seed hits the same rows
    format : of the files
    kinds : names in `usual` and `on_request`; None for all of `usual`

    Returns
    -------
    The messy files with the shape of each, and what was planted: filters first, then defects of
    rows, of columns, of whole files.

    Raises
    ------
    EnablementError
        If there is no such kind, or two kinds would write a file in two ways.
    """
    wanted = usual(crm, format) if kinds is None else kinds
    known = {
        **wholes.FILTERS,
        **rows.usual(crm),
        **rows.on_request(crm),
        **columns.usual(crm),
        **columns.on_request(crm),
        **wholes.usual(crm, format),
        **wholes.on_request(format),
    }
    known = _fitting(known, format)
    for kind in wanted:
        if kind not in known:
            raise EnablementError(f"No defect {kind!r} here. {choices(kind, [*known])}")
    export = Export(files, NAMES[crm], seed, {name: usual_shape(format, name) for name in files})
    planted = []
    for kind in (kind for kind in known if kind in wanted):
        before = export.tally()
        done = known[kind](export, kind)
        effect = done.effect | difference(before, export.tally())
        planted.append(replace(done, effect=effect))
    return export, [export.placed(each) for each in planted]
