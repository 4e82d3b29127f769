"""Other names, other types, another lookback, another session time zone: the same laws."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    MINUTE,
    Row,
    approve,
    assert_curated,
    assert_decided,
    assert_deduplicated,
    decide_again,
    event,
    give_verdict,
    repair_and_swap,
    steady_events,
)
from python_tests.oracle import Layout
from python_tests.warehouse import EVENT_COLUMNS, Warehouse

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
# A time with an offset, as another producer would write it.
KOLKATA = timezone(timedelta(hours=5, minutes=30))

LEDGER_COLUMNS = {
    "order_ref": "varchar",
    "Kind": "varchar",
    "minor_units": "decimal(18, 4)",
    "ccy": "varchar",
    "occurred at": "timestamp with time zone",
    "loaded_at": "timestamp with time zone",
    "shop": "integer",
    "body": "varchar",
}
LEDGER_VARS = {
    "exactly_once__source_schema": "ledger",
    "exactly_once__source_table": "entries",
    "exactly_once__fingerprint_columns": [
        "order_ref",
        "kind",
        "minor_units",
        {"name": "ccy", "normalize": ["trim", "upper"]},
        "occurred at",
    ],
    "exactly_once__payload_identity_paths": ["op.id"],
    "exactly_once__event_time_column": "occurred at",
    "exactly_once__arrival_time_column": "loaded_at",
    "exactly_once__event_id_column": None,
    "exactly_once__payload_column": "body",
    "exactly_once__merchant_id_column": "shop",
    "exactly_once__event_types": {
        "authorized": ["AUTH"],
        "captured": ["CAP", "SALE"],
        "refunded": "REF",
        "chargeback": [],
    },
}
LEDGER = Layout(
    key=("order_ref", "Kind", "minor_units", "ccy", "occurred at"),
    normalise={"ccy": ("trim", "upper")},
    identity_paths=("op.id",),
    event_time="occurred at",
    arrival_time="loaded_at",
    event_id=None,
    payload="body",
    payment_id="order_ref",
    event_type="Kind",
    amount="minor_units",
    currency="ccy",
    merchant_id="shop",
    event_types={
        "authorized": ("AUTH",),
        "captured": ("CAP", "SALE"),
        "refunded": ("REF",),
        "chargeback": (),
    },
)


def entry(order_ref: str | None, loaded_at: datetime | None, **values: Any) -> Row:
    """A row of ledger.entries."""
    row = {
        "order_ref": order_ref,
        "Kind": "CAP",
        "minor_units": Decimal("10.5000"),
        "ccy": "EUR",
        "occurred at": NOON,
        "loaded_at": loaded_at,
        "shop": 7,
        "body": "{}",
    }
    return row | values


def ledger_batches(lookback: timedelta) -> list[list[Row]]:
    """Three batches; what lands out of order does so by the whole lookback."""

    def steady(start: datetime) -> list[Row]:
        moments = [start + number * MINUTE for number in range(12)]
        return [entry(f"s{m:%H%M}", m, **{"occurred at": m}) for m in moments]

    first, second = steady(NOON), steady(NOON + 8 * HOUR)
    marked = oracle.watermark(first + second, LEDGER)
    assert marked is not None
    edge = marked - lookback
    straggler = {"occurred at": NOON - 50 * HOUR}
    return [
        [
            *first,
            entry("a", NOON, body='{"op": {"id": "1"}}'),
            entry("a", NOON + MINUTE, body='{"op": {"id": "2"}}'),
            entry("old", NOON, **straggler),
            # half an hour off the hour in some time zones
            entry("half", NOON, **{"occurred at": (NOON + 10 * MINUTE).astimezone(KOLKATA)}),
        ],
        [
            *second,
            entry("a", NOON + 8 * HOUR, ccy=" eur ", body='{"op":{"id":"1"},"n":1.0}'),
            entry("malformed", NOON + 8 * HOUR, body="{not json"),
            entry("malformed", NOON + 8 * HOUR, body="["),
            entry("none", NOON + 8 * HOUR, body=None),
            entry("replaced", NOON + 8 * HOUR, shop=1),
            entry(None, NOON + 8 * HOUR),
            entry("null amount", NOON + 8 * HOUR, minor_units=None),
        ],
        [
            entry("replaced", edge, shop=2),
            entry("old", NOON + 8 * HOUR + MINUTE, **straggler),
            entry("half", NOON + 9 * HOUR, **{"occurred at": NOON + 10 * MINUTE}),
            entry(None, NOON + 8 * HOUR),
            entry("malformed", None, body=""),
            entry("a", NOON + 9 * HOUR, Kind="REF", minor_units=Decimal("0.2500")),
            entry("a", NOON + 9 * HOUR, Kind="AUTH", body='{"op":{"id":{"nested":[1]}}}'),
        ],
    ]


@pytest.mark.parametrize(
    ("time_zone", "hours"),
    [("UTC", 0.5), ("Asia/Kolkata", 6), ("America/Los_Angeles", 0.5)],
)
def test_another_source_follows_the_same_laws(
    new_warehouse: Callable[..., Warehouse], time_zone: str, hours: float
) -> None:
    warehouse = new_warehouse(
        source="ledger.entries",
        columns=LEDGER_COLUMNS,
        settings=LEDGER_VARS | {"exactly_once__late_arrival_hours": hours},
        time_zone=time_zone,
    )
    lookback = timedelta(hours=hours)
    layout = Layout(**{**vars(LEDGER), "lookback": lookback})
    rows: list[Row] = []
    for batch in ledger_batches(lookback):
        rows += batch
        warehouse.write_events(batch)
        warehouse.dbt("build", "--selector", "fifteen_minute")
        assert_deduplicated(warehouse, rows, layout)
        assert_curated(warehouse, oracle.deduplicated(rows, layout).values(), layout)
    warehouse.dbt(
        "build",
        "--selector",
        "detection",
        incident_start="2026-03-29T17:30+05:30",
        incident_end="2026-03-29 20:05Z",
        incident_id="it's here",
    )
    window = (NOON, NOON + 8 * HOUR + 5 * MINUTE)
    assert_decided(warehouse, rows, window, layout)


WORDS = {
    "payment_id": "order",
    "event_type": "group",
    "amount_cents": "select",
    "currency": "from",
    "event_ts": "end",
    "ingest_ts": "when",
    "event_id": "primary",
    "merchant_id": "user",
    "payload": "table",
}


def test_words_of_sql_may_be_names(new_warehouse: Callable[..., Warehouse]) -> None:
    """Of the source, of each column, and of the curated tables and what a repair keeps of them."""
    layout = Layout(
        key=("order", "group", "select", "from", "end"),
        event_time="end",
        arrival_time="when",
        event_id="primary",
        payload="table",
        payment_id="order",
        event_type="group",
        amount="select",
        currency="from",
        merchant_id="user",
    )
    warehouse = new_warehouse(
        source='"table"."select"',
        columns={WORDS.get(name, name): kind for name, kind in EVENT_COLUMNS.items()},
        settings={
            "exactly_once__source_schema": "table",
            "exactly_once__source_table": "select",
            "exactly_once__fingerprint_columns": list(layout.key),
            "exactly_once__event_time_column": "end",
            "exactly_once__arrival_time_column": "when",
            "exactly_once__event_id_column": "primary",
            "exactly_once__merchant_id_column": "user",
            "exactly_once__payload_column": "table",
            "exactly_once__curated_names": {"payments": "order", "fraud_features": "group"},
        },
    )
    rows = [*steady_events(NOON), event("p", NOON), event("p", NOON + HOUR)]
    rows = [{WORDS.get(name, name): value for name, value in row.items()} for row in rows]
    warehouse.write_events(rows)
    warehouse.dbt("build", "--selector", "fifteen_minute")
    assert_deduplicated(warehouse, rows, layout)
    before = warehouse.digest('main_analytics."order"')
    window = (NOON, NOON + 2 * HOUR)
    declared: dict[str, Any] = {"incident_start": str(window[0]), "incident_end": str(window[1])}
    warehouse.dbt("build", "--selector", "detection", incident_id="INC-1", **declared)
    assert_decided(warehouse, rows, window, layout)
    approve(warehouse, "INC-1")
    warehouse.operate("remediation_clone", "INC-1")
    assert warehouse.digest('main_analytics."order__candidate"') == before
    now = datetime.now(UTC)
    fresh = event("fresh", now).items()
    warehouse.write_events([{WORDS.get(name, name): value for name, value in fresh}])
    results = warehouse.dbt("source", "freshness").results
    (found,) = (result for result in results if result.node.resource_type == "source")
    assert (found.status, found.max_loaded_at) == ("pass", now)


def test_a_key_that_holds_the_day_and_not_the_moment_meets_copies_of_the_whole_day(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    """Copies share the day then, not the hour: the look-up may not lean on the hour."""
    key = ["order_ref", {"name": "occurred at", "cast": "date"}]
    warehouse = new_warehouse(
        source="ledger.entries",
        columns=LEDGER_COLUMNS | {"occurred at": "timestamp"},
        settings=LEDGER_VARS
        | {
            "exactly_once__fingerprint_columns": key,
            "exactly_once__payment_id_column": "order_ref",
            "exactly_once__event_type_column": "kind",
            "exactly_once__amount_column": "minor_units",
            "exactly_once__currency_column": "ccy",
        },
    )
    noon = NOON.replace(tzinfo=None)
    moments = [noon + 8 * HOUR + number * MINUTE for number in range(12)]
    for batch in [
        [entry("a", noon, **{"occurred at": noon})],
        [entry(f"s{m:%H%M}", m, **{"occurred at": m}) for m in moments],
        [entry("a", noon + 9 * HOUR, **{"occurred at": noon + 9 * HOUR})],
    ]:
        warehouse.write_events(batch)
        warehouse.dbt("run", "--select", "staging")
    found = warehouse.read("main_staging.stg_events_deduplicated")
    assert len([row for row in found if row["order_ref"] == "a"]) == 1
    window: dict[str, Any] = {"incident_start": str(noon), "incident_end": str(noon + 10 * HOUR)}
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "+incident_decisions", incident_id="INC-1", **window)
    assert decided(warehouse, "order_ref = 'a'") == ["keep", "remove"]


def test_copies_whose_times_differ_in_nanoseconds_are_copies(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    """As their fingerprints are equal, which know no nanoseconds."""
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {"event_ts": "timestamp_ns"})
    noon = NOON.replace(tzinfo=None)
    warehouse.write_events([event("a", noon), event("b", noon + HOUR)])
    warehouse.execute(
        "insert into raw.events select * replace (make_timestamp_ns(epoch_ns(event_ts) + 1) as "
        "event_ts) from raw.events where payment_id = 'a'"
    )
    warehouse.dbt("run", "--select", "staging")
    window: dict[str, Any] = {"incident_start": str(noon), "incident_end": str(noon + 2 * HOUR)}
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "+incident_decisions", incident_id="INC-1", **window)
    assert decided(warehouse, "true") == ["keep", "remove"]


# when `event` happens
MIDDAY = datetime(2026, 3, 1, 12)
WITHOUT_TIME: dict[str, Any] = {
    "exactly_once__fingerprint_columns": ["payment_id", "event_type", "amount_cents", "currency"],
    "exactly_once__event_time_column": "event_ts",
}


def test_a_key_without_the_time_counts_events_that_have_none(warehouse: Warehouse) -> None:
    """And events whose further copies say another time, however far back."""
    warehouse.settings |= WITHOUT_TIME
    job = ("build", "--selector", "fifteen_minute")
    rows = [
        *[event(f"s{number}", MIDDAY + number * MINUTE) for number in range(12)],
        event("p", MIDDAY, event_type="authorized"),
        event("p", MIDDAY, event_ts=None),
    ]
    warehouse.write_events(rows)
    warehouse.dbt(*job)
    later = [
        event("p", MIDDAY + HOUR, event_type="refunded", event_ts=MIDDAY + HOUR),
        event("no time", MIDDAY + HOUR, event_ts=None),
        event("late", MIDDAY + HOUR, event_ts=MIDDAY + HOUR),
        event("late", MIDDAY + 2 * HOUR, event_ts=MIDDAY - 9000 * HOUR),
    ]
    warehouse.write_events(later)
    warehouse.dbt(*job)
    in_runs = warehouse.digest("main_analytics.payments")
    found = {row["payment_id"]: row for row in warehouse.read("main_analytics.payments")}
    assert (found["p"]["event_count"], found["p"]["captured_cents"]) == (3, 1000)
    assert (found["no time"]["event_count"], found["late"]["event_count"]) == (1, 1)
    warehouse.dbt(*job, "--full-refresh")
    assert warehouse.digest("main_analytics.payments") == in_runs


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("timestamp_ns", "timestamp_ns '2026-03-01 10:00:00.000000700'"),
        ("timestamp", "timestamp '0001-01-01 00:00:00' - interval '1 hour'"),
        ("timestamp", "timestamp '-infinity'"),
    ],
)
def test_the_first_event_of_a_payment_counts_in_every_run(
    new_warehouse: Callable[..., Warehouse], kind: str, first: str
) -> None:
    """Whatever its time, to which the run that reads from there on has to come back."""
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {"event_ts": kind})

    def steady(start: datetime) -> list[Row]:
        moments = [start + number * MINUTE for number in range(12)]
        return [event(f"s{at:%H%M}", at, event_ts=at) for at in moments]

    warehouse.write_events([event("p", MIDDAY), *steady(MIDDAY)])
    warehouse.execute(f"update raw.events set event_ts = {first} where payment_id = 'p'")
    warehouse.dbt("run", "--selector", "fifteen_minute")
    later = MIDDAY + 9 * HOUR
    refund = event("p", later, event_type="refunded", event_ts=later, amount_cents=7)
    warehouse.write_events([refund, *steady(later)])
    warehouse.dbt("build", "--selector", "fifteen_minute")
    (found,) = warehouse.query(
        "select captured_cents, refunded_cents from main_analytics.payments where payment_id = 'p'"
    )
    assert (found["captured_cents"], found["refunded_cents"]) == (1000, 7)


def test_a_repair_by_a_key_without_the_time_is_swapped(warehouse: Warehouse) -> None:
    """The events of a payment that the repair computes again are in any hour."""
    warehouse.settings |= WITHOUT_TIME
    warehouse.write_events(
        [
            *[event(f"s{number}", MIDDAY + number * MINUTE) for number in range(12)],
            event("p", MIDDAY - 3 * HOUR, event_type="authorized", event_ts=MIDDAY - 3 * HOUR),
            *[event("p", MIDDAY + number * MINUTE, event_id=f"e{number}") for number in range(3)],
        ]
    )
    warehouse.dbt("seed")
    warehouse.dbt("run", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    decide_again(warehouse)
    approve(warehouse)
    repair_and_swap(warehouse)
    payments = "main_analytics.payments where payment_id = 'p'"
    (found,) = warehouse.read(payments, "captured_cents, authorized_cents, event_count")
    assert found == {"captured_cents": 1000, "authorized_cents": 1000, "event_count": 2}


def test_a_verdict_keeps_copies_of_another_time_too(warehouse: Warehouse) -> None:
    warehouse.settings |= WITHOUT_TIME
    for minutes in (-2, 4):
        at = MIDDAY + minutes * MINUTE
        warehouse.write_events([event("p", at, event_ts=at, event_type="refunded")])
    warehouse.write_events([event(f"s{number}", MIDDAY + number * MINUTE) for number in range(12)])
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "staging")
    events = "main_staging.stg_events_counted"
    (name,) = {
        row["event_fingerprint"] for row in warehouse.read(events) if row["payment_id"] == "p"
    }
    give_verdict(warehouse, name, "keep", MIDDAY - 2 * MINUTE)
    warehouse.dbt("run", "--select", "stg_events_counted")
    assert len([row for row in warehouse.read(events) if row["payment_id"] == "p"]) == 2


def test_identities_of_more_than_64_bits_are_told_apart(warehouse: Warehouse) -> None:
    """DuckDB's VARIANT makes one double of both."""
    warehouse.settings["exactly_once__payload_identity_paths"] = ["op"]
    numbers = ("202603011000001230001", "202603011000001230002")
    text = f'"{numbers[0]}"'
    alike = ('{"a":1.0}', '{"a": 1}', f'{{"a":{text},"b":1}}', f'{{"b":1,"a":{text}}}')
    for op in (*numbers, *(f"[{number}]" for number in numbers), *alike):
        warehouse.write_events([event("p", MIDDAY, payload=f'{{"op": {op}}}')])
    warehouse.dbt("run", "--select", "staging")
    assert len(warehouse.read("main_staging.stg_events_deduplicated")) == 6


