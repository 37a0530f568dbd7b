"""The way of every opportunity through the stages.

All opportunities take their n-th step together: how long they stay, whose they are when they
leave, whether the stage's behaviour was done, and how they leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enablement.world.abilities import Abilities
from enablement.world.clock import Clock
from enablement.world.creation import Made
from enablement.world.parameters import STAGES, Parameters
from enablement.world.streams import Streams

ADVANCED, WON, LOST, BACK, CANCELLED = range(5)
LAST = len(STAGES) - 1
STAYS_EACH = 2.9  # stays of an opportunity, on average


@dataclass(frozen=True)
class Stays:
    """Stays in a stage, not yet cut off at the export.

    opportunity, stage : positions
    entered, left : working time
    rep, next_rep : owner when it was entered, and when it was left
    handed : working time of the hand-over, NaN without one
    exit : 0 advanced, 1 won, 2 lost, 3 back, 4 cancelled
    done : whether the stage's behaviour was done
    chance : true probability to advance where it is decided, 0 to 1
    """

    opportunity: np.ndarray
    stage: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    rep: np.ndarray
    next_rep: np.ndarray
    handed: np.ndarray
    exit: np.ndarray
    done: np.ndarray
    chance: np.ndarray

    @property
    def decided(self) -> np.ndarray:
        """Which stays ended by moving on or by a loss."""
        return self.exit <= LOST

    @property
    def over(self) -> np.ndarray:
        """Which stays ended with an outcome."""
        return (self.exit == WON) | (self.exit == LOST) | (self.exit == CANCELLED)


def first_stage(streams: Streams, made: Made, chosen: Parameters) -> np.ndarray:
    """Stage in which each opportunity is created."""
    drawn = streams.uniform("late start", len(made.time))
    late = np.asarray(chosen.late_start)[made.kind]
    return np.where(made.kind == 2, 3, np.where(drawn < late, 1, 0)).astype(np.int8)


def fixed_part(streams: Streams, made: Made, chosen: Parameters) -> np.ndarray:
    """Logits that stay the same through all stages of an opportunity, without its source's."""
    size = np.log(made.list_amount / np.asarray(chosen.typical_amount)[made.segment])
    return (
        np.asarray(chosen.segment_effect)[made.segment]
        + np.asarray(chosen.product_effect)[made.product]
        + np.asarray(chosen.kind_effect)[made.kind]
        + chosen.size_effect * size
        + chosen.opportunity_spread * streams.normal("opportunity effect", len(made.time))
    )


@dataclass
class State:
    """Where every opportunity is before its next step; the walk changes it.

    at : opportunities still on their way
    stage, time, rep : where, since when, whose (of all opportunities)
    backs : how often it went back
    reopened : whether it was reopened
    """

    at: np.ndarray
    stage: np.ndarray
    time: np.ndarray
    rep: np.ndarray
    backs: np.ndarray
    reopened: np.ndarray


