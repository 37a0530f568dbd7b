"""Stage visits, from histories, stage dates and the present stage alone."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from conftest import EIGHT_SETTINGS, company, day
from hypothesis import given, settings
from test_funnel import SOURCES, as_events, in_sources, made

import enablement as en
from enablement.errors import SettingsError
from enablement.read import visits
from enablement.read.store import Store


def stays(crm: en.CRM, opportunity: str) -> list[tuple[str, str, str]]:
    """Stage, rep and exit of each visit of one opportunity."""
    visits = crm.stage_visits
    mine = visits[visits["opportunity_id"] == opportunity]
    return list(zip(mine["stage"], mine["rep_id"], mine["exit"], strict=True))


def test_the_eight_have_the_stays_that_one_counts(eight):
    """Lead 7 (6 advanced, 1 open), Qual 8 (5 advanced, 2 lost, 1 open), Prop 6."""
    found = eight.stage_visits.groupby("stage")["exit"].value_counts().to_dict()
    assert found == {
        ("Lead", "advanced"): 6,
        ("Lead", "open"): 1,
        ("Qual", "advanced"): 5,
        ("Qual", "lost"): 2,
        ("Qual", "open"): 1,
        ("Prop", "won"): 3,
        ("Prop", "back"): 1,
        ("Prop", "lost"): 1,
        ("Prop", "open"): 1,
    }


def test_a_hand_over_ends_a_visit_and_begins_the_next():
    """The ninth: Lead goes from A to B, moves on to Qual, and is cancelled there."""
    crm = company({"D9": ("0 Lead@A, 5 Lead@B, 20 Qual@B, 30 Cancelled", 1)})
    assert stays(crm, "D9") == [
        ("Lead", "A", "handed off"),
        ("Lead", "B", "advanced"),
        ("Qual", "B", "cancelled"),
    ]


@pytest.mark.parametrize("turned", [1, -1])
def test_rows_of_one_moment_count_alike_in_any_order(turned):
    """Qual stands there with 9, with 7 and without an amount: 7, the first that is known.

    On day 10 it is C's by one row and handed from A to B by another: B has it after that day.
    """
    rows = [
        *[("D1", day(0), "Lead", "A", None), ("D1", day(5), "Qual", "A", None)],
        *[("D1", day(5), "Qual", "A", 9.0), ("D1", day(5), "Qual", "A", 7.0)],
        *[("D1", day(10), "Prop", "C", 1.0), ("D1", day(20), "Lead", None, 1.0)],
    ]
    names = ["opportunity_id", "entered_at", "stage", "rep_id", "amount"]
    hands = [("D1", day(10), "A", "B"), ("D1", day(30), "B", "E"), ("D1", day(30), "D", "F")]
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["D1"], "amount": [100.0]}),
        stage_events=pd.DataFrame(rows[::turned], columns=names),
        owner_changes=pd.DataFrame(
            hands[::turned], columns=["opportunity_id", "changed_at", "from_rep", "to_rep"]
        ),
        settings=EIGHT_SETTINGS,
    )
    visits = crm.stage_visits
    assert visits["amount"].tolist()[:3] == [100.0, 7.0, 1.0]
    assert list(zip(visits["stage"], visits["rep_id"], strict=True)) == [
        *[("Lead", "A"), ("Qual", "A"), ("Prop", "C"), ("Prop", "B"), ("Lead", "B")],
        *[("Lead", "E"), ("Lead", "F")],
    ]


def test_a_stage_change_with_a_new_rep_is_a_stage_change(eight):
    """D5 left Prop, which B had, by being won by A."""
    assert stays(eight, "D5") == [("Qual", "B", "advanced"), ("Prop", "B", "won")]
    assert eight.closings.set_index("opportunity_id").loc["D5", "rep_id"] == "A"


def test_a_reopened_one_has_two_stays_and_a_gap(eight):
    """D7 left Qual lost on day 30 and came back to it on day 50."""
    visits = eight.stage_visits
    mine = visits[visits["opportunity_id"] == "D7"].set_index("visit")
    assert list(mine["exit"]) == ["advanced", "lost", "advanced", "open"]
    assert mine.loc[2, "left_at"] == day(30)
    assert mine.loc[3, "entered_at"] == day(50)


def test_rows_that_change_nothing_make_no_visit():
    """An amount or a close date may change while stage and rep do not."""
    crm = company({"X": ("0 Lead@A, 3 Lead@A, 5 Qual@A, 9 Qual@A, 12 Won@A", 1)})
    assert stays(crm, "X") == [("Lead", "A", "advanced"), ("Qual", "A", "won")]
    assert len(crm.stage_events) == 5


def test_ties_within_a_moment_stand_in_the_order_of_the_stages():
    """Clicked through on one day, in whatever order the rows come."""
    crm = company({"X": ("0 Won@A, 0 Prop@A, 0 Lead@A, 0 Qual@A", 1)})
    assert [stage for stage, _, _ in stays(crm, "X")] == ["Lead", "Qual", "Prop"]
    assert stays(crm, "X")[-1][2] == "won"


def test_owners_come_from_their_own_history():
    """Stage history without owners, and a hand-over from A to B on day 5: B had Qual."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"], "rep_id": ["B"], "stage": ["Won"]}),
        stage_events=pd.DataFrame(
            {
                "opportunity_id": "X",
                "entered_at": [day(0), day(10), day(20)],
                "stage": ["Lead", "Qual", "Won"],
            }
        ),
        owner_changes=pd.DataFrame(
            {"opportunity_id": ["X"], "changed_at": [day(5)], "from_rep": ["A"], "to_rep": ["B"]}
        ),
        settings=EIGHT_SETTINGS,
    )
    assert stays(crm, "X") == [
        ("Lead", "A", "handed off"),
        ("Lead", "B", "advanced"),
        ("Qual", "B", "won"),
    ]
    assert crm.owner_history


