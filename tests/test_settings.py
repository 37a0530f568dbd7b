"""What a workspace says of itself, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from enablement import load, settings
from enablement.errors import SettingsError
from enablement.periods import Calendar
from enablement.workdays import WorkingDays

LEAST = {"stages": ["Lead", "Qual"], "outcomes": {"Won": "won", "Lost": "lost"}}
OF_DEALS = {"files": {"opportunities": "deals.csv"}}


def read(said, tmp_path):
    """Read a dict of settings."""
    return settings.read(said, folder=tmp_path)


def test_the_least_is_stages_and_outcomes(tmp_path):
    """Everything else has a default."""
    said = read(LEAST, tmp_path)
    assert said.pipelines == {"": ("Lead", "Qual")}
    assert said.known_stages == ["Lead", "Qual", "Won", "Lost"]
    assert (said.currency, said.timezone, said.calendar.first_month) == ("USD", "UTC", 1)


def test_a_file_and_a_dict_say_the_same(tmp_path):
    """TOML in the export's folder is found without being named."""
    (tmp_path / "settings.toml").write_text(
        'stages = ["Lead", "Qual"]\n[outcomes]\nWon = "won"\nLost = "lost"\n'
    )
    from_file = settings.read(None, folder=tmp_path)
    assert from_file.pipelines == read(LEAST, tmp_path).pipelines
    assert from_file.origin == "settings.toml"


def test_a_fiscal_year_may_be_made_of_weeks(tmp_path):
    """Retail's calendar, said by its last month, and the defaults of what it leaves out."""
    said = {"last_month": 1, "weeks": "4-5-4", "ends": "Saturday nearest", "named_after": "start"}
    retail = read({**LEAST, "fiscal_year": said}, tmp_path).calendar
    assert retail == Calendar(2, (4, 5, 4), "Saturday nearest", 12, "start")
    assert retail.period("2023").end == dt.date(2024, 2, 3)
    usual = read({**LEAST, "fiscal_year": {"weeks": "4-4-5", "extra_week": "M03"}}, tmp_path)
    assert usual.calendar == Calendar(1, (4, 4, 5), "last Saturday", 3, "end")


def test_working_days_are_monday_to_friday_unless_the_settings_say_otherwise(tmp_path):
    """Without holidays, because they are those of nobody's country."""
    assert read(LEAST, tmp_path).working_days == WorkingDays(("Mon", "Tue", "Wed", "Thu", "Fri"))
    said = {"week": ["Sun", "Mon"], "holidays": [dt.date(2026, 12, 25), dt.date(2026, 1, 1)]}
    assert read({**LEAST, "working_days": said}, tmp_path).working_days == WorkingDays(
        ("Sun", "Mon"), (dt.date(2026, 1, 1), dt.date(2026, 12, 25))
    )


