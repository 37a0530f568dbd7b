"""Swings: how far quarters vary beyond chance, and how far their level drifts."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

FEWEST = 3  # quarters, before they say anything of how far quarters vary
YEAR = 4  # quarters, over which today's level is known
WITHIN = (1 + 4 + 9) / YEAR**2  # steps within them, by the squares of what its mean lacks of each
SELDOM = 0.05
SINGLE, DRIFT = 0.30, 0.10  # logarithms that are passed in so many companies
GRID = (12, 10)  # of single quarters and of drifts
UNKNOWN = "Quarters are taken to vary as those of other companies do: too few are known whole."


@dataclasses.dataclass(frozen=True)
class Swings:
    """How far a quarter's level may be from that of the year before, besides the chance of counts.

    single, drift : standard deviations of the logarithm: of a quarter by itself, and of the
        step of the level from each quarter to the next
    weight : how likely each pair of them is; sum 1
    ahead : whole quarters between the year whose level is known and the first that is drawn
    says : what was found, in a sentence
    """

    single: NDArray[np.float64]
    drift: NDArray[np.float64]
    weight: NDArray[np.float64]
    says: str
    ahead: float = 0.0

    def variance(self, quarters: int) -> NDArray[np.float64]:
        """Give the variance of the logarithm of each quarter's factor, pairs × quarters.

        Of the quarter h ahead it is single² (1 + 1/4) + drift² (h + 14/16): its own swing and the
        mean of the year's four, the steps up to it, and those within the year, of which its mean
        holds 1/4, 2/4 and 3/4.
        """
        steps = self.ahead + np.arange(1, quarters + 1) + WITHIN
        single, drift = self.single[:, None] ** 2, self.drift[:, None] ** 2
        return single * (1 + 1 / YEAR) + drift * steps

    def factors(
        self, quarters: int, number: int, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw what each quarter's level is over that of the year before, futures × quarters.

        The mean of each is 1: which way a quarter swings is not known.
        """
        pair = generator.choice(len(self.weight), size=number, p=self.weight)
        single, drift = self.single[pair, None], self.drift[pair, None]
        before = (
            generator.standard_normal((number, 1)) * single / np.sqrt(YEAR)
            + generator.standard_normal((number, 1)) * drift * np.sqrt(self.ahead + WITHIN)
        )  # fmt: skip
        steps = generator.standard_normal((number, quarters)) * drift
        own = generator.standard_normal((number, quarters)) * single
        swing = before + steps.cumsum(axis=1) + own
        return np.exp(swing - self.variance(quarters)[pair] / 2)


def fitted(
    counts: NDArray[np.float64],
    days: NDArray[np.float64],
    season: NDArray[np.int64] | None = None,
    *,
    ahead: float = 0.0,
) -> Swings:
    """Weigh how far quarters vary by what was won in those that are known whole.

    Parameters
    ----------
    counts : won in each quarter, one after the other
    days : working days of all reps together in each
    season : the quarter of the year of each, 0 to 3, where quarters of the year are told apart
    ahead : as for `Swings`

    Notes
    -----
    The logarithm of what is won a day is a level that walks at random, a swing of each quarter
    by itself, and the chance of a count (Harvey, 1989, Forecasting, Structural Time Series
    Models and the Kalman Filter, the local level model); the level, and the seasons, have flat
    priors. A few quarters say little of either spread, so both have a prior that prefers none:
    the exponential one of Simpson, Rue, Riebler, Martins and Sørbye (2017, Statistical Science
    32:1-28), whose rate is what one company in twenty passes: a single quarter by 30 %, a step
    of the level by 10 %. The spreads are not estimated but averaged over, as likely as the
    quarters have them.
    """
    single, drift = (
        v.ravel() for v in np.meshgrid(_prior(GRID[0], SINGLE), _prior(GRID[1], DRIFT))
    )
    if len(counts) < FEWEST:
        return Swings(single, drift, np.full(len(single), 1 / len(single)), UNKNOWN, ahead)
    score = _log_likelihood(counts, days, _design(season, len(counts)), single, drift)
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    says = (
        f"Beyond chance a quarter varies by about {100 * (weight @ single):.0f} %, and the level "
        f"drifts by about {100 * (weight @ drift):.0f} % from one to the next, as far as "
        f"{len(counts)} quarters can tell."
    )
    return Swings(single, drift, weight, says, ahead)


def _prior(many: int, passed: float) -> NDArray[np.float64]:
    """Give so many spreads, as likely as each other by their prior."""
    return -np.log1p(-(np.arange(many) + 0.5) / many) * passed / -np.log(SELDOM)


def _design(season: NDArray[np.int64] | None, size: int) -> NDArray[np.float64]:
    """Give a level, or one of each quarter of the year that is there."""
    if season is None:
        return np.ones((size, 1))
    return (season[:, None] == np.unique(season)[None, :]).astype(float)


def _log_likelihood(
    counts: NDArray[np.float64],
    days: NDArray[np.float64],
    design: NDArray[np.float64],
    single: NDArray[np.float64],
    drift: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give the logarithm of how likely counts are by each pair of spreads, less a constant."""
    seen, place = np.log((counts + 0.5) / days), np.arange(len(counts))
    walk = np.minimum(place[:, None], place[None, :])
    chance = np.eye(len(counts)) * (1 / (counts + 0.5) + single[:, None, None] ** 2)
    spread = chance + walk * drift[:, None, None] ** 2
    solved = np.linalg.solve(spread, np.column_stack([design, seen])[None])
    inner = design.T @ solved[:, :, :-1]
    effects = np.linalg.solve(inner, design.T @ solved[:, :, -1:])[:, :, 0]
    misfit = solved[:, :, -1] @ seen - ((design.T @ solved[:, :, -1:])[:, :, 0] * effects).sum(1)
    scale = np.linalg.slogdet(spread)[1] + np.linalg.slogdet(inner)[1]
    return -0.5 * (misfit + scale)


STILL = Swings(np.zeros(1), np.zeros(1), np.ones(1), "")
