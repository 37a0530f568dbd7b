"""Opportunities that leave the sales process, counted by hand and against an invented company."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, company, day, events

import enablement as en
from enablement.errors import CannotSayError, EnablementError
from enablement.world import walk

SKIPPED, BACK, BATCH = "skipped a stage", "went back", "several stages in a day"
OVERDUE, EARLY = "overdue", "won without the last stage"


def counts(table: pd.DataFrame) -> dict[str, tuple[int, int, int]]:
    """Deviated, out of and times, by deviation."""
    rows = table.set_index("deviation")[["deviated", "out_of", "times"]]
    return {str(way): tuple(row) for way, row in rows.iterrows()}


def test_the_eight_leave_the_process_three_times(eight):
    """D2 skips Qual and D5 begins after Lead, of 7 that came past a stage.

    D4 goes back, of 7 that came to Qual or Prop; nobody enters two stages in a day; the three won
    were all in Prop.
    """
    table = en.process_conformance(eight, as_of=day(90))
    assert counts(table) == {
        SKIPPED: (2, 7, 2),
        BACK: (1, 7, 1),
        BATCH: (0, 7, 0),
        EARLY: (0, 3, 0),
    }
    row = table.set_index("deviation").loc[SKIPPED]
    assert row["rate"] == pytest.approx(2 / 7)
    assert row["low"] < row["rate"] < row["high"]
    assert "expected_close" in table.attrs["cannot_say"][OVERDUE]


def test_a_late_start_can_be_allowed(eight):
    """Then D5 has skipped nothing, and counts still, for it came past Qual: 1 of 7."""
    table = en.process_conformance(eight, as_of=day(90), late_start="allowed")
    assert counts(table)[SKIPPED] == (1, 7, 1)
    assert "before the first entry" in table.attrs["definition"]


def test_what_comes_later_is_not_seen(eight):
    """On day 25 D4 has not gone back yet."""
    assert counts(en.process_conformance(eight, as_of=day(25)))[BACK][0] == 0


def test_by_stage_it_stands_where_it_happened(eight):
    """Lead was skipped by one of 7 that came past it, Qual by one of 5; one of 5 left Prop back."""
    table = en.process_conformance(eight, as_of=day(90), by="stage")
    rows = table.set_index(["deviation", "stage"])[["deviated", "out_of"]]
    assert tuple(rows.loc[(SKIPPED, "Lead")]) == (1, 7)
    assert tuple(rows.loc[(SKIPPED, "Qual")]) == (1, 5)
    assert tuple(rows.loc[(BACK, "Prop")]) == (1, 5)
    assert tuple(rows.loc[(BACK, "Qual")]) == (0, 6)
    assert (SKIPPED, "Prop") not in rows.index
    assert (BACK, "Lead") not in rows.index


@pytest.mark.parametrize("credit", ["at_entry", "final", "first", "share"])
@pytest.mark.parametrize("by", ["rep", ["rep", "stage"]])
def test_reps_add_up_to_the_team(eight, by, credit):
    """Under every rule of credit, and by stage too."""
    asked = {"as_of": day(90), "credit": credit}
    each = en.process_conformance(eight, by=by, **asked).groupby("deviation")
    whole = en.process_conformance(eight, by=None if by == "rep" else "stage", **asked)
    together = whole.groupby("deviation")
    for column in ("deviated", "out_of", "times"):
        parts, total = each[column].sum(), together[column].sum()
        np.testing.assert_allclose(parts[total.index], total)


def test_whoever_skipped_a_stage_made_the_next_entry(eight):
    """A took D2 from Lead to Prop, B began D5 at Qual; D4 went back from Prop under B."""
    table = en.process_conformance(eight, as_of=day(90), by=["rep", "stage"])
    broken = table[table["deviated"] > 0][["rep_id", "stage", "deviation"]]
    assert set(broken.itertuples(index=False, name=None)) == {
        ("A", "Qual", SKIPPED),
        ("B", "Lead", SKIPPED),
        ("B", "Prop", BACK),
    }


# B1 is clicked through three stages on two days, B2 through two on one; H changes hands on the day
# it is moved, which is one stage; W is won from Qual.
BATCHES = {
    "B1": ("0 Lead@A, 0 Qual@A, 3 Prop@A, 9 Won@A", 1),
    "B2": ("0 Lead@A, 5 Qual@A, 5 Prop@A", 1),
    "H": ("0 Lead@A, 5 Lead@B, 5 Qual@B", 1),
    "W": ("0 Lead@B, 5 Qual@B, 9 Won@B", 1),
}


def test_several_stages_in_a_day():
    """B1 on day 0 and B2 on day 5, of four that entered two; three in a day: none of two."""
    crm = company(BATCHES)
    assert counts(en.process_conformance(crm, as_of=day(20)))[BATCH] == (2, 4, 2)
    assert counts(en.process_conformance(crm, as_of=day(20), in_a_day=3))[BATCH] == (0, 2, 0)


def test_won_without_the_last_stage():
    """W was won from Qual, B1 from Prop; no stage before the last was skipped."""
    table = counts(en.process_conformance(company(BATCHES), as_of=day(20)))
    assert table[EARLY] == (1, 2, 1)
    assert table[SKIPPED] == (0, 4, 0)


def test_overdue_is_what_is_open_after_its_date():
    """On day 20: X was due on day 10, Y is due that day, Z has no date, N was moved to day 30.

    On day 12 N was still due on day 8.
    """
    paths = dict.fromkeys("XYZN", ("0 Lead@A", 1))
    told = events(paths).assign(expected_close=[day(10), day(20), None, day(8)])
    moved = told.iloc[[3]].assign(entered_at=day(15), expected_close=day(30))
    given = pd.DataFrame({"opportunity_id": list("XYZN"), "stage": "Lead", "rep_id": "A"})
    given["expected_close"] = [day(10), day(20), None, day(30)]
    crm = en.crm(
        opportunities=given,
        stage_events=pd.concat([told, moved]),
        settings={**EIGHT_SETTINGS, "exported_on": day(20).date()},
    )
    assert counts(en.process_conformance(crm, as_of=day(20)))[OVERDUE] == (1, 3, 1)
    assert counts(en.process_conformance(crm, as_of=day(12)))[OVERDUE] == (2, 3, 2)


def test_without_history_only_overdue_ones_are_told():
    """The present stage does not say which ones came before; without dates nothing is left."""
    given = pd.DataFrame({"opportunity_id": ["X"], "stage": ["Lead"], "rep_id": ["A"]})
    settings = {**EIGHT_SETTINGS, "exported_on": day(20).date()}
    dated = en.crm(opportunities=given.assign(expected_close=[day(10)]), settings=settings)
    table = en.process_conformance(dated, as_of=day(20))
    assert list(table["deviation"]) == [OVERDUE]
    assert "stage history" in table.attrs["cannot_say"][BACK]
    with pytest.raises(CannotSayError, match=r"stage history.*expected_close"):
        en.process_conformance(en.crm(opportunities=given, settings=settings), as_of=day(20))
    with pytest.raises(CannotSayError, match="Process conformance as of"):
        en.process_conformance(dated, as_of=day(10))


def test_what_is_no_argument_is_refused(eight):
    """By the known words."""
    with pytest.raises(EnablementError, match="Known: skips, allowed"):
        en.process_conformance(eight, as_of=day(90), late_start="maybe")
    with pytest.raises(EnablementError, match="at least 2"):
        en.process_conformance(eight, as_of=day(90), in_a_day=1)


def test_what_was_planted_in_a_company_is_found():
    """5 % of the stays after the first stage end a stage back, 8 % of advances jump over one."""
    world = en.world.simulate(5, reps=12, quarters=6)
    table = en.process_conformance(
        world.crm, as_of=world.exported_on, by="stage", renewals="counted", late_start="allowed"
    ).set_index(["deviation", "stage"])
    stays = world.stays
    went = np.bincount(stays.stage[(stays.left < world.clock.end) & (stays.exit == walk.BACK)])
    assert list(table.loc[BACK, "times"]) == list(went[1:])
    skipped = table.loc[SKIPPED].loc[["Qualification", "Discovery", "Proposal"]]
    share = skipped["deviated"].sum() / skipped["out_of"].sum()
    assert 0.04 < share < 0.09


def test_several_comparisons_are_corrected_for_their_number():
    """A always skips a stage and B never; nobody goes back, so that skipping alone is compared.

    Where both are compared, each p is doubled.
    """
    often = {f"A{n}": ("0 Lead@A, 9 Prop@A", 1) for n in range(12)}
    never = {f"B{n}": ("0 Lead@B, 4 Qual@B, 9 Prop@B", 1) for n in range(12)}
    one = en.process_conformance(company({**often, **never}), as_of=day(20), by="rep")
    assert list(one.attrs["verdicts"]) == [SKIPPED]
    assert "differ by more than chance" in one.attrs["verdicts"][SKIPPED]
    assert "corrected" not in one.attrs["verdicts"][SKIPPED]
    back = {"X": ("0 Lead@B, 4 Qual@B, 9 Lead@B", 1)}
    two = en.process_conformance(company({**often, **never, **back}), as_of=day(20), by="rep")
    assert list(two.attrs["verdicts"]) == [SKIPPED, BACK]
    assert "corrected for 2 deviations" in two.attrs["verdicts"][SKIPPED]
