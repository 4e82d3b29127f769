"""Detection on DuckDB: from labelled events to windows, and a declared window against them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.generate import generate
from demo.load import load
from demo.settings import IncidentSettings
from python_tests.laws import NOON
from python_tests.warehouse import Warehouse

MINUTE = timedelta(minutes=1)
DETECTION = (
    "stg_events",
    "incident_duplicate_rate",
    "incident_window_candidates",
    "incident_duplicate_rate_by_second",
    "incident_windows",
)


def detected(warehouse: Warehouse) -> list[dict[str, Any]]:
    """The windows that the warehouse's source has."""
    generic = "test_type:generic"
    warehouse.dbt("run", "--select", *DETECTION)
    warehouse.dbt("test", "--select", *(f"{name},{generic}" for name in DETECTION[1:]))
    return warehouse.read("main_incident.incident_windows order by window_number")


def test_the_labelled_incident_of_a_day_is_found(warehouse: Warehouse, tmp_path: Path) -> None:
    """Late copies after the end, stragglers, stray copies; without what is planted by hand."""
    truth = generate(
        IncidentSettings(
            events=20_000,
            hours=8,
            incident_start=datetime(2026, 3, 1, 3),
            incident_hours=1.5,
            planted=False,
        ),
        tmp_path / "day",
    )
    warehouse.execute("drop table raw.events")
    load(warehouse.path, truth.bronze)
    (window,) = detected(warehouse)
    assert window["detected_start_low"] <= truth.incident_start <= window["detected_start_high"]
    assert window["detected_end_low"] <= truth.incident_end <= window["detected_end_high"]
    assert window["detected_end"] <= truth.incident_end + MINUTE
    assert (window["event_types"], window["clock"]) == ("all", "event")


def test_the_edges_are_found_among_events_that_arrive_up_to_two_hours_late(
    warehouse: Warehouse,
) -> None:
    """Of six hours of events, 30% are late; of those from noon for an hour, 30% come again."""
    columns = "event_id, payment_id, event_type, amount_cents, currency, event_ts, ingest_ts"
    warehouse.execute(
        f"""
        insert into raw.events ({columns})
        with events as (
            select
                number,
                timestamp '2026-03-01 08:00:00' + number * interval '250 milliseconds' as happened,
                hash(number) % 7200 * if(hash(number, 'late') % 10 < 3, 1, 0.001) as delay
            from range(86400) as numbers (number)
        ),
        copies as (
            select *, unnest(range(
                if(
                    happened >= timestamp '2026-03-01 12:00:00'
                    and happened < timestamp '2026-03-01 13:00:00'
                    and hash(number, 'copied') % 10 < 3, 2, 1
                )
            )) as copy_number
            from events
        )
        select number, number, 'captured', 1000, 'USD', happened,
            happened + to_microseconds(cast(1e6 * (delay + 5 * copy_number) as bigint))
        from copies
        """
    )
    (window,) = detected(warehouse)
    assert window["clock"] == "event"
    for edge, truth in (("start", NOON), ("end", NOON + 60 * MINUTE)):
        assert abs(window[f"detected_{edge}"] - truth) <= timedelta(seconds=3)
        assert window[f"detected_{edge}_low"] <= truth <= window[f"detected_{edge}_high"]


def test_edges_are_right_to_the_second_at_500_events_a_second(warehouse: Warehouse) -> None:
    """Of an hour of them, 30% come again a few seconds later, for a quarter of an hour."""
    start = datetime(2026, 3, 1, 12, 20, 7, 400_000)
    end = start + timedelta(seconds=900.3)
    columns = "event_id, payment_id, event_type, amount_cents, currency, event_ts, ingest_ts"
    warehouse.execute(
        f"""
        insert into raw.events ({columns})
        with events as (
            select
                number,
                timestamp '2026-03-01 12:00:00' + number * interval '2 milliseconds' as happened
            from range(1800000) as numbers (number)
        ),
        copies as (
            select *, 0 as delay from events
            union all
            select *, 1 + hash(number, 'delay') % 30 as delay from events
            where
                happened >= timestamp '{start}' and happened < timestamp '{end}'
                and hash(number, 'copied') % 10 < 3
        )
        select number, number, 'captured', 1000, 'USD', happened,
            happened + to_milliseconds(cast(50 + hash(number) % 100 + 1000 * delay as bigint))
        from copies
        """
    )
    (window,) = detected(warehouse)
    for edge, truth in (("start", start), ("end", end)):
        assert abs(window[f"detected_{edge}"] - truth) <= timedelta(seconds=1)
        assert window[f"detected_{edge}_low"] <= truth <= window[f"detected_{edge}_high"]


