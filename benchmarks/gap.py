"""Is the stage that is said to cost most really the worst? Held against invented companies.

    python benchmarks/gap.py count --worlds 680 --file worlds.jsonl   # half an hour
    python benchmarks/gap.py study --file worlds.jsonl
    python benchmarks/gap.py reps --file worlds.jsonl
    python benchmarks/gap.py top --file worlds.jsonl
    python benchmarks/gap.py time

Each company has one weakness at one stage, of any size from none to large, of all its reps or of
half of them; one in four has none. The desired rates of the plan are those of companies without a
weakness, the mean of those of this study: what a company of this kind can do. It prints the tables
that README.md keeps. All worlds are drawn from fixed seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import enablement as en
from enablement.periods import Calendar
from enablement.plan import baseline, benchmarks, capacity, cascade, funnels, gap
from enablement.plan import goal as goals
from enablement.plan.lags import Lags
from enablement.plan.staff import Staff
from enablement.read.crm import CRM, crm
from enablement.workdays import WorkingDays
from enablement.world import canonical
from enablement.world.company import World
from enablement.world.formats import ids
from enablement.world.parameters import KINDS, STAGES

YEAR = Calendar().period(("2025-10-01", "2026-09-30"))
CAUSES = ("skill", "execution", "tools")
REPS, WORTH = 40, 25_000.0
SEEDS = 800_000
TABLES = ("opportunities", "stage_events", "reps", "accounts")
THIRD = 3  # of so many companies one is held against its best quarter too
LARGEST, LARGEST_HABIT = 0.9, 0.5  # logits; a behaviour can be done never and no less
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)


def planted(seed: int) -> en.world.Leak | None:
    """Draw the weakness of a company; none in one of four."""
    rng = np.random.default_rng([8, seed])
    stage, cause = STAGES[rng.integers(len(STAGES))], CAUSES[rng.integers(len(CAUSES))]
    most = LARGEST_HABIT if cause == "execution" else LARGEST
    size, half = float(rng.uniform(0, most)), bool(rng.random() < 0.3)
    chosen = tuple(sorted(int(r) for r in rng.permutation(REPS)[: REPS // 2]))
    if seed % 4 == 0:
        return None
    return en.world.Leak(stage, cause, size, who=chosen if half else "company")


def counted(seed: int) -> dict[str, object]:
    """Simulate a company, and count what its reps decided in its last four quarters."""
    leak = planted(seed)
    world = en.world.simulate(
        SEEDS + seed, reps=REPS, quarters=5, leaks=() if leak is None else (leak,)
    )
    export = crm(settings=canonical.settings(world), **canonical.tables(world, TABLES))
    table = en.conversion(
        export, as_of=YEAR.end, definition="decided", period=YEAR, by=["rep", "period"]
    )
    told = world.truth
    found = table.groupby("stage", observed=True)[["entered", "moved_on"]].sum().loc[list(STAGES)]
    by_rep = table.pivot_table(
        index=["rep_id", "period"], columns="stage", values=["entered", "moved_on"], observed=True
    )
    return {
        "seed": seed,
        "stage": None if leak is None else told["costliest"]["stage"],
        "half": leak is not None and leak.who != "company",
        "size": 0.0 if leak is None else leak.size,
        "rate": None if leak is None else told["leaks"][0]["rate"],
        "rate_without": None if leak is None else told["leaks"][0]["rate_without"],
        "entered": found["entered"].tolist(),
        "moved": found["moved_on"].tolist(),
        "rep": [str(rep) for rep, _ in by_rep.index],
        "period": [str(period) for _, period in by_rep.index],
        "rep_entered": by_rep["entered"][list(STAGES)].fillna(0).astype(int).to_numpy().tolist(),
        "rep_moved": by_rep["moved_on"][list(STAGES)].fillna(0).astype(int).to_numpy().tolist(),
        "weak": [] if leak is None or leak.who == "company" else _ids(leak.who),
        "true": _true(world),
        "top": _top(export) if seed % THIRD == 0 else None,
    }


def _ids(places: Sequence[int]) -> list[str]:
    return ids("User", np.array(places)).tolist()


def _true(world: World) -> dict[str, list[float | None]]:
    """Give the mean of the true chances that each rep had to advance, of the stays counted."""
    stays, begin = world.stays, world.clock.at(YEAR.start)
    inside = stays.decided & (stays.left >= begin) & (stays.left < world.clock.end)
    inside &= world.made.kind[stays.opportunity] != KINDS.index("renewal")
    key = stays.rep[inside] * len(STAGES) + stays.stage[inside]
    size = world.people.reps * len(STAGES)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(key, stays.chance[inside], size) / np.bincount(key, minlength=size)
    rows = np.where(np.isnan(mean), None, mean.round(4)).reshape(-1, len(STAGES)).tolist()
    return dict(zip(_ids(range(world.people.reps)), rows, strict=True))


def _top(export: CRM) -> dict[str, list[float]]:
    """Find the rates of the best quarter of the reps, and the counts that they are known by."""
    plan = goals.goal({"goal": {"lift": 0.15, "by": "2027-09-30"}})
    funnel = funnels.of_crm(export, plan, YEAR)
    held = benchmarks.benchmark(export, plan, funnel, YEAR, kind="top quartile", by=None, mix=None)
    return {name: getattr(held, name).tolist() for name in ("rate", "moved", "entered")}


def count(worlds: int, into: Path) -> None:
    """Count so many companies, and add a line for each that the file does not have yet."""
    lines = into.read_text().splitlines() if into.exists() else []
    have = {json.loads(line)["seed"] for line in lines}
    with into.open("a") as file:
        for seed in range(worlds):
            if seed not in have:
                file.write(json.dumps(counted(seed)) + "\n")
                file.flush()


def company(entered: np.ndarray, moved: np.ndarray, stages: tuple[str, ...]) -> cascade.Ground:
    """Make what a plan counts of a company, reps × stages, without an export."""
    reps = len(entered)
    names = [f"R{n:04}" for n in range(reps)]
    table = pd.DataFrame({"rep_id": names, "name": names, "region": "", "team": ""})
    table["team"] = [f"Team {n // 8:03}" for n in range(reps)]
    never = pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
    staff = Staff(table.assign(since=never, until=never), WorkingDays())
    funnel = funnels.Funnel(
        stages=stages,
        staff=staff,
        entered=entered.astype(float),
        moved=moved.astype(float),
        nobody=np.zeros((2, len(stages))),
        days=np.full(reps, 261.0),
        worth=WORTH,
        besides=0.0,
        whole_days=261.0,
        says="as counted",
    )
    plan = goals.goal({"goal": {"lift": 0.15, "by": "2027-09-30"}})
    months = plan.goal.months(Calendar())
    sold = float(moved[:, -1].sum() * WORTH)
    base = baseline.Base(
        **{"sold": sold, "expected": np.nan, "target": 1.15 * sold, "counted": sold},
        **{"unowned": 0.0, "quotas": np.nan, "quotas_of": "", "quota_reps": 0.0},
        **{"now": reps, "then": reps, "period": YEAR, "span": plan.goal.span(Calendar())},
    )
    lags, none = Lags((90.0,) * len(stages), "as said"), np.full(reps, np.nan)
    ramp, every = capacity.Ramp(None, "none"), np.arange(reps)
    return cascade.Ground(plan, base, funnel, months, capacity.FLAT, ramp, lags, staff, every, none)


def judged(world: dict, desired: np.ndarray) -> dict[str, object]:
    """Ask for the gap of a company, and hold the answer against the truth."""
    entered, moved = (_by_rep(world, name) for name in ("rep_entered", "rep_moved"))
    at = company(entered, moved, STAGES)
    table = gap.gap_of(at, _held(desired))
    stated = table["probability_worst"].to_numpy()
    truth = np.array([stage == world["stage"] for stage in STAGES], dtype=float)
    lowest = (np.arange(len(STAGES)) == table["rate"].argmin()).astype(float)
    return {
        "planted": world["stage"] is not None,
        "errors": _errors(world, at.funnel.worth_of_counts()),
        "named": STAGES[int(stated.argmax())] == world["stage"],
        "stands_out": table.attrs["stands_out"],
        "right": table.attrs["stands_out"] == world["stage"],
        "stated": stated,
        "truth": truth,
        "brier": ((stated - truth) ** 2).sum(),
        "brier_lowest": ((lowest - truth) ** 2).sum(),
    }


def _held(desired: np.ndarray) -> benchmarks.Benchmark:
    none = np.full(len(desired), np.nan)
    return benchmarks.Benchmark(desired, ("desired",) * len(desired), none, none)


def _by_rep(world: dict, name: str) -> np.ndarray:
    """Add the quarters of each rep up, reps × stages."""
    return pd.DataFrame(world[name]).groupby(world["rep"]).sum().to_numpy(dtype=float)


def _errors(world: dict, worth: np.ndarray) -> float:
    """Say how many standard errors of the stage's rate the planted gap is; 0 without one."""
    if world["stage"] is None:
        return 0.0
    at = STAGES.index(world["stage"])
    rate, entered = world["moved"][at] / world["entered"][at], world["entered"][at]
    lost = (world["rate_without"] - world["rate"]) * (0.5 if world["half"] else 1.0)
    return float(lost / np.sqrt(rate * (1 - rate) / (entered * worth[at])))


