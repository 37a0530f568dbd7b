"""Stages under their earlier names: what each name meant on the day it was written."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from enablement.read import engine
from enablement.settings import Settings

NOTES = {"said": "str", "meant": "str", "rows": "int64"}


def table(settings: Settings) -> pd.DataFrame:
    """List what the settings say of renamed stages, one row per pipeline.

    Returns
    -------
    pandas.DataFrame
        ``pipeline``, ``said`` (the earlier name), ``meant`` (the name of today),
        ``is_outcome`` (whether `meant` closes an opportunity), ``since``, ``until``
        (days, both included; missing for no bound). A pipeline, a name and a day
        have one meaning at most.
    """
    rows = [
        (pipeline, r.said, r.meant, r.meant in settings.outcomes, r.since, r.until)
        for r in settings.renamed_stages
        for pipeline in settings.renamed_in(r)
    ]
    found = pd.DataFrame(
        rows, columns=["pipeline", "said", "meant", "is_outcome", "since", "until"]
    )
    kinds = {
        **dict.fromkeys(("pipeline", "said", "meant"), "str"),
        **dict.fromkeys(("since", "until"), "datetime64[us]"),
        "is_outcome": "bool",
    }
    return found.astype(kinds)


def join(*, stage: str, pipeline: str, day: str) -> str:
    """Write the SQL that joins `table`, registered as ``renames``, to rows with a stage.

    The row's stage is then ``coalesce(renames.meant, <stage>)``; no row is doubled.

    Parameters
    ----------
    stage, pipeline : SQL of the row's columns
    day : SQL of the moment at which the stage had that name; it may speak of
        ``renames``. Without a moment the row counts as written after every other
    """
    moment = f"coalesce(cast({day} as date), date 'infinity')"
    return (
        f"left join renames on renames.pipeline = {pipeline} and renames.said = {stage} "
        f"and {moment} >= coalesce(cast(renames.since as date), date '-infinity') "
        f"and {moment} <= coalesce(cast(renames.until as date), date 'infinity')"
    )


def of_opportunities(
    opportunities: pd.DataFrame, settings: Settings, *, taken: dt.date | pd.Series | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every opportunity's present stage the name that it has today.

    A stage is judged by the day it was entered (``last_stage_change``), an outcome by
    ``closed_at``; where that is not known, by the day of the export. The close date of
    an open opportunity is a wish, so a stage is never judged by it.

    Parameters
    ----------
    opportunities : with ``stage`` and ``pipeline``, and where there are such,
        ``last_stage_change`` and ``closed_at``
    taken : the day of the export, or of each row's export where there are several; None
        if it is not known

    Returns
    -------
    opportunities : pandas.DataFrame
        The same rows.
    notes : pandas.DataFrame
        ``said``, ``meant``, ``rows``: how many were renamed.
    """
    wanted = ["stage", "pipeline", "last_stage_change", "closed_at"]
    rows = opportunities.reindex(columns=wanted).assign(taken=pd.NaT if taken is None else taken)
    day = """
        coalesce(
            case when renames.is_outcome then cast(r.closed_at as timestamp)
                 else cast(r.last_stage_change as timestamp) end,
            cast(r.taken as timestamp)
        )"""
    return _renamed(opportunities, rows, settings, day=day)


def _renamed(
    frame: pd.DataFrame, rows: pd.DataFrame, settings: Settings, *, day: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    renames = table(settings)
    places = frame["stage"].isin(renames["said"]).to_numpy().nonzero()[0]
    if len(places) == 0:
        return frame, pd.DataFrame(columns=list(NOTES)).astype(NOTES)
    candidates = rows.iloc[places].assign(place=places)
    found = engine.query(
        "select r.place, renames.said, renames.meant from candidates r "
        f"{join(stage='r.stage', pipeline='r.pipeline', day=day)} "
        "where renames.meant is not null order by r.place",
        {"candidates": candidates, "renames": renames},
    )
    stage = frame["stage"].astype("str").to_numpy(copy=True)
    stage[found["place"].to_numpy()] = found["meant"].to_numpy()
    counts = found.groupby(["said", "meant"]).size().rename("rows").reset_index()
    return frame.assign(stage=pd.array(stage, dtype="str")), counts
