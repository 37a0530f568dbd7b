"""Reps and other groups beside each other: who wins how often, and who differs beyond chance."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import pandas as pd

from enablement.measure.reps import places
from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

SHARES = pd.Series(["100 %"])  # the longest label of an axis of shares
BESIDE = 72  # px of the numbers beside a plot, at least
FUNNEL = (theme.WIDTH + 80, 300)  # px of a funnel plot
BETWEEN = 0.998 - 0.95  # share of groups that chance puts between the two pairs of limits
HEADROOM = 0.03  # of an axis, left free beyond the outermost mark
NAME_HEIGHT = 14  # px that a name needs above and below the next one
POINT, CROWD = 56, 200  # px² of a point, half of it where there are more than so many
FEW_NAMES = 12  # of more than these, those that find no free room go without
CURVES = {
    **{"lower_95": [4, 3], "upper_95": [4, 3]},
    **{"lower_998": [1, 0], "upper_998": [1, 0]},
}
Box = tuple[float, float, float]  # px: height, and where it begins and ends across
ALL = "All together"
FULL = 0.15  # a shrunk rate so far from the stage's has the full colour
STEP = 18  # px of a row of cells, also where there are many: the numbers must be readable
PANELS = theme.WIDTH + 80  # px of all columns of cells
CELL, WIDEST = 66, 130  # px of one column, at least and at most
LETTERS = 9  # that the name over a column has in a line at least
SQUARE, NUMBER, SIGN = -23, 20, 28  # px from the middle of a cell


def win_rate(table: pd.DataFrame) -> alt.VConcatChart:
    """Who wins how often, and does it differ beyond chance?

    A row per group, by team and name and not by rank: the rate, larger for more
    decided, its interval, and a line at the rate of all. A group with nothing
    decided keeps an empty row that says so.

    Parameters
    ----------
    table : as `enablement.win_rate` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``overall``, ``interval``, ``rate``,
        ``numbers`` and ``none``.
    """
    import altair as alt

    said = COUNTED[table.attrs["of"]]
    group = frame.group(table)
    shown = frame.named(table).assign(
        overall=table.attrs["overall"],
        out_of=table[said.out_of].sum(axis=1),
        numbers=_numbers(table, said),
        none=_nothing(table, said),
    )
    base = alt.Chart(shown)
    (*_, room), *_ = frame.fitted((("", "datum.numbers", BESIDE),), shown)
    width = theme.WIDTH + BESIDE - room
    y = frame.group_axis(shown["group"])
    tooltip = [
        alt.Tooltip("group:N", title=group),
        alt.Tooltip("rate:Q", format=".1%"),
        *([alt.Tooltip(f"{end}:Q", format=".1%") for end in ("low", "high")] if said.sure else []),
        *(alt.Tooltip(f"{column}:Q", format=",") for column in said.shown),
    ]
    layers = [
        base.transform_filter("isValid(datum.overall)")
        .mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x=alt.X("mean(overall):Q"))
        .properties(name="overall"),
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=frame.share("low:Q", said.axis), x2="high:Q")
        .properties(name="interval"),
        base.mark_circle(color=theme.INK, opacity=1)
        .encode(y=y, x="rate:Q", size=frame.size("out_of:Q"), tooltip=tooltip)
        .properties(name="rate"),
        base.transform_filter("isValid(datum.rate)")
        .mark_text(align="right", color=theme.INK)
        .encode(y=y, x=alt.value(theme.WIDTH + BESIDE), text="numbers:N")
        .properties(name="numbers"),
        base.transform_filter("!isValid(datum.rate)")
        .mark_text(align="left", color=theme.QUIET)
        .encode(y=y, x=alt.value(4), text="none:N")
        .properties(name="none"),
    ]
    overall = table.attrs["overall"]
    several = len(table) > 1 and pd.notna(overall)
    dashed = f" Dashed: all together, {words.percent(overall)}." if several else ""
    doubt = f", with its {frame.level(table)} interval" if said.sure else ", without an interval"
    return frame.finish(
        alt.layer(*layers).properties(width=width, height=frame.rows_height(shown["group"])),
        table,
        shown["group"],
        finding=words.win_rate(table),
        counted=f"{said.subtitle}{doubt}; larger points, more {said.larger}.{dashed}",
        numbers=descriptions.win_rate(table),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """What a win rate is a share of, in the words of its chart.

    axis, subtitle, larger : of the axis, of the subtitle, and what larger points have more of
    out_of : the columns that add up to what is divided by
    shown : the counts of the tooltip
    sure : whether there is an interval
    none : what stands where there is no rate
    """

    axis: str
    subtitle: str
    larger: str
    out_of: list[str]
    shown: tuple[str, ...]
    sure: bool
    none: str


COUNTED = {
    "decided": Counted(
        axis="won, of those decided",
        subtitle="Share won of those decided",
        larger="decided",
        out_of=["won", "lost"],
        shown=("won", "lost"),
        sure=True,
        none="nothing decided",
    ),
    "value": Counted(
        axis="amount won, of the amount decided",
        subtitle="Share won of the amount decided",
        larger="of it decided",
        out_of=["won", "lost"],
        shown=("won", "lost", "with_amount", "without_amount"),
        sure=False,
        none="nothing decided",
    ),
    "created": Counted(
        axis="won, of all created",
        subtitle="Share won of all created, open ones included",
        larger="created",
        out_of=["created"],
        shown=("created", "won", "lost", "cancelled", "open"),
        sure=True,
        none="nothing created",
    ),
}


def _numbers(table: pd.DataFrame, said: Counted) -> list[str]:
    """Write what was won and of how much, in pieces or in money."""
    pairs = zip(table["won"], table[said.out_of].sum(axis=1), strict=True)
    if table.attrs["of"] == "value":
        currency = table.attrs["currency"]
        return [f"{words.money(k, currency)} of {words.money(n, currency)}" for k, n in pairs]
    return [f"{k:,.0f} of {n:,.0f}" for k, n in pairs]


def _nothing(table: pd.DataFrame, said: Counted) -> list[str]:
    """Say why a row has no rate."""
    if table.attrs["of"] != "value":
        return [said.none] * len(table)
    return ["amounts not known" if unknown else said.none for unknown in table["without_amount"]]


def compare_reps(table: pd.DataFrame) -> alt.VConcatChart:
    """Who differs from the others by more than chance?

    A point per group: its rate over the number decided, between curves within which chance
    alone keeps 95 and 99.8 % of groups. Names stand at those beyond 99.8 % and at those that
    stand out by the table; the rest stay without, for there is nothing to rank. Groups with
    nothing decided have no point and are counted in words.

    Parameters
    ----------
    table : as `enablement.compare_reps` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``overall``, ``lower 95``, ``upper 95``,
        ``lower 998``, ``upper 998`` (the curves), ``ends`` (their labels), ``none``, ``rate``,
        ``names left`` and ``names right``.
    """
    import altair as alt

    shown = frame.named(table).assign(named=_apart(table))
    drawn = shown[shown["rate"].notna()]
    across, up = _reach(drawn, table)
    x = alt.X(
        "decided:Q",
        title="decided",
        scale=alt.Scale(domain=across, nice=False),
        axis=alt.Axis(format=theme.COUNT, grid=False, tickMinStep=1),
    )
    y = alt.Y(
        "rate:Q",
        title="won, of those decided",
        scale=alt.Scale(domain=up, nice=False),
        axis=alt.Axis(format=theme.PERCENT, titleX=0, titleY=-12),
    )
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        *(alt.Tooltip(f"{c}:Q", format=".1%") for c in ("rate", "low", "high", "shrunk")),
        *(alt.Tooltip(f"{c}:Q") for c in ("won", "decided")),
        alt.Tooltip("outside:N"),
        alt.Tooltip("q:Q", format=".2f"),
    ]
    colour = alt.condition("datum.named", alt.value(theme.ACCENT), alt.value(theme.MUTED))
    placed, left_out = _placed(drawn, across, up)
    layers = [
        *_curves(table, x, y, up),
        alt.Chart(pd.DataFrame({"none": [] if len(drawn) else ["nothing decided"]}))
        .mark_text(align="left", color=theme.QUIET)
        .encode(x=alt.value(4), y=alt.value(FUNNEL[1] / 2), text="none:N")
        .properties(name="none"),
        alt.Chart(drawn)
        .mark_circle(size=POINT if len(drawn) <= CROWD else POINT / 2, opacity=0.9)
        .encode(x=x, y=y, color=colour, tooltip=tooltip)
        .properties(name="rate"),
        *(
            alt.Chart(placed[placed["side"] == side])
            .mark_text(align=side, dx=8 if side == "left" else -8, color=theme.ACCENT)
            .encode(x=x, y=y, text="group:N")
            .properties(name=f"names {side}")
            for side in ("left", "right")
        ),
    ]
    width, height = FUNNEL
    return frame.finish(
        alt.layer(*layers).properties(width=width, height=height),
        table,
        SHARES,
        finding=words.compare_reps(table),
        counted=_within_chance(table, left_out),
        numbers=descriptions.win_rate(table),
    )


def _within_chance(table: pd.DataFrame, left_out: int) -> str:
    """Say what the curves hold, how many lie beyond, and who has no point or no name."""
    what = words.members(table)
    beyond = int(table["outside"].isin(["above 95", "below 95"]).sum())
    drawn = int(table["outside"].notna().sum())
    chance = drawn * BETWEEN
    nothing = int((table["decided"] == 0).sum())
    expected = f"about {chance:.0f}" if chance >= 1 else "fewer than 1"
    return (
        f"Share won of those decided. Chance alone keeps 95 % of {what} between the dashed curves "
        "and 99.8 % between the outer ones."
        + (
            f" Of the {drawn}, {beyond or 'none'} lie between the two, {expected} by chance."
            if drawn
            else ""
        )
        + (f" {left_out} more stand out; pointing at them names them." if left_out else "")
        + (f" Without a point: {nothing} who decided nothing." if nothing else "")
    )


def _apart(table: pd.DataFrame) -> pd.Series:
    """Find who has a name in the plot: beyond the outer limits, or told from the others."""
    return table["outside"].isin(["above 99.8", "below 99.8"]) | table["stands_out"]


def _reach(drawn: pd.DataFrame, table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Find how far the axes go: to the last point, and to the limits at the most decided."""
    if drawn.empty:
        return [0, 10], [0, 1]
    limits = table.attrs["limits"]
    ends = [values[-1] for name, values in limits.items() if name != "decided" and values]
    low, high = min([*drawn["rate"], *ends]), max([*drawn["rate"], *ends])
    room = HEADROOM * (high - low)
    most = float(drawn["decided"].max())
    return [0, most * (1 + HEADROOM)], [max(0, low - room), min(1, high + room)]


