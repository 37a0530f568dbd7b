"""The engine that counts: where its rows lie, and what it may reach."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

import enablement as en
from enablement.errors import EnablementError
from enablement.read import engine
from enablement.read.crm import HANDED_OVER
from enablement.read.engine import Kept, Session, View
from enablement.read.store import Store

STAGES = pd.DataFrame({"n": [1, 2, 3], "stage": ["Lead", "Qual", "Prop"]})


@pytest.fixture(params=["in memory", "on disk"])
def store(request, tmp_path):
    with Store(place=tmp_path if request.param == "on disk" else None) as made:
        made.add("stages", STAGES)
        yield made


def test_what_outgrows_the_memory_goes_to_a_private_place(tmp_path, monkeypatch):
    """Sorting two million texts in 100 MB spills, and nothing of it lies where one works."""
    monkeypatch.chdir(tmp_path)
    sql = "select count(*) as n from (select range, row_number() over (order by hash(range)) as k, "
    sql += "range::varchar || repeat('x', 30) as t from range(2_000_000)) where t > '' and k > 0"
    with engine.connected([]) as connection:
        connection.execute("set memory_limit = '100MB'")
        place = connection.execute("select current_setting('temp_directory')").fetchone()[0]
        assert connection.execute(sql).fetchone() == (2_000_000,)
    assert list(tmp_path.iterdir()) == []
    assert Path(place).stat().st_mode & 0o077 == 0


def test_a_table_that_outgrows_the_memory_lies_beside_what_is_read(tmp_path):
    """Three tables of 60 MB in a database that has 100: their rows are there, and then gone."""
    with Store(place=tmp_path) as store:
        store.run("set memory_limit = '100MB'")
        for name in ("one", "two", "three"):
            store.make(name, "select range as n, md5(range::varchar) as t from range(1_500_000)")
        assert [path for path in tmp_path.rglob("*") if path.is_file()]
        for name in ("one", "two", "three"):
            said = store.one(f"select count(*) as n, count(distinct t) as texts from {name}")
            assert said == {"n": 1_500_000, "texts": 1_500_000}
    assert list(tmp_path.iterdir()) == []


def test_no_file_beside_the_given_ones_can_be_read(tmp_path):
    """A text that names a path of its own is refused."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(duckdb.PermissionException):
        engine.query(f"select * from '{tmp_path}/secret.csv'", {"stages": STAGES})


def test_a_view_is_made_of_files_when_it_is_asked_for(tmp_path):
    """Codes lie in one file and names in another: together they are a table, in its order."""
    for name, rows in (("codes", [[1, 20], [2, 10]]), ("names", [[10, "Lead"], [20, "Qual"]])):
        columns = ["n", "code"] if name == "codes" else ["code", "stage"]
        pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / f"{name}.parquet")
    files = {name: tmp_path / f"{name}.parquet" for name in ("codes", "names")}
    view = View("select n, stage from codes join names using (code)", files, order="stage")
    assert engine.whole(view).to_numpy().tolist() == [[2, "Lead"], [1, "Qual"]]
    found = engine.query("select max(stage) as last from visits", {"visits": view})
    assert found["last"].tolist() == ["Qual"]


def test_what_is_kept_is_counted_once_and_anew_where_a_parameter_differs():
    """Random numbers come back the same as long as their table is kept; another bound, another."""
    session = Session({"stages": STAGES})

    def numbers(least: int) -> list[float]:
        sql = "select n, random() as x from stages where n >= $least"
        table = Kept(sql, {"stages": STAGES}, {"least": least})
        return session.query("select x from drawn order by n", {"drawn": table})["x"].tolist()

    first = numbers(2)
    assert len(first) == 2
    assert numbers(2) == first
    assert len(numbers(1)) == 3


def test_what_was_not_asked_for_longest_makes_room(monkeypatch):
    """With room for two of three tables the first is counted anew, and the last is not."""
    rows = pd.DataFrame({"n": range(1000)})
    monkeypatch.setattr(Session, "ROOM", 2 * 1000 * 2 * 8)
    session = Session({"rows": rows})

    def drawn(k: int) -> float:
        table = Kept(f"select n, random() as x{k} from rows", {"rows": rows})
        return session.query(f"select sum(x{k}) as x from it", {"it": table})["x"].item()

    first, _, last = drawn(1), drawn(2), drawn(3)
    assert drawn(3) == last
    assert drawn(1) != first


def test_what_was_counted_of_files_is_there_for_the_next_process(tmp_path):
    """Random numbers of one session are those of the next; a file cut off is counted anew."""
    STAGES.to_parquet(tmp_path / "stages.parquet")
    files = {"stages": tmp_path / "stages.parquet"}

    def numbers() -> list[float]:
        table = Kept("select n, random() as x from stages", files, order="n desc")
        return Session(files, tmp_path).query("select x from it", {"it": table})["x"].tolist()

    first = numbers()
    assert numbers() == first
    (kept,) = tmp_path.glob("kept_*")
    assert pd.read_parquet(kept)["n"].tolist() == [3, 2, 1]
    kept.write_bytes(kept.read_bytes()[:-20])
    again = numbers()
    assert again != first
    assert numbers() == again


