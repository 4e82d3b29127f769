{% macro key_text(column) %}
    {#- The canonical text of a key column, after its cast and its normalisers, in the order given. -#}
    {%- set value = namespace(sql=column.sql, type=column.type) -%}
    {%- if column.get('cast') -%}
        {%- set value.sql = 'cast(' ~ value.sql ~ ' as ' ~ column.cast ~ ')' -%}
        {%- set value.type = column.cast -%}
    {%- endif -%}
    {%- set value.sql = exactly_once.canonical_text(value.sql, value.type) -%}
    {%- for normaliser in column.get('normalize', []) -%}
        {%- set value.sql = normaliser ~ '(' ~ value.sql ~ ')' -%}
    {%- endfor -%}
    {{- return(value.sql) -}}
{% endmacro %}
