{% macro settled_before(watermark) %}
    {#-
        A predicate on the events that every run up to the watermark has met: those that arrived no later than
        an eighth of the lookback before it, since files land a little out of order, and those without an
        arrival time. No watermark lets every event in.
    -#}
    {%- if watermark is none -%}{{- return('true') -}}{%- endif -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set settled = exactly_once.shifted_time(watermark, -exactly_once.settings().late_arrival_hours / 8) -%}
    {{- return(
        '(' ~ arrival_time.sql ~ ' <= ' ~ exactly_once.timestamp_literal(settled, arrival_time.type)
        ~ ' or ' ~ arrival_time.sql ~ ' is null)'
    ) -}}
{% endmacro %}
