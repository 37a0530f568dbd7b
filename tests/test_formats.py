"""One company in every shape that its CRM may give it, and the same figures in each.

Ten opportunities of three reps. 3 are won, 2 lost, 1 cancelled, 4 open; their amounts make
1,259,118.64, one has none; O6 went back a stage, O8 was lost and reopened. Their stays are
counted in the comments beside them: 23 in all.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import gzip
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
from conftest import ROOT

import enablement as en
from enablement.errors import ExportError

REPS = {"Ana Ruiz": "005A", "Ben Ott": "005B", "Cem Ay": "005C"}
# Name, rep, amount, then the path: the day, and the stage that was entered on it.
COMPANY = {
    "O1": ("Alpha", "Ana Ruiz", 1000.5, "01-13 Lead, 01-20 Qual, 02-03 Prop, 02-17 Won"),  # 3
    "O2": ("Beta", "Ana Ruiz", 2000, "01-14 Lead, 01-28 Qual, 02-11 Lost"),  # 2
    "O3": ("Gamma", "Ben Ott", 1500.25, "01-15 Lead, 02-05 Prop, 03-05 Won"),  # 2
    "O4": ("Delta", "Ben Ott", 12000, "01-16 Lead, 01-30 Qual"),  # 2
    "O5": ("Epsilon", "Cem Ay", 800, "01-19 Lead, 01-26 Lost"),  # 1
    "O6": (  # 5
        *("Zeta", "Cem Ay", 3000),
        "01-20 Lead, 01-27 Qual, 02-10 Prop, 02-24 Qual, 03-10 Prop, 03-24 Won",
    ),
    "O7": ("Eta", "Ana Ruiz", None, "02-02 Lead"),  # 1
    "O8": ("Theta", "Ben Ott", 4000, "02-03 Lead, 02-16 Qual, 02-23 Lost, 03-16 Qual"),  # 3
    "O9": ("Iota", "Cem Ay", 1234567.89, "02-09 Lead, 02-18 Qual, 02-25 Prop"),  # 3
    "O10": ("Kappa", "Ana Ruiz", 250, "02-13 Lead, 02-27 Cancelled"),  # 1
}
OUTCOMES = {"won": 3, "lost": 2, "cancelled": 1, "open": 4}
AMOUNTS = 1_259_118.64
CLOSED = {
    **{"Alpha": "2026-02-17", "Beta": "2026-02-11", "Gamma": "2026-03-05"},
    **{"Epsilon": "2026-01-26", "Zeta": "2026-03-24", "Kappa": "2026-02-27"},
}
OWNED = {"Ana Ruiz": 4, "Ben Ott": 3, "Cem Ay": 3}
# The stays that a list of the opportunities shows: one for each open one, in its present stage.
IN_FULL, OF_A_LIST = 23, 4
# A status beside the stage shows the last stage of the six closed ones as well.
WITH_LAST_STAGE = 10
# Only the last entry into each stage: O6 loses two of its stays and O8 one.
LAST_ENTRIES = 20
SETTINGS = {
    "stages": ["Lead", "Qual", "Prop"],
    "outcomes": {"Won": "won", "Lost": "lost", "Cancelled": "cancelled"},
    "exported_on": dt.date(2026, 3, 31),
}
EXPECTED = dt.date(2026, 6, 30)  # the close date of what is open


@dataclasses.dataclass(frozen=True)
class Deal:
    """One opportunity, as a CRM knows it on the day of the export."""

    id: str
    name: str
    rep: str
    amount: float | None
    path: list[tuple[dt.date, str]]

    @property
    def rep_id(self) -> str:
        """The id of its owner."""
        return REPS[self.rep]

    @property
    def stage(self) -> str:
        """The present stage, or the outcome."""
        return self.path[-1][1]

    @property
    def created(self) -> dt.date:
        """The first day."""
        return self.path[0][0]

    @property
    def is_closed(self) -> bool:
        """Whether it has an outcome now."""
        return self.stage in SETTINGS["outcomes"]

    @property
    def closes(self) -> dt.date:
        """The day it closed or is expected to."""
        return self.path[-1][0] if self.is_closed else EXPECTED

    def last_stage(self) -> str:
        """The last stage that is no outcome."""
        return [stage for _, stage in self.path if stage not in SETTINGS["outcomes"]][-1]


def _path(text: str) -> list[tuple[dt.date, str]]:
    steps = (step.split(" ") for step in text.split(", "))
    return [(dt.date.fromisoformat(f"2026-{day}"), stage) for day, stage in steps]


DEALS = [
    Deal(key, name, rep, amount, _path(path)) for key, (name, rep, amount, path) in COMPANY.items()
]


# ---- How values are written -------------------------------------------------------------------


def iso(day: dt.date | None) -> str:
    """Such as 2026-03-31."""
    return "" if day is None else day.isoformat()


def moment(day: dt.date) -> str:
    """Such as 2026-03-31T09:30:00.000Z, as Salesforce writes times."""
    return f"{day.isoformat()}T09:30:00.000Z"


def dotted(day: dt.date) -> str:
    """Such as 31.03.2026."""
    return f"{day:%d.%m.%Y}"


def slashed(day: dt.date) -> str:
    """Such as 31/03/2026."""
    return f"{day:%d/%m/%Y}"


def american(day: dt.date) -> str:
    """Such as 3/31/2026."""
    return f"{day.month}/{day.day}/{day.year}"


def plain(amount: float | None) -> str:
    """Such as 1500.25."""
    return "" if amount is None else str(amount)


def grouped(amount: float | None) -> str:
    """Such as 1,500.25."""
    return "" if amount is None else f"{amount:,.2f}"


def german(amount: float | None) -> str:
    """Such as 1.500,25."""
    return grouped(amount).translate(str.maketrans(",.", ".,"))


def french(amount: float | None) -> str:
    """Such as 1 500,25, with a narrow blank."""
    return grouped(amount).translate(str.maketrans(",.", "\u202f,"))


@dataclasses.dataclass
class Sheet:
    """One table as it lies in a file; `count` is what one counts below the header."""

    headers: list[str]
    rows: list[list[str]]
    before: list[list[str]] = dataclasses.field(default_factory=list)
    after: list[list[str]] = dataclasses.field(default_factory=list)

    @property
    def count(self) -> int:
        """The records behind the header that hold something."""
        return len([row for row in [*self.rows, *self.after] if any(row)])

    def text(self, delimiter: str = ",") -> str:
        """Write it as delimited text."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
        writer.writerows([*self.before, self.headers, *self.rows, *self.after])
        return out.getvalue()

    def put(self, path: Path, delimiter: str = ",", encoding: str = "utf-8") -> dict[str, int]:
        """Write it into a file; the name, and what one counts in it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.text(delimiter).encode(encoding))
        return {path.name: self.count}


def table(columns: dict[str, Callable[[Deal], str]], deals: list[Deal] = DEALS) -> Sheet:
    """Write a row per opportunity; header -> what stands under it."""
    rows = [[write(deal) for write in columns.values()] for deal in deals]
    return Sheet(list(columns), rows)


def steps(columns: dict[str, Callable[[Deal, int], str]]) -> Sheet:
    """Write a row per step of each path; the second argument is the number of the step."""
    rows = [
        [write(deal, at) for write in columns.values()]
        for deal in DEALS
        for at in range(len(deal.path))
    ]
    return Sheet(list(columns), rows)


# ---- Salesforce -------------------------------------------------------------------------------

OBJECT = {
    "Id": lambda d: d.id,
    "Name": lambda d: d.name,
    "StageName": lambda d: d.stage,
    "Amount": lambda d: plain(d.amount),
    "CloseDate": lambda d: iso(d.closes),
    "CreatedDate": lambda d: moment(d.created),
    "OwnerId": lambda d: d.rep_id,
    "IsClosed": lambda d: str(d.is_closed).lower(),
    "IsDeleted": lambda d: "false",
}
HISTORY = {
    "Id": lambda d, at: f"008{d.id}{at}",
    "OpportunityId": lambda d, at: d.id,
    "StageName": lambda d, at: d.path[at][1],
    "Amount": lambda d, at: plain(d.amount),
    "CloseDate": lambda d, at: iso(d.closes),
    "CreatedDate": lambda d, at: moment(d.path[at][0]),
    "CreatedById": lambda d, at: d.rep_id,
}
USERS = Sheet(
    ["Id", "Name", "Title", "ManagerId", "IsActive"],
    [[key, name, "Account Executive", "", "true"] for name, key in REPS.items()],
)
# Salesforce writes a change of owner twice. Cem gave O4 to Ben on 23 January, in Lead.
HANDED = Sheet(
    ["Id", "OpportunityId", "CreatedDate", "CreatedById", "Field", "OldValue", "NewValue"],
    [
        ["017A", "O4", "2026-01-23T09:30:00.000Z", "005C", "Owner", "Cem Ay", "Ben Ott"],
        ["017B", "O4", "2026-01-23T09:30:00.000Z", "005C", "Owner", "005C", "005B"],
        ["017C", "O4", "2026-01-23T09:31:00.000Z", "005B", "NextStep", "", "Call"],
    ],
)


def salesforce_objects(folder: Path) -> dict[str, int]:
    """Opportunity, OpportunityHistory, OpportunityFieldHistory and User, as Data Loader writes."""
    return {
        **table(OBJECT).put(folder / "Opportunity.csv"),
        **steps(HISTORY).put(folder / "OpportunityHistory.csv"),
        **HANDED.put(folder / "OpportunityFieldHistory.csv"),
        **USERS.put(folder / "User.csv"),
    }


FOOTER = [
    [],
    ["Grand Totals (10 records)"],
    [],
    ["Confidential Information - Do Not Distribute"],
    ["Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."],
]


@dataclasses.dataclass(frozen=True)
class Words:
    """What a report is written in: its headers in the order of `report`, and its locale."""

    headers: str
    day: Callable[[dt.date], str]
    amount: Callable[[float | None], str]
    title: str


WORDS = {
    "en": Words(
        "Opportunity ID | Opportunity Owner | Opportunity Name | Stage | Amount | Close Date | "
        "Created Date",
        *(american, grouped, "Opportunities by rep"),
    ),
    "de": Words(
        "Opportunity-ID | Opportunity-Inhaber | Opportunity-Name | Phase | Betrag | Schlusstermin | "
        "Erstelldatum",
        *(dotted, german, "Opportunitys nach Inhaber"),
    ),
    "fr": Words(
        "ID de l'opportunité | Propriétaire de l'opportunité | Nom de l'opportunité | Étape | "
        "Montant | Date de clôture | Date de création",
        *(slashed, french, "Opportunités par propriétaire"),
    ),
    "es": Words(
        "ID de la oportunidad | Propietario de la oportunidad | Nombre de la oportunidad | Etapa | "
        "Importe | Fecha de cierre | Fecha de creación",
        *(slashed, german, "Oportunidades por propietario"),
    ),
}


def report(language: str) -> Sheet:
    """A report with a title above the header and a footer below the rows."""
    words = WORDS[language]
    cells: list[Callable[[Deal], str]] = [
        *(lambda d: d.id, lambda d: d.rep, lambda d: d.name, lambda d: d.stage),
        *(lambda d: words.amount(d.amount), lambda d: words.day(d.closes)),
        lambda d: words.day(d.created),
    ]
    sheet = table(dict(zip(words.headers.split(" | "), cells, strict=True)))
    sheet.before = [[words.title], ["As of 2026-03-31 09:30", "", ""], []]
    sheet.after = FOOTER
    return sheet


def report_in(language: str) -> Callable[[Path], dict[str, int]]:
    """Write the report of opportunities in one language."""
    return lambda folder: report(language).put(folder / "report1774949400000.csv")


def history_report(folder: Path) -> dict[str, int]:
    """Opportunity History: From Stage, To Stage, Last Modified."""
    moves = steps(
        {
            "Opportunity Name": lambda d, at: d.name,
            "From Stage": lambda d, at: d.path[at - 1][1] if at else "",
            "To Stage": lambda d, at: d.path[at][1],
            "Amount": lambda d, at: grouped(d.amount),
            "Last Modified": lambda d, at: american(d.path[at][0]),
            "Last Modified By": lambda d, at: d.rep,
        }
    )
    moves.after = [[], [f"Grand Totals ({len(moves.rows)} records)"], *FOOTER[2:]]
    return {**report("en").put(folder / "all.csv"), **moves.put(folder / "history.csv")}


def field_history_report(folder: Path) -> dict[str, int]:
    """Opportunity Field History: what an opportunity was at first stands as an old value alone."""
    headers = [
        "Opportunity ID",
        "Field / Event",
        "Old Value",
        "New Value",
        "Edit Date",
        "Edited By",
    ]
    rows = [[d.id, "Created.", "", "", american(d.created), d.rep] for d in DEALS]
    rows += [
        [d.id, "Stage", d.path[at - 1][1], stage, american(day), d.rep]
        for d in DEALS
        for at, (day, stage) in enumerate(d.path)
        if at
    ]
    rows.append(["O9", "Amount", "1,000,000.00", "1,234,567.89", "3/2/2026", "Cem Ay"])
    rows.append(["O9", "Close Date", "5/31/2026", "6/30/2026", "3/2/2026", "Cem Ay"])
    rows.append(["O4", "Opportunity Owner", "Cem Ay", "Ben Ott", "1/23/2026", "Cem Ay"])
    changes = Sheet(headers, rows, after=FOOTER[2:])
    return {**report("en").put(folder / "all.csv"), **changes.put(folder / "fields.csv")}


def fivetran_salesforce(folder: Path) -> dict[str, int]:
    """The same objects in a warehouse: snake case, and columns of Fivetran's own."""
    synced = {"_fivetran_synced": lambda *_: "2026-03-31 10:00:00.000000"}
    opportunities = {
        "id": lambda d: d.id,
        "name": lambda d: d.name,
        "stage_name": lambda d: d.stage,
        "amount": lambda d: plain(d.amount),
        "close_date": lambda d: f"{iso(d.closes)} 00:00:00",
        "created_date": lambda d: f"{iso(d.created)} 09:30:00",
        "owner_id": lambda d: d.rep_id,
        "is_deleted": lambda d: "false",
    }
    history = {
        "id": lambda d, at: f"008{d.id}{at}",
        "opportunity_id": lambda d, at: d.id,
        "stage_name": lambda d, at: d.path[at][1],
        "amount": lambda d, at: plain(d.amount),
        "created_date": lambda d, at: f"{iso(d.path[at][0])} 09:30:00",
    }
    users = Sheet(
        ["id", "name", "username", "is_active", "_fivetran_synced"],
        [[key, name, f"{key}@x.example", "true", "2026-03-31"] for name, key in REPS.items()],
    )
    return {
        **table({**opportunities, **synced}).put(folder / "opportunity.csv"),
        **steps({**history, **synced}).put(folder / "opportunity_history.csv"),
        **users.put(folder / "user.csv"),
    }


