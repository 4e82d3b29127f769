"""What keeps watch afterwards: which of its tests speak, and how loudly."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from python_tests.laws import DAY, HOUR, event, steady_events
from python_tests.warehouse import ROOT, DbtError, Warehouse

JOB = ("run", "--selector", "fifteen_minute")
THIS_HOUR = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)


def heard(
    warehouse: Warehouse, command: str = "build", selector: str = "monitoring"
) -> dict[str, str]:
    """The tests of the daily job, or of another, that don't pass, and with which severity."""
    try:
        results = warehouse.dbt(command, "--selector", selector).results
    except DbtError as failed:
        results = failed.results
    return {
        result.node.name: str(result.status)
        for result in results
        if str(result.status) not in ("success", "pass")
    }


def test_nothing_is_heard_of_an_ordinary_day(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(THIS_HOUR - HOUR))
    warehouse.dbt(*JOB)
    assert heard(warehouse) == {}


def test_a_view_of_the_last_hours_is_built_and_watched_in_ci(warehouse: Warehouse) -> None:
    """As docs/adopt.md has it, with the names of this source; what came before is not missed."""
    page = (ROOT / "docs" / "adopt.md").read_text(encoding="utf-8")
    statement = re.search(r"^create view landing\.recent_transactions.*?;$", page, re.M | re.S)
    assert statement
    names = {"landing.": "raw.", "transactions": "events", "loaded_at": "ingest_ts"}
    view = statement[0]
    for theirs, ours in names.items():
        view = view.replace(theirs, ours)
    for hours in (30, 1):
        warehouse.write_events(steady_events(THIS_HOUR - hours * HOUR))
    warehouse.execute(view)
    warehouse.settings |= {"exactly_once__source_table": "recent_events"}
    warehouse.dbt("build", "--selector", "fifteen_minute")
    assert len(warehouse.read("main_staging.stg_events_deduplicated")) == 12
    assert heard(warehouse) == {}


def test_events_without_an_arrival_time_are_a_warning(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(THIS_HOUR - HOUR))
    warehouse.dbt("build", "--selector", "fifteen_minute")
    assert heard(warehouse, "test", "whole_tables") == {}
    warehouse.write_events([event("never arrived", None)])
    found = heard(warehouse, "test", "whole_tables")
    assert found == {"warn_events_without_arrival_time": "warn"}


def test_many_incomplete_keys_and_late_events_are_warnings(warehouse: Warehouse) -> None:
    """A few of each are not; nor is a producer whose events are late for minutes alone."""
    start = THIS_HOUR - 2 * HOUR
    usual = [
        event(f"usual {number}", start, event_ts=start - timedelta(minutes=20))
        for number in range(2000)
    ]
    lacking = event("lacking", start, event_ts=start, currency=None)
    straggling = event("straggling", start, event_ts=start - 3 * HOUR)
    warehouse.write_events([*usual, lacking, straggling])
    warehouse.dbt(*JOB)
    assert heard(warehouse) == {}
    later = start + timedelta(minutes=60)
    late = [
        event(f"late {minutes} {number}", later, event_ts=later - timedelta(minutes=minutes))
        for minutes in (40, 180)
        for number in range(30)
    ]
    warehouse.write_events([*late, *(lacking | {"event_id": f"{n}"} for n in range(2))])
    warehouse.dbt(*JOB)
    assert heard(warehouse) == {
        "warn_incomplete_keys_are_few": "warn",
        "warn_stragglers_are_few": "warn",
        "warn_events_arrive_as_soon_as_they_should": "warn",
    }


def test_a_source_whose_every_new_row_is_late_is_heard_of(warehouse: Warehouse) -> None:
    """It moves no watermark, so that nothing is behind, and yet it may not pass for fresh."""
    in_time = THIS_HOUR - 8 * HOUR
    now = THIS_HOUR - timedelta(minutes=1)
    late = [event(f"late {number}", now, event_ts=now - 5 * HOUR) for number in range(20)]
    warehouse.write_events([*steady_events(in_time), *late])
    warehouse.dbt(*JOB)
    assert heard(warehouse) == {"warn_stragglers_are_few": "warn"}
    (hour,) = warehouse.read("main_monitoring.monitoring_stragglers")
    assert (hour["arrival_hour"], hour["row_count"]) == (THIS_HOUR - HOUR, 20)
    source, *others = sorted(
        warehouse.read("main_monitoring.monitoring_freshness"),
        key=lambda row: row["relation_name"] != "source",
    )
    assert int(source["minutes_behind_clock"]) >= 6 * 60
    assert {int(row["minutes_behind_source"]) for row in others} == {0}


