{% macro recorded_watermark(relation) %}
    {#- How far a curated relation has taken in arrivals: a datetime in UTC, or none. See record_watermark. -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {%- set watermarks = adapter.get_relation(relation.database, relation.schema, 'incremental_watermarks') -%}
    {%- if watermarks is none -%}{{- return(none) -}}{%- endif -%}
    {%- set found = run_query(
        'select ' ~ exactly_once.epoch_micros('arrival_watermark') ~ ' as arrival_micros from ' ~ watermarks
        ~ ' where relation_name = ' ~ exactly_once.text_literal(relation.identifier)
    ).rows -%}
    {{- return(exactly_once.time_from_micros(found[0][0]) if found and found[0][0] is not none else none) -}}
{% endmacro %}
