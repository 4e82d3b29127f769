{%- set columns = exactly_once.source_columns() -%}
{#- the decisions hold the event_id as text: comparable with the survivor order only if it is text -#}
{%- set event_id_is_text = columns.event_id is not none and exactly_once.type_family(columns.event_id.type) == 'text' -%}
{%- set compared = {
    'arrival_time': columns.arrival_time,
    'event_id': {'sql': 'event_id'} if event_id_is_text else none
} -%}
{%- set order_is_known = event_id_is_text or columns.event_id is none %}

with decisions as (
    select
        event_fingerprint,
        row_hash,
        copy_number,
        event_id,
        {{ columns.arrival_time.sql }},
        decision,
        survivor_row_hash
    from {{ ref('incident_decisions') }}
),

removed as (
    select * from decisions
    where decision = 'remove'
),

kept as (
    select * from decisions
    where decision = 'keep'
),

without_survivor as (
    select removed.event_fingerprint
    from removed
    left join kept
        on
            removed.event_fingerprint = kept.event_fingerprint
            and removed.survivor_row_hash = kept.row_hash
    where kept.event_fingerprint is null
),

with_several_survivors as (
    select kept.event_fingerprint
    from kept
    where kept.event_fingerprint in (select event_fingerprint from removed)
    group by kept.event_fingerprint
    having count(*) > 1
),

removed_though_first as (
    select removed.event_fingerprint
    from removed
    inner join kept on removed.event_fingerprint = kept.event_fingerprint
    where
        {% if order_is_known -%}
        {{ exactly_once.precedes(compared, 'removed', 'kept') }}
        {%- else -%}
        removed.{{ columns.arrival_time.sql }} < kept.{{ columns.arrival_time.sql }}
        {%- endif %}
),

findings as (
    select event_fingerprint, 'the survivor is not kept' as finding from without_survivor
    union all
    select event_fingerprint, 'several copies are kept' as finding from with_several_survivors
    union all
    select event_fingerprint, 'the survivor is not the first copy' as finding from removed_though_first
)

select * from findings
