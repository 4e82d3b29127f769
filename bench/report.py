"""The page of the benchmark, and what moved since the one before."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from bench.deduplicate import BASELINES, NOTES, WRITE
from bench.regular_run import Growth
from bench.remediation import Remediation, Swap

MEASURES = ("seconds", "rows", "read_mb", "written_mb", "peak_mb")
# A ratio of two medians varies by so much from run to run; of what is measured once, by so much.
NOISE = 0.25
NOISE_OF_ONE = 0.6
ONCE = ("A remediation", "The catch-up", "The swap")
WORSE = "WORSE"

# Drawn by bench/plot.py beside the page
PICTURE = "performance.svg"

# group -> what -> measure -> value
Figures = dict[str, dict[str, dict[str, float]]]
Ratios = dict[tuple[str, str], float]

REGULAR_RUN = "The 15-minute run as history grows"
REMEDIATION = "A remediation as history grows"

HEAD = """\
# Performance

Written by `make bench`, which says what moved since the page that was committed, and fails where
something of ours is worse. Ratios compare what was measured in the same run; seconds are those of
one machine. Deduplication and the 15-minute run were measured in turns, in processes of their own:
medians. A remediation, the catch-up and the swap were measured once. Data frames have no limit of
memory.

![Four panels: finding the copies of the incident and writing the clean table, ours beside its
peers, as multiples of the baseline; seconds of the 15-minute run and of each step of a remediation
as history grows. The tables below hold the same numbers.]({picture})

{setting}
"""
NOT_MEASURED = """
## Not measured

Snowflake, which no benchmark of this repository can reach:
[what it would cost, on paper](cost_model.md); Spark; payments whose events lie days apart. Ten
million rows of a kilobyte are [a page of their own](performance_large.md).
"""


LARGE_HEAD = """\
# Performance of a large day

Deduplication alone, as on [the other page](performance.md), of a day that is larger than the memory
it may use. {times} payments share each event time, as where times are to the millisecond, so that
no group is told by its time alone. Written by
`python -m bench.run --times 9 --payload-bytes 1024 --repeats 1`, which takes an hour and 40 GB,
with other numbers if they are given.

