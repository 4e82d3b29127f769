{% macro event_id_or_null(columns) %}
    {#- The event_id column, or NULL as text where the source has none. -#}
    {{- return(columns.event_id.sql if columns.event_id is not none else 'cast(null as varchar)') -}}
{% endmacro %}
