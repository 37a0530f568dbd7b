"""Do quarters that are given a chance of 60 to 80 % make it so often? Held against what came.

    python benchmarks/futures.py count --worlds 500 --file quarters.jsonl   # half an hour
    python benchmarks/futures.py study --file quarters.jsonl

Each company is seen at the end of June 2026, its last twelve months counted, and the next quarter
drawn ten thousand times as `goal_chance` does; then it happens. Targets are drawn around what a
plan might ask. All worlds are drawn from fixed seeds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

import enablement as en
from enablement.periods import Calendar
from enablement.plan import baseline, capacity, cascade, funnels, futures, sizes
from enablement.plan import goal as goals
from enablement.plan.lags import Lags

SEEN = Calendar().period(("2025-07-01", "2026-06-30"))
NEXT = Calendar().period("2026Q3")
PLAN = {"goal": {"lift": 0.1, "by": "2027-06-30", "share": "equal"}}
SHARES = np.linspace(0, 1, 201)


def counted(seed: int) -> dict[str, object]:
    """Simulate a company, draw its next quarter, and see what came."""
    reps = 12 if seed % 2 else 40
    world = en.world.simulate(40_000 + seed, reps=reps, quarters=6)
    crm, plan = world.crm, goals.goal(PLAN)
    funnel = funnels.of_crm(crm, plan, SEEN)
    size = sizes.of_crm(crm, funnel.staff, SEEN)
    months, span = plan.goal.months(Calendar()), plan.goal.span(Calendar())
    staff = baseline.heads(plan.goal, funnel.staff, span, SEEN)
    places = np.flatnonzero(funnel.staff.table["rep_id"].isin(staff.ids))
    base = baseline.base_of(crm, plan, as_of=SEEN.end)
    ground = cascade.Ground(
        plan, base, funnel, months, capacity.FLAT, capacity.Ramp(None, ""),
        Lags((np.nan,) * 5, ""), staff, places, np.full(len(staff), np.nan),
    )  # fmt: skip
    days = ground.capacity().sum(axis=0)
    part = np.array([days[:3].sum() / days.sum()])
    drawn = futures.draw(ground, size, part, seed=seed)[:, 0]
    came = en.quota_attainment(crm, as_of=NEXT.end, period=NEXT)["sold"].item()
    return {
        "seed": seed,
        "reps": reps,
        "sold": base.sold / 4,
        "came": float(came),
        "quantiles": np.quantile(drawn, SHARES).round(0).tolist(),
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


def study(file: Path) -> None:
    """Print how often quarters of a stated chance made their target."""
    worlds = [json.loads(line) for line in file.read_text().splitlines()]
    rows = []
    for world in worlds:
        rng = np.random.default_rng([11, world["seed"]])
        for factor in rng.uniform(0.6, 1.3, 4):
            target = factor * world["sold"]
            below = np.interp(target, world["quantiles"], SHARES)
            rows.append((world["reps"], 1 - below, world["came"] >= target))
    table = pd.DataFrame(rows, columns=["reps", "stated", "made"])
    edges = [-0.001, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.001]
    print(f"{len(worlds)} quarters, four targets each\n")
    print("| stated | targets | mean stated | made |\n|---|---|---|---|")
    for band, part in table.groupby(pd.cut(table["stated"], edges, right=False), observed=True):
        print(f"| {band} | {len(part)} | {part['stated'].mean():.3f} | {part['made'].mean():.3f} |")
    inside = [w["quantiles"][10] <= w["came"] <= w["quantiles"][190] for w in worlds]
    print(f"\nwithin the 90 % interval: {np.mean(inside):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("count", "study"))
    parser.add_argument("--worlds", type=int, default=500)
    parser.add_argument("--file", type=Path, default=Path("quarters.jsonl"))
    asked = parser.parse_args()
    if asked.what == "count":
        count(asked.worlds, asked.file)
    else:
        study(asked.file)
