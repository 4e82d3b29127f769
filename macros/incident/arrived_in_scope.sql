{% macro arrived_in_scope() %}
    {#- A predicate on the arrivals in the scope of the incident, with literal bounds; false where there is none. -#}
    {%- if not execute -%}{{- return('false') -}}{%- endif -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set scope = run_query(
        'select ' ~ exactly_once.epoch_micros('scope_start') ~ ' as start_micros, '
        ~ exactly_once.epoch_micros('scope_end') ~ ' as end_micros from ' ~ ref('incident_scope')
    ).rows -%}
    {%- if not scope -%}{{- return('false') -}}{%- endif -%}
    {{- return(
        '(' ~ arrival_time.sql ~ ' >= '
        ~ exactly_once.timestamp_literal(exactly_once.time_from_micros(scope[0][0]), arrival_time.type)
        ~ ' and ' ~ arrival_time.sql ~ ' < '
        ~ exactly_once.timestamp_literal(exactly_once.time_from_micros(scope[0][1]), arrival_time.type) ~ ')'
    ) -}}
{% endmacro %}
