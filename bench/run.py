"""What deduplicating takes, as ratios measured in one run: make bench."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from bench.dbt import ROOT, dbt
from bench.deduplicate import BASELINES, FIND, MODELS, NOTES, OURS, cases
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


def build(folder: Path, events: int, memory: str) -> tuple[Path, dict[str, str]]:
    """A warehouse with an incident, decided; and the vars that declare it."""
    warehouse = folder / "warehouse.duckdb"
    tell(f"make a day of {events:,} events with a 4-hour incident")
    truth = generate(IncidentSettings(events=events), folder, replace=True)
    load(warehouse, truth.bronze)
    tell("build the models")
    declared = {
        "incident_id": "BENCH",
        "incident_start": str(truth.incident_start),
        "incident_end": str(truth.incident_end),
    }
    dbt(warehouse, memory, "seed")
    dbt(warehouse, memory, "run", "--selector", "fifteen_minute")
    dbt(warehouse, memory, "run", "--select", "+incident_decisions", **declared)
    dbt(warehouse, memory, "compile", "--full-refresh", **declared)
    return warehouse, declared


def measure_cases(
    warehouse: Path, declared: dict[str, str], repeats: int, memory: str, threads: int
) -> Figures:
    """Every case in a process of its own, taking turns; medians."""
    window = declared["incident_start"], declared["incident_end"]
    groups = cases(warehouse.parent / "dbt" / "compiled", window)
    taken: dict[tuple[str, str], list[dict[str, float]]] = {}
    for number in range(repeats):
        tell(f"{number + 1} of {repeats}: {OURS}")
        seconds = dbt(warehouse, memory, "run", "--select", *MODELS, **declared)
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            counted = connection.execute("select count(*) from main_incident.incident_decisions")
            rows = counted.fetchall()[0][0]
        ours = {"seconds": sum(seconds.values()), "rows": rows}
        taken.setdefault((FIND, OURS), []).append(ours)
        for group, query_of in groups.items():
            for name, query in query_of.items():
                tell(f"{number + 1} of {repeats}: {name}")
                taken.setdefault((group, name), []).append(
                    _measured(warehouse, query, memory, threads)
                )
    figures: Figures = {}
    for (group, name), found in taken.items():
        figures.setdefault(group, {})[name] = {
            measure: statistics.median(one[measure] for one in found) for measure in found[0]
        }
    return figures


def _measured(warehouse: Path, query: str, memory: str, threads: int) -> dict[str, float]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.measure", str(warehouse)),
            *("--memory", memory, "--threads", str(threads)),
        ],
        input=query,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"A query failed:\n{query}\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def report(figures: Figures, growth: dict[int, float], about: str, growth_about: str) -> str:
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
        baseline = cases_of[BASELINES[group]]["seconds"]
        lines += [
            *("", f"## {group.capitalize()}", "", NOTES[group], ""),
            "| what | times the baseline | seconds | rows | MB read | MB written | peak MB |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, found in sorted(cases_of.items(), key=lambda case: case[1]["seconds"]):
            cells = [name, f"{found['seconds'] / baseline:.1f}", f"{found['seconds']:.2f}"]
            cells += [
                f"{found[measure]:,.0f}" if measure in found else "" for measure in MEASURES[1:]
            ]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        *("", "## The 15-minute run as history grows", "", growth_about),
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
    parser.add_argument("--history-events", type=int, default=100_000, help="a day of history")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is measured")
    parser.add_argument("--memory", default="2GB", help="DuckDB's memory limit")
    parser.add_argument("--threads", type=int, default=2, help="DuckDB's threads; dbt's are 2")
    parser.add_argument("--report", type=Path, default=REPORT, help="the page to write")
    options = parser.parse_args()
    folder = ROOT / "target" / "bench"
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "history").mkdir(parents=True)
    repeats, memory = options.repeats, options.memory
    warehouse, declared = build(folder, options.events, memory)
    figures = measure_cases(warehouse, declared, repeats, memory, options.threads)
    growth = measure_growth(
        folder / "history", options.history_events, SCALES, repeats, memory, tell
    )
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows, size = connection.execute(
            "select count(*), avg(length(payload::varchar)) from raw.events"
        ).fetchall()[0]
    about = (
        f"{rows:,} rows with a payload of {size:,.0f} bytes on average, "
        f"DuckDB {duckdb.__version__}, {options.threads} threads, "
        f"memory limit {memory}, median of {repeats}."
    )
    growth_about = (
        "The seconds that dbt gives for the models and tests of the selector `fifteen_minute`.\n"
        f"A day is {options.history_events:,} events; the batch is the last 15 minutes of the last."
    )
    options.report.write_text(report(figures, growth, about, growth_about), encoding="utf-8")
    print(f"{options.report} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
