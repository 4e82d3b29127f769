{% macro has_sane_times(columns=none) %}
    {#-
        A predicate on events whose times can be believed: not arrived ahead of the clock, and with arrival and
        event time no further apart than the lookback. Only such rows move a watermark.
    -#}
    {%- set columns = columns or exactly_once.source_columns() -%}
    {%- set arrival_time = columns.arrival_time -%}
    {{- return(
        '(' ~ arrival_time.sql ~ ' <= '
        ~ exactly_once.timestamp_literal(run_started_at.replace(tzinfo=none), arrival_time.type)
        ~ ' and abs(' ~ exactly_once.epoch_micros(arrival_time.sql)
        ~ ' - ' ~ exactly_once.epoch_micros(columns.event_time.sql) ~ ') <= '
        ~ (exactly_once.settings().late_arrival_hours * 3600000000) | int ~ ')'
    ) -}}
{% endmacro %}
