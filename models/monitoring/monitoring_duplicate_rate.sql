{%- do exactly_once.use_warehouse_of('monitoring') -%}
{%- set columns = exactly_once.source_columns() -%}

with arrivals as (
    select
        event_fingerprint,
        date_trunc('hour', {{ exactly_once.utc_timestamp(columns.arrival_time) }}) as arrival_hour,
        count(*) as row_count
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.detection_range() }}
    group by 1, 2
),

first_arrivals as (
    select
        arrival_hour,
        row_count,
        row_number() over (partition by event_fingerprint order by arrival_hour) = 1
            as holds_the_first_copy
    from arrivals
),

duplicate_rate as (
    select
        arrival_hour,
        cast(sum(row_count) as bigint) as row_count,
        count(case when holds_the_first_copy then 1 end) as first_count
    from first_arrivals
    group by 1
)

select
    arrival_hour,
    row_count,
    row_count - first_count as copy_count,
    (row_count - first_count) / cast(row_count as double) as copy_rate
from duplicate_rate
