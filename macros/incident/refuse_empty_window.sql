{% macro refuse_empty_window() %}
    {#- A declared window in which nothing arrived is a wrong date or a wrong time zone. -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if execute and settings.incident_start is not none and flags.WHICH in ('run', 'build') and not flags.EMPTY -%}
        {%- set columns = exactly_once.source_columns() -%}
        {%- set arrival_time = columns.arrival_time -%}
        {%- set arrived = exactly_once._ask(
            'select 1 as one from ' ~ columns.relation ~ ' where ' ~ arrival_time.sql ~ ' >= '
            ~ exactly_once.timestamp_literal(settings.incident_start, arrival_time.type) ~ ' and ' ~ arrival_time.sql
            ~ ' < ' ~ exactly_once.timestamp_literal(settings.incident_end, arrival_time.type) ~ ' limit 1'
        ).rows -%}
        {%- if not arrived -%}
            {%- set reach = exactly_once._ask(
                'select ' ~ exactly_once.epoch_micros('min(' ~ arrival_time.sql ~ ')') ~ ' as first_micros, '
                ~ exactly_once.epoch_micros('max(' ~ arrival_time.sql ~ ')') ~ ' as last_micros from ' ~ columns.relation
            ).rows[0] -%}
            {%- do exactly_once._refuse(
                'the incident window',
                'no event that arrived from ' ~ settings.incident_start ~ ' to ' ~ settings.incident_end ~ ' (UTC)',
                'a window in which events arrived; ' ~ columns.relation ~ ' has arrivals from '
                ~ (exactly_once.time_from_micros(reach[0]) if reach[0] is not none else 'none') ~ ' to '
                ~ (exactly_once.time_from_micros(reach[1]) if reach[1] is not none else 'none'),
                'Correct incident_start and incident_end; they are in UTC unless they carry an offset.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
