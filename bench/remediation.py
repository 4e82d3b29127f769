"""A remediation on a history that grows; and the swap on tables that grow."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from bench.dbt import approve, dbt, operate
from bench.history import JOB, copied

INCIDENT = "BENCH"
REPAIR = ("build", "--selector", "remediation")
DETECT = ("build", "--selector", "detection")
# what 15-minute runs a day has
RUNS_OF_A_DAY = 96
# 15-minute batches that arrive while the candidates wait for their swap
BACKLOGS = (1, 4, 16)
CANDIDATES = ("payments", "fraud_features")


@dataclass
class Remediation:
    """Seconds of each step, the share of a day that plan said, and the share that it was."""

    seconds: dict[str, float] = field(default_factory=dict)
    planned_share: float = 0.0
    used_share: float = 0.0


def measure_remediation(
    warehouses: dict[int, Path],
    window: tuple[str, str],
    seconds_of_a_run: dict[int, float],
    memory: str,
    tell: Callable[[str], None],
) -> dict[int, Remediation]:
    """Detection and repair of the last day's incident, by days of history."""
    found = {}
    for days, warehouse in sorted(warehouses.items()):
        tell(f"remediation, {days} days of history")
        copy = copied(warehouse)
        found[days] = _remediate(copy, window, seconds_of_a_run[days], memory)
        copy.unlink()
    return found


def _declared(window: tuple[str, str]) -> dict[str, str]:
    return {
        "incident_id": INCIDENT,
        "incident_start": window[0],
        "incident_end": window[1],
    }


def _remediate(
    warehouse: Path, window: tuple[str, str], seconds_of_a_run: float, memory: str
) -> Remediation:
    declared = _declared(window)
    dbt(warehouse, memory, *JOB)
    done = Remediation()
    done.seconds["detection"] = sum(dbt(warehouse, memory, *DETECT, **declared).values())
    approve(warehouse)
    # whatever the share: it is what is measured
    seconds, _, said = operate(warehouse, memory, "remediation_plan", declared, max_share=1000)
    done.seconds["plan"] = seconds
    done.planned_share = _planned_share(said)
    done.seconds["clone"] = operate(warehouse, memory, "remediation_clone", declared)[0]
    candidate = {**declared, "exactly_once__build_candidate": True}
    done.seconds["repair"] = sum(dbt(warehouse, memory, *REPAIR, **candidate).values())
    done.seconds["checks and swap"] = operate(warehouse, memory, "remediation_swap", declared)[0]
    done.seconds["raw quarantine"] = operate(warehouse, memory, "raw_quarantine", declared)[0]
    planned = ("clone", "repair", "checks and swap", "raw quarantine")
    used = sum(done.seconds[step] for step in planned)
    done.used_share = used / (RUNS_OF_A_DAY * seconds_of_a_run)
    return done


def measure_catch_up(
    warehouses: dict[int, Path],
    window: tuple[str, str],
    memory: str,
    tell: Callable[[str], None],
) -> dict[int, dict[int, float]]:
    """Seconds in which the candidates take in a backlog: by days of history, by its batches."""
    found: dict[int, dict[int, float]] = {}
    for days, warehouse in sorted(warehouses.items()):
        tell(f"catch-up, {days} days of history")
        copy = copied(warehouse)
        declared = _candidates_built(copy, window, memory)
        found[days] = {}
        arrived = 0
        for batches in BACKLOGS:
            _let_arrive(copy, range(arrived + 1, arrived + batches + 1))
            arrived += batches
            dbt(copy, memory, *JOB)
            seconds = dbt(copy, memory, *REPAIR, **declared, exactly_once__build_candidate=True)
            found[days][batches] = sum(seconds[name] for name in CANDIDATES)
        copy.unlink()
    return found


def _candidates_built(warehouse: Path, window: tuple[str, str], memory: str) -> dict[str, str]:
    declared = _declared(window)
    dbt(warehouse, memory, *JOB)
    dbt(warehouse, memory, *DETECT, **declared)
    approve(warehouse)
    operate(warehouse, memory, "remediation_clone", declared)
    dbt(warehouse, memory, *REPAIR, **declared, exactly_once__build_candidate=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create table main.last_batch as select * from raw.events where ingest_ts >= "
            "(select max(ingest_ts) from raw.events) - interval 15 minutes"
        )
    return declared


def _let_arrive(warehouse: Path, batches: range) -> None:
    """Further batches like the last one, each 15 minutes after the one before."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into raw.events by name select * exclude (batch) replace ("
            "event_id || '_b' || batch as event_id, payment_id || '_b' || batch as payment_id, "
            "event_ts + to_minutes(15 * batch) as event_ts, "
            "ingest_ts + to_minutes(15 * batch) as ingest_ts) "
            "from main.last_batch, range(?, ?) as batches (batch)",
            [batches.start, batches.stop],
        )
        connection.execute("checkpoint")


def _planned_share(said: list[str]) -> float:
    """The share of a day in the line `total` of the table that plan prints."""
    total = next(line for line in said if line.strip().startswith("total "))
    percent = re.search(r"([\d.]+)%", total)
    if percent is None:
        raise SystemExit(f"remediation_plan printed no share of a day:\n{total}")
    return float(percent[1]) / 100


@dataclass(frozen=True)
class Swap:
    """One swap: its transaction, and the whole verb with its checks.

    Of the transaction the lesser of the swap's and the rollback's, which has the same renames: what
    the disk does in its own time takes longer than either.
    """

    transaction_seconds: float
    verb_seconds: float
    statements: int


def measure_swap(
    warehouse: Path,
    declared: dict[str, str],
    sizes: list[int],
    memory: str,
    tell: Callable[[str], None],
) -> dict[int, Swap]:
    """The swap where each curated table has that many rows more than the day gives it."""
    prepared = copied(warehouse, "prepared")
    dbt(prepared, memory, *JOB)
    dbt(prepared, memory, *DETECT, **declared)
    approve(prepared)
    operate(prepared, memory, "remediation_clone", declared)
    dbt(prepared, memory, *REPAIR, **declared, exactly_once__build_candidate=True)
    found = {}
    for size in sizes:
        tell(f"swap of tables with {size:,} rows")
        copy = copied(prepared)
        _pad(copy, size)
        seconds, statements, _ = operate(copy, memory, "remediation_swap", declared)
        _, of_rollback, _ = operate(copy, memory, "remediation_rollback", declared)
        transactions = [_renames(statements), _renames(of_rollback)]
        found[size] = Swap(min(transactions), seconds, len(statements))
        copy.unlink()
    prepared.unlink()
    return found


def _renames(statements: Sequence[tuple[str, float]]) -> float:
    """The seconds of the one statement that exchanges the tables."""
    taken = [
        taken for sql, taken in statements if re.search(r"alter table .* rename to", sql, re.S)
    ]
    if len(taken) != 1:
        raise SystemExit(f"The tables are exchanged in {len(taken)} statements, not in one.")
    return taken[0]


def _pad(warehouse: Path, rows: int) -> None:
    """The same further rows in the live tables and in their candidates."""
    with duckdb.connect(str(warehouse)) as connection:
        for table, key in (("payments", "payment_id"), ("fraud_features", "merchant_id")):
            for relation in (table, f"{table}__candidate"):
                connection.execute(
                    f"insert into main_analytics.{relation} "
                    f"select one.* replace ('padding_' || number as {key}) "
                    f"from (select * from main_analytics.{table} order by all limit 1) as one, "
                    "range(?) as numbers (number)",
                    [rows],
                )
        connection.execute("checkpoint")