def test_a_lost_event_is_an_error_and_what_looks_wrong_a_warning(warehouse: Warehouse) -> None:
    start = THIS_HOUR - 3 * HOUR
    copied = [event("copied", start + HOUR, event_ts=start + HOUR)] * 4
    ahead = event("ahead", THIS_HOUR + 400 * DAY, event_ts=start)
    unlisted = event("unlisted", start, event_ts=start, event_type="CAPTURED")
    later = steady_events(start + 2 * HOUR)
    warehouse.write_events([*steady_events(start), *copied, *later, ahead, unlisted])
    warehouse.dbt(*JOB)
    assert heard(warehouse) == {
        "warn_duplicate_rate_is_usual": "warn",
        "warn_no_time_anomalies": "warn",
        "warn_event_types_are_listed": "warn",
    }
    warehouse.execute(
        "delete from main_staging.stg_events_deduplicated where payment_id = 'copied'"
    )
    assert heard(warehouse)["no_event_is_unaccounted_for"] == "fail"


def test_an_event_that_is_kept_twice_is_an_error(warehouse: Warehouse) -> None:
    """The reconciliation counts each source row once, so it says so too."""
    warehouse.write_events([*steady_events(THIS_HOUR - 3 * HOUR), *steady_events(THIS_HOUR - HOUR)])
    warehouse.dbt(*JOB)
    deduplicated = "main_staging.stg_events_deduplicated"
    warehouse.execute(
        f"insert into {deduplicated} select * from {deduplicated} order by event_ts limit 1"
    )
    warehouse.dbt("run", "--select", "monitoring_reconciliation")
    with pytest.raises(DbtError) as failed:
        warehouse.dbt("test", "--select", "monitoring_reconciliation")
    found = {result.node.name for result in failed.value.results if str(result.status) == "fail"}
    assert found == {"each_source_row_is_counted_once"}


def test_a_key_held_twice_is_heard_daily_in_the_watched_hours_and_elsewhere_by_whole_tables(
    warehouse: Warehouse,
) -> None:
    long_ago = THIS_HOUR - 10 * DAY
    lately = THIS_HOUR - 3 * HOUR
    for start in (long_ago, lately, THIS_HOUR - HOUR):
        warehouse.write_events(steady_events(start))
    warehouse.dbt(*JOB)
    assert heard(warehouse) == heard(warehouse, "test", "whole_tables") == {}

    held_twice = {
        "main_staging.stg_events_deduplicated": "event_ts",
        "main_analytics.payments": "last_event_at",
        "main_analytics.fraud_features": "event_hour",
    }

    def hold_twice(since: datetime) -> None:
        for table, time in held_twice.items():
            warehouse.execute(
                f"insert into {table} select * from {table} where {time} >= '{since}' "
                f"order by {time} limit 1"
            )

    payments = warehouse.read("main_analytics.payments")
    hold_twice(long_ago)
    assert heard(warehouse) == {}
    whole = dict.fromkeys(
        (
            "unique_stg_events_deduplicated_event_fingerprint",
            "unique_payments_payment_id",
            "dbt_utils_unique_combination_of_columns_fraud_features_merchant_id__event_hour",
        ),
        "fail",
    )
    assert heard(warehouse, "test", "whole_tables") == whole

    hold_twice(lately)
    assert heard(warehouse) == dict.fromkeys(
        (
            "each_source_row_is_counted_once",
            "no_recent_payment_is_held_twice",
            "no_recent_hour_of_a_merchant_is_held_twice",
        ),
        "fail",
    )

    for table, time in held_twice.items():
        warehouse.execute(f"delete from {table} where {time} >= '{lately}'")
    warehouse.dbt(*JOB, exactly_once__reprocess_from=str(lately - HOUR))
    assert heard(warehouse) == {}
    assert len(warehouse.read("main_analytics.payments")) == len(payments) + 1


def test_what_is_watched_is_in_the_daily_job_alone(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(THIS_HOUR - HOUR))
    watched = "exactly_once.curated.no_recent_payment_is_held_twice"
    whole = "exactly_once.curated.unique_payments_payment_id"
    found = {
        selector: [one for one in warehouse.dbt("ls", "--selector", selector) if "payment" in one]
        for selector in ("fifteen_minute", "remediation", "monitoring", "whole_tables")
    }
    assert [selector for selector, names in found.items() if watched in names] == ["monitoring"]
    assert [selector for selector, names in found.items() if whole in names] == [
        "remediation",
        "whole_tables",
    ]
