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
from enablement.read import store, tables
from enablement.read.crm import HANDED_OVER
from enablement.settings import RULES

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
        "Opportunity-ID | Opportunity-Inhaber | Opportunity-Name | Phase | Betrag | "
        "Schlusstermin | Erstelldatum",
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
    """Opportunity Field History: the first stage stands as an old value alone."""
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


def close(folder: Path) -> dict[str, int]:
    """The API's fields; for an open one the day of the win is the one that is hoped for."""
    kinds = {"Won": "won", "Lost": "lost", "Cancelled": "lost"}
    return table(
        {
            "id": lambda d: f"oppo_{d.id}",
            "lead_name": lambda d: d.name,
            "status_type": lambda d: kinds.get(d.stage, "active"),
            "status_label": lambda d: d.stage,
            "user_id": lambda d: d.rep_id,
            "user_name": lambda d: d.rep,
            "value": lambda d: plain(d.amount and round(100 * d.amount)),
            "value_formatted": lambda d: f"${grouped(d.amount)}" if d.amount else "",
            "value_currency": lambda d: "USD",
            "date_created": lambda d: f"{d.created} 09:30:00.123456+00:00",
            "date_won": lambda d: "" if d.is_closed and d.stage != "Won" else iso(d.closes),
            "date_lost": lambda d: (
                f"{d.closes} 09:30:00.123456+00:00" if kinds.get(d.stage) == "lost" else ""
            ),
        }
    ).put(folder / "opportunities.csv")


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
    "close": Format("Close opportunities", close, OF_A_LIST, "ids"),
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


@pytest.fixture(autouse=True)
def of_many_rows(monkeypatch):
    """Read these few rows as many are read, of which nothing is copied; others read few as few."""
    for module in (store, tables):
        monkeypatch.setattr(module, "FEW", 0)


@pytest.mark.parametrize("name", ["salesforce-objects", "hubspot-wide", "dated-copies"])
def test_few_rows_are_read_as_many_are(tmp_path, name, monkeypatch):
    """Copied or looked up each time: the same tables, and the same is told of them."""
    FORMATS[name].write(tmp_path)
    many = load(tmp_path, **FORMATS[name].more)
    monkeypatch.undo()
    few = load(tmp_path, **FORMATS[name].more)
    for table in HANDED_OVER:
        pd.testing.assert_frame_equal(getattr(few, table), getattr(many, table), obj=table)
    for frame in ("summary", "set_aside", "unread", "notes", "orders"):
        pd.testing.assert_frame_equal(getattr(few.quality, frame), getattr(many.quality, frame))


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


def test_dates_that_only_the_headers_name_are_recorded_entries(tmp_path):
    """HubSpot's list says who entered Lead (all ten) and what became of them, as a history does."""
    reached = {}
    for name in ("hubspot-wide", "hubspot-tall"):
        (tmp_path / name).mkdir()
        FORMATS[name].write(tmp_path / name)
        crm = load(tmp_path / name, **FORMATS[name].more)
        table = en.conversion(crm, as_of="2026-03-31", definition="reached")
        reached[name] = table[["entered", "moved_on", "won"]].astype(int).to_numpy().tolist()
    assert reached["hubspot-wide"] == reached["hubspot-tall"]
    assert reached["hubspot-wide"][0][0] == 10


def holds_every_row(crm: en.CRM, counts: dict[str, int]) -> None:
    """Per file, the rows in are those used and those set aside, and what one counts oneself."""
    summary = crm.quality.summary
    assert (summary["rows_in"] == summary["used"] + summary["set_aside"]).all()
    assert summary.groupby("file")["rows_in"].sum().to_dict() == counts
    assert len(crm.quality.set_aside) == summary["set_aside"].sum()


# ---- Rules, and what turns each of them round --------------------------------------------------


def notes(crm: en.CRM) -> dict[str, int]:
    """What was noted, over all files."""
    found = crm.quality.notes
    return found.groupby("note")["rows"].sum().to_dict()


