{% macro check_session() %}
    {#-
        Stops before anything is built where the session has no warehouse, or may not use one that a job names, or may not
        make this package's tables in their schemas: each model would fail by itself, and none says what is missing. So it
        does where the session reads texts as timestamps in a format of its own, and on a DuckDB before 1.5. Nothing on
        other engines, and for a run in which this package has no part.
    -#}
    {%- if execute and exactly_once._takes_part_in_run() -%}{%- do adapter.dispatch('check_session', 'exactly_once')() -%}{%- endif -%}
{% endmacro %}


{% macro _takes_part_in_run() %}
    {#-
        A verb does; a run does by a node or source of this package, by a curated model, or by a node that calls a macro of
        ours itself: what is called from another macro dbt doesn't tell.
    -#}
    {%- if flags.WHICH == 'run-operation' -%}{{- return(true) -}}{%- endif -%}
    {%- for unique_id in selected_resources if unique_id.split('.')[1] == 'exactly_once' -%}{{- return(true) -}}{%- endfor -%}
    {%- for node in graph.nodes.values() if node.unique_id in selected_resources -%}
        {%- if 'exactly_once_curated' in node.tags -%}{{- return(true) -}}{%- endif -%}
        {%- for name in node.depends_on.macros if name.startswith('macro.exactly_once.') -%}{{- return(true) -}}{%- endfor -%}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}


{% macro default__check_session() %}
{% endmacro %}


{#- Before, results have no to_arrow_reader, by which detection judges payloads. -#}
{% macro duckdb__check_session() %}
    {%- set found = exactly_once._ask('select version()').rows[0][0] -%}
    {%- set version = modules.re.match('v?([0-9]+)[.]([0-9]+)', found) -%}
    {#- one built without its tags calls itself v0.0 -#}
    {%- if version and (0, 0) < (version.group(1) | int, version.group(2) | int) < (1, 5) -%}
        {%- do exactly_once._refuse(
            'the DuckDB of target ' ~ target.name, found, '1.5 or later', "Run, where dbt is: pip install --upgrade 'duckdb>=1.5'"
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/current_warehouse: a login without one succeeds -#}
{% macro snowflake__check_session() %}
    {%- set found = exactly_once._ask('select current_warehouse(), current_role()').rows[0] -%}
    {%- if found[0] is none -%}
        {%- set named = target.warehouse or 'none' -%}
        {%- do exactly_once._refuse(
            'the warehouse of target ' ~ target.name, named ~ ', which is not there or which role ' ~ found[1] ~ ' may not use',
            'a warehouse that the role may use',
            'Correct `warehouse` in the profile, or run: grant usage on warehouse ' ~ named ~ ' to role ' ~ found[1]
        ) -%}
    {%- endif -%}
    {%- do exactly_once._check_input_format() -%}
    {%- do exactly_once._check_warehouses() -%}
    {%- if flags.WHICH in ('run', 'build', 'seed', 'snapshot') -%}{%- do exactly_once._check_schemas() -%}{%- endif -%}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/parameters#timestamp-input-format -#}
{% macro _check_input_format() %}
    {#- With another than AUTO the literals of this package and the times in seeds are errors, or other times. -#}
    {%- set found = exactly_once._ask("show parameters like 'timestamp_input_format' in session").rows[0]['value'] -%}
    {%- if found | upper != 'AUTO' -%}
        {%- set user = exactly_once._ask('select current_user()').rows[0][0] -%}
        {%- do exactly_once._refuse(
            'the parameter TIMESTAMP_INPUT_FORMAT of user ' ~ user, found, 'AUTO',
            'Run: alter user ' ~ exactly_once._name_in_sql(user) ~ " set timestamp_input_format = 'AUTO'"
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_warehouses() %}
    {#- Of the jobs whose models are selected: the others may be for another role. -#}
    {%- set used, jobs = [], {} -%}
    {%- for node in graph.nodes.values() if node.unique_id in selected_resources and node.package_name == 'exactly_once' -%}
        {%- do used.append(node.config.snowflake_warehouse) -%}
    {%- endfor -%}
    {%- for job, warehouse in exactly_once.settings().warehouses.items() if warehouse in used -%}
        {%- do jobs.setdefault(warehouse, []).append(job) -%}
    {%- endfor -%}
    {%- for warehouse, names in jobs.items() -%}
        {%- do exactly_once._check_warehouse(warehouse, names | join(', ')) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _check_schemas() %}
    {#- Only what is made anew: a role may fill and change a table that it owns without a privilege on the schema. -#}
    {%- set needed = {} -%}
    {%- for node in graph.nodes.values() if node.unique_id in selected_resources and node.package_name == 'exactly_once' -%}
        {%- set kind = node.config.materialized -%}
        {%- set is_made = kind in ('view', 'table') or (kind in ('incremental', 'seed', 'snapshot') and (
            flags.FULL_REFRESH or adapter.get_relation(node.database, node.schema, node.alias) is none
        )) -%}
        {%- if is_made -%}
            {%- set schema = api.Relation.create(database=node.database, schema=node.schema) -%}
            {%- set privileges = needed.setdefault(schema, []) -%}
            {%- do privileges.append('CREATE VIEW' if kind == 'view' else 'CREATE TABLE') -%}
            {#- https://docs.snowflake.com/en/developer-guide/udf/udf-access-control -#}
            {%- if node.language == 'python' -%}{%- do privileges.append('CREATE FUNCTION') -%}{%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set seen = {} -%}
    {%- for schema, privileges in needed.items() -%}
        {%- set database = schema.include(schema=false, identifier=false).render() -%}
        {%- if database not in seen -%}
            {%- do seen.update({database: dbt.list_schemas(database).columns['name'].values() | map('lower') | list}) -%}
        {%- endif -%}
        {%- if schema.schema | lower not in seen[database] -%}
            {%- do exactly_once._refuse_unseen_schema(schema, privileges | unique | list) -%}
        {%- endif -%}
        {%- do exactly_once._check_granted(privileges | unique | list, 'schema', schema.render()) -%}
    {%- endfor -%}
{% endmacro %}


{#- dbt has just made what was missing, and CREATE SCHEMA IF NOT EXISTS passes over a schema that is only not shown. -#}
{% macro _refuse_unseen_schema(schema, privileges) %}
    {%- set role = exactly_once._ask('select current_role()').rows[0][0] -%}
    {%- do exactly_once._refuse(
        'schema ' ~ schema ~ ' for role ' ~ role,
        'none that the role may see: it is not there, or belongs to another role',
        'OWNERSHIP, or USAGE and ' ~ privileges | join(' and '),
        'Run as its owner: grant usage, ' ~ privileges | join(', ') | lower ~ ' on schema ' ~ schema ~ ' to role ' ~ role
    ) -%}
{% endmacro %}
