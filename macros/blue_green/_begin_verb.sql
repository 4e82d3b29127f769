{% macro _begin_verb(step, incident_id) %}
    {#- Where each verb of a repair begins: its statements are tagged, and run on the warehouse for repairs. -#}
    {%- do exactly_once.tag_queries(step, incident_id) -%}
    {%- do exactly_once._use_warehouse('remediation') -%}
    {%- do exactly_once.check_session() -%}
{% endmacro %}
