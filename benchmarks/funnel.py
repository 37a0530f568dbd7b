"""How fast ten million stage events become a funnel of every rep and stage, beside the peers.

    python benchmarks/world.py --one "our tables, CSV" --into FOLDER
    python benchmarks/funnel.py FOLDER --repeat 3

The question: of each rep and stage the stays, those that moved on, the same by value, the median
days of the stays that ended, those that go on; and what each rep won and lost. Renewals are left
out. Each way runs in a process of its own, in turns, from the same Parquet files; medians of wall
time, processor time and peak memory are printed, and the counts of every way must be the same.

"by hand" is the best SQL for DuckDB that we could write for this one question: it checks nothing.
"by hand, every column" gives every column of the four tables that ours gives: what became of each
stay, quarters of the days with those that go on undecided, stays joined where they were handed
over, intervals.
"pandas" and "polars" (if it is installed) follow the same steps, with opportunities as numbers.
"as they are" takes the files by their address (`en.connect`), builds visits, and answers; "from
raw" reads them with every rule (`en.load`). "again" is the next process after either, and "new"
asks there what was not asked before, by segment. Then, in one process: one rep, one team, another
credit, another period, another definition.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STAGES = ("Prospecting", "Qualification", "Discovery", "Proposal", "Negotiation")
CLOSED = ("Closed Lost", "Closed Won")
TOLD = ("entered", "moved_on", "open", "won", "lost")
BY_HAND = """
import sys, json, duckdb
folder, stages = sys.argv[1], json.loads(sys.argv[2])
last = len(stages) - 2
listed = ", ".join(f"('{stage}', {place})" for place, stage in enumerate(stages, 1))
with duckdb.connect() as connection:
    connection.execute("set enable_progress_bar = false")
    connection.execute("set preserve_insertion_order = false")
    connection.execute(f'''
        create table o as
        select opportunity_id, row_number() over ()::integer as n, amount
        from '{folder}/opportunities.parquet' where type is distinct from 'Renewal';
        create table rep as
        select rep_id, row_number() over (order by rep_id)::smallint as r
        from (select distinct rep_id from '{folder}/stage_events.parquet');
        create table place as select stage, p::tinyint as p from (values {listed}) t(stage, p);
        create table visits as
        with coded as (
            select o.n, p.p, r.r, e.entered_at, o.amount
            from '{folder}/stage_events.parquet' e
            join o using (opportunity_id)
            join place p using (stage)
            join rep r on r.rep_id = e.rep_id
        ),
        changed as (
            select * from coded
            window w as (partition by n order by entered_at, p, r)
            qualify p is distinct from lag(p) over w
                 or (p <= {last} and r is distinct from lag(r) over w)
        )
        select n, p, r, amount, entered_at, lead(p) over w as next_p,
               lead(entered_at) over w as left_at
        from changed
        window w as (partition by n order by entered_at, p, r)
    ''')
    went_on = f"next_p > p and next_p <> {last + 1}"
    cells = connection.execute(f'''
        select rep_id, p, count(*) as entered, count(*) filter ({went_on}) as moved_on,
               sum(amount) as value, sum(amount) filter ({went_on}) as moved_value,
               count(*) filter (next_p is null) as open,
               median(date_diff('day', entered_at::date, left_at::date)) as days
        from visits join rep using (r) where p <= {last} group by rep_id, p
    ''').df()
    closed = connection.execute(f'''
        select rep_id, count(*) filter (p = {last} + 2) as won,
               count(*) filter (p = {last} + 1) as lost
        from visits join rep using (r) where p > {last} and next_p is null group by rep_id
    ''').df()
print([int(cells[name].sum()) for name in ("entered", "moved_on", "open")]
      + [int(closed[name].sum()) for name in ("won", "lost")])
