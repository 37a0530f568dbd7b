"""What is at risk: close dates that move, what has stood too long, what is given away, in words."""

from __future__ import annotations

import pandas as pd

from enablement.show.words.figures import apart, counted, interval, money, percent, plural, sure
from enablement.show.words.funnel import TOO_LITTLE


def push_count(table: pd.DataFrame) -> str:
    """Say how many had their close date moved to a later period, or whether groups differ in it.

    Parameters
    ----------
    table : as `enablement.push_count` returns it
    """
    if table.attrs["groups"]:
        return table.attrs["verdict"] or TOO_LITTLE
    row = table.iloc[0]
    if not row["opportunities"]:
        return "Of no opportunity is a close date known, so none was seen to move."
    times = counted(row["pushes"], "time", "times")
    return (
        f"The close dates of {sure(row['rate'], row['low'], row['high'])} of "
        f"{row['opportunities']:,.0f} opportunities "
        f"({interval(row['low'], row['high'])}) were moved to a later {table.attrs['unit']}, "
        f"{times} in all."
    )


def slip_rate(table: pd.DataFrame) -> str:
    """Say how much of what was due was not won, or whether groups differ in it.

    Parameters
    ----------
    table : as `enablement.slip_rate` returns it
    """
    if table.attrs["groups"]:
        return table.attrs["verdict"] or TOO_LITTLE
    row, period = table.iloc[0], table.attrs["period"]
    if not row["due"]:
        return f"When {period} began, nothing was due in it."
    doubt = f"{sure(row['rate'], row['low'], row['high'])} ({interval(row['low'], row['high'])})"
    if table.attrs["lost"] == "left out":
        if pd.isna(row["rate"]):
            return f"All {row['due']:,.0f} due in {period} were lost or cancelled; none slipped."
        return (
            f"{row['slipped']:,.0f} of the {row['won'] + row['slipped']:,.0f} due in {period} that "
            f"were won or are still open slipped: {doubt}."
        )
    return (
        f"Of {row['due']:,.0f} due in {period}, {row['won']:,.0f} "
        f"{'was' if row['won'] == 1 else 'were'} won: {doubt} were not, "
        f"{row['slipped']:,.0f} of them still open at its end."
    )


def stale(table: pd.DataFrame) -> str:
    """Say how many open ones have been in their stage for too long, and what they are worth.

    Parameters
    ----------
    table : as `enablement.stale` returns it
    """
    held = table[table["stale"].fillna(value=False)]
    verdict = str(table.attrs["verdict"])
    if held.empty or held["amount"].isna().all():
        return verdict
    worth = "It is" if len(held) == 1 else "They are"
    return f"{verdict} {worth} worth {money(held['amount'].sum(), table.attrs['currency'])}."


def discount_rate(table: pd.DataFrame) -> str:
    """Say how much less than the list price was paid, of the sums and on average.

    Parameters
    ----------
    table : as `enablement.discount_rate` returns it
    """
    if table.attrs["groups"]:
        return _spread(table)
    row, currency = table.iloc[0], table.attrs["currency"]
    if pd.isna(row["rate"]):
        return "Nothing was won whose list price is known, so there is no discount."
    mean = "" if pd.isna(row["low"]) else f" ({interval(row['low'], row['high'])})"
    return (
        f"{_below(row['rate'])} list price was paid for the {row['won']:,.0f} won, "
        f"{money(row['sold'], currency)} of {money(row['list'], currency)}; "
        f"the mean discount of each is {percent(row['mean'])}{mean}."
    )


def _spread(table: pd.DataFrame) -> str:
    """Say from which to which discount groups go; whether they differ is not tested."""
    known = table["mean"].dropna()
    if len(known) < 2:
        return f"How much less than the list price is paid, {apart(table)}?"
    return (
        f"The mean discounts of the {len(known):,} {plural(table)} go from {percent(known.min())} "
        f"to {percent(known.max())} of the list price."
    )


def _below(rate: float) -> str:
    return f"{percent(abs(rate))} {'less' if rate >= 0 else 'more'} than the"


def process_conformance(table: pd.DataFrame) -> str:
    """Say in which way opportunities leave the sales process most often, or who differs in it.

    Parameters
    ----------
    table : as `enablement.process_conformance` returns it
    """
    if "stage" in table:
        return "Where do opportunities leave the sales process?"
    if table.attrs["groups"]:
        return _conforming(table)
    known = table[table["rate"].notna()]
    if known.empty:
        return "No opportunity could have left the sales process yet."
    most = known.loc[known["rate"].idxmax()]
    if not most["deviated"]:
        return "No opportunity was seen to leave the sales process."
    return (
        f"The sales process is left most often where an opportunity {WAYS[most['deviation']]}: "
        f"{sure(most['rate'], most['low'], most['high'])} "
        f"({interval(most['low'], most['high'])}) of "
        f"{most['out_of']:,.0f} that could have."
    )


WAYS = {
    "skipped a stage": "skipped a stage",
    "went back": "went back",
    "several stages in a day": "went through several stages in a day",
    "overdue": "is overdue",
    "won without the last stage": "was won without the last stage",
}


def _conforming(table: pd.DataFrame) -> str:
    """Say in which ways groups differ beyond chance."""
    verdicts = {way: said for way, said in table.attrs["verdicts"].items() if said}
    if not verdicts:
        return f"How often is the sales process left, {apart(table)}?"
    differ = [way for way, said in verdicts.items() if "no difference" not in said]
    if not differ:
        return (
            f"Between the {plural(table)} no difference can be detected in how often the sales "
            "process is left."
        )
    return (
        f"In {len(differ)} of {len(verdicts)} ways the {plural(table)} differ by more than chance: "
        f"{', '.join(differ)}."
    )
