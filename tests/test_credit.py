"""Whose an opportunity is, what it is worth, and how a table can be split, counted by hand."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day, events
from hypothesis import given, settings
from hypothesis import strategies as st
from test_definitions import ASKED, CREDITS
from test_funnel import NINTH, SOURCES, STAGES, in_sources, made

import enablement as en
from enablement.errors import CannotSayError, EnablementError

NOTHING = {"A": [(0, 0)] * 3, "B": [(0, 0)] * 3}
# The ninth: 0 Lead@A, 5 Lead@B, 20 Qual@B, cancelled on day 30 under B. Moved on and entered at
# Lead, Qual, Prop, by rep. At Lead A had it for 5 of 20 days; Qual was B's alone.
AT_ENTRY = {"A": [(1, 1), (0, 0), (0, 0)], "B": [(0, 0), (0, 1), (0, 0)]}
ALL_B = {"A": [(0, 0)] * 3, "B": [(1, 1), (0, 1), (0, 0)]}
ALL_A = {"A": [(1, 1), (0, 1), (0, 0)], "B": [(0, 0)] * 3}
BY_TIME = {"A": [(1 / 4, 1 / 4), (0, 0), (0, 0)], "B": [(3 / 4, 3 / 4), (0, 1), (0, 0)]}
EACH = {"at_entry": AT_ENTRY, "final": ALL_B, "first": ALL_A, "share": BY_TIME}
NINTH_BY_REP = {
    "reached": EACH,
    "strict": EACH,
    "within": EACH,
    "estimate": EACH,
    # A ratio holds the count of the next stage against that of this one: A had it in Lead and
    # not in Qual, B in Qual.
    "touch": {
        "at_entry": {"A": [(0, 1), (0, 0), (0, 0)], "B": [(1, 0), (0, 1), (0, 0)]},
        "final": ALL_B,
        "first": ALL_A,
        "share": {"A": [(0, 1 / 4), (0, 0), (0, 0)], "B": [(1, 3 / 4), (0, 1), (0, 0)]},
    },
    # It was neither won nor lost.
    "decided": dict.fromkeys(CREDITS, NOTHING),
    "decided, touched": dict.fromkeys(CREDITS, NOTHING),
    # Three stays: A's was handed off, B's in Lead advanced, B's in Qual was cancelled.
    "visit": {
        "at_entry": {"A": [(0, 1), (0, 0), (0, 0)], "B": [(1, 1), (0, 1), (0, 0)]},
        "final": {"A": [(0, 0)] * 3, "B": [(1, 2), (0, 1), (0, 0)]},
        "first": {"A": [(1, 2), (0, 1), (0, 0)], "B": [(0, 0)] * 3},
        "share": {"A": [(0, 1), (0, 0), (0, 0)], "B": [(1, 1), (0, 1), (0, 0)]},
    },
    # Handed off and cancelled are not finished: B's advanced one is left.
    "visit, finished": {
        "at_entry": {"A": [(0, 0)] * 3, "B": [(1, 1), (0, 0), (0, 0)]},
        "final": {"A": [(0, 0)] * 3, "B": [(1, 1), (0, 0), (0, 0)]},
        "first": {"A": [(1, 1), (0, 0), (0, 0)], "B": [(0, 0)] * 3},
        "share": {"A": [(0, 0)] * 3, "B": [(1, 1), (0, 0), (0, 0)]},
    },
    # In days 3 to 25 it was in Lead, for 2 days A's and for 15 B's, and moved on; in Qual it was
    # still open on day 25.
    "period": {
        "at_entry": AT_ENTRY,
        "final": ALL_B,
        "first": ALL_A,
        "share": {
            "A": [(2 / 17, 2 / 17), (0, 0), (0, 0)],
            "B": [(15 / 17, 15 / 17), (0, 1), (0, 0)],
        },
    },
}


@pytest.fixture(scope="module")
def ninth() -> en.CRM:
    """The ninth opportunity alone."""
    return company(NINTH)


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("name", ASKED)
def test_the_ninth_by_each_definition_and_credit(ninth, name, credit):
    """Worked out above, rep by rep."""
    asked = ASKED[name] | ({"period": (day(3), day(25))} if name == "period" else {})
    table = en.conversion(ninth, as_of=day(90), by="rep", credit=credit, **asked)
    for rep, expected in NINTH_BY_REP[name][credit].items():
        rows = table[table["rep_id"] == rep]
        found = list(zip(rows["moved_on"], rows["entered"], strict=True))
        for pair, wanted in zip(found, expected, strict=True):
            assert pair == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("credit", "a", "b"),
    [("final", 0, 1), ("first", 1, 0), ("at_entry", 1, 0), ("share", 5 / 30, 25 / 30)],
)
def test_whose_the_ninth_is_as_a_whole(ninth, credit, a, b):
    """Of its 30 days A had 5; it was created and not decided."""
    created = en.win_rate(ninth, as_of=day(90), by="rep", of="created", credit=credit)
    by = created.set_index("rep_id")
    assert (by.loc["A", "created"], by.loc["B", "created"]) == pytest.approx((a, b))
    decided = en.win_rate(ninth, as_of=day(90), by="rep", credit=credit)
    assert decided[["won", "lost"]].sum(axis=None) == 0


@pytest.mark.parametrize("name", ASKED)
def test_the_eight_by_time_are_as_at_the_entry(eight, name):
    """No stage changed hands in them, so the shares of a stage are all or nothing.

    Only D5's win, which a ratio counts by itself, is B's by its 55 days and A's by the close.
    """
    asked = {"as_of": day(90), "by": "rep", **ASKED[name]}
    entry, shared = (
        en.conversion(eight, credit=credit, **asked) for credit in ("at_entry", "share")
    )
    ratio = entry.attrs["ratio"]
    for column in ("entered",) if ratio else ("entered", "moved_on", "won", "lost", "open"):
        assert list(shared[column]) == pytest.approx(list(entry[column]))
    if ratio:
        assert (list(entry["won"])[::3], list(shared["won"])[::3]) == ([3, 0], [2, 1])


def test_wins_by_time(eight):
    """D5 was B's for all of its 55 days, though A closed it: A 2 of 3, B 1 of 2."""
    table = en.win_rate(eight, as_of=day(90), by="rep", credit="share").set_index("rep_id")
    assert tuple(table.loc["A", ["won", "lost"]]) == pytest.approx((2, 1))
    assert tuple(table.loc["B", ["won", "lost"]]) == pytest.approx((1, 1))


