"""Random numbers, one stream per mechanism.

Only `Generator.random` is used, because its bit stream is the same in every NumPy release;
normal and Poisson numbers are made from it here. A mechanism that is added later has its own
name, and so its own stream, and leaves the numbers of the others as they were.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np


class Streams:
    """Named streams of random numbers under one seed.

    Parameters
    ----------
    seed : int
        Any integer from 0 up. The same seed gives the same numbers.
    apart : str
        Name of another set of streams under the same seed.
    """

    def __init__(self, seed: int, apart: str = "") -> None:
        self.seed, self.apart = int(seed), apart
        self._made: dict[str, np.random.Generator] = {}

    def uniform(self, name: str, size: int | tuple[int, ...]) -> np.ndarray:
        """Numbers between 0 (included) and 1 (excluded) from the stream `name`."""
        if name not in self._made:
            key = zlib.crc32((self.apart + name).encode())
            self._made[name] = np.random.default_rng([self.seed, key])
        return self._made[name].random(size)

    def normal(self, name: str, size: int | tuple[int, ...]) -> np.ndarray:
        """Standard normal numbers (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(name, size)))
        return radius * np.cos(2.0 * np.pi * self.uniform(f"{name}, angle", size))

    def poisson(self, name: str, mean: np.ndarray) -> np.ndarray:
        """Poisson counts with the given means (inverse transform; means below about 50)."""
        mean = np.asarray(mean, dtype=float)
        drawn = self.uniform(name, mean.shape)
        term = np.exp(-mean)
        below = term.copy()
        count = np.zeros(mean.shape, dtype=np.int64)
        for k in range(1, 200):
            more = drawn >= below
            if not more.any():
                break
            count += more
            term = term * mean / k
            below = below + term
        return count

    def pick(self, name: str, size: int, weights: Sequence[float] | np.ndarray) -> np.ndarray:
        """Positions 0, 1, … chosen with the given weights (one row of weights for all)."""
        shares = np.cumsum(np.asarray(weights, dtype=float))
        position = np.searchsorted(shares / shares[-1], self.uniform(name, size), side="right")
        return np.minimum(position, len(shares) - 1)

    def pick_each(self, name: str, weights: np.ndarray) -> np.ndarray:
        """Positions chosen with one row of weights for each."""
        shares = np.cumsum(weights, axis=1)
        drawn = self.uniform(name, len(weights))[:, None] * shares[:, -1:]
        return np.minimum((drawn >= shares).sum(axis=1), weights.shape[1] - 1)

    def order(self, name: str, size: int) -> np.ndarray:
        """The positions 0 to `size` - 1 in random order."""
        return np.argsort(self.uniform(name, size), kind="stable")
