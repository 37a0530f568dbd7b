"""Executed notebooks become pages: one HTML file each, that needs nothing else.

A page loads nothing, and what a notebook's data may contain does not run: markup is cleaned,
chart specs are stored as data, and the page's own policy lets only our two scripts run.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from enablement.show import theme

if TYPE_CHECKING:
    from nbconvert.exporters import HTMLExporter

TEMPLATES = Path(__file__).parent / "templates"
HIDDEN = ("parameters", "injected-parameters")

_SHOWN = (
    theme.MIME,
    "text/html",
    "text/markdown",
    "image/png",
    "image/jpeg",
    "application/vnd.jupyter.widget-view+json",
    "text/plain",
)
_TAGS = frozenset(
    re.findall(
        r"\w+",
        "a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3"
        " h4 h5 h6 hr i img li ol p pre q s small span strong sub summary sup table tbody td tfoot"
        " th thead tr ul",
    )
)
_UNWANTED = re.compile(r"<(style|script)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# A figure, with its unit or what it is of; `dashboard.js` has the same.
FIGURE = (
    r"([<>]\s*)?[-+−]?\s*([A-Z]{3}\s|[€$£¥])?\s*[-+−]?\d[\d,. ]*"
    r"(%|k|M|B)?(\s?[a-z][A-Za-z0-9,.%€$£¥ ]{0,15})?(\s*\(.*\))?"
)
LONG = 40  # letters of a text that a narrow column would make a tower of
_NUMBER = re.compile(FIGURE)
_MISSING = frozenset(("", "-", "–", "—", "NaN", "nan", "NaT", "<NA>", "None"))
# Broken between two lines a number loses its unit, and a date its meaning.
_UNIT = re.compile(r"(?<=\d) (?=%|[kMB]\b)")
_DAY = re.compile(r"\b(?:\d{4}-\d\d-\d\d|UTF-(?:8|16|32))\b")  # with hyphens that part nothing
_TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Page(NamedTuple):
    """One line of the index.

    title : what the page is called
    href : where it is, relative to the index
    finding : its finding in a sentence; for a failed page the reason
    status : "ran" or "failed"
    """

    title: str
    href: str
    finding: str
    status: str


def export(notebook: Path, *, to: Path, title: str) -> Path:
    """Write an executed notebook as one HTML file that loads nothing.

    Parameters
    ----------
    notebook : the executed notebook
    to : the file to write; its folder is made if missing
    title : title of the page; also its heading if the notebook has none of its own

    Returns
    -------
    Path
        `to`.
    """
    import nbformat

    content = nbformat.read(notebook, as_version=4)
    page = {
        "title": title,
        "heading": "" if _has_heading(content.cells) else title,
        "over": title if _has_heading(content.cells) else "",
        "hidden": HIDDEN,
        "chart_type": theme.MIME,
        "style": style(),
        "scripts": _scripts() if _has_chart(content.cells) else (),
        "policy": _policy(_scripts()),
    }
    html, _ = _exporter().from_notebook_node(content, resources={"page": page})
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(html, encoding="utf-8")
    return to


def index_page(
    *,
    title: str,
    headline: str,
    facts: Sequence[tuple[str, str, str]],
    pages: Iterable[tuple[str, str, str, str]],
    foot: str,
    lines: Sequence[str] = (),
) -> str:
    """Return the HTML of a period's first page.

    Parameters
    ----------
    title : company, team and period
    headline : the finding in one sentence
    facts : three to five numbers that matter, as label, value and note
    pages : title, href, finding and status ("ran" or "failed") of each page; see `Page`
    foot : definition, as-of date, source
    lines : what else a reader should know before opening a page, a paragraph each

    Returns
    -------
    str
        The page. Every argument is escaped.
    """
    import jinja2

    files = jinja2.FileSystemLoader(TEMPLATES)
    engine = jinja2.Environment(loader=files, autoescape=True)
    engine.filters["together"] = together
    template = engine.get_template("index.html.j2")
    return template.render(
        title=title,
        headline=headline,
        lines=lines,
        facts=facts,
        pages=[Page(*page) for page in pages],
        foot=foot,
        policy=_policy(()),
        style=_trusted(style()),
    )


def together(text: str) -> Any:
    """Return a text as HTML whose numbers keep their unit, and whose dates and UTF-8 stay whole.

    Parameters
    ----------
    text : anything; it is escaped
    """
    from markupsafe import Markup, escape

    whole = _DAY.sub(r'<span class="day">\g<0></span>', str(escape(text)))
    return Markup(_UNIT.sub("\u00a0", whole))


@cache
def style() -> str:
    """Return the style sheet that reports, their index and dashboards share."""
    names = ("colours.css", "page.css")
    return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def safe_html(html: str) -> str:
    """Return HTML without anything that runs or loads, its tables made readable.

    Parameters
    ----------
    html : what a cell or a Markdown text gave

    Returns
    -------
    str
        Text, tables, links and inlined pictures. A figure in a table has the class "number".
    """
    import bleach

    cleaned = bleach.clean(
        _UNWANTED.sub("", html),
        tags=_TAGS,
        attributes=_allowed_attribute,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
    )
    return _whole(_readable_tables(cleaned))


def chart_json(spec: dict[str, Any]) -> str:
    """Return a chart's spec as JSON that cannot leave its script element."""
    bare = {key: value for key, value in spec.items() if key not in ("$schema", "usermeta")}
    text = json.dumps(bare, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _exporter() -> "HTMLExporter":
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    config = Config({"NbConvertBase": {"display_data_priority": list(_SHOWN)}})
    exporter = HTMLExporter(
        config=config,
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    filters = {
        "safe_html": safe_html,
        "chart_json": chart_json,
        "plain": _plain,
        "together": together,
    }
    for name, function in filters.items():
        exporter.register_filter(name, function)
    return exporter


@cache
def _scripts() -> tuple[str, str]:
    """Return the drawing library and our few lines that use it.

    Taking the bundle starts V8, so it is taken once per process.
    """
    import vl_convert

    ours = "".join(
        (TEMPLATES / name).read_text(encoding="utf-8") for name in ("names.js", "charts.js")
    )
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"), ours


def _policy(scripts: Sequence[str]) -> str:
    """Return a policy under which a page loads nothing and runs these scripts only.

    Vega compiles its expressions, hence 'unsafe-eval'; a script that came with the data has no
    hash here and does not run, even if it got past the cleaning.
    """
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    runs = f"{hashes} 'unsafe-eval'" if scripts else "'none'"
    return (
        f"default-src 'none'; script-src {runs}; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _trusted(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _plain(text: str) -> str:
    return _TERMINAL_COLOUR.sub("", text)


def _has_heading(cells: Iterable[Any]) -> bool:
    """Tell whether a notebook begins with a heading of its own."""
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return bool(texts) and texts[0].lstrip().startswith("# ")


def _has_chart(cells: Iterable[Any]) -> bool:
    return any(
        theme.MIME in output.get("data", {}) for cell in cells for output in cell.get("outputs", ())
    )


def _allowed_attribute(tag: str, name: str, value: str) -> bool:
    if tag == "img":
        return name == "alt" or (name == "src" and value.startswith("data:image/"))
    if tag == "a" and name == "href":
        # A notebook lies beside the notebook, not beside its report: such a link would be dead.
        return not value.split("#")[0].endswith(".ipynb") and not value.startswith("data:")
    return name in ("class", "title", "colspan", "rowspan", "scope")


def _whole(html: str) -> str:
    """Keep numbers with their units and dates whole, in all but what was typed as code."""
    if not (_UNIT.search(html) or _DAY.search(html)):
        return html
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for text in soup.find_all(string=True):
        if text.find_parent(["pre", "code"]) is None:
            text.replace_with(BeautifulSoup(together(text), "html.parser"))
    return str(soup)


def _readable_tables(html: str) -> str:
    """Mark the columns of figures, let a wide table scroll by itself, drop empty pictures."""
    if "<table" not in html and "<img" not in html:
        return html
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for picture in soup.find_all("img", src=False):
        picture.decompose()
    for table in soup.find_all("table"):
        _drop_row_numbers(table)
        _mark_figures(table)
        table.wrap(soup.new_tag("div", attrs={"class": "table"}))
    return str(soup)


def _drop_row_numbers(table: Any) -> None:
    """Take away the index of a frame that has none: 0, 1, 2 tell a reader nothing."""
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
    body = [row for row in rows if any(cell.name == "td" for cell in row)]
    heads = [row for row in rows if row and row not in body]
    counted = all(
        row[0].name == "th" and row[0].get_text(strip=True) == str(i) for i, row in enumerate(body)
    )
    if body and counted and not any(row[0].get_text(strip=True) for row in heads):
        for row in (*heads, *body):
            row[0].decompose()


def _mark_figures(table: Any) -> None:
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
    width = max((len(row) for row in rows), default=0)
    for column in range(width):
        cells = [row[column] for row in rows if len(row) == width]
        values = [cell.get_text(strip=True) for cell in cells if cell.name == "td"]
        known = [value for value in values if value not in _MISSING]
        if known and all(_NUMBER.fullmatch(value) for value in known):
            for cell in cells:
                cell["class"] = [*cell.get("class", []), "number"]
        else:
            for cell in cells:
                if len(cell.get_text(strip=True)) > LONG:
                    cell["class"] = [*cell.get("class", []), "long"]
