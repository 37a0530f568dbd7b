"""Close dates: how often they are moved to a later quarter, and what became of what was due."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

PUSHED = (
    ("pushed", "datum.share", 60),
    ("of", "format(datum.opportunities, ',')", 54),
    ("times", "format(datum.pushes, ',')", 54),
)
TOLD = ("pushed", "opportunities", "per_opportunity", "without_date", "due")
BECAME = ("slipped", "cancelled", "lost", "won")
SLIPPED = (
    ("not won", "datum.share", 64),
    ("due", "format(datum.due, ',')", 44),
    *((name, f"format(datum.{name}, ',')", 56) for name in ("slipped", "lost", "won")),
)


MISSED = {  # of what was due
    "counted": "datum.slipped + datum.lost + datum.cancelled",
    "left out": "datum.slipped",
}


def push_count(table: pd.DataFrame) -> alt.VConcatChart:
    """How often are close dates moved to a later quarter?

    A row per group: the share pushed at least once, larger for more opportunities, its
    interval, and a line at the share of all. A group without a known close date keeps an
    empty row that says so.

    Parameters
    ----------
    table : as `enablement.push_count` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``overall``, ``interval``, ``rate``,
        ``numbers`` and ``none``.
    """
    dashed = " Dashed: all together." if len(table) > 1 else ""
    return _rows(
        table,
        Counts("pushed", "opportunities", PUSHED),
        axis="pushed at least once, of those with a close date",
        none="no close date known",
        finding=words.push_count(table),
        counted=f"Share whose close date was moved to a later {table.attrs['unit']} at least once, "
        f"with its {frame.level(table)} interval; larger points, more opportunities; "
        f"times: all moves.{dashed}",
        numbers=descriptions.push_count(table),
    )


def slip_rate(table: pd.DataFrame) -> alt.VConcatChart:
    """How much of what was due in a period was not won in it?

    For all together a bar of what became of that which was due: still open (slipped),
    cancelled, lost and, at the right, won; a line on the border to won is the interval of the
    rate. Split into groups, a row per group: the rate, larger for more due, its interval, and
    a line at the rate of all.

    Parameters
    ----------
    table : as `enablement.slip_rate` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar``, ``interval``, ``numbers`` and ``none``;
        of groups those of `push_count`.
    """
    if not table.attrs["groups"]:
        return _became(table)
    what = "not won" if table.attrs["lost"] == "counted" else "slipped"
    return _rows(
        table,
        Counts("missed", "out_of", SLIPPED),
        axis=f"{what}, {_of(table)}",
        none="nothing was due",
        finding=words.slip_rate(table),
        counted=f"Share {what} of those that were open and due when {table.attrs['period']} began, "
        f"with its {frame.level(table)} interval; larger points, more due. Dashed: all together.",
        numbers=descriptions.slip_rate(table),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """The columns of a rate: what is counted, out of what, and the numbers beside it."""

    part: str
    out_of: str
    numbers: tuple[frame.Column, ...]


def _rows(
    table: pd.DataFrame,
    counts: Counts,
    *,
    axis: str,
    none: str,
    finding: str,
    counted: str,
    numbers: str,
) -> alt.VConcatChart:
    """Draw a row per group with its rate, and a line at the rate of all."""
    import altair as alt

    shown = frame.named(table).assign(share=table["rate"].map(words.percent), none=none)
    most = frame.reaching(table["high"].fillna(table["rate"]), least=0.2)
    y, x = frame.group_axis(shown["group"]), frame.share("low:Q", axis, most=most)
    beside = frame.fitted(counts.numbers, shown)
    base = alt.Chart(shown).transform_calculate(
        missed=MISSED[table.attrs.get("lost", "counted")], out_of="datum.missed + datum.won"
    )
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        *(alt.Tooltip(f"{column}:Q", format=",") for column in (*TOLD, *BECAME) if column in shown),
    ]
    overall = base.transform_aggregate(
        part=f"sum({counts.part})", whole=f"sum({counts.out_of})"
    ).transform_calculate(overall="datum.part / datum.whole")
    layers = [
        overall.transform_filter("datum.whole > 0")
        .mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x="overall:Q")
        .properties(name="overall"),
        *frame.rates(base, y, x, tooltip, value="rate", out_of=counts.out_of),
        *frame.columns(base, y, beside, known="isValid(datum.rate)"),
        frame.without(base, y, known="isValid(datum.rate)", word="none"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(beside), height=frame.bars_height(shown["group"])
        ),
        table,
        shown["group"],
        finding=finding,
        counted=counted,
        numbers=numbers,
    )


def _became(table: pd.DataFrame) -> alt.VConcatChart:
    """Draw what became of all that was due, side by side, with the interval of the rate."""
    import altair as alt

    kinds: tuple[str, ...] = BECAME if table.attrs["lost"] == "counted" else ("slipped", "won")
    parts: list[Any] = [part for part in kinds if part != "cancelled" or table["cancelled"].sum()]
    shown = frame.named(table).assign(
        share=table["rate"].map(words.percent), none="nothing was due"
    )
    numbers = frame.fitted(SLIPPED, shown)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
    colours = dict(zip(BECAME, (theme.QUIET, theme.FAINT, theme.LOST, theme.WON), strict=True))
    tooltip = [
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        *(alt.Tooltip(f"{column}:Q", format=",") for column in ("due", *BECAME)),
    ]
    layers = [
        base.transform_fold(parts, as_=["became", "number"])
        .transform_calculate(order=f"indexof({json.dumps(parts)}, datum.became)")
        .mark_bar(height={"band": 0.62})
        .encode(
            y=y,
            x=alt.X(
                "number:Q",
                stack="normalize",
                title=_of(table),
                axis=alt.Axis(format=theme.PERCENT, values=[0, 0.5, 1]),
            ),
            color=alt.Color(
                "became:N",
                title=None,
                sort=parts,
                scale=alt.Scale(domain=parts, range=[colours[part] for part in parts]),
            ),
            order=alt.Order("order:Q"),
            tooltip=tooltip,
        )
        .properties(name="bar"),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(color=theme.INK, strokeWidth=1.5)
        .encode(y=y, x="low:Q", x2="high:Q")
        .properties(name="interval"),
        *frame.columns(base, y, numbers, known="isValid(datum.rate)"),
        frame.without(base, y, known="isValid(datum.rate)", word="none"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.bars_height(shown["group"])
        ),
        table,
        shown["group"],
        finding=words.slip_rate(table),
        counted=f"What became of those that were open and due when {table.attrs['period']} began; "
        f"the line: the {frame.level(table)} interval of the share before it.",
        numbers=descriptions.slip_rate(table),
    )


def _of(table: pd.DataFrame) -> str:
    return "of those due" if table.attrs["lost"] == "counted" else "of those won or still open"
