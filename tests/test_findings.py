"""What is odd about an export: counted by hand, held by properties, quiet where nothing is odd."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli import run

import enablement as en
from enablement.read import engine, findings
from enablement.read.findings import reports
from enablement.read.findings.leaning import _exact, _q
from enablement.read.quality import Ledger
from enablement.settings import Settings

SAID = Settings(
    pipelines={"": ("Lead", "Qual", "Prop")},
    outcomes={"Won": "won", "Lost": "lost"},
    types={"New": "new business", "Renewal": "renewal"},
    exported_on=dt.date(2026, 9, 30),
)
DAY = pd.Timestamp("2026-01-01")


def rows(outcomes: str, amounts: list[float | None] | None = None, **more: object) -> pd.DataFrame:
    """Make opportunities of outcomes: w(on), l(ost), o(pen), c(ancelled)."""
    words = {"w": "won", "l": "lost", "o": "open", "c": "cancelled"}
    return pd.DataFrame(
        {
            "opportunity_id": [f"D{n}" for n in range(1, len(outcomes) + 1)],
            "outcome": pd.Series([words[o] for o in outcomes], dtype="str"),
            "amount": pd.Series(amounts or [None] * len(outcomes), dtype="float64"),
            "type": pd.Series([None] * len(outcomes), dtype="str"),
            "currency": "USD",
            "rep_id": "A",
            "pipeline": "",
            "created_at": DAY,
            "closed_at": pd.Series([pd.NaT] * len(outcomes), dtype="datetime64[us]"),
        }
    ).assign(**more)


def number(table: pd.DataFrame, rule: str, measure: str = "win rate") -> pd.Series:
    """Find one number of one rule."""
    found = table[table["rule"].eq(rule) & table["measure"].eq(measure)]
    assert len(found) == 1
    return found.iloc[0]


# Effects ------------------------------------------------------------------------------------

# D1 won 10, D2 won 30, D3 lost without an amount, D4 lost 40, D5 open, D6 cancelled: win rate
# 2 / 4, by value 40 / 80, conversion 2 / 5.
SIX = rows("wwlloc", [10, 30, None, 40, 5, 5])


def aside(*given: tuple[str, str | None, float | None]) -> pd.DataFrame:
    return pd.DataFrame(given, columns=["reason", "outcome", "amount"])


def test_the_headline_is_what_it_divides():
    """2 won of 4 decided, 40 of 80 in money, 2 of 5 created and not cancelled."""
    table = findings.headline(SIX).set_index("measure")
    assert table.loc["win rate", ["rate", "won", "of"]].tolist() == [0.5, 2, 4]
    assert table.loc["win rate by value", ["rate", "won", "of"]].tolist() == [0.5, 40, 80]
    assert table.loc["conversion", ["rate", "won", "of"]].tolist() == [0.4, 2, 5]


@pytest.mark.parametrize(
    ("opportunities", "why"),
    [
        (SIX[:0], ["nothing is decided", "no amounts of decided ones", "nothing is counted"]),
        (rows("oo"), ["nothing is decided", "no amounts of decided ones", ""]),
        (rows("wl", [5, None]), ["", "no lost one has an amount", ""]),
        (rows("wl", [5, 0]), ["", "no lost one has an amount", ""]),
        (rows("wl", [None, 5]), ["", "no won one has an amount", ""]),
        (
            rows("wl", [5, 5], currency=["USD", "EUR"]),
            ["", "amounts in several currencies", ""],
        ),
    ],
)
def test_a_headline_that_cannot_be_said_says_why(opportunities, why):
    """And is missing, not zero."""
    table = findings.headline(opportunities)
    assert table["why"].tolist() == why
    assert table["rate"].isna().tolist() == [bool(reason) for reason in why]


def test_rows_set_aside_are_counted_in():
    """Twice: one won 10, one lost 20. Win rate 3 / 6, by value 50 / 110, conversion 3 / 7."""
    gone = aside(("twice", "won", 10), ("twice", "lost", 20))
    table = findings.effects(SIX, gone, currency="USD")
    win, value = number(table, "twice"), number(table, "twice", "win rate by value")
    conversion = number(table, "twice", "conversion")
    assert (win["used_won"], win["used_of"]) == (2, 4)
    assert (win["otherwise_won"], win["otherwise_of"], win["difference"]) == (3, 6, 0)
    assert (value["otherwise_won"], value["otherwise_of"]) == (50, 110)
    assert (conversion["otherwise_won"], conversion["otherwise_of"]) == (3, 7)
    assert (win["rows"], win["unknown"], win["what"]) == (2, 0, "set aside")


def test_an_outcome_that_is_not_known_is_in_no_number():
    """One won and one unknown: 3 / 5, and between 3 / 6 and 4 / 6 whatever it was."""
    win = number(findings.effects(SIX, aside(("bad", "won", 1), ("bad", None, None))), "bad")
    assert (win["otherwise_won"], win["otherwise_of"], win["unknown"]) == (3, 5, 1)
    assert (win["least"], win["most"]) == (3 / 6, 4 / 6)


def test_rows_of_which_nothing_is_known_make_no_number():
    """The number is missing and says why; its bounds are 2 / 6 and 4 / 6."""
    table = findings.effects(SIX, aside(("broken", None, None), ("broken", None, None)))
    win = number(table, "broken")
    assert pd.isna(win["otherwise"])
    assert pd.isna(win["otherwise_of"])
    assert win["why"] == "their outcome is not known"
    assert (win["least"], win["most"]) == (2 / 6, 4 / 6)
    assert en.words.effect(win) == "win rate 50.0 → 33.3 to 66.7 %, whatever became of them"


def test_an_unreadable_amount_is_unknown_by_value_alone():
    """A won one whose amount could not be read: 3 / 5 by count, and nothing by value."""
    table = findings.effects(SIX, aside(("amount is unreadable", "won", None)))
    assert number(table, "amount is unreadable")["otherwise"] == 3 / 5
    value = number(table, "amount is unreadable", "win rate by value")
    assert pd.isna(value["otherwise"])
    assert (value["unknown"], value["why"]) == (1, "their amounts are not known")


def test_without_outcomes_every_row_is_unknown():
    """A reader that tells no outcome gets no number."""
    table = findings.effects(SIX, pd.DataFrame({"reason": ["twice", "twice"]}))
    assert number(table, "twice")["unknown"] == 2


def test_a_rule_has_its_name_and_else_the_reason():
    """Some rows name their rule, and some only say why."""
    gone = aside(("5 fields", None, None), ("stands twice", "won", 1)).assign(rule=[None, "twice"])
    assert set(findings.effects(SIX, gone)["rule"]) == {"5 fields", "twice"}


def test_a_line_of_a_footer_is_no_opportunity():
    """It is set aside and has no effect."""
    table = findings.effects(SIX, aside(("a line of the report's footer", None, None)))
    assert table.empty


def test_a_changed_value_is_put_back():
    """D5, open by its stage, is won by its flag: 3 / 5; D3's zero amount changes no money."""
    changed = pd.DataFrame(
        {
            "rule": ["IsWon", "zero"],
            "opportunity_id": ["D5", "D3"],
            "outcome": ["won", "lost"],
            "amount": [5.0, 0.0],
        }
    )
    table = findings.effects(SIX, SIX[:0], changed=changed)
    assert (number(table, "IsWon")["otherwise_won"], number(table, "IsWon")["otherwise_of"]) == (
        3,
        5,
    )
    assert number(table, "IsWon", "conversion")["otherwise"] == 3 / 5
    assert number(table, "IsWon", "win rate by value")["otherwise"] == 45 / 85
    assert number(table, "zero", "win rate by value")["difference"] == 0
    assert number(table, "zero")["what"] == "changed"


