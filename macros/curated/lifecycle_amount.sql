{% macro lifecycle_amount(name) %}
    {#- Total amount of the events of one kind (authorized, captured, refunded, chargeback); 0 without any. -#}
    {%- set total -%}
        coalesce(sum(case when {{ exactly_once.event_type_is(name) }} then amount_cents end), 0)
    {%- endset -%}
    {%- set is_whole = exactly_once.type_family(exactly_once.source_columns().amount.type) == 'integer' -%}
    {{- return('cast(' ~ total ~ ' as bigint)' if is_whole else total) -}}
{% endmacro %}
