"""Run SQL in a process of its own and print what it took, as JSON: python -m bench.measure."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench.dbt import ROOT


def bytes_moved() -> tuple[int, int]:
    """Bytes that this process has read from and written to files so far."""
    counted = dict(
        line.split(": ") for line in Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    )
    return int(counted["rchar"]), int(counted["wchar"])


def peak_mb() -> float:
    """The most memory that this process has held; getrusage would count its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1e3 for line in status if line.startswith("VmHWM:"))


def measure(database: Path, query: str, memory: str, threads: int) -> dict[str, float]:
    """Make a table of a query, beside a database that is only read.

    What runs out of memory takes infinite seconds.
    """
    with tempfile.TemporaryDirectory(dir=database.parent) as folder:
        connection = duckdb.connect()
        connection.execute(f"attach '{database}' (read_only)")
        connection.execute(f"use {database.stem}")
        connection.execute(f"set memory_limit = '{memory}'")
        connection.execute(f"set threads = {threads}")
        connection.execute(f"set temp_directory = '{folder}/spilled'")
        connection.execute(f"attach '{folder}/made.duckdb' as made")
        read, written = bytes_moved()
        began = time.perf_counter()
        try:
            connection.execute(f"create table made.result as {query}")
            connection.execute("checkpoint made")
        except duckdb.OutOfMemoryException:
            return {"seconds": math.inf, "peak_mb": peak_mb()}
        seconds = time.perf_counter() - began
        read_after, written_after = bytes_moved()
        found = connection.execute("select count(*) from made.result").fetchall()
        connection.close()
    return {
        "seconds": seconds,
        "rows": found[0][0],
        "read_mb": (read_after - read) / 1e6,
        "written_mb": (written_after - written) / 1e6,
        "peak_mb": peak_mb(),
    }


def measured(
    module: str, *arguments: str, given: str = "", threads: int | None = None
) -> dict[str, float]:
    """What a module of the benchmark prints of a measurement, in a process of its own."""
    limits = {} if threads is None else {"POLARS_MAX_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module}", *arguments],
        input=given,
        cwd=ROOT,
        env=os.environ | limits,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"bench.{module} failed:\n{given}\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    """One measurement; the query comes on standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("--memory", required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    found = measure(options.database, sys.stdin.read(), options.memory, options.threads)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
