"""What each number means: the names of definitions, in one line each, and how to split by."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import CannotSayError, EnablementError, choices
from enablement.measure.estimates import ALPHA, Homogeneity
from enablement.periods import Period, moment
from enablement.read import engine, visits
from enablement.read.crm import CRM
from enablement.read.engine import Kept, View


@dataclasses.dataclass(frozen=True, slots=True)
class Definition:
    """A meaning of conversion that has a name.

    says : what is counted, in a line
    sql : the texts that count it, in order
    cohorts : what a period can mean for it, as in "begun in 2026Q3"; its own meaning first
    ratio : whether the rate is a ratio of two counts, not a share; it has no interval
    past : whether an earlier moment needs a history of stages
    matures : whether a cohort's rate still changes as its open ones are decided
    """

    says: str
    sql: tuple[str, ...]
    cohorts: tuple[str, ...]
    ratio: bool = False
    past: bool = True
    matures: bool = True


CONVERSIONS = {
    "reached": Definition(
        "moved on / entered: every stage up to the deepest one reached, a skipped stage counts "
        "as passed, open ones stay in the denominator",
        ("reached", "passages"),
        ("begun",),
    ),
    "strict": Definition(
        "moved on / entered: a stage only after all earlier ones in their order; open ones stay "
        "in the denominator",
        ("strict", "passages"),
        ("begun",),
    ),
    "touch": Definition(
        "entered the next stage : entered this one, in whatever order; a ratio of two counts, "
        "not a share",
        ("touched",),
        ("begun",),
        ratio=True,
    ),
    "decided": Definition(
        "moved on / entered, of those won or lost: a skipped stage counts as passed, open ones "
        "are left out",
        ("decided", "passages"),
        ("decided", "begun"),
        past=False,
    ),
    "decided, touched": Definition(
        "entered the next stage : entered this one, of those won or lost; a ratio of two counts, "
        "not a share",
        ("touched",),
        ("decided", "begun"),
        ratio=True,
        past=False,
    ),
    "visit": Definition(
        "(advanced + won) / stays, of all stays, those that go on included",
        ("visit",),
        ("entered", "begun"),
    ),
    "visit, finished": Definition(
        "(advanced + won) / stays that ended by advancing, being won or lost, or going back",
        ("visit",),
        ("entered", "begun"),
    ),
    "period": Definition(
        "moved on within the period / in the stage at some moment of it",
        ("period",),
        ("counted",),
        matures=False,
    ),
    "within": Definition(
        "moved on within {within} days of the first entry / entered at least {within} days ago",
        ("within",),
        ("entered", "begun"),
        matures=False,
    ),
    "estimate": Definition(
        "estimated share that moved on from the first actual entry {reading}, by Aalen-Johansen: "
        "being lost or cancelled competes, open ones are undecided and not failed, a loss that was "
        "reopened is no outcome",
        ("endings", "estimate"),
        ("entered", "begun"),
        matures=False,
    ),
}
NAMES = (
    *("reached", "strict", "touch", "decided", "visit", "period", "within", "estimate"),
    "headline",
)
SKIPPED = ("passed", "touched")
STAYS = ("all", "finished")
CREDITS = ("at_entry", "final", "first", "share")
CREDIT_WORDS = {
    "at_entry": "owner at entry",
    "final": "owner at close",
    "first": "first owner",
    "share": "each owner by the days of having it in the stage",
}
OF = ("opportunities", "value")
LONGEST = 20  # digits of a number in a name
IMMATURE = 0.10  # of those counted, still open: from here on the headline is an estimate
WIN_RATES = {
    "decided": "won / (won + lost); open and cancelled ones are in neither",
    "value": "amount won / (amount won + amount lost); open and cancelled ones are in neither",
    "created": "won / all created, open, lost and cancelled ones included",
}
SALES_CYCLE = "days from {start} to won, of those won; the interval is that of the median"
RENEWALS = ("left out", "counted")
PLURALS = {
    **{"rep_id": "reps", "team": "teams", "region": "regions", "role": "roles"},
    **{"manager_id": "managers", "account_id": "accounts", "segment": "segments"},
    **{"industry": "industries", "product": "products", "period": "quarters"},
}
REP_COLUMNS = ("team", "region", "role", "manager_id")
ACCOUNT_COLUMNS = ("segment", "industry")
RESULTS = (
    *("entered", "moved_on", "rate", "low", "high", "won", "to_won", "lost", "back"),
    *("handed_off", "cancelled", "open", "immature", "overlap", "overlap_won", "place"),
    *("mean", "median", "p90", "days", "sold", "quota", "attainment", "remaining", "coverage"),
    *("created", "without_amount", "with_amount", "largest", "definition", "weakest"),
    *("se", "lost_rate", "cancelled_rate", "day", "to_won_low", "to_won_high", "to_won_se"),
    *("to_lost", "to_won_day", "undated", "reached", "still_open", "period"),
    *("left", "p25", "p75", "batch_updated"),
    *("opportunities", "pushed", "pushes", "per_opportunity", "without_date"),
    *("due", "slipped", "without_list", "list", "win_rate", "average", "velocity"),
    "part",
    *("deviation", "deviated", "out_of", "times"),
    *("activity_type", "planned", "booked", "held", "no_show", "without_status", "counted"),
    *("working_days", "per_day", "linked"),
    *("at_quota", "share_at_quota", "required", "short", "yield", "create_and_close"),
    *("pulled_in", "yield_low", "yield_high", "periods", "basis"),
    *("reps", "ramped", "not_yet", "not_followed", "without_hire_date"),
    *("headcount", "joiners", "leavers", "accounts", "potential", "untouched", "over"),
    *("without_potential", "won_without_potential"),
    *("decided", "shrunk", "shrunk_low", "shrunk_high", "rank_low", "rank_high", "q"),
    *("stands_out", "lower_95", "upper_95", "lower_998", "upper_998", "outside"),
    *("adjusted", "adjusted_low", "adjusted_high", "adjusted_team", "covered"),
    *("overall", "difference"),
)
NOT_GROUPS = (
    *RESULTS,
    *("opportunity_id", "rep_id", "stage", "outcome", "name", "amount"),
    *("created_at", "expected_close", "closed_at", "last_stage_change", "first_won_on"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Split:
    """How a table is split.

    columns : the names of the group columns in the table, such as ``rep_id``
    sources : for each, ``r`` (a column of the reps), ``o`` (of the opportunities) or ``p``
        (the period of its cohort)
    only : (source, column, value) of what a table is limited to
    """

    columns: tuple[str, ...]
    sources: tuple[str, ...]
    only: tuple[tuple[str, str, str], ...] = ()

    def select(self) -> str:
        """Write the group columns as SQL over ``o`` (opportunities) and ``r`` (reps)."""
        return "".join(
            f"{source}.{engine.quoted(name)} as {engine.quoted(name)}, "
            for name, source in zip(self.columns, self.sources, strict=True)
        )

    def limit(self) -> str:
        """Write what the table is limited to as an SQL condition."""
        return " and ".join(
            ["true"]
            + [
                f"{source}.{engine.quoted(name)}::varchar = {engine.literal(value)}"
                for source, name, value in self.only
            ]
        )

    def __str__(self) -> str:
        """Say in words what the table is limited to, for a definition line."""
        return "".join(f"; only {name} {value}" for _, name, value in self.only)


def split(
    crm: CRM,
    by: str | Sequence[str] | None,
    where: Mapping[str, str] | None = None,
    *,
    cohorts: bool = False,
    table: str = "opportunities",
) -> Split:
    """Read what a table is to be split by and limited to.

    Parameters
    ----------
    by : None, ``rep``, a column of the reps (team, region, role), of the opportunities
        (source, product, type, any extra column) or of their accounts (segment,
        industry), or several
    where : column -> the one value to count, such as ``{"team": "North 1"}``
    cohorts : whether the table can be split by ``period`` too, the fiscal quarter of
        each cohort
    table : what has the columns that are not the reps'

    Raises
    ------
    EnablementError
        If there is no such column or value; the message names the known and the nearest.
    CannotSayError
        If it is a column of the reps of which no value is known, such as their teams.
    """
    wanted = _names(by)
    if where is not None and not isinstance(where, Mapping):
        raise EnablementError(f'where={where!r} is no dict such as {{"team": "North 1"}}.')
    found = [
        ("period", "p") if cohorts and name == "period" else _column(crm, name, table)
        for name in wanted
    ]
    only = []
    for name, value in (where or {}).items():
        column, source = _column(crm, name, table)
        values = crm.values(_holder(crm, column, source, table), column)
        if str(value) not in values:
            raise EnablementError(f"No {name} is called {value!r}. {choices(value, values)}")
        only.append((source, column, str(value)))
    return Split(
        columns=tuple(column for column, _ in found),
        sources=tuple(source for _, source in found),
        only=tuple(only),
    )


def _names(by: str | Sequence[str] | None) -> list[str]:
    """Read `by` as a list of names, each once."""
    wanted = [] if by is None else [by] if isinstance(by, str) else by
    if not isinstance(wanted, (list, tuple)) or not all(isinstance(name, str) for name in wanted):
        raise EnablementError(f"by={by!r} is neither the name of a column nor a list of names.")
    return list(dict.fromkeys(wanted))


def _column(crm: CRM, name: str, table: str) -> tuple[str, str]:
    if name in ("rep", "rep_id"):
        return "rep_id", "r"
    if name in REP_COLUMNS and crm.has("reps", name):
        return name, "r"
    more = _of_accounts(crm) if table == "opportunities" else []
    known = [c for c in (*crm.columns(table), *more) if c not in NOT_GROUPS]
    if name in known:
        return name, "o"
    if name in REP_COLUMNS:
        raise CannotSayError(
            f"Cannot split by {name!r}: of no rep is it known. Give the list of reps a column "
            f"{name}.",
            lacks=f"no {name} of any rep",
        )
    if name == "period":
        raise EnablementError(
            "There is no column 'period' here, to split by or to limit to. One period is named "
            "with period=, such as period='2026Q3'."
        )
    of_reps = [column for column in REP_COLUMNS if crm.has("reps", column)]
    raise EnablementError(f"Cannot split by {name!r}. {choices(name, ['rep', *of_reps, *known])}")


def _holder(crm: CRM, column: str, source: str, table: str) -> str:
    """Name the table that has a column."""
    if source == "r":
        return "reps"
    return "accounts" if table == "opportunities" and column in _of_accounts(crm) else table


def _of_accounts(crm: CRM) -> list[str]:
    """Name the columns that accounts know and opportunities do not."""
    return [
        name
        for name in ACCOUNT_COLUMNS
        if name in crm.columns("accounts")
        and crm.has("accounts", name)
        and not (name in crm.columns("opportunities") and crm.has("opportunities", name))
    ]


def names_accounts(crm: CRM, sql: str) -> bool:
    """Whether a text names a column that accounts know and opportunities do not."""
    return bool(set(_of_accounts(crm)).intersection(re.findall(r"\w+", sql)))


def opportunities(crm: CRM, table: engine.Table) -> engine.Table:
    """Give the opportunities, with what is known of their accounts and not of them."""
    told = _of_accounts(crm)
    if not told:
        return table
    named = ", ".join(f"min({name}) as {name}" for name in told)
    empty = [name for name in told if name in crm.columns("opportunities")]
    sql = f"""
        select o.*{f" exclude ({', '.join(empty)})" if empty else ""}, {", ".join(told)}
        from counted_opportunities o
        left join (select account_id, {named} from accounts
                   where account_id is not null group by account_id) using (account_id)
    """
    return View(sql, {"counted_opportunities": table, "accounts": crm.sources["accounts"]})


def everybody(crm: CRM, counted: pd.DataFrame, groups: Split) -> pd.DataFrame:
    """List every group that a table must show, those without a count included.

    A table by rep alone shows each rep who sells; any other split shows the
    groups that occur.
    """
    if groups.columns == ("rep_id",):
        sellers = crm.sellers
        for source, name, value in groups.only:
            if source == "r":
                sellers = sellers[sellers[name].eq(value)]
        order = [column for column in ("team", "name") if column in sellers]
        sellers = sellers.sort_values(order, key=counting_up)["rep_id"]
        rest = counted.loc[~counted["rep_id"].isin(sellers), "rep_id"].drop_duplicates()
        return pd.DataFrame({"rep_id": pd.concat([sellers, rest], ignore_index=True)})
    if not groups.columns:
        return pd.DataFrame(index=[0])
    found = counted[list(groups.columns)].drop_duplicates()
    return found.sort_values(list(groups.columns), key=counting_up, ignore_index=True)


def counting_up(names: pd.Series) -> pd.Series:
    """Give what sorts names as one counts, Team 2 before Team 10; anything else sorts as it is."""
    if not pd.api.types.is_string_dtype(names):
        return names
    return names.str.replace(r"\d+", lambda digits: digits[0].zfill(LONGEST), regex=True)


def stage_apart(by: str | Sequence[str] | None) -> tuple[list[str], bool]:
    """Take ``stage`` out of what a table is to be split by, and say whether it was there."""
    wanted = _names(by)
    return [name for name in wanted if name != "stage"], "stage" in wanted


def labels(crm: CRM, groups: Split) -> dict[str, str]:
    """Name the reps of a table for the reader; rep_id -> name, with the id where two share it."""
    if "rep_id" not in groups.columns:
        return {}
    ids, names = crm.reps["rep_id"], crm.reps["name"]
    shared = names.duplicated(keep=False)
    told = names.where(~shared, names + " (" + ids + ")")
    return dict(zip(ids, told, strict=True))


def check_word(argument: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a value that an argument does not know, naming those it does."""
    if value not in known:
        raise EnablementError(f"{argument}={value!r}. {choices(value, list(known))}")


