"""A run that takes in so many hours of arrivals at most: the same tables in the end, in pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests import oracle
from python_tests.faults import Death, StatementLog, deaths, kill, watched
from python_tests.laws import (
    DAY,
    HOUR,
    INCIDENT,
    MICROSECOND,
    MINUTE,
    NOON,
    Row,
    assert_curated,
    assert_deduplicated,
    contaminated_rows,
    event,
    hard_batches,
    history,
    late_copies,
    steady_events,
)
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import DbtError, Project, Warehouse

JOB = ("build", "--selector", "fifteen_minute")
RUN = ("run", "--selector", "fifteen_minute")
BOUND = "exactly_once__max_hours_per_run"
RESULTS = (
    "main_staging.stg_events_deduplicated",
    "main_analytics.payments",
    "main_analytics.fraud_features",
)
SAID = "[exactly_once] "
SCAN = re.compile(r'from "warehouse"\."(?:main_staging"\."stg_events"|raw"\."events")')
LITERAL = r"cast\('([^']+)' as timestamp(?:_ntz)?\)"
MOST_RUNS = 60


def bound(hours: float) -> dict[str, Any]:
    """The var that this file is about."""
    return {BOUND: hours}


def said(warehouse: Warehouse) -> list[str]:
    """What the last run said about its piece."""
    return [line for line in warehouse.project.logged if line.startswith(SAID)]


def catch_up(warehouse: Warehouse, hours: float, *job: str) -> list[str]:
    """Run the same command until it is caught up; what it said."""
    found: list[str] = []
    for _ in range(MOST_RUNS):
        warehouse.dbt(*(job or JOB), **bound(hours))
        lines = said(warehouse)
        assert len(lines) <= 1
        found += lines
        if not lines or "caught up" in lines[0]:
            return found
    raise AssertionError(f"still not caught up: {found[-1]}")


def assert_whole(warehouse: Warehouse, rows: Sequence[Row]) -> None:
    """The tables are those of all rows."""
    assert_deduplicated(warehouse, rows)
    assert_curated(warehouse, oracle.deduplicated(rows).values())


def test_a_history_is_taken_in_piece_by_piece_and_each_run_says_what_is_left(
    warehouse: Warehouse,
) -> None:
    rows = history()
    warehouse.write_events(rows)
    warehouse.dbt(*JOB, **bound(24))
    taken_in = [row for row in rows if row["ingest_ts"] < NOON + DAY]
    assert_whole(warehouse, taken_in)
    assert said(warehouse) == [
        "[exactly_once] took in what arrived before 2026-03-02 12:00:00 UTC; the source goes on at "
        "2026-03-02 12:00:00 and has arrivals up to 2026-03-06 06:00:00: at most 4 more runs of 24 "
        "hours of arrivals. The same command goes on"
    ]
    further = catch_up(warehouse, 24)
    assert "at most 3 more runs" in further[0]
    assert "caught up" in further[-1]
    assert len(further) == 3
    assert_whole(warehouse, rows)


@pytest.mark.parametrize("hours", [0.01, 3, 7, 1000])
def test_the_tables_are_those_of_one_run_whatever_the_bound(
    warehouse: Warehouse, hours: float
) -> None:
    rows = [row for batch in hard_batches() for row in batch]
    warehouse.write_events(rows)
    catch_up(warehouse, hours)
    assert_whole(warehouse, rows)


def test_copies_that_come_late_are_met_by_later_pieces(warehouse: Warehouse) -> None:
    rows: list[Row] = []
    for batch in late_copies():
        warehouse.write_events(batch)
        rows += batch
        catch_up(warehouse, 1)
        assert_whole(warehouse, rows)


def test_nothing_is_said_and_nothing_noted_by_a_run_that_needs_one_piece(
    warehouse: Warehouse,
) -> None:
    rows = steady_events(NOON, 30)
    warehouse.write_events(rows)
    assert catch_up(warehouse, 24) == []
    assert "taken_in_before" not in json.loads(comment(warehouse))
    assert_whole(warehouse, rows)


def test_without_the_var_a_run_takes_in_everything(warehouse: Warehouse) -> None:
    rows = history()
    warehouse.write_events(rows)
    warehouse.dbt(*JOB)
    assert said(warehouse) == []
    assert_whole(warehouse, rows)


# It never gets stuck


@pytest.mark.parametrize("settings", [{}, bound(2)], ids=["at once", "in pieces"])
def test_an_empty_run_takes_in_nothing_and_says_so_to_the_next(
    warehouse: Warehouse, settings: dict[str, Any]
) -> None:
    """`dbt build --empty`, before the first run and between two."""
    rows = [*steady_events(NOON), *steady_events(NOON + 6 * HOUR), *steady_events(NOON + 12 * HOUR)]
    warehouse.write_events(rows[:24])
    warehouse.dbt(*RUN, "--empty", **settings)
    warehouse.dbt(*RUN, **settings)
    warehouse.write_events(rows[24:])
    marks = warehouse.digest(
        "main_analytics.incremental_watermarks", "relation_name, arrival_watermark"
    )
    warehouse.dbt(*RUN, "--empty", **settings)
    assert marks == warehouse.digest(
        "main_analytics.incremental_watermarks", "relation_name, arrival_watermark"
    )
    for _ in range(4):
        warehouse.dbt(*RUN, **settings)
    assert_deduplicated(warehouse, rows)
    assert_curated(warehouse, rows)


def test_tables_that_an_empty_run_emptied_are_built_from_the_beginning(
    warehouse: Warehouse,
) -> None:
    rows = [*steady_events(NOON), *steady_events(NOON + 6 * HOUR)]
    warehouse.write_events(rows)
    warehouse.dbt(*RUN)
    warehouse.dbt(*RUN, "--empty", "--full-refresh")
    assert warehouse.read("main_analytics.payments") == []
    warehouse.dbt(*RUN)
    assert_curated(warehouse, rows)


def test_a_gap_longer_than_the_bound_costs_no_run(warehouse: Warehouse) -> None:
    rows = [*steady_events(NOON), *steady_events(NOON + 90 * DAY), *steady_events(NOON + 99 * DAY)]
    warehouse.write_events(rows)
    assert len(catch_up(warehouse, 1)) == 3
    assert_whole(warehouse, rows)


def test_sparse_arrivals_are_taken_in_ten_at_a_time(warehouse: Warehouse) -> None:
    """Nine rows never make a watermark; absurd stamps, each years from the next, are no more."""
    rows = [
        event(f"sparse_{number}", NOON + number * DAY, event_ts=NOON + number * DAY)
        for number in range(34)
    ]
    rows += [event(f"absurd_{year}", datetime(year, 1, 1)) for year in (1, 2, 1900, 1970, 1999)]
    warehouse.write_events(rows)
    assert len(catch_up(warehouse, 1)) == 3
    assert_whole(warehouse, rows)


def test_rows_whose_times_are_beyond_belief_are_taken_in_in_pieces_too(
    warehouse: Warehouse,
) -> None:
    """A history that was loaded long after it happened moves no watermark."""
    loaded = [
        event(f"loaded_{number}", NOON + number * 30 * MINUTE, event_ts=NOON - 400 * DAY)
        for number in range(60)
    ]
    rows = [
        *loaded,
        *[event(f"future_{number}", datetime(2100, 1, 1)) for number in range(12)],
        *[event(f"timeless_{number}", None) for number in range(12)],
        *[event(f"no_event_time_{number}", NOON, event_ts=None) for number in range(12)],
    ]
    warehouse.write_events(rows)
    warehouse.dbt(*JOB, **bound(6))
    found = warehouse.query(f"select payment_id from {RESULTS[0]}")
    taken_in = {str(row["payment_id"]).rstrip("0123456789") for row in found}
    assert taken_in == {"loaded_", "timeless_", "no_event_time_"}
    assert len(found) == 36
    assert len(catch_up(warehouse, 6)) == 4
    assert_whole(warehouse, rows)


def test_what_arrived_at_one_instant_is_one_piece(warehouse: Warehouse) -> None:
    rows: list[Row] = [event(f"{number}", NOON + MICROSECOND) for number in range(40)]
    rows += steady_events(NOON + DAY, 20)
    warehouse.write_events(rows)
    assert len(catch_up(warehouse, 0.0001)) > 1
    assert_whole(warehouse, rows)


def test_wrong_stamps_do_not_start_the_catch_up_again(warehouse: Warehouse) -> None:
    """Rows ahead of the watermark that are not ahead of the clock are not new in each run."""
    rows = [*steady_events(NOON, 60), *(event(f"ahead_{n}", NOON + 72 * HOUR) for n in range(12))]
    warehouse.write_events(rows)
    assert len(catch_up(warehouse, 1)) == 2
    for _ in range(2):
        warehouse.dbt(*JOB, **bound(1))
        assert said(warehouse) == []
    assert_whole(warehouse, rows)


def test_a_history_that_is_loaded_in_parts_is_taken_in_in_pieces_each_time(
    warehouse: Warehouse,
) -> None:
    """The clock is far ahead of all of it: where a part ended is told from its arrivals."""
    first = [row for number in range(3) for row in steady_events(NOON + number * DAY)]
    second = [row for number in range(3, 6) for row in steady_events(NOON + number * DAY)]
    warehouse.write_events(first)
    assert len(catch_up(warehouse, 12, *RUN)) == 3
    warehouse.write_events(second)
    assert len(catch_up(warehouse, 12, *RUN)) == 3
    assert_whole(warehouse, [*first, *second])


def test_an_outage_is_caught_up_in_pieces(warehouse: Warehouse) -> None:
    rows = steady_events(NOON)
    warehouse.write_events(rows)
    warehouse.dbt(*JOB)
    missed = [row for number in range(4) for row in steady_events(NOON + (2 + number) * DAY)]
    copies = [{**row, "event_id": "copy", "ingest_ts": NOON + 7 * DAY} for row in missed[:20]]
    warehouse.write_events([*missed, *copies])
    warehouse.dbt(*JOB, **bound(24))
    assert "took in what arrived before 2026-03-02 12:02:00" in said(warehouse)[0]
    assert "at most 6 more runs" in said(warehouse)[0]
    catch_up(warehouse, 24)
    assert_whole(warehouse, [*rows, *missed, *copies])


def test_the_bound_may_change_between_the_runs_or_go(warehouse: Warehouse) -> None:
    rows = history()
    warehouse.write_events(rows)
    for hours in (6, 12, 1):
        warehouse.dbt(*JOB, **bound(hours))
        assert said(warehouse)
    warehouse.dbt(*JOB)
    assert said(warehouse) == []
    assert_whole(warehouse, rows)
    # the note is old by now, and the bound comes back
    later = steady_events(NOON + 30 * DAY)
    warehouse.write_events(later)
    warehouse.dbt("run", "--select", "payments", "fraud_features", **bound(6))
    catch_up(warehouse, 6)
    assert_whole(warehouse, [*rows, *later])


# What is read


def sent_by(warehouse: Warehouse, *job: str, **settings: Any) -> list[str]:
    """The statements of a command, on one line each."""
    with watched() as log:
        warehouse.dbt(*job, **settings)
    return [" ".join(statement.split()) for statement in log.statements]


def reads_of_source(statements: Sequence[str]) -> list[str]:
    """Those that scan copies; the look for the next ten arrivals and the views don't."""
    return [
        text
        for text in statements
        if SCAN.search(text) and "create view" not in text and "limit 1" not in text
    ]


