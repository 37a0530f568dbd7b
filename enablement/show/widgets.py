"""Pickers: what an analyst or a leader turns, and the pages that follow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enablement.errors import CannotSayError, NoPlanError
from enablement.measure.definitions import counting_up
from enablement.measure.funnel import conversion
from enablement.measure.winloss import win_rate
from enablement.plan import whatif
from enablement.plan.goal import Plan
from enablement.read.crm import CRM
from enablement.show import answers, charts, theme, words

if TYPE_CHECKING:
    import altair as alt
    import ipywidgets

EVERY_TEAM = "All teams"


def funnel(crm: CRM, *, period: str, definition: str = "decided") -> ipywidgets.VBox:
    """Look at the funnel of a period and a team.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    period : the quarter to begin with; the picker offers the eight up to the export
    definition : of the conversion, ``decided`` or ``reached``

    Returns
    -------
    ipywidgets.VBox
        Two pickers, the headline, and the charts of conversion and win rate.
    """
    import ipywidgets

    periods = ipywidgets.Dropdown(
        options=list(dict.fromkeys([period, *quarters(crm)])), value=period, description="Period"
    )
    teams = ipywidgets.Dropdown(options=[EVERY_TEAM, *team_names(crm)], description="Team")
    page = ipywidgets.Output()

    def draw(_: object = None) -> None:
        where = None if teams.value == EVERY_TEAM else {"team": teams.value}
        # Assigned as a whole: an Output that captures what a cell prints can hang Voila for good.
        page.outputs = tuple(_funnel(crm, periods.value, where, definition))

    periods.observe(draw, names="value")
    teams.observe(draw, names="value")
    draw()
    return ipywidgets.VBox([ipywidgets.HBox([periods, teams]), page])


def what_if(
    crm: CRM | None, plan: Plan | Mapping[str, object] | str | Path, *, as_of: object
) -> ipywidgets.Widget:
    """Turn the target, the rates, the deal size and the selling time, and see what comes.

    Everything is counted once; a move only computes. Where nothing can be moved, in a report and
    in a stored notebook, it shows what comes if nothing changes.

    Parameters
    ----------
    crm, plan, as_of : as for `enablement.what_if`

    Returns
    -------
    ipywidgets.Widget
        A slider for each, a way back to today, and the answer; in words why there is none where
        the data do not carry it.
    """
    from enablement.show import sliders

    try:
        return sliders.WhatIf(whatif.counted(crm, plan, as_of=as_of))
    except NoPlanError:
        return sliders.Said(answers.WITHOUT_PLAN)
    except CannotSayError as reason:
        return sliders.Said(str(reason))


def _funnel(
    crm: CRM, period: str, where: dict[str, str] | None, definition: str
) -> Iterator[dict[str, object]]:
    """Write the page of a period and a team, output by output."""
    as_of = crm.as_of(period)
    yield _sentence(words.headline(crm, period=period, as_of=as_of, where=where))
    asked: dict[str, Any] = {"as_of": as_of, "period": period, "where": where}
    try:
        yield _chart(charts.conversion(conversion(crm, definition=definition, **asked)))
    except CannotSayError as reason:
        yield _sentence(str(reason))
    yield _chart(charts.win_rate(win_rate(crm, by="rep", **asked)))


def _chart(chart: alt.VConcatChart) -> dict[str, object]:
    return _output(theme.mime_bundle(chart.to_dict()))


def _sentence(text: str) -> dict[str, object]:
    markup = f'<p class="said">{theme.escaped(text)}</p>'
    return _output({"text/html": markup, "text/plain": text})


def _output(data: dict[str, Any]) -> dict[str, object]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def quarters(crm: CRM, *, most: int = 8) -> list[str]:
    """Name the last quarters up to the export, the latest first."""
    calendar = crm.settings.calendar
    names = [calendar.quarter(crm.seen_until)]
    while len(names) < most:
        names.append(calendar.quarter(names[-1].start - dt.timedelta(days=1)))
    return [span.name for span in names]


def team_names(crm: CRM) -> list[str]:
    """Name the teams of those who sell."""
    teams = crm.sellers["team"].dropna().drop_duplicates()
    return list(teams.sort_values(key=counting_up))