def aside(crm: en.CRM) -> list[tuple[str, str, int, str]]:
    """Table, file, line and reason of what was set aside."""
    found = crm.quality.set_aside.dropna(subset="column")
    return list(zip(found["table"], found["file"], found["line"], found["reason"], strict=True))


def plain_list(folder: Path, *more: list[str]) -> dict[str, int]:
    """The list in plain words, with some rows more below it."""
    sheet = table(PLAIN)
    sheet.rows += more
    return sheet.put(folder / "sales.csv")


def stays(crm: en.CRM, opportunity: str) -> list[tuple[str, str, str]]:
    """Stage, rep and exit of each visit of one opportunity."""
    visits = crm.stage_visits
    mine = visits[visits["opportunity_id"] == opportunity]
    return list(zip(mine["stage"], mine["rep_id"], mine["exit"], strict=True))


@pytest.mark.parametrize(("rule", "used"), [("set aside", 10), ("kept", 11)])
def test_deleted_ones(tmp_path, rule, used):
    """An eleventh in line 12 is deleted by the CRM: out with its history, or in if so said."""
    gone = dataclasses.replace(DEALS[1], id="O11", name="Lambda")
    sheet = table(OBJECT, [*DEALS, gone])
    sheet.rows[-1][-1] = "true"
    history = steps(HISTORY)
    history.rows.append(["008Y", "O11", "Lead", "1", "2026-02-11", moment(gone.created), "005A"])
    counts = sheet.put(tmp_path / "Opportunity.csv")
    counts |= history.put(tmp_path / "OpportunityHistory.csv")
    crm = load(tmp_path, rules={"deleted": rule})
    assert len(crm.opportunities) == used
    assert crm.opportunities["outcome"].eq("lost").sum() == used - 8
    told = ("opportunities", "Opportunity.csv", 12, "is_deleted is true: the CRM calls it deleted")
    assert (told in aside(crm)) == (rule == "set aside")
    assert len(aside(crm)) == (2 if rule == "set aside" else 0)
    holds_every_row(crm, counts)


@pytest.mark.parametrize(("rule", "used"), [("set aside", ["T1"]), ("kept", ["T1", "T2", "T3"])])
def test_deleted_tasks(tmp_path, rule, used):
    """Of three tasks two are in the bin of Salesforce, and are left out like a deleted deal."""
    counts = salesforce_objects(tmp_path)
    headers = ["Id", "OwnerId", "WhatId", "WhoId", "Status", "ActivityDate", "IsDeleted"]
    rows = [[f"T{n}", "005A", "O1", "", "Completed", "2026-02-0" + str(n), gone]
            for n, gone in enumerate(["false", "true", "true"], start=1)]  # fmt: skip
    counts |= Sheet(headers, rows).put(tmp_path / "Task.csv")
    crm = load(tmp_path, rules={"deleted": rule})
    assert list(crm.activities["activity_id"]) == used
    told = [("activities", "Task.csv", line, "is_deleted is true: the CRM calls it deleted")
            for line in (3, 4)]  # fmt: skip
    assert aside(crm) == (told if rule == "set aside" else [])
    assert "is_deleted" not in crm.activities
    holds_every_row(crm, counts)


@pytest.mark.parametrize(("rule", "used"), [("set aside", 9), ("kept", 10)])
def test_merged_ones(tmp_path, rule, used):
    """O2 was merged into O1: it and its three events are left out, or kept if so said."""
    counts = fivetran_hubspot(tmp_path)
    merges = Sheet(["deal_id", "merged_deal_id"], [["O1", "O2"]])
    counts |= merges.put(tmp_path / "merged_deal.csv")
    crm = load(tmp_path, rules={"merged": rule})
    assert len(crm.opportunities) == used
    assert len(crm.stage_visits) == IN_FULL - 2 * (used == 9)
    assert len(aside(crm)) == (4 if used == 9 else 0)
    holds_every_row(crm, counts)


