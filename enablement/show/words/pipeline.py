"""Are we making the number, from what, and what is at risk: the pipeline in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import ageing, closedates, pipeline, requirement, waterfall
from enablement.periods import Period, moment, when
from enablement.read.crm import CRM
from enablement.show.words import risks
from enablement.show.words.figures import apart, counted, groups, money, percent, plural

PREVAILING = 0.4  # a share from which on a kind is named
MOST_COMPARED = 40  # teams or regions that a page shows one below the other
VELOCITY_LACKS = {  # factor -> why it is not known, where something was won
    "average": "of nothing won the amount is known",
    "days": "of nothing won the days are known",
    "velocity": "the days of those won are 0",
}


def quota_attainment(table: pd.DataFrame) -> str:
    """Say what was sold of the quota, or how many reached theirs.

    Parameters
    ----------
    table : as `enablement.quota_attainment` returns it
    """
    period, currency = table.attrs["period"], table.attrs["currency"]
    if table.attrs["groups"]:
        held = table["attainment"].dropna()
        if held.empty:
            return f"No quota of {period} is that of these, so what was sold is held against none."
        reached = f"{(held >= 1).sum():,} of {len(held):,} {plural(table)}"
        return f"{reached} reached their quota of {period}."
    row = table.iloc[0]
    unknown = _without(row["without_amount"])
    if pd.isna(row["sold"]):
        return f"{int(row['won']):,} were won in {period}; what they are worth is not known."
    sold = f"{money(row['sold'], currency)} was sold in {period}"
    if pd.isna(row["attainment"]):
        return (
            f"{sold}, from {int(row['won']):,} won{unknown}; there is no quota to hold it against."
        )
    beside = row["sold"] - row["quota"]
    rest = f"{money(abs(beside), currency)} {'short' if beside < 0 else 'more'}"
    quota = money(row["quota"], currency)
    at = f"{row['at_quota']:,.0f} of {counted(row['reps'], 'rep', 'reps')} reached theirs"
    return f"{sold}{unknown} of a quota of {quota}: {percent(row['attainment'])}, {rest}; {at}."


def pipeline_coverage(table: pd.DataFrame) -> str:
    """Say how often the open amount holds what is still to be sold, or who has less than that.

    Parameters
    ----------
    table : as `enablement.pipeline_coverage` returns it
    """
    period, currency = table.attrs["period"], table.attrs["currency"]
    over = table["basis"].eq(requirement.BASES["over"]).any()
    if table.attrs["groups"] and over and table["remaining"].notna().any():
        short = f"{table['remaining'].gt(0).sum():,} of {table['remaining'].count():,}"
        return f"{period} is over: {short} {plural(table)} were short of their quota."
    if table.attrs["groups"]:
        held = table[table["remaining"].gt(0) & table["amount"].notna()]
        if held.empty:
            return f"Nobody has a quota of {period} still to be sold, so there is no coverage."
        told = held["required"].notna().any()
        less = (held["amount"] < held["required"].fillna(held["remaining"])).sum()
        has, rest = "has" if less == 1 else "have", "required for what is " if told else ""
        return (
            f"{less:,} of {len(held):,} {plural(table)} {has} less open and due in {period} than "
            f"is {rest}still to be sold."
        )
    row = table.iloc[0]
    if pd.isna(row["amount"]):
        return f"{int(row['open']):,} are open and due in {period}; their amounts are not known."
    unknown = _without(row["without_amount"])
    amount = f"{money(row['amount'], currency)}{unknown} is open and due in {period}"
    if pd.isna(row["remaining"]):
        return f"{amount}; there is no quota to hold it against."
    if not row["remaining"]:
        return f"Nothing of the quota of {period} is still to be sold; {amount}."
    to_sell = money(row["remaining"], currency)
    if over:
        return f"{period} is over, {to_sell} short of its quota; {amount}."
    said = f"{amount}, {row['coverage']:.1f} times the {to_sell} still to be sold"
    if pd.isna(row["required"]):
        return f"{said}."
    return f"{said}; {_needed(row, currency)}."


def _needed(row: pd.Series, currency: str) -> str:
    """Say how much pipeline is required, and how much of it is missing."""
    doubt = ""
    if pd.notna(row["required_low"]):
        low, high = money(row["required_low"], currency), money(row["required_high"], currency)
        doubt = f" ({low} to {high})"
    lacks = f", {money(row['short'], currency)} more than is there" if row["short"] else ""
    basis = f" by the {row['basis']}" if row["basis"] else ""
    return f"{money(row['required'], currency)}{doubt} is required{basis}{lacks}"


def pipeline_created(table: pd.DataFrame) -> str:
    """Say how many were created and what they are worth, and which kind or quarter leads.

    Parameters
    ----------
    table : as `enablement.pipeline_created` returns it
    """
    period, currency = table.attrs["period"], table.attrs["currency"]
    created = int(table["created"].sum())
    many = counted(created, "opportunity was", "opportunities were")
    worth = money(table["amount"].sum(), currency) if table["amount"].notna().any() else ""
    unknown = _without(table["without_amount"].sum()) if worth else ""
    said = f"{many} created {when(period)}" + (f", worth {worth}{unknown}" if worth else "")
    split = table.attrs["groups"]
    if not split or not created or len(table) < 2:
        return f"{said}."
    what = "amount" if worth else "created"
    if split == ("period",):
        return f"{said}; {_last_of(table, what)}."
    most = table.loc[table[what].idxmax()]
    part = most[what] / table[what].sum() if table[what].sum() else 0.0
    if part < PREVAILING:
        return f"{said}."
    return f"{said}; {percent(part)} of it is {groups(table, table)[most.name]}."


def _last_of(table: pd.DataFrame, what: str) -> str:
    """Hold the last quarter of what was created against those before it."""
    last, before = table.iloc[-1], table.iloc[:-1][what]
    write = (lambda n: money(n, table.attrs["currency"])) if what == "amount" else "{:,.0f}".format
    said = f"{write(last[what])} of it in {last['period']}"
    if before.isna().all():
        return f"{said}, nothing before that"
    low, high = write(before.min()), write(before.max())
    between = low if low == high else f"between {low} and {high}"
    return f"{said}, before that {between} a quarter"


def pipeline_changes(table: pd.DataFrame) -> str:
    """Say how the open pipeline changed, and by what most.

    Parameters
    ----------
    table : as `enablement.pipeline_changes` returns it
    """
    since, until = table.attrs["since"], table.attrs["as_of"]
    if table.attrs["groups"]:
        return f"What changed in the pipeline from {since} to {until}, {apart(table)}?"
    amounts = table.set_index("part")["amount"]
    first, last = (money(amounts[end], table.attrs["currency"]) for end in ("opening", "closing"))
    due = f" due in {table.attrs['period']}" if table.attrs["period"] else ""
    turned = {-1: "shrank", 0: "is the same", 1: "grew"}[
        int(amounts["closing"] > amounts["opening"]) - int(amounts["closing"] < amounts["opening"])
    ]
    moved = amounts.drop(["opening", "closing"]).dropna()
    moved = moved[moved != 0].sort_values(key=abs, ascending=False, kind="stable").head(3)
    by = [_change(str(part), amount, table.attrs["currency"]) for part, amount in moved.items()]
    what = f": {', '.join(by)}" if by else ""
    return f"The open pipeline{due} {turned}, from {first} to {last} since {since}{what}."


def _change(part: str, amount: float, currency: str) -> str:
    """Write a part of what changed, such as ``$2.01 M won``."""
    said = money(abs(amount), currency)
    if part == "amount changed":
        return f"{said} {'less' if amount < 0 else 'more'} by changed amounts"
    return f"{said} {part}"


def sales_velocity(table: pd.DataFrame) -> str:
    """Say what the open pipeline brings a day, and of which four factors that is made.

    Parameters
    ----------
    table : as `enablement.sales_velocity` returns it
    """
    if table.attrs["groups"]:
        return f"How much does the open pipeline bring a day, {apart(table)}?"
    row, currency = table.iloc[0], table.attrs["currency"]
    if pd.isna(row["velocity"]):
        lacks = [why for factor, why in VELOCITY_LACKS.items() if pd.isna(row[factor])]
        why = lacks[0] if row["won"] else "nothing was won"
        return f"What the open pipeline brings a day cannot be said: {why}."
    doubt = ""
    if pd.notna(row["low"]):
        doubt = f" ({money(row['low'], currency)} to {money(row['high'], currency)})"
    return (
        f"The open pipeline brings {money(row['velocity'], currency)} a day{doubt}: "
        f"{int(row['open']):,} open × {percent(row['win_rate'])} won × "
        f"{money(row['average'], currency)} each / {row['days']:,.0f} days."
    )


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


def sources(
    crm: CRM, *, period: str | Period, as_of: object, where: Mapping[str, str] | None = None
) -> str:
    """Say from what the number is to come: what is open for what is required, created, changed."""
    span = crm.period(period)
    due = due_period(crm, span, as_of)
    asked: dict[str, Any] = {"as_of": as_of, "where": where}
    return _together(
        "From what",
        {
            "what is required": lambda: pipeline_coverage(
                pipeline.pipeline_coverage(crm, period=due, **asked)
            ),
            "what was created": lambda: pipeline_created(
                pipeline.pipeline_created(crm, period=span, by="type", **asked)
            ),
            "what changed in the pipeline": lambda: pipeline_changes(
                waterfall.pipeline_changes(crm, since=span.eve, **asked)
            ),
        },
    )


def at_risk(
    crm: CRM, *, period: str | Period, as_of: object, where: Mapping[str, str] | None = None
) -> str:
    """Say what is at risk: what stands too long, what slipped, what is pushed."""
    asked: dict[str, Any] = {"as_of": as_of, "where": where}
    return _together(
        "At risk",
        {
            "what is stale": lambda: risks.stale(ageing.stale(crm, **asked)),
            "what slipped": lambda: risks.slip_rate(
                closedates.slip_rate(crm, period=period, **asked)
            ),
            "what was pushed": lambda: risks.push_count(closedates.push_count(crm, **asked)),
        },
    )


def _together(what: str, sentences: Mapping[str, Callable[[], str]]) -> str:
    """Say several things in a line, and at its end what cannot be said."""
    said, unsaid = [], []
    for name, say in sentences.items():
        try:
            said.append(say())
        except CannotSayError as reason:
            unsaid.append(f"{name} ({reason.lacks})")
    if unsaid:
        said.append(f"Cannot be said: {', '.join(unsaid)}.")
    return f"{what}: {' '.join(said)}"


def due_period(crm: CRM, period: Period, as_of: object) -> Period:
    """Find the period whose pipeline matters: this one, or the next once it has ended."""
    ended = moment(as_of).date() >= period.end
    return crm.settings.calendar.after(period) if ended else period


def level(crm: CRM) -> str:
    """Name what a page compares: teams, or regions where there are more teams than it can show."""
    counts = {
        name: len(crm.values("reps", name)) for name in ("team", "region") if crm.has("reps", name)
    }
    return next((name for name, many in counts.items() if 1 < many <= MOST_COMPARED), "team")


def _sold(
    crm: CRM, span: Period, as_of: object, where: Mapping[str, str] | None
) -> tuple[str, list[str]]:
    table = pipeline.quota_attainment(crm, as_of=as_of, period=span, where=where)
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
    table = pipeline.pipeline_coverage(crm, as_of=as_of, period=due, where=where, past=0)
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
    table = pipeline.pipeline_created(crm, as_of=as_of, period=span, where=where)
    row = table.iloc[0]
    created = f"{counted(row['created'], 'opportunity', 'opportunities')} created"
    if pd.isna(row["amount"]):
        return created, []
    worth, unknown = money(row["amount"], table.attrs["currency"]), int(row["without_amount"])
    lacks = f", {unknown:,} without an amount" if unknown else ""
    return f"{created} ({worth}{lacks})", []


def _without(number: float) -> str:
    return f" ({int(number):,} without an amount)" if number else ""
