"""Defects that real exports have, planted in a clean one and counted.

Every defect says what it did: its kind, the file, the column, the ids of the rows, and how many
rows the file has more or fewer. A row gets at most one defect, so that each can be counted alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.world.streams import Streams

FILES = ("Opportunity", "OpportunityHistory", "OpportunityFieldHistory", "User", "Account")
PLACEHOLDERS = ("Select", "N/A", "-", "Unknown")
NOBODY, NOTHING = "005Qy0000099999IAA", "006Qy0000099999IAA"
BROKEN_TEXT = 'Call back,\nask for "the plan"; then\r\nsend it'
FOOTER = (
    "\n\nGrand Totals ({rows} records)\n\nConfidential Information - Do Not Distribute\n"
    "Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved.\n"
)


@dataclass(frozen=True)
class Planted:
    """One kind of defect in one file.

    kind, file, column : what and where; the column is empty where the whole row or file is meant
    count : rows (or lines) that have it
    rows_added : rows the file has more (negative: fewer) than without it
    ids : `Id` of the rows, empty where the whole file is meant
    """

    kind: str
    file: str
    column: str
    count: int
    rows_added: int = 0
    ids: list[str] = field(default_factory=list)


class Export:
    """The files of an export as text, with a mark on the rows that already have a defect."""

    def __init__(self, files: dict[str, pd.DataFrame], seed: int) -> None:
        self.files = {name: table.astype("str") for name, table in files.items()}
        self.streams = Streams(seed)
        self.touched: dict[str, set[str]] = {name: set() for name in files}

    def some(self, kind: str, file: str, where: np.ndarray | None = None,
             share: float = 0.01) -> np.ndarray:  # fmt: skip
        """Positions of a few rows without a defect, at least three where there are so many."""
        table = self.files[file]
        free = ~table["Id"].isin(self.touched[file]).to_numpy()
        free &= True if where is None else where
        rows = np.flatnonzero(free)
        count = min(len(rows), max(3, round(len(table) * share)))
        drawn = self.streams.order(f"{kind} in {file}", len(rows))[:count]
        chosen = np.sort(rows[drawn])
        self.touched[file] |= set(table["Id"].iloc[chosen])
        return chosen

    def change(self, kind: str, file: str, column: str, rows: np.ndarray,
               values: np.ndarray | str | None) -> Planted:  # fmt: skip
        """Write other values into a column of some rows."""
        table = self.files[file].copy()
        place = table.columns.get_loc(column)
        table.iloc[rows, place] = values
        self.files[file] = table
        return Planted(kind, file, column, len(rows), 0, table["Id"].iloc[rows].tolist())

    def add(self, kind: str, file: str, rows: pd.DataFrame) -> Planted:
        """Put rows at the end of a file."""
        self.files[file] = pd.concat([self.files[file], rows], ignore_index=True)
        self.touched[file] |= set(rows["Id"])
        return Planted(kind, file, "", len(rows), len(rows), rows["Id"].tolist())

    def drop(self, kind: str, file: str, rows: np.ndarray) -> Planted:
        """Take rows out of a file."""
        gone = self.files[file]["Id"].iloc[rows].tolist()
        kept = np.delete(np.arange(len(self.files[file])), rows)
        self.files[file] = self.files[file].iloc[kept].reset_index(drop=True)
        return Planted(kind, file, "", len(rows), -len(rows), gone)


Defect = Callable[[Export, str], Planted]


def _closed(export: Export) -> np.ndarray:
    return (export.files["Opportunity"]["IsClosed"] == "true").to_numpy()


def _lost(export: Export) -> np.ndarray:
    return (export.files["Opportunity"]["StageName"] == "Closed Lost").to_numpy()


def _twice(file: str) -> Defect:
    def defect(export: Export, kind: str) -> Planted:
        rows = export.some(kind, file)
        return export.add(kind, file, export.files[file].iloc[rows])

    return defect


def _other_version(export: Export, kind: str) -> Planted:
    rows = export.files["Opportunity"].iloc[export.some(kind, "Opportunity")]
    higher = (rows["Amount"].astype(float) * 1.1).round().astype("int64").astype("str")
    return export.add(kind, "Opportunity", rows.assign(Amount=higher))


def _orphans(export: Export, kind: str) -> Planted:
    rows = export.files["OpportunityHistory"].iloc[export.some(kind, "OpportunityHistory")]
    number = [f"008Qy9999{n:06d}IAA" for n in range(len(rows))]
    return export.add(kind, "OpportunityHistory", rows.assign(Id=number, OpportunityId=NOTHING))


def _no_history(export: Export, kind: str) -> Planted:
    history = export.files["OpportunityHistory"]
    clean = ~history["Id"].isin(export.touched["OpportunityHistory"])
    spoilt = set(history["OpportunityId"][~clean])
    free = ~export.files["Opportunity"]["Id"].isin(spoilt).to_numpy()
    who = export.files["Opportunity"]["Id"].iloc[export.some(kind, "Opportunity", free, 0.005)]
    return export.drop(
        kind, "OpportunityHistory", np.flatnonzero(history["OpportunityId"].isin(who))
    )


def _value(file: str, column: str, value: str | None, where: Callable[[Export], np.ndarray] | None
           = None) -> Defect:  # fmt: skip
    def defect(export: Export, kind: str) -> Planted:
        rows = export.some(kind, file, where(export) if where else None)
        return export.change(kind, file, column, rows, value)

    return defect


def _as(
    file: str,
    column: str,
    change: Callable[[pd.Series], pd.Series],
    where: Callable[[Export], np.ndarray] | None = None,
    share: float = 0.01,
) -> Defect:
    def defect(export: Export, kind: str) -> Planted:
        rows = export.some(kind, file, where(export) if where else None, share)
        values = change(export.files[file][column].iloc[rows]).to_numpy()
        return export.change(kind, file, column, rows, values)

    return defect


def _owner_name(export: Export, kind: str) -> Planted:
    rows = export.some(kind, "Opportunity")
    users = export.files["User"].set_index("Id")["Name"]
    names = export.files["Opportunity"]["OwnerId"].iloc[rows].map(users)
    return export.change(kind, "Opportunity", "OwnerId", rows, names.to_numpy())


def _before_creation(export: Export, kind: str) -> Planted:
    rows = export.some(kind, "Opportunity", _closed(export))
    created = export.files["Opportunity"]["CreatedDate"].iloc[rows].str.slice(0, 10)
    earlier = (pd.to_datetime(created) - pd.Timedelta(days=30)).dt.strftime("%Y-%m-%d")
    return export.change(kind, "Opportunity", "CloseDate", rows, earlier.to_numpy())


def _clicked_through(export: Export, kind: str) -> Planted:
    """All notes of some closed opportunities get the time of the last, a minute apart."""
    history = export.files["OpportunityHistory"]
    clean = ~history["Id"].isin(export.touched["OpportunityHistory"])
    whole = clean.groupby(history["OpportunityId"]).all()
    whole &= history.groupby("OpportunityId").size() > 3
    free = export.files["Opportunity"]["Id"].isin(whole.index[whole]).to_numpy()
    who = export.some(kind, "Opportunity", free & _closed(export), 0.01)
    rows = np.flatnonzero(
        history["OpportunityId"].isin(export.files["Opportunity"]["Id"].iloc[who])
    )
    part = history.iloc[rows]
    last = pd.to_datetime(part["CreatedDate"]).groupby(part["OpportunityId"]).transform("max")
    back = part.groupby("OpportunityId").cumcount(ascending=False)
    moment = (last - pd.to_timedelta(back, unit="min")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    export.touched["OpportunityHistory"] |= set(part["Id"])
    return export.change(kind, "OpportunityHistory", "CreatedDate", rows, moment.to_numpy())


def _future(export: Export, kind: str) -> Planted:
    history = export.files["OpportunityHistory"]
    last = ~history["OpportunityId"].duplicated(keep="last").to_numpy()
    rows = export.some(kind, "OpportunityHistory", last, 0.002)
    return export.change(kind, "OpportunityHistory", "CreatedDate", rows, "2031-01-15T09:00:00Z")


def _us_dates(export: Export, kind: str) -> Planted:
    hired = pd.to_datetime(export.files["User"]["Hire_Date__c"])
    text = [f"{day.month}/{day.day}/{day.year}" for day in hired]
    rows = np.arange(len(text))
    return export.change(kind, "User", "Hire_Date__c", rows, np.array(text, dtype=object))


def _column(file: str, name: str, values: Callable[[int], list[str]]) -> Defect:
    def defect(export: Export, kind: str) -> Planted:
        table = export.files[file]
        export.files[file] = table.assign(**{name: pd.Series(values(len(table)), dtype="str")})
        return Planted(kind, file, name, len(table))

    return defect


def _renamed(export: Export, kind: str) -> Planted:
    history = export.files["OpportunityHistory"]
    early = (history["StageName"] == "Proposal") & (history["CreatedDate"] < "2025-01-01")
    rows = np.flatnonzero(early)
    return export.change(kind, "OpportunityHistory", "StageName", rows, "Quote Sent")


def _whole(file: str, column: str, change: Callable[[pd.Series], pd.Series]) -> Defect:
    """A defect of every value in a column."""

    def defect(export: Export, kind: str) -> Planted:
        values = export.files[file][column]
        rows = np.flatnonzero(values.notna())
        return export.change(kind, file, column, rows, change(values.iloc[rows]).to_numpy())

    return defect


def _dates(form: str) -> Callable[[pd.Series], pd.Series]:
    return lambda values: pd.to_datetime(values.str.slice(0, 10)).dt.strftime(form)


def _ambiguous(values: pd.Series) -> pd.Series:
    day = pd.to_datetime(values.str.slice(0, 10))
    text = [f"{(d.day - 1) % 12 + 1:02d}/{d.month:02d}/{d.year}" for d in day]
    return pd.Series(text, dtype="str")


def _serial(values: pd.Series) -> pd.Series:
    return (pd.to_datetime(values) - pd.Timestamp("1899-12-30")).dt.days.astype("str")


def _comma(values: pd.Series) -> pd.Series:
    text = values.astype(float).map("{:,.2f}".format)
    return text.map(lambda each: each.translate(str.maketrans(",.", ".,")))


def _offset(values: pd.Series) -> pd.Series:
    later = pd.to_datetime(values) + pd.Timedelta(hours=2)
    return later.dt.strftime("%Y-%m-%dT%H:%M:%S+02:00")


def _only_won(export: Export, kind: str) -> Planted:
    return export.drop(kind, "Opportunity", np.flatnonzero(_lost(export)))


def _leaning(export: Export, kind: str) -> Planted:
    """Segments are missing, but only where an opportunity of new business was lost."""
    new = (export.files["Opportunity"]["Type"] == "New Business").to_numpy()
    rows = np.flatnonzero(_lost(export) & new)
    return export.change(kind, "Opportunity", "Segment__c", rows, None)


def _money(values: pd.Series) -> pd.Series:
    return values.astype(float).map("${:,.2f}".format)


def _owed(values: pd.Series) -> pd.Series:
    return "(" + values + ")"


def _opposite(values: pd.Series) -> pd.Series:
    return (values != "true").map({True: "true", False: "false"})


def _cycle(words: tuple[str, ...]) -> Callable[[pd.Series], pd.Series]:
    return lambda values: pd.Series(
        [words[k % len(words)] for k in range(len(values))], dtype="str"
    )


DEFECTS: dict[str, Defect] = {
    "row twice": _twice("Opportunity"),
    "history row twice": _twice("OpportunityHistory"),
    "same id, other amount": _other_version,
    "history of a deleted opportunity": _orphans,
    "history missing": _no_history,
    "owner missing": _value("Opportunity", "OwnerId", None),
    "owner unknown": _value("Opportunity", "OwnerId", NOBODY),
    "owner by name": _owner_name,
    "flag contradicts stage": _as("Opportunity", "IsWon", _opposite, _closed),
    "amount 0 on a lost one": _value("Opportunity", "Amount", "0", _lost),
    "negative in parentheses": _as("Opportunity", "Amount", _owed),
    "amount with signs": _as("Opportunity", "Amount", _money),
    "placeholder": _as("Opportunity", "LeadSource", _cycle(PLACEHOLDERS)),
    "closed before created": _before_creation,
    "open end": _value("Opportunity", "CloseDate", "9999-12-31", lambda e: ~_closed(e)),
    "impossible date": _value("OpportunityHistory", "CreatedDate", "2025-02-30T10:00:00Z"),
    "date in the future": _future,
    "clicked through at once": _clicked_through,
    "stage with spaces": _as("OpportunityHistory", "StageName", lambda v: v + " "),
    "id of 15 characters": _as("OpportunityHistory", "OpportunityId", lambda v: v.str.slice(0, 15)),
    "line break in a text": _value("Opportunity", "NextStep", BROKEN_TEXT),
    "formula": _as("Opportunity", "NextStep", _cycle(("=1+1", "+1-1", "-2+3", "@SUM(A1:A9)"))),
    "markup": _as("Opportunity", "Name", lambda v: "<b>" + v + "</b><script>alert(1)</script>"),
    "accents": _as("Account", "Name", lambda v: v + " Zürich & Cie. Orléans"),
    "test record": _as("Opportunity", "Name", lambda v: "TEST do not use - " + v, share=0.003),
    "id with leading zeros": _column("Account", "Legacy_Id__c",
                                     lambda n: [f"00{k:06d}" for k in range(n)]),
    "US dates": _us_dates,
}  # fmt: skip
"""Those that a reader should get through, with the rows set right or set aside."""

ON_REQUEST: dict[str, Defect] = {
    "unknown stage": _value("Opportunity", "StageName", "Verbal Commit", lambda e: ~_closed(e)),
    "renamed stage": _renamed,
    "stage in small letters": _as("OpportunityHistory", "StageName", lambda v: v.str.lower()),
    "second currency": _column("Opportunity", "CurrencyIsoCode",
                               lambda n: ["EUR" if k % 40 == 7 else "USD" for k in range(n)]),
    "deleted ones are flagged": _column("Opportunity", "IsDeleted",
                                        lambda n: [str(k % 90 == 4).lower() for k in range(n)]),
    "decimal comma": _whole("Opportunity", "Amount", _comma),
    "percent sign": _whole("Opportunity", "Probability", lambda v: v + "%"),
    "Excel day numbers": _whole("Account", "First_Won__c", _serial),
    "European dates": _whole("Opportunity", "CloseDate", _dates("%d.%m.%Y")),
    "two-digit years": _whole("User", "Hire_Date__c", _dates("%m/%d/%y")),
    "ambiguous dates": _whole("OpportunityFieldHistory", "CreatedDate", _ambiguous),
    "times with an offset": _as("OpportunityHistory", "CreatedDate", _offset),
    "yes and no in words": _whole("Opportunity", "IsClosed",
                                  lambda v: v.map({"true": "Ja", "false": "Nein"})),
    "lost ones filtered out": _only_won,
    "missing that leans": _leaning,
}  # fmt: skip
"""Those that hit a whole column or file, or after which a reader should ask before it goes on;
planted only when named."""

OF_FILES = ("footer of a report", "broken line", "byte order mark", "semicolons in cp1252",
            "UTF-16 with tabs")  # fmt: skip


def plant(
    files: dict[str, pd.DataFrame], seed: int, kinds: tuple[str, ...] | None = None
) -> tuple[dict[str, pd.DataFrame], list[dict[str, object]]]:
    """Plant defects in the files of a Salesforce export.

    Parameters
    ----------
    files : the files by name, as text
    seed : which rows are hit; the same seed hits the same rows
    kinds : names in `DEFECTS`, `ON_REQUEST` and `OF_FILES`; None for all but those of `ON_REQUEST`

    Returns
    -------
    The messy files, and the list of what was planted. Defects of whole files are in the list and
    are made by `encode`.
    """
    known = {**DEFECTS, **ON_REQUEST}
    wanted = (*DEFECTS, *OF_FILES) if kinds is None else kinds
    for kind in wanted:
        if kind not in known and kind not in OF_FILES:
            raise EnablementError(f"No defect {kind!r}. {choices(kind, [*known, *OF_FILES])}")
    export = Export(files, seed)
    planted = [known[kind](export, kind) for kind in wanted if kind in known]
    planted += [_OF_FILE[kind](export) for kind in OF_FILES if kind in wanted]
    return export.files, [asdict(each) for each in planted]


_OF_FILE: dict[str, Callable[[Export], Planted]] = {
    "footer of a report": lambda e: Planted("footer of a report", "Opportunity", "", 3),
    "broken line": lambda e: Planted("broken line", "OpportunityHistory", "", 2, 2),
    "byte order mark": lambda e: Planted("byte order mark", "User", "", len(e.files["User"])),
    "semicolons in cp1252": lambda e: Planted(
        "semicolons in cp1252", "Account", "", len(e.files["Account"])
    ),
    "UTF-16 with tabs": lambda e: Planted(
        "UTF-16 with tabs", "OpportunityFieldHistory", "", len(e.files["OpportunityFieldHistory"])
    ),
}


def encode(name: str, table: pd.DataFrame, text: bytes, planted: list[dict[str, object]]) -> bytes:
    """The bytes of a file, with the defects of whole files that were planted in it.

    Parameters
    ----------
    name : the file
    table : its rows, where they must be written otherwise
    text : as plain CSV in UTF-8
    planted : what `plant` returned
    """
    kinds = {str(each["kind"]) for each in planted if each["file"] == name}
    if "semicolons in cp1252" in kinds:
        return _delimited(table, ";").encode("cp1252")
    if "UTF-16 with tabs" in kinds:
        return _delimited(table, "\t").encode("utf-16")
    if "byte order mark" in kinds:
        text = b"\xef\xbb\xbf" + text
    if "broken line" in kinds:
        text += b"008Qy0000BROKEN,cut off in the\n008Qy0000BROKE2,\n"
    if "footer of a report" in kinds:
        text += FOOTER.format(rows=len(table)).encode()
    return text


def _delimited(table: pd.DataFrame, delimiter: str) -> str:
    held = io.StringIO()
    table.to_csv(held, index=False, sep=delimiter, lineterminator="\r\n")
    return held.getvalue()
