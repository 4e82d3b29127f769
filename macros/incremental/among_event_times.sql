{% macro among_event_times(relation) %}
    {#-
        A predicate on events with a complete key: another relation holds their event time, in a column of that name. So
        that fingerprints are computed of few events: a warehouse compares times before it computes anything. `true`
        where copies may differ in their event time.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- if not exactly_once._copies_share_event_time(columns) -%}{{- return('true') -}}{%- endif -%}
    {%- set instant = exactly_once.event_instant() -%}
    {{- return(instant ~ ' in (select ' ~ instant ~ ' from ' ~ relation ~ ')') -}}
{% endmacro %}