def test_flagged_rows_are_left_out():
    """Without D1 1 / 3, and without all four decided ones nothing is left."""
    flagged = pd.DataFrame(
        {
            "rule": ["one", "all", "all", "all", "all"],
            "opportunity_id": ["D1", "D1", "D2", "D3", "D4"],
        }
    )
    table = findings.effects(SIX, SIX[:0], flagged=flagged)
    assert number(table, "one")["otherwise"] == 1 / 3
    assert number(table, "all")["why"] == "nothing else is decided"
    assert number(table, "all", "conversion")["otherwise"] == 0


def test_renewals_are_in_no_number_unless_asked_for():
    """A renewal set aside moves nothing, and is listed."""
    renewal = aside(("twice", "won", 10)).assign(type="renewal")
    assert number(findings.effects(SIX, renewal), "twice")["difference"] == 0
    counted = findings.effects(SIX, renewal, renewals="counted")
    assert number(counted, "twice")["otherwise"] == 3 / 5


def test_days_to_win_without_the_flagged():
    """2, 4 and -30 days: the median is 2, and 3 without the impossible one."""
    won = rows("www", closed_at=[DAY + pd.Timedelta(days=n) for n in (2, 4, -30)])
    flagged = pd.DataFrame({"rule": ["early"], "opportunity_id": ["D3"]})
    row = findings.days_to_win(won, flagged).iloc[0]
    assert (row["used"], row["otherwise"], row["used_of"], row["otherwise_of"]) == (2, 3, 3, 2)


outcomes = st.text("wloc", max_size=12)


