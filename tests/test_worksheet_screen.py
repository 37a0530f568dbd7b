"""The worksheet on screen: its numbers are the table's, and a name is only a name."""

from __future__ import annotations

import dataclasses
import functools

import pytest
from bs4 import BeautifulSoup
from plans import XYZ, ground, people

import enablement as en
from enablement.plan import cascade
from enablement.run import report
from enablement.show import words
from enablement.show.theme import literal

EVIL = '"><img src=x onerror=alert(1)>$a$ <b>_x_</b>'


@functools.cache
def made(**said):
    at = ground(8, **said)
    return cascade.worksheet(
        dataclasses.replace(at, base=dataclasses.replace(at.base, currency="USD"))
    )


def cells(screen):
    """Rows of texts, the head's last one first."""
    soup = BeautifulSoup(screen.html(), "html.parser")
    head = soup.find("thead").find_all("tr")
    rows = [
        [c.get_text("|", strip=True) for c in r.find_all(["th", "td"])] for r in soup.find_all("tr")
    ]
    return rows[len(head) - 1 :]


def test_each_quarter_has_what_its_months_need():
    """Three months of each stage together, the year at the end; won stands below the stages."""
    table = made()
    rows = cells(en.tables.results_worksheet(table))
    mine = table[(table["level"] == "company") & (table["stage"] == "Qual")]
    by_quarter = mine["needed"].to_numpy().reshape(4, 3).sum(axis=1)
    qual = next(row for row in rows if row[0] == "Qual")
    assert [cell.split("|")[0] for cell in qual[1:5]] == [f"{n:,}" for n in by_quarter]
    assert qual[5] == f"{mine['needed'].sum():,}"
    assert [row[0] for row in rows[-5:]] == ["Lead", "Qual", "Prop", "Won", "Won amount"]


def test_a_day_says_by_when_all_of_the_quarter_must_be_there():
    """Nine in ten wins take 90 days from Lead: for those of March 2026 it is 31 December 2025."""
    lead = cells(en.tables.results_worksheet(made()))[-5]
    assert lead[1].split("|")[1] == "31 Dec 2025, past"
    assert lead[2].split("|")[1] == "1 Apr"


@pytest.mark.parametrize(
    ("by", "of", "rows"), [("region", None, 2), ("team", None, 4), ("rep", None, 8)]
)
def test_the_places_add_up_to_the_last_row(by, of, rows):
    """Of each column of whole numbers, but for what is short of some and over of others."""
    found = [
        row for row in cells(en.tables.results_worksheet(made(), by=by, of=of)) if len(row) == 7
    ]
    *each, total = [row for row in found if "needed" not in row]
    assert len(each) == rows
    assert total[0] == "Company"
    for column in (2, 4):
        assert sum(int(row[column].replace(",", "")) for row in each) == int(
            total[column].replace(",", "")
        )


@pytest.mark.parametrize("by", ["stage", "region", "team", "rep"])
def test_there_are_seven_columns_at_most(by):
    """Name and six figures."""
    assert max(map(len, cells(en.tables.results_worksheet(made(), by=by)))) == 7


def test_of_one_team_there_are_its_reps_and_its_own_sum():
    """Team 1 has two of the eight reps; a rep is asked for by name or by id."""
    rows = cells(en.tables.results_worksheet(made(), by="rep", of="Team 1"))
    assert [row[0] for row in rows[-3:]] == ["Rep 002", "Rep 003", "Team 1"]
    by_name = en.tables.results_worksheet(made(), of="Rep 002")
    assert by_name.html() == en.tables.results_worksheet(made(), of="R002").html()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"by": "squad"}, "by='squad'"),
        ({"of": "Team 9"}, "no place of this worksheet"),
        ({"by": "region", "of": "Team 1"}, "Team 1 has no region in it"),
    ],
)
def test_what_is_not_there_is_refused(said, message):
    """With what there is instead."""
    with pytest.raises(en.EnablementError, match=message):
        en.tables.results_worksheet(made(), **said)


def test_more_than_anybody_ever_had_is_marked_and_said():
    """A target ten times as high is out of reach of everybody."""
    table = made(target=10_000_000.0)
    shown = en.tables.results_worksheet(table, by="rep")
    assert "Every rep needs more than any has ever had" in words.results_worksheet(table)
    assert shown.told.startswith("8 of 8 reps are short of wins if nothing changes, most of all")
    assert shown.html().count("<em>") == 8
    assert any("italics" in note for note in shown.notes)


def test_a_name_is_only_a_name():
    """Neither as rep, team or region, on screen or in the report, and money is no mathematics."""
    staff = people(4)
    staff = dataclasses.replace(staff, table=staff.table.assign(name=EVIL, team=EVIL, region=EVIL))
    table = cascade.worksheet(ground(4, staff=staff))
    for by in ("region", "team", "rep"):
        html = en.tables.results_worksheet(table, by=by).html()
        for written in (html, report.safe_html(html)):
            soup = BeautifulSoup(written, "html.parser")
            assert not soup.find_all(["img", "script", "b"])
            assert EVIL in soup.get_text()
    assert "<span>$</span>a<span>$</span>" in html
    assert literal("<p>$1</p>") == "<p>$1</p>"
    assert literal('<a title="$1 $2">x</a>') == '<a title="$1 $2">x</a>'


