{% macro _begin_verb(step, incident_id) %}
    {#- Where each verb of a repair begins: its statements are tagged, and run on the warehouse for repairs. -#}
    {%- do exactly_once._check_incident_id(step, incident_id) -%}
    {%- do exactly_once.tag_queries(step, incident_id) -%}
    {%- do exactly_once._use_warehouse('remediation') -%}
    {%- do exactly_once.check_session() -%}
    {%- do exactly_once._check_curated_names() -%}
{% endmacro %}


{% macro _check_incident_id(verb, incident_id) %}
    {#- What YAML reads as something else is no longer what was typed: 0012 is the number 10, and yes is true. -#}
    {%- if incident_id is not string -%}
        {%- set kind = ', which is true or false' if incident_id is boolean else ', a number' if incident_id is number
            else ', a time' if incident_id.isoformat is defined else ', no text' -%}
        {%- do exactly_once._refuse(
            'incident_id', incident_id ~ kind, 'text',
            'Type the id in double quotes, for instance: ' ~ exactly_once._verb_command(verb, '0012')
        ) -%}
    {%- endif -%}
{% endmacro %}
