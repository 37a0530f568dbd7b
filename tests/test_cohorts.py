"""Curves of cohorts, against the eight opportunities, a count by hand and a published library."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight
from test_charts import layers

import enablement as en
from enablement.errors import CannotSayError, EnablementError
from enablement.measure import estimates
from enablement.show import theme

AS_OF = "2026-09-30"


@pytest.fixture(scope="module")
def quarters(sample) -> pd.DataFrame:
    return en.cohort_curves(sample, as_of=AS_OF)


def at(table: pd.DataFrame, when: int) -> pd.Series:
    """The row of a day."""
    return table.set_index("day").loc[when]


def test_from_the_first_entry_of_qual(eight):
    """Six entered: won after 20 and 55 days, lost after 25 and 60, open after 20 and 78.

    On day 78: won 1/6 + 5/6 * 3/4 * 1/3 = 0.375, lost 5/6 * 1/4 + 5/6 * 3/4 * 2/3 * 1/2 = 0.417.
    D6 is followed for 20 of the days alone, so after it 4 of every 5 undecided are.
    """
    table = en.cohort_curves(eight, as_of=day(90), by=None, stage="Qual")
    last = at(table, 78)
    assert last["won"] == pytest.approx(0.375)
    assert last["lost"] == pytest.approx(5 / 12)
    assert last["open"] == pytest.approx(1 - 0.375 - 5 / 12)
    assert (last["at_risk"], last["followed"]) == (1, pytest.approx(0.8))
    assert table["day"].max() == 78
    assert list(table["at_risk"])[:5] == [6, 6, 6, 4, 3]  # on days 0, 7, 14, 21 and 28
    assert "after the first entry of Qual, by Aalen-Johansen" in table.attrs["definition"]


def test_from_the_start(eight):
    """Eight began: D8 is open after 10 days; D2 won after 25, D1 after 30, D5 after 55.

    Won by day 30: 2 of 7 followed so long, as D6 with its 30 days is one of them.
    """
    table = en.cohort_curves(eight, as_of=day(90), by=None, every=30)
    assert at(table, 30)["won"] == pytest.approx(2 / 7)
    assert at(table, 0)["at_risk"] == 8
    assert list(table["day"]) == [0, 30, 60, 90]


def test_each_day_of_the_sample_against_statsmodels(sample):
    """Every row of a team's curve is what `CumIncidenceRight` has for that day."""
    table = en.cohort_curves(sample, as_of=AS_OF, by=None, every=1, where={"team": "North 1"})
    until = pd.Timestamp(AS_OF)
    ours = sample.opportunities.merge(sample.reps[["rep_id", "team"]], on="rep_id")
    first = sample.stage_visits.sort_values("visit").drop_duplicates("opportunity_id")
    team = dict(zip(sample.reps["rep_id"], sample.reps["team"], strict=True))
    mine = first.loc[first["rep_id"].map(team).eq("North 1"), "opportunity_id"]
    ours = sample.opportunities[
        sample.opportunities["opportunity_id"].isin(mine)
        & sample.opportunities["type"].ne("renewal")
    ]
    event = ours["outcome"].map({"won": 1, "lost": 2, "cancelled": 3}).fillna(0).astype(int)
    ended = ours["closed_at"].where(event.gt(0), until)
    days = (ended.dt.normalize() - ours["created_at"].dt.normalize()).dt.days.clip(lower=0)
    with np.errstate(all="ignore"):
        theirs = CumIncidenceRight(days.to_numpy(float), event.to_numpy())
    seen = np.searchsorted(theirs.times, table["day"], side="right") - 1
    for k, name in enumerate(["won", "lost"]):
        expected = np.where(seen >= 0, theirs.cinc[k][np.maximum(seen, 0)], 0.0)
        np.testing.assert_allclose(table[name], expected, atol=1e-10)


def test_quarters_end_when_half_of_their_undecided_are_too_young(quarters):
    """The last quarter began over 92 days that end today, so half of it is 46 days old or so."""
    last = quarters.groupby("cohort").tail(1).set_index("cohort")
    assert 40 <= last.loc["2026Q3", "day"] <= 52
    assert (last["followed"] >= 0.5).all()
    assert last.loc["2025Q1", "open"] == 0  # all of them are decided


