"""The company as a whole: what is simulated in which order."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from enablement.errors import EnablementError
from enablement.world import creation, history, money, names, people, prices, walk
from enablement.world.abilities import Abilities, Trained, train
from enablement.world.clock import Clock
from enablement.world.parameters import (
    KINDS,
    PARTNERS,
    PIPELINES,
    RENEWALS,
    STAGES,
    Leak,
    Parameters,
    Rollout,
)
from enablement.world.streams import Streams

if TYPE_CHECKING:
    from enablement.read.crm import CRM

USUAL_REASONS = (
    (0.3, 0.06, 0.1, 0.38, 0.12, 0.04),
    (0.24, 0.08, 0.12, 0.36, 0.14, 0.06),
    (0.32, 0.1, 0.16, 0.2, 0.1, 0.12),
    (0.28, 0.18, 0.24, 0.06, 0.1, 0.14),
    (0.24, 0.32, 0.22, 0.02, 0.14, 0.06),
)
"""Weights of the noted reasons (in the order of `names.REASONS`) per stage of the loss."""
TELLING_REASON = (3, 4, 3, 2, 0)
"""Per stage, the reason that a lack of skill there brings."""


@dataclass(frozen=True)
class World:
    """An invented company with everything that happened in it.

    Attributes
    ----------
    seed, chosen : what it was made from
    clock, people, abilities : time axis, reps, and what they can and do
    made, accounts, stays, prices, events : opportunities, from creation to history
    quota : won amount expected of each rep in an average quarter, in the currency

    The tables are made when asked for: `crm`, `tables`, `truth`, `write`.
    """

    seed: int
    chosen: Parameters
    clock: Clock
    people: people.People
    abilities: Abilities
    made: creation.Made
    accounts: creation.Accounts
    stays: walk.Stays
    prices: prices.Prices
    events: history.Events
    quota: np.ndarray

    def __repr__(self) -> str:
        """Say what it is in a line."""
        return (
            f"World {self.seed}: {self.people.reps:,} reps, {len(self.made.time):,} opportunities, "
            f"{len(self.events.time):,} stage events, {self.clock.quarters[0]} to "
            f"{self.clock.quarters[-1]}"
        )

    @property
    def exported_on(self) -> dt.date:
        """The day of the export."""
        return self.clock.last

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The canonical tables by name, in the columns of the dictionary."""
        from enablement.world import canonical

        return canonical.tables(self)

    @cached_property
    def crm(self) -> CRM:
        """The same object as loading the written files gives, without files."""
        from enablement.world import canonical

        return canonical.crm(self)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What really causes what in this company; see `enablement.world.truth`."""
        from enablement.world import truth

        return truth.tell(self)

    def write(
        self,
        folder: str | Path,
        crm: str = "salesforce",
        *,
        format: str = "csv",
        mess: int | None = None,
        defects: tuple[str, ...] | None = None,
        only: tuple[str, ...] | None = None,
        snapshots: tuple[dt.date, ...] = (),
    ) -> list[Path]:
        """Write what the company would export and keep; see `enablement.world.files.write`."""
        from enablement.world import files

        return files.write(
            self, folder, crm, format=format, mess=mess, defects=defects, only=only,
            snapshots=snapshots,
        )  # fmt: skip

    @cached_property
    def last_event(self) -> np.ndarray:
        """Position of the last event of each opportunity."""
        every = np.arange(len(self.made.time))
        return np.searchsorted(self.events.opportunity, every, side="right") - 1

    def last_before(self, time: float) -> np.ndarray:
        """Position of the last event of each opportunity before a working time; -1 for none."""
        kept = np.flatnonzero(self.events.time < time)
        last = np.full(len(self.made.time), -1, dtype=np.int64)
        last[self.events.opportunity[kept]] = kept
        return last

    @cached_property
    def last_stay(self) -> np.ndarray:
        """Position of the last stay of each opportunity that began before the export."""
        return self.last_stay_before(self.clock.end)

    def last_stay_before(self, time: float) -> np.ndarray:
        """Position of the last stay of each opportunity that began before a working time."""
        last = np.zeros(len(self.made.time), dtype=np.int64)
        inside = np.flatnonzero(self.stays.entered < time)
        last[self.stays.opportunity[inside]] = inside
        return last

    @cached_property
    def pipeline(self) -> np.ndarray:
        """Pipeline of each opportunity: position in `PIPELINES`."""
        found = np.zeros(len(self.made.time), dtype=np.int8)
        apart = [list(PIPELINES).index(name) for name in self.chosen.apart]
        renewal = self.made.kind == KINDS.index("renewal")
        partner = ~renewal & (self.made.source == names.SOURCES.index("Partner"))
        for number, mine in ((RENEWALS, renewal), (PARTNERS, partner)):
            if number in apart:
                found[mine] = number
        return found

    @cached_property
    def exchange(self) -> money.Exchange:
        """Currencies, and what they are worth in the company's."""
        return money.exchange(Streams(self.seed), self.clock, self.chosen)

    @cached_property
    def currency(self) -> np.ndarray:
        """Currency in which each opportunity is sold: position in `Exchange.codes`."""
        return self.exchange.of_region[self.people.region[self.made.rep]]

    @cached_property
    def rate(self) -> np.ndarray:
        """What one unit of its currency was worth when each opportunity was created."""
        quarter = np.maximum(self.clock.quarter(self.made.time), 0)
        return self.exchange.rates[self.currency, quarter]

    @cached_property
    def rival(self) -> np.ndarray:
        """Competitor met by each opportunity: position in `names.COMPETITORS`, 0 for none."""
        size = len(self.made.time)
        drawn = Streams(self.seed).pick("competitor", size, (0.45, 0.17, 0.15, 0.11, 0.12))
        offered = self.prices.offered < self.clock.end
        return np.where((self.made.kind != 2) & offered, drawn, 0)

    @cached_property
    def reason(self) -> np.ndarray:
        """Reason noted for a loss: position in `names.REASONS`.

        It leans with the stage, the competitor and the rep's skill, and is noise for the rest.
        """
        last = self.last_stay
        stage, rep, time = self.stays.stage[last], self.stays.rep[last], self.stays.entered[last]
        weights = np.array(USUAL_REASONS)[stage]
        able = np.clip(self.abilities.able(stage, rep, time), -3.0, 3.0)
        rows = np.arange(len(last))
        telling = np.array(TELLING_REASON)[stage]
        weights[rows, telling] *= np.exp(-self.chosen.reason_lean * able)
        weights[:, 2] += 0.1 * (self.rival > 0)
        return Streams(self.seed).pick_each("reason", weights)

    @cached_property
    def first_won(self) -> np.ndarray:
        """First won day of each account (datetime64[D], NaT for prospects)."""
        first = self.accounts.first_won.copy()
        won = np.flatnonzero(self.events.stage == history.WON_CODE)[::-1]
        account = self.made.account[self.events.opportunity[won]]
        day = self.clock.day(self.events.time[won]).astype("datetime64[D]")
        empty = np.isnat(first[account])
        first[account[empty]] = day[empty]
        return first

    @cached_property
    def targets(self) -> np.ndarray:
        """Factor on the quota in each quarter, the coming one included."""
        first = int(self.clock.quarters[0][5]) - 1
        number = np.arange(len(self.clock.quarters) + 1)
        season = np.asarray(self.chosen.creation_season)[(first + number) % 4]
        return (1 + self.chosen.quota_growth) ** number * (0.5 + 0.5 * season)


