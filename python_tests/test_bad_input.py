"""A mistake stops the run with one clear error, and nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from python_tests.laws import HOUR, NOON, approve, event, steady_events
from python_tests.warehouse import EVENT_COLUMNS, ROOT, DbtError, Project, Warehouse

EVERYTHING = ("run",)
SOURCE = '"warehouse"."raw"."events"'
COLUMNS_OF_SOURCE = "one of its columns: event_id, payment_id, merchant_id"

# name -> (vars, what the error says)
BAD_VARS: dict[str, tuple[dict[str, Any], str]] = {
    "typo": (
        {"exactly_once__event_time_colum": "event_ts"},
        "var exactly_once__event_time_colum: found a var that this package does not have; "
        "accepted: exactly_once__event_time_column",
    ),
    "typo in the prefix": (
        {"exactly_once_late_arrival_hours": 48},
        "var exactly_once_late_arrival_hours: found a var that this package does not have; "
        "accepted: exactly_once__late_arrival_hours.",
    ),
    "no list": (
        {"exactly_once__fingerprint_columns": "payment_id"},
        "var exactly_once__fingerprint_columns: found payment_id; accepted: a list of column names",
    ),
    "empty key": (
        {"exactly_once__fingerprint_columns": []},
        "var exactly_once__fingerprint_columns: found []; accepted: a list of column names",
    ),
    "key column twice": (
        {"exactly_once__fingerprint_columns": ["payment_id", "PAYMENT_ID"]},
        "var exactly_once__fingerprint_columns: found PAYMENT_ID twice; accepted: each column once",
    ),
    "unknown normaliser": (
        {"exactly_once__fingerprint_columns": [{"name": "payment_id", "normalize": ["squash"]}]},
        "normalize: [trim, upper, lower]",
    ),
    "normaliser without a list": (
        {"exactly_once__fingerprint_columns": [{"name": "payment_id", "normalize": "trim"}]},
        "normalize: [trim, upper, lower]",
    ),
    "lookback as text": (
        {"exactly_once__late_arrival_hours": "2"},
        "var exactly_once__late_arrival_hours: found 2; accepted: a number above 0",
    ),
    "lookback 0": (
        {"exactly_once__late_arrival_hours": 0},
        "var exactly_once__late_arrival_hours: found 0; accepted: a number above 0",
    ),
    "freshness of 0": (
        {"exactly_once__freshness_minutes": 0},
        "var exactly_once__freshness_minutes: found 0; accepted: a number above 0",
    ),
    "bound of 0": (
        {"exactly_once__max_hours_per_run": 0},
        "var exactly_once__max_hours_per_run: found 0; accepted: a number above 0, or null",
    ),
    "bound as text": (
        {"exactly_once__max_hours_per_run": "a day"},
        "var exactly_once__max_hours_per_run: found a day; accepted: a number above 0, or null",
    ),
    "bound without the guard": (
        {"exactly_once__max_hours_per_run": 24, "exactly_once__deduplicate": False},
        "var exactly_once__max_hours_per_run: found 24 while exactly_once__deduplicate is false; "
        "accepted: null while the guard is off",
    ),
    "bound while reading again": (
        {"exactly_once__max_hours_per_run": 24, "exactly_once__reprocess_from": "2026-03-01"},
        "var exactly_once__max_hours_per_run: found 24 while exactly_once__reprocess_from is "
        "2026-03-01 00:00:00; accepted: null for the run that reads the source again",
    ),
    "a name for a model that has none": (
        {"exactly_once__curated_names": {"payment": "paid"}},
        "var exactly_once__curated_names: found {'payment': 'paid'}; accepted: a mapping of "
        "payments, fraud_features to names",
    ),
    "the name of a candidate": (
        {"exactly_once__curated_names": {"payments": "payments__candidate"}},
        "var exactly_once__curated_names, payments: found payments__candidate; accepted: a mapping "
        "of payments, fraud_features to names of letters, digits and single _",
    ),
    "one name for two tables": (
        {"exactly_once__curated_names": {"payments": "Fraud_Features"}},
        "var exactly_once__curated_names: found {'payments': 'Fraud_Features'}; accepted: a name "
        "for each that no table beside it has",
    ),
    "share above 1": (
        {"exactly_once__detection_min_rate": 2},
        "var exactly_once__detection_min_rate: found 2; accepted: a number above 0 and below 1",
    ),
    "flag as text": (
        {"exactly_once__deduplicate": "no"},
        "var exactly_once__deduplicate: found no; accepted: true or false",
    ),
    "path with a quote": (
        {"exactly_once__payload_identity_paths": ["op'id"]},
        "var exactly_once__payload_identity_paths: found op'id; accepted: names of letters",
    ),
    "paths without a list": (
        {"exactly_once__payload_identity_paths": "op.id"},
        "var exactly_once__payload_identity_paths: found op.id; accepted: a list of payload paths",
    ),
    "a dimension that is no name": (
        {"exactly_once__impact_dimensions": ["country of issue"]},
        "var exactly_once__impact_dimensions: found country of issue; accepted: names of letters",
    ),
    "a dimension twice": (
        {"exactly_once__impact_dimensions": ["country", "channel", "country"]},
        "var exactly_once__impact_dimensions: found country twice; accepted: each once",
    ),
    "a threshold of no feature": (
        {"exactly_once__alert_thresholds": {"chargebacks": 0.01}},
        "var exactly_once__alert_thresholds: found {'chargebacks': 0.01}; accepted: a mapping of "
        "authorized_count",
    ),
    "a threshold that is no number": (
        {"exactly_once__alert_thresholds": {"chargeback_rate": "1%"}},
        "var exactly_once__alert_thresholds: found {'chargeback_rate': '1%'}; accepted: a mapping",
    ),
    "paths without a payload": (
        {
            "exactly_once__payload_identity_paths": ["op.id"],
            "exactly_once__payload_column": None,
        },
        "accepted: [] while exactly_once__payload_column is null",
    ),
    "event types incomplete": (
        {"exactly_once__event_types": {"captured": ["SALE"]}},
        "var exactly_once__event_types: found {'captured': ['SALE']}; accepted: a mapping of "
        "authorized, captured, refunded, chargeback",
    ),
    "schema as a number": (
        {"exactly_once__source_schema": 7},
        "var exactly_once__source_schema: found 7; accepted: a name",
    ),
    "end before start": (
        {"incident_start": "2026-03-01 14:00", "incident_end": "2026-03-01 10:00"},
        "the incident window: found incident_start 2026-03-01 14:00:00, incident_end "
        "2026-03-01 10:00:00 (UTC); accepted: an end later than the start. Exchange the two",
    ),
    "end before start by their offsets": (
        {"incident_start": "2026-03-01 14:00", "incident_end": "2026-03-01T15:00+02:00"},
        "accepted: an end later than the start",
    ),
    "end is start": (
        {"incident_start": "2026-03-01", "incident_end": "2026-03-01 00:00Z"},
        "accepted: an end later than the start. Give the end of the window",
    ),
    "no end": (
        {"incident_start": "2026-03-01"},
        "the incident window: found incident_start 2026-03-01 00:00:00, incident_end None; "
        "accepted: both, or neither (then the window is detected). Give the missing one",
    ),
    "no start": (
        {"incident_end": "2026-03-01"},
        "accepted: both, or neither (then the window is detected). Give the missing one",
    ),
    "no time": (
        {"incident_start": "yesterday", "incident_end": "2026-03-02"},
        "var incident_start: found yesterday; accepted: YYYY-MM-DD or YYYY-MM-DD HH:MM",
    ),
    "month 13": (
        {"incident_start": "2026-13-01", "incident_end": "2027-03-02"},
        "var incident_start: found 2026-13-01; accepted: YYYY-MM-DD",
    ),
    "30 February": (
        {"incident_start": "2026-02-01", "incident_end": "2026-02-30"},
        "and a date and time that exist",
    ),
    "hour 24": (
        {"incident_start": "2026-02-01", "incident_end": "2026-02-03 24:00"},
        "and a date and time that exist",
    ),
    "score above 1": (
        {"exactly_once__benign_max_score": 1.5},
        "var exactly_once__benign_max_score: found 1.5; accepted: a number from 0 to 1",
    ),
    "a job that is none": (
        {"exactly_once__warehouses": {"nightly": "BIG"}},
        "var exactly_once__warehouses: found {'nightly': 'BIG'}; accepted: a mapping of "
        "fifteen_minute, detection, remediation, monitoring to names of warehouses",
    ),
    "clustering key as a list": (
        {"exactly_once__clustering_key": ["event_ts"]},
        "var exactly_once__clustering_key: found ['event_ts']; accepted: SQL text, false or null",
    ),
    "a share of all": (
        {"exactly_once__straggler_max_rate": 1},
        "var exactly_once__straggler_max_rate: found 1; accepted: a number above 0 and below 1",
    ),
    "yes for true": (
        {"exactly_once__build_candidate": "yes"},
        "var exactly_once__build_candidate: found yes; accepted: true or false",
    ),
    "times as a list": (
        {"incident_start": ["2026-02-01"], "incident_end": "2026-02-03"},
        "var incident_start: found ['2026-02-01']; accepted: YYYY-MM-DD",
    ),
}
# name -> (a macro's call, what the error says)
BAD_ARGUMENTS: dict[str, tuple[str, str]] = {
    "digest of a misspelt column": (
        "relation_digest(source('exactly_once', 'events'), ['payment_id', 'curency'])",
        f"argument columns of relation_digest on {SOURCE}: found curency, which is none of its "
        "columns; accepted: event_id, payment_id",
    ),
    "digest of no column": (
        "relation_digest(source('exactly_once', 'events'), [])",
        f"argument columns of relation_digest on {SOURCE}: found []; accepted: names of columns",
    ),
    "digest of no table": (
        "relation_digest(source('exactly_once', 'events').incorporate(path={'identifier': 'no'}))",
        'relation_digest: found no relation "warehouse"."raw"."no"; accepted: a table or view',
    ),
    "fingerprint of no column": (
        "fingerprint([])",
        "argument columns of fingerprint: found []; accepted: a list of {sql: text, type: a SQL",
    ),
    "fingerprint of names": (
        "fingerprint(['payment_id'])",
        "argument columns of fingerprint: found payment_id; accepted: a list of {sql: text",
    ),
    "fingerprint of a column without SQL": (
        "fingerprint([{'name': 'payment_id', 'type': 'varchar'}])",
        "argument columns of fingerprint: found {'name': 'payment_id', 'type': 'varchar'}; "
        "accepted: a list of {sql: text",
    ),
    "fingerprint with a normaliser without a list": (
        "fingerprint([{'sql': 'payment_id', 'type': 'varchar', 'normalize': 'upper'}])",
        "'normalize': 'upper'}; accepted: a list of {sql: text",
    ),
    "fingerprint of a float": (
        "fingerprint([{'sql': 'amount', 'type': 'double'}])",
        "argument columns of fingerprint: found amount of type double; accepted: integer, decimal",
    ),
    "fingerprint with a path without a list": (
        "fingerprint([{'sql': 'payment_id', 'type': 'varchar'}], {'sql': 'payload'}, 'op.id')",
        "argument payload_paths of fingerprint: found op.id; accepted: a list of payload paths",
    ),
    "fingerprint with paths and no payload": (
        "fingerprint([{'sql': 'payment_id', 'type': 'varchar'}], none, ['op.id'])",
        "argument payload_paths of fingerprint: found ['op.id']; accepted: [] while payload is",
    ),
}
ROLES = (
    "event_time",
    "arrival_time",
    "event_id",
    "payload",
    "payment_id",
    "event_type",
    "amount",
    "currency",
    "merchant_id",
)


def assert_refused(
    warehouse: Warehouse, message: str, *command: str, fresh: bool = False, **settings: Any
) -> None:
    """One error with this text, and every table as it was before."""
    before = contents(warehouse)
    with pytest.raises(DbtError) as caught:
        warehouse.dbt(*(command or EVERYTHING), fresh=fresh, **settings)
    assert len(caught.value.messages) == 1, caught.value
    said = re.sub(r"\s+", " ", caught.value.messages[0])
    assert f"[exactly_once] {message}" in said or message in said.split("[exactly_once] ", 1)[-1]
    assert said.count("[exactly_once]") == 1
    assert contents(warehouse) == before


def contents(warehouse: Warehouse) -> dict[str, str]:
    """The digest of every table."""
    return {name: warehouse.digest(name) for name in sorted(warehouse.tables())}


@pytest.fixture
def loaded(warehouse: Warehouse) -> Warehouse:
    """A warehouse with events in its source, and nothing built."""
    warehouse.write_events(steady_events(NOON))
    return warehouse


def test_every_kind_of_var_is_refused_in_some_test() -> None:
    text = (ROOT / "macros" / "config" / "settings.sql").read_text("utf-8")
    kinds = dict(re.findall(r"'((?:exactly_once__|incident_)\w+)': '([\w ]+)'", text))
    assert kinds["incident_start"] == "time or null"
    refused = {f"exactly_once__{role}_column" for role in ROLES}
    for settings, _ in BAD_VARS.values():
        refused |= settings.keys()
    without_null = {name: kind.removesuffix(" or null") for name, kind in kinds.items()}
    assert {without_null[name] for name in refused & kinds.keys()} == {*without_null.values()}


@pytest.mark.parametrize("name", BAD_VARS)
def test_a_bad_var_is_refused(loaded: Warehouse, name: str) -> None:
    settings, message = BAD_VARS[name]
    assert_refused(loaded, message, fresh=True, **settings)


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_a_bad_argument_is_refused(loaded: Warehouse, name: str) -> None:
    call, message = BAD_ARGUMENTS[name]
    query = f"select * from ({{{{ exactly_once.{call} }}}}) as found"
    assert_refused(loaded, message, "show", "--inline", query)


def test_a_digest_is_of_the_columns_that_are_named_in_any_case(loaded: Warehouse) -> None:
    def digest(*columns: str) -> str:
        digested = f"exactly_once.relation_digest(source('exactly_once', 'events'), {[*columns]})"
        query = f"select digest from ({{{{ {digested} }}}}) as found"
        found: str = loaded.dbt("show", "--inline", query).results[0].agate_table.rows[0][0]
        return found

    before = digest("payment_id", "currency")
    assert digest("CURRENCY", "currency", "Payment_ID") == before
    assert digest("payment_id") != before
    loaded.execute("update raw.events set currency = currency || '!' where merchant_id is not null")
    loaded.execute("update raw.events set merchant_id = 'another'")
    assert digest("PAYMENT_ID", "CURRENCY") != before


def test_a_typo_in_the_vars_of_a_project_is_refused(tmp_path: Path) -> None:
    project = Project.copy(tmp_path / "work")
    path = project.folder / "dbt_project.yml"
    text = path.read_text("utf-8")
    changed = text.replace(
        "exactly_once__late_arrival_hours: 2 ", "exactly_once__late_arival_hours: 2 "
    )
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    warehouse = Warehouse(project, tmp_path)
    warehouse.write_events(steady_events(NOON))
    assert_refused(
        warehouse,
        "var exactly_once__late_arival_hours: found a var that this package does not have; "
        "accepted: exactly_once__late_arrival_hours",
    )


@pytest.mark.parametrize("role", ROLES)
def test_a_column_that_the_source_lacks_is_refused(loaded: Warehouse, role: str) -> None:
    wrong: dict[str, Any] = {f"exactly_once__{role}_column": "nowhere"}
    assert_refused(
        loaded,
        f"var exactly_once__{role}_column: found nowhere, which the source {SOURCE} "
        f"does not have; accepted: {COLUMNS_OF_SOURCE}",
        **wrong,
    )


def test_a_key_column_that_the_source_lacks_is_refused(loaded: Warehouse) -> None:
    key = ["payment_id", "event_type", "amount_cents", "currency", "when"]
    assert_refused(
        loaded,
        "var exactly_once__fingerprint_columns: found when, which the source",
        exactly_once__fingerprint_columns=key,
    )


def test_columns_are_checked_before_anything_is_built(loaded: Warehouse) -> None:
    """A seed, which no model has to wait for, is not written; and without our models it is."""
    wrong: dict[str, Any] = {"exactly_once__arrival_time_column": "nowhere"}
    seeds = ("--select", "tag:exactly_once_seeds")
    assert_refused(
        loaded,
        "var exactly_once__arrival_time_column: found nowhere, which the source",
        *("build", *seeds, "stg_events"),
        **wrong,
    )
    loaded.dbt("build", *seeds, "--indirect-selection", "cautious", **wrong)
    assert "main_seeds.incident_register" in loaded.tables()


def test_a_source_that_the_run_makes_is_checked_by_the_models(loaded: Warehouse) -> None:
    """It may get the columns in this run. A seed stands for it here."""
    loaded.dbt("seed")
    with pytest.raises(
        DbtError, match=r"which the source .*incident_register.* does not have"
    ) as e:
        loaded.dbt(
            *("build", "--select", "incident_register", "stg_events"),
            exactly_once__source_schema="main_seeds",
            exactly_once__source_table="incident_register",
        )
    assert "incident_register" in {
        one.node.name for one in e.value.results if str(one.status) == "success"
    }


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        (
            "event_ts",
            "varchar",
            "var exactly_once__event_time_column: found event_ts of type character varying(256); "
            "accepted: a timestamp column",
        ),
        (
            "ingest_ts",
            "date",
            "var exactly_once__arrival_time_column: found ingest_ts of type DATE; "
            "accepted: a timestamp column",
        ),
        (
            "amount_cents",
            "varchar",
            "var exactly_once__amount_column: found amount_cents of type character varying(256); "
            "accepted: a number in minor units",
        ),
        (
            "amount_cents",
            "double",
            "var exactly_once__fingerprint_columns: found amount_cents of type DOUBLE; "
            "accepted: integer, decimal, boolean, timestamp, date or text",
        ),
    ],
    ids=["event time", "arrival time", "amount", "float in the key"],
)
def test_a_column_of_a_wrong_type_is_refused(
    new_warehouse: Callable[..., Warehouse], column: str, kind: str, message: str
) -> None:
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {column: kind})
    warehouse.execute("insert into raw.events (event_id) values ('e')")
    assert_refused(warehouse, message)


def test_a_time_that_stands_where_the_currency_is_looked_for_is_refused(loaded: Warehouse) -> None:
    assert_refused(
        loaded,
        "var exactly_once__currency_column: found event_ts of type TIMESTAMP; accepted: a currency",
        exactly_once__fingerprint_columns=["payment_id", "event_type", "amount_cents", "event_ts"],
    )


def test_a_float_in_the_key_is_accepted_with_a_cast(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    key = ["payment_id", {"name": "amount_cents", "cast": "decimal(18, 2)"}, "event_ts"]
    roles = {f"exactly_once__{role}_column": role for role in ("event_type", "currency")}
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {"amount_cents": "double"}, settings=roles)
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("run", "--select", "staging", exactly_once__fingerprint_columns=key)


def test_the_text_of_a_float_is_no_key(new_warehouse: Callable[..., Warehouse]) -> None:
    """Engines write 10.0 in two ways."""
    key = ["payment_id", {"name": "amount_cents", "cast": "varchar"}, "event_ts"]
    roles = {f"exactly_once__{role}_column": role for role in ("event_type", "currency")}
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {"amount_cents": "double"}, settings=roles)
    warehouse.write_events(steady_events(NOON))
    with pytest.raises(DbtError, match='cast: "decimal'):
        warehouse.dbt("run", "--select", "stg_events", exactly_once__fingerprint_columns=key)


def test_an_empty_source_is_refused(warehouse: Warehouse) -> None:
    assert_refused(
        warehouse,
        f"the source: found {SOURCE} without any row; accepted: a table with events",
    )


def test_an_older_duckdb_is_refused(warehouse: Warehouse) -> None:
    warehouse.execute("create macro version() as 'v1.4.5'")
    with pytest.raises(DbtError) as refused:
        warehouse.dbt("seed")
    for part in ("found v1.4.5", "1.5 or later", "pip install --upgrade 'duckdb>=1.5'"):
        assert part in refused.value.messages[0]
    warehouse.execute("drop macro version")
    warehouse.dbt("seed")


def test_a_missing_source_table_is_refused(loaded: Warehouse) -> None:
    assert_refused(
        loaded,
        'the source: found no table "warehouse"."raw"."evnts"; accepted: a table or view',
        exactly_once__source_table="evnts",
    )


def test_a_source_with_a_column_that_staging_adds_is_refused(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {"row_hash": "varchar"})
    warehouse.write_events(steady_events(NOON))
    assert_refused(
        warehouse,
        "found a column row_hash; accepted: columns under other names than those that stg_events "
        "adds. Rename it in a view",
    )


def test_a_source_without_payload_column_is_refused_until_the_var_says_so(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    columns = {name: kind for name, kind in EVENT_COLUMNS.items() if name != "payload"}
    warehouse = new_warehouse(columns=columns)
    warehouse.write_events(steady_events(NOON))
    assert_refused(
        warehouse,
        "Set exactly_once__payload_column to the right column, or to null if the source has none",
    )
    warehouse.dbt("run", "--select", "staging", exactly_once__payload_column=None)
    assert len(warehouse.read("main_staging.stg_events_deduplicated")) == 12


def test_a_window_without_arrivals_is_refused(loaded: Warehouse) -> None:
    loaded.dbt("run", "--selector", "fifteen_minute")
    assert_refused(
        loaded,
        "the incident window: found no event that arrived from 2025-03-01 10:00:00 to "
        "2025-03-01 14:00:00 (UTC); accepted: a window in which events arrived; "
        '"warehouse"."raw"."events" has arrivals from 2026-03-01 12:00:00 to 2026-03-01 12:11:00',
        "run",
        "--select",
        "incident_scope",
        incident_start="2025-03-01 10:00",
        incident_end="2025-03-01 14:00",
    )


@pytest.mark.parametrize("name", ["duplicate", "year"])
def test_odd_windows_that_are_valid_are_accepted(loaded: Warehouse, name: str) -> None:
    """A window without copies, and one up to the end of time."""
    loaded.dbt("run", "--selector", "fifteen_minute")
    end = {"duplicate": "2026-03-01 14:00", "year": "9999-12-31"}[name]
    detection = ("build", "--selector", "detection")
    loaded.dbt(*detection, incident_start="2026-03-01", incident_end=end)
    assert loaded.read("main_incident.incident_decisions") == []


def test_detection_before_the_curated_tables_exist_says_what_to_run(loaded: Warehouse) -> None:
    loaded.dbt("run", "--select", "staging")
    with pytest.raises(DbtError) as caught:
        loaded.dbt("build", "--selector", "detection")
    assert len(caught.value.messages) == 1, caught.value
    assert "Run: dbt build --selector fifteen_minute" in caught.value.messages[0]


@pytest.fixture(scope="module")
def incident(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with an incident INC-1, decided."""
    made = Warehouse(project, tmp_path_factory.mktemp("incident"))
    made.write_events([*steady_events(NOON), event("p", NOON), event("p", NOON + HOUR)])
    made.dbt("run", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    detect(made, "INC-1")
    approve(made, "INC-1")
    return made


@pytest.fixture
def decided(incident: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of that warehouse."""
    return incident.copied(tmp_path)


def detect(warehouse: Warehouse, incident_id: str) -> None:
    """Decide for a declared window."""
    warehouse.dbt(
        "build",
        "--selector",
        "detection",
        incident_id=incident_id,
        incident_start=str(NOON),
        incident_end=str(NOON + HOUR),
    )


CANDIDATE = ("run", "--selector", "remediation")


def test_a_candidate_with_the_guard_off_is_refused(decided: Warehouse) -> None:
    """It would hold every copy, and its own tests would find nothing wrong with that."""
    assert_refused(
        decided,
        "var exactly_once__deduplicate: found false; accepted: true for a build of candidates",
        *CANDIDATE,
        exactly_once__build_candidate=True,
        exactly_once__deduplicate=False,
    )


def test_a_candidate_without_a_clone_is_refused(decided: Warehouse) -> None:
    assert_refused(
        decided,
        "found none; accepted: a clone of the live table. Run: dbt run-operation remediation_clone "
        "--args '{incident_id: INC-1}'",
        *CANDIDATE,
        exactly_once__build_candidate=True,
    )


def test_a_candidate_on_a_clone_for_another_incident_is_refused(decided: Warehouse) -> None:
    decided.operate("remediation_clone", "INC-1")
    detect(decided, "INC-2")
    approve(decided, "INC-2")
    assert_refused(
        decided,
        "found a clone for incident INC-1; accepted: a clone for incident INC-2",
        *CANDIDATE,
        exactly_once__build_candidate=True,
    )
    for verb in ("remediation_validate", "remediation_swap"):
        with pytest.raises(DbtError, match="found a clone for incident INC-1"):
            decided.operate(verb, "INC-2")


@pytest.mark.parametrize("verb", ["remediation_clone", "remediation_validate", "remediation_swap"])
def test_a_verb_for_an_incident_that_was_not_decided_is_refused(
    decided: Warehouse, verb: str
) -> None:
    before = contents(decided)
    with pytest.raises(DbtError) as caught:
        decided.operate(verb, "INC-7")
    assert (
        "incident_id: found INC-7; accepted: the incident that incident_decisions holds: INC-1"
        in str(caught.value)
    )
    assert contents(decided) == before


def test_a_swap_without_a_candidate_is_refused(decided: Warehouse) -> None:
    with pytest.raises(DbtError, match="found none; accepted: a clone for incident INC-1"):
        decided.operate("remediation_swap", "INC-1")


def test_a_clone_after_the_swap_is_refused(decided: Warehouse) -> None:
    swap(decided)
    before = contents(decided)
    with pytest.raises(DbtError, match="an incident without a swap"):
        decided.operate("remediation_clone", "INC-1")
    assert contents(decided) == before


def swap(warehouse: Warehouse) -> None:
    warehouse.operate("remediation_clone", "INC-1")
    warehouse.dbt(*CANDIDATE, exactly_once__build_candidate=True)
    warehouse.operate("remediation_swap", "INC-1")


RENAMED: dict[str, Any] = {"exactly_once__curated_names": {"payments": "card_payments"}}


def assert_renaming_is_refused(warehouse: Warehouse, kept: str, *arguments: str) -> None:
    """Each table that is kept under the old name is named, with the new name and the way out."""
    assert_refused(
        warehouse,
        f'found "warehouse"."main_analytics"."{kept}", of incident INC-1, while payments is named '
        "card_payments; accepted: the same names from remediation_clone to remediation_retire. "
        "Set the names back to payments until the incident is retired, or, if nothing of it was "
        "swapped, its candidates are dropped; what is next then: "
        "dbt run-operation remediation_status --args '{incident_id: INC-1}'",
        *arguments,
        **RENAMED,
    )


def test_other_names_of_curated_tables_are_refused_while_an_incident_is_open(
    decided: Warehouse,
) -> None:
    verbs = [
        ("run-operation", verb, "--args", json.dumps({"incident_id": "INC-1"}))
        for verb in ("remediation_clone", "remediation_swap", "remediation_status")
    ]
    decided.operate("remediation_clone", "INC-1")
    for command in (*verbs, ("run", "--selector", "fifteen_minute"), ("run", "-s", "payments")):
        assert_renaming_is_refused(decided, "payments__candidate", *command)
    # other models go on
    decided.dbt("run", "--select", "stg_events", **RENAMED)
    decided.dbt(*CANDIDATE, exactly_once__build_candidate=True)
    decided.operate("remediation_swap", "INC-1")
    for verb in ("remediation_rollback", "remediation_retire"):
        command = ("run-operation", verb, "--args", json.dumps({"incident_id": "INC-1"}))
        assert_renaming_is_refused(decided, "payments__replaced_inc_1", *command)
    assert_renaming_is_refused(
        decided, "payments__replaced_inc_1", "run", "--select", "incident_impact_on_curated"
    )
    decided.operate("remediation_retire", "INC-1")
    decided.operate("remediation_status", "INC-1", **RENAMED)


def test_a_curated_model_that_is_no_more_is_no_other_name(decided: Warehouse) -> None:
    """Its candidate is left over, and no model lacks one."""
    decided.operate("remediation_clone", "INC-1")
    marker = decided.query(
        "select comment from duckdb_tables() where table_name = 'payments__candidate'"
    )
    left_over = "main_analytics.old_model__candidate"
    decided.execute(f"create table {left_over} as select 1 as n")
    decided.execute(f"comment on table {left_over} is '{marker[0]['comment']}'")
    decided.operate("remediation_status", "INC-1")


def test_nobody_reads_a_candidate_before_it_is_live(decided: Warehouse) -> None:
    """A model downstream, built in the same run, would show it."""
    decided.operate("remediation_clone", "INC-1")
    assert_refused(
        decided,
        "found models that read curated ones: incident_impact_on_curated; accepted: no reader",
        *("run", "--select", "payments+1"),
        exactly_once__build_candidate=True,
    )


def test_a_curated_model_that_would_be_built_on_live_is_refused(
    decided: Warehouse, tmp_path: Path
) -> None:
    """One that has no alias for candidates."""
    decided.operate("remediation_clone", "INC-1")
    project = Project.copy(tmp_path / "without_alias")
    model = project.folder / "models" / "curated" / "payments.sql"
    text = model.read_text(encoding="utf-8")
    changed = text.replace("        alias=exactly_once.curated_alias('payments'),\n", "")
    assert changed != text
    model.write_text(changed, encoding="utf-8")
    decided.project = project
    assert_refused(
        decided,
        "model payments: found a build of",
        *CANDIDATE,
        exactly_once__build_candidate=True,
    )


def test_replaced_tables_are_built_only_where_a_swap_has_kept_them(decided: Warehouse) -> None:
    regular = ("run", "--selector", "fifteen_minute")
    no_swap = "found none that a swap for that incident has kept"
    assert_refused(decided, no_swap, *regular, exactly_once__build_replaced="INC-1")
    swap(decided)
    assert_refused(decided, no_swap, *regular, exactly_once__build_replaced="INC-2")
    # another name of the same tables
    assert_refused(decided, no_swap, *regular, exactly_once__build_replaced="inc 1")
    assert_refused(
        decided,
        "found --full-refresh; accepted: a run that adds what has arrived",
        *regular,
        "--full-refresh",
        exactly_once__build_replaced="INC-1",
    )
    assert_refused(
        decided,
        "var exactly_once__build_replaced: found INC-1, and exactly_once__build_candidate true; "
        "accepted: one of the two",
        *regular,
        exactly_once__build_replaced="INC-1",
        exactly_once__build_candidate=True,
    )
