"""The funnel: how many move on from each stage, for all together or a panel per stage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STAGE_STEP = 34
NUMBERS = (
    ("share", "datum.share", 44),
    ("moved on", "format(datum.moved_on, ',') + ' of ' + format(datum.entered, ',')", 100),
    ("lost", "format(datum.lost, ',')", 44),
    ("open", "format(datum.open + datum.back, ',')", 44),
)


def conversion(table: pd.DataFrame) -> alt.VConcatChart:
    """Where does the funnel leak?

    For all together, a bar per stage: moved on, with the interval as a line, and
    paler what is still open; the counts stand at the right. Split into groups, a
    row per group and a panel per stage: a point, larger for more opportunities,
    its interval, and a line at the rate of all groups. Stages that the export does
    not record keep their row, with the reason in words.

    Parameters
    ----------
    table : as `enablement.conversion` returns it

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


def _bars(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    # An estimate counts open ones as undecided already: they are no part of the bar.
    settled = table.attrs["name"] == "estimate"
    unsettled = not settled and bool((table["open"] + table["back"]).fillna(0).sum())
    numbers = _numbers(shown, table, unsettled=unsettled)
    width = frame.plot_width(numbers)
    stages = list(dict.fromkeys(shown["stage"]))
    y = alt.Y("stage:N", sort=stages, title=None, axis=frame.names_axis(shown["stage"]))
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
            x=frame.share(
                "rate:Q", "moved on, of those entered", most=frame.highest(table), width=width
            ),
            color=_stands_out(table),
            tooltip=tooltip,
        )
        .properties(name="bar"),
        base.mark_rule(color=theme.INK, strokeWidth=1.5)
        .encode(y=y, x="low:Q", x2="high:Q")
        .properties(name="interval"),
        *frame.columns(base, y, numbers, known="isValid(datum.rate)"),
        base.transform_filter("!isValid(datum.rate)")
        .mark_text(align="left", color=theme.QUIET)
        .encode(y=y, x=alt.value(4), text="why:N")
        .properties(name="cannot_say"),
    ]
    returned = ", there or back at an earlier stage" if table["back"].fillna(0).sum() else ""
    pale = f" Paler: still open{returned}." if unsettled else ""
    return frame.finish(
        alt.layer(*layers).properties(
            width=width, height=frame.height(len(stages), frame.step(pd.Series(stages), STAGE_STEP))
        ),
        table,
        shown["stage"],
        finding=words.conversion(table),
        counted=f"{_what(table)}.{pale} The lowest rate is not yet the costliest gap.",
        numbers=descriptions.conversion(table),
    )


def _numbers(
    shown: pd.DataFrame, table: pd.DataFrame, *, unsettled: bool
) -> tuple[frame.Column, ...]:
    """Choose the counts beside the bars; amounts are short, and open ones told where some are."""
    told = NUMBERS
    if table.attrs["of"] == "value":
        moved, entered, lost, still = (
            frame.short_money(f"({term})", table.attrs["currency"])
            for term in ("datum.moved_on", "datum.entered", "datum.lost", "datum.open + datum.back")
        )
        both = ("moved on", f"{moved} + ' of ' + {entered}", 134)
        told = (NUMBERS[0], both, ("lost", lost, 66), ("open", still, 66))
    return frame.fitted(told if unsettled else told[:3], shown)


def _stands_out(table: pd.DataFrame) -> Any:
    """Colour the stage that the title names, if it names one; the others stay grey."""
    import altair as alt

    stage = words.standing_out(table)
    named = "false" if stage is None else f"datum.stage === {json.dumps(theme.wrapped(stage))}"
    return alt.condition(named, alt.value(theme.ACCENT), alt.value(theme.MUTED))


def _panels(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    group = frame.group(table)
    shown = frame.named(shown)
    unsaid = {theme.wrapped(stage): why for stage, why in table.attrs["cannot_say"].items()}
    recorded = [stage for stage in shown["stage"] if stage not in unsaid]
    stages = list(dict.fromkeys(recorded or shown["stage"]))
    shown = shown[shown["stage"].isin(stages)]
    y = frame.group_axis(shown["group"])
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
    share = frame.panel_share("low:Q", most=frame.highest(table))
    layers = [
        base.mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x="mean(overall):Q")
        .properties(name="overall"),
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=share, x2="high:Q")
        .properties(name="interval"),
        base.mark_circle(color=theme.INK, opacity=1)
        .encode(y=y, x="rate:Q", size=frame.size("entered:Q", largest=70), tooltip=tooltip)
        .properties(name="rate"),
        base.transform_filter("!isValid(datum.rate)")
        .mark_text(align="left", color=theme.QUIET, fontSize=11)
        .encode(y=y, x=alt.value(2), text="brief:N")
        .properties(name="none"),
    ]
    height = frame.rows_height(shown["group"])
    panels = frame.panels(layers, shown, field="stage", columns=stages, height=height)
    return frame.finish(
        panels,
        table,
        shown["group"],
        finding=words.conversion(table),
        counted=f"{_what(table)}; larger points, more opportunities. Dashed: all together."
        + "".join(f" {stage} cannot be said: {why}." for stage, why in unsaid.items()),
        numbers=descriptions.conversion(table),
    )


def _with_words(table: pd.DataFrame) -> pd.DataFrame:
    """Say in words why a row has no rate, and break long stage names."""
    why = table.attrs["cannot_say"]
    stages = table["stage"].astype("str")
    return table.assign(
        why=[f"cannot be said: {why[s]}" if s in why else "none entered" for s in stages],
        brief=["cannot be said" if s in why else "none" for s in stages],
        stage=stages.map(theme.wrapped),
        share=[
            words.sure(rate, low, high)
            for rate, low, high in zip(table["rate"], table["low"], table["high"], strict=True)
        ],
    )


def _what(table: pd.DataFrame) -> str:
    """Say what the rate of a conversion is a share of."""
    if table.attrs["ratio"]:
        return "Those in the next stage over those in this one, a ratio without an interval"
    if table.attrs["of"] == "value":
        return "Amount that moved on, of the amount that entered, without an interval"
    return f"Share moved on of those that entered, with its {frame.level(table)} interval"
