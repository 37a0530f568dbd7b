"""Arguments: the numbers that are asked with, and what each of them may be."""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from enablement.errors import EnablementError

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """What a number may be.

    such : one that would work
    least, above, below : its bounds
    whole : whether it has no parts
    """

    such: float
    least: float = -math.inf
    above: float = -math.inf
    below: float = math.inf
    whole: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        kind = "whole number" if self.whole else "number"
        if math.isfinite(self.below):
            return f"{kind} between {self.above:g} and {self.below:g}"
        return f"{kind} " + (
            f"above {self.above:g}" if math.isfinite(self.above) else f"of at least {self.least:g}"
        )

    def fits(self, value: object) -> bool:
        """Whether a value is such a number; true and false are none."""
        kind = numbers.Integral if self.whole else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        given = float(value)
        inside = self.above < given < self.below and given >= self.least
        return inside and math.isfinite(given)


NUMBERS = {
    "confidence": Number(0.9, above=0, below=1),
    "share": Number(0.8, above=0),
    "kept": Number(3, least=1, whole=True),
    "tenured": Number(365, least=0, whole=True),
    "past": Number(4, least=0, whole=True),
    "in_a_day": Number(2, least=2, whole=True),
    "number": Number(10_000, least=1, whole=True),
    "seed": Number(0, least=0, whole=True),
    "target": Number(1_000_000, above=0),
    "deal_size": Number(50_000, above=0),
    "selling_time": Number(0.1, above=-1),
}


def checked(measure: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """Let a measure refuse a number that says nothing, by its name and with one that would work.

    None is no number, and is refused where the measure does not take it.
    """
    usual = measure.__kwdefaults__ or {}

    @functools.wraps(measure)
    def asked(*given: Asked.args, **said: Asked.kwargs) -> Answer:
        for name, value in said.items():
            unsaid = value is None and usual.get(name) is None
            if name in NUMBERS and not unsaid and not NUMBERS[name].fits(value):
                raise EnablementError(
                    f"{name}={value!r} is not a {NUMBERS[name]}, such as "
                    f"{name}={NUMBERS[name].such}."
                )
        return measure(*given, **said)

    return asked
