"""Every page is drawn, in a browser that reaches nothing but this machine."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from enablement.show import theme

from .conftest import NOTEBOOKS, ROOT, Visit, screenshot

pytestmark = pytest.mark.browser

STORED = ("01-check-exports.ipynb", "02-funnel.ipynb", "02-pipeline.ipynb", "03-goal.ipynb")
DASHBOARD = "funnel.ipynb"
WIDTHS = (360, 768, 1440)
HIGHEST = 756  # px of a chart on paper: with its heading and its answer it fits one sheet

# Words of a chart that lie over each other, or are cut; slanted ones need no room of their own.
CROWDED = """() => [...document.querySelectorAll("svg.marks")].flatMap((chart) => {
  const words = [...chart.querySelectorAll("text")]
    .filter((text) => text.textContent.trim() && getComputedStyle(text).opacity !== "0")
    .filter((text) => !/rotate\\((?!0\\b)/.test(text.getAttribute("transform") ?? ""))
    .map((text) => [text.textContent, text.getBoundingClientRect()]);
  const cut = words.filter(([word]) => word.includes("…")).map(([word]) => word);
  const over = words.flatMap(([one, a], n) => words.slice(n + 1)
    .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 5)
    .map(([other]) => `${one} / ${other}`));
  return [...cut, ...over];
})"""

# Charts that scroll although their names would not stay in sight.
LOST = """() => [...document.querySelectorAll(".chart .drawing")]
  .filter((place) => place.scrollWidth > place.clientWidth + 1)
  .filter((place) => {
    place.scrollLeft = place.scrollWidth;
    const kept = place.querySelector(".names span")?.getBoundingClientRect();
    const left = place.getBoundingClientRect().left;
    return !kept || kept.left < left - 1 || kept.right > left + place.clientWidth / 2 + 1;
  })
  .map((place) => place.textContent.slice(0, 60))"""

# Charts of a dashboard whose title or whose names leave the sight of who scrolls them.
ASTRAY = """() => [...document.querySelectorAll(".jp-RenderedVegaCommon5")].filter((place) => {
  place.scrollLeft = place.scrollWidth;
  const told = place.querySelector(".told .text")?.getBoundingClientRect();
  const names = [...place.querySelectorAll(".names span")];
  const kept = names.map((name) => name.getBoundingClientRect());
  const seen = (box) => box.left >= -1 && box.right <= window.innerWidth;
  return !told || !seen(told) || !kept.length || !kept.every(seen);
}).length"""

Visitor = Callable[..., Visit]


def stored_charts(notebook: Path) -> int:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return sum(theme.MIME in output.get("data", {}) for output in outputs)


def pages_of(report: Path) -> list[Path]:
    links = re.findall(r'href="([^"#:]+\.html)"', report.read_text(encoding="utf-8"))
    return [report.parent / link for link in links]


def assert_fits_at_every_width(visited: Visit, name: str) -> None:
    """Make the page that was opened on a telephone wider, step by step.

    What opens it as wide as a desk is the dark page.
    """
    for width in WIDTHS:
        visited.page.set_viewport_size({"width": width, "height": 900})
        visited.page.wait_for_timeout(300)
        visited.assert_clean()
        assert_fits(visited)
        screenshot(visited, f"{name}-{width}")


def assert_fits(visited: Visit) -> None:
    """Wide things scroll by themselves; the page never does."""
    wide = visited.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide


def test_the_first_page_of_a_quarter(report: Path, visit: Visitor) -> None:
    visited = visit(report.as_uri(), charts=0, width=min(WIDTHS))
    assert_fits_at_every_width(visited, "index")


def test_every_report_is_drawn_at_every_width(report: Path, visit: Visitor) -> None:
    pages = pages_of(report)
    assert pages
    for page in pages:
        visited = visit(page.as_uri(), charts=0, width=min(WIDTHS))
        assert visited.page.evaluate(CROWDED) == []
        assert visited.page.evaluate(LOST) == []
        assert visited.page.locator(".chart.failed").count() == 0
        assert_fits_at_every_width(visited, f"report-{page.stem}")
        assert visited.charts == visited.page.locator(".chart").count()


def test_a_report_in_the_dark_and_on_paper(report: Path, visit: Visitor) -> None:
    for page in (report, *pages_of(report)):
        visited = visit(page.as_uri(), charts=0, dark=True)
        visited.assert_clean()
        assert_fits(visited)
        assert visited.charts == visited.page.locator(".chart").count()
        visited.page.emulate_media(media="print")
        drawn = "[...document.querySelectorAll('svg.marks')].map((svg) => svg.clientHeight)"
        assert max(visited.page.evaluate(drawn), default=0) <= HIGHEST
        visited.page.emulate_media(media="screen")
        paper = screenshot(visited, f"report-{page.stem}-dark").with_suffix(".pdf")
        visited.page.pdf(path=paper, prefer_css_page_size=True)
        assert paper.stat().st_size > 10_000


def test_the_dashboard(voila: str, visit: Visitor) -> None:
    visited = visit(f"{voila}/voila/render/{DASHBOARD}", width=min(WIDTHS))
    assert not visited.page.locator(".state:visible").count()
    assert not visited.page.locator("#loading").count()
    assert visited.page.evaluate(ASTRAY) == 0
    assert_fits_at_every_width(visited, "dashboard")
    assert not visited.page.locator(".told, .names").count()  # where a chart has its own title


def test_the_dashboard_in_the_dark_and_of_a_team(voila: str, visit: Visitor) -> None:
    """The sentence and the charts are those of the team; money is not read as mathematics."""
    visited = visit(f"{voila}/voila/render/{DASHBOARD}", dark=True)
    visited.assert_clean()
    assert_fits(visited)
    screenshot(visited, "dashboard-dark")
    visited.page.emulate_media(color_scheme="light")
    said = visited.page.locator("p.said")
    everyone = said.inner_text()
    assert everyone.count("$") == 4
    visited.page.get_by_label("Team").select_option("North 1")
    said.get_by_text("2026Q3, North 1: sold").wait_for(timeout=30_000)
    assert said.inner_text() != everyone
    visited.page.get_by_text("only team North 1").first.wait_for(timeout=30_000)
    visited.page.wait_for_timeout(500)
    visited.assert_clean()
    assert visited.page.locator(".mjx-chtml, .MathJax, mjx-container").count() == 0
    screenshot(visited, "dashboard-north-1")


def test_moving_a_slider_answers_at_once(voila: str, visit: Visitor) -> None:
    """By keys, and by its name; put back, the page says what it said."""
    visited = visit(f"{voila}/voila/render/goal.ipynb")
    said = visited.page.locator("p.said[role=status]")
    today = said.inner_text()
    slider = visited.page.get_by_role("slider", name="Proposal")
    for scheme in ("light", "dark"):
        visited.page.emulate_media(color_scheme=scheme)
        for _ in range(5):
            slider.press("ArrowRight")
        visited.page.get_by_text("78 % (today 73 %)").wait_for(timeout=30_000)
        assert said.inner_text() != today
        visited.assert_clean()
        assert_fits(visited)
        screenshot(visited, f"dashboard-goal-{scheme}")
        visited.page.get_by_role("button", name="As today").click()
        said.get_by_text(today).wait_for(timeout=30_000)


def test_a_page_that_is_not_there_says_so(voila: str, visit: Visitor) -> None:
    visited = visit(f"{voila}/voila/render/nothing.ipynb", charts=0)
    assert visited.blocked == []
    assert visited.page.get_by_text("There is no page at this address.").count() == 1


def test_the_list_of_dashboards(voila: str, visit: Visitor) -> None:
    visited = visit(voila, charts=0)
    visited.assert_clean()
    assert visited.page.get_by_role("link").count() >= 1


@pytest.mark.parametrize("name", STORED)
def test_a_notebook_in_jupyterlab_shows_its_stored_charts(
    lab: Callable[[str], str], visit: Visitor, name: str
) -> None:
    notebook = NOTEBOOKS / name
    path = notebook.relative_to(ROOT).as_posix()
    # Lab draws a cell when it is scrolled to, so a notebook is longer than what is seen at once.
    charts = stored_charts(notebook)
    visited = visit(lab(path), charts=0)
    visited.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    visited.page.set_viewport_size({"width": 1440, "height": 12_000})
    visited.page.wait_for_function(
        "(n) => document.querySelectorAll('.jp-Notebook svg.marks').length >= n",
        arg=charts,
        timeout=60_000,
        polling=100,
    )
    visited.page.wait_for_timeout(1000)
    visited.assert_clean()
    screenshot(visited, f"lab-{notebook.stem}")
