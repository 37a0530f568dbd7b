"""A chart leaves its cell the same on every run, and its test fails when its data changes."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import altair as alt
import nbformat
import pandas as pd
import papermill
import pytest

from enablement.run import report
from enablement.show import theme

ROOT = Path(__file__).parents[1]

CHART = """
import altair as alt
import pandas as pd
from enablement.show import theme
theme.enable()
table = pd.DataFrame({"stage": ["Lead", "Qual"], "rate": [0.5, RATE], "rep_id": ["r1", "r2"]})
chosen = alt.selection_point(fields=["stage"])
bars = alt.Chart(table).mark_bar().encode(x="rate:Q", y="stage:N").add_params(chosen)
chart = alt.layer(bars, bars.mark_text()).properties(title=theme.title("Half is lost at Qual"))
"""


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(theme.BATCH, raising=False)


def chart(rate: float = 0.25) -> Any:
    names: dict[str, Any] = {}
    exec(CHART.replace("RATE", str(rate)), names)
    return names["chart"]


def bundle(rate: float = 0.25) -> dict[str, Any]:
    return chart(rate)._repr_mimebundle_()


def notebook(path: Path, *, rate: float = 0.25) -> Path:
    code = [CHART.replace("RATE", str(rate)), "chart"] * 2
    cells = [nbformat.v4.new_code_cell(source) for source in code]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    papermill.execute_notebook(path, path, progress_bar=False)
    return path


def nbval(*paths: Path) -> dict[str, list[str]]:
    """Run notebooks again, each in a kernel of its own: name -> what is said of each cell."""
    plain = ["-q", "-rA", "--color=no", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "--nbval", *plain, *(path.name for path in paths)]
    run = subprocess.run(
        command, cwd=paths[0].parent, capture_output=True, check=False, encoding="utf-8"
    )
    found = re.findall(r"^(PASSED|FAILED|ERROR) (\S+)::Cell (\d+)", run.stdout, re.MULTILINE)
    cells = sorted((name, int(cell), said) for said, name, cell in found)
    return {path.name: [said for name, _, said in cells if name == path.name] for path in paths}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    pale, strong = sorted((luminance(one), luminance(other)), reverse=True)
    return (pale + 0.05) / (strong + 0.05)


def test_two_processes_give_the_same_bytes() -> None:
    """Altair counts its automatic names up in a process; this one draws the chart once more."""
    script = CHART.replace("RATE", "0.25")
    tail = "\nimport json; print(json.dumps(chart._repr_mimebundle_(), sort_keys=True))"
    other = subprocess.run(
        [sys.executable, "-c", script + tail], cwd=ROOT, capture_output=True, check=True
    )
    chart()
    assert other.stdout.decode().strip() == json.dumps(bundle(), sort_keys=True)


def test_a_bundle_says_v5_shows_a_picture_and_has_a_fixed_text() -> None:
    made = bundle()
    assert made[theme.MIME]["$schema"].endswith("/v5.json")
    assert base64.b64decode(made["image/png"]).startswith(b"\x89PNG")
    assert made["text/plain"] == "Chart: Half is lost at Qual"


def test_in_a_batch_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(theme.BATCH, "1")
    assert "image/png" not in bundle()


def test_only_columns_that_are_drawn_travel() -> None:
    assert "rep_id" not in json.dumps(bundle()[theme.MIME])


def test_all_columns_travel_when_a_tooltip_shows_them_all() -> None:
    table = pd.DataFrame({"rate": [0.5], "rep_id": ["r1"]})
    theme.enable()
    shown = alt.Chart(table).mark_bar(tooltip={"content": "data"}).encode(x="rate:Q")
    assert "rep_id" in json.dumps(shown._repr_mimebundle_()[theme.MIME]["datasets"])


def test_data_that_look_like_an_automatic_name_stay() -> None:
    theme.enable()
    table = pd.DataFrame({"stage": ["view_77", "param_5"], "rate": [1, 2]})
    shown = alt.Chart(table).mark_bar().encode(x="rate:Q", y="stage:N")
    (rows,) = shown._repr_mimebundle_()[theme.MIME]["datasets"].values()
    assert [row["stage"] for row in rows] == ["view_77", "param_5"]


def test_a_line_does_not_end_within_a_word() -> None:
    """Chi-square is one word, and 5 % stays together."""
    assert theme.lines_of("of chi-square 5 %", letters=12) == ["of", "chi-square", "5 %"]


def test_importing_the_theme_imports_no_altair() -> None:
    check = "import sys; import enablement.show.theme; sys.exit('altair' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


GRAMMAR = """
import sys, enablement.show.theme, altair, jsonschema
assert "lark" not in sys.modules
check = jsonschema.FormatChecker()
assert check.conforms("http://a/\u00e4", "iri")
assert not check.conforms("http://a b", "iri")
import rfc3987_syntax.utils
assert "lark" in sys.modules
assert rfc3987_syntax.is_valid_syntax("iri", "http://a/")
"""


def test_a_chart_reads_no_grammar_of_addresses_and_who_checks_one_does() -> None:
    """It takes a second in every kernel, and is as good when it is asked for."""
    subprocess.run([sys.executable, "-c", GRAMMAR], cwd=ROOT, check=True)


def test_nbval_passes_twice_and_fails_when_the_data_change(tmp_path: Path) -> None:
    stored = notebook(tmp_path / "chart.ipynb")
    content = nbformat.read(stored, as_version=4)
    changed = tmp_path / "changed.ipynb"
    content.cells[2].source = CHART.replace("RATE", "0.26")
    nbformat.write(content, changed)
    assert nbval(stored, changed) == {
        "chart.ipynb": ["PASSED"] * 4,
        "changed.ipynb": ["PASSED", "PASSED", "PASSED", "FAILED"],  # the third says nothing
    }


@pytest.mark.parametrize("name", ["ink", "quiet", "accent", "won"])
@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read(name: str, dark: bool) -> None:
    """The colours in which words are set reach 4.5 : 1 on their page."""
    assert contrast(theme.PALETTE[name][dark], theme.PALETTE["paper"][dark]) >= 4.5


def test_pages_have_the_colours_of_the_charts() -> None:
    stored = (report.TEMPLATES / "colours.css").read_text(encoding="utf-8")
    assert stored == theme.stylesheet()


@pytest.mark.parametrize("path", sorted(report.TEMPLATES.rglob("*.*")), ids=lambda path: path.name)
def test_templates_know_no_colour_and_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name != "colours.css":
        assert re.findall(r"#[0-9a-fA-F]{6}\b", text) == []
    assert "://" not in text


def test_the_last_number_of_an_axis_stands_under_its_line() -> None:
    """Moved inwards, as drawn without a word, 100 % meets 80 % where an axis is short."""
    theme.enable()
    marks = alt.Chart(alt.Data(values=[{"x": 1}])).mark_tick().encode(x="x:Q")
    assert marks.to_dict()["config"]["axisQuantitative"]["labelFlush"] is False
