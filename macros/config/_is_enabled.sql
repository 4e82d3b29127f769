{% macro _is_enabled(folder) %}
    {#-
        Whether a folder of this package's models is enabled, asked while dbt parses: what reads these models goes with
        them. The dbt_project.yml of the project that runs says it, the innermost line the last word.
    -#}
    {%- if var.packages_for_node is not defined -%}{{- return(true) -}}{%- endif -%}
    {%- set root = var.packages_for_node() | list | last -%}
    {%- set found = namespace(configs=root.models, is_enabled=true) -%}
    {%- for part in ('exactly_once', folder, none) -%}
        {%- set found.is_enabled = found.configs.get('+enabled', found.configs.get('enabled', found.is_enabled)) -%}
        {%- set found.configs = found.configs.get(part) or {} -%}
    {%- endfor -%}
    {{- return(found.is_enabled) -}}
{% endmacro %}
