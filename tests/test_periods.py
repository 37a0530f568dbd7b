"""Fiscal periods and moments."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enablement.errors import EnablementError
from enablement.periods import ENDS, WEEKDAYS, WEEKS, Calendar, Period, moment, when

NRF = Calendar(2, weeks=(4, 5, 4), ends="Saturday nearest", named_after="start")
APPLE = Calendar(10, weeks=(5, 4, 4), ends="last Saturday", extra_week=3)
CISCO = Calendar(8, weeks=(4, 4, 5), ends="last Saturday")
WEEKLY = st.builds(
    Calendar,
    first_month=st.integers(1, 12),
    weeks=st.sampled_from(WEEKS),
    ends=st.sampled_from(ENDS),
    extra_week=st.integers(1, 12),
    named_after=st.sampled_from(["end", "start"]),
)


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
    assert calendar.before(calendar.after(quarter)) == quarter
    assert calendar.after(quarter).eve == quarter.end
    assert calendar.period(quarter.name) == quarter


@pytest.mark.parametrize(
    ("calendar", "name", "start", "end"),
    [
        # National Retail Federation, 4-5-4 calendar of 2023: 53 weeks, until 3 February 2024.
        (NRF, "2023", "2023-01-29", "2024-02-03"),
        (NRF, "2023M01", "2023-01-29", "2023-02-25"),
        (NRF, "2023M02", "2023-02-26", "2023-04-01"),
        (NRF, "2023M03", "2023-04-02", "2023-04-29"),
        (NRF, "2023M12", "2023-12-31", "2024-02-03"),
        (NRF, "2023W53", "2024-01-28", "2024-02-03"),
        (NRF, "2024W01", "2024-02-04", "2024-02-10"),
        # Apple, annual and quarterly reports: 2023 had 53 weeks, the extra one in December.
        (APPLE, "2022", "2021-09-26", "2022-09-24"),
        (APPLE, "2023", "2022-09-25", "2023-09-30"),
        (APPLE, "2023Q1", "2022-09-25", "2022-12-31"),
        (APPLE, "2023Q2", "2023-01-01", "2023-04-01"),
        (APPLE, "2023Q3", "2023-04-02", "2023-07-01"),
        (APPLE, "2023H2", "2023-04-02", "2023-09-30"),
        (APPLE, "2024", "2023-10-01", "2024-09-28"),
        # Cisco, annual report of 2024: the days of the four years before its end.
        (CISCO, "2021", "2020-07-26", "2021-07-31"),
        (CISCO, "2022", "2021-08-01", "2022-07-30"),
        (CISCO, "2023", "2022-07-31", "2023-07-29"),
        (CISCO, "2024", "2023-07-30", "2024-07-27"),
    ],
)
def test_years_of_weeks_are_those_that_were_published(calendar, name, start, end):
    """Retail's calendar and two companies' years lie where their owners say."""
    period = calendar.period(name)
    assert (period.start.isoformat(), period.end.isoformat()) == (start, end)


def test_retail_has_had_five_years_of_53_weeks_since_2000():
    """The National Retail Federation lists 2000, 2006, 2012, 2017 and 2023."""
    years = [NRF.period(str(year)) for year in range(2000, 2028)]
    longer = [year.name for year in years if (year.end - year.start).days + 1 == 371]
    assert longer == ["2000", "2006", "2012", "2017", "2023"]


@pytest.mark.parametrize(
    ("calendar", "name"), [(NRF, "2022W53"), (NRF, "2023W54"), (Calendar(), "2026W31")]
)
def test_a_week_that_a_year_does_not_have_is_refused(calendar, name):
    """2022 had 52 weeks, and a year of calendar months has none."""
    with pytest.raises(EnablementError, match=f"'{name}' is no period. Write 2026"):
        calendar.period(name)


@settings(max_examples=60)
@given(calendar=WEEKLY, year=st.integers(1990, 2090))
def test_a_year_of_weeks_is_made_of_its_parts(calendar, year):
    """It has 364 days or 371; its halves, quarters, months and weeks follow without a gap."""
    whole = calendar.period(f"{year}")
    days = (whole.end - whole.start).days + 1
    assert days in (364, 371)
    assert calendar.period(f"{year + 1}").start == whole.end + dt.timedelta(days=1)
    for kind, count in {"H": 2, "Q": 4, "M": 12, "W": days // 7}.items():
        parts = [calendar.period(f"{year}{kind}{n}") for n in range(1, count + 1)]
        assert (parts[0].start, parts[-1].end) == (whole.start, whole.end)
        for part, following in itertools.pairwise(parts):
            assert part.start < part.end
            assert following.start == part.end + dt.timedelta(days=1)
    lengths = [month_days(calendar, year, n) // 7 for n in range(1, 13)]
    lengths[calendar.extra_week - 1] -= days // 7 - 52
    assert tuple(lengths) == calendar.weeks * 4


def month_days(calendar, year, number):
    """Days of a month of a fiscal year."""
    month = calendar.period(f"{year}M{number}")
    return (month.end - month.start).days + 1


@settings(max_examples=60)
@given(calendar=WEEKLY, year=st.integers(1990, 2090), quarter=st.integers(1, 4))
def test_quarters_of_weeks_end_where_pandas_says(calendar, year, quarter):
    """Its business calendar for 52 and 53 weeks is another hand's work."""
    day, near = sorted(calendar.ends.split(), key=lambda word: word not in WEEKDAYS)
    theirs = pd.offsets.FY5253Quarter(
        weekday=WEEKDAYS.index(day),
        startingMonth=(calendar.first_month - 2) % 12 + 1,
        qtr_with_extra_week=(calendar.extra_week - 1) // 3 + 1,
        variation=near,
    )
    assert theirs.is_on_offset(pd.Timestamp(calendar.period(f"{year}Q{quarter}").end))