def test_several_pipelines_have_their_own_stages(tmp_path):
    """A stage may stand in two pipelines, at two places."""
    said = read(
        {
            "pipelines": {"New": {"stages": ["A", "B"]}, "Renewal": {"stages": ["B", "C"]}},
            "outcomes": {"Won": "won"},
        },
        tmp_path,
    )
    assert said.pipelines == {"New": ("A", "B"), "Renewal": ("B", "C")}
    assert said.stages == ("A", "B", "C")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"stagse": []}, "unknown key 'stagse'.*Did you mean 'stages'"),
        ({"stages": []}, "stages must be a list of names"),
        ({"stages": "Lead"}, "stages must be a list of names"),
        ({"stages": ["Lead", "Lead"]}, "'Lead' is listed twice"),
        ({"stages": ["Lead", "Won"]}, "'Won' is both a stage and an outcome"),
        ({"outcomes": {"Lost": "lost"}}, "must name the stage that means won"),
        ({"outcomes": {"Won": "won", "Lost": "lsot"}}, "'lsot'.*Did you mean 'lost'"),
        ({"outcomes": ["Won"]}, "outcomes = .* is not a table"),
        ({"types": {"New": "new"}}, "types has 'new'. Known: new business"),
        ({"dates": "day frist"}, "Did you mean 'day first'"),
        ({"timezone": "Europe/Berln"}, "is no zone such as"),
        ({"fiscal_year": {"first_month": 13}}, "is not 1 to 12"),
        ({"fiscal_year": {"month": 2}}, "unknown key 'month' in .fiscal_year."),
        ({"fiscal_year": {"last_month": 0}}, "fiscal_year.last_month = 0 is not 1 to 12"),
        ({"fiscal_year": {"first_month": 2, "last_month": 2}}, "begin in month 2 and end in month"),
        ({"fiscal_year": {"weeks": "4-5-5"}}, "weeks = '4-5-5'. Known: 4-4-5, 4-5-4, 5-4-4"),
        ({"fiscal_year": {"weeks": [4, 4, 5]}}, "weeks = .4, 4, 5.. Known: 4-4-5"),
        (
            {"fiscal_year": {"weeks": "4-4-5", "ends": "last Satruday"}},
            "ends = 'last Satruday'.*Did you mean 'last Saturday'",
        ),
        ({"fiscal_year": {"weeks": "4-4-5", "extra_week": 12}}, "extra_week = 12. Known: M01"),
        ({"fiscal_year": {"ends": "last Friday"}}, 'Say which months.*weeks = "4-4-5"'),
        ({"fiscal_year": {"named_after": "begin"}}, "Known: end, start"),
        ({"working_days": ["Mon"]}, "working_days = .'Mon'. is not a table"),
        ({"working_days": {"days": []}}, "unknown key 'days' in .working_days.. Known: week"),
        ({"working_days": {"week": "Mon"}}, "working_days.week = 'Mon' is not a list"),
        ({"working_days": {"week": ["Mon", "Tu"]}}, "week has 'Tu'.*Did you mean 'Tue'"),
        ({"working_days": {"week": ["Mon", "Mon"]}}, "must name each day once"),
        ({"working_days": {"week": []}}, "must name each day once"),
        (
            {"working_days": {"holidays": ["2026-12-25"]}},
            "holidays, entry 1 = '2026-12-25' is not a date",
        ),
        ({"money": "close"}, "money = 'close' is not a table"),
        ({"money": {"convert": "close"}}, "unknown key 'convert' in .money.*'convert_at'"),
        ({"money": {"convert_at": "closed"}}, "convert_at = 'closed'. Known: close, as_of"),
        ({"exported_on": "2026-09-30"}, "exported_on = '2026-09-30' is not a date"),
        ({"stage_dates": {"Ql": "Qual date"}}, "stage_dates has 'Ql'.*Did you mean 'Qual'"),
        ({"zero_amount_when_lost": "zero"}, "Known: missing, kept"),
        ({"dates": "%Q"}, "is no format such as"),
        ({"dates": "100%"}, "is no format such as"),
        (
            {"values": {"opportunities": {"stage": {"Lead": 3}}}},
            "values.opportunities.stage.Lead = 3",
        ),
        ({"values": {"opportunities": {"stage": "a"}}}, "values.opportunities.stage = 'a' is not"),
        ({"columns": {"opportunity_id": "Id"}}, "columns.opportunity_id = 'Id' is not a table"),
        ({"missing": [1]}, "missing = 1 is not text in quotes"),
        ({"fiscal_year": 3}, "fiscal_year = 3 is not a table"),
        ({"fiscal_year": {"first_month": True}}, "is not 1 to 12"),
        ({"pipelines": ["a"]}, "must hold stages"),
        ({"pipelines": {"A": {"stages": ["a"], "x": 1}}}, "pipelines.A. must hold stages"),
        ({"stages": [{"a": 1}]}, "must be a name"),
        ({"stages": ["", "Lead"]}, "must be a name"),
        ({"timezone": "localtime"}, "is no zone such as"),
        ({"decimal": ";"}, "decimal has ';'. Known: ., ,"),
        ({"decimal": ""}, "decimal has ''"),
        ({"decimal": 1}, "decimal = 1 is not text in quotes"),
        ({"formats": {"a.csv": "day first"}}, "formats.a.csv = 'day first' is not a table"),
        ({"formats": {"a.csv": {"date": "x"}}}, "formats.a.csv has 'date'.*mean 'dates'"),
        ({"formats": {"a.csv": {"dates": "day frist"}}}, "formats.a.csv.dates.*'day first'"),
        ({"formats": {"a.csv": {"dates": "%Q"}}}, "formats.a.csv.dates = '%Q' is no format"),
        ({"formats": {"a.csv": {"decimal": "x"}}}, "formats.a.csv.decimal has 'x'"),
        ({"missing": [["N/A"]]}, "missing = .'N/A'. is not text in quotes"),
        ({"missing": ["Lead"]}, "missing has 'Lead', which is a stage or an outcome"),
        ({"timezone": "europe/berln"}, "Did you mean 'Europe/Berlin'"),
        ({"currency": "US Dollar"}, "currency = 'US Dollar' is no code such as EUR"),
        ({"currency": ""}, "currency = '' is no code"),
        ({"exported_on": dt.date(9999, 12, 31)}, "the year is not between 1990 and 2099"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(tmp_path, change, complaint):
    """The message names the key, the value and what would have worked."""
    with pytest.raises(SettingsError, match=complaint) as refused:
        read({**LEAST, **change}, tmp_path)
    assert "\n" not in str(refused.value)


def test_a_file_may_be_written_otherwise_than_the_rest(tmp_path):
    """The longest name that fits counts: a sheet before its workbook, never half a name."""
    said = read(
        {
            **LEAST,
            "decimal": ".",
            "dates": "%d-%b-%Y",
            "formats": {
                "book.xlsx": {"decimal": ",", "dates": "day first"},
                "book.xlsx, sheet Deals": {"decimal": "."},
            },
        },
        tmp_path,
    )
    assert said.format_of("book.xlsx, sheet Deals, column Amount", "decimal") == "."
    assert said.format_of("book.xlsx, sheet Deals, column Closed", "dates") == "day first"
    assert said.format_of("book.xlsx, sheet Deals 2, column Amount", "decimal") == ","
    assert said.format_of("book.xlsx", "decimal") == ","
    assert said.format_of("book.xls, column Amount", "decimal") is None


RENAME = {"from": "Discovery", "to": "Qual"}
MIDSUMMER = dt.date(2025, 6, 30)


def test_renamed_stages_are_dated(tmp_path):
    """From TOML, as the documentation writes it."""
    (tmp_path / "settings.toml").write_text(
        'stages = ["Lead", "Qual"]\n[outcomes]\nWon = "won"\n'
        '[[renamed_stages]]\nfrom = "Discovery"\nto = "Qual"\nuntil = 2025-06-30\n'
        '[[renamed_stages]]\nfrom = "Gained"\nto = "Won"\n'
        '[snapshots]\nkey = ["name", "created_at"]\n'
    )
    said = settings.read(None, folder=tmp_path)
    assert said.renamed_stages == (
        settings.Rename("Discovery", "Qual", until=MIDSUMMER),
        settings.Rename("Gained", "Won"),
    )
    assert said.snapshot_key == ("name", "created_at")


def test_one_name_may_have_meant_two_stages_at_different_times(tmp_path):
    """And a stage of today may have been the name of another."""
    renames = [
        {"from": "Discovery", "to": "Lead", "until": MIDSUMMER},
        {"from": "Discovery", "to": "Qual", "since": dt.date(2025, 7, 1)},
        {"from": "Qual", "to": "Won", "until": dt.date(2025, 6, 30)},
    ]
    assert len(read({**LEAST, "renamed_stages": renames}, tmp_path).renamed_stages) == 3


def test_a_rename_belongs_to_the_pipelines_that_have_its_stage(tmp_path):
    """Or to the one that it names."""
    pipelines = {"New": {"stages": ["A", "B"]}, "Renewal": {"stages": ["B", "C"]}}
    renames = [{"from": "X", "to": "A"}, {"from": "Y", "to": "B"}, {"from": "Z", "to": "Won"}]
    renames.append({"from": "C", "to": "A"})
    said = read(
        {"pipelines": pipelines, "outcomes": {"Won": "won"}, "renamed_stages": renames}, tmp_path
    )
    found = [said.renamed_in(rename) for rename in said.renamed_stages]
    assert found == [["New"], ["New", "Renewal"], ["New", "Renewal"], ["New"]]


@pytest.mark.parametrize(
    ("renames", "complaint"),
    [
        ({"from": "a"}, "is no list of tables such as"),
        (["Discovery"], "is no list of tables such as"),
        ([{**RENAME, "form": "x"}], "entry 1: unknown key 'form'.*Did you mean 'from'"),
        ([{"from": "Discovery"}], 'entry 1: say to = "..."'),
        ([RENAME, {**RENAME, "from": 3}], 'entry 2: say from = "..."'),
        ([{**RENAME, "to": "Qul"}], "to = 'Qul', which is no stage. Known: .*mean 'Qual'"),
        ([{**RENAME, "pipeline": "New"}], "has the pipeline 'New'. Known"),
        ([{**RENAME, "pipeline": 1}], "pipeline = 1 is not text"),
        ([{**RENAME, "until": "2025-06-30"}], "until = '2025-06-30' is not a date"),
        (
            [{**RENAME, "since": dt.date(2025, 7, 1), "until": MIDSUMMER}],
            "since = 2025-07-01 is later than until = 2025-06-30",
        ),
        ([{"from": "Qual", "to": "Qual"}], "'Qual' is renamed to itself"),
        ([{"from": "Lead", "to": "Qual"}], "'Lead', which is a stage of today. Say until when"),
        ([RENAME, {**RENAME, "to": "Lead"}], "has 'Discovery' twice for the same days"),
        (
            [{**RENAME, "until": MIDSUMMER}, {**RENAME, "since": MIDSUMMER}],
            "has 'Discovery' twice for the same days",
        ),
        (
            [
                {"from": "Lead", "to": "Qual", "until": MIDSUMMER},
                {"from": "Qual", "to": "Lead", "until": MIDSUMMER},
            ],
            "goes in a circle: 'Lead' to 'Qual' to 'Lead'",
        ),
        (
            [RENAME, {"from": "Qual", "to": "Won", "until": MIDSUMMER}],
            "'Discovery' to 'Qual', which is itself renamed.*to = 'Won'",
        ),
    ],
)
def test_a_rename_that_does_not_fit_is_refused_in_a_line(tmp_path, renames, complaint):
    """Typos, two meanings on one day, circles."""
    with pytest.raises(SettingsError, match=complaint) as refused:
        read({**LEAST, "renamed_stages": renames}, tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (["name"], "is not a table"),
        ({"keys": ["name"]}, "unknown key 'keys' in .snapshots.*Did you mean 'key'"),
        ({"key": "name"}, "is no list of columns"),
        ({"key": []}, "is no list of columns"),
        ({"key": ["name", "name"]}, "each once"),
    ],
)
def test_a_snapshot_key_is_a_list_of_columns(tmp_path, said, complaint):
    """One line, with one that would work."""
    with pytest.raises(SettingsError, match=complaint):
        read({**LEAST, "snapshots": said}, tmp_path)


