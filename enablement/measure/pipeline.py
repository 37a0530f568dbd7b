"""Are we making the number: sold against quota, pipeline against what remains, and created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, estimates, exchange, quotas, requirement
from enablement.measure import standing as standings
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment, when
from enablement.read.crm import CRM


@checked
def quota_attainment(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    confidence: float = estimates.CONFIDENCE,
) -> pd.DataFrame:
    """Won amount against quota, and how many of the reps are at theirs.

    A team can be at its quota by one rep alone, so the share of the reps stands beside.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen; a date means the end of that day
    period : the quarter, or another period of the fiscal calendar that the quotas name or
        make up
    by : None, ``rep``, ``team`` or ``region``
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    confidence : coverage of the Jeffreys interval, between 0 and 1

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)      text
            won          int    opportunities won in the period, renewals included
            sold         float  their amount, in the workspace's currency
            without_amount
                         int    of those won, the ones whose amount is unknown
            quota        float  sum of the reps' quotas; missing where there is none. Where
                                the period has none, those of shorter periods that make it up
            attainment   float  sold / quota; missing where there is no quota
            reps         int    those with a quota above zero
            at_quota     int    of those, who sold it or more by `as_of`
            share_at_quota
                         float  at_quota / reps, 0 to 1; missing where nobody has a quota
            low, high    float  Jeffreys interval of `share_at_quota`

    Raises
    ------
    CannotSayError
        If the export has no amounts, or amounts in several currencies.
    """
    span = crm.period(period)
    groups = definitions.split(crm, by, where)
    exchange.check(crm, groups)
    sold = won(crm, as_of=as_of, period=span, by=by, where=where)
    table = _with_quotas(crm, sold, groups, span)
    table = table.assign(attainment=table["sold"] / table["quota"].where(table["quota"] > 0))
    table = _at_quota(crm, table, groups, as_of, span)
    low, high = estimates.jeffreys(table["at_quota"], table["reps"], confidence=confidence)
    return definitions.describe(
        table.assign(low=low, high=high)[[*groups.columns, *ATTAINMENT]],
        definition=f"won amount closed in {span} / quota of {span}; by owner at close; the share "
        "is that of the reps with a quota who sold it or more"
        f"{exchange.said(crm, groups, moment(as_of))}{groups}",
        until=moment(as_of),
        crm=crm,
        confidence=confidence,
        currency=exchange.currency(crm, groups),
        period=str(span),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
    )


def won(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Count what was won in a period, also where the export has no amounts.

    Parameters
    ----------
    crm, as_of, period, by, where : as for `quota_attainment`

    Returns
    -------
    pandas.DataFrame
        One row per group: the group, ``won``, ``sold`` and ``without_amount`` as
        `quota_attainment` has them; ``sold`` is missing where amounts are not there, or cannot
        be added.
    """
    groups = definitions.split(crm, by, where)
    table = _sum(crm, groups, as_of, crm.period(period), SOLD)
    in_money = crm.has("opportunities", "amount") and exchange.addable(crm, groups)
    return table if in_money else table.assign(sold=float("nan"))


