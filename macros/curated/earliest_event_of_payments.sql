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
        ~ 'select ' ~ exactly_once._least_micros('first_event_at') ~ ' as micros from ' ~ payments
        ~ ' where payment_id in (' ~ changed_payments ~ ')'
        ~ ' union all select ' ~ exactly_once._least_micros(columns.event_time.sql) ~ ' as micros from '
        ~ exactly_once.curated_events() ~ ' where has_complete_key and ' ~ is_new ~ ') as earliest'
    ).rows[0][0] -%}
    {{- return(exactly_once._hour_from_micros(found) if found is not none else none) -}}
{% endmacro %}


{% macro _least_micros(time_sql) %}
    {#- Of what an engine knows no microseconds for, as -infinity, as few as can be. -#}
    {{- return(
        'min(case when ' ~ time_sql ~ ' is not null then coalesce(' ~ exactly_once.epoch_micros(time_sql)
        ~ ', -9000000000000000000) end)'
    ) -}}
{% endmacro %}


{% macro _hour_from_micros(micros) %}
    {#- The hour, which holds what an engine rounds to a microsecond; none before the first year that a literal can hold. -#}
    {%- set hour = (micros | int) // 3600000000 * 3600000000 -%}
    {{- return(exactly_once.time_from_micros(hour) if hour >= -62135596800000000 else none) -}}
{% endmacro %}
