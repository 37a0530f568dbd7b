"""From files to tables: formats, what is set aside, and the line that says so."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import day
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import enablement as en
from enablement.errors import EnablementError, ExportError, SettingsError
from enablement.read import csvs

SETTINGS = {
    "stages": ["Lead", "Qual"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "files": {"opportunities": "deals.csv"},
    "columns": {
        "opportunities": {
            "opportunity_id": "Id",
            "stage": "Stage",
            "amount": "Amount",
            "closed_at": "Closed",
        }
    },
}
HEADER = "Id,Stage,Amount,Closed\n"


def load(folder: Path, text: str | bytes, **more: object) -> en.CRM:
    """Load a folder with one file of deals."""
    raw = text if isinstance(text, bytes) else text.encode()
    (folder / "deals.csv").write_bytes(raw)
    return en.load(folder, {**SETTINGS, **more})


def reasons(crm: en.CRM) -> list[tuple[int, str, str]]:
    """Line, column and reason of each row that was set aside."""
    aside = crm.quality.set_aside
    return list(zip(aside["line"], aside["column"], aside["reason"], strict=True))


SHORT, LONG = "0065g00000AbCdE", "0065g00000AbCdEAAV"  # V: of A b C d E the 1st, 3rd and 5th


def test_an_id_of_15_letters_is_the_same_of_18(tmp_path):
    """Salesforce's reports have ids of 15 letters, whose case counts, and all else of 18.

    The history finds its opportunity, what stands in both ways is one, and both owners are one.
    OTHER is written in other capitals, and the end of STRANGE does not say which are capitals.
    """
    other, strange, rep = "0065g00000aBCdE", "0065g00000aBCdEZZZ", "0055g00000QwErT"
    (tmp_path / "deals.csv").write_text(
        "Opportunity ID,Opportunity Name,Stage,Owner ID,Amount\n"
        f"{LONG},One,Won,{rep}AAV,5\n{other},Two,Lead,{rep},6\n"
        f"{SHORT},One,Lead,{rep},7\n{strange},Four,Lead,{rep},8\n"
    )
    (tmp_path / "OpportunityHistory.csv").write_text(
        "Id,OpportunityId,CreatedDate,StageName\n"
        f"008a,{SHORT},2026-01-01T00:00:00Z,Lead\n008b,{SHORT},2026-02-01T00:00:00Z,Won\n"
    )
    crm = en.load(tmp_path, {name: SETTINGS[name] for name in ("stages", "outcomes")})
    assert set(crm.opportunities["opportunity_id"]) == {LONG, other, strange}
    assert set(crm.opportunities["rep_id"]) == {f"{rep}AAV"}
    assert list(crm.stage_visits["opportunity_id"].unique()) == [LONG, other, strange]
    assert crm.stage_visits["exit"].iloc[0] == "won"
    again = "opportunity_id stands twice; the first one is used"
    assert reasons(crm) == [(4, "Opportunity ID", again)]
    told = crm.quality.notes.set_index(["file", "note"])["rows"]
    for file, rows in (("deals.csv", 1), ("OpportunityHistory.csv", 2)):
        assert told[file, "opportunity_id of 15 letters read as the same of 18"] == rows


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_a_name_that_is_no_utf8_is_refused_in_a_line(tmp_path):
    """As an old archive leaves an umlaut."""
    (tmp_path / "deals.csv").write_text(HEADER + "1,Won,5,2026-03-31\n")
    Path(os.fsdecode(bytes(tmp_path) + b"/h\xe4ndler.csv")).write_text("rep_id\n7\n")
    with pytest.raises(ExportError, match="The name of the file h\ufffdndler.csv is no UTF-8"):
        en.load(tmp_path, SETTINGS)


def test_settings_that_cannot_be_opened_are_told_in_a_line(tmp_path, monkeypatch):
    """They may belong to another user."""
    (tmp_path / "settings.toml").write_text('stages = ["Lead"]')
    (tmp_path / "deals.csv").write_text(HEADER)

    def forbidden(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(SettingsError, match=r"settings.toml cannot be opened: Permission denied\."):
        en.load(tmp_path)


def test_rows_are_typed_and_counted(tmp_path):
    """Two rows: text, numbers with thousands and signs, dates; the id keeps its zeros."""
    crm = load(tmp_path, HEADER + '007,Won,"$1,234.50",2026-03-31\n008,Lead,,\n')
    first, second = crm.opportunities.to_dict("records")
    assert (first["opportunity_id"], first["amount"], first["outcome"]) == ("007", 1234.5, "won")
    assert first["closed_at"] == pd.Timestamp("2026-03-31")
    assert second["outcome"] == "open"
    assert pd.isna(second["amount"])
    assert crm.quality.summary.to_dict("records") == [
        {"table": "opportunities", "file": "deals.csv", "rows_in": 2, "used": 2, "set_aside": 0}
    ]
    assert str(crm.quality) == "2 rows arrived in 1 table; 2 are used and none was set aside."


def unread(crm: en.CRM) -> list[tuple[int, str, str]]:
    """Line, column and value of what could not be read and counts as missing."""
    found = crm.quality.unread
    return list(zip(found["line"], found["column"], found["value"], strict=True))


UNREADABLE = HEADER + '1,Won,5,2026-01-02\n"2\nb",Won,five,2026-01-02\n3,Won,7,2026-13-40\n'


def test_unreadable_values_are_missing_and_listed_with_their_line(tmp_path):
    """The second row's amount and the third row's date: all three were won, worth 5 and 7."""
    crm = load(tmp_path, UNREADABLE)
    assert list(crm.opportunities["outcome"]) == ["won"] * 3
    assert crm.opportunities["amount"].sum() == 12
    assert crm.opportunities["closed_at"].notna().sum() == 2
    assert unread(crm) == [(3, "Amount", "five"), (5, "Closed", "2026-13-40")]
    assert str(crm.quality) == (
        "3 rows arrived in 1 table; 3 are used and none was set aside. 2 values in them could not "
        "be read and count as missing."
    )


def test_what_cannot_be_read_is_listed_in_the_order_of_the_file(tmp_path, monkeypatch):
    """Of 4,000 rows in many blocks, which are looked at side by side; the note shows line 2."""
    monkeypatch.setattr(csvs, "BLOCKS", (2**12, 2**20))
    crm = load(tmp_path, HEADER + "".join(f"{n},Lead,tbd,\n,,5,\n" for n in range(2000)))
    assert [line for line, _, _ in unread(crm)] == list(range(2, 4002, 2))
    assert [line for line, _, _ in reasons(crm)] == list(range(3, 4002, 2))
    assert "Amount unreadable, as 'tbd' in line 2; read as missing" in set(
        crm.quality.notes["note"]
    )


def test_a_row_without_what_it_needs_is_set_aside_whatever_else_is_unreadable(tmp_path):
    """No stage and an amount "five": the row is not used, so its amount is not told besides."""
    crm = load(tmp_path, HEADER + "1,Won,5,2026-01-02\n2,,five,2026-01-02\n")
    assert list(crm.opportunities["opportunity_id"]) == ["1"]
    assert reasons(crm) == [(3, "Stage", "stage is missing: every row of opportunities needs one")]
    assert unread(crm) == []


def test_what_the_headline_would_be_without_the_rows_of_unreadable_values(tmp_path):
    """Won 1, lost 1 with an amount "tbd": 1/2 as used, 1/1 if its row were set aside."""
    crm = load(tmp_path, HEADER + "1,Won,5,2026-01-02\n2,Lost,tbd,2026-01-02\n")
    effects = en.findings.examine(crm).effects.set_index("measure")
    assert effects.loc["win rate", ["used", "otherwise"]].tolist() == [0.5, 1.0]
    assert effects.loc["win rate", "rule"] == (
        "Amount unreadable, as 'tbd' in line 3; read as missing"
    )


def test_unreadable_values_set_the_row_aside_if_so_said(tmp_path):
    """The second row's amount and the third row's date cannot be read; a cell spans two lines."""
    crm = load(tmp_path, UNREADABLE, rules={"unreadable_values": "set aside"})
    assert list(crm.opportunities["opportunity_id"]) == ["1"]
    assert reasons(crm) == [
        (3, "Amount", "amount is unreadable: a number such as 1234.5 or 1,234.50 is read"),
        (5, "Closed", "closed_at is unreadable: a date such as 2026-09-30 is read"),
    ]
    assert list(crm.quality.set_aside["value"]) == ["five", "2026-13-40"]


def test_rows_with_too_few_or_too_many_fields_are_set_aside(tmp_path):
    """They are counted as rows that arrived, and shown with their line."""
    crm = load(tmp_path, HEADER + "1,Won,5,2026-01-02\n2,Won\n3,Won,5,2026-01-02,extra\n")
    assert [line for line, _, _ in reasons(crm)] == [3, 4]
    assert "2 fields, where the header has 4" in crm.quality.set_aside["reason"].iloc[0]
    summary = crm.quality.summary.iloc[0]
    assert (summary["rows_in"], summary["used"], summary["set_aside"]) == (3, 1, 2)


def test_an_id_that_stands_twice_is_used_once(tmp_path):
    """The first row is used, the second set aside with its line."""
    crm = load(tmp_path, HEADER + "1,Won,5,2026-01-02\n1,Lost,6,2026-01-03\n")
    assert list(crm.opportunities["amount"]) == [5.0]
    assert reasons(crm) == [(3, "Id", "opportunity_id stands twice; the first one is used")]


def test_a_missing_stage_sets_the_row_aside(tmp_path):
    """Every opportunity needs one."""
    crm = load(tmp_path, HEADER + "1,Won,5,2026-01-02\n2,,6,\n")
    assert reasons(crm) == [(3, "Stage", "stage is missing: every row of opportunities needs one")]


def test_a_stage_the_settings_do_not_know_stops_with_the_line_to_add(tmp_path):
    """File, line, column, value, the known ones, the nearest, and all there are to add."""
    text = HEADER + "1,Won,5,2026-01-02\n2,Quall,6,\n3,Quall,6,\n4,Demo,,\n"
    with pytest.raises(SettingsError) as stopped:
        load(tmp_path, text)
    said = str(stopped.value)
    assert said.startswith("deals.csv, line 3, column Stage: settings does not know the stage")
    assert "'Quall'" in said
    assert "Did you mean 'Qual'?" in said
    assert said.endswith("'Quall' (2 rows), 'Demo' (1 row).")


@pytest.mark.parametrize(
    ("dates", "read"),
    [
        (["3/31/2026", "4/1/2026"], ["2026-03-31", "2026-04-01"]),
        (["31/3/2026", "1/4/2026"], ["2026-03-31", "2026-04-01"]),
        (["31.03.26", "01.04.26"], ["2026-03-31", "2026-04-01"]),
        (["03/31/26 08:55 PM", "04/01/26 1:05 AM"], ["2026-03-31 20:55", "2026-04-01 01:05"]),
        (["2026-03-31T09:12:00Z", "2026-04-01"], ["2026-03-31 09:12", "2026-04-01"]),
        (
            ["2026-03-31T09:12:00+02:00", "2026-3-1 5:04:03"],
            ["2026-03-31 07:12", "2026-03-01 05:04:03"],
        ),
    ],
)
def test_the_whole_column_decides_how_dates_are_read(tmp_path, dates, read):
    """A 31 decides for its column; ISO dates decide for themselves; offsets go to UTC."""
    rows = "".join(f"{number},Won,5,{date}\n" for number, date in enumerate(dates))
    crm = load(tmp_path, HEADER + rows)
    assert list(crm.opportunities["closed_at"]) == [pd.Timestamp(date) for date in read]


def test_an_ambiguous_column_of_dates_is_never_guessed(tmp_path):
    """Neither 3/4 nor 5/6 decides; the message shows the line to add, and adding it works."""
    text = HEADER + "1,Won,5,3/4/2026\n2,Won,5,5/6/2026\n"
    with pytest.raises(SettingsError, match=r'column Closed: .3/4/2026. .*dates = "day first"'):
        load(tmp_path, text)
    crm = load(tmp_path, text, dates="day first")
    assert list(crm.opportunities["closed_at"].dt.month) == [4, 6]


def test_naive_times_are_read_in_the_workspace_zone_and_dates_are_not_moved(tmp_path):
    """Noon in Berlin in summer is ten o'clock in UTC; a date without a time stays that date."""
    text = HEADER + "1,Won,5,2026-07-01 12:00:00\n2,Won,5,2026-07-01\n"
    crm = load(tmp_path, text, timezone="Europe/Berlin")
    assert list(crm.opportunities["closed_at"]) == [
        pd.Timestamp("2026-07-01 10:00"),
        pd.Timestamp("2026-07-01"),
    ]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ";"), ("utf-8-sig", ","), ("cp1252", "\t"), ("utf-16", ","), ("utf-8", "|")],
)
def test_encodings_and_delimiters(tmp_path, encoding, delimiter):
    """The same row, however it was saved."""
    lines = [
        ["Id", "Stage", "Amount", "Closed", "Händler"],
        ["1", "Won", "5", "", "Müller & Söhne"],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(lines)
    crm = load(tmp_path, text.getvalue().encode(encoding))
    assert crm.opportunities["Händler"].iloc[0] == "Müller & Söhne"


def test_the_shortest_word_for_not_known_is_counted_too(tmp_path):
    """A dash is no amount, with or without blanks around it: two of three."""
    crm = load(tmp_path, HEADER + "1,Won,-,\n2,Won, - ,\n3,Won,5,\n")
    notes = crm.quality.notes.set_index("note")["rows"].to_dict()
    assert notes["Amount '-' read as missing"] == 2
    assert crm.opportunities["amount"].isna().sum() == 2


def test_placeholders_are_missing_and_values_are_replaced(tmp_path):
    """`N/A` is no amount; a misspelt stage is read as the settings say, and counted."""
    crm = load(
        tmp_path,
        HEADER + "1,Wonn,N/A,\n2,Won,5,\n",
        values={"opportunities": {"stage": {"Wonn": "Won"}}},
    )
    assert list(crm.opportunities["outcome"]) == ["won", "won"]
    assert pd.isna(crm.opportunities["amount"].iloc[0])
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes == {"stage 'Wonn' read as 'Won'": 1, "Amount 'N/A' read as missing": 1}


def test_amount_zero_of_a_lost_one_is_unknown_unless_kept(tmp_path):
    """The rule has a name, is counted, and can be turned round."""
    text = HEADER + "1,Lost,0,2026-01-02\n2,Won,0,2026-01-02\n"
    crm = load(tmp_path, text)
    assert pd.isna(crm.opportunities["amount"].iloc[0])
    assert crm.opportunities["amount"].iloc[1] == 0
    assert list(crm.quality.notes["rows"]) == [1]
    kept = load(tmp_path, text, zero_amount_when_lost="kept")
    assert list(kept.opportunities["amount"]) == [0, 0]


def test_a_close_date_on_an_open_one_is_an_expectation(tmp_path):
    """Salesforce has one column for both."""
    crm = load(tmp_path, HEADER + "1,Lead,5,2026-12-31\n")
    row = crm.opportunities.iloc[0]
    assert row["expected_close"] == pd.Timestamp("2026-12-31")
    assert pd.isna(row["closed_at"])


def test_flags_that_contradict_the_stage_are_counted_and_the_stage_holds(tmp_path):
    """An export may say IsWon of one whose stage is lost."""
    crm = load(tmp_path, "Id,Stage,Amount,Closed,IsWon\n1,Lost,5,2026-01-02,TRUE\n")
    assert crm.opportunities["outcome"].iloc[0] == "lost"
    assert list(crm.quality.notes["note"]) == ["IsWon contradicts the stage, which holds"]


def test_ids_that_are_not_there_are_made_and_flagged(tmp_path):
    """From file and row."""
    columns = {"opportunities": {"stage": "Stage"}}
    (tmp_path / "deals.csv").write_text("Stage\nWon\nLost\n")
    crm = en.load(tmp_path, {**SETTINGS, "columns": columns})
    assert list(crm.opportunities["opportunity_id"]) == ["deals.csv row 1", "deals.csv row 2"]
    assert crm.quality.notes["note"].iloc[0] == "opportunity_id made from file and row"


def test_other_columns_keep_their_names_and_can_be_split_by(tmp_path):
    """A collision with a name of ours gets a prefix."""
    crm = load(tmp_path, "Id,Stage,Amount,Closed,Segment,outcome\n1,Won,5,2026-01-02,Large,x\n")
    assert crm.opportunities["Segment"].iloc[0] == "Large"
    assert crm.opportunities["crm_outcome"].iloc[0] == "x"
    assert en.win_rate(crm, as_of="2026-02-01", by="Segment")["Segment"].iloc[0] == "Large"


def test_history_rows_of_other_opportunities_are_set_aside(tmp_path):
    """A history may name opportunities that were filtered out of the list."""
    (tmp_path / "stage_events.csv").write_text(
        "opportunity_id,entered_at,stage\n1,2026-01-01,Lead\n9,2026-01-01,Lead\n"
    )
    crm = load(tmp_path, HEADER + "1,Won,5,2026-01-02\n")
    aside = crm.quality.set_aside.iloc[0]
    assert (aside["file"], aside["line"], aside["value"]) == ("stage_events.csv", 3, "9")
    assert crm.quality.summary.set_index("file").loc["stage_events.csv", "set_aside"] == 1


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, r"has no CSV file"),
        ({"deals.csv": ""}, r"deals.csv, line 1: the file is empty"),
        ({"deals.csv": "\n"}, r"deals.csv, line 1: the file is empty"),
        ({"deals.csv": "Id,Amount,Closed\n1,5,\n"}, r"stage = 'Stage', but deals.csv has no such"),
        ({"other.csv": "a,b\n1,2\n"}, r"deals.csv' is not there. Known: other.csv"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, files, complaint):
    """File, and what would have worked."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(EnablementError, match=complaint) as refused:
        en.load(tmp_path, SETTINGS)
    assert "\n" not in str(refused.value)


def test_a_missing_folder_names_its_neighbours(tmp_path):
    """The nearest name is offered."""
    (tmp_path / "exports").mkdir()
    with pytest.raises(ExportError, match="no folder .*export. Known: exports. Did you mean"):
        en.load(tmp_path / "export", SETTINGS)


def test_no_opportunities_recognised_says_what_to_write(tmp_path):
    """The files that are there, and the lines for the settings."""
    (tmp_path / "things.csv").write_text("a,b\n1,2\n")
    least = {"stages": ["Lead"], "outcomes": {"Won": "won"}}
    with pytest.raises(ExportError, match=r"recognised as opportunities \(things.csv: "):
        en.load(tmp_path, least)


def test_tables_of_ones_own_need_their_columns_and_name_them():
    """A DataFrame without a needed column, and one that no table is called after."""
    frame = pd.DataFrame({"id": [1]})
    with pytest.raises(ExportError, match="has no column opportunity_id. Its columns: id"):
        en.crm(
            opportunities=pd.DataFrame({"opportunity_id": [1], "stage": ["Lead"]}),
            stage_events=frame,
            settings=SETTINGS,
        )
    with pytest.raises(ExportError, match="No table is called 'quota'.*Did you mean 'quotas'"):
        en.crm(opportunities=frame, quota=frame, settings=SETTINGS)


def test_numbers_as_ids_become_text_without_a_point():
    """Pandas makes a float of an id column with a gap."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": [1, 2], "rep_id": [7.0, None], "stage": ["Won", "Lead"]}
        ),
        settings={key: SETTINGS[key] for key in ("stages", "outcomes")},
    )
    assert list(crm.opportunities["opportunity_id"]) == ["1", "2"]
    assert crm.opportunities["rep_id"].iloc[0] == "7"


