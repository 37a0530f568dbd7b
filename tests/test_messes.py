"""Messes that can be counted: what is planted is all that is wrong, in every CRM and format.

Files are read back by the csv module and by calamine, never by the package.
"""

import csv
import gzip
import io
import json
import re
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

import enablement as en
from enablement.errors import EnablementError
from enablement.world import messes, shapes, simulate

FORMS = [(crm, form) for crm in messes.NAMES for form in shapes.FORMATS
         if (crm, form) != ("hubspot", "report")]  # fmt: skip
SPELT = {
    "semicolons in cp1252": (";", "cp1252"),
    "UTF-16 with tabs": ("\t", "utf-16"),
    "byte order mark": (",", "utf-8-sig"),
    "semicolons": (";", "utf-8"),
    "tabs": ("\t", "utf-8"),
    "pipes": ("|", "utf-8"),
    "cp1252": (",", "cp1252"),
    "UTF-16": (",", "utf-16"),
}
WHOLE = {
    *SPELT, "broken line", "footer of a report", "cover sheet", "title lines", "blank lines",
    "line ends of Windows", "everything quoted", "workbook named csv", "gzip named csv",
    "sheets before and after",
}  # fmt: skip


@pytest.fixture(scope="module")
def world():
    """20 reps over 6 quarters."""
    return simulate(31, reps=20, quarters=6)


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    """A clean export and one with a mess, of a CRM in a format."""
    made = {}

    def write(crm, form, mess):
        if (crm, form, mess) not in made:
            made[crm, form, mess] = tmp_path_factory.mktemp(f"{crm}_{form}")
            world.write(made[crm, form, mess], crm, format=form, mess=mess)
        return made[crm, form, mess]

    return write


@pytest.fixture(scope="module")
def with_one(world, tmp_path_factory):
    """An export of a CRM with one kind of defect, written once for all who look at it."""
    made = {}

    def write(kind, crm="salesforce"):
        if (crm, kind) not in made:
            made[crm, kind] = tmp_path_factory.mktemp(crm)
            world.write(made[crm, kind], crm, mess=3, defects=(kind,))
        return made[crm, kind]

    return write


def planted_in(folder):
    return json.loads((folder / "planted.json").read_text(encoding="utf-8"))


def lines_of(folder, place, kinds=()):
    """Every line of a file or sheet as cells of text, read without the package."""
    name, _, part = place.partition(", ")
    held = (folder / name).read_bytes()
    if part and name.endswith(".zip"):
        held = zipfile.ZipFile(io.BytesIO(held)).read(part)
    if held[:2] == b"PK":
        sheet = part.removeprefix("sheet ") or name.rsplit(".", 1)[0]
        book = CalamineWorkbook.from_filelike(io.BytesIO(held))
        rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        return [["" if cell == "" else str(cell) for cell in row] for row in rows]
    if held[:2] == b"\x1f\x8b":
        held = gzip.decompress(held)
    delimiter, encoding = next((SPELT[kind] for kind in kinds if kind in SPELT), (",", "utf-8"))
    return list(csv.reader(io.StringIO(held.decode(encoding), newline=""), delimiter=delimiter))


def table_of(lines, records):
    """The table in the lines: from the first line of many cells, so many records."""
    full = [sum(map(bool, line)) for line in lines]
    top = next(k for k, cells in enumerate(full) if cells > 3)
    rows = [line for line in lines[top + 1 :] if line][:records]
    return pd.DataFrame(rows, columns=lines[top], dtype="str")


def both_of(folder, crm, form, place):
    """The clean and the messy table of a file, and what was planted in it."""
    clean, messy = folder(crm, form, None), folder(crm, form, 7)
    planted = [each for each in planted_in(messy) if each["file"] == place]
    before = lines_of(clean, place)
    size = clean_size(folder, crm, place)
    added = sum(each["rows_added"] for each in planted if each["kind"] not in WHOLE)
    kinds = [each["kind"] for each in planted]
    after = table_of(lines_of(messy, place, kinds), size + added)
    return table_of(before, size), after, planted


TIMES = ("CreatedDate", "Last Modified")
"""The last of those clicked through keeps its time."""
FOLLOW = ("From Stage", "Account Name")
"""In reports: what comes from another record, and changes with it."""
REPORTED = {"Opportunities": "Opportunity", "Opportunity History": "OpportunityHistory",
            "Opportunity Field History": "OpportunityFieldHistory"}  # fmt: skip


