"""A run whose business key is not that of the table is refused, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from python_tests.laws import (
    HOUR,
    INCIDENT,
    NOON,
    approve,
    decide_again,
    event,
    steady_events,
)
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, DbtError, Warehouse

JOB = ("run", "--selector", "fifteen_minute")
TABLE, VIEW = "main_staging.stg_events_deduplicated", "main_staging.stg_events"
KEY: list[Any] = ["payment_id", "event_type", "amount_cents", "currency", "event_ts"]
CHANGES: dict[str, dict[str, Any]] = {
    "a column less": {
        "exactly_once__fingerprint_columns": [name for name in KEY if name != "currency"],
        "exactly_once__currency_column": "currency",
    },
    "a column more": {"exactly_once__fingerprint_columns": [*KEY, "merchant_id"]},
    "another order": {"exactly_once__fingerprint_columns": [*KEY[1:], "payment_id"]},
    "another spelling": {
        "exactly_once__fingerprint_columns": [
            *KEY[:3],
            {"name": "currency", "normalize": ["lower"]},
            "event_ts",
        ]
    },
    "a payload path": {"exactly_once__payload_identity_paths": ["op.id"]},
}


def built(warehouse: Warehouse) -> None:
    """A first run, and what the second would take in."""
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt(*JOB)
    warehouse.write_events([event("new", NOON + HOUR)])


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_another_key_is_refused(warehouse: Warehouse, changed: dict[str, Any]) -> None:
    built(warehouse)
    before = warehouse.digest(TABLE), warehouse.digest(VIEW)
    with pytest.raises(DbtError, match=r"found another key, .* --full-refresh"):
        warehouse.dbt(*JOB, **changed)
    assert (warehouse.digest(TABLE), warehouse.digest(VIEW)) == before
    warehouse.dbt(*JOB, "--full-refresh", **changed)
    warehouse.dbt(*JOB, **changed)
    assert len(warehouse.read(TABLE)) == len(steady_events(NOON)) + 1


def test_a_key_that_was_never_complete_is_refused_without_its_empty_column(
    warehouse: Warehouse,
) -> None:
    """Events that were kept by their event_id would come again by their key."""
    warehouse.write_events([event(f"p{n}", NOON, currency=None) for n in range(20)])
    warehouse.dbt(*JOB)
    with pytest.raises(DbtError, match=r"identifies 20 of 20 sampled rows in another way"):
        warehouse.dbt(*JOB, **CHANGES["a column less"])


def test_another_spelling_that_no_kept_row_shows_is_refused(warehouse: Warehouse) -> None:
    """The rows of the sample are written alike either way; one behind them might not be."""
    built(warehouse)
    upper = {"name": "currency", "normalize": ["upper"]}
    with pytest.raises(DbtError, match=r'found another key, written as .*"normalize": \["upper"\]'):
        warehouse.dbt(*JOB, exactly_once__fingerprint_columns=[*KEY[:3], upper, "event_ts"])
    assert len(warehouse.read(TABLE)) == len(steady_events(NOON))
    warehouse.dbt(*JOB)
    assert len(warehouse.read(TABLE)) == len(steady_events(NOON)) + 1


def test_a_full_refresh_of_the_view_alone_does_not_let_the_table_be_mixed(
    warehouse: Warehouse,
) -> None:
    built(warehouse)
    before = warehouse.digest(TABLE)
    changed = CHANGES["a column less"]
    warehouse.dbt("run", "--select", "stg_events", "--full-refresh", **changed)
    with pytest.raises(DbtError, match="found another key"):
        warehouse.dbt("run", "--select", "stg_events_deduplicated", **changed)
    assert warehouse.digest(TABLE) == before


def alter(warehouse: Warehouse, **types: str) -> None:
    """Give columns of the source other types."""
    for column, data_type in types.items():
        warehouse.execute(f"alter table raw.events alter {column} type {data_type}")


def test_a_source_that_becomes_finer_than_the_table_is_refused(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {"device": "struct(model varchar)"})
    built(warehouse)
    before = warehouse.digest(TABLE)
    finer = {
        "amount_cents": "DECIMAL(18,2)",
        "event_ts": "TIMESTAMP WITH TIME ZONE",
        "ingest_ts": "TIMESTAMP_NS",
        "device": "STRUCT(model VARCHAR, os VARCHAR)",
    }
    alter(warehouse, **finer)
    with pytest.raises(DbtError, match="types that hold every value of the source") as refused:
        warehouse.dbt(*JOB)
    for column, data_type in finer.items():
        assert f"{column} is {data_type} now and " in str(refused.value)
    assert warehouse.digest(TABLE) == before
    warehouse.dbt(*JOB, "--full-refresh")
    assert len(warehouse.read(TABLE)) == len(steady_events(NOON)) + 1


# what the table has, what the source has; whether every value comes back as it was, and in a key
HELD = {
    ("NUMBER(38,0)", "NUMBER(18,0)"): (True, True),
    ("NUMBER(38,2)", "NUMBER(38,0)"): (True, True),
    ("NUMBER(38,0)", "NUMBER(38,2)"): (False, False),
    ("BIGINT", "INTEGER"): (True, True),
    ("DOUBLE", "BIGINT"): (False, False),
    ("DOUBLE", "FLOAT"): (True, True),
    ("FLOAT", "DOUBLE"): (False, False),
    ("VARCHAR", "DECIMAL(18,2)"): (True, False),
    ("VARCHAR", "TIMESTAMP WITH TIME ZONE"): (False, False),
    ("VARCHAR", "VARIANT"): (True, False),
    ("VARCHAR", "UUID"): (True, False),
    ("UUID", "VARCHAR"): (False, False),
    ("TIMESTAMP", "DATE"): (False, False),
    ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"): (True, True),
    ("TIMESTAMP_NTZ", "TIMESTAMP_TZ"): (False, False),
    ("TIMESTAMP", "TIMESTAMP_MS"): (True, True),
    ("TIME", "TIME WITH TIME ZONE"): (False, False),
    ("INTEGER[]", "INTEGER[]"): (True, True),
    ("INTEGER[]", "DECIMAL(3,1)[]"): (False, False),
}


def test_which_types_hold_every_value(warehouse: Warehouse) -> None:
    warehouse.write_events([])
    asked = ", ".join(
        f"exactly_once._holds_every_value('{kept}', '{new}', {is_key})"
        for kept, new in HELD
        for is_key in ("false", "true")
    )
    query = f"select '{{{{ [{asked}] | join(' ') }}}}' as answers"
    said = warehouse.dbt("show", "--inline", query).results[0].agate_table.rows[0][0].split()
    answers = [answer == "True" for answer in said]
    assert dict(zip(HELD, zip(answers[::2], answers[1::2], strict=True), strict=True)) == HELD


def test_a_source_that_becomes_coarser_is_taken_in(warehouse: Warehouse) -> None:
    built(warehouse)
    alter(warehouse, amount_cents="integer", ingest_ts="timestamp_ms")
    warehouse.dbt(*JOB)
    assert len(warehouse.read(TABLE)) == len(steady_events(NOON)) + 1


def test_a_column_that_the_table_lacks_is_named(warehouse: Warehouse) -> None:
    built(warehouse)
    warehouse.execute("alter table raw.events add column region varchar")
    with pytest.raises(DbtError, match="with region, which the table lacks"):
        warehouse.dbt(*JOB, exactly_once__fingerprint_columns=[*KEY, "region"])


def test_a_key_of_the_same_meaning_is_not_refused(warehouse: Warehouse) -> None:
    """Written otherwise, and over a column that has become wider."""
    built(warehouse)
    warehouse.execute("alter table raw.events alter amount_cents type decimal(38, 0)")
    warehouse.dbt(
        *("run", "--select", "staging"),
        exactly_once__fingerprint_columns=[{"name": name, "normalize": []} for name in KEY],
    )
    assert len(warehouse.read(TABLE)) == len(steady_events(NOON)) + 1


def test_on_snowflake_another_key_is_refused(snowflake_warehouse: SnowflakeWarehouse) -> None:
    built(snowflake_warehouse)
    with pytest.raises(DbtError, match=r"found another key, .* --full-refresh"):
        snowflake_warehouse.dbt(*JOB, **CHANGES["a column less"])
    snowflake_warehouse.dbt(*JOB)
    assert len(snowflake_warehouse.read(TABLE)) == len(steady_events(NOON)) + 1


def with_two_shops(warehouse: Warehouse) -> dict[str, Any]:
    """Copies by the key, events of two shops by a wider one: detected, decided and approved."""
    warehouse.settings["exactly_once__merchant_id_column"] = "merchant_id"
    shops = [event("p", NOON, merchant_id=shop, event_id=shop) for shop in ("shop 1", "shop 2")]
    warehouse.write_events([*steady_events(NOON), *shops])
    warehouse.dbt("seed")
    warehouse.dbt("build", "--selector", "fifteen_minute")
    decide_again(warehouse)
    approve(warehouse)
    found = warehouse.read("main_incident.incident_decisions")
    assert sorted(row["decision"] for row in found) == ["keep", "remove"]
    return {"exactly_once__fingerprint_columns": [*KEY, "merchant_id"]}


def test_decisions_by_another_key_take_nothing_out_of_the_source(warehouse: Warehouse) -> None:
    """Until a detection by the key in force, which the audit has as another version."""
    warehouse.settings |= with_two_shops(warehouse)
    warehouse.dbt("build", "--selector", "fifteen_minute", "--full-refresh")
    with pytest.raises(DbtError, match="those by another business key") as refused:
        warehouse.operate("raw_quarantine", INCIDENT)
    assert "dbt build --selector detection" in refused.value.messages[0]
    with pytest.raises(DbtError, match="those by another business key"):
        warehouse.operate("remediation_clone", INCIDENT)
    warehouse.write_events([event("p", NOON, merchant_id="shop 1", event_id="again")])
    warehouse.dbt("build", "--selector", "fifteen_minute")
    decide_again(warehouse)
    approve(warehouse)
    warehouse.operate("raw_quarantine", INCIDENT)
    left = [row for row in warehouse.read("raw.events") if row["payment_id"] == "p"]
    assert sorted(row["merchant_id"] for row in left) == ["shop 1", "shop 2"]


def test_decisions_by_a_key_in_another_order_are_refused_too(warehouse: Warehouse) -> None:
    """Their fingerprints are others."""
    with_two_shops(warehouse)
    roles = {"payment_id": KEY[0], "event_type": KEY[1], "amount": KEY[2], "currency": KEY[3]}
    warehouse.settings["exactly_once__fingerprint_columns"] = [*KEY[1:], KEY[0]]
    warehouse.settings |= {f"exactly_once__{role}_column": name for role, name in roles.items()}
    warehouse.settings["exactly_once__event_time_column"] = KEY[4]
    with pytest.raises(DbtError, match="those by another business key"):
        warehouse.operate("raw_quarantine", INCIDENT)


def test_a_wider_key_is_refused_while_its_events_are_in_quarantine(warehouse: Warehouse) -> None:
    wider = with_two_shops(warehouse)
    warehouse.operate("raw_quarantine", INCIDENT)
    warehouse.dbt("build", "--selector", "fifteen_minute", "--full-refresh")
    before = warehouse.digest(TABLE), warehouse.digest(VIEW)
    for refresh in (JOB, ("run", "--select", "stg_events")):
        with pytest.raises(DbtError, match=r"1 rows in .*quarantined_events") as refused:
            warehouse.dbt(*refresh, "--full-refresh", **wider)
        assert "dbt run-operation raw_restore" in refused.value.messages[0]
    assert (warehouse.digest(TABLE), warehouse.digest(VIEW)) == before
    warehouse.operate("raw_restore", INCIDENT)
    warehouse.dbt(*JOB, "--full-refresh", **wider)
    assert len([row for row in warehouse.read(TABLE) if row["payment_id"] == "p"]) == 2