def test_broken_toml_names_file_and_line(tmp_path):
    """The parser's own words carry the line."""
    path = tmp_path / "settings.toml"
    path.write_text('stages = ["Lead"\n[outcomes]\n')
    with pytest.raises(SettingsError, match=r"settings.toml: .*line 2"):
        settings.read(path, folder=tmp_path)


def test_missing_settings_say_the_least_that_is_needed(tmp_path, monkeypatch):
    """A reader can copy the lines from the message."""
    monkeypatch.setenv("ENABLEMENT_ROOT", str(tmp_path))
    with pytest.raises(SettingsError, match=r"has no settings.toml. The least it must say: stages"):
        settings.read(None, folder=tmp_path / "export")
    with pytest.raises(SettingsError, match="There are no settings at nowhere.toml"):
        settings.read("nowhere.toml", folder=tmp_path)


def test_paths_start_at_the_root_whatever_the_folder(tmp_path, monkeypatch):
    """A kernel started in notebooks/ and one started above find the same root."""
    deep = tmp_path / "notebooks" / "dashboards"
    deep.mkdir(parents=True)
    (tmp_path / "data").mkdir()
    monkeypatch.delenv("ENABLEMENT_ROOT", raising=False)
    monkeypatch.chdir(deep)
    assert settings.root() == tmp_path.resolve()
    monkeypatch.setenv("ENABLEMENT_ROOT", str(deep))
    assert settings.root() == deep.resolve()