def study(of: Path) -> None:
    """Print how often the worst stage is found, and whether the probability means what it says."""
    worlds = [json.loads(line) for line in of.read_text().splitlines()]
    free = [world for world in worlds if world["stage"] is None]
    totals = np.array([[world["moved"], world["entered"]] for world in free]).sum(axis=0)
    desired = totals[0] / totals[1]
    found = pd.DataFrame([judged(world, desired) for world in worlds])
    leaky, clean = found[found["planted"]], found[~found["planted"]]
    print(f"{len(leaky)} with a weakness, {len(clean)} without; desired {desired.round(3)}\n")
    print("| planted gap, in standard errors | worlds | named | stands out, rightly | wrongly |")
    print("|---|---|---|---|---|")
    bins = pd.cut(leaky["errors"], [-0.1, 1, 2, 3, 4, 5, 99], right=False)
    for band, rows in leaky.groupby(bins, observed=True):
        wrongly = rows["stands_out"].notna() & ~rows["right"]
        print(f"| {band} | {len(rows)} | {rows['named'].mean():.3f} | {rows['right'].mean():.3f} "
              f"| {wrongly.mean():.3f} |")  # fmt: skip
    large = leaky[leaky["errors"] >= 3]
    print(
        f"\n3 and more: named {large['named'].mean():.3f}, stands out {large['right'].mean():.3f}"
    )
    print(f"without a weakness no stage stands out: {clean['stands_out'].isna().mean():.3f}\n")
    print("| stated | stages | mean stated | really the worst |\n|---|---|---|---|")
    stated, truth = (np.concatenate(leaky[name].tolist()) for name in ("stated", "truth"))
    for band, rows in pd.DataFrame({"p": stated, "y": truth}).groupby(
        pd.cut(stated, EDGES, right=False), observed=True
    ):
        print(f"| {band} | {len(rows)} | {rows['p'].mean():.3f} | {rows['y'].mean():.3f} |")
    print(f"\nBrier {leaky['brier'].mean():.3f}, always the lowest rate "
          f"{leaky['brier_lowest'].mean():.3f}")  # fmt: skip


