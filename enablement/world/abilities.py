"""What reps can do, what they do, and what was planted in either."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass

import numpy as np

from enablement.errors import EnablementError
from enablement.world import people as staff
from enablement.world.clock import Clock, quarter_start
from enablement.world.parameters import (
    COMPETENCIES,
    KINDS,
    STAGES,
    Leak,
    Parameters,
    Rollout,
)
from enablement.world.people import People
from enablement.world.streams import Streams

MIDDLE_LEVEL, LEVEL_STEP = 2.4, 0.7
PLACE_OF = np.array([c.place for c in COMPETENCIES])
NAME_OF = [c.name for c in COMPETENCIES]
LEAST, MOST = 0.02, 0.98
HABITS = ("execution", "pay")


@dataclass(frozen=True)
class Planted:
    """A leak with the reps it hits and the working time from which it holds."""

    leak: Leak
    on: np.ndarray
    begins: float

    @property
    def stage(self) -> int:
        """Position of its stage, -1 where it is at no stage."""
        return STAGES.index(self.leak.place) if self.leak.place in STAGES else -1

    def weight(self, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Its size for those it hits, 0 for others."""
        return self.leak.size * (self.on[rep] & (time >= self.begins))


@dataclass(frozen=True)
class Trained:
    """A rollout with who took part when.

    wave : number of the session per rep, -1 for those not invited
    started : day of the session (datetime64[D], NaT for those not invited)
    completed : working time from which it is learnt; inf for those not trained or not finished
    half_life : working days, per rep
    """

    rollout: Rollout
    wave: np.ndarray
    started: np.ndarray
    completed: np.ndarray
    half_life: np.ndarray

    @property
    def stage(self) -> int:
        """Position of its stage, -1 where it moves creation."""
        return STAGES.index(self.rollout.place) if self.rollout.place in STAGES else -1

    def use(self, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Share of the full use, 0 to 1: it grows after the session and is forgotten slowly."""
        since = time - self.completed[rep]
        there = since > 0
        since = np.where(there, since, 0.0)
        grown = 1.0 - np.exp(-since / (self.rollout.rise_days * 5 / 7))
        return np.where(there, grown * np.exp2(-since / self.half_life[rep]), 0.0)


class Abilities:
    """Latent levels and habits of the reps.

    Attributes
    ----------
    level : reps × competencies, in standard deviations between reps, without anything planted
    skill : reps × stages, the weighted levels of a stage's competencies, same unit
    habit : reps × stages, logit of the probability that the stage's behaviour is done
    selling : share of the working time that is selling on the last day, per rep, 0 to 1
    planted, trained : leaks and rollouts in force
    """

    def __init__(
        self,
        streams: Streams,
        clock: Clock,
        people: People,
        chosen: Parameters,
        leaks: tuple[Leak, ...] = (),
    ) -> None:
        self.clock, self.people, self.chosen = clock, people, chosen
        self.planted = tuple(self._plant(leak) for leak in leaks)
        self.trained: tuple[Trained, ...] = ()
        shared = chosen.general_share
        general = streams.normal("general ability", people.reps)[:, None]
        own = streams.normal("competency", (people.reps, len(COMPETENCIES)))
        self.level = np.sqrt(shared) * general + np.sqrt(1 - shared) * own
        weights = np.array(
            [[c.weight * (c.place == stage) for stage in STAGES] for c in COMPETENCIES]
        )
        self.scale = np.sqrt(shared + (1 - shared) * (weights**2).sum(axis=0))
        self.skill = self.level @ weights / self.scale
        usual = _logit(np.asarray(chosen.executes))
        talks = chosen.coaching_effect * (people.coached - 1.3)
        own = chosen.habit_spread * streams.normal("habit", (people.reps, len(STAGES)))
        self.habit = usual + own + talks[:, None]
        priorities = self.level[:, NAME_OF.index("managing priorities")]
        noise = streams.normal("selling time", people.reps)
        spread = chosen.selling_spread * (0.7 * priorities + np.sqrt(0.51) * noise)
        self.own_selling = np.clip(chosen.selling_share + spread, 0.2, 0.75)

    def _plant(self, leak: Leak) -> Planted:
        most = self.chosen.behaviour_effect * 0.95
        if leak.cause in HABITS and leak.place in STAGES:
            most *= self.chosen.executes[STAGES.index(leak.place)]
            if leak.size > most:
                raise EnablementError(
                    f"A leak by {leak.cause} at {leak.place} can be at most {most:.2f}, "
                    f"which is the behaviour never done; not {leak.size}."
                )
        begins = self.clock.at(quarter_start(leak.begins)) if leak.begins else -np.inf
        return Planted(leak, staff.members(self.people, leak.who), begins)

    def without(self, *, leak: int | None = None, rollout: int | None = None) -> Abilities:
        """The same reps without one of the leaks or rollouts."""
        other = copy.copy(self)
        other.planted = tuple(p for k, p in enumerate(self.planted) if k != leak)
        other.trained = tuple(t for k, t in enumerate(self.trained) if k != rollout)
        return other

    @property
    def selling(self) -> np.ndarray:
        """Share of the working time that is selling on the last day, per rep, 0 to 1."""
        return self.sells(np.arange(self.people.reps), np.array(self.clock.end))

    def sells(self, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Share of the working time that is selling, at a time."""
        lost = sum((p.weight(rep, time) for p in self.planted if p.leak.place == "time"), 0.0)
        return self.own_selling[rep] * np.exp(-np.asarray(lost))

    @property
    def longer(self) -> np.ndarray:
        """Factor on the administration of each rep: a missing tool is made good by hand."""
        hit = sum((p.on for p in self.planted if p.leak.cause == "tools"), 0)
        return np.where(np.asarray(hit) > 0, 2.0, 1.0) * np.ones(self.people.reps)

    def ramped(self, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Share of full productivity, 0 to 1: new reps grow into the work."""
        since = np.maximum(time - self.people.start[rep], 0.0)
        return 1.0 - np.exp(-since * 7 / 5 / self.chosen.ramp_days)

    def levels(self, rep: np.ndarray, competency: np.ndarray, time: np.ndarray) -> np.ndarray:
        """True level of competencies, 0 to 4, with ramp, leaks and training in it."""
        level = MIDDLE_LEVEL + LEVEL_STEP * self.level[rep, competency]
        level = level - 0.8 * (1.0 - self.ramped(rep, time))
        for planted in self.planted:
            if planted.leak.cause == "skill" or planted.leak.place == "time":
                hit = PLACE_OF[competency] == planted.leak.place
                level = level - hit * self._drop(planted) * planted.weight(rep, time)
        for taken in self.trained:
            hit = competency == NAME_OF.index(taken.rollout.competency)
            level = level + hit * self._gain(taken) * taken.use(rep, time)
        return np.clip(level, 0.0, 4.0)

    def _drop(self, planted: Planted) -> float:
        """Levels by which the competencies fall per unit of the leak."""
        if planted.stage < 0:
            return LEVEL_STEP * 2.0
        return LEVEL_STEP * float(self.scale[planted.stage]) / self.chosen.skill_effect

    def _gain(self, taken: Trained) -> float:
        """Levels that a rollout truly adds at full use."""
        rollout = taken.rollout
        if taken.stage < 0:
            return LEVEL_STEP * rollout.effect / self.chosen.reach_effect / 2.0
        better = rollout.effect * (1.0 - rollout.through_behaviour)
        return LEVEL_STEP * float(self.scale[taken.stage]) * better / self.chosen.skill_effect

    def volume(self, kind: int, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Factor on the prospecting calls for a kind of opportunity."""
        change = np.zeros(np.broadcast_shapes(np.shape(rep), np.shape(time)))
        for planted in self.planted:
            if planted.leak.place == KINDS[kind] and planted.leak.cause in HABITS:
                change = change - planted.weight(rep, time)
        part = self.ramped(rep, time) * self.sells(rep, time) / self.chosen.selling_share
        return np.exp(change) * part

    def yields(self, kind: int, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Factor on the opportunities that a call brings."""
        change = np.zeros(np.broadcast_shapes(np.shape(rep), np.shape(time)))
        if KINDS[kind] in PLACE_OF:
            reach = self.level[:, int(np.argmax(KINDS[kind] == PLACE_OF))]
            change = change + self.chosen.reach_effect * reach[rep]
        for planted in self.planted:
            if planted.leak.place == KINDS[kind] and planted.leak.cause not in HABITS:
                change = change - planted.weight(rep, time)
        for taken in self.trained:
            if taken.rollout.place == KINDS[kind]:
                change = change + taken.rollout.effect * taken.use(rep, time)
        return np.exp(change) * np.where(self.people.senior[rep], 1.1, 1.0)

    def creation(self, days: np.ndarray) -> np.ndarray:
        """Factor on the rate of creation: reps × days × kinds."""
        rep, time = np.arange(self.people.reps)[:, None], days[None, :]
        there = (self.people.start[rep] <= time) & (self.people.stop[rep] > time + 1)
        each = [self.volume(k, rep, time) * self.yields(k, rep, time) for k in range(len(KINDS))]
        return np.stack(each, axis=2) * there[:, :, None]

    def sources(self, rep: np.ndarray, kind: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Weights of the sources for each opportunity; a leak by mix moves them to the worst."""
        usual = np.asarray(self.chosen.sources)
        usual = usual / usual.sum(axis=1, keepdims=True)
        effect = np.asarray(self.chosen.source_effect)
        weights = usual[kind]
        for planted in self.planted:
            if planted.leak.cause == "mix":
                reach = self.felt(np.array([planted.stage]))[0] * (usual @ effect - effect.min())
                part = np.minimum(planted.weight(rep, time) / reach[kind], 1.0)[:, None]
                part = part * (kind < 2)[:, None]
                worst = np.eye(len(effect))[int(effect.argmin())]
                weights = (1.0 - part) * weights + part * worst
        return weights

    @staticmethod
    def felt(stage: np.ndarray) -> np.ndarray:
        """Share of the source's effect that is felt at a stage."""
        return np.where(stage < 2, 1.0, 0.2)

    def executes(self, stage: np.ndarray, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Probability that the behaviour of the stage is done, 0 to 1."""
        does = _chance(self.habit[rep, stage])
        for planted in self.planted:
            if planted.stage >= 0 and planted.leak.cause in HABITS:
                less = planted.weight(rep, time) / self.chosen.behaviour_effect
                does = does - less * (stage == planted.stage)
        for taken in self.trained:
            if taken.stage >= 0:
                part = taken.rollout.effect * taken.rollout.through_behaviour
                more = part / self.chosen.behaviour_effect * taken.use(rep, time)
                does = does + more * (stage == taken.stage)
        return np.clip(does, LEAST, MOST)

    def able(self, stage: np.ndarray, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Skill at a stage with the leaks in it, in standard deviations between reps."""
        able = self.skill[rep, stage]
        for planted in self.planted:
            if planted.stage >= 0 and planted.leak.cause == "skill":
                less = planted.weight(rep, time) / self.chosen.skill_effect
                able = able - less * (stage == planted.stage)
        return able

    def logit(
        self, stage: np.ndarray, rep: np.ndarray, time: np.ndarray, done: np.ndarray
    ) -> np.ndarray:
        """Logit of advancing, without the part of the opportunity itself."""
        odds = (
            _logit(np.asarray(self.chosen.stage_rates))[stage]
            + self.chosen.skill_effect * self.able(stage, rep, time)
            + self.chosen.behaviour_effect * (done - np.asarray(self.chosen.executes)[stage])
            - (1.0 - self.ramped(rep, time)) * self.chosen.ramp_effect
        )
        for planted in self.planted:
            if planted.stage >= 0 and planted.leak.cause == "tools":
                odds = odds - planted.weight(rep, time) * (stage == planted.stage)
        for taken in self.trained:
            if taken.stage >= 0:
                part = taken.rollout.effect * (1.0 - taken.rollout.through_behaviour)
                odds = odds + part * taken.use(rep, time) * (stage == taken.stage)
        return odds

    def chance(
        self, stage: np.ndarray, rep: np.ndarray, time: np.ndarray, offset: np.ndarray | float
    ) -> np.ndarray:
        """Probability of advancing, averaged over doing the behaviour or not, 0 to 1.

        Parameters
        ----------
        offset : logits of the opportunity and the season
        """
        does = self.executes(stage, rep, time)
        yes = _chance(self.logit(stage, rep, time, np.ones(len(stage))) + offset)
        no = _chance(self.logit(stage, rep, time, np.zeros(len(stage))) + offset)
        return does * yes + (1.0 - does) * no

    def slower(self, stage: np.ndarray, rep: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Factor on the time in stage."""
        factor = np.exp(-self.chosen.skill_faster * self.able(stage, rep, time))
        for planted in self.planted:
            if planted.stage >= 0 and planted.leak.cause == "tools":
                hit = planted.on[rep] & (stage == planted.stage)
                factor = np.where(hit, factor * self.chosen.tools_slower, factor)
        return factor


def train(
    streams: Streams, abilities: Abilities, rollout: Rollout, number: int, observed: np.ndarray
) -> Trained:
    """Decide who takes part in a rollout, and when.

    Parameters
    ----------
    number : position of the rollout, for its random numbers
    observed : per rep, the rate at the rollout's place before it began, NaN where unknown; only
        used by `worst first`
    """
    people, clock = abilities.people, abilities.clock
    reps = people.reps
    turn = streams.uniform(f"invited {number}", reps)
    teams = int(people.team[:reps].max()) + 1
    wave = np.zeros(reps, dtype=np.int64)
    if rollout.assignment == "staggered":
        wave = np.argsort(streams.order(f"waves {number}", teams))[people.team[:reps]]
    days = np.datetime64(rollout.starts_on, "D") + wave * rollout.gap_days
    days = np.where(wave >= 0, staff.weekday(days), days)
    at = np.array([clock.at(day) for day in days.astype(dt.date)])
    there = (people.start[:reps] <= at) & (people.stop[:reps] > at) & (at < clock.end)
    if rollout.assignment == "randomised":
        there &= _lowest(np.where(there, turn, np.inf), rollout.share)
    if rollout.assignment == "worst first":
        there &= _lowest(np.where(there & ~np.isnan(observed), observed, np.inf), rollout.share)
    finished = there & (streams.uniform(f"finishes {number}", reps) < 0.95)
    factor = np.where(people.practises, abilities.chosen.practice_factor, 1.0)
    return Trained(
        rollout=rollout,
        wave=np.where(there, wave, -1),
        started=np.where(there, days, np.datetime64("NaT", "D")),
        completed=np.where(finished, at + 1.0, np.inf),
        half_life=rollout.half_life_days * 5 / 7 * factor,
    )


def _lowest(values: np.ndarray, share: float) -> np.ndarray:
    """Mark the lowest `share` of the finite values."""
    wanted = round(float(np.isfinite(values).sum()) * share)
    chosen = np.zeros(len(values), dtype=bool)
    chosen[np.argsort(values, kind="stable")[:wanted]] = True
    return chosen & np.isfinite(values)


def _logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1.0 - share))


def _chance(odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-odds))
