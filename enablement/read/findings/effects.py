"""What the headline numbers would be without a rule of reading."""

from __future__ import annotations

import re

import pandas as pd

from enablement.read import engine, footers, visits
from enablement.settings import Settings

# A report's footer, totals and repeated headers are no opportunities that were left out.
NO_RECORD = "|".join(map(re.escape, ("footer", footers.SUMMARY, footers.EMPTY, footers.AGAIN)))
TOLD = {
    "rule": "str",
    "opportunity_id": "str",
    "outcome": "str",
    "amount": "float64",
    "currency": "str",
    "type": "str",
}


def effects(
    opportunities: pd.DataFrame,
    set_aside: pd.DataFrame,
    *,
    changed: pd.DataFrame | None = None,
    flagged: pd.DataFrame | None = None,
    currency: str = "",
    renewals: str = "left out",
) -> pd.DataFrame:
    """Win rate and conversion as used, and as they would be if a rule were not applied.

    Three numbers: the win rate won / (won + lost) by count, the same by value over those
    with an amount, and the conversion won / (won + lost + open), which leaves out the
    cancelled. Each comes with what it divides, so that it can be counted again by hand.

    Parameters
    ----------
    opportunities : those that are used; ``opportunity_id``, ``outcome``, ``amount``, ``type``,
        ``currency``
    set_aside : the opportunities that were set aside, a row each: ``rule`` (else ``reason``),
        and as far as it could be read ``outcome`` (missing: not known), ``amount``,
        ``currency``, ``type``. Lines of a report's footer are left out: they are no opportunity
    changed : the values that a rule changed in rows that are used, as they would be without
        it: ``rule``, ``opportunity_id``, ``outcome``, ``amount``
    flagged : rows that are used though something is wrong with them: ``rule``,
        ``opportunity_id``. What would be if they were left out
    currency : of the rows set aside that name none
    renewals : ``left out``, as in every win rate of the package, or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per rule and number, the rules with the most rows first::

            table, rule    text
            what           text   set aside, changed or flagged
            rows           int    that the rule concerns
            unknown        int    of them, those in no number: their outcome cannot be known or,
                                  by value, their amount
            measure        text   win rate, win rate by value or conversion
            used           float  the number as it is used, 0 to 1; missing if it cannot be said
            otherwise      float  the number without the rule: with the rows that are set aside,
                                  with the old values of the changed, without the flagged.
                                  Missing if nothing of these rows is known
            difference     float  otherwise - used
            used_won, used_of            float  what `used` divides: counts, or money
            otherwise_won, otherwise_of  float  what `otherwise` divides
            least, most    float  bounds of `otherwise`, whatever the unknown ones were; missing
                                  by value where there are any
            why            text   why a number is missing; else empty
    """
    aside = _told(set_aside, currency)
    return engine.query(
        engine.text("read", "totals") + engine.text("read", "effects"),
        {
            "opportunities": _told(opportunities, currency).drop(columns="rule"),
            "set_aside": aside[~aside["rule"].str.contains(NO_RECORD)],
            "changed": _told(changed, currency),
            "flagged": _told(flagged, currency),
        },
        {"renewals": renewals},
    )


def stage_effects(
    opportunities: pd.DataFrame,
    stage_visits: pd.DataFrame,
    set_aside: pd.DataFrame,
    *,
    settings: Settings,
    renewals: str = "left out",
) -> pd.DataFrame:
    """The conversion from a stage as used, and as it would be with the entries set aside.

    Of the opportunities that came as far as the stage, the share that came further or was
    won; what a list says of an outcome holds whatever its history says.

    Parameters
    ----------
    opportunities, stage_visits : those that are used, as `enablement.load` gives them
    set_aside : the stage events that were set aside: ``rule`` (else ``reason``),
        ``opportunity_id``, ``stage``

    Returns
    -------
    pandas.DataFrame
        Rows as in `effects`, one per rule, of the stage whose conversion moves most;
        ``measure`` names it, ``unknown`` counts entries of no known opportunity or stage.
    """
    gone = set_aside.reindex(columns=["rule", "reason", "opportunity_id", "stage"]).astype("str")
    return engine.query(
        engine.text("read", "stage_effects"),
        {
            "opportunities": opportunities,
            "stage_visits": stage_visits,
            "set_aside": gone.assign(rule=gone["rule"].fillna(gone["reason"])),
            "spots": visits.places(settings),
        },
        {"renewals": renewals},
    )


def headline(
    opportunities: pd.DataFrame, *, currency: str = "", renewals: str = "left out"
) -> pd.DataFrame:
    """Win rate and conversion over all that is used, as in `effects`.

    Returns
    -------
    pandas.DataFrame
        One row per number: ``measure``, ``rate`` (0 to 1; missing if it cannot be said),
        ``won`` and ``of`` (what it divides: counts, or money), ``why`` it is missing.
    """
    return engine.query(
        engine.text("read", "totals") + engine.text("read", "headline"),
        {"opportunities": _told(opportunities, currency).drop(columns="rule")},
        {"renewals": renewals},
    )


def _told(frame: pd.DataFrame | None, currency: str) -> pd.DataFrame:
    """Keep what the effects need, missing where a frame does not tell it."""
    if frame is None:
        frame = pd.DataFrame(columns=list(TOLD))
    told = frame.reindex(columns=list(TOLD)).astype(TOLD)
    if "reason" in frame:
        told = told.assign(rule=told["rule"].fillna(frame["reason"].astype("str")))
    return told.assign(
        rule=told["rule"].fillna("no reason is given"), currency=told["currency"].fillna(currency)
    )
