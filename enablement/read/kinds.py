"""The kinds of values, and what every reading of them starts from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from enablement.read import engine
from enablement.settings import Settings

TEXT, NUMBER, TIME, FLAG, DURATION = "text", "number", "time", "flag", "duration"
WOULD_WORK = {
    NUMBER: "a number such as 1234.5 or 1,234.50",
    TIME: "a date such as 2026-09-30",
    FLAG: "TRUE or FALSE",
    DURATION: "hours, minutes and seconds such as 27:15:00",
}
# Runs "select {fields} from the column's rows" and gives the one row.
Ask = Callable[[str], Mapping[str, Any]]

# No-break, narrow no-break, figure, punctuation, thin, hair, en, em and ideographic blanks, tab.
BLANKS = "\u00a0\u202f\u2007\u2008\u2009\u200a\u2002\u2003\u3000\t"
# Marks without width: of direction, of joining, of byte order.
UNSEEN = "\u200b\u200e\u200f\u2060\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


@dataclasses.dataclass(frozen=True)
class Settled:
    """How one column is read.

    sql : the value, NULL where the text cannot be read
    note : what was decided, in a few words; empty where nothing had to be
    in_gap : a condition, true of times that no clock showed because it was put forward
        then; they are read as if it had not been, so 02:30 becomes 03:30
    twice : a condition, true of times that the clock showed twice because it was put back;
        they are read as the later one
    """

    sql: str
    note: str = ""
    in_gap: str = "false"
    twice: str = "false"


def tidy(text: str, signs: Mapping[str, str] | None = None) -> str:
    """Write the SQL of a text with plain blanks and without marks that nobody sees.

    signs : what else is put in place of what, letter by letter
    """
    plain = {**dict.fromkeys(BLANKS, " "), **(signs or {})}
    rare = engine.literal("".join([*plain, *UNSEEN]))
    replaced = f"trim(translate({text}, {rare}, {engine.literal(''.join(plain.values()))}))"
    # To ask first takes a tenth of the time.
    return f"case when regexp_matches({text}, '[' || {rare} || ']') then {replaced} else {text} end"


def let(name: str, value: str, then: str) -> str:
    """Write the SQL that gives a value a name, so that it is worked out once."""
    return f"list_transform([{value}], lambda {name}: {then})[1]"


def matches(text: str, shape: str) -> str:
    """Write the SQL that asks whether a whole text has a shape."""
    return f"regexp_full_match({text}, {engine.literal(shape)})"


def line_to_add(settings: Settings, line: str) -> str:
    """Say which line of the settings would decide."""
    return f"Add to {settings.origin}: {line}"


def line_for_file(settings: Settings, place: str, line: str) -> str:
    """Say which line of the settings would decide for one file alone."""
    file = place.split(", column ")[0].replace("\\", "\\\\").replace('"', '\\"')
    return f'Add to {settings.origin}: [formats."{file}"] {line}'
