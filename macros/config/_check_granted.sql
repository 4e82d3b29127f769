{#- https://docs.snowflake.com/en/sql-reference/sql/show-grants -#}
{% macro _check_granted(privileges, kind, name, named_by='') %}
    {#-
        Refuses where the grants on an object prove that no role of the session has one of the privileges. A list
        without the owner is not whole, what a database role may do is not known here, and a secondary role, which may
        not create, counts as one of the session: then Snowflake itself decides.
    -#}
    {%- set holders = {'OWNERSHIP': []} -%}
    {%- for privilege in privileges -%}{%- do holders.update({privilege: []}) -%}{%- endfor -%}
    {%- set asked = [] -%}
    {%- for grant in exactly_once._ask('show grants on ' ~ kind ~ ' ' ~ name).rows if grant['privilege'] in holders -%}
        {%- do holders[grant['privilege']].append(grant['grantee_name'] if grant['granted_to'] == 'ROLE' else none) -%}
        {%- if grant['granted_to'] == 'ROLE' -%}{%- do asked.append(grant['grantee_name']) -%}{%- endif -%}
    {%- endfor -%}
    {%- set owner = holders['OWNERSHIP'] | first -%}
    {%- if owner -%}
        {%- set asked = asked | unique(case_sensitive=true) | list -%}
        {%- set sql = [] -%}
        {%- for role in asked -%}{%- do sql.append('is_role_in_session(' ~ exactly_once.text_literal(role) ~ ')') -%}{%- endfor -%}
        {%- set answers = exactly_once._ask('select current_role(), ' ~ sql | join(', ')).rows[0].values() | list -%}
        {%- set held = [none] -%}
        {%- for role in asked -%}{%- if answers[loop.index] -%}{%- do held.append(role) -%}{%- endif -%}{%- endfor -%}
        {%- for privilege in privileges
            if not (holders['OWNERSHIP'] + holders[privilege]) | select('in', held) | list -%}
            {%- do exactly_once._refuse_ungranted(privilege, kind, name, owner, answers[0], named_by) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_ungranted(privilege, kind, name, owner, role, named_by) %}
    {%- do exactly_once._refuse(
        'the privileges of role ' ~ role ~ ' on ' ~ kind ~ ' ' ~ name ~ named_by,
        'no ' ~ privilege ~ '; ' ~ owner ~ ' is the owner',
        ['OWNERSHIP', privilege] | unique | join(' or '),
        'Run as ' ~ owner ~ ': grant ' ~ privilege | lower ~ ' on ' ~ kind ~ ' ' ~ name
        ~ ' to role ' ~ exactly_once._name_in_sql(role)
        ~ (' copy current grants' if privilege == 'OWNERSHIP' else '')
    ) -%}
{% endmacro %}


{% macro _name_in_sql(name) %}
    {#- A role or user as a statement names it: in quotes only where it needs them. -#}
    {{- return(name if modules.re.match('^[A-Z_][A-Z0-9_$]*$', name) else adapter.quote(name)) -}}
{% endmacro %}
