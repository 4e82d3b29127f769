{{
    config(
        materialized='incremental',
        incremental_strategy='keep_first',
        unique_key='event_fingerprint',
        on_schema_change='append_new_columns',
        cluster_by=exactly_once.clustering_key()
    )
}}
{%- do exactly_once.use_warehouse_of('fifteen_minute') -%}
{%- set columns = exactly_once.source_columns() -%}
{% if is_incremental() %}
{% set is_new = exactly_once.arrived_since(exactly_once.arrival_watermark(this)) %}
{% set is_in_reach = exactly_once.same_event_times(ref('stg_events'), is_new) %}
{% endif %}

with arrivals as (
    select * from {{ ref('stg_events') }}
    {% if is_incremental() -%}
    where {{ is_new }} and {{ is_in_reach }}
    {%- endif %}
),

survivors as (
    select * from arrivals
    qualify row_number() over (
        partition by event_fingerprint
        order by {{ exactly_once.survivor_order(columns) }}
    ) = 1
)

{% if is_incremental() -%}
, kept as (
    select * from {{ this }}
    where {{ is_in_reach }}
),

news as (
    select survivors.*
    from survivors
    left join kept on survivors.event_fingerprint = kept.event_fingerprint
    where
        kept.event_fingerprint is null
        or {{ exactly_once.precedes(columns, 'survivors', 'kept') }}
)

select * from news
{%- else -%}
select * from survivors
{%- endif %}
