"""Sales: what was won in a period, in the metric of a goal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import pipeline
from enablement.periods import Period
from enablement.plan.goal import Goal
from enablement.read.crm import CRM


def sales(
    crm: CRM, goal: Goal, *, as_of: object, period: str | Period, by: str | None = None
) -> pd.DataFrame:
    """Give what was won in a period, in the metric of a goal.

    A number of wins is not asked for amounts, which an export may not have.

    Returns
    -------
    pandas.DataFrame
        One row per group: the group, ``brought`` (what was won) and ``quota`` (what was expected;
        missing where the metric is a number of wins, which no quota is set for).

    Raises
    ------
    CannotSayError
        If it is not known when anything was won.
    """
    undated = not crm.has("opportunities", "closed_at")
    if undated and "won" in crm.values("opportunities", "outcome"):
        raise CannotSayError(
            f"What was won in {crm.period(period)} cannot be said: the export has no close dates. "
            "Name their column under [columns.opportunities]: closed_at.",
            lacks="no close dates",
        )
    if goal.metric == "won count":
        table = pipeline.won(crm, as_of=as_of, period=period, by=by)
        return table.assign(brought=table["won"].astype(float), quota=np.nan)
    worth = 1 / goal.unit_price if goal.metric == "units" and goal.unit_price else 1.0
    table = pipeline.quota_attainment(crm, as_of=as_of, period=period, by=by)
    return table.assign(brought=table["sold"].astype(float) * worth, quota=table["quota"] * worth)