@settings(max_examples=25, deadline=None)
@given(used=outcomes, left=outcomes.filter(bool), data=st.data())
def test_otherwise_is_the_headline_of_all_rows_together(used, left, data):
    """Whatever the outcomes and the amounts."""
    money = st.lists(
        st.none() | st.integers(-3, 9), min_size=len(used + left), max_size=len(used + left)
    )
    every = rows(used + left, data.draw(money))
    kept, gone = every[: len(used)], every[len(used) :].assign(rule="gone")
    together = findings.headline(every).set_index("measure")
    table = findings.effects(kept, gone).set_index("measure")
    for measure in ("win rate", "conversion"):
        otherwise, rate = table.loc[measure, "otherwise"], together.loc[measure, "rate"]
        if not table.loc[measure, "why"]:
            assert otherwise == pytest.approx(rate, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(used=outcomes, lost_sight=st.integers(1, 4))
def test_the_bounds_hold_whatever_the_unknown_were(used, lost_sight):
    """Every way in which the unknown ones could have ended lies between least and most."""
    gone = aside(*[("gone", None, None)] * lost_sight)
    row = number(findings.effects(rows(used), gone), "gone")
    for ended in itertools.combinations_with_replacement("wlo", lost_sight):
        every = used + "".join(ended)
        won, decided = every.count("w"), every.count("w") + every.count("l")
        if decided:
            assert row["least"] - 1e-12 <= won / decided <= row["most"] + 1e-12


@pytest.mark.parametrize("source", ["sample", "eight"])
def test_the_headline_is_the_measures(source, request):
    """The same won and decided as `en.win_rate` counts on the day of the export."""
    crm = request.getfixturevalue(source)
    table = findings.headline(crm.opportunities).set_index("measure")
    measured = en.win_rate(crm, as_of=crm.seen_until).iloc[0]
    assert table.loc["win rate", "won"] == measured["won"]
    assert table.loc["win rate", "of"] == measured["won"] + measured["lost"]


# What leans ---------------------------------------------------------------------------------


def sided(won: tuple[int, int], lost: tuple[int, int], column: str = "competitor") -> pd.DataFrame:
    """Make won and lost ones, each as (missing, with a value)."""
    table = rows("w" * sum(won) + "l" * sum(lost))
    values = [None] * won[0] + ["x"] * won[1] + [None] * lost[0] + ["x"] * lost[1]
    return table.assign(**{column: pd.Series(values, dtype="str")})


def test_a_column_that_leans_is_called_out_with_its_counts():
    """Missing in 812 of 900 won and in 20 of 700 lost."""
    table = findings.leaning(sided((812, 88), (20, 680)), settings=SAID)
    assert table["sentence"].tolist() == [
        "competitor is missing in 812 of 900 won and in 20 of 700 lost: to compare the rows that "
        "have it is to compare outcomes."
    ]
    assert table["difference"].iloc[0] == pytest.approx(812 / 900 - 20 / 700)


def test_columns_missing_in_the_same_rows_are_named_together():
    """1,127 rows are blank in three columns, and every one is won; nothing is lost."""
    table = rows("w" * 1_500 + "o" * 800)
    blank = pd.Series([None] * 1_127 + ["x"] * 1_173, dtype="str")
    table = table.assign(country=blank, city=blank, source=blank, other="x")
    found = findings.leaning(table, settings=SAID)
    assert found["sentence"].tolist() == [
        "country, city and source are missing together in 1,127 of 1,500 won and in 0 of 800 open: "
        "to compare the rows that have it is to compare outcomes."
    ]


@pytest.mark.parametrize(
    ("won", "lost", "called"),
    [
        ((50, 50), (25, 75), True),  # 25 points, 100 rows each: p = 0.0004
        ((49, 51), (25, 75), False),  # 24 points
        ((25, 2), (3, 30), True),  # few, and far beyond chance
        ((19, 1), (2, 18), False),  # 19 rows with a value in all
        ((10, 9), (0, 60), False),  # 19 rows on one side
        ((9, 21), (1, 39), False),  # 10 rows missing in all
        ((12, 18), (9, 51), False),  # 25 points, but p = 0.02
        ((100, 0), (100, 0), False),  # wholly empty
        ((0, 100), (0, 100), False),  # full
    ],
)
def test_what_is_small_or_chance_is_not_called_out(won, lost, called):
    """Both are needed: 25 points, and a q of at most 1 %."""
    assert len(findings.leaning(sided(won, lost), settings=SAID)) == called


@pytest.mark.parametrize(
    "column",
    ["loss_reason", "next_step", "Closed Won Reason", "Closed Lost Reason", "Date entered Qual"],
)
def test_what_is_so_by_nature_is_left_out(column):
    """Only lost ones have a reason for the loss; only some entered a stage."""
    assert findings.leaning(sided((300, 0), (0, 300), column), settings=SAID).empty


def test_a_column_that_only_lost_ones_have_is_compared_among_them():
    """Rep B gives no reason for 80 of 90 losses; the other reps for 10 of 210."""
    table = sided((100, 0), (90, 210), "loss_reason")
    reps = ["A"] * 100 + ["B"] * 80 + ["C"] * 10 + ["B"] * 10 + ["C"] * 200
    found = findings.leaning(table.assign(rep_id=reps), settings=SAID, names={"B": "Bo"})
    assert found["sentence"].tolist() == [
        "loss_reason is missing in 80 of 90 of Bo and in 10 of 210 of the other reps: it says who "
        "fills it in."
    ]


@pytest.mark.parametrize(
    ("by", "values", "words"),
    [
        ("type", ["renewal", "new business"], "in 100 of 100 of type renewal and in 0 of 200 of"),
        ("created_at", [DAY, DAY - pd.Timedelta(days=300)], "in 100 of 100 created in 2026 and"),
    ],
)
def test_a_column_may_lean_by_type_or_year(by, values, words):
    """100 without it, 200 with it, won and lost alike."""
    table = rows("wl" * 150).assign(**{by: [values[0]] * 100 + [values[1]] * 200})
    table["segment"] = pd.Series([None] * 100 + ["x"] * 200, dtype="str")
    found = findings.leaning(table, settings=SAID)
    assert len(found) == 1
    assert words in found["sentence"].iloc[0]


def test_the_test_is_fishers():
    """Of 6 rows 3 lack it, all on one side of 3: one of 20 ways, twice the tail is 0.1."""
    table = pd.DataFrame({"missing": [3], "of": [3], "all_rows": [6], "all_missing": [3]})
    assert _exact(table) == pytest.approx([0.1])


def test_the_q_values_are_benjamini_and_hochbergs():
    """From four p-values: 0.01 x 4, 0.02 x 4 / 2, 0.03 x 4 / 3 and 0.5."""
    q = _q(np.array([0.03, 0.01, 0.5, 0.02]))
    assert q == pytest.approx([0.04, 0.04, 0.5, 0.04])


def test_chance_alone_is_not_called_out():
    """60 columns that are missing at random, 10 reps, 3 types, 4 years."""
    random = np.random.default_rng(3)
    n = 400
    table = rows("".join(random.choice(["w", "l", "o"], n))).assign(
        rep_id=random.choice(list("ABCDEFGHIJ"), n),
        type=random.choice(["new business", "existing business", "renewal"], n),
        created_at=pd.to_datetime(random.choice(["2023-02-01", "2024-02-01", "2025-02-01"], n)),
        **{f"x{k}": np.where(random.random(n) < 0.4, None, "v") for k in range(60)},
    )
    assert findings.leaning(table, settings=SAID).empty


@pytest.mark.parametrize(
    "column", ["c0", "filled_c0", 'a "b"', "'; drop table x --", "C0", "n", "year", "rows", "%s"]
)
def test_a_column_may_be_called_anything(column):
    """Names never reach the SQL."""
    table = sided((200, 0), (0, 200), column)
    assert findings.leaning(table, settings=SAID)["columns"].tolist() == [column]
    assert findings.constant(table.assign(**{column: "x"}))[column] == "x"


def test_empty_and_constant_columns():
    """Full ones are not mentioned."""
    table = rows("wl").assign(a=[None, None], b=["x", "x"], c=["x", "y"], d=["x", None])
    assert "a" in findings.empty(table)
    assert "d" not in findings.empty(table)
    assert findings.constant(table)["b"] == "x"
    assert not {"a", "c", "d"} & set(findings.constant(table))
    assert findings.constant(table[:1]) == {}


def test_no_rows_lean_nowhere():
    """An export without rows."""
    none = rows("wl")[:0]
    assert findings.leaning(none, settings=SAID).empty
    assert findings.constant(none) == {}


# Filters ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> en.CRM:
    return en.world.simulate(5, reps=14, quarters=8).crm


def seen(crm: en.CRM, kept: pd.Series | None = None, **more: object) -> dict[str, str]:
    """Find the filters of an export that has only some of its opportunities."""
    table = crm.opportunities if kept is None else crm.opportunities[kept]
    visits = crm.stage_visits[crm.stage_visits["opportunity_id"].isin(table["opportunity_id"])]
    named = {"settings": crm.settings, "export": crm.seen_until, **more}
    found = findings.filtered(table, visits, crm.reps, **named)
    return dict(zip(found["finding"], found["evidence"], strict=True))


@pytest.fixture(scope="module")
def of_sample(sample) -> findings.Findings:
    """What examining the sample finds."""
    return findings.examine(sample)


def test_an_unfiltered_export_has_no_finding(world, of_sample):
    """The world as it is, and the sample with its files."""
    assert seen(world) == {}
    assert of_sample.filtered.empty


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_other_unfiltered_exports_have_none_either(seed):
    """Small and large companies, short and long histories."""
    crm = en.world.simulate(seed, reps=8 + seed % 3 * 8, quarters=4 + seed % 3 * 2).crm
    assert findings.examine(crm).filtered.empty


@pytest.mark.parametrize(
    ("outcome", "finding"),
    [("lost", "no lost ones"), ("won", "no won ones"), ("open", "no open ones")],
)
def test_an_outcome_that_was_left_out(world, outcome, finding):
    """With the counts of those that are there."""
    kept = world.opportunities["outcome"].ne(outcome)
    assert set(seen(world, kept)) == {finding}
    counts = world.opportunities.loc[kept, "outcome"].value_counts()
    other = "won" if outcome != "won" else "lost"
    assert f"{counts[other]:,} {other}" in seen(world, kept)[finding]
    assert f"0 {outcome}" in seen(world, kept)[finding]


def test_open_ones_only(world):
    """A report of the pipeline."""
    assert set(seen(world, world.opportunities["outcome"].eq("open"))) == {"open ones only"}


def test_a_few_rows_carry_no_finding(world):
    """49 won ones may be an accident."""
    won = world.opportunities["outcome"].eq("won")
    assert "no lost ones" not in seen(world, won & won.cumsum().le(49))
    assert "no lost ones" in seen(world, won & won.cumsum().le(50))


def test_one_owner(world):
    """The one with most, and how many others the list of reps names."""
    owner = world.opportunities["rep_id"].value_counts().index[0]
    found = seen(world, world.opportunities["rep_id"].eq(owner))
    name = world.reps.set_index("rep_id").loc[owner, "name"]
    assert name in found["one owner only"]
    assert f"{len(world.reps) - 1} others" in found["one owner only"]


def test_one_type_and_one_pipeline(world):
    """Of those that the settings name."""
    kind = world.opportunities["type"].eq("new business")
    said = Settings(
        pipelines={"": ("Lead",), "Partners": ("Lead",)},
        outcomes={"Won": "won"},
        types={"N": "new business", "R": "renewal"},
    )
    found = seen(world, kind, settings=said)
    assert found["one kind of business only"].endswith("the settings also name renewal")
    assert found["one pipeline only"].endswith("the settings also name Partners")
    assert seen(world, kind, settings=SAID).keys() == {"one kind of business only"}


def test_one_year_of_creation(world):
    """All created in 2025, the export of autumn 2026."""
    found = seen(world, world.opportunities["created_at"].dt.year.eq(2025))
    assert "one year only" in found
    assert "no lost ones" not in found


def test_a_first_day_of_creation(world):
    """Created from 2025 on; reps were hired before."""
    kept = world.opportunities["created_at"].ge("2025-01-01")
    found = seen(world, kept, life_before=dt.date(2020, 1, 1))
    assert set(found) == {"a first day of creation"}
    assert "other tables reach back to 2020-01-01" in found["a first day of creation"]
    assert seen(world, kept, life_before=dt.date(2025, 1, 1)) == {}
    middle = world.opportunities["created_at"].ge("2025-03-12")
    assert seen(world, middle, life_before=dt.date(2020, 1, 1)) == {}


def test_a_first_day_of_closing(world):
    """Closed from July 2025 on, and those that are open."""
    closed = world.opportunities["closed_at"]
    found = seen(world, closed.ge("2025-07-01") | world.opportunities["outcome"].eq("open"))
    assert "none was closed before 2025-07-01" in found["a first day of closing"]


def test_changed_lately_only(world):
    """A third is touched long after the close; only those touched of late are exported."""
    random = np.random.default_rng(1)
    n = len(world.opportunities)
    lately = at("2026-09-29") - pd.to_timedelta(random.integers(0, 90, n), unit="D")
    closed = world.opportunities["closed_at"].fillna(pd.Series(lately))
    days = np.where(
        random.random(n) < 0.3, random.random(n) * (at("2026-09-29") - closed).dt.days, 0
    )
    changed = closed + pd.to_timedelta(days.round(), unit="D")
    table = world.opportunities.assign(LastModifiedDate=changed.dt.strftime("%Y-%m-%dT10:00:00Z"))
    ask = {"settings": world.settings, "export": world.seen_until}
    assert findings.filtered(table, world.stage_visits, world.reps, **ask).empty
    late = table[table["LastModifiedDate"].ge("2026-03-01")]
    found = findings.filtered(late, world.stage_visits, world.reps, **ask)
    assert "changed lately only" in set(found["finding"])
    at_once = table.assign(LastModifiedDate="2026-09-01T10:00:00Z")
    assert findings.filtered(at_once, world.stage_visits, world.reps, **ask).empty


@pytest.mark.parametrize(
    ("records", "called"),
    [
        *((n, True) for n in (1_000, 2_000, 10_000, 50_000, 100_000, 65_535, 1_048_575)),
        *((n, False) for n in (0, 448, 999, 1_001, 3_000, 8_800, 12_000, 100, 1_048_574)),
    ],
)
def test_a_round_number_of_rows(world, records, called):
    """Where limits are set, and nowhere else."""
    files = pd.DataFrame({"file": ["deals.csv"], "records": [records]})
    found = seen(world, files=files)
    assert ("a round number of rows" in found) == called


def test_footers_are_no_records():
    """1,000 rows and five lines below them are a round number of rows."""
    ledger = Ledger()
    footer = pd.DataFrame({"line": range(5), "column": None, "value": "x", "reason": "footer"})
    ledger.rows("opportunities", "r.csv", rows_in=1_005, aside=footer)
    assert findings._records(ledger.close())["records"].tolist() == [1_000]


# Impossible orders --------------------------------------------------------------------------


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day)