def test_without_owner_history_the_current_owner_is_credited_and_said():
    """The table and the quality say so."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"], "rep_id": ["B"], "stage": ["Won"]}),
        stage_events=pd.DataFrame(
            {"opportunity_id": "X", "entered_at": [day(0), day(9)], "stage": ["Lead", "Won"]}
        ),
        settings=EIGHT_SETTINGS,
    )
    assert stays(crm, "X") == [("Lead", "B", "won")]
    table = en.conversion(crm, as_of=day(10), by="rep")
    assert table.attrs["credit"] == "current owner, history not available"
    assert any("no history of owners" in sentence for sentence in crm.quality.cannot_say)


def test_stage_dates_make_visits_and_leave_the_rest_unknown():
    """A date for Qual alone: the stay in Qual is known, that in Lead is not."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {
                "opportunity_id": ["X", "Y", "Z"],
                "stage": ["Won", "Qual", "Lead"],
                "qual_date": [day(3), day(4), None],
                "closed_at": [day(9), None, None],
            }
        ),
        settings={
            **EIGHT_SETTINGS,
            "stage_dates": {"Qual": "qual_date"},
            "exported_on": day(30).date(),
        },
    )
    assert [stay[::2] for stay in stays(crm, "X")] == [("Qual", "won")]
    assert [stay[::2] for stay in stays(crm, "Z")] == [("Lead", "open")]
    assert crm.stage_visits["entered_at"].isna().sum() == 1
    assert set(crm.stage_events["origin"]) == {"stage dates", "derived"}


