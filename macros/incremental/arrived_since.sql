{% macro arrived_since(watermark, before=none, columns=none) %}
    {#-
        A predicate on the events that a run must read: those that arrived no earlier than the lookback before
        the watermark, so that files landing out of order are met, and those without an arrival time.
        No watermark reads everything; exactly_once__reprocess_from reads further back.
        before: where a run that takes in a piece of the arrivals ends, or none. columns: of another relation than the
        source, as from relation_columns.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if watermark is none and before is none -%}{{- return('true') -}}{%- endif -%}
    {%- set arrival_time = (columns or exactly_once.source_columns()).arrival_time -%}
    {%- set within = [] -%}
    {%- if watermark is not none -%}
        {#- the lookback may reach before the first year, which no literal can hold -#}
        {%- set earliest = modules.datetime.datetime.min + modules.datetime.timedelta(hours=settings.late_arrival_hours) -%}
        {%- set watermark = [watermark, earliest] | max -%}
        {%- set bounds = [watermark - modules.datetime.timedelta(hours=settings.late_arrival_hours)] -%}
        {%- if settings.reprocess_from is not none -%}{%- do bounds.append(settings.reprocess_from) -%}{%- endif -%}
        {%- do within.append(arrival_time.sql ~ ' >= ' ~ exactly_once.timestamp_literal(bounds | min, arrival_time.type)) -%}
    {%- endif -%}
    {%- if before is not none -%}
        {%- do within.append(arrival_time.sql ~ ' < ' ~ exactly_once.timestamp_literal(before, arrival_time.type)) -%}
    {%- endif -%}
    {{- return('(' ~ within | join(' and ') ~ ' or ' ~ arrival_time.sql ~ ' is null)') -}}
{% endmacro %}
