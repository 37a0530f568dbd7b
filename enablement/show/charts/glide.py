"""The glide path: planned, sold, what must come now, and what comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from enablement.plan.goal import COUNTED
from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

HEIGHT = 210
ROW, LINE = 18, 14  # px of a row, and of each further line of a quarter's name
LETTERS = 14  # of a line of it
ROWS = ("planned", "sold", "must bring", "chance")
ROOM = 96  # px at the right, for what the year comes to
HEADROOM = 1.06  # of the highest value


def glide_path(table: pd.DataFrame) -> alt.VConcatChart:
    """Is the year still on its path, and what must the rest of it bring?

    The year from its first day to its last, added up: a thin line as planned, a thick one as
    sold, a marked one for what must come now, and shaded what comes in half and in most of the
    futures. Under each quarter what was planned, sold and must come, and its chance.

    Parameters
    ----------
    table : as `enablement.glide_path` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its numbers and its definition line. Layers ``most``, ``half``, ``plan``,
        ``sold``, ``needed``, ``now``, ``target`` and ``comes``; below them ``numbers``.
    """
    import altair as alt

    names = pd.Series(ROWS)
    room = frame.names_axis(names).to_dict()["minExtent"]
    return frame.finish(
        alt.vconcat(_paths(table, room), _numbers(table, names), spacing=6),
        table,
        names,
        finding=words.glide_path(table),
        counted=f"{table.attrs['metric'].capitalize()}, added up since the goal's months began. "
        "Thin: planned; thick: sold; marked: what must come now; shaded: what comes in half, and "
        f"in {frame.level(table)}, of the futures, with their average.",
        numbers=descriptions.glide_path(table),
    )


def _paths(table: pd.DataFrame, room: int) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    told, size = table.attrs, len(table)
    currency = "" if told["metric"] in COUNTED else told["currency"]
    axis = alt.Axis(
        tickCount=4, labelExpr=frame.short_money("datum.value", currency), minExtent=room
    )
    most = HEADROOM * max(table["plan_total"].max(), table["high_total"].max(), told["target"])
    scale = alt.Scale(domain=[0, most], nice=False)
    y = alt.Y("total:Q", title=None, axis=axis, scale=scale)
    x = alt.X("at:Q", axis=_quarters(table), scale=_along(size))
    lines = {
        "plan": (theme.MUTED, 1.5, [1, 0]),
        "sold": (theme.INK, 3, [1, 0]),
        "needed": (theme.ACCENT, 2, [5, 3]),
    }
    fan, ends = alt.Chart(_fan(table)), alt.Chart(_ends(table))
    layers = [
        *(
            fan.mark_area(color=theme.MUTED, opacity=opacity)
            .encode(x=x, y=alt.Y(f"{low}:Q", title=None, axis=axis, scale=scale), y2=f"{high}:Q")
            .properties(name=name)
            for name, low, high, opacity in (
                ("most", "low_total", "high_total", theme.WASH),
                ("half", "half_low_total", "half_high_total", theme.BAND),
            )
        ),
        *(
            alt.Chart(_line(table, name))
            .mark_line(color=color, strokeWidth=width, strokeDash=dash, point=False)
            .encode(x=x, y=y, tooltip=[alt.Tooltip("said:N", title=name)])
            .properties(name=name)
            for name, (color, width, dash) in lines.items()
        ),
        alt.Chart(_line(table, "sold").tail(1))
        .mark_circle(color=theme.INK, size=60)
        .encode(x=x, y=y)
        .properties(name="now"),
        ends.transform_filter("datum.what === 'target'")
        .mark_tick(color=theme.TARGET, thickness=2, size=16, orient="horizontal")
        .encode(x=x, y=y)
        .properties(name="target"),
        *(
            ends.transform_filter(f"datum.what === '{what}'")
            .mark_text(align="left", dx=12, dy=dy, baseline="middle", color=theme.INK, fontSize=11)
            .encode(x=x, y=y, text="said:N")
            .properties(name=f"{what} said")
            for what, dy in _apart(table)
        ),
    ]
    return alt.layer(*layers).properties(width=theme.WIDTH - 20, height=HEIGHT)


def _along(size: int) -> alt.Scale:
    import altair as alt

    return alt.Scale(domain=[0, size], nice=False)


def _quarters(table: pd.DataFrame) -> alt.Axis:
    """Lay out the year with a line where each quarter ends; their names stand below the plot."""
    import altair as alt

    return alt.Axis(
        values=list(range(len(table) + 1)), title=None, labels=False, gridColor=theme.RULE
    )


def _line(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Lay out the points of a line, from nothing on the first day."""
    told = table.attrs
    total = table[f"{name}_total"]
    points: list[dict[str, Any]] = [{"at": 0.0, "total": 0.0}]
    closed = int(table["state"].eq("closed").sum())
    if name == "needed":
        begun = table["sold_total"].iloc[closed - 1] if closed else 0.0
        points = [{"at": float(closed), "total": begun}]
        shown = range(closed, len(table)) if told["corrected"] else range(0)
    elif name == "sold":
        shown = range(int(table["sold"].notna().sum()))
    else:
        shown = range(len(table))
    for place in shown:
        at = min(place + 1.0, told["gone"]) if name == "sold" else place + 1.0
        points.append({"at": at, "total": total.iloc[place]})
    if name == "needed" and len(points) == 1:
        points = []
    lines = pd.DataFrame(points, columns=["at", "total"])
    return lines.assign(said=[words.figure(value, table) for value in lines["total"]])