def clean_size(folder, crm, place):
    """Records of a table in the plain export."""
    name = place.split(", ")[-1].removeprefix("sheet ").split(".")[0]
    name = REPORTED.get(name, name)
    return len(lines_of(folder(crm, "csv", None), f"{name}.csv")) - 1


def places(folder, crm, form):
    return list(dict.fromkeys(each["file"] for each in planted_in(folder(crm, form, 7))))


# ---- all at once --------------------------------------------------------------------------------


@pytest.mark.parametrize(("crm", "form"), FORMS)
def test_a_mess_has_every_kind(folder, crm, form):
    """Each kind once and in some row, line or column of a file that is there."""
    planted = planted_in(folder(crm, form, 7))
    assert sorted(each["kind"] for each in planted) == sorted(messes.usual(crm, form))
    assert all(each["count"] > 0 for each in planted)
    for place in places(folder, crm, form):
        assert (folder(crm, form, 7) / place.split(", ")[0]).is_file(), place


@pytest.mark.parametrize("form", [form for crm, form in FORMS if crm == "hubspot"])
def test_settings_find_the_engagements_in_any_format(folder, form):
    """The columns of activities are found by their headers alone, packed or in a workbook."""
    clean = folder("hubspot", form, None)
    said = tomllib.loads((clean / "settings.toml").read_text(encoding="utf-8"))
    headers = lines_of(folder("hubspot", "csv", None), "hubspot-engagements.csv")[0]
    assert set(said["columns"]["activities"].values()) <= set(headers)
    assert len(en.load(clean).activities) == clean_size(
        folder, "hubspot", "hubspot-engagements.csv"
    )


@pytest.mark.parametrize(("crm", "form"), FORMS)
def test_what_is_planted_is_all_that_is_wrong(folder, crm, form):
    """Record by record and column by column, a messy file differs from the clean as listed."""
    for place in places(folder, crm, form):
        before, after, planted = both_of(folder, crm, form, place)
        size = len(before) + sum(e["rows_added"] for e in planted if e["kind"] not in WHOLE)
        assert len(after) == size, place
        kept = before[there(before, after, planted)].reset_index(drop=True)
        added = [row for e in planted if e["rows_added"] > 0 for row in e["rows"]]
        assert sorted(added) == list(range(len(kept) + 1, size + 1)), place
        headers = {e["column"]: e["column"] for e in planted if e["column"]}
        for number, column in enumerate(kept.columns):
            listed = {row for e in planted if e["column"] == after.columns[number]
                      for row in e["rows"]}  # fmt: skip
            if any(e["column"] == column and not e["rows"] for e in planted):
                continue  # every record of the column
            differs = kept[column] != after[after.columns[number]].iloc[: len(kept)]
            changed = set(np.flatnonzero(differs) + 1)
            if column in FOLLOW:
                continue
            assert changed <= listed, (place, column)
            if column not in TIMES:
                assert changed == listed, (place, column)
        assert set(headers) <= set(after.columns), place


def there(before, after, planted):
    """Which records of the clean file are still in the messy one."""
    gone = [e for e in planted if e["rows_added"] < 0]
    if not gone:
        return np.ones(len(before), dtype=bool)
    if gone[0]["ids"] and "Id" in before:
        return ~before["Id"].isin(gone[0]["ids"]).to_numpy()
    key = next(name for name in ("OpportunityId", "Opportunity ID", "Record ID") if name in before)
    short = set(after[key].str.slice(0, 15))
    return before[key].str.slice(0, 15).isin(short).to_numpy()


@pytest.mark.parametrize("crm", messes.NAMES)
def test_a_row_has_at_most_one_defect(folder, crm):
    """No record is listed for two kinds, but where a whole column is meant."""
    planted = planted_in(folder(crm, "csv", 7))
    for place in places(folder, crm, "csv"):
        rows = [row for e in planted if e["file"] == place for row in e["rows"]]
        assert len(rows) == len(set(rows)), place


def test_effects_are_what_is_counted_more(folder):
    """Opportunities, wins and their amount, counted without thought, differ by the effects."""
    messy, clean = folder("salesforce", "csv", 7), folder("salesforce", "csv", None)
    effects = [e["effect"] for e in planted_in(messy)]
    total = {name: sum(e.get(name, 0) for e in effects) for e in effects for name in e}
    size = clean_size(folder, "salesforce", "Opportunity.csv")
    before = table_of(lines_of(clean, "Opportunity.csv"), size)
    after = table_of(lines_of(messy, "Opportunity.csv"), size + int(total["opportunities"]))
    assert total["opportunities"] == 24
    for stage, name in (("Closed Won", "won"), ("Closed Lost", "lost")):
        seen = (after["StageName"] == stage).sum() - (before["StageName"] == stage).sum()
        assert seen == total[name]
    won = [pd.to_numeric(t["Amount"][t["StageName"] == "Closed Won"], errors="coerce").sum()
           for t in (before, after)]  # fmt: skip
    assert won[1] - won[0] == pytest.approx(total["won_amount"])