@settings(max_examples=60)
@given(calendar=WEEKLY, day=st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1)))
def test_every_day_lies_in_one_quarter_of_weeks(calendar, day):
    """The quarter of a day holds it, the next begins where it ends, and it is in the list."""
    quarter = calendar.quarter(day)
    assert quarter.start <= day <= quarter.end
    assert calendar.after(quarter).start == quarter.end + dt.timedelta(days=1)
    assert calendar.period(quarter.name) == quarter


@pytest.mark.parametrize(("kind", "count"), [("quarter", 4), ("month", 12)])
def test_the_list_of_quarters_has_no_gap(kind, count):
    """Each begins on the day after the one before, over three hundred years."""
    for calendar in (Calendar(4), NRF, APPLE):
        every = calendar.every(kind)
        assert len(every) == 301 * count
        assert all(
            one.start - before.end == dt.timedelta(days=1)
            for before, one in itertools.pairwise(every)
        )


def test_a_year_may_be_named_after_its_start():
    """A year from April 2026 to March 2027 is 2027 by its end and 2026 by its start."""
    ended, begun = Calendar(4), Calendar(4, named_after="start")
    assert ended.period("2027") == Period("2027", dt.date(2026, 4, 1), dt.date(2027, 3, 31))
    assert begun.period("2026") == Period("2026", dt.date(2026, 4, 1), dt.date(2027, 3, 31))


@pytest.mark.parametrize(
    ("as_of", "last"),
    [
        ("2026-09-30", "2026-09-30 23:59:59.999999"),
        (dt.date(2026, 9, 30), "2026-09-30 23:59:59.999999"),
        (pd.Timestamp("2026-09-30"), "2026-09-30 23:59:59.999999"),
        ("2026-9-30", "2026-09-30 23:59:59.999999"),
        (np.datetime64("2026-09-30"), "2026-09-30 23:59:59.999999"),
        ("2026-09-30 12:00", "2026-09-30 12:00"),
        ("2026-09-30T12:00+02:00", "2026-09-30 10:00"),
        (pd.Timestamp("2026-09-30 12:00", tz="Europe/Berlin"), "2026-09-30 10:00"),
    ],
)
def test_a_date_means_the_end_of_that_day(as_of, last):
    """A time is that moment, a date its last microsecond, a zone is converted."""
    assert moment(as_of) == pd.Timestamp(last)


@pytest.mark.parametrize(
    "as_of",
    [
        *("soon", None, "2026-02-30", pd.NaT, "", "today", "now"),
        *("2026Q3", "2026", "2026-09", "02/03/2026", "30.09.2026", "2026-09-300"),
        *(20260930, 2026, 1.5, True, [dt.date(2026, 9, 30)]),
    ],
)
def test_no_date_is_refused(as_of):
    """Nothing is guessed: no day of a quarter, no month of 02/03, no number, and no clock."""
    with pytest.raises(EnablementError, match="is no date"):
        moment(as_of)


def test_what_is_refused_is_named_as_it_was_asked_for():
    """``since`` is not called ``as_of``, and a pair without two days is no period."""
    with pytest.raises(EnablementError, match="^since='2026Q3' is no date"):
        moment("2026Q3", "since")
    for pair in [("2026Q1", "2026Q2"), ("2026-01-01", None), ("soon", "later")]:
        with pytest.raises(EnablementError, match="is no period. Write 2026"):
            Calendar().period(pair)


def test_a_period_reads_as_its_name():
    """It stands in sentences."""
    assert str(Period("2026Q3", dt.date(2026, 7, 1), dt.date(2026, 9, 30))) == "2026Q3"


def test_something_is_in_a_period_or_from_day_to_day():
    """A stretch without a fiscal name is told by its two days."""
    calendar = Calendar()
    assert when(calendar.period("2026Q3").name) == "in 2026Q3"
    assert when(calendar.period(("2026-01-02", "2026-03-04")).name) == (
        "from 2026-01-02 to 2026-03-04"
    )
