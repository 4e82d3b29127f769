{% macro payload_text(payload, path) %}
    {#-
        The value at a dotted path of the payload, as text. NULL where the path is missing, its value is
        JSON null, or the payload is not JSON.
    -#}
    {{- return(adapter.dispatch('payload_text', 'exactly_once')(payload, path)) -}}
{% endmacro %}


{% macro default__payload_text(payload, path) %}
    {%- do exactly_once._refuse_engine('payload_text') -%}
{% endmacro %}


{% macro duckdb__payload_text(payload, path) -%}
    {%- set json_path = '$."' ~ path | replace('.', '"."') ~ '"' -%}
    {%- if exactly_once.type_family(payload.type) == 'text' -%}
        case when json_valid({{ payload.sql }}) then json_extract_string({{ payload.sql }}, '{{ json_path }}') end
    {%- elif exactly_once.type_family(payload.type) == 'json' -%}
        json_extract_string({{ payload.sql }}, '{{ json_path }}')
    {%- else -%}
        json_extract_string(to_json({{ payload.sql }}), '{{ json_path }}')
    {%- endif -%}
{%- endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/get_path -#}
{% macro snowflake__payload_text(payload, path) -%}
    {%- set json_path = '["' ~ path | replace('.', '"]["') ~ '"]' -%}
    {%- if exactly_once.type_family(payload.type) == 'text' -%}
        cast(get_path(try_parse_json({{ payload.sql }}), '{{ json_path }}') as varchar)
    {%- else -%}
        cast(get_path({{ payload.sql }}, '{{ json_path }}') as varchar)
    {%- endif -%}
{%- endmacro %}
