{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set event_id = columns.event_id.sql if columns.event_id is not none else none -%}
{%- set narrow = exactly_once.narrow_columns(columns) | reject('equalto', event_id) | list -%}

with duplicate_groups as (
    select
        incident_id,
        event_fingerprint
    from {{ ref('incident_duplicate_groups') }}
),

overrides as (
    select
        event_fingerprint,
        decision
    from {{ ref('decision_overrides') }}
),

copies as (
    select
        duplicate_groups.incident_id,
        events.event_fingerprint,
        events.row_hash,
        events.has_complete_key,
        events.{{ (narrow + ([event_id] if event_id else [])) | join(',\n        events.') }}
    from {{ ref('stg_events') }} as events
    inner join duplicate_groups on events.event_fingerprint = duplicate_groups.event_fingerprint
    where {{ exactly_once.same_event_times(ref('incident_duplicate_groups'), alias='events') }}
),

-- byte-identical copies share their row hash: numbered, so that each has a key of its own
numbered as (
    select
        *,
        row_number() over (partition by row_hash order by row_hash) as copy_number
    from copies
),

ranked as (
    select
        *,
        row_number() over (
            partition by event_fingerprint
            order by {{ exactly_once.survivor_order(columns) }}, copy_number asc
        ) as survivor_rank,
        first_value(row_hash) over (
            partition by event_fingerprint
            order by {{ exactly_once.survivor_order(columns) }}, copy_number asc
        ) as survivor_row_hash
    from numbered
),

decided as (
    select
        ranked.*,
        case
            when overrides.decision in ('keep', 'review') then overrides.decision
            when overrides.decision is null and not ranked.has_complete_key then 'review'
            when ranked.survivor_rank = 1 then 'keep'
            else 'remove'
        end as decision,
        case
            when overrides.decision is not null then 'override'
            when not ranked.has_complete_key then 'incomplete_key'
            when ranked.survivor_rank = 1 then 'first_copy'
            when ranked.row_hash = ranked.survivor_row_hash then 'identical_copy'
            else 'later_copy'
        end as reason
    from ranked
    left join overrides on ranked.event_fingerprint = overrides.event_fingerprint
)

select
    incident_id,
    event_fingerprint,
    row_hash,
    copy_number,
    cast({{ exactly_once.event_id_or_null(columns) }} as varchar) as event_id,
    {{ narrow | join(',\n    ') }},
    decision,
    reason,
    survivor_row_hash,
    cast(null as double) as variance_score,
    '{{ exactly_once.decision_rule_version() }}' as rule_version
from decided
