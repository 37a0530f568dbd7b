"""Fiscal periods and moments."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enablement.errors import EnablementError
from enablement.periods import Calendar, Period, moment


@pytest.mark.parametrize(
    ("name", "first_month", "start", "end"),
    [
        ("2026Q3", 1, "2026-07-01", "2026-09-30"),
        ("2026q1", 1, "2026-01-01", "2026-03-31"),
        ("2026H2", 1, "2026-07-01", "2026-12-31"),
        ("2026M02", 1, "2026-02-01", "2026-02-28"),
        ("2024", 1, "2024-01-01", "2024-12-31"),
        # A year that begins in February 2025 ends in January 2026 and is called 2026.
        ("2026", 2, "2025-02-01", "2026-01-31"),
        ("2026Q1", 2, "2025-02-01", "2025-04-30"),
        ("2026Q4", 10, "2026-07-01", "2026-09-30"),
    ],
)
def test_a_period_has_the_days_its_name_says(name, first_month, start, end):
    """Quarters, halves, months and years, also of fiscal years that begin later."""
    period = Calendar(first_month=first_month).period(name)
    assert (period.start.isoformat(), period.end.isoformat()) == (start, end)


@pytest.mark.parametrize("name", ["2026Q5", "2026Q0", "Q3", "26Q3", "2026M13", "", "next"])
def test_no_period_is_refused_with_what_would_have_worked(name):
    """The message shows the four ways to write one."""
    with pytest.raises(EnablementError, match="is no period. Write 2026, 2026H1, 2026Q3"):
        Calendar().period(name)


def test_a_period_may_be_two_days():
    """A pair of days is a period without a fiscal name."""
    period = Calendar().period(("2026-02-10", dt.date(2026, 3, 5)))
    assert (period.start, period.end) == (dt.date(2026, 2, 10), dt.date(2026, 3, 5))
    assert Calendar().period(period) is period


@given(day=st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1)), first_month=st.integers(1, 12))
def test_every_day_lies_in_the_quarter_that_is_found_for_it(day, first_month):
    """The quarter of a day holds the day, and the next one begins where it ends."""
    calendar = Calendar(first_month=first_month)
    quarter = calendar.quarter(day)
    assert quarter.start <= day <= quarter.end
    assert calendar.after(quarter).start == quarter.end + dt.timedelta(days=1)
    assert calendar.period(quarter.name) == quarter


@pytest.mark.parametrize(
    ("as_of", "last"),
    [
        ("2026-09-30", "2026-09-30 23:59:59.999999"),
        (dt.date(2026, 9, 30), "2026-09-30 23:59:59.999999"),
        (pd.Timestamp("2026-09-30"), "2026-09-30 23:59:59.999999"),
        ("2026-09-30 12:00", "2026-09-30 12:00"),
        (pd.Timestamp("2026-09-30 12:00", tz="Europe/Berlin"), "2026-09-30 10:00"),
    ],
)
def test_a_date_means_the_end_of_that_day(as_of, last):
    """A time is that moment, a date its last microsecond, a zone is converted."""
    assert moment(as_of) == pd.Timestamp(last)


@pytest.mark.parametrize("as_of", ["soon", None, "2026-02-30", pd.NaT])
def test_no_date_is_refused(as_of):
    """Nothing is guessed."""
    with pytest.raises(EnablementError, match="is no date"):
        moment(as_of)


def test_a_period_reads_as_its_name():
    """It stands in sentences."""
    assert str(Period("2026Q3", dt.date(2026, 7, 1), dt.date(2026, 9, 30))) == "2026Q3"
