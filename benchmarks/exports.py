"""How fast a large CSV becomes text columns: plain, packed, with a footer, and finding lines.

    python benchmarks/exports.py FILE.csv --repeat 3 --into FOLDER

Each reading is a process of its own. ``arrow`` is pyarrow's reader alone, every column as text:
what the others are held against. The packed file and the one with a footer are made first.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

FOOTER = b'\n\n"Grand Totals (5 records)"\n\n"Confidential Information - Do Not Distribute"\n'
WAYS = ("arrow", "plain", "footer", "gzip", "lines")


def prepared(source: Path, into: Path) -> dict[str, Path]:
    """Make the other files beside, once."""
    into.mkdir(parents=True, exist_ok=True)
    footer, packed = into / "footer.csv", into / "packed.csv.gz"
    if not footer.exists():
        shutil.copyfile(source, footer)
        with footer.open("ab") as stream:
            stream.write(FOOTER)
    if not packed.exists():
        with source.open("rb") as plain, gzip.open(packed, "wb", 1) as stream:
            shutil.copyfileobj(plain, stream, 2**22)
    return {"arrow": source, "plain": source, "lines": source, "footer": footer, "gzip": packed}


def once(way: str, path: Path) -> None:
    """Read it, and print wall and processor seconds and the peak of memory."""
    begun = time.perf_counter()
    if way == "arrow":
        rows = alone(path)
    else:
        from enablement.read import exports

        (export,) = exports.read(path)
        rows = export.rows.num_rows
        begun = time.perf_counter() if way == "lines" else begun
        if way == "lines":
            export.lines({0, rows // 2, rows - 1})
    wall = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(rows, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)


def alone(path: Path) -> int:
    """Read it with pyarrow alone."""
    import pyarrow as pa
    from pyarrow import csv

    with path.open() as stream:
        names = stream.readline().strip().split(",")
    texts = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    parse = csv.ParseOptions(newlines_in_values=True)
    read = csv.ReadOptions(block_size=2**22)
    return csv.read_csv(path, read, parse, texts).num_rows


def main() -> None:
    """Read the command line, alternate the ways and print the medians."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("file", type=Path)
    ask.add_argument("--repeat", type=int, default=3)
    ask.add_argument("--into", type=Path)
    ask.add_argument("--once", choices=WAYS)
    said = ask.parse_args()
    if said.once:
        once(said.once, said.file)
        return
    files = prepared(said.file, said.into or said.file.parent / "exports_benchmark")
    runs: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for _ in range(said.repeat):
        for way in WAYS:
            command = [sys.executable, __file__, str(files[way]), "--once", way]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            runs[way].append([float(word) for word in ran.stdout.split()])
    print("| way | rows | seconds (median) | seconds (least) | processor | peak GB |")
    print("|---|---|---|---|---|---|")
    for way, seen in runs.items():
        rows, wall, processor, peak = (statistics.median(one[n] for one in seen) for n in range(4))
        least = min(one[1] for one in seen)
        print(f"| {way} | {rows:,.0f} | {wall:.1f} | {least:.1f} | {processor:.1f} | {peak:.2f} |")


if __name__ == "__main__":
    main()
