"""The reward: what the team gets for its goal, and how it is shared out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError
from enablement.periods import moment
from enablement.plan import cascade, gates
from enablement.plan import goal as goals
from enablement.plan.apportionment import apportion
from enablement.plan.cascade import ROUNDING, Ground
from enablement.plan.gates import Gate
from enablement.plan.goal import RULES, Plan, Reward
from enablement.plan.sales import sales
from enablement.read.crm import CRM

CENTS = 100
COLUMNS = [
    *("region", "team", "rep_id", "there", "target", "brought", "attainment", "share"),
    *("now", "at_goal"),
]
REWARD = (
    "what each gets of {pool:,.2f} once {metric} in {span} is {threshold:.0f} % of {target:,.0f} "
    "(brought: {basis}), in whole cents (Webster): {rule}; below the target as large a share of "
    "the pool as of the target is reached, above it the pool; at the goal: each at their own part "
    "of it, and all gates held"
)
SHARED = {
    "equal": "the same for each, by the days they are there",
    "contribution": "the same for each, by the days they are there, but nobody a larger share of "
    "the pool than of what was sold; what that leaves is paid to nobody",
    "attainment": "by how much each reached of their own target, and the days they are there",
}
BASIS = {
    "projected": "what comes if nothing changes, since the goal's months have not begun",
    "sold": "what was sold so far in the goal's months",
}


@dataclasses.dataclass(frozen=True)
class Brought:
    """What the team has towards its goal, in the metric.

    each : of every rep of the plan
    total : of all, with what belongs to none of them
    basis : ``projected`` or ``sold``
    as_of : the last day that is seen; None without a CRM
    """

    each: NDArray[np.float64]
    total: float
    basis: str
    as_of: str | None


def reward(
    crm: CRM | None, plan: Plan | Mapping[str, Any] | str | Path, *, as_of: object
) -> pd.DataFrame:
    """What each rep would get of the team's reward now, and at the goal.

    Before the goal's months begin, now is what comes if nothing changes; from their first day
    on it is what was sold in them so far. The threshold and the gates are the team's: where one
    does not hold nobody gets anything, and where a gate cannot be said nothing is promised.

    Parameters
    ----------
    crm : as `enablement.load` gives it; None works from what the plan states alone
    plan : a path, a dict of the same shape, or as `enablement.goal` gives it, with a ``[reward]``
    as_of : the last moment whose events may be seen; may be None without a CRM

    Returns
    -------
    pandas.DataFrame
        One row per rep who is there for the goal::

            region, team, rep_id  text
            there       float  share of the goal's working days they are there, 0 to 1
            target      float  their part of the target, as in the worksheet, in the metric
            brought     float  what they bring so far, or if nothing changes, in the metric
            attainment  float  brought / target; missing of a target of nothing
            share       float  brought / what all bring; missing where nothing is brought
            now         float  what they would get, in the workspace's currency, whole cents;
                               missing where a gate cannot be said
            at_goal     float  what they would get if each brought their target and all gates held

        ``attrs`` has ``definition``, ``basis`` (``projected`` or ``sold``), ``total`` (what all
        bring), ``target``, ``threshold`` (in the metric), ``pool``, ``rule``, ``paid_now`` and
        ``paid_at_goal`` (what the parts add up to), ``left_now`` and ``left_at_goal`` (what the
        rule leaves of what is to be shared out), ``currency``, ``reached`` (whether the
        threshold holds), ``gates`` (``gate``, ``least``, ``value``, ``holds`` and ``says`` of
        each), ``carried`` (rule -> what the ``carrier``, the ``others`` at least and at most,
        and nobody (``left``) would get had one rep brought the whole target), ``verdict``,
        ``sentences`` and ``labels``.

    Raises
    ------
    SettingsError
        If the plan does not fit, or names a gate that is not known.
    CannotSayError
        If the plan has no reward, or the data do not carry the goal.
    """
    said = goals.goal(plan)
    told = _told(said)
    ground = cascade.counted(crm, said, as_of=as_of)
    _check(said, ground)
    until = _begun(crm, ground, as_of)
    if crm is None or until is None:
        brought, period = projected(ground), ground.base.period
    else:
        brought, period = sold(crm, ground, until), ground.base.span
    seen = until if period is None or until is not None else moment(period.end)
    table = reward_of(ground, brought, gates.gates_of(crm, told.gates, period, as_of=seen))
    table.attrs["currency"] = "" if crm is None else crm.settings.currency
    return table


def reward_of(ground: Ground, brought: Brought, held: tuple[Gate, ...]) -> pd.DataFrame:
    """Compute the reward from what was counted once; see `reward`."""
    told = _told(ground.plan)
    shares = cascade.share_out(ground, ground.rates())
    target = shares.house.sum(axis=1) * shares.price
    there = ground.staff.there(ground.base.span)
    now = _in_play(told, brought.total, ground.base.target)
    then = _in_play(told, float(target.sum()), ground.base.target)
    parts = {
        "now": share_pool(now, brought.each, target, there, rule=told.rule, total=brought.total),
        "at_goal": share_pool(then, target, target, there, rule=told.rule),
    }
    known = [gate.holds for gate in held]
    paid = now if all(known) else 0
    unknown = now > 0 and None in known and False not in known
    columns = {
        "there": there,
        "target": target,
        "brought": brought.each,
        "attainment": np.divide(
            brought.each, target, out=np.full(len(target), np.nan), where=target > 0
        ),
        "share": brought.each / brought.total if brought.total > 0 else np.nan,
        "now": np.nan if unknown else (parts["now"] if paid else 0) / CENTS,
        "at_goal": parts["at_goal"] / CENTS,
    }
    people = ground.staff.table[["region", "team", "rep_id"]]
    table = people.assign(**columns)[COLUMNS]
    figures = {
        "paid_now": float(table["now"].sum(skipna=False)),
        "paid_at_goal": float(parts["at_goal"].sum()) / CENTS,
        "left_now": np.nan if unknown else float(now - parts["now"].sum() if paid else 0) / CENTS,
        "left_at_goal": float(then - parts["at_goal"].sum()) / CENTS,
    }
    carried = one_carries_all(told, target, there)
    table.attrs = _described(ground, told, brought, held, figures, carried)
    return table


def share_pool(
    cents: int,
    brought: NDArray[np.float64],
    target: NDArray[np.float64],
    there: NDArray[np.float64],
    *,
    rule: str,
    total: float | None = None,
) -> NDArray[np.int64]:
    """Share a pool out by a rule, in whole cents.

    By ``equal`` and ``attainment`` the parts add up to the pool. By ``contribution`` they add up
    to no more than that: shared out among the others what a cap leaves would end at shares of
    what was sold, and the rule would be another one, so it is paid to nobody. Cents that do not
    go up go to those who brought most, so that whoever brings more never gets less.

    Parameters
    ----------
    cents : the pool
    brought, target : of each, in the metric
    there : share of the days that each is there, 0 to 1
    total : what all brought, with what belongs to none of them; None for the sum
    """
    order = np.argsort(-brought, kind="stable")
    weight = there[order]
    if rule == "attainment":
        reached = np.divide(brought, target, out=np.zeros(len(target)), where=target > 0)
        weight = weight * np.maximum(reached, 0.0)[order]
    parts = np.zeros(len(brought), dtype=np.int64)
    if cents <= 0 or not weight.sum() > 0:
        return parts
    parts[order] = apportion(weight, cents)
    if rule == "contribution":
        whole = float(brought.sum()) if total is None else total
        most = cents * np.maximum(brought, 0.0) / whole if whole > 0 else np.zeros(len(brought))
        parts = np.minimum(parts, np.floor(most + ROUNDING).astype(np.int64))
    return parts


def projected(ground: Ground) -> Brought:
    """Say what each brings if nothing changes, renewals in proportion to the rest."""
    wins = np.nan_to_num(ground.expected(ground.rates())[:, -1])
    through, besides = wins * ground.funnel.worth, ground.funnel.besides
    whole = float(through.sum())
    each = through * (1 + besides / whole) if whole > 0 else through
    return Brought(each, whole + besides, "projected", ground.base.as_of)


def sold(crm: CRM, ground: Ground, until: pd.Timestamp) -> Brought:
    """Say what each sold so far in the goal's months."""
    found = sales(crm, ground.plan.goal, as_of=until, period=ground.base.span, by="rep")
    amount = found.set_index("rep_id")["brought"]
    each = amount.reindex(ground.staff.ids).fillna(0.0).to_numpy(dtype=float)
    return Brought(each, float(amount.sum()), "sold", f"{until:%Y-%m-%d}")


