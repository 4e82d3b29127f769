{%- do exactly_once.use_warehouse_of('monitoring') %}
{% if exactly_once._is_enabled('curated') -%}
-- depends_on: {{ ref('exactly_once', 'incremental_watermarks') }}
{%- endif %}
{%- set columns = exactly_once.source_columns() -%}
{%- set is_monitored = exactly_once.detection_range() ~ ' and ' ~ exactly_once.has_sane_times() -%}
{#- while these catch up in pieces, they end before the range of the source begins -#}
{%- set taken_in = exactly_once._taken_in() -%}
{%- set is_taken_in = is_monitored if taken_in is none else
    exactly_once.arrived_since(exactly_once._checked_since(taken_in)) ~ ' and ' ~ exactly_once.has_sane_times()
-%}
{%- set now = exactly_once.timestamp_literal(run_started_at.replace(tzinfo=none)) -%}
{%- set arrival_micros = exactly_once.epoch_micros('latest_arrival') -%}
{%- set curated = exactly_once._curated_watermarks() %}

with latest_times as (
    select
        'source' as relation_name,
        max({{ exactly_once.utc_timestamp(columns.arrival_time) }}) as latest_arrival,
        max({{ exactly_once.utc_timestamp(columns.event_time) }}) as latest_event,
        {{ exactly_once.null_timestamp() }} as events_watermark
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ is_monitored }}
    union all
    select
        'deduplicated' as relation_name,
        max({{ exactly_once.utc_timestamp(columns.arrival_time) }}) as latest_arrival,
        max({{ exactly_once.utc_timestamp(columns.event_time) }}) as latest_event,
        {{ exactly_once.null_timestamp() }} as events_watermark
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where {{ is_taken_in }}
    {%- for table in curated %}
    union all
    select
        '{{ table.name }}' as relation_name,
        {{ table.watermark }} as latest_arrival,
        {{ exactly_once.null_timestamp() }} as latest_event,
        {{ table.events_watermark }} as events_watermark
    {%- endfor %}
),

latest_micros as (
    select
        relation_name,
        latest_arrival,
        latest_event,
        {{ exactly_once.epoch_micros(now) }} as now_micros,
        {{ arrival_micros }} as arrival_micros,
        {{ exactly_once.epoch_micros('latest_event') }} as event_micros,
        {{ exactly_once.epoch_micros('events_watermark') }} as events_micros,
        max(case when relation_name = 'source' then {{ arrival_micros }} end)
            over () as source_micros,
        max(case when relation_name = 'deduplicated' then {{ arrival_micros }} end)
            over () as deduplicated_micros
    from latest_times
),

behind as (
    select
        *,
        -- of a curated table: events behind the source, and the table behind the events
        coalesce(
            source_micros - deduplicated_micros
            + case
                when arrival_micros > events_micros then 0
                else events_micros - arrival_micros
            end,
            source_micros - arrival_micros
        ) as behind_source_micros
    from latest_micros
)

select
    relation_name,
    latest_arrival,
    latest_event,
    cast(floor((arrival_micros - event_micros) / 60000000.0) as bigint)
        as minutes_from_event_to_arrival,
    cast(floor((now_micros - arrival_micros) / 60000000.0) as bigint) as minutes_behind_clock,
    cast(floor(behind_source_micros / 60000000.0) as bigint) as minutes_behind_source
from behind
