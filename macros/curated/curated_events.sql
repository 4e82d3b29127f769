{% macro curated_events() %}
    {#-
        What curated models read: the deduplicated events, or every copy while exactly_once__deduplicate is false.
    -#}
    {%- if exactly_once.settings().deduplicate -%}
        {{- return(ref('stg_events_deduplicated')) -}}
    {%- endif -%}
    {{- return(ref('stg_events')) -}}
{% endmacro %}
