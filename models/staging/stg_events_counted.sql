{%- set columns = exactly_once.source_columns() -%}
{%- set kept_event_times = exactly_once.kept_event_times() -%}
{%- set event_columns = columns.all | map(attribute='sql') | join(',\n        ') -%}
{%- set stored_columns = exactly_once._columns_kept(columns, kept_event_times) -%}
-- depends_on: {{ ref('exactly_once', 'stg_events') }}
-- depends_on: {{ ref('exactly_once', 'stg_events_kept') }}
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
arrivals as (
    {{ exactly_once._copies_kept_whole(columns, kept_event_times) }}
),
{%- if stored_columns is none %}

copies as (
    select * from arrivals
),
{%- else %}

stored as (
    {{ exactly_once._stored_copies_kept_whole(
        ref('exactly_once', 'stg_events_kept'), columns, kept_event_times, stored_columns
    ) }}
),

with_more_copies as (
    {{ exactly_once._events_with_more_copies('arrivals', 'stored') }}
),

-- of each event all that raw holds, or all that is stored since raw held more
copies as (
    select arrivals.*
    from arrivals
    inner join with_more_copies on arrivals.event_fingerprint = with_more_copies.event_fingerprint
    union all
    select stored.*
    from stored
    left join with_more_copies on stored.event_fingerprint = with_more_copies.event_fingerprint
    where with_more_copies.event_fingerprint is null
),
{%- endif %}

-- one copy in each of these places is among the deduplicated
contested as (
    select
        {{ exactly_once.place_columns(columns) | join(',\n        ') }}
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where
        {{ kept_event_times }}
        and event_fingerprint in ({{ exactly_once._events_kept_whole(ref('decision_overrides')) }})
),

elsewhere as (
    select copies.*
    from copies
    left join contested
        on
            {{ exactly_once.is_same_place(columns, 'copies', 'contested') }}
    where contested.event_fingerprint is null
),

tied as (
    select copies.*
    from copies
    inner join contested
        on
            {{ exactly_once.is_same_place(columns, 'copies', 'contested') }}
),

others_of_tied as (
    select * from tied
    qualify row_number() over (
        partition by event_fingerprint
        order by row_hash
    ) > 1
)

select * from deduplicated
union all
select * from elsewhere
union all
select * from others_of_tied
{%- endif %}
