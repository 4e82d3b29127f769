{{ config(post_hook="{{ exactly_once._note_on_scope() }}") }}
{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set narrow = exactly_once.narrow_columns(columns) -%}
{%- set in_scope = exactly_once.arrived_in_scope() -%}
{%- set is_in_reach = exactly_once.same_event_times(ref('exactly_once', 'stg_events'), in_scope) %}

-- copies may lie outside the scope, but never at another event time
with repeated_times as (
    select min({{ columns.event_time.sql }}) as {{ columns.event_time.sql }}
    from {{ ref('exactly_once', 'stg_events') }}
    where has_complete_key and {{ is_in_reach }}
    group by {{ exactly_once.event_instant() }}
    having count(*) > 1
),

copies as (
    {% for which in [
        'has_complete_key and ' ~ exactly_once.among_event_times('repeated_times'),
        'not has_complete_key'
    ] -%}
    select
        event_fingerprint,
        has_complete_key,
        {{ narrow | join(',\n        ') }},
        {{ exactly_once.event_id_or_null(columns) }} as copy_event_id,
        coalesce({{ in_scope }}, false) as is_in_scope
    from {{ ref('exactly_once', 'stg_events') }}
    where
        {{ which }}
        and {{ is_in_reach }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

incident_scope as (
    select incident_id from {{ ref('exactly_once', 'incident_scope') }}
),

duplicate_groups as (
    select
        event_fingerprint,
        min(case when has_complete_key then 1 else 0 end) = 1 as has_complete_key,
        {% for column in narrow if column != columns.arrival_time.sql -%}
        min({{ column }}) as {{ column }},
        {% endfor -%}
        count(*) as copy_count,
        sum(case when is_in_scope then 1 else 0 end) as copies_in_scope,
        count(distinct copy_event_id) as event_id_count,
        min({{ columns.arrival_time.sql }}) as first_arrival,
        max({{ columns.arrival_time.sql }}) as last_arrival
    from copies
    group by event_fingerprint
    having count(*) > 1 and sum(case when is_in_scope then 1 else 0 end) > 0
)

select
    incident_scope.incident_id,
    duplicate_groups.*
from duplicate_groups
cross join incident_scope
