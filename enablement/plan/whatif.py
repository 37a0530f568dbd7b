"""What if: the goal by other rates, sizes, selling time or target, from what was counted once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import EnablementError, choices
from enablement.measure.arguments import NUMBERS, checked
from enablement.measure.estimates import CONFIDENCE
from enablement.plan import cascade, futures
from enablement.plan import goal as goals
from enablement.plan.cascade import ROUNDING, Ground
from enablement.plan.funnels import WON
from enablement.plan.futures import Change
from enablement.plan.goal import Plan
from enablement.plan.sizes import Sizes
from enablement.read.crm import CRM

COLUMNS = ["stage", "present", "rate", "comes", "needed", "short"]
WHAT_IF = (
    "what comes: what enters the first stage in the goal's twelve months, by the shares that move "
    "on, by what a won one brings; needed: the wins of the target over the shares that move on; "
    "chance: over {number:,} futures; counts: {counts}; what is not said otherwise is as today"
)


@dataclasses.dataclass(frozen=True)
class Counted:
    """What a question of what if is answered from: no answer counts anything again.

    ground : the counts, the calendar and the plan
    size : how far amounts are spread
    first : how many enter the first stage in the goal's months today
    """

    ground: Ground
    size: Sizes
    first: float

    @property
    def stages(self) -> tuple[str, ...]:
        """Their names, in order."""
        return self.ground.funnel.stages

    @property
    def rates(self) -> NDArray[np.float64]:
        """Share of all together that moves on from each stage today."""
        return self.ground.funnel.pooled

    @property
    def deal_size(self) -> float:
        """What a won one brings today, in the metric."""
        return self.ground.funnel.worth

    @property
    def target(self) -> float:
        """What the plan wants."""
        return self.ground.base.target


@checked
def what_if(
    crm: CRM | None,
    plan: Plan | Mapping[str, object] | str | Path,
    *,
    as_of: object,
    target: float | None = None,
    rates: Mapping[str, float] | None = None,
    deal_size: float | None = None,
    selling_time: float = 0.0,
    number: int = futures.FUTURES,
    seed: int = 0,
) -> pd.DataFrame:
    """What comes of the goal if rates, sizes, selling time or the target were others.

    Parameters
    ----------
    crm, plan, as_of : as for `stage_gap`
    target : in the goal's metric; None for the plan's
    rates : stage -> share that moves on from it, above 0 and at most 1; the others stay
    deal_size : what a won one brings, in the metric; None for today's
    selling_time : by which share there is more of it, such as 0.2, and less below 0; as much
        more enters the first stage
    number : of futures that are drawn for the chance
    seed : the same seed gives the same table

    Returns
    -------
    pandas.DataFrame
        One row per stage in funnel order, and one for won::

            stage    category
            present  float  share that moves on today; missing for won
            rate     float  share that moves on, as asked; missing for won
            comes    float  how many enter the stage, or are won, in a year that begins as full
                            as it ends
            needed   int    how many must, for the target
            short    float  needed - comes

        ``attrs`` has ``definition``, ``metric``, ``stands_for`` and ``when`` (as of
        `goal_chance`), ``currency``, ``target``, ``expected`` (what comes, in the metric: more or
        less than that where more or less is open today than usual), ``low`` and ``high`` (its
        interval, of the futures), ``missing``
        (target - expected, 0 where there is enough), ``probability`` (of reaching the target)
        and ``notes``.

    Raises
    ------
    SettingsError, CannotSayError
        As for `stage_gap`.
    """
    found = counted(crm, plan, as_of=as_of)
    return outcome(
        found,
        target=target,
        rates=rates,
        deal_size=deal_size,
        selling_time=selling_time,
        number=number,
        seed=seed,
    )


def counted(
    crm: CRM | None, plan: Plan | Mapping[str, object] | str | Path, *, as_of: object
) -> Counted:
    """Count once what every answer is computed from."""
    ground = cascade.counted(crm, goals.goal(plan), as_of=as_of)
    first = float(ground.expected(ground.rates("team"))[:, 0].sum())
    return Counted(ground, futures.sizes_of(crm, ground), first)


@checked
def outcome(
    found: Counted,
    *,
    target: float | None = None,
    rates: Mapping[str, float] | None = None,
    deal_size: float | None = None,
    selling_time: float = 0.0,
    number: int = futures.FUTURES,
    seed: int = 0,
) -> pd.DataFrame:
    """Answer from what was counted; see `what_if`."""
    aim = found.target if target is None else target
    size = found.deal_size if deal_size is None else deal_size
    used = _rates(found, rates or {})
    funnel = found.ground.funnel
    comes = found.first * (1 + selling_time) * np.cumprod([1.0, *used])
    change = Change(1 + selling_time, used if rates else None, size / found.deal_size)
    drawn = futures.draw(
        found.ground, found.size, np.array([1.0]), change=change, number=number, seed=seed
    )
    table = _table(found, used, comes, _needed(max(aim - funnel.besides, 0.0) / size, used))
    expected = float(comes[-1] * size) * found.ground.fullness() + funnel.besides
    low, high = futures.interval(drawn.ravel(), CONFIDENCE)
    base = found.ground.base
    table.attrs = {
        "definition": WHAT_IF.format(number=number, counts=funnel.says),
        "as_of": base.as_of,
        "metric": found.ground.plan.goal.metric,
        "stands_for": found.ground.stands_for,
        "when": found.ground.when,
        "currency": base.currency,
        "target": aim,
        "expected": expected,
        "low": float(low),
        "high": float(high),
        "missing": max(aim - expected, 0.0),
        "probability": float((drawn >= aim * (1 - ROUNDING)).mean()),
        "confidence": CONFIDENCE,
        "notes": [*funnel.notes, *filter(None, [found.ground.swings.says, full(found.ground)])],
    }
    return table


def full(ground: Ground) -> str:
    """Say by how much what is open today changes what comes; "" where it is not known."""
    if ground.underway is None:
        return ""
    more = 100 * (ground.fullness() - 1)
    if abs(more) < 1:
        return "As much is open today as in a usual year, so it changes nothing."
    way = "more" if more > 0 else "less"
    return (
        f"By what is open today {abs(more):.0f} % {way} comes in the goal's months than in a usual "
        "year."
    )


def _rates(found: Counted, said: Mapping[str, float]) -> NDArray[np.float64]:
    """Put the rates that are asked for in the places of today's."""
    used = found.rates.copy()
    for stage, rate in said.items():
        if stage not in found.stages:
            raise EnablementError(f"No stage {stage!r}. {choices(stage, list(found.stages))}")
        if not NUMBERS["share"].fits(rate) or rate > 1:
            raise EnablementError(f"The rate of {stage} is {rate!r}: it is above 0 and at most 1.")
        used[found.stages.index(stage)] = rate
    return used


def _needed(wins: float, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give how many must enter each stage, and be won, in whole ones."""
    whole = np.ceil(wins - ROUNDING)
    to_won = np.cumprod(np.append(rates, 1.0)[::-1])[::-1]
    return np.ceil(whole / to_won - ROUNDING)


def _table(
    found: Counted,
    rates: NDArray[np.float64],
    comes: NDArray[np.float64],
    needed: NDArray[np.float64],
) -> pd.DataFrame:
    names = [*found.stages, WON]
    return pd.DataFrame(
        {
            "stage": pd.Categorical(names, categories=names, ordered=True),
            "present": np.append(found.rates, np.nan),
            "rate": np.append(rates, np.nan),
            "comes": comes,
            "needed": needed.astype(np.int64),
            "short": needed - comes,
        }
    )[COLUMNS]
