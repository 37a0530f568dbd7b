"""Pipeline coverage, and the discounts that grow where it is thin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enablement.world.creation import Made
from enablement.world.parameters import COMPETENCIES, Parameters
from enablement.world.streams import Streams
from enablement.world.walk import Stays

PROPOSAL, NEGOTIATION = 3, 4


@dataclass(frozen=True)
class Prices:
    """What each opportunity is offered for.

    offered, agreed : working time of the first offer and of the last change; inf if it never came
    first, last : amount from the first offer on, and from the last change on, in the currency
    discount : 1 - last / list, 0 to 1
    coverage : open pipeline of the rep over a quarter's quota when the offer was made, NaN without
    closed : working time of the outcome; inf where there is none in the simulated time
    rep : who made the first offer; 0 where there is none
    """

    offered: np.ndarray
    agreed: np.ndarray
    first: np.ndarray
    last: np.ndarray
    discount: np.ndarray
    coverage: np.ndarray
    closed: np.ndarray
    rep: np.ndarray


class OpenPipeline:
    """Open list amount per rep at any time."""

    def __init__(self, made: Made, stays: Stays, closed: np.ndarray, last_rep: np.ndarray) -> None:
        moved = np.isfinite(stays.handed)
        worth = made.list_amount[stays.opportunity[moved]]
        shut = np.isfinite(closed)
        rep = np.r_[made.rep, stays.rep[moved], stays.next_rep[moved], last_rep[shut]]
        time = np.r_[made.time, stays.handed[moved], stays.handed[moved], closed[shut]]
        change = np.r_[made.list_amount, -worth, worth, -made.list_amount[shut]]
        self.span = float(time.max(initial=0.0)) + 1.0
        key = rep * self.span + time
        order = np.argsort(key, kind="stable")
        self.key = key[order]
        self.total = np.r_[0.0, np.cumsum(change[order])]

    def at(self, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Open list amount of `rep` just before `time`, in the currency."""
        here = np.searchsorted(self.key, rep * self.span + time, side="left")
        none = np.searchsorted(self.key, rep * self.span, side="left")
        return np.maximum(self.total[here] - self.total[none], 0.0)


def _first(stays: Stays, stage: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """For each opportunity: when `stage` or a later one was first entered, and in which stay."""
    late = np.flatnonzero(stays.stage >= stage)[::-1]
    which = np.full(size, -1, dtype=np.int64)
    which[stays.opportunity[late]] = late
    return np.where(which >= 0, stays.entered[which], np.inf), which


def _ends(stays: Stays, size: int) -> tuple[np.ndarray, np.ndarray]:
    """When each opportunity had its outcome for good, and whose it was."""
    last = np.zeros(size, dtype=np.int64)
    last[stays.opportunity] = np.arange(len(stays.stage))
    return np.where(stays.over[last], stays.left[last], np.inf), stays.next_rep[last]


def price(
    streams: Streams, made: Made, stays: Stays, level: np.ndarray, quota: np.ndarray,
    chosen: Parameters,
) -> Prices:  # fmt: skip
    """Offers and discounts of all opportunities."""
    size = len(made.time)
    closed, last_rep = _ends(stays, size)
    offered, which = _first(stays, PROPOSAL, size)
    dealt, haggle = _first(stays, NEGOTIATION, size)
    rep = np.where(which >= 0, stays.rep[which], 0)
    pipeline = OpenPipeline(made, stays, closed, last_rep)
    when = np.where(np.isfinite(offered), offered, 0.0)
    coverage = pipeline.at(rep, when) / quota[rep]
    thin = np.clip(1.0 - coverage / chosen.enough_coverage, 0.0, 1.0)
    skill = level[rep, [c.name for c in COMPETENCIES].index("negotiating")]
    discount = chosen.base_discount + chosen.thin_discount * thin
    discount += -chosen.negotiating_discount * skill
    discount += chosen.discount_spread * streams.normal("discount", size)
    discount = np.round(np.clip(discount, 0.0, 0.4), 2)
    discount = np.where(np.isfinite(offered), discount, 0.0)
    part = 0.2 + 0.6 * streams.uniform("moment of last change", size)
    agreed = dealt + part * np.where(haggle >= 0, stays.left[haggle] - stays.entered[haggle], 0.0)
    agreed = np.where(haggle >= 0, agreed, np.inf)
    first = np.round(made.list_amount * (1 - np.floor(discount * 50) / 100) / 10) * 10
    last = np.round(made.list_amount * (1 - discount) / 10) * 10
    coverage = np.where(np.isfinite(offered), coverage, np.nan)
    return Prices(offered, agreed, first, last, discount, coverage, closed, rep)
