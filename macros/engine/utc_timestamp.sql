{% macro utc_timestamp(column) %}
    {#- The column as a timestamp in UTC without an offset, for output. Never in a filter: it hides the column. -#}
    {#- DuckDB has timestamps of other precisions: output has one type whatever the source -#}
    {%- if column.type | upper in ('TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS') -%}
        {{- return('cast(' ~ column.sql ~ ' as ' ~ exactly_once._timestamp_type() ~ ')') -}}
    {%- endif -%}
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
