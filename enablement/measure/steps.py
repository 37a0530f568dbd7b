"""Steps: how long opportunities stay in a stage, where they go from there, and who is in it now."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.measure import counting, definitions, exchange
from enablement.periods import Period, moment
from enablement.read.crm import CRM

LOST, WON, OPEN = -1, 1_000, -2  # where a step leads to, besides a place
LONGEST = 3 * 365  # days that are told apart


@dataclasses.dataclass(frozen=True)
class Steps:
    """How those who are in a stage go on, day by day since they entered it.

    onward : stages × stages + 1 × days; share of those who enter the stage that goes to each
        later one, or is won, on that day
    staying : stages × days; share that has not left before that day
    begin : share of all that begins in each stage
    many : stages × days; how many are in the stage now, by the days since they entered it
    size, square : of those, the mean of what they carry over what those in the stage usually
        carry, and of its square; 1 where it is not known
    won : how many were won in the period
    """

    onward: NDArray[np.float64]
    staying: NDArray[np.float64]
    begin: NDArray[np.float64]
    many: NDArray[np.float64]
    size: NDArray[np.float64]
    square: NDArray[np.float64]
    won: float


def steps(crm: CRM, period: Period, *, value: bool) -> Steps | None:
    """Follow the stays of a period, and list those that go on at its end; renewals left out.

    A stay that began before the period counts from the day on which the period begins, one that
    goes on at its end counts as undecided (left-truncated and right-censored; Andersen, Borgan,
    Gill and Keiding, 1993, Statistical Models Based on Counting Processes, chapter III): shares
    and times are those of the period, and no slow one is left out.

    Parameters
    ----------
    value : whether those in a stage are told apart by their amounts

    Returns
    -------
    Steps or None
        None where stages have no dates, or nobody moved on.
    """
    if not recorded(crm):
        return None
    every = _counted(crm, period, value=value)
    found = every.dropna(subset=["days"])
    undated = every["many"].sum() - found["many"].sum()
    if undated > definitions.IMMATURE * every["many"].sum() or not found["aim"].eq(WON).any():
        return None
    return of_counts(found, len(crm.settings.stages))


def of_counts(found: pd.DataFrame, stages: int) -> Steps:
    """Work out shares and times from stays that were counted.

    Parameters
    ----------
    found : ``place`` (of the stage, from 0), ``is_first`` (whether it began there in the period),
        ``since`` (days in the stage when the period began), ``days`` (when it left, or at the
        end), ``aim`` (the stage it went to, or `WON`, `LOST` or `OPEN`), ``many``, and of them
        ``priced`` (how many have an amount), ``amount`` and ``squares`` (sums)
    stages : how many there are
    """
    found = found.assign(
        **{name: found[name].clip(upper=LONGEST - 1).astype(int) for name in ("since", "days")},
        aim=found["aim"].astype(int).mask(found["aim"].eq(WON), stages),
    )
    days = int(found["days"].max()) + 1
    came, went = (_grid(found, "many", stages, days, at=name) for name in ("since", "days"))
    risk = np.maximum(came.cumsum(axis=1) - went.cumsum(axis=1) + went, 1.0)
    left = _grid(found[found["aim"].ne(OPEN)], "many", stages, days)
    moved = np.stack(
        [_grid(found[found["aim"].eq(aim)], "many", stages, days) for aim in range(stages + 1)],
        axis=1,
    )
    after = np.cumprod(1 - left / risk, axis=1)
    staying = np.hstack([np.ones((stages, 1)), after[:, :-1]])
    first = found[found["is_first"]].groupby("place")["many"].sum()
    begun = first.reindex(range(stages)).fillna(0.0).to_numpy(dtype=float)
    many, size, square = _present(found, stages, days)
    return Steps(
        onward=moved * (staying / risk)[:, None, :],
        staying=staying,
        begin=begun / max(begun.sum(), 1.0),
        many=many,
        size=size,
        square=square,
        won=float(found.loc[found["aim"].eq(stages), "many"].sum()),
    )


def _grid(
    found: pd.DataFrame, column: str, stages: int, days: int, *, at: str = "days"
) -> NDArray[np.float64]:
    """Add a column up by stage and day, stages × days."""
    total = np.zeros((stages, days))
    np.add.at(total, (found["place"].to_numpy(dtype=int), found[at]), found[column].astype(float))
    return total


def _counted(crm: CRM, period: Period, *, value: bool) -> pd.DataFrame:
    """Count stays by stage, the days in it when the period began and when they left, and where to.

    `place` and `aim` are positions of stages in the settings.
    """
    groups = definitions.split(crm, None)
    value = value and crm.has("opportunities", "amount") and exchange.addable(crm, groups)
    amount = "k.amount" if value else "null::double"
    lacks = f"min(k.lacks) as {exchange.LACKS}" if value else f"null as {exchange.LACKS}"
    begun = pd.Timestamp(period.start).to_pydatetime()
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("endings", "steps"),
            until=moment(period.end),
            renewals="left out",
            said={
                **{"of": "value" if value else "opportunities", "from_day": begun},
                **definitions.span(None),
            },
            select=f"""
            select p.place - 1 as place, p.is_first and p.since = 0 as is_first,
                   case when p.aim is null then {OPEN} when p.aim = 0 then {LOST}
                        when p.aim = {WON} then {WON} else p.aim - 1 end as aim,
                   p.since, case when p.counts then p.days end as days, count(*) as many,
                   count({amount}) as priced, coalesce(sum({amount}), 0) as amount,
                   coalesce(sum({amount} * {amount}), 0) as squares, {lacks}
        """,
            group="group by all",
        ),
    )


def _present(
    found: pd.DataFrame, stages: int, days: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """List those who are in each stage now, and what they carry over what is usual there.

    What is usual is the mean over the days of the period that anybody was in the stage, so that
    large ones that stay longer count as they do among those who are there on one day.
    """
    now = found[found["aim"].eq(OPEN)]
    many, priced, amount, squares = (
        _grid(now, name, stages, days) for name in ("many", "priced", "amount", "squares")
    )
    there = (found["days"] - found["since"]).clip(lower=0) + 0.5
    parts = found.assign(times=found["priced"] * there, sums=found["amount"] * there)
    usual = parts.groupby("place")[["sums", "times"]].sum().reindex(range(stages))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (usual["sums"] / usual["times"]).to_numpy(dtype=float)[:, None]
        size, square = amount / priced / mean, squares / priced / mean**2
    known = np.isfinite(size) & np.isfinite(square)
    return many, np.where(known, size, 1.0), np.where(known, square, 1.0)


def recorded(crm: CRM) -> bool:
    """Whether the export says when each stage was entered, of one pipeline."""
    known = crm.stage_history or set(crm.settings.stages) <= set(crm.dated_stages)
    return known and len(crm.settings.pipelines) <= 1
