{%- set columns = exactly_once.source_columns() -%}
{%- set arrived_at = exactly_once.utc_timestamp(columns.arrival_time) -%}
{%- set deduplicated = ref('exactly_once', 'stg_events_deduplicated') -%}
{%- set watermark = exactly_once._reached(deduplicated) -%}
{%- set is_monitored =
    '((' ~ exactly_once.detection_range() ~ ') or ' ~ columns.arrival_time.sql ~ ' is null)'
    ~ ' and ' ~ exactly_once.settled_before(watermark)
%}

with arrivals as (
    select
        event_fingerprint,
        date_trunc('hour', {{ arrived_at }}) as arrival_hour,
        count(*) as row_count
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ is_monitored }}
    group by 1, 2
),

-- the copy that is kept may have arrived before the range, but never at another event time
deduplicated as (
    select
        event_fingerprint,
        date_trunc('hour', {{ arrived_at }}) as kept_hour
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where {{ exactly_once.same_event_times(ref('exactly_once', 'stg_events'), is_monitored) }}
),

matched as (
    select
        arrivals.arrival_hour,
        arrivals.row_count,
        (deduplicated.event_fingerprint is null) as is_unaccounted,
        (
            deduplicated.event_fingerprint is not null
            and deduplicated.kept_hour is not distinct from arrivals.arrival_hour
        ) as holds_the_kept_copy
    from arrivals
    left join deduplicated on arrivals.event_fingerprint = deduplicated.event_fingerprint
),

reconciled as (
    select
        arrival_hour,
        cast(sum(row_count) as bigint) as source_rows,
        count(case when holds_the_kept_copy then 1 end) as kept_events,
        count(case when is_unaccounted then 1 end) as unaccounted_events,
        cast(sum(case when is_unaccounted then row_count else 0 end) as bigint) as unaccounted_rows
    from matched
    group by 1
)

select
    arrival_hour,
    source_rows,
    kept_events,
    source_rows - kept_events - unaccounted_rows as copies_not_kept,
    unaccounted_rows,
    unaccounted_events
from reconciled