def test_shares_have_no_interval_and_the_team_has_one(eight):
    """Half an opportunity is no trial. For the team whose they are does not matter."""
    by_rep = en.conversion(eight, as_of=day(90), by="rep", credit="share")
    assert by_rep[["low", "high"]].isna().all(axis=None)
    assert by_rep.attrs["verdict"] == ""
    assert "counts are sums of shares and have no interval" in by_rep.attrs["credit"]
    team = en.conversion(eight, as_of=day(90), credit="share")
    entry = en.conversion(eight, as_of=day(90))
    pd.testing.assert_frame_equal(team, entry)


def test_an_open_one_is_its_owners_of_that_day():
    """Handed from A to B on day 20 and from B to C on day 60: on day 40 the final owner is B."""
    crm = company({"X": ("0 Lead@A, 20 Lead@B, 60 Lead@C", 1)})
    asked = {"by": "rep", "credit": "final"}
    assert en.conversion(crm, as_of=day(40), **asked).set_index(["rep_id", "stage"])["entered"][
        ("B", "Lead")
    ]
    created = en.win_rate(crm, as_of=day(40), of="created", **asked).set_index("rep_id")
    assert created.loc["B", "created"] == 1


def test_a_reopened_one_is_its_present_owners():
    """A lost it, B took it up again: while it is open it is B's."""
    crm = company({"X": ("0 Lead@A, 10 Lost@A, 20 Lead@B", 1)})
    table = en.win_rate(crm, as_of=day(30), by="rep", of="created").set_index("rep_id")
    assert table.loc["B", "open"] == 1


