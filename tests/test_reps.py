"""Reps beside each other, counted by hand, and the guard against telling chance apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day
from hypothesis import given, settings
from hypothesis import strategies as st

import enablement as en
from enablement.measure import comparison, definitions, estimates

STAGES = EIGHT_SETTINGS["stages"]


def decided(*cells: tuple[str, int, int], **columns: list[str]) -> en.CRM:
    """Make a company of closed opportunities: (rep, won, decided) and a column's value for each."""
    parts = []
    for at, (rep, won, size) in enumerate(cells):
        part = pd.DataFrame({"stage": ["Won"] * won + ["Lost"] * (size - won)})
        parts.append(part.assign(rep_id=rep or None, **{c: v[at] for c, v in columns.items()}))
    opportunities = pd.concat(parts, ignore_index=True).assign(closed_at=day(9))
    opportunities["opportunity_id"] = [f"o{n}" for n in range(len(opportunities))]
    return en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS)


def drawn(rates: np.ndarray, *, size: int, seed: int) -> en.CRM:
    """Make a company whose reps each decided as many at true rates."""
    won = np.random.default_rng(seed).binomial(size, rates)
    return decided(*((f"r{n:02}", int(k), size) for n, k in enumerate(won)))


def test_the_eight_by_hand(eight):
    """A won 3 of 4, B 0 of 1. Of 5 ways to leave one of the five to B 2 leave a loss: .4.

    What was seen counts half and both sides count, so p is 2 (.4 - .2) = .4 for either, and
    so is q. Nothing is detected, so both are worth what all are worth: 3 of 5.
    """
    table = en.compare_reps(eight, as_of=day(90)).set_index("rep_id")
    assert table["decided"].to_dict() == {"A": 4, "B": 1}
    assert table["q"].tolist() == pytest.approx([0.4, 0.4])
    assert table["shrunk"].tolist() == [0.6, 0.6]
    assert (table["shrunk_low"] < 0.6).all()
    assert table[["rank_low", "rank_high"]].isna().all(axis=None)
    assert table["outside"].tolist() == ["none", "none"]
    assert table.attrs["overall"] == 0.6
    said = "Between the 2 reps no difference can be detected (chi-square 1.9 on 1 degree of"
    assert table.attrs["verdict"].startswith(said)
    assert not table.attrs["differ"]


def test_its_counts_and_rates_are_those_of_the_win_rate(eight):
    """Under every credit, period and cohort; nothing is counted in another way."""
    columns = ["rep_id", "won", "lost", "rate", "low", "high"]
    for asked in (
        {},
        {"credit": "first"},
        {"period": (day(20), day(65))},
        {"period": (day(0), day(3)), "cohort": "begun"},
        {"confidence": 0.5},
    ):
        ours = en.compare_reps(eight, as_of=day(90), **asked)
        rates = en.win_rate(eight, as_of=day(90), by="rep", **asked)
        pd.testing.assert_frame_equal(ours[columns], rates[columns])
        assert ours.attrs["definition"] == rates.attrs["definition"]


def test_ninety_of_a_hundred_is_not_forty_of_a_hundred():
    """All together 65 %. Of a hundred, at most 49 are won with .00074, at most 50 with .00145.

    So .001 lies 37 % of the way, at 49.37; with at least 79 at .00169 and 80 at .00078 the
    other end is 79.76. The first cannot be second, so there are ranks; the rows stay by name.
    """
    table = en.compare_reps(decided(("A", 40, 100), ("B", 90, 100)), as_of=day(20))
    assert table["rep_id"].tolist() == ["A", "B"]
    assert table[["rank_low", "rank_high"]].to_numpy().tolist() == [[2, 2], [1, 1]]
    assert table["outside"].tolist() == ["below 99.8", "above 99.8"]
    assert table["lower_998"].tolist() == pytest.approx([0.4937] * 2, abs=1e-4)
    assert table["upper_998"].tolist() == pytest.approx([0.7976] * 2, abs=1e-4)
    assert table["shrunk"].between(0.4, 0.9, inclusive="neither").all()
    assert table.attrs["differ"]
    assert table.attrs["ranked"]
    assert table.attrs["verdict"].startswith("The 2 reps differ by more than chance")


