{% macro cause_columns() %}
    {#-
        The columns whose values may be the cause: event type, currency, merchant, and every other column of text,
        whole numbers or truth values that neither tells events apart nor says when they were.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set suspects = [columns.event_type, columns.currency, columns.merchant_id] | reject('none') | list -%}
    {%- set others = [columns.payment_id, columns.amount, columns.event_time, columns.arrival_time, columns.event_id,
        columns.payload] + columns.key -%}
    {%- set known = (suspects + others) | reject('none') | map(attribute='name') | list -%}
    {%- for column in columns.all
        if column.name not in known and (
            exactly_once.type_family(column.type) in ('text', 'boolean') or exactly_once._is_whole_number(column.type)
        ) -%}
        {%- do suspects.append(column) -%}
    {%- endfor -%}
    {{- return(suspects) -}}
{% endmacro %}
