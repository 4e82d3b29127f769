"""Law 5 on Snowflake, where each statement outside a transaction stays: see test_faults.py."""

from __future__ import annotations

import pytest

from python_tests.faults import watched
from python_tests.laws import assert_recorded, contaminate, kept_state
from python_tests.snowflake_warehouse import Saved, SnowflakeWarehouse
from python_tests.test_faults import (
    BEFORE,
    STEPS,
    chosen,
    die,
    nothing,
    rows_in_raw_and_quarantine,
)

GROUPS = {
    "candidates": ("remediation_clone", "candidate_build"),
    "swap": ("remediation_swap",),
    "raw": ("raw_quarantine", "raw_restore"),
    "rollback": ("replaced_build", "remediation_rollback", "remediation_retire"),
}


BUILDS = {"candidate_build": "__candidate", "replaced_build": "__replaced"}


@pytest.mark.soak
@pytest.mark.parametrize("group", GROUPS)
def test_a_step_that_died_at_any_statement_is_finished_by_the_same_command(
    snowflake_warehouse: SnowflakeWarehouse, group: str
) -> None:
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    for name, step in STEPS.items():
        BEFORE.get(name, nothing)(warehouse)
        if name not in GROUPS[group]:
            step(warehouse)
            continue
        before = Saved(warehouse, "before")
        rows = rows_in_raw_and_quarantine(warehouse)
        with watched() as log:
            step(warehouse)
        expected = kept_state(warehouse)
        after = Saved(warehouse, "after")
        for death in chosen(name, log, BUILDS):
            before.restore()
            die(step, warehouse, death)
            assert rows_in_raw_and_quarantine(warehouse) == rows
            step(warehouse)
            assert kept_state(warehouse) == expected, (name, death, log.statements[death.place])
            assert_recorded(warehouse, name)
        after.restore()
        if name == GROUPS[group][-1]:
            return
