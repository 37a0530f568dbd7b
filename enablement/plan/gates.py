"""Gates: measures that must hold beside the result, or there is no reward."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from enablement.errors import EnablementError
from enablement.periods import Period, moment
from enablement.plan import metrics
from enablement.read.crm import CRM


@dataclasses.dataclass(frozen=True, slots=True)
class Gate:
    """A measure and the least that it must be.

    name, least : as the plan says them
    value : what the measure is, of the whole team; NaN where it cannot be said
    says : what is measured over which days, or why it cannot be
    """

    name: str
    least: float
    value: float
    says: str

    @property
    def holds(self) -> bool | None:
        """Whether it is reached; None where that cannot be said, which is no pass."""
        return None if np.isnan(self.value) else bool(self.value >= self.least)

    def told(self) -> dict[str, object]:
        """Give it as a row: ``gate``, ``least``, ``value``, ``holds`` and ``says``."""
        row = {"gate": self.name, "least": self.least, "value": self.value}
        return {**row, "holds": self.holds, "says": self.says}


def gates_of(
    crm: CRM | None, said: Mapping[str, float], period: Period | None, *, as_of: object
) -> tuple[Gate, ...]:
    """Measure each gate of a plan.

    Parameters
    ----------
    said : gate -> the least it must be, as `enablement.plan.goal.GATES` names them
    period : whose days are looked at; None without a CRM
    as_of : the last moment whose events may be seen
    """
    return tuple(_gate(crm, name, least, period, as_of) for name, least in said.items())


def _gate(crm: CRM | None, name: str, least: float, period: Period | None, as_of: object) -> Gate:
    if crm is None or period is None:
        return Gate(name, least, np.nan, "There is no export to measure it in.")
    try:
        metric = metrics.METRICS[name.replace("_", " ")]
        asked = metrics.Question(period, as_of)
        value = metrics.read(crm, metric, asked, stage="", column="").value
    except EnablementError as error:
        return Gate(name, least, np.nan, str(error))
    if np.isnan(value):
        return Gate(name, least, value, f"Nothing in {period} says it.")
    return Gate(name, least, value, f"In {period}, as known on {moment(as_of):%Y-%m-%d}.")
