"""Replaying, repairing, and never having had the incident give equal curated tables."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.generate import IncidentSettings, IncidentTruth, generate, write_originals_only
from demo.load import load
from python_tests import oracle
from python_tests.faults import Death, StatementLog, before_its_end, die, watched
from python_tests.laws import (
    HOUR,
    INCIDENT,
    MINUTE,
    NOON,
    WINDOW,
    Row,
    approve,
    assert_curated,
    assert_decided,
    assert_recorded,
    build_replaced,
    check_catch_up,
    check_decisions,
    check_kept_copies_outlast_raw,
    check_repair,
    check_repair_of_what_another_quarantined,
    check_rollback,
    check_rollback_without_a_gap,
    check_verdict,
    contaminate,
    contaminated_rows,
    counted,
    decide_again,
    event,
    give_verdict,
    ledger,
    roll_back_at_once,
    steady_events,
    untouched_rows,
)
from python_tests.oracle import Layout
from python_tests.warehouse import EVENT_COLUMNS, DbtError, Project, Warehouse

JOB = ("build", "--selector", "fifteen_minute")
DETECTION = ("build", "--selector", "detection")
REPAIR = ("build", "--selector", "remediation")
CURATED = ("payments", "fraud_features")
WITH_OP_ID = {"exactly_once__payload_identity_paths": ["op.id"]}
BY_OP_ID = Layout(identity_paths=("op.id",))
EVERYTHING = (datetime(2000, 1, 1), datetime(2900, 1, 1))


def digests(warehouse: Warehouse, suffix: str = "") -> list[str]:
    """The digests of both curated tables."""
    return [warehouse.digest(f"main_analytics.{table}{suffix}") for table in CURATED]


def detect(
    warehouse: Warehouse, window: tuple[datetime, datetime] | None, incident_id: str = INCIDENT
) -> None:
    """Decide copy by copy, for a declared window or for the one that is found."""
    declared: dict[str, Any] = {}
    if window is not None:
        declared = {"incident_start": str(window[0]), "incident_end": str(window[1])}
    warehouse.dbt(*DETECTION, incident_id=incident_id, **declared)


def build_candidate(warehouse: Warehouse, incident_id: str = INCIDENT) -> None:
    """Repair the clone."""
    warehouse.dbt(*REPAIR, exactly_once__build_candidate=True, incident_id=incident_id)


def repair(warehouse: Warehouse, incident_id: str = INCIDENT) -> None:
    """Clone, repair the clone, swap."""
    approve(warehouse, incident_id)
    warehouse.operate("remediation_clone", incident_id)
    build_candidate(warehouse, incident_id)
    warehouse.operate("remediation_swap", incident_id)


@pytest.fixture(scope="module")
def hard_day(tmp_path_factory: pytest.TempPathFactory) -> IncidentTruth:
    """A day with everything in it: strays, stragglers, and the hand-made cases."""
    settings = IncidentSettings(events=1500, seed=11, stray_rate=0.02, merchants=30)
    return generate(settings, tmp_path_factory.mktemp("hard_day"))


@pytest.fixture(scope="module")
def plain_day(tmp_path_factory: pytest.TempPathFactory) -> IncidentTruth:
    """A day whose only copies are those of the incident, with enough traffic to detect it."""
    settings = IncidentSettings(events=12_000, seed=12, stray_rate=0.0, planted=False)
    return generate(settings, tmp_path_factory.mktemp("plain_day"))


@pytest.mark.parametrize(
    ("day_name", "window"),
    [("hard_day", EVERYTHING), ("plain_day", None)],
    ids=["declared", "found"],
)
def test_replayed_and_repaired_and_never_contaminated_are_equal(
    new_warehouse: Callable[..., Warehouse],
    request: pytest.FixtureRequest,
    day_name: str,
    window: tuple[datetime, datetime] | None,
) -> None:
    day = request.getfixturevalue(day_name)
    repaired = new_warehouse("repaired", settings=WITH_OP_ID)
    load(repaired.path, day.bronze)
    repaired.dbt(*JOB, exactly_once__deduplicate=False)
    contaminated = digests(repaired)
    detect(repaired, window)
    repair(repaired)

    replayed = new_warehouse("replayed", settings=WITH_OP_ID)
    load(replayed.path, day.bronze)
    replayed.dbt(*JOB)

    originals = day.bronze.parent / "originals"
    if not originals.exists():
        write_originals_only(day.bronze.parent, originals)
    clean = new_warehouse("clean", settings=WITH_OP_ID)
    load(clean.path, originals)
    clean.dbt(*JOB)

    assert digests(repaired) == digests(replayed) == digests(clean)
    assert contaminated != digests(clean)
    assert digests(repaired, "__replaced_inc_1") == contaminated
    assert_curated(clean, clean.read("raw.events"), BY_OP_ID)
    repaired.dbt(*JOB)
    assert digests(repaired) == digests(clean)


def test_what_is_removed_is_exactly_what_the_ground_truth_calls_a_copy(
    warehouse: Warehouse, hard_day: IncidentTruth
) -> None:
    """Precision and recall of 1, as multisets of physical rows.

    Which copy of an event stays is law 1's to say: the least one. An event with an incomplete key
    loses nothing, it waits for review.
    """
    load(warehouse.path, hard_day.bronze)
    warehouse.settings = dict(WITH_OP_ID)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    detect(warehouse, EVERYTHING)
    names = ", ".join(EVENT_COLUMNS)
    decided = warehouse.query(
        f"""
        select decision, {", ".join(f"events.{name}" for name in EVENT_COLUMNS)}
        from main_incident.incident_decisions as decisions
        inner join (
            select * from main_staging.stg_events
            qualify row_number() over (partition by row_hash) = 1
        ) as events
            on decisions.row_hash = events.row_hash
        """
    )
    labelled = warehouse.query(
        f"""
        select true_event_number, {names}
        from read_parquet('{hard_day.bronze}/*/*.parquet', filename = true, file_row_number = true,
            hive_partitioning = false) as bronze
        inner join read_parquet('{hard_day.truth}/rows.parquet') as truth
            on bronze.file_row_number = truth.file_row_number
            and ends_with(bronze.filename, '/' || truth.file)
        """
    )
    removed = Counter(raw(row) for row in decided if row["decision"] == "remove")
    copies: Counter[tuple[Any, ...]] = Counter()
    by_event: dict[int, list[dict[str, Any]]] = {}
    for row in labelled:
        by_event.setdefault(row.pop("true_event_number"), []).append(row)
    for rows in by_event.values():
        if all(oracle.has_complete_key(row) for row in rows):
            ranked = sorted(rows, key=oracle.survivor_rank)
            copies.update(raw(row) for row in ranked[1:])
    assert sum(copies.values()) > 100
    true_positives = sum((removed & copies).values())
    assert true_positives / sum(removed.values()) == 1.0, removed - copies
    assert true_positives / sum(copies.values()) == 1.0, copies - removed
    in_review = [row for row in decided if row["decision"] == "review"]
    assert in_review
    assert not any(oracle.has_complete_key(row) for row in in_review)
    assert_decided(warehouse, warehouse.read("raw.events"), EVERYTHING, BY_OP_ID)


def raw(row: Row) -> tuple[Any, ...]:
    """A physical row, as all its columns; the payload by what it says."""
    said = {**row, "payload": oracle.json_text(row["payload"])}
    return tuple(said[name] for name in EVENT_COLUMNS)


@pytest.fixture(scope="module")
def before_repair(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse whose curated tables were built without the guard, with decisions made."""
    made = Warehouse(project, tmp_path_factory.mktemp("before_repair"))
    made.write_events(contaminated_rows())
    made.dbt(*JOB, exactly_once__deduplicate=False)
    detect(made, WINDOW)
    approve(made)
    return made


