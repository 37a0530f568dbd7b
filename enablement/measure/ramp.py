"""Ramp: how long new reps take to their first won opportunity, and until they are productive."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError, EnablementError
from enablement.measure import counting, definitions, durations, estimates, exchange, quotas
from enablement.measure.arguments import checked
from enablement.measure.definitions import Split
from enablement.periods import Period, moment
from enablement.read.crm import CRM

USUAL = {"first won": (0.0, 1), "productive": (0.8, 3), "quota": (1.0, 1)}  # share, kept
INHERITED = ("left out", "counted")
UNITS = ("month", "quarter")
QUANTILES = {"p25": 0.25, "median": 0.5, "p75": 0.75}
RAMPS = {
    "first won": "the first won opportunity",
    "productive": "the end of the first {unit} with at least {share} of the mean of those there "
    "for {tenured} days, kept for {kept}",
    "quota": "the end of the first {unit} with at least {share} of quota, kept for {kept}",
}
RAMP = (
    "days from being hired to {to}; those not there yet are followed until now or until they left "
    "(Kaplan-Meier); inherited opportunities {inherited}; the interval is that of the median"
)
COLUMNS = [
    *("reps", "ramped", "not_yet", "left", "p25", "median", "low", "high", "p75"),
    *("not_followed", "without_hire_date"),
]


@dataclasses.dataclass(frozen=True, slots=True)
class Followed:
    """How long each rep was followed.

    days : from being hired to being ramped, or to the end of following
    ramped : whether they were ramped then
    """

    days: NDArray[np.float64]
    ramped: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Milestone:
    """What a new rep is to reach, as `milestone` reads it.

    to : ``first won``, ``productive`` or ``quota``
    unit, least, kept, tenured : for the latter two, the months or quarters, the share to reach in
        one, for how many in a row, and from which day on reps are tenured
    inherited : whether what somebody else began is ``left out`` or ``counted``
    """

    to: str
    unit: str
    least: float
    kept: int
    tenured: int
    inherited: str

    def __str__(self) -> str:
        """Say it in words, for a definition line."""
        return RAMPS[self.to].format(
            unit=self.unit,
            share=counting.percent(self.least),
            tenured=self.tenured,
            kept=f"{self.kept} {self.unit}{'s' if self.kept > 1 else ''}",
        )


def milestone(
    to: str, *, unit: str, share: float | None, kept: int | None, tenured: int, inherited: str
) -> Milestone:
    """Read what is to be reached; see `ramp` for the arguments."""
    definitions.check_word("to", to, tuple(RAMPS))
    definitions.check_word("inherited", inherited, INHERITED)
    definitions.check_word("unit", unit, UNITS)
    least, units = _asked(to, share, kept)
    return Milestone(to, unit, least, units, tenured, inherited)


def follow(
    crm: CRM,
    groups: Split,
    reach: Milestone,
    *,
    until: pd.Timestamp,
    span: Period | None,
    renewals: str,
) -> tuple[pd.DataFrame, Followed]:
    """Follow each rep from being hired to a milestone.

    Parameters
    ----------
    until : the moment that is seen
    span : the period in which they were hired; None for all

    Returns
    -------
    pandas.DataFrame, Followed
        The reps with ``followed`` (from the day they were hired), ``early`` (hired before the
        export begins), ``gone`` (left by now) and ``ends`` (the day until which they were there),
        and how long each took.
    """
    _check(crm, groups, reach)
    people = _people(crm, groups, until, span)
    wins = _wins(crm, until, renewals, reach)
    if reach.to == "first won":
        return people, _until_first(people, wins)
    spans = _spans(crm, reach.unit, until)
    sold = _sold(crm.reps["rep_id"], wins, spans)
    productive = reach.to == "productive"
    bar = _of_tenured(crm, sold, spans, reach.tenured) if productive else _quotas(crm, spans)
    return people, _until_kept(people, sold, bar * reach.least, spans, reach.kept)


@checked
def ramp(
    crm: CRM,
    *,
    as_of: object,
    to: str = "first won",
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    period: str | Period | tuple[object, object] | None = None,
    inherited: str = "left out",
    unit: str = "month",
    share: float | None = None,
    kept: int | None = None,
    tenured: int = 365,
    confidence: float = estimates.CONFIDENCE,
    renewals: str = "left out",
) -> pd.DataFrame:
    """Days that new reps take to their first won opportunity, or until they are productive.

    Who is not there yet is undecided and has not failed: leaving them out would make ramp
    look shorter than it is. Reps hired before the first opportunity of the export cannot be
    followed from their start and are not in the figures.

    Parameters
    ----------
    crm, as_of, where, confidence, renewals : as for `win_rate`
    to : ``first won``; ``productive``, the first `unit` with at least `share` of what tenured
        reps win on average in it, kept for so many units; or ``quota``, the first with at
        least `share` of the rep's own quota, a reduced one of new reps included
    by : None, ``rep``, or a column of the reps
    period : reps hired in it; None for all
    inherited : opportunities that somebody else created and owned first: ``left out``, so
        that nobody is ramped by what a predecessor began, or ``counted``
    unit : ``month`` or ``quarter`` of the fiscal calendar; the first one that a rep is there
        from its start to its end
    share : 0.8 unless said for ``productive``, 1 for ``quota``
    kept : for how many units in a row; 3 unless said for ``productive``, 1 for ``quota``
    tenured : days since being hired from which on a rep is tenured

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)       text   the columns of `by`; a rep's is rep_id
            reps          int    those followed from the day they were hired
            ramped        int    of those, there by now
            not_yet       int    reps - ramped
            left          int    of those not there yet, the ones who left before
            p25, median, p75
                          float  days by which that share were ramped; missing where the
                                 curve does not come so far yet
            low, high     float  days; Brookmeyer-Crowley interval of the median
            not_followed  int    hired before the first opportunity of the export
            without_hire_date
                          int    nobody knows since when they are there

    Raises
    ------
    CannotSayError
        If no hire date is known, amounts or quotas are asked for and not there, nobody is
        tenured, or it is not known which opportunities were inherited.

    See Also
    --------
    ramp_curve : the share that is there by each day.

    Notes
    -----
    Ramp is told by cycle + 90 days, the first month at quota, or the first one at so much
    of what tenured reps sell; the first is a guess, and all flatter where inherited
    opportunities count (LevelEleven, sales ramp-up time). Who left before is followed until
    then, as if they would have been ramped as the others: where reps leave because they do
    not sell, the median is too short.
    """
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    reach = milestone(to, unit=unit, share=share, kept=kept, tenured=tenured, inherited=inherited)
    until, span = moment(as_of), None if period is None else crm.period(period)
    groups = definitions.split(crm, by, where)
    people, lasted = follow(crm, groups, reach, until=until, span=span, renewals=renewals)
    table = _measured(people, lasted, groups, confidence)
    return definitions.describe(
        table[[*groups.columns, *COLUMNS]],
        definition=RAMP.format(to=reach, inherited=inherited)
        + (f"; hired in {span}" if span else "")
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        confidence=confidence,
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit=definitions.credit(crm, "owner at close"),
        period=str(span) if span else None,
    )


def _check(crm: CRM, groups: Split, reach: Milestone) -> None:
    """Refuse what the export does not carry, or what is no column of the reps."""
    to = reach.to
    if not {*groups.sources, *(source for source, _, _ in groups.only)} <= {"r"}:
        raise EnablementError(
            "Ramp is of reps: split and limit it by rep, team, region, role or manager_id."
        )
    if not crm.has("reps", "hired_on"):
        raise CannotSayError(
            "Ramp cannot be said: no rep has a hire date. Add hired_on to the reps, and name its "
            "column under [columns.reps].",
            lacks="no hire dates",
        )
    known = crm.owner_history or crm.has("opportunities", "created_by")
    if reach.inherited == "left out" and not known:
        raise CannotSayError(
            "Which opportunities a rep inherited cannot be said: the export has no history of "
            "owners, and the opportunities have no created_by. Export one of them, or count "
            'them with inherited="counted".',
            lacks="no history of owners",
        )
    if to != "first won":
        exchange.check(crm, Split((), ()))
    if to == "quota" and crm.quotas["metric"].ne(quotas.METRIC).all():
        raise CannotSayError(
            f"When a quota was reached cannot be said: there are no quotas of {quotas.METRIC}.",
            lacks="no quotas",
        )


def _asked(to: str, share: float | None, kept: int | None) -> tuple[float, int]:
    """Give the share to reach and for how many units, those of the word unless said."""
    usual_share, usual_kept = USUAL[to]
    return usual_share if share is None else share, usual_kept if kept is None else kept


def _people(crm: CRM, groups: Split, until: pd.Timestamp, span: Period | None) -> pd.DataFrame:
    """List the reps of a table, with how they can be followed: from when, until when."""
    people = crm.sellers
    for _, name, value in groups.only:
        people = people[people[name].eq(value)]
    hired = people["hired_on"]
    people = people[hired.isna() | (hired <= until)]
    if span is not None:
        people = people[people["hired_on"].between(pd.Timestamp(span.start), moment(span.end))]
    left = people["left_on"].where(people["left_on"] <= until)
    began = _begin(crm)
    return people.assign(
        ends=left.fillna(until.normalize()),
        gone=left.notna(),
        early=people["hired_on"] < began,
        followed=people["hired_on"] >= began,
    ).reset_index(drop=True)


def _begin(crm: CRM) -> pd.Timestamp:
    """Find the day of the first opportunity of the export."""
    first = crm.first("opportunities", "created_at") or crm.first("stage_visits", "entered_at")
    return pd.Timestamp(first).normalize()


def _wins(crm: CRM, until: pd.Timestamp, renewals: str, reach: Milestone) -> pd.DataFrame:
    """Sum what each rep won each day."""
    of_value = reach.to != "first won"
    worth = "sum(k.amount)" if of_value else "count(*)"
    lacks = f", min(k.lacks) as {exchange.LACKS}" if of_value else ""
    return counting.ask(
        crm,
        counting.Question(
            Split((), ()),
            ("wins",),
            until=until,
            renewals=renewals,
            said={
                **{"credit": "final", "of": "value" if of_value else "opportunities"},
                **{"owners_known": crm.owner_history},
            },
            select=f"select r.rep_id, p.cohort_at::date::timestamp as day, {worth} as won{lacks}",
            group=f"{'' if reach.inherited == 'counted' else 'and p.own'} group by r.rep_id, day",
        ),
    )


def _until_first(people: pd.DataFrame, wins: pd.DataFrame) -> Followed:
    """Follow each rep to the first day on which something was won."""
    since = wins.merge(people[["rep_id", "hired_on", "ends"]], on="rep_id")
    inside = since[since["day"].between(since["hired_on"], since["ends"])]
    first = inside.groupby("rep_id")["day"].min().reindex(people["rep_id"]).set_axis(people.index)
    return _followed(people, first, people["ends"])


def _followed(people: pd.DataFrame, event: pd.Series, ends: pd.Series) -> Followed:
    """Count days from being hired to an event, or to the end where there is none."""
    stop = event.fillna(ends)
    days = (stop - people["hired_on"].dt.normalize()).dt.days.clip(lower=0)
    return Followed(days.to_numpy(dtype=np.float64), event.notna().to_numpy())


def _spans(crm: CRM, unit: str, until: pd.Timestamp) -> pd.DataFrame:
    """List the months or quarters that are over, from the first of the export on."""
    every = definitions.spans(crm, unit)
    inside = (every["starts_on"] >= _begin(crm)) & (every["ends_on"] <= until.normalize())
    return every[inside].reset_index(drop=True)


def _sold(reps: pd.Series, wins: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Lay out what each rep sold in each span."""
    at = spans["starts_on"].searchsorted(wins["day"], side="right") - 1
    inside = (at >= 0) & (wins["day"] <= spans["ends_on"].reindex(at).to_numpy())
    summed = wins[inside].assign(span=at[inside]).groupby(["rep_id", "span"])["won"].sum()
    return summed.unstack("span").reindex(index=reps, columns=range(len(spans))).fillna(0.0)


