"""A goal in any measure of the package: what it is today, what it is to be, and what cannot be."""

from __future__ import annotations

import datetime as dt
import functools

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, events
from firms import firm

import enablement as en
from enablement.errors import CannotSayError, SettingsError
from enablement.plan import baseline, gates, metrics
from enablement.plan import goal as goals

MEASURES = [name for name, where in en.PUBLIC.items() if ".measure." in where]
BY = dt.date(2027, 3, 31)
YEAR = (dt.date(2025, 10, 1), dt.date(2026, 9, 30))  # of the firm
UNTIL = YEAR[1]


@functools.cache
def eight(until=dt.date(2026, 3, 31)):
    """The eight opportunities, seen by the end of March: until day 89."""
    amounts = {name: amount for name, (_, amount) in EIGHT.items()}
    opportunities = pd.DataFrame(
        {"opportunity_id": list(amounts), "amount": list(map(float, amounts.values()))}
    )
    settings = {**EIGHT_SETTINGS, "exported_on": until}
    return en.crm(opportunities=opportunities, stage_events=events(EIGHT), settings=settings)


@functools.cache
def company():
    """A company in which everything is recorded, seen by the end of September."""
    return firm(3)


def goal(**said):
    """A plan of the eight, by the end of March of the next year."""
    return {"goal": {"by": BY, **said}}


def ahead(**said):
    """A plan of the company, by the end of September of the next year."""
    return {"goal": {"by": dt.date(2027, 9, 30), **said}}


def first(table, **where):
    """The only row of a table, or the one that is meant."""
    for column, value in where.items():
        table = table[table[column].eq(value)]
    return table.iloc[0]


def asked(**more):
    """What a measure of the company's year is asked."""
    return {"as_of": UNTIL, "period": YEAR, **more}


def test_every_measure_may_be_a_goal_or_is_a_table_that_says_which_is():
    """A measure that is added takes its place in the list, and a figure has a name of its own."""
    known = {name.replace(" ", "_") for name in metrics.METRICS}
    tables = {name.replace(" ", "_") for name in metrics.LISTS}
    assert known | tables == {*MEASURES, "share_at_quota"}
    assert not known & tables
    assert set(metrics.LISTS.values()) <= set(metrics.METRICS)


@pytest.mark.parametrize(
    ("said", "present", "count"),
    [
        ({"metric": "win_rate", "lift": 0.25}, 3 / 5, 5),
        ({"metric": "win rate", "lift": 0.25}, 3 / 5, 5),
        ({"metric": "conversion", "stage": "Lead", "target": 1.0}, 5 / 5, 5),
        ({"metric": "conversion", "stage": "Qual", "lift": 0.1}, 4 / 5, 5),
        ({"metric": "conversion", "stage": "Prop", "lift": 0.1}, 3 / 4, 4),
        ({"metric": "conversion", "stage": "Qual", "column": "to_won", "lift": 0.1}, 3 / 5, 5),
        ({"metric": "sales_cycle", "lift": -0.1}, 30, 3),  # D1 30, D2 25, D5 55 days
        ({"metric": "sales_cycle", "column": "mean", "lift": -0.1}, 110 / 3, 3),
        # D4 alone went back, of the seven that came past the first stage.
        ({"metric": "process_conformance", "kind": "went back", "target": 1}, 6 / 7, 7),
    ],
)
def test_the_eight_are_counted_by_hand(said, present, count):
    """What the measure of the twelve months until March 2026 is, with its count."""
    table = en.baseline(eight(), goal(**said))
    assert table.index.tolist() == ["present", "expected", "target"]
    assert table.loc["present", "total"] == pytest.approx(present)
    assert table.loc["present", "count"] == count
    wanted = said.get("target", present * (1 + said.get("lift", 0)))
    assert table.loc["target", "total"] == pytest.approx(wanted)
    assert table.attrs["period"] == "2025Q2 to 2026Q1"


