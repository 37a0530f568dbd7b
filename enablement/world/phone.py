"""Phone sales: one call is one record, and every rep loses calls at the same step."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from enablement.errors import EnablementError
from enablement.world import names
from enablement.world.clock import DAY, EPOCH, days
from enablement.world.formats import ids, labels, numbered
from enablement.world.streams import Streams

if TYPE_CHECKING:
    from enablement.read.crm import CRM

STAGES = ("Dial", "Answer", "Engage", "Qualify", "Offer")
SOLD, NOT_SOLD = "Close", "No sale"
RATES = (0.45, 0.25, 0.65, 0.75, 0.60)
DESIRED = (0.45, 0.40, 0.65, 0.75, 0.60)
REPS, PRICE, SOLD_UNITS, QUOTA = 25, 50, 20_000, 45_000
SECONDS = (20, 15, 60, 120, 150)  # typical length of each step
YEAR = 2025

SETTINGS: dict[str, Any] = {
    "stages": list(STAGES),
    "currency": "USD",
    "exported_on": dt.date(YEAR, 12, 31),
    "outcomes": {SOLD: "won", NOT_SOLD: "lost"},
}
PLAN: dict[str, dict[str, Any]] = {
    "goal": {
        "metric": "won amount",
        "lift": 0.5,
        "by": dt.date(YEAR + 1, 12, 31),
        "unit_price": PRICE,
        "constraints": {"headcount": "fixed", "new_tools": False},
    },
    "desired": dict(zip(STAGES, DESIRED, strict=True)),
}


@dataclass(frozen=True)
class PhoneCompany:
    """A year of calls of 25 reps; see `phone_example`.

    reached : last step of each call, 0 to 5 (5 is sold)
    rep : who called
    begun : when, in seconds since 1970-01-01
    lengths : seconds in each step, calls × 5, 0 where it was not reached
    seed, people : what it was made from, and the names
    """

    seed: int
    people: list[str]
    reached: np.ndarray
    rep: np.ndarray
    begun: np.ndarray
    lengths: np.ndarray

    def __repr__(self) -> str:
        """Say what it is in a line."""
        return f"Phone sales: {len(self.rep):,} calls of {REPS} reps in {YEAR}"

    @property
    def settings(self) -> dict[str, Any]:
        """What the workspace says of itself."""
        return dict(SETTINGS)

    @property
    def plan(self) -> dict[str, Any]:
        """Goal and desired rates, of the shape of `plan.toml`."""
        return {key: dict(value) for key, value in PLAN.items()}

    @cached_property
    def crm(self) -> CRM:
        """The tables as loading a file would give them."""
        from enablement.read.loading import crm

        return crm(settings=self.settings, **self.tables)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The canonical tables: opportunities (calls), stage_events, reps, quotas."""
        return {
            "opportunities": self._calls(),
            "stage_events": self._events(),
            "reps": self._reps(),
            "quotas": self._quotas(),
        }

    @property
    def truth(self) -> dict[str, Any]:
        """What is really so: all reps leak alike between Answer and Engage."""
        return {
            "stages": {
                stage: {"rate": rate, "desired": wanted}
                for stage, rate, wanted in zip(STAGES, RATES, DESIRED, strict=True)
            },
            "costliest": {"stage": "Answer", "cause": "the same for all reps"},
            "units_sold": SOLD_UNITS,
            "sold": SOLD_UNITS * PRICE,
            "expected": QUOTA * REPS,
        }

    def write(self, folder: str | Path) -> list[Path]:
        """Write the tables as CSV; returns the files."""
        from enablement.world.files import to_csv

        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, table in self.tables.items():
            to_csv(table, place / f"{name}.csv")
        return [place / f"{name}.csv" for name in self.tables]

    @cached_property
    def _moments(self) -> np.ndarray:
        """When each call entered each step, and ended: calls × 6, in seconds."""
        before = np.cumsum(np.c_[np.zeros(len(self.rep), dtype=np.int64), self.lengths], axis=1)
        return self.begun[:, None] + before

    def _calls(self) -> pd.DataFrame:
        size, sold = len(self.rep), self.reached == len(STAGES)
        return pd.DataFrame(
            {
                "opportunity_id": numbered("C", np.arange(size), 7),
                "rep_id": ids("User", self.rep),
                "channel": labels(["phone"], np.zeros(size, dtype=np.int64)),
                "type": labels(["new business"], np.zeros(size, dtype=np.int64)),
                "amount": np.where(sold, float(PRICE), np.nan),
                "quantity": np.where(sold, 1.0, np.nan),
                "created_at": _times(self.begun),
                "closed_at": _times(self._moments[:, -1]),
                "stage": labels([NOT_SOLD, SOLD], sold.astype(np.int64)),
            }
        )

    def _events(self) -> pd.DataFrame:
        steps = np.minimum(self.reached, len(STAGES) - 1) + 1
        call = np.repeat(np.arange(len(self.rep)), steps + 1)
        first = np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
        step = np.arange(len(call)) - first
        last = step == steps[call]
        sold = last & (self.reached[call] == len(STAGES))
        name = np.where(last, np.where(sold, len(STAGES) + 1, len(STAGES)), step)
        return pd.DataFrame(
            {
                "opportunity_id": numbered("C", call, 7),
                "entered_at": _times(self._moments[call, step]),
                "stage": labels([*STAGES, NOT_SOLD, SOLD], name),
                "rep_id": ids("User", self.rep[call]),
                "amount": np.where(sold, float(PRICE), np.nan),
            }
        )

    def _reps(self) -> pd.DataFrame:
        first = (dt.date(YEAR - 2, 1, 9) - EPOCH).days
        hired = first + 7 * np.arange(REPS)
        return pd.DataFrame(
            {
                "rep_id": ids("User", np.arange(REPS)),
                "name": pd.Series(self.people, dtype="str"),
                "role": labels(["Phone sales"], np.zeros(REPS, dtype=np.int64)),
                "hired_on": days(hired),
                "team": labels(["Phone"], np.zeros(REPS, dtype=np.int64)),
            }
        )

    def _quotas(self) -> pd.DataFrame:
        rep, quarter = (places.ravel() for places in np.indices((REPS, 4)))
        return pd.DataFrame(
            {
                "rep_id": ids("User", rep),
                "period": labels([f"{YEAR}Q{k}" for k in (1, 2, 3, 4)], quarter),
                "metric": labels(["won amount"], np.zeros(len(rep), dtype=np.int64)),
                "target": np.full(len(rep), QUOTA / 4),
            }
        )


