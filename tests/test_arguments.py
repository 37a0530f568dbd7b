"""What a measure is asked with: a number that says nothing is refused in a line, by its name."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from conftest import EIGHT, company, day

import enablement as en
from enablement.errors import EnablementError
from enablement.measure.arguments import NUMBERS, Number

OTHERS = {"within", "every"}  # numbers that their own measures refuse, with the words around them
ASKED = {
    name: inspect.signature(getattr(en, name)).parameters
    for name in en.PUBLIC
    if inspect.isfunction(getattr(en, name))
}
TAKEN = [(name, argument) for name in ASKED for argument in ASKED[name] if argument in NUMBERS]


def is_number(argument: inspect.Parameter) -> bool:
    """Whether a number is what an argument wants."""
    return {"int", "float"} & set(str(argument.annotation).split(" | ")) != set()


def test_every_number_that_is_asked_with_says_what_it_may_be():
    """An argument that somebody adds is checked too, or has a check of its own."""
    wanted = {name for taken in ASKED.values() for name, what in taken.items() if is_number(what)}
    assert wanted == {*NUMBERS, *OTHERS}


@pytest.mark.parametrize(("name", "argument"), TAKEN)
def test_what_is_no_number_is_refused_by_its_name(name, argument):
    """Text, true, one below every bound, and what is not known, before anything is counted."""
    needed = {n: None for n, what in ASKED[name].items() if what.default is what.empty}
    for value in ("x", "0.5", True, -1.5, float("nan"), float("inf"), [1]):
        with pytest.raises(EnablementError) as refused:
            getattr(en, name)(**needed, **{argument: value})
        said = str(refused.value)
        assert said.startswith(f"{argument}={value!r} is not a ")
        assert said.endswith(f"such as {argument}={NUMBERS[argument].such}.")


@pytest.mark.parametrize(
    ("number", "fit", "not_fit"),
    [
        (Number(0.9, above=0, below=1), [0.5, np.float64(0.9)], [0, 1, 90]),
        (Number(2, least=2, whole=True), [2, np.int64(3)], [1, 2.0, None]),
        (Number(0.1, above=-1), [-0.5, 0, 3], [-1, np.bool_(True)]),
    ],
)
def test_a_bound_is_kept_from_both_sides(number, fit, not_fit):
    """A share between 0 and 1, at least 2 whole ones, and more than everything less."""
    assert [value for value in fit if not number.fits(value)] == []
    assert [value for value in not_fit if number.fits(value)] == []


def test_what_would_work_works():
    """The number that a refusal names is taken, and None where it means the usual one."""
    eight = company(EIGHT)
    said = {"in_a_day": NUMBERS["in_a_day"].such, "confidence": NUMBERS["confidence"].such}
    assert len(en.process_conformance(eight, as_of=day(90), **said))
    assert all(number.fits(number.such) for number in NUMBERS.values())
    with pytest.raises(EnablementError, match="confidence=None is not a number between 0 and 1"):
        en.win_rate(eight, as_of=day(90), confidence=None)


@pytest.mark.parametrize("asked", [{"by": "period"}, {"where": {"period": "2026Q2"}}])
def test_a_period_that_splits_nothing_is_answered_with_the_argument_that_does(asked, sample):
    """And not with "Did you mean 'product'?"."""
    with pytest.raises(EnablementError, match="One period is named with period=, such as"):
        en.sales_velocity(sample, as_of="2026-09-30", **asked)