@pytest.fixture
def loaded(warehouse: Warehouse) -> Warehouse:
    """Captures and refunds of six hours, ten a minute each; captures of half an hour come again.

    They arrive three hours after they happened, and the copies an hour later.
    """
    for event_type, numbers, delay in (
        ("captured", "range(3600)", 0),
        ("refunded", "range(3600)", 0),
        ("captured", "range(1200, 1500)", 60),
    ):
        arrive(warehouse, event_type, numbers, delay)
    return warehouse


def arrive(warehouse: Warehouse, event_type: str, numbers: str, delay: int) -> None:
    """Events, one every 6 seconds from noon on, later by some minutes."""
    columns = "event_id, payment_id, event_type, amount_cents, currency, event_ts, ingest_ts"
    arrives = "timestamp '2026-03-01 12:00:00' + number * interval '6 seconds'"
    warehouse.execute(
        f"""
        insert into raw.events ({columns})
        select number, number, '{event_type}', 1000, 'USD', timestamp '2026-03-01 09:00:00',
            {arrives} + interval '{delay} minutes'
        from {numbers} as numbers (number)
        """
    )


FIRST = "2026-03-01 14:00:00 to 2026-03-01 14:29:55 (300 copies)"
SECOND = "2026-03-01 16:20:00 to 2026-03-01 16:59:55 (400 copies)"


def test_one_event_type_and_late_copies_by_arrival(loaded: Warehouse) -> None:
    """The window is where the repeated events arrived first; their copies don't stretch it."""
    (window,) = detected(loaded)
    assert window["event_types"] == "captured"
    assert window["clock"] == "arrival"
    assert window["detected_start"] == NOON + 120 * MINUTE
    assert window["detected_end"] == NOON + 150 * MINUTE - timedelta(seconds=5)
    assert window["detected_end_high"] >= NOON + 150 * MINUTE
    assert (window["row_count"], window["copy_count"]) == (600, 300)


@pytest.mark.parametrize(("events", "first", "after"), [(3600, 1200, 1500), (14_400, 3000, 8400)])
def test_copies_later_than_the_lookback_move_no_edge(
    warehouse: Warehouse, events: int, first: int, after: int
) -> None:
    """Each comes five hours later; of a long incident some while its events still arrive."""
    arrive(warehouse, "captured", f"range({events})", 0)
    arrive(warehouse, "captured", f"range({first}, {after})", 300)
    (window,) = detected(warehouse)
    assert window["detected_start"] == NOON + first // 10 * MINUTE
    assert window["detected_end"] == NOON + after // 10 * MINUTE - timedelta(seconds=5)
    assert (window["row_count"], window["copy_count"]) == (2 * (after - first), after - first)


def test_late_copies_of_a_rare_event_type_move_no_edge(warehouse: Warehouse) -> None:
    """Beside a type of which a hundred times as many have a copy at once."""
    arrive(warehouse, "captured", "(select unnest(range(0, 720000)) / 50)", 0)
    arrive(warehouse, "captured", "(select unnest(range(0, 720000, 9)) / 50)", 0)
    arrive(warehouse, "chargeback", "(select unnest(range(0, 14400, 20)))", 0)
    arrive(warehouse, "chargeback", "(select unnest(range(3000, 8400, 20)))", 300)
    (window,) = detected(warehouse)
    assert window["event_types"] == "chargeback"
    assert window["detected_start"] == NOON + 300 * MINUTE
    assert window["detected_end"] == NOON + 838 * MINUTE + timedelta(seconds=1)


def test_copies_of_another_event_type_belong_to_the_event_that_arrived_first(
    warehouse: Warehouse,
) -> None:
    """Where the key has no event type, copies may have one that comes first in the alphabet."""
    warehouse.settings |= {
        "exactly_once__fingerprint_columns": ["payment_id", "amount_cents", "currency", "event_ts"],
        "exactly_once__event_type_column": "event_type",
        "exactly_once__amount_column": "amount_cents",
        "exactly_once__currency_column": "currency",
        "exactly_once__event_time_column": "event_ts",
    }
    arrive(warehouse, "captured", "range(3600)", 0)
    arrive(warehouse, "again", "range(1200, 1500)", 60)
    (window,) = detected(warehouse)
    assert window["detected_start"] == NOON + 120 * MINUTE
    assert window["detected_end"] == NOON + 150 * MINUTE - timedelta(seconds=5)
    assert (window["row_count"], window["copy_count"]) == (600, 300)


