{% macro key_is_complete(columns) %}
    {#- A predicate: no column of the business key is NULL. -#}
    {%- set present = [] -%}
    {%- for column in columns.key -%}{%- do present.append(column.sql ~ ' is not null') -%}{%- endfor -%}
    {{- return('(' ~ present | join(' and ') ~ ')') -}}
{% endmacro %}