def _curves(table: pd.DataFrame, x: alt.X, y: alt.Y, up: list[float]) -> list[alt.Chart]:
    """Draw the rate of all and the limits around it, each labelled at its right end."""
    import altair as alt

    scale = alt.Scale(domain=up, nice=False)
    limits = pd.DataFrame(table.attrs["limits"])
    overall = pd.DataFrame({"overall": [table.attrs["overall"]]})
    return [
        alt.Chart(overall)
        .mark_rule(color=theme.MUTED)
        .encode(y=alt.Y("overall:Q", scale=scale))
        .properties(name="overall"),
        *(
            alt.Chart(limits)
            .mark_line(color=theme.MUTED, strokeWidth=1, strokeDash=dash, clip=True)
            .encode(x=x, y=alt.Y(f"{name}:Q", scale=scale))
            .properties(name=name.replace("_", " "))
            for name, dash in CURVES.items()
        ),
        alt.Chart(_ends(limits, up))
        .mark_text(align="left", dx=22, color=theme.QUIET, fontSize=11)
        .encode(x=x, y=y, text="end:N")
        .properties(name="ends"),
    ]


def _ends(limits: pd.DataFrame, up: list[float]) -> pd.DataFrame:
    """Label the right ends of the limits; two that would stand over each other have one label.

    So it is where few are decided, of which both are 0 and 1, and where very many are.
    """
    ends = limits.tail(1).melt("decided", value_name="rate")
    ends["end"] = ends["variable"].map(lambda name: "99.8" if "998" in name else "95")
    ends = ends.sort_values("rate", kind="stable", ignore_index=True)
    apart = ends["rate"].diff() * FUNNEL[1] >= NAME_HEIGHT * (up[1] - up[0])
    return ends.groupby(apart.cumsum().rename("label")).agg(
        decided=("decided", "first"),
        rate=("rate", "mean"),
        end=("end", lambda said: f"{' and '.join(sorted(set(said), key=float))} %"),
    )


