{%- do exactly_once.use_warehouse_of('monitoring') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set now = run_started_at.replace(tzinfo=none) -%}
{%- set arrival_time, event_time = columns.arrival_time, columns.event_time -%}
{%- set lookback_micros = (exactly_once.settings().late_arrival_hours * 3600000000) | int -%}
{%- set arrived_in_future =
    arrival_time.sql ~ ' > ' ~ exactly_once.timestamp_literal(now, arrival_time.type)
-%}
{%- set anomalies = {
    'arrival_missing': arrival_time.sql ~ ' is null',
    'event_time_missing': event_time.sql ~ ' is null',
    'arrival_in_future': arrived_in_future,
    'event_time_in_future': event_time.sql ~ ' > ' ~ exactly_once.timestamp_literal(now, event_time.type),
    'event_after_arrival': exactly_once.epoch_micros(event_time.sql) ~ ' - '
        ~ exactly_once.epoch_micros(arrival_time.sql) ~ ' > ' ~ lookback_micros
} -%}

with events as (
    select
        event_fingerprint,
        {% for anomaly, holds in anomalies.items() -%}
        ({{ holds }}) as {{ anomaly }},
        {% endfor -%}
        {{ exactly_once.utc_timestamp(arrival_time) }} as arrived_at,
        {{ exactly_once.utc_timestamp(event_time) }} as event_at
    from {{ ref('exactly_once', 'stg_events') }}
    where
        ({{ exactly_once.detection_range() }})
        or {{ arrival_time.sql }} is null
        or {{ arrived_in_future }}
),

anomalies as (
    {% for anomaly in anomalies -%}
    select
        '{{ anomaly }}' as anomaly,
        event_fingerprint,
        arrived_at,
        event_at
    from events
    where {{ anomaly }}
    {%- if not loop.last %}
    union all
    {% endif -%}
    {% endfor %}
)

select
    anomaly,
    count(*) as row_count,
    min(arrived_at) as first_arrived_at,
    max(arrived_at) as last_arrived_at,
    min(event_at) as first_event_at,
    max(event_at) as last_event_at,
    min(event_fingerprint) as example_fingerprint
from anomalies
group by anomaly
