{% macro same_event_hours(event_hours) %}
    {#- A predicate on the events in the hours that a query lists as `event_hour`, with literal bounds. -#}
    {%- if not execute -%}{{- return('true') -}}{%- endif -%}
    {%- set ranges = exactly_once._event_hour_ranges(
        'select event_hour as event_time from (' ~ event_hours ~ ') as event_hours',
        exactly_once.source_columns().event_time
    ) -%}
    {{- return('(' ~ ranges | join(' or ') ~ ')' if ranges else 'false') -}}
{% endmacro %}
