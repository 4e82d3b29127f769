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


{#- A whole number of more than 64 bits would become a double, and another one with it: such a text stays as it is. -#}
{% macro duckdb__payload_text(payload, path) -%}
    {%- set json_path = "'$.\"" ~ path | replace('.', '"."') ~ "\"'" -%}
    {%- set json = exactly_once._as_json(payload) -%}
    {%- set value = 'json_extract(' ~ json ~ ', ' ~ json_path ~ ')' -%}
    case
        when cast({{ value }} as varchar) like '"%' then json_extract_string({{ json }}, {{ json_path }})
        when regexp_matches(cast({{ value }} as varchar), '(^|[:,\[])\s*-?[0-9]{20}') then cast({{ value }} as varchar)
        when cast({{ value }} as varchar) <> 'null' then {{ exactly_once.canonical_text(value, 'json') }}
    end
{%- endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/get_path -#}
{% macro snowflake__payload_text(payload, path) -%}
    {%- set json_path = '\'["' ~ path | replace('.', '"]["') ~ '"]\'' -%}
    {%- set value = 'get_path(' ~ exactly_once._as_json(payload) ~ ', ' ~ json_path ~ ')' -%}
    case typeof({{ value }})
        when 'VARCHAR' then cast({{ value }} as varchar)
        when 'NULL_VALUE' then null
        else {{ exactly_once.canonical_text(value, 'json') }}
    end
{%- endmacro %}


{% macro _as_json(payload) %}
    {#- The payload as JSON whatever its type; NULL where it is a text that is not JSON. -#}
    {{- return(adapter.dispatch('_as_json', 'exactly_once')(payload)) -}}
{% endmacro %}


{% macro default___as_json(payload) %}
    {%- do exactly_once._refuse_engine('payload_text') -%}
{% endmacro %}


{% macro duckdb___as_json(payload) %}
    {%- set family = exactly_once.type_family(payload.type) -%}
    {%- if family == 'text' -%}
        {{- return('case when json_valid(' ~ payload.sql ~ ') then ' ~ payload.sql ~ ' end') -}}
    {%- endif -%}
    {{- return(payload.sql if family == 'json' else 'to_json(' ~ payload.sql ~ ')') -}}
{% endmacro %}


{% macro snowflake___as_json(payload) %}
    {%- set is_text = exactly_once.type_family(payload.type) == 'text' -%}
    {{- return('try_parse_json(' ~ payload.sql ~ ')' if is_text else payload.sql) -}}
{% endmacro %}