def test_as_long_as_all_are_followed_a_share_is_a_count(sample, quarters):
    """Of the quarter 2026Q1 the youngest is half a year old: by day 150 it is won / all."""
    row = quarters[quarters["cohort"].eq("2026Q1") & quarters["day"].eq(147)].iloc[0]
    begun = sample.opportunities[
        sample.opportunities["created_at"].between("2026-01-01", "2026-03-31 23:59:59")
        & sample.opportunities["type"].ne("renewal")
    ]
    took = begun["closed_at"].dt.normalize() - begun["created_at"].dt.normalize()
    won = begun["outcome"].eq("won") & took.dt.days.le(147)
    assert row["followed"] == 1
    assert row["won"] == pytest.approx(won.mean())


def test_cohorts_too_young_are_named_and_not_compared(quarters):
    """Nine in ten of the opportunities are in quarters that reach the day that is compared."""
    when = quarters.attrs["day"]
    assert quarters.attrs["maturity"].startswith("Not followed so long, so not compared: 2026Q3")
    assert f"won by day {when}" in quarters.attrs["verdict"]
    assert set(quarters.loc[quarters["day"].eq(when), "cohort"]) == (
        set(quarters["cohort"]) - {"2026Q3"}
    )


def test_a_difference_between_cohorts_is_found():
    """Of a hundred in each: 80 are won by one team's reps and 20 by the other's."""
    paths = {f"A{n}": (f"0 Lead@A, 9 {'Won' if n < 80 else 'Lost'}@A", 1) for n in range(100)}
    paths |= {f"B{n}": (f"0 Lead@B, 9 {'Won' if n < 20 else 'Lost'}@B", 1) for n in range(100)}
    table = en.cohort_curves(company(paths), as_of=day(30), by="rep")
    assert table.attrs["verdict"].startswith(
        "The 2 cohorts differ by more than chance in what was won by day 9, from 20 % to 80 %"
    )


def test_a_cohort_of_none_is_missing_and_not_zero():
    """C sells and has begun nothing: no share, where a zero would say that none was won."""
    reps = pd.DataFrame({"rep_id": ["A", "B", "C"], "name": ["Ann", "Bo", "Cem"]})
    table = en.cohort_curves(company(EIGHT, reps=reps), as_of=day(90), by="rep")
    row = table[table["cohort"].eq("C")].iloc[0]
    assert row["at_risk"] == 0
    assert row[["won", "lost", "open", "followed"]].isna().all()


def test_what_has_no_date_is_left_out_and_counted():
    """Of two without any date nothing can be said, and the table says so."""
    opportunities = pd.DataFrame({"opportunity_id": ["1", "2"], "stage": ["Won", "Lead"]})
    crm = en.crm(
        opportunities=opportunities, settings={**EIGHT_SETTINGS, "exported_on": day(9).date()}
    )
    table = en.cohort_curves(crm, as_of=day(9))
    assert table.empty
    assert table.attrs["undated"] == 2
    assert table.attrs["cannot_say"].startswith("of none of the 2 opportunities")
    assert en.words.cohort_curves(table).startswith("When opportunities are won cannot be said")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"by": ["rep", "team"]}, "one column"),
        ({"stage": "Demo"}, "No stage is called 'Demo'"),
        ({"every": 0}, "no number of days"),
        ({"credit": "share"}, "credit='share'"),
    ],
)
def test_what_makes_no_cohort_is_refused(eight, asked, said):
    """In a line that says what would have worked."""
    with pytest.raises(EnablementError, match=said):
        en.cohort_curves(eight, as_of=day(90), **asked)


def test_a_past_that_is_not_recorded_is_refused():
    """Without a history nobody knows what was open then."""
    opportunities = pd.DataFrame(
        {"opportunity_id": ["1"], "stage": ["Won"], "created_at": [day(0)], "closed_at": [day(9)]}
    )
    crm = en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS)
    with pytest.raises(CannotSayError):
        en.cohort_curves(crm, as_of=day(5))
    assert at(en.cohort_curves(crm, as_of=day(9)), 9)["won"] == 1