def _told(plan: Plan) -> Reward:
    if plan.reward is None:
        raise CannotSayError(
            "The plan has no reward. The least it must say: [reward] with threshold = 1.0 and "
            "pool = 120000."
        )
    return plan.reward


def _check(said: Plan, ground: Ground) -> None:
    """Refuse to pay for an amount where the goal is another thing, which it may miss."""
    if ground.translated is None or ground.translated.same:
        return
    gate = said.goal.metric.replace(" ", "_")
    way = f", with [reward.gates] {gate} as the least it must be" if gate in goals.GATES else ""
    raise CannotSayError(
        f"A reward is shared out by what is sold, which may be reached without the "
        f"{said.goal.label} that is wanted. State the goal as won amount{way}."
    )


def _begun(crm: CRM | None, ground: Ground, as_of: object) -> pd.Timestamp | None:
    """Say until when what was sold for the goal may be seen; None before its months begin."""
    if crm is None:
        return None
    until = min(moment(as_of), moment(crm.seen_until))
    return until if until >= pd.Timestamp(ground.base.span.start) else None


def _in_play(told: Reward, total: float, target: float) -> int:
    """Give the cents that are to be shared out for what the team brought; gates are not asked."""
    if total < told.threshold * target * (1 - ROUNDING):
        return 0
    return int(np.floor(told.pool * CENTS * min(total / target, 1.0) + ROUNDING))