# ---- HubSpot ----------------------------------------------------------------------------------


def last_entry(stage: str) -> Callable[[Deal], str]:
    """Write the last day on which a stage was entered, as HubSpot keeps it."""

    def written(deal: Deal) -> str:
        days = [day for day, name in deal.path if name == stage]
        return f"{days[-1]} 09:30" if days else ""

    return written


LIST = {
    "Record ID": lambda d: d.id,
    "Deal Name": lambda d: d.name,
    "Deal Stage": lambda d: d.stage,
    "Pipeline": lambda d: "Sales",
    "Amount": lambda d: plain(d.amount),
    "Close Date": lambda d: f"{d.closes} 09:30",
    "Create Date": lambda d: f"{d.created} 09:30",
    "Deal owner": lambda d: d.rep,
}


def hubspot_wide(folder: Path) -> dict[str, int]:
    """One column per stage; HubSpot leaves a blank behind the names of some stages."""
    entered = {
        f'Date entered "{stage} (Sales)"': last_entry(stage.strip())
        for stage in ["Lead ", "Qual", "Prop ", "Won", "Lost", "Cancelled"]
    }
    spent = {
        f'Cumulative time in "{stage} (Sales)" (HH:mm:ss)': lambda d: "167:59:03"
        for stage in ["Lead ", "Qual", "Prop "]
    }
    return table({**LIST, **entered, **spent}).put(folder / "hubspot-crm-exports-all-deals.csv")


