"""The gap between what moves on and what should, in words."""

from __future__ import annotations

import re

import pandas as pd

from enablement.plan import metrics
from enablement.plan.cascade import COMING
from enablement.plan.goal import COUNTED
from enablement.show.words.figures import chance, groups, percent, plural, whole
from enablement.show.words.goal import figure, lacking

LARGE = r"(?<![\d.,-])-?\d{1,3}(?:,\d{3})+(?![\d,.]*\d)"  # with a comma between its digits


BEFORE = "The goal's months are over; by what was known before them, "
CHANCE = {
    "ahead": "If nothing changes, the chance of reaching {} is",
    "over": "The goal's months are over: before them the chance of reaching {} was",
}


def stage_gap(table: pd.DataFrame) -> str:
    """Say which stage costs most and how sure that is, or that no stage stands out.

    Parameters
    ----------
    table : as `enablement.stage_gap` returns it
    """
    if table["benchmark"].isna().all():
        return str(table.attrs["verdict"])
    if table.attrs["groups"]:
        return _gap_of_groups(table)
    if not table["cost"].sum() > 0:
        return str(table.attrs["verdict"])
    costly = table.loc[table["cost"].idxmax()]
    whole = figure(table["cost"].sum(), table)
    if table["probability_worst"].isna().all():
        return (
            f"{costly['stage']} costs most, {figure(costly['cost'], table)} of {whole}, by the "
            "rates that are stated; nothing says how sure they are."
        )
    if table.attrs["stands_out"] is None:
        top = table.loc[table["probability_worst"].idxmax()]
        who = "it" if top["stage"] == costly["stage"] else str(top["stage"])
        return (
            f"No stage stands out: {costly['stage']} seems to cost most, {_cost(costly, table)} of "
            f"{whole}; that {who} really is the worst has a probability of "
            f"{chance(top['probability_worst'])}."
        )
    worst = table[table["stage"] == table.attrs["stands_out"]].iloc[0]
    return (
        f"{worst['stage']} costs most: {_cost(worst, table)} of {whole}; that it really is the "
        f"worst has a probability of {chance(worst['probability_worst'])}."
    )


def _cost(row: pd.Series, table: pd.DataFrame) -> str:
    """Write what a stage costs, with its interval."""
    low, high = (figure(row[end], table) for end in ("low", "high"))
    return f"{figure(row['cost'], table)} ({low} to {high})"


def _gap_of_groups(table: pd.DataFrame) -> str:
    """Say at how many groups and stages the rate surely is below its benchmark, and where most."""
    tested = int(table["probability_below"].notna().sum())
    if not tested:
        return str(table.attrs["verdict"])
    sure = table[table["probability_below"] >= table.attrs["sure"]]
    if sure.empty:
        return (
            f"Of no {table.attrs['groups'][-1].removesuffix('_id')} and stage is it sure that the "
            "rate is below the benchmark."
        )
    if len(sure) == 1:
        row = sure.iloc[0]
        who = groups(sure, table).iloc[0]
        return (
            f"{who} at {row['stage']} surely is below the benchmark, which costs "
            f"{figure(row['cost'], table)}; of {tested:,} it is the one that is sure."
        )
    most = sure["stage"].value_counts()
    return (
        f"Of {len(sure):,} of {tested:,} {plural(table)} and stages it is sure that the rate is "
        f"below the benchmark, most of them at {most.index[0]}; they cost "
        f"{figure(sure['cost'].sum(), table)}."
    )


def at_benchmark(table: pd.DataFrame) -> str:
    """Say what comes if nothing changes, and what with every stage at its benchmark.

    Parameters
    ----------
    table : as `enablement.stage_gap` returns it
    """
    attrs = table.attrs
    comes, then, target = (
        figure(attrs[name], table) for name in ("projected", "at_benchmark", "target")
    )
    start = COMING[attrs["when"]].format(comes, target)
    if attrs["projected"] >= attrs["target"] or not table["cost"].sum() > 0:
        return f"{start}."
    ends = "enough" if attrs["at_benchmark"] >= attrs["target"] else "not enough"
    return f"{start}; with every stage at its benchmark {then}, which is {ends}."


def results_worksheet(table: pd.DataFrame) -> str:
    """Say what the goal asks beyond what comes, and who would need more than anybody ever had.

    Parameters
    ----------
    table : as `enablement.results_worksheet` returns it
    """
    attrs = table.attrs
    comes, target = (figure(attrs[name], table) for name in ("projected", "target"))
    start = COMING[attrs["when"]].format(comes, target)
    missing = attrs["target"] - attrs["projected"]
    if missing <= 0:
        return f"{start}."
    start = f"{start}{lacking(missing, table)}."
    reps = table[table["level"] == "rep"]
    over = reps.loc[reps["says"] != "", ["rep_id", "stage"]].drop_duplicates()
    if over.empty:
        return f"{start} No rep needs more at a stage than some rep has had."
    count, of = over["rep_id"].nunique(), reps["rep_id"].nunique()
    who = "Every rep needs" if count == of else f"{count} of {of} reps need"
    where = over["stage"].value_counts()[lambda times: times > 0].index
    most = "" if len(where) == 1 else "most of them "
    return (
        f"{start} {'1 rep needs' if count == 1 else who} more than any has ever had, {most}at "
        f"{where[0]}: by volume alone it cannot be reached."
    )


