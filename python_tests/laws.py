"""The laws as functions that raise AssertionError, for the tests and for the tests of the tests."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from python_tests import oracle
from python_tests.faults import watched
from python_tests.oracle import DEFAULT, Decision, Layout
from python_tests.warehouse import ROOT, DbtError, Warehouse

Row = Mapping[str, Any]

NOON = datetime(2026, 3, 1, 12)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def event(payment_id: str | None, arrives: datetime | None = NOON, **values: Any) -> dict[str, Any]:
    """A row of raw.events; what isn't given is unremarkable."""
    row = {
        "event_id": f"evt_{payment_id}",
        "payment_id": payment_id,
        "merchant_id": "mer_1",
        "event_type": "captured",
        "amount_cents": 1000,
        "currency": "USD",
        "event_ts": NOON,
        "ingest_ts": arrives,
        "payload": "{}",
    }
    return row | values


def steady_events(start: datetime, count: int = 12, name: str = "steady") -> list[Row]:
    """Events without copies, a minute apart: enough of them to move the watermark."""
    moments = [start + number * MINUTE for number in range(count)]
    return [
        event(f"{name}_{start:%d%H%M}_{number}", moment, event_ts=moment)
        for number, moment in enumerate(moments)
    ]


def assert_deduplicated(
    warehouse: Warehouse, rows: Iterable[Row], layout: Layout = DEFAULT
) -> None:
    """One event, one row: the table maps each fingerprint to the least copy, row for row."""
    rows = list(rows)
    found = warehouse.read(
        "main_staging.stg_events_deduplicated", "event_fingerprint, row_hash, has_complete_key"
    )
    expected = [
        {
            "event_fingerprint": fingerprint,
            "row_hash": oracle.row_hash(row),
            "has_complete_key": oracle.has_complete_key(row, layout),
        }
        for fingerprint, row in oracle.deduplicated(rows, layout).items()
    ]
    assert_same_rows(found, expected, rows)


def assert_curated(warehouse: Warehouse, events: Iterable[Row], layout: Layout = DEFAULT) -> None:
    """The curated tables are those of the given events, row for row."""
    events = list(events)
    assert_same_rows(warehouse.read("main_analytics.payments"), oracle.payments(events, layout))
    assert_same_rows(
        warehouse.read("main_analytics.fraud_features"), oracle.fraud_features(events, layout)
    )


def assert_decided(
    warehouse: Warehouse,
    rows: Iterable[Row],
    window: tuple[datetime, datetime],
    layout: Layout = DEFAULT,
    overrides: dict[str, str] | None = None,
) -> None:
    """Each copy in scope has the decision and the reason that the rules give it."""
    names = list(Decision.__dataclass_fields__)
    found = warehouse.read("main_incident.incident_decisions", ", ".join(names))
    rows = list(rows)
    expected = oracle.decisions(rows, *window, layout, overrides)
    assert_same_rows(found, [asdict(decision) for decision in expected.elements()], rows)


def assert_same_rows(
    found: Sequence[Row], expected: Sequence[Row], context: Sequence[Row] = ()
) -> None:
    """Equal as multisets; says which rows are missing and which are too many."""
    have, want = Counter(map(_frozen, found)), Counter(map(_frozen, expected))
    missing, surplus = sorted((want - have).elements()), sorted((have - want).elements())
    if missing or surplus:
        hashes = {str(value) for row in missing + surplus for _, value in row}
        sources = [dict(row) for row in context if oracle.row_hash(row) in hashes]
        raise AssertionError(
            f"{len(missing)} rows missing: {missing[:3]}; {len(surplus)} too many: {surplus[:3]}; "
            f"source rows of these: {sources[:6]}"
        )


def shown_by_analyses(warehouse: Warehouse, **settings: Any) -> dict[str, list[Row]]:
    """What dbt show gives for each query of the folder, as the documents tell to run them."""
    found: dict[str, list[Row]] = {}
    for path in sorted((ROOT / "analyses").glob("*.sql")):
        shown = warehouse.dbt("show", "--select", path.stem, "--limit", "100", **settings)
        table = shown.results[0].agate_table
        names = [name.lower() for name in table.column_names]
        found[path.stem] = [
            dict(zip(names, map(_said, row), strict=True)) for row in table.rows.values()
        ]
    return found


