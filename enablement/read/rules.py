"""The rules that turn read tables into trusted ones, and what each did to how many rows."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from enablement import settings as workspace
from enablement.errors import EnablementError, ExportError, SettingsError, choices
from enablement.read import engine, renames, schema, tables, values, visits
from enablement.read.engine import Store, literal, quoted
from enablement.read.findings.orders import named, orders_in
from enablement.read.quality import Ledger
from enablement.settings import Settings

OWNERS = (
    *(("opportunities", "rep_id"), ("stage_events", "rep_id"), ("owner_changes", "from_rep")),
    *(("owner_changes", "to_rep"), ("activities", "rep_id"), ("quotas", "rep_id")),
)
COLUMNS_TOLD = 3  # so many columns are named whose dates are left out
TYPES_TOLD = 5  # so many kinds of business are named that the settings do not know
ONCE = "select count(*) = count(distinct opportunity_id) as fine from opportunities"
AFTER_FIRST = "(closing > 1 or closing = 1 and outcome is null)"
# A history holds every entry, the date of a stage only its last one: the history counts.
TOLD_BY_HISTORY = (
    "select distinct opportunity_id from stage_events where origin is distinct from 'derived'"
)
NOT_HANDED_OVER = ("file", "row", "n", *schema.USED_UP["opportunities"], "first_name", "last_name")


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the rows of a table came from, so that a message can name the line.

    file : the name of the file
    headers : our column -> the file's header
    lines : row positions -> lines in the file
    stage_dates : our column -> the stage whose entry it dates, and the pipeline if one is meant
    crm : whose export it is, if that was recognised
    table : as what it was read; a history of fields is worked into others. None of what was
        found by comparing dated copies
    """

    file: str
    headers: Mapping[str, str]
    lines: Callable[[set[int]], dict[int, int]]
    stage_dates: Mapping[str, tuple[str, str | None]] = dataclasses.field(default_factory=dict)
    crm: str | None = None
    table: str | None = None


