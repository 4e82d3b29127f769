"""What becomes of copies whose payloads differ, for the tests and for the tests of the tests."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from python_tests import oracle
from python_tests.laws import (
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
    untouched_rows,
)
from python_tests.warehouse import Warehouse

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


def events_to_repair() -> list[Row]:
    """A group for each verdict, in the window of the laws' incident."""
    base = DELIVERY | {"amount": 12.5, "op": {"id": "op_1"}}
    again = base | AGAIN
    return [
        *copies_of("volatile", base, again),
        *copies_of("benign", base | {"description": "a"}, again | {"description": "b"}),
        *copies_of("material", base, again | {"amount": 25}, again),
        *copies_of("identity", base, again | {"op": {"id": "op_2"}}, again),
        *copies_of("unclear", base, again | {"op": {"id": "op_2"}}, again | {"description": "c"}),
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
    assert found["unclear", "review"] == 0.4
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
    names = ("volatile", "benign", "material", "identity", "unclear", "judged", "incomplete")
    assert [counts[name] for name in names] == [1, 1, 3, 2, 3, 1, 2]
