"""Ramp, counted by hand, by other software and against an invented company."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, once
from statsmodels.duration.survfunc import SurvfuncRight

import enablement as en
from enablement.errors import CannotSayError, EnablementError

END = "2026-12-31"
# O has been there for ever and wins 100 a month. N is hired on 1 January and wins 100 in February
# that O began, 90 of her own in April, May and June. M is hired on 1 March and wins 30 in April. L
# is hired on 1 March and leaves on 30 April without a win. E was hired before the first one.
REPS = pd.DataFrame(
    {
        "rep_id": ["O", "N", "M", "L", "E"],
        "team": ["One", "One", "Two", "Two", "Two"],
        "hired_on": ["2019-01-01", "2026-01-01", "2026-03-01", "2026-03-01", "2025-11-30"],
        "left_on": [None, None, None, "2026-04-30", None],
    }
)
OWN = [
    *[(f"O{month}", "O", "O", f"2026-{month:02d}-15", 100) for month in range(1, 13)],
    ("N0", "O", "N", "2026-02-10", 100),
    *[(f"N{month}", "N", "N", f"2026-{month:02d}-10", 90) for month in (4, 5, 6)],
    ("M1", "M", "M", "2026-04-20", 30),
    ("E1", "E", "E", "2026-01-05", 10),
]
QUOTAS = pd.DataFrame(
    [("N", "2026Q1", 90), ("N", "2026Q2", 280), ("M", "2026Q2", 30)],
    columns=["rep_id", "period", "target"],
).assign(metric="won amount")


@once
def crm(**more: object) -> en.CRM:
    """Five reps and what they won, each opportunity begun in December 2025."""
    rows = pd.DataFrame(OWN, columns=["opportunity_id", "first", "rep_id", "closed_at", "amount"])
    begun = rows.assign(stage="Lead", entered_at="2025-12-01", rep_id=rows["first"])
    won = rows.assign(stage="Won", entered_at=rows["closed_at"])
    columns = ["opportunity_id", "stage", "entered_at", "rep_id"]
    handed = rows[rows["first"] != rows["rep_id"]].assign(changed_at="2026-01-10")
    given = rows.drop(columns="first").assign(created_at="2025-12-01", stage="Won")
    return en.crm(
        opportunities=given.assign(amount=given["amount"].astype(float)),
        stage_events=pd.concat([begun[columns], won[columns]]),
        owner_changes=handed.rename(columns={"first": "from_rep", "rep_id": "to_rep"})[
            ["opportunity_id", "changed_at", "from_rep", "to_rep"]
        ],
        reps=REPS,
        settings={**EIGHT_SETTINGS, "exported_on": pd.Timestamp(END).date()},
        **more,
    )


@pytest.fixture(scope="module")
def five() -> en.CRM:
    """With quotas of two quarters."""
    return crm(quotas=QUOTAS)


def test_days_to_the_first_won_one(five):
    """M after 50 days (20 April), N after 99 (10 April is day 99); L left after 60 without one.

    Of three, 1/3 were there by day 50, and as L is not followed after day 60, all by day 99.
    """
    row = en.ramp(five, as_of=END).iloc[0]
    assert tuple(row[["reps", "ramped", "not_yet", "left"]]) == (3, 2, 1, 1)
    assert (row["p25"], row["median"], row["p75"]) == (50, 99, 99)
    assert row["not_followed"] == 2


def test_an_inherited_one_counts_only_if_asked(five):
    """N0 was begun by O: with it N is there on 10 February, after 40 days."""
    each = en.ramp(five, as_of=END, by="rep", inherited="counted").set_index("rep_id")
    assert each.loc["N", "median"] == 40
    assert (
        "inherited opportunities counted"
        in en.ramp(five, as_of=END, inherited="counted").attrs["definition"]
    )


def test_who_is_not_there_yet_is_followed_until_now(five):
    """On 31 March nobody is there; leaving them out would leave nothing, they are three."""
    row = en.ramp(five, as_of="2026-03-31").iloc[0]
    assert tuple(row[["reps", "ramped", "not_yet", "left"]]) == (3, 0, 3, 0)
    assert pd.isna(row["median"])


def test_productive_is_kept_for_as_long_as_asked(five):
    """N sells 90 of O's 100 from April to June: there on 30 April, day 119; M never is."""
    each = en.ramp(five, as_of=END, to="productive", by="rep").set_index("rep_id")
    assert each.loc["N", "median"] == 119
    assert each["ramped"].to_dict() == {"N": 1, "M": 0, "L": 0, "O": 0, "E": 0}
    for changed in ({"share": 0.95}, {"kept": 4}):
        row = en.ramp(five, as_of=END, to="productive", by="rep", **changed).set_index("rep_id")
        assert row.loc["N", "ramped"] == 0


