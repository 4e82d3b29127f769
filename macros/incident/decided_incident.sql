{% macro decided_incident() %}
    {#- The incident that incident_scope and incident_decisions hold now, or none. -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {%- set scope = exactly_once.model_relation('incident_scope') -%}
    {%- if adapter.get_relation(scope.database, scope.schema, scope.identifier) is none -%}{{- return(none) -}}{%- endif -%}
    {%- set found = exactly_once._ask('select incident_id from ' ~ scope).rows -%}
    {{- return(found[0][0] if found else none) -}}
{% endmacro %}
