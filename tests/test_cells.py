"""Columns that are read in one pass give what their texts give one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enablement.read import cells, values
from enablement.read.store import Store

NUMBERS = ["0", "-12", "49500", "1e5", "-0.5", ".5", "5.", "00500363", "12345678901234567890"]
STRANGE_NUMBERS = [
    "1.234",
    "1,5",
    "1_000",
    "+-5",
    "nan",
    "inf",
    "1e400",
    "0x10",
    "tbd",
    "€ 5",
    "+7",
]
DATES = ["2026-09-30", "1999-01-01", "1900-01-01"]
STRANGE_DATES = [
    *("9999-12-31", "2026-02-30", "30.09.2026", "2026/09/30", "1899-12-31", "2026-9-30 "),
    *("0000-01-01", "0999-12-31", "2200-01-01"),
]
INSTANTS = ["2026-09-30T08:00:00Z", "2026-09-30 08:00:00Z", "2026-09-30T08:00:00.250Z"]
LOCAL = ["2026-09-30 08:00:00", "2026-09-30T00:00:00", "2024-02-29 23:59:59"]
STRANGE_INSTANTS = [
    *("2026-09-30T25:00:00Z", "2026-09-30T08:00:00+02", "2026-09-30T08:00Z", "2026-09-30T08:00:0Z"),
    *(
        "2026-09-30 12:00 PM",
        "2026-09-30 24:00:00",
        "2023-02-29 08:00:00",
        "9999-12-31T00:00:00Z",
        "2026-09-30T08:00:00.000000Z",
    ),
]


def texts_of(usual: list[str], strange: list[str]) -> st.SearchStrategy[list[str]]:
    """Draw columns whose texts are mostly alike, with empty ones and strange ones among them."""
    return st.one_of(
        st.lists(st.sampled_from([*usual, ""]), max_size=6),
        st.lists(st.sampled_from([*usual, *strange, ""]), max_size=6),
    )


def columns(texts: list[str]) -> list[pa.ChunkedArray]:
    """Hold the texts in two chunks: plainly, and each once."""
    halves = [texts[: len(texts) // 2], texts[len(texts) // 2 :]]
    plain = pa.chunked_array([pa.array(half, pa.string()) for half in halves])
    return [plain, plain.cast(pa.dictionary(pa.int32(), pa.string()))]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A store for all: to open one takes longer than to read a column."""
    with Store() as made:
        yield made


def read_one_by_one(store: Store, column: pa.ChunkedArray, kind: str) -> tuple[bool, list[object]]:
    """Read the texts in SQL: whether all are plain, and the values."""
    store.show("raw", pa.table({"c": column}).append_column("row", [range(len(column))]))
    source = "(select nullif(c, '') as t, row from raw)"
    asked = f"{values.open_question('t', kind)} or coalesce(bool_or({values.open_end('t')}), false)"
    doubt = store.one(f"select {asked} as doubt from {source}")["doubt"]
    sql = f"select {values.quick('t', kind, 'UTC')} as v from {source} order by row"
    return not doubt, store.query(sql)["v"].astype(object).tolist()


@settings(max_examples=60, deadline=None)
@given(
    texts=texts_of(DATES, STRANGE_DATES)
    | texts_of(INSTANTS, STRANGE_INSTANTS)
    | texts_of(LOCAL, STRANGE_INSTANTS)
)
@example(texts=["2026-09-30", "2026-09-30T08:00:00Z"])
@example(texts=["2026-09-30", "9999-12-31"])
@example(texts=["0000-01-01", "2026-09-30"])
def test_times_are_read_in_one_pass_as_one_by_one(store: Store, texts: list[str]) -> None:
    for column in columns(texts):
        found = cells.typed(column, values.TIME, "UTC")
        if found is not None:
            plain, expected = read_one_by_one(store, column, values.TIME)
            assert plain
            given = [None if value is None else value.isoformat() for value in found.to_pylist()]
            assert given == [None if pd_missing(value) else value.isoformat() for value in expected]


