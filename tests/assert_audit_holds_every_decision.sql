{%- if exactly_once._are_built([ref('exactly_once', 'audit_decisions')]) -%}
with decisions as (
    select
        incident_id,
        row_hash,
        copy_number,
        event_fingerprint,
        decision,
        reason,
        survivor_row_hash,
        rule_version
    from {{ ref('exactly_once', 'incident_decisions') }}
),

current_states as (
    select
        incident_id,
        row_hash,
        copy_number,
        event_fingerprint,
        decision,
        reason,
        survivor_row_hash,
        rule_version
    from {{ ref('exactly_once', 'audit_decisions') }}
    where dbt_valid_to is null
),

without_record as (
    select * from decisions
    except
    select * from current_states
)

select * from without_record
{%- else -%}
{{ exactly_once._nothing_to_compare() }}
{%- endif -%}
