"""A database by its URL as trusted tables: the way in where the rows stay where they are."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pandas as pd

from enablement import settings as workspace
from enablement.errors import EnablementError, ExportError, SettingsError, choices
from enablement.read import engine, schema, tables, visits
from enablement.read.crm import CRM, HANDED_OVER
from enablement.read.engine import Remote, Table, View, literal, quoted
from enablement.read.postgres import Postgres
from enablement.read.quality import Ledger
from enablement.read.spark import Spark
from enablement.read.values import FLAG, NUMBER, TEXT, TIME
from enablement.read.warehouse import Warehouse
from enablement.settings import Settings

if TYPE_CHECKING:
    from enablement.read.lake import Attached

READ = tuple(dict.fromkeys([*HANDED_OVER, "owner_changes"]))
BUILT = {  # what is built of the others where a database does not have it
    "stage_visits": {
        **dict.fromkeys(["opportunity_id", "pipeline", "stage", "rep_id", "exit"], TEXT),
        **dict.fromkeys(["visit", "stage_order", "amount"], NUMBER),
        **dict.fromkeys(["entered_at", "left_at"], TIME),
    },
    "closings": {
        **dict.fromkeys(["opportunity_id", "outcome", "rep_id"], TEXT),
        "closing": NUMBER,
        "closed_at": TIME,
    },
}
WHOLE = ("visit", "stage_order", "closing")  # numbers that are counted with
KINDS = {TEXT: "VARCHAR", NUMBER: "DOUBLE", TIME: "TIMESTAMP", FLAG: "BOOLEAN"}
CALLED = {
    **dict.fromkeys(["DOUBLE", "BIGINT"], "a number"),
    "TIMESTAMP": "a date or a time",
    "BOOLEAN": "true or false",
}
MADE_HERE = ("outcome",)  # a column that is never taken from a database


@dataclasses.dataclass(frozen=True)
class Engine:
    """A kind of database.

    backend : what Ibis calls it
    dialect : what sqlglot calls its SQL
    extra : the extra of the package that installs what it needs; "" where there is none
    """

    backend: str
    dialect: str
    extra: str = ""


HERE = "duckdb"  # our own engine, which nobody has to translate for
ENGINES = {
    "duckdb": Engine(HERE, HERE),
    "parquet": Engine(HERE, HERE),
    "postgres": Engine("postgres", "postgres", "postgres"),
    "postgresql": Engine("postgres", "postgres", "postgres"),
    "spark": Engine("pyspark", "spark", "spark"),
    "snowflake": Engine("snowflake", "snowflake"),
    "bigquery": Engine("bigquery", "bigquery"),
    "trino": Engine("trino", "trino"),
}
# What a session is told before it is asked anything. A text of ours has many steps over few
# rows, and compiling it takes PostgreSQL longer than running it. How many rows a step gives it
# cannot know, and where it guesses one it goes through all of the next step for each of many.
SESSIONS = {
    "postgres": (
        "set session characteristics as transaction read only",
        "set jit = off",
        "set enable_nestloop = off",
    ),
}

# Ibis would make a database of its own functions on Snowflake, of which our texts need none.
WRITES_NOTHING: dict[str, dict[str, Any]] = {"snowflake": {"create_object_udfs": False}}
ASKED: dict[str, type[Warehouse]] = {"postgres": Postgres, "pyspark": Spark}  # in their own way

# Spark's own settings are for many machines; a machine that works alone is slowed by them.
LOCAL = {
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def connect(url: str, settings: Settings | Mapping[str, Any] | str | Path | None = None) -> CRM:
    """Open the tables of a database, which counts them itself; only what was counted comes back.

    A DuckDB file and a folder of Parquet files are read once, and counted by our own engine.
    Nothing is written to a database. Its tables are taken as they are: what reading an export
    sets aside or puts right is for whoever keeps the database.

    Parameters
    ----------
    url : such as ``postgres://name:password@host/database``, ``spark://local``,
        ``duckdb://company.duckdb`` or ``parquet://folder``; a relative path starts at the
        workspace's root
    settings : a path, a dict, or None for the workspace's ``settings.toml``; ``[tables]`` says
        what the database calls our tables, ``[columns]`` what it calls their columns

    Raises
    ------
    EnablementError
        If the kind of database is not known, its package is not installed, or it does not answer.
    SettingsError
        If the settings do not fit, or name a table, column or stage that is not there.
    """
    said = workspace.read(settings, folder=workspace.root())
    _check_settings(said)
    kind = _kind_of(url)
    if kind.backend == HERE:
        from enablement.read import lake

        return lake.connect(workspace.root() / unquote(url.partition("://")[2]), said)
    warehouse = ASKED.get(kind.backend, Warehouse)(_opened(url, kind), kind.dialect)
    return Opening(warehouse, said).crm()


def _check_settings(said: Settings) -> None:
    """Stop at what is said of reading an export, and would change nothing in a database.

    Raises
    ------
    SettingsError
        With the setting, and what to do instead.
    """
    rules = [
        f"rules.{name} = {does!r}"
        for name, does in said.rules.items()
        if does != workspace.RULES[name][0]
    ]
    of_exports = {
        "[values]": bool(said.values),
        "[[renamed_stages]]": bool(said.renamed_stages),
        **dict.fromkeys(rules, True),
        "missing or not_missing": said.missing != workspace.PLACEHOLDERS,
        f"timezone = {said.timezone!r}": said.timezone != "UTC",
    }
    for setting, found in of_exports.items():
        if found:
            raise SettingsError(
                f"{said.origin}: {setting} is of reading an export, and a database's tables are "
                "taken as they are. Take it out, and name in [tables] a view that does the same."
            )


def _kind_of(url: str) -> Engine:
    scheme = url.partition("://")[0] if isinstance(url, str) and "://" in url else ""
    if scheme not in ENGINES:
        known = [f"{name}://" for name in ENGINES]
        named = f"{scheme}://" if scheme else "This"
        raise EnablementError(f"{named} is no kind of database. {choices(f'{scheme}://', known)}")
    return ENGINES[scheme]


def _opened(url: str, kind: Engine) -> Any:
    """Let Ibis connect.

    Raises
    ------
    EnablementError
        Without the URL, which may hold a password.
    """
    scheme = url.partition("://")[0]
    if kind.backend != "pyspark":
        _check_address(url)
    try:
        ibis = importlib.import_module("ibis")
        importlib.import_module(f"ibis.backends.{kind.backend}")
        if kind.backend == "pyspark":
            return ibis.pyspark.connect(_spark(url))
        address = kind.backend + url.removeprefix(scheme)
        backend = ibis.connect(address, **WRITES_NOTHING.get(kind.backend, {}))
        for setting in SESSIONS.get(kind.backend, ()):
            backend.raw_sql(setting)
        return backend
    except ImportError as error:
        what = f"enablement[{kind.extra}]" if kind.extra else f"ibis-framework[{kind.backend}]"
        raise EnablementError(
            f"{scheme}:// needs what is not installed ({error}): pip install '{what}'."
        ) from error
    except Exception as error:
        said = _without_secrets(str(error), url)
        raise EnablementError(f"{scheme}:// does not answer: {said}") from None


def _check_address(url: str) -> None:
    """Stop at a password that ends an address too early, before a message tells a part of it.

    Raises
    ------
    EnablementError
        Without the URL.
    """
    try:
        parts = urlsplit(url)
        broken = parts.port == 0 or "@" in parts.path + parts.fragment
    except ValueError:
        broken = True
    if broken:
        raise EnablementError(
            f"What follows {url.partition('://')[0]}:// is no address. In a password, signs that "
            "an address uses itself are written as numbers: / is %2F, ? is %3F, # is %23, "
            "@ is %40, [ is %5B."
        )


def _spark(url: str) -> Any:
    """Give the session of this process, or one of its own: ``spark://local`` or ``//host:port``."""
    from pyspark.sql import SparkSession

    # Not a usual address: the brackets of local[2] would be taken for those of one.
    place, _, settings = url.partition("://")[2].partition("?")
    place = place.strip("/") or "local"
    master = place if place.startswith("local") else f"spark://{place}"
    builder = SparkSession.builder.appName("enablement").master(master)
    usual = LOCAL if place.startswith("local") else {}
    for name, value in {**usual, **dict(parse_qsl(settings))}.items():
        builder = builder.config(name, value)
    return SparkSession.getActiveSession() or builder.getOrCreate()