def test_an_incident_of_the_whole_range_is_a_warning(warehouse: Warehouse) -> None:
    """All that time a fifth of the events are copied, so that nothing stands out."""
    arrive(warehouse, "captured", "range(3600)", 0)
    arrive(warehouse, "captured", "range(0, 3600, 5)", 60)
    warehouse.dbt("run", "--select", *DETECTION, "incident_scope")
    assert warehouse.read("main_incident.incident_windows") == []
    (warning,) = [line for line in warehouse.project.logged if "no window is detected" in line]
    assert "720 of 3,600 events are copied" in warning
    assert "exactly_once__detection_hours" in warning


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ((120, 150), None),
        ((100, 170), None),
        ((120, 140), "100 copies of a detected window are of events that arrived outside it"),
        ((120, 200), "it ends 50 minutes after what was detected"),
        ((60, 150), "it begins 60 minutes before what was detected"),
        ((10, 60), "it meets no detected window"),
    ],
)
def test_a_declared_window_that_differs_is_a_warning(
    loaded: Warehouse, declared: tuple[int, int], said: str | None
) -> None:
    warnings = warned(loaded, declared, *DETECTION)
    assert len(warnings) == (said is not None)
    for warning in warnings:
        assert warning.endswith(f"(UTC): {said}. Detected: {FIRST}")


def warned(warehouse: Warehouse, declared: tuple[float, float], *models: str) -> list[str]:
    """The warnings about a window that is declared from a minute after noon to another."""
    start, end = (str(NOON + minute * MINUTE) for minute in declared)
    warehouse.dbt(
        "run", "--select", *models, "incident_scope", incident_start=start, incident_end=end
    )
    warnings = [line for line in warehouse.project.logged if "the declared window" in line]
    assert all(f"the declared window, {start} to {end} (UTC): " in line for line in warnings)
    return warnings


def test_a_declared_window_that_misses_another_incident_is_a_warning(loaded: Warehouse) -> None:
    arrive(loaded, "captured", "range(2600, 3000)", 60)
    loaded.dbt("run", "--select", *DETECTION)
    missed = "{} copies lie in 1 detected window that it does not meet"
    outside = "100 copies of a detected window are of events that arrived outside it"
    for declared, said in (
        ((120, 150), missed.format(400)),
        ((260, 300), missed.format(300)),
        ((120, 140), f"{outside}; {missed.format(400)}"),
        ((160, 250), "it meets no detected window"),
    ):
        (warning,) = warned(loaded, declared)
        assert warning.endswith(f"(UTC): {said}. Detected: {FIRST}, {SECOND}")
    assert warned(loaded, (120, 300)) == []


def test_a_declared_window_that_misses_part_of_a_minute_is_a_warning(
    warehouse: Warehouse,
) -> None:
    """All events of 50 seconds come again; what a declared window leaves out are seconds."""
    columns = "event_id, payment_id, event_type, amount_cents, currency, event_ts, ingest_ts"
    for numbers, delay in (("range(144000)", 0), ("range(72100, 73100)", 1)):
        warehouse.execute(
            f"""
            insert into raw.events ({columns})
            select number, number, 'captured', 1000, 'USD',
                timestamp '2026-03-01 11:00:00' + number * interval '50 milliseconds' as happened,
                happened + interval '{delay} seconds'
            from {numbers} as numbers (number)
            """
        )
    warehouse.dbt("run", "--select", *DETECTION)
    for declared, said in (
        ((5, 55), None),
        ((0, 60), None),
        ((5, 30), "it ends 25 seconds before a detected window does"),
        ((30, 60), "it begins 25 seconds after a detected window does"),
        ((0, 6), "it ends 49 seconds before a detected window does"),
        (
            (20, 30),
            "it begins 15 seconds after a detected window does; "
            "it ends 25 seconds before a detected window does",
        ),
    ):
        warnings = warned(warehouse, (declared[0] / 60, declared[1] / 60))
        assert len(warnings) == (said is not None)
        for warning in warnings:
            assert f"(UTC): {said}. Detected: 2026-03-01 12:00:05 to 2026-03-01 12:00:55" in warning
