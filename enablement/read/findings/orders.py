"""Rows that are used though they cannot be so: the wrong order, the wrong sign, the wrong day."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd

from enablement.read import engine
from enablement.read.store import Store
from enablement.settings import Settings

ORDER_COLUMNS = ["table", "rule", "kind", "rows", "opportunities", "examples", "consequence"]


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """Something that cannot be so, or is hardly so.

    name : in words
    kind : impossible (a mistake for certain) or doubtful
    moves : the numbers of `effects` that leaving its rows out says anything of
    consequence : what it does to the numbers
    """

    name: str
    kind: str
    moves: tuple[str, ...]
    consequence: str


DECIDED = ("win rate", "win rate by value", "conversion")
DAYS = "median days to win"
# In the order of `n` in orders.sql.
RULES = (
    Rule("closed before it was created", "impossible", (DAYS,), "its days to close are negative"),
    Rule(
        "a stage entered before creation",
        "impossible",
        (),
        "time in stage begins too early, or creation is noted too late",
    ),
    Rule(
        "a stage entered after the close",
        "doubtful",
        (),
        "reopened and not closed again, or the close is dated too early",
    ),
    Rule(
        "a stage entered after the day of the export",
        "impossible",
        (),
        "no report sees it before that day",
    ),
    Rule(
        "created after the day of the export",
        "impossible",
        DECIDED,
        "no report sees it before that day",
    ),
    Rule(
        "closed after the day of the export",
        "impossible",
        DECIDED,
        "an expected close that stands where the close should; it counts as decided",
    ),
    Rule("a negative amount", "impossible", ("win rate by value",), "it lowers what was sold"),
    Rule("a probability below 0 or above 100", "impossible", (), "a forecast by it is wrong"),
    Rule(
        "open and past its expected close",
        "doubtful",
        (),
        "coverage by due date leaves it out; it may be lost already",
    ),
    Rule(
        "closed after its rep had left",
        "doubtful",
        DECIDED,
        "the win is credited to somebody who was gone",
    ),
    Rule(
        "open, and owned by a rep who has left",
        "doubtful",
        (),
        "nobody works on it, and a plan for the rep would count it",
    ),
    Rule(
        "dated far after all others",
        "doubtful",
        (),
        "the day of the export is taken from it: say exported_on in the settings",
    ),
)


def orders(
    opportunities: pd.DataFrame,
    stage_events: pd.DataFrame,
    reps: pd.DataFrame,
    *,
    settings: Settings,
    export: dt.date | None,
) -> pd.DataFrame:
    """Rows in an order that cannot be, with values that cannot be, or hardly.

    Days are compared, never times: a close date has no time, and is local.

    Parameters
    ----------
    opportunities, stage_events, reps : as `enablement.load` gives them. With ``file`` and
        ``line`` (or ``row``, from 0) the examples name the place, else the opportunity
    settings : for the workspace's zone and its outcomes
    export : the day of the export; None leaves out what needs it

    Returns
    -------
    pandas.DataFrame
        One row per rule that some row breaks::

            table, rule    text
            kind           text  impossible (a mistake for certain) or doubtful
            rows           int   of `table`
            opportunities  int   that they belong to
            examples       text  up to three, with their place and values
            consequence    text  what it does to the numbers

    See Also
    --------
    flagged : which opportunities they are, for `effects`.
    """
    found = _ask(opportunities, stage_events, reps, settings, export, "orders_counted")
    word = "line" if "line" in opportunities or "line" in stage_events else "row"
    return _told(found.assign(place=_places(found, word)))


def orders_in(
    store: Store, reps: pd.DataFrame, *, settings: Settings, export: dt.date | None
) -> pd.DataFrame:
    """Find the same in the tables of a reading, before it forgets where they came from.

    Returns
    -------
    pandas.DataFrame
        ``n``, ``table``, ``rows``, ``opportunities``, and of up to three rows each
        ``opportunity_id``, ``file`` (its number), ``row`` (from 0) and ``example``; see `named`.
    """
    store.run(
        "create or replace view placed_opportunities as "
        "select * exclude (opportunity_id), n as opportunity_id, row as spot from opportunities; "
        "create or replace view placed_events as select e.n as opportunity_id, e.entered_at, "
        "s.stage, e.origin, null::integer as file, null::bigint as spot "
        "from (from event_steps union all from more_steps) e join spots s using (code)"
    )
    store.show("closing_stages", _closing(settings))
    store.show("present_reps", reps)
    text = engine.text("read", "orders") + engine.text("read", "orders_counted")
    found = store.query(text, _parameters(settings, export))
    store.forget("closing_stages")
    store.forget("present_reps")
    store.run("drop view placed_events; drop view placed_opportunities")
    return _placed_in(store, found)


def _placed_in(store: Store, found: pd.DataFrame) -> pd.DataFrame:
    """Look up the ids, files and rows of the few that are shown.

    An entry that stands in no row of its own is told by that of its opportunity.
    """
    if found.empty:
        return found.rename(columns={"spot": "row"})
    store.show("shown", found.drop(columns=["file", "spot"]).assign(k=range(len(found))))
    placed = store.query(
        "select s.* exclude (k, opportunity_id), o.opportunity_id, "
        "coalesce(e.at.file, o.file) as file, coalesce(e.at.row, o.row) as row "
        "from shown s join opportunities o on o.n = s.opportunity_id left join "
        "(select opportunity_id, stage, entered_at, min({'file': file, 'row': row}) as at "
        "from stage_events where opportunity_id in (select o.opportunity_id from shown s "
        "join opportunities o on o.n = s.opportunity_id where s.entered_at is not null) "
        "group by all) e on e.opportunity_id = o.opportunity_id and e.stage = s.stage "
        "and e.entered_at = s.entered_at order by s.k"
    )
    store.forget("shown")
    return placed


def named(found: pd.DataFrame, places: pd.Series) -> pd.DataFrame:
    """Write the table of `orders` from what `orders_in` found.

    Parameters
    ----------
    found : as `orders_in` gives it
    places : file and line of each of its rows, missing where there is none
    """
    return _told(found.assign(place=places))


def _places(found: pd.DataFrame, word: str) -> pd.Series:
    places = found["file"].astype("str") + f", {word} " + found["spot"].astype("str")
    return places.where(found["file"].notna() & found["spot"].notna())


def _told(found: pd.DataFrame) -> pd.DataFrame:
    """Put the examples of a rule together, and say what the rule is."""
    place = found["place"].astype("str").where(found["place"].notna())
    place = place.fillna("opportunity " + found["opportunity_id"].astype("str"))
    rows = found.assign(examples=place + ": " + found["example"].astype("str"))
    keys = ["n", "table", "rows", "opportunities"]
    counted = rows.groupby(keys, sort=False)["examples"].agg("; ".join).reset_index()
    told = [RULES[n - 1] for n in counted["n"]]
    return counted.assign(
        rule=[rule.name for rule in told],
        kind=[rule.kind for rule in told],
        consequence=[rule.consequence for rule in told],
    )[ORDER_COLUMNS]


def flagged(
    opportunities: pd.DataFrame,
    stage_events: pd.DataFrame,
    reps: pd.DataFrame,
    *,
    settings: Settings,
    export: dt.date | None,
) -> pd.DataFrame:
    """List the opportunities of those `orders` that may move the headline.

    Returns
    -------
    pandas.DataFrame
        ``rule``, ``opportunity_id``, each pair once.
    """
    found = _ask(opportunities, stage_events, reps, settings, export, "orders_flagged")
    found = found.assign(rule=found["n"].map(lambda n: RULES[n - 1].name))
    moving = found["n"].map(lambda n: bool(RULES[n - 1].moves)).astype(bool)
    return found.loc[moving, ["rule", "opportunity_id"]].reset_index(drop=True)


def telling(effects: pd.DataFrame) -> pd.DataFrame:
    """Keep of the effects of flagged rows those that say something, such as money of amounts."""
    moves = {rule.name: rule.moves for rule in RULES}
    kept = [
        what != "flagged" or measure in moves.get(rule, (measure,))
        for what, rule, measure in zip(
            effects["what"], effects["rule"], effects["measure"], strict=True
        )
    ]
    return effects[np.array(kept, dtype=bool)].reset_index(drop=True)


def days_to_win(
    opportunities: pd.DataFrame, flagged: pd.DataFrame, *, renewals: str = "left out"
) -> pd.DataFrame:
    """Median days from creation to win, as used and without the flagged.

    Returns
    -------
    pandas.DataFrame
        Rows as in `effects`, with ``measure`` median days to win; ``used`` and ``otherwise``
        are days, and ``used_of`` and ``otherwise_of`` the won ones with both dates.
    """
    return engine.query(
        engine.text("read", "cycle"),
        {"opportunities": opportunities, "flagged": flagged},
        {"renewals": renewals},
    )


def _ask(
    opportunities: pd.DataFrame,
    stage_events: pd.DataFrame,
    reps: pd.DataFrame,
    settings: Settings,
    export: dt.date | None,
    counted: str,
) -> pd.DataFrame:
    return engine.query(
        engine.text("read", "orders") + engine.text("read", counted),
        {
            "placed_opportunities": _placed(opportunities),
            "placed_events": _placed(stage_events),
            "present_reps": reps,
            "closing_stages": _closing(settings),
        },
        _parameters(settings, export),
    )


def _closing(settings: Settings) -> pd.DataFrame:
    return pd.DataFrame({"stage": pd.Series(list(settings.outcomes), dtype="str")})


def _parameters(settings: Settings, export: dt.date | None) -> dict[str, object]:
    said = settings.exported_on is not None
    apart = 0 if settings.timezone == "UTC" else 1
    return {"zone": settings.timezone, "export": export, "said": said, "apart": apart}


def _placed(frame: pd.DataFrame) -> pd.DataFrame:
    """Say where each row came from, as far as it is known."""
    if "file" not in frame or not {"line", "row"} & set(frame):
        return frame.assign(file=pd.Series(dtype="str"), spot=pd.Series(dtype="Int64"))
    at = frame["line"] if "line" in frame else frame["row"] + 1
    return frame.assign(spot=at.astype("Int64"))