def _said(value: Any) -> str | None:
    """A value, or what a text says of it: engines write times and JSON as they like."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return oracle.canonical_text(datetime.fromisoformat(value))
        with contextlib.suppress(ValueError):
            return oracle.json_text(value)
    return oracle.canonical_text(value)


def _frozen(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, _plain(value)) for name, value in row.items()))


def _plain(value: Any) -> str:
    return oracle.canonical_text(value) or "NULL"


def hard_batches() -> list[list[Row]]:
    """Three batches of what goes wrong in practice, each batch within the contract."""
    at, early, late = NOON - 55 * MINUTE, NOON - 90 * MINUTE, NOON + 3 * HOUR
    days_ahead, future, long_ago = NOON + 72 * HOUR, datetime(2100, 1, 1), NOON - 30 * HOUR
    variants = ['{"a":1}', '{"a":2}', '{"a":3}']
    ties = [
        event(f"tie_{number}", at, payload=payload, event_id="b")
        for number in range(6)
        for payload in (variants[number % 3], variants[number % 3 - 1])
    ]
    by_event_id = [
        event(f"by_event_id_{number}", at, event_id=event_id)
        for number in range(6)
        for event_id in (["b", "a"] if number % 2 else ["a", "b"])
    ]
    # one place in survivor order, several payloads, and rows that nothing tells apart
    places = [(at, "b"), (at, None), (None, "b"), (None, None)]
    twins = [
        event(f"twins_{number}", arrives, event_id=event_id, payload=payload)
        for number, (arrives, event_id) in enumerate(places)
        for payload in (variants[number % 3], variants[number % 3 - 1], variants[number % 3])
    ]
    later_twins = [event(row["payment_id"], at + MINUTE, event_id="b") for row in twins]
    lesser_twins = [
        event(f"twins_{number}", arrives, event_id=event_id, payload=payload)
        for number, (arrives, event_id) in enumerate(places)
        for payload in (variants[number % 3 - 2], variants[number % 3])
    ]
    by_hash = [event("by_hash", at, payload=payload) for payload in variants]
    least, middle, greatest = sorted(by_hash, key=oracle.row_hash)
    return [
        [
            *steady_events(NOON - HOUR),
            *ties,
            *by_event_id,
            *twins,
            *later_twins[:6],
            event("by_arrival", at),
            event("smaller_id", at, event_id="m"),
            event("greater_id", at, event_id="m"),
            middle,
            event("null_id", at, event_id=None),
            event("null_arrival", None),
            event("straggler", at, event_ts=long_ago),
            event("half_hour", at, event_ts=long_ago + 30 * MINUTE),
            # moved borders, and what NULL could be taken for
            event("x1", at, event_type="captured"),
            event("x", at, event_type="1captured"),
            event("~", at),
            event(None, at, event_id="i1"),
            event(None, at, event_id="i2"),
            event(None, at, event_id=None),
            event(None, at, event_id=None, merchant_id="other"),
            event("i1", at, currency=None, event_id="i1"),
            event("no_time", at, event_ts=None),
            # stamps that lie: two kinds by the dozen, and one that nothing gives away
            *[event(f"future_{number}", future, event_ts=future) for number in range(12)],
            *[event(f"ahead_{number}", days_ahead) for number in range(12)],
            event("plausible", days_ahead, event_ts=days_ahead),
        ],
        [
            *steady_events(late),
            event("by_arrival", early),
            event("smaller_id", at, event_id="a"),
            event("greater_id", at, event_id="z"),
            least,
            greatest,
            *lesser_twins,
            event("null_id", at, event_id="q"),
            event("null_arrival", at),
            event("no_arrival_either", None),
        ],
        [
            event("straggler", late + MINUTE, event_ts=long_ago, event_id="again"),
            event("half_hour", late + MINUTE, event_ts=long_ago + 30 * MINUTE, event_id="again"),
            event("very_late", late + MINUTE, event_ts=long_ago - 10 * HOUR),
            *steady_events(NOON - HOUR)[:2],
            *twins[::2],
            event("by_arrival", late, event_id="again"),
            event("by_arrival", late, event_type="refunded"),
            event("nor_this_one", None),
            event(None, late, event_id="i1"),
            event("no_time", late, event_ts=None),
            event("nor_here", late, event_ts=None),
        ],
    ]


def tied_rows(rows: Iterable[Row]) -> list[Row]:
    """The copies that share the first place of their event in arrival time and event_id."""
    return [
        row
        for copies in oracle.groups(rows).values()
        if len(first := [row for row in copies if _place(row) == _place(copies[0])]) > 1
        for row in first
    ]


def _place(row: Row) -> tuple[Any, Any]:
    return row["ingest_ts"], row["event_id"]


def check_deduplication(warehouse: Warehouse) -> None:
    """Laws 1 and 3: after each batch, one row per event, the least copy."""
    rows: list[Row] = []
    for batch in hard_batches():
        warehouse.write_events(batch)
        rows += batch
        warehouse.dbt("run", "--select", "staging")
        assert_deduplicated(warehouse, rows)


def late_copies() -> list[list[Row]]:
    """Batches in which a copy changes what an earlier batch wrote to the curated tables."""
    lately = NOON + 2 * HOUR
    return [
        [
            *steady_events(NOON - HOUR),
            event("old", NOON, event_ts=NOON, event_type="authorized", amount_cents=700),
            event("moved", NOON + 30 * MINUTE, merchant_id="mer_late"),
            event("timeless", None, merchant_id="mer_null"),
        ],
        # another event of an old payment, and earlier copies that name other merchants
        [
            *steady_events(NOON),
            event("old", NOON + 20 * MINUTE, event_ts=NOON + MINUTE, amount_cents=700),
            event("moved", NOON + 29 * MINUTE, merchant_id="mer_early"),
            event("timeless", NOON - HOUR, merchant_id="mer_known"),
        ],
        # a straggler of the day before, a copy of it, and a refund of the oldest payment
        [
            *steady_events(lately),
            event("straggler", lately, event_ts=NOON - 30 * HOUR),
            event("old", lately, event_type="refunded", event_ts=lately, amount_cents=300),
        ],
        [event("straggler", lately + MINUTE, event_ts=NOON - 30 * HOUR, event_id="again")],
        # long after: nothing that arrives is old but the payment that it belongs to
        steady_events(lately + 20 * HOUR),
        [event("old", lately + 20 * HOUR, event_type="chargeback", event_ts=lately + 20 * HOUR)],
    ]


def check_regular_job(warehouse: Warehouse) -> None:
    """Law 1 for the curated tables: after each batch, those of the deduplicated events."""
    rows: list[Row] = []
    for batch in late_copies():
        warehouse.write_events(batch)
        rows += batch
        warehouse.dbt("run", "--selector", "fifteen_minute")
        assert_deduplicated(warehouse, rows)
        assert_curated(warehouse, oracle.deduplicated(rows).values())


def history(days: int = 3) -> list[Row]:
    """A busy hour each six hours, with copies that arrive days apart, and payments over days."""
    starts = [NOON + number * 6 * HOUR for number in range(days * 4)]
    rows: list[Row] = []
    for number, start in enumerate(starts):
        rows += steady_events(start)
        rows.append(event("long", start + MINUTE, event_ts=start + MINUTE, amount_cents=number))
        rows.append(event(f"late_{number}", start, event_ts=start, event_type="authorized"))
        rows += [
            event(
                f"late_{number}",
                start + 2 * DAY,
                event_ts=start,
                event_type="authorized",
                event_id=event_id,
                merchant_id="mer_late",
            )
            for event_id in ("again", "and again")
        ]
    return rows


def check_pieces(warehouse: Warehouse) -> None:
    """Law 1 for runs that take in so many hours of arrivals: in the end the tables of one run."""
    rows = history(1)
    warehouse.write_events(rows)
    for _ in range(20):
        warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__max_hours_per_run=5)
        if any("caught up" in line for line in warehouse.project.logged):
            break
    assert_deduplicated(warehouse, rows)
    assert_curated(warehouse, oracle.deduplicated(rows).values())


INCIDENT = "INC-1"
WINDOW = (NOON, NOON + HOUR)


def contaminated_rows() -> list[Row]:
    """Copies inside the window, at its edges, outside it, and of an event of long ago."""
    long_ago = NOON - 40 * HOUR
    inside = NOON + 10 * MINUTE
    return [
        *steady_events(NOON - 4 * HOUR),
        *steady_events(NOON),
        event("copied", inside, event_type="authorized"),
        event("copied", inside + MINUTE, event_type="authorized", event_id="again"),
        event("copied", inside, event_type="authorized"),
        event("copied", inside + MINUTE, event_type="captured"),
        # in scope: the last moment of the lookback
        event("edge", WINDOW[1] + 2 * HOUR - MICROSECOND),
        event("edge", WINDOW[1] + 3 * HOUR),
        *untouched_rows(),
        event("long_ago", long_ago, event_ts=long_ago),
        event("long_ago", inside, event_ts=long_ago),
        # an earlier copy names another merchant: nothing may be left of the later one
        event("moved", inside, merchant_id="mer_true"),
        event("moved", inside + MINUTE, merchant_id="mer_false", event_id="again"),
        event(None, inside, event_id="incomplete"),
        event(None, inside, event_id="incomplete", merchant_id="mer_2"),
        event("no arrival", None),
        event("no arrival", inside),
        event("never arrived", None),
        event("never arrived", None, event_id="again"),
        # long after the incident: no copy of it is met by the lookback
        *steady_events(NOON + 20 * HOUR),
    ]


def untouched_rows() -> list[Row]:
    """Copies a moment outside the scope on both sides: another incident's, if any."""
    before, after = WINDOW[0] - 2 * HOUR - MICROSECOND, WINDOW[1] + 2 * HOUR
    return [
        event("before", before, merchant_id="mer_untouched"),
        event("before", before, merchant_id="mer_untouched", event_id="again"),
        event("after", after, merchant_id="mer_untouched"),
        event("after", after, merchant_id="mer_untouched"),
    ]