def hubspot_tall(folder: Path) -> dict[str, int]:
    """The list, and the history of every property, one row per change."""
    headers = ["Record ID", "Property", "Value", "Timestamp", "Source"]
    rows = [
        [d.id, "dealstage", stage, f"{day} 09:30", "CRM_UI"] for d in DEALS for day, stage in d.path
    ]
    rows += [[d.id, "hubspot_owner_id", d.rep, f"{d.created} 09:30", "CRM_UI"] for d in DEALS]
    rows += [[d.id, "amount", plain(d.amount), f"{d.created} 09:30", "CRM_UI"] for d in DEALS]
    rows += [[d.id, "hs_next_step", "Call", f"{d.created} 09:30", "CRM_UI"] for d in DEALS]
    history = Sheet(headers, rows)
    return {**table(LIST).put(folder / "deals.csv"), **history.put(folder / "history.csv")}


def fivetran_hubspot(folder: Path) -> dict[str, int]:
    """Stages, pipelines and owners are ids that three more tables name."""
    synced = "2026-03-31 10:00:00.000000"
    names = ["Lead", "Qual", "Prop", "Won", "Lost", "Cancelled"]
    ids = {name: str(5000 + at) for at, name in enumerate(names)}
    deals = table(
        {
            "deal_id": lambda d: d.id,
            "deal_pipeline_id": lambda d: "77",
            "deal_pipeline_stage_id": lambda d: ids[d.stage],
            "owner_id": lambda d: d.rep_id,
            "property_dealname": lambda d: d.name,
            "property_amount": lambda d: plain(d.amount),
            "property_closedate": lambda d: f"{d.closes} 09:30:00",
            "property_createdate": lambda d: f"{d.created} 09:30:00",
            "is_deleted": lambda d: "false",
            "_fivetran_synced": lambda d: synced,
        }
    )
    stages = steps(
        {
            "deal_id": lambda d, at: d.id,
            "date_entered": lambda d, at: f"{d.path[at][0]} 09:30:00",
            "value": lambda d, at: ids[d.path[at][1]],
            "_fivetran_synced": lambda d, at: synced,
        }
    )
    named = Sheet(
        ["stage_id", "label", "pipeline_id", "display_order", "_fivetran_synced"],
        [[key, name, "77", str(at), synced] for at, (name, key) in enumerate(ids.items())],
    )
    pipelines = Sheet(["pipeline_id", "label", "_fivetran_synced"], [["77", "Sales", synced]])
    owners = Sheet(
        ["owner_id", "first_name", "last_name", "portal_id", "_fivetran_synced"],
        [[key, *name.split(" "), "1", synced] for name, key in REPS.items()],
    )
    return {
        **deals.put(folder / "deal.csv"),
        **stages.put(folder / "deal_stage.csv"),
        **named.put(folder / "deal_pipeline_stage.csv"),
        **pipelines.put(folder / "deal_pipeline.csv"),
        **owners.put(folder / "owner.csv"),
    }


