"""Conversion, on eight opportunities that can be counted by hand, and by its properties."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from conftest import EIGHT, EIGHT_SETTINGS, company, day, events
from hypothesis import given, settings
from hypothesis import strategies as st

import enablement as en
from enablement.errors import CannotSayError, EnablementError
from enablement.measure import funnel

STAGES = EIGHT_SETTINGS["stages"]
NINTH = {"D9": ("0 Lead@A, 5 Lead@B, 20 Qual@B, 30 Cancelled", 50)}


def counts(table: pd.DataFrame) -> list[tuple[int, int]]:
    """Moved on and entered, stage by stage."""
    return list(zip(table["moved_on"], table["entered"], strict=True))


def test_reached_counts_everyone_up_to_the_deepest_stage(eight):
    """All 8 were at Lead (D5 passed it unseen); 7 got further; 5 reached Prop; 3 were won."""
    table = en.conversion(eight, as_of=day(90))
    assert list(table["stage"]) == STAGES
    assert counts(table) == [(7, 8), (5, 7), (3, 5)]
    assert list(table["won"]) == [3, 3, 3]
    assert list(table["to_won"]) == [3 / 8, 3 / 7, 3 / 5]


def test_decided_counts_only_won_and_lost(eight):
    """D1 to D5 are decided; D7 was lost once, but is open again."""
    table = en.conversion(eight, as_of=day(90), definition="decided")
    assert counts(table) == [(5, 5), (4, 5), (3, 4)]
    assert table["to_won"].iloc[0] == 3 / 5


def test_what_became_of_the_others_adds_up(eight):
    """At Qual: 5 moved on, D3 was lost, D6 is open. At Prop: D4 was lost, D7 is open."""
    table = en.conversion(eight, as_of=day(90))
    assert list(table["lost"]) == [0, 1, 1]
    assert list(table["open"]) == [1, 1, 1]
    others = table[["moved_on", "lost", "back", "handed_off", "cancelled", "open"]].sum(axis=1)
    assert list(others) == list(table["entered"])


def test_an_earlier_day_sees_only_what_had_happened(eight):
    """On day 45 D4 was back in Qual from Prop and D7 was lost; D6 and D8 had not begun."""
    table = en.conversion(eight, as_of=day(45))
    assert counts(table) == [(6, 6), (4, 6), (2, 4)]
    assert list(table["back"]) == [0, 0, 1]
    assert list(table["lost"]) == [0, 2, 0]


def test_a_stage_belongs_to_the_owner_at_its_entry(eight):
    """A entered Lead 4 times (D1, D2, D3, D8); D5's unseen Lead belongs to B, who had Qual.

    At Prop: A had D1 and D2, both won; B had D4, D5 and D7, of which D5 was won, by A.
    """
    table = en.conversion(eight, as_of=day(90), by="rep").set_index(["rep_id", "stage"])
    assert tuple(table.loc[("A", "Lead"), ["moved_on", "entered"]]) == (3, 4)
    assert tuple(table.loc[("B", "Lead"), ["moved_on", "entered"]]) == (4, 4)
    assert tuple(table.loc[("A", "Prop"), ["moved_on", "entered"]]) == (2, 2)
    assert tuple(table.loc[("B", "Prop"), ["moved_on", "entered"]]) == (1, 3)


def test_a_skipped_stage_belongs_to_the_owner_at_the_next_entry():
    """Lead@A, then Prop@B: Qual was passed, and B is who had it next."""
    crm = company({"X": ("0 Lead@A, 10 Prop@B, 20 Won@C", 1)})
    table = en.conversion(crm, as_of=day(90), by="rep").set_index(["rep_id", "stage"])
    assert table.loc[("B", "Qual"), "entered"] == 1
    assert table.loc[("A", "Qual"), "entered"] == 0


def test_a_stage_entered_late_belongs_to_its_own_entry():
    """Lead@A, Prop@B, then back to Qual@C: Qual is C's, who entered it, not B's."""
    crm = company({"X": ("0 Lead@A, 10 Prop@B, 20 Qual@C, 30 Won@C", 1)})
    table = en.conversion(crm, as_of=day(90), by="rep").set_index(["rep_id", "stage"])
    assert table.loc[("C", "Qual"), "entered"] == 1
    assert table.loc[("B", "Qual"), "entered"] == 0


def test_cancelled_is_not_lost():
    """The ninth is cancelled from Qual: in reached it is counted as such, in decided not at all."""
    crm = company(EIGHT | NINTH)
    reached = en.conversion(crm, as_of=day(90))
    assert counts(reached) == [(8, 9), (5, 8), (3, 5)]
    assert list(reached["cancelled"]) == [0, 1, 0]
    decided = en.conversion(crm, as_of=day(90), definition="decided")
    assert counts(decided) == [(5, 5), (4, 5), (3, 4)]


def test_a_period_means_begun_for_reached_and_decided_for_decided(eight):
    """D6 (day 60) and D8 (day 80) began in days 45 to 90; D4 and D5 were decided then."""
    span = (day(45), day(90))
    assert list(en.conversion(eight, as_of=day(90), period=span)["entered"]) == [2, 1, 0]
    decided = en.conversion(eight, as_of=day(90), period=span, definition="decided")
    assert counts(decided) == [(2, 2), (2, 2), (1, 2)]


def test_nothing_entered_has_no_rate(eight):
    """Unknown is missing, never zero."""
    table = en.conversion(eight, as_of=day(-1))
    assert list(table["entered"]) == [0, 0, 0]
    assert table[["rate", "low", "high", "to_won"]].isna().all(axis=None)


def test_renewals_are_left_out_unless_they_are_asked_for():
    """Of three won ones one is a renewal; the definition line says what was done."""
    opportunities = pd.DataFrame(
        {
            "opportunity_id": ["X", "Y", "Z"],
            "stage": "Won",
            "closed_at": day(10),
            "type": ["new business", "renewal", None],
        }
    )
    paths = dict.fromkeys("XYZ", ("0 Lead@A, 10 Won@A", 1))
    crm = en.crm(opportunities=opportunities, stage_events=events(paths), settings=EIGHT_SETTINGS)
    left_out = en.conversion(crm, as_of=day(90))
    assert list(left_out["entered"]) == [2, 2, 2]
    assert "renewals left out" in left_out.attrs["definition"]
    assert list(en.conversion(crm, as_of=day(90), renewals="counted")["entered"]) == [3, 3, 3]
    assert en.win_rate(crm, as_of=day(90))["won"].sum() == 2


def test_only_one_group_can_be_asked_for(eight):
    """`where` counts what `by` counts for that group, and says so."""
    everyone = en.conversion(eight, as_of=day(90), by="rep")
    alone = en.conversion(eight, as_of=day(90), where={"rep": "B"})
    assert counts(alone) == counts(everyone[everyone["rep_id"] == "B"])
    assert "only rep_id B" in alone.attrs["definition"]


def test_the_definition_travels_with_the_table(eight):
    """Its name, its rule, the day and how much is still open."""
    table = en.conversion(eight, as_of="2026-04-01")
    assert table.attrs["definition"].startswith("reached: moved on / entered")
    assert table.attrs["as_of"] == "2026-04-01"
    assert table.attrs["still_open"] == 3 / 8  # D6, D7 and D8


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"definition": "reach"}, "Did you mean 'reached'"),
        ({"by": "reps"}, "Cannot split by 'reps'.*Did you mean 'rep'"),
        ({"where": {"rep": "C"}}, "No rep is called 'C'. Known: A, B"),
        ({"period": "2026Q7"}, "is no period"),
        ({"renewals": "in"}, "Known: left out, counted"),
    ],
)
def test_an_unknown_word_is_refused_with_the_nearest(eight, asked, complaint):
    """One line names what would have worked."""
    with pytest.raises(EnablementError, match=complaint):
        en.conversion(eight, as_of=day(90), **asked)


def test_as_of_must_be_said(eight):
    """No measure asks the clock."""
    with pytest.raises(TypeError, match="as_of"):
        en.conversion(eight)


def test_without_history_the_past_is_not_invented():
    """Only the present state is known, so an earlier day is refused in words."""
    now = pd.DataFrame(
        {
            "opportunity_id": ["X", "Y", "Z"],
            "stage": ["Lead", "Won", "Lost"],
            "closed_at": [None, day(30), day(60)],
        }
    )
    crm = en.crm(opportunities=now, settings=EIGHT_SETTINGS)
    with pytest.raises(CannotSayError, match="no stage history, only the state of 2026-03-02"):
        en.conversion(crm, as_of=day(30))
    table = en.conversion(crm, as_of=day(60))
    assert table["rate"].isna().all()
    assert table["entered"].isna().all()
    assert set(table.attrs["cannot_say"]) == set(STAGES)
    assert en.win_rate(crm, as_of=day(60))["rate"].iloc[0] == 0.5


PLACES = st.sampled_from([*STAGES, "Won", "Lost", "Cancelled"])
STEP = st.tuples(st.integers(0, 12), PLACES, st.sampled_from("AB"))
PATHS = st.lists(st.lists(STEP, min_size=1, max_size=7), min_size=1, max_size=8)
MANY = st.lists(st.lists(STEP, min_size=1, max_size=7), min_size=8, max_size=20)
# To read a company takes a hundred times as long as to draw one: several are read as one, each
# its own `source`.
SOURCES = st.lists(PATHS, min_size=5, max_size=6)


def as_events(paths: list[list[tuple[int, str, str]]]) -> pd.DataFrame:
    """Random paths as stage events, in the order drawn; many fall on the same day."""
    rows = [
        (f"X{number}", day(when), stage, rep)
        for number, path in enumerate(paths)
        for when, stage, rep in path
    ]
    return pd.DataFrame(rows, columns=["opportunity_id", "entered_at", "stage", "rep_id"])


def in_sources(sources: list[list[list[tuple[int, str, str]]]]) -> pd.DataFrame:
    """Several random companies as one history; each source's opportunities are called by it."""
    parts = [as_events(paths) for paths in sources]
    named = [part.assign(opportunity_id=f"S{n} " + part["opportunity_id"])
             for n, part in enumerate(parts)]  # fmt: skip
    return pd.concat(named, ignore_index=True)


