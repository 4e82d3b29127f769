{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set event_type = 'cast(' ~ columns.event_type.sql ~ ' as varchar)' -%}
{%- set lookback = exactly_once.hours_interval(exactly_once.settings().late_arrival_hours) -%}
{%- set arrival_minute =
    "date_trunc('minute', " ~ exactly_once.utc_timestamp(columns.arrival_time) ~ ')' %}

with arrivals as (
    select
        event_fingerprint,
        {{ event_type }} as event_type,
        {{ arrival_minute }} as arrival_minute,
        count(*) as row_count
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.detection_range() }}
    group by event_fingerprint, {{ event_type }}, {{ arrival_minute }}
),

first_arrivals as (
    select
        event_type,
        arrival_minute,
        row_count,
        row_number() over (
            partition by event_fingerprint order by arrival_minute, event_type nulls last
        ) = 1 as holds_the_first_copy,
        min(arrival_minute) over (partition by event_fingerprint) as first_arrival_minute,
        max(arrival_minute) over (partition by event_fingerprint) as last_arrival_minute,
        sum(row_count) over (partition by event_fingerprint) - 1 as event_copy_count
    from arrivals
),

duplicate_rate as (
    select
        arrival_minute,
        event_type,
        cast(sum(row_count) as bigint) as row_count,
        cast(sum(row_count) - count(case when holds_the_first_copy then 1 end) as bigint)
            as copy_count,
        cast(count(case when holds_the_first_copy then 1 end) as bigint) as event_count,
        cast(
            count(case when holds_the_first_copy and event_copy_count > 0 then 1 end) as bigint
        ) as copied_event_count,
        cast(sum(case when holds_the_first_copy then event_copy_count else 0 end) as bigint)
            as event_copy_count,
        cast(
            count(
                case
                    when
                        holds_the_first_copy
                        and last_arrival_minute > arrival_minute + {{ lookback }} then 1
                end
            ) as bigint
        ) as late_copied_event_count,
        cast(
            sum(
                case
                    when arrival_minute > first_arrival_minute + {{ lookback }} then row_count
                    else 0
                end
            ) as bigint
        ) as late_copy_count
    from first_arrivals
    group by arrival_minute, event_type
)

select
    arrival_minute,
    event_type,
    row_count,
    copy_count,
    copy_count / cast(row_count as double) as copy_rate,
    event_count,
    copied_event_count,
    event_copy_count,
    late_copied_event_count,
    late_copy_count
from duplicate_rate
