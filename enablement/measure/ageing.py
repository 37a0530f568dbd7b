"""Open opportunities that have been in their stage for longer than others stay there."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, exchange, stages
from enablement.measure.definitions import Split
from enablement.periods import moment
from enablement.read.crm import CRM

LIMITS = {"median": "half", "p75": "three in four", "p90": "nine in ten"}
STALE = (
    "open, and in the present stage for more days than {share} of all stays there last; those "
    "still there are followed until then (Kaplan-Meier)"
)
COLUMNS = [
    *("opportunity_id", "rep_id", "pipeline", "stage", "entered_at", "days", "median", "limit"),
    *("times", "stale", "amount"),
]


def stale(
    crm: CRM,
    *,
    as_of: object,
    where: Mapping[str, str] | None = None,
    limit: str = "p90",
    renewals: str = "left out",
) -> pd.DataFrame:
    """Open opportunities by how long they have been in their stage, against that stage's times.

    A fixed number of days would call every slow stage stale. The times are those of all
    stays in the stage, of everybody and in all the history, the open ones among them
    counted as undecided; `where` limits the list alone.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    where : column -> the one value to list, such as ``{"team": "North 1"}``; of the rep
        who owned it when it came into the stage
    limit : ``median``, ``p75`` or ``p90``: more days than that share of the stays lasts
    renewals : ``left out`` or ``counted``

    Returns
    -------
    pandas.DataFrame
        One row per open opportunity, the stalest first::

            opportunity_id  text
            rep_id          text   who owned it when it came into the stage
            pipeline        text
            stage           category, in funnel order
            entered_at      time   when it came into the stage; missing where not recorded
            days            int    since then, in calendar days; missing likewise
            median          float  days by which half have left the stage
            limit           float  days by which that share has; missing where so few have
                                   left that it cannot be said
            times           float  days / median
            stale           bool   days > limit; missing where one of them is
            amount          float  as known then, in one currency; missing where unknown

        ``attrs["verdict"]`` says how many are stale; ``attrs["cannot_say"]`` has stage ->
        sentence for stages without times.

    Raises
    ------
    CannotSayError
        If `as_of` lies before an export without history, or nowhere is recorded when a
        stage was entered.

    See Also
    --------
    time_in_stage : the times that they are held against.
    """
    definitions.check_word("limit", limit, tuple(LIMITS))
    until, groups = moment(as_of), definitions.split(crm, None, where)
    usual = stages.time_in_stage(crm, as_of=as_of, renewals=renewals)
    if usual["entered"].sum() == 0:
        raise CannotSayError(
            "How long open ones have been in their stage cannot be said: when a stage was entered "
            "is not recorded. Export the history of stages too.",
            lacks="no stage history",
        )
    table = _held(_open(crm, groups, until, renewals), usual, limit)
    return definitions.describe(
        table[COLUMNS],
        definition=STALE.format(share=LIMITS[limit])
        + exchange.said(crm, groups, until)
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        currency=exchange.currency(crm, groups),
        cannot_say=usual.attrs["cannot_say"],
        verdict=_verdict(table, LIMITS[limit]),
        credit=definitions.credit(crm, definitions.CREDIT_WORDS["at_entry"]),
        labels=definitions.labels(crm, Split(("rep_id",), ("r",))),
    )


def _open(crm: CRM, groups: Split, until: pd.Timestamp, renewals: str) -> pd.DataFrame:
    """List the stays that go on, with the amounts where they can be shown in one currency."""
    priced = crm.has("opportunities", "amount") and exchange.addable(crm, groups)
    amount = f"k.amount, k.lacks as {exchange.LACKS}" if priced else "null::double as amount"
    return counting.ask(
        crm,
        counting.Question(
            groups,
            ("sojourns",),
            until=until,
            renewals=renewals,
            said={"of": "value" if priced else "opportunities", **definitions.span(None)},
            select=f"""
            select o.shown_id as opportunity_id, r.rep_id, o.pipeline, p.stage,
                   p.cohort_at as entered_at,
                   case when p.counts then p.days end as days, {amount}
        """,
            group="and not p.event and s.outcome = 'open'",
        ),
    )


def _held(found: pd.DataFrame, usual: pd.DataFrame, limit: str) -> pd.DataFrame:
    """Hold each against the times of its stage, and put the stalest first."""
    times = usual.assign(limit=usual[limit])
    keys = [name for name in ("pipeline", "stage") if name in times]
    order = usual["stage"].cat.categories
    found = found.assign(stage=pd.Categorical(found["stage"], categories=order, ordered=True))
    table = found.merge(times[list(dict.fromkeys([*keys, "median", "limit"]))], on=keys, how="left")
    days = table["days"].astype("Float64")
    known = table["limit"].astype("Float64")
    table = table.assign(
        days=table["days"].astype("Int64"),
        stale=(days > known.replace(float("nan"), pd.NA)).astype("boolean"),
        times=table["days"].astype("float64") / table["median"].where(table["median"] > 0),
    )
    return table.sort_values(
        ["times", "days", "opportunity_id"], ascending=[False, False, True], ignore_index=True
    )


def _verdict(table: pd.DataFrame, share: str) -> str:
    """Say how many of those whose times are known are stale."""
    known = int(table["stale"].notna().sum())
    if not known:
        return "Of no open opportunity can be said whether it is stale."
    many = int(table["stale"].sum())
    been = "has been in its" if many == 1 else "have been in their"
    return (
        f"{many:,} of {known:,} open opportunities ({counting.percent(many / known)}) {been} stage "
        f"for longer than {share} stays there last."
    )
