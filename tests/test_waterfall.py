"""What changed in the pipeline: counted by hand, and parts that add up whatever happened."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import once
from hypothesis import given, settings
from hypothesis import strategies as st

import enablement as en
from enablement.errors import CannotSayError, EnablementError

SETTINGS = {
    "stages": ["Lead", "Qual"],
    "outcomes": {"Won": "won", "Lost": "lost", "Off": "cancelled"},
    "exported_on": pd.Timestamp("2026-09-30").date(),
}
Q2, Q3, Q4 = "2026-05-15", "2026-08-15", "2026-11-15"
# From the end of June to the end of September, due in the third quarter:
# K stays at 100; G grows from 100 to 150; W is won for 90 instead of 100; L is lost; C is called
# off; O is moved out, at 120 instead of 100; I is moved in; R was lost in May and is reopened;
# N is created; F is created and won; X was won in June; Y is due in the fourth quarter.
EVENTS = pd.DataFrame(
    [
        ("K", "2026-06-01", "Lead", 100, Q3),
        ("G", "2026-06-01", "Lead", 100, Q3),
        ("G", "2026-07-10", "Qual", 150, Q3),
        ("W", "2026-06-01", "Lead", 100, Q3),
        ("W", "2026-08-01", "Won", 90, "2026-08-01"),
        ("L", "2026-06-01", "Lead", 100, Q3),
        ("L", "2026-08-02", "Lost", 100, "2026-08-02"),
        ("C", "2026-06-01", "Lead", 100, Q3),
        ("C", "2026-08-03", "Off", 100, "2026-08-03"),
        ("O", "2026-06-01", "Lead", 100, Q3),
        ("O", "2026-08-04", "Lead", 120, Q4),
        ("I", "2026-06-01", "Lead", 40, Q4),
        ("I", "2026-08-05", "Lead", 50, Q3),
        ("R", "2026-04-01", "Lead", 60, Q2),
        ("R", "2026-05-01", "Lost", 60, "2026-05-01"),
        ("R", "2026-08-06", "Lead", 70, Q3),
        ("N", "2026-07-01", "Lead", 30, Q3),
        ("F", "2026-07-02", "Lead", 20, Q3),
        ("F", "2026-08-07", "Won", 20, "2026-08-07"),
        ("X", "2026-06-01", "Lead", 500, Q2),
        ("X", "2026-06-20", "Won", 500, "2026-06-20"),
        ("Y", "2026-06-01", "Lead", 700, Q4),
    ],
    columns=["opportunity_id", "entered_at", "stage", "amount", "expected_close"],
)
FROM, TO = "2026-06-30", "2026-09-30"
FLOW = [
    *("opening", "created", "reopened", "moved in", "amount changed", "moved out"),
    *("won", "lost", "cancelled"),
]


@once
def company(events: pd.DataFrame = EVENTS, reps: str = "A", **more: object) -> en.CRM:
    """Make a company of a history, as its last rows leave it."""
    ordered = events.sort_values("entered_at", kind="stable")
    last = ordered.drop_duplicates("opportunity_id", keep="last")
    ended = last["stage"].isin(SETTINGS["outcomes"])
    begun = ordered.groupby("opportunity_id")["entered_at"].min()
    opportunities = last[["opportunity_id", "stage", "amount", "expected_close"]].assign(
        closed_at=last["entered_at"].where(ended),
        created_at=last["opportunity_id"].map(begun),
        rep_id=[reps[n % len(reps)] for n in range(len(last))],
    )
    given = {"settings": SETTINGS, "stage_events": events, **more}
    return en.crm(opportunities=opportunities, **given)


@pytest.fixture(scope="module")
def crm() -> en.CRM:
    """The twelve opportunities."""
    return company()


def changes(crm: en.CRM, **said: object) -> pd.DataFrame:
    """Ask for the changes of the third quarter, by part."""
    asked = {"since": FROM, "as_of": TO, **said}
    return en.pipeline_changes(crm, **asked).set_index("part")


def test_the_parts_of_what_is_due_in_a_quarter(crm):
    """Opening K, G, W, L, C and O at 100 each; closing K, G, I, R and N.

    600 + 50 created (N, F) + 70 + 50 + 60 changed (G +50, W -10, O +20) - 120 - 110 won
    (W 90, F 20) - 100 - 100 = 400, which is K 100, G 150, I 50, R 70 and N 30.
    """
    table = changes(crm, due="2026Q3")
    assert table["amount"].to_dict() == {
        "opening": 600, "created": 50, "reopened": 70, "moved in": 50, "amount changed": 60,
        "moved out": -120, "won": -110, "lost": -100, "cancelled": -100, "closing": 400,
    }  # fmt: skip
    assert table["opportunities"].to_dict() == {
        "opening": 6, "created": 2, "reopened": 1, "moved in": 1, "amount changed": 3,
        "moved out": 1, "won": 2, "lost": 1, "cancelled": 1, "closing": 5,
    }  # fmt: skip


def test_without_a_period_nothing_moves_in_or_out(crm):
    """I and Y are in it all the while, O stays; I's 40 become 50: 600 + 40 + 700 at first."""
    table = changes(crm)
    assert table["amount"].to_dict() == {
        "opening": 1340, "created": 50, "reopened": 70, "moved in": 0, "amount changed": 70,
        "moved out": 0, "won": -110, "lost": -100, "cancelled": -100, "closing": 1220,
    }  # fmt: skip