def test_names_stand_at_the_left_without_a_sheet_of_styles():
    """JupyterLab drops it from a notebook that is not trusted, and would put them to the right."""
    soup = BeautifulSoup(en.tables.results_worksheet(made(), by="team").html(), "html.parser")
    names = soup.select("th.gt_group_heading, th.gt_stub")
    assert len(names) == 3 + 5
    assert {name["style"] for name in names} == {"text-align: left"}


def test_it_is_the_same_every_time_and_loads_nothing():
    """No random id, no address."""
    one, two = (en.tables.results_worksheet(made()) for _ in range(2))
    assert one.html() == two.html()
    assert "://" not in one.html()
    assert one._repr_mimebundle_()["text/plain"].startswith("What is needed at each stage")


def test_the_report_keeps_its_totals_and_its_right_edges():
    """What runs and what colours is taken out; strong rows, small days and classes stay."""
    kept = report.safe_html(en.tables.results_worksheet(made()).html())
    soup = BeautifulSoup(kept, "html.parser")
    assert len(soup.select("tr strong")) > 6
    assert soup.select("td.gt_right small")
    assert "<style" not in kept


def test_company_xyz_needs_its_units():
    """25 reps × 12 months × 100 units; a won one is a unit, so they are told once."""
    table = en.results_worksheet(None, XYZ)
    rows = cells(en.tables.results_worksheet(table))
    assert [row[0] for row in rows[-2:]] == ["Won", "Won amount"]
    assert rows[-2][5] == "30,000"
    assert sum(int(cell.replace(",", "")) for cell in rows[-2][1:5]) == 30_000


def test_the_parts_are_what_lies_below():
    """Teams of the company and of a region, reps of a team; of a rep there are only stages."""
    table = made()
    told = {None: "Each team's part", "Region 1": "Each team's part", "Team 1": "Each rep's part"}
    for of, what in told.items():
        assert en.tables.results_worksheet(table, by="parts", of=of).what.startswith(what)
    assert "at each stage" in en.tables.results_worksheet(table, by="parts", of="R001").what


def test_a_long_list_is_cut_and_says_so():
    """Of 60 reps 40 are shown: whoever needs the others opens the workbook."""
    shown = en.tables.results_worksheet(cascade.worksheet(ground(60)), by="rep")
    assert "20 more are in the workbook" in shown.notes[0]
    assert sum(row[0].startswith("Rep ") for row in cells(shown)) == 40


def test_an_answer_shows_its_table_in_any_of_its_ways():
    """As a notebook asks for it: the same answer by stage and by team."""
    answer = en.ask(en.results_worksheet, None, plan=XYZ)
    assert str(answer).startswith("If nothing changes, 1.00 M come of the 1.50 M that are wanted")
    assert answer.shown(by="rep").what.startswith("Each rep's part")
    assert en.ask(en.results_worksheet, None, plan="nowhere").shown(by="rep") is None


def test_the_baseline_is_said_with_what_follows():
    """Company XYZ: 1,000,000 sold, half as much again wanted; nothing is expected of anybody."""
    said = str(en.ask(en.baseline, None, plan=XYZ)).splitlines()
    assert said[0] == "Sold in a year: 1.00 M. Wanted in 2026: 1.50 M, 50 % more."
    assert said[1].startswith("Nothing is known of what is expected")


def test_a_readers_figures_are_short():
    """9,186,990 of 9,404,000 is $9.19 M of $9.40 M; a date, a share and a small number stay."""
    table = en.baseline(None, XYZ)
    table.attrs["currency"] = "USD"
    said = "Sold 9,186,990 of 9,404,000: 97.7 %. A step of -3,910,373 in 2026-10-01, 66.7 units."
    assert words.gap.shortened(said, table) == (
        "Sold $9.19 M of $9.40 M: 97.7 %. A step of −$3.91 M in 2026-10-01, 66.7 units."
    )


def test_what_the_answer_has_said_is_not_said_again_over_the_table():
    """Of the company nothing; of places how many are short, which has a sentence of its own."""
    table = made()
    assert en.tables.results_worksheet(table).told == ""
    assert 'class="told"' not in en.tables.results_worksheet(table).html()
    assert en.tables.results_worksheet(table, of="Team 1").told.startswith("If nothing changes")
    teams = en.tables.results_worksheet(table, by="team")
    assert "teams are short of wins" in teams.told
    assert teams.told != words.results_worksheet(table)


def test_a_team_that_the_crm_does_not_know_has_a_word():
    """Neither an empty row in the table nor one in the chart."""
    staff = people(4)
    staff = dataclasses.replace(staff, table=staff.table.assign(team=["", "A", "A", ""]))
    table = cascade.worksheet(ground(4, staff=staff))
    names = [row[0] for row in cells(en.tables.results_worksheet(table, by="team"))]
    assert "not known" in names
    assert "" not in names
