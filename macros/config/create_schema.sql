{#-
    dbt's own statement, after a look at the grants: Snowflake's refusal doesn't name the one that is missing.
    A project that installs this package has it by one line of `dispatch`: docs/snowflake.md.
-#}
{% macro snowflake__create_schema(relation) %}
    {%- do exactly_once._check_granted(['CREATE SCHEMA'], 'database', relation.include(schema=false, identifier=false)) -%}
    {{ dbt.default__create_schema(relation) }}
{% endmacro %}
