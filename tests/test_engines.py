"""One text, several engines: every measure counts the same in DuckDB, PostgreSQL and Spark.

PostgreSQL is a server of this test's own, on a socket in a folder of its own; without
PostgreSQL's programs these tests are skipped. Spark's are skipped where it is not installed:
``make test-spark`` installs it beside and runs them.
"""

from __future__ import annotations

import functools
import glob
import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import asked
import duckdb
import pandas as pd
import pytest
from asked import AS_OF, CASES, GATES, MEASURED, METRICS
from conftest import EIGHT, EIGHT_SETTINGS, SAMPLE, company, day
from sqlglot.errors import ParseError, UnsupportedError

import enablement as en
from enablement.errors import EngineError, ExportError, SettingsError
from enablement.plan import goal as goals
from enablement.read import connections, dialects, engine, warehouse

SETTINGS = {
    "stages": ["Prospecting", "Qualification", "Discovery", "Proposal", "Negotiation"],
    "outcomes": {"Closed Won": "won", "Closed Lost": "lost"},
    "exported_on": pd.Timestamp(AS_OF).date(),
}
TABLES = ["opportunities", "stage_events", "owner_changes", "reps", "quotas", "activities"]
TABLES += ["accounts", "rates", "calendar"]

PLAN = SAMPLE / "plan.toml"
PLANNED = [
    case
    for name, cases in CASES.items()
    if en.PUBLIC[name].startswith("enablement.plan.")
    for case in cases
]


def test_every_function_that_counts_is_asked():
    """A new public function that takes a CRM, and a new argument of one, need a case."""
    assert set(CASES) == asked.functions()
    for name, cases in CASES.items():
        said = {argument for case in cases for argument in case} - {"as_of"}
        assert said == set(asked.arguments(name)), name


@pytest.mark.parametrize("name", CASES)
def test_every_word_of_an_argument_is_asked(name, here):
    """A new word, such as a definition or a rule of credit, needs a case."""
    # The plan's functions ask for a benchmark in the same way.
    cases = PLANNED if en.PUBLIC[name].startswith("enablement.plan.") else CASES[name]
    for argument, what in asked.arguments(name).items():
        known = asked.words(argument, what, lambda **said: answer(name, here, **said))
        said = {str(case[argument]) for case in cases if argument in case}
        assert set(known) <= said | {str(what.default)}, argument


def test_every_word_of_a_plan_is_asked():
    """A new metric of a goal, or a new gate of a reward, needs a case."""
    assert {*METRICS, *MEASURED, "won amount"} == set(goals.METRICS)
    assert set(GATES) == set(goals.GATES)


class Database:
    """A database of PostgreSQL, on the socket in a folder."""

    kinds: ClassVar = {"DOUBLE": "double precision", "VARCHAR": "text"}

    def __init__(self, folder: str, name: str) -> None:
        import psycopg

        self.url = f"postgres://tester:a%20secret@/{name}?host={folder}"
        self.connection = psycopg.connect(host=folder, user="tester", dbname=name, autocommit=True)

    def put(self, name: str, frame: pd.DataFrame) -> None:
        """Store a table."""
        kinds, rows = described(frame)
        columns = ", ".join(
            f"{quoted(column)} {self.kinds.get(kind, kind.partition('_')[0])}"
            for column, kind in kinds.items()
        )
        self.connection.execute(f"create table {quoted(name)} ({columns})")
        with self.connection.cursor().copy(f"copy {quoted(name)} from stdin") as copy:
            for row in rows:
                copy.write_row(row)


class Postgres(Database):
    """A server of PostgreSQL that lives as long as the tests, and its first database."""

    def __init__(self, programs: str, folder: str) -> None:
        self._programs, self._folder, self._made = programs, folder, 0
        self._run("initdb", "-D", f"{folder}/data", "-A", "trust", "-N", "-U", "tester",
                  "-E", "UTF8", "--locale=C.UTF-8")  # fmt: skip
        options = f"-F -c listen_addresses='' -c unix_socket_directories='{folder}'"
        self._run("pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", options,
                  "start")  # fmt: skip
        super().__init__(folder, "postgres")

    def another(self, language: str = "en-US") -> Database:
        """Make a database without tables, in which texts are in the order of a language."""
        self._made += 1
        name = f"another_{self._made}"
        self.connection.execute(
            f"create database {name} template template0 locale_provider icu icu_locale '{language}'"
        )
        return Database(self._folder, name)

    def _run(self, program: str, *words: str) -> None:
        # PostgreSQL refuses to be run by root.
        other = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        subprocess.run(
            [f"{self._programs}/{program}", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **other,
        )

    def stop(self) -> None:
        """End the server."""
        self.connection.close()
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "stop")


