"""Files in random dialects, written to find one that loses a row or ends in a traceback.

    python benchmarks/fuzz.py --files 20000 --seed 1

Each file has a delimiter, quoting, encoding, line ends, blank lines, broken rows, titles before
the header and a footer behind it, by chance; it may be packed, a workbook, or damaged. Some are
long, with columns whose texts repeat, which are held once, and are read in small blocks. What the
package reads is held against Python's own csv module: every record behind the header is either a
row or set aside, once, under its own line, and the rows' texts are the record's, in the database
as well.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import gzip
import io
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa

from enablement.errors import EnablementError
from enablement.read import csvs, exports, tables, values
from enablement.read.cells import look, spaced, typed
from enablement.read.store import Store

NAMES = [
    "Opportunity Name", "Stage", "Amount", "Close Date", "Händler", "Owner ", " Type",
    "Next\u00a0Step", "Notes\n(last)", 'Date entered "Won (Sales)"', "Größe", "Año", "=Formula",
]  # fmt: skip
WORDS = [
    "Won", "Lost", "", "", "5", "1,234.50", "1.234,50", "2026-03-31", "31.3.26", "N/A", "-",
    "Müller & Söhne", "Café", "naïve", " x ", "a b", "=1+1", "@home", "TRUE", "007", "Total",
    "50 %", "$5", "É", "x\u00a0y", "5\" pipe",
]  # fmt: skip
WIDE_WORDS = ["日本", "😀", "Łódź", "שלום", "\u2028", "e\u0301", "\u200b"]
ROUGH_WORDS = ["a\nb", "a\r\nb", "a\rb", '"', '""', "a,b", "a;b", "a\tb", "a|b", "\n", ",", "'"]
TITLES = ["Open pipeline", "As of 2026-09-30", "Filtered By", "Show: All opportunities"]
FOOTER = [
    "", "Grand Totals ({rows} records)", "", "Confidential Information - Do Not Distribute",
    "Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved.", "A Company",
]  # fmt: skip
LONG = 0.12  # share of the texts that have 200 to 2,000 records
LONG_WORDS = [  # of their columns: few texts, many, all different, first few and then different
    lambda at, chance: chance.choice(["Won", "Lost", ""]),
    lambda at, chance: chance.choice([" Won", "Lost ", "Lost", "\u00a0"]),
    lambda at, chance: chance.choice(WORDS),
    lambda at, chance: chance.choice(WORDS + WIDE_WORDS + ROUGH_WORDS),
    lambda at, chance: f"006{at:06d}",
    lambda at, chance: chance.choice(["Müller", "Łódź"]) if at < 400 else f"Müller {at}",
    lambda at, chance: "",
]  # fmt: skip
BLOCKS = [2**12, 2**14, 2**22]  # bytes read at once
ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


@dataclasses.dataclass
class Made:
    """One invented file.

    name, raw : of the file
    kind : what it is, for the counts
    sound : whether it must be read, not only refused in one line
    parts : per table what must be found: line of each record -> its texts, and the header's width
    block : bytes that are read at once
    """

    name: str
    raw: bytes
    kind: str
    sound: bool
    parts: list[dict[int, list[str]]]
    wide: list[int]
    block: int = BLOCKS[-1]


def made(chance: random.Random) -> Made:
    """Invent a file, and say how much of it is read at once."""
    return dataclasses.replace(invented(chance), block=chance.choice(BLOCKS))


def invented(chance: random.Random) -> Made:
    """Invent a file."""
    way = chance.choices(["text", "gzip", "zip", "workbook", "damaged"], [60, 8, 8, 14, 10])[0]
    if way == "workbook":
        raw, records, wide = workbook(chance)
        name = chance.choice(["deals.xlsx", "deals.csv", "deals.xls"])
        return Made(name, raw, way, True, [records], [wide])
    if way == "zip":
        return zipped(chance)
    raw, records, wide, kind, sound = text(chance)
    if way == "gzip":
        name = chance.choice(["deals.csv.gz", "deals.gz"])
        return Made(name, gzip.compress(raw), f"gzip, {kind}", sound, [records], [wide])
    if way == "damaged":
        return Made("deals.csv", damaged(chance, raw), way, False, [], [])
    return Made("deals.csv", raw, kind, sound, [records], [wide])


def text(chance: random.Random) -> tuple[bytes, dict[int, list[str]], int, str, bool]:
    """Invent a delimited text, and count its records."""
    encoding = chance.choice(ENCODINGS)
    delimiter = chance.choice(",,;\t|")
    end = chance.choice(["\n", "\n", "\r\n", "\r"])
    wide = chance.randint(1, 8)
    delimiter = delimiter if wide > 1 else ","  # none can be told from one column
    names = chance.sample(NAMES, wide)
    style = {
        "delimiter": delimiter,
        "lineterminator": end,
        # The csv module quotes no line feed where rows end otherwise.
        "quoting": csv.QUOTE_ALL
        if end == "\r"
        else chance.choice([csv.QUOTE_MINIMAL] * 2 + [csv.QUOTE_ALL]),
    }
    before = front(chance, wide, delimiter, end)
    long = chance.random() < LONG
    behind = (long_body if long else body)(chance, wide, style, end)
    whole = before + written([names], style) + behind
    sound = True
    if chance.random() < 0.05:
        whole, sound = whole + f'x{delimiter}"never closed{end}more{end}', False
    if chance.random() < 0.1:
        whole = whole.rstrip("\r\n")
    if chance.random() < 0.03 and encoding == "utf-8":
        whole = whole.replace("5", "\0005")
    if encoding in ("cp1252", "utf-16-le", "utf-16-be"):
        whole = whole.encode("cp1252", "replace").decode("cp1252")
        sound &= not encoding.startswith("utf-16") or whole.count("\0") == 0
    raw = whole.encode(encoding)
    records = counted(whole.replace("\0", ""), delimiter, before)
    kind = "long text" if long else "text"
    return raw, records, wide, f"{kind}, {encoding}", sound


def front(chance: random.Random, wide: int, delimiter: str, end: str) -> str:
    """Lines before the header: Excel's note of the delimiter, a report's title and filters."""
    said = ""
    if chance.random() < 0.1:
        said += f"sep={delimiter}{end}"
    if wide >= 3 and chance.random() < 0.2:
        titles = chance.sample(TITLES, chance.randint(1, 3))
        pad = delimiter * (wide - 1) if chance.random() < 0.5 else ""
        said += "".join(f"{title}{pad}{end}" for title in titles) + end * chance.randint(0, 2)
    return said


def body(chance: random.Random, wide: int, style: dict, end: str) -> str:
    """Rows, some of them broken, blank lines among them, perhaps a footer."""
    rows = chance.choice([0, 1, 2, 5, 20, 60])
    words = WORDS + chance.choice([[], [], WIDE_WORDS, ROUGH_WORDS, WIDE_WORDS + ROUGH_WORDS])
    rate = chance.choice([0, 0, 0.05, 0.5])
    said = ""
    for _ in range(rows):
        fields = [chance.choice(words) for _ in range(wide)]
        if chance.random() < rate:
            # One column of which every second row has two is a title above a table of two.
            fields = fields[: chance.randint(0, wide)]
            fields += ["more"] * chance.randint(0, 2 if wide > 1 else 0)
        if chance.random() < rate:
            said += chance.choice(
                [end, end + end, " " + end, style["delimiter"] * (wide - 1) + end]
            )
        said += written([fields], style) if fields else end
    if chance.random() < 0.2:
        pad = style["delimiter"] * (wide - 1) if chance.random() < 0.3 else ""
        said += "".join(
            (f'"{line.format(rows=rows)}"{pad}' if line else "") + end for line in FOOTER
        )
    return said


def long_body(chance: random.Random, wide: int, style: dict, end: str) -> str:
    """Many rows, column by column of one kind; a few are broken, or blank."""
    kinds = chance.choices(LONG_WORDS, k=wide)
    rate = chance.choice([0, 0, 0.005, 0.1])
    said = []
    for at in range(chance.randint(200, 2000)):
        fields = [kind(at, chance) for kind in kinds]
        if chance.random() < rate:
            fields = fields[: chance.randint(1, wide)] + ["more"] * chance.randint(0, wide > 1)
        if chance.random() < rate:
            said.append(end)
        said.append(written([fields], style))
    return "".join(said)


def written(rows: list[list[str]], style: dict) -> str:
    """Write rows with the csv module."""
    held = io.StringIO(newline="")
    csv.writer(held, **style).writerows(rows)
    return held.getvalue()


def counted(whole: str, delimiter: str, before: str) -> dict[int, list[str]]:
    """Count the records behind the header with the csv module: first line -> texts."""
    lines = list(io.StringIO(whole, newline=""))
    skip = len(list(io.StringIO(before, newline="")))
    reader = csv.reader(lines[skip:], delimiter=delimiter)
    next(reader)
    records, last = {}, reader.line_num
    for fields in reader:
        if fields:
            records[skip + last + 1] = fields
        last = reader.line_num
    return records


def zipped(chance: random.Random) -> Made:
    """Invent an archive of several texts, and of what is passed over."""
    held, parts, wides, sound = io.BytesIO(), [], [], True
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(chance.randint(1, 3)):
            raw, records, wide, _, fine = text(chance)
            archive.writestr(f"{chance.choice(['', 'in/', '../'])}deals{n}.csv", raw)
            parts.append(records)
            wides.append(wide)
            sound &= fine
        if chance.random() < 0.5:
            archive.writestr("notes.pdf", b"%PDF-1.4 no table")
            archive.writestr("more.zip", b"PK\x05\x06" + bytes(18))
    return Made("all.zip", held.getvalue(), "zip", sound, parts if sound else [], wides)


def workbook(chance: random.Random) -> tuple[bytes, dict[int, list[str]], int]:
    """Invent a workbook with one table, and count its rows."""
    import xlsxwriter

    held, wide = io.BytesIO(), chance.randint(2, 8)
    book = xlsxwriter.Workbook(held, {"in_memory": True, "strings_to_formulas": False})
    if chance.random() < 0.3:
        book.add_worksheet("Cover").write_string(1, 1, "A report")
    sheet = book.add_worksheet("Deals")
    at, left, records = 0, chance.randint(0, 2), {}
    if wide >= 3 and chance.random() < 0.3:
        sheet.write_string(0, left, "Open pipeline")
        at = chance.randint(1, 4)
    for column, name in enumerate(chance.sample(NAMES, wide)):
        sheet.write_string(at, left + column, name)
    for _ in range(chance.choice([0, 1, 5, 30])):
        at += 1 if chance.random() < 0.95 else 2
        cells = [
            chance.choice([chance.choice(WORDS), 5.0, 0.1, True, 1e15, ""]) for _ in range(wide)
        ]
        texts = []
        for column, cell in enumerate(cells):
            texts.append(as_text(cell))
            if cell != "":
                sheet.write(at, left + column, cell)
        if any(texts):
            records[at + 1] = texts
    book.close()
    return held.getvalue(), records, wide


def as_text(cell: object) -> str:
    """What a cell should be read as."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    return {5.0: "5", 0.1: "0.1", 1e15: "1000000000000000"}.get(cell, cell)  # type: ignore[call-overload]


