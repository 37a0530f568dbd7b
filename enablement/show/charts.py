"""Charts: each has the name of the table it draws, takes it unchanged and computes no number."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from enablement.show import theme, words
from enablement.show.theme import enable

if TYPE_CHECKING:
    import altair as alt

__all__ = ["compare_definitions", "conversion", "enable", "sales_cycle", "win_rate"]

STAGE_STEP = 34
GROUP_STEP = 18
NUMBERS = (
    ("moved on", "format(datum.moved_on, ',') + ' of ' + format(datum.entered, ',')"),
    ("lost", "format(datum.lost, ',')"),
    ("open", "format(datum.open + datum.back, ',')"),
)
RIGHT_EDGES = (104, 148, 192)  # px from the plot, of the columns of numbers
DEEPEST = 150  # px that names may take at the left
FOOT_LETTERS = 108
LETTER = 7  # px of a letter at the size of the names, at most on average


def conversion(table: pd.DataFrame) -> alt.VConcatChart:
    """Where does the funnel leak?

    For all together, a bar per stage: moved on, with the interval as a line, and
    paler what is still open; the counts stand at the right. Split into groups, a
    row per group and a panel per stage: a point, larger for more opportunities,
    its interval, and a line at the rate of all groups. Stages that the export does
    not record keep their row, with the reason in words.

    Parameters
    ----------
    table : as `enablement.conversion` returns it, split by at most one column

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar``, ``maturing``, ``interval`` and
        ``numbers``; in panels ``overall``, ``interval`` and ``rate``.
    """
    shown = _with_words(table)
    if table.attrs["groups"]:
        return _panels(shown, table)
    return _bars(shown, table)


def win_rate(table: pd.DataFrame) -> alt.VConcatChart:
    """Who wins how often, and does it differ beyond chance?

    A row per group, by team and name and not by rank: the rate, larger for more
    decided, its interval, and a line at the rate of all. A group with nothing
    decided keeps an empty row that says so.

    Parameters
    ----------
    table : as `enablement.win_rate` returns it, split by at most one column

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``overall``, ``interval``, ``rate``,
        ``numbers`` and ``none``.
    """
    import altair as alt

    group = _group(table)
    shown = _named(table).assign(overall=table.attrs["overall"])
    base = alt.Chart(shown).transform_calculate(decided="datum.won + datum.lost")
    y = _group_axis(shown["group"])
    tooltip = [
        alt.Tooltip("group:N", title=group),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        alt.Tooltip("won:Q"),
        alt.Tooltip("lost:Q"),
    ]
    layers = [
        base.mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x=alt.X("mean(overall):Q"))
        .properties(name="overall"),
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=_share("low:Q", "won, of those decided"), x2="high:Q")
        .properties(name="interval"),
        base.mark_circle(color=theme.INK, opacity=1)
        .encode(y=y, x="rate:Q", size=_size("decided:Q"), tooltip=tooltip)
        .properties(name="rate"),
        _at_right(base, y, "format(datum.won, ',') + ' of ' + format(datum.decided, ',')")
        .transform_filter("datum.decided > 0")
        .properties(name="numbers"),
        base.transform_filter("datum.decided == 0")
        .transform_calculate(none="'nothing decided'")
        .mark_text(align="left", color=theme.QUIET)
        .encode(y=y, x=alt.value(4), text="none:N")
        .properties(name="none"),
    ]
    overall = table.attrs["overall"]
    dashed = "" if len(table) < 2 else f" Dashed: all together, {words.percent(overall)}."
    return _finish(
        alt.layer(*layers).properties(width=theme.WIDTH, height=_height(len(shown), GROUP_STEP)),
        table,
        shown["group"],
        finding=words.win_rate(table),
        counted=f"Share won of those decided, with its {_level(table)} interval; larger points, "
        f"more decided.{dashed}",
    )


def sales_cycle(table: pd.DataFrame) -> alt.VConcatChart:
    """How long does it take to win?

    A row per group: the median, its interval as a line, and a tick by which nine
    in ten were won.

    Parameters
    ----------
    table : as `enablement.sales_cycle` returns it, split by at most one column

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``interval``, ``median``, ``p90`` and ``numbers``.
    """
    import altair as alt

    group = _group(table)
    shown = _named(table)
    base = alt.Chart(shown)
    y = _group_axis(shown["group"])
    days = alt.X("low:Q", title="days", scale=alt.Scale(zero=True))
    tooltip = [
        alt.Tooltip("group:N", title=group),
        alt.Tooltip("median:Q", format=".0f"),
        alt.Tooltip("low:Q", format=".0f"),
        alt.Tooltip("high:Q", format=".0f"),
        alt.Tooltip("p90:Q", format=".0f", title="nine in ten"),
        alt.Tooltip("won:Q"),
    ]
    layers = [
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=days, x2="high:Q")
        .properties(name="interval"),
        base.mark_circle(color=theme.INK, opacity=1, size=60)
        .encode(y=y, x="median:Q", tooltip=tooltip)
        .properties(name="median"),
        base.mark_tick(color=theme.MUTED, thickness=2, height=12)
        .encode(y=y, x="p90:Q", tooltip=tooltip)
        .properties(name="p90"),
        _at_right(base, y, "format(datum.won, ',') + ' won'").properties(name="numbers"),
    ]
    return _finish(
        alt.layer(*layers).properties(width=theme.WIDTH, height=_height(len(shown), GROUP_STEP)),
        table,
        shown["group"],
        finding=words.sales_cycle(table),
        counted=f"Median days with its {_level(table)} interval; the tick: nine in ten took at "
        "most so long.",
    )


def compare_definitions(table: pd.DataFrame) -> alt.VConcatChart:
    """Does the weakest stage depend on the definition?

    A row per definition and a panel per stage: the rate as a point, the lowest of
    each definition in the accent. A ratio of counts can lie beyond 100 %.

    Parameters
    ----------
    table : as `enablement.compare_definitions` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layer ``rate``.
    """
    import altair as alt

    stages = list(dict.fromkeys(table["stage"].astype("str").map(theme.wrapped)))
    shown = table.assign(stage=table["stage"].astype("str").map(theme.wrapped))
    width = (theme.WIDTH + 60) // len(stages) - 14
    y = _group_axis(shown["definition"], field="definition")
    base = alt.Chart().encode(y=y)
    tooltip = [
        alt.Tooltip("definition:N"),
        alt.Tooltip("stage:N"),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("moved_on:Q"),
        alt.Tooltip("entered:Q"),
    ]
    highest = max(1.0, float(table["rate"].max())) if table["rate"].notna().any() else 1.0
    share = alt.X(
        "rate:Q",
        title=None,
        scale=alt.Scale(domain=[0, highest]),
        axis=alt.Axis(
            values=[0, 0.5, 1], labelExpr="datum.value == 1 ? '' : format(datum.value, '.0%')"
        ),
    )
    color = alt.condition("datum.weakest", alt.value(theme.ACCENT), alt.value(theme.MUTED))
    point = base.mark_circle(size=70, opacity=1).encode(x=share, color=color, tooltip=tooltip)
    said = base.transform_filter("datum.weakest").mark_text(color=theme.ACCENT, dy=-10, fontSize=11)
    layers = [
        point.properties(name="rate"),
        said.encode(x=share, text=alt.Text("rate:Q", format=theme.PERCENT)).properties(name="said"),
    ]
    header = alt.Header(labelFontSize=11, labelColor=theme.INK, labelLimit=width + 14)
    panels = (
        alt.layer(*layers, data=shown)
        .properties(width=width, height=_height(shown["definition"].nunique(), 26))
        .facet(column=alt.Column("stage:N", sort=stages, title=None, header=header), spacing=14)
    )
    return _finish(
        panels,
        table,
        shown["definition"],
        finding=str(table.attrs["verdict"]),
        counted="Share that moved on, by each definition; the lowest of each is marked.",
    )


def _bars(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    # An estimate counts open ones as undecided already: they are no part of the bar.
    settled = table.attrs["name"] == "estimate"
    unsettled = not settled and bool((table["open"] + table["back"]).fillna(0).sum())
    numbers = NUMBERS if unsettled else NUMBERS[:2]
    width = theme.WIDTH - RIGHT_EDGES[len(numbers) - 1] + 80
    stages = list(dict.fromkeys(shown["stage"]))
    y = alt.Y("stage:N", sort=stages, title=None, axis=_names_axis(shown["stage"]))
    base = alt.Chart(shown).transform_calculate(
        unsettled="datum.entered > 0 ? (datum.open + datum.back) / datum.entered : 0"
        if unsettled
        else "0",
        reach="datum.rate + datum.unsettled",
    )
    tooltip = [
        alt.Tooltip("stage:N"),
        alt.Tooltip("rate:Q", format=".1%", title="moved on"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        alt.Tooltip("to_won:Q", format=".1%", title="won in the end"),
        *(alt.Tooltip(f"{c}:Q") for c in ("entered", "moved_on", "lost", "back", "open")),
    ]
    layers = [
        base.mark_bar(color=theme.FAINT, height={"band": 0.62})
        .encode(y=y, x="rate:Q", x2="reach:Q", tooltip=tooltip)
        .properties(name="maturing"),
        base.mark_bar(height={"band": 0.62})
        .encode(
            y=y,
            x=_share("rate:Q", "moved on, of those entered", most=_highest(table)),
            color=_stands_out(table),
            tooltip=tooltip,
        )
        .properties(name="bar"),
        base.mark_rule(color=theme.INK, strokeWidth=1.5)
        .encode(y=y, x="low:Q", x2="high:Q")
        .properties(name="interval"),
        *_columns(base, y, width, numbers),
        base.transform_filter("!isValid(datum.rate)")
        .mark_text(align="left", color=theme.QUIET)
        .encode(y=y, x=alt.value(4), text="why:N")
        .properties(name="cannot_say"),
    ]
    pale = " Paler: still open." if unsettled else ""
    return _finish(
        alt.layer(*layers).properties(width=width, height=_height(len(stages), STAGE_STEP)),
        table,
        shown["stage"],
        finding=words.conversion(table),
        counted=f"{_what(table)}.{pale} The lowest rate is not yet the costliest gap.",
    )


def _stands_out(table: pd.DataFrame) -> Any:
    """Colour the stage that the title names, if it names one; the others stay grey."""
    import altair as alt

    stage = words.standing_out(table)
    named = "false" if stage is None else f"datum.stage === {json.dumps(theme.wrapped(stage))}"
    return alt.condition(named, alt.value(theme.ACCENT), alt.value(theme.MUTED))


def _columns(
    base: alt.Chart, y: alt.Y, width: int, numbers: tuple[tuple[str, str], ...]
) -> list[alt.Chart]:
    """Write the counts at the right of the bars, each column under its name."""
    import altair as alt

    columns = []
    for (name, what), right in zip(numbers, RIGHT_EDGES, strict=False):
        at = alt.value(width + right)
        columns.append(
            base.transform_filter("isValid(datum.rate)")
            .transform_calculate(number=what)
            .mark_text(align="right", color=theme.INK)
            .encode(y=y, x=at, text="number:N")
            .properties(name=f"numbers {name}")
        )
        columns.append(
            alt.Chart(pd.DataFrame({"name": [name]}))
            .mark_text(align="right", color=theme.QUIET, fontSize=11)
            .encode(x=at, y=alt.value(-8), text="name:N")
        )
    return columns


def _panels(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    group = _group(table)
    shown = _named(shown)
    unsaid = {theme.wrapped(stage): why for stage, why in table.attrs["cannot_say"].items()}
    recorded = [stage for stage in shown["stage"] if stage not in unsaid]
    stages = list(dict.fromkeys(recorded or shown["stage"]))
    shown = shown[shown["stage"].isin(stages)]
    width = (theme.WIDTH + 80) // len(stages) - 14
    y = _group_axis(shown["group"])
    base = (
        alt.Chart()
        .transform_joinaggregate(
            all_moved="sum(moved_on)", all_entered="sum(entered)", groupby=["stage"]
        )
        .transform_calculate(overall="datum.all_moved / datum.all_entered")
    )
    tooltip = [
        alt.Tooltip("group:N", title=group),
        alt.Tooltip("stage:N"),
        alt.Tooltip("rate:Q", format=".1%", title="moved on"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        *(alt.Tooltip(f"{c}:Q") for c in ("moved_on", "entered", "open")),
    ]
    share = alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(domain=[0, _highest(table)]),
        axis=alt.Axis(
            values=[0, 0.5, 1], labelExpr="datum.value == 1 ? '' : format(datum.value, '.0%')"
        ),
    )
    layers = [
        base.mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x="mean(overall):Q")
        .properties(name="overall"),
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=share, x2="high:Q")
        .properties(name="interval"),
        base.mark_circle(color=theme.INK, opacity=1)
        .encode(y=y, x="rate:Q", size=_size("entered:Q", largest=70), tooltip=tooltip)
        .properties(name="rate"),
        base.transform_filter("!isValid(datum.rate)")
        .mark_text(align="left", color=theme.QUIET, fontSize=11)
        .encode(y=y, x=alt.value(2), text="brief:N")
        .properties(name="none"),
    ]
    height = _height(shown["group"].nunique(), GROUP_STEP)
    panels = (
        alt.layer(*layers, data=shown)
        .properties(width=width, height=height)
        .facet(
            column=alt.Column(
                "stage:N",
                sort=stages,
                title=None,
                header=alt.Header(labelFontSize=11, labelColor=theme.INK, labelLimit=width + 14),
            ),
            spacing=14,
        )
    )
    return _finish(
        panels,
        table,
        shown["group"],
        finding=words.conversion(table),
        counted=f"{_what(table)}; larger points, more opportunities. Dashed: all together."
        + "".join(f" {stage} cannot be said: {why}." for stage, why in unsaid.items()),
    )


def _finish(
    chart: alt.LayerChart | alt.FacetChart,
    table: pd.DataFrame,
    names: pd.Series,
    *,
    finding: str,
    counted: str,
) -> alt.VConcatChart:
    """Give a chart its words: the finding, what is counted, a footer, a description."""
    import altair as alt

    return alt.vconcat(chart, _footer(_notes(table), names), spacing=2).properties(
        title=theme.title(finding, counted),
        description=f"{finding} {counted} {table.attrs['definition']}",
    )


def _footer(notes: list[str], names: pd.Series) -> alt.Chart:
    """Write the definition line under a chart, as far left as its longest name begins."""
    import altair as alt

    lines = [line for note in notes for line in textwrap.wrap(note, FOOT_LETTERS)]
    return (
        alt.Chart(pd.DataFrame({"line": lines, "n": range(len(lines))}))
        .mark_text(align="left", baseline="top", color=theme.QUIET, fontSize=11)
        .encode(
            x=alt.value(-_room(names)),
            y=alt.Y("n:O", axis=None),
            text="line:N",
        )
        .properties(width=theme.WIDTH, height=len(lines) * 15, name="footer")
    )


def _notes(table: pd.DataFrame) -> list[str]:
    seen = f"As of {table.attrs['as_of']}."
    if table.attrs.get("credit", "").startswith("current"):
        seen += f" Credit: {table.attrs['credit']}."
    return [f"Definition: {table.attrs['definition']}.", seen]


def _with_words(table: pd.DataFrame) -> pd.DataFrame:
    """Say in words why a row has no rate, and break long stage names."""
    why = table.attrs["cannot_say"]
    stages = table["stage"].astype("str")
    return table.assign(
        why=[f"cannot be said: {why[s]}" if s in why else "none entered" for s in stages],
        brief=["cannot be said" if s in why else "none" for s in stages],
        stage=stages.map(theme.wrapped),
    )


def _group(table: pd.DataFrame) -> str:
    groups = table.attrs["groups"]
    return _title(groups[-1]) if groups else "all"


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Put the group's names, for ids and for nobody, into a field of its own.

    A column of the data may be called anything; a field of a chart may not.
    """
    if not table.attrs["groups"]:
        return table.assign(group="All")
    names = words.names(table[table.attrs["groups"][-1]], table.attrs["labels"])
    return table.drop(columns=list(table.attrs["groups"])).assign(group=names)


