"""uninstall drops what the package made, and nothing else, and what matters only by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_tests import oracle
from python_tests.faults import Death, deaths, kill, watched
from python_tests.laws import INCIDENT, build_candidate, contaminate, event, give_verdict
from python_tests.snowflake_statements import sent
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.test_installed import Ledgerworks
from python_tests.warehouse import DbtError, Project, Warehouse

# stg_events_counted and what it reads; its tables may hold what the source has lost
CURATED = {
    "main_seeds.decision_overrides",
    *(f"main_staging.stg_events{name}" for name in ("", "_counted", "_deduplicated", "_kept")),
    *(f"main_analytics.{name}" for name in ("payments", "fraud_features")),
    "main_analytics.incremental_watermarks",
}
AUDIT = {
    f"main_audit.{name}" for name in ("audit_decisions", "remediation_ledger", "quarantined_events")
}
# Somebody else's, in schemas of ours, with names that resemble ours
THEIRS = {
    "main_staging.stg_events_of_theirs",
    "main_analytics.payments__mine",
    "main_audit.their_view",
}
RAW = {"raw.events"}
SCHEMAS = {f"main_{name}" for name in ("staging", "incident", "analytics", "audit", "seeds")}
EVERYTHING = ["curated", "audit"]


def build(warehouse: Warehouse) -> None:
    """Everything that the package makes, an incident decided, and tables of somebody else."""
    contaminate(warehouse)
    warehouse.dbt("run", "--select", "tag:exactly_once_monitoring", "tag:exactly_once_audit")
    warehouse.dbt("snapshot")


def add_theirs(warehouse: Warehouse) -> None:
    """Tables and a view that no run of ours made."""
    warehouse.execute("create table main_staging.stg_events_of_theirs as select 1 as one")
    warehouse.execute("create table main_analytics.payments__mine as select 1 as one")
    warehouse.execute("create view main_audit.their_view as select 1 as one")


def uninstall(warehouse: Warehouse, **arguments: Any) -> dict[str, tuple[str, str]]:
    """Run it; what it says of each relation, and why."""
    warehouse.dbt("run-operation", "uninstall", "--args", json.dumps(arguments))
    found = {}
    for line in warehouse.project.logged[2:]:
        if not line.startswith("  ") or line.startswith("  - "):
            break
        name, what, why = (part for part in line.strip().split("  ") if part.strip())
        *_, schema, relation = name.replace('"', "").split(".") if "." in name else ("", name)
        kind = "schema " if name.startswith("schema ") and "." in name else ""
        place = f"{kind}{relation}" if kind else f"{schema}.{relation}"
        assert place.lower() not in found, "one line a relation"
        found[place.lower()] = (what.strip(), why.strip())
    return found


def digests(warehouse: Warehouse) -> dict[str, str]:
    """What every table and view holds."""
    return {name: warehouse.digest(name) for name in warehouse.tables()}


def schemas(warehouse: Warehouse) -> set[str]:
    """The schemas that are there."""
    rows = warehouse.query(
        "select lower(schema_name) as name from information_schema.schemata "
        "where schema_name not in ('information_schema', 'INFORMATION_SCHEMA', 'pg_catalog')"
    )
    return {row["name"] for row in rows}


@pytest.fixture(scope="module")
def built(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """On DuckDB, built once; each test takes a copy."""
    warehouse = Warehouse(project, tmp_path_factory.mktemp("built"))
    build(warehouse)
    return warehouse


@pytest.fixture
def installed(built: Warehouse, tmp_path: Path) -> Warehouse:
    warehouse = built.copied(tmp_path / "installed")
    add_theirs(warehouse)
    return warehouse


@pytest.fixture
def installed_on_snowflake(snowflake_warehouse: SnowflakeWarehouse) -> SnowflakeWarehouse:
    build(snowflake_warehouse)
    add_theirs(snowflake_warehouse)
    return snowflake_warehouse


def check_dry_run(warehouse: Warehouse) -> None:
    """It changes nothing, and has a line for every relation in our schemas."""
    before = digests(warehouse)
    for also in ([], EVERYTHING):
        lines = uninstall(warehouse, also=also)
        assert digests(warehouse) == before
        relations = {name for name in lines if not name.startswith("schema ")}
        assert relations == before.keys() - RAW
        for name in THEIRS:
            assert lines[name] == ("kept", "not made by exactly_once")
        for part, names in (("curated", CURATED), ("audit", AUDIT)):
            for name in names:
                what, why = lines[name]
                assert what == ("would be dropped" if also else "kept")
                assert (f"also: [{part}] drops it" in why) == (not also)
        for name in relations - THEIRS - CURATED - AUDIT:
            assert lines[name][0] == "would be dropped", name
    command = f"--args '{{dry_run: false, also: [{', '.join(EVERYTHING)}]}}'"
    assert any(command in line for line in warehouse.project.logged)


def check_removal(warehouse: Warehouse) -> None:
    """Of ours nothing is left but what was not named, then nothing; twice is fine."""
    warehouse.execute("create table main_incident.incident_scope__dbt_tmp as select 1 as a")
    before = digests(warehouse)
    assert "main_incident.incident_scope__dbt_tmp" in before
    for also, kept in (([], CURATED | AUDIT), (["curated"], AUDIT), (["audit"], set())):
        left = {name: before[name] for name in kept | THEIRS | RAW}
        for _ in range(2):
            lines = uninstall(warehouse, dry_run=False, also=also)
            assert digests(warehouse) == left
        assert "dropped" not in {what for what, _ in lines.values()}, "nothing was left to do"
    assert schemas(warehouse) >= SCHEMAS, "they are dropped by hand"
    (by_hand,) = [line for line in warehouse.project.logged if "drop these schemas" in line]
    named = {
        name.replace('"', "").split(".")[-1].lower() for name in by_hand.split(": ")[1].split(", ")
    }
    assert named == SCHEMAS | {"main_monitoring"}


def check_open_incident(warehouse: Warehouse, candidate: str) -> None:
    """From clone to retire it is refused, and the dry run says what is kept for the incident."""

    def refusals(place: str) -> None:
        before = digests(warehouse)
        for arguments in ({"dry_run": False}, {"also": ["curated"]}):
            with pytest.raises(DbtError) as error:
                uninstall(warehouse, **arguments)
            said = str(error.value).lower().replace('"', "")
            assert "the curated tables: found incident inc-1 between clone and retire: " in said
            assert place.removeprefix("schema ") in said
            assert "remediation_status --args '{incident_id: inc-1}'" in said
        assert digests(warehouse) == before
        assert uninstall(warehouse)[place] == (
            "kept",
            f"incident {INCIDENT} is between clone and retire",
        )
        assert any(f"First retire {INCIDENT}, or" in line for line in warehouse.project.logged)

    warehouse.execute("drop table main_analytics.payments__mine")
    warehouse.operate("remediation_clone", INCIDENT)
    refusals(candidate)
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    refusals(candidate.replace("candidate", "replaced_inc_1"))
    warehouse.operate("remediation_retire", INCIDENT)
    uninstall(warehouse, dry_run=False, also=["curated"])
    assert warehouse.tables() == AUDIT | RAW | THEIRS - {"main_analytics.payments__mine"}


def check_quarantine(warehouse: Warehouse) -> None:
    """What is in quarantine is nowhere else."""
    warehouse.operate("raw_quarantine", INCIDENT)
    rows = warehouse.query("select count(*) as n from main_audit.quarantined_events")[0]["n"]
    before = digests(warehouse)
    for arguments in ({"also": "audit"}, {"also": EVERYTHING, "dry_run": False}):
        with pytest.raises(DbtError) as error:
            uninstall(warehouse, **arguments)
        assert f"found {rows} rows that are not restored; accepted: none" in str(error.value)
        assert f"raw_restore --args '{{incident_id: {INCIDENT}}}'" in str(error.value)
    assert digests(warehouse) == before
    warehouse.operate("raw_restore", INCIDENT)
    uninstall(warehouse, dry_run=False, also="audit")
    assert warehouse.tables() == RAW | THEIRS | CURATED


def test_a_dry_run_changes_nothing(installed: Warehouse) -> None:
    check_dry_run(installed)


def test_what_the_package_made_is_dropped_and_nothing_else(installed: Warehouse) -> None:
    check_removal(installed)


def test_whoever_reads_the_view_goes_on(installed: Warehouse) -> None:
    """With a verdict it reads the source and the verdicts too."""
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    give_verdict(installed, name, "keep")
    installed.dbt("run", "--select", "stg_events_counted")
    installed.execute("create view raw.theirs as select * from main_staging.stg_events_counted")
    before = installed.digest("raw.theirs")
    deduplicated = installed.read("main_staging.stg_events_deduplicated")
    assert len(installed.read("raw.theirs")) > len(deduplicated)
    uninstall(installed, dry_run=False)
    assert installed.digest("raw.theirs") == before


def test_an_open_incident_is_refused(installed: Warehouse) -> None:
    check_open_incident(installed, "main_analytics.payments__candidate")


def test_rows_in_quarantine_are_refused(installed: Warehouse) -> None:
    check_quarantine(installed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"also": ["raw"]},
            "[exactly_once] also: found ['raw']; accepted: a list of: curated, audit",
        ),
        ({"also": {"curated": True}}, "accepted: a list of: curated, audit"),
        ({"also": 1}, "also: found 1; accepted: a list of: curated, audit"),
        ({"dry_run": "false"}, "[exactly_once] dry_run: found false; accepted: true or false"),
        ({"dry_run": None}, "dry_run: found None; accepted: true or false"),
    ],
)
def test_a_wrong_argument_is_refused(
    warehouse: Warehouse, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(DbtError) as error:
        uninstall(warehouse, **arguments)
    assert said in str(error.value)


def test_before_the_first_run_there_is_nothing(warehouse: Warehouse) -> None:
    assert uninstall(warehouse, dry_run=False, also=EVERYTHING) == {}
    assert warehouse.tables() == RAW


def test_a_removal_that_dies_has_done_nothing_on_duckdb(installed: Warehouse) -> None:
    before = digests(installed)
    with watched() as log:
        uninstall(installed)
    kill(lambda one: uninstall(one, dry_run=False), installed, Death(len(log.statements)))
    assert digests(installed) == before


def test_the_models_of_the_project_stay_and_are_named(tmp_path: Path) -> None:
    """Another company's project, where the package's schemas have other names."""
    company = Ledgerworks(tmp_path)
    company.dbt("seed")
    company.dbt("run", "--select", "tag:exactly_once_staging", "daily_volume")
    arguments = json.dumps({"dry_run": False, "also": EVERYTHING})
    company.dbt("run-operation", "uninstall", "--args", arguments)
    logged = company.project.logged
    assert "  - point these models of yours elsewhere: daily_volume, shop_hours" in logged
    (of_vars,) = [line for line in logged if "take its vars out" in line]
    assert "exactly_once__source_table (dbt_project.yml of ledgerworks)" in of_vars
    tables = company.read(
        "select table_schema || '.' || table_name as name from information_schema.tables "
        "where table_catalog = 'ledgerworks' order by 1"
    )
    assert [row["name"] for row in tables] == [
        "warehouse_control.decision_overrides",
        "warehouse_control.incident_register",
        "warehouse_control.payload_field_policy",
        "warehouse_finance.daily_volume",
    ]


def test_in_a_schema_of_others_nothing_is_dropped(tmp_path: Path) -> None:
    """A project whose models all lie in one schema: a table there may be anybody's."""
    company = Ledgerworks(tmp_path)
    naming = company.project.folder / "macros" / "generate_schema_name.sql"
    naming.write_text(
        "{% macro generate_schema_name(custom_schema_name, node) %}prod{% endmacro %}"
    )
    company.dbt("seed")
    company.dbt("run", "--select", "tag:exactly_once_staging", "daily_volume")
    with duckdb.connect(str(company.path)) as warehouse:
        warehouse.execute("create table prod.payments as select 1 as theirs")
    tables = "select table_name as name from information_schema.tables where table_schema = 'prod'"
    before = company.read(tables)
    arguments = json.dumps({"dry_run": False, "also": EVERYTHING})
    company.dbt("run-operation", "uninstall", "--args", arguments)
    assert company.read(tables) == before
    (line,) = [one for one in company.project.logged if '"stg_events"' in one]
    drop = 'drop view if exists "ledgerworks"."prod"."stg_events"'
    assert line.endswith(f"in the schema of the target, by hand if exactly_once made it: {drop}")


