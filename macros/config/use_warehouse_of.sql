{% macro use_warehouse_of(job) %}
    {#-
        Builds a model on the warehouse that exactly_once__warehouses names for a job; without an entry, or on an
        engine without warehouses, nothing is configured. Candidates and replaced tables are built for the job remediation.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if settings.build_candidate or settings.build_replaced is not none -%}{%- set job = 'remediation' -%}{%- endif -%}
    {%- if job in settings.warehouses and target.type == 'snowflake' -%}
        {%- do config(snowflake_warehouse=settings.warehouses[job]) -%}
    {%- endif -%}
{% endmacro %}