class Walk:
    """Send every opportunity through the stages until it is won, lost or beyond the export."""

    def __init__(
        self,
        streams: Streams,
        clock: Clock,
        abilities: Abilities,
        made: Made,
        chosen: Parameters,
    ) -> None:
        self.streams, self.clock, self.abilities = streams, clock, abilities
        self.made, self.chosen, self.size = made, chosen, len(made.time)
        self.fixed = fixed_part(streams, made, chosen)
        self.source = np.asarray(chosen.source_effect)[made.source]
        self.slow = np.asarray(chosen.segment_slowness)[made.segment]

    def draw(self, name: str, step: int, at: np.ndarray) -> np.ndarray:
        """Numbers of one mechanism at one step; an opportunity keeps its own."""
        return self.streams.uniform(f"{name} {step}", self.size)[at]

    def offset(self, at: np.ndarray, stage: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Logits of the opportunities and the season."""
        season = np.asarray(self.chosen.outcome_season)[self.clock.season(time)]
        return self.fixed[at] + self.source[at] * self.abilities.felt(stage) + season

    def run(self) -> Stays:
        """Walk until nothing moves any more."""
        state = State(
            at=np.arange(self.size, dtype=np.int32),
            stage=first_stage(self.streams, self.made, self.chosen),
            time=self.made.time.copy(),
            rep=self.made.rep.copy(),
            backs=np.zeros(self.size, dtype=np.int8),
            reopened=np.zeros(self.size, dtype=bool),
        )
        found: list[Stays] = []
        while len(state.at):
            stay = self.step(state, len(found))
            self.move(state, stay, len(found))
            found.append(stay)
        if not found:
            return self.step(state, 0)
        return Stays(*(np.concatenate(part) for part in zip(*map(_columns, found), strict=True)))

    def step(self, state: State, step: int) -> Stays:
        """One stay of each opportunity on its way."""
        at, chosen = state.at, self.chosen
        stage, time, rep = state.stage[at], state.time[at], state.rep[at]
        does = self.draw("behaviour", step, at) < self.abilities.executes(stage, rep, time)
        odds = self.abilities.logit(stage, rep, time, does) + self.offset(at, stage, time)
        chance = 1.0 / (1.0 + np.exp(-odds))
        onward = np.where(stage == LAST, WON, ADVANCED)
        exit_ = np.where(self.draw("outcome", step, at) < chance, onward, LOST)
        turned = self.draw("back", step, at) < chosen.back
        exit_ = np.where(turned & (stage > 0) & (state.backs[at] < 2), BACK, exit_)
        if chosen.cancel:
            exit_ = np.where(self.draw("cancelled", step, at) < chosen.cancel, CANCELLED, exit_)
        part = np.clip(self.draw("time in stage", step, at), 1e-4, 1 - 1e-3)
        skewed = np.exp(np.log(part / (1 - part)) / chosen.time_shape)
        middle = np.asarray(chosen.stage_days)[stage] * 5 / 7 * self.slow[at]
        middle = (
            middle
            * np.where(does, chosen.done_faster, 1.0)
            * self.abilities.slower(stage, rep, time)
        )
        middle = middle * np.where(exit_ == LOST, chosen.lost_slower, 1.0)
        left = time + np.maximum(middle * skewed, 0.03)
        owner, handed = self.new_owner(rep, time, left, step, at)
        return Stays(
            at, stage, time, left, rep, owner, handed, exit_.astype(np.int8), does,
            chance.astype(np.float32),
        )  # fmt: skip

    def move(self, state: State, stay: Stays, step: int) -> None:
        """Put the opportunities where they go next."""
        at = state.at
        state.rep[at] = stay.next_rep
        state.backs[at] += stay.exit == BACK
        jump = self.draw("skip", step, at) < self.chosen.skip
        ahead = stay.stage + 1 + (jump & (stay.stage < LAST - 1))
        back = stay.stage - (stay.exit == BACK)
        state.stage[at] = np.where(stay.exit == ADVANCED, ahead, back)
        again = self.draw("reopen", step, at) < self.chosen.reopen
        again &= (stay.exit == LOST) & ~state.reopened[at]
        pause = 5.0 + 30.0 * self.draw("pause before reopening", step, at)
        again &= self.abilities.people.stop[stay.next_rep] > stay.left + pause
        state.time[at] = np.where(again, stay.left + pause, stay.left)
        state.reopened[at] |= again
        going = (stay.exit == ADVANCED) | (stay.exit == BACK) | again
        state.at = at[going & (state.time[at] < self.clock.end)]

    def new_owner(
        self, rep: np.ndarray, entered: np.ndarray, left: np.ndarray, step: int, at: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Owner at the end of the stay, and when the hand-over was (NaN without one)."""
        people = self.abilities.people
        length = left - entered
        moment = entered + (0.05 + 0.9 * self.draw("moment of hand-over", step, at)) * length
        rate = self.chosen.handover / STAYS_EACH
        handed = np.where(self.draw("hand-over", step, at) < rate, moment, np.inf)
        stop = people.stop[rep]
        leaver = (stop <= left) & (stop > entered)
        # Not in the second of the entry: nobody could tell then which came first.
        soonest = entered + np.minimum(0.001, (stop - entered) / 2)
        handed = np.where(leaver, np.minimum(handed, np.maximum(stop - 0.02, soonest)), handed)
        choice = people.anchors[people.team[rep]]
        width = choice.shape[1]
        place = (self.draw("taken over by", step, at) * width).astype(np.int64)
        rows = np.arange(len(rep))
        taker = choice[rows, place]
        taker = np.where(taker == rep, choice[rows, (place + 1) % width], taker)
        changed = np.isfinite(handed) & (taker != rep)
        owner = np.where(changed, taker, rep).astype(np.int32)
        return owner, np.where(changed, handed, np.nan)


def _columns(stay: Stays) -> list[np.ndarray]:
    return [getattr(stay, name) for name in Stays.__dataclass_fields__]
