"""The reps of a plan: who they are, and for how much of each period they are there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import EnablementError, choices
from enablement.measure.definitions import counting_up
from enablement.periods import Period
from enablement.plan.goal import Goal
from enablement.read.crm import CRM
from enablement.workdays import WorkingDays

NEVER = np.datetime64("NaT")  # since and until of somebody who is always there
NOBODY = "Rep {}"  # a rep without a name, where there is no CRM


@dataclasses.dataclass(frozen=True)
class Staff:
    """Reps in the order of the worksheet, each with where they belong.

    table : ``rep_id``, ``name``, ``team``, ``region`` (text, never missing: "" where the CRM has
        none), ``since``, ``until`` (first and last day; missing where not known)
    week : the working days they have
    """

    table: pd.DataFrame
    week: WorkingDays

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ids(self) -> list[str]:
        """Their ids, in the order of the worksheet."""
        return self.table["rep_id"].tolist()

    @property
    def labels(self) -> dict[str, str]:
        """Id -> name."""
        return dict(zip(self.table["rep_id"], self.table["name"], strict=True))

    def days(self, periods: Sequence[Period]) -> NDArray[np.float64]:
        """Count the working days that each is there for, reps × periods."""
        since, until = self.table["since"].to_numpy(), self.table["until"].to_numpy()
        counted = [self.week.within(period, since=since, until=until) for period in periods]
        return np.stack(counted, axis=1) if counted else np.zeros((len(self), 0))

    def there(self, period: Period) -> NDArray[np.float64]:
        """Say for which share of a period's working days each is there, 0 to 1."""
        whole = float(self.week.within(period, since=NEVER, until=NEVER))
        return self.days([period])[:, 0] / whole

    def only(self, wanted: NDArray[np.bool_]) -> Staff:
        """Leave some of them out."""
        return Staff(self.table[wanted].reset_index(drop=True), self.week)

    def places(self, said: dict[str, float], what: str) -> dict[int, float]:
        """Find whom a plan means by id or by name; position -> what is said of them."""
        found: dict[int, float] = {}
        ids, names = self.table["rep_id"], self.table["name"]
        for rep, value in said.items():
            at = np.flatnonzero(ids.eq(rep) | names.eq(rep))
            if len(at) != 1:
                known = choices(rep, [*names.dropna(), *ids][:20])
                why = (
                    "is no rep who is there" if len(at) == 0 else "is the name of several; say ids"
                )
                raise EnablementError(f"{what}: {rep!r} {why}. {known}")
            found[int(at[0])] = float(value)
        return found


def of_crm(crm: CRM) -> Staff:
    """List the sellers of an export, by region, team and name."""
    sellers = crm.sellers
    table = pd.DataFrame(
        {
            "rep_id": sellers["rep_id"],
            "name": sellers["name"].fillna(sellers["rep_id"]),
            **{
                column: sellers[column].fillna("").astype(str) if column in sellers else ""
                for column in ("team", "region")
            },
            "since": _day(sellers, "hired_on"),
            "until": _day(sellers, "left_on"),
        }
    )
    order = ["region", "team", "name", "rep_id"]
    table = table.sort_values(order, key=counting_up, ignore_index=True)
    return Staff(table, crm.settings.working_days)


def stated(goal: Goal) -> Staff:
    """Make as many reps without names as a plan says there are."""
    reps = goal.stated.reps
    if reps is None:
        raise EnablementError(
            "Without a CRM the plan must say how many sell: [goal.stated] reps = 25."
        )
    width = len(str(reps))
    names = [NOBODY.format(str(number).zfill(width)) for number in range(1, reps + 1)]
    table = pd.DataFrame({"rep_id": names, "name": names, "team": "", "region": ""})
    never = pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
    return Staff(table.assign(since=never, until=never), WorkingDays())


def _day(sellers: pd.DataFrame, column: str) -> pd.Series:
    if column not in sellers:
        return pd.Series(pd.NaT, index=sellers.index, dtype="datetime64[us]")
    return pd.to_datetime(sellers[column])
