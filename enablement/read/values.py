"""What stands in a cell, as SQL: numbers, times and flags as people write them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pandas as pd

from enablement.errors import ExportError, SettingsError
from enablement.read.engine import literal
from enablement.settings import Settings

TEXT, NUMBER, TIME, FLAG = "text", "number", "time", "flag"
TRUE, FALSE = ("true", "1", "yes", "y", "ja", "oui", "si"), ("false", "0", "no", "n", "nein", "non")
FAR_FUTURE = "2200-01-01"
NUMBER_SHAPE = r"^[-+]?[$€£¥]?\s?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][-+]?\d+)?$"
ISO_SHAPE = r"^(19|20|21)\d{2}-\d{1,2}-\d{1,2}([T ].*)?$"
PARTS_SHAPE = r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(\s.*)?$"
COMMA_SHAPE = r"^[-+(]?\s?[$€£¥]?\s?(\d{1,3}(\.\d{3})+,\d+|\d+,(\d{1,2}|\d{4,}))\s?[€)]?$"
FIRSTS = {"month first": ("%m", "%d"), "day first": ("%d", "%m")}
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
Ask = Callable[[str], dict]


@dataclasses.dataclass(frozen=True)
class Settled:
    """How a column is read: the SQL, and in a few words what was decided."""

    sql: str
    note: str


def quick(text: str, kind: str, zone: str) -> str:
    if kind == NUMBER:
        cast = f"try_cast({text} as double)"
        return f"case when isfinite({cast}) and regexp_full_match({text}, '[-+]?[0-9.]+') then {cast} end"
    if kind == FLAG:
        return f"case when lower({text}) = 'true' then true when lower({text}) = 'false' then false end"
    if kind == TIME:
        iso_day = f"case when length({text}) <= 10 then try_cast({text} as timestamp) end"
        iso = f"(try_cast({text} as timestamptz) at time zone 'UTC')"
        return f"case when regexp_matches({text}, {literal(ISO_SHAPE)}) then coalesce({iso_day}, {iso}) end"
    return text


def open_question(text: str, kind: str) -> str:
    if kind == TEXT:
        return "false"
    return f"bool_or({text} is not null and ({quick(text, kind, 'UTC')}) is null)"


def settle(text: str, kind: str, ask: Ask, settings: Settings, place: str) -> Settled:
    if kind == NUMBER:
        shape = literal(COMMA_SHAPE)
        example = ask(f"min({text}) filter (regexp_matches({text}, {shape})) as example")["example"]
        if isinstance(example, str):
            raise ExportError(
                f"{place}: {example!r} has a decimal comma. Export the "
                "numbers with a decimal point, as 1234.56."
            )
        bare = f"regexp_replace({text}, '[$€£¥,\\s]', '', 'g')"
        return Settled(
            f"case when regexp_matches({text}, {literal(NUMBER_SHAPE)}) "
            f"and isfinite(try_cast({bare} as double)) then try_cast({bare} as double) end", "")
    if kind == FLAG:
        yes, no = (", ".join(map(literal, words)) for words in (TRUE, FALSE))
        low = f"lower({text})"
        return Settled(f"case when {low} in ({yes}) then true when {low} in ({no}) then false end", "")
    if kind == TIME:
        return Settled(_time(text, ask, settings, place), "")
    return Settled(text, "")


def _time(text: str, ask: Ask, settings: Settings, place: str) -> str:
    if settings.dates and "%" in settings.dates:
        formats = [settings.dates, *(settings.dates + clock for clock in CLOCKS[1:])]
        return _parsed(text, formats, settings)
    order = settings.dates or _order(text, ask, settings, place)
    other = _parsed(text, _formats(order), settings) if order in FIRSTS else "null::timestamp"
    return f"coalesce({quick(text, TIME, settings.timezone)}, {other})"


def _parsed(text: str, formats: list[str], settings: Settings) -> str:
    listed = ", ".join(map(literal, formats))
    parsed = f"try_strptime({text}, [{listed}])"
    local = f"(timezone({literal(settings.timezone)}, {parsed}) at time zone 'UTC')"
    return f"case when {parsed} = date_trunc('day', {parsed}) then {parsed} else {local} end"


def _formats(order: str) -> list[str]:
    first, second = FIRSTS[order]
    return [
        f"{first}{mark}{second}{mark}{year}{clock}"
        for mark in "/.-"
        for year in ("%y", "%Y")
        for clock in CLOCKS
        if (mark, year) != ("-", "%y")
    ]


def _order(text: str, ask: Ask, settings: Settings, place: str) -> str | None:
    shape = literal(PARTS_SHAPE)
    part = lambda n: f"try_cast(regexp_extract({text}, {shape}, {n}) as int)"
    ok = f"regexp_matches({text}, {shape}) and {part(1)} <= 31 and {part(2)} <= 31"
    seen = ask(
        f"count(*) filter ({ok}) as n, count(*) filter ({ok} and {part(1)} > 12) as days, "
        f"count(*) filter ({ok} and {part(2)} > 12) as months, min({text}) filter ({ok}) as example"
    )
    if not seen["n"]:
        return None
    if bool(seen["days"]) != bool(seen["months"]):
        return "day first" if seen["days"] else "month first"
    why = (
        "some values have the day first and some the month"
        if seen["days"]
        else f"{seen['example']!r} may be read with the day or the month first, and no value of "
        "the column decides"
    )
    raise SettingsError(
        f"{place}: {why}. Add to {settings.origin}: "
        'dates = "day first" (or "month first").'
    )