def win_chance(chosen: Parameters) -> np.ndarray:
    """About how likely an average opportunity of each kind is to be won, 0 to 1."""
    rates = np.asarray(chosen.stage_rates)
    odds = np.log(rates / (1 - rates)) + np.asarray(chosen.kind_effect)[:, None]
    each = 1.0 / (1.0 + np.exp(-odds))
    return np.array([each[0].prod(), each[1].prod(), each[2, 3:].prod()])


def quotas(staff: people.People, chosen: Parameters) -> np.ndarray:
    """Won amount expected of a full rep in an average quarter, per rep, in the currency."""
    typical = float(np.dot(chosen.typical_amount, creation.SEGMENT_SHARES))
    product = float(np.dot(creation.PRODUCT_SHARES, creation.PRODUCT_AMOUNT))
    mean = typical * product * np.exp(chosen.amount_spread**2 / 2)
    won = chosen.per_quarter * np.asarray(chosen.kinds) * win_chance(chosen)
    base = float((won * np.asarray(creation.KIND_AMOUNT)).sum()) * mean * 0.84
    target = base * chosen.quota_share * np.where(staff.senior, 1.1, 1.0)
    return np.maximum(np.round(target / 1000) * 1000, 1000.0)


def observed(world_clock: Clock, made: creation.Made, stays: walk.Stays, rollout: Rollout,
             reps: int) -> np.ndarray:  # fmt: skip
    """What a manager sees of each rep in the two quarters before a rollout.

    Returns
    -------
    Share that advanced of those decided at the rollout's stage, or the number created of its
    kind; NaN where fewer than three were decided.
    """
    begin = world_clock.at(rollout.starts_on)
    if rollout.place in KINDS:
        there = (made.kind == KINDS.index(rollout.place)) & (made.time < begin)
        return np.bincount(made.rep[there & (made.time >= begin - 130)], minlength=reps) * 1.0
    there = (stays.stage == STAGES.index(rollout.place)) & stays.decided
    there &= (stays.left < begin) & (stays.left >= begin - 130)
    count = np.bincount(stays.rep[there], minlength=reps)
    onward = np.bincount(stays.rep[there & (stays.exit != walk.LOST)], minlength=reps)
    return np.where(count >= 3, onward / np.maximum(count, 1), np.nan)