# ---- Dynamics, Pipedrive, Zoho, plain words ----------------------------------------------------


def workbook(path: Path, sheets: dict[str, Sheet], typed: tuple[str, ...] = ()) -> dict[str, int]:
    """Write a workbook; under the headers in `typed` stand Excel's own dates and numbers."""
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"})
    for name, sheet in sheets.items():
        page = book.add_worksheet(name)
        for row, fields in enumerate([*sheet.before, sheet.headers, *sheet.rows, *sheet.after]):
            for column, field in enumerate(fields):
                cell = _cell(field) if sheet.headers[column] in typed else field
                page.write(row, column, cell)
    book.close()
    return {f"{path.name}, sheet {name}": sheet.count for name, sheet in sheets.items()}


def _cell(field: str) -> object:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", field):
        return dt.date.fromisoformat(field)
    return float(field) if re.fullmatch(r"[\d.]+", field) else field


def dynamics(folder: Path) -> dict[str, int]:
    """A view without the hidden id; what is cancelled has the status Lost."""
    said = {"Won": "Won", "Lost": "Lost", "Cancelled": "Lost"}
    why = {"Won": "Won", "Lost": "Out-Sold", "Cancelled": "Canceled"}
    sheet = table(
        {
            "Topic": lambda d: d.name,
            "Potential Customer": lambda d: f"{d.name} Ltd",
            "Est. Close Date": lambda d: iso(d.closes),
            "Est. Revenue": lambda d: plain(d.amount),
            "Actual Close Date": lambda d: iso(d.closes) if d.is_closed else "",
            "Created On": lambda d: iso(d.created),
            "Pipeline Phase": lambda d: d.last_stage(),
            "Status": lambda d: said.get(d.stage, "Open"),
            "Status Reason": lambda d: why.get(d.stage, "In Progress"),
            "Owner": lambda d: d.rep,
        }
    )
    typed = ("Est. Close Date", "Est. Revenue", "Actual Close Date", "Created On")
    return workbook(folder / "All Opportunities.xlsx", {"All Opportunities": sheet}, typed)


