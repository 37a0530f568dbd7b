"""The main numbers of a chart in a sentence, for those who hear it instead of seeing it."""

from __future__ import annotations

import pandas as pd

from enablement.show import words

MANY = 8  # of which each is heard; of more the lowest and the highest


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
    return _ranged("Median days", table["median"], words.whole)


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


def quota_attainment(table: pd.DataFrame) -> str:
    """Say what was sold, and from where to where the attainment of groups goes.

    Parameters
    ----------
    table : as `enablement.quota_attainment` returns it
    """
    sold = f"Sold: {words.money(table['sold'].sum(), table.attrs['currency'])}"
    known = table["attainment"].dropna()
    return f"{sold}; attained: {_span(known, words.percent)}." if len(known) else f"{sold}."


def pipeline_coverage(table: pd.DataFrame) -> str:
    """Say what is open and due, and from where to where the coverage of groups goes.

    Parameters
    ----------
    table : as `enablement.pipeline_coverage` returns it
    """
    due = f"Open and due: {words.money(table['amount'].sum(), table.attrs['currency'])}"
    known = table["coverage"].dropna()
    return f"{due}; coverage: {_span(known, _times)}." if len(known) else f"{due}."


def pipeline_created(table: pd.DataFrame) -> str:
    """Say how many of each group were created and what they are worth.

    Parameters
    ----------
    table : as `enablement.pipeline_created` returns it
    """
    if len(table) > MANY:
        return _listed("Created", [_span(table["created"], words.whole)])
    return _listed("Created", _each(table, "created", "amount"))


def pipeline_changes(table: pd.DataFrame) -> str:
    """Say the amount of each part of what changed, or how far the closing differs by group.

    Parameters
    ----------
    table : as `enablement.pipeline_changes` returns it
    """
    currency = table.attrs["currency"]
    if table.attrs["groups"]:
        closing = table.loc[table["part"].eq("closing"), "amount"]
        return f"Open at the closing: {_span(closing, lambda n: words.money(n, currency))}."
    known = table[table["opportunities"].gt(0) & table["amount"].notna()]
    said = [f"{row['part']} {words.money(row['amount'], currency)}" for _, row in known.iterrows()]
    return _listed("Parts", said)


def push_count(table: pd.DataFrame) -> str:
    """Say what share was pushed, of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.push_count` returns it
    """
    return _ranged("Pushed", table["rate"], words.percent)


def slip_rate(table: pd.DataFrame) -> str:
    """Say what was due and what share was not won, of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.slip_rate` returns it
    """
    due = f"Due: {table['due'].sum():,.0f}"
    known = table["rate"].dropna()
    return f"{due}; not won: {_span(known, words.percent)}." if len(known) else f"{due}."


def stale(table: pd.DataFrame) -> str:
    """Say of each stage how many of its open ones are stale.

    Parameters
    ----------
    table : as `enablement.stale` returns it
    """
    known = table[table["stale"].notna()]
    said = [
        f"{stage} {int(rows['stale'].sum()):,} of {len(rows):,}"
        for stage, rows in known.groupby("stage", observed=True)
    ]
    return _listed("Stale", said)


def discount_rate(table: pd.DataFrame) -> str:
    """Say the mean discount, of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.discount_rate` returns it
    """
    return _ranged("Mean discount", table["mean"], words.percent)


def sales_velocity(table: pd.DataFrame) -> str:
    """Say the money a day, of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.sales_velocity` returns it
    """
    currency = table.attrs["currency"]
    return _ranged("A day", table["velocity"], lambda n: words.money(n, currency))


def process_conformance(table: pd.DataFrame) -> str:
    """Say how often each way of leaving the process happens, from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.process_conformance` returns it
    """
    return _spans(table, "deviation", "rate", words.percent)


def activity(table: pd.DataFrame) -> str:
    """Say from where to where each type goes on a working day.

    Parameters
    ----------
    table : as `enablement.activity` returns it
    """
    return _spans(table, "activity_type", "per_day", lambda n: f"{n:.2f}")


def ramp(table: pd.DataFrame) -> str:
    """Say how many are there of those followed, and the median of groups.

    Parameters
    ----------
    table : as `enablement.ramp` returns it
    """
    there = f"There: {table['ramped'].sum():,} of {table['reps'].sum():,}"
    known = table["median"].dropna()
    return f"{there}; median days {_span(known, words.whole)}." if len(known) else f"{there}."


def ramp_curve(table: pd.DataFrame) -> str:
    """Say what share was there at the end of each drawn curve, and on which day that was.

    Parameters
    ----------
    table : rows of `enablement.ramp_curve`, each with the name of its group as ``group``
    """
    last = table.groupby(["group", "milestone"], sort=False).tail(1)
    alone = table["group"].nunique() == 1
    said = [
        f"{'' if alone else row['group'] + ', '}{row['milestone']} {words.percent(row['reached'])} "
        f"by day {row['day']:,.0f}, {words.percent(row['left'])} left before"
        for _, row in last.iterrows()
    ]
    return _listed("There at last", said)


