"""Rows a second of OAS units, against pandas reading the same columns; memory and growth.

    python experiments/antibody_encoder/oas_speed.py oas_units/ [--copies 10] [--pairs 3]

Units are read again and again to have 100,000 rows and more. Ours filters and makes the tables of
`distrib.prepare oas`, in one process; the peer is `pandas.read_csv(usecols=...)`, which only reads:
with its own types, where numbers and empty cells are told apart, and with every column as text, as
ours has them.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.antibodies.oas.unit import READ, _columns, read_head, unit_rows


def ours(units: list[Path]) -> int:
    rows = 0
    for unit in units:
        for item in unit_rows(str(unit), wanted={}, complete=False):
            rows += item[READ] if isinstance(item, dict) and READ in item else 0
    return rows


def peer(units: list[Path], dtype: type | None = None) -> int:
    rows = 0
    for unit in units:
        columns = _columns(read_head(str(unit))[1], [""], str(unit))
        rows += len(
            pd.read_csv(unit, skiprows=1, usecols=columns, keep_default_na=False, dtype=dtype)
        )
    return rows


WAYS = {"ours": ours, "pandas": peer, "pandas, as text": partial(peer, dtype=str)}


def timed(way, units: list[Path]) -> tuple[float, int]:
    began = time.process_time()
    rows = way(units)
    return time.process_time() - began, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--memory", type=int, help="units; tells the memory of this process")
    args = parser.parse_args()
    units = sorted(args.folder.glob("*.csv.gz"))
    if args.memory:
        ours((units * args.memory)[: args.memory])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    spent: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(args.pairs):
        for name, way in WAYS.items():
            seconds_of_it, rows = timed(way, units * args.copies)
            spent[name].append(seconds_of_it)
            print(f"{name}: {rows / seconds_of_it:,.0f} of {rows:,} rows per core-second",
                  flush=True)  # fmt: skip
    for name in list(WAYS)[1:]:
        ratios = sorted(b / a for a, b in zip(spent["ours"], spent[name]))
        print(f"ours over {name}: {statistics.median(ratios):.2f} "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip
    sizes, seconds = [], []
    for copies in (1, 2, 4, 8, 16):
        of_them, rows = timed(ours, units * copies)
        sizes.append(rows)
        seconds.append(of_them)
    slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    print(f"cost against rows, {sizes[0]:,} to {sizes[-1]:,}: slope {slope:.2f}")
    rate = sizes[-1] / seconds[-1]
    print(f"two billion rows: {2e9 / rate / 3600:.1f} core-hours")
    for count in (1, 100):
        told = subprocess.run(
            [sys.executable, __file__, str(args.folder), "--memory", str(count)],
            capture_output=True, text=True, check=True, timeout=600,
        )  # fmt: skip
        print(f"memory after {count} units: {told.stdout.strip()} MB", flush=True)


if __name__ == "__main__":
    main()
