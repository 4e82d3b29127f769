"""The 15-minute run on a history that grows: what it takes should not grow with it."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb

from bench.dbt import dbt
from demo.generate import IncidentSettings, generate
from demo.load import load

JOB = ("build", "--selector", "fifteen_minute")


def measure_growth(
    folder: Path,
    events: int,
    scales: Sequence[int],
    repeats: int,
    memory: str,
    tell: Callable[[str], None],
) -> dict[int, float]:
    """Seconds of the job's models and tests by scale: the median of the repeats, in turns."""
    warehouses = {scale: folder / f"history_{scale}.duckdb" for scale in scales}
    for scale, warehouse in warehouses.items():
        tell(f"build a history of {scale} days of {events:,} events")
        _build(folder, warehouse, events, scale, memory)
    taken: dict[int, list[float]] = {scale: [] for scale in scales}
    for number in range(repeats):
        # now upwards, now downwards, so that no scale is always the first
        for scale in sorted(scales, reverse=number % 2 == 1):
            warehouse = warehouses[scale]
            tell(f"15-minute run, {scale} days, {number + 1} of {repeats}")
            copy = folder / "copy" / warehouse.name
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(warehouse, copy)
            taken[scale].append(sum(dbt(copy, memory, *JOB).values()))
            copy.unlink()
    return {scale: statistics.median(times) for scale, times in taken.items()}


def _build(folder: Path, warehouse: Path, events: int, days: int, memory: str) -> None:
    """Days before the last one are copies of it; the last 15 minutes have just arrived."""
    settings = IncidentSettings(events=events)
    last = settings.end - timedelta(minutes=15)
    if not (folder / "bronze").exists():
        generate(settings, folder)
    warehouse.unlink(missing_ok=True)
    load(warehouse, folder / "bronze", until=settings.end + timedelta(hours=1))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create table arrived as from raw.events where ingest_ts < ?", [settings.end]
        )
        connection.execute("delete from raw.events")
        connection.execute(
            """
            insert into raw.events by name
            select
                arrived.* replace (
                    event_id || '_' || day as event_id,
                    payment_id || '_' || day as payment_id,
                    event_ts - to_days(cast(day as integer)) as event_ts,
                    ingest_ts - to_days(cast(day as integer)) as ingest_ts
                )
            from arrived, range(?) as days (day)
            where day > 0 or ingest_ts < ?
            order by day desc, ingest_ts""",
            [days, last],
        )
    dbt(warehouse, memory, *JOB)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into raw.events by name select * replace "
            "(event_id || '_0' as event_id, payment_id || '_0' as payment_id) "
            "from arrived where ingest_ts >= ?",
            [last],
        )
        connection.execute("drop table arrived")
        connection.execute("checkpoint")