def test_what_is_kept_is_known_when_it_is_over(five):
    """In June N's third month is not over yet."""
    assert en.ramp(five, as_of="2026-06-29", to="productive")["ramped"].item() == 0
    assert en.ramp(five, as_of="2026-06-30", to="productive")["ramped"].item() == 1


def test_the_first_quarter_at_quota(five):
    """M sells 30 of 30 in the second quarter: 30 June is day 121. N sells 270 of 280."""
    each = en.ramp(five, as_of=END, to="quota", unit="quarter", by="rep").set_index("rep_id")
    assert each["ramped"].to_dict() == {"N": 0, "M": 1, "L": 0, "O": 0, "E": 0}
    assert each.loc["M", "median"] == 121
    inherited = en.ramp(five, as_of=END, to="quota", unit="quarter", inherited="counted")
    assert inherited["ramped"].item() == 2  # 100 of 90 in the first
    with pytest.raises(CannotSayError, match="unit='quarter'"):
        en.ramp(five, as_of=END, to="quota")


def test_reps_are_split_and_limited(five):
    """Team Two has M and L, and E from before."""
    table = en.ramp(five, as_of=END, by="team").set_index("team")
    assert table["reps"].to_dict() == {"One": 1, "Two": 2}
    assert table["not_followed"].to_dict() == {"One": 1, "Two": 1}
    assert en.ramp(five, as_of=END, where={"team": "Two"})["reps"].item() == 2
    assert en.ramp(five, as_of=END, period="2026Q1")["reps"].item() == 3
    with pytest.raises(EnablementError, match="Ramp is of reps"):
        en.ramp(five, as_of=END, by="source")


def test_what_is_missing_is_named(five):
    """Hire dates, quotas, a history of owners, tenured reps."""
    given = pd.DataFrame({"opportunity_id": ["X"], "stage": ["Won"], "rep_id": ["A"]})
    given["created_at"], given["closed_at"] = "2026-01-01", "2026-02-01"
    bare = {"opportunities": given, "settings": EIGHT_SETTINGS}
    with pytest.raises(CannotSayError, match="hired_on"):
        en.ramp(en.crm(**bare), as_of=END)
    hired = en.crm(**bare, reps=pd.DataFrame({"rep_id": ["A"], "hired_on": ["2026-01-02"]}))
    with pytest.raises(CannotSayError, match=r"created_by.*inherited=\"counted\""):
        en.ramp(hired, as_of=END)
    assert en.ramp(hired, as_of=END, inherited="counted")["ramped"].item() == 1
    with pytest.raises(CannotSayError, match="no quotas of won amount"):
        en.ramp(crm(), as_of=END, to="quota", unit="quarter")
    with pytest.raises(CannotSayError, match="tenured=180"):
        en.ramp(five, as_of=END, to="productive", tenured=9_000)


def test_the_curve_of_those_hired(five):
    """Of M, N and L one third was there on day 50; L left on day 60; on day 99 N was there too.

    Productive is N alone, on day 119: M is followed until now and L has left.
    """
    table = en.ramp_curve(five, as_of=END)
    first = table[table["milestone"].eq("first won")]
    assert first[["day", "at_risk"]].to_numpy().tolist() == [[0, 3], [50, 3], [60, 2], [99, 1]]
    assert first["reached"].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3])
    assert first["left"].tolist() == pytest.approx([0, 0, 1 / 3, 1 / 3])
    assert first["waiting"].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    kept = table[table["milestone"].eq("productive")].set_index("day")
    assert kept["reached"].to_dict() == pytest.approx({0: 0, 60: 0, 119: 1 / 3, 244: 1 / 3})
    assert table.attrs["not_followed"] == 2


