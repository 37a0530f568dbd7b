"""The reading of values: shapes by table, decisions by column, properties by hypothesis."""

from __future__ import annotations

import datetime as dt
import functools
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enablement.errors import SettingsError
from enablement.read import values
from enablement.read.engine import SAFE
from enablement.settings import Settings

PLACE = "deals.csv, column X"


def said(**more: object) -> Settings:
    """Make settings with the least they need."""
    return Settings(pipelines={"": ("Lead",)}, outcomes={"Won": "won"}, **more)


@functools.cache
def database() -> duckdb.DuckDBPyConnection:
    """Open a database for all, once somebody asks."""
    return duckdb.connect(config=SAFE)


def run(texts: list[str | None], workspace: Settings, fields: str) -> pd.DataFrame:
    """Run fields over a column of texts."""
    database().register("raw", pa.table({"x": pa.array(texts, pa.string())}))
    database().execute(f"set TimeZone = '{workspace.timezone}'")
    return database().execute(f"select {fields} from raw").df()


def settle(texts: list[str | None], kind: str, **more: object) -> values.Settled:
    """Let a column decide."""
    workspace = said(**more)

    def ask(fields: str) -> pd.Series:
        return run(texts, workspace, fields).iloc[0]

    return values.settle("x", kind, ask, workspace, PLACE)


def read(texts: list[str | None], kind: str, **more: object) -> list[object]:
    """Read a column: quickly where nothing is open, else as it is settled; None is unread."""
    workspace = said(**more)
    quick = values.quick("x", kind, workspace.timezone)
    is_open = run(texts, workspace, values.open_question("x", kind)).iloc[0, 0]
    sql = settle(texts, kind, **more).sql if is_open else quick
    column = run(texts, workspace, f"{sql} as v")["v"]
    return [None if pd.isna(value) else value for value in column]


def when(texts: list[str | None], **more: object) -> list[str | None]:
    """Read times, as text; without the clock where it is midnight."""
    found = read(texts, values.TIME, **more)
    return [None if one is None else str(one).removesuffix(" 00:00:00") for one in found]


# Numbers


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1234.5", "-7", "1.2E+06", "+3", ".5", "007"], [1234.5, -7, 1_200_000, 3, 0.5, 7]),
        (["1,234.50", "1,234", "12,345,678"], [1234.5, 1234, 12_345_678]),
        (["1.234,50", "1.234", "12.345.678", "7"], [1234.5, 1234, 12_345_678, 7]),
        (["12,34,567.5", "1,00,000", "999"], [1_234_567.5, 100_000, 999]),
        (["1 234,5", "1\u00a0234,5", "1\u202f234\u202f567,5"], [1234.5, 1234.5, 1_234_567.5]),
        (["CHF 1'234.50", "1\u2019234\u2019567.25", "5.-"], [1234.5, 1_234_567.25, 5]),
        (["1,5", "2,25", "1,2E+06", "0,125"], [1.5, 2.25, 1_200_000, 0.125]),
        (["$5", "$ 1,000", "US$7", "-$5", "$-5", "5 $"], [5, 1000, 7, -5, -5, 5]),
        (["€ 5", "5€", "-5,50 €", "€ -5"], [5, 5, -5.5, -5]),
        (["12,5 zł", "3 kr", "kr 3", "3 kr.", "R$ 4", "5,- Kč"], [12.5, 3, 3, 3, 4, 5]),
        (["USD 50,000.00", "50,000.00 USD", "JPY100", "¥7"], [50_000, 50_000, 100, 7]),
        (["45%", "45 %", "12.5 %", "-3%"], [45, 45, 12.5, -3]),
        (["(1,234.50)", "$(5)", "($5)", "(5%)", "( 5 )"], [-1234.5, -5, -5, -5, -5]),
        (["5-", "1,234.50-", "5.00- USD", "5 EUR-"], [-5, -1234.5, -5, -5]),
        (["\u22125", "\u20135", "\uff0d5", "- 5"], [-5, -5, -5, -5]),
        (["1.2E-06", "1.5e3", "1E5"], [1.2e-6, 1500, 100_000]),
        (["", None, "5"], [None, None, 5]),
    ],
)
def test_numbers_as_the_world_writes_them(texts, numbers):
    """One column a row; the column's own values say which mark is the decimal one."""
    assert read(texts, values.NUMBER) == pytest.approx(numbers)


