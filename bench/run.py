"""What deduplicating takes, as ratios measured in one run: make bench."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from bench.dbt import ROOT, dbt
from bench.deduplicate import LIMITS, cases
from bench.regular_run import measure_growth
from demo.generate import IncidentSettings, generate
from demo.load import load

REPORT = ROOT / "docs" / "performance.md"
SCALES = (1, 4, 16)
MEASURES = ("seconds", "rows", "read_mb", "written_mb", "peak_mb")

Figures = dict[str, dict[str, dict[str, float]]]


def tell(what: str) -> None:
    """Say how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S}  {what}", flush=True)


def build(folder: Path, events: int) -> tuple[Path, tuple[str, str]]:
    """A warehouse with an incident, decided; and the window of its arrivals."""
    warehouse = folder / "warehouse.duckdb"
    tell(f"make a day of {events:,} events with a 4-hour incident")
    truth = generate(IncidentSettings(events=events), folder, replace=True)
    load(warehouse, truth.bronze)
    window = (str(truth.incident_start), str(truth.incident_end))
    tell("build the models")
    declared = {"incident_id": "BENCH", "incident_start": window[0], "incident_end": window[1]}
    dbt(warehouse, "seed")
    dbt(warehouse, "run", "--selector", "fifteen_minute")
    dbt(warehouse, "run", "--select", "+incident_decisions", **declared)
    dbt(warehouse, "compile", "--full-refresh", **declared)
    return warehouse, window


def measure_cases(
    warehouse: Path, window: tuple[str, str], repeats: int, memory: str, threads: int
) -> Figures:
    """Every case in a process of its own, taking turns; medians."""
    groups = cases(warehouse.parent / "dbt" / "compiled", window)
    taken: dict[tuple[str, str], list[dict[str, float]]] = {}
    for number in range(repeats):
        for group, statements_of in groups.items():
            for name, statements in statements_of.items():
                tell(f"{number + 1} of {repeats}: {name}")
                done = subprocess.run(
                    [
                        *(sys.executable, "-m", "bench.measure", str(warehouse)),
                        *("--memory", memory, "--threads", str(threads)),
                    ],
                    input=json.dumps(statements),
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode != 0:
                    raise SystemExit(f"{name} failed:\n{done.stderr}")
                taken.setdefault((group, name), []).append(json.loads(done.stdout))
    return {
        group: {
            name: {
                measure: statistics.median(one[measure] for one in taken[group, name])
                for measure in MEASURES
            }
            for name in statements_of
        }
        for group, statements_of in groups.items()
    }


def report(figures: Figures, growth: dict[int, float], about: str) -> str:
    """The page, in Markdown."""
    lines = [
        "# Performance",
        "",
        "Written by `make bench`. Ratios compare what was measured in the same run, in turns, each",
        "in a process of its own; seconds are those of one machine.",
        "",
        about,
    ]
    for group, cases_of in figures.items():
        limit = cases_of[LIMITS[group]]
        lines += [
            *("", f"## {group.capitalize()}", ""),
            "| what | times the limit | seconds | rows | MB read | MB written | peak MB |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, found in cases_of.items():
            cells = [name, f"{found['seconds'] / limit['seconds']:.1f}", f"{found['seconds']:.2f}"]
            cells += [f"{found[measure]:,.0f}" for measure in MEASURES[1:]]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        *("", "## The 15-minute run as history grows", ""),
        "The seconds that dbt gives for `stg_events_deduplicated`, `payments` and `fraud_features`",
        "together. The batch is the same.",
        *("", "| days of history | times that of 1 day | seconds |", "|---|---|---|"),
    ]
    first = growth[min(growth)]
    lines += [
        f"| {scale} | {seconds / first:.2f} | {seconds:.2f} |" for scale, seconds in growth.items()
    ]
    lines += [
        *("", "## Not measured yet", ""),
        "Snowflake, other engines (polars, pandas, Spark), the share of a repair in a day's",
        "compute, the swap, and the peers of the 15-minute run.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the day")
    parser.add_argument(
        "--history-events", type=int, default=50_000, help="events of a day of history"
    )
    parser.add_argument("--repeats", type=int, default=3, help="how often each is measured")
    parser.add_argument("--memory", default="2GB", help="DuckDB's memory limit")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / "target" / "bench")
    options = parser.parse_args()
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "history").mkdir(parents=True)
    warehouse, window = build(folder, options.events)
    figures = measure_cases(warehouse, window, options.repeats, options.memory, options.threads)
    growth = measure_growth(
        folder / "history", options.history_events, SCALES, options.repeats, tell
    )
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows, size = connection.execute(
            "select count(*), avg(length(payload::varchar)) from raw.events"
        ).fetchall()[0]
    about = (
        f"{rows:,} rows with a payload of {size:,.0f} bytes on average, "
        f"DuckDB {duckdb.__version__}, {options.threads} threads, "
        f"memory limit {options.memory}, median of {options.repeats}."
    )
    REPORT.write_text(report(figures, growth, about), encoding="utf-8")
    print(f"{REPORT.relative_to(ROOT)} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
