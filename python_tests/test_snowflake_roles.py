"""docs/snowflake_roles.sql lets each role do its work, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
import yaml
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError
from snowflake.connector.util_text import split_statements

from python_tests.laws import (
    INCIDENT,
    NOON,
    WINDOW,
    approve,
    build_candidate,
    build_replaced,
    contaminated_rows,
    steady_events,
)
from python_tests.snowflake_simulator import running_simulator
from python_tests.snowflake_warehouse import PROFILE, SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import ROOT, DbtError

SCRIPT = ROOT / "docs" / "snowflake_roles.sql"
PAGE = ROOT / "docs" / "snowflake.md"
JOB, RAW_REPAIR = "EXACTLY_ONCE_JOB", "EXACTLY_ONCE_RAW_REPAIR"
READER, AUDITOR = "EXACTLY_ONCE_READER", "EXACTLY_ONCE_AUDITOR"
APPROVER = "EXACTLY_ONCE_APPROVER"
# What the script tells its reader to change
NAMES = {
    "RAW_DATABASE": "ANALYTICS",
    "ANALYTICS.EXACTLY_ONCE_": "ANALYTICS.MAIN_",
}
# table -> the roles that read it, of those that run nothing
READ_BY = {
    "analytics.raw.events": set(),
    "analytics.main_staging.stg_events": set(),
    "analytics.main_staging.stg_events_deduplicated": set(),
    "analytics.main_analytics.payments": {READER},
    "analytics.main_analytics.fraud_features": {READER},
    "analytics.main_monitoring.monitoring_reconciliation": {READER},
    "analytics.main_incident.incident_decisions": {APPROVER},
    "analytics.main_seeds.incident_register": {APPROVER, AUDITOR},
    "analytics.main_audit.remediation_ledger": {AUDITOR},
    "analytics.main_audit.audit_decisions": {AUDITOR},
    "analytics.main_audit.quarantined_events": set(),
}


WRITES_TO_RAW = (
    "delete from raw.events",
    "insert into raw.events select * from raw.events",
    "update raw.events set amount_cents = 0",
)
WRITES = (
    *WRITES_TO_RAW,
    "delete from main_staging.stg_events_deduplicated",
    "delete from main_analytics.payments",
    "delete from main_incident.incident_decisions",
    "delete from main_seeds.incident_register",
    "delete from main_audit.remediation_ledger",
    "delete from main_audit.audit_decisions",
    "delete from main_audit.quarantined_events",
)
CREATIONS = (
    "create table main_analytics.another (i int)",
    "create table main_audit.another (i int)",
    "create schema another",
    "alter schema main_analytics swap with main_staging",
)


class ProjectOfRoles(SnowflakeProject):
    """The project with the grants of the page, run by the role that the environment names."""

    profile = PROFILE.replace("TRANSFORMER", "\"{{ env_var('EXACTLY_ONCE_TEST_ROLE') }}\"")


class WarehouseOfRoles(SnowflakeWarehouse):
    """An account where the script was run: the job's role runs dbt, unless told otherwise."""

    role = JOB

    def environment(self) -> dict[str, str]:
        """What the profile reads from the environment."""
        return super().environment() | {"EXACTLY_ONCE_TEST_ROLE": self.role}

    def log_in(self, role: str) -> SnowflakeConnection:
        """A session of that role."""
        return self.simulator.connect(database="ANALYTICS", role=role)

    def may_read(self, role: str, table: str) -> bool:
        """Does the role get rows of it?"""
        with closing(self.log_in(role)) as connection:
            try:
                connection.cursor().execute(f"select * from {table}")
            except ProgrammingError as error:
                if error.errno not in (2003, 3001):
                    raise
                return False
            return True

    def assert_may_not(self, role: str, *statements: str) -> None:
        """Each statement is refused for want of a privilege."""
        with closing(self.log_in(role)) as connection:
            for statement in statements:
                with pytest.raises(ProgrammingError) as refused:
                    connection.cursor().execute(statement)
                assert refused.value.errno in (2003, 3001), statement


def statements() -> list[str]:
    """The statements of the script, with other names."""
    script = SCRIPT.read_text()
    for name, other in NAMES.items():
        script = script.replace(name, other)
    return [text for text, _ in split_statements(StringIO(script), remove_comments=True) if text]


