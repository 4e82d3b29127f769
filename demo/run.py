"""The whole job on this machine: an incident is made, found, measured, repaired and proven."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from demo.generate import IncidentTruth, generate
from demo.load import load
from demo.report import (
    Repair,
    arrival_range,
    gmv_by_currency,
    live_totals,
    print_raw,
    print_report,
)
from demo.settings import IncidentSettings

INCIDENT_ID = "INC-2026-001"
STRAYS_ID = "STRAYS-2026-03-01"
VARS = {"exactly_once__payload_identity_paths": ["op.id"]}
STEPS = 10
NEXT = (
    ("main_incident.incident_decisions", "every copy, what becomes of it, and why"),
    ("main_incident.incident_impact_by_merchant", "who was hit, and for how much"),
    ("main_audit.audit_decisions", "the decisions of both repairs, kept for good"),
    ("main_audit.remediation_ledger", "every step, chained by hash"),
    ("main_audit.quarantined_events", "the copies that were taken out of raw.events"),
    ("main_analytics.payments__replaced_*", "the tables as they were before each swap"),
)
FINISHED = {"LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult"}


class Demo:
    """The steps of the demo, on files below one folder."""

    def __init__(self, folder: Path, settings: IncidentSettings) -> None:
        """Nothing is written before `run`."""
        self.folder = folder
        self.settings = settings
        self.database = folder / "warehouse.duckdb"
        self.step = 0
        self.last_vars: dict[str, object] = {}
        self.parsed: dict[str, Manifest] = {}

    def run(self) -> bool:
        """Run every step; whether the repaired tables equal the truth."""
        began = time.monotonic()
        truth = self._make_incident()
        self._build_contaminated()
        with duckdb.connect(str(self.database), read_only=True) as warehouse:
            gmv_before, totals_before = gmv_by_currency(warehouse), live_totals(warehouse)
            first, last = arrival_range(warehouse)
        self._detect("Detect the incident and decide copy by copy", {"incident_id": INCIDENT_ID})
        with duckdb.connect(str(self.database), read_only=True) as warehouse:
            incident = Repair.read(warehouse)
        self._repair(INCIDENT_ID)
        self._detect(
            "Decide on the stray copies of the rest of the day: a window declared by hand",
            {
                "incident_id": STRAYS_ID,
                "incident_start": first.isoformat(),
                "incident_end": (last + timedelta(seconds=1)).isoformat(),
            },
        )
        with duckdb.connect(str(self.database), read_only=True) as warehouse:
            strays = Repair.read(warehouse)
        self._repair(STRAYS_ID)
        self._tell("Run the regular job with the guard on, and its tests")
        self._dbt("build", "--selector", "fifteen_minute")
        self._tell("Compare the repaired tables with the truth")
        with duckdb.connect(str(self.database), read_only=True) as warehouse:
            is_true = print_report(warehouse, truth, incident, strays, gmv_before, totals_before)
        print(flush=True)
        self._tell("Take the copies out of raw.events, whole, hour by hour, and verify the ledger")
        self._operate("raw_quarantine", STRAYS_ID)
        self._operate("ledger_verify")
        with duckdb.connect(str(self.database), read_only=True) as warehouse:
            is_conserved = print_raw(warehouse, truth, strays)
        print(
            f"\nDone in {time.monotonic() - began:.0f} s. Where to look next, in {self.database}:"
        )
        for relation, what in NEXT:
            print(f"  {relation:42} {what}")
        return is_true and is_conserved

    def _make_incident(self) -> IncidentTruth:
        self._tell(f"Make a day of about {self.settings.events:,} events with a 4-hour incident")
        shutil.rmtree(self.folder / "dbt", ignore_errors=True)
        for leftover in self.folder.glob("warehouse.duckdb*"):
            leftover.unlink()
        truth = generate(self.settings, self.folder, replace=True)
        self._tell("Load the bronze files into raw.events, each file once")
        loaded = load(self.database, truth.bronze)
        print(f"      {loaded.files_loaded} files, {loaded.rows_loaded:,} rows", flush=True)
        return truth

    def _build_contaminated(self) -> None:
        self._tell("Build the curated tables as they were built before: without deduplication")
        self._dbt("build", "--selector", "fifteen_minute", exactly_once__deduplicate=False)

    def _detect(self, what: str, window: dict[str, str]) -> None:
        self._tell(what)
        self._dbt("build", "--selector", "detection", **window)

    def _repair(self, incident_id: str) -> None:
        self._tell(f"Repair beside the readers, validate, swap ({incident_id})")
        self._approve(incident_id)
        self._operate("remediation_clone", incident_id)
        self._dbt(
            *("build", "--selector", "remediation"),
            incident_id=incident_id,
            exactly_once__build_candidate=True,
        )
        self._operate("remediation_swap", incident_id)

    def _approve(self, incident_id: str) -> None:
        """What a reviewed change of seeds/incident_register.csv and `dbt seed` do in a project."""
        with duckdb.connect(str(self.database)) as warehouse:
            warehouse.execute(
                "insert into main_seeds.incident_register "
                "select incident_id, window_start, window_end, 'alice', 'bob', 'DEMO-1' "
                "from main_incident.incident_scope where incident_id = ?",
                [incident_id],
            )
        print("      asked for by alice, approved by bob in incident_register", flush=True)

    def _operate(self, verb: str, incident_id: str | None = None) -> None:
        # the vars of the step before: with equal vars dbt need not parse the project again
        arguments = ["--args", json.dumps({"incident_id": incident_id})] if incident_id else []
        self._dbt("run-operation", verb, *arguments, **self.last_vars)

    def _tell(self, what: str) -> None:
        self.step += 1
        print(f"[{self.step}/{STEPS}] {what}", flush=True)

    def _dbt(self, *arguments: str, **variables: object) -> None:
        """Run one dbt command, as a person would type it, and show how far it is."""
        self.last_vars = variables
        given = json.dumps({**VARS, **variables})
        command = [*arguments, "--vars", given]
        shown = " ".join(part if re.fullmatch(r"[\w-]+", part) else f"'{part}'" for part in command)
        print(f"      dbt {shown}", flush=True)
        began = time.monotonic()
        if given not in self.parsed:
            self.parsed[given] = self._invoke(["parse", "--vars", given]).result
        summary = _Summary()
        found = self._invoke(command, self.parsed[given], [summary.take_in])
        if not found.success:
            raise SystemExit(f"The step failed: dbt {shown}")
        print(f"      {summary.told(found.result)} ({time.monotonic() - began:.0f} s)", flush=True)

    def _invoke(
        self,
        command: list[str],
        manifest: Manifest | None = None,
        callbacks: list[Callable[[EventMsg], None]] | None = None,
    ) -> dbtRunnerResult:
        """Run dbt in this process, which saves its start; errors are printed by dbt itself."""
        os.environ["EXACTLY_ONCE_DUCKDB_PATH"] = str(self.database)
        # a machine may name no user, and nobody may run what he approves
        os.environ["EXACTLY_ONCE_ACTOR"] = "operator"
        folders = [
            "--target-path",
            str(self.folder / "dbt"),
            "--log-path",
            str(self.folder / "dbt"),
        ]
        try:
            found = dbtRunner(manifest, callbacks).invoke(
                [*command, *folders, "--quiet", "--no-use-colors", "--no-partial-parse"]
            )
        finally:
            # dbt keeps DuckDB open, and the demo reads the file between the steps
            DuckDBConnectionManager.close_all_connections()
        if found.exception is not None:
            raise SystemExit(f"The step failed: {found.exception}")
        return found


class _Summary:
    """What dbt says while a command runs: progress on a terminal, and the checks of a verb."""

    def __init__(self) -> None:
        self.checks = 0

    def take_in(self, event: EventMsg) -> None:
        """Listen to one event of dbt's log."""
        if event.info.name in FINISHED and sys.stdout.isatty():
            print(f"      {event.data.index} of {event.data.total}", end="\r", flush=True)
        if event.info.name == "JinjaLogInfo" and event.data.msg.startswith("  pass  "):
            self.checks += 1

    def told(self, result: object) -> str:
        """The outcome in a few words."""
        if self.checks:
            return f"{self.checks} {'check' if self.checks == 1 else 'checks'} passed"
        statuses = Counter(str(node.status) for node in getattr(result, "results", []))
        built = statuses["success"] + statuses["pass"]
        return f"{built} passed, {statuses['warn']} warnings" if built > 1 else "done"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("target/demo"), help="where to work")
    parser.add_argument("--events", type=int, default=1_000_000, help="events before copying")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another day")
    options = parser.parse_args(arguments)
    try:
        settings = IncidentSettings(events=options.events, seed=options.seed)
    except ValueError as error:
        parser.error(str(error))
    options.folder.mkdir(parents=True, exist_ok=True)
    return 0 if Demo(options.folder.resolve(), settings).run() else 1


if __name__ == "__main__":
    sys.exit(main())
