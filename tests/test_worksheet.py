"""The worksheet as a workbook: what LibreOffice computes from it is what Python says."""

from __future__ import annotations

import dataclasses
import io
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pandas as pd
import pytest
from plans import XYZ, aimed, ground, people
from typer.testing import CliRunner

import enablement as en
from enablement.plan import cascade
from enablement.plan import goal as goals
from enablement.plan.capacity import Ramp, Season
from enablement.plan.translation import Translation
from enablement.run.cli import app
from enablement.show import worksheet
from enablement.show.worksheet import book

SOFFICE = shutil.which("soffice")
ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>
"""
LINK = '=HYPERLINK("http://evil.example","see")'


def made(at):
    """The workbook of a company."""
    return worksheet.workbook(at, cascade.worksheet(at))


def typed(data, cells):
    """The same workbook after somebody has typed into cells: sheet's number and cell -> figure."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            for (sheet, cell), figure in cells.items():
                if name == f"xl/worksheets/sheet{sheet}.xml":
                    place = rf'(<c r="{cell}"[^>/]*)(?:/>|><v>[^<]*</v></c>)'
                    text, found = re.subn(place, rf"\g<1>><v>{figure}</v></c>", text)
                    assert found == 1
            new.writestr(name, text)
    return out.getvalue()


def sheets_of(data):
    """Sheet -> its cells."""
    import python_calamine

    opened = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {
        name: opened.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in opened.sheet_names
    }


def read(sheets, at):
    """What the sheets say, in the shape and the order of `cascade.worksheet`."""
    stages, price = len(at.funnel.stages) + 1, at.plan.goal.price
    block = stages + 1 + bool(price)  # a row of units, and with a price one of the amount
    parts = []
    for level, _ in cascade.levels(at.staff.table):
        rows = sheets[level.capitalize()][book.TOP :]
        for start in range(0, len(rows), block):
            here = rows[start : start + block]
            parts += [
                _cells(here, step, month, stages, of_rep=level == "rep")
                for month in range(12)
                for step in range(stages)
            ]
    return pd.DataFrame(parts)


def _cells(here, step, month, stages, *, of_rep):
    row, won = here[step], step == stages - 1
    return {
        "needed": row[book.FIRST + month],
        "amount": here[-1][book.FIRST + month] if won else np.nan,
        "units": here[stages][book.FIRST + month] if won else np.nan,
        "projected": row[book.AHEADS + month],
        "short": row[book.SHORTS + month],
        "rate": row[book.RATE] if of_rep and not won else np.nan,
        "says": row[book.SAYS] if of_rep and not won else "",
    }


def same(data, at):
    """Hold every number of a workbook against Python's, and its sums of the year too."""
    sheets = sheets_of(data)
    table = cascade.worksheet(at)
    got = read(sheets, at)
    assert len(got) == len(table)
    assert (got["needed"].to_numpy() == table["needed"].to_numpy()).all()
    for column in ("projected", "short", "amount"):
        np.testing.assert_allclose(
            got[column].astype(float), table[column].astype(float), rtol=1e-9, atol=1e-6
        )
    if at.plan.goal.price:
        np.testing.assert_array_equal(
            got["units"].astype(float), table["units"].astype(float).to_numpy()
        )
    rep = (table["level"] == "rep").to_numpy()
    np.testing.assert_allclose(got.loc[rep, "rate"].astype(float), table.loc[rep, "rate"])
    assert got["says"].tolist() == table["says"].tolist()
    _same_dates(sheets["By when"], table)
    _same_years(sheets, table)
    goal = {row[0]: row[1] for row in sheets["Goal"]}
    assert goal["If nothing changes"] == pytest.approx(table.attrs["projected"])
    assert table.attrs["verdict"].startswith(sheets["Goal"][2][0])
    assert goal["Do the pins and caps leave it?"] == "yes"
    assert goal["Reps who need more than any ever had"] == _over(table)


def _same_dates(rows, table):
    company = table[table["level"] == "company"]
    wide = company.pivot(index="stage", columns="month", values="by")
    for row in rows[book.TOP :]:
        dates = ["NaT" if value == "" else str(value)[:10] for value in row[2:14]]
        assert dates == [str(value)[:10] for value in wide.loc[row[0]]]


