"""Discounts: how much less than the list price is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, estimates, exchange
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read.crm import CRM

DISCOUNT = (
    "1 - amount / list amount, of those won: of the sums (rate) and the mean of each; the interval "
    "is that of the mean"
)
COUNTS = ["won", "without_list"]
COLUMNS = [*COUNTS, "sold", "list", "rate", "mean", "low", "high", "median", "largest"]


@checked
def discount_rate(
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
    """How much less than the list price was paid for what was won.

    Weighted by value it says what the discounts cost; the mean of each says what reps
    usually give. One large discount moves the first and hardly the second. What was sold
    above its list price has a discount below zero and stays in.

    Parameters
    ----------
    crm, as_of, by, where, confidence, renewals : as for `win_rate`
    period : won in it, such as ``2026Q3``; None for all
    credit : as for `win_rate`, but for ``share``: a discount cannot be shared out

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)       text   the columns of `by`; a rep's is rep_id
            won           int    won ones whose amount and list amount are known
            without_list  int    other won ones: an amount is unknown, or the list amount
                                 is unknown or zero
            sold          float  amount of those won
            list          float  their amount at list price
            rate          float  1 - sold / list, weighted by value; missing where nothing
                                 was won
            mean          float  mean of 1 - amount / list amount of each
            low, high     float  Student's interval of `mean`; missing of fewer than two
            median        float  of the same
            largest       float  what the largest one carries of `list`, 0 to 1

    Raises
    ------
    CannotSayError
        If the export has no amounts, no list amounts, or several currencies without rates.

    Notes
    -----
    The usual rate, such as a CPQ tool's: (list price - net price) / list price.
    """
    definitions.check_word("credit", credit, definitions.CREDITS[:3])
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until, span = moment(as_of), None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where, cohorts=True)
    _check(crm, groups)
    said = {"of": "value", "cohort": "decided", "credit": credit, **definitions.span(span)}
    counted = _counted(crm, groups, until, renewals, said)
    table = _rated(definitions.everybody(crm, counted, groups), counted, groups)
    low, high = estimates.mean_interval(
        table["mean"], table["spread"], table["won"], confidence=confidence
    )
    return definitions.describe(
        table.assign(low=low, high=high)[[*groups.columns, *COLUMNS]],
        definition=DISCOUNT
        + (f"; won in {span}" if span else "")
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


def _check(crm: CRM, groups: Split) -> None:
    """Refuse what the export does not carry."""
    exchange.check(crm, groups)
    if not crm.has("opportunities", "list_amount"):
        raise CannotSayError(
            "Discounts cannot be said: the opportunities have no list_amount. Export the amount "
            "at list price too, and name its column under [columns.opportunities].",
            lacks="no list prices",
        )


def _counted(
    crm: CRM, groups: Split, until: pd.Timestamp, renewals: str, said: dict[str, object]
) -> pd.DataFrame:
    known = "k.amount is not null and o.list_amount > 0"
    each = "1 - k.amount / (o.list_amount * k.rate)"
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("outcomes",),
            until=until,
            renewals=renewals,
            said=said,
            select=f"""
            select {groups.select()}
                   count(*) filter ({known}) as won,
                   count(*) filter (not coalesce({known}, false)) as without_list,
                   coalesce(sum(k.amount) filter ({known}), 0) as sold,
                   coalesce(sum(o.list_amount * k.rate) filter ({known}), 0) as list,
                   avg({each}) filter ({known}) as mean,
                   stddev_samp({each}) filter ({known}) as spread,
                   median({each}) filter ({known}) as median,
                   max(o.list_amount * k.rate) filter ({known}) as largest,
                   min(k.lacks) as {exchange.LACKS}
        """,
            group="and p.outcome = 'won' group by all",
        ),
    )


def _rated(shown: pd.DataFrame, counted: pd.DataFrame, groups: Split) -> pd.DataFrame:
    keys = list(groups.columns)
    table = shown.merge(counted, on=keys, how="left") if keys else counted
    table[COUNTS] = table[COUNTS].fillna(0).astype("int64")
    table[["sold", "list"]] = table[["sold", "list"]].fillna(0.0)
    listed = table["list"].where(table["list"] > 0)
    return table.assign(rate=1 - table["sold"] / listed, largest=table["largest"] / listed)
