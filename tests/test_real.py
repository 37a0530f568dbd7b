"""Exports that nobody here invented. They are not in the repository; without them this skips.

The folder is `../shared/data`, or where ``ENABLEMENT_REAL_DATA`` says.
"""

from __future__ import annotations

import csv
import functools
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT
from typer.testing import CliRunner

import enablement as en
from enablement.errors import CannotSayError, ExportError
from enablement.run import batch, cli

REAL = Path(os.environ.get("ENABLEMENT_REAL_DATA", ROOT.parent / "shared" / "data"))
SAID = ROOT / "tests" / "real"
MAVEN = REAL / "maven_crm"
SETTINGS = SAID / "maven_crm.toml"
END = "2017-12-31"
# Records after the header, counted with Python's csv module and by `wc -l`; none is broken. Only
# the dictionary of Maven has blank lines besides (3).
RECORDS = {
    "bank_marketing": {"bank.csv": 4_521},
    "fivetran_hubspot": {
        "deal_data.csv": 44,
        "deal_pipeline_data.csv": 6,
        "deal_pipeline_stage_data.csv": 71,
        "deal_property_history_data.csv": 100,
        "deal_stage_data.csv": 14,
        "engagement_meeting_data.csv": 100,
        "owner_data.csv": 100,
    },
    "fivetran_salesforce": {
        "sf_account_data.csv": 10,
        "sf_event_data.csv": 10,
        "sf_opportunity_data.csv": 10,
        "sf_opportunity_history_data.csv": 10,
        "sf_task_data.csv": 10,
        "sf_user_data.csv": 10,
    },
    "maven_crm": {
        "accounts.csv": 85,
        "data_dictionary.csv": 7,
        "products.csv": 7,
        "sales_pipeline.csv": 8_800,
        "sales_teams.csv": 35,
    },
    "nsw_training": {"nsw_mixtape.csv": 445},
    "salesforce_dev_org": {
        "Account.csv": 18,
        "Opportunity.csv": 36,
        "OpportunityHistory.csv": 48,
        "OpportunityHistoryGroup.csv": 10,
    },
    "salvirt_b2b": {"Salvirt_B2B_ML_dataset.csv": 448},
}
OURS = sorted(set(RECORDS) - {"nsw_training"})

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not MAVEN.is_dir(), reason=f"no real exports in {REAL.name}"),
]


def settings(name: str, **more: Any) -> dict[str, Any]:
    """Read the settings of one folder, and change some of them."""
    return {**tomllib.loads((SAID / f"{name}.toml").read_text(encoding="utf-8")), **more}


def load(name: str, **more: Any) -> en.CRM:
    """Load one folder with its settings, some of them changed."""
    return en.load(REAL / name, settings(name, **more)) if more else _unchanged(name)


@functools.cache
def _unchanged(name: str) -> en.CRM:
    """Load one folder with its own settings, once for all tests."""
    return en.load(REAL / name, SAID / f"{name}.toml")


def notes(crm: en.CRM) -> dict[str, int]:
    """Pair what was changed or flagged with how many rows."""
    return dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))


def aside(crm: en.CRM) -> dict[str, dict[str, int]]:
    """Count what was set aside: per file, reason and rows."""
    counts = crm.quality.set_aside.groupby(["file", "reason"]).size()
    return {file: counts[file].to_dict() for file in counts.index.unique("file")}


def check(name: str, folder: Path) -> tuple[int, str]:
    """Copy an export with its settings, and run ``enablement check`` on it."""
    place = shutil.copytree(REAL / name, folder / name, copy_function=shutil.copyfile)
    place.chmod(0o755)
    shutil.copyfile(SAID / f"{name}.toml", place / "settings.toml")
    done = CliRunner().invoke(cli.app, ["check", str(place)], env={"COLUMNS": "400"})
    return done.exit_code, done.output


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_the_records_are_as_counted_by_another_reader(name):
    """The numbers above are those of the csv module today, blank lines left out."""
    counted = {}
    for path in sorted((REAL / name).glob("*.csv")):
        delimiter = ";" if name in ("bank_marketing", "salvirt_b2b") else ","
        with path.open(newline="", encoding="utf-8-sig") as file:
            counted[path.name] = sum(map(any, csv.reader(file, delimiter=delimiter))) - 1
    assert counted == RECORDS[name]