{setting}
"""


def large_page(setting: str, times: int, figures: Figures) -> str:
    """The page of a large day, in Markdown."""
    parts = [_cases(group, found) for group, found in figures.items()]
    return "".join([LARGE_HEAD.format(setting=setting, times=times), *parts])


def page(
    setting: str,
    history_events: int,
    figures: Figures,
    growth: Growth,
    reads: dict[int, dict[str, float]],
    remediations: dict[int, Remediation],
    catch_ups: dict[int, dict[int, float]],
    swaps: dict[int, Swap],
) -> str:
    """The page, in Markdown."""
    parts = [
        HEAD.format(setting=setting, picture=PICTURE),
        *(_cases(group, found) for group, found in figures.items()),
        _growth(history_events, growth),
        _reads(reads),
        _remediation(remediations),
        _catch_up(catch_ups),
        _swap(swaps),
    ]
    return "".join(parts) + NOT_MEASURED


def _table(title: str, note: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [
        f"\n## {title}\n",
        f"{note}\n",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _cases(group: str, found: dict[str, dict[str, float]]) -> str:
    baseline = found[BASELINES[group]]["seconds"]
    rows = [
        [
            name,
            f"{one['seconds'] / baseline:.2f}"
            if math.isfinite(one["seconds"])
            else "out of memory",
            f"{one['seconds']:.2f}" if math.isfinite(one["seconds"]) else "",
            *(f"{one[measure]:,.0f}" if measure in one else "" for measure in MEASURES[1:]),
        ]
        for name, one in sorted(found.items(), key=lambda case: case[1]["seconds"])
    ]
    head = ("what", "times the baseline", "seconds", "rows", "MB read", "MB written", "peak MB")
    return _table(group.capitalize(), NOTES[group], head, rows)


def _growth(history_events: int, growth: Growth) -> str:
    note = (
        f"A day is {history_events:,} events; the batch is the last 15 minutes of the last day. "
        "Seconds are those\nthat dbt gives for the models, its own work on them included."
    )
    return _by_days(REGULAR_RUN, note, growth)


def _reads(reads: dict[int, dict[str, float]]) -> str:
    first = reads[min(reads)]
    rows = [
        [
            f"{days} days of history",
            f"{one['read_mb'] / first['read_mb']:.2f}",
            f"{one['read_mb']:,.1f}",
            f"{one['rows']:,.0f}",
            f"{one['read_mb'] * 1000 / one['rows']:.1f}",
        ]
        for days, one in sorted(reads.items())
    ]
    note = (
        "The query of the incremental stg_events_deduplicated in a process of its own, which has "
        "nothing in memory yet:\nwhat it reads from the file, the catalog of all tables included, "
        "and the rows that it gives to be written.\nEach day has an event whose clock is years "
        "ahead, so that DuckDB, which passes over blocks by their greatest value,\nreads the event "
        "times of all history. A table that is clustered by them, as on Snowflake, is spared that."
    )
    head = ("what", "times the first", "MB read", "rows", "KB read for a row")
    return _table("What the 15-minute run reads", note, head, rows)


def _remediation(remediations: dict[int, Remediation]) -> str:
    steps = steps_of(remediations)
    shares = ", ".join(
        f"{days}: {one.planned_share:.1%} planned, {one.used_share:.1%} used"
        for days, one in remediations.items()
    )
    note = (
        "The incident of the last day. DuckDB copies the tables to clone them, where Snowflake "
        "copies nothing, and the\nchecks read them whole. Share of a day's compute, by days of "
        "history, as `remediation_plan` said (bytes read\nand written) and as it was "
        "(seconds of clone, repair, checks and swap, raw quarantine, against 96 15-minute runs): "
        f"{shares}.\nSeconds of the verbs are those of their statements; of builds and of the "
        "15-minute run those that dbt gives\nfor its nodes, tests and dbt's own work included, "
        "so that the share that was used is rather more than this."
    )
    return _by_days(REMEDIATION, note, steps)


def steps_of(remediations: dict[int, Remediation]) -> Growth:
    """Seconds by step and days of history."""
    steps: Growth = {}
    for days, one in remediations.items():
        for step, seconds in one.seconds.items():
            steps.setdefault(step, {})[days] = seconds
    return steps


def _by_days(title: str, note: str, growth: Growth) -> str:
    days = sorted(next(iter(growth.values())))
    first, last = days[0], days[-1]
    rows = [
        [
            name,
            f"{seconds[last] / seconds[first]:.2f}",
            *(f"{seconds[one]:.2f}" for one in days),
        ]
        for name, seconds in growth.items()
    ]
    head = ("what", f"{last} days against {first}", *(f"seconds, {one} days" for one in days))
    return _table(title, note, head, rows)


def _catch_up(catch_ups: dict[int, dict[int, float]]) -> str:
    backlogs = sorted(next(iter(catch_ups.values())))
    first, last = backlogs[0], backlogs[-1]
    rows = [
        [
            f"{days} days of history",
            f"{seconds[last] / seconds[first]:.2f}",
            *(f"{seconds[one]:.2f}" for one in backlogs),
        ]
        for days, seconds in sorted(catch_ups.items())
    ]
    note = (
        "What arrives between the build of the candidates and the swap is taken in by building "
        "them once more: seconds of\nboth curated tables, by batches of 15 minutes that arrived."
    )
    head = (
        "what",
        f"{last} batches against {first}",
        *(f"seconds, {one} batches" for one in backlogs),
    )
    return _table("The catch-up as the backlog grows", note, head, rows)


def _swap(swaps: dict[int, Swap]) -> str:
    first = swaps[min(swaps)]
    rows = [
        [
            f"{size:,} rows more in each table",
            f"{one.transaction_seconds / first.transaction_seconds:.2f}",
            f"{one.transaction_seconds * 1000:.1f}",
            f"{one.verb_seconds:.2f}",
            str(one.statements),
        ]
        for size, one in sorted(swaps.items())
    ]
    note = (
        "The step that readers could notice is one transaction of renames. The verb around it "
        "checks the candidates\nand takes digests of whole tables, for the ledger."
    )
    head = (
        "what",
        "times the first",
        "milliseconds of the swap",
        "seconds of the verb",
        "statements",
    )
    return _table("The swap as tables grow", note, head, rows)


def tables_of(text: str) -> dict[str, list[list[str]]]:
    """The cells of each table of a page, its head first, by section."""
    found: dict[str, list[list[str]]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| "):
            found.setdefault(section, []).append(
                [cell.strip() for cell in line.strip("|").split("|")]
            )
    return found


def measured_of(page_file: Path) -> tuple[Figures, Growth, dict[int, Remediation]]:
    """What a page tells in seconds, as it was measured but for what was rounded."""
    tables = tables_of(page_file.read_text(encoding="utf-8"))
    figures = {}
    # a page of before a group was measured lacks it
    for group in (one for one in BASELINES if one.capitalize() in tables):
        head, *rows = tables[group.capitalize()]
        # the ratios have more digits than the seconds of what is fast
        ratio = head.index("times the baseline")
        figures[group] = {row[0]: {"seconds": float(row[ratio])} for row in rows}
    steps = _seconds_of(tables[REMEDIATION])
    remediations: dict[int, Remediation] = {}
    for step, by_days in steps.items():
        for days, seconds in by_days.items():
            remediations.setdefault(days, Remediation()).seconds[step] = seconds
    return figures, _seconds_of(tables[REGULAR_RUN]), remediations


def _seconds_of(table: list[list[str]]) -> Growth:
    head, *rows = table
    columns = {
        column: int(named[1])
        for column, name in enumerate(head)
        if (named := re.fullmatch(r"seconds, (\d+) days", name))
    }
    return {row[0]: {days: float(row[column]) for column, days in columns.items()} for row in rows}


def ratios_of(text: str) -> Ratios:
    """The second column of each table of a page, by section and first column.

    Where history grows, that is by how much. The seconds with the most history are also compared
    with those of the copy of the clean rows, so that what is slower at all sizes is seen too.
    """
    found: Ratios = {}
    tables = tables_of(text)
    for section, (head, *rows) in tables.items():
        growth = f", {head[1]}" if "against" in head[1] else ""
        for name, ratio, *_ in rows:
            if re.fullmatch(r"[\d.]+", ratio):
                found[section + growth, name] = float(ratio)
    for row in tables.get(WRITE.capitalize(), ()):
        if row[0] != BASELINES[WRITE]:
            continue
        for section in (REGULAR_RUN, REMEDIATION):
            for name, by_days in _seconds_of(tables.get(section, [[]])).items():
                last = max(by_days)
                against = f"{section}, {last} days against {BASELINES[WRITE]}"
                found[against, name] = by_days[last] / float(row[2])
    return found


def is_worse(line: str) -> bool:
    """Whether a line of `moved` says that something of ours is worse; a peer may be."""
    is_ours = "exactly_once: " in line or any(section in line for section in ONCE)
    return line.startswith(WORSE) and is_ours


def moved(earlier: Ratios, now: Ratios) -> list[str]:
    """What differs from the page before by more than measurements do."""
    lines = []
    for (section, name), ratio in now.items():
        noise = NOISE_OF_ONE if section.startswith(ONCE) else NOISE
        before = earlier.get((section, name))
        if before is not None and abs(ratio - before) > noise * max(before, 0.01):
            better = "better" if ratio < before else WORSE
            lines.append(f"{better}: {section}, {name}: {before:.2f} before, {ratio:.2f} now")
    if earlier and not lines:
        return [
            f"No ratio moved by more than {NOISE:.0%}, or by {NOISE_OF_ONE:.0%} if measured once."
        ]
    return lines
