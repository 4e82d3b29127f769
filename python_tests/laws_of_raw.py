"""The laws of the raw repair as functions that raise AssertionError, the same on every engine."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.snowflake.connections import SnowflakeConnectionManager

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    INCIDENT,
    MICROSECOND,
    MINUTE,
    NOON,
    WINDOW,
    Row,
    approve,
    check_every_field_counts,
    contaminated_rows,
    event,
)
from python_tests.oracle import DEFAULT, Layout
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import DbtError, Warehouse

QUARANTINE = "main_audit.quarantined_events"
LEDGER = "main_audit.remediation_ledger"
RECORD = (
    *("incident_id", "row_hash", "copy_number", "event_fingerprint", "reason"),
    *("survivor_row_hash", "rule_version", "slice_start", "quarantined_at", "restored_at"),
)


def identical_rows() -> list[Row]:
    """Rows that no key tells apart, with and without what a row may lack."""
    inside = NOON + 20 * MINUTE
    return [
        # two of three go, and both of two
        *[event("three", inside)] * 3,
        event("first", inside),
        *[event("first", inside + 2 * HOUR, event_id="again")] * 2,
        *[event("no arrival at all", None)] * 2,
        event("late arrival", inside),
        *[event("late arrival", None, event_id=None)] * 3,
        *[event("no event_id", inside, event_id=None)] * 2,
        # equal in what they say
        event("spelled", inside, payload='{"a": 1, "b": [1.50]}'),
        event("spelled", inside, payload='{"b":[1.50],"a":1.0}'),
        event("empty", inside, payload=None, merchant_id=None),
        event("empty", inside, payload=None),
        event("it's \\ odd", inside, payload='{"a":"it\'s; \\\\ -- odd"}'),
        event("it's \\ odd", inside, payload='{"a":"it\'s; \\\\ -- odd"}', event_id="x"),
        # the last moment of an hour, and the first of the next
        event("edge of hours", NOON + HOUR - MICROSECOND),
        event("edge of hours", NOON + HOUR),
        event("edge of hours", NOON + HOUR),
        *[event("edge of hours", NOON + HOUR - MICROSECOND, event_id="z")] * 2,
    ]


def hashes(rows: Sequence[Row]) -> Counter[str]:
    """Rows as a multiset of what they hold."""
    return Counter(map(oracle.row_hash, rows))


def raw_rows(warehouse: Warehouse) -> Counter[str]:
    """What the source holds."""
    return hashes(warehouse.read(warehouse.source))


def quarantined_rows(warehouse: Warehouse, which: str = "restored_at is null") -> Counter[str]:
    """What is in quarantine; each row is whole, and under its own hash."""
    found = warehouse.query(f"select * from {QUARANTINE} where {which}")
    whole = [{name: row[name] for name in row if name not in RECORD} for row in found]
    for row, content in zip(found, whole, strict=True):
        assert row["row_hash"] == oracle.row_hash(content)
        assert row["copy_number"] is not None
        assert row["survivor_row_hash"] is not None
    return hashes(whole)


def to_remove(
    rows: Sequence[Row],
    window: tuple[datetime, datetime] = WINDOW,
    layout: Layout = DEFAULT,
    overrides: dict[str, str] | None = None,
) -> Counter[str]:
    """What the rules remove of some rows."""
    decided = oracle.decisions(rows, *window, layout, overrides)
    return Counter(
        decision.row_hash for decision in decided.elements() if decision.decision == "remove"
    )


def detect(
    warehouse: Warehouse,
    window: tuple[datetime, datetime] = WINDOW,
    incident_id: str = INCIDENT,
) -> None:
    """Decide copy by copy, make the tables of the audit, and have the repair approved."""
    warehouse.dbt(
        *("build", "--resource-type", "model", "--resource-type", "snapshot"),
        *("--select", "+incident_decisions", "tag:exactly_once_audit"),
        incident_id=incident_id,
        incident_start=str(window[0]),
        incident_end=str(window[1]),
    )
    approve(warehouse, incident_id)


def operate(warehouse: Warehouse, verb: str, incident_id: str = INCIDENT, **given: Any) -> None:
    """Run a verb with arguments."""
    arguments = json.dumps({"incident_id": incident_id, **given})
    warehouse.dbt("run-operation", verb, "--args", arguments)


def ledger(warehouse: Warehouse, *steps: str) -> list[dict[str, Any]]:
    """The entries of the raw verbs, with their digests and counts as Python values."""
    names = ", ".join(f"'{step}'" for step in steps or ("raw_quarantine", "raw_restore"))
    found = warehouse.query(
        f"select step, phase, counts, digests from {LEDGER} where step in ({names}) "
        "order by entry_number"
    )
    return [
        row | {"counts": json.loads(row["counts"]), "digests": json.loads(row["digests"])}
        for row in found
    ]


def phases(warehouse: Warehouse) -> list[tuple[str, str]]:
    """Which raw verbs began and ended."""
    return [(row["step"].removeprefix("raw_"), row["phase"]) for row in ledger(warehouse)]


def verify_ledger(warehouse: Warehouse) -> None:
    """The chain holds, and the evidence is what it says."""
    warehouse.dbt("run-operation", "ledger_verify")


def assert_moved(warehouse: Warehouse, rows: Sequence[Row], gone: Counter[str]) -> None:
    """Law 2: what was to go is in quarantine, the rest in the source, and nothing is lost."""
    before, after, out = hashes(rows), raw_rows(warehouse), quarantined_rows(warehouse)
    assert out == gone, (out - gone, gone - out)
    assert after == before - gone, (after - before, (before - gone) - after)
    assert after.total() + out.total() == len(rows)


def state(warehouse: Warehouse) -> tuple[Any, ...]:
    """All that the raw verbs may write."""
    return (
        raw_rows(warehouse),
        quarantined_rows(warehouse, "true"),
        len(warehouse.read(LEDGER)),
    )


def check_raw_repair(warehouse: Warehouse) -> None:
    """Laws 2, 5 and 6, through quarantine, late copies, a further run, and the way back."""
    rows = [*contaminated_rows(), *identical_rows()]
    warehouse.write_events(rows)
    warehouse.dbt("seed")
    detect(warehouse)
    untouched = state(warehouse)
    operate(warehouse, "raw_quarantine", dry_run=True)
    assert state(warehouse) == untouched

    gone = to_remove(rows)
    assert gone.total() > 20
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, rows, gone)
    verify_ledger(warehouse)
    begun, ended = ledger(warehouse)
    assert ended["counts"]["copies"] == gone.total()
    source_before, source_after = begun["digests"]["source"], ended["digests"]["source"]
    assert source_before["rows"] == source_after["rows"] + gone.total()
    assert source_before["digest"] != source_after["digest"]

    # done, and said so
    done = state(warehouse)
    operate(warehouse, "raw_quarantine")
    assert state(warehouse) == done

    # more of the same events: nothing of it was decided on, so nothing of it goes
    inside = NOON + 20 * MINUTE
    late = [
        *[event("three", inside)] * 2,
        event("first", inside + 2 * HOUR, event_id="again"),
        event("late arrival", None, event_id=None),
        event("copied", NOON + 5 * HOUR, event_type="authorized", event_id="late"),
        # earlier than what stayed
        event("moved", NOON + 9 * MINUTE),
    ]
    warehouse.write_events(late)
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, [*rows, *late], gone)

    detect(warehouse)
    held = Counter(hashes([*rows, *late]))
    held.subtract(gone)
    stays = [row for row in [*rows, *late] if _take(held, row)]
    gone_later = to_remove(stays)
    # the earlier copy is now the one that stays
    assert gone_later.total() == len(late)
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, [*rows, *late], gone + gone_later)
    verify_ledger(warehouse)
    assert ledger(warehouse)[-1]["counts"]["copies"] == len(late)

    operate(warehouse, "raw_restore", dry_run=True)
    assert_moved(warehouse, [*rows, *late], gone + gone_later)
    operate(warehouse, "raw_restore")
    assert raw_rows(warehouse) == hashes([*rows, *late])
    assert not quarantined_rows(warehouse)
    assert quarantined_rows(warehouse, "true") == gone + gone_later
    verify_ledger(warehouse)
    restored = state(warehouse)
    operate(warehouse, "raw_restore")
    assert state(warehouse) == restored

    # and once more, on what is there now
    detect(warehouse)
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, [*rows, *late], to_remove([*rows, *late]))
    verify_ledger(warehouse)


def _take(held: Counter[str], row: Row) -> bool:
    """Take one such row out, if there is one."""
    held[oracle.row_hash(row)] -= 1
    return held[oracle.row_hash(row)] >= 0


def assert_goes_and_comes_back(warehouse: Warehouse) -> None:
    """The source is another while copies are in quarantine, and the same once they are back."""
    before = warehouse.digest(warehouse.source)
    operate(warehouse, "raw_quarantine")
    assert warehouse.digest(warehouse.source) != before
    operate(warehouse, "raw_restore")
    assert warehouse.digest(warehouse.source) == before


def check_restore(warehouse: Warehouse) -> None:
    """Law 5: what comes back is equal by digest, ours and the package's, and can go again."""
    rows = [*contaminated_rows(), *identical_rows()]
    warehouse.write_events(rows)
    warehouse.dbt("seed")
    detect(warehouse)
    assert_goes_and_comes_back(warehouse)
    first, *_, last = ledger(warehouse)
    assert first["digests"]["source"] == last["digests"]["source"]
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, rows, to_remove(rows))
    check_every_field_counts(warehouse, QUARANTINE)


