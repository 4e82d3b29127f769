"""Law 5 on Snowflake, where each statement outside a transaction stays: see test_faults.py."""

from __future__ import annotations

import pytest

from python_tests.faults import Death, StatementLog, deaths, watched
from python_tests.laws import assert_recorded, contaminate, kept_state
from python_tests.snowflake_warehouse import Saved, SnowflakeWarehouse
from python_tests.test_faults import STEPS, die, rows_in_raw_and_quarantine

GROUPS = {
    "candidates": ("remediation_clone", "candidate_build"),
    "swap": ("remediation_swap",),
    "raw": ("raw_quarantine", "raw_restore"),
    "rollback": ("remediation_rollback", "remediation_retire"),
}


def chosen(name: str, log: StatementLog) -> list[Death]:
    """Every death of a verb; of the build those at the candidates, for the rest is dbt's own."""
    return [
        death
        for death in deaths(log)
        if name != "candidate_build" or "__candidate" in log.statements[death.place].lower()
    ]


@pytest.mark.soak
@pytest.mark.parametrize("group", GROUPS)
def test_a_step_that_died_at_any_statement_is_finished_by_the_same_command(
    snowflake_warehouse: SnowflakeWarehouse, group: str
) -> None:
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    for name, step in STEPS.items():
        if name not in GROUPS[group]:
            step(warehouse)
            continue
        before = Saved(warehouse, "before")
        rows = rows_in_raw_and_quarantine(warehouse)
        with watched() as log:
            step(warehouse)
        expected = kept_state(warehouse)
        after = Saved(warehouse, "after")
        for death in chosen(name, log):
            before.restore()
            die(step, warehouse, death)
            assert rows_in_raw_and_quarantine(warehouse) == rows
            step(warehouse)
            assert kept_state(warehouse) == expected, (name, death, log.statements[death.place])
            assert_recorded(warehouse, name)
        after.restore()
        if name == GROUPS[group][-1]:
            return
