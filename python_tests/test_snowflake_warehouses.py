"""On Snowflake a job whose warehouse its role may not use says so, and the others run.

That each job runs on its warehouse, python_tests/test_snowflake_wire.py shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

import pytest

from python_tests.laws import INCIDENT, NOON, steady_events
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.snowflake_wire import JOBS
from python_tests.warehouse import DbtError

FREQUENT, REPAIR = JOBS["fifteen_minute"], JOBS["remediation"]


def as_admin(warehouse: SnowflakeWarehouse, *statements: str) -> None:
    """Run what the job's role may not."""
    with closing(warehouse.simulator.connect(database="ANALYTICS")) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


@pytest.fixture
def warehouse(new_snowflake_warehouse: Callable[..., SnowflakeWarehouse]) -> SnowflakeWarehouse:
    """A warehouse for each job, which the job's role may use."""
    made = new_snowflake_warehouse(settings={"exactly_once__warehouses": JOBS})
    for name in JOBS.values():
        as_admin(
            made, f"create warehouse {name}", f"grant usage on warehouse {name} to role transformer"
        )
    return made


def refused(warehouse: SnowflakeWarehouse, *command: str) -> str:
    """The one error of a command."""
    with pytest.raises(DbtError) as found:
        warehouse.dbt(*command)
    assert str(found.value).count("[exactly_once]") == 1
    return str(found.value)


def test_a_warehouse_that_a_job_may_not_use_is_named_once(warehouse: SnowflakeWarehouse) -> None:
    """With the var, the job and the grant; a job that has nothing to do with it runs."""
    model = ("run", "--select", "stg_events_deduplicated")
    verb = ("run-operation", "remediation_status", "--args", json.dumps({"incident_id": INCIDENT}))
    commands = {(FREQUENT, "fifteen_minute"): model, (REPAIR, "remediation"): verb}
    for change, found in (
        ("revoke usage on warehouse {} from", "found none that role TRANSFORMER may see"),
        ("grant monitor on warehouse {} to", "found no USAGE; ACCOUNTADMIN is the owner"),
    ):
        for name in JOBS.values():
            as_admin(warehouse, f"{change.format(name)} role transformer")
        for (name, job), command in commands.items():
            message = refused(warehouse, *command)
            assert f"warehouse {name}, which exactly_once__warehouses names for {job}: " in message
            assert found in message
            assert f"grant usage on warehouse {name} to role TRANSFORMER" in message
    assert not any("stg_events" in name for name in warehouse.tables())

    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("run", "--select", "stg_events")
    as_admin(warehouse, f"grant usage on warehouse {FREQUENT} to role transformer")
    warehouse.dbt(*model)
