"""Fiscal periods and moments: what ``2026Q3`` and ``as_of`` mean."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
from typing import TYPE_CHECKING

from enablement.errors import EnablementError

if TYPE_CHECKING:
    import pandas as pd

PARTS = {"year": 1, "half": 2, "quarter": 4, "month": 12}  # of a year, each of whole months
KINDS = {"H": "half", "Q": "quarter", "M": "month", "W": "week"}
SHAPE = re.compile(r"^(?P<year>\d{4})(?:(?P<kind>[HQMW])(?P<number>\d{1,2}))?$")
DAY = re.compile(r"^\s*\d{4}-\d{1,2}-\d{1,2}(?!\d)")  # how a day is written; a time may follow
FIRST_YEAR, LAST_YEAR = 1900, 2200
WEEKS = ((4, 4, 5), (4, 5, 4), (5, 4, 4))
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ENDS = (*(f"last {day}" for day in WEEKDAYS), *(f"{day} nearest" for day in WEEKDAYS))
NAMED_AFTER = ("end", "start")
ONE_DAY = dt.timedelta(days=1)
ONE_WEEK = dt.timedelta(weeks=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """A stretch of fiscal time.

    name : such as ``2026Q3``, or ``start to end`` where it has no fiscal name
    start : first day that counts
    end : last day that counts
    """

    name: str
    start: dt.date
    end: dt.date

    def __str__(self) -> str:
        return self.name

    @property
    def eve(self) -> dt.date:
        """The last day before it begins, whose end is its opening."""
        return self.start - dt.timedelta(days=1)


def when(name: str) -> str:
    """Write that something was in a period, or from one day to another."""
    return f"from {name}" if " to " in name else f"in {name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Calendar:
    """The fiscal calendar of a company, in calendar months or in whole weeks.

    first_month : the month in which the fiscal year begins, 1 to 12
    weeks : of the three months of each quarter, such as ``(4, 4, 5)``; None for calendar
        months. A year of weeks has 52 of them or 53
    ends : the day on which a year of weeks ends: ``last Saturday`` of its last month, or
        ``Saturday nearest`` to the last day of that month, which may lie in the next one
    extra_week : the month that is a week longer in a year of 53 weeks, 1 to 12, counted
        from the start of the fiscal year
    named_after : the calendar year whose name the fiscal year has, where its months lie in
        two: that of its ``end`` or of its ``start``
    """

    first_month: int = 1
    weeks: tuple[int, int, int] | None = None
    ends: str = "last Saturday"
    extra_week: int = 12
    named_after: str = "end"

    def period(self, name: str | Period | tuple[object, object]) -> Period:
        """Find the days of a period.

        Parameters
        ----------
        name : ``2026``, ``2026H1``, ``2026Q3``, ``2026M07`` (months are counted
            from the start of the fiscal year), ``2026W31`` where the fiscal year has
            whole weeks, or a pair ``(start, end)`` of days

        Raises
        ------
        EnablementError
            If the name is none of these.
        """
        if isinstance(name, Period):
            return name
        if isinstance(name, (tuple, list)) and len(name) == 2:
            try:
                start, end = (moment(day).date() for day in name)
            except EnablementError as error:
                raise self._no_period(name) from error
            if end < start:
                raise EnablementError(f"The period ends on {end}, before it begins on {start}.")
            return Period(f"{start} to {end}", start, end)
        found = SHAPE.match(str(name).strip().upper().replace("-", ""))
        if found is None or not FIRST_YEAR <= int(found["year"]) <= LAST_YEAR:
            raise self._no_period(name)
        year, kind = int(found["year"]), KINDS.get(found["kind"] or "", "year")
        number = int(found["number"] or 1)
        if not 1 <= number <= self._parts(year, kind):
            raise self._no_period(name)
        return self._part(year, kind, number)

    def quarter(self, day: object) -> Period:
        """Find the fiscal quarter in which a day falls."""
        date = moment(day).date()
        around = range(date.year - 1, date.year + 3)
        year = next(y for y in around if self._first_day(y, 0) <= date < self._first_day(y, 12))
        number = sum(self._first_day(year, months) <= date for months in (0, 3, 6, 9))
        return self.period(f"{year}Q{number}")

    def after(self, period: Period) -> Period:
        """Find the quarter that follows a period."""
        return self.quarter(period.end + ONE_DAY)

    def before(self, period: Period, *, quarters: int = 1) -> Period:
        """Find the quarter that lies so many before the one in which a period begins."""
        named = self.every("quarter")
        return named[named.index(self.quarter(period.start)) - quarters]

    def every(self, kind: str) -> tuple[Period, ...]:
        """List every ``quarter``, or ``month``, that has a name, the earliest first."""
        return _every(self, kind)

    def _no_period(self, name: object) -> EnablementError:
        weeks = "" if self.weeks is None else ", 2026W31"
        known = f"Write 2026, 2026H1, 2026Q3, 2026M07{weeks} or (start, end)."
        return EnablementError(f"{name!r} is no period. {known}")

    def _parts(self, year: int, kind: str) -> int:
        """Count the periods of a kind in a fiscal year; calendar months have no weeks."""
        if kind != "week":
            return PARTS[kind]
        days = (self._first_day(year, 12) - self._first_day(year, 0)).days
        return 0 if self.weeks is None else days // 7

    def _part(self, year: int, kind: str, number: int) -> Period:
        if kind == "week":
            start = self._first_day(year, 0) + (number - 1) * ONE_WEEK
            return Period(_canonical(year, kind, number), start, start + ONE_WEEK - ONE_DAY)
        months = 12 // PARTS[kind]
        start = self._first_day(year, (number - 1) * months)
        end = self._first_day(year, number * months) - ONE_DAY
        return Period(_canonical(year, kind, number), start, end)

    def _first_day(self, year: int, months_in: int) -> dt.date:
        """Find the day that follows so many months of a fiscal year."""
        if self.weeks is None:
            return self._first_of_month(year, months_in)
        start, end = (self._last_day(y) + ONE_DAY for y in (year - 1, year))
        weeks = months_in // 3 * sum(self.weeks) + sum(self.weeks[: months_in % 3])
        extra = (end - start).days // 7 - 52 if months_in >= self.extra_week else 0
        return start + (weeks + extra) * ONE_WEEK

    def _last_day(self, year: int) -> dt.date:
        """Find the day on which a fiscal year of weeks ends."""
        day, near = sorted(self.ends.split(), key=lambda word: word not in WEEKDAYS)
        month_end = self._first_of_month(year, 12) - ONE_DAY
        over = (month_end.weekday() - WEEKDAYS.index(day)) % 7  # days since that weekday
        last = month_end - over * ONE_DAY
        return last + ONE_WEEK if near == "nearest" and over > 3 else last

    def _first_of_month(self, year: int, months_in: int) -> dt.date:
        begun = year - (self.first_month > 1 and self.named_after == "end")
        index = begun * 12 + self.first_month - 1 + months_in
        return dt.date(index // 12, index % 12 + 1, 1)


@functools.cache
def _every(calendar: Calendar, kind: str) -> tuple[Period, ...]:
    return tuple(
        calendar.period(_canonical(year, kind, number))
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
        for number in range(1, PARTS[kind] + 1)
    )


def _canonical(year: int, kind: str, number: int) -> str:
    if kind == "year":
        return f"{year:04d}"
    letter = next(letter for letter, named in KINDS.items() if named == kind)
    return f"{year:04d}{letter}{number:0{2 if kind in ('month', 'week') else 1}d}"


def moment(as_of: object, name: str = "as_of") -> pd.Timestamp:
    """Turn ``as_of`` into the last moment whose events may be seen, in UTC.

    Parameters
    ----------
    as_of : a date, a string such as ``2026-09-30`` or ``2026-09-30 12:00``, or a Timestamp.
        A date, or a time of exactly midnight, means the end of that day; a zoned time is
        converted to UTC. No other string is read: a quarter has no one day, ``today`` would
        ask the clock, and in ``02/03/2026`` nobody knows which is the month
    name : what the argument is called, for the refusal

    Returns
    -------
    pandas.Timestamp
        Without a zone, inclusive.

    Raises
    ------
    EnablementError
        If it is no date.
    """
    import numpy as np
    import pandas as pd

    refused = EnablementError(f"{name}={as_of!r} is no date. Write it as '2026-09-30'.")
    a_day = DAY.match(as_of) if isinstance(as_of, str) else isinstance(as_of, dt.date)
    if not (a_day or isinstance(as_of, np.datetime64)):
        raise refused
    try:
        stamp = pd.Timestamp(as_of)
    except (ValueError, TypeError) as error:
        raise refused from error
    if pd.isna(stamp):
        raise refused
    if stamp.tzinfo is not None:
        return stamp.tz_convert("UTC").tz_localize(None).as_unit("us")
    if stamp == stamp.normalize():
        stamp += pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    return stamp.as_unit("us")