def timed(repeat: int = 5) -> None:
    """Print the seconds of worksheet and gap, 1,000 reps × 7 stages × 12 months."""
    rng, stages = np.random.default_rng(1), tuple("ABCDEFG")
    skill = rng.normal(0.9, 0.3, 1_000)
    entered, moved = (np.zeros((1_000, 7)) for _ in range(2))
    entered[:, 0] = rng.integers(60, 200, 1_000)
    for stage in range(7):
        moved[:, stage] = rng.binomial(entered[:, stage].astype(int), 1 / (1 + np.exp(-skill)))
        entered[:, min(stage + 1, 6)] = moved[:, stage] if stage < 6 else entered[:, 6]
    at, aim = company(entered, moved, stages), _held(np.full(7, 0.75))
    ways = {
        "worksheet": lambda: cascade.worksheet(at),
        "gap of the company": lambda: gap.gap_of(at, aim),
        "gap by rep and stage": lambda: gap.gap_of(at, aim, by="rep"),
    }
    print("| what | seconds, median | all |\n|---|---|---|")
    for name, way in ways.items():
        way()
        took = []
        for _ in range(repeat):
            begun = time.perf_counter()
            way()
            took.append(time.perf_counter() - begun)
        print(f"| {name} | {np.median(took):.2f} | {', '.join(f'{t:.2f}' for t in took)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("count", "study", "time"))
    parser.add_argument("--worlds", type=int, default=600)
    parser.add_argument("--file", type=Path, default=Path("worlds.jsonl"))
    asked = parser.parse_args()
    if asked.what == "count":
        count(asked.worlds, asked.file)
    elif asked.what == "study":
        study(asked.file)
    else:
        timed()