def _same_years(sheets, table):
    for level in table["level"].cat.remove_unused_categories().cat.categories:
        for row in sheets[level.capitalize()][book.TOP :]:
            months = row[book.FIRST : book.FIRST + 12]
            assert row[book.NEEDED] == pytest.approx(sum(months))


def _over(table):
    reps = table[table["level"] == "rep"]
    return reps.loc[reps["says"] != "", "rep_id"].nunique()


def computed(folder, books):
    """Open workbooks in LibreOffice, without a window, and compute every cell again."""
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(ALWAYS)
    for name, data in books.items():
        (folder / f"{name}.xlsx").write_bytes(data)
    out = folder / "out"
    command = [
        *(SOFFICE, f"-env:UserInstallation={profile.as_uri()}", "--headless"),
        *("--convert-to", "xlsx", "--outdir", str(out)),
        *(str(folder / f"{name}.xlsx") for name in books),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return {name: (out / f"{name}.xlsx").read_bytes() for name in books}


def cases():
    """Companies, and what somebody types: name -> company, cells, the company it then is."""
    plain = ground(5, target=800_000.0, unit_price=50, share="projected")
    # No simple ratios: where two months have exactly equal claims, rounding decides in Python.
    effect = np.exp(np.array([-0.19, 0.07, 0.23, -0.11]))
    more = {"season": Season(effect / effect.mean(), "said"), "ramp": Ramp(120.0, "said")}
    staff = people(8, since=[None] * 5 + ["2025-12-01", "2026-03-10", "2026-08-20"])
    bounds = {"caps": {"R000": 90_000}, "pins": {"R003": 25_025}}
    grown = ground(8, target=500_000.0, staff=staff, unit_price=50, **bounds, **more)
    pinned = said(grown, pins={"R003": 25_025, "R001": 10_000}, caps={"R000": 40_000})
    few = ground(5, target=123_456.0, share="equal")
    how = Translation("as said", "win rate 23.1 %", factor=1.1, stages=None, together=True)
    raised = dataclasses.replace(ground(6, target=222_222.0, seed=3), translated=how)
    return {
        "higher": (plain, {(1, "B5"): 1_234_567}, aimed(plain, 1_234_567.0)),
        "priced": (plain, {(1, "B6"): 7.5}, said(plain, unit_price=7.5)),
        "pinned": (grown, {(7, "F14"): 10_000, (7, "G13"): 40_000}, pinned),
        "grown": (grown, {(1, "B5"): 2_345_678}, aimed(grown, 2_345_678.0)),
        "few": (few, {(1, "B5"): 3}, aimed(few, 3.0)),
        "raised": (raised, {(1, "B5"): 333_333}, aimed(raised, 333_333.0)),
    }


def said(at, **goal):
    """The same company with another goal."""
    changed = dataclasses.replace(at.plan.goal, **goal)
    return dataclasses.replace(at, plan=dataclasses.replace(at.plan, goal=changed))


@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")
def test_libreoffice_computes_what_python_says(tmp_path):
    """Another target, price, pin and cap, typed into a cell: every number of every sheet."""
    every = cases()
    whole = {id(at): made(at) for at, _, _ in every.values()}
    books = {name: typed(whole[id(at)], cells) for name, (at, cells, _) in every.items()}
    few = {**XYZ["goal"], "stated": {**XYZ["goal"]["stated"], "reps": 7}}
    books["xyz"] = typed(en.results_workbook(None, {"goal": few}), {(1, "B5"): 1_777_777})
    found = computed(tmp_path, books)
    for name, (_, _, then) in every.items():
        same(found[name], then)
    del few["lift"]
    then = goals.goal({"goal": {**few, "target": 1_777_777}})
    same(found["xyz"], cascade.grounded(None, then))


def test_the_workbook_has_the_numbers_before_anything_computes_them():
    """A preview that does not compute shows what Python says, and the same bytes come twice."""
    at = ground(4, target=300_000.0, unit_price=50)
    data = made(at)
    same(data, at)
    assert data == made(at)


def test_only_what_may_be_changed_is_open():
    """Target, price and headcount on the first sheet; a pin and a cap of each of four reps."""
    with zipfile.ZipFile(io.BytesIO(made(ground(4, unit_price=50)))) as parts:
        styles = parts.read("xl/styles.xml").decode().partition("<cellXfs")[2]
        kinds = styles.partition("</cellXfs>")[0].split("<xf ")[1:]
        free = {str(at) for at, kind in enumerate(kinds) if 'locked="0"' in kind}
        found = {}
        for number in range(1, 10):
            text = parts.read(f"xl/worksheets/sheet{number}.xml").decode()
            assert "<sheetProtection " in text
            cells = re.findall(r'<c r="(\w+)" s="(\d+)"', text)
            found[number] = [cell for cell, style in cells if style in free]
    assert found.pop(1) == ["B5", "B6", "B8"]
    assert found.pop(7) == [f"{column}{row}" for row in range(13, 17) for column in "FG"]
    assert not any(found.values())


def test_a_name_that_is_a_formula_is_text():
    """Of a rep, a team and a region; none of them becomes a formula of the workbook."""
    staff = people(4)
    table = staff.table.assign(name=["=1+1", "@SUM(A1)", "-A1", LINK], team=LINK, region="+A1")
    at = ground(4, staff=dataclasses.replace(staff, table=table))
    data = made(at)
    names = [row[2] for row in sheets_of(data)["Rep"][book.TOP :]]
    assert list(dict.fromkeys(names)) == ["'=1+1", "'@SUM(A1)", "'-A1", f"'{LINK}"]
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if "/sheet" in name]
    assert not any(
        re.search(r"<f[^>]*>(1\+1|[^<]*HYPERLINK|[^<]*SUM\(A1\))", text) for text in sheets
    )


