"""A CRM export as trusted tables, each fetched when it is asked for."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import pandas as pd

from enablement.errors import CannotSayError
from enablement.periods import Period
from enablement.read import engine, visits
from enablement.read.engine import View
from enablement.read.quality import Quality
from enablement.settings import Settings

HANDED_OVER = (
    *("opportunities", "stage_events", "stage_visits", "closings", "reps", "quotas", "rates"),
    *("activities", "accounts", "calendar", "training"),
    *("assessments", "reactions", "practice", "coaching"),
)
T = TypeVar("T")


class Table:
    """A table of the export as a DataFrame, fetched when first asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember which table it is."""
        self.name = name

    @overload
    def __get__(self, crm: None, owner: type) -> Table: ...
    @overload
    def __get__(self, crm: CRM, owner: type) -> pd.DataFrame: ...
    def __get__(self, crm: CRM | None, owner: type) -> Table | pd.DataFrame:
        """Fetch it from where it lies."""
        if crm is None:
            return self
        source = crm.sources[self.name]
        if isinstance(source, pd.DataFrame):
            return source
        order = f" order by {source.order}" if isinstance(source, View) and source.order else ""
        frame = crm.session.query(f"select * from it{order}", {"it": source})
        crm.__dict__[self.name] = frame  # the next time it is found there
        return frame


@dataclasses.dataclass(frozen=True, repr=False)
class CRM:
    """The tables of one export, and what happened to its rows.

    opportunities, stage_events, stage_visits, reps : as in the dictionary of the
        data; times are naive UTC
    closings : one row per outcome an opportunity had (opportunity_id, closing, closed_at,
        outcome, rep_id); a reopened one has several
    quotas, rates, activities, accounts, calendar, training, assessments, reactions,
    practice, coaching : as in the dictionary; without rows where the export has none
    sources : table -> a DataFrame, the Parquet file it lies in, or a `View` of such files
    kept : the coded tables that a reading left; none where DataFrames were given
    settings : what the workspace says
    quality : what was used, set aside and changed
    stage_history : whether the export has a history of stages
    owner_history : whether it has a history of owners
    dated_stages : in their order, the stages that have a column with the date of entering them
    last_seen : the last day seen in the data
    """

    sources: Mapping[str, engine.Table]
    settings: Settings
    quality: Quality
    stage_history: bool
    owner_history: bool
    dated_stages: tuple[str, ...]
    last_seen: dt.date | None
    kept: Mapping[str, Path] = dataclasses.field(default_factory=dict)

    opportunities = Table()
    stage_events = Table()
    stage_visits = Table()
    closings = Table()
    reps = Table()
    quotas = Table()
    rates = Table()
    activities = Table()
    accounts = Table()
    calendar = Table()
    training = Table()
    assessments = Table()
    reactions = Table()
    practice = Table()
    coaching = Table()

    def __repr__(self) -> str:
        """Say what it holds in a line."""
        count = self.session.query(
            "select (select count(*) from opportunities) as o, (select count(*) from stage_visits) "
            "as v",
            self.counted,
        ).iloc[0]
        try:
            seen = f"seen until {self.seen_until:%Y-%m-%d}"
        except CannotSayError:
            seen = "no day seen"
        return (
            f"CRM: {count['o']:,} opportunities, {count['v']:,} stage "
            f"visits, {len(self.sellers):,} reps, {seen}"
        )

    @functools.cached_property
    def counted(self) -> Mapping[str, engine.Table]:
        """The tables as measures count them; see `visits.counted`."""
        return visits.counted(self.sources, self.settings, self.kept)

    @functools.cached_property
    def session(self) -> engine.Session:
        """The database in which measures are counted."""
        there = engine.remote(self.sources)
        if there is not None:
            return there.warehouse
        place = next((path.parent for path in self.kept.values()), None)
        return engine.Session({**self.sources, **self.kept}, place)

    @functools.cached_property
    def sellers(self) -> pd.DataFrame:
        """The reps who sell: everybody but those who only manage others."""
        names = ("opportunities", "stage_visits", "closings")
        owners = self.session.query(
            "select rep_id from reps where rep_key in ("
            + " union ".join(f"select rep_id from {name}" for name in names)
            + ")",
            self.counted,
        )["rep_id"]
        managers = set(self.reps["manager_id"].dropna()) & set(self.reps["rep_id"])
        sells = self.reps["rep_id"].isin(owners) | ~self.reps["rep_id"].isin(managers)
        return self.reps[sells].reset_index(drop=True)

    def columns(self, table: str) -> list[str]:
        """List the columns of a table."""
        source = self.sources[table]
        if isinstance(source, pd.DataFrame):
            return list(source)
        return self._once(f"columns of {table}", lambda: list(self._ask(table, "*", "limit 0")))

    def has(self, table: str, column: str) -> bool:
        """Whether a table knows any value of a column."""
        return self._once(f"{column} of {table}", lambda: self._some(table, column))

    def values(self, table: str, column: str, *, beside: str | None = None) -> list[str]:
        """List the values of a column as texts, each once, in order.

        Parameters
        ----------
        beside : only of rows in which this column has a value too
        """
        names = [column, beside or column]
        return self._once(f"values of {names} of {table}", lambda: self._values(table, *names))

    def first(self, table: str, column: str) -> pd.Timestamp | None:
        """Find the earliest time in a column; None where it has none."""
        what = f"min({engine.quoted(column)})::timestamp as first"
        found = self._once(f"first {what} of {table}", lambda: self._ask(table, what, ""))
        return None if found["first"].isna().all() else pd.Timestamp(found["first"].item())

    def _some(self, table: str, column: str) -> bool:
        source, name = self.sources[table], engine.quoted(column)
        if isinstance(source, pd.DataFrame):
            return bool(source[column].notna().any())
        return len(self._ask(table, "1 as one", f"where {name} is not null limit 1")) > 0

    def _values(self, table: str, column: str, beside: str) -> list[str]:
        name, other = engine.quoted(column), engine.quoted(beside)
        rest = f"where {name} is not null and {other} is not null order by 1"
        return list(self._ask(table, f"distinct {name}::varchar as value", rest)["value"])

    def _ask(self, table: str, what: str, rest: str) -> pd.DataFrame:
        return self.session.query(f"select {what} from it {rest}", {"it": self.sources[table]})

    def _once(self, key: str, ask: Callable[[], T]) -> T:
        """Ask what cannot change once only."""
        known: dict[str, Any] = self.__dict__.setdefault("_known", {})
        if key not in known:
            known[key] = ask()
        return known[key]

    def last(self, what: str, asked: str, count: Callable[[], T]) -> T:
        """Give the last answer again where the same is asked; a database's rows may have changed.

        Parameters
        ----------
        what : names what is counted; of each the last answer alone is kept
        asked : everything that it depends on besides the tables and the settings
        count : counts it; nobody may change what it gives
        """
        if engine.remote(self.sources) is not None:
            return count()
        given: dict[str, tuple[str, Any]] = self.__dict__.setdefault("_last", {})
        found = given.get(what)
        if found is None or found[0] != asked:
            found = given[what] = (asked, count())
        answer: T = found[1]
        return answer

    @property
    def seen_until(self) -> dt.date:
        """The day of the export: as the settings say, else the last day seen in the data."""
        if self.settings.exported_on is not None:
            return self.settings.exported_on
        if self.last_seen is None:
            raise CannotSayError(
                f"The export has no date. Say its day in {self.settings.origin}: "
                "exported_on = 2026-09-30."
            )
        return self.last_seen

    def period(self, name: str | Period | tuple[object, object]) -> Period:
        """Find the days of a fiscal period such as ``2026Q3``."""
        return self.settings.period(name)

    def as_of(self, period: str | Period) -> dt.date:
        """Find the moment of a period's report: its last day, or the export's if earlier."""
        return min(self.period(period).end, self.seen_until)