def assert_bounded(text: str, first: datetime, before: datetime) -> None:
    """Each scan of a statement has literal bounds on the bare column, and none beyond these."""
    lows = re.findall(rf'"ingest_ts" >= {LITERAL}', text)
    highs = re.findall(rf'"ingest_ts" <=? {LITERAL}', text)
    assert len(highs) >= len(SCAN.findall(text)), text
    assert all(datetime.fromisoformat(low) >= first for low in lows), text
    assert all(datetime.fromisoformat(high) <= before for high in highs), text


def test_each_piece_reads_its_hours_in_literal_bounds_on_the_bare_column(
    warehouse: Warehouse,
) -> None:
    """Neither the model, nor the curated ones, nor the tests read what has not been taken in."""
    warehouse.write_events(history())
    warehouse.dbt(*JOB, **bound(24))
    for number in (1, 2):
        statements = reads_of_source(sent_by(warehouse, *JOB, **bound(24)))
        assert len(statements) > 8
        start, end = NOON + number * DAY, NOON + (number + 1) * DAY
        for text in statements:
            assert '"ingest_ts" >= ' in text
            assert_bounded(text, start - DAY - 2 * HOUR, end)


def test_the_first_run_reads_its_hours_only(warehouse: Warehouse) -> None:
    warehouse.write_events(history())
    for text in reads_of_source(sent_by(warehouse, *JOB, **bound(24))):
        assert_bounded(text, NOON - 2 * HOUR, NOON + DAY)