@pytest.mark.parametrize("name", OURS)
def test_every_record_is_used_or_set_aside(name):
    """Per file, used and set aside are the records; a file of no table says how many it has."""
    quality = load(name).quality
    counted = RECORDS[name]
    rows = quality.summary.groupby("file")[["rows_in", "used", "set_aside"]].sum()
    assert (rows["rows_in"] == rows["used"] + rows["set_aside"]).all()
    listed = quality.files.drop_duplicates("file").set_index("file")
    unused = listed.loc[listed["table"].isna() & listed["rows"].gt(0), "rows"]
    assert rows["rows_in"].to_dict() | unused.to_dict() == counted
    assert quality.set_aside.groupby("file").size().to_dict() == (
        rows.loc[rows["set_aside"].gt(0), "set_aside"].to_dict()
    )


@pytest.mark.parametrize("name", OURS)
def test_it_can_be_examined_and_checked(name, tmp_path):
    """Nothing breaks, neither in Python nor on the command line."""
    found = en.findings.examine(load(name))
    assert found.headline["measure"].tolist() == ["win rate", "win rate by value", "conversion"]
    code, said = check(name, tmp_path)
    assert (code, "What arrived" in said) == (0, True), said


@pytest.fixture(scope="module")
def maven() -> en.CRM:
    """Maven Analytics, "CRM Sales Opportunities": 8,800 opportunities of a hardware company."""
    return load("maven_crm")


def test_every_row_is_used_and_what_is_no_table_is_named(maven):
    """8,800 opportunities and 35 agents; the laid-out dictionary is no table of data."""
    summary = maven.quality.summary.set_index("file")
    assert summary.loc["sales_pipeline.csv", "rows_in"] == 8_800
    assert (summary["rows_in"] == summary["used"]).all()
    files = maven.quality.files.set_index("file")["table"]
    assert files[files.isna()].index.tolist() == [
        "accounts.csv",
        "data_dictionary.csv",
        "products.csv",
    ]


def test_outcomes_and_stages(maven):
    """Won 4,238, lost 2,473; of the open ones 1,589 are in Engaging and 500 in Prospecting."""
    outcomes = maven.opportunities["outcome"].value_counts().to_dict()
    assert outcomes == {"won": 4_238, "lost": 2_473, "open": 2_089}
    open_ones = maven.opportunities[maven.opportunities["outcome"].eq("open")]
    assert open_ones["stage"].value_counts().to_dict() == {"Engaging": 1_589, "Prospecting": 500}


def test_the_misspelt_product_is_the_catalogues(maven):
    """`GTXPro` is counted as a change; no product outside the catalogue remains."""
    notes = dict(zip(maven.quality.notes["note"], maven.quality.notes["rows"], strict=True))
    assert notes["product 'GTXPro' read as 'GTX Pro'"] == 1_480
    assert "GTXPro" not in set(maven.opportunities["product"])


def test_an_amount_of_0_on_a_lost_one_is_unknown(maven):
    """All 2,473 of them; no won one has an unknown amount."""
    amounts = maven.opportunities.groupby("outcome")["amount"]
    assert amounts.count().to_dict() == {"lost": 0, "open": 0, "won": 4_238}


def test_no_created_date_is_invented(maven):
    """And what was created is refused."""
    assert maven.opportunities["created_at"].isna().all()
    with pytest.raises(CannotSayError, match="no created date"):
        en.pipeline_created(maven, as_of=END, period="2017Q4")


def test_win_rate_and_money(maven):
    """0.631501 of the decided; 10,005,534 won, quarter by quarter."""
    assert round(en.win_rate(maven, as_of=END)["rate"].iloc[0], 6) == 0.631501
    assert maven.opportunities["amount"].sum() == 10_005_534
    sold = [
        en.quota_attainment(maven, as_of=END, period=f"2017Q{n}")["sold"].iloc[0]
        for n in (1, 2, 3, 4)
    ]
    assert sold == [1_134_672, 3_086_111, 2_982_255, 2_802_496]


