{% macro fingerprint(columns, payload=none, payload_paths=[]) %}
    {#-
        MD5 (hexadecimal) of the version tag and the business key in canonical, length-prefixed text.
        columns: [{sql, type, normalize, cast}], as source_columns().key gives them.
    -#}
    {%- set parts = ["'2:v1' || '3:key'"] -%}
    {%- for column in columns -%}
        {%- do parts.append(exactly_once.encoded_part(exactly_once.key_text(column))) -%}
    {%- endfor -%}
    {%- for path in payload_paths -%}
        {%- do parts.append(exactly_once.encoded_part(exactly_once.payload_text(payload, path))) -%}
    {%- endfor -%}
    {{- return('md5(\n    ' ~ parts | join('\n    || ') ~ '\n)') -}}
{% endmacro %}
