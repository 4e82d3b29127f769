{% macro encoded_part(text_sql) %}
    {#- `<bytes>:<text>`, or `~` for NULL: no value can forge the border between two parts. -#}
    {{- return("coalesce(cast(" ~ exactly_once._byte_length(text_sql) ~ " as varchar) || ':' || " ~ text_sql ~ ", '~')") -}}
{% endmacro %}


{% macro _byte_length(text_sql) %}
    {{- return(adapter.dispatch('_byte_length', 'exactly_once')(text_sql)) -}}
{% endmacro %}


{% macro default___byte_length(text_sql) %}
    {{- return('octet_length(' ~ text_sql ~ ')') -}}
{% endmacro %}


{#- DuckDB's octet_length takes a BLOB; strlen counts the bytes of a text. -#}
{% macro duckdb___byte_length(text_sql) %}
    {{- return('strlen(' ~ text_sql ~ ')') -}}
{% endmacro %}