def test_the_cycle_of_won_ones(maven):
    """51.782 days on average, from engaging, which the definition says."""
    cycle = en.sales_cycle(maven, as_of=END)
    assert round(cycle["mean"].iloc[0], 3) == 51.782
    assert "days from entering Engaging to won" in cycle.attrs["definition"]


def test_reps_and_that_they_cannot_be_ranked(maven):
    """Best and worst are known, and that the spread is no more than chance; 5 closed nothing."""
    table = en.win_rate(maven, as_of=END, by="rep").set_index("rep_id")
    assert len(table) == 35
    assert table["rate"].isna().sum() == 5
    assert (table["rate"].idxmax(), round(table["rate"].max(), 6)) == ("Hayden Neloms", 0.703947)
    assert (table["rate"].idxmin(), round(table["rate"].min(), 6)) == ("Lajuana Vencill", 0.549784)
    said = (
        "Between the 30 reps no difference can be detected "
        "(chi-square 33.3 on 29 degrees of freedom, p = 0.26)."
    )
    assert table.attrs["verdict"] == said
    chart = en.charts.win_rate(en.win_rate(maven, as_of=END, by="rep"))
    assert " ".join(chart.title["text"]) == said
    assert "nothing decided" in chart.to_json()


def test_no_rep_chart_crowns_anybody(maven):
    """By stage and by days the reps cannot be told apart either, and the charts say so."""
    stages = en.conversion(maven, as_of=END, by="rep", definition="decided")
    said = " ".join(en.charts.conversion(stages).title["text"])
    assert said == (
        "Between the 30 reps no difference can be detected at any stage (smallest p = 0.26)."
    )
    cycle = en.sales_cycle(maven, as_of=END, by="rep")
    assert " ".join(en.charts.sales_cycle(cycle).title["text"]) == cycle.attrs["verdict"] != ""


def test_thirty_reps_beside_each_other_are_one(maven):
    """The chi-square above again: nobody beyond 99.8 %, no ranks, and every rep is worth .6315."""
    table = en.compare_reps(maven, as_of=END, mix="product")
    decided = table[table["decided"] > 0]
    assert len(decided) == 30
    assert table.attrs["verdict"].endswith("(chi-square 33.3 on 29 degrees of freedom, p = 0.26).")
    assert not decided["outside"].str.contains("99.8").any()
    assert decided["shrunk"].round(4).unique().tolist() == [0.6315]
    assert table[["rank_low", "rank_high"]].isna().all(axis=None)
    assert (decided["adjusted"] - decided["rate"]).abs().max() < 0.06
    title = " ".join(en.charts.compare_reps(table).title["text"])
    assert "no difference can be detected" in title
    stages = en.compare_reps_by_stage(maven, as_of=END)
    assert stages.attrs["cannot_say"] == {"Prospecting": "who entered Prospecting is not recorded"}
    assert not stages["stands_out"].any()
    subtitle = " ".join(en.charts.compare_reps_by_stage(stages).title["subtitle"])
    assert "Prospecting cannot be said" in subtitle


def test_what_only_the_present_stage_cannot_tell_is_said_in_words(maven):
    """Prospecting has no number; Engaging has the dates at which it was entered."""
    table = en.conversion(maven, as_of=END).set_index("stage")
    assert table.loc["Prospecting", ["entered", "rate", "low", "high"]].isna().all()
    assert table.attrs["cannot_say"] == {"Prospecting": "who entered Prospecting is not recorded"}
    assert tuple(table.loc["Engaging", ["entered", "won", "lost", "open"]]) == (
        8_300,
        4_238,
        2_473,
        1_589,
    )
    assert any("time in stage" in sentence for sentence in maven.quality.cannot_say)
    with pytest.raises(CannotSayError, match="only the state of 2017-12-31"):
        en.conversion(maven, as_of="2017-06-30")


