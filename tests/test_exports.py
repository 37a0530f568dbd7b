"""Files as they are: what a file is, its records, and that none is lost."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import importlib.util
import io
import os
import random
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from enablement.errors import ExportError
from enablement.read import (
    archives,
    contents,
    csvs,
    exports,
    limits,
    parquets,
    sheetsizes,
    workbooks,
)
from enablement.read.footers import is_footer, is_summary
from enablement.read.headers import clean, place

HEADER = "Name,Stage,Amount\n"
ROWS = "Ann,Won,5\nBob,Lost,6\n"
FOOTER = (
    '\n\n"Grand Totals (2 records)"\n\n"Confidential Information - Do Not Distribute"\n'
    '"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."\n'
)


def written(folder: Path, name: str, raw: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return path


def one(folder: Path, raw: str | bytes, name: str = "deals.csv") -> exports.Export:
    """Read a file that holds one table."""
    (export,) = exports.read(written(folder, name, raw))
    return export


def values(export: exports.Export) -> list[list[str]]:
    return [list(row.values()) for row in export.rows.to_pylist()]


def aside(export: exports.Export) -> list[tuple[int, str]]:
    return list(zip(export.aside["line"], export.aside["reason"], strict=True))


def workbook(path: Path, *sheets: tuple[str, list[list[object]]], **options: object) -> Path:
    """Write a workbook of sheets."""
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd", **options})
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    book.close()
    return path


def packed(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name.replace("__", "."), raw)
    return path


# -- delimited texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_delimiter_encoding_and_line_end(tmp_path, encoding, delimiter, end):
    """The same two rows, however they were saved; UTF-16 also without a mark."""
    lines = ["Händler;Stage;Amount", '"Ann; Bee";Won;1 234.50', "Bob;;6"]
    text = end.join(lines).replace("; B", "~").replace(";", delimiter)
    export = one(tmp_path, text.replace("~", "; B").encode(encoding))
    assert export.headers == ["Händler", "Stage", "Amount"]
    assert values(export) == [["Ann; Bee", "Won", "1 234.50"], ["Bob", "", "6"]]
    assert export.lines({0, 1}) == {0: 2, 1: 3}


def test_what_is_no_utf8_is_cp1252_and_says_so(tmp_path):
    """Also where the first such letter comes late: the head of the file is plain."""
    rows = "Ann,Won,5\n" * 20_000
    export = one(tmp_path, (HEADER + rows + "Café,Won,5\n").encode("cp1252"))
    assert export.rows.num_rows == 20_001
    assert values(export)[-1][0] == "Café"
    assert export.read_as == "CSV, commas, cp1252"


def test_excel_names_its_delimiter_in_the_first_line(tmp_path):
    """The header is the second line, also where another sign stands more often."""
    export = one(tmp_path, "sep=;\nName;Amount, net, of all\nAnn;1,5\n")
    assert export.headers == ["Name", "Amount, net, of all"]
    assert export.lines({0}) == {0: 3}


def test_decimal_commas_do_not_make_the_delimiter(tmp_path):
    """Every row has more commas than semicolons; the header decides."""
    assert values(one(tmp_path, "Id;Net;Gross\n1;1,5;2,5\n2;1,0;2,0\n"))[0] == ["1", "1,5", "2,5"]


def test_names_of_columns_lose_what_cannot_be_seen(tmp_path):
    """A hard blank, a line break, blanks around, a mark, a sort arrow; quotes inside stay."""
    text = '"Close\u00a0Date"," Stage ","Notes\n(last)","Date entered ""Won (Sales)"""\n1,2,3,4\n'
    export = one(tmp_path, text)
    assert export.headers == ["Close Date", "Stage", "Notes (last)", 'Date entered "Won (Sales)"']
    assert export.lines({0}) == {0: 3}
    assert clean("\ufeffStage  ↑") == "Stage"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_that_ends_within_a_letter_keeps_its_encoding(tmp_path, encoding):
    """The letters before the end show what it is in; of the last row what is there is read."""
    whole = (HEADER + "Jörg,Won,5\nÄnne,Lost,Mü").encode(encoding)
    export = one(tmp_path, whole[:-1])
    assert values(export) == [["Jörg", "Won", "5"], ["Änne", "Lost", "M\ufffd"]]
    assert export.notes == [("the file ends within a letter: it was probably cut off", 1)]


def test_one_last_letter_of_cp1252_is_no_half_of_another(tmp_path):
    """Without another letter beyond ASCII nothing says that the text is UTF-8."""
    assert values(one(tmp_path, (HEADER + "Ann,Won,é").encode("cp1252"))) == [["Ann", "Won", "é"]]


def test_nul_bytes_are_left_out_and_counted(tmp_path):
    """A file of nothing else is no text."""
    export = one(tmp_path, HEADER + "A\0nn,Won,5\0\n" + ROWS)
    assert values(export)[0] == ["Ann", "Won", "5"]
    assert export.notes == [("NUL bytes left out", 2)]
    with pytest.raises(ExportError, match="neither a text nor a workbook"):
        one(tmp_path, bytes(5_000))


def test_lines_of_rows_behind_breaks_blanks_and_broken_rows(tmp_path):
    """Broken in 3, blank in 4, a row over 5 and 6, empty in 7; rows on 2, 5 and 8."""
    export = one(tmp_path, HEADER + 'a,b,c\nx,y\n\n"a\nb",c,d\n,,\ne,f,g\n')
    assert export.lines({0, 1, 2}) == {0: 2, 1: 5, 2: 8}
    assert aside(export) == [
        (3, "2 fields, where the header has 3"),
        (7, "no field is filled in"),
    ]


