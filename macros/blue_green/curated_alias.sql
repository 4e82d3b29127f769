{% macro curated_alias(name) %}
    {#-
        The name that a curated model is built under. Where candidates are tables beside live, the candidate's while
        exactly_once__build_candidate is true, and that of the replaced table while exactly_once__build_replaced names
        an incident. Where they have a schema of their own, the live table's. exactly_once__curated_names renames ours.
    -#}
    {%- set name = exactly_once.settings().curated_names.get(name, name) -%}
    {{- return(name if exactly_once._swaps_schemas() else name ~ exactly_once._suffix_of_build()) -}}
{% endmacro %}


{% macro _suffix_of_build() %}
    {#- What this run's curated relations have behind the name of live: nothing in the regular job. -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if settings.build_candidate -%}{{- return('__candidate') -}}{%- endif -%}
    {%- if settings.build_replaced is not none -%}
        {{- return('__replaced_' ~ exactly_once._incident_slug(settings.build_replaced)) -}}
    {%- endif -%}
    {{- return('') -}}
{% endmacro %}


{% macro _incident_slug(incident_id) %}
    {#- An incident's id as names of relations have it. -#}
    {{- return(modules.re.sub('[^a-z0-9]+', '_', incident_id | lower)) -}}
{% endmacro %}


{% macro _swaps_schemas() %}
    {#- Whether the engine can swap two schemas in one step: then a candidate is a schema, else a table. -#}
    {{- return(target.type == 'snowflake') -}}
{% endmacro %}
