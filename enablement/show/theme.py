"""Colours, fonts, formats and the way a chart leaves a cell.

No other module knows a colour. `PALETTE` pairs each colour of a chart with its dark partner:
charts are always written in the light ones, and pages whose style sheet we own (reports,
dashboards) exchange them, because one spec cannot reach 4.5 : 1 on white and on black.
JupyterLab has no such style sheet, so a chart there carries its own white paper.

`MUTED`, `FAINT` and `LOST` are for marks, text is `INK` or `QUIET`.
`ACCENT` and `WON` look alike to those who cannot see red or green: no chart has both.

Set the environment variable ``ENABLEMENT_BATCH`` (to anything but ``0``) to leave the PNG out
of a chart's output: starting V8 costs each process half a second, and a batch starts many.
"""

import base64
import html
import json
import os
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from enablement.show import grammar

grammar.defer()  # whoever draws imports this module before Altair

INK = "#1f2328"
QUIET = "#59636e"
MUTED = "#8b949e"
FAINT = "#d5dae0"
RULE = "#e9ecef"
PAPER = "#ffffff"
ACCENT = "#6a3d9a"
WON = "#0072B2"
LOST = "#D55E00"
TARGET = INK

PALETTE = {
    "ink": (INK, "#e8eaed"),
    "quiet": (QUIET, "#a4adb7"),
    "muted": (MUTED, "#7f8a96"),
    "faint": (FAINT, "#3b444e"),
    "rule": (RULE, "#2a3037"),
    "paper": (PAPER, "#14171a"),
    "accent": (ACCENT, "#c3a6e8"),
    "won": (WON, "#56b4e9"),
    "lost": (LOST, "#f0904a"),
}

WASH = 0.16
"""Opacity of a filled part under words; `BAND` is that of an interval over it."""
BAND = 0.30

FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
PERCENT = ".0%"
# Numbers on axes as `words` writes them, with a space before the percent sign.
NUMBERS = {
    "decimal": ".",
    "thousands": ",",
    "grouping": [3],
    "currency": ["", ""],
    "percent": "\u00a0%",
}
COUNT = ",d"
WIDTH = 440
"""Width of a plot in px. With 150 px of labels and 80 px of numbers beside it, 680 in all."""

TITLE_LETTERS = 78
TEXT_LETTERS = 98
BATCH = "ENABLEMENT_BATCH"
MIME = "application/vnd.vegalite.v5+json"

# JupyterLab and Voila draw type v5 and know nothing newer; the spec has to say so, or they warn.
_SCHEMA = "https" + "://vega.github.io/schema/vega-lite/v5.json"
# SVG: sharp in print, text can be selected and recoloured. No menu: it links to an outside site.
# No engine theme: JupyterLab's dark one would change some of our colours and not others.
_EMBED = {"actions": False, "renderer": "svg", "theme": None}
_AUTOMATIC_NAME = re.compile(r"(?<![A-Za-z0-9])(?:view|param)_\d+(?!\d)")


def enable() -> None:
    """Make every Altair chart look and leave its cell the way this module says."""
    import altair as alt

    alt.theme.register("enablement", enable=True)(_theme)
    alt.renderers.register("enablement", mime_bundle)
    alt.renderers.enable("enablement")


def title(finding: str, counted: str = "") -> dict[str, Any]:
    """Return the title of a chart, broken into lines that fit.

    Parameters
    ----------
    finding : what the chart found, or the question it answers
    counted : what is counted, with unit and period

    Returns
    -------
    dict
        What `alt.Chart.properties(title=...)` takes.
    """
    lines, below = lines_of(finding, letters=TITLE_LETTERS), lines_of(counted, letters=TEXT_LETTERS)
    return {"text": lines, "subtitle": below} if below else {"text": lines}