def written(warehouse: Warehouse, column: dict[str, Any], value: str, zone: str = "UTC") -> Any:
    """How a value of a key is written in a session of some time zone."""
    text = f"{{{{ exactly_once.key_text({column}) }}}}"
    compiled = warehouse.dbt("compile", "--inline", text).results[0].node.compiled_code
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = '{zone}'")
        return connection.execute(f"select {compiled} from (select {value} as v)").fetchall()


@pytest.mark.parametrize("cast", ["date", "timestamp", "timestamptz", "varchar"])
def test_a_cast_of_a_time_is_the_same_in_every_session(warehouse: Warehouse, cast: str) -> None:
    column = {"name": "v", "sql": "v", "type": "timestamp with time zone", "cast": cast}
    moment = "timestamptz '2026-03-01 23:30:00+00'"
    texts = [written(warehouse, column, moment, zone) for zone in ("UTC", "Europe/Berlin")]
    assert texts[0] == texts[1]
    if cast == "date":
        assert texts[0] == [("2026-03-01",)]


def test_trim_takes_blanks_alone(warehouse: Warehouse) -> None:
    """As on Snowflake, whose TRIM knows one kind of them."""
    column = {"name": "v", "sql": "v", "type": "varchar", "normalize": ["trim"]}
    assert written(warehouse, column, "' a' || chr(160) || ' '") == [("a\xa0",)]