def test_at_equal_mix_two_reps_are_alike():
    """Both win 60 % of easy and 20 % of hard ones: A has 20 and 5, B 5 and 20 of them.

    Raw 13 of 25 against 7 of 25; at the team's mix, half and half, 40 % each.
    """
    crm = decided(
        *(("A", 12, 20), ("A", 1, 5), ("B", 3, 5), ("B", 4, 20)),
        kind=["easy", "hard", "easy", "hard"],
    )
    table = en.compare_reps(crm, as_of=day(20), mix="kind")
    assert table["rate"].tolist() == pytest.approx([0.52, 0.28])
    assert table["adjusted"].tolist() == pytest.approx([0.4, 0.4])
    assert table["adjusted_team"].tolist() == pytest.approx([0.4, 0.4])
    assert table["covered"].tolist() == [1.0, 1.0]
    assert table.attrs["mix"] == ("kind",)
    assert table.attrs["definition"].endswith("; adjusted: at the team's mix of kind")


def test_a_kind_that_somebody_never_had_is_not_guessed():
    """C had easy ones alone, 6 of 10 as all have; of the team's 60 those are 35.

    One of the hard ones has no kind: not known is a kind of its own.
    """
    crm = decided(
        *(("A", 12, 20), ("A", 1, 4), ("A", 0, 1), ("B", 3, 5), ("B", 4, 20), ("C", 6, 10)),
        kind=["easy", "hard", None, "easy", "hard", "easy"],
    )
    row = en.compare_reps(crm, as_of=day(20), mix=("kind",)).set_index("rep_id").loc["C"]
    assert row["covered"] == pytest.approx(35 / 60)
    assert row[["adjusted", "adjusted_team"]].tolist() == pytest.approx([0.6, 0.6])


@pytest.mark.parametrize("header", ["crm_row", "stratum", "it's"])
def test_a_column_to_adjust_for_may_be_called_anything(header):
    """A column that a result has cannot be split by; any other can, and nobody is left out."""
    crm = decided(("", 3, 9), ("A", 5, 9), ("B", 4, 9), **{header: ["x", "y", "x"]})
    table = en.compare_reps(crm, as_of=day(20), by=header, mix="rep")
    assert table["won"].tolist() == [7, 5]
    table = en.compare_reps(crm, as_of=day(20), mix=header)
    assert table.set_index("rep_id").loc[["A", "B"], "covered"].tolist() == [0.5, 0.5]
    with pytest.raises(en.EnablementError, match="Cannot split by 'shrunk'"):
        en.compare_reps(crm, as_of=day(20), by="shrunk")


def test_nobody_is_compared_with_nobody():
    """Twenty without an owner were all lost: a row of counts, and not in what others are held to.

    The two reps together won 20 of 40.
    """
    table = en.compare_reps(decided(("", 0, 20), ("A", 9, 20), ("B", 11, 20)), as_of=day(20))
    assert table["decided"].sum() == 60
    assert table.attrs["overall"] == 0.5
    nobody = table[table["rep_id"].isna()].iloc[0]
    assert (nobody["lost"], nobody["rate"]) == (20, 0)
    assert nobody[["shrunk", "q", "lower_95", "outside"]].isna().all()
    assert not nobody["stands_out"]


def test_a_rep_who_closed_nothing_keeps_an_empty_row():
    """C is in the list of reps: no rate, no limits, no q, and outside nothing."""
    crm = company(EIGHT, reps=pd.DataFrame({"rep_id": ["A", "B", "C"]}))
    row = en.compare_reps(crm, as_of=day(90)).set_index("rep_id").loc["C"]
    assert row["decided"] == 0
    assert row.drop(["won", "lost", "decided", "stands_out"]).isna().all()


def test_where_all_are_alike_nothing_is_detected():
    """Ten worlds of 20 reps, 40 decided each at a true 40 %: a difference is found in few.

    The level is one in ten; more than four of ten would happen less than twice in a thousand.
    """
    won = np.random.default_rng(2).binomial(40, 0.4, (10, 20))
    cells = [(f"r{rep:02}", int(won[world, rep]), 40) for world in range(10) for rep in range(20)]
    crm = decided(*cells, world=[f"w{n // 20}" for n in range(len(cells))])
    found = 0
    for world in range(10):
        table = en.compare_reps(crm, as_of=day(20), where={"world": f"w{world}"})
        found += table.attrs["differ"]
        if not table.attrs["differ"]:
            assert "no difference can be detected" in table.attrs["verdict"]
            assert table["shrunk"].nunique() == 1
            assert table["rank_low"].isna().all()
    assert found <= 4


