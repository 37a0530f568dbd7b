"""Rates: which ones a result takes, of one stage alone or of several together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HALVINGS = 60


def alone(rates: NDArray[np.float64], ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the rate that each stage needs if the others stay, groups × stages.

    Parameters
    ----------
    ratio : what is wanted over what comes if nothing changes, of each group
    """
    return rates * ratio[:, None]


def together(
    rates: NDArray[np.float64], better: NDArray[np.float64], ratio: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the rates if all stages go the same share of the way to their benchmark, and beyond.

    A rate goes no further than 1, and those at or above their benchmark stay.

    Returns
    -------
    numpy.ndarray of float, groups × stages
        NaN where the target is out of reach even so; the present rates where it is reached.
    """
    step = better - rates
    with np.errstate(divide="ignore", invalid="ignore"):
        last = np.where(step > 0, (1 - rates) / step, 0.0).max(axis=1)
        aim = np.log(ratio)

        def gained(way: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.log(np.minimum(rates + way[:, None] * step, 1.0) / rates).sum(axis=1)

        below, above = np.zeros(len(rates)), last
        for _ in range(HALVINGS):
            middle = (below + above) / 2
            short = gained(middle) < aim
            below, above = np.where(short, middle, below), np.where(short, above, middle)
        reachable = gained(last) >= aim - 1e-9
    found = np.minimum(rates + above[:, None] * step, 1.0)
    found = np.where((ratio <= 1)[:, None], rates, found)
    return np.where((reachable | (ratio <= 1))[:, None], found, np.nan)