@pytest.mark.parametrize(
    "text",
    [
        "1e400",
        "nan",
        "inf",
        "Infinity",
        "-inf",
        "1_000",
        "0x1F",
        "five",
        "12 MIO",
        "5 PCS",
        "--5",
        "(5)-",
        "-(5)-",
        "1,23,4",
        "1.2.3",
        "1,2,3",
        "$",
        "%",
        "-",
        "5%%",
        "1 2",
        "12:30",
        "#REF!",
        "1/2",
        "3 of 5",
        "+-5",
        "١٢",
        "=1+1",
        "5 EUR USD 6",
        "1e5e5",
        "'5",
        "1234 567",
    ],
)
def test_what_is_no_number_is_not_read(text):
    """It stays unread beside numbers, and beside nothing."""
    assert read([text, "5"], values.NUMBER) == [None, 5]
    assert read([text, "1,234.50"], values.NUMBER) == [None, 1234.5]


def test_a_comma_before_three_digits_sets_off_thousands_unless_the_settings_say_otherwise():
    """Alone `1,000` is a thousand; after `decimal = ","` it is one."""
    assert read(["1,000", "25,000"], values.NUMBER) == [1000, 25_000]
    assert read(["1,000", "25,000"], values.NUMBER, decimal=",") == [1, 25]
    assert read(["1,000", "2,5"], values.NUMBER) == [1, 2.5]


def test_a_point_before_three_digits_is_refused_unless_something_decides():
    """The error shows the lines; either works; so does a value of the column."""
    refused = r"deals.csv, column X: '1.000' may .* Add to settings: decimal = \"\.\".*\",\""
    with pytest.raises(SettingsError, match=refused) as error:
        settle(["1.000", "2", "25.500"], values.NUMBER)
    assert "\n" not in str(error.value)
    assert read(["1.000", "2", "25.500"], values.NUMBER, decimal=",") == [1000, 2, 25_500]
    assert read(["1.000", "2", "25.500"], values.NUMBER, decimal=".") == [1, 2, 25.5]
    assert read(["1.000", "2.5"], values.NUMBER) == [1, 2.5]
    assert read(["1.000", "1234.500"], values.NUMBER) == [1, 1234.5]
    assert read(["1.000", "0.125"], values.NUMBER) == [1, 0.125]
    assert read(["1.000", "2,5"], values.NUMBER) == [1000, 2.5]
    assert read(["1.000", "1.000.000"], values.NUMBER) == [1000, 1_000_000]


def test_a_column_with_both_decimal_marks_is_refused_with_a_value_of_each():
    """The settings choose which are read; the others stay unread."""
    texts = ["1,234.50", "1.234,50", "7"]
    with pytest.raises(SettingsError, match=r"'1,234.50' can only .* '1.234,50' only a decimal"):
        settle(texts, values.NUMBER)
    assert read(texts, values.NUMBER, decimal=".") == [1234.5, None, 7]
    assert read(texts, values.NUMBER, decimal=",") == [None, 1234.5, 7]


def test_a_setting_that_no_value_bears_out_is_refused_where_it_would_matter():
    """1.5 can only have a point; then 1.000 is not read as a thousand in silence."""
    with pytest.raises(SettingsError, match=r'\[formats."deals.csv"\] decimal = "."'):
        settle(["1.5", "1.000"], values.NUMBER, decimal=",")
    assert read(["1.5", "2.5"], values.NUMBER, decimal=",") == [1.5, 2.5]
    own = {"deals.csv": {"decimal": "."}}
    assert read(["1.5", "1.000"], values.NUMBER, decimal=",", formats=own) == [1.5, 1]


@pytest.mark.parametrize(
    ("texts", "note"),
    [
        (["1", "2.5"], ""),
        (["1,5"], "decimal comma"),
        (["1,000"], "decimal point"),
        (["€ 5"], "currency signs left out"),
        (["5 %", "1,5 %"], "decimal comma, percent as 0 to 100"),
    ],
)
def test_the_note_says_what_was_decided(texts, note):
    """In a few words."""
    assert settle(texts, values.NUMBER).note == note


