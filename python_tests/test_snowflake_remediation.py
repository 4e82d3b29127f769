"""On Snowflake: candidates are a schema, one swap makes it live, readers keep their grants."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from dbt_common.exceptions import DbtDatabaseError
from snowflake.connector import DictCursor, SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from python_tests.faults import watched
from python_tests.laws import (
    HOUR,
    INCIDENT,
    LEDGER,
    MINUTE,
    NOON,
    Row,
    assert_curated,
    assert_recorded,
    build_candidate,
    build_replaced,
    check_catch_up,
    check_dry_run,
    check_repair_of_what_another_quarantined,
    check_rollback,
    check_rollback_after_reprocessing,
    check_rollback_without_a_gap,
    contaminate,
    event,
    refusal,
    repaired_rows,
    roll_back_at_once,
    steady_events,
)
from python_tests.snowflake_tags import tag_of, to_be_tagged, without
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import DbtError

LIVE, CANDIDATE = "main_analytics", "main_analytics__candidate"
CLAIMED = "main_analytics__claimed_1a2b3c4d"
REPLACED, WITHDRAWN = "main_analytics__replaced_inc_1", "main_analytics__withdrawn_inc_1"
TABLES = ("payments", "fraud_features")


def digests(warehouse: SnowflakeWarehouse, schema: str = LIVE) -> list[str]:
    """The digests of both curated tables."""
    return [warehouse.digest(f"{schema}.{table}") for table in TABLES]


def schemas(warehouse: SnowflakeWarehouse) -> dict[str, str]:
    """The curated schemas and their comments."""
    found = warehouse.query(
        "select lower(schema_name) as name, comment from information_schema.schemata "
        f"where startswith(schema_name, '{LIVE.upper()}')"
    )
    return {row["name"]: row["comment"] or "" for row in found}


def ready_to_swap(warehouse: SnowflakeWarehouse) -> None:
    """An incident whose candidates are built."""
    contaminate(warehouse)
    warehouse.execute(f"comment on schema {LIVE} is 'Curated payments'")
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)


def claim_and_swap(warehouse: SnowflakeWarehouse, schema: str) -> None:
    """What a swap or a rollback has done when it dies before its schemas have their names."""
    warehouse.execute(f"alter schema {schema} rename to {CLAIMED}")
    warehouse.execute(f"alter schema {LIVE} swap with {CLAIMED}")


def log_in(warehouse: SnowflakeWarehouse, role: str | None = None) -> SnowflakeConnection:
    """A session of somebody else; without a role, of the administrator."""
    options = {} if role is None else {"role": role}
    return warehouse.simulator.connect(database="ANALYTICS", schema="PUBLIC", **options)


def run_as_admin(warehouse: SnowflakeWarehouse, *statements: str) -> None:
    """Run statements that the job's role may not."""
    with closing(log_in(warehouse)) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def give_access(warehouse: SnowflakeWarehouse, role: str) -> None:
    """Make a role that may read the curated tables, now and in future."""
    run_as_admin(
        warehouse,
        f"create role {role}",
        f"grant usage on warehouse transforming to role {role}",
        f"grant usage on database analytics to role {role}",
        f"grant usage on schema {LIVE} to role {role}",
        f"grant select on all tables in schema {LIVE} to role {role}",
        f"grant select on future tables in schema {LIVE} to role {role}",
    )


def future_grants(warehouse: SnowflakeWarehouse, schema: str) -> set[str]:
    """Who may read the tables that the schema will hold."""
    found = warehouse.query(f"show future grants in schema {schema}")
    return {row["grantee_name"] for row in found}


def left_to_an_administrator(warehouse: SnowflakeWarehouse) -> list[str]:
    """The statements that the last verb printed instead of running them."""
    printed = ("    grant ", "    revoke ")
    return [line.strip(" ;") for line in warehouse.project.logged if line.startswith(printed)]


def give_future(warehouse: SnowflakeWarehouse, role: str, schema: str) -> None:
    """Make a role that may read the tables that the schema will hold."""
    on_future = f"grant select on future tables in schema {schema} to role {role}"
    run_as_admin(warehouse, f"create role {role}", on_future)


