{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set lookback = exactly_once.hours_interval(exactly_once.settings().late_arrival_hours) %}

-- depends_on: {{ ref('exactly_once', 'incident_duplicate_rate') }}
with candidates as (
    select
        window_number,
        event_type,
        start_from,
        start_to,
        end_from,
        end_to
    from {{ ref('exactly_once', 'incident_window_candidates') }}
),

-- the two spans of a short window are one
spans as (
    select
        window_number,
        event_type,
        start_from as span_start,
        start_to as span_end
    from candidates
    union distinct
    select
        window_number,
        event_type,
        end_from as span_start,
        end_to as span_end
    from candidates
),

-- a key without the event type has copies of several
arrivals as (
    select
        event_fingerprint,
        cast({{ columns.event_type.sql }} as varchar) as event_type,
        min({{ exactly_once.utc_timestamp(columns.arrival_time) }}) as arrived_at,
        min({{ exactly_once.utc_timestamp(columns.event_time) }}) as happened_at,
        count(*) as row_count
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.arrived_near_candidates() }}
    group by event_fingerprint, cast({{ columns.event_type.sql }} as varchar)
),

arrival_minutes as (
    select
        *,
        date_trunc('minute', arrived_at) as arrival_minute
    from arrivals
),

-- of the type of its first copy, as in incident_duplicate_rate
placed as (
    select
        event_type,
        row_number() over (
            partition by event_fingerprint order by arrival_minute, event_type nulls last
        ) as place,
        min(arrived_at) over (partition by event_fingerprint) as first_arrival,
        min(happened_at) over (partition by event_fingerprint) as event_time,
        sum(row_count) over (partition by event_fingerprint) - 1 as event_copy_count
    from arrival_minutes
),

events as (
    select
        event_type,
        first_arrival,
        event_time,
        event_copy_count
    from placed
    where place = 1
),

-- an event that arrived in a span may be earlier by its own time, as far as the lookback; what is
-- outside of that is in its first or its last second
events_of_spans as (
    select
        spans.window_number,
        events.first_arrival,
        least(
            greatest(
                coalesce(events.event_time, events.first_arrival),
                spans.span_start - {{ lookback }}
            ),
            spans.span_end - interval '1 second'
        ) as event_time,
        events.event_copy_count
    from events
    inner join spans
        on
            events.first_arrival >= spans.span_start
            and events.first_arrival < spans.span_end
            and (
                events.event_type = spans.event_type
                or (events.event_type is null and spans.event_type is null)
            )
),

clocks as (
    select
        window_number,
        'arrival' as clock,
        date_trunc('second', first_arrival) as second_start,
        event_copy_count
    from events_of_spans
    union all
    select
        window_number,
        'event' as clock,
        date_trunc('second', event_time) as second_start,
        event_copy_count
    from events_of_spans
)

select
    window_number,
    clock,
    second_start,
    count(*) as event_count,
    count(case when event_copy_count > 0 then 1 end) as copied_event_count,
    cast(sum(event_copy_count) as bigint) as event_copy_count
from clocks
group by window_number, clock, second_start