class Rules:
    """Each method is a rule; what it did stands in the ledger, under the rule's name.

    Parameters
    ----------
    store : with every table of the schema, as read
    said : the settings, which can turn some rules round
    ledger : where rows that are set aside, changed or flagged are entered
    sources : by the number that stands in the column ``file``
    """

    def __init__(
        self, store: Store, said: Settings, ledger: Ledger, sources: Mapping[int, Source]
    ) -> None:
        self.store, self.said, self.ledger, self.sources = store, said, ledger, sources
        self._placed: set[str] = set()  # tables of which every row has its opportunity

    def apply(self) -> None:
        """Apply them all, in their order."""
        self.names_for_ids()
        self.history_of_fields()
        self.ids_made()
        self.deleted()
        self.merged()
        self.repeated_ids()
        self.repeated_rows()
        self.activities_once()
        self.links()
        self.opportunities_by_name()
        self.owner_names()
        self.outcome_by_status()
        self.stage_from_history()
        self.pipelines_known()
        self.stages_renamed()
        self.stages_known("opportunities", "t.pipeline")
        self.outcomes_and_amounts()
        for table in ("stage_events", "owner_changes"):
            self.belonging(table)
        self.stages_known("stage_events", "o.pipeline")
        self.owner_changes()

    def names_for_ids(self, copies: Iterable[str] = ()) -> None:
        """Put the names of stages and pipelines in place of their ids.

        Parameters
        ----------
        copies : tables with the opportunities of dated copies, which are compared by name
        """
        known = ", ".join(map(literal, self.said.known_stages))
        for table in ("opportunities", "stage_events", "changes", *copies):
            self._translate(table, "stage", "stage_names", "stage_id", known)
        named = ", ".join(map(literal, self.said.pipelines))
        for table in ("opportunities", *copies):
            self._translate(table, "pipeline", "pipeline_names", "pipeline_id", named)

    def _translate(self, table: str, column: str, names: str, key: str, known: str) -> None:
        """Replace an id by its name, where the settings do not know the id itself."""
        if not self._count(names, "true"):
            return
        where = f"{column} not in ({known}) and {column} in (select {key} from {names})"
        if self._count(table, where):
            of = "opportunities" if table.startswith("opportunities") else table
            self._note_where(table, where, f"{column} given by id, read by its name", of=of)
            self.store.own(table)
            self.store.run(
                f"update {table} set {column} = names.{column} from (select {key}, "
                f"any_value({column}) as {column} from {names} group by {key}) names "
                f"where names.{key} = {table}.{column} and {table}.{column} not in ({known})"
            )

    def history_of_fields(self) -> None:
        """Work the history of fields into stage events and changes of owner."""
        if not self._count("changes", "true"):
            return
        self.store.own("stage_events")
        self.store.run(engine.text("read", "fields"))

    def deleted(self) -> None:
        """Leave out what the CRM itself calls deleted."""
        if self.said.rule("deleted") == "kept":
            return
        why = "is true: the CRM calls it deleted"
        self._set_aside("opportunities", "is_deleted", "is_deleted", why)
        if self._count("activities", "is_deleted"):  # several files may tell of one
            gone = "activity_id in (select activity_id from activities where is_deleted)"
            self._set_aside("activities", gone, "is_deleted", why)

    def merged(self) -> None:
        """Leave out what was merged into another one."""
        told = "merged_ids is not null or merged_into is not null"
        if self.store.bare("merges") and not self._count("opportunities", told):
            return
        self.store.run(engine.text("read", "merges"))
        if self.said.rule("merged") == "set aside":
            for table in ("opportunities", "stage_events", "owner_changes"):
                self._set_aside(
                    table,
                    "opportunity_id in (select opportunity_id from merges)",
                    "opportunity_id",
                    "was merged into another one",
                )

    def repeated_rows(self) -> None:
        """Say of rows without an id how many are the same as another one in everything."""
        made = "exists (select 1 from made where made.file = opportunities.file)"
        if not self.store.one("select count(*) as n from made")["n"]:
            return
        rest = ", ".join(
            quoted(name)
            for name in self.store.columns("opportunities")
            if name not in ("opportunity_id", "row")
        )
        again = (
            "(file, row) in (select (file, row) from opportunities qualify row_number() over "
            f"(partition by {rest} order by file, row) > 1) and {made}"
        )
        if self.said.rule("repeated_rows") == "first":
            self._set_aside("opportunities", again, "opportunity_id", "is made, and the row "
                            "repeats another one in everything")  # fmt: skip
        else:
            note = "the row repeats another one in everything; without ids both are used"
            self._note_where("opportunities", again, note)

    def activities_once(self) -> None:
        """Put together what several files tell of one activity."""
        again = (
            "activity_id in (select activity_id from activities group by activity_id "
            "having count(*) > 1)"
        )
        if not self._count("activities", again):
            return
        note = "one activity in several rows, put together"
        self._note_where("activities", again, note)
        told = ", ".join(
            f"arg_min({quoted(name)}, (file, row)) as {quoted(name)}"
            for name in self.store.columns("activities")
            if name != "activity_id"
        )
        self.store.own("activities")
        self.store.make("joined", f"select activity_id, {told} from activities group by all")
        self.store.run("drop table activities; alter table joined rename to activities")

    def links(self) -> None:
        """Give activities and opportunities what tables beside them say belongs to them."""
        if not self._count("links", "true"):
            return
        for table, key in (("activities", "activity_id"), ("opportunities", "opportunity_id")):
            strange = f"{key} is not null and {key} not in (select {key} from {table})"
            self._set_aside("links", strange, key, f"is not among the {table}")
        for column in ("opportunity_id", "account_id", "contact_id"):
            self._link("activities", "activity_id", column, "true")
        self._link("opportunities", "opportunity_id", "account_id", "activity_id is null")

    def _link(self, table: str, key: str, column: str, which: str) -> None:
        where = f"{key} is not null and {column} is not null and {which}"
        self.store.make(
            "linked",
            f"select {key}, arg_min({column}, (file, row)) as {column}, "
            f"count(distinct {column}) as several from links where {where} group by {key}",
        )
        many = f"{key} in (select {key} from linked where several > 1)"
        self._note_where(table, many, f"several {column} belong to it, the first one is used")
        self.store.own(table)
        self.store.run(
            f"update {table} set {column} = linked.{column} from linked "
            f"where linked.{key} = {table}.{key} and {table}.{column} is null"
        )

    def owner_names(self) -> None:
        """Find the rep whose name stands where an id is expected."""
        named = "rep_id is null and owner_name is not null"
        if self._count("opportunities", named):
            self.store.own("opportunities")
            self.store.run(f"update opportunities set rep_id = owner_name where {named}")
        self._owner_told_twice()
        if self.said.rule("owner_names") == "kept" or not self._count("reps", "name is not null"):
            return
        self.store.make(
            "rep_names",
            "select lower(trim(name)) as known_as, any_value(rep_id) as id, "
            "count(distinct rep_id) as people from reps where name is not null group by 1",
        )
        for table, column in OWNERS:
            self._named_owner(table, column)

    def _owner_told_twice(self) -> None:
        """Of a change of owner that stands there by ids and by names, use the one by ids."""
        ids = (
            "(select rep_id from reps union all "
            "select rep_id from opportunities where not exists (select 1 from reps))"
        )
        again = (
            f"to_rep not in {ids} and (opportunity_id, changed_at) in "
            f"(select (opportunity_id, changed_at) from owner_changes where to_rep in {ids})"
        )
        if self._count("owner_changes", again):
            note = "change of owner told by names too; the row with ids is used"
            self._note_where("owner_changes", again, note)
            self.store.own("owner_changes")
            self.store.run(f"delete from owner_changes where {again}")

    def _named_owner(self, table: str, column: str) -> None:
        if self.store.bare(table):
            return
        name = f"lower(trim({table}.{column}))"
        unknown = f"{column} is not null and {column} not in (select rep_id from reps)"
        told = self.store.query(  # each once first: there are many rows and few reps
            f"select who, people from (select distinct {column} as who from {table}) "
            "join rep_names r on r.known_as = lower(trim(who)) "
            "where who not in (select rep_id from reps) order by 1"
        )
        for who in told.loc[told["people"] > 1, "who"]:
            self._note_where(
                table,
                f"{column} = {literal(who)}",
                f"{column} {who!r} is the name of several reps; it stays a name",
            )
        one = f"{unknown} and {name} in (select known_as from rep_names where people = 1)"
        if (told["people"] == 1).any():
            self._note_where(table, one, f"{column} given by name, matched to the rep's id")
            self.store.own(table)
            self.store.run(
                f"update {table} set {column} = r.id from rep_names r "
                f"where r.people = 1 and r.known_as = {name} and {unknown}"
            )

    def opportunities_by_name(self) -> None:
        """Find the opportunity whose name stands in a history where an id is expected."""
        for table in ("stage_events", "owner_changes"):
            strange = f"select file, row from {table} where {_unknown(table)} limit 1"
            if self.store.bare(table) or self.store.query(strange).empty:
                self._placed.add(table)
                continue
            where = (
                f"{_unknown(table)} and {table}.opportunity_id in (select name from "
                "opportunities group by name having count(*) = 1)"
            )
            if self._count(table, where):
                self._note_where(table, where, "opportunity given by name, matched to its id")
                self.store.own(table)
                self.store.run(
                    f"update {table} set opportunity_id = o.opportunity_id from opportunities o "
                    f"where o.name = {table}.opportunity_id and {where}"
                )

    def outcome_by_status(self) -> None:
        """Where the CRM says won or lost beside the stage, let that be the last stage.

        Raises
        ------
        SettingsError
            If the settings have no name for such an outcome.
        """
        if not self._count("opportunities", "status is not null or status_reason is not null"):
            return
        self.store.own("opportunities")
        self.store.run(
            "update opportunities set status = 'cancelled' where status_reason = 'cancelled'; "
            "update opportunities set amount = actual_amount where status = 'won' and "
            "actual_amount is not null; update opportunities set loss_reason = status_reason "
            "where status = 'lost' and loss_reason is null and status_reason not in ('won', "
            "'lost', 'open', 'cancelled'); "
            "update opportunities set closed_at = case status when 'won' then won_at "
            "when 'lost' then lost_at end where closed_at is null and status in ('won', 'lost')"
        )
        inside = ", ".join(map(literal, self.said.outcomes))
        for word in workspace.OUTCOMES:
            where = f"status = '{word}' and coalesce(stage not in ({inside}), true)"
            rows = self._count("opportunities", where)
            if rows:
                self._closed_by_status(word, where, rows)

    def _closed_by_status(self, word: str, where: str, rows: int) -> None:
        names = [name for name, what in self.said.outcomes.items() if what == word]
        if not names:
            raise SettingsError(
                f"{rows:,} {'opportunity has' if rows == 1 else 'opportunities have'} the status "
                f"{word}, and {self.said.origin} has "
                f'no name for it. Add to [outcomes]: {word.title()} = "{word}".'
            )
        self._note_where("opportunities", where, f"{word} by its status, not by its stage")
        at = {"won": "coalesce(won_at, closed_at)", "lost": "coalesce(lost_at, closed_at)"}
        self.store.own("stage_events")
        self.store.run(
            "insert into stage_events by name select opportunity_id, last_stage_change as "
            "entered_at, stage, 'derived' as origin, file, row from opportunities "
            f"where {where} and stage is not null; "
            f"update opportunities set stage = {literal(names[0])}, last_stage_change = null, "
            f"closed_at = {at.get(word, 'closed_at')} where {where}"
        )

    def ids_made(self) -> None:
        """Make the ids that are not there from file and row."""
        absent = self._by_file("opportunities", "opportunity_id is null")
        self.store.make(
            "made", "select distinct file from opportunities where opportunity_id is null"
        )
        if absent:
            self.store.own("opportunities")
        for file, rows in absent.items():
            name = self.sources[file].file
            self.ledger.note("opportunities", name, "opportunity_id made from file and row", rows)
            self.store.run(
                f"update opportunities set opportunity_id = {literal(name + ' row ')} || (row + 1) "
                f"where opportunity_id is null and file = {file}"
            )

    def repeated_ids(self) -> None:
        """Use one row of an id that stands twice.

        Raises
        ------
        ExportError
            If the settings say that this stops the reading.
        """
        rule = self.said.rule("repeated_ids")
        order = "file, row" if rule == "first" else "file desc, row desc"
        if rule == "stop" and not self.store.one(ONCE)["fine"]:
            first = self.store.query(
                "select file, row, opportunity_id from opportunities qualify row_number() over "
                "(partition by opportunity_id order by file, row) > 1 order by file, row limit 1"
            ).iloc[0]
            raise ExportError(
                f"{self._where(first, 'opportunity_id')}: {first['opportunity_id']!r} stands "
                f'twice, and {self.said.origin} says rules.repeated_ids = "stop".'
            )
        self._set_aside(
            "opportunities",
            "(file, row) in (select (file, row) from opportunities qualify "
            f"row_number() over (partition by opportunity_id order by {order}) > 1)",
            "opportunity_id",
            f"stands twice; the {rule} one is used",
            unless=ONCE,
        )

    def stage_from_history(self) -> None:
        """Take a stage that the list of opportunities lacks from the history."""
        if not self._count("opportunities", "stage is null"):
            return
        self.store.show("listed", visits.places(self.said).drop_duplicates("stage"))
        self.store.make(
            "last_seen",
            "select opportunity_id, arg_max(stage, at_last) as stage, "
            "arg_max(rep_id, at_last) as rep_id from (select e.*, (coalesce(entered_at, "
            "timestamp '-infinity'), coalesce(listed.place, 0), stage, coalesce(rep_id, '')) "
            "as at_last from stage_events e left join listed using (stage)) "
            "group by opportunity_id",
        )
        self.store.own("opportunities")
        self.store.run(
            "update opportunities set stage = coalesce(opportunities.stage, l.stage), "
            "rep_id = coalesce(opportunities.rep_id, l.rep_id) from last_seen l "
            "where l.opportunity_id = opportunities.opportunity_id "
            "and (opportunities.stage is null or opportunities.rep_id is null)"
        )
        self._set_aside("opportunities", "stage is null", "stage", "is missing, and has no history")

    def pipelines_known(self) -> None:
        """Stop at a pipeline that the settings do not know.

        Raises
        ------
        SettingsError
            Naming file, line, pipeline, the known ones and the nearest.
        """
        names = list(self.said.pipelines)
        if len(names) == 1:
            self.store.change("opportunities", {"pipeline": literal(names[0])})
            return
        known = ", ".join(map(literal, names))
        strange = self.store.query(
            "select file, row, coalesce(pipeline, '') as pipeline from opportunities "
            f"where coalesce(pipeline, '') not in ({known}) order by file, row limit 1"
        )
        if len(strange):
            first = strange.iloc[0]
            raise SettingsError(
                f"{self._where(first, 'pipeline')}: {self.said.origin} "
                f"does not know the pipeline {first['pipeline']!r}. "
                f"{choices(first['pipeline'], names)}"
            )
        self.store.change("opportunities", {"pipeline": "coalesce(pipeline, '')"})

    def stages_renamed(self) -> None:
        """Give every stage the name that it has today, by the day on which it was entered."""
        if not self.said.renamed_stages:
            return
        self.store.show("renames", renames.table(self.said))
        own = (
            "coalesce(case when renames.is_outcome then t.closed_at else t.last_stage_change end, "
            f"timestamp '{self.said.exported_on or dt.date.max}')"
        )
        join = renames.join(stage="t.stage", pipeline="t.pipeline", day=own)
        self._rename("opportunities", f"opportunities t {join}")
        join = renames.join(stage="t.stage", pipeline="o.pipeline", day="t.entered_at")
        self._rename(
            "stage_events", f"stage_events t join opportunities o using (opportunity_id) {join}"
        )
        self.store.forget("renames")

    def _rename(self, table: str, joined: str) -> None:
        self.store.make(
            "renamed",
            f"select t.file, t.row, t.stage as said, renames.meant from {joined} "
            "where renames.meant is not null",
        )
        counts = self.store.query(
            "select said, meant, file, count(*) as n from renamed group by all order by all"
        )
        for said, meant, file, rows in counts.itertuples(index=False):
            note = f"stage {said!r} read as {meant!r}, its name today"
            self.ledger.note(table, self.sources[int(file)].file, note, rows)
        if len(counts):
            self.store.own(table)
            self.store.run(
                f"update {table} set stage = r.meant from renamed r "
                f"where r.file = {table}.file and r.row = {table}.row and r.said = {table}.stage"
            )

    def stages_known(self, table: str, pipeline: str) -> None:
        """Stop at a stage that the settings do not know.

        Raises
        ------
        SettingsError
            Naming file, line, stage, the known ones and the nearest.
        """
        if self.store.bare(table):
            return
        alone = len(self.said.pipelines) == 1
        there = alone or pipeline.startswith("t.")
        joined = "" if there else "join opportunities o using (opportunity_id)"
        known = " or ".join(
            f"{'true' if alone else f'{pipeline} = {literal(name)}'} and t.stage in "
            f"({', '.join(map(literal, (*stages, *self.said.outcomes)))})"
            for name, stages in self.said.pipelines.items()
        )
        unknown = (
            f"from {table} t {joined} where t.stage is not null and not coalesce({known}, false)"
        )
        strange = self.store.query(f"select distinct t.stage {unknown}")
        if len(strange):
            strange = self.store.query(
                f"select t.stage, count(*) as rows, arg_min(t.file, (t.file, t.row)) as file, "
                f"arg_min(t.row, (t.file, t.row)) as row {unknown} "
                "group by t.stage order by rows desc, min((t.file, t.row))"
            )
        if self._respelt(table, list(strange["stage"])):
            self.stages_known(table, pipeline)
        elif len(strange):
            first = strange.sort_values(["file", "row"]).iloc[0]
            raise SettingsError(self._unknown_stages(strange, self._where(first, "stage"), first))

    def _respelt(self, table: str, strange: list[str]) -> bool:
        """Give stages that differ from a known one in capitals and blanks alone its spelling."""
        meant = spellings(strange, self.said)
        if not meant or table not in ("opportunities", "stage_events"):
            return False
        self.store.own(table)
        for stage, spelt in meant.items():
            where = f"stage = {literal(stage)}"
            self._note_where(table, where, f"stage {stage!r} read as {spelt!r}")
            self.store.run(f"update {table} set stage = {literal(spelt)} where {where}")
        return True

    def _unknown_stages(self, strange: pd.DataFrame, where: str, first: pd.Series) -> str:
        found = ", ".join(
            f"{stage!r} ({rows:,} rows)" if rows > 1 else f"{stage!r} (1 row)"
            for stage, rows in zip(strange["stage"], strange["rows"], strict=True)
        )
        return (
            f"{where}: {self.said.origin} does not know the stage {first['stage']!r}. "
            f"{choices(first['stage'], self.said.known_stages)} "
            f"To add, to stages or to [outcomes]: {found}."
        )

    def stage_dates(
        self, dated: Mapping[str, tuple[str, str | None]]
    ) -> dict[str, tuple[str, str | None]]:
        """Find the dated columns that make visits, and count the dates that make none.

        Parameters
        ----------
        dated : column of the opportunities -> stage, and pipeline if only one is meant

        Raises
        ------
        SettingsError
            If a column holds dates of a stage that the settings do not know.
        """
        if not dated:
            return {}
        wanted = {
            column: (self._today(stage), pipeline)
            for column, (stage, pipeline) in dated.items()
            if stage not in self.said.unwanted_dates
        }
        self._dates_known({column: stage for column, (stage, _) in wanted.items()})
        self.store.make("told_before", TOLD_BY_HISTORY)
        told = "opportunity_id in (select opportunity_id from told_before)"
        fits = {column: self._has(*stage) for column, stage in wanted.items()}
        self._note_dates(
            {column: "true" for column in dated if column not in wanted},
            f"dates of stages left out, as {self.said.origin} says",
        )
        self._note_dates(
            {column: f"{fit} and {told}" for column, fit in fits.items()},
            "dates of stages left out, because the history has them too",
        )
        self._note_dates(
            {column: f"not {fit}" for column, fit in fits.items()},
            "dates of stages left out, because the pipeline has no such stage",
        )
        return wanted

    def _note_dates(self, columns: Mapping[str, str], note: str) -> None:
        """Count the dates of several columns, each where its own condition holds."""
        found: collections.Counter[int] = collections.Counter()
        named = []
        for column, where in columns.items():
            rows = self._by_file("opportunities", f"{quoted(column)} is not null and ({where})")
            found.update(rows)
            named += [column] * bool(rows)
        more = ", ..." if len(named) > COLUMNS_TOLD else ""
        told = f"{note}: {', '.join(named[:COLUMNS_TOLD])}{more}"
        for file, total in found.items():
            self.ledger.note("opportunities", self.sources[file].file, told, total)

    def _today(self, stage: str) -> str:
        """Say what a stage that a column is called after is called today; it may be an id."""
        if stage in self.said.known_stages:
            return stage
        named = self.store.query(
            "select distinct stage from stage_names "
            f"where lower(stage_id) = {literal(stage.lower())}"
        )["stage"]
        stage = named.iloc[0] if len(named) == 1 else stage
        return next((r.meant for r in self.said.renamed_stages if r.said == stage), stage)

    def _has(self, stage: str, pipeline: str | None) -> str:
        """Write the SQL that asks whether an opportunity's pipeline has the stage that is meant."""
        there = [
            name
            for name, stages in self.said.pipelines.items()
            if stage in (*stages, *self.said.outcomes) and pipeline in (None, name)
        ]
        return f"pipeline in ({', '.join(map(literal, there))})" if there else "false"

    def _dates_known(self, stages: Mapping[str, str]) -> None:
        """Stop at a column with dates of a stage that the settings do not know."""
        strange = []
        for column, stage in stages.items():
            where = f"{quoted(column)} is not null"
            if stage not in self.said.known_stages and (n := self._count("opportunities", where)):
                first = self.store.one(
                    f"select file, row from opportunities where {where} order by all limit 1"
                )
                strange.append({"stage": stage, "column": column, "rows": n, **first})
        if strange:
            found = pd.DataFrame(strange).drop_duplicates("stage")
            first = found.sort_values(["file", "row"], kind="stable").iloc[0]
            where = self._where(first, first["column"])
            raise SettingsError(
                f"{self._unknown_stages(found, where, first)} If its dates are not wanted: "
                f'[stage_dates] "{first["stage"]}" = "".'
            )

    def outcomes_and_amounts(self) -> None:
        """Say each one's outcome by its stage, and put its dates and amounts where they belong."""
        self._contradictions()
        outcome = self._case("stage", self.said.outcomes, "'open'")
        zero = f"{outcome} = 'lost' and amount = 0"
        if self.said.zero_amount_when_lost == "kept":
            zero = "false"
        note = "amount 0 of a lost one read as unknown"
        self._note_where("opportunities", zero, note)
        self.ledger.otherwise(note, self._opportunities(zero, f"{outcome} as outcome, amount"))
        kinds = tables.kinds_of_business(self.said)
        self._types_unknown(kinds)
        made = {
            "type": self._case("type", kinds, "null"),
            "currency": f"coalesce(currency, {literal(self.said.currency)})",
            "amount": f"case when {zero} then null else amount end",
            # A close date on an open one is when it is expected, not when it happened.
            "expected_close": f"case when {outcome} = 'open' then coalesce(expected_close, "
            "closed_at) else expected_close end",
            "closed_at": f"case when {outcome} <> 'open' then closed_at end",
            "outcome": outcome,
            "n": self._numbers(),
        }
        self.store.change("opportunities", made)

    def _numbers(self) -> str:
        """Write the SQL of a number for each opportunity: its place among the rows of all files."""
        sizes = self.store.query(
            "select file, max(row) + 1 as rows from opportunities group by file order by file"
        )
        before = sizes["rows"].cumsum() - sizes["rows"]
        cases = "".join(
            f" when {file} then row + {rows}"
            for file, rows in zip(sizes["file"], before, strict=True)
        )
        return f"(case file{cases or ' when 0 then row'} end)::integer"

    def _types_unknown(self, kinds: Mapping[str, str]) -> None:
        """Count the kinds of business that are none of ours, and are read as unknown."""
        strange = self.store.query(
            "select file, type, count(*) as n from opportunities where type is not null and type "
            f"not in ({', '.join(map(literal, kinds))}) group by all order by n desc, file, type"
        )
        for file, rows in strange.groupby("file"):
            listed = ", ".join(map(repr, rows["type"].head(TYPES_TOLD)))
            more = ", ..." if len(rows) > TYPES_TOLD else ""
            note = f"type read as unknown, for want of a line in [types]: {listed}{more}"
            self.ledger.note(
                "opportunities", self.sources[int(str(file))].file, note, int(rows["n"].sum())
            )

    def belonging(self, table: str) -> None:
        """Keep the rows whose opportunity is in the export."""
        if table in self._placed:
            return
        why = "is not among the opportunities"
        self._set_aside(table, _unknown(table), "opportunity_id", why)

    def owner_changes(self) -> None:
        """Credit everything to the present owner, if so said."""
        if self.said.rule("owner_changes") == "visits":
            return
        self.store.run("delete from owner_changes")
        if self._count("stage_events", "rep_id is not null"):
            self.store.own("stage_events")
            self.store.run("update stage_events set rep_id = null")

    def closed(self) -> None:
        """Fill a missing close date from the history."""
        if not self._count("opportunities", "outcome <> 'open' and closed_at is null"):
            return
        self.store.own("opportunities")
        self.store.run(
            "update opportunities set closed_at = m.happened_at from (select n, "
            "arg_max_null(happened_at, k) as happened_at from moves where outcome is not null "
            "group by n) m where m.n = opportunities.n and opportunities.outcome <> 'open' "
            "and opportunities.closed_at is null and m.happened_at is not null"
        )

    def moves(self) -> None:
        """Count rows that move nothing, ties and reopenings; leave out the last if so said."""
        found = self.store.one(
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
            self._reopened("reopened after an outcome")
        if self.said.rule("reopened") == "ignored":
            moves = f"select * from moves where not {AFTER_FIRST}"
            self.store.lay("moves", moves, words=visits.MOVED)
            said["visits and outcomes after an opportunity's first outcome, left out"] = found[
                "later"
            ]
        for note, rows in said.items():
            self.ledger.note("stage_events", "", note, rows)
        self.ledger.note("opportunities", "", "reopened after an outcome", found["again"])

    def _reopened(self, note: str) -> None:
        """Keep what reopened ones would count as by the other choice; end them if so said."""
        self.store.make(
            "first_ends",
            "select m.n, m.outcome, m.happened_at, s.stage from moves m join spots s using (code) "
            "where m.closing = 1 and m.outcome is not null "
            f"and m.n in (select n from moves where {AFTER_FIRST})",
        )
        ends = self.said.rule("reopened") == "ignored"
        outcome = "o.outcome" if ends else "f.outcome"
        without = self.store.query(
            f"select o.opportunity_id, {outcome}, o.amount from opportunities o "
            "join first_ends f using (n) order by o.file, o.row"
        )
        self.ledger.otherwise(note, without)
        if ends:
            self.store.own("opportunities")
            self.store.run(
                "update opportunities set outcome = f.outcome, stage = f.stage, "
                "closed_at = f.happened_at from first_ends f where f.n = opportunities.n"
            )

    def reps(self) -> pd.DataFrame:
        """List everybody who owned, closed or was to sell something, in the export's list or not.

        Of a rep with several dated assignments the last one is shown.
        """
        self.store.run(
            "update reps set name = concat_ws(' ', first_name, last_name) where name is null "
            "and (first_name is not null or last_name is not null)"
        )
        frame = self.store.query("select * exclude (first_name, last_name) from reps "
                                 "order by file, row")  # fmt: skip
        frame = _handed_over(frame.sort_values("from_on", na_position="first", kind="stable"))
        again = frame["rep_id"].duplicated(keep="last")
        self.ledger.note("reps", "", "earlier assignments of a rep, not shown", int(again.sum()))
        frame = frame[~again]
        owners = self.store.query(
            "select rep_id from rep_codes where rep in (select owner from moves union select rep "
            "from known) union select rep_id from quotas where rep_id is not null"
        )["rep_id"]
        strangers = sorted(set(owners) - set(frame["rep_id"]))
        self.ledger.note(
            "reps", "", "reps who are in no list of reps; their id serves as name", len(strangers)
        )
        added = pd.DataFrame({"rep_id": strangers}, dtype="str")
        whole = pd.concat([frame, added], ignore_index=True)
        return whole.assign(name=whole["name"].fillna(whole["rep_id"]))

    def quotas(self) -> None:
        """Keep one quota per rep, period and metric, under the period's own name."""
        if self.store.bare("quotas"):
            return
        said = self.store.query("select distinct period from quotas where period is not null")
        names = {text: self._period_name(text) for text in said["period"]}
        changed = {text: name for text, name in names.items() if text != name}
        if changed:
            self.store.run(f"update quotas set period = {self._case('period', changed, 'period')}")
        self._set_aside(
            "quotas",
            "(file, row) in (select (file, row) from quotas qualify row_number() over "
            "(partition by rep_id, period, metric order by file, row) > 1)",
            "rep_id",
            "has this quota twice; the first one is used",
        )

    def rates(self) -> None:
        """Keep one rate per pair of currencies and day, and none that is not above zero."""
        self._set_aside("rates", "not rate > 0", "rate", "is no rate: it is not above zero")
        self._set_aside(
            "rates",
            "(file, row) in (select (file, row) from rates qualify row_number() over "
            "(partition by currency, to_currency, from_on order by file, row) > 1)",
            "currency",
            "has a rate of this day twice; the first one is used",
        )

    def orders(self, reps: pd.DataFrame, last_seen: dt.date | None) -> None:
        """Keep what cannot be so, with the file and the line of the first rows."""
        export = self.said.exported_on or last_seen
        found = orders_in(self.store, reps, settings=self.said, export=export)
        places = pd.Series(index=found.index, dtype="str")
        for file, rows in found.groupby("file")["row"]:
            source = self.sources[int(str(file))]
            lines = rows.map(source.lines(set(rows.astype(int)))).dropna()
            places.update(f"{source.file}, line " + lines.astype(int).astype("str"))
        self.ledger.orders(named(found, places))

    def what_cannot_be_said(self, *, history: bool, owners: bool) -> None:
        """Name what these data cannot answer, and what would answer it."""
        if not history:
            dated = set(
                self.store.query(
                    "select distinct stage from steps join spots using (code) "
                    "where origin = 'stage dates'"
                )["stage"]
            )
            unseen = [stage for stage in self.said.stages if stage not in dated]
            if unseen:
                self.ledger.cannot(
                    f"The export has no stage history: who entered {_listed(unseen)}, and when, "
                    "is not known. So time in stage and conversion there cannot be said, nor "
                    "what was open at an earlier date."
                )
        if not owners:
            why = (
                f"The history of owners is left out, as {self.said.origin} says"
                if self.said.rule("owner_changes") == "ignored"
                else "The export has no history of owners"
            )
            self.ledger.cannot(f"{why}: every stage is credited to the current owner.")
        known = self.store.one(
            "select count(*) as n, count(created_at) as created, count(amount) as amount "
            "from opportunities"
        )
        if not known["n"]:
            self.ledger.cannot(
                "No opportunity is used, every row of them is set aside: there is nothing to count."
            )
            return
        if not known["created"]:
            self.ledger.cannot(
                "The export has no created date: what was created in a period cannot be said."
            )
        if not known["amount"]:
            self.ledger.cannot("The export has no amounts: nothing can be said in money.")

    def _period_name(self, text: str) -> str:
        try:
            return self.said.period(text).name
        except EnablementError:
            return text

    def _contradictions(self) -> None:
        """Count where the CRM's own flags say another outcome than the stage, which holds."""
        columns = self.store.columns("opportunities")
        words = ", ".join(map(literal, values.TRUE))
        for flag, meant in (("IsWon", ["won"]), ("IsClosed", list(workspace.OUTCOMES))):
            if flag in columns:
                stages = [name for name, what in self.said.outcomes.items() if what in meant]
                inside = f"coalesce(stage in ({', '.join(map(literal, stages)) or 'null'}), false)"
                flagged = f"(lower({flag}::varchar) in ({words}))"
                where = f"{flag} is not null and {flagged} <> {inside}"
                note = f"{flag} contradicts the stage, which holds"
                self._note_where("opportunities", where, note)
                if flag == "IsWon":
                    by_flag = f"case when {flagged} then 'won' else 'lost' end as outcome, amount"
                    self.ledger.otherwise(note, self._opportunities(where, by_flag))

    def _opportunities(self, where: str, fields: str) -> pd.DataFrame:
        return self.store.query(
            f"select opportunity_id, {fields} from opportunities where {where} order by file, row"
        )

    @staticmethod
    def _case(column: str, meant: Mapping[str, str], otherwise: str) -> str:
        if not meant:
            return otherwise
        cases = " ".join(f"when {literal(k)} then {literal(v)}" for k, v in meant.items())
        return f"case {column} {cases} else {otherwise} end"

    def _count(self, table: str, where: str) -> int:
        if self.store.bare(table):
            return 0
        return int(self.store.one(f"select count(*) as n from {table} where {where}")["n"])

    def _by_file(self, table: str, where: str) -> dict[int, int]:
        if self.store.bare(table):
            return {}
        found = self.store.query(
            f"select file, count(*) as n from {table} where {where} group by file order by file"
        )
        return {int(file): int(n) for file, n in zip(found["file"], found["n"], strict=True)}

    def _note_where(self, table: str, where: str, note: str, *, of: str | None = None) -> None:
        for file, rows in self._by_file(table, where).items():
            self.ledger.note(of or table, self.sources[file].file, note, rows)

    def _set_aside(
        self, table: str, where: str, column: str, why: str, *, unless: str | None = None
    ) -> None:
        """Move rows out of a table, each with its file, line, value and the reason."""
        if self.store.bare(table):
            return
        if unless is not None and bool(self.store.one(unless)["fine"]):
            return
        rest = f", {tables.TOLD[table]}" if table in tables.TOLD else ""
        found = self.store.query(
            f"select file, row, {column}::varchar as value{rest} from {table} where {where} "
            "order by file, row"
        )
        if found.empty:
            return
        gone = found[["file", "row"]]
        if table == "opportunities":
            self._placed.clear()
            value = found["value"]  # may be the stage itself
            found = tables.told(found, self.said).assign(value=value)
        for file, rows in found.drop_duplicates(["file", "row"]).groupby("file"):
            source = self.sources[int(str(file))]
            if source.table is None:  # found by comparing copies: no row of a file
                self.ledger.note(table, source.file, f"{column} {why}", len(rows))
                continue
            lines = source.lines(set(rows["row"].astype(int)))
            aside = rows.drop(columns=["file", "row"]).assign(
                line=rows["row"].map(lines).astype("Int64"),
                column=source.headers.get(column, column),
                reason=f"{column} {why}",
            )
            self.ledger.set_aside(source.table or table, source.file, aside)
        self.store.own(table)
        self.store.show("gone", gone)
        self.store.run(f"delete from {table} where (file, row) in (select (file, row) from gone)")
        self.store.forget("gone")

    def _where(self, first: pd.Series, column: str) -> str:
        source, row = self.sources[int(first["file"])], int(first["row"])
        header = source.headers.get(column, column)
        return f"{source.file}, line {source.lines({row}).get(row, row)}, column {header}"


def columns(store: Store, table: str, called: str = "") -> str:
    """Write the SQL of the columns of a table that are handed over.

    Parameters
    ----------
    called : how the text calls the table, where it has several
    """
    own = schema.SCHEMA.get(table, {})
    names = (n for n in store.columns(table) if n in own or n not in NOT_HANDED_OVER)
    return ", ".join(f"{called}{'.' if called else ''}{quoted(name)}" for name in names)


def _handed_over(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["file", "row"]).reset_index(drop=True)


def spellings(strange: Iterable[str], said: Settings) -> dict[str, str]:
    """Pair stages that differ from a known one in capitals and blanks alone with its spelling.

    A pipeline in parentheses behind it, as HubSpot writes stages of several, changes nothing.
    """
    known: dict[str, list[str]] = {}
    for name in said.known_stages:
        known.setdefault(_letters(name), []).append(name)
    for pipeline, stages in said.pipelines.items():
        for name in (*stages, *said.outcomes):
            known.setdefault(_letters(f"{name} ({pipeline})"), [name])
    found = {stage: known.get(_letters(stage), []) for stage in strange}
    return {stage: one[0] for stage, one in found.items() if len(one) == 1 and one != [stage]}


def _unknown(table: str) -> str:
    """Write as SQL that the opportunity of a row is not in the export."""
    return (
        "not exists (select 1 from opportunities o where o.opportunity_id = "
        f"{table}.opportunity_id)"
    )


def _letters(stage: str) -> str:
    return " ".join(stage.casefold().split())


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