def test_words_for_not_known_are_added_to_the_usual_ones(tmp_path):
    """`tbd` is said besides; `Unknown` is a real answer here, so it is taken out."""
    said = read({**LEAST, "missing": ["tbd"], "not_missing": ["Unknown"]}, tmp_path)
    assert {"tbd", "N/A", "-", "unknown"} <= set(said.missing)
    assert "Unknown" not in said.missing
    assert set(read(LEAST, tmp_path).missing) == set(settings.PLACEHOLDERS)


def test_a_word_that_is_none_of_those_cannot_be_taken_out(tmp_path):
    """Nor can the empty cell."""
    with pytest.raises(SettingsError, match=r"not_missing has 'Unknwon'.*mean 'unknown'"):
        read({**LEAST, "not_missing": ["Unknwon"]}, tmp_path)
    with pytest.raises(SettingsError, match="not_missing has ''"):
        read({**LEAST, "not_missing": [""]}, tmp_path)


def test_dates_of_a_stage_that_are_not_wanted_need_no_known_stage(tmp_path):
    """An empty column name leaves a stage's dates out, and only that."""
    said = read({**LEAST, "stage_dates": {"Demo": "", "Lead": "Lead day"}}, tmp_path)
    assert said.unwanted_dates == ("Demo",)
    assert said.stage_dates == {"Lead": "Lead day"}


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"a = " + b"[" * 20_000, "settings.toml: too many brackets within brackets"),
        (b"a = " + b"9" * 5_000, "settings.toml has a number of too many digits"),
        (b'stages = ["Lead",\n "\xc4nderung"]', "settings.toml, line 2: a letter is not in UTF-8"),
        ("stages = [“Lead”]".encode(), "'stages = .“Lead”.'. Its quotation marks must be straight"),
        (b'stages = ["Lead"\n[outcomes]', r"line 2, column 1\).*: '\[outcomes\]'"),
        (b"# \n" * 2**21, "has 6,291,456 bytes; at most 4,194,304 are read"),
    ],
)
def test_a_text_that_is_no_toml_is_told_in_a_line(tmp_path, raw, complaint):
    """With its line, and what is often wrong with it."""
    (tmp_path / "settings.toml").write_bytes(raw)
    with pytest.raises(SettingsError, match=complaint) as refused:
        settings.read(None, folder=tmp_path)
    assert len(str(refused.value)) < 300


