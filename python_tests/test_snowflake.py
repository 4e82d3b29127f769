"""The whole project on Snowflake, in the simulator, with the same answers as on DuckDB."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.generate import IncidentSettings, IncidentTruth, generate
from demo.load import load
from demo.report import (
    Repair,
    arrival_range,
    attach_truth,
    gmv_by_currency,
    live_totals,
    print_raw,
    print_report,
)
from python_tests.laws import (
    approve,
    check_decisions,
    check_deduplication,
    check_kept_copies_outlast_raw,
    check_regular_job,
    shown_by_analyses,
)
from python_tests.laws_of_payloads import copies_of
from python_tests.public_surface import built_columns, complaint, kept, surface
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, Warehouse

JOB = ("run", "--selector", "fifteen_minute")
REPAIR = ("build", "--selector", "remediation")
BATCHES = 8
RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INCIDENT = "INC-1"
STRAYS = "STRAYS"
CURATED = {"main_analytics.payments": "*", "main_analytics.fraud_features": "*"}
WITH_OP_ID = {"exactly_once__payload_identity_paths": ["op.id"]}
EVERYTHING = {"incident_start": "2000-01-01", "incident_end": "2900-01-01"}
KEY = "event_fingerprint, row_hash, has_complete_key"
NARROW = ", ".join(name for name in EVENT_COLUMNS if name != "payload")
DECISION = (
    "incident_id, row_hash, copy_number, event_fingerprint, event_id, ingest_ts, event_ts, "
    "decision, reason, survivor_row_hash, variance_score, rule_version"
)
BUILT = {
    "main_staging.stg_events": f"{KEY}, {NARROW}",
    "main_staging.stg_events_deduplicated": f"{KEY}, {NARROW}",
    "main_staging.stg_events_counted": f"{KEY}, {NARROW}",
    **CURATED,
    "main_analytics.incremental_watermarks": "arrival_watermark",
}
DETECTED = {
    "main_incident.incident_duplicate_rate": "*",
    "main_incident.incident_window_candidates": "*",
    "main_incident.incident_duplicate_rate_by_second": "*",
    "main_incident.incident_windows": "*",
    "main_incident.incident_scope": "*",
    "main_incident.incident_duplicate_groups": "*",
    "main_incident.incident_payload_variance": "*",
    "main_incident.incident_decisions": "*",
    "main_incident.incident_root_cause": "*",
    "main_incident.incident_impact_by_event_type": "*",
    "main_incident.incident_impact_by_dimension": "*",
    "main_incident.incident_impact_by_hour": "*",
    "main_incident.incident_impact_by_merchant": "*",
    "main_incident.incident_impact_on_alerts": "*",
    "main_incident.incident_impact_on_curated": "*",
    "main_audit.audit_decisions": DECISION,
}
MOVED = {
    "raw.events": NARROW,
    "main_audit.quarantined_events": f"incident_id, row_hash, copy_number, reason, {NARROW}",
}
# Checks of a swap that there are where schemas are swapped
OF_SCHEMAS = {
    "views of the schema are those of live",
    "readers keep their grants on the schema, its tables and its views",
}
ENTRY = "entry_number, incident_id, step, phase, arguments, counts, package_version, rule_version"
MONITORED = {
    "main_monitoring.monitoring_duplicate_rate": "*",
    "main_monitoring.monitoring_incomplete_keys": "*",
    "main_monitoring.monitoring_reconciliation": "*",
    "main_monitoring.monitoring_stragglers": "*",
    "main_monitoring.monitoring_time_anomalies": "*",
}


class Both:
    """A DuckDB and a Snowflake warehouse that get the same files and the same commands."""

    def __init__(self, duckdb: Warehouse, snowflake: SnowflakeWarehouse) -> None:
        self.duckdb = duckdb
        self.snowflake = snowflake
        self._rows_loaded = 0

    def load(self, day: IncidentTruth, until: datetime | None = None) -> None:
        """Load the files of the day that are over, each once."""
        load(self.duckdb.path, day.bronze, until=until)
        rows = self.duckdb.query(
            f"select * from raw.events order by rowid offset {self._rows_loaded}"
        )
        self._rows_loaded += len(rows)
        self.snowflake.write_events(rows)

    def dbt(self, *arguments: str, **settings: Any) -> None:
        """Run a dbt command on each."""
        for warehouse in (self.duckdb, self.snowflake):
            warehouse.dbt(*arguments, **settings)

    def approve(self, incident_id: str = INCIDENT) -> None:
        """Register the incident as approved on each."""
        for warehouse in (self.duckdb, self.snowflake):
            approve(warehouse, incident_id)

    def operate(self, verb: str, incident_id: str = INCIDENT) -> None:
        """Run one of the remediation verbs on each."""
        for warehouse in (self.duckdb, self.snowflake):
            warehouse.operate(verb, incident_id)

    def assert_equal(self, relations: dict[str, str]) -> None:
        """The relations hold equal rows on both."""
        on_duckdb = {name: self.duckdb.digest(name, names) for name, names in relations.items()}
        on_snowflake = {
            name: self.snowflake.digest(name, names) for name, names in relations.items()
        }
        assert on_snowflake == on_duckdb

    def assert_equal_ledgers(self) -> None:
        """The same steps with the same arguments and counts, but for the ids of dbt's runs."""
        ledgers = []
        for warehouse in (self.duckdb, self.snowflake):
            warehouse.dbt("run-operation", "ledger_verify")
            entries = warehouse.read("main_audit.remediation_ledger", ENTRY)
            for entry in entries:
                entry["arguments"] = json.loads(entry["arguments"])
                for name in OF_SCHEMAS & entry["arguments"].get("checks", {}).keys():
                    del entry["arguments"]["checks"][name]
            ledgers.append(sorted(RUN_ID.sub("run", str(entry)) for entry in entries))
        assert ledgers[0] == ledgers[1]

    def gmv(self) -> dict[str, int]:
        """Captured cents of the live payments per currency, the same on both."""
        sql = (
            "select currency, sum(captured_cents) as cents from main_analytics.payments group by 1"
        )
        on_duckdb, on_snowflake = (
            {row["currency"]: int(row["cents"]) for row in one.query(sql)}
            for one in (self.duckdb, self.snowflake)
        )
        assert on_snowflake == on_duckdb
        return on_duckdb

    def assert_equal_analyses(self, **settings: Any) -> None:
        """Each query of the folder shows equal rows on both."""
        on_duckdb = shown_by_analyses(self.duckdb, **settings)
        assert on_duckdb["incident_summary"]
        assert shown_by_analyses(self.snowflake, **settings) == on_duckdb

    def assert_public_surface(self) -> None:
        """Every column has the type that the list of what is public says."""
        warehouses = {"duckdb": self.duckdb, "snowflake": self.snowflake}
        built = {engine: built_columns(one) for engine, one in warehouses.items()}
        found = surface(self.duckdb.dbt("parse"), built)
        assert not (said := complaint(kept(*built), found)), said


