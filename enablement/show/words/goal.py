"""The goal in words: what the team gets for it, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.show.words.figures import SIGNS, money, percent, whole

MONEY = ("won amount", "margin")  # metrics whose figures are money


def figure(amount: float, table: pd.DataFrame) -> str:
    """Write a figure of the goal's metric: money short, a number of things whole.

    Parameters
    ----------
    table : one that says its ``metric`` and ``currency``
    """
    if table.attrs["metric"] in MONEY:
        return money(amount, table.attrs["currency"]).strip()
    return f"{whole(amount)} {table.attrs['metric'].removesuffix(' count')}"


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
    return money(amount, table.attrs["currency"]).strip()


def _exact(amount: float, table: pd.DataFrame) -> str:
    """Write what somebody is paid, to the cent."""
    currency = table.attrs["currency"]
    return f"{SIGNS.get(currency, f'{currency} ')}{amount:,.2f}".strip()


def _gate(gate: Mapping[str, Any]) -> str:
    return f"the {_named(gate)} must be {percent(gate['least'])} and is {percent(gate['value'])}"


def _named(gate: Mapping[str, Any]) -> str:
    return str(gate["gate"]).replace("_", " ")
