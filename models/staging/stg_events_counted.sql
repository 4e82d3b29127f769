{%- set columns = exactly_once.source_columns() -%}
{%- set kept_event_times = exactly_once.kept_event_times() -%}
{%- set event_columns = columns.all | map(attribute='sql') | join(',\n        ') -%}
{%- set stored_columns = exactly_once._columns_of_stored(columns, kept_event_times) -%}
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

-- one copy in each of these places is among the deduplicated
places_of_deduplicated as (
    {{ exactly_once._places_of_deduplicated(columns, kept_event_times) }}
),

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

taken_from_raw as (
    {{ exactly_once._events_taken_from_raw(columns) }}
),

-- the others as they are stored, unless the key has changed since and nothing has their fingerprint
copies as (
    select arrivals.*
    from arrivals
    inner join taken_from_raw on arrivals.event_fingerprint = taken_from_raw.event_fingerprint
    union all
    select stored.*
    from stored
    left join taken_from_raw on stored.event_fingerprint = taken_from_raw.event_fingerprint
    where
        taken_from_raw.event_fingerprint is null
        and stored.event_fingerprint in (
            select places_of_deduplicated.event_fingerprint from places_of_deduplicated
        )
),
{%- endif %}

elsewhere as (
    select copies.*
    from copies
    left join places_of_deduplicated
        on
            {{ exactly_once.is_same_place(columns, 'copies', 'places_of_deduplicated') }}
    where places_of_deduplicated.event_fingerprint is null
),

tied as (
    select copies.*
    from copies
    inner join places_of_deduplicated
        on
            {{ exactly_once.is_same_place(columns, 'copies', 'places_of_deduplicated') }}
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