def test_owners_who_are_in_no_list_are_added_and_counted():
    """They own opportunities, so they must appear."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["1", "2"], "rep_id": ["a", "b"], "stage": ["Won", "Lead"]}
        ),
        reps=pd.DataFrame({"rep_id": ["a"], "name": ["Ann"]}),
        settings={key: SETTINGS[key] for key in ("stages", "outcomes")},
    )
    assert list(crm.reps["name"]) == ["Ann", "b"]
    assert list(crm.quality.notes["rows"]) == [1]


def test_who_only_manages_does_not_sell():
    """A manager without opportunities is no rep without opportunities."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["1"], "rep_id": ["a"], "stage": ["Won"]}),
        reps=pd.DataFrame({"rep_id": ["a", "b", "m"], "manager_id": ["m", "m", None]}),
        settings={key: SETTINGS[key] for key in ("stages", "outcomes")},
    )
    assert list(crm.sellers["rep_id"]) == ["a", "b"]


def test_the_day_of_the_report_is_the_earlier_of_period_and_export():
    """A quarter that is not over is reported as of the export."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["1"], "stage": ["Won"], "closed_at": [day(40)]}
        ),
        settings={key: SETTINGS[key] for key in ("stages", "outcomes")},
    )
    assert crm.as_of("2026Q1") == day(40).date()
    assert crm.as_of("2025Q4").isoformat() == "2025-12-31"


def test_headers_that_differ_in_case_are_two_columns(tmp_path):
    """SQL does not tell them apart; the file does."""
    crm = load(tmp_path, "Id,Stage,Amount,Closed,amount,STAGE\n1,Won,5,,7,Lead\n")
    row = crm.opportunities.iloc[0]
    assert (row["amount"], row["outcome"]) == (5.0, "won")
    assert row["amount (2)"] == "7"


@pytest.mark.parametrize(
    "header",
    [
        *("row", "Row", "file", "n", "?stage", "c0", "t0", "visit", "a\x00b", 'q"x', "{}", "$x"),
        *("Code", "rep", "place", "closing", "moves", "numbered"),
    ],
)
def test_a_header_may_be_called_anything(tmp_path, header):
    """Its values are kept under its name or with `crm_` in front; no table stumbles over it."""
    text = io.StringIO()
    csv.writer(text).writerows(
        [["Id", "Stage", "Amount", "Closed", header], [1, "Won", 5, "", "x"]]
    )
    crm = load(tmp_path, text.getvalue())
    assert len(crm.opportunities) == len(crm.closings) == len(crm.stage_events) == 1
    assert crm.stage_visits.empty
    assert "x" in crm.opportunities.iloc[0].astype("str").tolist()


@pytest.mark.parametrize("headers", ["n,crm_n", "crm_n,N", "file,Crm_File", "n,crm_n,CRM_N"])
def test_a_prefix_meets_no_header_that_has_it_already(tmp_path, headers):
    """Every value is kept, each under a name of its own."""
    many = len(headers.split(","))
    crm = load(tmp_path, f"Id,Stage,Amount,Closed,{headers}\n1,Won,5,,{','.join('abc'[:many])}\n")
    kept = crm.opportunities.iloc[0].astype("str")
    assert set("abc"[:many]) <= set(kept)
    assert not kept.index.str.casefold().has_duplicates


@pytest.mark.parametrize("name", ["file", "ROW", "n", "outcome"])
def test_settings_cannot_take_a_name_that_is_needed_within(tmp_path, name):
    """The line says which name, and what would work."""
    columns = {"opportunities": {**SETTINGS["columns"]["opportunities"], name: "Region"}}
    with pytest.raises(SettingsError, match=rf"\[columns.opportunities\] {name} .* crm_{name}\."):
        load(tmp_path, "Id,Stage,Amount,Closed,Region\n1,Won,5,,North\n", columns=columns)


def test_a_history_may_have_a_column_called_place(tmp_path):
    """The list names no stage; it is taken from the history, which says where a talk took place."""
    (tmp_path / "opportunities.csv").write_text("opportunity_id,stage,Outcome,amount\nD1,,open,5\n")
    (tmp_path / "stage_events.csv").write_text(
        "opportunity_id,entered_at,stage,place\nD1,2026-01-02,Lead,Berlin\n"
    )
    plain = {name: SETTINGS[name] for name in ("stages", "outcomes")}
    assert en.load(tmp_path, plain).opportunities["stage"].tolist() == ["Lead"]


def test_headers_that_stand_twice_lose_nothing(tmp_path):
    """Also where a made name is there already."""
    crm = load(tmp_path, "Id,Stage,Amount,Closed,x,x,x (2)\n1,Won,5,,a,b,c\n")
    values = crm.opportunities.iloc[0].astype("str").tolist()
    assert {"a", "b", "c"} <= set(values)


def test_a_wide_file_is_read_in_no_time(tmp_path):
    """600 columns: SQL over lists of words once took minutes and gigabytes."""
    names = ",".join(f"extra {n}" for n in range(600))
    crm = load(tmp_path, f"Id,Stage,Amount,Closed,{names}\n1,Won,5,,{',' * 599}\n")
    assert len(crm.opportunities.columns) > 600


def test_a_quotation_mark_that_is_never_closed_stops_with_its_line(tmp_path):
    """It would swallow the two rows behind it."""
    text = 'Id,Stage,Amount,Closed,Name\n1,Lead,5,,a\n2,Qual,6,,"b\n3,Lead,7,,c\n4,Lead,8,,d\n'
    with pytest.raises(ExportError, match="deals.csv, line 3: a quotation mark is opened"):
        load(tmp_path, text)


def test_broken_rows_keep_their_own_lines_in_a_long_file(tmp_path):
    """Blocks are read side by side; line and value still belong together."""
    rows = [f"B{n},Won" if n % 997 == 0 else f"B{n},Won,5,2026-01-02" for n in range(2, 150_000)]
    crm = load(tmp_path, HEADER + "\n".join(rows) + "\n")
    aside = crm.quality.set_aside
    assert len(aside) == 150
    assert [f"B{line}" for line in aside["line"]] == [v.split(",")[0] for v in aside["value"]]


def test_a_header_alone_is_an_empty_table(tmp_path):
    """With or without a line end."""
    for text in (HEADER, HEADER.strip()):
        assert load(tmp_path, text).quality.summary["rows_in"].iloc[0] == 0


def test_a_long_field_is_read(tmp_path):
    """Five megabytes in one cell, behind a row that is read in another block."""
    text = HEADER + f'1,Won,5,2026-01-02\n2,Lead,,"{"x" * 5_000_000}"\n'
    columns = {"opportunities": {"opportunity_id": "Id", "stage": "Stage"}}
    crm = load(tmp_path, text, columns=columns)
    assert len(crm.opportunities) == 2


def test_a_file_in_no_known_encoding_is_named(tmp_path):
    """0x81 is no letter in Windows-1252 and no UTF-8."""
    with pytest.raises(ExportError, match="deals.csv is neither UTF-8 nor Windows-1252"):
        load(tmp_path, HEADER.encode() + b"1,Won,5,\x81\n")


def test_days_and_months_both_first_in_one_column_stop(tmp_path):
    """13/03 and 03/14 in one column: what is 04/03?"""
    rows = "1,Won,5,13/03/2026\n2,Won,5,03/14/2026\n3,Won,5,04/03/2026\n"
    with pytest.raises(SettingsError, match="some values have the day first and some the month"):
        load(tmp_path, HEADER + rows)


def test_garbage_does_not_decide_the_order_of_dates(tmp_path):
    """99/03 is no day; 01/03 and 05/06 stay ambiguous."""
    rows = "1,Won,5,01/03/2026\n2,Won,5,99/03/2026\n3,Won,5,05/06/2026\n"
    with pytest.raises(SettingsError, match="no value of the column decides"):
        load(tmp_path, HEADER + rows)


def test_a_format_that_is_stated_is_the_only_one(tmp_path):
    """Year, day, month: the 25th month is no date, and is not read another way."""
    rows = "1,Won,5,2026-03-04\n2,Won,5,2026-03-25\n3,Won,5,2026-25-03\n"
    crm = load(tmp_path, HEADER + rows, dates="%Y-%d-%m")
    dates = crm.opportunities["closed_at"].dt.strftime("%d.%m.")
    assert dates.fillna("").tolist() == ["03.04.", "", "25.03."]
    assert unread(crm) == [(3, "Closed", "2026-03-25")]


def test_an_open_end_is_no_date_and_a_word_is_none_either(tmp_path):
    """9999-12-31 means not yet; `infinity` and year 26 of our era are unreadable."""
    rows = "1,Lead,5,9999-12-31\n2,Won,5,infinity\n3,Won,5,0026-02-13\n4,Won,5,2026-01-02\n"
    crm = load(tmp_path, HEADER + rows)
    assert crm.opportunities["closed_at"].notna().tolist() == [False, False, False, True]
    assert [line for line, _, _ in unread(crm)] == [3, 4]
    assert crm.seen_until == pd.Timestamp("2026-01-02").date()


def test_numbers_that_are_none_are_unreadable_and_decimal_commas_decide(tmp_path):
    """1e400 is infinite; 1.234,56 says that 1.000 beside it is a thousand."""
    crm = load(tmp_path, HEADER + "1,Won,1e400,\n2,Won,7,\n")
    assert unread(crm) == [(2, "Amount", "1e400")]
    crm = load(tmp_path, HEADER + '1,Won,"1.234,56",\n2,Won,1.000,\n')
    assert list(crm.opportunities["amount"]) == [1234.56, 1000.0]


def test_frames_read_naive_times_in_the_workspace_zone_too():
    """Half past midnight in Berlin in summer is the day before in UTC; a date stays."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {
                "opportunity_id": ["1", "2"],
                "stage": ["Won", "Won"],
                "closed_at": ["2026-07-01 00:30", "2026-07-01"],
                "created_at": pd.to_datetime(["2026-06-01 12:00", "2026-06-01 00:00"]),
            }
        ),
        settings={**{k: SETTINGS[k] for k in ("stages", "outcomes")}, "timezone": "Europe/Berlin"},
    )
    assert list(crm.opportunities["closed_at"].astype("str")) == [
        "2026-06-30 22:30:00",
        "2026-07-01 00:00:00",
    ]
    assert crm.opportunities["created_at"].iloc[0] == pd.Timestamp("2026-06-01 10:00")


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        ([1, 2], "is a list, not a pandas DataFrame"),
        (pd.DataFrame([[1, 2]], columns=["stage", "Stage"]), "has the column 'Stage' twice"),
        (pd.DataFrame({("a", "b"): [1]}), "columns of several levels"),
        (
            pd.DataFrame({"opportunity_id": ["1"], "stage": ["Lead"], "created_at": [44927]}),
            "row 0, column created_at: .* is unreadable",
        ),
        (
            pd.DataFrame({"opportunity_id": ["1"], "stage": ["Lead"], "amount": ["1,5"]}),
            "column amount: '1,5' is unreadable",
        ),
    ],
)
def test_frames_that_cannot_be_read_say_why(frame, complaint):
    """A line, not a fault."""
    with pytest.raises(ExportError, match=complaint):
        en.crm(opportunities=frame, settings={k: SETTINGS[k] for k in ("stages", "outcomes")})