def test_what_is_won_is_what_was_sold_and_what_is_open_is_what_covers(crm):
    """The same numbers as the quota's and the coverage's."""
    table = changes(crm, due="2026Q3")
    sold = en.quota_attainment(crm, as_of=TO, period="2026Q3")
    assert -table.loc["won", "amount"] == sold["sold"].item()
    for when, part in ((FROM, "opening"), (TO, "closing")):
        covered = en.pipeline_coverage(crm, as_of=when, period="2026Q3")
        assert table.loc[part, "amount"] == covered["amount"].item()
        assert table.loc[part, "opportunities"] == covered["open"].item()


def test_reps_add_up_to_the_team():
    """Every part is the sum of those of the reps."""
    crm = company(reps="AB")
    team = changes(crm, due="2026Q3")
    by_rep = en.pipeline_changes(crm, since=FROM, as_of=TO, due="2026Q3", by="rep")
    assert len(by_rep) == 20
    summed = by_rep.groupby("part", observed=False)[["opportunities", "amount"]].sum()
    pd.testing.assert_frame_equal(summed, team[["opportunities", "amount"]], check_index_type=False)


def test_an_unknown_amount_adds_nothing_and_is_counted():
    """K without an amount: 500 at first, of which one is unknown; nothing changed for it."""
    bare = EVENTS.assign(amount=EVENTS["amount"].mask(EVENTS["opportunity_id"].eq("K")))
    table = changes(company(bare), due="2026Q3")
    assert tuple(table.loc["opening", ["amount", "without_amount"]]) == (500, 1)
    assert tuple(table.loc["closing", ["amount", "without_amount"]]) == (300, 1)
    assert table.loc["amount changed", "opportunities"] == 3


def test_what_was_lost_for_nothing_is_lost_at_what_it_was():
    """A lost one is often set to 0 in the CRM, which is read as unknown: L still lost 100."""
    zero = EVENTS.assign(amount=EVENTS["amount"].mask(EVENTS["stage"].eq("Lost"), 0))
    table = changes(company(zero), due="2026Q3")
    assert tuple(table.loc["lost", ["amount", "without_amount"]]) == (-100, 0)
    assert table.loc["amount changed", "amount"] == 60


def test_without_a_history_of_amounts_a_change_cannot_be_seen():
    """Both ends are at the amounts of the export, and the row says nothing instead of zero."""
    crm = company()
    bare = en.crm(
        opportunities=crm.opportunities[
            ["opportunity_id", "stage", "amount", "expected_close", "closed_at", "created_at"]
        ],
        stage_events=EVENTS.drop(columns="amount"),
        settings=SETTINGS,
    )
    table = en.pipeline_changes(bare, since=FROM, as_of=TO, due="2026Q3")
    rows = table.set_index("part")["amount"]
    assert pd.isna(rows["amount changed"])
    assert rows[FLOW].sum() == rows["closing"]
    assert "a change of amount cannot be seen" in table.attrs["definition"]
    covered = en.pipeline_coverage(bare, as_of=FROM, period="2026Q3")
    assert covered["amount"].item() == rows["opening"]
    assert "the history does not record amounts" in covered.attrs["definition"]
    assert (
        "does not record"
        not in en.pipeline_coverage(crm, as_of=FROM, period="2026Q3").attrs["definition"]
    )


