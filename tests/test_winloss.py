"""Win rate and cycle, counted by hand on the eight."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import EIGHT, company, day

import enablement as en


def test_won_of_decided(eight):
    """D1, D2 and D5 were won, D3 and D4 lost; D7 was lost but is open again: 3 of 5."""
    table = en.win_rate(eight, as_of=day(90))
    assert list(table.columns) == ["won", "lost", "rate", "low", "high"]
    assert tuple(table.loc[0, ["won", "lost", "rate"]]) == (3, 2, 0.6)


def test_an_old_loss_counts_while_it_stands(eight):
    """On day 45 D7 is still lost: D1 and D2 won, D3 and D7 lost."""
    assert en.win_rate(eight, as_of=day(45))["rate"].iloc[0] == 0.5


def test_a_win_belongs_to_who_owned_it_at_the_close(eight):
    """A closed D1, D2, D3 and D5, which B had brought to Prop: 3 of 4. B lost D4: 0 of 1."""
    table = en.win_rate(eight, as_of=day(90), by="rep").set_index("rep_id")
    assert tuple(table.loc["A", ["won", "lost"]]) == (3, 1)
    assert tuple(table.loc["B", ["won", "lost"]]) == (0, 1)
    assert table.loc["B", "rate"] == 0


def test_a_rep_who_closed_nothing_keeps_a_row_without_a_rate():
    """C is in the list of reps and has no opportunity."""
    crm = company(EIGHT, reps=pd.DataFrame({"rep_id": ["A", "B", "C"]}))
    table = en.win_rate(crm, as_of=day(90), by="rep").set_index("rep_id")
    assert tuple(table.loc["C", ["won", "lost"]]) == (0, 0)
    assert table.loc["C", ["rate", "low", "high"]].isna().all()


def test_reps_sum_to_the_whole(eight):
    """Every decided one belongs to one rep."""
    for until in range(0, 95, 5):
        whole = en.win_rate(eight, as_of=day(until))
        parts = en.win_rate(eight, as_of=day(until), by="rep")
        assert parts[["won", "lost"]].sum().tolist() == whole[["won", "lost"]].sum().tolist()


def test_a_period_counts_what_was_closed_in_it(eight):
    """In days 45 to 90 D5 was won and D4 lost."""
    table = en.win_rate(eight, as_of=day(90), period=(day(45), day(90)))
    assert tuple(table.loc[0, ["won", "lost"]]) == (1, 1)


def test_few_reps_do_not_differ_and_many_can():
    """3 of 4 against 0 of 1 says nothing; 90 of 100 against 40 of 100 does."""
    small = en.win_rate(company(EIGHT), as_of=day(90), by="rep")
    assert small.attrs["verdict"].startswith("Between the 2 reps no difference can be detected")
    assert not small.attrs["differ"]
    won = {f"w{n}": (f"0 Lead@A, 5 {'Won' if n < 90 else 'Lost'}@A", 1) for n in range(100)}
    lost = {f"l{n}": (f"0 Lead@B, 5 {'Won' if n < 40 else 'Lost'}@B", 1) for n in range(100)}
    large = en.win_rate(company(won | lost), as_of=day(90), by="rep")
    assert large.attrs["verdict"].startswith("The 2 reps differ by more than chance")
    assert large.attrs["differ"]


def test_the_cycle_runs_from_the_first_stage_entry_without_a_created_date(eight):
    """D1 took 30 days, D2 25, D5 55: mean 36.7, median 30, and too few for an interval."""
    row = en.sales_cycle(eight, as_of=day(90)).iloc[0]
    assert row["won"] == 3
    assert row["mean"] == pytest.approx(110 / 3)
    assert row["median"] == 30
    assert pd.isna(row["low"])


def test_the_interval_of_the_median_is_made_of_values():
    """Of eleven won after 1 to 11 days the ranks 3 and 9 enclose the median, 6; ten took 10."""
    paths = {f"X{n}": (f"0 Lead@A, {n} Won@A", 1) for n in range(1, 12)}
    row = en.sales_cycle(company(paths), as_of=day(90)).iloc[0]
    assert (row["low"], row["median"], row["high"], row["p90"]) == (3, 6, 9, 10)


def test_each_group_has_its_own_cycle(eight):
    """A won D1, D2 and D5; B won none and has no figure."""
    table = en.sales_cycle(eight, as_of=day(90), by="rep").set_index("rep_id")
    assert table.loc["A", "median"] == 30
    assert table.loc["B", "won"] == 0
    assert pd.isna(table.loc["B", "median"])


def test_nothing_won_has_no_cycle(eight):
    """Unknown is missing."""
    table = en.sales_cycle(eight, as_of=day(1))
    assert table["won"].sum() == 0
    assert table["median"].isna().all()


def test_a_corrected_outcome_counts_as_corrected():
    """Lost by mistake on day 10, set to won on day 12: on day 11 it was lost, now it is won."""
    crm = company({"X": ("0 Lead@A, 10 Lost@A, 12 Won@A", 1)})
    assert en.win_rate(crm, as_of=day(11))["lost"].iloc[0] == 1
    assert en.win_rate(crm, as_of=day(20))["won"].iloc[0] == 1


def test_what_comes_later_changes_no_earlier_period():
    """Won on day 10, reopened on day 20, won again on day 40: on day 15 it took 10 days."""
    crm = company({"X": ("0 Lead@A, 10 Won@A, 20 Lead@A, 40 Won@A", 1)})
    early = {"as_of": day(15), "period": (day(0), day(15))}
    assert en.win_rate(crm, **early)["won"].iloc[0] == 1
    assert en.sales_cycle(crm, **early)["mean"].iloc[0] == 10
    late = {"as_of": day(60), "period": (day(30), day(60))}
    assert en.sales_cycle(crm, **late)["mean"].iloc[0] == 40


def test_a_closer_who_is_in_no_list_has_the_credit():
    """C closed it and owns nothing now."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"], "rep_id": ["A"], "stage": ["Won"]}),
        stage_events=pd.DataFrame(
            {
                "opportunity_id": "X",
                "entered_at": [day(0), day(10)],
                "stage": ["Lead", "Won"],
                "rep_id": ["A", "C"],
            }
        ),
        settings={"stages": ["Lead"], "outcomes": {"Won": "won"}},
    )
    table = en.win_rate(crm, as_of=day(20), by="rep").set_index("rep_id")
    assert table.loc["C", "won"] == 1
    assert en.sales_cycle(crm, as_of=day(20), by="rep").set_index("rep_id").loc["C", "won"] == 1