def check_refusals(warehouse: Warehouse) -> None:
    """Law 2: nothing goes for another incident, or without its survivor."""
    rows = [*contaminated_rows(), *identical_rows()]
    warehouse.write_events(rows)
    warehouse.dbt("seed")
    detect(warehouse)
    untouched = state(warehouse)

    with pytest.raises(DbtError, match=r"accepted: the incident that incident_decisions holds"):
        operate(warehouse, "raw_quarantine", "INC-2")
    with pytest.raises(DbtError, match="of which no copy was ever in quarantine"):
        operate(warehouse, "raw_restore", "INC-2")
    assert state(warehouse) == untouched

    # decisions that somebody wrote, not the detection
    for forged, found in (
        (
            "update main_incident.incident_decisions set decision = 'remove', survivor_row_hash = ("
            "select max(row_hash) from main_incident.incident_decisions "
            "where payment_id = 'moved' and decision = 'keep') where payment_id = 'first'",
            "every copy to remove leaves a kept copy of its event",
        ),
        (
            "update main_incident.incident_decisions set reason = 'identical_copy' "
            "where payment_id = 'first'",
            "that audit_decisions does not have",
        ),
    ):
        warehouse.execute(forged)
        with pytest.raises(DbtError, match=found):
            operate(warehouse, "raw_quarantine")
        assert state(warehouse) == untouched
        detect(warehouse)
        untouched = state(warehouse)

    # one of three went by another hand, and the survivors of two events
    warehouse.execute(
        f"delete from {warehouse.source} where payment_id in ('first', 'empty') "
        "and event_id in ('evt_first', 'evt_empty') and ingest_ts = '2026-03-01 12:20:00'"
        " and (merchant_id is not null or payment_id = 'first')"
    )
    untouched = state(warehouse)
    for dry_run in (True, False):
        with pytest.raises(DbtError, match="events whose survivor is not there"):
            operate(warehouse, "raw_quarantine", dry_run=dry_run)
    assert state(warehouse) == untouched
    detect(warehouse)
    operate(warehouse, "raw_quarantine")
    verify_ledger(warehouse)


