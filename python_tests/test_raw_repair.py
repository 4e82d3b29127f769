"""Raw is repaired in place: nothing is lost, and every row comes back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests import oracle
from python_tests.faults import before_its_end, die
from python_tests.laws import (
    HOUR,
    INCIDENT,
    MICROSECOND,
    MINUTE,
    NOON,
    WINDOW,
    Row,
    contaminate,
    contaminated_rows,
    decide_again,
    event,
    give_verdict,
    steady_events,
)
from python_tests.laws_of_raw import (
    QUARANTINE,
    after_insert,
    assert_goes_and_comes_back,
    assert_moved,
    check_concurrent_arrival,
    check_jobs_after,
    check_raw_repair,
    check_refusals,
    check_restore,
    detect,
    hashes,
    identical_rows,
    ledger,
    operate,
    phases,
    quarantined_rows,
    raw_rows,
    state,
    to_remove,
    verify_ledger,
)
from python_tests.oracle import Layout
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.test_other_sources import LEDGER, LEDGER_COLUMNS, LEDGER_VARS, ledger_batches
from python_tests.test_other_sources import NOON as NOON_UTC
from python_tests.warehouse import EVENT_COLUMNS, DbtError, Project, Warehouse

# On the simulator in the soak alone: other tests send the same SQL there
DUCKDB_THEN_SOAK = pytest.mark.parametrize(
    "any_warehouse",
    ["duckdb", pytest.param("snowflake", marks=pytest.mark.soak)],
    indirect=True,
)


@pytest.fixture(params=["duckdb", "snowflake"])
def any_warehouse(request: pytest.FixtureRequest) -> Callable[..., Warehouse]:
    """Makes a warehouse, on each engine."""
    names = {"duckdb": "new_warehouse", "snowflake": "new_snowflake_warehouse"}
    made: Callable[..., Warehouse] = request.getfixturevalue(names[request.param])
    return made


@DUCKDB_THEN_SOAK
def test_copies_go_to_quarantine_and_nothing_is_lost(
    any_warehouse: Callable[..., Warehouse],
) -> None:
    check_raw_repair(any_warehouse())


@DUCKDB_THEN_SOAK
def test_a_restore_gives_equal_rows_back(any_warehouse: Callable[..., Warehouse]) -> None:
    check_restore(any_warehouse())


@DUCKDB_THEN_SOAK
def test_nothing_goes_without_its_survivor(any_warehouse: Callable[..., Warehouse]) -> None:
    check_refusals(any_warehouse())


@pytest.mark.soak
def test_another_order_of_keys_stops_a_raw_repair(
    snowflake_warehouse: SnowflakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Snowflake does not promise: nothing is removed, and a new detection decides anew."""
    from python_tests.snowflake_simulator import variant

    warehouse = snowflake_warehouse
    inside, payload = NOON + HOUR / 6, '{"b": {"d": 1, "c": 2}, "a": 3}'
    arrivals = [("later", inside), ("later", inside + HOUR), ("identical", inside)]
    rows = [event(name, arrives, payload=payload) for name, arrives in arrivals]
    warehouse.write_events([*rows, rows[-1]])
    warehouse.dbt("seed")
    warehouse.dbt("run", "--selector", "fifteen_minute")
    detect(warehouse)
    fingerprints = "main_staging.stg_events_deduplicated", "event_fingerprint"
    before, untouched = warehouse.digest(*fingerprints), state(warehouse)

    def backwards(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: backwards(value[name]) for name in sorted(value, reverse=True)}
        return value

    monkeypatch.setattr(
        variant, "_written", lambda value: json.dumps(backwards(value), separators=(",", ":"))
    )
    warehouse.execute(f"update {warehouse.source} set payload = parse_json(to_json(payload))")
    with pytest.raises(DbtError, match="2 copies to remove that are not there, and 2 events"):
        operate(warehouse, "raw_quarantine")
    assert state(warehouse) == untouched

    warehouse.dbt("run", "--selector", "fifteen_minute", "--full-refresh")
    assert warehouse.digest(*fingerprints) == before
    detect(warehouse)
    operate(warehouse, "raw_quarantine")
    assert len(warehouse.read(warehouse.source)) == 2