def wrong(opportunities: pd.DataFrame, events: list[tuple] = (), **more: object) -> pd.DataFrame:
    """Find what is impossible, with reps of whom Bo has left on 2026-05-15."""
    said = more.pop("settings", SAID)
    columns = ["opportunity_id", "entered_at", "stage", "origin"]
    history = pd.DataFrame(list(events), columns=columns).astype(
        {"opportunity_id": "str", "entered_at": "datetime64[us]", "stage": "str", "origin": "str"}
    )
    reps = pd.DataFrame({"rep_id": ["A", "B"], "left_on": [pd.NaT, at("2026-05-15")]})
    whole = opportunities.reindex(
        columns=[*opportunities.columns, *{"expected_close", "probability"} - set(opportunities)]
    ).astype({"expected_close": "datetime64[us]", "probability": "float64"})
    return findings.orders(whole, history, reps, settings=said, export=dt.date(2026, 9, 30))


CASES = [
    ({"closed_at": "2025-12-31"}, (), "closed before it was created"),
    ({}, [("D1", "2025-12-31", "Lead", "history")], "a stage entered before creation"),
    ({}, [("D1", "2026-02-02", "Qual", "history")], "a stage entered after the close"),
    (
        {"outcome": "open", "closed_at": None},
        [("D1", "2026-10-01", "Qual", "history")],
        "a stage entered after the day of the export",
    ),
    (
        {"created_at": "2026-10-01", "outcome": "open", "closed_at": None},
        (),
        "created after the day of the export",
    ),
    ({"closed_at": "2026-10-01"}, (), "closed after the day of the export"),
    ({"amount": -0.01}, (), "a negative amount"),
    ({"probability": 100.5}, (), "a probability below 0 or above 100"),
    (
        {"outcome": "open", "closed_at": None, "expected_close": "2026-09-29"},
        (),
        "open and past its expected close",
    ),
    ({"rep_id": "B", "closed_at": "2026-05-16"}, (), "closed after its rep had left"),
    (
        {"rep_id": "B", "outcome": "open", "closed_at": None},
        (),
        "open, and owned by a rep who has left",
    ),
]


