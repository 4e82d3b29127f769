"""Law 5 on Snowflake, where each statement outside a transaction stays: see test_faults.py."""

from __future__ import annotations

import re

import pytest
from dbt_common.exceptions import DbtDatabaseError

from python_tests.faults import watched
from python_tests.laws import HOUR, NOON, assert_recorded, contaminate, kept_state, steady_events
from python_tests.snowflake_statements import ddl_in_transactions, is_ours, without_comment
from python_tests.snowflake_warehouse import Saved, SnowflakeWarehouse
from python_tests.test_faults import (
    BEFORE,
    STEPS,
    chosen,
    nothing,
    rows_in_raw_and_quarantine,
)
from python_tests.warehouse import DbtError

GROUPS = {
    "candidates": ("remediation_clone", "candidate_build"),
    "swap": ("remediation_swap",),
    "raw": ("raw_quarantine", "raw_restore"),
    "rollback": ("replaced_build", "remediation_rollback", "remediation_retire"),
}


MARKS = "main_analytics.incremental_watermarks"
REGULAR = ("run", "--selector", "fifteen_minute")
BUILDS = {"candidate_build": "__candidate", "replaced_build": "__replaced"}


@pytest.mark.soak
@pytest.mark.parametrize("group", GROUPS)
def test_a_step_that_died_at_any_statement_is_finished_by_the_same_command(
    snowflake_warehouse: SnowflakeWarehouse, group: str
) -> None:
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    for name, step in STEPS.items():
        BEFORE.get(name, nothing)(warehouse)
        if name not in GROUPS[group]:
            step(warehouse)
            continue
        before = Saved(warehouse, "before")
        rows = rows_in_raw_and_quarantine(warehouse)
        with watched() as log:
            step(warehouse)
        expected = kept_state(warehouse)
        after = Saved(warehouse, "after")
        for death in chosen(name, log, BUILDS):
            before.restore()
            with watched(death), pytest.raises(DbtError, match="killed"):
                step(warehouse)
            assert rows_in_raw_and_quarantine(warehouse) == rows
            step(warehouse)
            assert kept_state(warehouse) == expected, (name, death, log.statements[death.place])
            assert_recorded(warehouse, name)
        after.restore()
        if name == GROUPS[group][-1]:
            return


# A verb -> what comes before it, and the statement at which its session ends: between two names of
# the curated schema, and in a transaction that has put rows into quarantine but not taken them out
ENDED_AT = {
    "remediation_swap": (["remediation_clone", "candidate_build"], r"alter schema \S+ swap with"),
    "raw_quarantine": ([], r"delete from \S*raw\.events"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param("remediation_swap", marks=pytest.mark.soak), "raw_quarantine"]
)
def test_a_verb_whose_session_ended_says_so_once_and_is_finished_by_the_same_command(
    snowflake_warehouse: SnowflakeWarehouse, name: str
) -> None:
    """An administrator's, or a connection that was lost: Snowflake undoes the open transaction."""
    warehouse = snowflake_warehouse
    simulator, ours = warehouse.simulator, set(warehouse.simulator.account.sessions)
    steps_before, place = ENDED_AT[name]
    contaminate(warehouse)
    for one in steps_before:
        STEPS[one](warehouse)
    step = STEPS[name]
    before, state = Saved(warehouse, "before"), kept_state(warehouse)
    rows = rows_in_raw_and_quarantine(warehouse)
    step(warehouse)
    expected = kept_state(warehouse)
    before.restore()
    assert kept_state(warehouse) == state
    ended = False

    def end_session(sql: str) -> None:
        nonlocal ended
        if not ended and re.match(place, without_comment(sql), re.IGNORECASE):
            ended = True
            for token, session in list(simulator.account.sessions.items()):
                if token not in ours:
                    simulator.end_session(session.number)

    with watched(meanwhile=end_session), pytest.raises(DbtError) as refused:
        step(warehouse)
    assert ended
    (message,) = refused.value.messages
    assert message.count("Session no longer exists") == 1, message
    assert rows_in_raw_and_quarantine(warehouse) == rows
    assert kept_state(warehouse) != expected
    step(warehouse)
    assert kept_state(warehouse) == expected
    assert_recorded(warehouse, name)


@pytest.mark.parametrize("failure", ["canceled", "insufficient privileges"])
def test_rows_whose_mark_failed_are_undone_before_the_session_s_next_model(
    snowflake_warehouse: SnowflakeWarehouse, failure: str
) -> None:
    """dbt itself sends no ROLLBACK, and the next model's first DDL would commit them."""
    warehouse = snowflake_warehouse
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt(*REGULAR)
    before = warehouse.read("main_analytics.fraud_features")
    warehouse.write_events(steady_events(NOON + HOUR))
    marked: list[str] = []
    owner = "transformer"

    def give_marks_to(role: str) -> None:
        nonlocal owner
        if role != owner:
            owner = role
            with warehouse.simulator.connect(database="ANALYTICS", role="ACCOUNTADMIN") as admin:
                for statement in (
                    f"grant ownership on table {MARKS} to role {role} revoke current grants",
                    f"grant select on table {MARKS} to role transformer",
                ):
                    admin.cursor().execute(statement)

    def fail(sql: str) -> None:
        begins_fraud_features = "create or replace" in sql and "fraud_features__dbt_tmp" in sql
        is_mark = "merge into" in sql and "'fraud_features' as relation_name" in sql
        if failure != "canceled" and begins_fraud_features:
            give_marks_to("accountadmin")
        elif is_mark:
            marked.append(sql)
            if failure == "canceled":
                raise DbtDatabaseError("SQL execution canceled")
        elif marked and "rollback" not in sql:
            give_marks_to("transformer")

    with watched(meanwhile=fail), pytest.raises(DbtError, match=f"(?i){failure}"):
        warehouse.dbt(*REGULAR)
    assert len(marked) == 1
    assert owner == "transformer"
    assert warehouse.read("main_analytics.fraud_features") == before
    # later in the same session, and nothing of it is lost
    assert len(warehouse.read("main_analytics.payments")) == 24
    history = [one for one in warehouse.simulator.history() if is_ours(one)]
    assert list(ddl_in_transactions(history)) == []
    warehouse.dbt(*REGULAR)
    assert len(warehouse.read("main_analytics.fraud_features")) > len(before)
