{% macro sampled_in_window(most_events, copies=false) %}
    {#-
        A predicate on events of the incident's window, by arrival time and by event time, with literal bounds; at
        most about that many of them, chosen by their fingerprint, so that every engine and every run chooses the
        same. With copies it holds for every copy of these events, whenever it arrived. False where there is no incident.
    -#}
    {%- if not execute -%}{{- return('false') -}}{%- endif -%}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set bounds = exactly_once._incident_bounds('window', ref('exactly_once', 'incident_scope')) -%}
    {%- if not bounds -%}{{- return('false') -}}{%- endif -%}
    {%- set start, end = bounds -%}
    {%- set earliest = exactly_once.shifted_time(start, -exactly_once.settings().late_arrival_hours) -%}
    {%- set happened = exactly_once._between(columns.event_time, earliest, end) -%}
    {%- set of_copies = happened if exactly_once._copies_share_event_time(columns) else 'true' -%}
    {%- set in_window = of_copies if copies
        else exactly_once._between(columns.arrival_time, start, end) ~ ' and ' ~ happened -%}
    {%- set first_minute = start.replace(second=0, microsecond=0) -%}
    {%- set arrived = exactly_once._ask(
        'select coalesce(sum(row_count), 0) from ' ~ ref('exactly_once', 'incident_duplicate_rate') ~ ' where arrival_minute >= '
        ~ exactly_once.timestamp_literal(first_minute) ~ ' and arrival_minute < ' ~ exactly_once.timestamp_literal(end)
    ).rows[0][0] | int -%}
    {%- if arrived <= most_events -%}{{- return(in_window) -}}{%- endif -%}
    {#- a fingerprint is a hash: its first 8 digits are spread evenly over 16^8 values -#}
    {%- set first_left_out = '%08x' | format((most_events / arrived * 16 ** 8) | int) -%}
    {{- return(in_window ~ " and substr(event_fingerprint, 1, 8) < '" ~ first_left_out ~ "'") -}}
{% endmacro %}