def test_the_quarter_runs_from_end_to_end(tmp_path, monkeypatch):
    """Every notebook, the index, and no rep is crowned in any of them."""
    monkeypatch.setenv("ENABLEMENT_CACHE", str(tmp_path / "readings"))  # the notebooks share one
    done = batch.quarter("2017Q4", workspace=MAVEN, settings=SETTINGS, out=tmp_path)
    assert len(done.runs) >= 3
    assert {run.error for run in done.runs} == {""}
    page = done.index.read_text().replace(
        "\u00a0", " "
    )  # which keeps a number and its unit together
    assert "2017Q4: sold $2.80 M from 1,196 won" in page
    assert "coverage (no expected close dates), created (no created dates)" in page
    assert "Prospecting" in (tmp_path / "02-funnel.html").read_text()


@pytest.fixture(scope="module")
def salvirt() -> en.CRM:
    """Salvirt, "B2B sales": 448 real opportunities without ids, dates and amounts."""
    return load("salvirt_b2b")


def test_rows_that_are_the_same_are_kept_and_flagged(salvirt):
    """448 rows, 365 different ones: 83 repeat another one. Won 227, lost 221, with all of them."""
    assert salvirt.opportunities["outcome"].value_counts().to_dict() == {"won": 227, "lost": 221}
    assert salvirt.opportunities["opportunity_id"].is_unique
    assert notes(salvirt)["opportunity_id made from file and row"] == 448
    again = "the row repeats another one in everything; without ids both are used"
    assert notes(salvirt)[again] == 83


def test_rows_that_are_the_same_can_be_left_out():
    """Of the 365 different rows 173 are won; what the other 83 change is told."""
    once = load("salvirt_b2b", rules={"repeated_rows": "first"})
    assert once.quality.summary[["rows_in", "used", "set_aside"]].to_numpy().tolist() == [
        [448, 365, 83]
    ]
    found = en.findings.examine(once)
    rate = found.effects.set_index("measure").loc["win rate"]
    assert (rate["used_won"], rate["used_of"]) == (173, 365)
    assert (rate["otherwise_won"], rate["otherwise_of"]) == (227, 448)


def test_the_sellers_are_counted_right(salvirt):
    """18 sellers; Seller 1 won 119 of 178, Seller 9 42 of 126, Seller 2 16 of 65."""
    table = en.win_rate(salvirt, as_of="2015-12-31", by="rep").set_index("rep_id")
    assert len(table) == 18
    assert table.loc["Seller 1", ["won", "lost"]].tolist() == [119, 59]
    assert table.loc["Seller 9", ["won", "lost"]].tolist() == [42, 84]
    assert table.loc["Seller 2", ["won", "lost"]].tolist() == [16, 49]
    assert (table["won"].sum(), table["lost"].sum()) == (227, 221)


def test_unknown_is_missing_and_leans(salvirt):
    """Competitors is `Unknown` in 20 rows; Purch_dept in 32, of which 25 are Seller 2's."""
    assert salvirt.opportunities["Competitors"].isna().sum() == 20
    assert salvirt.opportunities["Purch_dept"].isna().sum() == 32
    sentences = en.findings.examine(salvirt).leaning["sentence"].tolist()
    assert sentences[0].startswith("Purch_dept is missing in 25 of 65 of Seller 2 and in 7 of 383")


def test_what_salvirt_cannot_say_is_said(salvirt):
    """No history, created dates or amounts; without open ones it is called filtered."""
    said = " ".join(salvirt.quality.cannot_say)
    for lack in ("no stage history", "no history of owners", "no created date", "no amounts"):
        assert lack in said
    assert en.findings.examine(salvirt).filtered["finding"].tolist() == ["no open ones"]
    stages = en.conversion(salvirt, as_of="2015-12-31")
    assert stages.attrs["cannot_say"] == {"Open": "who entered Open is not recorded"}
    assert en.sales_cycle(salvirt, as_of="2015-12-31").attrs["undated"] == 227
    with pytest.raises(CannotSayError, match="no amounts"):
        en.win_rate(salvirt, as_of="2015-12-31", of="value")


