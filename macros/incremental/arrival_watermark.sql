{% macro arrival_watermark(events) %}
    {#-
        How far, in arrival time, the events of a relation reach: a datetime in UTC, or none.
        Only rows with a sane time count: not stamped ahead of the clock, and with arrival and event time no
        further apart than the lookback. The tenth latest such row is taken, so that a few rows with a wrong
        but plausible stamp can't move the watermark past events that are still to come.
    -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set arrival_time = columns.arrival_time -%}
    {%- set lookback_micros = (exactly_once.settings().late_arrival_hours * 3600000000) | int -%}
    {%- set found = run_query(
        'select ' ~ exactly_once.epoch_micros(arrival_time.sql) ~ ' as arrival_micros from ' ~ events
        ~ ' where ' ~ arrival_time.sql ~ ' <= '
        ~ exactly_once.timestamp_literal(run_started_at.replace(tzinfo=none), arrival_time.type)
        ~ ' and abs(' ~ exactly_once.epoch_micros(arrival_time.sql)
        ~ ' - ' ~ exactly_once.epoch_micros(columns.event_time.sql) ~ ') <= ' ~ lookback_micros
        ~ ' order by ' ~ arrival_time.sql ~ ' desc limit 1 offset 9'
    ) -%}
    {{- return(exactly_once.time_from_micros(found.rows[0][0]) if found.rows else none) -}}
{% endmacro %}
