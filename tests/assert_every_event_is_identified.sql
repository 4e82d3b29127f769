{%- if exactly_once._are_built([ref('exactly_once', 'stg_events_deduplicated')]) -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set watermark = exactly_once._reached(ref('exactly_once', 'stg_events_deduplicated')) -%}
{%- set is_new = exactly_once.arrived_since(
    exactly_once._checked_since(watermark), exactly_once._taken_in()
) %}

with new_events as (
    select
        event_fingerprint,
        has_complete_key,
        {% for column in columns.key -%}
        case when {{ column.sql }} is null then 1 else 0 end
        + {% endfor -%}
        0 as missing_parts
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ is_new }}
),

-- columns from outside may be NULL, these may not
unidentified as (
    select * from new_events
    where
        event_fingerprint is null
        or length(event_fingerprint) <> 32
        or coalesce(has_complete_key, missing_parts > 0) <> (missing_parts = 0)
)

select * from unidentified
{%- else -%}
{{ exactly_once._nothing_to_compare() }}
{%- endif -%}
