"""Is as much pipeline needed as `pipeline_coverage` says? Held against invented companies.

    python benchmarks/coverage.py --worlds 10

Each company is seen on the eve of its last quarters, as it was known then. What was really needed
is what would have made the quota with the yield, the wins from elsewhere and the quota that came.
It prints the table that README.md keeps. All worlds are drawn from fixed seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

import enablement as en
from enablement.measure import requirement
from enablement.measure.definitions import Split
from enablement.periods import moment

QUARTERS = ("2025Q4", "2026Q1", "2026Q2", "2026Q3")
COMPANIES = {
    "40 reps": {"reps": 40},
    "12 reps": {"reps": 12},
    "40 reps, a weakness begins in 2025Q4": {
        "reps": 40,
        "leaks": (en.world.Leak("Proposal", "skill", 0.8, begins="2025Q4"),),
    },
}
WAYS = {
    "yield of 4 quarters": "required_4",
    "yield of 8 quarters": "required_8",
    "yield of 4, without what is pulled in": "plain",
    "1 / win rate by value": "by_rate",
    "three times the quota": "three_times",
}


def seen(crm: en.CRM, name: str) -> dict[str, float]:
    """What was said on the eve of a quarter, and what was really needed."""
    span = crm.period(name)
    eve = moment(span.start - pd.Timedelta(days=1))
    four, eight = (
        en.pipeline_coverage(crm, as_of=eve, period=span, past=past).iloc[0] for past in (4, 8)
    )
    came = requirement.past(crm, Split((), ()), span, eve, [span]).iloc[0]
    rate = en.win_rate(crm, as_of=eve, of="value", renewals="counted")["rate"].item()
    besides = came["create_and_close"] + came["pulled_in"]
    plain = max(four["remaining"] - four["create_and_close"], 0) / four["yield"]
    return {
        "amount": four["amount"],
        "needed": max(four["remaining"] - besides, 0) / (came["won"] / came["due"]),
        "required_4": four["required"],
        "required_8": eight["required"],
        "plain": plain,
        "by_rate": four["remaining"] / rate,
        "three_times": 3 * four["remaining"],
        "inside_4": float(_inside(four, came, besides)),
        "inside_8": float(_inside(eight, came, besides)),
    }


def _inside(row: pd.Series, came: pd.Series, besides: float) -> bool:
    needed = max(row["remaining"] - besides, 0) / (came["won"] / came["due"])
    return bool(row["required_low"] <= needed <= row["required_high"])


def run(worlds: int) -> None:
    columns = ("company", "way", "said / needed", "off by", "right about short", "in the interval")
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for company, asked in COMPANIES.items():
        rows = pd.DataFrame(
            [
                seen(world.crm, name)
                for world in (en.world.simulate(s, quarters=13, **asked) for s in range(worlds))
                for name in QUARTERS
            ]
        )
        for way, column in WAYS.items():
            ratio = rows[column] / rows["needed"]
            right = (rows["amount"] < rows[column]) == (rows["amount"] < rows["needed"])
            off = np.abs(np.log(ratio)).median()
            held = f"inside_{column[-1]}"
            inside = f"{rows[held].mean():.2f}" if held in rows else ""
            cells = [company, way, f"{ratio.median():.2f}", f"{100 * np.expm1(off):.0f} %"]
            print("| " + " | ".join([*cells, f"{right.mean():.2f}", inside]) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=10)
    run(parser.parse_args().worlds)