@pytest.fixture(scope="module")
def hard_day(tmp_path_factory: pytest.TempPathFactory) -> IncidentTruth:
    """A day with everything in it: strays, stragglers, and the hand-made cases."""
    settings = IncidentSettings(events=300, seed=11, stray_rate=0.02, merchants=20)
    return generate(settings, tmp_path_factory.mktemp("hard_day"))


@pytest.fixture
def both(
    new_warehouse: Callable[..., Warehouse],
    new_snowflake_warehouse: Callable[..., SnowflakeWarehouse],
    request: pytest.FixtureRequest,
) -> Both:
    """Both engines, in one session time zone."""
    options = {"settings": WITH_OP_ID, "time_zone": getattr(request, "param", "UTC")}
    return Both(new_warehouse(**options), new_snowflake_warehouse(**options))


def repair_and_roll_back(both: Both) -> None:
    """Clone, repair the clone, swap, and go back: after each step both hold the same."""
    both.approve()
    both.operate("remediation_clone")
    both.dbt(*REPAIR, exactly_once__build_candidate=True, incident_id=INCIDENT)
    both.dbt("run", "--select", "incident_impact_on_measures")
    both.assert_equal({"main_incident.incident_impact_on_measures": "*"})
    both.operate("remediation_swap")
    both.assert_equal(CURATED)
    both.operate("remediation_rollback")
    both.assert_equal(CURATED)


