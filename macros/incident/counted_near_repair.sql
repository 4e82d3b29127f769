{% macro counted_near_repair(payments_before) %}
    {#-
        The events that count, from the hour of the first event of any payment that the repair computes again on:
        all of those payments, and all of the hours of their events, with a literal bound on the event time.
    -#}
    {%- set is_near = 'true' -%}
    {%- if execute -%}
        {%- set earliest = exactly_once.earliest_event_of_payments(
            payments_before,
            exactly_once._repaired_keys(
                exactly_once.curated_keys('payments'), ref('exactly_once', 'stg_events'),
                ref('exactly_once', 'incident_duplicate_groups'), ref('exactly_once', 'incident_decisions')
            ),
            exactly_once.recorded_watermark(payments_before)
        ) -%}
        {%- if earliest is not none -%}
            {%- set is_near -%}
                ({{ exactly_once.event_time_from(earliest.replace(minute=0, second=0, microsecond=0)) }}
                or {{ exactly_once.source_columns().event_time.sql }} is null)
            {%- endset -%}
        {%- endif -%}
    {%- endif -%}
    {{ exactly_once.payment_events(ref('exactly_once', 'stg_events_counted'), is_near) }}
{%- endmacro %}
