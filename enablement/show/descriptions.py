"""The main numbers of a chart in a sentence, for those who hear it instead of seeing it."""

from __future__ import annotations

import pandas as pd

from enablement.show import words


def conversion(table: pd.DataFrame) -> str:
    """Say the rate of each stage with its count, or of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.conversion` returns it
    """
    if table.attrs["groups"]:
        return _spans(table, "stage", "rate", words.percent)
    known = table[table["rate"].notna()]
    by_value = table.attrs["of"] == "value"
    said = [
        f"{row['stage']} {words.percent(row['rate'])}"
        + _doubt(words.interval(row["low"], row["high"]))
        + ("" if by_value else f" of {row['entered']:,.0f}")
        for _, row in known.iterrows()
    ]
    return _listed("Moved on", said)


def compare_definitions(table: pd.DataFrame) -> str:
    """Say how far the rate of each stage differs between the definitions.

    Parameters
    ----------
    table : as `enablement.compare_definitions` returns it
    """
    return _spans(table, "stage", "rate", words.percent)


def win_rate(table: pd.DataFrame) -> str:
    """Say the win rate of all, and of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.win_rate` or `enablement.compare_reps` returns it
    """
    overall = words.percent(table.attrs["overall"])
    known = table[table["rate"].notna()]
    if len(known) < 2:
        return f"Won: {overall}."
    return f"All together {overall}; from {_span(known['rate'], words.percent)}."


def compare_reps_by_stage(table: pd.DataFrame) -> str:
    """Say from where to where the rates of the reps go at each stage.

    Parameters
    ----------
    table : as `enablement.compare_reps_by_stage` returns it
    """
    return _spans(table, "stage", "rate", words.percent)


def sales_cycle(table: pd.DataFrame) -> str:
    """Say the median days, of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.sales_cycle` returns it
    """
    known = table["median"].dropna()
    return f"Median days: {_span(known, words.whole)}." if len(known) else ""


def time_in_stage(table: pd.DataFrame) -> str:
    """Say the median days of each stage, of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.time_in_stage` returns it
    """
    if table.attrs["groups"]:
        return _spans(table, "stage", "median", words.whole)
    known = table[table["median"].notna()]
    said = [f"{row['stage']} {words.whole(row['median'])}" for _, row in known.iterrows()]
    return _listed("Median days", said)


def cohort_curves(table: pd.DataFrame) -> str:
    """Say what share of each drawn cohort was won and lost, on its last day.

    Parameters
    ----------
    table : rows of `enablement.cohort_curves`, each with the name of its cohort as ``group``
    """
    last = table.groupby("group", sort=False).tail(1)
    said = [
        f"{row['group']} {words.percent(row['won'])} won and {words.percent(row['lost'])} lost by "
        f"day {row['day']:,.0f}"
        for _, row in last.iterrows()
    ]
    return _listed("Last seen", said)


def _spans(table: pd.DataFrame, key: str, value: str, written: words.Written) -> str:
    """Say for each stage from where to where its values go."""
    said = [
        f"{name} {_span(rows[value].dropna(), written)}"
        for name, rows in table.groupby(key, observed=True, sort=False)
        if rows[value].notna().any()
    ]
    return _listed("From lowest to highest", said)


def _span(values: pd.Series, written: words.Written) -> str:
    low, high = written(values.min()), written(values.max())
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def _doubt(interval: str) -> str:
    return f" ({interval})" if interval else ""


def _listed(what: str, said: list[str]) -> str:
    return f"{what}: {'; '.join(said)}." if said else ""
