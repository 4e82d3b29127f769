"""The 15-minute job, run again and again as the scheduler would."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from demo.generate import IncidentSettings, IncidentTruth, generate
from demo.load import load
from python_tests import oracle
from python_tests.faults import watched
from python_tests.laws import (
    HOUR,
    NOON,
    assert_curated,
    assert_deduplicated,
    check_regular_job,
    event,
    steady_events,
)
from python_tests.oracle import Layout
from python_tests.warehouse import Warehouse

JOB = ("build", "--selector", "fifteen_minute")
RESULTS = (
    "main_staging.stg_events_deduplicated",
    "main_analytics.payments",
    "main_analytics.fraud_features",
)
WITH_OP_ID = {"exactly_once__payload_identity_paths": ["op.id"]}


def digests(warehouse: Warehouse) -> dict[str, str]:
    """The digest of each table that the job writes."""
    return {relation: warehouse.digest(relation) for relation in RESULTS}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> IncidentTruth:
    """A small generated day with an incident."""
    settings = IncidentSettings(events=600, seed=5, merchants=20)
    return generate(settings, tmp_path_factory.mktemp("day"))


def test_many_batches_the_same_again_and_one_from_scratch_give_equal_tables(
    new_warehouse: Callable[..., Warehouse], day: IncidentTruth
) -> None:
    warehouse = new_warehouse(settings=WITH_OP_ID)
    layout = Layout(identity_paths=("op.id",))
    ends = [day.settings.start + timedelta(hours=3 * batch) for batch in range(1, 10)]
    for end in [*ends, None]:
        load(warehouse.path, day.bronze, until=end)
        warehouse.dbt(*JOB)
        rows = warehouse.read("raw.events")
        assert_deduplicated(warehouse, rows, layout)
    assert_curated(warehouse, oracle.deduplicated(rows, layout).values(), layout)

    batched = digests(warehouse)
    assert load(warehouse.path, day.bronze).rows_loaded == 0
    for _ in range(2):
        warehouse.dbt(*JOB)
    assert digests(warehouse) == batched
    warehouse.dbt(*JOB, "--full-refresh")
    assert digests(warehouse) == batched


def test_a_copy_that_comes_late_leaves_nothing_of_the_copy_that_it_replaces(
    warehouse: Warehouse,
) -> None:
    check_regular_job(warehouse)


def test_events_without_the_guard_are_counted_copy_by_copy(warehouse: Warehouse) -> None:
    rows = [*steady_events(NOON), *steady_events(NOON)[:5], event(None)]
    warehouse.write_events(rows)
    warehouse.dbt(*JOB, exactly_once__deduplicate=False)
    assert_curated(warehouse, rows)


def test_the_merge_names_the_hours_that_it_touches(warehouse: Warehouse) -> None:
    """So that an engine reads no others of a long history; a late event has a range of its own."""
    long_ago = NOON - 30 * HOUR
    rows = [*steady_events(long_ago - 5 * HOUR), *steady_events(long_ago)]
    warehouse.write_events(rows)
    warehouse.dbt(*JOB)
    arrived = [event("late", event_ts=long_ago), *steady_events(NOON)]
    warehouse.write_events(arrived)
    with watched() as log:
        warehouse.dbt(*JOB)
    (merge,) = [sql for sql in log.statements if "merge into" in sql and '"fraud_features"' in sql]
    named = re.findall(r"stored\.event_hour (>=|<) [^']*'([-0-9]+[ T][0-9]+)", merge)
    assert [(sign, datetime.fromisoformat(hour)) for sign, hour in named] == [
        *((">=", long_ago), ("<", long_ago + HOUR)),
        *((">=", NOON), ("<", NOON + HOUR)),
    ]
    assert_curated(warehouse, [*rows, *arrived])


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Kolkata"])
def test_freshness_is_told_by_the_clock_too(
    new_warehouse: Callable[..., Warehouse], time_zone: str
) -> None:
    """Where the source itself has stopped, nothing is behind it."""
    warehouse = new_warehouse(time_zone=time_zone)
    last_minute = timedelta(minutes=11)
    warehouse.write_events(
        steady_events(datetime.now(UTC).replace(tzinfo=None) - 3 * HOUR - last_minute)
    )
    warehouse.dbt(*JOB)
    warehouse.dbt("run", "--select", "monitoring_freshness")
    found = warehouse.query(
        "select relation_name, minutes_behind_clock as clock, minutes_behind_source as source "
        "from main_monitoring.monitoring_freshness"
    )
    assert {row["relation_name"]: row["source"] for row in found} == dict.fromkeys(
        ("source", "deduplicated", "payments", "fraud_features"), 0
    )
    behind = {row["relation_name"]: row["clock"] for row in found}
    assert behind["source"] == behind["deduplicated"]
    assert 180 <= behind["source"] <= 185
    # the mark of a curated table is not that of its last few events
    assert behind["source"] <= behind["payments"] == behind["fraud_features"] <= 195


def test_what_lands_while_a_run_computes_waits_for_the_next_one(warehouse: Warehouse) -> None:
    """A run finds its bounds before its statements; an event between the two is not half read."""
    long_ago = NOON - 30 * HOUR
    rows = [
        *steady_events(long_ago),
        event("old", long_ago, event_ts=long_ago),
        *steady_events(NOON),
    ]
    warehouse.write_events(rows)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    found = warehouse.dbt("compile", "--select", "payments", "fraud_features")
    compiled = {result.node.name: result.node.compiled_code for result in found.results}
    landed = [
        event("old", NOON + HOUR, event_ts=NOON + HOUR, event_type="refunded"),
        event("straggler", NOON + HOUR, event_ts=long_ago),
    ]
    warehouse.write_events(landed)
    warehouse.dbt("run", "--select", "staging")
    computed = {row["payment_id"] for row in warehouse.query(compiled["payments"])}
    assert computed
    assert not computed & {"old", "straggler"}
    hours = {row["event_hour"] for row in warehouse.query(compiled["fraud_features"])}
    assert hours == {NOON}
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert_curated(warehouse, [*rows, *landed])