@pytest.fixture
def contaminated(before_repair: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of that warehouse."""
    return before_repair.copied(tmp_path)


def test_decisions_are_those_of_the_rules(warehouse: Warehouse) -> None:
    check_decisions(warehouse)


def test_the_repair_leaves_no_trace_of_removed_copies_and_changes_nothing_else(
    warehouse: Warehouse,
) -> None:
    check_repair(warehouse)


@pytest.mark.parametrize("is_swapped", [True, False], ids=["rolled back", "not yet repaired"])
def test_what_another_incident_quarantined_is_repaired_too(
    warehouse: Warehouse, is_swapped: bool
) -> None:
    check_repair_of_what_another_quarantined(warehouse, is_swapped)


def test_a_rollback_restores_the_tables_and_loses_nothing(warehouse: Warehouse) -> None:
    check_rollback(warehouse)


def test_a_rollback_takes_nothing_from_readers_that_they_have_seen(warehouse: Warehouse) -> None:
    check_rollback_without_a_gap(warehouse)


def test_a_rollback_of_what_was_not_swapped_is_refused(contaminated: Warehouse) -> None:
    before = digests(contaminated)
    contaminated.operate("remediation_clone", INCIDENT)
    with pytest.raises(DbtError, match="no tables that a swap replaced"):
        contaminated.operate("remediation_rollback", INCIDENT)
    assert digests(contaminated) == before


def test_only_the_last_swap_is_rolled_back(contaminated: Warehouse) -> None:
    before = digests(contaminated)
    repair(contaminated)
    decide_again(contaminated, "INC-2")
    repair(contaminated, "INC-2")
    with pytest.raises(DbtError, match="a later swap, for incident INC-2"):
        contaminated.operate("remediation_rollback", INCIDENT)
    contaminated.operate("remediation_rollback", "INC-2")
    contaminated.operate("remediation_rollback", INCIDENT)
    assert digests(contaminated) == before


def test_an_incident_whose_name_is_taken_is_refused(contaminated: Warehouse) -> None:
    """`INC-1` and `inc 1` would keep their replaced tables under one name."""
    repair(contaminated)
    decide_again(contaminated, "inc 1")
    with pytest.raises(DbtError, match="kept for incident INC-1"):
        contaminated.operate("remediation_clone", "inc 1")


def test_live_is_untouched_until_the_swap_and_complete_after_it(contaminated: Warehouse) -> None:
    before = digests(contaminated)
    contaminated.operate("remediation_clone", INCIDENT)
    assert digests(contaminated) == before
    build_candidate(contaminated)
    assert digests(contaminated) == before
    candidate = digests(contaminated, "__candidate")
    contaminated.operate("remediation_validate", INCIDENT)
    contaminated.operate("remediation_swap", INCIDENT)
    assert digests(contaminated) == candidate
    assert digests(contaminated, "__replaced_inc_1") == before
    assert not {name for name in contaminated.tables() if name.endswith("__candidate")}


def test_a_swap_that_is_done_is_not_done_again(contaminated: Warehouse) -> None:
    repair(contaminated)
    after = digests(contaminated)
    contaminated.operate("remediation_swap", INCIDENT)
    assert digests(contaminated) == after


def test_events_that_arrive_between_clone_and_candidate_are_in_the_swapped_tables(
    contaminated: Warehouse,
) -> None:
    contaminated.operate("remediation_clone", INCIDENT)
    later = [*steady_events(NOON + 24 * HOUR), event("copied", NOON + 24 * HOUR, amount_cents=1)]
    contaminated.write_events(later)
    contaminated.dbt(*JOB)
    build_candidate(contaminated)
    contaminated.operate("remediation_swap", INCIDENT)
    found = {row["payment_id"] for row in contaminated.read("main_analytics.payments")}
    assert {row["payment_id"] for row in later} <= found


@pytest.mark.parametrize("count", [1, 12])
def test_a_candidate_that_live_has_overtaken_is_refused(warehouse: Warehouse, count: int) -> None:
    check_catch_up(warehouse, count)


def test_the_audit_keeps_one_version_until_a_decision_changes(contaminated: Warehouse) -> None:
    versions = "select count(*) as n, count(dbt_valid_to) as old from main_audit.audit_decisions"
    first = contaminated.query(versions)[0]
    decided = contaminated.query("select count(*) as n from main_incident.incident_decisions")[0][
        "n"
    ]
    assert first == {"n": decided, "old": 0}
    detect(contaminated, WINDOW)
    assert contaminated.query(versions)[0] == first

    name = oracle.fingerprint(event("copied", event_type="authorized"))
    give_verdict(contaminated, name, "keep")
    decide_again(contaminated)
    assert_decided(contaminated, contaminated_rows(), WINDOW, overrides={name: "keep"})
    again = contaminated.query(versions)[0]
    assert again == {"n": decided + 3, "old": 3}


def test_the_audit_ends_what_its_incident_decides_no_more(contaminated: Warehouse) -> None:
    """Another window decides on other copies; those of another incident stay."""
    key = "incident_id, row_hash, copy_number, decision"
    audit = "main_audit.audit_decisions"
    other = (NOON - 4 * HOUR, NOON - 4 * HOUR + HOUR / 6)

    def assert_in_force(count: int) -> None:
        """As many rows as there ever were, those of the incident that are decided in force."""
        in_force = contaminated.query(
            f"select {key} from {audit} where dbt_valid_to is null and incident_id = '{INCIDENT}'"
        )
        decided = contaminated.read("main_incident.incident_decisions", key)
        assert Counter(map(str, in_force)) == Counter(map(str, decided))
        assert contaminated.query(
            f"select count(*) as n from {audit} where incident_id = '{INCIDENT}'"
        ) == [{"n": count}]

    decided = len(contaminated.read("main_incident.incident_decisions"))
    assert_in_force(decided)
    decide_again(contaminated, window=other)
    assert_in_force(decided + 2)
    decide_again(contaminated, window=other)
    assert_in_force(decided + 2)
    before = contaminated.read(audit)
    decide_again(contaminated, "INC-2")
    after = contaminated.query(f"select * from {audit} where incident_id = '{INCIDENT}'")
    assert Counter(map(str, after)) == Counter(map(str, before))
    decide_again(contaminated)
    assert_in_force(decided + 2 + decided)
    contaminated.dbt("run-operation", "ledger_verify")


@pytest.mark.parametrize("decision", ["keep", "review", "remove"])
def test_a_verdict_counts_in_the_curated_tables(warehouse: Warehouse, decision: str) -> None:
    check_verdict(warehouse, decision)


def test_copies_that_a_reviewer_keeps_outlast_raw(warehouse: Warehouse) -> None:
    check_kept_copies_outlast_raw(warehouse)


def test_a_swap_expects_kept_copies_that_raw_has_lost(warehouse: Warehouse) -> None:
    """Two of three are left in raw, and decided on; all three count."""
    inside = NOON + HOUR / 6
    copies = [event("thrice", inside + n * HOUR / 60, event_id=f"thrice {n}") for n in range(3)]
    warehouse.write_events(copies)
    contaminate(warehouse)
    give_verdict(warehouse, oracle.fingerprint(copies[0]), "keep")
    decide_again(warehouse)
    warehouse.execute("delete from raw.events where event_id = 'thrice 0'")
    decide_again(warehouse)
    repair(warehouse)
    captured = "select captured_cents from main_analytics.payments where payment_id = 'thrice'"
    assert warehouse.query(captured) == [{"captured_cents": 3000}]


def test_kept_copies_of_another_type_are_refused(warehouse: Warehouse) -> None:
    """An engine's error would show a payload that it can't cast."""
    contaminate(warehouse)
    warehouse.execute("alter table raw.events alter payload type varchar")
    refresh = ("run", "--selector", "fifteen_minute", "--full-refresh")
    warehouse.dbt(*refresh)
    decide_again(warehouse)  # no copy is kept yet: the table takes the types of the source
    give_verdict(warehouse, oracle.fingerprint(event("copied", event_type="authorized")), "keep")
    decide_again(warehouse)
    stored = "main_staging.stg_events_kept"
    assert warehouse.query(f"select count(*) as n from {stored}") == [{"n": 3}]

    warehouse.execute("alter table raw.events alter payload type json")
    said = "the columns of .*stg_events_kept.*found payload is JSON in the source and "
    for command in (lambda: warehouse.dbt(*refresh), lambda: decide_again(warehouse)):
        with pytest.raises(DbtError, match=said):
            command()
    warehouse.execute(f"alter table {stored} alter payload type json")
    warehouse.dbt(*refresh)
    decide_again(warehouse)
    assert warehouse.query(f"select count(*) as n from {stored}") == [{"n": 3}]


def test_a_verdict_after_the_repair_takes_effect_with_the_next(contaminated: Warehouse) -> None:
    """A copy that a repair took out of the curated tables comes back when a reviewer keeps it."""
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    untouched = untouched_rows()
    touched = [row for row in contaminated_rows() if row not in untouched]
    repair(contaminated)
    assert_curated(contaminated, [*counted(touched, {}), *untouched])
    give_verdict(contaminated, name, "keep")
    decide_again(contaminated)
    with pytest.raises(DbtError, match="verdicts to keep copies that came or went since the swap"):
        contaminated.operate("raw_quarantine", INCIDENT)
    contaminated.operate("remediation_status", INCIDENT)
    named = re.search(r"--selector detection --vars '(.*)'", contaminated.project.logged[-1])
    assert named
    again = yaml.safe_load(named[1])
    assert again.pop("incident_id") == "INC-1-2"
    assert [datetime.fromisoformat(time) for time in again.values()] == list(WINDOW)
    decide_again(contaminated, "INC-1-2")
    repair(contaminated, "INC-1-2")
    assert_curated(contaminated, [*counted(touched, {name: "keep"}), *untouched])


def test_the_ledger_has_what_the_swap_checked_and_exchanged(contaminated: Warehouse) -> None:
    """Read from the tables once they are live; a rollback just after it reads them anew."""
    contaminated.operate("remediation_clone", INCIDENT)
    build_candidate(contaminated)
    contaminated.operate("remediation_swap", INCIDENT)
    said = [line for line in contaminated.project.logged if line.startswith("  pass  ")]
    contaminated.operate("remediation_rollback", INCIDENT)
    digests_of = {
        (row["step"], row["phase"]): json.loads(row["digests"])
        for row in contaminated.read("main_audit.remediation_ledger", "step, phase, digests")
    }
    before, after = ("remediation_swap", "begun"), ("remediation_swap", "ended")
    assert set(digests_of[before]) == {"payments", "fraud_features"}
    assert digests_of[after] == digests_of["remediation_rollback", "begun"]
    assert digests_of[before] == digests_of["remediation_rollback", "ended"]
    assert digests_of[before] != digests_of[after]
    begun = next(one for one in ledger(contaminated) if (one["step"], one["phase"]) == before)
    checks = json.loads(begun["arguments"])["checks"]
    assert sorted(said) == sorted(f"  pass  {name}: {found}" for name, found in checks.items())
    assert "payments, captured cents by currency are those of the decisions" in checks


def test_a_rollback_says_that_the_ledger_lacks_the_swap(contaminated: Warehouse) -> None:
    """Somebody took the entry away: the tables come back all the same, proved by nothing."""
    before = digests(contaminated)
    repair(contaminated)
    contaminated.execute(
        "delete from main_audit.remediation_ledger where step = 'remediation_swap'"
    )
    contaminated.operate("remediation_rollback", INCIDENT)
    assert digests(contaminated) == before
    said = [
        line
        for line in contaminated.project.logged
        if "the ledger has none of the table before the swap" in line
    ]
    assert len(said) == 2


@pytest.fixture(scope="module")
def built(before_repair: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Candidates that are ready to be swapped."""
    made = before_repair.copied(tmp_path_factory.mktemp("built"))
    made.operate("remediation_clone", INCIDENT)
    build_candidate(made)
    return made


CANDIDATE = "main_analytics.{}__candidate"
UNTOUCHED = f"payment_id = '{untouched_rows()[0]['payment_id']}'"


@pytest.mark.parametrize(
    ("tampered", "check"),
    [
        (
            f"update {CANDIDATE.format('payments')} set status = 'MARK' where {UNTOUCHED}",
            "payments, rows outside the repair are those of live",
        ),
        (
            f"delete from {CANDIDATE.format('payments')} where {UNTOUCHED}",
            "payments, rows outside the repair are those of live",
        ),
        (
            f"insert into {CANDIDATE.format('payments')} "
            f"select * from main_analytics.payments where {UNTOUCHED}",
            "payments, one row per key",
        ),
        (
            f"update {CANDIDATE.format('payments')} set captured_cents = captured_cents + 1 "
            "where payment_id = 'copied'",
            "payments, captured cents by currency are those of the decisions",
        ),
        (
            f"update {CANDIDATE.format('payments')} set event_count = event_count + 1 "
            "where payment_id = 'copied'",
            "payments, repaired rows are those that the deduplicated events make",
        ),
        *(
            (
                f"update {CANDIDATE.format('payments')} set {change} where payment_id = 'copied'",
                "payments, repaired rows are those that the deduplicated events make",
            )
            for change in (
                "merchant_id = 'mer_evil'",
                "authorized_cents = authorized_cents + 1",
                "refunded_cents = refunded_cents + 1",
                "net_cents = net_cents + 1",
                "status = 'refunded'",
                "first_event_at = first_event_at + interval 1 second",
            )
        ),
        (
            f"update {CANDIDATE.format('payments')} set captured_cents = captured_cents + "
            "case payment_id when 'edge' then 5 else -5 end where payment_id in ('edge', 'moved')",
            "payments, repaired rows are those that the deduplicated events make",
        ),
        (
            f"delete from {CANDIDATE.format('payments')} where payment_id = 'copied'",
            "payments, repaired rows are those that the deduplicated events make",
        ),
        (
            f"update {CANDIDATE.format('fraud_features')} set distinct_payments = 1000 "
            f"where event_hour = '{NOON}'",
            "fraud_features, repaired rows are those that the deduplicated events make",
        ),
        (
            f"update {CANDIDATE.format('fraud_features')} set authorized_cents = 1 "
            f"where event_hour = '{NOON}'",
            "fraud_features, repaired rows are those that the deduplicated events make",
        ),
        (
            f"alter table {CANDIDATE.format('payments')} add column risk integer",
            "payments, columns are those of live",
        ),
        (
            "update main_analytics.incremental_watermarks set repaired_for = null "
            "where relation_name = 'main_analytics.payments__candidate'",
            "payments, built since the clone",
        ),
        (
            "delete from main_incident.incident_decisions where decision = 'remove'",
            "kept + removed + review = rows before",
        ),
        (
            "update main_incident.incident_decisions set decision = 'keep' "
            "where decision = 'remove'",
            "decisions are those that the detection recorded",
        ),
        (
            "update main_incident.incident_decisions set rule_version = '0'; "
            "update main_audit.audit_decisions set rule_version = '0'",
            "audit_decisions is not what ledger entry",
        ),
    ],
    ids=[
        *("outside changed", "outside gone", "key twice", "cents", "events"),
        *("merchant", "authorized", "refunded", "net", "status", "time", "moved cents"),
        *("gone", "features", "hours"),
        *("columns", "not built", "undecided", "decided by hand", "audited by hand"),
    ],
)
def test_a_candidate_that_is_wrong_is_refused(
    built: Warehouse, tmp_path: Path, tampered: str, check: str
) -> None:
    warehouse = built.copied(tmp_path)
    warehouse.execute(tampered)
    with pytest.raises(DbtError):
        warehouse.operate("remediation_swap", INCIDENT)
    assert any(check in line for line in warehouse.project.logged if "FAIL" in line)


def test_candidates_of_another_incident_are_replaced_only_if_asked_to(
    built: Warehouse, tmp_path: Path
) -> None:
    """By dry_run too; and the ledger shows it under both incidents."""
    warehouse = built.copied(tmp_path)
    candidates = digests(warehouse, "__candidate")
    decide_again(warehouse, "INC-2")
    entries = warehouse.digest("main_audit.remediation_ledger")
    for more in ({}, {"dry_run": True}, {"replace_candidates": "yes"}):
        given = json.dumps({"incident_id": "INC-2"} | more)
        with pytest.raises(DbtError, match="candidates of incident INC-1") as error:
            warehouse.dbt("run-operation", "remediation_clone", "--args", given)
    assert "Swap those first: dbt run-operation remediation_swap" in str(error.value)
    arguments = "{incident_id: INC-2, replace_candidates: true}"
    assert f"dbt run-operation remediation_clone --args '{arguments}'" in str(error.value)
    assert digests(warehouse, "__candidate") == candidates
    assert warehouse.digest("main_audit.remediation_ledger") == entries

    warehouse.dbt("run-operation", "remediation_clone", "--args", arguments)
    assert digests(warehouse, "__candidate") == digests(warehouse)
    written = warehouse.query(
        "select incident_id, phase, arguments from main_audit.remediation_ledger "
        "where step = 'remediation_clone' order by entry_number"
    )
    found = [(row["incident_id"], row["phase"], json.loads(row["arguments"])) for row in written]
    assert found[2:] == [
        ("INC-2", "begun", {"replace_candidates": True, "replaced": ["INC-1"]}),
        ("INC-1", "begun", {"replaced_by": "INC-2"}),
        ("INC-1", "ended", {"replaced_by": "INC-2"}),
        ("INC-2", "ended", {}),
    ]
    build_candidate(warehouse, "INC-2")
    approve(warehouse, "INC-2")
    warehouse.operate("remediation_swap", "INC-2")
    # and back to the first, whose build is another incident's no more
    decide_again(warehouse)
    repair(warehouse)
    assert_recorded(warehouse, "remediation_swap")


def die_replacing_candidates(
    warehouse: Warehouse, folder: Path, where: Callable[[StatementLog], int]
) -> None:
    """The clone for another incident, with the flag that lets it, is killed at a statement."""
    decide_again(warehouse, "INC-2")
    given = json.dumps({"incident_id": "INC-2", "replace_candidates": True})
    clone = ("run-operation", "remediation_clone", "--args", given)
    die(warehouse, folder, lambda one: one.dbt(*clone), where)


def test_a_clone_that_died_ends_for_the_incident_that_it_replaced_too(
    built: Warehouse, tmp_path: Path
) -> None:
    """It dies when the candidates bear the new incident's name, so that no flag is needed again."""
    warehouse = built.copied(tmp_path / "work")

    def before_the_other_s_end(log: StatementLog) -> int:
        return next(n for n in log.writing() if "'ended'" in log.statements[n])

    die_replacing_candidates(warehouse, tmp_path, before_the_other_s_end)
    for _ in range(2):
        warehouse.operate("remediation_clone", "INC-2")
        assert_recorded(warehouse, "remediation_clone")
    of_the_other = warehouse.query(
        "select phase, arguments from main_audit.remediation_ledger "
        "where step = 'remediation_clone' and incident_id = 'INC-1' order by entry_number"
    )
    replaced = [row["phase"] for row in of_the_other if "replaced_by" in row["arguments"]]
    assert replaced == ["begun", "ended"]


def test_candidates_that_a_clone_died_before_replacing_are_not_said_to_be_replaced(
    built: Warehouse, tmp_path: Path
) -> None:
    """They are swapped after all; then the other incident is cloned."""
    warehouse = built.copied(tmp_path / "work")

    def before_the_tables(log: StatementLog) -> int:
        begun = [n for n in log.writing() if "'begun'" in log.statements[n]]
        return next(
            n for n in log.writing() if n > begun[-1] and "__candidate" in log.statements[n]
        )

    die_replacing_candidates(warehouse, tmp_path, before_the_tables)
    decide_again(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    decide_again(warehouse, "INC-2")
    warehouse.operate("remediation_clone", "INC-2")
    assert_recorded(warehouse, "remediation_clone")
    said = warehouse.query(
        "select phase from main_audit.remediation_ledger where step = 'remediation_clone' "
        "and incident_id = 'INC-1' and arguments like '%replaced_by%'"
    )
    assert said == [{"phase": "begun"}]


@pytest.mark.parametrize("comment", ["null", "'mine'", """'{"app": "exactly_once"}'"""])
def test_a_table_with_the_name_of_a_candidate_is_never_replaced(
    contaminated: Warehouse, comment: str
) -> None:
    name = CANDIDATE.format("payments")
    contaminated.execute(f"create table {name} as select 1 as mine")
    contaminated.execute(f"comment on table {name} is {comment}")
    for arguments in ({}, {"dry_run": True}, {"replace_candidates": True}):
        given = json.dumps({"incident_id": INCIDENT} | arguments)
        with pytest.raises(DbtError, match=r"payments__candidate.*one that no clone has made"):
            contaminated.dbt("run-operation", "remediation_clone", "--args", given)
    assert contaminated.read(name) == [{"mine": 1}]
    contaminated.execute(f"drop table {name}")
    contaminated.operate("remediation_clone", INCIDENT)


RULED = (
    "alter table main_analytics.payments alter column merchant_id set not null",
    "alter table main_analytics.payments alter column event_count set default 0",
    "alter table main_analytics.payments add primary key (payment_id)",
)


def rules(warehouse: Warehouse, table: str) -> str:
    """The columns and constraints of a curated table, as the statement that makes it has them."""
    found = warehouse.query(f"select sql from duckdb_tables() where table_name = '{table}'")
    return str(found[0]["sql"]).split("(", 1)[1]


def test_not_null_defaults_and_keys_of_live_are_swapped_too(contaminated: Warehouse) -> None:
    before = digests(contaminated)
    for statement in RULED:
        contaminated.execute(statement)
    ruled = rules(contaminated, "payments")
    for rule in ("merchant_id VARCHAR NOT NULL", "DEFAULT(0)", "PRIMARY KEY"):
        assert rule in ruled
    repair(contaminated)
    assert rules(contaminated, "payments") == ruled
    contaminated.write_events(steady_events(NOON + 30 * HOUR))
    contaminated.dbt(*JOB)
    assert rules(contaminated, "payments") == ruled
    roll_back_at_once(contaminated)
    assert rules(contaminated, "payments") == ruled
    assert digests(contaminated) == before


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (RULED[0], "live has merchant_id .* not null, the candidate has merchant_id"),
        (RULED[1], "live has event_count bigint default 0, the candidate has event_count bigint"),
        (RULED[2], r"live has payment_id .* not null, live has PRIMARY KEY\(payment_id\)"),
    ],
    ids=["not null", "default", "key"],
)
def test_a_rule_that_live_got_since_the_clone_is_missed(
    built: Warehouse, tmp_path: Path, statement: str, found: str
) -> None:
    warehouse = built.copied(tmp_path)
    warehouse.execute(statement)
    with pytest.raises(DbtError, match="payments, columns are those of live"):
        warehouse.operate("remediation_swap", INCIDENT)
    assert any(re.search(found, line) for line in warehouse.project.logged)