def test_an_export_without_any_day_says_which_setting_gives_one():
    """It can be shown, but nothing is as of a day until the settings say the export's."""
    undated = settings("salvirt_b2b")
    del undated["exported_on"]
    crm = en.load(REAL / "salvirt_b2b", undated)
    assert repr(crm) == "CRM: 448 opportunities, 0 stage visits, 18 reps, no day seen"
    with pytest.raises(CannotSayError, match="exported_on = 2026-09-30"):
        en.win_rate(crm, as_of="2015-12-31")


@pytest.fixture(scope="module")
def bank() -> en.CRM:
    """Phone sales of a Portuguese bank: 4,521 clients called, 521 of them bought."""
    return load("bank_marketing")


def test_a_yes_is_won_and_unknown_is_missing(bank):
    """521 yes, 4,000 no; contact is `unknown` in 1,324 rows, 416 of 2,896 by mobile are yes."""
    table = en.win_rate(bank, as_of="2010-11-30", by="channel").set_index("channel")
    assert table.loc["cellular", ["won", "lost"]].tolist() == [416, 2_480]
    assert table.loc["telephone", ["won", "lost"]].tolist() == [44, 257]
    assert bank.opportunities["channel"].isna().sum() == 1_324
    assert round(en.win_rate(bank, as_of="2010-11-30")["rate"].iloc[0], 6) == 0.115240


def test_a_sentinel_is_named_by_the_settings(bank):
    """-1 stands in 3,705 rows of pdays; it is counted as what it means."""
    assert notes(bank)["pdays '-1' read as 'not contacted before'"] == 3_705
    assert bank.opportunities["pdays"].eq("not contacted before").sum() == 3_705


def test_a_day_and_a_month_without_a_year_are_no_date(bank):
    """They stay text; taken for a date none is read, and each is listed, or its row set aside."""
    assert bank.opportunities.loc[0, ["day", "month"]].tolist() == ["19", "oct"]
    assert bank.opportunities[["created_at", "closed_at"]].isna().all(axis=None)
    for column, value in (("day", "19"), ("month", "oct")):
        said = {"opportunities": {"stage": "y", "closed_at": column}}
        crm = load("bank_marketing", columns=said)
        assert len(crm.opportunities) == len(crm.quality.unread) == 4_521
        assert crm.opportunities["closed_at"].isna().all()
        crm = load("bank_marketing", columns=said, rules={"unreadable_values": "set aside"})
        assert len(crm.opportunities) == 0
        first = crm.quality.set_aside.iloc[0]
        assert first[["file", "line", "column", "value"]].tolist() == ["bank.csv", 2, column, value]
        assert first["reason"].startswith("closed_at is unreadable: ")
        assert any("nothing to count" in sentence for sentence in crm.quality.cannot_say)


@pytest.fixture(scope="module")
def org() -> en.CRM:
    """A Salesforce developer org: 36 opportunities and 48 rows of their history."""
    return load("salesforce_dev_org")


def test_the_history_has_most_rows_at_one_moment(org):
    """31 of 48 rows are of 20:55 on 23 February 2026, when the org was filled."""
    assert len(org.stage_events) == 48
    together = org.stage_events["entered_at"].eq(pd.Timestamp("2026-02-23 20:55"))
    assert together.sum() == 31
    assert org.stage_history


def test_its_outcomes(org):
    """12 are Closed Won, 8 Closed Lost, 16 open; IsWon and IsClosed say the same."""
    outcomes = org.opportunities["outcome"].value_counts().to_dict()
    assert outcomes == {"won": 12, "lost": 8, "open": 16}
    assert en.win_rate(org, as_of=org.seen_until)["rate"].iloc[0] == 0.6
    assert not any("contradicts" in note for note in notes(org))
    stages = en.conversion(org, as_of=org.seen_until).set_index("stage")
    assert stages.loc["Negotiation/Review", ["won", "open"]].tolist() == [12, 2]


