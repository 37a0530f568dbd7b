"""How long it takes, in days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STAGE_STEP = 34
DAYS = ("p25", "median", "low", "high", "p75", "p90")
NUMBERS = (
    ("left", "format(datum.left, ',') + ' of ' + format(datum.entered, ',')", 104),
    ("median", "isValid(datum.median) ? format(datum.median, '.0f') : '–'", 54),
    ("open", "format(datum.open, ',')", 44),
)
SPREAD = ("p25", "median", "low", "high", "p75")
RAMPED = (
    ("there", "format(datum.ramped, ',') + ' of ' + format(datum.reps, ',')", 70),
    ("median", "isValid(datum.median) ? format(datum.median, '.0f') : '–'", 60),
    ("not yet", "format(datum.not_yet, ',')", 56),
)
BRIEF = {  # where a panel is narrow
    "clicked through in a batch": "clicked through",
    "half have not left yet": "half still there",
    "dates not recorded": "not recorded",
    "none entered": "none",
}


def sales_cycle(table: pd.DataFrame) -> alt.VConcatChart:
    """How long does it take to win?

    A row per group: the median, its interval as a line, and a tick by which nine
    in ten were won.

    Parameters
    ----------
    table : as `enablement.sales_cycle` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``interval``, ``median``, ``p90`` and ``numbers``.
    """
    import altair as alt

    group = frame.group(table)
    shown = frame.named(table)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
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
        base.transform_calculate(number="format(datum.won, ',') + ' won'")
        .mark_text(align="right", color=theme.INK)
        .encode(y=y, x=alt.value(theme.WIDTH + 72), text="number:N")
        .properties(name="numbers"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=theme.WIDTH, height=frame.rows_height(shown["group"])),
        table,
        shown["group"],
        finding=words.sales_cycle(table),
        counted=f"Median days with its {frame.level(table)} interval; the tick: nine in ten took "
        "at most so long.",
        numbers=descriptions.sales_cycle(table),
    )


def time_in_stage(table: pd.DataFrame) -> alt.VConcatChart:
    """How long do opportunities stay in each stage?

    For all together, a row per stage: the middle half of the stays as a pale bar, the
    median with its interval, and a tick by which nine in ten had left. Split into groups,
    a row per group and a panel per stage, without the tick. Those still there are in every
    curve, and counted at the right. A stage that was clicked through, or whose dates are
    not recorded, keeps its row with the reason in words.

    Parameters
    ----------
    table : as `enablement.time_in_stage` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``quartiles``, ``interval``, ``endless``,
        ``median``, ``p90``, ``numbers`` and ``cannot_say``; in panels without ``p90`` and
        ``numbers``.
    """
    shown = _with_reasons(table)
    if table.attrs["groups"]:
        return _stage_panels(shown, table)
    return _stages(shown, table)


def ramp(table: pd.DataFrame) -> alt.VConcatChart:
    """How long do new reps take until they are productive?

    A row per group: the middle half as a pale bar, the median with its interval. Those not
    there yet are in it as undecided, and counted at the right; a group of which fewer than half
    are there keeps its row with the reason in words.

    Parameters
    ----------
    table : as `enablement.ramp` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``quartiles``, ``interval``, ``endless``,
        ``median``, ``numbers`` and ``cannot_say``.
    """
    import altair as alt

    shown = frame.named(table).assign(
        why=["half are not there yet" if reps else "none followed" for reps in table["reps"]]
    )
    y = frame.group_axis(shown["group"])
    edge = _edge(table, SPREAD)
    numbers = frame.fitted(RAMPED, shown)
    base = alt.Chart(shown).transform_calculate(end=f"isValid(datum.high) ? datum.high : {edge}")
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        *(alt.Tooltip(f"{name}:Q", format=".0f") for name in SPREAD),
        *(alt.Tooltip(f"{name}:Q", format=",") for name in ("reps", "ramped", "not_yet", "left")),
        alt.Tooltip("not_followed:Q", title="hired before the export", format=","),
    ]
    layers = [
        *_spread(base, y, _days(edge, title="days since being hired"), tooltip, thick=12),
        *frame.columns(base, y, numbers, known="datum.reps > 0"),
        _reasons(base, y),
    ]
    early = int(table["not_followed"].sum())
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.bars_height(shown["group"])
        ),
        table,
        shown["group"],
        finding=words.ramp(table),
        counted=f"Median days with its {frame.level(table)} interval; pale, the middle half. Those "
        "not there yet are counted as undecided."
        + (f" {early:,} hired before the export begins are in no figure." if early else ""),
        numbers=descriptions.ramp(table),
    )


def _with_reasons(table: pd.DataFrame) -> pd.DataFrame:
    """Say in words why a row has no median, and break long stage names."""
    return table.assign(
        why=words.no_days(table),
        stage=table["stage"].astype("str").map(theme.wrapped),
    )


def _stages(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    numbers = frame.fitted(NUMBERS, shown)
    width = frame.plot_width(numbers)
    y = alt.Y(
        "stage:N",
        sort=list(dict.fromkeys(shown["stage"])),
        title=None,
        axis=frame.names_axis(shown["stage"]),
    )
    edge = _edge(table, DAYS)
    base = alt.Chart(shown).transform_calculate(end=f"isValid(datum.high) ? datum.high : {edge}")
    tooltip = [alt.Tooltip("stage:N"), *_tooltip()]
    tick = base.mark_tick(color=theme.MUTED, thickness=2, height=14)
    layers = [
        *_spread(base, y, _days(edge, title="days"), tooltip, thick=15),
        tick.encode(y=y, x="p90:Q", tooltip=tooltip).properties(name="p90"),
        *frame.columns(base, y, numbers, known="datum.entered > 0"),
        _reasons(base, y),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=width, height=frame.height(len(shown), frame.step(shown["stage"], STAGE_STEP))
        ),
        table,
        shown["stage"],
        finding=words.time_in_stage(table),
        counted=f"Median days with its {frame.level(table)} interval; pale, the middle half; the "
        "tick: nine in ten had left. Those still there (open) are counted as undecided."
        + _unsaid(table),
        numbers=descriptions.time_in_stage(table),
    )


def _stage_panels(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    shown = frame.named(shown.assign(why=shown["why"].replace(BRIEF)))
    unsaid = [theme.wrapped(stage) for stage in table.attrs["cannot_say"]]
    recorded = [stage for stage in shown["stage"] if stage not in unsaid]
    stages = list(dict.fromkeys(recorded or shown["stage"]))
    shown = shown[shown["stage"].isin(stages)]
    edge = _edge(table, ("median", "p75"))
    y = frame.group_axis(shown["group"])
    base = alt.Chart().transform_calculate(
        end=f"isValid(datum.high) ? min(datum.high, {edge}) : {edge}"
    )
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        alt.Tooltip("stage:N"),
        *_tooltip(),
    ]
    layers = [
        *_spread(base, y, _days(edge, title=None), tooltip, thick=8),
        _reasons(base, y, small=True),
    ]
    height = frame.rows_height(shown["group"])
    return frame.finish(
        frame.panels(layers, shown, field="stage", columns=stages, height=height),
        table,
        shown["group"],
        finding=words.time_in_stage(table),
        counted=f"Median days with its {frame.level(table)} interval; pale, the middle half. Those "
        "still there are counted as undecided; a line to the edge goes on beyond it."
        + _unsaid(table),
        numbers=descriptions.time_in_stage(table),
    )


def _unsaid(table: pd.DataFrame) -> str:
    """Say of each stage without days why it has none."""
    reasons = table.attrs["cannot_say"].items()
    return "".join(f" {stage} cannot be said: {why}." for stage, why in reasons)


def _spread(
    base: alt.Chart, y: alt.Y, x: alt.X, tooltip: list[alt.Tooltip], *, thick: int
) -> list[alt.Chart]:
    """Draw the middle half, the interval of the median and the median."""
    upper = base.transform_calculate(
        upper="isValid(datum.p75) ? datum.p75 : isValid(datum.median) ? datum.median : datum.p25"
    )
    line = base.transform_filter("isValid(datum.low)")
    ended, endless = line.transform_filter("isValid(datum.high)"), "!isValid(datum.high)"
    return [
        upper.transform_filter("isValid(datum.p25)")
        .mark_bar(color=theme.FAINT, height=thick)
        .encode(y=y, x=x, x2="upper:Q", tooltip=tooltip)
        .properties(name="quartiles"),
        ended.mark_rule(color=theme.INK, strokeWidth=1.5)
        .encode(y=y, x="low:Q", x2="end:Q")
        .properties(name="interval"),
        line.transform_filter(endless)
        .mark_rule(color=theme.INK, strokeWidth=1.5, strokeDash=[2, 3])
        .encode(y=y, x="low:Q", x2="end:Q")
        .properties(name="endless"),
        base.transform_filter("isValid(datum.median)")
        .mark_circle(color=theme.INK, opacity=1, size=60 if thick > 10 else 36)
        .encode(y=y, x="median:Q", tooltip=tooltip)
        .properties(name="median"),
    ]


def _reasons(base: alt.Chart, y: alt.Y, *, small: bool = False) -> alt.Chart:
    import altair as alt

    return (
        base.transform_filter("!isValid(datum.median)")
        .mark_text(align="left", color=theme.QUIET, fontSize=11 if small else 12)
        .encode(y=y, x=alt.value(4), text="why:N")
        .properties(name="cannot_say")
    )


def _days(edge: float, *, title: str | None) -> alt.X:
    import altair as alt

    return alt.X(
        "p25:Q",
        title=title,
        scale=alt.Scale(domain=[0, edge]),
        axis=alt.Axis(tickCount=4, tickMinStep=1, format="d"),
    )


def _edge(table: pd.DataFrame, columns: tuple[str, ...]) -> float:
    """Find where an axis of days ends: a little beyond the longest that is drawn."""
    longest = table[list(columns)].max().max()
    return 10.0 if pd.isna(longest) else 1.04 * max(1.0, float(longest))


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("median:Q", format=".0f", title="median days"),
        alt.Tooltip("low:Q", format=".0f"),
        alt.Tooltip("high:Q", format=".0f"),
        alt.Tooltip("p25:Q", format=".0f", title="a quarter had left by"),
        alt.Tooltip("p75:Q", format=".0f", title="three quarters by"),
        alt.Tooltip("p90:Q", format=".0f", title="nine in ten by"),
        alt.Tooltip("entered:Q"),
        alt.Tooltip("open:Q", title="still there"),
    ]
