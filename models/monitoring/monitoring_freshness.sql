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

{%- set parts = [
    {'name': 'source', 'relation': ref('exactly_once', 'stg_events'), 'predicate': is_monitored},
    {
        'name': 'deduplicated',
        'relation': ref('exactly_once', 'stg_events_deduplicated'),
        'predicate': is_taken_in
    }
] %}
{%- set arrival_time = exactly_once.utc_timestamp(columns.arrival_time) -%}
{%- set event_time = exactly_once.utc_timestamp(columns.event_time) -%}
{%- set micros = {
    'arrival': exactly_once.epoch_micros(arrival_time), 'event': exactly_once.epoch_micros(event_time)
} %}

with lateness as (
    {%- for part in parts %}
    select
        '{{ part.name }}' as relation_name,
        arrival_minute,
        minutes_to_arrival,
        count(*) as row_count,
        max(arrived_at) as latest_arrival,
        max(event_at) as latest_event
    from (
        select
            {{ arrival_time }} as arrived_at,
            {{ event_time }} as event_at,
            floor({{ micros.arrival }} / 60000000.0) as arrival_minute,
            floor(({{ micros.arrival }} - {{ micros.event }}) / 60000000.0) as minutes_to_arrival
        from {{ part.relation }}
        where {{ part.predicate }}
    ) as arrived
    group by arrival_minute, minutes_to_arrival
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

flagged as (
    select
        *,
        arrival_minute > max(arrival_minute) over (partition by relation_name) - 60
            as is_of_last_hour
    from lateness
),

accumulated as (
    select
        *,
        sum(case when is_of_last_hour then row_count end) over (
            partition by relation_name
            order by minutes_to_arrival
            range between unbounded preceding and current row
        ) as rows_so_far,
        sum(case when is_of_last_hour then row_count end) over (
            partition by relation_name
        ) as all_rows
    from flagged
),

-- one row for each relation, also for one without a row in the range
latest_times as (
    {%- for part in parts %}
    select
        '{{ part.name }}' as relation_name,
        max(latest_arrival) as latest_arrival,
        max(latest_event) as latest_event,
        min(case when rows_so_far >= 0.95 * all_rows then minutes_to_arrival end)
            as minutes_to_arrival,
        {{ exactly_once.null_timestamp() }} as events_watermark
    from accumulated
    where relation_name = '{{ part.name }}'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {%- for table in curated %}
    union all
    select
        '{{ table.name }}' as relation_name,
        {{ table.watermark }} as latest_arrival,
        {{ exactly_once.null_timestamp() }} as latest_event,
        cast(null as bigint) as minutes_to_arrival,
        {{ table.events_watermark }} as events_watermark
    {%- endfor %}
),

latest_micros as (
    select
        relation_name,
        latest_arrival,
        latest_event,
        minutes_to_arrival,
        {{ exactly_once.epoch_micros(now) }} as now_micros,
        {{ arrival_micros }} as arrival_micros,
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
    cast(minutes_to_arrival as bigint) as minutes_from_event_to_arrival,
    cast(floor((now_micros - arrival_micros) / 60000000.0) as bigint) as minutes_behind_clock,
    cast(floor(behind_source_micros / 60000000.0) as bigint) as minutes_behind_source
from behind