@settings(max_examples=60, deadline=None)
@given(texts=texts_of(NUMBERS, STRANGE_NUMBERS))
@example(texts=["1.234", "5"])
@example(texts=["1", "nan"])
def test_numbers_are_read_in_one_pass_as_one_by_one(store: Store, texts: list[str]) -> None:
    for column in columns(texts):
        found = cells.typed(column, values.NUMBER, "UTC")
        if found is not None:
            plain, expected = read_one_by_one(store, column, values.NUMBER)
            assert plain
            assert found.to_pylist() == [None if pd_missing(v) else v for v in expected]


def pd_missing(value: object) -> bool:
    """Say whether pandas holds no value."""
    return value is None or value != value


@pytest.mark.parametrize(
    ("texts", "kind", "read"),
    [
        (["2026-09-30", "", "2024-01-01"], values.TIME, True),
        (["2026-09-30T08:00:00Z", ""], values.TIME, True),
        (["2026-09-30T08:00:00.250Z"], values.TIME, True),
        (["2026-09-30", "2026-09-30T08:00:00Z"], values.TIME, False),
        (["2026-09-30 08:00:00", ""], values.TIME, True),
        (["2026-09-30 08:00", "2026-09-30T09:00"], values.TIME, True),
        (["2026-09-30 12:00 PM"], values.TIME, False),
        (["2026-09-30", "9999-12-31"], values.TIME, False),
        (["2026-09-30", "0000-01-01"], values.TIME, False),
        (["1900-01-01", "2199-12-31"], values.TIME, True),
        (["2199-12-31T23:59:59Z"], values.TIME, True),
        (["2200-01-01T00:00:00Z"], values.TIME, False),
        (["49500", "", "1e5", "1234.50"], values.NUMBER, True),
        (["49500", "1.234"], values.NUMBER, False),
        (["49500", "tbd"], values.NUMBER, False),
        (["x"], values.TEXT, False),
        (["", ""], values.NUMBER, True),
    ],
)
def test_what_a_program_wrote_alike_is_read_in_one_pass(
    texts: list[str], kind: str, read: bool
) -> None:
    for column in columns(texts):
        assert (cells.typed(column, kind, "UTC") is not None) is read


def test_times_of_a_zone_are_left_to_those_who_know_its_clock() -> None:
    for column in columns(["2026-09-30 08:00:00"]):
        assert cells.typed(column, values.TIME, "Europe/Berlin") is None


def test_values_are_in_utc_and_missing_where_empty() -> None:
    (plain, repeated) = (
        cells.typed(column, values.TIME, "UTC") for column in columns(["2026-09-30T08:00:00Z", ""])
    )
    assert plain is not None
    assert repeated is not None
    for found in (plain, repeated):
        assert found.to_pylist() == [dt.datetime(2026, 9, 30, 8), None]
        assert cells.missing(found)


@given(
    texts=st.lists(st.sampled_from(["a", "N/A", " N/A", "n/a ", "-", "NAN", "", "no", "\u00a0x"])),
    words=st.lists(st.sampled_from(["N/A", "-", "null", ""])),
)
@settings(max_examples=60, deadline=None)
def test_no_word_no_blank_and_no_empty_cell_is_passed_over(
    texts: list[str], words: list[str]
) -> None:
    for column in columns(texts):
        if any(text and text in words for text in texts):
            assert cells.may_hold(column, words)
        if any(text != text.strip(cells.SPACE) for text in texts):
            assert cells.spaced(column)
        assert cells.empty(column) == ("" in texts)


def test_where_nothing_may_be_a_word_none_is_looked_for() -> None:
    for column in columns(["49500", "12", "Negotiation"]):
        assert not cells.may_hold(column, ["N/A", "-"])
        assert not cells.spaced(column)
        assert not cells.empty(column)
