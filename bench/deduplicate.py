"""Deduplicating an incident: this package and plain SQL, beside a baseline."""

from __future__ import annotations

from pathlib import Path

from bench import payloads

KEY = "payment_id, event_type, amount_cents, currency, event_ts"
BY_MACRO = (
    "{{ exactly_once.deduplicate(exactly_once.source_columns().relation, "
    f"key={KEY.split(', ')}, order_by=['ingest_ts', 'event_id']) }}}}"
)
FINGERPRINT = "event_fingerprint, row_hash, has_complete_key"

FIND = "copies of the incident to remove, with their survivors"
WRITE = "the clean table of the day"

# What the others are compared with, by group
BASELINES = {
    FIND: "keys with copies: key columns scanned, one hash aggregate",
    WRITE: "the clean rows copied",
    payloads.JUDGE: payloads.PLAIN,
}
# What dbt builds, and so measures, for the decisions
OURS = "exactly_once: scope, groups, payload differences and their judgement, decisions"
MODELS = (
    "incident_scope",
    "incident_duplicate_groups",
    "incident_payload_differences",
    "incident_payload_variance",
    "incident_decisions",
)

# By library, in bench/dataframes.py
DATAFRAMES = {
    "polars": "polars unique, Parquet to Parquet",
    "pandas": "pandas drop_duplicates, Parquet to Parquet",
}

NOTES = {
    FIND: "Ours decides for every copy of a group, kept ones too, wherever it arrived, and "
    "compares payloads; its groups alone are one row for each event with copies. The others list "
    "the copies after the first that arrived in the window.",
    WRITE: "The model of ours also writes a fingerprint and a row hash. Ours keep events with an "
    "incomplete key apart, which the others fold together.",
    payloads.JUDGE: payloads.NOTE,
}


def cases(compiled: Path, by_macro: str, window: tuple[str, str]) -> dict[str, dict[str, str]]:
    """The query of each case, by group and name; `compiled` is where dbt put our models."""
    start, end = window
    arrived = f"ingest_ts >= timestamp '{start}' and ingest_ts < timestamp '{end}'"
    order = f"(partition by {KEY} order by ingest_ts, event_id)"
    models = compiled / "exactly_once" / "models"
    groups = models / "incident" / "incident_duplicate_groups.sql"
    ours = models / "staging" / "stg_events_deduplicated.sql"
    return {
        FIND: {
            BASELINES[FIND]: f"select {KEY}, count(*) as copies from raw.events where {arrived} "
            f"group by {KEY} having count(*) > 1",
            "exactly_once: incident_duplicate_groups alone": groups.read_text(encoding="utf-8"),
            "window function over key columns": f"""
                select * from (
                    select {KEY}, event_id, ingest_ts,
                        row_number() over {order} as copy_number,
                        first_value(event_id) over {order} as survivor
                    from raw.events where {arrived}
                ) where copy_number > 1""",
            "window function over whole rows": f"""
                select * from (
                    select *, row_number() over {order} as copy_number
                    from raw.events where {arrived}
                ) where copy_number > 1""",
        },
        WRITE: {
            BASELINES[WRITE]: f"select * exclude ({FINGERPRINT}) "
            "from main_staging.stg_events_deduplicated",
            "exactly_once: stg_events_deduplicated": ours.read_text(encoding="utf-8"),
            "exactly_once: the macro deduplicate": by_macro,
            "QUALIFY over whole rows, as dbt_utils.deduplicate does on Snowflake": "select * "
            f"from raw.events qualify row_number() over {order} = 1",
            "DISTINCT ON": f"select distinct on ({KEY}) * from raw.events "
            f"order by {KEY}, ingest_ts, event_id",
        },
    }
