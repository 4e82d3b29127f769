"""The guard: turned on between two regular runs, and what it keeps out, said beforehand."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    MINUTE,
    NOON,
    Row,
    contaminated_rows,
    event,
    give_verdict,
    steady_events,
)
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import DbtError, Warehouse

JOB = ("run", "--selector", "fifteen_minute")
LOOKBACK = 2 * HOUR
LATER = NOON + 21 * HOUR
OFF = {"exactly_once__deduplicate": False}


def second_batch() -> list[Row]:
    """Copies of each other, copies of what has arrived long before, and another amount."""
    return [
        *steady_events(LATER),
        *steady_events(LATER, 3),
        event("new", LATER, event_ts=LATER, event_type="refunded", amount_cents=77),
        event("new", LATER, event_ts=LATER, event_type="refunded", amount_cents=77, event_id="b"),
        event("euro", LATER, event_ts=LATER, currency="EUR", amount_cents=5),
        event("euro", LATER + HOUR, event_ts=LATER, currency="EUR", amount_cents=5),
        # one more of an event that the tables count twice, and of one that they count once
        event("edge", LATER, event_id="late"),
        event("long_ago", None, event_ts=NOON - 40 * HOUR),
        event(None, LATER, event_id="incomplete"),
        event(None, LATER, event_id="incomplete"),
    ]


def report(warehouse: Warehouse, settings: dict[str, Any], **arguments: Any) -> list[str]:
    """What the report prints."""
    given = ("--args", json.dumps(arguments)) if arguments else ()
    warehouse.dbt("run-operation", "guard_report", *given, **settings)
    return warehouse.project.logged


def figures(lines: Sequence[str]) -> dict[tuple[str, str], list[int]]:
    """Rows, events, copies and amount by event type and currency."""
    found = {}
    for line in lines[3:]:
        cells = re.split(r"  +", line.strip())
        if len(cells) == 6:
            found[cells[0], cells[1]] = [int(cell.replace(",", "")) for cell in cells[2:]]
    return found


def arrived(rows: Sequence[Row], since: Any) -> list[Row]:
    """The rows with a complete key that a run reads."""
    return [
        row
        for row in rows
        if oracle.has_complete_key(row) and (row["ingest_ts"] is None or row["ingest_ts"] >= since)
    ]


def expected(
    rows: Sequence[Row], since: Any, kept: Sequence[str] = ()
) -> dict[tuple[str, str], list[int]]:
    """The figures from the rows: what has another copy before it is a copy."""
    copies = [
        row for name, group in oracle.groups(rows).items() if name not in kept for row in group[1:]
    ]
    found: dict[tuple[str, str], list[int]] = {}
    left = Counter(map(oracle.row_hash, copies))
    names: dict[tuple[str, str], set[str]] = {}
    # of byte-identical rows the last are the copies
    for row in reversed(arrived(rows, since)):
        kind = row["event_type"], row["currency"]
        figure = found.setdefault(kind, [0, 0, 0, 0])
        names.setdefault(kind, set()).add(oracle.fingerprint(row))
        figure[0] += 1
        if left[oracle.row_hash(row)]:
            left[oracle.row_hash(row)] -= 1
            figure[2] += 1
            figure[3] += row["amount_cents"]
    for kind, figure in found.items():
        figure[1] = len(names[kind])
    return found


def watermark(rows: Sequence[Row]) -> Any:
    """How far a run over these rows has read."""
    found = oracle.watermark(rows)
    assert found is not None
    return found.replace(tzinfo=None)


def tenth_latest_copy(rows: Sequence[Row]) -> Any:
    """The same with every copy counted: how far the source reaches."""
    sane = [row["ingest_ts"] for row in rows if row["ingest_ts"] and row["event_ts"]]
    return sorted(sane, reverse=True)[9]


def contaminate(warehouse: Warehouse) -> tuple[list[Row], list[Row]]:
    """A regular run without the guard, and a second batch that waits; both batches."""
    first, second = contaminated_rows(), second_batch()
    warehouse.write_events(first)
    warehouse.dbt(*JOB, **OFF)
    warehouse.write_events(second)
    return first, second


def check_report(warehouse: Warehouse) -> None:
    """The figures are those of the rows, whichever way the guard stands."""
    first, second = contaminate(warehouse)
    rows = [*first, *second]
    since = watermark(first) - LOOKBACK
    lines = report(warehouse, OFF)
    assert lines[0].startswith("The guard is OFF")
    assert lines[0].endswith(", by the last regular run on these tables")
    assert f"arrivals since {since} UTC" in lines[1]
    assert "copies let in" in lines[2]
    assert any("--vars '{exactly_once__deduplicate: true}'" in line for line in lines)
    assert "stay until a remediation" in lines[-1]
    assert figures(lines) == expected(rows, since)
    assert figures(lines)["captured", "USD"][2] > 3

    # the job decides, not the vars of whoever asks
    lines = report(warehouse, {}, hours=30)
    assert lines[0].startswith("The guard is OFF")
    assert lines[0].endswith("By the vars of this command it is on")
    assert "copies let in" in lines[2]
    since = tenth_latest_copy(rows) - timedelta(hours=30)
    assert f"arrivals since {since} UTC" in lines[1]
    assert figures(lines) == expected(rows, since)

    warehouse.dbt(*JOB)
    lines = report(warehouse, OFF, hours=30)
    assert lines[0].startswith("The guard is on")
    assert lines[0].endswith("By the vars of this command it is OFF")
    assert "copies kept out" in lines[2]
    assert not any("To turn it on" in line for line in lines)
    assert figures(lines) == expected(rows, since)


def test_the_report_says_what_the_rows_say(warehouse: Warehouse) -> None:
    check_report(warehouse)


def test_the_report_says_the_same_on_snowflake(snowflake_warehouse: SnowflakeWarehouse) -> None:
    check_report(snowflake_warehouse)


def test_the_report_before_the_first_job_says_what_to_run(warehouse: Warehouse) -> None:
    warehouse.write_events(contaminated_rows())
    with pytest.raises(DbtError) as error:
        report(warehouse, {})
    assert "stg_events" in str(error.value)
    assert "Run the job: dbt build --selector fifteen_minute" in str(error.value)
    warehouse.dbt("run", "--select", "stg_events")
    lines = report(warehouse, {})
    assert figures(lines)
    assert "by the vars of this command; no regular run has recorded it" in lines[0]


def test_copies_that_a_reviewer_keeps_are_not_kept_out(warehouse: Warehouse) -> None:
    first, second = contaminate(warehouse)
    warehouse.dbt("seed")
    name = oracle.fingerprint(event("edge"))
    give_verdict(warehouse, name, "keep")
    since = watermark(first) - LOOKBACK
    found = figures(report(warehouse, OFF))
    assert found == expected([*first, *second], since, kept=[name])
    assert found != expected([*first, *second], since)


@pytest.mark.parametrize("hours", [0, -1, "4", True])
def test_hours_that_are_none_are_refused(warehouse: Warehouse, hours: Any) -> None:
    with pytest.raises(DbtError, match=r"hours: found .*; accepted: a number above 0"):
        report(warehouse, {}, hours=hours)


def test_the_guard_is_turned_on_between_two_runs_without_touching_the_rest(
    warehouse: Warehouse,
) -> None:
    """Keys that arrived events touch are as if there had been no copy; the others as they were."""
    first, second = contaminate(warehouse)
    assert sum("the guard is off" in line for line in warehouse.project.logged) == 1
    before = {
        "payments": oracle.payments(first),
        "fraud_features": oracle.fraud_features(first),
    }
    warehouse.dbt(*JOB)
    assert not any("the guard" in line for line in warehouse.project.logged)

    rows = [*first, *second]
    clean = list(oracle.deduplicated(rows).values())
    after = {"payments": oracle.payments(clean), "fraud_features": oracle.fraud_features(clean)}
    touched = oracle.payments(arrived(rows, watermark(first) - LOOKBACK))
    hours = oracle.fraud_features(arrived(rows, watermark(first) - LOOKBACK))
    for name, keys, again in (
        ("payments", ("payment_id",), touched),
        ("fraud_features", ("merchant_id", "event_hour"), hours),
    ):
        touched_keys = {tuple(row[key] for key in keys) for row in again}

        def is_touched(
            row: Row, keys: Sequence[str] = keys, touched_keys: set[Any] = touched_keys
        ) -> bool:
            return tuple(row[key] for key in keys) in touched_keys

        want = [row for row in after[name] if is_touched(row)]
        left = [row for row in before[name] if not is_touched(row)]
        assert left
        assert want
        assert any(row not in after[name] for row in left), "no contaminated row is left"
        found = sorted(map(repr, map(_plain, warehouse.read(f"main_analytics.{name}"))))
        assert found == sorted(map(repr, map(_plain, [*want, *left])))


def _plain(row: Row) -> list[tuple[str, str | None]]:
    return sorted((name, oracle.canonical_text(value)) for name, value in row.items())


def test_a_run_without_the_guard_says_so_once(warehouse: Warehouse) -> None:
    def warnings(*command: str, **settings: Any) -> list[str]:
        warehouse.dbt(*command, **settings)
        return [line for line in warehouse.project.logged if "the guard is off" in line]

    warehouse.write_events(steady_events(NOON))
    found = warnings("build", "--selector", "fifteen_minute", **OFF)
    assert len(found) == 1
    assert "fraud_features, payments will count every copy" in found[0]
    assert not warnings("run", "--select", "staging", **OFF)
    assert not warnings("build", "--selector", "fifteen_minute")


def test_too_many_copies_stop_a_run_without_the_guard(warehouse: Warehouse) -> None:
    """The circuit breaker: readers keep what they have, and the guard lets the run go on."""
    first, second = contaminate(warehouse)
    curated = ("main_analytics.payments", "main_analytics.fraud_features")
    before = [warehouse.digest(table) for table in curated]
    by_type = expected([*first, *second], watermark(first) - LOOKBACK).values()
    rows, copies = (sum(figure[place] for figure in by_type) for place in (0, 2))
    with pytest.raises(DbtError, match=rf"found {copies} copies among {rows} rows"):
        warehouse.dbt(*JOB, **OFF, exactly_once__max_copy_rate=copies / rows - 0.001)
    assert [warehouse.digest(table) for table in curated] == before

    with pytest.raises(DbtError, match=r"the source: found .* copies among"):
        warehouse.dbt(*JOB, "--full-refresh", **OFF, exactly_once__max_copy_rate=0.1)
    assert [warehouse.digest(table) for table in curated] == before

    warehouse.dbt("run", "--select", "staging", **OFF, exactly_once__max_copy_rate=0.001)
    assert [warehouse.digest(table) for table in curated] == before
    warehouse.dbt(*JOB, exactly_once__max_copy_rate=copies / rows + 0.001)
    assert not [line for line in warehouse.project.logged if "copies among" in line]


def test_a_view_built_before_a_column_is_named_by_the_breaker(warehouse: Warehouse) -> None:
    contaminate(warehouse)
    warehouse.execute("alter table raw.events add column id_of_loader varchar")
    changed: dict[str, Any] = {
        **OFF,
        "exactly_once__event_id_column": "id_of_loader",
        "exactly_once__max_copy_rate": 0.5,
    }
    with pytest.raises(DbtError, match=r"no column id_of_loader; .* --select stg_events --full"):
        warehouse.dbt(*JOB, "--full-refresh", **changed)
    warehouse.dbt("run", "--select", "stg_events", "--full-refresh", **changed)
    warehouse.dbt(*JOB, "--full-refresh", **changed)
    warehouse.dbt(*JOB, **changed)


def test_too_many_copies_are_heard_of_while_the_guard_keeps_them_out(warehouse: Warehouse) -> None:
    """An incident that begins, or a key with too few columns: both would be silent."""
    first, second = contaminate(warehouse)
    by_type = expected([*first, *second], watermark(first) - LOOKBACK).values()
    rows, copies = (sum(figure[place] for figure in by_type) for place in (0, 2))
    warehouse.dbt(*JOB, exactly_once__max_copy_rate=0.001)
    said = [line for line in warehouse.project.logged if "copies among" in line]
    assert len(said) == 1
    assert f"found {copies} copies among {rows} rows" in said[0]
    assert "The guard keeps them out" in said[0]


def test_a_share_below_the_limit_goes_on_without_the_guard(warehouse: Warehouse) -> None:
    first, second = contaminate(warehouse)
    by_type = expected([*first, *second], watermark(first) - LOOKBACK).values()
    rows, copies = (sum(figure[place] for figure in by_type) for place in (0, 2))
    warehouse.dbt(*JOB, **OFF, exactly_once__max_copy_rate=copies / rows + 0.001)
    found = warehouse.read("main_analytics.payments", "payment_id")
    assert {"new", "euro"} <= {row["payment_id"] for row in found}


def check_breaker_stays_open(warehouse: Warehouse) -> None:
    """One bad hour of one event type, among much that is clean and arrives after it."""
    limit: dict[str, Any] = {"exactly_once__max_copy_rate": 0.25}
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt(*JOB, **OFF, **limit)
    bad = [event(f"bad{n % 70}", NOON + HOUR, event_type="refunded") for n in range(100)]
    clean = [event(f"clean{n}", NOON + HOUR) for n in range(900)]
    warehouse.write_events([*bad, *clean])
    hour = str(NOON + HOUR)
    said = f"refunded events in the hour from {hour} UTC: found 30 copies among 100 rows"
    for later in range(2):
        with pytest.raises(DbtError, match=said):
            warehouse.dbt(*JOB, **OFF, **limit)
        warehouse.write_events(
            [event(f"later{later}_{n}", NOON + (3 + later) * HOUR) for n in range(200)]
        )
    warehouse.dbt(*JOB, **limit)


def test_a_bad_hour_is_not_let_in_because_clean_ones_followed(warehouse: Warehouse) -> None:
    check_breaker_stays_open(warehouse)


def test_the_breaker_on_snowflake(snowflake_warehouse: SnowflakeWarehouse) -> None:
    check_breaker_stays_open(snowflake_warehouse)


@pytest.mark.parametrize("rate", [0, 1, -0.1, "0.1", True])
def test_a_rate_that_is_no_share_is_refused(warehouse: Warehouse, rate: Any) -> None:
    with pytest.raises(DbtError, match=r"max_copy_rate: found .*; accepted: a number above 0 and"):
        warehouse.dbt("parse", fresh=True, exactly_once__max_copy_rate=rate)


def test_what_the_first_run_with_the_guard_has_not_read_fails_no_test(warehouse: Warehouse) -> None:
    """The first copies end an hour before the further ones, and so does the mark from then on."""
    stray = NOON - 90 * MINUTE
    warehouse.write_events(
        [
            *steady_events(NOON),
            *({**row, "ingest_ts": row["ingest_ts"] + HOUR} for row in steady_events(NOON)),
            *(event("stray", moment, event_ts=NOON - 5 * HOUR) for moment in (stray - HOUR, stray)),
        ]
    )
    warehouse.dbt(*JOB, **OFF)
    warehouse.dbt("build", "--selector", "fifteen_minute")
    found = {
        row["payment_id"]: row["event_count"] for row in warehouse.read("main_analytics.payments")
    }
    assert found == {row["payment_id"]: 1 for row in steady_events(NOON)} | {"stray": 2}
    # the next run reads from the earlier mark, and compares what it has read
    warehouse.dbt("build", "--selector", "fifteen_minute")
    found = {
        row["payment_id"]: row["event_count"] for row in warehouse.read("main_analytics.payments")
    }
    assert set(found.values()) == {1}