def test_won_of_each_denominator(eight):
    """Of 5 decided 3; of 8 created 3; of 180 decided 80: D1 10, D2 40, D5 30; D3 20, D4 80 lost."""
    decided = en.win_rate(eight, as_of=day(90)).iloc[0]
    assert (decided["won"], decided["lost"]) == (3, 2)
    created = en.win_rate(eight, as_of=day(90), of="created")
    assert tuple(created.iloc[0][["created", "won", "lost", "cancelled", "open"]]) == (
        8,
        3,
        2,
        0,
        3,
    )
    assert created["rate"].iloc[0] == 3 / 8
    assert "won / all created" in created.attrs["definition"]
    value = en.win_rate(eight, as_of=day(90), of="value")
    assert (value["won"].iloc[0], value["lost"].iloc[0]) == (80, 100)
    assert value["rate"].iloc[0] == 80 / 180
    assert value[["low", "high"]].isna().all(axis=None)
    assert "amount won / (amount won + amount lost)" in value.attrs["definition"]


def test_one_opportunity_that_carries_much_is_named_in_a_warning(eight):
    """D4 is 80 of the 180 decided, 44 %; of ten alike each carries 10 %."""
    value = en.win_rate(eight, as_of=day(90), of="value")
    assert value["largest"].iloc[0] == pytest.approx(80 / 180)
    warning = "One opportunity carries more than 30 % of the value, 44 % at most."
    assert value.attrs["warning"] == warning
    assert en.words.win_rate(value) == f"44 % of the $180 decided was won. {warning}"
    alike = company({f"X{n}": ("0 Lead@A, 5 Won@A", 7) for n in range(10)})
    assert en.win_rate(alike, as_of=day(90), of="value").attrs["warning"] == ""


def test_a_warning_names_those_of_whom_nothing_is_known_too():
    """Of what came from the web X is all, and of what came from nobody knows where Y."""
    opportunities = pd.DataFrame(
        {
            "opportunity_id": ["X", "Y"],
            "stage": "Won",
            "amount": [5.0, 7.0],
            "closed_at": day(5),
            "source": ["Web", None],
        }
    )
    crm = en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS)
    table = en.win_rate(crm, as_of=day(9), of="value", by="source")
    assert table.attrs["warning"] == (
        "One opportunity carries more than 30 % of the value at Web, not known, 100 % at most."
    )


def test_a_conversion_of_value(eight):
    """D8, 10 of 230, stays at Lead; D3 and D6, 45 of 220, at Qual; D4 and D7, 95, at Prop."""
    table = en.conversion(eight, as_of=day(90), of="value")
    assert list(table["entered"]) == [230, 220, 175]
    assert list(table["moved_on"]) == [220, 175, 80]
    assert list(table["with_amount"]) == [8, 7, 5]
    assert table[["low", "high"]].isna().all(axis=None)
    assert table.attrs["warning"] == (
        "One opportunity carries more than 30 % of the value at Lead, Qual, Prop, 46 % at most."
    )


@pytest.mark.parametrize("name", ASKED)
def test_of_value_each_definition_weighs_what_it_counts(name):
    """Where each is worth 7, every sum is 7 times the count, and every rate is the same."""
    alike = company({key: (path, 7) for key, (path, _) in (EIGHT | NINTH).items()})
    counted = en.conversion(alike, as_of=day(90), **ASKED[name])
    worth = en.conversion(alike, as_of=day(90), of="value", **ASKED[name])
    for column in ("entered", "moved_on", "won", "lost", "back", "handed_off", "open"):
        assert list(worth[column]) == [7 * number for number in counted[column]]
    for column in ("rate", "to_won"):
        assert list(worth[column]) == pytest.approx(list(counted[column]), nan_ok=True)


