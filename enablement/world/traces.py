"""What the behaviours leave behind: activities and calendars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from enablement.world import names
from enablement.world.clock import DAY
from enablement.world.formats import ids, labels, numbered
from enablement.world.history import WON_CODE
from enablement.world.streams import Streams

if TYPE_CHECKING:
    from enablement.world.company import World

CALL, EMAIL, MEETING = range(3)
TYPES = ("call", "email", "meeting")
STATUSES = ("held", "no-show", "planned")
HELD, NO_SHOW, PLANNED = range(3)
AHEAD = 8.0  # working days for which activities are planned
OUTCOMES = ("next step agreed", "no next step", "interest", "no interest")
CALLS_A_WEEK = 0.3  # to accounts without an opportunity, per kind of business
Rows = dict[str, np.ndarray]


def _first_touch(world: World, streams: Streams) -> Rows:
    """One activity at the beginning of every stay; its shape shows the stage's behaviour."""
    stays = world.stays
    size, done, stage = len(stays.stage), stays.done, stays.stage
    length = stays.left - stays.entered
    drawn = streams.uniform("first touch", size)
    soon = np.minimum(0.05 + 0.75 * drawn, 0.9 * length)
    late = np.where(done, soon, 1.4 + 4.0 * drawn)
    moment = stays.entered + np.where(stage == 0, late, (0.1 + 0.4 * drawn) * length)
    phone = np.where(streams.uniform("phone or email", size) < 0.6, CALL, EMAIL)
    kind = np.select(
        [stage == 0, stage == 1, stage == 2, stage == 3],
        [phone, CALL, MEETING, np.where(done, MEETING, EMAIL)],
        np.where(done, CALL, EMAIL),
    )
    return {
        "stay": np.arange(size),
        "time": moment,
        "type": kind,
        "contact": np.where((stage == 4) & done, 3, 0),
        "status": np.zeros(size, dtype=np.int64),
    }


def _second_touch(world: World, streams: Streams) -> Rows:
    """A meeting with somebody else in Discovery; some calls and meetings elsewhere."""
    stays = world.stays
    size, stage = len(stays.stage), stays.stage
    share = np.array([0.0, 0.25, 0.3, 0.35, 0.4])[stage]
    wide = (stage == 2) & stays.done
    rows = np.flatnonzero(wide | (streams.uniform("second touch", size) < share))
    part = 0.55 + 0.4 * streams.uniform("moment of second touch", size)[rows]
    return {
        "stay": rows,
        "time": stays.entered[rows] + part * (stays.left - stays.entered)[rows],
        "type": np.where(wide[rows], MEETING, CALL),
        "contact": np.where(wide[rows], 1, 0),
        "status": np.zeros(len(rows), dtype=np.int64),
    }


def _missed(streams: Streams, rows: Rows, entered: np.ndarray, share: float) -> Rows:
    """Meetings to which nobody came, before the one that was held."""
    size = len(rows["stay"])
    hit = np.flatnonzero((rows["type"] == MEETING) & (streams.uniform("missed", size) < share))
    begin = entered[rows["stay"][hit]]
    made = {key: values[hit] for key, values in rows.items()}
    return {
        **made,
        "time": begin + 0.4 * (rows["time"][hit] - begin),
        "status": np.full(len(hit), NO_SHOW),
    }


def _on_opportunities(world: World, streams: Streams) -> Rows:
    """Activities on opportunities, with who did them for which."""
    stays = world.stays
    parts = [_first_touch(world, streams), _second_touch(world, streams)]
    parts.append(_missed(streams, parts[0], stays.entered, world.chosen.no_show))
    rows = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    stay = rows["stay"]
    logged = streams.uniform("logged", len(stay)) < 0.95
    keep = logged & (rows["time"] < stays.left[stay]) & (rows["time"] < world.clock.end)
    rows = {key: values[keep] for key, values in rows.items()}
    stay = rows["stay"]
    later = rows["time"] >= np.where(np.isnan(stays.handed), np.inf, stays.handed)[stay]
    chance = streams.uniform("agreed in activity", len(stay)) < 0.5
    agreed = np.where(stays.stage[stay] == 1, stays.done[stay], chance)
    silent = (rows["type"] == EMAIL) | (rows["status"] == NO_SHOW)
    opportunity = stays.opportunity[stay]
    return {
        **{key: rows[key] for key in ("time", "type", "status")},
        "rep": np.where(later, stays.next_rep[stay], stays.rep[stay]),
        "opportunity": opportunity,
        "account": np.full(len(stay), -1),
        "contact": world.made.account[opportunity].astype(np.int64) * 4 + rows["contact"],
        "outcome": np.where(silent, -1, np.where(agreed, 0, 1)),
    }


def _planned(world: World, streams: Streams) -> Rows:
    """What stands in the calendar after the export, on opportunities that are open."""
    last = world.last_event
    open_ = np.flatnonzero(world.events.stage[last] < WON_CODE)
    drawn = streams.uniform("planned", len(last))[open_]
    who = open_[drawn < world.chosen.planned]
    size = len(who)
    moment = world.clock.end + AHEAD * streams.uniform("moment of what is planned", size)
    meets = streams.uniform("planned meeting", size) < 0.5
    return {
        "time": moment,
        "type": np.where(meets, MEETING, CALL),
        "status": np.full(size, PLANNED),
        "rep": world.events.rep[last][who].astype(np.int64),
        "opportunity": who,
        "account": np.full(size, -1),
        "contact": world.made.account[who].astype(np.int64) * 4,
        "outcome": np.full(size, -1),
    }


