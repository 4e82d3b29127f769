{#- The company's own naming: warehouse_ and the custom schema, in every target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ 'warehouse_' ~ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
