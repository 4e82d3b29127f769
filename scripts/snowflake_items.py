"""What make snowflake-check looks at on an account, one item after the other."""

from __future__ import annotations

import contextlib
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import snowflake.connector
import yaml
from dbt.adapters.snowflake.connections import SnowflakeCredentials
from snowflake.connector.errors import DatabaseError, Error

from demo.generate import IncidentTruth
from python_tests import laws_of_fingerprints, oracle
from python_tests.laws import assert_curated, assert_decided, assert_deduplicated
from python_tests.laws_of_raw import hashes, raw_rows, to_remove
from python_tests.oracle import Layout
from python_tests.snowflake_warehouse import TYPES, SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, ROOT, Row

INCIDENT = "SNOWFLAKE-CHECK"
JOB = ("--selector", "fifteen_minute")
LAYOUT = Layout(identity_paths=("op.id",))
WITH_OP_ID = {"exactly_once__payload_identity_paths": ["op.id"]}
LOGIN_SECONDS = 10
# Without it the connector would ask an account that went away again and again, for ever.
NETWORK_SECONDS = 600
# The connector's own attempts with a key would take two minutes on an account that is not there.
FEW_ATTEMPTS = {"JWT_CNXN_RETRY_ATTEMPTS": "1", "JWT_CNXN_WAIT_TIME": str(LOGIN_SECONDS)}

NO_READER = "needs --reader-role, a role of this user that owns nothing here"

# Error numbers of a session that was ended
SESSION_IS_GONE = {390111, 390112, 390114, 390195}
# of what is not there, or is not shown to the role, or may not be read
NO_ACCESS = {2003, 2043, 3001}
DUPLICATE_ROW = 100090

# A relation -> the columns by which its content is compared
BUILT = {
    "main_staging.stg_events_deduplicated": "event_fingerprint, row_hash, has_complete_key",
    "main_analytics.payments": "*",
    "main_analytics.fraud_features": "*",
}
RECORDED = (
    *("remediation_clone", "remediation_swap", "remediation_rollback", "remediation_retire"),
    *("raw_quarantine", "raw_restore"),
)


class NotPossibleError(Exception):
    """What can't be checked here, and why."""


class Scratch(SnowflakeWarehouse):
    """The package in schemas whose names begin with a prefix, and the rows that it reads."""

    def __init__(
        self, credentials: SnowflakeCredentials, output: dict[str, Any], prefix: str
    ) -> None:
        """`output` is the profile's target as it is written, secrets not filled in."""
        self.credentials = credentials
        self.prefix = prefix
        self.source = f"{prefix}_raw.events"
        self.columns = dict(EVENT_COLUMNS)
        self.settings = WITH_OP_ID | {
            "exactly_once__source_schema": f"{prefix}_raw",
            "incident_id": INCIDENT,
        }
        self.has_schemas = False
        self.open: snowflake.connector.SnowflakeConnection | None = None
        self._output = output | {"schema": prefix}

    def make_project(self, work: Path) -> None:
        """Write the profile, whose schema is the prefix."""
        self.project = SnowflakeProject(ROOT, work)
        target = {"target": "check", "outputs": {"check": self._output}}
        text = yaml.safe_dump({"exactly_once": target})
        (work / "profiles.yml").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """What dbt's own logins need."""
        return FEW_ATTEMPTS

    @contextlib.contextmanager
    def sessions_in(self, time_zone: str) -> Iterator[None]:
        """Let dbt's sessions begin in a time zone, which its profile has no setting for."""
        log_in = snowflake.connector.connect

        def connect(**options: Any) -> Any:
            parameters = options.pop("session_parameters") | {"TIMEZONE": time_zone}
            return log_in(session_parameters=parameters, **options)

        with patch.object(snowflake.connector, "connect", connect):
            asked = "run_query(\"show parameters like 'TIMEZONE' in session\").rows[0][1]"
            query = f"select '{{{{ {asked} if execute }}}}' as time_zone"
            shown = self.dbt("show", "--inline", query).results[0]
            expect(shown.agate_table.rows[0][0], time_zone, "as the time zone of a session of dbt")
            yield

    def connect(self, **options: Any) -> snowflake.connector.SnowflakeConnection:
        """Log in as dbt does."""
        given = self.credentials
        return snowflake.connector.connect(
            account=given.account,
            database=given.database,
            warehouse=given.warehouse,
            role=given.role,
            login_timeout=LOGIN_SECONDS,
            network_timeout=NETWORK_SECONDS,
            session_parameters={"QUERY_TAG": self.prefix},
            **given.auth_args(),
            **options,
        )

    def read(self, relation: str, columns: str = "*") -> list[dict[str, Any]]:
        """The rows of a relation, named as in the tests: main_analytics.payments."""
        return self.query(f"select {columns} from {self.named(relation)}")

    def named(self, relation: str) -> str:
        """Where a relation that the tests call main_... is."""
        return relation.replace("main_", f"{self.prefix}_", 1)

    def value(self, sql: str) -> Any:
        """The one value of a query."""
        return next(iter(self.query(sql)[0].values()))

    def close(self) -> None:
        """Log out."""
        if self.open is not None:
            with contextlib.suppress(Error):
                self.open.close()

    def _run(self, sql: str, values: Sequence[Any] | None = None) -> Any:
        if self.open is None:
            self.open = self.connect()
        try:
            return self.open.cursor().execute(sql, values)
        except DatabaseError as error:
            if error.errno in SESSION_IS_GONE:
                self.open = None  # the next statement logs in again
            raise


