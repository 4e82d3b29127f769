"""Equal values give equal fingerprints, whatever the type, the session time zone or the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from python_tests import oracle
from python_tests.laws_of_fingerprints import GOLDEN, LAWS, TIME_ZONES
from python_tests.warehouse import Warehouse

ENGINES = {"duckdb": "warehouse", "snowflake": "snowflake_warehouse"}


@pytest.fixture(
    params=[(name, zone) for name in ("duckdb", "snowflake") for zone in TIME_ZONES],
    ids=lambda param: "-".join(param),
)
def engine(request: pytest.FixtureRequest) -> Warehouse:
    """A warehouse of either engine, whose sessions have another time zone."""
    name, zone = request.param
    make: Callable[..., Warehouse] = request.getfixturevalue(f"new_{ENGINES[name]}")
    return make(time_zone=zone)


def python_value(vector: dict[str, Any]) -> Any:
    """A vector's value as the oracle takes it."""
    kind, value = vector["type"], vector["value"]
    if value is None or kind in ("text", "json"):
        return value
    if kind in ("integer", "bigint"):
        return int(value)
    if kind.startswith("decimal"):
        return Decimal(value)
    if kind == "boolean":
        return value == "true"
    return date.fromisoformat(value) if kind == "date" else datetime.fromisoformat(value)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_golden_vectors_hold(engine: Warehouse, law: Callable[[Warehouse], None]) -> None:
    law(engine)


def test_the_oracle_reproduces_the_golden_vectors() -> None:
    for vector in GOLDEN["values"]:
        text = oracle.json_text if vector["type"] == "json" else oracle.canonical_text
        assert text(python_value(vector)) == vector["canonical_text"]
    for vector in GOLDEN["keys"]:
        row = {str(position): python_value(v) for position, v in enumerate(vector["parts"])}
        parts = [oracle.part(oracle.canonical_text(value)) for value in row.values()]
        assert oracle.hashed(oracle.part("key"), *parts) == vector["fingerprint"]
        if None not in row.values():
            layout = oracle.Layout(key=tuple(row), payload=None)
            assert oracle.fingerprint(row, layout) == vector["fingerprint"]
    for vector in GOLDEN["rows"]:
        row = {entry["name"]: python_value(entry) for entry in vector["columns"]}
        assert oracle.row_hash(row) == vector["row_hash"]


def test_only_equal_keys_have_equal_fingerprints() -> None:
    equal = {
        "the usual key",
        "the same instant with a time zone",
        "an amount as a decimal",
    }
    others = [key["fingerprint"] for key in GOLDEN["keys"] if key["name"] not in equal]
    same = {key["fingerprint"] for key in GOLDEN["keys"] if key["name"] in equal}
    assert len(same) == 1
    assert len(set(others) | same) == len(others) + 1
