"""Stage visits: one stay of one opportunity in one stage under one rep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from enablement.read import engine
from enablement.read.engine import Table, View
from enablement.read.store import Store
from enablement.settings import Settings

# After every stage, so that a tie within a moment ends with the outcome; of two outcomes in
# one moment the last of these holds.
OUTCOME_PLACES = {"cancelled": 1_000, "lost": 1_001, "won": 1_002}
# Every text that may stand in these columns of ``moves``.
MOVED = {
    "outcome": tuple(OUTCOME_PLACES),
    "exit": ("advanced", "back", "handed off", "open", *OUTCOME_PLACES),
}
NO_CODE = "0"  # codes begin with 1
MOST_WORDS = 100  # forecast categories are a handful, unless people write what they like


def places(settings: Settings) -> pd.DataFrame:
    """List where each stage stands.

    Returns
    -------
    pandas.DataFrame
        ``pipeline``, ``stage``, ``place`` (1 for the first stage), ``outcome``
        (won, lost, cancelled; missing for a stage that is no outcome).
    """
    rows: list[tuple[str, str, int, str | None]] = []
    for pipeline, stages in settings.pipelines.items():
        rows += [(pipeline, stage, place, None) for place, stage in enumerate(stages, start=1)]
        rows += [
            (pipeline, name, OUTCOME_PLACES[what], what) for name, what in settings.outcomes.items()
        ]
    return pd.DataFrame(rows, columns=["pipeline", "stage", "place", "outcome"])


def build(store: Store, settings: Settings, stage_dates: dict[str, tuple[str, str | None]]) -> None:
    """Build the visits, and beside them the outcomes in the order they came.

    The store must hold the trusted ``opportunities`` (numbered by ``n``),
    ``stage_events`` and ``owner_changes``. Everything is coded: opportunities by ``n``,
    stages by ``code`` (see ``spots``), reps by ``rep`` (see ``rep_codes``), so that ten
    million events are a matter of small numbers. Made are

    ``event_steps``
        the stage events.
    ``more_steps``
        those that the opportunities themselves tell: one per stage date, and the present
        stage where nothing dated leads up to it.
    ``moves``
        a row per change of stage or rep, and per outcome.

    Parameters
    ----------
    stage_dates : column of the opportunities -> stage, and pipeline if only one is meant; what
        they hold besides is counted in `enablement.read.rules.stagedates`
    """
    store.run("create or replace view numbered as select * from opportunities")
    _codes(store, settings)
    store.lay("event_steps", STEPS, words=_words(store))
    store.make("more_steps", "select * from event_steps where false")
    store.run("create or replace view steps as from event_steps union all from more_steps")
    if stage_dates:
        store.make("told", "select distinct n from event_steps where origin <> 'derived'")
    for column, (stage, pipeline) in stage_dates.items():
        _add_stage_date(store, column, stage, pipeline)
    store.make("derived", engine.text("read", "derived").format(last=QUICK_LAST))
    store.run(
        "insert into more_steps by name "
        "select n, entered_at, code, 'derived' as origin, true as present from derived"
    )
    store.lay("moves", moves(_owned(store), settings), words=MOVED)


def moves(owned: str, settings: Settings) -> str:
    """Write the SQL of ``moves``.

    Parameters
    ----------
    owned : that of the steps with their owners; see `owned`
    """
    listed = spots(settings)
    ends = listed.loc[listed["outcome"].notna(), "code"]
    # A list of numbers, as to join ten million steps with a few rows takes a tenth of all.
    return engine.text("read", "moves").format(
        owned=owned, ends=", ".join(map(str, ends)) or NO_CODE
    )


def _words(store: Store) -> dict[str, tuple[str, ...]]:
    """List the words of columns of the events that have few of them."""
    found: dict[str, tuple[str, ...]] = {}
    if store.bare("stage_events"):
        return found
    for column, given in (("origin", "coalesce(origin, 'history')"), ("forecast_category", "")):
        words = store.query(
            f"select distinct {given or column} as word from stage_events "
            f"where {given or column} is not null order by 1 limit {MOST_WORDS + 1}"
        )["word"]
        if 0 < len(words) <= MOST_WORDS:
            found[column] = tuple(words)
    return found


def spots(settings: Settings) -> pd.DataFrame:
    """Number the places of stages, in an order that settles ties: ``code``."""
    listed = places(settings).sort_values(["pipeline", "place", "stage"], ignore_index=True)
    return listed.assign(code=(listed.index + 1).astype("int16"))


# Reps by numbers, what is needed of each opportunity, and the changes of owner.
CODES = {
    "rep_codes": "select rep_id, row_number() over (order by rep_id)::integer as rep from ("
    "select rep_id from opportunities union select rep_id from stage_events "
    "union select from_rep from owner_changes union select to_rep from owner_changes) "
    "where rep_id is not null",
    "known": "select o.n, o.opportunity_id, o.pipeline, o.closed_at, r.rep from opportunities o "
    "left join rep_codes r using (rep_id)",
    "hands": "select o.n, c.changed_at, f.rep as from_rep, t.rep as to_rep from owner_changes c "
    "join known o using (opportunity_id) "
    "left join rep_codes f on f.rep_id = c.from_rep "
    "left join rep_codes t on t.rep_id = c.to_rep",
}


def _codes(store: Store, settings: Settings) -> None:
    """Number stages and reps, in an order that settles ties."""
    store.add("spots", spots(settings))
    for name, sql in CODES.items():
        store.make(name, sql)


STEPS = (
    "select o.n, e.entered_at, "
    # An event without a date of its own came before the closing, and after all that is dated.
    "case when e.entered_at is null then o.closed_at end as placed_at, "
    "s.code, r.rep, e.amount, e.expected_close, e.forecast_category, e.probability, "
    "coalesce(e.origin, 'history') as origin, false as present "
    "from stage_events e join known o using (opportunity_id) "
    "join spots s on s.pipeline = o.pipeline and s.stage = e.stage "
    "left join rep_codes r on r.rep_id = e.rep_id"
)


def _add_stage_date(store: Store, column: str, stage: str, pipeline: str | None) -> None:
    where = "o.n not in (select n from told)"
    if pipeline is not None:
        where += f" and o.pipeline = {engine.literal(pipeline)}"
    store.run(f"insert into more_steps by name {_of_date(column, stage)} and {where}")


def _of_date(column: str, stage: str) -> str:
    name = engine.quoted(column)
    return (
        f"select o.n, o.{name} as entered_at, s.code, 'stage dates' as origin, false as present "
        "from opportunities o "
        f"join spots s on s.pipeline = o.pipeline and s.stage = {engine.literal(stage)} "
        f"where o.{name} is not null"
    )


# The steps that opportunities tell, as rows of ``steps``: by the dates of stages, and by the
# present stage.
_TOLD = (
    "select n, entered_at, null::timestamp as placed_at, code, null::integer as rep, "
    "null::double as amount, null::timestamp as expected_close, null::varchar as "
    "forecast_category, null::double as probability, {origin}::varchar as origin, "
    "{present} as present from {source}"
)
PRESENT = _TOLD.format(origin="'derived'", present="true", source="derived")


def dated(stage_dates: Mapping[str, str]) -> str:
    """Write the SQL of the steps that columns with the date of a stage tell; stage -> column."""
    told = "o.n not in (select n from event_steps where origin <> 'derived')"
    texts = [
        f"({_of_date(column, stage)} and {told})" for stage, column in stage_dates.items()
    ] or ["(select n, code, null::timestamp as entered_at from opportunities, spots where false)"]
    return " union all ".join(
        _TOLD.format(origin="'stage dates'", present="false", source=f"{text} t") for text in texts
    )


# The last stage of the steps; of one moment the highest. As one number it takes half the time.
LAST = "arg_max(code, (coalesce(entered_at, timestamp '-infinity'), code))"
QUICK_LAST = (
    "(max((coalesce(epoch_us(entered_at), -10000000000000000) + 10000000000000000)::hugeint "
    "* 65536 + code) % 65536)::smallint"
)
ORDERED = "(select *, coalesce(entered_at, placed_at) as ordered_at from steps)"
NOW = "join (select n, rep as now from known) using (n)"


# How many steps name their rep, and whether there are changes of owner.
NAMED = (
    "select (select count(*) from hands) as hands, count(*) as steps, count(rep) as named "
    "from steps where not present"
)
# The present stage belongs to who had the one before.
LAST_OWNERS = (
    "select n, arg_max(rep, (coalesce(entered_at, timestamp '-infinity'), code, rep)) as before "
    "from event_steps where n in (select n from more_steps) group by n"
)


def owned(*, hands: int, steps: int, named: int) -> str:
    """Write the SQL of the steps with their owners; plain where no owner has to be found.

    It reads ``last_owners`` (see `LAST_OWNERS`) beside the tables that `build` makes.

    Parameters
    ----------
    hands, steps, named : as `NAMED` counts them
    """
    if hands or named not in (0, steps):
        return engine.text("read", "owners").format(ordered=ORDERED)
    if not named:
        return _plain(f"steps {NOW}", "now")
    present = _plain(f"more_steps left join last_owners using (n) {NOW}", "coalesce(before, now)")
    return f"{_plain('event_steps', 'rep')} union all {present}"


def _owned(store: Store) -> str:
    sql = owned(**store.one(NAMED))
    if "last_owners" in sql:
        store.make("last_owners", LAST_OWNERS)
    return sql


def _plain(steps: str, owner: str) -> str:
    return (
        "select n, entered_at as happened_at, coalesce(entered_at, placed_at) as ordered_at, code, "
        f"amount, present, false as handed, {owner} as owner from {steps}"
    )


KEPT = ("numbered", "event_steps", "more_steps", "moves", "spots", "rep_codes")
EVENTS = (
    "select o.opportunity_id, e.entered_at, s.stage, r.rep_id, e.amount, e.expected_close, "
    "e.forecast_category, e.probability, e.origin "
    "from (from event_steps union all from more_steps) e join numbered o using (n) "
    "join spots s on s.code = e.code left join rep_codes r on r.rep = e.rep"
)
VISITS = (
    "select o.opportunity_id, m.visit::bigint as visit, o.pipeline, s.stage, "
    "m.place as stage_order, r.rep_id, m.happened_at as entered_at, m.next_at as left_at, m.exit, "
    "coalesce(m.amount, o.amount) as amount from moves m join numbered o using (n) "
    "join spots s on s.code = m.code left join rep_codes r on r.rep = m.owner "
    "where m.outcome is null"
)
CLOSINGS = (
    "select o.opportunity_id, m.closing::bigint as closing, m.happened_at as closed_at, "
    "m.outcome, r.rep_id from moves m join numbered o using (n) "
    "left join rep_codes r on r.rep = m.owner where m.outcome is not null"
)
# Table -> the SQL that makes it of what is kept, and the order in which its rows stand.
OF_KEPT = {
    "opportunities": ("select * exclude (n, rep_code, creator_code) from numbered", ""),
    "stage_events": (EVENTS, ""),
    "stage_visits": (VISITS, "opportunity_id, visit"),
    "closings": (CLOSINGS, "opportunity_id, closing"),
}
# What measures count, in which opportunities and reps may be small numbers: what is shown has the
# id of an opportunity from `shown_id`, and that of a rep from the reps, found by `rep_key`.
CODED = {
    "opportunities": "select * exclude (n) replace (n as opportunity_id, rep_code as rep_id), "
    "opportunity_id as shown_id from numbered",
    "stage_events": "select e.n as opportunity_id, e.entered_at, s.stage, s.place, "
    "e.amount, e.expected_close from (from event_steps union all from more_steps) e "
    "join spots s on s.code = e.code",
    "stage_visits": "select n as opportunity_id, visit, place as stage_order, owner as rep_id, "
    "happened_at as entered_at, next_at as left_at, exit from moves where outcome is null",
    "closings": "select n as opportunity_id, closing, happened_at as closed_at, outcome, "
    "owner as rep_id from moves where outcome is not null",
    "reps": "select r.*, c.rep as rep_key from listed_reps r left join rep_codes c using (rep_id)",
}
UNCODED = {
    "opportunities": "select *, opportunity_id as shown_id, created_by as creator_code "
    "from listed_opportunities",
    "stage_events": "select e.opportunity_id, e.entered_at, e.stage, p.place, e.amount, "
    "e.expected_close from listed_events e join listed_opportunities o using (opportunity_id) "
    "left join places p on p.pipeline = o.pipeline and p.stage = e.stage",
    "stage_visits": "select opportunity_id, visit, stage_order, rep_id, entered_at, left_at, exit "
    "from listed_visits",
    "closings": "select opportunity_id, closing, closed_at, outcome, rep_id from listed_closings",
    "reps": "select *, rep_id as rep_key from listed_reps",
}


def counted(
    sources: Mapping[str, Table], settings: Settings, kept: Mapping[str, Path]
) -> dict[str, Table]:
    """Give the tables that measures count.

    Parameters
    ----------
    sources : the tables as they are handed over
    kept : the coded tables that a reading left, if they come from one
    """
    if kept:
        tables: dict[str, Table] = {**kept, "listed_reps": sources["reps"]}
    else:
        tables = {
            "listed_opportunities": sources["opportunities"],
            "listed_events": sources["stage_events"],
            "listed_visits": sources["stage_visits"],
            "listed_closings": sources["closings"],
            "listed_reps": sources["reps"],
            "places": places(settings),
        }
    texts = CODED if kept else UNCODED
    return {**sources, **{name: View(sql, tables) for name, sql in texts.items()}}
