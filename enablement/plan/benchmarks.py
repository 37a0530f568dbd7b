"""Benchmarks: the share that should move on from each stage, and how well it is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError, EnablementError
from enablement.measure import definitions, funnel, shrinkage
from enablement.periods import Period
from enablement.plan.funnels import Funnel
from enablement.plan.goal import Plan
from enablement.read.crm import CRM

KINDS = ("desired", "team", "top quartile")
MIX = ("type", "segment")
FEWEST = 8  # reps who decided something at a stage, before a quarter of them is a benchmark
COMPARED = 3  # stages whose leads say how far leads are spread
SELDOM, SPREAD = 0.05, 0.08  # of companies, whose leads are spread by more: of logarithms
GRID = 40  # spreads that are averaged over
WEIGHT = 100.0  # trials of the team beside each rep's own where no spread between reps is found


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What each stage's rate is held against.

    rate : per stage; NaN where there is none
    of : per stage, which kind it is; "" where there is none
    moved, entered : counts that carry as much as it is known by; NaN where it is stated
    """

    rate: NDArray[np.float64]
    of: tuple[str, ...]
    moved: NDArray[np.float64]
    entered: NDArray[np.float64]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Of which stages it is the rate of the company's own reps."""
        return ~np.isnan(self.entered)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which kinds there are, each once."""
        return tuple(dict.fromkeys(kind for kind in self.of if kind))

    def draws(self, size: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Draw what it may really be, draws × stages; a stated one is what it is."""
        known = self.counted
        drawn = np.broadcast_to(self.rate, (size, len(self.rate))).copy()
        k, n = self.moved[known], self.entered[known]
        drawn[:, known] = generator.beta(k + 0.5, n - k + 0.5, size=(size, int(known.sum())))
        return drawn

    def together(
        self, team: NDArray[np.float64], size: int, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw what it may really be, for a comparison of the stages; draws × stages.

        The best reps are ahead at every stage, and of several leads that are known by few counts
        the largest is mostly the luckiest. So the leads, logarithms of the benchmark over the
        team's rate, are taken as spread about a lead that all stages have, how far being averaged
        over as likely as they have it (Rubin, 1981, Journal of Educational Statistics 6:377-401,
        with the prior of `SPREAD` in place of a flat one). What is stated is what it is.

        Parameters
        ----------
        team : the rate of all at each stage
        """
        known = self.counted & (team > 0)
        drawn = self.draws(size, generator)
        if known.sum() < COMPARED:
            return drawn
        k, n, usual = self.moved[known], self.entered[known], team[known]
        middle = (k + 0.5) / (n + 1)  # of few a rate is 0 or 1 by chance, and as if surely
        lead, noise = np.log(middle / usual), (1 - middle) / middle / n
        spread = -np.log1p(-(np.arange(GRID) + 0.5) / GRID) * SPREAD / -np.log(SELDOM)
        precision = 1 / (noise + spread[:, None] ** 2)
        mean = (precision * lead).sum(axis=1) / precision.sum(axis=1)
        misfit = (precision * (lead - mean[:, None]) ** 2).sum(axis=1)
        score = np.log(precision).sum(axis=1) - np.log(precision.sum(axis=1)) - misfit
        weight = np.exp((score - score.max()) / 2)
        pick = generator.choice(GRID, size=size, p=weight / weight.sum())
        common = mean[pick] + generator.standard_normal(size) / np.sqrt(precision[pick].sum(axis=1))
        own = (spread[pick, None] ** 2) * precision[pick]
        true = own * lead + (1 - own) * common[:, None]
        true += generator.standard_normal(true.shape) * np.sqrt(own * noise)
        drawn[:, known] = np.minimum(usual * np.exp(true), 1.0)
        return drawn


def benchmark(
    crm: CRM | None,
    plan: Plan,
    found: Funnel,
    period: Period | None,
    *,
    kind: str | None,
    by: object,
    mix: Sequence[str] | None,
) -> Benchmark:
    """Find what each stage is held against.

    Parameters
    ----------
    kind : one of `KINDS`; None for the desired rate where the plan states one, else for a
        company the top quartile and for its reps the team
    mix : columns of what reps may have more or less of; None for type and segment, where known
    """
    if kind is not None:
        definitions.check_word("benchmark", kind, KINDS)
    wanted = np.array([plan.desired.get(stage, np.nan) for stage in found.stages])
    told = _known(wanted, "desired")
    if kind == "desired":
        if not plan.desired:
            raise CannotSayError(
                "The plan states no desired rate: [desired] Qualify = 0.75, for one stage or more."
            )
        return told
    if kind is None and not np.isnan(wanted).any():
        return told
    if (kind or ("team" if by else "top quartile")) == "team":
        rest = _known(found.pooled, "team")
    else:
        rest = _top_quartile(crm, found, period, mix, refuse=kind is not None)
    return rest if kind else _first(told, rest)


def quarters(
    crm: CRM | None, found: Funnel, period: Period | None, mix: Sequence[str] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the rates of the best and of the worst quarter of the reps; NaN where not known.

    They are chosen and compared as for the top quartile.
    """
    nothing = np.full(len(found.stages), np.nan)
    if crm is None or period is None or found.stated_rates is not None or len(found.stages) < 2:
        return nothing, nothing
    counts = _counts(crm, period, _mix(crm) if mix is None else list(mix))
    parted = [counts[counts["stage"] == stage] for stage in found.stages]
    best, worst = (
        np.array([_of_stage(part, best=best)[0] for part in parted]) for best in (True, False)
    )
    return best, worst


def _known(rate: NDArray[np.float64], kind: str) -> Benchmark:
    """Take rates as they are, without doubt."""
    none = np.full(len(rate), np.nan)
    return Benchmark(rate, tuple("" if np.isnan(r) else kind for r in rate), none, none)


def _first(one: Benchmark, other: Benchmark) -> Benchmark:
    """Take of each stage the first one, and where there is none the other."""
    has = ~np.isnan(one.rate)
    return Benchmark(
        np.where(has, one.rate, other.rate),
        tuple(a or b for a, b in zip(one.of, other.of, strict=True)),
        np.where(has, np.nan, other.moved),
        np.where(has, np.nan, other.entered),
    )


def _top_quartile(
    crm: CRM | None,
    found: Funnel,
    period: Period | None,
    mix: Sequence[str] | None,
    *,
    refuse: bool,
) -> Benchmark:
    """Find the rate of the best quarter of the reps, at the team's mix.

    Who they are is chosen on every other quarter of the year and their rate is taken on the
    rest, and the other way round: chosen and compared on the same quarters, luck would be taken
    for skill.
    """
    nothing = _known(np.full(len(found.stages), np.nan), "top quartile")
    if crm is None or period is None or found.stated_rates is not None or len(found.stages) < 2:
        if refuse:
            raise CannotSayError("The top quartile needs an export that records the stages.")
        return nothing
    counts = _counts(crm, period, _mix(crm) if mix is None else list(mix))
    rates = [_of_stage(counts[counts["stage"] == stage]) for stage in found.stages]
    rate, moved, entered = (np.array(values, dtype=float) for values in zip(*rates, strict=True))
    return Benchmark(
        rate, tuple("" if np.isnan(r) else "top quartile" for r in rate), moved, entered
    )


def _mix(crm: CRM) -> list[str]:
    """List the columns of the usual mix that this export has."""
    known = []
    for name in MIX:
        try:
            definitions.split(crm, name)
        except EnablementError:
            continue
        known.append(name)
    return known


def _counts(crm: CRM, period: Period, mix: list[str]) -> pd.DataFrame:
    """Count those decided by rep, half, what they were, and stage.

    The halves are every other quarter: what changes over the year is in both of them.
    """
    table = funnel.counts(
        crm, as_of=period.end, period=period, definition="decided", by=["rep", "period", *mix]
    )
    order = {name: place for place, name in enumerate(sorted(table["period"].dropna().unique()))}
    told = table[table["rep_id"].notna() & table["period"].notna()]
    return pd.DataFrame(
        {
            "rep_id": told["rep_id"].to_numpy(),
            "half": told["period"].map(order).to_numpy(dtype=int) % 2,
            "what": told[mix].fillna("").astype(str).agg(" ".join, axis=1) if mix else "",
            "stage": told["stage"].astype(str).to_numpy(),
            "entered": told["entered"].to_numpy(dtype=float),
            "moved": told["moved_on"].to_numpy(dtype=float),
        }
    )


def _of_stage(counts: pd.DataFrame, *, best: bool = True) -> tuple[float, float, float]:
    """Give rate, and the counts that would be known as well, of one stage.

    Parameters
    ----------
    best : of the best quarter of the reps, or else of the worst
    """
    none = (np.nan, np.nan, np.nan)
    compared = []
    for half in (0, 1):
        chosen = counts[counts["half"] == half].groupby("rep_id")[["moved", "entered"]].sum()
        chosen = chosen[chosen["entered"] > 0]
        if len(chosen) < FEWEST:
            return none
        quarter = _quarter(chosen, best=best)
        compared.append(counts[(counts["half"] != half) & counts["rep_id"].isin(quarter)])
    theirs = pd.concat(compared).groupby("what")[["moved", "entered"]].sum()
    theirs = theirs[theirs["entered"] > 0]
    if theirs.empty:
        return none
    return at_mix(
        theirs["moved"].to_numpy(),
        theirs["entered"].to_numpy(),
        counts.groupby("what")["entered"].sum().reindex(theirs.index).to_numpy(),
    )


def _quarter(chosen: pd.DataFrame, *, best: bool) -> list[str]:
    """Name the quarter of the reps with the highest shrunk rates, or the lowest."""
    k, n = chosen["moved"].to_numpy(), chosen["entered"].to_numpy()
    spread = shrinkage.fit_spread(k, n)
    found = spread is not None and np.isfinite(spread.strength)
    strength = spread.strength if spread is not None and found else WEIGHT
    rate = (k + strength * k.sum() / n.sum()) / (n + strength)
    order = np.argsort(-rate if best else rate, kind="stable")
    return chosen.index[order[: -(-len(chosen) // 4)]].tolist()


def at_mix(
    moved: NDArray[np.float64], entered: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Give the rate at another mix, with the counts of a plain rate that would be as sure.

    Parameters
    ----------
    moved, entered : of each kind of what there is
    weight : how much of each kind the mix has
    """
    share = weight / weight.sum()
    rate = moved / entered
    # Of few of a kind a rate is 0 or 1 by chance, and its variance is not 0.
    towards = (moved + 0.5) / (entered + 1)
    variance = float((share**2 * towards * (1 - towards) / entered).sum())
    mean = float(share @ rate)
    middle = float(share @ towards)
    trials = middle * (1 - middle) / variance
    return mean, mean * trials, trials
