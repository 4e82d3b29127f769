{#- https://docs.snowflake.com/en/sql-reference/sql/show-grants -#}
{% macro _check_granted(privilege, kind, name) %}
    {#-
        Refuses where the grants on an object prove that no role of the session has the privilege. A list without the
        owner is not whole, and what a database role may do is not known here: then Snowflake itself decides.
    -#}
    {%- set grants = run_query('show grants on ' ~ kind ~ ' ' ~ name).rows -%}
    {%- set owners = [] -%}
    {%- set holders = [] -%}
    {%- for grant in grants if grant['privilege'] in ('OWNERSHIP', privilege) -%}
        {%- do holders.append(grant) -%}
        {%- if grant['privilege'] == 'OWNERSHIP' -%}{%- do owners.append(grant['grantee_name']) -%}{%- endif -%}
    {%- endfor -%}
    {%- if owners and holders | rejectattr('granted_to', 'equalto', 'ROLE') | list | length == 0 -%}
        {%- set held = [] -%}
        {%- for grant in holders -%}
            {%- do held.append('is_role_in_session(' ~ exactly_once.text_literal(grant['grantee_name']) ~ ')') -%}
        {%- endfor -%}
        {%- set is_held, role = run_query('select ' ~ held | unique | join(' or ') ~ ', current_role()').rows[0].values() -%}
        {%- if not is_held -%}
            {%- do exactly_once._refuse(
                'the privileges of role ' ~ role ~ ' on ' ~ kind ~ ' ' ~ name,
                'no ' ~ privilege ~ '; ' ~ owners[0] ~ ' is the owner',
                ['OWNERSHIP', privilege] | unique | join(' or '),
                'Run as ' ~ owners[0] ~ ': grant ' ~ privilege | lower ~ ' on ' ~ kind ~ ' ' ~ name ~ ' to role ' ~ role
                ~ (' copy current grants' if privilege == 'OWNERSHIP' else '')
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