def test_where_reps_differ_it_is_found_and_the_extremes_are_named():
    """Two of twelve at 20 and 70 %, the others at 45 %, 120 decided each."""
    rates = np.array([0.2, 0.7] + [0.45] * 10)
    table = en.compare_reps(drawn(rates, size=120, seed=3), as_of=day(20))
    assert table.attrs["differ"]
    assert table.loc[table["q"] < estimates.ALPHA, "rep_id"].tolist()[:2] == ["r00", "r01"]
    assert table["outside"].tolist()[:2] == ["below 99.8", "above 99.8"]
    assert (table["rank_low"][1], table["rank_high"][0]) == (1, 12)
    errors = (table[["rate", "shrunk"]].sub(rates, axis=0) ** 2).mean()
    assert errors["shrunk"] < errors["rate"]


def test_nobody_stands_out_where_no_difference_is_detected():
    """Eleven reps won 50 of 100 and one 66: q is .02, but the twelve together are no wonder.

    With 69 it lies beyond 99.8 %, which is told and is no difference between all.
    """
    alike = [(f"r{n:02}", 50, 100) for n in range(11)]
    table = en.compare_reps(decided(*alike, ("top", 66, 100)), as_of=day(20))
    assert table["q"].min() < 0.03
    assert not table["stands_out"].any()
    assert en.words.compare_reps(table) == table.attrs["verdict"]
    beyond = en.compare_reps(decided(*alike, ("top", 69, 100)), as_of=day(20))
    assert not beyond["stands_out"].any()
    assert en.words.compare_reps(beyond).endswith(
        "Yet top (69 % of 100) lies beyond the 99.8 % limits."
    )


def test_what_the_mix_explains_is_told():
    """A and B win 60 % of easy and 20 % of hard ones; they differ by what they have of them."""
    cells = (("A", 48, 80), ("A", 4, 20), ("B", 12, 20), ("B", 16, 80))
    crm = decided(*cells, kind=["easy", "hard", "easy", "hard"])
    said = en.words.compare_reps(en.compare_reps(crm, as_of=day(20), mix="kind"))
    assert said.startswith("The 2 reps differ by more than chance")
    assert said.endswith("At the team's mix of kind A and B would not.")
    even = decided(("A", 5, 10), ("A", 1, 10), ("B", 5, 10), ("B", 2, 10), kind=["e", "h"] * 2)
    said = en.words.compare_reps(en.compare_reps(even, as_of=day(20), mix="kind"))
    assert said.endswith("At the team's mix of kind no rate moves by more than 0 points.")


def test_by_team_and_by_any_column():
    """Of the easy ones 15 of 25 were won, of the hard ones 5 of 25."""
    crm = decided(("A", 15, 25), ("B", 5, 25), kind=["easy", "hard"])
    table = en.compare_reps(crm, as_of=day(20), by="kind")
    assert table[["kind", "won", "decided"]].to_numpy().tolist() == [
        ["easy", 15, 25],
        ["hard", 5, 25],
    ]
    both = en.compare_reps(crm, as_of=day(20), by=("kind", "rep"))
    assert both.attrs["groups"] == ("kind", "rep_id")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"by": None}, "nothing to compare"),
        ({"by": "period"}, "Quarters are not compared"),
        ({"by": ["rep", "period"]}, "Quarters are not compared"),
        ({"credit": "share"}, "credit='share'"),
        ({"mix": "rep"}, "must name columns other"),
        ({"mix": "sise"}, "Cannot split by 'sise'"),
    ],
)
def test_what_is_no_comparison_is_refused(eight, asked, said):
    """In a line that says what would be one."""
    with pytest.raises(en.EnablementError, match=said):
        en.compare_reps(eight, as_of=day(90), **asked)


@pytest.mark.parametrize("name", ["touch", "estimate", "headline", "reachd"])
def test_ratios_and_estimates_are_not_compared(eight, name):
    """A share of a count has such limits, they have not."""
    with pytest.raises(en.EnablementError, match=f"definition='{name}'"):
        en.compare_reps_by_stage(eight, as_of=day(90), definition=name)


def test_nothing_decided_is_nothing_to_compare():
    """Open ones alone: no rate, no verdict, no curve, and no warning."""
    table = en.compare_reps(company({"X": ("0 Lead@A", 1)}), as_of=day(9))
    assert table["decided"].tolist() == [0]
    assert table.attrs["verdict"] == ""
    assert table.attrs["limits"]["decided"] == []
    stages = en.compare_reps_by_stage(company({"X": ("0 Lead@A", 1)}), as_of=day(9))
    assert stages["shrunk"].isna().all()
    assert stages.attrs["verdict"] == ""


