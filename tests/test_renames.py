"""Stages under their earlier names."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

import enablement as en
from enablement import settings as workspace
from enablement.read import renames

SAID = {
    "stages": ["Lead", "Qualification", "Prop"],
    "outcomes": {"Won": "won", "Lost": "lost"},
    "renamed_stages": [
        {"from": "Discovery", "to": "Qualification", "until": dt.date(2025, 6, 30)},
        {"from": "Discovery", "to": "Prop", "since": dt.date(2025, 7, 1)},
        {"from": "Gained", "to": "Won"},
        {"from": "Prop", "to": "Won", "until": dt.date(2024, 12, 31)},
    ],
}


@pytest.fixture
def said(tmp_path):
    return workspace.read(SAID, folder=tmp_path)


def at(*texts):
    """Moments, ISO; None is not known."""
    return pd.Series(pd.to_datetime(list(texts), format="ISO8601")).astype("datetime64[us]")


def test_an_event_has_the_name_of_the_day_it_was_entered(said):
    """The whole last day belongs to the earlier meaning, the next midnight to the later one."""
    events = pd.DataFrame(
        {
            "opportunity_id": list("ABCDEFG"),
            "stage": ["Discovery", "Discovery", "Discovery", "Gained", "Lead", "Prop", "Prop"],
            "entered_at": at(
                *("2025-01-05", "2025-06-30 23:59", "2025-07-01", "2020-01-01"),
                *("2025-01-05", "2024-12-31", "2025-01-01"),
            ),
        }
    )
    deals = pd.DataFrame({"opportunity_id": list("ABCDEFG"), "stage": "Lead"})
    crm = en.crm(opportunities=deals, stage_events=events, settings=said)
    found = crm.stage_events[crm.stage_events["origin"].eq("history")]
    stages = found.sort_values("opportunity_id")["stage"]
    assert list(stages) == ["Qualification"] * 2 + ["Prop", "Won", "Lead", "Won", "Prop"]
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    told = {note: rows for note, rows in notes.items() if note.endswith("its name today")}
    assert told == {
        "stage 'Discovery' read as 'Prop', its name today": 1,
        "stage 'Discovery' read as 'Qualification', its name today": 2,
        "stage 'Gained' read as 'Won', its name today": 1,
        "stage 'Prop' read as 'Won', its name today": 1,
    }
    assert events["stage"].iloc[0] == "Discovery"


def test_a_list_without_a_history_has_the_names_of_today(tmp_path):
    """Two deals and no other file: the one that stands in Discovery is in Prop today."""
    (tmp_path / "opportunities.csv").write_text(
        "opportunity_id,stage,rep_id,amount,created_at,closed_at\n"
        "D1,Discovery,R1,5,2026-01-02,\nD2,Lead,R1,5,2026-01-02,\n"
    )
    crm = en.load(tmp_path, SAID)
    assert crm.opportunities.sort_values("opportunity_id")["stage"].tolist() == ["Prop", "Lead"]


def test_a_present_stage_is_judged_by_its_own_date_or_by_the_export(said):
    """Entered in January; entered in August; no date, so the export's day; a wished close date."""
    given = pd.DataFrame(
        {
            "stage": ["Discovery"] * 4 + ["Prop", "Prop", "Lead"],
            "pipeline": "",
            "last_stage_change": at("2025-01-05", "2025-08-05", None, None, None, None, None),
            "closed_at": at(None, None, None, "2025-01-05", "2024-05-01", None, None),
        }
    )
    found, _ = renames.of_opportunities(given, said, taken=dt.date(2025, 9, 30))
    assert list(found["stage"]) == ["Qualification", "Prop", "Prop", "Prop", "Won", "Prop", "Lead"]
    earlier, _ = renames.of_opportunities(given, said, taken=at(*["2025-02-01"] * 7))
    assert list(earlier["stage"])[2:4] == ["Qualification", "Qualification"]
    undated, _ = renames.of_opportunities(given[["stage", "pipeline"]], said, taken=None)
    assert list(undated["stage"]) == [*["Prop"] * 6, "Lead"]


def test_a_name_of_another_pipeline_is_left_alone(tmp_path):
    """Only where the pipeline has the stage that is meant."""
    said = workspace.read(
        {
            "pipelines": {"New": {"stages": ["A", "B"]}, "Renewal": {"stages": ["Old", "C"]}},
            "outcomes": {"Won": "won"},
            "renamed_stages": [{"from": "Old", "to": "A"}],
        },
        folder=tmp_path,
    )
    given = pd.DataFrame({"stage": "Old", "pipeline": ["New", "Renewal", None]})
    found, notes = renames.of_opportunities(given, said, taken=None)
    assert list(found["stage"]) == ["A", "Old", "Old"]
    assert list(notes["rows"]) == [1]


def test_without_renames_nothing_is_touched(tmp_path):
    """Not even copied."""
    said = workspace.read({"stages": ["A"], "outcomes": {"Won": "won"}}, folder=tmp_path)
    given = pd.DataFrame({"stage": ["A"], "pipeline": [""]})
    found, notes = renames.of_opportunities(given, said, taken=None)
    assert found is given
    assert notes.empty
    assert list(renames.table(said).columns)[:3] == ["pipeline", "said", "meant"]
