"""A report is one file that loads nothing, and nothing in its data runs."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from enablement.run import dashboards, report
from enablement.show import theme

EVIL = "</script><script>window.ran = 1</script>"
SPEC = {
    "$schema": "v5",
    "title": EVIL,
    "datasets": {"d": [{"stage": EVIL}]},
    "mark": "bar",
    "encoding": {"y": {"field": "stage", "type": "nominal"}},
    "data": {"name": "d"},
}
TABLE = (
    '<style scoped>.dataframe { color: red }</style><table border="1" class="dataframe"><thead>'
    '<tr style="text-align: right;"><th></th><th>stage</th><th>rate</th></tr></thead><tbody>'
    "<tr><th>0</th><td>&lt;script&gt;window.ran = 2&lt;/script&gt;</td><td>82 %</td></tr>"
    "<tr><th>1</th><td>Qual</td><td>NaN</td></tr></tbody></table>"
)


def shown(data: dict[str, Any]) -> Any:
    return nbformat.v4.new_output("display_data", data=data)


def notebook(path: Path, *outputs: Any, text: str = "# Where does it leak?") -> Path:
    hidden = nbformat.v4.new_code_cell("team = 'secret'", metadata={"tags": ["parameters"]})
    code = nbformat.v4.new_code_cell("draw('<b>')", outputs=list(outputs))
    cells = [nbformat.v4.new_markdown_cell(text), hidden, code]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def exported(folder: Path, *outputs: Any, text: str = "# Where does it leak?") -> str:
    stored = notebook(folder / "in.ipynb", *outputs, text=text)
    path = report.export(stored, to=folder / "new" / "page.html", title="Sample, 2026Q3")
    return path.read_text(encoding="utf-8")


def without_library(html: str) -> str:
    """Leave out Vega itself, whose source names namespaces and schemas that it never loads."""
    return html.replace(report._scripts()[0], "")


def test_a_chart_is_stored_as_data_and_drawn_by_the_page(tmp_path: Path) -> None:
    html = exported(tmp_path, shown({theme.MIME: SPEC, "image/png": "QUJD", "text/plain": "Chart"}))
    (stored,) = re.findall(r'<script type="application/json">(.*?)</script>', html)
    assert json.loads(stored)["title"] == EVIL
    assert "data:image/png;base64,QUJD" in html
    assert html.count("vegaEmbed=") == 1


def test_without_charts_the_library_stays_out(tmp_path: Path) -> None:
    assert len(exported(tmp_path, shown({"text/plain": "7"}))) < 30_000


def test_nothing_in_the_data_runs(tmp_path: Path) -> None:
    """A title, a table, markup, Markdown and a traceback each carry a script."""
    html = exported(
        tmp_path,
        shown({theme.MIME: SPEC, "text/plain": EVIL}),
        shown({"text/html": TABLE + EVIL + "<img src=x onerror='window.ran = 3'>"}),
        shown({"text/html": "<a href='javascript:window.ran = 4'>x</a><svg onload='1'></svg>"}),
        shown({"application/javascript": "window.ran = 5", "text/plain": "x"}),
        nbformat.v4.new_output("error", ename="E", evalue=EVIL, traceback=[EVIL]),
        text=f"# Title {EVIL} <iframe src='x'></iframe>",
    )
    ours = [f"<script>{script}</script>" for script in report._scripts()]
    for script in ours:
        html = html.replace(script, "")
    assert re.findall(r"<script(?! type=.application/json)[^>]*>", html) == []
    assert re.findall(r"<[^>]*\son\w+\s*=", html) == []
    assert "javascript:" not in html
    assert "<iframe" not in html


def test_the_page_names_no_address(tmp_path: Path) -> None:
    html = exported(tmp_path, shown({theme.MIME: SPEC, "text/plain": "Chart"}))
    assert "://" not in without_library(html)
    assert "mathjax" not in html.lower()
    assert "require.js" not in html.lower()


def test_the_policy_lets_our_two_scripts_run_and_nothing_load(tmp_path: Path) -> None:
    html = exported(tmp_path, shown({theme.MIME: SPEC, "text/plain": "Chart"}))
    (policy,) = re.findall(r'content="(default-src[^"]*)"', html)
    assert policy.startswith("default-src 'none';")
    assert policy.count("sha256-") == 2


def test_a_table_has_its_figures_marked_and_no_row_numbers() -> None:
    html = report.safe_html(TABLE)
    assert '<td class="number">82\u00a0%</td>' in html
    assert '<td class="number">NaN</td>' in html
    assert "<td>&lt;script&gt;" in html
    assert "<th>0</th>" not in html
    assert "color: red" not in html


def test_figures_with_what_they_are_of_stand_at_the_right() -> None:
    """By one rule, in the report and on the dashboard; a sentence has the room to be read."""
    told = "CSV with commas, in UTF-8, recognised by the names of its columns"
    rows = [("< 1 %", "3.01 in 100 h", "73 to 76 %", "006Q", told), ("14 %", "9.9 %", "–", "1", "")]
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    html = report.safe_html(f"<table>{cells}</table>".replace("< 1", "&lt; 1"))
    marked = re.findall(r'<td(?: class="(\w+)")?>', html)
    assert marked == [
        "number",
        "number",
        "number",
        "",
        "long",
        "number",
        "number",
        "number",
        "",
        "",
    ]
    script = (report.TEMPLATES / "dashboard.js").read_text(encoding="utf-8")
    assert f"/^{report.FIGURE}$/" in script


def test_the_parameters_are_hidden_and_the_code_is_folded(tmp_path: Path) -> None:
    html = exported(tmp_path)
    assert "secret" not in html
    assert "<code>draw('&lt;b&gt;')</code>" in html


def test_a_link_to_a_notebook_is_not_kept(tmp_path: Path) -> None:
    html = exported(tmp_path, text="# A\n[next](02-funnel.ipynb) [page](02-funnel.html)")
    assert "02-funnel.ipynb" not in html
    assert 'href="02-funnel.html"' in html


def test_a_failed_cell_is_told_in_words(tmp_path: Path) -> None:
    told = nbformat.v4.new_output("error", ename="E", evalue="No stage Demo", traceback=["x"])
    html = exported(tmp_path, told)
    assert "This part could not be worked out" in html
    assert "No stage Demo" in html


def test_the_index_escapes_everything() -> None:
    html = report.index_page(
        title=EVIL,
        headline=EVIL,
        facts=[("Win rate", EVIL, "")],
        pages=[(EVIL, "a.html", EVIL, "ran"), ("B", "b.html", EVIL, "failed")],
        foot=EVIL,
    )
    assert "<script" not in html
    assert "This page could not be made." in html
    assert 'href="b.html"' not in html
    assert "://" not in html


def test_a_number_keeps_its_unit_and_a_date_is_whole(tmp_path: Path) -> None:
    """88 % or $1.2 M is not broken between two lines, nor 2026-09-30 or UTF-8; code is as typed."""
    said = "88 % of $1.2 M until 2026-09-30 in UTF-8"
    day, letters = (f'<span class="day">{text}</span>' for text in ("2026-09-30", "UTF-8"))
    whole = f"88\u00a0% of $1.2\u00a0M until {day} in {letters}"
    printed = nbformat.v4.new_output("stream", name="stdout", text=said)
    assert f'<p class="said">{whole}</p>' in exported(tmp_path, printed)
    assert report.safe_html(f"<p>{said}</p>") == f"<p>{whole}</p>"
    assert report.safe_html(f"<code>{said}</code>") == f"<code>{said}</code>"
    told = f'<p title="{said}">&lt;b&gt;</p>'
    assert report.safe_html(told) == told
    index = report.index_page(title="A", headline=said, facts=[], pages=[], foot="")
    assert f"<h1>{whole}</h1>" in index


def test_a_period_without_pages_says_so() -> None:
    html = report.index_page(title="2026Q3", headline="Nothing yet", facts=[], pages=[], foot="")
    assert "No page was made" in html


def test_dashboards_stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PATH", "mine")
    arguments, variables = dashboards.command(Path("pages"), port=9000)
    assert "--Voila.ip=127.0.0.1" in arguments
    assert "--Voila.open_browser=False" in arguments
    assert "--VoilaConfiguration.show_tracebacks=False" in arguments
    assert arguments[-1] == "pages"
    assert variables["JUPYTER_PATH"].endswith("mine")
    assert (dashboards.TEMPLATES / "voila/templates/enablement/index.html.j2").exists()