def test_ids_that_a_deal_says_were_merged_into_it(tmp_path):
    """O1's own row names O2, O5 and itself: two are left out with their events, O1 is not."""
    counts = hubspot_tall(tmp_path)
    merged = {"Merged Deal IDs": lambda d: "O2;O5; O1" if d.id == "O1" else ""}
    table({**LIST, **merged}).put(tmp_path / "deals.csv")
    crm = load(tmp_path)
    assert set(COMPANY) - set(crm.opportunities["opportunity_id"]) == {"O2", "O5"}
    assert {why for *_, why in aside(crm)} == {"opportunity_id was merged into another one"}
    assert len(crm.stage_visits) == IN_FULL - 3
    assert "Merged Deal IDs" not in crm.opportunities
    holds_every_row(crm, counts)
    assert len(load(tmp_path, rules={"merged": "kept"}).opportunities) == 10


def test_activities_get_what_other_tables_say_belongs_to_them(tmp_path):
    """Which deal and which company an activity belongs to.

    E1 and E2 belong to O1, E2 to O3 as well and the first holds; E9 is no activity.

    The meeting's own table tells E1's outcome: one activity, put together from two rows.
    """
    counts = fivetran_hubspot(tmp_path)
    synced = "2026-03-31"
    engagements = Sheet(
        ["id", "owner_id", "type", "timestamp", "portal_id", "_fivetran_synced"],
        [[key, "005A", "MEETING", "2026-01-20 09:00:00", "1", synced] for key in ("E1", "E2")],
    )
    meetings = Sheet(
        ["engagement_id", "meeting_outcome", "start_time", "_fivetran_synced"],
        [["E1", "COMPLETED", "2026-01-20 09:00:00", synced]],
    )
    deals = [["E1", "O1"], ["E2", "O1"], ["E2", "O3"], ["E9", "O1"]]
    companies = [["E1", "C7"]]
    of_deals = [["O1", "C8"]]
    for name, sheet in {
        "engagement": engagements,
        "engagement_meeting": meetings,
        "engagement_deal": Sheet(["engagement_id", "deal_id"], deals),
        "engagement_company": Sheet(["engagement_id", "company_id"], companies),
        "deal_company": Sheet(["deal_id", "company_id"], of_deals),
    }.items():
        counts |= sheet.put(tmp_path / f"{name}.csv")
    crm = load(tmp_path)
    done = crm.activities.set_index("activity_id")
    assert done["opportunity_id"].to_dict() == {"E1": "O1", "E2": "O1"}
    assert done.loc["E1", ["account_id", "outcome", "rep_id"]].tolist() == [
        "C7",
        "COMPLETED",
        "005A",
    ]
    owned = crm.opportunities.set_index("opportunity_id")["account_id"]
    assert owned["O1"] == "C8"
    assert notes(crm)["several opportunity_id belong to it, the first one is used"] == 1
    assert notes(crm)["one activity in several rows, put together"] == 2
    why = "activity_id is not among the activities"
    assert aside(crm) == [("links", "engagement_deal.csv", 5, why)]
    holds_every_row(crm, counts)


@pytest.mark.parametrize(("rule", "stage"), [("first", "Won"), ("last", "Prop")])
def test_repeated_ids(tmp_path, rule, stage):
    """O1 stands in line 2 as Won and in line 12 as Prop."""
    again = ["O1", "Alpha", "Ana Ruiz", "Prop", "1000.5", "2026-01-13", "2026-06-30"]
    counts = plain_list(tmp_path, again)
    crm = load(tmp_path, rules={"repeated_ids": rule})
    assert crm.opportunities.set_index("opportunity_id").loc["O1", "stage"] == stage
    line = 12 if rule == "first" else 2
    why = f"opportunity_id stands twice; the {rule} one is used"
    assert aside(crm) == [("opportunities", "sales.csv", line, why)]
    holds_every_row(crm, counts)


