"""How fast a large company is invented and written, and whether its moments are the stated ones.

    python benchmarks/world.py --repeat 3 --into /some/folder
    python benchmarks/world.py --moments
    python benchmarks/world.py --costs 4

The first makes 1,000 reps and about ten million stage events, in a process of its own each time,
alternating between CSV and Parquet (our own tables: opportunities, stage_events, reps, accounts)
and the Salesforce shape, and prints the median of wall time and peak memory. The second prints
what a company of 400 reps shows against its parameters. The third prints what each kind of leak is
told to cost, and what the same company wins more without it: the mean over so many seeds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from enablement.world import Leak, World, simulate, walk
from enablement.world.history import WON_CODE
from enablement.world.parameters import STAGES

TABLES = ("opportunities", "stage_events", "reps", "accounts")
LEAKS = (
    Leak("existing", "pay", 0.5),
    Leak("existing", "pay", 0.8),
    Leak("new", "skill", 0.4),
    Leak("time", "execution", 0.3),
    Leak("Prospecting", "skill", 0.6),
    Leak("Qualification", "execution", 0.5),
    Leak("Qualification", "mix", 0.4),
    Leak("Discovery", "skill", 0.6, who="South"),
    Leak("Proposal", "tools", 0.6),
    Leak("Negotiation", "skill", 0.6),
)
WAYS = {
    "simulate only": None,
    "our tables, CSV": ("tables", "csv"),
    "our tables, Parquet": ("tables", "parquet"),
    "Salesforce, CSV": ("salesforce", "csv"),
}


def one(way: str, into: str, reps: int, per_quarter: float) -> None:
    """Make and write one company; for a process of its own."""
    world = simulate(1, reps=reps, per_quarter=per_quarter)
    if WAYS[way] is not None:
        crm, shape = WAYS[way]
        world.write(into, crm, format=shape, only=TABLES)
    print(len(world.events.time))


def measured(way: str, into: Path, reps: int, per_quarter: float) -> tuple[int, float, float]:
    """Stage events, seconds and gigabytes of one run."""
    shutil.rmtree(into, ignore_errors=True)
    reading, writing = os.pipe()
    begun = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        given = ["--one", way, "--into", str(into), "--reps", str(reps)]
        given += ["--per-quarter", str(per_quarter)]
        os.execv(sys.executable, [sys.executable, __file__, *given])
    os.close(writing)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begun
    with os.fdopen(reading) as told:
        events = int(told.read().strip()) if status == 0 else 0
    return events, seconds, usage.ru_maxrss / 1e6


def speed(repeat: int, into: Path, reps: int, per_quarter: float) -> None:
    """Alternate the ways, and print the medians."""
    runs: dict[str, list[tuple[int, float, float]]] = {way: [] for way in WAYS}
    for _ in range(repeat):
        for way in WAYS:
            runs[way].append(measured(way, into / "company", reps, per_quarter))
    print("| way | stage events | seconds (median) | seconds (all) | peak GB (median) |")
    print("|---|---|---|---|---|")
    for way, rows in runs.items():
        every = ", ".join(f"{row[1]:.1f}" for row in rows)
        middle, peak = (statistics.median(row[k] for row in rows) for k in (1, 2))
        print(f"| {way} | {rows[0][0]:,} | {middle:.1f} | {every} | {peak:.2f} |")


def moments() -> None:
    """What a large company shows against what was put in."""
    world = simulate(2, reps=400, per_quarter=25.0)
    stays, made, price = world.stays, world.made, world.prices
    ended = (stays.exit != walk.BACK) & (stays.left < world.clock.end)
    print("| moment | put in | found |\n|---|---|---|")
    for stage, name in enumerate(STAGES):
        rows = ended & (stays.stage == stage)
        true, seen = stays.chance[rows].mean(), (stays.exit[rows] != walk.LOST).mean()
        print(f"| {name}: share that advances | {true:.4f} | {seen:.4f} |")
    for stage, name in enumerate(STAGES):
        rows = (stays.stage == stage) & ~stays.done & (stays.exit <= walk.WON)
        rows &= (made.segment == 1)[stays.opportunity]
        days = np.median(stays.left[rows] - stays.entered[rows]) * 7 / 5
        print(f"| {name}: median days | {world.chosen.stage_days[stage]:.1f} | {days:.1f} |")
    thin = np.isfinite(price.offered) & (price.discount > 0)
    thin &= price.coverage < 0.9 * world.chosen.enough_coverage
    slope = np.polyfit(price.coverage[thin], price.discount[thin], 1)[0]
    stated = -world.chosen.thin_discount / world.chosen.enough_coverage
    print(f"| discount per unit of coverage, where thin | {stated:.4f} | {slope:.4f} |")
    there = np.isfinite(price.offered)
    found = np.corrcoef(price.coverage[there], price.discount[there])[0, 1]
    print(f"| correlation of discount and coverage | negative | {found:.3f} |")
    back = (stays.exit[stays.stage > 0] == walk.BACK).mean()
    print(f"| share of stays that go back | {world.chosen.back:.3f} | {back:.4f} |")
    asked()


def asked() -> None:
    """What a company shows of the mechanisms that it has only on request."""
    world = simulate(2, reps=400, per_quarter=25.0, cancel=0.02, planned=0.4)
    off = (world.stays.exit == walk.CANCELLED).mean()
    print(f"| share of stays that are cancelled | {world.chosen.cancel:.3f} | {off:.4f} |")
    tables = world.tables
    open_ = (world.events.stage[world.last_event] < len(STAGES)).sum()
    plans = tables["activities"].query("status == 'planned'")["opportunity_id"].nunique() / open_
    print(f"| open ones with a planned activity | {world.chosen.planned:.3f} | {plans:.4f} |")


def sold(world: World) -> float:
    """Won amount of the last four quarters, in millions."""
    last = world.last_event
    won = (world.events.stage[last] == WON_CODE) & (
        world.events.time[last] >= world.clock.end - 260
    )
    return float(world.prices.last[won].sum()) / 1e6


def costs(seeds: int) -> None:
    """What each kind of leak is told to cost, and what companies without it win more."""
    print("| leak | told, millions | of it in discounts | won more without it | told / won |")
    print("|---|---|---|---|---|")
    for leak in LEAKS:
        told, deeper, more = [], [], []
        for seed in range(4, 4 + seeds):
            world = simulate(seed, reps=150, per_quarter=40.0, leaks=(leak,))
            said = world.truth["leaks"][0]
            told.append(said["cost"] / 1e6)
            deeper.append(said["cost_of_discounts"] / 1e6)
            more.append(sold(simulate(seed, reps=150, per_quarter=40.0)) - sold(world))
        error = np.std(more, ddof=1) / np.sqrt(seeds)
        said, real = np.mean(told), np.mean(more)
        print(
            f"| {leak.place}, {leak.cause}, {leak.size}, {leak.who} | {said:.1f} "
            f"| {np.mean(deeper):.1f} | {real:.1f} ± {error:.1f} | {said / real:.2f} |"
        )


def main() -> None:
    """Read the command line."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--repeat", type=int, default=3)
    ask.add_argument("--into", type=Path, default=Path(tempfile.gettempdir()) / "enablement_world")
    ask.add_argument("--reps", type=int, default=1000)
    ask.add_argument("--per-quarter", type=float, default=194.0)
    ask.add_argument("--moments", action="store_true")
    ask.add_argument("--costs", type=int, metavar="SEEDS")
    ask.add_argument("--one", choices=list(WAYS))
    said = ask.parse_args()
    if said.one:
        one(said.one, str(said.into), said.reps, said.per_quarter)
    elif said.moments:
        moments()
    elif said.costs:
        costs(said.costs)
    else:
        speed(said.repeat, said.into, said.reps, said.per_quarter)


if __name__ == "__main__":
    main()
