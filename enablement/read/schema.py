"""Our tables: their columns, what stands in each, and which of them a table needs."""

from __future__ import annotations

import functools

import pandas as pd

from enablement.read.engine import quoted
from enablement.read.store import Store
from enablement.read.values import FLAG, NUMBER, TEXT, TIME

_T, _N, _D, _F = TEXT, NUMBER, TIME, FLAG

SCHEMA: dict[str, dict[str, str]] = {
    "opportunities": {
        **dict.fromkeys(
            ["opportunity_id", "pipeline", "channel", "rep_id", "created_by", "account_id"], _T
        ),
        **dict.fromkeys(["name", "type", "source", "product"], _T),
        **dict.fromkeys(["amount", "quantity", "list_amount", "margin"], _N),
        "currency": _T,
        **dict.fromkeys(["created_at", "expected_close", "closed_at"], _D),
        "stage": _T,
        "last_stage_change": _D,
        **dict.fromkeys(["loss_reason", "competitor", "next_step", "forecast_category"], _T),
        **dict.fromkeys(["probability", "push_count"], _N),
    },
    "stage_events": {
        "opportunity_id": _T,
        "entered_at": _D,
        "stage": _T,
        "rep_id": _T,
        "amount": _N,
        "expected_close": _D,
        "forecast_category": _T,
        "probability": _N,
        "origin": _T,
    },
    "owner_changes": {"opportunity_id": _T, "changed_at": _D, "from_rep": _T, "to_rep": _T},
    "reps": {
        "rep_id": _T,
        "name": _T,
        "role": _T,
        "hired_on": _D,
        "left_on": _D,
        "manager_id": _T,
        "team": _T,
        "region": _T,
        "from_on": _D,
        "to_on": _D,
    },
    "quotas": {"rep_id": _T, "period": _T, "metric": _T, "target": _N, "currency": _T},
    "rates": {"currency": _T, "from_on": _D, "rate": _N, "to_currency": _T},
    "activities": {
        **dict.fromkeys(
            ["activity_id", "rep_id", "opportunity_id", "account_id", "contact_id"], _T
        ),
        **dict.fromkeys(["type", "status"], _T),
        "at": _D,
        "minutes": _N,
        "outcome": _T,
    },
    "accounts": {
        **dict.fromkeys(["account_id", "name", "segment", "industry", "region"], _T),
        "potential": _N,
        "first_won_on": _D,
    },
    "calendar": {
        "rep_id": _T,
        "start": _D,
        "end": _D,
        "category": _T,
        "attendees": _N,
        "recurring": _F,
    },
    "training": {
        **dict.fromkeys(["rep_id", "session", "lesson"], _T),
        **dict.fromkeys(["started_on", "completed_on"], _D),
        "minutes": _N,
        "cohort": _T,
    },
    "assessments": {
        "rep_id": _T,
        "competency": _T,
        "taken_on": _D,
        "score": _N,
        "maximum": _N,
        "kind": _T,
        "assessor": _T,
    },
    "reactions": {"rep_id": _T, "session": _T, "rating": _N, "maximum": _N, "comment": _T},
    "practice": {
        "rep_id": _T,
        "practised_on": _D,
        "competency": _T,
        "partner_id": _T,
        "minutes": _N,
        "observed": _F,
    },
    "coaching": {
        "manager_id": _T,
        "rep_id": _T,
        "held_on": _D,
        "competency": _T,
        "agreed": _T,
        "outcome": _T,
    },
}
# Tables that an export may bring besides: they are worked into the others and not handed over.
BESIDES: dict[str, dict[str, str]] = {
    "stage_names": {**dict.fromkeys(["stage_id", "stage", "pipeline_id"], _T), "place": _N},
    "pipeline_names": {"pipeline_id": _T, "pipeline": _T},
    "changes": {
        "opportunity_id": _T,
        "changed_at": _D,
        **dict.fromkeys(["field", "old", "new"], _T),
    },
    "merges": {"opportunity_id": _T, "into_id": _T},
    "links": dict.fromkeys(["activity_id", "opportunity_id", "account_id", "contact_id"], _T),
}
KNOWN = {**SCHEMA, **BESIDES}
# Columns that some exports have, which the rules use up.
USED_UP: dict[str, dict[str, str]] = {
    "opportunities": {
        **dict.fromkeys(["owner_name", "account_name", "status", "status_reason"], _T),
        **dict.fromkeys(["merged_ids", "merged_into"], _T),
        "is_deleted": _F,
        **dict.fromkeys(["won_at", "lost_at"], _D),
        "actual_amount": _N,
    },
    "activities": {"is_deleted": _F},
    "reps": dict.fromkeys(["first_name", "last_name"], _T),
    # Made of the field's name and its new value, see `tables`.
    "changes": {"stage": _T, "rep_id": _T, "amount": _N, "expected_close": _D},
}
# Columns that are needed within, and handed over to nobody.
WITHIN = ("file", "row", "n", *USED_UP["opportunities"], *USED_UP["reps"])
NEEDED: dict[str, tuple[str, ...]] = {
    "opportunities": ("stage",),
    "stage_events": ("opportunity_id", "entered_at", "stage"),
    "owner_changes": ("opportunity_id", "changed_at", "to_rep"),
    "reps": ("rep_id",),
    "quotas": ("rep_id", "period", "metric", "target"),
    "rates": ("currency", "from_on", "rate"),
    "activities": ("activity_id",),
    "accounts": ("account_id",),
    "stage_names": ("stage_id", "stage"),
    "pipeline_names": ("pipeline_id", "pipeline"),
    "changes": ("opportunity_id", "changed_at", "field"),
    "merges": ("opportunity_id", "into_id"),
}
RESERVED = (  # names that the tables themselves need
    *("row", "file", "n", "outcome"),
    *("rep_code", "creator_code", "rep_key", "shown_id"),
)
DTYPES = {TEXT: "str", NUMBER: "float64", TIME: "datetime64[us]", FLAG: "boolean"}
SQL_TYPES = {TEXT: "varchar", NUMBER: "double", TIME: "timestamp", FLAG: "boolean"}


