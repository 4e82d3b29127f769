{% macro event_time_ranges(events, predicate='true', alias=none, columns=none) %}
    {#-
        A predicate that holds for every copy with a complete key of the events which `predicate` selects from `events`,
        whenever it arrived: copies of an event share its event time, so the hours of event time that occur are listed as
        literal ranges that a warehouse can prune on. `true` where the key lacks the event time or holds a cast of it (a
        date: copies share the day only).
    -#}
    {%- set columns = columns or exactly_once.source_columns() -%}
    {%- if not exactly_once._copies_share_event_time(columns) -%}{{- return('true') -}}{%- endif -%}
    {%- set ranges = exactly_once._event_hour_ranges(
        'select ' ~ columns.event_time.sql ~ ' as event_time from ' ~ events
        ~ ' where has_complete_key and ' ~ predicate, columns.event_time, alias
    ) -%}
    {{- return('(' ~ ranges | join('\n    or ') ~ ')' if ranges else 'false') -}}
{% endmacro %}


{% macro _copies_share_event_time(columns) %}
    {#- Whether the key has the event time, and whole. -#}
    {{- return(execute and columns.event_time.name in columns.key | rejectattr('cast') | map(attribute='name')) -}}
{% endmacro %}
