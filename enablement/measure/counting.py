"""One SQL over the passages of a definition: whose each is, what it is worth, and its cohort."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import pandas as pd

from enablement.measure import definitions, exchange
from enablement.measure.definitions import Split
from enablement.read import engine
from enablement.read.crm import CRM
from enablement.read.engine import Kept, View

CONCENTRATED = 0.30  # of an amount, that one opportunity alone carries
UNKNOWN = 0.10  # of the opportunities, whose amount is unknown: then a rate by value says nothing
NOWHERE = "not known"  # the source of an opportunity, or the team of a rep, of which none is told
VALUES = ["with_amount", "without_amount", "largest"]
RATES = ("rate", "to_won", "lost_rate", "cancelled_rate", "to_lost")
OPEN_ONES = (
    "count(distinct p.opportunity_id) filter (g.goes_on) as open, "
    "count(distinct p.opportunity_id) as everyone"
)
RULES = {"at_entry": ("quarter_days", "at_entry")}  # credit -> its SQL texts
OTHER_RULES = ("shares", "quarter_days", "credit")
# Passages that one look at the stays or the outcomes gives: sooner made anew than written.
AT_A_LOOK = (("visit",), ("sojourns",), ("outcomes",))


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the passages of a definition.

    groups : how the answer is split, and what it is limited to
    passages : the SQL texts that make them, after ``states``
    until, renewals : as for the measures
    said : the parameters that those texts name; without ``credit`` the owner at the entry,
        without ``of`` opportunities
    select : over ``p`` (the passages, each with its rep and the ``share`` of it that is
        credited to them), ``s`` (the states), ``g`` (whether it goes on), ``k`` (what it is
        worth), ``o`` (opportunities) and ``r`` (reps)
    group : what follows the condition
    besides : further tables that the texts read
    """

    groups: Split
    passages: tuple[str, ...]
    until: pd.Timestamp
    renewals: str
    said: Mapping[str, object]
    select: str = "select distinct p.opportunity_id"
    group: str = ""
    besides: Mapping[str, engine.Table] = dataclasses.field(default_factory=dict)


def ask(crm: CRM, question: Question) -> pd.DataFrame:
    """Ask a question about passages.

    An answer about all of them is small beside what it is counted from and is asked for again,
    by the next page as by the next process, so it is kept; one about a part is not.
    """
    sql, tables, given = _asked(crm, question)
    return exchange.whole(crm, _answer(crm, question.groups, sql, tables, given))


def _answer(
    crm: CRM,
    groups: Split,
    sql: str,
    tables: Mapping[str, engine.Table],
    given: Mapping[str, object],
) -> pd.DataFrame:
    if not groups.only:
        sql, tables = "select * from answer", {"answer": Kept(sql, tables, given)}
    return crm.session.query(sql, tables, given)


def open_ones(crm: CRM, question: Question) -> tuple[int, int]:
    """Count the opportunities of passages that are open, and all of them, each once.

    Parameters
    ----------
    question : with the ``select`` that it has unless said
    """
    sql, tables, given = _asked(crm, question)
    counted = f"""
        select count(g.goes_on) as open, count(*) as everyone
        from ({sql}) left join going_on g using (opportunity_id)
    """
    row = _answer(crm, question.groups, counted, tables, given).iloc[0]
    return int(row["open"]), int(row["everyone"])


def _asked(crm: CRM, question: Question) -> tuple[str, dict[str, engine.Table], dict[str, object]]:
    """Write the SQL of a question, with the tables it reads and its parameters."""
    groups, until, renewals = question.groups, question.until, question.renewals
    given = {
        **definitions.seen(crm, until, renewals),
        **{"credit": "at_entry", "of": "opportunities", "held_from": None, "held_until": None},
        **question.said,
    }
    if given["credit"] == "share" and not by_rep(groups):
        given["credit"] = "at_entry"  # whose they are does not matter, and sums stay whole
    given["held_until"] = given["held_until"] or given["until"]
    given["amounts"] = amounts_known(crm, until)
    tables = {
        **definitions.seen_tables(crm, until, renewals),
        "quarters": definitions.quarters(crm, groups),
        **question.besides,
    }
    if not definitions.names_accounts(crm, _said(question)):
        tables["opportunities"] = crm.counted["opportunities"]
    rule = RULES.get(str(given["credit"]), OTHER_RULES)
    texts = "".join(engine.text("measure", name) for name in (*question.passages, *rule))
    if question.passages in AT_A_LOOK and not by_rep(groups):
        tables["credited"] = View(f"with {texts}", tables, given)
    else:  # by rep, so that the question of one rep that follows reads little
        order = "rep_id, opportunity_id, place"
        tables["credited"] = Kept(f"with {texts}", tables, given, order=order)
    worth = View(engine.text("measure", "amounts"), tables, given)
    tables["amounts"] = exchange.converted(crm, groups, until, tables, worth)
    joins = _joins(question, by_value=given["of"] == "value")
    sql = f"{question.select} from credited p {joins} where {groups.limit()} {question.group}"
    return sql, tables, given


