{% macro event_time_from(earliest) %}
    {#- A predicate on events no earlier than a datetime in UTC; none lets every event in. -#}
    {%- if earliest is none -%}{{- return('true') -}}{%- endif -%}
    {%- set event_time = exactly_once.source_columns().event_time -%}
    {{- return(event_time.sql ~ ' >= ' ~ exactly_once.timestamp_literal(earliest, event_time.type)) -}}
{% endmacro %}
