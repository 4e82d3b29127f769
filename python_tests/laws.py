"""The laws as functions that raise AssertionError, for the tests and for the tests of the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from python_tests import oracle
from python_tests.oracle import DEFAULT, Decision, Layout
from python_tests.warehouse import Warehouse

Row = dict[str, Any]

NOON = datetime(2026, 3, 1, 12)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def event(payment_id: str | None, arrives: datetime | None = NOON, **values: Any) -> Row:
    """A row of raw.events; what isn't given is unremarkable."""
    row = {
        "event_id": f"evt_{payment_id}",
        "payment_id": payment_id,
        "merchant_id": "mer_1",
        "event_type": "captured",
        "amount_cents": 1000,
        "currency": "USD",
        "event_ts": NOON,
        "ingest_ts": arrives,
        "payload": "{}",
    }
    return row | values


def steady_events(start: datetime, count: int = 12, name: str = "steady") -> list[Row]:
    """Events without copies, a minute apart: enough of them to move the watermark."""
    moments = [start + number * MINUTE for number in range(count)]
    return [
        event(f"{name}_{start:%d%H%M}_{number}", moment, event_ts=moment)
        for number, moment in enumerate(moments)
    ]


def assert_deduplicated(warehouse: Warehouse, rows: Iterable[Row], layout: Layout = DEFAULT) -> None:
    """One event, one row: the table maps each fingerprint to the least copy, row for row."""
    rows = list(rows)
    found = warehouse.read(
        "main_staging.stg_events_deduplicated", "event_fingerprint, row_hash, has_complete_key"
    )
    expected = [
        {
            "event_fingerprint": fingerprint,
            "row_hash": oracle.row_hash(row),
            "has_complete_key": oracle.has_complete_key(row, layout),
        }
        for fingerprint, row in oracle.deduplicated(rows, layout).items()
    ]
    assert_same_rows(found, expected, rows)


def assert_curated(warehouse: Warehouse, events: Iterable[Row], layout: Layout = DEFAULT) -> None:
    """The curated tables are those of the given events, row for row."""
    events = list(events)
    assert_same_rows(
        warehouse.read("main_analytics.payments"), oracle.payments(events, layout)
    )
    assert_same_rows(
        warehouse.read("main_analytics.fraud_features"), oracle.fraud_features(events, layout)
    )


def assert_decided(
    warehouse: Warehouse,
    rows: Iterable[Row],
    window: tuple[datetime, datetime],
    layout: Layout = DEFAULT,
    overrides: dict[str, str] | None = None,
) -> None:
    """Each copy in scope has the decision and the reason that the rules give it."""
    names = list(Decision.__dataclass_fields__)
    found = warehouse.read("main_incident.incident_decisions", ", ".join(names))
    rows = list(rows)
    expected = oracle.decisions(rows, *window, layout, overrides)
    assert_same_rows(found, [asdict(decision) for decision in expected.elements()], rows)


def assert_same_rows(
    found: Sequence[Row], expected: Sequence[Row], context: Sequence[Row] = ()
) -> None:
    """Equal as multisets; says which rows are missing and which are too many."""
    have, want = Counter(map(_frozen, found)), Counter(map(_frozen, expected))
    missing, surplus = sorted((want - have).elements()), sorted((have - want).elements())
    if missing or surplus:
        hashes = {str(value) for row in missing + surplus for _, value in row}
        sources = [dict(row) for row in context if oracle.row_hash(row) in hashes]
        raise AssertionError(
            f"{len(missing)} rows missing: {missing[:3]}; {len(surplus)} too many: {surplus[:3]}; "
            f"source rows of these: {sources[:6]}"
        )


def _frozen(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, _plain(value)) for name, value in row.items()))


def _plain(value: Any) -> str:
    return oracle.canonical_text(value) or "NULL"


def run_batches(
    warehouse: Warehouse, batches: Sequence[Sequence[Row]], layout: Layout = DEFAULT
) -> list[Row]:
    """Write batch after batch; after each one the deduplicated table must be right."""
    rows: list[Row] = []
    for batch in batches:
        warehouse.write_events(batch)
        rows += batch
        warehouse.dbt("run", "--select", "staging")
        assert_deduplicated(warehouse, rows, layout)
    return rows
