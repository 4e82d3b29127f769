{% macro curated_alias(name) %}
    {#-
        The name that a curated model is built under. Where candidates are tables beside live, the candidate's
        while exactly_once__build_candidate is true; where they have a schema of their own, the live table's.
    -#}
    {%- if exactly_once.settings().build_candidate and not exactly_once._swaps_schemas() -%}
        {{- return(name ~ '__candidate') -}}
    {%- endif -%}
    {{- return(name) -}}
{% endmacro %}


{% macro _swaps_schemas() %}
    {#- Whether the engine can swap two schemas in one step: then a candidate is a schema, else a table. -#}
    {{- return(target.type == 'snowflake') -}}
{% endmacro %}