def _without_secrets(message: str, url: str) -> str:
    """Say the first line of a message without what a URL keeps to itself."""
    line = next((line.strip() for line in message.splitlines() if line.strip()), "no reason given")
    who = url.partition("://")[2].partition("@")[0] if "@" in url else ""
    secrets = [who.partition(":")[2], *(value for _, value in parse_qsl(url.partition("?")[2]))]
    for secret in (each for part in secrets for each in (part, unquote(part)) if each):
        line = line.replace(secret, "***")
    return line.replace(url, "***")


class Opening:
    """One opening of a database, from its tables to those that are handed over."""

    def __init__(self, warehouse: Warehouse | Attached, said: Settings) -> None:
        self.warehouse, self.said, self.ledger = warehouse, said, Ledger()
        self.there = self._tables()

    def crm(self) -> CRM:
        """Hand the tables over."""
        given = self.given()
        history = any(name in self.there for name in ("stage_events", "stage_visits"))
        sources = self._built(given)
        names = ("opportunities", "stage_visits", "closings", "quotas")
        owners = " union ".join(f"select rep_id from {name}" for name in names)
        sources["reps"] = self._reps(sources["reps"], View(owners, sources))
        del sources["owner_changes"]
        for name in sources:
            self._counted(name, sources[name])
        return CRM(
            sources=sources,
            settings=self.said,
            quality=self.ledger.close(),
            stage_history=history,
            owner_history=history and self._owners(given),
            dated_stages=self.dated_stages,
            last_seen=self._last_seen(sources),
        )

    @property
    def dated_stages(self) -> tuple[str, ...]:
        """The stages, in their order, that have a column with the date of entering them."""
        return tuple(stage for stage in self.said.stages if stage in self.said.stage_dates)

    def given(self) -> dict[str, Table]:
        """Take the tables under our names, once nothing in them would make every count wrong."""
        given: dict[str, Table] = {
            name: self._given(name) if name in self.there else _nothing(name) for name in READ
        }
        self._check_stage_dates(given["opportunities"])
        given["opportunities"] = self._opportunities(given["opportunities"])
        self._check(given)
        return given

    def _ask(self, sql: str, **given: Table) -> pd.DataFrame:
        return self.warehouse.query(sql, given)

    def _tables(self) -> dict[str, tuple[str, ...]]:
        """Find which of our tables the database has, and where.

        Raises
        ------
        SettingsError
            If one that the settings name is not there.
        """
        named = self.said.tables
        for table in named:
            if table not in READ:
                raise SettingsError(
                    f"{self.said.origin}: [tables] names {table!r}. {choices(table, list(READ))}"
                )
        listed = self.warehouse.tables()
        found = {}
        for table in READ:
            *where, name = named.get(table, table).split(".")
            known = self.warehouse.tables(tuple(where)) if where else listed
            match = name if name in known else {n.lower(): n for n in known}.get(name.lower())
            needed = table in named or table == "opportunities"
            if match is not None and self._may_read((*where, match), needed=needed):
                found[table] = (*where, match)
            elif match is None and needed:
                raise SettingsError(
                    f"{self.said.origin}: the database has no table {named.get(table, table)!r} "
                    f"for {table}; name it in [tables]. {self._others(where, name, known)}"
                )
        return found

    def _others(self, where: list[str], name: str, known: list[str]) -> str:
        """Say which tables there are; where there is none, which schemas."""
        if known:
            return choices(name, sorted(known))
        schemas = choices(where[-1] if where else "", self.warehouse.schemas())
        place = f"the schema {where[-1]!r}" if where else "the usual schema"
        return f"There is none at all in {place}. Schemas: {schemas.removeprefix('Known: ')}"

    def _may_read(self, place: tuple[str, ...], *, needed: bool) -> bool:
        """Whether a table may be read; one that may not, and is not needed, is told of.

        Raises
        ------
        ExportError
            If it is needed.
        """
        if self.warehouse.readable(place):
            return True
        where, needs = ".".join(place), "needs usage of its schema and select on it"
        if needed:
            raise ExportError(f"{where}: the user may not read this table, and {needs}.")
        self.ledger.passed_over(f"{where}: not read, because the user may not; it {needs}")
        self.ledger.cannot(f"The table {where} is not read: the user may not, and {needs}.")
        return False

    def _given(self, table: str) -> Table:
        """Take a table under our names, with what else it has."""
        kinds = {**BUILT, **schema.KNOWN}[table]
        place = self.there[table]
        own, here = self.said.columns.get(table, {}), self.warehouse.columns(place)
        folded = {name.lower(): name for name in here}
        columns: dict[str, tuple[str | None, str]] = {}
        for name in [*kinds, *(each for each in own if each not in kinds)]:
            called = folded.get(own.get(name, name).lower())
            if called is None and name in own:
                raise SettingsError(
                    f"{self.said.origin}: [columns.{table}] {name} = {own[name]!r}: "
                    f"{'.'.join(place)} has no such column. {choices(own[name], list(here))}"
                )
            kind = KINDS[kinds[name]] if name in kinds else here[called or ""]
            kind = "BIGINT" if name in WHOLE and table in BUILT else kind
            fits = called is None or self._fits(table, name, called, kind, here)
            columns[name] = (called if fits else None, kind)
        taken = {called for called, _ in columns.values()}
        known = {name.lower() for name in (*columns, *MADE_HERE)}
        for name, kind in here.items():
            if name not in taken and name.lower() not in known:
                shown = name.lower() if name.isupper() else name
                reserved = name.lower() in schema.RESERVED
                columns[f"crm_{shown}" if reserved else shown] = (name, kind)
        return self.warehouse.remote(table, place, columns)

    def _fits(self, table: str, name: str, called: str, kind: str, here: Mapping[str, str]) -> bool:
        """Whether a column is of the kind that is needed; one without a value may be of any.

        Raises
        ------
        ExportError
            If it is of another kind, and has values.
        """
        also = {"DOUBLE": ("BIGINT",), "BIGINT": ("DOUBLE",)}.get(kind, ())
        if kind == "VARCHAR" or here[called] in (kind, *also):
            return True
        place = self.there[table]
        column = self.warehouse.remote(f"{table} {name}", place, {name: (called, "VARCHAR")})
        some = f"select 1 as one from it where {quoted(name)} is not null limit 1"
        if self._ask(some, it=column).empty:
            return False
        raise ExportError(
            f"{'.'.join(place)}: the column {called!r} is not {CALLED[kind]}, which "
            f"{table}.{name} must be. Give a view in which it is, and name that in [tables]."
        )

    def _opportunities(self, given: Table) -> Table:
        """Say what the settings say of the opportunities: their outcome, and what words mean."""
        self._check_pipelines(given)
        alone = len(self.said.pipelines) == 1
        outcome = engine.case("stage", self.said.outcomes, "'open'")
        zero = f"{outcome} = 'lost' and amount = 0"
        kept = self.said.zero_amount_when_lost == "kept"
        made = {
            "pipeline": literal(next(iter(self.said.pipelines))) if alone else "pipeline",
            "type": engine.case("type", tables.kinds_of_business(self.said), "null"),
            "currency": f"coalesce(currency, {literal(self.said.currency)})",
            "amount": "amount" if kept else f"case when {zero} then null else amount end",
            "expected_close": f"case when {outcome} = 'open' "
            "then coalesce(expected_close, closed_at) else expected_close end",
            "closed_at": f"case when {outcome} <> 'open' then closed_at end",
        }
        replaced = ", ".join(f"{sql} as {name}" for name, sql in made.items())
        sql = f"select * replace ({replaced}), {outcome} as outcome from given_opportunities"
        return View(sql, {"given_opportunities": given})

    def _check_pipelines(self, given: Table) -> None:
        if len(self.said.pipelines) == 1:
            return
        found = self._ask(
            "select distinct pipeline from given where pipeline is not null", given=given
        )["pipeline"]
        strange = sorted(set(found) - set(self.said.pipelines))
        if strange:
            raise SettingsError(
                f"{self.said.origin}: the opportunities have the pipeline {strange[0]!r}. "
                f"{choices(strange[0], list(self.said.pipelines))}"
            )

    def _check(self, given: Mapping[str, Table]) -> None:
        """Stop at what would make every count wrong: ids, and stages that nobody knows."""
        found = self._ask(
            "select count(*) - count(opportunity_id) as without, "
            "count(opportunity_id) - count(distinct opportunity_id) as again from given",
            given=given["opportunities"],
        ).iloc[0]
        place = ".".join(self.there["opportunities"])
        if found["without"]:
            raise ExportError(f"{place}: {found['without']:,} rows have no opportunity_id.")
        if found["again"]:
            raise ExportError(
                f"{place}: {found['again']:,} rows have an opportunity_id that another one has too."
            )
        for table in ("opportunities", "stage_events", "stage_visits"):
            if table in self.there:
                self._check_stages(table, given)

    def _check_stage_dates(self, given: Table) -> None:
        kinds = given.kinds if isinstance(given, Remote) else {}
        folded = {name.lower(): kind for name, kind in kinds.items()}
        known = list(self.warehouse.columns(self.there["opportunities"]))
        place = ".".join(self.there["opportunities"])
        for stage, column in self.said.stage_dates.items():
            kind = folded.get(column.lower())
            if kind != "TIMESTAMP":
                wrong = f"no such column. {choices(column, known)}" if kind is None else ""
                raise SettingsError(
                    f"{self.said.origin}: [stage_dates] {stage} = {column!r}: {place} has "
                    f"{wrong or 'no dates in that column.'}"
                )

    def _check_stages(self, table: str, given: Mapping[str, Table]) -> None:
        if len(self.said.pipelines) == 1 and self._known_by_name(given[table]):
            return
        joined = "" if table == "opportunities" else "join o using (opportunity_id)"
        pipeline = "t.pipeline" if table == "opportunities" else "o.pipeline"
        strange = self._ask(
            f"select t.stage, count(*) as n from t {joined} left join places p "
            f"on p.pipeline = {pipeline} and p.stage = t.stage "
            "where t.stage is not null and p.stage is null group by t.stage order by n desc, stage",
            t=given[table],
            o=given["opportunities"],
            places=visits.places(self.said),
        )
        if strange.empty:
            return
        stage, n = strange.iloc[0]
        rows = "1 row" if n == 1 else f"{n:,} rows"
        listed = ", ".join(f'"{name}"' for name in strange["stage"])
        raise SettingsError(
            f"{'.'.join(self.there[table])}: the stage {stage!r} ({rows}) is not in "
            f"{self.said.origin}. {choices(stage, self.said.known_stages)} "
            f"Add what is missing to stages or [outcomes]: {listed}."
        )

    def _known_by_name(self, table: Table) -> bool:
        """Whether every stage that a table names is one of the settings, which is soon asked."""
        named = self._ask("select distinct stage from t where stage is not null", t=table)["stage"]
        return set(named) <= set(self.said.known_stages)

    def _built(self, given: dict[str, Table]) -> dict[str, Table]:
        """Build, in the words of the reading, the visits and closings that are not there."""
        if "stage_visits" in self.there and "closings" in self.there:
            return given
        parts = self._steps(given)
        moves = View(visits.moves(self._owned(parts), self.said), dict(parts))
        numbered = {"numbered": parts["opportunities"], "moves": moves, **parts}
        made = {
            name: View(sql, numbered, order=order)
            for name, (sql, order) in visits.OF_KEPT.items()
            if name != "opportunities" and not (name in self.there and name in BUILT)
        }
        closed = View(CLOSED, {"listed": given["opportunities"], "moves": moves})
        return {**given, **made, "opportunities": closed}

    def _steps(self, given: Mapping[str, Table]) -> dict[str, Table]:
        """Code the events as the reading does, with an opportunity's id for its number."""
        spots = visits.spots(self.said)
        told = {name: given[name] for name in ("stage_events", "owner_changes")}
        listed = View(
            "select opportunity_id as n, * from listed", {"listed": given["opportunities"]}
        )
        parts: dict[str, Table] = {"opportunities": listed, "spots": spots, **told}
        for name, sql in visits.CODES.items():
            parts[name] = View(sql, dict(parts))
        parts["event_steps"] = View(visits.STEPS, dict(parts))
        parts["dated_steps"] = View(visits.dated(self.said.stage_dates), dict(parts))
        parts["steps"] = View(
            "select * from event_steps union all select * from dated_steps", dict(parts)
        )
        parts["derived"] = View(
            engine.text("read", "derived").format(last=visits.LAST), dict(parts)
        )
        parts["more_steps"] = View(
            f"select * from dated_steps union all {visits.PRESENT}", dict(parts)
        )
        parts["steps"] = View(
            "select * from event_steps union all select * from more_steps", dict(parts)
        )
        return parts

    def _owned(self, parts: dict[str, Table]) -> str:
        """Write the SQL of the steps with their owners, and give it what it reads."""
        seen = self._ask(visits.NAMED, hands=parts["hands"], steps=parts["steps"]).iloc[0]
        parts["last_owners"] = View(visits.LAST_OWNERS, dict(parts))
        return visits.owned(**{name: int(count) for name, count in seen.items()})

    def _reps(self, listed: Table, owners: Table) -> View:
        """List everybody who owns something, in the list of reps or not; the id is a name too."""
        extra = [name for name in self._columns(listed) if name not in ("rep_id", "name")]
        none = "".join(f", r.{quoted(name)}" for name in extra)
        sql = (
            f"select k.rep_id, coalesce(r.name, k.rep_id) as name{none} from ("
            "select rep_id from (select rep_id from listed_reps union select rep_id from owners) "
            "where rep_id is not null) k left join listed_reps r using (rep_id)"
        )
        return View(sql, {"listed_reps": listed, "owners": owners}, order="rep_id")

    def _columns(self, table: Table) -> list[str]:
        return list(self._ask("select * from it limit 0", it=table))

    def _owners(self, given: Mapping[str, Table]) -> bool:
        """Whether the database knows who owned an opportunity before."""
        asked = {
            "stage_events": "select 1 as one from it where rep_id is not null limit 1",
            "stage_visits": "select 1 as one from it join o using (opportunity_id) "
            "where it.exit = 'handed off' or it.rep_id <> o.rep_id limit 1",
            "owner_changes": "select 1 as one from it limit 1",
        }
        return any(
            len(self._ask(sql, it=given[name], o=given["opportunities"])) > 0
            for name, sql in asked.items()
            if name in self.there
        )

    def _last_seen(self, sources: Mapping[str, Table]) -> dt.date | None:
        last = self._ask(
            "select greatest((select max(greatest(created_at, closed_at)) from o), "
            "(select max(entered_at) from v)) as last",
            o=sources["opportunities"],
            v=sources["stage_visits"],
        )["last"].iloc[0]
        return None if pd.isna(last) else pd.Timestamp(last).date()

    def _counted(self, name: str, table: Table) -> None:
        """Enter the rows of a table that the database has; none of them is set aside."""
        if name not in self.there:
            return
        rows = int(self._ask("select count(*) as n from it", it=table)["n"].iloc[0])
        place = ".".join(self.there[name])
        self.ledger.file(place, name, rows, f"a table of the database, {self.warehouse.dialect}")
        aside = pd.DataFrame(columns=["line", "column", "value", "reason"])
        self.ledger.rows(name, place, rows_in=rows, aside=aside)


CLOSED = (
    "select o.* exclude (closed_at), case when o.outcome <> 'open' "
    "then coalesce(o.closed_at, m.happened_at) end as closed_at from listed o left join ("
    "select n, arg_max_null(happened_at, k) as happened_at from moves where outcome is not null "
    "group by n) m on m.n = o.opportunity_id"
)


def _nothing(table: str) -> pd.DataFrame:
    if table not in BUILT:
        return schema.nothing(table) if table in schema.SCHEMA else _empty(schema.KNOWN[table])
    return _empty(BUILT[table])


def _empty(kinds: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.Series(dtype="int64" if name in WHOLE else schema.DTYPES[kind])
            for name, kind in kinds.items()
        }
    )