def test_repeated_ids_stop_if_so_said(tmp_path):
    """The line, the id and the setting are named."""
    plain_list(tmp_path, ["O1", "Alpha", "Ana Ruiz", "Prop", "1000.5", "2026-01-13", "2026-06-30"])
    with pytest.raises(
        ExportError, match=r"sales\.csv, line 12, column Deal ID: 'O1' stands twice"
    ):
        load(tmp_path, rules={"repeated_ids": "stop"})


@pytest.mark.parametrize(("rule", "used"), [("kept", 11), ("first", 10)])
def test_repeated_rows_without_ids(tmp_path, rule, used):
    """Without ids two equal rows may be two opportunities; they are counted, or one is left out."""
    without = {header: cell for header, cell in PLAIN.items() if header != "Deal ID"}
    counts = table(without, [*DEALS, DEALS[0]]).put(tmp_path / "sales.csv")
    crm = load(tmp_path, rules={"repeated_rows": rule})
    assert len(crm.opportunities) == used
    assert notes(crm)["opportunity_id made from file and row"] == 11
    again = "the row repeats another one in everything; without ids both are used"
    assert notes(crm).get(again, 0) == (1 if rule == "kept" else 0)
    assert [line for _, _, line, _ in aside(crm)] == ([] if rule == "kept" else [12])
    holds_every_row(crm, counts)


@pytest.mark.parametrize("rule", ["matched", "kept"])
def test_owners_by_name(tmp_path, rule):
    """Ana and Cem are found in the list of reps; Ben Ott is the name of two, and stays one."""
    users = Sheet(USERS.headers, [*USERS.rows, ["005D", "Ben Ott", "Manager", "", "true"]])
    counts = {**report("en").put(tmp_path / "all.csv"), **users.put(tmp_path / "User.csv")}
    crm = load(tmp_path, rules={"owner_names": rule})
    owned = crm.opportunities["rep_id"].value_counts().to_dict()
    if rule == "matched":
        assert owned == {"005A": 4, "Ben Ott": 3, "005C": 3}
        assert notes(crm)["rep_id given by name, matched to the rep's id"] == 7
        assert notes(crm)["rep_id 'Ben Ott' is the name of several reps; it stays a name"] == 3
    else:
        assert owned == OWNED
    holds_every_row(crm, counts)


def test_a_change_of_owner_by_id_and_by_an_ambiguous_name_is_one(tmp_path):
    """Salesforce writes both; of two reps who are called Ben Ott the row with the id tells."""
    counts = salesforce_objects(tmp_path)
    users = Sheet(USERS.headers, [*USERS.rows, ["005D", "Ben Ott", "Manager", "", "true"]])
    counts |= users.put(tmp_path / "User.csv")
    crm = load(tmp_path)
    assert stays(crm, "O4") == [
        ("Lead", "005C", "handed off"),
        ("Lead", "005B", "advanced"),
        ("Qual", "005B", "open"),
    ]
    holds_every_row(crm, counts)


@pytest.mark.parametrize(("rule", "more"), [("visits", 1), ("ignored", 0)])
def test_owner_changes(tmp_path, rule, more):
    """The hand-over of O4 makes a visit more, or all of it belongs to Ben."""
    counts = salesforce_objects(tmp_path)
    crm = load(tmp_path, rules={"owner_changes": rule})
    assert len(crm.stage_visits) == IN_FULL + more
    first = ("Lead", "005C", "handed off") if more else ("Lead", "005B", "advanced")
    assert stays(crm, "O4")[0] == first
    holds_every_row(crm, counts)


def test_owner_changes_of_a_history_of_versions_are_ignored_too(tmp_path):
    """Where every event names its rep, they all become the present owner's, and that is said."""
    moves = steps({**PLAIN_MOVES, "Rep ID": lambda d, at: "Other" if at == 0 else d.rep})
    counts = {**table(PLAIN).put(tmp_path / "sales.csv"), **moves.put(tmp_path / "moves.csv")}
    assert stays(load(tmp_path), "O4")[0] == ("Lead", "Other", "advanced")
    crm = load(tmp_path, rules={"owner_changes": "ignored"})
    assert set(crm.stage_visits["rep_id"]) == set(OWNED)
    assert any("history of owners is left out" in text for text in crm.quality.cannot_say)
    holds_every_row(crm, counts)


