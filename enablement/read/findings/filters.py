"""An export that was plainly filtered, and what can no longer be said of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd

from enablement.periods import FIRST_YEAR, LAST_YEAR
from enablement.read import engine
from enablement.settings import Settings

FEWEST = 50  # rows from which on the absence of a kind is no accident
PASSED_OVER = 20  # that would have closed earlier, each with a chance of at least one half
FULL_RATE = 0.5  # of the usual month's creation, in the first 30 days
MARGIN = 7  # days by which a year may begin late or end early
UPDATED_AT_ONCE = 0.2  # share changed on one day from which on it was a mass update
SPREADSHEET_LIMITS = (65_535, 65_536, 1_048_575, 1_048_576)
WHOLE_YEARS = (365, 366, 730, 731, 1_095, 1_096)  # days
MODIFIED = {
    *("lastmodifieddate", "systemmodstamp", "last modified date", "last modified", "modified on"),
    *("last modified on", "update time", "deal - update time", "modifiedon", "updated_at"),
    *("hs_lastmodifieddate", "last_modified_date", "last_modified_at", "zuletzt geändert"),
    *("letzte änderung", "dernière modification", "date de dernière modification"),
    *("última modificación", "fecha de última modificación", "geändert am", "modifié le"),
}
FILTERED_COLUMNS = ["finding", "evidence", "consequence"]
Facts = dict[str, Any]
Found = tuple[str, str, str]


def filtered(
    opportunities: pd.DataFrame,
    stage_visits: pd.DataFrame,
    reps: pd.DataFrame,
    *,
    settings: Settings,
    export: dt.date | None,
    files: pd.DataFrame | None = None,
    life_before: dt.date | None = None,
) -> pd.DataFrame:
    """Say what filter the export plainly had, and what can no longer be said.

    Fewer than 50 opportunities carry no such finding. Each finding is a fact about the rows
    that an export without a filter practically never shows; where something else could have
    caused it, the finding says what.

    Parameters
    ----------
    opportunities, stage_visits, reps : as `enablement.load` gives them
    settings : for pipelines, kinds of business and the fiscal year
    export : the day of the export, if it is known
    files : ``file`` and ``records``, for files that end at a round number of rows
    life_before : the earliest day that anything else is known of (a rep was hired, an account
        was won); None where nothing is

    Returns
    -------
    pandas.DataFrame
        One row per finding::

            finding      text  what seems to have been left out
            evidence     text  with the counts
            consequence  text  what can no longer be said
    """
    row = engine.query(
        engine.text("read", "extent"),
        {"opportunities": opportunities, "stage_visits": stage_visits},
    ).iloc[0]
    facts: Facts = {
        **{name: _plain(value) for name, value in row.items()},
        "settings": settings,
        "export": export,
        "listed": len(reps),
        "owner_name": _name(row["owner"], reps),
        "life_before": life_before,
        "modified": _modified(opportunities),
    }
    found = [finding for rule in RULES if (finding := rule(facts)) is not None]
    return pd.DataFrame([*found, *_cut_off(files)], columns=FILTERED_COLUMNS)


def _no_lost(facts: Facts) -> Found | None:
    if facts["lost"] or facts["won"] < FEWEST:
        return None
    return (
        "no lost ones",
        f"{facts['won']:,} won, 0 lost, {facts['open']:,} open",
        "there is no win rate, no loss reason and no leak: export the lost ones too",
    )


def _no_won(facts: Facts) -> Found | None:
    if facts["won"] or facts["lost"] < FEWEST:
        return None
    return (
        "no won ones",
        f"0 won, {facts['lost']:,} lost, {facts['open']:,} open",
        "there is no win rate and nothing sold: export the won ones too",
    )


def _no_open(facts: Facts) -> Found | None:
    decided = facts["won"] + facts["lost"]
    if facts["open"] or decided < FEWEST or not facts["won"] or not facts["lost"]:
        return None
    return (
        "no open ones",
        f"{facts['won']:,} won, {facts['lost']:,} lost, 0 open",
        "nothing can be said of pipeline and coverage, and of all created only those are "
        "seen that are closed: conversion is too high, and most for the newest",
    )


def _only_open(facts: Facts) -> Found | None:
    if facts["won"] + facts["lost"] or facts["open"] < FEWEST:
        return None
    return (
        "open ones only",
        f"{facts['open']:,} open, 0 won, 0 lost",
        "there is no win rate, no conversion and no sales cycle: export the closed ones too",
    )


def _one_owner(facts: Facts) -> Found | None:
    if facts["owners"] != 1 or facts["owned"] < FEWEST:
        return None
    others = facts["listed"] - 1
    known = f"; the list of reps names {others:,} other{'s' * (others > 1)}" if others > 0 else ""
    return (
        "one owner only",
        f"all {facts['owned']:,} that have an owner belong to {facts['owner_name']}{known}",
        "reps cannot be compared, and no number is the team's",
    )


def _one_pipeline(facts: Facts) -> Found | None:
    names = list(facts["settings"].pipelines)
    if len(names) < 2 or facts["pipelines"] != 1 or facts["rows"] < FEWEST:
        return None
    absent = ", ".join(name for name in names if name != facts["pipeline"])
    return (
        "one pipeline only",
        f"all {facts['rows']:,} are of {facts['pipeline']}; the settings also name {absent}",
        f"nothing can be said of {absent}",
    )


def _one_type(facts: Facts) -> Found | None:
    kinds = sorted(set(facts["settings"].types.values()))
    if len(kinds) < 2 or facts["types"] != 1 or facts["typed"] < FEWEST:
        return None
    absent = " and ".join(kind for kind in kinds if kind != facts["type"])
    return (
        "one kind of business only",
        f"all {facts['typed']:,} that have a type are {facts['type']}; the settings also name "
        f"{absent}",
        f"nothing can be said of {absent}",
    )


def _one_year(facts: Facts) -> Found | None:
    """Created in one year only, though the export came later."""
    first, last, export = facts["first_created"], facts["last_created"], facts["export"]
    if facts["created"] < FEWEST or export is None:
        return None
    for year in sorted({first.year, first.year + 1} & set(range(FIRST_YEAR, LAST_YEAR))):
        for start, end in _years(year, facts["settings"]):
            late = (first - start).days
            early = (end - last).days
            if 0 <= late <= MARGIN and 0 <= early <= MARGIN and (export - end).days > 30:
                return (
                    "one year only",
                    f"all {facts['created']:,} were created from {first} to {last}, and the "
                    f"export is of {export}",
                    "years cannot be compared; what was open before is missing, and what came "
                    "after",
                )
    return None


def _begins_abruptly(facts: Facts) -> Found | None:
    """Creation at full rate from a day that people choose, with life before it."""
    first, before = facts["first_created"], facts["life_before"]
    if facts["created"] < FEWEST or not FIRST_YEAR <= first.year < LAST_YEAR:
        return None
    if (facts["last_created"] - first).days < 90:
        return None
    full = facts["early_created"] >= FULL_RATE * facts["usual_created"]
    known = before is None or (first - before).days > 30
    if not (full and known and _chosen(first, facts["export"], facts["settings"])):
        return None
    life = "" if before is None else f", though other tables reach back to {before}"
    return (
        "a first day of creation",
        f"the first was created on {first}, and {facts['early_created']:,} in 30 days from "
        f"then (usual: {facts['usual_created']:.0f}){life}",
        "what was open on that day is missing, by a filter or because the CRM began then: "
        "what closed soon after is the quick ones alone, so do not compare the first months",
    )


def _closes_abruptly(facts: Facts) -> Found | None:
    """Nothing closed before a day, though much had begun long before it."""
    if facts["closed"] < FEWEST or facts["usual_n"] < PASSED_OVER:
        return None
    if facts["too_late"] < PASSED_OVER:
        return None
    return (
        "a first day of closing",
        f"none was closed before {facts['first_closed']}, though the first began on "
        f"{facts['first_began']} and {facts['too_late']:,} of those closed since had been "
        f"open for {facts['usual_days']:.0f} days by then, the median of all later ones",
        "of those that began before that day only the slow ones are seen: win rate, cycle and "
        "conversion of that time cannot be said",
    )


def _lately_modified(facts: Facts) -> Found | None:
    """Nothing was last changed before a day, though much had closed before it."""
    told = facts["modified"]
    if told is None or told["known"] < FEWEST or told["closed_before"] < PASSED_OVER:
        return None
    if told["most_on_a_day"] > UPDATED_AT_ONCE * told["known"]:
        return None
    return (
        "changed lately only",
        f"every one was last changed between {told['first']} and {told['last']} "
        f"({told['column']}), {told['closed_before']:,} of them long after they had closed",
        "what nobody touched since is missing: of the older ones no rate can be said",
    )


RULES: tuple[Callable[[Facts], Found | None], ...] = (
    _no_lost,
    _no_won,
    _no_open,
    _only_open,
    _one_owner,
    _one_pipeline,
    _one_type,
    _one_year,
    _begins_abruptly,
    _closes_abruptly,
    _lately_modified,
)


def _cut_off(files: pd.DataFrame | None) -> list[Found]:
    """Find files with exactly as many records as a limit would leave."""
    if files is None:
        return []
    limited = files[files["records"].map(_is_limit)]
    return [
        (
            "a round number of rows",
            f"{file} has exactly {records:,} rows",
            "a limit may have cut it off: what is missing then cannot be counted",
        )
        for file, records in zip(limited["file"], limited["records"], strict=True)
    ]


def _is_limit(records: int) -> bool:
    """Tell 1, 2 or 5 with at least three noughts, where limits are set, or a spreadsheet's."""
    digits = str(records)
    round_one = records >= 1_000 and digits[0] in "125" and set(digits[1:]) == {"0"}
    return round_one or records in SPREADSHEET_LIMITS


