"""Apportionment: a whole number shared out in whole numbers, by Webster's divisor method.

Each share is its weight over a common divisor, rounded to the nearest whole number. Unlike the
largest remainders it is house monotone: where there is more to share out, nobody gets less. That
holds wherever shares are rounded, so that a share may have a point of its own (`staggered`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enablement.errors import EnablementError

MIDDLE = 0.5  # what Webster's method adds to a share before its fraction is cut off
GOLDEN = (5**0.5 - 1) / 2
DIGITS = 6  # of a point of rounding: a spreadsheet program then has the very same number
HALVINGS = 64  # of the range of multipliers: as far as floating point goes


def apportion(
    weight: ArrayLike,
    house: ArrayLike,
    *,
    least: ArrayLike = 0,
    most: ArrayLike = np.inf,
    added: ArrayLike = MIDDLE,
) -> NDArray[np.int64]:
    """Share out whole numbers in proportion to weights, within bounds.

    Parameters
    ----------
    weight : at least 0, shape (shares,) or, for several houses at once, (houses, shares)
        A row of zeros is shared out equally. A weight of 0 beside others gets its `least`.
    house : what is shared out, a whole number or one per row
    least, most : bounds of each share, of the shape of `weight` or one for all
    added : what is added to a share before its fraction is cut off, at least 0 and below 1, of
        the shape of `weight` or one for all

    Returns
    -------
    numpy.ndarray of int, of the shape of `weight`
        Each row adds up to its house. Equal claims are met from the left.

    Raises
    ------
    EnablementError
        If the bounds leave too little, or too much, for a house.

    References
    ----------
    Balinski and Young (1982), Fair Representation, for the method and why it is monotone.
    """
    given = np.asarray(weight, dtype=float)
    rows = np.atleast_2d(given)
    seats = np.broadcast_to(np.asarray(house, dtype=float), rows.shape[:1]).copy()
    none = rows.sum(axis=1) <= 0
    rows = np.where(none[:, None], 1.0, rows)
    low = np.broadcast_to(np.asarray(least, dtype=float), rows.shape)
    high = np.minimum(np.broadcast_to(np.asarray(most, dtype=float), rows.shape), seats[:, None])
    high = np.maximum(np.where(rows > 0, high, low), low)
    _check(seats, low, high)
    point = np.broadcast_to(np.asarray(added, dtype=float), rows.shape)
    shared = _repaired(rows, seats, low, high, point, _nearly(rows, seats, low, high, point))
    return shared.astype(np.int64).reshape(given.shape)


def staggered(rows: int, shares: int) -> NDArray[np.float64]:
    """Give each share of each row a point of rounding of its own, for `apportion`.

    Rows alike that share out a few each would all leave the same shares empty: what they come to
    together would then be far from the weights. Here the points of a row are evenly spread, and
    so are those of a share over the rows (a lattice by the golden section), so that the sums of
    rows, and of any rows that follow each other, stay near the weights.

    Returns
    -------
    numpy.ndarray of float, rows × shares
        Above 0 and below 1.
    """
    stride = next(n for n in range(shares // 2 + 1, 2 * shares + 2) if np.gcd(n, shares) == 1)
    row, share = np.arange(rows)[:, None] + 0.5, np.arange(shares)[None, :]
    points = (row * GOLDEN + share * stride / shares) % 1.0
    end = 10.0**-DIGITS
    return np.clip(np.round(points, DIGITS), end, 1 - end)


def _check(seats: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    over, under = seats - high.sum(axis=1), low.sum(axis=1) - seats
    if (over > 0).any():
        raise EnablementError(f"The pins and caps leave {over.max():,.0f} of the target to nobody.")
    if (under > 0).any():
        raise EnablementError(f"The pins add up to {under.max():,.0f} more than the target.")


def _at(
    rows: NDArray[np.float64],
    multiplier: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    point: NDArray[np.float64],
) -> NDArray[np.float64]:
    return np.clip(np.floor(rows * multiplier[:, None] + point), low, high)


def _nearly(
    rows: NDArray[np.float64],
    seats: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    point: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share out at the largest multiplier that does not share out too much."""
    below = np.zeros(len(seats))
    above = (seats + rows.shape[1]) / rows.sum(axis=1) + 1.0
    while (few := (_at(rows, above, low, high, point).sum(axis=1) < seats)).any():
        above[few] *= 2
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        fits = _at(rows, middle, low, high, point).sum(axis=1) <= seats
        below, above = np.where(fits, middle, below), np.where(fits, above, middle)
    return _at(rows, below, low, high, point)


def _repaired(
    rows: NDArray[np.float64],
    seats: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    point: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give what is left where the claim is strongest, and settle what rounding has mixed up."""
    every, last = np.arange(len(seats)), rows.shape[1] - 1
    while True:
        claim = np.where(shared < high, rows / (shared + 1 - point), -np.inf)
        kept = np.where(shared > low, rows / np.maximum(shared - point, 1 - point), np.inf)
        gains = claim.argmax(axis=1)
        gives = last - kept[:, ::-1].argmin(axis=1)
        left = seats - shared.sum(axis=1)
        strongest, weakest = claim[every, gains], kept[every, gives]
        swap = (left == 0) & ((strongest > weakest) | ((strongest == weakest) & (gains < gives)))
        swap &= gains != gives
        if not (left.any() or swap.any()):
            return shared
        shared[every, gains] += (left > 0) | swap
        shared[every, gives] -= (left < 0) | swap