CELLS = {
    ("win rate", "", "", "rate"): lambda c: first(en.win_rate(c, **asked())),
    ("conversion", "Qual", "", "to_won"): lambda c: first(
        en.conversion(c, definition="decided", **asked()), stage="Qual"
    ),
    ("time in stage", "Lead", "", "median"): lambda c: first(
        en.time_in_stage(c, **asked()), stage="Lead"
    ),
    ("time in stage", "Lead", "", "p75"): lambda c: first(
        en.time_in_stage(c, **asked()), stage="Lead"
    ),
    ("sales cycle", "", "", "median"): lambda c: first(en.sales_cycle(c, **asked())),
    ("sales velocity", "", "", "velocity"): lambda c: first(en.sales_velocity(c, **asked())),
    ("pipeline created", "", "", "created"): lambda c: first(en.pipeline_created(c, **asked())),
    ("pipeline created", "", "", "amount"): lambda c: first(en.pipeline_created(c, **asked())),
    ("activity", "", "call", "counted"): lambda c: first(
        en.activity(c, **asked()), activity_type="call"
    ),
    ("activity", "", "meeting", "per_day"): lambda c: first(
        en.activity(c, **asked()), activity_type="meeting"
    ),
    ("activity", "", "meeting", "rate"): lambda c: first(
        en.activity(c, **asked()), activity_type="meeting"
    ),
    ("push count", "", "", "rate"): lambda c: first(en.push_count(c, **asked())),
    ("push count", "", "", "per_opportunity"): lambda c: first(en.push_count(c, **asked())),
    ("turnover", "", "", "rate"): lambda c: first(en.turnover(c, **asked())),
    ("ramp", "", "first won", "median"): lambda c: first(en.ramp(c, as_of=UNTIL)),
    ("share of wallet", "", "", "rate"): lambda c: first(
        en.share_of_wallet(c, as_of=UNTIL, accounts="all")
    ),
}


@pytest.mark.parametrize("name", CELLS, ids=lambda name: ", ".join(filter(None, name)))
def test_the_present_is_the_cell_of_the_measures_own_table(name):
    """With the interval that stands beside it, where it is that of this figure."""
    metric, stage, kind, column = name
    said = {"metric": metric, "stage": stage, "kind": kind, "column": column}
    said = {key: value for key, value in said.items() if value}
    table = en.baseline(company(), ahead(lift=0.0, **said))
    row = CELLS[name](company())
    assert table.loc["present", "total"] == pytest.approx(row[column])
    interval = metrics.METRICS[metric].figure(column).interval
    ends = [np.nan, np.nan] if interval is None else [row[end] for end in interval]
    np.testing.assert_allclose(
        table.loc["present", ["low", "high"]].to_numpy(dtype=float), np.array(ends, dtype=float)
    )


def test_slips_are_those_of_the_four_quarters_together():
    """What was due long ahead alone would be too little: each quarter has its own opening."""
    calendar = company().settings.calendar
    quarters = [calendar.period(name) for name in ("2025Q4", "2026Q1", "2026Q2", "2026Q3")]
    parts = [first(en.slip_rate(company(), as_of=UNTIL, period=span)) for span in quarters]
    due, won = (sum(part[name] for part in parts) for name in ("due", "won"))
    table = en.baseline(company(), ahead(metric="slip_rate", lift=0.0))
    assert due > parts[0]["due"]
    assert table.loc["present", "count"] == due
    assert table.loc["present", "total"] == pytest.approx((due - won) / due)


def test_stale_is_the_share_of_the_open_ones_that_are():
    """Of those of which it can be said."""
    listed = en.stale(company(), as_of=UNTIL)
    table = en.baseline(company(), ahead(metric="stale", lift=0.0))
    assert table.loc["present", "count"] == listed["stale"].notna().sum()
    assert table.loc["present", "total"] == pytest.approx(listed["stale"].astype(float).mean())
    assert en.words.baseline(table).startswith("Share of stale ones on 2026-09-30: ")


def test_only_what_reps_add_up_to_has_a_part_of_a_rep_and_a_month():
    """The calls of six reps, some of whom came and left; a rate is nobody's part of anything."""
    calls = en.baseline(company(), ahead(metric="activity", kind="call", lift=0.1))
    reps = calls.attrs["reps"]
    row = calls.loc["present"]
    assert row["per_rep"] == pytest.approx(row["total"] / reps["sold"])
    assert calls.loc["target", "per_rep_month"] == pytest.approx(
        1.1 * row["total"] / reps["target"] / 12
    )
    rate = en.baseline(company(), ahead(metric="win_rate", lift=0.1))
    assert rate[["per_rep", "per_rep_month"]].isna().all().all()
    assert "no sum of what reps do" in rate.attrs["sentences"]["per rep"]


def test_a_target_within_the_interval_of_today_is_told():
    """3 of 5 are 26 to 87 % (Jeffreys): 70 % may be reached by chance, and 95 % not."""
    near, far = (
        en.baseline(eight(), goal(metric="win_rate", target=target)).attrs["sentences"]["doubt"]
        for target in (0.7, 0.95)
    )
    assert near.endswith("lies within, so that reaching it may be chance.")
    assert far.endswith("the target lies beyond.")
    mean = en.baseline(eight(), goal(metric="sales_cycle", column="mean", lift=-0.1))
    assert "doubt" not in mean.attrs["sentences"]  # the measure says no interval of it