def test_amounts_of_an_earlier_day_are_those_of_that_day():
    """Worth 10 at first and 90 since day 20: on day 10 it was worth 10."""
    history = events({"X": ("0 Lead@A, 20 Qual@A, 30 Won@A", 0)}).assign(amount=[10.0, 90.0, 90.0])
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"], "amount": [90.0]}),
        stage_events=history,
        settings=EIGHT_SETTINGS,
    )
    then = en.conversion(crm, as_of=day(10), of="value")
    assert then["entered"].iloc[0] == 10
    assert "at the amounts last known then" in then.attrs["definition"]
    assert en.conversion(crm, as_of=day(90), of="value")["entered"].iloc[0] == 90


def test_many_without_an_amount_leave_no_rate():
    """Two of three lost ones have no amount: what was won of the value cannot be said."""
    opportunities = pd.DataFrame(
        {
            "opportunity_id": list("WXYZ"),
            "stage": ["Won", "Lost", "Lost", "Lost"],
            "amount": [5.0, 5.0, None, None],
            "closed_at": day(5),
        }
    )
    crm = en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS)
    table = en.win_rate(crm, as_of=day(9), of="value")
    assert tuple(table.iloc[0][["with_amount", "without_amount"]]) == (2, 2)
    assert pd.isna(table["rate"].iloc[0])
    assert "no rate by value" in table.attrs["warning"]


def test_currencies_are_never_added():
    """10 USD and 10 EUR are not 20; each by itself can be said."""
    opportunities = pd.DataFrame(
        {
            "opportunity_id": ["X", "Y"],
            "stage": ["Won", "Lost"],
            "amount": [10.0, 10.0],
            "currency": ["USD", "EUR"],
            "closed_at": day(5),
        }
    )
    crm = en.crm(opportunities=opportunities, settings=EIGHT_SETTINGS)
    for ask in (en.win_rate, en.conversion):
        with pytest.raises(CannotSayError, match="EUR, USD; they cannot be added"):
            ask(crm, as_of=day(9), of="value")
    by = en.win_rate(crm, as_of=day(9), of="value", by="currency").set_index("currency")
    assert (by.loc["USD", "won"], by.loc["EUR", "lost"]) == (10, 10)
    only = en.win_rate(crm, as_of=day(9), of="value", where={"currency": "EUR"})
    assert only["lost"].iloc[0] == 10
    assert only.attrs["currency"] == "EUR"


def test_by_several_columns(eight):
    """By rep and quarter: every opportunity is in one row per stage; D6 and D8 began in Q1 too."""
    table = en.conversion(eight, as_of=day(90), by=["rep", "period"])
    assert list(table.columns[:3]) == ["rep_id", "period", "stage"]
    both = table.groupby("stage", observed=False)["entered"].sum()
    assert list(both) == [8, 7, 5]


def test_a_segment_is_that_of_the_account():
    """X's account is small, Y's is large, Z has none that is known."""
    opportunities = pd.DataFrame(
        {
            "opportunity_id": list("XYZ"),
            "account_id": ["1", "2", None],
            "stage": "Won",
            "closed_at": day(5),
        }
    )
    accounts = pd.DataFrame({"account_id": ["1", "2"], "segment": ["small", "large"]})
    crm = en.crm(opportunities=opportunities, accounts=accounts, settings=EIGHT_SETTINGS)
    table = en.win_rate(crm, as_of=day(9), by="segment")
    assert dict(zip(table["segment"].fillna("none"), table["won"], strict=True)) == {
        **{"large": 1, "small": 1, "none": 1}
    }
    assert en.win_rate(crm, as_of=day(9), where={"segment": "small"})["won"].iloc[0] == 1


def test_a_period_is_a_cohort_or_what_was_decided(eight):
    """All five decided ones began before day 45; D5 and D4 were decided after it."""
    span = (day(45), day(90))
    decided = en.win_rate(eight, as_of=day(90), period=span)
    assert tuple(decided.iloc[0][["won", "lost"]]) == (1, 1)
    begun = en.win_rate(eight, as_of=day(90), period=span, cohort="begun")
    assert tuple(begun.iloc[0][["won", "lost"]]) == (0, 0)
    created = en.win_rate(eight, as_of=day(90), period=span, of="created")
    assert tuple(created.iloc[0][["created", "open"]]) == (2, 2)
    early = en.conversion(
        eight, as_of=day(90), period=(day(0), day(5)), definition="decided", cohort="begun"
    )
    assert list(early["entered"]) == [5, 5, 4]
    cycle = en.sales_cycle(eight, as_of=day(90), period=span, cohort="begun")
    assert cycle["won"].iloc[0] == 0


