{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set arrival_minute =
    "date_trunc('minute', " ~ exactly_once.utc_timestamp(columns.arrival_time) ~ ')' %}

with arrivals as (
    select
        event_fingerprint,
        {{ columns.event_type.sql }} as event_type,
        {{ arrival_minute }} as arrival_minute,
        count(*) as row_count
    from {{ ref('stg_events') }}
    where {{ exactly_once.detection_range() }}
    group by event_fingerprint, {{ columns.event_type.sql }}, {{ arrival_minute }}
),

first_arrivals as (
    select
        event_type,
        arrival_minute,
        row_count,
        row_number() over (partition by event_fingerprint order by arrival_minute, event_type) = 1
            as holds_the_first_copy
    from arrivals
),

duplicate_rate as (
    select
        arrival_minute,
        event_type,
        cast(sum(row_count) as bigint) as row_count,
        cast(sum(row_count) - count(case when holds_the_first_copy then 1 end) as bigint)
            as copy_count
    from first_arrivals
    group by arrival_minute, event_type
)

select
    arrival_minute,
    event_type,
    row_count,
    copy_count,
    copy_count / cast(row_count as double) as copy_rate
from duplicate_rate
