{%- set columns = exactly_once.source_columns() -%}

with incomplete_keys as (
    select
        event_fingerprint,
        date_trunc('day', {{ exactly_once.utc_timestamp(columns.arrival_time) }}) as arrival_day,
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
)

select
    arrival_day,
    missing_column,
    identified_by,
    count(*) as row_count,
    count(distinct event_fingerprint) as event_count
from missing_columns
group by arrival_day, missing_column, identified_by
