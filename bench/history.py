"""Warehouses with a history of some days, the last of which has just ended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb

from bench.dbt import dbt, run_peers
from demo.generate import IncidentSettings, generate
from demo.load import load

JOB = ("build", "--selector", "fifteen_minute")


def copied(warehouse: Path, folder: str = "copy") -> Path:
    """A copy of a warehouse, of the same name: its views name the database that they are in."""
    copy = warehouse.parent / folder / warehouse.name
    copy.parent.mkdir(exist_ok=True)
    shutil.copyfile(warehouse, copy)
    # else the first commit that is measured waits until the whole copy is on the disk
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return copy


def build_histories(
    folder: Path, events: int, scales: list[int], memory: str, tell: Callable[[str], None]
) -> dict[int, Path]:
    """One warehouse for each number of days; all but the last 15 minutes are built already."""
    settings = IncidentSettings(events=events)
    generate(settings, folder)
    warehouses = {days: folder / f"days_{days}.duckdb" for days in scales}
    for days, warehouse in warehouses.items():
        tell(f"build a history of {days} days of {events:,} events")
        _build(folder, warehouse, settings, days, memory)
    return warehouses


def _build(
    folder: Path, warehouse: Path, settings: IncidentSettings, days: int, memory: str
) -> None:
    """Days before the last one are copies of it; the last 15 minutes have just arrived."""
    last = settings.end - timedelta(minutes=15)
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
    run_peers(warehouse, memory)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into raw.events by name select * replace "
            "(event_id || '_0' as event_id, payment_id || '_0' as payment_id) "
            "from arrived where ingest_ts >= ?",
            [last],
        )
        connection.execute("drop table arrived")
        connection.execute("checkpoint")
