"""Defects of some rows: doubled, contradicting, misspelt, hostile, gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from enablement.world.messes.export import Chosen, Defect, Export, Planted

PLACEHOLDERS = ("Select", "N/A", "-", "Unknown")
NOBODY = {"salesforce": "005Qy0000099999IAA", "hubspot": "Deactivated User 4711"}
NOTHING = {"salesforce": "006Qy0000099999IAA", "hubspot": "29999999999"}
BROKEN_TEXT = 'Call back,\nask for "the plan"; then\r\nsend it'
FORMULAS = ("=1+1", "+1-1", "-2+3", "@SUM(A1:A9)")
MARKUP = "<b>{}</b><script>alert(1)</script>"
LATE = {"salesforce": "2031-01-15T09:00:00Z", "hubspot": "2031-01-15 09:00:00"}
NO_DAY = {"salesforce": "2025-02-30T10:00:00Z", "hubspot": "2025-02-30 10:00:00"}
Where = Callable[[Export], Chosen]
Change = Callable[[pd.Series], pd.Series]


def value(file: str, column: str, text: str | dict[str, str] | None, where: Where | None = None,
          share: float = 0.01) -> Defect:  # fmt: skip
    """Write one text (or one per CRM) into a column of some rows; None makes it missing."""

    def defect(export: Export, kind: str) -> Planted:
        rows = export.some(kind, file, where(export) if where else None, share)
        said = text[export.names.crm] if isinstance(text, dict) else text
        return export.change(kind, file, export.column(file, column), rows, said)

    return defect


def changed(file: str, column: str, change: Change, where: Where | None = None,
            share: float = 0.01) -> Defect:  # fmt: skip
    """Write what stands in a column otherwise in some rows."""

    def defect(export: Export, kind: str) -> Planted:
        rows = export.some(kind, file, where(export) if where else None, share)
        values = change(export.text(file, column).iloc[rows]).to_numpy()
        return export.change(kind, file, export.column(file, column), rows, values)

    return defect


def cycle(words: tuple[str, ...]) -> Change:
    """Some words in turn, whatever stood there."""
    return lambda values: pd.Series(np.resize(np.array(words, dtype=object), len(values)))


def _twice(file: str) -> Defect:
    def defect(export: Export, kind: str) -> Planted:
        rows = export.some(kind, file)
        return export.add(kind, file, export.table(file).iloc[rows])

    return defect


def _header_again(export: Export, kind: str) -> Planted:
    """Two exports were put together, and the header of the second stayed."""
    table = export.table("opportunities")
    line = pd.DataFrame([list(table.columns)], columns=table.columns, dtype="str")
    return export.add(kind, "opportunities", line)


def _blank(export: Export, kind: str) -> Planted:
    """Rows of delimiters alone, as a spreadsheet leaves them."""
    columns = export.table("opportunities").columns
    empty = pd.DataFrame(None, index=range(3), columns=columns, dtype="str")
    return export.add(kind, "opportunities", empty)


def _other_version(export: Export, kind: str) -> Planted:
    amount = export.column("opportunities", "amount")
    rows = export.table("opportunities").iloc[export.some(kind, "opportunities")]
    higher = (rows[amount].astype(float) * 1.1).round().astype("int64").astype("str")
    return export.add(kind, "opportunities", rows.assign(**{amount: higher}))


def _orphans(export: Export, kind: str) -> Planted:
    columns = export.names.columns["history"]
    rows = export.table("history").iloc[export.some(kind, "history")]
    others: dict[str, Any] = {columns["opportunity"]: NOTHING[export.names.crm]}
    if "key" in columns:
        others[columns["key"]] = [f"008Qy9999{n:06d}IAA" for n in range(len(rows))]
    return export.add(kind, "history", rows.assign(**others))


def _free_histories(export: Export) -> Chosen:
    """Opportunities of whose history no row has a defect."""
    history = export.text("history", "opportunity")
    spoilt = set(history[~export.free("history")])
    return ~export.text("opportunities", "opportunity").isin(spoilt).to_numpy()


def _no_history(export: Export, kind: str) -> Planted:
    rows = export.some(kind, "opportunities", _free_histories(export), 0.005)
    who = export.text("opportunities", "opportunity").iloc[rows]
    gone = export.text("history", "opportunity").isin(who)
    return export.drop(kind, "history", np.flatnonzero(gone))


def _owner_name(export: Export, kind: str) -> Planted:
    rows = export.some(kind, "opportunities")
    names = pd.Series(export.text("reps", "name").to_numpy(), index=export.text("reps", "key"))
    said = export.text("opportunities", "owner").iloc[rows].map(names)
    return export.change(
        kind, "opportunities", export.column("opportunities", "owner"), rows, said.to_numpy()
    )


def _before_creation(export: Export, kind: str) -> Planted:
    rows = export.some(kind, "opportunities", export.closed())
    created = export.text("opportunities", "created").iloc[rows].str.slice(0, 10)
    earlier = (pd.to_datetime(created) - pd.Timedelta(days=30)).dt.strftime("%Y-%m-%d")
    return export.change(
        kind, "opportunities", export.column("opportunities", "close"), rows, earlier.to_numpy()
    )


def _clicked_through(export: Export, kind: str) -> Planted:
    """All notes of some closed opportunities get the time of the last, a minute apart."""
    of = export.text("history", "opportunity")
    long = of.map(of.value_counts()) > 3
    free = _free_histories(export) & export.closed()
    free &= export.text("opportunities", "opportunity").isin(set(of[long])).to_numpy()
    chosen = export.some(kind, "opportunities", free)
    who = export.text("opportunities", "opportunity").iloc[chosen]
    rows = np.flatnonzero(of.isin(who))
    at = pd.to_datetime(export.text("history", "at").iloc[rows])
    last = at.groupby(of.iloc[rows]).transform("max")
    back = at.groupby(of.iloc[rows]).cumcount(ascending=False)
    moment = (last - pd.to_timedelta(back, unit="min")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    export.touch("history", rows)
    return export.change(kind, "history", export.column("history", "at"), rows, moment.to_numpy())


def _future(export: Export, kind: str) -> Planted:
    last = ~export.text("history", "opportunity").duplicated(keep="last").to_numpy()
    rows = export.some(kind, "history", last, 0.002)
    at = export.column("history", "at")
    return export.change(kind, "history", at, rows, LATE[export.names.crm])


def _merged(export: Export, kind: str) -> Planted:
    """Doubles that somebody merged: Salesforce keeps them, deleted, with the one that stayed."""
    rows = export.some(kind, "opportunities")
    table = export.table("opportunities")
    gone, stayed = export.column("opportunities", "key"), table["Id"].iloc[rows]
    flagged = table.assign(
        IsDeleted=table.get("IsDeleted", pd.Series("false", index=table.index, dtype="str")),
        MasterRecordId=pd.Series(None, index=table.index, dtype="str"),
    )
    export.files[export.name("opportunities")] = flagged
    numbers = [f"006Qy8888{n:06d}IAA" for n in range(len(rows))]
    more = flagged.iloc[rows].assign(
        **{gone: numbers, "IsDeleted": "true", "MasterRecordId": stayed.to_numpy()}
    )
    return replace(export.add(kind, "opportunities", more), column="MasterRecordId")


def _merged_deals(export: Export, kind: str) -> Planted:
    """Doubles that somebody merged: HubSpot keeps their history, and their ids with the deal."""
    rows = export.some(kind, "opportunities", _free_histories(export))
    table, key = export.table("opportunities"), export.column("opportunities", "key")
    numbers = np.array([f"2888888{n:04d}" for n in range(len(rows))])
    ids = pd.Series(None, index=table.index, dtype="str")
    ids.iloc[rows] = numbers
    export.files[export.name("opportunities")] = table.assign(**{"Merged record IDs": ids})
    history = export.table("history")
    named = dict(zip(table[key].iloc[rows], numbers, strict=True))
    theirs = history[history[export.column("history", "opportunity")].isin(named)]
    first = theirs.groupby(export.column("history", "opportunity")).head(4)
    renamed = first[export.column("history", "opportunity")].map(named)
    copies = first.assign(**{export.column("history", "opportunity"): renamed})
    return replace(export.add(kind, "history", copies), ids=numbers.tolist())


def _stages(export: Export) -> Chosen:
    return (export.text("history", "field") == "Deal Stage").to_numpy()


def _with_deal(export: Export) -> Chosen:
    return export.text("activities", "opportunity").notna().to_numpy()


def _open(export: Export) -> Chosen:
    return ~export.closed()


def _opposite(values: pd.Series) -> pd.Series:
    return (values != "true").map({True: "true", False: "false"})


def _money(values: pd.Series) -> pd.Series:
    return values.astype(float).map("${:,.2f}".format)


OPPORTUNITY = "opportunities"
USUAL: dict[str, Defect] = {
    "row twice": _twice(OPPORTUNITY),
    "same id, other amount": _other_version,
    "history row twice": _twice("history"),
    "history of a deleted opportunity": _orphans,
    "history missing": _no_history,
    "owner missing": value(OPPORTUNITY, "owner", None),
    "owner unknown": value(OPPORTUNITY, "owner", NOBODY),
    "amount 0 on a lost one": value(OPPORTUNITY, "amount", "0", Export.lost),
    "negative in parentheses": changed(OPPORTUNITY, "amount", lambda v: "(" + v + ")"),
    "amount with signs": changed(OPPORTUNITY, "amount", _money),
    "placeholder": changed(OPPORTUNITY, "source", cycle(PLACEHOLDERS)),
    "closed before created": _before_creation,
    "open end": value(OPPORTUNITY, "close", "9999-12-31", _open),
    "impossible date": value("history", "at", NO_DAY),
    "date in the future": _future,
    "line break in a text": value(OPPORTUNITY, "next_step", BROKEN_TEXT),
    "formula": changed(OPPORTUNITY, "next_step", cycle(FORMULAS)),
    "markup": changed(OPPORTUNITY, "name", lambda v: v.map(MARKUP.format)),
    "accents": changed("accounts", "name", lambda v: v + " Zürich & Cie. Orléans"),
    "test record": changed(OPPORTUNITY, "name", lambda v: "TEST do not use - " + v, share=0.003),
}
"""Those of every CRM that a reader should get through, the rows set right or set aside."""

USUAL_OF: dict[str, dict[str, Defect]] = {
    "salesforce": {
        "owner by name": _owner_name,
        "flag contradicts stage": changed(OPPORTUNITY, "won", _opposite, Export.closed),
        "clicked through at once": _clicked_through,
        "stage with spaces": changed("history", "stage", lambda v: v + " "),
        "id of 15 characters": changed("history", "opportunity", lambda v: v.str.slice(0, 15)),
    },
    "hubspot": {
        "stage with spaces": changed("history", "stage", lambda v: v + " ", _stages),
        "owner with spaces": changed(OPPORTUNITY, "owner", lambda v: "  " + v.str.upper() + " "),
        "activity without a deal": value("activities", "opportunity", None, _with_deal),
    },
}
"""The same, of one CRM."""

REQUESTED: dict[str, Defect] = {
    "unknown stage": value(OPPORTUNITY, "stage", "Verbal Commit", _open),
    "header again": _header_again,
    "blank rows": _blank,
}
REQUESTED_OF: dict[str, dict[str, Defect]] = {
    "salesforce": {
        "stage in small letters": changed("history", "stage", lambda v: v.str.lower()),
        "merged opportunities": _merged,
    },
    "hubspot": {
        "stage in small letters": changed(OPPORTUNITY, "stage", lambda v: v.str.lower()),
        "merged opportunities": _merged_deals,
    },
}
"""Those after which a reader should ask before it goes on; planted only when named."""


def usual(crm: str) -> dict[str, Defect]:
    """Kinds that a reader should get through."""
    return {**USUAL, **USUAL_OF[crm]}


def on_request(crm: str) -> dict[str, Defect]:
    """Kinds after which a reader should ask before it goes on."""
    return {**REQUESTED, **REQUESTED_OF[crm]}
