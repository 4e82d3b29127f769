"""MERGE by DuckDB's own, with Snowflake's counts and its error for ambiguous source rows.

https://docs.snowflake.com/en/sql-reference/sql/merge#duplicate-join-behavior
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from python_tests.snowflake_simulator.errors import not_imitated, sql_error

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.cursor import SimulatedCursor

COUNTED = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


def run(cursor: SimulatedCursor, statement: exp.Merge, params: Any) -> None:
    """Run the statement and answer with one count for each verb that it has."""
    connection = cursor._duck_conn
    counting = f"{statement.sql(dialect='duckdb')} returning merge_action"
    try:
        actions = [row[0] for row in connection.execute(counting, params).fetchall()]
    except duckdb.InvalidInputException as error:
        if "more than once" not in str(error):
            raise
        if "UPDATE" not in _verbs(statement):
            raise not_imitated("a MERGE that deletes one row for several source rows") from error
        raise sql_error("Duplicate row detected during DML action", 100090, "42P18") from error
    verbs = [verb for verb in COUNTED if verb in _verbs(statement)]
    cursor.answer(
        "select " + ", ".join(f'{actions.count(v)} as "number of rows {COUNTED[v]}"' for v in verbs)
    )
    cursor._rowcount = len(actions)
    cursor.rows_touched = {verb.lower(): actions.count(verb) for verb in verbs}


def _verbs(statement: exp.Merge) -> set[str]:
    found = set()
    for when in statement.args["whens"].expressions:
        then = when.args["then"]
        found.add(then.name.upper() if isinstance(then, exp.Var) else then.key.upper())
    return found
