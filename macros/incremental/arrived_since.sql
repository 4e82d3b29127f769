{% macro arrived_since(watermark) %}
    {#-
        A predicate on the events that a run must read: those that arrived no earlier than the lookback before
        the watermark, so that files landing out of order are met, and those without an arrival time.
        No watermark reads everything; exactly_once__reprocess_from reads further back.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if watermark is none -%}{{- return('true') -}}{%- endif -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set bounds = [watermark - modules.datetime.timedelta(hours=settings.late_arrival_hours)] -%}
    {%- if settings.reprocess_from is not none -%}{%- do bounds.append(settings.reprocess_from) -%}{%- endif -%}
    {{- return(
        '(' ~ arrival_time.sql ~ ' >= ' ~ exactly_once.timestamp_literal(bounds | min, arrival_time.type)
        ~ ' or ' ~ arrival_time.sql ~ ' is null)'
    ) -}}
{% endmacro %}
