"""Law 4 on Snowflake: readers, the regular job and a remediation at the same time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from dbt_common.exceptions import DbtDatabaseError
from snowflake.connector.errors import ProgrammingError

from python_tests.faults import READS_ONLY, StatementLog, watched
from python_tests.laws import (
    AFFECTED,
    HOUR,
    INCIDENT,
    NOON,
    Row,
    assert_curated,
    assert_recorded,
    build_candidate,
    build_replaced,
    contaminate,
    kept_state,
    repaired_rows,
    roll_back_at_once,
    steady_events,
)
from python_tests.laws_of_raw import quarantined_rows, raw_rows
from python_tests.snowflake_warehouse import Saved, SnowflakeWarehouse
from python_tests.test_snowflake_remediation import (
    CANDIDATE,
    CLAIMED,
    LIVE,
    WITHDRAWN,
    note_checks,
    ready_to_swap,
    schemas,
)
from python_tests.warehouse import DbtError

REGULAR = ("run", "--selector", "fifteen_minute")


def of_schemas(log: StatementLog) -> list[str]:
    """The statements of a verb that change schemas, for somebody else to send."""
    return [
        sql
        for sql in (log.statements[place] for place in log.writing())
        if "schema" in sql.lower() or "incremental_watermarks" in sql.lower()
    ]


class Crossing:
    """Somebody else's statements, sent before the n-th chance that a command gives.

    A chance is a statement that writes to the curated schemas, or the start of a transaction; with
    `at_reads` one that reads their marks too.

    Inside a transaction there is none: the simulator lets nobody else write then. Whoever sends
    them stops at his first error, as a command would.
    """

    # How the command opens a transaction
    begin = "begin"

    def __init__(
        self,
        warehouse: SnowflakeWarehouse,
        statements: Sequence[str],
        turn: int,
        at_reads: bool = False,
    ) -> None:
        self.at_reads = at_reads
        self.warehouse = warehouse
        self.statements = statements
        self.turns_left = turn
        self.is_open = False
        self.is_done = False
        self.sql = ""

    def __call__(self, sql: str) -> None:
        """Look at one statement of the run."""
        word = re.sub(r"/[*].*?[*]/", "", sql, flags=re.DOTALL).strip(" ;\n").lower()
        if self.is_chance(word, sql) and not self.is_open and not self.is_done:
            if self.turns_left == 0:
                self.is_done = True
                self.sql = sql
                self.send()
            self.turns_left -= 1
        self.is_open = word == self.begin or (self.is_open and word not in ("commit", "rollback"))

    def is_chance(self, word: str, sql: str) -> bool:
        """Whether somebody else may come before a statement; `word` is it without comments."""
        return (
            word == self.begin
            or (self.at_reads and "incremental_watermarks" in sql.lower())
            or ("main_analytics" in sql.lower() and not READS_ONLY.match(sql))
        )

    def send(self) -> None:
        """Send the statements, up to the first that fails."""
        for statement in self.statements:
            try:
                self.warehouse.execute(statement)
            except ProgrammingError:
                return


def send_at(warehouse: SnowflakeWarehouse, statement: str, pattern: str) -> Crossing:
    """Somebody else's one statement, just before the first one of a command that fits."""

    class AtPattern(Crossing):
        def __call__(self, sql: str) -> None:
            if not self.is_done and re.search(pattern, sql, re.IGNORECASE):
                self.is_done = True
                self.send()

    return AtPattern(warehouse, [statement], 0)


def kept(warehouse: SnowflakeWarehouse) -> tuple[dict[str, str], dict[str, str]]:
    """The tables of a remediation, and what their schemas say of themselves."""
    comments = schemas(warehouse)
    # a swap that was taken back leaves in it what it had checked
    comments.pop(CANDIDATE, None)
    return kept_state(warehouse), comments


def settle(warehouse: SnowflakeWarehouse) -> None:
    """Do what remediation_status says, until no swap and no rollback is left to be done."""
    for _ in range(3):
        warehouse.operate("remediation_status", INCIDENT)
        found = re.search(r"remediation_(swap|rollback)", warehouse.project.logged[-1])
        if not found:
            return
        warehouse.operate(found[0], INCIDENT)
    raise AssertionError(warehouse.project.logged[-1])