def test_the_currency_that_an_amount_names():
    """Signs of one country and codes name it; $ and ¥ alone do not."""
    named = {
        **{"€ 5": "EUR", "5,00 €": "EUR", "£5": "GBP", "CHF 1'234.50": "CHF", "5 USD": "USD"},
        **{"-5 zł": "PLN", "R$ 4": "BRL", "US$5": "USD", "A$ 5": "AUD", "1.2E+06 EUR": "EUR"},
        **{"($5)": None, "¥7": None, "kr 5": None, "5": None, "1.2E+06": None, "all": None},
        **{"CAD(5)": "CAD", "": None, "5 PCS": None},
    }
    found = run(list(named), said(), f"{values.currency('x')} as v")["v"]
    assert [None if pd.isna(code) else code for code in found] == list(named.values())


STYLES = {"en_US": ".", "de_DE": ",", "fr_FR": ",", "es_ES": ",", "de_CH": ".", "en_IN": "."}


@settings(max_examples=60, deadline=None)
@given(
    amounts=st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=5),
    locale=st.sampled_from(sorted(STYLES)),
    currency=st.sampled_from(["", "EUR", "USD", "CHF"]),
)
def test_numbers_written_by_locale_are_read_back(amounts, locale, currency):
    """Babel writes them with two decimals, so every value shows its decimal mark."""
    numbers = pytest.importorskip("babel.numbers")
    if currency:
        texts = [numbers.format_currency(one, currency, locale=locale) for one in amounts]
    else:
        texts = [numbers.format_decimal(one, "#,##0.00", locale=locale) for one in amounts]
    assert read(texts, values.NUMBER) == pytest.approx([float(one) for one in amounts])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=5))
def test_numbers_that_python_writes_are_read_back(numbers):
    """As long as no value has exactly three decimals; the value 0.25 decides if one has."""
    assert read([*map(repr, numbers), "0.25"], values.NUMBER)[:-1] == numbers


# Dates and times


@pytest.mark.parametrize(
    ("texts", "moments"),
    [
        (["2026-09-03", "2026-9-3", "2026/09/03", "2026.09.03", "20260903"], ["2026-09-03"] * 5),
        (
            ["2026-09-03T07:05:00Z", "2026-09-03 07:05:00", "2026-9-3 7:05", "20260903T0705"],
            ["2026-09-03 07:05:00"] * 4,
        ),
        (
            [
                "2026-09-03T07:05:00.000+0000",
                "2026-09-03T09:05:00+02:00",
                "2026-09-03T07:05Z",
                "2026-09-03 02:05:00-05",
                "2026-09-03 12:35:00 +0530",
                "20260903070500",
            ],
            ["2026-09-03 07:05:00"] * 6,
        ),
        (
            ["2026-09-03T07:05:00.5Z", "2026-09-03 07:05:00.123456", "2026-09-03 07:05:00.1234567"],
            ["2026-09-03 07:05:00.500000", *["2026-09-03 07:05:00.123456"] * 2],
        ),
        (
            ["31/03/2026", "3/9/26", "03.09.2026", "3. 9. 2026", "3-9-2026"],
            ["2026-03-31", *["2026-09-03"] * 4],
        ),
        (["3/31/2026", "9/3/26", "09.03.2026", "9-3-2026"], ["2026-03-31", *["2026-09-03"] * 3]),
        (
            [
                "13/09/2026 7:05 PM",
                "3/9/2026 7:05:00 p.m.",
                "3/9/2026, 19:05",
                "3.9.26 7:05pm",
                "3/9/2026 7:05\u202fPM",
                "3/9/2026 7 PM",
                "3/9/2026 12:05 am",
                "3/9/2026 12:05 PM",
            ],
            [
                "2026-09-13 19:05:00",
                *(["2026-09-03 19:05:00"] * 4),
                "2026-09-03 19:00:00",
                "2026-09-03 00:05:00",
                "2026-09-03 12:05:00",
            ],
        ),
        (["31.12.68", "31.12.69", "31.12.00"], ["2068-12-31", "1969-12-31", "2000-12-31"]),
        (["99-02-13", "26-03-14"], ["1999-02-13", "2026-03-14"]),
        (
            [
                "3 Sep 2026",
                "Sept. 3, 2026",
                "September 3rd, 2026",
                "03-SEP-26",
                "3SEP2026",
                "3. September 2026",
                "3 septembre 2026",
                "3 de septiembre de 2026",
                "2026-Sep-03",
                "Thu, 03 Sep 2026",
                "Donnerstag, 3. September 2026",
                "jeu. 3 sept. 2026",
            ],
            ["2026-09-03"] * 12,
        ),
        (
            ["3. März 2026", "3 mars 2026", "3 marzo 2026", "3. Mrz. 2026", "Mar 3 2026"],
            ["2026-03-03"] * 5,
        ),
        (["3 août 2026", "3 AOUT 2026", "3 ago 2026", "3 Aug 26"], ["2026-08-03"] * 4),
        (["1er déc. 2026", "1 dic 2026", "1. Dez. 2026", "1 Dec 2026"], ["2026-12-01"] * 4),
        (
            [
                "3 Sep 2026 7:05 PM",
                "Sep 3, 2026 at 7:05 PM",
                "3. September 2026 um 19:05 Uhr",
                "3 septembre 2026 à 19h05",
                "Thu Sep 03 2026 21:05:00 GMT+0200 (Central Europe)",
            ],
            ["2026-09-03 19:05:00"] * 5,
        ),
        (
            ["45321", "45321.75", "45321,25"],
            ["2024-01-30", "2024-01-30 18:00:00", "2024-01-30 06:00:00"],
        ),
        (["1788419100", "1788419100123"], ["2026-09-03 07:05:00", "2026-09-03 07:05:00.123000"]),
        (["05/05/2026", "07/07/2026"], ["2026-05-05", "2026-07-07"]),
        (
            ["2050-01-01 00:00:00", "1900-01-01", "2199-12-31"],
            ["2050-01-01", "1900-01-01", "2199-12-31"],
        ),
    ],
)
def test_times_as_the_world_writes_them(texts, moments):
    """One column a row, in UTC."""
    assert when(texts) == moments


