"""The engine that counts: where its rows lie, and what it may reach."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from enablement.read import engine
from enablement.read.engine import Store, View

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
    with engine._connected(":memory:", []) as connection:
        connection.execute("set memory_limit = '100MB'")
        place = connection.execute("select current_setting('temp_directory')").fetchone()[0]
        assert connection.execute(sql).fetchone() == (2_000_000,)
    assert list(tmp_path.iterdir()) == []
    assert Path(place).stat().st_mode & 0o077 == 0


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
    view = View("select n, stage from codes join names using (code)", files, "stage")
    assert engine.whole(view).to_numpy().tolist() == [[2, "Lead"], [1, "Qual"]]
    found = engine.query("select max(stage) as last from visits", {"visits": view})
    assert found["last"].tolist() == ["Qual"]


def test_a_laid_table_can_be_made_anew_of_itself(store):
    """Three stages are laid, then all but the first."""
    store.lay("kept", "select * from stages")
    store.lay("kept", "select * from kept where n > 1")
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