def check_past(crm: CRM, until: pd.Timestamp, what: str) -> None:
    """Refuse an earlier moment where only the present is known.

    Raises
    ------
    CannotSayError
        If the export has no stage history and ends after `until`.
    """
    if not crm.stage_history and until.date() < crm.seen_until:
        raise CannotSayError(
            f"{what} as of {until:%Y-%m-%d} cannot be said: the export has no stage history, only "
            f"the state of {crm.seen_until:%Y-%m-%d}. Export the history of stages too.",
            lacks="no stage history",
        )


def verdict(
    test: Homogeneity | None,
    groups: Split,
    name: str = "chi-square",
    *,
    tests: int = 1,
    each: str = "stages",
    spread: bool = True,
) -> str:
    """Say in a sentence whether groups differ beyond chance; nothing where none was compared.

    Parameters
    ----------
    tests : how many there are like it, such as one per stage; p is multiplied by their number
    each : what there is one of them for
    spread : whether a spread between the groups was found too, where one was looked for
    """
    if test is None:
        return ""
    what, p = plural(groups), min(1.0, test.p * tests)
    how = (
        f"{name} {test.statistic:,.1f} on {test.freedom} "
        f"{'degree' if test.freedom == 1 else 'degrees'} of freedom, "
        f"p {p_value(p)}{', by permutation' if test.simulated else ''}"
        f"{f', corrected for {tests} {each}' if tests > 1 else ''}"
    )
    if p < ALPHA and not spread:
        how += ", but their rates spread no wider than chance"
    elif p < ALPHA:
        return f"The {test.groups:,} {what} differ by more than chance ({how})."
    return f"Between the {test.groups:,} {what} no difference can be detected ({how})."


