{% macro schema_grants(relation) %}
    {#-
        The privileges on the relation's schema, OWNERSHIP apart, and those on what is still to be made in it:
        [{privilege, on, to, statement}]. A clone of a schema keeps the grants on its tables, but not these.
    -#}
    {%- set schema = relation.include(identifier=false) -%}
    {%- set grants = [] -%}
    {%- for row in run_query('show grants on schema ' ~ schema).rows if row['privilege'] not in ('OWNERSHIP', 'MANAGE GRANTS') -%}
        {%- do grants.append(exactly_once._grant(row, 'schema')) -%}
    {%- endfor -%}
    {%- for row in run_query('show future grants in schema ' ~ schema).rows if row['privilege'] != 'OWNERSHIP' -%}
        {%- do grants.append(exactly_once._grant(
            row, 'future ' ~ row['grant_on'] | lower | replace('_', ' ') ~ 's in schema'
        )) -%}
    {%- endfor -%}
    {{- return(grants) -}}
{% endmacro %}


{% macro _table_grants(relation) %}
    {#- The privileges on one table, OWNERSHIP apart, in the form of schema_grants. -#}
    {%- set grants = [] -%}
    {%- for row in run_query('show grants on table ' ~ relation).rows if row['privilege'] != 'OWNERSHIP' -%}
        {%- do grants.append(exactly_once._grant(row, 'table')) -%}
    {%- endfor -%}
    {{- return(grants) -}}
{% endmacro %}


{% macro _missing_grants(tables, there, here) %}
    {#- What readers may do in one place of the curated tables and not in another: [{object, grant}]. -#}
    {%- set missing = [] -%}
    {%- set given = exactly_once.schema_grants(tables[0][here]) | map(attribute='statement') | list -%}
    {%- for grant in exactly_once.schema_grants(tables[0][there]) if grant.statement not in given -%}
        {%- do missing.append({'object': tables[0][here].include(identifier=false), 'grant': grant}) -%}
    {%- endfor -%}
    {%- for table in tables -%}
        {%- set given = exactly_once._table_grants(table[here]) | map(attribute='statement') | list -%}
        {%- for grant in exactly_once._table_grants(table[there]) if grant.statement not in given -%}
            {%- do missing.append({'object': table[here], 'grant': grant}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(missing) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/show-grants -#}
{% macro _grant(row, on) %}
    {#- SHOW GRANTS names the column granted_to, SHOW FUTURE GRANTS grant_to. -#}
    {%- set kind = (row.get('granted_to') or row.get('grant_to')) | replace('_', ' ') | lower -%}
    {%- set to = kind ~ ' ' ~ adapter.quote(row['grantee_name']) -%}
    {%- if row['grant_option'] | string | lower == 'true' -%}{%- set to = to ~ ' with grant option' -%}{%- endif -%}
    {{- return({
        'privilege': row['privilege'], 'on': on, 'to': to, 'statement': row['privilege'] ~ ' on ' ~ on ~ ' to ' ~ to
    }) -}}
{% endmacro %}


{% macro _copy_grants(tables, there, here) %}
    {%- for missing in exactly_once._missing_grants(tables, there, here) -%}
        {%- set grant = missing.grant -%}
        {%- do run_query('grant ' ~ grant.privilege ~ ' on ' ~ grant.on ~ ' ' ~ missing.object ~ ' to ' ~ grant.to) -%}
    {%- endfor -%}
{% endmacro %}