def repaired_rows() -> list[Row]:
    """What counts once the incident is repaired: of touched events one copy, the rest as it was."""
    untouched = untouched_rows()
    touched = [row for row in contaminated_rows() if row not in untouched]
    return [*oracle.deduplicated(touched).values(), *untouched]


# What one statement sees of the rows that the incident touched, in both tables at once
AFFECTED = """
select
    (select sum(event_count) from main_analytics.payments where merchant_id <> 'mer_elsewhere'),
    (
        select sum(captured_count + authorized_count)
        from main_analytics.fraud_features where merchant_id <> 'mer_elsewhere'
    )
"""


# Detection without its tests and seeds
DECIDE = (
    *("build", "--selector", "detection"),
    *("--resource-type", "model", "--resource-type", "snapshot"),
)


def contaminate(warehouse: Warehouse) -> None:
    """Build the curated tables without the guard, and decide."""
    warehouse.write_events(contaminated_rows())
    warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    warehouse.dbt("seed")
    warehouse.dbt(
        *DECIDE,
        incident_id=INCIDENT,
        incident_start=str(WINDOW[0]),
        incident_end=str(WINDOW[1]),
    )
    approve(warehouse)


def approve(warehouse: Warehouse, incident_id: str = INCIDENT) -> None:
    """Register the incident, asked for by one person and approved by another, as dbt seed would."""
    register = "main_seeds.incident_register"
    warehouse.execute(f"delete from {register} where incident_id = '{incident_id}'")
    warehouse.execute(
        f"insert into {register} values "
        f"('{incident_id}', '1900-01-01', '2999-01-01', 'alice', 'bob', 'T-1')"
    )


