{% macro _use_warehouse(job) %}
    {#- Runs what follows in this session on the warehouse that exactly_once__warehouses names for a job, if it names one. -#}
    {%- do adapter.dispatch('_use_warehouse', 'exactly_once')(job) -%}
{% endmacro %}


{% macro default___use_warehouse(job) %}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/use-warehouse -#}
{% macro snowflake___use_warehouse(job) %}
    {%- set warehouse = exactly_once.settings().warehouses.get(job) -%}
    {%- if warehouse -%}
        {%- do exactly_once._check_warehouse(warehouse, job) -%}
        {%- do run_query('use warehouse ' ~ warehouse) -%}
    {%- endif -%}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/show-warehouses: those that the role may do something with -#}
{% macro _check_warehouse(warehouse, jobs) %}
    {#- Snowflake refuses to use a warehouse without a word on which one, and dbt would ask again for each model. -#}
    {%- set stored = warehouse[1:-1] if warehouse.startswith('"') else warehouse | upper -%}
    {%- set shown = exactly_once._ask('show warehouses like ' ~ exactly_once.text_literal(stored)) -%}
    {%- if stored not in shown.columns['name'].values() -%}
        {%- set role = exactly_once._ask('select current_role()').rows[0][0] -%}
        {%- do exactly_once._refuse(
            'warehouse ' ~ warehouse ~ ', which exactly_once__warehouses names for ' ~ jobs,
            'none that role ' ~ role ~ ' may see', 'a warehouse that the role may use',
            'Correct the var, or make the warehouse, and run: grant usage on warehouse ' ~ warehouse ~ ' to role ' ~ role
        ) -%}
    {%- endif -%}
    {%- do exactly_once._check_granted(
        ['USAGE'], 'warehouse', warehouse, ', which exactly_once__warehouses names for ' ~ jobs
    ) -%}
{% endmacro %}
