"""On Snowflake each job and each verb runs on the warehouse that exactly_once__warehouses names."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing

import pytest

from python_tests.laws import (
    INCIDENT,
    NOON,
    build_candidate,
    build_replaced,
    contaminate,
    steady_events,
)
from python_tests.snowflake_statements import sent
from python_tests.snowflake_tags import tag_of, to_be_tagged
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import ROOT, DbtError

OF_PROFILE = "TRANSFORMING"
FREQUENT, DETECTION, REPAIR, WATCH = "FREQUENT_S", "INCIDENT_L", "REPAIR_XL", "WATCH_M"
JOBS = {
    "fifteen_minute": FREQUENT,
    "detection": DETECTION,
    "remediation": REPAIR,
    "monitoring": WATCH,
}
VERBS = {
    *("remediation_status", "remediation_plan", "remediation_clone", "remediation_validate"),
    *("remediation_swap", "remediation_rollback", "remediation_retire"),
    *("raw_quarantine", "raw_restore"),
}
# How a verb finds out whether it may use its warehouse
LOOKS_AT_WAREHOUSE = re.compile(r"show (warehouses|grants on warehouse)|.*is_role_in_session", re.S)
WRITES = ("CREATE_TABLE_AS_SELECT", "MERGE", "INSERT", "DELETE", "CALL")


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


def models_in(folder: str) -> set[str]:
    """The names of its models."""
    files = (ROOT / "models" / folder).glob("*.*")
    return {path.stem for path in files if path.suffix != ".yml"}


@pytest.mark.slow
def test_each_job_and_each_verb_runs_on_its_warehouse(warehouse: SnowflakeWarehouse) -> None:
    contaminate(warehouse)
    for verb in ("status", "plan", "clone"):
        warehouse.operate(f"remediation_{verb}", INCIDENT)
    build_candidate(warehouse)
    for verb in ("validate", "swap"):
        warehouse.operate(f"remediation_{verb}", INCIDENT)
    build_replaced(warehouse)
    for verb in ("raw_quarantine", "raw_restore", "remediation_rollback", "remediation_retire"):
        warehouse.operate(verb, INCIDENT)
    warehouse.dbt("run", "--select", "tag:exactly_once_monitoring")

    of_verbs, of_models = (
        defaultdict[str, set[str | None]](set),
        defaultdict[str, set[str | None]](set),
    )
    for one in to_be_tagged(warehouse.simulator.history()):
        if of_verb := re.search(r'"connection_name": "macro_(\w+)"', one.text):
            if not LOOKS_AT_WAREHOUSE.match(sent(one)):
                of_verbs[of_verb[1]].add(one.warehouse)
        elif one.query_type in WRITES:
            of_models[tag_of(one)["step"]].add(one.warehouse)
    assert of_verbs == {verb: {REPAIR} for verb in VERBS}

    unbuilt = models_in("incident") - set(of_models)
    assert unbuilt <= {"incident_impact_on_measures", "incident_payload_differences"}
    for job, name in (("incident", DETECTION), ("monitoring", WATCH)):
        built = models_in(job) - unbuilt
        assert {model: of_models[model] for model in built} == {model: {name} for model in built}
    assert of_models["stg_events_deduplicated"] >= {FREQUENT}
    assert of_models["payments"] == of_models["fraud_features"] == {FREQUENT, REPAIR}
    assert of_models["payload_field_policy"] == {OF_PROFILE}


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