def made(history: pd.DataFrame) -> en.CRM:
    """A CRM of a history; the opportunities follow from it."""
    opportunities = pd.DataFrame({"opportunity_id": sorted(set(history["opportunity_id"]))})
    if len(history) and history["opportunity_id"].str.startswith("S").all():
        opportunities["source"] = opportunities["opportunity_id"].str.split().str[0]
    return en.crm(opportunities=opportunities, stage_events=history, settings=EIGHT_SETTINGS)


@settings(max_examples=3, deadline=None)
@given(sources=SOURCES, until=st.integers(0, 13))
def test_properties_of_any_funnel(sources, until):
    """The accounting adds up, counts never rise, reps sum to the team, order does not matter."""
    history = in_sources(sources)
    crm, shuffled = made(history), made(history.sample(frac=1, random_state=until))
    for definition in ("reached", "decided"):
        asked = {"as_of": day(until), "definition": definition}
        table = en.conversion(crm, by="source", **asked)
        what_became = ["moved_on", "lost", "back", "handed_off", "cancelled", "open"]
        assert list(table[what_became].sum(axis=1)) == list(table["entered"])
        for _, rows in table.groupby("source"):
            assert list(rows["entered"]) == sorted(rows["entered"], reverse=True)
            assert list(rows["moved_on"][:-1]) == list(rows["entered"][1:])
        counts = ["entered", "won"]
        by_rep = en.conversion(crm, by=["source", "rep"], **asked)
        summed = by_rep.groupby(["source", "stage"], observed=False)[counts].sum()
        expected = table.set_index(["source", "stage"])[counts]
        assert summed.reindex(expected.index).eq(expected).all(axis=None)
        whole = en.conversion(crm, **asked)
        summed = table.groupby("stage", observed=False)[counts].sum()
        assert summed.eq(whole.set_index("stage")[counts]).all(axis=None)
        pd.testing.assert_frame_equal(en.conversion(shuffled, by="source", **asked), table)


