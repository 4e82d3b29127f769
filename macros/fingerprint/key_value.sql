{% macro key_value(columns, column) %}
    {#-
        A column as the curated models show it: with the cast and the normalisers that it has in the business
        key, so that copies which spell it differently fall under one value; else as it is.
    -#}
    {%- for key_column in columns.key
        if key_column.name == column.name and (key_column.normalize or key_column.cast) -%}
        {{- return(exactly_once.key_text(key_column)) -}}
    {%- endfor -%}
    {{- return(column.sql) -}}
{% endmacro %}
