{% macro curated_events() %}
    {#-
        What curated models read: the events that count, each once, or every copy while exactly_once__deduplicate
        is false.
    -#}
    {%- if exactly_once.settings().deduplicate -%}
        {{- return(ref('stg_events_counted')) -}}
    {%- endif -%}
    {{- return(ref('stg_events')) -}}
{% endmacro %}
