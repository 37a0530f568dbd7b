"""What is written for users is true: the README's code runs, and names what is public."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from conftest import ROOT

import enablement as en
from enablement.run.cli import app

README = (ROOT / "README.md").read_text(encoding="utf-8")
MEASURES = [name for name, where in en.PUBLIC.items() if ".measure." in where]
WITHOUT_A_CHART = {
    "stage_visits": "a list of stays, a row each; `time_in_stage` draws how long they last",
    "pushes": "a list of moves, a row each; `push_count` draws how many there are",
}


def test_the_first_code_block_runs_and_says_what_it_finds(monkeypatch, capsys):
    """Five lines, from a folder below the root as a kernel would start."""
    monkeypatch.chdir(ROOT / "notebooks")
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert len([line for line in block.group(1).splitlines() if line.strip()]) == 5
    exec(compile(block.group(1), "README.md", "exec"), {})
    assert "%" in capsys.readouterr().out


def test_the_code_of_the_goal_runs_after_the_first(monkeypatch, capsys):
    """The plan of the sample, a gap and a what-if, told in sentences."""
    monkeypatch.chdir(ROOT / "notebooks")
    first, second = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[:2]
    assert "en.what_if" in second
    exec(compile(first + second, "README.md", "exec"), {})
    assert "Wanted in" in capsys.readouterr().out


def test_the_first_screen_has_a_picture_and_the_two_commands():
    """One sentence, one picture, five lines, two commands, before the first heading below."""
    first = README.split("\n## ")[0]
    assert "](docs/funnel.svg)" in first
    assert (ROOT / "docs" / "funnel.svg").is_file()
    assert "make demo" in first
    assert "make test" in first


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_is_in_the_readme(name):
    """A measure nobody can find is not finished."""
    assert f"`en.{name}`" in README


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_has_a_docstring_with_its_columns(name):
    """Parameters and Returns, in the docstring itself."""
    text = getattr(en, name).__doc__
    assert "Parameters\n" in text
    assert "Returns\n" in text


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_has_a_chart_of_its_name_or_a_reason_for_none(name):
    """What is drawn also says its finding in words; a reason that no longer holds goes."""
    drawn = name in en.charts.__all__
    assert drawn != bool(WITHOUT_A_CHART.get(name))
    if drawn:
        assert getattr(en.charts, name).__doc__
        assert getattr(en.words, name).__doc__


def test_every_reason_for_no_chart_is_that_of_a_measure():
    """A measure that was renamed takes its reason with it."""
    assert set(WITHOUT_A_CHART) <= set(MEASURES)


def test_every_target_of_the_makefile_that_the_readme_names_is_there():
    """And the other way round for those that do something for a user."""
    made = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = set(re.findall(r"`?make ([a-z]+)", README))
    assert named <= set(made)


def test_every_command_is_named_somewhere():
    """In the README or behind a target of the Makefile."""
    written = README + (ROOT / "Makefile").read_text()
    for command in app.registered_commands:
        assert command.callback is not None
        assert f"enablement {command.callback.__name__}" in written


def test_importing_costs_nothing_heavy():
    """Names are loaded when they are used: no pandas, DuckDB, Altair or scipy before."""
    code = (
        "import sys, enablement; "
        "print([m for m in ('pandas', 'numpy', 'duckdb', 'altair', 'scipy', 'statsmodels',"
        " 'IPython', 'pyarrow') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_every_public_name_is_there():
    """What the face lists can be fetched; what it does not list is refused by name."""
    for name in en.PUBLIC:
        assert getattr(en, name) is not None
    for name in en.MODULES:
        assert getattr(en, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'convert'"):
        _ = en.convert
