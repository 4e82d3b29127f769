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
from python_tests.snowflake_statements import (
    EVENT_RANGES,
    NO_COMPLETE_KEY,
    blanked,
    without_comment,
)
from python_tests.snowflake_warehouse import TYPES, SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, ROOT, Row

INCIDENT = "SNOWFLAKE-CHECK"
JOB = ("--selector", "fifteen_minute")
LAYOUT = Layout(identity_paths=("op.id",))
WITH_OP_ID = {"exactly_once__payload_identity_paths": ["op.id"]}
LOGIN_SECONDS = 10
# Without it the connector would ask an account that went away again and again, for ever.
NETWORK_SECONDS = 600
# The connector's own attempts with a key, each of which connects twice, would take minutes.
FEW_ATTEMPTS = {"JWT_CNXN_RETRY_ATTEMPTS": "1", "JWT_CNXN_WAIT_TIME": "5"}

NO_READER = "needs --reader-role, a role of this user that owns nothing here"
NO_WAREHOUSE = "needs --incident-warehouse, another warehouse that the role may use"

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


# The types of statements that fill a table, as QUERY_HISTORY has them
FILLS = {"CREATE_TABLE_AS_SELECT", "MERGE", "INSERT", "CALL"}
OF_DETECTION = {
    path.stem for path in (ROOT / "models" / "incident").iterdir() if path.suffix in (".sql", ".py")
}


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
        # what dbt has built first under a name, where it has a contract
        self.with_contract: dict[str, Any] = {}
        self.open: snowflake.connector.SnowflakeConnection | None = None
        self._output = output | {"schema": prefix}

    def make_project(self, work: Path) -> None:
        """Write the profile, whose schema is the prefix."""
        self.project = SnowflakeProject(ROOT, work)
        target = {"target": "check", "outputs": {"check": self._output}}
        text = yaml.safe_dump({"exactly_once": target})
        (work / "profiles.yml").write_text(text, encoding="utf-8")

    def dbt(self, *arguments: str, fresh: bool = False, **settings: Any) -> Any:
        """Run a dbt command with vars, and remember the models with a contract that it built."""
        found = super().dbt(*arguments, fresh=fresh, **settings)
        for one in getattr(found, "results", ()):
            node = getattr(one, "node", None)  # a verb has none
            if node is not None and node.resource_type == "model" and node.contract.enforced:
                self.with_contract.setdefault(node.name, node)
        return found

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

    def __init__(
        self,
        scratch: Scratch,
        truth: IncidentTruth,
        reader_role: str | None,
        incident_warehouse: str | None,
    ) -> None:
        """`incident_warehouse` is where detection and repair run, if not on the profile's."""
        self.scratch = scratch
        self.incident_warehouse = incident_warehouse
        if incident_warehouse is not None:
            self.scratch.settings["exactly_once__warehouses"] = dict.fromkeys(
                ("detection", "remediation"), incident_warehouse
            )
        self.rows, self.originals = labelled_rows(truth)
        self.arrived: list[Row] = []
        self.raw_before: str | None = None
        self.window = (truth.incident_start, truth.incident_end)
        self.reader_role = reader_role
        self.began: datetime | None = None
        self.before_repair: datetime | None = None
        self.copies_loaded: int | None = None
        self.stream_is_made = False

    def load_events(self) -> str:
        """The first half of a labelled incident, in a raw schema of its own."""
        columns = EVENT_COLUMNS.items()
        described = ", ".join(f"{name} {TYPES.get(kind, kind)}" for name, kind in columns)
        self.began = self.scratch.value("select current_timestamp()")
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
        self.scratch.execute(f"create or replace table {table} as select 1 as id, 0 as amount")
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
            self.scratch.execute(f"copy into {raw}.loaded from @{raw}.landing")
            self.scratch.execute(
                f"create pipe {raw}.landing_pipe as copy into {raw}.loaded from @{raw}.landing"
            )
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

    def read_bounds(self) -> str:
        """Each batch was merged within ranges of event time that the statement names."""
        merged = [
            blanked(without_comment(row["query_text"]))
            for row in self._filled()
            if (row["step"], row["query_type"]) == ("stg_events_deduplicated", "MERGE")
        ]
        with_events = [text for text in merged if not NO_COMPLETE_KEY.search(text)]
        bounded = [text for text in with_events if EVENT_RANGES.search(text)]
        expect(bool(bounded), True, "MERGE with a range of event time")
        without = [text[:200] for text in with_events if text not in bounded]
        expect(without, [], "as the MERGE without a range of event time")
        return f"{len(bounded)} of {len(merged)} MERGE name ranges of event time, the rest no event"

    def _filled(self) -> list[dict[str, Any]]:
        """What filled tables since the check began, from the query history."""
        found = self.scratch.query(
            "select try_parse_json(query_tag):step::varchar as step, query_type, query_text, "
            "warehouse_name from table(information_schema.query_history(result_limit => 10000, "
            f"end_time_range_start => '{self.began}'::timestamp_tz)) "
            f'where query_tag like \'%"incident_id": "{INCIDENT}"%\' '
            f"and start_time >= '{self.began}'::timestamp_tz order by start_time"
        )
        return [row for row in found if row["query_type"] in FILLS]

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

    def find_window(self) -> str:
        """Whatever was declared, the data says the same window."""
        windows = self.scratch.read("main_incident.incident_windows")
        start, end = self.window
        expect(len(windows), 1, f"window about {start} to {end}")
        found = windows[0]
        is_within = (
            found["detected_start_low"] <= start <= found["detected_start_high"]
            and found["detected_end_low"] <= end <= found["detected_end_high"]
        )
        expect(is_within, True, f"as whether the intervals have {start} and {end}")
        return f"{found['detected_start']} to {found['detected_end']}, planted: {start} to {end}"

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

    def read_warehouses(self) -> str:
        """Detection and repair ran on the one of the var, the regular job on the profile's."""
        if self.incident_warehouse is None:
            raise NotPossibleError(NO_WAREHOUSE)
        of_profile, large = (
            str(name).upper()
            for name in (self.scratch.credentials.warehouse, self.incident_warehouse)
        )
        used: dict[str, set[str]] = {}
        for row in self._filled():
            used.setdefault(row["step"], set()).add(str(row["warehouse_name"]).upper())
        detected = {step: names for step, names in used.items() if step in OF_DETECTION}
        expect(bool(detected), True, "models of detection")
        elsewhere = [step for step, names in detected.items() if names != {large}]
        expect(elsewhere, [], "as the models of detection on another warehouse")
        curated = {step: used.get(step) for step in ("payments", "fraud_features")}
        expect(curated, {step: {of_profile, large} for step in curated}, "as those of both jobs")
        return f"{len(detected)} models of detection on {large}, the regular job on {of_profile}"

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
            "from table(information_schema.query_history(result_limit => 10000, "
            f"end_time_range_start => '{self.before_repair}'::timestamp_tz)) "
            f'where query_tag like \'%"incident_id": "{INCIDENT}"%\' '
            f"and start_time >= '{self.before_repair}'::timestamp_tz group by 1 order by 2 desc"
        )
        expect(bool(found), True, "statements under a tag")
        if self.scratch.credentials.account == "simulator":
            raise NotPossibleError("bytes of the simulator are not Snowflake's")
        return ", ".join(f"{row['step']} {row['bytes']:,}" for row in found[:5]) + " bytes"

    def roll_back(self) -> str:
        """The tables as they were, copies and all, once they have what arrived since."""
        # as when they were built: on, the guard takes copies out of what is read again
        guard = {"exactly_once__deduplicate": False}
        self.scratch.dbt("build", *JOB, exactly_once__build_replaced=INCIDENT, **guard)
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

    def compare_types(self) -> str:
        """The columns of what was built have the types of the contracts."""
        built = self.scratch.with_contract
        expect(bool(built), True, "relation with a contract")
        declared = f"{self.scratch.prefix}_raw.declared"
        for name, node in sorted(built.items()):
            columns = ", ".join(f"{one.name} {one.data_type}" for one in node.columns.values())
            self.scratch.execute(f"create or replace table {declared} ({columns})")
            # what a view computes has the precision and the length of its parts
            is_view = node.config.materialized == "view"
            found, wanted = (
                [
                    (row["name"], row["type"].split("(")[0] if is_view else row["type"])
                    for row in self.scratch.query(f"describe table {relation}")
                ]
                for relation in (node.relation_name, declared)
            )
            expect(sorted({*found} ^ {*wanted}), [], f"as the columns of {name} that differ")
        return f"{len(built)} relations have the columns and types of their contracts"

    def unit_tests(self) -> str:
        """Every unit test of the models."""
        found = self.scratch.dbt("test", "--select", "test_type:unit").results
        count = sum(one.node.resource_type == "unit_test" for one in found)
        expect(count > 0, True, "as whether there are any")
        return f"{count} passed"

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
    Item("bounded batches", Check.read_bounds),
    Item("stream on raw", Check.make_stream),
    Item("file loaded by COPY", Check.load_a_file),
    Item("grants to readers", Check.grant_to_readers),
    Item("full refresh", Check.refresh_fully),
    Item("detection", Check.detect, is_step=True),
    Item("detected window", Check.find_window),
    Item("reports", Check.report),
    Item("clone", Check.clone, is_step=True),
    Item("repair of the candidate", Check.build_candidate, is_step=True),
    Item("warehouses", Check.read_warehouses),
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
    Item("column types", Check.compare_types),
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
            "from read_parquet(?, filename = true, file_row_number = true, "
            "hive_partitioning = false) as rows inner join read_parquet(?) "
            "as labels on ends_with(rows.filename, labels.file) "
            f"and rows.file_row_number = labels.file_row_number select {names}, labels.is_copy",
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