def rows_of(connection: SnowflakeConnection, sql: str) -> list[dict[str, Any]]:
    """The rows of a query in somebody else's session."""
    cursor = connection.cursor(DictCursor)
    cursor.execute(sql)
    return [{name.lower(): value for name, value in row.items()} for row in cursor.fetchall()]


def pair(query: Callable[[str], list[dict[str, Any]]], schema: str) -> tuple[int, ...]:
    """What one statement sees of both curated tables: their events, counted."""
    found = query(
        f"select (select sum(event_count) from {schema}.payments) as events, "
        f"(select sum(captured_count + authorized_count) from {schema}.fraud_features) as hours"
    )
    return int(found[0]["events"]), int(found[0]["hours"])


@pytest.mark.soak
def test_a_rollback_restores_the_tables_and_loses_nothing(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    check_rollback(snowflake_warehouse)


@pytest.mark.soak
def test_what_another_incident_quarantined_is_repaired_too(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    check_repair_of_what_another_quarantined(snowflake_warehouse, is_swapped=True)


@pytest.mark.soak
def test_a_build_that_was_refused_leaves_nothing_in_the_way(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """dbt makes the schema of replaced tables before anything can say that there are none."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    with pytest.raises(DbtError, match="none that a swap for that incident has kept"):
        build_replaced(warehouse)
    assert REPLACED.upper() not in map(str.upper, schemas(warehouse))
    # one that died before it could say so
    warehouse.execute(f"create schema {REPLACED}")
    warehouse.operate("remediation_status", INCIDENT)
    warehouse.operate("remediation_swap", INCIDENT)
    warehouse.operate("remediation_rollback", INCIDENT)
    warehouse.execute(f"create schema {REPLACED}")
    warehouse.operate("remediation_retire", INCIDENT)


@pytest.mark.soak
def test_a_rollback_takes_nothing_from_readers_that_they_have_seen(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    check_rollback_without_a_gap(snowflake_warehouse)


@pytest.mark.soak
def test_a_rollback_keeps_what_was_read_again_since_the_swap(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    check_rollback_after_reprocessing(snowflake_warehouse)


@pytest.mark.slow
def test_views_and_grants_follow_the_swap_and_the_rollback(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """What readers were given after the checks is theirs; what they lost since is not."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    for role in ("analyst", "auditor"):
        run_as_admin(
            warehouse,
            f"create role {role}",
            f"grant usage on warehouse transforming to role {role}",
            f"grant usage on database analytics to role {role}",
            f"grant usage on schema {LIVE} to role {role}",
        )
    totals = f"select sum(event_count) as n from {LIVE}.payments"
    warehouse.execute(f"create view {LIVE}.totals as {totals}")
    (contaminated,) = warehouse.query(totals)
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)

    warehouse.execute(f"create view {LIVE}.later as select 1 as n")
    with pytest.raises(DbtError, match="views of the schema are those of live"):
        warehouse.operate("remediation_swap", INCIDENT)
    warehouse.execute(f"drop view {LIVE}.later")
    run_as_admin(warehouse, f"grant select on table {CANDIDATE}.payments to role auditor")
    with pytest.raises(DbtError, match="readers keep their grants"):
        warehouse.operate("remediation_swap", INCIDENT)
    assert any("revoked on live: SELECT on table" in line for line in warehouse.project.logged)
    run_as_admin(warehouse, f"revoke select on table {CANDIDATE}.payments from role auditor")

    def give(verb: str, *statements: str) -> None:
        """Run the verb, and the statements once its last checks have passed."""
        given: list[str] = []

        def meanwhile(sql: str) -> None:
            if not given and " rename to " in sql:
                given.append(sql)
                run_as_admin(warehouse, *statements)

        with watched(meanwhile=meanwhile):
            warehouse.operate(verb, INCIDENT)
        assert given

    def read(role: str, name: str) -> int:
        with closing(log_in(warehouse, role)) as connection:
            return len(rows_of(connection, f"select * from {LIVE}.{name}"))

    give(
        "remediation_swap",
        f"grant select on table {LIVE}.payments to role analyst",
        f"grant select on view {LIVE}.totals to role analyst",
    )
    assert read("analyst", "payments") == len(warehouse.query(f"select * from {LIVE}.payments"))
    assert read("analyst", "totals") == 1
    (repaired,) = warehouse.query(f"select * from {LIVE}.totals")
    assert [repaired] == warehouse.query(totals) != [contaminated]

    for kind in ("view", "table"):
        warehouse.execute(f"create {kind} {LIVE}.since as select 1 as n")
        with pytest.raises(DbtError, match="made since the swap: SINCE"):
            warehouse.operate("remediation_rollback", INCIDENT)
        warehouse.execute(f"drop {kind} {LIVE}.since")
    # as if the model had become a curated one since
    warehouse.execute(f"alter table {REPLACED}.fraud_features rename to {REPLACED}.aside")
    with pytest.raises(DbtError, match=r"model fraud_features, .* found no table"):
        warehouse.operate("remediation_rollback", INCIDENT)
    warehouse.execute(f"alter table {REPLACED}.aside rename to {REPLACED}.fraud_features")
    run_as_admin(warehouse, f"grant select on table {REPLACED}.payments to role auditor")
    with pytest.raises(DbtError, match=r"revoke SELECT on table .*payments from role \"AUDITOR\""):
        warehouse.operate("remediation_rollback", INCIDENT)
    run_as_admin(warehouse, f"revoke select on table {REPLACED}.payments from role auditor")
    give("remediation_rollback", f"grant select on table {LIVE}.fraud_features to role analyst")
    for name in (*TABLES, "totals"):
        assert read("analyst", name) >= 1
    assert warehouse.query(f"select * from {LIVE}.totals") == [contaminated]
    with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
        read("auditor", "payments")

    warehouse.execute(f"create table {WITHDRAWN}.of_somebody as select 1 as n")
    with pytest.raises(DbtError, match="no repair knows: OF_SOMEBODY"):
        warehouse.operate("remediation_retire", INCIDENT)
    warehouse.execute(f"drop table {WITHDRAWN}.of_somebody")
    warehouse.operate("remediation_retire", INCIDENT)
    assert WITHDRAWN not in schemas(warehouse)


@pytest.mark.soak
def test_a_rollback_that_a_regular_run_overtakes_is_refused(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """The run ends after the first look at the marks, while the digests are taken."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    before = digests(warehouse)
    overtaken: list[str] = []

    def move_marks(sql: str) -> None:
        if not overtaken and "merge into" in sql and "'remediation_rollback'" in sql:
            overtaken.append(sql)
            warehouse.execute(
                f"update {LIVE}.incremental_watermarks "
                "set arrival_watermark = dateadd(hour, 1, arrival_watermark)"
            )

    refused = pytest.raises(DbtError, match=r"(?s)less than readers see: .*has arrivals up to")
    with watched(meanwhile=move_marks), refused:
        warehouse.operate("remediation_rollback", INCIDENT)
    assert overtaken
    assert digests(warehouse) == before
    assert REPLACED in schemas(warehouse)
    with refused:
        warehouse.operate("remediation_rollback", INCIDENT)
    roll_back_at_once(warehouse)
    assert digests(warehouse) != before


@pytest.mark.soak
def test_a_rollback_notices_a_run_that_moved_no_mark(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """A run writes its name with its rows: before the last look, or between that and the swap."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    before = digests(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    repaired = digests(warehouse)
    ran: list[str] = []

    def run(sql: str) -> None:
        if not ran and "merge into" in sql and "'remediation_rollback'" in sql:
            ran.append(sql)
            warehouse.execute(f"update {LIVE}.incremental_watermarks set last_run = 'another'")

    refused = pytest.raises(DbtError, match="less than readers see: a regular run has ended since")
    with watched(meanwhile=run), refused:
        warehouse.operate("remediation_rollback", INCIDENT)
    assert ran
    assert digests(warehouse) == repaired

    note_checks(warehouse, REPLACED)
    warehouse.execute(f"update {LIVE}.incremental_watermarks set last_run = 'a third'")
    claim_and_swap(warehouse, REPLACED)
    with pytest.raises(DbtError, match="the rollback was taken back"):
        warehouse.operate("remediation_rollback", INCIDENT)
    assert digests(warehouse) == repaired
    assert last_entry(warehouse) == ("remediation_rollback", "taken_back")
    assert digests(warehouse, REPLACED) == before
    warehouse.operate("remediation_rollback", INCIDENT)
    assert digests(warehouse) == before


@pytest.mark.soak
def test_a_candidate_that_live_has_overtaken_is_refused(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    check_catch_up(snowflake_warehouse)


@pytest.mark.soak
def test_a_verb_that_died_is_finished_by_the_same_command(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """Law 5: the state after each statement of swap and rollback is told from the warehouse."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    before, repaired = digests(warehouse), digests(warehouse, CANDIDATE)
    claim = f"alter schema {CANDIDATE} rename to {CLAIMED}"
    swap = f"alter schema {LIVE} swap with {CLAIMED}"
    claim_back = f"alter schema {REPLACED} rename to {CLAIMED}"

    warehouse.execute(claim)
    # a build makes the schema before it is told that there are no candidates
    warehouse.execute(f"create schema {CANDIDATE}")
    warehouse.operate("remediation_swap", INCIDENT)
    assert digests(warehouse) == repaired
    warehouse.operate("remediation_rollback", INCIDENT)
    assert digests(warehouse) == before
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)

    note_checks(warehouse)
    for statement in (claim, swap):
        warehouse.execute(statement)
    for verb, incident in (
        *(("remediation_clone", INCIDENT), ("remediation_clone", "INC-2")),
        *(("remediation_swap", "INC-2"), ("raw_quarantine", INCIDENT), ("raw_quarantine", "INC-2")),
    ):
        decided(warehouse, incident)
        with pytest.raises(DbtError, match="unfinished remediation_swap for incident INC-1"):
            warehouse.operate(verb, incident)
        warehouse.operate("remediation_status", incident)
        assert warehouse.project.logged[-1].startswith("Next: dbt run-operation remediation_swap")
        assert INCIDENT in warehouse.project.logged[-1]
    decided(warehouse, INCIDENT)
    warehouse.operate("remediation_swap", INCIDENT)
    assert digests(warehouse) == repaired
    assert digests(warehouse, REPLACED) == before
    assert schemas(warehouse)[LIVE] == "Curated payments"
    assert CANDIDATE not in schemas(warehouse)

    for statement in (f"drop schema {WITHDRAWN}", claim_back, swap):
        warehouse.execute(statement)
    for verb in ("clone", "swap"):
        with pytest.raises(DbtError, match="unfinished remediation_rollback for incident INC-1"):
            warehouse.operate(f"remediation_{verb}", INCIDENT)
    warehouse.operate("remediation_rollback", INCIDENT)
    assert digests(warehouse) == before
    assert digests(warehouse, WITHDRAWN) == repaired
    assert schemas(warehouse)[LIVE] == "Curated payments"
    assert REPLACED not in schemas(warehouse)

    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    for statement in (claim, swap, f"alter schema {CLAIMED} rename to {REPLACED}"):
        warehouse.execute(statement)
    warehouse.operate("remediation_swap", INCIDENT)
    assert digests(warehouse) == repaired
    with pytest.raises(DbtError, match="a swap that is done"):
        warehouse.operate("remediation_clone", INCIDENT)

    for statement in (
        f"drop schema {WITHDRAWN}",
        claim_back,
        swap,
        f"alter schema {CLAIMED} rename to {WITHDRAWN}",
    ):
        warehouse.execute(statement)
    warehouse.operate("remediation_rollback", INCIDENT)
    warehouse.operate("remediation_rollback", INCIDENT)
    assert digests(warehouse) == before
    assert schemas(warehouse)[LIVE] == "Curated payments"


def test_a_clone_replaces_nothing_that_is_not_of_its_incident(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """Candidates of another incident only if asked to, somebody's schema of that name never."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)

    def refused(found: str) -> None:
        for arguments in ({}, {"dry_run": True}):
            given = json.dumps({"incident_id": INCIDENT} | arguments)
            with pytest.raises(DbtError, match=found):
                warehouse.dbt("run-operation", "remediation_clone", "--args", given)

    warehouse.execute(f"create schema {CANDIDATE}")
    warehouse.execute(f"create table {CANDIDATE}.mine as select 1 as mine")
    refused(f"schema .*{CANDIDATE}.*one that no clone has made")
    assert warehouse.read(f"{CANDIDATE}.mine") == [{"mine": 1}]
    # as dbt makes it, before a build can say that there are no candidates
    warehouse.execute(f"drop table {CANDIDATE}.mine")
    decided(warehouse, "INC-2")
    warehouse.operate("remediation_clone", "INC-2")

    decided(warehouse, INCIDENT)
    entries = warehouse.digest(LEDGER)
    marker = schemas(warehouse)[CANDIDATE]
    refused("candidates of incident INC-2")
    assert schemas(warehouse)[CANDIDATE] == marker
    assert warehouse.digest(LEDGER) == entries
    given = json.dumps({"incident_id": INCIDENT, "replace_candidates": True})
    warehouse.dbt("run-operation", "remediation_clone", "--args", given)
    assert json.loads(schemas(warehouse)[CANDIDATE])["incident_id"] == INCIDENT
    replaced = warehouse.query(
        f"select arguments from {LEDGER} where incident_id = 'INC-2' order by entry_number"
    )
    assert [json.loads(row["arguments"]) for row in replaced[-2:]] == 2 * [
        {"replaced_by": INCIDENT}
    ]
    # and none is left behind by another name
    renamed = {"exactly_once__curated_names": {"payments": "card_payments"}}
    with pytest.raises(DbtError, match=r"found .*\.PAYMENTS, of incident .* named card_payments"):
        warehouse.operate("remediation_status", INCIDENT, **renamed)


@pytest.mark.soak
def test_a_rule_that_live_got_since_the_clone_is_missed(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """A clone has those that live had."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    warehouse.execute(f"alter table {LIVE}.payments alter column merchant_id set not null")
    assert "payments, columns are those of live" in (refusal(warehouse) or "")
    assert any(
        re.search("live has merchant_id .* not null, the candidate has merchant_id", line)
        for line in warehouse.project.logged
    )
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    assert refusal(warehouse) is None


# What arrives later than all else, and what lands behind the mark, which it does not move.
LATER = steady_events(NOON + 30 * HOUR)
BEHIND = [event("behind", NOON + 19 * HOUR + 30 * MINUTE, event_ts=NOON + 19 * HOUR)]


@pytest.mark.parametrize(
    "arrived",
    [pytest.param(LATER, id="later"), pytest.param(BEHIND, id="behind", marks=pytest.mark.soak)],
)
def test_a_swap_that_a_regular_run_slipped_in_before_is_taken_back(
    snowflake_warehouse: SnowflakeWarehouse, arrived: list[Row]
) -> None:
    """Readers have seen the rows of a run that ended between the checks and the swap."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    before = digests(warehouse)
    repaired = digests(warehouse, CANDIDATE)
    note_checks(warehouse)
    warehouse.write_events(arrived)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    seen = digests(warehouse)
    assert seen != before
    claim_and_swap(warehouse, CANDIDATE)
    with pytest.raises(DbtError, match="the swap was taken back"):
        warehouse.operate("remediation_swap", INCIDENT)
    assert digests(warehouse) == seen
    assert digests(warehouse, CANDIDATE) == repaired
    assert last_entry(warehouse) == ("remediation_swap", "taken_back")
    assert_recorded(warehouse)


def test_a_swap_that_is_finished_later_takes_nothing_from_readers(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """A run slipped in before it, it died just after it, and the job has gone on with live."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    sent: list[str] = []

    def stop(sql: str) -> None:
        if sent:
            raise DbtDatabaseError("stopped")
        if "swap with" in sql:
            sent.append(sql)

    with pytest.raises(DbtError, match="stopped"), watched(meanwhile=stop):
        warehouse.operate("remediation_swap", INCIDENT)
    (claimed,) = [name for name in schemas(warehouse) if "__claimed_" in name]
    warehouse.execute(
        f"update {claimed}.incremental_watermarks set last_run = 'a run', "
        "arrival_watermark = dateadd(hour, 1, arrival_watermark)"
    )
    warehouse.write_events(LATER)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    seen = digests(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    assert digests(warehouse) == seen
    assert set(schemas(warehouse)) == {LIVE, REPLACED}
    assert_curated(warehouse, [*repaired_rows(), *LATER])
    assert_recorded(warehouse, "remediation_swap")


@pytest.mark.soak
def test_live_is_compared_with_what_was_checked_and_what_was_kept_with_what_it_was(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """A row that changed in the last moment is named; one that a run wrote is no alarm."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    before = digests(warehouse)
    changed: list[str] = []

    def change(sql: str) -> None:
        if not changed and "swap with" in sql:
            changed.append(sql)
            claimed = re.findall(r"main_analytics__claimed_\w+", sql)[0]
            warehouse.execute(f"update {claimed}.payments set captured_cents = captured_cents + 1")

    unchecked = pytest.raises(DbtError, match="rows of payments that nobody checked")
    with unchecked, watched(meanwhile=change):
        warehouse.operate("remediation_swap", INCIDENT)
    assert changed
    with unchecked:
        warehouse.operate("remediation_swap", INCIDENT)

    warehouse.execute(f"update {REPLACED}.payments set captured_cents = captured_cents + 1")
    with pytest.raises(DbtError, match="other rows in payments than the ledger has the digest of"):
        warehouse.operate("remediation_rollback", INCIDENT)
    # now it is as if a run that began before the swap had ended in the kept tables
    warehouse.execute(f"update {REPLACED}.incremental_watermarks set last_run = 'a run'")
    warehouse.operate("remediation_rollback", INCIDENT)
    assert sum("a run wrote to it in between" in line for line in warehouse.project.logged) == 1
    warehouse.execute(f"update {LIVE}.payments set captured_cents = captured_cents - 1")
    assert digests(warehouse) == before


@pytest.mark.soak
def test_what_another_session_did_after_the_checks_is_found_before_the_swap(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """The ledger would have digests of candidates that never went live, or a text misleads."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    before = digests(warehouse)
    built: list[str] = []

    def build_again(sql: str) -> None:
        if not built and "merge into" in sql and "'remediation_swap'" in sql:
            built.append(sql)
            copied = (
                "recorded_at, incident_id, actor, arguments, counts, digests, package_version, "
                "rule_version, invocation_id, previous_hash, entry_hash"
            )
            warehouse.execute(
                f"insert into {LEDGER} (entry_number, step, phase, {copied}) "
                f"select entry_number + 1, 'candidate_build', 'begun', {copied} from {LEDGER} "
                f"where entry_number = (select max(entry_number) from {LEDGER})"
            )

    refused = pytest.raises(DbtError, match="a build or a detection that began, or ended, after")
    with watched(meanwhile=build_again), refused:
        warehouse.operate("remediation_swap", INCIDENT)
    assert built
    assert digests(warehouse) == before
    with pytest.raises(DbtError, match="the last build of the candidates ended well"):
        warehouse.operate("remediation_swap", INCIDENT)
    build_candidate(warehouse)

    def renamed(step: str, old: str, new: str) -> None:
        """The step finds that its tables have gone, as when another session finishes it."""
        moved: list[str] = []

        def move(sql: str) -> None:
            if not moved and "merge into" in sql and f"'{step}'" in sql:
                moved.append(sql)
                warehouse.execute(f"alter schema {old} rename to {new}")

        live = digests(warehouse)
        crossed = pytest.raises(DbtError, match="found a step of another session since the checks")
        with watched(meanwhile=move), crossed:
            warehouse.operate(step, INCIDENT)
        assert digests(warehouse) == live
        warehouse.execute(f"alter schema {new} rename to {old}")

    renamed("remediation_swap", CANDIDATE, CLAIMED)
    warehouse.operate("remediation_swap", INCIDENT)
    assert digests(warehouse) != before
    renamed("remediation_rollback", REPLACED, f"{LIVE}__elsewhere")
    warehouse.operate("remediation_rollback", INCIDENT)
    assert digests(warehouse) == before


def last_entry(warehouse: SnowflakeWarehouse) -> tuple[str, str]:
    """Step and phase of the last entry in the ledger."""
    last = warehouse.query(f"select step, phase from {LEDGER} order by entry_number desc limit 1")[
        0
    ]
    return last["step"], last["phase"]


def note_checks(warehouse: SnowflakeWarehouse, schema: str = CANDIDATE) -> None:
    """What a swap or a rollback writes to say which runs had written to live at its checks."""
    marker = json.loads(schemas(warehouse)[schema])
    runs = warehouse.query(
        "select relation_name as name, date_part(epoch_microsecond, arrival_watermark) || ' ' || "
        "coalesce(last_run, '') || ' ' || coalesce(generation, '') as run "
        f"from {LIVE}.incremental_watermarks"
    )
    marker["checked_runs"] = {row["name"]: row["run"] for row in runs}
    warehouse.execute(f"comment on schema {schema} is '{json.dumps(marker)}'")


def decided(warehouse: SnowflakeWarehouse, incident_id: str) -> None:
    """Let incident_decisions hold another incident, as a detection of it would."""
    for name in ("scope", "duplicate_groups", "decisions"):
        table = f"main_incident.incident_{name}"
        warehouse.execute(f"update {table} set incident_id = '{incident_id}'")


@pytest.mark.slow
def test_readers_see_one_state_and_keep_their_grants_through_swap_and_rollback(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """Law 4: no gap, no mixture and no error, for a role that may only read."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    give_access(warehouse, "ANALYST")
    check_dry_run(warehouse, "remediation_clone")
    warehouse.operate("remediation_clone", INCIDENT)
    assert left_to_an_administrator(warehouse) == []
    assert future_grants(warehouse, CANDIDATE) == {"ANALYST"}
    build_candidate(warehouse)

    # another job's table in the schema would be exchanged too, so it stops the swap
    warehouse.execute(f"create table {LIVE}.of_another_job (n integer)")
    with pytest.raises(DbtError, match="tables that no repair knows: OF_ANOTHER_JOB"):
        warehouse.operate("remediation_swap", INCIDENT)
    warehouse.execute(f"drop table {LIVE}.of_another_job")

    # a grant that came after the clone would be lost, so it stops the swap
    before = digests(warehouse)
    give_access(warehouse, "LATE")
    said = refusal(warehouse)
    assert said is not None
    assert "readers keep their grants on the schema" in said
    assert digests(warehouse) == before
    run_as_admin(
        warehouse,
        f"revoke usage on schema {LIVE} from role late",
        f"revoke select on future tables in schema {LIVE} from role late",
        f"revoke select on all tables in schema {LIVE} from role late",
    )
    # the job's role has no MANAGE GRANTS, and what it may not give stops no repair
    give_future(warehouse, "NEWCOMER", LIVE)
    check_dry_run(warehouse, "remediation_swap")
    on_future = f'SELECT on future tables in schema ANALYTICS.{LIVE} {{}} role "NEWCOMER"'

    # the rows that a reader may see at once in both tables: those of one side, or of the other
    states = {pair(warehouse.query, LIVE), pair(warehouse.query, CANDIDATE)}
    assert len(states) == 2
    seen: list[tuple[int, ...]] = []
    failures: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        try:
            with closing(log_in(warehouse, "ANALYST")) as connection:
                while not stop.is_set():
                    seen.append(pair(partial(rows_of, connection), LIVE))
        except Exception as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert refusal(warehouse) is None
        missing = [line for line in warehouse.project.logged if "for tables still to come" in line]
        assert len(missing) == 1
        assert "pass  readers keep their grants" in missing[0]
        assert left_to_an_administrator(warehouse) == ["grant " + on_future.format("to")]
        run_as_admin(warehouse, *left_to_an_administrator(warehouse))
        assert future_grants(warehouse, LIVE) == {"ANALYST", "NEWCOMER"}
        check_dry_run(warehouse, "remediation_rollback")
        # revoked since the swap, and still given where the tables come from
        run_as_admin(warehouse, "revoke " + on_future.format("from"))
        warehouse.operate("remediation_rollback", INCIDENT)
        assert left_to_an_administrator(warehouse) == ["revoke " + on_future.format("from")]
        run_as_admin(warehouse, *left_to_an_administrator(warehouse))
        assert future_grants(warehouse, LIVE) == {"ANALYST"}
    finally:
        stop.set()
        reader.join(timeout=60)
    assert not failures
    assert len(seen) > 10
    assert set(seen) == states
    assert digests(warehouse) == before
    check_dry_run(warehouse, "remediation_retire")
    check_tags(warehouse)


@pytest.mark.soak
def test_a_role_with_manage_grants_copies_future_grants_too(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    give_future(warehouse, "NEWCOMER", LIVE)
    run_as_admin(warehouse, "grant manage grants on account to role transformer")
    assert refusal(warehouse) is None
    assert left_to_an_administrator(warehouse) == []
    assert future_grants(warehouse, LIVE) == {"NEWCOMER"}


@pytest.mark.soak
def test_what_is_not_this_role_s_to_give_stops_no_verb_half_way(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """After the swap an error would come again each time that the verb is repeated."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    given: list[str] = []

    def give(sql: str) -> None:
        """In the moment after the swap, when live is called something else."""
        renamed = re.search(rf"alter schema (?:if exists )?(\S+) rename to \S+{REPLACED}", sql)
        if given or renamed is None:
            return
        given.append(sql)
        run_as_admin(
            warehouse,
            "create role late",
            "create role other_owner",
            f"grant usage on schema {renamed[1]} to role late",
            f"grant select on future tables in schema {renamed[1]} to role late",
            f"grant select on table {renamed[1]}.payments to role late",
            f"grant select on table {LIVE}.payments to role transformer",
            f"grant ownership on table {LIVE}.payments to role other_owner copy current grants",
        )

    with watched(meanwhile=give):
        warehouse.operate("remediation_swap", INCIDENT)
    assert given
    left = left_to_an_administrator(warehouse)
    assert left == [
        f'grant SELECT on future tables in schema ANALYTICS.{LIVE} to role "LATE"',
        f'grant SELECT on table ANALYTICS.{LIVE}.payments to role "LATE"',
    ]
    granted = warehouse.query(f"show grants on schema {LIVE}")
    assert ("USAGE", "LATE") in {(row["privilege"], row["grantee_name"]) for row in granted}
    run_as_admin(warehouse, *left, f"alter schema {REPLACED} enable managed access")

    # where the schema that becomes live has managed access, its owner may give all of them
    assert future_grants(warehouse, REPLACED) == {"LATE"}
    run_as_admin(
        warehouse,
        f"revoke select on future tables in schema {REPLACED} from role late",
        f"grant ownership on table {LIVE}.payments to role transformer copy current grants",
    )
    warehouse.operate("remediation_rollback", INCIDENT)
    assert left_to_an_administrator(warehouse) == []
    assert future_grants(warehouse, LIVE) == {"LATE"}


def check_tags(warehouse: SnowflakeWarehouse) -> None:
    """Every statement has step and invocation; those of verbs and candidates have the incident."""
    history = warehouse.simulator.history()
    assert not without(history, "step", "invocation_id")
    steps = set()
    for one in to_be_tagged(history):
        tag = tag_of(one)
        steps.add(tag["step"])
        if verb := re.search(r'"connection_name": "macro_(\w+)"', one.text):
            assert (tag["step"], tag["incident_id"]) == (verb[1], INCIDENT), one.text
        if one.query_type == "MERGE" and f"{CANDIDATE}." in one.text:
            assert tag["incident_id"] == INCIDENT, one.text
    assert {f"remediation_{verb}" for verb in ("clone", "swap", "rollback")} <= steps
    assert {"candidate_build", "payments", "fraud_features"} <= steps
    swapped = [one for one in history if " swap with " in one.text]
    assert [tag_of(one)["step"] for one in swapped] == ["remediation_swap", "remediation_rollback"]