def test_flags_of_a_frame_may_be_real_booleans():
    """Pandas reads TRUE as True."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["1"], "stage": ["Lost"], "IsWon": [True]}),
        settings={k: SETTINGS[k] for k in ("stages", "outcomes")},
    )
    assert list(crm.quality.notes["rows"]) == [1]


CELL = st.one_of(
    st.sampled_from(["Won", "Lost", "Lead", "Qual", "5", "1,000", "2026-01-02", "N/A", "", "x"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=8))
def test_no_row_is_lost_whatever_the_file_holds(tmp_path, rows):
    """Rows in = used + set aside = the rows an independent reader counts; or one clear line."""
    text = io.StringIO()
    csv.writer(text).writerows([["Id", "Stage", "Amount", "Closed"], *rows])
    raw = text.getvalue()
    independent = sum(1 for row in csv.reader(io.StringIO(raw)) if row) - 1
    complaint = ""
    try:
        crm = load(tmp_path, raw.encode())
    except EnablementError as error:
        complaint = str(error)
    assert len(complaint.splitlines()) <= 1
    if complaint:
        return
    summary = crm.quality.summary.iloc[0]
    assert summary["rows_in"] == summary["used"] + summary["set_aside"] == independent
    assert len(crm.opportunities) == summary["used"]
    assert len(crm.quality.set_aside) == summary["set_aside"]


def test_kinds_of_business_are_read_as_spelt_and_others_counted():
    """HubSpot writes `newbusiness`; `Upsell` is no kind that is known, and said to be none."""
    said = {"stages": ["Lead"], "outcomes": {"Won": "won"}}
    kinds = ["newbusiness", "Existing Business", "Renewal", "Upsell", "Upsell", None]
    rows = pd.DataFrame(
        {"opportunity_id": list("abcdef"), "stage": "Lead", "name": list("uvwxyz"), "type": kinds}
    )
    crm = en.crm(opportunities=rows, settings=said)
    assert crm.opportunities["type"].dropna().tolist() == [
        "new business",
        "existing business",
        "renewal",
    ]
    told = "type read as unknown, for want of a line in [types]: 'Upsell'"
    assert dict(crm.quality.notes[["note", "rows"]].to_numpy())[told] == 2


def test_a_line_of_totals_is_no_opportunity_that_was_left_out(tmp_path):
    """A list kept by hand ends in its sum: that row moves no win rate."""
    text = "Deal name,Stage,Amount\nx,Won,10\ny,Lost,20\nTOTAL,,30\n"
    (tmp_path / "deals.csv").write_text(text)
    said = {"stages": ["Lead"], "outcomes": {"Won": "won", "Lost": "lost"}}
    crm = en.load(tmp_path, said)
    assert crm.quality.set_aside["reason"].tolist() == ["a summary row of the report"]
    assert en.findings.examine(crm).effects.empty


CHANGED = {"timezone": "Europe/Berlin"}


def test_times_in_the_hours_of_a_changed_clock_are_counted(tmp_path):
    """In Berlin 02:30 was left out on 29 March 2026, and came twice on 25 October."""
    rows = "1,Won,5,2026-03-29 02:30\n2,Won,5,2026-10-25 02:30\n3,Won,5,2026-07-01 02:30\n"
    crm = load(tmp_path, HEADER + rows, **CHANGED)
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes["Closed: times in the hour that the clock left out, read an hour later"] == 1
    assert (
        notes["Closed: times in the hour that the clock showed twice, read as the later one"] == 1
    )
    assert crm.opportunities["closed_at"].dt.strftime("%m-%d %H:%M").tolist() == [
        *("03-29 01:30", "10-25 01:30", "07-01 00:30")
    ]
    unmoved = load(tmp_path, HEADER + rows).quality.notes["note"]
    assert not unmoved.str.contains("clock").any()


def test_frames_read_the_hours_of_a_changed_clock_as_files_do(tmp_path):
    """The same three times, to the minute, and the same two notes."""
    frame = pd.DataFrame(
        {
            "opportunity_id": ["1", "2", "3"],
            "stage": "Won",
            "closed_at": ["2026-03-29 02:30", "2026-10-25 02:30", "2026-07-01 02:30"],
        }
    )
    said = {**{name: SETTINGS[name] for name in ("stages", "outcomes")}, **CHANGED}
    crm = en.crm(opportunities=frame, settings=said)
    assert crm.opportunities["closed_at"].dt.strftime("%m-%d %H:%M").tolist() == [
        *("03-29 01:30", "10-25 01:30", "07-01 00:30")
    ]
    notes = crm.quality.notes[crm.quality.notes["note"].str.contains("clock")]
    assert notes["rows"].tolist() == [1, 1]


def test_the_currency_is_read_from_the_amounts(tmp_path):
    """Two in euros by sign and by code, one in pounds, one without a sign in the settings' USD."""
    rows = '1,Won,"€ 1.200,50",\n2,Won,"EUR 1.300,00",\n3,Won,"£ 5,00",\n4,Won,"7,00",\n'
    crm = load(tmp_path, HEADER + rows)
    assert crm.opportunities["currency"].tolist() == ["EUR", "EUR", "GBP", "USD"]
    assert crm.opportunities["amount"].tolist() == [1200.5, 1300, 5, 7]
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes["currency read from Amount: EUR, GBP"] == 3
    assert notes["Amount in several currencies: EUR (2), GBP (1)"] == 3


