{% macro merchant_id(columns) %}
    {#- The merchant as text, never NULL: a row without one still belongs to exactly one group. -#}
    {%- if columns.merchant_id is none -%}{{- return("'(none)'") -}}{%- endif -%}
    {{- return("coalesce(cast(" ~ columns.merchant_id.sql ~ " as varchar), '(none)')") -}}
{% endmacro %}
