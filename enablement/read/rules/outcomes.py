"""How each opportunity ended, what it is worth, and what came after its end."""

from __future__ import annotations

from collections.abc import Mapping

from enablement import settings as workspace
from enablement.errors import SettingsError
from enablement.read import tables, values, visits
from enablement.read.engine import case, literal
from enablement.read.rules.desk import Desk

TYPES_TOLD = 5  # so many kinds of business are named that the settings do not know
AFTER_FIRST = "(closing > 1 or closing = 1 and outcome is null)"


def outcome_by_status(desk: Desk) -> None:
    """Where the CRM says won or lost beside the stage, let that be the last stage.

    Raises
    ------
    SettingsError
        If the settings have no name for such an outcome.
    """
    if not desk.count("opportunities", "status is not null or status_reason is not null"):
        return
    desk.store.own("opportunities")
    desk.store.run(
        "update opportunities set status = 'cancelled' where status_reason = 'cancelled'; "
        "update opportunities set amount = actual_amount where status = 'won' and "
        "actual_amount is not null; update opportunities set loss_reason = status_reason "
        "where status = 'lost' and loss_reason is null and status_reason not in ('won', "
        "'lost', 'open', 'cancelled'); "
        "update opportunities set closed_at = case status when 'won' then won_at "
        "when 'lost' then lost_at end where closed_at is null and status in ('won', 'lost')"
    )
    inside = ", ".join(map(literal, desk.said.outcomes))
    for word in workspace.OUTCOMES:
        where = f"status = '{word}' and coalesce(stage not in ({inside}), true)"
        rows = desk.count("opportunities", where)
        if rows:
            _closed_by_status(desk, word, where, rows)


def _closed_by_status(desk: Desk, word: str, where: str, rows: int) -> None:
    names = [name for name, what in desk.said.outcomes.items() if what == word]
    if not names:
        raise SettingsError(
            f"{rows:,} {'opportunity has' if rows == 1 else 'opportunities have'} the status "
            f"{word}, and {desk.said.origin} has "
            f'no name for it. Add to [outcomes]: {word.title()} = "{word}".'
        )
    desk.note_where("opportunities", where, f"{word} by its status, not by its stage")
    at = {"won": "coalesce(won_at, closed_at)", "lost": "coalesce(lost_at, closed_at)"}
    desk.store.own("stage_events")
    desk.store.run(
        "insert into stage_events by name select opportunity_id, last_stage_change as "
        "entered_at, stage, 'derived' as origin, file, row from opportunities "
        f"where {where} and stage is not null; "
        f"update opportunities set stage = {literal(names[0])}, last_stage_change = null, "
        f"closed_at = {at.get(word, 'closed_at')} where {where}"
    )


def outcomes_and_amounts(desk: Desk) -> None:
    """Say each one's outcome by its stage, and put its dates and amounts where they belong."""
    _contradictions(desk)
    outcome = case("stage", desk.said.outcomes, "'open'")
    zero = f"{outcome} = 'lost' and amount = 0"
    if desk.said.zero_amount_when_lost == "kept":
        zero = "false"
    note = "amount 0 of a lost one read as unknown"
    desk.note_where("opportunities", zero, note)
    desk.ledger.otherwise(note, desk.opportunities(zero, f"{outcome} as outcome, amount"))
    kinds = tables.kinds_of_business(desk.said)
    _types_unknown(desk, kinds)
    made = {
        "type": case("type", kinds, "null"),
        "currency": f"coalesce(currency, {literal(desk.said.currency)})",
        "amount": f"case when {zero} then null else amount end",
        # A close date on an open one is when it is expected, not when it happened.
        "expected_close": f"case when {outcome} = 'open' then coalesce(expected_close, "
        "closed_at) else expected_close end",
        "closed_at": f"case when {outcome} <> 'open' then closed_at end",
        "outcome": outcome,
        "n": _numbers(desk),
    }
    desk.store.change("opportunities", made)


