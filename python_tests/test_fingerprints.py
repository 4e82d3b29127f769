"""Equal values give equal fingerprints, whatever the type, the session time zone or the engine.

golden/fingerprints.json holds value, canonical text and hash: what every engine must reproduce.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from python_tests import oracle
from python_tests.warehouse import Warehouse

GOLDEN = json.loads((Path(__file__).parent / "golden" / "fingerprints.json").read_text("utf-8"))
ENGINES = {"duckdb": "warehouse", "snowflake": "snowflake_warehouse"}
TIME_ZONES = ("UTC", "Asia/Kolkata", "America/Los_Angeles")


@pytest.fixture(
    params=[(name, zone) for name in ("duckdb", "snowflake") for zone in TIME_ZONES],
    ids=lambda param: "-".join(param),
)
def engine(request: pytest.FixtureRequest) -> Warehouse:
    """A warehouse of either engine, whose sessions have another time zone."""
    name, zone = request.param
    make: Callable[..., Warehouse] = request.getfixturevalue(f"new_{ENGINES[name]}")
    return make(time_zone=zone)


def evaluated(engine: Warehouse, expressions: Sequence[str]) -> list[Any]:
    """What the engine makes of Jinja expressions that give SQL."""
    selected = [
        f"select {number} as position, {{{{ {expression} }}}} as result"
        for number, expression in enumerate(expressions)
    ]
    query = "\nunion all\n".join(selected) + "\norder by position"
    found = engine.dbt("show", "--inline", query, "--limit", "-1")
    return [result for _, result in found.results[0].agate_table.rows]


def literal(engine: Warehouse, vector: dict[str, Any]) -> str:
    """The SQL of a vector's value, as a Jinja literal."""
    return json.dumps(engine.literal(vector["value"], vector["type"]), ensure_ascii=False)


def column(engine: Warehouse, vector: dict[str, Any]) -> str:
    """A vector as an entry of source_columns()."""
    name = json.dumps(vector.get("name", "value"))
    return f"{{'name': {name}, 'sql': {literal(engine, vector)}, 'type': '{vector['type']}'}}"


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


def test_canonical_text_is_the_golden_one(engine: Warehouse) -> None:
    vectors = GOLDEN["values"]
    found = evaluated(
        engine,
        [f"exactly_once.canonical_text({literal(engine, v)}, '{v['type']}')" for v in vectors],
    )
    assert found == [vector["canonical_text"] for vector in vectors]


def test_fingerprints_of_keys_are_the_golden_ones(engine: Warehouse) -> None:
    vectors = GOLDEN["keys"]
    keys = ["[" + ", ".join(column(engine, v) for v in vector["parts"]) + "]" for vector in vectors]
    found = evaluated(engine, [f"exactly_once.fingerprint({key})" for key in keys])
    assert found == [vector["fingerprint"] for vector in vectors]


def test_fingerprints_of_incomplete_keys_are_the_golden_ones(engine: Warehouse) -> None:
    vectors = GOLDEN["incomplete_keys"]
    expressions = []
    for vector in vectors:
        event_id = "none"
        if vector["event_id"] is not None:
            event_id = column(engine, {"type": "text", "value": vector["event_id"]})
        row_hash = json.dumps(f"'{vector['row_hash']}'")
        expressions.append(f"exactly_once.fingerprint_without_key({event_id}, {row_hash})")
    assert evaluated(engine, expressions) == [vector["fingerprint"] for vector in vectors]


def test_row_hashes_are_the_golden_ones(engine: Warehouse) -> None:
    vectors = GOLDEN["rows"]
    rows = [
        "[" + ", ".join(column(engine, v) for v in vector["columns"]) + "]" for vector in vectors
    ]
    found = evaluated(engine, [f"exactly_once.row_hash({row})" for row in rows])
    assert found == [vector["row_hash"] for vector in vectors]


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