def test_the_lines_around_the_rows_are_the_listed_ones(folder):
    """After the last record stand the broken lines and the footer, and nothing else."""
    messy = folder("salesforce", "csv", 7)
    lines = lines_of(messy, "OpportunityHistory.csv")
    assert [line[0] for line in lines[-2:]] == ["008Qy0000BROKEN", "008Qy0000BROKE2"]
    lines = lines_of(messy, "Opportunity.csv")
    size = clean_size(folder, "salesforce", "Opportunity.csv") + 24
    assert lines[size + 1 :] == [
        [], [], [f"Grand Totals ({size} records)"], [],
        ["Confidential Information - Do Not Distribute"],
        ["Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."],
    ]  # fmt: skip


def test_workbooks_have_a_cover_sheet(folder):
    """The table is not on the first sheet."""
    for form, name in (("xlsx", "Opportunity.xlsx"), ("workbook", "export.xlsx")):
        book = CalamineWorkbook.from_path(folder("salesforce", form, 7) / name)
        assert book.sheet_names[:2] == ["About", "Opportunity"]


def test_a_mess_is_read_to_the_end(folder):
    """The reader counts every line: used and set aside add up to what the file holds."""
    messy = folder("salesforce", "csv", 7)
    crm = en.load(messy)
    summary = crm.quality.summary.set_index("file")
    assert (summary["rows_in"] == summary["used"] + summary["set_aside"]).all()
    assert summary.loc["OpportunityHistory.csv", "set_aside"] > 0
    assert summary.loc["User.csv", "rows_in"] == clean_size(folder, "salesforce", "User.csv")


@pytest.mark.parametrize(("crm", "form"), [("salesforce", "csv"), ("hubspot", "workbook")])
def test_the_same_mess_twice(world, folder, tmp_path, crm, form):
    """A seed plants the same defects in the same rows; another seed in others."""
    messy = folder(crm, form, 7)
    world.write(tmp_path, crm, format=form, mess=7)
    for path in sorted(messy.iterdir()):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
    world.write(tmp_path, crm, format=form, mess=8)
    assert planted_in(tmp_path) != planted_in(messy)


# ---- one at a time ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crm", "kind"), [(crm, kind) for crm in messes.NAMES for kind in messes.on_request(crm)]
)
def test_a_defect_on_request(with_one, folder, crm, kind):
    """Each changes the file that it lists by as many records as it says, and its column alone."""
    clean, messy = folder(crm, "csv", None), with_one(kind, crm)
    (planted,) = planted_in(messy)
    assert planted["count"] > 0
    place = planted["file"]
    before = table_of(lines_of(clean, place), 10**6)
    after = table_of(lines_of(messy, place, [kind]), len(before) + planted["rows_added"])
    assert len(after) == len(before) + planted["rows_added"]
    several = {"no ids", "owners by name, two alike", "merged opportunities"}
    if kind == "workbook named csv":
        name = place.replace(".csv", ".xlsx")
        assert after.equals(table_of(lines_of(folder(crm, "xlsx", None), name), len(before)))
    elif kind in WHOLE:
        assert after.equals(before)
    elif kind not in several and list(before) == list(after) and not planted["rows_added"]:
        changed = (before != after).any(axis=1)
        assert changed.sum() == planted["count"]
        assert [c for c in before if (before[c] != after[c]).any()] == [planted["column"]]
        assert not planted["rows"] or (np.flatnonzero(changed) + 1).tolist() == planted["rows"]
    others = {path.name for path in clean.iterdir()} - {place}
    for name in () if kind in several else others:
        assert (clean / name).read_bytes() == (messy / name).read_bytes(), name


