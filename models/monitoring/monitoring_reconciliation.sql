{%- do exactly_once.use_warehouse_of('monitoring') -%}
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

arrived as (
    select
        arrival_hour,
        cast(sum(row_count) as bigint) as source_rows
    from arrivals
    group by 1
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
        count(case when holds_the_kept_copy then 1 end) as kept_events,
        cast(sum(case
            when is_unaccounted then 0
            when holds_the_kept_copy then row_count - 1
            else row_count
        end) as bigint) as copies_not_kept,
        count(case when is_unaccounted then 1 end) as unaccounted_events,
        cast(sum(case when is_unaccounted then row_count else 0 end) as bigint) as unaccounted_rows
    from matched
    group by 1
)

select
    arrived.arrival_hour,
    arrived.source_rows,
    reconciled.kept_events,
    reconciled.copies_not_kept,
    reconciled.unaccounted_rows,
    reconciled.unaccounted_events
from arrived
-- an event that is kept twice is counted twice here, and the sum is no longer that of the source
inner join reconciled on arrived.arrival_hour is not distinct from reconciled.arrival_hour
