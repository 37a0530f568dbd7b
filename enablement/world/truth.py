"""What really causes what: the answers to which the data only point.

The truth of a company is a dict that can be written as JSON:

    stages      per stage: mean chance to advance of those who entered (0 to 1; stays that went
                back left out), share that went back
    leaks       per planted weakness: place, cause, size (logits; logarithm of a rate at new,
                existing and time), whom it hits, and over the last four quarters the chance with
                and without it (stages), the won amount it cost, and how much of that went in
                discounts on what was sold anyway, because the pipeline was thinner; counted on what
                was created, entered and offered in those quarters, whenever it closes
    costliest   the place, and the stage, whose leaks cost most over the last four quarters; null
                where nothing was planted
    reps        per rep on the last day: level per competency (0 to 4), how often each stage's
                behaviour is done (0 to 1), chance per stage for an average opportunity (0 to 1),
                share of selling time (0 to 1), luck (stays that advanced less those expected, in
                standard deviations), won amount lost by leaks, positions of the leaks
    chance      reps without a leak of their own who win less, or more, than the middle of all, by
                luck: what they can do does not show it
    rollouts    per training: whether it works, its size, who took part, and how many points of
                the stage's rate (or which share of the creation) those who did gained
    requests    per request: whether it is right, and what really costs most
    discounts   what moves them, and what they do: they change the amount, never the outcome
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from enablement.world import counterfactual, formats, requests, walk
from enablement.world.abilities import Abilities, Planted
from enablement.world.history import LOST_CODE, WON_CODE
from enablement.world.parameters import BEHAVIOURS, COMPETENCIES, KINDS, STAGES, Parameters
from enablement.world.streams import Streams

if TYPE_CHECKING:
    from enablement.world.company import World

WINDOW = 4 * 65.0  # working days over which costs are counted


class _Account:
    """The stays of the last four quarters, with what is needed to value a change of chance."""

    def __init__(self, world: World) -> None:
        self.world, self.stays = world, world.stays
        stays, end = world.stays, world.clock.end
        self.begin = max(end - WINDOW, 0.0)
        inside = (stays.entered < end) & (stays.entered >= self.begin)
        self.rows = np.flatnonzero(inside & stays.decided)
        self.at = stays.opportunity[self.rows]
        self.stage, self.rep = stays.stage[self.rows], stays.rep[self.rows]
        self.time = stays.entered[self.rows]
        way = walk.Walk(Streams(world.seed), world.clock, world.abilities, world.made, world.chosen)
        self.offset = way.offset(self.at, self.stage, self.time)
        # Alike enough to be won alike: the kind of business and the segment.
        self.group = world.made.kind.astype(np.int64) * 3 + world.made.segment
        whose = self.group[stays.opportunity]
        self.won = np.array([_wins(_means(stays, whose == g), world.chosen) for g in range(9)])
        self.now = self.chance(world.abilities)

    def chance(self, abilities: Abilities, more: np.ndarray | float = 0.0) -> np.ndarray:
        return abilities.chance(self.stage, self.rep, self.time, self.offset + more)

    def worth(self) -> np.ndarray:
        """List amount that one more advance of each stay would win."""
        chosen, last = self.world.chosen, len(STAGES) - 1
        ahead = np.c_[self.won[:, 1:], np.ones(9), np.ones(9)]
        jump = np.where(np.arange(last + 1) < last - 1, chosen.skip, 0.0)
        gain = (1.0 - jump) * ahead[:, :-1] + jump * ahead[:, 1:] - chosen.reopen * self.won
        return gain[self.group[self.at], self.stage] * self.world.made.list_amount[self.at]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _means(stays: walk.Stays, there: np.ndarray) -> np.ndarray:
    """Mean chance per stage."""
    stage, chance = stays.stage[there], stays.chance[there]
    count = np.bincount(stage, minlength=len(STAGES))
    return np.bincount(stage, weights=chance, minlength=len(STAGES)) / np.maximum(count, 1)


def _wins(rates: np.ndarray, chosen: Parameters) -> np.ndarray:
    """Probability to be won in the end, from the entry into each stage.

    Parameters
    ----------
    rates : chance to advance, per stage
    """
    size = len(STAGES)
    to, own, lost = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    for stage, rate in enumerate(rates):
        back = chosen.back if stage else 0.0
        going = (1.0 - chosen.cancel) * (1.0 - back)
        to[stage, max(stage - 1, 0)] += (1.0 - chosen.cancel) * back
        lost[stage] = going * (1.0 - rate)
        if stage == size - 1:
            own[stage] = going * rate
            continue
        jump = chosen.skip if stage < size - 2 else 0.0
        to[stage, stage + 1] += going * rate * (1.0 - jump)
        to[stage, min(stage + 2, size - 1)] += going * rate * jump
    # A loss is reopened once: what comes after it is a walk in which none is.
    again = np.linalg.solve(np.eye(size) - to, own)
    return np.linalg.solve(np.eye(size) - to, own + lost * chosen.reopen * again)


def _points(value: float | np.floating) -> float:
    return round(float(value), 4)


def _stages(world: World) -> dict[str, Any]:
    stays = world.stays
    inside = stays.entered < world.clock.end
    back = stays.exit == walk.BACK
    means = _means(stays, inside & stays.decided)
    count = np.bincount(stays.stage[inside], minlength=len(STAGES))
    gone = np.bincount(stays.stage[inside & back], minlength=len(STAGES))
    return {
        stage: {
            "behaviour": BEHAVIOURS[place],
            "entered": int(count[place]),
            "rate": _points(means[place]),
            "back": _points(gone[place] / max(count[place], 1)),
        }
        for place, stage in enumerate(STAGES)
    }


def _leak_rates(account: _Account, number: int, planted: Planted) -> tuple[np.ndarray, np.ndarray]:
    """Chance without the leak, and whom of the stays it hits."""
    abilities = account.world.abilities
    hit = planted.weight(account.rep, account.time) > 0
    if planted.leak.cause != "mix":
        return account.chance(abilities.without(leak=number)), hit & (
            account.stage == planted.stage
        )
    felt = abilities.felt(account.stage) / abilities.felt(np.array([planted.stage]))[0]
    made = account.world.made
    hit = (planted.weight(made.rep, made.time) > 0)[account.at] & (made.kind[account.at] < 2)
    return account.chance(abilities, planted.leak.size * felt * hit), hit


def _leak(account: _Account, number: int, planted: Planted) -> tuple[dict[str, Any], np.ndarray]:
    """What one leak is and costs; and the cost per rep, in the currency."""
    world, leak = account.world, planted.leak
    told: dict[str, Any] = asdict(leak) | {
        "who": leak.who if isinstance(leak.who, str) else list(_keys(np.array(leak.who))),
        "reps": _keys(np.flatnonzero(planted.on)),
    }
    given = counterfactual.discounts(world, number)
    if planted.stage >= 0:
        other, hit = _leak_rates(account, number, planted)
        lost = (other - account.now) * hit * account.worth()
        missed = np.bincount(account.rep, weights=lost, minlength=world.people.reps)
        here = hit & (account.stage == planted.stage)
        told["rate"] = _points(_mean(account.now[here]))
        told["rate_without"] = _points(_mean(other[here]))
    else:
        missed = _not_created(account, planted)
    deeper = _deeper(account, given)
    cost = missed * (1.0 - _mean(given[~np.isnan(given)])) + deeper
    told["cost"] = round(float(cost.sum()))
    told["cost_of_discounts"] = round(float(deeper.sum()))
    return told, cost


def _not_created(account: _Account, planted: Planted) -> np.ndarray:
    """List amount that would be won of the opportunities that were not created, per rep."""
    made, leak, late = account.world.made, planted.leak, account.world.chosen.late_start
    there = (made.time >= account.begin) & (made.time < account.world.clock.end)
    if leak.place in KINDS:
        there &= made.kind == KINDS.index(leak.place)
    later = np.asarray(late)[made.kind]
    begun = (1.0 - later) * account.won[account.group, 0] + later * account.won[account.group, 1]
    won = np.where(made.kind == KINDS.index("renewal"), account.won[account.group, 3], begun)
    more = np.exp(planted.weight(made.rep, made.time)) - 1.0
    worth = more * won * made.list_amount * there
    return np.bincount(made.rep, weights=worth, minlength=account.world.people.reps)


def _deeper(account: _Account, given: np.ndarray) -> np.ndarray:
    """Won amount given away because the leak made the pipeline thinner, per rep.

    Parameters
    ----------
    given : discounts without the leak
    """
    world, price = account.world, account.world.prices
    inside = (price.offered >= account.begin) & (price.offered < world.clock.end)
    rows = np.flatnonzero(inside & ~np.isnan(given))
    won = account.won[account.group[rows], 3] * world.made.list_amount[rows]
    more = (price.discount[rows] - given[rows]) * won
    return np.bincount(price.rep[rows], weights=more, minlength=world.people.reps)


def _costliest(leaks: list[dict[str, Any]]) -> dict[str, Any]:
    places: dict[str, float] = {}
    for leak in leaks:
        places[leak["place"]] = places.get(leak["place"], 0.0) + leak["cost"]
    stages = {place: cost for place, cost in places.items() if place in STAGES}
    return {
        "place": max(places, key=lambda p: places[p]) if places else None,
        "stage": max(stages, key=lambda p: stages[p]) if stages else None,
        "cost": places,
    }


def _keys(position: np.ndarray) -> list[str]:
    return formats.ids("User", position.astype(np.int64)).tolist()


def _reps(world: World, costs: np.ndarray) -> list[dict[str, Any]]:
    staff, abilities = world.people, world.abilities
    reps, stages = staff.reps, len(STAGES)
    last = np.minimum(world.clock.end, staff.stop[:reps]) - 0.5
    rep, stage = (a.ravel() for a in np.indices((reps, stages)))
    rates = abilities.chance(stage, rep, last[rep], 0.0).reshape(reps, stages)
    does = abilities.executes(stage, rep, last[rep]).reshape(reps, stages)
    who, what = (a.ravel() for a in np.indices((reps, len(COMPETENCIES))))
    level = abilities.levels(who, what, last[who]).reshape(reps, -1)
    names = [c.name for c in COMPETENCIES]
    hit = [np.flatnonzero([p.on[k] for p in abilities.planted]).tolist() for k in range(reps)]
    lost, luck = costs.sum(axis=0), _luck(world)
    return [
        {
            "rep_id": key,
            "levels": dict(zip(names, np.round(level[k], 2).tolist(), strict=True)),
            "executes": dict(zip(STAGES, np.round(does[k], 3).tolist(), strict=True)),
            "rates": dict(zip(STAGES, np.round(rates[k], 4).tolist(), strict=True)),
            "selling": _points(abilities.selling[k]),
            "luck": _points(luck[k]),
            "practises": bool(staff.practises[k]),
            "lost": round(float(lost[k])),
            "leaks": hit[k],
        }
        for k, key in enumerate(_keys(np.arange(reps)))
    ]


def _luck(world: World) -> np.ndarray:
    """Advances of each rep less those expected from the true chances, in standard deviations."""
    stays = world.stays
    rows = stays.decided & (stays.left < world.clock.end)
    rep, chance = stays.rep[rows], stays.chance[rows].astype(float)
    surprise = (stays.exit[rows] != walk.LOST) - chance
    reps = world.people.reps
    spread = np.bincount(rep, weights=chance * (1 - chance), minlength=reps)
    return np.bincount(rep, weights=surprise, minlength=reps) / np.sqrt(np.maximum(spread, 1e-9))


def _chance(world: World) -> dict[str, list[str]]:
    """Reps whose win rate only luck explains."""
    noted, last, reps = world.events, world.last_event, world.people.reps
    stage, owner = noted.stage[last], noted.rep[last]
    normal = world.made.kind < 2
    won = np.bincount(owner[normal & (stage == WON_CODE)], minlength=reps)
    lost = np.bincount(owner[normal & (stage == LOST_CODE)], minlength=reps)
    seen = won + lost >= 20
    own = np.zeros(reps, dtype=bool)
    for planted in world.abilities.planted:
        own |= planted.on & ~planted.on.all()
    if seen.sum() < 5:
        return {"look_bad": [], "look_good": []}
    rate = won / np.maximum(won + lost, 1)
    middle, luck = np.median(rate[seen]), _luck(world)
    free = seen & ~own
    return {
        "look_bad": _keys(np.flatnonzero(free & (rate < middle) & (luck < -1.3))),
        "look_good": _keys(np.flatnonzero(free & (rate > middle) & (luck > 1.3))),
    }


def _rollout(world: World, number: int) -> dict[str, Any]:
    taken, stays, abilities = world.abilities.trained[number], world.stays, world.abilities
    rollout = taken.rollout
    told: dict[str, Any] = asdict(rollout) | {
        "starts_on": rollout.starts_on.isoformat(),
        "works": rollout.effect > 0,
        "invited": _keys(np.flatnonzero(taken.wave >= 0)),
        "trained": _keys(np.flatnonzero(np.isfinite(taken.completed))),
    }
    other = abilities.without(rollout=number)
    if taken.stage < 0:
        return told | {"gain": _creation_gain(world, number)}
    rows = np.flatnonzero(
        (stays.stage == taken.stage) & stays.decided
        & (stays.entered > taken.completed[stays.rep]) & (stays.entered < world.clock.end)
    )  # fmt: skip
    way = walk.Walk(Streams(world.seed), world.clock, abilities, world.made, world.chosen)
    at, stage, rep = stays.opportunity[rows], stays.stage[rows], stays.rep[rows]
    time = stays.entered[rows]
    offset = way.offset(at, stage, time)
    gain = abilities.chance(stage, rep, time, offset) - other.chance(stage, rep, time, offset)
    since = ((time - taken.completed[rep]) // 65).astype(np.int64)
    quarters = [_points(_mean(gain[since == q])) for q in range(int(since.max(initial=-1)) + 1)]
    return told | {"stays": len(rows), "gain": _points(_mean(gain)), "gain_by_quarter": quarters}


def _creation_gain(world: World, number: int) -> float:
    """Share by which those trained created more, from the session to the export."""
    taken = world.abilities.trained[number]
    reps = np.flatnonzero(np.isfinite(taken.completed))
    days = np.arange(np.ceil(world.clock.end))[None, :]
    after = (days > taken.completed[reps, None]) & (days < world.people.stop[reps, None])
    more = np.exp(taken.rollout.effect * taken.use(reps[:, None], days)) - 1.0
    return _points(_mean(more[after]))


def _discounts(world: World) -> dict[str, Any]:
    offered = np.isfinite(world.prices.offered) & (world.prices.offered < world.clock.end)
    chosen = world.chosen
    return {
        "mean": _points(_mean(world.prices.discount[offered])),
        "added_from_enough_to_no_coverage": chosen.thin_discount,
        "enough_coverage": chosen.enough_coverage,
        "less_per_standard_deviation_of_negotiating": chosen.negotiating_discount,
        "effect_on_winning": 0.0,
    }


def tell(world: World) -> dict[str, Any]:
    """The truth of a company; the module says what stands in it."""
    account = _Account(world)
    told = [_leak(account, k, planted) for k, planted in enumerate(world.abilities.planted)]
    leaks = [leak for leak, _ in told]
    costs = np.array([cost for _, cost in told]).reshape(len(told), world.people.reps)
    reps = _reps(world, costs)
    return {
        "about": "The truth behind an invented company. The package never reads this file.",
        "seed": world.seed,
        "quarters": list(world.clock.quarters),
        "parameters": asdict(world.chosen),
        "stages": _stages(world),
        "leaks": leaks,
        "costliest": _costliest(leaks),
        "rollouts": [_rollout(world, k) for k in range(len(world.abilities.trained))],
        "requests": [requests.judge(world, each, costs) for each in requests.asked(world)],
        "discounts": _discounts(world),
        "chance": _chance(world),
        "reps": reps,
    }