def test_an_outcome_missing_from_the_history_is_added_at_its_close_date():
    """The history ends in Qual, the opportunity is lost since day 40."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["X"], "stage": ["Lost"], "closed_at": [day(40)]}
        ),
        stage_events=pd.DataFrame(
            {"opportunity_id": "X", "entered_at": [day(0), day(9)], "stage": ["Lead", "Qual"]}
        ),
        settings=EIGHT_SETTINGS,
    )
    assert [stay[::2] for stay in stays(crm, "X")] == [("Lead", "advanced"), ("Qual", "lost")]
    assert list(crm.stage_events["origin"]) == ["history", "history", "derived"]


@settings(max_examples=3, deadline=None)
@given(sources=SOURCES)
def test_every_visit_ends_where_the_next_event_begins(sources):
    """Visits do not overlap, an open one is the last, and each has an exit that is known."""
    visits = made(in_sources(sources)).stage_visits
    known = {"advanced", "won", "lost", "back", "handed off", "cancelled", "open"}
    assert set(visits["exit"]) <= known
    assert (visits["left_at"].isna() == visits["exit"].eq("open")).all()
    following = visits.groupby("opportunity_id")["entered_at"].shift(-1)
    both = following.notna()
    assert (visits.loc[both, "left_at"] <= following[both]).all()
    assert visits.loc[visits["exit"].eq("open"), "opportunity_id"].is_unique


def test_the_callers_tables_are_not_changed():
    """What goes in is the same afterwards."""
    history = as_events([[(0, "Lead", "A"), (3, "Won", "A")]])
    before = history.copy(deep=True)
    made(history)
    pd.testing.assert_frame_equal(history, before)


def test_an_outcome_without_a_visit_still_counts_as_decided():
    """Created as won, or as lost: no stay, but one of two was won."""
    crm = made(as_events([[(0, "Won", "A")], [(0, "Lost", "A")]]))
    assert crm.stage_visits.empty
    assert en.win_rate(crm, as_of=day(5))["rate"].iloc[0] == 0.5


def reassigned(changed_on: int) -> en.CRM:
    """Won by A on day 10; the owner changes to B later."""
    return en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["X"], "rep_id": ["B"], "stage": ["Won"], "amount": [7.0]}
        ),
        stage_events=pd.DataFrame(
            {"opportunity_id": "X", "entered_at": [day(0), day(10)], "stage": ["Lead", "Won"]}
        ),
        owner_changes=pd.DataFrame(
            {
                "opportunity_id": ["X"],
                "changed_at": [day(changed_on)],
                "from_rep": ["A"],
                "to_rep": ["B"],
            }
        ),
        settings=EIGHT_SETTINGS,
    )


def test_a_change_of_owner_after_the_close_changes_nothing():
    """A leaver's won opportunities are given to B: they stay won, and A's."""
    crm = reassigned(20)
    assert stays(crm, "X") == [("Lead", "A", "won")]
    table = en.win_rate(crm, as_of=day(30), by="rep").set_index("rep_id")
    assert tuple(table.loc["A", ["won", "lost"]]) == (1, 0)
    assert list(en.conversion(crm, as_of=day(30))["won"]) == [1, 1, 1]


@pytest.mark.parametrize("closed_at", [day(8), day(10), day(12), None])
def test_the_present_stage_holds_against_the_history(closed_at):
    """The history ends with Won on day 10; the CRM says Lost, whatever its close date."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["X"], "stage": ["Lost"], "closed_at": [closed_at]}
        ),
        stage_events=pd.DataFrame(
            {"opportunity_id": "X", "entered_at": [day(0), day(10)], "stage": ["Lead", "Won"]}
        ),
        settings={**EIGHT_SETTINGS, "exported_on": day(30).date()},
    )
    assert tuple(en.win_rate(crm, as_of=day(30)).loc[0, ["won", "lost"]]) == (0, 1)


def test_a_date_of_the_last_change_does_not_go_before_the_history():
    """Qual at half past nine on day 5, and Prop since day 5: Prop is the later one."""
    crm = en.crm(
        opportunities=pd.DataFrame(
            {"opportunity_id": ["X"], "stage": ["Prop"], "last_stage_change": [day(5)]}
        ),
        stage_events=pd.DataFrame(
            {
                "opportunity_id": "X",
                "entered_at": [day(0), day(5) + pd.Timedelta(hours=9.5)],
                "stage": ["Lead", "Qual"],
            }
        ),
        settings=EIGHT_SETTINGS,
    )
    assert [stay[::2] for stay in stays(crm, "X")] == [
        ("Lead", "advanced"),
        ("Qual", "advanced"),
        ("Prop", "open"),
    ]


