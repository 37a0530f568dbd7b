"""A question put to the data: its answer in words, chart and table, or why there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from enablement.errors import CannotSayError, NoPlanError
from enablement.read.crm import CRM
from enablement.show import charts, tables, words

if TYPE_CHECKING:
    import altair as alt

Measure = Callable[..., pd.DataFrame]
WITHOUT_PLAN = "This needs a plan, which is not there."


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a measure says, or why the data cannot say it.

    measure : its name
    numbers : its table; None where it cannot be said
    refusal : why it cannot be said; empty where it can
    """

    measure: str
    numbers: pd.DataFrame | None
    refusal: str = ""

    def __str__(self) -> str:
        """Say the finding in a sentence or two, else why there is none; of a list what it lists."""
        if self.numbers is None:
            return self.refusal
        say = getattr(words, self.measure, None)
        if say is None:
            rows = words.counted(len(self.numbers), "row", "rows")
            return f"{rows}: {self.numbers.attrs['definition']}."
        return str(say(self.numbers))

    @property
    def chart(self) -> alt.VConcatChart | None:
        """The chart; nothing where the measure has none, or no numbers, as the words have said."""
        draw = getattr(charts, self.measure, None)
        return None if self.numbers is None or draw is None else draw(self.numbers)

    @property
    def table(self) -> pd.DataFrame | None:
        """The table for reading, where the measure has one, else its numbers as they are."""
        return self.shown()

    def shown(self, **how: object) -> pd.DataFrame | None:
        """Give the table for reading, in one of its ways, such as ``by="team"``."""
        if self.numbers is None:
            return None
        shown: Measure = getattr(tables, self.measure, lambda numbers: numbers)
        return shown(self.numbers, **how)


def ask(measure: Measure, crm: CRM, **said: object) -> Answer:
    """Ask a measure, and take a refusal for an answer.

    A notebook that runs on many exports meets some that cannot say everything: it goes on,
    and says in a sentence what is missing.

    Parameters
    ----------
    measure : such as ``en.push_count``
    crm : as `enablement.load` gives it
    **said : what the measure takes

    Raises
    ------
    EnablementError
        If a name or a value is wrong: that is a mistake of the question, not of the data.

    Notes
    -----
    What a plan must say at least is told by the baseline, with which a page of a goal begins;
    the other measures then say in a few words that they need one.
    """
    name = measure.__name__
    try:
        return Answer(name, measure(crm, **said))
    except NoPlanError as reason:
        return Answer(name, None, str(reason) if name == "baseline" else WITHOUT_PLAN)
    except CannotSayError as reason:
        return Answer(name, None, str(reason))
