"""Numbers as they are written, by the whole column.

Read are: decimal points and decimal commas; thousands set off by comma, point, blank or
apostrophe, and the Indian way (12,34,567); signs in front or behind, brackets for
negatives; currency signs and codes in front or behind; percent (``45 %`` is 45: a
probability is 0 to 100); ``1.2E+06`` as spreadsheets write it; ``5.-`` and ``5,-``, which
are 5.

What decides between point and comma, in this order: a value that can be read one way only;
the settings; nothing. Two shapes can be read both ways:

``1,000`` alone is a thousand unless the settings say ``decimal = ","``. Three decimals
    behind a comma in every row of a column come only from a spreadsheet of a country with
    decimal commas, set to three decimals; no program writes a decimal comma.
``1.000`` alone is refused. A program writes so a number with three decimals, and a
    spreadsheet of a country with decimal commas a thousand; both are common.
"""

from __future__ import annotations

import pandas as pd

from enablement.errors import SettingsError
from enablement.read import engine
from enablement.read.kinds import Ask, Settled, line_for_file, line_to_add, matches, tidy
from enablement.settings import Settings

# ISO 4217, without metals, funds and codes for testing.
CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY "
    "KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
    "RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY "
    "TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG"
)
# Signs that name one currency. $, ¥, kr, Rs and lei stand for several and name none.
SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₩": "KRW",
    "₺": "TRY",
    "₽": "RUB",
    "₴": "UAH",
    "₪": "ILS",
    "₫": "VND",
    "฿": "THB",
    "₦": "NGN",
    "₱": "PHP",
    "₸": "KZT",
    "₾": "GEL",
    **{f"{place}$": code for place, code in {"US": "USD", "R": "BRL", "A": "AUD"}.items()},
    **{f"{place}$": code for place, code in {"AU": "AUD", "C": "CAD", "CA": "CAD"}.items()},
    **{f"{place}$": code for place, code in {"NZ": "NZD", "HK": "HKD", "S": "SGD"}.items()},
    **{f"{place}$": code for place, code in {"SG": "SGD", "MX": "MXN", "NT": "TWD"}.items()},
    **{"CN¥": "CNY", "JP¥": "JPY", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "FR": "CHF"},
    **{"$US": "USD", "$CA": "CAD", "$AU": "AUD"},
    **{"SFR": "CHF", "RM": "MYR", "RP": "IDR", "EURO": "EUR", "EUROS": "EUR"},
}
# What the signs that name none may stand for.
FAMILIES = {
    "$": "USD CAD AUD NZD HKD SGD TWD BBD BMD BND BSD BZD FJD GYD JMD KYD LRD NAD SBD SRD TTD XCD "
    "ARS CLP COP CUP DOP MXN UYU",
    "¥": "JPY CNY CNH",
    "KR": "SEK NOK DKK ISK",
    "RS": "INR PKR LKR NPR MUR SCR",
    "LEI": "RON MDL",
}
WORDS = (
    r"[Kk][Rr]\.?|[Zz][łŁ]|K[čČ]|Ft\.?|Fr\.?|SFr\.?|RM|Rp\.?|Rs\.?|[Ll]ei|[Ee]uros?|"
    r"(?:US|R|AU?|CA?|NZ|HK|SG?|MX|NT|CN|JP)\p{Sc}|\$(?:US|CA|AU)"
)
UNIT = rf"(?:\p{{Sc}}|{WORDS}|{'|'.join(CODES.split())})"
POWER = r"(?:[eE][-+]?\d{1,3})?"
# A number alone; in groups no 0 can lead, so 0,125 has a decimal comma.
POINT = (
    rf"(?:(?:[1-9]\d{{0,2}}(?:,\d{{3}})+|[1-9]\d?(?:,\d\d)+,\d{{3}}|[1-9]\d{{0,2}}(?:[ ']\d{{3}})+)"
    rf"(?:\.\d+|\.--?)?|\d+\.?{POWER}|\d*\.\d+{POWER}|\d+\.--?)"
)
COMMA = (
    rf"(?:(?:[1-9]\d{{0,2}}(?:\.\d{{3}})+|[1-9]\d{{0,2}}(?:[ ']\d{{3}})+)"
    rf"(?:,\d+|,--?)?|\d+{POWER}|\d*,\d+{POWER}|\d+,--?)"
)
DIGITS = rf"[.,]?\d(?:[\d., ']*\d)?{POWER}"
NEGATIVE = r"^\D*[-(]|\d *[^\d.,\-]*-\D*$"
# Signs that stand for a minus, and for an apostrophe.
MINUSES, APOSTROPHES = "\u2212\u2013\u2014\ufe63\uff0d", "\u2019\u2018\u02bc\u2032`\u00b4"
DECIMAL = {".": POINT, ",": COMMA}
NAMES = {".": "decimal point", ",": "decimal comma"}


