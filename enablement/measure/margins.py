"""Margins: how much of what is won stays as margin."""

from __future__ import annotations

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, exchange
from enablement.periods import Period, moment
from enablement.read.crm import CRM

KNOWN = "k.amount is not null and o.margin is not null"


def margin_share(crm: CRM, *, as_of: object, period: Period) -> tuple[float, int, int]:
    """Margin over amount of what was won in a period, renewals included.

    Parameters
    ----------
    as_of : the last moment whose events may be seen
    period : in which it was won

    Returns
    -------
    share : sum of the margins over the sum of the amounts, of those whose both are known
    known : how many those are
    others : other won ones

    Raises
    ------
    CannotSayError
        If the export has no margins or no amounts, several currencies without rates, or nothing
        was won with a margin above zero.
    """
    groups = definitions.split(crm, None, None)
    exchange.check(crm, groups)
    if not crm.has("opportunities", "margin"):
        raise CannotSayError(
            "Margins cannot be said: the opportunities have no margin. Export it, and name its "
            "column under [columns.opportunities].",
            lacks="no margins",
        )
    said = {"of": "value", "cohort": "decided", "credit": "final", **definitions.span(period)}
    question = counting.Question(
        groups,
        ("outcomes",),
        until=moment(as_of),
        renewals="counted",
        said=said,
        select=f"""
        select count(*) filter ({KNOWN}) as known,
               count(*) filter (not coalesce({KNOWN}, false)) as others,
               coalesce(sum(k.amount) filter ({KNOWN}), 0) as sold,
               coalesce(sum(o.margin * k.rate) filter ({KNOWN}), 0) as margin,
               min(k.lacks) as {exchange.LACKS}
        """,
        group="and p.outcome = 'won'",
    )
    found = counting.ask(crm, question).iloc[0]
    if not (found["sold"] > 0 and found["margin"] > 0):
        raise CannotSayError(f"Nothing was won in {period} whose margin is known and above zero.")
    return float(found["margin"] / found["sold"]), int(found["known"]), int(found["others"])
