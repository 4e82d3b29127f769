{% macro earliest_event_of_payments(payments, changed_payments, watermark) %}
    {#-
        The hour of the earliest event among the payments that a run computes again, as a datetime in UTC: the events
        are read from there on, not from the beginning of history. None, for all of it, where copies may differ in their
        event time, or lack it, and where it is before the first year that a literal can hold.
    -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {%- set columns = exactly_once.source_columns() -%}
    {%- if not exactly_once._copies_share_event_time(columns) -%}{{- return(none) -}}{%- endif -%}
    {%- set is_new = exactly_once.arrived_since(watermark) -%}
    {%- set found = exactly_once._ask(
        'select min(micros) as micros from ('
        ~ 'select min(case when first_event_at is not null then coalesce(' ~ exactly_once.epoch_micros('first_event_at')
        ~ ', -9000000000000000000) end) as micros from ' ~ payments
        ~ ' where payment_id in (' ~ changed_payments ~ ')'
        ~ ' union all select min(' ~ exactly_once.epoch_micros(columns.event_time.sql) ~ ') as micros from '
        ~ exactly_once.curated_events() ~ ' where has_complete_key and ' ~ is_new ~ ') as earliest'
    ).rows[0][0] -%}
    {#- an hour holds what rounding moves by less than a microsecond -#}
    {%- set hour = (found | int) // 3600000000 * 3600000000 if found is not none else none -%}
    {{- return(exactly_once.time_from_micros(hour) if hour is not none and hour >= -62135596800000000 else none) -}}
{% endmacro %}
