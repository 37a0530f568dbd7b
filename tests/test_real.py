"""Exports that nobody here invented. They are not in the repository; without them this skips.

The folder is `../shared/data`, or where ``ENABLEMENT_REAL_DATA`` says.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import ROOT

import enablement as en
from enablement.errors import CannotSayError
from enablement.run import batch

REAL = Path(os.environ.get("ENABLEMENT_REAL_DATA", ROOT.parent / "shared" / "data"))
MAVEN = REAL / "maven_crm"
SETTINGS = ROOT / "tests" / "real" / "maven_crm.toml"
END = "2017-12-31"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not MAVEN.is_dir(), reason=f"no real exports in {REAL.name}"),
]


@pytest.fixture(scope="module")
def maven() -> en.CRM:
    """Maven Analytics, "CRM Sales Opportunities": 8,800 opportunities of a hardware company."""
    return en.load(MAVEN, SETTINGS)


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


def test_the_quarter_runs_from_end_to_end(tmp_path):
    """Both notebooks, the index, and no rep is crowned in any of them."""
    done = batch.quarter("2017Q4", workspace=MAVEN, settings=SETTINGS, out=tmp_path)
    assert [run.error for run in done.runs] == ["", ""]
    page = done.index.read_text()
    assert "2017Q4: sold $2.80 M from 1,196 won" in page
    assert "coverage (no expected close dates), created (no created dates)" in page
    assert "Prospecting" in (tmp_path / "02-funnel.html").read_text()