def test_an_outcome_without_a_date_gets_none():
    """Won, nobody knows when: it counts as won, on the day of the export, and has no cycle."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"], "stage": ["Won"]}),
        stage_events=pd.DataFrame(
            {"opportunity_id": "X", "entered_at": [day(0), day(9)], "stage": ["Lead", "Qual"]}
        ),
        settings={**EIGHT_SETTINGS, "exported_on": day(30).date()},
    )
    assert pd.isna(crm.opportunities["closed_at"].iloc[0])
    assert en.win_rate(crm, as_of=day(30))["won"].iloc[0] == 1
    assert en.win_rate(crm, as_of=day(20))["won"].iloc[0] == 0
    cycle = en.sales_cycle(crm, as_of=day(30))
    assert (cycle["won"].iloc[0], cycle.attrs["undated"]) == (0, 1)


def test_a_stage_of_another_pipeline_stops():
    """It has no place in its own, and would be in no number."""
    settings = {
        "pipelines": {"New": {"stages": ["Lead"]}, "Grow": {"stages": ["Plan"]}},
        "outcomes": {"Won": "won", "Lost": "lost"},
    }
    opportunities = pd.DataFrame(
        {"opportunity_id": ["1", "2"], "pipeline": ["New", "Grow"], "stage": ["Lead", "Lead"]}
    )
    with pytest.raises(en.EnablementError, match="line 1, column stage: .*the stage 'Lead'"):
        en.crm(opportunities=opportunities, settings=settings)


def test_of_dated_assignments_the_last_is_shown_and_the_others_counted():
    """A rep who moved from North to South."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["X"], "rep_id": ["A"], "stage": ["Lead"]}),
        reps=pd.DataFrame(
            {"rep_id": ["A", "A"], "team": ["South", "North"], "from_on": [day(50), day(0)]}
        ),
        settings=EIGHT_SETTINGS,
    )
    assert list(crm.reps["team"]) == ["South"]
    assert "earlier assignments of a rep, not shown" in list(crm.quality.notes["note"])


def test_a_history_counts_before_the_dates_of_stages():
    """X went Lead, Qual, Lead, Qual; the dates, last entries alone, add no visit. Y has dates."""
    deals = pd.DataFrame(
        {
            "opportunity_id": ["X", "Y"],
            "stage": ["Qual", "Qual"],
            "Entered Lead": [day(20), day(1)],
            "Entered Qual": [day(30), day(5)],
        }
    )
    moves = [("X", day(at), stage) for at, stage in ((0, "Lead"), (9, "Qual"), (21, "Lead"))]
    moves.append(("X", day(31), "Qual"))
    crm = en.crm(
        opportunities=deals,
        stage_events=pd.DataFrame(moves, columns=["opportunity_id", "entered_at", "stage"]),
        settings={
            **EIGHT_SETTINGS,
            "stage_dates": {"Lead": "Entered Lead", "Qual": "Entered Qual"},
        },
    )
    entered = crm.stage_visits.groupby("opportunity_id")["entered_at"].apply(list)
    assert entered["X"] == [day(0), day(9), day(21), day(31)]
    assert entered["Y"] == [day(1), day(5)]


def test_ties_do_not_stand_in_the_order_of_the_rows():
    """Four stages in one moment, in each of the 24 orders that the rows may have."""
    steps = ["0 Won@A", "0 Prop@A", "0 Lead@A", "0 Qual@A"]
    orders = itertools.permutations(steps)
    crm = company({f"X{n:02}": (", ".join(order), 1) for n, order in enumerate(orders)})
    visits = crm.stage_visits.groupby("opportunity_id")["stage"].apply(list)
    assert len(visits) == 24
    assert all(stages == ["Lead", "Qual", "Prop"] for stages in visits)
    assert crm.closings["outcome"].eq("won").all()


DATED = 'Date entered "{} (Sales)"'


