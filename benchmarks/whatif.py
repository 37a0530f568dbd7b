"""What a move of a slider takes: the answer alone, and the page with it.

python benchmarks/whatif.py                  # the invented company of data/sample
python benchmarks/whatif.py --reps 1000 --stages 7
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import enablement as en
from enablement.plan import sizes, whatif
from enablement.show import sliders

MOVES = 200


def of_sample() -> whatif.Counted:
    """Count the sample."""
    crm = en.load("data/sample")
    return whatif.counted(crm, "data/sample", as_of=crm.seen_until)


def of_many(reps: int, stages: int) -> whatif.Counted:
    """Make a company of so many reps and stages."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from plans import alike, ground

    at = ground(reps)
    entered = np.repeat(at.funnel.entered[:, :1], stages, axis=1)
    funnel = dataclasses.replace(
        at.funnel,
        stages=tuple(f"Stage {number + 1}" for number in range(stages)),
        entered=entered,
        moved=np.floor(entered * 0.8),
        nobody=np.zeros((2, stages)),
    )
    at = dataclasses.replace(at, funnel=funnel)
    size: sizes.Sizes = alike(reps, variation=1.0)
    return whatif.Counted(at, size, float(at.expected(at.rates("team"))[:, 0].sum()))


def timed(move: Callable[[float], object]) -> list[float]:
    """Give the processor seconds of each of many moves."""
    told = []
    for rate in np.linspace(0.60, 0.79, MOVES):
        start = time.process_time()
        move(float(rate))
        told.append(time.process_time() - start)
    return told


def ways(found: whatif.Counted) -> Iterator[tuple[str, Callable[[float], object]]]:
    page = sliders.WhatIf(found)
    last = found.stages[-1]
    yield "answer, 10,000 futures", lambda rate: whatif.outcome(found, rates={last: rate})
    yield "move of a slider, with its page", lambda rate: setattr(page.rates[-1], "value", rate)


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--reps", type=int)
    said.add_argument("--stages", type=int, default=7)
    asked = said.parse_args()
    found = of_many(asked.reps, asked.stages) if asked.reps else of_sample()
    print("| way | processor ms, median | slowest |\n|---|---|---|")
    for name, move in ways(found):
        took = timed(move)
        print(f"| {name} | {1000 * np.median(took):.1f} | {1000 * max(took):.1f} |")


if __name__ == "__main__":
    main()
