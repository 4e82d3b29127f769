{% macro row_hash(columns) %}
    {#-
        MD5 (hexadecimal) of a whole row: name and canonical text of every column that is not NULL, in the
        order of the names. A column added to the source later leaves the hashes of older rows as they were.
    -#}
    {%- set parts = ["'2:v1' || '3:row'"] -%}
    {%- for column in columns | sort(attribute='name') -%}
        {%- set name = column.name | lower -%}
        {%- set text = exactly_once.canonical_text(column.sql, column.type) -%}
        {%- do parts.append(
            "coalesce('" ~ name | length ~ ':' ~ name | replace("'", "''") ~ "' || "
            ~ "cast(" ~ exactly_once._byte_length(text) ~ " as varchar) || ':' || " ~ text ~ ", '')"
        ) -%}
    {%- endfor -%}
    {{- return('md5(\n    ' ~ parts | join('\n    || ') ~ '\n)') -}}
{% endmacro %}
