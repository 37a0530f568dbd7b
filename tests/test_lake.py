"""Tables on this machine, in a DuckDB file or as Parquet: opened as they are, and read once.

That every measure says the same of them is asked in ``test_engines.py``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day

import enablement as en
from enablement.errors import EngineError, ExportError, SettingsError
from enablement.read import lake


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """Keep what is read beside the test."""
    monkeypatch.setenv("ENABLEMENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tables() -> dict[str, pd.DataFrame]:
    crm = company(EIGHT)
    return {name: getattr(crm, name) for name in ("opportunities", "stage_events")}


def stored(place: Path, **more: str) -> Path:
    """Store the eight opportunities in a DuckDB file; `more` is run there after that."""
    with duckdb.connect(str(place)) as connection:
        for name, frame in tables().items():
            connection.register("given", frame)
            connection.execute(f"create table {name} as select * from given")
        for sql in more.values():
            connection.execute(sql)
    return place


def reached(crm: en.CRM) -> list[int]:
    return list(en.conversion(crm, as_of=day(90))["entered"])


def test_it_is_read_once_and_nothing_is_written(tmp_path, cache, monkeypatch):
    """The next opening takes what is kept; another content is read anew."""
    place = stored(tmp_path / "it's [a] company.duckdb")
    before = hashlib.sha256(place.read_bytes()).digest()
    assert reached(en.connect(f"duckdb://{place}", EIGHT_SETTINGS)) == [8, 7, 5]
    assert hashlib.sha256(place.read_bytes()).digest() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", place.name]
    with monkeypatch.context() as patch:
        patch.setattr(lake.Taking, "save", lambda self, into: pytest.fail("was read again"))
        assert reached(en.connect(f"duckdb://{place}", EIGHT_SETTINGS)) == [8, 7, 5]
    with duckdb.connect(str(place)) as connection:
        connection.execute("delete from opportunities where opportunity_id = 'D1'")
        connection.execute("delete from stage_events where opportunity_id = 'D1'")
    assert reached(en.connect(f"duckdb://{place}", EIGHT_SETTINGS)) == [7, 6, 4]


def test_a_folder_of_parts(tmp_path):
    """A table may lie in several files whose columns stand in another order."""
    place = tmp_path / "lake [1]"
    (place / "stage_events").mkdir(parents=True)
    given = tables()
    given["opportunities"].to_parquet(place / "opportunities.parquet")
    events = given["stage_events"]
    events.iloc[:9].to_parquet(place / "stage_events" / "part-0.parquet")
    events.iloc[9:, ::-1].to_parquet(place / "stage_events" / "part-1.parquet")
    assert reached(en.connect(f"parquet://{place}", EIGHT_SETTINGS)) == [8, 7, 5]


def test_kinds_of_columns(tmp_path):
    """Decimals, whole numbers, zones, days and lists; what is no number and no time is missing."""
    place = stored(
        tmp_path / "kinds.duckdb",
        kinds="""
            create view deals as select * exclude (list_amount, quantity, expected_close) replace (
                case opportunity_id when 'D1' then 'NaN'::double else amount end as amount,
                case opportunity_id when 'D2' then 'infinity'::timestamp
                     else timestamp '2026-01-01 09:00' end as created_at
            ), 12.50::decimal(9, 2) as list_amount, 3::hugeint as quantity, [1, 2] as tags,
               'a'::enum('a', 'b') as letter,
               timestamptz '2026-02-01 00:30:00+02' as expected_close
            from opportunities
        """,
    )
    settings = {**EIGHT_SETTINGS, "tables": {"opportunities": "deals"}}
    rows = en.connect(f"duckdb://{place}", settings).opportunities.set_index("opportunity_id")
    assert rows["amount"].isna().sum() == 1
    assert pd.isna(rows.loc["D1", "amount"])
    assert pd.isna(rows.loc["D2", "created_at"])
    assert rows.loc["D3", "created_at"] == pd.Timestamp("2026-01-01 09:00")
    assert set(rows["list_amount"]) == {12.5}
    assert set(rows["quantity"]) == {3.0}
    assert set(rows["tags"]) == {"[1, 2]"}
    assert set(rows["letter"]) == {"a"}
    assert set(rows["expected_close"]) == {pd.Timestamp("2026-01-31 22:30")}


def test_tables_in_schemas_and_columns_by_other_names(tmp_path):
    """The settings say what is called how, as of any database."""
    place = stored(
        tmp_path / "named.duckdb",
        schema='create schema "Sales"',
        moved='create table "Sales".deals as select opportunity_id as id, * exclude '
        "(opportunity_id) from opportunities",
        gone="drop table opportunities",
    )
    said = {
        **EIGHT_SETTINGS,
        "tables": {"opportunities": "Sales.deals"},
        "columns": {"opportunities": {"opportunity_id": "id"}},
    }
    assert reached(en.connect(f"duckdb://{place}", said)) == [8, 7, 5]
    with pytest.raises(SettingsError, match="There is none at all in the schema 'Sale'.*Sales"):
        en.connect(f"duckdb://{place}", {**said, "tables": {"opportunities": "Sale.deals"}})


def test_the_stage_that_nobody_knows_is_named(tmp_path):
    """With how many rows it has, and what it may have meant."""
    place = stored(tmp_path / "strange.duckdb")
    settings = {**EIGHT_SETTINGS, "stages": ["Lead", "Quali", "Prop"]}
    with pytest.raises(SettingsError, match=r"opportunities: the stage 'Qual' \(1 row\).*Quali"):
        en.connect(f"duckdb://{place}", settings)


def test_an_outcome_without_a_date_is_dated_by_its_history(tmp_path):
    """As it is where an export is read."""
    place = stored(tmp_path / "undated.duckdb", undated="update opportunities set closed_at = null")
    rows = en.connect(f"duckdb://{place}", EIGHT_SETTINGS).opportunities.set_index("opportunity_id")
    expected = company(EIGHT).opportunities.set_index("opportunity_id")["closed_at"]
    pd.testing.assert_series_equal(rows["closed_at"], expected)
    assert rows.loc["D1", "closed_at"] == day(30)


def test_visits_are_built_and_not_taken(tmp_path):
    """A table of that name is told of, and changes nothing."""
    place = stored(tmp_path / "built.duckdb", visits="create table stage_visits as select 1 as one")
    crm = en.connect(f"duckdb://{place}", EIGHT_SETTINGS)
    assert reached(crm) == [8, 7, 5]
    files = crm.quality.files.set_index("file")["why"]
    assert "stage_visits" in " ".join([*files.index, *files])


def test_what_cannot_be_opened_is_said_in_a_line(tmp_path):
    """No file, no Parquet in a folder, and a file of another kind."""
    stored(tmp_path / "company.duckdb")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.duckdb").write_text("opportunity_id,stage\n" * 1000)
    for url, said in {
        f"duckdb://{tmp_path}/compny.duckdb": "There is no .*compny.duckdb.*Did you mean .*company",
        f"parquet://{tmp_path}/empty": "There is no Parquet file in .*empty",
        f"duckdb://{tmp_path}/text.duckdb": "text.duckdb cannot be read: .*not a valid DuckDB",
    }.items():
        with pytest.raises(EngineError, match=said) as caught:
            en.connect(url, EIGHT_SETTINGS)
        assert "\n" not in str(caught.value)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    """What was read may be of either content."""
    place, save = stored(tmp_path / "busy.duckdb"), lake.Taking.save

    def busy(taking: lake.Taking, into: Path) -> None:
        save(taking, into)
        place.write_bytes(place.read_bytes() + b"more")

    monkeypatch.setattr(lake.Taking, "save", busy)
    with pytest.raises(ExportError, match="busy.duckdb was written to while it was read"):
        en.connect(f"duckdb://{place}", EIGHT_SETTINGS)


def test_nothing_else_on_the_machine_is_reached(tmp_path):
    """A view in a file that reads another file does not get to see it."""
    secret = tmp_path / "elsewhere" / "secret.csv"
    secret.parent.mkdir()
    secret.write_text("opportunity_id,stage\n1,Won\n")
    (tmp_path / "here").mkdir()
    place = stored(
        tmp_path / "here" / "sly.duckdb",
        sly=f"create view sly as select * from read_csv('{secret}')",
    )
    with pytest.raises(en.EnablementError, match=r"(?i)permission|cannot access"):
        en.connect(f"duckdb://{place}", {**EIGHT_SETTINGS, "tables": {"opportunities": "sly"}})