ENDS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 40), st.sampled_from(["Won", "Lost", ""])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=3, deadline=None)
@given(cohorts=st.lists(ENDS, min_size=4, max_size=5))
def test_won_lost_and_open_are_everybody(cohorts):
    """On every day they add up to one, won and lost never fall, and the end is followed by half.

    Each cohort is a rep's.
    """
    paths = {
        f"R{k} {n}": (f"{begun} Lead@R{k}" + (f", {begun + took} {what}@R{k}" if what else ""), 1)
        for k, ends in enumerate(cohorts)
        for n, (begun, took, what) in enumerate(ends)
    }
    every = en.cohort_curves(company(paths), as_of=day(40), by="rep", every=1)
    for k, ends in enumerate(cohorts):
        table = every[every["cohort"] == f"R{k}"]
        whole = table[["won", "lost", "cancelled", "open"]].sum(axis=1)
        np.testing.assert_allclose(whole, 1)
        assert (table[["won", "lost"]].diff().dropna() >= -1e-12).all(axis=None)
        assert (table["followed"] >= 0.5).all()
        assert (table["followed"].diff().dropna() <= 1e-12).all()
        assert table["at_risk"].iloc[0] == len(ends)


def rows_of(chart: alt.VConcatChart) -> pd.DataFrame:
    """The rows that a chart of cohorts draws."""
    (rows,) = (r for r in chart.to_dict()["datasets"].values() if "won" in r[0])
    return pd.DataFrame(rows)


def test_one_cohort_is_drawn_with_its_intervals_and_names(eight):
    """Won from below in blue, lost from above in orange, and the name of each part at its end."""
    chart = en.charts.cohort_curves(en.cohort_curves(eight, as_of=day(90), by=None, stage="Qual"))
    spec = chart.to_dict()
    drawn = dict(zip(layers(spec), spec["vconcat"][0]["layer"], strict=True))
    assert {"won interval", "lost interval", "name of open"} <= set(drawn)
    assert drawn["won"]["mark"]["color"] == theme.WON
    assert drawn["lost"]["mark"]["color"] == theme.LOST
    assert drawn["lost"]["encoding"]["y"]["field"] == "over"  # 1 - lost: it hangs from above
    assert drawn["won"]["encoding"]["y"]["scale"]["domain"] == [0, 1]
    assert " ".join(chart.title["text"]) == (
        "Of 6 begun, 38 % were won (4 to 75 %) and 42 % lost by day 78; 21 % were still open."
    )


def test_twelve_quarters_are_panels_with_their_count_and_shares(quarters):
    """In order; the one that is too young says to which day, and has no upright line."""
    chart = en.charts.cohort_curves(quarters)
    spec = chart.to_dict()
    assert layers(spec)[-1] == "compared"
    titles = spec["vconcat"][0]["facet"]["sort"]
    assert [title[:6] for title in titles] == sorted(set(quarters["cohort"]))
    assert titles[-1].startswith("2026Q3 (158), day ")
    assert titles[0].endswith("% lost")
    assert rows_of(chart)["day"].max() < 300  # hardly anything happens later


def test_no_more_panels_than_can_be_read(sample):
    """Of forty reps the twelve with most opportunities are drawn, in the order of the table."""
    table = en.cohort_curves(sample, as_of=AS_OF, by="rep")
    chart = en.charts.cohort_curves(table)
    assert rows_of(chart)["group"].nunique() == 12
    some = table["cohort"][table["won"].notna()].nunique()
    assert f"{some - 12} smaller cohorts are not drawn." in " ".join(chart.title["subtitle"])


def test_without_a_curve_there_are_words():
    """Not an empty frame with an axis."""
    crm = company({"X": ("95 Lead@A", 1)})
    chart = en.charts.cohort_curves(en.cohort_curves(crm, as_of=day(90)))
    assert layers(chart.to_dict()) == ["cannot_say"]
    assert "there are no opportunities to follow" in chart.description


def test_equal_groups_are_rarely_found_to_differ():
    """Six groups of 80 with one true share of .3: at a level of .1 about 1 in 10 of 400 tests."""
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(400):
        won = generator.binomial(80, 0.3, size=6) / 80
        test = estimates.same_incidence(won, np.sqrt(won * (1 - won) / 80))
        assert test is not None
        found += test.p < estimates.ALPHA
    assert 0.06 <= found / 400 <= 0.15


def test_one_group_or_certain_shares_are_not_compared():
    """Of 0 and 1 the standard error says nothing."""
    assert estimates.same_incidence([0.5], [0.1]) is None
    assert estimates.same_incidence([0.0, 1.0, 0.5], [0.0, 0.0, 0.1]) is None