def damaged(chance: random.Random, raw: bytes) -> bytes:
    """Spoil a file: cut it, change bytes, pack it and then do so, or start it like another kind."""
    packed = chance.choice([raw, raw, gzip.compress(raw), archived(raw), workbook(chance)[0]])
    data = bytearray(packed)
    for _ in range(chance.choice([0, 1, 5, 50])):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.5:
        data = data[: chance.randint(0, len(data))]
    starts = [b"%PDF", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PAR1", b"\x1f\x8b", b"PK\x03\x04"]
    return bytes(data) if chance.random() < 0.8 else chance.choice(starts) + bytes(data)


def archived(raw: bytes) -> bytes:
    """Pack a text into a zip archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deals.csv", raw)
    return held.getvalue()


def tried(one: Made, folder: Path) -> str:
    """Read a file, hold it against what was counted, and say what came of it.

    Raises
    ------
    AssertionError
        If a record is lost, doubled, changed or on a wrong line, or a sound file is refused.
    """
    path = folder / one.name
    path.write_bytes(one.raw)
    refusal = ""
    csvs.BLOCKS = (one.block, *csvs.BLOCKS[1:])
    try:
        found = exports.read(path)
    except EnablementError as error:
        refusal = str(error)
    assert "\n" not in refusal, refusal
    assert not (refusal and one.sound), refusal
    if refusal:
        path.unlink()
        return "refused"
    try:
        for export, records in zip(found, one.parts, strict=bool(one.parts)):
            compared(export, records)
    finally:
        path.unlink()
    return "read"


def compared(export: exports.Export, records: dict[int, list[str]]) -> None:
    """Hold one table against the records that were counted."""
    rows = export.rows.num_rows
    assert rows + len(export.aside) == len(records), (rows, len(export.aside), len(records))
    lines = export.lines(set(range(rows)))
    assert sorted([*lines.values(), *export.aside["line"]]) == sorted(records)
    columns = [column.to_pylist() for column in export.rows.columns]
    for row, line in lines.items():
        assert [column[row] for column in columns] == records[line], (row, line)
    if rows >= csvs.SAMPLE:
        stored(export, columns)


def stored(export: exports.Export, columns: list[list[str]]) -> None:
    """Hold what the database sees: the texts, those without blanks, and values read at once."""
    cells = [f"c{at}" for at in range(len(columns))]
    looks = [look(column, ()) for column in export.rows.columns]
    trimmed = [tables._trimmed(cell, seen) for cell, seen in zip(cells, looks, strict=True)]
    with Store() as store:
        store.show("raw", tables.shown(export))
        found = store.query(f"select {', '.join(cells)} from raw order by row")
        bare = store.query(f"select {', '.join(trimmed)} from raw order by row")
        for at, cell in enumerate(cells):
            read_alike(store, cell, export.rows.column(at))
        store.forget("raw")
    for at, column in enumerate(columns):
        assert found.iloc[:, at].tolist() == column, at
        assert bare.iloc[:, at].tolist() == [text.strip(tables.SPACE) for text in column], at


def read_alike(store: Store, cell: str, texts: pa.ChunkedArray) -> None:
    """Hold the values of a column that is read in one pass against its texts, one by one."""
    for kind in (values.NUMBER, values.TIME):
        found = None if spaced(texts) else typed(texts, kind, "UTC")
        if found is None:
            continue
        store.show("found", pa.table({"v": found}).append_column("row", [range(len(found))]))
        quick = values.quick(f"nullif({cell}, '')", kind, "UTC")
        differ = store.one(
            f"select count(*) as n from raw join found using (row) where v is distinct from {quick}"
        )["n"]
        store.forget("found")
        assert not differ, (cell, kind, differ)


def main() -> None:
    """Read the command line, and try so many files."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--files", type=int, default=20_000)
    ask.add_argument("--seed", type=int, default=1)
    said = ask.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    failed, records, begun = 0, 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(said.files):
            one = made(random.Random(f"{said.seed} {number}"))
            records += sum(map(len, one.parts))
            try:
                counts[one.kind, tried(one, Path(folder))] += 1
            except Exception:
                failed += 1
                counts[one.kind, "FAILED"] += 1
                if failed <= 5:
                    print(f"file {number} ({one.kind}, {one.name})", file=sys.stderr)
                    traceback.print_exc()
    print(f"{said.files:,} files, {records:,} records, {failed} failed, "
          f"{time.perf_counter() - begun:.0f} s")  # fmt: skip
    print("| kind | outcome | files |\n|---|---|---|")
    for (kind, outcome), count in sorted(counts.items()):
        print(f"| {kind} | {outcome} | {count:,} |")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