def test_closes_before_creation_are_counted(org):
    """31 are dated 3 February 2024 and created in 2026: 18 closed ones and 13 open ones.

    Another one is closed on the day before it was created.
    """
    orders = en.findings.examine(org).orders.set_index("rule")["rows"]
    assert orders["closed before it was created"] == 18 + 1
    assert orders["open and past its expected close"] == 13
    late = org.opportunities["closed_at"].lt(org.opportunities["created_at"])
    days = org.opportunities.loc[late, "closed_at"].dt.strftime("%Y-%m-%d").value_counts()
    assert days.to_dict() == {"2024-02-03": 18, "2026-02-23": 1}


def test_a_column_read_in_two_places_is_counted_once(org):
    """CloseDate is the expected close and the close; its 36 values are said to be read once."""
    assert not org.quality.notes.duplicated(["table", "file", "note"]).any()
    own = org.quality.notes[org.quality.notes["file"].eq("Opportunity.csv")]
    assert own.set_index("note")["rows"].to_dict() == {
        "CloseDate read as: month first": 36,
        "CreatedDate read as: month first": 36,
    }


def test_a_table_of_groups_is_none_of_ours(org):
    """OpportunityHistoryGroup is a lookup of a dashboard, and LICENSE a text."""
    files = org.quality.files.set_index("file")["table"]
    assert files[files.isna()].index.tolist() == ["OpportunityHistoryGroup.csv", "LICENSE"]


def test_what_the_crm_calls_deleted_is_left_out():
    """All 10 opportunities have is_deleted = true, so their 10 history rows have none either."""
    crm = load("fivetran_salesforce")
    assert aside(crm) == {
        "sf_opportunity_data.csv": {"is_deleted is true: the CRM calls it deleted": 10},
        "sf_opportunity_history_data.csv": {"opportunity_id is not among the opportunities": 10},
    }
    assert any("nothing to count" in sentence for sentence in crm.quality.cannot_say)
    rate = en.findings.examine(crm).effects.set_index("measure").loc["win rate"]
    assert (rate["otherwise_won"], rate["otherwise_of"]) == (5, 9)


def test_what_the_crm_calls_deleted_can_be_kept():
    """5 are won and 4 lost by is_won and is_closed; the history ends in the year 9999."""
    crm = load("fivetran_salesforce", rules={"deleted": "kept"})
    assert crm.opportunities["outcome"].value_counts().to_dict() == {"won": 5, "lost": 4, "open": 1}
    assert len(crm.stage_events) == 10
    assert str(crm.seen_until) == "2019-10-17"
    assert not any("contradicts" in note for note in notes(crm))
    rules = en.findings.examine(crm).orders["rule"].tolist()
    assert "a probability below 0 or above 100" in rules


def test_hashed_names_join_to_nothing_and_every_row_says_so():
    """44 deals without a stage, 14 entries of other deals, 100 changes of hashed fields."""
    crm = load("fivetran_hubspot")
    assert aside(crm) == {
        "deal_data.csv": {"stage is missing: every row of opportunities needs one": 44},
        "deal_stage_data.csv": {"opportunity_id is not among the opportunities": 14},
        "deal_property_history_data.csv": {"of no field that is used": 100},
    }
    assert len(crm.reps) == 100
    assert len(crm.activities) == 100
    tables = crm.quality.files.set_index("file")["table"]
    assert tables["deal_pipeline_stage_data.csv"] == "stage_names"
    assert tables["deal_pipeline_data.csv"] == "pipeline_names"
    assert any("Export property history" in line for line in en.findings.examine(crm).reports)


def test_people_and_their_earnings_are_none_of_ours(tmp_path):
    """One line that names the file, why it is none, and the two settings that would make it one."""
    with pytest.raises(ExportError) as refused:
        load("nsw_training")
    said = str(refused.value)
    assert said.startswith(
        "No file in nsw_training is recognised as opportunities (nsw_mixtape.csv"
    )
    assert '[files] opportunities = "..."' in said
    code, line = check("nsw_training", tmp_path)
    assert (code, line.startswith("Error: No file in nsw_training")) == (2, True)
