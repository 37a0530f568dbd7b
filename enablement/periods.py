"""Fiscal periods and moments: what ``2026Q3`` and ``as_of`` mean."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING

from enablement.errors import EnablementError

if TYPE_CHECKING:
    import pandas as pd

MONTHS = {"year": 12, "half": 6, "quarter": 3, "month": 1}
SHAPE = re.compile(r"^(?P<year>\d{4})(?:(?P<kind>[HQM])(?P<number>\d{1,2}))?$")
FIRST_YEAR, LAST_YEAR = 1900, 2200
KINDS = {"H": "half", "Q": "quarter", "M": "month"}


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


@dataclasses.dataclass(frozen=True, slots=True)
class Calendar:
    """The fiscal calendar of a company, in calendar months.

    first_month : the month in which the fiscal year begins, 1 to 12. A year that
        begins after January is named after the calendar year in which it ends.
    """

    first_month: int = 1

    def period(self, name: str | Period | tuple[object, object]) -> Period:
        """Find the days of a period.

        Parameters
        ----------
        name : ``2026``, ``2026H1``, ``2026Q3``, ``2026M07`` (months are counted
            from the start of the fiscal year), or a pair ``(start, end)`` of days

        Raises
        ------
        EnablementError
            If the name is none of these.
        """
        if isinstance(name, Period):
            return name
        if isinstance(name, (tuple, list)) and len(name) == 2:
            start, end = (moment(day).date() for day in name)
            if end < start:
                raise EnablementError(f"The period ends on {end}, before it begins on {start}.")
            return Period(f"{start} to {end}", start, end)
        found = SHAPE.match(str(name).strip().upper().replace("-", ""))
        kind = KINDS.get(found["kind"] or "", "year") if found else "year"
        number = int(found["number"] or 1) if found else 0
        sane = found is not None and FIRST_YEAR <= int(found["year"]) <= LAST_YEAR
        if found is None or not sane or not 1 <= number <= 12 // MONTHS[kind]:
            raise EnablementError(
                f"{name!r} is no period. Write 2026, 2026H1, 2026Q3, 2026M07 or (start, end)."
            )
        months = MONTHS[kind]
        start = self._first_day(int(found["year"]), (number - 1) * months)
        end = self._first_day(int(found["year"]), number * months) - dt.timedelta(days=1)
        return Period(_canonical(found["year"], found["kind"], number), start, end)

    def quarter(self, day: object) -> Period:
        """Find the fiscal quarter in which a day falls."""
        date = moment(day).date()
        month = (date.year * 12 + date.month - 1) - (self.first_month - 1)
        year, index = divmod(month, 12)
        year += self.first_month > 1
        return self.period(f"{year}Q{index // 3 + 1}")

    def after(self, period: Period) -> Period:
        """Find the quarter that follows a period."""
        return self.quarter(period.end + dt.timedelta(days=1))

    def _first_day(self, year: int, months_in: int) -> dt.date:
        year -= self.first_month > 1
        index = year * 12 + self.first_month - 1 + months_in
        return dt.date(index // 12, index % 12 + 1, 1)


def _canonical(year: str, kind: str | None, number: int) -> str:
    return (
        year
        if kind is None
        else f"{year}{kind}{number:02d}"
        if kind == "M"
        else f"{year}{kind}{number}"
    )


def moment(as_of: object) -> pd.Timestamp:
    """Turn ``as_of`` into the last moment whose events may be seen, in UTC.

    Parameters
    ----------
    as_of : a date, a string or a Timestamp. A date, or a time of exactly
        midnight, means the end of that day; a zoned time is converted to UTC

    Returns
    -------
    pandas.Timestamp
        Without a zone, inclusive.

    Raises
    ------
    EnablementError
        If it is no date.
    """
    import pandas as pd

    try:
        stamp = pd.Timestamp(as_of)
    except (ValueError, TypeError) as error:
        raise EnablementError(f"as_of={as_of!r} is no date. Write it as '2026-09-30'.") from error
    if pd.isna(stamp):
        raise EnablementError(f"as_of={as_of!r} is no date. Write it as '2026-09-30'.")
    if stamp.tzinfo is not None:
        return stamp.tz_convert("UTC").tz_localize(None).as_unit("us")
    if stamp == stamp.normalize():
        stamp += pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    return stamp.as_unit("us")
