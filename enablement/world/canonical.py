"""The company in our own tables and columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from enablement.world import learning, names, traces
from enablement.world.clock import days, quarter_start, shift_quarter
from enablement.world.formats import ids, labels, named
from enablement.world.history import LOST_CODE, WON_CODE
from enablement.world.parameters import (
    CANCELLED,
    COMPANY_CURRENCY,
    LOST,
    PIPELINES,
    STAGES,
    WON,
)
from enablement.world.streams import Streams

if TYPE_CHECKING:
    from enablement.read.crm import CRM
    from enablement.world.company import World

ROWS_AT_ONCE = 1_000_000
OUTCOMES = (WON, LOST, CANCELLED)
STEPS = tuple((*stages, *OUTCOMES) for stages in PIPELINES.values())
PROBABILITY = np.array([10, 20, 40, 60, 80, 100, 0, 0])
FORECAST = ("Pipeline", "Pipeline", "Pipeline", "Best Case", "Commit", "Closed", "Omitted",
            "Omitted")  # fmt: skip


def pipelines(world: World) -> list[str]:
    """Names of the pipelines that this company has."""
    return [name for name in PIPELINES if name == next(iter(PIPELINES)) or name in
            world.chosen.apart]  # fmt: skip


def meanings(world: World) -> dict[str, str]:
    """Closing stages that this company has, and what they mean."""
    every = dict(zip(OUTCOMES, ("won", "lost", "cancelled"), strict=True))
    return every if world.chosen.cancel else {name: every[name] for name in (WON, LOST)}


def stage_names(world: World, opportunity: np.ndarray, stage: np.ndarray) -> pd.Series:
    """Names of stages and outcomes, in the words of each opportunity's pipeline."""
    if not world.chosen.apart:
        return labels(STEPS[0], stage)
    every = [name for steps in STEPS for name in steps]
    return labels(every, world.pipeline[opportunity] * len(STEPS[0]) + stage)


