"""The curve of a ramp: what share of new reps is there by each day since they were hired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

MOST = 12  # panels; more cannot be compared at a glance
ACROSS = 4
PANEL = (132, 92)  # px of a panel
NAMES = 118  # px for the names at the right of the plot
WHOLE = (theme.WIDTH + 110 - NAMES, 230)  # px of the plot of everybody
STEP: Literal["step-after"] = "step-after"  # a share holds until somebody else is there
APART = 0.08  # of the height: two names at the right are at least so far apart
COLOURS = {"first won": theme.WON, "productive": theme.INK, "quota": theme.MUTED}
NAMED = {"first won": "blue: first won", "productive": "black: productive", "quota": "grey: quota"}


def ramp_curve(table: pd.DataFrame) -> alt.VConcatChart:
    """How many of those hired are there, by which day?

    A line per milestone grows as reps get there, its interval paler, its name at its end. A
    line ends where fewer than half of those not there yet are followed so long. Groups are
    panels of one scale, twelve at most: those with the most reps.

    Parameters
    ----------
    table : as `enablement.ramp_curve` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``interval``, ``reached`` and ``name``; in
        panels ``reached`` alone.
    """
    known = frame.named(table[table["reached"].notna()])
    if known.empty:
        return frame.words_alone(
            "nobody can be followed",
            table,
            width=WHOLE[0],
            finding=words.ramp_curve(table),
            counted=_counted(table),
        )
    if known["group"].nunique() == 1:
        return _one(known, table)
    return _several(known, table)


def _one(known: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    width, height = WHOLE
    base, x = alt.Chart(known), _days(known, "days since being hired")
    band = base.transform_filter("isValid(datum.low)").mark_area(
        interpolate=STEP, opacity=theme.WASH
    )
    name = alt.Chart(_ends(known)).mark_text(align="left", baseline="middle", color=theme.INK)
    layers = [
        band.encode(x=x, y=_height("low:Q"), y2="high:Q", color=_colour(known)).properties(
            name="interval"
        ),
        _lines(base, x, known),
        name.encode(x=alt.value(width + 6), y=_height("place:Q"), text="said:N").properties(
            name="name"
        ),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=width, height=height),
        table,
        pd.Series(["100%"]),
        finding=words.ramp_curve(table),
        counted=f"{_counted(table)} Pale: {frame.level(table)} intervals.",
        numbers=descriptions.ramp_curve(known),
    )


def _several(known: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    begun = known[known["day"].eq(0)].groupby("group", sort=False)["at_risk"].max()
    names = list(begun.sort_values(ascending=False, kind="stable").index[:MOST])
    names = [name for name in begun.index if name in names]
    titles = {
        name: f"{name}: {begun[name]:,.0f} {'rep' if begun[name] == 1 else 'reps'}"
        for name in names
    }
    chosen = known[known["group"].isin(names)]
    shown = chosen.assign(panel=chosen["group"].map(titles))
    width, height = PANEL
    header = alt.Header(
        labelFontSize=11, labelColor=theme.INK, labelFontWeight=400, labelLimit=width + 16
    )
    panels = (
        alt.layer(_lines(alt.Chart(), _days(shown, None), shown), data=shown)
        .properties(width=width, height=height)
        .facet(
            facet=alt.Facet("panel:N", sort=list(titles.values()), title=None, header=header),
            columns=ACROSS,
            spacing={"row": 14, "column": 16},
        )
        .resolve_axis(x="independent")
    )
    rest = len(begun) - len(names)
    return frame.finish(
        panels,
        table,
        pd.Series(["100%"]),
        finding=words.ramp_curve(table),
        counted=f"{_counted(table)} {_legend(shown)}"
        + (f" {rest:,} smaller ones are not drawn." if rest else ""),
        numbers=descriptions.ramp_curve(chosen),
    )


def _lines(base: alt.Chart, x: alt.X, shown: pd.DataFrame) -> alt.Chart:
    import altair as alt

    tooltip = [
        alt.Tooltip("group:N", title="of"),
        alt.Tooltip("milestone:N"),
        alt.Tooltip("day:Q", format=","),
        *(alt.Tooltip(f"{name}:Q", format=".0%") for name in ("reached", "low", "high")),
        alt.Tooltip("left:Q", title="left before", format=".0%"),
        alt.Tooltip("at_risk:Q", title="followed so long", format=","),
    ]
    return (
        base.mark_line(interpolate=STEP, strokeWidth=2)
        .encode(x=x, y=_height("reached:Q"), color=_colour(shown), tooltip=tooltip)
        .properties(name="reached")
    )


def _colour(shown: pd.DataFrame) -> alt.Color:
    import altair as alt

    names = list(dict.fromkeys(shown["milestone"]))
    colours = [COLOURS[name] for name in names]
    return alt.Color("milestone:N", legend=None, scale=alt.Scale(domain=names, range=colours))


def _ends(known: pd.DataFrame) -> pd.DataFrame:
    """Place the names at the ends of their lines, and apart from each other."""
    last = known.groupby("milestone", sort=False).tail(1).sort_values("reached", kind="stable")
    places: list[float] = []
    for share in last["reached"]:
        places.append(max(share, places[-1] + APART) if places else share)
    said = last["milestone"].astype("str") + " " + last["reached"].map(words.percent)
    return pd.DataFrame({"milestone": last["milestone"], "place": places, "said": said})


def _days(shown: pd.DataFrame, title: str | None) -> alt.X:
    import altair as alt

    return alt.X(
        "day:Q",
        title=title,
        scale=alt.Scale(domain=[0, max(1, int(shown["day"].max()))], nice=False),
        axis=alt.Axis(tickCount=3 if title is None else 6, tickMinStep=1, format="d", grid=False),
    )


def _height(field: str) -> alt.Y:
    import altair as alt

    axis = alt.Axis(values=[0, 0.5, 1], format=theme.PERCENT, minExtent=36)
    return alt.Y(field, title=None, scale=alt.Scale(domain=[0, 1]), axis=axis)


def _legend(shown: pd.DataFrame) -> str:
    """Say which line is which, where they have no names beside them."""
    said = "; ".join(NAMED[name] for name in dict.fromkeys(shown["milestone"]))
    return f"{said[:1].upper()}{said[1:]}."


def _counted(table: pd.DataFrame) -> str:
    left = {
        "compete": "who left before is counted and never there",
        "censored": "as if nobody left",
    }[table.attrs["leavers"]]
    early = table.attrs["not_followed"]
    return (
        f"Share of those hired who are there by days since, {left}."
        + (f" {early:,} hired before the export begins are in no figure." if early else "")
        + "".join(f" Not drawn, {name}: {why}" for name, why in table.attrs["cannot_say"].items())
    )