@pytest.mark.parametrize("table", ["payments", "payments__candidate"])
def test_an_index_is_refused_before_anything_is_renamed(
    built: Warehouse, tmp_path: Path, table: str
) -> None:
    """DuckDB renames no table that has one."""
    warehouse = built.copied(tmp_path)
    entries = warehouse.digest("main_audit.remediation_ledger")
    made = f"CREATE INDEX by_merchant ON main_analytics.{table}(merchant_id)"
    warehouse.execute(made)
    for verb in ("clone", "validate", "swap"):
        for arguments in ({}, {"dry_run": True}):
            given = json.dumps({"incident_id": INCIDENT} | arguments)
            with pytest.raises(DbtError, match="found 1 indexes") as error:
                warehouse.dbt("run-operation", f"remediation_{verb}", "--args", given)
            assert made in str(error.value)
    assert warehouse.digest("main_audit.remediation_ledger") == entries
    drop = re.search(r"Run: (drop index .*?);", str(error.value))
    assert drop
    warehouse.execute(drop[1])
    warehouse.operate("remediation_swap", INCIDENT)
    warehouse.execute(made.replace("__candidate", ""))


def test_a_key_that_refers_to_live_is_refused_before_anything_is_renamed(
    contaminated: Warehouse,
) -> None:
    contaminated.execute(RULED[2])
    contaminated.execute(
        "create table main_analytics.notes "
        "(payment_id varchar references main_analytics.payments (payment_id))"
    )
    with pytest.raises(DbtError, match=r"keys that refer to them, of main_analytics\.notes"):
        contaminated.operate("remediation_clone", INCIDENT)


