{%- set columns = exactly_once.source_columns() -%}
{%- set kept_event_times = exactly_once.kept_event_times() -%}
{%- set event_columns = columns.all | map(attribute='sql') | join(',\n        ') -%}
-- depends_on: {{ ref('exactly_once', 'stg_events') }}
-- depends_on: {{ ref('decision_overrides') }}

with deduplicated as (
    select
        {{ event_columns }},
        event_fingerprint,
        row_hash,
        has_complete_key
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
)
{%- if kept_event_times is none %}

select * from deduplicated
{%- else -%}
,

-- a reviewer found these copies to be events of their own
copies as (
    select
        {{ exactly_once.place_columns(columns) | join(',\n        ') }}
    from {{ ref('exactly_once', 'stg_events') }}
    where
        event_fingerprint in (
            select event_fingerprint from {{ ref('decision_overrides') }}
            where decision = 'keep' and {{ exactly_once._verdict_is_signed() }}
        )
        and {{ kept_event_times }}
),

contested as (
    {{ exactly_once.contested_places(columns, 'copies') }}
),

arrivals as (
    select
        {{ event_columns }},
        event_fingerprint,
        row_hash,
        has_complete_key
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ kept_event_times }}
),

later as (
    select arrivals.*
    from arrivals
    inner join contested
        on
            {{ exactly_once.is_same_place(columns, 'arrivals', 'contested') }}
    where contested.place_number > 1
),

arrivals_again as (
    select
        {{ event_columns }},
        event_fingerprint,
        row_hash,
        has_complete_key
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ kept_event_times }}
),

tied as (
    select arrivals_again.*
    from arrivals_again
    inner join contested
        on
            {{ exactly_once.is_same_place(columns, 'arrivals_again', 'contested') }}
    where contested.place_number = 1
),

-- the first of these is among the deduplicated
others_of_tied as (
    select * from tied
    qualify row_number() over (
        partition by event_fingerprint
        order by {{ exactly_once.survivor_order(columns) }}
    ) > 1
)

select * from deduplicated
union all
select * from later
union all
select * from others_of_tied
{%- endif %}