@dataclass(frozen=True)
class Item:
    """One line of the result. What follows a step that failed is not run."""

    name: str
    check: Callable[[Check], str]
    is_step: bool = False


class Check:
    """The items, in order, and what they tell each other."""

    def __init__(self, scratch: Scratch, truth: IncidentTruth, reader_role: str | None) -> None:
        self.scratch = scratch
        self.rows, self.originals = labelled_rows(truth)
        self.arrived: list[Row] = []
        self.raw_before: str | None = None
        self.window = (truth.incident_start, truth.incident_end)
        self.reader_role = reader_role
        self.before_repair: datetime | None = None
        self.copies_loaded: int | None = None
        self.stream_is_made = False

    def load_events(self) -> str:
        """The first half of a labelled incident, in a raw schema of its own."""
        columns = EVENT_COLUMNS.items()
        described = ", ".join(f"{name} {TYPES.get(kind, kind)}" for name, kind in columns)
        self.scratch.execute(f"create table {self.scratch.source} ({described})")
        self._let_arrive(len(self.rows) // 2)
        copies = len(self.rows) - len(self.originals)
        return f"{len(self.arrived):,} rows of {len(self.rows):,}, {copies:,} of them copies"

    def compare_with_golden(self) -> str:
        """Canonical texts, fingerprints and row hashes; JSON has its keys in order."""
        for zone in laws_of_fingerprints.TIME_ZONES:
            with self.scratch.sessions_in(zone):
                for law in laws_of_fingerprints.LAWS:
                    law(self.scratch)
        return f"equal in {', '.join(laws_of_fingerprints.TIME_ZONES)}"

    def merge_ambiguously(self) -> str:
        """Two source rows that would update one row."""
        table = f"{self.scratch.prefix}_raw.merged"
        self.scratch.execute(f"create table {table} as select 1 as id, 0 as amount")
        try:
            self.scratch.execute(
                f"merge into {table} as old using (select 1 as id, column1 as amount "
                "from values (1), (2)) as new on old.id = new.id "
                "when matched then update set amount = new.amount"
            )
        except DatabaseError as error:
            expect(error.errno, DUPLICATE_ROW, f"as the number of the error {error.msg}")
            return f"refused with {DUPLICATE_ROW}"
        raise AssertionError(f"expected error {DUPLICATE_ROW}, found none")

    def make_stream(self) -> str:
        """On raw, before the repair."""
        self.scratch.execute(
            f"create stream {self.scratch.prefix}_raw.arrivals on table {self.scratch.source}"
        )
        self.stream_is_made = True
        return "made before the repair"

    def load_a_file(self) -> str:
        """COPY INTO from a stage, and a pipe that does the same, before the repair."""
        raw = f"{self.scratch.prefix}_raw"
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("one\ntwo\n")
            file.flush()
            self.scratch.execute(f"create stage {raw}.landing")
            self.scratch.execute(f"create table {raw}.loaded (line varchar)")
            self.scratch.execute(f"put 'file://{file.name}' @{raw}.landing auto_compress = false")
            copy = f"copy into {raw}.loaded from @{raw}.landing"
            self.scratch.execute(copy)
            self.scratch.execute(f"create pipe {raw}.landing_pipe as {copy}")
        self.copies_loaded = int(self.scratch.value(f"select count(*) from {raw}.loaded"))
        expect(self.copies_loaded, 2, "rows loaded")
        return "2 rows loaded, pipe made"

    def build_contaminated(self) -> str:
        """The regular job as it was before: every copy counts."""
        return self._run_job()

    def take_in_second_batch(self) -> str:
        """The job on what arrived later, in sessions of another time zone."""
        return self._take_in(len(self.rows) * 3 // 4, "Asia/Kolkata")

    def take_in_third_batch(self) -> str:
        """The rest, in a third time zone."""
        return self._take_in(len(self.rows), "America/Los_Angeles")

    def _take_in(self, until: int, time_zone: str) -> str:
        self._let_arrive(until)
        with self.scratch.sessions_in(time_zone):
            return f"in {time_zone}: {self._run_job()}"

    def _let_arrive(self, until: int) -> None:
        rows = sorted(self.rows, key=lambda row: row["ingest_ts"])[len(self.arrived) : until]
        self.scratch.write_events(rows)
        self.arrived += rows

    def _run_job(self, *options: str) -> str:
        self.scratch.dbt("build", *JOB, *options, exactly_once__deduplicate=False)
        assert_deduplicated(self.scratch, self.arrived, LAYOUT)
        assert_curated(self.scratch, self.arrived, LAYOUT)
        return f"the tables of {len(self.arrived):,} rows, as the oracle says"

    def refresh_fully(self) -> str:
        """Built anew, the tables are those of the batches, and their readers still read."""
        before = self._digests()
        self._run_job("--full-refresh")
        expect(self._digests(), before, "as the digests of the tables")
        said = "" if self.reader_role is None else f", {self._read_as_reader()}"
        return f"{len(before)} digests are those of the batches{said}"

    def _digests(self) -> list[str]:
        return [self.scratch.digest(*relation) for relation in BUILT.items()]

    def grant_to_readers(self) -> str:
        """Another role may read the curated tables, and could not before."""
        if self.reader_role is None:
            raise NotPossibleError(NO_READER)
        try:
            found = self._read_as_reader()
        except DatabaseError as error:
            if error.errno not in NO_ACCESS:
                raise
        else:
            raise AssertionError(f"before any grant {found}")
        schema = self.scratch.named("main_analytics")
        self.scratch.execute(f"grant usage on schema {schema} to role {self.reader_role}")
        self.scratch.execute(
            f"grant select on all tables in schema {schema} to role {self.reader_role}"
        )
        return self._read_as_reader()

    def detect(self) -> str:
        """Each copy in the window is decided as the oracle and the labels say."""
        start, end = self.window
        self.scratch.dbt(
            "build",
            "--selector",
            "detection",
            incident_start=str(start),
            incident_end=str(end),
        )
        assert_decided(self.scratch, self.rows, self.window, LAYOUT)
        decisions = self.scratch.named("main_incident.incident_decisions")
        found = self.scratch.value(f"select count(*) from {decisions} where decision = 'remove'")
        expect(int(found), len(self.rows) - len(self.originals), "copies to remove")
        register = self.scratch.named("main_seeds.incident_register")
        self.scratch.execute(
            f"insert into {register} select '{INCIDENT}', '{start}', '{end}', 'alice', 'bob', 'T-1'"
        )
        return f"{found:,} copies to remove, those of the labels"

    def report(self) -> str:
        """What operators and reviewers ask before a repair, and what writes nothing."""
        before = self._digests()
        for verb in ("remediation_status", "remediation_plan"):
            self.scratch.operate(verb, INCIDENT)
        for macro in ("guard_report", "show_config"):
            self.scratch.dbt("run-operation", macro)
        self.scratch.dbt("run-operation", "uninstall", "--args", '{"dry_run": true}')
        analyses = sorted(path.stem for path in (ROOT / "analyses").glob("*.sql"))
        for analysis in analyses:
            self.scratch.dbt("show", "--select", analysis)
        expect(self._digests(), before, "as the digests of the tables")
        return f"five reports, {len(analyses)} analyses, nothing written"

    def clone(self) -> str:
        """The curated schema, with its grants."""
        self.before_repair = self.scratch.value("select current_timestamp()")
        self.scratch.operate("remediation_clone", INCIDENT)
        return "candidate schema made"

    def build_candidate(self) -> str:
        """Repaired beside the readers."""
        self.scratch.dbt("build", "--selector", "remediation", exactly_once__build_candidate=True)
        return "candidate built, its tests passed"

    def swap(self) -> str:
        """While somebody reads all the time."""
        with Reader(self.scratch) as reader:
            self.scratch.operate("remediation_swap", INCIDENT)
        if reader.error is not None:
            raise AssertionError(f"a reader got an error: {reader.error}")
        seen = list(dict.fromkeys(reader.seen))
        expect(len(seen) <= 2 and len(reader.seen) > 1, True, f"old rows, then new ones, in {seen}")
        return f"{len(reader.seen)} reads meanwhile, no error, no mixture"

    def compare_with_truth(self) -> str:
        """The repaired tables are those of a world without copies."""
        assert_curated(self.scratch, self.originals, LAYOUT)
        return "curated tables equal the truth, row for row"

    def read_after_swap(self) -> str:
        """The other role needs no new grant."""
        if self.reader_role is None:
            raise NotPossibleError(NO_READER)
        return self._read_as_reader()

    def read_stream(self) -> str:
        """The stream on raw has what arrived since, and nothing else."""
        if not self.stream_is_made:
            raise NotPossibleError("no stream was made")
        self.scratch.write_events(self.rows[:1])
        self.arrived += self.rows[:1]
        found = self.scratch.value(f"select count(*) from {self.scratch.prefix}_raw.arrivals")
        expect(int(found), 1, "row in the stream")
        return "one row arrived, one row in the stream"

    def copy_again(self) -> str:
        """Nothing is loaded twice, and the pipe runs."""
        if self.copies_loaded is None:
            raise NotPossibleError("no file was loaded")
        raw = f"{self.scratch.prefix}_raw"
        self.scratch.execute(f"copy into {raw}.loaded from @{raw}.landing")
        expect(
            int(self.scratch.value(f"select count(*) from {raw}.loaded")),
            self.copies_loaded,
            "rows after the same COPY",
        )
        status = str(self.scratch.value(f"select system$pipe_status('{raw}.landing_pipe')"))
        expect('"RUNNING"' in status, True, f"a running pipe in {status}")
        return "the same COPY loaded nothing, the pipe runs"

    def travel_in_time(self) -> str:
        """The replaced table as it was before the repair."""
        kept = self.scratch.named("main_analytics__replaced_snowflake_check.payments")
        past = self.scratch.value(
            f"select count(*) from {kept} at (timestamp => '{self.before_repair}'::timestamp_tz)"
        )
        expect(int(past), len(oracle.payments(self.rows, LAYOUT)), "payments before the repair")
        return f"{past:,} payments, as before the repair"

    def read_clustering(self) -> str:
        """The deduplicated events are clustered."""
        table = self.scratch.named("main_staging.stg_events_deduplicated")
        found = str(self.scratch.value(f"select system$clustering_information('{table}')"))
        expect("average_depth" in found, True, f"clustering information in {found}")
        return " ".join(re.findall(r'"(?:cluster_by_keys|average_depth)" ?: ?[^,\n]+', found))

    def read_cost(self) -> str:
        """Bytes scanned by step, from the query history."""
        found = self.scratch.query(
            "select try_parse_json(query_tag):step::varchar as step, sum(bytes_scanned) as bytes "
            "from table(information_schema.query_history(result_limit => 10000)) "
            f'where query_tag like \'%"incident_id": "{INCIDENT}"%\' '
            f"and start_time >= '{self.before_repair}'::timestamp_tz group by 1 order by 2 desc"
        )
        expect(bool(found), True, "statements under a tag")
        if self.scratch.credentials.account == "simulator":
            raise NotPossibleError("bytes of the simulator are not Snowflake's")
        return ", ".join(f"{row['step']} {row['bytes']:,}" for row in found[:5]) + " bytes"

    def roll_back(self) -> str:
        """The tables as they were, copies and all, once they have what arrived since."""
        self.scratch.dbt("build", *JOB, exactly_once__build_replaced=INCIDENT)
        self.scratch.operate("remediation_rollback", INCIDENT)
        assert_curated(self.scratch, self.rows, LAYOUT)
        return "curated tables hold every copy again"

    def retire(self) -> str:
        """Nothing is kept of what the repair made beside the curated tables."""
        self.scratch.operate("remediation_retire", INCIDENT)
        kept = f"{self.scratch.prefix}_analytics__%"
        shown = self.scratch.query(
            f"show terse schemas like '{kept}' in database {self.scratch.credentials.database}"
        )
        expect([row["name"] for row in shown], [], "as the schemas that are kept")
        return "no schema is left beside the curated one"

    def quarantine(self) -> str:
        """What detection removes leaves raw, and nothing else does."""
        self.raw_before = self.scratch.digest(self.scratch.source)
        self.scratch.operate("raw_quarantine", INCIDENT)
        gone = to_remove(self.rows, self.window, LAYOUT)
        wrong = Counter(raw_rows(self.scratch))
        wrong.subtract(hashes(self.arrived) - gone)
        expect(sum(map(abs, wrong.values())), 0, "rows too many or missing in raw")
        return f"{gone.total():,} copies in quarantine, {len(self.arrived) - gone.total():,} stay"

    def restore(self) -> str:
        """Raw is what it was."""
        if self.raw_before is None:
            raise NotPossibleError("nothing was put in quarantine")
        self.scratch.operate("raw_restore", INCIDENT)
        expect(self.scratch.digest(self.scratch.source), self.raw_before, "as the digest of raw")
        return "the digest of raw is the one before"

    def verify_ledger(self) -> str:
        """The chain of hashes is whole, and every verb has ended in it."""
        self.scratch.dbt("run-operation", "ledger_verify")
        ended = {
            row["step"]
            for row in self.scratch.read("main_audit.remediation_ledger")
            if row["phase"] == "ended"
        }
        expect(sorted(set(RECORDED) - ended), [], "as the verbs that the ledger lacks")
        return f"whole, with each of {len(RECORDED)} verbs"

    def monitor(self) -> str:
        """The monitoring models; their tests would warn of the copies that are back."""
        self.scratch.dbt("run", "--selector", "monitoring")
        rates = self.scratch.read("main_monitoring.monitoring_duplicate_rate")
        return f"{sum(int(row['row_count']) for row in rates):,} rows in the duplicate rate"

    def unit_tests(self) -> str:
        """Every unit test of the models."""
        found = self.scratch.dbt("test", "--select", "test_type:unit").results
        return f"{sum(one.node.resource_type == 'unit_test' for one in found)} passed"

    def _read_as_reader(self) -> str:
        connection = self.scratch.connect()
        try:
            cursor = connection.cursor()
            cursor.execute(f"use role {self.reader_role}")
            # a user's other roles, the owner among them, may be active beside it
            cursor.execute("use secondary roles none")
            cursor.execute(f"select count(*) from {self.scratch.named('main_analytics.payments')}")
            return f"role {self.reader_role} reads payments"
        finally:
            connection.close()


ITEMS = (
    Item("events loaded", Check.load_events, is_step=True),
    Item("golden fingerprints", Check.compare_with_golden),
    Item("ambiguous MERGE", Check.merge_ambiguously),
    Item("regular job", Check.build_contaminated, is_step=True),
    Item("second batch", Check.take_in_second_batch, is_step=True),
    Item("third batch", Check.take_in_third_batch, is_step=True),
    Item("stream on raw", Check.make_stream),
    Item("file loaded by COPY", Check.load_a_file),
    Item("grants to readers", Check.grant_to_readers),
    Item("full refresh", Check.refresh_fully),
    Item("detection", Check.detect, is_step=True),
    Item("reports", Check.report),
    Item("clone", Check.clone, is_step=True),
    Item("repair of the candidate", Check.build_candidate, is_step=True),
    Item("swap under a reader", Check.swap, is_step=True),
    Item("result", Check.compare_with_truth),
    Item("readers after the swap", Check.read_after_swap),
    Item("stream after the swap", Check.read_stream),
    Item("COPY and pipe after the swap", Check.copy_again),
    Item("Time Travel", Check.travel_in_time),
    Item("clustering", Check.read_clustering),
    Item("cost by query tag", Check.read_cost),
    Item("rollback", Check.roll_back),
    Item("retirement", Check.retire),
    Item("raw quarantine", Check.quarantine),
    Item("raw restore", Check.restore),
    Item("ledger", Check.verify_ledger),
    Item("monitoring", Check.monitor),
    Item("unit tests", Check.unit_tests),
)


class Reader:
    """A session of its own that reads the curated tables until it is told to stop."""

    def __init__(self, scratch: Scratch) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.error: Error | None = None
        self._stopped = threading.Event()
        self._connection = scratch.connect()
        payments = scratch.named("main_analytics.payments")
        features = scratch.named("main_analytics.fraud_features")
        self._sql = (
            f"select (select sum(event_count) from {payments}), "
            f"(select sum(authorized_cents) from {features})"
        )
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(timeout=60)
        self._connection.close()

    def _read(self) -> None:
        cursor = self._connection.cursor()
        try:
            while not self._stopped.is_set():
                cursor.execute(self._sql)
                self.seen.append(tuple(cursor.fetchall()[0]))
        except Error as error:
            self.error = error


def expect(found: object, wanted: object, what: str) -> None:
    """Raise unless what was found is what was wanted."""
    if found != wanted:
        raise AssertionError(f"expected {wanted} {what}, found {found}")


def labelled_rows(truth: IncidentTruth) -> tuple[list[Row], list[Row]]:
    """The rows of bronze, and those that are no copies."""
    names = ", ".join(f"rows.{name}" for name in EVENT_COLUMNS)
    with duckdb.connect() as connection:
        table = connection.execute(
            f"select {names}, labels.is_copy from read_parquet(?, filename = true, "
            "file_row_number = true, hive_partitioning = false) as rows inner join read_parquet(?) "
            "as labels on ends_with(rows.filename, labels.file) "
            "and rows.file_row_number = labels.file_row_number",
            [f"{truth.bronze}/*/*.parquet", str(truth.truth / "rows.parquet")],
        ).to_arrow_table()
    assert table is not None
    rows, originals = [], []
    for row in table.to_pylist():
        is_copy = row.pop("is_copy")
        rows.append(row)
        if not is_copy:
            originals.append(row)
    return rows, originals