FORMS_OF = {
    "decimal comma": (r"\d{1,3}(\.\d{3})*,\d\d", "Opportunity", "Amount"),
    "decimal comma with a currency sign": (r"\d{1,3}(\.\d{3})*,\d\d €", "Opportunity", "Amount"),
    "thousands with spaces": (r"\d{1,3}(\u202f\d{3})*,\d\d", "Opportunity", "Amount"),
    "accounting form": (r" \$\d{1,3}(,\d{3})*\.\d\d ", "Opportunity", "Amount"),
    "percent sign": (r"\d+%", "Opportunity", "Probability"),
    "Excel day numbers": (r"4\d{4}|", "Account", "First_Won__c"),
    "Excel times": (r"4\d{4}\.\d+", "OpportunityHistory", "CreatedDate"),
    "European dates": (r"\d\d\.\d\d\.\d{4}", "Opportunity", "CloseDate"),
    "dates with month names": (r"\d\d [A-Z][a-z]{2} \d{4}", "Opportunity", "CloseDate"),
    "two-digit years": (r"\d\d/\d\d/\d\d", "User", "Hire_Date__c"),
    "US dates": (r"[1-9]\d?/[1-9]\d?/\d{4}", "User", "Hire_Date__c"),
    "unpadded hours": (r"[1-9]\d?/[1-9]\d?/\d{4} [1-9]\d?:\d\d [AP]M", "Opportunity",
                       "CreatedDate"),
    "ambiguous dates": (r"(0\d|1[0-2])/(0\d|1[0-2])/\d{4}", "OpportunityFieldHistory",
                        "CreatedDate"),
    "times with an offset": (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+02:00", "OpportunityHistory",
                             "CreatedDate"),
    "yes and no in words": ("Ja|Nein", "Opportunity", "IsClosed"),
    "yes and no as numbers": ("0|1", "Opportunity", "IsClosed"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMS_OF)
def test_a_column_in_another_form(with_one, kind):
    """Every value of the column has the form, and the count says so."""
    form, name, column = FORMS_OF[kind]
    messy = with_one(kind)
    values = table_of(lines_of(messy, f"{name}.csv"), 10**6)[column]
    assert values.str.fullmatch(form).all()
    (planted,) = planted_in(messy)
    assert planted["count"] == (values != "").sum()


def test_day_numbers_are_excels(world, folder, tmp_path):
    """46,000 is 2025-12-09, as in a spreadsheet."""
    world.write(tmp_path, mess=3, defects=("Excel day numbers", "Excel times"))
    columns = {"Account": ("First_Won__c", "%Y-%m-%d"),
               "OpportunityHistory": ("CreatedDate", "%Y-%m-%dT%H:%M:%SZ")}  # fmt: skip
    for name, (column, form) in columns.items():
        clean, messy = (
            table_of(lines_of(each, f"{name}.csv"), 10**6)[column]
            for each in (folder("salesforce", "csv", None), tmp_path)
        )
        days = pd.to_numeric(messy[messy != ""])
        back = pd.Timestamp("1899-12-30") + pd.to_timedelta(days, unit="D")
        assert back.dt.round("s").dt.strftime(form).tolist() == clean[clean != ""].tolist()
    assert pd.Timestamp("1899-12-30") + pd.Timedelta(days=46_000) == pd.Timestamp("2025-12-09")


@pytest.mark.parametrize("crm", messes.NAMES)
def test_owners_by_name_are_ambiguous_where_listed(with_one, crm):
    """Two reps have one name; the opportunities under it are counted."""
    messy = with_one("owners by name, two alike", crm)
    (planted,) = planted_in(messy)
    names = messes.NAMES[crm]
    staff = table_of(lines_of(messy, f"{names.files['reps']}.csv"), 10**6)
    alike = staff["Name"][staff["Name"].duplicated()]
    assert len(alike) == 1
    keys = staff[names.columns["reps"]["key"]][staff["Name"].isin(alike)]
    assert sorted(planted["ids"]) == sorted(keys)
    held = table_of(lines_of(messy, planted["file"]), 10**6)[planted["column"]]
    assert set(held) <= set(staff["Name"])
    assert planted["count"] == planted["effect"]["ambiguous"] == held.isin(alike).sum() > 0


def test_without_ids_there_is_no_history(with_one):
    """A list without ids, and nothing that would need them."""
    messy = with_one("no ids")
    assert lines_of(messy, "Opportunity.csv")[0][:2] == ["AccountId", "Name"]
    assert not (messy / "OpportunityHistory.csv").exists()
    assert not (messy / "OpportunityFieldHistory.csv").exists()


def test_merged_opportunities_say_into_which(with_one):
    """Salesforce keeps the doubles deleted; HubSpot keeps their ids and their history."""
    messy = with_one("merged opportunities")
    held = table_of(lines_of(messy, "Opportunity.csv"), 10**6)
    gone = held[held["IsDeleted"] == "true"]
    (planted,) = planted_in(messy)
    assert gone["Id"].tolist() == planted["ids"]
    assert set(gone["MasterRecordId"]) <= set(held["Id"][held["IsDeleted"] == "false"])
    messy = with_one("merged opportunities", "hubspot")
    deals = table_of(lines_of(messy, "hubspot-deals.csv"), 10**6)
    (planted,) = planted_in(messy)
    assert sorted(filter(None, deals["Merged record IDs"])) == sorted(planted["ids"])
    tall = table_of(lines_of(messy, "hubspot-property-history.csv"), 10**6)
    assert set(planted["ids"]) <= set(tall["Record ID"])
    assert tall["Record ID"].isin(planted["ids"]).sum() == planted["rows_added"]


@pytest.mark.parametrize("kind", ["lost ones filtered out", "one owner only", "one year only"])
def test_a_filter_says_what_is_gone(with_one, folder, kind):
    """Fewer records as listed, and the effect on what is counted."""
    messy = with_one(kind)
    (planted,) = planted_in(messy)
    held = table_of(lines_of(messy, "Opportunity.csv"), 10**6)
    size = clean_size(folder, "salesforce", "Opportunity.csv")
    assert planted["effect"]["opportunities"] == len(held) - size == planted["rows_added"]
    assert not set(planted["ids"]) & set(held["Id"])
    alone = {"one owner only": held["OwnerId"], "one year only": held["CloseDate"].str[:4]}
    if kind in alone:
        assert alone[kind].nunique() == 1
    else:
        assert "Closed Lost" not in set(held["StageName"])
        assert planted["effect"]["lost"] == planted["rows_added"]


def test_a_renamed_stage_says_until_when(with_one):
    """Until the day the old name stands, from it on the new one."""
    messy = with_one("renamed stage")
    (planted,) = planted_in(messy)
    until = planted["note"].split()[1]
    history = table_of(lines_of(messy, "OpportunityHistory.csv"), 10**6)
    at = history["CreatedDate"]
    assert (at[history["StageName"] == "Quote Sent"] < until).all()
    assert (at[history["StageName"] == "Proposal"] >= until).all()
    assert planted["note"].endswith("Quote Sent was what Proposal is")


def test_hubspot_stages_with_a_space(folder):
    """In the column and in the headers of the dates."""
    deals = lines_of(folder("hubspot", "csv", 7), "hubspot-deals.csv", ["byte order mark"])
    assert 'Date entered "Proposal  (Sales Pipeline)"' in deals[0]
    assert "Proposal " in {line[deals[0].index("Deal Stage")] for line in deals[1:]}


# ---- what is asked for wrongly ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"defects": ("owner mising",)}, "Did you mean 'owner missing'"),
        ({"defects": ("cover sheet",)}, "No defect 'cover sheet' here"),
        ({"crm": "hubspot", "defects": ("clicked through at once",)}, "No defect"),
        ({"defects": ("semicolons", "pipes")}, "'pipes' cannot be planted in Opportunity"),
    ],
)
def test_a_defect_that_cannot_be_is_refused(world, tmp_path, given, says):
    """The message names the kind and what there is."""
    with pytest.raises(EnablementError, match=says):
        world.write(tmp_path, **{"mess": 1, **given})


