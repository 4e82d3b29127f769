{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='event_fingerprint',
        on_schema_change='append_new_columns',
        full_refresh=false,
        transient=false
    )
}}
{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- do exactly_once._drop_if_empty_and_outdated(this, columns) -%}
{%- set kept_event_times = exactly_once.kept_event_times() -%}
{%- set stored_columns = exactly_once._columns_of_stored(columns, kept_event_times) -%}
-- depends_on: {{ ref('decision_overrides') }}
-- depends_on: {{ ref('exactly_once', 'stg_events_deduplicated') }}

with arrivals as (
    {{ exactly_once._copies_kept_whole(columns, kept_event_times) }}
)
{%- if stored_columns is none %}

select * from arrivals
{%- else -%}
,

stored as (
    {{ exactly_once._stored_copies_kept_whole(
        this, columns, kept_event_times, stored_columns
    ) }}
),

places_of_deduplicated as (
    {{ exactly_once._places_of_deduplicated(columns, kept_event_times) }}
),

-- whatever is stored of these events is replaced; what raw has lost of any other stays
taken_from_raw as (
    {{ exactly_once._events_taken_from_raw(columns) }}
)

select arrivals.*
from arrivals
inner join taken_from_raw on arrivals.event_fingerprint = taken_from_raw.event_fingerprint
{%- endif %}