def test_lines_without_breaks_are_counted_and_not_walked(tmp_path, monkeypatch):
    """100,000 rows, two of them broken, and blank lines at the end."""
    rows = [f"a{n},b,c" if n % 50_000 else "broken" for n in range(100_000)]
    export = one(tmp_path, HEADER + "\n".join(rows) + "\n\n\n")
    assert aside(export) == [
        (2, "1 field, where the header has 3"),
        (50_002, "1 field, where the header has 3"),
    ]
    monkeypatch.setattr("enablement.read.csvs.walk", None)
    assert export.lines({0, 49_998, 49_999, 99_997}) == {
        0: 3,
        49_998: 50_001,
        49_999: 50_003,
        99_997: 100_001,
    }


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("row", ['c,"d,5\n' + ROWS, 'c,d,"5\n' + ROWS, '"c\n' + ROWS])
def test_a_quotation_mark_that_is_never_closed_stops(tmp_path, row, end):
    """In the first, the middle or the last field: whatever it swallows, the line is named."""
    with pytest.raises(ExportError, match=r"deals.csv, line 4: a quotation mark is opened"):
        one(tmp_path, HEADER + ROWS + row.rstrip("\n") + end)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_break_of_two_in_a_text_stays_whole_wherever_a_block_ends(
    tmp_path, monkeypatch, encoding
):
    """Read in blocks of 40 to 60 bytes, the text keeps its carriage return and its line feed."""
    text = 'Name,Notes\r\nAcme,"two\r\nlines"\r\n' + 'Bolt,"one\r\nmore"\r\n' * 4
    (tmp_path / "deals.csv").write_bytes(text.encode(encoding))
    for size in range(40, 61):
        monkeypatch.setattr(csvs, "BLOCKS", (size, *csvs.BLOCKS[1:]))
        (export,) = exports.read(tmp_path / "deals.csv")
        assert export.rows.column("Notes").to_pylist() == ["two\r\nlines", *["one\r\nmore"] * 4]


def test_a_header_of_many_long_names_is_read(tmp_path):
    """As HubSpot lists all properties: 500 names make a first line of 25,000 letters."""
    names = [
        "Id",
        "Stage",
        *(f"Date entered a stage with a long name, {n:03d}" for n in range(500)),
    ]
    quoted = ",".join(f'"{name}"' for name in names)
    (tmp_path / "deals.csv").write_text(f"{quoted}\n1,Lead{',' * 500}\n")
    (export,) = exports.read(tmp_path / "deals.csv")
    assert export.headers == names


def test_a_row_without_an_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    """The message says where it begins, and blames no quotation mark that is not there."""
    monkeypatch.setattr(csvs, "BLOCKS", (2**12, 2**17))
    monkeypatch.setattr(csvs, "LONGEST_FIELD", 2**17)
    (tmp_path / "deals.csv").write_text("Id,Stage\n1,Lead\n" + "2," * 2**17)
    with pytest.raises(ExportError, match="line 3: a row does not end within 131,072 bytes"):
        exports.read(tmp_path / "deals.csv")


@pytest.mark.parametrize(("rows", "refused"), [(5, False), (6, True)])
def test_a_file_of_nothing_but_broken_rows_is_refused(tmp_path, monkeypatch, rows, refused):
    """Each is held to be told, so at most five are allowed here, and a million elsewhere."""
    monkeypatch.setattr(csvs, "MOST_BROKEN", 5)
    (tmp_path / "deals.csv").write_text("Id,Stage\n1,Lead\n" + "more\n" * rows)
    if refused:
        with pytest.raises(ExportError, match="more than 5 rows have not as many fields as the"):
            exports.read(tmp_path / "deals.csv")
    else:
        assert len(exports.read(tmp_path / "deals.csv")[0].aside) == 5


def test_an_empty_row_with_boxes_that_are_not_ticked_is_no_row(tmp_path):
    """As Google Sheets writes rows below the last one; a ticked box says something."""
    text = "Name,Stage,Demo done\nAcme,Lead,TRUE\n,,FALSE\n,,\n,,TRUE\n"
    (tmp_path / "deals.csv").write_text(text)
    (export,) = exports.read(tmp_path / "deals.csv")
    assert export.rows.num_rows == 2
    assert list(export.aside["line"]) == [3, 4]


def test_a_title_over_rows_that_are_mostly_broken_is_no_header(tmp_path):
    """Rows of two fields under a title of one: the three names below it are the header."""
    text = "Open pipeline\nName,Stage,Amount\nAcme,\nmore\nBolt,Won,5\n,more\nCasa,Lost,6\n"
    (tmp_path / "deals.csv").write_text(text)
    (export,) = exports.read(tmp_path / "deals.csv")
    assert export.headers == ["Name", "Stage", "Amount"]
    assert export.rows.num_rows == 2
    assert list(export.aside["line"]) == [3, 4, 6]


def test_a_quotation_mark_inside_a_text_is_none_to_close(tmp_path):
    """`5" pipe` and a last field with a break that is closed."""
    export = one(tmp_path, HEADER + '5" pipe,Won,5\na,b,"c\n"')
    assert values(export) == [['5" pipe', "Won", "5"], ["a", "b", "c\n"]]


def test_a_repeated_header_is_no_row(tmp_path):
    """As where two files were joined."""
    export = one(tmp_path, HEADER + ROWS + HEADER + ROWS)
    assert export.rows.num_rows == 4
    assert aside(export) == [(4, "the header again")]