def test_candidates_keep_their_marker_through_a_build(built: Warehouse, tmp_path: Path) -> None:
    """A full refresh would make them anew without it."""
    warehouse = built.copied(tmp_path)
    with pytest.raises(DbtError, match="--full-refresh; accepted: a run that repairs the clone"):
        warehouse.dbt("run", *REPAIR[1:], "--full-refresh", exactly_once__build_candidate=True)
    warehouse.operate("remediation_clone", INCIDENT)


def test_the_build_of_a_candidate_says_nothing_of_the_job(built: Warehouse) -> None:
    """The job had the guard off, and goes on as it did when the candidates are live."""
    recorded = {
        row["relation_name"]: json.loads(row["built_with"])["deduplicate"]
        for row in built.read("main_analytics.incremental_watermarks")
    }
    assert set(recorded) >= {"main_analytics.payments", "main_analytics.payments__candidate"}
    assert set(recorded.values()) == {False}


def test_a_candidate_that_is_right_is_swapped(built: Warehouse, tmp_path: Path) -> None:
    """What the others tamper with."""
    warehouse = built.copied(tmp_path)
    assert warehouse.query(
        f"select count(*) as n from {CANDIDATE.format('payments')} where {UNTOUCHED}"
    ) == [{"n": 1}]
    warehouse.operate("remediation_swap", INCIDENT)


