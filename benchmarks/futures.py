"""Do quarters that are given a chance of 60 to 80 % make it so often? Held against what came.

    python benchmarks/futures.py count --worlds 500 --file quarters.jsonl   # half an hour
    python benchmarks/futures.py study --file quarters.jsonl
    python benchmarks/futures.py study --file quarters.jsonl --way before

Each company is seen on the last day of a quarter, as an export of that day has it: who leaves or
comes later is not in it. Its next four quarters, and the year, are drawn ten thousand times as
`goal_chance` does; then they happen. Companies have 12 or 40 reps, 5 or 10 quarters of history,
and are seen in each quarter of the year; of five one has no turnover, one 15 % and one 30 %, one a
weakness that began within the last three quarters, one amounts that are spread two and a half
times as far. Targets are drawn around what a plan might ask. Beside it stand the chances as they
would be if nobody knew what is open, and volume were told from those decided, over all the days
of new reps (`before`, and with the volume right `volume`). All worlds are drawn from fixed seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd

import enablement as en
from enablement.plan import cascade, futures
from enablement.plan import goal as goals
from enablement.plan.capacity import Ramp
from enablement.plan.cascade import Ground
from enablement.plan.sizes import Sizes
from enablement.read.crm import CRM
from enablement.read.loading import crm
from enablement.world import canonical
from enablement.world.clock import quarter_start, shift_quarter
from enablement.world.company import World
from enablement.world.parameters import STAGES

AHEAD = 4
SEEDS = 8_000_000
TURNOVERS = {"no turnover": 0.0, "a turnover of 15 %": 0.15, "a turnover of 30 %": 0.30}
KINDS_OF_COMPANY = (*TURNOVERS, "a weakness began", "spread amounts")
WAYS = ("both", "volume", "before")
SHARES = np.linspace(0, 1, 201)
EDGES = [-0.001, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.001]
TARGETS = 4  # of each quarter


def company(seed: int) -> tuple[World, str, str]:
    """Invent a company; with the quarter on whose last day it is seen, and what kind it is."""
    rng = np.random.default_rng([31, seed])
    kind = KINDS_OF_COMPANY[seed // 16 % 5]
    seen = shift_quarter("2025Q4", seed // 4 % 4)
    changes: dict[str, object] = {}
    if kind == "a weakness began":
        stage, size = STAGES[rng.integers(len(STAGES))], float(rng.uniform(0.3, 0.9))
        begins = shift_quarter(seen, -int(rng.integers(3)))
        changes["leaks"] = (en.world.Leak(stage, "skill", size, begins=begins),)
    if kind in TURNOVERS:
        changes["turnover"] = TURNOVERS[kind]
    if kind == "spread amounts":
        changes["amount_spread"] = 1.0
    world = en.world.simulate(
        SEEDS + seed,
        reps=12 if seed % 2 else 40,
        quarters=(5, 10)[seed // 2 % 2] + AHEAD,
        last_quarter=shift_quarter(seen, AHEAD),
        **changes,
    )
    return world, seen, kind


def exported(world: World, day: dt.date) -> CRM:
    """Give what an export of an earlier day has."""
    end, last = world.clock.at(day + dt.timedelta(days=1)), pd.Timestamp(day)
    reps = canonical.reps(world)
    reps = reps[reps["hired_on"] <= last].reset_index(drop=True)
    reps["left_on"] = reps["left_on"].where(reps["left_on"] <= last)
    return crm(
        settings={**canonical.settings(world), "exported_on": day},
        opportunities=canonical.opportunities(world, day),
        stage_events=canonical.stage_events(world, np.flatnonzero(world.events.time < end)),
        reps=reps,
        accounts=canonical.accounts(world),
    )


def sold(world: World) -> np.ndarray:
    """Add the amounts up that were won in each quarter, renewals included."""
    last = world.last_event
    won = world.events.stage[last] == canonical.WON_CODE
    quarter = world.clock.quarter(world.events.time[last])
    won &= quarter >= 0
    size = len(world.clock.quarters)
    return np.bincount(quarter[won], weights=world.events.amount[last][won], minlength=size)


def counted(seed: int) -> dict[str, object]:
    """Simulate a company, draw its next quarters, and see what came."""
    world, seen, kind = company(seed)
    day = quarter_start(shift_quarter(seen, 1)) - dt.timedelta(days=1)
    by = quarter_start(shift_quarter(seen, AHEAD + 1)) - dt.timedelta(days=1)
    plan = goals.goal({"goal": {"lift": 0.1, "by": str(by), "share": "equal"}})
    seen_then = exported(world, day)
    ground = cascade.counted(seen_then, plan, as_of=day)
    size = futures.sizes_of(seen_then, ground)
    came = sold(world)
    return {
        "seed": seed,
        "kind": kind,
        "reps": world.people.reps,
        "history": len(world.clock.quarters) - AHEAD,
        "sold": came[-AHEAD - 4 : -AHEAD].sum() / 4,
        "came": [*came[-AHEAD:], came[-AHEAD:].sum()],
        **{way: drawn(_known(ground, way), size, seed) for way in WAYS},
    }


def _known(ground: Ground, way: str) -> Ground:
    """Leave out what is open; and for `before`, that those begun and the ramp tell the volume."""
    if way == "both":
        return ground
    ground = dataclasses.replace(ground, underway=None)
    if way == "volume":
        return ground
    funnel = dataclasses.replace(ground.funnel, arrivals=None, worked=None)
    return dataclasses.replace(ground, funnel=funnel, ramp_up=Ramp(None, ""))


def drawn(ground: Ground, size: Sizes, seed: int) -> dict[str, list]:
    """Draw the next quarters and the year."""
    days = ground.capacity().sum(axis=0).reshape(AHEAD, -1).sum(axis=1)
    quarters = futures.draw(ground, size, days / days.sum(), seed=seed)
    every = np.column_stack([quarters, quarters.sum(axis=1)])
    return {
        "expected": every.mean(axis=0).tolist(),
        "quantiles": np.quantile(every, SHARES, axis=0).T.round(0).tolist(),
    }


def count(worlds: int, file: Path) -> None:
    """Count so many companies, and add a line for each that the file does not have yet."""
    lines = file.read_text().splitlines() if file.exists() else []
    have = {json.loads(line)["seed"] for line in lines}
    with file.open("a") as out:
        for seed in range(worlds):
            if seed not in have:
                out.write(json.dumps(counted(seed)) + "\n")
                out.flush()


def study(file: Path, way: str) -> None:
    """Print how often quarters of a stated chance made their target."""
    worlds = [json.loads(line) for line in file.read_text().splitlines()]
    worlds = [{**world, **world[way]} for world in worlds]
    held = pd.concat([_held(world) for world in worlds], ignore_index=True)
    asked = pd.concat([_asked(world) for world in worlds], ignore_index=True)
    quarters = held[held["ahead"] < AHEAD]
    print(f"{len(worlds)} companies, {len(quarters)} quarters\n")
    for name, rows in (("the next quarter", asked[asked["ahead"] == 0]),
                       ("quarters", asked[asked["ahead"] < AHEAD]),
                       ("years", asked[asked["ahead"] == AHEAD])):  # fmt: skip
        print(f"| stated, {name} | targets | mean stated | made | ± |\n|---|---|---|---|---|")
        for band, part in rows.groupby(pd.cut(rows["stated"], EDGES, right=False), observed=True):
            made, error = _clustered(part, "made")
            print(f"| {band} | {len(part)} | {part['stated'].mean():.3f} | {made:.3f} "
                  f"| {error:.3f} |")  # fmt: skip
        brier, usual = ((rows["stated"] - rows["made"]) ** 2).mean(), rows["made"].var(ddof=0)
        print(f"\nBrier {brier:.3f}, the share made always {usual:.3f}\n")
    print("| within the 90 % interval | intervals | held | ± | below | above | came / expected |")
    print("|---|---|---|---|---|---|---|")
    _line("quarters", quarters)
    for ahead in range(AHEAD):
        _line(f"{ahead + 1} ahead", held[held["ahead"] == ahead])
    for column, said in (("reps", "{} reps"), ("history", "{} quarters known"), ("kind", "{}")):
        for value, rows in quarters.groupby(column, sort=False):
            _line(said.format(value), rows)
    for ahead, name in ((0, "the next one"), (AHEAD, "years")):
        rows = held[held["ahead"] == ahead]
        _line(name, rows)
        for column in ("kind", "reps"):
            for value, some in rows.groupby(column, sort=False):
                _line(f"{name}, {value}", some)


def _held(world: dict) -> pd.DataFrame:
    """Say of each quarter, and of the year, whether it came within its interval."""
    quantiles, came = np.array(world["quantiles"]), np.array(world["came"])
    return pd.DataFrame(
        {
            **{name: world[name] for name in ("seed", "kind", "reps", "history")},
            "ahead": np.arange(AHEAD + 1),
            "below": came < quantiles[:, 10],
            "above": came > quantiles[:, 190],
            "held": (came >= quantiles[:, 10]) & (came <= quantiles[:, 190]),
            "came": came,
            "expected": world["expected"],
        }
    )


def _asked(world: dict) -> pd.DataFrame:
    """Ask each quarter, and the year, for targets around what was sold before."""
    rng, rows = np.random.default_rng([11, world["seed"]]), []
    for ahead, (quantiles, came) in enumerate(zip(world["quantiles"], world["came"], strict=True)):
        usual = world["sold"] * (AHEAD if ahead == AHEAD else 1)
        for target in usual * rng.uniform(0.6, 1.4, TARGETS):
            stated = 1 - np.interp(target, quantiles, SHARES)
            rows.append((world["seed"], ahead, stated, came >= target))
    return pd.DataFrame(rows, columns=["seed", "ahead", "stated", "made"])


def _clustered(rows: pd.DataFrame, of: str) -> tuple[float, float]:
    """Give a share with its standard error, quarters of one company not being independent."""
    share = rows[of].mean()
    apart = (rows[of] - share).groupby(rows["seed"]).sum()
    return share, float(np.sqrt((apart**2).sum()) / len(rows))


def _line(name: str, rows: pd.DataFrame) -> None:
    share, error = _clustered(rows, "held")
    ratio = rows["came"].sum() / rows["expected"].sum()
    print(f"| {name} | {len(rows)} | {share:.3f} | {error:.3f} | {rows['below'].mean():.3f} "
          f"| {rows['above'].mean():.3f} | {ratio:.3f} |")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("count", "study"))
    parser.add_argument("--worlds", type=int, default=500)
    parser.add_argument("--file", type=Path, default=Path("quarters.jsonl"))
    parser.add_argument("--way", choices=WAYS, default=WAYS[0])
    asked = parser.parse_args()
    if asked.what == "count":
        count(asked.worlds, asked.file)
    else:
        study(asked.file, asked.way)