@pytest.mark.parametrize(
    ("measure", "asked", "complaint"),
    [
        ("win_rate", {"of": "created", "cohort": "decided"}, "Known: begun"),
        ("win_rate", {"of": "all"}, "Known: decided, value, created"),
        ("win_rate", {"credit": "shared"}, "Did you mean 'share'"),
        ("sales_cycle", {"credit": "share"}, "Known: at_entry, final, first"),
        ("time_in_stage", {"credit": "share"}, "Known: at_entry, final, first"),
        ("quota_attainment", {"by": "period", "period": "2026Q1"}, "no column 'period' here"),
    ],
)
def test_what_does_not_go_together_is_refused(eight, measure, asked, complaint):
    """With what would have worked."""
    with pytest.raises(EnablementError, match=complaint):
        getattr(en, measure)(eight, as_of=day(90), **asked)


# To read a company takes longer than to count it, so each is asked several things.
QUESTIONS = st.sets(
    st.tuples(st.sampled_from(list(ASKED)), st.sampled_from(CREDITS)), min_size=6, max_size=6
)


def question(name: str, credit: str, until: int) -> dict[str, Any]:
    """What a conversion is asked, of each source and rep."""
    asked = {"as_of": day(until), "by": ["source", "rep"], "credit": credit, **ASKED[name]}
    return asked | ({"period": (day(3), day(8))} if name == "period" else {})


@settings(max_examples=3, deadline=None)
@given(sources=SOURCES, until=st.integers(0, 12), questions=QUESTIONS)
def test_what_happens_later_changes_no_definition_and_no_credit(sources, until, questions):
    """A history and its beginning up to a day are the same, seen as of that day."""
    history = in_sources(sources)
    cut = history[history["entered_at"] <= day(until)]
    if cut.empty:
        return
    whole, begun = made(history), made(cut)
    columns = ["entered", "moved_on", "rate", "won", "lost", "open"]
    for name, credit in sorted(questions):
        ever, then = (
            en.conversion(crm, **question(name, credit, until))
            .set_index(["source", "rep_id", "stage"])[columns]
            .astype("float64")
            for crm in (whole, begun)
        )
        known = ever.index.isin(then.index)
        pd.testing.assert_frame_equal(
            ever[known].sort_index(), then.sort_index(), check_index_type=False
        )
        assert not ever[~known][["entered", "moved_on"]].any(axis=None)


@settings(max_examples=2, deadline=None)
@given(sources=SOURCES, until=st.integers(0, 13))
def test_reps_sum_to_the_team_in_win_rates_too(sources, until):
    """Of decided and of all created, whoever is credited."""
    crm = made(in_sources(sources))
    for of, credit in itertools.product(("decided", "created"), CREDITS):
        asked = {"as_of": day(until), "of": of, "credit": credit}
        whole = en.win_rate(crm, by="source", **asked).set_index("source")
        parts = en.win_rate(crm, by=["source", "rep"], **asked)
        columns = [c for c in ("created", "won", "lost", "open") if c in whole]
        summed = parts.groupby("source")[columns].sum().reindex(whole.index, fill_value=0)
        for column in columns:
            assert list(summed[column]) == pytest.approx(list(whole[column]), abs=1e-9)


@settings(max_examples=2, deadline=None)
@given(sources=SOURCES, questions=QUESTIONS)
def test_the_order_of_rows_does_not_matter(sources, questions):
    """Shuffled rows give the same table."""
    history = in_sources(sources)
    drawn, shuffled = made(history), made(history.sample(frac=1, random_state=3))
    for name, credit in sorted(questions):
        one, other = (en.conversion(crm, **question(name, credit, 12)) for crm in (drawn, shuffled))
        pd.testing.assert_frame_equal(one, other)
        assert list(dict.fromkeys(one["stage"])) in ([], STAGES)
