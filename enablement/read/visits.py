"""Stage visits: one stay of one opportunity in one stage under one rep."""

from __future__ import annotations

import pandas as pd

from enablement.read import engine
from enablement.settings import Settings

# After every stage, so that a tie within a moment ends with the outcome; of two outcomes in
# one moment the last of these holds.
OUTCOME_PLACES = {"cancelled": 1_000, "lost": 1_001, "won": 1_002}
EVENT_COLUMNS = [
    *("opportunity_id", "entered_at", "stage", "rep_id", "amount", "expected_close"),
    *("forecast_category", "probability", "origin"),
]
VISIT_COLUMNS = [
    *("opportunity_id", "visit", "pipeline", "stage", "stage_order", "rep_id"),
    *("entered_at", "left_at", "exit", "amount"),
]


def places(settings: Settings) -> pd.DataFrame:
    """List where each stage stands.

    Returns
    -------
    pandas.DataFrame
        ``pipeline``, ``stage``, ``place`` (1 for the first stage), ``outcome``
        (won, lost, cancelled; missing for a stage that is no outcome).
    """
    rows: list[tuple[str, str, int, str | None]] = []
    for pipeline, stages in settings.pipelines.items():
        rows += [(pipeline, stage, place, None) for place, stage in enumerate(stages, start=1)]
        rows += [
            (pipeline, name, OUTCOME_PLACES[what], what) for name, what in settings.outcomes.items()
        ]
    return pd.DataFrame(rows, columns=["pipeline", "stage", "place", "outcome"])


def events(opportunities: pd.DataFrame, given: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Put every known change of stage into one table.

    Parameters
    ----------
    opportunities : as in the design, with ``pipeline``
    given : the history, if there is one; may be empty

    Returns
    -------
    pandas.DataFrame
        ``stage_events``, with ``origin`` history, stage dates or derived.
    """
    dated = [given.assign(origin=given["origin"].fillna("history"))]
    for stage, column in settings.stage_dates.items():
        known = opportunities[opportunities[column].notna()]
        dated.append(
            pd.DataFrame(
                {
                    "opportunity_id": known["opportunity_id"],
                    "entered_at": known[column],
                    "stage": stage,
                    "origin": "stage dates",
                }
            )
        )
    together = pd.concat(dated, ignore_index=True).reindex(columns=EVENT_COLUMNS)
    return engine.query(
        engine.text("read", "events"),
        {
            "given": _typed(together),
            "opportunities": opportunities,
            "places": places(settings),
        },
    )


def build(
    opportunities: pd.DataFrame,
    stage_events: pd.DataFrame,
    owner_changes: pd.DataFrame,
    settings: Settings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Build the stage visits, and beside them the outcomes in the order they came.

    Returns
    -------
    stage_visits : pandas.DataFrame
        As in the design; `exit` and `left_at` as known at the end of the export.
    closings : pandas.DataFrame
        One row per outcome that an opportunity had: ``opportunity_id``, ``closing``
        (1 for the first), ``closed_at``, ``outcome``, ``rep_id``.
    """
    changes = engine.query(
        engine.text("read", "changes"),
        {
            "opportunities": opportunities,
            "stage_events": stage_events,
            "owner_changes": owner_changes,
            "places": places(settings),
        },
    )
    closed = changes["outcome"].notna()
    closings = changes.loc[closed, ["opportunity_id", "happened_at", "outcome", "rep_id"]]
    visits = changes[~closed].rename(columns={"happened_at": "entered_at", "next_at": "left_at"})
    visits = visits.assign(visit=visits.groupby("opportunity_id").cumcount() + 1)
    closings = closings.rename(columns={"happened_at": "closed_at"}).reset_index(drop=True)
    closings.insert(1, "closing", closings.groupby("opportunity_id").cumcount() + 1)
    return visits[VISIT_COLUMNS].reset_index(drop=True), closings


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give empty columns their kind, which DuckDB cannot guess from nothing."""
    kinds = {
        **dict.fromkeys(["entered_at", "expected_close"], "datetime64[us]"),
        **dict.fromkeys(["amount", "probability"], "float64"),
    }
    return frame.astype({name: kinds.get(name, "str") for name in EVENT_COLUMNS})