def quick(text: str) -> str:
    """Write the SQL that reads numbers as programs write them, and nothing else."""
    cast = f"try_cast({text} as double)"
    # DuckDB takes 1_000 for a thousand and +-5 for minus five.
    lax = f"contains({text}, '_') or starts_with({text}, '+-')"
    return f"case when isfinite({cast}) and not ({lax}) then {cast} end"


def means_two(text: str) -> str:
    """Write the SQL that asks whether a number may have its thousands set off by a point."""
    return f"{text} like '%.___'"


def settle(text: str, ask: Ask, settings: Settings, place: str) -> Settled:
    """Let the whole column decide how its numbers are read.

    Raises
    ------
    SettingsError
        If nothing says what 1.000 is, if some values have a decimal point and some a
        decimal comma, or if the settings say what no value bears out.
    """
    value = _tidy_number(text)
    seen = ask(_questions(text, value))
    if not seen["dressed"] and not seen["both"]:  # as programs write them
        return Settled(quick(text), "")
    mark = _mark(seen, settings, place)
    return Settled(_read(text, value, mark), _note(seen, mark))


def currency(text: str) -> str:
    """Write the SQL of the currency code that the sign or code in an amount names.

    € is EUR and £ is GBP; codes are as they are. ``$``, ``¥``, ``kr``, ``Rs`` and ``lei``
    stand for several currencies and give NULL, as a number alone does.
    """
    known = {**SIGNS, **{code: code for code in CODES.split()}}
    names, codes = (", ".join(map(engine.literal, s)) for s in (known, known.values()))
    return f"map([{names}], [{codes}])[{sign(text)}]"


def sign(text: str) -> str:
    """Write the SQL of the sign or code in an amount, in capitals; NULL for a number alone."""
    bare = f"regexp_replace({_tidy_number(text)}, '[eE][-+]?[0-9]+', '', 'g')"
    return (
        f"case when regexp_matches({text}, '[0-9]') and regexp_matches({text}, '[^-+0-9.,]') "
        f"then nullif(upper(regexp_replace({bare}, '[-+0-9.,()%'' ]', '', 'g')), '') end"
    )


def codes(sign: str) -> frozenset[str]:
    """List the currencies that a sign or code, in capitals, may stand for; none if unknown."""
    if sign in CODES.split():
        return frozenset([sign])
    if sign in SIGNS:
        return frozenset([SIGNS[sign]])
    return frozenset(FAMILIES.get(sign.rstrip("."), "").split())


def _tidy_number(text: str) -> str:
    """Write the SQL of a text with one kind of blank, minus and apostrophe."""
    signs = {**dict.fromkeys(MINUSES, "-"), **dict.fromkeys(APOSTROPHES, "'")}
    return f"({tidy(text, signs)})"


def _shape(mark: str) -> str:
    """Write the shape of a whole amount: number, sign or brackets, currency, percent."""
    number = DECIMAL[mark]
    before, behind = rf"(?:{UNIT} ?)?", rf"(?: ?(?:{UNIT}|%))?"
    return "|".join(
        [
            rf"(?:[-+] ?)?{before}{number}{behind}",
            rf"{UNIT} ?[-+] ?{number}{behind}",
            rf"{before}{number}{behind} ?-",
            rf"{before}{number} ?-{behind}",
            rf"{before}\( ?{before}{number}{behind} ?\){behind}",
        ]
    )


