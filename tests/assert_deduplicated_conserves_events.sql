{%- set columns = exactly_once.source_columns() -%}
{%- set arrival_time = columns.arrival_time.sql -%}
{%- set event_id = columns.event_id.sql if columns.event_id is not none else 'cast(null as varchar)' -%}
{%- set watermark = exactly_once.arrival_watermark(ref('stg_events_deduplicated')) -%}
{%- set is_taken_in = exactly_once.arrived_since(watermark) ~ ' and ' ~ exactly_once.settled_before(watermark) -%}
{%- set is_in_reach = exactly_once.same_event_times(ref('stg_events'), is_taken_in) %}

-- The least copy is found as the minimum of one column after the other, without a window function, and the
-- row hash, which reads whole rows, is computed for ties alone.
with copies as (
    select
        event_fingerprint,
        {{ arrival_time }} as arrived_at,
        {{ event_id }} as event_id,
        coalesce({{ is_taken_in }}, false) as is_taken_in
    from {{ ref('stg_events') }}
    where {{ is_in_reach }}
),

earliest_arrivals as (
    select
        event_fingerprint,
        min(arrived_at) as arrived_at
    from copies
    group by event_fingerprint
    having max(case when is_taken_in then 1 else 0 end) = 1
),

least_event_ids as (
    select
        copies.event_fingerprint,
        copies.arrived_at,
        min(copies.event_id) as event_id,
        count(*) as tied_copies
    from copies
    inner join earliest_arrivals
        on
            copies.event_fingerprint = earliest_arrivals.event_fingerprint
            and copies.arrived_at is not distinct from earliest_arrivals.arrived_at
    group by copies.event_fingerprint, copies.arrived_at
),

least_row_hashes as (
    select
        hashed.event_fingerprint,
        min(hashed.row_hash) as row_hash
    from (
        select
            event_fingerprint,
            {{ arrival_time }} as arrived_at,
            {{ event_id }} as event_id,
            row_hash
        from {{ ref('stg_events') }}
        where
            {{ is_in_reach }}
            and event_fingerprint in (select event_fingerprint from least_event_ids where tied_copies > 1)
    ) as hashed
    inner join least_event_ids
        on
            hashed.event_fingerprint = least_event_ids.event_fingerprint
            and hashed.arrived_at is not distinct from least_event_ids.arrived_at
            and hashed.event_id is not distinct from least_event_ids.event_id
    group by hashed.event_fingerprint
),

kept as (
    select
        event_fingerprint,
        {{ arrival_time }} as arrived_at,
        {{ event_id }} as event_id,
        row_hash,
        count(*) over (partition by event_fingerprint) as row_count
    from {{ ref('stg_events_deduplicated') }}
    where {{ is_in_reach }}
),

judged as (
    select
        least_event_ids.event_fingerprint,
        case
            when kept.event_fingerprint is null then 'lost'
            when kept.row_count > 1 then 'kept twice'
            when
                kept.arrived_at is distinct from least_event_ids.arrived_at
                or kept.event_id is distinct from least_event_ids.event_id
                or kept.row_hash <> least_row_hashes.row_hash
                then 'not the first copy'
        end as finding
    from least_event_ids
    left join kept on least_event_ids.event_fingerprint = kept.event_fingerprint
    left join least_row_hashes on least_event_ids.event_fingerprint = least_row_hashes.event_fingerprint
)

select * from judged
where finding is not null
