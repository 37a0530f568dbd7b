"""Working days, counted beside a second way of counting them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from enablement.periods import Calendar
from enablement.workdays import WEEK, WorkingDays

EASTER = WorkingDays(holidays=(dt.date(2026, 4, 3), dt.date(2026, 4, 6), dt.date(2026, 4, 5)))
DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 6, 30))


def test_holidays_and_weekends_are_no_working_days():
    """From Wednesday 1 to Tuesday 7 April 2026: Wednesday, Thursday and Tuesday, so 3."""
    assert WorkingDays().between("2026-04-01", "2026-04-07") == 5
    assert EASTER.between("2026-04-01", "2026-04-07") == 3
    assert WorkingDays(week=("Sat", "Sun")).between("2026-04-01", "2026-04-07") == 2


def test_both_days_count_and_the_time_of_day_does_not():
    """A day to itself is one; a Saturday to itself is none; backwards is none."""
    first = pd.Series(pd.to_datetime(["2026-04-01 23:59", "2026-04-04 00:00", "2026-04-02 00:00"]))
    last = pd.Series(pd.to_datetime(["2026-04-01 08:00", "2026-04-04 00:00", "2026-04-01 00:00"]))
    assert WorkingDays().between(first, last).tolist() == [1, 0, 0]


def test_a_missing_day_gives_no_count():
    """What is not known is missing, never zero."""
    counted = WorkingDays().between(pd.to_datetime(["2026-04-01", None]), "2026-04-02")
    assert counted[0] == 2
    assert np.isnan(counted[1])


def test_a_rep_who_joins_or_leaves_has_fewer_working_days_of_a_period():
    """July to September 2026 has 66; from 31 August there are 23, and until 3 July 3."""
    quarter = Calendar().period("2026Q3")
    since = pd.to_datetime([None, "2026-08-31", "2020-01-01", "2026-10-01"])
    until = pd.to_datetime([None, None, "2026-07-03", None])
    assert WorkingDays().within(quarter, since=since, until=until).tolist() == [66, 23, 3, 0]


@settings(max_examples=40)
@given(
    first=DAYS,
    last=DAYS,
    week=st.sets(st.sampled_from(WEEK), min_size=1),
    holidays=st.sets(DAYS, max_size=20),
)
def test_the_count_is_that_of_the_days_one_by_one(first, last, week, holidays):
    """Each day from the first to the last is looked at: its day of the week and the list."""
    works = WorkingDays(tuple(week), tuple(holidays))
    days = [day.date() for day in pd.date_range(first, last)]
    expected = sum(WEEK[day.weekday()] in week and day not in holidays for day in days)
    assert works.between(first, last) == expected
