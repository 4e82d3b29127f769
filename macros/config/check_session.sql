{% macro check_session() %}
    {#-
        Stops before anything is built where the session has no warehouse: without it each statement that computes
        fails by itself, and none says which warehouse is missing. Nothing on an engine without warehouses.
    -#}
    {%- if execute -%}{%- do adapter.dispatch('check_session', 'exactly_once')() -%}{%- endif -%}
{% endmacro %}


{% macro default__check_session() %}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/current_warehouse: a login without one succeeds -#}
{% macro snowflake__check_session() %}
    {%- set found = run_query('select current_warehouse(), current_role()').rows[0] -%}
    {%- if found[0] is none -%}
        {%- set named = target.warehouse or 'none' -%}
        {%- do exactly_once._refuse(
            'the warehouse of target ' ~ target.name, named ~ ', which is not there or which role ' ~ found[1] ~ ' may not use',
            'a warehouse that the role may use',
            'Correct `warehouse` in the profile, or run: grant usage on warehouse ' ~ named ~ ' to role ' ~ found[1]
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/alter-schema: a swap needs OWNERSHIP of both schemas -#}
{% macro _check_owner(relation) %}
    {%- set schema = relation.include(identifier=false) -%}
    {%- for row in run_query('show grants on schema ' ~ schema).rows if row['privilege'] == 'OWNERSHIP' -%}
        {%- set is_owner, role = run_query(
            'select is_role_in_session(' ~ exactly_once.text_literal(row['grantee_name']) ~ '), current_role()'
        ).rows[0].values() -%}
        {%- if not is_owner -%}
            {%- do exactly_once._refuse(
                'the owner of schema ' ~ schema, row['grantee_name'], 'role ' ~ role ~ ', or a role granted to it',
                'Run as ' ~ row['grantee_name'] ~ ': grant ownership on schema ' ~ schema ~ ' to role ' ~ role ~ ' copy current grants'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