A_PAYMENT = f"payment_id = '{steady_events(NOON)[0]['payment_id']}'"


class Meanwhile:
    """What somebody else does just before the first query after a statement with a text in it."""

    def __init__(self, warehouse: Warehouse, after: str, *does: str) -> None:
        self.warehouse, self.after, self.does = warehouse, after, does
        self.is_due = self.is_done = False

    def __call__(self, sql: str) -> None:
        if self.is_due and "select" in sql and not self.is_done:
            self.is_done = True
            for statement in self.does:
                self.warehouse.execute(statement)
        self.is_due = self.is_due or self.after in sql


def ended_digests(warehouse: Warehouse, step: str) -> list[str]:
    """Of both curated tables, by the last entry of a step that ended."""
    found = warehouse.query(
        "select digests from main_audit.remediation_ledger "
        f"where step = '{step}' and phase = 'ended' order by entry_number desc"
    )
    return [json.loads(found[0]["digests"])[table] for table in CURATED]


@pytest.mark.parametrize("dies", [False, True], ids=["at once", "after a death"])
def test_rows_that_changed_between_checks_and_swap_are_named(
    built: Warehouse, tmp_path: Path, dies: bool
) -> None:
    """Live is read after the swap: an error, as often as it is asked, until it is rolled back."""
    warehouse = built.copied(tmp_path)
    before, checked = digests(warehouse), digests(warehouse, "__candidate")
    change = f"update {CANDIDATE.format('payments')} set captured_cents = 0 where {A_PAYMENT}"
    unchecked = pytest.raises(
        DbtError,
        match=r"rows of payments that nobody checked.*Go back: dbt run-operation remediation_roll",
    )
    meanwhile = Meanwhile(warehouse, "'remediation_swap' as step", change)
    with watched() as log:
        warehouse.copied(tmp_path / "whole").operate("remediation_swap", INCIDENT)
    if dies:
        swap = next(n for n, sql in enumerate(log.statements) if "rename to" in sql)
        # the next of its statements is past the commit
        death = next(n for n, sql in enumerate(log.statements) if n > swap and "select" in sql)
        with pytest.raises(DbtError, match="killed"), watched(Death(death), meanwhile):
            warehouse.operate("remediation_swap", INCIDENT)
    with unchecked, watched(meanwhile=meanwhile):
        warehouse.operate("remediation_swap", INCIDENT)
    assert meanwhile.is_done

    live = digests(warehouse)
    assert (live[0] != checked[0], live[1] == checked[1]) == (True, True)
    assert ended_digests(warehouse, "remediation_swap") == package_digests(warehouse)
    with unchecked:
        warehouse.operate("remediation_swap", INCIDENT)
    warehouse.operate("remediation_status", INCIDENT)
    assert any("rows of payments that nobody checked" in line for line in warehouse.project.logged)
    assert "Next: dbt run-operation remediation_rollback" in warehouse.project.logged[-1]
    warehouse.operate("remediation_rollback", INCIDENT)
    assert digests(warehouse) == before
    assert_recorded(warehouse, "remediation_rollback")


