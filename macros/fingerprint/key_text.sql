{% macro key_text(column) %}
    {#- The canonical text of a key column, after its cast and its normalisers, in the order given. -#}
    {%- set value = namespace(sql=column.sql, type=column.type) -%}
    {%- if column.get('cast') -%}
        {#- what a time with an offset is without it is as the session has it -#}
        {%- set loses_offset = exactly_once.type_family(column.type) == 'timestamp_tz'
            and exactly_once.type_family(column.cast) != 'timestamp_tz' -%}
        {%- set value.sql = exactly_once.utc_timestamp(column) if loses_offset else column.sql -%}
        {%- set value.sql = 'cast(' ~ value.sql ~ ' as ' ~ column.cast ~ ')' -%}
        {%- set value.type = column.cast -%}
    {%- endif -%}
    {%- set value.sql = exactly_once.canonical_text(value.sql, value.type) -%}
    {%- for normaliser in column.get('normalize', []) -%}
        {#- without the character DuckDB takes away all blanks of Unicode, and Snowflake one -#}
        {%- set value.sql = normaliser ~ '(' ~ value.sql ~ (", ' ')" if normaliser == 'trim' else ')') -%}
    {%- endfor -%}
    {{- return(value.sql) -}}
{% endmacro %}
