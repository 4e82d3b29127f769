"""What other projects rely on is what is listed, and a contract holds whatever the source is."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from python_tests.laws import NOON, Row, event, steady_events
from python_tests.public_surface import (
    LIST,
    Surface,
    build_all,
    built_columns,
    complaint,
    differences,
    kept,
    surface,
)
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.test_docs import blocks
from python_tests.test_installed import COMPANY, Company
from python_tests.test_other_sources import HOUR, LEDGER_COLUMNS, LEDGER_VARS, ledger_batches
from python_tests.warehouse import EVENT_COLUMNS, ROOT, DbtError, Project, Warehouse

# Their types follow the source, or dbt takes no contract for them
WITHOUT_CONTRACT = {
    *("stg_events", "stg_events_counted", "stg_events_deduplicated", "stg_events_kept"),
    *("incident_duplicate_groups", "incident_decisions", "quarantined_events"),
    *("payments", "fraud_features"),
    *(f"incident_impact_{name}" for name in ("by_dimension", "by_event_type", "by_hour")),
    *("incident_impact_by_merchant", "incident_impact_on_curated"),
    *("incident_payload_variance", "incident_window_candidates", "incident_windows"),
}
INTERNAL = {
    "incident_duplicate_rate_by_second",
    "incident_payload_differences",
    "incident_window_candidates",
    "stg_events_kept",
}
LEDGER: dict[str, Any] = {
    "source": "ledger.entries",
    "columns": LEDGER_COLUMNS,
    "settings": LEDGER_VARS,
}
WITHOUT = ("body", "shop")
BARE: dict[str, Any] = {
    "source": "ledger.entries",
    "columns": {name: kind for name, kind in LEDGER_COLUMNS.items() if name not in WITHOUT},
    "settings": LEDGER_VARS
    | {
        "exactly_once__payload_column": None,
        "exactly_once__payload_identity_paths": [],
        "exactly_once__merchant_id_column": None,
    },
}
# What DuckDB has and Snowflake has not
ODD: dict[str, Any] = {
    "columns": EVENT_COLUMNS
    | {
        "payment_id": "uuid",
        "event_type": "smallint",
        "amount_cents": "double",
        "event_ts": "timestamp_ns",
        "ingest_ts": "timestamp_s",
        "payload": "varchar",
    },
    "settings": {
        "exactly_once__fingerprint_columns": ["payment_id", "event_type", "event_ts"],
        "exactly_once__amount_column": "amount_cents",
        "exactly_once__currency_column": "currency",
        "exactly_once__event_types": {
            **{"authorized": ["0"], "captured": ["1"]},
            **{"refunded": [], "chargeback": []},
        },
    },
}


def ledger_rows() -> list[Row]:
    return [row for batch in ledger_batches(2 * HOUR) for row in batch]


def odd_rows() -> list[Row]:
    rows = [*steady_events(NOON), event("steady_0", NOON + 3 * HOUR, event_ts=NOON)]
    return [
        {**row, "payment_id": f"00000000-0000-0000-0000-{place % 9:012}", "event_type": place % 2}
        for place, row in enumerate(rows)
    ]


def build_from(warehouse: Warehouse, rows: list[Row]) -> None:
    """Every model, with a declared window so that the reports have rows."""
    warehouse.write_events(rows)
    first = min(row[name] for row in rows for name in ("ingest_ts", "loaded_at") if row.get(name))
    warehouse.dbt(
        *("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
        incident_id="INC-1",
        incident_start=str(first),
        incident_end=str(first + 12 * HOUR),
    )


def assert_contracts_hold(warehouse: Warehouse, engine: str) -> None:
    """The tables with a contract have the listed columns, in the listed order."""
    built = built_columns(warehouse)
    found = surface(warehouse.dbt("parse"), {engine: built})
    under_contract = {name for name, one in found["models"].items() if "contract" in one}
    assert len(under_contract) > 10
    for name in under_contract:
        listed = kept(engine)["models"][name]
        assert differences(listed, found["models"][name], "models", name) == ([], [])


def test_the_list_is_what_is_built(warehouse: Warehouse) -> None:
    """On DuckDB; test_snowflake.py holds the types on Snowflake against it."""
    build_all(warehouse)
    found = surface(warehouse.dbt("parse"), {"duckdb": built_columns(warehouse)})
    assert not (said := complaint(kept("duckdb"), found)), said


@pytest.mark.parametrize(
    ("source", "rows"),
    [(LEDGER, ledger_rows), (BARE, ledger_rows), (ODD, odd_rows)],
    ids=["ledger", "bare", "odd"],
)
def test_contracts_hold_for_another_source(
    new_warehouse: Callable[..., Warehouse], source: dict[str, Any], rows: Callable[[], list[Row]]
) -> None:
    warehouse = new_warehouse(**source)
    build_from(warehouse, rows())
    assert_contracts_hold(warehouse, "duckdb")


@pytest.mark.soak
def test_contracts_hold_for_another_source_on_snowflake(
    new_snowflake_warehouse: Callable[..., SnowflakeWarehouse],
) -> None:
    warehouse = new_snowflake_warehouse(**LEDGER)
    build_from(warehouse, ledger_rows())
    assert_contracts_hold(warehouse, "snowflake")


def test_every_model_has_a_contract_unless_its_types_follow_the_source(
    warehouse: Warehouse,
) -> None:
    models = [
        node
        for node in warehouse.dbt("parse").nodes.values()
        if node.resource_type == "model" and node.package_name == "exactly_once"
    ]
    assert {one.name for one in models if not one.config.contract.enforced} == WITHOUT_CONTRACT
    assert {one.name for one in models if one.access != "public"} == INTERNAL


# https://docs.snowflake.com/en/sql-reference/parameters#timestamp-type-mapping
def test_no_column_has_a_type_that_an_account_may_read_as_another() -> None:
    """Nor does a page tell users to give it to their seeds."""
    files = [ROOT / "dbt_project.yml", ROOT / "integration_tests" / "dbt_project.yml"]
    for folder in ("models", "macros", "snapshots", "analyses", "docs"):
        files += [
            one
            for one in (ROOT / folder).rglob("*.*")
            if not one.name.endswith(("_unit_tests.yml", "_macros.yml"))
        ]
    bare = re.compile(r"^ +\w+: +timestamp *$|(\bas |:: *)timestamp\b(?! with)", re.I | re.M)
    texts = [one for one in files if one.suffix in (".yml", ".sql", ".py", ".md")]
    assert len(texts) > 100
    assert [one.name for one in texts if bare.search(one.read_text())] == []


def test_a_model_that_breaks_its_contract_is_not_built(tmp_path: Path) -> None:
    project = Project.copy(tmp_path)
    warehouse = Warehouse(project, tmp_path / "one")
    warehouse.write_events(steady_events(NOON))
    chosen = ("run", "--select", "stg_events", "monitoring_stragglers")
    warehouse.dbt(*chosen)
    model = project.folder / "models" / "monitoring" / "monitoring_stragglers.sql"
    model.write_text(model.read_text().replace("count(*) as row_count", "1.5 as row_count"))
    with pytest.raises(DbtError, match="enforced contract that failed"):
        warehouse.dbt(*chosen, fresh=True)


def test_a_null_where_the_contract_has_none_is_refused(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("run", "--select", "stg_events", "remediation_ledger")
    with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
        warehouse.execute("insert into main_audit.remediation_ledger (step) values ('s')")


def test_other_projects_can_read_no_internal_model(tmp_path: Path) -> None:
    company = Company(tmp_path, (COMPANY / "profiles.yml").read_text())
    model = company.folder / "models" / "finance" / "reads.sql"
    model.write_text("select * from {{ ref('exactly_once', 'incident_windows') }}")
    company.invoke("parse", environment={}, given="{}", fresh=True)
    model.write_text("select * from {{ ref('exactly_once', 'incident_payload_differences') }}")
    with pytest.raises(DbtError, match="not allowed because the referenced node is protected"):
        company.invoke("parse", environment={}, given="{}", fresh=True)


def test_a_model_gets_a_second_version_as_contributing_says(tmp_path: Path) -> None:
    project = Project.copy(tmp_path)
    folder = project.folder / "models" / "monitoring"
    sql = folder / "monitoring_freshness.sql"
    (folder / "monitoring_freshness_v2.sql").write_text(sql.read_text())
    sql.rename(folder / "monitoring_freshness_v1.sql")
    described = folder / "_monitoring__models.yml"
    content = yaml.safe_load(described.read_text())
    (block,) = blocks(ROOT / "CONTRIBUTING.md", "yaml")
    for versioned in yaml.safe_load(block)["models"]:
        for model in content["models"]:
            model |= versioned if model["name"] == versioned["name"] else {}
    described.write_text(yaml.safe_dump(content))
    reads = project.folder / "models" / "monitoring" / "reads.sql"
    reads.write_text(
        "{{ config(materialized='view') }} "
        "select * from {{ ref('exactly_once', 'monitoring_freshness') }}"
    )
    warehouse = Warehouse(project, tmp_path / "one")
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("run", "--select", "staging", "monitoring_freshness", "reads")
    made = {f"main_monitoring.{name}" for name in ("monitoring_freshness", "reads")}
    assert made | {"main_monitoring.monitoring_freshness_v2"} <= warehouse.tables()
    text = warehouse.query("select sql from duckdb_views() where view_name = 'reads'")[0]["sql"]
    assert "monitoring_freshness_v2" not in text


# The list notices


def rename(mapping: dict[str, Any], old: str, new: str) -> None:
    items = [(new if name == old else name, value) for name, value in mapping.items()]
    mapping.clear()
    mapping.update(items)


def columns_of(found: Surface, kind: str, name: str) -> dict[str, Any]:
    columns: dict[str, Any] = found[kind][name]["columns"]
    return columns


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["models"].pop("payments"), "models payments is gone"),
        (
            lambda s: columns_of(s, "models", "payments").pop("net_cents"),
            "models payments columns net_cents is gone",
        ),
        (
            lambda s: rename(columns_of(s, "snapshots", "audit_decisions"), "reason", "why"),
            "snapshots audit_decisions columns reason is gone",
        ),
        (
            lambda s: columns_of(s, "seeds", "incident_register")["ticket"].update(duckdb="INT"),
            "seeds incident_register columns ticket duckdb: VARCHAR before, INT now",
        ),
        (
            lambda s: s["models"]["payments"].update(
                columns=dict(reversed(columns_of(s, "models", "payments").items()))
            ),
            "models payments columns stand in another order",
        ),
        (
            lambda s: s["models"]["incident_scope"].pop("contract"),
            "models incident_scope contract is gone",
        ),
        (lambda s: s["macros"].pop("changed_keys"), "macros changed_keys is gone"),
        (
            lambda s: s["run_operations"]["remediation_plan"].pop("incident_id"),
            "run_operations remediation_plan incident_id is gone",
        ),
        (
            lambda s: s["run_operations"]["remediation_plan"].update(more="required"),
            "run_operations remediation_plan more is new",
        ),
        (
            lambda s: s["macros"].update(
                merchant_id={"first": "none", **s["macros"]["merchant_id"]}
            ),
            "macros merchant_id first is new",
        ),
        (lambda s: s["tests"]["reconciles_to"].pop("by"), "tests reconciles_to by is gone"),
        (lambda s: s["vars"].pop("incident_id"), "vars incident_id is gone"),
        (
            lambda s: s["vars"].update(exactly_once__late_arrival_hours="3"),
            "vars exactly_once__late_arrival_hours: 2 before, 3 now",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_others_is_noticed(change: Callable[[Surface], Any], said: str) -> None:
    before = kept("duckdb", "snowflake")
    after = copy.deepcopy(before)
    change(after)
    breaking, _ = differences(before, after)
    assert [line for line in breaking if line.startswith(said)], breaking
    assert "Upgrade" in complaint(before, after)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["models"].update(more={"columns": {}}), "models more is new"),
        (
            lambda s: columns_of(s, "models", "payments").update(more={"duckdb": "VARCHAR"}),
            "models payments columns more is new",
        ),
        (
            lambda s: s["models"]["payments"].update(contract="enforced"),
            "models payments contract is new",
        ),
        (
            lambda s: s["macros"]["merchant_id"].update(more="none"),
            "macros merchant_id more is new",
        ),
        (lambda s: s["vars"].update(more="null"), "vars more is new"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_only_added_is_told_apart(change: Callable[[Surface], Any], said: str) -> None:
    before = kept("duckdb", "snowflake")
    after = copy.deepcopy(before)
    change(after)
    assert differences(before, after) == ([], [said])
    assert "Added" in complaint(before, after)
    assert "Upgrade" not in complaint(before, after)


def test_nothing_is_said_where_nothing_differs() -> None:
    assert complaint(kept("duckdb"), kept("duckdb")) == ""


def test_the_list_holds_every_kind() -> None:
    listed = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    assert {kind for kind, entries in listed.items() if entries} == {
        *("models", "snapshots", "seeds", "macros", "run_operations", "tests", "vars")
    }


@pytest.mark.parametrize("engine", ["warehouse", "snowflake_warehouse"])
def test_no_macro_of_dbt_is_replaced(engine: str, request: pytest.FixtureRequest) -> None:
    """But for two of the adapter that a line of `dispatch` asks for."""
    manifest = request.getfixturevalue(engine).dbt("parse", fresh=True)
    adapter = "dbt_snowflake" if engine == "snowflake_warehouse" else "dbt_duckdb"
    names: dict[bool, set[str]] = {True: set(), False: set()}
    packages = {"exactly_once", "dbt", adapter}
    assert packages <= {macro.package_name for macro in manifest.macros.values()}
    for macro in manifest.macros.values():
        if macro.package_name in packages:
            plain = re.sub("^(default|duckdb|snowflake)__", "", macro.name)
            names[macro.package_name == "exactly_once"].add(plain)
    replaced = {"create_schema"} | ({"set_query_tag"} if adapter == "dbt_snowflake" else set())
    assert names[True] & names[False] == replaced