class File:
    """A DuckDB file. A folder of Parquet differs only in what shows its files as tables."""

    def __init__(self, place: Path) -> None:
        self.url, self._place = f"duckdb://{place}", str(place)

    def put(self, name: str, frame: pd.DataFrame) -> None:
        """Store a table."""
        with duckdb.connect(self._place) as connection:
            connection.register("given", texts(frame))
            connection.execute(f"create table {quoted(name)} as select * from given")


class Spark:
    """Spark in this process."""

    url = "spark://local[2]?spark.sql.shuffle.partitions=1"

    def __init__(self) -> None:
        self._session = connections._spark(self.url)

    def put(self, name: str, frame: pd.DataFrame) -> None:
        """Show a table."""
        with duckdb.connect() as connection:
            connection.register("given", texts(frame))
            rows = connection.sql("select * from given").to_arrow_table()
        self._session.createDataFrame(rows).createOrReplaceTempView(f"`{name}`")

    def stop(self) -> None:
        """End it."""
        self._session.stop()


def texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns without a value a kind."""
    return frame.astype({name: "str" for name in frame if frame[name].dtype == object})


def described(frame: pd.DataFrame) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Give the kinds of a frame's columns, and its rows."""
    with duckdb.connect() as connection:
        connection.register("given", texts(frame))
        kinds = {row[0]: row[1] for row in connection.execute("describe given").fetchall()}
        return kinds, connection.execute("select * from given").fetchall()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def programs() -> str | None:
    """Find PostgreSQL's programs, which Debian does not put on the path."""
    found = [str(Path(path).parent) for path in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    on_path = shutil.which("initdb")
    return str(Path(on_path).parent) if on_path else max(found, default=None)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = Postgres(where, folder)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("Spark is not installed (make test-spark installs it beside)")
    session = Spark()
    try:
        yield session
    finally:
        session.stop()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> File:
    return File(tmp_path_factory.mktemp("lake") / "company.duckdb")


@pytest.fixture(scope="module", params=["file", "postgres", "spark"])
def server(request) -> Database | File | Spark:
    return request.getfixturevalue(request.param)


def connected(
    server: Database | File | Spark, name: str, frames: dict[str, pd.DataFrame], settings: Any
) -> en.CRM:
    """Put a company's tables into an engine, and connect to them."""
    for table, frame in frames.items():
        server.put(f"{name}_{table}", frame)
    called = {table: f"{name}_{table}" for table in frames}
    return en.connect(server.url, {**settings, "tables": called})


def handed_over(crm: en.CRM) -> pd.DataFrame:
    """Write as changes of owner what the visits say of them."""
    visits = crm.stage_visits.sort_values(["opportunity_id", "visit"])
    after = visits.groupby("opportunity_id")["rep_id"].shift(-1)
    changed = visits.assign(to_rep=after)[visits["exit"].eq("handed off")]
    names = {"left_at": "changed_at", "rep_id": "from_rep"}
    columns = ["opportunity_id", "changed_at", "from_rep", "to_rep"]
    return changed.rename(columns=names)[columns].reset_index(drop=True)


@pytest.fixture(scope="module")
def cut(sample) -> dict[str, pd.DataFrame]:
    """Every sixth opportunity of the sample, and what belongs to them."""
    crm = sample
    ids = set(crm.opportunities["opportunity_id"].iloc[::6])
    frames = {
        name: handed_over(crm) if name == "owner_changes" else getattr(crm, name) for name in TABLES
    }
    events = frames["stage_events"]
    frames["stage_events"] = events[events["origin"].ne("derived")]
    cut = {
        name: frame[frame["opportunity_id"].isin(ids)] if "opportunity_id" in frame else frame
        for name, frame in frames.items()
    }
    sold = cut["opportunities"]
    margin = (0.3 * sold["amount"]).round(2).where(sold["opportunity_id"].str[-1] != "A")
    cut["opportunities"] = sold.assign(margin=margin, quantity=(sold["amount"] // 5000) + 1)
    return {name: frame.reset_index(drop=True) for name, frame in cut.items()}


@pytest.fixture(scope="module")
def here(cut) -> en.CRM:
    """They in DuckDB."""
    outcome = cut["opportunities"].drop(columns="outcome")
    return en.crm(**{**cut, "opportunities": outcome}, settings=SETTINGS)


@pytest.fixture(scope="module")
def there(server, cut) -> en.CRM:
    """They in another engine."""
    return connected(server, "cut", cut, SETTINGS)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Hold that two tables are equal, to what travels with them."""
    pd.testing.assert_frame_equal(left, right, rtol=1e-9, atol=1e-9)
    assert repr(left.attrs) == repr(right.attrs)


def answer(name: str, crm: en.CRM, plan: Any = PLAN, **said: Any) -> Any:
    """Ask a function, with what it cannot do without."""
    needs = asked.arguments(name)
    needed = {key: value for key, value in CASES[name][0].items() if needs_it(needs[key])}
    usual = {"as_of": AS_OF, "plan": plan, **asked.DRAWN}
    taken = inspect.signature(getattr(en, name)).parameters
    given = {key: value for key, value in usual.items() if key in taken}
    return getattr(en, name)(crm, **{**given, **needed, **said})


def needs_it(argument: inspect.Parameter) -> bool:
    return argument.default is inspect.Parameter.empty


# A file is counted by our own engine, whose texts nobody translates: its tables, and one case of
# each function, say whether it was taken as it lies.
translating = pytest.mark.parametrize(
    "server", ["postgres", "spark"], indirect=True, scope="module"
)


@pytest.fixture(scope="module")
def found_here(here) -> Callable[[str, int], Any]:
    """Give what our own engine says to a case, asked once for all the others."""
    return functools.cache(lambda name, number: answer(name, here, **CASES[name][number]))


@pytest.mark.parametrize("name", CASES)
def test_every_engine_says_the_same(name, found_here, there):
    """The same rows, kinds of columns, values and definitions come back."""
    cases = CASES[name] if engine.remote(there.sources) else CASES[name][:1]
    for number, case in enumerate(cases):
        found = found_here(name, number)
        assert len(found), case
        same(found, answer(name, there, **case))


@translating
@pytest.mark.parametrize("metric", METRICS)
def test_every_engine_says_the_same_of_a_goal(metric, here, there):
    """A goal in units, in margin or in share of wallet is counted there as it is here."""
    lift = {"target": 0.3} if metric == "share of wallet" else {"lift": 0.1}
    price = {"unit_price": 5000} if metric == "units" else {}
    plan = {"goal": {"metric": metric, "by": "2027Q3", **lift, **price}}
    same(*(en.results_worksheet(crm, plan, as_of=AS_OF) for crm in (here, there)))


@translating
@pytest.mark.parametrize("metric", MEASURED)
def test_every_engine_says_the_same_of_a_goal_in_a_measure(metric, here, there):
    """What it is today is counted there as it is here."""
    plan = {"goal": {"metric": metric, "by": "2027Q3", **MEASURED[metric]}}
    same(*(en.baseline(crm, plan, as_of=AS_OF) for crm in (here, there)))


@translating
def test_every_engine_says_the_same_of_the_gates_of_a_reward(here, there):
    """What must hold for the reward is counted there as it is here."""
    gates = dict.fromkeys(GATES, 0.01)
    reward = {"threshold": 0.5, "pool": 1000, "rule": "attainment", "gates": gates}
    plan = {"goal": {"lift": 0.1, "by": "2026Q4"}, "reward": reward}
    tables = [en.reward(crm, plan, as_of=AS_OF) for crm in (here, there)]
    same(*tables)


def test_the_tables_are_the_same(here, there):
    """Visits, closings and events are built there as they are here."""
    for name, keys in (
        ("opportunities", ["opportunity_id"]),
        ("stage_visits", ["opportunity_id", "visit"]),
        ("closings", ["opportunity_id", "closing"]),
        ("stage_events", ["opportunity_id", "entered_at", "stage"]),
        ("reps", ["rep_id"]),
    ):
        left, right = getattr(here, name), getattr(there, name)
        left, right = (each.sort_values(keys, ignore_index=True) for each in (left, right))
        pd.testing.assert_frame_equal(left, right[list(left)], check_dtype=name != "opportunities")
    assert repr(here) == repr(there)


@pytest.fixture(scope="module")
def eight_there(server) -> en.CRM:
    crm = company(EIGHT)
    frames = {name: getattr(crm, name) for name in ("opportunities", "stage_events")}
    return connected(server, "eight", frames, EIGHT_SETTINGS)


@pytest.mark.parametrize(
    ("definition", "counts"),
    [("reached", (8, 7, 5)), ("strict", (7, 5, 3)), ("touch", (7, 6, 5)), ("decided", (5, 5, 4))],
)
def test_the_eight_opportunities(eight_there, definition, counts):
    """Lead, Qual and Prop by four definitions, as they are counted by hand in the design."""
    found = en.conversion(eight_there, as_of=day(90), definition=definition)
    assert tuple(found["entered"]) == counts
    assert eight_there.quality.summary["set_aside"].sum() == 0


NEEDED = {"period": "2026Q1", "since": day(30)}
ON_EIGHT = {  # those of which eight opportunities and their history say something
    *("conversion", "compare_definitions", "cohort_curves", "win_rate", "sales_cycle", "stale"),
    *("compare_reps", "compare_reps_by_stage", "stage_visits", "time_in_stage"),
    *("process_conformance", "quota_attainment", "sales_velocity", "pipeline_changes", "baseline"),
}


def told(name: str, crm: en.CRM) -> pd.DataFrame | str:
    """Ask a function with what it cannot do without, and give its table, or why there is none."""
    needed = {key: value for key, value in NEEDED.items() if key in CASES[name][0]}
    try:
        return answer(name, crm, as_of=day(90), **needed)
    except en.EnablementError as error:
        return str(error)


def test_every_measure_on_the_eight(spark):
    """A measure says the same of them, or says in the same words why it cannot."""
    crm = company(EIGHT)
    frames = {name: getattr(crm, name) for name in ("opportunities", "stage_events")}
    there = connected(spark, "every", frames, EIGHT_SETTINGS)
    answered = set()
    for name in CASES:
        left, right = told(name, crm), told(name, there)
        if isinstance(left, str) or isinstance(right, str):
            assert left == right, name
        else:
            same(left, right)
            answered.add(name)
    assert answered == ON_EIGHT


def counted(crm: en.CRM) -> int:
    """Count the opportunities where they lie."""
    found = crm.session.query("select count(*) as n from o", {"o": crm.sources["opportunities"]})
    return int(found["n"].iloc[0])


def test_two_companies_in_one_session_of_spark(spark, monkeypatch):
    """Each keeps its own tables; what was not asked for longest is no view any more."""
    few = company({name: EIGHT[name] for name in ("D1", "D3")}).opportunities
    opened = [
        connected(spark, name, {"opportunities": frame}, EIGHT_SETTINGS)
        for name, frame in (("all", company(EIGHT).opportunities), ("few", few))
    ]
    assert [counted(crm) for crm in opened * 2] == [8, 2, 8, 2]
    monkeypatch.setattr(warehouse, "PARTS", 5)
    assert counted(opened[0]) == 8
    views = [row["viewName"] for row in spark._session.sql("show views").collect()]
    assert sum(name.startswith(f"part_{opened[0].session._own}") for name in views) == 5
    opened[0].session.close()
    assert counted(opened[1]) == 2


HOSTILE = "O'Brien\"; drop table x -- \\' $until %s {0}"


def test_names_and_values_are_never_read_as_sql(server):
    """A rep, a stage, a column and its value are full of quotes, and count as elsewhere."""
    column = 'we"ird $first'
    frame = pd.DataFrame(
        {
            "opportunity_id": ["1", "2"],
            "rep_id": [HOSTILE, "B"],
            "stage": [HOSTILE, "Won"],
            column: [HOSTILE, "plain"],
            "created_at": [day(0), day(1)],
        }
    )
    settings = {"stages": [HOSTILE], "outcomes": {"Won": "won"}}
    here = en.crm(opportunities=frame, settings=settings)
    there = connected(server, "hostile", {"opportunities": frame}, settings)
    for said in ({"by": "rep"}, {"by": column}, {"where": {column: HOSTILE}}):
        tables = [en.win_rate(crm, as_of=day(9), of="created", **said) for crm in (here, there)]
        same(*tables)
        assert tables[0]["created"].sum() == (1 if "where" in said else 2)


def test_a_column_without_a_value_may_be_of_any_kind(server):
    """As nobody has left yet, nothing says that the column is of days."""
    frames = {name: getattr(company(EIGHT), name) for name in ("opportunities", "stage_events")}
    frames["reps"] = pd.DataFrame(
        {"rep_id": ["A", "B"], "left_on": pd.Series([None, None], dtype="str")}
    )
    there = connected(server, "nobody_left", frames, EIGHT_SETTINGS)
    assert list(there.reps["left_on"].isna()) == [True, True]
    frames["reps"] = frames["reps"].assign(left_on="some day")
    with pytest.raises(ExportError, match="'left_on' is not a date or a time"):
        connected(server, "somebody_left", frames, EIGHT_SETTINGS)


def test_tables_without_a_row(server):
    """Nothing was sold, and nothing is there to count."""
    frame = company(EIGHT).opportunities.iloc[:0]
    settings = {**EIGHT_SETTINGS, "exported_on": day(90).date()}
    here = en.crm(opportunities=frame.drop(columns="outcome"), settings=settings)
    there = connected(server, "empty", {"opportunities": frame}, settings)
    assert repr(there) == repr(here)
    same(en.win_rate(here, as_of=day(9)), en.win_rate(there, as_of=day(9)))


@pytest.fixture
def database(postgres) -> Database:
    return postgres.another()


OPPORTUNITIES = pd.DataFrame(
    {"opportunity_id": ["1", "2"], "stage": ["Lead", "Won"], "created_at": [day(0), day(1)]}
)


def test_what_only_postgresql_has(database):
    """A schema, other names, numbers as ids and a time with a zone; nothing can be written."""
    run = database.connection.execute
    run('create schema "Sales"')
    run(
        'create table "Sales"."Deals" ("Id" integer, "Stage" text, "Made" timestamptz, '
        '"Worth" numeric(9, 2), "Due" date, kind uuid)'
    )
    run(
        "insert into \"Sales\".\"Deals\" values (7, 'Lead', '2026-01-01 23:30-05', 12.50, "
        "'2026-02-01', null)"
    )
    names = {"opportunity_id": "Id", "stage": "stage", "created_at": "Made", "amount": "Worth"}
    settings = {
        **EIGHT_SETTINGS,
        "tables": {"opportunities": "Sales.Deals"},
        "columns": {"opportunities": {**names, "expected_close": "Due"}},
    }
    crm = en.connect(database.url, settings)
    row = crm.opportunities.iloc[0]
    assert (row["opportunity_id"], row["amount"], row["outcome"]) == ("7", 12.5, "open")
    assert row["created_at"] == pd.Timestamp("2026-01-02 04:30")
    assert row["expected_close"] == pd.Timestamp("2026-02-01")
    assert "kind" in crm.opportunities
    with pytest.raises(Exception, match="read-only"):
        crm.session._backend.raw_sql("create table left_behind (n integer)")
    assert "secret" not in f"{crm!r} {crm.session!r} {crm.quality!r}"


KINDS = [  # of a column of PostgreSQL, a value of it, and what that is here
    ("numeric(9, 2)", "12.50", 12.5),
    ("money", "$12.50", 12.5),
    ("numeric", "NaN", None),
    ("double precision", "NaN", None),
    ("date", "2026-02-01", pd.Timestamp("2026-02-01")),
    ("date", "9999-12-31", pd.Timestamp("9999-12-31").as_unit("us")),
    ("timestamptz", "2026-02-01 23:30-05", pd.Timestamp("2026-02-02 04:30")),
    ("timestamptz", "infinity", None),
    ("date", "-infinity", None),
    ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ('"Sales"."Mood"', "glad", "glad"),
    ("text[]", "{a,b}", "{a,b}"),
    ("boolean", "yes", True),
]


def test_kinds_of_columns_that_postgresql_has(database):
    """Each is a number, a time, a text or a flag here; what is no number or no time is missing."""
    run = database.connection.execute
    run('create schema "Sales"')
    run("create type \"Sales\".\"Mood\" as enum ('sad', 'glad')")
    columns = ", ".join(f'"Of {place}" {kind}' for place, (kind, _, _) in enumerate(KINDS))
    run(f"create table opportunities (opportunity_id text, stage text, {columns})")
    places = ", ".join(["%s"] * len(KINDS))
    given = [value for _, value, _ in KINDS]
    run(f"insert into opportunities values ('1', 'Lead', {places})", given)
    crm = en.connect(database.url, {**EIGHT_SETTINGS, "exported_on": day(9).date()})
    for place, (kind, _, read) in enumerate(KINDS):
        by = f"Of {place}"
        split = en.win_rate(crm, as_of=day(9), of="created", by=by)[by].iloc[0]
        for found in (crm.opportunities[by].iloc[0], split):
            assert pd.isna(found) if read is None else found == read, kind


def test_views_of_a_schema_with_capitals(database):
    """A view and a materialized view are tables too, in a schema that is not the usual one."""
    run = database.connection.execute
    crm = company(EIGHT)
    for name in ("opportunities", "stage_events"):
        database.put(f"raw_{name}", getattr(crm, name))
    run('create schema "Sales"')
    run('create materialized view "Sales"."Deals" as select * from raw_opportunities')
    run('create view "Sales"."History" as select * from raw_stage_events')
    named = {"opportunities": "Sales.deals", "stage_events": "Sales.History"}
    there = en.connect(database.url, {**EIGHT_SETTINGS, "tables": named})
    same(*(en.conversion(each, as_of=day(90), definition="strict") for each in (crm, there)))
    small = {**EIGHT_SETTINGS, "tables": {"opportunities": "sales.deals"}}
    with pytest.raises(SettingsError, match="none at all in the schema 'sales'.*mean 'Sales'"):
        en.connect(database.url, small)
    # Two schemas on the path: a table of the second is found where the first has none of its name.
    run("create schema more")
    run("alter table raw_opportunities rename to opportunities")
    run("create view more.stage_events as select * from raw_stage_events")
    there = en.connect(f"{database.url}&options=-c%20search_path%3Dmore,public", EIGHT_SETTINGS)
    same(*(en.conversion(each, as_of=day(90), definition="strict") for each in (crm, there)))


def test_a_table_that_the_user_may_not_read(database):
    """One that is needed stops the opening; of another the quality says that it was not read."""
    crm, run = company(EIGHT), database.connection.execute
    for name in ("opportunities", "stage_events"):
        database.put(name, getattr(crm, name))
    run("create role reader login password 'a secret'")
    run("grant select on opportunities to reader")
    url = database.url.replace("tester:", "reader:")
    there = en.connect(url, EIGHT_SETTINGS)
    assert not there.stage_history
    (said,) = there.quality.cannot_say
    assert said.startswith("The table stage_events is not read: the user may not")
    assert list(there.quality.files["table"].dropna()) == ["opportunities"]
    named = {**EIGHT_SETTINGS, "tables": {"stage_events": "public.stage_events"}}
    with pytest.raises(ExportError, match="public.stage_events: the user may not read"):
        en.connect(url, named)
    run("grant select on stage_events to reader")
    there = en.connect(url, EIGHT_SETTINGS)
    same(*(en.conversion(each, as_of=day(90)) for each in (crm, there)))
    run("revoke select on stage_events from reader")
    with pytest.raises(ExportError, match="permission denied for table stage_events") as raised:
        en.conversion(there, as_of=day(90), definition="strict")
    assert "secret" not in str(raised.value)


def test_a_question_that_is_not_answered(database):
    """One that takes too long, and one whose connection is gone, are said in a line each."""
    database.put("opportunities", OPPORTUNITIES)
    there = en.connect(database.url, EIGHT_SETTINGS)
    before = en.win_rate(there, as_of=day(9), of="created")
    there.session._backend.raw_sql("set statement_timeout = '50ms'")
    sleep = "select count(*) as n from o where opportunity_id < repeat(o.stage, 100000000)"
    with pytest.raises(ExportError, match="canceling statement due to statement timeout"):
        there.session.query(sleep, {"o": there.sources["opportunities"]})
    there.session._backend.raw_sql("set statement_timeout = 0")
    same(before, en.win_rate(there, as_of=day(9), of="created"))
    database.connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    for _ in range(2):
        with pytest.raises(ExportError, match="ended the connection.*open it again") as raised:
            en.win_rate(there, as_of=day(9), of="created")
        assert "\n" not in str(raised.value)
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("error", [ParseError("Unexpected token.\nselect 1"), KeyError("n")])
def test_a_text_that_has_no_words_in_an_engine(database, monkeypatch, error):
    """What the translation trips over is said in a line, with the engine and the way out."""

    def trips(node: object) -> object:
        raise error

    database.put("opportunities", OPPORTUNITIES)
    there = en.connect(database.url, EIGHT_SETTINGS)
    dialects._translated.cache_clear()
    monkeypatch.setitem(dialects.REWRITES, "postgres", (trips,))
    with pytest.raises(EngineError, match="words of postgres.*read them with en.load") as raised:
        en.win_rate(there, as_of=day(9), of="created")
    assert "\n" not in str(raised.value)
    dialects._translated.cache_clear()


def test_what_an_engine_has_no_words_for_is_refused_and_not_left_out():
    """Where sqlglot would write a text without a part of it, it stops."""
    tree = dialects.translated("select unnest([1, 2]) as n", {}, "mysql")
    with pytest.raises(UnsupportedError):
        dialects.written(tree, "mysql")


def test_errors_say_what_would_have_worked(database):
    """A table, a column, a stage and an id that are not as they must be are each named."""
    database.put("opportunities", OPPORTUNITIES)
    database.put("again", pd.concat([OPPORTUNITIES, OPPORTUNITIES]))
    database.put("nameless", OPPORTUNITIES.assign(opportunity_id=["1", None]))
    database.put("wordy", OPPORTUNITIES.assign(amount=["ten", "12"]))

    def opening(**said: object) -> Callable[[], object]:
        return lambda: en.connect(database.url, {**EIGHT_SETTINGS, **said})

    named = {"opportunity_id": "oportunity_id"}
    short = {"stages": ["Qual"], "outcomes": {"Won": "won"}}
    for call, kind, message in (
        (opening(tables={"opportunities": "agan"}), SettingsError, "Did you mean 'again'?"),
        (opening(tables={"deals": "again"}), SettingsError, r"\[tables\] names 'deals'"),
        (
            opening(columns={"opportunities": named}),
            SettingsError,
            "no such column.*Did you mean 'opportunity_id'?",
        ),
        (lambda: en.connect(database.url, short), SettingsError, "stage 'Lead'.*\"Lead\""),
        (opening(tables={"opportunities": "again"}), ExportError, "2 rows have an opportunity_id"),
        (opening(tables={"opportunities": "nameless"}), ExportError, "1 rows have no opportunity"),
        (opening(tables={"opportunities": "wordy"}), ExportError, "'amount' is not a number"),
    ):
        with pytest.raises(kind, match=message) as raised:
            call()
        assert "\n" not in str(raised.value)
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"values": {"opportunities": {"type": {"Neu": "New"}}}}, "[values]"),
        ({"renamed_stages": [{"from": "Demo", "to": "Qual"}]}, "[[renamed_stages]]"),
        ({"rules": {"reopened": "ignored"}}, "rules.reopened = 'ignored'"),
        ({"missing": ["k.A."]}, "missing or not_missing"),
        ({"timezone": "Europe/Berlin"}, "timezone = 'Europe/Berlin'"),
    ],
)
def test_what_is_said_of_exports_alone_is_refused(database, said, named):
    """What would change nothing in a database is not passed over in silence; a usual rule is."""
    database.put("opportunities", OPPORTUNITIES)
    usual = {**EIGHT_SETTINGS, "rules": {"reopened": "kept"}}
    assert len(en.connect(database.url, usual).opportunities) == 2
    with pytest.raises(SettingsError) as raised:
        en.connect(database.url, {**EIGHT_SETTINGS, **said})
    assert f"settings: {named} is of reading an export" in str(raised.value)
    assert "name in [tables] a view" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_another_order_of_letters(database):
    """A database sorts a before B and we B before a; groups stand, and are picked, as in DuckDB."""
    listed = database.connection.execute("select 'a' < 'B'").fetchone()
    assert listed == (True,)
    frame = pd.DataFrame(
        {
            "opportunity_id": ["1", "2", "3"],
            "rep_id": ["a", "B", "é"],
            "stage": ["Lead", "Won", "Lost"],
            "created_at": [day(0)] * 3,
        }
    )
    database.put("opportunities", frame)
    here = en.crm(opportunities=frame, settings=EIGHT_SETTINGS)
    there = en.connect(database.url, EIGHT_SETTINGS)
    tables = [en.win_rate(crm, as_of=day(9), of="created", by="rep") for crm in (here, there)]
    same(*tables)
    assert list(tables[1]["rep_id"]) == ["B", "a", "é"]


def test_visits_and_closings_that_a_database_has(database):
    """They are read and not built: without a single event the eight count as in the design."""
    crm = company(EIGHT)
    for name in ("opportunities", "stage_visits", "closings"):
        database.put(name, getattr(crm, name))
    there = en.connect(database.url, EIGHT_SETTINGS)
    for said in ({}, {"definition": "strict"}, {"definition": "visit", "by": "rep"}):
        tables = [en.conversion(each, as_of=day(90), **said) for each in (crm, there)]
        same(*tables)
    assert tuple(en.conversion(there, as_of=day(90))["entered"]) == (8, 7, 5)


SEVERAL = {
    "pipelines": {"Sales": {"stages": ["Lead", "Prop"]}, "Partner": {"stages": ["Call", "Prop"]}},
    "outcomes": {"Won": "won", "Lost": "lost"},
}


def test_several_pipelines(database):
    """Each has its own stages, and one that the settings do not know stops the opening."""
    frame = pd.DataFrame(
        {
            "opportunity_id": ["1", "2", "3"],
            "pipeline": ["Sales", "Partner", "Partner"],
            "stage": ["Prop", "Won", "Call"],
            "created_at": [day(0)] * 3,
        }
    )
    events = pd.DataFrame(
        {
            "opportunity_id": ["1", "1", "2", "2", "3"],
            "stage": ["Lead", "Prop", "Call", "Won", "Call"],
            "entered_at": [day(0), day(3), day(0), day(5), day(1)],
        }
    )
    frames = {"opportunities": frame, "stage_events": events}
    for name, table in frames.items():
        database.put(name, table)
    here, there = en.crm(**frames, settings=SEVERAL), en.connect(database.url, SEVERAL)
    tables = [en.conversion(crm, as_of=day(9)) for crm in (here, there)]
    same(*tables)
    assert list(tables[1]["entered"]) == [2, 1, 1, 1]  # Call and Prop, Lead and Prop
    database.connection.execute("update opportunities set pipeline = 'Partners'")
    with pytest.raises(SettingsError, match="Did you mean 'Partner'"):
        en.connect(database.url, SEVERAL)


def test_a_column_with_the_day_of_each_stage(database):
    """Without a history of stages [stage_dates] says when they were entered."""
    frame = OPPORTUNITIES.assign(lead_on=[day(0), day(1)], qual_on=[pd.NaT, day(4)])
    database.put("opportunities", frame)
    settings = {**EIGHT_SETTINGS, "stage_dates": {"Lead": "lead_on", "Qual": "qual_on"}}
    here, there = en.crm(opportunities=frame, settings=settings), en.connect(database.url, settings)
    columns = ["opportunity_id", "stage", "entered_at", "left_at", "exit"]
    left, right = (crm.stage_visits[columns] for crm in (here, there))
    pd.testing.assert_frame_equal(left, right)
    assert len(right) == 3
    wrong = {**settings, "stage_dates": {"Lead": "leadon"}}
    with pytest.raises(SettingsError, match="no such column.*Did you mean 'lead_on'"):
        en.connect(database.url, wrong)


def test_a_long_session_forgets_what_was_not_asked_for_longest(database, monkeypatch):
    """No more is remembered than there is room for, and what was forgotten is made anew."""
    monkeypatch.setattr(warehouse, "PARTS", 5)
    database.put("opportunities", OPPORTUNITIES)
    there = en.connect(database.url, EIGHT_SETTINGS)
    before = en.win_rate(there, as_of=day(9), of="created")
    for number in range(5):
        en.win_rate(there, as_of=day(10 + number), of="created")
    shapes = there.session._shapes.execute("select count(*) from duckdb_tables()").fetchone()
    assert (len(there.session._parts), shapes) == (5, (5,))
    same(before, en.win_rate(there, as_of=day(9), of="created"))


def test_a_kind_of_database_that_nobody_knows():
    """The known ones are named, and the nearest."""
    with pytest.raises(en.EnablementError, match="Did you mean 'postgres://'"):
        en.connect("postgre://host/db", EIGHT_SETTINGS)
    with pytest.raises(en.EnablementError, match="This is no kind of database"):
        en.connect("deals.csv", EIGHT_SETTINGS)


def test_a_server_that_does_not_answer_gives_no_password_away():
    """Its name may be said, and what opens it may not."""
    pytest.importorskip("psycopg")
    url = "postgres://me:very%20secret@127.0.0.1:1/db?sslpassword=hidden"
    with pytest.raises(en.EnablementError, match="does not answer") as raised:
        en.connect(url, EIGHT_SETTINGS)
    assert "\n" not in str(raised.value)
    assert not {"secret", "hidden"} & set(str(raised.value).replace("%20", " ").split())


@pytest.mark.parametrize("password", ["qz/jv", "qz#jv", "qz?jv", "12/34", "qz[jv"])
def test_a_password_that_ends_the_address_too_early(password):
    """No part of it is repeated, and one is told how to write it."""
    with pytest.raises(en.EnablementError, match="/ is %2F") as raised:
        en.connect(f"postgres://me:{password}@127.0.0.1:1/db", EIGHT_SETTINGS)
    assert not any(part in str(raised.value) for part in ("qz", "jv", "12", "34"))


def test_an_extra_that_is_not_installed_is_named(monkeypatch):
    """Without Ibis one is told what to install."""
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(en.EnablementError, match=r"pip install 'enablement\[postgres\]'"):
        en.connect("postgres://host/db", EIGHT_SETTINGS)
