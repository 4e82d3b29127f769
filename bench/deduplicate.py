"""Deduplicating an incident: this package, plain SQL, and the least that either could take."""

from __future__ import annotations

from pathlib import Path

KEY = "payment_id, event_type, amount_cents, currency, event_ts"

FIND = "copies of the incident to remove, with their survivors"
WRITE = "the clean table of the day"

# Group, what is measured, and whether it is the limit that the others are compared with
LIMITS = {
    FIND: "key columns scanned, one hash aggregate",
    WRITE: "the clean rows copied",
}


def cases(compiled: Path, window: tuple[str, str]) -> dict[str, dict[str, list[str]]]:
    """The statements of each case, by group and name; `compiled` is where dbt put ours."""
    start, end = window
    arrived = f"ingest_ts >= timestamp '{start}' and ingest_ts < timestamp '{end}'"
    first = f"row_number() over (partition by {KEY} order by ingest_ts, event_id)"
    return {
        FIND: {
            LIMITS[FIND]: [
                f"select {KEY}, count(*) as copies, min(ingest_ts) as first_arrival "
                f"from raw.events where {arrived} group by {KEY}"
            ],
            "exactly_once: incident_duplicate_groups, incident_decisions": [
                _sql(compiled, "incident/incident_duplicate_groups.sql"),
                _sql(compiled, "incident/incident_decisions.sql"),
            ],
            "window function over whole rows": [
                f"select * from (select *, {first} as copy_number from raw.events "
                f"where {arrived}) where copy_number > 1"
            ],
        },
        WRITE: {
            LIMITS[WRITE]: ["select * from main_staging.stg_events_deduplicated"],
            "exactly_once: stg_events_deduplicated": [
                _sql(compiled, "staging/stg_events_deduplicated.sql")
            ],
            "dbt_utils.deduplicate (QUALIFY over whole rows)": [
                f"select * from raw.events qualify {first} = 1"
            ],
            "DISTINCT ON": [
                f"select distinct on ({KEY}) * from raw.events order by {KEY}, ingest_ts, event_id"
            ],
        },
    }


def _sql(compiled: Path, model: str) -> str:
    return (compiled / "exactly_once" / "models" / model).read_text(encoding="utf-8")
