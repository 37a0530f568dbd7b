"""Attribution: a gap between two products shared out among their factors, so that it adds up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def shapley(present: ArrayLike, better: ArrayLike) -> NDArray[np.float64]:
    """Share prod(better) - prod(present) out among the factors, by Shapley's value.

    Each factor's part is what it adds when it changes, averaged over every order in which all
    of them could change: over all 2^n sets of those that changed before it.

    Parameters
    ----------
    present, better : factors along the last axis, of shapes that broadcast

    Returns
    -------
    numpy.ndarray of float
        The parts, along the last axis; they add up to the difference of the products.

    Notes
    -----
    The sets need not be listed: the average over orders is the integral of a factor's slope on
    the straight way from all present to all better (Owen, 1972, Management Science 18:64-79),
    and that slope is a polynomial, which Gauss and Legendre's nodes integrate exactly.
    """
    from numpy.polynomial.legendre import leggauss

    now, then = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (present, better)))
    at, weight = leggauss(-(-max(now.shape[-1], 1) // 2))
    step, parts = then - now, np.zeros(now.shape)
    for place, share in zip((at + 1) / 2, weight / 2, strict=True):
        slope = others(now + place * step)
        slope *= share
        parts += slope
    parts *= step
    return parts


def others(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply, for each factor, all but itself; along the last axis, zeros included."""
    size = factors.shape[-1]
    product = np.empty((size, *factors.shape[:-1]))  # each factor in one piece
    so_far = np.ones(factors.shape[:-1])
    for place in range(size):
        product[place] = so_far
        so_far *= factors[..., place]
    so_far = np.ones(factors.shape[:-1])
    for place in reversed(range(size)):
        product[place] *= so_far
        so_far *= factors[..., place]
    return np.moveaxis(product, 0, -1)
