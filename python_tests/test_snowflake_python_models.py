"""The Python models on DuckDB, as procedures on Snowflake, and in Snowpark's local testing."""

from __future__ import annotations

from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from python_tests.detection import MIN_RATE, load_model
from python_tests.laws import NOON, WINDOW, Row, event, steady_events
from python_tests.laws_of_payloads import AGAIN, DELIVERY, copies_of
from python_tests.snowflake_simulator import running_simulator
from python_tests.snowflake_statements import shape
from python_tests.snowflake_warehouse import PROFILE, SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import ROOT, Warehouse

INCIDENT = "main_incident"
MODELS = ("incident_window_candidates", "incident_windows")
THRESHOLDS = {
    "detection_min_rate": MIN_RATE,
    "late_arrival_hours": 2,
    "benign_max_score": 0.5,
    "material_min_score": 0,
}
FEEDS = ("stg_events", "incident_duplicate_rate", "incident_duplicate_rate_by_second")


def events_of_an_incident() -> list[Row]:
    """Two hours of events, ten a minute; half an hour in which each comes twice."""
    rows: list[Row] = []
    for number in range(1200):
        minute = number // 10
        arrives = NOON + timedelta(minutes=minute, microseconds=number)
        row = event(f"pay_{number}", arrives, event_ts=arrives)
        rows += [row, row] if 45 <= minute < 75 else [row]
    return rows


class _Config:
    """dbt.config of a Python model."""

    def __call__(self, **options: Any) -> None:
        assert options == {"materialized": "table", "python_version": "3.11"}

    def meta_get(self, name: str) -> float:
        """The threshold, as the yml beside the model gives it."""
        return THRESHOLDS[name]


def in_local_testing(name: str, warehouse: Warehouse) -> list[dict[str, Any]]:
    """What a model gives for the tables of a warehouse in Snowpark's local testing."""
    from snowflake.snowpark import Session

    session = Session.builder.config("local_testing", True).create()

    def ref(*name: str) -> Any:
        schema = "main_seeds" if name[-1] == "payload_field_policy" else INCIDENT
        rows = warehouse.read(f"{schema}.{name[-1]}")
        names = [column.upper() for column in rows[0]]
        return session.create_dataframe([list(row.values()) for row in rows], schema=names)

    try:
        found = load_model(name).model(SimpleNamespace(config=_Config(), ref=ref), session)
        return [
            {column.lower(): value for column, value in row.as_dict().items()}
            for row in found.collect()
        ]
    finally:
        session.close()


def schemas_of_procedures(warehouse: SnowflakeWarehouse) -> dict[str, str]:
    """The procedure of each Python model, and the last USE SCHEMA of its session before it."""
    used: dict[int, str] = {}
    found = {}
    for one in warehouse.simulator.history():
        words = shape(one).split()
        if words[:2] == ["use", "schema"]:
            used[one.session] = words[2]
        elif one.query_type == "CALL":
            found[words[1]] = used.get(one.session, "")
    return found


def test_windows_are_the_same_on_duckdb_on_snowflake_and_in_local_testing(
    warehouse: Warehouse, snowflake_warehouse: SnowflakeWarehouse
) -> None:
    for engine in (warehouse, snowflake_warehouse):
        engine.write_events(events_of_an_incident())
        engine.dbt("run", "--select", *FEEDS, *MODELS)
    (window,) = warehouse.read(f"{INCIDENT}.incident_windows")
    assert window["detected_start"] == NOON + timedelta(minutes=45)
    assert window["detected_end_low"] <= NOON + timedelta(minutes=75) <= window["detected_end_high"]
    assert (window["copy_count"], window["event_types"]) == (300, "all")
    for name in MODELS:
        table = f"{INCIDENT}.{name}"
        assert snowflake_warehouse.digest(table) == warehouse.digest(table)
        assert in_local_testing(name, warehouse) == warehouse.read(table)
    # the schema of the profile is nowhere, and Snowpark needs a current one
    assert schemas_of_procedures(snowflake_warehouse) == {
        f"{name}__dbt_sp": f"ANALYTICS.{INCIDENT}" for name in MODELS
    }


