"""What reps do, how they begin and how they leave, and what accounts buy, in words."""

from __future__ import annotations

import pandas as pd

from enablement.show.words.figures import apart, groups, interval, money, percent


def activity(table: pd.DataFrame) -> str:
    """Say how many of those booked were held, and how many fall on a day, or who differs in it.

    Parameters
    ----------
    table : as `enablement.activity` returns it
    """
    if table.attrs["groups"]:
        verdicts = table.attrs["verdicts"].items()
        said = [f"Held of the type {kind}: {verdict}" for kind, verdict in verdicts if verdict]
        return " ".join(said) or f"What is done in a day, {apart(table)}?"
    known = table[table["per_day"].notna()]
    if known.empty:
        return "No activity of the period counts."
    daily = ", ".join(f"{row['activity_type']} {row['per_day']:.2f}" for _, row in known.iterrows())
    missed = known[known["no_show"] > 0]
    if missed.empty:
        return f"On a working day of a rep: {daily}."
    held = missed.loc[missed["no_show"].idxmax()]
    return (
        f"{percent(held['rate'])} ({interval(held['low'], held['high'])}) of {held['booked']:,.0f} "
        f"booked of the type {held['activity_type']} were held. On a working day of a rep: "
        f"{daily}."
    )


def ramp(table: pd.DataFrame) -> str:
    """Say after how many days half of the new reps are there.

    Parameters
    ----------
    table : as `enablement.ramp` returns it
    """
    if table.attrs["groups"]:
        return f"How long do new reps take, {apart(table)}?"
    row = table.iloc[0]
    if not row["reps"]:
        return "No rep was hired since the export begins, so nobody's ramp can be followed."
    there = f"{row['ramped']:,.0f} of {row['reps']:,.0f} new reps are there"
    if pd.isna(row["median"]):
        return f"{there}: fewer than half, so how long they take cannot be said yet."
    doubt = ""
    if pd.notna(row["low"]):
        end = "or more" if pd.isna(row["high"]) else f"to {row['high']:,.0f}"
        doubt = f" ({row['low']:,.0f} {end})"
    return f"Half of the new reps take {row['median']:,.0f} days or less{doubt}; {there}."


MILESTONES = {
    "first won": "had won a first one",
    "productive": "were productive",
    "quota": "were at quota",
}


def ramp_curve(table: pd.DataFrame) -> str:
    """Say by which day half of those hired were there, or what share is by the last one.

    Parameters
    ----------
    table : as `enablement.ramp_curve` returns it
    """
    if not table.attrs["reps"]:
        return "No rep was hired since the export begins, so nobody's ramp can be followed."
    if table.attrs["groups"]:
        return f"What share of new reps is there by which day, {apart(table)}?"
    said = [
        _reached(rows, MILESTONES[str(milestone)])
        for milestone, rows in table.groupby("milestone", sort=False)
    ]
    return f"Of {table.attrs['reps']:,} new reps {', and '.join(said)}."


def _reached(rows: pd.DataFrame, what: str) -> str:
    half, last = rows[rows["reached"] >= 0.5 - 1e-9], rows.iloc[-1]
    if len(half):
        return f"half {what} by day {half['day'].iloc[0]:,.0f}"
    doubt = interval(last["low"], last["high"])
    return (
        f"{percent(last['reached'])}{f' ({doubt})' if doubt else ''} {what} by day "
        f"{last['day']:,.0f}"
    )


def turnover(table: pd.DataFrame) -> str:
    """Say how many left of those there.

    Parameters
    ----------
    table : as `enablement.turnover` returns it
    """
    period = table.attrs["period"]
    left, there = table["leavers"].sum(), table["headcount"].sum()
    if table.attrs["groups"]:
        return f"{left:,.0f} of {there:,.0f} left in {period}: how many, {apart(table)}?"
    row = table.iloc[0]
    if pd.isna(row["rate"]):
        return f"Nobody was there in {period}."
    return (
        f"{left:,.0f} left in {period}, of {there:,.1f} there on average: {percent(row['rate'])}"
        f"{' a year' if table.attrs['per'] == 'year' else ''} "
        f"({interval(row['low'], row['high'])})."
    )


def share_of_wallet(table: pd.DataFrame) -> str:
    """Say what accounts spend of what they could, or which group spends least of it.

    Parameters
    ----------
    table : as `enablement.share_of_wallet` returns it
    """
    currency = table.attrs["currency"]
    known = table[table["rate"].notna()]
    if known.empty:
        return "Of no account is the potential known."
    warning = f" {table.attrs['warning']}" if table.attrs["warning"] else ""
    if table.attrs["groups"]:
        named = known.dropna(subset=list(table.attrs["groups"]))
        known = known if named.empty else named
        most = known.loc[(known["potential"] - known["won"]).idxmax()]
        who = groups(table, table)[most.name]
        rest = money(most["potential"] - most["won"], currency)
        sold = percent(most["rate"])
        return f"Most of what is not sold yet is at {who}: {rest}, {sold} sold.{warning}"
    row = known.iloc[0]
    return (
        f"{money(row['won'], currency)} of the {money(row['potential'], currency)} that "
        f"{row['accounts']:,.0f} accounts could spend in a year: {percent(row['rate'])}; "
        f"{row['untouched']:,.0f} of them bought nothing.{warning}"
    )