"""
WHOLE = (
    BY_HAND.split("    cells = ")[0]
    + """
    fates = {
        "moved_on": went_on, "won": f"next_p = {last + 2}", "lost": f"next_p = {last + 1}",
        "back": "next_p < p", "handed_off": "next_p = p", "open": "next_p is null",
    }
    counts = ", ".join(
        f"count(*) filter ({where}) as {name}, sum(amount) filter ({where}) as {name}_value"
        for name, where in fates.items()
    )
    cells = connection.execute(f'''
        select rep_id, p, count(*) as entered, sum(amount) as value, {counts},
               count(amount) as with_amount, max(amount) as largest
        from visits join rep using (r) where p <= {last} group by rep_id, p
    ''').df()
    connection.execute(f'''
        create table handed as select distinct n from visits where next_p = p and p <= {last};
        create table clicked as select n from visits where p <= {last} group by n
            having min(p) < max(p) and min(entered_at)::date = max(entered_at)::date;
        create table stays as
        select n, p, r, entered_at, left_at, next_p is null as goes_on from visits
        where p <= {last} and n not in (from handed)
        union all
        select n, p, r, entered_at, lead(entered_at) over w, lead(p) over w is null
        from (select * from visits where n in (from handed)
              window w as (partition by n order by entered_at, p, r)
              qualify p is distinct from lag(p) over w)
        window w as (partition by n order by entered_at, p, r)
        qualify p <= {last}
    ''')
    days = "greatest(0, date_diff('day', entered_at::date, coalesce(left_at, seen)::date))"
    lengths = connection.execute(f'''
        with lasted as (
            select rep_id, p, {days} as days, count(*) as many,
                   count(*) filter (not goes_on) as ended, count(c.n) as batched
            from stays join rep using (r) left join clicked c using (n),
                 (select max(entered_at) as seen from visits)
            group by all
        ),
        alive as (
            select *, ln(greatest(1e-99, 1 - ended / sum(many) over w)) as step
            from lasted window w as (partition by rep_id, p order by days desc)
        )
        select rep_id, p, days, many, ended, batched,
               exp(sum(step) over (partition by rep_id, p order by days)) as still
        from alive
    ''').df()
    quantiles = {
        share: lengths[lengths["still"] < 1 - share + 1e-9].groupby(["rep_id", "p"])["days"].min()
        for share in (0.25, 0.5, 0.75, 0.9)
    }
    closed = connection.execute(f'''
        select rep_id, count(*) as created, count(*) filter (p = {last} + 2) as won,
               count(*) filter (p = {last} + 1) as lost, count(*) filter (p <= {last}) as open
        from visits join rep using (r) where next_p is null group by rep_id
    ''').df()
    still = connection.execute(
        f"select count(*) filter (o), count(*) from (select n, bool_or(next_p is null) as o "
        f"from visits where p <= {last} group by n)"
    ).fetchall()
from scipy.stats import beta
k, n = cells["moved_on"], cells["entered"]
low, high = beta.ppf(0.05, k + 0.5, n - k + 0.5), beta.ppf(0.95, k + 0.5, n - k + 0.5)
k, n = closed["won"], closed["won"] + closed["lost"]
low, high = beta.ppf(0.05, k + 0.5, n - k + 0.5), beta.ppf(0.95, k + 0.5, n - k + 0.5)
print([int(cells[name].sum()) for name in ("entered", "moved_on", "open")]
      + [int(closed[name].sum()) for name in ("won", "lost")])
"""
)
PANDAS = """
import sys, json, pandas as pd
folder, stages = sys.argv[1], json.loads(sys.argv[2])
last = len(stages) - 2
e = pd.read_parquet(f"{folder}/stage_events.parquet",
                    columns=["opportunity_id", "entered_at", "stage", "rep_id"])
o = pd.read_parquet(f"{folder}/opportunities.parquet",
                    columns=["opportunity_id", "type", "amount"])
o = o[o["type"] != "Renewal"]
codes = pd.Index(o["opportunity_id"]).get_indexer(e["opportunity_id"]).astype("int32")
reps, names = pd.factorize(e["rep_id"], sort=True)
e = pd.DataFrame({
    "n": codes, "at": e["entered_at"], "r": reps.astype("int16"),
    "p": e["stage"].map({stage: place for place, stage in enumerate(stages, 1)}).astype("int8"),
})
e = e[e["n"] >= 0].sort_values(["n", "at", "p", "r"], ignore_index=True)
same = e["n"].eq(e["n"].shift())
keep = ~same | e["p"].ne(e["p"].shift()) | (e["p"].le(last) & e["r"].ne(e["r"].shift()))
e = e[keep]
more = e["n"].eq(e["n"].shift(-1))
e["next_p"] = e["p"].shift(-1).where(more)
e["days"] = (e["at"].shift(-1).dt.floor("D") - e["at"].dt.floor("D")).dt.days.where(more)
e["value"] = o["amount"].to_numpy()[e["n"]]
v = e[e["p"].le(last)].copy()
v["went_on"] = v["next_p"].gt(v["p"]) & v["next_p"].ne(last + 1)
v["open"] = v["next_p"].isna()
v["moved_value"] = v["value"].where(v["went_on"])
cells = v.groupby(["r", "p"]).agg(
    entered=("n", "size"), moved_on=("went_on", "sum"), value=("value", "sum"),
    moved_value=("moved_value", "sum"), open=("open", "sum"), days=("days", "median"))
