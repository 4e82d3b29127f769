{% macro arrival_watermark(events, columns=none) %}
    {#-
        How far, in arrival time, the events of a relation reach: a datetime in UTC, or none.
        Only rows with sane times count (see has_sane_times). The tenth latest such row is taken, so that a few
        rows with a wrong but plausible stamp can't move the watermark past events that are still to come.
    -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {%- set arrival_time = (columns or exactly_once.source_columns()).arrival_time -%}
    {%- set found = exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros(arrival_time.sql) ~ ' as arrival_micros from ' ~ events
        ~ ' where ' ~ exactly_once.has_sane_times(columns)
        ~ ' order by ' ~ arrival_time.sql ~ ' desc nulls last limit 1 offset 9'
    ) -%}
    {{- return(exactly_once.time_from_micros(found.rows[0][0]) if found.rows else none) -}}
{% endmacro %}
