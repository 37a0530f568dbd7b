"""The cells of a column as they lie in memory: what can be told of all of them in one pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from enablement.read.kinds import NUMBER, TIME
from enablement.read.times import FIRST_DAY, LAST_DAY

SPACE = " \t\n\r\u00a0\u2007\u202f\ufeff"
FIRST_OF_BLANK = frozenset(mark.encode()[0] for mark in SPACE)
LAST_OF_BLANK = frozenset(mark.encode()[-1] for mark in SPACE)
# Bytes of 2026-09-30, of 2026-09-30T08:00:00Z and ...00.000Z, and of times that name no zone.
DATE, INSTANTS, LOCAL = 10, (20, 24), (16, 19, 23)
POINT, ZULU = ord("."), ord("Z")
# What a time can mean, in microseconds, as Arrow counts: it knows years that Python does not.
BEGIN = pa.scalar(FIRST_DAY).cast(pa.timestamp("us")).value
END = pa.scalar(LAST_DAY).cast(pa.timestamp("us")).value + 24 * 3600 * 10**6


@dataclasses.dataclass(frozen=True)
class Look:
    """What was seen in a column, once.

    cells : the column
    spaced : whether some cell may have blanks around it
    worded : whether some cell may be one of the words that stand for "not known"
    empty : whether some cell is empty
    """

    cells: pa.ChunkedArray
    spaced: bool
    worded: bool
    empty: bool


def look(cells: pa.ChunkedArray, words: Iterable[str]) -> Look:
    """Look through a column; `words` are those that stand for "not known"."""
    return Look(cells, spaced(cells), may_hold(cells, words), empty(cells))


def spaced(cells: pa.ChunkedArray) -> bool:
    """Say whether some cell may have blanks around it; taking them off all is slow.

    Only the first and the last byte of each cell are looked at: a letter whose last byte is
    that of a wide blank too is trimmed for nothing, which changes nothing.
    """
    return any(
        _among(FIRST_OF_BLANK)[data[begin]].any() or _among(LAST_OF_BLANK)[data[end - 1]].any()
        for begin, end, data in map(_filled, cells.chunks)
    )


def may_hold(cells: pa.ChunkedArray, words: Iterable[str]) -> bool:
    """Say whether some cell may be one of the words, by its length and its first byte."""
    said = [word.encode() for word in words if word]
    if not said:
        return False
    longest = max(map(len, said))
    first = _among(word[0] for word in said)
    for begin, end, data in map(_filled, cells.chunks):
        short = begin[end - begin <= longest]
        if first[data[short]].any():
            return True
    return False


def empty(cells: pa.ChunkedArray) -> bool:
    """Say whether some cell is empty."""
    return any(
        chunk.null_count or len(_filled(chunk)[0]) < len(_listed(chunk)) for chunk in cells.chunks
    )


def typed(cells: pa.ChunkedArray, kind: str, zone: str) -> pa.ChunkedArray | None:
    """Give the values of a column of numbers or times where a program wrote all of them alike.

    Parameters
    ----------
    cells : the texts, without blanks around them; empty is missing
    kind : NUMBER or TIME
    zone : of times that name none; such are read here only if it is UTC

    Returns
    -------
    pyarrow.ChunkedArray or None
        Doubles, or naive timestamps in UTC, each once where the texts are; None where some cell
        has another shape, or may mean something else, so that the whole column must be looked
        at as text.
    """
    if kind not in (NUMBER, TIME):
        return None
    if not (_plain(cells) if kind == NUMBER else _instants(cells, zone)):
        return None
    try:
        chunks = [_values(chunk, kind) for chunk in cells.chunks]
    except pa.ArrowInvalid:
        return None
    if not all(_meant(_listed(chunk), kind) for chunk in chunks):
        return None
    return pa.chunked_array(chunks, chunks[0].type) if chunks else None


def missing(values: pa.ChunkedArray) -> bool:
    """Say whether some value of a column is missing."""
    return any(chunk.null_count or _listed(chunk).null_count for chunk in values.chunks)


def _values(chunk: pa.Array, kind: str) -> pa.Array:
    """Read a chunk; of repeated texts each one once, and it stays so."""
    if pa.types.is_dictionary(chunk.type):
        return pa.DictionaryArray.from_arrays(chunk.indices, _values(chunk.dictionary, kind))
    texts = chunk
    if len(_filled(chunk)[0]) < len(chunk):
        texts = pc.if_else(pc.equal(pc.binary_length(chunk), 0), None, chunk)
    if kind == NUMBER:
        return texts.cast(pa.float64())
    zone = "UTC" if _length(chunk) in INSTANTS else None
    return texts.cast(pa.timestamp("us", zone)).cast(pa.timestamp("us"))


def _meant(values: pa.Array, kind: str) -> bool:
    """Say whether all values are within what a CRM can mean."""
    if kind == NUMBER:
        return bool(pc.all(pc.is_finite(values), min_count=0).as_py())
    span = pc.min_max(values)
    first, last = span["min"].value, span["max"].value
    return first is None or BEGIN <= first <= last < END


def _plain(cells: pa.ChunkedArray) -> bool:
    """Say whether no number may have its thousands set off by a point, as in 1.234."""
    for begin, end, data in map(_filled, cells.chunks):
        long = end[end - begin > 3]
        if (data[long - 4] == POINT).any():
            return False
    return True


def _instants(cells: pa.ChunkedArray, zone: str) -> bool:
    """Say whether all times are dates, or all instants in UTC."""
    lengths = {_length(chunk) for chunk in cells.chunks} - {None}
    if lengths <= {DATE} or (zone == "UTC" and lengths <= set(LOCAL)):
        return True
    return lengths <= set(INSTANTS) and all(
        (data[end - 1] == ZULU).all() for _, end, data in map(_filled, cells.chunks)
    )


def _length(chunk: pa.Array) -> int | None:
    """Find how long all filled cells are; 0 where they differ, None where there are none."""
    begin, end, _ = _filled(chunk)
    if not len(begin):
        return None
    length = end - begin
    return int(length[0]) if (length == length[0]).all() else 0


def _filled(chunk: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8]]:
    """Find where the cells begin and end that are not empty, and the bytes of all."""
    chunk = _listed(chunk)
    _, offsets, data = chunk.buffers()
    if data is None or not len(chunk):
        none = np.zeros(0, dtype=np.int32)
        return none, none, np.zeros(0, dtype=np.uint8)
    at = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    filled = at[1:] > at[:-1]
    octets = np.frombuffer(data, dtype=np.uint8)
    if filled.all():
        return at[:-1], at[1:], octets
    return at[:-1][filled], at[1:][filled], octets


def _listed(chunk: pa.Array) -> pa.Array:
    """Give the texts of a chunk, of repeated ones each once."""
    return chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk


def _among(octets: Iterable[int]) -> NDArray[np.bool_]:
    """Mark these of all bytes."""
    marked = np.zeros(256, dtype=bool)
    marked[list(octets)] = True
    return marked
