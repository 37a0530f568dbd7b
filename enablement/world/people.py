"""Reps, teams and managers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from enablement.errors import EnablementError, choices
from enablement.world import names
from enablement.world.clock import Clock
from enablement.world.parameters import Parameters
from enablement.world.streams import Streams

TEAM_SIZE = 5


@dataclass(frozen=True)
class People:
    """Everybody in the company: reps first, then one manager per team, then the head of sales.

    name : full names, of reps, managers and the head of sales
    title : job titles in the same order
    team, region, boss : positions of team, region and superior (-1 for none)
    team_names : one per team
    hired, left : first and last working day (datetime64[D]; NaT while employed)
    start, stop : the same in working time; -inf and inf where outside the simulated time
    reps : how many of the people are reps
    senior : which reps are senior
    buddy : position of each rep's practice partner in the team, -1 for none
    practises : whether the pair does practise
    coached : coaching talks a month that each rep gets
    anchors : per team, the reps who were there all the time (padded by repetition)
    """

    name: list[str]
    title: list[str]
    team: np.ndarray
    region: np.ndarray
    boss: np.ndarray
    team_names: list[str]
    hired: np.ndarray
    left: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    reps: int
    senior: np.ndarray
    buddy: np.ndarray
    practises: np.ndarray
    coached: np.ndarray
    anchors: np.ndarray

    def active(self, time: float) -> np.ndarray:
        """Which reps work at a working time."""
        return (self.start[: self.reps] <= time) & (self.stop[: self.reps] > time)


def _movers(reps: int, team: np.ndarray, turnover: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions of reps who leave, and of the reps hired into their seats."""
    wanted = round(reps * turnover)
    leave, join = [], []
    for number in range(team.max() + 1):
        members = np.flatnonzero(team == number)
        room = max((len(members) - 1) // 2, 0)  # somebody is there all the time
        share = min(room, round(wanted * len(members) / reps + (number % 3 - 1) * 0.3))
        leave += list(members[1 : 1 + share])
        join += list(members[-share:]) if share else []
    return np.array(leave, dtype=np.int64), np.array(join, dtype=np.int64)


def _dates(
    streams: Streams, clock: Clock, reps: int, leave: np.ndarray, join: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Hire dates of all, last days of those who leave (datetime64[D])."""
    origin = np.datetime64(clock.origin, "D")
    span = (clock.last - clock.first).days
    before = 120 + (streams.uniform("hired before", reps) * 2200).astype(np.int64)
    hired = origin - before
    left = np.full(reps, np.datetime64("NaT"), dtype="datetime64[D]")
    gone = np.datetime64(clock.first, "D") + (
        (0.1 + 0.7 * streams.uniform("leaving", len(leave))) * span
    ).astype(np.int64)
    left[leave] = weekday(gone)
    wait = 20 + (streams.uniform("refilling", len(join)) * 60).astype(np.int64)
    hired[join] = np.minimum(gone + wait, np.datetime64(clock.last, "D") - 9)
    return weekday(hired), left


def _buddies(
    streams: Streams, team: np.ndarray, practising: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs within the teams, and whether they practise."""
    order = np.lexsort((streams.uniform("buddies", len(team)), team))
    place = np.arange(len(team)) - np.searchsorted(team[order], team[order])
    other = np.where(place % 2 == 0, np.arange(len(team)) + 1, np.arange(len(team)) - 1)
    inside = np.minimum(other, len(team) - 1)
    paired = (other < len(team)) & (team[order[inside]] == team[order])
    buddy = np.full(len(team), -1)
    buddy[order] = np.where(paired, order[inside], -1)
    head = np.where(buddy >= 0, np.minimum(np.arange(len(team)), buddy), 0)
    keen = streams.uniform("practises", len(team))[head] < practising
    return buddy, keen & (buddy >= 0)


def weekday(days: np.ndarray) -> np.ndarray:
    """Days moved from a weekend to the Monday after."""
    number = (days.astype(np.int64) + 3) % 7
    return days + np.where(number > 4, 7 - number, 0)


def _working_time(
    clock: Clock, hired: np.ndarray, left: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and last moment of each rep in working time; endless where outside of it."""
    start, stop = np.full(len(hired), -np.inf), np.full(len(left), np.inf)
    within = hired >= np.datetime64(clock.origin, "D")
    start[within] = [clock.at(day) for day in hired[within].astype(dt.date)]
    gone = ~np.isnat(left)
    stop[gone] = [clock.at(day) + 1 for day in left[gone].astype(dt.date)]
    return start, stop


def _anchors(team: np.ndarray, movers: np.ndarray) -> np.ndarray:
    """Per team, the reps who neither leave nor come, repeated to equal length."""
    each = [np.setdiff1d(np.flatnonzero(team == t), movers) for t in range(team.max() + 1)]
    return np.array([np.resize(members, max(map(len, each))) for members in each])


def _managers_hired(streams: Streams, clock: Clock, count: int) -> np.ndarray:
    years = 900 + streams.uniform("managers hired", count) * 1800
    return weekday(np.datetime64(clock.origin, "D") - years.astype(np.int64))


def hire(streams: Streams, clock: Clock, reps: int, chosen: Parameters) -> People:
    """Invent the people.

    Parameters
    ----------
    streams : random numbers
    clock : the time axis
    reps : how many reps, leavers and new ones included
    chosen : the parameters of the company
    """
    teams = max(1, round(reps / TEAM_SIZE))
    team = np.arange(reps) * teams // reps
    region = np.arange(teams) * len(names.REGIONS) // teams
    leave, join = _movers(reps, team, chosen.turnover)
    hired, left = _dates(streams, clock, reps, leave, join)
    start, stop = _working_time(clock, hired, left)
    senior = (streams.uniform("senior", reps) < chosen.senior_share) & np.isinf(start)
    title = ["Senior Account Executive" if s else "Account Executive" for s in senior]
    buddy, practises = _buddies(streams, team, chosen.practising)
    keen = 0.3 + 2.0 * streams.uniform("managers coach", teams)[team]
    number = [1 + int((region[:t] == region[t]).sum()) for t in range(teams)]
    return People(
        name=names.people(streams, reps + teams + 1),
        title=[*title, *["Regional Sales Manager"] * teams, "VP Sales"],
        team=np.r_[team, np.arange(teams), -1],
        region=np.r_[region[team], region, -1],
        boss=np.r_[reps + team, np.full(teams, reps + teams), -1],
        team_names=[f"{names.REGIONS[r]} {n}" for r, n in zip(region, number, strict=True)],
        hired=np.r_[hired, _managers_hired(streams, clock, teams + 1)],
        left=np.r_[left, np.full(teams + 1, np.datetime64("NaT"), dtype="datetime64[D]")],
        start=np.r_[start, np.full(teams + 1, -np.inf)],
        stop=np.r_[stop, np.full(teams + 1, np.inf)],
        reps=reps,
        senior=senior,
        buddy=buddy,
        practises=practises,
        coached=keen * (0.6 + 0.8 * streams.uniform("coached", reps)),
        anchors=_anchors(team, np.r_[leave, join]),
    )


def members(people: People, who: str | tuple[int, ...]) -> np.ndarray:
    """Which reps are meant by the company, a region, a team, or positions (a mask).

    Raises
    ------
    EnablementError
        If there is no such region, team or rep.
    """
    reps = people.reps
    if not isinstance(who, str):
        if any(not 0 <= place < reps for place in who):
            raise EnablementError(f"Reps have the positions 0 to {reps - 1}, not {who}.")
        return np.isin(np.arange(reps), np.array(who, dtype=np.int64))
    if who == "company":
        return np.ones(reps, dtype=bool)
    if who in names.REGIONS:
        return people.region[:reps] == names.REGIONS.index(who)
    if who in people.team_names:
        return people.team[:reps] == people.team_names.index(who)
    known = ["company", *names.REGIONS, *people.team_names]
    raise EnablementError(f"No region or team {who!r}. {choices(who, known)}")