# A run that dies


def comment(warehouse: Warehouse) -> Any:
    """What the table notes of its last piece."""
    return warehouse.query(
        "select comment from duckdb_tables() where table_name = 'stg_events_deduplicated'"
    )[0]["comment"]


def deaths_that_matter(log: StatementLog) -> list[Death]:
    """From the first statement on that writes a table of this test; views are made each time."""
    begins = re.compile(r"create\s+(temporary )?table\s+\S*stg_events_deduplicated")
    first = next(place for place in log.writing() if begins.search(log.statements[place]))
    writes = re.compile(r"create\s+(temporary )?table|merge into|comment on table|COMMIT")
    return [
        death
        for death in deaths(log)
        if death.place >= first and writes.search(log.statements[death.place])
    ]


@pytest.mark.soak
def test_a_run_that_died_at_any_statement_is_gone_on_with(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """In the first run nothing is there yet; in the second, copies of the first piece arrive."""
    rows = [*steady_events(NOON), event("twice", NOON), event("twice", NOON + DAY, merchant_id="m")]
    rows += [*steady_events(NOON + DAY), *steady_events(NOON + 2 * DAY)]
    warehouse.write_events(rows)

    def step(one: Warehouse) -> None:
        one.dbt(*RUN, **bound(9))

    for run in ("first", "second"):
        before = warehouse.copied(tmp_path / run)
        with watched() as log:
            step(warehouse)
        for number, death in enumerate(deaths_that_matter(log)):
            dying = before.copied(tmp_path / f"{run}_{number}")
            kill(step, dying, death)
            catch_up(dying, 9, *RUN)
            assert_whole(dying, rows)
            dying.path.unlink()


# Any bound, any batches, any interruption

ARRIVALS = [
    NOON + offset
    for offset in (
        -3000 * DAY,
        timedelta(0),
        MICROSECOND,
        HOUR,
        3 * HOUR,
        2 * DAY,
        2 * DAY + 90 * MINUTE,
        3 * DAY,
        9 * DAY,
    )
]
STEPS = (JOB, ("run", "--select", "staging"), ("run", "--select", "payments"), RUN)


def rows_of_history() -> st.SearchStrategy[list[Row]]:
    """Copies of a few events that arrive at any time, as often as not long after each other."""
    one = st.fixed_dictionaries(
        {
            "event_id": st.sampled_from(["e1", "e2", None]),
            "payment_id": st.sampled_from(["p1", "p1", "p2", "p3", None]),
            "merchant_id": st.sampled_from(["m1", "m2", None]),
            "event_type": st.sampled_from(["captured", "captured", "refunded"]),
            "amount_cents": st.sampled_from([5, 5, 7]),
            "currency": st.sampled_from(["USD", "USD", None]),
            "event_ts": st.sampled_from([*ARRIVALS[1:], NOON - 30 * DAY, None]),
            "ingest_ts": st.sampled_from([*ARRIVALS, *ARRIVALS[1:], None, datetime(2100, 1, 1)]),
            "payload": st.sampled_from(["{}", '{"a": 1}']),
        }
    )
    return st.lists(one, max_size=40)


@settings(max_examples=4)
@given(
    rows=rows_of_history(),
    later=rows_of_history(),
    steady=st.sets(st.sampled_from(ARRIVALS), max_size=4),
    hours=st.sampled_from([0.5, 2, 5, 24, 100, 10_000]),
    steps=st.lists(st.sampled_from(STEPS), max_size=4),
)
def test_any_history_in_any_pieces_gives_the_tables_of_one_run(
    project: Project,
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Row],
    later: list[Row],
    steady: set[datetime],
    hours: float,
    steps: list[tuple[str, ...]],
) -> None:
    warehouse = Warehouse(project, tmp_path_factory.mktemp("pieces"))
    rows = [*rows, event("one", NOON), *(row for start in steady for row in steady_events(start))]
    warehouse.write_events(rows)
    warehouse.dbt(*RUN, **bound(hours))
    for step in steps:
        warehouse.dbt(*step, **bound(hours))
    pieces = catch_up(warehouse, hours, *RUN)
    assert_whole(warehouse, rows)
    # what lands within the contract is taken in by regular runs, bounded or not
    known = oracle.watermark(rows)
    since = known.replace(tzinfo=None) - 2 * HOUR if known else datetime.min
    landed = [row for row in later if row["ingest_ts"] is None or row["ingest_ts"] >= since]
    warehouse.write_events(landed)
    catch_up(warehouse, hours)
    assert_whole(warehouse, [*rows, *landed])
    note(f"{len(pieces)} pieces")
    warehouse.path.unlink()