@pytest.mark.parametrize("rule", ["kept", "ignored"])
def test_reopened_ones(tmp_path, rule):
    """O8 was lost and came back to Qual: one visit and no outcome more, or its loss is the end."""
    counts = plain_words(tmp_path)
    crm = load(tmp_path, rules={"reopened": rule})
    assert notes(crm)["reopened after an outcome"] == 1
    left_out = "visits and outcomes after an opportunity's first outcome, left out"
    assert notes(crm).get(left_out, 0) == (1 if rule == "ignored" else 0)
    seen = [("Lead", "Ben Ott", "advanced"), ("Qual", "Ben Ott", "lost")]
    assert stays(crm, "O8") == seen + [("Qual", "Ben Ott", "open")] * (rule == "kept")
    assert len(crm.stage_visits) == IN_FULL - (rule == "ignored")
    assert len(crm.closings) == 7
    lost = en.win_rate(crm, as_of=dt.date(2026, 3, 31))["lost"].iloc[0]
    assert lost == (2 if rule == "kept" else 3)
    o8 = crm.opportunities.set_index("opportunity_id").loc["O8"]
    assert o8["outcome"] == ("open" if rule == "kept" else "lost")
    assert o8["stage"] == ("Qual" if rule == "kept" else "Lost")
    holds_every_row(crm, counts)


@pytest.mark.parametrize("rule", ["missing", "set aside"])
def test_unreadable_values(tmp_path, rule):
    """An amount "tbd" is missing, or takes its opportunity along; a stage is needed."""
    rows = [["1", "Lead", "Ana", "tbd"], ["2", "Won", "Ana", "5"], ["3", "", "Ana", "6"]]
    Sheet(["Opportunity ID", "Stage", "Owner", "Amount"], rows).put(tmp_path / "sales.csv")
    crm = load(tmp_path, rules={"unreadable_values": rule})
    kept = ["2"] if rule == "set aside" else ["1", "2"]
    assert list(crm.opportunities["opportunity_id"]) == kept
    told = "Amount unreadable, as 'tbd' in line 2; read as missing"
    assert notes(crm).get(told, 0) == (0 if rule == "set aside" else 1)
    holds_every_row(crm, {"sales.csv": 3})


@pytest.mark.parametrize("rule", ["kept", "ignored"])
def test_what_the_headline_would_be_had_nothing_been_reopened(tmp_path, rule):
    """3 won and 2 lost, O8 open again: 3/5; with its loss as the end 3/6."""
    plain_words(tmp_path)
    found = en.findings.examine(load(tmp_path, rules={"reopened": rule})).effects
    row = found[found["rule"].eq("reopened after an outcome") & found["measure"].eq("win rate")]
    kept = row[["used", "otherwise"]].to_numpy().ravel().tolist()
    assert kept == ([3 / 5, 3 / 6] if rule == "kept" else [3 / 6, 3 / 5])


def test_what_a_conversion_would_be_with_the_entries_set_aside(tmp_path):
    """One entry whose day cannot be read, into a stage that is deeper than any before.

    All ten opportunities were in Lead; O4, O6, O8, O9, O1, O2 came to Qual, O3 to Prop. O7 is
    still in Lead, O5 and O10 ended there: 7 of 10 moved on. O7's entry into Qual has a day that
    is none, so it is set aside; with it 8 of 10 would have moved on. Of Qual 4 of 7 did (O1, O3,
    O6, O9), and with O7 there 4 of 8. Lead moves by 10 points, Qual by 7: Lead is named.
    """
    counts = table(PLAIN).put(tmp_path / "sales.csv")
    moves = steps(PLAIN_MOVES)
    moves.rows += [["O7", "Qual", "soon"]]
    counts |= moves.put(tmp_path / "moves.csv")
    crm = load(tmp_path)
    holds_every_row(crm, counts)
    found = en.findings.examine(crm)
    (row,) = found.effects[found.effects["table"].eq("stage_events")].to_dict("records")
    assert row["measure"] == "conversion from Lead"
    assert (row["used"], row["otherwise"]) == (0.7, 0.8)
    shown = en.tables.rules(crm.quality, found)
    assert "conversion from Lead 70.0 → 80.0 %" in set(shown["without it"])


