{% macro curated_events() %}
    {#-
        What curated models read: the events that count, each once, or every copy while exactly_once__deduplicate
        is false.
    -#}
    {%- if exactly_once.settings().deduplicate -%}
        {{- return(ref('exactly_once', 'stg_events_counted')) -}}
    {%- endif -%}
    {{- return(ref('exactly_once', 'stg_events')) -}}
{% endmacro %}
