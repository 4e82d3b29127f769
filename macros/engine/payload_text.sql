{% macro payload_text(payload, path) %}
    {#-
        The value at a dotted path of the payload, as text: a string as it is, a number or a structure in its
        one form (see canonical_text). NULL where the path is missing, its value is JSON null, or the payload
        is not JSON.
    -#}
    {{- return(adapter.dispatch('payload_text', 'exactly_once')(payload, path)) -}}
{% endmacro %}


{% macro default__payload_text(payload, path) %}
    {%- do exactly_once._refuse_engine('payload_text') -%}
{% endmacro %}


{% macro duckdb__payload_text(payload, path) -%}
    {%- set json_path = "'$.\"" ~ path | replace('.', '"."') ~ "\"'" -%}
    {%- set json = payload.sql -%}
    {%- if exactly_once.type_family(payload.type) == 'text' -%}
        {%- set json = 'case when json_valid(' ~ json ~ ') then ' ~ json ~ ' end' -%}
    {%- elif exactly_once.type_family(payload.type) != 'json' -%}
        {%- set json = 'to_json(' ~ json ~ ')' -%}
    {%- endif -%}
    {%- set value = 'json_extract(' ~ json ~ ', ' ~ json_path ~ ')' -%}
    case
        when cast({{ value }} as varchar) like '"%' then json_extract_string({{ json }}, {{ json_path }})
        when cast({{ value }} as varchar) <> 'null' then {{ exactly_once.canonical_text(value, 'json') }}
    end
{%- endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/get_path -#}
{% macro snowflake__payload_text(payload, path) -%}
    {%- set json_path = '\'["' ~ path | replace('.', '"]["') ~ '"]\'' -%}
    {%- set json = payload.sql -%}
    {%- if exactly_once.type_family(payload.type) == 'text' -%}
        {%- set json = 'try_parse_json(' ~ json ~ ')' -%}
    {%- endif -%}
    {%- set value = 'get_path(' ~ json ~ ', ' ~ json_path ~ ')' -%}
    case typeof({{ value }})
        when 'VARCHAR' then cast({{ value }} as varchar)
        when 'NULL_VALUE' then null
        else {{ exactly_once.canonical_text(value, 'json') }}
    end
{%- endmacro %}
