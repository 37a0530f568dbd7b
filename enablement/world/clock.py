"""Working time: five days a week, eight to eighteen o'clock, UTC.

The simulation counts in working days since a Monday, so that nothing happens at a weekend and
later always stays later. One working day is 7/5 calendar days.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from enablement.errors import EnablementError

OPENS = 8 * 3600
OPEN_SECONDS = 10 * 3600
DAY = 86_400
EPOCH = dt.date(1970, 1, 1)


def quarter_start(period: str) -> dt.date:
    """First day of a calendar quarter such as `2026Q3`."""
    if not re.fullmatch(r"\d{4}Q[1-4]", period):
        raise EnablementError(f"{period!r} is not a quarter; it must look like 2026Q3.")
    year, quarter = int(period[:4]), int(period[5])
    return dt.date(year, 3 * quarter - 2, 1)


def shift_quarter(period: str, by: int) -> str:
    """The quarter that lies `by` quarters later (earlier if negative)."""
    quarter_start(period)
    at = int(period[:4]) * 4 + int(period[5]) - 1 + by
    return f"{at // 4}Q{at % 4 + 1}"


def days(values: np.ndarray) -> pd.Series:
    """Days since 1970-01-01, or datetime64[D], as times at midnight."""
    return pd.Series(values.astype("datetime64[D]").astype("datetime64[us]"))


@dataclass(frozen=True)
class Clock:
    """The time axis of one world.

    first : first day of the first quarter
    last : last day of the last quarter, the day of the export
    origin : the Monday on which working time is 0, `warmup` days before `first` or earlier
    quarters : names of the quarters, such as `2024Q2`
    """

    first: dt.date
    last: dt.date
    origin: dt.date
    quarters: tuple[str, ...]

    @classmethod
    def of(cls, last_quarter: str, quarters: int, warmup: int) -> Clock:
        """The axis of `quarters` quarters ending with `last_quarter`."""
        names = tuple(shift_quarter(last_quarter, k) for k in range(1 - quarters, 1))
        first = quarter_start(names[0])
        begin = first - dt.timedelta(days=warmup)
        origin = begin - dt.timedelta(days=begin.weekday())
        last = quarter_start(shift_quarter(last_quarter, 1)) - dt.timedelta(days=1)
        return cls(first, last, origin, names)

    @property
    def end(self) -> float:
        """Working time at the end of the last day."""
        return self.at(self.last + dt.timedelta(days=1))

    def at(self, day: dt.date) -> float:
        """Working time at the beginning of a day."""
        days = (day - self.origin).days
        return float(days // 7 * 5 + min(days % 7, 5))

    def day(self, time: np.ndarray) -> np.ndarray:
        """Calendar day (days since 1970-01-01) of working times."""
        whole = np.floor(time).astype(np.int64)
        return (self.origin - EPOCH).days + whole // 5 * 7 + whole % 5

    def second(self, time: np.ndarray) -> np.ndarray:
        """Seconds since 1970-01-01T00:00:00Z of working times."""
        part = time - np.floor(time)
        return self.day(time) * DAY + OPENS + np.floor(part * OPEN_SECONDS).astype(np.int64)

    def moments(self, time: np.ndarray) -> pd.Series:
        """Working times as naive UTC times; missing and endless ones are missing."""
        known = np.isfinite(time)
        made = self.second(np.where(known, time, 0.0)).astype("datetime64[s]")
        return pd.Series(np.where(known, made, np.datetime64("NaT"))).astype("datetime64[us]")

    def quarter(self, time: np.ndarray) -> np.ndarray:
        """Position of the quarter of working times: 0 is the first, negative before it."""
        starts = [self.at(quarter_start(name)) for name in self.quarters]
        return np.searchsorted(starts, time, side="right") - 1

    def season(self, time: np.ndarray) -> np.ndarray:
        """Quarter of the year, 0 to 3, of working times."""
        months = (self.day(time).astype("datetime64[D]")).astype("datetime64[M]").astype(np.int64)
        return months % 12 // 3