def test_groups_are_of_the_key_as_it_is_written(new_warehouse: Callable[..., Warehouse]) -> None:
    """Whatever a cast or a normaliser makes of it, and where a cast gives NULL."""
    key: list[Any] = ["payment_id", "event_type", "amount_cents", "event_ts"]
    currency, leg = {"name": "currency", "normalize": ["lower"]}, {"name": "leg", "cast": "bigint"}
    warehouse = new_warehouse(
        columns=EVENT_COLUMNS | {"leg": "json"},
        settings={
            "exactly_once__fingerprint_columns": [*key, currency, leg],
            "exactly_once__currency_column": "currency",
        },
    )
    legs = {"null": ("null", "null"), "digits": ("1", "1"), "one null": ("1", "null")}
    rows = [event(name, MIDDAY, leg=leg) for name, copies in legs.items() for leg in copies]
    spelt = [event("spelt", MIDDAY, leg="1", currency=name) for name in ("EUR", "eur", "Eur")]
    warehouse.write_events([*rows, *spelt])
    warehouse.dbt("seed")
    declared: dict[str, Any] = {
        "incident_id": "KEYS",
        "incident_start": "2026-03-01 11:00",
        "incident_end": "2026-03-01 13:00",
    }
    warehouse.dbt("run", "--select", "+incident_duplicate_groups", **declared)
    groups = warehouse.read("main_incident.incident_duplicate_groups")
    found = {row["payment_id"]: row["copy_count"] for row in groups}
    assert found == {"null": 2, "digits": 2, "spelt": 3}


def decided(warehouse: Warehouse, which: str) -> list[str]:
    """What becomes of some copies."""
    decisions = "main_incident.incident_decisions"
    found = warehouse.query(f"select decision from {decisions} where {which} order by decision")
    return [row["decision"] for row in found]


def test_a_source_without_payload_and_merchant_and_event_id(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    columns = {name: kind for name, kind in LEDGER_COLUMNS.items() if name not in ("body", "shop")}
    settings = LEDGER_VARS | {
        "exactly_once__payload_column": None,
        "exactly_once__payload_identity_paths": [],
        "exactly_once__merchant_id_column": None,
    }
    layout = Layout(**{**vars(LEDGER), "payload": None, "identity_paths": (), "merchant_id": None})
    warehouse = new_warehouse(source="ledger.entries", columns=columns, settings=settings)
    rows: list[Row] = []
    for batch in ledger_batches(2 * HOUR):
        narrow = [{name: row[name] for name in columns} for row in batch]
        rows += narrow
        warehouse.write_events(narrow)
        warehouse.dbt("build", "--selector", "fifteen_minute")
        assert_deduplicated(warehouse, rows, layout)
    assert_curated(warehouse, oracle.deduplicated(rows, layout).values(), layout)