def test_a_row_that_arrives_while_its_like_are_removed_stays(
    any_warehouse: Callable[..., Warehouse],
) -> None:
    check_concurrent_arrival(any_warehouse())


@DUCKDB_THEN_SOAK
def test_the_jobs_and_their_tests_hold_after_the_raw_repair(
    any_warehouse: Callable[..., Warehouse],
) -> None:
    check_jobs_after(any_warehouse())


@pytest.mark.parametrize(
    ("any_warehouse", "time_zone", "has_payload"),
    [
        ("duckdb", "America/Los_Angeles", True),
        ("duckdb", "Asia/Kolkata", False),
        pytest.param("snowflake", "America/Los_Angeles", True, marks=pytest.mark.soak),
        ("snowflake", "Asia/Kolkata", False),
    ],
    indirect=["any_warehouse"],
)
def test_another_source_is_repaired_alike(
    any_warehouse: Callable[..., Warehouse], time_zone: str, has_payload: bool
) -> None:
    """Names in quotes, times with an offset, a payload that is text or none, no event_id."""
    columns = {name: kind for name, kind in LEDGER_COLUMNS.items() if has_payload or name != "body"}
    given: dict[str, Any] = dict(LEDGER_VARS)
    layout = LEDGER
    if not has_payload:
        given |= {
            "exactly_once__payload_column": None,
            "exactly_once__payload_identity_paths": [],
        }
        layout = Layout(**{**vars(LEDGER), "payload": None, "identity_paths": ()})
    warehouse = any_warehouse(
        source="ledger.entries", columns=columns, settings=given, time_zone=time_zone
    )
    batches = ledger_batches(timedelta(hours=2))
    rows = [
        {name: row[name] for name in columns} for batch in [*batches, batches[1]] for row in batch
    ]
    warehouse.write_events(rows)
    warehouse.dbt("seed")
    window = (NOON_UTC, NOON_UTC + 9 * HOUR)
    detect(warehouse, window)
    gone = to_remove(rows, window, layout)
    assert gone.total() > 10
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, rows, gone)
    operate(warehouse, "raw_quarantine")
    assert len(ledger(warehouse)) == 2
    operate(warehouse, "raw_restore")
    assert raw_rows(warehouse) == hashes(rows)
    first, *_, last = ledger(warehouse)
    assert first["digests"]["source"] == last["digests"]["source"]
    verify_ledger(warehouse)


@DUCKDB_THEN_SOAK
def test_a_column_of_another_type_is_refused_before_anything_goes(
    any_warehouse: Callable[..., Warehouse],
) -> None:
    """The quarantine was made before the owner of the source gave fees four decimals."""
    warehouse = any_warehouse(columns={**EVENT_COLUMNS, "fee": "decimal(10,2)"})
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("seed")
    detect(warehouse)
    for sql in (
        "create table raw.again as select * from raw.events",
        "alter table raw.again drop column fee",
        "alter table raw.again add column fee decimal(18,4)",
        "drop table raw.events",
        "alter table raw.again rename to raw.events"
        if isinstance(warehouse, SnowflakeWarehouse)
        else "alter table raw.again rename to events",
    ):
        warehouse.execute(sql)
    rows = [event("two", NOON + 6 * MINUTE, event_id=name, fee="0.1234") for name in "ab"]
    warehouse.write_events(rows)
    detect(warehouse)
    untouched = state(warehouse)
    for verb in ("raw_quarantine", "raw_restore"):
        with pytest.raises(DbtError, match=r"(?i)other types .*fee .*10,2.*18,4.*alter table"):
            operate(warehouse, verb)
    assert state(warehouse) == untouched


