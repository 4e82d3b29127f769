{%- set columns = exactly_once.source_columns() -%}

with arrivals as (
    select
        event_fingerprint,
        date_trunc('hour', {{ exactly_once.utc_timestamp(columns.arrival_time) }}) as arrival_hour,
        count(*) as row_count
    from {{ ref('stg_events') }}
    where {{ exactly_once.detection_range() }}
    group by 1, 2
),

first_arrivals as (
    select
        arrival_hour,
        row_count,
        row_number() over (partition by event_fingerprint order by arrival_hour) = 1 as holds_the_first_copy
    from arrivals
),

duplicate_rate as (
    select
        arrival_hour,
        cast(sum(row_count) as bigint) as row_count,
        cast(sum(row_count) - sum(case when holds_the_first_copy then 1 else 0 end) as bigint) as copy_count
    from first_arrivals
    group by arrival_hour
)

select
    arrival_hour,
    row_count,
    copy_count,
    copy_count / cast(row_count as double) as copy_rate
from duplicate_rate
