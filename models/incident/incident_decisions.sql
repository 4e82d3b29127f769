{{ config(post_hook="{{ exactly_once._note_on_scope() }}") }}
{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set event_id = columns.event_id.sql if columns.event_id is not none else none -%}
{%- set narrow = exactly_once.narrow_columns(columns) | reject('equalto', event_id) | list -%}
{%- set quarantined_copies = exactly_once.quarantined_copies() -%}
{%- set groups = ref('exactly_once', 'incident_duplicate_groups') -%}
{%- set is_in_reach = exactly_once.same_event_times(groups) -%}
{%- set has_come_since = 'coalesce(ranked.copies_now > duplicate_groups.copy_count, false)'
    if columns.payload is not none else 'false' %}
-- depends_on: {{ ref('payload_field_policy') }}

with duplicate_groups as (
    select
        incident_id,
        event_fingerprint,
        copy_count,
        {{ columns.event_time.sql }}
    from {{ groups }}
),

overrides as (
    select
        event_fingerprint,
        decision
    from {{ ref('decision_overrides') }}
    where {{ exactly_once._verdict_counts() }}
),

payload_variance as (
    select
        event_fingerprint,
        variance_score,
        verdict
    from {{ ref('exactly_once', 'incident_payload_variance') }}
),

incident_in_force as (
    select distinct incident_id from duplicate_groups
),

-- the row hash reads the payload: taken here of these copies, by the view of every event
copies as (
    {% for which in [
        'has_complete_key and ' ~ exactly_once.among_event_times('duplicate_groups'), 'not has_complete_key'
    ] -%}
    select
        event_fingerprint,
        has_complete_key,
        {{ (narrow + ([event_id] if event_id else [])) | join(',\n        ') }},
        {{ exactly_once.row_hash(columns.all) }} as row_hash
    from {{ ref('exactly_once', 'stg_events') }}
    where
        {{ which }}
        and {{ is_in_reach }}
        and event_fingerprint in (select duplicate_groups.event_fingerprint from duplicate_groups)
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

-- byte-identical copies share their row hash: numbered, so that each has a key of its own
placed as (
    select
        incident_in_force.incident_id,
        copies.*,
        row_number() over (
            partition by copies.row_hash
            order by copies.row_hash
        ) as place_among_identical
    from copies
    cross join incident_in_force
),
{%- if quarantined_copies is none %}

numbered as (
    select
        *,
        place_among_identical as copy_number
    from placed
),
{%- else %}

-- a copy in quarantine keeps its number: from this place on, the others are one number further
taken as (
    select
        incident_id,
        row_hash,
        copy_number - row_number() over (
            partition by incident_id, row_hash
            order by copy_number
        ) + 1 as first_place
    from ({{ quarantined_copies }}) as quarantined_copies
),

shifts as (
    select
        placed.row_hash,
        placed.place_among_identical,
        count(*) as shift
    from placed
    inner join taken
        on
            placed.incident_id = taken.incident_id
            and placed.row_hash = taken.row_hash
            and placed.place_among_identical >= taken.first_place
    group by placed.row_hash, placed.place_among_identical
),

numbered as (
    select
        placed.*,
        placed.place_among_identical + coalesce(shifts.shift, 0) as copy_number
    from placed
    left join shifts
        on
            placed.row_hash = shifts.row_hash
            and placed.place_among_identical = shifts.place_among_identical
),
{%- endif %}

{%- if columns.payload is not none %}
{%- set comparable =
    exactly_once.comparable_payload(columns.payload, exactly_once.volatile_paths())
%}

-- where payloads tell events apart: rows that say the same, but for what is volatile, state one
groups_of_events as (
    select *
    from duplicate_groups
    where event_fingerprint in (
        select payload_variance.event_fingerprint from payload_variance
        where payload_variance.verdict = 'keep'
    )
),

comparable_payloads as (
    select
        {{ exactly_once.row_hash(columns.all) }} as row_hash,
        {{ comparable }} as comparable_payload
    from {{ ref('exactly_once', 'stg_events') }}
    where
        has_complete_key
        and {{ exactly_once.among_event_times('groups_of_events') }}
        and {{ is_in_reach }}
        and event_fingerprint in (select groups_of_events.event_fingerprint from groups_of_events)
),

canonical_payloads as (
    select
        row_hash,
        {{ exactly_once.canonical_payload('comparable_payload') }} as canonical_payload
    from comparable_payloads
),

-- a row hash reads long numbers as the engine does: two payloads may share one
told_apart as (
    select
        row_hash,
        case when count(distinct canonical_payload) = 1 then min(canonical_payload) end
            as canonical_payload,
        count(distinct canonical_payload) > 1 as is_unclear
    from canonical_payloads
    group by row_hash
),
{%- endif %}

events_of_copies as (
    {%- if columns.payload is none %}
    select
        *,
        cast(null as varchar) as canonical_payload,
        false as is_unclear
    from numbered
    {%- else %}
    select
        numbered.*,
        told_apart.canonical_payload,
        coalesce(told_apart.is_unclear, false) as is_unclear
    from numbered
    left join told_apart on numbered.row_hash = told_apart.row_hash
    {%- endif %}
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
        ) as first_row_hash,
        row_number() over (
            partition by event_fingerprint, canonical_payload
            order by {{ exactly_once.survivor_order(columns) }}, copy_number asc
        ) as rank_among_equal,
        first_value(row_hash) over (
            partition by event_fingerprint, canonical_payload
            order by {{ exactly_once.survivor_order(columns) }}, copy_number asc
        ) as first_row_hash_among_equal,
        count(*) over (partition by event_fingerprint) as copies_now
    from events_of_copies
),

-- a copy that came after the groups were found has a payload that nobody compared
judged as (
    select
        ranked.*,
        payload_variance.variance_score,
        payload_variance.verdict,
        ranked.is_unclear or {{ has_come_since }} as is_uncompared
    from ranked
    left join duplicate_groups on ranked.event_fingerprint = duplicate_groups.event_fingerprint
    left join payload_variance on ranked.event_fingerprint = payload_variance.event_fingerprint
),

decided as (
    select
        judged.*,
        case
            when overrides.decision in ('keep', 'review') then overrides.decision
            when overrides.decision is not null and judged.survivor_rank = 1 then 'keep'
            when overrides.decision is not null then 'remove'
            when not judged.has_complete_key then 'review'
            when judged.verdict = 'review' or judged.is_uncompared then 'review'
            when judged.rank_among_equal = 1 then 'keep'
            else 'remove'
        end as decision,
        case
            when overrides.decision is not null then 'override'
            when not judged.has_complete_key then 'incomplete_key'
            when judged.verdict = 'review' or judged.is_uncompared then 'material_payload'
            when judged.rank_among_equal > 1 and judged.row_hash = judged.first_row_hash_among_equal
                then 'identical_copy'
            when judged.rank_among_equal > 1 then 'later_copy'
            when judged.verdict = 'keep' then 'distinct_payload'
            else 'first_copy'
        end as reason
    from judged
    left join overrides on judged.event_fingerprint = overrides.event_fingerprint
),

-- of events that only payloads tell apart each points at the first, which the curated tables count
with_survivor as (
    select
        *,
        case
            when reason in ('identical_copy', 'later_copy') then first_row_hash_among_equal
            else first_row_hash
        end as survivor_row_hash
    from decided
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
    {%- if columns.payload is none %}
    cast(null as double) as variance_score,
    {%- else %}
    case when has_complete_key then coalesce(variance_score, 0) end as variance_score,
    {%- endif %}
    '{{ exactly_once.decision_rule_version() }}' as rule_version
from with_survivor
