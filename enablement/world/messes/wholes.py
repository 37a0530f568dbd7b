"""Defects of whole files: how they are written, what stands around the rows, what was filtered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from enablement.world import reports
from enablement.world.messes.export import Chosen, Defect, Export, Planted
from enablement.world.shapes import USUAL as SHAPES
from enablement.world.shapes import Lines

TITLE = reports.above("All opportunities", "2026-09-30")
COVER: dict[str, Lines] = {
    "About": (("Pipeline review",), (), ("Prepared for the quarter",), ("Source", "CRM"))
}
AFTER: dict[str, Lines] = {**COVER, "Notes": (("numbers checked",),)}
CUT = {
    "salesforce": (("008Qy0000BROKEN", "cut off in the"), ("008Qy0000BROKE2", "")),
    "hubspot": (("29999999998", "Deal Stage", "cut off in the"), ("29999999997",)),
}
GAP = 400


def _footer(export: Export, kind: str) -> Planted:
    below = reports.below(len(export.table("opportunities")))
    return export.reshape(kind, "opportunities", sum(map(bool, below)), below=below)


def _title(export: Export, kind: str) -> Planted:
    return export.reshape(kind, "opportunities", sum(map(bool, TITLE)), above=TITLE)


def _broken(export: Export, kind: str) -> Planted:
    lines = CUT[export.names.crm]
    return export.reshape(kind, "history", len(lines), len(lines), below=lines)


def _gaps(export: Export, kind: str) -> Planted:
    """A blank line after every so many rows."""
    size = len(export.table("opportunities"))
    gaps = tuple(range(min(GAP, max(size // 3, 1)), size, GAP))
    return export.reshape(kind, "opportunities", len(gaps), gaps=gaps)


def _otherwise(file: str, **changes: Any) -> Defect:
    """Write a whole file otherwise."""
    return lambda export, kind: export.reshape(kind, file, len(export.table(file)), **changes)


def _covers(sheets: dict[str, Lines]) -> Defect:
    return lambda export, kind: export.reshape(kind, "opportunities", len(sheets), covers=sheets)


def _kept(rule: Callable[[Export], Chosen]) -> Defect:
    """Leave out what a filter would have left out."""

    def defect(export: Export, kind: str) -> Planted:
        return export.drop(kind, "opportunities", np.flatnonzero(~rule(export)))

    return defect


def _one_owner(export: Export) -> Chosen:
    owners = export.text("opportunities", "owner")
    return (owners == owners.value_counts().index[0]).to_numpy()


def _one_year(export: Export) -> Chosen:
    years = export.text("opportunities", "close").str.slice(0, 4)
    return (years == years.value_counts().index[0]).to_numpy()


BY_HAND = {"delimiter": ";", "encoding": "cp1252", "line_end": "\r\n"}
TEXT: dict[str, dict[str, Defect]] = {
    "salesforce": {
        "broken line": _broken,
        "footer of a report": _footer,
        "byte order mark": _otherwise("reps", encoding="utf-8-sig"),
        "semicolons in cp1252": _otherwise("accounts", **BY_HAND),
        "UTF-16 with tabs": _otherwise(
            "changes", delimiter="\t", encoding="utf-16", line_end="\r\n"
        ),
    },
    "hubspot": {
        "broken line": _broken,
        "byte order mark": _otherwise("opportunities", encoding="utf-8-sig"),
        "semicolons in cp1252": _otherwise("accounts", **BY_HAND),
        "UTF-16 with tabs": _otherwise("reps", delimiter="\t", encoding="utf-16"),
    },
}
"""Those of files of text that a reader should get through."""

SHEET: dict[str, Defect] = {
    "cover sheet": _covers(COVER),
    "footer of a report": _footer,
}
"""Those of workbooks that a reader should get through."""

TEXT_ON_REQUEST: dict[str, Defect] = {
    "semicolons": _otherwise("opportunities", delimiter=";"),
    "tabs": _otherwise("opportunities", delimiter="\t"),
    "pipes": _otherwise("opportunities", delimiter="|"),
    "cp1252": _otherwise("accounts", encoding="cp1252"),
    "UTF-16": _otherwise("opportunities", encoding="utf-16"),
    "line ends of Windows": _otherwise("opportunities", line_end="\r\n"),
    "everything quoted": _otherwise("opportunities", quote_all=True),
    "workbook named csv": _otherwise("opportunities", sheet=True),
    "gzip named csv": _otherwise("opportunities", packed=True),
}
SHEET_ON_REQUEST: dict[str, Defect] = {
    "workbook named csv": _otherwise("opportunities", suffix=".csv"),
    "sheets before and after": _covers(AFTER),
}
AROUND: dict[str, Defect] = {
    "title lines": _title,
    "blank lines": _gaps,
}
FILTERS: dict[str, Defect] = {
    "lost ones filtered out": _kept(lambda export: ~export.lost()),
    "one owner only": _kept(_one_owner),
    "one year only": _kept(_one_year),
}
"""Those that are planted only when named."""


def usual(crm: str, format: str) -> dict[str, Defect]:
    """Kinds that a reader should get through, in files of a format."""
    return SHEET if SHAPES[format].sheet else TEXT[crm]


def on_request(format: str) -> dict[str, Defect]:
    """Kinds after which a reader should ask before it goes on, in files of a format."""
    return {**AROUND, **(SHEET_ON_REQUEST if SHAPES[format].sheet else TEXT_ON_REQUEST)}
