"""What the demo found and mended, held against the ground truth that no dbt model has seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from demo.generate import IncidentTruth
from demo.render import FAULTY_VERSION

Warehouse = duckdb.DuckDBPyConnection

RAW_COLUMNS = (
    "event_id",
    "payment_id",
    "merchant_id",
    "event_type",
    "amount_cents",
    "currency",
    "event_ts",
    "ingest_ts",
    "payload",
)
KEY_IS_COMPLETE = " and ".join(
    f"{column} is not null"
    for column in ("payment_id", "event_type", "amount_cents", "currency", "event_ts")
)


@dataclass(frozen=True)
class Repair:
    """What detection said of an incident."""

    incident_id: str
    window_start: datetime
    window_end: datetime
    scope_start: datetime
    scope_end: datetime
    kept: int
    removed: int
    review: int
    cause: str

    @classmethod
    def read(cls, warehouse: Warehouse) -> Repair:
        """The incident that the incident models hold now."""
        found = warehouse.execute(
            """
            select incident_id, window_start, window_end, scope_start, scope_end,
                (select count(*) from main_incident.incident_decisions where decision = 'keep'),
                (select count(*) from main_incident.incident_decisions where decision = 'remove'),
                (select count(*) from main_incident.incident_decisions where decision = 'review'),
                coalesce(
                    (select conditions from main_incident.incident_root_cause where cause_rank = 1),
                    'none'
                )
            from main_incident.incident_scope
            """
        ).fetchone()
        if found is None:
            raise SystemExit("No incident was found: incident_scope is empty.")
        return cls(*found)


@dataclass(frozen=True)
class Removals:
    """Removed rows, held against the labels: how many are right, wrong, and forgotten."""

    right: int
    wrong: int
    forgotten: int

    @property
    def expected(self) -> int:
        """How many copies the labels say must go."""
        return self.right + self.forgotten

    @property
    def is_exact(self) -> bool:
        """Whether precision and recall are 1."""
        return self.wrong == self.forgotten == 0


def gmv_by_currency(warehouse: Warehouse) -> dict[str, int]:
    """Captured cents of the live payments, per currency."""
    return dict(
        warehouse.execute(
            "select currency, sum(captured_cents)::bigint from main_analytics.payments group by 1"
        ).fetchall()
    )


def arrival_range(warehouse: Warehouse) -> tuple[datetime, datetime]:
    """First and last arrival time in raw.events."""
    found = warehouse.execute("select min(ingest_ts), max(ingest_ts) from raw.events").fetchone()
    assert found is not None
    return found


def attach_truth(warehouse: Warehouse, truth: IncidentTruth) -> None:
    """Make the temporary table `labelled`: every row of bronze with its label."""
    bronze, labels = (_quoted(path) for path in (truth.bronze, truth.truth / "rows.parquet"))
    columns = ", ".join(f"rows.{column}" for column in RAW_COLUMNS)
    warehouse.execute(
        f"""
        create or replace temporary table labelled as
        select {columns}, labels.true_event_number, labels.is_copy,
            {KEY_IS_COMPLETE} as is_complete
        from read_parquet(
            '{bronze}/*/*.parquet',
            filename = true, file_row_number = true, hive_partitioning = false
        ) as rows
        inner join read_parquet('{labels}') as labels
            on rows.filename = '{bronze}/' || labels.file
            and rows.file_row_number = labels.file_row_number
        """
    )


def score_removals(warehouse: Warehouse, repair: Repair) -> Removals:
    """Hold the audited decisions on an incident against the labels, row by row.

    A copy must go when its key is complete and any row of its event arrived in the scope; of each
    such event exactly one row must stay. Rows are matched on all their columns, so that
    byte-identical copies count as often as they occur.
    """
    texts = ", ".join(f"{column}::varchar" for column in RAW_COLUMNS)
    content = f"md5(to_json([{texts}])::varchar)"
    found = warehouse.execute(
        f"""
        with removed_rows as (
            select row_hash, count(*) as removed
            from main_audit.audit_decisions
            where incident_id = $incident_id and decision = 'remove' and dbt_valid_to is null
            group by row_hash
        ),
        contents as (
            -- payloads that differ in form only share a row hash, and state one event
            select row_hash, min({content}) as content
            from main_staging.stg_events
            where row_hash in (select row_hash from removed_rows)
            group by row_hash
        ),
        events as (
            select distinct {content} as content, true_event_number from labelled
        ),
        removed_by_event as (
            select events.true_event_number, sum(removed_rows.removed) as removed
            from removed_rows
            inner join contents using (row_hash)
            inner join events using (content)
            group by all
        ),
        copied_events as (
            select true_event_number, count(*) filter (where is_copy) as copies
            from labelled
            where is_complete
            group by all
            having bool_or(
                coalesce(ingest_ts, event_ts) >= $scope_start
                and coalesce(ingest_ts, event_ts) < $scope_end
            )
        ),
        compared as (
            select coalesce(removed, 0) as removed, coalesce(copies, 0) as copies
            from removed_by_event full join copied_events using (true_event_number)
        )
        select
            coalesce(sum(least(removed, copies)), 0)::bigint,
            coalesce(sum(greatest(removed - copies, 0)), 0)::bigint,
            coalesce(sum(greatest(copies - removed, 0)), 0)::bigint
        from compared
        """,
        {
            "incident_id": repair.incident_id,
            "scope_start": repair.scope_start,
            "scope_end": repair.scope_end,
        },
    ).fetchone()
    assert found is not None
    return Removals(*found)


TRUE_PAYMENTS = """
    with amounts as (
        select payment_id, min(merchant_id) as merchant_id, min(currency) as currency,
            coalesce(sum(amount_cents) filter (where event_type = 'authorized'), 0) as authorized,
            coalesce(sum(amount_cents) filter (where event_type = 'captured'), 0) as captured,
            coalesce(sum(amount_cents) filter (where event_type = 'refunded'), 0) as refunded,
            coalesce(sum(amount_cents) filter (where event_type = 'chargeback'), 0) as chargeback,
            count(*) as event_count, min(event_ts) as first_event_at, max(event_ts) as last_event_at
        from labelled where not is_copy and is_complete group by payment_id
    )
    select payment_id, merchant_id, currency, authorized, captured, refunded, chargeback,
        captured - refunded - chargeback, event_count, first_event_at, last_event_at
    from amounts
