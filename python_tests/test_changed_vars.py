"""A run whose vars are not those that a table was built with is refused; rows of both never mix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from python_tests import oracle
from python_tests.laws import (
    DAY,
    INCIDENT,
    NOON,
    WINDOW,
    Row,
    assert_curated,
    assert_deduplicated,
    event,
    steady_events,
)
from python_tests.oracle import DEFAULT, Layout
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, DbtError, Warehouse

JOB = ("run", "--selector", "fifteen_minute")
TABLE, VIEW = "main_staging.stg_events_deduplicated", "main_staging.stg_events"
CURATED = ("main_analytics.payments", "main_analytics.fraud_features")
MARKS = "main_analytics.incremental_watermarks"
COLUMNS = EVENT_COLUMNS | {"shop": "varchar", "fee_cents": "bigint", "eid": "varchar"}

DECLARED: dict[str, Any] = {
    "incident_id": INCIDENT,
    "incident_start": str(WINDOW[0]),
    "incident_end": str(WINDOW[1]),
}
TYPES = {name: [name] for name in DEFAULT.event_types}
CAP: dict[str, Any] = {"exactly_once__event_types": TYPES | {"captured": ["captured", "CAP"]}}
SPELT_CAP = {name: tuple(spellings) for name, spellings in CAP["exactly_once__event_types"].items()}
CHANGES: dict[str, tuple[dict[str, Any], Layout, str]] = {
    "event types": (
        CAP,
        Layout(event_types=SPELT_CAP),
        r'found exactly_once__event_types \{.*"captured": \["CAP", "captured"\].*; accepted: '
        r'exactly_once__event_types \{.*"captured": \["captured"\]',
    ),
    "merchant": (
        {"exactly_once__merchant_id_column": "shop"},
        Layout(merchant_id="shop"),
        'found exactly_once__merchant_id_column "shop"; accepted: '
        'exactly_once__merchant_id_column "merchant_id", which the table was built with',
    ),
    "amount": (
        {"exactly_once__amount_column": "fee_cents"},
        Layout(amount="fee_cents"),
        'found exactly_once__amount_column "fee_cents"; accepted: '
        'exactly_once__amount_column "amount_cents"',
    ),
}


def sold(payment_id: str, arrives: Any, **values: Any) -> Row:
    """An event that both spellings of each var know."""
    extra = {"shop": "s1", "fee_cents": 7, "eid": f"eid_{payment_id}", "event_ts": arrives}
    return event(payment_id, arrives, **(extra | values))


def of_days() -> tuple[list[Row], list[Row]]:
    """Rows of a first run, and what the next one takes in, too late to meet those again."""
    rows = [[sold(f"{day}_{n}", NOON + day * DAY) for n in range(12)] for day in range(2)]
    capped = [[sold(f"{day}_c", NOON + day * DAY, event_type="CAP")] for day in range(2)]
    return rows[0] + capped[0], rows[1] + capped[1]


def built(warehouse: Warehouse) -> list[Row]:
    first, second = of_days()
    warehouse.write_events(first)
    warehouse.dbt(*JOB)
    warehouse.write_events(second)
    return first + second


def notes(warehouse: Warehouse) -> dict[str, Any]:
    """What the comment of stg_events_deduplicated says."""
    found = warehouse.query(
        "select comment from duckdb_tables() where table_name = 'stg_events_deduplicated'"
    )
    parsed: dict[str, Any] = json.loads(found[0]["comment"])
    return parsed


@pytest.mark.parametrize(("changed", "layout", "said"), CHANGES.values(), ids=CHANGES)
def test_rows_of_two_meanings_never_mix(
    new_warehouse: Callable[..., Warehouse], changed: dict[str, Any], layout: Layout, said: str
) -> None:
    warehouse = new_warehouse(columns=COLUMNS)
    rows = built(warehouse)
    before = [warehouse.digest(table) for table in CURATED]
    with pytest.raises(DbtError, match=said) as refused:
        warehouse.dbt(*JOB, **changed)
    assert [warehouse.digest(table) for table in CURATED] == before
    for name, message in zip(
        ("fraud_features", "payments"), sorted(refused.value.messages), strict=True
    ):
        assert re.search(f"the vars of .*{name}", message)
        assert f"dbt run --full-refresh --select {name}. " in message
    # what does not depend on them goes on
    assert len(warehouse.read(TABLE)) == len(rows)

    warehouse.dbt("run", "--full-refresh", "--select", "payments", "fraud_features", **changed)
    warehouse.dbt(*JOB, **changed)
    assert_curated(warehouse, oracle.deduplicated(rows, layout).values(), layout)
    with pytest.raises(DbtError, match="which the table was built with"):
        warehouse.dbt(*JOB)


def test_another_event_id_is_refused_before_the_view_has_it(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    """Events with an incomplete key would come again under another fingerprint."""
    warehouse = new_warehouse(columns=COLUMNS, settings={"exactly_once__event_id_column": None})
    incomplete = [sold(f"i{n}", NOON, currency=None) for n in range(2)]
    warehouse.write_events(incomplete)
    rows = built(warehouse) + incomplete
    before = warehouse.digest(TABLE), warehouse.digest(VIEW)
    changed: dict[str, Any] = {"exactly_once__event_id_column": "eid"}
    with pytest.raises(
        DbtError,
        match='found exactly_once__event_id_column "eid"; accepted: exactly_once__event_id_column '
        r"null, which the table was built with\. .* --full-refresh",
    ):
        warehouse.dbt(*JOB, **changed)
    with pytest.raises(DbtError, match='found exactly_once__arrival_time_column "event_ts"; '):
        warehouse.dbt("run", "--select", "staging", exactly_once__arrival_time_column="event_ts")
    assert (warehouse.digest(TABLE), warehouse.digest(VIEW)) == before
    # neither where the view alone was built anew
    warehouse.dbt("run", "--select", "stg_events", "--full-refresh", **changed)
    with pytest.raises(DbtError, match='found exactly_once__event_id_column "eid"; '):
        warehouse.dbt("run", "--select", "stg_events_deduplicated", **changed)
    assert warehouse.digest(TABLE) == before[0]

    warehouse.dbt(*JOB, "--full-refresh", **changed)
    warehouse.dbt(*JOB, **changed)
    assert_deduplicated(warehouse, rows, Layout(event_id="eid"))


def test_vars_of_the_same_meaning_are_not_refused(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt(*JOB)
    warehouse.dbt(
        *JOB,
        exactly_once__merchant_id_column="Merchant_ID",
        exactly_once__payment_id_column="payment_id",
        exactly_once__event_types=TYPES | {"captured": "captured", "refunded": ["refunded"] * 2},
        exactly_once__late_arrival_hours=3,
    )


def test_a_merchant_that_the_source_gets_later_is_taken_in(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    columns = {name: kind for name, kind in EVENT_COLUMNS.items() if name != "merchant_id"}
    warehouse = new_warehouse(columns=columns)
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt(*JOB)
    warehouse.execute("alter table raw.events add column merchant_id varchar")
    warehouse.columns["merchant_id"] = "varchar"
    warehouse.write_events([event("new", NOON + DAY, event_ts=NOON + DAY)])
    warehouse.dbt(*JOB)
    found = warehouse.query(f"select merchant_id, count(*) as n from {CURATED[0]} group by 1")
    assert {row["merchant_id"]: row["n"] for row in found} == {"(none)": 12, "mer_1": 1}


def test_tables_of_an_earlier_version_take_the_vars_of_now(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse(columns=COLUMNS)
    built(warehouse)
    warehouse.execute(f"alter table {MARKS} drop column built_with")
    warehouse.execute(f"comment on table {TABLE} is null")
    # without the model that adds the column, too
    warehouse.dbt("run", "--select", "payments")
    warehouse.dbt(*JOB, **CAP)
    with pytest.raises(DbtError, match=r"found exactly_once__event_types .*accepted: .*CAP"):
        warehouse.dbt(*JOB)
    with pytest.raises(DbtError, match='found exactly_once__event_id_column "eid"; '):
        warehouse.dbt(*JOB, exactly_once__event_id_column="eid")


def test_candidates_are_built_with_the_vars_of_live(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse(columns=COLUMNS)
    built(warehouse)
    detection = ("build", "--selector", "detection", "--exclude-resource-type", "test")
    warehouse.dbt(*detection, **DECLARED)
    warehouse.execute(f"alter table {MARKS} drop column built_with")
    warehouse.operate("remediation_clone", INCIDENT)
    warehouse.dbt(*JOB)
    warehouse.operate("remediation_clone", INCIDENT)
    repair = ("run", "--selector", "remediation")
    candidate: dict[str, Any] = {"exactly_once__build_candidate": True, "incident_id": INCIDENT}
    with pytest.raises(DbtError, match=r"payments__candidate.*Set them back until the repair is"):
        warehouse.dbt(*repair, **candidate, **CAP)
    warehouse.dbt(*repair, **candidate)
    kept = {row["relation_name"]: json.loads(row["built_with"]) for row in warehouse.read(MARKS)}
    candidate_of, live = (
        kept[f"main_analytics.{name}"] for name in ("payments__candidate", "payments")
    )
    # each run has read from the mark that it found
    assert candidate_of | {"read_from_mark": live["read_from_mark"]} == live


def test_the_note_of_a_piece_and_the_vars_stand_beside_each_other(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse(columns=COLUMNS)
    warehouse.write_events([row for batch in of_days() for row in batch])
    bound: dict[str, Any] = {"exactly_once__max_hours_per_run": 3}
    vars_of_table: dict[str, Any] = {
        "arrival_time_column": "ingest_ts",
        "event_id_column": "event_id",
        "key": [{"normalize": [], "cast": None}] * 5,
    }
    for is_caught_up in (False, True):
        warehouse.dbt("run", "--select", "staging", **bound)
        assert notes(warehouse)["built_with"] == vars_of_table
        assert notes(warehouse)["caught_up"] is is_caught_up
    warehouse.dbt("run", "--select", "staging")
    assert notes(warehouse)["caught_up"] is True


def test_on_snowflake_other_vars_are_refused(
    new_snowflake_warehouse: Callable[..., SnowflakeWarehouse],
) -> None:
    warehouse = new_snowflake_warehouse(columns=COLUMNS)
    rows = built(warehouse)
    with pytest.raises(DbtError, match='found exactly_once__event_id_column "EID"; accepted: '):
        warehouse.dbt(*JOB, exactly_once__event_id_column="eid")
    with pytest.raises(DbtError, match=r"found exactly_once__event_types .*which the table was"):
        warehouse.dbt(*JOB, **CAP)
    warehouse.execute(f"alter table {MARKS} drop column built_with")
    warehouse.dbt("run", "--full-refresh", "--select", "payments", "fraud_features", **CAP)
    warehouse.dbt(*JOB, **CAP)
    with pytest.raises(DbtError, match=r"found exactly_once__event_types .*which the table was"):
        warehouse.dbt(*JOB)
    layout = Layout(event_types=SPELT_CAP)
    assert_curated(warehouse, oracle.deduplicated(rows, layout).values(), layout)
