"""Delimited texts: which delimiter, where the header is, and every record behind it."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from enablement.errors import ExportError
from enablement.read import encodings, headers
from enablement.read.contents import Content
from enablement.read.encodings import Text
from enablement.read.limits import (
    LONGEST_FIELD,
    LONGEST_HEADER,
    MOST_BROKEN,
    MOST_LINES_BEFORE,
)
from enablement.read.records import Broken, Records, settle

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
HEADS = (2**16, 2**20, LONGEST_HEADER)
BLOCKS = (2**22, LONGEST_FIELD)
NAMED_DELIMITER = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
SAMPLE, REPEATS = 200, 0.6  # records to judge a column by, and the share of texts that differ
REPEATED = pa.dictionary(pa.int32(), pa.string())
_T = TypeVar("_T")
END = "\x00end"  # no text has a zero byte here: they are left out when it is read


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a delimited text is laid out.

    delimiter : between fields
    names : of the columns
    before : the lines before the header that say something, such as a report's title
    skip : bytes of UTF-8 up to the end of the header
    line : the first line behind it
    regular : share of the first records that have as many fields as the header
    """

    delimiter: str
    names: list[str]
    before: list[str]
    skip: int
    line: int
    regular: float


@dataclasses.dataclass(frozen=True)
class _Record:
    fields: list[str]
    lines: int  # read up to its end


@dataclasses.dataclass(frozen=True)
class _Parsed:
    rows: pa.Table
    broken: list[str]
    zeros: int  # NUL bytes left out
    cut: int  # bytes of a last letter that is not whole
    last: bytes  # the last byte of the text


def read(content: Content) -> Records:
    """Read a delimited text, every field as the text that stands in it.

    Raises
    ------
    ExportError
        If it is empty, in no known encoding, or opens a quotation mark for good.
    """
    return in_its_encoding(content, _read)


def layout(content: Content) -> Layout:
    """Find delimiter and header of a text without reading all of it."""
    return in_its_encoding(content, _layout)


def in_its_encoding(content: Content, task: Callable[[Text], _T]) -> _T:
    """Do something with a text, in the next encoding where the first guess is wrong."""
    text = encodings.guess(content)
    while True:
        try:
            return task(text)
        except encodings.NotThisEncodingError:
            text = encodings.other(text)


def _read(text: Text) -> Records:
    plan = _layout(text)
    parsed = _parsed(text, plan)
    _check_quotes(text, plan, parsed)
    places = Places(text, plan, parsed.rows.num_rows, parsed.broken)
    notes = []
    if plan.before:
        notes.append(
            (f"lines before the header, such as {plan.before[0][:60]!r}", len(plan.before))
        )
    if parsed.zeros:
        notes.append(("NUL bytes left out", parsed.zeros))
    if parsed.cut:
        notes.append(("the file ends within a letter: it was probably cut off", 1))
    kinds = [text.content.packed, "CSV", DELIMITERS[plan.delimiter], text.read_as]
    return settle(
        parsed.rows,
        places.broken,
        places.lines,
        part=text.content.part,
        read_as=", ".join(filter(None, kinds)),
        notes=notes,
    )


def _layout(text: Text) -> Layout:
    csv.field_size_limit(LONGEST_FIELD)
    for size in HEADS:
        head, whole = text.head(size)
        lines = list(io.StringIO(head, newline=""))
        found = _best(lines, text.content.name, whole=whole)
        if found or whole:
            break
    else:
        raise ExportError(
            f"{text.content.name}, line 1: the header does not end within {LONGEST_HEADER:,} "
            "bytes. A quotation mark may not be closed, or this is no table."
        )
    if not found:
        raise ExportError(
            f"{text.content.name}, line 1: the file is empty, or its first line is. Export again."
        )
    return found


def _best(lines: list[str], name: str, *, whole: bool) -> Layout | None:
    """Lay the text out by each delimiter, and take what gives the widest regular table."""
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return None
    named = NAMED_DELIMITER.fullmatch(lines[first])
    if named and named[1] in DELIMITERS:
        return _laid_out(lines, named[1], name, whole=whole, begin=first + 1)
    found, refused = [], []
    for mark in DELIMITERS:
        try:
            found.append(_laid_out(lines, mark, name, whole=whole))
        except ExportError as error:  # a long header is one long name by another delimiter
            refused.append(error)
    best = max(filter(None, found), key=_worth, default=None)
    if refused and (best is None or len(best.names) < 2):
        raise refused[0]
    return best


def _worth(plan: Layout) -> float:
    """How good a table a delimiter makes; one that must pass over lines first is doubted."""
    return (len(plan.names) - 1) * (1 + plan.regular) * (0.5 if plan.before else 1)


