{%- if exactly_once._are_built([
    ref('exactly_once', 'incident_decisions'), ref('exactly_once', 'quarantined_events')
]) -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set arrival_time = columns.arrival_time.sql %}

-- counted in the events themselves, up to the last copy that the group knew of when it was made
with duplicate_groups as (
    select
        event_fingerprint,
        last_arrival
    from {{ ref('exactly_once', 'incident_duplicate_groups') }}
),

rows_in_source as (
    select
        events.event_fingerprint,
        count(*) as row_count
    from {{ ref('exactly_once', 'stg_events') }} as events
    inner join duplicate_groups on events.event_fingerprint = duplicate_groups.event_fingerprint
    where
        {{ exactly_once.same_event_times(
            ref('exactly_once', 'incident_duplicate_groups'), alias='events'
        ) }}
        and (
            events.{{ arrival_time }} <= duplicate_groups.last_arrival
            or events.{{ arrival_time }} is null
        )
    group by events.event_fingerprint
),

-- raw_quarantine takes what was decided out of the source
rows_in_quarantine as (
    select
        decisions.event_fingerprint,
        count(*) as row_count
    from {{ ref('exactly_once', 'incident_decisions') }} as decisions
    inner join duplicate_groups on decisions.event_fingerprint = duplicate_groups.event_fingerprint
    inner join {{ ref('exactly_once', 'quarantined_events') }} as quarantined
        on
            decisions.incident_id = quarantined.incident_id
            and decisions.row_hash = quarantined.row_hash
            and decisions.copy_number = quarantined.copy_number
    where
        quarantined.restored_at is null
        and (
            decisions.{{ arrival_time }} <= duplicate_groups.last_arrival
            or decisions.{{ arrival_time }} is null
        )
    group by decisions.event_fingerprint
),

rows_before as (
    select
        event_fingerprint,
        sum(row_count) as row_count
    from (
        select * from rows_in_source
        union all
        select * from rows_in_quarantine
    ) as counted_rows
    group by event_fingerprint
),

decided as (
    select
        decisions.event_fingerprint,
        count(case when decisions.decision = 'keep' then 1 end) as kept_count,
        count(case when decisions.decision = 'remove' then 1 end) as removed_count,
        count(case when decisions.decision = 'review' then 1 end) as review_count
    from {{ ref('exactly_once', 'incident_decisions') }} as decisions
    left join duplicate_groups on decisions.event_fingerprint = duplicate_groups.event_fingerprint
    where
        duplicate_groups.event_fingerprint is null
        or decisions.{{ arrival_time }} <= duplicate_groups.last_arrival
        or decisions.{{ arrival_time }} is null
    group by decisions.event_fingerprint
),

compared as (
    select
        coalesce(rows_before.event_fingerprint, decided.event_fingerprint) as event_fingerprint,
        coalesce(rows_before.row_count, 0) as row_count,
        coalesce(decided.kept_count, 0) as kept_count,
        coalesce(decided.removed_count, 0) as removed_count,
        coalesce(decided.review_count, 0) as review_count
    from rows_before
    full outer join decided on rows_before.event_fingerprint = decided.event_fingerprint
),

compared_with_total as (
    select * from compared
    union all
    select
        'total' as event_fingerprint,
        coalesce(sum(row_count), 0) as row_count,
        coalesce(sum(kept_count), 0) as kept_count,
        coalesce(sum(removed_count), 0) as removed_count,
        coalesce(sum(review_count), 0) as review_count
    from compared
)

select * from compared_with_total
where kept_count + removed_count + review_count <> row_count
{%- else -%}
{{ exactly_once._nothing_to_compare() }}
{%- endif -%}