def _of_tenured(
    crm: CRM, sold: pd.DataFrame, spans: pd.DataFrame, tenured: int
) -> NDArray[np.float64]:
    """Find what those tenured sold on average in each span; missing where there was none."""
    people = crm.sellers
    hired = (people["hired_on"] + pd.Timedelta(days=tenured)).to_numpy()[:, None]
    there = (hired <= spans["starts_on"].to_numpy()) & _still(people, spans)
    if not there.any():
        raise CannotSayError(
            f"What tenured reps sell cannot be said: nobody was there for {tenured} days before a "
            "period of the export. Ask for fewer days, such as tenured=180.",
            lacks="no tenured reps",
        )
    amounts = np.where(there, sold.reindex(people["rep_id"]).to_numpy(), 0.0).sum(axis=0)
    many = there.sum(axis=0)
    means = np.divide(amounts, many, where=many > 0, out=np.full(len(spans), np.nan))
    return np.broadcast_to(means, sold.shape)


def _still(people: pd.DataFrame, spans: pd.DataFrame) -> NDArray[np.bool_]:
    """Say who was still there at the end of each span."""
    left = people["left_on"].fillna(pd.Timestamp.max.normalize()).to_numpy()[:, None]
    return left >= spans["ends_on"].to_numpy()


def _quotas(crm: CRM, spans: pd.DataFrame) -> NDArray[np.float64]:
    """Lay out the quota of each rep in each span."""
    targets = {}
    for place, name in enumerate(spans["name"]):
        found = quotas.of_period(crm, crm.period(name))
        targets[place] = found.groupby("rep_id")["target"].sum()
    table = pd.DataFrame(targets).reindex(index=crm.reps["rep_id"], columns=range(len(spans)))
    if table.isna().all(axis=None):
        named = ", ".join(sorted(crm.quotas["period"].dropna().unique())[:3])
        raise CannotSayError(
            f"The quotas ({named}, ...) are not of these periods. Ask for unit="
            f"{'quarter' if spans['name'].str.contains('M').any() else 'month'!r}.",
            lacks="no quotas of these periods",
        )
    return table.to_numpy(dtype=np.float64)