def one(**changes: object) -> pd.DataFrame:
    """Make one opportunity, won on 2026-02-01, with other values."""
    table = rows("w", [10]).assign(closed_at=at("2026-02-01"))
    for name, value in changes.items():
        dated = name.endswith("_at") or name == "expected_close"
        table[name] = pd.Series([at(value) if dated else value])
    return table


@pytest.mark.parametrize(("changes", "events", "rule"), CASES, ids=[case[2] for case in CASES])
def test_each_rule_finds_its_row_and_no_other(changes, events, rule):
    """One rule, one row, one example."""
    events = [(who, at(day), stage, origin) for who, day, stage, origin in events]
    found = wrong(one(**changes), events)
    assert found["rule"].tolist() == [rule]
    assert found["rows"].tolist() == [1]
    assert found["examples"].iloc[0].startswith("opportunity D1: ")


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({"closed_at": "2026-01-01"}, [("D1", "2026-01-01", "Won", "history")]),
        ({"amount": 0.0, "probability": 100.0}, [("D1", "2026-02-01", "Prop", "history")]),
        ({}, [("D1", "2026-02-05", "Won", "history")]),
        ({}, [("D1", "2026-02-05", "Qual", "derived")]),
        ({"outcome": "open", "closed_at": None, "expected_close": "2026-09-30"}, []),
        ({"rep_id": "B", "closed_at": "2026-05-15"}, []),
        ({"closed_at": "2026-09-30"}, []),
        ({"outcome": "lost", "closed_at": None}, []),
    ],
)
def test_the_last_day_that_is_right(changes, events):
    """The same day is no wrong order, and an outcome may be noted later than the close."""
    events = [(who, at(day), stage, origin) for who, day, stage, origin in events]
    assert wrong(one(**changes), events).empty


