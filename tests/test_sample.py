"""The sample reads like a company, is what the dictionary says, and is the same every time."""

import csv
import json
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import enablement as en
from enablement.world import sample
from enablement.world.example import company

DATA = Path(__file__).resolve().parents[1] / "data"
SAMPLE = DATA / "sample"
TYPES = {
    "text": r".+",
    "number": r"-?\d+(\.\d+)?",
    "whole": r"-?\d+",
    "date": r"\d{4}-\d{2}-\d{2}",
    "time": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z",
    "yes/no": r"true|false",
}
BY_HAND = ("settings.toml", "plan.toml", "truth.json")


def dictionary():
    """File -> [(column, type, unit, meaning)] as data/README.md says it."""
    told, file = {}, None
    for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"### (\S+\.csv)$", line):
            file = found[1]
            told[file] = []
        elif file and line.startswith("| ") and not line.startswith(("| column", "|---")):
            told[file].append(tuple(cell.strip() for cell in line.strip("| ").split(" | ")))
        elif line.startswith("## "):
            file = None
    return told


DICTIONARY = dictionary()
FILES = sorted(path.name for path in SAMPLE.glob("*.csv"))


def rows_of(name):
    with (SAMPLE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def crm():
    return en.load(SAMPLE)


@pytest.fixture(scope="module")
def world():
    return company()


def test_the_dictionary_names_every_file():
    """Not one file more or less."""
    assert sorted(DICTIONARY) == FILES
    assert sorted(p.name for p in SAMPLE.iterdir()) == sorted([*FILES, *BY_HAND])


@pytest.mark.parametrize("name", FILES)
def test_the_dictionary_names_every_column(name):
    """The same columns in the same order, each value of the stated type, each with a meaning."""
    head, *rows = rows_of(name)
    assert [entry[0] for entry in DICTIONARY[name]] == head
    for place, entry in enumerate(DICTIONARY[name]):
        kind, meaning = entry[1], entry[-1]
        assert len(meaning) > 3, f"{name}: {entry[0]} has no meaning"
        pattern = re.compile(TYPES[kind.rstrip("?")])
        for row in rows:
            if row[place] == "" and kind.endswith("?"):
                continue
            assert pattern.fullmatch(row[place]), f"{name}: {entry[0]} = {row[place]!r}"


def test_make_sample_writes_the_same_bytes(tmp_path):
    """What is committed is what the code writes."""
    for path in sample(tmp_path):
        assert path.read_bytes() == (SAMPLE / path.name).read_bytes(), path.name


def test_the_sample_is_small():
    """At most six megabytes."""
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 6_000_000


def test_the_sample_has_40_reps_in_4_regions_over_10_quarters(crm):
    """As the README says."""
    reps = crm.reps[crm.reps["role"].str.contains("Account Executive")]
    assert len(reps) == 40
    assert reps["region"].nunique() == 4
    assert crm.quotas["period"].nunique() == 11  # ten, and the coming one
    assert crm.seen_until.isoformat() == "2026-09-30"


def test_nothing_of_the_sample_is_set_aside(crm):
    """A clean export: every row is used."""
    assert (crm.quality.summary["set_aside"] == 0).all()


def test_the_sample_looks_plausible_to_a_head_of_sales(crm):
    """Attainment, win rate and cycle are those of a company that could exist."""
    won = crm.opportunities[crm.opportunities["outcome"] == "won"]
    closed = won["closed_at"].dt.to_period("Q").astype(str)
    sold = won.groupby(closed)["amount"].sum()
    quota = crm.quotas.groupby("period")["target"].sum()
    attained = (sold / quota).dropna()
    assert 0.85 < attained["2026Q3"] < 1.0
    assert attained.between(0.7, 1.2).all()
    normal = crm.opportunities[crm.opportunities["type"] != "renewal"]
    decided = normal[normal["outcome"].isin(["won", "lost"])]
    assert 0.25 < (decided["outcome"] == "won").mean() < 0.30
    cycle = (won["closed_at"] - won["created_at"]).dt.days
    assert 60 < cycle.median() < 90


def test_no_name_is_used_twice(crm):
    """People and companies are all different."""
    assert crm.reps["name"].is_unique
    assert crm.accounts["name"].is_unique


def test_loading_the_files_gives_what_the_world_gives(crm, world):
    """Files and DataFrames are two ways to the same numbers."""
    for by in (None, "rep"):
        for day in ("2026-09-30", "2025-11-14"):
            pd.testing.assert_frame_equal(
                en.conversion(crm, as_of=day, by=by), en.conversion(world.crm, as_of=day, by=by)
            )
    columns = ["opportunity_id", "visit", "stage", "rep_id", "exit"]
    ordered = [c.stage_visits.sort_values(columns[:2], ignore_index=True)[columns]
               for c in (crm, world.crm)]  # fmt: skip
    pd.testing.assert_frame_equal(*ordered)


def test_hand_written_inputs_fit_together(crm):
    """Lessons teach known competencies, need known lessons; training gives known lessons."""
    tables = {name: pd.read_csv(SAMPLE / f"{name}.csv") for name in ("competencies", "lessons")}
    known = set(tables["competencies"]["competency"])
    assert len(known) >= 8
    assert set(tables["competencies"]["hard_or_soft"]) == {"hard", "soft"}
    lessons = tables["lessons"]
    assert set(lessons["competency"]) <= known
    assert set(lessons["needs"].dropna()) <= set(lessons["lesson"])
    assert set(crm.training["lesson"]) <= set(lessons["lesson"])
    assert set(crm.assessments["competency"]) <= known
    plan = tomllib.loads((SAMPLE / "plan.toml").read_text(encoding="utf-8"))
    assert list(plan["desired"]) == list(crm.settings.stages)
    assert {c for each in plan["outcomes"].values() for c in each["competencies"]} <= known
    assert {each["kpi"] for each in plan["outcomes"].values()} <= set(plan["kpis"])
    pay = pd.read_csv(SAMPLE / "pay.csv").groupby("role")["share"].sum()
    assert pay.round(6).eq(1.0).all()


def test_the_truth_lies_beside_and_says_what_is_planted(world):
    """The wrong request, the lesson that works, the costliest place."""
    told = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))
    assert told["costliest"]["place"] == "existing"
    assert {leak["cause"] for leak in told["leaks"]} == {
        "skill", "execution", "mix", "tools", "pay",
    }  # fmt: skip
    right = {each["request_id"]: each["right"] for each in told["requests"]}
    assert right == {"R-101": False, "R-102": True, "R-103": False, "R-104": False}
    works = {each["lesson"]: each["works"] for each in told["rollouts"]}
    assert works["Discovery that listens"]
    assert not works["Negotiation masterclass"]
    assert told["seed"] == world.seed