def check_repair_of_what_another_quarantined(warehouse: Warehouse, is_swapped: bool) -> None:
    """Law 1: live counts each event once, whichever incident's copies are out of the source.

    Of two incidents that overlap, the second is quarantined while the first is swapped, which is
    then rolled back and repaired again; or the first is quarantined, and the second repaired.
    """
    wider = (NOON, NOON + 2 * HOUR)
    contaminate(warehouse)
    if is_swapped:
        repair_and_swap(warehouse)
        decide_again(warehouse, OTHER_INCIDENT, wider)
        approve(warehouse, OTHER_INCIDENT)
        warehouse.operate("raw_quarantine", OTHER_INCIDENT)
        warehouse.operate("remediation_rollback", INCIDENT)
        decide_again(warehouse)
        repair_and_swap(warehouse)
    else:
        warehouse.operate("raw_quarantine", INCIDENT)
        decide_again(warehouse, OTHER_INCIDENT, wider)
        approve(warehouse, OTHER_INCIDENT)
        repair_and_swap(warehouse, OTHER_INCIDENT)
    rows = contaminated_rows()
    untouched = [row for row in rows if row["payment_id"] == "before"]
    touched = [row for row in rows if row not in untouched]
    assert_same_rows(
        warehouse.read("main_analytics.payments"),
        oracle.payments([*oracle.deduplicated(touched).values(), *untouched], DEFAULT),
    )
    # the hour of those is also one of copies in quarantine
    assert_same_rows(
        warehouse.read("main_analytics.fraud_features"),
        oracle.fraud_features(oracle.deduplicated(rows).values(), DEFAULT),
    )


def build_replaced(warehouse: Warehouse) -> None:
    """The regular job on the tables that the swap replaced."""
    warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__build_replaced=INCIDENT)


def roll_back_at_once(warehouse: Warehouse) -> None:
    """Whatever the tables that the swap replaced lack."""
    arguments = json.dumps({"incident_id": INCIDENT, "allow_gap": True})
    warehouse.dbt("run-operation", "remediation_rollback", "--args", arguments)


def build_candidate(warehouse: Warehouse) -> None:
    """Repair the clone."""
    warehouse.dbt("run", "--selector", "remediation", exactly_once__build_candidate=True)


def refusal(warehouse: Warehouse, incident_id: str = INCIDENT) -> str | None:
    """Swap; what the swap's own validation found wrong, or None."""
    try:
        warehouse.operate("remediation_swap", incident_id)
    except DbtError as error:
        if "failed checks" in str(error):
            return str(error)
        raise
    return None


def check_decisions(warehouse: Warehouse) -> None:
    """Law 2: a copy goes only when its survivor is named; what can't be judged stays."""
    contaminate(warehouse)
    assert_decided(warehouse, contaminated_rows(), WINDOW)


def repair_and_swap(warehouse: Warehouse, incident_id: str = INCIDENT) -> None:
    """A whole repair; a swap that is refused breaks the law that is checked."""
    warehouse.operate("remediation_clone", incident_id)
    build_candidate(warehouse)
    if said := refusal(warehouse, incident_id):
        raise AssertionError(said)


def check_repair(warehouse: Warehouse) -> None:
    """Laws 1 and 4: what the scope touches is as if it had never happened, the rest as it was."""
    contaminate(warehouse)
    before = warehouse.digest("main_analytics.payments")
    repair_and_swap(warehouse)
    untouched = untouched_rows()
    touched = [row for row in contaminated_rows() if row not in untouched]
    assert_curated(warehouse, [*oracle.deduplicated(touched).values(), *untouched])
    assert warehouse.digest(warehouse.beside("replaced_inc_1").format("payments")) == before


def check_rollback(warehouse: Warehouse) -> None:
    """Law 5: a rollback restores equal content, and nothing that has arrived since is lost."""
    contaminate(warehouse)
    before = curated_digests(warehouse)
    repair_and_swap(warehouse)
    later = arrive_and_run(warehouse, NOON + 24 * HOUR)
    repaired = curated_digests(warehouse)
    assert repaired != before

    state = kept_state(warehouse), warehouse.digest(LEDGER)
    with pytest.raises(DbtError, match=r"less than readers see: .* has arrivals up to"):
        warehouse.operate("remediation_rollback", INCIDENT)
    assert (kept_state(warehouse), warehouse.digest(LEDGER)) == state
    roll_back_at_once(warehouse)
    assert proofs(warehouse, ": equal to the table before the swap, digest") == 2
    assert curated_digests(warehouse) == before
    assert curated_digests(warehouse, warehouse.beside("withdrawn_inc_1")) == repaired
    warehouse.operate("remediation_rollback", INCIDENT)
    assert curated_digests(warehouse) == before

    warehouse.dbt("run", "--selector", "fifteen_minute")
    found = {row["payment_id"] for row in warehouse.read("main_analytics.payments")}
    assert {row["payment_id"] for row in later} <= found

    # repaired once more, it is as if it had never been rolled back
    repair_and_swap(warehouse)
    assert curated_digests(warehouse) == repaired