def test_too_many_columns_are_refused(tmp_path):
    """With how many there are, 4,001, and before any of the rows is read."""
    wide = [f"c{n}" for n in range(4_001)]
    said = "has 4,001 columns; at most 4,000"
    with pytest.raises(ExportError, match=said):
        one(tmp_path, ",".join(wide) + '\n"never closed')
    assert one(tmp_path, ",".join(wide[1:]) + "\n").rows.num_columns == 4_000
    pq.write_table(pa.table({name: ["x"] for name in wide}), tmp_path / "deals.parquet")
    with pytest.raises(ExportError, match=said):
        exports.read(tmp_path / "deals.parquet")
    with pytest.raises(ExportError, match=said):
        exports.read(workbook(tmp_path / "deals.xlsx", ("Deals", [wide])))


@pytest.mark.parametrize("name", ["deals.xlsx", "deals.parquet"])
def test_the_width_is_told_before_the_rows_are_read(tmp_path, monkeypatch, name):
    """To read 600 rows of 16,000 columns took a quarter of a minute."""
    wide = [f"c{n}" for n in range(4_001)]
    pq.write_table(pa.table({name: ["x"] for name in wide}), tmp_path / "deals.parquet")
    workbook(tmp_path / "deals.xlsx", ("Deals", [wide, wide]))
    monkeypatch.setattr(pq.ParquetFile, "read", lambda file: pytest.fail("read"))
    monkeypatch.setattr(workbooks, "_texts", lambda cells: pytest.fail("read"))
    with pytest.raises(ExportError, match="has 4,001 columns"):
        exports.read(tmp_path / name)


def test_what_the_system_shows_as_a_file_is_never_waited_for(tmp_path, monkeypatch):
    """Such a file has no size, and the next line may come tomorrow, or never."""
    endless = tmp_path / "messages.csv"
    endless.touch()
    monkeypatch.setattr(contents.os, "fstat", lambda number: os.stat(endless))
    with contents.opened(written(tmp_path, "deals.csv", HEADER)) as stream:
        assert stream.read() == b""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_that_took_the_place_of_a_file_is_refused_at_once(tmp_path):
    """A plain look at it would wait until somebody writes."""
    os.mkfifo(tmp_path / "deals.csv")
    with pytest.raises(ExportError, match=r"deals.csv is no file, or a link that leads to none."):
        contents.opened(tmp_path / "deals.csv")


def test_a_header_that_never_ends_is_refused(tmp_path):
    """17 MB without a line end."""
    with pytest.raises(ExportError, match="line 1: the header does not end"):
        one(tmp_path, "x" * (limits.LONGEST_HEADER + 2**20))


# -- reports -----------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["", ",,"])
def test_what_a_report_has_around_its_rows(tmp_path, padding):
    """Three lines before, five records behind; the rows are two, as the footer says."""
    front = f"Won deals{padding}\nAs of 2026-09-30{padding}\n\nFiltered By{padding}\n\n"
    back = FOOTER.replace('"\n', f'"{padding}\n') + f"A Company{padding}\n"
    export = one(tmp_path, front + HEADER + ROWS + back)
    assert export.headers == ["Name", "Stage", "Amount"]
    assert export.lines({0, 1}) == {0: 7, 1: 8}
    assert aside(export) == [(line, "a line of the report's footer") for line in (11, 13, 14, 15)]
    assert export.notes == [("lines before the header, such as 'Won deals'", 3)]


def test_a_footer_that_counts_other_rows_is_told(tmp_path):
    """500 are said and two are there: the file was cut off or edited."""
    export = one(tmp_path, HEADER + ROWS + FOOTER.replace("2 rec", "500 rec"))
    assert export.notes == [("the footer says 500 records; 2 are there", 498)]


def test_a_broken_row_counts_among_the_footers_records(tmp_path):
    """Two rows and a broken one are three records."""
    export = one(tmp_path, HEADER + ROWS + "cut off\n" + FOOTER.replace("2 rec", "3 rec"))
    assert export.notes == []


@pytest.mark.parametrize(
    "line",
    [
        "Grand Totals (1,234 records)",
        "Gesamtsummen (1.234 Datensätze)",
        "Totaux généraux (1 234 enregistrements)",
        "Totales generales (1.234 registros)",
        "Confidential Information - Do Not Distribute",
        "Vertrauliche Informationen - Nicht weitergeben",
        "Copyright © 2000-2026 salesforce.com, inc. Alle Rechte vorbehalten.",
    ],
)
def test_lines_of_footers(line):
    """In four languages; beside other cells it is a row."""
    assert is_footer([line, "", ""])
    assert not is_footer([line, "Won", "5"])


@pytest.mark.parametrize(
    ("fields", "sums"),
    [
        (["Subtotal", "", "30.5"], True),
        (["", "Count", "2"], True),
        (["Total (12 records)", "$1,234.50", ""], True),
        (["Zwischensumme:", "", "1.234,50 €"], True),
        (["Total", "Energy", ""], False),  # a company of that name
        (["Total", "5", "6"], False),  # every cell is filled: it may be one too
        (["Totals Ltd", "", "5"], False),
        (["", "", ""], False),
    ],
)
def test_summary_rows(fields, sums):
    """A word for it, otherwise numbers, and a gap."""
    assert is_summary(fields) is sums


def test_subtotals_within_a_grouped_report_are_no_rows(tmp_path):
    """The total at the end says that it is one; without it, a row is a row."""
    rows = "Won,Ann,5\nSubtotal,,5\nLost,Bob,6\n" + "Lost,Eve,1\n" * 60
    export = one(tmp_path, HEADER + rows + "Total,,72\n")
    assert [line for line, _ in aside(export)] == [3, 65]
    assert aside(one(tmp_path, HEADER + rows)) == []


