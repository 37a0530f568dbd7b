"""Stage visits: one stay of one opportunity in one stage under one rep."""

from __future__ import annotations

import pandas as pd

from enablement.read import engine
from enablement.read.engine import Store
from enablement.settings import Settings

# After every stage, so that a tie within a moment ends with the outcome; of two outcomes in
# one moment the last of these holds.
OUTCOME_PLACES = {"cancelled": 1_000, "lost": 1_001, "won": 1_002}


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
    ``stage_events`` and ``owner_changes``. The events that the opportunities
    themselves tell go into ``more_events``: one per stage date, and the present
    stage where nothing dated leads up to it. ``moves`` is made: a row per change of
    stage or rep, and per outcome.

    Parameters
    ----------
    stage_dates : column of the opportunities -> stage, and pipeline if only one is meant;
        those that a history ``told`` of are left out, see `Rules.stage_dates`
    """
    _codes(store, settings)
    store.run(
        "create table more_events as select opportunity_id, entered_at, stage, origin "
        "from stage_events where false"
    )
    store.make("steps", STEPS)
    for column, (stage, pipeline) in stage_dates.items():
        _add_stage_date(store, column, stage, pipeline)
    store.make("derived", engine.text("read", "derived"))
    store.run(
        "insert into more_events by name "
        "select opportunity_id, entered_at, stage, 'derived' as origin from derived"
    )
    store.run(
        "insert into steps select d.n, d.entered_at, d.entered_at, d.code, null, o.amount, true "
        "from derived d join opportunities o using (n)"
    )
    store.make("owned", _owned(store))
    store.make("moves", engine.text("read", "moves"))


def _codes(store: Store, settings: Settings) -> None:
    """Number stages and reps, in an order that settles ties."""
    store.show("listed", places(settings))
    store.make(
        "spots",
        "select *, row_number() over (order by pipeline, place, stage)::smallint as code "
        "from listed",
    )
    store.forget("listed")
    store.make(
        "rep_codes",
        "select rep_id, row_number() over (order by rep_id)::integer as rep from ("
        "select rep_id from opportunities union select rep_id from stage_events "
        "union select from_rep from owner_changes union select to_rep from owner_changes) "
        "where rep_id is not null",
    )
    rep = "left join rep_codes r using (rep_id)"
    store.make("owned_now", f"select o.n, r.rep from opportunities o {rep}")
    store.make(
        "hands",
        "select o.n, c.changed_at, f.rep as from_rep, t.rep as to_rep from owner_changes c "
        "join opportunities o using (opportunity_id) "
        "left join rep_codes f on f.rep_id = c.from_rep "
        "left join rep_codes t on t.rep_id = c.to_rep",
    )


# An event without a date of its own came before the closing, and after all that is dated.
STEPS = (
    "select o.n, e.entered_at, coalesce(e.entered_at, o.closed_at) as ordered_at, s.code, r.rep, "
    "coalesce(e.amount, o.amount) as amount, false as present "
    "from stage_events e join opportunities o using (opportunity_id) "
    "join spots s on s.pipeline = o.pipeline and s.stage = e.stage "
    "left join rep_codes r on r.rep_id = e.rep_id"
)


def _add_stage_date(store: Store, column: str, stage: str, pipeline: str | None) -> None:
    name = engine.quoted(column)
    where = f"o.{name} is not null and o.opportunity_id not in (select opportunity_id from told)"
    if pipeline is not None:
        where += f" and o.pipeline = {engine.literal(pipeline)}"
    store.run(
        "insert into more_events by name select o.opportunity_id, "
        f"o.{name} as entered_at, {engine.literal(stage)} as stage, 'stage dates' as origin "
        "from opportunities o "
        f"join spots s on s.pipeline = o.pipeline and s.stage = {engine.literal(stage)} "
        f"where {where}"
    )
    store.run(
        f"insert into steps select o.n, o.{name}, o.{name}, s.code, null, o.amount, false "
        "from opportunities o "
        f"join spots s on s.pipeline = o.pipeline and s.stage = {engine.literal(stage)} "
        f"where {where}"
    )


def _owned(store: Store) -> str:
    """Write the SQL of the steps with their owners; plain where no owner has to be found."""
    seen = store.one(
        "select (select count(*) from hands) as hands, count(*) as steps, count(rep) as named "
        "from steps where not present"
    )
    if seen["hands"] or seen["named"] not in (0, seen["steps"]):
        return engine.text("read", "owners")
    last = "arg_max(rep, (coalesce(happened_at, timestamp '-infinity'), code))"
    if seen["named"]:  # the present stage belongs to who had the one before
        return (
            "with r as (select n, entered_at as happened_at, ordered_at, code, rep, amount, "
            f"present from steps), l as (select n, {last} as rep from r where not present "
            "group by n) select r.* exclude (rep), coalesce(r.rep, l.rep, o.rep) as owner "
            "from r left join l using (n) join owned_now o using (n)"
        )
    return (
        "select r.n, r.entered_at as happened_at, r.ordered_at, r.code, r.amount, r.present, "
        "o.rep as owner from steps r join owned_now o using (n)"
    )


EVENTS = (
    "select opportunity_id, entered_at, stage, rep_id, amount, expected_close, "
    "forecast_category, probability, coalesce(origin, 'history') as origin "
    "from (select * from stage_events union all by name select * from more_events)"
)
VISITS = (
    "select o.opportunity_id, m.visit, o.pipeline, s.stage, m.place as stage_order, r.rep_id, "
    "m.happened_at as entered_at, m.next_at as left_at, m.exit, coalesce(m.amount, o.amount) as "
    "amount from moves m join opportunities o using (n) join spots s using (code) "
    "left join rep_codes r on r.rep = m.owner where m.outcome is null order by m.n, m.k"
)
CLOSINGS = (
    "select o.opportunity_id, m.closing, m.happened_at as closed_at, m.outcome, r.rep_id "
    "from moves m join opportunities o using (n) left join rep_codes r on r.rep = m.owner "
    "where m.outcome is not null order by m.n, m.k"
)