@checked
def pipeline_coverage(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    past: int = 4,
    yield_of: str = "all",
) -> pd.DataFrame:
    """Open amount due in a period against the quota that remains, and against what is needed.

    What is needed is told from earlier periods, each seen from the same day as this one: how
    much of the amount open and due was won within it, and what was won besides. One over the
    win rate counts on everything that is ever won, in whatever period, and on nothing created
    in this one; it is taken only where no earlier period is recorded, and `basis` says so.

    Parameters
    ----------
    crm, as_of, by, where : as for `quota_attainment`
    period : the period in which the open ones are expected to close
    past : how many earlier periods of its kind, such as quarters; 0 to ask for none
    yield_of : whose yield: of ``all`` that `where` leaves, so that what is required adds up,
        or of the ``group`` itself, which is uncertain of one rep

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)      text
            open         int    opportunities open and expected to close in the period
            amount       float  their amount, as known on that day; that of the export where the
                                history records none, and the definition says so
            without_amount
                         int    of those open, the ones whose amount is unknown
            remaining    float  quota - sold in the period so far, at least 0 (so that the
                                reps' add up to more than the team's where one is over);
                                missing where there is no quota
            coverage     float  amount / remaining; missing where nothing remains
            create_and_close
                         float  expected of what is created from that day on: the mean of what
                                was created from the same day on, and won in the period
            pulled_in    float  expected of those open and due in another period, likewise
            yield        float  won within the period / open and due in it, over the earlier ones
            yield_low, yield_high
                         float  the lowest and the highest of them
            periods      int    how many there are
            required     float  (remaining - create_and_close - pulled_in) / yield, at least 0
            required_low, required_high
                         float  the same by each earlier period alone, the lowest and highest;
                                where nothing changes, the truth lies between in (n - 1) of
                                (n + 1) cases of n periods; missing where one of them won nothing
                                of what was due
            required_coverage
                         float  required / remaining
            short        float  required - amount, at least 0
            basis        text   what `required` was told from

    Raises
    ------
    CannotSayError
        If there are no amounts or expected close dates, or `as_of` lies before an
        export without history.

    Notes
    -----
    The yield of the pipeline of the first day is what forecasting tools call its conversion
    within the quarter; 1 / win rate, and three times the quota of a win rate of a third, are
    rules of thumb. `benchmarks/README.md` holds them against invented companies.
    """
    definitions.check_word("yield_of", yield_of, ("all", "group"))
    until, span = moment(as_of), crm.period(period)
    groups = definitions.split(crm, by, where)
    exchange.check(crm, groups)
    definitions.check_past(crm, until, "Coverage")
    _check_due(crm, until)
    due = _sum(crm, groups, as_of, span, DUE)
    quota = quota_attainment(crm, as_of=as_of, period=span, by=by, where=where)
    keys = list(groups.columns)
    quota = quota.assign(remaining=(quota["quota"] - quota["sold"]).clip(lower=0))
    table = _merge(quota[[*keys, "remaining"]], due, keys)
    absent = table["open"].isna()
    table = table.assign(
        open=table["open"].fillna(0).astype("int64"),
        amount=table["amount"].mask(absent, 0.0),
        without_amount=table["without_amount"].fillna(0).astype("int64"),
    )
    table = requirement.told(crm, table, groups, span, until, many=past, yield_of=yield_of)
    remaining = table["remaining"].where(table["remaining"] > 0)
    table = table.assign(
        coverage=table["amount"] / remaining,
        required_coverage=table["required"] / remaining,
        short=(table["required"] - table["amount"]).clip(lower=0),
    )
    return definitions.describe(
        table[[*keys, *COVERAGE]],
        definition=f"open amount due in {span} / quota of {span} not yet sold"
        f"{_required(table)}{_unrecorded(crm, until)}{exchange.said(crm, groups, until)}{groups}",
        until=until,
        crm=crm,
        currency=exchange.currency(crm, groups),
        period=str(span),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
    )


def _required(table: pd.DataFrame) -> str:
    """Say for the definition line what the required amount was told from."""
    if table["required"].isna().all():
        return ""
    return f"; required by the {table['basis'].iloc[0]}"


def _unrecorded(crm: CRM, until: pd.Timestamp) -> str:
    """Say for the definition line where earlier amounts are not recorded."""
    past = until.date() < crm.seen_until
    return UNRECORDED if past and counting.amounts_known(crm, until) == "now" else ""


def _check_due(crm: CRM, until: pd.Timestamp) -> None:
    """Refuse a moment of which it is not known when the open ones were to close.

    Raises
    ------
    CannotSayError
        If open ones have no expected close date, or an earlier one is not recorded.
    """
    if until.date() >= crm.seen_until:
        if _undated(crm):
            raise CannotSayError(
                "Coverage cannot be said: no open opportunity has an expected close date.",
                lacks="no expected close dates",
            )
    elif not crm.has("stage_events", "expected_close"):
        raise CannotSayError(
            f"Coverage as of {until:%Y-%m-%d} cannot be said: the history does not record the "
            "expected close dates.",
            lacks="no history of expected close dates",
        )


def _undated(crm: CRM) -> bool:
    """Whether there are open opportunities, none of which has an expected close date."""
    found = crm.session.query(
        "select count(*) as open, count(expected_close) as dated from opportunities "
        "where outcome = 'open'",
        {"opportunities": crm.sources["opportunities"]},
    ).iloc[0]
    return bool(found["open"] > 0 and found["dated"] == 0)


