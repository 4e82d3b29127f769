{% macro is_same_place(columns, left, right) %}
    {#- Whether two copies share a place; NULL is like NULL. See place_columns. -#}
    {%- set same = [] -%}
    {%- for column in exactly_once.place_columns(columns) -%}
        {%- do same.append(
            left ~ '.' ~ column ~ (' = ' if column == 'event_fingerprint' else ' is not distinct from ')
            ~ right ~ '.' ~ column
        ) -%}
    {%- endfor -%}
    {{- return(same | join('\n            and ')) -}}
{% endmacro %}
