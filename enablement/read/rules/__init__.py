"""The rules that turn read tables into trusted ones, and what each did to how many rows.

Each is a function over a `Desk`; what it did stands in the ledger, in words of its own.
"""

from __future__ import annotations

from enablement.read.rules import identities, outcomes, owners, stages
from enablement.read.rules.desk import Desk


def apply(desk: Desk) -> None:
    """Apply those that come before the visits, in their order."""
    identities.names_for_ids(desk)
    stages.history_of_fields(desk)
    identities.ids_of_one_length(desk)
    identities.ids_made(desk)
    identities.deleted(desk)
    identities.merged(desk)
    identities.repeated_ids(desk)
    identities.repeated_rows(desk)
    identities.activities_once(desk)
    identities.links(desk)
    identities.opportunities_by_name(desk)
    owners.owner_names(desk)
    outcomes.outcome_by_status(desk)
    stages.stage_from_history(desk)
    stages.pipelines_known(desk)
    stages.stages_renamed(desk)
    stages.stages_known(desk, "opportunities", "t.pipeline")
    outcomes.outcomes_and_amounts(desk)
    for table in ("stage_events", "owner_changes"):
        identities.belonging(desk, table)
    stages.stages_known(desk, "stage_events", "o.pipeline")
    owners.owner_changes(desk)