def dated(folder, *columns: tuple[str, str, str], more: dict[str, object]) -> en.CRM:
    """Two opportunities of a HubSpot list, with a column per stage: its label and two days."""
    labels = [DATED.format(label).replace('"', '""') for label, *_ in columns]
    header = ",".join(["Record ID,Deal Name,Deal Stage", *(f'"{label}"' for label in labels)])
    rows = [",".join([f"{n + 1},X,Qual", *(days[n] for _, *days in columns)]) for n in range(2)]
    (folder / "deals.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return en.load(folder, {"stages": ["Lead", "Qual"], "outcomes": {"Won": "won"}, **more})


def test_dates_of_a_stage_that_the_settings_do_not_know_stop_it(tmp_path):
    """Two have a day for Demo, one for Trial: both are listed, with the line that leaves out."""
    columns = [
        ("Lead", "2026-01-01", "2026-01-02"),
        ("Demo", "2026-01-03", "2026-01-04"),
        ("Trial", "", "2026-01-05"),
        ("Never", "", ""),
    ]
    with pytest.raises(SettingsError) as told:
        dated(tmp_path, *columns, more={})
    assert str(told.value) == (
        'deals.csv, line 2, column Date entered "Demo (Sales)": settings does not know the stage '
        "'Demo'. Known: Lead, Qual, Won. To add, to stages or to [outcomes]: 'Demo' (2 rows), "
        '\'Trial\' (1 row). If its dates are not wanted: [stage_dates] "Demo" = "".'
    )


def test_dates_that_are_not_wanted_are_left_out_and_counted(tmp_path):
    """Three days in two columns; Lead's two days make the visits."""
    columns = [
        ("Lead", "2026-01-01", "2026-01-02"),
        ("Demo", "2026-01-03", "2026-01-04"),
        ("Trial", "", "2026-01-05"),
    ]
    crm = dated(tmp_path, *columns, more={"stage_dates": {"Demo": "", "Trial": ""}})
    note = f"dates of stages left out, as settings says: {DATED.format('Demo')}, "
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    assert notes[note + DATED.format("Trial")] == 3
    assert set(crm.stage_events["stage"]) == {"Lead", "Qual"}
    assert list(crm.stage_visits["stage"]) == ["Lead", "Qual"] * 2


def test_dates_of_a_stage_under_its_earlier_name_are_read(tmp_path):
    """The column is still called after Intro, which is Lead today."""
    renamed = [{"from": "Intro", "to": "Lead"}]
    crm = dated(tmp_path, ("Intro", "2026-01-01", ""), more={"renamed_stages": renamed})
    assert [stage for stage, _, _ in stays(crm, "1")] == ["Lead", "Qual"]


def test_dates_of_another_pipeline_are_counted(tmp_path):
    """One that is in Sales has a day in a column of Renewals: no visit, and told."""
    header = 'Record ID,Deal Name,Deal Stage,Pipeline,"Date entered ""Lead (Renewals)"""'
    (tmp_path / "deals.csv").write_text(f"{header}\n1,X,Lead,Sales,2026-01-01\n", encoding="utf-8")
    pipelines = {name: {"stages": ["Lead"]} for name in ("Sales", "Renewals")}
    crm = en.load(tmp_path, {"pipelines": pipelines, "outcomes": {"Won": "won"}})
    notes = dict(zip(crm.quality.notes["note"], crm.quality.notes["rows"], strict=True))
    told = "dates of stages left out, because the pipeline has no such stage: "
    assert notes[f'{told}Date entered "Lead (Renewals)"'] == 1
    assert crm.stage_events["origin"].tolist() == ["derived"]


def test_dates_of_stages_by_id_are_read_by_the_stages_names(tmp_path):
    """Fivetran's columns are called after ids, which another table names."""
    (tmp_path / "deal.csv").write_text(
        "deal_id,deal_pipeline_stage_id,property_dealname,property_hs_v2_date_entered_77,"
        "_fivetran_synced\n1,78,X,2026-01-01,2026-02-01\n"
    )
    (tmp_path / "deal_pipeline_stage.csv").write_text(
        "stage_id,label,pipeline_id,_fivetran_synced\n77,Lead,p,2026-02-01\n78,Qual,p,2026-02-01\n"
    )
    crm = en.load(tmp_path, {"stages": ["Lead", "Qual"], "outcomes": {"Won": "won"}})
    assert [stage for stage, _, _ in stays(crm, "1")] == ["Lead", "Qual"]


def test_a_present_stage_that_no_event_tells_belongs_to_who_had_the_one_before():
    """A had it in Lead by the history; the list shows it in Qual, and B as its owner."""
    crm = en.crm(
        opportunities=pd.DataFrame({"opportunity_id": ["D1"], "stage": ["Qual"], "rep_id": ["B"]}),
        stage_events=pd.DataFrame(
            {"opportunity_id": ["D1"], "stage": ["Lead"], "rep_id": ["A"], "entered_at": [day(0)]}
        ),
        settings=EIGHT_SETTINGS,
    )
    assert stays(crm, "D1") == [("Lead", "A", "advanced"), ("Qual", "A", "open")]


def test_the_last_stage_as_one_number_is_that_of_the_last_moment():
    """Of 3,000 steps with ties and without days, in DuckDB both ways."""
    with Store() as store:
        store.run(
            "create table steps as select (hash(k) % 300)::int as n, (1 + hash(k + 7) % 32766)"
            "::smallint as code, case when k % 5 > 0 then timestamp '1900-01-01' + "
            "interval (hash(k + 9) % 20) month end as entered_at from range(3000) r(k)"
        )
        found = store.one(
            "select count(*) as n, count(*) filter (one is distinct from other) as apart from "
            f"(select {visits.LAST} as one, {visits.QUICK_LAST} as other from steps group by n)"
        )
    assert found["n"] > 250
    assert found["apart"] == 0
