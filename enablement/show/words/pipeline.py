"""Are we making the number, from what, and what is at risk: the pipeline in words."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure.pipeline import pipeline_coverage, pipeline_created, quota_attainment
from enablement.periods import Period, moment
from enablement.read.crm import CRM
from enablement.show.words.figures import counted, money, percent


def headline(
    crm: CRM, *, period: str | Period, as_of: object, where: Mapping[str, str] | None = None
) -> str:
    """Answer what a head of sales asks first, and say in words what cannot be said.

    Such as ``2026Q3: sold $2.46 M of $2.62 M, 94 % attained; coverage of 2026Q4 1.6
    ($4.88 M open and due); 217 opportunities created ($7.50 M).``
    """
    span = crm.period(period)
    said: list[str] = []
    unsaid: list[str] = []
    for what, say in (("sold", _sold), ("coverage", _coverage), ("created", _created)):
        try:
            sentence, missing = say(crm, span, as_of, where)
        except CannotSayError as reason:
            unsaid.append(f"{what} ({reason.lacks})")
        else:
            said.append(sentence)
            unsaid += missing
    named = "".join(f", {value}" for value in (where or {}).values())
    known = f"{span}{named}: {'; '.join(said) or 'nothing can be said in numbers'}."
    return f"{known} Cannot be said: {', '.join(unsaid)}." if unsaid else known


def due_period(crm: CRM, period: Period, as_of: object) -> Period:
    """Find the period whose pipeline matters: this one, or the next once it has ended."""
    ended = moment(as_of).date() >= period.end
    return crm.settings.calendar.after(period) if ended else period


def _sold(
    crm: CRM, span: Period, as_of: object, where: Mapping[str, str] | None
) -> tuple[str, list[str]]:
    table = quota_attainment(crm, as_of=as_of, period=span, where=where)
    row, currency = table.iloc[0], table.attrs["currency"]
    unknown = _without(row["without_amount"])
    if pd.isna(row["sold"]):
        return counted(row["won"], "won", "won"), ["sold (no amounts of those won)"]
    sold = f"sold {money(row['sold'], currency)}"
    if pd.isna(row["attainment"]):
        lacks = "no quotas" if pd.isna(row["quota"]) else "the quota is 0"
        return f"{sold} from {int(row['won']):,} won{unknown}", [f"attainment ({lacks})"]
    quota = money(row["quota"], currency)
    return f"{sold} of {quota}{unknown}, {percent(row['attainment'])} attained", []


def _coverage(
    crm: CRM, span: Period, as_of: object, where: Mapping[str, str] | None
) -> tuple[str, list[str]]:
    due = due_period(crm, span, as_of)
    table = pipeline_coverage(crm, as_of=as_of, period=due, where=where, past=0)
    row, currency = table.iloc[0], table.attrs["currency"]
    if pd.isna(row["amount"]):
        return f"{int(row['open']):,} open and due in {due}", ["coverage (no amounts of those due)"]
    amount = f"{money(row['amount'], currency)} open and due{_without(row['without_amount'])}"
    if pd.isna(row["remaining"]):
        return f"{amount} in {due}", [f"coverage (no quotas of {due})"]
    if not row["remaining"]:
        return f"nothing of the quota of {due} remains to be sold", []
    return f"coverage of {due} {row['coverage']:.1f} ({amount})", []


def _created(
    crm: CRM, span: Period, as_of: object, where: Mapping[str, str] | None
) -> tuple[str, list[str]]:
    table = pipeline_created(crm, as_of=as_of, period=span, where=where)
    row = table.iloc[0]
    worth = "" if pd.isna(row["amount"]) else f" ({money(row['amount'], table.attrs['currency'])})"
    return f"{counted(row['created'], 'opportunity', 'opportunities')} created{worth}", []


def _without(number: float) -> str:
    return f" ({int(number):,} without an amount)" if number else ""
