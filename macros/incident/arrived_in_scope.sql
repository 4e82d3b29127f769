{% macro arrived_in_scope() %}
    {#-
        A predicate on the events that arrived in the scope of the incident, with literal bounds; false where
        there is none. An event without an arrival time is placed by its event time.
    -#}
    {%- if not execute -%}{{- return('false') -}}{%- endif -%}
    {{- return(exactly_once._arrived_within_scope(ref('exactly_once', 'incident_scope'))) -}}
{% endmacro %}


{% macro _arrived_within_scope(scope) %}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set bounds = exactly_once._incident_bounds('scope', scope) -%}
    {%- if not bounds -%}{{- return('false') -}}{%- endif -%}
    {%- set start, end = bounds -%}
    {%- set arrival_time = columns.arrival_time.sql -%}
    {{- return(
        '(' ~ exactly_once._between(columns.arrival_time, start, end) ~ ' or (' ~ arrival_time ~ ' is null and '
        ~ exactly_once._between(columns.event_time, start, end) ~ '))'
    ) -}}
{% endmacro %}


{% macro _incident_bounds(range, scope) %}
    {#- Start and end of the incident's window or scope, as datetimes in UTC; none without an incident. -#}
    {%- set found = exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros(range ~ '_start') ~ ' as start_micros, '
        ~ exactly_once.epoch_micros(range ~ '_end') ~ ' as end_micros from ' ~ scope
    ).rows -%}
    {%- if not found -%}{{- return(none) -}}{%- endif -%}
    {{- return([exactly_once.time_from_micros(found[0][0]), exactly_once.time_from_micros(found[0][1])]) -}}
{% endmacro %}


{% macro _between(column, start, end) %}
    {{- return(
        '(' ~ column.sql ~ ' >= ' ~ exactly_once.timestamp_literal(start, column.type)
        ~ ' and ' ~ column.sql ~ ' < ' ~ exactly_once.timestamp_literal(end, column.type) ~ ')'
    ) -}}
{% endmacro %}