def test_what_a_conversion_would_be_with_the_changes_set_aside(tmp_path):
    """The same of a history of fields: a hand-over without a day enters no stage, O7's Qual does.

    So 7 of 10 moved on from Lead, and with the one entry that is set aside 8 of 10.
    """
    counts = field_history_report(tmp_path)
    with (tmp_path / "fields.csv").open("a", encoding="utf-8") as stream:
        stream.write("O7,Stage,Lead,Qual,soon,Ana Ruiz\nO7,Opportunity Owner,Ana,Ben,soon,Ana\n")
    crm = load(tmp_path)
    holds_every_row(crm, {**counts, "fields.csv": counts["fields.csv"] + 2})
    found = en.findings.examine(crm)
    (row,) = found.effects[found.effects["table"].eq("stage_events")].to_dict("records")
    assert (row["rows"], row["unknown"]) == (1, 0)
    assert row["measure"] == "conversion from Lead"
    assert (row["used"], row["otherwise"]) == (0.7, 0.8)
    shown = en.tables.rules(crm.quality, found)
    assert "conversion from Lead 70.0 → 80.0 %" in set(shown["without it"])


def test_an_outcome_after_the_first_is_left_out_too(tmp_path):
    """Lost, reopened and won: two outcomes, or the first alone with its own day."""
    path = _path("01-13 Lead, 01-20 Lost, 02-03 Qual, 02-17 Won")
    deal = [Deal("X", "Xi", "Ana Ruiz", 5, path)]
    table(PLAIN, deal).put(tmp_path / "sales.csv")
    rows = [["X", stage, iso(day)] for day, stage in path]
    Sheet(list(PLAIN_MOVES), rows).put(tmp_path / "moves.csv")
    assert list(load(tmp_path).closings["outcome"]) == ["lost", "won"]
    crm = load(tmp_path, rules={"reopened": "ignored"})
    assert list(crm.closings["outcome"]) == ["lost"]
    assert list(crm.closings["closed_at"].dt.strftime("%m-%d")) == ["01-20"]
    assert stays(crm, "X") == [("Lead", "Ana Ruiz", "lost")]


def test_rows_that_change_nothing_and_ties_are_counted(tmp_path):
    """Two amounts of O1 change on later days; O3 is clicked through on one day, upside down."""
    moves = steps(PLAIN_MOVES)
    moves.rows = [row for row in moves.rows if row[0] != "O3"]
    moves.rows += [["O1", "Qual", "2026-01-23"], ["O1", "Prop", "2026-02-04"]]
    moves.rows += [["O3", stage, "2026-01-15"] for stage in ("Prop", "Lead")]
    counts = {**table(PLAIN).put(tmp_path / "sales.csv"), **moves.put(tmp_path / "moves.csv")}
    crm = load(tmp_path)
    assert notes(crm)["history rows that change neither stage nor rep"] == 2
    assert (
        notes(crm)["entered in the same moment as the stage before; in the order of the stages"]
        == 1
    )
    assert [stage for stage, _, _ in stays(crm, "O3")] == ["Lead", "Prop"]
    assert len(crm.stage_visits) == IN_FULL
    holds_every_row(crm, counts)