ends = e[e["p"].gt(last) & e["next_p"].isna()]
closed = ends.assign(won=ends["p"].eq(last + 2), lost=ends["p"].eq(last + 1)).groupby("r")[
    ["won", "lost"]].sum()
print([int(cells[name].sum()) for name in ("entered", "moved_on", "open")]
      + [int(closed[name].sum()) for name in ("won", "lost")])
"""
POLARS = """
import sys, json, polars as pl
folder, stages = sys.argv[1], json.loads(sys.argv[2])
last = len(stages) - 2
o = (pl.scan_parquet(f"{folder}/opportunities.parquet")
     .filter(pl.col("type").ne_missing("Renewal"))
     .select("opportunity_id", "amount").with_row_index("n"))
reps = (pl.scan_parquet(f"{folder}/stage_events.parquet").select(pl.col("rep_id").unique())
        .collect().sort("rep_id").with_row_index("r").with_columns(pl.col("r").cast(pl.Int16)))
places = {stage: place for place, stage in enumerate(stages, 1)}
e = (pl.scan_parquet(f"{folder}/stage_events.parquet")
     .select("opportunity_id", "entered_at", "stage", "rep_id")
     .with_columns(pl.col("stage").replace_strict(places, return_dtype=pl.Int8).alias("p"))
     .join(reps.lazy(), on="rep_id").join(o, on="opportunity_id")
     .select("n", "p", "r", "entered_at", "amount").collect(engine="streaming"))
e = e.sort("n", "entered_at", "p", "r").lazy()
same = pl.col("n") == pl.col("n").shift()
kept = e.filter(~same.fill_null(False) | (pl.col("p") != pl.col("p").shift())
                | ((pl.col("p") <= last) & (pl.col("r") != pl.col("r").shift())))
more = pl.col("n") == pl.col("n").shift(-1)
days = (pl.col("entered_at").shift(-1).dt.date() - pl.col("entered_at").dt.date()).dt.total_days()
moves = kept.with_columns(
    pl.when(more).then(pl.col("p").shift(-1)).alias("next_p"),
    pl.when(more).then(days).alias("days"),
).collect(engine="streaming").lazy()
went_on = (pl.col("next_p") > pl.col("p")) & (pl.col("next_p") != last + 1)
cells = moves.filter(pl.col("p") <= last).group_by("r", "p").agg(
    pl.len().alias("entered"), went_on.fill_null(False).sum().alias("moved_on"),
    pl.col("amount").sum().alias("value"),
    pl.col("amount").filter(went_on.fill_null(False)).sum().alias("moved_value"),
    pl.col("next_p").is_null().sum().alias("open"), pl.col("days").median(),
).collect(engine="streaming")
closed = moves.filter((pl.col("p") > last) & pl.col("next_p").is_null()).group_by("r").agg(
    (pl.col("p") == last + 2).sum().alias("won"), (pl.col("p") == last + 1).sum().alias("lost"),
).collect(engine="streaming")
print([int(cells[name].sum()) for name in ("entered", "moved_on", "open")]
      + [int(closed[name].sum()) for name in ("won", "lost")])
"""
OURS = """
import sys, json, time
import enablement as en
folder, stages = sys.argv[1], json.loads(sys.argv[2])
settings = {"stages": stages[:-2], "outcomes": {stages[-1]: "won", stages[-2]: "lost"}}
crm = en.load(folder, settings)
def answer(**said):
    asked = {"as_of": crm.seen_until, **said}
    visits = en.conversion(crm, definition="visit", **asked)
    en.conversion(crm, definition="visit", of="value", **asked)
    en.time_in_stage(crm, **asked)
    return visits, en.win_rate(crm, **asked)
