{% macro fingerprint(columns, payload=none, payload_paths=[]) %}
    {#-
        MD5 (hexadecimal) of the version tag and the business key in canonical, length-prefixed text.
        columns: [{sql, type, normalize, cast}], as source_columns().key gives them.
    -#}
    {#- columns that are asked of the warehouse are known from then on -#}
    {%- if not execute -%}{{- return('null') -}}{%- endif -%}
    {%- do exactly_once._check_fingerprint(columns, payload, payload_paths) -%}
    {%- set parts = ["'2:v1' || '3:key'"] -%}
    {%- for column in columns -%}
        {%- do parts.append(exactly_once.encoded_part(exactly_once.key_text(column))) -%}
    {%- endfor -%}
    {%- for path in payload_paths -%}
        {%- do parts.append(exactly_once.encoded_part(exactly_once.payload_text(payload, path))) -%}
    {%- endfor -%}
    {{- return('md5(\n    ' ~ parts | join('\n    || ') ~ '\n)') -}}
{% endmacro %}


{% macro _check_fingerprint(columns, payload, payload_paths) %}
    {#- What this package takes from vars has been checked under their names; others may call the macro too. -#}
    {%- set what = 'argument columns of fingerprint' -%}
    {%- set accepted = 'a list of {sql: text, type: a SQL type, normalize: [trim, upper, lower], cast: a SQL type}' -%}
    {%- if columns is string or columns is mapping or columns is not iterable or not columns -%}
        {%- do exactly_once._refuse(what, columns, accepted, 'Give at least one column.') -%}
    {%- endif -%}
    {%- for column in columns -%}
        {%- if not exactly_once._fits_key(column, ['name', 'sql', 'type', 'normalize', 'cast'])
            or column.get('sql') is not string or column.get('type') is not string -%}
            {%- do exactly_once._refuse(what, column, accepted, 'Correct this entry.') -%}
        {%- endif -%}
        {%- if not exactly_once._has_one_text(column) -%}
            {%- do exactly_once._refuse_type(what, column.sql, column) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set what = 'argument payload_paths of fingerprint' -%}
    {%- if exactly_once._checked_names(what, payload_paths, 'payload paths, such as [op.id]') and payload is none -%}
        {%- do exactly_once._refuse(
            what, payload_paths, '[] while payload is none', 'Give the payload, or remove the paths.'
        ) -%}
    {%- endif -%}
{% endmacro %}