def test_a_column_of_currencies_holds_against_a_sign_and_that_is_counted(tmp_path):
    """€ beside USD is counted; $ beside CAD is none, nor is € beside EUR; € fills an empty one."""
    header = "Id,Stage,Amount,Closed,Currency\n"
    rows = "1,Won,€ 5,,USD\n2,Won,$ 5,,CAD\n3,Won,€ 5,,EUR\n4,Won,€ 5,,\n"
    columns = {"opportunities": {**SETTINGS["columns"]["opportunities"], "currency": "Currency"}}
    crm = load(tmp_path, header + rows, columns=columns)
    assert crm.opportunities["currency"].tolist() == ["USD", "CAD", "EUR", "EUR"]
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes["Amount contradicts Currency, which holds, as '€ 5'"] == 1
    assert notes["currency read from Amount: EUR"] == 1


def test_a_sign_that_the_settings_currency_does_not_have_is_counted(tmp_path):
    """A krona is no dollar: it stands for several currencies, so it fills none."""
    crm = load(tmp_path, HEADER + "1,Won,kr 5,\n2,Won,$ 5,\n")
    assert crm.opportunities["currency"].tolist() == ["USD", "USD"]
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes["Amount contradicts the settings' currency USD, which holds, as 'kr 5'"] == 1