def columns(table: str) -> dict[str, str]:
    """List the columns that a table has while it is read, and what stands in them."""
    return {**KNOWN[table], **USED_UP.get(table, {})}


def empty(table: str) -> str:
    """Write as SQL the columns, and their types, of a table of which nothing was read."""
    fields = [f"{quoted(name)} {SQL_TYPES[kind]}" for name, kind in columns(table).items()]
    return f"{', '.join(fields)}, file smallint, row bigint"


@functools.cache
def nothing(table: str) -> pd.DataFrame:
    """Give a table that is handed over without a row."""
    return pd.DataFrame(
        {name: pd.Series(dtype=DTYPES[kind]) for name, kind in SCHEMA[table].items()}
    )


def handed_over(store: Store, table: str, *, called: str = "") -> str:
    """Write the SQL of the columns of a table that are handed over.

    Parameters
    ----------
    called : how the text calls the table, where it has several
    """
    own = SCHEMA.get(table, {})
    names = (name for name in store.columns(table) if name in own or name not in WITHIN)
    return ", ".join(f"{called}{'.' if called else ''}{quoted(name)}" for name in names)


def extra_names(headers: list[str], taken: set[str]) -> dict[str, str]:
    """Name the columns that are not ours: as they are, with ``crm_`` where the name is ours.

    SQL does not tell upper from lower case, so no two names may differ in that alone.
    """
    reserved = {name.casefold() for name in (*taken, *RESERVED)}
    used = reserved | {header.casefold() for header in headers}
    names = {}
    for header in headers:
        name = header
        if header.casefold() in reserved:
            while name.casefold() in used:
                name = f"crm_{name}"
            used.add(name.casefold())
        names[header] = name
    return names