def test_settings_under_a_name_too_long_are_not_there(tmp_path):
    """Of 5,000 letters."""
    with pytest.raises(SettingsError, match="There are no settings at xxx"):
        settings.read("x" * 5_000, folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"formats": {"deal.csv": {"decimal": ","}}},
            "'deal.csv', which is not there.*'deals.csv'",
        ),
        ({"tables": {"oportunities": "x"}}, "tables. names the table 'oportunities'"),
        ({"columns": {"opportunities": {"ammount": "Sum"}}}, "Did you mean 'amount'.*crm_ammount"),
        ({"columns": {"opportunities": {"": "Sum"}}}, "'' = 'Sum' is no column of ours"),
        ({"values": {"opportunities": {"stge": {"a": "b"}}}}, "column 'stge'.*mean 'stage'"),
    ],
)
def test_what_the_export_does_not_have_is_refused_in_a_line(tmp_path, change, complaint):
    """A file, a table or a column that nothing is called."""
    (tmp_path / "deals.csv").write_text("opportunity_id,stage,Sum\n1,Won,5\n")
    with pytest.raises(SettingsError, match=complaint) as refused:
        load(tmp_path, {**LEAST, **OF_DEALS, **change})
    assert "\n" not in str(refused.value)


def test_what_the_export_has_may_be_said_of(tmp_path):
    """A column of its own, a file of its own, and a name of ours that is far from any."""
    (tmp_path / "deals.csv").write_text("opportunity_id,stage,Sum,Region\n1,Won,5,N\n")
    said = {
        "formats": {"deals.csv, column Sum": {"decimal": "."}},
        "columns": {"opportunities": {"weight": "Sum"}},
        "values": {"opportunities": {"Region": {"N": "North"}}},
    }
    found = load(tmp_path, {**LEAST, **OF_DEALS, **said}).opportunities
    assert found[["weight", "Region"]].to_numpy().tolist() == [["5", "North"]]
