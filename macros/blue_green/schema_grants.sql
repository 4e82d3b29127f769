{% macro schema_grants(relation) %}
    {#-
        The privileges on the relation's schema, OWNERSHIP apart, and those on what is still to be made in it:
        [{privilege, on, to, statement}]. A clone of a schema keeps the latter, and the grants on its tables.
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
    {#-
        Gives what is surely this role's to give, and says what is an administrator's: a refusal after the swap would leave
        it half done, each time that it is run again.
    -#}
    {%- set missing = exactly_once._missing_grants(tables, there, here) -%}
    {%- if missing -%}
        {%- set manages = exactly_once._manages_grants(tables[0][here].include(identifier=false)) -%}
        {%- set owned, left = {}, [] -%}
        {%- for one in missing -%}
            {%- set object = one.grant.on ~ ' ' ~ one.object -%}
            {%- if not manages and not exactly_once._is_future(one.grant) and object not in owned -%}
                {%- do owned.update({object: exactly_once._is_held('OWNERSHIP', object)}) -%}
            {%- endif -%}
            {%- if one.grant.to.startswith('role ') and (manages or owned[object]) -%}
                {%- do run_query(exactly_once._grant_statement(one)) -%}
            {%- else -%}
                {%- do left.append(exactly_once._grant_statement(one)) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if left -%}
            {%- do log(
                '  ' ~ left | length ~ ' grants of ' ~ tables[0][there].include(identifier=false) ~ ' are not for this role to give.'
                ~ ' Run as a role with MANAGE GRANTS, such as SECURITYADMIN:', info=true
            ) -%}
            {%- for statement in left -%}{%- do log('    ' ~ statement ~ ';', info=true) -%}{%- endfor -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _grant_statement(missing) %}
    {%- set grant = missing.grant -%}
    {{- return('grant ' ~ grant.privilege ~ ' on ' ~ grant.on ~ ' ' ~ missing.object ~ ' to ' ~ grant.to) -}}
{% endmacro %}


{% macro _is_future(grant) %}
    {{- return(grant.on.startswith('future ')) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/grant-privilege: future grants -#}
{% macro _manages_grants(schema) %}
    {#-
        Whether the session's role surely may give any grant in a schema: it is the owner's where the schema has managed
        access, and SHOW GRANTS says so. A role that has inherited MANAGE GRANTS on the account is not known for it here.
    -#}
    {%- if exactly_once._is_held('MANAGE GRANTS', 'schema ' ~ schema) -%}{{- return(true) -}}{%- endif -%}
    {%- set role = run_query('select current_role()').rows[0][0] -%}
    {%- for grant in run_query('show grants to role ' ~ adapter.quote(role)).rows
        if grant['privilege'] == 'MANAGE GRANTS' and grant['granted_on'] == 'ACCOUNT' -%}
        {{- return(true) -}}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}


{% macro _is_held(privilege, object) %}
    {#- Whether a role of the session has it by name. -#}
    {%- set asked = [] -%}
    {%- for grant in run_query('show grants on ' ~ object).rows
        if grant['privilege'] == privilege and grant['granted_to'] == 'ROLE' -%}
        {%- do asked.append('is_role_in_session(' ~ exactly_once.text_literal(grant['grantee_name']) ~ ')') -%}
    {%- endfor -%}
    {{- return(asked | length > 0 and run_query('select ' ~ asked | join(' or ')).rows[0][0]) -}}
{% endmacro %}