PIPEDRIVE = {
    "en": (
        "ID | Title | Stage | Status | Owner | Value | Deal created | Won time | Lost time | "
        "Deal closed on | Expected close date",
        {"Won": "Won", "Lost": "Lost", "Cancelled": "Deleted", "": "Open"},
    ),
    "de": (
        "ID | Titel | Phase | Status | Besitzer | Wert | Deal erstellt | "
        "Datum des gewonnenen Deals | Datum des verlorenen Deals | Deal abgeschlossen am | "
        "Erwartetes Abschlussdatum",
        {"Won": "Gewonnen", "Lost": "Verloren", "Cancelled": "Gelöscht", "": "Offen"},
    ),
}


def pipedrive(language: str) -> Callable[[Path], dict[str, int]]:
    """A list of deals: the outcome is the status, and a lost one keeps its last stage."""
    headers, said = PIPEDRIVE[language]
    cells: list[Callable[[Deal], str]] = [
        *(lambda d: d.id, lambda d: d.name, lambda d: d.last_stage()),
        lambda d: said[d.stage if d.is_closed else ""],
        *(lambda d: d.rep, lambda d: plain(d.amount), lambda d: f"{d.created} 09:30:00"),
        lambda d: f"{d.closes} 09:30:00" if d.stage == "Won" else "",
        lambda d: f"{d.closes} 09:30:00" if d.stage == "Lost" else "",
        lambda d: f"{d.closes} 09:30:00" if d.is_closed else "",
        lambda d: "" if d.is_closed else iso(d.closes),
    ]
    named = [f"Deal - {header}" for header in headers.split(" | ")]
    return lambda folder: table(dict(zip(named, cells, strict=True))).put(folder / "deals.csv")