def _until_kept(
    people: pd.DataFrame,
    sold: pd.DataFrame,
    bar: NDArray[np.float64],
    spans: pd.DataFrame,
    kept: int,
) -> Followed:
    """Follow each rep to the end of the first span with enough, kept for as long as asked.

    Until the last ones of those to be kept are over nobody knows: following ends before.
    """
    at = sold.index.get_indexer(people["rep_id"])
    there = (people["hired_on"].to_numpy()[:, None] <= spans["starts_on"].to_numpy()) & (
        people["ends"].to_numpy()[:, None] >= spans["ends_on"].to_numpy()
    )
    enough = there & (sold.to_numpy()[at] >= bar[at]) & (bar[at] > 0)
    judged = _in_a_row(there, kept)
    first = _in_a_row(enough, kept)
    ends = np.append(spans["ends_on"].to_numpy(), np.datetime64("NaT"))
    none = len(spans)
    reached = np.where(first.any(axis=1), first.argmax(axis=1), none)
    last = np.where(judged.any(axis=1), none - 1 - judged[:, ::-1].argmax(axis=1), none)
    event, end = (pd.Series(ends[place], index=people.index) for place in (reached, last))
    return _followed(people, event, end.fillna(people["hired_on"].dt.normalize()))


def _in_a_row(holds: NDArray[np.bool_], many: int) -> NDArray[np.bool_]:
    """Say where something holds, and in so many places from there on."""
    padded = np.pad(holds, ((0, 0), (0, many)), constant_values=False)
    size = holds.shape[1]
    return np.logical_and.reduce([padded[:, k : k + size] for k in range(many)])


