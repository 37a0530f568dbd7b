"""Is the stage that is said to cost most really the worst? Held against invented companies.

    python benchmarks/gap.py count --worlds 1800 --file worlds.jsonl   # ten minutes
    python benchmarks/gap.py study --file worlds.jsonl
    python benchmarks/gap.py reps --file worlds.jsonl
    python benchmarks/gap.py halves --worlds 1500 --file halves.pkl   # five minutes
    python benchmarks/gap.py top --file halves.pkl
    python benchmarks/gap.py time

Each company has one weakness at one stage, of any size from none to large, of all its reps or of
half of them; one in four has none. The desired rates of the plan are those of companies without a
weakness, the mean of those of this study: what a company of this kind can do. `top` asks other
companies without desired rates, of which two in five have no weakness. It prints the tables that
README.md keeps. All worlds are drawn from fixed seeds.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

import enablement as en
from enablement.measure.estimates import ALPHA
from enablement.periods import Calendar
from enablement.plan import baseline, benchmarks, capacity, cascade, funnels, gap
from enablement.plan import goal as goals
from enablement.plan.lags import Lags
from enablement.plan.staff import Staff
from enablement.read.loading import crm
from enablement.workdays import WorkingDays
from enablement.world import canonical
from enablement.world.company import World
from enablement.world.parameters import KINDS, STAGES

YEAR = Calendar().period(("2025-10-01", "2026-09-30"))
CAUSES = ("skill", "execution", "tools")
REPS, WORTH = 40, 25_000.0
SEEDS = 900_000
RENEWAL = KINDS.index("renewal")
TABLES = ("opportunities", "stage_events", "reps", "accounts")
OTHER_SEEDS = 950_000
SEGMENTS = 3
WEAK = (0.0, 0.5, 0.0, 0.75, 1.0)  # share of the reps who are weak, company after company
FIFTIETH = 50  # of so many companies one is held against its export
NINTH = 9  # of so many companies the gap of each rep is asked
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
    told, (entered, moved) = world.truth, decided(world)
    there = np.flatnonzero(entered.sum(axis=1) > 0)
    return {
        "seed": seed,
        "stage": None if leak is None else told["costliest"]["stage"],
        "half": leak is not None and leak.who != "company",
        "size": 0.0 if leak is None else leak.size,
        "rate": None if leak is None else told["leaks"][0]["rate"],
        "rate_without": None if leak is None else told["leaks"][0]["rate_without"],
        "weak": [] if leak is None or leak.who == "company" else list(leak.who),
        "rep": there.tolist(),
        "entered": entered[there].tolist(),
        "moved": moved[there].tolist(),
        "true": _true(world)[there].tolist(),
    }


def decided(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Count as `en.conversion` counts those decided, reps × stages, from what was simulated.

    An export of a company takes a hundred times as long; of a few it is made, and must count the
    same (`checked`).
    """
    entered, moved = parted(world)
    return entered.sum(axis=(1, 2)), moved.sum(axis=(1, 2))