@pytest.mark.parametrize("verb", ["remediation_retire", "raw_quarantine"])
def test_the_way_back_stays_until_the_swap_is_verified(
    built: Warehouse, tmp_path: Path, verb: str
) -> None:
    """A swap that died before live was read is finished first, and one that was wrong goes back."""
    warehouse = built.copied(tmp_path)

    def after_the_swap(log: StatementLog) -> int:
        swap = next(n for n, sql in enumerate(log.statements) if "rename to" in sql)
        return next(n for n, sql in enumerate(log.statements) if n > swap and "select" in sql)

    die(warehouse, tmp_path, lambda one: one.operate("remediation_swap", INCIDENT), after_the_swap)
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation remediation_swap" in warehouse.project.logged[-1]
    before = warehouse.digest("main_audit.remediation_ledger"), warehouse.tables()
    with pytest.raises(DbtError, match="an unfinished remediation_swap for"):
        warehouse.operate(verb, INCIDENT)
    warehouse.execute(f"update main_analytics.payments set captured_cents = 0 where {A_PAYMENT}")
    assert before == (warehouse.digest("main_audit.remediation_ledger"), warehouse.tables())
    with pytest.raises(DbtError, match="rows of payments that nobody checked"):
        warehouse.operate("remediation_swap", INCIDENT)
    with pytest.raises(DbtError, match="rows of payments that nobody checked"):
        warehouse.operate(verb, INCIDENT)


def test_a_rollback_that_died_before_its_end_is_ended_before_all_else(
    built: Warehouse, tmp_path: Path
) -> None:
    """Else the ledger would say for good that the swap stands."""
    warehouse = built.copied(tmp_path)
    warehouse.operate("remediation_swap", INCIDENT)
    die(
        warehouse,
        tmp_path,
        lambda one: one.operate("remediation_rollback", INCIDENT),
        before_its_end,
    )
    before = warehouse.digest("main_audit.remediation_ledger"), warehouse.tables()
    unfinished = f"an unfinished remediation_rollback for incident {INCIDENT}"
    for verb in ("remediation_retire", "remediation_clone", "raw_quarantine"):
        with pytest.raises(DbtError, match=unfinished):
            warehouse.operate(verb, INCIDENT)
    # its end has the digests of live, which another incident's step would change
    for verb in ("remediation_swap", "remediation_rollback", "remediation_retire"):
        with pytest.raises(DbtError, match=unfinished):
            warehouse.operate(verb, "INC-2")
    warehouse.operate("remediation_status", "INC-2")
    assert f"  first {unfinished}" in warehouse.project.logged
    assert before == (warehouse.digest("main_audit.remediation_ledger"), warehouse.tables())
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation remediation_rollback" in warehouse.project.logged[-1]
    for verb in ("remediation_rollback", "remediation_retire", "remediation_status"):
        warehouse.operate(verb, INCIDENT)
    assert not [line for line in warehouse.project.logged if "live is repaired" in line]


def test_status_after_a_rollback_leads_to_the_clone_whatever_had_stopped(
    built: Warehouse, tmp_path: Path
) -> None:
    """Copies go last: to go on with them would take them from raw while live counts them."""
    warehouse = built.copied(tmp_path)
    warehouse.operate("remediation_swap", INCIDENT)

    def first_slice(log: StatementLog) -> int:
        return next(n for n, sql in enumerate(log.statements) if "begin transaction" in sql)

    die(warehouse, tmp_path, lambda one: one.operate("raw_quarantine", INCIDENT), first_slice)
    warehouse.operate("remediation_rollback", INCIDENT)
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation remediation_clone" in warehouse.project.logged[-1]


def test_an_end_that_got_lost_stops_no_later_repair(built: Warehouse, tmp_path: Path) -> None:
    """What lacks it is named by ledger_verify; no command could write it any more."""
    warehouse = built.copied(tmp_path)
    for verb in ("remediation_swap", "remediation_rollback", "remediation_clone"):
        warehouse.operate(verb, INCIDENT)
    warehouse.execute(
        "delete from main_audit.remediation_ledger "
        "where step = 'remediation_rollback' and phase = 'ended'"
    )
    warehouse.operate("remediation_clone", INCIDENT)
    with pytest.raises(DbtError, match="ledger"):
        warehouse.dbt("run-operation", "ledger_verify")


