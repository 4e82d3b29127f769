"""What deduplicating and repairing take, as ratios measured in one run: make bench."""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from bench import plot, report
from bench.dbt import ROOT, compiled, dbt
from bench.deduplicate import BY_MACRO, DATAFRAMES, FIND, MODELS, OURS, WRITE, cases
from bench.enlarge import enlarge
from bench.history import build_histories
from bench.measure import measured
from bench.payloads import JUDGE, measure_payloads
from bench.regular_run import WHOLE_JOB, measure_growth, measure_reads
from bench.remediation import measure_catch_up, measure_remediation, measure_swap
from demo.generate import IncidentSettings, generate
from demo.load import load

PAGE = ROOT / "docs" / "performance.md"
LARGE_PAGE = ROOT / "docs" / "performance_large.md"
DAYS = (1, 4, 16, 64)
SWAP_ROWS = (100_000, 1_000_000, 10_000_000)


def tell(what: str) -> None:
    """Say how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S}  {what}", flush=True)


def build(
    folder: Path, events: int, memory: str, times: int = 1, payload_bytes: int = 0
) -> tuple[Path, dict[str, str]]:
    """A warehouse with an incident, decided; and the vars that declare it."""
    warehouse = folder / "warehouse.duckdb"
    tell(f"make a day of {events:,} events with a 4-hour incident")
    truth = generate(IncidentSettings(events=events), folder, replace=True)
    load(warehouse, truth.bronze)
    if times > 1 or payload_bytes:
        tell(f"make {times} payments of each, with payloads of {payload_bytes:,} bytes")
        enlarge(warehouse, times, payload_bytes, memory)
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
    warehouse: Path,
    declared: dict[str, str],
    repeats: int,
    memory: str,
    threads: int,
    with_data_frames: bool = True,
) -> report.Figures:
    """Every case in a process of its own, taking turns; medians."""
    window = declared["incident_start"], declared["incident_end"]
    by_macro = compiled(warehouse, memory, BY_MACRO)
    groups = cases(warehouse.parent / "dbt" / "compiled", by_macro, window)
    rows_file = warehouse.parent / "rows.parquet"
    if with_data_frames:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            connection.execute(
                "copy (select * from raw.events order by ingest_ts, event_id) "
                f"to '{rows_file}' (format parquet)"
            )
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
                arguments = ("measure", str(warehouse), "--memory", memory)
                taken.setdefault((group, name), []).append(
                    measured(*arguments, "--threads", str(threads), given=query)
                )
        for library, name in DATAFRAMES.items() if with_data_frames else ():
            tell(f"{number + 1} of {repeats}: {name}")
            made = str(warehouse.parent / "made.parquet")
            taken.setdefault((WRITE, name), []).append(
                measured("dataframes", library, str(rows_file), made, threads=threads)
            )
    rows_file.unlink(missing_ok=True)
    figures: report.Figures = {}
    for (group, name), found in taken.items():
        figures.setdefault(group, {})[name] = {
            measure: statistics.median(one[measure] for one in found if measure in one)
            for measure in set().union(*found)
        }
    return figures


def committed(page: Path) -> str:
    """A page as it was last committed; elsewhere than in a repository, as it is there, if it is."""
    shown = subprocess.run(
        ["git", "show", f"HEAD:./{page.name}"],
        cwd=page.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if shown.returncode == 0:
        return shown.stdout
    return page.read_text(encoding="utf-8") if page.exists() else ""


def main() -> int:
    """Run the benchmark from the command line; 1 where something of ours is worse than it was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the day")
    parser.add_argument(
        "--payload-groups", type=int, default=300_000, help="groups of payloads to judge"
    )
    parser.add_argument("--history-events", type=int, default=50_000, help="a day of history")
    parser.add_argument("--days", type=int, nargs="+", default=DAYS, help="days of history")
    parser.add_argument(
        "--swap-rows", type=int, nargs="+", default=SWAP_ROWS, help="rows of the swapped tables"
    )
    parser.add_argument("--repeats", type=int, default=3, help="how often each is measured")
    parser.add_argument("--memory", default="2GB", help="DuckDB's memory limit")
    parser.add_argument("--threads", type=int, default=2, help="DuckDB's threads; dbt's are 2")
    parser.add_argument(
        "--page", type=Path, help="the page to write, if not that of docs/ (see below)"
    )
    large = parser.add_argument_group(
        "deduplication alone, of a large day", f"written to {LARGE_PAGE.relative_to(ROOT)}"
    )
    large.add_argument("--times", type=int, default=1, help="payments for each of the day")
    large.add_argument("--payload-bytes", type=int, default=0, help="size of their payloads")
    options = parser.parse_args()
    folder = ROOT / "target" / "bench"
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "history").mkdir(parents=True)
    repeats, memory = options.repeats, options.memory
    is_large = options.times > 1 or options.payload_bytes > 0
    page: Path = options.page or (LARGE_PAGE if is_large else PAGE)
    warehouse, declared = build(
        folder, options.events, memory, options.times, options.payload_bytes
    )
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows, payload_bytes = connection.execute(
            "select count(*), avg(strlen(payload::varchar)) from raw.events"
        ).fetchall()[0]
    setting = (
        f"{rows:,} rows with a payload of {payload_bytes:,.0f} bytes on average, "
        f"DuckDB {duckdb.__version__}, {options.threads} threads, "
        f"memory limit {memory}, median of {repeats}."
    )
    figures = measure_cases(
        warehouse, declared, repeats, memory, options.threads, with_data_frames=not is_large
    )
    if is_large:
        page.write_text(report.large_page(setting, options.times, figures), encoding="utf-8")
        print(f"{page} is written.")
        return 0
    if lacking := [
        name for found in figures.values() for name in found if "rows" not in found[name]
    ]:
        raise SystemExit(f"out of memory: {', '.join(lacking)}. Give more by --memory.")
    figures[JUDGE] = measure_payloads(folder, options.payload_groups, repeats, memory, tell)
    swaps = measure_swap(warehouse, declared, options.swap_rows, memory, tell)
    warehouses = build_histories(
        folder / "history", options.history_events, options.days, memory, tell
    )
    growth = measure_growth(warehouses, repeats, memory, tell)
    reads = measure_reads(warehouses, memory, options.threads, tell)
    window = declared["incident_start"], declared["incident_end"]
    remediations = measure_remediation(warehouses, window, growth[WHOLE_JOB], memory, tell)
    ends = {days: warehouses[days] for days in (min(warehouses), max(warehouses))}
    catch_ups = measure_catch_up(ends, window, memory, tell)
    before = committed(page)
    text = report.page(
        setting, options.history_events, figures, growth, reads, remediations, catch_ups, swaps
    )
    page.write_text(text, encoding="utf-8")
    print(f"{page} is written.")
    plot.draw(plot.panels(figures, growth, remediations), page.with_name(report.PICTURE))
    lines = report.moved(report.ratios_of(before), report.ratios_of(text))
    for line in lines:
        print(line)
    return int(any(map(report.is_worse, lines)))


if __name__ == "__main__":
    sys.exit(main())