@pytest.mark.soak
def test_a_swap_that_ends_while_its_claim_is_taken_over_is_finished(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """It swaps just before another command gives what it has claimed another name."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    note_checks(warehouse)
    warehouse.execute(f"alter schema {CANDIDATE} rename to {CLAIMED}")
    claimed = Saved(warehouse, "claimed")
    warehouse.operate("remediation_swap", INCIDENT)
    swapped = kept(warehouse)
    swap = f"alter schema {LIVE} swap with {CLAIMED}"
    for verb in ("remediation_clone", "remediation_swap"):
        claimed.restore()
        crossing = send_at(warehouse, swap, rf"(rename|drop).*{CLAIMED}|{CLAIMED}.* rename")
        with watched(meanwhile=crossing):
            if verb == "remediation_clone":
                with pytest.raises(DbtError, match="an unfinished remediation_swap for incident"):
                    warehouse.operate(verb, INCIDENT)
            else:
                warehouse.operate(verb, INCIDENT)
        assert crossing.is_done
        settle(warehouse)
        assert kept(warehouse) == swapped


# What somebody else does and what is run meanwhile.
CROSSED = (
    ("remediation_swap", "remediation_clone"),
    ("remediation_swap", "remediation_swap"),
    ("remediation_rollback", "remediation_rollback"),
)


@pytest.mark.soak
@pytest.mark.parametrize(("other", "verb"), CROSSED)
def test_no_table_is_lost_where_two_steps_cross(
    snowflake_warehouse: SnowflakeWarehouse, other: str, verb: str
) -> None:
    """Each part of a step of somebody else, before each statement of another, claimed or not."""
    warehouse = snowflake_warehouse
    ready_to_swap(warehouse)
    if verb == "remediation_rollback":
        # an earlier rollback has left what it withdrew
        warehouse.operate("remediation_swap", INCIDENT)
        warehouse.operate("remediation_rollback", INCIDENT)
        warehouse.operate("remediation_clone", INCIDENT)
        build_candidate(warehouse)
        warehouse.operate("remediation_swap", INCIDENT)
    before = Saved(warehouse, "before")
    with watched() as log:
        warehouse.operate(other, INCIDENT)
    statements = of_schemas(log)
    outcomes = [kept(warehouse)]
    if verb == "remediation_clone":
        before.restore()
        warehouse.operate(verb, INCIDENT)
        outcomes.append(kept(warehouse))
    swap = next(place for place, sql in enumerate(statements) if " swap with " in sql)
    parts = [(0, swap), (0, swap + 1), (0, len(statements))]
    parts += [(swap, end) for end in (swap + 1, swap + 2, len(statements))]
    said: list[str] = []
    for done, sent in parts:
        for turn in range(100):
            before.restore()
            Crossing(warehouse, statements[:done], 0).send()
            crossing = Crossing(warehouse, statements[done:sent], turn)
            try:
                with watched(meanwhile=crossing) as log:
                    warehouse.operate(verb, INCIDENT)
            except DbtError as error:
                said.append(str(error))
            if not crossing.is_done or (not done and is_cloned(log, crossing)):
                break
            settle(warehouse)
            assert kept(warehouse) in outcomes, (done, sent, turn, said[-1:])
        assert turn >= (2 if done else 1)
    assert said
    assert not [text for text in said if not is_clear(text)]


def is_cloned(log: StatementLog, crossing: Crossing) -> bool:
    """Whether a clone was there before the statements were sent: then a swap is of others."""
    return any(
        "create or replace schema" in sql
        for sql in log.statements[: log.statements.index(crossing.sql)]
    )


def is_clear(said: str) -> bool:
    """A refusal says what to do; of a schema that has another name by now the runbook does."""
    is_gone = re.search(r"__(claimed_|candidate|replaced_|withdrawn_).*does not exist", said, re.I)
    says = ("Run: ", "remediation_status", "Use another incident_id", "run the command again")
    return is_gone is not None or any(text in said for text in says)


@pytest.mark.soak
def test_of_two_swaps_at_once_one_stops_and_the_tables_are_swapped_once(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """A whole swap happens before each statement of another that writes; then one looks again."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    before = Saved(warehouse, "before")
    with watched() as log:
        warehouse.operate("remediation_swap", INCIDENT)
    swapped = kept_state(warehouse)
    statements = of_schemas(log)
    stopped = 0
    for turn in range(100):
        before.restore()
        crossing = Crossing(warehouse, statements, turn)
        try:
            with watched(meanwhile=crossing):
                warehouse.operate("remediation_swap", INCIDENT)
        except DbtError:
            stopped += 1
        if not crossing.is_done:
            break
        warehouse.operate("remediation_swap", INCIDENT)
        assert kept_state(warehouse) == swapped
        assert_recorded(warehouse, "remediation_swap")
    assert turn >= 3
    assert stopped >= 1


@pytest.mark.soak
@pytest.mark.parametrize("verb", ["remediation_swap", "remediation_rollback"])
def test_a_regular_run_that_a_swap_crosses_loses_nothing(
    snowflake_warehouse: SnowflakeWarehouse, verb: str
) -> None:
    """A swap or a rollback happens before each statement of a regular run that writes."""
    assert check_crossings(snowflake_warehouse, verb, range(100)) >= 6


@pytest.mark.soak
def test_a_regular_run_moves_no_mark_of_tables_that_a_rollback_made_live(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """Of the crossings above the one that only the generation of the marks makes harmless."""
    before_the_merge_of_fraud_features = 4
    check_crossings(
        snowflake_warehouse,
        "remediation_rollback",
        [before_the_merge_of_fraud_features],
        at_reads=False,
    )


def test_a_run_that_a_swap_crosses_is_run_again_if_it_reads_again(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """Whether its rows are in the tables that are live by then nobody knows."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    marks = f"{LIVE}.incremental_watermarks"
    other, start = "2026-02-01T00:00:00@another", NOON - 40 * HOUR
    swapped = f"update {marks} set generation = 'another', read_again = '{other}'"
    crossing = send_at(warehouse, swapped, r"temporary table .*payments__dbt_tmp")
    kept = f"select read_again from {marks} where relation_name = 'payments'"
    with (
        watched(meanwhile=crossing),
        pytest.raises(DbtError, match="a swap or a rollback since this run began, which reads"),
    ):
        warehouse.dbt("run", "--select", "payments", exactly_once__reprocess_from=str(start))
    assert crossing.is_done
    assert warehouse.query(kept) == [{"read_again": other}]
    warehouse.dbt("run", "--select", "payments", exactly_once__reprocess_from=str(start))
    found = warehouse.query(kept)[0]["read_again"]
    assert re.fullmatch(rf"{other} {start.isoformat()}@\S+", found)


def check_crossings(
    warehouse: SnowflakeWarehouse, verb: str, turns: Iterable[int], at_reads: bool = True
) -> int:
    """Nothing is lost where a verb crosses a regular run; how many crossings there were."""
    contaminate(warehouse)
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    if verb == "remediation_rollback":
        warehouse.operate("remediation_swap", INCIDENT)
        # a run that reads from the mark of the repaired tables does not meet the first again
        for hours in (22, 26):
            warehouse.write_events(steady_events(NOON + hours * HOUR))
        warehouse.dbt(*REGULAR)
    before = Saved(warehouse, "before")
    with watched() as log:
        if verb == "remediation_rollback":
            roll_back_at_once(warehouse)
        else:
            warehouse.operate(verb, INCIDENT)
    statements = of_schemas(log)
    assert len(statements) >= 5

    later = steady_events(NOON + 30 * HOUR)
    warehouse.write_events(later)
    warehouse.dbt(*REGULAR)
    expected = curated(warehouse)
    if verb == "remediation_swap":
        assert_curated(warehouse, [*repaired_rows(), *later])

    before.restore()
    warehouse.write_events(later)
    arrived = Saved(warehouse, "arrived")
    crossed = 0
    for turn in turns:
        arrived.restore()
        crossing = Crossing(warehouse, statements, turn, at_reads)
        try:
            with watched(meanwhile=crossing):
                warehouse.dbt(*REGULAR)
        except DbtError:
            # the run may fail where its own table has gone; the next one takes its events in
            assert crossing.is_done
        if not crossing.is_done:
            break
        warehouse.dbt(*REGULAR)
        assert curated(warehouse) == expected
        crossed += 1
    assert crossed
    return crossed


def curated(warehouse: SnowflakeWarehouse) -> list[str]:
    """The digests of both curated tables."""
    return [warehouse.digest(f"main_analytics.{name}") for name in ("payments", "fraud_features")]


@pytest.mark.soak
def test_readers_and_the_regular_job_go_on_through_a_whole_remediation(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """No error, no gap, no mixture, and nothing that was written is lost."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    # events without an arrival time are computed again by each regular run, and with the guard on
    warehouse.dbt(*REGULAR)
    states = {"contaminated": affected(warehouse)}
    seen: list[tuple[Any, ...]] = []
    failures: list[BaseException] = []
    stop = threading.Event()
    written: list[Row] = []

    def read() -> None:
        try:
            with closing(
                warehouse.simulator.connect(database="ANALYTICS", schema="PUBLIC")
            ) as connection:
                connection.cursor().execute("use role transformer")
                while not stop.is_set():
                    cursor = connection.cursor()
                    cursor.execute(AFFECTED)
                    seen.append(tuple(cursor.fetchall()[0]))
        except BaseException as error:
            failures.append(error)

    def regular_job() -> None:
        try:
            for number in range(100):
                if stop.is_set():
                    break
                batch = steady_events(NOON + (24 + number) * HOUR, name="elsewhere")
                batch = [{**row, "merchant_id": "mer_elsewhere"} for row in batch]
                with closing(warehouse.another_session()) as loader:
                    loader.write_events(batch)
                written.extend(batch)
                began = time.monotonic()
                run_in_process_of_its_own(warehouse)
                # as in life, where the job has its breaks: a swap needs one
                stop.wait(3 * (time.monotonic() - began))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=target) for target in (read, read, regular_job)]
    for thread in threads:
        thread.start()
    try:
        swap_between_runs(warehouse)
        states["repaired"] = affected(warehouse)
        time.sleep(5)
        roll_back_between_runs(warehouse)
        time.sleep(5)
        swap_between_runs(warehouse)
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=120)
    assert not failures, failures
    assert len(seen) > 2000
    assert set(seen) == set(states.values())
    warehouse.dbt(*REGULAR)
    assert_curated(warehouse, [*repaired_rows(), *written])
    assert_recorded(warehouse)


