"""The goal in words: what moves it, what the team gets for it, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.plan import metrics
from enablement.show.words.figures import chance, money, percent, sign_of, tenths, whole

MONEY = ("won amount", "margin")  # metrics whose figures are money


def figure(amount: float, table: pd.DataFrame) -> str:
    """Write a figure of the goal's metric: money short, a share in tenths, things whole.

    Parameters
    ----------
    table : one that says its ``metric`` and ``currency``, and of a measure how it is ``written``
    """
    if "written" in table.attrs:
        return _measured(amount, table.attrs["written"], table.attrs["currency"])
    if table.attrs["metric"] in MONEY:
        return money(amount, table.attrs["currency"])
    return f"{whole(amount)} {table.attrs['metric'].removesuffix(' count')}"


def missing(amount: float, table: pd.DataFrame) -> str:
    """Say that something is missing, of one in the singular.

    Parameters
    ----------
    table : as for `figure`
    """
    written = figure(amount, table)
    return f"{written} {'is' if written.startswith('1 ') else 'are'} missing"


def lacking(amount: float, table: pd.DataFrame) -> str:
    """End a sentence with what is missing; "" where that is nothing as figures are written.

    Parameters
    ----------
    table : as for `figure`
    """
    none = amount <= 0 or figure(amount, table) == figure(0.0, table)
    return "" if none else f": {missing(amount, table)}"


def _measured(amount: float, how: str, currency: str) -> str:
    """Write a figure of a measure, a missing one as a dash."""
    if pd.isna(amount):
        return "–"
    if how == metrics.MONEY:
        return money(amount, currency)
    if how == metrics.A_DAY:
        return f"{money(amount, currency)} a day"
    return metrics.written(amount, how)


def levers(table: pd.DataFrame) -> str:
    """Say which lever brings most at its best, and whether one alone or all of them are enough.

    Parameters
    ----------
    table : as `enablement.levers` returns it
    """
    told = table.attrs
    target = figure(told["target"], table)
    top = table.loc[table["gain"].idxmax()]
    if told["projected"] >= told["target"]:
        comes = figure(told["projected"], table)
        return (
            f"{comes} come of the {target} that are wanted if nothing changes: no lever needs to "
            "move."
        )
    if not top["gain"] > 0:
        short = missing(told["target"] - told["projected"], table)
        return f"No lever is known to bring more, and {short} of {target}."
    most = f"{_at_best(top)} would bring most, {figure(top['gain'], table)}"
    recorded = ""
    if top["lever"] == "selling_time" and told["time_from"] == "activities":
        recorded = " Selling time is only what activities record: to record more is no gain."
    if not told["reachable"]:
        return f"{most}, and all levers together do not reach {target}.{recorded}"
    if top["alone"] >= told["target"]:
        return f"{most}: alone it could reach {target}.{recorded}"
    return (
        f"{most} of the {_short(table)} that are missing; together the levers reach {target}."
        f"{recorded}"
    )


def reached(table: pd.DataFrame) -> str:
    """Say what the levers come to where they must be, and the chance of the goal then.

    Parameters
    ----------
    table : as `enablement.levers` returns it
    """
    told = table.attrs
    if not table["stretch"].gt(0).any():
        return f"The chance of the goal is {chance(told['probability_now'])}."
    return (
        f"With each where it must be {figure(told['reached'], table)} come; the chance of the goal "
        f"goes from {chance(told['probability_now'])} to {chance(told['probability_then'])}."
    )


def lever(row: pd.Series) -> str:
    """Name a lever: a conversion by its stage.

    Parameters
    ----------
    row : of `enablement.levers`
    """
    return str(row["stage"]) if row["lever"] == "conversion" else row["lever"].replace("_", " ")


def of_lever(row: pd.Series, what: str, table: pd.DataFrame) -> str:
    """Write a figure of a lever as one speaks of it: time in hours a day, a cycle in days.

    Parameters
    ----------
    row : of `enablement.levers`
    what : one of its columns: present, worst, best, most or needed
    table : the whole of it
    """
    value, name = row[what], row["lever"]
    if name in ("conversion", "discount"):
        return tenths(value)
    if name == "deal_size":
        listed = table["lever"].eq("discount").any()  # what the discount is then taken off
        return figure(value, table) + (" list" if listed else "")
    if name == "selling_time":
        return f"{table.attrs['hours_a_day'] * value / row['present']:.2f} h a day"
    if name == "cycle":
        return f"{value:.0f} days"
    if name == "headcount":
        return f"{value:.1f}".removesuffix(".0")
    hourly = table["lever"].eq("selling_time").any()
    return f"{100 * value:.2f} in 100 h" if hourly else whole(value)


def _short(table: pd.DataFrame) -> str:
    return figure(table.attrs["target"] - table.attrs["projected"], table)


def _at_best(row: pd.Series) -> str:
    """Begin a sentence with a lever at its best."""
    name = lever(row)
    if row["lever"] == "conversion":
        return f"{name} at {tenths(row['best'])}"
    return f"{name.capitalize()} as of the best quarter of the reps"


def glide_path(table: pd.DataFrame) -> str:
    """Say what the closed quarters brought and what the others must bring now.

    Parameters
    ----------
    table : as `enablement.glide_path` returns it
    """
    told = table.attrs
    target, year = figure(told["target"], table), chance(told["probability"])
    closed, ahead = (table[table["state"].eq("closed") == done] for done in (True, False))
    if closed.empty:
        return f"No quarter has closed yet: {target} are reached with a chance of {year}."
    brought, planned = (figure(closed[name].sum(), table) for name in ("sold", "plan"))
    over = _from_to(closed["quarter"], which="first")
    start = f"{_begun(over)} brought {brought} of {planned} planned"
    if ahead.empty:
        return f"{start}: the goal is {'reached' if told['sold'] >= told['target'] else 'missed'}."
    must = ahead["needed"].sum()
    if not must > 0:
        return f"{start}: the goal of {target} is reached already."
    who = f"{_from_to(ahead['quarter'], which='last')} must bring {figure(must, table)}"
    if not told["corrected"]:
        return f"{start}: {who} as planned, which has a chance of {year}."
    change = must / ahead["plan"].sum() - 1
    by = f"{percent(abs(change))} {'more' if change > 0 else 'less'}"
    return f"{start}: {who} now, {by} than planned, which has a chance of {year}."


def _begun(text: str) -> str:
    """Begin a sentence."""
    return text[:1].upper() + text[1:]


def _from_to(quarters: pd.Series, *, which: str) -> str:
    """Name quarters in a row by the first and the last, and those without a name by their number.

    Parameters
    ----------
    which : ``first`` or ``last`` of the year they are
    """
    first, last = str(quarters.iloc[0]), str(quarters.iloc[-1])
    if " " in first:
        many = f" {len(quarters)} quarters" if len(quarters) > 1 else " quarter"
        return f"the {which}{many}"
    return first if first == last else f"{first} to {last}"


def reward(table: pd.DataFrame) -> str:
    """Say how far the team is from its reward, and what stands in the way; nobody is named.

    Parameters
    ----------
    table : as `enablement.reward` returns it
    """
    told = table.attrs
    verb = "would bring" if told["basis"] == "projected" else "has sold"
    start = (
        f"The team {verb} {figure(told['total'], table)} of {figure(told['target'], table)}, "
        f"{percent(told['total'] / told['target'])}"
    )
    pool = _paid(told["pool"], table)
    if not told["reached"]:
        begins = percent(told["threshold"] / told["target"])
        missing = figure(told["threshold"] - told["total"], table)
        return f"{start}: the reward of {pool} begins at {begins}, {missing} more."
    lacks = [_gate(gate) for gate in told["gates"] if gate["holds"] is False]
    if lacks:
        return f"{start}; for the reward of {pool} {' and '.join(lacks)}."
    unknown = [_named(gate) for gate in told["gates"] if gate["holds"] is None]
    if unknown:
        return f"{start}; no reward is promised, for the {' and '.join(unknown)} cannot be said."
    return f"{start}: {_paid(told['paid_now'], table)} of the reward of {pool} are the team's."


def own_reward(table: pd.DataFrame, rep: str) -> str:
    """Say to one rep what they would get; it is theirs to read and nobody else's.

    Parameters
    ----------
    table : as `enablement.reward` returns it
    rep : id or name
    """
    labels = table.attrs["labels"]
    named = table["rep_id"].map(labels)
    mine = table[table["rep_id"].eq(rep) | named.eq(rep)]
    if len(mine) != 1:
        known = choices(rep, [*labels.values(), *labels][:20])
        raise EnablementError(f"{rep!r} is no rep of this reward. {known}")
    row = mine.iloc[0]
    would = "would bring" if table.attrs["basis"] == "projected" else "have sold"
    asked = figure(row["target"], table)
    now = (
        "nothing can be promised yet"
        if pd.isna(row["now"])
        else f"your part of the reward would now be {_exact(row['now'], table)}"
    )
    return (
        f"You {would} {figure(row['brought'], table)} of the {asked} that are yours; {now}, and at "
        f"the goal it would be {_exact(row['at_goal'], table)}."
    )


def _paid(amount: float, table: pd.DataFrame) -> str:
    return money(amount, table.attrs["currency"])


def _exact(amount: float, table: pd.DataFrame) -> str:
    """Write what somebody is paid, to the cent."""
    return f"{sign_of(table.attrs['currency'])}{amount:,.2f}"


def _gate(gate: Mapping[str, Any]) -> str:
    return f"the {_named(gate)} must be {percent(gate['least'])} and is {percent(gate['value'])}"


def _named(gate: Mapping[str, Any]) -> str:
    return str(gate["gate"]).replace("_", " ")
