"""How fast the estimates are, and whether they hold in worlds whose truth is known.

    python benchmarks/estimates.py speed
    python benchmarks/estimates.py incidence
    python benchmarks/estimates.py differences
    python benchmarks/estimates.py shrinkage
    python benchmarks/estimates.py ranks
    python benchmarks/estimates.py mix
    python benchmarks/estimates.py limits

Each prints the table that README.md keeps. All worlds are drawn from fixed seeds.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtri
from scipy.stats import binom, gamma
from statsmodels.duration.survfunc import CumIncidenceRight

from enablement.measure import comparison, estimates, shrinkage, standardisation

STAGES, REPS = 7, 1000


def table(*columns: str) -> None:
    """The head of a table."""
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))


def row(*cells: object) -> None:
    print("| " + " | ".join(f"{c:.3f}" if isinstance(c, float) else str(c) for c in cells) + " |")


# Speed ---------------------------------------------------------------------------------------


def speed(repeat: int) -> None:
    """All stages of all reps at once, against a loop over statsmodels; alternating.

    In seconds of the processor, which others on the machine disturb less than the clock.
    The loop starts from the table that ours starts from; the fits alone are given beside it.
    """
    table(
        "entries of each",
        "entries",
        "ours, s",
        "loop, s",
        "ratio",
        "all",
        "fits alone, s",
        "ratio",
        "apart",
    )
    for entries in (10, 30, 60, 300):
        generator = np.random.default_rng(1)
        rows = REPS * STAGES * entries
        frame = pd.DataFrame({"stage": generator.integers(0, STAGES, rows)})
        frame["rep"] = generator.integers(0, REPS, rows)
        frame["days"] = np.ceil(generator.exponential(30.0, rows))
        frame["what"] = generator.choice([0, 1, 2], rows, p=[0.2, 0.35, 0.45])
        group = frame["stage"] * REPS + frame["rep"]
        grouped = [part for _, part in frame.groupby(["stage", "rep"])]
        parts = [(part["days"].to_numpy(), part["what"].to_numpy()) for part in grouped]
        spent, found, each = alternating(frame, group, parts, repeat)
        ratio = {
            way: [there / here for here, there in zip(spent["ours"], spent[way], strict=True)]
            for way in ("loop", "fits")
        }
        middle = {way: f"{statistics.median(seconds):.3f}" for way, seconds in spent.items()}
        of_loop, of_fits = (f"{statistics.median(ratio[way]):.0f}" for way in ("loop", "fits"))
        every = ", ".join(f"{one:.0f}" for one in ratio["loop"])
        row(
            entries,
            f"{rows:,}",
            middle["ours"],
            middle["loop"],
            of_loop,
            every,
            middle["fits"],
            of_fits,
            apart(each, found),
        )


def alternating(
    frame: pd.DataFrame,
    group: pd.Series,
    parts: list[tuple[np.ndarray, np.ndarray]],
    repeat: int,
) -> tuple[dict[str, list[float]], estimates.Incidence, list[CumIncidenceRight]]:
    """Seconds of each way, and what ours and statsmodels found."""
    spent: dict[str, list[float]] = {"ours": [], "loop": [], "fits": []}
    days, what = frame["days"], frame["what"]
    for _ in range(repeat):
        found = timed(spent["ours"], lambda: estimates.aalen_johansen(days, what, group))
        timed(spent["loop"], lambda: loop(frame))
        each = timed(spent["fits"], lambda: [CumIncidenceRight(*part) for part in parts])
    return spent, found, each


def timed(spent: list[float], work: Callable[[], Any]) -> Any:
    """Do it, and write down the seconds of the processor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begun = time.process_time()
        done = work()
        spent.append(time.process_time() - begun)
    return done


def loop(frame: pd.DataFrame) -> list[CumIncidenceRight]:
    """One fit for each stage and rep, as one would write it."""
    return [
        CumIncidenceRight(rows["days"], rows["what"]) for _, rows in frame.groupby(["stage", "rep"])
    ]


def apart(each: list[CumIncidenceRight], found: estimates.Incidence) -> str:
    """The largest difference of a share, or of a standard error where statsmodels has one."""
    most, begin = 0.0, 0
    for one in each:
        end = begin + len(one.times)
        for k, (share, error) in enumerate(zip(one.cinc, one.cinc_se, strict=True)):
            known = np.isfinite(error)
            most = max(most, np.abs(share - found.share[k, begin:end]).max())
            most = max(most, np.abs(error - found.error[k, begin:end])[known].max(initial=0.0))
        begin = end
    return f"{most:.1e}"