def _fan(table: pd.DataFrame) -> pd.DataFrame:
    """Lay out what comes, from what is sold on."""
    now = _line(table, "sold").iloc[-1]
    bands = ["low_total", "high_total", "half_low_total", "half_high_total"]
    ahead = table[table["state"].ne("closed")]
    rest = ahead[bands].assign(at=[place + 1.0 for place in ahead.index])
    first = pd.DataFrame([{"at": now["at"], **dict.fromkeys(bands, now["total"])}])
    return pd.concat([first, rest], ignore_index=True)


def _ends(table: pd.DataFrame) -> pd.DataFrame:
    """Lay out what the year is to come to, and what it comes to."""
    told, size = table.attrs, float(len(table))
    over = table["state"].eq("closed").all()
    comes = "sold" if over else "average"
    return pd.DataFrame(
        [
            {"what": "target", "at": size, "total": told["target"],
             "said": f"wanted {words.figure(told['target'], table)}"},
            {"what": "comes", "at": size, "total": told["expected"],
             "said": f"{comes} {words.figure(told['expected'], table)}"},
        ]
    )  # fmt: skip


def _apart(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Move the upper one of the two labels up and the lower one down."""
    above = table.attrs["target"] >= table.attrs["expected"]
    return [("target", -7 if above else 7), ("comes", 7 if above else -7)]


def _numbers(table: pd.DataFrame, names: pd.Series) -> alt.LayerChart | alt.FacetChart:
    """Write under each quarter what was planned, sold, must come, and how likely that is."""
    import altair as alt

    cells = pd.DataFrame(
        [
            {"row": name, "at": place + 0.5, "said": said}
            for place, (_, row) in enumerate(table.iterrows())
            for name, said in zip(ROWS, _cells(row, table), strict=True)
        ]
    )
    y = alt.Y("row:N", sort=list(ROWS), title=None, axis=frame.names_axis(names))
    wrapped = [theme.wrapped(name, letters=LETTERS) for name in table["quarter"]]
    labels = " : ".join(
        f"datum.value === {place + 0.5} ? {json.dumps(name)}" for place, name in enumerate(wrapped)
    )
    axis = alt.Axis(
        orient="top",
        values=[place + 0.5 for place in range(len(table))],
        labelExpr=f"{labels} : ''",
        labelPadding=8 + LINE * max(name.count("\n") for name in wrapped),
        title=None,
        grid=False,
    )
    text = (
        alt.Chart(cells)
        .mark_text(color=theme.INK)
        .encode(x=alt.X("at:Q", axis=axis, scale=_along(len(table))), y=y, text="said:N")
        .properties(name="numbers")
    )
    return alt.layer(text).properties(width=theme.WIDTH - 20, height=ROW * len(ROWS))


def _cells(row: pd.Series, table: pd.DataFrame) -> list[str]:
    running = " so far" if row["state"] == "running" else ""
    sold = "–" if pd.isna(row["sold"]) else words.figure(row["sold"], table) + running
    must = "–" if pd.isna(row["needed"]) else words.figure(row["needed"], table)
    return [words.figure(row["plan"], table), sold, must, words.chance(row["probability"])]
