"""Quotas and rates: one of each."""

from __future__ import annotations

from enablement.errors import EnablementError
from enablement.read.engine import case
from enablement.read.rules.desk import Desk


def quotas(desk: Desk) -> None:
    """Keep one quota per rep, period and metric, under the period's own name."""
    if desk.store.bare("quotas"):
        return
    said = desk.store.query("select distinct period from quotas where period is not null")
    names = {text: _period_name(desk, text) for text in said["period"]}
    changed = {text: name for text, name in names.items() if text != name}
    if changed:
        desk.store.run(f"update quotas set period = {case('period', changed, 'period')}")
    desk.set_aside(
        "quotas",
        "(file, row) in (select (file, row) from quotas qualify row_number() over "
        "(partition by rep_id, period, metric order by file, row) > 1)",
        "rep_id",
        "has this quota twice; the first one is used",
    )


def _period_name(desk: Desk, text: str) -> str:
    try:
        return desk.said.period(text).name
    except EnablementError:
        return text


def rates(desk: Desk) -> None:
    """Keep one rate per pair of currencies and day, and none that is not above zero."""
    desk.set_aside("rates", "not rate > 0", "rate", "is no rate: it is not above zero")
    desk.set_aside(
        "rates",
        "(file, row) in (select (file, row) from rates qualify row_number() over "
        "(partition by currency, to_currency, from_on order by file, row) > 1)",
        "currency",
        "has a rate of this day twice; the first one is used",
    )
