{%- set columns = exactly_once.source_columns() -%}
{#- decisions hold the event_id as text: in survivor order only if it is text in the source too -#}
{%- set has_event_id = columns.event_id is not none -%}
{%- set is_text = has_event_id and exactly_once.type_family(columns.event_id.type) == 'text' -%}
{%- if is_text or not has_event_id -%}
    {%- set removed_is_first = exactly_once.precedes({
        'arrival_time': columns.arrival_time,
        'event_id': {'sql': 'event_id'} if has_event_id else none
    }, 'removed', 'kept') -%}
{%- else -%}
    {%- set arrival_time = columns.arrival_time.sql -%}
    {%- set removed_is_first = 'removed.' ~ arrival_time ~ ' < kept.' ~ arrival_time -%}
{%- endif %}

with decisions as (
    select
        event_fingerprint,
        row_hash,
        copy_number,
        event_id,
        {{ columns.arrival_time.sql }},
        decision,
        reason,
        survivor_row_hash
    from {{ ref('exactly_once', 'incident_decisions') }}
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
    where
        kept.event_fingerprint in (select removed.event_fingerprint from removed)
        and kept.reason <> 'distinct_payload'
    group by kept.event_fingerprint
    having count(*) > 1
),

removed_though_first as (
    select removed.event_fingerprint
    from removed
    inner join kept
        on
            removed.event_fingerprint = kept.event_fingerprint
            and removed.survivor_row_hash = kept.row_hash
    where {{ removed_is_first }}
),

findings as (
    select
        event_fingerprint,
        'the survivor is not kept' as finding
    from without_survivor
    union all
    select
        event_fingerprint,
        'several copies are kept' as finding
    from with_several_survivors
    union all
    select
        event_fingerprint,
        'the survivor is not the first copy' as finding
    from removed_though_first
)

select * from findings