def affected(warehouse: SnowflakeWarehouse) -> tuple[Any, ...]:
    """What one statement sees of the rows that the incident touched, in both tables at once."""
    return tuple(warehouse.query(AFFECTED)[0].values())


def run_in_process_of_its_own(warehouse: SnowflakeWarehouse) -> None:
    """The regular job, as a scheduler starts it."""
    project = warehouse.project
    folders = {
        "--project-dir": project.folder,
        "--profiles-dir": project.work,
        "--target-path": project.work / "regular",
        "--log-path": project.work / "logs",
    }
    command = [sys.executable, "-m", "dbt.cli.main", *REGULAR, "--quiet"]
    for option, folder in folders.items():
        command += [option, str(folder)]
    done = subprocess.run(
        command,
        env={**os.environ, **warehouse.environment()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # a run whose table is swapped away under its hands fails, and the next one does its work
    if done.returncode != 0 and "does not exist" not in done.stdout:
        raise AssertionError(done.stdout + done.stderr)


def swap_between_runs(warehouse: SnowflakeWarehouse) -> None:
    """Clone, repair, and swap as soon as no regular run is in the way."""
    warehouse.operate("remediation_clone", INCIDENT)
    for _ in range(20):
        try:
            build_candidate(warehouse)
            warehouse.operate("remediation_swap", INCIDENT)
            return
        except DbtError as error:
            in_the_way = ("caught up", "found events up to", "the swap was taken back")
            if not any(text in str(error) for text in in_the_way):
                raise
    raise AssertionError("the regular job was always in the way")


def roll_back_between_runs(warehouse: SnowflakeWarehouse) -> None:
    """The replaced tables take in what live has, and go back as soon as no regular run is ahead."""
    for _ in range(20):
        try:
            build_replaced(warehouse)
            warehouse.operate("remediation_rollback", INCIDENT)
            return
        except DbtError as error:
            if "less than readers see" not in str(error):
                raise
    raise AssertionError("the regular job was always in the way")


# Which raw verb somebody else runs while another is under way
RAW_VERBS = ("raw_quarantine", "raw_restore")


class Another(Crossing):
    """A verb that somebody else runs, in a process of its own, before the n-th slice or entry."""

    begin = "begin transaction"

    def __init__(self, warehouse: SnowflakeWarehouse, verb: str, turn: int) -> None:
        super().__init__(warehouse, (), turn)
        self.verb = verb

    def is_chance(self, word: str, sql: str) -> bool:
        """The start of a slice, or an entry of the ledger."""
        return word == self.begin or word.startswith("merge into")

    def send(self) -> None:
        """Run it to its end, which is its work done, or a refusal that says what to do."""
        project = self.warehouse.project
        done = subprocess.run(
            [
                *(Path(sys.executable).parent / "dbt", "run-operation", self.verb),
                *("--args", json.dumps({"incident_id": INCIDENT})),
                *("--project-dir", project.folder, "--profiles-dir", project.work),
                *("--target-path", project.work / "another", "--log-path", project.work),
            ],
            env=os.environ | self.warehouse.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0 or is_clear(done.stdout), done.stdout


@pytest.mark.parametrize(
    ("other", "verb", "turns"),
    [
        # before its first entry, when what it has read of the quarantine is of before the other
        ("raw_quarantine", "raw_restore", [0]),
        *[
            pytest.param(other, verb, range(100), marks=pytest.mark.soak)
            for other in RAW_VERBS
            for verb in RAW_VERBS
        ],
    ],
)
def test_of_two_raw_verbs_at_once_each_row_is_in_one_place(
    snowflake_warehouse: SnowflakeWarehouse, other: str, verb: str, turns: Sequence[int]
) -> None:
    """Both find some slices done and some not; then the one is run again, alone."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    rows = raw_rows(warehouse)
    stopped = Another(warehouse, "", 2)
    with (
        patch.object(stopped, "send", side_effect=DbtDatabaseError("stopped")),
        pytest.raises(DbtError, match="stopped"),
        watched(meanwhile=stopped),
    ):
        warehouse.operate("raw_quarantine", INCIDENT)
    assert quarantined_rows(warehouse), "no slice is done"
    before = Saved(warehouse, "before")
    warehouse.operate(verb, INCIDENT)
    alone = raw_rows(warehouse), quarantined_rows(warehouse)
    said, crossings = [], 0
    for turn in turns:
        before.restore()
        another = Another(warehouse, other, turn)
        try:
            with watched(meanwhile=another):
                warehouse.operate(verb, INCIDENT)
        except DbtError as error:
            said.append(str(error))
        if not another.is_done:
            break
        crossings += 1
        assert raw_rows(warehouse) + quarantined_rows(warehouse) == rows
        warehouse.operate(verb, INCIDENT)
        assert (raw_rows(warehouse), quarantined_rows(warehouse)) == alone
        assert_recorded(warehouse)
    # whatever the other did, this one has looked at what was before it
    assert len(said) == crossings >= min(len(turns), 3)
    assert all(map(is_clear, said)), said


def swapped(warehouse: SnowflakeWarehouse) -> SnowflakeWarehouse:
    """The incident is repaired, and its copies are in the source."""
    ready_to_swap(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    return warehouse


def test_copies_stay_in_the_source_where_a_rollback_comes_on_their_way_to_quarantine(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    warehouse = swapped(snowflake_warehouse)
    rows = raw_rows(warehouse)
    another = Another(warehouse, "remediation_rollback", 1)
    with (
        watched(meanwhile=another),
        pytest.raises(DbtError, match=r"or a rollback, at the same time.*this one is undone"),
    ):
        warehouse.operate("raw_quarantine", INCIDENT)
    assert another.sql.startswith(Another.begin)
    assert WITHDRAWN in schemas(warehouse)
    assert raw_rows(warehouse) == rows
    assert_recorded(warehouse)


@pytest.mark.soak
def test_what_goes_back_counts_no_copy_that_has_left_the_source(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """Copies go to quarantine while a rollback is on its way."""
    warehouse = swapped(snowflake_warehouse)
    warehouse.operate("raw_quarantine", INCIDENT)
    warehouse.operate("raw_restore", INCIDENT)
    # as an earlier rollback has left it
    warehouse.execute(f"create schema {WITHDRAWN} clone {LIVE}")
    marker = json.dumps({"app": "exactly_once", "withdrawn_for": INCIDENT})
    warehouse.execute(f"comment on schema {WITHDRAWN} is '{marker}'")
    quarantine = "update main_audit.quarantined_events set restored_at"
    taking_out = send_at(warehouse, f"{quarantine} = null", "swap with")
    out = pytest.raises(DbtError, match=r"went to quarantine during .*is done. Run: .*raw_restore")
    with watched(meanwhile=taking_out), out:
        warehouse.operate("remediation_rollback", INCIDENT)
    assert taking_out.is_done
    assert set(schemas(warehouse)) == {LIVE, WITHDRAWN}
    with out:
        warehouse.operate("remediation_rollback", INCIDENT)
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation raw_restore" in warehouse.project.logged[-1]
    warehouse.execute(f"{quarantine} = '2026-03-02'")
    warehouse.operate("remediation_rollback", INCIDENT)
    assert any("rolled back already" in line for line in warehouse.project.logged)
