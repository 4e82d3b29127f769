{{
    config(
        materialized='incremental',
        incremental_strategy='keep_first',
        unique_key='event_fingerprint',
        on_schema_change='append_new_columns',
        cluster_by=exactly_once.clustering_key(),
        post_hook="{{ exactly_once._record_piece() }}"
    )
}}
{%- do exactly_once.use_warehouse_of('fifteen_minute') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set event_columns = columns.all | map(attribute='sql') | join(',\n        ') -%}
{%- set place_columns = exactly_once.place_columns(columns) | join(',\n        ') -%}
{%- set row_hash = exactly_once.row_hash(columns.all) -%}
{%- do exactly_once._own_comment() -%}
{%- do exactly_once._refuse_refresh_in_pieces(this) -%}
{%- if is_incremental() -%}{%- do exactly_once.refuse_other_key(columns) -%}{%- endif -%}
{%- set piece = exactly_once._piece_of_this_run(this if is_incremental() else none) -%}
{%- set is_new = exactly_once.arrived_since(piece.since, piece.before) -%}
{%- set is_arrival = is_new -%}
{% if is_incremental() %}
{% set event_time_ranges =
    exactly_once.event_time_ranges(ref('exactly_once', 'stg_events'), is_new)
%}
{% set is_arrival = is_new ~ ' and (' ~ event_time_ranges ~ ' or not has_complete_key)' %}
{% endif %}

-- who comes first is told by narrow columns; what doesn't simply stay is listed in contested
with copies as (
    select
        {{ place_columns }}
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ is_arrival }}
),

contested as (
    {{ exactly_once.contested_places(columns, 'copies') }}
),

arrivals as (
    select * from {{ ref('exactly_once', 'stg_events') }}
    where {{ is_arrival }}
),

alone as (
    select arrivals.*
    from arrivals
    left join contested
        on
            {{ exactly_once.is_same_place(columns, 'arrivals', 'contested') }}
    where contested.event_fingerprint is null
),

-- read apart from arrivals: an engine may store a CTE that is named twice, payloads and all
arrivals_again as (
    select * from {{ ref('exactly_once', 'stg_events') }}
    where {{ is_arrival }}
),

tied as (
    select arrivals_again.*
    from arrivals_again
    inner join contested
        on
            {{ exactly_once.is_same_place(columns, 'arrivals_again', 'contested') }}
    where contested.place_number = 1
),

-- the row hash reads the payload: it is taken of ties here, and else of what is written
hashed as (
    select
        {{ event_columns }},
        event_fingerprint,
        {{ row_hash }} as row_hash,
        has_complete_key
    from tied
),

first_of_tied as (
    select * from hashed
    qualify row_number() over (
        partition by event_fingerprint
        order by {{ exactly_once.survivor_order(columns) }}
    ) = 1
),

survivors as (
    select
        {{ event_columns }},
        event_fingerprint,
        cast(null as varchar) as row_hash,
        has_complete_key
    from alone
    union all
    select * from first_of_tied
),

{% if is_incremental() -%}
-- two branches: with `or` between the two, an engine may pass over no block of the table
kept as (
    select
        {{ place_columns }},
        row_hash
    from {{ this }}
    where has_complete_key and {{ event_time_ranges }}
    union all
    select
        {{ place_columns }},
        row_hash
    from {{ this }}
    where not has_complete_key
),

-- a copy alone in its place has no row hash yet: in the place of the kept one it is that one
news as (
    select survivors.*
    from survivors
    left join kept on survivors.event_fingerprint = kept.event_fingerprint
    where
        kept.event_fingerprint is null
        or {{ exactly_once.precedes(columns, 'survivors', 'kept') }}
),
{%- else -%}
news as (
    select * from survivors
),
{%- endif %}

events as (
    select
        {{ event_columns }},
        event_fingerprint,
        coalesce(row_hash, {{ row_hash }}) as row_hash,
        has_complete_key
    from news
)

select * from events