def project_with_grants(work: Path) -> ProjectOfRoles:
    """This project with what the page says of dbt_project.yml."""
    project = ProjectOfRoles.copy(work)
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    given = next(yaml.safe_load(block) for block in blocks if "+grants" in block)
    file = project.folder / "dbt_project.yml"
    settings = yaml.safe_load(file.read_text())
    for kind, of_package in given.items():
        _merge(settings[kind]["exactly_once"], of_package["exactly_once"])
    file.write_text(yaml.safe_dump(settings))
    return project


def warehouses_of_page() -> dict[str, str]:
    """The example of exactly_once__warehouses, whose warehouse the script makes."""
    found = re.search(r"`exactly_once__warehouses`, e\.g\. `(\{.*?\})`", PAGE.read_text())
    assert found is not None
    return dict(yaml.safe_load(found[1]))


def _merge(into: dict[str, object], more: dict[str, object]) -> None:
    for name, value in more.items():
        held = into.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        else:
            into[name] = value


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[WarehouseOfRoles]:
    """An account of its own, since roles belong to accounts; none of them loads the events."""
    with (
        running_simulator() as simulator,
        closing(
            WarehouseOfRoles(
                project_with_grants(tmp_path),
                simulator,
                settings={"exactly_once__warehouses": warehouses_of_page()},
            )
        ) as made,
    ):
        made.execute("use role accountadmin")
        made.execute("grant ownership on database analytics to role accountadmin")
        # the simulator's own gift, without which the script has to give it
        made.execute("revoke usage on warehouse transforming from role public")
        made.write_events(contaminated_rows())
        yield made


@pytest.mark.slow
def test_each_role_of_the_script_can_do_its_work_and_no_more(warehouse: WarehouseOfRoles) -> None:
    for _ in range(2):
        for statement in statements():
            warehouse.execute(statement)

    warehouse.dbt("seed")
    warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    warehouse.dbt(
        *("build", "--selector", "detection"),
        incident_id=INCIDENT,
        incident_start=str(WINDOW[0]),
        incident_end=str(WINDOW[1]),
    )
    warehouse.dbt("run", "--select", "tag:exactly_once_monitoring")
    approve(warehouse)
    warehouse.operate("remediation_clone", INCIDENT)
    # the script gives no such grant, and the job could not copy it
    on_future = "grant select on future tables in schema ANALYTICS.main_analytics to role {}"
    warehouse.execute(on_future.format(READER))
    build_candidate(warehouse)
    warehouse.operate("remediation_validate", INCIDENT)
    warehouse.operate("remediation_swap", INCIDENT)
    left = on_future.format(f'"{READER}"')
    assert left.lower() in "\n".join(warehouse.project.logged).lower()
    used = {one.warehouse for one in warehouse.simulator.history() if one.role == JOB}
    assert used >= {"TRANSFORMING", "INCIDENT_L"}

    copies = len(warehouse.read(warehouse.source))
    with pytest.raises(DbtError, match="Insufficient privileges to operate on table 'EVENTS'"):
        warehouse.operate("raw_quarantine", INCIDENT)
    assert len(warehouse.read(warehouse.source)) == copies
    assert not warehouse.read("main_audit.quarantined_events")
    warehouse.role = RAW_REPAIR
    warehouse.operate("raw_quarantine", INCIDENT)
    assert len(warehouse.read(warehouse.source)) < copies
    warehouse.operate("raw_restore", INCIDENT)
    assert len(warehouse.read(warehouse.source)) == copies

    # what the raw repair has left behind does not stand in the job's way
    warehouse.role = JOB
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("run", "--selector", "fifteen_minute")
    build_replaced(warehouse)
    warehouse.operate("remediation_rollback", INCIDENT)

    found = {
        table: {role for role in (READER, APPROVER, AUDITOR) if warehouse.may_read(role, table)}
        for table in READ_BY
    }
    assert found == READ_BY
    for role in (READER, APPROVER, AUDITOR):
        warehouse.assert_may_not(role, *WRITES, *CREATIONS)
        warehouse.assert_may_not(role, f"grant role {JOB} to role {role}")
    warehouse.assert_may_not(JOB, *WRITES_TO_RAW, "create role another", "drop schema raw")
    warehouse.assert_may_not(JOB, f"grant role {RAW_REPAIR} to role {JOB}")
    warehouse.assert_may_not(RAW_REPAIR, "truncate table raw.events", "drop table raw.events")
