"""The tables about learning: sessions, tests, reactions, practice, coaching."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from enablement.world import people
from enablement.world.abilities import NAME_OF, Trained
from enablement.world.clock import days, quarter_start
from enablement.world.formats import ids, labels
from enablement.world.streams import Streams

if TYPE_CHECKING:
    from enablement.world.company import World

COMMENTS = (
    "Good examples from our own customers", "Too long for one afternoon", "Will try it this week",
    "Liked the role plays", "Knew most of it already", "", "", "", "", "More time to practise",
    "Great trainer", "Useful, but when do we get the time?", "Slides were crowded", "",
    "The recorded calls helped most",
)  # fmt: skip
AGREED = (
    "One recorded call reviewed together", "Two account plans by the next talk",
    "Name the decision maker in every open offer", "Block mornings for calls",
    "Three questions before any slide", "A next step in every open opportunity by Friday",
)  # fmt: skip
RESULTS = ("done", "partly", "not done", "")
PRACTICE_EVERY = 12.0  # working days between two sessions of a pair
PRACTICE_FOR = 130.0  # working days after a training


def _at(world: World, when: np.ndarray) -> np.ndarray:
    """Working time of days."""
    return np.array([world.clock.at(day) for day in when.astype("datetime64[D]").astype(dt.date)])


def session(number: int, wave: np.ndarray) -> np.ndarray:
    """Names of the sessions of a rollout, one per wave."""
    return np.char.add(f"S{number + 1:02d}-", (wave + 1).astype(str))


def _taken(world: World) -> pd.DataFrame:
    """Who was invited to what: rep, rollout, session, started, whether it was finished."""
    frames = []
    for number, taken in enumerate(world.abilities.trained):
        reps = np.flatnonzero(taken.wave >= 0)
        frames.append(
            pd.DataFrame(
                {
                    "rep": reps,
                    "rollout": number,
                    "session": session(number, taken.wave[reps]),
                    "started": taken.started[reps],
                    "finished": np.isfinite(taken.completed[reps]),
                }
            )
        )
    if not frames:
        empty = {"rep": int, "rollout": int, "session": "str", "started": "datetime64[s]",
                 "finished": bool}  # fmt: skip
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in empty.items()})
    return pd.concat(frames, ignore_index=True)


def training(world: World) -> pd.DataFrame:
    """`training`: who took part in which session."""
    taken = _taken(world)
    each = [trained.rollout for trained in world.abilities.trained]
    length = np.array([rollout.minutes for rollout in each] or [0])
    started = days(taken["started"].to_numpy())
    number = taken["rollout"].to_numpy()
    minutes = length[number] * np.where(taken["finished"], 1.0, 1 / 3)
    return pd.DataFrame(
        {
            "rep_id": ids("User", taken["rep"].to_numpy()),
            "session": taken["session"].astype("str"),
            "lesson": labels([rollout.lesson for rollout in each] or [""], number),
            "started_on": started,
            "completed_on": started.where(taken["finished"]),
            "minutes": np.round(minutes / 5) * 5.0,
            "cohort": started.dt.strftime("%Y-%m").astype("str"),
        }
    )


def reactions(world: World) -> pd.DataFrame:
    """`reactions`: how a session was liked, which says little about anything else."""
    taken, streams = _taken(world), Streams(world.seed)
    size = len(taken)
    answers = (streams.uniform("answers the survey", size) < 0.85) & taken["finished"].to_numpy()
    liked = np.array([t.rollout.liked for t in world.abilities.trained] or [4.0])
    talent = world.abilities.level.mean(axis=1)[taken["rep"].to_numpy()]
    rating = (
        liked[taken["rollout"].to_numpy()] + 0.1 * talent + 0.8 * streams.normal("rating", size)
    )
    comment = streams.pick("comment", size, np.ones(len(COMMENTS)))
    table = pd.DataFrame(
        {
            "rep_id": ids("User", taken["rep"].to_numpy()),
            "session": taken["session"].astype("str"),
            "rating": np.clip(np.round(rating), 1.0, 5.0),
            "maximum": np.full(size, 5.0),
            "comment": labels(COMMENTS, comment),
        }
    )
    return table[answers].reset_index(drop=True)


def _judged(
    world: World, rep: np.ndarray, competency: np.ndarray, day: np.ndarray, assessor: str,
    kind: str, gain: np.ndarray | float = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """Assessments with their error: a test out of 20, others 0 to 4 in halves."""
    chosen = world.chosen
    error = {"test": chosen.test_error, "manager": chosen.manager_error, "self": chosen.self_error}
    lean = chosen.self_lean if assessor == "self" else 0.0
    noise = error[assessor] * Streams(world.seed).normal(f"{assessor} {kind} {len(rep)}", len(rep))
    true = world.abilities.levels(rep, competency, _at(world, day))
    seen = np.clip(true + gain + lean + noise, 0.0, 4.0)
    return pd.DataFrame(
        {
            "rep_id": ids("User", rep),
            "competency": labels(NAME_OF, competency),
            "taken_on": days(day),
            "score": np.round(seen * 5) if assessor == "test" else np.round(seen * 2) / 2,
            "maximum": np.full(len(rep), 20.0 if assessor == "test" else 4.0),
            "kind": labels([kind], np.zeros(len(rep), dtype=np.int64)),
            "assessor": labels([assessor], np.zeros(len(rep), dtype=np.int64)),
        }
    )


def _ongoing(world: World) -> list[pd.DataFrame]:
    """What managers and reps themselves say, twice a year."""
    asked = [quarter_start(name) + dt.timedelta(days=9) for name in world.clock.quarters[1::2]]
    if not asked:
        return []
    every = np.array(asked, dtype="datetime64[D]")
    shape = (world.people.reps, len(NAME_OF), len(asked))
    rep, competency, number = (places.ravel() for places in np.indices(shape))
    at = np.array([world.clock.at(day) for day in asked])[number]
    there = (world.people.start[rep] <= at) & (world.people.stop[rep] > at)
    rep, competency, day = rep[there], competency[there], every[number[there]]
    return [_judged(world, rep, competency, day, who, "ongoing") for who in ("manager", "self")]


def _tests(world: World, number: int, taken: Trained) -> list[pd.DataFrame]:
    """Tests a few days before and after a session; in a randomised rollout everybody's."""
    staff, rollout = world.people, taken.rollout
    first = np.datetime64(rollout.starts_on, "D")
    day = np.where(taken.wave >= 0, taken.started, first)
    there = taken.wave >= 0
    if rollout.assignment == "randomised":
        at = world.clock.at(rollout.starts_on)
        there = (staff.start[: staff.reps] <= at) & (staff.stop[: staff.reps] > at)
    reps = np.flatnonzero(there)
    competency = np.full(len(reps), NAME_OF.index(rollout.competency))
    finished = np.isfinite(taken.completed[reps])
    last = np.datetime64(world.clock.last, "D")
    before = people.weekday(day[reps] - 3)
    after = people.weekday(day[reps] + 7)
    gain = world.chosen.retest_gain + np.where(finished, rollout.test_lift, 0.0)
    came = (after <= last) & (staff.stop[reps] > _at(world, after))
    came &= Streams(world.seed).uniform(f"second test {number}", len(reps)) < 0.93
    return [
        _judged(world, reps, competency, before, "test", "before"),
        _judged(world, reps[came], competency[came], after[came], "test", "after", gain[came]),
    ]


