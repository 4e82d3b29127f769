{%- if exactly_once._are_built([ref('exactly_once', 'stg_events_deduplicated')]) -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set arrival_time = columns.arrival_time.sql -%}
{%- set event_id = exactly_once.event_id_or_null(columns) -%}
{%- set events = ref('exactly_once', 'stg_events') -%}
{%- set deduplicated = ref('exactly_once', 'stg_events_deduplicated') -%}
{%- set watermark = exactly_once._reached(deduplicated) -%}
{%- set is_taken_in =
    exactly_once.arrived_since(exactly_once._checked_since(watermark)) ~ ' and ' ~ exactly_once.settled_before(watermark)
-%}
{%- set event_time_ranges = exactly_once.event_time_ranges(events, is_taken_in) -%}
{#- a copy without an arrival time comes with the first piece, and one before it with a later -#}
{%- set taken_in = exactly_once._taken_in() -%}
{%- set is_copy = event_time_ranges if taken_in is none
    else event_time_ranges ~ ' and ' ~ exactly_once.arrived_since(none, taken_in)
%}

-- The least copy is found as the minimum of one column after the other, without a window function.
-- The row hash, which reads whole rows, is computed for what the run took in alone: copies that tie
-- arrived together, so those before were judged by an earlier run. So were the earlier copies of
-- events with an incomplete key, which may lie anywhere: what is kept of such an event may come
-- before what the run took in.
with copies as (
    select
        event_fingerprint,
        has_complete_key,
        {{ arrival_time }} as arrived_at,
        {{ event_id }} as event_id,
        case when {{ is_taken_in }} then 1 else 0 end as is_taken_in
    from {{ ref('exactly_once', 'stg_events') }}
    where has_complete_key and {{ is_copy }}
    union all
    select
        event_fingerprint,
        has_complete_key,
        {{ arrival_time }} as arrived_at,
        {{ event_id }} as event_id,
        1 as is_taken_in
    from {{ ref('exactly_once', 'stg_events') }}
    where not has_complete_key and {{ is_taken_in }}
),

earliest_arrivals as (
    select
        event_fingerprint,
        has_complete_key,
        min(arrived_at) as arrived_at
    from copies
    group by event_fingerprint, has_complete_key
    having max(is_taken_in) = 1
),

least_event_ids as (
    select
        copies.event_fingerprint,
        copies.has_complete_key,
        copies.arrived_at,
        min(copies.event_id) as event_id,
        count(*) as tied_copies
    from copies
    inner join earliest_arrivals
        on
            copies.event_fingerprint = earliest_arrivals.event_fingerprint
            and copies.arrived_at is not distinct from earliest_arrivals.arrived_at
    group by copies.event_fingerprint, copies.has_complete_key, copies.arrived_at
),

ties as (
    select * from least_event_ids
    where tied_copies > 1
),

tied_events as (
    select
        event_fingerprint,
        {{ arrival_time }} as arrived_at,
        {{ event_id }} as event_id,
        row_hash
    from {{ ref('exactly_once', 'stg_events') }}
    where
        {{ is_taken_in }}
        and ({{ event_time_ranges }} or not has_complete_key)
        and event_fingerprint in (select ties.event_fingerprint from ties)
),

least_row_hashes as (
    select
        tied_events.event_fingerprint,
        min(tied_events.row_hash) as row_hash
    from tied_events
    inner join ties
        on
            tied_events.event_fingerprint = ties.event_fingerprint
            and tied_events.arrived_at is not distinct from ties.arrived_at
            and tied_events.event_id is not distinct from ties.event_id
    group by tied_events.event_fingerprint
),

kept_rows as (
    select
        event_fingerprint,
        {{ arrival_time }} as arrived_at,
        {{ event_id }} as event_id,
        row_hash
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where has_complete_key and {{ event_time_ranges }}
    union all
    select
        event_fingerprint,
        {{ arrival_time }} as arrived_at,
        {{ event_id }} as event_id,
        row_hash
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where not has_complete_key
),

kept as (
    select
        event_fingerprint,
        min(arrived_at) as arrived_at,
        min(event_id) as event_id,
        min(row_hash) as row_hash,
        count(*) as row_count
    from kept_rows
    group by event_fingerprint
),

compared as (
    select
        least_event_ids.event_fingerprint,
        coalesce(kept.row_count, 0) as row_count,
        (
            kept.arrived_at is not distinct from least_event_ids.arrived_at
            and kept.event_id is not distinct from least_event_ids.event_id
            and kept.row_hash = coalesce(least_row_hashes.row_hash, kept.row_hash)
        ) or (
            not least_event_ids.has_complete_key
            and (
                coalesce(kept.arrived_at < least_event_ids.arrived_at, false)
                or (kept.arrived_at is not null and least_event_ids.arrived_at is null)
            )
        ) as is_the_first_copy
    from least_event_ids
    left join kept on least_event_ids.event_fingerprint = kept.event_fingerprint
    left join least_row_hashes
        on least_event_ids.event_fingerprint = least_row_hashes.event_fingerprint
)

select
    event_fingerprint,
    case
        when row_count = 0 then 'lost'
        when row_count > 1 then 'kept twice'
        else 'not the first copy'
    end as finding
from compared
where row_count <> 1 or not is_the_first_copy
{%- else -%}
{{ exactly_once._nothing_to_compare() }}
{%- endif -%}
