"""What was read is kept under a name made of its content, and only what was kept whole is used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SAMPLE

import enablement as en
from enablement.errors import ExportError
from enablement.read import cache, engine, exports
from enablement.read.store import Store

SETTINGS = {"stages": ["Lead", "Qual"], "outcomes": {"Won": "won", "Lost": "lost"}}
DEALS = "opportunity_id,stage,amount,created_at,closed_at\n1,Won,5,2026-01-02,2026-01-09\n2,,7,,\n"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An export of two rows, one of which has no stage, and a place for what was read."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    place = tmp_path / "export"
    place.mkdir()
    (place / "opportunities.csv").write_text(DEALS, encoding="utf-8")
    return place


def readings(folder: Path) -> list[str]:
    """The names of what was kept."""
    return sorted(path.name for path in (folder.parent / "kept").iterdir())


def test_the_same_folder_is_opened_and_not_read_again(folder, monkeypatch):
    """Every table and every line of the quality report come out as they were read."""
    first = en.load(folder, SETTINGS)
    monkeypatch.setattr(exports, "read", None)  # whoever reads again fails
    again = en.load(folder, SETTINGS)
    assert len(readings(folder)) == 1
    for name in ("opportunities", "stage_events", "stage_visits", "closings", "reps", "quotas"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(again, name))
    for name in ("summary", "set_aside", "notes", "files", "otherwise"):
        pd.testing.assert_frame_equal(getattr(first.quality, name), getattr(again.quality, name))
    assert first.quality.cannot_say == again.quality.cannot_say
    assert len(again.quality.set_aside) == 1
    assert again.seen_until == first.seen_until


def test_other_content_or_other_settings_are_read_anew(folder):
    """One letter more, or another currency, is another reading; the time of writing is not."""
    en.load(folder, SETTINGS)
    path = folder / "opportunities.csv"
    path.write_text(DEALS, encoding="utf-8")
    en.load(folder, SETTINGS)
    assert len(readings(folder)) == 1
    assert set(en.load(folder, {**SETTINGS, "currency": "EUR"}).opportunities["currency"]) == {
        "EUR"
    }
    path.write_text(DEALS + "3,Lost,9,2026-01-03,2026-01-08\n", encoding="utf-8")
    assert len(en.load(folder, SETTINGS).opportunities) == 2
    assert len(readings(folder)) == 3


def test_what_was_cut_off_is_never_opened(folder, monkeypatch):
    """A reading that breaks leaves nothing; the files of one cut off have another name."""
    whole = en.load(folder, SETTINGS)
    (name,) = readings(folder)
    kept = folder.parent / "kept"
    (kept / name).rename(kept / f"{cache.BEGUN}x")
    (kept / f"{cache.BEGUN}x" / "moves.parquet").unlink()
    again = en.load(folder, SETTINGS)
    assert readings(folder) == sorted([name, f"{cache.BEGUN}x"])
    pd.testing.assert_frame_equal(whole.opportunities, again.opportunities)
    shutil.rmtree(kept)

    def broken(into: Path) -> None:
        (into / "facts.json").write_text("{", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.keep(name, broken)
    assert readings(folder) == []
    assert cache.find(name) is None


@pytest.mark.parametrize("name", ["moves.parquet", "facts.json", cache.CONTENTS])
@pytest.mark.parametrize("spoilt", ["cut", "gone"])
def test_a_reading_that_lost_something_later_is_made_anew(folder, name, spoilt):
    """As a full disk, a lost current or a tidy colleague leaves it; nobody has to clear it away."""
    whole = en.load(folder, SETTINGS).closings
    (kept,) = (folder.parent / "kept").iterdir()
    path = kept / name
    path.unlink() if spoilt == "gone" else path.write_bytes(path.read_bytes()[:-9])
    pd.testing.assert_frame_equal(en.load(folder, SETTINGS).closings, whole)
    assert len(readings(folder)) == 1
    assert cache.find(readings(folder)[0]) is not None


@pytest.mark.parametrize("what", ["file", "link", "another user's"])
def test_what_somebody_else_put_in_its_place_is_not_opened(folder, monkeypatch, what):
    """A file, a link to a folder elsewhere and a folder of another user bear the right name."""
    en.load(folder, SETTINGS)
    (kept,) = (folder.parent / "kept").iterdir()
    if what == "file":
        shutil.rmtree(kept)
        kept.write_text("")
    elif what == "link":
        kept.symlink_to(kept.rename(folder.parent / "elsewhere"))
    else:
        monkeypatch.setattr(os, "geteuid", lambda: kept.stat().st_uid + 1)
    assert cache.find(kept.name) is None
    assert len(en.load(folder, SETTINGS).opportunities) == 1


def test_what_was_answered_about_everybody_is_there_for_the_next_process(tmp_path, monkeypatch):
    """Nothing is counted again; an answer about a part is not kept."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))

    def asked(**said: object) -> pd.DataFrame:
        return en.win_rate(en.load(SAMPLE), as_of="2026-09-30", **said)

    first, only = asked(by="type"), asked(where={"type": "new business"})
    written: list[str] = []
    real = engine.Session._laid

    def laid(session, path, sql):
        written.append(sql)
        return real(session, path, sql)

    monkeypatch.setattr(engine.Session, "_laid", laid)
    kept = sorted(tmp_path.glob("*/kept_*.parquet"))
    pd.testing.assert_frame_equal(asked(by="type"), first)
    assert sorted(tmp_path.glob("*/kept_*.parquet")) == kept
    answers = [sql for sql in written if "group by all" in sql.rpartition("credited p")[2]]
    assert len(answers) == 1
    pd.testing.assert_frame_equal(asked(where={"type": "new business"}), only)
    assert len([s for s in written if "group by all" in s.rpartition("credited p")[2]]) == 1