def test_what_others_did_while_digests_were_taken_is_not_undone(
    built: Warehouse, tmp_path: Path
) -> None:
    """A part of the candidates built again, and a later swap: the last look finds them."""
    warehouse = built.copied(tmp_path)

    def once(verb: str, *statements: str) -> Callable[[str], None]:
        done: list[str] = []

        def meanwhile(sql: str) -> None:
            if not done and "merge into" in sql and f"'{verb}'" in sql:
                done.extend(statements)
                for statement in statements:
                    warehouse.execute(statement)

        return meanwhile

    before = digests(warehouse)
    note = (
        "update main_analytics.incremental_watermarks set last_run = {} "
        "where relation_name like '%payments__candidate%'"
    )
    with (
        pytest.raises(DbtError, match="a build or a detection that began, or ended, after"),
        watched(meanwhile=once("remediation_swap", note.format("'another'"))),
    ):
        warehouse.operate("remediation_swap", INCIDENT)
    assert digests(warehouse) == before
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    repaired = digests(warehouse)

    later = json.dumps({"app": "exactly_once", "replaced_for": "INC-2", "cloned_at": "9999-01-01"})
    kept = "main_analytics.fraud_features__replaced_inc_2"
    another = (f"create table {kept} (a int)", f"comment on table {kept} is '{later}'")
    with (
        pytest.raises(DbtError, match="a later swap, for incident INC-2"),
        watched(meanwhile=once("remediation_rollback", *another)),
    ):
        roll_back_at_once(warehouse)
    assert digests(warehouse) == repaired


def test_status_after_a_verdict_on_copies_that_went_leads_to_their_return(
    built: Warehouse, tmp_path: Path
) -> None:
    """Not to the retire, after which nobody can go back."""
    warehouse = built.copied(tmp_path)
    for verb in ("remediation_swap", "raw_quarantine"):
        warehouse.operate(verb, INCIDENT)
    gone = warehouse.query("select event_fingerprint from main_audit.quarantined_events limit 1")
    give_verdict(warehouse, gone[0]["event_fingerprint"], "keep")
    decide_again(warehouse)
    warehouse.operate("remediation_status", INCIDENT)
    assert warehouse.project.logged[-1].startswith("Next: dbt run-operation raw_restore")


def test_a_part_that_was_built_after_the_tests_is_not_swapped(
    built: Warehouse, tmp_path: Path
) -> None:
    """The tests of the build before say nothing of its rows."""
    warehouse = built.copied(tmp_path)
    part = ("run", "--select", "payments")
    warehouse.dbt(*part, exactly_once__build_candidate=True, incident_id=INCIDENT)
    with pytest.raises(DbtError, match="the last build of the candidates ended well"):
        warehouse.operate("remediation_swap", INCIDENT)
    found = "not of payments, which a run of a part has built since"
    assert [line for line in warehouse.project.logged if found in line]
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)


def test_a_comment_on_live_is_neither_lost_nor_needed(built: Warehouse, tmp_path: Path) -> None:
    warehouse = built.copied(tmp_path)

    def comment(table: str) -> str | None:
        found = warehouse.query(f"select comment from duckdb_tables() where table_name = '{table}'")
        return None if found[0]["comment"] is None else str(found[0]["comment"])

    warehouse.execute("comment on table main_analytics.payments is 'Money'")
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    assert (comment("payments"), comment("fraud_features")) == ("Money", None)
    warehouse.execute("comment on table main_analytics.payments is 'More money'")
    warehouse.execute("create index merchants on main_analytics.payments (merchant_id)")
    with pytest.raises(DbtError, match=r"found 1 indexes; .* Run: drop index .*merchants"):
        warehouse.operate("remediation_rollback", INCIDENT)
    warehouse.execute("drop index main_analytics.merchants")
    warehouse.execute("alter table main_analytics.payments add column note varchar")
    with pytest.raises(DbtError, match="1 columns less than live") as refused:
        warehouse.operate("remediation_rollback", INCIDENT)
    assert re.search('add column "note" .*; then dbt build', str(refused.value))
    with pytest.raises(DbtError, match="1 columns less than live"):
        build_replaced(warehouse)
    warehouse.execute("alter table main_analytics.payments drop column note")
    warehouse.operate("remediation_rollback", INCIDENT)
    assert (comment("payments"), comment("fraud_features")) == ("Money", None)
    warehouse.operate("remediation_status", INCIDENT)
    assert any("rolled back; live is what" in line for line in warehouse.project.logged)
    warehouse.operate("remediation_retire", INCIDENT)
    assert not [name for name in warehouse.tables() if "__withdrawn" in name]


@pytest.mark.parametrize("goes_back", [False, True])
def test_a_retire_that_died_before_its_end_is_the_next_step(
    built: Warehouse, tmp_path: Path, goes_back: bool
) -> None:
    """What told the state is dropped by then; the clone would begin all of it again."""
    warehouse = built.copied(tmp_path / "work")
    warehouse.operate("remediation_swap", INCIDENT)
    if goes_back:
        warehouse.operate("remediation_rollback", INCIDENT)
    die(
        warehouse,
        tmp_path,
        lambda one: one.operate("remediation_retire", INCIDENT),
        before_its_end,
    )
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation remediation_retire" in warehouse.project.logged[-1]
    warehouse.operate("remediation_retire", INCIDENT)
    assert_recorded(warehouse, "remediation_retire")
    warehouse.operate("remediation_status", INCIDENT)
    retired = next(line for line in warehouse.project.logged if line.startswith("  done retired"))
    assert retired.endswith("the old tables are dropped")


def test_a_retire_that_dropped_nothing_is_no_longer_next_after_a_rollback(
    built: Warehouse, tmp_path: Path
) -> None:
    """Who goes back instead keeps the way to the repaired tables."""
    warehouse = built.copied(tmp_path / "work")
    warehouse.operate("remediation_swap", INCIDENT)
    die(
        warehouse,
        tmp_path,
        lambda one: one.operate("remediation_retire", INCIDENT),
        lambda log: next(n for n in log.writing() if "drop table" in log.statements[n].lower()),
    )
    warehouse.operate("remediation_status", INCIDENT)
    told = "Next, once nobody will go back: dbt run-operation remediation_retire"
    assert told in warehouse.project.logged[-1]
    warehouse.operate("remediation_rollback", INCIDENT)
    warehouse.operate("remediation_status", INCIDENT)
    assert "Next: dbt run-operation remediation_clone" in warehouse.project.logged[-1]


def package_digests(warehouse: Warehouse) -> list[str]:
    """Of both curated tables, by the package's own macro."""
    found = []
    for table in CURATED:
        query = (
            "select digest from ({{ exactly_once.relation_digest("
            f"exactly_once.model_relation('{table}')) }}}}) as found"
        )
        shown = warehouse.dbt("show", "--inline", query).results[0].agate_table.rows
        found.append(shown[0][0])
    return found