def lines_of(text: str, *, letters: int) -> list[str]:
    """Break a text into lines, none within a word or between a number and its sign.

    Parameters
    ----------
    text : a sentence or more
    letters : the most a line may hold
    """
    kept = re.sub(r" (?=%)|(?<=[<>]) (?=\d)", "\N{NO-BREAK SPACE}", text)
    lines = textwrap.wrap(kept, letters, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def wrapped(name: str, *, letters: int = 22) -> str:
    """Return a long name broken into lines, so that an axis shows all of it.

    Parameters
    ----------
    name : a stage, a team, a rep
    letters : the most a line may hold; 22 fit the 150 px an axis leaves for labels

    Returns
    -------
    str
        The name with line breaks, which the theme makes Vega-Lite follow.
    """
    return "\n".join(textwrap.wrap(name, letters))


def mime_bundle(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Return what a notebook stores for a chart: the spec, a picture of it and a text.

    The same chart gives the same bytes on every run and on every re-run of its cell.

    Parameters
    ----------
    spec : Vega-Lite specification, as `alt.Chart.to_dict` makes it

    Returns
    -------
    dict
        Contents by MIME type. In a batch there is no picture.
    """
    spec = _steady(spec)
    bundle: dict[str, Any] = {MIME: spec, "text/plain": _described(spec)}
    if os.environ.get(BATCH, "0") in ("", "0"):
        bundle["image/png"] = _png(spec)
    return bundle


def table_style(where: str) -> str:
    """Return the style of a table: the colours of the page around it, light rules, figures right.

    Parameters
    ----------
    where : the selector of what is around it
    """
    rules = {
        " table": "border-collapse: collapse; font-size: 13px; line-height: 1.35; margin: 0; "
        "color: inherit; background: none; border: 0; font-variant-numeric: tabular-nums;",
        " p": "max-width: 680px;",
        " .scroll": "overflow-x: auto; margin-bottom: 10px;",
        " tr": "background: none;",
        " :is(th, td)": "padding: 6px 0 6px 20px; border: 0; background: none; text-align: left; "
        "vertical-align: top; font-weight: 400; white-space: nowrap; color: inherit;",
        " :is(.gt_left, .gt_stub, .gt_group_heading):first-child": "padding-left: 0;",
        " .gt_right": "text-align: right;",
        " .gt_col_heading": "border-bottom: 1px solid currentColor; vertical-align: bottom;",
        " .gt_column_spanner_outer": "text-align: right; padding-bottom: 0;",
        " .gt_column_spanner": "display: block; padding-bottom: 3px; "
        "border-bottom: 1px solid color-mix(in srgb, currentColor 30%, transparent);",
        " .gt_group_heading": "padding-top: 14px; font-weight: 600;",
        " tbody tr + tr > *": "border-top: 1px solid color-mix(in srgb, currentColor 12%, "
        "transparent);",
        " tbody tr:has(strong) > *": "border-top: 1px solid currentColor;",
        " tbody tr:has(strong) + tr:has(strong) > *": "border-top: 0;",
        " strong": "font-weight: 600;",
        # On our pages quiet words are quiet; elsewhere no colour is known that can be read.
        " :is(small, p:not(.what), .gt_col_heading, .gt_column_spanner)": "font-size: 12px; "
        "color: var(--quiet, inherit);",
    }
    return "".join(f"{where}{part} {{ {rule} }}\n" for part, rule in rules.items())


def escaped(text: str) -> str:
    """Write a text as HTML; two dollar signs in one text would be read as mathematics."""
    return html.escape(text).replace("$", "<span>$</span>")


def literal(markup: str) -> str:
    """Keep dollar signs from being read as mathematics, as two of them in one text would be."""
    return re.sub(r">[^<>$]*\$[^<>$]*\$[^<>]*<", _apart, markup)


def _apart(found: re.Match[str]) -> str:
    return found[0].replace("$", "<span>$</span>")


def stylesheet() -> str:
    """Return the colours as CSS: variables for pages, and the exchange inside drawn charts."""
    light = "".join(f"  --{name}: {pair[0]};\n" for name, pair in PALETTE.items())
    dark = "".join(f"    --{name}: {pair[1]};\n" for name, pair in PALETTE.items())
    exchange = "".join(
        f'  svg.marks [{part}="{pair[0]}" i] {{ {part}: {pair[1]}; }}\n'
        for pair in PALETTE.values()
        for part in ("fill", "stroke")
    )
    return (
        "/* Written by enablement.show.theme.stylesheet; a test compares the two. */\n"
        f":root {{\n  color-scheme: light dark;\n  --font: {FONT};\n{light}}}\n"
        "svg.marks { background-color: transparent !important; }\n"
        f"@media screen and (prefers-color-scheme: dark) {{\n  :root {{\n{dark}  }}\n{exchange}}}\n"
    )


def _steady(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a copy without what differs from run to run, and without columns nobody draws."""
    drawn = {key: value for key, value in spec.items() if key != "datasets"}
    text = json.dumps(drawn, ensure_ascii=False)
    datasets = {
        name: _needed_columns(rows, text) for name, rows in spec.get("datasets", {}).items()
    }
    steady = json.loads(_renumbered(text)) | {"$schema": _SCHEMA}
    usermeta = dict(steady.get("usermeta") or {})
    steady["usermeta"] = usermeta | {"embedOptions": {**_EMBED, **usermeta.get("embedOptions", {})}}
    return steady | {"datasets": datasets} if datasets else steady


def _renumbered(text: str) -> str:
    """Count automatic names by appearance: Altair's own count grows with every re-run."""
    names: dict[str, str] = {}
    for found in _AUTOMATIC_NAME.findall(text):
        names.setdefault(found, f"{found.split('_')[0]}_{len(names) + 1}")
    return _AUTOMATIC_NAME.sub(lambda match: names[match.group()], text)


def _needed_columns(rows: Any, text: str) -> Any:
    """Leave out columns whose name appears nowhere in the spec, so no name travels unseen."""
    plain = text.replace("\\", "")
    if not _is_table(rows) or '"content": "data"' in text:
        return rows
    columns = {name for row in rows for name in row}
    needed = {name for name in columns if name.replace("\\", "") in plain}
    return [{name: row[name] for name in row if name in needed} for row in rows]


def _is_table(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _described(spec: dict[str, Any]) -> str:
    """Return the chart in one fixed line: its description, else its title."""
    words = spec.get("description") or " ".join(_title_lines(spec.get("title"))) or "chart"
    return f"Chart: {words}" if words != "chart" else "Chart"


def _title_lines(given: Any) -> Iterator[str]:
    if isinstance(given, dict):
        given = given.get("text")
    if isinstance(given, str):
        yield given
    elif isinstance(given, list):
        yield from (line for line in given if isinstance(line, str))


def _png(spec: dict[str, Any]) -> str:
    import vl_convert

    return base64.b64encode(vl_convert.vegalite_to_png(spec, scale=1, ppi=72)).decode("ascii")


def _theme() -> Any:
    return {"config": _config()}


def _config() -> dict[str, Any]:
    """Return the Vega-Lite configuration of the look; only what Vega-Lite 5.6 knows."""
    label = {"labelColor": QUIET, "labelFontSize": 12, "labelFont": FONT}
    heading = {"titleColor": QUIET, "titleFontSize": 12, "titleFont": FONT, "titleFontWeight": 400}
    return {
        "background": PAPER,
        "font": FONT,
        "lineBreak": "\n",
        "locale": {"number": NUMBERS},
        "padding": 8,
        "view": {"stroke": None, "continuousWidth": WIDTH, "discreteWidth": WIDTH},
        "title": _title_config(),
        "axis": {
            **label,
            **heading,
            "domain": False,
            "ticks": False,
            "labelPadding": 8,
            "labelLimit": 150,
            "labelAngle": 0,
            "gridColor": RULE,
            "titlePadding": 10,
        },
        # The last number stands under its line: moved inwards it meets the one before.
        "axisQuantitative": {"tickCount": 5, "labelFlush": False},
        "axisBand": {"grid": False},
        "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end"},
        "legend": {
            **label,
            **heading,
            "orient": "top",
            "direction": "horizontal",
            "symbolType": "circle",
            "offset": 8,
        },
        "header": {
            **label,
            **heading,
            "labelFontSize": 13,
            "labelColor": INK,
            "labelAnchor": "start",
            "labelFontWeight": 600,
        },
        "concat": {"spacing": 28},
        "facet": {"spacing": 24},
        "range": {
            "category": [ACCENT, MUTED, WON, LOST, INK, FAINT],
            "ramp": ["#f1edf6", "#b79fd2", ACCENT],
            "heatmap": ["#f1edf6", "#b79fd2", ACCENT],
            "diverging": [LOST, "#f4f4f4", WON],
        },
        **_mark_config(),
    }


def _title_config() -> dict[str, Any]:
    return {
        "anchor": "start",
        "align": "left",
        "frame": "bounds",
        "font": FONT,
        "fontSize": 14,
        "fontWeight": 600,
        "color": INK,
        "lineHeight": 19,
        "offset": 14,
        "subtitleFont": FONT,
        "subtitleFontSize": 12,
        "subtitleColor": QUIET,
        "subtitleLineHeight": 17,
        "subtitlePadding": 6,
    }


def _mark_config() -> dict[str, Any]:
    return {
        "mark": {"color": MUTED},
        "bar": {"color": MUTED},
        "point": {"color": MUTED, "filled": True, "size": 64, "opacity": 1},
        "circle": {"color": MUTED, "opacity": 1},
        "line": {"color": MUTED, "strokeWidth": 2},
        "area": {"color": FAINT},
        "rule": {"color": MUTED, "strokeWidth": 1},
        "tick": {"color": TARGET, "thickness": 2},
        "text": {"color": INK, "font": FONT, "fontSize": 12},
    }
