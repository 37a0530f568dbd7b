"""What is odd about an export, what it does to the headline, and what it keeps from being said."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from enablement.read.findings import reports
from enablement.read.findings.effects import NO_RECORD, effects, headline, stage_effects
from enablement.read.findings.filters import filtered
from enablement.read.findings.leaning import constant, empty, leaning
from enablement.read.findings.orders import RULES, days_to_win, flagged, telling
from enablement.read.findings.orders import orders as orders

if TYPE_CHECKING:
    from enablement.read.crm import CRM
    from enablement.read.quality import Quality

__all__ = [
    *("Findings", "constant", "days_to_win", "effects", "empty", "examine", "filtered"),
    *("flagged", "headline", "leaning", "orders", "stage_effects", "telling"),
]


@dataclasses.dataclass(frozen=True)
class Findings:
    """What examining an export found.

    headline : the headline numbers as they are used, as `headline` gives them
    effects : what they would be without each rule, as `effects` gives them
    leaning : columns that are missing for some rather than for others, as `leaning` gives them
    empty : columns without any value, or that the export does not have
    constant : column -> what it says in every row
    filtered : what the export seems to leave out, as `filtered` gives it
    orders : rows that cannot be so, as `orders` gives them
    reports : which report to run for what is missing, in sentences
    """

    headline: pd.DataFrame
    effects: pd.DataFrame
    leaning: pd.DataFrame
    empty: tuple[str, ...]
    constant: dict[str, str]
    filtered: pd.DataFrame
    orders: pd.DataFrame
    reports: tuple[str, ...]


def examine(crm: CRM) -> Findings:
    """Look through an export for what would mislead a reader of its numbers.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    """
    said, quality, rows = crm.settings, crm.quality, crm.opportunities
    export = _export(crm)
    wrong = flagged(rows, crm.stage_events, crm.reps, settings=said, export=export)
    aside = quality.set_aside
    names = dict(zip(crm.reps["rep_id"], crm.reps["name"], strict=True))
    moved = effects(
        rows,
        aside[aside["table"].eq("opportunities")],
        changed=quality.otherwise,
        flagged=wrong,
        currency=said.currency,
    )
    days = days_to_win(rows, wrong[wrong["rule"].eq(RULES[0].name)])
    entries = _entries(aside)
    if len(entries):
        entries = stage_effects(rows, crm.stage_visits, entries, settings=said)
    told = [part for part in (moved, days, entries) if len(part)]
    return Findings(
        headline=headline(rows, currency=said.currency),
        effects=telling(pd.concat(told, ignore_index=True) if told else moved),
        leaning=leaning(rows, settings=said, names=names),
        empty=tuple(empty(rows)),
        constant=constant(rows),
        filtered=filtered(
            rows,
            crm.stage_visits,
            crm.reps,
            settings=said,
            export=export,
            files=_records(quality),
            life_before=_life_before(crm),
        ),
        orders=quality.orders,
        reports=tuple(
            reports.to_run(
                quality.files, stage_history=crm.stage_history, owner_history=crm.owner_history
            )
        ),
    )


def _entries(aside: pd.DataFrame) -> pd.DataFrame:
    """Take the entries of stages that were set aside; a history of fields tells of others too."""
    of_stages = aside["table"].eq("stage_events")
    if "stage" in aside:
        of_stages |= aside["table"].eq("changes") & aside["stage"].notna()
    return aside[of_stages]


def _export(crm: CRM) -> dt.date | None:
    """Find the day of the export; None where nothing has a date."""
    from enablement.errors import CannotSayError

    try:
        return crm.seen_until
    except CannotSayError:
        return None


def _records(quality: Quality) -> pd.DataFrame:
    """Count the records of each file, without the lines of a report's footer."""
    aside = quality.set_aside
    footer = aside[aside["reason"].astype("str").str.contains(NO_RECORD)]
    lines = footer.groupby(["table", "file"]).size()
    summary = quality.summary.set_index(["table", "file"])["rows_in"]
    records = summary.sub(lines.reindex(summary.index).fillna(0).astype("int64"))
    return records.rename("records").reset_index()[["file", "records"]]


def _life_before(crm: CRM) -> dt.date | None:
    """Find the earliest day on which a rep was hired, an account was won or somebody acted."""
    days = [crm.reps["hired_on"], crm.accounts["first_won_on"], crm.activities["at"]]
    first = pd.concat(days).min()
    return None if pd.isna(first) else first.date()
