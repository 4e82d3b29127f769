{%- do exactly_once.use_warehouse_of('monitoring') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set lookback_micros = (exactly_once.settings().late_arrival_hours * 3600000000) | int -%}

{%- set arrival_hour =
    "date_trunc('hour', " ~ exactly_once.utc_timestamp(columns.arrival_time) ~ ')'
%}

with arrivals as (
    select
        event_fingerprint,
        {{ arrival_hour }} as arrival_hour,
        {{ exactly_once.epoch_micros(columns.arrival_time.sql) }}
        - {{ exactly_once.epoch_micros(columns.event_time.sql) }} as lag_micros
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.detection_range(up_to_now=true) }}
),

stragglers as (
    select
        arrival_hour,
        count(*) as row_count,
        count(distinct event_fingerprint) as event_count,
        max(lag_micros) as longest_lag_micros
    from arrivals
    where lag_micros > {{ lookback_micros }}
    group by 1
),

hours as (
    select
        {{ arrival_hour }} as arrival_hour,
        count(*) as rows_arrived
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.detection_range(up_to_now=true) }}
    group by 1
)

select
    stragglers.arrival_hour,
    stragglers.row_count,
    stragglers.event_count,
    cast(floor(stragglers.longest_lag_micros / 60000000.0) as bigint) as longest_lag_minutes,
    stragglers.row_count / cast(hours.rows_arrived as double) as straggler_rate
from stragglers
inner join hours on stragglers.arrival_hour = hours.arrival_hour
