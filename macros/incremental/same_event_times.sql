{% macro same_event_times(events, predicate='true', alias=none, columns=none) %}
    {#-
        A predicate that holds for every copy of the events which `predicate` selects from `events`, whenever it arrived:
        event_time_ranges, and all events whose key is incomplete.
    -#}
    {%- set ranges = exactly_once.event_time_ranges(events, predicate, alias, columns) -%}
    {%- if ranges == 'true' -%}{{- return('true') -}}{%- endif -%}
    {{- return('(\n    ' ~ ranges ~ '\n    or not ' ~ (alias ~ '.' if alias else '') ~ 'has_complete_key\n)') -}}
{% endmacro %}


{% macro _event_hour_ranges(event_times, column, alias=none) %}
    {#- The hours in which the `event_time` of a query lies, as a list of predicates on a column with literal bounds. -#}
    {%- set hours = exactly_once._ask(
        'select distinct ' ~ exactly_once._hour_number('event_time') ~ ' as event_hour from (' ~ event_times
        ~ ') as event_times where event_time is not null order by 1'
    ).columns[0].values() | map('int') | list -%}
    {{- return(exactly_once._hour_ranges(column, hours, alias)) -}}
{% endmacro %}


{% macro _calendar_hours() %}
    {#- The hours since the epoch at which the years 1 to 9999 begin and end. -#}
    {{- return([-17259888, 70389528]) -}}
{% endmacro %}


{% macro _hour_number(time_sql) %}
    {#- The whole hours since the epoch; all times before year 1 lie in one hour, and all after 9999. -#}
    {%- set first_known, after_known = exactly_once._calendar_hours() -%}
    {%- set micros = 'greatest(least(' ~ exactly_once.epoch_micros(time_sql) ~ ', ' ~ after_known * 3600000000
        ~ '), ' ~ (first_known - 1) * 3600000000 ~ ')' -%}
    {#- whole hours before dividing: a quotient in floating point may round up into the next hour -#}
    {{- return(
        'cast(round((' ~ micros ~ ' - mod(mod(' ~ micros ~ ', 3600000000) + 3600000000, 3600000000))'
        ~ ' / 3600000000.0) as bigint)'
    ) -}}
{% endmacro %}


{% macro _hour_ranges(column, hours, alias=none) %}
    {#-
        Sorted hours as a list of predicates on the column with literal bounds. A time outside the years 1 to 9999
        gets a range that is open on that side.
    -#}
    {%- set first_known, after_known = exactly_once._calendar_hours() -%}
    {%- set name = (alias ~ '.' if alias else '') ~ column.sql -%}
    {%- set ranges = [] -%}
    {%- for first_hour, last_hour in exactly_once._merged_hours(hours, most_ranges=48) -%}
        {%- set bounds = [] -%}
        {%- if first_hour >= first_known -%}
            {%- do bounds.append(name ~ ' >= ' ~ exactly_once.timestamp_literal(
                exactly_once.time_from_micros(first_hour * 3600000000), column.type)) -%}
        {%- endif -%}
        {%- if last_hour + 1 < after_known -%}
            {%- do bounds.append(name ~ ' < ' ~ exactly_once.timestamp_literal(
                exactly_once.time_from_micros((last_hour + 1) * 3600000000), column.type)) -%}
        {%- endif -%}
        {%- do ranges.append('(' ~ (bounds or ['true']) | join(' and ') ~ ')') -%}
    {%- endfor -%}
    {{- return(ranges) -}}
{% endmacro %}


{% macro _merged_hours(hours, most_ranges) %}
    {#- Sorted hours as [first, last] ranges, the narrowest gaps closed until no more than most_ranges are left. -#}
    {%- set gaps = [] -%}
    {%- for i in range(1, hours | length) -%}{%- do gaps.append(hours[i] - hours[i - 1]) -%}{%- endfor -%}
    {%- set wide_gaps = gaps | select('gt', 1) | sort(reverse=true) -%}
    {%- set widest_closed = wide_gaps[most_ranges - 1] if wide_gaps | length >= most_ranges else 1 -%}
    {%- set ranges = [] -%}
    {%- for hour in hours -%}
        {%- if ranges and hour - ranges[-1][1] <= widest_closed -%}
            {%- do ranges.append([ranges.pop()[0], hour]) -%}
        {%- else -%}
            {%- do ranges.append([hour, hour]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(ranges) -}}
{% endmacro %}
