"""Quotas: which ones are of a period."""

from __future__ import annotations

import pandas as pd

from enablement.errors import EnablementError
from enablement.measure import exchange
from enablement.periods import SHAPE, Period
from enablement.read.crm import CRM

METRIC = "won amount"
KINDS = ("H", "Q", "M", "W")  # the longest first


def of_period(crm: CRM, span: Period) -> pd.DataFrame:
    """Find the quotas of a period: its own, else those of shorter ones that make it up.

    Which days a period has is said by the fiscal calendar, however its name is written. Of
    shorter ones the longest kind is taken that fills the period, so that nothing counts twice.

    Returns
    -------
    pandas.DataFrame
        ``rep_id``, ``period`` as the quota names it, and ``target`` in the workspace's
        currency; without rows where there is none.

    Raises
    ------
    CannotSayError
        If a quota is in another currency and its rate is not known.
    """
    quotas = crm.quotas[crm.quotas["metric"].eq(METRIC)]
    named = {name: span_of(crm, name) for name in quotas["period"].dropna().unique()}
    spans = {name: part for name, part in named.items() if part is not None}
    taken = quotas[quotas["period"].isin(_names(spans, span))]
    starts = {name: pd.Timestamp(part.start) for name, part in spans.items()}
    return exchange.targets(crm, taken.assign(day=taken["period"].map(starts)))


def span_of(crm: CRM, name: str) -> Period | None:
    """Find the days of a period that a quota names; none where it is no fiscal period."""
    try:
        return crm.period(name)
    except EnablementError:
        return None


def _names(spans: dict[str, Period], span: Period) -> list[str]:
    """Choose the names of the periods whose quotas add up to that of a period."""
    own = [n for n, part in spans.items() if (part.start, part.end) == (span.start, span.end)]
    if own:
        return own
    inside = {
        name: part
        for name, part in spans.items()
        if span.start <= part.start and part.end <= span.end
    }
    for kind in KINDS:
        parts = {name: part for name, part in inside.items() if _kind(part) == kind}
        once = {(part.start, part.end) for part in parts.values()}
        days = sum((end - start).days + 1 for start, end in once)
        if days == (span.end - span.start).days + 1:
            return list(parts)
    return []


def _kind(period: Period) -> str:
    found = SHAPE.match(period.name)
    return (found["kind"] or "") if found else ""