def test_a_plain_history_has_nothing_to_note(tmp_path):
    """Every row moves something, none is tied, and one was reopened."""
    plain_words(tmp_path)
    assert [note for note in notes(load(tmp_path)) if "read as" not in note] == [
        "reopened after an outcome",
        "reps who are in no list of reps; their id serves as name",
    ]


def test_a_field_history_of_an_unknown_opportunity_is_set_aside_where_it_stands(tmp_path):
    """Its rows were worked into stages and owners, and are counted in their own file once."""
    counts = report("en").put(tmp_path / "all.csv")
    headers = [
        "Opportunity ID",
        "Field / Event",
        "Old Value",
        "New Value",
        "Edit Date",
        "Edited By",
    ]
    rows = [
        ["O1", "Stage", "Qual", "Prop", "2/3/2026", "Ana Ruiz"],
        ["O99", "Stage", "Lead", "Qual", "2/13/2026", "Ana Ruiz"],
        ["O99", "Opportunity Owner", "Ana Ruiz", "Ben Ott", "2/14/2026", "Ana Ruiz"],
    ]
    counts |= Sheet(headers, rows).put(tmp_path / "fields.csv")
    crm = load(tmp_path)
    why = "opportunity_id is not among the opportunities"
    assert aside(crm) == [("changes", "fields.csv", 3, why), ("changes", "fields.csv", 4, why)]
    holds_every_row(crm, counts)


def test_a_word_for_not_known_may_look_like_a_name_of_a_field(tmp_path):
    """`@field` stands for not known in this company: O7 has no new amount, and all else holds."""
    counts = field_history_report(tmp_path)
    text = (tmp_path / "fields.csv").read_text(encoding="utf-8")
    (tmp_path / "fields.csv").write_text(text.replace("1,000,000.00", "@field"), encoding="utf-8")
    crm = load(tmp_path, missing=["@field"])
    assert len(crm.stage_visits) == IN_FULL + 1
    assert notes(crm)["Old Value '@field' read as missing"] == 1
    holds_every_row(crm, counts)


def test_stages_in_other_capitals_in_dated_copies(tmp_path):
    """Some copies and the list itself write LEAD or prop: the same 23 stays, and each is told."""
    counts = dated_copies(tmp_path)
    for path in [tmp_path / "sales.csv", *tmp_path.glob("snapshots/*-02-*/sales.csv")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("Lead", "LEAD").replace("Prop", "prop"), encoding="utf-8")
    crm = load(tmp_path)
    assert len(crm.stage_visits) == IN_FULL
    told = crm.quality.notes.set_index("file")["note"]
    assert "stage 'LEAD' read as 'Lead'" in set(told["sales.csv"])
    assert "stage 'LEAD' read as 'Lead'" in set(told[["snapshots/2026-02-10/sales.csv"]])
    holds_every_row(crm, counts)


def test_a_list_alone_says_what_it_cannot_say(tmp_path):
    """Without a history the report to run is left to the advice; what is missing is named."""
    plain_list(tmp_path)
    said = " ".join(load(tmp_path).quality.cannot_say)
    assert "no stage history" in said
    assert "no history of owners" in said


# ---- The tables in CONTRIBUTING.md -------------------------------------------------------------


def written_in(heading: str) -> list[tuple[str, str]]:
    """Read the rows of the table below a heading of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^### {heading}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| (.+?) \| `(.+?)` \|$", section, re.MULTILINE)


def test_the_table_of_formats_is_the_tests():
    """Each format with the id of its test, all of them, in their order."""
    told = written_in("Formats against tests")
    assert told == [(shape.what, f"test_format[{name}]") for name, shape in FORMATS.items()]


def test_every_rule_has_a_test_for_each_of_its_choices():
    """The table of rules names every rule of reading, what it can do, and a test that is there."""
    told = written_in("Rules against tests")
    choices = [f"`{rule}`: {', '.join(does)}" for rule, does in RULES.items()]
    assert [what for what, _ in told] == choices
    assert all(callable(globals()[test]) for _, test in told)
