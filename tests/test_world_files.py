"""What the invented company writes: every format, two CRMs, snapshots."""

import csv
import datetime as dt
import gzip
import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

import enablement as en
from enablement.errors import EnablementError
from enablement.world import messes, shapes, simulate
from enablement.world.canonical import settings
from enablement.world.files import to_csv
from enablement.world.formats import ids
from enablement.world.parameters import PIPELINES, STAGES


@pytest.fixture(scope="module")
def world():
    """20 reps over 6 quarters."""
    return simulate(31, reps=20, quarters=6)


@pytest.fixture(scope="module")
def clean(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    world.write(folder)
    return folder


def read(folder, name, **how):
    how = {"dtype": str, "keep_default_na": False, **how}
    return pd.read_csv(folder / f"{name}.csv", **how)


# ---- text ---------------------------------------------------------------------------------------


def test_csv_quotes_what_must_be_quoted(tmp_path):
    """Commas, quotes and line breaks survive; missing is empty; whole numbers have no point."""
    table = pd.DataFrame(
        {"a,b": ['plain', 'say "no"', "x,y", "two\nlines", None], "n": [1.0, 2.0, None, 4.0, 5.0],
         "f": [0.5, 1.25, 3.0, None, 1 / 3]}
    )  # fmt: skip
    to_csv(table, tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_bytes()
    assert text.count(b"\r") == 0
    assert list(csv.reader(io.StringIO(text.decode()))) == [
        ["a,b", "n", "f"],
        ["plain", "1", "0.5"],
        ['say "no"', "2", "1.25"],
        ["x,y", "", "3"],
        ["two\nlines", "4", ""],
        ["", "5", "0.3333"],
    ]


def test_ids_are_those_of_salesforce():
    """15 characters that differ by case, and 3 that hold the case: equal without case never."""
    made = ids("Opportunity", np.arange(50_000))
    assert made.str.fullmatch(r"006[0-9A-Za-z]{12}[A-Z0-5]{3}").all()
    assert made.str.lower().is_unique
    example = made[49_999]
    for part in range(3):
        five = example[5 * part : 5 * part + 5]
        place = sum(1 << k for k, sign in enumerate(five) if sign.isupper())
        assert example[15 + part] == "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[place]
    assert ids("User", np.array([3, -1])).isna().tolist() == [False, True]


def test_the_bytes_do_not_depend_on_the_processor(world, tmp_path, clean):
    """Without vector instructions logarithms differ in the last bit; the files do not."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    code = (
        "from enablement.world import simulate\n"
        f"simulate(31, reps=20, quarters=6).write({str(tmp_path)!r})\n"
    )
    slow = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(found)}
    subprocess.run([sys.executable, "-c", code], env=slow, check=True)
    for path in sorted(clean.iterdir()):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


# ---- our own tables -----------------------------------------------------------------------------


def test_parquet_holds_the_tables_with_their_types(world, tmp_path):
    """What is read back is what the world holds."""
    world.write(tmp_path, "tables", format="parquet")
    for name, table in world.tables.items():
        back = pd.read_parquet(tmp_path / f"{name}.parquet")
        pd.testing.assert_frame_equal(back, table, check_dtype=False)
        assert (back.dtypes.astype(str) == table.dtypes.astype(str)).all(), name


def test_own_tables_load_like_the_crm(world, tmp_path):
    """The same company through our own column names gives the same conversion."""
    world.write(tmp_path, "tables")
    crm = en.load(tmp_path, settings=settings(world))
    assert (crm.quality.summary["set_aside"] == 0).all()
    pd.testing.assert_frame_equal(
        en.conversion(crm, as_of="2026-09-30"), en.conversion(world.crm, as_of="2026-09-30")
    )


def test_only_some_tables(world, tmp_path):
    """Large companies are written without what is not needed."""
    files = world.write(tmp_path, "tables", only=("opportunities", "stage_events"))
    assert sorted(path.name for path in files) == ["opportunities.csv", "stage_events.csv"]
    with pytest.raises(EnablementError, match="needs reps, accounts"):
        world.write(tmp_path, only=("opportunities", "stage_events"))


# ---- HubSpot ------------------------------------------------------------------------------------


def test_hubspot_keeps_the_last_date_per_stage(world, tmp_path):
    """One row per deal; date entered and left of the last visit; hours over 24."""
    world.write(tmp_path, "hubspot")
    deals = read(tmp_path, "hubspot-deals")
    assert len(deals) == len(world.made.time)
    assert deals["Record ID"].is_unique
    events = world.tables["stage_events"]
    keys = world.tables["opportunities"]["opportunity_id"]
    changed = events["stage"].ne(events.groupby("opportunity_id")["stage"].shift())
    for stage in (*STAGES, "Closed Won", "Closed Lost"):
        last = events[changed & (events["stage"] == stage)].groupby("opportunity_id")["entered_at"]
        wanted = last.max().reindex(keys).dt.strftime("%Y-%m-%d %H:%M").fillna("").tolist()
        assert deals[f'Date entered "{stage} (Sales Pipeline)"'].tolist() == wanted
    spent = deals['Cumulative time in "Proposal (Sales Pipeline)" (HH:mm:ss)']
    assert spent[spent != ""].str.fullmatch(r"\d{2,}:\d{2}:\d{2}").all()
    assert spent.str.split(":").str[0].replace("", "0").astype(int).max() > 100


def test_hubspot_names_owners_and_numbers_everything(world, tmp_path):
    """Owners stand by name; the plain tables use HubSpot's numbers."""
    world.write(tmp_path, "hubspot")
    deals, users = read(tmp_path, "hubspot-deals"), read(tmp_path, "hubspot-users")
    assert set(deals["Deal owner"]) <= set(users["Name"])
    quotas, done = read(tmp_path, "quotas"), read(tmp_path, "hubspot-engagements")
    assert set(quotas["rep_id"]) <= set(users["User ID"])
    assert set(done["Associated Deal IDs"]) <= {"", *deals["Record ID"]}
    names = users.set_index("User ID")["Name"]
    assert done["Activity assigned to"].eq(done["Activity owner ID"].map(names)).all()
    held = world.tables["activities"]
    assert done["Activity type"].str.lower().tolist() == held["type"].tolist()
    assert (done["Activity outcome"] == "No show").sum() == (held["status"] == "no-show").sum()
    held = world.tables["opportunities"]
    assert deals["Amount"].astype(float).sum() == held["amount"].sum()


def test_hubspot_has_the_history_of_four_properties(world, tmp_path):
    """One row per change: what stands last is what the wide file says, and none repeats."""
    world.write(tmp_path, "hubspot")
    deals = read(tmp_path, "hubspot-deals").set_index("Record ID")
    tall = read(tmp_path, "hubspot-property-history")
    assert list(tall) == ["Record ID", "Property", "Value", "Timestamp", "Source"]
    both = tall.groupby(["Record ID", "Property"])
    assert not tall["Value"].eq(both["Value"].shift()).any()
    last = both["Value"].last().unstack()
    assert last.index.tolist() == deals.index.tolist()
    for name in ("Deal Stage", "Amount", "Deal owner"):
        assert last[name].tolist() == deals[name].tolist(), name
    assert last["Close Date"].tolist() == deals["Close Date"].str.slice(0, 10).tolist()
    events = world.tables["stage_events"]
    moved = events["stage"].ne(events.groupby("opportunity_id")["stage"].shift()).sum()
    assert (tall["Property"] == "Deal Stage").sum() == moved
    assert tall.groupby("Record ID")["Timestamp"].is_monotonic_increasing.all()


def test_hubspot_has_columns_for_the_stages_of_each_pipeline(tmp_path):
    """Negotiation stands in two pipelines, and each deal has dates in its own alone."""
    world = simulate(5, reps=20, quarters=4, apart=("Renewals", "Partner Pipeline"), cancel=0.05)
    world.write(tmp_path, "hubspot")
    deals = read(tmp_path, "hubspot-deals")
    assert set(deals["Pipeline"]) == set(PIPELINES)
    for name, stages in PIPELINES.items():
        others = deals[deals["Pipeline"] != name]
        for stage in (*stages, "Closed Won", "Closed Lost", "Cancelled"):
            assert (others[f'Date entered "{stage} ({name})"'] == "").all()
    off = deals[deals["Deal Stage"] == "Cancelled"]
    dates = off.filter(like='Date entered "Cancelled')
    assert (dates != "").sum(axis=1).eq(1).all()


# ---- formats ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def formats(world, tmp_path_factory):
    """A clean export of Salesforce in every format, by format."""
    folders = {}
    for form in shapes.FORMATS:
        folders[form] = tmp_path_factory.mktemp(form)
        world.write(folders[form], format=form)
    return folders


def test_packed_files_hold_the_same_bytes(formats, clean):
    """What is in the archive and in the compressed files is what the plain files hold."""
    with zipfile.ZipFile(formats["zip"] / "export.zip") as archive:
        names = archive.namelist()
        assert sorted(names) == sorted(f"{name}.csv" for name in messes.NAMES["salesforce"].files
                                       .values())  # fmt: skip
        for name in names:
            assert archive.read(name) == (clean / name).read_bytes(), name
            packed = (formats["gzip"] / f"{name}.gz").read_bytes()
            assert gzip.decompress(packed) == (clean / name).read_bytes(), name
            assert (formats["csv"] / name).read_bytes() == (clean / name).read_bytes(), name


def test_workbooks_hold_the_same_with_types(formats, clean):
    """Numbers are numbers, days and times are dates, ids stay text."""
    book = CalamineWorkbook.from_path(formats["workbook"] / "export.xlsx")
    assert book.sheet_names == list(messes.NAMES["salesforce"].files.values())
    for name in book.sheet_names:
        alone = CalamineWorkbook.from_path(formats["xlsx"] / f"{name}.xlsx")
        rows = alone.get_sheet_by_name(name).to_python()
        assert rows == book.get_sheet_by_name(name).to_python()
        text = list(csv.reader(io.StringIO((clean / f"{name}.csv").read_text(encoding="utf-8"))))
        assert [[as_text(cell) for cell in row] for row in rows] == text
    first = dict(zip(*book.get_sheet_by_name("Opportunity").to_python()[:2], strict=True))
    assert [type(first[name]) for name in ("Id", "Amount", "CloseDate", "CreatedDate", "IsWon")] \
        == [str, float, dt.date, dt.datetime, bool]  # fmt: skip


def as_text(cell):
    """A cell of a workbook as it stands in the CSV."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{cell:.4f}".rstrip("0").rstrip(".")
    if isinstance(cell, dt.datetime):
        return cell.isoformat() + "Z"
    return cell.isoformat() if isinstance(cell, dt.date) else cell


def test_a_workbook_too_long_is_refused(world, tmp_path, monkeypatch):
    """A sheet holds so many lines; the message says what would work."""
    monkeypatch.setattr(shapes, "MOST_ROWS", 1000)
    with pytest.raises(EnablementError, match='with format="csv"'):
        world.write(tmp_path, format="workbook")


def test_a_report_has_titles_a_footer_labels_and_names(formats, clean):
    """The footer counts the records; ids are cut, owners are names, dates are American."""
    lines = (formats["report"] / "Opportunities.csv").read_text(encoding="utf-8").split("\n")
    held = read(clean, "Opportunity")
    assert lines[0] == '"Opportunities"'
    assert lines[4] == ""
    assert lines[-4:] == ['', '"Confidential Information - Do Not Distribute"',
                          '"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."',
                          ""]  # fmt: skip
    assert f'"Grand Totals ({len(held)} records)"' in lines
    table = pd.read_csv(formats["report"] / "Opportunities.csv", skiprows=5, nrows=len(held),
                        dtype=str, keep_default_na=False)  # fmt: skip
    assert table["Opportunity ID"].tolist() == held["Id"].str.slice(0, 15).tolist()
    names = read(clean, "User").set_index("Id")["Name"]
    assert table["Opportunity Owner"].tolist() == held["OwnerId"].map(names).tolist()
    closes = pd.to_datetime(table["Close Date"], format="%m/%d/%Y").dt.strftime("%Y-%m-%d")
    assert closes.tolist() == held["CloseDate"].tolist()
    made = pd.to_datetime(table["Created Date"], format="%m/%d/%Y %I:%M %p")
    assert made.dt.strftime("%Y-%m-%dT%H:%M").tolist() == held["CreatedDate"].str[:16].tolist()


def test_a_report_of_the_history_says_from_which_stage(formats, clean):
    """From Stage is the stage of the row before, of the same opportunity."""
    held = read(clean, "OpportunityHistory")
    table = pd.read_csv(formats["report"] / "Opportunity History.csv", skiprows=5,
                        nrows=len(held), dtype=str, keep_default_na=False)  # fmt: skip
    assert table["To Stage"].tolist() == held["StageName"].tolist()
    before = held.groupby("OpportunityId")["StageName"].shift().fillna("")
    assert table["From Stage"].tolist() == before.tolist()
    said = (formats["report"] / "settings.toml").read_text(encoding="utf-8")
    assert 'loss_reason = "Loss Reason"' in said
    assert 'team = "Team__c"' in said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"crm": "hubspot", "format": "report"}, "Reports are of salesforce"),
        ({"crm": "tables", "format": "xlsx"}, "whole export of salesforce or hubspot"),
        ({"crm": "tables", "mess": 1}, "whole export of salesforce or hubspot"),
        ({"format": "parquet", "mess": 1}, "any format but parquet"),
        ({"crm": "tables", "snapshots": (dt.date(2026, 3, 31),)}, "Snapshots are of"),
        ({"snapshots": (dt.date(2027, 3, 31),)}, "2027-03-31 is later"),
        ({"format": "xslx"}, "Did you mean 'xlsx'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(world, tmp_path, given, says):
    """Each in a sentence that says what would."""
    with pytest.raises(EnablementError, match=says):
        world.write(tmp_path, **given)


# ---- snapshots ----------------------------------------------------------------------------------

TAKEN = (dt.date(2025, 12, 31), dt.date(2026, 3, 31), dt.date(2026, 9, 30))


def test_snapshots_are_the_state_of_their_day(world, clean, tmp_path):
    """Stage, amount and owner of the last note before; the export's own day is the export."""
    world.write(tmp_path, snapshots=TAKEN)
    events = world.tables["stage_events"]
    for day in TAKEN:
        held = read(tmp_path / "snapshots" / day.isoformat(), "Opportunity").set_index("Id")
        until = events[events["entered_at"] < pd.Timestamp(day) + pd.Timedelta(days=1)]
        last = until.groupby("opportunity_id").last()
        assert held.index.tolist() == last.index.tolist()
        assert held["StageName"].tolist() == last["stage"].tolist()
        assert held["OwnerId"].tolist() == last["rep_id"].tolist()
        assert held["Amount"].astype(float).tolist() == last["amount"].tolist()
    assert (tmp_path / "snapshots/2026-09-30/Opportunity.csv").read_bytes() == (
        clean / "Opportunity.csv"
    ).read_bytes()
    assert not (tmp_path / "OpportunityHistory.csv").exists()
    assert not (tmp_path / "OpportunityFieldHistory.csv").exists()


def test_hubspot_has_snapshots_too(world, tmp_path):
    """Deals of a day under HubSpot's headers, with the numbers that the export has."""
    world.write(tmp_path, "hubspot", snapshots=TAKEN[:1])
    then = read(tmp_path / "snapshots" / "2025-12-31", "hubspot-deals").set_index("Record ID")
    now = read(tmp_path, "hubspot-deals").set_index("Record ID")
    assert set(then.index) < set(now.index)
    there = now.loc[then.index]
    assert then["Create Date"].equals(there["Create Date"])
    assert (then["Deal Stage"] != there["Deal Stage"]).any()
    assert not (tmp_path / "hubspot-property-history.csv").exists()
