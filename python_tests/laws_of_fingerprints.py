"""The golden vectors as laws that raise AssertionError: equal fingerprints on every engine.

golden/fingerprints.json holds value, canonical text and hash: what every engine must reproduce.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from python_tests.warehouse import Warehouse

GOLDEN = json.loads((Path(__file__).parent / "golden" / "fingerprints.json").read_text("utf-8"))
TIME_ZONES = ("UTC", "Asia/Kolkata", "America/Los_Angeles")


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


def columns(engine: Warehouse, vectors: Sequence[dict[str, Any]]) -> str:
    """Vectors as the columns of a row."""
    return "[" + ", ".join(column(engine, vector) for vector in vectors) + "]"


def assert_golden(found: Sequence[Any], golden: Sequence[Any]) -> None:
    """Say which one differs first."""
    pairs = zip(found, golden, strict=True)
    if wrong := [f"expected {want}, found {have}" for have, want in pairs if have != want]:
        raise AssertionError(f"{len(wrong)} of {len(golden)} differ; {wrong[0]}")


def canonical_text_is_the_golden_one(engine: Warehouse) -> None:
    """Numbers, times, texts and JSON, whose keys are sorted."""
    vectors = GOLDEN["values"]
    found = evaluated(
        engine,
        [f"exactly_once.canonical_text({literal(engine, v)}, '{v['type']}')" for v in vectors],
    )
    assert_golden(found, [vector["canonical_text"] for vector in vectors])


def fingerprints_of_keys_are_the_golden_ones(engine: Warehouse) -> None:
    """Whatever the types of the key columns are."""
    vectors = GOLDEN["keys"]
    keys = [columns(engine, vector["parts"]) for vector in vectors]
    found = evaluated(engine, [f"exactly_once.fingerprint({key})" for key in keys])
    assert_golden(found, [vector["fingerprint"] for vector in vectors])


def fingerprints_of_incomplete_keys_are_the_golden_ones(engine: Warehouse) -> None:
    """By the event's id, or by the hash of the row."""
    vectors = GOLDEN["incomplete_keys"]
    expressions = []
    for vector in vectors:
        event_id = "none"
        if vector["event_id"] is not None:
            event_id = column(engine, {"type": "text", "value": vector["event_id"]})
        row_hash = json.dumps(f"'{vector['row_hash']}'")
        expressions.append(f"exactly_once.fingerprint_without_key({event_id}, {row_hash})")
    assert_golden(evaluated(engine, expressions), [vector["fingerprint"] for vector in vectors])


def row_hashes_are_the_golden_ones(engine: Warehouse) -> None:
    """With payloads, which are hashed by what they say."""
    vectors = GOLDEN["rows"]
    rows = [columns(engine, vector["columns"]) for vector in vectors]
    found = evaluated(engine, [f"exactly_once.row_hash({row})" for row in rows])
    assert_golden(found, [vector["row_hash"] for vector in vectors])


LAWS: tuple[Callable[[Warehouse], None], ...] = (
    canonical_text_is_the_golden_one,
    fingerprints_of_keys_are_the_golden_ones,
    fingerprints_of_incomplete_keys_are_the_golden_ones,
    row_hashes_are_the_golden_ones,
)