def test_a_stage_in_other_capitals_is_the_stage_and_is_told(tmp_path):
    """Typed by hand: `won` and ` LEAD` are Won and Lead; `Leads` is neither."""
    crm = load(tmp_path, HEADER + "1,won,5,2026-01-02\n2,LEAD,,\n3,Won,5,2026-01-02\n")
    assert crm.opportunities["stage"].tolist() == ["Won", "Lead", "Won"]
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes["stage 'won' read as 'Won'"] == 1
    assert notes["stage 'LEAD' read as 'Lead'"] == 1
    with pytest.raises(SettingsError, match="does not know the stage 'Leads'"):
        load(tmp_path, HEADER + "1,won,5,2026-01-02\n2,Leads,,\n")


def test_a_stage_with_its_pipeline_behind_it_is_the_stage(tmp_path):
    """HubSpot writes `Won (Renewals)` where there are several pipelines."""
    (tmp_path / "deals.csv").write_text(
        "Record ID,Deal Name,Deal Stage,Pipeline\n"
        "1,A,Lead (Sales),Sales\n2,B,Won (Renewals),Renewals\n3,C,Lost,Sales\n"
    )
    pipelines = {"Sales": {"stages": ["Lead"]}, "Renewals": {"stages": ["Due"]}}
    crm = en.load(tmp_path, {"pipelines": pipelines, "outcomes": {"Won": "won", "Lost": "lost"}})
    assert crm.opportunities["stage"].tolist() == ["Lead", "Won", "Lost"]
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes["stage 'Won (Renewals)' read as 'Won'"] == 1


