"""What the invented company writes: CSV and Parquet, two CRMs, and messes that can be counted."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import enablement as en
from enablement.errors import EnablementError
from enablement.world import messes, simulate
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


@pytest.fixture(scope="module")
def messy(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("messy")
    world.write(folder, mess=7)
    return folder


def read(folder, name, **how):
    how = {"dtype": str, "keep_default_na": False, **how}
    return pd.read_csv(folder / f"{name}.csv", **how)


HOW = {
    "Account": {"sep": ";", "encoding": "cp1252"},
    "OpportunityFieldHistory": {"sep": "\t", "encoding": "utf-16"},
    "User": {"encoding": "utf-8-sig"},
}


def read_messy(folder, name):
    """A messy file as text, without its footer and its broken lines."""
    if name in HOW:
        return read(folder, name, **HOW[name])
    text = (folder / f"{name}.csv").read_text(encoding="utf-8")
    text = text.split("\n\nGrand Totals")[0].split("008Qy0000BROKEN")[0]
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


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


# ---- messes -------------------------------------------------------------------------------------


def planted_in(folder):
    return json.loads((folder / "planted.json").read_text(encoding="utf-8"))


def test_a_mess_has_every_kind(messy):
    """Each kind once, each with a count."""
    planted = planted_in(messy)
    assert [each["kind"] for each in planted] == [*messes.DEFECTS, *messes.OF_FILES]
    assert all(each["count"] > 0 for each in planted)


@pytest.mark.parametrize("name", messes.FILES)
def test_what_is_planted_is_all_that_is_wrong(clean, messy, name):
    """Row by row and column by column, a messy file differs from the clean one as listed."""
    planted = [each for each in planted_in(messy) if each["file"] == name]
    before, after = read(clean, name), read_messy(messy, name)
    added = sum(each["rows_added"] for each in planted if each["kind"] != "broken line")
    assert len(after) == len(before) + added
    again = after.loc[after["Id"].duplicated(keep="first"), "Id"]
    twice = [i for e in planted if e["rows_added"] > 0 and "deleted" not in e["kind"]
             for i in e["ids"]]  # fmt: skip
    assert sorted(again) == sorted(twice)
    first = after.drop_duplicates("Id").set_index("Id")
    both = before.set_index("Id").reindex(first.index)
    for column in both.columns:
        changed = first.index[(first[column] != both[column]) & both[column].notna()]
        listed = [i for e in planted if e["column"] == column for i in e["ids"]]
        assert set(changed) <= set(listed), column
        if column not in ("CreatedDate",):  # the last of those clicked through keeps its time
            assert len(changed) == len(set(listed)), column


def test_a_mess_is_read_to_the_end(messy):
    """The reader counts every line: used and set aside add up to what the file holds."""
    crm = en.load(messy)
    summary = crm.quality.summary.set_index("file")
    assert (summary["rows_in"] == summary["used"] + summary["set_aside"]).all()
    assert summary.loc["OpportunityHistory.csv", "set_aside"] > 0
    assert summary.loc["User.csv", "rows_in"] == len(read_messy(messy, "User"))


def test_the_same_mess_twice(world, messy, tmp_path):
    """A seed plants the same defects in the same rows."""
    world.write(tmp_path, mess=7)
    for path in sorted(messy.iterdir()):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_chosen_defects_only(world, clean, tmp_path):
    """Some kinds alone; those that stop a reader only when named."""
    world.write(tmp_path, mess=1, defects=("owner missing", "renamed stage"))
    after = read(tmp_path, "Opportunity")
    assert (after["OwnerId"] == "").sum() == planted_in(tmp_path)[0]["count"]
    assert "Quote Sent" in set(read(tmp_path, "OpportunityHistory")["StageName"])
    with pytest.raises(EnablementError, match="Did you mean 'owner missing'"):
        world.write(tmp_path, mess=1, defects=("owner mising",))


@pytest.mark.parametrize("kind", messes.ON_REQUEST)
def test_defects_on_request(world, clean, tmp_path, kind):
    """Each changes what it lists, and nothing else."""
    world.write(tmp_path, mess=3, defects=(kind,))
    (planted,) = planted_in(tmp_path)
    assert planted["count"] > 0
    before, after = read(clean, planted["file"]), read(tmp_path, planted["file"])
    assert len(after) == len(before) + planted["rows_added"]
    if planted["column"] not in before:
        return
    both = before.set_index("Id").loc[after["Id"]].reset_index()
    changed = (both != after).any(axis=1)
    assert sorted(after.loc[changed, "Id"]) == sorted(planted["ids"])
    assert (both != after).any()[lambda some: some].index.tolist() == [planted["column"]]


def test_a_mess_is_a_salesforce_export(world, tmp_path):
    """Other shapes are refused in a sentence."""
    with pytest.raises(EnablementError, match="Salesforce export"):
        world.write(tmp_path, "hubspot", mess=1)