def _times(seconds: np.ndarray) -> pd.Series:
    return pd.Series(seconds.astype("datetime64[s]").astype("datetime64[us]"))


def _counts(scale: int) -> np.ndarray:
    """How many calls reach each step, so that exactly the wanted units are sold."""
    sold = SOLD_UNITS // scale
    backwards = np.cumprod(np.r_[1.0, np.array(RATES)[::-1]])
    return np.round(sold / backwards[::-1]).astype(np.int64)


def phone_example(seed: int = 1, *, scale: int = 1) -> PhoneCompany:
    """Company XYZ of the first source text: 25 reps who sell a product of $50 by phone.

    1,000,000 are sold in the year 2025 (20,000 units), 45,000 are expected of each rep, and the
    goal is half as much again. Every call is one record: dial, answer, engage, qualify, offer,
    close. After answering, 25 % engage where 40 % are desired, and this is so for all reps alike:
    no comparison between reps can show it, only the desired rate can.

    Parameters
    ----------
    seed : any integer from 0 up
    scale : only one in so many calls; 1, 2, 4, 5, 8 or 10. The sums fall with it.

    Returns
    -------
    PhoneCompany
        With `crm`, `tables`, `settings`, `plan`, `truth` and `write`.
    """
    if SOLD_UNITS % scale or not 1 <= scale <= 10:
        raise EnablementError(f"scale must be 1, 2, 4, 5, 8 or 10, not {scale}.")
    streams, counts = Streams(seed), _counts(scale)
    size = int(counts[0])
    reached = np.repeat(np.arange(len(counts)), counts - np.r_[counts[1:], 0])
    reached = reached[streams.order("which calls", size)]
    rep = np.arange(size) % REPS
    rep = rep[streams.order("whose calls", size)]
    every = np.arange((dt.date(YEAR, 1, 2) - EPOCH).days, (dt.date(YEAR, 12, 24) - EPOCH).days)
    workdays = every[np.is_busday(every.astype("datetime64[D]"))]
    day = workdays[(streams.uniform("day of call", size) * len(workdays)).astype(np.int64)]
    clock = 9 * 3600 + np.floor(streams.uniform("time of call", size) * 8 * 3600)
    begun = day * DAY + clock.astype(np.int64)
    order = np.argsort(begun, kind="stable")
    spread = np.exp(0.5 * streams.normal("length of steps", (size, len(STAGES))))
    lengths = np.maximum(np.round(np.array(SECONDS) * spread), 1).astype(np.int64)
    lengths = lengths * (np.arange(len(STAGES)) <= reached[:, None])
    named = names.people(streams, REPS)
    return PhoneCompany(seed, named, reached[order], rep[order], begun[order], lengths[order])