def check_rollback_without_a_gap(warehouse: Warehouse) -> None:
    """Law 4: readers keep what has arrived since the swap, while the tables before it return."""
    payments, features = "main_analytics.payments", "main_analytics.fraud_features"
    contaminate(warehouse)
    # events without an arrival time are computed again by each regular run, and with the guard on
    warehouse.dbt("run", "--selector", "fifteen_minute")
    before = {table: warehouse.read(table) for table in (payments, features)}
    repair_and_swap(warehouse)
    later = arrive_and_run(warehouse, NOON + 24 * HOUR)
    live = curated_digests(warehouse)
    build_replaced(warehouse)
    assert curated_digests(warehouse) == live
    # these land behind the mark, which does not move
    later += arrive_and_run(warehouse, NOON + 23 * HOUR)
    with pytest.raises(DbtError, match="less than readers see: 1 rows of fraud_features; 12 rows"):
        warehouse.operate("remediation_rollback", INCIDENT)
    build_replaced(warehouse)
    warehouse.operate("remediation_rollback", INCIDENT)
    assert proofs(warehouse, "with what had arrived by ledger entry") == 2
    for table, computed in ((payments, oracle.payments), (features, oracle.fraud_features)):
        assert_same_rows(warehouse.read(table), [*before[table], *computed(later, DEFAULT)])
    assert_recorded(warehouse)
    rolled_back = curated_digests(warehouse)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert curated_digests(warehouse) == rolled_back


def swap_and_read_again(warehouse: Warehouse, *flags: str, **settings: Any) -> None:
    """After a swap live gets an event from behind its mark, of a payment that copies add to."""
    contaminate(warehouse)
    warehouse.write_events(steady_events(NOON + 24 * HOUR))
    # with the guard on, hours of events without an arrival time would be repaired by this run
    warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    repair_and_swap(warehouse)
    warehouse.write_events([event("copied", NOON, event_type="authorized", amount_cents=7)])
    warehouse.dbt("run", "--selector", "fifteen_minute", *flags, **settings)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert authorized(warehouse) == 1007


def authorized(warehouse: Warehouse) -> int:
    """The amount that readers see of that payment."""
    query = "select authorized_cents from main_analytics.payments where payment_id = 'copied'"
    return int(warehouse.query(query)[0]["authorized_cents"])


def check_rollback_after_reprocessing(warehouse: Warehouse) -> None:
    """Law 5: what a run read again behind the mark is missed, though copies make up the numbers."""
    swap_and_read_again(warehouse, exactly_once__reprocess_from=str(NOON))
    lacking = f"lacks 1 runs of live that read the source again, from {NOON} (UTC) on"
    with pytest.raises(DbtError) as refused:
        warehouse.operate("remediation_rollback", INCIDENT)
    # no key is missing and no count is less
    found = f"less than readers see: fraud_features {lacking}; payments {lacking}; accepted:"
    assert found in str(refused.value)
    live = curated_digests(warehouse)
    build_replaced(warehouse)
    assert curated_digests(warehouse) == live
    warehouse.operate("remediation_rollback", INCIDENT)
    assert authorized(warehouse) == 1007


def arrive_and_run(warehouse: Warehouse, start: datetime) -> list[Row]:
    """Events that come after all others, and the regular run that takes them in."""
    later = steady_events(start)
    warehouse.write_events(later)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    return later


def curated_digests(warehouse: Warehouse, place: str = "main_analytics.{}") -> list[str]:
    """The digests of both curated tables, with {} in the place for their name."""
    return [warehouse.digest(place.format(table)) for table in ("payments", "fraud_features")]


def proofs(warehouse: Warehouse, text: str) -> int:
    """How many tables the last verb proved by digests that the ledger holds, in these words."""
    return sum(
        text in line and "wrote to it in between" not in line for line in warehouse.project.logged
    )


def give_verdict(warehouse: Warehouse, name: str, decision: str, event_at: datetime = NOON) -> None:
    """A reviewer's verdict on an event, as dbt seed would write it."""
    warehouse.execute(
        "insert into main_seeds.decision_overrides "
        f"values ('{INCIDENT}', '{name}', '{event_at}', '{decision}', 'T-1', 'r', '-')"
    )


def decide_again(
    warehouse: Warehouse,
    incident_id: str = INCIDENT,
    window: tuple[datetime, datetime] = WINDOW,
) -> None:
    """Run detection, and leave the seeds as they are."""
    tags = [f"tag:exactly_once_{name}" for name in ("staging", "incident", "audit")]
    warehouse.dbt(
        *("build", "--select", *tags, "--indirect-selection", "cautious"),
        *("--exclude", "test_type:unit"),
        incident_id=incident_id,
        incident_start=str(window[0]),
        incident_end=str(window[1]),
    )


def counted(rows: Sequence[Row], verdicts: Mapping[str, str]) -> list[Row]:
    """The events that count: one row each, and every copy that a reviewer decided to keep."""
    return [
        row
        for name, copies in oracle.groups(rows).items()
        for row in (copies if verdicts.get(name) == "keep" else copies[:1])
    ]


def check_verdict(warehouse: Warehouse, decision: str = "keep") -> None:
    """Laws 1 and 2: what a reviewer keeps is counted, in repair, regular job and replay alike."""
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    verdicts = {name: decision}
    untouched = untouched_rows()
    touched = [row for row in contaminated_rows() if row not in untouched]
    contaminate(warehouse)
    give_verdict(warehouse, name, decision)
    decide_again(warehouse)
    repair_and_swap(warehouse)
    kept = counted(touched, verdicts)
    assert len(kept) - len(oracle.deduplicated(touched)) == (2 if decision == "keep" else 0)
    assert_curated(warehouse, [*kept, *untouched])

    # the next batch touches the same payment; one more copy of a kept event counts too
    later = [
        *steady_events(NOON + 21 * HOUR),
        event("copied", NOON + 21 * HOUR, event_type="authorized", event_id="late"),
    ]
    warehouse.write_events(later)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert_curated(warehouse, [*counted([*touched, *later], verdicts), *untouched])

    warehouse.dbt("run", "--selector", "fifteen_minute", "--full-refresh")
    assert_curated(warehouse, counted([*contaminated_rows(), *later], verdicts))


