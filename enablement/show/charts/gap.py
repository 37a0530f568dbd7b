"""The process map: how many move on from each step, how many should, and what the gap costs."""

from __future__ import annotations

import functools
import json
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from enablement.plan.goal import COUNTED
from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STEP = 34
GAP = 26  # px between the rates and what they cost
RATES = 150  # px of the rates
COSTS, UNITS, WORST = 68, 52, 54  # px of the columns of numbers
LETTERS = 9  # that a narrow panel's name has in a line at least
ROOMY = 72  # px of a panel from which on its axis has two numbers
MARGIN = 0.02  # of an axis of shares, beyond what is drawn


def stage_gap(table: pd.DataFrame) -> alt.VConcatChart:
    """Which stage costs most against what it should be, and how sure is that?

    The process from top to bottom. At the left the share that moves on from each stage, with
    its interval, and a short line in ink where it should be; at the right what the way between
    them costs, with everything downstream. The stage that surely is the worst has the accent;
    where none does, none has. Split into groups, a row per group and a panel per stage.

    Parameters
    ----------
    table : as `enablement.stage_gap` returns it, for the company or split

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Of the rates the layers ``interval``, ``way``,
        ``rate`` and ``benchmark``, of the costs ``bar``, ``interval``, ``numbers`` and
        ``none``; in panels ``interval``, ``benchmark`` and ``rate``.
    """
    return _panels(table) if table.attrs["groups"] else _map(table)