@pytest.mark.parametrize(
    "text",
    [
        "infinity",
        "-infinity",
        "epoch",
        "now",
        "today",
        "0026-02-13",
        "2026-02-30",
        "2026-13-01",
        "2026-09-03 25:00:00",
        "2026-09-03 07:60",
        "2026-09-03 13:05 PM",
        "2026-09-03 0:05 AM",
        "2026-09-03 07:05 EST",
        "2026-09-03 12:00 Europe/Berlin",
        "2026-09-03T",
        "2026",
        "2026-09",
        "20260-07-1",
        "20260230",
        "Sep 2026",
        "30 Feb 2026",
        "marketing 3 2026",
        "Q3 2026",
        "12:30",
        "2026-09-03 (BC)",
        "2200-01-01",
        "1899-12-31",
        "2026-09-03 24:00",
        "7",
        "99999",
        "3 Sept",
        "2026-09-03T07:05:00+25:00",
        "2026-09-03x",
        "32 Sep 2026",
        "2026-09-03 7",
        "1/2",
        "9999999999",
    ],
)
def test_what_is_no_time_is_not_read(text):
    """Neither alone nor beside a time; nothing is moved to the next possible day."""
    assert when([text]) == [None]
    assert when([text, "2026-09-03T07:05:00Z"]) == [None, "2026-09-03 07:05:00"]


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["3/4/2026", "5/6/2026"], "may be read with the day or the month first"),
        (["03-04-26"], "with the day or the month or the year first"),
        (["13-02-26"], "with the day or the year first"),
        (["3/4/2026", "99/4/2026"], "no value of the column decides"),
        (["13/4/2026", "4/13/2026"], "day first and some the month, such as '13/4/2026' and"),
    ],
)
def test_an_order_of_day_and_month_is_never_guessed(texts, complaint):
    """The error names the place, a value and the line to add."""
    with pytest.raises(SettingsError, match=complaint) as refused:
        settle(texts, values.TIME)
    message = str(refused.value)
    assert message.startswith("deals.csv, column X: ")
    assert 'Add to settings: dates = "day first"' in message
    assert "\n" not in message


def test_the_settings_decide_where_the_column_cannot():
    """For two-digit years also that the year comes first."""
    assert when(["3/4/2026"], dates="day first") == ["2026-04-03"]
    assert when(["3/4/2026"], dates="month first") == ["2026-03-04"]
    assert when(["03-04-26", "03/04/26"], dates="year first") == ["2003-04-26"] * 2
    assert when(["13/4/2026", "4/13/2026"], dates="day first") == ["2026-04-13", None]


