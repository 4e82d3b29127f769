"""Everything that the package says to Snowflake: one run of it on the simulator, and a report.

python -m python_tests.snowflake_wire writes docs/snowflake_wire.md again.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from snowflake.connector import DictCursor

from python_tests.laws import (
    HOUR,
    INCIDENT,
    NOON,
    WINDOW,
    approve,
    contaminated_rows,
    event,
    steady_events,
)
from python_tests.snowflake_simulator import running_simulator
from python_tests.snowflake_simulator.history import Statement
from python_tests.snowflake_statements import distinct, is_ours
from python_tests.snowflake_warehouse import SnowflakeProject, SnowflakeWarehouse
from python_tests.test_other_sources import LEDGER_COLUMNS, LEDGER_VARS, ledger_batches
from python_tests.warehouse import ROOT, DbtError

REPORT = ROOT / "docs" / "snowflake_wire.md"

# In every payload of the run, so that a payload in a statement or an error is noticed
PAYLOAD_MARK = "pan_4111111111111111"
READER = "ANALYST"
# A warehouse for each job
JOBS = {
    "fifteen_minute": "FREQUENT_S",
    "detection": "INCIDENT_L",
    "remediation": "REPAIR_XL",
    "monitoring": "WATCH_M",
}


class Run(NamedTuple):
    """The statements that were sent, those whose answers have a payload, and what was built."""

    statements: list[Statement]
    show_payloads: list[str]
    relations: list[dict[str, Any]]


def run_everything(work: Path) -> Run:
    """Run every job, verb and report of the package once."""
    show_payloads: list[str] = []

    def look(text: str, rows: pa.Table) -> None:
        if PAYLOAD_MARK in str(rows.to_pylist()):
            show_payloads.append(text)

    warehouses = ["TRANSFORMING", *JOBS.values()]
    with running_simulator(roles=["TRANSFORMER", READER], warehouses=warehouses) as simulator:
        simulator.account.on_answer = look
        project = SnowflakeProject(ROOT, work)
        with closing(SnowflakeWarehouse(project, simulator)) as warehouse:
            relations = _work_through(warehouse)
        other = SnowflakeWarehouse(
            project,
            simulator,
            source="ledger.entries",
            columns=LEDGER_COLUMNS,
            settings={
                **LEDGER_VARS,
                "exactly_once__max_hours_per_run": 5,
                "exactly_once__warehouses": JOBS,
                "incident_id": INCIDENT,
            },
        )
        with closing(other):
            _take_in_pieces(other)
        statements = [one for one in simulator.history() if is_ours(one)]
        return Run(statements, show_payloads, relations)


def _work_through(warehouse: SnowflakeWarehouse) -> list[dict[str, Any]]:
    # the same vars wherever they may be: dbt parses the project again for others
    warehouse.settings = {
        "incident_id": INCIDENT,
        "incident_start": str(WINDOW[0]),
        "incident_end": str(WINDOW[1]),
        "exactly_once__warehouses": JOBS,
    }
    job = ("--selector", "fifteen_minute")

    warehouse.write_events(_with_mark(contaminated_rows()))
    warehouse.dbt("run", *job)
    warehouse.write_events(_with_mark(_second_batch()))
    warehouse.dbt("build", *job)
    with warehouse.simulator.connect(database="ANALYTICS") as administrator:
        for grant in ("usage on schema", "select on future tables in schema"):
            administrator.cursor().execute(f"grant {grant} main_analytics to role {READER}")
    warehouse.dbt("build", "--selector", "detection")
    approve(warehouse)
    warehouse.dbt("run-operation", "show_config")
    for arguments in ("{}", '{"hours": 24}'):
        warehouse.dbt("run-operation", "guard_report", "--args", arguments)
    for verb in ("remediation_status", "remediation_plan", "remediation_clone"):
        warehouse.operate(verb, INCIDENT)
    # the tests of the candidates are those of live, which whole_tables has
    warehouse.dbt("run", "--selector", "remediation", exactly_once__build_candidate=True)
    candidates = _relations(warehouse, "main_analytics__candidate")
    for verb in ("validate", "swap"):
        warehouse.operate(f"remediation_{verb}", INCIDENT)
    warehouse.dbt("run", *job, exactly_once__build_replaced=INCIDENT)
    for verb in ("rollback", "retire"):
        warehouse.operate(f"remediation_{verb}", INCIDENT)
    for verb in ("raw_quarantine", "raw_restore"):
        warehouse.operate(verb, INCIDENT)
    warehouse.dbt("run-operation", "ledger_verify")
    warehouse.dbt("build", "--selector", "monitoring")
    warehouse.dbt("test", "--selector", "whole_tables")
    warehouse.dbt("run", *job, "--full-refresh")
    warehouse.dbt("test", "--select", "test_type:unit")
    with contextlib.suppress(DbtError):  # these events are of long ago, which is an error here
        warehouse.dbt("--log-level", "none", "source", "freshness")
    warehouse.dbt("show", "--select", "path:analyses", "--limit", "100")
    warehouse.dbt("docs", "generate", "--no-compile")
    built = _relations(warehouse, "main_")
    everything = '{"dry_run": false, "also": ["curated", "audit"]}'
    warehouse.dbt("run-operation", "uninstall", "--args", everything)
    return candidates + built


def _relations(warehouse: SnowflakeWarehouse, schemas: str) -> list[dict[str, Any]]:
    """Every relation in the schemas of that beginning, as the account has it."""
    with warehouse.simulator.connect(database="ANALYTICS") as administrator:
        cursor = administrator.cursor(DictCursor)
        cursor.execute(
            "select lower(table_schema) as schema, lower(table_name) as name, table_type, "
            "is_transient, lower(clustering_key) as clustering_key from information_schema.tables "
            f"where startswith(lower(table_schema), '{schemas}')"
        )
        return [{name.lower(): value for name, value in row.items()} for row in cursor.fetchall()]


def _take_in_pieces(warehouse: SnowflakeWarehouse) -> None:
    """A source with quoted names and times with a time zone, five hours of arrivals a run."""
    for batch in ledger_batches(2 * HOUR)[:2]:
        warehouse.write_events(batch)
    for _ in range(2):
        warehouse.dbt("run", "--selector", "fifteen_minute")


def _second_batch() -> list[dict[str, Any]]:
    """Fresh events, a copy of one met before, and a straggler's copy of long ago."""
    later = NOON + 21 * HOUR
    return [
        *map(dict, steady_events(later)),
        event("copied", later, event_ts=NOON),
        event("edge", later + timedelta(minutes=1)),
    ]