def test_a_file_that_changes_while_it_is_read_is_refused(folder, monkeypatch):
    """A row is added between the look that names the reading and its end."""

    def slow(path):
        found = exports_read(path)
        path.write_text(DEALS + "3,Lost,9,2026-01-03,2026-01-08\n", encoding="utf-8")
        return found

    exports_read = exports.read
    monkeypatch.setattr(exports, "read", slow)
    with pytest.raises(en.EnablementError, match=r"^opportunities.csv was written to while"):
        en.load(folder, SETTINGS)
    assert readings(folder) == []


def test_a_full_disk_is_told_in_one_line_and_nothing_stays(folder):
    """The engine's own error names a file within; the line says where and what to do."""

    def full(into: Path) -> None:
        (into / "moves.new").write_text("half of it", encoding="utf-8")
        raise duckdb.IOException(f'Could not write file "moves.new": {cache.FULL}')

    place = folder.parent / "kept"
    with pytest.raises(ExportError, match=f"^No space is left in {place} .*{cache.VARIABLE}.$"):
        cache.keep("x", full)
    assert readings(folder) == []


def test_a_table_of_two_thousand_columns_is_kept(tmp_path):
    """Each column of a Parquet file makes room for its texts before the first is written."""
    with Store("UTC", tmp_path) as store:
        store.show("wide", pa.table({f"c{n}": ["x"] for n in range(2_000)}))
        store.save("select * from wide", tmp_path / "wide.parquet")
    assert pq.read_metadata(tmp_path / "wide.parquet").num_columns == 2_000


def test_what_is_too_wide_for_the_memory_is_told_in_one_line():
    """Nothing stays of it, as of a reading that met a full disk."""

    def write(into: Path) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to pin block")

    with pytest.raises(ExportError, match="may have thousands of columns: export fewer"):
        cache.keep("wide", write)


def test_a_refused_export_is_not_kept(folder):
    """A stage that the settings do not know stops, and stops again the next time."""
    (folder / "opportunities.csv").write_text(DEALS + "3,Demo,1,,\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(en.EnablementError, match="does not know the stage 'Demo'"):
            en.load(folder, SETTINGS)
    assert readings(folder) == []


def test_only_so_many_readings_stay(folder, monkeypatch):
    """The one that was not used for longest goes first."""
    monkeypatch.setattr(cache, "KEPT", 2)
    for amount in (1, 2, 3):
        text = DEALS.replace(",5,", f",{amount},")
        (folder / "opportunities.csv").write_text(text, encoding="utf-8")
        en.load(folder, SETTINGS)
    assert len(readings(folder)) == 2