def test_settings_that_the_column_contradicts_are_refused_unless_for_this_file():
    """Every value has the month first: to read 1/2 as the 1st of February would be wrong."""
    with pytest.raises(SettingsError, match=r'\[formats."deals.csv"\] dates = "month first"'):
        settle(["4/13/2026", "1/2/2026"], values.TIME, dates="day first")
    own = {"deals.csv": {"dates": "month first"}}
    assert when(["4/13/2026", "1/2/2026"], dates="day first", formats=own) == [
        "2026-04-13",
        "2026-01-02",
    ]
    own = {"deals.csv": {"dates": "day first"}}
    assert when(["4/13/2026", "1/2/2026"], formats=own) == [None, "2026-02-01"]


def test_a_format_is_the_only_one():
    """Year, day, month, with a clock or without; nothing else is read."""
    form = "%Y-%d-%m"
    texts = ["2026-25-03", "2026-25-03 07:05", "2026-03-25", "25.03.2026"]
    column = settle(texts, values.TIME, dates=form)
    assert values.stated(values.TIME, said(dates=form), PLACE)
    found = run(texts, said(dates=form), f"{column.sql} as v")["v"]
    assert found[:2].astype("str").tolist() == ["2026-03-25 00:00:00", "2026-03-25 07:05:00"]
    assert found[2:].isna().all()
    assert column.note == "by the format %Y-%d-%m"


def test_times_without_a_zone_are_local_and_dates_are_not_moved():
    """Noon in Berlin is ten in UTC in summer; midnight without a zone is a date."""
    texts = ["2026-07-13 12:00:00", "13.07.2026 12:00", "2026-07-13 00:00:00", "13.07.2026"]
    texts += ["2026-07-13T12:00:00Z", "2026-07-13 12:00:00+02:00", "13.07.2026 12:00 UTC"]
    read_back = ["2026-07-13 10:00:00"] * 2 + ["2026-07-13"] * 2
    read_back += ["2026-07-13 12:00:00", "2026-07-13 10:00:00", "2026-07-13 12:00:00"]
    assert when(texts, timezone="Europe/Berlin") == read_back


def test_a_time_that_no_clock_showed_is_read_an_hour_later_and_can_be_counted():
    """On 29 March 2026 clocks in Berlin went from 02:00 to 03:00; 02:30 is 03:30, 01:30 UTC."""
    texts = ["2026-03-29 02:30:00", "29.03.2026 02:30", "2026-03-29 01:30:00", "2026-03-29", None]
    column = settle(texts, values.TIME, timezone="Europe/Berlin")
    zone = said(timezone="Europe/Berlin")
    assert when(texts, timezone="Europe/Berlin")[:3] == [
        "2026-03-29 01:30:00",
        "2026-03-29 01:30:00",
        "2026-03-29 00:30:00",
    ]
    gap = run(texts, zone, f"{column.in_gap} as v")["v"].tolist()
    assert gap == [True, True, False, False, False]
    quick = values.in_gap("x", values.TIME, "Europe/Berlin")
    assert run(texts, zone, f"{quick} as v")["v"].tolist() == [True, False, False, False, False]


def test_the_hour_that_the_clock_showed_twice_is_the_later_one():
    """In Berlin 02:30 on 25 October 2026 was summer time and then winter time: 01:30 UTC."""
    zone = said(timezone="Europe/Berlin")
    texts = ["2026-10-25 02:30:00", "2026-10-25 01:59:00", "2026-10-25 03:00:00"]
    texts += ["2026-10-25T02:30:00+02:00", "2026-10-24 02:30:00"]
    assert when(texts[:3], timezone="Europe/Berlin") == [
        *("2026-10-25 01:30:00", "2026-10-24 23:59:00", "2026-10-25 02:00:00")
    ]
    quick = values.shown_twice("x", values.TIME, "Europe/Berlin")
    assert run(texts, zone, f"{quick} as v")["v"].tolist() == [True] + [False] * 4
    dotted = ["25.10.2026 02:30", "25.10.2026 03:30", "29.03.2026 02:30"]
    column = settle(dotted, values.TIME, timezone="Europe/Berlin")
    assert run(dotted, zone, f"{column.twice} as v")["v"].tolist() == [True, False, False]
    assert values.shown_twice("x", values.TIME, "UTC") == "false"


