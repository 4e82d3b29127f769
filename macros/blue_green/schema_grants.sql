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


{% macro _object_grants(kind, relation) %}
    {#- The privileges on one table or view, OWNERSHIP apart, in the form of schema_grants. -#}
    {%- set grants = [] -%}
    {%- for row in run_query('show grants on ' ~ kind ~ ' ' ~ relation).rows if row['privilege'] != 'OWNERSHIP' -%}
        {%- do grants.append(exactly_once._grant(row, kind)) -%}
    {%- endfor -%}
    {{- return(grants) -}}
{% endmacro %}


{% macro _missing_grants(tables, there, here) %}
    {#- What readers may do in one place of the curated tables, and views, and not in another: [{source, object, grant}]. -#}
    {%- set missing = [] -%}
    {%- set given = exactly_once.schema_grants(tables[0][here]) | map(attribute='statement') | list -%}
    {%- for grant in exactly_once.schema_grants(tables[0][there]) if grant.statement not in given -%}
        {%- do missing.append({
            'source': tables[0][there].include(identifier=false), 'object': tables[0][here].include(identifier=false),
            'grant': grant
        }) -%}
    {%- endfor -%}
    {%- set pairs = [] -%}
    {%- for table in tables -%}{%- do pairs.append(('table', table[there], table[here])) -%}{%- endfor -%}
    {%- set views = exactly_once._views_beside(tables[0][here]) -%}
    {%- for view in exactly_once._views_beside(tables[0][there]) -%}
        {%- for same in views if same.identifier == view.identifier -%}{%- do pairs.append(('view', view, same)) -%}{%- endfor -%}
    {%- endfor -%}
    {%- for kind, source, target in pairs -%}
        {%- set given = exactly_once._object_grants(kind, target) | map(attribute='statement') | list -%}
        {%- for grant in exactly_once._object_grants(kind, source) if grant.statement not in given -%}
            {%- do missing.append({'source': source, 'object': target, 'grant': grant}) -%}
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
