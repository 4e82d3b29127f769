"""What the query tag of each statement says, and which of dbt's own statements have none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from python_tests.snowflake_simulator.history import Statement
from python_tests.snowflake_statements import is_ours, sent

# What dbt sends where no macro of this package runs: docs/snowflake.md
OF_DBT = re.compile(
    r"show (terse schemas|objects) in .*"
    r"|create schema if not exists \S+"
    r"|describe table \S+"
    r"|select current_warehouse\(\) as warehouse|use warehouse \S+"
    r"|show parameters like 'query_tag' in session"
    r"|alter session (set query_tag = .*|unset query_tag)",
    re.IGNORECASE | re.DOTALL,
)
# The unit tests, the freshness of sources, what is shown and the catalog, in dbt's comment
OF_COMMANDS = (
    '"node_id": "analysis.',
    '"node_id": "unit_test.',
    '"node_id": "source.',
    '.information_schema"}',
)


def tag_of(statement: Statement) -> dict[str, Any]:
    """The tag, empty where it is not this package's."""
    try:
        tag: dict[str, Any] = json.loads(statement.query_tag)
    except ValueError:
        return {}
    return tag if tag.get("app") == "exactly_once" else {}


def to_be_tagged(statements: Iterable[Statement]) -> Iterator[Statement]:
    """The statements that this package causes, without dbt's own."""
    for one in statements:
        of_command = any(mark in one.text for mark in OF_COMMANDS)
        if is_ours(one) and not of_command and not OF_DBT.fullmatch(sent(one)):
            yield one


def without(statements: Iterable[Statement], *parts: str) -> list[str]:
    """Those of the statements whose tag lacks one of the parts."""
    return [
        f"{one.query_tag or 'no tag'} on {sent(one)[:300]}"
        for one in to_be_tagged(statements)
        if not all(tag_of(one).get(part) for part in parts)
    ]
