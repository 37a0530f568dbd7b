"""Which report of the CRM has what an export lacks, click by click."""

from __future__ import annotations

import pandas as pd

from enablement.read import crosswalks

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
        told.append("When each stage was entered: " + crosswalks.advice(crm))
    if not owner_history and crm in OWNER_HISTORY:
        told.append("Who owned it when: " + OWNER_HISTORY[crm])
    return told


def _named(files: pd.DataFrame) -> str | None:
    """Find the CRM by how the opportunities were recognised."""
    said = files.loc[files["table"].notna(), "why"].astype("str")
    return next((crm for crm in crosswalks.products() if said.str.contains(crm).any()), None)