def test_examples_name_the_file_and_the_line(tmp_path):
    """An opportunity that closed before it was created, and a stage entered before it, in lines.

    A name over two lines moves what stands below it; a date of a stage stands in its own row.
    """
    (tmp_path / "deals.csv").write_text(
        "Deal ID,Deal Name,Stage,Created Date,Close Date\n"
        '1,"A\nB",Lead,2026-01-01,\n2,C,Won,2026-03-01,2026-02-01\n'
    )
    (tmp_path / "moves.csv").write_text(
        "Deal ID,Stage,Entered At\n1,Lead,2026-01-01\n2,Lead,2026-02-15\n"
    )
    crm = en.load(tmp_path, {"stages": ["Lead"], "outcomes": {"Won": "won"}})
    told = findings.examine(crm).orders.set_index("rule")["examples"]
    assert told["closed before it was created"] == (
        "deals.csv, line 4: closed 2026-02-01, created 2026-03-01"
    )
    assert told["a stage entered before creation"] == (
        "moves.csv, line 3: Lead 2026-02-15, created 2026-03-01"
    )


def test_days_are_local():
    """Created on the evening of 31 December in New York, which is 1 January in UTC."""
    table = one(created_at="2026-01-01 03:30", closed_at="2025-12-31")
    new_york = Settings(**{**SAID.__dict__, "timezone": "America/New_York"})
    assert wrong(table, settings=new_york).empty
    assert wrong(table)["rule"].tolist() == ["closed before it was created"]