"""
LIVE_PAYMENTS = """
    select payment_id, merchant_id, currency, authorized_cents, captured_cents, refunded_cents,
        chargeback_cents, net_cents, event_count, first_event_at, last_event_at
    from main_analytics.payments
"""
TRUE_FEATURES = """
    select merchant_id, date_trunc('hour', event_ts),
        count(*) filter (where event_type = 'authorized'),
        count(*) filter (where event_type = 'captured'),
        count(*) filter (where event_type = 'refunded'),
        count(*) filter (where event_type = 'chargeback'),
        coalesce(sum(amount_cents) filter (where event_type = 'authorized'), 0),
        count(distinct payment_id)
    from labelled where not is_copy and is_complete group by 1, 2
"""
LIVE_FEATURES = """
    select merchant_id, event_hour, authorized_count, captured_count, refunded_count,
        chargeback_count, authorized_cents, distinct_payments
    from main_analytics.fraud_features
"""


# The totals that the report shows: a measure, its place among the columns above, and of which table
MEASURES = (
    ("payments", "authorized_cents", 3),
    ("payments", "refunded_cents", 5),
    ("payments", "net_cents", 7),
    ("payments", "event_count", 8),
    ("fraud_features", "authorized_count", 2),
    ("fraud_features", "captured_count", 3),
    ("fraud_features", "authorized_cents", 6),
    ("fraud_features", "distinct_payments", 7),
)


def curated_totals(warehouse: Warehouse, payments: str, features: str) -> dict[str, int]:
    """The totals of MEASURES, by table and measure."""
    rows = {
        "payments": warehouse.execute(payments).fetchall(),
        "fraud_features": warehouse.execute(features).fetchall(),
    }
    return {
        f"{table}.{measure}": sum(int(row[place]) for row in rows[table])
        for table, measure, place in MEASURES
    }


def live_totals(warehouse: Warehouse) -> dict[str, int]:
    """The totals of the live curated tables."""
    return curated_totals(warehouse, LIVE_PAYMENTS, LIVE_FEATURES)


def rows_that_differ(warehouse: Warehouse, left: str, right: str) -> int:
    """Rows of one query that the other lacks, both ways, copies counted."""
    found = warehouse.execute(
        f"""
        select (select count(*) from (({left}) except all ({right})))
            + (select count(*) from (({right}) except all ({left})))
        """
    ).fetchone()
    assert found is not None
    return int(found[0])


def print_report(
    warehouse: Warehouse,
    truth: IncidentTruth,
    incident: Repair,
    strays: Repair,
    gmv_before: dict[str, int],
    totals_before: dict[str, int],
) -> bool:
    """Print the closing table; whether everything is as the truth says."""
    attach_truth(warehouse, truth)
    incident_score = score_removals(warehouse, incident)
    strays_score = score_removals(warehouse, strays)
    gmv_after = gmv_by_currency(warehouse)
    gmv_true = dict(
        warehouse.execute(
            "select currency, sum(amount_cents)::bigint from labelled"
            " where not is_copy and is_complete and event_type = 'captured' group by 1"
        ).fetchall()
    )
    payments = rows_that_differ(warehouse, LIVE_PAYMENTS, TRUE_PAYMENTS)
    features = rows_that_differ(warehouse, LIVE_FEATURES, TRUE_FEATURES)

    rows, events = truth.counts["physical_rows"], truth.counts["logical_events"]
    print(f"\nraw.events: {rows:,} rows state {events:,} events\n")
    _print_table(
        (incident.incident_id, "found", "true"),
        [
            ("window start (UTC)", str(incident.window_start), str(truth.incident_start)),
            ("window end (UTC)", str(incident.window_end), str(truth.incident_end)),
            ("copies to remove", f"{incident.removed:,}", f"{incident_score.expected:,}"),
            ("  of these right", f"{incident_score.right:,}", ""),
            ("rows kept", f"{incident.kept:,}", ""),
            ("rows under review", f"{incident.review:,}", ""),
            (f"{strays.incident_id}, all day", f"{strays.removed:,}", f"{strays_score.expected:,}"),
            ("  of these right", f"{strays_score.right:,}", ""),
        ],
    )
    planted_cause = f"payload.producer.version = {FAULTY_VERSION}"
    print(f"\n  cause: {incident.cause} (true: {planted_cause})\n")
    _print_table(
        ("GMV (captured)", "before", "after", "true"),
        [
            (
                currency,
                *(_money(gmv.get(currency, 0)) for gmv in (gmv_before, gmv_after, gmv_true)),
            )
            for currency in sorted(gmv_true)
        ],
    )
    totals_after = live_totals(warehouse)
    totals_true = curated_totals(warehouse, TRUE_PAYMENTS, TRUE_FEATURES)
    print()
    _print_table(
        ("curated totals", "before", "after", "true"),
        [
            (name, *(f"{totals[name]:,}" for totals in (totals_before, totals_after, totals_true)))
            for name in totals_true
        ],
    )
    print(f"\n  payments: {payments:,} rows differ from the truth")
    print(f"  fraud_features: {features:,} rows differ from the truth")
    return (
        gmv_after == gmv_true
        and totals_after == totals_true
        and incident.cause == planted_cause
        and payments == features == 0
        and incident_score.is_exact
        and strays_score.is_exact
    )


def print_raw(warehouse: Warehouse, truth: IncidentTruth, repair: Repair) -> bool:
    """Print where the rows of raw.events are; whether all that were decided to go are out."""
    found = warehouse.execute(
        "select (select count(*) from raw.events),"
        " (select count(*) from main_audit.quarantined_events where restored_at is null)"
    ).fetchone()
    assert found is not None
    left, out = found
    rows = truth.counts["physical_rows"]
    print(f"\n  raw.events: {rows:,} rows before = {left:,} now + {out:,} in quarantine")
    return rows == left + out and out == repair.removed


def _print_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, tuple("-" * width for width in widths), *rows]:
        first, *others = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join([first, *others]).rstrip())


def _money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
