"""Defects of whole columns: spelt otherwise, renamed, without ids, or in several meanings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from enablement.world.messes.export import BY_NAME, Defect, Export, Planted
from enablement.world.parameters import STAGES

Change = Callable[[pd.Series], pd.Series]
NOW, BEFORE = "Proposal", "Quote Sent"
EARLY = 0.4
"""Share of the history in which a stage has its earlier name."""
SWAPPED = str.maketrans(",.", ".,")
EXCEL_ZERO = pd.Timestamp("1899-12-30")


def whole(file: str, column: str, change: Change) -> Defect:
    """Write every value of a column otherwise; missing stays missing."""
    return lambda export, kind: export.change_all(kind, file, column, change)


def _more(file: str, header: str, values: Callable[[int], list[str]]) -> Defect:
    """One more column."""

    def defect(export: Export, kind: str) -> Planted:
        table = export.table(file)
        made = pd.Series(values(len(table)), index=table.index, dtype="str")
        export.files[export.name(file)] = table.assign(**{header: made})
        return Planted(kind, export.name(file), header, len(table))

    return defect


def _flags(rows: int, every: int, first: int, words: tuple[str, str]) -> list[str]:
    return [words[0] if k % every == first else words[1] for k in range(rows)]


def _some_euros(rows: int) -> list[str]:
    return _flags(rows, 40, 7, ("EUR", "USD"))


def _no_ids(export: Export, kind: str) -> Planted:
    """Leave the ids out, as lists often do, and with them the history that needs them."""
    table, key = export.table("opportunities"), export.column("opportunities", "key")
    export.files[export.name("opportunities")] = table.drop(columns=key)
    for file in ("history", "changes"):
        if file in export.names.files:
            export.leave_out(file)
    return Planted(kind, export.name("opportunities"), key, len(table))


def _two_of_a_name(export: Export) -> tuple[str, str]:
    """Name of the rep who owns most, and of the one who will be called alike."""
    names = pd.Series(export.text("reps", "name").to_numpy(), index=export.text("reps", "key"))
    owners = export.text("opportunities", "owner")
    named = owners.where(owners.isin(names), owners.map(names))
    most = named.value_counts().index[:2]
    return str(most[0]), str(most[1])


def _owners_by_name(export: Export, kind: str) -> Planted:
    """Owners stand by name, and two of the reps have the same name."""
    first, second = _two_of_a_name(export)
    name = export.column("reps", "name")
    staff = export.table("reps").replace({name: {second: first}})
    keys = export.text("reps", "key")
    before = pd.Series(export.text("reps", "name").to_numpy(), index=keys)
    export.files[export.name("reps")] = staff
    names = pd.Series(staff[name].to_numpy(), index=keys)
    owner, table = export.column("opportunities", "owner"), export.table("opportunities")
    held = table[owner]
    said = held.where(~held.isin(names.index), held.map(names)).replace({second: first})
    header = BY_NAME if export.names.crm == "salesforce" else owner
    export.files[export.name("opportunities")] = table.assign(**{owner: said.astype("str")}).rename(
        columns={owner: header}
    )
    twice = keys[before.isin([first, second]).to_numpy()].tolist()
    rows = np.flatnonzero((said == first).to_numpy())
    found = export.planted(kind, "opportunities", header, rows)
    return replace(found, ids=twice, note=f"{second} is called {first}, too",
                   effect={"ambiguous": len(rows)})  # fmt: skip


def _renamed(export: Export, kind: str) -> Planted:
    """A stage had another name before a day; the history keeps the old one."""
    at = export.text("history", "at")
    until = f"{at.sort_values().iloc[int(EARLY * len(at))][:7]}-01"
    early = (at < until) & (export.text("history", "stage") == NOW)
    stage = export.column("history", "stage")
    found = export.change(kind, "history", stage, np.flatnonzero(early), BEFORE)
    return replace(found, note=f"until {until} {BEFORE} was what {NOW} is")


def _spaced_stages(export: Export, kind: str) -> Planted:
    """Stages were made with a space at the end: in the column, and in the headers of the dates."""
    name, table = export.name("opportunities"), export.table("opportunities")
    headers = {
        header: header.replace(f'"{stage} (', f'"{stage}  (')
        for header in table.columns
        for stage in STAGES
        if f'"{stage} (' in header
    }
    spaced = table.rename(columns=headers)
    stage = export.column("opportunities", "stage")
    hit = spaced[stage].isin(STAGES)
    spaced[stage] = spaced[stage].where(~hit, spaced[stage] + " ")
    export.files[name] = spaced
    return Planted(kind, name, stage, int(hit.sum()))


def _leaning(export: Export, kind: str) -> Planted:
    """Segments are missing, but only where an opportunity of new business was lost."""
    new = (export.text("opportunities", "type") == "New Business").to_numpy()
    rows = np.flatnonzero(export.lost() & new)
    column = export.column("opportunities", "segment")
    return export.change(kind, "opportunities", column, rows, None)


def of_numbers(form: Callable[[float], str]) -> Change:
    """Plain numbers in another form; what else stands there stays."""

    def change(values: pd.Series) -> pd.Series:
        number = pd.to_numeric(values, errors="coerce")
        return values.where(number.isna(), number.map(form, na_action="ignore"))

    return change


def of_days(form: Callable[[pd.Series], pd.Series]) -> Change:
    """Days and times in another form; what else stands there stays."""

    def change(values: pd.Series) -> pd.Series:
        at = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
        return values.where(at.isna(), form(at).astype("str"))

    return change


def dated(form: str) -> Change:
    """Days in another form."""
    return of_days(lambda at: at.dt.strftime(form))


def _us(at: pd.Series) -> pd.Series:
    """Days such as `9/5/2026`."""
    return pd.Series([f"{d.month}/{d.day}/{d.year}" if d is not pd.NaT else "" for d in at],
                     index=at.index)  # fmt: skip


def _unpadded(at: pd.Series) -> pd.Series:
    """Times such as `9/5/2026 9:05 AM`."""
    hour = ((at.dt.hour - 1) % 12 + 1).astype("Int64").astype("str")
    rest = at.dt.strftime(":%M ") + at.dt.hour.map(lambda h: "AM" if h < 12 else "PM")
    return _us(at) + " " + hour + rest


def _ambiguous(at: pd.Series) -> pd.Series:
    """Days of which no one is above 12, so that day and month could be either."""
    return pd.Series([f"{(d.day - 1) % 12 + 1:02}/{d.month:02}/{d.year}" if d is not pd.NaT else ""
                      for d in at], index=at.index)  # fmt: skip


def _serial(at: pd.Series) -> pd.Series:
    return (at.dt.tz_localize(None) - EXCEL_ZERO).dt.days.astype("Int64").astype("str")


def _serial_times(at: pd.Series) -> pd.Series:
    """Days since Excel's zero with the time of the day as a fraction."""
    since = at.dt.tz_localize(None) - EXCEL_ZERO
    return (since / pd.Timedelta(days=1)).round(6).astype("str")