@settings(max_examples=2, deadline=None)
@given(sources=SOURCES, days=st.sets(st.integers(0, 12), min_size=3, max_size=3))
def test_what_happens_later_changes_nothing(sources, days):
    """Seen as of a day, a history and its beginning up to that day are the same."""
    history = in_sources(sources)
    ever = made(history)
    for until in days:
        cut = history[history["entered_at"] <= day(until) + pd.Timedelta(hours=23)]
        if not cut.empty:
            asked = {"as_of": day(until), "by": "source"}
            then = en.conversion(made(cut), **asked)
            pd.testing.assert_frame_equal(en.conversion(ever, **asked), then)


@settings(max_examples=3, deadline=None)
@given(sources=SOURCES)
def test_one_more_open_one_raises_no_rate(sources):
    """It leaves `decided` as it was, and `reached` at its own stage no higher."""
    history = in_sources(sources)
    # One in each source, so that every stage has its turn.
    more = [(f"S{n} extra", day(1), STAGES[n % len(STAGES)], "A") for n in range(len(sources))]
    one_more = pd.DataFrame(more, columns=list(history))
    before, after = made(history), made(pd.concat([history, one_more], ignore_index=True))
    decided = {"as_of": day(20), "definition": "decided", "by": "source"}
    pd.testing.assert_frame_equal(en.conversion(before, **decided), en.conversion(after, **decided))
    old, new = (
        en.conversion(crm, as_of=day(20), by="source").set_index(["source", "stage"])["rate"]
        for crm in (before, after)
    )
    for opportunity, _, stage, _ in more:
        at = (opportunity.split()[0], stage)
        was = old.get(at, float("nan"))  # nobody of the source had entered any stage
        assert new[at] == 0 if math.isnan(was) else new[at] <= was


