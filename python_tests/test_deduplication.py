"""One event, one row: any order, any batches, any retry and any overlap give the same table."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    MICROSECOND,
    MINUTE,
    NOON,
    Row,
    assert_deduplicated,
    check_deduplication,
    steady_events,
)
from python_tests.warehouse import Project, Warehouse

# A small world: few values for everything, so that rows collide in every way.
EVENT_TIMES = (
    NOON,
    NOON + MICROSECOND,
    NOON.replace(minute=59, second=59, microsecond=999_999),
    NOON - 30 * HOUR,
    datetime(1969, 12, 31, 23, 59, 59, 999_999),
    datetime(2999, 12, 31, 23, 59, 59, 999_999),
    datetime(9999, 12, 31, 23, 59, 59, 999_999),
    None,
)
AFTER_WATERMARK = (-2 * HOUR, -2 * HOUR + MICROSECOND, -HOUR, timedelta(0), 15 * MINUTE, HOUR)
FUTURE = datetime(2100, 1, 1)
HISTORY = steady_events(NOON - HOUR)


def rows_arriving(arrivals: list[datetime | None]) -> st.SearchStrategy[Row]:
    """Rows of the small world that arrive at one of the given times."""
    return st.fixed_dictionaries(
        {
            "event_id": st.sampled_from(["e1", "e2", "E1", "", None]),
            "payment_id": st.sampled_from(["p1", "p1", "p1", "p2", "~", None]),
            "merchant_id": st.sampled_from(["m1", "m1", "m2", None]),
            "event_type": st.sampled_from(["captured", "captured", "captured", "refunded", None]),
            "amount_cents": st.sampled_from([5, 5, 5, -5, None]),
            "currency": st.sampled_from(["USD", "USD", "USD", "5", None]),
            "event_ts": st.sampled_from(EVENT_TIMES),
            "ingest_ts": st.sampled_from(arrivals),
            "payload": st.sampled_from(["{}", '{"op":{"id":"o1"}}', '{"op":{"id":null}}', None]),
        }
    )


@st.composite
def batches_of_rows(draw: st.DrawFn) -> list[list[Row]]:
    """Batches as they land: none of a batch arrived longer than the lookback before the watermark.

    A retry delivers rows a second time as they are, however old they are.
    """
    batches: list[list[Row]] = []
    known = list(HISTORY)
    for _ in range(draw(st.integers(1, 3))):
        watermark = oracle.watermark(known)
        assert watermark is not None
        arrivals = [watermark.replace(tzinfo=None) + offset for offset in AFTER_WATERMARK]
        batch = draw(st.lists(rows_arriving([*arrivals, None, FUTURE]), max_size=10))
        batch += draw(st.lists(st.sampled_from(known), max_size=3))
        if draw(st.booleans()):
            batch += steady_events(max(arrivals), name="more")
        batch = draw(st.permutations(batch))
        batches.append(batch)
        known += batch
    return batches


@pytest.fixture(scope="module")
def with_history(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse that has taken in HISTORY, to start each example from."""
    made = Warehouse(project, tmp_path_factory.mktemp("history"))
    made.write_events(HISTORY)
    made.dbt("run", "--select", "staging")
    return made


@settings(max_examples=18)
@given(batches=batches_of_rows())
def test_batches_in_any_order_with_retries_and_overlaps_give_the_least_copy_of_each_event(
    with_history: Warehouse, tmp_path_factory: pytest.TempPathFactory, batches: list[list[Row]]
) -> None:
    warehouse = with_history.copied(tmp_path_factory.getbasetemp() / "example")
    known = list(HISTORY)
    for batch in batches:
        warehouse.write_events(batch)
        known += batch
        warehouse.dbt("run", "--select", "staging")
        assert_deduplicated(warehouse, known)
    note(f"{len(batches)} batches")


@settings(max_examples=10)
@given(batches=batches_of_rows(), data=st.data())
def test_replay_in_any_order_and_with_other_batch_borders_gives_the_same_table(
    with_history: Warehouse,
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[Row]],
    data: st.DataObject,
) -> None:
    rows = [row for batch in batches for row in batch]
    digests = set()
    for name in ("forward", "shuffled"):
        warehouse = with_history.copied(tmp_path_factory.getbasetemp() / name)
        for batch in batches if name == "forward" else [data.draw(st.permutations(rows))]:
            warehouse.write_events(batch)
            warehouse.dbt("run", "--select", "staging")
        digests.add(warehouse.digest("main_staging.stg_events_deduplicated"))
    assert len(digests) == 1


def test_a_run_without_new_events_changes_nothing(with_history: Warehouse, tmp_path: Path) -> None:
    warehouse = with_history.copied(tmp_path)
    before = warehouse.digest("main_staging.stg_events_deduplicated")
    warehouse.dbt("run", "--select", "staging")
    assert warehouse.digest("main_staging.stg_events_deduplicated") == before


def test_a_full_refresh_gives_the_table_that_the_batches_gave(
    with_history: Warehouse, tmp_path: Path
) -> None:
    warehouse = with_history.copied(tmp_path)
    warehouse.write_events([*HISTORY[3:], *steady_events(NOON)])
    warehouse.dbt("run", "--select", "staging")
    before = warehouse.digest("main_staging.stg_events_deduplicated")
    warehouse.dbt("run", "--select", "staging", "--full-refresh")
    assert warehouse.digest("main_staging.stg_events_deduplicated") == before


def test_hard_batches_give_the_least_copy_of_each_event(warehouse: Warehouse) -> None:
    check_deduplication(warehouse)


@pytest.mark.parametrize("year", [10_000, 58_123])
def test_a_time_beyond_what_a_literal_can_hold_is_met_again(
    warehouse: Warehouse, year: int
) -> None:
    """Milliseconds read as seconds put an event tens of thousands of years ahead."""
    copy = (
        "insert into raw.events (event_id, payment_id, event_type, amount_cents, currency, "
        f"event_ts, ingest_ts) values ('e', 'p', 'captured', 1, 'USD', '{year}-01-01', "
    )
    warehouse.write_events(HISTORY)
    for hour in ("12", "20"):
        warehouse.execute(copy + f"'2026-03-01 {hour}:00:00')")
        warehouse.dbt("run", "--select", "staging")
        warehouse.write_events(steady_events(NOON + 7 * HOUR))
    found = warehouse.query(
        "select hour(ingest_ts) as arrived from main_staging.stg_events_deduplicated "
        "where payment_id = 'p'"
    )
    assert found == [{"arrived": 12}]
