"""Law 5 on Snowflake, where each statement outside a transaction stays: see test_faults.py."""

from __future__ import annotations

import pytest

from python_tests.faults import deaths, watched
from python_tests.laws import assert_recorded, contaminate, kept_state
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.test_faults import STEPS
from python_tests.warehouse import DbtError

# Where a remediation writes.
WRITTEN = ("RAW", "MAIN_ANALYTICS", "MAIN_AUDIT")


class Saved:
    """The schemas of a warehouse as they were, to go back to."""

    def __init__(self, warehouse: SnowflakeWarehouse, prefix: str) -> None:
        """Clone them away, to names with a prefix."""
        self.warehouse = warehouse
        self.prefix = prefix
        self.comments = _schemas(warehouse)
        for name in self.comments:
            warehouse.execute(f"create or replace schema {prefix}_{name} clone {name}")

    def restore(self) -> None:
        """Drop what is there now, and clone them back."""
        for name in _schemas(self.warehouse):
            self.warehouse.execute(f"drop schema {name}")
        for name, comment in self.comments.items():
            self.warehouse.execute(f"create schema {name} clone {self.prefix}_{name}")
            text = comment.replace("\\", "\\\\").replace("'", "''")
            self.warehouse.execute(f"comment on schema {name} is '{text}'")


def _schemas(warehouse: SnowflakeWarehouse) -> dict[str, str]:
    rows = warehouse.query("select schema_name as name, comment from information_schema.schemata")
    return {row["name"]: row["comment"] or "" for row in rows if row["name"].startswith(WRITTEN)}


def test_a_step_that_died_at_any_statement_is_finished_by_the_same_command(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    for name, step in STEPS.items():
        before = Saved(warehouse, "before")
        with watched() as log:
            step(warehouse)
        expected = kept_state(warehouse)
        after = Saved(warehouse, "after")
        for death in deaths(log):
            before.restore()
            with watched(death), pytest.raises(DbtError, match="killed"):
                step(warehouse)
            step(warehouse)
            assert kept_state(warehouse) == expected, (name, death, log.statements[death.place])
            assert_recorded(warehouse, name)
        after.restore()
