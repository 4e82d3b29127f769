"""Law 4 on DuckDB: what readers see while a remediation goes on in their process."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import duckdb

from python_tests import oracle
from python_tests.laws import (
    AFFECTED,
    HOUR,
    INCIDENT,
    NOON,
    build_candidate,
    build_replaced,
    contaminate,
    repaired_rows,
    steady_events,
)
from python_tests.oracle import DEFAULT
from python_tests.warehouse import Warehouse

REGULAR = ("run", "--selector", "fifteen_minute")


def test_readers_see_one_state_through_a_whole_remediation(warehouse: Warehouse) -> None:
    """Thousands of reads: no error, no empty result, no mixture of the two tables."""
    contaminate(warehouse)
    # events without an arrival time are computed again by each regular run, and with the guard on
    warehouse.dbt(*REGULAR)
    # a view of both tables, as dashboards have
    warehouse.execute(f"create view raw.affected as {AFFECTED}")
    contaminated = warehouse.query("from raw.affected")[0]
    seen: list[list[tuple[Any, ...]]] = [[], []]
    failures: list[Exception] = []
    stop = threading.Event()

    def read(rows: list[tuple[Any, ...]]) -> None:
        with duckdb.connect(str(warehouse.path)) as connection:
            try:
                while not stop.wait(0.002):
                    rows.extend(connection.execute("from raw.affected").fetchall())
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=read, args=[rows]) for rows in seen]
    for reader in readers:
        reader.start()
    try:
        repair(warehouse, hour=24)
        time.sleep(0.5)
        run_elsewhere(warehouse, hour=25)
        build_replaced(warehouse)
        warehouse.operate("remediation_rollback", INCIDENT)
        time.sleep(0.5)
        repair(warehouse, hour=26)
    finally:
        stop.set()
        for reader in readers:
            reader.join(timeout=60)
    assert not failures, failures
    assert not any(reader.is_alive() for reader in readers)
    assert sum(map(len, seen)) > 2000
    before, repaired = tuple(contaminated.values()), counted(repaired_rows())
    # so that a mixture of the two would be neither
    assert all(one != other for one, other in zip(before, repaired, strict=True))
    for rows in seen:
        assert [state for state, _ in itertools.groupby(rows)] == [before, repaired] * 2


def repair(warehouse: Warehouse, hour: int) -> None:
    """Clone, let the regular job run, repair, catch up and swap."""
    warehouse.operate("remediation_clone", INCIDENT)
    run_elsewhere(warehouse, hour)
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)


def run_elsewhere(warehouse: Warehouse, hour: int) -> None:
    """A regular run that takes in events of a merchant whom the readers leave out."""
    batch = steady_events(NOON + hour * HOUR, name="elsewhere")
    warehouse.write_events([{**row, "merchant_id": "mer_elsewhere"} for row in batch])
    warehouse.dbt(*REGULAR)


def counted(rows: list[Any]) -> tuple[Any, ...]:
    """What the readers' view should have of these events."""
    return (
        sum(row["event_count"] for row in oracle.payments(rows, DEFAULT)),
        sum(
            row["captured_count"] + row["authorized_count"]
            for row in oracle.fraud_features(rows, DEFAULT)
        ),
    )