def test_the_curve_without_leavers_is_that_of_the_median(five):
    """As L is not followed after day 60, all are there by day 99, which is the median of `ramp`."""
    table = en.ramp_curve(five, as_of=END, to="first won", leavers="censored")
    assert table.set_index("day")["reached"].to_dict() == pytest.approx({0: 0, 50: 1 / 3, 99: 1})
    assert table["left"].eq(0).all()


def test_a_curve_goes_on_where_nobody_is_on_the_way(five):
    """N alone of team One is there on day 99; the other team's curve ends with L on day 60."""
    table = en.ramp_curve(five, as_of=END, by="team", to="first won").set_index(["team", "day"])
    assert table.loc[("Two", 60), ["reached", "left"]].tolist() == [0.5, 0.5]
    assert table.loc[("Two", 99), ["at_risk", "reached", "left"]].tolist() == [0, 0.5, 0.5]
    assert table.loc[("One", 99), ["at_risk", "reached"]].tolist() == [1, 1]


def test_of_several_milestones_one_that_cannot_be_told_is_said(five):
    """Nobody was there for 9,000 days, so that productive cannot be told; first won can."""
    table = en.ramp_curve(five, as_of=END, tenured=9_000)
    assert set(table["milestone"]) == {"first won"}
    assert "tenured=180" in table.attrs["cannot_say"]["productive"]
    with pytest.raises(CannotSayError, match="tenured=180"):
        en.ramp_curve(five, as_of=END, tenured=9_000, to="productive")
    with pytest.raises(EnablementError, match="Known: compete, censored"):
        en.ramp_curve(five, as_of=END, leavers="kept")


def test_a_curve_of_nobody_has_no_share(five):
    """Nobody was hired in 2030."""
    table = en.ramp_curve(five, as_of=END, period="2030", to="first won")
    assert table[["day", "at_risk"]].to_numpy().tolist() == [[0, 0]]
    assert table["reached"].isna().all()


def test_an_invented_company_by_other_software():
    """First wins by plain loops over its tables, the curve by statsmodels."""
    world = en.world.simulate(4, reps=40, turnover=0.4, ramp_days=30.0)
    row = en.ramp(world.crm, as_of=world.exported_on, inherited="counted").iloc[0]
    given = world.tables["opportunities"]
    people, end = world.tables["reps"], pd.Timestamp(world.exported_on)
    won = given[(given["stage"] == "Closed Won") & (given["type"] != "Renewal")]
    days, there = [], []
    for one in people[people["role"].str.contains("Executive")].itertuples():
        if one.hired_on < given["created_at"].min().normalize():
            continue
        closed = won.loc[won["rep_id"] == one.rep_id, "closed_at"]
        stop = end if pd.isna(one.left_on) else one.left_on
        event = len(closed) > 0 and closed.min().normalize() <= stop
        last = closed.min().normalize() if event else stop
        days.append((last - one.hired_on).days)
        there.append(int(event))
    curve = SurvfuncRight(np.array(days), np.array(there))
    assert (row["reps"], row["ramped"]) == (len(days), sum(there))
    assert sum(there) > 5
    assert row["median"] == curve.surv_times[curve.surv_prob <= 0.5 + 1e-9][0]
    asked = {"as_of": world.exported_on, "to": "first won", "inherited": "counted"}
    ours = en.ramp_curve(world.crm, leavers="censored", **asked).set_index("day")["reached"]
    theirs = dict(zip(curve.surv_times, 1 - curve.surv_prob, strict=True))
    both = [day for day in ours.index if day in theirs]
    assert len(both) > 5
    assert [ours[day] for day in both] == pytest.approx([theirs[day] for day in both])