def _map(table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    shown = _said(table)
    doubt = f", with its {frame.level(table)} interval" if table["rate_low"].notna().any() else ""
    should = f"; the short line: where it should be ({_benchmarks(table)})" if _known(table) else ""
    counted = f"Present share that moves on{doubt}{should}. {words.at_benchmark(table)}"
    return frame.finish(
        alt.hconcat(_rates(shown, table), _costs(shown, table), spacing=GAP),
        table,
        shown["stage"],
        finding=words.stage_gap(table),
        counted=counted,
        numbers=descriptions.stage_gap(table),
    )


def _said(table: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers that stand beside the marks, and why a row has none."""
    low, high = ([words.figure(v, table) for v in table[end]] for end in ("low", "high"))
    return table.assign(
        stage=table["stage"].astype("str").map(theme.wrapped),
        cost_said=[words.figure(cost, table) for cost in table["cost"]],
        cost_doubt=[f"{a} to {b}" if a != "–" else "–" for a, b in zip(low, high, strict=True)],
        worst_said=table["probability_worst"].map(words.chance),
        none=["" if known else "no benchmark" for known in table["benchmark"].notna()],
    )


def _rates(shown: pd.DataFrame, table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    y = _stages(shown, named=_worst(table))
    base = alt.Chart(shown)
    # Each layer has the scale: one without would make it begin at nothing.
    scale = alt.Scale(domain=_reach(table), nice=False, zero=False)
    axis = alt.Axis(
        format=theme.PERCENT,
        tickCount=4,
        title="moves on",
        labelOverlap="greedy",
        labelFlush=False,  # pushed inwards, the first one would touch the next
    )
    layers = [
        base.transform_filter("isValid(datum.rate_low)")
        .mark_rule(color=theme.MUTED)
        .encode(y=y, x=alt.X("rate_low:Q", scale=scale, axis=axis), x2="rate_high:Q")
        .properties(name="interval"),
        base.transform_filter("isValid(datum.benchmark) && datum.benchmark > datum.rate")
        .mark_bar(height=5)
        .encode(
            y=y,
            x=alt.X("rate:Q", scale=scale, axis=axis),
            x2="benchmark:Q",
            color=_marked(table),
            tooltip=_tooltip(),
        )
        .properties(name="way"),
        base.mark_circle(size=64)
        .encode(
            y=y,
            x=alt.X("rate:Q", scale=scale, axis=axis),
            color=_marked(table, other=theme.QUIET),
            tooltip=_tooltip(),
        )
        .properties(name="rate"),
        base.transform_filter("isValid(datum.benchmark)")
        .mark_tick(color=theme.TARGET, thickness=2, size=20)
        .encode(y=y, x=alt.X("benchmark:Q", scale=scale, axis=axis), tooltip=_tooltip())
        .properties(name="benchmark"),
    ]
    return alt.layer(*layers).properties(width=RATES, height=_height(shown))


def _costs(shown: pd.DataFrame, table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    numbers = frame.fitted(_columns(table), shown)
    width = theme.WIDTH + 80 - RATES - GAP - sum(room for _, _, room in numbers)
    y = _stages(shown, axis=None)
    base = alt.Chart(shown)
    currency = "" if table.attrs["metric"] in COUNTED else table.attrs["currency"]
    axis = alt.Axis(
        tickCount=3, labelExpr=frame.short_money("datum.value", currency), labelOverlap="greedy"
    )
    if not table["cost"].sum() > 0:
        axis = alt.Axis(values=[])
    reach = frame.extent(table["cost"], table["high"])
    x = alt.X("cost:Q", title=_lost(table), axis=axis, scale=alt.Scale(domain=reach))
    known = "isValid(datum.benchmark)"
    layers = [
        base.transform_filter(known)
        .mark_bar(height={"band": 0.56})
        .encode(y=y, x=x, color=_marked(table), tooltip=_tooltip())
        .properties(name="bar"),
        base.transform_filter("isValid(datum.low) && datum.high > 0")
        .mark_rule(color=theme.INK, strokeWidth=1.5)
        .encode(y=y, x="low:Q", x2="high:Q")
        .properties(name="interval"),
        *frame.columns(base, y, numbers, known=known, start=width),
        frame.without(base, y, known=known, word="none"),
    ]
    return alt.layer(*layers).properties(width=width, height=_height(shown))


def _height(shown: pd.DataFrame) -> int:
    """Give each row its step, or the lines of the longest name."""
    return frame.height(len(shown), frame.step(shown["stage"], STEP))


def _columns(table: pd.DataFrame) -> tuple[frame.Column, ...]:
    """Choose the numbers beside the bars: units where they are not the cost itself."""
    if not _known(table):
        return ()
    told: list[frame.Column] = [("costs", "datum.cost_said", COSTS)]
    if table.attrs["metric"] not in COUNTED:
        told.append((table.attrs["unit"], "format(datum.units, ',.0f')", UNITS))
    if table["probability_worst"].notna().any():
        told.append(("worst", "datum.worst_said", WORST))
    return tuple(told)


def _lost(table: pd.DataFrame) -> str:
    metric = table.attrs["metric"]
    return f"{metric} lost in twelve months" if metric in COUNTED else "lost in twelve months"


def _stages(shown: pd.DataFrame, *, named: str | None = None, axis: Any = ...) -> alt.Y:
    """Lay out a row per stage, in funnel order; the name of the worst stands out."""
    import altair as alt

    order = list(shown["stage"])
    if axis is not None:
        axis = frame.names_axis(shown["stage"])
        if named is not None:
            test = f"datum.value === {json.dumps(theme.wrapped(named))}"
            axis.labelColor = {
                "condition": {"test": test, "value": theme.ACCENT},
                "value": theme.QUIET,
            }
            axis.labelFontWeight = {"condition": {"test": test, "value": 600}, "value": 400}
    return alt.Y("stage:N", sort=order, title=None, axis=axis)


def _worst(table: pd.DataFrame) -> str | None:
    """Name the stage that is marked: the one that surely is the worst, as the title has it."""
    return table.attrs["stands_out"] if table["cost"].sum() > 0 else None


def _marked(table: pd.DataFrame, *, other: str = theme.MUTED) -> Any:
    """Colour the stage that is marked; the others stay grey."""
    import altair as alt

    stage = _worst(table)
    test = "false" if stage is None else f"datum.stage === {json.dumps(theme.wrapped(stage))}"
    return alt.condition(test, alt.value(theme.ACCENT), alt.value(other))


def _reach(table: pd.DataFrame) -> list[float]:
    """Find from where to where the rates go, in tenths: a point need not start at nothing."""
    every = table[["rate", "rate_low", "rate_high", "benchmark"]].stack().astype("float64")
    if every.empty:
        return [0.0, 1.0]
    low = math.floor(10 * (every.min() - MARGIN)) / 10
    high = math.ceil(10 * (every.max() + MARGIN)) / 10
    return [max(0.0, low), min(1.0, max(high, low + 0.1))]


def _known(table: pd.DataFrame) -> bool:
    return bool(table["benchmark"].notna().any())


def _benchmarks(table: pd.DataFrame) -> str:
    return " or ".join(dict.fromkeys(kind for kind in table["benchmark_of"] if kind))


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("stage:N"),
        alt.Tooltip("rate:Q", format=".1%", title="moves on"),
        alt.Tooltip("rate_low:Q", format=".1%", title="at least"),
        alt.Tooltip("rate_high:Q", format=".1%", title="at most"),
        alt.Tooltip("moved_on:Q", format=",", title="moved on"),
        alt.Tooltip("entered:Q", format=",", title="of"),
        alt.Tooltip("benchmark:Q", format=".1%", title="should be"),
        alt.Tooltip("benchmark_of:N", title="by"),
        alt.Tooltip("needed_alone:Q", format=".1%", title="needed alone"),
        alt.Tooltip("needed_together:Q", format=".1%", title="needed together"),
        alt.Tooltip("cost_said:N", title="costs"),
        alt.Tooltip("cost_doubt:N", title="between"),
        alt.Tooltip("worst_said:N", title="is the worst"),
        alt.Tooltip("says:N", title="note"),
    ]


def _panels(table: pd.DataFrame) -> alt.VConcatChart:
    """Draw the rate of each group at each stage, marked where it surely is below."""
    import altair as alt

    every = frame.named(_said(table))
    shown = frame.foremost(every, -every.groupby("group")["cost"].transform("sum"))
    width = frame.panel_width(table["stage"].nunique())
    letters = max(LETTERS, (width + frame.PANEL_GAP) // frame.LETTER)
    names = shown["stage"].astype("str")
    shown = shown.assign(stage=[theme.wrapped(name, letters=letters) for name in names])
    stages = list(dict.fromkeys(shown["stage"]))
    y = frame.group_axis(shown["group"])
    base = alt.Chart()
    reach = _reach(table)
    scale = alt.Scale(domain=reach, nice=False, zero=False)
    x = functools.partial(alt.X, title=None, scale=scale, axis=_few(reach, width))
    tooltip = [alt.Tooltip("group:N", title=frame.group(table)), *_tooltip()]
    sure = f"datum.probability_below >= {table.attrs['sure']!r}"
    layers = [
        base.mark_rule(color=theme.TARGET, strokeWidth=1)
        .encode(x=x("mean(benchmark):Q"))
        .properties(name="benchmark"),
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=x("rate_low:Q"), x2="rate_high:Q")
        .properties(name="interval"),
        base.mark_circle(opacity=1)
        .encode(
            y=y,
            x=x("rate:Q"),
            size=frame.size("entered:Q", largest=70),
            color=alt.condition(sure, alt.value(theme.ACCENT), alt.value(theme.QUIET)),
            tooltip=tooltip,
        )
        .properties(name="rate"),
    ]
    height = frame.rows_height(shown["group"])
    return frame.finish(
        frame.panels(layers, shown, field="stage", columns=stages, height=height),
        table,
        shown["group"],
        finding=words.stage_gap(table),
        counted=f"Share that moves on, drawn towards the others, with its {frame.level(table)} "
        f"interval; larger points, more decided. The line: {_benchmarks(table)}. In colour: surely "
        "below it." + frame.drawn(shown, every, "that cost most"),
        numbers=descriptions.stage_gap(table),
    )


def _few(reach: list[float], width: int) -> alt.Axis:
    """Number an axis in a narrow panel at its beginning and its middle: the end meets the next."""
    import altair as alt

    middle = sum(reach) / 2
    values = [reach[0], middle] if width >= ROOMY else [middle]
    return alt.Axis(
        values=values, format=theme.PERCENT, grid=True, labelFlush=False, labelBound=False
    )