def test_without_owners_the_row_says_so_and_is_no_rep():
    """Nobody is named: no crash, and no comparison with nobody."""
    paths = {f"A{n}": (f"0 Lead@A, 5 {'Won' if n < 35 else 'Lost'}@A", 1) for n in range(40)}
    paths |= {f"N{n}": (f"0 Lead, 5 {'Won' if n < 2 else 'Lost'}", 1) for n in range(20)}
    table = en.win_rate(company(paths), as_of=day(30), by="rep")
    assert table.attrs["verdict"] == ""
    assert "no owner" in en.tables.win_rate(table).index
    nobody = company({"X": ("0 Lead, 5 Won", 1)})
    assert en.sales_cycle(nobody, as_of=day(30), by="rep")["won"].sum() == 1


def test_several_pipelines_have_one_win_rate():
    """Their stages differ; won and lost mean the same in all of them."""
    settings = {
        "pipelines": {"New": {"stages": ["Lead"]}, "Grow": {"stages": ["Plan"]}},
        "outcomes": {"Won": "won", "Lost": "lost"},
        "exported_on": day(30).date(),
    }
    crm = en.crm(
        opportunities=pd.DataFrame(
            {
                "opportunity_id": ["1", "2", "3"],
                "pipeline": ["New", "Grow", "Grow"],
                "stage": ["Won", "Won", "Lost"],
                "amount": [100.0, 900.0, 5.0],
                "closed_at": [day(5)] * 3,
            }
        ),
        settings=settings,
    )
    assert tuple(en.win_rate(crm, as_of=day(30)).loc[0, ["won", "lost"]]) == (2, 1)
    assert "sold $1.00 k" in en.words.headline(crm, period="2026Q1", as_of=day(30))
    by_pipeline = en.conversion(crm, as_of=day(30))
    assert list(zip(by_pipeline["pipeline"], by_pipeline["stage"], strict=True)) == [
        ("Grow", "Plan"),
        ("New", "Lead"),
    ]


def test_nine_in_ten_needs_ten():
    """Of nine nobody can say it; of 1 to 10 days nine in ten took at most 9."""
    nine = company({f"X{n}": (f"0 Lead@A, {n} Won@A", 1) for n in range(1, 10)})
    assert pd.isna(en.sales_cycle(nine, as_of=day(90))["p90"].iloc[0])
    ten = company({f"X{n}": (f"0 Lead@A, {n} Won@A", 1) for n in range(1, 11)})
    assert en.sales_cycle(ten, as_of=day(90))["p90"].iloc[0] == 9


def test_two_reps_of_one_name_stay_two():
    """Their ids tell them apart."""
    reps = pd.DataFrame({"rep_id": ["A", "B"], "name": ["Ann", "Ann"]})
    table = en.win_rate(company(EIGHT, reps=reps), as_of=day(90), by="rep")
    assert list(en.tables.win_rate(table).index) == ["Ann (A)", "Ann (B)"]


def test_the_level_of_an_interval_is_written_as_asked():
    """Half is not 90 %."""
    table = en.win_rate(company(EIGHT), as_of=day(90), by="rep", confidence=0.5)
    assert "50 % interval" in en.tables.win_rate(table).columns
    assert "with its 50 % interval" in en.charts.win_rate(table).description


def test_a_column_of_the_accounts_splits_what_the_opportunities_do_not_know(sample):
    """Counted once more from both tables; one value alone is the row of that value."""
    found = en.win_rate(sample, as_of="2026-09-30", by="industry").set_index("industry")
    sold = sample.opportunities[sample.opportunities["type"].ne("renewal")]
    told = sold.drop(columns="industry", errors="ignore").merge(
        sample.accounts[["account_id", "industry"]], on="account_id"
    )
    assert dict(found["won"]) == dict(told[told["outcome"].eq("won")].groupby("industry").size())
    name = found.index[0]
    alone = en.win_rate(sample, as_of="2026-09-30", where={"industry": name})
    assert alone["won"].iloc[0] == found.loc[name, "won"]