def _with_mark(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "payload": f'{{"note": "{PAYLOAD_MARK}", "delivery": {{"attempt": {n}}}, '
            f'"description": "Order {n % 2}"}}',
        }
        for n, row in enumerate(rows)
    ]


@dataclass(frozen=True)
class AccountOnly:
    """A kind of statement of which the simulator shows the form and some of the effect only."""

    name: str
    pattern: str
    why: str


ACCOUNT_ONLY = (
    AccountOnly(
        "schemas swapped",
        r"alter schema \S+ swap with",
        "that no reader sees a mixture or an error while it happens, and that OWNERSHIP of both "
        "schemas is all it asks for",
    ),
    AccountOnly(
        "schema cloned",
        r"create or replace schema \S+ clone",
        "that it copies no data, keeps the grants of the tables, and takes as long for big tables",
    ),
    AccountOnly(
        "schema renamed",
        r"alter schema (if exists )?\S+ rename",
        "that streams, pipes and grants on the tables stay with them",
    ),
    AccountOnly(
        "grants read and given",
        r"(show (future )?grants|grant) ",
        "the names of the columns that SHOW gives, and that the role may give these grants: those "
        "on what is still to come ask for MANAGE GRANTS",
    ),
    AccountOnly(
        "JSON as text",
        r".*\bto_json\(",
        "that the keys are in order, on which row hashes of payloads lean and which Snowflake does "
        "not promise (decision 10)",
    ),
    AccountOnly(
        "paths of payloads",
        r".*\bflatten\(",
        "that PATH writes a name that is no identifier as ['name'], which no page says",
    ),
    AccountOnly(
        "warehouse changed",
        r"use warehouse",
        "that the role may use it, and how long it takes to start",
    ),
    AccountOnly(
        "Python in an anonymous procedure",
        r"with \w+ as procedure",
        "that the account has the Python runtime and the Snowpark package, and that the code of "
        "its function is uploaded to a temporary stage in the model's schema, which no test does",
    ),
    AccountOnly(
        "tables clustered",
        r".*\bcluster by \(",
        "how well partitions are pruned, and what automatic clustering costs",
    ),
    AccountOnly(
        "permanent and transient tables",
        r"create or replace (transient )?table",
        "how far back Time Travel reads, and what the storage costs",
    ),
    AccountOnly(
        "rows merged",
        r"merge into",
        "bytes scanned, micro-partitions rewritten, how long a second run waits for the lock, and "
        "that two source rows for one row are refused with 100090",
    ),
    AccountOnly(
        "raw events taken out and put back",
        r"(delete from|insert into) \S+\.(raw\.events|\w+_audit\.quarantined_events)\b",
        "that Snowpipe goes on loading into the table meanwhile, waits for no slice and makes none "
        "wait, and that what it loads between the two statements of a slice stays",
    ),
    AccountOnly(
        "statements tagged",
        r"alter session set query_tag",
        "cost per step, from the query history of the account",
    ),
)


