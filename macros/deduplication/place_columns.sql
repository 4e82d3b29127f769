{% macro place_columns(columns) %}
    {#-
        What tells the place of a copy among those of its event, short of the row hash, which reads the payload.
        Copies that agree in all of it share a place.
    -#}
    {%- set place = ['event_fingerprint', columns.arrival_time.sql] -%}
    {%- if columns.event_id -%}{%- do place.append(columns.event_id.sql) -%}{%- endif -%}
    {{- return(place) -}}
{% endmacro %}