def test_a_table_can_be_joined_and_stored(tmp_path):
    """What travels with it is plain, so that pandas can compare and Parquet can write it."""
    table = en.compare_reps(decided(("A", 40, 100), ("B", 90, 100)), as_of=day(20))
    assert len(pd.concat([table, table.copy()])) == 4
    table.to_parquet(tmp_path / "table.parquet")


def test_the_stages_of_the_eight_by_hand(eight):
    """Of the five decided, by who owned them at the entry (D2, which skipped Qual, by Prop's).

    Lead 3 of 3 and 2 of 2; Qual A 2 of 3 (D3 lost), B 2 of 2; Prop A 2 of 2, B 1 of 2 (D4 lost).
    By hand p is 1, .6 and .5 at the stages, twice each; of six that makes q 1, .9 and .9.
    """
    table = en.compare_reps_by_stage(eight, as_of=day(90)).set_index(["rep_id", "stage"])
    counts = table[["moved_on", "entered"]].astype(int)
    assert [tuple(counts.loc["A", :].loc[s]) for s in STAGES] == [(3, 3), (2, 3), (2, 2)]
    assert [tuple(counts.loc["B", :].loc[s]) for s in STAGES] == [(2, 2), (2, 2), (1, 2)]
    q = {"Lead": 1.0, "Qual": 0.9, "Prop": 0.9}
    for rep in ("A", "B"):
        assert table.loc[rep, "q"].to_dict() == pytest.approx(q)
        assert table.loc[rep, "overall"].tolist() == pytest.approx([1, 0.8, 0.75])
        assert table.loc[rep, "shrunk"].tolist() == pytest.approx([1, 0.8, 0.75])
    assert table.attrs["team"]["entered"] == [5, 5, 4]
    assert table.attrs["verdicts"]["Lead"] == ""
    assert "corrected for 2 stages" in table.attrs["verdicts"]["Qual"]
    assert "no difference can be detected at any stage" in table.attrs["verdict"]


@pytest.mark.parametrize(
    "asked",
    [
        {"definition": "decided"},
        {"definition": "reached"},
        {"definition": "strict", "credit": "final"},
        {"definition": "visit", "stays": "finished"},
        {"definition": "within", "within": 30},
        {"definition": "period", "period": (day(45), day(90))},
    ],
)
def test_its_stages_are_those_of_the_conversion(eight, asked):
    """By every definition that counts; nothing is counted in another way."""
    ours = en.compare_reps_by_stage(eight, as_of=day(90), **asked)
    given = {"credit": "at_entry", **asked}
    theirs = en.conversion(eight, as_of=day(90), by="rep", **given)
    columns = ["rep_id", "stage", "entered", "moved_on", "rate", "low", "high"]
    pd.testing.assert_frame_equal(ours[columns], theirs[columns])
    assert ours.attrs["verdict"] == theirs.attrs["verdict"]


def test_only_the_stage_that_differs_has_rates_of_its_own():
    """A passes Lead in 45 of 60, B in 36 of 60; from Qual A moves 40 of 45 on and B 8 of 36.

    At Lead p is .08, but of two stages that is .16 and no difference.
    """
    paths = {}
    for rep, passed, moved in (("A", 45, 40), ("B", 36, 8)):
        for n in range(60):
            steps = f"0 Lead@{rep}, 1 Lost@{rep}"
            if n < passed:
                steps = f"0 Lead@{rep}, 1 Qual@{rep}, 2 {'Prop' if n < moved else 'Lost'}@{rep}"
            if n < moved:
                steps += f", 3 Won@{rep}"
            paths[f"{rep}{n}"] = (steps, 1)
    table = en.compare_reps_by_stage(company(paths), as_of=day(20))
    assert table.attrs["verdict"].startswith("The 2 reps differ by more than chance at Qual (")
    assert "p = 0.16, corrected for 2 stages" in table.attrs["verdicts"]["Lead"]
    by_stage = table.set_index(["stage", "rep_id"])
    assert by_stage.loc["Lead", "difference"].tolist() == [0, 0]
    assert by_stage.loc["Qual", "difference"].tolist()[0] > 0.2
    assert by_stage.loc["Qual", "difference"].tolist()[1] < -0.2
    assert by_stage.loc["Qual", "stands_out"].all()
    assert not by_stage.loc["Lead", "stands_out"].any()


