{% macro survivor_order(columns, with_row_hash=true) %}
    {#- Arrival time, event_id, row hash: a total order of copies, byte-identical ones apart. -#}
    {%- set order = [columns.arrival_time.sql ~ ' asc nulls last'] -%}
    {%- if columns.event_id -%}
        {%- do order.append(columns.event_id.sql ~ ' asc nulls last') -%}
    {%- endif -%}
    {%- if with_row_hash -%}{%- do order.append('row_hash asc') -%}{%- endif -%}
    {{- return(order | join(', ')) -}}
{% endmacro %}