def test_a_day_far_after_all_others_is_named_where_the_settings_say_no_day():
    """200 days in 2026 and one in 2031."""
    days = [at("2026-01-01") + pd.Timedelta(days=n % 200) for n in range(400)]
    table = rows("o" * 400).assign(created_at=[*days[:-1], at("2031-01-15")])
    unsaid = Settings(**{**SAID.__dict__, "exported_on": None})
    found = wrong(table, settings=unsaid)
    assert "dated far after all others" in set(found["rule"])
    assert "dated far after all others" not in set(wrong(table)["rule"])


def test_an_example_names_its_place():
    """By file and line where they are known, else by file and row; at most three."""
    table = rows("wwww", [-1, -2, -3, -4]).assign(closed_at=DAY, file="deals.csv")
    lined = wrong(table.assign(line=[10, 9, 30, 40]))
    assert lined["examples"].iloc[0] == (
        "deals.csv, line 9: amount -2.0; deals.csv, line 10: amount -1.0; "
        "deals.csv, line 30: amount -3.0"
    )
    assert "deals.csv, row 1: amount -1.0" in wrong(table.assign(row=range(4)))["examples"].iloc[0]


def test_what_leaving_rows_out_would_say_is_said_and_no_more():
    """A negative amount moves money alone; a close before creation moves the days."""
    table = pd.concat([SIX, one(amount=-5.0)]).assign(opportunity_id=[f"D{n}" for n in range(7)])
    flagged = pd.DataFrame({"rule": ["a negative amount"], "opportunity_id": ["D6"]})
    moved = findings.telling(findings.effects(table, SIX[:0], flagged=flagged))
    assert moved["measure"].tolist() == ["win rate by value"]
    none = findings.effects(SIX, SIX[:0])
    assert list(findings.telling(none).columns) == list(none.columns)


# The whole, and its page --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "history", "owners", "words"),
    [
        ("Salesforce report, by its columns", False, True, ["Opportunity History > Start Report"]),
        ("Salesforce report, by its columns", True, False, ["Opportunity Field History"]),
        ("HubSpot deals (German)", False, False, ["Export property history", "Deal owner"]),
        ("Dynamics 365 opportunities", False, False, ["enablement snapshot add"]),
        ("named in settings.toml", False, False, ["enablement snapshot add"]),
        ("Salesforce objects", True, True, []),
    ],
)
def test_the_report_to_run_is_named(why, history, owners, words):
    """By the CRM the files came from."""
    files = pd.DataFrame({"table": ["opportunities"], "why": [why]})
    told = reports.to_run(files, stage_history=history, owner_history=owners)
    assert len(told) == len(words)
    assert all(word in sentence for word, sentence in zip(words, told, strict=True))


def test_a_ledger_keeps_what_the_headline_would_count():
    """Outcome and amount of a row set aside, and the value that a rule changed."""
    ledger = Ledger()
    columns = {"line": [3], "column": ["Id"], "value": ["7"], "reason": ["stands twice"]}
    ledger.rows("opportunities", "d.csv", rows_in=2, aside=pd.DataFrame(columns)[:0])
    told = pd.DataFrame({**columns, "outcome": ["won"], "amount": [5.0]})
    ledger.set_aside("opportunities", "d.csv", told)
    ledger.otherwise("zero", SIX[:1])
    quality = ledger.close()
    assert number(findings.effects(SIX, quality.set_aside), "stands twice")["otherwise"] == 3 / 5
    assert quality.otherwise[["rule", "opportunity_id"]].to_numpy().tolist() == [["zero", "D1"]]


def test_the_sample_is_clean(of_sample):
    """A true and short page: one column leans, five open ones are overdue, 13 were reopened."""
    found = of_sample
    assert set(found.effects["rule"]) == {"reopened after an outcome"}
    assert found.effects["rows"].eq(13).all()
    assert en.words.used(found).startswith(
        "Win rate 27.7 % (26 to 29 %; 634 won of 2,287 decided), "
        "conversion 26.4 % (25 to 28 %; 634 of 2,399 created)"
    )
    assert en.words.moved(found) == "No rule moves it by more than half a point."
    assert found.leaning["sentence"].str.startswith("competitor is missing in 373 of 373").all()
    assert en.words.attention(found) == (
        "Look at: 1 column is missing for some rather than for others; 5 doubtful rows."
    )