# With the rest of the package


def test_monitoring_says_how_far_behind_the_table_is_and_loses_nothing(
    warehouse: Warehouse,
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    rows = [
        *steady_events(now - 20 * DAY),
        *steady_events(now - 10 * DAY),
        *steady_events(now - DAY),
    ]
    warehouse.write_events(rows)
    warehouse.dbt(*JOB, **bound(24))
    found = warehouse.dbt("build", "--selector", "monitoring", **bound(24))
    warnings = {result.node.name for result in found.results if str(result.status) == "warn"}
    assert {
        "warn_deduplicated_events_keep_up_with_the_source",
        "warn_curated_tables_are_as_fresh_as_they_should_be",
    } <= warnings
    behind = warehouse.query(
        "select relation_name, minutes_behind_source as minutes "
        "from main_monitoring.monitoring_freshness"
    )
    assert {row["relation_name"]: row["minutes"] for row in behind} == {
        "source": 0,
        **dict.fromkeys(("deduplicated", "payments", "fraud_features"), 19 * 24 * 60),
    }


def test_the_report_of_the_guard_reads_what_the_next_piece_takes_in(warehouse: Warehouse) -> None:
    warehouse.write_events(history())
    warehouse.dbt(*JOB, **bound(24))
    warehouse.dbt("run-operation", "guard_report", **bound(24))
    assert (
        "arrivals since 2026-03-02 10:00:00 UTC, before 2026-03-03 12:00:00 UTC"
        in (warehouse.project.logged[1])
    )


def test_the_breaker_judges_what_the_next_piece_takes_in(warehouse: Warehouse) -> None:
    """Copies that the run leaves to a later one are no reason to warn of it."""
    copied = NOON + 70 * HOUR
    warehouse.write_events(
        [
            *steady_events(NOON),
            *steady_events(NOON + 30 * HOUR),
            *[event("copied", copied, event_ts=copied)] * 100,
        ]
    )

    def heard() -> bool:
        warehouse.dbt(*JOB, **bound(24), exactly_once__max_copy_rate=0.01)
        return any("copies among" in line for line in warehouse.project.logged)

    assert not heard(), "there is no view to count in yet"
    assert [heard(), heard()] == [False, True]


def test_candidates_wait_until_the_tables_are_caught_up(warehouse: Warehouse) -> None:
    incident = {"incident_id": INCIDENT, "incident_start": NOON, "incident_end": NOON + HOUR}
    warehouse.settings = {key: str(value) for key, value in incident.items()} | {BOUND: 4}
    warehouse.write_events(contaminated_rows())
    warehouse.dbt(*JOB)
    warehouse.dbt("build", "--selector", "detection")
    expected = (
        f"incident {INCIDENT}: found stg_events_deduplicated with what arrived before "
        "2026-03-01 12:09:00 UTC only; accepted: one that is caught up with the source"
    )
    for verb in ("remediation_plan", "remediation_clone"):
        with pytest.raises(DbtError, match=re.escape(expected)):
            warehouse.operate(verb, INCIDENT)
    catch_up(warehouse, 4)
    warehouse.operate("remediation_clone", INCIDENT)
    # what arrives meanwhile is a catch-up again
    warehouse.write_events([*steady_events(NOON + 40 * HOUR), *steady_events(NOON + 80 * HOUR)])
    with pytest.raises(DbtError, match="found stg_events_deduplicated with what arrived before"):
        warehouse.dbt("run", "--selector", "remediation", exactly_once__build_candidate=True)


def test_a_full_refresh_does_not_leave_readers_with_the_first_piece(warehouse: Warehouse) -> None:
    warehouse.write_events(history())
    # nothing to lose yet
    warehouse.dbt(*RUN, "--full-refresh", **bound(24))
    with pytest.raises(DbtError, match=r"found 24 with --full-refresh, and .* is there"):
        warehouse.dbt(*RUN, "--full-refresh", **bound(24))
    warehouse.dbt(*RUN, "--full-refresh")
    assert_whole(warehouse, history())


def test_snowflake_takes_in_a_history_in_pieces(snowflake_warehouse: SnowflakeWarehouse) -> None:
    rows = history(2)
    snowflake_warehouse.write_events(rows)
    found = catch_up(snowflake_warehouse, 24, *RUN)
    assert [line.split()[1] for line in found] == ["took", "took", "caught"]
    assert_whole(snowflake_warehouse, rows)
