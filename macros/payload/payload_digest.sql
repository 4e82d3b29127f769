{% macro payload_digest(text_sql) %}
    {#- A digest of a text, for comparisons within one query; never stored. -#}
    {{- return(adapter.dispatch('payload_digest', 'exactly_once')(text_sql)) -}}
{% endmacro %}


{% macro default__payload_digest(text_sql) %}
    {{- return('md5(' ~ text_sql ~ ')') -}}
{% endmacro %}


{#- 64 bits, in half the time of md5: a chance of 1 in 10^19 for two copies of one event. -#}
{% macro duckdb__payload_digest(text_sql) %}
    {{- return('hash(' ~ text_sql ~ ')') -}}
{% endmacro %}