def test_the_command_writes_the_workbook(tmp_path):
    """Without an export, from what the plan states; what is missing stands on the screen."""
    plan, out = tmp_path / "plan.toml", tmp_path / "goal.xlsx"
    plan.write_text(
        "[goal]\nlift = 0.5\nbaseline = 1000000\nby = 2026-12-31\n"
        "[goal.stated]\nreps = 2\nwin_rate = 0.2\ndeal_size = 1000\n"
    )
    run = CliRunner(env={"COLUMNS": "200"}).invoke
    done = run(app, ["goal", "--plan", str(plan), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "500 k are missing" in done.output
    assert sheets_of(out.read_bytes())["Goal"][4][:2] == ["Target (won amount)", 1_500_000]
    refused = run(app, ["goal", "--plan", str(plan), "--out", str(tmp_path / "goal.ods")])
    assert refused.exit_code == 2
    assert "goal.ods does not end in .xlsx." in refused.output


def test_twelve_months_are_printed_on_two_pages_with_the_names_on_both():
    """On one page their letters would be 5 points high; the title stands above each of them.

    Within the table it would be cut where the names end that every sheet repeats. The first sheet
    is upright and one page wide.
    """
    with zipfile.ZipFile(io.BytesIO(made(ground(4)))) as parts:
        sheets = {n: parts.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2, 3)}
        names = parts.read("xl/workbook.xml").decode()
    assert ['fitToWidth="2"' in sheet for sheet in sheets.values()] == [False, True, True]
    assert ["landscape" in sheet for sheet in sheets.values()] == [False, True, True]
    assert "Company!$A:$E,Company!$4:$5" in names
    assert "Company!$A$4:" in names
    assert "Company: what is needed at each stage" in sheets[2].split("oddHeader")[1]
    assert "what is needed" not in sheets[1]


def test_what_stands_above_a_printed_sheet_is_whole_or_left_out():
    """A program takes 255 letters and refuses more; & is a sign there, as is a number after 9."""
    assert book.header("A & B", "2026Q4 to 2027Q3") == (
        '&L&12&"Arial,Bold"A && B\n&9&"Arial,Regular"2026Q4 to 2027Q3'
    )
    assert book.header("A", "word " * 60) == '&L&12&"Arial,Bold"A'
