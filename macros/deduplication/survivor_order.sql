{% macro survivor_order(columns) %}
    {#- Arrival time, event_id, row hash: a total order of copies, byte-identical ones apart. -#}
    {%- set order = [columns.arrival_time.sql ~ ' asc nulls last'] -%}
    {%- if columns.event_id is not none -%}
        {%- do order.append(columns.event_id.sql ~ ' asc nulls last') -%}
    {%- endif -%}
    {%- do order.append('row_hash asc') -%}
    {{- return(order | join(', ')) -}}
{% endmacro %}
