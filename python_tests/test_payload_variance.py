"""Payloads of copies: what differs, how far, and what becomes of the copies."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    INCIDENT,
    NOON,
    WINDOW,
    Row,
    assert_curated,
    assert_decided,
    build_candidate,
    contaminate,
    contaminated_rows,
    decide_again,
    event,
    give_verdict,
    refusal,
    steady_events,
    untouched_rows,
)
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, Warehouse

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
    texts = [
        payload if payload is None or isinstance(payload, str) else json.dumps(payload)
        for payload in payloads
    ]
    return [
        event(
            name,
            NOON + timedelta(minutes=5, seconds=number),
            payload=text,
            **{"event_id": f"{name}_{number}", **values},
        )
        for number, text in enumerate(texts)
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


def events_to_repair() -> list[Row]:
    """A group for each verdict, in the window of the laws' incident."""
    base = DELIVERY | {"amount": 12.5, "op": {"id": "op_1"}}
    again = base | AGAIN
    return [
        *copies_of("volatile", base, again),
        *copies_of("benign", base | {"description": "a"}, again | {"description": "b"}),
        *copies_of("material", base, again | {"amount": 25}, again),
        *copies_of("identity", base, again | {"op": {"id": "op_2"}}, again),
        *copies_of("judged", base, again | {"amount": 25}),
        *copies_of("incomplete", base, again | {"amount": 1}, currency=None, event_id="i"),
    ]


def check_material_payloads(warehouse: Warehouse) -> None:
    """Law 2: what differs in what counts stays in raw; the curated tables count it once."""
    rows = [*contaminated_rows(), *events_to_repair()]
    untouched = untouched_rows()
    warehouse.write_events(events_to_repair())
    contaminate(warehouse)
    assert_decided(warehouse, rows, WINDOW)
    judged = oracle.fingerprint(event("judged"))
    give_verdict(warehouse, judged, "remove")
    decide_again(warehouse)
    assert_decided(warehouse, rows, WINDOW, overrides={judged: "remove"})
    scores = warehouse.query(
        "select payment_id, decision, min(variance_score) as score"
        " from main_incident.incident_decisions group by payment_id, decision"
    )
    found = {(row["payment_id"], row["decision"]): row["score"] for row in scores}
    assert found["material", "review"] == 0.5
    assert found["identity", "keep"] == 0.25
    assert found["benign", "remove"] == 0.2
    assert found["volatile", "remove"] == 0
    assert found["incomplete", "review"] is None

    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    assert not refusal(warehouse)
    touched = [row for row in rows if row not in untouched]
    assert_curated(warehouse, [*oracle.deduplicated(touched).values(), *untouched])

    warehouse.operate("raw_quarantine", INCIDENT)
    left = warehouse.query("select payment_id, count(*) as n from raw.events group by payment_id")
    counts = {row["payment_id"]: row["n"] for row in left}
    names = ("volatile", "benign", "material", "identity", "judged", "incomplete")
    assert [counts[name] for name in names] == [1, 1, 3, 3, 1, 2]


def test_nothing_of_a_material_group_is_removed(warehouse: Warehouse) -> None:
    check_material_payloads(warehouse)


@pytest.mark.slow
def test_nothing_of_a_material_group_is_removed_on_snowflake(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    check_material_payloads(snowflake_warehouse)


def test_a_source_without_a_payload_has_no_variance(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    columns = {name: kind for name, kind in EVENT_COLUMNS.items() if name != "payload"}
    plain = new_warehouse(columns=columns, settings={"exactly_once__payload_column": None})
    assert detect(plain, events_to_repair()) == {}
    scores = plain.query("select distinct variance_score from main_incident.incident_decisions")
    assert scores == [{"variance_score": None}]