def zoho(folder: Path) -> dict[str, int]:
    """Ids beside names, in columns that end with .id."""
    return table(
        {
            "Record Id": lambda d: f"zcrm_{d.id}",
            "Deal Owner.id": lambda d: d.rep_id,
            "Deal Owner": lambda d: d.rep,
            "Deal Name": lambda d: d.name,
            "Amount": lambda d: plain(d.amount),
            "Stage": lambda d: d.stage,
            "Closing Date": lambda d: iso(d.closes),
            "Created Time": lambda d: f"{d.created} 09:30:00",
        }
    ).put(folder / "Deals.csv")


PLAIN = {
    "Deal ID": lambda d: d.id,
    "Deal Name": lambda d: d.name,
    "Sales Rep": lambda d: d.rep,
    "Stage": lambda d: d.stage,
    "Value": lambda d: plain(d.amount),
    "Created": lambda d: iso(d.created),
    "Close Date": lambda d: iso(d.closes),
}
PLAIN_MOVES = {
    "Deal ID": lambda d, at: d.id,
    "Stage": lambda d, at: d.path[at][1],
    "Entered at": lambda d, at: iso(d.path[at][0]),
}


def plain_words(folder: Path) -> dict[str, int]:
    """Headers that no product writes, and a history of the same kind."""
    return {
        **table(PLAIN).put(folder / "sales.csv"),
        **steps(PLAIN_MOVES).put(folder / "moves.csv"),
    }


# ---- Containers -------------------------------------------------------------------------------


def text_file(delimiter: str, encoding: str) -> Callable[[Path], dict[str, int]]:
    """Write one list in another dialect; a narrow letter shows that the encoding was met."""
    return lambda folder: table(PLAIN).put(folder / "sales.csv", delimiter, encoding)


def semicolons(folder: Path) -> dict[str, int]:
    """As Excel saves a CSV in Germany: semicolons, decimal commas, cp1252."""
    said = {
        **PLAIN,
        "Value": lambda d: german(d.amount),
        "Created": lambda d: dotted(d.created),
        "Close Date": lambda d: dotted(d.closes),
        "Prénom": lambda d: "Zoë €",
    }
    return table(said).put(folder / "sales.csv", ";", "cp1252")