def test_a_stated_present_counts_and_the_crms_is_named_beside_it():
    """The plan says 50 %, the CRM 60 %: a lift of a fifth ends at 60 %."""
    table = en.baseline(eight(), goal(metric="win_rate", lift=0.2, baseline=0.5))
    assert table.loc["target", "total"] == pytest.approx(0.6)
    assert table.loc["present", "count":"high"].isna().all()
    said = table.attrs["sentences"]["base"]
    assert said.startswith("The plan states 50.0 % as present, the CRM counts 60.0 %")
    assert not table.attrs["consistent"]


def test_what_may_be_a_reward_gate_is_read_from_the_same_list():
    """A gate and a goal in the same measure are the same number."""
    calendar = company().settings.calendar
    for name in ("win_rate", "share_of_wallet", "process_conformance"):
        table = en.baseline(company(), ahead(metric=name, lift=0.0))
        period = calendar.period(YEAR)
        gate = gates.gates_of(company(), {name: 0.1}, period, as_of=UNTIL)[0]
        assert gate.value == pytest.approx(table.loc["present", "total"])
    assert set(goals.GATES) == {
        *("win_rate", "quota_attainment", "share_at_quota", "process_conformance"),
        "share_of_wallet",
    }


def test_how_far_the_worst_way_is_kept_from_is_the_conformance():
    """1 minus the largest of the shares that leave the process."""
    found = en.process_conformance(company(), **asked())
    table = en.baseline(company(), ahead(metric="process_conformance", lift=0.0))
    assert table.loc["present", "total"] == pytest.approx(1 - found["rate"].max())
    worst = found.loc[found["rate"].idxmax()]
    ends = table.loc["present", ["low", "high"]].tolist()
    assert ends == pytest.approx([1 - worst["high"], 1 - worst["low"]])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"metric": "win rates", "lift": 0.1}, "Did you mean 'win rate'"),
        ({"metric": "pushes", "lift": -0.1}, "is no figure of a company.*Its figure is 'push c"),
        ({"metric": "ramp_curve", "lift": 0.1}, "a table of many. Its figure is 'ramp'"),
        ({"metric": "conversion", "lift": 0.1}, 'is that of a stage: stage = "Discovery"'),
        ({"metric": "activity", "lift": 0.1}, 'is that of a kind: kind = "meeting"'),
        ({"metric": "win_rate", "stage": "Lead", "lift": 0.1}, "stage says nothing of win rate"),
        ({"metric": "units", "kind": "call", "lift": 0.1}, "kind says nothing of units"),
        ({"metric": "ramp", "kind": "first", "lift": -0.1}, "Did you mean 'first won'"),
        ({"metric": "sales_cycle", "column": "medain", "lift": -0.1}, "Did you mean 'median'"),
        ({"metric": "conversion", "stage": 3, "lift": 0.1}, "is no text"),
        ({"metric": "win_rate", "lift": -0.1}, "would lower the win rate, and more of it is bet"),
        ({"metric": "turnover", "lift": 0.1}, r"would raise the turnover.*lift = -0.1"),
        ({"metric": "win_rate", "target": 1.2}, "is a share, at most 1"),
        ({"metric": "win_rate", "target": 0}, "must be above 0"),
        ({"metric": "turnover", "target": -0.1}, "must be at least 0"),
        ({"metric": "win_rate", "lift": 0.1, "pins": {"A": 0.5}}, "shared out among them"),
    ],
)
def test_what_no_plan_can_mean_is_refused_in_a_line(said, message):
    """Each names the key, and what would have worked."""
    with pytest.raises(SettingsError, match=message) as raised:
        en.goal(goal(**said))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"metric": "win_rate", "target": 0.5}, "would lower the win rate, which is 0.6 today"),
        ({"metric": "sales_cycle", "target": 31}, "would raise the sales cycle, which is 30 to"),
        ({"metric": "win_rate", "lift": 0.7}, "wants the win rate at 102.0 %, more than all"),
        ({"metric": "conversion", "stage": "Quak", "lift": 0.1}, "Did you mean 'Qual'"),
    ],
)
def test_what_this_company_cannot_mean_is_refused_in_a_line(said, message):
    """A target that goes the wrong way, more than all of it, and a stage that nobody has."""
    with pytest.raises(SettingsError, match=message) as raised:
        en.baseline(eight(), goal(**said))
    assert "\n" not in str(raised.value)


def test_a_lift_of_nothing_is_refused_and_a_target_is_not():
    """Nobody left in the year: no share of that is less, and to keep it so is a goal."""
    people = pd.DataFrame(
        {"rep_id": ["A", "B", "C"], "hired_on": "2020-01-01", "left_on": [None, None, "2024-05-31"]}
    )
    amounts = pd.DataFrame({"opportunity_id": list(EIGHT), "amount": 1.0})
    settings = {**EIGHT_SETTINGS, "exported_on": dt.date(2026, 3, 31)}
    crm = en.crm(opportunities=amounts, stage_events=events(EIGHT), reps=people, settings=settings)
    with pytest.raises(SettingsError, match="the turnover is 0, and of 0 any lift is 0"):
        en.baseline(crm, goal(metric="turnover", lift=-0.1))
    table = en.baseline(crm, goal(metric="turnover", target=0.0))
    assert table["total"].tolist()[::2] == [0.0, 0.0]
    assert ", as today." in en.words.baseline(table)