def _offset(at: pd.Series) -> pd.Series:
    """The same moments by a clock two hours ahead."""
    return (at + pd.Timedelta(hours=2)).dt.strftime("%Y-%m-%dT%H:%M:%S+02:00")


def _comma(number: float) -> str:
    return f"{number:,.2f}".translate(SWAPPED)


def _spaced(number: float) -> str:
    """Thousands apart by a narrow space, as in French."""
    return _comma(number).replace(".", "\u202f")


def _accounting(number: float) -> str:
    """Dollars as a spreadsheet's accounting form shows them; credits in parentheses."""
    return f" ${number:,.2f} " if number >= 0 else f" $({-number:,.2f})"


def _words(yes: str, no: str) -> Change:
    return lambda values: values.map({"true": yes, "false": no})


OPPORTUNITY = "opportunities"
USUAL_OF: dict[str, dict[str, Defect]] = {
    "salesforce": {
        "id with leading zeros": _more("accounts", "Legacy_Id__c",
                                       lambda n: [f"00{k:06d}" for k in range(n)]),
        "US dates": whole("reps", "hired", of_days(_us)),
    },
    "hubspot": {
        "stages with a space": _spaced_stages,
        "id with leading zeros": _more("accounts", "Legacy ID",
                                       lambda n: [f"00{k:06d}" for k in range(n)]),
    },
}  # fmt: skip
"""Those that a reader should get through."""

REQUESTED: dict[str, Defect] = {
    "decimal comma": whole(OPPORTUNITY, "amount", of_numbers(_comma)),
    "decimal comma with a currency sign": whole(
        OPPORTUNITY, "amount", of_numbers(lambda n: _comma(n) + " €")
    ),
    "thousands with spaces": whole(OPPORTUNITY, "amount", of_numbers(_spaced)),
    "accounting form": whole(OPPORTUNITY, "amount", of_numbers(_accounting)),
    "Excel day numbers": whole("accounts", "first_won", of_days(_serial)),
    "European dates": whole(OPPORTUNITY, "close", dated("%d.%m.%Y")),
    "dates with month names": whole(OPPORTUNITY, "close", dated("%d %b %Y")),
    "two-digit years": whole("reps", "hired", dated("%m/%d/%y")),
    "unpadded hours": whole(OPPORTUNITY, "created", of_days(_unpadded)),
    "renamed stage": _renamed,
    "missing that leans": _leaning,
    "no ids": _no_ids,
    "owners by name, two alike": _owners_by_name,
}
REQUESTED_OF: dict[str, dict[str, Defect]] = {
    "salesforce": {
        "percent sign": whole(OPPORTUNITY, "probability", of_numbers("{:g}%".format)),
        "second currency": _more(OPPORTUNITY, "CurrencyIsoCode", _some_euros),
        "deleted ones are flagged": _more(OPPORTUNITY, "IsDeleted",
                                          lambda n: _flags(n, 90, 4, ("true", "false"))),
        "ambiguous dates": whole("changes", "at", of_days(_ambiguous)),
        "Excel times": whole("history", "at", of_days(_serial_times)),
        "times with an offset": whole("history", "at", of_days(_offset)),
        "yes and no in words": whole(OPPORTUNITY, "closed", _words("Ja", "Nein")),
        "yes and no as numbers": whole(OPPORTUNITY, "closed", _words("1", "0")),
    },
    "hubspot": {
        "percent sign": whole(OPPORTUNITY, "probability", of_numbers("{:.0%}".format)),
        "second currency": _more(OPPORTUNITY, "Currency", _some_euros),
        "ambiguous dates": whole("reps", "hired", of_days(_ambiguous)),
        "Excel times": whole("history", "at", of_days(_serial_times)),
        "times with an offset": whole("history", "at", of_days(_offset)),
    },
}  # fmt: skip
"""Those after which a reader should ask before it goes on; planted only when named."""


def usual(crm: str) -> dict[str, Defect]:
    """Kinds that a reader should get through."""
    return USUAL_OF[crm]


def on_request(crm: str) -> dict[str, Defect]:
    """Kinds after which a reader should ask before it goes on."""
    return {**REQUESTED, **REQUESTED_OF[crm]}