def _is_free(level: float, span: tuple[float, float], others: list[Box]) -> bool:
    """Whether nothing that is drawn already lies where a name would stand."""
    return not any(
        abs(level - height) < NAME_HEIGHT and span[0] < end and span[1] > begin
        for height, begin, end in others
    )


def _placed(drawn: pd.DataFrame, across: list[float], up: list[float]) -> tuple[pd.DataFrame, int]:
    """Find for each name the side of its point that is free, the surest first.

    Returns the names with the ``side`` at which their text begins or ends, and how many found
    no room.
    """
    width, height = FUNNEL
    named = drawn[drawn["named"]].sort_values("q", kind="stable")
    at = drawn["decided"] / across[1] * width
    level = (up[1] - drawn["rate"]) / (up[1] - up[0]) * height
    points: list[Box] = [(level[row], at[row] - 4, at[row] + 4) for row in drawn.index]
    written: list[Box] = []
    few = len(named) <= FEW_NAMES  # rather over a point than not at all
    sides = []
    for row, name in named["group"].items():
        long = 8 + frame.LETTER * len(str(name))
        spans = {"left": (at[row] + 5, at[row] + long), "right": (at[row] - long, at[row] - 5)}
        free = [
            side
            for others in ([*written, *points], *([written] if few else []))
            for side, span in spans.items()
            if span[0] >= 0 and span[1] <= width + 20 and _is_free(level[row], span, others)
        ]
        sides.append(free[0] if free else "")
        if free:
            written.append((level[row], *spans[free[0]]))
    placed = named.assign(side=pd.Series(sides, index=named.index, dtype="str"))
    return placed[placed["side"] != ""], int((placed["side"] == "").sum())


