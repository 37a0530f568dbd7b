"""Every definition and credit, in counts and in money, against a second count by plain loops."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, day
from hypothesis import given, settings
from hypothesis import strategies as st
from recount import (
    STAGES,
    WON,
    Passage,
    Path,
    Seen,
    decided,
    decided_touched,
    estimate,
    in_period,
    look,
    reached,
    shares,
    strict,
    touch,
    visit,
    within,
)
from test_definitions import ASKED, CREDITS
from test_funnel import MANY, as_events

import enablement as en

DAYS, SPAN = 4, (3, 8)
COUNTED = {
    "reached": lambda seen, _: reached(seen),
    "strict": lambda seen, _: strict(seen),
    "touch": lambda seen, _: touch(seen),
    "decided": lambda seen, _: decided(seen),
    "decided, touched": lambda seen, _: decided_touched(seen),
    "visit": lambda seen, _: visit(seen),
    "visit, finished": lambda seen, _: visit(seen, finished=True),
    "within": lambda seen, path: within(seen, path, DAYS),
    "period": lambda seen, _: in_period(seen, *SPAN),
    "estimate": lambda seen, _: [passage for passage, _, _ in estimate(seen)],
}
BECAME = {
    **{"moved on": "moved_on", "lost": "lost", "back": "back", "handed off": "handed_off"},
    **{"cancelled": "cancelled", "open": "open"},
}
Cells = dict[tuple[str | None, int], dict[str, Fraction]]


def recounted(name: str, known: list[tuple[Path, Seen, int]], credit: str) -> Cells:
    """What each rep has at each stage."""
    cells: Cells = defaultdict(lambda: defaultdict(Fraction))
    for path, seen, worth in known:
        for passage in COUNTED[name](seen, path):
            for rep, share in shares(seen, passage, credit).items():
                cell = cells[rep, passage.place]
                if passage.counts:
                    cell["entered"] += share * worth
                    cell["won"] += share * worth * passage.won
                if passage.became in BECAME:
                    cell[BECAME[passage.became]] += share * worth
    return as_ratios(cells) if name in ("touch", "decided, touched") else cells


def as_ratios(cells: Cells) -> Cells:
    """Hold each stage against the next, the last against those won."""
    for rep in {rep for rep, _ in cells}:
        following = [cells[rep, place]["entered"] for place in (2, 3, WON)]
        for place, after in enumerate(following, start=1):
            cells[rep, place]["moved_on"] = after
            cells[rep, place]["won"] = following[-1]
    return cells


@settings(max_examples=4, deadline=None)
@given(paths=MANY, until=st.integers(0, 14), turn=st.integers(0, 7))
def test_every_number_by_a_second_count(paths, until, turn):
    """By rep, each definition by a credit and of opportunities or value in turn.

    Nobody who has something is missing.
    """
    worth = {f"X{n}": n + 1 for n in range(len(paths))}
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": list(worth), "amount": [float(w) for w in worth.values()]}
        ),
        stage_events=as_events(paths),
        settings=EIGHT_SETTINGS,
    )
    more = {"period": {"period": tuple(map(day, SPAN))}, "within": {"within": DAYS}}
    for n, name in enumerate(ASKED, start=turn):
        credit, of = CREDITS[n % len(CREDITS)], ("opportunities", "value")[n // len(CREDITS) % 2]
        known = [
            (path, seen, worth[f"X{m}"] if of == "value" else 1)
            for m, path in enumerate(paths)
            if (seen := look(path, until)) is not None
        ]
        asked = ASKED[name] | more.get(name, {})
        table = en.conversion(crm, as_of=day(until), by="rep", credit=credit, of=of, **asked)
        assert_counted(table, recounted(name, known, credit), (name, credit, of))


def assert_counted(table: pd.DataFrame, expected: Cells, said: tuple[str, str, str]) -> None:
    """Every cell of a table is as expected, and none of those expected is missing."""
    for row in table.to_dict("records"):
        cell = expected.pop((row["rep_id"], STAGES.index(row["stage"]) + 1), {})
        for column in ("entered", "won", *BECAME.values()):
            wanted = pytest.approx(float(cell.get(column, 0)), abs=1e-9)
            assert row[column] == wanted, (*said, column)
    left = {place: cell for place, cell in expected.items() if place[1] != WON}
    assert not any(any(cell.values()) for cell in left.values()), said


@settings(max_examples=3, deadline=None)
@given(paths=MANY, until=st.integers(0, 14))
def test_win_rates_by_a_second_count(paths, until):
    """Won of those decided and of all created, rep by rep, whoever is credited."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": [f"X{n}" for n in range(len(paths))]}),
        stage_events=as_events(paths),
        settings=EIGHT_SETTINGS,
    )
    for credit in CREDITS:
        expected: dict[str | None, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        for path in paths:
            seen = look(path, until)
            if seen is not None:
                whole = Passage(WON, seen.first_rep, "", seen.outcome == "won")
                for rep, share in shares(seen, whole, credit).items():
                    expected[rep][seen.outcome] += share
        created = en.win_rate(crm, as_of=day(until), by="rep", of="created", credit=credit)
        decided_ones = en.win_rate(crm, as_of=day(until), by="rep", credit=credit)
        for table in (created, decided_ones):
            for row in table.to_dict("records"):
                for column in {"won", "lost", "open", "cancelled"} & set(table):
                    assert row[column] == pytest.approx(float(expected[row["rep_id"]][column]))
        assert created["created"].sum() == pytest.approx(
            sum(map(sum, map(dict.values, expected.values())))
        )
