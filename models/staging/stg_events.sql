{%- set columns = exactly_once.source_columns() -%}
{%- set settings = exactly_once.settings() -%}
{%- do exactly_once.refuse_empty_source() -%}
{%- set key_is_complete -%}
    {%- for column in columns.key %}{{ exactly_once.key_text(column) }} is not null{{ ' and ' if not loop.last }}{% endfor -%}
{%- endset -%}

with source_rows as (
    select
        {% for column in columns.all -%}
            {{ column.sql }},
        {% endfor -%}
        {{ exactly_once.row_hash(columns.all) }} as row_hash,
        ({{ key_is_complete }}) as has_complete_key
    from {{ source('exactly_once', 'events') }}
),

identified_by_key as (
    select
        *,
        {{ exactly_once.fingerprint(columns.key, columns.payload, settings.payload_identity_paths) }}
            as event_fingerprint
    from source_rows
    where has_complete_key
),

-- apart from the branch above, so that reading fingerprints of complete keys never reads a whole row
{% if columns.event_id is not none -%}
identified_by_event_id as (
    select
        *,
        {{ exactly_once.fingerprint_without_key(columns.event_id, 'row_hash') }} as event_fingerprint
    from source_rows
    where not has_complete_key and {{ columns.event_id.sql }} is not null
),

{% endif -%}
identified_by_content as (
    select
        *,
        {{ exactly_once.fingerprint_without_key(none, 'row_hash') }} as event_fingerprint
    from source_rows
    where not has_complete_key{% if columns.event_id is not none %} and {{ columns.event_id.sql }} is null{% endif %}
),

fingerprinted as (
    select * from identified_by_key
    {% if columns.event_id is not none -%}
    union all
    select * from identified_by_event_id
    {% endif -%}
    union all
    select * from identified_by_content
)

select * from fingerprinted