def verdicts(
    found: Mapping[str, Homogeneity | None], groups: Split, *, each: str
) -> dict[str, str]:
    """Say `verdict` of each of several tests, corrected for their number; of none compared none."""
    done = {name: test for name, test in found.items() if test is not None}
    return {name: verdict(test, groups, tests=len(done), each=each) for name, test in done.items()}


def plural(groups: Split) -> str:
    """Name the members of a split."""
    return PLURALS.get(groups.columns[0], "groups") if len(groups.columns) == 1 else "groups"


def p_value(p: float) -> str:
    """Write a probability with its sign, such as ``= 0.26`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def describe(
    table: pd.DataFrame, *, definition: str, until: pd.Timestamp, crm: CRM, **more: object
) -> pd.DataFrame:
    """Give a table the lines that must travel with it.

    Sets in ``attrs``: ``definition``, ``as_of``, ``ended`` (the last day seen where `until` lies
    after it: what is open is then taken to have stood still since; else ""), ``currency`` and what
    else is given.
    """
    always = {
        "definition": definition,
        "as_of": f"{until:%Y-%m-%d}",
        "ended": _ended(crm, until),
        "currency": currency(crm),
    }
    table.attrs.update({**always, **more})
    return table


def _ended(crm: CRM, until: pd.Timestamp) -> str:
    try:
        last = crm.seen_until
    except CannotSayError:
        return ""
    return f"{last:%Y-%m-%d}" if until.date() > last else ""


USED = "select * from listed where $renewals = 'counted' or type is distinct from 'renewal'"
GOING_ON = "select distinct opportunity_id, true as goes_on from seen where exit = 'open'"


def seen_tables(crm: CRM, until: pd.Timestamp, renewals: str) -> dict[str, engine.Table]:
    """Give the tables that can be seen at a moment.

    Besides those of the export: ``used`` (the opportunities that count), ``seen`` (the stays that
    had begun), ``going_on`` (the opportunities whose last stay goes on), ``clicked_through``
    (those in several stages, all entered on one day), ``states`` (how each stood) and ``entries``
    (its first stay in each stage). Ids may be small numbers; see
    `enablement.read.visits.counted`.
    """
    told, said = crm.counted, seen(crm, until, renewals)
    stays = View(engine.text("measure", "seen"), {"stage_visits": told["stage_visits"]}, said)
    ends = {"opportunities": told["opportunities"], "closings": told["closings"]}
    return {
        "opportunities": opportunities(crm, told["opportunities"]),
        "stage_events": told["stage_events"],
        "stage_visits": told["stage_visits"],
        "reps": told["reps"],
        "closings": told["closings"],
        "used": View(USED, {"listed": told["opportunities"]}, said),
        "seen": stays,
        "going_on": Kept(GOING_ON, {"seen": stays}),
        "clicked_through": Kept(engine.text("measure", "clicked_through"), {"seen": stays}),
        "states": Kept(engine.text("measure", "states"), {**ends, "seen": stays}, said),
        "entries": Kept(engine.text("measure", "entries"), {"seen": stays}),
        "places": visits.places(crm.settings),
        "rates": crm.sources["rates"],
    }


def seen(crm: CRM, until: pd.Timestamp, renewals: str) -> dict[str, object]:
    """Give the parameters that the SQL of `seen_tables` asks for."""
    try:
        export = moment(crm.seen_until)
    except CannotSayError:
        export = until  # nothing has a date, so that every moment sees all of it
    return {
        "until": until.to_pydatetime(),
        "export": export.to_pydatetime(),
        "renewals": renewals,
        # To hold names against each other that are all the same takes longer than all else.
        "one_pipeline": len(crm.settings.pipelines) == 1,
    }


def per_pipeline(crm: CRM, by: str | Sequence[str] | None) -> list[str]:
    """Split by pipeline too, where there are several: their stages are not the same."""
    wanted = _names(by)
    several = len(crm.settings.pipelines) > 1 and "pipeline" not in wanted
    return ["pipeline", *wanted] if several else wanted


def currencies(crm: CRM) -> list[str]:
    """List the currencies of the amounts."""
    return crm.values("opportunities", "currency", beside="amount")


def currency(crm: CRM) -> str:
    """Name the currency of the amounts, where there is one; else the workspace's."""
    found = currencies(crm)
    return found[0] if len(found) == 1 else crm.settings.currency