def authorized_cents(warehouse: Warehouse) -> int:
    """What the payment of the copied event has authorized."""
    found = warehouse.query(
        "select authorized_cents from main_analytics.payments where payment_id = 'copied'"
    )
    return int(found[0]["authorized_cents"])


def check_kept_copies_outlast_raw(warehouse: Warehouse) -> None:
    """Law 2: what a reviewer keeps counts in what is computed again after raw has lost it.

    Until the next detection stores it, a copy that came since counts while raw holds them all.
    """
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    rows = contaminated_rows()
    contaminate(warehouse)
    give_verdict(warehouse, name, "keep")
    decide_again(warehouse)
    late = event("copied", NOON + 21 * HOUR, event_type="authorized", event_id="late")
    warehouse.write_events([*steady_events(NOON + 21 * HOUR), late])
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert authorized_cents(warehouse) == 4000
    decide_again(warehouse)
    rows += [*steady_events(NOON + 21 * HOUR), late]

    # the first copies are lost before the others, then all of them, while the payment goes on
    for hour, lost in ((22, f"< '{NOON + HOUR}'"), (23, "is not null")):
        warehouse.execute(
            "delete from raw.events where payment_id = 'copied' and event_type = 'authorized' "
            f"and ingest_ts {lost}"
        )
        further = [
            *steady_events(NOON + hour * HOUR),
            event("copied", NOON + hour * HOUR, event_type="refunded", event_ts=NOON + hour * HOUR),
        ]
        rows += further
        warehouse.write_events(further)
        warehouse.dbt("run", "--selector", "fifteen_minute")
        assert authorized_cents(warehouse) == 4000
    again = ("stg_events_counted", "payments", "fraud_features", "--full-refresh")
    warehouse.dbt("run", "--select", *again)
    assert_curated(warehouse, counted(rows, {name: "keep"}))
    warehouse.execute("delete from main_seeds.decision_overrides")
    warehouse.dbt("run", "--select", *again)
    assert_curated(warehouse, counted(rows, {}))


def check_catch_up(warehouse: Warehouse, count: int = 1) -> None:
    """Law 4: what was written to live between clone and swap is in the candidate before it."""
    contaminate(warehouse)
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    later = steady_events(NOON + 24 * HOUR, count)
    warehouse.write_events(later)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    live = warehouse.digest("main_analytics.payments")
    assert refusal(warehouse), "a candidate that live has overtaken was swapped in"
    assert warehouse.digest("main_analytics.payments") == live
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    found = {row["payment_id"] for row in warehouse.read("main_analytics.payments")}
    assert {row["payment_id"] for row in later} <= found


# What differs between two runs that do the same: clocks, and names of invocations.
VOLATILE = {"generation", "quarantined_at", "restored_at", "dbt_valid_from", "dbt_updated_at"}
VOLATILE |= {"dbt_scd_id", "last_run", "read_again"}


def kept_state(warehouse: Warehouse) -> dict[str, str]:
    """Each table that a remediation may change, and the digest of what it holds."""
    state = {}
    for relation in warehouse.tables():
        schema, table = relation.split(".")
        if not schema.startswith(("raw", "main_analytics", "main_audit")):
            continue
        if table == "remediation_ledger":
            continue
        columns = [
            told_of(name)
            for name in warehouse.column_names(relation)
            if name.lower() not in VOLATILE
        ]
        state[relation] = warehouse.digest(relation, ", ".join(columns))
    return state


def told_of(column: str) -> str:
    """A column without what tells of the run that wrote it."""
    if column.lower() != "built_with":
        return f'"{column}"'
    # a run after one that died reads from the mark that this one has moved
    return f"""regexp_replace("{column}", '"read_from_mark": "[^"]*"', '') as built_with"""


def check_dry_run(warehouse: Warehouse, verb: str) -> None:
    """It makes every check, and writes nothing."""

    def state() -> tuple[dict[str, str], str]:
        return kept_state(warehouse), warehouse.digest("main_audit.remediation_ledger")

    before = state()
    arguments = json.dumps({"incident_id": INCIDENT, "dry_run": True})
    warehouse.dbt("run-operation", verb, "--args", arguments)
    assert state() == before


def assert_recorded(warehouse: Warehouse, step: str | None = None) -> None:
    """Law 6: the ledger is whole, and says that the step which was run last has ended."""
    warehouse.dbt("run-operation", "ledger_verify")
    if step is not None:
        entries = warehouse.query(
            "select step, phase from main_audit.remediation_ledger order by entry_number desc"
        )
        assert entries[0] == {"step": step, "phase": "ended"}, entries[:4]


LEDGER, AUDIT = "main_audit.remediation_ledger", "main_audit.audit_decisions"
OTHER_INCIDENT = "INC-2"
GOLDEN_ENTRY = Path(__file__).parent / "golden" / "ledger_entry.json"