def _chosen(day: dt.date, export: dt.date | None, settings: Settings) -> bool:
    """Tell a day that people choose: a year's first (working) day, or whole years ago."""
    starts = {start for year in (day.year, day.year + 1) for start, _ in _years(year, settings)}
    ago = (export - day).days if export is not None else 0
    return bool(starts & {day, *_days_off_before(day)}) or ago in WHOLE_YEARS


def _days_off_before(day: dt.date) -> list[dt.date]:
    """List the days without work right before a day: a weekend, and the first of January."""
    back = [day - dt.timedelta(days=n) for n in (1, 2)] if day.weekday() == 0 else []
    new_year = dt.date(day.year, 1, 1)
    return [*back, new_year] if 0 < (day - new_year).days <= 2 else back


def _years(year: int, settings: Settings) -> set[tuple[dt.date, dt.date]]:
    fiscal = settings.period(str(year))
    return {(dt.date(year, 1, 1), dt.date(year, 12, 31)), (fiscal.start, fiscal.end)}


def _modified(opportunities: pd.DataFrame) -> Facts | None:
    """Ask the column of the last change, if the file has one, about its days."""
    column = next((name for name in opportunities if name.casefold() in MODIFIED), None)
    if column is None:
        return None
    closed = opportunities["closed_at"].where(opportunities["outcome"].isin(["won", "lost"]))
    days = pd.DataFrame({"modified": opportunities[column].astype("str"), "closed_on": closed})
    row = engine.query(engine.text("read", "modified"), {"days": days}).iloc[0]
    return {"column": column, **{name: _plain(value) for name, value in row.items()}}


def _name(rep_id: object, reps: pd.DataFrame) -> str:
    named = reps.loc[reps["rep_id"].eq(rep_id), "name"].dropna()
    return str(named.iloc[0]) if len(named) else str(rep_id)


def _plain(value: Any) -> Any:
    """Turn a value of a table into Python's own, and a time into its day."""
    if isinstance(value, pd.Timestamp):
        return value.date()
    if pd.isna(value):
        return 0
    return value.item() if hasattr(value, "item") else value
