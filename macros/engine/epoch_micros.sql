{% macro epoch_micros(timestamp_sql) %}
    {{- return(adapter.dispatch('epoch_micros', 'exactly_once')(timestamp_sql)) -}}
{% endmacro %}


{% macro default__epoch_micros(timestamp_sql) %}
    {%- do exactly_once._refuse_engine('epoch_micros') -%}
{% endmacro %}


{% macro duckdb__epoch_micros(timestamp_sql) -%}
    epoch_us({{ timestamp_sql }})
{%- endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/date_part -#}
{% macro snowflake__epoch_micros(timestamp_sql) -%}
    date_part(epoch_microsecond, {{ timestamp_sql }})
{%- endmacro %}
