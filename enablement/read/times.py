"""Dates and times as they are written, by the whole column.

Read are: years first (2026-09-03, 2026/9/3, 20260903), days or months first with
``/``, ``.`` or ``-``, years of two digits (00 to 68 are 20.., 69 to 99 are 19..), months by
name in English, German, French and Spanish, weekdays before, clocks of 24 or 12 hours,
fractions, offsets, spreadsheet serial days, and Unix seconds and milliseconds. Years are
1900 to 2199.

What decides, in this order: a value that can be read one way only; the settings; nothing.
An order of day and month is never guessed.

A time with an offset becomes UTC; one without is a time of the workspace's zone and
becomes UTC too. A date without a time is that date everywhere and is not moved, and so is
one whose time is midnight without an offset: spreadsheets and databases write dates so. A
time that the clock left out when it was put forward is read as if it had not been; one
that it showed twice is the later one.
"""

from __future__ import annotations

import re

import pandas as pd

from enablement.errors import SettingsError
from enablement.read import engine
from enablement.read.kinds import (
    Ask,
    Settled,
    let,
    line_for_file,
    line_to_add,
    matches,
    tidy,
)
from enablement.settings import Settings

IN_GAP = "times in the hour that the clock left out, read an hour later"
TWICE = "times in the hour that the clock showed twice, read as the later one"
FIRST_DAY, LAST_DAY = "1900-01-01", "2199-12-31"
MONTHS = (
    "jan january januar janner janvier janv ene enero",
    "feb february februar febrero fevrier fevr fev febr",
    "mar march marz maerz mrz mars marzo",
    "apr april avril avr abr abril",
    "may mai mayo",
    "jun june juni juin junio",
    "jul july juli juillet juil julio",
    "aug august aout ago agosto",
    "sep sept september septembre septiembre set setiembre",
    "oct october okt oktober octobre octubre",
    "nov november novembre noviembre",
    "dec december dez dezember decembre dic diciembre",
)
WEEKDAYS = (
    "monday mon tuesday tues tue wednesday wed thursday thurs thur thu friday fri saturday sat "
    "sunday sun montag mo dienstag di mittwoch mi donnerstag do freitag fr samstag sonnabend sa "
    "sonntag so lundi lun mardi mar mercredi mer jeudi jeu vendredi ven samedi sam dimanche dim "
    "lunes martes miercoles mie jueves jue viernes vie sabado sab domingo dom"
)
DAY_NAME = rf"(?:(?:{'|'.join(WEEKDAYS.split())})(?:\.?, *|\.? +))?"
MARK, GAP = r" ?[-/.] ?", r"[-/., ]*"
YEAR = r"'?(\d{4}|\d\d)"
ZONE = r"(?: ?(z|utc|gmt)?(?:([+-])(0?\d|1[0-4])(?::?([0-5]\d))?)?)(?: ?\([a-z ]+\))?"
CLOCK = (
    r"(?:(?: ?t ?|,? +|, ?)(?:(?:at|um|a|a las|las) )?([01]?\d|2[0-3])"
    r"(?: ?[:.h] ?([0-5]\d)(?:[:.]([0-5]\d)(?:[.,](\d{1,9}))?)?)?"
    rf"(?: ?([ap])\.? ?m\.?| ?uhr| ?h)?{ZONE})?"
)
PACKED_CLOCK = (
    rf"(?:[t ]?([01]\d|2[0-3]):?([0-5]\d)(?::?([0-5]\d)(?:[.,](\d{{1,9}}))?)?()(?:{ZONE}))?"
)
CLOCK_PARTS = ["hour", "minute", "second", "fraction", "half", "utc", "sign", "ahead", "minutes"]
PARTS = rf"(\d{{1,2}}){MARK}(\d{{1,2}}){MARK}{YEAR}\.?"
PLAIN_PARTS = rf"\d{{1,2}}{MARK}\d{{1,2}}{MARK}'?(?:\d{{4}}|\d\d)\.?"
PARTS_SEEN = r"(?P<a>\d+) ?(?P<mark>[-/.]) ?(?P<b>\d+) ?[-/.] ?'?(?P<c>\d+)"
COMMON = re.compile(r"\d{1,2}([-/.])\d{1,2}[-/.]\d{4}(?:(,? )\d{1,2}:\d\d(:\d\d)?( [ap]m)?)?")
ORDERS = {
    "day first": ["day", "month", "year"],
    "month first": ["month", "day", "year"],
    "year first": ["year", "month", "day"],
}
ZONED = "p.utc <> '' or p.sign <> ''"
# What may stand before the clock: the shape, and what its three parts are.
FRONTS = {
    "year first": (rf"(\d{{4}}){MARK}(\d{{1,2}}){MARK}(\d{{1,2}})\.?", ORDERS["year first"]),
    "packed": (r"(\d{4})(\d\d)(\d\d)", ORDERS["year first"]),
    "day, name": (
        rf"(\d{{1,2}})(?:st|nd|rd|th|er|º)?{GAP}(?:(?:of|de) )?([a-z]+){GAP}(?:del? )?{YEAR}\.?",
        ORDERS["day first"],
    ),
    "name, day": (
        rf"([a-z]+){GAP}(\d{{1,2}})(?:st|nd|rd|th|er)?[-/., ]+(?:del? )?{YEAR}",
        ORDERS["month first"],
    ),
    "year, name": (rf"(\d{{4}}){GAP}([a-z]+){GAP}(\d{{1,2}})", ORDERS["year first"]),
}
NAMED = ("day, name", "name, day", "year, name")
BARE, SERIAL, SECONDS, MILLISECONDS = (
    r"\d{1,7}(?:[.,]\d+)?",
    r"\d{5}(?:[.,]\d+)?",
    r"\d{10}",
    r"\d{13}",
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
# Spreadsheets count days from the end of 1899; 1970 to 2099 is what a CRM can mean.
SERIAL_START, SERIAL_FIRST, SERIAL_LAST = "1899-12-30", 25_569, 73_050
UNIX_END = 7_258_118_400  # 2200
NOT_YET = (
    r"(?:[3-9]\d{3}|2[2-9]\d{2})-\d{1,2}-\d{1,2}.*|(?:[3-9]\d{3}|2[2-9]\d{2})/\d{1,2}/\d{1,2}.*"
    r"|\d{1,2}[-/. ]+\d{1,2}[-/. ]+(?:[3-9]\d{3}|2[2-9]\d{2})(?:[ ,T].*)?"
    r"|\d{1,2}[-. ]*[[:alpha:]]{3,}[-. ]*9999(?:[ ,T].*)?"
    r"|9999[01]\d[0-3]\d(?:[ T]?\d.*)?|2958465(?:\.\d+)?|253402\d{6}(?:\d{3})?"
)


def open_end(text: str) -> str:
    """Write the SQL that asks whether a time means "not yet", as 9999-12-31 does.

    So does every date from the year 2200 on, in any order, as a spreadsheet's serial day
    or in Unix time.
    """
    # Asked first, because it is quick: nearly every time begins with the year of a near one, and
    # all the numbers among the others begin with 25 or more.
    near = f"{text} between '1900' and '22' and {text} like '____-%'"
    hint = f"({text} between '22' and ':' or contains({text}, '9999') or contains({text}, '2999'))"
    return f"(not ({near}) and {hint} and {matches(text, NOT_YET)})"


def stated(settings: Settings, place: str) -> bool:
    """Whether the settings give the only format, so that no quick reading may be used."""
    said = settings.format_of(place, "dates") or settings.dates
    return said is not None and "%" in said


def quick(text: str, zone: str) -> str:
    """Write the SQL that reads machine-written ISO dates and times, and nothing else.

    The session's TimeZone must be `zone`. A plain cast to timestamp would be quicker still,
    but it drops offsets and accepts 12:00 PM as noon and midnight alike.
    """
    return _iso(text, "local", zone)


def quick_gap(text: str, zone: str) -> str:
    """Write the condition that is true where `quick` reads a time no clock showed."""
    return _quickly(text, "gap", zone)


def quick_twice(text: str, zone: str) -> str:
    """Write the condition that is true where `quick` reads a time the clock showed twice."""
    return _quickly(text, "twice", zone)


def _quickly(text: str, want: str, zone: str) -> str:
    """Ask only of the small hours, in which clocks are changed: it is a tenth of the work."""
    small = f"strlen({text}) >= 16 and substr({text}, 12, 2) < '05'"
    return "false" if zone == "UTC" else f"({small} and coalesce({_iso(text, want, zone)}, false))"


def _iso(text: str, want: str, zone: str) -> str:
    """Write the SQL of machine-written times.

    want : "local" for the time in UTC, "gap" for whether the clock left it out, "twice" for
        whether it showed it twice
    """
    utc = "{}" if want == "local" else "case when {} is not null then false end"
    by_length = {
        10: utc.format(f"try_strptime({text}, '%Y-%m-%d')"),
        20: utc.format(f"try_strptime({text}, '%Y-%m-%dT%H:%M:%SZ')"),
        19: _naive(text, ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"), want, zone),
        16: _naive(text, ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"), want, zone),
        24: utc.format(f"try_strptime({text}, '%Y-%m-%dT%H:%M:%S.%gZ')"),
        28: utc.format(f"try_strptime({text}, '%Y-%m-%dT%H:%M:%S.%g+0000')"),
    }
    cases = " ".join(f"when {length} then {sql}" for length, sql in by_length.items())
    day, clock = r"\d{4}-\d\d-\d\d", r"[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
    offset = r" ?(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)"
    at = utc.format(f"make_timestamp(epoch_us(try_cast({text} as timestamptz)))")
    plain = _local(f"try_cast({text} as timestamp)", want, zone)
    rest = (
        f"case when {matches(text, day + clock + offset)} then {at} "
        f"when {matches(text, day + clock)} then {plain} end"
    )
    return (
        f"case when {text} between '1900' and '22' "
        f"then coalesce(case strlen({text}) {cases} end, {rest}) end"
    )


def _naive(text: str, formats: tuple[str, ...], want: str, zone: str) -> str:
    parsed = ", ".join(f"try_strptime({text}, '{one}')" for one in formats)
    midnight = "00:00:00" if formats[0].endswith("%S") else " 00:00"
    if zone == "UTC":
        return f"coalesce({parsed})"
    still = f"try_strptime(left({text}, 10), '%Y-%m-%d')"
    still = still if want == "local" else "false"
    return (
        f"case when suffix({text}, '{midnight}') then {still} "
        f"else {_local(f'coalesce({parsed})', want, zone)} end"
    )


def _local(naive: str, want: str, zone: str) -> str:
    """Write the SQL that reads a time of the workspace's zone.

    ``at time zone 'UTC'`` would say the same in three times the time.
    """
    if zone == "UTC":
        return naive if want == "local" else "false"
    said = engine.literal(zone)
    if want == "gap":
        return f"timezone({said}, timezone({said}, {naive})) <> {naive}"
    if want == "twice":
        return f"timezone({said}, timezone({said}, {naive}) - interval 1 hour) = {naive}"
    return let(
        "t",
        naive,
        f"case when t = date_trunc('day', t) then t "
        f"else make_timestamp(epoch_us(timezone({said}, t))) end",
    )


def settle(text: str, ask: Ask, settings: Settings, place: str) -> Settled:
    """Let the whole column decide how its dates and times are read.

    Raises
    ------
    SettingsError
        If values may be read with the day or the month first and nothing decides, if some
        have the one and some the other, or if the settings say what no value bears out.
    """
    said = settings.format_of(place, "dates") or settings.dates
    if said and "%" in said:
        return Settled(
            _by_format(text, said, "local", settings.timezone),
            f"by the format {said}",
            _by_format(text, said, "gap", settings.timezone),
            _by_format(text, said, "twice", settings.timezone),
        )
    value = f"lower(strip_accents({tidy(text)}))"
    seen = ask(_questions(text, value))
    order = _order(value, ask, settings, place) if seen["parts"] else None
    return Settled(
        _chosen(text, value, seen, order, "local", settings.timezone),
        _note(seen, order),
        _chosen(text, value, seen, order, "gap", settings.timezone),
        _chosen(text, value, seen, order, "twice", settings.timezone),
    )


def _by_format(text: str, said: str, want: str, zone: str) -> str:
    clocks = CLOCKS if not {"%H", "%I"} & {said[n : n + 2] for n in range(len(said))} else ("",)
    parsed = [f"try_strptime({text}, {engine.literal(said + clock)})" for clock in clocks]
    if "%z" in said.lower():
        utc = ", ".join(f"make_timestamp(epoch_us({one}))" for one in parsed)
        return f"coalesce({utc})" if want == "local" else "false"
    read = _local(f"coalesce({', '.join(parsed)})", want, zone)
    return read if want == "local" else f"coalesce({read}, false)"


def _questions(text: str, value: str) -> str:
    """List what must be known of the column: which shapes are in it."""
    number = f"case when {matches(value, BARE)} then {_number(value)} end"
    counts = {
        "iso": f"count({quick(text, 'UTC')})",
        "parts": f"count(*) filter ({matches(value, DAY_NAME + PARTS + CLOCK)})",
        "example": f"any_value({value}) filter ({matches(value, COMMON.pattern)})",
        **{name: f"count(*) filter ({matches(value, _shape(name))})" for name in FRONTS},
        "seconds": f"count(*) filter ({matches(value, SECONDS)})",
        "milliseconds": f"count(*) filter ({matches(value, MILLISECONDS)})",
        "lowest": f"min(nullif({number}, 0))",
        "highest": f"max({number})",
    }
    return ", ".join(f'{sql} as "{name}"' for name, sql in counts.items())


def _number(value: str) -> str:
    return f"try_cast(replace({value}, ',', '.') as double)"


def _shape(front: str) -> str:
    clock = PACKED_CLOCK if front == "packed" else CLOCK
    return DAY_NAME + FRONTS[front][0] + clock


def _serial(seen: pd.Series) -> bool:
    return bool(seen["lowest"] >= SERIAL_FIRST and seen["highest"] < SERIAL_LAST + 1)


def _chosen(text: str, value: str, seen: pd.Series, order: str | None, want: str, zone: str) -> str:
    """Write the SQL of the shapes that are there, the commonest first."""
    read = [_iso(text, want, zone)] if seen["iso"] else []
    for front in [name for name in FRONTS if seen[name]]:
        read.append(_written(value, _shape(front), FRONTS[front][1], want, zone))
    if order:
        if isinstance(seen["example"], str):
            read.append(_common(value, seen["example"], order, want, zone))
        read.append(_written(value, DAY_NAME + PARTS + CLOCK, ORDERS[order], want, zone))
    if _serial(seen):
        read.append(_serial_day(value, want, zone))
    if seen["seconds"] and want == "local":
        read.append(_unix(value, SECONDS, 1))
    if seen["milliseconds"] and want == "local":
        read.append(_unix(value, MILLISECONDS, 1000))
    if want != "local":
        return f"coalesce({', '.join([*read, 'false'])})"
    return f"coalesce({', '.join(read)})" if read else "null::timestamp"


def _common(value: str, example: str, order: str, want: str, zone: str) -> str:
    """Write the SQL that reads the values written as the example is: four times as fast."""
    found = COMMON.fullmatch(example)
    mark, comma, seconds, half = found.groups() if found else ("", None, None, None)
    day = {"day first": "%d{0}%m{0}%Y", "month first": "%m{0}%d{0}%Y"}.get(order, "%Y{0}%m{0}%d")
    clock = f"{comma}%{'I' if half else 'H'}:%M{':%S' if seconds else ''}{' %p' if half else ''}"
    said = engine.literal(day.format(mark) + (clock if comma else ""))
    parsed = f"try_strptime({value}, {said})"
    # %Y takes 26 for the year 26.
    within = f"t between timestamp '{FIRST_DAY}' and timestamp '{LAST_DAY} 23:59:59'"
    return let("t", parsed, f"case when {within} then {_local('t', want, zone)} end")


def _written(value: str, shape: str, parts: list[str], want: str, zone: str) -> str:
    """Write the SQL that takes a text apart and puts the time together."""
    names = ", ".join(f"'{name}'" for name in (*parts, *CLOCK_PARTS))
    found = f"regexp_extract({value}, {engine.literal('^(?:' + shape + ')$')}, [{names}])"
    read = let("p", found, f"{{'at': {_moment('[a-z]' in shape)}, 'zoned': {ZONED}}}")
    within = f"q.at between timestamp '{FIRST_DAY}' and timestamp '{LAST_DAY} 23:59:59.999999'"
    moved, still = _local("q.at", want, zone), "q.at" if want == "local" else "false"
    return let(
        "q", read, f"case when not {within} then null when q.zoned then {still} else {moved} end"
    )


def _moment(named: bool) -> str:
    """Write the SQL of the time that the parts `p` say; with an offset it becomes UTC."""
    months = {name: n for n, names in enumerate(MONTHS, 1) for name in names.split()}
    names, numbers = (", ".join(map(repr, said)) for said in (months, months.values()))
    by_name = f"coalesce(map([{names}], [{numbers}])[p.month]::varchar, p.month)"
    month = by_name if named else "p.month"
    century = "case when p.year < '69' then '20' else '19' end"
    year = f"case when strlen(p.year) = 2 then {century} || p.year else p.year end"
    hour = "try_cast(p.hour as int)"
    clock = (
        "case when p.half = '' then case when p.minute <> '' then p.hour end "
        f"when {hour} between 1 and 12 "
        f"then ({hour} % 12 + case p.half when 'p' then 12 else 0 end)::varchar end "
        "|| ':' || case when p.minute = '' then '00' else p.minute end "
        "|| case when p.second = '' then '' else ':' || p.second end "
        "|| case when p.fraction = '' then '' else '.' || left(p.fraction, 6) end"
    )
    at = (
        f"try_cast(({year}) || '-' || {month} || '-' || p.day "
        f"|| case when p.hour = '' then '' else ' ' || ({clock}) end as timestamp)"
    )
    ahead = "coalesce(try_cast(p.{} as bigint), 0)"
    offset = (
        "case p.sign when '' then 0 else case p.sign when '-' then -1 else 1 end * "
        f"({ahead.format('ahead')} * 60 + {ahead.format('minutes')}) end * 60000000"
    )
    return f"make_timestamp(epoch_us({at}) - {offset})"


def _serial_day(value: str, want: str, zone: str) -> str:
    """Write the SQL of a spreadsheet's day and part of a day, to the second."""
    start = f"epoch_us(timestamp '{SERIAL_START}')"
    seconds = f"cast(round({_number(value)} * 86400) as bigint)"
    at = f"make_timestamp({start} + {seconds} * 1000000)"
    return f"case when {matches(value, SERIAL)} then {_local(at, want, zone)} end"


def _unix(value: str, shape: str, per_second: int) -> str:
    count = f"try_cast({value} as bigint)"
    return (
        f"case when {matches(value, shape)} and {count} < {UNIX_END * per_second} "
        f"then make_timestamp({count} * {1_000_000 // per_second}) end"
    )


def _order(value: str, ask: Ask, settings: Settings, place: str) -> str | None:
    """Find the order of day, month and year that reads every value that is a date at all."""
    shape = engine.literal(f"^{DAY_NAME}({PLAIN_PARTS}){CLOCK}$")
    found = f"list(distinct regexp_extract({value}, {shape}, 1))"
    own = settings.format_of(place, "dates")
    said = own or settings.dates
    can = _can(pd.Series(list(ask(f"{found} as dates")["dates"]), dtype="str"), said)
    if can.empty:
        return None
    able = [order for order in ORDERS if can[order].all()]
    if said and (own or not able or said in able):
        return said
    both = can["both"].any()
    if len(able) == 1 and (not said or not both):
        return able[0]
    if len(able) > 1 and not both:  # 05/05/2026 is one day in either order
        return able[0]
    if said:
        raise SettingsError(_contradicted(can, said, able[0], settings, place))
    raise SettingsError(_undecided(can, able, settings, place))


def _can(dates: pd.Series, said: str | None) -> pd.DataFrame:
    """Say of every date which orders can read it; what none can read is left out."""
    parts = dates.str.extract(PARTS_SEEN)
    a, b, c = (pd.to_numeric(parts[name]) for name in "abc")
    long = parts["c"].str.len() == 4
    year = (long & c.between(1900, 2199)) | ~long
    # 31/03/26 and 31.03.26 begin with the year nowhere; 99/03/26 and 26-03-31 may.
    leading = (parts["mark"] == "-") | (a > 31) | (said == "year first")
    can = pd.DataFrame(
        {
            "day first": a.between(1, 31) & b.between(1, 12) & year,
            "month first": a.between(1, 12) & b.between(1, 31) & year,
            "year first": leading
            & ~long
            & (parts["a"].str.len() == 2)
            & b.between(1, 12)
            & c.between(1, 31),
        }
    )
    ways = can.sum(axis=1)
    can = can.assign(both=(ways > 1) & ((a != b) | can["year first"]), alone=ways == 1)
    return can.assign(date=dates)[ways > 0].sort_values("date")


def _undecided(can: pd.DataFrame, able: list[str], settings: Settings, place: str) -> str:
    if able:
        orders = able
        firsts = " or the ".join(order.removesuffix(" first") for order in able)
        example = can.loc[can["both"], "date"].iloc[0]
        why = f"{example!r} may be read with the {firsts} first, and no value of the column decides"
    else:
        alone = {order: can.loc[can["alone"] & can[order], "date"] for order in ORDERS}
        shown = {order: dates.iloc[0] for order, dates in alone.items() if len(dates)}
        orders = list(shown) or list(ORDERS)
        others = " and some the ".join(order.removesuffix(" first") for order in orders[1:])
        why = f"some values have the {orders[0]} and some the {others}"
        why += f", such as {' and '.join(map(repr, shown.values()))}" if shown else ""
    ways = " or ".join(f'"{order}"' for order in orders[1:])
    line = line_to_add(settings, f'dates = "{orders[0]}" (or {ways}).')
    return f"{place}: {why}. {line}"


def _contradicted(can: pd.DataFrame, said: str, found: str, settings: Settings, place: str) -> str:
    example = can.loc[~can[said], "date"].iloc[0]
    line = line_for_file(settings, place, f'dates = "{found}"')
    return (
        f"{place}: {settings.origin} says {said}, but {example!r} has the "
        f"{found.removesuffix(' first')} first and no value has the "
        f'{said.removesuffix(" first")} first. {line} (or "{said}", which sets such values aside).'
    )


def _note(seen: pd.Series, order: str | None) -> str:
    said = [
        order if order and seen["parts"] else "",
        "month names" if any(seen[name] for name in NAMED) else "",
        "dates without marks" if seen["packed"] else "",
        "Excel serial days" if _serial(seen) else "",
        "Unix seconds" if seen["seconds"] else "",
        "Unix milliseconds" if seen["milliseconds"] else "",
    ]
    if _serial(seen) and (seen["parts"] or seen["iso"]):
        said.append("beside dates as text: a spreadsheet may have turned day and month round")
    return ", ".join(filter(None, said))
