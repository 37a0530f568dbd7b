"""Sizes: what won opportunities bring, how far it is spread, and how far reps differ in it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.measure import counting, definitions, exchange
from enablement.periods import Period, moment
from enablement.plan.staff import Staff
from enablement.read.crm import CRM

SUMS = (
    "select {groups} count(k.amount) as won, coalesce(sum(k.amount), 0) as amount, "
    "coalesce(sum(k.amount * k.amount), 0) as squares, min(k.lacks) as {lacks}"
)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sums of the amounts won in twelve months, of those whose amount is known.

    won, amount, squares : of each rep, in the order of the staff: how many, their sum, and the
        sum of their squares; in a last place what belongs to none of them
    """

    won: NDArray[np.float64]
    amount: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """What one brings on average; NaN where none was won."""
        won = self.won.sum()
        return float(self.amount.sum() / won) if won > 0 else np.nan

    @property
    def variation(self) -> float:
        """Standard deviation of what one brings over the mean; NaN of fewer than two."""
        won = self.won.sum()
        if won < 2:
            return np.nan
        square = (self.squares.sum() - self.amount.sum() ** 2 / won) / (won - 1)
        return float(np.sqrt(max(square, 0.0)) / self.mean)

    def about(self, number: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Draw what the true mean may be over the mean of those won: lognormal factors of mean 1.

        Their variance is the variation² over how many were won; all 1 where it is not known.
        """
        if not self.variation > 0:
            return np.ones(number)
        return about_one(generator, np.full(number, self.variation**2 / self.won.sum()))

    def own(self) -> NDArray[np.float64]:
        """Give what one brings on average of each rep, drawn towards that of all.

        How far, by the variances within and between reps (Searle, Casella and McCulloch, 1992,
        Variance Components, the ANOVA estimate): where reps differ by no more than their few
        wins make likely, all have the mean of all.
        """
        won, amount, squares = (v[:-1] for v in (self.won, self.amount, self.squares))
        some = won > 0
        means = np.divide(amount, won, out=np.full(len(won), self.mean), where=some)
        total, groups = won.sum(), int(some.sum())
        if groups < 2 or total <= groups:
            return np.full(len(won), self.mean)
        middle = amount.sum() / total
        within = (squares - won * means**2)[some].sum() / (total - groups)
        between = (won * (means - middle) ** 2).sum() - (groups - 1) * within
        spread = max(between / (total - (won**2).sum() / total), 0.0)
        if spread == 0.0:
            return np.full(len(won), middle)
        return middle + won / (won + within / spread) * (means - middle)


def about_one(generator: np.random.Generator, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw lognormal factors of mean 1 and these variances."""
    spread = np.log1p(variance)
    return np.exp(generator.standard_normal(variance.shape) * np.sqrt(spread) - spread / 2)


def of_crm(crm: CRM, staff: Staff, period: Period) -> Sizes:
    """Sum up what was won in a period, renewals left out, by the owner at the close."""
    groups = definitions.split(crm, "rep")
    counted = counting.ask(
        crm,
        counting.Question(
            groups,
            ("outcomes",),
            until=moment(period.end),
            renewals="left out",
            said={
                **{"of": "value", "cohort": "decided", "credit": "final"},
                **definitions.span(period),
            },
            select=SUMS.format(groups=groups.select(), lacks=exchange.LACKS),
            group="and p.outcome = 'won' group by all",
        ),
    )
    return Sizes(*(_placed(counted, column, staff) for column in ("won", "amount", "squares")))


def stated(staff: Staff, mean: float) -> Sizes:
    """Take a size as a plan states it, of which nobody knows how far it is spread."""
    nothing = np.zeros(len(staff))
    return Sizes(*(np.append(nothing, value) for value in (1.0, mean, np.nan)))


def _placed(counted: pd.DataFrame, column: str, staff: Staff) -> NDArray[np.float64]:
    values = counted.groupby("rep_id")[column].sum()
    known = values.reindex(staff.ids).fillna(0.0).to_numpy(dtype=float)
    return np.append(known, float(counted[column].sum()) - known.sum())