def turnover(table: pd.DataFrame) -> str:
    """Say how many left, and the rate of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.turnover` returns it
    """
    left = f"Left: {table['leavers'].sum():,}"
    known = table["rate"].dropna()
    return f"{left}; {_span(known, words.percent)}." if len(known) else f"{left}."


def share_of_wallet(table: pd.DataFrame) -> str:
    """Say the share of the potential, of groups from the lowest to the highest.

    Parameters
    ----------
    table : as `enablement.share_of_wallet` returns it
    """
    return _ranged("Share of the potential", table["rate"], words.percent)


def glide_path(table: pd.DataFrame) -> str:
    """Say of each quarter what was planned, and what it brought or must bring.

    Parameters
    ----------
    table : as `enablement.glide_path` returns it
    """
    said = []
    for _, row in table.iterrows():
        over = row["state"] == "closed"
        must = (
            f"brought {words.figure(row['sold'], table)}"
            if over
            else (
                f"must bring {words.figure(row['needed'], table)}, with a chance of "
                f"{words.chance(row['probability'])}"
            )
        )
        said.append(f"{row['quarter']} {words.figure(row['plan'], table)}, {must}")
    return _listed("Planned", said)


def levers(table: pd.DataFrame) -> str:
    """Say of each lever that must move from where to where, and what it brings at its best.

    Parameters
    ----------
    table : as `enablement.levers` returns it
    """
    moved = table[table["stretch"].gt(0)] if table["stretch"].gt(0).any() else table
    said = [
        f"{words.lever(row)} from {words.of_lever(row, 'present', table)} to "
        f"{words.of_lever(row, 'needed', table)}, at best {words.figure(row['gain'], table)} more"
        for _, row in moved.sort_values("gain", ascending=False, kind="stable").iterrows()
    ]
    return _listed("Levers", said)


def reward(table: pd.DataFrame) -> str:
    """Say what each of the team's conditions is and must be.

    Parameters
    ----------
    table : as `enablement.reward` returns it
    """
    told = table.attrs
    said = [
        f"{told['metric']} {words.figure(told['total'], table)}, must be "
        f"{words.figure(told['threshold'], table)}"
    ]
    said += [
        f"{gate['gate'].replace('_', ' ')} {words.percent(gate['value'])}, must be "
        f"{words.percent(gate['least'])}"
        for gate in told["gates"]
    ]
    return _listed("For the reward", said)


def stage_gap(table: pd.DataFrame) -> str:
    """Say of each stage what moves on, what should, and what that costs, or the range of groups.

    Parameters
    ----------
    table : as `enablement.stage_gap` returns it
    """
    if table.attrs["groups"]:
        return _spans(table, "stage", "rate", words.percent)
    known = table[table["benchmark"].notna()]
    said = [
        f"{row['stage']} {words.percent(row['rate'])} of {words.percent(row['benchmark'])}, "
        f"{words.figure(row['cost'], table)}"
        for _, row in known.iterrows()
    ]
    return _listed("Moves on, should, and costs", said)


def _each(table: pd.DataFrame, count: str, amount: str) -> list[str]:
    """Say the count and the money of each group."""
    currency = table.attrs["currency"]
    who = words.groups(table, table) if table.attrs["groups"] else [""] * len(table)
    return [
        f"{name} {number:,.0f}" + ("" if pd.isna(worth) else f" ({words.money(worth, currency)})")
        for name, number, worth in zip(who, table[count], table[amount], strict=True)
    ]


def _times(number: float) -> str:
    return f"{number:.1f}"


def _spans(table: pd.DataFrame, key: str, value: str, written: words.Written) -> str:
    """Say for each stage from where to where its values go."""
    said = [
        f"{name} {_span(rows[value].dropna(), written)}"
        for name, rows in table.groupby(key, observed=True, sort=False)
        if rows[value].notna().any()
    ]
    return _listed("From lowest to highest", said)


def _ranged(what: str, values: pd.Series, written: words.Written) -> str:
    """Say from where to where values go; nothing where none is known."""
    known = values.dropna()
    return f"{what}: {_span(known, written)}." if len(known) else ""


def _span(values: pd.Series, written: words.Written) -> str:
    low, high = written(values.min()), written(values.max())
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def _doubt(interval: str) -> str:
    return f" ({interval})" if interval else ""


def _listed(what: str, said: list[str]) -> str:
    return f"{what}: {'; '.join(said)}." if said else ""
