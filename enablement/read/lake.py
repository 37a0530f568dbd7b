"""Tables on this machine, in a DuckDB file or as Parquet: taken as they are, and read once.

As with any database nothing is written to it, and what its tables hold is for whoever keeps it. As
with any export what was read is kept, so that opportunities are numbers and visits are built once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from enablement.errors import EngineError, choices
from enablement.read import cache, engine, loading, visits
from enablement.read.connections import BUILT, Opening
from enablement.read.crm import CRM, HANDED_OVER
from enablement.read.engine import Remote, Table, View, literal, quoted
from enablement.read.reading import FACTS
from enablement.read.store import Store
from enablement.read.warehouse import line
from enablement.settings import Settings

NAME = "attached"  # of the database, in texts
MAIN = "main"  # the schema in which tables lie unless they say another
WHOLE = frozenset(
    f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
) | {"HUGEINT", "UHUGEINT"}
# To number narrow rows and join them takes half as long as to number whole ones, one by one.
NUMBERS = "select opportunity_id, (row_number() over () - 1)::integer as n from given_opportunities"
NUMBERED = (
    "select i.n, r.rep as rep_code, c.rep as creator_code, o.* from given_opportunities o "
    "join numbers i using (opportunity_id) left join rep_codes r on r.rep_id = o.rep_id "
    "left join rep_codes c on c.rep_id = o.created_by"
)
UNDATED = "select count(*) as n from opportunities where outcome <> 'open' and closed_at is null"
CLOSED = (
    "select o.* replace (case when o.outcome <> 'open' then coalesce(o.closed_at, m.happened_at) "
    "end as closed_at) from opportunities o left join (select n, "
    "arg_max_null(happened_at, k) as happened_at from moves where outcome is not null "
    "group by n) m using (n)"
)
OWNERS = (
    "select rep_id from rep_codes where rep in "
    "(select owner from moves union select rep_code from numbered) union select rep_id from quotas"
)
LAST_SEEN = (
    "select greatest((select max(greatest(created_at, closed_at)) from numbered), "
    "(select max(happened_at) from moves)) as last"
)


def connect(place: Path, said: Settings) -> CRM:
    """Open a DuckDB file, or a folder of Parquet files.

    The tables of a folder are its files (``stage_events.parquet``) and its folders of parts
    (``stage_events/*.parquet``).

    Raises
    ------
    EngineError
        If there is none, or it cannot be opened.
    SettingsError, ExportError
        As for `connections.connect`.
    """
    place = place.resolve()
    found = _listed(place)
    named = {f"{NAME}/{path}": path for paths in found.values() for path in paths}

    before = loading.stamps(named)

    def read(into: Path) -> None:
        with _answering(place), _opened(place, found, into) as store:
            Taking(store, said).save(into)
        loading.check_unchanged(before, loading.stamps(named))

    name = cache.key(named, said)
    return loading.opened(cache.find(name) or cache.keep(name, read), said)


def _listed(place: Path) -> dict[str, list[Path]]:
    """List the files of each table of a folder; a file that is none has all of them.

    Raises
    ------
    EngineError
        If there is nothing to open.
    """
    if not place.exists():
        raise EngineError(f"There is no {place}. {choices(place.name, _beside(place))}")
    if not place.is_dir():
        return {"": [place]}
    found: dict[str, list[Path]] = {}
    for path in sorted(place.glob("*/*.parquet")):
        found.setdefault(path.parent.name, []).append(path)
    found |= {path.stem: [path] for path in sorted(place.glob("*.parquet"))}
    if not found:
        raise EngineError(f"There is no Parquet file in {place}.")
    return found


def _beside(place: Path) -> list[str]:
    return sorted(path.name for path in place.parent.iterdir()) if place.parent.is_dir() else []


def _opened(place: Path, found: Mapping[str, list[Path]], into: Path) -> Store:
    if place.is_dir():
        return Store(place=into, reach=place, first=_views(found))
    return Store(place=into, first=[f"attach {literal(str(place))} as {NAME} (read_only)"])


@contextlib.contextmanager
def _answering(place: Path) -> Iterator[None]:
    """Say in a line what DuckDB refuses; that memory is short is said where readings are kept."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise EngineError(f"{place.name} cannot be read: {line(error)}") from error


def _views(found: Mapping[str, list[Path]]) -> list[str]:
    """Write what shows the files of a folder as tables; columns of parts are found by name."""
    shown = [f"attach ':memory:' as {NAME}"]
    for name, paths in found.items():
        files = ", ".join(literal(str(path)) for path in paths)
        read = f"read_parquet([{files}], union_by_name = true)"
        shown.append(f"create view {_table((name,))} as select * from {read}")
    return shown


def _table(place: tuple[str, ...]) -> str:
    schema = place[-2] if len(place) > 1 else MAIN
    return ".".join(map(quoted, (NAME, schema, place[-1])))


class Attached(engine.Session):
    """The database beside a store, asked as `warehouse.Warehouse` asks one elsewhere."""

    dialect = "DuckDB"

    def __init__(self, store: Store) -> None:
        super().__init__({}, connection=store.connection)

    def tables(self, place: tuple[str, ...] = ()) -> list[str]:
        """List the tables and views of a schema; of ``main`` where none is named."""
        schema = literal(place[-1] if place else MAIN)
        return self._names("table_name", f"table_schema = {schema}")

    def schemas(self) -> list[str]:
        """List the schemas that have tables."""
        return self._names("table_schema", "true")

    def readable(self, place: tuple[str, ...]) -> bool:
        """Whether a table may be read: whoever may open a file may read all of it."""
        return True

    def columns(self, place: tuple[str, ...]) -> dict[str, str]:
        """Say what kinds the columns of a table are; what we have no use for is text."""
        return {name: _kind(said) for name, said in self._described(place).items()}

    def remote(
        self, table: str, place: tuple[str, ...], columns: Mapping[str, tuple[str | None, str]]
    ) -> Remote:
        """Take a table under our names.

        Parameters
        ----------
        columns : our name -> (the name there, None where there is none; its kind here)
        """
        here = self._described(place)
        fields = ", ".join(
            f"{_field(called, kind, here)} as {quoted(ours)}"
            for ours, (called, kind) in columns.items()
        )
        kinds = {ours: kind for ours, (_, kind) in columns.items()}
        return Remote(table, kinds, f"select {fields} from {_table(place)}", self)

    def _names(self, what: str, where: str) -> list[str]:
        found = self.query(
            f"select distinct {what} as name from information_schema.tables "
            f"where table_catalog = '{NAME}' and {where} order by 1"
        )
        return list(found["name"])

    def _described(self, place: tuple[str, ...]) -> dict[str, str]:
        found = self.query(f"select * from (describe select * from {_table(place)})")
        return dict(zip(found["column_name"], found["column_type"], strict=True))


def _kind(said: str) -> str:
    """Say what a kind of DuckDB's is here."""
    if said in WHOLE:
        return "BIGINT"
    if said in ("DOUBLE", "FLOAT") or said.startswith("DECIMAL"):
        return "DOUBLE"
    if said == "DATE" or said.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    return "BOOLEAN" if said == "BOOLEAN" else "VARCHAR"


def _field(called: str | None, kind: str, here: Mapping[str, str]) -> str:
    """Write a column as one of our kinds, without what stands for something that is not known."""
    if called is None:
        return f"null::{kind}"
    name, there = quoted(called), here[called]
    if kind == "DOUBLE" and there in ("DOUBLE", "FLOAT"):
        return f"nullif({name}::double, 'NaN'::double)"
    if kind == "TIMESTAMP":
        utc = f"{name} at time zone 'UTC'" if there.endswith("TIME ZONE") else name
        return f"case when isfinite({name}) then ({utc})::timestamp end"
    return f"{name}::{kind}"


class Taking(Opening):
    """One reading of such a database: its tables are checked and numbered, and visits built."""

    def __init__(self, store: Store, said: Settings) -> None:
        self.session, self.store = Attached(store), store
        super().__init__(self.session, said)
        for name in (each for each in BUILT if each in self.there):
            place = ".".join(self.there.pop(name))
            self.ledger.passed_over(f"{place}: not read, as visits are built of stage_events")

    def save(self, into: Path) -> None:
        """Leave the tables, and what is told of them, as files in a folder."""
        given = self.given()
        self._build(given, into)
        made = {*visits.OF_KEPT, "reps"}
        for name in (each for each in HANDED_OVER if each not in made):
            self._leave(name, f"select * from {self.session.rows(given[name])}", into)
        self._leave("reps", self._listed_reps(given, into), into)
        for name, table in given.items():
            self._counted(name, table)
        self.ledger.close().save(into)
        (into / FACTS).write_text(json.dumps(self._facts(given)), encoding="utf-8")

    def _leave(self, name: str, sql: str, into: Path) -> None:
        self.store.save(sql, into / f"{name}.parquet")

    def _build(self, given: Mapping[str, Table], into: Path) -> None:
        """Number the opportunities, and build the visits."""
        for name in ("opportunities", "stage_events", "owner_changes"):
            self.store.view(f"given_{name}", f"select * from {self.session.rows(given[name])}")
        self._number(into)
        dates: dict[str, tuple[str, str | None]] = {
            column: (stage, None) for stage, column in self.said.stage_dates.items()
        }
        visits.build(self.store, self.said, dates)
        if self.store.one(UNDATED)["n"]:
            self.store.lay("numbered", CLOSED, words={})
        for name in ("more_steps", "spots", "rep_codes"):
            self._leave(name, f"from {name}", into)

    def _number(self, into: Path) -> None:
        """Number the opportunities, and show the other tables as the building of visits asks."""
        for name in ("stage_events", "owner_changes"):
            self.store.view(name, f"select * from given_{name}")
        self.store.view("opportunities", "select * from given_opportunities")
        self.store.make("rep_codes", visits.CODES["rep_codes"])
        self.store.make("numbers", NUMBERS)
        self.store.lay("numbered", NUMBERED, words={})
        self.store.run("drop table numbers")
        laid = self.session.rows(into / "numbered.parquet")
        self.store.run(f"create or replace view opportunities as select * from {laid}")

    def _listed_reps(self, given: Mapping[str, Table], into: Path) -> str:
        named = {name: into / f"{name}.parquet" for name in ("rep_codes", "moves", "numbered")}
        owners = View(OWNERS, {**named, "quotas": given["quotas"]})
        reps = self.session.rows(self._reps(given["reps"], owners))
        return f"select * from {reps} order by rep_id"

    def _facts(self, given: Mapping[str, Table]) -> dict[str, object]:
        history = "stage_events" in self.there
        last = self.store.one(LAST_SEEN)["last"]
        return {
            "stage_history": history,
            "owner_history": history and self._owners(given),
            "dated_stages": self.dated_stages,
            "last_seen": None if last is None else str(last.date()),
        }