@pytest.mark.slow
def test_it_is_the_same_on_snowflake(installed_on_snowflake: SnowflakeWarehouse) -> None:
    check_dry_run(installed_on_snowflake)
    check_removal(installed_on_snowflake)


@pytest.mark.soak
def test_refusals_are_the_same_on_snowflake(
    new_snowflake_warehouse: Callable[..., SnowflakeWarehouse],
) -> None:
    for check in (check_quarantine, check_open_incident_on_snowflake):
        warehouse = new_snowflake_warehouse()
        build(warehouse)
        add_theirs(warehouse)
        check(warehouse)


def check_open_incident_on_snowflake(warehouse: Warehouse) -> None:
    """There a candidate is a schema."""
    check_open_incident(warehouse, "schema main_analytics__candidate")


@pytest.mark.soak
def test_a_removal_that_dies_is_finished_by_the_same_command_on_snowflake(
    installed_on_snowflake: SnowflakeWarehouse,
) -> None:
    warehouse = installed_on_snowflake
    # a name in quotes is another one
    warehouse.execute("drop table main_monitoring.monitoring_stragglers")
    warehouse.execute('create table main_monitoring."monitoring_stragglers" as select 1 as one')
    kept = {"main_monitoring.monitoring_stragglers", *THEIRS, *RAW, *CURATED, *AUDIT}
    with watched() as log:
        uninstall(warehouse)
    first = len(log.statements)
    with pytest.raises(DbtError), watched(Death(first + 4)):
        uninstall(warehouse, dry_run=False)
    assert kept < warehouse.tables()
    sent_before = len(warehouse.simulator.history())
    with watched() as log:
        uninstall(warehouse, dry_run=False)
    assert warehouse.tables() == kept
    assert len(deaths(log)) > 10
    query_tags = {
        one.query_tag
        for one in warehouse.simulator.history()[sent_before:]
        if sent(one).startswith("drop ")
    }
    assert query_tags
    assert all('"step": "uninstall"' in tag for tag in query_tags)
