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
    {%- if execute -%}
        {%- set found = run_query('select current_database(), current_schema()').rows[0] -%}
        {%- do exactly_once._remember('schema before ' ~ model.unique_id, found.values() | list) -%}
    {%- endif %}
    use schema {{ relation.include(identifier=false) }}
{% endmacro %}


{% macro _use_former_schema(language) %}
    {#- As the session was: the threads of dbt share sessions among nodes, and not all of them are this package's. -#}
    {%- if language == 'python' -%}{{ adapter.dispatch('_use_former_schema', 'exactly_once')() }}{%- endif -%}
{% endmacro %}


{% macro default___use_former_schema() %}
{% endmacro %}


{#- A session has no current schema where the profile's is not there, and no statement makes it so again. -#}
{% macro snowflake___use_former_schema() %}
    {%- set former = exactly_once._known('schema before ' ~ model.unique_id) -%}
    {%- if former and former[1] is not none %}
    use schema {{ adapter.quote(former[0]) }}.{{ adapter.quote(former[1]) }}
    {%- endif -%}
{% endmacro %}
