"""Text for spreadsheet programs: nothing in it is run."""

from __future__ import annotations

import pandas as pd
import pytest

from enablement.show.spreadsheets import plain, plain_in_csv, plain_table


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1+1",
        "-5=1",
        "--1",
    ],
)
def test_a_text_that_would_be_run_gets_an_apostrophe(text):
    """Signs that begin a formula, blanks that hide one, and their wide forms."""
    assert plain(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "Won", "a=b", "-", "-5", "+1.5", "-1,234.50", "-12 %", "'=1", "5-3"]
)
def test_other_texts_stay_as_they_are(text):
    """Numbers with a sign are no formulas."""
    assert plain(text) == text


def test_a_table_keeps_its_numbers_and_its_caller():
    """Only texts change, headers and categories too; missing stays missing."""
    table = pd.DataFrame(
        {
            "=name": ["=1+1", None, "Ann"],
            "n": [-1.5, 2.0, None],
            "kind": pd.Categorical(["@x", "y", "@x"]),
            "day": pd.to_datetime(["2026-01-01", None, None]),
        }
    )
    before = table.copy()
    made = plain_table(table)
    assert made.columns.tolist() == ["'=name", "n", "kind", "day"]
    assert made["'=name"].iloc[0] == "'=1+1"
    assert made["'=name"].isna().tolist() == [False, True, False]
    assert made["kind"].tolist() == ["'@x", "y", "'@x"]
    assert made["n"].dtype == "float64"
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a;=1+1", "a;'=1+1"),
        ('a;"=1+1', "a;'\"=1+1"),
        ("a\n@SUM(A1)", "a\n'@SUM(A1)"),
        ("=1;=2", "'=1;'=2"),
        ("a; b = 1", "a; b = 1"),
        ("a;-5", "a;-5"),
    ],
)
def test_what_another_program_would_split_is_plain_behind_the_split(text, made):
    """A CSV with commas is split at semicolons where numbers have decimal commas."""
    assert plain_in_csv(text) == made
