"""Everything that happened to an opportunity, as the CRM would have noted it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enablement.world.clock import Clock
from enablement.world.creation import Made
from enablement.world.parameters import STAGES, Parameters
from enablement.world.prices import Prices
from enablement.world.streams import Streams
from enablement.world.walk import CANCELLED, WON, Stays

ENTRY, OUTCOME, HANDOVER, AMOUNT, PUSH = range(5)
WON_CODE, LOST_CODE, CANCELLED_CODE = (len(STAGES) + place for place in range(3))
ENDING = np.full(CANCELLED + 1, LOST_CODE)
ENDING[WON], ENDING[CANCELLED] = WON_CODE, CANCELLED_CODE


@dataclass(frozen=True)
class Events:
    """One row per note in the history, by opportunity and time.

    opportunity : position
    time : working time
    stage : position in the stages; then won, lost, cancelled
    rep : owner from then on
    amount : in the currency
    close : expected close, or the close itself, in days since 1970-01-01
    kind : 0 stage entered, 1 outcome, 2 hand-over, 3 amount changed, 4 close date moved
    """

    opportunity: np.ndarray
    time: np.ndarray
    stage: np.ndarray
    rep: np.ndarray
    amount: np.ndarray
    close: np.ndarray
    kind: np.ndarray


def _remaining(made: Made, stage: np.ndarray, chosen: Parameters) -> np.ndarray:
    """Planned working days from a stage to the close."""
    days = np.asarray(chosen.stage_days) * 5 / 7
    ahead = np.cumsum(days[::-1])[::-1]
    return ahead[stage] * np.asarray(chosen.segment_slowness)[made.segment]


def pushes(
    expected: np.ndarray, begin: np.ndarray, limit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moves of the expected close: opportunity, when, to when.

    A rep moves the date four weeks on when it has come and the opportunity is still open, at most
    five times; after that the date stays overdue.
    """
    who, when, to = [], [], []
    at = np.flatnonzero(np.maximum(expected, begin) < limit)
    date = expected.copy()
    for _ in range(5):
        moment = np.maximum(date[at], begin[at])
        date[at] = moment + 20.0
        who.append(at)
        when.append(moment)
        to.append(date[at])
        at = at[date[at] < limit[at]]
    return np.concatenate(who), np.concatenate(when), np.concatenate(to)


def _in_order(opportunity: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Order by opportunity and time; the sorted keys; the factor between opportunities.

    Ties keep the order in which they came.
    """
    span = float(time.max(initial=0.0)) + 1.0
    key = opportunity * span + time
    order = np.argsort(key, kind="stable")
    return order, key[order], span


def _locate(stays: Stays, opportunity: np.ndarray, time: np.ndarray) -> np.ndarray:
    """The stay in which each of the opportunities was at a time."""
    order, key, span = _in_order(stays.opportunity, stays.entered)
    return order[
        np.searchsorted(key, opportunity * span + np.minimum(time, span - 0.5), "right") - 1
    ]


def _owner(stays: Stays, stay: np.ndarray, time: np.ndarray) -> np.ndarray:
    later = time >= np.where(np.isnan(stays.handed[stay]), np.inf, stays.handed[stay])
    return np.where(later, stays.next_rep[stay], stays.rep[stay])


@dataclass(frozen=True)
class _Plan:
    """Expected closes of the opportunities: at first and from the offer on; and their moves."""

    first: np.ndarray
    renewed: np.ndarray
    who: np.ndarray
    when: np.ndarray
    to: np.ndarray


def _plan(
    streams: Streams, clock: Clock, made: Made, stays: Stays, prices: Prices, chosen: Parameters
) -> _Plan:
    """When reps expect to close, and how often they move the date."""
    size = len(made.time)
    hope = 0.75 + 0.6 * streams.uniform("optimism", size)
    begin = np.zeros(size, dtype=np.int64)
    begin[stays.opportunity[::-1]] = stays.stage[::-1]
    first = made.time + _remaining(made, begin, chosen) * hope
    end = np.minimum(prices.closed, clock.end)
    known = np.isfinite(prices.offered)
    offered = np.where(known, prices.offered, 0.0)
    renewed = offered + _remaining(made, np.full(size, 3), chosen) * (0.3 + hope)
    early = pushes(first, made.time, np.minimum(prices.offered, end))
    late = pushes(renewed, offered, np.where(known, end, -1.0))
    moves = (np.concatenate(pair) for pair in zip(early, late, strict=True))
    return _Plan(first, renewed, *moves)


def events(
    streams: Streams, clock: Clock, made: Made, stays: Stays, prices: Prices, chosen: Parameters
) -> Events:
    """All notes up to the export."""
    plan = _plan(streams, clock, made, stays, prices, chosen)
    over = np.flatnonzero(stays.over)
    moved = np.flatnonzero(np.isfinite(stays.handed))
    end = np.minimum(prices.closed, clock.end)
    changed = np.flatnonzero((prices.agreed < end) & (prices.last != prices.first))
    later = _locate(stays, np.r_[changed, plan.who], np.r_[prices.agreed[changed], plan.when])
    stay = np.concatenate([np.arange(len(stays.stage)), over, moved, later])
    time = np.concatenate(
        [stays.entered, stays.left[over], stays.handed[moved], prices.agreed[changed], plan.when]
    )
    sizes = [len(stays.stage), len(over), len(moved), len(changed), len(plan.who)]
    kind = np.repeat(np.array([ENTRY, OUTCOME, HANDOVER, AMOUNT, PUSH], dtype=np.int8), sizes)
    to = np.zeros(len(kind))
    to[kind == PUSH] = plan.to
    asleep = (kind >= AMOUNT) & (time > stays.left[stay])  # lost, and not yet reopened
    keep = np.flatnonzero((time < clock.end) & ~asleep)
    keep = keep[_in_order(stays.opportunity[stay[keep]], time[keep])[0]]
    return _noted(clock, made, stays, prices, plan, stay[keep], time[keep], kind[keep], to[keep])


def _noted(
    clock: Clock, made: Made, stays: Stays, prices: Prices, plan: _Plan,
    stay: np.ndarray, time: np.ndarray, kind: np.ndarray, to: np.ndarray,
) -> Events:  # fmt: skip
    """What stands in the notes, given when and in which stay they were made."""
    opportunity = stays.opportunity[stay]
    closing = kind == OUTCOME
    ending = ENDING[stays.exit[stay]]
    stage = np.where(closing, ending, stays.stage[stay]).astype(np.int8)
    owner = _owner(stays, stay, time)
    rep = np.where(kind == ENTRY, stays.rep[stay], owner)
    rep = np.where(closing | (kind == HANDOVER), stays.next_rep[stay], rep).astype(np.int32)
    offered = prices.offered[opportunity]
    amount = np.where(time < offered, made.list_amount[opportunity], prices.first[opportunity])
    amount = np.where(time >= prices.agreed[opportunity], prices.last[opportunity], amount)
    begins = (kind == ENTRY) & (time == made.time[opportunity])
    offers = (kind == ENTRY) & (time == offered) & ~begins
    close = np.where(begins, plan.first[opportunity], np.nan)
    close = np.where(offers, plan.renewed[opportunity], close)
    close = np.where(kind == PUSH, to, np.where(closing, time, close))
    known = np.maximum.accumulate(np.where(np.isnan(close), 0, np.arange(len(close))))
    day = clock.day(close[known]).astype(np.int32)
    return Events(opportunity, time, stage, rep, amount, day, kind)