def _manager(warehouse: Warehouse) -> Any:
    """What sends the statements of dbt to the engine."""
    if isinstance(warehouse, SnowflakeWarehouse):
        return SnowflakeConnectionManager
    return DuckDBConnectionManager


@contextmanager
def arriving_before_delete(warehouse: Warehouse, row: str) -> Iterator[None]:
    """Let a row arrive between what a slice puts away and what it deletes, in the first attempt.

    So a statement on Snowflake sees what another session committed a moment ago. Both stand-ins
    for it isolate a transaction as a whole: the row is written inside, and again after the undoing.
    """
    manager = _manager(warehouse)
    original, arrives = manager.add_query, f"insert into {warehouse.source} {row}"
    state_of_row = ["on its way"]

    def add_query(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        if state_of_row[0] == "on its way" and re.search(r"^\s*delete from", sql, re.MULTILINE):
            state_of_row[0] = "seen"
            original(self, arrives, *arguments, **options)
        found = original(self, sql, *arguments, **options)
        if state_of_row[0] == "seen" and re.search(r"^\s*rollback", sql, re.MULTILINE):
            state_of_row[0] = "there"
            original(self, arrives, *arguments, **options)
        return found

    with patch.object(manager, "add_query", add_query):
        yield
    assert state_of_row[0] == "there"


@contextmanager
def after_insert(warehouse: Warehouse, statement: str) -> Iterator[None]:
    """Change what a slice has just written, within its transaction."""
    manager = _manager(warehouse)
    original, is_inserted = manager.add_query, False

    def add_query(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        nonlocal is_inserted
        if is_inserted:
            original(self, statement, *arguments, **options)
        inserts = re.search(r"^\s*insert into", sql, re.MULTILINE)
        is_inserted = inserts is not None and "where false" not in sql
        return original(self, sql, *arguments, **options)

    with patch.object(manager, "add_query", add_query):
        yield


def check_concurrent_arrival(warehouse: Warehouse) -> None:
    """Law 2: a row that arrives while its like are removed stays."""
    # of one slice, so that the first to be deleted from is that in which the row arrives
    rows = [row for row in identical_rows() if row["payment_id"] == "three"]
    warehouse.write_events(rows)
    warehouse.dbt("seed")
    detect(warehouse)
    like = "payment_id = 'three' limit 1"
    with arriving_before_delete(warehouse, f"select * from {warehouse.source} where {like}"):
        operate(warehouse, "raw_quarantine")
    three = event("three", NOON + 20 * MINUTE)
    assert_moved(warehouse, [*rows, three], hashes([three] * 2))
    verify_ledger(warehouse)


def check_jobs_after(warehouse: Warehouse) -> None:
    """The jobs and their tests hold after the raw repair, before and after a new detection."""
    # a verdict that keeps, an incomplete key, and copies outside the scope stay in raw
    rows = [*contaminated_rows(), *identical_rows()]
    warehouse.write_events(rows)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    scope: dict[str, Any] = {
        "incident_id": INCIDENT,
        "incident_start": str(WINDOW[0]),
        "incident_end": str(WINDOW[1]),
    }
    warehouse.dbt("build", "--selector", "detection", **scope)
    approve(warehouse)
    gone = to_remove(rows)
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, rows, gone)
    warehouse.dbt("test", "--selector", "detection", **scope)
    curated = [
        warehouse.digest(f"main_analytics.{name}") for name in ("payments", "fraud_features")
    ]
    warehouse.dbt("build", "--selector", "fifteen_minute", "--full-refresh")
    assert curated == [
        warehouse.digest(f"main_analytics.{name}") for name in ("payments", "fraud_features")
    ]
    warehouse.dbt("build", "--selector", "monitoring")
    warehouse.dbt("test", "--selector", "whole_tables")
    warehouse.dbt("build", "--selector", "detection", **scope)
    approve(warehouse)
    audited = warehouse.query(
        "select count(*) as n from main_audit.audit_decisions "
        "where decision = 'remove' and dbt_valid_to is null"
    )
    assert audited[0]["n"] == gone.total()
    verify_ledger(warehouse)
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, rows, gone)