def one_carries_all(
    told: Reward, target: NDArray[np.float64], there: NDArray[np.float64]
) -> dict[str, dict[str, Any]]:
    """Share the pool out by each rule as if one rep had brought the whole target."""
    if len(target) < 2:
        return {}
    carrier = int(there.argmax())
    brought = np.zeros(len(target))
    brought[carrier] = target.sum()
    cents = int(np.floor(told.pool * CENTS + ROUNDING))
    found = {}
    for rule in RULES:
        parts = share_pool(cents, brought, target, there, rule=rule)
        others = np.delete(parts, carrier)
        found[rule] = {
            "carrier": float(parts[carrier]) / CENTS,
            "others": (float(others.min()) / CENTS, float(others.max()) / CENTS),
            "left": float(cents - parts.sum()) / CENTS,
        }
    return found


def _described(
    ground: Ground,
    told: Reward,
    brought: Brought,
    held: tuple[Gate, ...],
    figures: dict[str, float],
    carried: dict[str, dict[str, Any]],
) -> dict[str, object]:
    base = ground.base
    least = told.threshold * base.target
    reached = brought.total >= least * (1 - ROUNDING)
    return {
        "definition": REWARD.format(
            pool=told.pool,
            metric=ground.metric,
            span=base.span,
            threshold=100 * told.threshold,
            target=base.target,
            rule=SHARED[told.rule],
            basis=BASIS[brought.basis],
        ),
        "as_of": brought.as_of,
        "metric": ground.plan.goal.metric,
        "basis": brought.basis,
        "total": brought.total,
        "target": base.target,
        "threshold": least,
        "pool": told.pool,
        "rule": told.rule,
        **figures,
        "reached": bool(reached),
        "gates": [gate.told() for gate in held],
        "carried": carried,
        "verdict": _verdict(told, brought, held, base.target, figures),
        "sentences": _carried(carried),
        "groups": ("rep_id",),
        "labels": ground.staff.labels,
    }


def _verdict(
    told: Reward,
    brought: Brought,
    held: tuple[Gate, ...],
    target: float,
    figures: dict[str, float],
) -> str:
    """Say of the team, and of nobody in it, how far it is and what stands in the way."""
    start = (
        f"{brought.total:,.0f} of the {target:,.0f} that are wanted "
        f"{'come if nothing changes' if brought.basis == 'projected' else 'are sold so far'}, "
        f"{100 * brought.total / target:.0f} %"
    )
    least = told.threshold * target
    if brought.total < least * (1 - ROUNDING):
        return (
            f"{start}: {least - brought.total:,.0f} less than the {100 * told.threshold:.0f} % "
            "from which on there is a reward."
        )
    lacks = [
        f"{gate.name} is {gate.value:.3g} and must be at least {gate.least:.3g}"
        for gate in held
        if gate.holds is False
    ]
    if lacks:
        return f"{start}, but {' and '.join(lacks)}: there is no reward so."
    open_ones = [gate.name for gate in held if gate.holds is None]
    if open_ones:
        return f"{start}, but {' and '.join(open_ones)} cannot be said, so nothing is promised."
    return f"{start}: {figures['paid_now']:,.2f} of {told.pool:,.2f} are shared out."


def _carried(carried: dict[str, dict[str, Any]]) -> list[str]:
    """Tell what each rule would do to a team that one rep carries."""
    return [
        f"Had one rep brought the whole target, by {rule} that one would get "
        f"{found['carrier']:,.2f} and each of the others {_between(*found['others'])}"
        + (f"; {found['left']:,.2f} would be paid to nobody." if found["left"] else ".")
        for rule, found in carried.items()
    ]


def _between(low: float, high: float) -> str:
    return f"{low:,.2f}" if low == high else f"{low:,.2f} to {high:,.2f}"