def quarantine_and_restore(both: Both) -> None:
    """Repair raw itself, and go back: after each step both hold the same."""
    both.operate("raw_quarantine")
    assert both.duckdb.read("main_audit.quarantined_events")
    both.assert_equal(MOVED)
    both.operate("raw_restore")
    both.assert_equal(MOVED)


def detect(both: Both, day: IncidentTruth) -> None:
    """Load a day and payloads that differ, and decide what to remove."""
    both.duckdb.write_events(
        [
            *copies_of("benign", {"description": "an order"}, {"description": "an Order"}),
            *copies_of("material", {"amount": 1}, {"amount": 2}),
        ]
    )
    both.load(day)
    both.dbt(*JOB, exactly_once__deduplicate=False)
    both.dbt("seed")
    both.dbt(
        *("build", "--select", "tag:exactly_once_incident", "tag:exactly_once_audit"),
        *("tag:exactly_once_monitoring", "--exclude", "resource_type:test"),
        *("--exclude", "test_type:unit"),
        incident_id=INCIDENT,
        **EVERYTHING,
    )


@pytest.mark.slow
@pytest.mark.parametrize("both", ["Asia/Kolkata"], indirect=True)
def test_the_same_files_give_the_same_answers(both: Both, hard_day: IncidentTruth) -> None:
    detect(both, hard_day)
    both.assert_equal(BUILT)
    assert len(both.duckdb.read("main_incident.incident_payload_variance")) == 2
    both.assert_equal(DETECTED | MONITORED)
    both.assert_equal_analyses(incident_id=INCIDENT, **EVERYTHING)
    both.dbt(*JOB, "--full-refresh")
    both.assert_equal(BUILT)


def labelled_gmv(both: Both, day: IncidentTruth, counts_copies: str) -> dict[str, int]:
    """What the labels say of captures per currency; a copy counts where the predicate holds."""
    with duckdb.connect(str(both.duckdb.path)) as warehouse:
        attach_truth(warehouse, day)
        found = warehouse.execute(
            "select currency, sum(amount_cents)::bigint from labelled where is_complete "
            f"and event_type = 'captured' and (not is_copy or {counts_copies}) group by 1"
        ).fetchall()
    return dict(found)