def test_where_nothing_can_be_written_it_is_counted_in_memory(tmp_path):
    """The place is gone, and the answer is the same."""
    STAGES.to_parquet(tmp_path / "stages.parquet")
    files = {"stages": tmp_path / "stages.parquet"}
    table = Kept("select max(n) as n from stages", files)
    session = Session(files, tmp_path / "gone")
    assert session.query("select n from it", {"it": table})["n"].item() == 3


def test_files_that_do_not_fit_are_removed_the_oldest_first(tmp_path, monkeypatch):
    """Three files of which one fits leave the one that was asked for last."""
    STAGES.to_parquet(tmp_path / "stages.parquet")
    files = {"stages": tmp_path / "stages.parquet"}
    monkeypatch.setattr(Session, "ROOM", 600)
    session = Session(files, tmp_path)
    for k in range(3):
        session.query("select * from it", {"it": Kept(f"select n + {k} as n from stages", files)})
    (left,) = tmp_path.glob("kept_*")
    assert pd.read_parquet(left)["n"].tolist() == [3, 4, 5]


def test_a_parameter_is_a_value_and_never_a_text_of_sql():
    """A name that closes the quotation, and one that looks like a parameter, are only names."""
    names = ["O'Neil'); drop table stages; --", "$other"]
    people = pd.DataFrame({"name": names})
    session = Session({"people": people})
    for name in names:
        view = View("select * from people where name = $name", {"people": people}, {"name": name})
        assert session.query("select name from it", {"it": view})["name"].tolist() == [name]


def test_measures_fetch_no_table_of_an_export():
    """After each of these the opportunities, the history and the activities are still in files."""
    crm = en.load("data/sample")
    asked = {"as_of": crm.seen_until}
    for name in ("conversion", "compare_reps", "cohort_curves", "time_in_stage", "win_rate"):
        getattr(en, name)(crm, **asked)
    for name in ("sales_cycle", "sales_velocity", "push_count", "stale", "process_conformance"):
        getattr(en, name)(crm, **asked)
    for name in ("quota_attainment", "pipeline_coverage", "pipeline_created", "slip_rate"):
        getattr(en, name)(crm, period="2026Q3", **asked)
    en.activity(crm, period="2026Q3", **asked)
    en.share_of_wallet(crm, **asked)
    en.pipeline_changes(crm, since="2026-06-30", **asked)
    assert sorted(set(HANDED_OVER) & set(vars(crm))) == ["quotas", "reps"]


def test_a_laid_table_can_be_made_anew_of_itself(store):
    """Three stages are laid, then all but the first."""
    store.lay("kept", "select * from stages", words={})
    store.lay("kept", "select * from kept where n > 1", words={})
    assert store.query("select stage from kept order by n")["stage"].tolist() == ["Qual", "Prop"]


def test_a_changed_table_is_seen_changed_and_can_change_again(store):
    """The stage gets a mark twice and a length once; an own copy keeps both."""
    store.change("stages", {"stage": "stage || '!'", "letters": "length(stage)"})
    store.change("stages", {"stage": "stage || '?'"})
    store.own("stages")
    store.run("delete from stages where n = 3")
    found = store.query("select * from stages order by n")
    assert found.to_numpy().tolist() == [[1, "Lead!?", 4], [2, "Qual!?", 4]]


def test_a_table_that_was_copied_between_two_changes_can_change_again(store):
    """The second change finds a name of its own for what it is made of."""
    store.change("stages", {"stage": "stage || '!'"})
    store.own("stages")
    store.change("stages", {"stage": "stage || '?'"})
    assert store.query("select stage from stages where n = 1")["stage"].tolist() == ["Lead!?"]


@pytest.mark.parametrize(
    ("sql", "what", "dialect"),
    [
        (
            "select list_reduce(list(n order by n), lambda a, b: a + b, 0) as x from t",
            *("the fold", "postgres"),
        ),
        (
            "select array_agg(n) filter (n > 1) over (order by n) as x from t",
            *("the window", "spark"),
        ),
    ],
)
def test_what_only_our_engine_has_is_refused_in_one_line(sql, what, dialect):
    """A text that the package does not have; the way out is named."""
    from enablement.read import dialects

    with pytest.raises(EnablementError, match=f"Only DuckDB has {what}.*en.load") as refused:
        dialects.translated(sql, {"t": {"n": "integer"}}, dialect)
    assert "\n" not in str(refused.value)


def test_a_table_of_which_nothing_was_read_is_bare_until_a_row_is_put_into_it(store):
    """Made bare, filled by an insert; one that was read is not bare."""
    store.lack({"links": "n integer", "merges": "n integer"})
    assert [store.bare(name) for name in ("links", "merges", "stages")] == [True, True, False]
    store.run("insert into links by name select 1 as n")
    assert [store.bare(name) for name in ("links", "merges")] == [False, True]