def _laid_out(
    lines: list[str], delimiter: str, name: str, *, whole: bool, begin: int = 0
) -> Layout | None:
    records = _first_records(lines[begin:], delimiter, whole=whole)
    if not records:
        return None
    at = headers.place([record.fields for record in records])
    header = records[at]
    start = records[at - 1].lines if at else 0
    end = begin + header.lines
    if len(max(header.fields, key=len)) > 10_000 or header.lines - start > 200:
        raise ExportError(
            f"{name}, line {begin + start + 1}: a quotation mark is opened in the header and never "
            "closed."
        )
    wide = len(header.fields)
    behind = [len(record.fields) == wide for record in records[at + 1 :]]
    return Layout(
        delimiter,
        headers.names(header.fields, name),
        [text for record in records[:at] if (text := " ".join(filter(str.strip, record.fields)))],
        len("".join(lines[:end]).encode()),
        end + 1,
        sum(behind) / len(behind) if behind else 0.0,
    )


def _first_records(lines: list[str], delimiter: str, *, whole: bool) -> list[_Record]:
    """Split the first records that are not blank; the last one only where it is whole."""
    reader = csv.reader(lines, delimiter=delimiter)
    given = (_Record(fields, reader.line_num) for fields in reader)
    said = (record for record in given if any(map(str.strip, record.fields)))
    records = list(islice(said, MOST_LINES_BEFORE))
    if records and records[-1].lines >= len(lines) and not whole:
        records.pop()
    return records


def _parsed(text: Text, plan: Layout) -> _Parsed:
    """Split all records behind the header.

    Raises
    ------
    ExportError
        If a field is longer than the limit, as behind a quotation mark that is never closed.
    """
    for size in BLOCKS:
        try:
            return _quickest(text, plan, size)
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                none = pa.array([], pa.string())
                return _Parsed(pa.table(dict.fromkeys(plan.names, none)), [], 0, 0, b"")
            if "Expected" in str(error):
                raise ExportError(
                    f"{text.content.name}: more than {MOST_BROKEN:,} rows have not as many fields "
                    f"as the header, which has {len(plan.names)}. It may be another line, or this "
                    "is no table."
                ) from error
            if "straddling" not in str(error):
                raise ExportError(f"{text.content.name} cannot be read as CSV: {error}") from error
    raise ExportError(
        f"{text.content.name}, line {_last_begun(text, plan)}: a row does not end within "
        f"{LONGEST_FIELD:,} bytes. A quotation mark may not be closed, or this is no table."
    )


def _quickest(text: Text, plan: Layout, block_size: int) -> _Parsed:
    """Split as if each line were a record, in half the time, until a quotation mark comes."""
    if '"' not in text.head(HEADS[0])[0]:
        try:
            return _attempt(text, plan, block_size, breaks=False)
        except encodings.QuotedError:
            pass
    return _attempt(text, plan, block_size, breaks=True)


def _attempt(text: Text, plan: Layout, block_size: int, *, breaks: bool) -> _Parsed:
    """Split all records; `breaks` says whether a field may hold a line break."""
    broken: list[str] = []

    def put_aside(row: arrow_csv.InvalidRow) -> str:
        broken.append(row.text)
        return "skip" if len(broken) <= MOST_BROKEN else "error"

    types = dict.fromkeys(plan.names, pa.string()) | dict.fromkeys(_repeated(text, plan), REPEATED)
    with text.stream(plan.skip) as stream:
        stream.plain = not breaks
        rows = arrow_csv.read_csv(
            stream,
            read_options=arrow_csv.ReadOptions(column_names=plan.names, block_size=block_size),
            parse_options=arrow_csv.ParseOptions(
                delimiter=plan.delimiter, newlines_in_values=breaks, invalid_row_handler=put_aside
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=types, strings_can_be_null=False),
        )
        return _Parsed(rows, broken, stream.zeros, stream.cut, stream.last)


def _repeated(text: Text, plan: Layout) -> list[str]:
    """List the columns whose texts mostly stand again, judged by the first records.

    Each text of theirs is then held, and later read, once in a block; a column that is
    misjudged costs a little time and nothing else.
    """
    lines = io.StringIO(text.head(HEADS[0])[0], newline="")
    deque(islice(lines, plan.line - 1), maxlen=0)
    wide = len(plan.names)
    first = [row for row in csv.reader(lines, delimiter=plan.delimiter) if len(row) == wide]
    if len(first) < SAMPLE:
        return []
    different = (len(set(column)) for column in zip(*first, strict=True))
    return [
        name
        for name, many in zip(plan.names, different, strict=True)
        if many <= REPEATS * len(first)
    ]