def _group_axis(names: pd.Series, *, field: str = "group") -> alt.Y:
    import altair as alt

    order = list(dict.fromkeys(names))
    return alt.Y(f"{field}:N", sort=order, title=None, axis=_names_axis(names))


def _names_axis(names: pd.Series) -> alt.Axis:
    import altair as alt

    return alt.Axis(
        labelLimit=DEEPEST,
        minExtent=_room(names),
        ticks=False,
        domain=False,
        grid=False,
        labelPadding=8,
    )


def _room(names: pd.Series) -> int:
    """Find the px that the names at the left take, so that the footer can begin where they do."""
    longest = max((len(line) for name in names for line in str(name).split("\n")), default=0)
    return min(DEEPEST, longest * LETTER) + 8


def _what(table: pd.DataFrame) -> str:
    """Say what the rate of a conversion is a share of."""
    if table.attrs["ratio"]:
        return "Those in the next stage over those in this one, a ratio without an interval"
    return f"Share moved on of those that entered, with its {_level(table)} interval"


def _level(table: pd.DataFrame) -> str:
    return words.percent(table.attrs["confidence"])


def _highest(table: pd.DataFrame) -> float:
    """Find where the axis of a rate ends: at 1, or beyond where a ratio of counts does."""
    most = table["rate"].max()
    return 1.0 if pd.isna(most) else max(1.0, float(most))


def _share(field: str, title: str, *, most: float = 1.0) -> alt.X:
    import altair as alt

    return alt.X(
        field,
        title=title,
        scale=alt.Scale(domain=[0, most]),
        axis=alt.Axis(format=theme.PERCENT, tickCount=5),
    )


def _size(field: str, *, largest: int = 110) -> alt.Size:
    import altair as alt

    return alt.Size(field, legend=None, scale=alt.Scale(range=[14, largest], zero=True))


def _at_right(base: alt.Chart, y: alt.Y, what: str) -> alt.Chart:
    import altair as alt

    return (
        base.transform_calculate(number=what)
        .mark_text(align="right", color=theme.INK)
        .encode(y=y, x=alt.value(theme.WIDTH + 72), text="number:N")
    )


def _height(rows: int, step: int) -> int:
    return max(rows, 1) * step


def _title(group: str) -> str:
    return group.removesuffix("_id").replace("_", " ")