def test_counts_alone_are_those_of_the_conversion(eight):
    """The same rows and numbers, without rates and without a verdict."""
    asked = {"as_of": day(90), "by": "rep", "definition": "decided"}
    counts, rates = funnel.counts(eight, **asked), en.conversion(eight, **asked)
    pd.testing.assert_frame_equal(counts, rates[list(counts)])
    assert "rate" not in counts
    assert counts.attrs == {"cannot_say": {}}


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ((40, 0, 0), (20, 0, 20), " Of those who entered Lead, 0 % to 50 % are still open, which "),
        ((40, 0, 0), (20, 20, 0), ""),
        ((34, 0, 6), (10, 24, 6), ""),  # as many of both are open
        ((200, 0, 0), (100, 84, 16), ""),  # not as many, and few
    ],
)
def test_reps_of_whom_one_has_more_that_are_open_may_differ_by_that_alone(a, b, said):
    """Of each so many moved on, were lost and are open: half of B's are, and may move on yet."""
    paths = {}
    for rep, counts in (("A", a), ("B", b)):
        ways = (f", 10 Qual@{rep}, 30 Lost@{rep}", f", 20 Lost@{rep}", "")
        rows = [way for way, count in zip(ways, counts, strict=True) for _ in range(count)]
        paths |= {f"{rep}{n}": (f"0 Lead@{rep}{way}", 10) for n, way in enumerate(rows)}
    verdict = en.conversion(company(paths), as_of=day(60), by="rep").attrs["verdict"]
    differ = "The 2 reps differ by more than chance at Lead (smallest p < 0.001)."
    assert verdict.startswith(differ + said)
    assert bool(said) == (len(verdict) > len(differ))