def test_after_the_export_nothing_is_known(crm):
    """The export ends in September: from the first to the second of October nothing is told."""
    table = en.pipeline_changes(crm, since="2026-10-01", as_of="2026-10-02")
    assert pd.isna(table.set_index("part").loc["amount changed", "amount"])
    line = table.attrs["definition"]
    assert "the export ends on 2026-09-30, so nothing is known of what came after" in line
    assert "does not record" not in line


def test_amounts_are_converted_at_one_rate_at_both_ends():
    """At half a dollar for a franc everything is half, and no part is left for the rates."""
    rates = pd.DataFrame(
        [("CHF", "2026-01-01", 0.4), ("CHF", "2026-07-01", 0.5)],
        columns=["currency", "from_on", "rate"],
    )
    crm = company()
    francs = crm.opportunities[
        ["opportunity_id", "stage", "amount", "expected_close", "closed_at", "created_at"]
    ].assign(
        currency=lambda t: t["opportunity_id"].map(lambda name: "USD" if name == "Y" else "CHF")
    )
    mixed = en.crm(opportunities=francs, stage_events=EVENTS, rates=rates, settings=SETTINGS)
    rows = changes(mixed, due="2026Q3")["amount"]
    assert (rows["opening"], rows["closing"], rows["amount changed"]) == (300, 200, 30)
    assert rows[FLOW].sum() == rows["closing"]


def test_what_cannot_be_said_is_refused(crm):
    """Nothing lies between a day and itself; an earlier state, or its close dates, are needed."""
    with pytest.raises(EnablementError, match="since=2026-09-30 is not before as_of=2026-09-30"):
        en.pipeline_changes(crm, since=TO, as_of=TO)
    opportunities = crm.opportunities[["opportunity_id", "stage", "amount", "closed_at"]]
    alone = en.crm(opportunities=opportunities, settings=SETTINGS)
    with pytest.raises(CannotSayError, match="as of 2026-06-30 cannot be said"):
        en.pipeline_changes(alone, since=FROM, as_of=TO)
    undated = company(EVENTS, stage_events=EVENTS.drop(columns="expected_close"))
    with pytest.raises(CannotSayError, match="history does not record the expected close dates"):
        en.pipeline_changes(undated, since=FROM, as_of=TO, due="2026Q3")


STEPS = st.lists(
    st.tuples(
        st.integers(0, 15),
        st.integers(0, 180),
        st.sampled_from(["Lead", "Qual", "Won", "Lost", "Off"]),
        st.one_of(st.none(), st.integers(0, 90)),
        st.integers(0, 240),
    ),
    min_size=10,
    max_size=60,
    unique_by=lambda step: (step[0], step[1]),
)


@settings(max_examples=4, deadline=None)
@given(steps=STEPS, since=st.integers(0, 89), until=st.integers(90, 200))
def test_parts_add_up_whatever_happened(steps, since, until):
    """From the opening to the closing, in amounts and in numbers, due in a quarter or at all."""
    start = pd.Timestamp("2026-04-01")
    events = pd.DataFrame(
        [
            (f"O{n}", start + pd.Timedelta(days=day), stage, amount, start + pd.Timedelta(days=due))
            for n, day, stage, amount, due in steps
        ],
        columns=EVENTS.columns,
    )
    known = pd.DataFrame([("Z", start, "Lead", 5, start)], columns=EVENTS.columns)
    events = pd.concat([known, events]).astype({"amount": "float64"})
    crm = company(events)
    for due in (None, "2026Q3"):
        table = changes(
            crm,
            since=start + pd.Timedelta(days=since),
            as_of=start + pd.Timedelta(days=until),
            due=due,
        )
        assert table.loc[FLOW, "amount"].sum() == pytest.approx(table.loc["closing", "amount"])
        signs = [1, 1, 1, 1, 0, -1, -1, -1, -1]
        count = (table.loc[FLOW, "opportunities"] * signs).sum()
        assert count == table.loc["closing", "opportunities"]
