"""The command line: one line for what is wrong, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import ROOT, SAMPLE
from typer.testing import CliRunner

from enablement.run import batch, dashboards
from enablement.run.cli import app

LEAST = 'stages = ["Lead"]\n[outcomes]\nWon = "won"\n[files]\nopportunities = "deals.csv"\n'


def run(*arguments: object):
    """Run a command as a user would."""
    wide = {"COLUMNS": "300"}
    return CliRunner(env=wide).invoke(app, [str(argument) for argument in arguments])


def test_check_says_what_arrived():
    """The sentence first, then the tables."""
    done = run("check", SAMPLE)
    assert done.exit_code == 0
    assert "rows arrived in" in done.output.splitlines()[0]
    assert "OpportunityHistory.csv" in done.output
    assert "Salesforce objects" in done.output


def test_check_shows_what_was_set_aside_and_what_cannot_be_said(tmp_path):
    """File, line, column, value and reason."""
    (tmp_path / "settings.toml").write_text(LEAST)
    (tmp_path / "deals.csv").write_text("opportunity_id,stage,amount\n1,Won,[5]\n2,Lead,7\n")
    done = run("check", tmp_path)
    assert done.exit_code == 0
    assert "2 rows arrived in 1 table; 2 are used and none was set aside." in done.output
    assert "1 value in them could not be read and counts as missing." in done.output
    assert "amount unreadable, as '[5]' in line 2; read as missing" in done.output
    assert "Cannot be said." in done.output


def test_check_names_the_columns_that_are_not_ours(tmp_path):
    """A start that no crosswalk knows: it can be split by, or told to be ours."""
    (tmp_path / "settings.toml").write_text("exported_on = 2026-03-01\n" + LEAST)
    (tmp_path / "deals.csv").write_text("opportunity_id,stage,begun\n1,Won,5\n2,Lead,7\n")
    said = " ".join(run("check", tmp_path).output.split())
    assert "by: begun. One that is ours by another name is told so: [columns.opp" in said
    (tmp_path / "deals.csv").write_text("opportunity_id,stage\n1,Won\n2,Lead\n")
    assert "Under their own names" not in run("check", tmp_path).output


def test_a_file_in_the_place_of_the_folder_is_told_as_one(tmp_path):
    """It is there: what is wrong is that it is no folder, and the right one is the one it is in."""
    (tmp_path / "deals.csv").write_text("opportunity_id,stage\n1,Won\n")
    done = run("check", tmp_path / "deals.csv")
    assert done.exit_code == 2
    assert f"is a file. Name the folder it lies in: {tmp_path}." in done.output


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (None, "There is no folder"),
        ({}, "has no CSV file"),
        ({"deals.csv": ""}, "deals.csv, line 1: the file is empty"),
        ({"deals.csv": "a,b\n1,2\n"}, "deals.csv, line 1: no column for stage"),
        ({"deals.csv": "opportunity_id,stage\n1,Led\n"}, "Did you mean 'Lead'?"),
        ({"deals.csv": "opportunity_id,stage,closed_at\n1,Won,1/2/2026\n"}, 'dates = "day first"'),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(tmp_path, files, complaint):
    """File, line, column, value, and what would have worked."""
    folder = tmp_path / "export"
    settings = tmp_path / "settings.toml"
    settings.write_text(LEAST)
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    done = run("check", folder, "--settings", settings)
    assert done.exit_code == 2
    assert complaint in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert "Traceback" not in done.output


def test_a_missing_settings_file_is_named(tmp_path):
    """A path that is not there."""
    done = run("check", SAMPLE, "--settings", tmp_path / "none.toml")
    assert done.exit_code == 2
    assert "There are no settings at" in done.output


def test_an_unknown_period_is_one_line():
    """Before any notebook runs."""
    done = run("quarter", "Q3")
    assert done.exit_code == 2
    assert "'Q3' is no period" in done.output


@pytest.mark.parametrize("period", ["1999Q1", "2031Q1"])
def test_a_period_that_the_export_has_not_seen_is_one_line(period, tmp_path):
    """The first opportunity of the sample was created on 2023-10-30, and it is of 2026-09-30."""
    done = run("quarter", period, "--out", tmp_path / "pages")
    assert done.exit_code == 2
    assert f"{period} lies outside what the export has seen, from 2023-10-30 " in done.output
    assert "to 2026-09-30." in done.output
    assert not (tmp_path / "pages").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["chek"], "No such command 'chek'. Did you mean 'check'? See enablement --help."),
        (["check"], "Missing argument 'folder'. See enablement check --help."),
        (
            ["check", "x", "--setings", "y"],
            "--setings (Possible options: --settings). See enablement check",
        ),
        (["--foo"], "No such option: --foo. See enablement --help."),
        (["snapshot", "ad"], "Did you mean 'add'? See enablement snapshot --help."),
        (["dashboards", "--port", "99999"], "Invalid value for '--port'"),
        (["check", "x", "--out"], "Option '--out' requires an argument."),
    ],
)
def test_a_command_that_does_not_fit_is_one_line(words, complaint):
    """With the nearest name and where to read on."""
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, words, prog_name="enablement")
    assert done.exit_code == 2
    assert complaint in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_nothing_said_is_answered_with_the_help():
    """As before: the commands, and status 2."""
    done = run()
    assert done.exit_code == 2
    assert "snapshot" in done.output


def test_a_complaint_has_a_length_that_can_be_read(tmp_path):
    """Of a name of 100,000 letters the beginning, and the end with the way out."""
    (tmp_path / "settings.toml").write_text(f'{LEAST}\n"{"x" * 100_000}" = 1\n')
    (tmp_path / "deals.csv").write_text("opportunity_id,stage\n1,Won\n")
    done = run("check", tmp_path)
    assert done.exit_code == 2
    assert len(done.output) < 2_000
    assert "[...]" in done.output


def test_a_terminal_of_few_letters_gets_what_it_can_show(tmp_path):
    """A point before a line becomes a question mark where only ASCII can be written."""
    (tmp_path / "settings.toml").write_text(LEAST)
    (tmp_path / "deals.csv").write_text("opportunity_id,stage,name\n1,Won,\u00e4\n1,Lead,b\n")
    code = "from enablement.run.cli import app; app()"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "? 1 row" in done.stdout


def test_a_fault_of_ours_is_a_line_too(monkeypatch):
    """And says how to see where."""
    monkeypatch.setattr(batch, "notebooks", lambda: 1 / 0)
    done = run("quarter", "2026Q3")
    assert done.exit_code == 3
    assert "ZeroDivisionError" in done.output
    assert "ENABLEMENT_DEBUG=1" in done.output
    assert len(done.output.strip().splitlines()) == 1


@pytest.mark.parametrize(("error", "status"), [("", 0), ("cell 3: ValueError: no", 1)])
def test_a_quarter_ends_with_1_if_a_notebook_failed(monkeypatch, tmp_path, error, status):
    """What each notebook said, and where the report is."""
    one = batch.Run(ROOT / "01-x.ipynb", "X?", "Found it.", error, None, 2.0)
    done = batch.Quarter(tmp_path / "index.html", (one,))
    monkeypatch.setattr(batch, "quarter", lambda *given, **named: done)
    said = run("quarter", "2026Q3")
    assert said.exit_code == status
    assert ("failed at cell 3" if error else "Found it.") in said.output
    assert "The report:" in said.output


def test_dashboards_are_served_from_their_folder(monkeypatch):
    """On this machine alone."""
    asked = {}
    monkeypatch.setattr(dashboards, "serve", lambda folder, **named: asked.update(folder=folder))
    done = run("dashboards")
    assert done.exit_code == 0
    assert asked["folder"] == ROOT / "notebooks" / "dashboards"
    assert "http://localhost:8866" in done.output


def test_help_is_there_without_loading_anything_heavy():
    """`enablement --help` answers at once."""
    code = (
        "import sys; from enablement.run import cli; "
        "print([m for m in ('pandas', 'duckdb', 'altair', 'papermill') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert "quarter" in run("--help").output


def test_what_the_data_hold_does_not_steer_the_terminal(tmp_path):
    """An escape is written by its code, an emoji's name stays its name, markup stays text."""
    (tmp_path / "settings.toml").write_text(LEAST)
    value = "\x1b]8;;http://evil\x1b\\:smile:[red]\u202e"
    (tmp_path / "deals.csv").write_text(f"opportunity_id,stage,amount\n1,Won,{value}\n2,Lead,7\n")
    done = run("check", tmp_path)
    assert done.exit_code == 0
    assert "\x1b]8" not in done.output
    assert "\u202e" not in done.output
    flat = "".join(done.output.split())
    assert ":smile:[red]" in flat