@pytest.mark.parametrize(("rows", "told"), [(2_000, True), (1_999, False), (100_000, True)])
def test_as_many_rows_as_a_limit_are_told(tmp_path, rows, told):
    """Exactly 2,000 rows are what a Salesforce report shows on its page."""
    export = one(tmp_path, HEADER + "Ann,Won,5\n" * rows)
    assert [count for _, count in export.notes] == [rows] * told
    assert not told or f"exactly {rows:,} rows, the limit of" in export.notes[0][0]


@pytest.mark.parametrize(
    ("records", "at"),
    [
        ([["Name", "Stage"], ["Ann", "Won"]], 0),
        ([["My report"], ["Name", "Stage"], ["Ann", "Won"]], 1),
        ([["My report", "", ""], ["Name", "Stage", "Amount"]], 1),
        ([["Id", "", ""], ["1", "Won", "5"], ["2", "Won", "6"]], 0),  # a row of values
        ([["Name"], ["Ann"], ["Smith, Bob", "x"], ["Eve"], ["Joe"]], 0),  # one broken row
        ([["Name"], ["Ann"]], 0),
        ([["From", "2026"], ["Name", "Stage", "Amount", "Owner"], ["a", "b", "c", "d"]], 1),
    ],
)
def test_where_the_header_is(records, at):
    """The first record, unless that is a title above a record of names."""
    assert place(records) == at


# -- workbooks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["deals.xlsx", "deals.csv", "deals.xls", "deals.txt"])
def test_a_workbook_under_any_name(tmp_path, name):
    """Its bytes say what it is."""
    path = workbook(tmp_path / "book.xlsx", ("Deals", [["Name", "Stage"], ["Ann", "Won"]]))
    export = one(tmp_path, path.read_bytes(), name)
    assert values(export) == [["Ann", "Won"]]
    assert export.name == f"{name}, sheet Deals"


def test_cells_become_text_without_loss(tmp_path):
    """Dates ISO, flags TRUE and FALSE, whole numbers without a point, ids with their zeros."""
    cells = [
        (dt.date(2026, 3, 31), "2026-03-31"),
        (True, "TRUE"),
        (False, "FALSE"),
        (5, "5"),
        (-0.1, "-0.1"),
        (3.3, "3.3"),
        (123456789012345, "123456789012345"),
        ("00500", "00500"),
        (" a\nb ", " a\nb "),
        ("TRUE", "TRUE"),
        ("#N/A", "#N/A"),
    ]
    rows = [[f"c{n}" for n in range(len(cells))], [cell for cell, _ in cells]]
    (export,) = exports.read(workbook(tmp_path / "book.xlsx", ("Deals", rows)))
    assert values(export) == [[text for _, text in cells]]


@pytest.mark.parametrize("first_year", [False, True])
def test_dates_times_spans_and_shares(tmp_path, first_year):
    """In both date systems; spans of more than a day count hours; 10 % is the number 0.1."""
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path, {"date_1904": first_year})
    sheet = book.add_worksheet("Deals")
    sheet.write_row(0, 0, ["day", "moment", "span", "share"])
    shape = {name: book.add_format({"num_format": name}) for name in ("dd.mm.yy hh:mm", "0%")}
    sheet.write_datetime(1, 0, dt.datetime(2026, 3, 31), shape["dd.mm.yy hh:mm"])
    sheet.write_datetime(1, 1, dt.datetime(2026, 3, 31, 12, 30, 15), shape["dd.mm.yy hh:mm"])
    sheet.write_number(1, 2, 30.5 / 24, book.add_format({"num_format": "[h]:mm:ss"}))
    sheet.write_number(1, 3, 0.1, shape["0%"])
    book.close()
    (export,) = exports.read(path)
    assert values(export) == [["2026-03-31", "2026-03-31 12:30:15", "30:30:00", "0.1"]]


def test_formulas_are_not_worked_out_and_errors_are_counted(tmp_path):
    """The stored result counts; an error and a formula without a result are empty."""
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Deals")
    sheet.write_row(0, 0, ["a", "b", "c", "d"])
    sheet.write_formula(1, 0, "=1+1", None, 3)
    sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
    sheet.write_formula(1, 2, "=NOW()", None, "")
    sheet.write_string(1, 3, "=1+1")
    book.close()
    (export,) = exports.read(path)
    assert values(export) == [["3", "", "", "=1+1"]]
    notes = dict(export.notes)
    assert notes["cells of the workbook hold an error such as #N/A and are empty"] == 1
    assert sum(notes.values()) == 2


def test_sheets_that_hold_no_table_are_named(tmp_path):
    """A cover, an empty and a hidden sheet are passed over; two tables are two exports."""
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Cover").write_string(1, 1, "Pipeline review")
    for name in ("Deals", "Reps"):
        sheet = book.add_worksheet(name)
        sheet.write_row(3, 2, ["Name", "Stage"])
        sheet.write_row(5, 2, ["Ann", "Won"])
    book.add_worksheet("Nothing")
    hidden = book.add_worksheet("Lists")
    hidden.write_row(0, 0, ["a", "b"])
    hidden.hide()
    book.close()
    deals, reps = exports.read(path)
    assert [deals.name, reps.name] == ["book.xlsx, sheet Deals", "book.xlsx, sheet Reps"]
    assert values(deals) == [["Ann", "Won"]]
    assert deals.lines({0}) == {0: 6}
    assert [note for note, _ in deals.notes] == [
        "sheet Nothing is empty and is not read",
        "sheet Lists is hidden and is not read",
        "sheet Cover has no table: nowhere two cells side by side and is not read",
    ]