def record_detections(warehouse: Warehouse) -> None:
    """Ten entries: two incidents decided by turns, with one verdict that changes decisions."""

    def run(*arguments: str, incident_id: str) -> None:
        start, end = map(str, WINDOW)
        warehouse.dbt(*arguments, incident_id=incident_id, incident_start=start, incident_end=end)

    decisions = [f"incident_{name}" for name in ("scope", "duplicate_groups", "decisions")]
    contaminate(warehouse)
    give_verdict(warehouse, oracle.fingerprint(event("copied", event_type="authorized")), "keep")
    for incident_id, times in ((INCIDENT, 1), (OTHER_INCIDENT, 2), (INCIDENT, 1)):
        run("run", "--select", *decisions, incident_id=incident_id)
        for _ in range(times):
            run("snapshot", incident_id=incident_id)


def ledger(warehouse: Warehouse) -> list[dict[str, Any]]:
    """The entries in their order."""
    return warehouse.query(f"select * from {LEDGER} order by entry_number")


def verification(warehouse: Warehouse, head: str | None = None) -> str:
    """What ledger_verify finds wrong; nothing is an empty text."""
    try:
        warehouse.dbt("run-operation", "ledger_verify", "--args", json.dumps({"head": head}))
    except DbtError as error:
        if "accepted: entries as they were written" in str(error):
            return str(error)
        raise
    return ""


def assert_chained(entries: Sequence[Row]) -> None:
    """Numbered without a gap, each with the hash of its columns, the hash before among them."""
    before = ""
    for number, entry in enumerate(entries, start=1):
        assert entry["entry_number"] == number
        assert entry["previous_hash"] == before, f"entry {number} does not follow"
        assert entry["entry_hash"] == oracle.entry_hash(entry), f"entry {number} does not fit"
        before = entry["entry_hash"]


