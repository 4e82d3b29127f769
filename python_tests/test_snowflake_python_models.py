"""One Python model on DuckDB, as a procedure on Snowflake, and in Snowpark's local testing."""

from __future__ import annotations

from datetime import timedelta
from importlib import util
from types import ModuleType, SimpleNamespace
from typing import Any

from python_tests.laws import NOON, Row, event
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import ROOT, Warehouse

WINDOWS = "main_incident.incident_windows"
RATES = "main_incident.incident_duplicate_rate"
MIN_RATE = 0.02


def events_of_an_incident() -> list[Row]:
    """Two hours of events, ten a minute; half an hour in which each comes twice."""
    rows: list[Row] = []
    for number in range(1200):
        minute = number // 10
        arrives = NOON + timedelta(minutes=minute, microseconds=number)
        row = event(f"pay_{number}", arrives, event_ts=arrives)
        rows += [row, row] if 45 <= minute < 75 else [row]
    return rows


def windows_in_local_testing(rates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the model gives for these rates in Snowpark's local testing."""
    from snowflake.snowpark import Session

    session = Session.builder.config("local_testing", True).create()
    try:
        names = [name.upper() for name in rates[0]]
        frame = session.create_dataframe([list(row.values()) for row in rates], schema=names)
        dbt = SimpleNamespace(config=_Config(), ref=lambda _: frame)
        found = _model().model(dbt, session)
        return [
            {name.lower(): value for name, value in row.as_dict().items()}
            for row in found.collect()
        ]
    finally:
        session.close()


class _Config:
    """dbt.config of a Python model."""

    def __call__(self, **options: Any) -> None:
        assert options == {"materialized": "table", "python_version": "3.11"}

    def meta_get(self, name: str) -> float:
        """The threshold, as the yml beside the model gives it."""
        assert name == "detection_min_rate"
        return MIN_RATE


def _model() -> ModuleType:
    spec = util.spec_from_file_location("model", ROOT / "models/incident/incident_windows.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_windows_are_the_same_on_duckdb_on_snowflake_and_in_local_testing(
    warehouse: Warehouse, snowflake_warehouse: SnowflakeWarehouse
) -> None:
    for engine in (warehouse, snowflake_warehouse):
        engine.write_events(events_of_an_incident())
        engine.dbt("run", "--select", "stg_events", "incident_duplicate_rate", "incident_windows")
    on_duckdb = warehouse.read(WINDOWS)
    assert [row["detected_start"] for row in on_duckdb] == [NOON + timedelta(minutes=45)]
    assert snowflake_warehouse.digest(WINDOWS) == warehouse.digest(WINDOWS)
    assert windows_in_local_testing(warehouse.read(RATES)) == on_duckdb
