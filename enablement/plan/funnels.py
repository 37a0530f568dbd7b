"""The funnel as it is today: how many enter each stage, and which share moves on, rep by rep.

Everything a plan computes starts from these counts, so that a question of what if asks no
export again.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.errors import CannotSayError
from enablement.measure import funnel, pipeline, shrinkage, winloss
from enablement.measure.estimates import ALPHA
from enablement.measure.shrinkage import Spread
from enablement.periods import Calendar, Period
from enablement.plan import arrivals
from enablement.plan import staff as staffs
from enablement.plan.arrivals import MONTH, Arrivals
from enablement.plan.goal import ALONE, Goal, Plan
from enablement.plan.staff import Staff
from enablement.read.crm import CRM

WON = "won"  # the row behind the last stage
DECIDED = "decided in {period}, by the owner at the entry, renewals left out"
VOLUME = "; volume: begun in it"


@dataclasses.dataclass(frozen=True)
class Funnel:
    """Counts of twelve months, and the rates that they carry.

    stages : their names, in order
    staff : whose counts they are, in the order of the rows
    entered, moved : reps × stages; those decided in the period, and those that moved on
    nobody : 2 × stages, the same of what belongs to none of them
    days : working days that each rep was there for
    arrivals : what began in the period; None where only those decided are known
    worked : `days`, less what new reps lose to their ramp; None for the same
    worth : what a won one brings on average, in the goal's metric
    besides : what is reached besides the funnel (renewals), in the metric; it is taken to recur
    besides_won : how many won ones that is
    whole_days : working days of the period
    stated_rates, stated_volume : of a plan that states them; else None
    says : where the counts come from, in a line
    notes : what a reader must know of them, each a sentence
    """

    stages: tuple[str, ...]
    staff: Staff
    entered: NDArray[np.float64]
    moved: NDArray[np.float64]
    nobody: NDArray[np.float64]
    days: NDArray[np.float64]
    worth: float
    besides: float
    whole_days: float
    besides_won: float = 0.0
    stated_rates: NDArray[np.float64] | None = None
    stated_volume: float | None = None
    arrivals: Arrivals | None = None
    worked: NDArray[np.float64] | None = None
    says: str = ""
    notes: tuple[str, ...] = ()

    @property
    def team(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How many entered each stage and moved on, of all together."""
        return self.entered.sum(axis=0) + self.nobody[0], self.moved.sum(axis=0) + self.nobody[1]

    @property
    def pooled(self) -> NDArray[np.float64]:
        """Share of all together that moves on from each stage; NaN where none entered."""
        if self.stated_rates is not None:
            return self.stated_rates
        entered, moved = self.team
        return np.divide(moved, entered, out=np.full(len(entered), np.nan), where=entered > 0)

    def rates(self, of: str = "own") -> NDArray[np.float64]:
        """Give the share that moves on, reps × stages.

        Parameters
        ----------
        of : ``own``, drawn towards the others, the more the fewer were decided, and that of all
            where the reps do not differ beyond chance at the stage; or ``team``
        """
        pooled = np.broadcast_to(self.pooled, self.entered.shape)
        if of == "team" or self.stated_rates is not None:
            return pooled.copy()
        fitted = zip(self._by_stage(), self.spreads, strict=True)
        shrunk = [shrunk_rates(k, n, len(self.stages), spread) for (k, n), spread in fitted]
        own = np.stack(shrunk, axis=1)
        return np.where(np.isnan(own), pooled, own)

    @functools.cached_property
    def spreads(self) -> tuple[Spread | None, ...]:
        """How the true rates of the reps are spread at each stage, as fitted."""
        return tuple(shrinkage.fit_spread(k, n) for k, n in self._by_stage())

    def worth_of_counts(self) -> NDArray[np.float64]:
        """Say of each stage what one decided is worth in knowing the rate of reps like these.

        Where reps differ, many decided by few reps say less than as many by many: it is Kish's
        design effect, 1 + (what a rep has of them, on average over them, - 1) × the correlation
        within reps, of which this is the inverse.
        """
        worth = np.ones(len(self.stages))
        for stage, spread in enumerate(self.spreads):
            decided = self.entered[:, stage]
            if spread is not None and np.isfinite(spread.strength):
                each = (decided**2).sum() / decided.sum()
                worth[stage] = 1 / (1 + max(each - 1, 0.0) / (spread.strength + 1))
        return worth

    def volume(self) -> NDArray[np.float64]:
        """Give how many enter the first stage a working day, of each rep.

        A month of the team's volume stands beside each rep's own, which alone says little of
        somebody who has just come. What counts is what began in the days, open or not: of a new
        rep little is decided yet.
        """
        if self.stated_volume is not None:
            return np.full(len(self.staff), self.stated_volume / self.whole_days / len(self.staff))
        first = self.entered[:, 0] if self.arrivals is None else self.arrivals.begun
        days = self.days if self.worked is None else self.worked
        total = days.sum()
        team = first.sum() / total if total > 0 else np.nan
        return (first + MONTH * team) / (days + MONTH)

    @property
    def first(self) -> float:
        """How many the volume is known by."""
        return self.team[0][0] if self.arrivals is None else self.arrivals.total

    def most(self) -> NDArray[np.float64]:
        """Give the most that any rep had enter each stage a working day, of those there a quarter.

        NaN where nobody was there so long.
        """
        there = self.days >= 3 * MONTH
        if self.stated_volume is not None or not there.any():
            return np.full(len(self.stages), np.nan)
        return (self.entered[there] / self.days[there][:, None]).max(axis=0)

    def _by_stage(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return list(zip(self.moved.T, self.entered.T, strict=True))


def shrunk_rates(
    successes: NDArray[np.float64],
    trials: NDArray[np.float64],
    stages: int,
    spread: Spread | None,
) -> NDArray[np.float64]:
    """Shrink rates of groups; the pooled rate for all where they do not differ beyond chance.

    That is `shrinkage.shrink` with another test: its chi-square needs permutations where numbers
    are small, which takes seconds for a thousand reps. The likelihood ratio of the fitted spread
    against none takes none of it; half of it is chi-square on one degree, since a spread cannot
    be negative.

    Parameters
    ----------
    successes, trials : counts, one entry per group
    stages : at how many stages groups are compared; the level of the test is 10 % over all
    spread : how they are spread, as `shrinkage.fit_spread` finds it
    """
    from scipy.special import chdtrc, xlogy

    none = np.full(len(trials), np.nan)
    if trials.sum() <= 0:
        return none
    pooled = successes.sum() / trials.sum()
    alike = np.where(trials > 0, pooled, np.nan)
    if spread is None or not np.isfinite(spread.strength):
        return alike
    chance = xlogy(successes, pooled) + xlogy(trials - successes, 1 - pooled)
    ratio = 2 * (spread.log_likelihood - chance.sum() - _ways(successes, trials))
    if chdtrc(1, max(ratio, 0.0)) / 2 >= ALPHA / stages:
        return alike
    shrunk = (spread.mean * spread.strength + successes) / (spread.strength + trials)
    return np.where(trials > 0, shrunk, np.nan)


def _ways(successes: NDArray[np.float64], trials: NDArray[np.float64]) -> float:
    """Logarithm of the binomial coefficients."""
    from scipy.special import gammaln

    some = gammaln(trials + 1) - gammaln(successes + 1) - gammaln(trials - successes + 1)
    return float(some.sum())


def of_crm(crm: CRM, plan: Plan, period: Period) -> Funnel:
    """Count the funnel of an export over the baseline's months.

    Where the export does not record every stage, the plan's stated rates stand in, else the win
    rate alone; a note says so.
    """
    if len(crm.settings.pipelines) > 1:
        raise CannotSayError(
            "The funnel of several pipelines is not put together: their stages are not the same. "
            "Load the opportunities of one of them."
        )
    asked: dict[str, Any] = {"as_of": period.end, "period": period, "by": "rep"}
    rates = funnel.counts(crm, definition="decided", **asked)
    wins = winloss.win_rate(crm, **asked)
    start = _without_counts(crm, plan.goal, wins, asked)
    if rates.attrs["cannot_say"]:
        plan.check_stages([*crm.settings.stages, *plan.goal.stated.rates, ALONE])
        return _without_stages(start, plan, wins, next(iter(rates.attrs["cannot_say"].values())))
    plan.check_stages(crm.settings.stages)
    stages = list(crm.settings.stages)
    by_rep = rates.pivot(index="rep_id", columns="stage")
    counts = _counts(by_rep["entered"][stages], by_rep["moved_on"][stages], start.staff)
    says = DECIDED.format(period=period) + (VOLUME if start.arrivals else "")
    return dataclasses.replace(start, stages=tuple(stages), says=says, **counts)


def _without_counts(crm: CRM, goal: Goal, wins: pd.DataFrame, asked: dict[str, Any]) -> Funnel:
    """Find what a funnel has besides its stages."""
    staff = staffs.of_crm(crm)
    worth, besides, others, notes = _worth(crm, goal, wins, asked)
    period, none = asked["period"], np.zeros((len(staff), 0))
    return Funnel(
        stages=(),
        staff=staff,
        entered=none,
        moved=none,
        nobody=np.zeros((2, 0)),
        days=staff.days([period])[:, 0],
        worth=worth,
        besides=besides,
        besides_won=others,
        whole_days=float(staff.week.within(period, since=staffs.NEVER, until=staffs.NEVER)),
        arrivals=arrivals.of_crm(crm, staff, period),
        notes=notes,
    )


def _without_stages(start: Funnel, plan: Plan, wins: pd.DataFrame, why: str) -> Funnel:
    """Take the win rate alone, or the stages that the plan states."""
    by_rep = wins.set_index("rep_id")
    decided = (by_rep["won"] + by_rep["lost"]).to_frame()
    counts = _counts(decided, by_rep[["won"]], start.staff)
    stated = plan.goal.stated
    if not stated.rates:
        notes = (*start.notes, f"Stages are not recorded ({why}), so there is one: won or not.")
        if set(plan.desired) - {ALONE}:
            notes += ("The plan's desired rates of the other stages are held against nothing.",)
        return dataclasses.replace(
            start, stages=(ALONE,), says="won, of those won or lost", notes=notes, **counts
        )
    nothing = np.zeros((len(start.staff), len(stated.rates)))
    return dataclasses.replace(
        start,
        stages=tuple(stated.rates),
        entered=nothing,
        moved=nothing,
        nobody=np.zeros((2, len(stated.rates))),
        stated_rates=np.array(list(stated.rates.values())),
        stated_volume=stated.volume or float(decided.to_numpy(dtype=float).sum()),
        says="volume as counted, rates as the plan states them",
        notes=(*start.notes, f"Stages are not recorded ({why}); their rates are the plan's."),
    )


def _counts(entered: pd.DataFrame, moved: pd.DataFrame, staff: Staff) -> dict[str, Any]:
    """Put counts in the order of the staff, and what belongs to none of them apart."""
    rows = [_rows(counts, staff) for counts in (entered, moved)]
    return {
        "entered": rows[0][:-1],
        "moved": rows[1][:-1],
        "nobody": np.stack([rows[0][-1], rows[1][-1]]),
    }


def of_plan(plan: Plan) -> Funnel:
    """Make the funnel of the volume and the rates that a plan states."""
    goal, staff = plan.goal, staffs.stated(plan.goal)
    stated = goal.stated
    if not stated.rates:
        raise CannotSayError(
            "Without a CRM the plan must say which share moves on from each stage: "
            "[goal.stated.rates] Dial = 0.45, or [goal.stated] win_rate = 0.2."
        )
    plan.check_stages(list(stated.rates))
    worth = _stated_worth(goal)
    rates = np.array(list(stated.rates.values()))
    volume = stated.volume
    if volume is None and goal.baseline is not None:
        volume = goal.baseline / worth / float(rates.prod())
    if volume is None:
        raise CannotSayError(
            "Without a CRM the plan must say how much there is: [goal] baseline = 1000000, or "
            "[goal.stated] volume = 600000."
        )
    year = goal.span(Calendar())
    nothing = np.zeros((len(staff), len(rates)))
    days = staff.days([year])[:, 0]
    return Funnel(
        stages=tuple(stated.rates),
        staff=staff,
        entered=nothing,
        moved=nothing,
        nobody=np.zeros((2, len(rates))),
        days=days,
        worth=worth,
        besides=0.0,
        whole_days=float(days[0]),
        stated_rates=rates,
        stated_volume=float(volume),
        says="as the plan states it",
        notes=("The plan states volume and rates, so nothing says how sure they are.",),
    )


def _stated_worth(goal: Goal) -> float:
    """What a won one brings, as the plan states it; one unit where it says nothing."""
    if goal.metric == "won count":
        return 1.0
    size = goal.stated.deal_size or goal.unit_price
    if size is None:
        raise CannotSayError(
            "Without a CRM the plan must say what a won one brings: [goal.stated] deal_size = 50."
        )
    return size / (goal.unit_price or size) if goal.metric == "units" else size


def _worth(
    crm: CRM, goal: Goal, wins: pd.DataFrame, asked: dict[str, Any]
) -> tuple[float, float, float, tuple[str, ...]]:
    """Find what a won one brings, what is reached besides the funnel, and by how many."""
    won = float(wins["won"].sum())
    sold = pipeline.won(crm, as_of=asked["as_of"], period=asked["period"]).iloc[0]
    others = max(float(sold["won"]) - won, 0.0)
    if goal.metric == "won count":
        return 1.0, others, others, _besides(others)
    value = winloss.win_rate(crm, of="value", **asked)
    amount = float(value["won"].sum())
    if not (won > 0 and amount > 0):
        raise CannotSayError(f"Nothing was won in {asked['period']} that has an amount.")
    price = (goal.unit_price or 1.0) if goal.metric == "units" else 1.0
    besides = max(float(sold["sold"]) - amount, 0.0) / price
    notes = _besides(besides)
    if sold["without_amount"] > 0:
        notes = (
            *notes,
            f"Of those won {sold['without_amount']:.0f} have no amount and count as 0.",
        )
    return amount / won / price, besides, others, notes


def _besides(amount: float) -> tuple[str, ...]:
    if amount <= 0.5:
        return ()
    return (f"Renewals brought {amount:,.0f}, which is taken to recur and needs no funnel.",)


def _rows(counts: pd.DataFrame, staff: Staff) -> NDArray[np.float64]:
    """Put counts in the order of the staff, with what belongs to none of them in a last row."""
    known = counts.reindex(staff.ids).astype("float64").fillna(0.0).to_numpy()
    total = counts.astype("float64").sum().to_numpy()
    return np.vstack([known, total - known.sum(axis=0)])