def test_a_formatted_report_with_groups(tmp_path):
    """A title, a group merged downwards, a subtotal, a total, a footer; rows 5, 6 and 8."""
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Report")
    sheet.write(0, 1, "Pipeline by stage")
    sheet.write(1, 1, "As of 2026-09-30")
    sheet.write_row(3, 1, ["Stage  ↑", "Name", "Amount", "Closed"])
    sheet.merge_range(4, 1, 5, 1, "Prospecting")
    sheet.write_row(4, 2, ["A", 10, "2026-01-02"])
    sheet.write_row(5, 2, ["B", 20, "2026-01-03"])
    sheet.write_row(6, 1, ["Subtotal", "Sum", 30])
    sheet.write_row(7, 1, ["Won", "C", 5, "2026-01-04"])
    sheet.write_row(8, 1, ["Total", "Count", 3])
    sheet.write(10, 1, "Copyright © 2000-2026 salesforce.com, inc. All rights reserved.")
    book.close()
    (export,) = exports.read(path)
    assert export.headers == ["Stage", "Name", "Amount", "Closed"]
    assert [row[0] for row in values(export)] == ["Prospecting", "Prospecting", "Won"]
    assert [row[1] for row in values(export)] == ["A", "B", "C"]
    assert list(export.lines({0, 1, 2}).values()) == [5, 6, 8]
    assert [line for line, _ in aside(export)] == [7, 9, 11]


def test_a_header_of_two_rows_is_joined(tmp_path):
    """Amount stands over two columns."""
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Deals")
    sheet.merge_range(0, 0, 1, 0, "Name")
    sheet.merge_range(0, 1, 0, 2, "Amount")
    sheet.write_row(1, 1, ["net", "gross"])
    sheet.write_row(2, 0, ["Ann", 1, 2])
    book.close()
    (export,) = exports.read(path)
    assert export.headers == ["Name", "Amount net", "Amount gross"]
    assert export.lines({0}) == {0: 3}


def test_a_sheet_that_reaches_too_far_is_refused_before_it_is_opened(tmp_path):
    """Two cells at the ends of a sheet would take hundreds of gigabytes."""
    path = workbook(tmp_path / "book.xlsx", ("Deals", [["a", "b"]]))
    far = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1"><v>1</v></c></row>'
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    )
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "far.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, far if name.endswith("sheet1.xml") else old.read(name))
    with pytest.raises(ExportError, match="reaches over 1,048,576 rows and 16,384 columns"):
        exports.read(tmp_path / "far.xlsx")


@pytest.mark.parametrize(
    "sheet",
    [
        b'<x:row r="9"><x:c r="ZZ9"/></x:row><x:end/>',
        b"<row r='9'><c r = 'ZZ9'/></row><end/>",
        b"<row r='9'>" + b"<c/>" * 702 + b"</row><end/>",
        b"<row/>" * 8 + b"<row>" + b"<c><v>1</v></c>" * 702 + b"</row><end/>",
    ],
)
def test_how_far_a_sheet_reaches_however_it_is_written(sheet):
    """Nine rows and 702 columns, with prefixes, other quotes, or without any position."""
    reach = sheetsizes._reach("xl/worksheets/sheet1.xml", sheetsizes.Cells())
    reach.feed(sheet)
    assert (reach.rows, reach.columns) == (9, 702)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (b'r="XFD1048576"', "reaches over 1,048,576 rows and 16,384 columns"),
        (b'r="ZZZZ2"', "has a cell where no sheet has one"),
        (b'r="A99999999"', "has a cell where no sheet has one"),
    ],
)
def test_a_cell_that_names_a_place_far_from_its_row_is_refused(tmp_path, cell, said):
    """A reader made room for 17 billion cells, and ended the process."""
    path = workbook(tmp_path / "plain.xlsx", ("Deals", [["id", "stage"], [1, "Won"]]))
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "deals.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'r="A2"', cell))
    with pytest.raises(ExportError, match=said):
        exports.read(tmp_path / "deals.xlsx")


@pytest.mark.parametrize(("cells", "refused"), [(5, False), (400, True)])
def test_a_text_that_many_cells_share_is_counted_in_each(tmp_path, monkeypatch, cells, refused):
    """Kept once in the file, 30,000 letters in 400 cells are 12 million in the memory."""
    path = tmp_path / "deals.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Deals")
        sheet.write_row(0, 0, ["Name", "Stage", "Amount"])
        for row in range(1, cells + 1):
            sheet.write_row(row, 0, ["x" * 30_000, "Lead", row])
    for module in (archives, sheetsizes):
        monkeypatch.setattr(module, "UNCHECKED", 2**18)
    if refused:
        with pytest.raises(ExportError, match="unpacks to more than 250 times its size"):
            exports.read(path)
    else:
        (export,) = exports.read(path)
        assert export.rows.column("Name").to_pylist() == ["x" * 30_000] * cells


