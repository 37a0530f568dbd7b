"""Fixtures that one can count on one hand."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import enablement as en

os.environ["ENABLEMENT_CACHE"] = "off"  # what a test reads is not kept for the next one
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
DAY_ZERO = pd.Timestamp("2026-01-01")
EIGHT_SETTINGS = {
    "stages": ["Lead", "Qual", "Prop"],
    "outcomes": {"Won": "won", "Lost": "lost", "Cancelled": "cancelled"},
}
# The paths of eight opportunities: day: stage @ rep; then the amount.
EIGHT = {
    "D1": ("0 Lead@A, 10 Qual@A, 20 Prop@A, 30 Won@A", 10),
    "D2": ("0 Lead@A, 10 Prop@A, 25 Won@A", 40),
    "D3": ("0 Lead@A, 15 Qual@A, 40 Lost@A", 20),
    "D4": ("0 Lead@B, 10 Qual@B, 20 Prop@B, 30 Qual@B, 50 Prop@B, 70 Lost@B", 80),
    "D5": ("5 Qual@B, 35 Prop@B, 60 Won@A", 30),
    "D6": ("60 Lead@B, 70 Qual@B", 25),
    "D7": ("0 Lead@B, 12 Qual@B, 30 Lost@B, 50 Qual@B, 65 Prop@B", 15),
    "D8": ("80 Lead@A", 10),
}


def day(number: int) -> pd.Timestamp:
    """The day that many days after the start."""
    return DAY_ZERO + pd.Timedelta(days=number)


def events(paths: dict[str, tuple[str, float]]) -> pd.DataFrame:
    """Write paths such as ``0 Lead@A, 10 Won@A`` as stage events."""
    rows = []
    for opportunity, (path, _) in paths.items():
        for step in path.split(", "):
            when, place = step.split(" ", 1)
            stage, _, rep = place.partition("@")
            rows.append((opportunity, day(int(when)), stage, rep or None))
    return pd.DataFrame(rows, columns=["opportunity_id", "entered_at", "stage", "rep_id"])


def once(make: Callable[..., en.CRM]) -> Callable[..., en.CRM]:
    """Make what is asked for without anything else once: reading costs, and asking changes nothing.

    Tables that are asked for must not be changed.
    """
    plain = functools.cache(lambda: make())

    @functools.wraps(make)
    def made(*some: object, **more: object) -> en.CRM:
        return make(*some, **more) if some or more else plain()

    return made


def company(paths: dict[str, tuple[str, float]], **more: object) -> en.CRM:
    """Make a CRM of some paths; of the same ones it is the same."""
    return _company(paths, **more) if more else _of_paths(tuple(paths.items()))


@functools.lru_cache(maxsize=8)
def _of_paths(paths: tuple[tuple[str, tuple[str, float]], ...]) -> en.CRM:
    return _company(dict(paths))


def _company(paths: dict[str, tuple[str, float]], **more: object) -> en.CRM:
    amounts = {opportunity: amount for opportunity, (_, amount) in paths.items()}
    opportunities = pd.DataFrame(
        {"opportunity_id": list(amounts), "amount": list(map(float, amounts.values()))}
    )
    return en.crm(
        opportunities=opportunities, stage_events=events(paths), settings=EIGHT_SETTINGS, **more
    )


@pytest.fixture(scope="session")
def eight() -> en.CRM:
    """The eight opportunities, seen from any later day."""
    return company(EIGHT)


@pytest.fixture(scope="session")
def sample() -> en.CRM:
    """The committed sample, read once for all who only ask it something."""
    return en.load(SAMPLE)
