"""Results go to the place that was named, whole or not at all, and over nothing that is needed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import SAMPLE
from test_cli import LEAST, run

from enablement.errors import EnablementError
from enablement.run import batch, outputs

DEALS = "opportunity_id,stage,amount\n1,Won,[5]\n2,Lead,7\n"


@pytest.fixture
def export(tmp_path) -> Path:
    """An export of two opportunities, one amount of which cannot be read."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "settings.toml").write_text(LEAST)
    (folder / "deals.csv").write_text(DEALS)
    return folder


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("rows.pdf", "rows.pdf ends in none of .xlsx, .csv."),
        ("none/rows.csv", "There is no folder"),
        ("none/rows.xlsx", "There is no folder"),
        ("folder.csv", "is a folder, a device or a link to nothing. Name another file."),
        ("folder.xlsx", "is a folder, a device or a link to nothing. Name another file."),
        ("pipe.csv", "is a folder, a device or a link to nothing. Name another file."),
        ("pipe.xlsx", "is a folder, a device or a link to nothing. Name another file."),
        ("device.csv", "is a folder, a device or a link to nothing. Name another file."),
        (f"{'x' * 300}.csv", "cannot be written: File name too long."),
    ],
)
@pytest.mark.parametrize("command", ["check", "goal"])
def test_a_place_where_no_file_can_be_put_is_told_in_a_line(
    tmp_path, export, command, name, complaint
):
    """Before anything is read, and without waiting for a pipe."""
    if command == "goal":
        if name.endswith(".csv"):
            return
        complaint = complaint.replace("ends in none of .xlsx, .csv", "does not end in .xlsx")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.xlsx").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "pipe.xlsx")
    (tmp_path / "device.csv").symlink_to("/dev/null")
    done = run(command, export, "--out", tmp_path / name)
    assert done.exit_code == 2
    assert complaint in done.output
    assert len(done.output.strip().splitlines()) == 1


@pytest.mark.parametrize("through", ["", "link.csv"])
def test_the_export_is_never_written_over(tmp_path, export, through):
    """By its own name it is refused; a link to it is replaced, and not followed."""
    link = tmp_path / "link.csv"
    link.symlink_to(export / "deals.csv")
    done = run("check", export, "--out", link if through else export / "deals.csv")
    assert (export / "deals.csv").read_text() == DEALS
    if through:
        assert done.exit_code == 2  # where it leads is a file of the export
        link.unlink()
        (tmp_path / "other").write_text("precious")
        link.symlink_to(tmp_path / "other")
        assert run("check", export, "--out", link).exit_code == 0
        assert (tmp_path / "other").read_text() == "precious"
        assert not link.is_symlink()
        assert link.read_text(encoding="utf-8-sig").startswith("done,table,file")
    else:
        assert done.exit_code == 2
        assert "deals.csv is a file of the export. Name another one." in done.output


def test_what_was_there_stays_where_something_fails(tmp_path):
    """Half a file is none, and no trace of it is left."""
    place = tmp_path / "rows.csv"
    place.write_text("precious")

    def half(part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(EnablementError, match="rows.csv cannot be written: No space left"):
        outputs.write(place, half)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert place.read_text() == "precious"


def test_pages_are_not_put_where_the_notebooks_or_the_export_lie(tmp_path):
    """The first would be removed before they run, the second would be read as part of it."""
    notebook = tmp_path / "01-x.ipynb"
    notebook.write_text("{}")
    export = tmp_path / "export"
    shutil.copytree(SAMPLE, export)
    for out in (tmp_path, export):
        with pytest.raises(EnablementError, match="Name a folder for the pages alone"):
            batch.quarter("2026Q3", workspace=export, out=out, chosen=[notebook])
    assert notebook.read_text() == "{}"


def test_the_sample_replaces_nothing_of_the_users(tmp_path):
    """A real export of the same names stays; into its own folder it may be written again."""
    (tmp_path / "Opportunity.csv").write_text("precious")
    done = run("sample", tmp_path)
    assert done.exit_code == 2
    assert "Opportunity.csv is there already, with other content." in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["Opportunity.csv"]
    assert (tmp_path / "Opportunity.csv").read_text() == "precious"
    (tmp_path / "Opportunity.csv").unlink()
    assert run("sample", tmp_path).exit_code == 0
    assert run("sample", tmp_path).exit_code == 0
    assert (tmp_path / "Opportunity.csv").read_bytes() == (SAMPLE / "Opportunity.csv").read_bytes()
