"""From text to values, in SQL: numbers, times, flags and durations, by the whole column.

Two readings. `quick` reads what programs write (1234.5, 2026-09-30, true) at the speed of a
cast. Where `open_question` says that it may not be the last word, `settle` looks at the
whole column and decides; what it cannot decide it refuses, with the line for the settings.
A text that neither reads gives NULL: the caller counts it as unreadable.
"""

from __future__ import annotations

from enablement.read import amounts, engine, times
from enablement.read.amounts import currency
from enablement.read.kinds import (
    DURATION,
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    WOULD_WORK,
    Ask,
    Settled,
    let,
    matches,
    tidy,
)
from enablement.read.times import open_end
from enablement.settings import Settings

__all__ = [
    "DURATION",
    "FALSE",
    "FLAG",
    "NUMBER",
    "TEXT",
    "TIME",
    "TRUE",
    "WOULD_WORK",
    "Ask",
    "Settled",
    "changes",
    "currency",
    "in_gap",
    "open_end",
    "open_question",
    "quick",
    "settle",
    "shown_twice",
    "stated",
]

# Flags in English, German, French and Spanish, and as databases and forms write them;
# in any case, with or without accents.
TRUE = (
    *("true", "t", "1", "yes", "y", "on", "x", "checked", "✓", "✔", "☑"),
    *("ja", "j", "wahr", "oui", "vrai", "si", "sí", "verdadero"),
)
FALSE = (
    *("false", "f", "0", "no", "n", "off", "unchecked", "✗", "✘", "☐"),
    *("nein", "falsch", "non", "faux", "falso"),
)
HOURS = r"([-+]?)(\d+):([0-5]?\d):([0-5]\d(?:[.,]\d+)?)"


def quick(text: str, kind: str, zone: str) -> str:
    """Write the SQL that reads the shape that programs write, as fast as can be.

    Parameters
    ----------
    text : SQL of the text: trimmed, NULL where missing
    kind : TEXT, NUMBER, TIME, FLAG or DURATION
    zone : the zone of times that name none; the session's TimeZone must be the same

    Returns
    -------
    str
        SQL of a double (NUMBER; DURATION in seconds), a timestamp in UTC, a boolean or
        the text itself; NULL where the text has another shape.
    """
    if kind == NUMBER:
        return amounts.quick(text)
    if kind == TIME:
        return times.quick(text, zone)
    if kind == FLAG:
        return (
            f"case {text} when 'true' then true when 'false' then false when 'TRUE' then true "
            f"when 'FALSE' then false when '1' then true when '0' then false end"
        )
    return _duration(text) if kind == DURATION else text


def open_question(text: str, kind: str, read: str | None = None) -> str:
    """Write the aggregate that is true where the quick reading may not be the last word.

    Parameters
    ----------
    text, kind : as for `quick`
    read : the column with the quick reading, where there is one already; saves reading
        again
    """
    if kind == TEXT:
        return "false"
    unread = f"count({text}) > count({read or quick(text, kind, 'UTC')})"
    if kind != NUMBER:
        return unread
    return f"({unread} or coalesce(bool_or({amounts.means_two(text)}), false))"


def settle(text: str, kind: str, ask: Ask, settings: Settings, place: str) -> Settled:
    """Decide by the whole column how it is read.

    Parameters
    ----------
    text, kind : as for `quick`
    ask : runs ``select {fields} from the column's rows`` and gives the one row
    settings : how dates and numbers are written where the column does not decide
    place : file and column, for messages, such as ``deals.csv, column Close Date``

    Raises
    ------
    SettingsError
        If values can be read in two ways and nothing decides; with the line to add.
    """
    if kind == NUMBER:
        return amounts.settle(text, ask, settings, place)
    if kind == TIME:
        return times.settle(text, ask, settings, place)
    if kind == FLAG:
        return Settled(_flag(text))
    return Settled(quick(text, kind, settings.timezone))


def stated(kind: str, settings: Settings, place: str) -> bool:
    """Whether the settings give the only format, so that `settle` must read, never `quick`."""
    return kind == TIME and times.stated(settings, place)


def in_gap(text: str, kind: str, zone: str) -> str:
    """Write the condition that is true where `quick` reads a time no clock showed.

    When clocks are put forward an hour is left out; 02:30 within it is read as 03:30.
    """
    return times.quick_gap(text, zone) if kind == TIME else "false"


def shown_twice(text: str, kind: str, zone: str) -> str:
    """Write the condition that is true where `quick` reads a time the clock showed twice.

    When clocks are put back an hour comes again; 02:30 within it is read as the later one.
    """
    return times.quick_twice(text, zone) if kind == TIME else "false"


def changes(text: str, kind: str, zone: str) -> tuple[str, str]:
    """Write both conditions, `in_gap` and `shown_twice`."""
    return in_gap(text, kind, zone), shown_twice(text, kind, zone)


def _flag(text: str) -> str:
    low = f"lower({tidy(text)})"
    yes, no = (", ".join(map(engine.literal, words)) for words in (TRUE, FALSE))
    return f"case when {low} in ({yes}) then true when {low} in ({no}) then false end"


def _duration(text: str) -> str:
    """Write the SQL of hours, minutes and seconds, as HubSpot writes time in a stage: seconds.

    Hours go over 24. Two parts (05:30) may be hours or minutes and are not read, nor is a
    number alone, whose unit nobody knows.
    """
    names = "['sign', 'hours', 'minutes', 'seconds']"
    parts = f"regexp_extract({text}, {engine.literal('^' + HOURS + '$')}, {names})"
    seconds = (
        "case p.sign when '-' then -1 else 1 end * (try_cast(p.hours as double) * 3600 "
        "+ try_cast(p.minutes as double) * 60 + try_cast(replace(p.seconds, ',', '.') as double))"
    )
    return f"case when {matches(text, HOURS)} then {let('p', parts, seconds)} end"