def cycle_start(crm: CRM) -> str:
    """Say from when the days of a cycle are counted."""
    if crm.has("opportunities", "created_at"):
        return "created"
    first = next(iter(crm.dated_stages), None)
    return f"entering {first}" if first else "the first stage entry"


def span(period: Period | None) -> dict[str, object]:
    """The first and last moment of a period, as parameters for SQL; None for all time."""
    if period is None:
        return {"first": None, "last": None}
    return {
        "first": pd.Timestamp(period.start).to_pydatetime(),
        "last": moment(period.end).to_pydatetime(),
    }


NO_SPANS = pd.DataFrame(
    {
        "name": pd.Series(dtype="str"),
        **dict.fromkeys(("starts_on", "ends_on"), pd.Series(dtype="datetime64[us]")),
    }
)


def spans(crm: CRM, kind: str) -> pd.DataFrame:
    """List the fiscal quarters or months for SQL: name, starts_on, ends_on."""
    named = crm.settings.calendar.every(kind)
    return pd.DataFrame(
        {
            "name": pd.Series([each.name for each in named], dtype="str"),
            "starts_on": pd.to_datetime([each.start for each in named]),
            "ends_on": pd.to_datetime([each.end for each in named]),
        }
    )


def quarters(crm: CRM, groups: Split) -> pd.DataFrame:
    """List the fiscal quarters for the SQL of ``credit``; none where the table has no cohorts."""
    return spans(crm, "quarter") if "p" in groups.sources else NO_SPANS


def left_out(crm: CRM, renewals: str) -> str:
    """Say, where there are renewals and they are not counted, that they are left out."""
    some = "renewal" in crm.values("opportunities", "type")
    return "; renewals left out" if some and renewals == "left out" else ""


def credit(crm: CRM, rule: str) -> str:
    """Say who is credited; without a history of owners that is the current one."""
    return rule if crm.owner_history else "current owner, history not available"