def test_several_pipelines_are_compared_each_by_itself():
    """A stage of one pipeline is no stage of another, even where they share a name."""
    said = {"New": {"stages": ["Plan"]}, "Grow": {"stages": ["Plan"]}}
    opportunities = pd.DataFrame(
        {
            "opportunity_id": [f"o{n}" for n in range(40)],
            "pipeline": ["New", "Grow"] * 20,
            "rep_id": ["A", "A", "B", "B"] * 10,
            "stage": ["Won"] * 20 + ["Lost"] * 20,
            "closed_at": day(5),
        }
    )
    history = opportunities[["opportunity_id", "pipeline", "rep_id"]]
    history = pd.concat(
        [
            history.assign(stage="Plan", entered_at=day(1)),
            history.assign(stage=opportunities["stage"], entered_at=day(5)),
        ]
    )
    crm = en.crm(
        opportunities=opportunities,
        stage_events=history,
        settings={"pipelines": said, "outcomes": {"Won": "won", "Lost": "lost"}},
    )
    table = en.compare_reps_by_stage(crm, as_of=day(9))
    assert table.attrs["groups"] == ("pipeline", "rep_id")
    assert table.attrs["team"]["stage"] == ["Plan of Grow", "Plan of New"]
    assert table.attrs["team"]["entered"] == [20, 20]


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_sums_and_open_ones(eight, seed):
    """The rows' order is nothing, the reps sum to all, and an open one more changes no rate."""
    generator = np.random.default_rng(seed)
    names = generator.permutation(list(EIGHT))
    table = en.compare_reps(eight, as_of=day(90))
    mixed = company({name: EIGHT[name] for name in names} | {"D9": ("85 Lead@B", 5)})
    other = en.compare_reps(mixed, as_of=day(90))
    pd.testing.assert_frame_equal(table, other)
    whole = en.win_rate(mixed, as_of=day(90)).iloc[0]
    assert other[["won", "lost"]].sum().tolist() == whole[["won", "lost"]].tolist()
    stages = en.compare_reps_by_stage(eight, as_of=day(90))
    pd.testing.assert_frame_equal(stages, en.compare_reps_by_stage(mixed, as_of=day(90)))
    all_of_them = en.conversion(mixed, as_of=day(90), definition="decided")
    sums = stages.groupby("stage", observed=False)[["entered", "moved_on"]].sum()
    assert sums["entered"].tolist() == all_of_them["entered"].tolist()
    assert sums["moved_on"].tolist() == all_of_them["moved_on"].tolist()


def test_a_rate_on_a_limit_is_within():
    """Of ten at a half 99.8 % reach from 0 + .02 of the way to 1 down there, and as far above."""
    limits = comparison.control_limits([10, 10, 10, 10, 10, 0], 0.5)
    low, high = limits.warning_low[0], limits.action_high[0]
    rates = [low, low - 0.01, 0.0, high, 1.0, np.nan]
    assert comparison.outside(rates, limits).tolist() == [0, -1, -2, 1, 2, 0]


def test_a_test_without_a_spread_detects_nothing():
    """Where the fit finds none, the sentence says so beside the test."""
    groups = definitions.Split(("rep_id",), ("r",))
    test = estimates.Homogeneity(20.0, 10, 0.03, 11, False)
    said = definitions.verdict(test, groups, spread=False)
    assert said == (
        "Between the 11 reps no difference can be detected (chi-square 20.0 on 10 degrees of "
        "freedom, p = 0.03, but their rates spread no wider than chance)."
    )
    assert definitions.verdict(test, groups).startswith("The 11 reps differ")
    assert "no difference" in definitions.verdict(test, groups, tests=4)


def test_where_nobody_owns_anything_there_is_nothing_to_compare():
    """Two opportunities without an owner: no rep to compare, and both charts say so in words."""
    paths = {"X": ("0 Lead, 5 Won", 1), "Y": ("0 Lead, 5 Lost", 1)}
    for table, draw in (
        (en.compare_reps(company(paths), as_of=day(90)), en.charts.compare_reps),
        (en.compare_reps_by_stage(company(paths), as_of=day(90)), en.charts.compare_reps_by_stage),
    ):
        assert not table["stands_out"].any()
        assert "too little to compare" in " ".join(draw(table).title["text"])