def baseline(table: pd.DataFrame) -> str:
    """Say what is sold, expected and wanted, and what follows where they are not one base.

    Parameters
    ----------
    table : as `enablement.baseline` returns it
    """
    attrs, total = table.attrs, table["total"]
    if "measure" in attrs:
        return _measured(table)
    sold, target = (figure(total[name], table) for name in ("sold", "target"))
    more = total["target"] / total["sold"] - 1 if total["sold"] > 0 else 0.0
    step = f", {percent(abs(more))} {'more' if more > 0 else 'less'}" if round(more, 3) else ""
    told = [
        f"Sold in {attrs['period'] or 'a year'}: {sold}. Wanted in {attrs['goal']}: {target}{step}."
    ]
    if "metric" in attrs["sentences"]:  # whose numbers are not all money
        told.append(attrs["sentences"]["metric"])
    said = [attrs["sentences"][name] for name in ("attainment", "over-assignment")]
    if not attrs["consistent"]:
        said.append(attrs["sentences"]["base"])
    said += [attrs["sentences"][name] for name in ("months",) if name in attrs["sentences"]]
    return "\n".join([*told, *(shortened(sentence, table) for sentence in said)])


def shortened(sentence: str, table: pd.DataFrame) -> str:
    """Write the large figures of a plan's sentence short: every digit stands in its table.

    Parameters
    ----------
    sentence : with figures such as ``9,186,990``
    table : one that says its ``metric`` and ``currency``
    """
    if table.attrs["metric"] in COUNTED:
        return sentence
    return re.sub(LARGE, lambda found: figure(float(found[0].replace(",", "")), table), sentence)


def _measured(table: pd.DataFrame) -> str:
    """Say what a measure is, how sure that is, and what is wanted of it."""
    attrs, now = table.attrs, table.loc["present"]
    present, target = (figure(table["total"][name], table) for name in ("present", "target"))
    low, high = (figure(now[end], table) for end in ("low", "high"))
    doubt = [] if pd.isna(now["low"]) else [f"{low.removesuffix(' %')} to {high}"]
    doubt += [] if pd.isna(now["count"]) else [f"of {whole(now['count'])} {attrs['of']}"]
    sure = f" ({', '.join(doubt)})" if doubt else ""
    name, step = attrs["metric"], table["total"]["target"] - now["total"]
    told = (
        f"{name[:1].upper()}{name[1:]} {attrs['when']}: {present}{sure}. Wanted "
        f"{attrs['wanted_when']}: {target}{_step(step, now['total'], attrs['written'])}."
    )
    return "\n".join([told, *attrs["sentences"].values()])


def _step(step: float, present: float, how: str) -> str:
    """Say how much more or less is wanted: of shares in points, since a percentage is two things.

    Parameters
    ----------
    how : the figures are written
    """
    word = "more" if step > 0 else "less"
    if abs(step) < 1e-9:
        return ", as today"
    if how in metrics.PERCENTAGES:
        return f", {100 * abs(step):.1f} points {word}"
    return f", {percent(abs(step / present))} {word}" if present else ""


def goal_chance(table: pd.DataFrame) -> str:
    """Say how likely the target is if nothing changes, and between what the futures lie.

    Parameters
    ----------
    table : as `enablement.goal_chance` returns it
    """
    whole = table.iloc[-1]
    low, high = (figure(whole[end], table) for end in ("low", "high"))
    return (
        f"{CHANCE[table.attrs['when']].format(figure(whole['target'], table))} "
        f"{chance(whole['probability'])}; {percent(table.attrs['confidence'])} of the futures lie "
        f"between {low} and {high}.{_of_amount(table)}"
    )


def _of_amount(table: pd.DataFrame) -> str:
    """Say that a chance is that of an amount, where the goal is another thing."""
    goal = table.attrs.get("stands_for")
    return f" That is the chance of the amount, and not of the {goal}." if goal else ""


def what_if(table: pd.DataFrame) -> str:
    """Say what comes of the target as asked, and the chance of reaching it.

    Parameters
    ----------
    table : as `enablement.what_if` returns it
    """
    attrs = table.attrs
    comes, target, low, high = (
        figure(attrs[name], table) for name in ("expected", "target", "low", "high")
    )
    short = lacking(attrs["missing"], table)
    start, is_ = (BEFORE, "was") if attrs["when"] == "over" else ("", "is")
    return (
        f"{start}{comes} ({low} to {high}) come of {target}{short}. The chance of reaching it "
        f"{is_} {chance(attrs['probability'])}.{_of_amount(table)}"
    )