def assessments(world: World) -> pd.DataFrame:
    """`assessments`: what tests, managers and reps themselves say about levels, with error."""
    frames = _ongoing(world)
    for number, taken in enumerate(world.abilities.trained):
        frames += _tests(world, number, taken)
    if not frames:
        nobody = np.zeros(0, dtype=np.int64)
        return _judged(world, nobody, nobody, nobody.astype("datetime64[D]"), "test", "before")
    together = pd.concat(frames, ignore_index=True)
    return together.sort_values(["taken_on", "rep_id"], kind="stable", ignore_index=True)


def _planned_practice(world: World, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who means to practise what was taught in a rollout: rep, working time, competency."""
    taken, staff = world.abilities.trained[number], world.people
    reps = np.flatnonzero(np.isfinite(taken.completed) & staff.practises)
    turns = np.arange(int(PRACTICE_FOR / PRACTICE_EVERY))
    shift = Streams(world.seed).uniform(f"practice {number}", (len(reps), len(turns)))
    time = taken.completed[reps, None] + (turns + 0.2 + 0.7 * shift) * PRACTICE_EVERY
    competency = np.full(time.size, NAME_OF.index(taken.rollout.competency))
    return np.repeat(reps, len(turns)), time.ravel(), competency


def practice(world: World) -> pd.DataFrame:
    """`practice`: pairs of a team that go on practising what was taught."""
    staff, streams = world.people, Streams(world.seed)
    none = (np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64))
    planned = [none, *(_planned_practice(world, k) for k in range(len(world.abilities.trained)))]
    rep, time, competency = (np.concatenate(part) for part in zip(*planned, strict=True))
    buddy = staff.buddy[rep]
    keep = (time < world.clock.end) & (staff.stop[rep] > time) & (staff.stop[buddy] > time)
    keep &= (staff.start[buddy] <= time) & (streams.uniform("practised", len(rep)) < 0.85)
    order = np.flatnonzero(keep)[np.argsort(time[keep], kind="stable")]
    size = len(order)
    minutes = 15.0 + 5.0 * np.floor(5 * streams.uniform("minutes of practice", size))
    return pd.DataFrame(
        {
            "rep_id": ids("User", rep[order]),
            "practised_on": world.clock.moments(time[order]).dt.floor("D"),
            "competency": labels(NAME_OF, competency[order]),
            "partner_id": ids("User", buddy[order]),
            "minutes": minutes,
            "observed": pd.array(streams.uniform("observed", size) < 0.3, dtype="boolean"),
        }
    )


def coaching(world: World) -> pd.DataFrame:
    """`coaching`: talks between managers and reps; some managers coach much more than others."""
    staff, streams = world.people, Streams(world.seed)
    months = np.arange(int(world.clock.end // 21)) * 21.0
    mean = np.broadcast_to(staff.coached[:, None], (staff.reps, len(months)))
    rep, month = np.nonzero(streams.uniform("coached in month", mean.shape) < mean / 3.0)
    time = months[month] + 21.0 * streams.uniform("day of coaching", len(rep))
    keep = (staff.start[rep] <= time) & (staff.stop[rep] > time) & (time < world.clock.end)
    order = np.flatnonzero(keep)[np.argsort(time[keep], kind="stable")]
    rep, size = rep[order], len(order)
    competency = streams.pick("competency coached", size, np.ones(len(NAME_OF)))
    return pd.DataFrame(
        {
            "manager_id": ids("User", staff.boss[rep]),
            "rep_id": ids("User", rep),
            "held_on": world.clock.moments(time[order]).dt.floor("D"),
            "competency": labels(NAME_OF, competency),
            "agreed": labels(AGREED, streams.pick("agreed", size, np.ones(len(AGREED)))),
            "outcome": labels(RESULTS, streams.pick("result", size, np.ones(len(RESULTS)))),
        }
    )