def _measured(
    people: pd.DataFrame, lasted: Followed, groups: Split, confidence: float
) -> pd.DataFrame:
    """Bring the counts and the quantiles of each group together."""
    keys = list(groups.columns)
    if keys:
        table = (
            people[keys]
            .drop_duplicates()
            .sort_values(keys, key=definitions.counting_up, ignore_index=True)
        )
        cell = people[keys].merge(table.assign(cell=range(len(table))), on=keys)["cell"].to_numpy()
    else:
        table, cell = pd.DataFrame(index=[0]), np.zeros(len(people), dtype=np.int64)
    size, followed = len(table), people["followed"].to_numpy()

    def count(which: pd.Series | NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(cell[np.asarray(which, dtype=bool)], minlength=size)

    curves = durations.curves(
        lasted.days[followed],
        lasted.ramped[followed],
        cell[followed],
        np.ones(int(followed.sum()), dtype=np.int64),
        groups=size,
    )
    low, high = durations.quantile_interval(curves, 0.5, confidence=confidence)
    waiting = followed & ~lasted.ramped
    return table.assign(
        reps=count(followed),
        ramped=count(followed & lasted.ramped),
        not_yet=count(waiting),
        left=count(waiting & people["gone"].to_numpy()),
        low=low,
        high=high,
        not_followed=count(people["early"]),
        without_hire_date=count(people["hired_on"].isna()),
        **{name: durations.quantile(curves, part) for name, part in QUANTILES.items()},
    )
