{#- The company's own naming: the custom schema alone, in every target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ 'warehouse_' ~ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