def parted(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Count those decided, reps × every other quarter × type and segment × stages."""
    stays, noted, last = world.stays, world.events, world.last_event
    won = noted.stage[last] == canonical.WON_CODE
    over = (noted.stage[last] >= canonical.WON_CODE) & (world.made.kind != RENEWAL)
    over &= world.clock.quarter(noted.time[last]) >= 1
    seen = np.flatnonzero(stays.entered < world.clock.end)[::-1]
    first = np.full((len(won), len(STAGES)), -1)
    first[stays.opportunity[seen], stays.stage[seen]] = seen
    furthest = np.where(first >= 0, np.arange(len(STAGES)), -1).max(axis=1)
    half = (world.clock.quarter(noted.time[last]) - 1) % 2
    what = world.made.kind * SEGMENTS + world.made.segment
    shape = (world.people.reps, 2, len(KINDS) * SEGMENTS, len(STAGES))
    entered, moved = np.zeros(shape), np.zeros(shape)
    owner = np.zeros(len(won), dtype=int)
    for stage in reversed(range(len(STAGES))):  # a skipped stage has the owner of the next one
        owner = np.where(first[:, stage] >= 0, stays.rep[first[:, stage]], owner)
        came = over & (furthest >= stage)
        onward = came & ((furthest > stage) | won)
        for total, which in ((entered, came), (moved, onward)):
            np.add.at(total[..., stage], (owner[which], half[which], what[which]), 1)
    return entered, moved


def _true(world: World) -> np.ndarray:
    """Give the mean of the true chances that each rep had to advance, of the stays counted."""
    stays, begin = world.stays, world.clock.at(YEAR.start)
    inside = stays.decided & (stays.left >= begin) & (stays.left < world.clock.end)
    inside &= world.made.kind[stays.opportunity] != RENEWAL
    key = stays.rep[inside] * len(STAGES) + stays.stage[inside]
    size = world.people.reps * len(STAGES)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(key, stays.chance[inside], size) / np.bincount(key, minlength=size)
    return mean.reshape(-1, len(STAGES))


def checked(world: World, entered: np.ndarray, moved: np.ndarray) -> None:
    """Hold what was counted against an export, and the best quarter of it."""
    plan = goals.goal({"goal": {"lift": 0.15, "by": "2027-09-30"}})
    export = crm(settings=canonical.settings(world), **canonical.tables(world, TABLES))
    funnel = funnels.of_crm(export, plan, YEAR)
    every = (0, 1, 2)
    counted_so = np.stack([entered.sum(axis=every), moved.sum(axis=every)])
    if not np.array_equal(np.stack(funnel.team), counted_so):
        raise SystemExit(f"Company {world.seed} is not counted as its export is.")
    held = benchmarks.benchmark(export, plan, funnel, YEAR, kind="top quartile", by=None, mix=None)
    if not np.allclose(held.rate, best(entered, moved).rate):
        raise SystemExit(f"The best quarter of company {world.seed} is not that of its export.")


def best(entered: np.ndarray, moved: np.ndarray) -> benchmarks.Benchmark:
    """Find the best quarter of the reps, as `benchmarks` does from an export."""
    rep, half, what, stage = np.nonzero(entered)
    at = (rep, half, what, stage)
    counts = pd.DataFrame(
        {"rep_id": rep, "half": half, "what": what, "entered": entered[at], "moved": moved[at]}
    )
    found = [benchmarks._of_stage(counts[stage == place]) for place in range(len(STAGES))]
    rate, k, n = (np.array(values) for values in zip(*found, strict=True))
    return benchmarks.Benchmark(rate, ("top quartile",) * len(rate), k, n)


def halves(worlds: int, into: Path) -> None:
    """Simulate companies that are held against their own best, and count them by halves."""
    with into.open("wb") as file:
        for seed in range(worlds):
            rng = np.random.default_rng([9, seed])
            kind = WEAK[seed % len(WEAK)]
            stage, size = STAGES[rng.integers(len(STAGES))], float(rng.uniform(0.3, 2.6))
            who = tuple(sorted(int(r) for r in rng.permutation(REPS)[: int(kind * REPS)]))
            leaks = (en.world.Leak(stage, "skill", size, who=who),) if who else ()
            world = en.world.simulate(OTHER_SEEDS + seed, reps=REPS, quarters=5, leaks=leaks)
            entered, moved = parted(world)
            if seed % FIFTIETH == 0:
                checked(world, entered, moved)
            told = world.truth["leaks"][0] if leaks else {"rate": None, "rate_without": None}
            found = {"entered": entered, "moved": moved, "weak": kind, "true": _true(world)}
            found["stage"] = world.truth["costliest"]["stage"] if leaks else None
            pickle.dump({**found, **{k: told[k] for k in ("rate", "rate_without")}}, file)


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
        **{"unowned": 0.0, "quotas": np.nan, "quotas_of": ""},
        **{"now": reps, "then": reps, "period": YEAR, "span": plan.goal.span(Calendar())},
    )
    lags, none = Lags((90.0,) * len(stages), "as said"), np.full(reps, np.nan)
    ramp, every = capacity.Ramp(None, "none"), np.arange(reps)
    return cascade.Ground(plan, base, funnel, months, capacity.FLAT, ramp, lags, staff, every, none)


def judged(world: dict, desired: np.ndarray) -> dict[str, object]:
    """Ask for the gap of a company, and hold the answer against the truth."""
    at = _company(world)
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


def _company(world: dict) -> cascade.Ground:
    """Make what a plan counts of a company of the study."""
    return company(np.array(world["entered"]), np.array(world["moved"]), STAGES)


def _errors(world: dict, worth: np.ndarray) -> float:
    """Say how many standard errors of the stage's rate the planted gap is; 0 without one."""
    if world["stage"] is None:
        return 0.0
    at = STAGES.index(world["stage"])
    moved, entered = (np.array(world[name])[:, at].sum() for name in ("moved", "entered"))
    rate = moved / entered
    lost = (world["rate_without"] - world["rate"]) * (0.5 if world["half"] else 1.0)
    return float(lost / np.sqrt(rate * (1 - rate) / (entered * worth[at])))


def study(of: Path) -> None:
    """Print how often the worst stage is found, and whether the probability means what it says."""
    worlds = [json.loads(line) for line in of.read_text().splitlines()]
    free = [world for world in worlds if world["stage"] is None]
    totals = [sum(np.sum(world[name], axis=0) for world in free) for name in ("moved", "entered")]
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
    quiet = clean["stands_out"].isna().mean()
    print(f"{len(large)}; without a weakness no stage stands out: {quiet:.3f} "
          f"± {np.sqrt(quiet * (1 - quiet) / len(clean)):.3f}\n")  # fmt: skip
    print("| stated | stages | mean stated | really the worst |\n|---|---|---|---|")
    stated, truth = (np.concatenate(leaky[name].tolist()) for name in ("stated", "truth"))
    for band, rows in pd.DataFrame({"p": stated, "y": truth}).groupby(
        pd.cut(stated, EDGES, right=False), observed=True
    ):
        print(f"| {band} | {len(rows)} | {rows['p'].mean():.3f} | {rows['y'].mean():.3f} |")
    print(f"\nBrier {leaky['brier'].mean():.3f}, always the lowest rate "
          f"{leaky['brier_lowest'].mean():.3f}")  # fmt: skip


def of_reps(of: Path) -> None:
    """Print whether each rep's probability of being below the team means what it says.

    A ninth of the companies is asked, since a gap by rep takes longer.
    """
    worlds = [json.loads(line) for line in of.read_text().splitlines()][::NINTH]
    found = pd.concat([_reps(world) for world in worlds], ignore_index=True)
    print(f"{len(worlds)} companies, {len(found)} reps and stages\n")
    print("| stated to be below | reps and stages | mean stated | truly below | ± |")
    print("|---|---|---|---|---|")
    for band, rows in found.groupby(pd.cut(found["stated"], EDGES, right=False), observed=True):
        share, error = _clustered(rows, "below")
        print(f"| {band} | {len(rows)} | {rows['stated'].mean():.3f} | {share:.3f} | {error:.3f} |")
    sure = found[found["sure"]]
    print(f"\nsurely below: {len(sure)}, truly {sure['below'].mean():.3f}\n")
    print("| weakness of half of the reps, in errors | companies | a weak one above another "
          "| mean stated, weak | others | surely, weak | others |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    half = found[found["half"]]
    for band, rows in half.groupby(pd.cut(half["errors"], [-9, 1, 2, 99]), observed=True):
        weak, others = rows[rows["weak"]], rows[~rows["weak"]]
        ahead = rows.groupby("seed")[["weak", "stated"]].apply(_ahead).mean()
        print(f"| {band} | {rows['seed'].nunique()} | {ahead:.3f} | {weak['stated'].mean():.3f} "
              f"| {others['stated'].mean():.3f} | {weak['sure'].mean():.3f} "
              f"| {others['sure'].mean():.3f} |")  # fmt: skip


def _reps(world: dict) -> pd.DataFrame:
    """Ask for the gap of each rep against the team, and hold it against their true chances.

    Those are of single stays; a skipped stage counts as passed and has none, so that they are
    held against the mean of the same.
    """
    at = _company(world)
    table = gap.gap_of(at, _held(at.funnel.pooled), by="rep")
    reps, true = world["rep"], np.array(world["true"], dtype=float)
    weight = at.funnel.entered
    usual = np.nansum(true * weight, axis=0) / weight.sum(axis=0)
    stated = table["probability_below"].to_numpy()
    place = -1 if world["stage"] is None else STAGES.index(world["stage"])
    there = np.tile(np.arange(len(STAGES)), len(reps)) == place
    found = pd.DataFrame(
        {
            "seed": world["seed"],
            "stated": stated,
            "below": (true < usual).ravel(),
            "sure": stated >= 1 - ALPHA / len(stated),
            "half": world["half"] & there,
            "weak": np.repeat(np.isin(reps, world["weak"]), len(STAGES)),
            "errors": _errors(world, at.funnel.worth_of_counts()),
        }
    )
    return found[~np.isnan(true.ravel())]


def _ahead(rows: pd.DataFrame) -> float:
    """Say how often a weak one has a higher probability than one who is not."""
    weak, others = (rows.loc[rows["weak"] == is_weak, "stated"] for is_weak in (True, False))
    return float((weak.to_numpy()[:, None] > others.to_numpy()[None, :]).mean())


def _clustered(rows: pd.DataFrame, of: str) -> tuple[float, float]:
    """Give a share with its standard error, those of one company not being independent."""
    share = rows[of].mean()
    apart = (rows[of] - share).groupby(rows["seed"]).sum()
    return share, float(np.sqrt((apart**2).sum()) / len(rows))


def of_top(of: Path) -> None:
    """Print which stage is named against the best quarter of a company's own reps."""
    with of.open("rb") as file:
        found = pd.DataFrame([_of_top(world) for world in _loaded(file)])
    print(
        "| weak, standard errors | companies | named | stands out, rightly | another | none | ± |"
    )
    print("|---|---|---|---|---|---|---|")
    bands = pd.cut(found["errors"], [-9, 0, 3, 5, 99], labels=["none", "below 3", "3 to 5", "5 +"])
    for (weak, band), rows in found.groupby(["weak", bands], observed=True):
        none = rows["stands_out"].isna()
        right = rows["stands_out"] == rows["stage"]
        error = np.sqrt(none.mean() * (1 - none.mean()) / len(rows))
        print(f"| {weak:.2f}, {band} | {len(rows)} | {rows['named'].mean():.3f} "
              f"| {right.mean():.3f} | {(~none & ~right).mean():.3f} | {none.mean():.3f} "
              f"| {error:.3f} |")  # fmt: skip
    clean = found[found["weak"] == 0]
    ahead, team, true = (np.stack(clean[name].to_list()) for name in ("best", "team", "true"))
    print(f"\nno weakness: best quarter less all, points: "
          f"{100 * (ahead - team).mean(axis=0).round(4)}; the truly best less all: "
          f"{100 * true.mean(axis=0).round(4)}")  # fmt: skip


def _loaded(file: BinaryIO) -> Iterator[dict]:
    while True:
        try:
            yield pickle.load(file)
        except EOFError:
            return


def _of_top(world: dict) -> dict[str, object]:
    entered, moved = (world[name].sum(axis=(1, 2)) for name in ("entered", "moved"))
    there = entered.sum(axis=1) > 0
    at = company(entered[there], moved[there], STAGES)
    held = best(world["entered"], world["moved"])
    table = gap.gap_of(at, held)
    chances = world["true"][there]
    weight = np.where(np.isnan(chances), 0.0, at.funnel.entered)
    usual = np.nansum(chances * weight, axis=0) / weight.sum(axis=0)
    truly = np.where(chances >= np.nanquantile(chances, 0.75, axis=0), chances, np.nan)
    return {
        "weak": world["weak"],
        "errors": _errors_of(world, at) if world["stage"] else 0.0,
        "stage": world["stage"],
        "named": STAGES[int(table["probability_worst"].argmax())] == world["stage"],
        "stands_out": table.attrs["stands_out"],
        "best": held.rate,
        "team": at.funnel.pooled,
        "true": np.nanmean(truly, axis=0) - usual,
    }


def _errors_of(world: dict, at: cascade.Ground) -> float:
    """Say how many standard errors of the stage's plain rate the planted gap is."""
    place = STAGES.index(world["stage"])
    entered, moved = (counts[place] for counts in at.funnel.team)
    rate = moved / entered
    lost = (world["rate_without"] - world["rate"]) * world["weak"]
    return float(lost / np.sqrt(rate * (1 - rate) / entered))


def timed(repeat: int = 5) -> None:
    """Print processor seconds of worksheet and gap, 1,000 reps × 7 stages × 12 months."""
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
    print("| what | processor seconds, median | all |\n|---|---|---|")
    for name, way in ways.items():
        took = []
        for _ in range(repeat):
            begun = time.process_time()
            way()
            took.append(time.process_time() - begun)
        print(f"| {name} | {np.median(took):.2f} | {', '.join(f'{t:.2f}' for t in took)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("count", "study", "reps", "halves", "top", "time"))
    parser.add_argument("--worlds", type=int, default=1800)
    parser.add_argument("--file", type=Path, default=Path("worlds.jsonl"))
    asked = parser.parse_args()
    if asked.what == "count":
        count(asked.worlds, asked.file)
    elif asked.what == "halves":
        halves(asked.worlds, asked.file)
    elif asked.what == "time":
        timed()
    else:
        {"study": study, "reps": of_reps, "top": of_top}[asked.what](asked.file)
