{% macro whole_payload(payload) %}
    {#- The payload as the text that the engine holds; NULL is the empty text. -#}
    {{- return(adapter.dispatch('whole_payload', 'exactly_once')(payload)) -}}
{% endmacro %}


{% macro default__whole_payload(payload) %}
    {%- do exactly_once._refuse_engine('whole_payload') -%}
{% endmacro %}


{% macro duckdb__whole_payload(payload) %}
    {%- set is_text = exactly_once.type_family(payload.type) in ('json', 'text') -%}
    {%- set text = payload.sql if is_text else 'to_json(' ~ payload.sql ~ ')' -%}
    {{- return('coalesce(cast(' ~ text ~ " as varchar), '')") -}}
{% endmacro %}


{% macro snowflake__whole_payload(payload) %}
    {%- set is_text = exactly_once.type_family(payload.type) == 'text' -%}
    {{- return('coalesce(' ~ (payload.sql if is_text else 'to_json(' ~ payload.sql ~ ')') ~ ", '')") -}}
{% endmacro %}