def named_csv(folder: Path) -> dict[str, int]:
    """A workbook that was given the name of a CSV."""
    return workbook(folder / "sales.csv", {"Deals": table(PLAIN)})


def two_sheets(folder: Path) -> dict[str, int]:
    """The list and its history in one workbook."""
    both = {"Deals": table(PLAIN), "Moves": steps(PLAIN_MOVES)}
    return workbook(folder / "sales.xlsx", both)


def gzipped(folder: Path) -> dict[str, int]:
    """A CSV in gzip."""
    (folder / "sales.csv.gz").write_bytes(gzip.compress(table(PLAIN).text().encode()))
    return {"sales.csv.gz": len(DEALS)}


def zipped(folder: Path) -> dict[str, int]:
    """Two CSV files in one archive."""
    sheets = {"sales.csv": table(PLAIN), "moves.csv": steps(PLAIN_MOVES)}
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name, sheet in sheets.items():
            archive.writestr(name, sheet.text())
    return {f"all.zip, {name}": sheet.count for name, sheet in sheets.items()}


def serial_dates(folder: Path) -> dict[str, int]:
    """Days as Excel counts them, in a CSV that lost their format."""

    def serial(day: dt.date) -> str:
        return str((day - dt.date(1899, 12, 30)).days)

    said = {
        **PLAIN,
        "Created": lambda d: serial(d.created),
        "Close Date": lambda d: serial(d.closes),
    }
    return table(said).put(folder / "sales.csv")


def excel_dates(folder: Path) -> dict[str, int]:
    """A workbook with Excel's own dates and numbers in its cells."""
    typed = ("Value", "Created", "Close Date")
    return workbook(folder / "sales.xlsx", {"Deals": table(PLAIN)}, typed)


def dated_copies(folder: Path) -> dict[str, int]:
    """A copy of the list per day on which something moved; the list itself is the last of them."""
    days = sorted({day for deal in DEALS for day, _ in deal.path})
    counts = {}
    for day in days:
        seen = [
            dataclasses.replace(deal, path=[step for step in deal.path if step[0] <= day])
            for deal in DEALS
            if deal.created <= day
        ]
        name = f"snapshots/{day}/sales.csv"
        counts[name] = table(PLAIN, seen).put(folder / name)["sales.csv"]
    return {**table(PLAIN).put(folder / "sales.csv"), **counts}


def renamed(folder: Path) -> dict[str, int]:
    """Until the end of January the stage Qual was called Discovery."""
    moves = steps(PLAIN_MOVES)
    for row in moves.rows:
        if row[1] == "Qual" and row[2] <= "2026-01-31":
            row[1] = "Discovery"
    return {**table(PLAIN).put(folder / "sales.csv"), **moves.put(folder / "moves.csv")}


RENAMED = {"renamed_stages": [{"from": "Discovery", "to": "Qual", "until": dt.date(2026, 1, 31)}]}


# ---- The table --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Format:
    """A shape, and what it can show.

    what : in words, as the table of formats in CONTRIBUTING.md says it
    write : writes it into a folder; file -> what one counts in it
    stays : how many stage visits it shows
    reps : whether reps have ids in it, or names alone
    more : settings that this shape needs
    """

    what: str
    write: Callable[[Path], dict[str, int]]
    stays: int
    reps: str = "names"
    more: dict[str, object] = dataclasses.field(default_factory=dict)


def _report(language: str, said: str) -> Format:
    what = f"Salesforce report in {said}, with title, footer and that country's dates and numbers"
    return Format(what, report_in(language), OF_A_LIST)


