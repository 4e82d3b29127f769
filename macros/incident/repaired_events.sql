{% macro repaired_events() %}
    {#- The rows, copies and all, of the events that the repair of the incident computes again. -#}
    {%- set is_affected -%}
        event_fingerprint in (
            select event_fingerprint from {{ ref('exactly_once', 'incident_decisions') }} where {{ exactly_once.is_repaired() }}
        )
        and {{ exactly_once.same_event_times(ref('exactly_once', 'incident_duplicate_groups')) }}
    {%- endset -%}
    {{ exactly_once.payment_events(ref('exactly_once', 'stg_events'), is_affected) }}
{%- endmacro %}