def test_what_is_refused_for_its_type_goes_and_comes_back_once_the_types_are_equal(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse(columns={**EVENT_COLUMNS, "fee": "decimal(10,2)"})
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("seed")
    detect(warehouse)
    warehouse.execute("alter table raw.events alter column fee type decimal(18,4)")
    warehouse.write_events(
        [event("two", NOON + 6 * MINUTE, event_id=name, fee="0.1234") for name in "ab"]
    )
    detect(warehouse)
    before = warehouse.digest(warehouse.source)
    with pytest.raises(DbtError) as error:
        operate(warehouse, "raw_quarantine")
    alter = re.search(
        r"alter table \S*quarantined_events.* set data type \S+(?=, or)", str(error.value)
    )
    assert alter
    warehouse.execute(alter[0].replace('"warehouse".', ""))
    operate(warehouse, "raw_quarantine")
    assert warehouse.digest(warehouse.source) != before
    operate(warehouse, "raw_restore")
    assert warehouse.digest(warehouse.source) == before
    verify_ledger(warehouse)


@DUCKDB_THEN_SOAK
@pytest.mark.parametrize("verb", ["raw_quarantine", "raw_restore"])
def test_rows_that_would_come_out_otherwise_stay_where_they_are(
    any_warehouse: Callable[..., Warehouse], verb: str
) -> None:
    """Law 2: as many rows is not enough. What a column can't hold is undone, and said."""
    warehouse = any_warehouse()
    copies = [event("copied", NOON + 6 * MINUTE, event_id=name) for name in "aabc"]
    warehouse.write_events([*steady_events(NOON), *copies])
    warehouse.dbt("seed")
    detect(warehouse)
    written = QUARANTINE
    if verb == "raw_restore":
        operate(warehouse, "raw_quarantine")
        written = warehouse.source
    before = raw_rows(warehouse), quarantined_rows(warehouse)
    with (
        after_insert(warehouse, f"update {written} set amount_cents = 1 where event_id = 'b'"),
        pytest.raises(DbtError, match=r"1 rows that are not in .* as they were in the source"),
    ):
        operate(warehouse, verb)
    assert (raw_rows(warehouse), quarantined_rows(warehouse)) == before
    operate(warehouse, verb)
    after = raw_rows(warehouse), quarantined_rows(warehouse)
    assert after != before
    assert after[0] + after[1] == before[0] + before[1]


@DUCKDB_THEN_SOAK
def test_a_changed_row_is_not_restored(any_warehouse: Callable[..., Warehouse]) -> None:
    warehouse = any_warehouse()
    warehouse.write_events(contaminated_rows())
    warehouse.dbt("seed")
    detect(warehouse)
    operate(warehouse, "raw_quarantine")
    warehouse.execute(f"update {QUARANTINE} set amount_cents = 1 where payment_id = 'edge'")
    before = raw_rows(warehouse)
    with pytest.raises(DbtError, match="1 rows that are not in the quarantine as they were"):
        operate(warehouse, "raw_restore")
    edge = hashes([event("edge", NOON + 4 * HOUR, amount_cents=1)])
    assert not raw_rows(warehouse) & edge
    assert before - raw_rows(warehouse) == Counter()
    warehouse.execute(f"update {QUARANTINE} set amount_cents = 1000 where payment_id = 'edge'")
    operate(warehouse, "raw_restore")
    assert raw_rows(warehouse) == hashes(contaminated_rows())


def test_a_column_that_the_engine_computes_is_computed_again(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse()
    described = ", ".join(f"{name} {kind}" for name, kind in EVENT_COLUMNS.items())
    day = "arrival_day date generated always as (cast(ingest_ts as date))"
    warehouse.execute(f"create or replace table raw.events ({described}, {day})")
    warehouse.write_events([*contaminated_rows(), *identical_rows()])
    warehouse.dbt("seed")
    detect(warehouse)
    assert_goes_and_comes_back(warehouse)
    verify_ledger(warehouse)


@DUCKDB_THEN_SOAK
def test_without_copies_to_remove_nothing_is_written(
    any_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = any_warehouse()
    rows = [*steady_events(NOON), *[event(None, event_id="incomplete")] * 2]
    warehouse.write_events(rows)
    warehouse.dbt("seed")
    detect(warehouse)
    untouched = state(warehouse)
    operate(warehouse, "raw_quarantine")
    assert state(warehouse) == untouched
    assert not phases(warehouse)


@DUCKDB_THEN_SOAK
def test_a_view_is_refused(any_warehouse: Callable[..., Warehouse]) -> None:
    warehouse = any_warehouse()
    warehouse.write_events([*steady_events(NOON), *[event("two")] * 2])
    warehouse.execute("create view raw.seen as select * from raw.events")
    warehouse.settings = {"exactly_once__source_table": "seen"}
    warehouse.dbt("seed")
    detect(warehouse)
    untouched = state(warehouse)
    for verb in ("raw_quarantine", "raw_restore"):
        with pytest.raises(DbtError, match=r"a view, from which no row can be taken out"):
            operate(warehouse, verb)
    assert state(warehouse) == untouched


@st.composite
def small_worlds(draw: st.DrawFn) -> list[Row]:
    """A few events, many copies: ties, identical rows, and NULL wherever it may be."""
    copies = st.builds(
        event,
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(
            [NOON, NOON + HOUR - MICROSECOND, NOON + HOUR, NOON + 30 * HOUR, None],
        ),
        event_id=st.sampled_from(["x", "y", None]),
        event_ts=st.sampled_from([NOON, NOON - 40 * HOUR]),
        payload=st.sampled_from(['{"n": 1, "m": 2}', '{"m":2,"n":1.0}', "{}", None]),
    )
    rows = draw(st.lists(copies, min_size=2, max_size=8))
    again = draw(st.lists(st.sampled_from(rows), max_size=8))
    return draw(st.permutations([*rows, *again]))


@pytest.fixture(scope="module")
def made(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse in which every table is made, to start each example from."""
    warehouse = Warehouse(project, tmp_path_factory.mktemp("made"))
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("seed")
    detect(warehouse)
    return warehouse


def test_copies_that_come_after_the_detection_are_told_and_go_next(warehouse: Warehouse) -> None:
    contaminate(warehouse)
    operate(warehouse, "raw_quarantine")
    operate(warehouse, "raw_quarantine")
    assert not any("since the detection" in line for line in warehouse.project.logged)
    late = event("edge", NOON + 21 * HOUR, event_id="late")
    warehouse.write_events([late, *steady_events(NOON + 21 * HOUR)])
    warehouse.dbt("run", "--selector", "fifteen_minute")
    operate(warehouse, "raw_quarantine")
    lines = warehouse.project.logged
    assert "  1 copies have come since the detection, which decides on them:" in lines
    assert any(line.startswith("Next: dbt build --selector detection") for line in lines)
    operate(warehouse, "remediation_status")
    found = "0 copies to take out of the source, and 1 that came since the detection"
    assert any(found in line for line in warehouse.project.logged)
    decide_again(warehouse)
    operate(warehouse, "raw_quarantine")
    assert oracle.row_hash(late) not in raw_rows(warehouse)
    operate(warehouse, "remediation_status")
    assert not any("since the detection" in line for line in warehouse.project.logged)


def test_a_verdict_on_copies_in_quarantine_asks_for_their_return(warehouse: Warehouse) -> None:
    contaminate(warehouse)
    operate(warehouse, "raw_quarantine")
    name = warehouse.read("main_audit.quarantined_events")[0]["event_fingerprint"]
    give_verdict(warehouse, name, "remove")
    operate(warehouse, "remediation_status")
    assert not any("a verdict that keeps" in line for line in warehouse.project.logged)
    warehouse.execute("update main_seeds.decision_overrides set decision = 'keep'")
    decide_again(warehouse)
    problem = "on 1 events with copies in quarantine, a verdict that keeps them"
    # whichever incident they went for
    for incident in ("INC-2", INCIDENT):
        decide_again(warehouse, incident)
        warehouse.operate("remediation_status", incident)
        assert any(problem in line for line in warehouse.project.logged)
        restore = f"dbt run-operation raw_restore --args '{{incident_id: {INCIDENT}}}'"
        again = f"dbt build --selector detection --vars '{{incident_id: {incident}, "
        assert warehouse.project.logged[-1].startswith(f"Next: {restore}; then: {again}")
        with pytest.raises(DbtError, match=problem) as refused:
            warehouse.operate("raw_quarantine", incident)
        assert f"Run: {restore}; then: {again}" in str(refused.value)
    operate(warehouse, "raw_restore")
    decide_again(warehouse)
    assert not to_decide(warehouse, name)
    operate(warehouse, "raw_quarantine")


def test_rows_that_somebody_removed_meanwhile_are_in_the_ledger_for_good(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """Also where the step died before its end, and the next one finds nothing left to move."""
    contaminate(warehouse)
    die(warehouse, tmp_path, lambda one: operate(one, "raw_quarantine"), before_its_end)
    operate(warehouse, "remediation_status")
    stopped = "  next quarantined  raw_quarantine stopped half way"
    assert stopped in warehouse.project.logged
    assert "Next: dbt run-operation raw_quarantine" in warehouse.project.logged[-1]
    in_slice = f"date_trunc('hour', ingest_ts) in (select slice_start from {QUARANTINE})"
    warehouse.execute(
        f"delete from raw.events where rowid = (select min(rowid) from raw.events where {in_slice})"
    )
    with pytest.raises(DbtError, match="Somebody else removed rows meanwhile"):
        operate(warehouse, "raw_quarantine")
    assert ledger(warehouse)[-1]["counts"]["missing"] == 1
    operate(warehouse, "raw_quarantine")
    operate(warehouse, "remediation_status")
    assert stopped not in warehouse.project.logged
    verify_ledger(warehouse)


def to_decide(warehouse: Warehouse, name: str) -> Sequence[Row]:
    """The copies of an event that would go."""
    return warehouse.query(
        "select row_hash from main_incident.incident_decisions "
        f"where event_fingerprint = '{name}' and decision <> 'keep'"
    )


@settings(max_examples=5)
@given(world=small_worlds(), verdict=st.sampled_from(["none", "keep", "remove", "review"]))
def test_whatever_the_rows_all_of_them_are_in_raw_or_in_quarantine_and_come_back(
    made: Warehouse,
    tmp_path_factory: pytest.TempPathFactory,
    world: list[Row],
    verdict: str,
) -> None:
    """Laws 2 and 5, with or without a verdict on the event of the first row."""
    warehouse = made.copied(tmp_path_factory.getbasetemp() / "example")
    rows = [*steady_events(NOON), *world]
    warehouse.write_events(world)
    overrides = {}
    if verdict != "none":
        name = oracle.fingerprint(world[0])
        overrides[name] = verdict
        give_verdict(warehouse, name, verdict)
    detect(warehouse)
    gone = to_remove(rows, overrides=overrides)
    decided = oracle.decisions(rows, *WINDOW, overrides=overrides)
    survivors = {one.survivor_row_hash for one in decided if one.decision == "remove"}
    operate(warehouse, "raw_quarantine")
    assert_moved(warehouse, rows, gone)
    assert survivors <= set(raw_rows(warehouse))
    if gone:
        operate(warehouse, "raw_restore")
    assert raw_rows(warehouse) == hashes(rows)
    verify_ledger(warehouse)
