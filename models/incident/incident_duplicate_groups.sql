{{ config(post_hook="{{ exactly_once._note_on_scope() }}") }}
{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set narrow = exactly_once.narrow_columns(columns) -%}
{%- set paths = exactly_once.settings().payload_identity_paths -%}
{%- set compared_key = exactly_once._compared_key(columns) -%}
{%- set fingerprint = exactly_once.fingerprint(columns.key, columns.payload, paths) -%}
{%- set in_scope = exactly_once.arrived_in_scope() -%}
{%- set is_in_reach = exactly_once.same_event_times(ref('exactly_once', 'stg_events'), in_scope) -%}
{%- set event_id = exactly_once.event_id_or_null(columns) -%}
{%- set counts_in_scope = 'case when ' ~ in_scope ~ ' then 1 else 0 end' -%}
{%- set beside_narrow = [event_id ~ ' as copy_event_id', counts_in_scope ~ ' as in_scope_count'] -%}
{%- set of_a_copy = narrow + beside_narrow -%}
{%- set is_payload_read = paths and columns.payload.sql not in narrow -%}
{%- set of_a_repeated = of_a_copy + ([columns.payload.sql] if is_payload_read else []) -%}
{%- set named_key = [] -%}
{%- for compared in compared_key -%}
{%- do named_key.append(compared ~ ' as key_' ~ loop.index) -%}
{%- endfor %}

-- copies may lie outside the scope; keys are compared as they are, and few are left to fingerprint
with repeated_keys as (
    select
        {{ named_key | join(',\n        ') }}
    from {{ ref('exactly_once', 'stg_events') }}
    where has_complete_key and {{ is_in_reach }}
    group by {{ compared_key | join(', ') }}
    having count(*) > 1 and sum({{ counts_in_scope }}) > 0
),

repeated as (
    select
        {{ of_a_repeated | join(',\n        ') }}
    from {{ ref('exactly_once', 'stg_events') }}
    where
        has_complete_key
        and {{ is_in_reach }}
        and ({{ compared_key | join(', ') }}) in (select repeated_keys.* from repeated_keys)
),

copies as (
    select
        {{ fingerprint }} as event_fingerprint,
        true as has_complete_key,
        {{ narrow | join(',\n        ') }},
        copy_event_id,
        in_scope_count
    from repeated
    union all
    select
        event_fingerprint,
        has_complete_key,
        {{ of_a_copy | join(',\n        ') }}
    from {{ ref('exactly_once', 'stg_events') }}
    where
        not has_complete_key
        and {{ is_in_reach }}
),

-- to count distinct ids of so many groups at once takes longer than the rest
copies_by_event_id as (
    select
        event_fingerprint,
        copy_event_id,
        has_complete_key,
        {% for column in narrow if column != columns.arrival_time.sql -%}
        min({{ column }}) as {{ column }},
        {% endfor -%}
        count(*) as copies_of_id,
        sum(in_scope_count) as in_scope_count,
        min({{ columns.arrival_time.sql }}) as first_arrival,
        max({{ columns.arrival_time.sql }}) as last_arrival
    from copies
    group by event_fingerprint, copy_event_id, has_complete_key
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
        cast(sum(copies_of_id) as bigint) as copy_count,
        sum(in_scope_count) as copies_in_scope,
        count(copy_event_id) as event_id_count,
        min(first_arrival) as first_arrival,
        max(last_arrival) as last_arrival
    from copies_by_event_id
    group by event_fingerprint
    having sum(copies_of_id) > 1 and sum(in_scope_count) > 0
)

select
    incident_scope.incident_id,
    duplicate_groups.*
from duplicate_groups
cross join incident_scope