# ---- the dictionary -----------------------------------------------------------------------------


def test_the_dictionary_names_every_kind_and_key(folder):
    """What data/README.md lists is what can be planted, and what stands in planted.json."""
    told = (Path(__file__).parents[1] / "data" / "README.md").read_text(encoding="utf-8")
    told = told.split("## What a mess has")[1]
    usual, asked = (
        {kind for crm, form in FORMS for kind in kinds(crm, form)}
        for kinds in (messes.usual, messes.on_request)
    )
    lists = [line.rstrip(".").split("; ") for line in told.splitlines() if line.endswith(".")]
    assert set(lists[-2]) == usual
    assert set(lists[-1]) == asked - usual
    for key in planted_in(folder("salesforce", "csv", 7))[0]:
        assert key in told, key


def test_the_dictionary_names_every_column_of_hubspot(folder):
    """Each header of each file, those of the stages by their pattern."""
    told = (Path(__file__).parents[1] / "data" / "README.md").read_text(encoding="utf-8")
    lines = {line.split(" | ")[0].strip("| "): line for line in told.splitlines()}
    for name in messes.NAMES["hubspot"].files.values():
        for header in lines_of(folder("hubspot", "csv", None), f"{name}.csv")[0]:
            general = re.sub('".* \\(.*\\)"', '"Stage (Pipeline)"', header)
            assert f"`{general}`" in lines[f"{name}.csv"], header
