"""Formulas of a worksheet: what Python computes, in the words of a spreadsheet program.

Only functions that Excel 2010 and LibreOffice 7 both have. A text that goes into a cell goes
through `spreadsheets.plain`, and no formula has a name in it: only places of cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from enablement.plan.apportionment import HALVINGS

WINDOW = 7  # places on either side of a first guess: of twelve parts none is further off than six
NEAR = 1e-13  # of a multiplier: claims that are nearer than this are equal


def rounded_up(value: str) -> str:
    """Round up, as `cascade` does it: a millionth is what products of rates leave behind."""
    return f"-INT(0.000001-({value}))"


def half_even(value: str) -> str:
    """Round to the nearest whole number, from the middle to the even one, as Python does."""
    return f"IF(MOD({value},1)=0.5,2*ROUND(({value})/2,0),ROUND({value},0))"


def month_quotient(weights: str, points: str, house: str) -> str:
    """Find the last quotient that gets a place, when twelve months share a whole number out.

    A divisor method gives the places to the largest of weight / (place - point). Each month's
    share is guessed by proportion; of twelve roundings none can be off by more than six
    places, so the quotients of fourteen about the guess hold the last one that counts.
    """
    guess = f"INT({weights}*{house}/SUM({weights})+0.5)"
    places = "{" + ";".join(str(place) for place in range(1 - WINDOW, WINDOW + 1)) + "}"
    claims = f"IF({guess}+{places}<1,1E+300,{weights}/({guess}+{places}-{points}))"
    return f"LARGE({claims},{house}-SUM({guess})+{12 * WINDOW})"


def month_share(
    weight: str, point: str, later: tuple[str, str], before: str, quotient: str, house: str
) -> str:
    """Give a month its whole number, once the last quotient is known.

    Parameters
    ----------
    weight, point : cells of the month
    later : ranges of weights and points of the months after it, "" for the last
    before : range of the shares of the months before it, "" for the first
    quotient, house : cells
    """
    near = f"(1E-10+{house}*2E-14)"
    left = house
    left += f"-SUM({before})" if before else ""
    if later[0]:
        left += f"-SUMPRODUCT(INT({later[0]}/{quotient}+{later[1]}-{near}))"
    return f"MIN(INT({weight}/{quotient}+{point}+{near}),{left})"


def place_share(
    bounds: tuple[str, str, str], later: str, before: str, multiplier: tuple[str, str]
) -> str:
    """Give a place its whole number, once the multiplier of those beside it is known.

    Parameters
    ----------
    bounds : cells of its weight, its least and its most
    later : what those after it have for certain, as `certain` says it; "" for the last
    before : house of all, less the range of the shares before it
    multiplier : cells of the last one that fits, and of the next
    """
    weight, least, most = bounds
    up = clipped(f"INT({weight}*{multiplier[1]}*(1+{NEAR:.0E})+0.5)", least, most)
    return f"MIN({up},{before}{f'-{later}' if later else ''})"


def certain(weights: str, least: str, most: str, multiplier: str) -> str:
    """Add up what places have for certain: at a multiplier a little below the last that fits."""
    return f"SUM({clipped(f'INT({weights}*{multiplier}*(1-{NEAR:.0E})+0.5)', least, most)})"


def halving(weights: str, least: str, most: str, above: str, step: str, house: str) -> str:
    """Go a step up from the multiplier above, if what is shared out then still fits."""
    tried = f"({above}+{step})"
    total = f"SUM({clipped(f'INT({weights}*{tried}+0.5)', least, most)})"
    return f"{above}+IF({total}<={house},{step},0)"


def clipped(value: str, least: str, most: str) -> str:
    """Keep a value within bounds; unlike MIN and MAX, of every cell of a range by itself."""
    return f"IF({value}<{least},{least},IF({value}>{most},{most},{value}))"


def quotient_of(
    weights: NDArray[np.float64], points: NDArray[np.float64], houses: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Compute `month_quotient`, for the figures that a program shows before it computes.

    Parameters
    ----------
    weights, points : rows × twelve months
    houses : of each row
    """
    guess = np.floor(weights * (houses / weights.sum(axis=1))[:, None] + 0.5)
    place = guess[:, :, None] + np.arange(1 - WINDOW, WINDOW + 1)
    over = np.maximum(place - points[:, :, None], 1 - points[:, :, None])
    claims = np.where(place < 1, 1e300, weights[:, :, None] / over)
    ordered = -np.sort(-claims.reshape(len(weights), -1), axis=1)
    rank = (houses - guess.sum(axis=1) + 12 * WINDOW).astype(int)
    return ordered[np.arange(len(weights)), rank - 1]


def halvings_of(
    weights: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
    start: float,
    house: int,
) -> list[float]:
    """Compute the column of `halving`: the multiplier after each of its steps."""
    found = [0.0]
    for step in start / 2.0 ** np.arange(1, HALVINGS + 1):
        tried = found[-1] + step
        total = np.clip(np.floor(weights * tried + 0.5), least, most).sum()
        found.append(tried if total <= house else found[-1])
    return found
