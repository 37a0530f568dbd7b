"""What the team gets: how far the goal and each gate are, and nobody's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

NUMBERS = (("is", "datum.is_said", 84), ("must be", "datum.least_said", 84))
FURTHEST = 1.5  # of what must be: where a bar ends that goes beyond


def reward(table: pd.DataFrame) -> alt.VConcatChart:
    """How far is the team from its reward?

    A bar for the goal and one for each gate, as a share of what it must be, which is the line.
    What does not hold is in the accent; what cannot be said keeps an empty row. No rep is shown.

    Parameters
    ----------
    table : as `enablement.reward` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar``, ``must be``, ``none`` and ``numbers``.
    """
    import altair as alt

    shown = conditions(table)
    numbers = frame.fitted(NUMBERS, shown)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["what"], field="what")
    height = frame.bars_height(shown["what"])
    reach = [0.0, max(1.1, float(shown["drawn"].max()))]
    x = alt.X(
        "drawn:Q",
        title="of what it must be",
        scale=alt.Scale(domain=reach),
        axis=alt.Axis(format=theme.PERCENT, tickCount=5),
    )
    tooltip = [
        alt.Tooltip("what:N"),
        alt.Tooltip("is_said:N", title="is"),
        alt.Tooltip("least_said:N", title="must be"),
        alt.Tooltip("says:N", title="where from"),
    ]
    layers = [
        base.transform_filter("isValid(datum.drawn)")
        .mark_bar(height={"band": 0.62})
        .encode(
            y=y,
            x=x,
            color=alt.condition("datum.holds", alt.value(theme.MUTED), alt.value(theme.ACCENT)),
            tooltip=tooltip,
        )
        .properties(name="bar"),
        base.transform_calculate(must="1")
        .mark_tick(color=theme.TARGET, thickness=2, size=0.8 * height / max(len(shown), 1))
        .encode(y=y, x="must:Q", tooltip=tooltip)
        .properties(name="must be"),
        frame.without(base, y, known="isValid(datum.drawn)", word="none"),
        *frame.columns(base, y, numbers, known="true"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=frame.plot_width(numbers), height=height),
        table,
        shown["what"],
        finding=words.reward(table),
        counted="The goal and the gates of the whole team; the line: what each must be for a "
        "reward. Marked: what does not hold.",
        numbers=descriptions.reward(table),
    )


def conditions(table: pd.DataFrame) -> pd.DataFrame:
    """Lay out what must hold, a row each: the goal first, then the gates."""
    told = table.attrs
    held = pd.DataFrame(
        [
            {
                **{"what": told["metric"], "least": told["threshold"], "value": told["total"]},
                **{"holds": told["reached"], "says": told["definition"]},
            },
            *({**gate, "what": gate["gate"].replace("_", " ")} for gate in told["gates"]),
        ]
    )
    write = [lambda n: words.figure(n, table), *[words.percent] * len(told["gates"])]
    share = (held["value"] / held["least"].where(held["least"] > 0)).astype(float)
    return held.assign(
        drawn=share.clip(lower=0.0, upper=FURTHEST),
        is_said=[say(value) for say, value in zip(write, held["value"], strict=True)],
        least_said=[say(value) for say, value in zip(write, held["least"], strict=True)],
        holds=held["holds"].eq(True),
        none="cannot be said, which is no pass",
    )