@pytest.mark.parametrize(("times", "refused"), [(5, False), (4000, True)])
def test_a_text_in_repeated_cells_is_counted_in_each(tmp_path, monkeypatch, times, refused):
    """A row of 1,000 letters that an OpenDocument repeats 4,000 times is four million letters."""
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="{times}">{{}}</table:table-row>'
    names = "".join(map(cell.format, ["Name", "Stage"]))
    values = "".join(map(cell.format, ["x" * 1000, "Lead"]))
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(tmp_path / "deals.ods", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet><table:table "
            f'table:name="Deals"><table:table-row>{names}</table:table-row>{row.format(values)}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    monkeypatch.setattr(archives, "UNCHECKED", 2**16)
    if refused:
        with pytest.raises(ExportError, match="unpacks to more than 250 times its size"):
            exports.read(tmp_path / "deals.ods")
    else:
        (export,) = exports.read(tmp_path / "deals.ods")
        assert export.rows.column("Name").to_pylist() == ["x" * 1000] * times


def test_how_far_other_workbooks_reach():
    """Repeated rows of an OpenDocument, and records of the binary format."""
    document = sheetsizes._reach("content.xml", sheetsizes.Cells())
    document.feed(
        b'<table:table ><table:table-row table:number-rows-repeated="500"><table:table-cell '
        b'office:value-type="string" table:number-columns-repeated="300"/></table:table-row>'
        b'<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
        b'table:number-columns-repeated="16384"/></table:table-row></table:table><end>'
    )
    assert (document.rows, document.columns) == (500, 300)
    row, cell = bytes([0, 8, 4, 1, 0, 0, 0, 0, 0, 0]), bytes([2, 6, 5, 1, 0, 0, 0, 0])
    unknown = b"\x81\x01\x1e" + bytes(30)
    sheet = row + unknown + cell
    for parts in ([sheet], [sheet[:3], sheet[3:20], sheet[20:25], sheet[25:]], [*sheet]):
        binary = sheetsizes._reach("xl/worksheets/sheet1.bin", sheetsizes.Cells())
        for part in parts:
            binary.feed(bytes([part]) if isinstance(part, int) else part)
        assert (binary.rows, binary.columns) == (261, 262)


@pytest.mark.parametrize(("cells", "refused"), [(4, False), (400, True)])
def test_a_text_that_cells_of_a_binary_workbook_share_is_counted_in_each(
    tmp_path, monkeypatch, cells, refused
):
    """A text of 30,000 letters, two bytes each, that 400 cells show is 24 million bytes."""

    def record(kind: int, content: bytes) -> bytes:
        size, head = len(content), [kind]
        while size > 127:
            head.append(size & 127 | 128)
            size >>= 7
        return bytes([*head, size]) + content

    text = b"\0" + (30_000).to_bytes(4, "little") + "x".encode("utf-16-le") * 30_000
    shows = [n.to_bytes(4, "little") + bytes(4) + (1).to_bytes(4, "little") for n in range(cells)]
    packed(
        tmp_path / "deals.xlsb",
        **{
            "xl/sharedStrings__bin": record(19, b"\0\1\0\0\0a\0") + record(19, text),
            "xl/worksheets/sheet1__bin": b"".join(record(7, cell) for cell in shows),
        },
    )
    for module in (archives, sheetsizes):
        monkeypatch.setattr(module, "UNCHECKED", 2**18)
    content = contents.of(tmp_path / "deals.xlsb")
    if refused:
        with pytest.raises(ExportError, match="unpacks to more than 250 times its size"):
            sheetsizes.check(content)
    else:
        found = sheetsizes.check(content)
        assert (found.texts, found.references) == ([7, 60_005], 4)


# -- archives and other kinds ------------------------------------------------------------------


def test_gzip_and_zip(tmp_path):
    """The same rows; an archive of several is several exports, and says what it passed over."""
    export = one(tmp_path, gzip.compress((HEADER + ROWS).encode()), "deals.csv.gz")
    assert (export.rows.num_rows, export.read_as) == (2, "gzip, CSV, commas, UTF-8")
    path = packed(
        tmp_path / "all.zip",
        deals__csv=HEADER + ROWS,
        reps__tsv="a\tb\n1\t2\n",
        notes__pdf=b"%PDF-1.4",
        README__md="read me",
    )
    deals, reps = exports.read(path)
    assert [deals.name, reps.name] == ["all.zip, deals.csv", "all.zip, reps.tsv"]
    assert deals.notes == [
        ("all.zip, notes.pdf is a PDF, not a table. Export it from the CRM as CSV or .xlsx.", 1)
    ]


def test_a_workbook_in_an_archive(tmp_path):
    """Its sheets are named after both."""
    book = workbook(tmp_path / "book.xlsx", ("Deals", [["a", "b"], [1, 2]]))
    (export,) = exports.read(packed(tmp_path / "all.zip", book__xlsx=book.read_bytes()))
    assert export.name == "all.zip, book.xlsx, sheet Deals"


def test_names_that_lead_out_of_an_archive_lead_nowhere(tmp_path):
    """Nothing is written; the name is shown without its way."""
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../deals.csv", HEADER + ROWS)
        archive.writestr("/etc/reps.csv", HEADER + ROWS)
        link = zipfile.ZipInfo("link.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    before = {one.name for one in tmp_path.parent.iterdir()}
    found = exports.read(path)
    assert [export.part for export in found] == ["deals.csv", "etc/reps.csv"]
    assert found[0].notes == [("link.csv is a link to another file and is not followed", 1)]
    assert {one.name for one in tmp_path.parent.iterdir()} == before


def test_bombs_end_at_the_limits(tmp_path, monkeypatch):
    """A thousand times its size: the limits are lowered here so that the test is quick."""
    monkeypatch.setattr(archives, "UNCHECKED", 2**20)
    bomb = b"a,b\n" + b"1,2\n" * 2**19
    for name, raw in [
        ("bomb.csv.gz", gzip.compress(bomb)),
        ("bomb.zip", None),
        ("bomb.xlsx", None),
    ]:
        path = tmp_path / name
        if raw is not None:
            path.write_bytes(raw)
        else:
            member = "deals.csv" if name.endswith("zip") else "xl/x.xml"
            packed(
                path, **{member: bomb, **({"[Content_Types].xml": ""} if "xlsx" in name else {})}
            )
        with pytest.raises(ExportError, match="unpacks to more than 250 times its size"):
            exports.read(path)


def test_a_member_that_claims_to_be_small_is_measured(tmp_path, monkeypatch):
    """The size in the directory of a workbook is a claim."""
    monkeypatch.setattr(archives, "UNCHECKED", 2**20)
    path = packed(tmp_path / "bomb.xlsx", **{"[Content_Types].xml": "", "xl/x.xml": bytes(2**22)})
    raw = bytearray(path.read_bytes())
    size = (2**22).to_bytes(4, "little")
    for at in (raw.find(size), raw.rfind(size)):
        raw[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(ExportError, match=r"250 times its size|damaged"):
        one(tmp_path, bytes(raw), "bomb.xlsx")


def test_archives_within_archives_and_damaged_ones_are_refused(tmp_path):
    """In one line each."""
    inner = gzip.compress(b"a,b\n1,2\n")
    with pytest.raises(ExportError, match="holds another archive"):
        one(tmp_path, gzip.compress(inner), "deals.csv.gz")
    with pytest.raises(ExportError, match=r"all.zip, in.gz is another archive"):
        exports.read(packed(tmp_path / "all.zip", in__gz=inner))
    rows = "".join(f"{zlib.crc32(bytes([n % 256, n // 256]))},b,c\n" for n in range(50_000))
    cut = gzip.compress((HEADER + rows).encode())[:-5_000]
    with pytest.raises(ExportError, match="deals.csv.gz is damaged or cut off"):
        one(tmp_path, cut, "deals.csv.gz")
    with pytest.raises(ExportError, match="damaged or cut off"):
        one(tmp_path, b"PK\x03\x04" + bytes(60), "deals.xlsx")


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"%PDF-1.7", "is a PDF"),
        (b"<!DOCTYPE html><table><tr><td>x", "is a web page"),
        (b"<html xmlns:x='urn:excel'>", "is a web page"),
        (b'<?xml version="1.0"?><Workbook>', "is an XML document"),
        (b'{"deals": [1, 2]}', "is a JSON document"),
        (b'[\n  {"id": 1}]', "is a JSON document"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive"),
        (b"PAR1 and no more", "is a damaged Parquet file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
    ],
)
def test_other_kinds_are_refused_in_one_line(tmp_path, start, what):
    """Whatever their name says."""
    with pytest.raises(ExportError, match=what) as refused:
        one(tmp_path, start, "deals.xls")
    assert "\n" not in str(refused.value)


def test_parquet_is_text_like_the_others(tmp_path):
    """Types become the text that a CSV would have; a list is told and left out."""
    table = pa.table(
        {
            "id": ["007", None],
            "amount": [5.0, 0.1],
            "count": pa.array([1, None], pa.int64()),
            "won": [True, False],
            "at": pa.array([dt.datetime(2026, 3, 31, 12), None], pa.timestamp("us")),
            "tags": [["a"], []],
        }
    )
    pq.write_table(table, tmp_path / "deals.parquet")
    (export,) = exports.read(tmp_path / "deals.parquet")
    assert values(export) == [
        ["007", "5", "1", "TRUE", "2026-03-31 12:00:00"],
        ["", "0.1", "", "FALSE", ""],
    ]
    assert export.notes[0][0].startswith("column tags holds list<")


def test_parquet_of_many_rows_is_the_same_text_where_it_stands_again(tmp_path):
    """Words, days, instants of a zone and numbers, with and without missing ones, 300 rows."""
    many = range(300)
    at = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
    at_once = [at + dt.timedelta(milliseconds=250 * n) for n in many]
    days = [dt.date(2026, 1, 1 + n % 7) for n in many]
    table = pa.table(
        {
            "id": [f"00{n}" for n in many],
            "stage": [("Lead", "Won")[n % 2] for n in many],
            "source": [("Web", None)[n % 2] for n in many],
            "type": pa.array([("New", None)[n % 2] for n in many]).dictionary_encode(),
            "day": days,
            "late": [None if n % 5 else day for n, day in enumerate(days)],
            "at": pa.array(at_once, pa.timestamp("ms", "Europe/Berlin")),
            "minute": pa.array([at] * 300, pa.timestamp("us", "America/New_York")),
            "amount": [float(n % 3) for n in many],
            "share": [n / 4 for n in many],
            "won": [n % 2 == 0 for n in many],
        }
    )
    pq.write_table(table, tmp_path / "deals.parquet")
    (export,) = exports.read(tmp_path / "deals.parquet")
    assert values(export) == [
        [
            f"00{n}",
            ("Lead", "Won")[n % 2],
            ("Web", "")[n % 2],
            ("New", "")[n % 2],
            f"2026-01-0{1 + n % 7}",
            "" if n % 5 else f"2026-01-0{1 + n % 7}",
            f"{at_once[n]:%Y-%m-%d %H:%M:%S}{('', '.250', '.500', '.750')[n % 4]}Z",
            "2026-03-31 12:00:00Z",
            str(n % 3),
            str(n / 4).removesuffix(".0"),
            str(n % 2 == 0).upper(),
        ]
        for n in many
    ]


# -- folders -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()])
@pytest.mark.parametrize("times", [2_000, 20_000])
def test_a_text_that_stands_in_every_row_of_parquet_is_counted_in_each(
    tmp_path, monkeypatch, kind, times
):
    """Of 1,000 letters, 20,000 times: 20 MB out of a few kB."""
    for module in (archives, parquets):
        monkeypatch.setattr(module, "UNCHECKED", 10**7)
    column = pa.array(["x" * 1_000] * times).cast(kind)
    pq.write_table(pa.table({"id": [7] * times, "note": column}), tmp_path / "deals.parquet")
    if times == 20_000:
        with pytest.raises(ExportError, match="more than 250 times its size"):
            exports.read(tmp_path / "deals.parquet")
        return
    (export,) = exports.read(tmp_path / "deals.parquet")
    assert export.headers == (["id"] if pa.types.is_binary(kind) else ["id", "note"])


def test_what_parquet_holds_besides_texts_is_named_by_its_own_kind(tmp_path):
    """Bytes and lists that are packed well are no texts that stand again."""
    table = pa.table({"id": ["1"] * 300, "raw": [b"x"] * 300, "tags": [["a"]] * 300})
    pq.write_table(table, tmp_path / "deals.parquet")
    (export,) = exports.read(tmp_path / "deals.parquet")
    assert export.headers == ["id"]
    assert export.notes == [
        ("column raw holds binary, which is not read", 300),
        ("column tags holds list<element: string>, which is not read", 300),
    ]


def test_a_folder_is_sorted_by_what_its_files_are(tmp_path):
    """Settings and hidden files are not mentioned; other files are named with the reason."""
    workbook(tmp_path / "book.dat", ("Deals", [["a", "b"], [1, 2]]))
    written(tmp_path, "deals.csv", HEADER + ROWS)
    written(tmp_path, "reps.txt", "a\tb\n1\t2\n")
    written(tmp_path, "notes.txt", "Call Ann, then Bob.\nAnd nobody else\n")
    written(tmp_path, "slides.pdf", b"%PDF-1.4")
    written(tmp_path, "settings.toml", "stages = []")
    written(tmp_path, ".hidden.csv", HEADER)
    written(tmp_path, "~$book.xlsx", b"lock")
    assert [path.name for path in exports.find(tmp_path)] == ["book.dat", "deals.csv", "reps.txt"]
    notes, slides = exports.passed_over(tmp_path)
    assert notes.startswith("notes.txt is a text without columns")
    assert slides.startswith("slides.pdf is a PDF")


@pytest.mark.skipif(os.name != "posix", reason="no pipes, and other names of files")
def test_what_only_has_the_name_of_a_file_is_named_and_never_opened(tmp_path):
    """A pipe, of which nobody writes the end, a link to nothing and a folder beside an export."""
    written(tmp_path, "deals.csv", HEADER + ROWS)
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    (tmp_path / "reps.csv").mkdir()
    (tmp_path / "snapshots").mkdir()
    assert [path.name for path in exports.find(tmp_path)] == ["deals.csv"]
    assert exports.passed_over(tmp_path) == [
        "gone.csv is no file, or a link that leads to none.",
        "pipe.csv is no file, or a link that leads to none.",
        "reps.csv is a folder.",
    ]


def test_a_folder_that_cannot_be_looked_into_is_told_in_a_line(tmp_path, monkeypatch):
    """One of another user, and one whose name is longer than names can be."""
    with pytest.raises(ExportError, match=r"y cannot be opened: File name too long\."):
        exports.find(tmp_path / ("y" * 300))

    def forbidden(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(ExportError, match=r"cannot be opened: Permission denied\."):
        exports.find(tmp_path)


def test_a_folder_of_nothing_to_read_says_what_is_there(tmp_path):
    """The one file and what it is."""
    written(tmp_path, "deals.csv", "<html><table>")
    with pytest.raises(ExportError, match=r"has no CSV file and no workbook. deals.csv is a web"):
        exports.find(tmp_path)


# -- anything ----------------------------------------------------------------------------------


def _fuzz():
    spec = importlib.util.spec_from_file_location("fuzz", ROOT / "benchmarks" / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


FUZZ = _fuzz()


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, 10**9))
def test_no_record_is_lost_whatever_the_dialect(number):
    """Rows, what is aside and their lines are what the csv module counts; or one clear line."""
    with tempfile.TemporaryDirectory() as folder:
        FUZZ.tried(FUZZ.made(random.Random(number)), Path(folder))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.text(max_size=4), min_size=3, max_size=3), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
)
def test_what_is_written_is_read_back(rows, delimiter):
    """Any text at all in quoted fields: the same texts, but for NUL bytes and empty rows."""
    rows = [[text.replace("\0", "") for text in row] for row in rows]
    held = io.StringIO(newline="")
    csv.writer(held, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(
        [["Name", "Stage", "Amount"], *rows]
    )
    with tempfile.TemporaryDirectory() as folder:
        export = one(Path(folder), held.getvalue().encode("utf-8", "surrogatepass"))
        gone = [line for line, _ in aside(export)]
    assert len(gone) + export.rows.num_rows == len(rows)
    left = iter(rows)
    assert all(row in left for row in values(export))  # in their order
    full = [row for row in rows if all(text.strip() for text in row)]
    assert all(row in values(export) for row in full if row != ["Name", "Stage", "Amount"])


def test_a_header_over_each_group_brings_titles_and_sums(tmp_path):
    """A board of two groups: two and one deals; a title, a header and two sums are none."""
    path = tmp_path / "board.csv"
    path.write_text(
        "Deals,,\nActive,,\nName,Stage,Value\nAlpha,Prop,5\nBeta,Prop,6\n,,11\n,,\n"
        "Closed,,\nName,Stage,Value\nGamma,Won,7\n,,7\n"
    )
    (export,) = exports.read(path)
    assert export.rows.column(0).to_pylist() == ["Alpha", "Beta", "Gamma"]
    assert export.aside["line"].tolist() == [6, 7, 8, 9, 11]
    assert export.aside["reason"].value_counts().to_dict() == {
        "a summary row of the report": 3,
        "no field is filled in": 1,
        "the header again": 1,
    }
