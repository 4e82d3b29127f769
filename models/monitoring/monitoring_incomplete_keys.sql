{%- do exactly_once.use_warehouse_of('monitoring') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set arrival_day =
    "date_trunc('day', " ~ exactly_once.utc_timestamp(columns.arrival_time) ~ ')'
%}

with incomplete_keys as (
    select
        event_fingerprint,
        {{ arrival_day }} as arrival_day,
        {% for column in columns.key -%}
        {{ column.sql }} is null as is_missing_{{ loop.index }},
        {% endfor -%}
        {% if columns.event_id is none -%}
        'content' as identified_by
        {%- else -%}
        case when {{ columns.event_id.sql }} is null then 'content' else 'event_id' end
            as identified_by
        {%- endif %}
    from {{ ref('exactly_once', 'stg_events') }}
    where
        not has_complete_key
        and (({{ exactly_once.detection_range() }}) or {{ columns.arrival_time.sql }} is null)
),

missing_columns as (
    {% for column in columns.key -%}
    select
        event_fingerprint,
        arrival_day,
        identified_by,
        {{ exactly_once.text_literal(column.name | lower) }} as missing_column
    from incomplete_keys
    where is_missing_{{ loop.index }}
    {%- if not loop.last %}
    union all
    {% endif -%}
    {% endfor %}
),

counted as (
    select
        arrival_day,
        missing_column,
        identified_by,
        count(*) as row_count,
        count(distinct event_fingerprint) as event_count
    from missing_columns
    group by 1, 2, 3
),

days as (
    select
        {{ arrival_day }} as arrival_day,
        count(*) as rows_arrived
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.detection_range() }}
    group by 1
)

select
    counted.arrival_day,
    counted.missing_column,
    counted.identified_by,
    counted.row_count,
    counted.event_count,
    -- of all ways of identification; rows without an arrival time have no day to be few in
    case
        when counted.arrival_day is not null
            then sum(counted.row_count) over (
                partition by counted.arrival_day, counted.missing_column
            ) / cast(days.rows_arrived as double)
    end as incomplete_rate
from counted
left join days on counted.arrival_day = days.arrival_day