def tamperings(entries: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """What somebody may do to the record -> the statement, and what has to be said of it."""
    forged = {**entries[2], "actor": "nobody"}
    forged_hash = oracle.entry_hash(forged)
    last = len(entries)
    return {
        "a changed entry": (
            f"update {LEDGER} set actor = 'nobody' where entry_number = 3",
            "entry 3 does not fit its hash",
        ),
        "a changed entry with a hash that fits": (
            f"update {LEDGER} set actor = 'nobody', entry_hash = '{forged_hash}' "
            "where entry_number = 3",
            "entry 4 does not follow the entry before it",
        ),
        "a hash that is gone": (
            f"update {LEDGER} set entry_hash = null where entry_number = 2",
            "entry 2 does not fit its hash",
        ),
        "digests that are gone": (
            f"update {LEDGER} set digests = null where entry_number = {last}",
            f"entry {last} does not fit its hash",
        ),
        "a last entry without its number": (
            f"update {LEDGER} set entry_number = null where entry_number = {last}",
            f"entry {last}, the last one by the comment of the table, is missing",
        ),
        "two entries in each other's place": (
            f"update {LEDGER} set entry_number = 9 - entry_number where entry_number in (4, 5)",
            "entry 4 does not fit its hash: it was changed, or its number was; "
            "entry 4 does not follow the entry before it: one of the two was replaced; "
            "entry 5 does not fit its hash",
        ),
        "an entry twice": (
            f"insert into {LEDGER} select * from {LEDGER} where entry_number = 6",
            "entry 6 is one too many",
        ),
        "entries taken out": (
            f"delete from {LEDGER} where entry_number in (2, 3)",
            "entries 2 to 3 are missing",
        ),
        "the last entries taken away": (
            f"delete from {LEDGER} where entry_number >= {last - 1}",
            f"entry {last}, the last one by the comment of the table, is missing",
        ),
        "every entry taken away": (
            f"delete from {LEDGER}",
            f"entry {last}, the last one by the comment of the table, is missing",
        ),
        "a state that ended another time": (
            f"update {AUDIT} set dbt_valid_to = dbt_valid_from where dbt_valid_to is not null",
            f"audit_decisions of incident {INCIDENT} is not what entry {last} says",
        ),
        "a decision that was never made": (
            f"insert into {AUDIT} select * from {AUDIT} where incident_id = '{OTHER_INCIDENT}'",
            f"audit_decisions of incident {OTHER_INCIDENT} is not what entry {last - 2} says",
        ),
        "the decisions of an incident taken away": (
            f"delete from {AUDIT} where incident_id = '{OTHER_INCIDENT}'",
            f"audit_decisions of incident {OTHER_INCIDENT} is not what entry {last - 2} says",
        ),
        "decisions under another incident": (
            f"update {AUDIT} set incident_id = null where incident_id = '{INCIDENT}'",
            "audit_decisions has rows of incident None, of which the ledger knows nothing",
        ),
    }


def lift_constraints(warehouse: Warehouse) -> None:
    """Who may change the rows of the ledger may do this before."""
    for name in warehouse.column_names(LEDGER):
        warehouse.execute(f"alter table {LEDGER} alter column {name} drop not null")


def check_ledger(warehouse: Warehouse, *, one_in: int = 1) -> None:
    """Law 6: the ledger is a chain, and what somebody changes in the record is found and named.

    Of the changes one in so many is made.
    """
    record_detections(warehouse)
    entries = ledger(warehouse)
    assert len(entries) == 10
    assert_chained(entries)
    assert not verification(warehouse, entries[4]["entry_hash"])
    for relation in (LEDGER, AUDIT):
        check_every_field_counts(warehouse, relation)
        warehouse.execute(f"create table {relation}_kept as select * from {relation}")
    lift_constraints(warehouse)
    for what, (statement, expected) in [*tamperings(entries).items()][::one_in]:
        warehouse.execute(statement)
        said = verification(warehouse)
        assert expected in said, f"{what}: {said or 'nothing was found'}"
        relation = LEDGER if LEDGER in statement else AUDIT
        warehouse.execute(f"delete from {relation}")
        warehouse.execute(f"insert into {relation} select * from {relation}_kept")
    assert not verification(warehouse)


# In what ledger_verify sends: how it hashes a row, of which table, under which alias
HASHED_ENTRIES = re.compile(
    r"entry_hash, (\S.*) as computed_hash from (\S+) as (ledger)\b", re.DOTALL
)
HASHED_ROWS = re.compile(
    r"from \(\s*select (\S.*) as row_md5\s+from (\S+) as (hashed_rows)\b", re.DOTALL
)


def check_every_field_counts(warehouse: Warehouse, relation: str) -> None:
    """Law 6: whichever field of whichever row is changed, ledger_verify compares another hash."""
    with watched() as log:
        assert not verification(warehouse)
    pattern = HASHED_ENTRIES if relation == LEDGER else HASHED_ROWS
    hashings = [
        match.groups()
        for sql in log.statements
        if (match := pattern.search(sql))
        and match[2].lower().replace('"', "").endswith(f".{relation}")
    ]
    assert hashings, f"ledger_verify does not read {relation}"
    hashed, table, alias = hashings[0]
    kinds = {
        row["name"].lower(): row["kind"]
        for row in warehouse.query(
            "select column_name as name, data_type as kind from information_schema.columns "
            f"where lower(table_schema || '.' || table_name) = '{relation}'"
        )
    }
    # an entry's own hash is what the hash of the others is compared with
    tampered = [
        (name, other)
        for name, kind in kinds.items()
        if (relation, name) != (LEDGER, "entry_hash")
        for other in other_values(warehouse, name, kind)
    ]
    cases = {
        name: "".join(
            f" when {n} then {sql}" for n, (one, sql) in enumerate(tampered) if one == name
        )
        for name in kinds
    }
    columns = ", ".join(
        f"case n{changed} else {name} end as {name}" if changed else name
        for name, changed in cases.items()
    )
    # -1 changes nothing, so that its hashes must be the old ones
    numbers = " union all ".join(f"select {n} as n" for n in range(-1, len(tampered)))
    found = warehouse.query(
        f"""
        with originals as (select {alias}.*, {hashed} as old_hash from {table} as {alias}),
        numbers as ({numbers}),
        tampered as (select n, old_hash, {columns} from originals cross join numbers),
        compared as (select n, old_hash, {hashed} as new_hash from tampered as {alias})
        select
            n,
            count(*) as fields,
            count(case when new_hash is not distinct from old_hash then 1 end) as unnoticed
        from compared
        group by n
        order by n
        """
    )
    rows = len(warehouse.read(relation))
    assert rows
    assert [row["fields"] for row in found] == [rows] * (1 + len(tampered))
    unchanged, *changed = found
    assert unchanged["unnoticed"] == rows
    unnoticed = [tampered[row["n"]] for row in changed if row["unnoticed"]]
    assert not unnoticed, f"changes in {relation} that nobody notices: {unnoticed}"


def other_values(warehouse: Warehouse, column: str, kind: str) -> list[str]:
    """Values that differ from a column's in every row, as SQL: one that is NULL where it can be."""
    match kind.upper().partition("(")[0].partition(" ")[0]:
        case "TEXT" | "VARCHAR":
            other = f"coalesce({column} || ' ', '')"
        case "JSON":
            other = f"cast(coalesce(cast({column} as varchar) || ' ', '1') as json)"
        case "VARIANT":
            other = "parse_json('{\"another\": 1}')"
        case "BOOLEAN":
            other = f"coalesce(not {column}, true)"
        case "TIMESTAMP" | "TIMESTAMP_NTZ" | "TIMESTAMP_TZ":
            some_time = warehouse.literal("2026-01-01", "timestamp")
            other = f"coalesce({column} + interval '1 microsecond', {some_time})"
        case _:
            other = f"coalesce({column} + 1, 0)"
    return [other, f"case when {column} is null then {other} end"]


def check_entries(warehouse: Warehouse) -> None:
    """One entry has one hash on every engine, and a text stays what it is."""
    golden = json.loads(GOLDEN_ENTRY.read_text("utf-8"))
    warehouse.dbt("run", "--select", "remediation_ledger")
    kinds = {"entry_number": "bigint", "recorded_at": "timestamp"}
    values = ", ".join(
        warehouse.literal(value if value is None else str(value), kinds.get(name, "varchar"))
        for name, value in golden.items()
    )
    warehouse.execute(f"insert into {LEDGER} ({', '.join(golden)}) values ({values})")
    # a first entry may have died before its comment
    assert not verification(warehouse)

    step = {
        "step": "a'b",
        "incident_id": golden["incident_id"],
        "arguments": {"ü": "\\'\n%s"},
    }
    warehouse.dbt(
        *("run-operation", "_begin_step", "--args", json.dumps(step, ensure_ascii=False)),
        exactly_once__project_commit="0f'\\",
    )
    entries = ledger(warehouse)
    assert_chained(entries)
    assert not verification(warehouse, golden["entry_hash"])
    found = {**entries[1], "arguments": json.loads(entries[1]["arguments"])}
    assert step.items() <= found.items()
    assert found["project_commit"] == "0f'\\"
