{% macro json_array_of(text_sql) %}
    {#- Aggregate. The texts of a group as the text of a JSON array, in any order. -#}
    {{- return(adapter.dispatch('json_array_of', 'exactly_once')(text_sql)) -}}
{% endmacro %}


{% macro default__json_array_of(text_sql) %}
    {%- do exactly_once._refuse_engine('json_array_of') -%}
{% endmacro %}


{% macro duckdb__json_array_of(text_sql) %}
    {{- return('cast(to_json(list(' ~ text_sql ~ ')) as varchar)') -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/array_agg -#}
{% macro snowflake__json_array_of(text_sql) %}
    {{- return('to_json(array_agg(' ~ text_sql ~ '))') -}}
{% endmacro %}
