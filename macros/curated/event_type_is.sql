{% macro event_type_is(name) %}
    {#- Whether event_type is one of the source's spellings of authorized, captured, refunded or chargeback. -#}
    {%- set spellings = [] -%}
    {%- for spelling in exactly_once.settings().event_types[name] -%}
        {%- do spellings.append(exactly_once.text_literal(spelling)) -%}
    {%- endfor -%}
    {{- return('event_type in (' ~ spellings | join(', ') ~ ')' if spellings else 'false') -}}
{% endmacro %}
