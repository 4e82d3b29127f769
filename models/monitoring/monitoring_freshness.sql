{%- set columns = exactly_once.source_columns() -%}
{%- set is_monitored = exactly_once.detection_range() ~ ' and ' ~ exactly_once.has_sane_times() -%}
{#- while these catch up in pieces, they end before the range of the source begins -#}
{%- set taken_in = exactly_once._taken_in() -%}
{%- set is_taken_in = is_monitored if taken_in is none else
    exactly_once.arrived_since(exactly_once._checked_since(taken_in)) ~ ' and ' ~ exactly_once.has_sane_times()
-%}
{%- set now = exactly_once.timestamp_literal(run_started_at.replace(tzinfo=none)) %}

with latest_times as (
    select
        'source' as relation_name,
        max({{ exactly_once.utc_timestamp(columns.arrival_time) }}) as latest_arrival,
        max({{ exactly_once.utc_timestamp(columns.event_time) }}) as latest_event
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ is_monitored }}
    union all
    select
        'deduplicated' as relation_name,
        max({{ exactly_once.utc_timestamp(columns.arrival_time) }}) as latest_arrival,
        max({{ exactly_once.utc_timestamp(columns.event_time) }}) as latest_event
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where {{ is_taken_in }}
),

latest_micros as (
    select
        relation_name,
        latest_arrival,
        latest_event,
        {{ exactly_once.epoch_micros(now) }} as now_micros,
        {{ exactly_once.epoch_micros('latest_arrival') }} as arrival_micros,
        max({{ exactly_once.epoch_micros('latest_arrival') }}) over () as source_micros
    from latest_times
)

select
    relation_name,
    latest_arrival,
    latest_event,
    cast(floor((now_micros - arrival_micros) / 60000000.0) as bigint) as minutes_behind_clock,
    cast(floor((source_micros - arrival_micros) / 60000000.0) as bigint) as minutes_behind_source
from latest_micros