def _questions(text: str, value: str) -> str:
    point, comma = (f"({matches(value, _shape(mark))})" for mark in ".,")
    digits = f"regexp_extract({value}, {engine.literal(DIGITS)})"
    both = f"({point} and {comma} and regexp_matches({digits}, '[.,]'))"
    fields = {
        "dressed": f"count(*) filter ({text} is not null and {quick(text)} is null)",
        "point": f"min({text}) filter ({point} and not {comma})",
        "comma": f"min({text}) filter ({comma} and not {point})",
        "both": f"count(*) filter ({both})",
        "thousand": f"min({text}) filter ({both} and contains({digits}, '.'))",
        "example": f"min({text}) filter ({both})",
        "percent": f"count(*) filter (({point} or {comma}) and contains({value}, '%'))",
        "units": f"count(*) filter (({point} or {comma}) and "
        f"regexp_matches({value}, {engine.literal(UNIT)}))",
    }
    return ", ".join(f'{sql} as "{name}"' for name, sql in fields.items())


def _mark(seen: pd.Series, settings: Settings, place: str) -> str:
    """Find the decimal mark: by a value that shows it, else by the settings."""
    shown = {mark: seen[name] for mark, name in ((".", "point"), (",", "comma"))}
    shown = {mark: value for mark, value in shown.items() if isinstance(value, str)}
    own = settings.format_of(place, "decimal")
    said = own or settings.decimal
    if said and (own or said in shown or not shown):
        return said
    if said and seen["both"]:
        raise SettingsError(_contradicted(seen, said, shown, settings, place))
    if len(shown) == 1:
        return next(iter(shown))
    if shown or isinstance(seen["thousand"], str):
        raise SettingsError(_undecided(seen, shown, settings, place))
    return "."


def _undecided(seen: pd.Series, shown: dict[str, str], settings: Settings, place: str) -> str:
    if shown:
        why = (
            f"{shown['.']!r} can only have a decimal point and {shown[',']!r} only a decimal "
            "comma; the settings must say which are read, and the others are set aside"
        )
    else:
        why = (
            f"{seen['thousand']!r} may have three decimals or be a number of thousands, and no "
            "value of the column decides"
        )
    line = line_to_add(settings, 'decimal = "." (a decimal point) or decimal = "," (a comma).')
    return f"{place}: {why}. {line}"


def _contradicted(
    seen: pd.Series, said: str, shown: dict[str, str], settings: Settings, place: str
) -> str:
    found, example = next(iter(shown.items()))
    line = line_for_file(settings, place, f'decimal = "{found}"')
    return (
        f'{place}: {settings.origin} says decimal = "{said}", but {example!r} can only have '
        f"a {NAMES[found]}; what is {seen['example']!r}? {line} "
        f'(or "{said}", which sets values such as {example!r} aside).'
    )


def _read(text: str, value: str, mark: str) -> str:
    """Write the SQL that reads amounts with one decimal mark."""
    drop = ",' " if mark == "." else ".' "
    digits = f"regexp_extract({value}, {engine.literal(DIGITS)})"
    plain = f"translate({digits}, {engine.literal(mark + drop)}, '.')"
    number = f"try_cast({plain} as double)"
    bare = quick(text)
    if mark == ",":  # 1.5 is no number there, and 1.000 is a thousand
        bare = f"case when not contains({text}, '.') then {bare} end"
    return (
        f"coalesce({bare}, case when {matches(value, _shape(mark))} and isfinite({number}) "
        f"then case when regexp_matches({value}, {engine.literal(NEGATIVE)}) then -{number} "
        f"else {number} end end)"
    )


def _note(seen: pd.Series, mark: str) -> str:
    decided = seen["both"] or isinstance(seen["point"], str) or isinstance(seen["comma"], str)
    said = [
        NAMES[mark] if decided else "",
        "currency signs left out" if seen["units"] else "",
        "percent as 0 to 100" if seen["percent"] else "",
    ]
    return ", ".join(filter(None, said))
