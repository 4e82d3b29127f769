{% macro utc_timestamp(column) %}
    {#- The column as a timestamp in UTC without an offset, for output. Never in a filter: it hides the column. -#}
    {%- if exactly_once.type_family(column.type) != 'timestamp_tz' -%}
        {{- return(column.sql) -}}
    {%- endif -%}
    {{- return(adapter.dispatch('utc_timestamp', 'exactly_once')(column.sql)) -}}
{% endmacro %}


{% macro default__utc_timestamp(timestamp_sql) %}
    {%- do exactly_once._refuse_engine('utc_timestamp') -%}
{% endmacro %}


{% macro duckdb__utc_timestamp(timestamp_sql) -%}
    timezone('UTC', {{ timestamp_sql }})
{%- endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/convert_timezone -#}
{% macro snowflake__utc_timestamp(timestamp_sql) -%}
    cast(convert_timezone('UTC', {{ timestamp_sql }}) as timestamp_ntz)
{%- endmacro %}
