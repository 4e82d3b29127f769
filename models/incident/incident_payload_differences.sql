{{ config(materialized='view') }}
{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set most_payloads = 64 -%}
{%- set most_bytes = 256 * 1024 -%}
-- depends_on: {{ ref('payload_field_policy') }}
-- depends_on: {{ ref('exactly_once', 'stg_events') }}

with duplicate_groups as (
    select
        incident_id,
        event_fingerprint,
        {{ exactly_once.utc_timestamp(columns.event_time) }} as event_at,
        copy_count
    from {{ ref('exactly_once', 'incident_duplicate_groups') }}
    where has_complete_key
)
{%- if columns.payload is none %}

-- without a payload nothing differs
select
    *,
    copy_count as payload_count,
    cast(null as bigint) as payload_bytes,
    cast(null as varchar) as payloads
from duplicate_groups
where false
{%- else -%}
{%- set volatile_paths = exactly_once.volatile_paths() -%}
{%- set comparable = exactly_once.comparable_payload(columns.payload, volatile_paths) -%}
{%- set whole = exactly_once.whole_payload(columns.payload) -%}
{%- set groups = ref('exactly_once', 'incident_duplicate_groups') -%}
{%- set is_in_reach = exactly_once.same_event_times(groups) -%}
,

-- narrow: digests tell which groups differ
copies as (
    select
        event_fingerprint,
        {{ comparable }} as comparable_payload,
        {{ whole }} as whole_payload
    from {{ ref('exactly_once', 'stg_events') }}
    where
        has_complete_key and {{ is_in_reach }}
        and event_fingerprint in (select duplicate_groups.event_fingerprint from duplicate_groups)
),

digests as (
    select
        event_fingerprint,
        {{ exactly_once.payload_digest('comparable_payload') }} as payload_digest,
        max({{ exactly_once._byte_length('whole_payload') }}) as payload_bytes
    from copies
    group by event_fingerprint, {{ exactly_once.payload_digest('comparable_payload') }}
),

differing as (
    select
        event_fingerprint,
        count(*) as payload_count,
        sum(payload_bytes) as payload_bytes
    from digests
    group by event_fingerprint
    having count(*) > 1
),

-- what is too much to judge is not pulled
differing_copies as (
    select
        event_fingerprint,
        {{ comparable }} as comparable_payload,
        {{ whole }} as whole_payload
    from {{ ref('exactly_once', 'stg_events') }}
    where
        has_complete_key and {{ is_in_reach }} and {{ exactly_once.among_event_times(groups) }}
        and event_fingerprint in (
            select differing.event_fingerprint from differing
            where
                differing.payload_count <= {{ most_payloads }}
                and differing.payload_bytes <= {{ most_bytes }}
        )
),

-- copies that differ in volatile paths alone say the same: any of them speaks for all
distinct_payloads as (
    select
        event_fingerprint,
        min(whole_payload) as whole_payload
    from differing_copies
    group by event_fingerprint, {{ exactly_once.canonical_payload('comparable_payload') }}
),

payloads as (
    select
        event_fingerprint,
        {{ exactly_once.json_array_of('whole_payload') }} as payloads
    from distinct_payloads
    group by event_fingerprint
)

select
    duplicate_groups.incident_id,
    duplicate_groups.event_fingerprint,
    duplicate_groups.event_at,
    duplicate_groups.copy_count,
    differing.payload_count,
    cast(differing.payload_bytes as bigint) as payload_bytes,
    coalesce(
        payloads.payloads,
        case
            when differing.payload_count > {{ most_payloads }} then '"too_many_payloads"'
            else '"too_large"'
        end
    ) as payloads
from differing
inner join duplicate_groups on differing.event_fingerprint = duplicate_groups.event_fingerprint
left join payloads on differing.event_fingerprint = payloads.event_fingerprint
{%- endif %}
