{% macro sha256_text(text_sql) %}
    {#- SHA-256 of a text, as 64 hexadecimal digits in lower case. -#}
    {{- return(adapter.dispatch('sha256_text', 'exactly_once')(text_sql)) -}}
{% endmacro %}


{% macro default__sha256_text(text_sql) %}
    {%- do exactly_once._refuse_engine('sha256_text') -%}
{% endmacro %}


{% macro duckdb__sha256_text(text_sql) %}
    {{- return('sha256(' ~ text_sql ~ ')') -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/sha2 -#}
{% macro snowflake__sha256_text(text_sql) %}
    {{- return('sha2(' ~ text_sql ~ ', 256)') -}}
{% endmacro %}
