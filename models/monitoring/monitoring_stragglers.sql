{%- set columns = exactly_once.source_columns() -%}
{%- set lookback_micros = (exactly_once.settings().late_arrival_hours * 3600000000) | int -%}

with arrivals as (
    select
        event_fingerprint,
        date_trunc('hour', {{ exactly_once.utc_timestamp(columns.arrival_time) }}) as arrival_hour,
        {{ exactly_once.epoch_micros(columns.arrival_time.sql) }}
        - {{ exactly_once.epoch_micros(columns.event_time.sql) }} as lag_micros
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.detection_range() }}
)

select
    arrival_hour,
    count(*) as row_count,
    count(distinct event_fingerprint) as event_count,
    cast(floor(max(lag_micros) / 60000000.0) as bigint) as longest_lag_minutes
from arrivals
where lag_micros > {{ lookback_micros }}
group by arrival_hour