def pipeline_created(
    crm: CRM,
    *,
    as_of: object,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Opportunities created in a period.

    Parameters
    ----------
    crm, as_of, period, by, where : as for `quota_attainment`; ``by="type"`` tells new from
        existing business, ``by="period"`` one fiscal quarter of a longer `period` from the next

    Returns
    -------
    pandas.DataFrame
        One row per group: the group, ``created`` (int), ``amount`` (float, the
        amounts they have now; missing where none has one, or where they are in several
        currencies and there is no table of rates), ``without_amount`` (int, of those
        created: the ones whose amount is unknown).

    Raises
    ------
    CannotSayError
        If the export has no created date.
    """
    if not crm.has("opportunities", "created_at"):
        raise CannotSayError(
            "What was created cannot be said: the export has no created date.",
            lacks="no created dates",
        )
    span, groups = crm.period(period), definitions.split(crm, by, where, cohorts=True)
    addable = exchange.addable(crm, groups)
    table = _sum(crm, groups, as_of, span, CREATED)
    amount = table["amount"] if addable else float("nan")
    unsaid = "" if addable else f"; their amounts are in several currencies: {exchange.NO_RATES}"
    return definitions.describe(
        table.assign(amount=amount)[[*groups.columns, "created", "amount", "without_amount"]],
        definition=f"opportunities created {when(span.name)}, with the amount they have now{unsaid}"
        f"{exchange.said(crm, groups, moment(as_of))}{groups}",
        until=moment(as_of),
        crm=crm,
        currency=exchange.currency(crm, groups),
        period=str(span),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
    )


ATTAINMENT = [
    *("won", "sold", "without_amount", "quota", "attainment"),
    *("reps", "at_quota", "share_at_quota", "low", "high"),
]
COVERAGE = [
    *("open", "amount", "without_amount", "remaining", "coverage", "create_and_close"),
    *("pulled_in", "yield", "yield_low", "yield_high", "periods", "required", "required_low"),
    *("required_high", "required_coverage", "short", "basis"),
]
SOLD = """
    count(*) as won, case when count(*) = 0 then 0.0 else sum(o.amount * x.rate) end as sold,
    count(*) - count(o.amount) as without_amount,
    min(x.lacks) filter (o.amount is not null) as lacks
    from states s join attributes o using (opportunity_id)
    join exchanged x using (opportunity_id)
    left join reps r on r.rep_key = s.final_rep
    where s.outcome = 'won' and s.closed_at between $first and $last
"""
# What was open then, at the amount and the expected date that were known then.
DUE = """
    count(*) as open, case when count(*) = 0 then 0.0 else sum(k.amount * x.rate) end as amount,
    count(*) - count(k.amount) as without_amount,
    min(x.lacks) filter (k.amount is not null) as lacks
    from standing k join attributes o using (opportunity_id)
    join exchanged x using (opportunity_id)
    left join reps r on r.rep_key = k.rep_id
    where k.outcome = 'open' and k.expected_close between $first and $last
"""
CREATED = """
    count(*) as created, sum(o.amount * x.rate) as amount,
    count(*) - count(o.amount) as without_amount,
    min(x.lacks) filter (o.amount is not null) as lacks
    from attributes o
    join exchanged x using (opportunity_id)
    left join (select opportunity_id, arg_min(rep_id, visit) as first_rep
               from stage_visits group by opportunity_id) f using (opportunity_id)
    left join reps r on r.rep_key = coalesce(f.first_rep, o.owner)
    left join (select name as period, starts_on, ends_on from quarters) p
        on o.created_at::date between p.starts_on and p.ends_on
    where o.created_at between $first and $last and o.created_at <= $until
"""
UNRECORDED = "; the history does not record amounts, so they are those of the export"


def _sum(crm: CRM, groups: Split, as_of: object, span: Period, what: str) -> pd.DataFrame:
    sql = f"""
        with attributes as (select * exclude (outcome, rep_id, closed_at, expected_close),
                              rep_id as owner
                       from opportunities)
        select {groups.select()} {what} and {groups.limit()}
        group by all
    """
    until = moment(as_of)
    said = {"until": until.to_pydatetime(), **definitions.span(span)}
    tables = {
        **definitions.seen_tables(crm, until, "counted"),
        "quarters": definitions.quarters(crm, groups),
        "standing": standings.table(crm, until, "counted"),
    }
    tables["exchanged"] = exchange.exchanged(crm, groups, until, tables)
    table = exchange.whole(crm, crm.session.query(sql, tables, said))
    if groups.columns == ("rep_id",):
        shown = definitions.everybody(crm, table, groups)
        table = shown.merge(table, on="rep_id", how="left")
    elif groups.columns == ("period",):
        table = _quarters_of(crm, span, until).merge(table, on="period", how="left")
    elif groups.columns:
        table = table.sort_values(
            list(groups.columns), key=definitions.counting_up, ignore_index=True
        )
    counts = [name for name in ("won", "open", "created", "without_amount") if name in table]
    absent = table[counts[0]].isna()
    sums = [name for name in ("sold", "amount") if name in table and what != CREATED]
    table[sums] = table[sums].mask(absent, 0.0)
    table[counts] = table[counts].fillna(0).astype("int64")
    return table


def _quarters_of(crm: CRM, span: Period, until: pd.Timestamp) -> pd.DataFrame:
    """List the quarters of a period that have begun, those in which nothing happened too."""
    every = definitions.spans(crm, "quarter")
    begun = every["starts_on"] <= min(moment(span.end), until)
    inside = begun & (every["ends_on"] >= pd.Timestamp(span.start))
    return every.loc[inside, ["name"]].rename(columns={"name": "period"}).reset_index(drop=True)


def _with_quotas(crm: CRM, sold: pd.DataFrame, groups: Split, span: Period) -> pd.DataFrame:
    """Lay the quotas of a period beside what was sold, rep by rep where they are split."""
    keys = list(groups.columns)
    sources = {*groups.sources, *(source for source, _, _ in groups.only)}
    if not sources <= {"r"}:
        return sold.assign(quota=float("nan"))  # no quota is set for a kind of opportunity
    people = crm.reps
    for _, name, value in groups.only:
        people = people[people[name].eq(value)]
    wanted = quotas.of_period(crm, span).merge(people[list({"rep_id", *keys})], on="rep_id")
    if not keys:
        return sold.assign(quota=wanted["target"].sum() if len(wanted) else float("nan"))
    targets = wanted.groupby(keys, dropna=False)["target"].sum().reset_index(name="quota")
    table = sold.merge(targets, on=keys, how="left" if keys == ["rep_id"] else "outer")
    return table.assign(
        sold=table["sold"].mask(table["won"].isna(), 0.0),
        won=table["won"].fillna(0).astype("int64"),
        without_amount=table["without_amount"].fillna(0).astype("int64"),
    )


def _at_quota(
    crm: CRM, table: pd.DataFrame, groups: Split, as_of: object, span: Period
) -> pd.DataFrame:
    """Count the reps of each group with a quota, and those who sold it or more."""
    keys = list(groups.columns)
    if table["quota"].isna().all():
        return table.assign(reps=0, at_quota=0, share_at_quota=float("nan"))
    each = Split(("rep_id",), ("r",), groups.only)
    reps = _with_quotas(crm, _sum(crm, each, as_of, span, SOLD), each, span)
    reps = reps[reps["quota"] > 0].assign(at=reps["sold"] >= reps["quota"])
    if not keys:
        counts = pd.DataFrame({"reps": [len(reps)], "at_quota": [int(reps["at"].sum())]})
        table = table.reset_index(drop=True).join(counts)
    else:
        told = reps[["rep_id", "at"]].merge(crm.reps[list({"rep_id", *keys})], on="rep_id")
        counts = told.groupby(keys, dropna=False)["at"].agg(reps="size", at_quota="sum")
        table = table.merge(counts.reset_index(), on=keys, how="left")
    table[["reps", "at_quota"]] = table[["reps", "at_quota"]].fillna(0).astype("int64")
    return table.assign(share_at_quota=table["at_quota"] / table["reps"].where(table["reps"] > 0))


def _merge(left: pd.DataFrame, right: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if keys:  # in the order of the left; an outer join would put them in the order of their ids
        order = pd.concat([left[keys], right[keys]]).drop_duplicates()
        return order.merge(left, on=keys, how="left").merge(right, on=keys, how="left")
    return pd.concat([left.reset_index(drop=True), right.reset_index(drop=True)], axis=1)
