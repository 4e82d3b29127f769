{%- if exactly_once._are_built([
    ref('exactly_once', 'incident_duplicate_groups'),
    ref('decision_overrides')
]) -%}
{%- set columns = exactly_once.source_columns() -%}

with verdicts as (
    select
        event_fingerprint,
        event_at
    from {{ ref('decision_overrides') }}
    where event_at is not null
),

duplicate_groups as (
    select
        event_fingerprint,
        {{ exactly_once.utc_timestamp(columns.event_time) }} as event_at
    from {{ ref('exactly_once', 'incident_duplicate_groups') }}
    where has_complete_key
),

with_another_time as (
    select
        verdicts.event_fingerprint,
        verdicts.event_at,
        duplicate_groups.event_at as event_at_of_the_group
    from verdicts
    inner join duplicate_groups on verdicts.event_fingerprint = duplicate_groups.event_fingerprint
    where verdicts.event_at <> duplicate_groups.event_at
)

select * from with_another_time
{%- else -%}
{{ exactly_once._nothing_to_compare() }}
{%- endif -%}
