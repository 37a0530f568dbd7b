"""The quarter: notebooks run, pages written, failures named while the others still run."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import ROOT, SAMPLE
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import enablement as en
from enablement.errors import EnablementError
from enablement.run import batch

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
PARAMETERS = (
    'workspace = "data/sample"  # folder\nsettings = ""  # settings\nperiod = "2026Q3"  # period'
)


def written(folder: Path, name: str, *cells: str, parameters: str = PARAMETERS) -> Path:
    """Write a small notebook with a heading, parameters and some cells."""
    first = new_code_cell(parameters)
    first.metadata["tags"] = ["parameters"]
    rest = [new_code_cell(source) for source in cells]
    rest[-1].metadata["tags"] = ["finding"]
    notebook = new_notebook(
        cells=[new_markdown_cell(f"# What of {name}?"), first, *rest],
        metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}},
    )
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> batch.Quarter:
    """A quarter of three notebooks, of which the second fails and the third is wrong."""
    folder = tmp_path_factory.mktemp("quarter")
    chosen = [
        written(folder, "01-good", "print('All is', period)"),
        written(folder, "02-bad", "x = 1", "raise ValueError('no <b>such</b> stage')"),
        written(folder, "03-odd", "print('odd')", parameters='perod = "2026Q3"  # period'),
        written(folder, "04-last", "print('The last still ran')"),
    ]
    return batch.quarter("2026Q3", workspace=SAMPLE, out=folder / "out", chosen=chosen)


def test_what_ran_says_its_finding(done):
    """The text of the cell tagged as the finding, and a page beside the notebook."""
    good = done.runs[0]
    assert (good.title, good.finding, good.error) == ("What of 01-good?", "All is 2026Q3", "")
    assert good.page is not None
    assert good.page.with_suffix(".ipynb").exists()
    assert "All is 2026Q3" in good.page.read_text()


def test_what_failed_is_named_with_cell_and_error(done):
    """It has no finding; its page shows how far it came."""
    bad = done.runs[1]
    assert bad.error == "cell 4: ValueError: no <b>such</b> stage"
    assert bad.finding == ""
    assert bad.page is not None


def test_an_unknown_parameter_is_an_error_with_the_nearest_name(done):
    """The runner itself would only have warned."""
    assert "has no parameter 'workspace'" in done.runs[2].error
    assert done.runs[2].page is None


def test_the_others_still_run(done):
    """Two failed, two did not."""
    assert [run.ran for run in done.runs] == [True, False, False, True]
    assert [run.notebook.stem for run in done.failed] == ["02-bad", "03-odd"]


def test_the_index_opens_with_the_headline_and_lists_every_page(done):
    """Failures stand in it in words, and what they say is text."""
    page = done.index.read_text()
    heading = re.search("<h1>(.*)</h1>", page)[1]
    assert re.fullmatch(r"2026Q3: sold \$[\d.]+\sM of \$[\d.]+\sM, \d+\s% attained\.", heading)
    assert '<p class="line">From what: ' in page
    assert '<p class="line">At risk: ' in page
    assert 'href="01-good.html"' in page
    assert "02-bad.ipynb, cell 4: ValueError: no &lt;b&gt;such&lt;/b&gt; stage" in page
    assert "The last still ran" in page


def test_what_cannot_be_said_is_told_below_the_first_answer():
    """The other answers have their numbers on the page; what is missing stands nowhere else."""
    said = "2026Q1: sold €5 k; 3 created (€9 k). Cannot be said: coverage (no close dates)."
    assert batch._opening(said) == (
        "2026Q1: sold €5 k.",
        ["Cannot be said: coverage (no close dates)."],
    )
    assert batch._opening("2026Q1: sold €5 k.") == ("2026Q1: sold €5 k.", [])


def test_pages_load_nothing(done):
    """No address stands in any of them, but for names of formats."""
    for page in done.index.parent.glob("*.html"):
        found = set(re.findall(r"""(?:src|href)\s*=\s*["'](https?:)?//""", page.read_text()))
        assert found == set()


def test_a_second_run_leaves_no_page_of_the_first(tmp_path):
    """A notebook that fails now has no page from when it did not."""
    good = written(tmp_path, "01-x", "print('well')")
    batch.quarter("2026Q3", workspace=SAMPLE, out=tmp_path / "out", chosen=[good])
    odd = written(tmp_path, "01-x", "print('odd')", parameters="other = 1  # x")
    batch.quarter("2026Q3", workspace=SAMPLE, out=tmp_path / "out", chosen=[odd])
    assert not (tmp_path / "out" / "01-x.html").exists()


def test_no_period_stops_before_anything_runs(tmp_path):
    """One line, and nothing written."""
    with pytest.raises(EnablementError, match="is no period"):
        batch.quarter("2026Q9", workspace=SAMPLE, out=tmp_path / "out", chosen=[])
    assert not (tmp_path / "out").exists()


def test_storing_keeps_a_notebook_free_of_times_and_paths(tmp_path):
    """Stored twice it is the same; a failing one is left as it was."""
    path = written(tmp_path, "01-x", "print('well')")
    batch.store(path)
    once = path.read_text()
    assert str(tmp_path) not in once
    assert '"execution_count": 2' in once
    batch.store(path)
    assert path.read_text() == once
    bad = written(tmp_path, "02-x", "raise ValueError('no')")
    before = bad.read_text()
    with pytest.raises(EnablementError, match=r"02-x.ipynb, cell 2: ValueError: no"):
        batch.store(bad)
    assert bad.read_text() == before


def test_the_workspace_has_its_notebooks():
    """In the order of their numbers."""
    assert [path.name for path in batch.notebooks()][:4] == [
        "01-check-exports.ipynb",
        "02-funnel.ipynb",
        "02-pipeline.ipynb",
        "03-goal.ipynb",
    ]
    assert batch.notebooks()[0].parent == ROOT / "notebooks"


def test_a_period_is_seen_where_anything_was_closed_in_it():
    """Created dates may be known of the later ones alone."""
    listed = pd.DataFrame(
        {
            "opportunity_id": ["1", "2"],
            "stage": ["Won", "Lead"],
            "created_at": [None, "2026-02-01"],
            "closed_at": ["2025-02-01", None],
        }
    )
    crm = en.crm(opportunities=listed, settings={"stages": ["Lead"], "outcomes": {"Won": "won"}})
    batch._check_seen(crm, crm.period("2025Q1"))
    with pytest.raises(EnablementError, match="seen, from 2025-02-01 to 2026-02-01"):
        batch._check_seen(crm, crm.period("2024Q4"))