def money(world: World, opportunity: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Amounts in the currency in which each opportunity is sold."""
    if world.exchange.plain:
        return amount
    return np.round(amount / world.rate[opportunity] / 10) * 10


def opportunities(world: World, day: dt.date | None = None) -> pd.DataFrame:
    """`opportunities`: the state on the day of the export, or at the end of an earlier day."""
    made, noted, streams = world.made, world.events, Streams(world.seed)
    end = world.clock.end if day is None else world.clock.at(day + dt.timedelta(days=1))
    last = world.last_event if day is None else world.last_before(end)
    rows = np.flatnonzero(last >= 0)
    last, size = last[rows], len(last)
    stage = noted.stage[last]
    by_boss = streams.uniform("created by", size)[rows] < 0.1
    creator = np.where(by_boss, world.people.boss[made.rep[rows]], made.rep[rows])
    next_step = streams.pick("next step", size, np.ones(len(names.NEXT_STEPS)))[rows]
    stay = world.last_stay if day is None else world.last_stay_before(end)
    noted_step = (stage < WON_CODE) & world.stays.done[stay[rows]]
    closed = np.where(stage >= WON_CODE, noted.time[last], np.nan)
    product = labels(names.PRODUCTS, made.product[rows])
    account = names.companies(streams, world.accounts.industry)
    reason = np.where(stage == LOST_CODE, world.reason[rows], -1)
    rival = np.where(world.prices.offered[rows] < end, world.rival[rows], 0)
    return pd.DataFrame(
        {
            "opportunity_id": ids("Opportunity", rows),
            **_apart(world, rows),
            "rep_id": ids("User", noted.rep[last]),
            "created_by": ids("User", creator),
            "account_id": ids("Account", made.account[rows]),
            "name": named(account, made.account[rows]) + " - " + product,
            "type": labels(names.TYPES, made.kind[rows]),
            "source": labels(names.SOURCES, made.source[rows]),
            "product": product,
            "segment": labels(names.SEGMENTS, made.segment[rows]),
            "amount": money(world, rows, noted.amount[last]),
            "list_amount": money(world, rows, made.list_amount[rows]),
            **_sold_in(world, rows),
            "created_at": world.clock.moments(made.time[rows]),
            "expected_close": days(noted.close[last]),
            "closed_at": world.clock.moments(closed),
            "stage": stage_names(world, rows, stage),
            "loss_reason": labels(names.REASONS, reason),
            "competitor": labels(names.COMPETITORS, rival),
            "next_step": labels(names.NEXT_STEPS, np.where(noted_step, next_step, -1)),
            "forecast_category": labels(FORECAST, stage),
            "probability": PROBABILITY[stage].astype(float),
        }
    )


def _apart(world: World, rows: np.ndarray) -> dict[str, pd.Series]:
    if not world.chosen.apart:
        return {}
    return {"pipeline": labels(tuple(PIPELINES), world.pipeline[rows])}


def _sold_in(world: World, rows: np.ndarray) -> dict[str, pd.Series]:
    if world.exchange.plain:
        return {}
    return {"currency": labels(world.exchange.codes, world.currency[rows])}


def stage_events(world: World, rows: slice | np.ndarray = slice(None)) -> pd.DataFrame:
    """`stage_events`: every note of the history, or some rows of it.

    Outcomes stand in the column `stage`.
    """
    noted = world.events
    stage, whose = noted.stage[rows], noted.opportunity[rows]
    return pd.DataFrame(
        {
            "opportunity_id": ids("Opportunity", whose),
            "entered_at": world.clock.moments(noted.time[rows]),
            "stage": stage_names(world, whose, stage),
            "rep_id": ids("User", noted.rep[rows]),
            "amount": money(world, whose, noted.amount[rows]),
            "expected_close": days(noted.close[rows]),
            "forecast_category": labels(FORECAST, stage),
            "probability": PROBABILITY[stage].astype(float),
        }
    )


def stage_event_parts(world: World) -> Iterator[pd.DataFrame]:
    """`stage_events` in parts of a million rows, so that large companies fit in memory."""
    for begin in range(0, max(len(world.events.time), 1), ROWS_AT_ONCE):
        yield stage_events(world, slice(begin, begin + ROWS_AT_ONCE))


def reps(world: World) -> pd.DataFrame:
    """`reps`: reps, managers and the head of sales."""
    staff = world.people
    return pd.DataFrame(
        {
            "rep_id": ids("User", np.arange(len(staff.name))),
            "name": pd.Series(staff.name, dtype="str"),
            "role": pd.Series(staff.title, dtype="str"),
            "hired_on": days(staff.hired),
            "left_on": days(staff.left),
            "manager_id": ids("User", staff.boss),
            "team": labels(staff.team_names, staff.team),
            "region": labels(names.REGIONS, staff.region),
        }
    )


def accounts(world: World) -> pd.DataFrame:
    """`accounts`: customers and prospects."""
    held = world.accounts
    called = names.companies(Streams(world.seed), held.industry)
    return pd.DataFrame(
        {
            "account_id": ids("Account", np.arange(len(held.region))),
            "name": named(called, np.arange(len(called))),
            "segment": labels(names.SEGMENTS, held.segment),
            "industry": labels(names.INDUSTRIES, held.industry),
            "region": labels(names.REGIONS, held.region),
            "potential": held.potential,
            "first_won_on": days(world.first_won),
        }
    )


def quotas(world: World) -> pd.DataFrame:
    """`quotas`: per rep and quarter, the coming quarter included.

    A new rep has none in the quarter of hiring and half of one in the quarter after.
    """
    staff, reps_ = world.people, world.people.reps
    periods = [*world.clock.quarters, shift_quarter(world.clock.quarters[-1], 1)]
    begins = np.array([quarter_start(name) for name in periods], dtype="datetime64[D]")[:, None]
    there = (staff.hired[:reps_] < begins) & ~(staff.left[:reps_] < begins)
    green = (begins - staff.hired[:reps_]).astype(np.int64) < 92
    target = world.quota * np.where(green, 0.5, 1.0) * world.targets[:, None]
    period, rep = np.nonzero(there)
    return pd.DataFrame(
        {
            "rep_id": ids("User", rep),
            "period": labels(periods, period),
            "metric": labels(["won amount"], np.zeros(len(rep), dtype=np.int64)),
            "target": np.round(target[there] / 1000) * 1000,
        }
    )


MAKERS: dict[str, Callable[[World], pd.DataFrame]] = {
    "opportunities": opportunities,
    "stage_events": stage_events,
    "reps": reps,
    "accounts": accounts,
    "quotas": quotas,
    "activities": traces.activities,
    "calendar": traces.calendar,
    "training": learning.training,
    "assessments": learning.assessments,
    "reactions": learning.reactions,
    "practice": learning.practice,
    "coaching": learning.coaching,
}


def tables(world: World, only: tuple[str, ...] | None = None) -> dict[str, pd.DataFrame]:
    """The canonical tables by name, all or some."""
    return {name: MAKERS[name](world) for name in (only or MAKERS)}


def settings(world: World) -> dict[str, object]:
    """What the workspace says of itself, as `settings.toml` does."""
    named = pipelines(world)
    alone: dict[str, object] = {"stages": list(STAGES)}
    several = {"pipelines": {name: {"stages": list(PIPELINES[name])} for name in named}}
    return {
        **(alone if len(named) == 1 else several),
        "currency": COMPANY_CURRENCY,
        "exported_on": world.exported_on,
        "outcomes": meanings(world),
        "types": dict(zip(names.TYPES, names.KINDS_OF_BUSINESS, strict=True)),
    }


def crm(world: World) -> CRM:
    """The tables as loading the files would give them."""
    from enablement.read.loading import crm as assemble
    from enablement.world.money import table

    rates = {} if world.exchange.plain else {"rates": table(world.clock, world.exchange)}
    return assemble(settings=settings(world), **tables(world), **rates)
