"""Which report of the CRM has what an export lacks, click by click."""

from __future__ import annotations

import pandas as pd

DATED = (
    "Export the same list again at each month's end and keep each with "
    "`enablement snapshot add FILE --taken DATE`: the history is built from then on."
)
STAGE_HISTORY = {
    "Salesforce": (
        "In Salesforce: Reports, New Report, Opportunities, Opportunity History, Start Report. "
        "Columns: Opportunity ID, From Stage, To Stage, Last Modified, Amount. Filters: Show Me "
        "All opportunities, Opportunity Status Any, Date Range All Time. Run, then Export, "
        "Details Only, CSV, UTF-8, and put the file beside the others."
    ),
    "HubSpot": (
        "In HubSpot: Settings, Properties, object Deals, the property Deal Stage, Export property "
        "history; it keeps the last 20 changes of a deal. Or Deals, Export, with all properties: "
        "the Date entered columns have the last entry into each stage."
    ),
    "Dynamics": "A list of Dynamics 365 shows the present alone. " + DATED,
    "Pipedrive": "Pipedrive's list of deals shows the present alone. " + DATED,
}
OWNER_HISTORY = {
    "Salesforce": (
        "In Salesforce: Reports, New Report, Opportunities, Opportunity Field History, Start "
        "Report, with Field equal to Owner and the same filters. It reaches back to the day on "
        "which the history of the owner was switched on (Setup, Object Manager, Opportunity, "
        "Fields & Relationships, Set History Tracking)."
    ),
    "HubSpot": (
        "In HubSpot: Settings, Properties, object Deals, the property Deal owner, Export property "
        "history."
    ),
}


def to_run(files: pd.DataFrame, *, stage_history: bool, owner_history: bool) -> list[str]:
    """Name the reports that would close a gap, click by click.

    Parameters
    ----------
    files : how each file was recognised (``table``, ``why``), where the CRM is named
    stage_history, owner_history : whether the export has them

    Returns
    -------
    list of str
        One per gap; empty if there is none.
    """
    crm = _named(files)
    told = []
    if not stage_history:
        told.append("When each stage was entered: " + STAGE_HISTORY.get(crm, DATED))
    if not owner_history and crm in OWNER_HISTORY:
        told.append("Who owned it when: " + OWNER_HISTORY[crm])
    return told


def _named(files: pd.DataFrame) -> str:
    """Find the CRM by how the opportunities were recognised."""
    said = files.loc[files["table"].notna(), "why"].astype("str")
    return next((crm for crm in STAGE_HISTORY if said.str.contains(crm).any()), "")