def test_what_the_data_do_not_carry_is_refused_with_what_is_missing():
    """The eight have no activities and no quotas; and nothing at all is known without a CRM."""
    with pytest.raises(CannotSayError) as raised:
        en.baseline(eight(), goal(metric="activity", kind="call", lift=0.1))
    assert raised.value.lacks == "no activities"
    with pytest.raises(CannotSayError, match="says what the quota attainment is"):
        en.baseline(eight(), goal(metric="quota_attainment", target=1.1))
    with pytest.raises(CannotSayError, match="Without a CRM nothing says what the win rate is"):
        en.baseline(None, {"goal": {"metric": "win_rate", "target": 0.4, "by": BY}})


def test_a_measure_is_read_as_one_speaks_of_it():
    """Shares in tenths, in points and with what they rest on; days as days."""
    said = en.words.baseline(en.baseline(eight(), goal(metric="win_rate", lift=0.2)))
    assert said.splitlines()[0] == (
        "Win rate in 2025Q2 to 2026Q1: 60.0 % (26.1 to 87.2 %, of 5 won or lost). Wanted "
        "in 2026Q2 to 2027Q1: 72.0 %, 12.0 points more."
    )
    days = en.words.baseline(en.baseline(eight(), goal(metric="sales_cycle", lift=-0.1)))
    assert days.startswith("Sales cycle in 2025Q2 to 2026Q1: 30 days (")
    assert "27 days, 10 % less." in days
    shown = en.tables.baseline(en.baseline(eight(), goal(metric="win_rate", lift=0.2)))
    assert shown.loc["Present"].tolist() == ["60.0 % (26.1 to 87.2 %)", "5"]
    assert shown.loc["Expected"].tolist() == ["–", "–"]


def test_a_baseline_has_the_same_months_as_any_other():
    """The twelve before the goal's, as of the last day of them."""
    plan = en.goal(goal(metric="win_rate", lift=0.1))
    months = baseline.months_before(eight(), plan)
    assert (months[0].start, months[-1].end) == (dt.date(2025, 4, 1), dt.date(2026, 3, 31))


def test_a_figure_is_called_what_it_is():
    """Nobody reads "pipeline created, created": each figure but the usual one has words of its own.

    The share of pushed ones and of stale ones are no counts, so the usual one has words there too.
    """
    nouns = [figure.noun for metric in metrics.EVERY for figure in metric.figures[1:]]
    assert all(nouns)
    assert len(set(nouns)) == len(nouns)
    for said, label in [
        ({"metric": "pipeline created", "column": "created"}, "number of opportunities created"),
        ({"metric": "push count"}, "share of pushed ones"),
        ({"metric": "push count", "column": "per_opportunity"}, "pushes per opportunity"),
        (
            {"metric": "conversion", "stage": "Qual", "column": "to_won"},
            "conversion to won of Qual",
        ),
        ({"metric": "activity", "kind": "call", "column": "rate"}, "share held of activity (call)"),
        ({"metric": "time in stage", "stage": "Qual"}, "time in stage Qual"),
        ({"metric": "win rate"}, "win rate"),
    ]:
        assert goals.goal({"goal": {"by": "2027", "target": 0.5, **said}}).goal.label == label


def test_what_is_of_one_day_is_wanted_on_one():
    """What is stale stands on a day, and what is wanted of it on the last of the goal's months."""
    told = en.words.baseline(en.baseline(company(), ahead(metric="stale", target=0.0)))
    assert told.startswith("Share of stale ones on 2026-09-30: ")
    assert " Wanted on 2027-09-30: " in told
    rates = en.words.baseline(en.baseline(company(), ahead(metric="win rate", lift=0.1)))
    assert " Wanted in 2026Q4 to 2027Q3: " in rates


def test_which_way_is_meant_is_said_where_the_plan_names_none():
    """The way in which most leave the process, by name; of a ramp the first won one."""
    crm = company()
    ways = en.process_conformance(crm, **asked()).sort_values("rate", ascending=False)
    told = en.words.baseline(en.baseline(crm, ahead(metric="process conformance", lift=0.01)))
    assert told.startswith(f"Process conformance ({ways['deviation'].iloc[0]}) in ")
    with pytest.raises(
        CannotSayError, match=r"ramp of three in four \(first won\) is \(3 reps\)\."
    ):
        en.baseline(crm, ahead(metric="ramp", column="p75", lift=-0.1))
