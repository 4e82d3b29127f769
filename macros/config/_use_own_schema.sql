{% macro _use_own_schema(relation, language) %}
    {#-
        What Snowpark makes for a Python model, a stage for its functions and tables of many rows, it makes in the session's
        current schema. dbt leaves that to the profile, whose schema may not be there.
    -#}
    {%- if language == 'python' -%}{{ adapter.dispatch('_use_own_schema', 'exactly_once')(relation) }}{%- endif -%}
{% endmacro %}


{% macro default___use_own_schema(relation) %}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/use-schema -#}
{% macro snowflake___use_own_schema(relation) %}
    use schema {{ relation.include(identifier=false) }}
{% endmacro %}