def test_a_regular_run_just_after_the_swap_raises_no_alarm(
    built: Warehouse, tmp_path: Path
) -> None:
    warehouse = built.copied(tmp_path)
    run = Meanwhile(
        warehouse,
        "rename to",
        f"update main_analytics.payments set captured_cents = 0 where {A_PAYMENT}",
        "update main_analytics.incremental_watermarks set last_run = 'a run' "
        "where relation_name = 'main_analytics.payments'",
    )
    with watched(meanwhile=run):
        warehouse.operate("remediation_swap", INCIDENT)
    assert run.is_done
    said = [line for line in warehouse.project.logged if "the candidate that was checked" in line]
    assert len(said) == 2
    assert "fraud_features: equal to the candidate that was checked" in said[0]
    assert "a run wrote to it in between" in said[1]
    warehouse.operate("remediation_status", INCIDENT)
    told = "a run wrote to payments before it was compared with what was checked"
    assert any(told in line for line in warehouse.project.logged)
    warehouse.operate("remediation_swap", INCIDENT)
    assert "swapped already" in warehouse.project.logged[-1]


def test_a_replaced_table_that_somebody_changed_does_not_become_live_unsaid(
    built: Warehouse, tmp_path: Path
) -> None:
    warehouse = built.copied(tmp_path)
    warehouse.operate("remediation_swap", INCIDENT)
    live = digests(warehouse)
    replaced = "main_analytics.payments__replaced_inc_1"
    warehouse.execute(f"update {replaced} set captured_cents = 999999 where {A_PAYMENT}")
    entries = warehouse.digest("main_audit.remediation_ledger")
    changed = "other rows in payments than the ledger has the digest of, and no run wrote them"
    for arguments in ({}, {"dry_run": True}):
        given = json.dumps({"incident_id": INCIDENT} | arguments)
        with pytest.raises(DbtError, match=changed):
            warehouse.dbt("run-operation", "remediation_rollback", "--args", given)
    assert digests(warehouse) == live
    assert warehouse.digest("main_audit.remediation_ledger") == entries
    # neither a build of the replaced tables hides it, nor a gap that is allowed
    build_replaced(warehouse)
    for arguments in ({}, {"allow_gap": True}):
        given = json.dumps({"incident_id": INCIDENT} | arguments)
        with pytest.raises(DbtError, match=changed):
            warehouse.dbt("run-operation", "remediation_rollback", "--args", given)
    assert digests(warehouse) == live
    given = json.dumps({"incident_id": INCIDENT, "allow_changed": True})
    warehouse.execute("delete from main_seeds.incident_register")
    with pytest.raises(DbtError, match="found 0 rows; accepted: one row with a ticket"):
        warehouse.dbt("run-operation", "remediation_rollback", "--args", given)
    approve(warehouse)
    warehouse.dbt("run-operation", "remediation_rollback", "--args", given)
    assert any("rows of payments become live" in line for line in warehouse.project.logged)
    begun = warehouse.query(
        "select arguments from main_audit.remediation_ledger "
        "where step = 'remediation_rollback' and phase = 'begun'"
    )
    approved = {"approved_by": "bob", "requested_by": "alice", "ticket": "T-1"}
    assert json.loads(begun[0]["arguments"]) == {"allow_changed": True} | approved


def test_a_replaced_table_that_somebody_changed_before_it_is_swapped_again_is_said(
    built: Warehouse, tmp_path: Path
) -> None:
    warehouse = built.copied(tmp_path)
    warehouse.operate("remediation_swap", INCIDENT)
    replaced = "main_analytics.payments__replaced_inc_1"
    warehouse.execute(f"update {replaced} set captured_cents = 999999 where {A_PAYMENT}")
    given = json.dumps({"incident_id": INCIDENT, "allow_changed": True})
    warehouse.dbt("run-operation", "remediation_rollback", "--args", given)
    said = [line for line in warehouse.project.logged if "no run wrote to it in between" in line]
    assert len(said) == 1
    assert said[0].startswith("  payments: ")


def test_a_replaced_table_that_a_run_wrote_to_is_made_live_and_it_is_said(
    built: Warehouse, tmp_path: Path
) -> None:
    """As a build of the replaced tables does that fails half way; one that ends is the proof."""
    warehouse = built.copied(tmp_path)
    warehouse.operate("remediation_swap", INCIDENT)
    ended = warehouse.copied(tmp_path / "ended")
    replaced = "main_analytics.payments__replaced_inc_1"
    for statement in (
        f"update {replaced} set captured_cents = 1 where {A_PAYMENT}",
        "update main_analytics.incremental_watermarks set last_run = 'a run' "
        f"where relation_name = '{replaced}'",
    ):
        warehouse.execute(statement)
    warehouse.operate("remediation_rollback", INCIDENT)
    said = [line for line in warehouse.project.logged if "a run wrote to it in between" in line]
    assert len(said) == 1

    build_replaced(ended)
    ended.execute(f"update {replaced} set captured_cents = 1 where {A_PAYMENT}")
    with pytest.raises(DbtError, match="with what had arrived by ledger entry"):
        ended.operate("remediation_rollback", INCIDENT)


@pytest.fixture
def below_zero(warehouse: Warehouse) -> Warehouse:
    """Copies that take from the amounts of their payment, repaired and swapped."""
    corrected = [
        event("corrected", NOON, amount_cents=2000),
        *(event("corrected", NOON + MINUTE, event_id=name, amount_cents=-500) for name in "abc"),
    ]
    warehouse.write_events([*steady_events(NOON), *corrected, *steady_events(NOON + 20 * HOUR)])
    warehouse.dbt(*JOB, exactly_once__deduplicate=False)
    detect(warehouse, WINDOW)
    repair(warehouse)
    return warehouse


def test_copies_below_zero_do_not_stand_in_the_way_of_a_rollback(below_zero: Warehouse) -> None:
    """Live has more of the amount than the replaced table, and yet lacks nothing."""
    amounts = [
        below_zero.query(
            f"select captured_cents from main_analytics.payments{suffix} "
            "where payment_id = 'corrected'"
        )[0]["captured_cents"]
        for suffix in ("", "__replaced_inc_1")
    ]
    assert amounts == [1500, 500]

    def compared(*measures: str) -> str:
        query = (
            "select '{{ exactly_once._measures_that_copies_add_to("
            f"{{'measures': {list(measures)}}}, '{INCIDENT}') | join(' ') }}}}' as measures"
        )
        shown = below_zero.dbt("show", "--inline", query).results[0].agate_table.rows
        return str(shown[0][0])

    assert compared("event_count", "captured_cents") == "event_count"
    assert compared("captured_cents") == ""
    for decisions in ("main_incident.incident_decisions", "main_audit.audit_decisions"):
        below_zero.execute(f"update {decisions} set amount_cents = 500 where amount_cents < 0")
    assert compared("captured_cents") == "captured_cents"

    # events that land behind the mark are missed by their count, whatever their amount
    steady = steady_events(NOON)[0]["payment_id"]
    below_zero.write_events([event(steady, NOON + 20 * HOUR, amount_cents=-1)])
    below_zero.dbt(*JOB)
    with pytest.raises(DbtError, match=r"less than readers see: .*1 rows of payments"):
        below_zero.operate("remediation_rollback", INCIDENT)
    build_replaced(below_zero)
    below_zero.operate("remediation_rollback", INCIDENT)
