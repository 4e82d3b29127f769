"""The 15-minute run on a history that grows, and what others do for its first step."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

from bench.dbt import dbt, model_to_run, run_peers
from bench.history import JOB, copied
from bench.measure import measured

WHOLE_JOB = "exactly_once: the whole job, with its tests"
OURS = "exactly_once: stg_events_deduplicated"
PEER_NAMES = {
    "plain_merge": "MERGE on the key, no bounds",
    "delete_insert": "delete+insert on the key",
    "lookback_merge": "MERGE, target from 3 days before the batch on (misses what is later)",
}

MODEL = "stg_events_deduplicated"

# what -> days of history -> seconds
Growth = dict[str, dict[int, float]]


def measure_growth(
    warehouses: dict[int, Path], repeats: int, memory: str, tell: Callable[[str], None]
) -> Growth:
    """Seconds that dbt gives for one run on each history: the median of the repeats, in turns."""
    taken: dict[str, dict[int, list[float]]] = {}

    def record(name: str, days: int, seconds: float) -> None:
        taken.setdefault(name, {}).setdefault(days, []).append(seconds)

    for number in range(repeats):
        # now upwards, now downwards, so that no history is always the first
        for days in sorted(warehouses, reverse=number % 2 == 1):
            tell(f"{number + 1} of {repeats}: 15-minute run, {days} days of history")
            copy = copied(warehouses[days])
            ours = dbt(copy, memory, *JOB)
            record(WHOLE_JOB, days, sum(ours.values()))
            record(OURS, days, ours[MODEL])
            peers = run_peers(copy, memory)
            for model, name in PEER_NAMES.items():
                record(name, days, peers[model])
            copy.unlink()
    return {
        name: {days: statistics.median(seconds) for days, seconds in sorted(by_days.items())}
        for name, by_days in taken.items()
    }


def measure_reads(
    warehouses: dict[int, Path], memory: str, threads: int, tell: Callable[[str], None]
) -> dict[int, dict[str, float]]:
    """What the query of the incremental model reads and gives, by days of history."""
    found = {}
    for days, warehouse in sorted(warehouses.items()):
        tell(f"what a 15-minute run reads, {days} days of history")
        copy = copied(warehouse)
        query = model_to_run(copy, memory, MODEL)
        options = ("--memory", memory, "--threads", str(threads))
        found[days] = measured("measure", str(copy), *options, given=query)
        copy.unlink()
    return found
