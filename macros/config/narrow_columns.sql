{% macro narrow_columns(columns) %}
    {#- The columns that incident reports carry: key, times, merchant; each once, never the payload. -#}
    {%- set narrow = [] -%}
    {%- for column in columns.key + [columns.event_time, columns.arrival_time, columns.payment_id,
        columns.event_type, columns.amount, columns.currency, columns.merchant_id] -%}
        {%- if column is not none and column.sql not in narrow -%}{%- do narrow.append(column.sql) -%}{%- endif -%}
    {%- endfor -%}
    {{- return(narrow) -}}
{% endmacro %}
