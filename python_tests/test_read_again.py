"""What runs read again behind the mark, on purpose, stays known through a remediation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from python_tests.faults import before_its_end, die
from python_tests.laws import (
    HOUR,
    INCIDENT,
    NOON,
    arrive_and_run,
    authorized,
    build_candidate,
    check_rollback_after_reprocessing,
    contaminate,
    event,
    repair_and_swap,
    roll_back_at_once,
    swap_and_read_again,
)
from python_tests.warehouse import DbtError, Warehouse


def test_a_rollback_keeps_what_was_read_again_since_the_swap(warehouse: Warehouse) -> None:
    check_rollback_after_reprocessing(warehouse)


def test_the_run_that_a_rollback_at_once_names_takes_in_what_was_read_again(
    warehouse: Warehouse,
) -> None:
    """Also what a run took in that built live from scratch."""
    swap_and_read_again(warehouse, "--full-refresh")
    with pytest.raises(
        DbtError, match=r"payments lacks 1 runs of live .* from 0001-01-01 00:00:00"
    ):
        warehouse.operate("remediation_rollback", INCIDENT)
    roll_back_at_once(warehouse)
    assert authorized(warehouse) == 3000
    named = re.search(r"fifteen_minute --vars '(.*)', which", warehouse.project.logged[-1])
    assert named
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert authorized(warehouse) == 3000
    warehouse.dbt("run", "--selector", "fifteen_minute", **yaml.safe_load(named[1]))
    assert authorized(warehouse) == 1007


def test_a_rollback_at_once_that_died_names_that_run_too(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """And so does the status, until a run has read from there: a clone would not know of it."""
    swap_and_read_again(warehouse, exactly_once__reprocess_from=str(NOON))
    die(warehouse, tmp_path, roll_back_at_once, before_its_end)
    start = f'exactly_once__reprocess_from: "{NOON}"'
    job = f"dbt build --selector fifteen_minute --vars '{{{start}}}'"
    roll_back_at_once(warehouse)
    assert warehouse.project.logged[-1] == f"Next: {job}"
    warehouse.operate("remediation_status", INCIDENT)
    assert warehouse.project.logged[-1] == f"Next: {job}"
    for verb in ("remediation_clone", "remediation_retire"):
        with pytest.raises(DbtError, match="lack what live had read again") as refused:
            warehouse.operate(verb, INCIDENT)
        assert job in str(refused.value)
    warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__reprocess_from=str(NOON))
    assert authorized(warehouse) == 1007
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation remediation_clone" in warehouse.project.logged[-1]
    warehouse.operate("remediation_clone", INCIDENT)


def test_what_the_next_run_reads_by_itself_after_a_rollback_is_not_asked_for(
    warehouse: Warehouse,
) -> None:
    """Live had read again from behind its own mark, but not from behind that of the old tables."""
    contaminate(warehouse)
    arrive_and_run(warehouse, NOON + 24 * HOUR)
    repair_and_swap(warehouse)
    arrive_and_run(warehouse, NOON + 40 * HOUR)
    start = str(NOON + 25 * HOUR)
    warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__reprocess_from=start)
    roll_back_at_once(warehouse)
    assert "Next: dbt build --selector fifteen_minute, which" in warehouse.project.logged[-1]
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation remediation_clone" in warehouse.project.logged[-1]


def test_candidates_take_in_what_live_has_read_again_since_the_clone(warehouse: Warehouse) -> None:
    contaminate(warehouse)
    arrive_and_run(warehouse, NOON + 24 * HOUR)
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    # of a payment and an hour that the incident did not touch
    late = event("late", NOON - 8 * HOUR, event_ts=NOON - 8 * HOUR, merchant_id="mer_late")
    warehouse.write_events([late])
    job = ("run", "--selector", "fifteen_minute")
    warehouse.dbt(*job, exactly_once__reprocess_from=str(NOON - 8 * HOUR))
    with pytest.raises(DbtError, match="payments, caught up with what has arrived"):
        warehouse.operate("remediation_swap", INCIDENT)
    lacking = f"without what live read again from {NOON - 8 * HOUR} on"
    assert any(lacking in line for line in warehouse.project.logged)
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    payments = warehouse.query("select payment_id from main_analytics.payments")
    assert {"payment_id": "late"} in payments


def test_runs_that_read_again_are_kept_to_the_last_fifty(warehouse: Warehouse) -> None:
    starts = [NOON - HOUR, NOON - 2 * HOUR, *(NOON + number * HOUR for number in range(60))]
    runs = [f"{start.isoformat()}@run{number}" for number, start in enumerate(starts)]
    query = f"select '{{{{ exactly_once._runs_kept({runs}) | join(' ') }}}}' as kept"
    kept = str(warehouse.dbt("show", "--inline", query).results[0].agate_table.rows[0][0]).split()
    assert kept[1:] == runs[-49:]
    assert kept[0] == f"{(NOON - 2 * HOUR).isoformat()}@run12"


def test_the_changed_keys_of_any_relation(warehouse: Warehouse) -> None:
    """Of a second stream, without a model of ours: from the lookback before its mark on."""
    warehouse.execute(
        "create table raw.payouts as select * from (values "
        "('old', timestamp '2026-03-01 09:59:59', 1), ('new', timestamp '2026-03-01 12:00:01', 1), "
        "('edge', timestamp '2026-03-01 10:00:00', 1), ('no time', null, 1), "
        "('new', timestamp '2026-03-01 12:00:02', 1), "
        "('left out', timestamp '2026-03-01 12:00:02', 2)"
        ') as payouts (payout, "received at", kind)'
    )
    relation = "api.Relation.create(schema='raw', identifier='payouts')"
    parts = "['payout'], event_time='received at', arrival_time='received at'"
    mark = "modules.datetime.datetime(2026, 3, 1, 12)"

    def shown(*calls: str) -> list[tuple[str, str]]:
        query = f"{{%- set payouts = {relation} -%}}" + " union all ".join(
            f"select '{number}' as call, no from "
            f"({{{{ exactly_once.changed_keys({{'no': 'upper(payout)'}}, {call}) }}}}) as found"
            for number, call in enumerate(calls)
        )
        rows = warehouse.dbt("show", "--inline", query, "--limit", "99").results[0].agate_table.rows
        return sorted((str(row["call"]), row["no"]) for row in rows)

    columns = f"columns=exactly_once.relation_columns(payouts, {parts})"
    changed = {"EDGE", "NEW", "NO TIME"}
    assert shown(
        f"'kind = 1', copies=payouts, watermark={mark}, {columns}", f"copies=payouts, {columns}"
    ) == sorted(
        [("0", key) for key in changed] + [("1", key) for key in changed | {"OLD", "LEFT OUT"}]
    )
    with pytest.raises(DbtError, match=r"argument columns .* found None; accepted: what relation"):
        shown("copies=payouts")