# Incidence -----------------------------------------------------------------------------------


def incidence_worlds(
    generator: np.random.Generator,
    worlds: int,
    size: int,
    won: float,
    censoring: str,
    horizon: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Whole days until won, lost or last seen, and which; shape (worlds, size)."""
    when = np.ceil(generator.exponential(30.0, (worlds, size)))
    what = np.where(generator.random((worlds, size)) < won, 1, 2)
    longest = {"none": (np.inf, np.inf), "light": (20.0, 400.0), "heavy": (0.0, 100.0)}[censoring]
    until = np.full((worlds, size), np.inf)
    if np.isfinite(longest[1]):
        until = np.ceil(generator.uniform(*longest, (worlds, size)))
    what, when = np.where(until < when, 0, what), np.minimum(when, until)
    return np.minimum(when, horizon), np.where(when > horizon, 0, what)


def incidence(worlds: int) -> None:
    """Coverage of 90 % intervals of the share won by a day."""
    generator = np.random.default_rng(6)
    table("entries", "open ones", "by day", "won .1", "won .2", "won .3", "won .5")
    for size, censoring, horizon in itertools.product(
        (50, 100, 200), ("none", "light", "heavy"), (40.0, 90.0)
    ):
        cells = []
        for won in (0.1, 0.2, 0.3, 0.5):
            when, what = incidence_worlds(generator, worlds, size, won, censoring, horizon)
            group = np.repeat(np.arange(worlds), size)
            found = estimates.aalen_johansen(when.ravel(), what.ravel(), group)
            last = np.flatnonzero(np.diff(found.group, append=-1))
            low, high = estimates.incidence_interval(found.share[0, last], found.error[0, last])
            truth = won * (1 - np.exp(-horizon / 30.0))
            cells.append(float(((low <= truth) & (truth <= high)).mean()))
        row(size, censoring, int(horizon), *cells)


# Differences ---------------------------------------------------------------------------------


def sizes(generator: np.random.Generator, reps: int, mean: int, variation: float) -> np.ndarray:
    """Numbers of trials with that mean and coefficient of variation, at least one each."""
    if variation == 0:
        return np.full(reps, mean)
    spread = np.sqrt(np.log1p(variation**2))
    drawn = mean * np.exp(generator.normal(0, spread, reps) - spread**2 / 2)
    return np.maximum(1, np.round(drawn)).astype(int)


def true_rates(
    generator: np.random.Generator, reps: int, mean: float, deviation: float
) -> np.ndarray:
    if deviation == 0:
        return np.full(reps, mean)
    strength = mean * (1 - mean) / deviation**2 - 1
    return generator.beta(mean * strength, (1 - mean) * strength, reps)


def differences(worlds: int) -> None:
    """How often a difference is found, where there is none and where there is one."""
    generator = np.random.default_rng(2)
    designs = [(40, 60, 0.0), (40, 60, 0.7), (12, 40, 0.7), (40, 12, 0.7), (200, 60, 0.7)]
    table(
        "reps",
        "decided each",
        "variation",
        "mean rate",
        "no spread",
        "3 points",
        "5 points",
        "10 points",
    )
    for (reps, mean, variation), rate in itertools.product(designs, (0.2, 0.3, 0.4, 0.5)):
        cells, many = [], 10 * worlds if variation == 0 else worlds
        for deviation in (0.0, 0.03, 0.05, 0.1):
            found = 0
            for _ in range(many):
                trials = sizes(generator, reps, mean, variation)
                won = generator.binomial(trials, true_rates(generator, reps, rate, deviation))
                test = estimates.homogeneity(won, trials - won)
                found += test is not None and test.p < estimates.ALPHA
            cells.append(found / many)
        row(reps, mean, variation, rate, *cells)


# Shrinkage -----------------------------------------------------------------------------------

SHRINKAGE = [
    (40, 60, 0.7, 0.3, 0.0),
    (40, 60, 0.7, 0.3, 0.03),
    (40, 60, 0.7, 0.3, 0.05),
    (40, 60, 0.7, 0.3, 0.1),
    (12, 40, 0.7, 0.3, 0.0),
    (12, 40, 0.7, 0.3, 0.05),
    (12, 40, 0.7, 0.3, 0.1),
    (6, 30, 0.7, 0.2, 0.1),
    (100, 20, 0.7, 0.4, 0.1),
]


def plug_in(
    won: np.ndarray, trials: np.ndarray, spread: shrinkage.Spread | None
) -> tuple[np.ndarray, np.ndarray]:
    """The usual empirical Bayes interval, which takes the fit as known."""
    if spread is None:
        return estimates.jeffreys(won, trials)
    strength = min(spread.strength, shrinkage.STRONGEST)
    alpha, beta = spread.mean * strength + won, (1 - spread.mean) * strength + trials - won
    return betaincinv(alpha, beta, 0.05), betaincinv(alpha, beta, 0.95)


def shrinkage_of(worlds: int) -> None:
    """Errors of raw and shrunk rates, and what their intervals hold."""
    table(
        "reps", "decided", "rate", "true spread", "found", "raw", "shrunk", "shrunk is better in",
        "holds", "holds, fit as known", "raw Jeffreys width", "width",
    )  # fmt: skip
    for reps, mean, variation, rate, deviation in SHRINKAGE:
        generator = np.random.default_rng(3)
        seen = []
        for _ in range(worlds):
            trials = sizes(generator, reps, mean, variation)
            truth = true_rates(generator, reps, rate, deviation)
            won = generator.binomial(trials, truth)
            found = shrinkage.shrink(won, trials)
            low, high = plug_in(won, trials, found.spread)
            least, most = estimates.jeffreys(won, trials)
            errors = [((value - truth) ** 2).mean() for value in (found.raw, found.rate)]
            holds = ((found.low <= truth) & (truth <= found.high)).mean()
            known = ((low <= truth) & (truth <= high)).mean()
            widths = [(most - least).mean(), (found.high - found.low).mean()]
            seen.append([found.differ, *errors, errors[1] < errors[0], holds, known, *widths])
        of = np.mean(seen, axis=0)
        points = [f"{100 * np.sqrt(value):.2f}" for value in of[1:3]]
        row(reps, mean, rate, deviation, float(of[0]), *points, *(float(one) for one in of[3:]))


def rank_intervals(worlds: int) -> None:
    """How often a rank interval holds the true rank, and how wide it is."""
    table("reps", "decided", "true spread", "holds", "width, share of reps", "ranks apart")
    for reps, mean, variation, rate, deviation in SHRINKAGE:
        generator = np.random.default_rng(4)
        seen = []
        for _ in range(worlds):
            trials = sizes(generator, reps, mean, variation)
            truth = true_rates(generator, reps, rate, deviation)
            found = shrinkage.ranks(generator.binomial(trials, truth), trials)
            place = np.argsort(np.argsort(-truth)) + 1
            held = ((found.low <= place) & (place <= found.high)).mean()
            seen.append([held, (found.high - found.low + 1).mean() / reps, found.apart])
        held, width, apart = (float(one) for one in np.mean(seen, axis=0))
        row(reps, mean, deviation, held if deviation else "(no true rank)", width, apart)


# Mix -----------------------------------------------------------------------------------------


def of_delta(k: np.ndarray, n: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The usual interval: each stratum's own binomial variance."""
    each = k / np.maximum(n, 1)
    rate = (share * each).sum(axis=1)
    half = ndtri(0.95) * np.sqrt((share**2 * each * (1 - each) / np.maximum(n, 1)).sum(axis=1))
    return rate - half, rate + half


def of_fay_feuer(k: np.ndarray, n: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fay and Feuer's gamma interval, for sums of rare events."""
    weight = share / np.maximum(n, 1)
    rate, spread = (weight * k).sum(axis=1), (weight**2 * k).sum(axis=1)
    most = (weight * (n > 0)).max(axis=1)
    with np.errstate(all="ignore"):
        low = np.where(rate > 0, gamma.ppf(0.05, rate**2 / spread, scale=spread / rate), 0.0)
    top, wide = rate + most, spread + most**2
    return low, gamma.ppf(0.95, top**2 / wide, scale=wide / top)


def mix(worlds: int) -> None:
    """Coverage of 90 % intervals of a rep's rate at the team's mix, and their mean width."""
    table(
        "strata",
        "decided",
        "team's rates",
        "covered",
        "score (ours)",
        "delta",
        "Fay-Feuer",
        "observed / expected",
    )
    for (strata, size), (rate, apart) in itertools.product(
        ((3, 20), (3, 60), (3, 300), (6, 60), (12, 120)),
        ((0.15, 0.5), (0.3, 0.0), (0.5, 0.8), (0.7, 0.5)),
    ):
        generator = np.random.default_rng(8)
        seen = []
        logits = np.log(rate / (1 - rate)) + apart * np.linspace(-1, 1, strata)
        team = 1 / (1 + np.exp(-logits))
        crowd = 10**9
        for _ in range(60):
            mixed = np.round(generator.dirichlet(np.full(strata, 5.0)) * crowd) + 1
            n = generator.multinomial(size, generator.dirichlet(np.full(strata, 2.0)))
            moved = generator.normal(0, 0.3) + generator.normal(0, 0.2, strata)
            own = 1 / (1 + np.exp(-(logits + moved)))
            k = generator.binomial(n, own, (worlds // 60, strata))
            seen.append(_mix_cells(k, n, own, team, mixed))
        cells = [f"{held:.3f} ({wide:.2f})" for held, wide in np.mean(seen, axis=0)[1:]]
        row(
            strata,
            size,
            f"{team[0]:.2f} to {team[-1]:.2f}",
            float(np.mean(seen, axis=0)[0, 0]),
            *cells,
        )


def _mix_cells(
    k: np.ndarray, n: np.ndarray, own: np.ndarray, team: np.ndarray, mixed: np.ndarray
) -> list[tuple[float, float]]:
    """Share of the mix covered, then coverage and width of each interval, for one rep."""
    many = np.tile(n, (len(k), 1))
    # One huge group stands for the rest of the team, so that its rates are the known ones.
    won, tried = np.vstack([k, mixed * team]), np.vstack([many, mixed])
    ours = standardisation.at_team_mix(won, tried)
    against = standardisation.against_expected(won, tried)
    weight = tried.sum(axis=0) * (n > 0)
    share = np.tile(weight / weight.sum(), (len(k), 1))
    truth = float((share[0] * own).sum())
    cells = [(float(ours.covered[0]), 0.0)]
    bounds = [
        (ours.low[:-1], ours.high[:-1]),
        of_delta(k, many, share),
        of_fay_feuer(k, many, share),
    ]
    for low, high in bounds:
        cells.append((float(((low <= truth) & (truth <= high)).mean()), float((high - low).mean())))
    ratio = float((n * own).sum() / (n * team).sum())
    low, high = against.low[:-1], against.high[:-1]
    cells.append((float(((low <= ratio) & (ratio <= high)).mean()), float((high - low).mean())))
    return cells


# Limits --------------------------------------------------------------------------------------


def limits(_: int) -> None:
    """Exact share of ordinary groups below and above the control limits, nothing simulated."""
    table(
        "decided",
        "rate",
        "below 95 %",
        "above 95 %",
        "below 99.8 %",
        "above 99.8 %",
        "above 95 %, of successes",
    )
    for trials, rate in itertools.product((10, 20, 50, 100, 200), (0.1, 0.3, 0.5)):
        found = comparison.control_limits([trials], rate)
        counts = np.arange(trials + 1)
        mass, seen = binom.pmf(counts, trials, rate), counts / trials
        count = binom.ppf(0.975, trials, rate)
        over = (binom.cdf(count, trials, rate) - 0.975) / binom.pmf(count, trials, rate)
        cells = [
            mass[seen < found.warning_low[0] - 1e-12].sum(),
            mass[seen > found.warning_high[0] + 1e-12].sum(),
            mass[seen < found.action_low[0] - 1e-12].sum(),
            mass[seen > found.action_high[0] + 1e-12].sum(),
            mass[counts > count - over + 1e-12].sum(),
        ]
        row(trials, rate, *(f"{cell:.4f}" for cell in cells))


PARTS: dict[str, tuple[Callable[[int], None], int]] = {
    "speed": (speed, 3),
    "incidence": (incidence, 4000),
    "differences": (differences, 1000),
    "shrinkage": (shrinkage_of, 500),
    "ranks": (rank_intervals, 200),
    "mix": (mix, 24_000),
    "limits": (limits, 0),
}


def main() -> None:
    """Read the command line."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("part", choices=list(PARTS))
    ask.add_argument("--worlds", type=int, help="how many worlds, or how many repeats of speed")
    said = ask.parse_args()
    part, usual = PARTS[said.part]
    part(said.worlds or usual)


if __name__ == "__main__":
    main()