SETTINGS = """
stages = ["Lead"]
exported_on = 2026-06-30
[outcomes]
Won = "won"
Lost = "lost"
[files]
opportunities = "deals.csv"
"""
EVIL = "<script>\x1b]0;x\x07:smile:[red]"


def write(folder, lines: list[str]) -> None:
    (folder / "settings.toml").write_text(SETTINGS)
    head = "opportunity_id,stage,amount,created_at,closed_at,rep_id,competitor"
    (folder / "deals.csv").write_text("\n".join([head, *lines]) + "\n")


def test_the_page_of_a_bad_export(tmp_path):
    """60 won without a competitor, 60 lost with one, one owner, one closed too early, one twice."""
    won = [f"{n},Won,10,2026-01-02,2026-02-01,{EVIL}," for n in range(60)]
    lost = [f"{n},Lost,10,2026-01-02,2026-02-01,{EVIL},Acme" for n in range(60, 120)]
    won[7] = won[7].replace("2026-02-01", "2026-01-01")
    write(tmp_path, [*won, *lost, lost[0]])
    done = run("check", tmp_path)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0].startswith("121 rows arrived")
    assert lines[1].startswith("Win rate 50.0 % (43 to 57 %; 60 won of 120 decided)")
    assert "the export seems filtered (no open ones, one owner only)" in lines[2]
    assert "deals.csv, line 122: 60" in done.output
    assert "1 row: closed before it was created (impossible)" in done.output
    assert "competitor is missing in 60 of 60 won and in 0 of 60 lost" in done.output
    assert "To run. When each stage was entered" in done.output
    assert "\x1b" not in done.output
    assert ":smile:[red]" in done.output


def test_what_the_tables_show_is_escaped(tmp_path):
    """A rep's name with markup is text in every table of a notebook."""
    write(tmp_path, [f"{n},Won,-10,2026-01-02,2026-01-01,{EVIL}," for n in range(60)])
    crm = en.load(tmp_path)
    found = findings.examine(crm)
    shown = [
        en.tables.rules(crm.quality, found),
        en.tables.effects(found),
        en.tables.filtered(found),
        en.tables.leaning(found),
        en.tables.orders(found),
    ]
    pages = "".join(table._repr_html_() for table in shown)
    assert "&lt;script&gt;" in pages
    assert "<script>" not in pages


@pytest.mark.parametrize("lines", [[], ["1,Lead,,,,,"], ["1,Won,,,,,", "2,Lost,,,,,"]])
def test_a_page_of_almost_nothing(tmp_path, lines):
    """No rows, no dates, no amounts."""
    write(tmp_path, lines)
    done = run("check", tmp_path)
    assert done.exit_code == 0, done.output


def test_nothing_is_changed_in_the_tables_that_are_examined(world):
    """The caller's tables stay as they were."""
    before = world.opportunities.copy()
    findings.examine(world)
    pd.testing.assert_frame_equal(world.opportunities, before)


def test_the_page_of_an_export_whose_opportunities_are_all_set_aside(tmp_path):
    """Nothing is said of a headline that is not there; one of two is won without the rule."""
    (tmp_path / "settings.toml").write_text(SETTINGS)
    (tmp_path / "deals.csv").write_text(
        "opportunity_id,stage,is_deleted\n1,Won,true\n2,Lost,true\n3,,false\n"
    )
    said = run("check", tmp_path).output
    assert "There is no opportunity to count.\n" in said.replace(" \n", "\n")
    assert "Look at: why no opportunity counts." in said
    assert "No rule moves it" not in said
    assert "Nothing seems filtered" not in said
    assert "Nothing is known of:" not in said
    assert "Without it: win rate – → 50.0 %; conversion – → 50.0 %" in said
    assert "Without it: their outcome is not known" in said


def test_many_columns_are_asked_about_a_few_at_a_time(monkeypatch):
    """Seven columns two by two say what they say at once."""
    table = sided((300, 0), (0, 300)).assign(**{f"c{n}": str(n) for n in range(5)})
    leaning = sys.modules["enablement.read.findings.leaning"]
    said = [findings.leaning(table, settings=SAID), findings.constant(table)]
    asked = []

    def query(sql, tables):
        asked.append(sum(name.startswith("c") for name in tables["columns_by_place"]))
        return engine.query(sql, tables)

    monkeypatch.setattr(leaning, "engine", SimpleNamespace(query=query, text=engine.text))
    monkeypatch.setattr(leaning, "WIDTH", 2)
    again = [findings.leaning(table, settings=SAID), findings.constant(table)]
    assert again[0].equals(said[0])
    assert again[1] == said[1]
    assert again[1].items() >= {f"c{n}": str(n) for n in range(5)}.items()
    assert set(asked) <= {1, 2}