class ProjectInPublic(SnowflakeProject):
    """The project with a schema in the profile that is there."""

    profile = PROFILE.replace("schema: main", "schema: PUBLIC")


def test_a_session_is_left_in_the_schema_that_it_was_in(tmp_path: Path) -> None:
    """Other nodes of the installing project come after in it."""
    with running_simulator() as simulator:
        warehouse = SnowflakeWarehouse(ProjectInPublic(ROOT, tmp_path), simulator)
        warehouse.write_events(steady_events(NOON))
        warehouse.dbt("run", "--select", *FEEDS[:2])
        # no more schemas to create, which would be the session's from then on
        warehouse.dbt("run", "--select", MODELS[0])
        sent = map(shape, simulator.history())
        assert [one for one in sent if one.startswith("use schema")] == [
            "use schema ANALYTICS.PUBLIC_incident",
            'use schema "ANALYTICS"."PUBLIC"',
        ]
        warehouse.close()


def test_without_copies_there_is_no_window_on_any_engine(
    warehouse: Warehouse, snowflake_warehouse: SnowflakeWarehouse
) -> None:
    for engine in (warehouse, snowflake_warehouse):
        engine.write_events(steady_events(NOON))
        engine.dbt("run", "--select", *FEEDS, *MODELS)
        for name in MODELS:
            assert engine.read(f"{INCIDENT}.{name}") == []
    assert in_local_testing(MODELS[0], warehouse) == []


def test_models_run_behind_the_lines_that_dbt_puts_first_where_its_statistics_are_on(
    snowflake_warehouse: SnowflakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are on unless a project says no; here they are for this one method, and none is sent."""
    from dbt.adapters.snowflake import SnowflakeAdapter

    submit = SnowflakeAdapter.submit_python_job

    def submit_with_statistics(adapter: Any, *given: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            args = SimpleNamespace(SEND_ANONYMOUS_USAGE_STATS=True)
            patch.setattr(adapter.config, "args", args)
            return submit(adapter, *given)

    monkeypatch.setattr(SnowflakeAdapter, "submit_python_job", submit_with_statistics)
    snowflake_warehouse.write_events([*steady_events(NOON), *copies_of("one", {"a": 1}, {"a": 2})])
    snowflake_warehouse.dbt("seed")
    start, end = map(str, WINDOW)
    snowflake_warehouse.dbt(
        *("run", "--select", "+incident_windows", "+incident_payload_variance"),
        incident_id="INC-1",
        incident_start=start,
        incident_end=end,
    )
    assert len(snowflake_warehouse.read(f"{INCIDENT}.incident_payload_variance")) == 1
    called = [one for one in snowflake_warehouse.simulator.history() if one.query_type == "CALL"]
    assert len(called) == len(list((ROOT / "models").glob("*/*.py")))
    assert all("snowflake_partner_attribution" in one.text for one in called)


def test_payloads_are_judged_alike_in_local_testing(warehouse: Warehouse) -> None:
    """On Snowflake itself: see test_payload_variance.py."""
    warehouse.write_events(
        [
            *copies_of("material", {"amount": 1}, {"amount": 2}),
            *copies_of("benign", {"description": "an order"}, {"description": "an Order"}),
            *copies_of("volatile", DELIVERY, AGAIN),
            *copies_of("another", {"op": {"id": 1}}, {"op": {"id": 2}}),
            *copies_of("text and number", {"amount": 1}, {"amount": "1"}),
        ]
    )
    warehouse.dbt("seed")
    start, end = map(str, WINDOW)
    judged = "incident_payload_variance"
    warehouse.dbt(
        *("run", "--select", f"+{judged}"),
        incident_id="INC-1",
        incident_start=start,
        incident_end=end,
    )
    expected = warehouse.read(f"{INCIDENT}.{judged}")
    assert {row["verdict"] for row in expected} == {"review", "remove", "keep"}
    found = in_local_testing(judged, warehouse)
    for row in found:
        # local testing escapes the quotes of a text that it takes out of a VARIANT
        row["differing_paths"] = row["differing_paths"].replace('\\"', '"')
    by_group = itemgetter("event_fingerprint")
    assert sorted(found, key=by_group) == sorted(expected, key=by_group)
