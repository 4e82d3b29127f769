{% macro minute_text(timestamp_sql) %}
    {#- A timestamp to the minute, as 20260301T1000. -#}
    {{- return(adapter.dispatch('minute_text', 'exactly_once')(timestamp_sql)) -}}
{% endmacro %}


{% macro default__minute_text(timestamp_sql) %}
    {%- do exactly_once._refuse_engine('minute_text') -%}
{% endmacro %}


{% macro duckdb__minute_text(timestamp_sql) -%}
    strftime({{ timestamp_sql }}, '%Y%m%dT%H%M')
{%- endmacro %}


{% macro snowflake__minute_text(timestamp_sql) -%}
    to_varchar({{ timestamp_sql }}, 'YYYYMMDD"T"HH24MI')
{%- endmacro %}