def _said(question: Question) -> str:
    """Write what a question says itself, whatever it is asked of."""
    return f"{question.select} {question.groups.limit()} {question.group}"


def _joins(question: Question, *, by_value: bool) -> str:
    """Write the joins of the tables that a question names; the others would only cost time."""
    asked = _said(question)
    attributes = "(select * exclude (outcome, stage, rep_id, closed_at, amount) from opportunities)"
    joins = {
        r"\bs\.": "join states s using (opportunity_id)",
        r"\bo\.": f"join {attributes} o using (opportunity_id)",
        r"\bg\.": "left join going_on g using (opportunity_id)",
        r"\bk\.": "join amounts k using (opportunity_id)" if by_value else "",
        r"\br\.": "left join reps r on r.rep_key = p.rep_id",
    }
    return " ".join(join for name, join in joins.items() if re.search(name, asked))


def amounts_known(crm: CRM, until: pd.Timestamp) -> str:
    """Say which amounts hold at a moment: ``now``, or ``then`` where the history records them."""
    past = until.date() < crm.seen_until
    return "then" if past and crm.has("stage_events", "amount") else "now"


def weight(of: str) -> str:
    """Write what a passage counts for, as SQL: its credited share, or that of its amount."""
    return "p.share * k.amount" if of == "value" else "p.share"


def totals(of: str, sums: dict[str, str]) -> str:
    """Write sums of passages as SQL; of value, with how many have an amount, and the largest.

    Parameters
    ----------
    sums : name -> the condition under which a passage counts
    """
    parts = [
        f"coalesce(sum({weight(of)}) filter ({which}), 0) as {name}" for name, which in sums.items()
    ]
    if of == "value":
        parts += [
            "coalesce(sum(p.share) filter (p.counts and k.amount is not null), 0) as with_amount",
            "coalesce(sum(p.share) filter (p.counts and k.amount is null), 0) as without_amount",
            f"max({weight(of)}) filter (p.counts) as largest",
            f"min(k.lacks) filter (p.counts) as {exchange.LACKS}",
        ]
    return ", ".join(parts)


def valued(table: pd.DataFrame, total: str) -> pd.DataFrame:
    """Say how much of a value its largest opportunity carries, and blank what cannot be said.

    Where more than a tenth of the opportunities have no amount, there is no rate.
    """
    some = table[total].astype("float64")
    known = table["with_amount"].astype("float64")
    unknown = table["without_amount"].astype("float64")
    carried = table["largest"].astype("float64") / some.where(some > 0)
    blank = unknown > UNKNOWN * (known + unknown)
    rates = [name for name in RATES if name in table]
    return table.assign(largest=carried, **{name: table[name].mask(blank) for name in rates})


def warning(table: pd.DataFrame, what: str) -> str:
    """Say where one opportunity carries more than 30 % of a value, and where amounts are missing.

    Parameters
    ----------
    what : the column that names a row, or "" where the table has one row
    """
    heavy = table[table["largest"] > CONCENTRATED]
    unknown = table["without_amount"].astype("float64")
    total = table["with_amount"].astype("float64") + unknown
    short = table[unknown > UNKNOWN * total]
    said = []
    if len(heavy):
        said.append(
            f"One opportunity carries more than {percent(CONCENTRATED)} of the value"
            f"{_where(heavy, what)}, {percent(heavy['largest'].max())} at most."
        )
    if len(short):
        said.append(
            f"More than {percent(UNKNOWN)} of the opportunities have no amount"
            f"{_where(short, what)}, so there is no rate by value."
        )
    return " ".join(said)


def unequally_mature(found: pd.DataFrame) -> str:
    """Say why periods are not compared: of one too many are still open; else nothing.

    Parameters
    ----------
    found : one row per ``period``, with ``open`` and ``everyone``
    """
    known = found.dropna()
    shares = (known["open"] / known["everyone"]).set_axis(known["period"]).sort_index()
    young = shares[shares > definitions.IMMATURE]
    if young.empty or len(shares) < 2:
        return ""
    return (
        f"The periods are not equally mature, so they are not compared: of {young.index[-1]} "
        f"{percent(young.iloc[-1])} are still open, of {shares.idxmin()} {percent(shares.min())}."
    )


def percent(share: float) -> str:
    """Write a share as a whole percentage."""
    return f"{100 * share:.0f} %"


def _where(rows: pd.DataFrame, what: str) -> str:
    if not what:
        return ""
    named = rows[what].astype("str").fillna(NOWHERE)
    return f" at {', '.join(dict.fromkeys(named))}"


def by_rep(groups: Split) -> bool:
    """Whether rows of a table differ by rep, so that it matters whose a passage is."""
    return "r" in (*groups.sources, *(source for source, _, _ in groups.only))


def credited(crm: CRM, groups: Split, credit: str, words: dict[str, str]) -> str:
    """Say who is credited, and that shares have no interval."""
    said = definitions.credit(crm, words[credit])
    shared = credit == "share" and crm.owner_history and by_rep(groups)
    return f"{said}; counts are sums of shares and have no interval" if shared else said
