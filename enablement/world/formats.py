"""Text made fast: ids, dates and times as fixed-width bytes, ten million at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

DIGITS = np.frombuffer(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8
)
CHECK = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
PREFIX = {
    "Opportunity": "006",
    "User": "005",
    "Account": "001",
    "OpportunityHistory": "008",
    "OpportunityFieldHistory": "017",
}
DAY = 86_400


def text(codes: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Rows of bytes (uint8, rows × width) as text; masked rows are missing."""
    rows, width = codes.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    data = pa.py_buffer(np.ascontiguousarray(codes))
    made = pa.Array.from_buffers(pa.large_string(), rows, [None, pa.py_buffer(offsets), data])
    if missing is None or not missing.any():
        return made
    return pc.if_else(pa.array(~missing), made, None)


def column(made: pa.Array) -> pd.Series:
    """An Arrow text as a pandas column."""
    return pd.Series(pd.array(made, dtype="str"))


def labels(names: tuple[str, ...] | list[str], position: np.ndarray) -> pd.Series:
    """Names by position; negative positions and empty names are missing."""
    known = pa.array([name or None for name in names], pa.large_string())
    place = pa.array(position, mask=np.asarray(position) < 0)
    return column(known.take(place))


def named(names: np.ndarray, position: np.ndarray) -> pd.Series:
    """Many different names by position."""
    return column(pa.array(names).cast(pa.large_string()).take(pa.array(position)))


def id_codes(kind: str, position: np.ndarray) -> np.ndarray:
    """Ids as bytes: prefix, instance, running number, three characters that hold the case."""
    number = np.asarray(position, dtype=np.int64) * 37 + 916_132_832
    made = np.empty((len(number), 18), dtype=np.uint8)
    made[:, :3] = np.frombuffer(PREFIX[kind].encode(), dtype=np.uint8)
    made[:, 3:7] = np.frombuffer(b"Qy00", dtype=np.uint8)
    for place in range(14, 6, -1):
        number, rest = np.divmod(number, 62)
        made[:, place] = DIGITS[rest]
    upper = (made[:, :15] >= ord("A")) & (made[:, :15] <= ord("Z"))
    for part in range(3):
        bits = upper[:, 5 * part : 5 * part + 5] * (1 << np.arange(5, dtype=np.uint8))
        made[:, 15 + part] = CHECK[bits.sum(axis=1)]
    return made


def ids(kind: str, position: np.ndarray) -> pd.Series:
    """Ids of 18 characters; the same position gives the same id, a negative one is missing.

    Parameters
    ----------
    kind : object, a key of `PREFIX`
    position : 0, 1, …
    """
    position = np.asarray(position)
    low, high = int(position.min(initial=0)), int(position.max(initial=0))
    if high - max(low, 0) < len(position) // 2:
        every = text(id_codes(kind, np.arange(max(low, 0), high + 1)))
        return column(every.take(pa.array(position - max(low, 0), mask=position < 0)))
    return column(text(id_codes(kind, position), position < 0))


def numbered(prefix: str, position: np.ndarray, width: int = 6) -> pd.Series:
    """Plain numbers with a prefix, such as `T000123`."""
    made = np.empty((len(position), len(prefix) + width), dtype=np.uint8)
    made[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    number = np.asarray(position, dtype=np.int64)
    for place in range(len(prefix) + width - 1, len(prefix) - 1, -1):
        number, rest = np.divmod(number, 10)
        made[:, place] = DIGITS[rest]
    return column(text(made))


def numbers(values: pd.Series) -> pd.Series:
    """Numbers with as many places as they need, at most four; whole ones without a point."""
    known = values.to_numpy(dtype=float, na_value=np.nan)
    if np.array_equal(known, np.round(known), equal_nan=True):
        return pd.Series(pd.array(values.round(), dtype="Int64"))
    return pd.Series(np.round(known, 4))


def _day_codes(days: np.ndarray) -> tuple[np.ndarray, int]:
    """Dates as bytes for every day from the first to the last, and the first."""
    low, high = int(days.min(initial=0)), int(days.max(initial=0))
    every = np.arange(low, high + 1).astype("datetime64[D]").astype("S10")
    return np.frombuffer(every.tobytes(), dtype=np.uint8).reshape(-1, 10), low


def _clock_codes() -> np.ndarray:
    """Times of the day as bytes, one row per second."""
    second = np.arange(DAY)
    made = np.empty((DAY, 10), dtype=np.uint8)
    made[:] = np.frombuffer(b"T00:00:00Z", dtype=np.uint8)
    for place, part in ((1, second // 3600), (4, second // 60 % 60), (7, second % 60)):
        made[:, place], made[:, place + 1] = DIGITS[part // 10], DIGITS[part % 10]
    return made


def dates(times: pd.Series) -> pd.Series:
    """Days such as `2026-09-30`."""
    missing = times.isna().to_numpy()
    days = times.to_numpy().astype("datetime64[D]").astype(np.int64)
    days = np.where(missing, 0, days)
    codes, low = _day_codes(days)
    return column(text(codes[days - low], missing))


def stamps(times: pd.Series) -> pd.Series:
    """Times such as `2026-09-30T09:12:00Z`."""
    missing = times.isna().to_numpy()
    seconds = times.to_numpy().astype("datetime64[s]").astype(np.int64)
    day, second = np.divmod(np.where(missing, 0, seconds), DAY)
    codes, low = _day_codes(day)
    made = np.empty((len(day), 20), dtype=np.uint8)
    made[:, :10] = codes[day - low]
    made[:, 10:] = _clock_codes()[second]
    return column(text(made, missing))
