"""Payloads of copies: what differs, how far, and what becomes of the copies."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from python_tests.laws import HOUR, INCIDENT, NOON, Row, event, steady_events
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import Warehouse

VARIANCE = "main_incident.incident_payload_variance"
DECLARED: dict[str, Any] = {
    "incident_id": INCIDENT,
    "incident_start": str(NOON),
    "incident_end": str(NOON + HOUR),
}
DELIVERY = {"delivery": {"attempt": 1}, "producer": {"name": "api", "host": "api-1"}}
AGAIN = {"delivery": {"attempt": 2}, "producer": {"name": "api", "host": "api-2"}}


def copies_of(name: str, *payloads: Any, **values: Any) -> list[Row]:
    """An event with a copy for each payload, each under an event_id of its own."""
    return [
        event(
            name,
            NOON + timedelta(minutes=5, seconds=number),
            event_id=f"{name}_{number}",
            payload=payload if payload is None or isinstance(payload, str) else json.dumps(payload),
            **values,
        )
        for number, payload in enumerate(payloads)
    ]


def events_that_differ() -> list[Row]:
    """A group for each way to differ that tells the engines apart, or could."""
    base = DELIVERY | {"amount": 12.5, "op": {"id": "op_1"}}
    again = base | AGAIN
    return [
        *steady_events(NOON),
        *copies_of("same", base, base),
        *copies_of("volatile", base, again, again),
        *copies_of("form", '{"a":1,"b":"é"}', '{ "b":"\\u00e9", "a":1.0}'),
        *copies_of("benign", base | {"description": "a"}, again | {"description": "ab"}),
        *copies_of("material", base, again | {"amount": 25}),
        *copies_of("unknown", base, again | {"tip": 1}),
        *copies_of("text", {"amount": 1}, {"amount": "1"}),
        *copies_of("identity", base, again | {"op": {"id": "op_2"}}),
        *copies_of("no identity", base, again | {"op": {}}),
        *copies_of("no object", DELIVERY | {"producer": "a"}, DELIVERY | {"producer": "b"}),
        *copies_of("no producer", {"a": 1}, {"a": 1, "producer": {}}),
        *copies_of("only host", {"a": 1}, {"a": 1, "producer": {"host": "x"}}),
        *copies_of("no delivery", {"a": 1}, {"a": 1, "delivery": {}}),
        *copies_of("no members", {"a": 1, "delivery": 1}, {"a": 1, "delivery": 2}),
        *copies_of("array", [1], [2], '"text"'),
        *copies_of("none", None, {"a": 1}),
        *copies_of("null", None, "null"),
        *copies_of("elsewhere", {"x": {"delivery": {"n": 1}}}, {"x": {"delivery": {"n": 2}}}),
        *copies_of("deep", "[" * 200 + "]" * 200, "[]"),
        *copies_of("many", *({"n": number} for number in range(65))),
        *copies_of("large", {"a": "x" * 150_000}, {"a": "y" * 150_000}),
        *copies_of("quoted", {"a.b": 1, "ü": 1}, {"a.b": 2, "ü": 2}),
        *copies_of("incomplete", base, again | {"amount": 1}, currency=None),
    ]


def detect(warehouse: Warehouse, rows: list[Row], **settings: Any) -> dict[str, dict[str, Any]]:
    """What the model says of each payment's event."""
    warehouse.write_events(rows)
    warehouse.dbt("seed", **settings)
    warehouse.dbt("run", "--select", "+incident_decisions", **DECLARED, **settings)
    found = warehouse.query(
        f"select groups.payment_id, variance.* from {VARIANCE} as variance"
        " inner join main_incident.incident_duplicate_groups as groups"
        " on variance.event_fingerprint = groups.event_fingerprint"
    )
    return {row["payment_id"]: row for row in found}


# payment -> class, score, paths, verdict, reason
EXPECTED = {
    "benign": ("benign", 0.1, ["description"], "remove", "benign_differs"),
    "material": ("material", 0.5, ["amount"], "review", "material_differs"),
    "unknown": ("material", 1.0, ["tip"], "review", "material_differs"),
    "text": ("material", 1.0, ["amount"], "review", "material_differs"),
    "identity": ("identity", 0.25, ["op.id"], "keep", "identity_differs"),
    "no identity": ("material", 1.0, ["op.id"], "review", "material_differs"),
    "no object": ("material", 1.0, ["producer"], "review", "material_differs"),
    "no producer": ("material", 1.0, ["producer.*"], "review", "material_differs"),
    "no members": ("material", 0.5, ["delivery"], "review", "material_differs"),
    "array": ("material", 1.0, ["$", "0"], "review", "material_differs"),
    "none": ("material", 1.0, ["$", "a"], "review", "material_differs"),
    "elsewhere": ("material", 0.5, ["x.delivery.n"], "review", "material_differs"),
    "deep": ("material", 1.0, ["$"], "review", "too_deep"),
    "many": ("material", 1.0, ["$"], "review", "too_many_payloads"),
    "large": ("material", 1.0, ["$"], "review", "too_large"),
    "quoted": ("material", 0.75, ['"a.b"', "ü"], "review", "material_differs"),
}


def test_groups_are_judged_alike_on_duckdb_and_on_snowflake(
    warehouse: Warehouse, snowflake_warehouse: SnowflakeWarehouse
) -> None:
    for engine in (warehouse, snowflake_warehouse):
        found = {
            name: (
                row["payload_class"],
                row["variance_score"],
                json.loads(row["differing_paths"]),
                row["verdict"],
                row["reason"],
            )
            for name, row in detect(engine, events_that_differ()).items()
        }
        assert found == EXPECTED
    assert snowflake_warehouse.digest(VARIANCE) == warehouse.digest(VARIANCE)