def account_only(statements: Iterable[Statement]) -> Iterator[tuple[AccountOnly, list[str]]]:
    """For each entry, the shapes of its statements."""
    shapes = list(distinct(statements))
    for entry in ACCOUNT_ONLY:
        yield entry, [one for one in shapes if re.match(entry.pattern, one, re.IGNORECASE)]


PAGE = """\
# What the package says to Snowflake

Every statement that one run of everything sent to the Snowflake simulator of the tests: each job,
an incremental batch, a full refresh, each remediation verb, the analyses, the unit tests, the
catalog, and a second source, whose times have time zones, in bounded runs. Statements that differ
in literals only count once. After the tests, `python_tests/snowflake_statements.py` parses these
and what every other test has sent with sqlfluff's Snowflake grammar, and looks each function up in
`python_tests/snowflake_functions.csv`, which names the page of Snowflake's reference. **None of it
has run on an account yet.**

`python -m python_tests.snowflake_wire` writes this page; a test fails when it is out of date.

| kind | distinct statements |
|---|---|
{kinds}

## What only an account can prove

The simulator runs these statements, on DuckDB. What it can't show is in the last column;
[`make snowflake-check`](snowflake_check.md) looks at it on an account, but for how long a warehouse
takes to start, a lock that is waited for, a pipe that loads meanwhile, and what takes a big table.

| what | statements | for example | to be shown on an account |
|---|---|---|---|
{entries}
"""


def report(statements: list[Statement]) -> str:
    """The page docs/snowflake_wire.md."""
    kinds = Counter(one.query_type.replace("_", " ") for one in distinct(statements).values())
    return PAGE.format(
        kinds="\n".join(f"| {kind} | {count} |" for kind, count in sorted(kinds.items())),
        entries="\n".join(
            f"| {entry.name} | {len(shapes)} | `{_shortened(shapes[0])}` | {entry.why} |"
            for entry, shapes in account_only(statements)
            if shapes
        ),
    )


def _shortened(text: str) -> str:
    text = re.sub(r"__claimed_[0-9a-f]{8}", "__claimed_<invocation>", text).replace("|", "\\|")
    return text if len(text) <= 90 else text[:87] + "..."


def main() -> int:
    """Write the report."""
    with tempfile.TemporaryDirectory() as work:
        REPORT.write_text(report(run_everything(Path(work)).statements), encoding="utf-8")
    print(f"{REPORT.relative_to(ROOT)} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