def test_a_list_of_offers_as_a_german_program_writes_it(tmp_path):
    """In cp1252, semicolons, 1.234,56- behind a credit note: 1,234.56 less, not more."""
    text = (
        "Angebot;Kunde;Status;Nettowert;Angelegt am\n"
        "0020001234;Müller & Söhne;Gewonnen;1.234,56;13.01.2026\n"
        "0020001235;Käfer AG;Gewonnen;234,56-;14.01.2026\n"
    )
    (tmp_path / "VA25.csv").write_bytes(text.encode("cp1252"))
    columns = {
        **{"opportunity_id": "Angebot", "account_name": "Kunde", "stage": "Status"},
        **{"amount": "Nettowert", "created_at": "Angelegt am"},
    }
    said = {
        "stages": ["Offen"],
        "outcomes": {"Gewonnen": "won"},
        "files": {"opportunities": "VA25.csv"},
        "columns": {"opportunities": columns},
    }
    crm = en.load(tmp_path, said)
    assert crm.opportunities["opportunity_id"].tolist() == ["0020001234", "0020001235"]
    assert crm.opportunities["amount"].tolist() == [1234.56, -234.56]
    assert crm.opportunities["created_at"].dt.day.tolist() == [13, 14]


def test_what_belongs_to_an_opportunity_that_is_set_aside_later_goes_with_it():
    """B has neither a stage nor a history of one; the change of its owner is set aside too."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["A", "B"], "stage": ["Lead", None], "rep_id": ["R", "R"]}
        ),
        owner_changes=pd.DataFrame(
            {
                "opportunity_id": ["A", "B"],
                "changed_at": ["2026-01-05", "2026-01-06"],
                "from_rep": ["S", "S"],
                "to_rep": ["R", "R"],
            }
        ),
        settings={"stages": ["Lead"], "outcomes": {"Won": "won", "Lost": "lost"}},
    )
    aside = crm.quality.set_aside
    assert aside.groupby("table").size().to_dict() == {"opportunities": 1, "owner_changes": 1}
    assert aside["reason"].str.contains("is not among the opportunities").sum() == 1