FORMATS = {
    "salesforce-objects": Format(
        "Salesforce objects: Opportunity, OpportunityHistory, OpportunityFieldHistory, User",
        *(salesforce_objects, IN_FULL + 1, "ids"),
    ),
    "salesforce-report-en": _report("en", "English"),
    "salesforce-report-de": _report("de", "German"),
    "salesforce-report-fr": _report("fr", "French"),
    "salesforce-report-es": _report("es", "Spanish"),
    "salesforce-history-report": Format(
        "Salesforce Opportunity History report (From Stage, To Stage, Last Modified)",
        *(history_report, IN_FULL),
    ),
    "salesforce-field-history-report": Format(
        "Salesforce Opportunity Field History report (stage, amount, close date, owner)",
        *(field_history_report, IN_FULL + 1),
    ),
    "salesforce-fivetran": Format(
        "Salesforce tables by Fivetran", fivetran_salesforce, IN_FULL, "ids"
    ),
    "hubspot-wide": Format(
        'HubSpot list with `Date entered "Stage (Pipeline)"` and cumulative times',
        *(hubspot_wide, LAST_ENTRIES),
    ),
    "hubspot-tall": Format("HubSpot property history", hubspot_tall, IN_FULL),
    "hubspot-fivetran": Format("HubSpot tables by Fivetran", fivetran_hubspot, IN_FULL, "ids"),
    "dynamics-list": Format(
        "Dynamics 365 view without ids, XLSX, with Status and Status Reason",
        *(dynamics, WITH_LAST_STAGE),
    ),
    "pipedrive-en": Format("Pipedrive list in English", pipedrive("en"), WITH_LAST_STAGE),
    "pipedrive-de": Format("Pipedrive list in German", pipedrive("de"), WITH_LAST_STAGE),
    "zoho": Format("Zoho Deals", zoho, OF_A_LIST, "ids"),
    "plain-words": Format("Plain English headers, with a history", plain_words, IN_FULL),
    "xlsx": Format("XLSX with Excel's own dates and numbers", excel_dates, OF_A_LIST),
    "xlsx-named-csv": Format("XLSX that is named .csv", named_csv, OF_A_LIST),
    "two-sheets": Format("XLSX with two sheets", two_sheets, IN_FULL),
    "gzip": Format("CSV in gzip", gzipped, OF_A_LIST),
    "zip": Format("Several CSV files in a zip", zipped, IN_FULL),
    "utf-16": Format("CSV in UTF-16", text_file(",", "utf-16"), OF_A_LIST),
    "utf-8-bom": Format("CSV in UTF-8 with a mark", text_file(",", "utf-8-sig"), OF_A_LIST),
    "semicolons-cp1252": Format(
        "CSV with semicolons, decimal commas, 31.03.2026, cp1252", semicolons, OF_A_LIST
    ),
    "tabs": Format("Text with tabs", text_file("\t", "utf-8"), OF_A_LIST),
    "bars": Format("Text with bars", text_file("|", "utf-8"), OF_A_LIST),
    "serial-dates": Format("CSV with Excel's serial dates", serial_dates, OF_A_LIST),
    "dated-copies": Format(
        "Dated copies of a list under snapshots/DAY, compared into a history", dated_copies, IN_FULL
    ),
    "renamed-stages": Format("A stage under its earlier name", renamed, IN_FULL, more=RENAMED),
}


def load(folder: Path, **more: object) -> en.CRM:
    """Load what was written."""
    return en.load(folder, {**SETTINGS, **more})


@pytest.mark.parametrize("name", FORMATS)
def test_format(tmp_path, name):
    """In every shape 3 are won, 2 lost, 1 cancelled and 4 open, worth 1,259,118.64."""
    shape = FORMATS[name]
    counts = shape.write(tmp_path)
    crm = load(tmp_path, **shape.more)
    found = crm.opportunities.set_index("name")
    assert found["outcome"].value_counts().to_dict() == OUTCOMES
    assert found["amount"].sum() == pytest.approx(AMOUNTS, abs=0.001)
    assert found["amount"].isna().sum() == 1
    closed = found["closed_at"].dropna().dt.strftime("%Y-%m-%d").to_dict()
    assert closed == CLOSED
    created = found["created_at"].dt.strftime("%Y-%m-%d").to_dict()
    assert created == {deal.name: iso(deal.created) for deal in DEALS}
    owned = {REPS[rep] if shape.reps == "ids" else rep: n for rep, n in OWNED.items()}
    assert found["rep_id"].value_counts().to_dict() == owned
    assert len(crm.stage_visits) == shape.stays
    holds_every_row(crm, counts)


def holds_every_row(crm: en.CRM, counts: dict[str, int]) -> None:
    """Per file, the rows in are those used and those set aside, and what one counts oneself."""
    summary = crm.quality.summary
    assert (summary["rows_in"] == summary["used"] + summary["set_aside"]).all()
    assert summary.groupby("file")["rows_in"].sum().to_dict() == counts
    assert len(crm.quality.set_aside) == summary["set_aside"].sum()