@pytest.mark.parametrize(
    ("texts", "note"),
    [
        (["2026-09-03"], ""),
        (["31/03/2026"], "day first"),
        (["45321", "45000"], "Excel serial days"),
        (["45321", "12"], ""),
        (["1788419100123"], "Unix milliseconds"),
        (["3 Sep 2026"], "month names"),
        (
            ["45321", "31/12/2025"],
            "day first, Excel serial days, beside dates as text: "
            "a spreadsheet may have turned day and month round",
        ),
    ],
)
def test_the_note_says_how_times_were_read(texts, note):
    """In a few words."""
    assert settle(texts, values.TIME).note == note


def test_numbers_out_of_range_are_no_serial_days():
    """12 is no day that a CRM knows; then 45321 may be an id, and neither is read."""
    assert when(["45321", "12"]) == [None, None]
    assert when(["45321", "0"]) == ["2024-01-30", None]  # spreadsheets write 0 for no date


def test_open_ends_are_recognised():
    """However 9999-12-31 is written; dates before 2200 are dates."""
    ends = ["9999-12-31", "9999-12-31T23:59:59Z", "31.12.9999", "12/31/9999 12:00 AM", "99991231"]
    ends += ["2200-01-01", "31-DEC-9999", "2958465", "253402214400", "253402300799000", "4712/1/1"]
    dates = ["2199-12-31", "2050-01-01", "31.12.2050", "45321", "9999", "2026-09-03T07:05:59.9999Z"]
    found = run([*ends, *dates], said(), f"{values.open_end('x')} as v")["v"].tolist()
    assert found == [True] * len(ends) + [False] * len(dates)


DAYS = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2068, 12, 31)).map(
    lambda t: t.replace(microsecond=0)
)
FORMATS = [
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S"),
    *("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d.%m.%y %H:%M:%S", "%m-%d-%Y %H:%M:%S"),
    *("%d %b %Y %H:%M:%S", "%A, %d %B %Y %H:%M:%S", "%b %d, %Y %I:%M:%S %p", "%d-%b-%y %H:%M:%S"),
    "%a %b %d %Y %H:%M:%S GMT+0000",
]


@settings(max_examples=60, deadline=None)
@given(moments=st.lists(DAYS, min_size=1, max_size=4), form=st.sampled_from(FORMATS))
def test_times_written_in_a_known_format_are_read_back(moments, form):
    """One decisive value, the 31st of January, says which order it is."""
    moments = [dt.datetime(2026, 1, 31, 13, 5, 9), *moments]
    assert read([one.strftime(form) for one in moments], values.TIME) == moments


@settings(max_examples=60, deadline=None)
@given(
    days=st.lists(DAYS.map(dt.datetime.date), min_size=1, max_size=4),
    locale=st.sampled_from(["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "de_CH", "sv_SE"]),
    form=st.sampled_from(["short", "medium", "long", "full"]),
)
def test_dates_written_by_locale_are_read_back(days, locale, form):
    """Babel writes them; the language of Sweden is not read, its ISO dates are."""
    dates = pytest.importorskip("babel.dates")
    form = "short" if locale == "sv_SE" else form
    days = [dt.date(2026, 1, 31), *days]
    texts = [dates.format_date(day, form, locale=locale) for day in days]
    assert read(texts, values.TIME) == [pd.Timestamp(day) for day in days]


@settings(max_examples=40, deadline=None)
@given(
    moments=st.lists(DAYS, min_size=1, max_size=4),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]),
    form=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"]),
)
def test_local_times_agree_with_the_standard_library(moments, zone, form):
    """Also in the hours that are shown twice (the later) or not at all (an hour on)."""
    texts = ["31.01.2026 13:05:09", *(one.strftime(form) for one in moments)]
    expected = [
        one
        if one.time() == dt.time()
        else one.replace(tzinfo=ZoneInfo(zone), fold=_fold(one, zone))
        .astimezone(dt.UTC)
        .replace(tzinfo=None)
        for one in moments
    ]
    assert read(texts, values.TIME, timezone=zone)[1:] == expected


def _fold(moment: dt.datetime, zone: str) -> int:
    """The later of two times that a clock showed; for one it never showed, an hour on."""
    there = moment.replace(tzinfo=ZoneInfo(zone))
    back = there.astimezone(dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return 1 if back == moment else 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12) | st.from_regex(r"[0-9/.,: -]{1,12}", fullmatch=True)))
