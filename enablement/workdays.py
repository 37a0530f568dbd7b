"""Working days: those of the week on which a company works, less its holidays."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from enablement.periods import Period

WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclasses.dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days on which a company works.

    week : days of the week, such as ``Mon``
    holidays : days on which nobody works, whatever day of the week they are
    """

    week: tuple[str, ...] = WEEK[:5]
    holidays: tuple[dt.date, ...] = ()

    def between(self, first: ArrayLike, last: ArrayLike) -> NDArray[np.float64]:
        """Count the working days from one day to another, both included.

        Parameters
        ----------
        first, last : days or times, of one shape or one for all

        Returns
        -------
        numpy.ndarray of float
            0 where the last day lies before the first; missing where one of them is.
        """
        import numpy as np

        begin, end = np.broadcast_arrays(_days(first), _days(last))
        known = ~(np.isnat(begin) | np.isnat(end))
        counted = np.full(begin.shape, np.nan)
        counted[known] = np.busday_count(
            begin[known],
            np.maximum(end[known] + 1, begin[known]),
            weekmask=" ".join(self.week),
            holidays=np.array(self.holidays, dtype="datetime64[D]"),
        )
        return counted

    def within(self, period: Period, *, since: ArrayLike, until: ArrayLike) -> NDArray[np.float64]:
        """Count the working days of a period that somebody was there for.

        Parameters
        ----------
        since, until : first and last day of each, both included, such as those of a rep;
            missing where it is not known to have begun or ended within the period
        """
        import numpy as np

        begin, end = np.broadcast_arrays(_days(since), _days(until))
        start, stop = np.datetime64(period.start, "D"), np.datetime64(period.end, "D")
        return self.between(np.fmax(begin, start), np.fmin(end, stop))


def _days(said: ArrayLike) -> NDArray[np.datetime64]:
    import numpy as np

    return np.asarray(said, dtype="datetime64[D]")