def _flow(
    seed: int, clock: Clock, abilities: Abilities, chosen: Parameters
) -> tuple[creation.Made, creation.Accounts, walk.Stays]:
    """Creation and walk. The numbers depend on the seed alone, not on how often it is called."""
    streams = Streams(seed)
    made, accounts = creation.make(streams, clock, abilities.people, abilities, chosen)
    return made, accounts, walk.Walk(streams, clock, abilities, made, chosen).run()


def simulate(
    seed: int,
    *,
    reps: int = 40,
    quarters: int = 10,
    last_quarter: str = "2026Q3",
    warmup: int = 150,
    leaks: tuple[Leak, ...] = (),
    rollouts: tuple[Rollout, ...] = (),
    **changes: object,
) -> World:
    """Invent a company.

    Parameters
    ----------
    seed : any integer from 0 up; the same seed gives the same company, byte for byte
    reps : how many reps, leavers and new ones included
    quarters : how many calendar quarters, the last one ending with the export
    last_quarter : name of the last quarter
    warmup : days before the first quarter in which opportunities are already created
    leaks : planted weaknesses
    rollouts : trainings that were given
    **changes : fields of `Parameters`, such as ``per_quarter=20``

    Raises
    ------
    EnablementError
        If a parameter is unknown or out of its range.
    """
    if reps < 1 or quarters < 1 or warmup < 0 or seed < 0:
        raise EnablementError(
            f"At least 1 rep and 1 quarter, and no negative seed or warmup: reps={reps}, "
            f"quarters={quarters}, seed={seed}, warmup={warmup}."
        )
    chosen = Parameters.of(changes)
    streams = Streams(seed)
    clock = Clock.of(last_quarter, quarters, warmup)
    staff = people.hire(streams, clock, reps, chosen)
    abilities = Abilities(streams, clock, staff, chosen, tuple(leaks))
    for number, rollout in enumerate(sorted(rollouts, key=lambda each: each.starts_on)):
        before = np.full(reps, np.nan)
        if rollout.assignment == "worst first":
            made, _, stays = _flow(seed, clock, abilities, chosen)
            before = observed(clock, made, stays, rollout, reps)
        taken: Trained = train(streams, abilities, rollout, number, before)
        abilities.trained = (*abilities.trained, taken)
    made, accounts, stays = _flow(seed, clock, abilities, chosen)
    quota = quotas(staff, chosen)
    offers = prices.price(streams, made, stays, abilities.level, quota, chosen)
    noted = history.events(streams, clock, made, stays, offers, chosen)
    return World(seed, chosen, clock, staff, abilities, made, accounts, stays, offers, noted, quota)
