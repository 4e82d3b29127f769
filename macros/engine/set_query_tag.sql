{#-
    dbt's own, but that a test of this package says its name, the incident and the invocation: dbt runs no hook for a test.
    A project that installs this package has it by one line of `dispatch`: docs/snowflake.md. With it every node, of any
    package, begins here.
-#}
{% macro snowflake__set_query_tag() %}
    {%- do exactly_once._roll_back_what_failed() -%}
    {%- if model.package_name != 'exactly_once' or model.resource_type != 'test' -%}
        {{- return(dbt.snowflake__set_query_tag()) -}}
    {%- endif -%}
    {%- set before = get_current_query_tag() -%}
    {%- do exactly_once.tag_queries(model.name) -%}
    {{- return(before) -}}
{% endmacro %}