def _contradictions(desk: Desk) -> None:
    """Count where the CRM's own flags say another outcome than the stage, which holds."""
    columns = desk.store.columns("opportunities")
    words = ", ".join(map(literal, values.TRUE))
    for flag, meant in (("IsWon", ["won"]), ("IsClosed", list(workspace.OUTCOMES))):
        if flag in columns:
            stages = [name for name, what in desk.said.outcomes.items() if what in meant]
            inside = f"coalesce(stage in ({', '.join(map(literal, stages)) or 'null'}), false)"
            flagged = f"(lower({flag}::varchar) in ({words}))"
            where = f"{flag} is not null and {flagged} <> {inside}"
            note = f"{flag} contradicts the stage, which holds"
            desk.note_where("opportunities", where, note)
            if flag == "IsWon":
                by_flag = f"case when {flagged} then 'won' else 'lost' end as outcome, amount"
                desk.ledger.otherwise(note, desk.opportunities(where, by_flag))


def _types_unknown(desk: Desk, kinds: Mapping[str, str]) -> None:
    """Count the kinds of business that are none of ours, and are read as unknown."""
    strange = desk.store.query(
        "select file, type, count(*) as n from opportunities where type is not null and type "
        f"not in ({', '.join(map(literal, kinds))}) group by all order by n desc, file, type"
    )
    for file, rows in strange.groupby("file"):
        listed = ", ".join(map(repr, rows["type"].head(TYPES_TOLD)))
        more = ", ..." if len(rows) > TYPES_TOLD else ""
        note = f"type read as unknown, for want of a line in [types]: {listed}{more}"
        desk.ledger.note(
            "opportunities", desk.sources[int(str(file))].file, note, int(rows["n"].sum())
        )


def _numbers(desk: Desk) -> str:
    """Write the SQL of a number for each opportunity: its place among the rows of all files."""
    sizes = desk.store.query(
        "select file, max(row) + 1 as rows from opportunities group by file order by file"
    )
    before = sizes["rows"].cumsum() - sizes["rows"]
    cases = "".join(
        f" when {file} then row + {rows}" for file, rows in zip(sizes["file"], before, strict=True)
    )
    return f"(case file{cases or ' when 0 then row'} end)::integer"


def closed(desk: Desk) -> None:
    """Fill a missing close date from the history."""
    if not desk.count("opportunities", "outcome <> 'open' and closed_at is null"):
        return
    desk.store.own("opportunities")
    desk.store.run(
        "update opportunities set closed_at = m.happened_at from (select n, "
        "arg_max_null(happened_at, k) as happened_at from moves where outcome is not null "
        "group by n) m where m.n = opportunities.n and opportunities.outcome <> 'open' "
        "and opportunities.closed_at is null and m.happened_at is not null"
    )


def moves(desk: Desk) -> None:
    """Count rows that move nothing, ties and reopenings; leave out the last if so said."""
    found = desk.store.one(
        "select (select count(*) from steps) as steps, "
        "count(*) filter (not handed) as moved, count(*) filter (tied) as tied, "
        f"count(distinct case when {AFTER_FIRST} then n end) as again, "
        f"count(*) filter ({AFTER_FIRST}) as later from moves"
    )
    said = {
        "history rows that change neither stage nor rep": found["steps"] - found["moved"],
        "entered in the same moment as the stage before; in the order of the stages":
            found["tied"],
    }  # fmt: skip
    if found["again"]:
        _reopened(desk, "reopened after an outcome")
    if desk.said.rule("reopened") == "ignored":
        moves = f"select * from moves where not {AFTER_FIRST}"
        desk.store.lay("moves", moves, words=visits.MOVED)
        said["visits and outcomes after an opportunity's first outcome, left out"] = found["later"]
    for note, rows in said.items():
        desk.ledger.note("stage_events", "", note, rows)
    desk.ledger.note("opportunities", "", "reopened after an outcome", found["again"])


def _reopened(desk: Desk, note: str) -> None:
    """Keep what reopened ones would count as by the other choice; end them if so said."""
    desk.store.make(
        "first_ends",
        "select m.n, m.outcome, m.happened_at, s.stage from moves m join spots s using (code) "
        "where m.closing = 1 and m.outcome is not null "
        f"and m.n in (select n from moves where {AFTER_FIRST})",
    )
    ends = desk.said.rule("reopened") == "ignored"
    outcome = "o.outcome" if ends else "f.outcome"
    without = desk.store.query(
        f"select o.opportunity_id, {outcome}, o.amount from opportunities o "
        "join first_ends f using (n) order by o.file, o.row"
    )
    desk.ledger.otherwise(note, without)
    if ends:
        desk.store.own("opportunities")
        desk.store.run(
            "update opportunities set outcome = f.outcome, stage = f.stage, "
            "closed_at = f.happened_at from first_ends f where f.n = opportunities.n"
        )
