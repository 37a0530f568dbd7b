"""Are we making the number: sold against quota, open against what is left, created by kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

MONEY = 76  # px of a column of amounts
COUNT = 56
REQUIRED = (
    "The point: what is required by the yield of earlier periods, from the lowest of them to the "
    "highest. Marked: those with less open than the point."
)
COLUMN = (60, 190)  # px of a bar per quarter, at most, and of the plot's height


def quota_attainment(table: pd.DataFrame) -> alt.VConcatChart:
    """Are we making the number?

    A bar per group for what was sold, a line for the quota; those that reached it in the
    accent. A group without a quota has a bar and no line, and says so.

    Parameters
    ----------
    table : as `enablement.quota_attainment` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar``, ``target``, ``none`` and ``numbers``.
    """
    currency = table.attrs["currency"]
    shown = frame.named(table).assign(
        reached=table["attainment"].ge(1),
        bar=table["sold"],
        target=table["quota"],
        attained=table["attainment"].map(words.percent),
        bar_said=words.amounts(table["sold"], currency),
        target_said=words.amounts(table["quota"], currency),
        at_quota=_at_quota(table),
        none=["no amounts" if pd.isna(sold) else "" for sold in table["sold"]],
    )
    numbers: tuple[frame.Column, ...] = (
        ("attained", "datum.attained", COUNT + 8),
        ("sold", "datum.bar_said", MONEY),
        ("quota", "datum.target_said", MONEY),
    )
    if table.attrs["groups"] != ("rep_id",):
        numbers += (("reps at it", "datum.at_quota", MONEY),)
    return _bullets(
        shown,
        table,
        numbers,
        axis="sold",
        finding=words.quota_attainment(table),
        counted="Amount won; the line: the quota. Marked: those that reached it."
        + _unknown(table["without_amount"].sum(), "won"),
        said=descriptions.quota_attainment(table),
        tooltip="won",
    )


def _at_quota(table: pd.DataFrame) -> list[str]:
    """Write how many reps reached their quota, of those that have one."""
    return [
        f"{at:,.0f} of {reps:,.0f}" if reps else "–"
        for at, reps in zip(table["at_quota"], table["reps"], strict=True)
    ]


def pipeline_coverage(table: pd.DataFrame) -> alt.VConcatChart:
    """Is enough open for what is still to be sold?

    A bar per group for what is open and due, a line for what is still to be sold, and a point
    for what is required by the yield of earlier periods, with the range of them as a thin line.
    Those whose bar does not reach what is required, or where that is not known what is still
    to be sold, are in the accent.

    Parameters
    ----------
    table : as `enablement.pipeline_coverage` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar``, ``range``, ``required``, ``target``,
        ``none`` and ``numbers``.
    """
    currency = table.attrs["currency"]
    told = table["required"].notna().any()
    shown = frame.named(table).assign(
        reached=table["amount"].lt(table["required"].fillna(table["remaining"])),
        bar=table["amount"],
        target=table["remaining"],
        covered=["–" if pd.isna(times) else f"{times:.1f}" for times in table["coverage"]],
        bar_said=words.amounts(table["amount"], currency),
        target_said=words.amounts(table["remaining"], currency),
        required_said=words.amounts(table["required"], currency),
        none=["no amounts" if pd.isna(amount) else "" for amount in table["amount"]],
    )
    numbers: tuple[frame.Column, ...] = (
        ("coverage", "datum.covered", COUNT + 8),
        ("open and due", "datum.bar_said", MONEY + 14),
        ("to be sold", "datum.target_said", MONEY),
    )
    if told:
        numbers += (("required", "datum.required_said", MONEY),)
    return _bullets(
        shown,
        table,
        numbers,
        axis="open and due",
        finding=words.pipeline_coverage(table),
        counted=f"Open amount due in {table.attrs['period']}; the line: what is still to be sold. "
        + (REQUIRED if told else "Marked: those with less open than that.")
        + _unknown(table["without_amount"].sum(), "open"),
        said=descriptions.pipeline_coverage(table),
        tooltip="open",
    )


def _bullets(
    shown: pd.DataFrame,
    table: pd.DataFrame,
    numbers: tuple[frame.Column, ...],
    *,
    axis: str,
    finding: str,
    counted: str,
    said: str,
    tooltip: str,
) -> alt.VConcatChart:
    """Draw a bar and a line per group, with the numbers at the right."""
    import altair as alt

    numbers = frame.fitted(numbers, shown)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
    drawn = [name for name in ("bar", "target", "required", "required_high") if name in shown]
    reach = frame.extent(*(shown[name] for name in drawn))
    x = frame.amount("bar:Q", table.attrs["currency"], title=axis, reach=reach)
    height = frame.bars_height(shown["group"])
    tips = [
        alt.Tooltip("group:N", title=frame.group(table)),
        alt.Tooltip(f"{tooltip}:Q", format=","),
        *(alt.Tooltip(f"{what.removeprefix('datum.')}:N", title=name) for name, what, _ in numbers),
    ]
    required = base.transform_filter("isValid(datum.required)")
    needed = [
        required.mark_rule(color=theme.INK)
        .encode(y=y, x="required_low:Q", x2="required_high:Q")
        .properties(name="range"),
        required.mark_circle(color=theme.INK, opacity=1, size=40)
        .encode(y=y, x="required:Q", tooltip=tips)
        .properties(name="required"),
    ]
    layers = [
        base.mark_bar(height={"band": 0.62})
        .encode(
            y=y,
            x=x,
            color=alt.condition("datum.reached", alt.value(theme.ACCENT), alt.value(theme.MUTED)),
            tooltip=tips,
        )
        .properties(name="bar"),
        *(needed if "required" in shown and shown["required"].notna().any() else []),
        base.transform_filter("isValid(datum.target)")
        .mark_tick(color=theme.TARGET, thickness=2, size=0.8 * height / max(len(shown), 1))
        .encode(y=y, x="target:Q", tooltip=tips)
        .properties(name="target"),
        frame.without(base, y, known="isValid(datum.bar)", word="none"),
        *frame.columns(base, y, numbers, known="true"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=frame.plot_width(numbers), height=height),
        table,
        shown["group"],
        finding=finding,
        counted=counted,
        numbers=said,
    )


def pipeline_created(table: pd.DataFrame) -> alt.VConcatChart:
    """Is enough being created, and of which kind?

    A bar per group for the amount, with amount and number at its right; by quarter a bar
    per quarter, in their order. Where no amount is known the bars are numbers.

    Parameters
    ----------
    table : as `enablement.pipeline_created` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar`` and ``numbers``; by quarter ``bar``,
        ``amount`` and ``created``.
    """
    currency = table.attrs["currency"]
    worth = table["amount"].notna().any()
    shown = frame.named(table.drop(columns="without_amount")).assign(
        bar=table["amount"] if worth else table["created"],
        bar_said=words.amounts(table["amount"], currency),
    )
    if table.attrs["groups"] == ("period",):
        return _quarters(shown, table)
    return _kinds(shown, table)


def _kinds(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    worth = bool(table["amount"].notna().any())
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
    reach = frame.extent(shown["bar"])
    created: frame.Column = ("created", "format(datum.created, ',')", COUNT + 8)
    told = (created, ("worth", "datum.bar_said", MONEY)) if worth else (created,)
    numbers = frame.fitted(told, shown)
    x = (
        frame.amount("bar:Q", table.attrs["currency"], title="created", reach=reach)
        if worth
        else alt.X(
            "bar:Q",
            title="created",
            axis=alt.Axis(tickMinStep=1, format=theme.COUNT),
            scale=alt.Scale(domain=reach),
        )
    )
    layers = [
        base.mark_bar(height={"band": 0.62}, color=theme.MUTED)
        .encode(y=y, x=x, tooltip=_tips(table))
        .properties(name="bar"),
        *frame.columns(base, y, numbers, known="true"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.bars_height(shown["group"])
        ),
        table,
        shown["group"],
        finding=words.pipeline_created(table),
        counted=_created(worth),
        numbers=descriptions.pipeline_created(table),
    )


def _quarters(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    """Draw a bar per quarter, the last in the accent, with its amount and number above."""
    import altair as alt

    worth = bool(table["amount"].notna().any())
    wide, high = COLUMN
    order = list(shown["group"])
    base = alt.Chart(shown).encode(x=alt.X("group:N", sort=order, title=None))
    up = alt.Y("bar:Q", title=None, axis=None, scale=alt.Scale(domain=frame.extent(shown["bar"])))
    above = base.transform_calculate(many="format(datum.created, ',')")
    said = "bar_said:N" if worth else "many:N"
    layers = [
        base.mark_bar(width={"band": 0.7})
        .encode(
            y=up,
            color=alt.condition(
                f"datum.group === {json.dumps(order[-1])}",
                alt.value(theme.ACCENT),
                alt.value(theme.MUTED),
            ),
            tooltip=_tips(table),
        )
        .properties(name="bar"),
        above.mark_text(dy=-22, color=theme.INK).encode(y=up, text=said).properties(name="amount"),
        above.mark_text(dy=-8, color=theme.QUIET, fontSize=11)
        .encode(y=up, text="many:N")
        .properties(name="created"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=min(theme.WIDTH + 160, wide * len(order)), height=high),
        table,
        pd.Series([""]),
        finding=words.pipeline_created(table),
        counted=f"{_created(worth)} Below the amount, how many.",
        numbers=descriptions.pipeline_created(table),
    )


def _tips(table: pd.DataFrame) -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("group:N", title=frame.group(table)),
        alt.Tooltip("created:Q", format=","),
        alt.Tooltip("bar_said:N", title="worth"),
    ]


def _created(worth: bool) -> str:
    return (
        "Opportunities created in the period, at the amount they have now."
        if worth
        else "Number of opportunities created; their amounts are not known."
    )


def _unknown(number: int, what: str) -> str:
    """Say how many add nothing to a bar, because their amount is not known."""
    return f" {number:,} {what} without an amount add nothing." if number else ""