def _prospecting(world: World, streams: Streams, kind: int) -> Rows:
    """Calls to find opportunities: as many as the rep makes, as fruitful as the rep can."""
    staff, abilities = world.people, world.abilities
    weeks = np.arange(int(world.clock.end // 5)) * 5.0
    rep, time = np.arange(staff.reps)[:, None], weeks[None, :]
    there = (staff.start[rep] <= time) & (staff.stop[rep] > time + 5)
    mean = CALLS_A_WEEK * abilities.volume(kind, rep, time) * there
    count = streams.poisson(f"prospecting calls {kind}", mean)
    who, week = (np.repeat(at, count[count > 0]) for at in np.nonzero(count))
    size = len(who)
    moment = weeks[week] + 5.0 * streams.uniform(f"moment of prospecting {kind}", size)
    found = 0.25 * abilities.yields(kind, who, moment)
    regions = len(names.REGIONS)
    place = streams.uniform(f"called account {kind}", size) * (world.accounts.customers // regions)
    account = place.astype(np.int64) * regions + staff.region[who]
    account = account if kind == 1 else np.full(size, -1)
    return {
        "time": moment,
        "type": np.full(size, CALL),
        "status": np.zeros(size, dtype=np.int64),
        "rep": who,
        "opportunity": np.full(size, -1),
        "account": account,
        "contact": np.where(account < 0, -1, account * 4),
        "outcome": np.where(streams.uniform(f"interest {kind}", size) < found, 2, 3),
    }


def activities(world: World) -> pd.DataFrame:
    """`activities`: calls, emails and meetings, in order of time."""
    streams = Streams(world.seed)
    parts = [_on_opportunities(world, streams), *(_prospecting(world, streams, k) for k in (0, 1))]
    parts += [_planned(world, streams)] if world.chosen.planned else []
    rows = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.argsort(rows["time"], kind="stable")
    rows = {key: values[order] for key, values in rows.items()}
    length = np.array([4.0, 0.0, 25.0])[rows["type"]]
    spread = np.array([14.0, 0.0, 40.0])[rows["type"]]
    minutes = np.round(length + spread * streams.uniform("minutes", len(order)))
    unknown = (rows["type"] == EMAIL) | (rows["status"] != HELD)
    return pd.DataFrame(
        {
            "activity_id": numbered("T", np.arange(len(order))),
            "rep_id": ids("User", rows["rep"]),
            "opportunity_id": ids("Opportunity", rows["opportunity"]),
            "account_id": ids("Account", rows["account"]),
            "contact_id": numbered("K", rows["contact"]).where(rows["contact"] >= 0),
            "type": labels(TYPES, rows["type"]),
            "status": labels(STATUSES, rows["status"]),
            "at": world.clock.moments(rows["time"]),
            "minutes": np.where(unknown, np.nan, minutes),
            "outcome": labels(OUTCOMES, rows["outcome"]),
        }
    )


BLOCKS = pd.DataFrame(
    [
        (0, 9.0, 60, "internal", 7, True, 0.97),
        (2, 16.0, 45, "internal", 4, True, 0.75),
        (4, 15.0, 60, "internal", 12, True, 0.55),
        (3, 9.0, 60, "training", 9, False, 0.3),
        (1, 13.5, 90, "admin", 1, False, 0.8),
        (4, 10.0, 75, "admin", 1, False, 0.6),
        (0, 10.25, 180, "selling", 2, False, 1.0),
        (1, 8.5, 200, "selling", 2, False, 1.0),
        (2, 9.0, 230, "selling", 2, False, 1.0),
        (3, 10.25, 230, "selling", 2, False, 1.0),
    ],
    columns=["weekday", "hour", "minutes", "category", "attendees", "recurring", "share"],
)


def _minutes(world: World, rep: np.ndarray, blocks: pd.DataFrame) -> np.ndarray:
    """Length of the blocks: selling as the rep does, administration as the tools allow."""
    sells = world.abilities.selling[rep] / world.chosen.selling_share
    longer = world.abilities.longer[rep]
    factor = np.select(
        [blocks["category"] == "selling", blocks["category"] == "admin"], [sells, longer], 1.0
    )
    return np.maximum(np.round(blocks["minutes"].to_numpy() * factor / 15) * 15, 15)


def calendar(world: World) -> pd.DataFrame:
    """`calendar`: the blocks of the last weeks before the export."""
    streams, staff, weeks = Streams(world.seed), world.people, world.chosen.calendar_weeks
    active = np.flatnonzero(staff.active(world.clock.end - 1))
    shape = (len(active), weeks, len(BLOCKS))
    rep, week, block = (places.ravel() for places in np.indices(shape))
    monday = np.floor(world.clock.end / 5) * 5 - 5.0 * (weeks - week)
    kept = BLOCKS["share"].to_numpy()[block] > streams.uniform("block kept", len(block))
    kept &= (monday >= 0) & (staff.start[active[rep]] <= monday)
    rep, monday = active[rep[kept]], monday[kept]
    blocks = BLOCKS.iloc[block[kept]].reset_index(drop=True)
    day = world.clock.day(monday + blocks["weekday"].to_numpy())
    start = day * DAY + (blocks["hour"].to_numpy() * 3600).astype(np.int64)
    end = start + 60 * _minutes(world, rep, blocks).astype(np.int64)
    table = pd.DataFrame(
        {
            "rep_id": ids("User", rep),
            "start": start.astype("datetime64[s]").astype("datetime64[us]"),
            "end": end.astype("datetime64[s]").astype("datetime64[us]"),
            "category": blocks["category"].astype("str"),
            "attendees": blocks["attendees"].astype(float),
            "recurring": blocks["recurring"].astype("boolean"),
        }
    )
    return table.sort_values(["rep_id", "start"], kind="stable", ignore_index=True)
