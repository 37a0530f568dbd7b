"""Sales velocity: how much the open pipeline brings a day."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, estimates, exchange
from enablement.measure.arguments import checked
from enablement.measure.counting import Question
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read.crm import CRM

VELOCITY = (
    "opportunities open × win rate × average won amount / average days from {start} to won; the "
    "last three are of those {closed}"
)
COUNTS = ["open", "won", "lost", "without_amount", "undated"]
COLUMNS = [
    *("open", "won", "lost", "win_rate", "average", "days", "velocity", "low", "high"),
    *("without_amount", "undated"),
]


@checked
def sales_velocity(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    credit: str = "final",
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Opportunities × win rate × average won amount / days of a cycle: money a day.

    It is what the open pipeline would bring a day if it were won as often, at the amount
    and in the time of those closed in the period. A cycle that is shorter by a tenth
    brings 11.1 % more, not 10 %.

    Parameters
    ----------
    crm, as_of, by, where, confidence, renewals : as for `win_rate`
    period : closed in it, such as ``2026Q3``; None for all. The open ones are those of `as_of`
    credit : as for `win_rate`, but for ``share``: days cannot be shared out

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)     text   the columns of `by`; a rep's is rep_id
            open        int    opportunities open then
            won, lost   int    closed in the period
            win_rate    float  won / (won + lost), 0 to 1
            average     float  mean amount of those won
            days        float  mean days from the start to being won
            velocity    float  money a day; missing where one of the four is
            low, high   float  interval of `velocity`, see Notes; missing of fewer than two won
            without_amount
                        int    of those won, the ones whose amount is unknown
            undated     int    of those won, the ones without a start or a close date

    Raises
    ------
    CannotSayError
        If the export has no amounts, or several currencies without rates; if no start is
        known of those won; if `as_of` lies before an export without history.

    Notes
    -----
    The interval is by the delta method on the logarithm: the share of lost ones over those
    won, and the spread of amounts and of days with what they have in common (Oehlert 1992,
    A note on the delta method, The American Statistician 46:27-29). How many are open is no
    estimate. With amounts as skew as amounts are (log-normal, sigma 0.9) 90 % intervals
    covered 85 to 88 % in a simulation of 10 to 200 closed ones.

    See Also
    --------
    win_rate, sales_cycle : two of the four factors, with intervals of their own.
    """
    definitions.check_word("credit", credit, definitions.CREDITS[:3])
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    definitions.check_past(crm, until, "Sales velocity")
    groups = definitions.split(crm, by, where)
    exchange.check(crm, groups)
    said = {"cohort": "decided", "credit": credit}
    asked = Question(groups, ("outcomes",), until=until, renewals=renewals, said=said)
    counted, waiting = _closed(crm, asked, span), _open(crm, asked)
    table = _multiplied(crm, groups, counted, waiting, confidence)
    return definitions.describe(
        table[[*groups.columns, *COLUMNS]],
        definition=VELOCITY.format(
            start=definitions.cycle_start(crm), closed=f"closed in {span}" if span else "closed"
        )
        + exchange.said(crm, groups, until)
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        currency=exchange.currency(crm, groups),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=counting.credited(crm, groups, credit, definitions.CREDIT_WORDS),
        period=str(span) if span else None,
    )


def _closed(crm: CRM, asked: Question, span: Period | None) -> pd.DataFrame:
    """Count what was closed, with the means and spreads of amounts and days of those won."""
    won = "p.outcome = 'won'"
    return counting.ask(
        crm,
        dataclasses.replace(
            asked,
            said={**asked.said, **definitions.span(span), "of": "value"},
            select=f"""
            select {asked.groups.select()} count(*) filter ({won}) as won,
                   count(*) filter (p.outcome = 'lost') as lost,
                   count(*) filter ({won} and k.amount is null) as without_amount,
                   count(*) filter ({won} and p.days is null) as undated,
                   avg(k.amount) filter ({won}) as average,
                   avg(p.days) filter ({won}) as days,
                   var_samp(k.amount) filter ({won}) as amount_spread,
                   var_samp(p.days) filter ({won}) as days_spread,
                   covar_samp(k.amount, p.days) filter ({won}) as together,
                   min(k.lacks) filter ({won}) as {exchange.LACKS}
        """,
            group="group by all",
        ),
    )


def _open(crm: CRM, asked: Question) -> pd.DataFrame:
    return counting.ask(
        crm,
        dataclasses.replace(
            asked,
            said={**asked.said, **definitions.span(None), "of": "created"},
            select=f"select {asked.groups.select()} count(*) as open",
            group="and p.outcome = 'open' group by all",
        ),
    )


def _multiplied(
    crm: CRM, groups: Split, counted: pd.DataFrame, waiting: pd.DataFrame, confidence: float
) -> pd.DataFrame:
    """Bring the four factors together, and multiply them."""
    from scipy.special import ndtri

    keys = list(groups.columns)
    if keys:
        found = pd.concat([counted[keys], waiting[keys]]).drop_duplicates()
        table = definitions.everybody(crm, found, groups)
        table = table.merge(counted, on=keys, how="left").merge(waiting, on=keys, how="left")
    else:
        table = pd.concat([counted, waiting], axis=1)
    table[COUNTS] = table[COUNTS].fillna(0).astype("int64")
    if table["won"].sum() and table["days"].isna().all():
        raise CannotSayError(
            "Sales velocity cannot be said: of no won opportunity are the start and the close "
            "date known.",
            lacks="no dates of those won",
        )
    closed = table["won"] + table["lost"]
    rate = table["won"] / closed.where(closed > 0)
    velocity = table["open"] * rate * table["average"] / table["days"].where(table["days"] > 0)
    reach = np.exp(_log_error(table, closed) * ndtri((1 + confidence) / 2))
    return table.assign(
        win_rate=rate, velocity=velocity, low=velocity / reach, high=velocity * reach
    )


def _log_error(table: pd.DataFrame, closed: pd.Series) -> pd.Series:
    """Standard error of the logarithm of the product; missing of fewer than two won."""
    won = table["won"].where(table["won"] > 1)
    amount, days = table["average"], table["days"]
    spread = (
        table["amount_spread"] / amount**2
        + table["days_spread"] / days**2
        - 2 * table["together"] / (amount * days)
    )
    return np.sqrt(((1 - won / closed) + spread.clip(lower=0)) / won)
