"""Currencies in which the regions sell, and what they are worth in the company's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from enablement.world import names
from enablement.world.clock import Clock, days, quarter_start
from enablement.world.formats import labels
from enablement.world.parameters import COMPANY_CURRENCY, RATES, Parameters
from enablement.world.streams import Streams


@dataclass(frozen=True)
class Exchange:
    """Currencies of a company.

    codes : each once, in the order in which they were chosen
    of_region : position of the currency of each region
    rates : currencies × quarters, what one unit is worth in the company's currency
    """

    codes: tuple[str, ...]
    of_region: np.ndarray
    rates: np.ndarray

    @property
    def plain(self) -> bool:
        """Whether everything is sold in the company's currency."""
        return self.codes == (COMPANY_CURRENCY,)


def exchange(streams: Streams, clock: Clock, chosen: Parameters) -> Exchange:
    """The currencies of the regions, with rates that drift from quarter to quarter."""
    codes = tuple(dict.fromkeys(chosen.currencies))
    turn = np.array([codes.index(code) for code in chosen.currencies])
    each = [_rates(streams, clock, code, chosen.rate_spread) for code in codes]
    return Exchange(codes, np.resize(turn, len(names.REGIONS)), np.array(each))


def _rates(streams: Streams, clock: Clock, code: str, spread: float) -> np.ndarray:
    quarters = len(clock.quarters)
    if code == COMPANY_CURRENCY:
        return np.ones(quarters)
    drift = spread * streams.normal(f"rate of {code}", quarters)
    return np.round(RATES[code] * np.exp(np.cumsum(drift)), 4)


def table(clock: Clock, held: Exchange) -> pd.DataFrame:
    """`rates`: currency, day from which the rate holds, US dollars for one unit.

    The first rate holds from before the first opportunity.
    """
    quarters = len(clock.quarters)
    starts = [clock.origin, *(quarter_start(name) for name in clock.quarters[1:])]
    begin = np.array(starts, dtype="datetime64[D]")
    currency, quarter = (at.ravel() for at in np.indices((len(held.codes), quarters)))
    return pd.DataFrame(
        {
            "currency": labels(held.codes, currency),
            "from_on": days(begin[quarter]),
            "rate": held.rates[currency, quarter],
        }
    )