def text_literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.slow
@pytest.mark.parametrize("both", ["America/Los_Angeles"], indirect=True)
def test_the_demo_ends_with_the_truth_on_both(both: Both, tmp_path: Path) -> None:
    """Its steps: a window that is found, a second repair beside the tables of the first, and raw.

    And the way back from both. The truth is held against DuckDB; whatever it is held against is
    equal on Snowflake.
    """
    day = generate(IncidentSettings(events=1_200, seed=11), tmp_path / "day")
    both.load(day)
    both.dbt("build", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    with duckdb.connect(str(both.duckdb.path)) as warehouse:
        before = gmv_by_currency(warehouse), live_totals(warehouse)
        first, last = arrival_range(warehouse)
    assert both.gmv() == before[0] == labelled_gmv(both, day, "true")

    repairs, repaired = [], set[str]()
    whole_day = {"incident_start": str(first), "incident_end": str(last + timedelta(seconds=1))}
    for incident_id, window in ((INCIDENT, {}), (STRAYS, whole_day)):
        both.dbt("build", "--selector", "detection", incident_id=incident_id, **window)
        both.assert_equal(DETECTED)
        with duckdb.connect(str(both.duckdb.path)) as warehouse:
            repairs.append(Repair.read(warehouse))
        unrepaired = both.gmv()
        repaired |= {
            row["payment_id"]
            for row in both.duckdb.read("main_incident.incident_decisions")
            if row["decision"] == "remove"
        }
        both.approve(incident_id)
        both.operate("remediation_clone", incident_id)
        both.dbt(*REPAIR, incident_id=incident_id, exactly_once__build_candidate=True)
        both.dbt("run", "--select", "incident_impact_on_measures")
        both.assert_equal({"main_incident.incident_impact_on_measures": "*"})
        assert both.gmv() == unrepaired
        both.operate("remediation_swap", incident_id)
        # the build computes payments again that had arrivals lately, whether or not a copy goes
        names = ", ".join(map(text_literal, repaired))
        most, least = (
            labelled_gmv(both, day, counts) for counts in (f"payment_id not in ({names})", "false")
        )
        found = both.gmv()
        assert all(least[name] <= found[name] <= most[name] for name in most), (least, found, most)
        assert found != unrepaired
    incident, strays = repairs
    assert both.gmv() == labelled_gmv(both, day, "false")
    both.dbt("build", "--selector", "fifteen_minute")
    assert both.gmv() == labelled_gmv(both, day, "false")
    # on DuckDB the marks of candidates and replaced tables lie beside those of live
    marks = "main_analytics.incremental_watermarks"
    built = {name: names for name, names in BUILT.items() if name != marks}
    both.assert_equal(built | {"main_audit.audit_decisions": DECISION})
    with duckdb.connect(str(both.duckdb.path)) as warehouse:
        assert print_report(warehouse, day, incident, strays, *before)

    both.operate("raw_quarantine", STRAYS)
    assert both.gmv() == labelled_gmv(both, day, "false")
    both.assert_equal(MOVED)
    both.assert_equal_ledgers()
    with duckdb.connect(str(both.duckdb.path)) as warehouse:
        assert print_raw(warehouse, day, strays)

    both.operate("raw_restore", STRAYS)
    both.assert_equal(MOVED)
    both.operate("remediation_rollback", STRAYS)
    assert both.gmv() != labelled_gmv(both, day, "false")
    both.assert_equal(CURATED)


@pytest.mark.soak
@pytest.mark.parametrize("both", ["Asia/Kolkata", "America/Los_Angeles", "UTC"], indirect=True)
def test_repairs_of_raw_and_curated_tables_are_the_same_in_each_time_zone(
    both: Both, hard_day: IncidentTruth
) -> None:
    detect(both, hard_day)
    repair_and_roll_back(both)
    quarantine_and_restore(both)


@pytest.mark.slow
def test_first_build_batches_detection_and_full_refresh(
    both: Both, hard_day: IncidentTruth
) -> None:
    """In UTC, the third time zone; in sessions that models share, as in life."""
    at_once = ("--threads", "4")
    start = hard_day.settings.start
    for batch in range(BATCHES):
        both.load(hard_day, until=start + timedelta(hours=3 * (batch + 1)))
        both.dbt(*JOB, *at_once)
    both.load(hard_day)
    both.dbt(
        *("build", "--exclude", "test_type:unit", *at_once), incident_id=INCIDENT, **EVERYTHING
    )
    assert both.duckdb.read("main_incident.incident_decisions")
    assert both.duckdb.read("main_audit.audit_decisions")
    both.assert_equal(BUILT | DETECTED | MONITORED)
    both.assert_public_surface()
    both.dbt("build", "--full-refresh", "--selector", "fifteen_minute", *at_once)
    both.assert_equal(BUILT)


@pytest.mark.parametrize(
    ("kind", "literal"),
    [
        ("TIMESTAMP_LTZ(9)", "cast('2026-03-01 12:00:00.000000+00:00' as timestamp_ltz)"),
        ("TIMESTAMP_TZ(9)", "cast('2026-03-01 12:00:00.000000+00:00' as timestamp_tz)"),
        ("TIMESTAMP_NTZ(9)", "cast('2026-03-01 12:00:00.000000' as timestamp_ntz)"),
    ],
)
def test_a_bound_has_the_type_of_its_column(
    snowflake_warehouse: SnowflakeWarehouse, kind: str, literal: str
) -> None:
    """Else the column might be cast to the bound's type, and no block passed over."""
    noon = "modules.datetime.datetime(2026, 3, 1, 12)"
    written = f"exactly_once.timestamp_literal({noon}, '{kind}') | replace('\\'', '|')"
    shown = snowflake_warehouse.dbt("show", "--inline", f"select '{{{{ {written} }}}}' as bound")
    assert shown.results[0].agate_table.rows[0][0].replace("|", "'") == literal


@pytest.mark.parametrize(
    "check",
    [
        *(check_deduplication, check_regular_job, check_decisions),
        pytest.param(check_kept_copies_outlast_raw, marks=pytest.mark.soak),
    ],
    ids=lambda f: f.__name__,
)
def test_the_laws_hold(
    snowflake_warehouse: SnowflakeWarehouse, check: Callable[[Warehouse], None]
) -> None:
    check(snowflake_warehouse)