visits, wins = answer(by="rep")
print([int(visits[name].sum()) for name in ("entered", "moved_on", "open")]
      + [int(wins[name].sum()) for name in ("won", "lost")])
"""
AS_THEY_ARE = OURS.replace("en.load(folder", "en.connect('parquet://' + folder")
NEW = OURS.replace('answer(by="rep")', 'answer(by="segment")')
MORE = """
rep, other = crm.sellers["rep_id"].iloc[7:9]
team = crm.sellers["team"].iloc[7]
asked = {"as_of": crm.seen_until, "definition": "visit"}
questions = {
    "one rep, one measure": lambda: en.conversion(crm, where={"rep": rep}, **asked),
    "one rep, all four": lambda: answer(where={"rep": other}),
    "one team, one measure": lambda: en.conversion(crm, where={"team": team}, **asked),
    "another period": lambda: en.conversion(crm, by="rep", period="2025Q4", **asked),
    "another credit": lambda: en.conversion(crm, by="rep", credit="final", **asked),
    "another definition": lambda: en.conversion(crm, by="rep", as_of=crm.seen_until),
    "the same again": lambda: answer(by="rep"),
}
for name, ask in questions.items():
    begun = time.perf_counter()
    ask()
    print(name, f"{time.perf_counter() - begun:.3f}", sep=": ", file=sys.stderr)
"""


def prepared(folder: Path) -> Path:
    """Write the CSV files of a folder as Parquet, once."""
    into = folder / "parquet"
    if not into.exists():
        import duckdb

        into.mkdir()
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            for name in ("stage_events", "opportunities", "accounts", "reps"):
                file = str(folder / f"{name}.csv")
                found = connection.execute("describe select * from read_csv(?)", [file])
                casts = [
                    f"{column}::timestamp as {column}" if "TIME" in kind else column
                    for column, kind, *_ in found.fetchall()
                ]
                connection.execute(
                    f"copy (select {', '.join(casts)} from read_csv('{file}')) "
                    f"to '{into / name}.parquet' (format parquet)"
                )
    return into


def measured(code: str, folder: Path, cache: str) -> tuple[tuple[float, float, float], str, str]:
    """Seconds, seconds of the processors and gigabytes of one run, and what it printed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(folder), json.dumps([*STAGES, *CLOSED])],
            env={**os.environ, "ENABLEMENT_CACHE": cache},
            stdout=out,
            stderr=err,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        said, told = out.read(), err.read()
    if status:
        raise SystemExit(told)
    return (seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6), said, told


def main() -> None:
    """Read the command line, run the ways in turns, and print the medians."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--repeat", type=int, default=3)
    said = ask.parse_args()
    folder = prepared(said.folder)
    ways = {"by hand": BY_HAND, "by hand, every column": WHOLE, "pandas": PANDAS, "polars": POLARS}
    ways |= {"as they are": AS_THEY_ARE, "as they are, again": AS_THEY_ARE}
    ways |= {"from raw": OURS, "from raw, again": OURS, "from raw, again, new": NEW}
    if importlib.util.find_spec("polars") is None:
        del ways["polars"]
        print("polars is not installed and is left out")
    runs: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    answers: dict[str, str] = {}
    for _ in range(said.repeat):
        room = Path(tempfile.mkdtemp())
        for way, code in ways.items():
            taken, answers[way], _ = measured(code, folder, str(room / "cache"))
            runs[way].append(taken)
        *_, told = measured(OURS + MORE, folder, str(room / "cache"))
        shutil.rmtree(room)
    print(f"{', '.join(TOLD)}: {answers['by hand'].strip()}")
    for way, found in answers.items():
        if found != answers["by hand"]:
            print(f"{way} says otherwise: {found.strip()}")
    base = statistics.median(row[0] for row in runs["by hand"])
    print("| way | seconds, median | all | times by hand | processor seconds | GB |")
    print("|---|---|---|---|---|---|")
    for way, rows in runs.items():
        wall, cpu, memory = (statistics.median(row[k] for row in rows) for k in (0, 1, 2))
        every = ", ".join(f"{row[0]:.1f}" for row in rows)
        print(f"| {way} | {wall:.1f} | {every} | {wall / base:.2f} | {cpu:.1f} | {memory:.2f} |")
    print(told)


if __name__ == "__main__":
    main()
