"""Little companies in which everything that a measure asks for is recorded, invented by a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from conftest import EIGHT_SETTINGS

import enablement as en

START, END = pd.Timestamp("2026-01-01"), pd.Timestamp("2026-09-30")
SETTINGS = {**EIGHT_SETTINGS, "exported_on": END.date()}
STAGES = EIGHT_SETTINGS["stages"]
REPS = pd.DataFrame(
    {
        "rep_id": list("ABCDEF"),
        "team": ["One", "One", "One", "Two", "Two", "Two"],
        "hired_on": [*["2024-01-01"] * 3, "2026-02-01", "2026-03-15", "2026-04-01"],
        "left_on": [None, None, "2026-05-20", None, "2026-06-30", None],
    }
)
ACCOUNTS = pd.DataFrame(
    {
        "account_id": [f"K{n}" for n in range(8)],
        "segment": ["small", "large"] * 4,
        "potential": [50.0, 900.0, 120.0, None, 80.0, 400.0, 60.0, 0.0],
    }
)


def tables(seed: int, *, until: pd.Timestamp = END, size: int = 24) -> dict[str, pd.DataFrame]:
    """Give the tables of a company as an export of some day has them.

    The company is the same on every day: what happens later is not in an earlier export.
    """
    generator, over = np.random.default_rng(seed), until + pd.Timedelta(days=1)
    histories = [_history(generator, f"X{n}") for n in range(size)]
    listed = generator.uniform(1.0, 1.5, size)
    accounts = generator.choice(ACCOUNTS["account_id"], size)
    every = pd.concat(histories, ignore_index=True)
    seen = every[every["entered_at"] < over]
    last = seen.groupby("opportunity_id", sort=False).tail(1).set_index("opportunity_id")
    first = every.groupby("opportunity_id", sort=False).head(1).set_index("opportunity_id")
    number = last.index.str[1:].astype(int)
    activities = _activities(generator, first["entered_at"])
    opportunities = pd.DataFrame(
        {
            **{name: last[name] for name in ("stage", "rep_id", "amount", "expected_close")},
            "created_at": first["entered_at"].reindex(last.index),
            "created_by": first["rep_id"].reindex(last.index),
            "closed_at": last["entered_at"].where(last["stage"].isin(["Won", "Lost"])),
            "list_amount": first["amount"].reindex(last.index) * listed[number],
            "account_id": accounts[number],
        }
    )
    left = pd.to_datetime(REPS["left_on"])
    reps = REPS.assign(left_on=left.where(left <= until))
    return {
        "opportunities": opportunities.reset_index(),
        "stage_events": seen.reset_index(drop=True),
        "reps": reps[pd.to_datetime(reps["hired_on"]) <= until].reset_index(drop=True),
        "accounts": ACCOUNTS,
        "activities": activities[activities["at"] < over].reset_index(drop=True),
        "quotas": pd.DataFrame(
            {"rep_id": list("ABCDEF"), "period": "2026Q2", "metric": "won amount", "target": 200.0}
        ),
    }


def firm(seed: int = 1, *, until: pd.Timestamp = END, mixed: bool = False) -> en.CRM:
    """Make the company; ``mixed`` puts the rows of its tables in another order."""
    given = tables(seed, until=until)
    if mixed:
        given = {name: rows.sample(frac=1, random_state=seed) for name, rows in given.items()}
    return en.crm(settings={**SETTINGS, "exported_on": until.date()}, **given)


def _history(generator: np.random.Generator, name: str) -> pd.DataFrame:
    """Let one opportunity go its way: on, over a stage, back, to another rep, and to its end."""
    when = START + pd.Timedelta(days=int(generator.integers(0, 200)))
    rep, amount = str(generator.choice(list("ABCDEF"))), float(generator.integers(1, 60))
    due, place = when + pd.Timedelta(days=int(generator.integers(10, 120))), 0
    rows = []
    for _ in range(int(generator.integers(2, 14))):
        closed = place >= len(STAGES)
        stage = str(generator.choice(["Won", "Lost"])) if closed else STAGES[place]
        rows.append((name, when, stage, rep, amount, due))
        if closed:
            break
        when += pd.Timedelta(days=int(generator.integers(0, 40)), hours=1)
        place = max(0, place + int(generator.choice([-1, 0, 1, 1, 1, 2])))
        rep = str(generator.choice(list("ABCDEF"))) if generator.random() < 0.1 else rep
        amount = float(generator.integers(1, 60)) if generator.random() < 0.2 else amount
        moved = generator.random() < 0.4
        due += pd.Timedelta(days=int(generator.integers(-30, 100)) if moved else 0)
    columns = ["opportunity_id", "entered_at", "stage", "rep_id", "amount", "expected_close"]
    return pd.DataFrame(rows, columns=columns)


def _activities(generator: np.random.Generator, begun: pd.Series) -> pd.DataFrame:
    """Let each opportunity be worked on three times, in the months after it began."""
    of = begun.repeat(3)
    after = pd.to_timedelta(generator.integers(0, 90, len(of)), unit="D")
    return pd.DataFrame(
        {
            "activity_id": [f"T{n}" for n in range(len(of))],
            "rep_id": generator.choice(list("ABCDEF"), len(of)),
            "opportunity_id": of.index,
            "type": generator.choice(["call", "meeting"], len(of)),
            "status": generator.choice(["held", "no-show"], len(of), p=[0.8, 0.2]),
            "at": of.to_numpy() + after,
        }
    )