def test_no_text_breaks_a_reading(texts):
    """Every kind gives a value or none; a refusal is one line."""
    texts = [text.replace("\x00", "") for text in texts if text.isprintable()]
    for kind in (values.NUMBER, values.TIME, values.FLAG, values.DURATION):
        assert _outcome(texts, kind) in (len(texts), "one line")


def _outcome(texts: list[str], kind: str) -> int | str:
    """How many values were read, or whether the refusal is one line."""
    try:
        return len(read(texts, kind))
    except SettingsError as refused:
        return "one line" if "\n" not in str(refused) else str(refused)


# Quick readings agree with settled ones; nothing else is read quickly


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_what_is_read_quickly_is_read_the_same_when_settled(zone):
    """So a column may be read either way."""
    machine = ["2026-09-03", "2026-09-03T07:05:00Z", "2026-09-03 07:05:00", "2026-09-03 07:05"]
    machine += ["2026-09-03T07:05:00.123Z", "2026-09-03T07:05:00.123+0000", "2026-03-29 02:30:00"]
    machine += ["2026-09-03T07:05:00-07:00", "2026-09-03 07:05:00.5", "2026-09-03 00:00:00"]
    quick = run(machine, said(timezone=zone), f"{values.quick('x', values.TIME, zone)} as v")
    assert quick["v"].notna().all()
    assert read([*machine, "03.09.2026", "31.01.2026"], values.TIME, timezone=zone)[:-2] == list(
        quick["v"]
    )


def test_a_quick_reading_reads_only_what_programs_write():
    """Everything else is left to the whole column."""
    texts = ["2026/09/03", "2026-9-3", "20260903", "2026-09-03 12:00 PM", "2026-09-03 07:05 EST"]
    texts += ["infinity", "epoch", "1899-12-31", "2200-01-01", "2026-02-30", "2026-09-03 24:00:00"]
    texts += ["2026-09-03T07:05:00+25:00", "2026-09-03 12:00:00 am", "2026-09-03 07:05 Asia/Tokyo"]
    found = run(texts, said(), f"{values.quick('x', values.TIME, 'UTC')} as v")["v"]
    assert found.isna().all()


@pytest.mark.parametrize(
    ("texts", "kind", "is_open"),
    [
        (["1", "2.5", None], values.NUMBER, False),
        (["1.000"], values.NUMBER, True),
        (["1,5"], values.NUMBER, True),
        ([None], values.NUMBER, False),
        (["2026-09-03", None], values.TIME, False),
        (["2026-09-03", "x"], values.TIME, True),
        (["true", "FALSE", "1"], values.FLAG, False),
        (["Ja"], values.FLAG, True),
        (["x"], values.TEXT, False),
    ],
)
def test_a_column_is_open_where_the_quick_reading_may_not_be_the_last_word(texts, kind, is_open):
    """With and without the reading at hand."""
    for question in (
        values.open_question("x", kind),
        values.open_question("x", kind, values.quick("x", kind, "UTC")),
    ):
        assert run(texts, said(), f"{question} as v")["v"].iloc[0] == is_open


# Flags and durations


def test_flags_in_four_languages():
    """The lists are what the documentation says; anything else is not read."""
    yes = ["TRUE", "True", "1", "Yes", "Y", "Ja", "J", "Oui", "Sí", "SI", "Vrai", "WAHR", "x", "X"]
    yes += ["Verdadero", "checked", "on", "t", "✓"]
    no = ["FALSE", "0", "No", "N", "Nein", "Non", "Faux", "Falsch", "Falso", "unchecked", "off"]
    assert read(yes, values.FLAG) == [True] * len(yes)
    assert read(no, values.FLAG) == [False] * len(no)
    assert read(["maybe", "2", None], values.FLAG) == [None] * 3


def test_durations_go_over_a_day_and_are_seconds():
    """26 h 3 min 4 s are 93,784 s; what may be hours or minutes is not read."""
    texts = ["26:03:04", "00:00:10", "1234:00:00.5", "-1:00:00", "05:30", "90", "1:60:00", None]
    assert read(texts, values.DURATION) == [93_784, 10, 4_442_400.5, -3600, *[None] * 4]
