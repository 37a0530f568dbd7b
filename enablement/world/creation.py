"""How opportunities come to be: when, by whom, with which account, of which kind and size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enablement.world import names
from enablement.world.abilities import Abilities
from enablement.world.clock import Clock
from enablement.world.parameters import Parameters
from enablement.world.people import People
from enablement.world.streams import Streams

WORKING_DAYS = 65.0  # in a quarter
SEGMENT_SHARES = (0.42, 0.38, 0.20)
INDUSTRY_SHARES = (0.2, 0.2, 0.24, 0.18, 0.08, 0.1)
PRODUCT_SHARES = (0.3, 0.26, 0.2, 0.13, 0.11)
PRODUCT_AMOUNT = (1.0, 1.2, 0.95, 0.7, 0.55)  # over the typical amount
KIND_AMOUNT = (1.0, 0.85, 0.9)


@dataclass(frozen=True)
class Accounts:
    """Customers and prospects.

    region, segment, industry : positions in the lists of `names`
    potential : what the account could spend in a year, in the currency
    first_won : day of the first won opportunity (datetime64[D], NaT for a prospect)
    customers : the first so many were customers before the simulated time
    """

    region: np.ndarray
    segment: np.ndarray
    industry: np.ndarray
    potential: np.ndarray
    first_won: np.ndarray
    customers: int


@dataclass(frozen=True)
class Made:
    """Opportunities at the moment of their creation, in order of time.

    time : working time
    rep, account, kind, source, product, segment : positions
    list_amount : price without discount, in the currency
    """

    time: np.ndarray
    rep: np.ndarray
    account: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    product: np.ndarray
    segment: np.ndarray
    list_amount: np.ndarray


def moments(
    streams: Streams, clock: Clock, factor: np.ndarray, chosen: Parameters
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, rep and kind of every opportunity, in order of time.

    Parameters
    ----------
    factor : on the rate of creation, reps × days × kinds
    """
    days = np.arange(factor.shape[1])
    season = np.asarray(chosen.creation_season)[clock.season(days.astype(float))]
    kinds = np.asarray(chosen.kinds) * chosen.per_quarter / WORKING_DAYS
    rate = kinds[None, None, :] * season[None, :, None] * factor
    count = streams.poisson("creation", rate)
    count = count.transpose(1, 0, 2)  # by day, so that a later change leaves earlier ones alone
    day, rep, kind = (np.repeat(at, count[count > 0]) for at in np.nonzero(count))
    time = day + streams.uniform("hour of creation", len(day))
    order = np.argsort(time, kind="stable")
    return time[order], rep[order].astype(np.int32), kind[order].astype(np.int8)


def accounts(
    streams: Streams, clock: Clock, people: People, rep: np.ndarray, kind: np.ndarray
) -> tuple[Accounts, np.ndarray]:
    """Accounts, and the account of each opportunity.

    Each opportunity of new business has a prospect of its own; the others go to the customers of
    the rep's region.
    """
    regions = len(names.REGIONS)
    customers = max(12 * people.reps // regions, 1) * regions
    new = np.flatnonzero(kind == 0)
    region = np.r_[np.arange(customers) % regions, people.region[rep[new]]]
    size = len(region)
    segment = streams.pick("segment of account", size, SEGMENT_SHARES)
    industry = streams.pick("industry of account", size, INDUSTRY_SHARES)
    spread = np.exp(0.4 * streams.normal("potential of account", size))
    potential = np.asarray((36_000.0, 85_000.0, 220_000.0))[segment] * spread
    before = 30 + streams.uniform("first won before", size) * 1500
    first = np.datetime64(clock.origin, "D") - before.astype(np.int64)
    first[customers:] = np.datetime64("NaT")
    account = np.empty(len(rep), dtype=np.int32)
    account[new] = customers + np.arange(len(new))
    old = np.flatnonzero(kind != 0)
    per_region = customers // regions
    place = (streams.uniform("account of existing", len(old)) * per_region).astype(np.int64)
    account[old] = place * regions + people.region[rep[old]]
    potential = np.round(potential, -3)
    return Accounts(region, segment, industry, potential, first, customers), account


def make(
    streams: Streams,
    clock: Clock,
    people: People,
    abilities: Abilities,
    chosen: Parameters,
    *,
    beyond: Abilities | None = None,
) -> tuple[Made, Accounts]:
    """All opportunities at their creation, and the accounts.

    Parameters
    ----------
    beyond : only those that these abilities would not create; None for all
    """
    days = np.arange(int(np.ceil(clock.end))).astype(float)
    factor = abilities.creation(days) - (beyond.creation(days) if beyond else 0.0)
    time, rep, kind = moments(streams, clock, factor, chosen)
    held, account = accounts(streams, clock, people, rep, kind)
    size = len(time)
    source = streams.pick_each("source", abilities.sources(rep, kind, time)).astype(np.int8)
    product = streams.pick("product", size, PRODUCT_SHARES).astype(np.int8)
    segment = held.segment[account].astype(np.int8)
    middle = np.asarray(chosen.typical_amount)[segment] * np.asarray(KIND_AMOUNT)[kind]
    middle = middle * np.asarray(PRODUCT_AMOUNT)[product]
    amount = middle * np.exp(chosen.amount_spread * streams.normal("amount", size))
    step = np.where(amount < 10_000, 100.0, np.where(amount < 50_000, 500.0, 1_000.0))
    amount = np.maximum(np.round(amount / step) * step, 500.0)
    return Made(time, rep, account, kind, source, product, segment, amount), held
