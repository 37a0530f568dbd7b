"""Every definition of a conversion on the eight opportunities, and on a ninth, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day
from hypothesis import given, settings
from hypothesis import strategies as st
from test_funnel import NINTH, SOURCES, STAGES, counts, in_sources, made

import enablement as en
from enablement.errors import CannotSayError, EnablementError
from enablement.measure import definitions

SPAN = (day(45), day(90))
CREDITS = ("at_entry", "final", "first", "share")
ASKED = {
    "reached": {"definition": "reached"},
    "strict": {"definition": "strict"},
    "touch": {"definition": "touch"},
    "decided": {"definition": "decided"},
    "decided, touched": {"definition": "decided", "skipped": "touched"},
    "visit": {"definition": "visit"},
    "visit, finished": {"definition": "visit", "stays": "finished"},
    "within": {"definition": "within", "within": 30},
    "period": {"definition": "period", "period": SPAN},
    "estimate": {"definition": "estimate"},
}
# Moved on and entered at Lead, Qual and Prop, of the eight.
EIGHT_COUNTS = {
    "reached": [(7, 8), (5, 7), (3, 5)],
    "strict": [(5, 7), (3, 5), (1, 3)],
    "touch": [(6, 7), (5, 6), (3, 5)],
    "decided": [(5, 5), (4, 5), (3, 4)],
    "decided, touched": [(4, 4), (4, 4), (3, 4)],
    "visit": [(6, 7), (5, 8), (3, 6)],
    "visit, finished": [(6, 6), (5, 7), (3, 5)],
    "within": [(6, 6), (3, 5), (3, 4)],
    "period": [(1, 2), (2, 3), (1, 3)],
    # D2 was never in Qual nor D5 in Lead; D7 moved on from Qual after its loss was reopened.
    "estimate": [(6, 7), (4, 6), (3, 5)],
}
# The ninth was in Lead (handed over there) and in Qual, where it was cancelled on day 30.
# It adds: to reached, strict and touch one at Lead that moved on and one at Qual that did not;
# to decided nothing; to visits two stays at Lead (one handed off, one advanced) and one at Qual;
# of finished stays only the advanced one; within 30 days Lead moved on after 20, and its 10 days
# in Qual ended without moving on, 70 days ago; in days 45 to 90 it was nowhere. It really entered
# Lead, and Qual.
NINE_COUNTS = {
    "reached": [(8, 9), (5, 8), (3, 5)],
    "strict": [(6, 8), (3, 6), (1, 3)],
    "touch": [(7, 8), (5, 7), (3, 5)],
    "decided": EIGHT_COUNTS["decided"],
    "decided, touched": EIGHT_COUNTS["decided, touched"],
    "visit": [(7, 9), (5, 9), (3, 6)],
    "visit, finished": [(7, 7), (5, 7), (3, 5)],
    "within": [(7, 7), (3, 6), (3, 4)],
    "period": EIGHT_COUNTS["period"],
    "estimate": [(7, 8), (4, 7), (3, 5)],
}
# Won of those that entered Lead: the way from the first stage to won.
TO_WON = {
    **{"reached": 3 / 8, "strict": 1 / 7, "touch": 3 / 7, "decided": 3 / 5},
    "decided, touched": 3 / 4,
}


@pytest.mark.parametrize("name", ASKED)
def test_the_eight_by_each_definition(eight, name):
    """The table of the eight, row by row."""
    assert counts(en.conversion(eight, as_of=day(90), **ASKED[name])) == EIGHT_COUNTS[name]


@pytest.mark.parametrize("name", ASKED)
def test_the_ninth_by_each_definition(name):
    """Handed over in Lead and cancelled in Qual: what it adds stands beside the numbers above."""
    crm = company(EIGHT | NINTH)
    assert counts(en.conversion(crm, as_of=day(90), **ASKED[name])) == NINE_COUNTS[name]


@pytest.mark.parametrize("name", TO_WON)
def test_from_the_first_stage_to_won(eight, name):
    """14, 37.5, 43 or 60 % of the same eight."""
    table = en.conversion(eight, as_of=day(90), **ASKED[name])
    assert table["to_won"].iloc[0] == TO_WON[name]


def test_a_ratio_of_counts_has_no_interval_but_says_how_many_did_both(eight):
    """5 were in Lead and Qual, 4 in Qual and Prop, 3 in Prop and won; 2 in Lead and won."""
    table = en.conversion(eight, as_of=day(90), definition="touch")
    assert list(table["overlap"]) == [5, 4, 3]
    assert table["overlap_won"].iloc[0] == 2
    assert table[["low", "high"]].isna().all(axis=None)
    decided = en.conversion(eight, as_of=day(90), definition="decided", skipped="touched")
    assert list(decided["overlap"]) == [3, 3, 3]
    assert decided["overlap_won"].iloc[0] == 2


def test_the_accounting_of_stays_is_exact(eight):
    """Advanced + won + lost + back + handed off + cancelled + open = stays."""
    table = en.conversion(company(EIGHT | NINTH), as_of=day(90), definition="visit")
    parts = ["moved_on", "lost", "back", "handed_off", "cancelled", "open"]
    assert list(table[parts].sum(axis=1)) == list(table["entered"])
    assert list(table["handed_off"]) == [1, 0, 0]
    assert list(table["cancelled"]) == [0, 1, 0]


def test_the_immature_are_left_out_and_shown(eight):
    """D8 is 10 days in Lead, D6 20 days in Qual, D7 25 days in Prop."""
    table = en.conversion(eight, as_of=day(90), definition="within", within=30)
    assert list(table["immature"]) == [1, 1, 1]


def test_the_thirtieth_day_still_counts(eight):
    """D5 left Qual for Prop on the 30th day: with 29 it is one fewer."""
    table = en.conversion(eight, as_of=day(90), definition="within", within=29)
    assert counts(table)[1] == (2, 5)


@pytest.mark.parametrize(
    ("credit", "expected"),
    [
        # Lead: A had D1, D2, D3, D8 and B D4, D6, D7 and the unseen one of D5.
        ("at_entry", {"A": [(3, 4), (2, 3), (2, 2)], "B": [(4, 4), (3, 4), (1, 3)]}),
        # A closed D5, so D5 is A's everywhere.
        ("final", {"A": [(4, 5), (3, 4), (3, 3)], "B": [(3, 3), (2, 3), (0, 2)]}),
        # B had D5 first.
        ("first", {"A": [(3, 4), (2, 3), (2, 2)], "B": [(4, 4), (3, 4), (1, 3)]}),
    ],
)
def test_whose_a_stage_is(eight, credit, expected):
    """By who owned it then, at the end, or first."""
    table = en.conversion(eight, as_of=day(90), by="rep", credit=credit)
    for rep, found in expected.items():
        assert counts(table[table["rep_id"] == rep]) == found


def test_whose_a_stay_in_prop_was(eight):
    """Of finished stays in Prop A moved on 2 of 2, B 1 of 3."""
    table = en.conversion(eight, as_of=day(90), by="rep", definition="visit", stays="finished")
    at_prop = table[table["stage"] == "Prop"].set_index("rep_id")
    assert tuple(at_prop.loc["A", ["moved_on", "entered"]]) == (2, 2)
    assert tuple(at_prop.loc["B", ["moved_on", "entered"]]) == (1, 3)


@pytest.mark.parametrize(
    ("credit", "a", "b"), [("final", (3, 4), (0, 1)), ("first", (2, 3), (1, 2))]
)
def test_whose_a_win_is(eight, credit, a, b):
    """A looks like 3 of 4 or 2 of 3, B like 0 of 1 or 1 of 2."""
    table = en.win_rate(eight, as_of=day(90), by="rep", credit=credit).set_index("rep_id")
    decided = table["won"] + table["lost"]
    assert (table.loc["A", "won"], decided["A"]) == a
    assert (table.loc["B", "won"], decided["B"]) == b


def test_definitions_side_by_side_name_the_weakest_stage(eight):
    """Prop by all but within 30 days, where it is Qual."""
    table = en.compare_definitions(eight, as_of=day(90), within=30)
    within = table[table["definition"] == "within"]
    assert list(within["weakest"]) == [False, True, False]
    assert "Qual by `within`" in table.attrs["verdict"]
    assert "not yet the leak" in table.attrs["verdict"]


def test_definitions_that_agree_say_so():
    """Ten reach Prop and one of them is won."""
    paths = {f"X{n}": ("0 Lead@A, 5 Qual@A, 9 Prop@A, 12 Lost@A", 1) for n in range(9)}
    paths["W"] = ("0 Lead@A, 5 Qual@A, 9 Prop@A, 12 Won@A", 1)
    said = en.compare_definitions(company(paths), as_of=day(90), within=30).attrs["verdict"]
    assert said.startswith("By every definition the lowest rate is that of Prop.")


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"definition": "within"}, "needs days, such as within=30"),
        ({"definition": "within", "within": -1}, "needs days"),
        ({"definition": "period"}, "needs a period"),
        ({"within": 30}, "within belongs to definition='within', not 'reached'"),
        ({"skipped": "touched"}, "skipped belongs to definition='decided'"),
        ({"definition": "decided", "skipped": "toched"}, "Did you mean 'touched'"),
        ({"stays": "finished"}, "stays belongs to definition='visit'"),
        ({"credit": "last"}, "Known: at_entry, final, first, share"),
        ({"definition": "estimate", "within": "30"}, "needs days, such as within=30"),
        ({"cohort": "decided"}, "cohort='decided'. Known: begun"),
        ({"definition": "headline", "cohort": "entered"}, "Known: begun"),
        ({"of": "money"}, "Known: opportunities, value"),
        ({"definition": "period", "period": "2026Q1", "by": "period"}, "no column 'period' here"),
    ],
)
def test_an_argument_of_another_definition_is_refused(eight, asked, complaint):
    """It would change nothing, and the reader would think it did."""
    with pytest.raises(EnablementError, match=complaint):
        en.conversion(eight, as_of=day(90), **asked)


def test_stays_need_a_history_for_an_earlier_day():
    """From the present stage alone no earlier stay is known."""
    now = pd.DataFrame({"opportunity_id": ["X"], "stage": ["Won"], "closed_at": [day(60)]})
    crm = en.crm(opportunities=now, settings=EIGHT_SETTINGS)
    for asked in (ASKED["visit"], ASKED["within"], ASKED["strict"], ASKED["touch"]):
        with pytest.raises(CannotSayError, match="no stage history"):
            en.conversion(crm, as_of=day(30), **asked)


@settings(max_examples=2, deadline=None)
@given(sources=SOURCES, until=st.integers(0, 13))
def test_reps_sum_to_the_team_by_every_definition_and_credit(sources, until):
    """Whoever is credited, each is counted once."""
    crm = made(in_sources(sources))
    for n, name in enumerate(ASKED):
        asked = {**ASKED[name], "as_of": day(until), "credit": CREDITS[(until + n) % len(CREDITS)]}
        if name == "period":
            asked["period"] = (day(3), day(8))
        counts = ["entered", "moved_on", "won", "lost", "open"]
        whole = en.conversion(crm, by="source", **asked).set_index(["source", "stage"])[counts]
        parts = en.conversion(crm, by=["source", "rep"], **asked)
        summed = parts.groupby(["source", "stage"], observed=False)[counts].sum()
        for column in counts:
            assert list(summed[column].reindex(whole.index, fill_value=0)) == pytest.approx(
                list(whole[column]), abs=1e-9
            )


@settings(max_examples=3, deadline=None)
@given(sources=SOURCES, until=st.integers(0, 13))
def test_how_the_definitions_stand_to_each_other(sources, until):
    """Strict is never more than touch, touch never more than reached; visits add up."""
    crm = made(in_sources(sources))
    by = {
        name: en.conversion(crm, as_of=day(until), by="source", **ASKED[name])
        for name in ("reached", "strict", "touch", "visit")
    }
    entered = {name: table.set_index(["source", "stage"])["entered"] for name, table in by.items()}
    at = entered["reached"].index
    fewest, middle, most = (entered[name].reindex(at, fill_value=0) for name in
                            ("strict", "touch", "reached"))  # fmt: skip
    assert (fewest <= middle).all()
    assert (middle <= most).all()
    assert (middle <= entered["visit"].reindex(at, fill_value=0)).all()
    parts = ["moved_on", "lost", "back", "handed_off", "cancelled", "open"]
    assert list(by["visit"][parts].sum(axis=1)) == list(by["visit"]["entered"])


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("by", [None, "rep"])
def test_every_definition_can_be_drawn(eight, name, by):
    """With its own line under it; a ratio beyond 100 % has room."""
    table = en.conversion(eight, as_of=day(90), by=by, **ASKED[name])
    chart = en.charts.conversion(table)
    assert chart.vconcat[1].data["line"].iloc[0].startswith(f"Definition: {name}:")
    text = chart.to_json()
    assert "a ratio without an interval" in text or not table.attrs["ratio"]


def test_definitions_side_by_side_can_be_drawn(eight):
    """A panel per stage, the lowest of each definition marked."""
    table = en.compare_definitions(eight, as_of=day(90), within=30)
    chart = en.charts.compare_definitions(table)
    spec = chart.to_dict()
    assert spec["vconcat"][0]["facet"]["column"]["sort"] == STAGES
    assert " ".join(chart.title["text"]) == (
        "The weakest stage depends on the definition: Prop by 8 of 9, Qual by 1."
    )
    (rows,) = (r for r in spec["datasets"].values() if "definition" in r[0])
    rings = {row["definition"] for row in rows if row["ratio"]}
    assert rings == {"touch", "decided, touched"}


def test_one_stage_alone_is_no_weakest():
    """Lead and Prop have no date: of Qual alone there is a rate, and it is no lowest of any."""
    opportunities = pd.DataFrame(
        {"opportunity_id": ["1", "2"], "stage": ["Won", "Lost"], "qual": [day(0)] * 2}
    )
    settings = {**EIGHT_SETTINGS, "stage_dates": {"Qual": "qual"}}
    crm = en.crm(opportunities=opportunities.assign(closed_at=day(3)), settings=settings)
    chart = en.charts.compare_definitions(en.compare_definitions(crm, as_of=day(9)))
    assert " ".join(chart.title["text"]).startswith("Only Qual can be counted")
    assert "Lead has no rate by any. Prop has no rate by any." in " ".join(chart.title["subtitle"])
    (rows,) = (r for r in chart.to_dict()["datasets"].values() if "definition" in r[0])
    assert not any(row["weakest"] for row in rows)


def test_by_rep_the_table_says_whether_they_differ_at_any_stage(eight):
    """Two reps and eight opportunities: they cannot be told apart; 90 and 40 of 100 can."""
    few = en.conversion(eight, as_of=day(90), by="rep")
    assert few.attrs["verdict"].startswith("Between the 2 reps no difference can be detected")
    paths = {f"A{n}": (f"0 Lead@A, 5 {'Qual' if n < 90 else 'Lost'}@A", 1) for n in range(100)}
    paths |= {f"B{n}": (f"0 Lead@B, 5 {'Qual' if n < 40 else 'Lost'}@B", 1) for n in range(100)}
    many = en.conversion(company(paths), as_of=day(90), by="rep")
    assert many.attrs["verdict"].startswith(
        "The 2 reps differ by more than chance at Lead (smallest p < 0.001"
    )


def test_groups_stand_as_one_counts():
    """Team 2 before Team 10; numbers, dates and what is missing sort as ever."""
    names = pd.Series(["Team 10", "Team 2", None, "Team 1"])
    ordered = names.sort_values(key=definitions.counting_up)
    assert list(ordered.dropna()) == ["Team 1", "Team 2", "Team 10"]
    sizes = pd.Series([10.5, 9.0, None])
    assert definitions.counting_up(sizes) is sizes
    paths = {f"D{rep}": (f"0 Lead@{rep}, 1 Won@{rep}", 1.0) for rep in "ABC"}
    listed = pd.DataFrame({"rep_id": list("ABC"), "team": ["Team 10", "Team 2", "Team 1"]})
    crm = company(paths, reps=listed)
    by_team, by_rep = (en.win_rate(crm, as_of=day(9), by=by) for by in ("team", "rep"))
    assert list(by_team["team"]) == ["Team 1", "Team 2", "Team 10"]
    assert list(by_rep["rep_id"]) == ["C", "B", "A"]