def compare_reps_by_stage(table: pd.DataFrame) -> alt.VConcatChart:
    """Which rep at which stage?

    A row per group and a column per stage: the share that moved on as a number, and a square
    that is larger for more opportunities and blue or orange as the shrunk rate lies above or
    below the stage's own, grey where no difference can be detected. A triangle and bold type
    mark those that stand out by the table. The first row is all together.

    Parameters
    ----------
    table : as `enablement.compare_reps_by_stage` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``cell``, ``rate``, ``stands_out``, ``none``
        and ``all``.
    """
    import altair as alt

    unsaid = table.attrs["cannot_say"]
    placed = places(table, table.attrs["groups"])
    sayable = ~table["stage"].isin(list(unsaid))
    cell = min(max(PANELS // max(placed[sayable].nunique(), 1), CELL), WIDEST)
    wrapped = functools.partial(theme.wrapped, letters=max(LETTERS, cell // frame.LETTER))
    every = frame.named(table).assign(place=placed.map(wrapped))[sayable]
    shown = frame.foremost(every, every["q"])
    team = pd.DataFrame(table.attrs["team"]).rename(columns={"stage": "place"})
    team = team[team["rate"].notna()]
    team = team.assign(place=team["place"].map(wrapped), group=ALL)
    rows = pd.Series([ALL, *dict.fromkeys(shown["group"])])
    stages = list(dict.fromkeys(shown["place"]))
    more = max((name.count("\n") for name in stages), default=0)
    x = alt.X(
        "place:N",
        sort=stages,
        title=None,
        axis=alt.Axis(
            orient="top",
            labelColor=theme.INK,
            labelLimit=cell,
            labelPadding=8 + more * frame.NAME_LINE,
            grid=False,
        ),
    )
    y = alt.Y("group:N", sort=list(rows), title=None, axis=frame.names_axis(rows))
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        alt.Tooltip("place:N", title="stage"),
        *(alt.Tooltip(f"{c}:Q", format=".1%") for c in ("rate", "low", "high", "shrunk")),
        alt.Tooltip("overall:Q", format=".1%", title="all together"),
        *(alt.Tooltip(f"{c}:Q") for c in ("moved_on", "entered")),
        alt.Tooltip("q:Q", format=".2f"),
    ]
    base = alt.Chart(shown).encode(x=x, y=y)
    layers = [
        _squares(base, tooltip, largest=(STEP - 2) ** 2),
        *_written(base, tooltip),
        alt.Chart(team)
        .mark_text(align="right", dx=NUMBER, fontWeight=700)
        .encode(x=x, y=y, text=alt.Text("rate:Q", format=theme.PERCENT))
        .properties(name="all"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=cell * len(stages), height=frame.height(len(rows), frame.step(rows, STEP))
        ),
        table,
        rows,
        finding=table.attrs["verdict"] or words.compare_reps_by_stage(table),
        numbers=descriptions.compare_reps_by_stage(table),
        counted="Share moved on of those that entered. Larger squares, more opportunities; blue "
        "above, orange below the stage's own rate after shrinkage, grey where no difference is "
        "detected. Triangle and bold: told from the others."
        + frame.drawn(shown, every, "told from the others most surely")
        + "".join(f" {stage} cannot be said: {why}." for stage, why in unsaid.items()),
    )


def _written(base: alt.Chart, tooltip: list[alt.Tooltip]) -> list[alt.Chart]:
    """Write the rate into each cell, bold and with a triangle where it stands out."""
    import altair as alt

    percent = alt.Text("rate:Q", format=theme.PERCENT)
    ways = alt.Scale(domain=["above", "below"], range=["triangle-up", "triangle-down"])
    return [
        base.transform_filter("datum.entered > 0 && !datum.stands_out")
        .mark_text(align="right", dx=NUMBER)
        .encode(text=percent, tooltip=tooltip)
        .properties(name="rate"),
        base.transform_filter("datum.stands_out")
        .mark_text(align="right", dx=NUMBER, fontWeight=700)
        .encode(text=percent, tooltip=tooltip)
        .properties(name="stands_out"),
        base.transform_filter("datum.stands_out")
        .transform_calculate(way="datum.rate > datum.overall ? 'above' : 'below'")
        .mark_point(filled=True, color=theme.INK, size=34, xOffset=SIGN)
        .encode(shape=alt.Shape("way:N", legend=None, scale=ways))
        .properties(name="way"),
        base.transform_filter("!(datum.entered > 0)")
        .mark_text(align="right", dx=NUMBER, color=theme.QUIET, fontSize=11)
        .encode(text=alt.value("none"))
        .properties(name="none"),
    ]


def _squares(base: alt.Chart, tooltip: list[alt.Tooltip], *, largest: int) -> alt.Chart:
    """Draw a square per cell: area for the count, colour for the shrunk rate's distance."""
    import altair as alt

    colour = alt.Color(
        "side:N",
        legend=None,
        scale=alt.Scale(
            domain=["above", "below", "alike"], range=[theme.WON, theme.LOST, theme.FAINT]
        ),
    )
    strength = alt.Opacity(
        "strength:Q", legend=None, scale=alt.Scale(domain=[0, FULL], range=[0.35, 1], clamp=True)
    )
    size = alt.Size("entered:Q", legend=None, scale=alt.Scale(range=[0, largest], zero=True))
    return (
        base.transform_filter("datum.entered > 0")
        .transform_calculate(
            side="datum.difference > 1e-9 ? 'above' : datum.difference < -1e-9 ? 'below' : 'alike'",
            strength=f"datum.side == 'alike' ? {FULL} : abs(datum.difference)",
        )
        .mark_square(xOffset=SQUARE)
        .encode(color=colour, opacity=strength, size=size, tooltip=tooltip)
        .properties(name="cell")
    )