class Places:
    """Where the records of a text stand; it is looked through only when somebody asks.

    A record is a line where no field holds a line break, which counting the lines shows.
    """

    def __init__(self, text: Text, plan: Layout, rows: int, broken: list[str]) -> None:
        self._text, self._plan, self._rows, self._texts = text, plan, rows, broken
        self._total = 0  # lines behind the header, known once they were gone through

    @functools.cached_property
    def broken(self) -> list[Broken]:
        """The broken records in the order of the file."""
        if not self._texts:
            return []
        if self._skipped is None:
            wide = len(self._plan.names)
            return [one for one in self._walk() if len(one.fields) != wide]
        return [
            Broken(self._plan.line + at, line, self._split(line)) for at, line in self._odd if line
        ]

    def lines(self, wanted: set[int]) -> dict[int, int]:
        """Find the line in the file of some rows (the first row is 0)."""
        if not wanted:
            return {}
        if self._skipped is not None:
            rows = np.array(sorted(wanted))
            before = np.searchsorted(
                self._skipped - np.arange(len(self._skipped)), rows, side="right"
            )
            found = rows + before + self._plan.line
            return dict(zip(rows.tolist(), found.tolist(), strict=True))
        wide = len(self._plan.names)
        fitting = (one for one in self._walk() if len(one.fields) == wide)
        last = max(wanted)
        return {at: one.line for at, one in enumerate(islice(fitting, last + 1)) if at in wanted}

    @functools.cached_property
    def _skipped(self) -> np.ndarray | None:
        """The lines behind the header that are no rows; None where a record spans lines."""
        if not self._texts and _count_lines(self._text, self._plan.skip) == self._rows:
            return np.array([], dtype=np.int64)
        found = np.array([at for at, _ in self._odd], dtype=np.int64)
        return found if self._total == self._rows + len(found) else None

    @functools.cached_property
    def _odd(self) -> list[tuple[int, str]]:
        """The lines behind the header that are blank or hold a broken record, if one line each."""
        wanted = {b"": "", **{text.encode(): text for text in self._texts}}
        lengths = {len(text) + end for text in wanted for end in (0, 1, 2)}
        found, at = [], -1
        with self._text.stream(self._plan.skip) as stream:
            for at, line in enumerate(_lines(stream)):
                if len(line) in lengths and (bare := line.rstrip(b"\r\n")) in wanted:
                    found.append((at, wanted[bare]))
        self._total = at + 1
        return found

    def _split(self, line: str) -> list[str]:
        return next(csv.reader([line], delimiter=self._plan.delimiter))

    def _walk(self) -> Iterator[Broken]:
        for begin, end, fields in walk(self._text, self._plan):
            yield Broken(begin, self._plan.delimiter.join(fields), fields, end - begin + 1)


def walk(
    text: Text, plan: Layout, more: Iterable[str] = ()
) -> Iterator[tuple[int, int, list[str]]]:
    """Go through the records one by one: first line, last line and fields of each."""
    csv.field_size_limit(LONGEST_FIELD)
    with text.lines(plan.skip) as stream:
        reader = csv.reader(chain(stream, more), delimiter=plan.delimiter)
        before = 0
        for fields in reader:
            if fields:
                yield plan.line + before, plan.line + reader.line_num - 1, fields
            before = reader.line_num


def _lines(stream: encodings.Utf8) -> Iterator[bytes]:
    """Split into lines, whatever ends them; a carriage return alone is rare and costs more."""
    for line in io.BufferedReader(stream, encodings.BLOCK):
        if b"\r" in line and b"\r" in line.removesuffix(b"\r\n"):
            yield from line.splitlines(keepends=True)
        else:
            yield line


def _count_lines(text: Text, skip: int) -> int:
    """Count the lines behind the header, whatever ends them, by counting bytes."""
    count, last = 0, b"\n"
    with text.stream(skip) as stream:
        while block := stream.read(encodings.BLOCK):
            count += block.count(b"\n")
            if b"\r" in block:
                count += block.count(b"\r") - block.count(b"\r\n")
            if last == b"\r" and block.startswith(b"\n"):
                count -= 1
            last = block[-1:]
    return count + (last not in b"\r\n")


def _check_quotes(text: Text, plan: Layout, parsed: _Parsed) -> None:
    """Stop at a quotation mark that is never closed: it would swallow the rows behind it.

    Raises
    ------
    ExportError
        Naming the line where the row begins.
    """
    if not _may_end_open(parsed):
        return
    last = deque(walk(text, plan, [END]), maxlen=1)
    if last and last[0][2] != [END]:
        raise _unclosed(text, last[0][0])


def _may_end_open(parsed: _Parsed) -> bool:
    """Say whether the last record may run to the end of the file within quotes."""
    if any("\n" in one or "\r" in one for one in parsed.broken):
        return True
    if not parsed.rows.num_rows:
        return False
    last = parsed.rows.column(parsed.rows.num_columns - 1)[-1].as_py()
    breaks = "\n" in last or "\r" in last
    return breaks and (last.endswith(("\n", "\r")) or parsed.last not in b'\r\n"')


def _last_begun(text: Text, plan: Layout) -> int:
    """Find where the record begins that is too long to be read."""
    line = plan.line
    with text.lines(plan.skip) as stream:
        reader = csv.reader(_bounded(stream), delimiter=plan.delimiter)
        try:
            for _ in reader:
                line = plan.line + reader.line_num
        except csv.Error:
            pass
    return line


def _bounded(stream: io.TextIOWrapper) -> Iterator[str]:
    """Give the lines up to the first that is too long to be held."""
    while line := stream.readline(LONGEST_FIELD):
        if len(line) >= LONGEST_FIELD:
            raise csv.Error
        yield line


def _unclosed(text: Text, line: int) -> ExportError:
    return ExportError(
        f"{text.content.name}, line {line}: a quotation mark is opened and never closed. Close it, "
        "or double it if it belongs to the text."
    )
