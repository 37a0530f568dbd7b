"""How fast a large export becomes tables and visits, beside a script that only parses it.

    python benchmarks/world.py --one "our tables, CSV" --into FOLDER
    python benchmarks/reading.py FOLDER --repeat 3

Each way runs in a process of its own, in turns; the medians of wall time, processor time and peak
memory are printed. "parse" is DuckDB's own reader into a table: it looks for no defect, keeps no
line numbers and builds no visits. "again" reads a folder that was read before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PARSE = """
import sys, duckdb
with duckdb.connect(sys.argv[2] + "/parsed.db") as connection:
    connection.execute("set enable_progress_bar = false")
    for name in ("stage_events", "opportunities", "accounts", "reps"):
        file = f"{sys.argv[1]}/{name}.csv"
        connection.execute(f"create table {name} as select * from read_csv(?)", [file])
"""
LOAD = """
import sys
import enablement as en
from enablement.world.parameters import STAGES
settings = {"stages": list(STAGES), "outcomes": {"Closed Won": "won", "Closed Lost": "lost"}}
crm = en.load(sys.argv[1], settings)
print(crm.quality)
"""


def measured(code: str, folder: Path, room: Path, cache: str) -> tuple[float, float, float]:
    """Seconds, seconds of the processors and gigabytes of one run."""
    begun = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(room)],
        env={**os.environ, "ENABLEMENT_CACHE": cache},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit("a run failed")
    seconds = time.perf_counter() - begun
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def main() -> None:
    """Read the command line, run the ways in turns, and print the medians."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--repeat", type=int, default=3)
    said = ask.parse_args()
    runs: dict[str, list[tuple[float, float, float]]] = {"parse": [], "read": [], "again": []}
    for _ in range(said.repeat):
        room = Path(tempfile.mkdtemp())
        runs["parse"].append(measured(PARSE, said.folder, room, "off"))
        runs["read"].append(measured(LOAD, said.folder, room, str(room / "cache")))
        runs["again"].append(measured(LOAD, said.folder, room, str(room / "cache")))
        shutil.rmtree(room)
    base = [statistics.median(row[k] for row in runs["parse"]) for k in (0, 1)]
    print("| way | seconds, median | all | times the parsing | processor seconds | times | GB |")
    print("|---|---|---|---|---|---|---|")
    for way, rows in runs.items():
        wall, cpu, memory = (statistics.median(row[k] for row in rows) for k in (0, 1, 2))
        every = ", ".join(f"{row[0]:.1f}" for row in rows)
        print(
            f"| {way} | {wall:.1f} | {every} | {wall / base[0]:.1f} "
            f"| {cpu:.1f} | {cpu / base[1]:.1f} | {memory:.2f} |"
        )


if __name__ == "__main__":
    main()
